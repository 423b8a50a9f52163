/* One epoll set, level-triggered: a client whose data was not all read comes again in the next
 * round, after the others had their turn. */
#include "tools/swarm.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "tools/digest.h"
#include "tools/ledger.h"
#include "tools/lottery.h"
#include "tools/wsclient.h"

#define NS_PER_S INT64_C(1000000000)

enum {
    EVENTS_A_ROUND = 512,
    SLOW_RECEIVE_BYTES = 4096,
    LATENCY_US_MAX = 60 * 1000 * 1000, /* beyond, `ts` is of another clock or a recording's */
};

struct client {
    struct wsclient ws; /* first: on_message() gets this */
    bool is_slow, is_writing, has_asked, is_subscribed, is_refused;
    struct ledger ledger;
    uint32_t *picks; /* places of its symbols, `pick` of them; NULL: all */
};

struct swarm {
    struct swarm_settings settings;
    struct swarm_counts counts;
    struct client *clients;
    struct digests *digests;
    char *scratch;
    char *subscribe; /* NULL when each client has its own */
    long subscribe_len;
    struct lottery lottery;
    const char **names; /* for one subscription */
    int64_t churn_at_ns;
    int64_t start_ns;
    size_t waiting; /* clients without their subscription, and not gone */
    int epoll_fd;
    int request_len;
    char request[URL_PATH_MAX + URL_HOST_MAX + 512];
    char trouble[512];
};

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void note_trouble(struct swarm *swarm, const struct client *client, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void note_trouble(struct swarm *swarm, const struct client *client, const char *format, ...)
{
    if (swarm->trouble[0] != '\0')
        return;
    va_list args;
    va_start(args, format);
    const int len = snprintf(swarm->trouble, sizeof swarm->trouble,
                             "client %zu: ", (size_t)(client - swarm->clients));
    vsnprintf(swarm->trouble + len, sizeof swarm->trouble - (size_t)len, format, args);
    va_end(args);
}

static void check_items(struct swarm *swarm, struct client *client, const struct digest *digest)
{
    struct ledger_fault fault;
    const int faults = ledger_enter(&client->ledger, digest, swarm->settings.is_binary, &fault);
    if (faults < 0)
        return note_trouble(swarm, client, "out of memory");
    swarm->counts.checked += digest->type == MESSAGE_DEFINE ? 0 : digest->item_count;
    swarm->counts.violations += (uint64_t)faults;
    if (faults == 0)
        return;
    const char *stream = digests_stream_name(swarm->digests, fault.item->stream);
    if (fault.last_seq == 0)
        note_trouble(swarm, client, "%s: an item came before the definition", stream);
    else
        note_trouble(swarm, client, "%s: seq %lld with skipped %lld came after seq %lld", stream,
                     (long long)fault.item->seq, (long long)fault.item->skipped,
                     (long long)fault.last_seq);
}

/* ---- messages ---- */

/* How much of a message a line on the terminal shows. */
static int excerpt(size_t len)
{
    return len < 300 ? (int)len : 300;
}

static void record_latency(struct swarm *swarm, const struct digest *digest)
{
    const int64_t now_us = clock_ns(CLOCK_REALTIME) / 1000;
    for (size_t i = 0; i < digest->item_count; i++) {
        const int64_t age_us = now_us - digest->items[i].ts;
        if (age_us >= 0 && age_us <= LATENCY_US_MAX)
            histogram_record(&swarm->counts.latency_us, (uint64_t)age_us);
    }
}

static void on_update(struct swarm *swarm, const struct digest *digest, size_t wire_bytes)
{
    struct swarm_counts *counts = &swarm->counts;
    counts->update_frames++;
    counts->update_frame_bytes += wire_bytes;
    counts->updates += digest->item_count;
    counts->skipped += (uint64_t)digest->skipped;
    record_latency(swarm, digest);
}

static void set_subscribed(struct swarm *swarm, struct client *client)
{
    client->is_subscribed = true;
    swarm->counts.subscribed++;
    swarm->waiting--;
}

static void on_subscribed(struct swarm *swarm, struct client *client, const char *text, size_t len)
{
    struct message message;
    if (client->is_subscribed)
        return;
    set_subscribed(swarm, client);
    if (message_parse(text, len, &message) == 0 && message.fields[FIELD_REJECTED].len > 2) {
        swarm->counts.errors++;
        note_trouble(swarm, client, "not all symbols were accepted: %.*s", excerpt(len), text);
    }
}

static void on_error(struct swarm *swarm, struct client *client, const char *text, size_t len)
{
    struct message message;
    swarm->counts.errors++;
    note_trouble(swarm, client, "the server says %.*s", excerpt(len), text);
    if (message_parse(text, len, &message) == 0 &&
        message_integer(&message, FIELD_ID, -1) == SUBSCRIBE_ID)
        client->is_refused = !client->is_subscribed;
}

static void on_text(struct swarm *swarm, struct client *client, const char *text, size_t len,
                    size_t wire_bytes)
{
    const struct digest *digest = digests_find(swarm->digests, text, len);
    swarm->counts.frames++;
    if (digest == NULL) {
        swarm->counts.bad++;
        note_trouble(swarm, client, "not a message of the protocol: %.*s", excerpt(len), text);
        return;
    }
    if (digest->type == MESSAGE_UPDATE)
        on_update(swarm, digest, wire_bytes);
    else if (digest->type == MESSAGE_SNAPSHOT)
        swarm->counts.snapshot_items += digest->item_count;
    else if (digest->type == MESSAGE_SUBSCRIBED)
        on_subscribed(swarm, client, text, len);
    else if (digest->type == MESSAGE_RESET || digest->type == MESSAGE_UNSUBSCRIBED)
        ledger_forget(&client->ledger, swarm->settings.is_binary);
    else if (digest->type == MESSAGE_ERROR)
        on_error(swarm, client, text, len);
    if (swarm->settings.has_check)
        check_items(swarm, client, digest);
}

static void on_nats(struct swarm *swarm, struct client *client, const char *text, size_t len)
{
    static const char pong[] = "PONG\r\n";
    const char *payload;
    size_t payload_len;
    enum nats_op op;
    while ((op = nats_next(&text, &len, &payload, &payload_len)) != NATS_END) {
        if (op == NATS_MESSAGE) {
            on_text(swarm, client, payload, payload_len, payload_len);
        } else if (op == NATS_PONG && !client->is_subscribed) {
            set_subscribed(swarm, client);
        } else if (op == NATS_PING) {
            wsclient_send_text(&client->ws, pong,
                               sizeof pong - 1); /* an error shows when reading */
        } else if (op == NATS_BAD) {
            swarm->counts.bad++;
            note_trouble(swarm, client, "not what NATS sends: %.*s", excerpt(len), text);
            return;
        }
    }
}

static void on_message(void *ctx, struct wsclient *ws, const char *text, size_t len,
                       size_t wire_bytes)
{
    struct swarm *swarm = ctx;
    struct client *client = (struct client *)ws;
    if (swarm->settings.dialect == DIALECT_NATS)
        on_nats(swarm, client, text, len);
    else
        on_text(swarm, client, text, len, wire_bytes);
}

/* ---- clients ---- */

/* Closed by the server as one closes what is in order; 1005: it gave no code. */
static bool is_orderly(const struct client *client, int rc)
{
    const int code = client->ws.close_code;
    return rc == -ESHUTDOWN && (code == 1000 || code == 1001 || code == 1005 || code == 1012);
}

static void end_client(struct swarm *swarm, struct client *client, int rc)
{
    const struct wsclient *ws = &client->ws;
    if (!client->is_subscribed)
        swarm->waiting--;
    if (client->is_slow && client->is_subscribed) {
        swarm->counts.slow_ended++;
    } else if (is_orderly(client, rc)) {
        swarm->counts.ended++;
    } else {
        swarm->counts.failed++;
        if (ws->http_status != 0 && !ws->is_open)
            note_trouble(swarm, client, "the server answered HTTP %d", ws->http_status);
        else if (rc == -ESHUTDOWN)
            note_trouble(swarm, client, "closed by the server with code %d", ws->close_code);
        else
            note_trouble(swarm, client, "%s", strerror(-rc));
    }
    wsclient_finish(&client->ws);
    ledger_finish(&client->ledger);
    free(client->picks);
    client->picks = NULL;
}

static int watch(struct swarm *swarm, struct client *client, int operation)
{
    client->is_writing = wsclient_wants_write(&client->ws);
    const bool is_reading = !(client->is_slow && client->is_subscribed);
    struct epoll_event event = {
        .events = (is_reading ? EPOLLIN : EPOLLRDHUP) | (client->is_writing ? EPOLLOUT : 0),
        .data.ptr = client,
    };
    return epoll_ctl(swarm->epoll_fd, operation, client->ws.fd, &event) == 0 ? 0 : -errno;
}

static void start_client(struct swarm *swarm)
{
    const struct swarm_settings *settings = &swarm->settings;
    struct client *client = &swarm->clients[swarm->counts.started];
    client->is_slow = swarm->counts.started < settings->slow_clients;
    swarm->counts.started++;
    swarm->waiting++;
    int rc = wsclient_init(&client->ws, settings->address, settings->address_len, swarm->request,
                           (size_t)swarm->request_len);
    if (rc == 0 && client->is_slow)
        setsockopt(client->ws.fd, SOL_SOCKET, SO_RCVBUF, &(int){SLOW_RECEIVE_BYTES}, sizeof(int));
    if (rc == 0)
        rc = watch(swarm, client, EPOLL_CTL_ADD);
    if (rc != 0)
        end_client(swarm, client, rc);
}

/* Gives a client other symbols. */
static int pick_symbols(struct swarm *swarm, struct client *client)
{
    const size_t pick = swarm->settings.pick;
    if (pick == 0)
        return 0;
    if (client->picks == NULL)
        client->picks = malloc(pick * sizeof *client->picks);
    if (client->picks == NULL)
        return -ENOMEM;
    lottery_draw(&swarm->lottery, client->picks, pick);
    return 0;
}

/* What a client asks for. */
static struct subscribe wish(struct swarm *swarm, const struct client *client)
{
    const struct swarm_settings *settings = &swarm->settings;
    struct subscribe wish = settings->subscribe;
    if (client->picks != NULL) {
        for (size_t i = 0; i < settings->pick; i++)
            swarm->names[i] = settings->subscribe.symbols[client->picks[i]];
        wish.symbols = swarm->names;
        wish.symbol_count = settings->pick;
    }
    if (settings->is_mixed) {
        const size_t turn = (size_t)(client - swarm->clients) % 4;
        wish.mode = turn % 2 == 0 ? "latest" : "every";
        if (turn < 2)
            wish.max_rate = 0;
    }
    return wish;
}

static int say(struct client *client, char *text, long len)
{
    const int rc = len < 0    ? -ENOMEM
                   : len == 0 ? 0
                              : wsclient_send_text(&client->ws, text, (size_t)len);
    free(text);
    return rc;
}

static int subscribe(struct swarm *swarm, struct client *client)
{
    client->has_asked = true;
    if (swarm->subscribe != NULL)
        return wsclient_send_text(&client->ws, swarm->subscribe, (size_t)swarm->subscribe_len);
    const int rc = pick_symbols(swarm, client);
    if (rc != 0)
        return rc;
    const struct subscribe own = wish(swarm, client);
    long len;
    char *text = dialect_greeting(swarm->settings.dialect, &own, &len);
    if (len == 0)
        set_subscribed(swarm, client);
    return say(client, text, len);
}

/* Gives up all and asks for other symbols, in one go. */
static int churn(struct swarm *swarm, struct client *client)
{
    const struct subscribe old = wish(swarm, client);
    size_t len;
    char *text = unsubscribe_text(&old, &len);
    int rc = say(client, text, text == NULL ? -1 : (long)len);
    if (rc == 0)
        rc = pick_symbols(swarm, client);
    if (rc != 0)
        return rc;
    swarm->counts.churned++;
    const struct subscribe other = wish(swarm, client);
    text = subscribe_text(&other, &len);
    return say(client, text, text == NULL ? -1 : (long)len);
}

static void on_event(struct swarm *swarm, struct client *client, uint32_t events)
{
    const bool was_slow = client->is_slow && client->is_subscribed;
    ssize_t rc = was_slow && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 ? -ECONNRESET : 0;
    if (rc == 0 && (events & EPOLLOUT || !client->ws.is_connected))
        rc = wsclient_write(&client->ws);
    if (rc == 0 && !was_slow && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        rc = wsclient_read(&client->ws, swarm->scratch, on_message, swarm);
        if (rc > 0) {
            swarm->counts.bytes += (uint64_t)rc;
            rc = client->is_refused ? -EACCES : 0;
        }
    }
    if (rc == 0 && client->ws.is_open && !client->has_asked)
        rc = subscribe(swarm, client);
    const bool is_slow = client->is_slow && client->is_subscribed;
    if (rc == 0 && (is_slow != was_slow || client->is_writing != wsclient_wants_write(&client->ws)))
        rc = watch(swarm, client, EPOLL_CTL_MOD);
    if (rc < 0)
        end_client(swarm, client, (int)rc);
}

/* ---- the swarm ---- */

static int prepare_commands(struct swarm *swarm)
{
    const struct subscribe *subscribe = &swarm->settings.subscribe;
    const int rc = lottery_init(&swarm->lottery, subscribe->symbol_count, swarm->settings.skew,
                                swarm->settings.seed);
    if (rc != 0)
        return rc;
    if (swarm->settings.pick == 0 && !swarm->settings.is_mixed) {
        swarm->subscribe =
            dialect_greeting(swarm->settings.dialect, subscribe, &swarm->subscribe_len);
        return swarm->subscribe_len < 0 ? -ENOMEM : 0;
    }
    swarm->names = calloc(swarm->settings.pick + 1, sizeof *swarm->names);
    return swarm->names == NULL ? -ENOMEM : 0;
}

int swarm_create(const struct swarm_settings *settings, struct swarm **out)
{
    char authority[URL_HOST_MAX + 10];
    struct swarm *swarm = calloc(1, sizeof *swarm);
    if (swarm == NULL)
        return -ENOMEM;
    swarm->settings = *settings;
    swarm->start_ns = clock_ns(CLOCK_MONOTONIC);
    swarm->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int rc = swarm->epoll_fd < 0 ? -errno : 0;
    url_authority(settings->url, authority);
    if (rc == 0)
        rc = swarm->request_len =
            wsclient_request(authority, settings->url->path,
                             settings->is_binary ? "pricecast.v1.bin" : "pricecast.v1.json",
                             swarm->request, sizeof swarm->request);
    swarm->clients = calloc(settings->clients, sizeof *swarm->clients);
    swarm->digests = digests_create();
    swarm->scratch = malloc(WSCLIENT_SCRATCH_BYTES);
    if (rc >= 0)
        rc = swarm->clients == NULL || swarm->digests == NULL || swarm->scratch == NULL
                 ? -ENOMEM
                 : prepare_commands(swarm);
    if (rc < 0) {
        swarm_destroy(swarm);
        return rc;
    }
    *out = swarm;
    return 0;
}

void swarm_destroy(struct swarm *swarm)
{
    if (swarm == NULL)
        return;
    for (size_t i = 0; i < swarm->counts.started; i++) {
        wsclient_finish(&swarm->clients[i].ws);
        ledger_finish(&swarm->clients[i].ledger);
        free(swarm->clients[i].picks);
    }
    if (swarm->epoll_fd >= 0)
        close(swarm->epoll_fd);
    digests_destroy(swarm->digests);
    free(swarm->clients);
    free(swarm->scratch);
    free(swarm->subscribe);
    free(swarm->names);
    lottery_finish(&swarm->lottery);
    free(swarm);
}

/* Returns when the next client is due, INT64_MAX when none is left. */
static int64_t start_due_clients(struct swarm *swarm)
{
    const struct swarm_settings *settings = &swarm->settings;
    while (swarm->counts.started < settings->clients) {
        const int64_t due_ns = swarm->start_ns + (int64_t)((double)swarm->counts.started * 1e9 /
                                                           settings->connects_per_s);
        if (due_ns > clock_ns(CLOCK_MONOTONIC))
            return due_ns;
        start_client(swarm);
    }
    return INT64_MAX;
}

/* Changes subscriptions that are due, once all clients have one; returns when the next is. */
static int64_t churn_due_clients(struct swarm *swarm)
{
    const double per_s = swarm->settings.churn_per_s;
    if (per_s == 0 || !swarm_is_ready(swarm) || swarm_is_over(swarm))
        return INT64_MAX;
    const int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
    if (swarm->churn_at_ns == 0)
        swarm->churn_at_ns = now_ns;
    for (; swarm->churn_at_ns <= now_ns; swarm->churn_at_ns += (int64_t)(1e9 / per_s)) {
        struct client *client =
            &swarm->clients[lottery_random(&swarm->lottery) % swarm->settings.clients];
        if (client->ws.fd < 0 || client->is_slow)
            continue;
        const int rc = churn(swarm, client);
        if (rc != 0)
            end_client(swarm, client, rc);
        else if (client->is_writing != wsclient_wants_write(&client->ws))
            watch(swarm, client, EPOLL_CTL_MOD);
    }
    return swarm->churn_at_ns;
}

int swarm_step(struct swarm *swarm, int64_t until_ns)
{
    struct epoll_event events[EVENTS_A_ROUND];
    const int64_t start_ns = start_due_clients(swarm), churn_ns = churn_due_clients(swarm);
    const int64_t due_ns = start_ns < churn_ns ? start_ns : churn_ns;
    if (due_ns < until_ns)
        until_ns = due_ns;
    const int64_t wait_ns = until_ns - clock_ns(CLOCK_MONOTONIC);
    const int64_t wait_ms = wait_ns <= 0 ? 0 : wait_ns / 1000000 + 1;
    const int count =
        epoll_pwait(swarm->epoll_fd, events, EVENTS_A_ROUND,
                    wait_ms > INT32_MAX ? -1 : (int)wait_ms, swarm->settings.wait_mask);
    if (count < 0)
        return -errno;
    for (int i = 0; i < count; i++)
        on_event(swarm, events[i].data.ptr, events[i].events);
    return 0;
}

bool swarm_is_ready(const struct swarm *swarm)
{
    return swarm->counts.started == swarm->settings.clients && swarm->waiting == 0;
}

bool swarm_is_over(const struct swarm *swarm)
{
    const struct swarm_counts *counts = &swarm->counts;
    return counts->failed + counts->ended + counts->slow_ended == swarm->settings.clients;
}

const struct swarm_counts *swarm_counts(const struct swarm *swarm)
{
    return &swarm->counts;
}

void swarm_restart_counts(struct swarm *swarm)
{
    struct swarm_counts *counts = &swarm->counts;
    *counts = (struct swarm_counts){
        .started = counts->started,
        .subscribed = counts->subscribed,
        .failed = counts->failed,
        .ended = counts->ended,
        .slow_ended = counts->slow_ended,
        .bad = counts->bad,
        .checked = counts->checked,
        .violations = counts->violations,
    };
}

const char *swarm_first_trouble(const struct swarm *swarm)
{
    return swarm->trouble;
}
