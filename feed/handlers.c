#include "feed/handlers.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

void handlers_clear(struct handlers *handlers)
{
    assert(!handlers->is_running);
    free(handlers->list);
    handlers->list = NULL;
    handlers->count = handlers->size = 0;
}

int handlers_add(struct handlers *handlers, unsigned kinds, bool once, bus_handler_fn *call,
                 void *ctx)
{
    if (handlers->count == handlers->size) {
        const size_t size = handlers->size ? handlers->size * 2 : 4;
        struct handler *grown = realloc(handlers->list, size * sizeof *grown);
        if (grown == NULL)
            return -ENOMEM;
        handlers->list = grown;
        handlers->size = size;
    }
    handlers->list[handlers->count++] = (struct handler){
        .id = ++handlers->last_id,
        .kinds = kinds ? kinds : ~0u,
        .once = once,
        .call = call,
        .ctx = ctx,
    };
    return handlers->last_id;
}

static void sweep(struct handlers *handlers)
{
    size_t kept = 0;
    for (size_t i = 0; i < handlers->count; i++)
        if (handlers->list[i].kinds != 0)
            handlers->list[kept++] = handlers->list[i];
    handlers->count = kept;
    handlers->must_sweep = false;
}

bool handlers_remove(struct handlers *handlers, int id)
{
    for (size_t i = 0; i < handlers->count; i++) {
        struct handler *handler = &handlers->list[i];
        if (handler->id != id || handler->kinds == 0)
            continue;
        handler->kinds = 0;
        handlers->must_sweep = true;
        if (!handlers->is_running)
            sweep(handlers);
        return true;
    }
    return false;
}

size_t handlers_begin(struct handlers *handlers)
{
    assert(!handlers->is_running);
    handlers->is_running = true;
    return handlers->count;
}

void handlers_end(struct handlers *handlers)
{
    handlers->is_running = false;
    if (handlers->must_sweep)
        sweep(handlers);
}
