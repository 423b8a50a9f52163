/* record: items and definitions of streams as they stand in binary frames, byte by byte as
 * PROTOCOL.md has it ("Binary frames"). All numbers are little-endian. Pure functions, any thread.
 */
#ifndef PRICECAST_SERVER_RECORD_H
#define PRICECAST_SERVER_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "feed/event.h"
#include "feed/streams.h"

#define RECORD_HEADER_BYTES   8  /* of a frame with records: its type and its base */
#define RECORD_VALUES_MAX     48 /* see record_values() */
#define RECORD_BYTES_MAX      192
#define RECORD_DEFINITION_MAX (6 + 2 * NAME_BYTES_MAX)

enum record_frame { RECORD_DEFINE = 1, RECORD_SNAPSHOT = 2, RECORD_UPDATE = 3 };

/* Writes the type and, for records, the base: the time, in µs, to which theirs are relative. */
void record_header(enum record_frame type, int64_t base_us, unsigned char *out);

/* The base for a frame that begins with this event. */
int64_t record_base(const struct price_event *event);

/* Writes the event's values, behind a byte of our own that says how they are laid out; they are the
 * same in every frame, so that a caller may keep them. Returns the length. */
size_t record_values(const struct price_event *event, unsigned char *out);

/* Writes a record, given the event's values. Returns the length. */
size_t record_put(const struct price_event *event, uint64_t skipped, int64_t base_us,
                  const unsigned char *values, size_t values_len, unsigned char *out);

/* Writes the definition of a stream of prices; returns the length. */
size_t record_definition(const struct stream *stream, unsigned char *out);

#endif
