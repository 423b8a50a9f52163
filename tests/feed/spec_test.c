/* What --feed says, taken apart, and one line for what it may not say. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "feed/spec.h"

static char error[600];

static struct spec good(const char *text)
{
    struct spec spec;
    if (spec_parse(text, &spec, error, sizeof error) != 0)
        fail_msg("%s: %s", text, error);
    return spec;
}

static void expect_path(const char *text, enum spec_kind kind, const char *path)
{
    struct spec spec = good(text);
    assert_int_equal(spec.kind, kind);
    assert_string_equal(spec.path, path);
    assert_int_equal(spec.pairs_count, 0);
    spec_finish(&spec);
}

static void bad(const char *text, const char *says)
{
    struct spec spec = {.pairs_count = 77};
    error[0] = '\0';
    if (spec_parse(text, &spec, error, sizeof error) != -EINVAL)
        fail_msg("%s was taken", text);
    assert_int_equal(spec.pairs_count, 77);
    if (strstr(error, says) == NULL || strstr(error, text) == NULL || strchr(error, '\n') != NULL)
        fail_msg("%s: %s", text, error);
}

static void a_plain_path_is_a_file_whatever_its_name_holds(void **state)
{
    (void)state;
    expect_path("x", SPEC_FILE, "x");
    expect_path("/a b/c?d=e&f%20g", SPEC_FILE, "/a b/c?d=e&f%20g");
    expect_path("./sim:x", SPEC_FILE, "./sim:x");
    expect_path("C:x", SPEC_FILE, "C:x");
    expect_path("c:x", SPEC_FILE, "c:x");
    expect_path("2024-08-08T23:55.gz", SPEC_FILE, "2024-08-08T23:55.gz");
}

static void a_file_may_have_options(void **state)
{
    (void)state;
    struct spec spec = good("file:/a/b?format=binance&symbol=A%26B&empty=&source=x=y");
    assert_int_equal(spec.kind, SPEC_FILE);
    assert_string_equal(spec.path, "/a/b");
    assert_int_equal(spec.pairs_count, 4);
    assert_string_equal(spec_value(&spec, "format"), "binance");
    assert_string_equal(spec_value(&spec, "symbol"), "A&B");
    assert_string_equal(spec_value(&spec, "empty"), "");
    assert_string_equal(spec_value(&spec, "source"), "x=y");
    assert_null(spec_value(&spec, "Format"));
    assert_null(spec_value(&spec, ""));
    spec_finish(&spec);
}

static void escapes_are_undone(void **state)
{
    (void)state;
    expect_path("file:a%3fb%25%2F%c3%A9", SPEC_FILE, "a?b%/\xc3\xa9");
    expect_path("file:%66ile%3a", SPEC_FILE, "file:");
    bad("file:a%", "%");
    bad("file:a%2", "%");
    bad("file:a%zz", "%");
    bad("file:a%00b", "%"); /* it would end there */
    bad("file:a?b=%4", "%");
}

/* Nobody could tell which of them is meant. Keys that are not ours are not ours to count. */
static void a_key_of_ours_is_there_once(void **state)
{
    static const char *const keys[] = {"rate", "seed", NULL};
    (void)state;
    struct spec spec = good("sim:?rate=1&&seed=2&");
    assert_int_equal(spec.kind, SPEC_SIM);
    assert_int_equal(spec_check_keys(&spec, keys, error, sizeof error), 0);
    spec_finish(&spec);
    spec = good("sim:?rate=1&seed=2&rate=1");
    assert_int_equal(spec_check_keys(&spec, keys, error, sizeof error), -EINVAL);
    assert_string_equal(error,
                        "key \"rate\" is there twice (\"1\", \"1\"); allowed: each key once");
    spec_finish(&spec);
    spec = good("ws://h/?seed=1&x=1&x=2");
    assert_int_equal(spec_check_once(&spec, keys, error, sizeof error), 0);
    assert_int_equal(spec_check_once(&spec, (const char *const[]){"x", NULL}, error, sizeof error),
                     -EINVAL);
    spec_finish(&spec);
}

static void the_simulator_needs_no_path_and_takes_none(void **state)
{
    (void)state;
    expect_path("sim:", SPEC_SIM, "");
    expect_path("sim:?", SPEC_SIM, "");
    bad("sim:x", "sim:");
    bad("sim:x?rate=1", "sim:");
}

static void live_sources_are_told_by_how_they_begin(void **state)
{
    (void)state;
    expect_path("-", SPEC_STDIN, "");
    expect_path("-x", SPEC_FILE, "-x");
    expect_path("push:", SPEC_PUSH, "");
    expect_path("unix:/a%20b", SPEC_UNIX, "/a b");
    expect_path("tcp:[::1]:4711", SPEC_TCP, "[::1]:4711");
    expect_path("ws://h:1/p%20", SPEC_WS, "ws://h:1/p%20"); /* the upstream's to undo */
    expect_path("wss://h", SPEC_WS, "wss://h");
    struct spec spec = good("-?format=binance");
    assert_int_equal(spec.kind, SPEC_STDIN);
    assert_string_equal(spec_value(&spec, "format"), "binance");
    spec_finish(&spec);
    spec = good("wss://h/p?symbols=BTC%2fUSD,%C3%A4");
    assert_string_equal(spec.path, "wss://h/p");
    assert_string_equal(spec_value(&spec, "symbols"), "BTC/USD,\xc3\xa4");
    spec_finish(&spec);
    bad("push:x", "push: takes only");
    bad("unix:", "no path");
    bad("unix:a%zz", "%");
    bad("tcp:?format=native", "no path");
    bad("ws:h", "unknown kind");
    bad("-?x", "key=value");
}

static void what_is_no_spec_is_refused(void **state)
{
    (void)state;
    bad("", "no path");
    bad("file:", "no path");
    bad("file:?format=native", "no path");
    bad("gopher:x", "unknown kind");
    bad("http://x/y", "unknown kind");
    bad("files:x", "unknown kind");
    bad("file:x?format", "key=value");
    bad("file:x?=native", "key=value");
}

static void pairs_have_a_limit(void **state)
{
    char text[500] = "sim:?";
    (void)state;
    for (int i = 0; i < SPEC_PAIRS_MAX; i++)
        sprintf(text + strlen(text), "k%d=%d&", i, i);
    struct spec spec = good(text);
    assert_int_equal(spec.pairs_count, SPEC_PAIRS_MAX);
    assert_string_equal(spec_value(&spec, "k31"), "31");
    spec_finish(&spec);
    strcat(text, "more=1");
    bad(text, "key=value");
}

static void other_keys_are_refused_with_those_allowed(void **state)
{
    static const char *const allowed[] = {"rate", "seed", NULL};
    (void)state;
    struct spec spec = good("sim:?rate=1&seed=2");
    assert_int_equal(spec_check_keys(&spec, allowed, error, sizeof error), 0);
    spec_finish(&spec);
    spec = good("sim:?rate=1&sead=2");
    assert_int_equal(spec_check_keys(&spec, allowed, error, sizeof error), -EINVAL);
    assert_non_null(strstr(error, "\"sead\""));
    assert_non_null(strstr(error, "rate, seed"));
    char small[20]; /* a small buffer is filled and not exceeded */
    assert_int_equal(spec_check_keys(&spec, allowed, small, sizeof small), -EINVAL);
    assert_int_equal(strlen(small), sizeof small - 1);
    spec_finish(&spec);
}

static void whole_numbers_are_checked(void **state)
{
    static const char *const wrong[] = {
        "", "4", "11", "-5", "+5", "5.0", " 5", "5 ", "0x6", "x", "99999999999999999999"};
    uint64_t value = 7;
    char text[60];
    (void)state;
    struct spec spec = good("sim:?n=5&m=10&huge=18446744073709551615");
    assert_int_equal(spec_integer(&spec, "absent", 5, 10, &value, error, sizeof error), 0);
    assert_int_equal(value, 7);
    assert_int_equal(spec_integer(&spec, "n", 5, 10, &value, error, sizeof error), 0);
    assert_int_equal(value, 5);
    assert_int_equal(spec_integer(&spec, "m", 5, 10, &value, error, sizeof error), 0);
    assert_int_equal(value, 10);
    assert_int_equal(spec_integer(&spec, "huge", 0, UINT64_MAX, &value, error, sizeof error), 0);
    assert_true(value == UINT64_MAX);
    spec_finish(&spec);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(text, sizeof text, "sim:?n=%s", wrong[i]);
        spec = good(text);
        assert_int_equal(spec_integer(&spec, "n", 5, 10, &value, error, sizeof error), -EINVAL);
        snprintf(text, sizeof text, "n=%s: ", wrong[i]);
        assert_non_null(strstr(error, text));
        assert_non_null(strstr(error, "from 5 to 10"));
        spec_finish(&spec);
    }
    assert_true(value == UINT64_MAX);
}

static void real_numbers_are_checked(void **state)
{
    static const char *const wrong[] = {"",   "0.4", "2.1", "-1", "x",
                                        "1x", "nan", "inf", " 1", "1e9"};
    double value = 7;
    char text[60];
    (void)state;
    struct spec spec = good("sim:?n=0.5&m=2&e=1e0");
    assert_int_equal(spec_real(&spec, "absent", 0.5, 2, &value, error, sizeof error), 0);
    assert_true(value == 7);
    assert_int_equal(spec_real(&spec, "n", 0.5, 2, &value, error, sizeof error), 0);
    assert_true(value == 0.5);
    assert_int_equal(spec_real(&spec, "m", 0.5, 2, &value, error, sizeof error), 0);
    assert_int_equal(spec_real(&spec, "e", 0.5, 2, &value, error, sizeof error), 0);
    assert_true(value == 1);
    spec_finish(&spec);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(text, sizeof text, "sim:?n=%s", wrong[i]);
        spec = good(text);
        assert_int_equal(spec_real(&spec, "n", 0.5, 2, &value, error, sizeof error), -EINVAL);
        assert_non_null(strstr(error, "from 0.5 to 2"));
        spec_finish(&spec);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_path_is_a_file_whatever_its_name_holds),
        cmocka_unit_test(a_file_may_have_options),
        cmocka_unit_test(escapes_are_undone),
        cmocka_unit_test(a_key_of_ours_is_there_once),
        cmocka_unit_test(the_simulator_needs_no_path_and_takes_none),
        cmocka_unit_test(live_sources_are_told_by_how_they_begin),
        cmocka_unit_test(what_is_no_spec_is_refused),
        cmocka_unit_test(pairs_have_a_limit),
        cmocka_unit_test(other_keys_are_refused_with_those_allowed),
        cmocka_unit_test(whole_numbers_are_checked),
        cmocka_unit_test(real_numbers_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
