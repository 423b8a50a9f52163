/* progress: how the replay is doing, in one line. Pure functions, any thread. */
#ifndef PRICECAST_SERVER_PROGRESS_H
#define PRICECAST_SERVER_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

#include "feed/feed.h"

/* What was known the last time, to tell events a second. */
struct progress {
    int64_t at_ms; /* 0: never */
    uint64_t events;
    double events_s; /* smoothed */
};

/* Writes state, speed, position, percent of bytes, events, events a second, the time left and
 * lateness to `out`; now_ms is of a monotonic clock. If that is more than so many characters the
 * same in short, and cut if need be. */
void progress_line(struct progress *progress, const struct feed_status *status, int64_t now_ms,
                   unsigned columns, char *out, size_t out_size);

/* Cuts UTF-8 text to so many characters. */
void progress_fit(char *line, unsigned columns);

/* Writes what was asked for and what was achieved, for the end, or when it is stopped before. */
void progress_report(const struct feed_status *status, char *out, size_t out_size);

#endif
