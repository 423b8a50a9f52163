/* Clocks on the wall. The zone files are made here, so that no zone database is needed. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "feed/stamp.h"
#include "feed/zone.h"

static char folder[] = "/tmp/pricecast-zone-XXXXXX";

/* A file of version 2 with no transitions of its own, one offset, and a rule. */
static void write_zone(const char *name, const char *rule, int minutes, size_t cut)
{
    unsigned char text[256] = {0};
    size_t len = 0;
    for (int block = 0; block < 2; block++) {
        memcpy(text + len, "TZif2", 5);
        text[len + 39] = 1; /* types */
        text[len + 43] = 4; /* characters of names */
        const int32_t offset_s = minutes * 60;
        for (int i = 0; i < 4; i++)
            text[len + 44 + (size_t)i] = (unsigned char)((uint32_t)offset_s >> (24 - 8 * i));
        len += 44 + 6 + 4;
    }
    len += (size_t)sprintf((char *)text + len, "\n%s\n", rule);
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fwrite(text, 1, cut > 0 ? cut : len, file);
    fclose(file);
}

static int setup(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    setenv("TZDIR", folder, 1);
    write_zone("North", "EST5EDT,M3.2.0,M11.1.0", -300, 0);
    write_zone("South", "<+10>-10<+11>,M10.1.0,M4.1.0/3", 600, 0);
    write_zone("Days", "AAA0BBB,J60/0,300/0", 0, 0);
    write_zone("Fixed", "<+0530>-5:30", 330, 0);
    write_zone("Cut", "EST5EDT,M3.2.0,M11.1.0", -300, 60);
    write_zone("Wrong", "EST5EDT,M13.2.0,M11.1.0", -300, 0);
    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = {"North", "South", "Days", "Fixed", "Cut", "Wrong"};
    char path[128];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

static void expect(const char *name, const char *local, const char *utc)
{
    struct zone *zone;
    char error[256];
    int64_t local_ns = 0, utc_ns = 0;
    bool has_zone;
    assert_int_equal(zone_open(name, &zone, error, sizeof error), 0);
    assert_int_equal(stamp_read_date(local, strlen(local), &local_ns, &has_zone), 0);
    assert_int_equal(stamp_read_date(utc, strlen(utc), &utc_ns, &has_zone), 0);
    assert_true(zone_to_utc(zone, local_ns) == utc_ns);
    assert_true(zone_to_utc(zone, local_ns) == utc_ns); /* now from what it remembers */
    zone_close(zone);
}

static void an_offset_is_a_zone(void **state)
{
    (void)state;
    expect("UTC", "2020-01-01T17:00:00.5", "2020-01-01T17:00:00.5");
    expect("Z", "2020-01-01", "2020-01-01");
    expect("-05:00", "2020-01-01T17:00:00.5", "2020-01-01T22:00:00.5");
    expect("+0530", "2020-07-01T00:00", "2020-06-30T18:30");
    expect("-05", "2020-07-01T00:00", "2020-07-01T05:00");
}

static void rules_change_clocks_twice_a_year(void **state)
{
    (void)state;
    expect("North", "2013-10-07T04:00", "2013-10-07T08:00");
    expect("North", "2013-12-07T04:00", "2013-12-07T09:00");
    expect("North", "2024-03-10T01:59:59.999", "2024-03-10T06:59:59.999");
    expect("North", "2024-03-10T03:00", "2024-03-10T07:00");
    expect("South", "2024-01-01T11:00", "2024-01-01T00:00");
    expect("South", "2024-07-01T10:00", "2024-07-01T00:00");
    expect("Days", "2024-02-29T23:00", "2024-02-29T23:00");
    expect("Days", "2024-03-01T01:00", "2024-03-01T00:00");
    expect("Days", "2023-10-28T00:30", "2023-10-28T00:30");
    expect("Fixed", "2024-03-01T05:30", "2024-03-01T00:00");
}

static void an_hour_that_exists_twice_is_taken_the_first_time(void **state)
{
    (void)state;
    expect("North", "2024-11-03T00:30", "2024-11-03T04:30");
    expect("North", "2024-11-03T01:30", "2024-11-03T05:30");
    expect("North", "2024-11-03T02:00", "2024-11-03T07:00");
}

static void an_hour_that_is_skipped_counts_on(void **state)
{
    (void)state;
    expect("North", "2024-03-10T02:30", "2024-03-10T07:30");
}

static void going_back_and_forth_gives_the_same(void **state)
{
    const int64_t day = INT64_C(86400000000000);
    struct zone *zone, *fresh;
    char error[256];
    (void)state;
    assert_int_equal(zone_open("North", &zone, error, sizeof error), 0);
    for (int64_t i = 0; i < 800; i++) {
        const int64_t local = (i * 7919 % 800) * day / 2 + 18000 * day + day / 12;
        assert_int_equal(zone_open("North", &fresh, error, sizeof error), 0);
        assert_true(zone_to_utc(zone, local) == zone_to_utc(fresh, local));
        zone_close(fresh);
    }
    zone_close(zone);
}

static void what_is_no_zone_is_refused(void **state)
{
    static const char *const bad[] = {"",    "Nowhere", "+25:00", "5",     "../North",
                                      "Cut", "Wrong",   "/etc",   "North/"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct zone *zone = NULL;
        char error[256] = "";
        assert_int_equal(zone_open(bad[i], &zone, error, sizeof error), -EINVAL);
        assert_non_null(strstr(error, "allowed: UTC, +hh:mm"));
        assert_null(zone);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_offset_is_a_zone),
        cmocka_unit_test(rules_change_clocks_twice_a_year),
        cmocka_unit_test(an_hour_that_exists_twice_is_taken_the_first_time),
        cmocka_unit_test(an_hour_that_is_skipped_counts_on),
        cmocka_unit_test(going_back_and_forth_gives_the_same),
        cmocka_unit_test(what_is_no_zone_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
