/* The names of parts sort as their times do, and none is ever used twice. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "feed/record_parts.h"

#define S_NS   INT64_C(1000000000)
#define DAY_NS (86400 * S_NS)
#define WHEN   (INT64_C(1723161309) * S_NS) /* 2024-08-08T23:55:09Z */

static const char *path_of(const char *path, unsigned number)
{
    static char out[RECORD_PATH_MAX];
    return record_part_path(path, WHEN, number, out) == 0 ? out : "refused";
}

static void the_number_stands_before_the_ending(void **state)
{
    (void)state;
    assert_string_equal(path_of("a.jsonl.zst", 1), "a-0001.jsonl.zst");
    assert_string_equal(path_of("a.jsonl.gz", 23), "a-0023.jsonl.gz");
    assert_string_equal(path_of("a.jsonl", 9999), "a-9999.jsonl");
    assert_string_equal(path_of("a.jsonl", 12345), "a-12345.jsonl");
    assert_string_equal(path_of("a.zst", 1), "a-0001.zst");
    assert_string_equal(path_of("a", 1), "a-0001");
    assert_string_equal(path_of("x.y/a", 1), "x.y/a-0001");
    assert_string_equal(path_of("x/.a", 1), "x/.a-0001");
    assert_string_equal(path_of(".a.zst", 1), ".a-0001.zst");
    assert_string_equal(path_of("a.b.c", 1), "a.b-0001.c");
    assert_string_equal(path_of("a.jsonl.zst", 0), "a.jsonl.zst");
}

static void the_time_is_utc(void **state)
{
    (void)state;
    setenv("TZ", "Asia/Tokyo", 1);
    assert_string_equal(path_of("p-%Y-%m-%d.zst", 0), "p-2024-08-08.zst");
    assert_string_equal(path_of("%Y/%H%M%S%%.a.gz", 2), "2024/235509%-0002.a.gz");
    assert_string_equal(path_of("a.%Y", 1), "a-0001.2024");
}

static void other_percent_signs_are_refused(void **state)
{
    char out[RECORD_PATH_MAX], long_path[RECORD_PATH_MAX + 8];
    unsigned number;
    (void)state;
    assert_int_equal(record_part_path("a%", WHEN, 0, out), -EINVAL);
    assert_int_equal(record_part_path("a%q.zst", WHEN, 0, out), -EINVAL);
    assert_int_equal(record_part_path("%n", WHEN, 0, out), -EINVAL);
    assert_int_equal(record_part_number("a.%", WHEN, &number), -EINVAL);
    memset(long_path, 'a', sizeof long_path);
    long_path[RECORD_PATH_MAX - 1] = '\0';
    assert_int_equal(record_part_path(long_path, WHEN, 0, out), 0);
    assert_int_equal(record_part_path(long_path, WHEN, 1, out), -ENAMETOOLONG);
    long_path[RECORD_PATH_MAX - 1] = 'a';
    long_path[RECORD_PATH_MAX] = '\0';
    assert_int_equal(record_part_path(long_path, WHEN, 0, out), -ENAMETOOLONG);
}

static void touch(const char *path)
{
    const int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    close(fd);
}

/* Old parts may have been taken away: their numbers are not given again while later ones stand. */
static void the_next_number_is_above_all_there_are(void **state)
{
    char directory[] = "/tmp/record_parts_XXXXXX", path[256], name[300];
    static const char *const others[] = {
        "a-0007.jsonl",     "b-0008.jsonl.zst",  "a-008.jsonl.zst",
        "a-00x9.jsonl.zst", "a-0009.jsonl.zst~", "a-99999999999999999999.jsonl.zst",
        "a.jsonl.zst",
    };
    unsigned number = 0;
    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/a.jsonl.zst", directory);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        snprintf(name, sizeof name, "%s/%s", directory, others[i]);
        touch(name);
    }
    assert_int_equal(record_part_number(path, WHEN, &number), 0);
    assert_int_equal(number, 1);
    for (unsigned taken = 3; taken < 20000; taken = taken * 5 + 1) {
        assert_int_equal(record_part_path(path, WHEN, taken, name), 0);
        touch(name);
        assert_int_equal(record_part_number(path, WHEN, &number), 0);
        assert_int_equal(number, taken + 1);
    }
    snprintf(name, sizeof name, "rm -r %s", directory);
    assert_int_equal(system(name), 0);
    assert_int_equal(record_part_number(path, WHEN, &number), -ENOENT);
}

static int64_t wait_of(const struct record_rotation *rotation, int64_t wall_ns, int64_t elapsed_ns)
{
    const struct record_clock began = {WHEN, 5 * S_NS};
    const struct record_clock now = {wall_ns, 5 * S_NS + elapsed_ns};
    return record_part_wait_ns(rotation, &began, &now);
}

static void without_rotation_a_part_lasts(void **state)
{
    const struct record_rotation none = {0}, size = {.bytes = 1};
    (void)state;
    assert_false(record_rotates(&none));
    assert_true(record_rotates(&size));
    assert_int_equal(wait_of(&none, WHEN + 9 * DAY_NS, 9 * DAY_NS), INT64_MAX);
    assert_int_equal(wait_of(&size, WHEN + 9 * DAY_NS, 9 * DAY_NS), INT64_MAX);
}

/* Its age is what passed, whatever the clock on the wall did. */
static void a_part_has_its_time(void **state)
{
    const struct record_rotation hour = {.ns = 3600 * S_NS};
    (void)state;
    assert_int_equal(wait_of(&hour, WHEN - 9 * DAY_NS, 3599 * S_NS), S_NS);
    assert_int_equal(wait_of(&hour, WHEN + 9 * DAY_NS, 3600 * S_NS), 0);
}

static void a_day_ends_at_midnight_utc(void **state)
{
    const struct record_rotation day = {.utc_day = true};
    const struct record_rotation both = {.utc_day = true, .ns = 60 * S_NS};
    const int64_t midnight_ns = (WHEN / DAY_NS + 1) * DAY_NS;
    (void)state;
    assert_int_equal(wait_of(&day, WHEN, 0), midnight_ns - WHEN);
    assert_int_equal(wait_of(&day, midnight_ns - 1, 0), 1);
    assert_int_equal(wait_of(&day, midnight_ns, 0), 0);
    assert_int_equal(wait_of(&day, WHEN - DAY_NS, 0), 0); /* the clock was set back */
    assert_int_equal(wait_of(&both, WHEN + 59 * S_NS, 59 * S_NS), S_NS);
    assert_int_equal(wait_of(&both, midnight_ns - 1, S_NS), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_number_stands_before_the_ending),
        cmocka_unit_test(the_time_is_utc),
        cmocka_unit_test(other_percent_signs_are_refused),
        cmocka_unit_test(the_next_number_is_above_all_there_are),
        cmocka_unit_test(without_rotation_a_part_lasts),
        cmocka_unit_test(a_part_has_its_time),
        cmocka_unit_test(a_day_ends_at_midnight_utc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
