/* A timeline whose clock the test moves; its inputs are read by libuv's real workers. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "feed/track.h"
#include "tests/support/fake_producer.h"

#define S   FAKE_NS_PER_S
#define NOW (5000 * S)

struct fixture {
    uv_loop_t loop;
    struct bus *bus;
    struct bus_sub *sub;
    struct track track;
    struct histogram lateness;
    int64_t now_ns, next_ns; /* what the last pump returned */
    char seen[4000];         /* what passed the bus: "x=up A10 x=ended" */
    struct price_event last;
    char messages[500];
    unsigned room_wakes, destroyed;
};

static void on_event(const struct price_event *event, void *ctx)
{
    static const char *const states[] = {"up", "down", "paused", "ended"};
    struct fixture *f = ctx;
    char *at = f->seen + strlen(f->seen);
    const size_t room = sizeof f->seen - (size_t)(at - f->seen);
    const char *space = at == f->seen ? "" : " ";
    if (event->kind == EVENT_RESET) {
        snprintf(at, room, "%sreset", space);
        return;
    }
    const struct stream *stream = streams_get(bus_streams(f->bus), event->stream);
    if (event->kind == EVENT_FEED) {
        snprintf(at, room, "%s%s=%s", space, stream->source, states[event->detail]);
        return;
    }
    assert_int_equal(event->kind, EVENT_TRADE);
    snprintf(at, room, "%s%s%d", space, stream->symbol, (int)event->mantissa[VALUE_PRICE]);
    f->last = *event;
}

static void on_nothing(void *ctx)
{
    (void)ctx;
}

static void on_message(void *ctx, const char *text)
{
    struct fixture *f = ctx;
    strcat(f->messages, text);
}

static void on_room(void *ctx)
{
    ((struct fixture *)ctx)->room_wakes++;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    uv_loop_init(&f->loop);
    assert_int_equal(bus_create(&(struct bus_options){.ring_events = 1024}, &f->bus), 0);
    const struct bus_sub_options options = {.wake = on_nothing};
    assert_int_equal(bus_subscribe(f->bus, &options, &f->sub), 0);
    bus_on(f->sub, 0, on_event, f);
    f->now_ns = NOW;
    track_init(&f->track, &(struct track_options){.speed = 1}, f->bus, &f->lateness);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    uv_run(&f->loop, UV_RUN_DEFAULT);
    track_finish(&f->track);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    bus_unsubscribe(f->sub);
    bus_destroy(f->bus);
    free(f);
    return 0;
}

static struct fake_producer *add_with(struct fixture *f, const char *source, const char *script,
                                      const struct input_options *options)
{
    struct fake_producer *fake = fake_producer_create(source, script);
    const struct input_hooks hooks = {on_nothing, on_message, f};
    fake->destroyed = &f->destroyed;
    struct input *input = input_create(&fake->producer, options, &f->loop, f->bus, &hooks);
    assert_non_null(input);
    assert_int_equal(track_add(&f->track, input), 0);
    return fake;
}

static struct fake_producer *add(struct fixture *f, const char *source, const char *script)
{
    return add_with(f, source, script, &(struct input_options){.name = source});
}

/* Sends what is due `seconds` later, however often workers have to be waited for. */
static void pump_after(struct fixture *f, double seconds)
{
    f->now_ns += (int64_t)(seconds * (double)S);
    do {
        uv_run(&f->loop, UV_RUN_DEFAULT); /* until the workers are done */
        f->next_ns = track_pump(&f->track, f->now_ns, on_room, f);
        while (bus_dispatch(f->sub, 100) == 100)
            ;
    } while (f->next_ns == TRACK_AGAIN || uv_loop_alive(&f->loop));
}

static void start(struct fixture *f)
{
    track_start(&f->track);
    pump_after(f, 0);
}

/* What passed the bus since the last look. */
#define assert_seen(f, expected)                                                                   \
    do {                                                                                           \
        assert_string_equal((f)->seen, (expected));                                                \
        (f)->seen[0] = '\0';                                                                       \
    } while (0)

/* ---- merging ---- */

static void all_at_once(struct fixture *f)
{
    track_set_speed(&f->track, 0, f->now_ns);
    start(f);
    assert_true(f->next_ns == TRACK_ENDED);
}

static void inputs_merge_by_time(void **state)
{
    struct fixture *f = *state;
    add(f, "x", "A1 A4 A5 A9");
    add(f, "y", "B2 B3 B6 B7 B8");
    all_at_once(f);
    assert_seen(f, "x=up A1 y=up B2 B3 A4 A5 B6 B7 B8 A9 x=ended y=ended");
}

static void equal_times_keep_the_order_of_the_inputs_then_of_the_events(void **state)
{
    struct fixture *f = *state;
    add(f, "x", "A5 B5 C5 A6");
    add(f, "y", "D5 E5 D6");
    all_at_once(f);
    assert_seen(f, "x=up A5 B5 C5 y=up D5 E5 A6 D6 x=ended y=ended");
}

/* Within an input its order counts; a time that goes back does not hold the others up. */
static void an_input_slightly_out_of_order_is_played_in_its_own_order(void **state)
{
    struct fixture *f = *state;
    add(f, "x", "A5 A4 A7");
    add(f, "y", "B5 B6");
    all_at_once(f);
    assert_seen(f, "x=up A5 A4 y=up B5 B6 A7 x=ended y=ended");
}

static void an_empty_input_holds_nobody_up(void **state)
{
    struct fixture *f = *state;
    add(f, "x", "");
    add(f, "y", "B1");
    all_at_once(f);
    assert_seen(f, "y=up B1 y=ended");
}

static void a_broken_input_ends_where_it_broke_and_says_so(void **state)
{
    struct fixture *f = *state;
    struct input_counts counts;
    add(f, "x", "A1 A3")->breaks = true;
    add(f, "y", "B2 B4");
    all_at_once(f);
    assert_seen(f, "x=up A1 y=up B2 A3 B4 x=ended y=ended");
    assert_string_equal(f->messages, "x is broken");
    input_counts(f->track.inputs[0], &counts);
    assert_true(counts.broken);
    assert_int_equal(counts.events, 2);
}

/* Recordings may lack both times, if only of a few events. */
static void events_without_a_time_go_with_the_one_before_them(void **state)
{
    struct fixture *f = *state;
    add(f, "x", "A? A? A10 A? A12 A?")->base_s = 1700000000;
    start(f);
    assert_seen(f, "x=up A0 A0 A10 A0");
    pump_after(f, 2);
    assert_seen(f, "A12 A0 x=ended");
}

static void a_recording_without_any_times_plays_at_once(void **state)
{
    struct fixture *f = *state;
    f->track.options.rebase = true;
    add(f, "x", "A? A? A? A? A?");
    start(f);
    assert_seen(f, "x=up A0 A0 A0 A0 A0 x=ended");
    assert_true(f->last.recv_ns == EVENT_NO_TIME);
}

static void the_limit_of_inputs_is_told(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < TRACK_INPUTS_MAX; i++)
        add(f, "x", "");
    struct fake_producer *fake = fake_producer_create("y", "");
    const struct input_hooks hooks = {on_nothing, on_message, f};
    struct input *input = input_create(&fake->producer, &(struct input_options){.name = "y"},
                                       &f->loop, f->bus, &hooks);
    assert_int_equal(track_add(&f->track, input), -ENOSPC);
    input_destroy(input); /* it is ours still */
    track_finish(&f->track);
    assert_int_equal(f->destroyed, TRACK_INPUTS_MAX);
}

/* ---- range ---- */

static void from_and_to_bound_recorded_time(void **state)
{
    struct fixture *f = *state;
    f->track.options.from = (struct when){WHEN_AT, 3 * S};
    f->track.options.to = (struct when){WHEN_AT, 6 * S};
    add(f, "x", "A1 A2 A3 A5 A6 A7");
    all_at_once(f);
    assert_seen(f, "x=up A3 A5 x=ended"); /* from it on, and before to */
    assert_int_equal(f->track.sent, 2);
    assert_int_equal(f->track.out_of_range, 4);
}

static void they_may_count_from_the_first_event_of_all(void **state)
{
    struct fixture *f = *state;
    f->track.options.from = (struct when){WHEN_AFTER_START, 2 * S};
    f->track.options.to = (struct when){WHEN_AFTER_START, 5 * S};
    add(f, "x", "A11 A12 A13 A14");
    add(f, "y", "B10 B15 B16");
    all_at_once(f);
    assert_seen(f, "x=up A12 A13 A14 x=ended y=ended");
}

/* What is left out costs no time: the first event sent is due at once. */
static void the_clock_starts_with_the_first_event_sent(void **state)
{
    struct fixture *f = *state;
    f->track.options.from = (struct when){WHEN_AT, 1000 * S};
    add(f, "x", "A1 A1000 A1001");
    start(f);
    assert_seen(f, "x=up A1000");
    assert_int_equal(f->next_ns, NOW + S);
}

/* Months of a recording behind `to` are not read for nothing; slight disorder is. */
static void far_past_to_an_input_is_not_read_on(void **state)
{
    struct fixture *f = *state;
    f->track.options.to = (struct when){WHEN_AT, 10 * S};
    struct fake_producer *fake =
        add(f, "x", "A1 A11 A2 A60 A3 A70 A4 A5 A6 A7 A8 A9 A1 A2 A3 A4 A5 A6 A7 A8 A9");
    all_at_once(f);
    assert_seen(f, "x=up A1 A2 A3 x=ended");
    assert_in_range(fake->fills, 1, 4); /* two are read ahead */
}

/* ---- pace ---- */

static void events_come_when_they_are_due(void **state)
{
    struct fixture *f = *state;
    add(f, "x", "A10 A12 A15");
    start(f);
    assert_seen(f, "x=up A10");
    assert_int_equal(f->next_ns, NOW + 2 * S);
    pump_after(f, 1.999);
    assert_seen(f, "");
    pump_after(f, 0.001);
    assert_seen(f, "A12");
    pump_after(f, 10);
    assert_seen(f, "A15 x=ended");
    assert_true(f->next_ns == TRACK_ENDED);
    assert_int_equal(f->track.position_ns, 15 * S);
    assert_int_equal(atomic_load(&f->lateness.max), 7 * S); /* the last came that late */
    assert_int_equal(atomic_load(&f->lateness.count), 3);
}

static void speed_divides_the_time_between(void **state)
{
    struct fixture *f = *state;
    add(f, "x", "A10 A20 A30");
    start(f);
    track_set_speed(&f->track, 10, f->now_ns);
    pump_after(f, 1);
    assert_seen(f, "x=up A10 A20");
    track_set_speed(&f->track, 0.5, f->now_ns);
    pump_after(f, 19);
    assert_seen(f, "");
    assert_int_equal(f->next_ns, f->now_ns + S);
    track_set_speed(&f->track, 0, f->now_ns);
    pump_after(f, 0);
    assert_seen(f, "A30 x=ended");
}

/* After a change of speed both events were late: it took from when the first one was due. */
static void what_it_took_counts_from_when_it_was_due(void **state)
{
    struct fixture *f = *state;
    add(f, "x", "A10 A20 A30");
    start(f);
    track_set_speed(&f->track, 10, f->now_ns);
    pump_after(f, 5);
    assert_seen(f, "x=up A10 A20 A30 x=ended");
    assert_int_equal(f->track.asked_ns, S);
    assert_int_equal(f->track.took_ns, 4 * S);
}

/* The pace of the rest is not spoilt by what was played as fast as possible. */
static void at_most_speed_as_long_as_it_takes_is_asked_for(void **state)
{
    struct fixture *f = *state;
    add(f, "x", "A10 A20 A30");
    start(f);
    pump_after(f, 0);
    track_set_speed(&f->track, 0, f->now_ns);
    pump_after(f, 3);
    assert_seen(f, "x=up A10 A20 A30 x=ended");
    assert_int_equal(f->track.asked_ns, f->track.took_ns);
}

/* The command line allows any speed above 0. */
static void no_speed_is_too_much_or_too_little(void **state)
{
    struct fixture *f = *state;
    add(f, "x", "A10 A20 A30 A90000000");
    track_set_speed(&f->track, 1e-300, f->now_ns);
    start(f);
    assert_seen(f, "x=up A10");
    pump_after(f, 100000);
    assert_seen(f, ""); /* not in our time */
    assert_true(f->next_ns > f->now_ns);
    track_set_speed(&f->track, 1e300, f->now_ns);
    pump_after(f, 0.001);
    assert_seen(f, "A20 A30 A90000000 x=ended");
    track_set_speed(&f->track, 1, f->now_ns);
}

static void long_silences_are_cut(void **state)
{
    struct fixture *f = *state;
    f->track.pacer.max_gap_ns = 2 * S;
    add(f, "x", "A10 A100000 A100001");
    start(f);
    pump_after(f, 2);
    assert_seen(f, "x=up A10 A100000");
    pump_after(f, 1);
    assert_seen(f, "A100001 x=ended");
}

/* One turn of the loop must not keep commands waiting. */
static void a_pump_sends_a_few_thousand_events_at_most(void **state)
{
    struct fixture *f = *state;
    enum { MANY = 20000 };
    char *script = malloc(3 * MANY + 1);
    for (int i = 0; i < MANY; i++)
        memcpy(script + (ptrdiff_t)3 * i, "A1 ", 4);
    add(f, "x", script)->batch_max = BATCH_EVENTS_MAX;
    track_set_speed(&f->track, 0, f->now_ns);
    track_start(&f->track);
    bus_off(f->sub, 1);
    uint64_t most = 0, before = 0;
    while (f->next_ns != TRACK_ENDED) {
        f->next_ns = track_pump(&f->track, f->now_ns, on_room, f);
        most = f->track.sent - before > most ? f->track.sent - before : most;
        before = f->track.sent;
        uv_run(&f->loop, UV_RUN_DEFAULT);
    }
    assert_int_equal(f->track.sent, MANY);
    assert_in_range(most, BATCH_EVENTS_MAX, 10000);
    free(script);
}

/* ---- pausing ---- */

static void a_pause_stops_time_and_says_so(void **state)
{
    struct fixture *f = *state;
    add(f, "x", "A10 A12 A14");
    add(f, "y", "B20");
    start(f);
    pump_after(f, 1);
    track_pause(&f->track, f->now_ns);
    track_pause(&f->track, f->now_ns); /* twice is once */
    pump_after(f, 100);
    assert_seen(f, "x=up A10 x=paused y=paused");
    assert_true(f->next_ns == TRACK_WAITS);
    track_resume(&f->track, f->now_ns);
    track_resume(&f->track, f->now_ns);
    pump_after(f, 0.5);
    assert_seen(f, "x=up y=up");
    pump_after(f, 0.5);
    assert_seen(f, "A12");
}

static void steps_send_so_many_events_while_paused(void **state)
{
    struct fixture *f = *state;
    add(f, "x", "A10 A20 A30 A40 A41");
    track_step(&f->track, 5); /* while it plays there is nothing to step */
    start(f);
    track_pause(&f->track, f->now_ns);
    track_step(&f->track, 1);
    track_step(&f->track, 2);
    pump_after(f, 0);
    assert_seen(f, "x=up A10 x=paused A20 A30 A40");
    pump_after(f, 100);
    assert_seen(f, "");
    track_resume(&f->track, f->now_ns); /* recorded time goes on from there */
    pump_after(f, 0);
    assert_seen(f, "x=up A41 x=ended");
}

static void steps_to_the_end_end_it(void **state)
{
    struct fixture *f = *state;
    add(f, "x", "A10 A20");
    start(f);
    track_pause(&f->track, f->now_ns);
    track_step(&f->track, 100);
    pump_after(f, 0);
    assert_seen(f, "x=up A10 x=paused A20 x=ended");
    assert_true(f->next_ns == TRACK_ENDED);
    track_pause(&f->track, f->now_ns);
    track_resume(&f->track, f->now_ns);
    pump_after(f, 0);
    assert_seen(f, ""); /* ended is ended */
}

static void paused_from_the_start_nothing_is_sent(void **state)
{
    struct fixture *f = *state;
    add(f, "x", "A10 A11");
    track_pause(&f->track, f->now_ns);
    start(f);
    assert_seen(f, "x=paused");
    track_resume(&f->track, f->now_ns);
    pump_after(f, 0);
    assert_seen(f, "x=up A10");
    pump_after(f, 1);
    assert_seen(f, "A11 x=ended");
}

/* ---- the wall clock ---- */

static int64_t wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * S + now.tv_nsec;
}

static void rebased_events_carry_the_present_time(void **state)
{
    struct fixture *f = *state;
    f->track.options.rebase = true;
    add(f, "x", "A10 A20");
    const int64_t before = wall_ns();
    start(f);
    assert_true(f->last.recv_ns >= before && f->last.recv_ns <= wall_ns());
    assert_true(f->last.ts_ns == EVENT_NO_TIME); /* what was absent stays so */
    const int64_t first = f->last.recv_ns;
    pump_after(f, 10); /* of our clock; by the wall's, no time has passed */
    assert_true(f->last.recv_ns >= first - S && f->last.recv_ns <= wall_ns());
}

static void at_speed_max_rebased_events_keep_their_distances(void **state)
{
    struct fixture *f = *state;
    f->track.options.rebase = true;
    add(f, "x", "A10 A20");
    all_at_once(f);
    assert_true(f->last.recv_ns >= wall_ns() - 60 * S + 10 * S);
    assert_true(f->last.recv_ns <= wall_ns() + 10 * S);
}

/* ---- lossless ---- */

static void a_lossless_track_waits_for_whoever_holds_the_bus(void **state)
{
    struct fixture *f = *state;
    enum { MANY = 3000 }; /* three rings */
    char *script = malloc(3 * MANY + 1);
    struct bus_sub *holding;
    const struct bus_sub_options options = {.wake = on_nothing, .holds = true};
    for (int i = 0; i < MANY; i++)
        memcpy(script + (ptrdiff_t)3 * i, "A1 ", 4);
    add(f, "x", script)->batch_max = BATCH_EVENTS_MAX;
    f->track.options.lossless = true;
    bus_off(f->sub, 1);
    assert_int_equal(bus_subscribe(f->bus, &options, &holding), 0);
    track_set_speed(&f->track, 0, f->now_ns);
    start(f);
    assert_true(f->next_ns == TRACK_WAITS && f->track.waits_for_room);
    const uint64_t sent = f->track.sent;
    assert_in_range(sent, 500, 1023); /* not one more than the ring holds */
    pump_after(f, 1);
    assert_int_equal(f->track.sent, sent);
    assert_int_equal(f->room_wakes, 0);
    uint64_t taken = 0;
    while (f->next_ns != TRACK_ENDED) {
        const unsigned wakes = f->room_wakes;
        taken += bus_dispatch(holding, 10000);
        assert_true(f->room_wakes == wakes + 1 || !f->track.waits_for_room);
        pump_after(f, 0);
    }
    taken += bus_dispatch(holding, 10000);
    assert_int_equal(taken, MANY + 2); /* up and ended */
    assert_int_equal(bus_sub_missed(holding), 0);
    bus_unsubscribe(holding);
    free(script);
}

/* Else everything held up would be late and come in one burst. */
static void waiting_for_room_stops_recorded_time(void **state)
{
    struct fixture *f = *state;
    char script[3 * 1100 + 20];
    struct bus_sub *holding;
    const struct bus_sub_options options = {.wake = on_nothing, .holds = true};
    for (int i = 0; i < 1100; i++)
        memcpy(script + (ptrdiff_t)3 * i, "A1 ", 4);
    strcat(script, "A3 A5");
    add(f, "x", script)->batch_max = BATCH_EVENTS_MAX;
    f->track.options.lossless = true;
    bus_off(f->sub, 1);
    assert_int_equal(bus_subscribe(f->bus, &options, &holding), 0);
    start(f);
    assert_true(f->track.waits_for_room);
    pump_after(f, 100);
    bus_dispatch(holding, 10000);
    pump_after(f, 0);
    assert_int_equal(f->track.sent, 1100);
    assert_int_equal(f->next_ns, f->now_ns + 2 * S);
    bus_unsubscribe(holding);
}

/* ---- again ---- */

static void a_rewound_track_plays_the_same_again(void **state)
{
    struct fixture *f = *state;
    struct fake_producer *fake = add(f, "x", "A10 A11 A12 A13");
    add(f, "y", "B11");
    for (int turn = 0; turn < 3; turn++) {
        pump_after(f, 0);
        start(f);
        assert_seen(f, turn == 0 ? "x=up A10" : "reset x=up A10"); /* at once, whatever the time */
        pump_after(f, 1);
        pump_after(f, 1);
        pump_after(f, 1);
        assert_seen(f, "A11 y=up B11 A12 A13 x=ended y=ended");
        assert_true(f->next_ns == TRACK_ENDED);
        f->now_ns += 1000 * S;
        bus_reset(f->bus, RESET_LOOP);
        track_rewind(&f->track);
    }
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(fake->rewinds, 3);
}

static void one_that_cannot_be_read_again_ends_with_a_message(void **state)
{
    struct fixture *f = *state;
    add(f, "x", "A1")->rewind_rc = -ESPIPE;
    add(f, "y", "B2");
    all_at_once(f);
    f->seen[0] = '\0';
    bus_reset(f->bus, RESET_LOOP);
    track_rewind(&f->track);
    pump_after(f, 0);
    assert_true(f->next_ns == TRACK_ENDED);
    assert_non_null(strstr(f->seen, "reset y=up B2"));
    assert_null(strstr(f->seen, "A1"));
    assert_non_null(strstr(f->messages, "cannot be read again"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(inputs_merge_by_time),
        TEST(equal_times_keep_the_order_of_the_inputs_then_of_the_events),
        TEST(an_input_slightly_out_of_order_is_played_in_its_own_order),
        TEST(an_empty_input_holds_nobody_up),
        TEST(a_broken_input_ends_where_it_broke_and_says_so),
        TEST(events_without_a_time_go_with_the_one_before_them),
        TEST(a_recording_without_any_times_plays_at_once),
        TEST(the_limit_of_inputs_is_told),
        TEST(from_and_to_bound_recorded_time),
        TEST(they_may_count_from_the_first_event_of_all),
        TEST(the_clock_starts_with_the_first_event_sent),
        TEST(far_past_to_an_input_is_not_read_on),
        TEST(events_come_when_they_are_due),
        TEST(speed_divides_the_time_between),
        TEST(what_it_took_counts_from_when_it_was_due),
        TEST(at_most_speed_as_long_as_it_takes_is_asked_for),
        TEST(no_speed_is_too_much_or_too_little),
        TEST(long_silences_are_cut),
        TEST(a_pump_sends_a_few_thousand_events_at_most),
        TEST(a_pause_stops_time_and_says_so),
        TEST(steps_send_so_many_events_while_paused),
        TEST(steps_to_the_end_end_it),
        TEST(paused_from_the_start_nothing_is_sent),
        TEST(rebased_events_carry_the_present_time),
        TEST(at_speed_max_rebased_events_keep_their_distances),
        TEST(a_lossless_track_waits_for_whoever_holds_the_bus),
        TEST(waiting_for_room_stops_recorded_time),
        TEST(a_rewound_track_plays_the_same_again),
        TEST(one_that_cannot_be_read_again_ends_with_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
