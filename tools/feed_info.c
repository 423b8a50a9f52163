#include "tools/feed_info.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "feed/file_producer.h"
#include "tools/feed_inputs.h"

#define NS_PER_S INT64_C(1000000000)

/* ---- the events ---- */

/* Returns how much later this event is than all before it, or 0. */
static int64_t clock_count(struct info_clock *clock, int64_t ns)
{
    int64_t ahead_ns = 0;
    if (ns == EVENT_NO_TIME)
        return 0;
    if (clock->events++ == 0) {
        clock->first_ns = clock->last_ns = ns;
    } else if (ns < clock->last_ns) {
        clock->earlier++;
        if (clock->last_ns - ns > clock->earlier_ns)
            clock->earlier_ns = clock->last_ns - ns;
        if (ns < clock->first_ns)
            clock->first_ns = ns;
    } else {
        ahead_ns = ns - clock->last_ns;
        clock->last_ns = ns;
    }
    return ahead_ns;
}

static void gap_count(struct feed_info *info, int64_t length_ns, int64_t to_ns)
{
    size_t at = info->gaps_count;
    while (at > 0 && info->gaps[at - 1].to_ns - info->gaps[at - 1].from_ns < length_ns)
        at--;
    if (length_ns == 0 || at == INFO_GAPS)
        return;
    if (info->gaps_count < INFO_GAPS)
        info->gaps_count++;
    memmove(&info->gaps[at + 1], &info->gaps[at],
            (info->gaps_count - at - 1) * sizeof info->gaps[0]);
    info->gaps[at] = (struct info_gap){to_ns - length_ns, to_ns};
}

static void second_count(struct feed_info *info, int64_t ns)
{
    const int64_t second = ns / NS_PER_S - (ns % NS_PER_S < 0);
    struct info_second *slot = &info->seconds[(uint64_t)second % INFO_SECONDS];
    if (slot->events > 0 && slot->second > second)
        return;
    if (slot->second != second)
        *slot = (struct info_second){.second = second};
    if (++slot->events > info->peak_events) {
        info->peak_events = slot->events;
        info->peak_s = second;
    }
}

static bool stream_count(struct feed_info *info, uint32_t stream)
{
    if (stream >= info->streams_count) {
        const uint32_t size = stream * 2 + 64;
        uint64_t *grown = reallocarray(info->stream_events, size, sizeof *grown);
        if (grown == NULL)
            return false;
        memset(grown + info->streams_count, 0, (size - info->streams_count) * sizeof *grown);
        info->stream_events = grown;
        info->streams_count = size;
    }
    info->stream_events[stream]++;
    return true;
}

static bool event_count(struct feed_info *info, const struct price_event *event,
                        const struct price_event *before)
{
    const int64_t time_ns = event_time_ns(event);
    info->events++;
    clock_count(&info->ts, event->ts_ns);
    clock_count(&info->recv, event->recv_ns);
    gap_count(info, clock_count(&info->replay, time_ns), time_ns);
    second_count(info, time_ns);
    info->duplicates += before != NULL && memcmp(event, before, sizeof *event) == 0;
    return stream_count(info, event->stream);
}

/* ---- messages ---- */

/* How file_producer ends its message about the first bad line. */
static const char of_bad_line[] = "; further bad lines are only counted";

static bool message_keep(struct feed_info *info, const char *text)
{
    const char *end = strstr(text, of_bad_line);
    char *copy = end != NULL ? strndup(text, (size_t)(end - text)) : strdup(text);
    if (copy == NULL)
        return false;
    if (end != NULL && info->first_bad == NULL)
        info->first_bad = copy;
    else if (info->notes_count < INFO_NOTES)
        info->notes[info->notes_count++] = copy;
    else
        free(copy);
    return true;
}

/* ---- the file ---- */

/* As unpack.h tells them apart; NULL for what cannot be read twice. */
static const char *encoding_of(const char *path)
{
    static const unsigned char gzip[] = {0x1f, 0x8b}, zstd[] = {0x28, 0xb5, 0x2f, 0xfd},
                               skippable[] = {0x2a, 0x4d, 0x18};
    unsigned char head[4] = {0};
    struct stat about;
    if (stat(path, &about) != 0 || !S_ISREG(about.st_mode))
        return NULL;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    const ssize_t got = pread(fd, head, sizeof head, 0);
    close(fd);
    if (got >= 2 && memcmp(head, gzip, sizeof gzip) == 0)
        return "gzip";
    const bool is_zstd = memcmp(head, zstd, sizeof zstd) == 0 ||
                         ((head[0] & 0xf0) == 0x50 && memcmp(head + 1, skippable, 3) == 0);
    return is_zstd ? "zstd" : "plain";
}

static bool batch_count(struct feed_info *info, struct event_batch *batch, int64_t offset_ns,
                        struct price_event *last)
{
    const struct price_event *before = info->events > 0 ? last : NULL;
    for (size_t i = 0; i < batch->count; i++) {
        feed_event_shift(&batch->events[i], offset_ns);
        if (!event_count(info, &batch->events[i], before))
            return false;
        before = &batch->events[i];
    }
    if (batch->count > 0)
        *last = batch->events[batch->count - 1];
    return batch->message[0] == '\0' || message_keep(info, batch->message);
}

static int read_all(struct feed_info *info, struct event_batch *batch, int64_t offset_ns)
{
    struct price_event last = {0};
    do {
        info->producer->ops->fill(info->producer, batch);
        if (!batch_count(info, batch, offset_ns, &last))
            return -ENOMEM;
    } while (batch->end == PRODUCER_MORE);
    info->is_whole = batch->end == PRODUCER_ENDED;
    info->lines = batch->lines;
    info->ignored = batch->ignored;
    info->bad = batch->bad;
    info->stored_bytes = batch->bytes_total > 0 ? batch->bytes_total : batch->bytes_read;
    return 0;
}

int feed_info_read(struct feed_info *info, const char *spec, size_t line_bytes_max, char *error,
                   size_t error_size)
{
    int64_t offset_ns;
    memset(info, 0, sizeof *info);
    info->spec = spec;
    int rc = feed_file_open(spec, line_bytes_max, &info->producer, &offset_ns, error, error_size);
    if (rc != 0)
        return rc;
    info->format = file_producer_format(info->producer)->name;
    info->sure = file_producer_sure(info->producer);
    info->encoding = encoding_of(info->producer->name);
    struct event_batch *batch = calloc(1, sizeof *batch);
    rc = batch == NULL ? -ENOMEM : read_all(info, batch, offset_ns);
    free(batch);
    if (rc != 0) {
        snprintf(error, error_size, "%s: out of memory", spec);
        feed_info_finish(info);
    }
    return rc;
}

bool feed_info_is_good(const struct feed_info *info)
{
    return info->is_whole &&
           !feed_file_is_useless(info->producer, info->events, info->ignored, info->bad);
}

void feed_info_finish(struct feed_info *info)
{
    info->producer->ops->destroy(info->producer);
    free(info->stream_events);
    free(info->first_bad);
    for (size_t i = 0; i < info->notes_count; i++)
        free(info->notes[i]);
}
