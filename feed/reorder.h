/* reorder: puts slightly unordered events into the order of their times.
 *
 * Holds events until nothing earlier is to be expected: until one has come that is `window_ns`
 * later. Equal times keep their order. An event that comes later than that is let through at once,
 * out of order, and counted. Times are event_time_ns(). One thread. */
#ifndef PRICECAST_FEED_REORDER_H
#define PRICECAST_FEED_REORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/event.h"

#define REORDER_EVENTS_MAX                                                                         \
    (1u << 22) /* 256 MiB; then the earliest goes whether its time has come or not */

struct reorder {
    int64_t window_ns;
    int64_t newest_ns, passed_ns;
    uint64_t pushed;
    uint64_t late; /* events earlier than one that had been passed on already */
    size_t count, size;
    struct reorder_entry *heap;
};

void reorder_init(struct reorder *reorder, int64_t window_ns);
void reorder_finish(struct reorder *reorder);

/* Forgets what it holds. */
void reorder_clear(struct reorder *reorder);

/* Adds an event. Returns false without memory. */
bool reorder_push(struct reorder *reorder, const struct price_event *event);

/* The next event, or NULL if an earlier one may still come; `no_more` ends the waiting. */
const struct price_event *reorder_peek(const struct reorder *reorder, bool no_more);
void reorder_pop(struct reorder *reorder);

#endif
