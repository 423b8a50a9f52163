/* wsclient: one WebSocket client on a non-blocking socket, small enough to have thousands of.
 *
 * The owner waits for the socket (wsclient_wants_write() tells what for) and calls wsclient_write()
 * and wsclient_read(). An idle connection holds no buffer: bytes are read into scratch memory that
 * all clients share, and only an unfinished frame is kept aside. Pings and closes are answered
 * here.
 *
 * Errors are negative errnos: -EPROTO (the peer broke the protocol, or refused the upgrade: see
 * http_status), -EMSGSIZE (message too long), -ESHUTDOWN (closed in good order: see close_code),
 * -ECONNRESET (the connection ended without a Close), and what the socket reports. After an error
 * only wsclient_finish() is left. No thread of its own; use one client from one thread at a time.
 */
#ifndef PRICECAST_TOOLS_WSCLIENT_H
#define PRICECAST_TOOLS_WSCLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Scratch memory must hold the longest message with its header. */
#define WSCLIENT_SCRATCH_BYTES ((1u << 20) + (256u << 10))

struct wsclient_bytes {
    char *at;
    size_t len, size;
};

struct wsclient {
    int fd;
    bool is_connected, is_open;
    uint8_t fragment_opcode;         /* 0: not inside a fragmented message */
    int http_status;                 /* of the upgrade's answer, 0 before */
    int close_code;                  /* the peer's, 0 before; 1005 when it gave none */
    struct wsclient_bytes kept;      /* the beginning of a frame, or of the upgrade's answer */
    struct wsclient_bytes fragments; /* the beginning of a message */
    struct wsclient_bytes unsent;
};

/* A whole message. `wire_bytes` counts its last frame with header. The text is borrowed until the
 * return. The client may be written to, not finished. */
typedef void wsclient_message_fn(void *ctx, struct wsclient *client, const char *text, size_t len,
                                 size_t wire_bytes);

/* Opens a socket, starts to connect and queues the upgrade `request`. */
int wsclient_init(struct wsclient *client, const struct sockaddr *address, socklen_t address_len,
                  const char *request, size_t request_len);

/* Frees all and closes the socket. NULL and zeroed (with fd -1) are fine. */
void wsclient_finish(struct wsclient *client);

/* Queues a text message and sends what the socket takes. Returns 0 or an error. */
int wsclient_send_text(struct wsclient *client, const char *text, size_t len);

/* Sends what waits; the first call after the socket became writeable also ends the connecting. */
int wsclient_write(struct wsclient *client);

bool wsclient_wants_write(const struct wsclient *client);

/* Reads once and hands out the messages that are complete. `scratch` has WSCLIENT_SCRATCH_BYTES.
 * Returns how many bytes were read (0: none are there yet) or an error. */
ssize_t wsclient_read(struct wsclient *client, char *scratch, wsclient_message_fn *on_message,
                      void *ctx);

/* Writes the upgrade request to `out`; returns its length, or -ENOBUFS. */
int wsclient_request(const char *authority, const char *path, const char *subprotocol, char *out,
                     size_t size);

#endif
