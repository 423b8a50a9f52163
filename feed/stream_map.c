#include "feed/stream_map.h"

#include <stdlib.h>
#include <string.h>

/* In place of a stream's number; both are above any. */
enum { UNMAPPED = 0xffffffffu, REFUSED = 0xfffffffeu };

void stream_map_init(struct stream_map *map, struct bus *bus, const struct streams *streams)
{
    *map = (struct stream_map){.bus = bus, .streams = streams};
}

void stream_map_finish(struct stream_map *map)
{
    free(map->entries);
    free(map->sources);
    *map = (struct stream_map){0};
}

static void source_note(struct stream_map *map, uint32_t stream)
{
    for (size_t i = 0; i < map->sources_count; i++)
        if (map->sources[i] == stream)
            return;
    uint32_t *grown = realloc(map->sources, (map->sources_count + 1) * sizeof *grown);
    if (grown == NULL)
        return; /* its states are not announced; its prices are */
    grown[map->sources_count++] = stream;
    map->sources = grown;
}

static struct stream_mapping entry_make(struct stream_map *map, uint32_t local)
{
    const struct stream *stream = streams_get(map->streams, local);
    const size_t source_len = strlen(stream->source);
    const long source = bus_stream(map->bus, stream->source, source_len, "", 0, EVENT_FEED);
    const long number = bus_stream(map->bus, stream->source, source_len, stream->symbol,
                                   strlen(stream->symbol), stream->kind);
    if (source < 0 || number < 0)
        return (struct stream_mapping){.stream = REFUSED};
    source_note(map, (uint32_t)source);
    return (struct stream_mapping){.stream = (uint32_t)number, .source_stream = (uint32_t)source};
}

const struct stream_mapping *stream_map_get(struct stream_map *map, uint32_t local)
{
    if (local >= map->size) {
        const uint32_t size = local < 64 ? 64 : local * 2;
        struct stream_mapping *grown = realloc(map->entries, size * sizeof *grown);
        if (grown == NULL)
            return NULL;
        for (uint32_t i = map->size; i < size; i++)
            grown[i].stream = UNMAPPED;
        map->entries = grown;
        map->size = size;
    }
    struct stream_mapping *entry = &map->entries[local];
    if (entry->stream == UNMAPPED)
        *entry = entry_make(map, local);
    return entry->stream == REFUSED ? NULL : entry;
}
