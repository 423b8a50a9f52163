#include "server/server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server/keeper.h"
#include "server/log.h"
#include "server/shard.h"

enum { LISTEN_BACKLOG = 4096, SAMPLES = 6, SAMPLE_MS = 1000 };

struct sample {
    int64_t at_ms;
    uint64_t events, items, frames, bytes;
};

struct server {
    struct server_options options;
    struct keeper *keeper;
    uint64_t seq_gap, crashes;
    bool follows_crash;
    struct shard *shards;
    unsigned shards_count; /* initialised */
    char url[SERVER_URL_BYTES];
    int64_t started_ms;
    bool started;
    _Atomic bool ready;
    struct admission *admission;
    _Atomic unsigned subscribers;
    pthread_mutex_t lock; /* of the samples */
    struct sample samples[SAMPLES];
    unsigned samples_count; /* ever taken */
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* ---- the port ---- */

static int socket_open(const struct addrinfo *address, bool shared)
{
    const int on = 1;
    const int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (shared)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 &&
        (!shared || listen(fd, LISTEN_BACKLOG) == 0))
        return fd;
    const int error = errno;
    close(fd);
    return -error;
}

/* With SO_REUSEPORT a second pricecast of the same user would silently share the port: a socket
 * without it tells whether somebody is there already. */
static int port_probe(const struct addrinfo *address)
{
    const int fd = socket_open(address, false);
    if (fd >= 0)
        close(fd);
    return fd < 0 ? fd : 0;
}

/* After the first socket has got a port, the others ask for the same. */
static void port_adopt(int fd, struct addrinfo *address)
{
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    if (getsockname(fd, (struct sockaddr *)&bound, &len) == 0 && len <= address->ai_addrlen)
        memcpy(address->ai_addr, &bound, len);
}

static uint16_t port_of(const struct addrinfo *address)
{
    return ntohs(address->ai_family == AF_INET6
                     ? ((const struct sockaddr_in6 *)(const void *)address->ai_addr)->sin6_port
                     : ((const struct sockaddr_in *)(const void *)address->ai_addr)->sin_port);
}

/* An address that stands for all of a machine's is written as the loopback one. */
static void url_make(struct server *server, const struct addrinfo *address)
{
    const char *host = server->options.host;
    if (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0)
        host = "127.0.0.1";
    const bool is_v6 = strchr(host, ':') != NULL;
    snprintf(server->url, sizeof server->url, "http://%s%s%s:%u/", is_v6 ? "[" : "", host,
             is_v6 ? "]" : "", port_of(address));
}

static int shards_create(struct server *server, struct addrinfo *address, char *error,
                         size_t error_size)
{
    int rc = port_probe(address);
    for (unsigned i = 0; rc == 0 && i < server->options.shards; i++) {
        const int fd = socket_open(address, true);
        if (fd < 0) {
            rc = fd;
            break;
        }
        if (i == 0)
            port_adopt(fd, address);
        rc = shard_init(&server->shards[i], server, i, fd);
        server->shards_count++;
        if (rc == -EIO)
            snprintf(error, error_size,
                     "libwebsockets could not start; is its libuv plug-in (Debian package "
                     "libwebsockets-evlib-uv) installed?");
    }
    if (rc != 0 && error[0] == '\0')
        snprintf(error, error_size, "--listen: cannot listen on %s port %u: %s",
                 server->options.host, server->options.port, strerror(-rc));
    return rc;
}

static int port_open(struct server *server, char *error, size_t error_size)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *address;
    char port[8];
    snprintf(port, sizeof port, "%u", server->options.port);
    const int rc = getaddrinfo(server->options.host, port, &hints, &address);
    if (rc != 0) {
        snprintf(error, error_size,
                 "--listen: cannot listen on %s: %s; allowed: an address or name of this machine",
                 server->options.host, gai_strerror(rc));
        return -EADDRNOTAVAIL;
    }
    const int opened = shards_create(server, address, error, error_size);
    if (opened == 0)
        url_make(server, address);
    freeaddrinfo(address);
    return opened;
}

/* ---- life ---- */

/* libwebsockets' own lines are about single connections: for those who look closely. */
static void on_lws_log(int level, const char *line)
{
    (void)level;
    log_line(LOG_DEBUG, "libwebsockets: %.*s", (int)strcspn(line, "\n"), line);
}

int server_create(const struct server_options *options, struct server **out, char *error,
                  size_t error_size)
{
    assert(options->shards > 0 && options->shards <= SERVER_SHARDS_MAX);
    error[0] = '\0';
    struct server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return -ENOMEM;
    server->options = *options;
    pthread_mutex_init(&server->lock, NULL);
    server->started_ms = now_ms();
    server->shards = calloc(options->shards, sizeof *server->shards);
    server->admission = admission_create(options->clients_max, options->clients_per_ip);
    /* Its threads would share the memory of one line, so it is silent unless it is asked for. */
    lws_set_log_level(log_has(LOG_DEBUG) ? LLL_ERR : 0, on_lws_log);
    const struct keeper_options keeper = {options->bus, options->history, options->candle_bytes,
                                          options->lossless};
    int rc = server->shards == NULL || server->admission == NULL
                 ? -ENOMEM
                 : keeper_create(&keeper, &server->keeper);
    if (rc == 0 && options->restored != NULL && options->restored->goes_on)
        keeper_restore(server->keeper, options->restored->events, options->restored->count);
    server->options.restored = NULL;
    if (options->restored != NULL) {
        server->seq_gap = options->restored->gap;
        server->crashes = options->restored->crashes;
        server->follows_crash = options->restored->follows_crash;
    }
    if (rc == 0)
        rc = port_open(server, error, error_size);
    if (rc != 0) {
        server_destroy(server);
        return rc;
    }
    *out = server;
    return 0;
}

int server_start(struct server *server)
{
    const int kept = keeper_start(server->keeper);
    if (kept != 0)
        return kept;
    for (unsigned i = 0; i < server->shards_count; i++) {
        const int rc = shard_start(&server->shards[i]);
        if (rc != 0)
            return rc;
    }
    server->started = true;
    atomic_store(&server->ready, true);
    return 0;
}

static bool shards_are_drained(struct server *server)
{
    for (unsigned i = 0; i < server->shards_count; i++)
        if (!atomic_load(&server->shards[i].is_drained))
            return false;
    return true;
}

bool server_drain(struct server *server, int timeout_ms)
{
    for (unsigned i = 0; i < server->shards_count; i++) {
        atomic_store(&server->shards[i].is_drained, false);
        atomic_store(&server->shards[i].asks_drained, true);
        shard_wake(&server->shards[i]);
    }
    const int64_t until_ms = now_ms() + timeout_ms;
    while (!shards_are_drained(server)) {
        if (now_ms() >= until_ms)
            return false;
        const struct timespec pause = {.tv_nsec = 2000000};
        nanosleep(&pause, NULL);
        for (unsigned i = 0; i < server->shards_count; i++)
            shard_wake(&server->shards[i]);
    }
    return true;
}

void server_stop(struct server *server)
{
    atomic_store(&server->ready, false);
    for (unsigned i = 0; i < server->shards_count; i++) {
        atomic_store(&server->shards[i].must_stop, true);
        shard_wake(&server->shards[i]);
    }
    for (unsigned i = 0; i < server->shards_count; i++)
        shard_join(&server->shards[i]);
    keeper_stop(server->keeper); /* nobody asks it any more; what it posts yet is discarded */
}

void server_destroy(struct server *server)
{
    if (server == NULL)
        return;
    for (unsigned i = 0; i < server->shards_count; i++)
        shard_finish(&server->shards[i]);
    keeper_destroy(server->keeper);
    free(server->shards);
    admission_destroy(server->admission);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

const char *server_url(const struct server *server)
{
    return server->url;
}

/* ---- for the shards ---- */

const struct server_options *server_options(const struct server *server)
{
    return &server->options;
}

const char *server_mode_name(const struct server *server)
{
    static const char *const names[] = {"replay", "sim", "live"};
    return names[feed_mode(server->options.feed)];
}

unsigned server_shards(const struct server *server)
{
    return server->shards_count;
}

struct shard *server_shard(struct server *server, unsigned number)
{
    return &server->shards[number];
}

uint64_t server_seq_gap(const struct server *server)
{
    return server->seq_gap;
}

uint64_t server_crashes(const struct server *server)
{
    return server->crashes;
}

bool server_follows_crash(const struct server *server)
{
    return server->follows_crash;
}

struct keeper *server_keeper(const struct server *server)
{
    return server->keeper;
}

int64_t server_uptime_ms(const struct server *server)
{
    return now_ms() - server->started_ms;
}

bool server_is_ready(const struct server *server)
{
    return atomic_load(&server->ready);
}

struct admission *server_admission(const struct server *server)
{
    return server->admission;
}

void server_count_subscriber(struct server *server)
{
    if (atomic_fetch_add(&server->subscribers, 1) + 1 == server->options.wait_clients)
        server->options.subscribed(server->options.ctx);
}

/* ---- rates ---- */

static struct sample sample_take(struct server *server, int64_t at_ms)
{
    struct sample sample = {.at_ms = at_ms, .events = bus_emitted(server->options.bus)};
    for (unsigned i = 0; i < server->shards_count; i++) {
        struct fanout_counts *counts = fanout_counts(server->shards[i].fanout);
        sample.items += atomic_load_explicit(&counts->items, memory_order_relaxed);
        sample.frames += atomic_load_explicit(&counts->frames, memory_order_relaxed);
        sample.bytes += atomic_load_explicit(&counts->bytes, memory_order_relaxed);
    }
    return sample;
}

void server_sample(struct server *server, int64_t at_ms)
{
    pthread_mutex_lock(&server->lock);
    const struct sample *last = &server->samples[(server->samples_count + SAMPLES - 1) % SAMPLES];
    if (server->samples_count == 0 || at_ms - last->at_ms >= SAMPLE_MS)
        server->samples[server->samples_count++ % SAMPLES] = sample_take(server, at_ms);
    pthread_mutex_unlock(&server->lock);
}

struct server_rates server_rates(struct server *server)
{
    struct server_rates rates = {0};
    pthread_mutex_lock(&server->lock);
    const unsigned count = server->samples_count;
    if (count >= 2) {
        const struct sample *new = &server->samples[(count - 1) % SAMPLES];
        const struct sample *old = &server->samples[count < SAMPLES ? 0 : count % SAMPLES];
        const double seconds = (double)(new->at_ms - old->at_ms) / 1e3;
        rates.events = (double)(new->events - old->events) / seconds;
        rates.items = (double)(new->items - old->items) / seconds;
        rates.frames = (double)(new->frames - old->frames) / seconds;
        rates.bytes = (double)(new->bytes - old->bytes) / seconds;
    }
    pthread_mutex_unlock(&server->lock);
    return rates;
}
