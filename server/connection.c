#include "server/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/http.h"
#include "server/log.h"
#include "server/upgrade.h"

enum {
    USER_TIMEOUT_MS = 120000,  /* a peer that takes nothing for so long is given up */
    TX_PACKET_BYTES = 8 << 20, /* or lws cuts writes at the size of its receive buffer */
    RX_BUFFER_BYTES = 128,     /* for each session: longer messages come in pieces */
};

/* libwebsockets gives each connection one of these, zeroed. */
struct connection {
    enum { CONNECTION_NONE, CONNECTION_HTTP, CONNECTION_SESSION } kind;
    union {
        struct http_request http;
        struct session session;
    };
};

/* ---- libwebsockets' callback ---- */

static int on_http(struct connection *connection, struct shard *shard, struct lws *wsi)
{
    connection->kind = CONNECTION_HTTP;
    shard_freshen(shard);
    const int rc = http_on_request(&connection->http, shard, wsi);
    if (rc != HTTP_BECOMES_SESSION)
        return rc;
    connection->kind = CONNECTION_SESSION;
    if (!session_open(&connection->session, shard, wsi, ENCODING_SSE))
        return -1;
    lws_http_mark_sse(wsi); /* gives the request's headers back: there are few places for them */
    lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
    return 0;
}

static int on_established(struct connection *connection, struct shard *shard, struct lws *wsi)
{
    const bool is_binary = strcmp(lws_get_protocol(wsi)->name, HTTP_SUBPROTOCOL_BINARY) == 0;
    const enum encoding encoding = is_binary ? ENCODING_BINARY : ENCODING_JSON;
    connection->kind = CONNECTION_SESSION;
    return session_open(&connection->session, shard, wsi, encoding) ? 0 : -1;
}

/* A body of a request that became a session is of no use to it. */
static int on_body(struct connection *connection, const char *bytes, size_t len)
{
    return connection->kind == CONNECTION_HTTP ? http_on_body(&connection->http, bytes, len) : -1;
}

static int on_body_end(struct connection *connection)
{
    return connection->kind == CONNECTION_HTTP ? http_on_body_end(&connection->http) : -1;
}

static int on_writeable(struct connection *connection)
{
    if (connection == NULL || connection->kind == CONNECTION_NONE)
        return 0;
    if (connection->kind == CONNECTION_HTTP)
        return http_on_writeable(&connection->http);
    session_writeable(&connection->session);
    return 0;
}

static int on_timer(struct connection *connection)
{
    if (connection == NULL || connection->kind == CONNECTION_NONE)
        return 0;
    if (connection->kind == CONNECTION_HTTP)
        return http_on_timer(&connection->http);
    return session_close_now(&connection->session);
}

static int on_closed(struct connection *connection)
{
    if (connection == NULL)
        return 0;
    if (connection->kind == CONNECTION_HTTP)
        http_on_closed(&connection->http);
    else if (connection->kind == CONNECTION_SESSION)
        session_closed(&connection->session);
    connection->kind = CONNECTION_NONE;
    return 0;
}

static void connection_leave(struct shard *shard, struct visitor *visitor)
{
    if (visitor == shard->entering)
        shard->entering = NULL;
    admission_leave(server_admission(shard->server), visitor);
}

static int on_lws(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                  size_t len)
{
    struct connection *connection = user;
    struct shard *shard = lws_context_user(lws_get_context(wsi));
    switch (reason) {
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return upgrade_confirm(shard, wsi);
    case LWS_CALLBACK_HTTP:
        return on_http(connection, shard, wsi);
    case LWS_CALLBACK_HTTP_BODY:
        return on_body(connection, in, len);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return on_body_end(connection);
    case LWS_CALLBACK_HTTP_FILE_COMPLETION:
    case LWS_CALLBACK_RAW_ADOPT: /* what lws makes of CONNECT, and would keep for ever */
    case LWS_CALLBACK_RAW_RX:
        return -1;
    case LWS_CALLBACK_ESTABLISHED:
        return on_established(connection, shard, wsi);
    case LWS_CALLBACK_RECEIVE:
        session_receive(&connection->session, in, len);
        return 0;
    case LWS_CALLBACK_HTTP_WRITEABLE:
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return on_writeable(connection);
    case LWS_CALLBACK_TIMER:
        return on_timer(connection);
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLOSED_HTTP:
        return on_closed(connection);
    case LWS_CALLBACK_WSI_DESTROY:
        connection_leave(shard, lws_get_opaque_user_data(wsi));
        return 0;
    default:
        return 0;
    }
}

/* ---- coming in ---- */

static void connection_tune(int fd)
{
    const int on = 1, timeout_ms = USER_TIMEOUT_MS;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms);
}

static void connection_refuse(struct shard *shard, int fd, enum admission_verdict verdict)
{
    const bool is_full = verdict == ADMISSION_FULL;
    char body[120], answer[320];
    /* First, so that who has the answer finds it counted. */
    count_add(&shard->counts.refused, 1);
    if (verdict == ADMISSION_ADDRESS_FULL)
        count_add(&shard->counts.refused_per_ip, 1);
    const int body_len = snprintf(body, sizeof body,
                                  "{\"error\":{\"code\":\"rate_limited\","
                                  "\"message\":\"too many connections%s\"}}",
                                  is_full ? "" : " from this address");
    const int len =
        snprintf(answer, sizeof answer,
                 "HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
                 "Content-Length: %d\r\nRetry-After: 5\r\nConnection: close\r\n\r\n%s",
                 is_full ? "503 Service Unavailable" : "429 Too Many Requests", body_len, body);
    const ssize_t sent = send(fd, answer, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent;
    close(fd);
}

void connection_enter(struct shard *shard, int fd, const struct sockaddr *from)
{
    struct visitor *visitor;
    const enum admission_verdict verdict =
        admission_enter(server_admission(shard->server), from, &visitor);
    if (verdict != ADMITTED) {
        connection_refuse(shard, fd, verdict);
        return;
    }
    connection_tune(fd);
    count_add(&shard->counts.accepted, 1);
    shard->entering = visitor;
    const lws_adopt_desc_t adopted = {
        .vh = shard->vhost,
        .type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP | LWS_ADOPT_ALLOW_SSL,
        .fd = {.sockfd = fd},
        .opaque = visitor,
    };
    if (lws_adopt_descriptor_vhost_via_info(&adopted) == NULL) {
        log_line(LOG_WARN, "connection refused: libwebsockets could not take it");
        if (shard->entering != NULL) /* it failed too early to tell us */
            connection_leave(shard, visitor);
    }
    shard->entering = NULL;
}

/* ---- the context ---- */

int connection_context_create(struct shard *shard)
{
    static const struct lws_protocols protocols[] = {
        /* Also serves HTTP, and WebSockets that ask for no subprotocol. */
        {HTTP_SUBPROTOCOL, on_lws, sizeof(struct connection), RX_BUFFER_BYTES, 0, NULL,
         TX_PACKET_BYTES},
        {HTTP_SUBPROTOCOL_BINARY, on_lws, sizeof(struct connection), RX_BUFFER_BYTES, 0, NULL,
         TX_PACKET_BYTES},
        {NULL, NULL, 0, 0, 0, NULL, 0},
    };
    /* No pings of lws' own: its timers are one sorted list. TCP_USER_TIMEOUT and heartbeats find
     * dead peers. */
    static const lws_retry_bo_t no_validity_check = {.secs_since_valid_hangup = 0};
    void *loops[] = {&shard->loop};
    const struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = protocols,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
        .user = shard,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_VALIDATE_UTF8 |
                   LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS,
        .foreign_loops = loops,
        .pt_serv_buf_size = 16 << 10,
        .max_http_header_pool = 1024,
        .retry_and_idle_policy = &no_validity_check,
        .vhost_name = "pricecast",
    };
    shard->lws = lws_create_context(&info);
    if (shard->lws == NULL)
        return -EIO;
    shard->vhost = lws_get_vhost_by_name(shard->lws, "pricecast");
    return shard->vhost == NULL ? -EIO : 0;
}
