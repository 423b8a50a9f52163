/* libwebsockets' client on its own poll loop. The delay before an attempt starts over only once a
 * connection has lasted a while: a server that accepts and drops us at once is not back yet. */
#include "tools/uplink.h"

#include <libwebsockets.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    DELAY_FIRST_MS = 500,
    DELAY_MAX_MS = 30000,
    STABLE_US = 10 * LWS_US_PER_SEC,
    RX_CHUNK_BYTES = 64 << 10,
};

struct uplink {
    struct uplink_settings settings;
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct lws *wsi; /* NULL between connections */
    lws_sorted_usec_list_t connect_timer, quiet_timer;
    lws_usec_t opened_us, heard_us; /* opened_us 0: not open */
    int64_t quiet_ms, advised_ms;   /* 0 and -1: none */
    unsigned attempts;
    int status;
    bool is_done, is_orderly, is_answered, has_greeted;
    volatile sig_atomic_t is_interrupted;
    char *message;
    size_t message_len;
};

static void connect_now(lws_sorted_usec_list_t *timer);

void uplink_stop(struct uplink *uplink, int status)
{
    uplink->is_done = true;
    uplink->status = status;
    lws_cancel_service(uplink->context); /* a timer's callback runs before the loop waits */
}

void uplink_interrupt(struct uplink *uplink)
{
    uplink->is_interrupted = 1;
    lws_cancel_service(uplink->context); /* one write() to an eventfd */
}

bool uplink_is_interrupted(const struct uplink *uplink)
{
    return uplink->is_interrupted;
}

void uplink_expect_end(struct uplink *uplink, int64_t delay_ms)
{
    uplink->is_orderly = true;
    uplink->advised_ms = delay_ms;
}

/* ---- coming back ---- */

static int64_t choose_delay_ms(struct uplink *uplink)
{
    uint32_t random = 0;
    int64_t span_ms = DELAY_MAX_MS;
    if (uplink->advised_ms >= 0)
        return uplink->advised_ms;
    if (uplink->attempts < 8 && DELAY_FIRST_MS << uplink->attempts < DELAY_MAX_MS)
        span_ms = DELAY_FIRST_MS << uplink->attempts;
    (void)!getrandom(&random, sizeof random, GRND_NONBLOCK);
    return (int64_t)(random % (uint32_t)span_ms);
}

static void plan_next(struct uplink *uplink)
{
    char what[80];
    const int64_t delay_ms = choose_delay_ms(uplink);
    lws_snprintf(what, sizeof what, "connecting again in %lld.%lld s", (long long)delay_ms / 1000,
                 (long long)delay_ms % 1000 / 100);
    uplink->settings.on_trouble(uplink->settings.ctx, what);
    uplink->attempts++;
    uplink->advised_ms = -1;
    lws_sul_schedule(uplink->context, 0, &uplink->connect_timer, connect_now,
                     delay_ms * LWS_US_PER_MS);
}

/* The connection is over, or could not be made. */
static void on_end(struct uplink *uplink, const char *reason)
{
    const bool was_open = uplink->opened_us != 0;
    if (was_open && lws_now_usecs() - uplink->opened_us >= STABLE_US)
        uplink->attempts = 0;
    uplink->wsi = NULL;
    uplink->opened_us = 0;
    uplink->message_len = 0;
    lws_sul_cancel(&uplink->quiet_timer);
    if (uplink->is_done)
        return;
    uplink->settings.on_trouble(uplink->settings.ctx, reason);
    if (uplink->settings.is_once)
        uplink_stop(uplink, was_open && uplink->is_orderly ? 0 : 1);
    else
        plan_next(uplink);
}

static bool is_refusal(unsigned http_status)
{
    return http_status >= 400 && http_status < 500 && http_status != 408 && http_status != 429;
}

/* `wsi` may be NULL. */
static void on_connection_error(struct uplink *uplink, struct lws *wsi, const char *reason)
{
    char what[256];
    uplink->is_answered = true;
    const unsigned status = wsi != NULL ? lws_http_client_http_response(wsi) : 0;
    if (status >= 300)
        lws_snprintf(what, sizeof what, "%s answered HTTP %u", uplink->settings.url->host, status);
    else
        lws_snprintf(what, sizeof what, "no connection to %s port %d: %s%s",
                     uplink->settings.url->host, uplink->settings.url->port,
                     reason != NULL ? reason : "no reason given",
                     reason != NULL && strstr(reason, "SSL") != NULL
                         ? " (do you trust its certificate? see --ca)"
                         : "");
    if (is_refusal(status) && !uplink->is_done) {
        uplink->settings.on_trouble(uplink->settings.ctx, what);
        uplink_stop(uplink, 1);
    }
    on_end(uplink, what);
}

static void connect_now(lws_sorted_usec_list_t *timer)
{
    struct uplink *uplink = lws_container_of(timer, struct uplink, connect_timer);
    const struct url *url = uplink->settings.url;
    char authority[URL_HOST_MAX + 10];
    url_authority(url, authority);
    const struct lws_client_connect_info info = {
        .context = uplink->context,
        .vhost = uplink->vhost,
        .address = url->host,
        .port = url->port,
        .path = url->path,
        .host = authority,
        .protocol = uplink->settings.subprotocol,
        .local_protocol_name = "pricecast",
        .ssl_connection = url->is_tls ? LCCSCF_USE_SSL : 0,
        .pwsi = &uplink->wsi,
    };
    uplink->is_orderly = uplink->is_answered = uplink->has_greeted = false;
    if (lws_client_connect_via_info(&info) == NULL && !uplink->is_answered)
        on_connection_error(uplink, NULL, "its address was not found");
}

/* ---- an open connection ---- */

static void check_traffic(lws_sorted_usec_list_t *timer)
{
    struct uplink *uplink = lws_container_of(timer, struct uplink, quiet_timer);
    const lws_usec_t left_us =
        uplink->heard_us + uplink->quiet_ms * LWS_US_PER_MS - lws_now_usecs();
    if (left_us > 0) {
        lws_sul_schedule(uplink->context, 0, timer, check_traffic, left_us);
        return;
    }
    uplink->settings.on_trouble(uplink->settings.ctx, "the server has gone silent");
    lws_set_timeout(uplink->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

void uplink_expect_traffic(struct uplink *uplink, int64_t ms)
{
    uplink->quiet_ms = ms;
    lws_sul_schedule(uplink->context, 0, &uplink->quiet_timer, check_traffic, ms * LWS_US_PER_MS);
}

static int send_greeting(struct uplink *uplink, struct lws *wsi)
{
    const struct uplink_settings *settings = &uplink->settings;
    if (uplink->has_greeted)
        return 0;
    unsigned char *buffer = malloc(LWS_PRE + settings->greeting_len);
    if (buffer == NULL)
        return -1;
    uplink->has_greeted = true;
    memcpy(buffer + LWS_PRE, settings->greeting, settings->greeting_len);
    const int sent = lws_write(wsi, buffer + LWS_PRE, settings->greeting_len, LWS_WRITE_TEXT);
    free(buffer);
    return sent < 0 ? -1 : 0;
}

static int on_open(struct uplink *uplink, struct lws *wsi)
{
    uplink->opened_us = uplink->heard_us = lws_now_usecs();
    uplink->settings.on_open(uplink->settings.ctx);
    return lws_callback_on_writable(wsi) < 0 ? -1 : 0;
}

static int on_receive(struct uplink *uplink, struct lws *wsi, const char *bytes, size_t len)
{
    uplink->heard_us = lws_now_usecs();
    if (uplink->is_done || uplink->is_interrupted)
        return -1;
    if (lws_is_first_fragment(wsi))
        uplink->message_len = 0;
    if (uplink->message_len + len > uplink->settings.message_bytes_max) {
        uplink->settings.on_trouble(uplink->settings.ctx, "a message was too long");
        return -1;
    }
    memcpy(uplink->message + uplink->message_len, bytes, len);
    uplink->message_len += len;
    if (lws_is_final_fragment(wsi))
        uplink->settings.on_message(uplink->settings.ctx, uplink->message, uplink->message_len);
    return uplink->is_done ? -1 : 0;
}

/* 1000: nothing more to come. 1001: it stops. No code at all is 1005. (1012, it restarts, does not
 * get here: lws takes it for a fault. Before it comes a message that says as much.) */
static void on_peer_close(struct uplink *uplink, const unsigned char *payload, size_t len)
{
    const int code = len >= 2 ? payload[0] << 8 | payload[1] : 1005;
    if (code == 1000 || code == 1001 || code == 1005)
        uplink->is_orderly = true;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    struct uplink *uplink = wsi != NULL ? lws_context_user(lws_get_context(wsi)) : NULL;
    (void)user;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        on_connection_error(uplink, wsi, in);
        return 0;
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        return on_open(uplink, wsi);
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return send_greeting(uplink, wsi);
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return on_receive(uplink, wsi, in, len);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        on_peer_close(uplink, in, len);
        return 0;
    case LWS_CALLBACK_CLIENT_CLOSED:
        on_end(uplink,
               uplink->is_orderly ? "the server closed the connection" : "the connection was lost");
        return 0;
    default:
        return 0;
    }
}

/* ---- life ---- */

static const struct lws_protocols protocols[] = {
    {.name = "pricecast", .callback = on_event, .rx_buffer_size = RX_CHUNK_BYTES},
    {0},
};

struct uplink *uplink_create(const struct uplink_settings *settings)
{
    struct uplink *uplink = calloc(1, sizeof *uplink);
    if (uplink == NULL)
        return NULL;
    uplink->settings = *settings;
    uplink->advised_ms = -1;
    uplink->message = malloc(settings->message_bytes_max);
    const struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .user = uplink,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
        .fd_limit_per_thread = 8, /* its tables would span all files this process may open */
        .client_ssl_ca_filepath = settings->ca_file,
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   (settings->url->is_tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0),
    };
    lws_set_log_level(0, NULL); /* on_trouble() tells what matters */
    signal(SIGPIPE, SIG_IGN);
    if (uplink->message != NULL)
        uplink->context = lws_create_context(&info);
    if (uplink->context != NULL)
        uplink->vhost = lws_create_vhost(uplink->context, &info);
    if (uplink->vhost == NULL) {
        uplink_destroy(uplink);
        return NULL;
    }
    return uplink;
}

void uplink_destroy(struct uplink *uplink)
{
    if (uplink == NULL)
        return;
    uplink->is_done = true;
    if (uplink->context != NULL)
        lws_context_destroy(uplink->context);
    free(uplink->message);
    free(uplink);
}

int uplink_run(struct uplink *uplink)
{
    connect_now(&uplink->connect_timer);
    while (!uplink->is_done && !uplink->is_interrupted && lws_service(uplink->context, 0) >= 0)
        ;
    return uplink->is_interrupted ? 0 : uplink->status;
}
