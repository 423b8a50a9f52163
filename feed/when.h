/* when: points in recorded time as people write them.
 *
 *   2024-08-08T23:55:00.25Z  2024-08-08 23:55:00+02:00  2024-08-08   UTC unless an offset is given
 *   1723161300  1723161300250  …                                     s, ms, µs or ns since the
 * epoch +30s  +1.5h  +250ms                                              after the first event
 *
 * Integers since the epoch tell their unit by their size (10 digits s, 13 ms, 16 µs, 19 ns). Pure
 * functions, any thread. */
#ifndef PRICECAST_FEED_WHEN_H
#define PRICECAST_FEED_WHEN_H

#include <stdint.h>

#define WHEN_ALLOWED                                                                               \
    "an ISO time (2024-08-08T23:55:00Z), an epoch time in s, ms, µs or ns, or an offset (+30s)"

struct when {
    enum when_kind { WHEN_UNSET, WHEN_AT, WHEN_AFTER_START } kind;
    int64_t ns; /* since the epoch, or after the first event */
};

/* Returns 0 or -EINVAL; *out changes on success only. */
int when_parse(const char *text, struct when *out);

/* Reads a duration: a number and ns, us, ms, s, m or h; a bare number is seconds. Not negative.
 * Returns 0 or -EINVAL. */
int duration_parse(const char *text, int64_t *out_ns);

/* The instant that `when` means for a recording which begins at first_ns. */
int64_t when_resolve(const struct when *when, int64_t first_ns, int64_t unset_ns);

/* Days of the proleptic Gregorian calendar since 1970-01-01. */
int64_t days_from_date(int64_t year, unsigned month, unsigned day);

#endif
