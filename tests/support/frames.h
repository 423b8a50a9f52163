/* frames: WebSocket frames read back by RFC 6455, section 5.2, written without a look at
 * server/frame.c. Servers must not mask; messages here are whole. */
#ifndef PRICECAST_TESTS_SUPPORT_FRAMES_H
#define PRICECAST_TESTS_SUPPORT_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen_frame {
    const char *payload;
    uint64_t len;
    bool is_binary;
};

/* Takes one frame off the front; returns its size with the header, or 0 if it is not a whole,
 * final, unmasked frame of data whose length is written in the fewest bytes. */
static inline size_t frame_take(const void *bytes, size_t size, struct seen_frame *out)
{
    const unsigned char *at = bytes;
    if (size < 2 || (at[0] != 0x81 && at[0] != 0x82) || (at[1] & 0x80) != 0)
        return 0;
    uint64_t len = at[1];
    size_t header = 2, more = len == 126 ? 2 : len == 127 ? 8 : 0;
    if (more > 0) {
        if (size < header + more)
            return 0;
        len = 0;
        for (size_t i = 0; i < more; i++)
            len = len << 8 | at[header + i];
        header += more;
        if (len < (more == 2 ? 126u : 65536u))
            return 0;
    }
    if (len > size - header)
        return 0;
    *out = (struct seen_frame){
        .payload = (const char *)bytes + header, .len = len, .is_binary = at[0] == 0x82};
    return header + (size_t)len;
}

#endif
