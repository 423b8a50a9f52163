/* fanout: gets each event of one shard to every reader that wants it.
 *
 * The bus hands in events; readers come with plans. Readers of equal plans share audiences, an
 * audience makes its bytes once, and a reader at its head sends that very memory. Work happens in
 * *turns*: any number of fanout_event(), then one fanout_flush(), which writes a frame an audience.
 * Audiences with a rate are flushed by fanout_tick() instead.
 *
 * Loss is arithmetic: `skipped` is seq - last seq sent - 1 at the moment of writing, whatever the
 * reason. In mode "latest" a reader that cannot take more keeps only a table of the last seq it was
 * sent of each stream; when its socket is free again the difference to the book is what it gets. In
 * mode "every" it keeps the shared frames, up to queue_bytes_max; past that it is moved to
 * "latest".
 *
 * Knows nothing of sockets: a reader's `ops` write for it. One thread (the shard's). */
#ifndef PRICECAST_SERVER_FANOUT_H
#define PRICECAST_SERVER_FANOUT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/event.h"
#include "feed/histogram.h"
#include "feed/streams.h"
#include "server/frame.h"
#include "server/plan.h"
#include "server/wire.h"

#define READER_QUEUE_BYTES_DEFAULT (256u << 10)
#define FANOUT_NO_TICK             INT64_MAX

struct fanout;
struct reader;
struct audience;
struct passed_part;
struct recall_request;

/* How the write of a reader's bytes went. */
enum write_result {
    WRITE_DONE,    /* taken by the socket */
    WRITE_BLOCKED, /* taken, but the socket is full: nothing more until fanout_writeable() */
    WRITE_FAILED,  /* the connection is lost; it will be closed */
};

struct reader_ops {
    /* Writes whole frames; `bytes` are borrowed for the call. */
    enum write_result (*write)(struct reader *reader, const void *bytes, size_t len);
};

/* Totals since the start; one writer, read by any thread. */
struct fanout_counts {
    _Atomic uint64_t events; /* taken from the bus */
    _Atomic uint64_t items;  /* delivered, to all readers together */
    _Atomic uint64_t frames; /* writes of updates */
    _Atomic uint64_t bytes;
    _Atomic uint64_t blocked;       /* writes that filled a socket */
    _Atomic uint64_t overflows;     /* readers moved from "every" to "latest" */
    _Atomic uint64_t aged;          /* the same, because of age_max_ms */
    _Atomic uint64_t lapped;        /* times this shard fell off the bus */
    _Atomic uint64_t lapped_events; /* events it missed then */
    _Atomic uint64_t skipped;       /* events passed over in items delivered to a reader alone */
    _Atomic uint64_t recovered;     /* items delivered to readers that came back … */
    _Atomic uint64_t lost;          /* … and events that could not be */
};

struct fanout_options {
    const struct streams *streams;
    uint64_t epoch;
    uint64_t run;           /* of the epoch: see struct wire_place */
    size_t queue_bytes_max; /* 0: the default */
    bool lossless;          /* never overflow: see fanout_is_full() */
    bool has_ingest;        /* events were received when their recv says, by us */
    /* Tells a reader's owner that it was moved to "latest"; may call reader_send(). */
    void (*overflowed)(struct reader *reader);
    /* The same, of those of its topics whose queue grew older than they allow. */
    void (*aged)(struct reader *reader);
    /* Takes a question to the history; the answer is recovery_answer(). See recovery.h. */
    void (*ask)(struct recall_request *request);
    /* Appends the message, framed, that ends a recovery. */
    void (*put_resumed)(struct reader *reader, uint64_t recovered, uint64_t lost,
                        struct text *text);
};

struct fanout *fanout_create(const struct fanout_options *options); /* NULL without memory */
void fanout_destroy(struct fanout *fanout); /* after all its readers have left */

/* ---- events ---- */

/* A price event from the bus. Older ones than the book has are passed over. */
void fanout_event(struct fanout *fanout, const struct price_event *event, int64_t emitted_ns);

/* Ends a turn. `now_ms` is the clock of fanout_tick(). */
void fanout_flush(struct fanout *fanout, int64_t now_ms);

/* A new epoch: nothing known of before counts. Ends the turn; the owner then tells the readers. */
void fanout_reset(struct fanout *fanout, uint64_t epoch, int64_t now_ms);

/* Between the two, events only go into the book: how things stand at a new place is told as
 * snapshots, by fanout_settle(), to every reader. */
void fanout_hold(struct fanout *fanout);
void fanout_settle(struct fanout *fanout);
bool fanout_holds(const struct fanout *fanout);

/* Flushes audiences with a rate that are due. */
void fanout_tick(struct fanout *fanout, int64_t now_ms);

/* When fanout_tick() is next wanted, or FANOUT_NO_TICK. */
int64_t fanout_next_tick_ms(const struct fanout *fanout);

/* How late, in milliseconds, events may be handed in without any reader noticing: all that is
 * wanted goes out at a rate. 0: at once. */
unsigned fanout_patience_ms(const struct fanout *fanout);

/* In lossless mode: some reader of "every" is so far behind that no more events should be taken. */
bool fanout_is_full(const struct fanout *fanout);

/* Nothing waits for any reader. */
bool fanout_is_drained(const struct fanout *fanout);

struct book *fanout_book(const struct fanout *fanout);
uint64_t fanout_epoch(const struct fanout *fanout);
uint64_t fanout_run(const struct fanout *fanout);

/* Where the book stands: its position is the sum of the latest seq of all price streams, which is
 * how many events were published in the epoch up to there. NULL while it is vague: a shard that was
 * lapped has newer events of some streams than of others until it has read all there is. */
const struct wire_place *fanout_place(const struct fanout *fanout);
void fanout_set_vague(struct fanout *fanout, bool is_vague);

/* By the counter's one writer. */
static inline void count_add(_Atomic uint64_t *counter, uint64_t much)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + much,
                          memory_order_relaxed);
}
struct fanout_counts *fanout_counts(struct fanout *fanout);
/* Of every write of updates: ns from the bus, for the oldest event in it. */
const struct histogram *fanout_ages(const struct fanout *fanout);

/* ---- readers ---- */

/* A reader's share in one audience; the fan-out's own. */
struct part {
    struct audience *audience;
    struct reader *reader;
    uint32_t member; /* its place among the audience's members */
    uint32_t next;   /* where the next piece of catching up begins */
    uint32_t sent_count;
    uint64_t *sent;             /* NULL: at the head */
    struct passed_part *passed; /* see passed.h; NULL at the head */
};

/* One a session, so its members are packed. What every write looks at stands together, first and
 * last: with a thousand readers nothing of them is in the cache when their turn comes. */
struct reader {
    const struct reader_ops *ops;
    struct fanout *fanout;
    struct recovery *recovery; /* NULL: none is under way */
    uint32_t queue_count;
    bool blocked, failed, overflowed, ageing;
    struct shared_plan *shared; /* NULL: wants nothing */
    struct part *parts;         /* one an audience of the plan; or &only_part */
    uint32_t parts_count;
    enum encoding encoding; /* of what it is sent; set once, before it has topics */
    struct frame **queue;   /* a ring of queue_size, a power of two or 0 */
    uint32_t queue_first, queue_size;
    uint32_t queue_kept;  /* so many frames at its front stay there when it overflows */
    uint32_t queue_ahead; /* so many go before what is recovered */
    uint8_t *told;        /* binary: bit by stream, it has been told of; NULL: of none */
    size_t queue_bytes;
    struct reader *next_overflowed, *next_ageing;
    int64_t ageing_at_ms;        /* when its queue is looked at: see server/ageing.c */
    struct reader *next, **link; /* of the fanout's list */
    struct part only_part;
    uint32_t told_bytes; /* of `told` */
    struct reader_totals {
        uint32_t age_us, age_mean_us, age_max_us; /* of updates when written: last, lately, ever */
        uint64_t items, skipped;                  /* in what its socket has taken */
        uint64_t bytes;                           /* of everything written */
    } totals;
};

void reader_init(struct reader *reader, struct fanout *fanout, const struct reader_ops *ops);
void reader_finish(struct reader *reader);

/* Sends frames as soon as what waits before them is gone. Returns false without memory, or when
 * the connection is lost. */
bool reader_send(struct reader *reader, const void *bytes, size_t len);

/* The topics it has now: borrowed, until the plan changes. */
const struct plan *reader_plan(const struct reader *reader);

/* Gives a reader new topics (taken on success). Streams it was being sent go on from where it
 * stands; new ones start with a snapshot if `snapshot`, else with the next event. Nothing is sent
 * yet: call reader_start(). Returns 0, -ENOMEM or -E2BIG (plan_init()). */
int reader_set_topics(struct reader *reader, struct topics *topics, bool snapshot);

/* Everything it wants is to be told anew: the next reader_start() sends snapshots of it all. */
void reader_restart(struct reader *reader);

/* Sends what the reader lacks. With `snapshot` at least one snapshot message, if empty. */
void reader_start(struct reader *reader, bool snapshot);

/* Its socket is free again. */
void reader_writeable(struct reader *reader);

/* Would something sent now have to wait? */
bool reader_is_blocked(const struct reader *reader);

/* Does it hold so many answers that reader_send() refuses another? */
bool reader_has_unread_answers(const struct reader *reader);

/* Events that wait for its socket, queued or to be made up for; not those of a coming tick. */
uint64_t reader_pending(const struct reader *reader);

/* Does nothing wait for this reader? */
bool reader_is_drained(const struct reader *reader);

/* Does any stream match the topic (symbol or pattern)? */
bool fanout_topic_is_known(struct fanout *fanout, const char *symbol);

#endif
