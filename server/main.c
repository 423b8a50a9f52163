/* pricecast: wiring only. Creates the bus, what reads it and what writes it, waits for a signal or
 * the end of the feeds, and takes everything down in reverse order. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "feed/bus.h"
#include "feed/feed.h"
#include "feed/recorder.h"
#include "feed/restore.h"
#include "server/agree.h"
#include "server/bundled.h"
#include "server/console.h"
#include "server/log.h"
#include "server/options.h"
#include "server/server.h"

enum { EXIT_BAD_ARGUMENTS = 2, ERROR_BYTES = 1024, FDS_WANTED = 65536 };

struct program {
    struct options options;
    struct bus *bus;
    struct feed *feed;
    struct restored restored;
    struct recorder *recorder;
    struct server *server;
    int signal_fd; /* SIGINT and SIGTERM */
    int ended_fd;  /* an eventfd: every feed has ended */
    bool bad_arguments;
    char error[ERROR_BYTES];
};

static void on_message(void *ctx, const char *text)
{
    (void)ctx;
    log_line(LOG_WARN, "%s", text);
}

/* The recorder has only bad news. */
static void on_record_message(void *ctx, const char *text)
{
    (void)ctx;
    log_line(LOG_ERROR, "%s", text);
}

/* How the replay went. With `only_unfinished` not if that has been said. */
static void report(struct feed *feed, bool only_unfinished)
{
    struct feed_status status;
    char text[400];
    if (feed_status(feed, &status) != 0)
        return;
    const bool is_wanted = !only_unfinished || (status.mode == FEED_MODE_REPLAY &&
                                                status.play != FEED_HAS_ENDED && status.events > 0);
    progress_report(&status, text, sizeof text);
    if (is_wanted)
        log_line(LOG_INFO, "%s", text);
    free(status.inputs);
}

static void on_ended(void *ctx)
{
    struct program *program = ctx;
    report(program->feed, false);
    if (program->options.exit_at_end)
        eventfd_write(program->ended_fd, 1);
}

static void on_subscribed(void *ctx)
{
    struct program *program = ctx;
    const struct feed_command go = {.action = FEED_GO};
    log_line(LOG_INFO, "the clients are here: the replay begins");
    feed_command(program->feed, &go);
}

/* Each connection is a descriptor; a modest limit keeps libwebsockets' tables small. */
static void raise_fd_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max < FDS_WANTED ? limit.rlim_max : FDS_WANTED;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* Before the first thread. */
static bool signals_open(struct program *program)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL); /* in every thread: they come through the descriptor */
    program->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
    program->ended_fd = eventfd(0, EFD_CLOEXEC);
    return program->signal_fd >= 0 && program->ended_fd >= 0;
}

static int bus_open(struct program *program)
{
    const struct bus_options options = {
        .ring_events = (uint32_t)program->options.ring_events,
        .streams_max = (uint32_t)program->options.streams_max,
    };
    return bus_create(&options, &program->bus);
}

/* As fast as it can is as fast as it can be recorded. */
static bool waits_for_recorder(const struct options *options)
{
    return options->record != NULL && options->speed == 0;
}

static int feed_open(struct program *program)
{
    const struct options *options = &program->options;
    char bundled[64];
    static const char *const bundled_spec = FEED_BUNDLED;
    const bool use_bundled = options->feeds.count == 0;
    if (use_bundled && !bundled_open(bundled, sizeof bundled)) {
        snprintf(program->error, sizeof program->error, "cannot open the bundled recording");
        return -1;
    }
    const struct feed_options feed = {
        .specs = use_bundled ? &bundled_spec : (const char *const *)options->feeds.values,
        .specs_count = use_bundled ? 1 : options->feeds.count,
        .bundled_path = use_bundled ? bundled : NULL,
        .speed = options->speed,
        .loop = options->loop,
        .start_paused = options->start_paused,
        .lossless = options->lossless || waits_for_recorder(options),
        .rebase = options->rebase,
        .wait = options->wait_clients > 0,
        .from = options->from,
        .to = options->to,
        .max_gap_ns = options->max_gap_ns,
        .reorder_window_ns = options->reorder_window_ns,
        .line_bytes_max = options->line_bytes,
        .hooks = {on_message, on_ended, program},
    };
    return feed_create(&feed, program->bus, &program->feed, program->error, sizeof program->error);
}

static void feeds_agree(struct program *program)
{
    struct feed_kinds kinds;
    feed_kinds(program->feed, &kinds);
    agree_check(&program->options, &kinds, on_message, program);
    if (!agree_has_replay(&kinds)) { /* nor may what has no effect have side effects */
        program->options.lossless = false;
        program->options.wait_clients = 0;
    }
}

/* A live broadcast that is recorded in parts goes on where it left off. */
static int restore(struct program *program)
{
    const struct options *options = &program->options;
    const bool in_parts = options->record_continue || options->record_rotate_bytes > 0 ||
                          options->record_rotate_ns > 0 || options->record_rotate_day;
    if (options->record == NULL || !in_parts || feed_mode(program->feed) != FEED_MODE_LIVE)
        return 0;
    const struct restore_options restore = {
        .path = options->record,
        .age_ns = options->resume_age_ns,
        .events_max = options->resume_bytes / HISTORY_EVENT_BYTES,
        .bus = program->bus,
        .message = on_message,
    };
    const int rc = restore_read(&restore, &program->restored);
    if (rc == -EBUSY)
        snprintf(
            program->error, sizeof program->error,
            "--record %s: another process records there; allowed: one at a time, for it goes on "
            "with the numbers",
            options->record);
    else if (rc != 0)
        snprintf(program->error, sizeof program->error,
                 "--record %s: its .state file cannot be read (%s); without it a new epoch begins",
                 options->record, rc == -EBADMSG ? "it is damaged" : strerror(-rc));
    else if (program->restored.goes_on)
        log_line(LOG_INFO, "going on from the recording: %zu events are held, %s",
                 program->restored.count,
                 program->restored.gap == 0 ? "numbers go on"
                                            : "numbers go on with a gap, for it did not end well");
    return rc;
}

static int recorder_open(struct program *program)
{
    if (program->options.record == NULL)
        return 0;
    const struct recorder_options options = {
        .path = program->options.record,
        .holds = program->options.lossless || waits_for_recorder(&program->options),
        .parts = program->options.record_continue,
        .rotate_bytes = program->options.record_rotate_bytes,
        .rotate_ns = program->options.record_rotate_ns,
        .rotate_utc_day = program->options.record_rotate_day,
        .sync = program->options.record_sync,
        .state = program->restored.state,
        .message = on_record_message,
    };
    return recorder_create(&options, program->bus, &program->recorder, program->error,
                           sizeof program->error);
}

static int server_open(struct program *program)
{
    const struct options *options = &program->options;
    const struct server_options server = {
        .host = options->host,
        .port = options->port,
        .shards = (unsigned)options->shards,
        .heartbeat_ms = (unsigned)options->heartbeat_ms,
        .heartbeat_clients = (unsigned)options->heartbeat_clients,
        .gather_ms = (unsigned)options->gather_ms,
        .clients_max = (unsigned)options->clients_max,
        .clients_per_ip = (unsigned)options->clients_per_ip,
        .message_bytes_max = options->message_bytes,
        .symbols_max = options->symbols_max,
        .patterns_max = options->patterns_max,
        .queue_bytes_max = options->queue_bytes,
        .stuck_ms = options->stuck_s * 1000,
        .lossless = options->lossless,
        .history = {(uint32_t)options->resume_events, options->resume_bytes,
                    options->resume_age_ns},
        .candle_bytes = options->candle_bytes,
        .origins = (const char *const *)options->origins.values,
        .origins_count = options->origins.count,
        .web_root = options->web_root,
        .wait_clients = (unsigned)options->wait_clients,
        .bus = program->bus,
        .feed = program->feed,
        .recorder = program->recorder,
        .restored = &program->restored,
        .subscribed = on_subscribed,
        .ctx = program,
    };
    return server_create(&server, &program->server, program->error, sizeof program->error);
}

/* From here on a signal ends the process at once. */
static void signals_close(struct program *program)
{
    const struct timespec none = {0};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    close(program->signal_fd);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    sigtimedwait(&set, NULL, &none); /* the one that brought us here */
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* Returns true when the feeds have ended, false when somebody wants us to stop. */
static bool wait_for_end(struct program *program, struct console *console)
{
    for (;;) {
        struct pollfd fds[] = {
            {.fd = program->signal_fd, .events = POLLIN},
            {.fd = program->ended_fd, .events = POLLIN},
            {.fd = console_fd(console), .events = POLLIN},
        };
        const int ready = poll(fds, 3, console->interval_ms);
        if (ready <= 0)
            console_show(console);
        else if (fds[0].revents != 0)
            return false;
        else if (fds[1].revents != 0)
            return true;
        else if (!console_read(console))
            return false;
    }
}

/* Returns whether the feeds have ended, and nobody wanted us to stop before. */
static bool serve(struct program *program)
{
    struct console console;
    console_open(&console, program->feed, (unsigned)program->options.progress_s);
    const bool ended = wait_for_end(program, &console);
    console_close(&console);
    if (!ended) {
        report(program->feed, true);
        log_line(LOG_INFO, "stopping");
    } else if (!server_drain(program->server, (int)program->options.drain_s * 1000)) {
        log_line(LOG_WARN, "some clients did not take everything within --drain-timeout %us",
                 (unsigned)program->options.drain_s);
    }
    signals_close(program);
    return ended;
}

static int open_all(struct program *program)
{
    int rc = bus_open(program);
    if (rc == 0) /* may wait for the other end of a pipe: until then a signal ends the process */
        rc = feed_open(program);
    if (rc == 0)
        feeds_agree(program);
    program->bad_arguments = rc == -EINVAL;
    if (rc == 0 && !signals_open(program))
        rc = -errno;
    if (rc == 0)
        rc = restore(program);
    if (rc == 0 && (rc = recorder_open(program)) == -EINVAL)
        program->bad_arguments = true;
    if (rc == 0)
        rc = server_open(program);
    restored_finish(&program->restored);
    if (rc == 0)
        rc = server_start(program->server);
    return rc;
}

/* Returns false when not all could be recorded. */
static bool close_all(struct program *program)
{
    feed_stop(program->feed);
    if (program->server != NULL)
        server_stop(program->server);
    server_destroy(program->server);
    const bool has_recorded = recorder_destroy(program->recorder);
    feed_destroy(program->feed);
    bus_destroy(program->bus);
    return has_recorded;
}

/* One line, whatever stood in an argument. */
static void say_error(const char *error)
{
    fputs("pricecast: ", stderr);
    for (; *error != '\0'; error++)
        fputc((unsigned char)*error < ' ' ? '?' : *error, stderr);
    fputc('\n', stderr);
}

static int run(struct program *program)
{
    raise_fd_limit();
    log_init(program->options.log_level, program->options.log_json);
    signal(SIGPIPE, SIG_IGN);
    if (open_all(program) != 0) {
        say_error(program->error[0] ? program->error : "out of memory");
        close_all(program);
        return program->bad_arguments ? EXIT_BAD_ARGUMENTS : EXIT_FAILURE;
    }
    printf("pricecast %s listens on %s\n", PRICECAST_VERSION, server_url(program->server));
    fflush(stdout);
    const int rc = feed_start(program->feed);
    const bool has_ended = rc == 0 && serve(program);
    const bool has_recorded = close_all(program);
    /* Whoever waits for the end of it wants the file; whoever stopped it knows what there is. */
    return rc != 0 || (has_ended && !has_recorded) ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct program program = {.signal_fd = -1, .ended_fd = -1};
    int status = EXIT_SUCCESS;
    switch (options_parse(argc, argv, &program.options, program.error, sizeof program.error)) {
    case OPTIONS_HELP:
        options_help();
        break;
    case OPTIONS_VERSION:
        printf("pricecast %s\n", PRICECAST_VERSION);
        break;
    case OPTIONS_BAD:
        say_error(program.error);
        status = EXIT_BAD_ARGUMENTS;
        break;
    case OPTIONS_RUN:
        status = run(&program);
        break;
    }
    options_finish(&program.options);
    if (status == EXIT_SUCCESS && fflush(stdout) != 0)
        status = EXIT_FAILURE;
    return status;
}
