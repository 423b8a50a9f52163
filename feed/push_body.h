/* push_body: what POST /api/v1/publish carries: one item (see item.h), an array of them, or one a
 * line. Pure; any thread. */
#ifndef PRICECAST_FEED_PUSH_BODY_H
#define PRICECAST_FEED_PUSH_BODY_H

#include <stddef.h>

#include "feed/feed.h"
#include "feed/format.h"

/* Adds the events to out->events; `out` is borrowed. A bad item is rejected and counted, the others
 * count; text that is no JSON from an array's bracket on is refused as a whole (result->rc), since
 * it may be half of something. */
void push_parse(const char *body, size_t len, struct format_output *out,
                struct feed_push_result *result);

/* Counts an item that is rejected for out->reason. */
void push_reject(struct feed_push_result *result, uint64_t item, const char *reason);

#endif
