/* history: the recent events of every stream, for those who come back and ask what they missed.
 *
 * Each stream keeps its newest events. Three bounds, whichever is reached first, let the oldest go:
 * so many of one stream, so many bytes of all together, and an age. Memory is taken as events come,
 * and kept. Each event has a *position*: how many price events the epoch had up to and with it, by
 * their seq, so that what was never seen here counts too.
 *
 * A recall asks for what stands between two seqs of some streams and gets it in the order of the
 * bus, in pieces; between two pieces it belongs to nobody and costs nothing here. What has left
 * meanwhile is simply not there: the seqs tell.
 *
 * One thread; a struct recall may be handed to another between two pieces. Times are
 * CLOCK_MONOTONIC in ns. */
#ifndef PRICECAST_SERVER_HISTORY_H
#define PRICECAST_SERVER_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/event.h"

#define HISTORY_EVENTS_DEFAULT 4096                 /* of one stream */
#define HISTORY_BYTES_DEFAULT  (UINT64_C(64) << 20) /* of all events */
#define HISTORY_AGE_S_DEFAULT  300
#define HISTORY_EVENT_BYTES    96 /* what one event takes */

struct history;

struct history_options {
    uint32_t events_max; /* of one stream; each bound: 0 keeps nothing */
    uint64_t bytes_max;
    int64_t age_ns;
};

/* Why events have left; totals since the start, one writer, read by any thread. */
struct history_counts {
    _Atomic uint64_t held, bytes; /* now; memory taken */
    _Atomic uint64_t by_count, by_bytes, by_age;
    _Atomic uint64_t missed; /* events that never came here */
};

struct history *history_create(const struct history_options *options); /* NULL without memory */
void history_destroy(struct history *history);

/* The next event of the bus. One with a seq not above its stream's last is passed over. Without
 * memory the event is not kept, and counts as gone by its bytes. */
void history_note(struct history *history, const struct price_event *event, int64_t at_ns);

/* Before the first of history_note(): events of an earlier run, in their order, of which the first
 * of each stream need not have seq 1; and that a stream stands at a seq although its event is not
 * at hand. */
void history_restore(struct history *history, const struct price_event *event, int64_t at_ns);
void history_restore_seq(struct history *history, uint32_t number, uint64_t seq);

/* Forgets everything: a new epoch. */
void history_reset(struct history *history, uint64_t epoch);

uint64_t history_epoch(const struct history *history);
uint64_t history_position(const struct history *history);
uint64_t history_last_seq(const struct history *history, uint32_t stream);
const struct history_counts *history_counts(const struct history *history);

/* Where stream stood at a position: the seq of its last event up to there. Sets *exact to false
 * when that is not known any more; then it stood at the result or later. */
uint64_t history_seq_at(struct history *history, uint32_t stream, uint64_t position, int64_t now_ns,
                        bool *exact);

/* ---- recalls ---- */

enum { RECALL_EVENTS = 256 }; /* a piece */

struct recall_range {
    uint32_t stream;
    uint32_t next;             /* the history's: where the next event stands */
    uint64_t from, to;         /* wanted: above from, up to to */
    uint64_t position;         /* of the next one, while it waits in the heap */
    struct price_event newest; /* the one with seq `to`; comes last, kept here or not … */
    int64_t newest_emitted_ns; /* … and when the bus got it, as for a recall's events */
};

struct recall {
    struct recall_range *ranges; /* owned; a heap of the first `waiting` once begun */
    size_t count, waiting;
    bool begun;
    struct price_event events[RECALL_EVENTS]; /* a piece, in the order of the bus */
    int64_t emitted_ns[RECALL_EVENTS];        /* when the bus got each; 0: in an earlier run */
    uint64_t skipped[RECALL_EVENTS];          /* events lacking before each */
    size_t events_count;
};

void recall_finish(struct recall *recall);

/* Fills in the next piece. Returns false when there is nothing more. */
bool history_recall(struct history *history, struct recall *recall, int64_t now_ns);

#endif
