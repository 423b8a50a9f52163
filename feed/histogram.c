/* Values below 32 have a bucket each; above, the highest five bits after the leading one choose
 * among 32 buckets of that power of two. */
#include "feed/histogram.h"

static unsigned bucket_of(uint64_t value)
{
    if (value < HISTOGRAM_STEPS)
        return (unsigned)value;
    const unsigned power = 63u - (unsigned)__builtin_clzll(value);
    return (power - 4) * HISTOGRAM_STEPS + (unsigned)(value >> (power - 5)) - HISTOGRAM_STEPS;
}

/* The highest value that falls into a bucket. */
static uint64_t bucket_top(unsigned bucket)
{
    if (bucket < HISTOGRAM_STEPS)
        return bucket;
    const unsigned shift = bucket / HISTOGRAM_STEPS - 1;
    return ((uint64_t)(bucket % HISTOGRAM_STEPS + HISTOGRAM_STEPS + 1) << shift) - 1;
}

/* One thread writes, so a load and a store do; the atomics are for the readers. */
static void add(_Atomic uint64_t *to, uint64_t much)
{
    atomic_store_explicit(to, atomic_load_explicit(to, memory_order_relaxed) + much,
                          memory_order_relaxed);
}

void histogram_record_many(struct histogram *histogram, uint64_t value, uint64_t times)
{
    add(&histogram->buckets[bucket_of(value)], times);
    add(&histogram->count, times);
    add(&histogram->sum, value * times);
    if (value > atomic_load_explicit(&histogram->max, memory_order_relaxed))
        atomic_store_explicit(&histogram->max, value, memory_order_relaxed);
}

void histogram_record(struct histogram *histogram, uint64_t value)
{
    histogram_record_many(histogram, value, 1);
}

uint64_t histogram_percentile(const struct histogram *histogram, double fraction)
{
    const uint64_t max = atomic_load_explicit(&histogram->max, memory_order_relaxed);
    const uint64_t count = atomic_load_explicit(&histogram->count, memory_order_relaxed);
    const double wanted = fraction * (double)count;
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS && count > 0; i++) {
        seen += atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
        if (seen > 0 && (double)seen >= wanted) {
            const uint64_t top = bucket_top(i);
            return top < max ? top : max;
        }
    }
    return max;
}

uint64_t histogram_count_to(const struct histogram *histogram, uint64_t value)
{
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS && bucket_top(i) <= value; i++)
        seen += atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
    return seen;
}

void histogram_merge(struct histogram *to, const struct histogram *from)
{
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        add(&to->buckets[i], atomic_load_explicit(&from->buckets[i], memory_order_relaxed));
    add(&to->count, atomic_load_explicit(&from->count, memory_order_relaxed));
    add(&to->sum, atomic_load_explicit(&from->sum, memory_order_relaxed));
    const uint64_t max = atomic_load_explicit(&from->max, memory_order_relaxed);
    if (max > atomic_load_explicit(&to->max, memory_order_relaxed))
        atomic_store_explicit(&to->max, max, memory_order_relaxed);
}
