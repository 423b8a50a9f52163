/* A growing buffer whose failures are looked at once, at the end. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "server/text.h"

#define assert_text(text, expected)                                                                \
    do {                                                                                           \
        assert_int_equal((text)->len, strlen(expected));                                           \
        assert_memory_equal((text)->bytes, expected, (text)->len);                                 \
    } while (0)

static void a_zeroed_struct_is_an_empty_text(void **state)
{
    struct text text = {0};
    (void)state;
    text_clear(&text, 0);
    text_put(&text, NULL, 0);
    assert_int_equal(text.len, 0);
    text_finish(&text);
    text_finish(&text);
}

static void pieces_stand_one_after_another(void **state)
{
    struct text text = {0};
    (void)state;
    text_puts(&text, "a");
    text_put(&text, "bcd", 2);
    text_put(&text, "", 0);
    text_put_integer(&text, -12);
    text_printf(&text, "[%s|%d]", "x", 7);
    assert_text(&text, "abc-12[x|7]");
    text_finish(&text);
}

static void integers_reach_both_ends(void **state)
{
    struct text text = {0};
    (void)state;
    text_put_integer(&text, INT64_MIN);
    text_put_integer(&text, 0);
    text_put_integer(&text, INT64_MAX);
    assert_text(&text, "-922337203685477580809223372036854775807");
    text_finish(&text);
}

static void it_grows_with_what_is_put(void **state)
{
    struct text text = {0};
    (void)state;
    for (int i = 0; i < 100000; i++)
        text_put(&text, "0123456789", 10);
    assert_int_equal(text.len, 1000000);
    for (size_t i = 0; i < text.len; i += 99991)
        assert_int_equal(text.bytes[i], '0' + i % 10);
    text_finish(&text);
}

static void a_long_printf_is_whole(void **state)
{
    struct text text = {0};
    (void)state;
    text_printf(&text, "%5000d", 7);
    assert_int_equal(text.len, 5000);
    assert_int_equal(text.bytes[4999], '7');
    text_finish(&text);
}

static void json_strings_are_quoted_and_escaped(void **state)
{
    struct text text = {0};
    (void)state;
    text_put_json(&text, "a\"b\\c\nd\x01\xc3\xa9", 11 - 1);
    assert_text(&text, "\"a\\\"b\\\\c\\u000ad\\u0001\xc3\xa9\"");
    text_clear(&text, 1000);
    text_put_json(&text, "", 0);
    assert_text(&text, "\"\"");
    text_finish(&text);
}

/* A burst must not leave its memory with every text for ever. */
static void clearing_keeps_memory_up_to_the_limit(void **state)
{
    struct text text = {0};
    (void)state;
    text_reserve(&text, 1000);
    const size_t size = text.size;
    text_clear(&text, size);
    assert_int_equal(text.size, size);
    text_clear(&text, size - 1);
    assert_int_equal(text.size, 0);
    assert_null(text.bytes);
}

static void after_a_failure_nothing_is_put_until_it_is_cleared(void **state)
{
    struct text text = {0};
    (void)state;
    text_puts(&text, "ab");
    text.failed = true;
    text_puts(&text, "cd");
    text_put_integer(&text, 1);
    text_put_json(&text, "x", 1);
    text_printf(&text, "%d", 2);
    assert_false(text_reserve(&text, 1));
    assert_text(&text, "ab");
    text_clear(&text, 1000);
    assert_false(text.failed);
    text_puts(&text, "e");
    assert_text(&text, "e");
    text_finish(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zeroed_struct_is_an_empty_text),
        cmocka_unit_test(pieces_stand_one_after_another),
        cmocka_unit_test(integers_reach_both_ends),
        cmocka_unit_test(it_grows_with_what_is_put),
        cmocka_unit_test(a_long_printf_is_whole),
        cmocka_unit_test(json_strings_are_quoted_and_escaped),
        cmocka_unit_test(clearing_keeps_memory_up_to_the_limit),
        cmocka_unit_test(after_a_failure_nothing_is_put_until_it_is_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
