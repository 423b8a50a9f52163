/* Sums are 128 bits wide: 38 digits. A volume that needs more is not rounded but called unknown. */
#include "server/candle.h"

#include <string.h>

static void set_value(struct candle *candle, enum candle_price which, struct decimal value)
{
    candle->mantissa[which] = value.mantissa;
    candle->form[which] = value.form;
}

struct candle candle_make(int64_t bucket, struct decimal price)
{
    struct candle candle = {.bucket = bucket};
    for (unsigned i = 0; i < CANDLE_PRICES; i++)
        set_value(&candle, i, price);
    return candle;
}

static inline int compare(struct decimal a, struct decimal b)
{
    if (a.form == b.form && !(a.form & DECIMAL_NEGATIVE)) /* nearly always */
        return a.mantissa < b.mantissa ? -1 : a.mantissa > b.mantissa;
    return decimal_compare(a, b);
}

static inline void add_range(struct candle *candle, struct decimal high, struct decimal low)
{
    if (compare(high, candle_value(candle, CANDLE_HIGH)) > 0)
        set_value(candle, CANDLE_HIGH, high);
    if (compare(low, candle_value(candle, CANDLE_LOW)) < 0)
        set_value(candle, CANDLE_LOW, low);
}

void candle_add_price(struct candle *candle, struct decimal price)
{
    add_range(candle, price, price);
    set_value(candle, CANDLE_CLOSE, price);
}

/* Moves the point `digits` to the right. Returns false on overflow. */
static bool scale(candle_sum *value, unsigned digits)
{
    for (; digits > 0; digits--)
        if (__builtin_mul_overflow(*value, (candle_sum)10, value))
            return false;
    return true;
}

static void add_volume(struct candle *candle, candle_sum value, unsigned digits)
{
    const unsigned own = candle->volume_digits;
    if (candle->volume_is_unknown)
        return;
    if (digits > own)
        candle->volume_digits = (uint8_t)digits;
    const bool fits = digits == own  ? true
                      : digits > own ? scale(&candle->volume, digits - own)
                                     : scale(&value, own - digits);
    candle->volume_is_unknown =
        !fits || __builtin_add_overflow(candle->volume, value, &candle->volume);
}

static candle_sum signed_value(struct decimal value)
{
    const candle_sum mantissa = value.mantissa;
    return value.form & DECIMAL_NEGATIVE ? -mantissa : mantissa;
}

void candle_add_size(struct candle *candle, struct decimal size)
{
    add_volume(candle, signed_value(size), decimal_digits(size));
}

void candle_merge(struct candle *candle, const struct candle *later)
{
    add_range(candle, candle_value(later, CANDLE_HIGH), candle_value(later, CANDLE_LOW));
    set_value(candle, CANDLE_CLOSE, candle_value(later, CANDLE_CLOSE));
    add_volume(candle, later->volume, later->volume_digits);
    candle->volume_is_unknown |= later->volume_is_unknown;
}

/* ---- arithmetic ---- */

/* Zeros at the end go only where the value would not fit otherwise. */
static bool to_decimal(candle_sum value, unsigned digits, struct decimal *out)
{
    const bool negative = value < 0;
    candle_sum rest = negative ? -value : value;
    while ((rest > (candle_sum)UINT64_MAX || digits > DECIMAL_DIGITS_MAX) && digits > 0 &&
           rest % 10 == 0) {
        rest /= 10;
        digits--;
    }
    if (rest > (candle_sum)UINT64_MAX || digits > DECIMAL_DIGITS_MAX)
        return false;
    out->mantissa = (uint64_t)rest;
    out->form = (uint8_t)(digits | (negative ? DECIMAL_NEGATIVE : 0));
    return true;
}

/* a + sign × b with the digits of the longer one. */
static bool add(struct decimal a, struct decimal b, int sign, candle_sum *sum, unsigned *digits)
{
    candle_sum left = signed_value(a), right = sign * signed_value(b);
    const unsigned a_digits = decimal_digits(a), b_digits = decimal_digits(b);
    *digits = a_digits > b_digits ? a_digits : b_digits;
    return scale(&left, *digits - a_digits) && scale(&right, *digits - b_digits) &&
           !__builtin_add_overflow(left, right, sum);
}

bool candle_mid(struct decimal bid, struct decimal ask, struct decimal *out)
{
    candle_sum sum;
    unsigned digits;
    if (!add(bid, ask, 1, &sum, &digits))
        return false;
    if (sum % 2 == 0)
        return to_decimal(sum / 2, digits, out);
    return !__builtin_mul_overflow(sum, (candle_sum)5, &sum) && to_decimal(sum, digits + 1, out);
}

bool candle_difference(struct decimal a, struct decimal b, struct decimal *out)
{
    candle_sum sum;
    unsigned digits;
    return add(a, b, -1, &sum, &digits) && to_decimal(sum, digits, out);
}

/* ---- texts ---- */

void candle_put_price(const struct candle *candle, enum candle_price which, struct text *json)
{
    char number[DECIMAL_TEXT_MAX];
    const size_t len = decimal_format(candle_value(candle, which), number);
    text_puts(json, "\"");
    text_put(json, number, len);
    text_puts(json, "\"");
}

void candle_put_volume(const struct candle *candle, struct text *json)
{
    char number[48], *first = number + sizeof number;
    candle_sum rest = candle->volume < 0 ? -candle->volume : candle->volume;
    if (candle->volume_is_unknown) {
        text_puts(json, "null");
        return;
    }
    *--first = '"';
    for (unsigned at = 0; rest > 0 || at <= candle->volume_digits; at++) {
        if (at == candle->volume_digits && at > 0)
            *--first = '.';
        *--first = (char)('0' + (int)(rest % 10));
        rest /= 10;
    }
    if (candle->volume < 0)
        *--first = '-';
    *--first = '"';
    text_put(json, first, (size_t)(number + sizeof number - first));
}
