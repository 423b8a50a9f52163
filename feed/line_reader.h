/* line_reader: the lines of a file that may be plain, gzip or zstd (see unpack.h), one at a time.
 *
 * A line ends with LF or CRLF, which are not part of it; the last one may have no end. A UTF-8 byte
 * order mark in front of the first is dropped. Lines may be empty and may hold any byte, NUL too.
 * Memory stays at about 2.3 MiB, or the longest line where that is more.
 *
 * Blocking calls; one thread at a time. */
#ifndef PRICECAST_FEED_LINE_READER_H
#define PRICECAST_FEED_LINE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_BYTES_MAX_DEFAULT (16u << 20)

struct line_reader;

struct line {
    const char *text; /* the reader's, until the next call; no end mark */
    size_t len;
    uint64_t number; /* from 1 */
};

struct line_position {
    uint64_t line;         /* lines finished, those too long included */
    uint64_t text_bytes;   /* unpacked so far */
    uint64_t stored_bytes; /* of the file as it is stored, those of the lines so far: in packed data
                              an estimate, up to the end */
    uint64_t stored_total; /* its size, or 0 when that cannot be known */
};

/* `line_max` is the longest line in bytes without its end, 0 for the default. Returns 0 or a
 * negative errno as unpack_open(); *out changes on success only. */
int line_reader_open(const char *path, size_t line_max, struct line_reader **out);
void line_reader_close(struct line_reader *reader);

/* Returns 1 and sets *out, or
 *   0          the end, and all was whole, unless line_reader_has_garbage(),
 *   -EMSGSIZE  a line above line_max was skipped; go on, it has been counted,
 *   other      as unpack_read(): no more can be had. All whole lines before were delivered; what
 *              stands of the line in which the text stops is not. Repeated when asked again. */
int line_reader_next(struct line_reader *reader, struct line *out);

/* Back to the first line. While all that was read is still in the buffer, as the first lines are,
 * nothing is read again. Otherwise returns -ESPIPE for what is no regular file. */
int line_reader_rewind(struct line_reader *reader);

/* Goes on at an offset of the stored file, see unpack_seek(); a line must begin there. Lines are
 * counted from there. */
int line_reader_seek(struct line_reader *reader, uint64_t offset);

struct line_position line_reader_position(const struct line_reader *reader);

/* See unpack.h. */
const char *line_reader_problem(const struct line_reader *reader);
bool line_reader_has_garbage(const struct line_reader *reader);

#endif
