/* The nesting is one bit a level, so that passing over a container is a loop and hostile depth can
 * cost neither stack nor memory.
 *
 * Invariants between calls: begin <= at <= end; bits of `objects` at `depth` and above mean
 * nothing; is_waiting implies that *at is '{' or '['. Once `problem` is set nothing moves again. */
#include "feed/json_scan.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

static int fail(struct json_scan *scan, const char *at, const char *problem)
{
    scan->at = at;
    scan->problem = problem;
    return -EINVAL;
}

void json_scan_init(struct json_scan *scan, const char *text, size_t len)
{
    *scan = (struct json_scan){.begin = text, .at = text, .end = text + len};
}

static inline void skip_space(struct json_scan *scan)
{
    const char *at = scan->at;
    while (at < scan->end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
        at++;
    scan->at = at;
}

/* Four hexadecimal digits, or -1. */
static long hex4(const char *at, const char *end)
{
    long value = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        const char c = at[i];
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* `at` is behind a backslash. Returns how many bytes the rest of the escape takes, 0 if it is bad.
 */
static size_t escape_length(const char *at, const char *end)
{
    if (at == end)
        return 0;
    if (*at == 'u')
        return hex4(at + 1, end) < 0 ? 0 : 5;
    return *at != '\0' && strchr("\"\\/bfnrt", *at) != NULL;
}

/* Characters that stand for themselves in a string. */
static inline bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

/* The same for eight characters, because strings are most of every message. Returns the place of
 * the first that is not plain, 8 if all are. In each word a byte's top bit is set if the
 * subtraction borrowed, that is if the byte was below the tested value; a borrow that runs on can
 * only mark bytes behind the first one, and ~ keeps those above 0x7f out. */
static inline unsigned plain8(const char *at)
{
    const uint64_t ones = 0x0101010101010101u, tops = ones << 7;
    uint64_t word;
    memcpy(&word, at, sizeof word);
    word = le64toh(word);
    const uint64_t quote = word ^ (ones * '"'), slash = word ^ (ones * '\\');
    const uint64_t hits = tops & (((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) |
                                  ((slash - ones) & ~slash));
    return hits == 0 ? 8 : (unsigned)__builtin_ctzll(hits) / 8;
}

static inline const char *skip_plain(const char *at, const char *end)
{
    while (end - at >= 8) {
        const unsigned count = plain8(at);
        at += count;
        if (count < 8)
            return at;
    }
    while (at < end && is_plain(*at))
        at++;
    return at;
}

/* `scan->at` stands on the opening quote. */
static inline int read_string(struct json_scan *scan, struct json_scan_token *out)
{
    const char *const end = scan->end;
    const char *at = scan->at + 1;
    out->type = SCAN_STRING;
    out->text = at;
    out->has_escapes = false;
    for (;;) {
        at = skip_plain(at, end);
        if (at == end)
            return fail(scan, at, "a string does not end");
        if (*at == '"')
            break;
        if (*at != '\\')
            return fail(scan, at, "a control character in a string");
        const size_t length = escape_length(at + 1, end);
        if (length == 0)
            return fail(scan, at, "a bad escape in a string");
        at += 1 + length;
        out->has_escapes = true;
    }
    out->len = (size_t)(at - out->text);
    scan->at = at + 1;
    return 0;
}

static inline const char *skip_digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

static int read_number(struct json_scan *scan, struct json_scan_token *out)
{
    const char *const end = scan->end;
    const char *at = scan->at + (*scan->at == '-');
    const char *digits = at;
    at = skip_digits(at, end);
    if (at == digits || (*digits == '0' && at - digits > 1))
        return fail(scan, digits, "a bad number");
    if (at < end && *at == '.') {
        digits = ++at;
        at = skip_digits(at, end);
        if (at == digits)
            return fail(scan, at, "a bad number");
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at < end && (*at == '+' || *at == '-');
        digits = at;
        at = skip_digits(at, end);
        if (at == digits)
            return fail(scan, at, "a bad number");
    }
    out->type = SCAN_NUMBER;
    out->text = scan->at;
    out->len = (size_t)(at - scan->at);
    out->has_escapes = false;
    scan->at = at;
    return 0;
}

static int read_word(struct json_scan *scan, const char *word, enum json_scan_type type,
                     struct json_scan_token *out)
{
    const size_t len = strlen(word);
    if ((size_t)(scan->end - scan->at) < len || memcmp(scan->at, word, len) != 0)
        return fail(scan, scan->at, "no JSON value");
    *out = (struct json_scan_token){.text = scan->at, .len = len, .type = type};
    scan->at += len;
    return 0;
}

/* A container is only announced: the scan waits on its bracket. */
static inline int read_value(struct json_scan *scan, struct json_scan_token *out)
{
    if (scan->at == scan->end)
        return fail(scan, scan->at, "the text ends early");
    switch (*scan->at) {
    case '"':
        return read_string(scan, out);
    case '{':
    case '[':
        *out = (struct json_scan_token){
            .text = scan->at,
            .type = *scan->at == '{' ? SCAN_OBJECT : SCAN_ARRAY,
        };
        scan->is_waiting = true;
        return 0;
    case 't':
        return read_word(scan, "true", SCAN_TRUE, out);
    case 'f':
        return read_word(scan, "false", SCAN_FALSE, out);
    case 'n':
        return read_word(scan, "null", SCAN_NULL, out);
    case '-':
    case '0' ... '9':
        return read_number(scan, out);
    default:
        return fail(scan, scan->at, "no JSON value");
    }
}

int json_scan_top(struct json_scan *scan, struct json_scan_token *value)
{
    assert(scan->at == scan->begin && scan->depth == 0);
    skip_space(scan);
    return read_value(scan, value);
}

int json_scan_enter(struct json_scan *scan)
{
    if (scan->problem != NULL)
        return -EINVAL;
    assert(scan->is_waiting);
    if (scan->depth == JSON_SCAN_DEPTH_MAX)
        return fail(scan, scan->at, "nested too deeply");
    const uint64_t bit = UINT64_C(1) << scan->depth++;
    scan->objects = *scan->at == '{' ? scan->objects | bit : scan->objects & ~bit;
    scan->at++;
    scan->is_waiting = false;
    scan->is_first = true;
    return 0;
}

static inline int read_key(struct json_scan *scan, struct json_scan_token *key)
{
    if (scan->at == scan->end || *scan->at != '"')
        return fail(scan, scan->at, "no name where a member begins");
    const int rc = read_string(scan, key);
    if (rc != 0)
        return rc;
    skip_space(scan);
    if (scan->at == scan->end || *scan->at != ':')
        return fail(scan, scan->at, "no colon after a name");
    scan->at++;
    skip_space(scan);
    return 0;
}

/* One member or the closing bracket; nothing is waiting. Returns as json_scan_next(). */
static inline int read_member(struct json_scan *scan, struct json_scan_token *key,
                              struct json_scan_token *value)
{
    const bool is_object = scan->objects >> (scan->depth - 1) & 1;
    skip_space(scan);
    if (scan->at == scan->end)
        return fail(scan, scan->at, "the text ends early");
    if (*scan->at == (is_object ? '}' : ']')) {
        scan->at++;
        scan->depth--;
        scan->is_first = false;
        return 0;
    }
    if (!scan->is_first) {
        if (*scan->at != ',')
            return fail(scan, scan->at, "no comma between members");
        scan->at++;
        skip_space(scan);
    }
    scan->is_first = false;
    if (is_object) {
        const int rc = read_key(scan, key);
        if (rc != 0)
            return rc;
    } else {
        key->text = NULL;
        key->len = 0;
    }
    const int rc = read_value(scan, value);
    return rc == 0 ? 1 : rc;
}

int json_scan_leave(struct json_scan *scan)
{
    struct json_scan_token key = {0}, value = {0};
    if (scan->problem != NULL)
        return -EINVAL;
    assert(scan->depth > 0);
    const unsigned outside = scan->depth - 1;
    while (scan->depth > outside) {
        const int rc = scan->is_waiting ? json_scan_enter(scan) : read_member(scan, &key, &value);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int json_scan_pass(struct json_scan *scan, struct json_scan_token *value)
{
    int rc = json_scan_enter(scan);
    if (rc == 0)
        rc = json_scan_leave(scan);
    if (rc == 0)
        value->len = (size_t)(scan->at - value->text);
    return rc;
}

int json_scan_next(struct json_scan *scan, struct json_scan_token *key,
                   struct json_scan_token *value)
{
    struct json_scan_token passed;
    if (scan->problem != NULL)
        return -EINVAL;
    if (scan->is_waiting) {
        passed.text = scan->at;
        const int rc = json_scan_pass(scan, &passed);
        if (rc != 0)
            return rc;
    }
    assert(scan->depth > 0);
    return read_member(scan, key, value);
}

int json_scan_finish(struct json_scan *scan)
{
    struct json_scan_token passed = {.text = scan->at};
    int rc = scan->problem != NULL ? -EINVAL : 0;
    if (rc == 0 && scan->is_waiting)
        rc = json_scan_pass(scan, &passed);
    while (rc == 0 && scan->depth > 0)
        rc = json_scan_leave(scan);
    if (rc != 0)
        return rc;
    skip_space(scan);
    return scan->at == scan->end ? 0 : fail(scan, scan->at, "text behind the JSON value");
}

size_t json_scan_offset(const struct json_scan *scan)
{
    return (size_t)(scan->at - scan->begin);
}

const char *json_scan_problem(const struct json_scan *scan)
{
    return scan->problem;
}

int json_scan_find(const struct json_scan_name *names, size_t count, size_t *hint,
                   const struct json_scan_token *key)
{
    size_t at = *hint;
    for (size_t i = 0; i < count; i++, at++) {
        if (at >= count)
            at = 0;
        if (names[at].len == key->len && memcmp(names[at].text, key->text, key->len) == 0) {
            *hint = at + 1;
            return (int)at;
        }
    }
    return -1;
}

int json_scan_collect(struct json_scan *scan, const struct json_scan_name *names, size_t count,
                      struct json_scan_token *found)
{
    struct json_scan_token key = {0}, value = {0};
    size_t hint = 0;
    int rc;
    memset(found, 0, count * sizeof *found);
    while ((rc = json_scan_next(scan, &key, &value)) > 0) {
        const int place = key.text == NULL ? -1 : json_scan_find(names, count, &hint, &key);
        if (place >= 0)
            found[place] = value;
    }
    return rc;
}

bool json_scan_is(const struct json_scan_token *token, const char *text)
{
    return token->type == SCAN_STRING && token->text != NULL && token->len == strlen(text) &&
           memcmp(token->text, text, token->len) == 0;
}

static size_t utf8_write(unsigned long point, char *out)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    const size_t length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--, point >>= 6)
        out[i] = (char)(0x80 | (point & 0x3f));
    out[0] = (char)((0xf00 >> length & 0xf0) | point);
    return length;
}

/* `*at` is behind the backslash of an escape that was checked; moves it behind the escape. Returns
 * the code point, or -1 for half of a surrogate pair. */
static long escape_read(const char **at, const char *end)
{
    static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
    const char c = *(*at)++;
    if (c != 'u') {
        const char *letter = strchr(letters, c);
        return letter != NULL ? meanings[letter - letters] : c;
    }
    const long high = hex4(*at, end);
    *at += 4;
    if (high < 0xd800 || high > 0xdfff)
        return high;
    if (high > 0xdbff || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
        return -1;
    const long low = hex4(*at + 2, end);
    if (low < 0xdc00 || low > 0xdfff)
        return -1;
    *at += 6;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

long json_scan_unescape(const struct json_scan_token *token, char *out, size_t room)
{
    const char *at = token->text, *const end = at + token->len;
    size_t length = 0;
    while (at < end) {
        char bytes[4] = {*at};
        size_t count = 1;
        if (*at++ == '\\') {
            const long point = escape_read(&at, end);
            if (point < 0)
                return -EINVAL;
            count = utf8_write((unsigned long)point, bytes);
        }
        if (count > room - length)
            return -ENOSPC;
        memcpy(out + length, bytes, count);
        length += count;
    }
    return (long)length;
}

int json_scan_integer(const struct json_scan_token *token, int64_t *out)
{
    if (token->text == NULL || token->type != SCAN_NUMBER)
        return -EINVAL;
    const char *at = token->text, *const end = at + token->len;
    const bool is_negative = *at == '-';
    const uint64_t limit = (uint64_t)INT64_MAX + is_negative;
    uint64_t value = 0;
    for (at += is_negative; at < end; at++) {
        const unsigned digit = (unsigned)(*at - '0');
        if (digit > 9)
            return -EINVAL;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value) || value > limit)
            return -ERANGE;
    }
    *out = (int64_t)(is_negative ? -value : value);
    return 0;
}
