/* wheel: what is to be looked at when something may be due, and never all at once.
 *
 * A ring of slots, one for each `turn_ms`. An entry stands in the slot that is reached when it is
 * due, to within a turn; later than the whole ring it is looked at too early, and is put again.
 * Putting and removing cost the same however many there are. One thread. */
#ifndef PRICECAST_SERVER_WHEEL_H
#define PRICECAST_SERVER_WHEEL_H

#include <stdint.h>

enum { WHEEL_SLOTS = 32 };

/* Embedded in what is looked at. Zeroed, or taken out: it stands in no slot. */
struct wheel_entry {
    struct wheel_entry *next, **link;
};

/* Zeroed but for turn_ms, it is empty. It must not move. */
struct wheel {
    unsigned turn_ms; /* between two calls of wheel_turn() */
    unsigned at;
    struct wheel_entry *slots[WHEEL_SLOTS];
};

/* Puts an entry, which may stand in some slot, into that of `delay_ms` from now: never the slot
 * that is being looked at. */
void wheel_put(struct wheel *wheel, struct wheel_entry *entry, int64_t delay_ms);

/* Takes an entry out, if it is in. */
void wheel_remove(struct wheel_entry *entry);

/* Goes on by one slot, takes out what stands there and calls `look` for each; which may put and
 * remove any, also those that are still to be looked at. */
void wheel_turn(struct wheel *wheel, void (*look)(struct wheel_entry *entry));

#endif
