/* incoming: what a client says: messages put together from the pieces they come in, and those that
 * may not be obeyed yet.
 *
 * Nothing is held of a client that says nothing, nor of a message that came in one piece. Shard's
 * thread. */
#ifndef PRICECAST_SERVER_INCOMING_H
#define PRICECAST_SERVER_INCOMING_H

#include <stdbool.h>
#include <stddef.h>

#include "server/text.h"

#define INCOMING_DEFERRED_BYTES_MAX (1u << 20)
#define INCOMING_DISCARD_BYTES_MAX  (1u << 20) /* of a message that is too large */

/* Zeroed, nothing has come. */
struct incoming {
    struct text piece; /* a message of which only a part has come */
    size_t discarded;  /* bytes of a message that is too large */
    struct text deferred;
};

struct incoming_message {
    const char *bytes;
    size_t len;
    bool is_binary;
};

void incoming_finish(struct incoming *incoming);

enum incoming_result {
    INCOMING_PART,      /* more is to come */
    INCOMING_MESSAGE,   /* a whole one */
    INCOMING_TOO_LARGE, /* one that was larger than `max` has been read to its end, and forgotten */
    INCOMING_ENDLESS,   /* one that has no end within INCOMING_DISCARD_BYTES_MAX either */
    INCOMING_NO_MEMORY,
};

/* Takes the next bytes, the last of their message if is_last. With INCOMING_MESSAGE, out->bytes are
 * borrowed from `bytes` or from here, until incoming_forget(); is_binary is not set. */
enum incoming_result incoming_take(struct incoming *incoming, const char *bytes, size_t len,
                                   bool is_last, size_t max, struct incoming_message *out);
void incoming_forget(struct incoming *incoming);

/* ---- messages that wait ---- */

/* Keeps a copy behind those that wait. Returns 0, -ENOSPC if it would be too much, or -ENOMEM. */
int incoming_defer(struct incoming *incoming, const struct incoming_message *message);
bool incoming_is_deferring(const struct incoming *incoming);

/* The message that waits at *at, from 0; moves *at behind it. It stays, as do all others, until
 * incoming_drop(): what comes meanwhile still has to wait. Nothing may be deferred while out->bytes
 * are read. Returns false if there is none. */
bool incoming_next(const struct incoming *incoming, size_t *at, struct incoming_message *out);

/* Forgets what waits before `at`. Returns false without memory. */
bool incoming_drop(struct incoming *incoming, size_t at);

#endif
