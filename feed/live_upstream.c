/* One timer drives it: it says when to try again, when an attempt has taken too long, and, while
 * connected, looks every now and then whether anything is due. The connection is only ever given up
 * from the timer, since libwebsockets must not lose it in the middle of a callback. */
#include "feed/live_upstream.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "feed/backoff.h"
#include "feed/exchange.h"
#include "feed/lookup.h"
#include "feed/relay.h"
#include "feed/ws_url.h"

enum {
    ADDRESSES_MAX = 8,
    CONNECT_MS = 15000, /* for one attempt, the handshakes included */
    LOOK_MS = 1000,
    STALL_DEFAULT_S = 30,
    STALL_MAX_S = 3600,
    CA_BYTES_MAX = 4 << 20,
    /* Exchanges count what clients say: five a second is what the strictest allows. */
    ASKS_AT_ONCE = 4,
    ASK_EVERY_MS = 200,
};

enum phase { PHASE_IDLE, PHASE_RESOLVING, PHASE_CONNECTING, PHASE_OPEN, PHASE_WAITING };

struct live_upstream {
    struct live live; /* first: live_ops get this */
    struct live_link link;
    struct live_ws *ws;
    struct ws_url url;
    struct exchange_session *session; /* either this … */
    struct relay *relay;              /* … or this */
    char *asks;                       /* what to say, a line each */
    const char *next_ask;             /* NULL: all has been said */
    uv_timer_t timer;
    struct lookup *lookup; /* while resolving */
    enum phase phase;
    char addresses[ADDRESSES_MAX][INET6_ADDRSTRLEN];
    unsigned addresses_count, address_next;
    struct backoff backoff;
    uint64_t stall_ms, opened_ms, pinged_ms, kept_ms; /* uv_now() */
    bool must_leave, was_open;
    char told[LIVE_WS_REASON_MAX]; /* the failure reported last, "" if all is well */
    char refusal[EXCHANGE_REFUSAL_MAX];
};

static void on_timer(uv_timer_t *timer);

static uint64_t now_ms(const struct live_upstream *up)
{
    return uv_now(up->live.loop);
}

static void timer_set(struct live_upstream *up, uint64_t ms)
{
    uv_timer_start(&up->timer, on_timer, ms, 0);
}

/* ---- failing ---- */

/* Its prices are stale from now on. An exchange's name is known before it has said anything. */
static void sources_down(struct live_upstream *up)
{
    struct live *live = &up->live;
    const int64_t now_ns = live_wall_ns();
    if (up->relay != NULL)
        relay_leave(up->relay, live);
    if (up->session != NULL) {
        const char *source =
            live->keys.source != NULL ? live->keys.source : exchange_of(up->session)->source;
        live_say(live, &up->link, source, strlen(source), FEED_DOWN, now_ns);
    }
    live_unlink(live, &up->link, FEED_DOWN, now_ns);
    live->state = FEED_DOWN;
}

static uint64_t wait_choose_ms(struct live_upstream *up)
{
    uint64_t random = 0;
    const uint64_t lasted_ms = up->phase == PHASE_OPEN ? now_ms(up) - up->opened_ms : 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        random = now_ms(up);
    const uint64_t wait_ms = backoff_next_ms(&up->backoff, lasted_ms, random);
    const uint64_t told_ms = up->relay == NULL ? 0 : relay_wait_ms(up->relay);
    return told_ms > 0 ? told_ms : wait_ms;
}

/* The connection, or the attempt at one, is over. */
static void fail(struct live_upstream *up, const char *reason)
{
    const bool was_open = up->phase == PHASE_OPEN;
    const bool has_address =
        up->phase == PHASE_CONNECTING && up->address_next < up->addresses_count;
    if (has_address) {
        up->phase = PHASE_WAITING;
        timer_set(up, 0);
        return;
    }
    const uint64_t wait_ms = wait_choose_ms(up);
    sources_down(up);
    if (was_open || strcmp(up->told, reason) != 0)
        live_tell(&up->live, "%s; trying again, the next time in %.1f s", reason,
                  (double)wait_ms / 1000);
    snprintf(up->told, sizeof up->told, "%s", reason);
    up->phase = PHASE_WAITING;
    up->addresses_count = up->address_next = 0;
    timer_set(up, wait_ms);
}

/* ---- connecting ---- */

static void connect_next(struct live_upstream *up)
{
    up->phase = PHASE_CONNECTING;
    timer_set(up, CONNECT_MS);
    live_ws_connect(up->ws, up->addresses[up->address_next++]);
}

static void addresses_take(struct live_upstream *up, const struct addrinfo *found)
{
    up->addresses_count = up->address_next = 0;
    for (; found != NULL && up->addresses_count < ADDRESSES_MAX; found = found->ai_next)
        if (getnameinfo(found->ai_addr, found->ai_addrlen, up->addresses[up->addresses_count],
                        INET6_ADDRSTRLEN, NULL, 0, NI_NUMERICHOST) == 0)
            up->addresses_count++;
}

static void on_looked_up(void *ctx, int error, const struct addrinfo *found)
{
    struct live_upstream *up = ctx;
    addresses_take(up, found);
    char reason[LIVE_WS_REASON_MAX];
    snprintf(reason, sizeof reason, "looking up the host: %s",
             error != 0 ? gai_strerror(error) : "no address");
    if (up->addresses_count > 0)
        connect_next(up);
    else
        fail(up, reason);
}

static void attempt(struct live_upstream *up)
{
    if (up->address_next < up->addresses_count) {
        connect_next(up);
        return;
    }
    up->phase = PHASE_RESOLVING;
    const int rc = lookup_start(up->live.loop, up->url.host, NULL, on_looked_up, up, &up->lookup);
    if (rc != 0)
        fail(up, strerror(-rc));
}

/* ---- connected ---- */

static void ask_next(struct live_upstream *up)
{
    if (up->next_ask == NULL || *up->next_ask == '\0') {
        up->next_ask = NULL;
        return;
    }
    const size_t len = strcspn(up->next_ask, "\n");
    live_ws_send(up->ws, up->next_ask, len);
    up->next_ask += len + (up->next_ask[len] == '\n');
}

static void on_opened(void *ctx)
{
    struct live_upstream *up = ctx;
    up->phase = PHASE_OPEN;
    up->opened_ms = up->pinged_ms = up->kept_ms = now_ms(up);
    up->must_leave = false;
    up->live.state = FEED_UP;
    up->live.counts.reconnects += up->was_open;
    up->was_open = true;
    up->refusal[0] = '\0';
    if (up->session != NULL)
        exchange_reset(up->session);
    else
        relay_reset(up->relay);
    if (up->told[0] != '\0')
        live_tell(&up->live, "connected");
    up->told[0] = '\0';
    up->next_ask = up->asks;
    for (int i = 0; i < ASKS_AT_ONCE; i++)
        ask_next(up);
    timer_set(up, ASK_EVERY_MS);
}

static void exchange_take(struct live_upstream *up, const char *text, size_t len, int64_t now_ns)
{
    struct live *live = &up->live;
    const struct exchange_message message = {.text = text, .len = len, .recv_ns = now_ns};
    const enum format_result result = exchange_parse(up->session, &message, live_output(live));
    live_take(live, &up->link, result, len, now_ns);
    const struct exchange_news *news = exchange_news(up->session);
    live->counts.gaps = news->missed;
    if (news->refusal[0] != '\0' && strcmp(news->refusal, up->refusal) != 0) {
        snprintf(up->refusal, sizeof up->refusal, "%s", news->refusal);
        live_tell(live, "it answers: %s", up->refusal);
    }
    if (news->wants_reconnect && !up->must_leave) {
        up->must_leave = true;
        timer_set(up, 0);
    }
}

static void on_message(void *ctx, const char *text, size_t len)
{
    struct live_upstream *up = ctx;
    const int64_t now_ns = live_wall_ns();
    if (up->session != NULL)
        exchange_take(up, text, len, now_ns);
    else
        relay_take(up->relay, &up->live, &up->link, text, len, now_ns);
}

static void on_unfit(void *ctx, size_t len, const char *reason)
{
    struct live_upstream *up = ctx;
    live_bad(&up->live, len, reason);
}

static void on_closed(void *ctx, const char *reason)
{
    struct live_upstream *up = ctx;
    if (up->phase == PHASE_OPEN || up->phase == PHASE_CONNECTING)
        fail(up, reason);
}

static void keepalive_send(struct live_upstream *up)
{
    const struct exchange *exchange = up->session == NULL ? NULL : exchange_of(up->session);
    if (exchange == NULL || exchange->keepalive == NULL ||
        now_ms(up) - up->kept_ms < exchange->keepalive_ms)
        return;
    up->kept_ms = now_ms(up);
    live_ws_send(up->ws, exchange->keepalive, strlen(exchange->keepalive));
}

static uint64_t look_ms(const struct live_upstream *up)
{
    if (up->next_ask != NULL)
        return ASK_EVERY_MS;
    return up->stall_ms / 4 < LOOK_MS ? up->stall_ms / 4 : LOOK_MS;
}

static void look(struct live_upstream *up)
{
    const uint64_t now = now_ms(up), heard = live_ws_heard_ms(up->ws);
    char reason[LIVE_WS_REASON_MAX];
    if (up->must_leave || now - heard >= up->stall_ms) {
        snprintf(reason, sizeof reason, "nothing was heard for %llu s",
                 (unsigned long long)up->stall_ms / 1000);
        live_ws_hang_up(up->ws);
        fail(up, up->must_leave ? "it asked for a new connection" : reason);
        return;
    }
    if (now - heard >= up->stall_ms / 2 && up->pinged_ms <= heard) {
        up->pinged_ms = now;
        live_ws_ping(up->ws);
    }
    ask_next(up);
    keepalive_send(up);
    timer_set(up, look_ms(up));
}

static void on_timer(uv_timer_t *timer)
{
    struct live_upstream *up = timer->data;
    switch (up->phase) {
    case PHASE_WAITING:
        attempt(up);
        break;
    case PHASE_CONNECTING:
        live_ws_hang_up(up->ws);
        fail(up, "no connection in time");
        break;
    case PHASE_OPEN:
        look(up);
        break;
    case PHASE_IDLE:
    case PHASE_RESOLVING:
        break;
    }
}

/* ---- life ---- */

static void upstream_start(struct live *live)
{
    attempt((struct live_upstream *)live);
}

static void upstream_close(struct live *live)
{
    struct live_upstream *up = (struct live_upstream *)live;
    if (up->phase == PHASE_RESOLVING)
        lookup_abandon(up->lookup);
    up->phase = PHASE_IDLE;
    uv_close((uv_handle_t *)&up->timer, NULL);
}

static void upstream_destroy(struct live *live)
{
    struct live_upstream *up = (struct live_upstream *)live;
    live_ws_destroy(up->ws);
    exchange_close(up->session);
    relay_destroy(up->relay);
    free(up->link.sources);
    free(up->asks);
    live_finish(live);
    free(up);
}

/* ---- what the spec says ---- */

static const char *const keys[] = {"format", "symbols", "source", "ca", "insecure", "stall", NULL};

struct settings {
    const struct exchange *exchange; /* NULL: another pricecast */
    char *symbols_text;              /* cut into … */
    const char **symbols;
    size_t symbols_count;
    uint64_t insecure, stall_s;
};

static int format_choose(const struct spec *spec, struct settings *out, char *error,
                         size_t error_size)
{
    const char *name = spec_value(spec, "format");
    if (name != NULL && strcmp(name, "pricecast") == 0)
        return 0;
    out->exchange =
        name == NULL ? exchange_of_url(spec->path, strlen(spec->path)) : exchange_find(name);
    if (out->exchange != NULL)
        return 0;
    size_t used = name == NULL ? (size_t)snprintf(error, error_size, "format= is missing; allowed:")
                               : (size_t)snprintf(error, error_size, "format=%s: allowed:", name);
    for (size_t i = 0; exchange_at(i) != NULL && used < error_size; i++)
        used += (size_t)snprintf(error + used, error_size - used, " %s,", exchange_at(i)->name);
    if (used < error_size)
        snprintf(error + used, error_size - used, " pricecast");
    return -EINVAL;
}

static int symbols_read(const struct spec *spec, struct settings *out, char *error,
                        size_t error_size)
{
    const char *text = spec_value(spec, "symbols");
    if (text == NULL)
        text = out->exchange == NULL ? "*" : "";
    out->symbols_text = strdup(text);
    out->symbols = calloc(strlen(text) + 1, sizeof *out->symbols);
    if (out->symbols_text == NULL || out->symbols == NULL)
        return -ENOMEM;
    char *rest = out->symbols_text;
    for (char *symbol; (symbol = strsep(&rest, ",")) != NULL;) {
        if (*symbol == '\0')
            continue;
        if (!name_is_valid(symbol, strlen(symbol))) {
            snprintf(error, error_size,
                     "symbols= must be names of 1 to %d bytes without control characters",
                     NAME_BYTES_MAX);
            return -EINVAL;
        }
        out->symbols[out->symbols_count++] = symbol;
    }
    /* Where the URL can say it all, none need be given. */
    if (out->symbols_count > 0 || (out->exchange != NULL && out->exchange->path != NULL))
        return 0;
    snprintf(error, error_size, "symbols= is missing");
    return -EINVAL;
}

/* libwebsockets would only log that the file is of no use. */
static int ca_check(const struct spec *spec, char *error, size_t error_size)
{
    const char *path = spec_value(spec, "ca");
    if (path == NULL)
        return 0;
    FILE *file = fopen(path, "re");
    int rc = file == NULL ? -errno : -EINVAL;
    char line[256];
    for (long bytes = 0; rc == -EINVAL && file != NULL && bytes < CA_BYTES_MAX &&
                         fgets(line, sizeof line, file) != NULL;
         bytes += (long)strlen(line))
        if (strstr(line, "-----BEGIN") != NULL)
            rc = 0;
    if (file != NULL)
        fclose(file);
    if (rc != 0)
        snprintf(error, error_size, "ca=%s: %s", path,
                 rc == -EINVAL ? "not a file of PEM certificates" : strerror(-rc));
    return rc;
}

static int source_check(const struct spec *spec, const struct settings *settings, char *error,
                        size_t error_size)
{
    const char *source = spec_value(spec, "source");
    if (source == NULL)
        return 0;
    if (settings->exchange == NULL)
        snprintf(error, error_size, "format pricecast takes no source=: its items have one");
    else if (!name_is_valid(source, strlen(source)))
        snprintf(error, error_size,
                 "source= must be 1 to %d bytes of UTF-8 without control characters",
                 NAME_BYTES_MAX);
    else
        return 0;
    return -EINVAL;
}

static int settings_read(const struct spec *spec, struct settings *out, char *error,
                         size_t error_size)
{
    *out = (struct settings){.stall_s = STALL_DEFAULT_S};
    int rc = spec_check_once(spec, keys, error, error_size);
    if (rc == 0)
        rc = format_choose(spec, out, error, error_size);
    if (rc == 0)
        rc = symbols_read(spec, out, error, error_size);
    if (rc == 0)
        rc = source_check(spec, out, error, error_size);
    if (rc == 0)
        rc = ca_check(spec, error, error_size);
    if (rc == 0)
        rc = spec_integer(spec, "insecure", 0, 1, &out->insecure, error, error_size);
    if (rc == 0)
        rc = spec_integer(spec, "stall", 1, STALL_MAX_S, &out->stall_s, error, error_size);
    return rc;
}

static void settings_finish(struct settings *settings)
{
    free(settings->symbols_text);
    free(settings->symbols);
}

/* ---- creating ---- */

static int speaker_create(struct live_upstream *up, const struct settings *settings)
{
    if (settings->exchange == NULL) {
        up->relay = relay_create();
        up->asks = relay_subscribe(settings->symbols, settings->symbols_count);
    } else {
        up->session = exchange_open(settings->exchange);
        up->asks =
            exchange_subscribe(settings->exchange, settings->symbols, settings->symbols_count);
    }
    return (up->relay == NULL && up->session == NULL) || up->asks == NULL ? -ENOMEM : 0;
}

static int client_create(struct live_upstream *up, const struct spec *spec,
                         const struct settings *settings, struct live_ws_net *net,
                         size_t message_max)
{
    char *more =
        settings->exchange == NULL || settings->symbols_count == 0
            ? strdup("")
            : exchange_path(settings->exchange, settings->symbols, settings->symbols_count);
    char *path = more == NULL ? NULL : ws_url_path(&up->url, more, spec, keys);
    const struct live_ws_options options = {
        .host = up->url.host,
        .port = up->url.port,
        .path = path,
        .protocol = settings->exchange == NULL ? "pricecast.v1.json" : NULL,
        .tls = up->url.tls,
        .insecure = settings->insecure != 0,
        .ca = spec_value(spec, "ca"),
        .message_max = message_max,
        .hooks = {on_opened, on_message, on_unfit, on_closed, up},
    };
    if (path != NULL && strlen(path) <= LIVE_WS_PATH_MAX)
        up->ws = live_ws_create(net, &options);
    free(more);
    free(path);
    return up->ws == NULL ? -ENOMEM : 0;
}

static int upstream_create(const struct spec *spec, const struct settings *settings,
                           const struct live_options *options, struct live_ws_net *net,
                           size_t message_max, struct live **out, char *error, size_t error_size)
{
    static const struct live_ops ops = {upstream_start, upstream_close, upstream_destroy};
    struct live_upstream *up = calloc(1, sizeof *up);
    if (up == NULL)
        return -ENOMEM;
    up->stall_ms = settings->stall_s * 1000;
    up->timer.data = up;
    int rc = live_init(&up->live, &ops, options);
    up->live.state = FEED_DOWN;
    if (rc == 0)
        rc = ws_url_parse(spec, &up->url, error, error_size);
    if (rc == 0)
        rc = speaker_create(up, settings);
    if (rc == 0)
        rc = client_create(up, spec, settings, net, message_max);
    if (rc != 0) {
        upstream_destroy(&up->live);
        return rc;
    }
    uv_timer_init(options->loop, &up->timer);
    *out = &up->live;
    return 0;
}

int live_upstream_create(const struct spec *spec, const struct live_options *options,
                         struct live_ws_net *net, size_t message_max, struct live **out,
                         char *error, size_t error_size)
{
    struct settings settings;
    struct live_options own = *options;
    own.name = spec->path; /* the query may hold a token */
    own.keys.source = spec_value(spec, "source");
    int rc = settings_read(spec, &settings, error, error_size);
    if (rc == 0)
        rc = upstream_create(spec, &settings, &own, net, message_max, out, error, error_size);
    settings_finish(&settings);
    return rc;
}
