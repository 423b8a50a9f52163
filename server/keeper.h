/* keeper: the thread that remembers. It reads the bus as the shards do, keeps what they need not
 * have at hand (the history; candles), and answers them by post, so that the way of an event to a
 * client stays free of locks and second copies.
 *
 * A task runs on the keeper's thread, when the keeper has come as far on the bus as the one who
 * asked. It does not hold up the bus (but see `holds`); a keeper that falls a whole ring behind
 * goes on with the latest events, and the history counts what is missing.
 *
 * Threads: create to destroy belong to one thread; keeper_ask() and the counts are for any. */
#ifndef PRICECAST_SERVER_KEEPER_H
#define PRICECAST_SERVER_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "feed/bus.h"
#include "server/candles.h"
#include "server/history.h"

struct keeper;

struct keeper_options {
    struct bus *bus; /* borrowed */
    struct history_options history;
    size_t candle_bytes; /* memory for candles */
    bool holds;          /* the writer of the bus waits for it (--lossless) */
};

/* Joins the bus: what is emitted from now on is remembered. Returns 0 or a negative errno. */
int keeper_create(const struct keeper_options *options, struct keeper **out);
int keeper_start(struct keeper *keeper); /* 0 or a negative errno */
void keeper_stop(struct keeper *keeper); /* ends the thread; tasks that wait are dropped */
void keeper_destroy(struct keeper *keeper);

/* Embedded in whatever the task needs. One of the two is called, exactly once, on the keeper's
 * thread or by keeper_stop(); it then owns the task. */
struct keeper_task {
    struct keeper_task *next; /* the keeper's */
    uint64_t position;        /* the keeper's: bus_emitted() when it was asked */
    /* Returns false to be called again after more events have come. */
    bool (*run)(struct keeper_task *task, struct keeper *keeper);
    void (*drop)(struct keeper_task *task);
};

/* Takes the task. After keeper_stop() it is dropped at once. Any thread. */
void keeper_ask(struct keeper *keeper, struct keeper_task *task);

/* ---- on the keeper's thread, or before keeper_start() ---- */

/* Before keeper_start(): events of an earlier run, which the bus goes on from; the newest is `now`.
 */
void keeper_restore(struct keeper *keeper, const struct price_event *events, size_t count);

/* How many events the epoch had had by what was restored; 0: nothing was. */
uint64_t keeper_restored_position(const struct keeper *keeper);

struct history *keeper_history(const struct keeper *keeper);
const struct candles *keeper_candles(const struct keeper *keeper);
int64_t keeper_now_ns(void);

/* ---- any thread ---- */

const struct history_counts *keeper_history_counts(const struct keeper *keeper);
const struct candles_counts *keeper_candles_counts(const struct keeper *keeper);
uint64_t keeper_missed(const struct keeper *keeper); /* events the bus did not wait for */

#endif
