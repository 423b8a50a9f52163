/* agree: options that can do nothing, for the feeds there are.
 *
 * An option that is taken in silence and does nothing looks as if it did: a live feed is not
 * paused, nor does it end. What options say among themselves is checked by options.h; this comes
 * after the feeds are known. Any thread. */
#ifndef PRICECAST_SERVER_AGREE_H
#define PRICECAST_SERVER_AGREE_H

#include <stdbool.h>

#include "feed/feed.h"
#include "server/options.h"

/* Calls `tell` with a line for each option that does nothing. */
void agree_check(const struct options *options, const struct feed_kinds *feeds,
                 void (*tell)(void *ctx, const char *line), void *ctx);

/* Is there a replay, which can wait for clients? */
bool agree_has_replay(const struct feed_kinds *feeds);

#endif
