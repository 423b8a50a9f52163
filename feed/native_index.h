/* native_index: finding a time in a native recording without reading all that stands before it.
 *
 * A .zst recording is cut into zstd frames of NATIVE_FRAME_TEXT bytes of text or a little more.
 * Each but the first begins with an event and has a label (see pack.h) before it: a skippable frame
 * with magic PACK_LABEL_MAGIC and this content, integers little-endian:
 *
 *    0  "pcix"
 *    4  u32  version, 2
 *    8  u64  where in the file the label begins (its magic)
 *   16  i64  time of the frame's first event: ns, receive time, else source time; whole µs
 *   24  i64  the latest such time of all events before the frame; the smallest i64: none
 *   32  u64  where in the file the last state (see native_state.h) at or before the frame begins;
 * 0: there is none
 *
 * The offset tells a label from other bytes that look like one, so that a search may begin
 * anywhere. That a label holds the latest time before it makes the search exact whatever the order
 * of the events.
 *
 * Pure functions, any thread. */
#ifndef PRICECAST_FEED_NATIVE_INDEX_H
#define PRICECAST_FEED_NATIVE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NATIVE_FRAME_TEXT = 1 << 20, NATIVE_MARK_BYTES = 40 };

/* A plain recording has no labels. There, an event may stand so much later than it should, and how
 * things stood is told by so many bytes before, which are read in some ten milliseconds. */
#define NATIVE_DISORDER_NS INT64_C(60000000000)
enum { NATIVE_LOOKBACK_BYTES = 6 << 20 };

struct native_mark {
    uint64_t offset;
    int64_t first_ns, latest_ns;
    uint64_t state;
};

/* The content of a label; `out` holds NATIVE_MARK_BYTES. */
void native_mark_write(const struct native_mark *mark, unsigned char *out);

/* Finds an offset in the recording at `path` from which reading on meets every event at or after
 * time_ns, and not many before: the beginning of a line, or of a label and its frame. It is 0 when
 * there is none later. Returns 0; -ENOTSUP for what has no index (a packed recording without
 * labels, another format); or what open(2) or read(2) gave. Blocks for a few reads. */
int native_seek_offset(const char *path, int64_t time_ns, uint64_t *out_offset);

/* The same, so much earlier that reading on also tells how things stood at time_ns. *out_state is
 * where native_state_read() finds what reading from *out_offset begins with; 0: nothing. Then the
 * offset is the beginning, or in a plain recording NATIVE_LOOKBACK_BYTES and lookback_ns before: a
 * stream that was quiet for longer is missed there. */
int native_seek_stand(const char *path, int64_t time_ns, int64_t lookback_ns, uint64_t *out_offset,
                      uint64_t *out_state);

/* The time that stands at a fraction, 0 to 1, of the bytes of the recording, to about
 * NATIVE_FRAME_TEXT. Returns as native_seek_offset(). */
int native_seek_time(const char *path, double fraction, int64_t *out_time_ns);

#endif
