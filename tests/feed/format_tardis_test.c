/* CSV files of Tardis and of Binance. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>

#include "tests/support/fixture_items.h"
#include "tests/support/format_lines.h"

#define TRADES "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"
#define QUOTES "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount"

static int setup(void **state)
{
    static struct lines lines;
    lines_init(&lines, &format_tardis, NULL, NULL);
    *state = &lines;
    return 0;
}

static int teardown(void **state)
{
    lines_finish(*state);
    return 0;
}

static void the_fixtures_are_recognised_and_read(void **state)
{
    static struct fixture_items items;
    const struct format_options none = {.symbol = NULL};
    (void)state;
#define TRADE "{\"kind\":\"trade\",\"symbol\":\"ABCXYZ\",\"source\":\"alpha\",\"seq\":0,"
    assert_true(fixture_items_read(&items, "tardis_trades.csv", &none));
    assert_string_equal(items.format, "tardis");
    assert_string_equal(items.text,
                        TRADE "\"ts\":1700000000145000,\"recv\":1700000000307160,"
                              "\"price\":\"12.5\",\"size\":\"2152\",\"side\":\"sell\"}\n" //
                        TRADE "\"ts\":1700000000276000,\"recv\":1700000000336743,"
                              "\"price\":\"0.000027850\",\"size\":\"0\",\"side\":\"buy\"}\n" //
                        TRADE "\"ts\":1700000000276000,\"price\":\"12.50\"}\n");
#define QUOTE "{\"kind\":\"quote\",\"symbol\":\"ABCXYZ\",\"source\":\"alpha\",\"seq\":0,"
    assert_true(fixture_items_read(&items, "tardis_quotes.csv", &none));
    assert_string_equal(items.text,
                        QUOTE "\"ts\":1700000000099000,\"recv\":1700000000234268,"
                              "\"bid\":\"12.2\",\"bid_size\":\"806\",\"ask\":\"12.3\","
                              "\"ask_size\":\"5494\"}\n" //
                        QUOTE "\"ts\":1700000000133000,\"recv\":1700000000454126,"
                              "\"bid\":\"12.2\",\"bid_size\":\"806\"}\n");
    assert_true(fixture_items_read(&items, "binance_trades.csv",
                                   &(struct format_options){.symbol = "ABCXYZ"}));
    assert_string_equal(items.format, "binance-csv");
    assert_string_equal(items.text,
                        "{\"kind\":\"trade\",\"symbol\":\"ABCXYZ\",\"source\":\"binance\","
                        "\"seq\":0,\"ts\":1700000000130000,\"price\":\"12.34000000\","
                        "\"size\":\"0.00100000\",\"side\":\"sell\"}\n"
                        "{\"kind\":\"trade\",\"symbol\":\"ABCXYZ\",\"source\":\"binance\","
                        "\"seq\":0,\"ts\":1700000000180000,\"price\":\"12.35000000\","
                        "\"size\":\"1.25000000\",\"side\":\"buy\"}\n");
}

static void columns_are_found_by_name(void **state)
{
    assert_string_equal(
        lines_items(*state, "exchange,symbol,timestamp,local_timestamp,bid_amount,new,bid_price,"
                            "ask_price,ask_amount"),
        "");
    assert_non_null(
        strstr(lines_items(*state, "x,S,1,2,10,?,1.0,2.0,20"),
               "\"bid\":\"1.0\",\"bid_size\":\"10\",\"ask\":\"2.0\",\"ask_size\":\"20\""));
    assert_string_equal(lines_items(*state, TRADES), ""); /* of the next file */
    assert_non_null(strstr(lines_items(*state, "x,S,1,2,,buy,1.0,3"), "\"price\":\"1.0\""));
    assert_string_equal(lines_items(*state, "price,local_timestamp,id,symbol,amount,side,timestamp,"
                                            "exchange"),
                        "");
    assert_non_null(
        strstr(lines_items(*state, "1.0,2,7,S,3,sell,1,x"),
               "\"ts\":1,\"recv\":2,\"price\":\"1.0\",\"size\":\"3\",\"side\":\"sell\""));
}

static void kinds_without_prices_are_refused(void **state)
{
    static const char *const others[] = {
        "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount",
        "exchange,symbol,timestamp,local_timestamp,asks[0].price,asks[0].amount",
        "exchange,symbol,timestamp,local_timestamp,funding_rate,last_price",
    };
    struct lines *lines = *state;
    const char *why = "";
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const struct line line = {others[i], strlen(others[i]), 1};
        assert_string_equal(lines_items(lines, others[i]), "refused");
        assert_non_null(strstr(lines->output.reason, "without trades or best quotes"));
        assert_true(format_tardis.guess(&line, 1, &why) > 90); /* so that the user reads this */
    }
}

static void broken_tardis_rows_are_bad_with_a_reason(void **state)
{
    static const struct {
        const char *header, *row, *reason;
    } bad[] = {
        {TRADES, "x,S,1,2,,buy,1.0", "the row has 7 fields, the header names 8"},
        {TRADES, "x,S,1,2,,buy,,1", "price is missing"},
        {TRADES, "x,S,1,2,,buy,1e-8,1", "price is not a decimal"},
        {TRADES, "x,S,1,2,,both,1,1", "side is neither"},
        {TRADES, "x,S,,,,buy,1,1", "timestamp and local_timestamp are both empty"},
        {TRADES, "x,S,a,2,,buy,1,1", "timestamp is not a time"},
        {TRADES, "x,,1,2,,buy,1,1", "symbol is not a name"},
        {TRADES, ",S,1,2,,buy,1,1", "source is not a name"},
        {TRADES, "\"x,S,1,2,,buy,1,1", "a quote does not end, in field 1"},
        {QUOTES, "x,S,1,2,3,,,4", "bid_price and ask_price are both empty"},
        {QUOTES, "x,S,1,2,x,1,1,4", "ask_amount is not a decimal"},
    };
    struct lines *lines = *state;
    assert_string_equal(lines_items(lines, "x,S,1,2,,buy,1.0,1"), "bad");
    assert_non_null(strstr(lines->output.reason, "no header"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        lines_items(lines, bad[i].header);
        assert_string_equal(lines_items(lines, bad[i].row), "bad");
        assert_non_null(strstr(lines->output.reason, bad[i].reason));
    }
}

/* ---- Binance ---- */

static void binance_rows_are_told_by_where_the_boolean_stands(void **state)
{
    static const struct {
        const char *row, *want;
    } cases[] = {
        {"id,price,qty,quote_qty,time,is_buyer_maker", ""},
        {"agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker",
         ""},
        {"1,2.50,3.0,7.5,1700000000123,True,True", "\"ts\":1700000000123000,\"price\":\"2.50\""},
        {"1,2.50,3.0,7.5,1700000000123456,true,true", "\"ts\":1700000000123456,"},
        {"1,2.50,3.0,8,9,1700000000123,false,True", "\"side\":\"buy\""},
        {"1,2.50,3.0,7.5,1700000000123,false", "\"side\":\"buy\""},
        {"1,2.50,3.0,8,9,1700000000123,true", "\"side\":\"sell\""},
        {"1,2.50,3.0,8,9,1700000000123,maybe", "bad"},
        {"1,2.50,3.0,7.5,x,true", "bad"},
        {"1,,3.0,7.5,1700000000123,true", "bad"},
        {"1,2.5,3.0,7.5,99999999999999999,true", "bad"},
        {"1637971200000,2,2,2,2,36304,1637971259999,1,79,19523,0.5,0", "bad"},
        {"", "bad"},
    };
    struct lines lines;
    (void)state;
    lines_init(&lines, &format_binance_csv, "ABCXYZ", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_non_null(strstr(lines_items(&lines, cases[i].row), cases[i].want));
    lines_finish(&lines);
}

static void binance_files_need_a_symbol(void **state)
{
    static struct fixture_items items;
    (void)state;
    assert_false(
        fixture_items_read(&items, "binance_trades.csv", &(struct format_options){.symbol = NULL}));
    assert_non_null(strstr(items.error, "format binance-csv: symbol= is needed"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_fixtures_are_recognised_and_read),
        TEST(columns_are_found_by_name),
        TEST(kinds_without_prices_are_refused),
        TEST(broken_tardis_rows_are_bad_with_a_reason),
        TEST(binance_rows_are_told_by_where_the_boolean_stands),
        TEST(binance_files_need_a_symbol),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
