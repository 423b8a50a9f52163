/* line_splitter: cuts a stream of bytes into lines, however they arrive.
 *
 * A line ends with LF or CRLF, which are not part of it. A line above the limit is passed over and
 * counted; memory stays at the longest line and a little. One thread. */
#ifndef PRICECAST_FEED_LINE_SPLITTER_H
#define PRICECAST_FEED_LINE_SPLITTER_H

#include <stdbool.h>
#include <stddef.h>

enum { LINE_SPLITTER_READ_BYTES = 64 << 10 }; /* room that is offered at a time */

/* Zeroed but for line_max. */
struct line_splitter {
    size_t line_max; /* bytes of the longest line, without its end */
    char *bytes;     /* owned */
    size_t room;
    size_t begin, end; /* what has not been cut yet */
    size_t searched;   /* no end of a line before here; from `begin` */
    bool is_passing;   /* over the rest of a line that is too long */
};

enum line_split {
    LINE_SPLIT_NONE, /* the bytes so far end within a line, or exactly behind one */
    LINE_SPLIT_LINE,
    LINE_SPLIT_LONG, /* a line was too long: reported once, when that is known */
};

void line_splitter_finish(struct line_splitter *splitter);

/* Where to read to: *size becomes LINE_SPLITTER_READ_BYTES or more. Returns NULL without memory. */
char *line_splitter_room(struct line_splitter *splitter, size_t *size);

/* So many bytes were read there. Take lines until there is none, then read again. */
void line_splitter_read(struct line_splitter *splitter, size_t size);

/* The next line; it stays where it is until the next line_splitter_room(). */
enum line_split line_splitter_next(struct line_splitter *splitter, const char **text, size_t *len);

/* What stands behind the last end of a line, when there is nothing more to read. */
enum line_split line_splitter_last(struct line_splitter *splitter, const char **text, size_t *len);

#endif
