/* Collector lines of Binance streams: what becomes an event, what is ignored, what is bad. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "tests/support/format_lines.h"

#define RECV "1700000000123456789 "
#define SPOT_QUOTE                                                                                 \
    "{\"u\":400,\"s\":\"ABCXYZ\",\"b\":\"12.3400\",\"B\":\"5.0\",\"a\":\"12.3500\",\"A\":\"0."     \
    "70\"}"
#define TRADE(more)                                                                                \
    "{\"e\":\"trade\",\"E\":1700000000001,\"s\":\"ABCXYZ\",\"t\":7,\"p\":\"12.3400\","             \
    "\"q\":\"0.00100000\",\"T\":1700000000000,\"m\":" more "}"

static int setup(void **state)
{
    static struct lines lines;
    lines_init(&lines, &format_binance, NULL, NULL);
    *state = &lines;
    return 0;
}

static int teardown(void **state)
{
    lines_finish(*state);
    return 0;
}

static void a_trade_keeps_its_text_and_turns_maker_into_taker(void **state)
{
    assert_string_equal(
        lines_items(*state, RECV TRADE("true")),
        "{\"kind\":\"trade\",\"symbol\":\"ABCXYZ\",\"source\":\"binance\",\"seq\":0,"
        "\"ts\":1700000000000000,\"recv\":1700000000123456,\"price\":\"12.3400\","
        "\"size\":\"0.00100000\",\"side\":\"sell\"}");
    assert_non_null(strstr(lines_items(*state, RECV TRADE("false")), "\"side\":\"buy\""));
    assert_non_null(
        strstr(lines_items(*state, RECV "{\"stream\":\"abcxyz@trade\",\"data\":" TRADE("true") "}"),
               "\"price\":\"12.3400\""));
}

static void an_aggregate_trade_is_a_trade(void **state)
{
    assert_string_equal(
        lines_items(
            *state,
            RECV "{\"data\":{\"e\":\"aggTrade\",\"E\":1700000000001,\"a\":26129,\"s\":\"ABCXYZ\","
                 "\"p\":\"-0.01633102\",\"q\":\"0\",\"f\":27781,\"l\":27781,"
                 "\"T\":1700000000000,\"m\":true},\"stream\":\"abcxyz@aggTrade\"}"),
        "{\"kind\":\"trade\",\"symbol\":\"ABCXYZ\",\"source\":\"binance\",\"seq\":0,"
        "\"ts\":1700000000000000,\"recv\":1700000000123456,\"price\":\"-0.01633102\","
        "\"size\":\"0\",\"side\":\"sell\"}");
}

static void a_spot_quote_is_known_by_its_stream_or_its_fields(void **state)
{
    static const char want[] =
        "{\"kind\":\"quote\",\"symbol\":\"ABCXYZ\",\"source\":\"binance\",\"seq\":0,"
        "\"recv\":1700000000123456,\"bid\":\"12.3400\",\"bid_size\":\"5.0\","
        "\"ask\":\"12.3500\",\"ask_size\":\"0.70\"}";
    assert_string_equal(lines_items(*state, RECV SPOT_QUOTE), want);
    assert_string_equal(
        lines_items(*state, RECV "{\"stream\":\"abcxyz@bookTicker\",\"data\":" SPOT_QUOTE "}"),
        want);
    assert_string_equal(lines_items(*state, RECV "{\"stream\":\"abcxyz@bookTicker\",\"data\":"
                                                 "{\"s\":\"ABCXYZ\"}}"),
                        "bad"); /* its name promised a quote */
}

static void a_futures_quote_has_transaction_time_else_event_time(void **state)
{
#define QUOTE "\"u\":4,\"s\":\"ABCXYZ\",\"b\":\"1\",\"B\":\"2\",\"a\":\"3\",\"A\":\"4\""
    assert_non_null(strstr(lines_items(*state, RECV "{\"e\":\"bookTicker\"," QUOTE
                                                    ",\"T\":1700000000005,\"E\":1700000000009}"),
                           "\"ts\":1700000000005000,"));
    assert_non_null(
        strstr(lines_items(*state, RECV "{\"e\":\"bookTicker\"," QUOTE ",\"E\":1700000000009}"),
               "\"ts\":1700000000009000,"));
    assert_null(strstr(lines_items(*state, RECV "{\"e\":\"bookTicker\"," QUOTE "}"), "\"ts\""));
}

static void microseconds_are_told_by_magnitude(void **state)
{
    static const struct {
        const char *time, *want;
    } cases[] = {
        {"0", "\"ts\":0,"},
        {"1700000000000", "\"ts\":1700000000000000,"},
        {"1700000000000001", "\"ts\":1700000000000001,"},
        {"100000000000000", "\"ts\":100000000000000,"},
        {"9223372036854", "\"ts\":9223372036854000,"},
        {"9223372036855", "bad"}, /* milliseconds beyond what 64 bits of nanoseconds hold */
        {"99999999999999", "bad"},
        {"9223372036854775", "\"ts\":9223372036854775,"},
        {"9223372036854776", "bad"},
        {"1700000000000000000", "bad"},
        {"99999999999999999999", "bad"},
        {"-1", "bad"},
        {"1700000000000.0", "bad"},
        {"\"1700000000000\"", "bad"},
        {"null", "bad"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[512];
        snprintf(line, sizeof line,
                 RECV "{\"e\":\"trade\",\"s\":\"A\",\"p\":\"1\",\"q\":\"1\",\"m\":true,\"T\":%s}",
                 cases[i].time);
        const char *items = lines_items(*state, line);
        assert_non_null(strstr(items, cases[i].want));
    }
}

static void crossed_quotes_and_zero_sizes_are_good(void **state)
{
    assert_non_null(
        strstr(lines_items(*state, RECV "{\"u\":1,\"s\":\"A\",\"b\":\"2\",\"B\":\"0\","
                                        "\"a\":\"1\",\"A\":\"0.000\"}"),
               "\"bid\":\"2\",\"bid_size\":\"0\",\"ask\":\"1\",\"ask_size\":\"0.000\""));
}

static void other_messages_are_ignored(void **state)
{
    static const char *const others[] = {
        "{\"e\":\"depthUpdate\",\"s\":\"A\",\"b\":[[\"1\",\"2\"]],\"a\":[]}",
        "{\"stream\":\"a@depth5\",\"data\":{\"lastUpdateId\":1,\"bids\":[],\"asks\":[]}}",
        "{\"lastUpdateId\":1,\"bids\":[[\"1\",\"2\"]],\"asks\":[]}",
        "{\"e\":\"kline\",\"s\":\"A\",\"k\":{\"t\":1,\"o\":\"1\"}}",
        "{\"stream\":\"!miniTicker@arr\",\"data\":[{\"e\":\"24hrMiniTicker\"}]}",
        "[{\"e\":\"24hrMiniTicker\"}]",
        "{\"result\":null,\"id\":1}",
        "{}",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char line[512];
        snprintf(line, sizeof line, RECV "%s", others[i]);
        assert_string_equal(lines_items(*state, line), "ignored");
    }
}

static void broken_lines_are_bad_with_a_reason(void **state)
{
#define REST ",\"s\":\"A\",\"m\":true,\"T\":1}"
    static const struct {
        const char *line, *reason;
    } bad[] = {
        {"", "no receive time"},
        {"{}", "no receive time"},
        {"1700000000123456789", "no receive time"},
        {"1700000000123456789\t{}", "no receive time"},
        {" 1700000000123456789 {}", "no receive time"},
        {"-1 {}", "no receive time"},
        {"9223372036854775808 {}", "no receive time"},
        {RECV, "bad JSON: the text ends early at byte 21"},
        {RECV "{\"e\":\"trade\"", "bad JSON: the text ends early at byte 33"},
        {RECV "{\"e\":\"kline\"} x", "bad JSON: text behind the JSON value at byte 35"},
        {RECV "{\"data\":{\"e\":\"trade\",}}", "bad JSON"},
        {RECV "5", "neither a JSON object nor an array"},
        {RECV "NaN", "bad JSON"},
        {RECV "{\"e\":\"trade\",\"q\":\"1\"" REST, "p is missing"},
        {RECV "{\"e\":\"trade\",\"p\":\"1\"" REST, "q is missing"},
        {RECV "{\"e\":\"trade\",\"p\":\"\",\"q\":\"1\"" REST, "p is not a decimal"},
        {RECV "{\"e\":\"trade\",\"p\":\"NaN\",\"q\":\"1\"" REST, "p is not a decimal"},
        {RECV "{\"e\":\"trade\",\"p\":\"1e5\",\"q\":\"1\"" REST, "p is not a decimal"},
        {RECV "{\"e\":\"trade\",\"p\":null,\"q\":\"1\"" REST, "p is not a decimal"},
        {RECV "{\"e\":\"trade\",\"p\":[],\"q\":\"1\"" REST, "p is not a decimal"},
        {RECV "{\"e\":\"trade\",\"p\":\"18446744073709551616\",\"q\":\"1\"" REST,
         "p has too many digits"},
        {RECV "{\"e\":\"trade\",\"p\":\"1\",\"q\":\"1\",\"m\":true,\"T\":1}", "s is missing"},
        {RECV "{\"e\":\"trade\",\"p\":\"1\",\"q\":\"1\",\"m\":true,\"T\":1,\"s\":5}",
         "s is not a string"},
        {RECV "{\"e\":\"trade\",\"p\":\"1\",\"q\":\"1\",\"m\":true,\"T\":1,\"s\":\"\"}",
         "symbol is not a name"},
        {RECV "{\"e\":\"trade\",\"p\":\"1\",\"q\":\"1\",\"m\":true,\"T\":1,\"s\":\"a\\u0000\"}",
         "symbol is not a name"},
        {RECV "{\"e\":\"trade\",\"p\":\"1\",\"q\":\"1\",\"m\":1,\"T\":1,\"s\":\"A\"}",
         "m is missing or neither"},
        {RECV "{\"e\":\"trade\",\"p\":\"1\",\"q\":\"1\",\"T\":1,\"s\":\"A\"}",
         "m is missing or neither"},
        {RECV "{\"e\":\"trade\",\"p\":\"1\",\"q\":\"1\",\"m\":true,\"s\":\"A\"}", "T is missing"},
    };
    struct lines *lines = *state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_string_equal(lines_items(lines, bad[i].line), "bad");
        assert_non_null(strstr(lines->output.reason, bad[i].reason));
    }
    assert_int_equal(streams_count(lines->streams), 0);
}

static void a_line_cut_anywhere_is_bad(void **state)
{
    static const char line[] = RECV "{\"stream\":\"abcxyz@trade\",\"data\":" TRADE("true") "}";
    for (size_t cut = 0; cut < sizeof line - 1; cut++)
        assert_int_equal(lines_parse(*state, line, cut), FORMAT_BAD);
}

static void names_with_escapes_are_read(void **state)
{
    assert_non_null(strstr(lines_items(*state, RECV "{\"e\":\"trade\",\"s\":\"A\\u00e4\\\"B\","
                                                    "\"p\":\"1\",\"q\":\"1\",\"T\":1,\"m\":true}"),
                           "\"symbol\":\"A\xc3\xa4\\\"B\""));
}

static void options_go_before_the_names_in_the_file(void **state)
{
    struct lines lines;
    (void)state;
    lines_init(&lines, &format_binance, "BTC-USD", "archive");
    assert_non_null(strstr(lines_items(&lines, RECV SPOT_QUOTE),
                           "\"symbol\":\"BTC-USD\",\"source\":\"archive\""));
    lines_finish(&lines);
}

static struct line line_of(const char *text)
{
    return (struct line){.text = text, .len = strlen(text), .number = 1};
}

static void it_is_guessed_from_its_messages_not_from_time_and_json_alone(void **state)
{
    const struct line lines[] = {
        line_of(RECV SPOT_QUOTE),
        line_of("cut off at the front\"}"),
        line_of(RECV "{\"stream\":\"a@depth\",\"data\":{\"e\":\"depthUpdate\"}}"),
        line_of(RECV "{\"channel\":\"trades\",\"data\":[]}"),
        line_of("{\"e\":\"trade\"}"),
    };
    const char *why = "";
    (void)state;
    assert_true(format_binance.guess(lines, 1, &why) > 90);
    assert_true(format_binance.guess(lines, 3, &why) >= FORMAT_SURE_ENOUGH);
    assert_int_equal(format_binance.guess(lines + 1, 1, &why), 0);
    assert_int_equal(format_binance.guess(lines + 3, 1, &why), 0);
    assert_string_equal(why, "no Binance messages");
    assert_int_equal(format_binance.guess(lines + 4, 1, &why), 0);
    assert_string_equal(why, "no receive time in front of JSON");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_trade_keeps_its_text_and_turns_maker_into_taker),
        TEST(an_aggregate_trade_is_a_trade),
        TEST(a_spot_quote_is_known_by_its_stream_or_its_fields),
        TEST(a_futures_quote_has_transaction_time_else_event_time),
        TEST(microseconds_are_told_by_magnitude),
        TEST(crossed_quotes_and_zero_sizes_are_good),
        TEST(other_messages_are_ignored),
        TEST(broken_lines_are_bad_with_a_reason),
        TEST(a_line_cut_anywhere_is_bad),
        TEST(names_with_escapes_are_read),
        TEST(options_go_before_the_names_in_the_file),
        TEST(it_is_guessed_from_its_messages_not_from_time_and_json_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
