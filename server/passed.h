/* passed: which trades are passed over, for readers that want to be told (ohlc).
 *
 * Private to the fan-out. A trade counts at the moment at which a newer one of its stream takes its
 * place in the book. An audience keeps a span for each of its trade streams: of what its members at
 * the head have not been sent, the newest not counted. So an item costs no more for a thousand
 * members than for one.
 *
 * A part that is not at the head has spans of its own, of what lies between its last seq and the
 * *audience's*: whatever the audience sends is added there, at a cost below that of sending. A part
 * that got ahead of the audience, as with a snapshot between two ticks, goes by itself until the
 * next flush: its spans then reach to the book's latest, and each trade is added to them.
 *
 * Where memory is short, or the shard was lapped, spans have seen less than there was, and say so.
 * One thread, the fan-out's. */
#ifndef PRICECAST_SERVER_PASSED_H
#define PRICECAST_SERVER_PASSED_H

#include "server/audience.h"
#include "server/span.h"

/* Of an audience; NULL without memory, as if nobody had asked. */
struct passed *passed_create(void);
void passed_destroy(struct passed *passed);

/* The audience has one more stream, the last one. */
void passed_add_stream(struct audience *audience);

/* The latest event of one of the audience's streams is about to be replaced. */
void passed_note(struct audience *audience, uint32_t index);

/* The members at the head have been sent the latest of a stream, after the one with seq `before`.
 */
void passed_sent(struct audience *audience, uint32_t index, uint64_t before);

/* … and of all streams. */
void passed_flushed(struct audience *audience);

/* A new epoch, or everything is told anew: nothing has been passed over. */
void passed_clear(struct audience *audience);

/* What an item with the stream's latest event passes over; NULL: nothing is known of that. */
const struct span *passed_by_audience(const struct audience *audience, uint32_t index);
const struct span *passed_by_part(const struct part *part, uint32_t index);

/* The part has left the head … */
void passed_detach(struct part *part);
/* … or got a place of its own, with spans up to the book's latest: see passed_set(). */
void passed_place(struct part *part);
void passed_set(struct part *part, uint32_t index, const struct span *span);

/* Before a part is sent what it lacks between two flushes: it goes by itself from now on. */
void passed_go_alone(struct part *part);

/* The part has been sent the latest of a stream, or will be by other means. */
void passed_part_sent(struct part *part, uint32_t index);

void passed_forget(struct part *part);

/* Adds what the part has passed over of each trade stream, up to the book's latest, to spans[] by
 * the book's number. */
void passed_collect(const struct part *part, struct span *spans);

#endif
