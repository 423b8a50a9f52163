/* The thread sleeps until there is news or something is due: a flush, a sync, the end of a part. A
 * part that has ended is closed at once; the next one is opened by the first line for it. */
#include "feed/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "feed/item.h"
#include "feed/record_file.h"
#include "feed/record_state.h"

enum { DISPATCH_EVENTS = 4096, PART_TRIES_MAX = 1000 };

#define NS_PER_MS INT64_C(1000000)
/* Nobody waits for a recording to hear of news. */
#define PATIENCE_NS (5 * NS_PER_MS)
/* The wall clock may be set meanwhile: look again after so long. */
#define WAIT_NS_MAX INT64_C(60000000000)

struct recorder {
    struct recorder_options options;
    struct record_rotation rotation;
    char *path;
    struct bus *bus;
    struct bus_sub *sub;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t news;
    bool has_news, must_stop; /* under the lock */

    /* The recorder's thread only, once it runs. */
    struct record_file *file; /* NULL between two parts, and after a failure */
    struct record_clock part_began;
    char part_path[RECORD_PATH_MAX];
    uint64_t closed_bytes;
    int64_t now_ns;              /* monotonic, as of the present turn */
    int64_t dirty_ns, synced_ns; /* the first write since the last flush; the last sync */
    bool is_dirty, is_unsynced;
    uint64_t written, lost;
    struct record_state state; /* epoch 0: none is kept */
    char state_path[RECORD_PATH_MAX];
    int held_fd;                     /* the newest part, see record_state_hold(), or -1 */
    int64_t state_ns, state_took_ns; /* when it was written last, and how long that took */
    uint64_t state_written;          /* events by then */

    _Atomic uint64_t events, bytes, missed;
    _Atomic unsigned parts;
    _Atomic bool has_failed;
};

static void system_clock(struct record_clock *out)
{
    struct timespec wall, monotonic;
    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_MONOTONIC, &monotonic);
    out->wall_ns = wall.tv_sec * INT64_C(1000000000) + wall.tv_nsec;
    out->monotonic_ns = monotonic.tv_sec * INT64_C(1000000000) + monotonic.tv_nsec;
}

static void rotation_clock(const struct recorder *recorder, struct record_clock *out)
{
    if (recorder->options.clock != NULL)
        recorder->options.clock(recorder->options.ctx, out);
    else
        system_clock(out);
}

static void say(struct recorder *recorder, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(struct recorder *recorder, const char *format, ...)
{
    char text[512];
    va_list values;
    const size_t path_len = strlen(recorder->part_path);
    int used =
        snprintf(text, sizeof text,
                 "recording %s: ", recorder->part_path + (path_len > 200 ? path_len - 200 : 0));
    va_start(values, format);
    vsnprintf(text + used, sizeof text - (size_t)used, format, values);
    va_end(values);
    recorder->options.message(recorder->options.ctx, text);
}

/* ---- parts ---- */

static void publish(struct recorder *recorder)
{
    const uint64_t open_bytes = recorder->file ? record_file_size(recorder->file) : 0;
    atomic_store(&recorder->bytes, recorder->closed_bytes + open_bytes);
    atomic_store(&recorder->events, recorder->written);
    atomic_store(&recorder->missed, recorder->lost);
}

static void fail(struct recorder *recorder, int rc)
{
    if (recorder->file != NULL) {
        recorder->closed_bytes += record_file_size(recorder->file);
        record_file_close(recorder->file, false);
    }
    recorder->file = NULL;
    recorder->is_dirty = recorder->is_unsynced = false;
    atomic_store(&recorder->has_failed, true);
    /* From now on nobody could tell which numbers were given: better a new epoch than one twice. */
    if (recorder->state.epoch != 0)
        unlink(recorder->state_path);
    recorder->state.epoch = 0;
    publish(recorder);
    say(recorder, "stopped after about %" PRIu64 " events, the broadcast goes on: %s",
        recorder->written, strerror(-rc));
}

/* A file outlives a power cut only if its name does. */
static void directory_sync(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *name = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    const int fd = name == NULL ? -1 : open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd); /* not every file system can: then it is its business */
        close(fd);
    }
    free(name);
}

/* ---- the state beside them ---- */

static void state_save(struct recorder *recorder, bool is_clean)
{
    struct record_clock now, then;
    if (recorder->state.epoch == 0)
        return;
    system_clock(&now);
    /* A reset that is not in the recording yet: what the bus has is of another epoch. */
    if (recorder->state.epoch != bus_epoch(recorder->bus))
        return;
    if (recorder->file != NULL && record_file_flush(recorder->file) != 0)
        return; /* the next write will tell */
    recorder->state.is_clean = is_clean;
    const int rc = record_state_write(recorder->state_path, &recorder->state, recorder->bus,
                                      recorder->options.sync != RECORDER_SYNC_NEVER);
    system_clock(&then);
    recorder->state_ns = then.monotonic_ns;
    recorder->state_took_ns = then.monotonic_ns - now.monotonic_ns;
    recorder->state_written = recorder->written;
    if (rc != 0)
        say(recorder, "its state cannot be written: %s", strerror(-rc));
}

/* However many streams there are, this takes a hundredth of the time at most. */
static void state_save_if_due(struct recorder *recorder)
{
    const int64_t since_ns = recorder->now_ns - recorder->state_ns;
    if (recorder->written > recorder->state_written && since_ns >= RECORDER_STATE_MS * NS_PER_MS &&
        since_ns >= 100 * recorder->state_took_ns)
        state_save(recorder, false);
}

/* Another process may use the same names, so a number that was free may be taken by now. */
static int part_create(struct recorder *recorder, struct pack **pack, unsigned *number)
{
    const int64_t wall_ns = recorder->part_began.wall_ns;
    const bool is_numbered = recorder->options.parts || record_rotates(&recorder->rotation);
    int rc = 0;
    *number = 0;
    for (int tries = 0; tries < PART_TRIES_MAX; tries++) {
        if (is_numbered)
            rc = record_part_number(recorder->path, wall_ns, number);
        if (rc == 0)
            rc = record_part_path(recorder->path, wall_ns, *number, recorder->part_path);
        if (rc == 0)
            rc = pack_create(recorder->part_path, pack_kind_of(recorder->part_path), pack);
        if (rc != -EEXIST || !is_numbered)
            break;
    }
    return rc;
}

/* Until there is a newer one, though this one may end. A file system that knows no locks does
 * without. */
static void part_hold(struct recorder *recorder)
{
    const int fd = record_state_hold(recorder->part_path);
    if (fd < 0)
        return;
    if (recorder->held_fd >= 0)
        close(recorder->held_fd);
    recorder->held_fd = fd;
}

static int part_begin(struct recorder *recorder)
{
    struct pack *pack;
    char epoch[20];
    struct record_header header = {.epoch = epoch, .source = recorder->options.source};
    rotation_clock(recorder, &recorder->part_began);
    int rc = part_create(recorder, &pack, &header.part);
    if (rc != 0)
        return rc;
    header.created_ns = recorder->part_began.wall_ns;
    snprintf(epoch, sizeof epoch, "%016" PRIx64, bus_epoch(recorder->bus));
    rc = record_file_create(pack, bus_streams(recorder->bus), &header, &recorder->file);
    if (rc != 0) {
        pack_close(pack, false);
        return rc;
    }
    rc = record_file_flush(recorder->file); /* however quiet it is, a part has its header */
    if (rc != 0) {
        record_file_close(recorder->file, false);
        recorder->file = NULL;
        return rc;
    }
    if (recorder->options.sync != RECORDER_SYNC_NEVER)
        directory_sync(recorder->part_path);
    atomic_fetch_add(&recorder->parts, 1);
    if (recorder->state.epoch != 0) {
        part_hold(recorder);
        rc = record_state_add_part(&recorder->state, recorder->part_path);
        state_save(recorder, false);
    }
    return rc;
}

static int part_end(struct recorder *recorder)
{
    if (recorder->file == NULL)
        return 0;
    int rc = record_file_flush(recorder->file); /* so that the size counts all but an end mark */
    recorder->closed_bytes += record_file_size(recorder->file);
    const int close_rc =
        record_file_close(recorder->file, recorder->options.sync != RECORDER_SYNC_NEVER);
    rc = rc != 0 ? rc : close_rc;
    recorder->file = NULL;
    recorder->is_dirty = recorder->is_unsynced = false;
    return rc;
}

/* Makes sure that there is a part to write to. */
static bool part_ready(struct recorder *recorder)
{
    if (atomic_load_explicit(&recorder->has_failed, memory_order_relaxed))
        return false;
    const uint64_t bytes_max = recorder->rotation.bytes;
    int rc = 0;
    if (bytes_max > 0 && recorder->file != NULL && record_file_events(recorder->file) > 0 &&
        record_file_size(recorder->file) >= bytes_max)
        rc = part_end(recorder);
    if (rc == 0 && recorder->file == NULL)
        rc = part_begin(recorder);
    if (rc != 0)
        fail(recorder, rc);
    else if (!recorder->is_dirty)
        recorder->dirty_ns = recorder->now_ns;
    recorder->is_dirty |= rc == 0;
    return rc == 0;
}

/* ---- lines ---- */

static void record_item(struct recorder *recorder, const struct price_event *event)
{
    const int rc = part_ready(recorder) ? record_file_event(recorder->file, event) : -ENOMEM;
    if (rc == 0)
        recorder->written++;
    else
        recorder->lost++;
    if (rc != 0 && rc != -ENOMEM)
        fail(recorder, rc);
}

static void record_note(struct recorder *recorder, const char *line, int len)
{
    if (!part_ready(recorder))
        return;
    const int rc = record_file_note(recorder->file, line, (size_t)len);
    if (rc != 0)
        fail(recorder, rc);
}

static void record_state(struct recorder *recorder, const struct price_event *event)
{
    static const char *const names[] = {"up", "down", "paused", "ended"};
    const char *source = streams_get(bus_streams(recorder->bus), event->stream)->source;
    char line[2 * NAME_BYTES_MAX + 128], quoted[2 * NAME_BYTES_MAX + 3];
    quoted[json_quote(source, strlen(source), quoted)] = '\0';
    record_note(recorder, line,
                snprintf(line, sizeof line,
                         "{\"type\":\"feed\",\"source\":%s,\"state\":\"%s\",\"ts\":%" PRId64 "}\n",
                         quoted, names[event->detail & 3], event_us(event->ts_ns)));
}

static void record_number(struct recorder *recorder, const char *format, uint64_t number)
{
    char line[128];
    record_note(recorder, line, snprintf(line, sizeof line, format, number));
}

static void record_reset(struct recorder *recorder, uint64_t epoch)
{
    record_number(recorder, "{\"type\":\"reset\",\"epoch\":\"%016" PRIx64 "\"}\n", epoch);
    if (recorder->state.epoch == 0)
        return;
    recorder->state.epoch = epoch;
    recorder->state.crashes = 0;
}

static void record_loss(struct recorder *recorder, uint64_t events)
{
    if (recorder->lost == 0)
        say(recorder,
            "fell behind the bus and missed %" PRIu64 " events; further ones are only counted",
            events);
    recorder->lost += events;
    record_number(recorder, "{\"type\":\"missed\",\"events\":%" PRIu64 "}\n", events);
    const uint64_t epoch = bus_epoch(recorder->bus);
    if (recorder->state.epoch != 0 && recorder->state.epoch != epoch)
        record_reset(recorder, epoch); /* its mark was among them */
}

static void on_event(const struct price_event *event, void *ctx)
{
    struct recorder *recorder = ctx;
    switch ((enum event_kind)event->kind) {
    case EVENT_TRADE:
    case EVENT_QUOTE:
        record_item(recorder, event);
        break;
    case EVENT_FEED:
        record_state(recorder, event);
        break;
    case EVENT_RESET:
        record_reset(recorder, event->seq);
        break;
    case EVENT_SETTLED:
        break;
    case EVENT_LAPPED:
        record_loss(recorder, event->seq);
        break;
    }
}

/* ---- what is due ---- */

static int flush_if_due(struct recorder *recorder)
{
    const bool syncs_now = recorder->options.sync == RECORDER_SYNC_FLUSH;
    int rc = 0;
    if (recorder->is_dirty &&
        recorder->now_ns - recorder->dirty_ns >= RECORDER_FLUSH_MS * NS_PER_MS) {
        rc = record_file_flush(recorder->file);
        recorder->is_dirty = false;
        recorder->is_unsynced = recorder->options.sync != RECORDER_SYNC_NEVER;
    }
    if (rc == 0 && recorder->is_unsynced &&
        (syncs_now || recorder->now_ns - recorder->synced_ns >= RECORDER_SYNC_MS * NS_PER_MS)) {
        rc = record_file_sync(recorder->file);
        recorder->is_unsynced = false;
        recorder->synced_ns = recorder->now_ns;
    }
    return rc;
}

static void tend(struct recorder *recorder)
{
    struct record_clock now;
    int rc = 0;
    system_clock(&now);
    recorder->now_ns = now.monotonic_ns;
    rotation_clock(recorder, &now);
    if (recorder->file != NULL &&
        record_part_is_due(&recorder->rotation, &recorder->part_began, &now))
        rc = part_end(recorder);
    if (rc == 0 && recorder->file != NULL)
        rc = flush_if_due(recorder);
    if (rc != 0)
        fail(recorder, rc);
    state_save_if_due(recorder);
    publish(recorder);
}

static void shorten(int64_t *wait_ns, int64_t other_ns)
{
    *wait_ns = other_ns < *wait_ns ? other_ns : *wait_ns;
}

/* How long there is nothing to do without news; INT64_MAX: for ever. */
static int64_t wait_ns(const struct recorder *recorder)
{
    struct record_clock now;
    int64_t wait = INT64_MAX;
    if (recorder->file == NULL)
        return wait;
    rotation_clock(recorder, &now);
    shorten(&wait, record_part_wait_ns(&recorder->rotation, &recorder->part_began, &now));
    if (wait != INT64_MAX)
        shorten(&wait, WAIT_NS_MAX);
    system_clock(&now);
    if (recorder->is_dirty)
        shorten(&wait, recorder->dirty_ns + RECORDER_FLUSH_MS * NS_PER_MS - now.monotonic_ns);
    if (recorder->is_unsynced)
        shorten(&wait, recorder->synced_ns + RECORDER_SYNC_MS * NS_PER_MS - now.monotonic_ns);
    return wait;
}

/* ---- the thread ---- */

static void on_news(void *ctx)
{
    struct recorder *recorder = ctx;
    pthread_mutex_lock(&recorder->lock);
    recorder->has_news = true;
    pthread_cond_signal(&recorder->news);
    pthread_mutex_unlock(&recorder->lock);
}

/* Returns false when it is time to stop. */
static bool wait_for_news(struct recorder *recorder)
{
    const int64_t wait = wait_ns(recorder);
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    if (wait != INT64_MAX && wait > 0) {
        const int64_t ns = until.tv_nsec + wait;
        until.tv_sec += ns / 1000000000;
        until.tv_nsec = ns % 1000000000;
    }
    pthread_mutex_lock(&recorder->lock);
    int rc = 0;
    while (!recorder->has_news && !recorder->must_stop && rc == 0) {
        if (wait == INT64_MAX)
            pthread_cond_wait(&recorder->news, &recorder->lock);
        else
            rc = pthread_cond_timedwait(&recorder->news, &recorder->lock, &until);
    }
    recorder->has_news = false;
    const bool stop = recorder->must_stop;
    pthread_mutex_unlock(&recorder->lock);
    return !stop;
}

static void *recorder_run(void *ctx)
{
    struct recorder *recorder = ctx;
    sigset_t too_big;
    pthread_setname_np(pthread_self(), "recorder");
    /* A limit on the size of files is a full disk, not a reason to die. */
    sigemptyset(&too_big);
    sigaddset(&too_big, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &too_big, NULL);
    for (bool goes_on = true; goes_on;) {
        tend(recorder);
        if (bus_dispatch(recorder->sub, DISPATCH_EVENTS) == DISPATCH_EVENTS)
            continue;
        publish(recorder);
        goes_on = wait_for_news(recorder);
    }
    while (bus_dispatch(recorder->sub, DISPATCH_EVENTS) > 0)
        tend(recorder);
    const int rc = part_end(recorder);
    if (rc != 0)
        fail(recorder, rc);
    else if (recorder->lost > 0 && !atomic_load(&recorder->has_failed))
        say(recorder, "missed %" PRIu64 " events in all", recorder->lost);
    if (rc == 0)
        state_save(recorder, true); /* nothing is emitted any more */
    publish(recorder);
    return NULL;
}

/* ---- life ---- */

static int subscribe(struct recorder *recorder)
{
    const struct bus_sub_options sub = {on_news, recorder, recorder->options.holds};
    int rc = bus_subscribe(recorder->bus, &sub, &recorder->sub);
    if (rc == 0 && bus_on(recorder->sub, 0, on_event, recorder) < 0)
        rc = -ENOMEM;
    if (rc == 0)
        bus_sub_set_patience(recorder->sub, PATIENCE_NS);
    if (rc == 0)
        rc = -pthread_create(&recorder->thread, NULL, recorder_run, recorder);
    if (rc != 0)
        bus_unsubscribe(recorder->sub);
    return rc;
}

static void recorder_free(struct recorder *recorder)
{
    if (recorder->held_fd >= 0)
        close(recorder->held_fd);
    record_state_finish(&recorder->state);
    free(recorder->path);
    pthread_mutex_destroy(&recorder->lock);
    pthread_cond_destroy(&recorder->news);
    free(recorder);
}

static struct recorder *recorder_make(const struct recorder_options *options, struct bus *bus)
{
    pthread_condattr_t monotonic;
    struct recorder *recorder = calloc(1, sizeof *recorder);
    if (recorder == NULL)
        return NULL;
    recorder->options = *options;
    recorder->rotation = (struct record_rotation){options->rotate_bytes, options->rotate_ns,
                                                  options->rotate_utc_day};
    recorder->bus = bus;
    recorder->held_fd = -1;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&recorder->news, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&recorder->lock, NULL);
    recorder->path = strdup(options->path);
    if (recorder->path != NULL)
        return recorder;
    recorder_free(recorder);
    return NULL;
}

static int state_begin(struct recorder *recorder)
{
    const struct record_state *from = recorder->options.state;
    if (from == NULL)
        return 0;
    int rc = record_state_path(recorder->path, recorder->state_path);
    recorder->state.epoch = bus_epoch(recorder->bus);
    recorder->state.crashes = from->crashes;
    for (unsigned i = 0; rc == 0 && i < from->parts_count; i++)
        rc = record_state_add_part(&recorder->state, from->parts[i]);
    return rc;
}

static const char *problem_of(int rc)
{
    if (rc == -EEXIST)
        return "the file exists; recordings are never overwritten";
    return rc == -EINVAL ? RECORD_PATH_ALLOWED : strerror(-rc);
}

int recorder_create(const struct recorder_options *options, struct bus *bus, struct recorder **out,
                    char *error, size_t error_size)
{
    struct recorder *recorder = recorder_make(options, bus);
    if (recorder == NULL) {
        snprintf(error, error_size, "--record %s: out of memory", options->path);
        return -ENOMEM;
    }
    int rc = state_begin(recorder);
    if (rc == 0)
        rc = part_begin(recorder);
    if (rc == 0) {
        rc = subscribe(recorder);
        if (rc != 0)
            part_end(recorder);
    }
    if (rc != 0) {
        snprintf(error, error_size, "--record %s: %s", options->path, problem_of(rc));
        recorder_free(recorder);
        return rc;
    }
    *out = recorder;
    return 0;
}

bool recorder_destroy(struct recorder *recorder)
{
    if (recorder == NULL)
        return true;
    pthread_mutex_lock(&recorder->lock);
    recorder->must_stop = true;
    pthread_cond_signal(&recorder->news);
    pthread_mutex_unlock(&recorder->lock);
    pthread_join(recorder->thread, NULL);
    bus_unsubscribe(recorder->sub);
    const bool has_all = !atomic_load(&recorder->has_failed) && recorder->lost == 0;
    recorder_free(recorder);
    return has_all;
}

void recorder_status(const struct recorder *recorder, struct recorder_status *out)
{
    *out = (struct recorder_status){
        .events = atomic_load(&recorder->events),
        .missed = atomic_load(&recorder->missed),
        .bytes = atomic_load(&recorder->bytes),
        .parts = atomic_load(&recorder->parts),
        .failed = atomic_load(&recorder->has_failed),
    };
}
