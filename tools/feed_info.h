/* feed_info: what there is to know of a recording before it is replayed.
 *
 * Memory is flat but for a number for each stream. One thread. */
#ifndef PRICECAST_TOOLS_FEED_INFO_H
#define PRICECAST_TOOLS_FEED_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "feed/producer.h"

enum { INFO_GAPS = 3, INFO_SECONDS = 4096, INFO_NOTES = 8 };

/* Of one clock. */
struct info_clock {
    uint64_t events;           /* that have it */
    int64_t first_ns, last_ns; /* earliest and latest; only if events > 0 */
    uint64_t earlier;          /* events earlier than one before them in the file … */
    int64_t earlier_ns;        /* … and by how much at most */
};

struct info_gap {
    int64_t from_ns, to_ns;
};

struct feed_info {
    const char *spec; /* borrowed */
    const char *format, *encoding;
    int sure; /* of the format, percent */
    uint64_t stored_bytes, lines, events, ignored, bad;
    char *first_bad;         /* where and why, or NULL */
    char *notes[INFO_NOTES]; /* other messages, such as where the file breaks off */
    size_t notes_count;
    bool is_whole;                      /* read to its true end */
    struct info_clock ts, recv, replay; /* `replay`: what a replay goes by, recv or else ts */
    uint64_t duplicates;                /* events equal in everything to the one before */
    struct info_gap gaps[INFO_GAPS];    /* of the replay's clock, the longest first */
    size_t gaps_count;
    uint64_t peak_events;      /* in one second of the replay's clock … */
    int64_t peak_s;            /* … since the epoch */
    struct producer *producer; /* owned; names of its streams */
    uint64_t *stream_events;   /* by stream of the producer */
    uint32_t streams_count;
    /* Seconds that may still grow, each at its number modulo INFO_SECONDS: an event later than that
     * behind the newest is left out of the peak. */
    struct info_second {
        int64_t second;
        uint64_t events;
    } seconds[INFO_SECONDS];
};

/* Reads the whole file. Returns 0, also where it broke off, or as feed_file_open() with one line in
 * `error`. On success call feed_info_finish(). `info` is large: not for a stack. */
int feed_info_read(struct feed_info *info, const char *spec, size_t line_bytes_max, char *error,
                   size_t error_size);
void feed_info_finish(struct feed_info *info);

/* Whether the file was read to its end, and something of it could be used. */
bool feed_info_is_good(const struct feed_info *info);

/* ---- feed_info_print.c ---- */

void feed_info_print(FILE *out, const struct feed_info *info);
/* One JSON object on a line of its own. */
void feed_info_print_json(FILE *out, const struct feed_info *info);

#endif
