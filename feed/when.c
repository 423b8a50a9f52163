/* Read digit by digit: strtod and struct tm would lose nanoseconds or take the local zone. */
#include "feed/when.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define NS_PER_S INT64_C(1000000000)

/* Howard Hinnant's days_from_civil algorithm: years begin in March, eras have 400 years. */
int64_t days_from_date(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    const int64_t era = (year >= 0 ? year : year - 399) / 400;
    const unsigned year_of_era = (unsigned)(year - era * 400);
    const unsigned day_of_year = (153 * (month + (month > 2 ? -3u : 9u)) + 2) / 5 + day - 1;
    const unsigned day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + (int64_t)day_of_era - 719468;
}

/* Takes exactly `width` digits, or any number up to 18 when width is 0. */
static bool take_number(const char **at, int width, int64_t *out)
{
    int64_t value = 0;
    int taken = 0;
    while ((width == 0 ? taken < 18 : taken < width) && **at >= '0' && **at <= '9') {
        value = value * 10 + (*(*at)++ - '0');
        taken++;
    }
    if (taken == 0 || (width != 0 && taken != width))
        return false;
    *out = value;
    return true;
}

/* Takes ".25" as the nanoseconds it means within `unit_ns`; digits past the ninth are dropped. */
static bool take_fraction(const char **at, int64_t unit_ns, int64_t *out)
{
    *out = 0;
    if (**at != '.')
        return true;
    (*at)++;
    if (**at < '0' || **at > '9')
        return false;
    for (int64_t place = unit_ns; **at >= '0' && **at <= '9'; (*at)++) {
        place /= 10;
        *out += (**at - '0') * place;
    }
    return true;
}

static bool take_char(const char **at, const char *any_of)
{
    if (**at == '\0' || strchr(any_of, **at) == NULL)
        return false;
    (*at)++;
    return true;
}

static bool take_zone(const char **at, int64_t *out_ns)
{
    *out_ns = 0;
    if (**at == '\0' || take_char(at, "Zz"))
        return true;
    const bool west = **at == '-';
    int64_t hours, minutes;
    if (!take_char(at, "+-") || !take_number(at, 2, &hours))
        return false;
    take_char(at, ":");
    if (!take_number(at, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *out_ns = (hours * 60 + minutes) * 60 * NS_PER_S * (west ? -1 : 1);
    return true;
}

static bool take_time_of_day(const char **at, int64_t *out_ns)
{
    int64_t hour, minute, second = 0, fraction = 0;
    if (!take_number(at, 2, &hour) || !take_char(at, ":") || !take_number(at, 2, &minute))
        return false;
    if (take_char(at, ":") &&
        (!take_number(at, 2, &second) || !take_fraction(at, NS_PER_S, &fraction)))
        return false;
    *out_ns = ((hour * 60 + minute) * 60 + second) * NS_PER_S + fraction;
    return hour < 24 && minute < 60 && second <= 60;
}

static int iso_parse(const char *at, int64_t *out_ns)
{
    int64_t year, month, day, time_ns = 0, zone_ns = 0;
    if (!take_number(&at, 4, &year) || !take_char(&at, "-") || !take_number(&at, 2, &month) ||
        !take_char(&at, "-") || !take_number(&at, 2, &day))
        return -EINVAL;
    if (month < 1 || month > 12 || day < 1 || day > 31 || year < 1900 || year > 2200)
        return -EINVAL;
    if (take_char(&at, "Tt ") && (!take_time_of_day(&at, &time_ns) || !take_zone(&at, &zone_ns)))
        return -EINVAL;
    if (*at != '\0')
        return -EINVAL;
    const int64_t days = days_from_date(year, (unsigned)month, (unsigned)day);
    if (days >= days_from_date(month == 12 ? year + 1 : year, (unsigned)(month % 12 + 1), 1))
        return -EINVAL; /* the month is shorter */
    *out_ns = days * 86400 * NS_PER_S + time_ns - zone_ns;
    return 0;
}

static int epoch_parse(const char *text, int64_t *out_ns)
{
    static const struct {
        size_t digits;
        int64_t unit_ns;
    } units[] = {{10, NS_PER_S}, {13, 1000000}, {16, 1000}, {19, 1}};
    const size_t digits = strspn(text, "0123456789");
    if (text[digits] != '\0')
        return -EINVAL;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (units[i].digits != digits)
            continue;
        int64_t value = 0;
        for (const char *at = text; *at != '\0'; at++)
            if (__builtin_mul_overflow(value, 10, &value) ||
                __builtin_add_overflow(value, *at - '0', &value))
                return -EINVAL;
        return __builtin_mul_overflow(value, units[i].unit_ns, out_ns) ? -EINVAL : 0;
    }
    return -EINVAL;
}

int duration_parse(const char *text, int64_t *out_ns)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {{"", NS_PER_S},        {"ns", 1},       {"us", 1000},
                 {"ms", 1000000},       {"s", NS_PER_S}, {"m", 60 * NS_PER_S},
                 {"h", 3600 * NS_PER_S}};
    const char *unit = text + strspn(text, "0123456789.");
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(unit, units[i].name) != 0)
            continue;
        const char *at = text;
        int64_t whole, fraction, ns;
        if (!take_number(&at, 0, &whole) || !take_fraction(&at, units[i].ns, &fraction) ||
            at != unit || __builtin_mul_overflow(whole, units[i].ns, &ns) ||
            __builtin_add_overflow(ns, fraction, &ns))
            return -EINVAL;
        *out_ns = ns;
        return 0;
    }
    return -EINVAL;
}

int when_parse(const char *text, struct when *out)
{
    struct when when = {.kind = WHEN_AT};
    int rc;
    if (*text == '+') {
        when.kind = WHEN_AFTER_START;
        rc = duration_parse(text + 1, &when.ns);
    } else if (strspn(text, "0123456789") == strlen(text)) {
        rc = epoch_parse(text, &when.ns);
    } else {
        rc = iso_parse(text, &when.ns);
    }
    if (rc == 0)
        *out = when;
    return rc;
}

int64_t when_resolve(const struct when *when, int64_t first_ns, int64_t unset_ns)
{
    if (when->kind == WHEN_UNSET)
        return unset_ns;
    int64_t ns = when->ns;
    if (when->kind == WHEN_AFTER_START && __builtin_add_overflow(first_ns, when->ns, &ns))
        return INT64_MAX; /* an offset is never negative */
    return ns;
}
