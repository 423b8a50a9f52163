/* csv_clock: the times in a generic CSV file, which may be written in any way.
 *
 * A plain number counts units since 1970, or since midnight of a given day; anything else is a date
 * and time (see stamp.h), or with a given day also a time of day. What it may be is chosen by the
 * keys date, tz and ts_unit; see format_csv.c. One thread for each. */
#ifndef PRICECAST_FEED_CSV_CLOCK_H
#define PRICECAST_FEED_CSV_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "feed/format.h"

struct csv_clock;

/* Returns 0, -EINVAL with one line in `error`, or -ENOMEM. */
int csv_clock_open(const struct format_options *options, struct csv_clock **out, char *error,
                   size_t error_size);
void csv_clock_close(struct csv_clock *clock);

/* Returns NULL and sets *out_ns, or says what is wrong: static text that goes on after the name of
 * the column. */
const char *csv_clock_read(struct csv_clock *clock, const char *text, size_t len, int64_t *out_ns);

#endif
