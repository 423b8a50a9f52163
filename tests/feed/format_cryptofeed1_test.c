/* cryptofeed text: whose messages they are, their times, and what is broken. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>

#include "tests/support/fixture_items.h"
#include "tests/support/format_lines.h"

#define KRAKEN_TRADE(time)                                                                         \
    time ": [7,[[\"1.50\",\"2.0\",\"1700000000.5\",\"s\",\"l\",\"\"]],\"trade\",\"ABC/XYZ\"]"
#define BITSTAMP_TRADE                                                                             \
    "1700000001.5: {\"data\":{\"price_str\":\"1.5\",\"amount_str\":\"2\",\"type\":0,"              \
    "\"microtimestamp\":\"1700000000000001\"},\"channel\":\"live_trades_abcxyz\","                 \
    "\"event\":\"trade\"}"

static int setup(void **state)
{
    static struct lines lines;
    lines_init(&lines, &format_cryptofeed1, NULL, NULL);
    *state = &lines;
    return 0;
}

static int teardown(void **state)
{
    lines_finish(*state);
    return 0;
}

static void the_fixture_is_recognised_and_read(void **state)
{
    static struct fixture_items items;
    (void)state;
    assert_true(
        fixture_items_read(&items, "cryptofeed1.txt", &(struct format_options){.symbol = NULL}));
    assert_string_equal(items.format, "cryptofeed1");
    assert_string_equal(
        items.text,
        "{\"kind\":\"trade\",\"symbol\":\"ABC/XYZ\",\"source\":\"kraken\",\"seq\":0,"
        "\"ts\":1700000002012345,\"recv\":1700000002049612,\"price\":\"12.340000000\","
        "\"size\":\"0.00100000\",\"side\":\"sell\"}\n"
        "{\"kind\":\"trade\",\"symbol\":\"ABC/XYZ\",\"source\":\"kraken\",\"seq\":0,"
        "\"ts\":1700000002023456,\"recv\":1700000002049612,\"price\":\"12.350000000\","
        "\"size\":\"2.50000000\",\"side\":\"buy\"}\n"
        "{\"kind\":\"quote\",\"symbol\":\"ABC/XYZ\",\"source\":\"kraken\",\"seq\":0,"
        "\"recv\":1700000003123456,\"bid\":\"12.340000000\",\"bid_size\":\"30.25000000\","
        "\"ask\":\"12.350000000\",\"ask_size\":\"1.50000000\"}\n");
    assert_int_equal(items.batch.ignored, 5);
    assert_int_equal(items.batch.bad, 0);
}

static void receive_times_keep_every_digit(void **state)
{
    struct lines *lines = *state;
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {
        {KRAKEN_TRADE("1700000000"), INT64_C(1700000000000000000)},
        {KRAKEN_TRADE("1700000000.1"), INT64_C(1700000000100000000)},
        {KRAKEN_TRADE("1700000000.3771882"), INT64_C(1700000000377188200)},
        {KRAKEN_TRADE("1700000000.123456789"), INT64_C(1700000000123456789)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(lines_parse(lines, cases[i].text, strlen(cases[i].text)), FORMAT_EVENTS);
        assert_true(lines->output.events[0].recv_ns == cases[i].ns);
        assert_true(lines->output.events[0].ts_ns == INT64_C(1700000000500000000));
    }
}

static void a_url_changes_the_exchange(void **state)
{
    assert_string_equal(lines_items(*state, "wss://ws.kraken.com <-> 1700000000.5"), "ignored");
    assert_non_null(strstr(lines_items(*state, KRAKEN_TRADE("1.5")), "\"source\":\"kraken\""));
    assert_string_equal(lines_items(*state, "wss://ws.bitstamp.net/ <-> 1700000000.5"), "ignored");
    assert_non_null(strstr(lines_items(*state, BITSTAMP_TRADE), "\"source\":\"bitstamp\""));
    assert_string_equal(lines_items(*state, "wss://ws.bitstamp.net/ <- 1700000000.5: {}"),
                        "ignored");
}

static void without_a_url_the_first_clear_message_tells(void **state)
{
    assert_string_equal(lines_items(*state, "1700000000.5: {}"), "ignored");
    assert_non_null(strstr(lines_items(*state, BITSTAMP_TRADE), "\"source\":\"bitstamp\""));
}

static void exchange_goes_before_all(void **state)
{
    struct lines lines;
    (void)state;
    lines_begin(&lines, &format_cryptofeed1, &(struct format_options){.exchange = "bitstamp"});
    assert_string_equal(lines_items(&lines, "wss://example.com <-> 1700000000.5"), "ignored");
    assert_non_null(strstr(lines_items(&lines, BITSTAMP_TRADE), "\"source\":\"bitstamp\""));
    lines_finish(&lines);
}

static void an_unknown_exchange_is_said(void **state)
{
    struct lines *lines = *state;
    char error[FORMAT_REASON_MAX];
    void *parser = NULL;
    assert_string_equal(lines_items(lines, "wss://example.com <-> 1700000000.5"), "bad");
    assert_non_null(strstr(lines->output.reason, "not the URL of a known exchange"));
    assert_string_equal(lines_items(lines, BITSTAMP_TRADE), "bad");
    assert_int_equal(format_cryptofeed1.create(&(struct format_options){.exchange = "nyse"},
                                               &parser, error, sizeof error),
                     -EINVAL);
    assert_string_equal(error, "exchange=nyse is unknown; allowed: coinbase, coinbase-advanced, "
                               "kraken, kraken2, bitstamp, bybit, binance");
    assert_null(parser);
}

static void broken_lines_are_bad_with_a_reason(void **state)
{
    static const struct {
        const char *line, *reason;
    } bad[] = {
        {"x", "neither \"SECONDS: JSON\" nor"},
        {"{\"event\":\"heartbeat\"}", "neither \"SECONDS: JSON\" nor"},
        {"1700000000.5 {}", "neither"},
        {"1700000000.5:{}", "neither"},
        {"-: {}", "neither"},
        {"99999999999.5: {}", "neither"},
        {"1700000000.5: ", "the text ends early at byte 15"},
        {"1700000000.5: [7,", "the text ends early at byte 18"},
        {"1700000000.5: x", "no JSON value at byte 15"},
    };
    struct lines *lines = *state;
    lines_items(lines, "wss://ws.kraken.com <-> 1700000000.5");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_string_equal(lines_items(lines, bad[i].line), "bad");
        assert_non_null(strstr(lines->output.reason, bad[i].reason));
    }
    for (size_t cut = 0; cut < sizeof BITSTAMP_TRADE - 1; cut++)
        assert_int_equal(lines_parse(lines, BITSTAMP_TRADE, cut), FORMAT_BAD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_fixture_is_recognised_and_read), TEST(receive_times_keep_every_digit),
        TEST(a_url_changes_the_exchange),         TEST(without_a_url_the_first_clear_message_tells),
        TEST(exchange_goes_before_all),           TEST(an_unknown_exchange_is_said),
        TEST(broken_lines_are_bad_with_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
