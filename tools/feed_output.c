#include "tools/feed_output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "feed/record_file.h"
#include "tools/feed_csv.h"

struct feed_output {
    struct feed_output_options options;
    char *path, *part_path; /* both NULL: what is written to has its name already */
    struct pack *pack;
    struct record_file *file; /* owns the pack, unless the format is CSV */
};

/* ---- signals ---- */

/* For the handler, which has no other way to it. */
static char *volatile unfinished_path;

static void on_signal(int signal_number)
{
    if (unfinished_path != NULL)
        unlink(unfinished_path);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
enum { SIGNALS = sizeof signals / sizeof *signals };

static void guard(char *path)
{
    const struct sigaction action = {.sa_handler = on_signal};
    struct sigaction old;
    unfinished_path = path;
    for (size_t i = 0; i < SIGNALS; i++)
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            sigaction(signals[i], &action, NULL);
}

/* No signal comes between the file's creation and its guard: only what is ours may be removed. */
static int create_guarded(char *path, enum pack_kind kind, struct pack **out)
{
    sigset_t set, old;
    sigemptyset(&set);
    for (size_t i = 0; i < SIGNALS; i++)
        sigaddset(&set, signals[i]);
    sigprocmask(SIG_BLOCK, &set, &old);
    const int rc = pack_create(path, kind, out);
    if (rc == 0)
        guard(path);
    sigprocmask(SIG_SETMASK, &old, NULL);
    return rc;
}

/* ---- opening ---- */

static void output_free(struct feed_output *output)
{
    free(output->path);
    free(output->part_path);
    free(output);
}

static int file_create(struct feed_output *output, char *error, size_t error_size)
{
    const char *path = output->options.path;
    if (access(path, F_OK) == 0 && !output->options.replaces) {
        snprintf(error, error_size, "%s: the file exists; --force writes over it", path);
        return -EEXIST;
    }
    output->path = strdup(path);
    if (output->path == NULL || asprintf(&output->part_path, "%s.part", path) < 0)
        return -ENOMEM;
    if (output->options.replaces)
        unlink(output->part_path);
    const int rc = create_guarded(output->part_path, pack_kind_of(path), &output->pack);
    if (rc == -EEXIST)
        snprintf(error, error_size,
                 "%s: the file exists: another conversion runs, or was killed and --force writes "
                 "over what it left",
                 output->part_path);
    else if (rc != 0)
        snprintf(error, error_size, "%s: %s", output->part_path, strerror(-rc));
    return rc;
}

static int descriptor_take(struct feed_output *output, int fd, enum pack_kind kind)
{
    if (fd < 0)
        return -errno;
    const int rc = pack_open(fd, kind, &output->pack);
    if (rc != 0)
        close(fd);
    return rc;
}

static int stdout_open(struct feed_output *output)
{
    return descriptor_take(output, fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1),
                           PACK_PLAIN);
}

/* A device, a pipe: there is nothing in it to lose, but a file must never take its place. */
static bool is_special(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && !S_ISREG(about.st_mode);
}

static int special_open(struct feed_output *output, char *error, size_t error_size)
{
    const char *path = output->options.path;
    const int rc =
        descriptor_take(output, open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC), pack_kind_of(path));
    if (rc != 0)
        snprintf(error, error_size, "%s: %s", path, strerror(-rc));
    return rc;
}

static int named_open(struct feed_output *output, char *error, size_t error_size)
{
    return is_special(output->options.path) ? special_open(output, error, error_size)
                                            : file_create(output, error, error_size);
}

static int begin(struct feed_output *output)
{
    const struct record_header header = {.created_ns = 0};
    if (output->options.format == OUTPUT_CSV)
        return pack_write(output->pack, CSV_COLUMNS "\n", sizeof CSV_COLUMNS);
    return record_file_create(output->pack, output->options.streams,
                              output->options.format == OUTPUT_ITEMS ? NULL : &header,
                              &output->file);
}

int feed_output_open(const struct feed_output_options *options, struct feed_output **out,
                     char *error, size_t error_size)
{
    struct feed_output *output = calloc(1, sizeof *output);
    snprintf(error, error_size, "out of memory");
    if (output == NULL)
        return -ENOMEM;
    output->options = *options;
    int rc = strcmp(options->path, "-") == 0 ? stdout_open(output)
                                             : named_open(output, error, error_size);
    if (rc != 0) {
        output_free(output);
        return rc;
    }
    rc = begin(output);
    if (rc != 0)
        feed_output_abandon(output);
    else
        *out = output;
    return rc;
}

/* ---- writing ---- */

int feed_output_event(struct feed_output *output, const struct price_event *event)
{
    char row[CSV_BYTES_MAX];
    if (output->file != NULL)
        return record_file_event(output->file, event);
    const struct stream *stream = streams_get(output->options.streams, event->stream);
    return pack_write(output->pack, row, csv_row(stream, event, row));
}

/* ---- the end ---- */

static int output_close(struct feed_output *output, bool sync)
{
    return output->file != NULL ? record_file_close(output->file, sync)
                                : pack_close(output->pack, sync);
}

/* Somebody may have made a file of that name meanwhile. */
static int name_take(const struct feed_output *output)
{
    if (!output->options.replaces) {
        if (renameat2(AT_FDCWD, output->part_path, AT_FDCWD, output->path, RENAME_NOREPLACE) == 0)
            return 0;
        if (errno != EINVAL) /* a file system that does not know how */
            return -errno;
    }
    return rename(output->part_path, output->path) == 0 ? 0 : -errno;
}

int feed_output_finish(struct feed_output *output, uint64_t *bytes)
{
    struct stat about;
    int rc = output_close(output, output->path != NULL);
    if (rc == 0 && output->path != NULL && stat(output->part_path, &about) == 0)
        *bytes = (uint64_t)about.st_size;
    if (rc == 0 && output->path != NULL)
        rc = name_take(output);
    unfinished_path = NULL;
    if (rc != 0 && output->path != NULL)
        unlink(output->part_path);
    output_free(output);
    return rc;
}

void feed_output_abandon(struct feed_output *output)
{
    if (output == NULL)
        return;
    output_close(output, false);
    unfinished_path = NULL;
    if (output->path != NULL)
        unlink(output->part_path);
    output_free(output);
}
