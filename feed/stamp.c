#include "feed/stamp.h"

#include <errno.h>

#include "feed/when.h"

#define NS_PER_S INT64_C(1000000000)

struct text {
    const char *at, *end;
};

static bool is_digit(const struct text *text)
{
    return text->at < text->end && *text->at >= '0' && *text->at <= '9';
}

static bool take_char(struct text *text, char c)
{
    if (text->at == text->end || *text->at != c)
        return false;
    text->at++;
    return true;
}

/* Exactly `width` digits. */
static bool take_digits(struct text *text, int width, unsigned *out)
{
    unsigned value = 0;
    for (int i = 0; i < width; i++) {
        if (!is_digit(text))
            return false;
        value = value * 10 + (unsigned)(*text->at++ - '0');
    }
    *out = value;
    return true;
}

/* Any digits, as what stands behind the point of a count of units. */
static int64_t take_fraction(struct text *text, int64_t unit_ns)
{
    int64_t fraction = 0, scale = 1;
    for (; is_digit(text); text->at++)
        if (scale < NS_PER_S) {
            fraction = fraction * 10 + (*text->at - '0');
            scale *= 10;
        }
    /* Up to nine digits times a day's nanoseconds: split to stay within 64 bits. */
    return unit_ns / scale * fraction + unit_ns % scale * fraction / scale;
}

int stamp_read_count(const char *text, size_t len, int64_t unit_ns, int64_t *out)
{
    struct text rest = {text, text + len};
    const bool is_negative = take_char(&rest, '-');
    int64_t value = 0, fraction = 0;
    if (!is_digit(&rest))
        return -EINVAL;
    bool fits = true;
    for (; is_digit(&rest); rest.at++)
        fits = fits && !__builtin_mul_overflow(value, 10, &value) &&
               !__builtin_add_overflow(value, *rest.at - '0', &value);
    if (take_char(&rest, '.')) {
        if (!is_digit(&rest))
            return -EINVAL;
        fraction = take_fraction(&rest, unit_ns);
    }
    if (rest.at != rest.end)
        return -EINVAL;
    if (!fits || __builtin_mul_overflow(value, unit_ns, &value) ||
        __builtin_add_overflow(value, fraction, &value))
        return -ERANGE;
    *out = is_negative ? -value : value;
    return 0;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && is_leap ? 29 : days[month - 1];
}

/* 2024-08-08, 2024/08/08, 20240808, or 08.08.2024 with the day first. */
static bool take_date(struct text *text, int64_t *days)
{
    unsigned year, month, day;
    if (text->end - text->at > 2 && text->at[2] == '.') {
        if (!take_digits(text, 2, &day) || !take_char(text, '.') || !take_digits(text, 2, &month) ||
            !take_char(text, '.') || !take_digits(text, 4, &year))
            return false;
    } else {
        if (!take_digits(text, 4, &year))
            return false;
        const char mark = is_digit(text) || text->at == text->end ? '\0' : *text->at;
        if (mark != '\0' && mark != '-' && mark != '/')
            return false;
        text->at += mark != '\0';
        if (!take_digits(text, 2, &month) || (mark != '\0' && !take_char(text, mark)) ||
            !take_digits(text, 2, &day))
            return false;
    }
    if (year < 1900 || year > 2200 || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, month))
        return false;
    *days = days_from_date(year, month, day);
    return true;
}

/* 23:55, 23:55:00, 23:55:00.25 or 235500, 235500250. */
static bool take_time_of_day(struct text *text, int64_t *ns)
{
    unsigned hour, minute, second = 0;
    int64_t fraction = 0;
    if (!take_digits(text, 2, &hour))
        return false;
    const bool has_marks = take_char(text, ':');
    if (!take_digits(text, 2, &minute))
        return false;
    if (has_marks ? take_char(text, ':') : true) {
        if (!take_digits(text, 2, &second))
            return false;
        const bool has_point = take_char(text, '.') || take_char(text, ',');
        if (has_point && !is_digit(text))
            return false;
        if (has_point || !has_marks)
            fraction = take_fraction(text, NS_PER_S);
    }
    if (hour > 23 || minute > 59 || second > 60)
        return false;
    *ns = ((int64_t)hour * 3600 + minute * 60 + second) * NS_PER_S + fraction;
    return true;
}

int stamp_read_offset(const char *text, size_t len, int64_t *out_ns)
{
    struct text rest = {text, text + len};
    unsigned hours, minutes = 0;
    if (len == 1 && (*text == 'Z' || *text == 'z')) {
        *out_ns = 0;
        return 0;
    }
    const bool is_west = take_char(&rest, '-');
    if (!is_west && !take_char(&rest, '+'))
        return -EINVAL;
    if (!take_digits(&rest, 2, &hours))
        return -EINVAL;
    if (rest.at < rest.end) {
        take_char(&rest, ':');
        if (!take_digits(&rest, 2, &minutes))
            return -EINVAL;
    }
    if (rest.at != rest.end || hours > 23 || minutes > 59)
        return -EINVAL;
    *out_ns = (int64_t)(hours * 60 + minutes) * 60 * NS_PER_S * (is_west ? -1 : 1);
    return 0;
}

int stamp_read_clock(const char *text, size_t len, int64_t *out_ns)
{
    struct text rest = {text, text + len};
    int64_t ns;
    if (len < 5 || text[2] != ':' || !take_time_of_day(&rest, &ns) || rest.at != rest.end)
        return -EINVAL;
    *out_ns = ns;
    return 0;
}

int stamp_read_date(const char *text, size_t len, int64_t *out_ns, bool *out_has_zone)
{
    struct text rest = {text, text + len};
    int64_t days, time_ns = 0, offset_ns = 0;
    if (!take_date(&rest, &days))
        return -EINVAL;
    if (rest.at < rest.end) {
        if (!take_char(&rest, 'T') && !take_char(&rest, ' ') && !take_char(&rest, 't') &&
            !take_char(&rest, 'D'))
            return -EINVAL;
        if (!take_time_of_day(&rest, &time_ns))
            return -EINVAL;
    }
    const bool has_zone = rest.at < rest.end;
    if (has_zone && stamp_read_offset(rest.at, (size_t)(rest.end - rest.at), &offset_ns) != 0)
        return -EINVAL;
    *out_ns = days * 86400 * NS_PER_S + time_ns - offset_ns;
    *out_has_zone = has_zone;
    return 0;
}
