/* Each client has a vhost of its own, because that is where libwebsockets keeps the certificates to
 * trust.
 *
 * Invariant: ws->wsi is the connection whose callbacks count; a late callback of an earlier one
 * finds another there and is passed over. */
#include "feed/live_ws.h"

#include <errno.h>
#include <libwebsockets.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    BUFFER_BYTES = 64 << 10,
    HEADER_BYTES = 32 << 10, /* holds the path while connecting */
    HANDSHAKES_MAX = 256,
    KEPT_BYTES = 1 << 20, /* of the buffer for messages in pieces */
};

struct live_ws_net {
    struct lws_context *context;
    uv_loop_t *loop;
    unsigned vhosts;
    bool is_closed;
};

/* A message that waits; libwebsockets wants room in front of the text. */
struct outgoing {
    struct outgoing *next;
    size_t len;
    unsigned char bytes[]; /* LWS_PRE, then the text */
};

struct live_ws {
    struct live_ws_net *net;
    struct lws_vhost *vhost;
    struct lws *wsi; /* or NULL */
    char *host_header, *path, *protocol;
    struct live_ws_options options; /* its texts are the ones above */
    bool is_trying;                 /* connecting or open: closed() is owed */
    bool must_ping;
    uint64_t heard_ms;
    struct outgoing *first, **last;
    char *message; /* pieces so far */
    size_t message_len, message_room;
    bool is_passing; /* over a message that is unfit */
    char close_reason[LIVE_WS_REASON_MAX];
    const char *certificate_problem; /* of this attempt, or NULL; a text of OpenSSL's */
};

/* ---- messages in ---- */

static void message_reset(struct live_ws *ws)
{
    ws->message_len = 0;
    ws->is_passing = false;
    if (ws->message_room > KEPT_BYTES) {
        free(ws->message);
        ws->message = NULL;
        ws->message_room = 0;
    }
}

static bool message_append(struct live_ws *ws, const char *bytes, size_t len)
{
    const size_t needed = ws->message_len + len;
    if (needed > ws->message_room) {
        const size_t room = needed > ws->message_room * 2 ? needed : ws->message_room * 2;
        char *grown = realloc(ws->message, room);
        if (grown == NULL)
            return false;
        ws->message = grown;
        ws->message_room = room;
    }
    memcpy(ws->message + ws->message_len, bytes, len);
    ws->message_len = needed;
    return true;
}

static const char *unfit_reason(const struct live_ws *ws, size_t len)
{
    if (lws_frame_is_binary(ws->wsi))
        return "a binary message";
    return ws->message_len + len > ws->options.message_max ? "a message is too long" : NULL;
}

/* Gets a piece of at most BUFFER_BYTES. Most messages come whole, and are not copied. */
static void on_receive(struct live_ws *ws, const char *bytes, size_t len)
{
    const struct live_ws_hooks *hooks = &ws->options.hooks;
    ws->heard_ms = uv_now(ws->net->loop);
    if (lws_is_first_fragment(ws->wsi))
        message_reset(ws);
    const bool is_last =
        lws_is_final_fragment(ws->wsi) && lws_remaining_packet_payload(ws->wsi) == 0;
    if (ws->is_passing)
        return;
    const char *reason = unfit_reason(ws, len);
    if (reason != NULL) {
        hooks->unfit(hooks->ctx, ws->message_len + len, reason);
        ws->is_passing = true;
    } else if (is_last && ws->message_len == 0) {
        hooks->message(hooks->ctx, bytes, len);
    } else if (!message_append(ws, bytes, len)) {
        hooks->unfit(hooks->ctx, ws->message_len + len, "not enough memory for a message");
        ws->is_passing = true;
    } else if (is_last) {
        hooks->message(hooks->ctx, ws->message, ws->message_len);
        message_reset(ws);
    }
}

/* ---- messages out ---- */

static void outgoing_clear(struct live_ws *ws)
{
    while (ws->first != NULL) {
        struct outgoing *next = ws->first->next;
        free(ws->first);
        ws->first = next;
    }
    ws->last = &ws->first;
    ws->must_ping = false;
}

int live_ws_send(struct live_ws *ws, const char *text, size_t len)
{
    struct outgoing *outgoing = malloc(sizeof *outgoing + LWS_PRE + len);
    if (outgoing == NULL)
        return -ENOMEM;
    *outgoing = (struct outgoing){.len = len};
    memcpy(outgoing->bytes + LWS_PRE, text, len);
    *ws->last = outgoing;
    ws->last = &outgoing->next;
    lws_callback_on_writable(ws->wsi);
    return 0;
}

void live_ws_ping(struct live_ws *ws)
{
    ws->must_ping = true;
    lws_callback_on_writable(ws->wsi);
}

/* One thing a call: libwebsockets buffers what the socket does not take at once, and must not be
 * given more until that is gone. Returns -1 to close. */
static int on_writeable(struct live_ws *ws)
{
    unsigned char ping[LWS_PRE + 1];
    struct outgoing *outgoing = ws->first;
    int written = 0;
    if (outgoing != NULL) {
        written = lws_write(ws->wsi, outgoing->bytes + LWS_PRE, outgoing->len, LWS_WRITE_TEXT);
        ws->first = outgoing->next;
        if (ws->first == NULL)
            ws->last = &ws->first;
        free(outgoing);
    } else if (ws->must_ping) {
        ws->must_ping = false;
        written = lws_write(ws->wsi, ping + LWS_PRE, 0, LWS_WRITE_PING);
    }
    if (ws->first != NULL || ws->must_ping)
        lws_callback_on_writable(ws->wsi);
    return written < 0 ? -1 : 0;
}

/* ---- the connection ---- */

static void connection_forget(struct live_ws *ws)
{
    ws->wsi = NULL;
    ws->is_trying = false;
    outgoing_clear(ws);
    message_reset(ws);
}

static void on_opened(struct live_ws *ws)
{
    ws->heard_ms = uv_now(ws->net->loop);
    ws->options.hooks.opened(ws->options.hooks.ctx);
}

static void on_closed(struct live_ws *ws, const char *reason)
{
    connection_forget(ws);
    if (!ws->net->is_closed)
        ws->options.hooks.closed(ws->options.hooks.ctx, reason);
}

/* The peer's code and words, fit for a log. */
static void on_peer_closes(struct live_ws *ws, const unsigned char *bytes, size_t len)
{
    const int code = len < 2 ? 1005 : bytes[0] << 8 | bytes[1];
    const size_t words = len < 2 ? 0 : len - 2;
    snprintf(ws->close_reason, sizeof ws->close_reason, "closed by the server with code %d%s%.*s",
             code, words > 0 ? ": " : "", (int)words, (const char *)bytes + 2);
}

/* libwebsockets asks this, on the first protocol of any vhost, what it thinks of a certificate,
 * with OpenSSL's store in place of the user pointer. The verdict stands; only its reason is kept.
 */
static void on_certificate(struct lws *wsi, X509_STORE_CTX *store, bool is_good)
{
    struct live_ws *ws = lws_wsi_user(wsi);
    if (!is_good && ws != NULL && !ws->options.insecure)
        ws->certificate_problem = X509_verify_cert_error_string(X509_STORE_CTX_get_error(store));
}

/* libwebsockets has one text for all that happens before the handshake; the socket knows more. */
static void error_describe(const struct live_ws *ws, struct lws *wsi, const char *in, size_t in_len,
                           char *out, size_t size)
{
    int error = 0;
    socklen_t len = sizeof error;
    const int fd = lws_get_socket_fd(wsi);
    if (ws->certificate_problem != NULL)
        snprintf(out, size, "no connection: its certificate is refused: %s",
                 ws->certificate_problem);
    else if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error != 0)
        snprintf(out, size, "no connection: %s", strerror(error));
    else
        snprintf(out, size, "no connection: %.*s", in == NULL ? 0 : (int)in_len, in);
}

static int on_lws(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                  size_t len)
{
    struct live_ws *ws = user;
    char room[LIVE_WS_REASON_MAX];
    if (reason == LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION) {
        on_certificate(wsi, user, len != 0);
        return 0;
    }
    if (ws == NULL || ws->wsi != wsi || wsi == NULL)
        return 0;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        on_opened(ws);
        break;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        on_receive(ws, in, len);
        break;
    case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
        ws->heard_ms = uv_now(ws->net->loop);
        break;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return on_writeable(ws);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        on_peer_closes(ws, in, len);
        break;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        error_describe(ws, wsi, in, len, room, sizeof room);
        on_closed(ws, room);
        break;
    case LWS_CALLBACK_CLIENT_CLOSED:
    case LWS_CALLBACK_WSI_DESTROY:
        on_closed(ws, ws->close_reason);
        break;
    default:
        break;
    }
    return 0;
}

static const struct lws_protocols protocols[] = {
    {"live", on_lws, 0, BUFFER_BYTES, 0, NULL, BUFFER_BYTES},
    {NULL, NULL, 0, 0, 0, NULL, 0},
};

void live_ws_connect(struct live_ws *ws, const char *address)
{
    /* Silence is noticed by live_upstream.c. */
    static const lws_retry_bo_t no_validity_check = {.secs_since_valid_hangup = 0};
    const struct live_ws_options *options = &ws->options;
    int flags = LCCSCF_HTTP_NO_FOLLOW_REDIRECT;
    if (options->tls)
        flags |= LCCSCF_USE_SSL;
    if (options->insecure)
        flags |= LCCSCF_ALLOW_SELFSIGNED | LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK |
                 LCCSCF_ALLOW_EXPIRED | LCCSCF_ALLOW_INSECURE;
    const struct lws_client_connect_info info = {
        .context = ws->net->context,
        .vhost = ws->vhost,
        .address = address,
        .port = options->port,
        .ssl_connection = flags,
        .path = options->path,
        .host = ws->host_header,
        .protocol = options->protocol,
        .local_protocol_name = "live",
        .userdata = ws,
        .pwsi = &ws->wsi,
        .alpn = "http/1.1",
        .retry_and_idle_policy = &no_validity_check,
    };
    snprintf(ws->close_reason, sizeof ws->close_reason, "the connection is lost");
    ws->certificate_problem = NULL;
    message_reset(ws);
    ws->is_trying = true;
    if (lws_client_connect_via_info(&info) == NULL && ws->is_trying)
        on_closed(ws, "no connection");
}

void live_ws_hang_up(struct live_ws *ws)
{
    struct lws *wsi = ws->wsi;
    connection_forget(ws);
    if (wsi != NULL)
        lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
}

uint64_t live_ws_heard_ms(const struct live_ws *ws)
{
    return ws->heard_ms;
}

/* ---- life ---- */

struct live_ws_net *live_ws_net_create(uv_loop_t *loop)
{
    struct live_ws_net *net = calloc(1, sizeof *net);
    if (net == NULL)
        return NULL;
    static const lws_retry_bo_t no_validity_check = {.secs_since_valid_hangup = 0};
    void *loops[] = {loop};
    const struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
        .foreign_loops = loops,
        .pt_serv_buf_size = BUFFER_BYTES,
        .max_http_header_data2 = HEADER_BYTES,
        .max_http_header_pool = HANDSHAKES_MAX,
        .retry_and_idle_policy = &no_validity_check,
    };
    lws_set_log_level(LLL_ERR, NULL); /* the server sets its own afterwards */
    net->loop = loop;
    net->context = lws_create_context(&info);
    if (net->context == NULL) {
        free(net);
        return NULL;
    }
    return net;
}

void live_ws_net_close(struct live_ws_net *net)
{
    if (net == NULL || net->is_closed)
        return;
    net->is_closed = true;
    lws_context_destroy(net->context);
}

void live_ws_net_destroy(struct live_ws_net *net)
{
    if (net == NULL)
        return;
    lws_context_destroy(net->context); /* on a loop of ours, only the second call frees */
    free(net);
}

static int vhost_create(struct live_ws *ws)
{
    char name[32];
    snprintf(name, sizeof name, "live-%u", ws->net->vhosts++);
    const struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .vhost_name = name,
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
                   (ws->options.ca != NULL ? LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS : 0),
        .client_ssl_ca_filepath = ws->options.ca,
        .pt_serv_buf_size = BUFFER_BYTES,
    };
    ws->vhost = lws_create_vhost(ws->net->context, &info);
    ws->options.ca = NULL; /* it was the caller's */
    return ws->vhost == NULL ? -EIO : 0;
}

static int texts_copy(struct live_ws *ws, const struct live_ws_options *options)
{
    const bool is_v6 = strchr(options->host, ':') != NULL;
    const bool is_usual = options->port == (options->tls ? 443 : 80);
    char port[16] = "";
    if (!is_usual)
        snprintf(port, sizeof port, ":%u", options->port);
    ws->path = strdup(options->path);
    ws->protocol = options->protocol == NULL ? NULL : strdup(options->protocol);
    if (asprintf(&ws->host_header, is_v6 ? "[%s]%s" : "%s%s", options->host, port) < 0)
        ws->host_header = NULL;
    if (ws->path == NULL || ws->host_header == NULL ||
        (options->protocol != NULL && ws->protocol == NULL))
        return -ENOMEM;
    ws->options = *options;
    ws->options.host = NULL;
    ws->options.path = ws->path;
    ws->options.protocol = ws->protocol;
    return 0;
}

struct live_ws *live_ws_create(struct live_ws_net *net, const struct live_ws_options *options)
{
    struct live_ws *ws = calloc(1, sizeof *ws);
    if (ws == NULL)
        return NULL;
    ws->net = net;
    ws->last = &ws->first;
    if (texts_copy(ws, options) == 0 && vhost_create(ws) == 0)
        return ws;
    live_ws_destroy(ws);
    return NULL;
}

void live_ws_destroy(struct live_ws *ws)
{
    if (ws == NULL)
        return;
    outgoing_clear(ws);
    free(ws->message);
    free(ws->host_header);
    free(ws->path);
    free(ws->protocol);
    free(ws);
}
