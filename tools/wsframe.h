/* wsframe: the bytes of WebSocket frames (RFC 6455, section 5), for programs that speak it over
 * their own sockets. Pure functions, any thread. */
#ifndef PRICECAST_TOOLS_WSFRAME_H
#define PRICECAST_TOOLS_WSFRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WSFRAME_CONTINUATION = 0,
    WSFRAME_TEXT = 1,
    WSFRAME_BINARY = 2,
    WSFRAME_CLOSE = 8,
    WSFRAME_PING = 9,
    WSFRAME_PONG = 10,
};
enum { WSFRAME_HEADER_MAX = 14, WSFRAME_CONTROL_MAX = 125 };

struct wsframe {
    bool is_final;
    bool is_masked;
    uint8_t opcode;
    size_t header_len;
    uint64_t payload_len;
};

/* Reads the header of the frame that starts at `at`. Returns 0; -EAGAIN when `have` bytes do not
 * hold it all; -EPROTO when no peer may send it. */
int wsframe_decode(const void *at, size_t have, struct wsframe *out);

/* Writes the header of a final frame to `out`, as a server sends it or, `is_client`, as a client;
 * returns its length. A client's mask is all zeros, so that the payload goes out as it is: the mask
 * protects proxies from web pages, of which there are none here. */
size_t wsframe_header(uint8_t opcode, uint64_t payload_len, bool is_client, uint8_t *out);

#endif
