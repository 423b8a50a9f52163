/* decimal: a price or a size that prints as exactly the text it was read from.
 *
 * The value is (-1)^negative × mantissa × 10^-digits, and `digits` is how many stood after the
 * point, so "61837.63000000" and "61837.63" are equal in value and different in form. No value
 * ever passes through a double.
 *
 * Accepted: -?(0|[1-9][0-9]*)(\.[0-9]+)? with a mantissa below 2^64 (so any 19 digits) and at most
 * DECIMAL_DIGITS_MAX digits after the point. Everything else (exponents, NaN, infinities, a bare
 * point, a leading plus or zero, empty) is refused: it could not be given back character for
 * character. Pure functions, any thread. */
#ifndef PRICECAST_FEED_DECIMAL_H
#define PRICECAST_FEED_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DECIMAL_NEGATIVE   0x80u /* bit of form; "-0.00" keeps its sign */
#define DECIMAL_DIGITS     0x1fu /* bits of form: digits after the point */
#define DECIMAL_ABSENT     0x7fu /* form of a value the source did not give */
#define DECIMAL_DIGITS_MAX 30
#define DECIMAL_TEXT_MAX   40 /* bytes the longest text takes, without an end mark */

struct decimal {
    uint64_t mantissa;
    uint8_t form;
};

static inline bool decimal_is_absent(struct decimal value)
{
    return value.form == DECIMAL_ABSENT;
}

static inline unsigned decimal_digits(struct decimal value)
{
    return value.form & DECIMAL_DIGITS;
}

/* Reads all of text[0..len). Returns 0, -EINVAL (not a decimal) or -ERANGE (too many digits);
 * *out changes on success only. */
int decimal_parse(const char *text, size_t len, struct decimal *out);

/* Reads the longest decimal that *text begins with, and moves *text behind it. Returns as
 * decimal_parse(). */
int decimal_take(const char **text, const char *end, struct decimal *out);

/* Reads an integer and moves the point `scale` digits to the left, as for vendor files that write
 * 182.1000 as 1821000. Returns as decimal_parse(), and -EINVAL when the text has a point. */
int decimal_parse_scaled(const char *text, size_t len, unsigned scale, struct decimal *out);

/* Writes the text to `out`, which holds DECIMAL_TEXT_MAX bytes; returns its length. No end mark.
 * The value must not be absent. */
size_t decimal_format(struct decimal value, char *out);

/* Orders by value: negative, zero or positive as a <, = or > b; forms do not matter. */
int decimal_compare(struct decimal a, struct decimal b);

#endif
