/* live_lines: events written to us a line each, as they happen.
 *
 *   -                 standard input; its end is the end of the feed
 *   unix:PATH         a Unix socket at which we listen; only the same user may connect
 *   tcp:[HOST:]PORT   the same on TCP, at 127.0.0.1 unless told otherwise; port 0 picks a free one
 *
 * Keys: format (native unless given: our own items; any of feed/format.h) and those it takes.
 * Several producers may be connected at a time, each with a parser of its own. Nothing is ever sent
 * to them. Whoever reaches the socket may publish: there are no tokens here. */
#ifndef PRICECAST_FEED_LIVE_LINES_H
#define PRICECAST_FEED_LIVE_LINES_H

#include "feed/live.h"
#include "feed/spec.h"

enum { LIVE_LINES_PEERS_MAX = 64 };

/* `options` without name and keys, which the spec has. Returns 0 or a negative errno with
 * one line in `error`; *out may be set then too, and is to be closed and destroyed like others. The
 * socket is there on return. */
int live_lines_create(const struct spec *spec, const struct live_options *options, size_t line_max,
                      struct live **out, char *error, size_t error_size);

#endif
