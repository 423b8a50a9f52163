/* Both kinds of file are searched by halving: a probe finds the first mark (a label, or a line with
 * a time) at or behind an offset. A probe that finds none only makes the answer earlier, never
 * wrong. */
#include "feed/native_index.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "feed/event.h"
#include "feed/json_scan.h"
#include "feed/le.h"
#include "feed/pack.h"

enum {
    VERSION = 2,
    LABEL_BYTES = PACK_LABEL_HEAD_BYTES + NATIVE_MARK_BYTES,
    SIGNATURE_BYTES = PACK_LABEL_HEAD_BYTES + 4,
    WINDOW_BYTES = 64 << 10,
    FIRST_LABEL_WITHIN = 1 << 20, /* before it stand only a header and what the feeds reported */
    LINES_WITHIN = 1 << 20,       /* an event is to be found so near to any byte */
};

static const char tag[4] = "pcix";

struct search {
    int fd;
    uint64_t size; /* of the file when the search began; it may be growing */
    int error;
    char window[WINDOW_BYTES];
};

/* What a probe finds. Everything before `offset` is at or before latest_ns. */
struct found {
    uint64_t offset;
    int64_t first_ns; /* time of the event there */
    int64_t latest_ns;
    uint64_t state; /* of the label, where there are labels */
};

typedef bool probe_fn(struct search *search, uint64_t from, uint64_t to, struct found *out);

/* ---- labels ---- */

void native_mark_write(const struct native_mark *mark, unsigned char *out)
{
    memcpy(out, tag, sizeof tag);
    memset(out + 4, 0, 4);
    out[4] = VERSION;
    le_put_u64(out + 8, mark->offset);
    le_put_u64(out + 16, (uint64_t)mark->first_ns);
    le_put_u64(out + 24, (uint64_t)mark->latest_ns);
    le_put_u64(out + 32, mark->state);
}

/* The bytes that every label begins with. */
static void signature_write(unsigned char *out)
{
    le_put_u64(out, PACK_LABEL_MAGIC | (uint64_t)NATIVE_MARK_BYTES << 32);
    memcpy(out + PACK_LABEL_HEAD_BYTES, tag, sizeof tag);
}

static size_t window_read(struct search *search, uint64_t from, uint64_t to)
{
    const uint64_t wanted = to - from < WINDOW_BYTES ? to - from : WINDOW_BYTES;
    size_t have = 0;
    while (have < wanted) {
        const ssize_t got =
            pread(search->fd, search->window + have, wanted - have, (off_t)(from + have));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            search->error = -errno;
        if (got <= 0)
            break;
        have += (size_t)got;
    }
    return have;
}

/* Looks at one window. Returns the label's place in it, or NULL. */
static const unsigned char *label_in_window(const struct search *search, uint64_t from, size_t have)
{
    unsigned char signature[SIGNATURE_BYTES];
    const unsigned char *at = (const unsigned char *)search->window, *end = at + have;
    signature_write(signature);
    while (end - at >= LABEL_BYTES) {
        at = memmem(at, (size_t)(end - at), signature, sizeof signature);
        if (at == NULL || end - at < LABEL_BYTES)
            return NULL;
        const uint64_t offset = from + (uint64_t)(at - (const unsigned char *)search->window);
        const unsigned char *content = at + PACK_LABEL_HEAD_BYTES;
        if (content[4] == VERSION && le_get_u64(content + 8) == offset)
            return at;
        at++;
    }
    return NULL;
}

static bool label_probe(struct search *search, uint64_t from, uint64_t to, struct found *out)
{
    /* A label that begins before `to` may end behind it. */
    const uint64_t stop = to + LABEL_BYTES - 1 < search->size ? to + LABEL_BYTES - 1 : search->size;
    while (from < to) {
        const size_t have = window_read(search, from, stop);
        const unsigned char *label = label_in_window(search, from, have);
        if (label != NULL) {
            const unsigned char *content = label + PACK_LABEL_HEAD_BYTES;
            *out = (struct found){.offset = le_get_u64(content + 8),
                                  .first_ns = (int64_t)le_get_u64(content + 16),
                                  .latest_ns = (int64_t)le_get_u64(content + 24),
                                  .state = le_get_u64(content + 32)};
            return true;
        }
        if (have < LABEL_BYTES)
            break;
        from += have - (LABEL_BYTES - 1);
    }
    return false;
}

/* ---- lines ---- */

enum field { RECV, TS, KIND, PRICECAST, FIELDS };

static const struct json_scan_name fields[FIELDS] = {
    [RECV] = JSON_SCAN_NAME("recv"),
    [TS] = JSON_SCAN_NAME("ts"),
    [KIND] = JSON_SCAN_NAME("kind"),
    [PRICECAST] = JSON_SCAN_NAME("pricecast"),
};

static bool line_read(const char *text, size_t len, struct json_scan_token *found)
{
    struct json_scan scan;
    struct json_scan_token top;
    json_scan_init(&scan, text, len);
    return json_scan_top(&scan, &top) == 0 && top.type == SCAN_OBJECT &&
           json_scan_enter(&scan) == 0 && json_scan_collect(&scan, fields, FIELDS, found) == 0;
}

/* Sets *out to the time of an event's line; false for other lines. */
static bool line_time(const char *text, size_t len, int64_t *out)
{
    struct json_scan_token found[FIELDS];
    int64_t us;
    if (!line_read(text, len, found) || found[KIND].text == NULL)
        return false;
    if (json_scan_integer(&found[RECV], &us) != 0 && json_scan_integer(&found[TS], &us) != 0)
        return false;
    return !__builtin_mul_overflow(us, EVENT_NS_PER_US, out);
}

/* Finds the first event among the whole lines of the window from `at` on. Returns where in the
 * window it begins, or -1 and sets *rest to where the line begins that is not whole. */
static long event_in_window(const struct search *search, size_t at, size_t have, int64_t *time_ns,
                            size_t *rest)
{
    for (;;) {
        const char *line = search->window + at;
        const char *end = at < have ? memchr(line, '\n', have - at) : NULL;
        *rest = at;
        if (end == NULL)
            return -1;
        if (line_time(line, (size_t)(end - line), time_ns))
            return (long)at;
        at += (size_t)(end - line) + 1;
    }
}

static bool line_probe(struct search *search, uint64_t from, uint64_t to, struct found *out)
{
    const uint64_t until = search->size - from < LINES_WITHIN ? search->size : from + LINES_WITHIN;
    bool is_inside = from > 0; /* of a line: pass over it, from the byte before */
    uint64_t at = is_inside ? from - 1 : 0;
    while (at < until) {
        const size_t have = window_read(search, at, until);
        const char *first = search->window;
        if (is_inside)
            first = memchr(first, '\n', have);
        if (first == NULL)
            return false; /* a line that long is none of ours */
        size_t rest;
        int64_t time_ns;
        const long place = event_in_window(search, (size_t)(first - search->window) + is_inside,
                                           have, &time_ns, &rest);
        if (place >= 0) {
            *out = (struct found){.offset = at + (uint64_t)place, .first_ns = time_ns};
            if (__builtin_add_overflow(time_ns, NATIVE_DISORDER_NS, &out->latest_ns))
                out->latest_ns = INT64_MAX;
            return out->offset < to;
        }
        if (rest == 0)
            return false;
        at += rest;
        is_inside = false;
    }
    return false;
}

/* ---- the search ---- */

/* The last place before which there are only earlier events, or 0. */
static uint64_t halve(struct search *search, probe_fn *probe, int64_t time_ns)
{
    uint64_t answer = 0, low = 0, high = search->size;
    while (low < high && search->error == 0) {
        const uint64_t middle = low + (high - low) / 2;
        struct found found;
        if (probe(search, middle, high, &found) && found.latest_ns < time_ns) {
            answer = found.offset;
            low = found.offset + 1;
        } else {
            high = middle;
        }
    }
    return answer;
}

/* Which way to search, or NULL. */
static probe_fn *choose_probe(struct search *search)
{
    struct found found;
    struct json_scan_token tokens[FIELDS];
    const uint64_t head = search->size < FIRST_LABEL_WITHIN ? search->size : FIRST_LABEL_WITHIN;
    const size_t have = window_read(search, 0, head);
    const char *end = memchr(search->window, '\n', have);
    if (end != NULL && line_read(search->window, (size_t)(end - search->window), tokens) &&
        (tokens[PRICECAST].text != NULL || tokens[KIND].text != NULL))
        return line_probe;
    return label_probe(search, 0, head, &found) ? label_probe : NULL;
}

/* Opens the recording; on success search_end() closes it. */
static int search_begin(struct search *search, const char *path, probe_fn **probe)
{
    struct stat about;
    search->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (search->fd < 0)
        return -errno;
    int rc = fstat(search->fd, &about) != 0 ? -errno : S_ISREG(about.st_mode) ? 0 : -ENOTSUP;
    if (rc == 0) {
        search->size = (uint64_t)about.st_size;
        *probe = choose_probe(search);
        rc = search->error != 0 ? search->error : *probe == NULL ? -ENOTSUP : 0;
    }
    if (rc != 0)
        close(search->fd);
    return rc;
}

static int search_end(const struct search *search)
{
    close(search->fd);
    return search->error;
}

int native_seek_offset(const char *path, int64_t time_ns, uint64_t *out_offset)
{
    struct search search = {0};
    probe_fn *probe;
    int rc = search_begin(&search, path, &probe);
    if (rc != 0)
        return rc;
    const uint64_t answer = halve(&search, probe, time_ns);
    rc = search_end(&search);
    if (rc == 0)
        *out_offset = answer;
    return rc;
}

/* In a packed recording the last state, in a plain one some way back. */
static uint64_t stand_find(struct search *search, probe_fn *probe, int64_t time_ns,
                           int64_t lookback_ns, uint64_t *out_state)
{
    struct found found;
    *out_state = 0;
    if (probe == label_probe) {
        const uint64_t label = halve(search, probe, time_ns);
        if (label > 0 && probe(search, label, label + 1, &found) && found.state < search->size)
            *out_state = found.state;
        return *out_state;
    }
    if (__builtin_sub_overflow(time_ns, lookback_ns, &time_ns))
        return 0;
    const uint64_t offset = halve(search, probe, time_ns);
    if (offset <= NATIVE_LOOKBACK_BYTES ||
        !probe(search, offset - NATIVE_LOOKBACK_BYTES, offset, &found))
        return 0;
    return found.offset;
}

int native_seek_stand(const char *path, int64_t time_ns, int64_t lookback_ns, uint64_t *out_offset,
                      uint64_t *out_state)
{
    struct search search = {0};
    probe_fn *probe;
    uint64_t state;
    int rc = search_begin(&search, path, &probe);
    if (rc != 0)
        return rc;
    const uint64_t answer = stand_find(&search, probe, time_ns, lookback_ns, &state);
    rc = search_end(&search);
    if (rc == 0) {
        *out_offset = answer;
        *out_state = state;
    }
    return rc;
}

int native_seek_time(const char *path, double fraction, int64_t *out_time_ns)
{
    struct search search = {0};
    struct found found;
    probe_fn *probe;
    int rc = search_begin(&search, path, &probe);
    if (rc != 0)
        return rc;
    const uint64_t wanted = (uint64_t)(fraction * (double)search.size);
    bool has = probe(&search, wanted, search.size, &found);
    if (!has) /* behind the last of them: that one, then */
        has = probe(&search, halve(&search, probe, INT64_MAX), search.size, &found);
    rc = search_end(&search);
    if (rc == 0 && has)
        *out_time_ns = found.first_ns;
    return rc == 0 && !has ? -ENOTSUP : rc;
}
