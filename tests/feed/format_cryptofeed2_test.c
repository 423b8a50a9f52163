/* cryptofeed JSON lines: connections, sessions of their own, and what is broken. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>

#include "tests/support/fixture_items.h"
#include "tests/support/format_lines.h"

#define HEADER(format, exchange)                                                                   \
    "{\"t\":\"header\",\"format\":" format ",\"exchange\":\"" exchange "\"}"
#define CONNECT(conn, addr)                                                                        \
    "{\"t\":\"connect\",\"conn\":\"" conn "\",\"ts\":1700000000.5,\"addr\":\"" addr "\"}"
#define RECV(conn, ts, data)                                                                       \
    "{\"t\":\"recv\",\"conn\":\"" conn "\",\"ts\":" ts ",\"data\":\"" data "\"}"
#define TICKER(fields)                                                                             \
    "{\\\"topic\\\":\\\"tickers.A\\\",\\\"type\\\":\\\"delta\\\",\\\"ts\\\":1700000000000,"        \
    "\\\"data\\\":{\\\"symbol\\\":\\\"A\\\"," fields "}}"
#define BID(price) TICKER("\\\"bid1Price\\\":\\\"" price "\\\"")
#define ASK(price) TICKER("\\\"ask1Price\\\":\\\"" price "\\\"")

static int setup(void **state)
{
    static struct lines lines;
    lines_init(&lines, &format_cryptofeed2, NULL, NULL);
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
        fixture_items_read(&items, "cryptofeed2.jsonl", &(struct format_options){.symbol = NULL}));
    assert_string_equal(items.format, "cryptofeed2");
    assert_string_equal(items.text,
                        "{\"kind\":\"quote\",\"symbol\":\"ABCXYZ\",\"source\":\"bybit\",\"seq\":0,"
                        "\"ts\":1700000002500000,\"recv\":1700000002526357,\"bid\":\"12.20\","
                        "\"bid_size\":\"5.954\",\"ask\":\"12.30\",\"ask_size\":\"10.470\"}\n"
                        "{\"kind\":\"quote\",\"symbol\":\"ABCXYZ\",\"source\":\"bybit\",\"seq\":0,"
                        "\"ts\":1700000004500000,\"recv\":1700000004526000,\"bid\":\"12.20\","
                        "\"bid_size\":\"5.954\",\"ask\":\"12.40\",\"ask_size\":\"3.000\"}\n"
                        "{\"kind\":\"trade\",\"symbol\":\"ABCXYZ\",\"source\":\"bybit\",\"seq\":0,"
                        "\"ts\":1700000001888000,\"recv\":1700000001900000,\"price\":\"12.20\","
                        "\"size\":\"0.004\",\"side\":\"sell\"}\n");
    assert_int_equal(items.batch.ignored, 7);
    assert_int_equal(items.batch.bad, 0);
}

static void each_connection_merges_for_itself(void **state)
{
    assert_non_null(strstr(lines_items(*state, RECV("1", "1.5", BID("1.0"))), "\"bid\":\"1.0\"}"));
    assert_non_null(strstr(lines_items(*state, RECV("2", "1.5", ASK("2.0"))), ",\"ask\":\"2.0\"}"));
    assert_null(strstr(((struct lines *)*state)->items, "bid"));
    assert_non_null(strstr(lines_items(*state, RECV("1", "1.5", ASK("2.0"))),
                           "\"bid\":\"1.0\",\"ask\":\"2.0\"}"));
    assert_string_equal(lines_items(*state, CONNECT("1", "wss://stream.bybit.com/v5")), "ignored");
    assert_null(strstr(lines_items(*state, RECV("1", "1.5", ASK("3.0"))), "bid"));
}

static void whose_it_is_tells_the_address_or_a_message(void **state)
{
    assert_string_equal(lines_items(*state, CONNECT("1", "wss://ws.kraken.com")), "ignored");
    assert_string_equal(lines_items(*state, RECV("1", "1.5", BID("1.0"))), "ignored");
    assert_string_equal(lines_items(*state, CONNECT("2", "wss://example.com")), "ignored");
    assert_string_equal(lines_items(*state, RECV("2", "1.5", "{}")), "ignored");
    assert_non_null(strstr(lines_items(*state, RECV("2", "1.5", BID("1.0"))), "bybit"));
}

static void exchange_goes_before_the_address(void **state)
{
    struct lines lines;
    (void)state;
    lines_begin(&lines, &format_cryptofeed2, &(struct format_options){.exchange = "bybit"});
    assert_string_equal(lines_items(&lines, HEADER("2", "NYSE")), "ignored");
    assert_string_equal(lines_items(&lines, CONNECT("1", "wss://ws.kraken.com")), "ignored");
    assert_non_null(strstr(lines_items(&lines, RECV("1", "1.5", BID("1.0"))), "bybit"));
    lines_finish(&lines);
}

static void what_cannot_be_understood_is_refused_at_the_header(void **state)
{
    struct lines *lines = *state;
    assert_string_equal(lines_items(lines, HEADER("2", "BINANCE_FUTURES")), "ignored");
    assert_string_equal(lines_items(lines, HEADER("3", "BYBIT")), "refused");
    assert_non_null(strstr(lines->output.reason, "another format than 2"));
    assert_string_equal(lines_items(lines, HEADER("2", "NYSE")), "refused");
    assert_non_null(strstr(lines->output.reason, "exchange NYSE is not known"));
}

static void broken_lines_are_bad_with_a_reason(void **state)
{
    static const struct {
        const char *line, *reason;
    } bad[] = {
        {"", "the text ends early"},
        {"[]", "not a JSON object"},
        {"{}", "t is missing"},
        {"{\"t\":\"recv\"}", "ts is missing"},
        {RECV("1", "\"x\"", "{}"), "ts is not a time"},
        {"{\"t\":\"recv\",\"ts\":1}", "data is missing or not a string"},
        {"{\"t\":\"recv\",\"ts\":1,\"data\":{}}", "data is missing or not a string"},
        {RECV("1", "1", ""), "the text ends early"},
        {RECV("1", "1", "{"), "bad JSON: the text ends early at byte 2"},
        {RECV("1", "1", "\\ud800"), "half of a surrogate pair"},
        {RECV("2", "1", BID("x")), "bid1Price is not a decimal"},
    };
    struct lines *lines = *state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_string_equal(lines_items(lines, bad[i].line), "bad");
        assert_non_null(strstr(lines->output.reason, bad[i].reason));
    }
}

static void a_line_cut_anywhere_is_bad(void **state)
{
    static const char line[] = RECV("1", "1.5", BID("1.0"));
    for (size_t cut = 0; cut < sizeof line - 1; cut++)
        assert_int_equal(lines_parse(*state, line, cut), FORMAT_BAD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_fixture_is_recognised_and_read),
        TEST(each_connection_merges_for_itself),
        TEST(whose_it_is_tells_the_address_or_a_message),
        TEST(exchange_goes_before_the_address),
        TEST(what_cannot_be_understood_is_refused_at_the_header),
        TEST(broken_lines_are_bad_with_a_reason),
        TEST(a_line_cut_anywhere_is_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
