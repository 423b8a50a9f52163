#include "feed/csv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int fail(struct csv *csv, int rc, const char *problem)
{
    csv->problem = problem;
    return rc;
}

/* *at is behind the opening quote, and goes behind the closing one. `room` is where quotes are
 * undone; it holds the rest of the line. */
static int read_quoted(struct csv *csv, const char **at, const char *end, char **room)
{
    struct csv_cell *cell = &csv->cells[csv->count];
    const char *from = *at;
    *cell = (struct csv_cell){.text = *room};
    for (;;) {
        const char *quote = memchr(from, '"', (size_t)(end - from));
        if (quote == NULL)
            return fail(csv, -EINVAL, "a quote does not end");
        const bool is_doubled = quote + 1 < end && quote[1] == '"';
        const size_t len = (size_t)(quote - from) + is_doubled;
        memcpy(*room, from, len);
        *room += len;
        cell->len += len;
        from = quote + 1 + is_doubled;
        if (is_doubled)
            continue;
        if (from < end && *from != csv->delimiter)
            return fail(csv, -EINVAL, "text behind a closing quote");
        *at = from;
        return 0;
    }
}

static int make_room(struct csv *csv, size_t len)
{
    if (csv->room_size >= len)
        return 0;
    char *room = realloc(csv->room, len);
    if (room == NULL)
        return fail(csv, -ENOMEM, "out of memory");
    csv->room = room;
    csv->room_size = len;
    return 0;
}

int csv_split(struct csv *csv, const char *text, size_t len)
{
    const char *at = text, *const end = text + len;
    const char delimiter = csv->delimiter;
    char *room = NULL;
    csv->count = 0;
    for (;;) {
        if (csv->count == CSV_CELLS_MAX)
            return fail(csv, -E2BIG, "too many fields");
        if (at < end && *at == '"') {
            if (room == NULL && make_room(csv, len) != 0)
                return -ENOMEM;
            room = room == NULL ? csv->room : room;
            at++;
            const int rc = read_quoted(csv, &at, end, &room);
            if (rc != 0)
                return rc;
        } else {
            const char *start = at;
            while (at < end && *at != delimiter)
                at++;
            csv->cells[csv->count] = (struct csv_cell){start, (size_t)(at - start)};
        }
        csv->count++;
        if (at == end)
            return 0;
        at++; /* the delimiter; a last one has an empty cell behind it */
    }
}

void csv_finish(struct csv *csv)
{
    free(csv->room);
    csv->room = NULL;
    csv->room_size = 0;
}

bool csv_is(const struct csv_cell *cell, const char *text)
{
    const size_t len = strlen(text);
    return cell->len == len && memcmp(cell->text, text, len) == 0;
}
