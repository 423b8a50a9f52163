/* dialect: how pricecast-load speaks to servers that are not pricecast, to be measured beside it.
 *
 * Each passes on the messages of pricecast's protocol as somebody published them; what differs is
 * how one subscribes and what is around a message. Pure functions, any thread. */
#ifndef PRICECAST_TOOLS_DIALECT_H
#define PRICECAST_TOOLS_DIALECT_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/subscribe.h"

enum dialect {
    DIALECT_PRICECAST,
    DIALECT_BARE, /* whoever connects is subscribed; each frame is a message */
    DIALECT_NATS, /* NATS' text protocol in WebSocket frames; symbols are subjects */
};

/* What `allowed` of an option says; the first is the default. */
#define DIALECT_NAMES "pricecast|bare|nats"

enum dialect dialect_find(const char *name); /* one of DIALECT_NAMES, or NULL */

/* What a client says once connected: NULL with *out_len 0 for nothing, NULL with -1 without memory.
 * The caller frees it. */
char *dialect_greeting(enum dialect dialect, const struct subscribe *what, long *out_len);

enum nats_op { NATS_END, NATS_MESSAGE, NATS_PING, NATS_PONG, NATS_OTHER, NATS_BAD };

/* Takes the next operation off a frame's text; the payload of NATS_MESSAGE is in *payload. */
enum nats_op nats_next(const char **at, size_t *left, const char **payload, size_t *payload_len);

#endif
