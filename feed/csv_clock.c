/* The unit of numbers since 1970 is told by their digits: 10, 13, 16 or 19 before the point mean
 * that no time from 2001 to 2286 is mistaken. The first row decides, every other one must agree: a
 * file that changes its unit half way is broken, and so is a number that only looks like a time. */
#include "feed/csv_clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/stamp.h"
#include "feed/zone.h"

#define DAY_NS (INT64_C(86400) * 1000000000)

struct csv_clock {
    struct zone *zone;
    bool has_date;
    bool is_iso;         /* ts_unit=iso: no numbers */
    int64_t midnight_ns; /* on the wall */
    int64_t unit_ns;     /* 0 until it is known */
    size_t digits;       /* that tell the unit, 0 when it was given */
};

static const struct {
    const char *name;
    int64_t ns;
    size_t digits;
} units[] = {{"s", 1000000000, 10}, {"ms", 1000000, 13}, {"us", 1000, 16}, {"ns", 1, 19}};
enum { UNITS = sizeof units / sizeof units[0] };

static int read_options(struct csv_clock *clock, const struct format_options *options, char *error,
                        size_t error_size)
{
    bool has_zone = false;
    if (options->date != NULL) {
        if (stamp_read_date(options->date, strlen(options->date), &clock->midnight_ns, &has_zone) !=
                0 ||
            has_zone || clock->midnight_ns % DAY_NS != 0) {
            snprintf(error, error_size, "date=%.40s; allowed: a day such as 2013-10-07",
                     options->date);
            return -EINVAL;
        }
        clock->has_date = true;
        clock->unit_ns = 1000000;
    }
    if (options->ts_unit != NULL) {
        clock->unit_ns = 0;
        clock->is_iso = strcmp(options->ts_unit, "iso") == 0;
        for (size_t i = 0; i < UNITS; i++)
            if (strcmp(units[i].name, options->ts_unit) == 0)
                clock->unit_ns = units[i].ns;
        if (clock->unit_ns == 0 && !clock->is_iso) {
            snprintf(error, error_size, "ts_unit=%.40s; allowed: s, ms, us, ns, iso",
                     options->ts_unit);
            return -EINVAL;
        }
    }
    return zone_open(options->tz != NULL ? options->tz : "UTC", &clock->zone, error, error_size);
}

int csv_clock_open(const struct format_options *options, struct csv_clock **out, char *error,
                   size_t error_size)
{
    struct csv_clock *clock = calloc(1, sizeof *clock);
    if (clock == NULL)
        return -ENOMEM;
    const int rc = read_options(clock, options, error, error_size);
    if (rc != 0) {
        csv_clock_close(clock);
        return rc;
    }
    *out = clock;
    return 0;
}

void csv_clock_close(struct csv_clock *clock)
{
    if (clock == NULL)
        return;
    zone_close(clock->zone);
    free(clock);
}

/* Digits in front of the point if the text is a number, else 0. */
static size_t whole_digits(const char *text, size_t len)
{
    size_t at = 0;
    while (at < len && text[at] >= '0' && text[at] <= '9')
        at++;
    const size_t whole = at;
    at += at < len && text[at] == '.';
    while (at < len && text[at] >= '0' && text[at] <= '9')
        at++;
    return at == len ? whole : 0;
}

static const char *guess_unit(struct csv_clock *clock, size_t digits)
{
    for (size_t i = 0; i < UNITS; i++)
        if (units[i].digits == digits) {
            clock->unit_ns = units[i].ns;
            clock->digits = digits;
            return NULL;
        }
    return "is a number that is no time since 1970 (10, 13, 16 or 19 digits): date= makes it one "
           "since midnight, ts_unit= names its unit";
}

static const char *read_number(struct csv_clock *clock, const char *text, size_t len, size_t digits,
                               int64_t *out_ns)
{
    int64_t count_ns;
    const char *problem = clock->unit_ns == 0 ? guess_unit(clock, digits) : NULL;
    if (problem != NULL)
        return problem;
    if (clock->digits != 0 && clock->digits != digits)
        return "has another number of digits than in the rows before, so the unit is in doubt";
    if (stamp_read_count(text, len, clock->unit_ns, &count_ns) != 0)
        return "is out of range";
    if (!clock->has_date) {
        *out_ns = count_ns;
        return NULL;
    }
    if (count_ns >= 2 * DAY_NS)
        return "is more than two days after midnight of date=";
    *out_ns = zone_to_utc(clock->zone, clock->midnight_ns + count_ns);
    return NULL;
}

const char *csv_clock_read(struct csv_clock *clock, const char *text, size_t len, int64_t *out_ns)
{
    const size_t digits = whole_digits(text, len);
    int64_t ns = 0;
    bool has_zone = false;
    if (digits > 0 && clock->is_iso)
        return "is a number, but ts_unit=iso says dates";
    if (digits > 0)
        return read_number(clock, text, len, digits, out_ns);
    if (clock->has_date && stamp_read_clock(text, len, &ns) == 0)
        ns += clock->midnight_ns;
    else if (stamp_read_date(text, len, &ns, &has_zone) != 0)
        return "is not a time";
    *out_ns = has_zone ? ns : zone_to_utc(clock->zone, ns);
    return NULL;
}
