/* audience: all readers of one shard that want the same streams in the same way.
 *
 * Private to the fan-out (fanout.c, shared_plan.c, reader.c, audience.c, part.c). An audience
 * numbers its streams from 0; lanes[].sent is the last seq of each that its members at the head
 * have been sent. A member that is not at the head has a table of its own (part.sent) until it has
 * caught up.
 *
 * With a rate and many events between two ticks, being told of each costs more than what comes of
 * it. Such an audience *polls*: it ticks all the time, and then compares its lanes with the book;
 * its routes there are asleep.
 *
 * Invariant: when a turn is over and the audience has no rate, its lanes equal the book. */
#ifndef PRICECAST_SERVER_AUDIENCE_H
#define PRICECAST_SERVER_AUDIENCE_H

#include "server/ageing.h"
#include "server/book.h"
#include "server/fanout.h"
#include "server/freshness.h"

#define SEQ_SNAPSHOT UINT64_MAX /* in part.sent: the next item goes into a snapshot */

struct shared_plan;
struct passed;

/* One of an audience's streams. What a flush looks at stands together. */
struct lane {
    uint64_t sent;
    uint32_t stream;
    uint32_t place; /* where its route stands in the book's list */
};

struct audience {
    struct fanout *fanout;
    int64_t due_ms; /* while wants_tick */
    bool touched, wants_tick, polls;
    struct delivery delivery;
    struct lane *lanes; /* by own number */
    uint32_t count, size;
    uint32_t members_count, members_size;
    struct part **members;    /* or &only_member */
    struct part *only_member; /* most audiences of an own set have no other */
    uint8_t *is_dirty;        /* mode latest, unless it polls */
    uint32_t *dirty;          /* numbers of dirty streams, in the order they became so */
    uint32_t dirty_count;
    uint32_t tick_place;        /* while wants_tick: among the fanout's ticking ones */
    struct shared_plan *shared; /* the plan it serves a group of */
    struct passed *passed;      /* NULL: nobody asks for it */
    uint32_t told;              /* binary: all members have been told of so many of its streams */
    struct text open; /* mode every: messages waiting to be sent, the last one unfinished */
    struct wire open_wire;
    struct frame_item *open_items;
    struct span_trade *open_trades; /* with `passed`: of each of them, seq 0: it is none */
    uint32_t open_count, open_size;
    struct cargo open_cargo;
    struct audience *next; /* of the touched ones */
};

struct audience *audience_create(struct fanout *fanout, struct shared_plan *shared,
                                 struct delivery delivery);
void audience_destroy(struct audience *audience); /* has no members */

/* Adds a stream that members have been sent up to `sent`. Returns false without memory. */
bool audience_add_stream(struct audience *audience, uint32_t stream, uint64_t sent);

/* The stream with this number of the audience's has a new latest event in the book. */
void audience_note(struct audience *audience, uint32_t index);

/* Fetches what audience_note() of the next routes will need, which may be in no near cache. */
void audience_prefetch_notes(const struct route *next, size_t count);

/* Sends what has been noted to every member that can take it. */
void audience_flush(struct audience *audience);

/* The same at its tick; returns true if it wants the next tick, too, whatever comes. */
bool audience_tick(struct audience *audience);

/* Mode every: does it hold items back? */
bool audience_is_open(const struct audience *audience);

/* Has the book what members at the head have not been sent? */
bool audience_is_behind(const struct audience *audience);

/* Has it anything to flush, or members to catch up with? */
bool audience_is_waiting(const struct audience *audience);

/* It is to be told of each event again. */
void audience_stop_polling(struct audience *audience);

/* Fetches what a flush will need, from the second next on: a flush takes longer than that. */
void audience_prefetch(struct audience *const *next, size_t count);

bool audience_join(struct audience *audience, struct part *part);
void audience_leave(struct part *part);

/* ---- part.c ---- */

/* Gives a part a table of its own: where it stands now. Returns false without memory. */
bool part_detach(struct part *part);

/* Back at the head. */
void part_rejoin(struct part *part);

/* Makes room in its table for streams that came since. Returns false without memory. */
bool part_extend(struct part *part);

/* Sends what the part lacks, in pieces while the socket takes them (mode every: all of it, into the
 * queue if need be); back at the head when there is nothing more. */
void part_catch_up(struct part *part);

/* ---- shared by the fan-out's files ---- */

/* What stands between the last seq sent and the newest, not counting it. */
static inline uint64_t skipped_between(uint64_t sent, uint64_t seq)
{
    return sent == SEQ_SNAPSHOT || seq <= sent ? 0 : seq - sent - 1;
}

/* Adds the latest event of one of the audience's streams. `passed` matters where ohlc is wanted. */
void audience_put_item(const struct audience *audience, struct wire *wire, enum wire_type type,
                       uint32_t index, uint64_t skipped, const struct span *passed);

/* Before a binary item of a new stream every member hears of that. */
void audience_tell_members(struct audience *audience);

/* Makes room for `count` elements at *array (a pointer to them). Returns false without memory. */
bool array_grow(void *array, size_t count, size_t element);

void reader_write(struct reader *reader, const void *bytes, size_t len);
/* Takes a reference. Marks the reader as overflowed when its queue is past the limit. */
bool reader_enqueue(struct reader *reader, struct frame *frame);

/* Binary: sends the definitions of those streams of an audience, from number `first` on, that the
 * reader has not been told of. */
void reader_define(struct reader *reader, const struct audience *audience, uint32_t first);

/* An audience with this delivery comes to be: there will be room for its ticks. Returns false
 * without memory. */
bool fanout_enter(struct fanout *fanout, struct delivery delivery);
/* One that has entered is no longer waited for. */
void fanout_leave(struct fanout *fanout, struct audience *audience);

void fanout_touch(struct fanout *fanout, struct audience *audience);
struct freshness *fanout_freshness(struct fanout *fanout);
struct ageing *fanout_ageing(struct fanout *fanout);
struct text *fanout_scratch(struct fanout *fanout); /* for building one write */
/* What stamps items of this kind of delivery, read now; NULL: nothing does. */
const struct wire_clocks *fanout_clocks(struct fanout *fanout, const struct delivery *delivery);
void fanout_count_full(struct fanout *fanout, int change);
void fanout_note_overflow(struct fanout *fanout, struct reader *reader);
void fanout_forget_overflow(struct fanout *fanout, const struct reader *reader);
size_t fanout_queue_bytes_max(const struct fanout *fanout);
bool fanout_is_lossless(const struct fanout *fanout);
struct reader **fanout_readers(struct fanout *fanout);
struct shared_plan **fanout_plans(struct fanout *fanout);
/* A stream could not be added: prices will be missing. */
void fanout_note_no_memory(struct fanout *fanout);

/* Moves the groups (a bit each) of a reader's plan from "every" to "latest": what is queued of them
 * is taken back. */
void reader_fall_back(struct reader *reader, uint32_t groups);
/* The same of one stream into a text. */
void reader_put_definition(struct reader *reader, uint32_t stream, struct text *text);

/* Is a snapshot still due to it? */
bool reader_lacks_snapshots(const struct reader *reader);

/* Writes what waits in the queue before what is recovered. */
void reader_flush_ahead(struct reader *reader);

/* Takes the updates out of the queue behind that. */
void reader_drop_updates(struct reader *reader);

/* ---- recovery.c ---- */

void recovery_go_on(struct reader *reader); /* its socket is free */
void recovery_forget(struct reader *reader);

/* True while its "every" audiences pass the reader over: see recovery.h. */
bool recovery_skips(const struct reader *reader);

void fanout_ask(struct fanout *fanout, struct recall_request *request);
void fanout_put_resumed(struct fanout *fanout, struct reader *reader, uint64_t recovered,
                        uint64_t lost, struct text *text);

#endif
