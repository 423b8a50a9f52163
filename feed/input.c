#include "feed/input.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/reorder.h"
#include "feed/stream_map.h"

/* How much of a plain recording is read before the target, for the prelude. */
#define SEEK_LOOKBACK_NS INT64_C(20000000000)

enum work { WORK_FILL, WORK_REWIND, WORK_SEEK };

/* Filled by a worker. */
struct sought {
    struct price_event *prelude; /* owned; in order of time */
    size_t prelude_count;
    size_t at;             /* the first event of the batch that counts */
    int64_t time_ns;       /* or EVENT_NO_TIME */
    uint64_t bytes_before; /* of the file, before the batch; UINT64_MAX: not known */
};

struct input {
    struct producer *producer;
    char *name;
    uv_loop_t *loop;
    struct input_hooks hooks;
    uv_work_t job;
    bool busy; /* a worker has `filling` */
    struct event_batch *reading, *filling;
    bool filled;                       /* `filling` is complete and waits for its turn */
    size_t at;                         /* next event of `reading` */
    uint64_t bytes_before, bytes_read; /* of the file, before and behind `reading` */
    uint64_t heard_bytes;              /* after a rewind: what is wrong up to there has been told */
    bool has_failed;                   /* to be read again; that has been told, too */
    bool ended;                        /* nothing comes after `reading` */
    enum work work;                    /* what the job under way does */
    enum work wanted;                  /* more than WORK_FILL: to be done next */
    struct input_target target_wanted, target; /* of a wanted and of a running seek */
    _Atomic bool abandon;                      /* the seek under way is no longer wanted */
    int work_rc;
    struct sought sought; /* what the last seek brought */
    size_t prelude_at;    /* next event of its prelude */
    int64_t offset_ns;
    struct reorder reorder; /* holds what has been read of `reading` */
    int64_t last_ns;        /* of the last event passed on, to count late ones */
    struct stream_map map;
    struct input_counts counts;
};

struct input *input_create(struct producer *producer, const struct input_options *options,
                           uv_loop_t *loop, struct bus *bus, const struct input_hooks *hooks)
{
    struct input *input = calloc(1, sizeof *input);
    if (input == NULL)
        return NULL;
    input->reading = calloc(1, sizeof *input->reading);
    input->filling = calloc(1, sizeof *input->filling);
    input->name = strdup(options->name);
    if (input->reading == NULL || input->filling == NULL || input->name == NULL) {
        free(input->name);
        free(input->reading);
        free(input->filling);
        free(input);
        return NULL;
    }
    input->producer = producer;
    stream_map_init(&input->map, bus, producer->streams);
    input->loop = loop;
    input->hooks = *hooks;
    input->job.data = input;
    input->offset_ns = options->offset_ns;
    input->last_ns = INT64_MIN;
    reorder_init(&input->reorder, options->reorder_window_ns);
    return input;
}

void input_destroy(struct input *input)
{
    if (input == NULL)
        return;
    assert(!input->busy);
    input->producer->ops->destroy(input->producer);
    free(input->name);
    free(input->reading);
    free(input->filling);
    stream_map_finish(&input->map);
    free(input->sought.prelude);
    reorder_finish(&input->reorder);
    free(input);
}

bool input_is_busy(const struct input *input)
{
    return input->busy;
}

/* ---- filling ---- */

/* ---- on a worker ---- */

static int by_time(const void *a, const void *b)
{
    const struct price_event *left = a, *right = b;
    const int64_t l = event_time_ns(left), r = event_time_ns(right);
    return l < r ? -1 : l > r;
}

/* The latest event of each stream before the target, by the producer's stream number. */
struct gathering {
    struct price_event *latest; /* kind EVENT_LAPPED: none yet */
    uint32_t size;
};

static bool gather(struct gathering *gathering, const struct price_event *event)
{
    if (event->stream >= gathering->size) {
        const uint32_t size = event->stream * 2 + 64;
        struct price_event *grown = realloc(gathering->latest, size * sizeof *grown);
        if (grown == NULL)
            return false;
        for (uint32_t i = gathering->size; i < size; i++)
            grown[i] = event_make(EVENT_LAPPED);
        gathering->latest = grown;
        gathering->size = size;
    }
    gathering->latest[event->stream] = *event;
    return true;
}

static void gathering_finish(struct gathering *gathering, struct sought *sought)
{
    size_t count = 0;
    for (uint32_t i = 0; i < gathering->size; i++)
        if (gathering->latest[i].kind != EVENT_LAPPED)
            gathering->latest[count++] = gathering->latest[i];
    if (count > 0)
        qsort(gathering->latest, count, sizeof *gathering->latest, by_time);
    sought->prelude = gathering->latest;
    sought->prelude_count = count;
}

/* Is this event where the seek ends? */
static bool is_target(const struct input_target *target, const struct event_batch *batch,
                      const struct price_event *event)
{
    if (target->time_ns != EVENT_NO_TIME)
        return event_time_ns(event) >= target->time_ns;
    return (double)batch->bytes_read >= target->fraction * (double)batch->bytes_total;
}

/* Reads on until the target; returns false at the end. */
static bool seek_in_batch(struct input *input, struct gathering *gathering)
{
    const struct event_batch *batch = input->filling;
    struct sought *sought = &input->sought;
    for (sought->at = 0; sought->at < batch->count; sought->at++) {
        const struct price_event *event = &batch->events[sought->at];
        if (is_target(&input->target, batch, event)) {
            sought->time_ns = input->target.time_ns != EVENT_NO_TIME ? input->target.time_ns
                                                                     : event_time_ns(event);
            return true;
        }
        if (!gather(gathering, event))
            input->work_rc = -ENOMEM;
    }
    return false;
}

static int seek_begin(struct input *input)
{
    const struct producer_ops *ops = input->producer->ops;
    int64_t time_ns = input->target.time_ns;
    int rc = -ENOTSUP;
    if (ops->locate != NULL && time_ns == EVENT_NO_TIME && input->target.fraction > 0 &&
        ops->locate(input->producer, input->target.fraction, &time_ns) == 0)
        input->target.time_ns = time_ns;
    if (ops->jump != NULL && time_ns != EVENT_NO_TIME)
        rc = ops->jump(input->producer, time_ns, SEEK_LOOKBACK_NS);
    return rc == -ENOTSUP ? ops->rewind(input->producer) : rc;
}

static void seek_run(struct input *input)
{
    struct gathering gathering = {0};
    input->work_rc = seek_begin(input);
    bool found = false;
    uint64_t bytes_before = UINT64_MAX;
    while (input->work_rc == 0 && !found && !atomic_load(&input->abandon)) {
        input->producer->ops->fill(input->producer, input->filling);
        found = seek_in_batch(input, &gathering);
        input->sought.bytes_before = bytes_before;
        bytes_before = input->filling->bytes_read;
        if (input->filling->end != PRODUCER_MORE)
            break;
    }
    gathering_finish(&gathering, &input->sought);
}

static void job_run(uv_work_t *job)
{
    struct input *input = job->data;
    input->work_rc = 0;
    if (input->work == WORK_SEEK) {
        seek_run(input);
        return;
    }
    if (input->work == WORK_REWIND)
        input->work_rc = input->producer->ops->rewind(input->producer);
    if (input->work_rc == 0)
        input->producer->ops->fill(input->producer, input->filling);
}

/* ---- filling ---- */

static void job_queue(struct input *input);

static void counts_take(struct input *input)
{
    const struct event_batch *batch = input->filling;
    input->counts.lines = batch->lines;
    input->counts.ignored = batch->ignored;
    input->counts.bad = batch->bad;
    input->counts.bytes_total = batch->bytes_total;
    const bool is_news = input->heard_bytes == 0 || batch->bytes_read > input->heard_bytes;
    if (batch->message[0] != '\0' && is_news)
        input->hooks.message(input->hooks.ctx, batch->message);
}

/* Makes the filled batch the one being read, from its event `at` on. */
static void batch_turn(struct input *input, size_t at, uint64_t bytes_before)
{
    struct event_batch *empty = input->reading;
    input->bytes_before = bytes_before;
    input->reading = input->filling;
    input->filling = empty;
    input->filled = false;
    input->at = at;
    input->bytes_read = input->reading->bytes_read;
    if (input->reading->end != PRODUCER_MORE)
        input->ended = true;
    if (input->reading->end == PRODUCER_BROKEN)
        input->counts.broken = true;
    job_queue(input);
}

static void job_done(uv_work_t *job, int status)
{
    struct input *input = job->data;
    const enum work work = input->work; /* turning to the batch may begin the next job */
    input->busy = false;
    input->work = WORK_FILL;
    if (status == UV_ECANCELED)
        return;
    if (input->work_rc != 0) {
        input->ended = true;
        char text[400];
        snprintf(text, sizeof text, "%.300s: it cannot be read again: %s", input->name,
                 strerror(-input->work_rc));
        if (!input->has_failed)
            input->hooks.message(input->hooks.ctx, text);
        input->has_failed = true;
    } else if (input->wanted == WORK_FILL) {
        counts_take(input);
        if (work == WORK_REWIND)
            input->bytes_read = 0;
        if (work == WORK_SEEK)
            batch_turn(input, input->sought.at, input->sought.bytes_before);
        else
            input->filled = true;
    }
    job_queue(input);
    input->hooks.ready(input->hooks.ctx);
}

static void job_queue(struct input *input)
{
    if (input->busy || input->filled || (input->ended && input->wanted == WORK_FILL))
        return;
    input->work = input->wanted;
    input->wanted = WORK_FILL;
    input->ended = false;
    /* A loop passes the same places over and over. */
    if (input->work == WORK_REWIND && input->bytes_read > input->heard_bytes)
        input->heard_bytes = input->bytes_read;
    if (input->work == WORK_SEEK) {
        free(input->sought.prelude);
        input->sought = (struct sought){.time_ns = EVENT_NO_TIME};
        input->prelude_at = 0;
        input->target = input->target_wanted;
        if (input->target.time_ns != EVENT_NO_TIME)
            input->target.time_ns -= input->offset_ns; /* the producer's own clock */
        atomic_store(&input->abandon, false);
    }
    input->busy = true;
    uv_queue_work(input->loop, &input->job, job_run, job_done);
}

void input_start(struct input *input)
{
    job_queue(input);
}

/* ---- reading ---- */

/* The next event as the producer numbers it, or NULL. */
static const struct price_event *event_next(struct input *input)
{
    const struct event_batch *batch = input->reading;
    struct reorder *reorder = &input->reorder;
    if (input->prelude_at < input->sought.prelude_count)
        return &input->sought.prelude[input->prelude_at];
    if (reorder->window_ns == 0)
        return input->at < batch->count ? &batch->events[input->at] : NULL;
    const struct price_event *event = reorder_peek(reorder, false);
    while (event == NULL && input->at < batch->count) {
        if (!reorder_push(reorder, &batch->events[input->at++]))
            input->counts.refused++;
        event = reorder_peek(reorder, false);
    }
    return event != NULL ? event : reorder_peek(reorder, input->ended);
}

static void event_pass(struct input *input)
{
    if (input->prelude_at < input->sought.prelude_count)
        input->prelude_at++;
    else if (input->reorder.window_ns > 0)
        reorder_pop(&input->reorder);
    else
        input->at++;
}

static void shift(struct price_event *event, int64_t offset_ns)
{
    if (event->ts_ns != EVENT_NO_TIME &&
        __builtin_add_overflow(event->ts_ns, offset_ns, &event->ts_ns))
        event->ts_ns = EVENT_NO_TIME;
    if (event->recv_ns != EVENT_NO_TIME &&
        __builtin_add_overflow(event->recv_ns, offset_ns, &event->recv_ns))
        event->recv_ns = EVENT_NO_TIME;
}

/* Translates to the bus; returns false if the bus has no room for the stream. */
static bool event_translate(struct input *input, const struct price_event *event,
                            struct price_event *out, uint32_t *source_stream)
{
    const struct stream_mapping *mapping = stream_map_get(&input->map, event->stream);
    if (mapping == NULL)
        return false;
    *out = *event;
    out->stream = mapping->stream & EVENT_NO_STREAM;
    *source_stream = mapping->source_stream;
    shift(out, input->offset_ns);
    return true;
}

enum input_state input_peek(struct input *input, struct price_event *out, uint32_t *source_stream)
{
    while (!input_is_seeking(input)) {
        const struct price_event *event = event_next(input);
        if (event == NULL && input->ended)
            return INPUT_ENDED;
        if (event == NULL && !input->filled)
            break;
        if (event == NULL) {
            batch_turn(input, 0, input->bytes_read);
            continue;
        }
        if (event_translate(input, event, out, source_stream))
            return INPUT_HAS_EVENT;
        input->counts.refused++;
        event_pass(input);
    }
    job_queue(input);
    return INPUT_WAITS;
}

bool input_is_prelude(const struct input *input)
{
    return input->prelude_at < input->sought.prelude_count;
}

void input_pop(struct input *input)
{
    const int64_t time_ns = event_time_ns(event_next(input));
    input->counts.late += time_ns != EVENT_NO_TIME && time_ns < input->last_ns;
    if (time_ns > input->last_ns)
        input->last_ns = time_ns;
    event_pass(input);
    input->counts.events++;
}

void input_end(struct input *input)
{
    input->ended = true;
    input->at = input->reading->count;
    input->prelude_at = input->sought.prelude_count;
    reorder_clear(&input->reorder);
}

/* ---- going elsewhere ---- */

/* What has been read ahead is forgotten; a job under way ends soon and its result is dropped. */
static void work_want(struct input *input, enum work work)
{
    input->wanted = work;
    input->ended = false;
    input->filled = false;
    input->reading->count = 0;
    input->at = 0;
    input->prelude_at = input->sought.prelude_count;
    input->last_ns = INT64_MIN;
    reorder_clear(&input->reorder);
    atomic_store(&input->abandon, true);
    job_queue(input);
}

void input_rewind(struct input *input)
{
    work_want(input, WORK_REWIND);
}

void input_seek(struct input *input, const struct input_target *target)
{
    input->target_wanted = *target;
    work_want(input, WORK_SEEK);
}

bool input_is_seeking(const struct input *input)
{
    return input->wanted != WORK_FILL || (input->busy && input->work != WORK_FILL);
}

int64_t input_sought_ns(const struct input *input)
{
    const int64_t time_ns = input->sought.time_ns;
    return time_ns == EVENT_NO_TIME ? time_ns : time_ns + input->offset_ns;
}

void input_abandon(struct input *input)
{
    atomic_store(&input->abandon, true);
}

const char *input_name(const struct input *input)
{
    return input->name;
}

const char *input_format(const struct input *input, int *sure)
{
    *sure = input->producer->sure;
    return input->producer->format;
}

void input_counts(const struct input *input, struct input_counts *out)
{
    const size_t count = input->reading->count;
    *out = input->counts;
    out->bytes_read = input->bytes_read;
    /* What has been read ahead is not where the replay is. */
    if (count > 0 && input->bytes_before < input->bytes_read)
        out->bytes_read -= (uint64_t)((double)(input->bytes_read - input->bytes_before) *
                                      (double)(count - input->at) / (double)count);
}

void input_sources(const struct input *input, void (*visit)(void *ctx, uint32_t stream), void *ctx)
{
    for (size_t i = 0; i < input->map.sources_count; i++)
        visit(ctx, input->map.sources[i]);
}
