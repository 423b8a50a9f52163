#include "feed/file_spec.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "feed/when.h"

/* So that no time of today leaves what 64 bits hold. */
#define OFFSET_MAX_NS (INT64_C(100) * 366 * 86400 * 1000000000)

/* Which of the formats' keys the file's own format takes is seen when it is opened. */
static int keys_read(const struct spec *spec, struct file_options *out, char *error,
                     size_t error_size)
{
    const char *allowed[SPEC_PAIRS_MAX] = {"format", "offset"};
    size_t count = 2;
    for (size_t i = 0; format_key_at(i) != NULL; i++) {
        assert(count < SPEC_PAIRS_MAX - 1);
        allowed[count++] = format_key_at(i);
        *format_key_value(&out->keys, i) = spec_value(spec, format_key_at(i));
    }
    return spec_check_keys(spec, allowed, error, error_size);
}

/* offset=-5h: a clock that is five hours fast. */
static int offset_read(const struct spec *spec, int64_t *out, char *error, size_t error_size)
{
    const char *text = spec_value(spec, "offset");
    *out = 0;
    if (text == NULL)
        return 0;
    const bool is_negative = *text == '-';
    if (duration_parse(text + (is_negative || *text == '+'), out) != 0 || *out > OFFSET_MAX_NS) {
        snprintf(error, error_size,
                 "offset=%s: allowed: a duration such as 1.5s, -250ms or 5h, up to 100 years",
                 text);
        return -EINVAL;
    }
    *out = is_negative ? -*out : *out;
    return 0;
}

int file_spec_read(const struct spec *spec, struct file_options *out, int64_t *offset_ns,
                   char *error, size_t error_size)
{
    *out = (struct file_options){.path = spec->path, .format = spec_value(spec, "format")};
    const int rc = keys_read(spec, out, error, error_size);
    return rc != 0 ? rc : offset_read(spec, offset_ns, error, error_size);
}
