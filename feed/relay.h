/* relay: what another pricecast says over WebSocket (server/PROTOCOL.md), as a live source.
 *
 * Items become events that keep their sources and times; the states of the other's sources are
 * passed on. `seq` and `skipped` tell what was missed on the way and what came twice: the snapshot
 * after a reconnection repeats what was known. Epoch and `seq` here are the bus's own.
 *
 * A reset of the other's (its replay was moved, or began again) resets the bus for the same reason,
 * whatever else is on it, as a recording of our own would. So does a replay that is found in
 * another epoch after a reconnection. Live and simulated markets go on then: it was only a restart.
 *
 * Threads: the feed thread. */
#ifndef PRICECAST_FEED_RELAY_H
#define PRICECAST_FEED_RELAY_H

#include "feed/live.h"

struct relay;

/* NULL without memory. */
struct relay *relay_create(void);
void relay_destroy(struct relay *relay);

/* The message that subscribes to these symbols and patterns, ended by LF, which is not part of it.
 * The caller frees it; NULL without memory. */
char *relay_subscribe(const char *const *symbols, size_t count);

/* For a new connection. */
void relay_reset(struct relay *relay);

/* The connection is lost. */
void relay_leave(struct relay *relay, struct live *live);

/* Takes one message. */
void relay_take(struct relay *relay, struct live *live, struct live_link *link, const char *text,
                size_t len, int64_t now_ns);

/* When the other is about to stop and has said how long to wait for it: so many ms, else 0. */
uint64_t relay_wait_ms(const struct relay *relay);

#endif
