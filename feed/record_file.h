/* record_file: one recording in the native format being written.
 *
 * A header line {"pricecast":1,…}, then an item (feed/item.h) a line; notes stand between, objects
 * with a "type", which readers pass over. In a .zst recording a time can be found fast, see
 * feed/native_index.h.
 *
 * One thread. Functions returning int give 0 or a negative errno; the first error stays. */
#ifndef PRICECAST_FEED_RECORD_FILE_H
#define PRICECAST_FEED_RECORD_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/event.h"
#include "feed/pack.h"
#include "feed/streams.h"

struct record_file;

struct record_header {
    int64_t created_ns; /* wall clock; 0: left out, so that the same events make the same file */
    unsigned part;      /* 0: not in parts */
    const char *epoch;  /* of the seq that follow, or NULL */
    const char *source; /* where the events come from, in words, or NULL */
};

/* Takes `pack`, on success only, and writes the header, none if it is NULL. `streams` is what the
 * events refer to, borrowed. */
int record_file_create(struct pack *pack, const struct streams *streams,
                       const struct record_header *header, struct record_file **out);

/* A trade or a quote. -ENOMEM leaves out this one only. */
int record_file_event(struct record_file *file, const struct price_event *event);

/* A note: one JSON object and a newline. */
int record_file_note(struct record_file *file, const char *line, size_t len);

/* See pack.h. */
int record_file_flush(struct record_file *file);
int record_file_sync(struct record_file *file);
int record_file_close(struct record_file *file, bool sync);
uint64_t record_file_size(const struct record_file *file);

/* Events written. */
uint64_t record_file_events(const struct record_file *file);

#endif
