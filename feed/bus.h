/* bus: in-process fan-out of events from one writer to any number of subscriber threads.
 *
 * It is to Node's EventEmitter what a broadcaster needs: bus_on(), bus_once(), bus_off() and
 * bus_emit(), across threads. The writer copies each event into one shared ring, gives it the next
 * `seq` of its stream, keeps it as the stream's latest, and wakes the subscribers that sleep. It
 * never blocks, never allocates and never waits for a reader.
 *
 * A subscriber belongs to one thread and reads the ring at its own pace with bus_dispatch(), which
 * calls its handlers. One that falls a whole ring behind is *lapped*: it gets one EVENT_LAPPED
 * whose `seq` is the exact number of events it missed, and goes on at the newest. bus_latest() then
 * tells it where each stream stands.
 *
 * Threads: bus_create() and bus_destroy() while nobody uses the bus. "Writer" below means the one
 * thread that emits; "subscriber" the thread that owns that struct bus_sub. */
#ifndef PRICECAST_FEED_BUS_H
#define PRICECAST_FEED_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/event.h"
#include "feed/streams.h"

#define BUS_RING_EVENTS_DEFAULT 65536 /* 4 MiB */
#define BUS_RING_EVENTS_MIN     64
#define BUS_RING_EVENTS_MAX     (1u << 24)
#define BUS_SUBSCRIBERS_MAX     256

struct bus;
struct bus_sub;

struct bus_options {
    uint32_t ring_events; /* a power of two between the limits above; 0: the default */
    uint32_t streams_max; /* 0: STREAMS_MAX_DEFAULT */
};

/* Returns 0, -EINVAL (an option out of its range) or -ENOMEM; *out changes on success only. */
int bus_create(const struct bus_options *options, struct bus **out);
void bus_destroy(struct bus *bus);

/* ---- writing: the writer's thread only ---- */

/* Finds or adds a stream: see streams_intern() for the result. */
long bus_stream(struct bus *bus, const char *source, size_t source_len, const char *symbol,
                size_t symbol_len, enum event_kind kind);

/* Before anybody subscribes, to go on where an earlier process left: the epoch; and a stream's
 * latest event with the seq it had, nobody is told. The stream's next seq is `gap` higher than it
 * would be; so is the first, in this epoch, of every stream that is not restored.
 */
void bus_restore_epoch(struct bus *bus, uint64_t epoch, uint64_t gap);
void bus_restore(struct bus *bus, const struct price_event *event, uint64_t gap);

/* Is the stream's next seq still to be `gap` higher? Any thread. */
bool bus_has_gap(const struct bus *bus, uint32_t stream);

/* Publishes `count` events in order. Each names a stream of this bus; its `seq` is set here. */
void bus_emit(struct bus *bus, struct price_event *events, size_t count);

/* Starts a new epoch: every stream's seq begins again at 1 and has no latest event; subscribers get
 * an EVENT_RESET in its place among the events. */
void bus_reset(struct bus *bus, enum reset_reason reason);

/* After bus_reset(RESET_SEEK) and the events that tell how things stood at the new place: says that
 * they are complete, by an EVENT_SETTLED. */
void bus_settle(struct bus *bus);

/* How many events may be emitted now without lapping a subscriber that holds (see below). */
size_t bus_room(struct bus *bus);

/* The patience of the least patient subscriber; 0 without any. */
int64_t bus_patience_ns(const struct bus *bus);

/* Asks for one call of `wake` (from a subscriber's thread) as soon as half the ring is free again
 * for every holding subscriber; returns false, and does not call, if it already is. */
bool bus_want_room(struct bus *bus, void (*wake)(void *ctx), void *ctx);

/* ---- reading ---- */

struct bus_sub_options {
    /* Called on the writer's thread when there is news and the subscriber sleeps. Must not block
     * nor call the bus: it makes the subscriber's thread call bus_dispatch(). */
    void (*wake)(void *ctx);
    void *ctx;
    bool holds; /* bus_room() takes this subscriber into account */
};

/* Joins at the newest event. Any thread, any time; the result is then the calling thread's. Returns
 * 0, -ENOSPC (BUS_SUBSCRIBERS_MAX) or -ENOMEM. The first bus_dispatch() arms the wake-up. */
int bus_subscribe(struct bus *bus, const struct bus_sub_options *options, struct bus_sub **out);

/* Waits for a wake-up under way; after it `wake` is not called again. Not from a handler. */
void bus_unsubscribe(struct bus_sub *sub);

/* `event` is the handler's to read until it returns. */
typedef void bus_handler_fn(const struct price_event *event, void *ctx);

/* Adds a handler for the kinds in `kinds` (bits 1 << enum event_kind; 0 means all). Handlers run in
 * the order they were added. From within a handler on() and off() are fine: a handler added during
 * a dispatch sees events from the next one on, one removed is not called again. Returns an id above
 * 0, or -ENOMEM. Subscriber's thread. */
int bus_on(struct bus_sub *sub, unsigned kinds, bus_handler_fn *handler, void *ctx);
/* The same for one event only. */
int bus_once(struct bus_sub *sub, unsigned kinds, bus_handler_fn *handler, void *ctx);
/* Returns false if there is no such handler (any more). */
bool bus_off(struct bus_sub *sub, int id);

/* Hands up to `limit` events to the handlers, oldest first; returns how many. Fewer than `limit`
 * means the subscriber has seen everything and will be woken; `limit` means call again, no wake
 * will come. Not from within a handler. Subscriber's thread. */
size_t bus_dispatch(struct bus_sub *sub, size_t limit);

/* How late this subscriber may hear of news without minding; 0 (the default): not at all. It is
 * woken all the same; but a writer that paces itself may gather what comes within that time.
 * Subscriber's thread. */
void bus_sub_set_patience(struct bus_sub *sub, int64_t patience_ns);

/* When the event now being dispatched was emitted: CLOCK_MONOTONIC, ns. From a handler. */
int64_t bus_emitted_ns(const struct bus_sub *sub);

/* How far this subscriber has come: the events that were emitted before its next one. Those of the
 * present dispatch count as seen. Its thread. */
uint64_t bus_sub_position(const struct bus_sub *sub);

/* Totals of this subscriber; any thread. */
uint64_t bus_sub_missed(const struct bus_sub *sub);
uint64_t bus_sub_wakes(const struct bus_sub *sub);

/* Copies a stream's latest event; returns false if it has none in this epoch. Any thread. */
bool bus_latest(const struct bus *bus, uint32_t stream, struct price_event *out);

/* Where a lapped subscriber goes on. Calls `visit` for the latest event of every stream that has
 * one, all of one epoch, and returns that epoch; events dispatched afterwards may be older than
 * what was visited (their seq tells) and belong to the same epoch until the next EVENT_RESET.
 * Subscriber's thread, also from its handler of EVENT_LAPPED. */
uint64_t bus_catch_up(struct bus_sub *sub, bus_handler_fn *visit, void *ctx);

/* Names, epoch, and how many events were ever emitted. Any thread. */
const struct streams *bus_streams(const struct bus *bus);
uint64_t bus_epoch(const struct bus *bus);
uint64_t bus_emitted(const struct bus *bus);

#endif
