/* input: one producer as the feed thread sees it: a queue of events that refills itself.
 *
 * Two batches take turns: while one is read, a worker of libuv's pool fills the other. Stream
 * numbers are translated from the producer's table to the bus's on the way out.
 *
 * Threads: the feed thread (the loop's) only. */
#ifndef PRICECAST_FEED_INPUT_H
#define PRICECAST_FEED_INPUT_H

#include <stdbool.h>
#include <uv.h>

#include "feed/bus.h"
#include "feed/producer.h"

struct input;

struct input_hooks {
    void (*ready)(void *ctx); /* there may be events where input_peek() had none */
    void (*message)(void *ctx, const char *text); /* news for the log */
    void *ctx;
};

enum input_state { INPUT_HAS_EVENT, INPUT_WAITS, INPUT_ENDED };

struct input_options {
    const char *name;          /* how people know it; copied */
    int64_t offset_ns;         /* added to both times of every event */
    int64_t reorder_window_ns; /* see feed/reorder.h; 0: events keep the order they come in */
};

struct input_counts {
    uint64_t events, lines, ignored, bad, bytes_read, bytes_total;
    uint64_t refused; /* events of streams the bus has no room for */
    uint64_t late;    /* events earlier than one that had been sent */
    bool broken;      /* ended before the end */
};

/* Takes `producer`, on success only. `hooks` are copied. NULL without memory. */
struct input *input_create(struct producer *producer, const struct input_options *options,
                           uv_loop_t *loop, struct bus *bus, const struct input_hooks *hooks);

/* The producer must not be filling: see input_is_busy(). */
void input_destroy(struct input *input);
bool input_is_busy(const struct input *input);

/* Starts filling the first batch. */
void input_start(struct input *input);

/* The next event, translated, if there is one; it stays the next until input_pop(). Sets
 * *source_stream to the bus's stream of its source's states. */
enum input_state input_peek(struct input *input, struct price_event *out, uint32_t *source_stream);
void input_pop(struct input *input);

/* Is the event that input_peek() brought part of a seek's prelude? */
bool input_is_prelude(const struct input *input);

/* Reads no further: what follows is INPUT_ENDED. */
void input_end(struct input *input);

/* Back to the first event. A worker does it; if it cannot be done, a message says so and the input
 * has ended. What has been read ahead is forgotten. */
void input_rewind(struct input *input);

/* Where to go: a time, or a fraction of the stored bytes when time_ns is EVENT_NO_TIME. */
struct input_target {
    int64_t time_ns;
    double fraction;
};

/* Goes on from the first event at or after the target. What comes first is a *prelude*: the latest
 * event before it of each stream, so that a subscriber knows how things stood then (of a recording
 * with an index: as far as the 20 s, and some 50,000 events, before tell). A worker reads;
 * input_is_seeking() until done, which hooks.ready tells. */
void input_seek(struct input *input, const struct input_target *target);
bool input_is_seeking(const struct input *input);

/* Makes a seek under way end soon: before the loop is closed. */
void input_abandon(struct input *input);

/* After a seek: the time that was meant, EVENT_NO_TIME if the input ends before it. */
int64_t input_sought_ns(const struct input *input);

const char *input_name(const struct input *input);

/* See producer.h. */
const char *input_format(const struct input *input, int *sure);
void input_counts(const struct input *input, struct input_counts *out);

/* Calls `visit` for the state stream of each source this input has brought so far. */
void input_sources(const struct input *input, void (*visit)(void *ctx, uint32_t stream), void *ctx);

#endif
