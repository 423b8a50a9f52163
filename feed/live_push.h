/* live_push: the inbox of POST /api/v1/publish. See feed_push() for what it promises. */
#ifndef PRICECAST_FEED_LIVE_PUSH_H
#define PRICECAST_FEED_LIVE_PUSH_H

#include "feed/feed.h"
#include "feed/live.h"

/* Returns 0 or -ENOMEM. */
int live_push_create(const struct live_options *options, struct live **out);

/* Any thread; `live` was made by live_push_create(). */
int live_push_send(struct live *live, const char *body, size_t len, feed_push_fn *done, void *ctx);

#endif
