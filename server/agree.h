/* agree: options that could do nothing, for the feeds there are.
 *
 * An option that is taken in silence and does nothing looks as if it did: a live feed is not
 * paused, nor does it end. What options say among themselves is checked by options.h; this comes
 * after the feeds are known. Any thread. */
#ifndef PRICECAST_SERVER_AGREE_H
#define PRICECAST_SERVER_AGREE_H

#include <stddef.h>

#include "feed/feed.h"
#include "server/options.h"

/* Returns 0, or -EINVAL with one line in `error` that names the option and what is allowed. */
int agree_check(const struct options *options, const struct feed_kinds *feeds, char *error,
                size_t error_size);

#endif
