#include "feed/record_parts.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_S   INT64_C(1000000000)
#define NS_PER_DAY (86400 * NS_PER_S)

/* ---- when ---- */

bool record_rotates(const struct record_rotation *rotation)
{
    return rotation->bytes > 0 || rotation->ns > 0 || rotation->utc_day;
}

static int64_t day_of(int64_t wall_ns)
{
    return wall_ns / NS_PER_DAY - (wall_ns % NS_PER_DAY < 0);
}

bool record_part_is_due(const struct record_rotation *rotation, const struct record_clock *began,
                        const struct record_clock *now)
{
    return record_part_wait_ns(rotation, began, now) <= 0;
}

int64_t record_part_wait_ns(const struct record_rotation *rotation,
                            const struct record_clock *began, const struct record_clock *now)
{
    int64_t wait_ns = INT64_MAX;
    if (rotation->ns > 0)
        wait_ns = began->monotonic_ns + rotation->ns - now->monotonic_ns;
    if (rotation->utc_day && day_of(now->wall_ns) != day_of(began->wall_ns))
        return 0; /* also when the clock was set back */
    const int64_t midnight_ns = (day_of(now->wall_ns) + 1) * NS_PER_DAY;
    if (rotation->utc_day && midnight_ns - now->wall_ns < wait_ns)
        wait_ns = midnight_ns - now->wall_ns;
    return wait_ns;
}

/* ---- names ---- */

/* Undoes the % parts of path[0..len). Returns the length, or a negative errno. */
static long expand(const char *path, size_t len, const struct tm *when, char *out)
{
    size_t used = 0;
    for (size_t i = 0; i < len; i++) {
        char text[16] = {path[i], '\0'};
        if (path[i] == '%') {
            const char format[3] = {'%', i + 1 < len ? path[i + 1] : '\0', '\0'};
            if (format[1] == '\0' || strchr("YmdHMS%", format[1]) == NULL ||
                strftime(text, sizeof text, format, when) == 0)
                return -EINVAL;
            i++;
        }
        const size_t add = strlen(text);
        if (used + add >= RECORD_PATH_MAX)
            return -ENAMETOOLONG;
        memcpy(out + used, text, add);
        used += add;
    }
    out[used] = '\0';
    return (long)used;
}

/* Where in the path the ending begins: .gz or .zst and the one before it, or just the last one. A
 * name may begin with a point. */
static size_t ending_begin(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t begin = strlen(path);
    for (int points = 0; points < 2; points++) {
        const char *point = memrchr(name, '.', (size_t)(path + begin - name));
        if (point == NULL || point == name)
            break;
        const bool is_packed = strcmp(point, ".gz") == 0 || strcmp(point, ".zst") == 0;
        begin = (size_t)(point - path);
        if (!is_packed)
            break;
    }
    return begin;
}

int record_part_path(const char *path, int64_t wall_ns, unsigned number, char *out)
{
    const time_t seconds = (time_t)(wall_ns / NS_PER_S - (wall_ns % NS_PER_S < 0));
    struct tm when;
    char mark[16] = "";
    const size_t stem = ending_begin(path);
    gmtime_r(&seconds, &when);
    const long stem_len = expand(path, stem, &when, out);
    if (stem_len < 0)
        return (int)stem_len;
    if (number > 0)
        snprintf(mark, sizeof mark, "-%04u", number);
    char ending[RECORD_PATH_MAX];
    const long ending_len = expand(path + stem, strlen(path + stem), &when, ending);
    if (ending_len < 0)
        return (int)ending_len;
    if ((size_t)stem_len + strlen(mark) + (size_t)ending_len >= RECORD_PATH_MAX)
        return -ENAMETOOLONG;
    strcpy(stpcpy(out + stem_len, mark), ending);
    return 0;
}

/* The number in a name that is stem, "-", four or more digits, ending; or 0. */
static unsigned number_in(const char *name, const char *stem, size_t stem_len, const char *ending)
{
    char *end;
    if (strncmp(name, stem, stem_len) != 0 || name[stem_len] != '-')
        return 0;
    const char *digits = name + stem_len + 1;
    if (strspn(digits, "0123456789") < 4)
        return 0;
    const unsigned long number = strtoul(digits, &end, 10);
    return strcmp(end, ending) == 0 && number < UINT_MAX ? (unsigned)number : 0;
}

int record_part_number(const char *path, int64_t wall_ns, unsigned *out)
{
    char example[RECORD_PATH_MAX];
    const int rc = record_part_path(path, wall_ns, 0, example);
    if (rc != 0)
        return rc;
    const char *ending = example + ending_begin(example);
    char *slash = strrchr(example, '/');
    const char *stem = slash ? slash + 1 : example;
    const size_t stem_len = (size_t)(ending - stem);
    char first = '\0';
    if (slash != NULL && slash != example) {
        first = *slash;
        *slash = '\0';
    }
    DIR *directory = opendir(slash == NULL ? "." : slash == example ? "/" : example);
    if (first != '\0')
        *slash = first;
    if (directory == NULL)
        return -errno;
    unsigned highest = 0;
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        const unsigned number = number_in(entry->d_name, stem, stem_len, ending);
        highest = number > highest ? number : highest;
    }
    closedir(directory);
    *out = highest + 1;
    return 0;
}
