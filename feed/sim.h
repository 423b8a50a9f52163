/* sim: a market that does not exist, for demonstrations and load tests.
 *
 * Seeded and endless: the same options give the same events. Instruments have different price
 * scales and, by a power law, very different rates; quotes walk at random by ticks, trades happen
 * at the bid or the ask, arrivals are a Poisson process with bursts. Time is virtual, from 0; the
 * timeline lays it onto the wall clock. All names come from the source "sim", so that nobody takes
 * them for real.
 *
 * Keys of sim:?…
 *   symbols=50      1 to 100000 instruments
 *   rate=2000       events a second on average, 0.001 to 1e8
 *   seed=1          any whole number
 *   kinds=trade,quote   or one of them
 *   bursts=5        how many times busier a burst is than the average; 1: no bursts
 *   volatility=1    how often prices move, 0 to 10
 *   even=0          1: one event after another at the same distance, the instruments in turn; for
 *                   measuring */
#ifndef PRICECAST_FEED_SIM_H
#define PRICECAST_FEED_SIM_H

#include "feed/producer.h"
#include "feed/spec.h"

/* Returns 0, -EINVAL with one line in `error`, or -ENOMEM. The producer is the caller's. */
int sim_create(const struct spec *spec, struct producer **out, char *error, size_t error_size);

#endif
