/* histogram: durations in buckets that grow with the value, as HdrHistogram does: every bucket is
 * at most 1/32 (3 %) wide, from 1 ns to the end of 64 bits, in fixed memory.
 *
 * Threads: one thread records; any thread may read at the same time and sees each count whole. */
#ifndef PRICECAST_FEED_HISTOGRAM_H
#define PRICECAST_FEED_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

enum { HISTOGRAM_STEPS = 32, HISTOGRAM_BUCKETS = (64 - 5 + 1) * HISTOGRAM_STEPS };

struct histogram {
    _Atomic uint64_t count;
    _Atomic uint64_t max; /* exact */
    _Atomic uint64_t sum;
    _Atomic uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* Records one value; a zeroed struct is an empty histogram. */
void histogram_record(struct histogram *histogram, uint64_t value);

/* Records a value `times` times. */
void histogram_record_many(struct histogram *histogram, uint64_t value, uint64_t times);

/* The value that `fraction` (0 to 1) of the recorded ones do not exceed, at most 3 % too high; 0 if
 * nothing was recorded. */
uint64_t histogram_percentile(const struct histogram *histogram, double fraction);

/* How many recorded values are not above `value`; those within 3 % of it may count or not. */
uint64_t histogram_count_to(const struct histogram *histogram, uint64_t value);

/* Adds what `from` holds to `to`. */
void histogram_merge(struct histogram *to, const struct histogram *from);

#endif
