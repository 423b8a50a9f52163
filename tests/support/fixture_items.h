/* fixture_items: what a whole file becomes, for tests of formats. */
#ifndef PRICECAST_TESTS_SUPPORT_FIXTURE_ITEMS_H
#define PRICECAST_TESTS_SUPPORT_FIXTURE_ITEMS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/file_producer.h"
#include "feed/item.h"

struct fixture_items {
    char text[64 * 1024]; /* an item a line, seq 0 */
    char error[2048];     /* why the file was refused, or the last message */
    const char *format;
    struct event_batch batch; /* the last one */
};

/* Reads tests/fixtures/NAME, or the file itself if it has a slash in front. Returns whether it was
 * taken. */
static inline bool fixture_items_read(struct fixture_items *items, const char *name,
                                      const struct format_options *keys)
{
    struct producer *producer;
    char path[4096];
    snprintf(path, sizeof path, "%s%s", *name == '/' ? "" : PRICECAST_SOURCE_DIR "/tests/fixtures/",
             name);
    const struct file_options options = {.path = path, .keys = *keys};
    char *at = items->text;
    *at = '\0';
    if (file_producer_create(&options, &producer, items->error, sizeof items->error) != 0)
        return false;
    items->format = file_producer_format(producer)->name;
    do {
        producer->ops->fill(producer, &items->batch);
        if (items->batch.message[0] != '\0')
            snprintf(items->error, sizeof items->error, "%s", items->batch.message);
        for (size_t i = 0; i < items->batch.count; i++) {
            const struct price_event *event = &items->batch.events[i];
            assert_true(at + ITEM_BYTES_MAX < items->text + sizeof items->text);
            at += item_prefix(streams_get(producer->streams, event->stream), at);
            at += item_rest(event, at);
            *at++ = '\n';
        }
        *at = '\0';
    } while (items->batch.end == PRODUCER_MORE);
    producer->ops->destroy(producer);
    return true;
}

#endif
