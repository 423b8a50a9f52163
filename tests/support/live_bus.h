/* A bus whose events become lines of text, for tests of live sources: "up x", "x S trade 1 1.50".
 * Include after cmocka.h. */
#ifndef PRICECAST_TESTS_SUPPORT_LIVE_BUS_H
#define PRICECAST_TESTS_SUPPORT_LIVE_BUS_H

#include <stdio.h>
#include <string.h>

#include "feed/bus.h"
#include "feed/live.h"

enum { SEEN_BYTES_MAX = 8192 };

struct live_bus {
    struct bus *bus;
    struct bus_sub *sub;
    struct price_event last; /* trade or quote */
    char seen[SEEN_BYTES_MAX];
    size_t seen_len;
    char messages[SEEN_BYTES_MAX]; /* for the log, a line each */
    size_t messages_len;
    unsigned ended;
};

static inline void live_bus_on_event(const struct price_event *event, void *ctx)
{
    static const char *const states[] = {"up", "down", "paused", "ended"};
    struct live_bus *live_bus = ctx;
    if (live_bus->seen_len > SEEN_BYTES_MAX / 2)
        live_bus->seen_len = 0; /* a test with so many events looks at the last one */
    char *to = live_bus->seen + live_bus->seen_len;
    const size_t room = SEEN_BYTES_MAX - live_bus->seen_len;
    char price[DECIMAL_TEXT_MAX + 1];
    if (event->kind == EVENT_RESET) {
        live_bus->seen_len +=
            (size_t)snprintf(to, room, "reset %s\n", event->detail == RESET_SEEK ? "seek" : "loop");
        return;
    }
    if (event->kind == EVENT_SETTLED) {
        live_bus->seen_len += (size_t)snprintf(to, room, "settled\n");
        return;
    }
    const struct stream *stream = streams_get(bus_streams(live_bus->bus), event->stream);
    if (event->kind == EVENT_FEED) {
        live_bus->seen_len +=
            (size_t)snprintf(to, room, "%s %s\n", states[event->detail], stream->source);
        return;
    }
    live_bus->last = *event;
    price[decimal_format(event_value(event, 0), price)] = '\0';
    live_bus->seen_len +=
        (size_t)snprintf(to, room, "%s %s %s %llu %s\n", stream->source, stream->symbol,
                         event_kind_name(stream->kind), (unsigned long long)event->seq, price);
}

static inline void live_bus_wake(void *ctx)
{
    (void)ctx; /* the test looks by itself */
}

static inline void live_bus_message(void *ctx, const char *text)
{
    struct live_bus *live_bus = ctx;
    live_bus->messages_len +=
        (size_t)snprintf(live_bus->messages + live_bus->messages_len,
                         SEEN_BYTES_MAX - live_bus->messages_len, "%s\n", text);
}

static inline void live_bus_ended(void *ctx)
{
    struct live_bus *live_bus = ctx;
    live_bus->ended++;
}

static inline void live_bus_init(struct live_bus *live_bus)
{
    const struct bus_sub_options options = {.wake = live_bus_wake};
    *live_bus = (struct live_bus){.ended = 0};
    assert_int_equal(bus_create(&(struct bus_options){.ring_events = 4096}, &live_bus->bus), 0);
    assert_int_equal(bus_subscribe(live_bus->bus, &options, &live_bus->sub), 0);
    assert_true(bus_on(live_bus->sub, 0, live_bus_on_event, live_bus) > 0);
}

static inline void live_bus_finish(struct live_bus *live_bus)
{
    bus_unsubscribe(live_bus->sub);
    bus_destroy(live_bus->bus);
}

static inline struct live_hooks live_bus_hooks(struct live_bus *live_bus)
{
    return (struct live_hooks){live_bus_message, live_bus_ended, live_bus};
}

/* What has passed the bus since the last call. */
static inline const char *live_bus_seen(struct live_bus *live_bus)
{
    live_bus->seen_len = 0;
    live_bus->seen[0] = '\0';
    while (bus_dispatch(live_bus->sub, 64) == 64)
        ;
    return live_bus->seen;
}

/* The same without forgetting what was seen before. */
static inline const char *live_bus_see_more(struct live_bus *live_bus)
{
    while (bus_dispatch(live_bus->sub, 64) == 64)
        ;
    return live_bus->seen;
}

#endif
