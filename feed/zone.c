/* The files are TZif (RFC 8536): transitions, each with the offset that follows it, and a rule in
 * POSIX notation for the time after the last one. The rule is unrolled into transitions up to
 * YEAR_LAST, so that there is one table to search.
 *
 * A fixed offset is a table of one. */
#include "feed/zone.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/stamp.h"
#include "feed/when.h"

#define NS_PER_S  INT64_C(1000000000)
#define S_PER_DAY INT64_C(86400)

enum { YEAR_FIRST = 1970, YEAR_LAST = 2100, FILE_BYTES_MAX = 1 << 20 };
enum { PERIODS_MAX = 4096 };

struct zone {
    size_t count, last; /* periods; the one that was used last */
    struct period {
        int64_t start_s; /* in UTC, ascending; the first one's is INT64_MIN */
        int64_t offset_s;
    } periods[PERIODS_MAX];
};

static bool add_period(struct zone *zone, int64_t start_s, int64_t offset_s)
{
    if (zone->count == PERIODS_MAX)
        return false;
    if (zone->count > 0 && start_s <= zone->periods[zone->count - 1].start_s)
        return true; /* a rule's that the table has already */
    zone->periods[zone->count++] = (struct period){start_s, offset_s};
    return true;
}

/* ---- the rule: EST5EDT,M3.2.0,M11.1.0/2 ---- */

static bool take_char(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

static bool take_number(const char **at, int64_t max, int64_t *out)
{
    int64_t value = 0;
    if (**at < '0' || **at > '9')
        return false;
    while (**at >= '0' && **at <= '9' && value <= max)
        value = value * 10 + (*(*at)++ - '0');
    *out = value;
    return value <= max;
}

static bool take_name(const char **at)
{
    const char *start = *at;
    if (take_char(at, '<')) {
        while (**at != '\0' && **at != '>')
            (*at)++;
        return take_char(at, '>');
    }
    while ((**at >= 'A' && **at <= 'Z') || (**at >= 'a' && **at <= 'z'))
        (*at)++;
    return *at - start >= 3;
}

/* [+-]hours[:minutes[:seconds]] */
static bool take_span(const char **at, int64_t *out_s)
{
    int64_t hours, minutes = 0, seconds = 0;
    const bool is_negative = take_char(at, '-');
    if (!is_negative)
        take_char(at, '+');
    if (!take_number(at, 167, &hours) || (take_char(at, ':') && !take_number(at, 59, &minutes)) ||
        (take_char(at, ':') && !take_number(at, 59, &seconds)))
        return false;
    *out_s = (hours * 3600 + minutes * 60 + seconds) * (is_negative ? -1 : 1);
    return true;
}

struct change {
    enum { MONTH_WEEK_DAY, JULIAN, DAY } kind;
    int64_t month, week, day;
    int64_t time_s; /* on the clock before the change */
};

static bool take_change(const char **at, struct change *out)
{
    *out = (struct change){.time_s = 2 * 3600};
    if (!take_char(at, ','))
        return false;
    if (take_char(at, 'M')) {
        if (!take_number(at, 12, &out->month) || !take_char(at, '.') ||
            !take_number(at, 5, &out->week) || !take_char(at, '.') ||
            !take_number(at, 6, &out->day) || out->month < 1 || out->week < 1)
            return false;
    } else {
        out->kind = take_char(at, 'J') ? JULIAN : DAY;
        if (!take_number(at, 365, &out->day))
            return false;
    }
    return !take_char(at, '/') || take_span(at, &out->time_s);
}

/* Seconds from 1970 to the change in that year, on the clock before it. */
static int64_t change_s(const struct change *change, int year)
{
    const int64_t january = days_from_date(year, 1, 1);
    int64_t day = january + change->day;
    if (change->kind == JULIAN) { /* 1 to 365: February 29 is never counted */
        const bool is_leap = days_from_date(year, 3, 1) - january == 60;
        day += (is_leap && change->day >= 60) - 1;
    } else if (change->kind == MONTH_WEEK_DAY) {
        const int64_t first = days_from_date(year, (unsigned)change->month, 1);
        const int64_t next = change->month == 12
                                 ? days_from_date(year + 1, 1, 1)
                                 : days_from_date(year, (unsigned)change->month + 1, 1);
        const int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
        day = first + (change->day - weekday + 7) % 7 + (change->week - 1) * 7;
        if (day >= next)
            day -= 7; /* week 5 is the last one */
    }
    return day * S_PER_DAY + change->time_s;
}

static bool unroll(struct zone *zone, const struct change *to_summer,
                   const struct change *to_winter, int64_t winter_s, int64_t summer_s)
{
    for (int year = YEAR_FIRST; year <= YEAR_LAST; year++) {
        const int64_t summer = change_s(to_summer, year) - winter_s;
        const int64_t winter = change_s(to_winter, year) - summer_s;
        const bool is_good =
            summer < winter /* else the southern hemisphere */
                ? add_period(zone, summer, summer_s) && add_period(zone, winter, winter_s)
                : add_period(zone, winter, winter_s) && add_period(zone, summer, summer_s);
        if (!is_good)
            return false;
    }
    return true;
}

/* An empty rule adds nothing. */
static bool add_rule(struct zone *zone, const char *at)
{
    int64_t winter_s, summer_s;
    struct change to_summer, to_winter;
    if (*at == '\0')
        return zone->count > 0;
    if (!take_name(&at) || !take_span(&at, &winter_s))
        return false;
    winter_s = -winter_s; /* POSIX counts to the west */
    if (zone->count == 0 && !add_period(zone, INT64_MIN, winter_s))
        return false;
    if (*at == '\0')
        return true;
    if (!take_name(&at))
        return false;
    summer_s = winter_s + 3600;
    if (*at != ',' && *at != '\0') {
        if (!take_span(&at, &summer_s))
            return false;
        summer_s = -summer_s;
    }
    return take_change(&at, &to_summer) && take_change(&at, &to_winter) && *at == '\0' &&
           unroll(zone, &to_summer, &to_winter, winter_s, summer_s);
}

/* ---- the file ---- */

static int64_t big_endian(const unsigned char *at, int bytes)
{
    uint64_t value = at[0] & 0x80 ? UINT64_MAX : 0;
    for (int i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return (int64_t)value;
}

struct header {
    int64_t utc_marks, std_marks, leaps, times, types, chars;
};

enum { HEADER_BYTES = 44, TYPE_BYTES = 6 };

static bool read_header(const unsigned char *at, size_t left, struct header *out)
{
    if (left < HEADER_BYTES || memcmp(at, "TZif", 4) != 0)
        return false;
    int64_t counts[6];
    for (int i = 0; i < 6; i++) {
        counts[i] = big_endian(at + 20 + 4 * i, 4);
        if (counts[i] < 0 || counts[i] > FILE_BYTES_MAX)
            return false;
    }
    *out = (struct header){counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]};
    return true;
}

static size_t block_bytes(const struct header *header, int time_bytes)
{
    return (size_t)(header->times * (time_bytes + 1) + header->types * TYPE_BYTES + header->chars +
                    header->leaps * (time_bytes + 4) + header->std_marks + header->utc_marks);
}

static bool add_transitions(struct zone *zone, const unsigned char *at, const struct header *header)
{
    const unsigned char *kinds = at + header->times * 8, *types = kinds + header->times;
    if (header->types == 0 || !add_period(zone, INT64_MIN, big_endian(types, 4)))
        return false;
    for (int64_t i = 0; i < header->times; i++) {
        if (kinds[i] >= header->types || !add_period(zone, big_endian(at + 8 * i, 8),
                                                     big_endian(types + kinds[i] * TYPE_BYTES, 4)))
            return false;
    }
    return true;
}

/* The first block has times of 32 bits and is passed over; files of version 1 have no other and
 * have not been made for many years. The text ends with a zero behind `size`. */
static bool read_tzif(struct zone *zone, unsigned char *text, size_t size)
{
    struct header header;
    if (!read_header(text, size, &header) || text[4] < '2')
        return false;
    const size_t first = HEADER_BYTES + block_bytes(&header, 4);
    if (first > size || !read_header(text + first, size - first, &header))
        return false;
    const size_t start = first + HEADER_BYTES, stop = start + block_bytes(&header, 8);
    if (stop + 2 > size || text[stop] != '\n' || !add_transitions(zone, text + start, &header))
        return false;
    char *rule = (char *)text + stop + 1;
    char *end = strchr(rule, '\n');
    if (end == NULL)
        return false;
    *end = '\0';
    return add_rule(zone, rule);
}

static bool is_name(const char *name)
{
    return *name != '\0' && *name != '/' && strlen(name) < 100 && strstr(name, "..") == NULL &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") ==
               strlen(name);
}

static bool read_file(struct zone *zone, const char *name)
{
    const char *folder = getenv("TZDIR");
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder != NULL ? folder : "/usr/share/zoneinfo", name);
    FILE *file = is_name(name) ? fopen(path, "rbe") : NULL;
    unsigned char *text = file == NULL ? NULL : malloc(FILE_BYTES_MAX + 1);
    bool is_good = false;
    if (text != NULL) {
        const size_t size = fread(text, 1, FILE_BYTES_MAX, file);
        text[size] = '\0';
        is_good = read_tzif(zone, text, size);
    }
    free(text);
    if (file != NULL)
        fclose(file);
    return is_good;
}

int zone_open(const char *name, struct zone **out, char *error, size_t error_size)
{
    struct zone *zone = calloc(1, sizeof *zone);
    int64_t offset_ns = 0;
    if (zone == NULL)
        return -ENOMEM;
    if (strcmp(name, "UTC") == 0 || stamp_read_offset(name, strlen(name), &offset_ns) == 0) {
        add_period(zone, INT64_MIN, offset_ns / NS_PER_S);
    } else if (!read_file(zone, name)) {
        free(zone);
        snprintf(error, error_size,
                 "tz=%.40s is unknown; allowed: UTC, +hh:mm, -hh:mm, or a zone of the system's "
                 "database (America/New_York)",
                 name);
        return -EINVAL;
    }
    *out = zone;
    return 0;
}

void zone_close(struct zone *zone)
{
    free(zone);
}

/* ---- use ---- */

static int64_t period_end(const struct zone *zone, size_t index)
{
    return index + 1 < zone->count ? zone->periods[index + 1].start_s : INT64_MAX;
}

/* The last period that begins at or before that second. */
static size_t find_period(const struct zone *zone, int64_t utc_s)
{
    size_t low = 0, high = zone->count;
    while (high - low > 1) {
        const size_t middle = (low + high) / 2;
        if (zone->periods[middle].start_s <= utc_s)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* No offset is a day, so the period is one of those around the same reading in UTC. */
static size_t period_of_local(const struct zone *zone, int64_t local_s)
{
    size_t at = find_period(zone, local_s - S_PER_DAY);
    while (at + 1 < zone->count && local_s - zone->periods[at].offset_s >= period_end(zone, at))
        at++;
    /* The first that lasts long enough has not begun yet: the reading was skipped. */
    return at > 0 && local_s - zone->periods[at].offset_s < zone->periods[at].start_s ? at - 1 : at;
}

int64_t zone_to_utc(struct zone *zone, int64_t local_ns)
{
    const int64_t local_s = local_ns / NS_PER_S - (local_ns % NS_PER_S < 0);
    const struct period *last = &zone->periods[zone->last];
    /* The first day of a period may hold readings that the one before has too. */
    const bool is_inside = zone->count == 1 || (last->start_s < local_s - 2 * S_PER_DAY &&
                                                local_s + S_PER_DAY < period_end(zone, zone->last));
    if (!is_inside)
        zone->last = period_of_local(zone, local_s);
    return local_ns - zone->periods[zone->last].offset_s * NS_PER_S;
}
