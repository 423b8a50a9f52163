/* What is no text of ours gets a name; what could be, none. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "feed/foreign.h"

#define NAME_OF(text) foreign_name(text, sizeof(text) - 1)

static void packed_and_binary_files_are_named(void **state)
{
    (void)state;
    assert_non_null(strstr(NAME_OF("PK\3\4trades.csv"), "zip archive, which has to be unpacked"));
    assert_non_null(strstr(NAME_OF("]\0\0@\0\xa4"), "bi5"));
    assert_non_null(strstr(NAME_OF("DBN\1\xc6"), "Databento"));
    assert_non_null(strstr(NAME_OF("[[1570752011620,\"13519807\""), "JSON array"));
    assert_string_equal(NAME_OF("\177ELF\2\1\1\0\0"), "binary data");
    assert_string_equal(NAME_OF("\0\0\0"), "binary data");
}

static void wide_text_is_told_with_a_mark_and_without(void **state)
{
    char wide[40] = "", narrow[40];
    (void)state;
    assert_non_null(strstr(NAME_OF("\xff\xfe"
                                   "1\0"),
                           "UTF-16"));
    for (size_t i = 0; i < sizeof wide; i += 2)
        wide[i] = '1';
    assert_non_null(strstr(foreign_name(wide, sizeof wide), "UTF-16"));
    assert_non_null(strstr(foreign_name(wide + 1, sizeof wide - 1), "UTF-16"));
    memset(narrow, '1', sizeof narrow);
    narrow[7] = '\0';
    assert_string_equal(foreign_name(narrow, sizeof narrow), "binary data");
}

static void lines_of_text_have_no_name(void **state)
{
    (void)state;
    assert_null(NAME_OF(""));
    assert_null(NAME_OF("1672531436,90.540000,1.10448420"));
    assert_null(NAME_OF("{\"pricecast\":1}"));
    assert_null(NAME_OF("[119930888,{\"a\":[\"5525.4\""));
    assert_null(NAME_OF("\xef\xbb\xbfts,price"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed_and_binary_files_are_named),
        cmocka_unit_test(wide_text_is_told_with_a_mark_and_without),
        cmocka_unit_test(lines_of_text_have_no_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
