/* native_state: how things stood at a place of a recording, so that a seek need not read what
 * stands before it: the latest event of each stream, whenever that was.
 *
 * It stands in a skippable frame (see pack.h) with this content, integers little-endian:
 *
 *    0  "pcst"
 *    4  u32  version, 1
 *    8  u64  where in the file the frame begins (its magic)
 *   16  u64  bytes of the text that follows, unpacked
 *   24  a zstd frame: items as in the recording, a line each
 *
 * One is written when NATIVE_STATE_RATIO times its own text has been recorded since the one before:
 * however many streams there are, states make a file longer by an eighth at most, and a seek reads
 * no more than nine times the text of one and a frame. One thread for each struct. */
#ifndef PRICECAST_FEED_NATIVE_STATE_H
#define PRICECAST_FEED_NATIVE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/event.h"
#include "feed/streams.h"

enum { NATIVE_STATE_RATIO = 8, NATIVE_STATE_TEXT_MAX = 64 << 20 };

/* ---- writing ---- */

/* Zeroed at first. */
struct native_state {
    struct price_event *latest; /* owned; by stream. EVENT_LAPPED: none yet */
    uint32_t size;
    uint32_t count;      /* streams that have one */
    uint64_t text_since; /* recorded since the last one was packed */
    bool is_lost;        /* memory was short once: what is known is not all */
};

void native_state_finish(struct native_state *state);

/* An event was recorded, as so many bytes of text. */
void native_state_note(struct native_state *state, const struct price_event *event, size_t text);

bool native_state_is_due(const struct native_state *state);

/* Sets *out, the caller's, to the content for a frame at `offset`. `streams` are those of the
 * events. Returns 0; -ENOMEM; or -E2BIG for more text than NATIVE_STATE_TEXT_MAX. */
int native_state_pack(struct native_state *state, const struct streams *streams, uint64_t offset,
                      void **out, size_t *out_len);

/* ---- reading ---- */

/* Reads the state whose frame begins at `offset` of the recording at `path`: *out is its text, the
 * caller's. Returns 0; -EBADMSG when there is none; -ENOMEM; or what open(2) or read(2) gave. Any
 * thread; blocks for a read. */
int native_state_read(const char *path, uint64_t offset, char **out, size_t *out_len);

#endif
