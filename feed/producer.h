/* producer: a source whose events can be asked for ahead of time: a file, the simulator.
 *
 * The feed thread owns a producer and asks it for one batch at a time; fill() then runs on a worker
 * thread, so it may read, unpack and parse as it likes. Events refer to the producer's own stream
 * table; the feed thread translates the numbers.
 *
 * Threads: never two calls at once. fill() and rewind() on a worker, the rest on the feed thread
 * while no job runs. The feed thread reads `streams` while a job may add to it, which streams.h
 * allows. */
#ifndef PRICECAST_FEED_PRODUCER_H
#define PRICECAST_FEED_PRODUCER_H

#include <stddef.h>
#include <stdint.h>

#include "feed/event.h"
#include "feed/streams.h"

enum { BATCH_EVENTS_MAX = 2048, PRODUCER_MESSAGE_MAX = 512 };

enum producer_end {
    PRODUCER_MORE,   /* ask again */
    PRODUCER_ENDED,  /* the end, and everything was whole */
    PRODUCER_BROKEN, /* what was whole has been delivered; `message` says where it stopped */
};

/* Filled by a worker, read by the feed thread. A batch may be empty and not the last. */
struct event_batch {
    size_t count;
    struct price_event events[BATCH_EVENTS_MAX]; /* `stream` counts in the producer's own table */
    enum producer_end end;
    char message[PRODUCER_MESSAGE_MAX]; /* news for the log since the last batch, or "" */
    /* Totals since the producer began (a rewind does not reset them). */
    uint64_t lines;
    uint64_t ignored;     /* messages of kinds that carry no trade or quote */
    uint64_t bad;         /* refused lines or values */
    uint64_t bytes_read;  /* of the file as it is stored, in this turn */
    uint64_t bytes_total; /* of the file, or 0 when that cannot be known */
};

struct producer;

struct producer_ops {
    /* Clears and fills *out. Returns when it is full, or earlier with whatever there is. */
    void (*fill)(struct producer *producer, struct event_batch *out);
    /* Back to the first event. Returns 0 or a negative errno (-ESPIPE: cannot be done). */
    int (*rewind)(struct producer *producer);
    void (*destroy)(struct producer *producer);
    /* Optional: as rewind(), but to a place from which reading on meets every event at or after
     * time_ns. With a lookback it also meets the latest event of each stream before that; where
     * only reading could tell, those of at least lookback_ns before and as many earlier ones as are
     * quickly read. -ENOTSUP: rewind instead. */
    int (*jump)(struct producer *producer, int64_t time_ns, int64_t lookback_ns);
    /* Optional: the time that stands at a fraction of the stored bytes. -ENOTSUP: only reading can
     * tell. */
    int (*locate)(struct producer *producer, double fraction, int64_t *out_time_ns);
};

/* Embedded as the first member of each kind of producer. */
struct producer {
    const struct producer_ops *ops;
    const char *name;        /* for messages: the path or spec; owned by the producer */
    struct streams *streams; /* owned by the producer */
    const char *format;      /* of a file, else NULL … */
    int sure; /* … and how sure the guess was of it, percent: 100 if it was named */
};

#endif
