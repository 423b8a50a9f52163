#include "feed/live_set.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "feed/line_reader.h"
#include "feed/live_lines.h"
#include "feed/live_push.h"
#include "feed/live_upstream.h"
#include "feed/live_ws.h"

enum { CHANGED_AFTER_MS = 50 };

struct live_set {
    struct live_set_options options;
    struct live *sources[FEED_SPECS_MAX]; /* owned */
    size_t count;
    struct live *push; /* one of them, or NULL */
    bool has_stdin;
    const struct live *endless; /* the first that does not end, or NULL */
    struct live_ws_net *net;    /* made for the first WebSocket */
    uv_timer_t settling;        /* runs while a change has not been told */
    uint64_t told;              /* what tally() was then */
    uv_check_t turn;            /* the end of each turn of the loop */
    bool is_closed;
};

bool live_set_takes(const struct spec *spec)
{
    return spec->kind != SPEC_FILE && spec->kind != SPEC_SIM;
}

/* Differs from before when any count or state does, or nearly so: they only grow. */
static uint64_t tally(const struct live_set *set)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < set->count; i++) {
        const struct live_counts *counts = &set->sources[i]->counts;
        sum += counts->events + counts->messages + counts->bytes + counts->refused +
               counts->reconnects + counts->gaps + ((uint64_t)set->sources[i]->state << 56);
    }
    return sum;
}

static void on_settled(uv_timer_t *settling)
{
    struct live_set *set = settling->data;
    set->options.changed(set->options.hooks.ctx);
}

static void on_turn(uv_check_t *turn)
{
    struct live_set *set = turn->data;
    for (size_t i = 0; i < set->count; i++)
        live_flush(set->sources[i]);
    const uint64_t now = tally(set);
    if (now != set->told && !uv_is_active((uv_handle_t *)&set->settling))
        uv_timer_start(&set->settling, on_settled, CHANGED_AFTER_MS, 0);
    set->told = now;
}

struct live_set *live_set_create(const struct live_set_options *options)
{
    struct live_set *set = calloc(1, sizeof *set);
    if (set == NULL)
        return NULL;
    set->options = *options;
    if (set->options.message_max == 0)
        set->options.message_max = LINE_BYTES_MAX_DEFAULT;
    uv_check_init(options->loop, &set->turn);
    uv_timer_init(options->loop, &set->settling);
    set->turn.data = set->settling.data = set;
    return set;
}

/* ---- adding ---- */

static int push_add(struct live_set *set, const struct spec *spec, struct live_options *options,
                    struct live **out, char *error, size_t error_size)
{
    if (set->push != NULL) {
        snprintf(error, error_size, "there is one already, and it takes everything");
        return -EINVAL;
    }
    if (spec->pairs_count > 0) {
        snprintf(error, error_size, "it takes no options");
        return -EINVAL;
    }
    options->name = "push:";
    const int rc = live_push_create(options, out);
    set->push = *out;
    return rc;
}

static int upstream_add(struct live_set *set, const struct spec *spec,
                        const struct live_options *options, struct live **out, char *error,
                        size_t error_size)
{
    if (set->net == NULL)
        set->net = live_ws_net_create(set->options.loop);
    if (set->net == NULL) {
        snprintf(error, error_size, "libwebsockets could not be started");
        return -EIO;
    }
    return live_upstream_create(spec, options, set->net, set->options.message_max, out, error,
                                error_size);
}

static int lines_add(struct live_set *set, const struct spec *spec,
                     const struct live_options *options, struct live **out, char *error,
                     size_t error_size)
{
    if (spec->kind == SPEC_STDIN && set->has_stdin) {
        snprintf(error, error_size, "there is only one standard input");
        return -EINVAL;
    }
    set->has_stdin |= spec->kind == SPEC_STDIN;
    return live_lines_create(spec, options, set->options.message_max, out, error, error_size);
}

int live_set_add(struct live_set *set, const struct spec *spec, char *error, size_t error_size)
{
    struct live_options options = {
        .hooks = &set->options.hooks,
        .loop = set->options.loop,
        .bus = set->options.bus,
    };
    struct live *live = NULL;
    int rc;
    if (set->count == FEED_SPECS_MAX) {
        snprintf(error, error_size, "more than %d live feeds", FEED_SPECS_MAX);
        return -ENOSPC;
    }
    snprintf(error, error_size, "out of memory");
    if (spec->kind == SPEC_WS)
        rc = upstream_add(set, spec, &options, &live, error, error_size);
    else if (spec->kind == SPEC_PUSH)
        rc = push_add(set, spec, &options, &live, error, error_size);
    else
        rc = lines_add(set, spec, &options, &live, error, error_size);
    if (live != NULL) /* also when it failed: what it has opened must be closed */
        set->sources[set->count++] = live;
    if (set->endless == NULL && spec->kind != SPEC_STDIN)
        set->endless = live;
    return rc;
}

/* ---- running ---- */

void live_set_start(struct live_set *set)
{
    if (set == NULL)
        return;
    uv_check_start(&set->turn, on_turn);
    for (size_t i = 0; i < set->count; i++)
        set->sources[i]->ops->start(set->sources[i]);
}

void live_set_close(struct live_set *set)
{
    if (set == NULL || set->is_closed)
        return;
    set->is_closed = true;
    for (size_t i = 0; i < set->count; i++)
        set->sources[i]->ops->close(set->sources[i]);
    live_ws_net_close(set->net);
    uv_close((uv_handle_t *)&set->settling, NULL);
    uv_close((uv_handle_t *)&set->turn, NULL);
}

void live_set_destroy(struct live_set *set)
{
    if (set == NULL)
        return;
    live_ws_net_destroy(set->net);
    for (size_t i = 0; i < set->count; i++)
        set->sources[i]->ops->destroy(set->sources[i]);
    free(set);
}

/* ---- looking ---- */

size_t live_set_count(const struct live_set *set)
{
    return set == NULL ? 0 : set->count;
}

const char *live_set_endless(const struct live_set *set)
{
    return set == NULL || set->endless == NULL ? NULL : set->endless->name;
}

bool live_set_is_running(const struct live_set *set)
{
    for (size_t i = 0; i < live_set_count(set); i++)
        if (!set->sources[i]->ended)
            return true;
    return false;
}

static void status_fill(const struct live *live, struct feed_input_status *out)
{
    const struct live_counts *counts = &live->counts;
    *out = (struct feed_input_status){
        .events = counts->events,
        .lines = counts->messages,
        .ignored = counts->ignored,
        .bad = counts->bad,
        .refused = counts->refused,
        .bytes_read = counts->bytes,
        .is_live = true,
        .link = live->state,
        .reconnects = counts->reconnects,
        .gaps = counts->gaps,
    };
    snprintf(out->name, sizeof out->name, "%s", live->name);
}

uint64_t live_set_status(const struct live_set *set, struct feed_input_status *out)
{
    uint64_t events = 0;
    for (size_t i = 0; i < live_set_count(set); i++) {
        status_fill(set->sources[i], &out[i]);
        events += set->sources[i]->counts.events;
    }
    return events;
}

int live_set_push(struct live_set *set, const char *body, size_t len, feed_push_fn *done, void *ctx)
{
    if (set == NULL || set->push == NULL)
        return -ENOENT;
    return live_push_send(set->push, body, len, done, ctx);
}
