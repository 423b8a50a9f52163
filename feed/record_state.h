/* record_state: beside a recording in parts, where each of its streams stands, so that a process
 * that starts again goes on with the same epoch and numbers: see restore.h.
 *
 * It is a recording of its own with the latest item of every stream, whether or not the parts have
 * it, and notes before them; a new one takes the place of the old in one step. */
#ifndef PRICECAST_FEED_RECORD_STATE_H
#define PRICECAST_FEED_RECORD_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "feed/bus.h"

enum { RECORD_STATE_PARTS_MAX = 16 }; /* the newest parts are remembered */

struct record_state {
    uint64_t epoch;
    bool is_clean;    /* the process ended well: nothing was emitted after this */
    uint64_t crashes; /* in this epoch */
    char *parts[RECORD_STATE_PARTS_MAX]; /* owned; the newest last */
    unsigned parts_count;
};

void record_state_finish(struct record_state *state);

/* Adds a part; the oldest goes when there are too many. Returns 0 or -ENOMEM. */
int record_state_add_part(struct record_state *state, const char *path);

/* The name of the state of the recording at `path`, in RECORD_PATH_MAX bytes. Returns 0 or
 * -ENAMETOOLONG. */
int record_state_path(const char *path, char *out);

/* Writes it, with what the bus has as the latest of each stream. Returns 0 or a negative errno. Any
 * thread; blocks. */
int record_state_write(const char *path, const struct record_state *state, const struct bus *bus,
                       bool sync);

/* Takes the newest part for this process, as a sign that it records there and goes on with the
 * numbers. Returns a descriptor that holds it until it is closed, or a negative errno: -EWOULDBLOCK
 * when another process has it. */
int record_state_hold(const char *part);

#endif
