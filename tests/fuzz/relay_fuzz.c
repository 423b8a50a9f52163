/* Messages of another pricecast, one a line: whatever it says, what goes onto the bus is whole. */
#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "feed/relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_message(void *ctx, const char *text)
{
    (void)ctx;
    assert(strlen(text) > 0);
}

static void on_ended(void *ctx)
{
    (void)ctx;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct live_ops ops = {NULL, NULL, NULL};
    static const struct bus_options small = {.ring_events = BUS_RING_EVENTS_MIN, .streams_max = 50};
    static struct live live;
    const struct live_hooks hooks = {on_message, on_ended, NULL};
    struct live_options options = {.name = "fuzz", .hooks = &hooks};
    struct live_link link = {0};
    struct relay *relay = relay_create();
    memset(&live, 0, sizeof live);
    assert(relay != NULL && bus_create(&small, &options.bus) == 0);
    assert(live_init(&live, &ops, &options) == 0);
    const char *at = (const char *)data, *const end = at + size;
    while (at < end) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        if (next == NULL)
            next = end;
        relay_take(relay, &live, &link, at, (size_t)(next - at), 1);
        at = next + (next < end);
    }
    live_unlink(&live, &link, FEED_DOWN, 2);
    live_flush(&live);
    assert(bus_emitted(options.bus) >= live.counts.events);
    live_finish(&live);
    relay_destroy(relay);
    bus_destroy(options.bus);
    return 0;
}
