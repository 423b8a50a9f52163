/* What each kind of option takes, and what it says when it does not. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/option_read.h"

#define S INT64_C(1000000000)
#define ROW(how, at)                                                                               \
    ((struct option_row){"it", "VALUE", "", how, offsetof(struct options, at), 0, 0})
#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct options options;
static char error[600];

static int setup(void **state)
{
    (void)state;
    options = (struct options){0};
    error[0] = '\0';
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    options_finish(&options);
    return 0;
}

static bool take(const struct option_row *row, const char *value)
{
    struct option_parser parser = {&options, error, sizeof error};
    return row->read(&parser, row, value);
}

static void good(struct option_row row, const char *value)
{
    if (!take(&row, value))
        fail_msg("%s: %s", value == NULL ? "" : value, error);
}

static void bad(struct option_row row, const char *value, const char *allowed)
{
    char line[500];
    if (take(&row, value))
        fail_msg("%s was taken", value);
    snprintf(line, sizeof line, "--it %s: allowed: %s", *value == '\0' ? "(nothing)" : value,
             allowed);
    assert_string_equal(error, line);
}

static void flags_need_no_value(void **state)
{
    (void)state;
    good(ROW(option_read_flag, loop), NULL);
    assert_true(options.loop);
}

static void texts_replace_one_another_and_are_not_empty(void **state)
{
    const struct option_row row = ROW(option_read_text, record);
    (void)state;
    good(row, "a.zst");
    good(row, "b c");
    assert_string_equal(options.record, "b c");
    assert_false(take(&row, ""));
    assert_string_equal(error, "--it \"\": allowed: VALUE");
}

static void a_folder_has_a_page(void **state)
{
    const struct option_row row = ROW(option_read_folder, web_root);
    char folder[] = "/tmp/option-read-XXXXXX", page[60];
    (void)state;
    assert_non_null(mkdtemp(folder));
    bad(row, folder, "a folder with an index.html that can be read");
    snprintf(page, sizeof page, "%s/index.html", folder);
    FILE *file = fopen(page, "w");
    assert_non_null(file);
    fclose(file);
    good(row, folder);
    assert_string_equal(options.web_root, folder);
    unlink(page);
    rmdir(folder);
    bad(row, "/nowhere/at.all", "a folder with an index.html that can be read");
}

static void a_list_grows_until_it_is_full(void **state)
{
    const struct option_row row = ROW(option_read_list, feeds);
    (void)state;
    for (int i = 0; i < OPTIONS_LIST_MAX; i++)
        good(row, i == 0 ? "first" : "x");
    bad(row, "y", "at most 256 of them");
    assert_int_equal(options.feeds.count, OPTIONS_LIST_MAX);
    assert_string_equal(options.feeds.values[0], "first");
}

static void origins_are_as_browsers_write_them(void **state)
{
    static const char *const right[] = {"*", "https://a.example", "http://localhost:8080",
                                        "https://[::1]:1"};
    static const char *const wrong[] = {
        "",           "a.example",   "://a",        "https://", "https://a/",    "https://a?b",
        "https://a#", "https://u@a", "https://*.a", "**",       "https://a b.c", "https://a/b"};
    const struct option_row row = ROW(option_read_origin, origins);
    (void)state;
    for (size_t i = 0; i < COUNT(right); i++) {
        good(row, right[i]);
        assert_string_equal(options.origins.values[i], right[i]);
    }
    for (size_t i = 0; i < COUNT(wrong); i++)
        bad(row, wrong[i], "https://HOST or https://HOST:PORT as browsers send it, or *");
}

static void numbers_are_whole_and_within_their_bounds(void **state)
{
    static const char *const wrong[] = {"",    "x",    "-1",  "+5", " 5", "5x",
                                        "5.0", "0x10", "1e1", "9",  "21", "99999999999999999999"};
    struct option_row row = ROW(option_read_number, shards);
    (void)state;
    row.min = 10;
    row.max = 20;
    good(row, "10");
    assert_int_equal(options.shards, 10);
    good(row, "20");
    assert_int_equal(options.shards, 20);
    for (size_t i = 0; i < COUNT(wrong); i++)
        bad(row, wrong[i], "a whole number from 10 to 20");
    assert_int_equal(options.shards, 20);
    row.max = UINT64_MAX;
    good(row, "18446744073709551615");
    assert_true(options.shards == UINT64_MAX);
    bad(row, "18446744073709551616", "a whole number from 10 to 18446744073709551615");
}

static void sizes_have_units(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } right[] = {{"0", 0},
                 {"1000", 1000},
                 {"1K", 1024},
                 {"100M", 100u << 20},
                 {"2G", UINT64_C(2) << 30},
                 {"17179869183G", UINT64_C(17179869183) << 30}};
    static const char *const wrong[] = {"",    "K",    "-1", "1k", "1T",
                                        "1KB", "1.5M", "0K", " 1", "17179869184G"};
    struct option_row row = ROW(option_read_size, candle_bytes);
    (void)state;
    for (size_t i = 0; i < COUNT(right); i++) {
        good(row, right[i].text);
        assert_true(options.candle_bytes == right[i].bytes);
    }
    for (size_t i = 0; i < COUNT(wrong); i++)
        bad(row, wrong[i], "bytes, or a number with K, M or G");
    row.min = 1024;
    good(row, "1K");
    bad(row, "1023", "at least 1024 bytes");
}

static void speed_is_above_zero_or_max(void **state)
{
    static const char *const wrong[] = {"0",   "-1",    "",    "fast", "1x", "inf",
                                        "nan", "1e999", "0.0", "0x10", " 1", "+1"};
    const struct option_row row = ROW(option_read_speed, speed);
    (void)state;
    good(row, "0.25");
    assert_true(options.speed == 0.25);
    good(row, "1e3");
    assert_true(options.speed == 1000);
    good(row, "max");
    assert_true(options.speed == 0);
    for (size_t i = 0; i < COUNT(wrong); i++)
        bad(row, wrong[i], "a number above 0, or max");
}

static void times_and_durations_are_read(void **state)
{
    const struct option_row when = ROW(option_read_when, from);
    const struct option_row gap = ROW(option_read_gap, max_gap_ns);
    const struct option_row age = ROW(option_read_age, resume_age_ns);
    (void)state;
    good(when, "2024-08-08T23:55:00Z");
    assert_int_equal(options.from.kind, WHEN_AT);
    assert_true(options.from.ns == 1723161300 * S);
    good(when, "+30s");
    assert_int_equal(options.from.kind, WHEN_AFTER_START);
    bad(when, "yesterday", WHEN_ALLOWED);
    bad(when, "30s", WHEN_ALLOWED);
    good(gap, "1.5");
    assert_true(options.max_gap_ns == 3 * S / 2);
    bad(gap, "0", "seconds above 0, or a number with ms, s, m or h");
    bad(gap, "-1", "seconds above 0, or a number with ms, s, m or h");
    good(age, "2m");
    assert_true(options.resume_age_ns == 120 * S);
    good(age, "0");
    assert_true(options.resume_age_ns == 0);
    bad(age, "long", "seconds, or a number with ms, s, m or h");
}

static void words_are_checked(void **state)
{
    (void)state;
    good(ROW(option_read_rebase, rebase), "now");
    assert_true(options.rebase);
    bad(ROW(option_read_rebase, rebase), "then", "now");
    good(ROW(option_read_level, log_level), "debug");
    assert_int_equal(options.log_level, LOG_DEBUG);
    bad(ROW(option_read_level, log_level), "loud", "debug, info, warn or error");
    good(ROW(option_read_fsync, record_sync), "never");
    assert_int_equal(options.record_sync, RECORDER_SYNC_NEVER);
    assert_true(options.has_record_sync);
    bad(ROW(option_read_fsync, record_sync), "often", "never, interval or flush");
}

static void a_part_ends_by_size_by_time_and_by_day(void **state)
{
    static const char *const wrong[] = {"", "100", "1.5", "0K", "999ms", "-1s", "daily", "1x"};
    const struct option_row row = {"it", "WHEN", "", option_read_rotate, 0, 0, 0};
    (void)state;
    good(row, "64K");
    good(row, "90s");
    good(row, "day");
    assert_int_equal(options.record_rotate_bytes, 64 << 10);
    assert_true(options.record_rotate_ns == 90 * S);
    assert_true(options.record_rotate_day);
    for (size_t i = 0; i < COUNT(wrong); i++)
        bad(row, wrong[i], "a size (64K, 100M, 2G), a duration from 1s on (90s, 10m, 1h), or day");
}

static void addresses_have_host_and_port(void **state)
{
    static const struct {
        const char *text, *host;
        uint16_t port;
    } right[] = {{"0.0.0.0:0", "0.0.0.0", 0},
                 {"localhost:65535", "localhost", 65535},
                 {"[::1]:8080", "::1", 8080}};
    static const char *const wrong[] = {"",           "8080",       ":8080",
                                        "localhost:", "host:65536", "host:-1",
                                        "host:1x",    "host: 80",   "host:999999999999999999999"};
    const struct option_row row = ROW(option_read_listen, listen);
    (void)state;
    for (size_t i = 0; i < COUNT(right); i++) {
        good(row, right[i].text);
        assert_string_equal(options.listen, right[i].text);
        assert_string_equal(options.host, right[i].host);
        assert_int_equal(options.port, right[i].port);
    }
    for (size_t i = 0; i < COUNT(wrong); i++)
        bad(row, wrong[i], "HOST:PORT, with a port from 0 (any free one) to 65535");
    bad(row, "::1:8080", "IPv6 addresses in brackets: [::1]:8080");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(flags_need_no_value),
        TEST(texts_replace_one_another_and_are_not_empty),
        TEST(a_folder_has_a_page),
        TEST(a_list_grows_until_it_is_full),
        TEST(origins_are_as_browsers_write_them),
        TEST(numbers_are_whole_and_within_their_bounds),
        TEST(sizes_have_units),
        TEST(speed_is_above_zero_or_max),
        TEST(times_and_durations_are_read),
        TEST(words_are_checked),
        TEST(a_part_ends_by_size_by_time_and_by_day),
        TEST(addresses_have_host_and_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
