/* The format is chosen, and tried, on a sample of the file's first lines before anything is
 * replayed: a wrong file or option must stop the program at its start with one line, not show up
 * as a million bad lines later. The sample is then read again by a rewind. */
#include "feed/file_producer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/foreign.h"
#include "feed/line_reader.h"
#include "feed/native_index.h"
#include "feed/native_state.h"

enum { SAMPLE_LINES_MAX = 16, SAMPLE_EMPTY_MAX = 65536, SAMPLE_BYTES_ENOUGH = 64 * 1024 };
enum { SHOWN_BYTES_MAX = 60 };
enum { PATH_SHOWN_MAX = 100 }; /* bytes of a path's end in messages, which have a fixed size */

struct file_producer {
    struct producer producer; /* first: producer_ops get this */
    char *path;
    const char *shown; /* the path's end */
    size_t line_bytes_max;
    struct format_options options; /* the texts are owned */
    const struct format *format;
    int sure;
    void *parser;
    struct line_reader *reader;
    struct format_output output; /* the events of the last line … */
    size_t taken;                /* … of which so many are in batches already */
    enum producer_end end;
    bool has_told_bad;
    uint64_t lines, ignored, bad, events;
};

/* ---- fill ---- */

/* The beginning of a line, fit for a terminal. `out` holds 4 * SHOWN_BYTES_MAX + 4 bytes. */
static void show_line(const struct line *line, char *out)
{
    const size_t len = line->len < SHOWN_BYTES_MAX ? line->len : SHOWN_BYTES_MAX;
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)line->text[i];
        out += sprintf(out, c >= 0x20 && c < 0x7f ? "%c" : "\\x%02x", c);
    }
    strcpy(out, len < line->len ? "..." : "");
}

/* `line` is NULL for one that was too long to be read. */
static void count_bad(struct file_producer *file, struct event_batch *batch, uint64_t number,
                      const struct line *line, const char *reason)
{
    char shown[4 * SHOWN_BYTES_MAX + 4] = "";
    file->bad++;
    if (!file->has_told_bad && line != NULL)
        show_line(line, shown);
    if (!file->has_told_bad)
        snprintf(batch->message, sizeof batch->message,
                 "%s:%" PRIu64 ": %s%s%s; further bad lines are only counted", file->shown, number,
                 reason, line != NULL ? "; the line is: " : "", shown);
    file->has_told_bad = true;
}

/* Moves the last line's events into the batch. Returns whether all of them found room. */
static bool move_events(struct file_producer *file, struct event_batch *batch)
{
    const size_t left = file->output.count - file->taken;
    const size_t room = BATCH_EVENTS_MAX - batch->count;
    const size_t count = left < room ? left : room;
    if (count > 0)
        memcpy(&batch->events[batch->count], &file->output.events[file->taken],
               count * sizeof batch->events[0]);
    batch->count += count;
    file->events += count;
    file->taken += count;
    return count == left;
}

static enum format_result parse_line(struct file_producer *file, const struct line *line)
{
    file->output.count = file->taken = 0;
    const enum format_result result =
        file->format->parse_line(file->parser, line->text, line->len, &file->output);
    if (result != FORMAT_EVENTS)
        file->output.count = 0; /* a line is taken whole or not at all */
    return result;
}

static void take_line(struct file_producer *file, struct event_batch *batch,
                      const struct line *line)
{
    file->lines++;
    if (line->len == 0)
        return;
    switch (parse_line(file, line)) {
    case FORMAT_EVENTS:
        break;
    case FORMAT_IGNORED:
        file->ignored++;
        break;
    case FORMAT_BAD:
        count_bad(file, batch, line->number, line, file->output.reason);
        break;
    case FORMAT_REFUSED:
        file->bad++;
        file->end = PRODUCER_BROKEN;
        snprintf(batch->message, sizeof batch->message,
                 "%s:%" PRIu64 ": %s; everything before it was replayed", file->shown, line->number,
                 file->output.reason);
        break;
    }
}

static void take_long_line(struct file_producer *file, struct event_batch *batch)
{
    char reason[64];
    snprintf(reason, sizeof reason, "longer than %zu bytes (--max-line-bytes)",
             file->line_bytes_max);
    file->lines++;
    count_bad(file, batch, line_reader_position(file->reader).line, NULL, reason);
}

static void tell_nothing_found(const struct file_producer *file, struct event_batch *batch)
{
    const size_t used = strlen(batch->message);
    snprintf(batch->message + used, sizeof batch->message - used,
             "%s%s: no trades or quotes in %" PRIu64 " lines (format %s; %" PRIu64
             " ignored, %" PRIu64 " bad); they are made of %s",
             used > 0 ? "; " : "", file->shown, file->lines, file->format->name, file->ignored,
             file->bad, file->format->takes);
}

/* No more lines: `rc` is why. */
static void take_end(struct file_producer *file, struct event_batch *batch, int rc)
{
    const struct line_position at = line_reader_position(file->reader);
    const bool is_whole = rc == 0 && !line_reader_has_garbage(file->reader);
    file->end = is_whole ? PRODUCER_ENDED : PRODUCER_BROKEN;
    if (!is_whole)
        snprintf(batch->message, sizeof batch->message,
                 "%s: %s at byte %" PRIu64 " (line %" PRIu64 ", byte %" PRIu64
                 " of the text); everything before it was replayed",
                 file->shown, line_reader_problem(file->reader), at.stored_bytes, at.line + 1,
                 at.text_bytes);
    if (rc == 0 && file->events == 0)
        tell_nothing_found(file, batch);
}

static void file_fill(struct producer *producer, struct event_batch *batch)
{
    struct file_producer *file = (struct file_producer *)producer;
    const uint64_t lines_max = file->lines + FILE_LINES_PER_FILL;
    struct line line;
    batch->count = 0;
    batch->message[0] = '\0';
    while (move_events(file, batch) && batch->count < BATCH_EVENTS_MAX &&
           file->end == PRODUCER_MORE && file->lines < lines_max) {
        const int rc = line_reader_next(file->reader, &line);
        if (rc == 1)
            take_line(file, batch, &line);
        else if (rc == -EMSGSIZE)
            take_long_line(file, batch);
        else if (batch->message[0] != '\0')
            break; /* one piece of news a batch: the reader repeats its end */
        else
            take_end(file, batch, rc);
    }
    const struct line_position at = line_reader_position(file->reader);
    batch->end = file->end;
    batch->lines = file->lines;
    batch->ignored = file->ignored;
    batch->bad = file->bad;
    batch->bytes_read = at.stored_bytes;
    batch->bytes_total = at.stored_total;
}

/* ---- rewind and destroy ---- */

static void parser_destroy(struct file_producer *file)
{
    if (file->parser != NULL)
        file->format->destroy(file->parser);
    file->parser = NULL;
}

static int parser_create(struct file_producer *file, char *error, size_t error_size)
{
    if (file->format->create == NULL)
        return 0;
    char problem[FORMAT_REASON_MAX] = "out of memory";
    const int rc = file->format->create(&file->options, &file->parser, problem, sizeof problem);
    if (rc != 0)
        snprintf(error, error_size, "%s: format %s: %s", file->path, file->format->name, problem);
    return rc;
}

/* After the reader has gone elsewhere. */
static int parsing_restart(struct file_producer *file)
{
    file->output.count = file->taken = 0;
    file->end = PRODUCER_MORE;
    parser_destroy(file);
    char error[PRODUCER_MESSAGE_MAX]; /* nothing to say: the same options were good before */
    return parser_create(file, error, sizeof error);
}

static int file_rewind(struct producer *producer)
{
    struct file_producer *file = (struct file_producer *)producer;
    const int rc = line_reader_rewind(file->reader);
    return rc != 0 ? rc : parsing_restart(file);
}

/* Begins with the events of a state; it is no part of the lines. Without them the seek goes on. */
static void state_take(struct file_producer *file, uint64_t offset)
{
    char *text;
    size_t len;
    if (native_state_read(file->path, offset, &text, &len) != 0)
        return;
    for (const char *at = text, *const end = text + len; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL)
            break;
        if (stop > at)
            file->format->parse_line(file->parser, at, (size_t)(stop - at), &file->output);
        at = stop + 1;
    }
    free(text);
}

/* Our own recordings have an index, see native_index.h. */
static int file_jump(struct producer *producer, int64_t time_ns, int64_t lookback_ns)
{
    struct file_producer *file = (struct file_producer *)producer;
    uint64_t offset, state = 0;
    if (file->format != &format_native)
        return -ENOTSUP;
    int rc = lookback_ns > 0 ? native_seek_stand(file->path, time_ns, lookback_ns, &offset, &state)
                             : native_seek_offset(file->path, time_ns, &offset);
    if (rc == 0)
        rc = line_reader_seek(file->reader, offset);
    if (rc == 0)
        rc = parsing_restart(file);
    if (rc == 0 && state > 0)
        state_take(file, state);
    return rc;
}

static int file_locate(struct producer *producer, double fraction, int64_t *out_time_ns)
{
    struct file_producer *file = (struct file_producer *)producer;
    if (file->format != &format_native)
        return -ENOTSUP;
    return native_seek_time(file->path, fraction, out_time_ns);
}

static void file_destroy(struct producer *producer)
{
    struct file_producer *file = (struct file_producer *)producer;
    if (file == NULL)
        return;
    parser_destroy(file);
    format_output_finish(&file->output);
    line_reader_close(file->reader);
    streams_destroy(file->producer.streams);
    for (size_t i = 0; format_key_at(i) != NULL; i++)
        free((char *)*format_key_value(&file->options, i));
    free(file->path);
    free(file);
}

static const struct producer_ops file_ops = {file_fill, file_rewind, file_destroy, file_jump,
                                             file_locate};

/* ---- create ---- */

/* The first lines that are not empty, copied because the reader's buffer moves. */
struct sample {
    struct line lines[SAMPLE_LINES_MAX];
    char *texts[SAMPLE_LINES_MAX];
    size_t count, bytes;
};

static int sample_add(struct sample *sample, const struct line *line)
{
    char *copy = malloc(line->len);
    if (copy == NULL)
        return -ENOMEM;
    memcpy(copy, line->text, line->len);
    sample->texts[sample->count] = copy;
    sample->lines[sample->count++] = (struct line){copy, line->len, line->number};
    sample->bytes += line->len;
    return 0;
}

static void sample_finish(struct sample *sample)
{
    for (size_t i = 0; i < sample->count; i++)
        free(sample->texts[i]);
}

/* Why there is nothing to look at, as the reader ended with `rc`. Returns the error to give. */
static int refuse_empty(const struct file_producer *file, int rc, bool has_long_line, char *error,
                        size_t error_size)
{
    const struct line_position at = line_reader_position(file->reader);
    if (rc < 0 || line_reader_has_garbage(file->reader)) {
        snprintf(error, error_size, "%s: %s at byte %" PRIu64 ", before the first line ends",
                 file->path, line_reader_problem(file->reader), at.stored_bytes);
        return rc < 0 ? rc : -EBADMSG;
    }
    if (has_long_line)
        snprintf(error, error_size,
                 "%s: the first lines are longer than %zu bytes (--max-line-bytes)", file->path,
                 file->line_bytes_max);
    else
        snprintf(error, error_size, "%s: %s", file->path,
                 at.text_bytes == 0 ? "the file is empty" : "the first lines are all empty");
    return -ENODATA;
}

/* Reads on until there is enough to judge by. */
static int sample_read(struct file_producer *file, struct sample *sample, char *error,
                       size_t error_size)
{
    struct line line;
    unsigned long_lines = 0;
    int rc = 1;
    for (unsigned i = 0; i < SAMPLE_EMPTY_MAX && sample->count + long_lines < SAMPLE_LINES_MAX &&
                         sample->bytes < SAMPLE_BYTES_ENOUGH && rc > 0;
         i++) {
        rc = line_reader_next(file->reader, &line);
        if (rc == 1 && line.len > 0 && sample_add(sample, &line) != 0)
            return -ENOMEM;
        if (rc == -EMSGSIZE) {
            long_lines++;
            rc = 1;
        }
    }
    return sample->count > 0 ? 0 : refuse_empty(file, rc, long_lines > 0, error, error_size);
}

static int guess_format(struct file_producer *file, const struct sample *sample, char *tried,
                        char *error, size_t error_size)
{
    char shown[4 * SHOWN_BYTES_MAX + 4];
    file->format = format_guess(sample->lines, sample->count, &file->options, &file->sure, tried);
    if (file->format != NULL)
        return 0;
    show_line(&sample->lines[0], shown);
    const char *name = foreign_name(sample->lines[0].text, sample->lines[0].len);
    snprintf(error, error_size, "%s: format not recognised%s%s; line %" PRIu64 " is: %s; tried: %s",
             file->path, name != NULL ? ", it looks like " : "", name != NULL ? name : "",
             sample->lines[0].number, shown, tried);
    return -EILSEQ;
}

static int find_format(struct file_producer *file, const char *name, char *error, size_t error_size)
{
    file->format = format_find(name);
    file->sure = 100;
    if (file->format != NULL)
        return 0;
    size_t used = (size_t)snprintf(error, error_size,
                                   "%s: unknown format \"%s\"; allowed:", file->path, name);
    for (size_t i = 0; format_at(i) != NULL && used < error_size; i++)
        used += (size_t)snprintf(error + used, error_size - used, "%s %s", i > 0 ? "," : "",
                                 format_at(i)->name);
    return -EINVAL;
}

static int refuse_key(const struct file_producer *file, const char *key, char *error,
                      size_t error_size)
{
    size_t used =
        (size_t)snprintf(error, error_size, "%s: format %s takes no %s=; allowed:", file->path,
                         file->format->name, key);
    for (const char *const *at = file->format->keys; *at != NULL && used < error_size; at++)
        used += (size_t)snprintf(error + used, error_size - used,
                                 "%s %s=", at == file->format->keys ? "" : ",", *at);
    return -EINVAL;
}

static int check_options(struct file_producer *file, char *error, size_t error_size)
{
    for (size_t i = 0; format_key_at(i) != NULL; i++)
        if (*format_key_value(&file->options, i) != NULL &&
            !format_takes(file->format, format_key_at(i)))
            return refuse_key(file, format_key_at(i), error, error_size);
    const struct {
        const char *key, *name;
    } names[] = {{"symbol", file->options.symbol}, {"source", file->options.source}};
    for (size_t i = 0; i < 2; i++)
        if (names[i].name != NULL && !name_is_valid(names[i].name, strlen(names[i].name))) {
            snprintf(error, error_size,
                     "%s: %s= must be 1 to %d bytes of UTF-8 without control characters",
                     file->path, names[i].key, NAME_BYTES_MAX);
            return -EINVAL;
        }
    return 0;
}

/* `tried` is "" for a format that was named. */
static void refuse_content(const struct file_producer *file, const struct line *line,
                           bool is_refused, const char *tried, char *error, size_t error_size)
{
    char shown[4 * SHOWN_BYTES_MAX + 4];
    show_line(line, shown);
    snprintf(error, error_size, "%s: %s%s: line %" PRIu64 ": %s; the line is: %s%s%s", file->path,
             is_refused ? "format " : "the content is not of format ", file->format->name,
             line->number, file->output.reason, shown, *tried != '\0' ? "; tried: " : "", tried);
}

/* Refuses a file of which no line of the sample is good; a header alone is no proof. */
static int try_format(struct file_producer *file, const struct sample *sample, const char *tried,
                      char *error, size_t error_size)
{
    bool has_bad = false;
    for (size_t i = 0; i < sample->count; i++) {
        const enum format_result result = parse_line(file, &sample->lines[i]);
        if (result == FORMAT_IGNORED || (result == FORMAT_EVENTS && file->output.count > 0))
            return 0;
        if (result == FORMAT_REFUSED || (result == FORMAT_BAD && !has_bad))
            refuse_content(file, &sample->lines[i], result == FORMAT_REFUSED, tried, error,
                           error_size);
        if (result == FORMAT_REFUSED)
            return -EILSEQ;
        has_bad = has_bad || result == FORMAT_BAD;
    }
    return has_bad ? -EILSEQ : 0;
}

static int settle_format(struct file_producer *file, const struct file_options *options,
                         char *error, size_t error_size)
{
    struct sample sample = {.count = 0};
    char tried[FORMAT_TRIED_MAX] = "";
    int rc = options->format != NULL ? find_format(file, options->format, error, error_size) : 0;
    if (rc == 0)
        rc = sample_read(file, &sample, error, error_size);
    if (rc == 0 && options->format == NULL)
        rc = guess_format(file, &sample, tried, error, error_size);
    if (rc == 0)
        rc = check_options(file, error, error_size);
    if (rc == 0)
        rc = parser_create(file, error, error_size);
    if (rc == 0)
        rc = try_format(file, &sample, tried, error, error_size);
    if (rc == 0)
        rc = file_rewind(&file->producer);
    sample_finish(&sample);
    return rc;
}

static int copy_text(const char *text, char **out)
{
    *out = text == NULL ? NULL : strdup(text);
    return text != NULL && *out == NULL ? -ENOMEM : 0;
}

static int copy_options(const struct file_options *options, struct format_options *out)
{
    struct format_options given = options->keys;
    for (size_t i = 0; format_key_at(i) != NULL; i++) {
        char *copy;
        if (copy_text(*format_key_value(&given, i), &copy) != 0)
            return -ENOMEM;
        *format_key_value(out, i) = copy;
    }
    return 0;
}

/* What can fail for want of memory only. */
static struct file_producer *file_make(const struct file_options *options)
{
    struct file_producer *file = calloc(1, sizeof *file);
    if (file == NULL)
        return NULL;
    file->line_bytes_max =
        options->line_bytes_max > 0 ? options->line_bytes_max : LINE_BYTES_MAX_DEFAULT;
    file->producer.streams =
        streams_create(options->streams_max > 0 ? options->streams_max : STREAMS_MAX_DEFAULT);
    if (file->producer.streams == NULL || copy_text(options->path, &file->path) != 0 ||
        copy_options(options, &file->options) != 0) {
        file_destroy(&file->producer);
        return NULL;
    }
    const size_t path_len = strlen(file->path);
    file->shown = file->path + (path_len > PATH_SHOWN_MAX ? path_len - PATH_SHOWN_MAX : 0);
    file->producer.ops = &file_ops;
    file->producer.name = file->path;
    format_output_init(&file->output, file->producer.streams, &file->options);
    return file;
}

int file_producer_create(const struct file_options *options, struct producer **out, char *error,
                         size_t error_size)
{
    snprintf(error, error_size, "%s: out of memory", options->path);
    struct file_producer *file = file_make(options);
    if (file == NULL)
        return -ENOMEM;
    int rc = line_reader_open(file->path, file->line_bytes_max, &file->reader);
    if (rc != 0)
        snprintf(error, error_size, "%s: %s", file->path, strerror(-rc));
    else
        rc = settle_format(file, options, error, error_size);
    if (rc != 0) {
        file_destroy(&file->producer);
        return rc;
    }
    file->producer.format = file->format->name;
    file->producer.sure = file->sure;
    error[0] = '\0';
    *out = &file->producer;
    return 0;
}

const struct format *file_producer_format(const struct producer *producer)
{
    return ((const struct file_producer *)producer)->format;
}

int file_producer_sure(const struct producer *producer)
{
    return ((const struct file_producer *)producer)->sure;
}
