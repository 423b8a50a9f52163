/* wire: how messages look on a connection: in which encoding, and with what around them.
 *
 *   JSON    one WebSocket text frame a message
 *   binary  the same, but snapshots and updates are binary frames
 *   SSE     Server-Sent Events, for HTTP: the JSON in a `data:` line, now and then an `id:` line
 *
 * A session has one encoding for its life. The bytes of a snapshot or update depend on its items
 * and the encoding alone, so all sessions that are sent the same items may share them. PROTOCOL.md
 * is the reference. One thread. */
#ifndef PRICECAST_SERVER_WIRE_H
#define PRICECAST_SERVER_WIRE_H

#include <stdint.h>

#include "server/book.h"
#include "server/span.h"
#include "server/text.h"

enum encoding { ENCODING_JSON, ENCODING_BINARY, ENCODING_SSE };

enum wire_type { WIRE_NONE, WIRE_DEFINE, WIRE_SNAPSHOT, WIRE_UPDATE };

/* How far a reader has got: it holds everything that precedes the event with this number, counted
 * over all streams within the epoch. `run` grows with every crash that the epoch has outlived: what
 * had been sent and not written by then has the numbers of others. */
struct wire_place {
    uint64_t epoch, run, position;
};

struct wire_item {
    uint32_t stream;
    const struct price_event *event; /* the stream's; its latest in the book costs the least */
    uint64_t skipped;
    const struct span *passed; /* what is known of the skipped trades; NULL: nobody wants to know */
    int64_t emitted_ns;        /* when the bus got it, monotonic; 0: unknown. For clocks */
};

/* What stamps items with the times at which they passed each stage. */
struct wire_clocks {
    int64_t wall_offset_ns; /* of the wall clock from the monotonic one */
    int64_t write_us;       /* now; read when a message ends */
    bool has_ingest;        /* an event's recv is when we received it */
};

/* A message under way. To begin, set text and encoding. One message is open at a time; further ones
 * follow it in the text, and all go out in one write. */
struct wire {
    struct text *text; /* borrowed */
    enum encoding encoding;
    enum wire_type type;              /* of the open message, WIRE_NONE: there is none */
    size_t mark;                      /* where it begins */
    int64_t base_us;                  /* of a binary one */
    const struct wire_clocks *clocks; /* borrowed; NULL: items are not stamped */
    size_t stamp;                     /* where the last one waits for the end; 0: nowhere */
};

/* Adds an item: to the open message, if that is of this type and has room, else to a new one. */
void wire_put(struct wire *wire, enum wire_type type, struct book *book,
              const struct wire_item *item);

/* Tells what a stream's number stands for, in a message of definitions. Binary only: there, a
 * connection must have been told of a stream before it is sent the first item. */
void wire_put_definition(struct wire *wire, const struct stream *stream);

/* Ends the open message, if there is one. `place`, if not NULL, is where a reader has got that was
 * sent this message and everything before it. */
void wire_end(struct wire *wire, const struct wire_place *place);

/* A snapshot of nothing; `place` as above. */
void wire_put_empty_snapshot(struct text *text, enum encoding encoding,
                             const struct wire_place *place);

/* Any other message: `json` framed; `place` as above. */
void wire_put_message(struct text *text, enum encoding encoding, const char *json, size_t len,
                      const struct wire_place *place);

#endif
