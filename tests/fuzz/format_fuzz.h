/* format_fuzz: feeds bytes to a format line by line and checks what comes out. */
#ifndef PRICECAST_TESTS_FUZZ_FORMAT_FUZZ_H
#define PRICECAST_TESTS_FUZZ_FORMAT_FUZZ_H

#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "feed/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Prices and sizes stand somewhere in `text` as they will be printed (it is all of the input,
 * because some formats merge lines), unless that is NULL. */
static inline void check_event(const struct price_event *event, const struct streams *streams,
                               const char *text, size_t len)
{
    char out[DECIMAL_TEXT_MAX];
    assert(event->kind == EVENT_TRADE || event->kind == EVENT_QUOTE);
    assert(event->stream < streams_count(streams));
    const struct stream *stream = streams_get(streams, event->stream);
    assert(stream->kind == (enum event_kind)event->kind);
    assert(name_is_valid(stream->symbol, strlen(stream->symbol)));
    assert(name_is_valid(stream->source, strlen(stream->source)));
    assert(event->detail <= SIDE_SELL && (event->kind == EVENT_TRADE || event->detail == 0));
    for (int i = 0; i < EVENT_VALUES; i++) {
        const struct decimal value = event_value(event, i);
        if (decimal_is_absent(value))
            continue;
        assert(event->kind == EVENT_QUOTE || i < 2);
        const size_t printed = decimal_format(value, out);
        assert(text == NULL || memmem(text, len, out, printed) != NULL);
    }
}

static inline void fuzz_line(const struct format *format, void *parser, const char *text,
                             size_t len, struct format_output *out, const char *all, size_t all_len)
{
    out->count = 0;
    out->reason[0] = '\0';
    const enum format_result result = format->parse_line(parser, text, len, out);
    assert(result <= FORMAT_REFUSED);
    assert((out->reason[0] != '\0') == (result == FORMAT_BAD || result == FORMAT_REFUSED));
    if (result == FORMAT_EVENTS)
        for (size_t i = 0; i < out->count; i++)
            check_event(&out->events[i], out->streams, all, all_len);
}

/* `as_written`: values are printed as they stand in the input. */
static inline int fuzz_format_with(const struct format *format,
                                   const struct format_options *options, bool as_written,
                                   const uint8_t *data, size_t size)
{
    enum { GUESSED_LINES = 4 };
    struct format_output out;
    struct line lines[GUESSED_LINES];
    size_t count = 0;
    struct streams *streams = streams_create(64);
    void *parser = NULL;
    char error[FORMAT_REASON_MAX];
    if (format->create != NULL)
        assert(format->create(options, &parser, error, sizeof error) == 0);
    format_output_init(&out, streams, options);
    const char *at = (const char *)data, *const end = at + size;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const size_t len = (size_t)((stop != NULL ? stop : end) - at);
        if (len > 0) /* nobody parses empty lines */
            fuzz_line(format, parser, at, len, &out, as_written ? (const char *)data : NULL, size);
        if (count < GUESSED_LINES && len > 0) {
            lines[count] = (struct line){.text = at, .len = len, .number = count + 1};
            count++;
        }
        at += len + 1;
    }
    const char *why = "";
    if (count > 0) {
        const int sure = format->guess(lines, count, &why);
        assert(sure >= 0 && sure <= 100);
    }
    if (parser != NULL)
        format->destroy(parser);
    format_output_finish(&out);
    streams_destroy(streams);
    return 0;
}

static inline int fuzz_format(const struct format *format, const uint8_t *data, size_t size)
{
    const struct format_options options = {0};
    return fuzz_format_with(format, &options, true, data, size);
}

#endif
