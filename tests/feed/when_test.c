/* Points in time and durations as people write them, and everything near to them that is not one.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "feed/when.h"
#include "tests/support/random.h"

#define S INT64_C(1000000000)
#define T (1723161300 * S) /* 2024-08-08T23:55:00Z */

static void expect_at(const char *text, int64_t ns)
{
    struct when when;
    if (when_parse(text, &when) != 0 || when.kind != WHEN_AT || when.ns != ns)
        fail_msg("%s", text);
}

static void expect_after(const char *text, int64_t ns)
{
    struct when when;
    if (when_parse(text, &when) != 0 || when.kind != WHEN_AFTER_START || when.ns != ns)
        fail_msg("%s", text);
}

static void refuse(const char *text)
{
    struct when when = {WHEN_UNSET, 77};
    if (when_parse(text, &when) != -EINVAL || when.kind != WHEN_UNSET || when.ns != 77)
        fail_msg("%s was taken", text);
}

static void iso_times_are_utc_unless_they_say_otherwise(void **state)
{
    (void)state;
    expect_at("2024-08-08T23:55:00Z", T);
    expect_at("2024-08-08T23:55:00z", T);
    expect_at("2024-08-08t23:55", T);
    expect_at("2024-08-08 23:55:00", T);
    expect_at("2024-08-09 01:55:00+02:00", T);
    expect_at("2024-08-08T20:25:00-0330", T);
    expect_at("2024-08-08", T - (23 * 3600 + 55 * 60) * S);
    expect_at("1970-01-01T00:00:00Z", 0);
    expect_at("1969-12-31T23:59:59Z", -S);
    expect_at("2024-02-29", 1709164800 * S);
    expect_at("2016-12-31T23:59:60Z", 1483228800 * S); /* a leap second is the next one */
}

static void fractions_reach_nanoseconds(void **state)
{
    (void)state;
    expect_at("2024-08-08T23:55:00.25Z", T + S / 4);
    expect_at("2024-08-08T23:55:00.000000001Z", T + 1);
    expect_at("2024-08-08T23:55:00.0000000019Z", T + 1);
    expect_at("2024-08-08T23:55:00.123456789+00:00", T + 123456789);
}

static void epochs_tell_their_unit_by_their_size(void **state)
{
    (void)state;
    expect_at("1723161300", T);
    expect_at("1723161300250", T + S / 4);
    expect_at("1723161300250000", T + S / 4);
    expect_at("1723161300250000001", T + S / 4 + 1);
    expect_at("9223372036854775807", INT64_MAX);
    expect_at("0000000000", 0);
    static const char *const wrong[] = {
        "",
        "172316130",
        "17231613000",
        "172316130025",
        "17231613002500000",
        "9223372036854775808",
        "99999999999999999999",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refuse(wrong[i]);
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const wrong[] = {
        "yesterday",
        "2024",
        "2024-08",
        "2024-8-8",
        "2024-13-01",
        "2024-00-10",
        "2024-01-00",
        "2024-01-32",
        "2024-02-30",
        "2023-02-29",
        "2024-04-31",
        "2024-08-08T",
        "2024-08-08T24:00:00Z",
        "2024-08-08T23:60:00Z",
        "2024-08-08T23:55:61Z",
        "2024-08-08T23",
        "2024-08-08T23:55:00.",
        "2024-08-08T23:55:00Zx",
        "2024-08-08T23:55:00+2",
        "2024-08-08Z",
        "2024-08-08T23:55:00+24:00",
        "2024-08-08T23:55:00+02:60",
        "1899-01-01",
        "2201-01-01",
        " 2024-08-08",
        "2024-08-08 ",
        "-1723161300",
        "1723161300.5",
        "30s",
        "-30s",
        "+",
        "+-5s",
        "+s",
        "++5s",
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refuse(wrong[i]);
}

static void offsets_count_from_the_first_event(void **state)
{
    (void)state;
    expect_after("+30s", 30 * S);
    expect_after("+1.5h", 5400 * S);
    expect_after("+250ms", S / 4);
    expect_after("+0", 0);
    const struct when after = {WHEN_AFTER_START, 5}, at = {WHEN_AT, 5}, unset = {WHEN_UNSET, 0};
    assert_int_equal(when_resolve(&after, T, -1), T + 5);
    assert_int_equal(when_resolve(&at, T, -1), 5);
    assert_int_equal(when_resolve(&unset, T, -1), -1);
}

/* 292 years: `--to +9000000000s` means for ever, and not long ago. */
static void an_offset_past_the_end_of_time_is_the_end_of_time(void **state)
{
    struct when when;
    (void)state;
    assert_int_equal(when_parse("+9000000000s", &when), 0);
    assert_true(when_resolve(&when, T, 0) == INT64_MAX);
}

static void durations_have_units(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } right[] = {
        {"0", 0},
        {"5", 5 * S},
        {"0.5", S / 2},
        {"5s", 5 * S},
        {"5ms", 5000000},
        {"5us", 5000},
        {"5ns", 5},
        {"2m", 120 * S},
        {"1.5m", 90 * S},
        {"2h", 7200 * S},
        {"0.000000001s", 1},
        {"1.5us", 1500},
        {"9000000000", 9000000000 * S},
        {"00.5s", S / 2},
        {"1.0000000009ns", 1},
    };
    static const char *const wrong[] = {
        "",      "s",        "-1",  "+1",          ".5",  "1.",
        "1.s",   "1 s",      " 1",  "1d",          "1S",  "1e3",
        "1.2.3", "1s1",      "0x5", "10000000000", "inf", "9999999999999999999",
        "1ss",   "3000000h",
    };
    int64_t ns = 77;
    (void)state;
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        if (duration_parse(right[i].text, &ns) != 0 || ns != right[i].ns)
            fail_msg("%s: %lld", right[i].text, (long long)ns);
    ns = 77;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (duration_parse(wrong[i], &ns) != -EINVAL || ns != 77)
            fail_msg("%s was taken", wrong[i]);
}

static void days_agree_with_the_c_library(void **state)
{
    struct random random = {random_seed_of(4)};
    (void)state;
    for (int i = 0; i < 20000; i++) {
        const time_t seconds = ((time_t)random_below(&random, 200000) - 100000) * 86400;
        struct tm utc;
        gmtime_r(&seconds, &utc);
        assert_int_equal(
            days_from_date(utc.tm_year + 1900, (unsigned)utc.tm_mon + 1, (unsigned)utc.tm_mday),
            seconds / 86400);
    }
}

static void any_time_written_out_is_read_back(void **state)
{
    struct random random = {random_seed_of(5)};
    (void)state;
    for (int i = 0; i < 20000; i++) {
        const time_t seconds = (time_t)random_below(&random, 4102444800u);
        const unsigned ns = random_below(&random, 1000000000);
        char date[40], text[60];
        struct tm utc;
        gmtime_r(&seconds, &utc);
        strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
        snprintf(text, sizeof text, "%s.%09uZ", date, ns);
        expect_at(text, seconds * S + ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(iso_times_are_utc_unless_they_say_otherwise),
        cmocka_unit_test(fractions_reach_nanoseconds),
        cmocka_unit_test(epochs_tell_their_unit_by_their_size),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(offsets_count_from_the_first_event),
        cmocka_unit_test(an_offset_past_the_end_of_time_is_the_end_of_time),
        cmocka_unit_test(durations_have_units),
        cmocka_unit_test(days_agree_with_the_c_library),
        cmocka_unit_test(any_time_written_out_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
