/* Bytes of a socket, in pieces of any size: the lines are those of the simplest way to cut them.
 * The first byte says how long a line may be, the second how large the pieces are. */
#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "feed/line_splitter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct expected {
    const char *at, *end;
    size_t line_max;
};

/* The next line as it stands in the input. */
static void check(struct expected *expected, enum line_split split, const char *text, size_t len)
{
    const char *stop = memchr(expected->at, '\n', (size_t)(expected->end - expected->at));
    const char *line = expected->at;
    size_t line_len = (size_t)((stop != NULL ? stop : expected->end) - line);
    expected->at = stop != NULL ? stop + 1 : expected->end;
    if (stop != NULL && line_len > 0 && line[line_len - 1] == '\r')
        line_len--;
    assert((split == LINE_SPLIT_LONG) == (line_len > expected->line_max));
    if (split == LINE_SPLIT_LINE)
        assert(len == line_len && (len == 0 || memcmp(text, line, len) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct line_splitter splitter = {.line_max = data[0] + 1u};
    struct expected expected = {(const char *)data + 2, (const char *)data + size, data[0] + 1u};
    const size_t piece = data[1] + 1u;
    const char *text;
    size_t len, room;
    enum line_split split;
    for (size_t at = 2; at < size;) {
        const size_t now = size - at < piece ? size - at : piece;
        char *out = line_splitter_room(&splitter, &room);
        assert(out != NULL && room >= LINE_SPLITTER_READ_BYTES);
        memcpy(out, data + at, now);
        line_splitter_read(&splitter, now);
        at += now;
        while ((split = line_splitter_next(&splitter, &text, &len)) != LINE_SPLIT_NONE)
            check(&expected, split, text, len);
    }
    split = line_splitter_last(&splitter, &text, &len);
    if (split != LINE_SPLIT_NONE)
        check(&expected, split, text, len);
    line_splitter_finish(&splitter);
    return 0;
}
