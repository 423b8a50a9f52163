/* Our own recordings: they come back exactly as they went, and strangers are refused clearly. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "tests/support/format_lines.h"

#define NAMES(kind) "{\"kind\":\"" kind "\",\"symbol\":\"S\",\"source\":\"x\""

static int setup(void **state)
{
    static struct lines lines;
    lines_init(&lines, &format_native, NULL, NULL);
    *state = &lines;
    return 0;
}

static int teardown(void **state)
{
    lines_finish(*state);
    return 0;
}

static void items_come_back_as_they_were_written(void **state)
{
    static const char *const items[] = {
        NAMES("trade") ",\"seq\":0,\"ts\":1700000000000001,\"recv\":1700000000000002,"
                       "\"price\":\"61837.63000000\",\"size\":\"0.00\",\"side\":\"buy\"}",
        NAMES("trade") ",\"seq\":0,\"price\":\"-0.00\",\"side\":\"sell\"}",
        NAMES("trade") ",\"seq\":0,\"ts\":-1,\"price\":\"18446744073709551615\"}",
        NAMES("quote") ",\"seq\":0,\"recv\":0,\"bid\":\"0.000027850\",\"bid_size\":\"1\","
                       "\"ask\":\"0.000027800\",\"ask_size\":\"1300.34\"}",
        NAMES("quote") ",\"seq\":0,\"ask\":\"1\"}",
        "{\"kind\":\"trade\",\"symbol\":\"\xc3\xa4\\\"\\\\\",\"source\":\"a b\",\"seq\":0,"
        "\"price\":\"1\"}",
    };
    for (size_t i = 0; i < sizeof items / sizeof *items; i++)
        assert_string_equal(lines_items(*state, items[i]), items[i]);
}

static void order_and_unknown_members_do_not_matter_and_seq_is_not_kept(void **state)
{
    assert_string_equal(lines_items(*state, " { \"price\" : \"1\", \"new\":{\"kind\":[1]},"
                                            "\"seq\":99, \"source\":\"x\",\"symbol\":\"S\","
                                            "\"skipped\":4,\"kind\":\"trade\" } "),
                        NAMES("trade") ",\"seq\":0,\"price\":\"1\"}");
}

static void numbers_are_taken_by_their_text(void **state)
{
    assert_string_equal(lines_items(*state, NAMES("quote") ",\"bid\":61837.63000000,\"ask\":7}"),
                        NAMES("quote") ",\"seq\":0,\"bid\":\"61837.63000000\",\"ask\":\"7\"}");
    assert_string_equal(lines_items(*state, NAMES("trade") ",\"price\":1e5}"), "bad");
}

static void null_is_as_good_as_absent_where_a_member_may_be_absent(void **state)
{
    assert_string_equal(lines_items(*state, NAMES("trade") ",\"ts\":null,\"price\":\"1\","
                                                           "\"size\":null,\"side\":null}"),
                        NAMES("trade") ",\"seq\":0,\"price\":\"1\"}");
}

static void headers_are_understood_anywhere(void **state)
{
    assert_string_equal(lines_items(*state, "{\"pricecast\":1,\"created\":\"now\"}"), "");
    assert_string_equal(lines_items(*state, "{\"more\":[1],\"pricecast\":1}"), "");
}

static void a_later_version_is_refused_and_says_what_can_be_read(void **state)
{
    struct lines *lines = *state;
    assert_string_equal(lines_items(lines, "{\"pricecast\":2}"), "refused");
    assert_string_equal(lines->output.reason,
                        "a recording of version 2; this program reads version 1");
    assert_string_equal(lines_items(lines, "{\"pricecast\":99999999999999999999}"), "refused");
    assert_string_equal(lines_items(lines, "{\"pricecast\":1.5}"), "refused");
    assert_string_equal(lines_items(lines, "{\"pricecast\":0}"), "bad");
    assert_string_equal(lines_items(lines, "{\"pricecast\":\"1\"}"), "bad");
}

static void markers_of_a_recorder_are_ignored(void **state)
{
    assert_string_equal(lines_items(*state, "{\"type\":\"reset\",\"epoch\":\"2\"}"), "ignored");
    assert_string_equal(lines_items(*state, "{\"type\":\"feed\",\"kind\":\"x\"}"), "ignored");
}

static void broken_lines_are_bad_with_a_reason(void **state)
{
    static const struct {
        const char *line, *reason;
    } bad[] = {
        {"", "bad JSON: the text ends early at byte 1"},
        {"[]", "not a JSON object"},
        {"{}", "kind is missing"},
        {"{\"kind\":\"candle\"}", "kind is unknown"},
        {"{\"kind\":5}", "kind is unknown"},
        {"{\"kind\":\"trade\",\"source\":\"x\",\"price\":\"1\"}", "symbol is missing"},
        {"{\"kind\":\"trade\",\"symbol\":\"S\",\"price\":\"1\"}", "source is missing"},
        {"{\"kind\":\"trade\",\"symbol\":\"\",\"source\":\"x\",\"price\":\"1\"}",
         "symbol is not a name"},
        {"{\"kind\":\"trade\",\"symbol\":\"S\",\"source\":\"\x01\",\"price\":\"1\"}", "bad JSON"},
        {"{\"kind\":\"trade\",\"symbol\":\"S\",\"source\":\"\\n\",\"price\":\"1\"}",
         "source is not a name"},
        {"{\"kind\":\"trade\",\"symbol\":\"\xff\",\"source\":\"x\",\"price\":\"1\"}",
         "symbol is not a name"},
        {NAMES("trade") "}", "price is missing"},
        {NAMES("trade") ",\"price\":null}", "price is missing"},
        {NAMES("trade") ",\"price\":\"\"}", "price is not a decimal"},
        {NAMES("trade") ",\"price\":\"01\"}", "price is not a decimal"},
        {NAMES("trade") ",\"price\":\"1\",\"size\":\"x\"}", "size is not a decimal"},
        {NAMES("trade") ",\"price\":\"1\",\"side\":\"BUY\"}", "side is neither"},
        {NAMES("trade") ",\"price\":\"1\",\"side\":1}", "side is neither"},
        {NAMES("trade") ",\"price\":\"1\",\"ts\":1.5}", "ts is not an integer"},
        {NAMES("trade") ",\"price\":\"1\",\"ts\":\"1\"}", "ts is not an integer"},
        {NAMES("trade") ",\"price\":\"1\",\"recv\":9223372036854776}", "recv is out of range"},
        {NAMES("trade") ",\"price\":\"1\",\"recv\":-9223372036854776}", "recv is out of range"},
        {NAMES("quote") ",\"bid_size\":\"1\"}", "bid and ask are missing"},
        {NAMES("quote") ",\"bid\":\"1\",\"ask\":\"NaN\"}", "ask is not a decimal"},
    };
    struct lines *lines = *state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_string_equal(lines_items(lines, bad[i].line), "bad");
        assert_non_null(strstr(lines->output.reason, bad[i].reason));
    }
}

static void a_name_may_have_128_bytes_and_no_more(void **state)
{
    char line[1400], name[800];
    for (int escaped = 0; escaped < 2; escaped++) {
        for (int count = NAME_BYTES_MAX; count <= NAME_BYTES_MAX + 1; count++) {
            for (int i = 0; i < count; i++)
                memcpy(name + i * (escaped ? 6 : 1), "\\u0041" + (escaped ? 0 : 5),
                       escaped ? 6 : 1);
            name[count * (escaped ? 6 : 1)] = '\0';
            snprintf(line, sizeof line,
                     "{\"kind\":\"trade\",\"symbol\":\"%s\",\"source\":\"x\",\"price\":\"1\"}",
                     name);
            const bool is_bad = strcmp(lines_items(*state, line), "bad") == 0;
            assert_int_equal(is_bad, count > NAME_BYTES_MAX);
        }
    }
}

static void a_line_cut_anywhere_is_bad(void **state)
{
    static const char line[] = NAMES("trade") ",\"ts\":1700000000000001,\"price\":\"1.5\"}";
    for (size_t cut = 0; cut < sizeof line - 1; cut++)
        assert_int_equal(lines_parse(*state, line, cut), FORMAT_BAD);
}

static void options_go_before_the_names_in_the_file(void **state)
{
    struct lines lines;
    (void)state;
    lines_init(&lines, &format_native, "BTC-USD", NULL);
    assert_string_equal(lines_items(&lines, NAMES("trade") ",\"price\":\"1\"}"),
                        "{\"kind\":\"trade\",\"symbol\":\"BTC-USD\",\"source\":\"x\",\"seq\":0,"
                        "\"price\":\"1\"}");
    lines_finish(&lines);
}

static struct line line_of(const char *text)
{
    return (struct line){.text = text, .len = strlen(text), .number = 1};
}

static void it_is_guessed_from_its_header_or_its_items(void **state)
{
    const struct line lines[] = {
        line_of(NAMES("trade") ",\"price\":\"1\"}"),
        line_of("{\"pricecast\":7}"),
        line_of("{\"t\":\"header\"}"),
    };
    const char *why = "";
    (void)state;
    assert_int_equal(format_native.guess(lines, 2, &why), 100);
    assert_true(format_native.guess(lines, 1, &why) >= FORMAT_SURE_ENOUGH);
    assert_int_equal(format_native.guess(lines + 2, 1, &why), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(items_come_back_as_they_were_written),
        TEST(order_and_unknown_members_do_not_matter_and_seq_is_not_kept),
        TEST(numbers_are_taken_by_their_text),
        TEST(null_is_as_good_as_absent_where_a_member_may_be_absent),
        TEST(headers_are_understood_anywhere),
        TEST(a_later_version_is_refused_and_says_what_can_be_read),
        TEST(markers_of_a_recorder_are_ignored),
        TEST(broken_lines_are_bad_with_a_reason),
        TEST(a_name_may_have_128_bytes_and_no_more),
        TEST(a_line_cut_anywhere_is_bad),
        TEST(options_go_before_the_names_in_the_file),
        TEST(it_is_guessed_from_its_header_or_its_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
