/* Any spec of a WebSocket is a place to connect to, or refused with an error that fits its room. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "feed/ws_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_url(const struct spec *spec)
{
    static const char *const ours[] = {"format", "symbols", NULL};
    struct ws_url url;
    char error[100] = "";
    const int rc = ws_url_parse(spec, &url, error, sizeof error);
    assert(rc == 0 || rc == -EINVAL);
    assert(strnlen(error, sizeof error) < sizeof error && (rc == 0) == (error[0] == '\0'));
    if (rc != 0)
        return;
    assert(url.host[0] != '\0' && strnlen(url.host, sizeof url.host) < sizeof url.host);
    assert(url.port > 0);
    char *path = ws_url_path(&url, "/ws", spec, ours);
    assert(path != NULL && path[0] == '/');
    free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 6), error[300] = "";
    struct spec spec;
    memcpy(text, size % 2 ? "ws://" : "wss:/", 5);
    memcpy(text + 5, data, size);
    text[size + 5] = '\0';
    if (spec_parse(text, &spec, error, sizeof error) == 0) {
        if (spec.kind == SPEC_WS)
            check_url(&spec);
        spec_finish(&spec);
    }
    free(text);
    return 0;
}
