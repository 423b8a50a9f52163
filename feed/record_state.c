#include "feed/record_state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "feed/item.h"
#include "feed/record_file.h"
#include "feed/record_parts.h"

void record_state_finish(struct record_state *state)
{
    for (unsigned i = 0; i < state->parts_count; i++)
        free(state->parts[i]);
    *state = (struct record_state){0};
}

int record_state_add_part(struct record_state *state, const char *path)
{
    char *copy = strdup(path);
    if (copy == NULL)
        return -ENOMEM;
    if (state->parts_count == RECORD_STATE_PARTS_MAX) {
        free(state->parts[0]);
        memmove(state->parts, state->parts + 1, --state->parts_count * sizeof *state->parts);
    }
    state->parts[state->parts_count++] = copy;
    return 0;
}

/* The folder's name up to the first that depends on the time; what follows becomes a plain name. */
int record_state_path(const char *path, char *out)
{
    static const char ending[] = ".state";
    const size_t len = strlen(path);
    if (len + sizeof ending > RECORD_PATH_MAX)
        return -ENAMETOOLONG;
    memcpy(out, path, len);
    memcpy(out + len, ending, sizeof ending);
    for (char *at = strchr(out, '%'); at != NULL && *at != '\0'; at++) {
        if (*at == '%' || *at == '/')
            *at = '_';
    }
    return 0;
}

/* A lock and no file of that meaning: it goes with the process, however that ends. */
int record_state_hold(const char *part)
{
    const int fd = open(part, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    const int rc = -errno;
    close(fd);
    return rc;
}

/* ---- writing ---- */

static int note_write(struct record_file *file, const char *name, const char *text)
{
    const size_t len = strlen(text);
    char *line = malloc(6 * len + 64);
    if (line == NULL)
        return -ENOMEM;
    size_t at = (size_t)sprintf(line, "{\"type\":\"%s\",\"path\":", name);
    at += json_quote(text, len, line + at);
    at += (size_t)sprintf(line + at, "}\n");
    const int rc = record_file_note(file, line, at);
    free(line);
    return rc;
}

static int head_write(struct record_file *file, const struct record_state *state)
{
    char line[160];
    const int len = snprintf(line, sizeof line,
                             "{\"type\":\"state\",\"epoch\":\"%016" PRIx64
                             "\",\"clean\":%s,\"crashes\":%" PRIu64 "}\n",
                             state->epoch, state->is_clean ? "true" : "false", state->crashes);
    int rc = record_file_note(file, line, (size_t)len);
    for (unsigned i = 0; rc == 0 && i < state->parts_count; i++)
        rc = note_write(file, "part", state->parts[i]);
    return rc;
}

/* Streams that have had no event since the last crash stand apart: their next number is farther
 * than one ahead. */
static int items_write(struct record_file *file, const struct bus *bus, bool after_gap)
{
    const uint32_t count = streams_count(bus_streams(bus));
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        struct price_event event;
        if (streams_get(bus_streams(bus), i)->kind < EVENT_KINDS_PRICE &&
            bus_has_gap(bus, i) == after_gap && bus_latest(bus, i, &event))
            rc = record_file_event(file, &event);
    }
    return rc;
}

static int state_write(struct record_file *file, const struct record_state *state,
                       const struct bus *bus)
{
    static const char gap[] = "{\"type\":\"gap\"}\n";
    int rc = head_write(file, state);
    if (rc == 0)
        rc = items_write(file, bus, false);
    if (rc == 0)
        rc = record_file_note(file, gap, sizeof gap - 1);
    if (rc == 0)
        rc = items_write(file, bus, true);
    return rc;
}

int record_state_write(const char *path, const struct record_state *state, const struct bus *bus,
                       bool sync)
{
    char name[RECORD_PATH_MAX + 8];
    struct pack *pack;
    struct record_file *file;
    const struct record_header header = {0};
    snprintf(name, sizeof name, "%s.new", path);
    unlink(name); /* of a process that was killed just then */
    int rc = pack_create(name, PACK_PLAIN, &pack);
    if (rc != 0)
        return rc;
    rc = record_file_create(pack, bus_streams(bus), &header, &file);
    if (rc != 0) {
        pack_close(pack, false);
    } else {
        rc = state_write(file, state, bus);
        const int closed = record_file_close(file, sync);
        rc = rc != 0 ? rc : closed;
    }
    if (rc == 0 && rename(name, path) != 0)
        rc = -errno;
    if (rc != 0)
        unlink(name);
    return rc;
}
