/* Frames are taken apart where recv() put them. Only what is unfinished moves to `kept`, and comes
 * back to the front of the scratch memory before the next recv(): at high rates nearly every read
 * ends on a frame's border, and nothing is copied. */
#include "tools/wsclient.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/message.h"
#include "tools/wsframe.h"

enum {
    UPGRADE_ANSWER_MAX = 8192,
    UNSENT_MAX = 4 << 20,
    NO_CLOSE_CODE = 1005,
    RECV_BYTES_MAX = 256 << 10,
};
_Static_assert(WSCLIENT_SCRATCH_BYTES >=
                   MESSAGE_BYTES_MAX + WSFRAME_HEADER_MAX + UPGRADE_ANSWER_MAX,
               "a whole message must fit, or reading would stand still");

static int append(struct wsclient_bytes *bytes, const void *more, size_t len)
{
    if (len == 0)
        return 0;
    if (bytes->len + len > bytes->size) {
        const size_t size = (bytes->len + len) * 2;
        char *at = realloc(bytes->at, size);
        if (at == NULL)
            return -ENOMEM;
        bytes->at = at;
        bytes->size = size;
    }
    memcpy(bytes->at + bytes->len, more, len);
    bytes->len += len;
    return 0;
}

static void release(struct wsclient_bytes *bytes)
{
    free(bytes->at);
    *bytes = (struct wsclient_bytes){0};
}

int wsclient_request(const char *authority, const char *path, const char *subprotocol, char *out,
                     size_t size)
{
    /* The key guards against caches that answer from memory; none stands between us and a socket
     * that we opened ourselves, so it need not differ. */
    const int len = snprintf(out, size,
                             "GET %s HTTP/1.1\r\n"
                             "Host: %s\r\n"
                             "Upgrade: websocket\r\n"
                             "Connection: Upgrade\r\n"
                             "Sec-WebSocket-Key: cHJpY2VjYXN0LXRvb2xzIQ==\r\n"
                             "Sec-WebSocket-Version: 13\r\n"
                             "Sec-WebSocket-Protocol: %s\r\n"
                             "\r\n",
                             path, authority, subprotocol);
    return len < 0 || (size_t)len >= size ? -ENOBUFS : len;
}

int wsclient_init(struct wsclient *client, const struct sockaddr *address, socklen_t address_len,
                  const char *request, size_t request_len)
{
    *client = (struct wsclient){
        .fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
    };
    int rc = client->fd < 0 ? -errno : append(&client->unsent, request, request_len);
    if (rc == 0 && connect(client->fd, address, address_len) != 0 && errno != EINPROGRESS)
        rc = -errno;
    if (rc != 0)
        wsclient_finish(client);
    else
        setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return rc;
}

void wsclient_finish(struct wsclient *client)
{
    if (client == NULL)
        return;
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    release(&client->kept);
    release(&client->fragments);
    release(&client->unsent);
}

bool wsclient_wants_write(const struct wsclient *client)
{
    return !client->is_connected || client->unsent.len > 0;
}

static int finish_connect(struct wsclient *client)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        return -errno;
    client->is_connected = error == 0;
    return -error;
}

int wsclient_write(struct wsclient *client)
{
    if (!client->is_connected) {
        const int rc = finish_connect(client);
        if (rc != 0)
            return rc;
    }
    struct wsclient_bytes *unsent = &client->unsent;
    while (unsent->len > 0) {
        const ssize_t sent = send(client->fd, unsent->at, unsent->len, MSG_NOSIGNAL);
        if (sent < 0)
            return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        unsent->len -= (size_t)sent;
        memmove(unsent->at, unsent->at + sent, unsent->len);
    }
    release(unsent);
    return 0;
}

static int send_frame(struct wsclient *client, uint8_t opcode, const char *payload, size_t len)
{
    uint8_t header[WSFRAME_HEADER_MAX];
    const size_t header_len = wsframe_header(opcode, len, true, header);
    if (client->unsent.len + len > UNSENT_MAX)
        return -ENOBUFS; /* a peer that pings but does not read */
    int rc = append(&client->unsent, header, header_len);
    if (rc == 0)
        rc = append(&client->unsent, payload, len);
    return rc != 0 ? rc : wsclient_write(client);
}

int wsclient_send_text(struct wsclient *client, const char *text, size_t len)
{
    return send_frame(client, WSFRAME_TEXT, text, len);
}

/* Returns the bytes of the upgrade's answer at the front of `at`, 0 when it is not whole yet. */
static ssize_t take_upgrade(struct wsclient *client, const char *at, size_t have)
{
    const char *end = memmem(at, have, "\r\n\r\n", 4);
    if (end == NULL)
        return have > UPGRADE_ANSWER_MAX ? -EPROTO : 0;
    if (have > 12 && memcmp(at, "HTTP/1.", 7) == 0)
        client->http_status = atoi(at + 9); /* ends at the latest at the line's end */
    if (client->http_status != 101)
        return -EPROTO;
    client->is_open = true;
    return end + 4 - at;
}

static int on_close(struct wsclient *client, const char *payload, size_t len)
{
    client->close_code = len >= 2 ? (uint8_t)payload[0] << 8 | (uint8_t)payload[1] : NO_CLOSE_CODE;
    send_frame(client, WSFRAME_CLOSE, payload, len >= 2 ? 2 : 0); /* best effort: we leave anyway */
    return -ESHUTDOWN;
}

/* A part of a message that came in several frames. */
static int on_fragment(struct wsclient *client, const struct wsframe *frame, const char *payload,
                       wsclient_message_fn *on_message, void *ctx)
{
    const size_t len = (size_t)frame->payload_len;
    if ((frame->opcode == WSFRAME_CONTINUATION) == (client->fragment_opcode == 0))
        return -EPROTO;
    if (client->fragments.len + len > MESSAGE_BYTES_MAX)
        return -EMSGSIZE;
    if (frame->opcode != WSFRAME_CONTINUATION)
        client->fragment_opcode = frame->opcode;
    const int rc = append(&client->fragments, payload, len);
    if (rc != 0 || !frame->is_final)
        return rc;
    client->fragment_opcode = 0;
    on_message(ctx, client, client->fragments.len > 0 ? client->fragments.at : "",
               client->fragments.len, frame->header_len + len);
    release(&client->fragments);
    return 0;
}

static int on_frame(struct wsclient *client, const struct wsframe *frame, const char *payload,
                    wsclient_message_fn *on_message, void *ctx)
{
    const size_t len = (size_t)frame->payload_len;
    switch (frame->opcode) {
    case WSFRAME_PING:
        return send_frame(client, WSFRAME_PONG, payload, len);
    case WSFRAME_PONG:
        return 0;
    case WSFRAME_CLOSE:
        return on_close(client, payload, len);
    default:
        if (!frame->is_final || client->fragment_opcode != 0 ||
            frame->opcode == WSFRAME_CONTINUATION)
            return on_fragment(client, frame, payload, on_message, ctx);
        on_message(ctx, client, payload, len, frame->header_len + len);
        return 0;
    }
}

/* Takes the frames off the front of `at`; sets *taken. Returns 0 or an error. */
static int take_frames(struct wsclient *client, const char *at, size_t have, size_t *taken,
                       wsclient_message_fn *on_message, void *ctx)
{
    struct wsframe frame;
    int rc;
    for (*taken = 0;; *taken += frame.header_len + (size_t)frame.payload_len) {
        rc = wsframe_decode(at + *taken, have - *taken, &frame);
        if (rc != 0)
            return rc == -EAGAIN ? 0 : rc;
        if (frame.is_masked)
            return -EPROTO;
        if (frame.payload_len > MESSAGE_BYTES_MAX)
            return -EMSGSIZE;
        if (have - *taken < frame.header_len + frame.payload_len)
            return 0;
        rc = on_frame(client, &frame, at + *taken + frame.header_len, on_message, ctx);
        if (rc != 0)
            return rc;
    }
}

static int take_bytes(struct wsclient *client, const char *at, size_t have,
                      wsclient_message_fn *on_message, void *ctx)
{
    if (!client->is_open) {
        const ssize_t len = take_upgrade(client, at, have);
        if (len < 0)
            return (int)len;
        at += len;
        have -= (size_t)len;
    }
    size_t taken = 0;
    if (client->is_open) {
        const int rc = take_frames(client, at, have, &taken, on_message, ctx);
        if (rc != 0)
            return rc;
    }
    client->kept.len = 0;
    if (have > taken)
        return append(&client->kept, at + taken, have - taken);
    if (client->kept.at != NULL)
        release(&client->kept);
    return 0;
}

ssize_t wsclient_read(struct wsclient *client, char *scratch, wsclient_message_fn *on_message,
                      void *ctx)
{
    const size_t kept = client->kept.len;
    size_t room = WSCLIENT_SCRATCH_BYTES - kept;
    if (room > RECV_BYTES_MAX)
        room = RECV_BYTES_MAX;
    if (kept > 0)
        memcpy(scratch, client->kept.at, kept);
    const ssize_t got = recv(client->fd, scratch + kept, room, 0);
    if (got == 0)
        return -ECONNRESET;
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    const int rc = take_bytes(client, scratch, kept + (size_t)got, on_message, ctx);
    return rc != 0 ? rc : got;
}
