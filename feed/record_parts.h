/* record_parts: what the parts of a recording are called, and when each has to end.
 *
 * A path may hold %Y %m %d %H %M %S, which stand for the UTC time at which a part begins, and %%. A
 * recording in parts has a number before the ending: prices.jsonl.zst becomes
 * prices-0001.jsonl.zst, prices-0002.jsonl.zst, …; the next number is one above the highest there
 * is, so that nothing is written over and the names sort as the times do.
 *
 * Pure functions but for record_part_number(), which reads a directory. Any thread. Times are ns.
 */
#ifndef PRICECAST_FEED_RECORD_PARTS_H
#define PRICECAST_FEED_RECORD_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RECORD_PATH_MAX = 4096 };
#define RECORD_PATH_ALLOWED "% must be followed by Y, m, d, H, M, S (the UTC time) or another %"

/* A zero is off; whichever comes first ends a part. */
struct record_rotation {
    uint64_t bytes; /* of the file as it is stored */
    int64_t ns;     /* since it began */
    bool utc_day;   /* at midnight */
};

struct record_clock {
    int64_t wall_ns, monotonic_ns;
};

bool record_rotates(const struct record_rotation *rotation);

/* Whether a part that began at `began` has to end because of the time. */
bool record_part_is_due(const struct record_rotation *rotation, const struct record_clock *began,
                        const struct record_clock *now);

/* How long until then; INT64_MAX: never. */
int64_t record_part_wait_ns(const struct record_rotation *rotation,
                            const struct record_clock *began, const struct record_clock *now);

/* Writes the path of part `number` (0: no number) to `out` (RECORD_PATH_MAX bytes). Returns 0,
 * -EINVAL (see RECORD_PATH_ALLOWED) or -ENAMETOOLONG. */
int record_part_path(const char *path, int64_t wall_ns, unsigned number, char *out);

/* The number of the next part: 1 where there is none yet. Returns 0 or as record_part_path(), or
 * what opendir(3) gave. */
int record_part_number(const char *path, int64_t wall_ns, unsigned *out);

#endif
