/* Bodies of POST /api/v1/publish: what is accepted is what the output holds, and a body that is
 * refused as a whole leaves nothing behind. */
#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "feed/push_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct format_options none = {.symbol = NULL};
    struct feed_push_result result;
    struct format_output out;
    struct streams *streams = streams_create(100);
    assert(streams != NULL);
    format_output_init(&out, streams, &none);
    push_parse((const char *)data, size, &out, &result);
    assert(out.count == result.accepted);
    assert(result.rc == 0 || (out.count == 0 && result.rejected == 0 && result.errors_count == 1));
    assert(result.errors_count <= FEED_PUSH_ERRORS_MAX);
    assert(result.rc != 0 || result.errors_count <= result.rejected);
    for (size_t i = 0; i < out.count; i++)
        assert(out.events[i].stream < streams_count(streams));
    for (size_t i = 0; i < result.errors_count; i++)
        assert(memchr(result.errors[i].reason, '\0', FEED_PUSH_REASON_MAX) != NULL);
    format_output_finish(&out);
    streams_destroy(streams);
    return 0;
}
