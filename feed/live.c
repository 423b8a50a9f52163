/* States and prices go through one outbox, so that a client sees them in the order in which they
 * happened: "up" before the first price, "down" after the last.
 *
 * Invariant: source->links is the number of links whose list has the source. */
#include "feed/live.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TOLD_BYTES_MAX = 512 };

int64_t live_wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* ---- life ---- */

static int keys_copy(struct format_options *to, struct format_options from)
{
    for (size_t i = 0; format_key_at(i) != NULL; i++) {
        const char *text = *format_key_value(&from, i);
        const char *copy = text == NULL ? NULL : strdup(text);
        if (text != NULL && copy == NULL)
            return -ENOMEM;
        *format_key_value(to, i) = copy;
    }
    return 0;
}

int live_init(struct live *live, const struct live_ops *ops, const struct live_options *options)
{
    live->ops = ops;
    live->hooks = *options->hooks;
    live->loop = options->loop;
    live->bus = options->bus;
    live->epoch = bus_epoch(options->bus);
    snprintf(live->name, sizeof live->name, "%s", options->name);
    live->streams = streams_create(streams_room(bus_streams(options->bus)));
    if (live->streams == NULL || keys_copy(&live->keys, options->keys) != 0)
        return -ENOMEM;
    format_output_init(&live->output, live->streams, &live->keys);
    stream_map_init(&live->map, live->bus, live->streams);
    return 0;
}

void live_finish(struct live *live)
{
    format_output_finish(&live->output);
    stream_map_finish(&live->map);
    streams_destroy(live->streams);
    free(live->sources);
    for (size_t i = 0; format_key_at(i) != NULL; i++)
        free((char *)*format_key_value(&live->keys, i));
}

void live_tell(struct live *live, const char *format, ...)
{
    char text[LIVE_NAME_MAX + TOLD_BYTES_MAX];
    const int at = snprintf(text, sizeof text, "%s: ", live->name);
    va_list values;
    va_start(values, format);
    vsnprintf(text + at, sizeof text - (size_t)at, format, values);
    va_end(values);
    live->hooks.message(live->hooks.ctx, text);
}

/* ---- the outbox ---- */

static void outbox_emit(struct live *live)
{
    if (live->outbox_count > 0)
        bus_emit(live->bus, live->outbox, live->outbox_count);
    live->outbox_count = 0;
}

static struct price_event *outbox_slot(struct live *live)
{
    if (live->outbox_count == LIVE_OUTBOX_EVENTS)
        live_flush(live);
    return &live->outbox[live->outbox_count++];
}

static struct price_event state_event(uint32_t stream, enum feed_state state, int64_t now_ns)
{
    struct price_event event = event_make(EVENT_FEED);
    event.stream = stream & EVENT_NO_STREAM;
    event.detail = state;
    event.ts_ns = event.recv_ns = now_ns;
    return event;
}

/* The bus was reset and has forgotten the states. */
static void states_repeat(struct live *live)
{
    const int64_t now_ns = live_wall_ns();
    for (size_t i = 0; i < live->sources_count; i++) {
        const struct live_source *source = &live->sources[i];
        if (source->announced == 0)
            continue;
        struct price_event event =
            state_event(source->stream, (enum feed_state)(source->announced - 1), now_ns);
        bus_emit(live->bus, &event, 1);
    }
}

void live_flush(struct live *live)
{
    const uint64_t epoch = bus_epoch(live->bus);
    if (live->epoch != epoch)
        states_repeat(live);
    live->epoch = epoch;
    outbox_emit(live);
}

/* ---- sources and links ---- */

static void announce(struct live *live, struct live_source *source, enum feed_state state,
                     int64_t now_ns)
{
    if (source->announced == state + 1)
        return;
    source->announced = (uint8_t)(state + 1);
    *outbox_slot(live) = state_event(source->stream, state, now_ns);
}

/* Finds or adds the source with that stream on the bus; NULL if there are too many. */
static struct live_source *source_get(struct live *live, uint32_t stream)
{
    for (size_t i = 0; i < live->sources_count; i++)
        if (live->sources[i].stream == stream)
            return &live->sources[i];
    if (live->sources_count == LIVE_SOURCES_MAX)
        return NULL;
    struct live_source *grown = realloc(live->sources, (live->sources_count + 1) * sizeof *grown);
    if (grown == NULL)
        return NULL;
    live->sources = grown;
    grown[live->sources_count] = (struct live_source){.stream = stream};
    return &grown[live->sources_count++];
}

/* Notes that the link brought the source. Nearly always it did so before, and is first. */
static void link_note(struct live *live, struct live_link *link, struct live_source *source)
{
    const uint32_t place = (uint32_t)(source - live->sources);
    for (size_t i = 0; i < link->count; i++)
        if (link->sources[i] == place)
            return;
    uint32_t *grown = realloc(link->sources, (link->count + 1) * sizeof *grown);
    if (grown == NULL)
        return; /* it will not be announced down */
    link->sources = grown;
    grown[link->count++] = place;
    source->links++;
}

int live_say(struct live *live, struct live_link *link, const char *source_name, size_t source_len,
             enum feed_state state, int64_t now_ns)
{
    const long stream = bus_stream(live->bus, source_name, source_len, "", 0, EVENT_FEED);
    if (stream < 0)
        return (int)stream;
    struct live_source *source = source_get(live, (uint32_t)stream);
    if (source == NULL)
        return -ENOSPC;
    link_note(live, link, source);
    source->said = (uint8_t)(state + 1);
    announce(live, source, state, now_ns);
    return 0;
}

void live_unlink(struct live *live, struct live_link *link, enum feed_state state, int64_t now_ns)
{
    for (size_t i = 0; i < link->count; i++) {
        struct live_source *source = &live->sources[link->sources[i]];
        if (--source->links > 0)
            continue;
        source->said = 0;
        if (source->announced != FEED_ENDED + 1)
            announce(live, source, state, now_ns);
    }
    free(link->sources);
    *link = (struct live_link){0};
}

/* ---- events and messages ---- */

void live_put(struct live *live, struct live_link *link, const struct price_event *event,
              int64_t recv_ns)
{
    const struct stream_mapping *mapping = stream_map_get(&live->map, event->stream);
    if (mapping == NULL) {
        live->counts.refused++;
        return;
    }
    const int64_t now_ns = recv_ns != EVENT_NO_TIME ? recv_ns : live_wall_ns();
    struct live_source *source = source_get(live, mapping->source_stream);
    if (source != NULL) {
        link_note(live, link, source);
        announce(live, source, source->said != 0 ? source->said - 1 : FEED_UP, now_ns);
    }
    struct price_event *out = outbox_slot(live);
    *out = *event;
    out->stream = mapping->stream & EVENT_NO_STREAM;
    if (recv_ns != EVENT_NO_TIME)
        out->recv_ns = recv_ns;
    live->counts.events++;
}

struct format_output *live_output(struct live *live)
{
    live->output.count = 0;
    return &live->output;
}

static void tell_bad(struct live *live, const char *reason)
{
    live->counts.bad++;
    if (!live->has_told_bad)
        live_tell(live, "message %llu: %s; further bad ones are only counted",
                  (unsigned long long)live->counts.messages, reason);
    live->has_told_bad = true;
}

void live_bad(struct live *live, size_t bytes, const char *reason)
{
    live->counts.messages++;
    live->counts.bytes += bytes;
    tell_bad(live, reason);
}

void live_take(struct live *live, struct live_link *link, enum format_result result, size_t bytes,
               int64_t recv_ns)
{
    live->counts.messages++;
    live->counts.bytes += bytes;
    switch (result) {
    case FORMAT_EVENTS:
        for (size_t i = 0; i < live->output.count; i++)
            live_put(live, link, &live->output.events[i], recv_ns);
        break;
    case FORMAT_IGNORED:
        live->counts.ignored++;
        break;
    case FORMAT_BAD:
    case FORMAT_REFUSED:
        tell_bad(live, live->output.reason);
        break;
    }
    live->output.count = 0;
}

void live_end(struct live *live)
{
    live_flush(live);
    live->ended = true;
    live->hooks.ended(live->hooks.ctx);
}
