/* One ring for all subscribers, because the writer's cost must not grow with their number: it
 * stores an event once, and each reader copies it out at its own pace (the idea of Aeron's
 * broadcast buffer).
 *
 * Positions count events since the beginning and never wrap; a slot is position & mask.
 *   intent   the writer may be writing slots below it
 *   head     everything below it is complete
 * A reader copies slots between its position and head, and then looks at intent: if that is a
 * whole ring ahead, the copy may be torn, and the reader has been lapped.
 *
 * Every shared word is atomic. Data words use release stores and acquire loads, which are plain
 * moves on x86 and order intent before data before head without fences (ThreadSanitizer does not
 * know fences). Only putting a reader to sleep needs more: the reader stores `asleep` and then
 * loads head, the writer stores head and then loads `asleep`, all sequentially consistent, so at
 * least one of them sees the other. */
#include "feed/bus.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "feed/handlers.h"

enum {
    EVENT_WORDS = sizeof(struct price_event) / sizeof(uint64_t),
    PUBLISH_EVENTS_MAX = 32, /* published at a time: readers start while a burst is written */
    COPY_EVENTS_MAX = 64,    /* copied out before handlers run */
    LATEST_CHUNK = 1024,
    CACHE_LINE = 64,
};

struct slot {
    alignas(CACHE_LINE) _Atomic uint64_t words[EVENT_WORDS];
};

/* A stream's latest event under a sequence lock; it counts only if `epoch` is the bus's. */
struct latest {
    _Atomic uint64_t version; /* odd while being written */
    _Atomic uint64_t epoch;
    _Atomic uint64_t gap; /* what the next seq is to be higher by */
    _Atomic uint64_t words[EVENT_WORDS];
};

enum sub_state { SUB_FREE, SUB_AWAKE, SUB_ASLEEP };

struct bus_sub {
    alignas(CACHE_LINE) _Atomic int state; /* enum sub_state */
    _Atomic bool waking;                   /* the writer is inside wake() */
    _Atomic bool holds;
    _Atomic uint64_t position; /* next to read */
    _Atomic uint64_t missed;
    _Atomic uint64_t wakes;
    _Atomic int64_t patience_ns;
    struct bus *bus;
    struct bus_sub_options options;
    struct handlers handlers;
    int64_t emitted_ns;
};

struct bus {
    alignas(CACHE_LINE) _Atomic uint64_t head;
    alignas(CACHE_LINE) _Atomic uint64_t intent;
    alignas(CACHE_LINE) _Atomic uint64_t epoch;
    _Atomic uint64_t begun_epoch;          /* the latest whose mark, if it has one, is on the bus */
    uint64_t restored_epoch, restored_gap; /* in it, streams that are new begin so much higher */
    uint64_t mask;
    struct slot *slots;
    _Atomic int64_t *stamps; /* when each slot was published */
    struct streams *streams;
    struct latest **latest; /* chunks, allocated before their streams are numbered */
    uint32_t latest_chunks;
    void (*room_wake)(void *ctx);
    void *room_ctx;
    _Atomic bool room_wanted;
    _Atomic uint32_t subs_end; /* slots of subs[] ever used */
    _Atomic bool subs_lock;    /* held for a few instructions by subscribe and unsubscribe */
    struct bus_sub subs[BUS_SUBSCRIBERS_MAX];
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void words_store(_Atomic uint64_t *to, const struct price_event *event)
{
    uint64_t words[EVENT_WORDS];
    memcpy(words, event, sizeof words);
    for (int i = 0; i < EVENT_WORDS; i++)
        atomic_store_explicit(&to[i], words[i], memory_order_release);
}

static void words_load(const _Atomic uint64_t *from, struct price_event *event)
{
    uint64_t words[EVENT_WORDS];
    for (int i = 0; i < EVENT_WORDS; i++)
        words[i] = atomic_load_explicit(&from[i], memory_order_acquire);
    memcpy(event, words, sizeof words);
}

/* ---- life ---- */

int bus_create(const struct bus_options *options, struct bus **out)
{
    const uint32_t ring = options->ring_events ? options->ring_events : BUS_RING_EVENTS_DEFAULT;
    const uint32_t max = options->streams_max ? options->streams_max : STREAMS_MAX_DEFAULT;
    if (ring < BUS_RING_EVENTS_MIN || ring > BUS_RING_EVENTS_MAX || (ring & (ring - 1)) != 0 ||
        max > STREAMS_MAX_LIMIT)
        return -EINVAL;
    struct bus *bus = aligned_alloc(CACHE_LINE, sizeof *bus);
    if (bus == NULL)
        return -ENOMEM;
    memset(bus, 0, sizeof *bus);
    bus->mask = ring - 1;
    bus->latest_chunks = max / LATEST_CHUNK + 1;
    bus->slots = aligned_alloc(CACHE_LINE, ring * sizeof *bus->slots);
    bus->stamps = calloc(ring, sizeof *bus->stamps);
    bus->latest = calloc(bus->latest_chunks, sizeof *bus->latest);
    bus->streams = streams_create(max);
    if (!bus->slots || !bus->stamps || !bus->latest || !bus->streams) {
        bus_destroy(bus);
        return -ENOMEM;
    }
    memset(bus->slots, 0, ring * sizeof *bus->slots);
    uint64_t epoch = 0;
    if (getrandom(&epoch, sizeof epoch, 0) != sizeof epoch)
        epoch = (uint64_t)now_ns();
    atomic_store(&bus->epoch, epoch >> 1 | 1); /* never 0, and no wrap within one life */
    atomic_store(&bus->begun_epoch, epoch >> 1 | 1);
    *out = bus;
    return 0;
}

void bus_destroy(struct bus *bus)
{
    if (bus == NULL)
        return;
    for (uint32_t i = 0; i < BUS_SUBSCRIBERS_MAX; i++)
        handlers_clear(&bus->subs[i].handlers);
    for (uint32_t i = 0; bus->latest && i < bus->latest_chunks; i++)
        free(bus->latest[i]);
    free(bus->latest);
    streams_destroy(bus->streams);
    free(bus->stamps);
    free(bus->slots);
    free(bus);
}

/* ---- writing ---- */

long bus_stream(struct bus *bus, const char *source, size_t source_len, const char *symbol,
                size_t symbol_len, enum event_kind kind)
{
    struct latest **chunk = &bus->latest[streams_count(bus->streams) / LATEST_CHUNK];
    if (*chunk == NULL)
        *chunk = calloc(LATEST_CHUNK, sizeof **chunk);
    if (*chunk == NULL)
        return -ENOMEM;
    return streams_intern(bus->streams, source, source_len, symbol, symbol_len, kind);
}

static struct latest *latest_of(const struct bus *bus, uint32_t stream)
{
    return bus->latest[stream / LATEST_CHUNK] + stream % LATEST_CHUNK;
}

static uint64_t first_seq(const struct bus *bus, uint64_t epoch)
{
    return 1 + (epoch == bus->restored_epoch ? bus->restored_gap : 0);
}

/* Numbers the event and keeps it as its stream's latest. */
static void latest_put(struct bus *bus, struct price_event *event)
{
    struct latest *latest = latest_of(bus, event->stream);
    const uint64_t epoch = atomic_load_explicit(&bus->epoch, memory_order_relaxed);
    const bool is_first = atomic_load_explicit(&latest->epoch, memory_order_relaxed) != epoch;
    const uint64_t before = atomic_load_explicit(&latest->words[0], memory_order_relaxed);
    const uint64_t version = atomic_load_explicit(&latest->version, memory_order_relaxed);
    event->seq = is_first ? first_seq(bus, epoch) : before + 1;
    const uint64_t gap = atomic_load_explicit(&latest->gap, memory_order_relaxed);
    if (gap > 0) {
        event->seq += is_first ? 0 : gap;
        atomic_store_explicit(&latest->gap, 0, memory_order_relaxed);
    }
    atomic_store_explicit(&latest->version, version + 1, memory_order_relaxed);
    if (is_first)
        atomic_store_explicit(&latest->epoch, epoch, memory_order_release);
    words_store(latest->words, event);
    atomic_store_explicit(&latest->version, version + 2, memory_order_release);
}
_Static_assert(offsetof(struct price_event, seq) == 0, "latest_put() reads seq as the first word");

void bus_restore_epoch(struct bus *bus, uint64_t epoch, uint64_t gap)
{
    bus->restored_epoch = epoch;
    bus->restored_gap = gap;
    atomic_store(&bus->epoch, epoch);
    atomic_store(&bus->begun_epoch, epoch);
}

void bus_restore(struct bus *bus, const struct price_event *event, uint64_t gap)
{
    struct latest *latest = latest_of(bus, event->stream);
    atomic_store(&latest->epoch, atomic_load(&bus->epoch));
    atomic_store(&latest->gap, gap);
    words_store(latest->words, event);
    atomic_store(&latest->version, 2);
}

bool bus_has_gap(const struct bus *bus, uint32_t stream)
{
    return atomic_load_explicit(&latest_of(bus, stream)->gap, memory_order_relaxed) > 0;
}

static void wake_sleepers(struct bus *bus)
{
    const uint32_t end = atomic_load(&bus->subs_end);
    for (uint32_t i = 0; i < end; i++) {
        struct bus_sub *sub = &bus->subs[i];
        if (atomic_load(&sub->state) != SUB_ASLEEP)
            continue;
        atomic_store(&sub->waking, true);
        int asleep = SUB_ASLEEP;
        if (atomic_compare_exchange_strong(&sub->state, &asleep, SUB_AWAKE)) {
            atomic_fetch_add_explicit(&sub->wakes, 1, memory_order_relaxed);
            sub->options.wake(sub->options.ctx);
        }
        atomic_store(&sub->waking, false);
    }
}

int64_t bus_patience_ns(const struct bus *bus)
{
    const uint32_t end = atomic_load(&bus->subs_end);
    int64_t least = INT64_MAX;
    for (uint32_t i = 0; i < end; i++) {
        const struct bus_sub *sub = &bus->subs[i];
        const int64_t patience = atomic_load_explicit(&sub->patience_ns, memory_order_relaxed);
        if (atomic_load(&sub->state) != SUB_FREE && patience < least)
            least = patience;
    }
    return least == INT64_MAX ? 0 : least;
}

void bus_sub_set_patience(struct bus_sub *sub, int64_t patience_ns)
{
    atomic_store_explicit(&sub->patience_ns, patience_ns, memory_order_relaxed);
}

/* Control events (EVENT_RESET) belong to no stream and bring their own seq. */
static void publish(struct bus *bus, struct price_event *events, size_t count)
{
    const uint64_t head = atomic_load_explicit(&bus->head, memory_order_relaxed);
    const int64_t now = now_ns();
    atomic_store_explicit(&bus->intent, head + count, memory_order_relaxed);
    for (size_t i = 0; i < count; i++) {
        const uint64_t at = (head + i) & bus->mask;
        /* The latest goes first: who reads head and then the latest must not find it older. */
        if (events[i].stream != EVENT_NO_STREAM)
            latest_put(bus, &events[i]);
        words_store(bus->slots[at].words, &events[i]);
        atomic_store_explicit(&bus->stamps[at], now, memory_order_release);
    }
    atomic_store(&bus->head, head + count);
    wake_sleepers(bus);
}

void bus_emit(struct bus *bus, struct price_event *events, size_t count)
{
    while (count > 0) {
        const size_t part = count < PUBLISH_EVENTS_MAX ? count : PUBLISH_EVENTS_MAX;
        publish(bus, events, part);
        events += part;
        count -= part;
    }
}

/* The epoch changes before its mark is published: see bus_catch_up(). */
void bus_reset(struct bus *bus, enum reset_reason reason)
{
    const uint64_t epoch = atomic_load_explicit(&bus->epoch, memory_order_relaxed) + 1;
    atomic_store(&bus->epoch, epoch);
    struct price_event mark = event_make(EVENT_RESET);
    mark.seq = epoch;
    mark.detail = reason;
    publish(bus, &mark, 1);
    atomic_store(&bus->begun_epoch, epoch);
}

void bus_settle(struct bus *bus)
{
    struct price_event mark = event_make(EVENT_SETTLED);
    mark.seq = atomic_load_explicit(&bus->epoch, memory_order_relaxed);
    publish(bus, &mark, 1);
}

/* ---- holding the writer back ---- */

size_t bus_room(struct bus *bus)
{
    const uint64_t head = atomic_load(&bus->head);
    uint64_t behind = 0;
    const uint32_t end = atomic_load(&bus->subs_end);
    for (uint32_t i = 0; i < end; i++) {
        struct bus_sub *sub = &bus->subs[i];
        if (!atomic_load(&sub->holds))
            continue;
        const uint64_t position = atomic_load(&sub->position);
        if (position < head && head - position > behind)
            behind = head - position;
    }
    const uint64_t ring = bus->mask + 1;
    return behind >= ring ? 0 : (size_t)(ring - behind);
}

static bool room_is_ample(struct bus *bus)
{
    return bus_room(bus) > bus->mask / 2;
}

bool bus_want_room(struct bus *bus, void (*wake)(void *ctx), void *ctx)
{
    bus->room_wake = wake;
    bus->room_ctx = ctx;
    atomic_store(&bus->room_wanted, true);
    /* Room may have come between the writer's last look and the store above. */
    return !room_is_ample(bus) || !atomic_exchange(&bus->room_wanted, false);
}

static void room_offer(struct bus *bus)
{
    if (atomic_load(&bus->room_wanted) && room_is_ample(bus) &&
        atomic_exchange(&bus->room_wanted, false))
        bus->room_wake(bus->room_ctx);
}

/* ---- subscribing ---- */

static void subs_lock(struct bus *bus)
{
    while (atomic_exchange(&bus->subs_lock, true))
        sched_yield();
}

static void subs_unlock(struct bus *bus)
{
    atomic_store(&bus->subs_lock, false);
}

int bus_subscribe(struct bus *bus, const struct bus_sub_options *options, struct bus_sub **out)
{
    subs_lock(bus);
    uint32_t i = 0;
    while (i < BUS_SUBSCRIBERS_MAX && atomic_load(&bus->subs[i].state) != SUB_FREE)
        i++;
    if (i == BUS_SUBSCRIBERS_MAX) {
        subs_unlock(bus);
        return -ENOSPC;
    }
    struct bus_sub *sub = &bus->subs[i];
    sub->bus = bus;
    sub->options = *options;
    atomic_store(&sub->missed, 0);
    atomic_store(&sub->wakes, 0);
    atomic_store(&sub->patience_ns, 0);
    atomic_store(&sub->position, atomic_load(&bus->head));
    atomic_store(&sub->holds, options->holds);
    atomic_store(&sub->state, SUB_AWAKE);
    if (i >= atomic_load(&bus->subs_end))
        atomic_store(&bus->subs_end, i + 1);
    subs_unlock(bus);
    *out = sub;
    return 0;
}

void bus_unsubscribe(struct bus_sub *sub)
{
    if (sub == NULL)
        return;
    assert(!sub->handlers.is_running);
    struct bus *bus = sub->bus;
    atomic_store(&sub->holds, false);
    atomic_store(&sub->state, SUB_AWAKE);
    while (atomic_load(&sub->waking))
        sched_yield();
    handlers_clear(&sub->handlers);
    subs_lock(bus);
    atomic_store(&sub->state, SUB_FREE);
    subs_unlock(bus);
    room_offer(bus);
}

/* ---- handlers ---- */

int bus_on(struct bus_sub *sub, unsigned kinds, bus_handler_fn *handler, void *ctx)
{
    return handlers_add(&sub->handlers, kinds, false, handler, ctx);
}

int bus_once(struct bus_sub *sub, unsigned kinds, bus_handler_fn *handler, void *ctx)
{
    return handlers_add(&sub->handlers, kinds, true, handler, ctx);
}

bool bus_off(struct bus_sub *sub, int id)
{
    return handlers_remove(&sub->handlers, id);
}

/* ---- reading ---- */

/* Returns true if there is nothing to read and the writer will wake us. */
static bool fall_asleep(struct bus_sub *sub, uint64_t position)
{
    atomic_store(&sub->state, SUB_ASLEEP);
    if (atomic_load(&sub->bus->head) == position)
        return true;
    atomic_store(&sub->state,
                 SUB_AWAKE); /* if the writer was faster, its wake-up is one too many */
    return false;
}

/* Copies up to `count` events; returns false if the writer may have overwritten one meanwhile. */
static bool copy_out(struct bus_sub *sub, uint64_t position, size_t count,
                     struct price_event *events, int64_t *stamps)
{
    const struct bus *bus = sub->bus;
    for (size_t i = 0; i < count; i++) {
        const uint64_t at = (position + i) & bus->mask;
        words_load(bus->slots[at].words, &events[i]);
        stamps[i] = atomic_load_explicit(&bus->stamps[at], memory_order_acquire);
    }
    const uint64_t intent = atomic_load_explicit(&bus->intent, memory_order_relaxed);
    return intent - position <= bus->mask + 1;
}

static void position_set(struct bus_sub *sub, uint64_t position)
{
    if (!atomic_load_explicit(&sub->holds, memory_order_relaxed)) {
        atomic_store_explicit(&sub->position, position, memory_order_release);
        return;
    }
    atomic_store(&sub->position, position); /* in one order with room_wanted: see bus_want_room() */
    room_offer(sub->bus);
}

static void report_lapped(struct bus_sub *sub, uint64_t position, size_t handlers)
{
    const uint64_t head = atomic_load(&sub->bus->head);
    struct price_event lapped = event_make(EVENT_LAPPED);
    lapped.seq = head - position;
    atomic_fetch_add_explicit(&sub->missed, lapped.seq, memory_order_relaxed);
    position_set(sub, head);
    sub->emitted_ns = now_ns();
    handlers_call(&sub->handlers, handlers, &lapped);
}

/* Hands over one run of events; returns how many, 0 when there are none. */
static size_t dispatch_run(struct bus_sub *sub, size_t limit, size_t handlers)
{
    struct price_event events[COPY_EVENTS_MAX];
    int64_t stamps[COPY_EVENTS_MAX];
    /* A handler that caught up has moved the position, so it is read afresh for each run. */
    const uint64_t position = atomic_load_explicit(&sub->position, memory_order_relaxed);
    const uint64_t head = atomic_load_explicit(&sub->bus->head, memory_order_acquire);
    if (head == position && fall_asleep(sub, position))
        return 0;
    size_t count = (size_t)(atomic_load(&sub->bus->head) - position);
    count = count < limit ? count : limit;
    count = count < COPY_EVENTS_MAX ? count : COPY_EVENTS_MAX;
    if (!copy_out(sub, position, count, events, stamps)) {
        report_lapped(sub, position, handlers);
        return 1;
    }
    position_set(sub, position + count);
    for (size_t i = 0; i < count; i++) {
        sub->emitted_ns = stamps[i];
        handlers_call(&sub->handlers, handlers, &events[i]);
    }
    return count;
}

size_t bus_dispatch(struct bus_sub *sub, size_t limit)
{
    const size_t handlers = handlers_begin(&sub->handlers);
    size_t done = 0;
    while (done < limit) {
        const size_t count = dispatch_run(sub, limit - done, handlers);
        if (count == 0)
            break;
        done += count;
    }
    handlers_end(&sub->handlers);
    return done;
}

int64_t bus_emitted_ns(const struct bus_sub *sub)
{
    return sub->emitted_ns;
}

uint64_t bus_sub_position(const struct bus_sub *sub)
{
    return atomic_load_explicit(&sub->position, memory_order_relaxed);
}

uint64_t bus_sub_missed(const struct bus_sub *sub)
{
    return atomic_load_explicit(&sub->missed, memory_order_relaxed);
}

uint64_t bus_sub_wakes(const struct bus_sub *sub)
{
    return atomic_load_explicit(&sub->wakes, memory_order_relaxed);
}

/* ---- the latest events ---- */

static bool latest_get(const struct bus *bus, uint32_t stream, uint64_t epoch,
                       struct price_event *out)
{
    const struct latest *latest = latest_of(bus, stream);
    for (;;) {
        const uint64_t version = atomic_load_explicit(&latest->version, memory_order_acquire);
        const uint64_t of = atomic_load_explicit(&latest->epoch, memory_order_acquire);
        words_load(latest->words, out);
        if ((version & 1) == 0 &&
            atomic_load_explicit(&latest->version, memory_order_relaxed) == version)
            return version != 0 && of == epoch;
        sched_yield();
    }
}

bool bus_latest(const struct bus *bus, uint32_t stream, struct price_event *out)
{
    struct price_event event;
    if (stream >= streams_count(bus->streams) ||
        !latest_get(bus, stream, atomic_load(&bus->epoch), &event))
        return false;
    *out = event;
    return true;
}

uint64_t bus_catch_up(struct bus_sub *sub, bus_handler_fn *visit, void *ctx)
{
    struct bus *bus = sub->bus;
    uint64_t epoch, begun, head;
    /* A reset changes the epoch and then publishes its mark: if the epoch is still the same after
     * head was read, the next mark is not below head. Until an epoch has begun, nothing of it has
     * been emitted: all of it comes behind its mark, and none of it is taken before. */
    do {
        epoch = atomic_load(&bus->epoch);
        begun = atomic_load(&bus->begun_epoch);
        head = atomic_load(&bus->head);
    } while (atomic_load(&bus->epoch) != epoch || atomic_load(&bus->begun_epoch) != begun);
    const uint32_t count = begun == epoch ? streams_count(bus->streams) : 0;
    for (uint32_t i = 0; i < count; i++) {
        struct price_event event;
        if (!latest_get(bus, i, epoch, &event))
            continue;
        sub->emitted_ns = now_ns(); /* it may be newer than the moment of the lap */
        visit(&event, ctx);
    }
    const uint64_t position = atomic_load_explicit(&sub->position, memory_order_relaxed);
    if (position < head)
        position_set(sub, head);
    return epoch;
}

const struct streams *bus_streams(const struct bus *bus)
{
    return bus->streams;
}

uint64_t bus_epoch(const struct bus *bus)
{
    return atomic_load(&bus->epoch);
}

uint64_t bus_emitted(const struct bus *bus)
{
    return atomic_load_explicit(&bus->head, memory_order_relaxed);
}
