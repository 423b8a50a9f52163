#include "server/progress.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* A line under way; what does not fit is left out. */
struct line {
    char *out;
    size_t size, len;
    bool is_short;
};

static void put(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct line *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int len = vsnprintf(line->out + line->len, line->size - line->len, format, args);
    va_end(args);
    if (len > 0)
        line->len +=
            (size_t)len < line->size - line->len ? (size_t)len : line->size - line->len - 1;
}

static void put_speed(struct line *line, double speed)
{
    if (speed == 0)
        put(line, "max");
    else
        put(line, "%.4gx", speed);
}

static void put_time(struct line *line, int64_t ns)
{
    const time_t seconds = (time_t)(event_us(ns) / 1000000);
    struct tm utc;
    char text[32];
    if (gmtime_r(&seconds, &utc) == NULL)
        return;
    strftime(text, sizeof text, line->is_short ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &utc);
    if (line->is_short)
        put(line, "  %s", text);
    else
        put(line, "  %s.%03d", text, (int)(event_us(ns) / 1000 - (int64_t)seconds * 1000));
}

/* 1.2µs, 340µs, 12ms, 3.4s */
static void put_duration(struct line *line, double ns)
{
    const double value = ns < 1e6 ? ns / 1e3 : ns < 1e9 ? ns / 1e6 : ns / 1e9;
    const char *unit = ns < 1e6 ? "µs" : ns < 1e9 ? "ms" : "s";
    if (line->is_short && value >= 10)
        put(line, "%.0f%s", value, unit);
    else
        put(line, "%.*g%s", line->is_short ? 2 : ns < 1e9 ? 3 : 4, value, unit);
}

static void put_lateness(struct line *line, const struct feed_status *status)
{
    put(line, line->is_short ? "  late " : "  late p50 ");
    put_duration(line, (double)status->lateness_p50_ns);
    put(line, line->is_short ? "/" : " p99 ");
    put_duration(line, (double)status->lateness_p99_ns);
    put(line, line->is_short ? "/" : " max ");
    put_duration(line, (double)status->lateness_max_ns);
}

/* The newest look counts a third, so that the figures are calm but follow. */
static double smooth(double before, double now, bool is_first)
{
    return is_first ? now : before + (now - before) / 3;
}

static void rates_update(struct progress *progress, const struct feed_status *status,
                         int64_t now_ms)
{
    const int64_t passed_ms = now_ms - progress->at_ms;
    const bool is_known = progress->at_ms != 0 && status->events >= progress->events;
    if (is_known && passed_ms > 0) {
        const double seconds = (double)passed_ms / 1e3;
        const bool is_first = progress->events_s == 0;
        progress->events_s = smooth(
            progress->events_s, (double)(status->events - progress->events) / seconds, is_first);
    }
    if (status->play == FEED_IS_PAUSED)
        progress->events_s = 0;
    progress->at_ms = now_ms;
    progress->events = status->events;
}

static void line_write(struct line *line, const struct feed_status *status, double events_s)
{
    static const char *const states[] = {"waiting", "playing", "paused", "seeking", "ended"};
    line->len = 0;
    put(line, "%s ", states[status->play]);
    put_speed(line, status->speed);
    if (status->mode == FEED_MODE_REPLAY && status->position_ns != EVENT_NO_TIME)
        put_time(line, status->position_ns);
    if (status->bytes_total > 0)
        put(line, "  %.1f%%", 100.0 * (double)status->bytes_read / (double)status->bytes_total);
    put(line, "  %" PRIu64 " %s  %.0f/s", status->events, line->is_short ? "ev" : "events",
        events_s);
    if (status->eta_ns >= 0) {
        const int64_t left = status->eta_ns / 1000000000;
        put(line, "  ETA %d:%02d:%02d", (int)(left / 3600), (int)(left / 60 % 60),
            (int)(left % 60));
    }
    if (status->speed > 0)
        put_lateness(line, status);
}

static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += (*text & 0xc0) != 0x80;
    return width;
}

void progress_line(struct progress *progress, const struct feed_status *status, int64_t now_ms,
                   unsigned columns, char *out, size_t out_size)
{
    struct line line = {.out = out, .size = out_size};
    rates_update(progress, status, now_ms);
    line_write(&line, status, progress->events_s);
    if (width_of(out) <= columns)
        return;
    line.is_short = true;
    line_write(&line, status, progress->events_s);
    progress_fit(out, columns);
}

void progress_fit(char *line, unsigned columns)
{
    for (; *line != '\0'; line++)
        if ((*line & 0xc0) != 0x80 && columns-- == 0)
            break;
    *line = '\0';
}

void progress_report(const struct feed_status *status, char *out, size_t out_size)
{
    struct line line = {.out = out, .size = out_size};
    const double took_s = (double)status->took_ns / 1e9;
    if (status->mode == FEED_MODE_LIVE) { /* nothing was asked of its pace */
        put(&line, "the feeds have ended: %" PRIu64 " events", status->events);
        return;
    }
    put(&line, "the replay %s: %" PRIu64 " events",
        status->play == FEED_HAS_ENDED ? "has ended" : "was stopped", status->events);
    if (status->speed == 0) {
        put(&line, " in %.3fs, %.0f/s", took_s, took_s > 0 ? (double)status->events / took_s : 0);
        return;
    }
    put(&line, " at ");
    put_speed(&line, status->speed);
    put(&line, ", asked for %.3fs, took %.3fs (pace %.4f)", (double)status->asked_ns / 1e9, took_s,
        took_s > 0 ? (double)status->asked_ns / 1e9 / took_s : 1);
    put_lateness(&line, status);
}
