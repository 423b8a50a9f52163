/* Generic CSV files: columns, clocks, scales, sides, headers, and what is wrong with them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>

#include "tests/support/fixture_items.h"
#include "tests/support/format_lines.h"

/* Parses lines one after the other and expects what stands in the last one's answer. */
static void expect(const struct format_options *options, const char *const *texts, size_t count,
                   const char *want)
{
    struct lines lines;
    const char *items = "";
    lines_begin(&lines, &format_csv, options);
    for (size_t i = 0; i < count; i++)
        items = lines_items(&lines, texts[i]);
    if (strcmp(items, "bad") == 0 || strcmp(items, "refused") == 0)
        items = lines.output.reason;
    if (strstr(items, want) == NULL)
        assert_string_equal(items, want);
    lines_finish(&lines);
}

#define LINES(want, texts, ...)                                                                    \
    do {                                                                                           \
        static const char *const all[] = texts;                                                    \
        expect(&(struct format_options){__VA_ARGS__}, all, sizeof all / sizeof *all, (want));      \
    } while (0)
#define LIST(...)                                                                                  \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define QUOTES(...) .columns = "ts,bid,ask", .symbol = "S", __VA_ARGS__

static void a_row_is_a_trade_or_a_quote_by_its_columns(void **state)
{
    (void)state;
    LINES("{\"kind\":\"trade\",\"symbol\":\"S\",\"source\":\"csv\",\"seq\":0,"
          "\"ts\":1700000000000000,\"price\":\"90.540000\",\"size\":\"1.10448420\"}",
          LIST("1700000000,90.540000,1.10448420"), .columns = "ts,price,size", .symbol = "S");
    LINES("{\"kind\":\"quote\",\"symbol\":\"X\",\"source\":\"alpha\",\"seq\":0,"
          "\"ts\":1700000000000000,\"recv\":1700000000000001,\"bid\":\"2\",\"bid_size\":\"0\","
          "\"ask\":\"1.0\",\"ask_size\":\"3\"}",
          LIST("X,1700000000,1700000000.000001999,3,1.0,0,2,junk"),
          .columns = "symbol,ts,recv,ask_size,ask,bid_size,bid,-", .source = "alpha");
    LINES("\"price\":\"1\",\"size\":\"2\",\"side\":\"sell\"}{\"kind\":\"quote\"",
          LIST("1700000000,1,2,S,3"), .columns = "ts,price,size,side,bid", .symbol = "S");
    LINES("\"ask\":\"5\"}", LIST("1700000000,,5"), QUOTES(.source = "x"));
    LINES("\"bid\":\"-0.50\",\"ask\":\"0\"}", LIST("1700000000, -0.50 ,0"), QUOTES(.source = "x"));
}

static void units_are_told_by_digits_and_verified(void **state)
{
    (void)state;
    LINES("\"ts\":1700000000000000,", LIST("1700000000,1,2"), QUOTES(.source = "x"));
    LINES("\"ts\":1700000000250000,", LIST("1700000000.25,1,2"), QUOTES(.source = "x"));
    LINES("\"ts\":1700000000123000,", LIST("1700000000123,1,2"), QUOTES(.source = "x"));
    LINES("\"ts\":1700000000123456,", LIST("1700000000123456,1,2"), QUOTES(.source = "x"));
    LINES("\"ts\":1700000000123456,", LIST("1700000000123456789,1,2"), QUOTES(.source = "x"));
    LINES("ts has another number of digits than in the rows before",
          LIST("1700000000123,1,2", "1700000000,1,2"), QUOTES(.source = "x"));
    LINES("ts is a number that is no time since 1970", LIST("14430270,1,2"), QUOTES(.source = "x"));
    LINES("\"ts\":14430000000,", LIST("14430,1,2"), QUOTES(.ts_unit = "s"));
    LINES("\"ts\":1700000000123456,", LIST("1700000000123456.7,1,2"), QUOTES(.ts_unit = "us"));
    LINES("\"ts\":1700000000250000,", LIST("2023-11-14T22:13:20.25,1,2"), QUOTES(.ts_unit = "iso"));
    LINES("ts is a number, but ts_unit=iso says dates", LIST("1700000000,1,2"),
          QUOTES(.ts_unit = "iso"));
    LINES("ts is out of range", LIST("1700000000123456,1,2"), QUOTES(.ts_unit = "s"));
}

static void with_a_date_numbers_count_from_midnight(void **state)
{
    (void)state;
    LINES("\"ts\":1398902400292000,", LIST("292,1,2"), QUOTES(.date = "2014-05-01"));
    LINES("\"ts\":1398920401787000,", LIST("1787,1,2"),
          QUOTES(.date = "2014-05-01", .tz = "-05:00"));
    LINES("\"ts\":1398981600976260,", LIST("79200976.26,1,2"), QUOTES(.date = "2014-05-01"));
    LINES("\"ts\":1398902401500000,", LIST("1.5,1,2"),
          QUOTES(.date = "2014-05-01", .ts_unit = "s"));
    LINES("\"ts\":1398936600250000,", LIST("09:30:00.25,1,2"), QUOTES(.date = "2014-05-01"));
    LINES("ts is more than two days after midnight", LIST("1700000000,1,2"),
          QUOTES(.date = "2014-05-01"));
}

static void times_may_be_texts(void **state)
{
    (void)state;
    LINES("\"ts\":1577916000065000,", LIST("20200101 170000065,1,2"), QUOTES(.tz = "-05:00"));
    LINES("\"ts\":1577898000065000,", LIST("2020-01-01T17:00:00.065Z,1,2"), QUOTES(.tz = "-05:00"));
    LINES("\"ts\":1577898000000000,", LIST("01.01.2020 17:00:00.000,1,2"), QUOTES(.source = "x"));
    LINES("ts is not a time", LIST("Jan 1 2020,1,2"), QUOTES(.source = "x"));
    LINES("ts is not a time", LIST("09:30:00,1,2"), QUOTES(.source = "x"));
}

static void scaled_prices_are_integers(void **state)
{
    (void)state;
    LINES("\"price\":\"182.1000\",\"size\":\"100\"}", LIST("1700000000,1821000,100"),
          .columns = "ts,price,size", .symbol = "S", .price_scale = "4");
    LINES("\"bid\":\"0.0001\",\"ask\":\"0.0000\"}", LIST("1700000000,1,0"),
          QUOTES(.price_scale = "4"));
    LINES("bid is not an integer of at most 19 digits, as price_scale= has it",
          LIST("1700000000,1.5,0"), QUOTES(.price_scale = "4"));
}

#define SIDED(...)                                                                                 \
    .columns = "ts,bid,bid_size,ask,ask_size", .symbol = "S", .one_sided = "1", __VA_ARGS__

static void one_sided_quotes_keep_the_other_side(void **state)
{
    (void)state;
    LINES("000,\"ask\":\"12.3\",\"ask_size\":\"100\"}", LIST("1700000000,0,0,12.3,100"),
          SIDED(.source = "x"));
    LINES("\"bid\":\"12.2\",\"bid_size\":\"5\",\"ask\":\"12.3\",\"ask_size\":\"100\"}",
          LIST("1700000000,0,0,12.3,100", "1700000001,12.2,5,0,0"), SIDED(.source = "x"));
    LINES("\"bid\":\"12.1\",\"bid_size\":\"0\",\"ask\":\"12.3\",\"ask_size\":\"100\"}",
          LIST("1700000000,0,0,12.3,100", "1700000001,12.1,0,,"), SIDED(.source = "x"));
    LINES("bid and ask are both zero or empty",
          LIST("1700000000,0,0,12.3,100", "1700000001,0,0,0.0,0"), SIDED(.source = "x"));
    LINES("\"bid\":\"0\",\"bid_size\":\"0\",\"ask\":\"12.3\"", LIST("1700000000,0,0,12.3,100"),
          .columns = "ts,bid,bid_size,ask,ask_size", .symbol = "S");
}

static void sides_are_kept_for_each_symbol(void **state)
{
    (void)state;
    LINES("000,\"bid\":\"1\"}", LIST("1700000000,A,0,2", "1700000000,B,1,0"),
          .columns = "ts,symbol,bid,ask", .one_sided = "1");
    LINES("\"bid\":\"1\",\"ask\":\"2\"}",
          LIST("1700000000,A,0,2", "1700000000,B,3,4", "1700000000,A,1,0"),
          .columns = "ts,symbol,bid,ask", .one_sided = "1");
}

static void delimiters_are_found_or_given(void **state)
{
    (void)state;
    LINES("\"bid\":\"1.5\",\"ask\":\"2\"}", LIST("1700000000;1.5;2"), QUOTES(.source = "x"));
    LINES("\"bid\":\"1.5\",\"ask\":\"2\"}", LIST("1700000000\t1.5\t2"), QUOTES(.source = "x"));
    LINES("\"bid\":\"1.5\",\"ask\":\"2\"}", LIST("1700000000 1.5 2"), QUOTES(.delimiter = "space"));
    LINES("\"bid\":\"1.5\",\"ask\":\"2\"}", LIST("1700000000:1.5:2"), QUOTES(.delimiter = ":"));
    LINES("bid is not a decimal", LIST("1700000000;1,5;2"), QUOTES(.delimiter = "semicolon"));
}

static void headers_are_seen_or_said(void **state)
{
    (void)state;
    LINES("\"bid\":\"1\"", LIST("time,Bid,Ask", "1700000000,1,2"), QUOTES(.source = "x"));
    LINES("\"bid\":\"1\"", LIST("1,2,3", "1700000000,1,2"), QUOTES(.header = "yes"));
    LINES("ts is not a time", LIST("time,Bid,Ask"), QUOTES(.header = "no"));
    LINES("\"bid\":\"1\"", LIST("# made by hand", "junk", "1700000000,1,2"), QUOTES(.skip = "2"));
    LINES("\"bid\":\"2\",\"ask\":\"1\"}", LIST("x,ask,ts,bid", "?,1,1700000000,2"), .symbol = "S");
    LINES("the header has neither ts nor recv; columns= must name the 2 fields", LIST("time,price"),
          .symbol = "S");
    LINES("the header has no symbol, and there is no symbol=", LIST("ts,price"), .source = "x");
    LINES("columns= must name the 3 fields: there is no header", LIST("1,2,3"), .symbol = "S");
}

static void broken_rows_are_bad_with_a_reason(void **state)
{
    (void)state;
    LINES("the row has 2 fields, columns= names 3", LIST("1700000000,1"), QUOTES(.source = "x"));
    LINES("the row has 4 fields, columns= names 3; - passes one over", LIST("1700000000,1,2,3"),
          QUOTES(.source = "x"));
    LINES("the row has no price", LIST("1700000000,,"), QUOTES(.source = "x"));
    LINES("the row has no time", LIST(",1,2"), QUOTES(.source = "x"));
    LINES("bid is not a decimal", LIST("1700000000,NaN,2"), QUOTES(.source = "x"));
    LINES("bid is not a decimal", LIST("1700000000,1e5,2"), QUOTES(.source = "x"));
    LINES("ask has too many digits", LIST("1700000000,1,99999999999999999999"),
          QUOTES(.source = "x"));
    LINES("a quote does not end, in field 2", LIST("1700000000,\"1,2"), QUOTES(.source = "x"));
    LINES("side is none of buy, sell", LIST("1700000000,1,x"), .columns = "ts,price,side",
          .symbol = "S");
    LINES("symbol is not a name", LIST("1700000000,1,"), .columns = "ts,price,symbol");
}

static void options_that_make_no_sense_are_refused(void **state)
{
    static const struct {
        struct format_options options;
        const char *error;
    } bad[] = {
        {{.columns = "ts,prize", .symbol = "S"},
         "columns= has \"prize\" in place 2; allowed: ts recv symbol"},
        {{.columns = "ts,price,", .symbol = "S"}, "columns= has \"\" in place 3; allowed"},
        {{.columns = "ts,price", .symbol = "S", .delimiter = "\n"},
         "allowed: one character, or comma"},
        {{.columns = "ts,price", .symbol = "S", .delimiter = "5"},
         "allowed: one character, or comma"},
        {{.columns = "ts,price,ts", .symbol = "S"}, "columns= has \"ts\" in place 3; allowed"},
        {{.columns = "ts,size", .symbol = "S"}, "columns=ts,size has neither price, bid nor ask"},
        {{.columns = "price", .symbol = "S"}, "columns=price has neither ts nor recv"},
        {{.columns = "ts,price"}, "columns=ts,price has no symbol, and there is no symbol="},
        {{QUOTES(.date = "2013-02-30")}, "date=2013-02-30; allowed: a day such as"},
        {{QUOTES(.date = "2013-02-20T10:00")}, "date=2013-02-20T10:00; allowed"},
        {{QUOTES(.tz = "Mars/Base")}, "tz=Mars/Base is unknown; allowed: UTC, +hh:mm"},
        {{QUOTES(.ts_unit = "m")}, "ts_unit=m; allowed: s, ms, us, ns, iso"},
        {{QUOTES(.price_scale = "31")}, "price_scale=31; allowed: whole numbers from 0 to 30"},
        {{QUOTES(.price_scale = "-1")}, "price_scale=-1; allowed"},
        {{QUOTES(.one_sided = "yes")}, "one_sided=yes; allowed: 0, 1"},
        {{QUOTES(.delimiter = "ab")}, "delimiter=ab; allowed: one character, or comma"},
        {{QUOTES(.header = "maybe")}, "header=maybe; allowed: yes, no, auto"},
        {{QUOTES(.skip = "x")}, "skip=x; allowed: whole numbers up to 1000000"},
        {{.header = "no", .symbol = "S"}, "columns= is needed where header=no"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char error[FORMAT_REASON_MAX] = "";
        void *parser = NULL;
        assert_int_equal(format_csv.create(&bad[i].options, &parser, error, sizeof error), -EINVAL);
        assert_null(parser);
        if (strstr(error, bad[i].error) == NULL)
            assert_string_equal(error, bad[i].error);
    }
}

static void the_fixture_is_read_with_all_its_oddities(void **state)
{
    static struct fixture_items items;
    (void)state;
    assert_true(fixture_items_read(&items, "equity_quotes.csv",
                                   &(struct format_options){
                                       .columns = "ts,bid,bid_size,ask,ask_size,-,-,-",
                                       .symbol = "ABC",
                                       .source = "alpha",
                                       .date = "2013-10-07",
                                       .tz = "-04:00",
                                       .price_scale = "4",
                                       .one_sided = "1",
                                   }));
#define QUOTE "{\"kind\":\"quote\",\"symbol\":\"ABC\",\"source\":\"alpha\",\"seq\":0,"
    assert_string_equal(items.format, "csv");
    assert_string_equal(items.text,
                        QUOTE
                        "\"ts\":1381132800054000,\"ask\":\"12.3400\",\"ask_size\":\"100\"}\n" //
                        QUOTE "\"ts\":1381132800241000,\"bid\":\"12.2500\",\"bid_size\":\"300\","
                        "\"ask\":\"12.3400\",\"ask_size\":\"100\"}\n" //
                        QUOTE "\"ts\":1381132800241500,\"bid\":\"12.2500\",\"bid_size\":\"300\","
                        "\"ask\":\"12.3300\",\"ask_size\":\"50\"}\n");
    assert_int_equal(items.batch.bad, 0);
}

static void guesses_are_never_sure(void **state)
{
    static const struct line rows[] = {
        {"time,bid,ask", 12, 1}, {"1,2,3", 5, 2}, {"2,3,4", 5, 3}, {"{\"a\":1,\"b\":2}", 13, 4}};
    const char *why = "";
    (void)state;
    assert_in_range(format_csv.guess(rows, 3, &why), FORMAT_SURE_ENOUGH, 50);
    assert_in_range(format_csv.guess(rows + 1, 1, &why), FORMAT_SURE_ENOUGH, 50);
    assert_int_equal(format_csv.guess(rows + 3, 1, &why), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_a_trade_or_a_quote_by_its_columns),
        cmocka_unit_test(units_are_told_by_digits_and_verified),
        cmocka_unit_test(with_a_date_numbers_count_from_midnight),
        cmocka_unit_test(times_may_be_texts),
        cmocka_unit_test(scaled_prices_are_integers),
        cmocka_unit_test(one_sided_quotes_keep_the_other_side),
        cmocka_unit_test(sides_are_kept_for_each_symbol),
        cmocka_unit_test(delimiters_are_found_or_given),
        cmocka_unit_test(headers_are_seen_or_said),
        cmocka_unit_test(broken_rows_are_bad_with_a_reason),
        cmocka_unit_test(options_that_make_no_sense_are_refused),
        cmocka_unit_test(the_fixture_is_read_with_all_its_oddities),
        cmocka_unit_test(guesses_are_never_sure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
