/* What a writer and a subscriber may rely on, on one thread. Threads are in bus_race_test.c. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/bus.h"

enum { RING = BUS_RING_EVENTS_MIN, SEEN_MAX = 1000 };

/* What a handler was given. */
struct seen {
    struct price_event events[SEEN_MAX];
    size_t count;
};

struct fixture {
    struct bus *bus; /* a ring of RING */
    struct bus_sub *sub;
    struct seen seen;
    unsigned wakes, room_wakes;
    uint32_t a, b; /* trades and quotes of one symbol */
    int64_t lapped_ns;
};

static void record(const struct price_event *event, void *ctx)
{
    struct seen *seen = ctx;
    assert_in_range(seen->count, 0, SEEN_MAX - 1);
    seen->events[seen->count++] = *event;
}

static void on_wake(void *ctx)
{
    ((struct fixture *)ctx)->wakes++;
}

static void on_room(void *ctx)
{
    ((struct fixture *)ctx)->room_wakes++;
}

static uint32_t stream_of(struct bus *bus, const char *symbol, enum event_kind kind)
{
    const long number = bus_stream(bus, "x", 1, symbol, strlen(symbol), kind);
    assert_true(number >= 0);
    return (uint32_t)number;
}

static struct bus_sub *subscribe(struct fixture *f, bool holds)
{
    const struct bus_sub_options options = {.wake = on_wake, .ctx = f, .holds = holds};
    struct bus_sub *sub;
    assert_int_equal(bus_subscribe(f->bus, &options, &sub), 0);
    return sub;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const struct bus_options options = {.ring_events = RING, .streams_max = 100};
    if (bus_create(&options, &f->bus) != 0)
        return -1;
    f->a = stream_of(f->bus, "A", EVENT_TRADE);
    f->b = stream_of(f->bus, "A", EVENT_QUOTE);
    f->sub = subscribe(f, false);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    bus_unsubscribe(f->sub);
    bus_destroy(f->bus);
    free(f);
    return 0;
}

static struct price_event event_of(struct fixture *f, uint32_t stream)
{
    struct price_event event = event_make(stream == f->b ? EVENT_QUOTE : EVENT_TRADE);
    event.stream = stream & EVENT_NO_STREAM;
    return event;
}

static void emit(struct fixture *f, uint32_t stream, unsigned count)
{
    while (count-- > 0) {
        struct price_event event = event_of(f, stream);
        bus_emit(f->bus, &event, 1);
    }
}

static size_t dispatch(struct fixture *f)
{
    return bus_dispatch(f->sub, SEEN_MAX);
}

/* ---- publishing ---- */

static void each_stream_counts_its_own_events_from_one(void **state)
{
    struct fixture *f = *state;
    bus_on(f->sub, 0, record, &f->seen);
    emit(f, f->a, 2);
    emit(f, f->b, 1);
    emit(f, f->a, 1);
    assert_int_equal(dispatch(f), 4);
    static const uint64_t seqs[] = {1, 2, 1, 3};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(f->seen.events[i].seq, seqs[i]);
    assert_int_equal(f->seen.events[2].stream, f->b);
    assert_int_equal(bus_emitted(f->bus), 4);
}

static void an_event_arrives_as_it_was_emitted(void **state)
{
    struct fixture *f = *state;
    struct price_event event = event_of(f, f->a);
    bus_on(f->sub, 0, record, &f->seen);
    event.ts_ns = -5;
    event.recv_ns = 1700000000123456789;
    event.detail = SIDE_SELL;
    event_set_value(&event, VALUE_PRICE, (struct decimal){.mantissa = UINT64_MAX, .form = 0x9e});
    bus_emit(f->bus, &event, 1);
    dispatch(f);
    assert_memory_equal(&f->seen.events[0], &event, sizeof event); /* seq was set in ours too */
}

static void a_burst_of_any_size_is_one_emit(void **state)
{
    struct fixture *f = *state;
    struct price_event events[RING];
    for (size_t i = 0; i < RING; i++)
        events[i] = event_of(f, i % 2 == 0 ? f->a : f->b);
    bus_on(f->sub, 0, record, &f->seen);
    bus_emit(f->bus, events, 0);
    assert_int_equal(dispatch(f), 0);
    bus_emit(f->bus, events, RING);
    assert_int_equal(dispatch(f), RING);
    assert_int_equal(f->seen.events[RING - 1].seq, RING / 2);
    assert_int_equal(events[RING - 1].seq, RING / 2); /* the writer learns them too */
}

static void the_time_of_emitting_is_known_to_handlers(void **state)
{
    struct fixture *f = *state;
    bus_on(f->sub, 0, record, &f->seen);
    emit(f, f->a, 1);
    dispatch(f);
    const int64_t first = bus_emitted_ns(f->sub);
    emit(f, f->a, 1);
    dispatch(f);
    assert_true(first > 0 && bus_emitted_ns(f->sub) >= first);
}

/* ---- handlers ---- */

static void nobody_sees_what_was_emitted_before_it_came(void **state)
{
    struct fixture *f = *state;
    emit(f, f->a, 3);
    struct bus_sub *late = subscribe(f, false);
    bus_on(late, 0, record, &f->seen);
    assert_int_equal(bus_dispatch(late, 10), 0);
    emit(f, f->a, 1);
    assert_int_equal(bus_dispatch(late, 10), 1);
    assert_int_equal(f->seen.events[0].seq, 4);
    bus_unsubscribe(late);
}

static void kinds_choose_what_a_handler_sees(void **state)
{
    struct fixture *f = *state;
    struct seen *trades = calloc(3, sizeof *trades), *quotes = trades + 1, *both = trades + 2;
    bus_on(f->sub, 1u << EVENT_TRADE, record, trades);
    bus_on(f->sub, 1u << EVENT_QUOTE, record, quotes);
    bus_on(f->sub, 1u << EVENT_TRADE | 1u << EVENT_QUOTE, record, both);
    bus_on(f->sub, 0, record, &f->seen);
    emit(f, f->a, 2);
    emit(f, f->b, 1);
    bus_reset(f->bus, RESET_LOOP);
    assert_int_equal(dispatch(f), 4);
    assert_int_equal(trades->count, 2);
    assert_int_equal(quotes->count, 1);
    assert_int_equal(both->count, 3);
    assert_int_equal(f->seen.count, 4);
    assert_int_equal(f->seen.events[3].kind, EVENT_RESET);
    free(trades);
}

/* More of them in handlers_test.c. */
static void handlers_come_and_go(void **state)
{
    struct fixture *f = *state;
    const int id = bus_on(f->sub, 0, record, &f->seen);
    const int once = bus_once(f->sub, 1u << EVENT_QUOTE, record, &f->seen);
    assert_true(id > 0 && once > 0 && id != once);
    emit(f, f->a, 1);
    emit(f, f->b, 2);
    dispatch(f);
    assert_int_equal(f->seen.count, 4);
    assert_false(bus_off(f->sub, once));
    assert_true(bus_off(f->sub, id));
    assert_false(bus_off(f->sub, id));
    emit(f, f->b, 1);
    dispatch(f);
    assert_int_equal(f->seen.count, 4);
}

static void add_another(const struct price_event *event, void *ctx)
{
    struct fixture *f = ctx;
    (void)event;
    bus_on(f->sub, 0, record, &f->seen);
}

static void a_handler_added_meanwhile_waits_for_the_next_dispatch(void **state)
{
    struct fixture *f = *state;
    bus_once(f->sub, 0, add_another, f);
    emit(f, f->a, 2);
    dispatch(f);
    assert_int_equal(f->seen.count, 0);
    emit(f, f->a, 1);
    dispatch(f);
    assert_int_equal(f->seen.count, 1);
}

/* ---- dispatching ---- */

static void a_limit_leaves_the_rest_for_the_next_call(void **state)
{
    struct fixture *f = *state;
    bus_on(f->sub, 0, record, &f->seen);
    emit(f, f->a, 10);
    assert_int_equal(bus_dispatch(f->sub, 4), 4);
    assert_int_equal(bus_dispatch(f->sub, 6), 6); /* exactly the limit: it may not sleep yet */
    assert_int_equal(f->wakes, 0);
    assert_int_equal(bus_dispatch(f->sub, 6), 0);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(f->seen.events[i].seq, i + 1);
}

static void only_a_sleeping_subscriber_is_woken_and_only_once(void **state)
{
    struct fixture *f = *state;
    emit(f, f->a, 1);
    assert_int_equal(f->wakes, 0); /* before its first dispatch it does not sleep */
    dispatch(f);
    emit(f, f->a, 1);
    assert_int_equal(f->wakes, 1);
    emit(f, f->a, 5);
    assert_int_equal(f->wakes, 1); /* it knows */
    assert_int_equal(bus_dispatch(f->sub, 6), 6);
    emit(f, f->a, 1);
    assert_int_equal(f->wakes, 1); /* told to call again, it does not sleep either */
    dispatch(f);
    emit(f, f->a, 1);
    assert_int_equal(f->wakes, 2);
    assert_int_equal(bus_sub_wakes(f->sub), 2);
}

static void after_unsubscribing_nobody_is_woken(void **state)
{
    struct fixture *f = *state;
    struct bus_sub *other = subscribe(f, false);
    bus_dispatch(other, 1);
    bus_unsubscribe(other);
    emit(f, f->a, 1);
    assert_int_equal(f->wakes, 0);
    bus_unsubscribe(NULL);
}

/* ---- lapped ---- */

static void a_full_ring_is_not_yet_lapped(void **state)
{
    struct fixture *f = *state;
    bus_on(f->sub, 0, record, &f->seen);
    emit(f, f->a, RING);
    assert_int_equal(dispatch(f), RING);
    assert_int_equal(f->seen.events[0].seq, 1);
    assert_int_equal(bus_sub_missed(f->sub), 0);
}

static void one_more_is_and_what_was_missed_is_counted_exactly(void **state)
{
    struct fixture *f = *state;
    bus_on(f->sub, 0, record, &f->seen);
    emit(f, f->a, RING + 1);
    assert_int_equal(dispatch(f), 1);
    assert_int_equal(f->seen.count, 1);
    assert_int_equal(f->seen.events[0].kind, EVENT_LAPPED);
    assert_int_equal(f->seen.events[0].seq, RING + 1);
    assert_int_equal(f->seen.events[0].stream, EVENT_NO_STREAM);
    assert_int_equal(bus_sub_missed(f->sub), RING + 1);
    emit(f, f->a, 1);
    assert_int_equal(dispatch(f), 1);
    assert_int_equal(f->seen.events[1].seq, RING + 2); /* it goes on at the newest */
    emit(f, f->a, 3 * RING);
    dispatch(f);
    assert_int_equal(bus_sub_missed(f->sub), 4 * RING + 1);
}

/* ---- the latest ---- */

static void the_latest_event_of_a_stream_is_kept(void **state)
{
    struct fixture *f = *state;
    struct price_event latest = {.seq = 99};
    assert_false(bus_latest(f->bus, f->a, &latest));
    assert_false(bus_latest(f->bus, 55, &latest)); /* no such stream */
    assert_false(bus_latest(f->bus, EVENT_NO_STREAM, &latest));
    assert_int_equal(latest.seq, 99);
    emit(f, f->a, RING * 2);
    assert_true(bus_latest(f->bus, f->a, &latest));
    assert_int_equal(latest.seq, RING * 2);
    assert_false(bus_latest(f->bus, f->b, &latest));
}

static void catching_up_visits_the_latest_of_all_and_goes_on_from_there(void **state)
{
    struct fixture *f = *state;
    stream_of(f->bus, "never", EVENT_TRADE);
    bus_on(f->sub, 0, record, &f->seen);
    emit(f, f->a, 5);
    emit(f, f->b, 2);
    struct seen *latest = calloc(1, sizeof *latest);
    assert_int_equal(bus_catch_up(f->sub, record, latest), bus_epoch(f->bus));
    assert_int_equal(latest->count, 2);
    assert_int_equal(latest->events[0].seq, 5);
    assert_int_equal(latest->events[1].seq, 2);
    assert_int_equal(dispatch(f), 0);
    emit(f, f->a, 1);
    assert_int_equal(dispatch(f), 1);
    assert_int_equal(f->seen.events[0].seq, 6);
    assert_int_equal(bus_sub_missed(f->sub), 0);
    free(latest);
}

/* What is taken up now went over the bus after the moment of the lap, and must not seem older. */
static void record_newer(const struct price_event *event, void *ctx)
{
    struct fixture *f = ctx;
    assert_true(bus_emitted_ns(f->sub) > f->lapped_ns);
    record(event, &f->seen);
}

static void catch_up_now(const struct price_event *event, void *ctx)
{
    struct fixture *f = ctx;
    (void)event;
    f->lapped_ns = bus_emitted_ns(f->sub);
    emit(f, f->a, 2); /* as a writer would meanwhile */
    bus_catch_up(f->sub, record_newer, f);
}

static void a_lapped_handler_may_catch_up(void **state)
{
    struct fixture *f = *state;
    bus_on(f->sub, 1u << EVENT_LAPPED, catch_up_now, f);
    bus_on(f->sub, 1u << EVENT_TRADE, record, &f->seen);
    emit(f, f->a, RING * 2);
    assert_int_equal(dispatch(f), 1);
    assert_int_equal(f->seen.count, 1);
    assert_int_equal(f->seen.events[0].seq, RING * 2 + 2);
    emit(f, f->a, 1);
    assert_int_equal(dispatch(f), 1); /* what was emitted meanwhile does not come again */
    assert_int_equal(f->seen.events[1].seq, RING * 2 + 3);
}

/* ---- epochs ---- */

static void a_reset_begins_an_epoch_in_its_place_among_the_events(void **state)
{
    struct fixture *f = *state;
    struct price_event latest;
    bus_on(f->sub, 0, record, &f->seen);
    const uint64_t epoch = bus_epoch(f->bus);
    assert_int_not_equal(epoch, 0);
    emit(f, f->a, 2);
    bus_reset(f->bus, RESET_SEEK);
    assert_int_equal(bus_epoch(f->bus), epoch + 1);
    assert_false(bus_latest(f->bus, f->a, &latest));
    emit(f, f->a, 1);
    bus_reset(f->bus, RESET_LOOP);
    dispatch(f);
    assert_int_equal(f->seen.count, 5);
    assert_int_equal(f->seen.events[2].kind, EVENT_RESET);
    assert_int_equal(f->seen.events[2].seq, epoch + 1);
    assert_int_equal(f->seen.events[2].detail, RESET_SEEK);
    assert_int_equal(f->seen.events[3].seq, 1);
    assert_int_equal(f->seen.events[4].seq, epoch + 2);
    assert_int_equal(f->seen.events[4].detail, RESET_LOOP);
    struct seen *visited = calloc(1, sizeof *visited);
    assert_int_equal(bus_catch_up(f->sub, record, visited), epoch + 2);
    assert_int_equal(visited->count, 0);
    free(visited);
}

/* So that a client that comes back to another process can tell. */
static void two_buses_have_different_epochs(void **state)
{
    struct fixture *f = *state;
    struct bus *other;
    assert_int_equal(bus_create(&(struct bus_options){.ring_events = RING}, &other), 0);
    assert_int_not_equal(bus_epoch(other), bus_epoch(f->bus));
    bus_destroy(other);
}

/* ---- holding the writer ---- */

static void only_holding_subscribers_take_room(void **state)
{
    struct fixture *f = *state;
    emit(f, f->a, 10);
    assert_int_equal(bus_room(f->bus), RING);
    struct bus_sub *holding = subscribe(f, true);
    assert_int_equal(bus_room(f->bus), RING);
    emit(f, f->a, 10);
    assert_int_equal(bus_room(f->bus), RING - 10);
    emit(f, f->a, RING);
    assert_int_equal(bus_room(f->bus), 0);
    bus_unsubscribe(holding);
    assert_int_equal(bus_room(f->bus), RING);
}

static void the_slowest_of_them_counts(void **state)
{
    struct fixture *f = *state;
    struct bus_sub *fast = subscribe(f, true), *slow = subscribe(f, true);
    emit(f, f->a, 20);
    bus_dispatch(fast, 100);
    bus_dispatch(slow, 5);
    assert_int_equal(bus_room(f->bus), RING - 15);
    bus_unsubscribe(slow);
    assert_int_equal(bus_room(f->bus), RING);
    bus_unsubscribe(fast);
}

static void room_is_told_once_when_half_the_ring_is_free(void **state)
{
    struct fixture *f = *state;
    struct bus_sub *sub = subscribe(f, true);
    assert_false(bus_want_room(f->bus, on_room, f)); /* there is */
    emit(f, f->a, RING / 2);
    assert_false(bus_want_room(f->bus, on_room, f));
    emit(f, f->a, RING / 2);
    assert_int_equal(bus_room(f->bus), 0);
    assert_true(bus_want_room(f->bus, on_room, f));
    bus_dispatch(sub, RING / 2 - 1);
    assert_int_equal(f->room_wakes, 0);
    bus_dispatch(sub, 1);
    assert_int_equal(f->room_wakes, 1);
    bus_dispatch(sub, RING);
    assert_int_equal(f->room_wakes, 1);
    bus_unsubscribe(sub);
}

static void room_is_told_when_the_one_who_held_it_leaves(void **state)
{
    struct fixture *f = *state;
    struct bus_sub *sub = subscribe(f, true);
    emit(f, f->a, RING);
    assert_true(bus_want_room(f->bus, on_room, f));
    bus_unsubscribe(sub);
    assert_int_equal(f->room_wakes, 1);
}

/* ---- limits ---- */

static void options_out_of_range_are_refused(void **state)
{
    static const struct bus_options wrong[] = {
        {.ring_events = BUS_RING_EVENTS_MIN / 2},
        {.ring_events = BUS_RING_EVENTS_MIN + 1},
        {.ring_events = 1000},
        {.ring_events = BUS_RING_EVENTS_MAX * 2},
        {.streams_max = STREAMS_MAX_LIMIT + 1},
    };
    struct bus *bus = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(bus_create(&wrong[i], &bus), -EINVAL);
    assert_null(bus);
    assert_int_equal(bus_create(&(struct bus_options){0}, &bus), 0);
    assert_int_equal(bus_room(bus), BUS_RING_EVENTS_DEFAULT);
    bus_destroy(bus);
    bus_destroy(NULL);
}

static void subscribers_have_a_limit_and_give_their_place_back(void **state)
{
    struct fixture *f = *state;
    struct bus_sub *subs[BUS_SUBSCRIBERS_MAX], *more = NULL;
    const struct bus_sub_options options = {.wake = on_wake, .ctx = f};
    for (size_t i = 1; i < BUS_SUBSCRIBERS_MAX; i++)
        subs[i] = subscribe(f, false);
    assert_int_equal(bus_subscribe(f->bus, &options, &more), -ENOSPC);
    assert_null(more);
    bus_on(subs[7], 0, record, &f->seen);
    bus_unsubscribe(subs[7]);
    subs[7] = subscribe(f, false);
    emit(f, f->a, 1);
    assert_int_equal(bus_dispatch(subs[7], 10), 1);
    assert_int_equal(f->seen.count, 0); /* it has no handlers of the one before */
    assert_int_equal(bus_sub_missed(subs[7]), 0);
    for (size_t i = 1; i < BUS_SUBSCRIBERS_MAX; i++)
        bus_unsubscribe(subs[i]);
}

static void streams_have_a_limit(void **state)
{
    struct fixture *f = *state;
    char name[8];
    for (int i = 2; i < 100; i++) {
        const int len = snprintf(name, sizeof name, "S%d", i);
        assert_int_equal(bus_stream(f->bus, "x", 1, name, (size_t)len, EVENT_TRADE), i);
    }
    assert_int_equal(bus_stream(f->bus, "x", 1, "more", 4, EVENT_TRADE), -ENOSPC);
    assert_int_equal(bus_stream(f->bus, "x", 1, "A", 1, EVENT_TRADE), f->a); /* known */
    assert_int_equal(bus_stream(f->bus, "x", 1, "", 0, EVENT_TRADE), -EINVAL);
    emit(f, 99, 1);
    struct price_event latest;
    assert_true(bus_latest(f->bus, 99, &latest));
}

/* Tables of latest events come in chunks. */
static void as_many_streams_as_a_chunk_has_do_not_trip_the_limit(void **state)
{
    enum { MAX = 2048 };
    struct bus *bus;
    char name[8];
    (void)state;
    assert_int_equal(
        bus_create(&(struct bus_options){.ring_events = RING, .streams_max = MAX}, &bus), 0);
    for (int i = 0; i <= MAX; i++) {
        const int len = snprintf(name, sizeof name, "S%d", i);
        assert_int_equal(bus_stream(bus, "x", 1, name, (size_t)len, EVENT_TRADE),
                         i < MAX ? i : -ENOSPC);
    }
    struct price_event event = event_make(EVENT_TRADE);
    event.stream = MAX - 1;
    bus_emit(bus, &event, 1);
    assert_int_equal(streams_count(bus_streams(bus)), MAX);
    bus_destroy(bus);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_stream_counts_its_own_events_from_one),
        TEST(an_event_arrives_as_it_was_emitted),
        TEST(a_burst_of_any_size_is_one_emit),
        TEST(the_time_of_emitting_is_known_to_handlers),
        TEST(nobody_sees_what_was_emitted_before_it_came),
        TEST(kinds_choose_what_a_handler_sees),
        TEST(handlers_come_and_go),
        TEST(a_handler_added_meanwhile_waits_for_the_next_dispatch),
        TEST(a_limit_leaves_the_rest_for_the_next_call),
        TEST(only_a_sleeping_subscriber_is_woken_and_only_once),
        TEST(after_unsubscribing_nobody_is_woken),
        TEST(a_full_ring_is_not_yet_lapped),
        TEST(one_more_is_and_what_was_missed_is_counted_exactly),
        TEST(the_latest_event_of_a_stream_is_kept),
        TEST(catching_up_visits_the_latest_of_all_and_goes_on_from_there),
        TEST(a_lapped_handler_may_catch_up),
        TEST(a_reset_begins_an_epoch_in_its_place_among_the_events),
        TEST(two_buses_have_different_epochs),
        TEST(only_holding_subscribers_take_room),
        TEST(the_slowest_of_them_counts),
        TEST(room_is_told_once_when_half_the_ring_is_free),
        TEST(room_is_told_when_the_one_who_held_it_leaves),
        TEST(options_out_of_range_are_refused),
        TEST(subscribers_have_a_limit_and_give_their_place_back),
        TEST(streams_have_a_limit),
        TEST(as_many_streams_as_a_chunk_has_do_not_trip_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
