/* handlers: who wants which events of a subscriber, see bus_on(). They may be added and removed
 * while they run. Private to the bus; one thread. */
#ifndef PRICECAST_FEED_HANDLERS_H
#define PRICECAST_FEED_HANDLERS_H

#include "feed/bus.h"

struct handler {
    int id;
    unsigned kinds; /* 0: removed, to be swept after the run */
    bool once;
    bus_handler_fn *call;
    void *ctx;
};

/* Zeroed, there are none. */
struct handlers {
    struct handler *list; /* owned */
    size_t count, size;
    int last_id; /* never used again */
    bool is_running, must_sweep;
};

/* Forgets them all; not the ids. Not during a run. */
void handlers_clear(struct handlers *handlers);

/* Returns an id above 0, or -ENOMEM. */
int handlers_add(struct handlers *handlers, unsigned kinds, bool once, bus_handler_fn *call,
                 void *ctx);

/* Returns false if there is no such handler (any more). */
bool handlers_remove(struct handlers *handlers, int id);

/* Around a run of any number of events. Returns how many there are now: those that are added from
 * here on wait for the next run. */
size_t handlers_begin(struct handlers *handlers);
void handlers_end(struct handlers *handlers);

/* Calls the first `count` that want the event. The list may move under us when a handler adds
 * another, so it is indexed afresh each time. */
static inline void handlers_call(struct handlers *handlers, size_t count,
                                 const struct price_event *event)
{
    for (size_t i = 0; i < count; i++) {
        struct handler *handler = &handlers->list[i];
        if ((handler->kinds >> event->kind & 1) == 0)
            continue;
        if (handler->once) {
            handler->kinds = 0;
            handlers->must_sweep = true;
        }
        handler->call(event, handler->ctx);
    }
}

#endif
