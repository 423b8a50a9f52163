/* spec_open: what a SPEC names, opened as a producer: a file, or a simulated market. Live sources
 * are live_set's.
 *
 * Threads: one for each call; a spec is only read. */
#ifndef PRICECAST_FEED_SPEC_OPEN_H
#define PRICECAST_FEED_SPEC_OPEN_H

#include <stddef.h>
#include <stdint.h>

#include "feed/producer.h"
#include "feed/spec.h"

struct spec_open_options {
    const char *bundled_path; /* what a path FEED_BUNDLED stands for; NULL: it is a path like any */
    size_t line_bytes_max;    /* 0: the reader's default */
    uint32_t streams_max;     /* of a file; 0: STREAMS_MAX_DEFAULT */
};

/* Sets *out, the caller's, and *offset_ns, to be added to both times of every event. The spec may
 * be finished afterwards. Returns 0, or a negative errno with one line in `error`. */
int spec_open(const struct spec *spec, const struct spec_open_options *options,
              struct producer **out, int64_t *offset_ns, char *error, size_t error_size);

/* A second reader of a file, to look ahead with. Returns NULL where there can be none: a FIFO
 * cannot be read twice, a market without end not be looked through. */
struct producer *spec_open_again(const struct spec *spec, const struct spec_open_options *options,
                                 int64_t *offset_ns);

#endif
