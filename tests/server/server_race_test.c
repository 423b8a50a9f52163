/* A whole server of many shards in this process, and clients over real sockets, of every encoding
 * and mode, who come, go, change their minds and stop reading, while others ask it how it does; for
 * the thread sanitizer. What the clients check of each item is seq == previous + 1 + skipped, and
 * that it tells what they asked for.
 *
 * It ends when enough items have been checked, however long that takes. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/server.h"
#include "tests/support/frames.h"
#include "tests/support/random.h"
#include "tools/binary.h"

enum {
    SHARDS = 6,
    CROWDS = 3,
    CLIENTS = 6, /* of each crowd */
    STREAMS_SEEN_MAX = 64,
    ITEMS = 20000, /* to be checked by each crowd */
    INPUT_BYTES = 4 << 20,
};

enum way { WAY_JSON, WAY_BINARY, WAY_SSE, WAYS };

struct fixture {
    struct bus *bus;
    struct feed *feed;
    struct server *server;
    struct sockaddr_in address;
    _Atomic unsigned crowds_left;
    _Atomic uint64_t skipped, reconnects;
};

/* ---- one client ---- */

struct view {
    char stream[48];
    uint64_t seq;
};

struct client {
    int fd;
    enum way way;
    struct binary *binary;
    size_t len; /* of what has come and is not a whole message yet */
    bool upgraded;
    struct view views[STREAMS_SEEN_MAX];
    size_t views_count;
    unsigned stalled; /* steps for which it does not read */
    char *input;
};

struct crowd {
    struct fixture *f;
    struct random random;
    struct client clients[CLIENTS];
    unsigned connects, wishes; /* by turns, so that there is something of each */
    uint64_t items, skipped, told[WAYS], clocks, ohlc;
};

static void say(const struct client *client, const char *text)
{
    unsigned char frame[300];
    const size_t len = strlen(text);
    frame[0] = 0x81;
    frame[1] = 0x80 | 126;
    frame[2] = (unsigned char)(len >> 8);
    frame[3] = (unsigned char)len;
    memset(frame + 4, 0, 4); /* a mask of zeros changes nothing */
    assert_true(len < sizeof frame - 8);
    memcpy(frame + 8, text, len);
    send(client->fd, frame, len + 8, MSG_NOSIGNAL);
}

static void subscribe(struct crowd *crowd, const struct client *client)
{
    static const char *const wishes[] = {"\"mode\":\"latest\"",
                                         "\"mode\":\"every\"",
                                         "\"max_rate\":50",
                                         "\"mode\":\"every\",\"max_rate\":20",
                                         "\"mode\":\"every\",\"max_age_ms\":20",
                                         "\"ohlc\":true,\"max_rate\":50",
                                         "\"mode\":\"every\",\"ohlc\":true,\"clocks\":true"};
    char text[200];
    snprintf(text, sizeof text, "{\"op\":\"subscribe\",\"symbols\":[\"*\"],%s}",
             wishes[crowd->wishes++ % (sizeof wishes / sizeof *wishes)]);
    say(client, text);
}

static void request_make(struct crowd *crowd, enum way way, char *out, size_t size)
{
    static const char upgrade[] = "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                  "Sec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    static const char *const wishes[] = {"mode=latest", "mode=every", "max_rate=50&ohlc=true",
                                         "mode=every&max_age_ms=20&clocks=true"};
    if (way == WAY_SSE)
        snprintf(out, size, "GET /sse?symbols=*&%s HTTP/1.1\r\nHost: x\r\n\r\n",
                 wishes[crowd->wishes++ % (sizeof wishes / sizeof *wishes)]);
    else
        snprintf(out, size, "GET /ws HTTP/1.1\r\nHost: x\r\n%s%s\r\n", upgrade,
                 way == WAY_BINARY ? "Sec-WebSocket-Protocol: pricecast.v1.bin\r\n" : "");
}

static void client_connect(struct crowd *crowd, struct client *client)
{
    char request[400];
    const int small = 4096;
    char *input = client->input;
    struct binary *binary = client->binary;
    *client = (struct client){
        .input = input,
        .binary = binary,
        .fd = socket(AF_INET, SOCK_STREAM, 0),
        .way = (enum way)(crowd->connects++ % WAYS),
    };
    binary_forget(binary);
    request_make(crowd, client->way, request, sizeof request);
    assert_true(client->fd >= 0);
    if (random_chance(&crowd->random, 50))
        setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    assert_int_equal(
        connect(client->fd, (const struct sockaddr *)&crowd->f->address, sizeof crowd->f->address),
        0);
    const size_t len = strlen(request);
    assert_int_equal(send(client->fd, request, len, MSG_NOSIGNAL), len);
}

static void client_leave(struct crowd *crowd, const struct client *client)
{
    const struct linger reset = {.l_onoff = 1};
    if (random_chance(&crowd->random, 50))
        setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(client->fd);
}

static struct view *view_of(struct client *client, const json_t *item)
{
    char stream[sizeof client->views->stream];
    snprintf(stream, sizeof stream, "%s %s", json_string_value(json_object_get(item, "kind")),
             json_string_value(json_object_get(item, "symbol")));
    size_t i = 0;
    while (i < client->views_count && strcmp(client->views[i].stream, stream) != 0)
        i++;
    assert_true(i < STREAMS_SEEN_MAX);
    if (i == client->views_count) {
        memcpy(client->views[i].stream, stream, sizeof stream);
        client->views_count++;
    }
    return &client->views[i];
}

static void item_check(struct crowd *crowd, struct client *client, const json_t *item)
{
    struct view *view = view_of(client, item);
    const uint64_t seq = (uint64_t)json_integer_value(json_object_get(item, "seq"));
    const uint64_t skipped = (uint64_t)json_integer_value(json_object_get(item, "skipped"));
    if (view->seq > 0 && seq != view->seq + 1 + skipped)
        fail_msg("%s: %llu after %llu, skipped %llu", view->stream, (unsigned long long)seq,
                 (unsigned long long)view->seq, (unsigned long long)skipped);
    view->seq = seq;
    crowd->items++;
    crowd->skipped += skipped;
    crowd->told[client->way]++;
    crowd->clocks += json_object_get(item, "clocks") != NULL;
    crowd->ohlc += json_object_get(item, "high") != NULL;
}

static void message_check(struct crowd *crowd, struct client *client, const char *text, size_t len)
{
    json_t *root = json_loadb(text, len, 0, NULL);
    assert_non_null(root);
    const char *type = json_string_value(json_object_get(root, "type"));
    const bool defines = type != NULL && strcmp(type, "define") == 0;
    const json_t *data = defines ? NULL : json_object_get(root, "data");
    const char *code = json_string_value(json_object_get(root, "code"));
    assert_true(code == NULL || strcmp(code, "slow_consumer") == 0);
    for (size_t i = 0; i < json_array_size(data); i++)
        item_check(crowd, client, json_array_get(data, i));
    json_decref(root);
}

static void binary_check(struct crowd *crowd, struct client *client, const char *bytes, size_t len)
{
    const char *text;
    size_t text_len;
    assert_int_equal(client->way, WAY_BINARY);
    assert_int_equal(binary_text(client->binary, bytes, len, &text, &text_len), 0);
    message_check(crowd, client, text, text_len);
}

/* Where the event at the front ends, with the empty line after it; NULL: it is not all here. */
static const char *event_end(const char *at, const char *end)
{
    const char *line = at;
    while ((line = memchr(line, '\n', (size_t)(end - line))) != NULL && ++line < end)
        if (*line == '\n')
            return line + 1;
    return NULL;
}

/* Takes one event off the front; returns its size, or 0. Only lines of data say something. */
static size_t event_take(struct crowd *crowd, struct client *client, const char *at, size_t len)
{
    static const char field[] = "data: ";
    const char *const end = event_end(at, at + len);
    if (end == NULL)
        return 0;
    for (const char *line = at, *next; line < end - 1; line = next + 1) {
        next = memchr(line, '\n', (size_t)(end - line));
        if (strncmp(line, field, sizeof field - 1) == 0)
            message_check(crowd, client, line + sizeof field - 1,
                          (size_t)(next - line) - (sizeof field - 1));
    }
    return (size_t)(end - at);
}

/* The same of a WebSocket message. */
static size_t message_take(struct crowd *crowd, struct client *client, const char *at, size_t len)
{
    struct seen_frame frame;
    const size_t size = frame_take(at, len, &frame);
    if (size > 0)
        (frame.is_binary ? binary_check : message_check)(crowd, client, frame.payload, frame.len);
    return size;
}

/* Skips the answer to the upgrade; returns false while it is not all here. */
static bool upgrade_take(struct client *client, size_t *at)
{
    client->input[client->len] = '\0';
    const char *end = strstr(client->input, "\r\n\r\n");
    if (end == NULL)
        return false;
    assert_memory_equal(client->input, client->way == WAY_SSE ? "HTTP/1.1 200" : "HTTP/1.1 101",
                        12);
    *at = (size_t)(end + 4 - client->input);
    client->upgraded = true;
    return true;
}

static void client_read(struct crowd *crowd, struct client *client)
{
    struct pollfd ready = {.fd = client->fd, .events = POLLIN};
    if (poll(&ready, 1, 10) <= 0)
        return;
    assert_true(client->len < INPUT_BYTES - 1);
    const ssize_t got =
        recv(client->fd, client->input + client->len, INPUT_BYTES - 1 - client->len, 0);
    assert_true(got > 0); /* the server never ends a connection here */
    client->len += (size_t)got;
    size_t at = 0, size;
    if (!client->upgraded && !upgrade_take(client, &at))
        return;
    while ((size = (client->way == WAY_SSE ? event_take : message_take)(
                crowd, client, client->input + at, client->len - at)) > 0)
        at += size;
    memmove(client->input, client->input + at, client->len - at);
    client->len -= at;
}

/* ---- many ---- */

static void client_step(struct crowd *crowd, struct client *client)
{
    const unsigned dice = random_below(&crowd->random, 1000);
    if (client->stalled > 0) {
        client->stalled--;
        return;
    }
    if (!client->upgraded || dice < 900) {
        client_read(crowd, client);
        if (client->upgraded && client->views_count == 0 && client->way != WAY_SSE)
            subscribe(crowd, client);
    } else if (dice < 950) {
        if (client->way != WAY_SSE)
            subscribe(crowd, client);
    } else if (dice < 980) {
        client->stalled = random_below(&crowd->random, 200);
    } else if (dice < 990) {
        client_leave(crowd, client);
        client_connect(crowd, client);
        atomic_fetch_add(&crowd->f->reconnects, 1);
    }
}

/* Something of each kind must have come, or nothing was tested of it. */
static bool has_seen_all(const struct crowd *crowd)
{
    bool all = atomic_load(&crowd->f->reconnects) >= CROWDS;
    for (int way = 0; way < WAYS; way++)
        all = all && crowd->told[way] > 0;
    return all && crowd->clocks > 0 && crowd->ohlc > 0;
}

static void *crowd_run(void *ctx)
{
    struct crowd *crowd = ctx;
    for (int i = 0; i < CLIENTS; i++) {
        crowd->clients[i].input = malloc(INPUT_BYTES);
        crowd->clients[i].binary = binary_create();
        client_connect(crowd, &crowd->clients[i]);
    }
    while (crowd->items < ITEMS || !has_seen_all(crowd))
        client_step(crowd, &crowd->clients[random_below(&crowd->random, CLIENTS)]);
    for (int i = 0; i < CLIENTS; i++) {
        client_leave(crowd, &crowd->clients[i]);
        free(crowd->clients[i].input);
        binary_destroy(crowd->clients[i].binary);
    }
    atomic_fetch_add(&crowd->f->skipped, crowd->skipped);
    atomic_fetch_sub(&crowd->f->crowds_left, 1);
    return NULL;
}

/* Asks for everything there is, again and again. */
static void *asker_run(void *ctx)
{
    static const char *const paths[] = {"/api/v1/clients?limit=5", "/metrics",
                                        "/api/v1/status",          "/api/v1/latest",
                                        "/api/v1/symbols",         "/healthz"};
    struct fixture *f = ctx;
    for (unsigned i = 0; atomic_load(&f->crowds_left) > 0; i++) {
        char request[100], answer[4096];
        const int fd = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(fd, (const struct sockaddr *)&f->address, sizeof f->address), 0);
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
                 paths[i % 6]);
        send(fd, request, strlen(request), MSG_NOSIGNAL);
        const ssize_t got = recv(fd, answer, sizeof answer, 0);
        assert_true(got > 15);
        assert_memory_equal(answer, "HTTP/1.1 200 OK", 15);
        while (recv(fd, answer, sizeof answer, 0) > 0)
            ;
        close(fd);
    }
    return NULL;
}

static int setup(void **state)
{
    static const char *const spec = "sim:?symbols=12&rate=3000&bursts=1";
    struct fixture *f = calloc(1, sizeof *f);
    char error[1024] = "";
    assert_int_equal(bus_create(&(struct bus_options){.ring_events = 4096}, &f->bus), 0);
    const struct feed_options feed = {.specs = &spec, .specs_count = 1, .speed = 1};
    if (feed_create(&feed, f->bus, &f->feed, error, sizeof error) != 0)
        fail_msg("%s", error);
    const struct server_options options = {
        .host = "127.0.0.1",
        .shards = SHARDS,
        .heartbeat_ms = 100,
        .heartbeat_clients = 250,
        .gather_ms = 2,
        .clients_max = 1000,
        .queue_bytes_max = 20000,
        .message_bytes_max = SERVER_MESSAGE_BYTES_DEFAULT,
        .symbols_max = SERVER_SYMBOLS_MAX,
        .patterns_max = SERVER_PATTERNS_DEFAULT,
        .bus = f->bus,
        .feed = f->feed,
    };
    if (server_create(&options, &f->server, error, sizeof error) != 0)
        fail_msg("%s", error);
    unsigned port;
    assert_int_equal(sscanf(server_url(f->server), "http://127.0.0.1:%u/", &port), 1);
    f->address = (struct sockaddr_in){.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)port),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    feed_stop(f->feed);
    server_stop(f->server);
    server_destroy(f->server);
    feed_destroy(f->feed);
    bus_destroy(f->bus);
    free(f);
    return 0;
}

static void many_shards_serve_restless_clients(void **state)
{
    struct fixture *f = *state;
    pthread_t crowd_threads[CROWDS], asker;
    struct crowd *crowds = calloc(CROWDS, sizeof *crowds);
    assert_non_null(crowds);
    assert_int_equal(server_start(f->server), 0);
    assert_int_equal(feed_start(f->feed), 0);
    atomic_store(&f->crowds_left, CROWDS);
    for (unsigned i = 0; i < CROWDS; i++) {
        crowds[i].f = f;
        crowds[i].random.state = random_seed_of(41) + i;
        assert_int_equal(pthread_create(&crowd_threads[i], NULL, crowd_run, &crowds[i]), 0);
    }
    assert_int_equal(pthread_create(&asker, NULL, asker_run, f), 0);
    for (unsigned i = 0; i < CROWDS; i++)
        pthread_join(crowd_threads[i], NULL);
    pthread_join(asker, NULL);
    assert_true(atomic_load(&f->skipped) > 0);
    free(crowds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(many_shards_serve_restless_clients, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
