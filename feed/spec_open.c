#include "feed/spec_open.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "feed/feed.h"
#include "feed/file_spec.h"
#include "feed/sim.h"

enum { ERROR_BYTES = 1024 };

static const char *file_path(const struct spec *spec, const struct spec_open_options *options)
{
    const bool is_bundled = options->bundled_path != NULL && strcmp(spec->path, FEED_BUNDLED) == 0;
    return is_bundled ? options->bundled_path : spec->path;
}

static int file_open(const struct spec *spec, const struct spec_open_options *options,
                     struct producer **out, int64_t *offset_ns, char *error, size_t error_size)
{
    struct file_options file;
    const int rc = file_spec_read(spec, &file, offset_ns, error, error_size);
    if (rc != 0)
        return rc;
    file.line_bytes_max = options->line_bytes_max;
    file.streams_max = options->streams_max;
    file.path = file_path(spec, options);
    return file_producer_create(&file, out, error, error_size);
}

int spec_open(const struct spec *spec, const struct spec_open_options *options,
              struct producer **out, int64_t *offset_ns, char *error, size_t error_size)
{
    assert(spec->kind == SPEC_FILE || spec->kind == SPEC_SIM);
    *offset_ns = 0;
    if (spec->kind == SPEC_SIM)
        return sim_create(spec, out, error, error_size);
    return file_open(spec, options, out, offset_ns, error, error_size);
}

struct producer *spec_open_again(const struct spec *spec, const struct spec_open_options *options,
                                 int64_t *offset_ns)
{
    struct stat about;
    struct producer *producer;
    char problem[ERROR_BYTES]; /* said when it was opened first */
    if (spec->kind != SPEC_FILE || stat(file_path(spec, options), &about) != 0 ||
        !S_ISREG(about.st_mode))
        return NULL;
    return spec_open(spec, options, &producer, offset_ns, problem, sizeof problem) == 0 ? producer
                                                                                        : NULL;
}
