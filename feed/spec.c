#include "feed/spec.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes %XX in place; returns false for a % without two hex digits, or for %00. */
static bool unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        if (*from != '%') {
            *to++ = *from;
            continue;
        }
        const int high = hex_value(from[1]);
        const int low = high < 0 ? -1 : hex_value(from[2]);
        if (low < 0 || (high | low) == 0)
            return false;
        *to++ = (char)(high << 4 | low);
        from += 2;
    }
    *to = '\0';
    return true;
}

static int refuse(char *error, size_t error_size, const char *what, const char *text)
{
    snprintf(error, error_size, "%s: \"%s\"; allowed: " SPEC_ALLOWED, what, text);
    return -EINVAL;
}

static int pairs_parse(struct spec *spec, char *query, const char *text, char *error,
                       size_t error_size)
{
    char *rest = query;
    for (char *pair; (pair = strsep(&rest, "&")) != NULL;) {
        if (*pair == '\0')
            continue;
        char *equals = strchr(pair, '=');
        if (equals == NULL || equals == pair || spec->pairs_count == SPEC_PAIRS_MAX)
            return refuse(error, error_size, "options must be key=value&…", text);
        *equals = '\0';
        if (!unescape(equals + 1))
            return refuse(error, error_size, "bad % escape", text);
        spec->pairs[spec->pairs_count++] = (struct spec_pair){.key = pair, .value = equals + 1};
    }
    return 0;
}

/* How each kind begins, and what may follow. */
static const struct shape {
    const char *prefix;
    enum spec_kind kind;
    bool keeps_prefix; /* in the path */
    bool has_options, has_escapes;
    enum { PATH_NONE, PATH_NEEDED } path;
} shapes[] = {
    {"file:", SPEC_FILE, false, true, true, PATH_NEEDED},
    {"sim:", SPEC_SIM, false, true, false, PATH_NONE},
    {"ws://", SPEC_WS, true, true, false, PATH_NEEDED},
    {"wss://", SPEC_WS, true, true, false, PATH_NEEDED},
    {"push:", SPEC_PUSH, false, true, false, PATH_NONE},
    {"unix:", SPEC_UNIX, false, true, true, PATH_NEEDED},
    {"tcp:", SPEC_TCP, false, true, false, PATH_NEEDED},
};
static const struct shape standard_input = {"-", SPEC_STDIN, false, true, false, PATH_NONE};
static const struct shape plain_path = {"", SPEC_FILE, false, false, false, PATH_NEEDED};

/* True for "word:…" where word looks like a scheme; such a path must be written file:PATH. */
static bool has_scheme(const char *text)
{
    const size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz");
    return length > 1 && text[length] == ':';
}

/* Returns NULL for a scheme that there is not. */
static const struct shape *shape_find(const char *text)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (strncmp(text, shapes[i].prefix, strlen(shapes[i].prefix)) == 0)
            return &shapes[i];
    if (text[0] == '-' && (text[1] == '\0' || text[1] == '?'))
        return &standard_input;
    return has_scheme(text) ? NULL : &plain_path;
}

static int path_check(const struct shape *shape, char *path, const char *text, char *error,
                      size_t error_size)
{
    char what[64];
    if (shape->has_escapes && !unescape(path))
        return refuse(error, error_size, "bad % escape", text);
    if (shape->path == PATH_NEEDED && *path == '\0')
        return refuse(error, error_size, "no path", text);
    if (shape->path == PATH_NEEDED || *path == '\0')
        return 0;
    snprintf(what, sizeof what, "%s takes only ?key=value&…", shape->prefix);
    return refuse(error, error_size, what, text);
}

int spec_parse(const char *text, struct spec *out, char *error, size_t error_size)
{
    const struct shape *shape = shape_find(text);
    if (shape == NULL)
        return refuse(error, error_size, "unknown kind of feed", text);
    struct spec spec = {.kind = shape->kind, .buffer = strdup(text)};
    if (spec.buffer == NULL)
        return -ENOMEM;
    char *path = spec.buffer + (shape->keeps_prefix ? 0 : strlen(shape->prefix));
    char *query = shape->has_options ? strchr(path, '?') : NULL;
    int rc = 0;
    if (query != NULL) {
        *query = '\0';
        rc = pairs_parse(&spec, query + 1, text, error, error_size);
    }
    if (rc == 0)
        rc = path_check(shape, path, text, error, error_size);
    if (rc != 0) {
        free(spec.buffer);
        return rc;
    }
    spec.path = path;
    *out = spec;
    return 0;
}

void spec_finish(struct spec *spec)
{
    free(spec->buffer);
    spec->buffer = NULL;
}

const char *spec_value(const struct spec *spec, const char *key)
{
    for (size_t i = spec->pairs_count; i-- > 0;)
        if (strcmp(spec->pairs[i].key, key) == 0)
            return spec->pairs[i].value;
    return NULL;
}

int spec_check_once(const struct spec *spec, const char *const *keys, char *error,
                    size_t error_size)
{
    for (; *keys != NULL; keys++) {
        const char *first = NULL;
        for (size_t i = 0; i < spec->pairs_count; i++) {
            const struct spec_pair *pair = &spec->pairs[i];
            if (strcmp(pair->key, *keys) != 0)
                continue;
            if (first != NULL) {
                snprintf(error, error_size,
                         "key \"%s\" is there twice (\"%s\", \"%s\"); allowed: each key once",
                         *keys, first, pair->value);
                return -EINVAL;
            }
            first = pair->value;
        }
    }
    return 0;
}

int spec_check_keys(const struct spec *spec, const char *const *allowed, char *error,
                    size_t error_size)
{
    for (size_t i = 0; i < spec->pairs_count; i++) {
        const char *const *known = allowed;
        while (*known != NULL && strcmp(*known, spec->pairs[i].key) != 0)
            known++;
        if (*known != NULL)
            continue;
        int at = snprintf(error, error_size, "unknown key \"%s\"; allowed:", spec->pairs[i].key);
        for (known = allowed; *known != NULL && at > 0 && (size_t)at < error_size; known++)
            at += snprintf(error + at, error_size - (size_t)at, "%s %s",
                           known == allowed ? "" : ",", *known);
        return -EINVAL;
    }
    return spec_check_once(spec, allowed, error, error_size);
}

int spec_integer(const struct spec *spec, const char *key, uint64_t min, uint64_t max,
                 uint64_t *out, char *error, size_t error_size)
{
    const char *text = spec_value(spec, key);
    if (text == NULL)
        return 0;
    char *end;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value < min || value > max) {
        snprintf(error, error_size, "%s=%s: allowed are whole numbers from %llu to %llu", key, text,
                 (unsigned long long)min, (unsigned long long)max);
        return -EINVAL;
    }
    *out = value;
    return 0;
}

int spec_real(const struct spec *spec, const char *key, double min, double max, double *out,
              char *error, size_t error_size)
{
    const char *text = spec_value(spec, key);
    if (text == NULL)
        return 0;
    char *end;
    const double value = strtod(text, &end);
    if (*text < '0' || *text > '9' || *end != '\0' || !(value >= min && value <= max)) {
        snprintf(error, error_size, "%s=%s: allowed are numbers from %g to %g", key, text, min,
                 max);
        return -EINVAL;
    }
    *out = value;
    return 0;
}
