/* A peer is whoever writes to us: a connection, or standard input. */
#include "feed/live_lines.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "feed/line_splitter.h"

enum { BACKLOG = 64, KEEPALIVE_S = 60 };

union any_stream {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_pipe_t pipe;
    uv_tcp_t tcp;
    uv_tty_t tty;
};

struct peer {
    struct live_lines *lines;
    struct peer *next, **link_to; /* in lines->peers */
    union any_stream stream;      /* unless is_file */
    uv_fs_t reading;              /* of a file */
    uv_buf_t room;
    struct line_splitter splitter;
    void *parser;
    struct live_link link;
    bool is_file, is_closing;
};

struct live_lines {
    struct live live; /* first: live_ops get this */
    const struct format *format;
    size_t line_max;
    enum spec_kind kind;
    char *path;              /* of the Unix socket, to be removed */
    union any_stream server; /* unless standard input */
    bool has_server, has_told_full;
    struct peer *peers;
    size_t peers_count;
};

/* ---- peers ---- */

static struct peer *peer_create(struct live_lines *lines)
{
    struct peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL)
        return NULL;
    char error[FORMAT_REASON_MAX]; /* nothing to say: the same keys were tried before */
    if (lines->format->create != NULL &&
        lines->format->create(&lines->live.keys, &peer->parser, error, sizeof error) != 0) {
        free(peer);
        return NULL;
    }
    peer->lines = lines;
    peer->splitter.line_max = lines->line_max;
    peer->next = lines->peers;
    peer->link_to = &lines->peers;
    if (peer->next != NULL)
        peer->next->link_to = &peer->next;
    lines->peers = peer;
    lines->peers_count++;
    return peer;
}

static void peer_free(struct peer *peer)
{
    *peer->link_to = peer->next;
    if (peer->next != NULL)
        peer->next->link_to = peer->link_to;
    peer->lines->peers_count--;
    if (peer->parser != NULL)
        peer->lines->format->destroy(peer->parser);
    line_splitter_finish(&peer->splitter);
    free(peer->link.sources);
    free(peer);
}

static void on_peer_closed(uv_handle_t *handle)
{
    peer_free(handle->data);
}

static void peer_close(struct peer *peer, enum feed_state state)
{
    if (peer->is_closing)
        return;
    peer->is_closing = true;
    live_unlink(&peer->lines->live, &peer->link, state, live_wall_ns());
    if (!peer->is_file)
        uv_close(&peer->stream.handle, on_peer_closed);
}

/* Returns false if the peer is not worth listening to any longer. */
static bool line_take(struct peer *peer, enum line_split split, const char *text, size_t len,
                      int64_t recv_ns)
{
    struct live *live = &peer->lines->live;
    if (split == LINE_SPLIT_LONG) {
        live_bad(live, len, "a line is too long");
        return true;
    }
    if (len == 0)
        return true;
    const enum format_result result =
        peer->lines->format->parse_line(peer->parser, text, len, live_output(live));
    live_take(live, &peer->link, result, len + 1, recv_ns);
    return result != FORMAT_REFUSED;
}

static bool lines_take(struct peer *peer, size_t size)
{
    const int64_t recv_ns = live_wall_ns();
    const char *text = NULL;
    size_t len = 0;
    enum line_split split;
    bool goes_on = true;
    line_splitter_read(&peer->splitter, size);
    while (goes_on && (split = line_splitter_next(&peer->splitter, &text, &len)) != LINE_SPLIT_NONE)
        goes_on = line_take(peer, split, text, len, recv_ns);
    return goes_on;
}

/* The peer has said everything, or too much. */
static void peer_end(struct peer *peer, bool is_whole)
{
    struct live_lines *lines = peer->lines;
    const char *text = NULL;
    size_t len = 0;
    const enum line_split split =
        is_whole ? line_splitter_last(&peer->splitter, &text, &len) : LINE_SPLIT_NONE;
    if (split != LINE_SPLIT_NONE)
        line_take(peer, split, text, len, live_wall_ns());
    peer_close(peer, lines->has_server ? FEED_DOWN : FEED_ENDED);
    if (!lines->has_server) {
        lines->live.state = FEED_ENDED;
        live_end(&lines->live);
    }
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    (void)suggested;
    struct peer *peer = handle->data;
    size_t size = 0;
    char *room = line_splitter_room(&peer->splitter, &size);
    *out = uv_buf_init(room, (unsigned)size); /* NULL and 0: on_read() gets UV_ENOBUFS */
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *room)
{
    (void)room;
    struct peer *peer = stream->data;
    if (size < 0)
        peer_end(peer, size == UV_EOF);
    else if (size > 0 && !lines_take(peer, (size_t)size))
        peer_end(peer, false);
}

/* ---- standard input from a file: it cannot be waited for, so workers read it ---- */

static void file_read(struct peer *peer);

static void on_file_read(uv_fs_t *reading)
{
    struct peer *peer = reading->data;
    const ssize_t size = reading->result;
    uv_fs_req_cleanup(reading);
    if (peer->is_closing) {
        peer_free(peer);
        return;
    }
    if (size > 0 && lines_take(peer, (size_t)size)) {
        file_read(peer);
        return;
    }
    peer_end(peer, size == 0);
    peer_free(peer);
}

static void file_read(struct peer *peer)
{
    size_t size = 0;
    char *room = line_splitter_room(&peer->splitter, &size);
    peer->room = uv_buf_init(room, (unsigned)size);
    peer->reading.data = peer;
    uv_fs_read(peer->lines->live.loop, &peer->reading, STDIN_FILENO, &peer->room, room != NULL, -1,
               on_file_read);
}

/* ---- standard input ---- */

static int stdin_open(struct peer *peer)
{
    uv_loop_t *loop = peer->lines->live.loop;
    int rc = -EBADF;
    switch (uv_guess_handle(STDIN_FILENO)) {
    case UV_FILE:
        peer->is_file = true;
        return 0;
    case UV_TTY:
        rc = uv_tty_init(loop, &peer->stream.tty, STDIN_FILENO, 1);
        break;
    case UV_NAMED_PIPE:
    case UV_TCP:
        uv_pipe_init(loop, &peer->stream.pipe, 0);
        peer->stream.handle.data = peer;
        rc = uv_pipe_open(&peer->stream.pipe, STDIN_FILENO);
        if (rc != 0)
            peer_close(peer, FEED_ENDED);
        break;
    default:
        break;
    }
    peer->stream.handle.data = peer;
    return rc;
}

static int stdin_create(struct live_lines *lines, char *error, size_t error_size)
{
    struct peer *peer = peer_create(lines);
    if (peer == NULL)
        return -ENOMEM;
    const int rc = stdin_open(peer);
    if (rc == 0)
        return 0;
    snprintf(error, error_size, "standard input cannot be read: %s", uv_strerror(rc));
    if (!peer->is_closing)
        peer_free(peer);
    return rc;
}

/* ---- sockets ---- */

static int peer_accept(struct peer *peer)
{
    struct live_lines *lines = peer->lines;
    if (lines->kind == SPEC_UNIX)
        uv_pipe_init(lines->live.loop, &peer->stream.pipe, 0);
    else
        uv_tcp_init(lines->live.loop, &peer->stream.tcp);
    peer->stream.handle.data = peer;
    const int rc = uv_accept(&lines->server.stream, &peer->stream.stream);
    if (rc == 0 && lines->kind == SPEC_TCP)
        uv_tcp_keepalive(&peer->stream.tcp, 1, KEEPALIVE_S);
    return rc;
}

static void on_connection(uv_stream_t *server, int status)
{
    struct live_lines *lines = server->data;
    if (status != 0)
        return; /* out of descriptors, say: libuv goes on */
    struct peer *peer = peer_create(lines);
    if (peer == NULL)
        return; /* it stays in the queue, and is tried again with the next one */
    const bool is_full = lines->peers_count > LIVE_LINES_PEERS_MAX;
    if (is_full && !lines->has_told_full)
        live_tell(&lines->live, "a producer was refused: %d are connected", LIVE_LINES_PEERS_MAX);
    lines->has_told_full |= is_full;
    if (peer_accept(peer) != 0 || is_full ||
        uv_read_start(&peer->stream.stream, on_room, on_read) != 0)
        peer_close(peer, FEED_DOWN);
}

/* A socket left behind by a process that is no more is in nobody's way. */
static bool is_dead_socket(const struct sockaddr_un *address)
{
    struct stat status;
    if (lstat(address->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode))
        return false;
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool is_dead = fd >= 0 &&
                         connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
                         errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return is_dead;
}

/* Opens to others only once its mode is set: before listen() nobody can connect. */
static int unix_bind(const char *path, int *out)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    int rc = bind(fd, (const struct sockaddr *)&address, sizeof address);
    if (rc != 0 && errno == EADDRINUSE && is_dead_socket(&address) && unlink(path) == 0)
        rc = bind(fd, (const struct sockaddr *)&address, sizeof address);
    if (rc == 0)
        rc = chmod(path, S_IRUSR | S_IWUSR);
    if (rc != 0) {
        rc = -errno;
        close(fd);
        return rc;
    }
    *out = fd;
    return 0;
}

static int unix_listen(struct live_lines *lines, const char *path)
{
    int fd = -1;
    int rc = unix_bind(path, &fd);
    if (rc != 0)
        return rc;
    lines->path = strdup(path);
    lines->has_server = true;
    uv_pipe_init(lines->live.loop, &lines->server.pipe, 0);
    rc = uv_pipe_open(&lines->server.pipe, fd);
    if (rc != 0)
        close(fd);
    return rc;
}

/* Reads [HOST:]PORT; `host` has room for all of `text`. */
static bool address_split(const char *text, char *host, const char **port)
{
    const char *colon = strrchr(text, ':');
    *port = colon == NULL ? text : colon + 1;
    size_t len = colon == NULL ? 0 : (size_t)(colon - text);
    const bool has_brackets = len > 2 && text[0] == '[' && text[len - 1] == ']';
    memcpy(host, text + has_brackets, len - 2 * has_brackets);
    host[len - 2 * has_brackets] = '\0';
    if (colon == NULL)
        strcpy(host, "127.0.0.1");
    char *end;
    const unsigned long number = strtoul(*port, &end, 10);
    return **port >= '0' && **port <= '9' && *end == '\0' && number <= 65535 && host[0] != '\0' &&
           (has_brackets || strchr(host, ':') == NULL);
}

/* The name says where we listen, also when the port was 0. */
static void name_by_address(struct live_lines *lines)
{
    struct sockaddr_storage address;
    int size = sizeof address;
    char host[INET6_ADDRSTRLEN], port[8];
    if (uv_tcp_getsockname(&lines->server.tcp, (struct sockaddr *)&address, &size) != 0 ||
        getnameinfo((struct sockaddr *)&address, (socklen_t)size, host, sizeof host, port,
                    sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return;
    const bool is_v6 = address.ss_family == AF_INET6;
    snprintf(lines->live.name, sizeof lines->live.name, is_v6 ? "tcp:[%s]:%s" : "tcp:%s:%s", host,
             port);
}

static int tcp_listen(struct live_lines *lines, const char *text)
{
    char host[LIVE_NAME_MAX];
    const char *port;
    if (strlen(text) >= sizeof host - sizeof "127.0.0.1" || !address_split(text, host, &port))
        return -EINVAL;
    const struct addrinfo hints = {
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
    };
    struct addrinfo *found;
    if (getaddrinfo(host, port, &hints, &found) != 0)
        return -EADDRNOTAVAIL;
    uv_tcp_init(lines->live.loop, &lines->server.tcp);
    lines->has_server = true;
    const int rc = uv_tcp_bind(&lines->server.tcp, found->ai_addr, 0);
    freeaddrinfo(found);
    return rc;
}

static int server_create(struct live_lines *lines, const struct spec *spec, char *error,
                         size_t error_size)
{
    int rc =
        spec->kind == SPEC_UNIX ? unix_listen(lines, spec->path) : tcp_listen(lines, spec->path);
    lines->server.handle.data = lines;
    if (rc == 0)
        rc = uv_listen(&lines->server.stream, BACKLOG, on_connection);
    if (rc == 0 && spec->kind == SPEC_TCP)
        name_by_address(lines);
    if (rc == -EINVAL)
        snprintf(error, error_size,
                 "allowed: tcp:PORT or tcp:HOST:PORT, with a port from 0 to "
                 "65535 and IPv6 addresses in brackets");
    else if (rc != 0)
        snprintf(error, error_size, "cannot listen: %s", uv_strerror(rc));
    return rc;
}

/* ---- life ---- */

static void lines_start(struct live *live)
{
    struct live_lines *lines = (struct live_lines *)live;
    if (lines->has_server)
        return; /* it waits for others */
    struct peer *peer = lines->peers;
    if (peer->is_file)
        file_read(peer);
    else
        uv_read_start(&peer->stream.stream, on_room, on_read);
}

static void lines_close(struct live *live)
{
    struct live_lines *lines = (struct live_lines *)live;
    if (lines->has_server)
        uv_close(&lines->server.handle, NULL);
    if (lines->path != NULL)
        unlink(lines->path);
    for (struct peer *peer = lines->peers; peer != NULL; peer = peer->next)
        peer_close(peer, FEED_DOWN);
}

static void lines_destroy(struct live *live)
{
    struct live_lines *lines = (struct live_lines *)live;
    while (lines->peers != NULL)
        peer_free(lines->peers); /* a file that nobody reads any longer */
    free(lines->path);
    live_finish(live);
    free(lines);
}

static int format_find_named(const struct spec *spec, const struct format **out, char *error,
                             size_t error_size)
{
    const char *name = spec_value(spec, "format");
    *out = format_find(name == NULL ? "native" : name);
    if (*out != NULL)
        return 0;
    size_t used = (size_t)snprintf(error, error_size, "format=%s: allowed:", name);
    for (size_t i = 0; format_at(i) != NULL && used < error_size; i++)
        used += (size_t)snprintf(error + used, error_size - used, "%s %s", i > 0 ? "," : "",
                                 format_at(i)->name);
    return -EINVAL;
}

/* The keys that the format takes, and their values, which stay the spec's. */
static int keys_read(const struct spec *spec, const struct format *format,
                     struct format_options *out, char *error, size_t error_size)
{
    const char *allowed[SPEC_PAIRS_MAX] = {"format"};
    size_t count = 1;
    for (size_t i = 0; format_key_at(i) != NULL; i++) {
        assert(count < SPEC_PAIRS_MAX - 1);
        if (!format_takes(format, format_key_at(i)))
            continue;
        allowed[count++] = format_key_at(i);
        *format_key_value(out, i) = spec_value(spec, format_key_at(i));
    }
    return spec_check_keys(spec, allowed, error, error_size);
}

/* A bad option must stop the program at its start, not the first producer. */
static int keys_try(const struct format *format, const struct format_options *keys, char *error,
                    size_t error_size)
{
    void *parser;
    if (format->create == NULL)
        return 0;
    const int rc = format->create(keys, &parser, error, error_size);
    if (rc == 0)
        format->destroy(parser);
    return rc;
}

static int lines_create(const struct spec *spec, const struct format *format,
                        const struct live_options *options, size_t line_max, struct live **out,
                        char *error, size_t error_size)
{
    static const struct live_ops ops = {lines_start, lines_close, lines_destroy};
    struct live_lines *lines = calloc(1, sizeof *lines);
    if (lines == NULL)
        return -ENOMEM;
    *out = &lines->live;
    lines->format = format;
    lines->kind = spec->kind;
    lines->line_max = line_max;
    int rc = live_init(&lines->live, &ops, options);
    if (rc == 0)
        rc = spec->kind == SPEC_STDIN ? stdin_create(lines, error, error_size)
                                      : server_create(lines, spec, error, error_size);
    return rc;
}

int live_lines_create(const struct spec *spec, const struct live_options *options, size_t line_max,
                      struct live **out, char *error, size_t error_size)
{
    char name[LIVE_NAME_MAX];
    struct live_options own = *options;
    const struct format *format;
    int rc = format_find_named(spec, &format, error, error_size);
    if (rc == 0)
        rc = keys_read(spec, format, &own.keys, error, error_size);
    if (rc == 0)
        rc = keys_try(format, &own.keys, error, error_size);
    if (rc != 0)
        return rc;
    own.name = name;
    snprintf(name, sizeof name, "%s%s",
             spec->kind == SPEC_STDIN  ? "-"
             : spec->kind == SPEC_UNIX ? "unix:"
                                       : "tcp:",
             spec->path);
    return lines_create(spec, format, &own, line_max, out, error, error_size);
}
