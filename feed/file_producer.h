/* file_producer: a recorded file as a source of events.
 *
 * Plain, gzip or zstd, told by the first bytes; in a format of format.h, told by the first lines
 * unless named. Bad lines are skipped: the first one is reported in a batch's message with its line
 * and reason, the others are only counted. Where a file breaks off, everything whole before that
 * has been delivered.
 *
 * A batch is returned when it is full, and after FILE_LINES_PER_FILL lines at the latest, so that
 * progress shows and stopping need not wait. Threads: see producer.h; creating one reads the file's
 * beginning and so may block. */
#ifndef PRICECAST_FEED_FILE_PRODUCER_H
#define PRICECAST_FEED_FILE_PRODUCER_H

#include <stddef.h>
#include <stdint.h>

#include "feed/format.h"
#include "feed/producer.h"

enum { FILE_LINES_PER_FILL = 65536 };

struct file_options {
    const char *path;
    const char *format; /* a name from format.h, or NULL: guess from the content */
    struct format_options keys;
    size_t line_bytes_max; /* longer lines are bad; 0: LINE_BYTES_MAX_DEFAULT */
    uint32_t streams_max;  /* lines of more streams are bad; 0: STREAMS_MAX_DEFAULT */
};

/* Copies what it keeps of `options`. Returns 0 or a negative errno with one line in `error`: what
 * open(2) or read(2) gave; -EINVAL for a bad option; -ENODATA for a file without lines, or one that
 * breaks off before its first line ends; -EILSEQ when the content is of no format, or not of the
 * one named; -ENOMEM. *out changes on success only. */
int file_producer_create(const struct file_options *options, struct producer **out, char *error,
                         size_t error_size);

/* The format in use, and how sure the guess was of it (100 if it was named), for a producer made by
 * file_producer_create(). */
const struct format *file_producer_format(const struct producer *producer);
int file_producer_sure(const struct producer *producer);

#endif
