/* Woken by the bus, the thread naps for a few ms before it looks, so that a steady flow of events
 * does not wake it for each: nobody waits for what it keeps, unless somebody asks, which ends the
 * nap. */
#include "server/keeper.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum {
    DISPATCH_EVENTS = 1024,
    BUSY_EVENTS = 4096, /* more in a turn: no nap, for fear of being lapped */
};
#define NAP_NS INT64_C(5000000)

struct keeper {
    struct keeper_options options;
    struct history *history;
    uint64_t restored_position;
    struct candles *candles;
    struct bus_sub *sub;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock;
    pthread_cond_t news;
    /* Under the lock. */
    bool has_news, must_stop;
    struct keeper_task *asked, **asked_end;
    struct keeper_task *waiting; /* the keeper's own: in the order they were asked */
    struct keeper_task **waiting_end;
};

int64_t keeper_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* ---- the bus ---- */

static void on_visit(const struct price_event *event, void *ctx)
{
    struct keeper *keeper = ctx;
    if (event->kind < EVENT_KINDS_PRICE &&
        bus_epoch(keeper->options.bus) == history_epoch(keeper->history))
        history_note(keeper->history, event, keeper_now_ns());
}

/* A new epoch, also one whose beginning was missed. */
static void forget(struct keeper *keeper, uint64_t epoch)
{
    const struct price_event reset = event_make(EVENT_RESET);
    history_reset(keeper->history, epoch);
    candles_note(keeper->candles, &reset);
}

/* Takes the latest of everything, in one epoch. */
static void catch_up(struct keeper *keeper)
{
    uint64_t epoch;
    do {
        epoch = bus_epoch(keeper->options.bus);
        if (epoch != history_epoch(keeper->history))
            forget(keeper, epoch);
    } while (bus_catch_up(keeper->sub, on_visit, keeper) != epoch);
}

static void on_event(const struct price_event *event, void *ctx)
{
    struct keeper *keeper = ctx;
    switch ((enum event_kind)event->kind) {
    case EVENT_TRADE:
    case EVENT_QUOTE:
        history_note(keeper->history, event, bus_emitted_ns(keeper->sub));
        candles_note(keeper->candles, event);
        break;
    case EVENT_RESET:
        if (event->seq != history_epoch(keeper->history))
            forget(keeper, event->seq);
        break;
    case EVENT_SETTLED:
        candles_note(keeper->candles, event);
        break;
    case EVENT_LAPPED:
        catch_up(keeper);
        break;
    case EVENT_FEED:
        break;
    }
}

/* ---- tasks ---- */

void keeper_ask(struct keeper *keeper, struct keeper_task *task)
{
    task->next = NULL;
    task->position = bus_emitted(keeper->options.bus);
    pthread_mutex_lock(&keeper->lock);
    const bool is_late = keeper->must_stop;
    if (!is_late) {
        *keeper->asked_end = task;
        keeper->asked_end = &task->next;
        pthread_cond_signal(&keeper->news);
    }
    pthread_mutex_unlock(&keeper->lock);
    if (is_late)
        task->drop(task);
}

static void asked_take(struct keeper *keeper)
{
    pthread_mutex_lock(&keeper->lock);
    *keeper->waiting_end = keeper->asked;
    if (keeper->asked != NULL)
        keeper->waiting_end = keeper->asked_end;
    keeper->asked = NULL;
    keeper->asked_end = &keeper->asked;
    pthread_mutex_unlock(&keeper->lock);
}

static void tasks_run(struct keeper *keeper)
{
    const uint64_t position = bus_sub_position(keeper->sub);
    struct keeper_task *task = keeper->waiting, *next;
    keeper->waiting = NULL;
    keeper->waiting_end = &keeper->waiting;
    for (; task != NULL; task = next) {
        next = task->next;
        if (position >= task->position && task->run(task, keeper))
            continue;
        task->next = NULL;
        *keeper->waiting_end = task;
        keeper->waiting_end = &task->next;
    }
}

static void tasks_drop(struct keeper *keeper)
{
    asked_take(keeper);
    for (struct keeper_task *task = keeper->waiting, *next; task != NULL; task = next) {
        next = task->next;
        task->drop(task);
    }
    keeper->waiting = NULL;
    keeper->waiting_end = &keeper->waiting;
}

/* ---- the thread ---- */

/* Called by the bus's writer. */
static void on_news(void *ctx)
{
    struct keeper *keeper = ctx;
    pthread_mutex_lock(&keeper->lock);
    keeper->has_news = true;
    pthread_cond_signal(&keeper->news);
    pthread_mutex_unlock(&keeper->lock);
}

/* Until there is news; then, if `may_nap`, until somebody asks or the nap is over. Returns false
 * when it is time to stop. */
static bool wait_for_news(struct keeper *keeper, bool may_nap)
{
    int rc = 0;
    pthread_mutex_lock(&keeper->lock);
    while (!keeper->has_news && keeper->asked == NULL && !keeper->must_stop)
        pthread_cond_wait(&keeper->news, &keeper->lock);
    const int64_t until_ns = keeper_now_ns() + NAP_NS;
    const struct timespec until = {.tv_sec = until_ns / 1000000000,
                                   .tv_nsec = until_ns % 1000000000};
    while (may_nap && keeper->asked == NULL && !keeper->must_stop && rc == 0)
        rc = pthread_cond_timedwait(&keeper->news, &keeper->lock, &until);
    keeper->has_news = false;
    const bool stop = keeper->must_stop;
    pthread_mutex_unlock(&keeper->lock);
    return !stop;
}

static void *keeper_run(void *ctx)
{
    struct keeper *keeper = ctx;
    size_t all;
    pthread_setname_np(pthread_self(), "keeper");
    do {
        size_t count;
        all = 0;
        asked_take(keeper);
        do {
            count = bus_dispatch(keeper->sub, DISPATCH_EVENTS);
            all += count;
            tasks_run(keeper);
        } while (count == DISPATCH_EVENTS);
    } while (wait_for_news(keeper, all < BUSY_EVENTS && !keeper->options.holds));
    return NULL;
}

/* ---- life ---- */

int keeper_create(const struct keeper_options *options, struct keeper **out)
{
    struct keeper *keeper = calloc(1, sizeof *keeper);
    if (keeper == NULL)
        return -ENOMEM;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&keeper->news, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&keeper->lock, NULL);
    keeper->options = *options;
    keeper->asked_end = &keeper->asked;
    keeper->waiting_end = &keeper->waiting;
    keeper->history = history_create(&options->history);
    keeper->candles = candles_create(bus_streams(options->bus), options->candle_bytes);
    int rc = keeper->history == NULL || keeper->candles == NULL ? -ENOMEM : 0;
    if (rc == 0)
        history_reset(keeper->history, bus_epoch(options->bus));
    const struct bus_sub_options sub = {on_news, keeper, options->holds};
    if (rc == 0)
        rc = bus_subscribe(options->bus, &sub, &keeper->sub);
    if (rc == 0)
        bus_sub_set_patience(keeper->sub, NAP_NS);
    if (rc == 0 && bus_on(keeper->sub, 0, on_event, keeper) < 0)
        rc = -ENOMEM;
    if (rc != 0)
        keeper_destroy(keeper);
    else
        *out = keeper;
    return rc;
}

int keeper_start(struct keeper *keeper)
{
    const int rc = pthread_create(&keeper->thread, NULL, keeper_run, keeper);
    keeper->has_thread = rc == 0;
    return -rc;
}

void keeper_stop(struct keeper *keeper)
{
    if (keeper == NULL)
        return;
    pthread_mutex_lock(&keeper->lock);
    keeper->must_stop = true;
    pthread_cond_signal(&keeper->news);
    pthread_mutex_unlock(&keeper->lock);
    if (keeper->has_thread)
        pthread_join(keeper->thread, NULL);
    keeper->has_thread = false;
    tasks_drop(keeper);
}

void keeper_destroy(struct keeper *keeper)
{
    if (keeper == NULL)
        return;
    keeper_stop(keeper);
    bus_unsubscribe(keeper->sub);
    history_destroy(keeper->history);
    candles_destroy(keeper->candles);
    pthread_mutex_destroy(&keeper->lock);
    pthread_cond_destroy(&keeper->news);
    free(keeper);
}

/* How long the server was away does not count as age. */
void keeper_restore(struct keeper *keeper, const struct price_event *events, size_t count)
{
    const int64_t now_ns = keeper_now_ns();
    int64_t newest_ns = EVENT_NO_TIME, last_ns = INT64_MIN;
    for (size_t i = 0; i < count; i++)
        if (event_time_ns(&events[i]) > newest_ns)
            newest_ns = event_time_ns(&events[i]);
    for (size_t i = 0; i < count; i++) {
        const int64_t time_ns = event_time_ns(&events[i]);
        int64_t before_ns, at_ns = now_ns;
        if (time_ns == EVENT_NO_TIME || __builtin_sub_overflow(newest_ns, time_ns, &before_ns) ||
            __builtin_sub_overflow(now_ns, before_ns, &at_ns))
            at_ns = last_ns == INT64_MIN ? now_ns : last_ns;
        last_ns = at_ns > last_ns ? at_ns : last_ns;
        history_restore(keeper->history, &events[i], last_ns);
    }
    const uint32_t streams = streams_count(bus_streams(keeper->options.bus));
    for (uint32_t i = 0; i < streams; i++) {
        struct price_event event;
        if (streams_get(bus_streams(keeper->options.bus), i)->kind < EVENT_KINDS_PRICE &&
            bus_latest(keeper->options.bus, i, &event))
            history_restore_seq(keeper->history, i, event.seq);
    }
    keeper->restored_position = history_position(keeper->history);
}

uint64_t keeper_restored_position(const struct keeper *keeper)
{
    return keeper->restored_position;
}

struct history *keeper_history(const struct keeper *keeper)
{
    return keeper->history;
}

const struct history_counts *keeper_history_counts(const struct keeper *keeper)
{
    return history_counts(keeper->history);
}

const struct candles *keeper_candles(const struct keeper *keeper)
{
    return keeper->candles;
}

const struct candles_counts *keeper_candles_counts(const struct keeper *keeper)
{
    return candles_counts(keeper->candles);
}

uint64_t keeper_missed(const struct keeper *keeper)
{
    return bus_sub_missed(keeper->sub);
}
