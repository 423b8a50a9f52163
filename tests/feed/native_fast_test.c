/* The short way through a native line leads where the general way does: what our own recorder
 * writes takes it, and whatever else a line may be comes out the same as without it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "feed/native_fast.h"
#include "tests/support/format_lines.h"
#include "tests/support/random.h"

#define TRADE "{\"kind\":\"trade\",\"symbol\":\"BTC-USD\",\"source\":\"x\",\"seq\":"
#define QUOTE "{\"kind\":\"quote\",\"symbol\":\"S\",\"source\":\"s\",\"seq\":"

struct fixture {
    struct lines lines; /* their parser is a native_fast */
};

static int setup(void **state)
{
    static struct fixture fixture;
    lines_init(&fixture.lines, &format_native, NULL, NULL);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    lines_finish(*state);
    return 0;
}

static bool is_read_fast(struct fixture *f, const char *text)
{
    struct price_event event;
    return native_fast_read(f->lines.parser, text, strlen(text), &event);
}

static void learn(struct fixture *f)
{
    assert_int_equal(lines_parse(&f->lines, TRADE "1,\"price\":\"1\"}", sizeof TRADE + 13), 0);
    assert_int_equal(lines_parse(&f->lines, QUOTE "1,\"bid\":\"1\"}", sizeof QUOTE + 11), 0);
}

/* Otherwise all of this would be for nothing. */
static void what_a_recorder_writes_is_read_fast_from_the_second_line_on(void **state)
{
    struct fixture *f = *state;
    static const char *const written[] = {
        TRADE "2,\"ts\":1700000000000001,\"recv\":1700000000000002,\"price\":\"61837.63000000\","
              "\"size\":\"0.00\",\"side\":\"buy\"}",
        TRADE "0,\"price\":\"-0.5\",\"side\":\"sell\"}",
        TRADE "9999999999999999999,\"ts\":0,\"price\":\"0\",\"size\":\"1.000000000000000000\"}",
        QUOTE "7,\"recv\":9223372036854775,\"bid\":\"0.000027850\",\"bid_size\":\"1\","
              "\"ask\":\"0.000027800\",\"ask_size\":\"1300.34\"}",
        QUOTE "7,\"ask\":\"1\"}",
    };
    for (size_t i = 0; i < sizeof written / sizeof *written; i++)
        assert_false(is_read_fast(f, written[i]));
    learn(f);
    for (size_t i = 0; i < sizeof written / sizeof *written; i++)
        assert_true(is_read_fast(f, written[i]));
}

static void what_deviates_is_left_to_the_general_way(void **state)
{
    struct fixture *f = *state;
    static const char *const others[] = {
        TRADE "2,\"price\":\"1\"} ",
        TRADE "2,\"price\":\"1\"",
        TRADE "2,\"price\": \"1\"}",
        TRADE "2,\"price\":1}",
        TRADE "2,\"price\":\"01\"}",
        TRADE "2,\"price\":\"1.\"}",
        TRADE "2,\"price\":\"1e3\"}",
        TRADE "2,\"price\":\"18446744073709551616\"}",
        TRADE "2,\"price\":\"1\",\"side\":\"none\"}",
        TRADE "2,\"price\":\"1\",\"new\":1}",
        TRADE "2,\"size\":\"1\"}",
        TRADE "2,\"size\":\"1\",\"price\":\"1\"}",
        TRADE "02,\"price\":\"1\"}",
        TRADE ",\"price\":\"1\"}",
        TRADE "2.5,\"price\":\"1\"}",
        TRADE "2,\"ts\":-1,\"price\":\"1\"}",
        TRADE "2,\"ts\":9223372036854776,\"price\":\"1\"}",
        TRADE "2,\"bid\":\"1\"}",
        QUOTE "2,\"bid_size\":\"1\"}",
        "{\"kind\":\"trade\",\"symbol\":\"BTC-USD\",\"source\":\"y\",\"seq\":2,\"price\":\"1\"}",
        TRADE,
        "{}",
    };
    learn(f);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(is_read_fast(f, others[i]));
}

/* Names from the options go before those in the line, which then tell nothing. */
static void lines_under_another_name_are_not_learned(void **state)
{
    struct lines lines;
    (void)state;
    lines_init(&lines, &format_native, "OTHER", NULL);
    const char *line = TRADE "0,\"price\":\"1\"}";
    for (int i = 0; i < 2; i++) {
        const char *item = lines_items(&lines, line);
        assert_non_null(strstr(item, "\"symbol\":\"OTHER\""));
        struct price_event event;
        assert_false(native_fast_read(lines.parser, line, strlen(line), &event));
    }
    lines_finish(&lines);
}

/* ---- the same as the general way ---- */

static void random_value(struct random *random, char *out)
{
    const struct decimal value = {
        .mantissa = random_u64(random) >> (4 + random_below(random, 60)),
        .form = (uint8_t)(random_below(random, random_chance(random, 5) ? 30 : 12) |
                          (random_chance(random, 10) ? DECIMAL_NEGATIVE : 0)),
    };
    out[decimal_format(value, out)] = '\0';
}

/* A line as recorders write it, of one of many streams with alike names. */
static size_t random_line(struct random *random, char *out)
{
    static const char *const names[] = {"symbol", "source"};
    static const char *const values[2][4] = {{"price", "size"},
                                             {"bid", "bid_size", "ask", "ask_size"}};
    const bool is_quote = random_chance(random, 50);
    char *at = out + sprintf(out, "{\"kind\":\"%s\"", is_quote ? "quote" : "trade");
    for (int i = 0; i < 2; i++)
        at += sprintf(at, ",\"%s\":\"%u%.*s%u%s\"", names[i], random_below(random, 3),
                      (int)random_below(random, 3) * 14, "PREFIX-THAT-MANY-NAMES-SHARE",
                      random_below(random, 2), random_chance(random, 1) ? "\\\"" : "");
    at += sprintf(at, ",\"seq\":%u", random_below(random, 1000));
    if (random_chance(random, 70))
        at += sprintf(at, ",\"ts\":%lld",
                      (long long)(random_u64(random) >> random_below(random, 64)));
    if (random_chance(random, 70))
        at += sprintf(at, ",\"recv\":%lld",
                      1700000000000000 + (long long)random_below(random, 1u << 30));
    for (int i = 0; i < (is_quote ? 4 : 2); i++)
        if (random_chance(random, i == 0 ? 95 : 80)) {
            char value[DECIMAL_TEXT_MAX + 1];
            random_value(random, value);
            at += sprintf(at, ",\"%s\":\"%s\"", values[is_quote][i], value);
        }
    if (!is_quote && random_chance(random, 60))
        at += sprintf(at, ",\"side\":\"%s\"", random_chance(random, 50) ? "buy" : "sell");
    at += sprintf(at, "}");
    return (size_t)(at - out);
}

/* Changes, takes out, repeats or adds a byte; returns the new length. */
static size_t mutate(struct random *random, char *text, size_t len)
{
    static const char bytes[] = "0123456789\"\\,:.-{}e n\x01\xc3\x80";
    const size_t at = random_below(random, (unsigned)len);
    const char byte = bytes[random_below(random, sizeof bytes - 1)];
    switch (random_below(random, 4)) {
    case 0:
        text[at] = byte;
        return len;
    case 1:
        memmove(text + at, text + at + 1, len - at - 1);
        return len - 1;
    case 2:
        memmove(text + at + 1, text + at, len - at);
        return len + 1;
    default:
        memmove(text + at + 1, text + at, len - at);
        text[at] = byte;
        return len + 1;
    }
}

static void any_line_gives_the_same_with_and_without(void **state)
{
    struct fixture *f = *state;
    const uint64_t seed = random_seed_of(7);
    struct random random = {seed};
    struct lines general;
    uint64_t fast = 0;
    lines_init(&general, &format_native, NULL, NULL);
    format_native.destroy(general.parser);
    general.parser = NULL;
    for (int i = 0; i < 200000; i++) {
        char text[1024];
        struct price_event event;
        size_t len = random_line(&random, text);
        for (unsigned n = random_below(&random, 4) % 3; n > 0; n--)
            len = mutate(&random, text, len);
        fast += native_fast_read(f->lines.parser, text, len, &event);
        const enum format_result expected = lines_parse(&general, text, len);
        if (lines_parse(&f->lines, text, len) != expected ||
            strcmp(f->lines.items, general.items) != 0 ||
            strcmp(f->lines.output.reason, general.output.reason) != 0)
            fail_msg("seed %llu: %.*s", (unsigned long long)seed, (int)len, text);
    }
    assert_in_range(fast, 20000, 200000); /* or nothing has been compared */
    lines_finish(&general);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_a_recorder_writes_is_read_fast_from_the_second_line_on,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_deviates_is_left_to_the_general_way, setup, teardown),
        cmocka_unit_test(lines_under_another_name_are_not_learned),
        cmocka_unit_test_setup_teardown(any_line_gives_the_same_with_and_without, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
