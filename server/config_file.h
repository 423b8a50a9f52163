/* config_file: the JSON file of --config, and where in it things stand.
 *
 * libjansson tells the place of bad syntax only; whoever edits the file wants it for a bad value as
 * well. Before any thread runs. */
#ifndef PRICECAST_SERVER_CONFIG_FILE_H
#define PRICECAST_SERVER_CONFIG_FILE_H

#include <jansson.h>
#include <stddef.h>

#define CONFIG_FILE_BYTES_MAX (1 << 20)

struct config_file {
    const char *path; /* the caller's */
    char *text;       /* owned, as is: */
    json_t *root;     /* an object in which no key is there twice */
    size_t len;
};

/* Returns 0; -EINVAL (it is no JSON object, or too long), -ENOMEM, or as open(2) and read(2), with
 * one line in `error`. On success call config_file_finish(). */
int config_file_read(const char *path, struct config_file *out, char *error, size_t error_size);
void config_file_finish(struct config_file *file);

/* Writes where `key` of the object stands, as PATH:LINE:COLUMN; both count from 1, columns in
 * characters. */
void config_file_place(const struct config_file *file, const char *key, char *out, size_t room);

#endif
