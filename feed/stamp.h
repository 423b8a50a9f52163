/* stamp: times in recordings, read digit by digit into nanoseconds.
 *
 * Never through a double, which cannot hold nanoseconds since 1970. Digits beyond the nanosecond
 * are dropped. Pure functions, any thread. */
#ifndef PRICECAST_FEED_STAMP_H
#define PRICECAST_FEED_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads -?[0-9]+(\.[0-9]+)? as a count of units of `unit_ns` (up to a day), as in 1618678132.377188
 * seconds. Returns 0, -EINVAL or -ERANGE; *out changes on success only. */
int stamp_read_count(const char *text, size_t len, int64_t unit_ns, int64_t *out);

/* Reads a date and a time of day:
 *   2024-08-08T23:55:00.25Z   2024/08/08 23:55:00+02:00   20240808 235500250   08.08.2024 23:55
 * The date alone means midnight. Without a zone *out_ns is as if the clock on the wall showed UTC,
 * and *out_has_zone false. Returns 0 or -EINVAL; the results change on success only. */
int stamp_read_date(const char *text, size_t len, int64_t *out_ns, bool *out_has_zone);

/* Reads a time of day with colons, 23:55 or 23:55:00.25. Returns 0 or -EINVAL. */
int stamp_read_clock(const char *text, size_t len, int64_t *out_ns);

/* Reads [+-]hh, hh:mm or hhmm, or Z. Returns 0 or -EINVAL. */
int stamp_read_offset(const char *text, size_t len, int64_t *out_ns);

#endif
