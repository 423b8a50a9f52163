/* The table, and the steps that formats have in common. */
#include "feed/format.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/stamp.h"

/* In the order in which they are listed; where two are equally sure, the first one is taken. */
static const struct format *const formats[] = {
    &format_native, &format_binance,     &format_cryptofeed1, &format_cryptofeed2,
    &format_tardis, &format_binance_csv, &format_csv,
};
enum { FORMATS = sizeof formats / sizeof formats[0] };

const struct format *format_at(size_t index)
{
    return index < FORMATS ? formats[index] : NULL;
}

const struct format *format_find(const char *name)
{
    for (size_t i = 0; i < FORMATS; i++)
        if (strcmp(formats[i]->name, name) == 0)
            return formats[i];
    return NULL;
}

bool format_takes(const struct format *format, const char *key)
{
    for (const char *const *at = format->keys; *at != NULL; at++)
        if (strcmp(*at, key) == 0)
            return true;
    return false;
}

/* ---- options ---- */

#define KEY(name)                                                                                  \
    {                                                                                              \
#name, offsetof(struct format_options, name)                                               \
    }
static const struct {
    const char *name;
    size_t offset;
} option_keys[] = {
    KEY(symbol), KEY(source), KEY(exchange), KEY(columns), KEY(delimiter),   KEY(header),
    KEY(skip),   KEY(date),   KEY(tz),       KEY(ts_unit), KEY(price_scale), KEY(one_sided),
};
enum { OPTION_KEYS = sizeof option_keys / sizeof option_keys[0] };
_Static_assert(OPTION_KEYS * sizeof(char *) == sizeof(struct format_options), "a key is missing");

const char *format_key_at(size_t index)
{
    return index < OPTION_KEYS ? option_keys[index].name : NULL;
}

const char **format_key_value(struct format_options *options, size_t index)
{
    return (const char **)((char *)options + option_keys[index].offset);
}

/* The first key given that the format does not take, or NULL. */
static const char *untaken_key(const struct format *format, const struct format_options *options)
{
    struct format_options given = *options;
    for (size_t i = 0; i < OPTION_KEYS; i++)
        if (*format_key_value(&given, i) != NULL && !format_takes(format, option_keys[i].name))
            return option_keys[i].name;
    return NULL;
}

/* ---- guess ---- */

const struct format *format_guess(const struct line *lines, size_t count,
                                  const struct format_options *options, int *sure, char *tried)
{
    const struct format *best = NULL, *takes = NULL;
    size_t used = 0, takers = 0;
    *sure = 0;
    for (size_t i = 0; i < FORMATS; i++) {
        const char *why = "", *untaken = untaken_key(formats[i], options);
        const int here = formats[i]->guess(lines, count, &why);
        if (here > *sure && untaken == NULL) {
            best = here >= FORMAT_SURE_ENOUGH ? formats[i] : NULL;
            *sure = here;
        }
        if (untaken == NULL) {
            takes = formats[i];
            takers++;
        }
        char reason[64] = "";
        if (here < FORMAT_SURE_ENOUGH)
            snprintf(reason, sizeof reason, " (%s)", why);
        else if (untaken != NULL)
            snprintf(reason, sizeof reason, " (but it takes no %s=)", untaken);
        const int wrote = snprintf(tried + used, FORMAT_TRIED_MAX - used, "%s%s %d%%%s",
                                   i > 0 ? ", " : "", formats[i]->name, here, reason);
        used += (size_t)wrote < FORMAT_TRIED_MAX - used ? (size_t)wrote : 0;
    }
    /* Who names columns= means CSV, however odd it looks: parsing will show. */
    if (best == NULL && takers == 1) {
        best = takes;
        *sure = FORMAT_SURE_ENOUGH;
    }
    return best;
}

/* ---- for the formats ---- */

enum format_result format_bad(struct format_output *out, const char *reason, ...)
{
    va_list values;
    va_start(values, reason);
    vsnprintf(out->reason, sizeof out->reason, reason, values);
    va_end(values);
    return FORMAT_BAD;
}

enum format_result format_refused(struct format_output *out, const char *reason, ...)
{
    va_list values;
    va_start(values, reason);
    vsnprintf(out->reason, sizeof out->reason, reason, values);
    va_end(values);
    return FORMAT_REFUSED;
}

enum format_result format_bad_json(struct format_output *out, const struct json_scan *scan,
                                   const char *line)
{
    return format_bad(out, "bad JSON: %s at byte %zu of the line", json_scan_problem(scan),
                      (size_t)(scan->at - line) + 1);
}

enum format_result format_bad_csv(struct format_output *out, const struct csv *csv)
{
    return format_bad(out, "%s, in field %zu", csv->problem, csv->count + 1);
}

bool format_take_name(struct format_output *out, const char *field,
                      const struct json_scan_token *token, char *room, struct format_name *name)
{
    if (token->text == NULL || token->type != SCAN_STRING) {
        format_bad(out, token->text == NULL ? "%s is missing" : "%s is not a string", field);
        return false;
    }
    *name = (struct format_name){.text = token->text, .len = token->len};
    if (!token->has_escapes)
        return true;
    const long len = json_scan_unescape(token, room, NAME_BYTES_MAX);
    if (len < 0) {
        format_bad(out, "%s is not a name of 1 to %d bytes", field, NAME_BYTES_MAX);
        return false;
    }
    *name = (struct format_name){.text = room, .len = (size_t)len};
    return true;
}

/* Numbers are as good as strings: their text was kept. */
bool format_take_decimal(struct format_output *out, const char *field,
                         const struct json_scan_token *token, struct decimal *value)
{
    if (token->text == NULL) {
        format_bad(out, "%s is missing", field);
        return false;
    }
    const bool is_text = token->type == SCAN_STRING || token->type == SCAN_NUMBER;
    const int rc = is_text ? decimal_parse(token->text, token->len, value) : -EINVAL;
    if (rc != 0)
        format_bad(out, rc == -ERANGE ? "%s has too many digits" : "%s is not a decimal", field);
    return rc == 0;
}

bool format_take_value(struct format_output *out, const char *field,
                       const struct json_scan_token *token, struct price_event *event, int which)
{
    struct decimal value;
    if (!format_take_decimal(out, field, token, &value))
        return false;
    event_set_value(event, which, value);
    return true;
}

bool format_take_date(struct format_output *out, const char *field,
                      const struct json_scan_token *token, int64_t *ns)
{
    bool has_zone = false;
    if (token->text == NULL) {
        format_bad(out, "%s is missing", field);
        return false;
    }
    if (token->type == SCAN_STRING &&
        stamp_read_date(token->text, token->len, ns, &has_zone) == 0 && has_zone)
        return true;
    format_bad(out, "%s is no ISO time with a zone", field);
    return false;
}

bool format_take_count(struct format_output *out, const char *field,
                       const struct json_scan_token *token, int64_t unit_ns, int64_t *ns)
{
    if (token->text == NULL) {
        format_bad(out, "%s is missing", field);
        return false;
    }
    const bool is_text = token->type == SCAN_STRING || token->type == SCAN_NUMBER;
    const int rc = is_text ? stamp_read_count(token->text, token->len, unit_ns, ns) : -EINVAL;
    if (rc != 0)
        format_bad(out, rc == -ERANGE ? "%s is out of range" : "%s is not a time", field);
    return rc == 0;
}

bool format_take_time(struct format_output *out, const char *field,
                      const struct json_scan_token *token, int64_t unit_ns, int64_t *ns)
{
    int64_t value = 0;
    const int rc = json_scan_integer(token, &value);
    if (token->text == NULL) {
        format_bad(out, "%s is missing", field);
        return false;
    }
    if (rc == -EINVAL) {
        format_bad(out, "%s is not an integer", field);
        return false;
    }
    if (rc != 0 || value > INT64_MAX / unit_ns || value < -(INT64_MAX / unit_ns)) {
        format_bad(out, "%s is out of range", field);
        return false;
    }
    *ns = value * unit_ns;
    return true;
}

void format_output_init(struct format_output *out, struct streams *streams,
                        const struct format_options *options)
{
    *out = (struct format_output){.streams = streams};
    if (options->source != NULL)
        out->source = (struct format_name){options->source, strlen(options->source)};
    if (options->symbol != NULL)
        out->symbol = (struct format_name){options->symbol, strlen(options->symbol)};
}

void format_output_finish(struct format_output *out)
{
    free(out->events);
    out->events = NULL;
    out->count = out->room = 0;
}

static bool output_has_room(struct format_output *out)
{
    if (out->count < out->room)
        return true;
    const size_t room = out->room > 0 ? out->room * 2 : 64;
    struct price_event *events = realloc(out->events, room * sizeof *events);
    if (events == NULL)
        return false;
    out->events = events;
    out->room = room;
    return true;
}

enum format_result format_put(struct format_output *out, const struct price_event *event)
{
    if (!output_has_room(out))
        return format_bad(out, "out of memory");
    out->events[out->count++] = *event;
    return FORMAT_EVENTS;
}

/* Names are the only thing that makes streams_intern() say -EINVAL; find out which. */
static enum format_result refuse_stream(struct format_output *out, long rc,
                                        struct format_name source)
{
    if (rc == -EINVAL)
        return format_bad(out, "%s is not a name: 1 to %d bytes of UTF-8, no control characters",
                          name_is_valid(source.text, source.len) ? "symbol" : "source",
                          NAME_BYTES_MAX);
    return format_bad(out, rc == -ENOSPC ? "too many streams" : "out of memory");
}

enum format_result format_add(struct format_output *out, const struct price_event *event,
                              struct format_name source, struct format_name symbol)
{
    if (out->source.text != NULL)
        source = out->source;
    if (out->symbol.text != NULL)
        symbol = out->symbol;
    const long stream = streams_intern(out->streams, source.text, source.len, symbol.text,
                                       symbol.len, (enum event_kind)event->kind);
    if (stream < 0)
        return refuse_stream(out, stream, source);
    struct price_event added = *event;
    added.stream = (uint32_t)stream & EVENT_NO_STREAM;
    return format_put(out, &added);
}
