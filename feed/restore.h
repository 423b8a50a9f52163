/* restore: a live broadcast goes on where an earlier process left it.
 *
 * From the state beside a recording in parts (record_state.h) and the tail of the parts: the epoch,
 * the latest event of every stream and its number go to the bus, and the events of the last minutes
 * to whoever keeps them for clients that come back.
 *
 * When the earlier process ended well, numbers go on without a gap. When it did not, it may have
 * emitted what it could not write; so no number is given twice, those of each stream go on
 * RESTORE_GAP higher, once more for each such end within the epoch; so do those of streams that are
 * new, which the earlier process may have had. Who was there before then sees that something may be
 * missing.
 *
 * One thread, before anybody subscribes to the bus. */
#ifndef PRICECAST_FEED_RESTORE_H
#define PRICECAST_FEED_RESTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/bus.h"

#define RESTORE_GAP UINT64_C(1000000)

struct restore_options {
    const char *path;  /* of the recording, as the recorder gets it */
    int64_t age_ns;    /* so much of the tail is wanted … */
    size_t events_max; /* … and so many events of it */
    struct bus *bus;
    /* What was odd, for the log. */
    void (*message)(void *ctx, const char *text);
    void *ctx;
};

struct record_state;

struct restored {
    struct record_state *state; /* owned; for the recorder, which goes on from it */
    bool goes_on;               /* there was something to go on from */
    uint64_t crashes;           /* ends without warning in this epoch */
    bool follows_crash;         /* the last end was one */
    uint64_t gap;               /* how much higher a stream's next number may be; 0: one ahead */
    struct price_event *events; /* owned; of the bus's streams with their seq, the oldest first */
    size_t count;
};

/* Returns 0, also when there is no state; -EBUSY when the process that keeps it is there still; or
 * a negative errno: the state cannot be read. Then the bus may have a part of it. */
int restore_read(const struct restore_options *options, struct restored *out);
void restored_finish(struct restored *restored);

#endif
