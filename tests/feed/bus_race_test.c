/* One writer and readers of every temper at the same time; also run under ThreadSanitizer.
 *
 * Every event says by itself where it belongs, so that a reader can check it alone:
 *   ts_ns        the seq that the bus should have given it
 *   recv_ns      its epoch
 *   mantissa[0]  its position on the bus, marks included
 *   mantissa[1]  whatever
 *   mantissa[2]  a checksum over the others: a torn copy would not have the right one */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/bus.h"
#include "tests/support/bell.h"
#include "tests/support/random.h"

enum {
    RING = 256,
    STREAMS = 12,
    EVENTS = 60000,
    PINGS = 4000,
};

/* ---- the writer ---- */

struct world {
    struct bus *bus;
    uint32_t end_stream; /* its first event is the last of all */
    uint64_t position, epoch, seq[STREAMS];
    struct bell room;
    bool waits_for_room;
    _Atomic bool over; /* for readers who come and go */
};

static uint64_t checksum(const struct price_event *event)
{
    uint64_t sum = random_mix((uint64_t)event->ts_ns) ^ random_mix((uint64_t)event->recv_ns + 1) ^
                   random_mix(event->mantissa[0] + 2) ^ random_mix(event->mantissa[1] + 3) ^
                   event->stream;
    for (int i = 0; i < EVENT_VALUES; i++)
        sum = sum * 31 + event->form[i];
    return sum;
}

static struct price_event next_event(struct world *world, uint32_t stream, uint64_t any)
{
    struct price_event event = event_make(EVENT_TRADE);
    event.stream = stream & EVENT_NO_STREAM;
    event.ts_ns = stream < STREAMS ? (int64_t)++world->seq[stream] : 1;
    event.recv_ns = (int64_t)world->epoch;
    event.mantissa[0] = world->position++;
    event.mantissa[1] = any;
    for (int i = 0; i < EVENT_VALUES; i++)
        event.form[i] = (uint8_t)(any >> 8 * i);
    event.mantissa[2] = checksum(&event);
    return event;
}

static void world_init(struct world *world)
{
    char name[8];
    memset(world, 0, sizeof *world);
    const struct bus_options options = {.ring_events = RING, .streams_max = 100};
    assert_int_equal(bus_create(&options, &world->bus), 0);
    for (int i = 0; i < STREAMS; i++) {
        const int len = snprintf(name, sizeof name, "S%d", i);
        assert_int_equal(bus_stream(world->bus, "x", 1, name, (size_t)len, EVENT_TRADE), i);
    }
    world->end_stream = (uint32_t)bus_stream(world->bus, "x", 1, "END", 3, EVENT_TRADE);
    world->epoch = bus_epoch(world->bus);
    bell_init(&world->room);
}

static void world_finish(struct world *world)
{
    bell_finish(&world->room);
    bus_destroy(world->bus);
}

static void wait_for_room(struct world *world, size_t wanted)
{
    while (world->waits_for_room && bus_room(world->bus) < wanted)
        if (bus_want_room(world->bus, bell_ring, &world->room))
            bell_wait(&world->room);
}

/* Bursts of 1 to 100 events, a reset now and then, and the end. */
static void write_all(struct world *world, bool resets)
{
    struct random random = {random_seed_of(9)};
    struct price_event burst[100];
    while (world->position < EVENTS) {
        const unsigned count = 1 + random_below(&random, random_chance(&random, 10) ? 100 : 8);
        wait_for_room(world, count);
        for (unsigned i = 0; i < count; i++)
            burst[i] = next_event(world, random_below(&random, STREAMS), random_u64(&random));
        bus_emit(world->bus, burst, count);
        if (resets && random_below(&random, 1000) < 5) {
            bus_reset(world->bus, RESET_LOOP);
            world->epoch++;
            world->position++;
            memset(world->seq, 0, sizeof world->seq);
        }
        if (random_chance(&random, 30))
            sched_yield();
    }
    wait_for_room(world, 1);
    burst[0] = next_event(world, world->end_stream, 0);
    bus_emit(world->bus, burst, 1);
    atomic_store(&world->over, true);
}

/* ---- readers ---- */

struct reader {
    struct world *world;
    struct bus_sub *sub;
    struct bell bell;
    bool follows; /* catches up when lapped; the others keep the books */
    bool holds, is_slow;
    size_t limit;
    bool knows_position, knows_epoch;
    uint64_t position, epoch, seq[STREAMS + 1], received, lapped;
    pthread_t thread;
};

static void catch_up_to(const struct price_event *event, void *ctx)
{
    struct reader *reader = ctx;
    CHECK(event->seq == (uint64_t)event->ts_ns && event->mantissa[2] == checksum(event));
    reader->seq[event->stream] = event->seq;
}

static void catch_up(struct reader *reader)
{
    memset(reader->seq, 0, sizeof reader->seq);
    reader->epoch = bus_catch_up(reader->sub, catch_up_to, reader);
    reader->knows_epoch = true;
}

static bool knows_nothing(const struct reader *reader)
{
    for (int i = 0; i < STREAMS; i++)
        if (reader->seq[i] != 0)
            return false;
    return true;
}

static void on_price(struct reader *reader, const struct price_event *event)
{
    CHECK(event->mantissa[2] == checksum(event)); /* not torn */
    CHECK(event->seq == (uint64_t)event->ts_ns);
    CHECK(!reader->knows_position || event->mantissa[0] == reader->position);
    reader->position = event->mantissa[0] + 1;
    reader->knows_position = !reader->follows;
    if (!reader->knows_epoch) {
        CHECK((uint64_t)event->recv_ns >= reader->epoch);
        if ((uint64_t)event->recv_ns != reader->epoch)
            memset(reader->seq, 0, sizeof reader->seq);
        reader->epoch = (uint64_t)event->recv_ns;
        reader->knows_epoch = true;
    }
    CHECK((uint64_t)event->recv_ns == reader->epoch);
    if (reader->follows && event->seq <= reader->seq[event->stream])
        return; /* as bus.h allows after catching up */
    CHECK(event->seq > reader->seq[event->stream]);
    reader->seq[event->stream] = event->seq;
}

static void on_event(const struct price_event *event, void *ctx)
{
    struct reader *reader = ctx;
    if (event->kind == EVENT_LAPPED) {
        CHECK(!reader->holds && event->seq > 0);
        reader->lapped += event->seq;
        reader->position += event->seq;
        reader->knows_epoch = false;
        if (reader->follows)
            catch_up(reader);
        return;
    }
    reader->received++;
    if (event->kind == EVENT_RESET) {
        /* Who caught up between the change of the epoch and its mark meets the mark after it. */
        CHECK(!reader->knows_epoch || event->seq == reader->epoch + 1 ||
              (reader->follows && event->seq == reader->epoch && knows_nothing(reader)));
        reader->epoch = event->seq;
        reader->knows_epoch = true;
        memset(reader->seq, 0, sizeof reader->seq);
        reader->position++;
        return;
    }
    on_price(reader, event);
    for (unsigned i = 0; reader->is_slow && i < 3; i++)
        sched_yield(); /* as long as others have something to do */
}

static void reader_join(struct reader *reader)
{
    bell_init(&reader->bell);
    const struct bus_sub_options options = {bell_ring, &reader->bell, reader->holds};
    CHECK(bus_subscribe(reader->world->bus, &options, &reader->sub) == 0);
    CHECK(bus_on(reader->sub, 0, on_event, reader) > 0);
}

static void reader_leave(struct reader *reader)
{
    bus_unsubscribe(reader->sub);
    bell_finish(&reader->bell);
}

/* Has the last event been published? The latest is stored before. */
static bool is_over(const struct reader *reader)
{
    struct price_event end;
    return bus_latest(reader->world->bus, reader->world->end_stream, &end) &&
           bus_emitted(reader->world->bus) > end.mantissa[0];
}

/* Reads until the end; sleeps whenever there is nothing. */
static void *reader_run(void *ctx)
{
    struct reader *reader = ctx;
    for (;;) {
        while (bus_dispatch(reader->sub, reader->limit) == reader->limit)
            ;
        if (is_over(reader))
            break;
        bell_wait(&reader->bell);
    }
    while (bus_dispatch(reader->sub, reader->limit) > 0)
        ;
    return NULL;
}

/* Comes and goes for as long as the writer writes. */
static void *visitor_run(void *ctx)
{
    struct reader *visitor = ctx;
    struct random random = {visitor->limit};
    while (!atomic_load(&visitor->world->over)) {
        struct reader once = {.world = visitor->world,
                              .limit = 1 + random_below(&random, 100),
                              .holds = false,
                              .follows = random_chance(&random, 50)};
        reader_join(&once);
        if (once.follows)
            catch_up(&once);
        for (unsigned i = random_below(&random, 20); i > 0; i--)
            if (bus_dispatch(once.sub, once.limit) < once.limit && !is_over(&once))
                bell_wait(&once.bell); /* more comes, or the end */
        reader_leave(&once);
        visitor->received += once.received;
    }
    return NULL;
}

static void run(struct world *world, struct reader *readers, size_t count, bool resets)
{
    struct reader visitors[2] = {{.world = world, .limit = 1}, {.world = world, .limit = 2}};
    for (size_t i = 0; i < count; i++) {
        readers[i].world = world;
        readers[i].knows_position = !readers[i].follows;
        reader_join(&readers[i]);
        readers[i].epoch = world->epoch;
        readers[i].knows_epoch = true;
        assert_int_equal(pthread_create(&readers[i].thread, NULL, reader_run, &readers[i]), 0);
    }
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&visitors[i].thread, NULL, visitor_run, &visitors[i]), 0);
    write_all(world, resets);
    for (size_t i = 0; i < count; i++)
        pthread_join(readers[i].thread, NULL);
    for (size_t i = 0; i < 2; i++)
        pthread_join(visitors[i].thread, NULL);
    assert_int_equal(world->position, bus_emitted(world->bus));
}

static void expect_state(const struct world *world, const struct reader *reader)
{
    assert_int_equal(reader->epoch, world->epoch);
    for (int i = 0; i < STREAMS; i++)
        assert_int_equal(reader->seq[i], world->seq[i]);
}

/* What each has received and what it was told it missed is all there was; whoever caught up knows
 * how things stand. */
static void readers_of_every_speed_can_account_for_everything(void **state)
{
    struct world world;
    struct reader readers[] = {
        {.limit = 1000},
        {.limit = 7},
        {.limit = 50, .is_slow = true},
        {.limit = 1000, .follows = true},
        {.limit = 20, .follows = true, .is_slow = true},
    };
    enum { READERS = sizeof readers / sizeof *readers };
    (void)state;
    world_init(&world);
    run(&world, readers, READERS, true);
    for (size_t i = 0; i < READERS; i++) {
        struct reader *reader = &readers[i];
        assert_int_equal(reader->lapped, bus_sub_missed(reader->sub));
        if (!reader->follows) {
            assert_int_equal(reader->received + reader->lapped, world.position);
            assert_int_equal(reader->position, world.position);
        } else {
            expect_state(&world, reader);
        }
        catch_up(reader);
        expect_state(&world, reader);
        reader_leave(reader);
    }
    assert_true(readers[2].lapped > 0 && readers[4].lapped > 0); /* or nothing was tested */
    world_finish(&world);
}

static void a_writer_that_is_held_loses_nothing(void **state)
{
    struct world world;
    struct reader readers[] = {
        {.limit = 1000, .holds = true},
        {.limit = 3, .holds = true, .is_slow = true},
        {.limit = 64},
    };
    (void)state;
    world_init(&world);
    world.waits_for_room = true;
    run(&world, readers, 3, false);
    for (size_t i = 0; i < 3; i++) {
        if (readers[i].holds) {
            assert_int_equal(readers[i].received, world.position);
            expect_state(&world, &readers[i]);
        }
        reader_leave(&readers[i]);
    }
    world_finish(&world);
}

/* ---- sleeping ---- */

struct pong {
    struct world *world;
    struct bus_sub *sub;
    struct bell bell, *answer;
    uint64_t seen;
    pthread_t thread;
};

static void on_ping(const struct price_event *event, void *ctx)
{
    struct pong *pong = ctx;
    CHECK(event->seq == pong->seen + 1);
    pong->seen++;
    bell_ring(pong->answer);
}

static void *pong_run(void *ctx)
{
    struct pong *pong = ctx;
    while (pong->seen < PINGS)
        if (bus_dispatch(pong->sub, 10) < 10 && pong->seen < PINGS)
            bell_wait(&pong->bell);
    return NULL;
}

/* The writer waits for the answer before it says anything more, so each wake-up is the last chance.
 */
static void no_wake_up_is_lost(void **state)
{
    struct world world;
    struct pong pong = {.world = &world};
    struct bell answer;
    (void)state;
    world_init(&world);
    bell_init(&answer);
    bell_init(&pong.bell);
    pong.answer = &answer;
    const struct bus_sub_options options = {bell_ring, &pong.bell, false};
    assert_int_equal(bus_subscribe(world.bus, &options, &pong.sub), 0);
    assert_true(bus_on(pong.sub, 0, on_ping, &pong) > 0);
    assert_int_equal(pthread_create(&pong.thread, NULL, pong_run, &pong), 0);
    for (int i = 0; i < PINGS; i++) {
        struct price_event event = next_event(&world, 0, 0);
        bus_emit(world.bus, &event, 1);
        bell_wait(&answer);
    }
    pthread_join(pong.thread, NULL);
    assert_int_equal(pong.seen, PINGS);
    assert_in_range(bus_sub_wakes(pong.sub), 1, PINGS);
    bus_unsubscribe(pong.sub);
    bell_finish(&pong.bell);
    bell_finish(&answer);
    world_finish(&world);
}

/* ---- reading from outside ---- */

static void *outsider_run(void *ctx)
{
    struct world *world = ctx;
    struct price_event event;
    while (!atomic_load(&world->over)) {
        CHECK(bus_epoch(world->bus) != 0);
        for (uint32_t i = 0; i < streams_count(bus_streams(world->bus)); i++) {
            if (bus_latest(world->bus, i, &event))
                CHECK(event.stream == i && event.mantissa[2] == checksum(&event) &&
                      event.seq == (uint64_t)event.ts_ns);
            CHECK(streams_get(bus_streams(world->bus), i)->number == i);
        }
    }
    return NULL;
}

static void any_thread_may_look_at_the_latest_events(void **state)
{
    struct world world;
    pthread_t threads[2];
    (void)state;
    world_init(&world);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, outsider_run, &world), 0);
    write_all(&world, true);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    world_finish(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_of_every_speed_can_account_for_everything),
        cmocka_unit_test(a_writer_that_is_held_loses_nothing),
        cmocka_unit_test(no_wake_up_is_lost),
        cmocka_unit_test(any_thread_may_look_at_the_latest_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
