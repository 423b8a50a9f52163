#include "server/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int refuse(const char *path, int rc, const char *what, char *error, size_t error_size)
{
    snprintf(error, error_size, "--config %s: %s", path, what);
    return rc;
}

/* ---- reading ---- */

/* Returns how many bytes, at most one more than are allowed, or a negative errno. */
static ssize_t read_up(int fd, char *text)
{
    size_t len = 0;
    while (len <= CONFIG_FILE_BYTES_MAX) {
        const ssize_t got = read(fd, text + len, CONFIG_FILE_BYTES_MAX + 1 - len);
        if (got == 0)
            break;
        if (got < 0 && errno != EINTR)
            return -errno;
        len += got < 0 ? 0 : (size_t)got;
    }
    return (ssize_t)len;
}

static int text_read(struct config_file *file, char *error, size_t error_size)
{
    file->text = malloc(CONFIG_FILE_BYTES_MAX + 1);
    if (file->text == NULL)
        return refuse(file->path, -ENOMEM, "out of memory", error, error_size);
    const int fd = open(file->path, O_RDONLY | O_CLOEXEC);
    const ssize_t got = fd < 0 ? -errno : read_up(fd, file->text);
    if (fd >= 0)
        close(fd);
    if (got < 0)
        return refuse(file->path, (int)got, strerror((int)-got), error, error_size);
    if (got > CONFIG_FILE_BYTES_MAX)
        return refuse(file->path, -EINVAL, "allowed: up to 1 MiB", error, error_size);
    file->len = (size_t)got;
    if (file->len >= 3 && memcmp(file->text, "\xef\xbb\xbf", 3) == 0)
        memset(file->text, ' ', 3); /* some editors write a byte order mark */
    return 0;
}

static int text_parse(struct config_file *file, char *error, size_t error_size)
{
    json_error_t where;
    file->root = json_loadb(file->text, file->len, JSON_REJECT_DUPLICATES, &where);
    if (json_is_object(file->root))
        return 0;
    if (file->root != NULL)
        return refuse(file->path, -EINVAL,
                      "not a JSON object; allowed: {\"option\": value, …}, _ for -", error,
                      error_size);
    snprintf(error, error_size, "--config %s:%d:%d: %s; allowed: JSON, {\"option\": value, …}",
             file->path, where.line, where.column > 0 ? where.column : 1, where.text);
    return -EINVAL;
}

int config_file_read(const char *path, struct config_file *out, char *error, size_t error_size)
{
    struct config_file file = {.path = path};
    int rc = text_read(&file, error, error_size);
    if (rc == 0)
        rc = text_parse(&file, error, error_size);
    if (rc == 0)
        *out = file;
    else
        config_file_finish(&file);
    return rc;
}

void config_file_finish(struct config_file *file)
{
    json_decref(file->root);
    free(file->text);
    *file = (struct config_file){0};
}

/* ---- places ---- */

/* `at` is a quote; returns what stands behind the string it begins. */
static const char *string_end(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\')
            at++;
    return at < end ? at + 1 : end;
}

/* It may hold escapes. */
static bool string_is(const char *at, const char *end, const char *key)
{
    json_t *string = json_loadb(at, (size_t)(end - at), JSON_DECODE_ANY, NULL);
    const bool is = json_is_string(string) && strcmp(json_string_value(string), key) == 0;
    json_decref(string);
    return is;
}

/* The text is good JSON: in the outer object a string behind { or , is a key. */
static const char *key_find(const struct config_file *file, const char *key)
{
    const char *const end = file->text + file->len;
    int depth = 0;
    bool may_be_key = false;
    for (const char *at = file->text; at < end;) {
        if (*at == '"') {
            const char *behind = string_end(at, end);
            if (may_be_key && string_is(at, behind, key))
                return at;
            at = behind;
            may_be_key = false;
            continue;
        }
        depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
        if (*at == '{' || *at == ',')
            may_be_key = depth == 1;
        at++;
    }
    return file->text;
}

void config_file_place(const struct config_file *file, const char *key, char *out, size_t room)
{
    const char *const place = key_find(file, key);
    unsigned line = 1, column = 1;
    for (const char *at = file->text; at < place; at++) {
        if (*at == '\n') {
            line++;
            column = 1;
        } else {
            column += ((unsigned char)*at & 0xc0) != 0x80; /* what continues a character is none */
        }
    }
    snprintf(out, room, "%s:%u:%u", file->path, line, column);
}
