#include "server/candle_ring.h"

#include <stdlib.h>

#define NO_CUT INT64_MIN

void candle_ring_finish(struct candle_ring *ring)
{
    free(ring->list);
    *ring = (struct candle_ring){.cut = NO_CUT};
}

void candle_ring_drop_oldest(struct candle_ring *ring)
{
    ring->cut = ring->list[ring->start].bucket;
    ring->start = ring->start + 1 == ring->size ? 0 : ring->start + 1;
    ring->count--;
}

bool candle_ring_resize(struct candle_ring *ring, uint32_t size)
{
    struct candle *list = aligned_alloc(64, size * sizeof *list);
    if (list == NULL)
        return false;
    while (ring->count > size)
        candle_ring_drop_oldest(ring);
    for (uint32_t i = 0; i < ring->count; i++)
        list[i] = *candle_ring_at(ring, i);
    free(ring->list);
    ring->list = list;
    ring->size = size;
    ring->start = 0;
    return true;
}

uint32_t candle_ring_older(const struct candle_ring *ring, int64_t bucket)
{
    uint32_t low = 0, high = ring->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (candle_ring_at(ring, middle)->bucket < bucket)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct candle *candle_ring_insert(struct candle_ring *ring, int64_t bucket)
{
    uint32_t at = ring->count++;
    for (; at > 0 && candle_ring_at(ring, at - 1)->bucket > bucket; at--)
        *candle_ring_at(ring, at) = *candle_ring_at(ring, at - 1);
    return candle_ring_at(ring, at);
}

/* Puts together the candle that ends before place `end`; returns where it begins. */
static uint32_t fold(const struct candle_ring *ring, uint32_t end, int64_t factor,
                     struct candle *out)
{
    const int64_t bucket = candle_bucket(candle_ring_at(ring, end - 1)->bucket, factor);
    uint32_t from = end - 1;
    while (from > 0 && candle_ring_at(ring, from - 1)->bucket >= bucket * factor)
        from--;
    *out = *candle_ring_at(ring, from);
    for (uint32_t i = from + 1; i < end; i++)
        candle_merge(out, candle_ring_at(ring, i));
    out->bucket = bucket;
    return from;
}

unsigned candle_ring_newest(const struct candle_ring *ring, int64_t factor, int64_t before,
                            unsigned limit, struct candle *out)
{
    unsigned found = 0;
    uint32_t end = ring->count;
    while (end > 0 && found < limit) {
        end = fold(ring, end, factor, &out[found]);
        const int64_t bucket = out[found].bucket;
        if (bucket >= before)
            continue;
        if (ring->cut != NO_CUT && candle_bucket(ring->cut, factor) == bucket)
            break;
        found++;
    }
    return found;
}
