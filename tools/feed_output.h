/* feed_output: where converted events go: a file that appears whole or not at all, or stdout.
 *
 * The file is written as PATH.part and gets its name at the end; a signal that ends the program
 * removes it. Its ending tells the packing, see feed/pack.h.
 *
 * One thread, and one output at a time. Functions returning int give 0 or a negative errno. */
#ifndef PRICECAST_TOOLS_FEED_OUTPUT_H
#define PRICECAST_TOOLS_FEED_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/event.h"
#include "feed/streams.h"

enum output_format {
    OUTPUT_NATIVE, /* a recording, see feed/record_file.h */
    OUTPUT_ITEMS,  /* the same without a header */
    OUTPUT_CSV,    /* see feed_csv.h */
};

struct feed_output;

struct feed_output_options {
    const char
        *path; /* "-" is stdout, never packed; devices and pipes are written to as they are */
    enum output_format format;
    bool replaces;                 /* an existing file */
    const struct streams *streams; /* what the events refer to; borrowed */
};

/* Returns 0 with *out, or a negative errno with one line in `error`. */
int feed_output_open(const struct feed_output_options *options, struct feed_output **out,
                     char *error, size_t error_size);

int feed_output_event(struct feed_output *output, const struct price_event *event);

/* Ends the file, syncs it, gives it its name and sets *bytes to its size; on failure removes it.
 * Frees everything. */
int feed_output_finish(struct feed_output *output, uint64_t *bytes);

/* Removes what was written and frees everything. */
void feed_output_abandon(struct feed_output *output);

#endif
