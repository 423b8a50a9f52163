/* Any bytes may come over a connection, in any pieces. The first byte of the input sets the size of
 * the pieces; whatever it is, the messages must be the same. */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/wsclient.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 4096 };

struct seen {
    size_t messages, bytes;
};

static void count(void *ctx, struct wsclient *client, const char *text, size_t len,
                  size_t wire_bytes)
{
    struct seen *seen = ctx;
    (void)client, (void)text, (void)wire_bytes;
    seen->messages++;
    seen->bytes += len;
}

static struct seen play(const uint8_t *data, size_t size, size_t piece)
{
    static char *scratch;
    struct wsclient client = {.is_connected = true, .is_open = true};
    struct seen seen = {0};
    int pair[2];
    if (scratch == NULL)
        scratch = malloc(WSCLIENT_SCRATCH_BYTES);
    if (scratch == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) != 0)
        abort();
    client.fd = pair[0];
    for (ssize_t rc = 0; size > 0 && rc >= 0;) {
        const size_t now = size < piece ? size : piece;
        if (write(pair[1], data, now) != (ssize_t)now)
            abort();
        data += now;
        size -= now;
        rc = wsclient_read(&client, scratch, count, &seen);
    }
    wsclient_finish(&client);
    close(pair[1]);
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > INPUT_MAX)
        return 0;
    const struct seen whole = play(data + 1, size - 1, size);
    const struct seen pieces = play(data + 1, size - 1, 1u + data[0]);
    assert(whole.messages == pieces.messages && whole.bytes == pieces.bytes);
    return 0;
}
