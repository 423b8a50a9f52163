/* The JSON text of an event, to the byte: clients and recordings depend on it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "feed/item.h"
#include "feed/json_scan.h"

static const struct stream trades = {.kind = EVENT_TRADE, .symbol = "BTC-USD", .source = "x"};
static const struct stream quotes = {.kind = EVENT_QUOTE, .symbol = "BTC-USD", .source = "x"};

static void set(struct price_event *event, int which, const char *text)
{
    struct decimal value;
    assert_int_equal(decimal_parse(text, strlen(text), &value), 0);
    event_set_value(event, which, value);
}

static void expect_item(const struct stream *stream, const struct price_event *event,
                        const char *want)
{
    char item[ITEM_BYTES_MAX + 1];
    size_t len = item_prefix(stream, item);
    assert_in_range(len, 1, ITEM_PREFIX_MAX);
    len += item_rest(event, item + len);
    item[len] = '\0';
    assert_string_equal(item, want);
}

static void a_trade_has_its_members_in_this_order(void **state)
{
    struct price_event event = event_make(EVENT_TRADE);
    (void)state;
    event.seq = 41;
    event.ts_ns = 1700000000123456789;
    event.recv_ns = 1700000000223456000;
    event.detail = SIDE_SELL;
    set(&event, VALUE_PRICE, "61837.63000000");
    set(&event, VALUE_SIZE, "0.02");
    expect_item(&trades, &event,
                "{\"kind\":\"trade\",\"symbol\":\"BTC-USD\",\"source\":\"x\",\"seq\":41,"
                "\"ts\":1700000000123456,\"recv\":1700000000223456,"
                "\"price\":\"61837.63000000\",\"size\":\"0.02\",\"side\":\"sell\"}");
    event.detail = SIDE_BUY;
    event.ts_ns = event.recv_ns = EVENT_NO_TIME;
    expect_item(&trades, &event,
                "{\"kind\":\"trade\",\"symbol\":\"BTC-USD\",\"source\":\"x\",\"seq\":41,"
                "\"price\":\"61837.63000000\",\"size\":\"0.02\",\"side\":\"buy\"}");
}

static void a_quote_has_its_members_in_this_order(void **state)
{
    struct price_event event = event_make(EVENT_QUOTE);
    (void)state;
    event.seq = UINT64_MAX;
    event.ts_ns = 0;
    set(&event, VALUE_BID, "1.0");
    set(&event, VALUE_BID_SIZE, "2");
    set(&event, VALUE_ASK, "-1.50");
    set(&event, VALUE_ASK_SIZE, "0");
    expect_item(&quotes, &event,
                "{\"kind\":\"quote\",\"symbol\":\"BTC-USD\",\"source\":\"x\","
                "\"seq\":18446744073709551615,\"ts\":0,\"bid\":\"1.0\",\"bid_size\":\"2\","
                "\"ask\":\"-1.50\",\"ask_size\":\"0\"}");
}

static void what_the_source_did_not_give_is_left_out(void **state)
{
    struct price_event trade = event_make(EVENT_TRADE), quote = event_make(EVENT_QUOTE);
    (void)state;
    set(&trade, VALUE_PRICE, "5");
    set(&quote, VALUE_ASK, "6");
    expect_item(&trades, &trade,
                "{\"kind\":\"trade\",\"symbol\":\"BTC-USD\",\"source\":\"x\",\"seq\":0,"
                "\"price\":\"5\"}");
    expect_item(&quotes, &quote,
                "{\"kind\":\"quote\",\"symbol\":\"BTC-USD\",\"source\":\"x\",\"seq\":0,"
                "\"ask\":\"6\"}");
}

static void times_are_rounded_down_also_before_1970(void **state)
{
    (void)state;
    assert_int_equal(event_us(1999), 1);
    assert_int_equal(event_us(0), 0);
    assert_int_equal(event_us(-1), -1);
    assert_int_equal(event_us(-1000), -1);
    assert_int_equal(event_us(-1001), -2);
}

/* The buffer sizes that the header promises hold for the worst names and values. */
static void the_longest_item_fits(void **state)
{
    char name[NAME_BYTES_MAX + 1];
    char *prefix = malloc(ITEM_PREFIX_MAX), *rest = malloc(512); /* ASan watches their ends */
    struct price_event event = event_make(EVENT_QUOTE);
    (void)state;
    memset(name, '"', NAME_BYTES_MAX);
    name[NAME_BYTES_MAX] = '\0';
    const struct stream stream = {.kind = EVENT_QUOTE, .symbol = name, .source = name};
    event.seq = UINT64_MAX;
    event.ts_ns = event.recv_ns = INT64_MIN + 1;
    for (int i = 0; i < EVENT_VALUES; i++)
        event_set_value(&event, i,
                        (struct decimal){UINT64_MAX, DECIMAL_NEGATIVE | DECIMAL_DIGITS_MAX});
    assert_in_range(item_prefix(&stream, prefix), 1, ITEM_PREFIX_MAX);
    assert_in_range(item_rest(&event, rest), 1, 512);
    free(prefix);
    free(rest);
}

static void strings_are_escaped_so_that_any_reader_gets_them_back(void **state)
{
    char text[256], out[6 * 256 + 2], back[256];
    struct json_scan scan;
    struct json_scan_token token;
    (void)state;
    for (int i = 0; i < 256; i++)
        text[i] = (char)i;
    const size_t len = json_quote(text, sizeof text, out);
    json_scan_init(&scan, out, len);
    assert_int_equal(json_scan_top(&scan, &token), 0);
    assert_int_equal(json_scan_finish(&scan), 0);
    assert_int_equal(json_scan_unescape(&token, back, sizeof back), sizeof back);
    assert_memory_equal(back, text, sizeof text);
    assert_int_equal(json_quote("a\"\\\n\x1f", 5, out), 19);
    assert_memory_equal(out, "\"a\\\"\\\\\\u000a\\u001f\"", 19);
}

static void integers_are_written_up_to_both_limits(void **state)
{
    char out[JSON_INTEGER_MAX];
    (void)state;
    assert_int_equal(json_integer(INT64_MIN, out), 20);
    assert_memory_equal(out, "-9223372036854775808", 20);
    assert_int_equal(json_integer(INT64_MAX, out), 19);
    assert_memory_equal(out, "9223372036854775807", 19);
    assert_int_equal(json_integer(0, out), 1);
    assert_memory_equal(out, "0", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trade_has_its_members_in_this_order),
        cmocka_unit_test(a_quote_has_its_members_in_this_order),
        cmocka_unit_test(what_the_source_did_not_give_is_left_out),
        cmocka_unit_test(times_are_rounded_down_also_before_1970),
        cmocka_unit_test(the_longest_item_fits),
        cmocka_unit_test(strings_are_escaped_so_that_any_reader_gets_them_back),
        cmocka_unit_test(integers_are_written_up_to_both_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
