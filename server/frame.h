/* frame: WebSocket messages as bytes ready for the socket (RFC 6455, section 5.2: one unmasked,
 * final frame a message).
 *
 * A message is written into a text between frame_begin() and frame_end(), which puts its header in
 * front; several may follow one another and go out in one write. A struct frame is such bytes made
 * immutable and shared by the sessions that have yet to send them. One thread. */
#ifndef PRICECAST_SERVER_FRAME_H
#define PRICECAST_SERVER_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "server/plan.h"
#include "server/span.h"
#include "server/text.h"

#define MESSAGE_BYTES_MAX (1u << 20) /* no message is longer: see PROTOCOL.md */

/* Starts a message; returns a mark for frame_end(). */
size_t frame_begin(struct text *text);
void frame_end(struct text *text, size_t mark);
void frame_end_binary(struct text *text, size_t mark);

/* How long the message begun at `mark` is so far. */
size_t frame_length(const struct text *text, size_t mark);

/* Events of one stream that a frame carries: what frame_items of a queue add up to is how far
 * behind its reader is. */
struct frame_item {
    uint32_t stream;
    uint32_t events; /* delivered and skipped ones */
};

/* What the items of updates add up to. */
struct cargo {
    uint32_t items;
    uint64_t skipped;
    int64_t oldest_ns; /* when the first of them was emitted; 0: unknown */
};

static inline void cargo_add(struct cargo *cargo, uint64_t skipped, int64_t emitted_ns)
{
    cargo->items++;
    cargo->skipped += skipped;
    if (cargo->oldest_ns == 0 || emitted_ns < cargo->oldest_ns)
        cargo->oldest_ns = emitted_ns;
}

struct frame {
    uint32_t refs;
    uint32_t len;
    uint64_t epoch; /* of the items */
    struct cargo cargo;
    struct delivery delivery; /* of the items */
    uint32_t items_count;
    struct frame_item *items;  /* behind the bytes */
    struct span_trade *trades; /* of each item, behind those; NULL: nobody wants to know */
    unsigned char bytes[];
};

/* Copies bytes (whole frames), items and, if not NULL, trades; one reference belongs to the caller.
 * NULL without memory. */
struct frame *frame_create(const void *bytes, size_t len, const struct frame_item *items,
                           const struct span_trade *trades, uint32_t items_count, uint64_t epoch);
struct frame *frame_ref(struct frame *frame);
void frame_unref(struct frame *frame);

#endif
