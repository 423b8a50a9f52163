/* pricecast-feed: looks at recordings and turns them into others. Wiring only. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/line_reader.h"
#include "tools/feed_convert.h"
#include "tools/feed_csv.h"
#include "tools/feed_info.h"
#include "tools/options.h"

enum { ERROR_BYTES = 2048 };

struct settings {
    const char *from_text, *to_text, *output, *as, *window_text;
    bool has_json, has_force;
    struct when from, to;
    int64_t reorder_window_ns;
    long line_bytes;
};

#define SETTING(field) offsetof(struct settings, field)

static const struct option_spec specs[] = {
    {"output", "OUT", "convert, merge: the file to write; -o OUT is the same; - is stdout",
     OPTION_TEXT, SETTING(output)},
    {"as", "FORMAT", "convert: native or csv (by OUT's name: csv for .csv, .csv.gz and .csv.zst)",
     OPTION_CHOICE, SETTING(as), .allowed = "native|csv"},
    {"from", "T", "cat, convert, merge: leave out what is earlier than T", OPTION_TEXT,
     SETTING(from_text)},
    {"to", "T",
     "the same for what is at T or later, and stands in its file behind what is a minute later; "
     "--to csv is --as csv",
     OPTION_TEXT, SETTING(to_text)},
    {"reorder-window", "S",
     "cat, convert, merge: sort events of a file that are up to S seconds "
     "out of order (or ms, m)",
     OPTION_TEXT, SETTING(window_text)},
    {"max-line-bytes", "N", "longest line of a file (16777216)", OPTION_WHOLE, SETTING(line_bytes),
     .min = 1024, .max = 1 << 30},
    {"force", NULL, "convert, merge: write over OUT", OPTION_FLAG, SETTING(has_force)},
    {"json", NULL, "info: one JSON object a line for each FILE", OPTION_FLAG, SETTING(has_json)},
};

static const struct options_program program = {
    .name = "pricecast-feed",
    .takes_stdin_spec = true,
    .usage = "info FILE… | convert IN… -o OUT | merge IN… -o OUT | cat FILE…   [OPTION…]",
    .about =
        "info     says what a recording holds: format, span, streams, pace, gaps, what is bad\n"
        "convert  makes one recording of all IN, in the native format or as CSV\n"
        "merge    the same, always in the native format\n"
        "cat      prints all events as JSON lines, as the server sends them\n"
        "\n"
        "FILE and IN are what pricecast --feed takes: PATH or file:PATH?key=value&…; - is stdin.\n"
        "Several are merged by receive time, or source time where there is none; equal times keep\n"
        "the order of naming, then the order in the file. seq counts from 1 in each stream.\n"
        "OUT is compressed if it ends in .gz or .zst. It gets its name when it is complete.\n"
        "T is " WHEN_ALLOWED ".\n"
        "Columns of CSV: " CSV_COLUMNS ";\n"
        "times are microseconds since the epoch, what is not known is empty.\n"
        "\n"
        "Exits 0; 1 when something failed, a file broke off or none of its lines can be used, "
        "after\n"
        "doing what could be done with what was whole; 2 for bad arguments. A header without a\n"
        "price behind it is a whole recording of a quiet time, which is not a failure. Bad lines\n"
        "are counted, the first of each file is shown, and left out.",
    .specs = specs,
    .spec_count = sizeof specs / sizeof *specs,
};

static void notice(const char *text)
{
    fprintf(stderr, "%s: %s\n", program.name, text);
}

/* ---- arguments ---- */

/* The table knows long names only. */
static void expand_short_names(int argc, char **argv)
{
    static char output[] = "--output";
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "-o") == 0)
            argv[i] = output;
}

static enum options_result read_time(const char *name, const char *text, struct when *out)
{
    if (text == NULL || when_parse(text, out) == 0)
        return OPTIONS_RUN;
    return options_refuse(&program, "--%s %s: allowed is " WHEN_ALLOWED, name, text);
}

static enum options_result read_arguments(int argc, char **argv, struct settings *settings,
                                          int *word_count)
{
    expand_short_names(argc, argv);
    enum options_result result = options_parse(&program, argc, argv, settings, argv, word_count);
    if (result != OPTIONS_RUN)
        return result;
    if (settings->to_text != NULL &&
        (strcmp(settings->to_text, "csv") == 0 || strcmp(settings->to_text, "native") == 0)) {
        settings->as = settings->to_text;
        settings->to_text = NULL;
    }
    if (settings->window_text != NULL &&
        duration_parse(settings->window_text, &settings->reorder_window_ns) != 0)
        return options_refuse(&program, "--reorder-window %s: allowed is a duration such as 250ms",
                              settings->window_text);
    result = read_time("from", settings->from_text, &settings->from);
    return result == OPTIONS_RUN ? read_time("to", settings->to_text, &settings->to) : result;
}

/* ---- commands ---- */

static int run_info(const struct settings *settings, const char *const *files, size_t count)
{
    char error[ERROR_BYTES];
    int status = EXIT_OK;
    struct feed_info *info = malloc(sizeof *info);
    for (size_t i = 0; i < count; i++) {
        const int rc = info == NULL ? -ENOMEM
                                    : feed_info_read(info, files[i], (size_t)settings->line_bytes,
                                                     error, sizeof error);
        if (rc != 0) {
            notice(info == NULL ? "out of memory" : error);
            status = rc == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
            continue;
        }
        if (settings->has_json)
            feed_info_print_json(stdout, info);
        else
            feed_info_print(stdout, info);
        if (!feed_info_is_good(info))
            status = EXIT_FAILED;
        feed_info_finish(info);
        if (fflush(stdout) != 0)
            break;
    }
    free(info);
    if (ferror(stdout) && errno != EPIPE) {
        notice("cannot write to stdout");
        status = EXIT_FAILED;
    }
    return status;
}

static bool ends_in(const char *text, const char *ending)
{
    const size_t text_len = strlen(text), len = strlen(ending);
    return text_len >= len && strcmp(text + text_len - len, ending) == 0;
}

static enum output_format format_for(const struct settings *settings)
{
    const char *path = settings->output;
    if (settings->as != NULL)
        return strcmp(settings->as, "csv") == 0 ? OUTPUT_CSV : OUTPUT_NATIVE;
    const bool is_csv = ends_in(path, ".csv") || ends_in(path, ".csv.gz") || //
                        ends_in(path, ".csv.zst");
    return is_csv ? OUTPUT_CSV : OUTPUT_NATIVE;
}

static int run_convert(const struct settings *settings, const char *const *files, size_t count)
{
    const struct convert_options options = {
        .specs = files,
        .specs_count = count,
        .from = settings->from,
        .to = settings->to,
        .reorder_window_ns = settings->reorder_window_ns,
        .line_bytes_max = (size_t)settings->line_bytes,
        .path = settings->output,
        .format = format_for(settings),
        .replaces = settings->has_force,
        .reports = strcmp(settings->output, "-") != 0,
        .notice = notice,
    };
    return feed_convert(&options);
}

static int run_merge(const struct settings *settings, const char *const *files, size_t count)
{
    struct settings native = *settings;
    native.as = "native";
    return run_convert(&native, files, count);
}

static int run_cat(const struct settings *settings, const char *const *files, size_t count)
{
    const struct convert_options options = {
        .specs = files,
        .specs_count = count,
        .from = settings->from,
        .to = settings->to,
        .reorder_window_ns = settings->reorder_window_ns,
        .line_bytes_max = (size_t)settings->line_bytes,
        .path = "-",
        .format = OUTPUT_ITEMS,
        .notice = notice,
    };
    return feed_convert(&options);
}

static const struct command {
    const char *name;
    const char *options; /* that it takes, each with a blank behind */
    int (*run)(const struct settings *settings, const char *const *files, size_t count);
} commands[] = {
    {"info", "json ", run_info},
    {"convert", "output as from to force reorder-window ", run_convert},
    {"merge", "output from to force reorder-window ", run_merge},
    {"cat", "from to reorder-window ", run_cat},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

/* Refuses options that would mean nothing. */
static enum options_result check_options(const struct command *command,
                                         const struct settings *settings)
{
    const struct {
        const char *name;
        bool is_given;
    } given[] = {
        {"output ", settings->output != NULL},
        {"as ", settings->as != NULL},
        {"from ", settings->from_text != NULL},
        {"to ", settings->to_text != NULL},
        {"force ", settings->has_force},
        {"json ", settings->has_json},
        {"reorder-window ", settings->window_text != NULL},
    };
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        if (given[i].is_given && strstr(command->options, given[i].name) == NULL)
            return options_refuse(&program, "%s takes no --%.*s", command->name,
                                  (int)strlen(given[i].name) - 1, given[i].name);
    if (settings->output == NULL && strstr(command->options, "output ") != NULL)
        return options_refuse(&program, "%s needs -o OUT", command->name);
    return OPTIONS_RUN;
}

static const struct command *choose_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (name != NULL && strcmp(commands[i].name, name) == 0)
            return &commands[i];
    options_refuse(&program, "%s: allowed are the commands info, convert, merge and cat",
                   name != NULL ? name : "(nothing)");
    return NULL;
}

int main(int argc, char **argv)
{
    struct settings settings = {.line_bytes = LINE_BYTES_MAX_DEFAULT};
    int word_count;
    const enum options_result result = read_arguments(argc, argv, &settings, &word_count);
    if (result != OPTIONS_RUN)
        return result == OPTIONS_DONE ? EXIT_OK : EXIT_USAGE;
    const struct command *command = choose_command(word_count > 0 ? argv[0] : NULL);
    if (command == NULL || check_options(command, &settings) != OPTIONS_RUN)
        return EXIT_USAGE;
    if (word_count < 2) {
        options_refuse(&program, "%s: no FILE; allowed: PATH, file:PATH?key=value&…, or -",
                       command->name);
        return EXIT_USAGE;
    }
    /* Both are errors of write(), and told as such. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    return command->run(&settings, (const char *const *)argv + 1, (size_t)word_count - 1);
}
