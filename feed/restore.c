#include "feed/restore.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "feed/format.h"
#include "feed/native_index.h"
#include "feed/record_parts.h"
#include "feed/record_state.h"

enum { EVENTS_AT_FIRST = 1024 };

/* One stream as it is known so far. */
struct known {
    struct price_event latest; /* seq 0: none in this epoch */
    struct price_event stated; /* … as the state has it */
    bool has_gap;              /* had one already, and no event since */
    uint32_t number;           /* on the bus */
};

struct restore {
    const struct restore_options *options;
    struct record_state *state;
    struct streams *streams; /* as the files name them */
    struct format_output out;
    struct known *known;
    uint32_t known_size;
    bool in_state, after_gap, has_crashed;
    int64_t newest_ns;
    struct price_event *events; /* a ring, once it is full */
    size_t count, size, first;
    int rc;
};

static void say(const struct restore *restore, const char *path, const char *problem)
{
    char text[RECORD_PATH_MAX + 200];
    snprintf(text, sizeof text, "going on from %s: %s", path, problem);
    restore->options->message(restore->options->ctx, text);
}

/* ---- notes ---- */

enum field { SEQ, TYPE, EPOCH, CLEAN, CRASHES, PATH, FIELDS };

static const struct json_scan_name fields[FIELDS] = {
    [SEQ] = JSON_SCAN_NAME("seq"),         [TYPE] = JSON_SCAN_NAME("type"),
    [EPOCH] = JSON_SCAN_NAME("epoch"),     [CLEAN] = JSON_SCAN_NAME("clean"),
    [CRASHES] = JSON_SCAN_NAME("crashes"), [PATH] = JSON_SCAN_NAME("path"),
};

static bool fields_read(const struct line *line, struct json_scan_token *found)
{
    struct json_scan scan;
    struct json_scan_token top;
    json_scan_init(&scan, line->text, line->len);
    return json_scan_top(&scan, &top) == 0 && top.type == SCAN_OBJECT &&
           json_scan_enter(&scan) == 0 && json_scan_collect(&scan, fields, FIELDS, found) == 0;
}

static bool epoch_read(const struct json_scan_token *token, uint64_t *out)
{
    char text[20] = "", *end;
    if (token->text == NULL || token->len != 16)
        return false;
    memcpy(text, token->text, token->len);
    *out = strtoull(text, &end, 16);
    return *end == '\0' && *out != 0;
}

/* Nothing of another epoch counts. The state may have been of this one. */
static void epoch_begin(struct restore *restore, uint64_t epoch)
{
    const bool is_stated = epoch == restore->state->epoch;
    restore->state->crashes = is_stated ? restore->state->crashes : 0;
    restore->state->epoch = epoch;
    restore->count = restore->first = 0;
    for (uint32_t i = 0; i < restore->known_size; i++) {
        if (!is_stated)
            restore->known[i].stated.seq = 0;
        restore->known[i].latest = restore->known[i].stated;
    }
}

static void part_take(struct restore *restore, const struct json_scan_token *token)
{
    char path[RECORD_PATH_MAX];
    const long len = token->text == NULL ? 0 : json_scan_unescape(token, path, sizeof path - 1);
    if (len <= 0)
        return;
    path[len] = '\0';
    if (record_state_add_part(restore->state, path) != 0)
        restore->rc = -ENOMEM;
}

static void state_take(struct restore *restore, const struct json_scan_token *found)
{
    int64_t crashes = 0;
    uint64_t epoch;
    if (!epoch_read(&found[EPOCH], &epoch) || json_scan_integer(&found[CRASHES], &crashes) != 0 ||
        crashes < 0) {
        restore->rc = -EBADMSG;
        return;
    }
    restore->state->epoch = epoch;
    restore->state->crashes = (uint64_t)crashes;
    restore->state->is_clean = found[CLEAN].type == SCAN_TRUE && found[CLEAN].text != NULL;
}

static void note_take(struct restore *restore, const struct json_scan_token *found)
{
    uint64_t epoch;
    if (restore->in_state && json_scan_is(&found[TYPE], "state"))
        state_take(restore, found);
    else if (restore->in_state && json_scan_is(&found[TYPE], "part"))
        part_take(restore, &found[PATH]);
    else if (restore->in_state && json_scan_is(&found[TYPE], "gap"))
        restore->after_gap = true;
    else if (!restore->in_state && json_scan_is(&found[TYPE], "reset") &&
             epoch_read(&found[EPOCH], &epoch))
        epoch_begin(restore, epoch);
}

/* ---- items ---- */

static struct known *known_get(struct restore *restore, uint32_t stream)
{
    if (stream >= restore->known_size) {
        const uint32_t size = stream * 2 + 64;
        struct known *grown = realloc(restore->known, size * sizeof *grown);
        if (grown == NULL)
            return NULL;
        memset(grown + restore->known_size, 0, (size - restore->known_size) * sizeof *grown);
        for (uint32_t i = restore->known_size; i < size; i++)
            grown[i].number = EVENT_NO_STREAM;
        restore->known = grown;
        restore->known_size = size;
    }
    struct known *known = &restore->known[stream];
    if (known->number == EVENT_NO_STREAM) {
        const struct stream *names = streams_get(restore->streams, stream);
        const long number = bus_stream(restore->options->bus, names->source, strlen(names->source),
                                       names->symbol, strlen(names->symbol), names->kind);
        if (number < 0)
            return NULL; /* more streams than are allowed now */
        known->number = (uint32_t)number;
    }
    return known;
}

/* The newest ones are kept. */
static void event_keep(struct restore *restore, const struct price_event *event)
{
    const size_t max = restore->options->events_max;
    if (restore->count == restore->size && restore->size < max) {
        size_t size = restore->size ? restore->size * 2 : EVENTS_AT_FIRST;
        size = size < max ? size : max;
        struct price_event *grown = realloc(restore->events, size * sizeof *grown);
        if (grown == NULL) {
            restore->rc = -ENOMEM;
            return;
        }
        restore->events = grown;
        restore->size = size;
    }
    if (restore->size == 0)
        return;
    if (restore->count < restore->size) {
        restore->events[restore->count++] = *event;
        return;
    }
    restore->events[restore->first] = *event;
    restore->first = (restore->first + 1) % restore->size;
}

static void item_take(struct restore *restore, const struct price_event *item, int64_t seq)
{
    struct known *known = known_get(restore, item->stream);
    if (known == NULL || seq <= 0)
        return;
    struct price_event event = *item;
    event.seq = (uint64_t)seq;
    event.stream = known->number & EVENT_NO_STREAM;
    const int64_t time_ns = event_time_ns(&event);
    if (time_ns != EVENT_NO_TIME && time_ns > restore->newest_ns)
        restore->newest_ns = time_ns;
    if (!restore->in_state)
        event_keep(restore, &event);
    if (event.seq <= known->latest.seq)
        return;
    known->latest = event;
    known->has_gap = restore->in_state && restore->after_gap;
    if (restore->in_state)
        known->stated = event;
}

/* ---- files ---- */

static void line_take(struct restore *restore, const struct line *line)
{
    struct json_scan_token found[FIELDS];
    int64_t seq;
    restore->out.count = 0;
    const enum format_result result =
        format_native.parse_line(NULL, line->text, line->len, &restore->out);
    if ((result != FORMAT_IGNORED && restore->out.count == 0) || !fields_read(line, found))
        return; /* a header, or nothing that counts */
    if (result == FORMAT_IGNORED)
        note_take(restore, found);
    else if (found[SEQ].text != NULL && json_scan_integer(&found[SEQ], &seq) == 0)
        item_take(restore, &restore->out.events[0], seq);
}

/* Reads from where a time stands. A file that breaks off counts up to its last whole line. */
static int file_read(struct restore *restore, const char *path, int64_t from_ns)
{
    struct line_reader *reader;
    struct line line;
    uint64_t offset = 0;
    int rc = line_reader_open(path, 0, &reader);
    if (rc != 0)
        return rc;
    if (from_ns != INT64_MIN && native_seek_offset(path, from_ns, &offset) == 0 && offset > 0)
        rc = line_reader_seek(reader, offset);
    while (rc == 0 && restore->rc == 0) {
        const int next = line_reader_next(reader, &line);
        if (next == 1)
            line_take(restore, &line);
        else if (next != -EMSGSIZE)
            break;
    }
    line_reader_close(reader);
    return rc != 0 ? rc : restore->rc;
}

static int parts_read(struct restore *restore)
{
    const int64_t newest_ns = restore->newest_ns;
    const bool has_time =
        newest_ns != INT64_MIN && newest_ns > INT64_MIN + restore->options->age_ns;
    const int64_t from_ns = has_time ? newest_ns - restore->options->age_ns : INT64_MIN;
    restore->in_state = false;
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < restore->state->parts_count; i++) {
        const char *path = restore->state->parts[i];
        rc = file_read(restore, path, from_ns);
        if (rc == 0 || rc == -ENOMEM)
            continue;
        say(restore, path, strerror(-rc)); /* its events cannot be resumed, the others can */
        rc = 0;
    }
    return rc;
}

/* ---- to the bus ---- */

static void to_bus(struct restore *restore, uint64_t gap)
{
    bus_restore_epoch(restore->options->bus, restore->state->epoch, gap);
    for (uint32_t i = 0; i < restore->known_size; i++) {
        struct known *known = &restore->known[i];
        if (known->latest.seq > 0)
            bus_restore(restore->options->bus, &known->latest,
                        restore->has_crashed || known->has_gap ? gap : 0);
    }
}

/* Turns the ring, so that the oldest is the first. */
static int events_give(struct restore *restore, struct restored *out)
{
    if (restore->first > 0) {
        struct price_event *turned = malloc(restore->count * sizeof *turned);
        if (turned == NULL)
            return -ENOMEM;
        const size_t tail = restore->count - restore->first;
        memcpy(turned, restore->events + restore->first, tail * sizeof *turned);
        memcpy(turned + tail, restore->events, restore->first * sizeof *turned);
        free(restore->events);
        restore->events = turned;
    }
    out->events = restore->events;
    out->count = restore->count;
    restore->events = NULL;
    return 0;
}

/* Whether the process that wrote the state is there still: it would go on with the same numbers. */
static bool is_held(const struct record_state *state)
{
    const int fd =
        state->parts_count == 0 ? -ENOENT : record_state_hold(state->parts[state->parts_count - 1]);
    if (fd >= 0)
        close(fd);
    return fd == -EWOULDBLOCK;
}

static int state_read(struct restore *restore, struct restored *out)
{
    char path[RECORD_PATH_MAX];
    int rc = record_state_path(restore->options->path, path);
    if (rc == 0)
        rc = file_read(restore, path, INT64_MIN);
    if (rc == -ENOENT) {
        out->state = restore->state; /* an empty one to begin with */
        restore->state = NULL;
        return 0;
    }
    if (rc == 0 && restore->state->epoch == 0)
        rc = -EBADMSG;
    if (rc == 0 && is_held(restore->state))
        rc = -EBUSY;
    if (rc != 0)
        return rc;
    restore->has_crashed = !restore->state->is_clean;
    rc = parts_read(restore);
    if (rc != 0)
        return rc;
    restore->state->crashes += restore->has_crashed;
    out->crashes = restore->state->crashes;
    out->follows_crash = restore->has_crashed;
    out->gap = out->crashes * RESTORE_GAP;
    to_bus(restore, out->gap);
    rc = events_give(restore, out);
    if (rc == 0) {
        out->goes_on = true;
        out->state = restore->state;
        restore->state = NULL;
    }
    return rc;
}

int restore_read(const struct restore_options *options, struct restored *out)
{
    struct restore restore = {
        .options = options,
        .state = calloc(1, sizeof *restore.state),
        .streams = streams_create(STREAMS_MAX_LIMIT),
        .in_state = true,
        .newest_ns = INT64_MIN,
    };
    const struct format_options format = {0};
    *out = (struct restored){0};
    int rc = -ENOMEM;
    if (restore.state != NULL && restore.streams != NULL) {
        format_output_init(&restore.out, restore.streams, &format);
        rc = state_read(&restore, out);
        format_output_finish(&restore.out);
    }
    if (restore.state != NULL)
        record_state_finish(restore.state);
    free(restore.state);
    streams_destroy(restore.streams);
    free(restore.known);
    free(restore.events);
    return rc;
}

void restored_finish(struct restored *restored)
{
    if (restored->state != NULL)
        record_state_finish(restored->state);
    free(restored->state);
    free(restored->events);
    *restored = (struct restored){0};
}
