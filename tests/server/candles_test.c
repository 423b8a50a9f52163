/* The candles of all symbols, compared with a model that keeps every event. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/candles.h"
#include "tests/support/random.h"

#define NS_PER_S INT64_C(1000000000)
#define START_S  INT64_C(1700000000) /* 22:13:20 */

struct fixture {
    struct streams *streams;
    struct candles *candles;
};

static struct fixture *begin(void **state, size_t bytes_max)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->streams = streams_create(20000);
    f->candles = candles_create(f->streams, bytes_max);
    *state = f;
    return f;
}

static int setup(void **state)
{
    begin(state, CANDLES_BYTES_DEFAULT);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    candles_destroy(f->candles);
    streams_destroy(f->streams);
    free(f);
    return 0;
}

static struct price_event make(struct fixture *f, const char *source, const char *symbol,
                               enum event_kind kind, int64_t time_ns)
{
    struct price_event event = event_make(kind);
    const long stream =
        streams_intern(f->streams, source, strlen(source), symbol, strlen(symbol), kind);
    assert_true(stream >= 0);
    event.stream = (uint32_t)stream & EVENT_NO_STREAM;
    event.recv_ns = time_ns;
    return event;
}

static struct decimal decimal_of(const char *text)
{
    struct decimal value = {.form = DECIMAL_ABSENT};
    if (text != NULL)
        assert_int_equal(decimal_parse(text, strlen(text), &value), 0);
    return value;
}

static void trade(struct fixture *f, const char *symbol, double at_s, const char *price,
                  const char *size)
{
    struct price_event event =
        make(f, "x", symbol, EVENT_TRADE, START_S * NS_PER_S + (int64_t)(at_s * 1e9));
    event_set_value(&event, VALUE_PRICE, decimal_of(price));
    event_set_value(&event, VALUE_SIZE, decimal_of(size));
    candles_note(f->candles, &event);
}

static void quote(struct fixture *f, const char *symbol, double at_s, const char *bid,
                  const char *ask)
{
    struct price_event event =
        make(f, "x", symbol, EVENT_QUOTE, START_S * NS_PER_S + (int64_t)(at_s * 1e9));
    event_set_value(&event, VALUE_BID, decimal_of(bid));
    event_set_value(&event, VALUE_ASK, decimal_of(ask));
    candles_note(f->candles, &event);
}

static void say(struct fixture *f, enum event_kind kind, unsigned detail)
{
    struct price_event event = event_make(kind);
    event.detail = detail & 15;
    candles_note(f->candles, &event);
}

/* Times in the text are seconds since START_S, so that it can be read. */
static char *shown(struct fixture *f, const char *symbol, const char *interval, unsigned limit,
                   int64_t before_us)
{
    static char out[1 << 16];
    struct candles_query query = {
        .interval = candles_interval(interval), .limit = limit, .before_us = before_us};
    struct text json = {0};
    snprintf(query.symbol, sizeof query.symbol, "%s", symbol);
    if (!candles_put(f->candles, &query, &json))
        return "unknown";
    text_put(&json, "", 1);
    char *to = out, *from = strstr(json.bytes, "\"candles\":[") + 11;
    while (*from == '[') {
        char *rest;
        const long long time_us = strtoll(from + 1, &rest, 10);
        from = strchr(from, ']');
        *from = '\0';
        to += sprintf(to, "%s%lld%s", to == out ? "" : " ", time_us / 1000000 - START_S, rest);
        from += from[1] == ',' ? 2 : 1;
    }
    *to = '\0';
    text_finish(&json);
    return out;
}

static char *all(struct fixture *f, const char *symbol, const char *interval)
{
    return shown(f, symbol, interval, CANDLES_LIMIT_DEFAULT, INT64_MAX);
}

/* What an answer says it has seen. */
static char *seen(struct fixture *f, const char *symbol)
{
    static char out[400];
    struct candles_query query = {.interval = 0, .limit = 1, .before_us = INT64_MAX};
    struct text json = {0};
    snprintf(query.symbol, sizeof query.symbol, "%s", symbol);
    assert_true(candles_put(f->candles, &query, &json));
    text_put(&json, "", 1);
    const char *from = strstr(json.bytes, "\"seen\":") + 7;
    snprintf(out, sizeof out, "%.*s", (int)(strstr(from, ",\"candles\"") - from), from);
    text_finish(&json);
    return out;
}

static uint64_t counted(const _Atomic uint64_t *counter)
{
    return atomic_load(counter);
}

/* ---- what a candle holds ---- */

static void trades_make_candles_of_every_interval(void **state)
{
    struct fixture *f = *state;
    trade(f, "A", 0, "1.50", "2");
    trade(f, "A", 0.9, "1.60", "0.5");
    trade(f, "A", 1.1, "1.40", NULL);
    trade(f, "A", 61, "1.55", "1");
    assert_string_equal(all(f, "A", "1s"), "0,\"1.50\",\"1.60\",\"1.50\",\"1.60\",\"2.5\" "
                                           "1,\"1.40\",\"1.40\",\"1.40\",\"1.40\",\"0\" "
                                           "61,\"1.55\",\"1.55\",\"1.55\",\"1.55\",\"1\"");
    assert_string_equal(all(f, "A", "5s"), "0,\"1.50\",\"1.60\",\"1.40\",\"1.40\",\"2.5\" "
                                           "60,\"1.55\",\"1.55\",\"1.55\",\"1.55\",\"1\"");
    assert_string_equal(all(f, "A", "1m"), "-20,\"1.50\",\"1.60\",\"1.40\",\"1.40\",\"2.5\" "
                                           "40,\"1.55\",\"1.55\",\"1.55\",\"1.55\",\"1\"");
    assert_string_equal(all(f, "A", "15m"), "-800,\"1.50\",\"1.60\",\"1.40\",\"1.55\",\"3.5\"");
    assert_string_equal(all(f, "A", "1d"), "-80000,\"1.50\",\"1.60\",\"1.40\",\"1.55\",\"3.5\"");
}

static void quotes_serve_until_there_is_a_trade(void **state)
{
    struct fixture *f = *state;
    quote(f, "A", 0, "1.49", "1.50");
    quote(f, "A", 0.1, "1.51", "1.53");
    quote(f, "A", 0.2, "1.51", NULL); /* has no middle */
    assert_string_equal(all(f, "A", "1s"), "0,\"1.495\",\"1.52\",\"1.495\",\"1.52\",\"0\"");
    trade(f, "A", 1, "7", "1");
    quote(f, "A", 1.1, "9", "9");
    assert_string_equal(all(f, "A", "1s"), "1,\"7\",\"7\",\"7\",\"7\",\"1\"");
}

static void sources_of_a_symbol_come_together(void **state)
{
    struct fixture *f = *state;
    trade(f, "A", 0, "1", "1");
    struct price_event event = make(f, "y", "A", EVENT_TRADE, START_S * NS_PER_S);
    event_set_value(&event, VALUE_PRICE, decimal_of("2"));
    candles_note(f->candles, &event);
    assert_string_equal(all(f, "A", "1s"), "0,\"1\",\"2\",\"1\",\"2\",\"1\"");
}

/* Without recv the source's own time counts, without any that of the event before. */
static void events_without_a_time_go_along(void **state)
{
    struct fixture *f = *state;
    struct price_event event = make(f, "x", "A", EVENT_TRADE, EVENT_NO_TIME);
    event_set_value(&event, VALUE_PRICE, decimal_of("3"));
    candles_note(f->candles, &event);
    assert_int_equal(counted(&candles_counts(f->candles)->passed), 1);
    event.ts_ns = START_S * NS_PER_S;
    candles_note(f->candles, &event);
    event.ts_ns = EVENT_NO_TIME;
    event_set_value(&event, VALUE_PRICE, decimal_of("4"));
    candles_note(f->candles, &event);
    assert_string_equal(all(f, "A", "1s"), "0,\"3\",\"4\",\"3\",\"4\",\"0\"");
}

/* ---- time ---- */

static void late_events_go_where_they_belong(void **state)
{
    struct fixture *f = *state;
    trade(f, "A", 10, "5", "1");
    trade(f, "A", 5, "4", "1");
    trade(f, "A", 7, "6", "1");
    trade(f, "A", 5.5, "3", "1");
    assert_string_equal(all(f, "A", "1s"),
                        "5,\"4\",\"4\",\"3\",\"3\",\"2\" 7,\"6\",\"6\",\"6\",\"6\",\"1\" "
                        "10,\"5\",\"5\",\"5\",\"5\",\"1\"");
    assert_int_equal(counted(&candles_counts(f->candles)->late), 0);
}

static void times_before_1970_round_down(void **state)
{
    struct fixture *f = *state;
    trade(f, "A", (double)-START_S - 0.5, "5", "1");
    trade(f, "A", (double)-START_S + 0.5, "6", "1");
    char *text = all(f, "A", "1s"), expected[120];
    snprintf(expected, sizeof expected,
             "%lld,\"5\",\"5\",\"5\",\"5\",\"1\" %lld,\"6\",\"6\",\"6\",\"6\",\"1\"",
             -1 - (long long)START_S, -(long long)START_S);
    assert_string_equal(text, expected);
}

static void reset_forgets_and_so_does_the_end_of_a_seek(void **state)
{
    struct fixture *f = *state;
    trade(f, "A", 0, "1", "1");
    say(f, EVENT_RESET, RESET_SEEK);
    assert_string_equal(all(f, "A", "1s"), ""); /* known, and nothing yet */
    trade(f, "A", -100, "2", "1");              /* how things stood before the new place */
    say(f, EVENT_SETTLED, 0);
    quote(f, "A", 50, "3", "3");
    assert_string_equal(all(f, "A", "1s"), "50,\"3\",\"3\",\"3\",\"3\",\"0\"");
    say(f, EVENT_RESET, RESET_LOOP);
    trade(f, "A", 0, "1", "1");
    assert_string_equal(all(f, "A", "1s"), "0,\"1\",\"1\",\"1\",\"1\",\"1\"");
}

/* ---- limits ---- */

static void oldest_go_and_what_comes_for_them_is_counted(void **state)
{
    struct fixture *f = *state;
    const int seconds = 800 * 3600; /* more hours than are kept */
    for (int at = 0; at < seconds; at += 600)
        trade(f, "A", at, "1", "1");
    trade(f, "A", 0, "9", "1");
    assert_int_equal(counted(&candles_counts(f->candles)->late), 1);
    struct candles_query query = {
        .symbol = "A", .interval = candles_interval("1h"), .limit = 5000, .before_us = INT64_MAX};
    struct text json = {0};
    assert_true(candles_put(f->candles, &query, &json));
    text_put(&json, "", 1);
    size_t count = 0;
    for (char *at = json.bytes; (at = strstr(at, "\"],[")) != NULL; at++)
        count++;
    assert_int_equal(count + 1, CANDLES_HOURS);
    assert_null(strstr(json.bytes, "\"9\""));
    text_finish(&json);
}

/* A candle of which a part is gone would be wrong: it is left out. */
static void half_candles_are_not_shown(void **state)
{
    struct fixture *f = *state;
    for (int second = 0; second < CANDLES_SECONDS + 2; second++)
        trade(f, "A", second, "1", "1");
    const char *text = shown(f, "A", "5s", 5000, INT64_MAX);
    assert_int_equal(strncmp(text, "5,", 2), 0); /* of the first five, two are gone */
}

static void limit_takes_the_newest_and_before_pages_back(void **state)
{
    struct fixture *f = *state;
    for (int second = 0; second < 20; second++)
        trade(f, "A", second, "1", NULL);
    const int64_t us = START_S * 1000000;
    assert_int_equal(strncmp(shown(f, "A", "1s", 2, INT64_MAX), "18,", 3), 0);
    assert_int_equal(strncmp(shown(f, "A", "1s", 2, us + 18000000), "16,", 3), 0);
    assert_int_equal(strncmp(shown(f, "A", "1s", 2, us + 18000001), "17,", 3), 0);
    assert_int_equal(strncmp(shown(f, "A", "5s", 1, us + 15000000), "10,", 3), 0);
    assert_string_equal(shown(f, "A", "1s", 2, us), "");
    assert_string_equal(shown(f, "A", "1s", 2, INT64_MIN + 1), "");
}

static void unknown_symbols_and_intervals_are_told_apart(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(all(f, "B", "1s"), "unknown");
    static const char *const bad[] = {"", "2s", "1", "1M", "60s", "1s "};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_true(candles_interval(bad[i]) < 0);
}

/* When memory runs out, all keep less; the promised depth stays, and the bound holds. */
static void memory_stays_within_its_bound(void **state)
{
    teardown(state);
    struct fixture *f = begin(state, 4u << 20);
    const struct candles_counts *counts = candles_counts(f->candles);
    char symbol[16];
    for (int second = 0; second < 400; second++)
        for (int i = 0; i < 200; i++) {
            snprintf(symbol, sizeof symbol, "S%d", i);
            trade(f, symbol, second, "1", "1");
            assert_true(counted(&counts->bytes) <= 4u << 20);
        }
    assert_true(counted(&counts->shortened) > 0);
    assert_int_equal(counted(&counts->refused), 0);
    for (int i = 0; i < 200; i++) {
        snprintf(symbol, sizeof symbol, "S%d", i);
        const char *text = all(f, symbol, "1s");
        size_t count = 1;
        for (; (text = strchr(text, ' ')) != NULL; text++)
            count++;
        assert_true(count >= 60);
    }
}

static void symbols_beyond_memory_are_refused_and_counted(void **state)
{
    teardown(state);
    struct fixture *f = begin(state, CANDLES_BYTES_MIN);
    const struct candles_counts *counts = candles_counts(f->candles);
    char symbol[16];
    for (int i = 0; i < 8000; i++) {
        snprintf(symbol, sizeof symbol, "S%d", i);
        trade(f, symbol, 0, "1", "1");
        assert_true(counted(&counts->bytes) <= CANDLES_BYTES_MIN);
    }
    assert_true(counted(&counts->refused) > 0);
    assert_string_equal(all(f, "S0", "1s"), "0,\"1\",\"1\",\"1\",\"1\",\"1\"");
    say(f, EVENT_RESET, RESET_LOOP);
    trade(f, "S0", 1, "2", "1"); /* there is room again */
    assert_string_equal(all(f, "S0", "1s"), "1,\"2\",\"2\",\"2\",\"2\",\"1\"");
}

/* ---- a day ---- */

static bool wants_a(void *ctx, const char *symbol)
{
    (void)ctx;
    return symbol[0] == 'A';
}

static void stats_cover_the_last_day(void **state)
{
    struct fixture *f = *state;
    trade(f, "A", -26 * 3600, "100", "50"); /* too long ago */
    trade(f, "A", 0, "2.00", "1");
    trade(f, "A", 10, "3.00", "1.5");
    trade(f, "A", 20, "1.50", "1");
    trade(f, "B", 20, "1.50", "1");
    struct text json = {0};
    candles_put_stats(f->candles, wants_a, NULL, &json);
    text_put(&json, "", 1);
    char expected[300];
    snprintf(expected, sizeof expected,
             "{\"stats\":[{\"symbol\":\"A\",\"kind\":\"trade\",\"from\":%" PRId64
             ",\"open\":\"2.00\",\"high\":\"3.00\",\"low\":\"1.50\",\"last\":\"1.50\","
             "\"volume\":\"3.5\",\"change\":\"-0.50\",\"change_pct\":-25.0000}]}",
             START_S / 3600 * 3600 * 1000000);
    assert_string_equal(json.bytes, expected);
    text_finish(&json);
}

/* ---- what an answer has seen ---- */

static void note_seq(struct fixture *f, const char *source, const char *symbol,
                     enum event_kind kind, uint64_t seq)
{
    struct price_event event = make(f, source, symbol, kind, START_S * NS_PER_S);
    event_set_value(&event, VALUE_PRICE, decimal_of("1"));
    event.seq = seq;
    candles_note(f->candles, &event);
}

/* So that updates with a higher seq continue the candles with no hole and no repeat. */
static void an_answer_tells_the_last_event_of_each_stream(void **state)
{
    struct fixture *f = *state;
    note_seq(f, "x", "A", EVENT_TRADE, 7);
    note_seq(f, "y", "A", EVENT_TRADE, 3);
    note_seq(f, "x", "A", EVENT_QUOTE, 90); /* looked at, though trades make the candles */
    note_seq(f, "x", "B", EVENT_TRADE, 1000);
    note_seq(f, "x", "A", EVENT_TRADE, 8);
    assert_string_equal(seen(f, "A"),
                        "[[\"x\",\"quote\",90],[\"y\",\"trade\",3],[\"x\",\"trade\",8]]");
}

static void a_new_epoch_has_seen_nothing_and_the_end_of_a_seek_what_came_before(void **state)
{
    struct fixture *f = *state;
    note_seq(f, "x", "A", EVENT_TRADE, 7);
    say(f, EVENT_RESET, RESET_SEEK);
    assert_string_equal(seen(f, "A"), "[]");
    note_seq(f, "x", "A", EVENT_TRADE, 1); /* how things stand at the new place */
    say(f, EVENT_SETTLED, 0);
    assert_string_equal(all(f, "A", "1s"), "");
    assert_string_equal(seen(f, "A"), "[[\"x\",\"trade\",1]]");
}

/* ---- the model ---- */

struct noted {
    int64_t time_ns;
    struct decimal price, size;
};

static int64_t below(int64_t a, int64_t b)
{
    return a >= 0 ? a / b : -((-a + b - 1) / b);
}

/* The candle of one span, from all events, in the order in which they came. */
static bool model_candle(const struct noted *noted, size_t count, int64_t begin_s, int64_t span_s,
                         char *out)
{
    struct decimal prices[4];
    int64_t volume = 0; /* in thousandths */
    unsigned digits = 0, found = 0;
    for (size_t i = 0; i < count; i++) {
        const int64_t second = below(noted[i].time_ns, NS_PER_S);
        if (second < begin_s || second >= begin_s + span_s)
            continue;
        const struct decimal price = noted[i].price;
        if (found++ == 0)
            prices[0] = prices[1] = prices[2] = price;
        if (decimal_compare(price, prices[1]) > 0)
            prices[1] = price;
        if (decimal_compare(price, prices[2]) < 0)
            prices[2] = price;
        prices[3] = price;
        if (decimal_is_absent(noted[i].size))
            continue;
        static const int64_t scale[] = {1000, 100, 10, 1};
        const unsigned own = decimal_digits(noted[i].size);
        volume += (int64_t)noted[i].size.mantissa * scale[own];
        digits = own > digits ? own : digits;
    }
    if (found == 0)
        return false;
    out += sprintf(out, "%lld", (long long)(begin_s - START_S));
    for (int i = 0; i < 4; i++) {
        *out++ = ',';
        *out++ = '"';
        out += decimal_format(prices[i], out);
        *out++ = '"';
    }
    static const int64_t unit[] = {1000, 100, 10, 1};
    struct decimal sum = {.mantissa = (uint64_t)(volume / unit[digits]), .form = (uint8_t)digits};
    *out++ = ',';
    *out++ = '"';
    out += decimal_format(sum, out);
    strcpy(out, "\"");
    return true;
}

/* Prices of one form, so that equal ones have equal texts: which of two equal texts a longer candle
 * shows depends on the order of its parts, not on that of arrival. */
static void any_order_gives_what_the_model_gives(void **state)
{
    (void)state;
    const uint64_t seed = random_seed_of(20261125);
    print_message("seed %" PRIu64 "\n", seed);
    struct random random = {seed};
    enum { ROUNDS = 40, EVENTS = 300 };
    for (int round = 0; round < ROUNDS; round++) {
        void *inner = NULL;
        struct fixture *f = begin(&inner, CANDLES_BYTES_DEFAULT);
        struct noted noted[EVENTS];
        const bool sorted = round % 2 == 0;
        int64_t now_ns = (START_S - 100) * NS_PER_S;
        for (int i = 0; i < EVENTS; i++) {
            now_ns += random_below(&random, 2000000000);
            noted[i].time_ns =
                sorted ? now_ns
                       : START_S * NS_PER_S + (int64_t)random_below(&random, 1200) * NS_PER_S / 7;
            noted[i].price =
                (struct decimal){.mantissa = random_below(&random, 500) + 1, .form = 2};
            noted[i].size = (struct decimal){.mantissa = random_below(&random, 5000),
                                             .form = (uint8_t)random_below(&random, 4)};
            if (random_chance(&random, 10))
                noted[i].size.form = DECIMAL_ABSENT;
            struct price_event event =
                make(f, random_chance(&random, 50) ? "x" : "y", "A", EVENT_TRADE, noted[i].time_ns);
            event_set_value(&event, VALUE_PRICE, noted[i].price);
            event_set_value(&event, VALUE_SIZE, noted[i].size);
            candles_note(f->candles, &event);
        }
        static const struct {
            const char *name;
            int64_t span_s;
            bool exact; /* not put together: arrival decides within it */
        } intervals[] = {{"1s", 1, true},    {"5s", 5, false},     {"15s", 15, false},
                         {"1m", 60, true},   {"5m", 300, false},   {"15m", 900, false},
                         {"1h", 3600, true}, {"4h", 14400, false}, {"1d", 86400, false}};
        for (size_t k = 0; k < sizeof intervals / sizeof *intervals; k++) {
            if (!sorted && !intervals[k].exact)
                continue;
            static char expected[1 << 16];
            char *to = expected;
            const int64_t span = intervals[k].span_s;
            for (int64_t at = below(START_S - 100, span) * span; at < START_S + 800; at += span) {
                char one[200];
                if (model_candle(noted, EVENTS, at, span, one))
                    to += sprintf(to, "%s%s", to == expected ? "" : " ", one);
            }
            *to = '\0';
            assert_string_equal(shown(f, "A", intervals[k].name, 5000, INT64_MAX), expected);
        }
        teardown(&inner);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(trades_make_candles_of_every_interval),
        TEST(quotes_serve_until_there_is_a_trade),
        TEST(sources_of_a_symbol_come_together),
        TEST(events_without_a_time_go_along),
        TEST(late_events_go_where_they_belong),
        TEST(times_before_1970_round_down),
        TEST(reset_forgets_and_so_does_the_end_of_a_seek),
        TEST(oldest_go_and_what_comes_for_them_is_counted),
        TEST(half_candles_are_not_shown),
        TEST(limit_takes_the_newest_and_before_pages_back),
        TEST(unknown_symbols_and_intervals_are_told_apart),
        TEST(memory_stays_within_its_bound),
        TEST(symbols_beyond_memory_are_refused_and_counted),
        TEST(stats_cover_the_last_day),
        TEST(an_answer_tells_the_last_event_of_each_stream),
        TEST(a_new_epoch_has_seen_nothing_and_the_end_of_a_seek_what_came_before),
        cmocka_unit_test(any_order_gives_what_the_model_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
