/* option_read: from the text of an option's value to its field in struct options.
 *
 * Each reader takes the text as it was given, checks it and sets the field; a value that is not
 * allowed is refused with one line that names the option, the value and what is. Before any thread
 * runs. */
#ifndef PRICECAST_SERVER_OPTION_READ_H
#define PRICECAST_SERVER_OPTION_READ_H

#include "server/options.h"

struct option_parser {
    struct options *options;
    char *error;
    size_t error_size;
};

struct option_row;

/* Returns false when the value is refused, or without memory; then the field may have changed. */
typedef bool option_read_fn(struct option_parser *parser, const struct option_row *row,
                            const char *value);

struct option_row {
    const char *name;
    const char *value; /* its shape in the help; NULL: a flag */
    const char *help;
    option_read_fn *read;
    size_t offset;     /* of the field in struct options */
    uint64_t min, max; /* of numbers; of sizes, min only */
};

/* Puts "--NAME VALUE: allowed: …" into parser->error. Returns false. */
bool option_refuse(struct option_parser *parser, const struct option_row *row, const char *value,
                   const char *allowed, ...) __attribute__((format(printf, 4, 5)));

option_read_fn option_read_flag;   /* bool; the value is NULL */
option_read_fn option_read_text;   /* char *, owned; a value before it is freed */
option_read_fn option_read_folder; /* the same: a dashboard's */
option_read_fn option_read_list;   /* struct option_list, one more of it */
option_read_fn option_read_origin; /* the same: as browsers write it, or * */
option_read_fn option_read_number; /* uint64_t, from min to max */
option_read_fn option_read_size;   /* uint64_t, bytes, from min on: 64K, 100M, 2G */
option_read_fn option_read_speed;  /* double; 0 is "max" */
option_read_fn option_read_when;   /* struct when */
option_read_fn option_read_gap;    /* int64_t, ns, above 0 */
option_read_fn option_read_age;    /* int64_t, ns */
option_read_fn option_read_rebase; /* bool; the value is "now" */
option_read_fn option_read_level;  /* enum log_level */

/* These know their fields: record_rotate_*, of which a size, a duration and the day go together;
 * record_sync, and that it was given; listen, host and port. */
option_read_fn option_read_rotate, option_read_fsync, option_read_listen;

#endif
