/* book: what one shard knows of every stream: its latest event as of the shard's place on the bus,
 * the event's JSON text, and who wants it.
 *
 * A shard has its own last values, not the bus's, so that a snapshot and the updates after it fit
 * together without a hole or a repeat: both come from the same thread's one position.
 *
 * Text is made once per event and kept until the end of the turn (book_turn()). One thread. */
#ifndef PRICECAST_SERVER_BOOK_H
#define PRICECAST_SERVER_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/event.h"
#include "feed/streams.h"

struct audience;

/* One audience that wants a stream, and the stream's number within it. The first of a stream's
 * routes are awake: their audiences are told of each event. Those of the others look by
 * themselves. */
struct route {
    struct audience *audience;
    uint32_t index;
};

/* Bytes made of a stream's latest event in this turn. */
struct book_piece {
    size_t at;
    uint32_t len;
    uint64_t turn, seq; /* valid while these are the book's and the latest's */
};

/* The first two cache lines are what sending its item takes. */
struct book_entry {
    _Alignas(64) struct price_event latest; /* seq 0: none in this epoch */
    const struct stream *stream;
    int64_t emitted_ns;     /* when the bus got it */
    struct book_piece text; /* of the latest event as JSON */
    struct route *routes;
    uint32_t routes_awake, routes_count;
    struct book_piece values; /* of the latest event as in a binary record */
    char *prefix;             /* the item's text up to seq; made when first needed */
    uint32_t prefix_len;
    uint32_t routes_size;
    uint32_t watched; /* so many of them want to know what is passed over: see passed.h */
};

struct book;

struct book *book_create(const struct streams *streams);
void book_destroy(struct book *book);

/* How many streams the book has; entries are numbered as on the bus. */
uint32_t book_count(const struct book *book);
struct book_entry *book_entry(const struct book *book, uint32_t stream);

/* Makes the streams up to the number known. Calls `added` for each new one. Returns false without
 * memory. */
bool book_learn(struct book *book, uint32_t stream, void (*added)(void *ctx, uint32_t stream),
                void *ctx);

/* The latest event's item text, with a comma before it at [-1]; valid until the next call or the
 * end of the turn. Returns NULL without memory. */
const char *book_text(struct book *book, uint32_t stream, size_t *len);

/* The latest event's values: see record_values(); valid as long. NULL without memory. */
const unsigned char *book_values(struct book *book, uint32_t stream, size_t *len);

/* What the text of a stream's items begins with: see item_prefix(). NULL without memory. */
const char *book_prefix(struct book *book, uint32_t stream, size_t *len);

/* Ends a turn: forgets texts. */
void book_turn(struct book *book);

/* Forgets every latest event: a new epoch. */
void book_reset(struct book *book);

/* Calls `visit` for each price stream of this very symbol. */
void book_symbol(const struct book *book, const char *symbol,
                 void (*visit)(void *ctx, uint32_t stream), void *ctx);

/* Adds a route, asleep; returns its place in the stream's list, or -1 without memory. */
long book_route_add(struct book *book, uint32_t stream, struct route route);

/* Each of these takes a route from its place. Another one may move there: *moved tells which,
 * audience NULL if none. Wake and sleep return the route's new place; one that is removed must be
 * asleep. */
uint32_t book_route_wake(struct book *book, uint32_t stream, uint32_t place, struct route *moved);
uint32_t book_route_sleep(struct book *book, uint32_t stream, uint32_t place, struct route *moved);
void book_route_remove(struct book *book, uint32_t stream, uint32_t place, struct route *moved);

#endif
