/* format_lines: what a format makes of one line, for tests of formats. */
#ifndef PRICECAST_TESTS_SUPPORT_FORMAT_LINES_H
#define PRICECAST_TESTS_SUPPORT_FORMAT_LINES_H

#include <stdlib.h>
#include <string.h>

#include "feed/format.h"
#include "feed/item.h"

/* Embedded in a test's fixture or on its stack; lines_finish() when done. */
struct lines {
    const struct format *format;
    void *parser;
    struct streams *streams;
    struct format_output output;
    char items[4 * ITEM_BYTES_MAX]; /* of the last line: its events as items, seq 0 */
};

/* `options` is borrowed until lines_finish(). */
static inline void lines_begin(struct lines *lines, const struct format *format,
                               const struct format_options *options)
{
    char error[FORMAT_REASON_MAX] = "";
    lines->format = format;
    lines->parser = NULL;
    lines->streams = streams_create(1000);
    format_output_init(&lines->output, lines->streams, options);
    if (format->create != NULL && format->create(options, &lines->parser, error, sizeof error) != 0)
        fail_msg("%s", error);
}

static inline void lines_init(struct lines *lines, const struct format *format, const char *symbol,
                              const char *source)
{
    const struct format_options options = {.symbol = symbol, .source = source};
    lines_begin(lines, format, &options);
}

static inline void lines_finish(struct lines *lines)
{
    if (lines->parser != NULL)
        lines->format->destroy(lines->parser);
    format_output_finish(&lines->output);
    streams_destroy(lines->streams);
}

/* Parses a line that stands in memory of its very size, so that ASan sees any byte too many. */
static inline enum format_result lines_parse(struct lines *lines, const char *text, size_t len)
{
    char *copy = malloc(len > 0 ? len : 1);
    memcpy(copy, text, len);
    lines->output.count = 0;
    lines->output.reason[0] = '\0';
    const enum format_result result =
        lines->format->parse_line(lines->parser, copy, len, &lines->output);
    free(copy);
    char *at = lines->items;
    for (size_t i = 0; i < lines->output.count && i < 4; i++) {
        const struct price_event *event = &lines->output.events[i];
        at += item_prefix(streams_get(lines->streams, event->stream), at);
        at += item_rest(event, at);
    }
    *at = '\0';
    return result;
}

/* The items a good line gives; an answer of its own for the others. */
static inline const char *lines_items(struct lines *lines, const char *text)
{
    static const char *const answers[] = {NULL, "ignored", "bad", "refused"};
    const enum format_result result = lines_parse(lines, text, strlen(text));
    return result == FORMAT_EVENTS ? lines->items : answers[result];
}

#endif
