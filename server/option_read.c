#include "server/option_read.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/webroot.h"

bool option_refuse(struct option_parser *parser, const struct option_row *row, const char *value,
                   const char *allowed, ...)
{
    char text[300];
    va_list args;
    va_start(args, allowed);
    vsnprintf(text, sizeof text, allowed, args);
    va_end(args);
    snprintf(parser->error, parser->error_size, "--%s %s: allowed: %s", row->name,
             *value != '\0' ? value : "(nothing)", text);
    return false;
}

static void *field(struct option_parser *parser, const struct option_row *row)
{
    return (char *)parser->options + row->offset;
}

bool option_read_flag(struct option_parser *parser, const struct option_row *row, const char *value)
{
    (void)value;
    *(bool *)field(parser, row) = true;
    return true;
}

bool option_read_text(struct option_parser *parser, const struct option_row *row, const char *value)
{
    if (*value == '\0')
        return option_refuse(parser, row, "\"\"", "%s", row->value);
    char **to = field(parser, row);
    free(*to);
    *to = strdup(value);
    return *to != NULL;
}

bool option_read_folder(struct option_parser *parser, const struct option_row *row,
                        const char *value)
{
    if (!webroot_is_usable(value))
        return option_refuse(parser, row, value, "a folder with an index.html that can be read");
    return option_read_text(parser, row, value);
}

bool option_read_list(struct option_parser *parser, const struct option_row *row, const char *value)
{
    struct option_list *list = field(parser, row);
    if (list->count == OPTIONS_LIST_MAX)
        return option_refuse(parser, row, value, "at most %d of them", OPTIONS_LIST_MAX);
    char **grown = realloc(list->values, (list->count + 1) * sizeof *grown);
    if (grown == NULL)
        return false;
    list->values = grown;
    grown[list->count] = strdup(value);
    return grown[list->count++] != NULL;
}

/* As browsers write it: a page's scheme, host, and port if it is not the scheme's own. */
bool option_read_origin(struct option_parser *parser, const struct option_row *row,
                        const char *value)
{
    const char *host = strstr(value, "://");
    if (strcmp(value, "*") != 0 &&
        (host == NULL || host == value || host[3] == '\0' || strpbrk(host + 3, "/?#@* ") != NULL))
        return option_refuse(parser, row, value,
                             "https://HOST or https://HOST:PORT as browsers send it, or *");
    return option_read_list(parser, row, value);
}

bool option_read_number(struct option_parser *parser, const struct option_row *row,
                        const char *value)
{
    char *end;
    errno = 0;
    const unsigned long long number = strtoull(value, &end, 10);
    if (*value < '0' || *value > '9' || *end != '\0' || errno != 0 || number < row->min ||
        number > row->max)
        return option_refuse(parser, row, value, "a whole number from %llu to %llu",
                             (unsigned long long)row->min, (unsigned long long)row->max);
    *(uint64_t *)field(parser, row) = number;
    return true;
}

bool option_read_speed(struct option_parser *parser, const struct option_row *row,
                       const char *value)
{
    char *end;
    const double speed = strtod(value, &end);
    const bool is_max = strcmp(value, "max") == 0;
    if (!is_max && (*value < '0' || *value > '9' || strpbrk(value, "xX") != NULL || *end != '\0' ||
                    !(speed > 0) || !isfinite(speed)))
        return option_refuse(parser, row, value, "a number above 0, or max");
    *(double *)field(parser, row) = is_max ? 0 : speed;
    return true;
}

bool option_read_when(struct option_parser *parser, const struct option_row *row, const char *value)
{
    return when_parse(value, field(parser, row)) == 0 ||
           option_refuse(parser, row, value, "%s", WHEN_ALLOWED);
}

bool option_read_gap(struct option_parser *parser, const struct option_row *row, const char *value)
{
    int64_t ns;
    if (duration_parse(value, &ns) != 0 || ns == 0)
        return option_refuse(parser, row, value, "seconds above 0, or a number with ms, s, m or h");
    *(int64_t *)field(parser, row) = ns;
    return true;
}

bool option_read_age(struct option_parser *parser, const struct option_row *row, const char *value)
{
    return duration_parse(value, field(parser, row)) == 0 ||
           option_refuse(parser, row, value, "seconds, or a number with ms, s, m or h");
}

bool option_read_rebase(struct option_parser *parser, const struct option_row *row,
                        const char *value)
{
    *(bool *)field(parser, row) = true;
    return strcmp(value, "now") == 0 || option_refuse(parser, row, value, "now");
}

bool option_read_level(struct option_parser *parser, const struct option_row *row,
                       const char *value)
{
    return log_level_parse(value, field(parser, row)) == 0 ||
           option_refuse(parser, row, value, "debug, info, warn or error");
}

/* 64K, 100M or 2G; false for anything else. */
static bool size_parse(const char *text, uint64_t *out)
{
    static const char units[] = "KMG";
    char *end;
    errno = 0;
    const unsigned long long number = strtoull(text, &end, 10);
    const char *unit = *end == '\0' ? NULL : strchr(units, *end);
    if (*text < '0' || *text > '9' || errno != 0 || unit == NULL || end[1] != '\0' || number == 0)
        return false;
    return !__builtin_mul_overflow(number, UINT64_C(1) << 10 * (unit - units + 1), out);
}

bool option_read_size(struct option_parser *parser, const struct option_row *row, const char *value)
{
    uint64_t *to = field(parser, row);
    char *end;
    errno = 0;
    const unsigned long long number = strtoull(value, &end, 10);
    const bool is_plain = *value >= '0' && *value <= '9' && *end == '\0' && errno == 0;
    if (is_plain)
        *to = number;
    if (!is_plain && !size_parse(value, to))
        return option_refuse(parser, row, value, "bytes, or a number with K, M or G");
    return *to >= row->min ||
           option_refuse(parser, row, value, "at least %llu bytes", (unsigned long long)row->min);
}

/* Given twice, whichever comes first ends a part. */
bool option_read_rotate(struct option_parser *parser, const struct option_row *row,
                        const char *value)
{
    struct options *options = parser->options;
    uint64_t bytes;
    int64_t ns;
    if (strcmp(value, "day") == 0)
        options->record_rotate_day = true;
    else if (size_parse(value, &bytes))
        options->record_rotate_bytes = bytes;
    else if (strspn(value, "0123456789.") < strlen(value) && duration_parse(value, &ns) == 0 &&
             ns >= INT64_C(1000000000))
        options->record_rotate_ns = ns;
    else
        return option_refuse(
            parser, row, value,
            "a size (64K, 100M, 2G), a duration from 1s on (90s, 10m, 1h), or day");
    return true;
}

bool option_read_fsync(struct option_parser *parser, const struct option_row *row,
                       const char *value)
{
    static const char *const names[] = {[RECORDER_SYNC_INTERVAL] = "interval",
                                        [RECORDER_SYNC_FLUSH] = "flush",
                                        [RECORDER_SYNC_NEVER] = "never"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(value, names[i]) == 0) {
            *(enum recorder_sync *)field(parser, row) = (enum recorder_sync)i;
            parser->options->has_record_sync = true;
            return true;
        }
    }
    return option_refuse(parser, row, value, "never, interval or flush");
}

/* HOST:PORT; an IPv6 address stands in brackets. */
bool option_read_listen(struct option_parser *parser, const struct option_row *row,
                        const char *value)
{
    const char *colon = strrchr(value, ':');
    char *end;
    const unsigned long port = colon == NULL ? 65536 : strtoul(colon + 1, &end, 10);
    if (colon == NULL || colon == value || colon[1] < '0' || colon[1] > '9' || *end != '\0' ||
        port > 65535)
        return option_refuse(parser, row, value,
                             "HOST:PORT, with a port from 0 (any free one) to 65535");
    const char *host = value;
    size_t len = (size_t)(colon - value);
    if (*host == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    } else if (memchr(host, ':', len) != NULL) {
        return option_refuse(parser, row, value, "IPv6 addresses in brackets: [::1]:8080");
    }
    free(parser->options->host);
    parser->options->host = strndup(host, len);
    parser->options->port = (uint16_t)port;
    return option_read_text(parser, row, value);
}
