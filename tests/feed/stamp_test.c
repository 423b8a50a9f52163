/* Times in recordings, to the nanosecond. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "feed/stamp.h"

#define T0 INT64_C(1700000000000000000) /* 2023-11-14T22:13:20Z */

static void counts_keep_every_digit(void **state)
{
    static const struct {
        const char *text;
        int64_t unit_ns, want;
    } good[] = {
        {"1700000000.3771882", 1000000000, T0 + 377188200},
        {"1700000000.845013", 1000000000, T0 + 845013000},
        {"1700000000", 1000000000, T0},
        {"1700000000.0000000019", 1000000000, T0 + 1}, /* beyond nanoseconds */
        {"79200976.26", 1000000, INT64_C(79200976260000)},
        {"1700000000123", 1000000, T0 + 123000000},
        {"1700000000123456789", 1, T0 + 123456789},
        {"0.5", 86400000000000, INT64_C(43200000000000)},
        {"-1.5", 1000000000, -1500000000},
        {"9223372036.854775807", 1000000000, INT64_MAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t got = 0;
        assert_int_equal(
            stamp_read_count(good[i].text, strlen(good[i].text), good[i].unit_ns, &got), 0);
        assert_true(got == good[i].want);
    }
}

static void what_is_no_count_is_refused(void **state)
{
    static const char *const bad[] = {"", "-", ".5", "5.", "1e9", " 1", "1 ", "+1", "1.2.3", "x"};
    int64_t got = 7;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(stamp_read_count(bad[i], strlen(bad[i]), 1, &got), -EINVAL);
    assert_int_equal(stamp_read_count("9223372036.854775808", 20, 1000000000, &got), -ERANGE);
    assert_int_equal(stamp_read_count("99999999999999999999", 20, 1, &got), -ERANGE);
    assert_true(got == 7);
}

static void dates_come_in_many_ways(void **state)
{
    static const struct {
        const char *text;
        int64_t want;
        bool has_zone;
    } good[] = {
        {"2023-11-14T22:13:20Z", T0, true},
        {"2023-11-14T22:13:20.123456789Z", T0 + 123456789, true},
        {"2023-11-14T22:13:20.50436Z", T0 + 504360000, true},
        {"2023-11-14 22:13:20", T0, false},
        {"2023/11/14 22:13:20,25", T0 + 250000000, false},
        {"2023-11-15T00:13:20+02:00", T0, true},
        {"2023-11-14T17:13:20-0500", T0, true},
        {"2023-11-14D22:13:20.000500123", T0 + 500123, false},
        {"20231114 221320065", T0 + 65000000, false},
        {"20231114 22:13:20.065", T0 + 65000000, false},
        {"14.11.2023 22:13:20.065", T0 + 65000000, false},
        {"2023-11-14", T0 - INT64_C(80000000000000), false},
        {"2024-02-29", INT64_C(1709164800000000000), false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t got = 0;
        bool has_zone = !good[i].has_zone;
        assert_int_equal(stamp_read_date(good[i].text, strlen(good[i].text), &got, &has_zone), 0);
        assert_true(got == good[i].want);
        assert_int_equal(has_zone, good[i].has_zone);
    }
}

static void what_is_no_date_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "2023",
        "2023-13-01",
        "2023-02-29",
        "2023-11-31",
        "2023-00-10",
        "2023-11/14",
        "2023-11-14T",
        "2023-11-14T24:00:00",
        "2023-11-14T1:00",
        "1023-11-14",
        "31.02.2023",
        "2023-11-14T22:13:20.",
        "2023-11-14T22:13:20+2",
        "2023-11-14T22:13:20ZZ",
        "2023-11-14x22:13:20",
        "20231114221320",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t got = 7;
        bool has_zone;
        assert_int_equal(stamp_read_date(bad[i], strlen(bad[i]), &got, &has_zone), -EINVAL);
        assert_true(got == 7);
    }
}

static void times_of_day_need_their_colons(void **state)
{
    int64_t got = 0;
    (void)state;
    assert_int_equal(stamp_read_clock("09:30:00.25", 11, &got), 0);
    assert_true(got == INT64_C(34200250000000));
    assert_int_equal(stamp_read_clock("093000", 6, &got), -EINVAL);
    assert_int_equal(stamp_read_clock("09:30:00x", 9, &got), -EINVAL);
    assert_true(got == INT64_C(34200250000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_keep_every_digit),
        cmocka_unit_test(what_is_no_count_is_refused),
        cmocka_unit_test(dates_come_in_many_ways),
        cmocka_unit_test(what_is_no_date_is_refused),
        cmocka_unit_test(times_of_day_need_their_colons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
