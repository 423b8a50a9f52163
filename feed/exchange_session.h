/* exchange_session: what the adapters in feed/exchange_*.c share. Outside of them only cryptofeed2,
 * whose own lines are JSON as well, includes it. */
#ifndef PRICECAST_FEED_EXCHANGE_SESSION_H
#define PRICECAST_FEED_EXCHANGE_SESSION_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "feed/exchange.h"

/* What a session knows of one symbol. */
struct exchange_symbol {
    int64_t last_trade;                 /* its number, or -1 */
    struct decimal quote[EVENT_VALUES]; /* what deltas are merged into */
    UT_hash_handle hh;
    char name[];
};

struct exchange_session {
    const struct exchange *exchange;
    struct exchange_news news;
    struct exchange_symbol *symbols;
    int64_t last_sequence; /* of the connection, or -1 */
};

/* Finds or adds a symbol. Returns NULL without memory, for a name that is too long, and when there
 * are EXCHANGE_SYMBOLS_MAX. */
struct exchange_symbol *exchange_symbol_get(struct exchange_session *session,
                                            struct format_name name);

/* Compares a number that should grow by one with the last one. Jumps are counted as gaps; *last
 * stays where a number comes again or late. */
void exchange_count(struct exchange_session *session, int64_t number, int64_t *last);

/* Keeps an error message that the exchange sent; a token with NULL text keeps `otherwise`. */
void exchange_refused(struct exchange_session *session, const struct json_scan_token *text,
                      const char *otherwise);

/* ---- reading ---- */

/* Reads a whole message that is an object and picks members of it, as json_scan_collect(). Returns
 * FORMAT_EVENTS; FORMAT_BAD; or FORMAT_IGNORED for an array. */
enum format_result exchange_collect(const struct exchange_message *message,
                                    const struct json_scan_name *names, size_t count,
                                    struct json_scan_token *found, struct format_output *out);

/* The same for an array: up to `max` elements; the number of all in *count. FORMAT_IGNORED for an
 * object. */
enum format_result exchange_elements(const struct exchange_message *message,
                                     struct json_scan_token *found, size_t max, size_t *count,
                                     struct format_output *out);

/* Goes into a container that one of these found, so that it can be read by json_scan_next(). Its
 * text was checked then, so that nothing can fail here. */
void exchange_enter(const struct exchange_message *message, const struct json_scan_token *token,
                    struct json_scan *scan);

/* Reads up to `max` elements of an array that was found. Returns how many, 0 if it is no array. */
size_t exchange_list(const struct exchange_message *message, const struct json_scan_token *token,
                     struct json_scan_token *found, size_t max);

/* Whether a value is there and neither null nor "". */
bool exchange_is_given(const struct json_scan_token *token);

/* Puts a value in its place in an event, unless it is not given. False as format_take_value(). */
bool exchange_take_given(struct format_output *out, const char *field,
                         const struct json_scan_token *token, struct price_event *event, int which);

/* Adds an event of the symbol that a token names. */
enum format_result exchange_add(struct exchange_session *session, struct format_output *out,
                                const struct price_event *event, const char *field,
                                const struct json_scan_token *symbol);

enum format_result exchange_bad_json(struct format_output *out,
                                     const struct exchange_message *message,
                                     const struct json_scan *scan);

/* ---- writing ---- */

/* A text that grows; once memory fails it is NULL and stays so. */
struct exchange_text {
    char *text;
    size_t len, room;
    bool has_failed;
};

void exchange_put(struct exchange_text *out, const char *text);
/* A JSON string, quotes included; what is formatted is cut at 511 bytes. */
void exchange_put_string(struct exchange_text *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A JSON array of such strings, `format` taking one symbol. */
void exchange_put_symbols(struct exchange_text *out, const char *format, const char *const *symbols,
                          size_t count);

#endif
