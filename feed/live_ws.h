/* live_ws: WebSocket clients by libwebsockets, on the feed thread's loop. The only file of feed/
 * that knows libwebsockets; when to connect, and what is said, is live_upstream.c's business.
 *
 * Certificates are checked, names too. permessage-deflate is not offered, redirects are not
 * followed.
 *
 * Threads: the feed thread; creating while no other thread creates or destroys a context of
 * libwebsockets. */
#ifndef PRICECAST_FEED_LIVE_WS_H
#define PRICECAST_FEED_LIVE_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

enum { LIVE_WS_PATH_MAX = 30000, LIVE_WS_REASON_MAX = 200 };

/* What all clients of a loop share. */
struct live_ws_net;

/* Returns NULL when libwebsockets will not; `loop` is borrowed. */
struct live_ws_net *live_ws_net_create(uv_loop_t *loop);
/* Ends all connections without a word to the hooks. The loop must run dry before the destroying. */
void live_ws_net_close(struct live_ws_net *net);
void live_ws_net_destroy(struct live_ws_net *net);

/* Calls from the loop. None of them may call live_ws_connect() or live_ws_hang_up(). */
struct live_ws_hooks {
    void (*opened)(void *ctx);
    /* A whole message, UTF-8 not checked; it is the client's after the call. */
    void (*message)(void *ctx, const char *text, size_t len);
    /* One that was passed over: it is longer than message_max, or binary. */
    void (*unfit)(void *ctx, size_t len, const char *reason);
    /* The connection, or the attempt at one, has ended. `reason` is for people. */
    void (*closed)(void *ctx, const char *reason);
    void *ctx;
};

struct live_ws_options {
    const char *host; /* by which the certificate must be made out, without brackets */
    uint16_t port;
    const char *path;     /* with its query */
    const char *protocol; /* subprotocol to ask for, or NULL */
    bool tls;
    bool insecure;  /* any certificate will do */
    const char *ca; /* a file with the certificates to trust in place of the system's, or NULL */
    size_t message_max; /* bytes */
    struct live_ws_hooks hooks;
};

struct live_ws;

/* Copies what it keeps of `options`; `net` is borrowed. NULL without memory, or when libwebsockets
 * will not. */
struct live_ws *live_ws_create(struct live_ws_net *net, const struct live_ws_options *options);
void live_ws_destroy(struct live_ws *ws); /* after the loop has run dry */

/* Begins to connect; there is no connection. `address` is numeric. opened() or closed() follow, the
 * latter perhaps before this returns. */
void live_ws_connect(struct live_ws *ws, const char *address);

/* Ends the connection, or the attempt, without closed(). */
void live_ws_hang_up(struct live_ws *ws);

/* Queues a message; its bytes are copied. Returns 0 or -ENOMEM. Only while open. */
int live_ws_send(struct live_ws *ws, const char *text, size_t len);
void live_ws_ping(struct live_ws *ws);

/* When something last came, a pong included: uv_now() of the loop. */
uint64_t live_ws_heard_ms(const struct live_ws *ws);

#endif
