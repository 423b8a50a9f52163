/* messages: the JSON a server says besides prices. PROTOCOL.md is their reference. Each appends one
 * message to a text. Times are wall clock µs. Pure but for the clock; any thread. */
#ifndef PRICECAST_SERVER_MESSAGES_H
#define PRICECAST_SERVER_MESSAGES_H

#include <stdint.h>

#include "server/command.h"
#include "server/fanout.h"

void put_hello(struct text *json, const char *mode, uint64_t epoch, unsigned heartbeat_ms);

/* Acknowledges a subscription: what is known now, what may come, what was refused. */
void put_subscribed(struct text *json, struct fanout *fanout, const struct command *command,
                    const struct plan *plan);
void put_unsubscribed(struct text *json, struct fanout *fanout, const struct command *command,
                      const struct plan *plan);
void put_subscriptions(struct text *json, const struct command *command, const struct plan *plan);
/* Ends a resume. */
struct resumed {
    uint64_t recovered, lost;
    size_t ignored; /* streams that could not be resumed */
    bool epoch_changed;
};
void put_resumed(struct text *json, const char *id, const struct resumed *resumed);
void put_pong(struct text *json, const char *id);
void put_heartbeat(struct text *json);
void put_feed(struct text *json, const char *source, const struct price_event *state);
void put_reset(struct text *json, uint64_t epoch, enum reset_reason reason);
void put_shutdown(struct text *json, unsigned reconnect_in_ms);

int64_t wall_us(void);

#endif
