#include "server/incoming.h"

#include <errno.h>

/* Before the bytes of each message that waits. */
struct head {
    size_t len;
    bool is_binary;
};

void incoming_finish(struct incoming *incoming)
{
    text_finish(&incoming->piece);
    text_finish(&incoming->deferred);
}

/* ---- pieces ---- */

/* The rest of a message that is too large is read, up to a limit. */
static enum incoming_result discard(struct incoming *incoming, size_t len, bool is_last)
{
    text_finish(&incoming->piece);
    incoming->discarded += len;
    if (incoming->discarded > INCOMING_DISCARD_BYTES_MAX)
        return INCOMING_ENDLESS;
    if (!is_last)
        return INCOMING_PART;
    incoming->discarded = 0;
    return INCOMING_TOO_LARGE;
}

enum incoming_result incoming_take(struct incoming *incoming, const char *bytes, size_t len,
                                   bool is_last, size_t max, struct incoming_message *out)
{
    struct text *piece = &incoming->piece;
    if (incoming->discarded > 0 || piece->len + len > max)
        return discard(incoming, piece->len + len, is_last);
    if (is_last && piece->len == 0) {
        *out = (struct incoming_message){.bytes = bytes, .len = len};
        return INCOMING_MESSAGE;
    }
    text_put(piece, bytes, len);
    if (piece->failed)
        return INCOMING_NO_MEMORY;
    if (!is_last)
        return INCOMING_PART;
    *out = (struct incoming_message){.bytes = piece->bytes, .len = piece->len};
    return INCOMING_MESSAGE;
}

/* Thousands keep nothing for the next one. */
void incoming_forget(struct incoming *incoming)
{
    text_finish(&incoming->piece);
}

/* ---- messages that wait ---- */

int incoming_defer(struct incoming *incoming, const struct incoming_message *message)
{
    const struct head head = {message->len, message->is_binary};
    const size_t bytes = sizeof head + message->len;
    if (incoming->deferred.len + bytes > INCOMING_DEFERRED_BYTES_MAX)
        return -ENOSPC;
    if (!text_reserve(&incoming->deferred, bytes)) /* all of it, or nothing */
        return -ENOMEM;
    text_put(&incoming->deferred, &head, sizeof head);
    text_put(&incoming->deferred, message->bytes, message->len);
    return 0;
}

bool incoming_is_deferring(const struct incoming *incoming)
{
    return incoming->deferred.len > 0;
}

bool incoming_next(const struct incoming *incoming, size_t *at, struct incoming_message *out)
{
    const struct text *deferred = &incoming->deferred;
    struct head head;
    if (*at == deferred->len)
        return false;
    memcpy(&head, deferred->bytes + *at, sizeof head);
    *out = (struct incoming_message){
        .bytes = deferred->bytes + *at + sizeof head,
        .len = head.len,
        .is_binary = head.is_binary,
    };
    *at += sizeof head + head.len;
    return true;
}

bool incoming_drop(struct incoming *incoming, size_t at)
{
    struct text rest = {0};
    text_put(&rest, incoming->deferred.bytes + at, incoming->deferred.len - at);
    text_finish(&incoming->deferred);
    incoming->deferred = rest;
    return !rest.failed;
}
