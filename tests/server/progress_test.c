/* The line that tells how a replay is doing. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "server/progress.h"

static struct feed_status playing(uint64_t events, uint64_t bytes_read)
{
    return (struct feed_status){
        .mode = FEED_MODE_REPLAY,
        .play = FEED_PLAYING,
        .speed = 2,
        .events = events,
        .position_ns = INT64_C(1700000000123456789),
        .lateness_p50_ns = 1500,
        .lateness_p99_ns = 2000000,
        .lateness_max_ns = 3000000000,
        .bytes_read = bytes_read,
        .bytes_total = 1000,
        .eta_ns = INT64_C(3725900000000),
    };
}

static void the_line_tells_place_rate_time_left_and_lateness(void **state)
{
    char line[400];
    struct progress progress = {0};
    struct feed_status status = playing(100, 100);
    (void)state;
    progress_line(&progress, &status, 1000, 200, line, sizeof line);
    status = playing(300, 200);
    progress_line(&progress, &status, 2000, 200, line, sizeof line);
    assert_string_equal(line, "playing 2x  2023-11-14 22:13:20.123  20.0%  300 events  200/s"
                              "  ETA 1:02:05  late p50 1.5µs p99 2ms max 3s");
    status.play = FEED_IS_PAUSED;
    status.eta_ns = -1;
    progress_line(&progress, &status, 3000, 200, line, sizeof line);
    assert_string_equal(line, "paused 2x  2023-11-14 22:13:20.123  20.0%  300 events  0/s"
                              "  late p50 1.5µs p99 2ms max 3s");
}

static void a_narrow_terminal_gets_the_same_in_short(void **state)
{
    char line[400];
    struct progress progress = {0};
    const struct feed_status status = playing(1234567, 1000);
    (void)state;
    progress_line(&progress, &status, 1000, 79, line, sizeof line);
    assert_string_equal(line, "playing 2x  22:13:20  100.0%  1234567 ev  0/s  ETA 1:02:05"
                              "  late 1.5µs/2ms/3s");
    progress_line(&progress, &status, 1000, 20, line, sizeof line);
    assert_string_equal(line, "playing 2x  22:13:20");
}

static void the_report_tells_whether_it_was_stopped(void **state)
{
    char text[400];
    struct feed_status status = playing(100, 1000);
    (void)state;
    status.asked_ns = status.took_ns = 2000000000;
    progress_report(&status, text, sizeof text);
    assert_string_equal(text,
                        "the replay was stopped: 100 events at 2x, asked for 2.000s, took 2.000s"
                        " (pace 1.0000)  late p50 1.5µs p99 2ms max 3s");
    status.play = FEED_HAS_ENDED;
    status.speed = 0;
    progress_report(&status, text, sizeof text);
    assert_string_equal(text, "the replay has ended: 100 events in 2.000s, 50/s");
    status.mode = FEED_MODE_LIVE;
    progress_report(&status, text, sizeof text);
    assert_string_equal(text, "the feeds have ended: 100 events");
}

static void a_line_is_cut_between_characters(void **state)
{
    static const struct {
        unsigned columns;
        const char *text;
    } cases[] = {{0, ""}, {1, "1"}, {2, "1µ"}, {3, "1µs"}, {9, "1µs"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[] = "1µs";
        progress_fit(line, cases[i].columns);
        assert_string_equal(line, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_line_tells_place_rate_time_left_and_lateness),
        cmocka_unit_test(a_narrow_terminal_gets_the_same_in_short),
        cmocka_unit_test(the_report_tells_whether_it_was_stopped),
        cmocka_unit_test(a_line_is_cut_between_characters),
    };
    return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
