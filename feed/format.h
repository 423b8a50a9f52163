/* format: what a recorded file may look like inside, and how its lines become events.
 *
 * To add one: write feed/format_NAME.c with a `const struct format format_NAME`, declare it below,
 * add it to the table in format.c, and give it a fixture (tests/fixtures/), a test and a fuzzer.
 *
 * Pure functions over what they are given; one thread at a time for each parser and output. */
#ifndef PRICECAST_FEED_FORMAT_H
#define PRICECAST_FEED_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/csv.h"
#include "feed/event.h"
#include "feed/json_scan.h"
#include "feed/line_reader.h"
#include "feed/streams.h"

enum {
    FORMAT_REASON_MAX = 160,
    FORMAT_TRIED_MAX = 1536,
    FORMAT_SURE_ENOUGH = 30, /* the confidence below which a guess is none */
};

/* What a line was. Only FORMAT_EVENTS leaves events in the output. */
enum format_result {
    FORMAT_EVENTS,  /* understood: 0 or more events were added (none by a header) */
    FORMAT_IGNORED, /* a message of a kind that carries no trade or quote */
    FORMAT_BAD,     /* refused as a whole; the next line may be good */
    FORMAT_REFUSED, /* from here on nothing can be understood, such as a later version */
};

/* Keys of the feed spec that formats know; NULL where not given. Borrowed by the parser. What each
 * may be stands in the file of the format that takes it. */
struct format_options {
    const char *symbol; /* in place of the symbol, or source, that the lines give */
    const char *source;
    const char *exchange;                            /* cryptofeed: whose messages these are */
    const char *columns, *delimiter, *header, *skip; /* csv */
    const char *date, *tz, *ts_unit, *price_scale, *one_sided;
};

/* The members above by their names, for those who copy or fill them; NULL from the end on. */
const char *format_key_at(size_t index);
const char **format_key_value(struct format_options *options, size_t index);

/* A symbol or source, borrowed from the line, the options or the program. */
struct format_name {
    const char *text;
    size_t len;
};

/* Where the events of one line go. The caller empties it (`count`) between lines; `room` grows as
 * needed and is bounded by what fits into the longest line. */
struct format_output {
    struct streams *streams;           /* borrowed: events are numbered by it */
    struct format_name source, symbol; /* from the options; NULL text: as the line has it */
    struct price_event *events;
    size_t count, room;
    char reason[FORMAT_REASON_MAX]; /* after FORMAT_BAD and FORMAT_REFUSED: why */
};

/* `streams` and the names in `options` are borrowed until format_output_finish(). */
void format_output_init(struct format_output *out, struct streams *streams,
                        const struct format_options *options);
void format_output_finish(struct format_output *out);

struct format {
    const char *name;
    const char *content;     /* for --help: what such a file holds */
    const char *takes;       /* for a file without events: what they are made of */
    const char *const *keys; /* of the spec that it takes, besides `format`; ends with NULL */

    /* How sure it is, 0 to 100, that these first lines (none of them empty, at least one) are of
     * this format; *why says what spoke against it when that is little. */
    int (*guess)(const struct line *lines, size_t count, const char **why);

    /* State that lives from the first line to the last; both NULL for a format without. create()
     * returns 0, -EINVAL with one line in `error` (a bad option) or -ENOMEM. A rewind makes a new
     * parser. All its lines go to outputs with the same `streams`. */
    int (*create)(const struct format_options *options, void **out, char *error, size_t error_size);
    void (*destroy)(void *parser);

    enum format_result (*parse_line)(void *parser, const char *text, size_t len,
                                     struct format_output *out);
};

extern const struct format format_native;
extern const struct format format_binance;
extern const struct format format_cryptofeed1;
extern const struct format format_cryptofeed2;
extern const struct format format_tardis;
extern const struct format format_binance_csv;
extern const struct format format_csv;

/* Returns the format of that name, or NULL. */
const struct format *format_find(const char *name);

/* The table, for --help: NULL from the end on. */
const struct format *format_at(size_t index);

bool format_takes(const struct format *format, const char *key);

/* Returns the format that is surest of the lines, and *sure (0 to 100), among those that take the
 * options given; or NULL. `tried` (FORMAT_TRIED_MAX bytes) says what was tried, how sure each was,
 * and why not. */
const struct format *format_guess(const struct line *lines, size_t count,
                                  const struct format_options *options, int *sure, char *tried);

/* ---- for the formats ---- */

/* Sets out->reason. Return FORMAT_BAD and FORMAT_REFUSED. */
enum format_result format_bad(struct format_output *out, const char *reason, ...)
    __attribute__((format(printf, 2, 3)));
enum format_result format_refused(struct format_output *out, const char *reason, ...)
    __attribute__((format(printf, 2, 3)));
/* The same for a scan that failed: what was wrong and at which byte of the line it began at. */
enum format_result format_bad_json(struct format_output *out, const struct json_scan *scan,
                                   const char *line);

/* The same for a CSV line. */
enum format_result format_bad_csv(struct format_output *out, const struct csv *csv);

/* A cell as the functions below take it; an empty one is missing. */
static inline struct json_scan_token format_cell(const struct csv_cell *cell)
{
    return (struct json_scan_token){
        .text = cell->len > 0 ? cell->text : NULL,
        .len = cell->len,
        .type = SCAN_STRING,
    };
}

/* Each takes a token that json_scan_collect() found, or not, under the name `field`. Returns false
 * and sets out->reason if it is missing or not what it must be. A name stays in the line, or, where
 * it has escapes, is written to `room` (NAME_BYTES_MAX bytes). */
bool format_take_name(struct format_output *out, const char *field,
                      const struct json_scan_token *token, char *room, struct format_name *name);
bool format_take_decimal(struct format_output *out, const char *field,
                         const struct json_scan_token *token, struct decimal *value);
/* The same, put in its place in an event. */
bool format_take_value(struct format_output *out, const char *field,
                       const struct json_scan_token *token, struct price_event *event, int which);
/* A string that is an ISO time with a zone, as in 2024-08-08T23:55:00.25Z. */
bool format_take_date(struct format_output *out, const char *field,
                      const struct json_scan_token *token, int64_t *ns);
/* A string or number, with or without a fraction, that counts units since 1970. */
bool format_take_count(struct format_output *out, const char *field,
                       const struct json_scan_token *token, int64_t unit_ns, int64_t *ns);
/* An integer that counts units of `unit_ns` nanoseconds since 1970. */
bool format_take_time(struct format_output *out, const char *field,
                      const struct json_scan_token *token, int64_t unit_ns, int64_t *ns);

/* Adds an event, which lacks only its stream; names from the options go before those given. Returns
 * FORMAT_EVENTS, or FORMAT_BAD: a name that is none, too many streams, no memory. */
enum format_result format_add(struct format_output *out, const struct price_event *event,
                              struct format_name source, struct format_name symbol);

/* Adds an event that has its stream. Returns FORMAT_EVENTS, or FORMAT_BAD: no memory. */
enum format_result format_put(struct format_output *out, const struct price_event *event);

#endif
