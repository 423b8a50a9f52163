/* backoff: how long to wait before the next attempt to reach somebody who does not answer.
 *
 * Full jitter: the wait is drawn evenly between BACKOFF_MIN_MS and a bound that doubles with each
 * failure in a row, so that many clients of one server come back spread out and ever more slowly.
 * Only a connection that lasted BACKOFF_STABLE_MS makes it begin anew: a server that accepts and
 * hangs up at once is not hammered.
 *
 * Pure: time and chance are passed in. */
#ifndef PRICECAST_FEED_BACKOFF_H
#define PRICECAST_FEED_BACKOFF_H

#include <stdint.h>

enum {
    BACKOFF_MIN_MS = 250,
    BACKOFF_FIRST_MS = 500, /* the first bound */
    BACKOFF_MAX_MS = 15000, /* the last one */
    BACKOFF_STABLE_MS = 60000,
};

/* Zeroed is fresh. */
struct backoff {
    unsigned failures; /* in a row */
};

/* An attempt failed, or a connection ended after `lasted_ms` (0 when there was none). Returns how
 * many ms to wait; `random` is any 64 bits. */
uint64_t backoff_next_ms(struct backoff *backoff, uint64_t lasted_ms, uint64_t random);

#endif
