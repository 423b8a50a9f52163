/* What is JSON and what is not, how a walk goes, and that no digit is lost. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "feed/json_scan.h"

/* In memory of its very size, so that AddressSanitizer sees one byte read too many. */
static char *copy_exactly(const char *text, size_t len)
{
    char *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    return copy;
}

/* Returns what finish() says after nothing but the outermost value was read. */
static int check(const char *text, size_t len, size_t *offset)
{
    struct json_scan scan;
    struct json_scan_token value;
    char *copy = copy_exactly(text, len);
    json_scan_init(&scan, copy, len);
    int rc = json_scan_top(&scan, &value);
    if (rc == 0)
        rc = json_scan_finish(&scan);
    assert_true((rc == 0) == (json_scan_problem(&scan) == NULL));
    if (rc != 0)
        assert_int_equal(json_scan_finish(&scan), -EINVAL); /* an error is final */
    *offset = json_scan_offset(&scan);
    free(copy);
    return rc;
}

static const char *const good[] = {
    "{}",
    "[]",
    " [ ] ",
    "\t{\r\n\"a\" : 1 , \"b\":[1,2,{}]}\n",
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-0.0e-0",
    "1e400",
    "18239578009413566319",
    "123456789012345678901234567890.5E+7",
    "\"\"",
    "\"\\u0000\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\x7f\xc3\xa4\xff\"",
    "[[[[]]],[{}]]",
    "{\"a\":{\"b\":{\"c\":[null,true,false]}},\"a\":2}",
    "{\"\":0}",
};

static void json_is_accepted(void **state)
{
    size_t offset;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(check(good[i], strlen(good[i]), &offset), 0);
        assert_int_equal(offset, strlen(good[i]));
    }
}

/* Numbers end where they like, so they are left out; all else must miss what was cut off. */
static void json_cut_anywhere_is_refused(void **state)
{
    size_t offset;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        const char c = good[i][0];
        if (c == '-' || (c >= '0' && c <= '9'))
            continue;
        const size_t len = strrchr(good[i], c == '"' ? '"' : good[i][strlen(good[i]) - 1]) -
                           good[i] - (c == ' ' || c == '\t' ? 1 : 0);
        for (size_t cut = 0; cut < len; cut++)
            assert_int_equal(check(good[i], cut, &offset), -EINVAL);
    }
}

static void anything_else_is_refused_at_its_byte(void **state)
{
    static const struct {
        const char *text;
        size_t offset;
    } bad[] = {
        {"", 0},
        {" ", 1},
        {"{", 1},
        {"}", 0},
        {"]", 0},
        {"[1,]", 3},
        {"[,1]", 1},
        {"[1 2]", 3},
        {"{\"a\"}", 4},
        {"{\"a\":}", 5},
        {"{\"a\":1,}", 7},
        {"{a:1}", 1},
        {"{1:1}", 1},
        {"{\"a\" 1}", 5},
        {"[1}", 2},
        {"{\"a\":1]", 6},
        {"{} {}", 3},
        {"[]x", 2},
        {"1 2", 2},
        {"nul", 0},
        {"nulL", 0},
        {"nullx", 4},
        {"True", 0},
        {"NaN", 0},
        {"Infinity", 0},
        {"-Infinity", 1},
        {"-", 1},
        {"+1", 0},
        {"01", 0},
        {"-01", 1},
        {".5", 0},
        {"1.", 2},
        {"1.e5", 2},
        {"1e", 2},
        {"1e+", 3},
        {"0x10", 1},
        {"'a'", 0},
        {"\"a", 2},
        {"\"\\", 1},
        {"\"\\x\"", 1},
        {"\"\\u12\"", 1},
        {"\"\\u12g4\"", 1},
        {"\"a\tb\"", 2},
        {"\"12345678\n\"", 9},
        {"// comment", 0},
        {"[1/**/]", 2},
        {"\xef\xbb\xbf{}", 0},
    };
    size_t offset;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(check(bad[i].text, strlen(bad[i].text), &offset), -EINVAL);
        assert_int_equal(offset, bad[i].offset);
    }
    assert_int_equal(check("{}\0", 3, &offset), -EINVAL);
    assert_int_equal(check("\"a\0b\"", 5, &offset), -EINVAL);
    assert_int_equal(check("\"\\\0\"", 4, &offset), -EINVAL);
}

/* Whatever stands there among eight bytes looked at together. */
static void a_string_is_checked_at_every_byte(void **state)
{
    (void)state;
    for (size_t len = 1; len < 40; len++) {
        for (size_t at = 0; at < len; at++) {
            for (int c = 0; c < 256; c++) {
                char text[48];
                size_t offset;
                memset(text, c % 2 ? 0xe4 : 'x', sizeof text);
                text[0] = text[len + 1] = '"';
                text[1 + at] = (char)c;
                const bool is_bad = c < 0x20 || c == '"' || c == '\\';
                assert_int_equal(check(text, len + 2, &offset) != 0, is_bad);
            }
        }
    }
}

static void depth_is_bounded(void **state)
{
    char text[2 * JSON_SCAN_DEPTH_MAX + 2];
    size_t offset;
    (void)state;
    memset(text, '[', JSON_SCAN_DEPTH_MAX + 1);
    memset(text + JSON_SCAN_DEPTH_MAX + 1, ']', JSON_SCAN_DEPTH_MAX + 1);
    assert_int_equal(check(text + 1, 2 * JSON_SCAN_DEPTH_MAX, &offset), 0);
    assert_int_equal(check(text, 2 * JSON_SCAN_DEPTH_MAX + 2, &offset), -EINVAL);
    assert_int_equal(offset, JSON_SCAN_DEPTH_MAX);
}

/* ---- the walk ---- */

static void expect_text(const struct json_scan_token *token, const char *text)
{
    assert_int_equal(token->len, strlen(text));
    assert_memory_equal(token->text, text, token->len);
}

static void members_come_in_order_with_their_raw_text(void **state)
{
    static const char text[] =
        "{\"price\":61837.63000000,\"s\":\"B\\u0054C\",\"ok\":true,\"no\":null}";
    struct json_scan scan;
    struct json_scan_token key, value;
    (void)state;
    json_scan_init(&scan, text, sizeof text - 1);
    assert_int_equal(json_scan_top(&scan, &value), 0);
    assert_int_equal(value.type, SCAN_OBJECT);
    assert_int_equal(json_scan_enter(&scan), 0);
    assert_int_equal(json_scan_next(&scan, &key, &value), 1);
    expect_text(&key, "price");
    assert_int_equal(value.type, SCAN_NUMBER);
    expect_text(&value, "61837.63000000");
    assert_int_equal(json_scan_next(&scan, &key, &value), 1);
    assert_int_equal(value.type, SCAN_STRING);
    assert_true(value.has_escapes);
    expect_text(&value, "B\\u0054C");
    assert_int_equal(json_scan_next(&scan, &key, &value), 1);
    assert_int_equal(value.type, SCAN_TRUE);
    assert_int_equal(json_scan_next(&scan, &key, &value), 1);
    assert_int_equal(value.type, SCAN_NULL);
    assert_int_equal(json_scan_next(&scan, &key, &value), 0);
    assert_int_equal(json_scan_finish(&scan), 0);
}

/* As in trades sent as arrays of arrays. */
static void containers_are_entered_passed_or_left(void **state)
{
    static const char text[] = "[7,[[\"1\",\"2\"],[\"3\",\"4\"]],{\"skip\":[[]]},\"end\",[8,9],[]]";
    struct json_scan scan;
    struct json_scan_token key, value;
    (void)state;
    json_scan_init(&scan, text, sizeof text - 1);
    json_scan_top(&scan, &value);
    json_scan_enter(&scan);
    assert_int_equal(json_scan_next(&scan, &key, &value), 1);
    assert_null(key.text);
    assert_int_equal(json_scan_next(&scan, &key, &value), 1);
    assert_int_equal(value.type, SCAN_ARRAY);
    json_scan_enter(&scan);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(json_scan_next(&scan, &key, &value), 1);
        json_scan_enter(&scan);
        assert_int_equal(json_scan_next(&scan, &key, &value), 1);
        expect_text(&value, i == 0 ? "1" : "3");
        assert_int_equal(json_scan_leave(&scan), 0);
    }
    assert_int_equal(json_scan_next(&scan, &key, &value), 0);
    assert_int_equal(json_scan_next(&scan, &key, &value), 1);
    assert_int_equal(value.type, SCAN_OBJECT); /* not entered: passed over */
    assert_int_equal(json_scan_next(&scan, &key, &value), 1);
    expect_text(&value, "end");
    assert_int_equal(json_scan_next(&scan, &key, &value), 1);
    assert_int_equal(json_scan_pass(&scan, &value), 0);
    expect_text(&value, "[8,9]");
    assert_int_equal(json_scan_finish(&scan), 0);
}

static void collect_finds_members_in_any_order_and_keeps_the_last(void **state)
{
    static const struct json_scan_name names[] = {JSON_SCAN_NAME("a"), JSON_SCAN_NAME("bb"),
                                                  JSON_SCAN_NAME("c")};
    static const char text[] = "{\"c\":1,\"x\":{\"a\":9},\"a\":2,\"A\":0,\"a\":3,\"bbb\":4}";
    struct json_scan scan;
    struct json_scan_token found[3];
    (void)state;
    json_scan_init(&scan, text, sizeof text - 1);
    json_scan_top(&scan, &found[0]);
    json_scan_enter(&scan);
    assert_int_equal(json_scan_collect(&scan, names, 3, found), 0);
    expect_text(&found[0], "3");
    assert_null(found[1].text);
    expect_text(&found[2], "1");
    assert_int_equal(json_scan_finish(&scan), 0);
}

/* ---- tokens ---- */

static struct json_scan_token token_of(const char *text)
{
    struct json_scan scan;
    struct json_scan_token token;
    json_scan_init(&scan, text, strlen(text));
    assert_int_equal(json_scan_top(&scan, &token), 0);
    return token;
}

static void escapes_become_utf8(void **state)
{
    const struct json_scan_token token =
        token_of("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e4\\u20AC\\ud83d\\ude00\xc3\xa4\"");
    static const char want[] = "a\"\\/\b\f\n\r\tA\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa4";
    char out[sizeof want - 1];
    (void)state;
    assert_int_equal(json_scan_unescape(&token, out, sizeof out), sizeof out);
    assert_memory_equal(out, want, sizeof out);
    for (size_t room = 0; room < sizeof out; room++)
        assert_int_equal(json_scan_unescape(&token, out, room), -ENOSPC);
}

static void half_a_surrogate_pair_is_refused(void **state)
{
    static const char *const bad[] = {"\"\\ud83d\"", "\"\\ude00\"", "\"\\ud83d\\u0041\"",
                                      "\"\\ud83dxxxxxx\"", "\"\\ud83d\\n12345\""};
    char out[32];
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        const struct json_scan_token token = token_of(bad[i]);
        assert_int_equal(json_scan_unescape(&token, out, sizeof out), -EINVAL);
    }
}

static void integers_are_read_up_to_both_limits(void **state)
{
    static const struct {
        const char *text;
        int rc;
        int64_t value;
    } cases[] = {
        {"0", 0, 0},
        {"-1", 0, -1},
        {"9223372036854775807", 0, INT64_MAX},
        {"9223372036854775808", -ERANGE, 0},
        {"-9223372036854775808", 0, INT64_MIN},
        {"-9223372036854775809", -ERANGE, 0},
        {"18446744073709551616", -ERANGE, 0},
        {"99999999999999999999999", -ERANGE, 0},
        {"1.0", -EINVAL, 0},
        {"1e3", -EINVAL, 0},
        {"\"1\"", -EINVAL, 0},
        {"true", -EINVAL, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct json_scan_token token = token_of(cases[i].text);
        int64_t value = 0;
        assert_int_equal(json_scan_integer(&token, &value), cases[i].rc);
        assert_true(value == cases[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_accepted),
        cmocka_unit_test(json_cut_anywhere_is_refused),
        cmocka_unit_test(anything_else_is_refused_at_its_byte),
        cmocka_unit_test(a_string_is_checked_at_every_byte),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(members_come_in_order_with_their_raw_text),
        cmocka_unit_test(containers_are_entered_passed_or_left),
        cmocka_unit_test(collect_finds_members_in_any_order_and_keeps_the_last),
        cmocka_unit_test(escapes_become_utf8),
        cmocka_unit_test(half_a_surrogate_pair_is_refused),
        cmocka_unit_test(integers_are_read_up_to_both_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
