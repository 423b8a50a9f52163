/* uplink: one WebSocket connection that comes back.
 *
 * Connects, says its greeting and hands over whole messages. When the connection ends it waits a
 * random part of a span that doubles from attempt to attempt (full jitter), so that the clients of
 * a restarted server do not all return at once; the server's own advice goes before that.
 *
 * uplink_run() does all this on the caller's thread and calls the functions below from there. */
#ifndef PRICECAST_TOOLS_UPLINK_H
#define PRICECAST_TOOLS_UPLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/url.h"

struct uplink;

/* All pointers are borrowed until uplink_destroy(). */
struct uplink_settings {
    const struct url *url;
    const char *ca_file;  /* PEM certificates to trust with TLS; NULL: the system's */
    const char *greeting; /* sent first on every connection */
    size_t greeting_len;
    size_t message_bytes_max;
    const char *subprotocol;
    bool is_once; /* do not come back */
    void *ctx;
    void (*on_open)(void *ctx);
    /* The text is borrowed until the return. */
    void (*on_message)(void *ctx, const char *text, size_t len);
    void (*on_trouble)(void *ctx, const char *what);
};

/* Returns NULL when it cannot be set up. Ignores SIGPIPE in the whole process. */
struct uplink *uplink_create(const struct uplink_settings *settings);
void uplink_destroy(struct uplink *uplink);

/* Returns after uplink_stop(), with its status, or with 0 or 1 when there is nothing to come back
 * for: with is_once, 0 after the server closed in good order; 1 also when the server refuses us. */
int uplink_run(struct uplink *uplink);

/* Ends uplink_run(). For the functions above; see the next for signal handlers. */
void uplink_stop(struct uplink *uplink, int status);

/* The same with status 0. May be called from a signal handler. */
void uplink_interrupt(struct uplink *uplink);

bool uplink_is_interrupted(const struct uplink *uplink);

/* Drops the connection when nothing arrives for `ms`; for the current connection only. */
void uplink_expect_traffic(struct uplink *uplink, int64_t ms);

/* The server said that it will close the connection: that is in order, and if it also said when to
 * come back, in `delay_ms`, otherwise -1, the next attempt comes then. */
void uplink_expect_end(struct uplink *uplink, int64_t delay_ms);

#endif
