#include "feed/record_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/item.h"
#include "feed/native_index.h"
#include "feed/native_state.h"

struct prefix {
    char *text;
    size_t len;
};

struct record_file {
    struct pack *pack;
    const struct streams *streams;
    struct prefix *prefixes; /* by stream */
    uint32_t prefixes_size;
    uint64_t events;
    int64_t latest_ns; /* of all events written */
    bool is_labelled;  /* the first frame, which has the header, is not */
    struct native_state state;
    uint64_t state_offset; /* of the last one written, or 0 */
};

/* ---- the header ---- */

enum { HEADER_BYTES = 256, SOURCE_BYTES_MAX = 4096 };

static char *put_text(char *at, const char *name, const char *text, size_t len)
{
    at += sprintf(at, ",\"%s\":", name);
    return at + json_quote(text, len, at);
}

static int write_header(struct record_file *file, const struct record_header *header)
{
    const size_t source_len = header->source ? strnlen(header->source, SOURCE_BYTES_MAX) : 0;
    char *line = malloc(HEADER_BYTES + 6 * source_len), *at = line;
    if (line == NULL)
        return -ENOMEM;
    at += sprintf(at, "{\"pricecast\":1");
    if (header->created_ns != 0)
        at += sprintf(at, ",\"created\":%" PRId64, event_us(header->created_ns));
    at += sprintf(at, ",\"by\":\"pricecast/" PRICECAST_VERSION "\"");
    at += sprintf(at, ",\"ts\":\"source time, us\",\"recv\":\"receive time, us\"");
    if (header->part > 0)
        at += sprintf(at, ",\"part\":%u", header->part);
    if (header->epoch != NULL)
        at = put_text(at, "epoch", header->epoch, strnlen(header->epoch, 32));
    if (header->source != NULL)
        at = put_text(at, "source", header->source, source_len);
    at += sprintf(at, "}\n");
    const int rc = pack_write(file->pack, line, (size_t)(at - line));
    free(line);
    return rc;
}

/* ---- life ---- */

static void record_file_free(struct record_file *file)
{
    for (uint32_t i = 0; i < file->prefixes_size; i++)
        free(file->prefixes[i].text);
    free(file->prefixes);
    native_state_finish(&file->state);
    free(file);
}

int record_file_create(struct pack *pack, const struct streams *streams,
                       const struct record_header *header, struct record_file **out)
{
    struct record_file *file = calloc(1, sizeof *file);
    if (file == NULL)
        return -ENOMEM;
    file->pack = pack;
    file->streams = streams;
    file->latest_ns = INT64_MIN;
    const int rc = header == NULL ? 0 : write_header(file, header);
    if (rc != 0)
        record_file_free(file);
    else
        *out = file;
    return rc;
}

int record_file_close(struct record_file *file, bool sync)
{
    const int rc = pack_close(file->pack, sync);
    record_file_free(file);
    return rc;
}

/* ---- lines ---- */

static const struct prefix *prefix_get(struct record_file *file, uint32_t stream)
{
    if (stream >= file->prefixes_size) {
        const uint32_t size = stream * 2 + 64;
        struct prefix *grown = realloc(file->prefixes, size * sizeof *grown);
        if (grown == NULL)
            return NULL;
        memset(grown + file->prefixes_size, 0, (size - file->prefixes_size) * sizeof *grown);
        file->prefixes = grown;
        file->prefixes_size = size;
    }
    struct prefix *prefix = &file->prefixes[stream];
    if (prefix->text == NULL) {
        char text[ITEM_PREFIX_MAX];
        prefix->len = item_prefix(streams_get(file->streams, stream), text);
        prefix->text = malloc(prefix->len);
        if (prefix->text == NULL)
            return NULL;
        memcpy(prefix->text, text, prefix->len);
    }
    return prefix;
}

/* A recording without it is as good, only slower to seek in. */
static int write_state(struct record_file *file)
{
    void *content;
    size_t len;
    if (native_state_pack(&file->state, file->streams, pack_size(file->pack), &content, &len) != 0)
        return 0;
    const int rc = pack_label(file->pack, content, len);
    free(content);
    return rc;
}

/* Begins a frame when it is time, so that this event can be found. */
static int mark(struct record_file *file, int64_t time_ns)
{
    unsigned char content[NATIVE_MARK_BYTES];
    const uint64_t text = pack_frame_text(file->pack);
    if (text < NATIVE_FRAME_TEXT && (file->is_labelled || text == 0))
        return 0;
    int rc = pack_cut(file->pack);
    const uint64_t state_offset = pack_size(file->pack);
    if (rc == 0 && native_state_is_due(&file->state))
        rc = write_state(file);
    if (pack_size(file->pack) > state_offset)
        file->state_offset = state_offset;
    const struct native_mark mark = {
        .offset = pack_size(file->pack),
        .first_ns = time_ns,
        .latest_ns = file->latest_ns,
        .state = file->state_offset,
    };
    native_mark_write(&mark, content);
    if (rc == 0)
        rc = pack_label(file->pack, content, sizeof content);
    file->is_labelled = true;
    return rc;
}

int record_file_event(struct record_file *file, const struct price_event *event)
{
    char line[ITEM_BYTES_MAX + 1];
    const struct prefix *prefix = prefix_get(file, event->stream);
    if (prefix == NULL)
        return -ENOMEM;
    int64_t time_ns = event_time_ns(event); /* as it will be read */
    if (time_ns != EVENT_NO_TIME)
        time_ns = event_us(time_ns) * EVENT_NS_PER_US;
    int rc = mark(file, time_ns);
    if (rc != 0)
        return rc;
    memcpy(line, prefix->text, prefix->len);
    size_t len = prefix->len + item_rest(event, line + prefix->len);
    line[len++] = '\n';
    rc = pack_write(file->pack, line, len);
    if (rc != 0)
        return rc;
    file->events++;
    if (time_ns > file->latest_ns)
        file->latest_ns = time_ns;
    if (file->is_labelled)
        native_state_note(&file->state, event, len);
    return 0;
}

int record_file_note(struct record_file *file, const char *line, size_t len)
{
    return pack_write(file->pack, line, len);
}

int record_file_flush(struct record_file *file)
{
    return pack_flush(file->pack);
}

int record_file_sync(struct record_file *file)
{
    return pack_sync(file->pack);
}

uint64_t record_file_size(const struct record_file *file)
{
    return pack_size(file->pack);
}

uint64_t record_file_events(const struct record_file *file)
{
    return file->events;
}
