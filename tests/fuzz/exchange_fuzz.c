/* Messages of every exchange, a line each: the first byte says whose they are taken for. */
#include "tests/fuzz/format_fuzz.h"

#include "feed/exchange.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct format_options options = {0};
    struct format_output out;
    size_t exchanges = 0;
    if (size < 1)
        return 0;
    while (exchange_at(exchanges) != NULL)
        exchanges++;
    struct streams *streams = streams_create(64);
    struct exchange_session *session = exchange_open(exchange_at(*data % exchanges));
    assert(streams != NULL && session != NULL);
    format_output_init(&out, streams, &options);
    const char *const all = (const char *)data, *const end = all + size;
    for (const char *at = all + 1; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const size_t len = (size_t)((stop != NULL ? stop : end) - at);
        const struct exchange_message message = {.text = at, .len = len, .recv_ns = 1};
        out.count = 0;
        out.reason[0] = '\0';
        exchange_of_message(at, len);
        exchange_of_url(at, len);
        const enum format_result result = exchange_parse(session, &message, &out);
        assert(result <= FORMAT_BAD && (result == FORMAT_BAD) == (out.reason[0] != '\0'));
        for (size_t i = 0; result == FORMAT_EVENTS && i < out.count; i++)
            check_event(&out.events[i], streams, all, size);
        if (len == 0)
            exchange_reset(session);
        at += len + 1;
    }
    exchange_close(session);
    format_output_finish(&out);
    streams_destroy(streams);
    return 0;
}
