/* Also: a parser that knows the streams (native_fast.h) reads the same as one that knows none. */
#include "tests/fuzz/format_fuzz.h"

static void check_same(struct format_output *fast, struct format_output *general, void *parser,
                       const char *text, size_t len)
{
    fast->count = general->count = 0;
    fast->reason[0] = general->reason[0] = '\0';
    const enum format_result result = format_native.parse_line(parser, text, len, fast);
    assert(format_native.parse_line(NULL, text, len, general) == result);
    assert(strcmp(fast->reason, general->reason) == 0);
    if (result == FORMAT_EVENTS) {
        assert(fast->count == general->count);
        assert(fast->count == 0 ||
               memcmp(fast->events, general->events, fast->count * sizeof *fast->events) == 0);
    }
}

/* Every line twice, since the first time is when a stream becomes known. */
static void compare_ways(const char *at, const char *end)
{
    const struct format_options options = {0};
    struct streams *streams[2] = {streams_create(64), streams_create(64)};
    struct format_output fast, general;
    char error[FORMAT_REASON_MAX];
    void *parser;
    assert(format_native.create(&options, &parser, error, sizeof error) == 0);
    format_output_init(&fast, streams[0], &options);
    format_output_init(&general, streams[1], &options);
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const size_t len = (size_t)((stop != NULL ? stop : end) - at);
        for (int i = 0; i < 2 && len > 0; i++)
            check_same(&fast, &general, parser, at, len);
        at += len + 1;
    }
    format_native.destroy(parser);
    format_output_finish(&fast);
    format_output_finish(&general);
    streams_destroy(streams[0]);
    streams_destroy(streams[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    compare_ways((const char *)data, (const char *)data + size);
    return fuzz_format(&format_native, data, size);
}
