/* The keeper beside a writer that never waits and others that ask: run under the thread sanitizer,
 * too. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "server/keeper.h"

enum { STREAMS = 8, EVENTS = 20000, ASKERS = 3, ASKS = 60 };

struct fixture {
    struct bus *bus;
    struct keeper *keeper;
    _Atomic bool writing;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const struct bus_options bus = {.ring_events = 1024};
    assert_int_equal(bus_create(&bus, &f->bus), 0);
    const struct keeper_options keeper = {
        .bus = f->bus,
        .history = {.events_max = 500, .bytes_max = 1 << 20, .age_ns = INT64_C(1) << 40}};
    assert_int_equal(keeper_create(&keeper, &f->keeper), 0);
    char symbol[2] = "a";
    for (int i = 0; i < STREAMS; i++, symbol[0]++)
        assert_int_equal(bus_stream(f->bus, "x", 1, symbol, 1, EVENT_TRADE), i);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    keeper_destroy(f->keeper);
    bus_destroy(f->bus);
    free(f);
    return 0;
}

static void emit(struct fixture *f, uint32_t stream)
{
    struct price_event event = event_make(EVENT_TRADE);
    event.stream = stream & EVENT_NO_STREAM;
    bus_emit(f->bus, &event, 1);
}

/* ---- a task ---- */

struct ask {
    struct keeper_task task; /* first */
    sem_t done;
    bool dropped;
    uint64_t latest[STREAMS]; /* as the asker saw it */
    uint64_t epoch;
    struct recall recall;
};

static bool on_run(struct keeper_task *task, struct keeper *keeper)
{
    struct ask *ask = (struct ask *)task;
    struct history *history = keeper_history(keeper);
    if (history_epoch(history) == ask->epoch) {
        for (uint32_t i = 0; i < STREAMS; i++)
            if (history_last_seq(history, i) < ask->latest[i])
                return false;
        history_recall(history, &ask->recall, keeper_now_ns());
    }
    sem_post(&ask->done);
    return true;
}

static void on_drop(struct keeper_task *task)
{
    struct ask *ask = (struct ask *)task;
    ask->dropped = true;
    sem_post(&ask->done);
}

static void ask_begin(struct fixture *f, struct ask *ask)
{
    *ask = (struct ask){.task = {.run = on_run, .drop = on_drop}, .epoch = bus_epoch(f->bus)};
    sem_init(&ask->done, 0, 0);
    ask->recall.ranges = calloc(STREAMS, sizeof *ask->recall.ranges);
    for (uint32_t i = 0; i < STREAMS; i++) {
        struct price_event latest;
        if (!bus_latest(f->bus, i, &latest) || bus_epoch(f->bus) != ask->epoch)
            continue;
        ask->latest[i] = latest.seq;
        const uint64_t from = latest.seq > 20 ? latest.seq - 20 : 0;
        ask->recall.ranges[ask->recall.count++] =
            (struct recall_range){.stream = i, .from = from, .to = latest.seq, .newest = latest};
    }
    keeper_ask(f->keeper, &ask->task);
}

static void *asker_run(void *ctx)
{
    struct fixture *f = ctx;
    uint64_t *problems = calloc(1, sizeof *problems);
    for (int n = 0; n < ASKS; n++) {
        struct ask ask;
        ask_begin(f, &ask);
        sem_wait(&ask.done);
        uint64_t seq[STREAMS] = {0};
        for (size_t i = 0; i < ask.recall.events_count; i++) {
            const struct price_event *event = &ask.recall.events[i];
            *problems += event->seq <= seq[event->stream]; /* out of order */
            seq[event->stream] = event->seq;
        }
        for (uint32_t i = 0; i < STREAMS && ask.recall.events_count > 0; i++)
            *problems += seq[i] != ask.latest[i];
        recall_finish(&ask.recall);
        sem_destroy(&ask.done);
    }
    return problems;
}

static void *writer_run(void *ctx)
{
    struct fixture *f = ctx;
    for (uint32_t n = 0; n < EVENTS || atomic_load(&f->writing); n++) {
        emit(f, n * 7 % STREAMS);
        if (n % 8 == 0)
            sched_yield();
        if (n % 5000 == 4999)
            bus_reset(f->bus, RESET_LOOP);
    }
    return NULL;
}

static void those_who_ask_get_all_up_to_what_they_saw(void **state)
{
    struct fixture *f = *state;
    pthread_t writer, askers[ASKERS];
    assert_int_equal(keeper_start(f->keeper), 0);
    atomic_store(&f->writing, true);
    assert_int_equal(pthread_create(&writer, NULL, writer_run, f), 0);
    for (int i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_create(&askers[i], NULL, asker_run, f), 0);
    for (int i = 0; i < ASKERS; i++) {
        void *problems;
        pthread_join(askers[i], &problems);
        assert_int_equal(*(uint64_t *)problems, 0);
        free(problems);
    }
    atomic_store(&f->writing, false);
    pthread_join(writer, NULL);
    keeper_stop(f->keeper);
}

/* A thread that the system starts late has missed nothing: the bus held it. */
static void what_comes_before_the_thread_runs_is_remembered(void **state)
{
    struct fixture *f = *state;
    struct ask ask;
    for (int n = 0; n < 5; n++)
        emit(f, 0);
    assert_int_equal(keeper_start(f->keeper), 0);
    ask_begin(f, &ask);
    sem_wait(&ask.done);
    assert_int_equal(ask.recall.events_count, 5);
    recall_finish(&ask.recall);
    keeper_stop(f->keeper);
}

/* Nobody waits for ever: what was not answered is dropped. */
static void tasks_are_dropped_by_a_stop(void **state)
{
    struct fixture *f = *state;
    struct ask before, after;
    emit(f, 0);
    ask_begin(f, &before); /* it has not been started */
    keeper_stop(f->keeper);
    ask_begin(f, &after);
    sem_wait(&before.done);
    sem_wait(&after.done);
    assert_true(before.dropped && after.dropped);
    recall_finish(&before.recall);
    recall_finish(&after.recall);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(those_who_ask_get_all_up_to_what_they_saw, setup, teardown),
        cmocka_unit_test_setup_teardown(what_comes_before_the_thread_runs_is_remembered, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(tasks_are_dropped_by_a_stop, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
