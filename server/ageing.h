/* ageing: readers of "every" whose topics say how old what waits for them may get (age_max_ms).
 *
 * Private to the fan-out. A reader is listed from when the first such frame is queued until its
 * queue is looked at and holds none; that happens when one may have become too old, not for each
 * frame. Times are ms of the monotonic clock, as are those of fanout_tick(). */
#ifndef PRICECAST_SERVER_AGEING_H
#define PRICECAST_SERVER_AGEING_H

#include <stdint.h>

struct frame;
struct reader;

struct ageing {
    struct reader *list;
    int64_t next_ms; /* when ageing_tick() is wanted, or FANOUT_NO_TICK */
};

/* A frame has been queued for the reader. */
void ageing_note(struct ageing *ageing, struct reader *reader, const struct frame *frame);

/* Moves readers whose queue is too old to "latest", as far as their topics say so; calls `aged` for
 * each. */
void ageing_tick(struct ageing *ageing, int64_t now_ms, void (*aged)(struct reader *reader));

void ageing_forget(struct ageing *ageing, const struct reader *reader);

#endif
