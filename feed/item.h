/* item: the JSON text of one event, as it stands in recordings and on the wire.
 *
 *   {"kind":"trade","symbol":"BTC-USD","source":"x","seq":41,"ts":…,"recv":…,"price":"…",…}
 *
 * The names come first, so that a stream's part up to `"seq":` can be made once and kept. What the
 * source did not give is left out. Pure functions, any thread. */
#ifndef PRICECAST_FEED_ITEM_H
#define PRICECAST_FEED_ITEM_H

#include <stddef.h>

#include "feed/event.h"
#include "feed/streams.h"

#define ITEM_PREFIX_MAX  (4 * NAME_BYTES_MAX + 64) /* names escaped: at most two bytes for one */
#define ITEM_BYTES_MAX   (ITEM_PREFIX_MAX + 512)   /* the longest item */
#define JSON_INTEGER_MAX 20                        /* digits and sign of any 64-bit integer */

/* Writes `{"kind":…,"seq":` of a stream to `out` (ITEM_PREFIX_MAX bytes); returns its length. */
size_t item_prefix(const struct stream *stream, char *out);

/* Writes what follows the prefix, closing brace included, to `out` (512 bytes); returns its length.
 */
size_t item_rest(const struct price_event *event, char *out);

/* Writes `text` as a JSON string with quotes: at most 6 × len + 2 bytes, 2 × len + 2 for a valid
 * name; returns the length. Quote, backslash and control characters are escaped. */
size_t json_quote(const char *text, size_t len, char *out);

/* Writes a decimal integer (JSON_INTEGER_MAX bytes); returns its length. */
size_t json_integer(int64_t value, char *out);

#endif
