#include "feed/native_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "feed/item.h"
#include "feed/le.h"
#include "feed/pack.h"

enum { VERSION = 1, HEAD_BYTES = 24, ZSTD_LEVEL = 1, LINE_BYTES_GUESS = 200 };

static const char tag[4] = "pcst";

void native_state_finish(struct native_state *state)
{
    free(state->latest);
    *state = (struct native_state){.latest = NULL};
}

/* ---- writing ---- */

static bool make_room(struct native_state *state, uint32_t stream)
{
    const uint32_t size = stream * 2 + 64;
    struct price_event *grown = reallocarray(state->latest, size, sizeof *grown);
    if (grown == NULL)
        return false;
    for (uint32_t i = state->size; i < size; i++)
        grown[i] = event_make(EVENT_LAPPED);
    state->latest = grown;
    state->size = size;
    return true;
}

void native_state_note(struct native_state *state, const struct price_event *event, size_t text)
{
    state->text_since += text;
    if (event->stream >= state->size && !make_room(state, event->stream)) {
        state->is_lost = true;
        return;
    }
    state->count += state->latest[event->stream].kind == EVENT_LAPPED;
    state->latest[event->stream] = *event;
}

bool native_state_is_due(const struct native_state *state)
{
    return state->count > 0 && !state->is_lost &&
           state->text_since >= (uint64_t)NATIVE_STATE_RATIO * state->count * LINE_BYTES_GUESS;
}

static size_t put_lines(const struct native_state *state, const struct streams *streams, char *out)
{
    char *at = out;
    for (uint32_t i = 0; i < state->size; i++) {
        if (state->latest[i].kind == EVENT_LAPPED)
            continue;
        at += item_prefix(streams_get(streams, i), at);
        at += item_rest(&state->latest[i], at);
        *at++ = '\n';
    }
    return (size_t)(at - out);
}

int native_state_pack(struct native_state *state, const struct streams *streams, uint64_t offset,
                      void **out, size_t *out_len)
{
    char *text = reallocarray(NULL, state->count + 1, ITEM_BYTES_MAX + 1);
    if (text == NULL)
        return -ENOMEM;
    const size_t len = put_lines(state, streams, text), room = ZSTD_compressBound(len);
    unsigned char *content = len > NATIVE_STATE_TEXT_MAX ? NULL : malloc(HEAD_BYTES + room);
    size_t packed = 0;
    state->text_since = 0;
    if (content != NULL) {
        memcpy(content, tag, sizeof tag);
        memset(content + 4, 0, 4);
        content[4] = VERSION;
        le_put_u64(content + 8, offset);
        le_put_u64(content + 16, len);
        packed = ZSTD_compress(content + HEAD_BYTES, room, text, len, ZSTD_LEVEL);
    }
    free(text);
    if (content == NULL || ZSTD_isError(packed)) {
        free(content);
        return len > NATIVE_STATE_TEXT_MAX ? -E2BIG : -ENOMEM;
    }
    *out = content;
    *out_len = HEAD_BYTES + packed;
    return 0;
}

/* ---- reading ---- */

static int read_at(int fd, void *out, size_t len, uint64_t offset)
{
    for (size_t have = 0; have < len;) {
        const ssize_t got = pread(fd, (char *)out + have, len - have, (off_t)(offset + have));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : -EBADMSG;
        have += (size_t)got;
    }
    return 0;
}

static int unpack_text(const void *packed, size_t packed_len, char **out, size_t len)
{
    char *text = malloc(len + 1);
    if (text == NULL)
        return -ENOMEM;
    const size_t got = ZSTD_decompress(text, len, packed, packed_len);
    if (got != len) { /* an error is larger than any length */
        free(text);
        return -EBADMSG;
    }
    *out = text;
    return 0;
}

/* Returns what stands behind the head, which is the caller's, or sets *rc. */
static void *read_packed(int fd, uint64_t offset, size_t *packed_len, size_t *text_len, int *rc)
{
    unsigned char head[PACK_LABEL_HEAD_BYTES + HEAD_BYTES], *const content =
                                                                head + PACK_LABEL_HEAD_BYTES;
    *rc = read_at(fd, head, sizeof head, offset);
    if (*rc != 0)
        return NULL;
    const uint64_t frame = le_get_u64(head), size = frame >> 32, text = le_get_u64(content + 16);
    if ((uint32_t)frame != PACK_LABEL_MAGIC || memcmp(content, tag, sizeof tag) != 0 ||
        content[4] != VERSION || le_get_u64(content + 8) != offset || size < HEAD_BYTES ||
        text > NATIVE_STATE_TEXT_MAX || size > HEAD_BYTES + ZSTD_compressBound(text)) {
        *rc = -EBADMSG;
        return NULL;
    }
    *packed_len = size - HEAD_BYTES;
    *text_len = text;
    void *packed = malloc(*packed_len + 1);
    *rc = packed == NULL ? -ENOMEM : read_at(fd, packed, *packed_len, offset + sizeof head);
    if (*rc == 0)
        return packed;
    free(packed);
    return NULL;
}

int native_state_read(const char *path, uint64_t offset, char **out, size_t *out_len)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc;
    size_t packed_len, len;
    if (fd < 0)
        return -errno;
    void *packed = read_packed(fd, offset, &packed_len, &len, &rc);
    close(fd);
    if (packed == NULL)
        return rc;
    rc = unpack_text(packed, packed_len, out, len);
    free(packed);
    if (rc == 0)
        *out_len = len;
    return rc;
}
