/* Any text is a time, a duration, or neither; none overflows, and what is refused changes nothing.
 */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "feed/when.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_when(const char *text)
{
    struct when when = {WHEN_UNSET, 77};
    const int rc = when_parse(text, &when);
    if (rc != 0) {
        assert(rc == -EINVAL && when.kind == WHEN_UNSET && when.ns == 77);
        return;
    }
    assert(when.kind == (*text == '+' ? WHEN_AFTER_START : WHEN_AT));
    if (when.kind == WHEN_AT) {
        assert(when_resolve(&when, 5, 0) == when.ns);
        return;
    }
    assert(when.ns >= 0);
    static const int64_t firsts[] = {INT64_MIN, -1, 0, 1723161300000000000, INT64_MAX};
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++)
        assert(when_resolve(&when, firsts[i], 0) >= firsts[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    int64_t ns = 77;
    check_when(text);
    const int rc = duration_parse(text, &ns);
    assert(rc == 0 ? ns >= 0 : rc == -EINVAL && ns == 77);
    free(text);
    return 0;
}
