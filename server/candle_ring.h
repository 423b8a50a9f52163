/* candle_ring: candles of one span after each other, without empty ones, of which the newest are
 * kept. A zeroed struct is no empty ring: candle_ring_finish() makes one. One thread. */
#ifndef PRICECAST_SERVER_CANDLE_RING_H
#define PRICECAST_SERVER_CANDLE_RING_H

#include "server/candle.h"

struct candle_ring {
    struct candle *list; /* owned */
    uint32_t start, count, size;
    int64_t cut; /* the newest bucket that was given up: nothing is put there any more */
};

/* Which span a time falls into; rounds down also before 1970. */
static inline int64_t candle_bucket(int64_t time, int64_t span)
{
    return time / span - (time % span < 0);
}

/* Counted from the oldest. */
static inline struct candle *candle_ring_at(const struct candle_ring *ring, uint32_t i)
{
    const uint32_t at = ring->start + i;
    return &ring->list[at < ring->size ? at : at - ring->size];
}

/* Empties it and frees its memory. */
void candle_ring_finish(struct candle_ring *ring);

/* Gives it `size` places, above 0; the oldest candles that do not fit go. Returns false without
 * memory. */
bool candle_ring_resize(struct candle_ring *ring, uint32_t size);

/* Of one that is not empty. */
void candle_ring_drop_oldest(struct candle_ring *ring);

/* How many candles are older than the bucket. */
uint32_t candle_ring_older(const struct candle_ring *ring, int64_t bucket);

/* The bucket's candle, or NULL. */
static inline struct candle *candle_ring_find(const struct candle_ring *ring, int64_t bucket)
{
    if (ring->count == 0)
        return NULL;
    struct candle *candle = candle_ring_at(ring, ring->count - 1);
    if (candle->bucket > bucket)
        candle = candle_ring_at(ring, candle_ring_older(ring, bucket));
    return candle->bucket == bucket ? candle : NULL;
}

/* The place, in the order of time, for a candle that is not there; there must be room. */
struct candle *candle_ring_insert(struct candle_ring *ring, int64_t bucket);

/* Puts `factor` buckets together into one, and writes the newest up to `limit` that come before the
 * (larger) bucket `before` to `out`, newest first; returns how many. One of which a part has been
 * given up is left out. */
unsigned candle_ring_newest(const struct candle_ring *ring, int64_t factor, int64_t before,
                            unsigned limit, struct candle *out);

#endif
