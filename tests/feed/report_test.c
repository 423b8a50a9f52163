/* How a feed stands, seen by another thread: on tracks whose clock the test moves. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/report.h"
#include "tests/support/fake_producer.h"

#define S   FAKE_NS_PER_S
#define NOW (5000 * S)

enum { FIRST, SECOND, TRACKS, EVENT_BYTES = 100 };

struct fixture {
    uv_loop_t loop;
    struct bus *bus;
    struct track tracks[TRACKS];
    struct histogram lateness;
    struct report report;
    struct report_facts facts;
    int64_t now_ns;
    struct feed_status status; /* as last read */
};

static void on_nothing(void *ctx)
{
    (void)ctx;
}

static void on_message(void *ctx, const char *text)
{
    (void)ctx;
    fail_msg("%s", text);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    uv_loop_init(&f->loop);
    assert_int_equal(bus_create(&(struct bus_options){.ring_events = 1024}, &f->bus), 0);
    f->now_ns = NOW;
    const struct track_options options = {
        .speed = 1,
        .arrived = on_nothing,
        .settled = on_nothing,
    };
    for (int i = 0; i < TRACKS; i++)
        track_init(&f->tracks[i], &options, f->bus, &f->lateness);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    uv_run(&f->loop, UV_RUN_DEFAULT);
    report_finish(&f->report);
    free(f->status.inputs);
    for (int i = 0; i < TRACKS; i++)
        track_finish(&f->tracks[i]);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    bus_destroy(f->bus);
    free(f);
    return 0;
}

/* As a file would: each event has EVENT_BYTES. */
static void fill(struct producer *producer, struct event_batch *out)
{
    struct fake_producer *fake = (struct fake_producer *)producer;
    fake_producer_fill(producer, out);
    const size_t done = (size_t)(fake->at - fake->script) + 1, all = strlen(fake->script);
    out->bytes_read = done / strlen("A10 ") * EVENT_BYTES;
    out->bytes_total = all / strlen("A10 ") * EVENT_BYTES;
}

/* Adds what plays a script of trades as in "A10 B12 ", each of four letters. */
static void add(struct fixture *f, int track, const char *source, const char *script)
{
    static struct producer_ops ops;
    struct fake_producer *fake = fake_producer_create(source, script);
    const struct input_options options = {.name = source};
    const struct input_hooks hooks = {on_nothing, on_message, f};
    ops = *fake->producer.ops;
    ops.fill = fill;
    fake->producer.ops = &ops;
    fake->batch_max = 1;
    struct input *input = input_create(&fake->producer, &options, &f->loop, f->bus, &hooks);
    assert_non_null(input);
    assert_int_equal(track_add(&f->tracks[track], input), 0);
}

static void begin(struct fixture *f, enum feed_mode mode)
{
    const struct report_on on = {f->tracks, TRACKS, NULL, &f->lateness};
    assert_int_equal(report_init(&f->report, &on, mode, false), 0);
    for (int i = 0; i < TRACKS; i++)
        track_start(&f->tracks[i]);
}

/* Sends what is due `seconds` later, however often workers have to be waited for. */
static void play(struct fixture *f, int64_t seconds)
{
    f->now_ns += seconds * S;
    for (int i = 0; i < TRACKS; i++) {
        int64_t next_ns;
        do {
            uv_run(&f->loop, UV_RUN_DEFAULT);
            next_ns = track_pump(&f->tracks[i], f->now_ns, on_nothing, f);
        } while (next_ns == TRACK_AGAIN || uv_loop_alive(&f->loop));
    }
}

static const struct feed_status *read_at(struct fixture *f, int64_t now_ns)
{
    free(f->status.inputs);
    assert_int_equal(report_read(&f->report, now_ns, &f->status), 0);
    return &f->status;
}

/* Makes the copy now, and reads it. */
static const struct feed_status *look(struct fixture *f)
{
    report_refresh(&f->report, &f->facts, f->now_ns, true);
    return read_at(f, f->now_ns);
}

static void time_is_of_the_first_track_and_counts_are_of_all(void **state)
{
    struct fixture *f = *state;
    add(f, FIRST, "x", "A10 A20 A99 ");
    add(f, FIRST, "y", "B15 ");
    add(f, SECOND, "z", "C30 C31 C32 ");
    begin(f, FEED_MODE_REPLAY);
    play(f, 0);
    play(f, 10);
    const struct feed_status *status = look(f);
    assert_int_equal(status->mode, FEED_MODE_REPLAY);
    assert_true(status->position_ns == 20 * S);
    assert_int_equal(status->events, 6);
    assert_int_equal(status->inputs_count, 3);
    assert_string_equal(status->inputs[0].name, "x");
    assert_string_equal(status->inputs[2].name, "z");
    assert_int_equal(status->inputs[0].events, 2);
    assert_int_equal(status->inputs[2].events, 3);
    assert_int_equal(status->inputs[0].bytes_read, 2 * EVENT_BYTES);
    assert_int_equal(status->bytes_read, 6 * EVENT_BYTES);
    assert_int_equal(status->bytes_total, 7 * EVENT_BYTES);
    assert_true(status->took_ns == 10 * S && status->asked_ns == 10 * S);
}

static void without_recordings_the_second_track_has_the_time(void **state)
{
    struct fixture *f = *state;
    add(f, SECOND, "z", "C30 C31 C99 ");
    track_set_speed(&f->tracks[SECOND], 2, f->now_ns);
    begin(f, FEED_MODE_SIM);
    play(f, 0);
    play(f, 1);
    const struct feed_status *status = look(f);
    assert_true(status->position_ns == 31 * S);
    assert_true(status->speed == 2);
}

/* The feed refreshes after every event: making the copy as often would cost too much. */
static void the_copy_is_made_anew_after_a_while_or_when_forced(void **state)
{
    struct fixture *f = *state;
    add(f, FIRST, "x", "A10 ");
    begin(f, FEED_MODE_REPLAY);
    assert_int_equal(look(f)->events, 0);
    play(f, 0);
    report_refresh(&f->report, &f->facts, f->now_ns + REPORT_EVERY_NS - 1, false);
    assert_int_equal(read_at(f, f->now_ns)->events, 0);
    report_refresh(&f->report, &f->facts, f->now_ns + REPORT_EVERY_NS, false);
    assert_int_equal(read_at(f, f->now_ns)->events, 1);
    f->facts.loops = 3;
    report_refresh(&f->report, &f->facts, f->now_ns + REPORT_EVERY_NS, true);
    assert_int_equal(read_at(f, f->now_ns)->loops, 3);
}

static void what_it_does_is_told_in_one_word(void **state)
{
    struct fixture *f = *state;
    const struct input_target target = {.time_ns = 20 * S};
    add(f, FIRST, "x", "A10 A20 A30 ");
    begin(f, FEED_MODE_REPLAY);
    play(f, 0);
    assert_int_equal(look(f)->play, FEED_PLAYING);
    track_pause(&f->tracks[SECOND], f->now_ns); /* it has no inputs: nobody could tell */
    assert_int_equal(look(f)->play, FEED_PLAYING);
    track_pause(&f->tracks[FIRST], f->now_ns);
    assert_int_equal(look(f)->play, FEED_IS_PAUSED);
    track_seek(&f->tracks[FIRST], &target);
    assert_int_equal(look(f)->play, FEED_SEEKING);
    play(f, 0);
    assert_int_equal(look(f)->play, FEED_IS_PAUSED);
    f->facts.holding = true;
    assert_int_equal(look(f)->play, FEED_WAITING);
    f->facts.ended = true;
    assert_int_equal(look(f)->play, FEED_HAS_ENDED);
}

/* Who asks between two copies sees time go on, at the pace it goes. */
static void recorded_time_goes_on_while_it_plays(void **state)
{
    struct fixture *f = *state;
    add(f, FIRST, "x", "A10 A90 ");
    track_set_speed(&f->tracks[FIRST], 4, f->now_ns);
    begin(f, FEED_MODE_REPLAY);
    assert_true(look(f)->clock_ns == EVENT_NO_TIME);
    play(f, 0);
    play(f, 2); /* 8 recorded seconds in which nothing happens */
    const struct feed_status *status = look(f);
    assert_true(status->position_ns == 10 * S);
    assert_true(status->clock_ns == 18 * S);
    assert_true(read_at(f, f->now_ns + S)->clock_ns == 22 * S);
    track_pause(&f->tracks[FIRST], f->now_ns);
    assert_true(look(f)->clock_ns == 18 * S);
    assert_true(read_at(f, f->now_ns + S)->clock_ns == 18 * S);
    track_step(&f->tracks[FIRST], 1); /* time is that of the event it went to */
    play(f, 0);
    assert_true(look(f)->clock_ns == 90 * S);
}

static void the_rest_is_guessed_from_how_fast_it_goes(void **state)
{
    struct fixture *f = *state;
    add(f, FIRST, "x", "A10 A20 A30 A40 ");
    begin(f, FEED_MODE_REPLAY);
    play(f, 0);
    assert_true(look(f)->eta_ns == -1); /* it has gone nowhere */
    play(f, 10);
    assert_true(look(f)->eta_ns == 20 * S); /* a quarter took 10 s */
    report_pace_anew(&f->report);
    assert_true(look(f)->eta_ns == -1);
    play(f, 10);
    assert_true(look(f)->eta_ns == 10 * S);
    f->facts.loop = true; /* it will not end */
    assert_true(look(f)->eta_ns == -1);
}

static void how_late_events_were_is_not_kept_but_looked_up(void **state)
{
    struct fixture *f = *state;
    begin(f, FEED_MODE_LIVE);
    look(f);
    histogram_record(&f->lateness, 1000);
    const struct feed_status *status = read_at(f, f->now_ns);
    assert_int_equal(status->lateness_max_ns, 1000);
    assert_in_range(status->lateness_p50_ns, 1000, 1031);
    assert_in_range(status->lateness_p99_ns, 1000, 1031);
    assert_int_equal(status->inputs_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(time_is_of_the_first_track_and_counts_are_of_all),
        TEST(without_recordings_the_second_track_has_the_time),
        TEST(the_copy_is_made_anew_after_a_while_or_when_forced),
        TEST(what_it_does_is_told_in_one_word),
        TEST(recorded_time_goes_on_while_it_plays),
        TEST(the_rest_is_guessed_from_how_fast_it_goes),
        TEST(how_late_events_were_is_not_kept_but_looked_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
