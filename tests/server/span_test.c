/* What is told of trades that were passed over: exact, in their own text, and honest about those
 * nobody saw. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "server/span.h"

static struct span_trade trade_of(const char *price, const char *size)
{
    struct price_event event = event_make(EVENT_TRADE);
    struct decimal value;
    assert_int_equal(decimal_parse(price, strlen(price), &value), 0);
    event_set_value(&event, VALUE_PRICE, value);
    if (size != NULL) {
        assert_int_equal(decimal_parse(size, strlen(size), &value), 0);
        event_set_value(&event, VALUE_SIZE, value);
    }
    return span_trade_of(&event);
}

static void add(struct span *span, const char *price, const char *size)
{
    const struct span_trade trade = trade_of(price, size);
    span_add(span, &trade);
}

static void expect(const struct span *span, uint64_t passed, const char *told)
{
    struct text json = {0};
    span_put(span, passed, &json);
    text_put(&json, "", 1);
    assert_string_equal(json.bytes, told);
    text_finish(&json);
}

static void prices_keep_their_text_and_sizes_add_up(void **state)
{
    struct span span = {0};
    (void)state;
    add(&span, "1.50", "0.1");
    add(&span, "1.5", "0.20");
    add(&span, "-2", "3");
    add(&span, "1.499", NULL);
    expect(&span, 4, ",\"open\":\"1.50\",\"high\":\"1.50\",\"low\":\"-2\",\"volume\":\"3.30\"");
}

static void without_sizes_the_volume_is_nothing(void **state)
{
    struct span span = {0};
    (void)state;
    add(&span, "7", NULL);
    expect(&span, 1, ",\"open\":\"7\",\"high\":\"7\",\"low\":\"7\",\"volume\":\"0\"");
}

static void what_nobody_saw_is_counted(void **state)
{
    struct span span = {0};
    (void)state;
    expect(&span, 0, "");
    expect(&span, 5, ",\"unseen\":5");
    add(&span, "7", "1");
    expect(&span, 5, ",\"open\":\"7\",\"high\":\"7\",\"low\":\"7\",\"volume\":\"1\",\"unseen\":4");
    span_clear(&span);
    expect(&span, 2, ",\"unseen\":2");
}

static void two_spans_make_one(void **state)
{
    struct span span = {0}, later = {0};
    const struct span empty = {0};
    (void)state;
    add(&later, "5", "1.5");
    add(&later, "6", "1");
    span_merge(&span, &later);
    expect(&span, 2, ",\"open\":\"5\",\"high\":\"6\",\"low\":\"5\",\"volume\":\"2.5\"");
    span_clear(&later);
    add(&later, "4", "0.25");
    span_merge(&span, &later);
    span_merge(&span, &empty);
    assert_int_equal(span_seen(&span), 3);
    expect(&span, 3, ",\"open\":\"5\",\"high\":\"6\",\"low\":\"4\",\"volume\":\"2.75\"");
}

/* 38 digits are exact; a volume that takes more is left out rather than wrong. */
static void a_volume_is_exact_or_absent(void **state)
{
    struct span span = {0};
    (void)state;
    add(&span, "1", "18446744073709551615");
    add(&span, "1", "1.000000000000000001");
    expect(&span, 2,
           ",\"open\":\"1\",\"high\":\"1\",\"low\":\"1\","
           "\"volume\":\"18446744073709551616.000000000000000001\"");
    add(&span, "1", "0.000000000000000000000000000001");
    expect(&span, 3, ",\"open\":\"1\",\"high\":\"1\",\"low\":\"1\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prices_keep_their_text_and_sizes_add_up),
        cmocka_unit_test(without_sizes_the_volume_is_nothing),
        cmocka_unit_test(what_nobody_saw_is_counted),
        cmocka_unit_test(two_spans_make_one),
        cmocka_unit_test(a_volume_is_exact_or_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
