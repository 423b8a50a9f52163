/* bell: something for a thread to sleep on until another rings. Rings do not add up, and one that
 * came early is not lost. Whoever waits longer than BELL_WATCHDOG_S has found a lost wake-up. */
#ifndef PRICECAST_TESTS_SUPPORT_BELL_H
#define PRICECAST_TESTS_SUPPORT_BELL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BELL_WATCHDOG_S = 60 };

/* Threads other than cmocka's cannot use its assertions. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct bell {
    pthread_mutex_t lock;
    pthread_cond_t rung;
    bool is_rung;
};

static inline void bell_init(struct bell *bell)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&bell->lock, NULL);
    pthread_cond_init(&bell->rung, &monotonic);
    pthread_condattr_destroy(&monotonic);
    bell->is_rung = false;
}

static inline void bell_finish(struct bell *bell)
{
    pthread_cond_destroy(&bell->rung);
    pthread_mutex_destroy(&bell->lock);
}

static inline void bell_ring(void *ctx)
{
    struct bell *bell = ctx;
    pthread_mutex_lock(&bell->lock);
    bell->is_rung = true;
    pthread_cond_signal(&bell->rung);
    pthread_mutex_unlock(&bell->lock);
}

static inline void bell_wait(struct bell *bell)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += BELL_WATCHDOG_S;
    pthread_mutex_lock(&bell->lock);
    while (!bell->is_rung)
        CHECK(pthread_cond_timedwait(&bell->rung, &bell->lock, &until) == 0);
    bell->is_rung = false;
    pthread_mutex_unlock(&bell->lock);
}

#endif
