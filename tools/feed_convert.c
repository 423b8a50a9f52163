#include "tools/feed_convert.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/feed_inputs.h"
#include "tools/options.h"

enum { ERROR_BYTES = 2048, BAR_CELLS = 24, EVENTS_BETWEEN_LOOKS = 4096 };
#define BAR_EVERY_NS INT64_C(200000000)
#define NS_PER_S     INT64_C(1000000000)

struct convert {
    const struct convert_options *options;
    struct feed_inputs *inputs;
    uint64_t events;
    bool has_bar; /* stderr is a terminal */
    int64_t began_ns, drawn_ns;
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* ---- progress ---- */

static void bar_clear(const struct convert *convert)
{
    if (convert->has_bar && convert->drawn_ns > convert->began_ns)
        fputs("\r\033[K", stderr);
}

static void bar_draw(struct convert *convert)
{
    uint64_t read, total;
    const int64_t now = now_ns();
    if (now - convert->drawn_ns < BAR_EVERY_NS)
        return;
    convert->drawn_ns = now;
    feed_inputs_progress(convert->inputs, &read, &total);
    const double share = total > 0 ? (double)read / (double)total : 0;
    const double seconds = (double)(now - convert->began_ns) / 1e9;
    char bar[BAR_CELLS + 1] = "";
    for (int i = 0; i < BAR_CELLS && total > 0; i++)
        bar[i] = i < (int)(share * BAR_CELLS) ? '#' : '.';
    fprintf(stderr, "\r\033[K%s %3.0f %%  %" PRIu64 " events  %.0f/s", bar, share * 100,
            convert->events, (double)convert->events / seconds);
    if (share > 0.01)
        fprintf(stderr, "  %.0f s left", seconds / share - seconds);
    fflush(stderr);
}

/* ---- notices ---- */

static void notice(const struct convert *convert, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void notice(const struct convert *convert, const char *format, ...)
{
    char text[ERROR_BYTES];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    bar_clear(convert);
    convert->options->notice(text);
}

static void on_message(void *ctx, const char *text)
{
    notice(ctx, "%s", text);
}

/* ---- the work ---- */

static int copy_events(struct convert *convert, struct feed_output *output)
{
    const struct price_event *event;
    int rc = 0;
    while (rc == 0 && (event = feed_inputs_next(convert->inputs)) != NULL) {
        rc = feed_output_event(output, event);
        if (++convert->events % EVENTS_BETWEEN_LOOKS == 0 && convert->has_bar)
            bar_draw(convert);
    }
    return rc;
}

/* Whoever reads our stdout may have seen enough: no reason to complain. */
static int report_failure(const struct convert *convert, int rc)
{
    const bool is_stdout = strcmp(convert->options->path, "-") == 0;
    if (rc == -EPIPE && is_stdout)
        return EXIT_OK;
    notice(convert, "%s: %s", is_stdout ? "stdout" : convert->options->path,
           rc == -EEXIST ? "the file has appeared meanwhile; --force writes over it"
                         : strerror(-rc));
    return EXIT_FAILED;
}

static int run(struct convert *convert)
{
    const struct convert_options *options = convert->options;
    const struct feed_output_options output_options = {
        .path = options->path,
        .format = options->format,
        .replaces = options->replaces,
        .streams = feed_inputs_streams(convert->inputs),
    };
    struct feed_output *output;
    char error[ERROR_BYTES];
    uint64_t bytes = 0;
    int rc = feed_output_open(&output_options, &output, error, sizeof error);
    if (rc != 0) {
        notice(convert, "%s", error);
        return EXIT_FAILED;
    }
    rc = copy_events(convert, output);
    if (rc != 0)
        feed_output_abandon(output);
    else
        rc = feed_output_finish(output, &bytes);
    if (rc != 0)
        return report_failure(convert, rc);
    if (options->reports)
        notice(convert, "%s: %" PRIu64 " events, %" PRIu64 " bytes", options->path, convert->events,
               bytes);
    return feed_inputs_is_broken(convert->inputs) ? EXIT_FAILED : EXIT_OK;
}

int feed_convert(const struct convert_options *options)
{
    struct convert convert = {
        .options = options,
        .has_bar = options->reports && isatty(STDERR_FILENO),
        .began_ns = now_ns(),
    };
    convert.drawn_ns = convert.began_ns;
    const struct feed_inputs_options inputs = {
        .specs = options->specs,
        .specs_count = options->specs_count,
        .from = options->from,
        .to = options->to,
        .reorder_window_ns = options->reorder_window_ns,
        .line_bytes_max = options->line_bytes_max,
        .message = on_message,
        .ctx = &convert,
    };
    char error[ERROR_BYTES];
    const int rc = feed_inputs_open(&inputs, &convert.inputs, error, sizeof error);
    if (rc != 0) {
        notice(&convert, "%s", error);
        return rc == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
    }
    const int status = run(&convert);
    feed_inputs_close(convert.inputs);
    return status;
}
