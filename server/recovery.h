/* recovery: a reader gets again what it missed, from the history, before anything new.
 *
 * The reader takes its topics at once, but is held back: what comes meanwhile waits for it as for
 * one whose socket is full. The history is asked for what lies between what the reader had and the
 * book, and what it answers goes out in pieces as the socket takes them. In the end the reader goes
 * on from the book's place: no hole, no repeat.
 *
 * Where much was missed and every event counts, what comes meanwhile would be too much to wait in
 * the queue. So this goes in rounds: in all but the last one nothing waits; what has come
 * meanwhile is what the next one asks for. Each is shorter than the one before, and when one is
 * short enough it is the last, and the queue is used. A reader slower than the flow of events gets
 * to its last round, too, and is then treated like any that is too slow.
 *
 * One thread, the fan-out's. */
#ifndef PRICECAST_SERVER_RECOVERY_H
#define PRICECAST_SERVER_RECOVERY_H

#include "server/fanout.h"
#include "server/history.h"

/* A question to the history. While it is away only `reader` may be touched. */
struct recall_request {
    struct reader *reader; /* NULL: nobody waits any more; the fan-out's */
    uint64_t epoch;
    struct recall recall;
    bool more;    /* to be set by who answers: there are further pieces … */
    bool is_gone; /* … or: the epoch is over */
};

/* The answer to fanout_options.ask (takes the request). */
void recovery_answer(struct recall_request *request);
void recall_request_free(struct recall_request *request);

/* What a client says it has: the last seq of a stream. */
struct recovery_wish {
    uint32_t stream;
    uint64_t seq;
};

/* Like reader_set_topics(), but the streams wished for that are new to the reader start behind
 * what it has. */
int reader_set_topics_after(struct reader *reader, struct topics *topics, bool snapshot,
                            const struct recovery_wish *wishes, size_t count);

/* How many of the wishes are for streams among the reader's topics. */
size_t recovery_count_used(const struct reader *reader, const struct recovery_wish *wishes,
                           size_t count);

/* Begins, instead of reader_start(); it may be over at once. Without memory the reader has failed.
 */
void recovery_begin(struct reader *reader, const struct recovery_wish *wishes, size_t count);

/* While it ends: the place up to which the reader then has everything, NULL: that is not known. */
const struct wire_place *recovery_place(const struct reader *reader);

bool reader_is_recovering(const struct reader *reader);

/* Ends it where it is, because the epoch does or the connection. Updates that wait are dropped. */
void recovery_abandon(struct reader *reader);

#endif
