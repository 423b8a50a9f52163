/* bus-bench: how many events a second pass the bus to one, two and four subscriber threads.
 *
 * Each row is one second. "published" counts the writer's events, "received" those that reached the
 * slowest and the fastest subscriber, "missed" what all of them were told they missed, "wakes" how
 * often one had to be woken. In the held rows the writer waits for room, so that nothing is missed.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "feed/bus.h"

enum { BATCH = 256, STREAMS = 200, READERS_MAX = 4 };

struct reader {
    struct bus_sub *sub;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t news;
    bool has_news;
    uint64_t received, missed, sum;
    _Atomic bool *stop;
};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void on_event(const struct price_event *event, void *ctx)
{
    struct reader *reader = ctx;
    if (event->kind == EVENT_LAPPED) {
        reader->missed += event->seq;
        return;
    }
    reader->received++;
    reader->sum += event->mantissa[0];
}

static void on_news(void *ctx)
{
    struct reader *reader = ctx;
    pthread_mutex_lock(&reader->lock);
    reader->has_news = true;
    pthread_cond_signal(&reader->news);
    pthread_mutex_unlock(&reader->lock);
}

static void *reader_run(void *ctx)
{
    struct reader *reader = ctx;
    bus_on(reader->sub, 0, on_event, reader);
    while (!atomic_load(reader->stop)) {
        while (bus_dispatch(reader->sub, 4096) == 4096)
            ;
        pthread_mutex_lock(&reader->lock);
        while (!reader->has_news && !atomic_load(reader->stop))
            pthread_cond_wait(&reader->news, &reader->lock);
        reader->has_news = false;
        pthread_mutex_unlock(&reader->lock);
    }
    return NULL;
}

static void on_room(void *ctx)
{
    atomic_store((_Atomic bool *)ctx, true);
}

static uint64_t write_for_a_second(struct bus *bus, const uint32_t *streams, bool held)
{
    struct price_event events[BATCH];
    _Atomic bool has_room = true;
    uint64_t written = 0;
    for (int i = 0; i < BATCH; i++) {
        events[i] = event_make(EVENT_TRADE);
        events[i].stream = streams[i % STREAMS] & 0xffffff;
        event_set_value(&events[i], VALUE_PRICE, (struct decimal){.mantissa = 100});
    }
    for (const double until = seconds() + 1; seconds() < until;) {
        for (int i = 0; i < 16; i++) {
            while (held && bus_room(bus) < BATCH) {
                atomic_store(&has_room, false);
                if (bus_want_room(bus, on_room, &has_room))
                    while (!atomic_load(&has_room))
                        ;
            }
            bus_emit(bus, events, BATCH);
            written += BATCH;
        }
    }
    return written;
}

static void measure(unsigned readers_count, bool held)
{
    struct bus *bus;
    struct reader readers[READERS_MAX];
    uint32_t streams[STREAMS];
    _Atomic bool stop = false;
    memset(readers, 0, sizeof readers);
    if (bus_create(&(struct bus_options){0}, &bus) != 0)
        exit(1);
    for (int i = 0; i < STREAMS; i++) {
        char name[8];
        const int len = snprintf(name, sizeof name, "S%d", i);
        streams[i] = (uint32_t)bus_stream(bus, "bench", 5, name, (size_t)len, EVENT_TRADE);
    }
    for (unsigned i = 0; i < readers_count; i++) {
        struct reader *reader = &readers[i];
        reader->stop = &stop;
        pthread_mutex_init(&reader->lock, NULL);
        pthread_cond_init(&reader->news, NULL);
        bus_subscribe(bus, &(struct bus_sub_options){on_news, reader, held}, &reader->sub);
        pthread_create(&reader->thread, NULL, reader_run, reader);
    }
    const uint64_t written = write_for_a_second(bus, streams, held);
    uint64_t least = UINT64_MAX, most = 0, missed = 0, wakes = 0;
    atomic_store(&stop, true);
    for (unsigned i = 0; i < readers_count; i++) {
        on_news(&readers[i]);
        pthread_join(readers[i].thread, NULL);
        wakes += bus_sub_wakes(readers[i].sub);
        least = readers[i].received < least ? readers[i].received : least;
        most = readers[i].received > most ? readers[i].received : most;
        missed += readers[i].missed;
        bus_unsubscribe(readers[i].sub);
    }
    printf("%u reader%s %-5s  published %6.1f M/s  received %6.1f to %6.1f M/s  missed %6.1f M  "
           "wakes %llu\n",
           readers_count, readers_count == 1 ? " " : "s", held ? "held" : "free", written / 1e6,
           least / 1e6, most / 1e6, missed / 1e6, (unsigned long long)wakes);
    bus_destroy(bus);
}

int main(void)
{
    for (unsigned readers = 1; readers <= READERS_MAX; readers *= 2) {
        measure(readers, false);
        measure(readers, true);
    }
    return 0;
}
