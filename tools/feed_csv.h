/* feed_csv: events as rows of comma-separated values.
 *
 *   ts,recv,symbol,source,kind,price,size,side,bid,bid_size,ask,ask_size
 *
 * Times are whole microseconds since the epoch, decimals stand as the source wrote them, kind is
 * trade or quote, side is buy or sell. What was not given is empty. Names are quoted where RFC 4180
 * asks for it; lines end with LF. Pure functions. */
#ifndef PRICECAST_TOOLS_FEED_CSV_H
#define PRICECAST_TOOLS_FEED_CSV_H

#include <stddef.h>

#include "feed/event.h"
#include "feed/streams.h"

#define CSV_COLUMNS   "ts,recv,symbol,source,kind,price,size,side,bid,bid_size,ask,ask_size"
#define CSV_BYTES_MAX (4 * NAME_BYTES_MAX + 512) /* the longest row */

/* Writes a row with its LF to `out` (CSV_BYTES_MAX bytes); returns its length. */
size_t csv_row(const struct stream *stream, const struct price_event *event, char *out);

#endif
