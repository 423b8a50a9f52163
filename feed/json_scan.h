/* json_scan: reads one JSON text in a single pass, without allocating and without a tree.
 *
 * Written because jansson turns prices into doubles and so loses their digits, refuses a whole
 * message for one integer above int64, and builds a tree we would throw away at once (measured on
 * recorded Binance messages: 18 times slower). Here numbers stay the text they were.
 *
 * A scan walks forward only. json_scan_next() gives the members of the container it stands in; a
 * container among them is either entered or passed over by the next call:
 *
 *     json_scan_init(&scan, text, len);
 *     json_scan_top(&scan, &value);                   an object, say
 *     json_scan_enter(&scan);
 *     while ((rc = json_scan_next(&scan, &key, &value)) > 0)
 *         if (value.type == SCAN_ARRAY && wanted(&key))
 *             json_scan_enter(&scan);                 then next() gives its elements, until 0
 *     rc = json_scan_finish(&scan);                   checks the rest and what stands behind
 *
 * Everything passed is checked against RFC 8259 and nothing beyond `len` is read, so a text is good
 * only once json_scan_finish() has returned 0. Two liberties: bytes above 0x7f in strings are not
 * checked to be UTF-8 (name_is_valid() does that for what we keep), and a name may occur twice.
 *
 * Functions returning int give a negative errno for bad text: -EINVAL, whatever the cause. It is
 * final, json_scan_problem() says what was wrong and json_scan_offset() at which byte. Tokens point
 * into the text, which the caller keeps. Any thread, one per scan. */
#ifndef PRICECAST_FEED_JSON_SCAN_H
#define PRICECAST_FEED_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_SCAN_DEPTH_MAX 64 /* containers within each other */

enum json_scan_type {
    SCAN_NULL,
    SCAN_FALSE,
    SCAN_TRUE,
    SCAN_NUMBER,
    SCAN_STRING,
    SCAN_ARRAY,
    SCAN_OBJECT,
};

struct json_scan_token {
    const char *text; /* a string's without its quotes */
    size_t len;       /* of a container: 0, see json_scan_pass() */
    enum json_scan_type type;
    bool has_escapes; /* a string that needs json_scan_unescape() */
};

/* To be embedded by the caller; the members are private. */
struct json_scan {
    const char *begin, *at, *end;
    const char *problem; /* static text once something was wrong */
    uint64_t objects;    /* a bit for each level: object or array */
    unsigned depth;
    bool is_first;   /* the container was just entered: no comma before its first member */
    bool is_waiting; /* `at` stands on the bracket of a container that nobody entered yet */
};

void json_scan_init(struct json_scan *scan, const char *text, size_t len);

/* Reads the outermost value; call it once, first. Returns 0 or -EINVAL. */
int json_scan_top(struct json_scan *scan, struct json_scan_token *value);

/* Goes into the container that the last call gave. Returns 0 or -EINVAL (too deep). */
int json_scan_enter(struct json_scan *scan);

/* Gives the next member of the container entered last; in an array *key has a NULL text. Returns 1,
 * 0 (it had no more; the scan now stands behind it in the container around) or -EINVAL. */
int json_scan_next(struct json_scan *scan, struct json_scan_token *key,
                   struct json_scan_token *value);

/* Passes over the container *value that the last call gave, and sets value->len so that its text
 * can be kept and scanned later. Returns 0 or -EINVAL. */
int json_scan_pass(struct json_scan *scan, struct json_scan_token *value);

/* Passes over what is left of the container entered last. Returns 0 or -EINVAL. */
int json_scan_leave(struct json_scan *scan);

/* Passes over all the rest. Returns 0, or -EINVAL also when anything but white space follows. */
int json_scan_finish(struct json_scan *scan);

/* Where the scan stands, in bytes; and what was wrong there, or NULL. */
size_t json_scan_offset(const struct json_scan *scan);
const char *json_scan_problem(const struct json_scan *scan);

/* ---- picking members by name ---- */

struct json_scan_name {
    const char *text;
    size_t len;
};
#define JSON_SCAN_NAME(literal)                                                                    \
    {                                                                                              \
        literal, sizeof literal - 1                                                                \
    }

/* Returns the place of `key` in names[0..count), or -1. Searches from *hint on, round the end, and
 * leaves *hint behind the match, so that members in the usual order cost one comparison each. A key
 * written with escapes matches nothing. */
int json_scan_find(const struct json_scan_name *names, size_t count, size_t *hint,
                   const struct json_scan_token *key);

/* Reads the rest of the object entered last. found[i] becomes the value of names[i], or a token
 * with a NULL text if there was none; the last one of equal names counts. Returns 0 or -EINVAL. */
int json_scan_collect(struct json_scan *scan, const struct json_scan_name *names, size_t count,
                      struct json_scan_token *found);

/* ---- tokens ---- */

/* Whether a token is the string `text`. */
bool json_scan_is(const struct json_scan_token *token, const char *text);

/* Writes a string's characters as UTF-8 to `out`, no end mark. Returns the length, -ENOSPC (more
 * than `room` bytes) or -EINVAL (half of a surrogate pair). Never longer than token->len. */
long json_scan_unescape(const struct json_scan_token *token, char *out, size_t room);

/* Returns 0, -EINVAL (not a number, or one with fraction or exponent) or -ERANGE. */
int json_scan_integer(const struct json_scan_token *token, int64_t *out);

#endif
