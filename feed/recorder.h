/* recorder: writes what passes the bus to files in the native format (see record_file.h).
 *
 * Resets, states of sources and losses stand among the items as notes. A name that ends in .gz or
 * .zst is compressed.
 *
 * A recording is one file, or, when it rotates or `parts` is set, numbered parts of which each can
 * be read alone (see record_parts.h for their names). Nothing is ever written over: a process that
 * starts again with the same path goes on in the next part. A part ends before the first event
 * after it was full or its time was over, and the next begins with that event.
 *
 * What a crash loses. Of the process (kill -9): what was emitted within the last RECORDER_FLUSH_MS,
 * and what the recorder was behind by; also of compressed files, which can be read up to the last
 * whole line. Of the machine: the same counted from the last sync, see enum recorder_sync.
 *
 * Recording has its own thread and never holds up the bus, unless it `holds` it. A recorder that
 * falls behind says so in the file, in recorder_status(), and by a message. When writing fails, as
 * on a full disk, the recorder stops with a message and counts what it misses; the bus goes on.
 *
 * Threads: create and destroy from one thread; recorder_status() from any. */
#ifndef PRICECAST_FEED_RECORDER_H
#define PRICECAST_FEED_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/bus.h"
#include "feed/record_parts.h"

#define RECORDER_FLUSH_MS 1000
#define RECORDER_SYNC_MS  10000
#define RECORDER_STATE_MS 30000

struct recorder;
struct record_state;

/* When the disk is told to keep what was written (fdatasync). */
enum recorder_sync {
    RECORDER_SYNC_INTERVAL, /* every RECORDER_SYNC_MS, and at the end of a part */
    RECORDER_SYNC_FLUSH,    /* at every flush: every RECORDER_FLUSH_MS */
    RECORDER_SYNC_NEVER,    /* when the kernel thinks fit */
};

struct recorder_options {
    const char *path;
    bool parts; /* number the file even if nothing below makes it rotate */
    uint64_t rotate_bytes;
    int64_t rotate_ns;
    bool rotate_utc_day;
    enum recorder_sync sync;
    bool holds; /* the writer of the bus waits for it (--lossless) */
    /* Keep a state beside the parts, for restore.h: what an earlier process left of it, or one with
     * epoch 0; copied. NULL: none is kept. It is written when the recorder begins and ends, and
     * every RECORDER_STATE_MS. */
    const struct record_state *state;
    const char *source; /* where the events come from, for the headers, or NULL; borrowed */
    /* For the log, from the recorder's thread. Only bad news. */
    void (*message)(void *ctx, const char *text);
    void *ctx;
    /* For tests: what rotation takes for the time. NULL: the system's clocks. */
    void (*clock)(void *ctx, struct record_clock *out);
};

struct recorder_status {
    uint64_t events; /* written */
    uint64_t missed; /* not written: it was too slow, or had failed */
    uint64_t bytes;  /* of all parts as they are stored */
    unsigned parts;  /* begun by this recorder */
    bool failed;
};

/* Opens the first file, subscribes and starts. Returns 0 or a negative errno with one line in
 * `error`; -EEXIST for a single file that is there already. */
int recorder_create(const struct recorder_options *options, struct bus *bus, struct recorder **out,
                    char *error, size_t error_size);

/* Records what has been emitted until now, ends the file and frees everything. The bus's writer has
 * stopped. Returns false when something is missing, because writing has failed or was too slow: a
 * message has said so. */
bool recorder_destroy(struct recorder *recorder);

void recorder_status(const struct recorder *recorder, struct recorder_status *out);

#endif
