/* Lines are handed out where they were unpacked; only the beginning of a line that a refill cuts is
 * ever moved. The buffer starts at TEXT_BYTES and doubles while one line fills it, up to line_max.
 *
 * Invariants: start <= scanned <= end <= size; there is no line end in [start, scanned). A line
 * that fills a buffer of line_max + 2 bytes is too long whatever follows, its end being at most
 * two. */
#include "feed/line_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "feed/unpack.h"

enum { TEXT_BYTES = 2 << 20 };

struct line_reader {
    struct unpack *unpack;
    char *text;
    size_t size, size_max;
    size_t start, scanned, end;
    size_t line_max;
    uint64_t dropped;       /* text bytes that have left the buffer */
    size_t refill_text;     /* how much text the last refill brought … */
    uint64_t refill_stored; /* … and where in the stored file it began */
    uint64_t line;
    int rc;           /* what unpack_read() ended with, or 1 */
    bool is_skipping; /* inside a line that was too long; its beginning is gone */
};

int line_reader_open(const char *path, size_t line_max, struct line_reader **out)
{
    struct line_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return -ENOMEM;
    reader->line_max = line_max > 0 ? line_max : LINE_BYTES_MAX_DEFAULT;
    reader->size = TEXT_BYTES;
    reader->size_max = reader->line_max + 2 > TEXT_BYTES ? reader->line_max + 2 : TEXT_BYTES;
    reader->rc = 1;
    int rc = -ENOMEM;
    reader->text = malloc(reader->size);
    if (reader->text != NULL)
        rc = unpack_open(path, &reader->unpack);
    if (rc != 0) {
        line_reader_close(reader);
        return rc;
    }
    *out = reader;
    return 0;
}

void line_reader_close(struct line_reader *reader)
{
    if (reader == NULL)
        return;
    unpack_close(reader->unpack);
    free(reader->text);
    free(reader);
}

static void drop_front(struct line_reader *reader, size_t count)
{
    memmove(reader->text, reader->text + count, reader->end - count);
    reader->start -= count;
    reader->scanned -= count;
    reader->end -= count;
    reader->dropped += count;
}

static int grow(struct line_reader *reader)
{
    const size_t size = reader->size < reader->size_max / 2 ? reader->size * 2 : reader->size_max;
    char *text = realloc(reader->text, size);
    if (text == NULL)
        return -ENOMEM;
    reader->text = text;
    reader->size = size;
    return 0;
}

/* Makes room behind `end`: by dropping what was handed out, growing, or giving up on the line. */
static int make_room(struct line_reader *reader)
{
    if (reader->end < reader->size)
        return 0;
    if (reader->start > 0) {
        drop_front(reader, reader->start);
        return 0;
    }
    if (reader->size < reader->size_max)
        return grow(reader);
    reader->is_skipping = true;
    reader->start = reader->scanned = reader->end;
    drop_front(reader, reader->end);
    return 0;
}

/* Returns as unpack_read(), and the same again once that is not above 0. */
static int refill(struct line_reader *reader)
{
    if (reader->rc <= 0)
        return reader->rc;
    if (reader->is_skipping) {
        reader->start = reader->scanned = reader->end;
        drop_front(reader, reader->end);
    }
    const int rc = make_room(reader);
    if (rc != 0)
        return reader->rc = rc;
    const uint64_t stored = unpack_stored_bytes(reader->unpack);
    const ssize_t got =
        unpack_read(reader->unpack, reader->text + reader->end, reader->size - reader->end);
    if (got <= 0)
        return reader->rc = (int)got;
    reader->refill_stored = stored;
    reader->refill_text = (size_t)got;
    reader->end += (size_t)got;
    return 1;
}

/* The line is [start, stop); the next one begins at `next`. */
static int finish_line(struct line_reader *reader, size_t stop, size_t next, struct line *out)
{
    const char *text = reader->text + reader->start;
    size_t len = stop - reader->start;
    const bool is_too_long = reader->is_skipping;
    reader->is_skipping = false;
    reader->start = reader->scanned = next;
    reader->line++;
    if (len > 0 && text[len - 1] == '\r')
        len--;
    if (reader->line == 1 && len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        len -= 3;
    }
    if (is_too_long || len > reader->line_max)
        return -EMSGSIZE;
    *out = (struct line){.text = text, .len = len, .number = reader->line};
    return 1;
}

int line_reader_next(struct line_reader *reader, struct line *out)
{
    for (;;) {
        const char *from = reader->text + reader->scanned;
        const char *stop = memchr(from, '\n', reader->end - reader->scanned);
        if (stop != NULL) {
            const size_t at = (size_t)(stop - reader->text);
            return finish_line(reader, at, at + 1, out);
        }
        reader->scanned = reader->end;
        const int rc = refill(reader);
        if (rc < 0)
            return rc;
        if (rc == 0 && reader->start == reader->end && !reader->is_skipping)
            return 0;
        if (rc == 0)
            return finish_line(reader, reader->end, reader->end, out);
    }
}

int line_reader_rewind(struct line_reader *reader)
{
    if (reader->dropped > 0) {
        const int rc = unpack_rewind(reader->unpack);
        if (rc != 0)
            return rc;
        reader->dropped = reader->end = 0;
        reader->refill_text = 0;
        reader->refill_stored = 0;
        reader->rc = 1;
    }
    reader->start = reader->scanned = 0;
    reader->line = 0;
    reader->is_skipping = false;
    return 0;
}

int line_reader_seek(struct line_reader *reader, uint64_t offset)
{
    const int rc = unpack_seek(reader->unpack, offset);
    if (rc != 0)
        return rc;
    reader->refill_text = 0;
    reader->refill_stored = offset;
    reader->dropped = (size_t)offset; /* what stands before it is not in the buffer */
    reader->end = reader->start = reader->scanned = 0;
    reader->rc = 1;
    reader->line = 0;
    reader->is_skipping = false;
    return 0;
}

/* What the last refill brought was read at once, but is used up only as its lines are. */
static uint64_t stored_used(const struct line_reader *reader)
{
    const uint64_t stored = unpack_stored_bytes(reader->unpack);
    const size_t unread = reader->end - reader->start;
    if (reader->rc <= 0 && reader->scanned == reader->end)
        return stored; /* here it ends */
    if (unread >= reader->refill_text)
        return reader->refill_stored;
    return reader->refill_stored +
           (stored - reader->refill_stored) * (reader->refill_text - unread) / reader->refill_text;
}

struct line_position line_reader_position(const struct line_reader *reader)
{
    return (struct line_position){
        .line = reader->line,
        .text_bytes = reader->dropped + reader->end,
        .stored_bytes = stored_used(reader),
        .stored_total = unpack_stored_total(reader->unpack),
    };
}

const char *line_reader_problem(const struct line_reader *reader)
{
    const bool is_ours = reader->rc == -ENOMEM && unpack_problem(reader->unpack)[0] == '\0';
    return is_ours ? "out of memory for a long line" : unpack_problem(reader->unpack);
}

bool line_reader_has_garbage(const struct line_reader *reader)
{
    return unpack_has_garbage(reader->unpack);
}
