/* One body at a time, so that they keep their order. A worker parses it, for the feed thread has
 * prices to send meanwhile; a short one is parsed at once, which is quicker than asking for help.
 */
#include "feed/live_push.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "feed/push_body.h"

enum { PARSED_AT_ONCE_BYTES = 4096 };

struct job {
    struct job *next;
    feed_push_fn *done;
    void *ctx;
    int64_t recv_ns;
    size_t len;
    char body[];
};

struct live_push {
    struct live live; /* first: live_ops get this */
    struct live_link link;
    uv_async_t wake;
    uv_work_t work;
    struct job *job; /* a worker parses it into live.output and `result` */
    struct feed_push_result result;
    pthread_mutex_t lock; /* of what follows */
    struct job *first, **last;
    size_t queued_bytes;
    bool is_closed;
};

/* ---- any thread ---- */

static struct job *job_make(const char *body, size_t len, feed_push_fn *done, void *ctx)
{
    struct job *job = malloc(sizeof *job + len);
    if (job == NULL)
        return NULL;
    *job = (struct job){.done = done, .ctx = ctx, .recv_ns = live_wall_ns(), .len = len};
    memcpy(job->body, body, len);
    return job;
}

int live_push_send(struct live *live, const char *body, size_t len, feed_push_fn *done, void *ctx)
{
    struct live_push *push = (struct live_push *)live;
    if (len > FEED_PUSH_BODY_MAX)
        return -EMSGSIZE;
    struct job *job = job_make(body, len, done, ctx);
    if (job == NULL)
        return -ENOMEM;
    pthread_mutex_lock(&push->lock);
    const bool is_full = push->queued_bytes + len > FEED_PUSH_QUEUE_MAX;
    const int rc = push->is_closed ? -ECANCELED : is_full ? -EAGAIN : 0;
    if (rc == 0) {
        *push->last = job;
        push->last = &job->next;
        push->queued_bytes += len;
        uv_async_send(&push->wake);
    }
    pthread_mutex_unlock(&push->lock);
    if (rc != 0)
        free(job);
    return rc;
}

/* ---- feed thread ---- */

static struct job *job_next(struct live_push *push)
{
    pthread_mutex_lock(&push->lock);
    struct job *job = push->first;
    if (job != NULL) {
        push->first = job->next;
        if (push->first == NULL)
            push->last = &push->first;
        push->queued_bytes -= job->len;
    }
    pthread_mutex_unlock(&push->lock);
    return job;
}

static void job_parse(struct live_push *push, const struct job *job)
{
    push_parse(job->body, job->len, live_output(&push->live), &push->result);
}

/* The worker is done: what it made of the body goes onto the bus. */
static void job_finish(struct live_push *push, struct job *job)
{
    struct live *live = &push->live;
    struct feed_push_result *result = &push->result;
    const uint64_t refused = live->counts.refused;
    for (size_t i = 0; i < live->output.count; i++)
        live_put(live, &push->link, &live->output.events[i], job->recv_ns);
    live_flush(live);
    for (uint64_t i = refused; i < live->counts.refused; i++) {
        result->accepted--;
        push_reject(result, 0, "the server holds as many streams as it may");
    }
    live->counts.messages += result->accepted + result->rejected + result->ignored;
    live->counts.ignored += result->ignored;
    live->counts.bad += result->rejected + (result->rc != 0);
    live->counts.bytes += job->len;
    job->done(job->ctx, result);
    free(job);
}

static void job_cancel(struct job *job)
{
    const struct feed_push_result cancelled = {.rc = -ECANCELED};
    job->done(job->ctx, &cancelled);
    free(job);
}

static void work_run(uv_work_t *work)
{
    struct live_push *push = work->data;
    job_parse(push, push->job);
}

static void jobs_go_on(struct live_push *push);

static void work_done(uv_work_t *work, int status)
{
    struct live_push *push = work->data;
    struct job *job = push->job;
    push->job = NULL;
    if (status != 0 || push->is_closed)
        job_cancel(job);
    else
        job_finish(push, job);
    jobs_go_on(push);
}

static void jobs_go_on(struct live_push *push)
{
    struct job *job;
    while (push->job == NULL && !push->is_closed && (job = job_next(push)) != NULL) {
        if (job->len <= PARSED_AT_ONCE_BYTES) {
            job_parse(push, job);
            job_finish(push, job);
            continue;
        }
        push->job = job;
        uv_queue_work(push->live.loop, &push->work, work_run, work_done);
    }
}

static void on_wake(uv_async_t *wake)
{
    jobs_go_on(wake->data);
}

static void push_start(struct live *live)
{
    (void)live; /* it waits for others */
}

static void push_close(struct live *live)
{
    struct live_push *push = (struct live_push *)live;
    pthread_mutex_lock(&push->lock);
    push->is_closed = true;
    uv_close((uv_handle_t *)&push->wake, NULL);
    pthread_mutex_unlock(&push->lock);
    struct job *job;
    while ((job = job_next(push)) != NULL)
        job_cancel(job);
}

static void push_destroy(struct live *live)
{
    struct live_push *push = (struct live_push *)live;
    free(push->link.sources);
    pthread_mutex_destroy(&push->lock);
    live_finish(live);
    free(push);
}

int live_push_create(const struct live_options *options, struct live **out)
{
    static const struct live_ops ops = {push_start, push_close, push_destroy};
    struct live_push *push = calloc(1, sizeof *push);
    if (push == NULL)
        return -ENOMEM;
    pthread_mutex_init(&push->lock, NULL);
    push->last = &push->first;
    push->work.data = push->wake.data = push;
    int rc = live_init(&push->live, &ops, options);
    if (rc == 0)
        rc = uv_async_init(options->loop, &push->wake, on_wake);
    if (rc != 0) {
        push_destroy(&push->live);
        return rc;
    }
    *out = &push->live;
    return 0;
}
