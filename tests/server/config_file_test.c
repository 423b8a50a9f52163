/* What the file of --config holds, and where. What it may hold is in options_test.c. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/config_file.h"
#include "tests/support/temp_file.h"

static char error[400];

static int read_text(const char *text, size_t len, struct config_file *out, struct temp_file *temp)
{
    *temp = temp_file_make(text, len);
    error[0] = '\0';
    return config_file_read(temp->path, out, error, sizeof error);
}

/* The place is what stands behind the path. */
static void expect_place(const char *text, const char *key, const char *place)
{
    struct config_file file;
    struct temp_file temp;
    char found[400];
    assert_int_equal(read_text(text, strlen(text), &file, &temp), 0);
    config_file_place(&file, key, found, sizeof found);
    assert_true(strncmp(found, temp.path, strlen(temp.path)) == 0);
    assert_string_equal(found + strlen(temp.path), place);
    config_file_finish(&file);
    temp_file_drop(&temp);
}

static void keys_are_found_where_they_stand(void **state)
{
    (void)state;
    expect_place("{\"a\":1}", "a", ":1:2");
    expect_place("\n\n  {\n\t\"a\" : [{}], \"b\":{}}", "b", ":4:14");
    expect_place("{\"a\":\"b\",\"b\":1}", "b", ":1:10");               /* no value */
    expect_place("{\"a\":[\"b\",{\"b\":1}],\n\"b\":1}", "b", ":2:1");  /* nor deeper */
    expect_place("{\"a\":\"\\\\\",\"b\":1}", "b", ":1:11");            /* the quote ends it */
    expect_place("{\"a\":\"\\\",\\\"b\\\":\",\"b\":1}", "b", ":1:18"); /* these do not */
    expect_place("{\"\xc3\xa4\":1,\"\\u0062\":1}", "b", ":1:8");
}

static void what_is_no_object_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text, *says;
    } wrong[] = {
        {"", ":1:1: "},
        {"{\n\"a\":}", ":2:5: "},
        {"{\"a\":1}x", ":1:8: "},
        {"3", ": "},
        {"[{}]", ": not a JSON object"},
        {"{\"a\":1,\"a\":1}", "duplicate"},
        {"{\"a\":\"\xff\"}", ":1:"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct config_file file;
        struct temp_file temp;
        assert_int_equal(read_text(wrong[i].text, strlen(wrong[i].text), &file, &temp), -EINVAL);
        if (strstr(error, wrong[i].says) == NULL || strstr(error, temp.path) == NULL)
            fail_msg("%s", error);
        temp_file_drop(&temp);
    }
}

static void a_file_has_an_end(void **state)
{
    (void)state;
    char *text = test_malloc(CONFIG_FILE_BYTES_MAX + 1);
    struct config_file file;
    struct temp_file temp;
    memset(text, ' ', CONFIG_FILE_BYTES_MAX + 1);
    memcpy(text, "{}", 2);
    assert_int_equal(read_text(text, CONFIG_FILE_BYTES_MAX, &file, &temp), 0);
    config_file_finish(&file);
    temp_file_drop(&temp);
    assert_int_equal(read_text(text, CONFIG_FILE_BYTES_MAX + 1, &file, &temp), -EINVAL);
    assert_non_null(strstr(error, "1 MiB"));
    temp_file_drop(&temp);
    assert_int_equal(config_file_read("/nowhere/at.all", &file, error, sizeof error), -ENOENT);
    assert_int_equal(config_file_read("/", &file, error, sizeof error), -EISDIR);
    test_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_found_where_they_stand),
        cmocka_unit_test(what_is_no_object_is_refused_with_its_place),
        cmocka_unit_test(a_file_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
