/* feed_inputs: several recordings as one: their events in the order in which a replay sends them.
 *
 * Events merge by receive time (source time where there is none); equal times keep the order in
 * which the files were named, then the order within the file. Streams are numbered in a table of
 * their own and `seq` counts in each from 1, as the bus would. Memory is flat: a batch of events
 * and a reader's buffer for each file.
 *
 * One thread. */
#ifndef PRICECAST_TOOLS_FEED_INPUTS_H
#define PRICECAST_TOOLS_FEED_INPUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/event.h"
#include "feed/producer.h"
#include "feed/streams.h"
#include "feed/when.h"

/* For a message to the user, of which nothing is lost: PATH:LINE: what. */
typedef void feed_message_fn(void *ctx, const char *text);

/* Opens one file. `spec` is what --feed takes (see feed/spec.h) but no simulator; - is stdin.
 * Longer lines than line_bytes_max (0: the default) are bad. Sets *out to the producer, the
 * caller's, and *offset_ns to what to add to its times. Returns 0; -EINVAL (the spec is bad); or as
 * file_producer_create(); with one line in `error`. */
int feed_file_open(const char *spec, size_t line_bytes_max, struct producer **out,
                   int64_t *offset_ns, char *error, size_t error_size);

/* Whether nothing at all could be used of a file that was read to its end. One that has a header
 * only, or a recording of a quiet time, is not meant. */
bool feed_file_is_useless(const struct producer *producer, uint64_t events, uint64_t ignored,
                          uint64_t bad);

/* Adds offset_ns to the times the event has. */
void feed_event_shift(struct price_event *event, int64_t offset_ns);

struct feed_inputs;

struct feed_inputs_options {
    const char *const *specs; /* borrowed until feed_inputs_open() returns */
    size_t specs_count;
    struct when from, to;      /* [from, to); what is outside is left out and not counted in seq */
    int64_t reorder_window_ns; /* see feed/reorder.h; 0: events keep the order of their file */
    size_t line_bytes_max;     /* 0: the reader's default */
    feed_message_fn *message;
    void *ctx;
};

/* Returns 0 or as feed_file_open(); *out changes on success only. */
int feed_inputs_open(const struct feed_inputs_options *options, struct feed_inputs **out,
                     char *error, size_t error_size);
void feed_inputs_close(struct feed_inputs *inputs);

/* The next event, with `seq` and a stream of feed_inputs_streams(). Returns NULL at the end, or if
 * memory ran out, which a message says. The event stands until the next call. */
const struct price_event *feed_inputs_next(struct feed_inputs *inputs);
const struct streams *feed_inputs_streams(const struct feed_inputs *inputs);

/* After the end: whether it is not the true one, but a file broke off or had no end in sight. */
bool feed_inputs_is_broken(const struct feed_inputs *inputs);

/* Bytes of the files as they are stored: read so far, and in all, or 0 when that is not known. */
void feed_inputs_progress(const struct feed_inputs *inputs, uint64_t *read, uint64_t *total);

#endif
