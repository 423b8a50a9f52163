/* report: how a feed stands, written by its thread and read by any other.
 *
 * The feed thread has the counts; others get a copy that is at most 50 ms old. The clock is passed
 * in: now_ns is CLOCK_MONOTONIC.
 *
 * Threads: report_init() and report_finish() while no other uses it, report_read() any, the rest
 * the feed thread's. */
#ifndef PRICECAST_FEED_REPORT_H
#define PRICECAST_FEED_REPORT_H

#include <pthread.h>

#include "feed/feed.h"
#include "feed/histogram.h"
#include "feed/live_set.h"
#include "feed/track.h"

#define REPORT_EVERY_NS INT64_C(50000000)

/* What is reported on; all of it borrowed. */
struct report_on {
    const struct track *tracks;
    size_t tracks_count;
    const struct live_set *live; /* or NULL */
    const struct histogram *lateness;
};

/* What only the feed knows of itself. */
struct report_facts {
    bool ended, holding, loop;
    uint64_t loops;
};

struct report {
    struct report_on on;
    struct {
        bool is_set;
        int64_t took_ns;
        uint64_t bytes_read;
    } pace_from;               /* how fast it goes is measured from here */
    pthread_mutex_t lock;      /* of what follows */
    struct feed_status status; /* inputs: inputs_count of them, owned */
    int64_t at_ns;             /* written by the feed thread only */
};

/* From here on no source may be added to what is reported on. Returns 0 or -ENOMEM; call
 * report_finish() in either case. */
int report_init(struct report *report, const struct report_on *on, enum feed_mode mode,
                bool rebased);
void report_finish(struct report *report);

/* Makes the copy anew, if it is REPORT_EVERY_NS old or it is forced. */
void report_refresh(struct report *report, const struct report_facts *facts, int64_t now_ns,
                    bool forced);

/* The replay has jumped or changes its speed: what is left is guessed by how fast it goes from
 * here. */
void report_pace_anew(struct report *report);

/* Fills *out; the caller frees out->inputs. Recorded time has gone on since the copy was made.
 * Returns 0 or -ENOMEM. */
int report_read(struct report *report, int64_t now_ns, struct feed_status *out);

#endif
