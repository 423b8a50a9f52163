/* Digits are counted, never divided away: formatting puts back every zero that was read. */
#include "feed/decimal.h"

#include <errno.h>
#include <string.h>

/* Appends the digits at `at` to *mantissa. Returns where they end, NULL when they do not fit. */
static inline const char *take_digits(const char *at, const char *end, uint64_t *mantissa)
{
    uint64_t value = *mantissa;
    for (; at < end; at++) {
        const unsigned digit = (unsigned)(*at - '0');
        if (digit > 9)
            break;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return NULL;
    }
    *mantissa = value;
    return at;
}

int decimal_take(const char **text, const char *end, struct decimal *out)
{
    const bool negative = *text < end && **text == '-';
    const char *const whole = *text + negative;
    uint64_t mantissa = 0;
    long digits = 0;
    const char *at = take_digits(whole, end, &mantissa);
    if (at == NULL)
        return -ERANGE;
    if (at == whole || (*whole == '0' && at - whole > 1))
        return -EINVAL; /* the zeros in front could not be given back */
    if (at < end && *at == '.') {
        const char *const fraction = at + 1;
        at = take_digits(fraction, end, &mantissa);
        if (at == fraction)
            return -EINVAL;
        if (at == NULL || at - fraction > DECIMAL_DIGITS_MAX)
            return -ERANGE;
        digits = at - fraction;
    }
    out->mantissa = mantissa;
    out->form = (uint8_t)(digits | (negative ? DECIMAL_NEGATIVE : 0));
    *text = at;
    return 0;
}

int decimal_parse(const char *text, size_t len, struct decimal *out)
{
    struct decimal value;
    const char *const end = text + len;
    const int rc = decimal_take(&text, end, &value);
    if (rc != 0)
        return rc;
    if (text != end)
        return -EINVAL;
    *out = value;
    return 0;
}

int decimal_parse_scaled(const char *text, size_t len, unsigned scale, struct decimal *out)
{
    struct decimal value;
    const int rc = decimal_parse(text, len, &value);
    if (rc != 0)
        return rc;
    if (decimal_digits(value) != 0)
        return -EINVAL;
    if (scale > DECIMAL_DIGITS_MAX)
        return -ERANGE;
    value.form = (uint8_t)(value.form | scale);
    *out = value;
    return 0;
}

/* Two digits a turn: prices are formatted once a shard for every event. */
static const char digit_pairs[] = "00010203040506070809101112131415161718192021222324"
                                  "25262728293031323334353637383940414243444546474849"
                                  "50515253545556575859606162636465666768697071727374"
                                  "75767778798081828384858687888990919293949596979899";

size_t decimal_format(struct decimal value, char *out)
{
    char text[32]; /* the mantissa's digits, written from the right */
    char *first = text + sizeof text;
    uint64_t rest = value.mantissa;
    while (rest >= 100) {
        first -= 2;
        memcpy(first, digit_pairs + rest % 100 * 2, 2);
        rest /= 100;
    }
    if (rest >= 10) {
        first -= 2;
        memcpy(first, digit_pairs + rest * 2, 2);
    } else {
        *--first = (char)('0' + rest);
    }
    size_t length = (size_t)(text + sizeof text - first);
    const size_t digits = decimal_digits(value);
    char *at = out;
    if (value.form & DECIMAL_NEGATIVE)
        *at++ = '-';
    if (length > digits) {
        const size_t whole = length - digits;
        memcpy(at, first, whole);
        at += whole;
        first += whole;
        length = digits;
    } else {
        *at++ = '0';
    }
    if (digits > 0) {
        *at++ = '.';
        memset(at, '0', digits - length);
        at += digits - length;
        memcpy(at, first, length);
        at += length;
    }
    return (size_t)(at - out);
}

int decimal_compare(struct decimal a, struct decimal b)
{
    __extension__ typedef unsigned __int128 wide;
    const bool a_negative = (a.form & DECIMAL_NEGATIVE) && a.mantissa != 0;
    const bool b_negative = (b.form & DECIMAL_NEGATIVE) && b.mantissa != 0;
    if (a_negative != b_negative)
        return a_negative ? -1 : 1;
    const unsigned a_digits = decimal_digits(a), b_digits = decimal_digits(b);
    wide left = a.mantissa, right = b.mantissa;
    /* Scale the one with fewer digits up; 64 bits times 10^19 still fit, beyond that it wins. */
    wide *smaller = a_digits < b_digits ? &left : &right;
    const unsigned gap = a_digits < b_digits ? b_digits - a_digits : a_digits - b_digits;
    for (unsigned i = 0; i < gap && *smaller >> 64 == 0; i++)
        *smaller *= 10;
    const int order = left < right ? -1 : left > right;
    return a_negative ? -order : order;
}
