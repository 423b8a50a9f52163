/* live_upstream: a WebSocket server of somebody else as a live source: an exchange, or another
 * pricecast.
 *
 *   ws://HOST[:PORT]/PATH?key=value&…     wss:// with TLS
 *
 * Keys of ours, which are taken out of the URL; all others are passed on with it:
 *   format=…      whose messages these are: pricecast, or a name of feed/exchange.h; may be absent
 *                 where the host tells
 *   symbols=A,B   what to subscribe to, in the upstream's own names; for pricecast also patterns,
 *                 and * when absent
 *   source=NAME   in place of the exchange's name
 *   ca=FILE       PEM certificates to trust in place of the system's
 *   insecure=1    do not check the certificate
 *   stall=30      seconds of silence after which a connection counts as dead; after half of them a
 *                 ping is sent, and its answer counts as a sign of life
 *
 * A lost connection is tried again as feed/backoff.h has it; all addresses of the host are tried in
 * turn. Names are looked up by a worker. The first failure and the return are reported, what lies
 * between only when its reason changes. */
#ifndef PRICECAST_FEED_LIVE_UPSTREAM_H
#define PRICECAST_FEED_LIVE_UPSTREAM_H

#include "feed/live.h"
#include "feed/live_ws.h"
#include "feed/spec.h"

/* `options` without name and keys, which the spec has; `net` is borrowed. Returns 0 or a
 * negative errno with one line in `error`. */
int live_upstream_create(const struct spec *spec, const struct live_options *options,
                         struct live_ws_net *net, size_t message_max, struct live **out,
                         char *error, size_t error_size);

#endif
