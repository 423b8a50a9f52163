/* streams: names behind the small integers that events carry.
 *
 * A stream is one source, symbol and kind. A table numbers them 0, 1, 2 … in the order in which
 * they first appear and never forgets or moves one.
 *
 * Threads: one thread interns; any thread may call streams_get() for a number it learned from that
 * thread (through the bus, or a finished job), and streams_count(). */
#ifndef PRICECAST_FEED_STREAMS_H
#define PRICECAST_FEED_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/event.h"

#define NAME_BYTES_MAX      128    /* the longest symbol or source */
#define STREAMS_MAX_DEFAULT 100000 /* how many streams a table holds unless told otherwise */
#define STREAMS_MAX_LIMIT   0xfffff0u

struct stream {
    uint32_t number;
    enum event_kind kind; /* EVENT_FEED: the stream of a source's states, its symbol is "" */
    const char *symbol;   /* end-marked UTF-8, valid as long as the table */
    const char *source;
};

struct streams;

/* Returns NULL without memory, or when max is 0 or above STREAMS_MAX_LIMIT. */
struct streams *streams_create(uint32_t max);
void streams_destroy(struct streams *streams);

/* Finds or adds a stream. Returns its number, or -EINVAL (a name that name_is_valid() refuses),
 * -ENOSPC (table full) or -ENOMEM. */
long streams_intern(struct streams *streams, const char *source, size_t source_len,
                    const char *symbol, size_t symbol_len, enum event_kind kind);

/* `number` is below streams_count(). The result lives as long as the table. */
const struct stream *streams_get(const struct streams *streams, uint32_t number);
uint32_t streams_count(const struct streams *streams);

/* How many a table needs that is to bring streams for this one: never less than the default. */
uint32_t streams_room(const struct streams *streams);

/* A symbol or source: 1 to NAME_BYTES_MAX bytes of UTF-8 without control characters. */
bool name_is_valid(const char *name, size_t len);

#endif
