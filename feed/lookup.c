/* The loop and the thread each hold on to the lookup, and whoever lets go last frees it: the loop
 * when its handle is closed, the thread when the resolver has returned. Under the lock, either the
 * handle is open or is_closing is set, so that the thread rings no handle that is gone. */
#include "feed/lookup.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct lookup {
    uv_async_t answered;
    pthread_mutex_t lock;
    unsigned holders;
    bool is_closing;
    int error;
    struct addrinfo *found;
    lookup_resolve_fn *resolve;
    lookup_fn *done;
    void *ctx;
    char host[];
};

static int resolve_by_system(const char *host, struct addrinfo **out)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    return getaddrinfo(host, NULL, &hints, out);
}

static void let_go(struct lookup *lookup)
{
    pthread_mutex_lock(&lookup->lock);
    const bool is_last = --lookup->holders == 0;
    pthread_mutex_unlock(&lookup->lock);
    if (!is_last)
        return;
    if (lookup->found != NULL)
        freeaddrinfo(lookup->found);
    pthread_mutex_destroy(&lookup->lock);
    free(lookup);
}

static void *look_up(void *ctx)
{
    struct lookup *lookup = ctx;
    struct addrinfo *found = NULL;
    const int error = lookup->resolve(lookup->host, &found);
    pthread_mutex_lock(&lookup->lock);
    lookup->error = error;
    lookup->found = error == 0 ? found : NULL;
    if (!lookup->is_closing)
        uv_async_send(&lookup->answered);
    pthread_mutex_unlock(&lookup->lock);
    let_go(lookup);
    return NULL;
}

static void on_closed(uv_handle_t *handle)
{
    let_go(handle->data);
}

void lookup_abandon(struct lookup *lookup)
{
    pthread_mutex_lock(&lookup->lock);
    lookup->is_closing = true;
    pthread_mutex_unlock(&lookup->lock);
    uv_close((uv_handle_t *)&lookup->answered, on_closed);
}

static void on_answered(uv_async_t *async)
{
    struct lookup *lookup = async->data;
    lookup_abandon(lookup); /* the loop frees it after this call */
    lookup->done(lookup->ctx, lookup->error, lookup->found);
}

static int thread_start(struct lookup *lookup)
{
    pthread_t thread;
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    const int rc = pthread_create(&thread, &detached, look_up, lookup);
    pthread_attr_destroy(&detached);
    return -rc;
}

int lookup_start(uv_loop_t *loop, const char *host, lookup_resolve_fn *resolve, lookup_fn *done,
                 void *ctx, struct lookup **out)
{
    const size_t len = strlen(host);
    struct lookup *lookup = calloc(1, sizeof *lookup + len + 1);
    if (lookup == NULL)
        return -ENOMEM;
    memcpy(lookup->host, host, len);
    lookup->resolve = resolve != NULL ? resolve : resolve_by_system;
    lookup->done = done;
    lookup->ctx = ctx;
    lookup->holders = 2;
    pthread_mutex_init(&lookup->lock, NULL);
    int rc = uv_async_init(loop, &lookup->answered, on_answered);
    if (rc != 0) {
        pthread_mutex_destroy(&lookup->lock);
        free(lookup);
        return rc;
    }
    lookup->answered.data = lookup;
    rc = thread_start(lookup);
    if (rc != 0) {
        lookup->holders = 1;
        lookup_abandon(lookup);
        return rc;
    }
    *out = lookup;
    return 0;
}
