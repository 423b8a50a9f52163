/* digest: what a message says, worked out once for all clients that got the same bytes.
 *
 * A thousand clients that want the same receive the same frames. Parsing each copy would cost far
 * more than receiving it, so the last messages seen are kept with what was found in them, and a
 * message that equals one of them, byte for byte, is not parsed again.
 *
 * Streams get small numbers here, from 0, so that a client's own record is an array. */
#ifndef PRICECAST_TOOLS_DIGEST_H
#define PRICECAST_TOOLS_DIGEST_H

#include "tools/message.h"

struct digest_item {
    uint32_t stream;
    int64_t seq, skipped;
    int64_t ts; /* µs since the epoch, -1 when absent */
};

struct digest {
    enum message_type type;
    size_t item_count; /* of a snapshot, an update or definitions */
    int64_t skipped;   /* all items together */
    const struct digest_item *items;
};

struct digests;

/* Returns NULL when memory is short. */
struct digests *digests_create(void);
void digests_destroy(struct digests *digests);

/* Returns the digest of a message, valid until the next call, or NULL when the message is not what
 * the protocol allows (or, with errno ENOMEM, memory is short). */
const struct digest *digests_find(struct digests *digests, const char *text, size_t len);

/* "KIND SOURCE SYMBOL" of a stream. */
const char *digests_stream_name(const struct digests *digests, uint32_t stream);

#endif
