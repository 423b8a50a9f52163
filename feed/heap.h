/* heap: when events of a dense market go out together.
 *
 * To wake, in the feed and at each subscriber, costs many times what an event does. So events that
 * follow one another closely are gathered for a moment; longer, when no subscriber minds. Then they
 * go out at even distances, as far as can be from the full milliseconds at which rates tick: so an
 * instrument that changes as often as a client is sent updates has one change in each of them, not
 * two and none. Pure functions, any thread; times are CLOCK_MONOTONIC in ns. */
#ifndef PRICECAST_FEED_HEAP_H
#define PRICECAST_FEED_HEAP_H

#include <stdint.h>

#define HEAP_APART_NS INT64_C(200000) /* where somebody does mind */

/* When to look again, if the next event is due at `due_ns` and subscribers have this patience.
 * Never before either of the two times; after the due one at most by the patience, or
 * HEAP_APART_NS. */
int64_t heap_at_ns(int64_t now_ns, int64_t due_ns, int64_t patience_ns);

#endif
