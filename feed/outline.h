/* outline: when recordings begin and end, and how their events are spread between.
 *
 * A file that is read in a second or so is read as a whole; of a larger one that can tell the time
 * at a fraction of its bytes, so many places are looked at and the bytes between them stand for
 * events. Of others nothing is known.
 *
 * A thread of low priority looks at one file after the other, once. Several files make one outline,
 * as they make one timeline.
 *
 * Threads: outlines_create() to outlines_destroy() belong to one thread; outlines_get() may be
 * called by any in between. */
#ifndef PRICECAST_FEED_OUTLINE_H
#define PRICECAST_FEED_OUTLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/when.h"

struct producer;

enum { OUTLINE_PARTS = 240 };

/* Stored bytes that are read at most for an exact one. */
#define OUTLINE_READ_BYTES (UINT64_C(16) << 20)

struct outline {
    int64_t from_ns, to_ns;       /* recorded times of the first and the last event */
    bool is_exact;                /* else to_ns may be a little early, and events are guessed */
    double events[OUTLINE_PARTS]; /* in equal parts from from_ns to to_ns; of guessed ones only
                                    their proportions count */
};

/* Reads a producer from where it stands to its end, or samples it. Returns 0, -ENOTSUP where
 * nothing can be told, or -ECANCELED when *abandon became true. */
int outline_read(struct producer *producer, uint64_t read_bytes_max, const _Atomic bool *abandon,
                 struct outline *out);

/* Puts `other` into *outline: the span grows, events add up. */
void outline_merge(struct outline *outline, const struct outline *other);

/* Leaves what lies in [from, to). Returns false if nothing does. */
bool outline_clip(struct outline *outline, int64_t from_ns, int64_t to_ns);

struct outlines;

/* NULL without memory. */
struct outlines *outlines_create(const struct when *from, const struct when *to);

/* Takes `producer`, on success only; offset_ns is added to its times. NULL stands for a file of
 * which nothing can be told: then there is no outline. Returns 0 or -ENOMEM. */
int outlines_add(struct outlines *outlines, struct producer *producer, int64_t offset_ns);

/* Returns 0 or a negative errno. */
int outlines_start(struct outlines *outlines);

/* Ends the thread, if there is one, and destroys the rest. */
void outlines_destroy(struct outlines *outlines);

/* Returns false while nothing is known, and for good where nothing can be. */
bool outlines_get(struct outlines *outlines, struct outline *out);

#endif
