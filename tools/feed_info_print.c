#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "feed/item.h"
#include "tools/feed_info.h"

enum { TEXT_BYTES = 64, STREAMS_SHOWN = 40 };

#define NS_PER_S INT64_C(1000000000)

/* ---- words ---- */

/* 1234567 as 1,234,567. */
static const char *number_text(uint64_t number, char *out)
{
    char digits[24];
    char *at = out;
    const int len = snprintf(digits, sizeof digits, "%" PRIu64, number);
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            *at++ = ',';
        *at++ = digits[i];
    }
    *at = '\0';
    return out;
}

static const char *time_text(int64_t ns, char *out)
{
    const int64_t us = event_us(ns);
    const time_t seconds = (time_t)(us / 1000000 - (us % 1000000 < 0));
    struct tm when;
    gmtime_r(&seconds, &when);
    const size_t len = strftime(out, TEXT_BYTES, "%Y-%m-%d %H:%M:%S", &when);
    snprintf(out + len, TEXT_BYTES - len, ".%06dZ", (int)(us - (int64_t)seconds * 1000000));
    return out;
}

static const char *duration_text(int64_t ns, char *out)
{
    const int64_t ms = ns / 1000000;
    if (ms < 1000)
        snprintf(out, TEXT_BYTES, "%.3f ms", (double)ns / 1e6);
    else if (ms < 60000)
        snprintf(out, TEXT_BYTES, "%d.%03d s", (int)(ms / 1000), (int)(ms % 1000));
    else
        snprintf(out, TEXT_BYTES, "%" PRId64 ":%02d:%02d.%03d", ms / 3600000,
                 (int)(ms / 60000 % 60), (int)(ms / 1000 % 60), (int)(ms % 1000));
    return out;
}

static int64_t span_ns(const struct info_clock *clock)
{
    return clock->events > 0 ? clock->last_ns - clock->first_ns : 0;
}

static double mean_rate(const struct feed_info *info)
{
    const int64_t ns = span_ns(&info->replay);
    return ns > 0 ? (double)info->events / ((double)ns / 1e9) : 0;
}

/* ---- streams ---- */

struct row {
    const struct stream *stream;
    uint64_t events;
};

static int by_events(const void *a, const void *b)
{
    const struct row *first = a, *second = b;
    if (first->events != second->events)
        return first->events < second->events ? 1 : -1;
    return first->stream->number < second->stream->number ? -1 : 1;
}

/* Those with events, most first. Returns NULL without memory. */
static struct row *sort_streams(const struct feed_info *info, size_t *out_count)
{
    struct row *rows = calloc((size_t)info->streams_count + 1, sizeof *rows);
    size_t count = 0;
    for (uint32_t i = 0; rows != NULL && i < info->streams_count; i++)
        if (info->stream_events[i] > 0)
            rows[count++] =
                (struct row){streams_get(info->producer->streams, i), info->stream_events[i]};
    if (rows != NULL)
        qsort(rows, count, sizeof *rows, by_events);
    *out_count = count;
    return rows;
}

/* ---- for people ---- */

static void print_clock(FILE *out, const char *name, const struct info_clock *clock)
{
    char first[TEXT_BYTES], last[TEXT_BYTES], length[TEXT_BYTES], events[TEXT_BYTES];
    if (clock->events == 0) {
        fprintf(out, "  %-13s none\n", name);
        return;
    }
    fprintf(out, "  %-13s %s to %s, %s", name, time_text(clock->first_ns, first),
            time_text(clock->last_ns, last), duration_text(span_ns(clock), length));
    if (clock->earlier > 0)
        fprintf(out, "; %s events out of order, by up to %s", number_text(clock->earlier, events),
                duration_text(clock->earlier_ns, length));
    fputc('\n', out);
}

static void print_pace(FILE *out, const struct feed_info *info)
{
    char length[TEXT_BYTES], peak[TEXT_BYTES], when[TEXT_BYTES];
    if (info->events == 0)
        return;
    fprintf(out, "  %-13s %s at 1x; %.1f events/s on average", "replay takes",
            duration_text(span_ns(&info->replay), length), mean_rate(info));
    fprintf(out, ", at most %s in the second from %.19sZ\n", number_text(info->peak_events, peak),
            time_text(info->peak_s * NS_PER_S, when));
    for (size_t i = 0; i < info->gaps_count; i++)
        fprintf(out, "  %-13s %s from %s\n", i == 0 ? "silences" : "",
                duration_text(info->gaps[i].to_ns - info->gaps[i].from_ns, length),
                time_text(info->gaps[i].from_ns, when));
}

static void print_streams(FILE *out, const struct feed_info *info)
{
    char number[TEXT_BYTES];
    size_t count;
    struct row *rows = sort_streams(info, &count);
    if (rows == NULL)
        return;
    fprintf(out, "  %-13s %s\n", "streams", number_text(count, number));
    for (size_t i = 0; i < count && i < STREAMS_SHOWN; i++)
        fprintf(out, "  %13s %s %s (%s)\n", number_text(rows[i].events, number),
                event_kind_name(rows[i].stream->kind), rows[i].stream->symbol,
                rows[i].stream->source);
    if (count > STREAMS_SHOWN)
        fprintf(out, "  %13s and %s more; --json lists them\n", "",
                number_text(count - STREAMS_SHOWN, number));
    free(rows);
}

void feed_info_print(FILE *out, const struct feed_info *info)
{
    char lines[TEXT_BYTES], events[TEXT_BYTES], ignored[TEXT_BYTES], bad[TEXT_BYTES];
    fprintf(out, "%s\n", info->spec);
    fprintf(out, "  %-13s %s (%d %% sure), %s, %s bytes\n", "format", info->format, info->sure,
            info->encoding ? info->encoding : "packing unknown",
            number_text(info->stored_bytes, lines));
    fprintf(out, "  %-13s %s: %s events, %s lines ignored, %s bad\n", "lines",
            number_text(info->lines, lines), number_text(info->events, events),
            number_text(info->ignored, ignored), number_text(info->bad, bad));
    if (info->first_bad != NULL)
        fprintf(out, "  %-13s %s\n", "first bad", info->first_bad);
    for (size_t i = 0; i < info->notes_count; i++)
        fprintf(out, "  %-13s %s\n", info->is_whole ? "note" : "breaks off", info->notes[i]);
    print_clock(out, "received", &info->recv);
    print_clock(out, "source's time", &info->ts);
    if (info->duplicates > 0)
        fprintf(out, "  %-13s %s events equal to the one before\n", "duplicates",
                number_text(info->duplicates, events));
    print_pace(out, info);
    print_streams(out, info);
}

/* ---- for machines ---- */

static void print_string(FILE *out, const char *name, const char *text)
{
    fprintf(out, "\"%s\":", name);
    char *quoted = text == NULL ? NULL : malloc(6 * strlen(text) + 2);
    if (quoted == NULL)
        fputs("null", out);
    else
        fwrite(quoted, 1, json_quote(text, strlen(text), quoted), out);
    free(quoted);
}

static void print_clock_json(FILE *out, const char *name, const struct info_clock *clock)
{
    fprintf(out, ",\"%s\":", name);
    if (clock->events == 0) {
        fputs("null", out);
        return;
    }
    fprintf(out,
            "{\"events\":%" PRIu64 ",\"first\":%" PRId64 ",\"last\":%" PRId64
            ",\"out_of_order\":%" PRIu64 ",\"out_of_order_us\":%" PRId64 "}",
            clock->events, event_us(clock->first_ns), event_us(clock->last_ns), clock->earlier,
            event_us(clock->earlier_ns));
}

static void print_pace_json(FILE *out, const struct feed_info *info)
{
    fprintf(out, ",\"duration_s\":%.6f,\"events_per_s\":%.3f", (double)span_ns(&info->replay) / 1e9,
            mean_rate(info));
    fprintf(out, ",\"peak\":{\"events_per_s\":%" PRIu64 ",\"at\":%" PRId64 "}", info->peak_events,
            info->peak_s * 1000000);
    fputs(",\"gaps\":[", out);
    for (size_t i = 0; i < info->gaps_count; i++)
        fprintf(out, "%s{\"from\":%" PRId64 ",\"to\":%" PRId64 ",\"us\":%" PRId64 "}",
                i > 0 ? "," : "", event_us(info->gaps[i].from_ns), event_us(info->gaps[i].to_ns),
                event_us(info->gaps[i].to_ns - info->gaps[i].from_ns));
    fputc(']', out);
}

static void print_streams_json(FILE *out, const struct feed_info *info)
{
    size_t count = 0;
    struct row *rows = sort_streams(info, &count);
    fputs(",\"streams\":[", out);
    for (size_t i = 0; rows != NULL && i < count; i++) {
        fprintf(out, "%s{\"kind\":\"%s\",", i > 0 ? "," : "",
                event_kind_name(rows[i].stream->kind));
        print_string(out, "symbol", rows[i].stream->symbol);
        fputc(',', out);
        print_string(out, "source", rows[i].stream->source);
        fprintf(out, ",\"events\":%" PRIu64 "}", rows[i].events);
    }
    fputc(']', out);
    free(rows);
}

void feed_info_print_json(FILE *out, const struct feed_info *info)
{
    fputc('{', out);
    print_string(out, "file", info->spec);
    fprintf(out, ",\"format\":\"%s\",\"sure\":%d,", info->format, info->sure);
    print_string(out, "encoding", info->encoding);
    fprintf(out,
            ",\"bytes\":%" PRIu64 ",\"lines\":%" PRIu64 ",\"events\":%" PRIu64
            ",\"ignored\":%" PRIu64 ",\"bad\":%" PRIu64 ",",
            info->stored_bytes, info->lines, info->events, info->ignored, info->bad);
    print_string(out, "first_bad", info->first_bad);
    fprintf(out, ",\"whole\":%s,\"notes\":[", info->is_whole ? "true" : "false");
    for (size_t i = 0; i < info->notes_count; i++) {
        fputs(i > 0 ? "," : "", out);
        char *quoted = malloc(6 * strlen(info->notes[i]) + 2);
        if (quoted != NULL)
            fwrite(quoted, 1, json_quote(info->notes[i], strlen(info->notes[i]), quoted), out);
        free(quoted);
    }
    fputc(']', out);
    print_clock_json(out, "recv", &info->recv);
    print_clock_json(out, "ts", &info->ts);
    fprintf(out,
            ",\"out_of_order\":%" PRIu64 ",\"out_of_order_us\":%" PRId64 ",\"duplicates\":%" PRIu64,
            info->replay.earlier, event_us(info->replay.earlier_ns), info->duplicates);
    print_pace_json(out, info);
    print_streams_json(out, info);
    fputs("}\n", out);
}
