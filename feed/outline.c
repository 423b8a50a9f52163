/* The span of a file is known only at its end, so events are first counted in spans of a width that
 * doubles whenever they do not reach: two neighbours become one. */
#include "feed/outline.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "feed/event.h"
#include "feed/producer.h"

enum { SPANS = 2048, SAMPLES = 480, NICENESS = 10 };
#define FIRST_WIDTH_NS INT64_C(1000000)

/* ---- counting ---- */

struct spread {
    bool has_any;
    int64_t from_ns, to_ns; /* of the events seen */
    int64_t base_ns, width_ns;
    double counts[SPANS];
};

static void spread_double(struct spread *spread)
{
    for (int i = 0; i < SPANS / 2; i++)
        spread->counts[i] = spread->counts[2 * i] + spread->counts[2 * i + 1];
    memset(&spread->counts[SPANS / 2], 0, sizeof spread->counts / 2);
    spread->width_ns *= 2;
}

/* Beyond some centuries a file's times are no times. */
static bool is_plausible(int64_t time_ns)
{
    return time_ns > INT64_MIN / 4 && time_ns < INT64_MAX / 4;
}

static void spread_add(struct spread *spread, int64_t time_ns, double events)
{
    if (!is_plausible(time_ns))
        return;
    if (!spread->has_any) {
        spread->has_any = true;
        spread->from_ns = spread->to_ns = spread->base_ns = time_ns;
        spread->width_ns = FIRST_WIDTH_NS;
    }
    if (time_ns < spread->from_ns)
        spread->from_ns = time_ns;
    if (time_ns > spread->to_ns)
        spread->to_ns = time_ns;
    /* What comes late counts where the file begins. */
    const int64_t since = time_ns > spread->base_ns ? time_ns - spread->base_ns : 0;
    while (since / spread->width_ns >= SPANS)
        spread_double(spread);
    spread->counts[since / spread->width_ns] += events;
}

/* Puts `events`, spread evenly from from_ns to to_ns, into the outline. */
static void put_evenly(struct outline *outline, double from_ns, double to_ns, double events)
{
    const double start = (double)outline->from_ns;
    const double width = ((double)outline->to_ns - start) / OUTLINE_PARTS;
    if (events <= 0)
        return;
    double low = width > 0 ? (from_ns - start) / width : 0;
    double high = width > 0 ? (to_ns - start) / width : 0;
    low = fmin(fmax(low, 0), OUTLINE_PARTS);
    high = fmin(fmax(high, 0), OUTLINE_PARTS);
    if (high - low < 1e-9) {
        outline->events[low < OUTLINE_PARTS ? (int)low : OUTLINE_PARTS - 1] += events;
        return;
    }
    for (int i = (int)low; i < OUTLINE_PARTS && i < high; i++)
        outline->events[i] += events * (fmin(high, i + 1) - fmax(low, i)) / (high - low);
}

static void spread_finish(const struct spread *spread, struct outline *out)
{
    out->from_ns = spread->from_ns;
    out->to_ns = spread->to_ns;
    memset(out->events, 0, sizeof out->events);
    for (int i = 0; i < SPANS; i++) {
        const double from = (double)(spread->base_ns + i * spread->width_ns);
        const double to = fmin(from + (double)spread->width_ns, (double)spread->to_ns);
        put_evenly(out, from, fmax(from, to), spread->counts[i]);
    }
}

/* ---- one file ---- */

/* Without times nothing is told. A file that is larger than it may be ends with -EFBIG. */
static int read_all(struct producer *producer, uint64_t bytes_max, const _Atomic bool *abandon,
                    struct spread *spread)
{
    struct event_batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL)
        return -ENOMEM;
    int rc = 0;
    do {
        producer->ops->fill(producer, batch);
        for (size_t i = 0; i < batch->count; i++) {
            const int64_t time_ns = event_time_ns(&batch->events[i]);
            if (time_ns != EVENT_NO_TIME)
                spread_add(spread, time_ns, 1);
        }
        if (atomic_load(abandon))
            rc = -ECANCELED;
        else if (batch->bytes_total > bytes_max || batch->bytes_read > bytes_max)
            rc = -EFBIG;
    } while (rc == 0 && batch->end == PRODUCER_MORE);
    free(batch);
    return rc;
}

static int sample(struct producer *producer, const _Atomic bool *abandon, struct spread *spread)
{
    int64_t times[SAMPLES + 1];
    if (producer->ops->locate == NULL)
        return -ENOTSUP;
    for (int i = 0; i <= SAMPLES; i++) {
        const int rc = producer->ops->locate(producer, (double)i / SAMPLES, &times[i]);
        if (rc != 0)
            return rc;
        if (atomic_load(abandon))
            return -ECANCELED;
    }
    spread_add(spread, times[0], 0);
    spread_add(spread, times[SAMPLES], 0);
    for (int i = 0; i < SAMPLES; i++) {
        /* The bytes between two places, in as many steps as the spans between them need. */
        enum { STEPS = 8 };
        const int64_t step = (times[i + 1] - times[i]) / STEPS;
        for (int k = 0; k < STEPS; k++)
            spread_add(spread, times[i] + k * step, 1.0 / STEPS);
    }
    return 0;
}

int outline_read(struct producer *producer, uint64_t read_bytes_max, const _Atomic bool *abandon,
                 struct outline *out)
{
    struct spread *spread = calloc(1, sizeof *spread);
    if (spread == NULL)
        return -ENOMEM;
    int rc = read_all(producer, read_bytes_max, abandon, spread);
    const bool is_exact = rc == 0;
    if (rc == -EFBIG) {
        *spread = (struct spread){0};
        rc = sample(producer, abandon, spread);
    }
    if (rc == 0 && !spread->has_any)
        rc = -ENOTSUP;
    if (rc == 0) {
        out->is_exact = is_exact;
        spread_finish(spread, out);
    }
    free(spread);
    return rc;
}

/* ---- several ---- */

static void put_outline(struct outline *outline, const struct outline *other)
{
    const double width = ((double)other->to_ns - (double)other->from_ns) / OUTLINE_PARTS;
    for (int i = 0; i < OUTLINE_PARTS; i++) {
        const double from = (double)other->from_ns + i * width;
        put_evenly(outline, from, from + width, other->events[i]);
    }
}

void outline_merge(struct outline *outline, const struct outline *other)
{
    const struct outline before = *outline;
    *outline = (struct outline){
        .from_ns = before.from_ns < other->from_ns ? before.from_ns : other->from_ns,
        .to_ns = before.to_ns > other->to_ns ? before.to_ns : other->to_ns,
        .is_exact = before.is_exact && other->is_exact,
    };
    put_outline(outline, &before);
    put_outline(outline, other);
}

bool outline_clip(struct outline *outline, int64_t from_ns, int64_t to_ns)
{
    const struct outline before = *outline;
    if (from_ns <= before.from_ns && to_ns > before.to_ns)
        return true;
    if (from_ns > before.to_ns || to_ns <= before.from_ns || from_ns >= to_ns)
        return false;
    *outline = (struct outline){
        .from_ns = from_ns > before.from_ns ? from_ns : before.from_ns,
        .to_ns = to_ns <= before.to_ns ? to_ns : before.to_ns,
        .is_exact = before.is_exact,
    };
    const double width = ((double)before.to_ns - (double)before.from_ns) / OUTLINE_PARTS;
    for (int i = 0; i < OUTLINE_PARTS; i++) {
        const double low = (double)before.from_ns + i * width, high = low + width;
        const double from = fmax(low, (double)outline->from_ns);
        const double to = fmin(high, (double)outline->to_ns);
        if (to > from)
            put_evenly(outline, from, to, before.events[i] * (to - from) / width);
    }
    return true;
}

/* ---- the thread ---- */

struct outlines {
    struct when from, to;
    struct {
        struct producer *producer;
        int64_t offset_ns;
    } * files;
    size_t count;
    pthread_t thread;
    bool has_thread;
    _Atomic bool abandon;
    pthread_mutex_t lock; /* of what follows */
    bool is_known;
    struct outline outline;
};

struct outlines *outlines_create(const struct when *from, const struct when *to)
{
    struct outlines *outlines = calloc(1, sizeof *outlines);
    if (outlines == NULL)
        return NULL;
    outlines->from = *from;
    outlines->to = *to;
    pthread_mutex_init(&outlines->lock, NULL);
    return outlines;
}

int outlines_add(struct outlines *outlines, struct producer *producer, int64_t offset_ns)
{
    void *grown = realloc(outlines->files, (outlines->count + 1) * sizeof *outlines->files);
    if (grown == NULL)
        return -ENOMEM;
    outlines->files = grown;
    outlines->files[outlines->count].producer = producer;
    outlines->files[outlines->count++].offset_ns = offset_ns;
    return 0;
}

static bool outline_shift(struct outline *outline, int64_t offset_ns)
{
    return !__builtin_add_overflow(outline->from_ns, offset_ns, &outline->from_ns) &&
           !__builtin_add_overflow(outline->to_ns, offset_ns, &outline->to_ns);
}

/* One file of which nothing is known makes the end of all unknown. */
static bool read_files(struct outlines *outlines, struct outline *out)
{
    struct outline one;
    for (size_t i = 0; i < outlines->count; i++) {
        if (outlines->files[i].producer == NULL ||
            outline_read(outlines->files[i].producer, OUTLINE_READ_BYTES, &outlines->abandon,
                         &one) != 0 ||
            !outline_shift(&one, outlines->files[i].offset_ns))
            return false;
        if (i == 0)
            *out = one;
        else
            outline_merge(out, &one);
    }
    return outlines->count > 0 &&
           outline_clip(out, when_resolve(&outlines->from, out->from_ns, INT64_MIN),
                        when_resolve(&outlines->to, out->from_ns, INT64_MAX));
}

static void files_close(struct outlines *outlines)
{
    for (size_t i = 0; i < outlines->count; i++)
        if (outlines->files[i].producer != NULL)
            outlines->files[i].producer->ops->destroy(outlines->files[i].producer);
    outlines->count = 0;
}

static void *outlines_run(void *ctx)
{
    struct outlines *outlines = ctx;
    struct outline *outline = malloc(sizeof *outline);
    const struct sched_param no_real_time = {.sched_priority = 0};
    pthread_setname_np(pthread_self(), "outline");
    /* The replay goes first, also in a process that runs in real time, where niceness says nothing.
     */
    pthread_setschedparam(pthread_self(), SCHED_OTHER, &no_real_time);
    setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS); /* of this thread */
    const bool is_known = outline != NULL && read_files(outlines, outline);
    pthread_mutex_lock(&outlines->lock);
    outlines->is_known = is_known;
    if (is_known)
        outlines->outline = *outline;
    pthread_mutex_unlock(&outlines->lock);
    free(outline);
    files_close(outlines);
    return NULL;
}

int outlines_start(struct outlines *outlines)
{
    const int rc = pthread_create(&outlines->thread, NULL, outlines_run, outlines);
    outlines->has_thread = rc == 0;
    return -rc;
}

void outlines_destroy(struct outlines *outlines)
{
    if (outlines == NULL)
        return;
    atomic_store(&outlines->abandon, true);
    if (outlines->has_thread)
        pthread_join(outlines->thread, NULL);
    files_close(outlines);
    free(outlines->files);
    pthread_mutex_destroy(&outlines->lock);
    free(outlines);
}

bool outlines_get(struct outlines *outlines, struct outline *out)
{
    pthread_mutex_lock(&outlines->lock);
    const bool is_known = outlines->is_known;
    if (is_known)
        *out = outlines->outline;
    pthread_mutex_unlock(&outlines->lock);
    return is_known;
}
