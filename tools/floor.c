/* pricecast-floor: the least a broadcast can cost, to measure the server against.
 *
 * It does what no program that sends to every client can leave out: an upgrade, then one send() of
 * bytes framed once to each socket, from a plain epoll loop. It has no symbols, no queues, no
 * patience (who does not read at once is cut off) and no other commands than the first. Its updates
 * look like the server's, so that pricecast-load counts both the same way. */
#include <arpa/inet.h>
#include <errno.h>
#include <libwebsockets.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "tools/options.h"
#include "tools/wsframe.h"

#define NS_PER_S  1000000000L
#define WS_GUID   "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KEY_FIELD "sec-websocket-key: "

enum {
    FRAME_BYTES_MAX = 1 << 20,
    ITEM_BYTES_MIN = 96, /* kind, symbol, source, seq and ts need so much */
    REQUEST_BYTES_MAX = 4096,
    EVENTS_A_ROUND = 256,
    BACKLOG = 4096,
};

struct settings {
    const char *listen;
    double rate;
    long frame_bytes, batch;
};

enum client_state { CLIENT_ABSENT, CLIENT_UPGRADING, CLIENT_OPEN, CLIENT_SUBSCRIBED };

struct floor {
    struct settings settings;
    int epoll_fd, listen_fd, timer_fd;
    enum client_state *states; /* by file descriptor */
    size_t states_count;
    int *audience; /* the sockets that have subscribed */
    size_t audience_count;
    uint64_t seq;
    double first_due_us, period_us; /* of the updates: each carries the time it was due */
    uint8_t frame[FRAME_BYTES_MAX + WSFRAME_HEADER_MAX];
};

#define SETTING(field) offsetof(struct settings, field)

static const struct option_spec specs[] = {
    {"listen", "HOST:PORT", "an IPv4 address (127.0.0.1:0); port 0 picks a free one", OPTION_TEXT,
     SETTING(listen)},
    {"rate", "N", "updates a second (200)", OPTION_REAL, SETTING(rate), 0.001, 1e6},
    {"batch", "K", "updates in a frame (1)", OPTION_WHOLE, SETTING(batch), 1, 4096},
    {"bytes", "N", "size of a frame, header included (200)", OPTION_WHOLE, SETTING(frame_bytes), 1,
     FRAME_BYTES_MAX},
};

static const struct options_program program = {
    .name = "pricecast-floor",
    .usage = "[OPTION…]",
    .about = "A server that only broadcasts, as cheaply as this system can: the measure for\n"
             "pricecast in tools/bench.",
    .specs = specs,
    .spec_count = sizeof specs / sizeof *specs,
};

static int fail(const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", program.name, what, strerror(errno));
    return EXIT_FAILED;
}

/* ---- clients ---- */

static void cut_off(struct floor *floor, int fd)
{
    for (size_t i = 0; i < floor->audience_count; i++) {
        if (floor->audience[i] == fd) {
            floor->audience[i] = floor->audience[--floor->audience_count];
            break;
        }
    }
    floor->states[fd] = CLIENT_ABSENT;
    close(fd);
}

static void accept_clients(struct floor *floor)
{
    int fd;
    while ((fd = accept4(floor->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        if ((size_t)fd >= floor->states_count ||
            epoll_ctl(floor->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        floor->states[fd] = CLIENT_UPGRADING;
    }
}

/* Sends a text message; returns false when the socket did not take it whole. */
static bool send_text(int fd, const char *text)
{
    uint8_t frame[WSFRAME_HEADER_MAX + 256];
    const size_t text_len = strlen(text);
    const size_t header_len = wsframe_header(WSFRAME_TEXT, text_len, false, frame);
    memcpy(frame + header_len, text, text_len);
    const size_t len = header_len + text_len;
    return send(fd, frame, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static bool upgrade(struct floor *floor, int fd)
{
    char request[REQUEST_BYTES_MAX + 1], key[128], answer[512];
    unsigned char hash[20];
    const ssize_t len = recv(fd, request, REQUEST_BYTES_MAX, 0);
    if (len <= 0)
        return false;
    request[len] = '\0';
    const char *field = strcasestr(request, KEY_FIELD);
    if (field == NULL || strstr(request, "\r\n\r\n") == NULL)
        return false;
    field += strlen(KEY_FIELD);
    snprintf(key, sizeof key, "%.*s" WS_GUID, (int)strcspn(field, "\r"), field);
    lws_SHA1((unsigned char *)key, strlen(key), hash);
    lws_b64_encode_string((const char *)hash, sizeof hash, key, sizeof key);
    const int answer_len = snprintf(answer, sizeof answer,
                                    "HTTP/1.1 101 Switching Protocols\r\n"
                                    "Upgrade: websocket\r\n"
                                    "Connection: Upgrade\r\n"
                                    "Sec-WebSocket-Accept: %s\r\n"
                                    "Sec-WebSocket-Protocol: pricecast.v1.json\r\n"
                                    "\r\n",
                                    key);
    floor->states[fd] = CLIENT_OPEN;
    return send(fd, answer, (size_t)answer_len, MSG_NOSIGNAL) == answer_len &&
           send_text(fd, "{\"type\":\"hello\",\"protocol\":\"pricecast.v1\",\"server\":\"floor\","
                         "\"epoch\":\"1\",\"mode\":\"live\",\"heartbeat_ms\":5000}");
}

/* The first thing a client says is taken for its subscription, whatever it is. */
static bool listen_to(struct floor *floor, int fd)
{
    char ignored[REQUEST_BYTES_MAX];
    if (recv(fd, ignored, sizeof ignored, 0) <= 0)
        return false;
    if (floor->states[fd] == CLIENT_SUBSCRIBED)
        return true;
    floor->states[fd] = CLIENT_SUBSCRIBED;
    floor->audience[floor->audience_count++] = fd;
    return send_text(fd, "{\"type\":\"subscribed\",\"id\":1,\"symbols\":[\"FLOOR\"],"
                         "\"pending\":[],\"rejected\":[],\"total\":1}");
}

/* ---- the broadcast ---- */

/* Frames the next batch; returns its length. Padding makes it as long as asked for. */
static size_t frame_batch(struct floor *floor)
{
    const struct settings *settings = &floor->settings;
    static const char begin[] = "{\"type\":\"update\",\"data\":[", end[] = "]}";
    char *const text = (char *)floor->frame + WSFRAME_HEADER_MAX;
    char *at = text + sprintf(text, "%s", begin);
    uint8_t header[WSFRAME_HEADER_MAX];
    const long payload_len =
        settings->frame_bytes -
        (long)wsframe_header(WSFRAME_TEXT, (uint64_t)settings->frame_bytes, false, header);
    for (long left = settings->batch; left > 0; left--) {
        const char *const item = at;
        const double ts = floor->first_due_us + floor->period_us * (double)floor->seq;
        const long item_len = (payload_len - (at - text) - (long)sizeof end + 1) / left;
        at += sprintf(
            at,
            "%s{\"kind\":\"quote\",\"symbol\":\"FLOOR\",\"source\":\"floor\",\"seq\":%llu,"
            "\"ts\":%lld,\"pad\":\"",
            left == settings->batch ? "" : ",", (unsigned long long)++floor->seq, (long long)ts);
        for (long pad = item_len - (at - item) - 2; pad > 0; pad--)
            *at++ = '0';
        at += sprintf(at, "\"}");
    }
    at += sprintf(at, "%s", end);
    const size_t text_len = (size_t)(at - text);
    const size_t header_len = wsframe_header(WSFRAME_TEXT, text_len, false, header);
    memcpy(floor->frame, header, header_len);
    memmove(floor->frame + header_len, text, text_len);
    return header_len + text_len;
}

static void broadcast(struct floor *floor)
{
    const size_t len = frame_batch(floor);
    for (size_t i = floor->audience_count; i-- > 0;) {
        const int fd = floor->audience[i];
        if (send(fd, floor->frame, len, MSG_NOSIGNAL) != (ssize_t)len)
            cut_off(floor, fd); /* puts one that was already served in its place */
    }
}

static void on_timer(struct floor *floor)
{
    uint64_t due;
    if (read(floor->timer_fd, &due, sizeof due) != sizeof due)
        return;
    for (; due > 0; due--)
        broadcast(floor);
}

static void on_event(struct floor *floor, int fd)
{
    if (fd == floor->listen_fd)
        accept_clients(floor);
    else if (fd == floor->timer_fd)
        on_timer(floor);
    else if (floor->states[fd] == CLIENT_UPGRADING ? !upgrade(floor, fd)
             : floor->states[fd] != CLIENT_ABSENT  ? !listen_to(floor, fd)
                                                   : false)
        cut_off(floor, fd);
}

/* ---- setting up ---- */

static int watch(struct floor *floor, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(floor->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static int open_listener(struct floor *floor, const struct sockaddr_in *wanted)
{
    struct sockaddr_in address = *wanted;
    socklen_t len = sizeof address;
    char host[INET_ADDRSTRLEN];
    floor->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (floor->listen_fd < 0 ||
        setsockopt(floor->listen_fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) != 0 ||
        bind(floor->listen_fd, (struct sockaddr *)&address, len) != 0 ||
        listen(floor->listen_fd, BACKLOG) != 0 ||
        getsockname(floor->listen_fd, (struct sockaddr *)&address, &len) != 0)
        return fail(floor->settings.listen);
    inet_ntop(AF_INET, &address.sin_addr, host, sizeof host);
    printf("http://%s:%d/\n", host, ntohs(address.sin_port));
    fflush(stdout);
    return watch(floor, floor->listen_fd) == 0 ? EXIT_OK : fail("epoll");
}

static int start_timer(struct floor *floor)
{
    const double period_ns =
        (double)NS_PER_S * (double)floor->settings.batch / floor->settings.rate;
    const struct timespec period = {
        .tv_sec = (time_t)(period_ns / (double)NS_PER_S),
        .tv_nsec = (long)period_ns % NS_PER_S,
    };
    const struct itimerspec timer = {.it_interval = period, .it_value = period};
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    floor->period_us = 1e6 / floor->settings.rate;
    floor->first_due_us = (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1000 + floor->period_us;
    floor->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (floor->timer_fd < 0 || timerfd_settime(floor->timer_fd, 0, &timer, NULL) != 0 ||
        watch(floor, floor->timer_fd) != 0)
        return fail("timer");
    return EXIT_OK;
}

static int allocate(struct floor *floor)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    floor->states_count = limit.rlim_cur < 1000000 ? limit.rlim_cur : 1000000;
    floor->states = calloc(floor->states_count, sizeof *floor->states);
    floor->audience = calloc(floor->states_count, sizeof *floor->audience);
    floor->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    return floor->states == NULL || floor->audience == NULL || floor->epoll_fd < 0 ? fail("start")
                                                                                   : EXIT_OK;
}

static bool parse_listen(const char *text, struct sockaddr_in *out)
{
    char host[INET_ADDRSTRLEN];
    unsigned port;
    char behind;
    *out = (struct sockaddr_in){.sin_family = AF_INET};
    if (sscanf(text, "%15[0-9.]:%5u%c", host, &port, &behind) != 2 || port > UINT16_MAX)
        return false;
    out->sin_port = htons((uint16_t)port);
    return inet_pton(AF_INET, host, &out->sin_addr) == 1;
}

static enum options_result read_arguments(int argc, char **argv, struct settings *settings,
                                          struct sockaddr_in *address)
{
    int count;
    const enum options_result result = options_parse(&program, argc, argv, settings, argv, &count);
    if (result != OPTIONS_RUN)
        return result;
    if (count > 0)
        return options_refuse(&program, "%s: allowed are options only", argv[0]);
    if (!parse_listen(settings->listen, address))
        return options_refuse(&program,
                              "--listen %s: allowed is an IPv4 address, a colon and a port",
                              settings->listen);
    if (settings->batch * (ITEM_BYTES_MIN * 2) > FRAME_BYTES_MAX)
        return options_refuse(&program, "--batch %ld: allowed is at most %d", settings->batch,
                              FRAME_BYTES_MAX / (ITEM_BYTES_MIN * 2));
    return OPTIONS_RUN;
}

int main(int argc, char **argv)
{
    static struct floor floor = {
        .settings = {.listen = "127.0.0.1:0", .rate = 200, .batch = 1, .frame_bytes = 200},
    };
    struct sockaddr_in address;
    struct epoll_event events[EVENTS_A_ROUND];
    const enum options_result result = read_arguments(argc, argv, &floor.settings, &address);
    if (result != OPTIONS_RUN)
        return result == OPTIONS_DONE ? EXIT_OK : EXIT_USAGE;
    if (allocate(&floor) != EXIT_OK || open_listener(&floor, &address) != EXIT_OK ||
        start_timer(&floor) != EXIT_OK)
        return EXIT_FAILED;
    for (;;) {
        const int count = epoll_wait(floor.epoll_fd, events, EVENTS_A_ROUND, -1);
        for (int i = 0; i < count; i++)
            on_event(&floor, events[i].data.fd);
    }
}
