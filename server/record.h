/* record: items and definitions of streams as they stand in binary frames, byte by byte as
 * PROTOCOL.md has it ("Binary frames"). All numbers are little-endian. Pure functions, any thread.
 */
#ifndef PRICECAST_SERVER_RECORD_H
#define PRICECAST_SERVER_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "feed/event.h"
#include "feed/streams.h"
#include "server/span.h"

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

/* What may follow a record, in this order. */
enum record_extra { RECORD_OHLC = 0x4000, RECORD_CLOCKS = 0x8000 };

/* Writes a record, given the event's values; `extras` will follow. Returns the length. */
size_t record_put(const struct price_event *event, uint64_t skipped, int64_t base_us,
                  const unsigned char *values, size_t values_len, unsigned extras,
                  unsigned char *out);

/* Writes what is known of `passed` trades that were skipped; returns the length. */
size_t record_span(const struct span *span, uint64_t passed, unsigned char *out);

#define RECORD_NO_CLOCK INT64_MIN

/* Writes all but the last of the clocks, in µs; returns the length. */
size_t record_clocks(int64_t ingest_us, int64_t bus_us, unsigned char *out);
/* Writes the last one, 8 bytes. */
void record_clock_write(int64_t write_us, unsigned char *out);

/* Writes the definition of a stream of prices; returns the length. */
size_t record_definition(const struct stream *stream, unsigned char *out);

#endif
