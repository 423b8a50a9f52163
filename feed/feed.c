/* Two tracks: recordings play together on one timeline, simulated markets on the wall clock.
 *
 * A timerfd wakes the loop, because libuv's own timers count whole milliseconds. */
#include "feed/feed.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "feed/heap.h"
#include "feed/live_set.h"
#include "feed/report.h"
#include "feed/spec_open.h"
#include "feed/track.h"

enum track_number { TRACK_FILES, TRACK_SIM, TRACKS };
enum { ERROR_BYTES = 1024 };

struct queued {
    struct queued *next;
    struct feed_command command;
};

struct feed {
    struct feed_options options;
    struct bus *bus;
    struct track tracks[TRACKS];
    struct live_set *live; /* or NULL: no live sources */
    struct outlines *outlines;
    struct histogram lateness;
    uv_loop_t loop;
    uv_async_t wake; /* commands, room on the bus, inputs: something wants a pump */
    uv_poll_t timer;
    uv_idle_t again; /* active while more is due than one turn of the loop should send */
    int timer_fd;
    pthread_t thread;
    bool has_loop, has_thread, holding, ended, closing;
    struct feed_command seek;     /* the one under way, for its done() */
    uint64_t loops, sent_at_turn; /* a turn that brought nothing is the last */
    struct report report;
    pthread_mutex_t lock; /* of what follows */
    struct queued *first_command, **last_command;
    bool stop;
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* ---- status ---- */

static void status_refresh(struct feed *feed, bool forced)
{
    const struct report_facts facts = {feed->ended, feed->holding, feed->options.loop, feed->loops};
    report_refresh(&feed->report, &facts, now_ns(), forced);
}

int feed_status(struct feed *feed, struct feed_status *out)
{
    return report_read(&feed->report, now_ns(), out);
}

bool feed_outline(struct feed *feed, struct outline *out)
{
    return outlines_get(feed->outlines, out);
}

int feed_target_parse(const char *text, struct feed_target *out)
{
    struct feed_target target = {.kind = SEEK_TO_TIME};
    const size_t len = strlen(text);
    struct when when;
    int rc = 0;
    if (len > 1 && text[len - 1] == '%') {
        char *end;
        target.kind = SEEK_TO_FRACTION;
        target.fraction = strtod(text, &end) / 100;
        if (text[0] < '0' || text[0] > '9' || *end != '%' || end[1] != '\0' ||
            !(target.fraction <= 1))
            rc = -EINVAL;
    } else if (*text == '-' || *text == '+') {
        target.kind = SEEK_BY;
        rc = duration_parse(text + 1, &target.ns);
        target.ns = *text == '-' ? -target.ns : target.ns;
    } else {
        rc = when_parse(text, &when);
        target.ns = rc == 0 ? when.ns : 0;
    }
    if (rc == 0)
        *out = target;
    return rc;
}

enum feed_mode feed_mode(const struct feed *feed)
{
    if (feed->tracks[TRACK_FILES].inputs_count > 0)
        return FEED_MODE_REPLAY;
    return live_set_count(feed->live) > 0 ? FEED_MODE_LIVE : FEED_MODE_SIM;
}

void feed_kinds(const struct feed *feed, struct feed_kinds *out)
{
    *out = (struct feed_kinds){
        .files = feed->tracks[TRACK_FILES].inputs_count,
        .sims = feed->tracks[TRACK_SIM].inputs_count,
        .live = live_set_count(feed->live),
        .endless = live_set_endless(feed->live),
    };
}

static void command_done(const struct feed_command *command, bool ok)
{
    if (command->done != NULL)
        command->done(command->ctx, ok);
}

/* A second seek takes the place of the first, which then counts as obeyed. */
static void seek_end(struct feed *feed, bool ok)
{
    command_done(&feed->seek, ok);
    feed->seek = (struct feed_command){0};
}

/* ---- the loop ---- */

static void on_room(void *ctx)
{
    struct feed *feed = ctx;
    uv_async_send(&feed->wake);
}

static void on_again(uv_idle_t *idle);

static void schedule(struct feed *feed, int64_t now, int64_t next_ns, bool again)
{
    struct itimerspec when = {{0}};
    if (next_ns < TRACK_ENDED) {
        next_ns = heap_at_ns(now, next_ns, bus_patience_ns(feed->bus));
        when.it_value.tv_sec = next_ns / 1000000000;
        when.it_value.tv_nsec = next_ns % 1000000000;
    }
    timerfd_settime(feed->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
    if (again)
        uv_idle_start(&feed->again, on_again);
    else
        uv_idle_stop(&feed->again);
}

/* The files have ended: around again? */
static bool turn_around(struct feed *feed)
{
    struct track *files = &feed->tracks[TRACK_FILES];
    if (!feed->options.loop || files->inputs_count == 0 || files->sent == feed->sent_at_turn) {
        files->steps = 0; /* those it had no more events for */
        return false;
    }
    feed->sent_at_turn = files->sent;
    bus_reset(feed->bus, RESET_LOOP);
    feed->loops++;
    report_pace_anew(&feed->report);
    track_rewind(files);
    return true;
}

static void pump(struct feed *feed)
{
    if (feed->closing || feed->holding)
        return;
    const int64_t now = now_ns();
    int64_t next = TRACK_ENDED;
    bool again = false, running = live_set_is_running(feed->live);
    for (int i = 0; i < TRACKS; i++) {
        if (feed->tracks[i].inputs_count == 0)
            continue;
        const int64_t at = track_pump(&feed->tracks[i], now, on_room, feed);
        again |= at == TRACK_AGAIN;
        running |= at != TRACK_ENDED;
        if (at != TRACK_AGAIN && at < next)
            next = at;
    }
    if (feed->tracks[TRACK_FILES].ended && turn_around(feed))
        running = true;
    schedule(feed, now, next, again);
    if (feed->seek.done != NULL && !feed->tracks[TRACK_FILES].settling &&
        !track_is_seeking(&feed->tracks[TRACK_FILES])) {
        status_refresh(feed, true);
        seek_end(feed, true);
    }
    const bool has_ended = !running && !feed->ended;
    feed->ended = !running;
    const bool rests = !again && next - now > REPORT_EVERY_NS; /* nothing will refresh it soon */
    status_refresh(feed, has_ended || rests);
    if (has_ended)
        feed->options.hooks.ended(feed->options.hooks.ctx);
}

static void on_again(uv_idle_t *idle)
{
    pump(idle->data);
}

static void on_timer(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct feed *feed = poll->data;
    uint64_t expirations;
    const ssize_t got = read(feed->timer_fd, &expirations, sizeof expirations);
    (void)got; /* nothing to read: the timer was set anew meanwhile */
    pump(feed);
}

static void on_input_ready(void *ctx)
{
    pump(ctx);
}

static void on_input_message(void *ctx, const char *text)
{
    struct feed *feed = ctx;
    feed->options.hooks.message(feed->options.hooks.ctx, text);
}

static void on_live_changed(void *ctx)
{
    status_refresh(ctx, true);
}

int feed_push(struct feed *feed, const char *body, size_t len, feed_push_fn *done, void *ctx)
{
    return live_set_push(feed->live, body, len, done, ctx);
}

/* ---- commands ---- */

int feed_command(struct feed *feed, const struct feed_command *command)
{
    struct queued *queued = calloc(1, sizeof *queued);
    if (queued == NULL)
        return -ENOMEM;
    queued->command = *command;
    pthread_mutex_lock(&feed->lock);
    *feed->last_command = queued;
    feed->last_command = &queued->next;
    pthread_mutex_unlock(&feed->lock);
    uv_async_send(&feed->wake);
    return 0;
}

/* The new place is an epoch of its own: numbering and latest values start afresh. */
static void on_arrived(void *ctx)
{
    struct feed *feed = ctx;
    bus_reset(feed->bus, RESET_SEEK);
}

static void on_settled(void *ctx)
{
    struct feed *feed = ctx;
    bus_settle(feed->bus);
    report_pace_anew(&feed->report);
}

/* Returns false if there is nothing to seek in. */
static bool seek_begin(struct feed *feed, const struct feed_command *command)
{
    struct track *files = &feed->tracks[TRACK_FILES];
    const struct feed_target *to = &command->target;
    struct input_target target = {.time_ns = to->ns, .fraction = to->fraction};
    if (files->inputs_count == 0)
        return false;
    if (to->kind == SEEK_BY && files->position_ns == EVENT_NO_TIME)
        target.time_ns = files->started ? files->first_ns + to->ns : INT64_MIN / 2;
    else if (to->kind == SEEK_BY &&
             __builtin_add_overflow(files->position_ns, to->ns, &target.time_ns))
        return false;
    if (to->kind ==
        SEEK_TO_FRACTION) /* 100 % is behind the last event, however a file is laid out */
        target.time_ns = to->fraction < 1 ? EVENT_NO_TIME : INT64_MAX / 2;
    seek_end(feed, true);
    feed->seek = *command;
    feed->ended = false;
    feed->sent_at_turn = UINT64_MAX; /* a turn may bring something again */
    track_seek(files, &target);
    return true;
}

static void files_end(struct feed *feed)
{
    struct track *files = &feed->tracks[TRACK_FILES];
    feed->options.loop = false;
    track_end(files);
    track_resume(files, now_ns());
}

static void tracks_control(struct feed *feed, const struct feed_command *command, int64_t now)
{
    for (int i = 0; i < TRACKS; i++) {
        struct track *track = &feed->tracks[i];
        if (track->inputs_count == 0)
            continue;
        if (command->action == FEED_PAUSE)
            track_pause(track, now);
        else if (command->action == FEED_RESUME)
            track_resume(track, now);
        else if (command->action == FEED_STEP)
            track_step(track, command->count);
        else if (command->action == FEED_SPEED)
            track_set_speed(track, command->speed, now);
    }
}

/* Returns false if the command makes no sense here. */
static bool obey(struct feed *feed, const struct feed_command *command)
{
    switch (command->action) {
    case FEED_GO:
        feed->holding = false;
        return true;
    case FEED_LOOP:
        feed->options.loop = command->on;
        return true;
    case FEED_SEEK:
        return seek_begin(feed, command);
    case FEED_STOP:
        files_end(feed);
        return true;
    case FEED_SPEED:
        tracks_control(feed, command, now_ns());
        report_pace_anew(&feed->report);
        return true;
    default:
        tracks_control(feed, command, now_ns());
        return true;
    }
}

/* done() of a seek is called when it has arrived; what is asked of a stopped feed is not obeyed. */
static void commands_obey(struct feed *feed, struct queued *queued, bool stop)
{
    while (queued != NULL) {
        struct queued *next = queued->next;
        const bool ok = !stop && obey(feed, &queued->command);
        if (!stop)
            pump(feed);
        status_refresh(feed, true);
        if (queued->command.action != FEED_SEEK || !ok)
            command_done(&queued->command, ok);
        free(queued);
        queued = next;
    }
}

static void on_closed_nothing(uv_handle_t *handle)
{
    (void)handle;
}

/* Jobs under way finish by themselves and keep the loop alive until then. */
static void close_handles(struct feed *feed)
{
    feed->closing = true;
    seek_end(feed, false);
    for (int i = 0; i < TRACKS; i++)
        for (size_t k = 0; k < feed->tracks[i].inputs_count; k++)
            input_abandon(feed->tracks[i].inputs[k]);
    live_set_close(feed->live);
    uv_close((uv_handle_t *)&feed->wake, on_closed_nothing);
    uv_close((uv_handle_t *)&feed->timer, on_closed_nothing);
    uv_close((uv_handle_t *)&feed->again, on_closed_nothing);
}

static void on_wake(uv_async_t *async)
{
    struct feed *feed = async->data;
    pthread_mutex_lock(&feed->lock);
    struct queued *queued = feed->first_command;
    feed->first_command = NULL;
    feed->last_command = &feed->first_command;
    const bool stop = feed->stop;
    pthread_mutex_unlock(&feed->lock);
    commands_obey(feed, queued, stop);
    if (stop)
        close_handles(feed);
    else
        pump(feed);
}

static void *feed_run(void *ctx)
{
    struct feed *feed = ctx;
    pthread_setname_np(pthread_self(), "feed");
    live_set_start(feed->live);
    for (int i = 0; i < TRACKS; i++)
        track_start(&feed->tracks[i]);
    pump(feed);
    status_refresh(feed, true);
    uv_run(&feed->loop, UV_RUN_DEFAULT);
    return NULL;
}

/* ---- life ---- */

static struct spec_open_options open_options(const struct feed *feed)
{
    return (struct spec_open_options){feed->options.bundled_path, feed->options.line_bytes_max,
                                      streams_room(bus_streams(feed->bus))};
}

static int outline_add(struct feed *feed, const struct spec *spec)
{
    int64_t offset_ns = 0;
    if (spec->kind != SPEC_FILE)
        return 0;
    const struct spec_open_options options = open_options(feed);
    struct producer *producer = spec_open_again(spec, &options, &offset_ns);
    const int rc = outlines_add(feed->outlines, producer, offset_ns);
    if (rc != 0 && producer != NULL)
        producer->ops->destroy(producer);
    return rc;
}

static int input_add(struct feed *feed, const char *name, const struct spec *spec, char *error,
                     size_t error_size)
{
    struct producer *producer;
    int64_t offset_ns;
    const struct spec_open_options opening = open_options(feed);
    int rc = spec_open(spec, &opening, &producer, &offset_ns, error, error_size);
    if (rc != 0)
        return rc;
    const struct input_hooks hooks = {on_input_ready, on_input_message, feed};
    const struct input_options options = {
        .name = name,
        .offset_ns = offset_ns,
        .reorder_window_ns = spec->kind == SPEC_SIM ? 0 : feed->options.reorder_window_ns,
    };
    struct input *input = input_create(producer, &options, &feed->loop, feed->bus, &hooks);
    if (input == NULL) {
        producer->ops->destroy(producer);
        snprintf(error, error_size, "not enough memory");
        return -ENOMEM;
    }
    rc = track_add(&feed->tracks[spec->kind == SPEC_SIM ? TRACK_SIM : TRACK_FILES], input);
    if (rc != 0) {
        input_destroy(input);
        snprintf(error, error_size, "more than %d feeds", TRACK_INPUTS_MAX);
    }
    return rc;
}

static int live_add(struct feed *feed, const struct spec *spec, char *error, size_t error_size)
{
    const struct live_set_options options = {
        .loop = &feed->loop,
        .bus = feed->bus,
        .message_max = feed->options.line_bytes_max,
        .hooks = {on_input_message, on_input_ready, feed},
        .changed = on_live_changed,
    };
    if (feed->live == NULL)
        feed->live = live_set_create(&options);
    return feed->live == NULL ? -ENOMEM : live_set_add(feed->live, spec, error, error_size);
}

static int inputs_open(struct feed *feed, char *error, size_t error_size)
{
    for (size_t i = 0; i < feed->options.specs_count; i++) {
        const char *text = feed->options.specs[i];
        struct spec spec;
        char problem[ERROR_BYTES] = "not enough memory";
        int rc = spec_parse(text, &spec, problem, sizeof problem);
        if (rc == 0) {
            rc = live_set_takes(&spec) ? live_add(feed, &spec, problem, sizeof problem)
                                       : input_add(feed, text, &spec, problem, sizeof problem);
            if (rc == 0)
                rc = outline_add(feed, &spec);
            spec_finish(&spec);
        }
        if (rc != 0) {
            snprintf(error, error_size, "--feed %s: %s", text, problem);
            return rc;
        }
    }
    return 0;
}

static void tracks_init(struct feed *feed)
{
    const struct feed_options *options = &feed->options;
    struct track_options common = {
        .speed = options->speed,
        .max_gap_ns = options->max_gap_ns,
        .from = options->from,
        .to = options->to,
        .rebase = options->rebase,
        .lossless = options->lossless,
        .arrived = on_arrived,
        .settled = on_settled,
        .ctx = feed,
    };
    track_init(&feed->tracks[TRACK_FILES], &common, feed->bus, &feed->lateness);
    common.rebase = true; /* a simulated market lives now, and no date is in its time */
    if (common.from.kind == WHEN_AT)
        common.from.kind = WHEN_UNSET;
    if (common.to.kind == WHEN_AT)
        common.to.kind = WHEN_UNSET;
    track_init(&feed->tracks[TRACK_SIM], &common, feed->bus, &feed->lateness);
    for (int i = 0; i < TRACKS && options->start_paused; i++)
        track_pause(&feed->tracks[i], now_ns());
}

static int loop_init(struct feed *feed)
{
    int rc = uv_loop_init(&feed->loop);
    if (rc != 0)
        return rc;
    feed->has_loop = true;
    feed->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (feed->timer_fd < 0)
        return -errno;
    uv_async_init(&feed->loop, &feed->wake, on_wake);
    uv_poll_init(&feed->loop, &feed->timer, feed->timer_fd);
    uv_idle_init(&feed->loop, &feed->again);
    feed->wake.data = feed->timer.data = feed->again.data = feed;
    return uv_poll_start(&feed->timer, UV_READABLE, on_timer);
}

int feed_create(const struct feed_options *options, struct bus *bus, struct feed **out, char *error,
                size_t error_size)
{
    struct feed *feed = calloc(1, sizeof *feed);
    if (feed == NULL)
        return -ENOMEM;
    feed->options = *options;
    feed->bus = bus;
    feed->timer_fd = -1;
    feed->last_command = &feed->first_command;
    pthread_mutex_init(&feed->lock, NULL);
    tracks_init(feed);
    feed->outlines = outlines_create(&options->from, &options->to);
    int rc = feed->outlines == NULL ? -ENOMEM : loop_init(feed);
    if (rc != 0)
        snprintf(error, error_size, "event loop: %s", strerror(-rc));
    if (rc == 0)
        rc = inputs_open(feed, error, error_size);
    feed->holding = options->wait && (feed->tracks[TRACK_FILES].inputs_count > 0 ||
                                      feed->tracks[TRACK_SIM].inputs_count > 0);
    const struct report_on on = {feed->tracks, TRACKS, feed->live, &feed->lateness};
    if (report_init(&feed->report, &on, feed_mode(feed), options->rebase) != 0 && rc == 0)
        rc = -ENOMEM;
    if (rc != 0) {
        feed_destroy(feed);
        return rc;
    }
    status_refresh(feed, true);
    *out = feed;
    return 0;
}

int feed_start(struct feed *feed)
{
    outlines_start(feed->outlines); /* without it the recordings have no outline, no more */
    feed->has_thread = true;        /* before the thread looks at its neighbours in memory */
    const int rc = pthread_create(&feed->thread, NULL, feed_run, feed);
    if (rc != 0)
        feed->has_thread = false;
    return -rc;
}

void feed_stop(struct feed *feed)
{
    if (feed == NULL || !feed->has_thread)
        return;
    pthread_mutex_lock(&feed->lock);
    feed->stop = true;
    pthread_mutex_unlock(&feed->lock);
    uv_async_send(&feed->wake);
    pthread_join(feed->thread, NULL);
    feed->has_thread = false;
}

void feed_destroy(struct feed *feed)
{
    if (feed == NULL)
        return;
    assert(!feed->has_thread);
    if (feed->has_loop) {
        if (!feed->closing && feed->timer_fd >= 0)
            close_handles(feed);
        uv_run(&feed->loop, UV_RUN_DEFAULT);
    }
    for (int i = 0; i < TRACKS; i++)
        track_finish(&feed->tracks[i]);
    live_set_destroy(feed->live);
    outlines_destroy(feed->outlines);
    if (feed->has_loop)
        uv_loop_close(&feed->loop);
    if (feed->timer_fd >= 0)
        close(feed->timer_fd);
    while (feed->first_command != NULL) {
        struct queued *next = feed->first_command->next;
        command_done(&feed->first_command->command, false);
        free(feed->first_command);
        feed->first_command = next;
    }
    pthread_mutex_destroy(&feed->lock);
    report_finish(&feed->report);
    free(feed);
}
