/* pack: a file being written, plain, gzip or zstd.
 *
 * What is written is gathered and reaches the kernel in pieces of PACK_GATHER_BYTES, at a flush and
 * at the end. zstd data is cut into frames where the caller says, so that one may begin to read in
 * the middle; a frame can be labelled (a skippable frame stands before it, which every zstd reader
 * passes over).
 *
 * One thread. Sizes are bytes. Functions returning int give 0 or a negative errno; the first error
 * stays, and after it nothing more is written. */
#ifndef PRICECAST_FEED_PACK_H
#define PRICECAST_FEED_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pack_kind { PACK_PLAIN, PACK_GZIP, PACK_ZSTD };
enum { PACK_GATHER_BYTES = 64 << 10 };

/* The magic number of the skippable frames that labels are. */
#define PACK_LABEL_MAGIC      0x184d2a5cu
#define PACK_LABEL_HEAD_BYTES 8 /* magic and length, both 32 bits little-endian */

struct pack;

/* By the ending: .gz, .zst, or neither. */
enum pack_kind pack_kind_of(const char *path);

/* Creates `path`, which must not exist. Returns 0, -EEXIST, -ENOMEM or what open(2) gave. */
int pack_create(const char *path, enum pack_kind kind, struct pack **out);

/* The same for a descriptor that is open; takes it. Returns 0 or -ENOMEM. */
int pack_open(int fd, enum pack_kind kind, struct pack **out);

/* Appends. A plain file gets the bytes of one call together: should the disk be full, it is cut
 * back to the end of an earlier call. */
int pack_write(struct pack *pack, const void *bytes, size_t len);

/* Hands everything written so far to the kernel, in a form that can be read to its end. */
int pack_flush(struct pack *pack);

/* Waits until what was flushed is on the disk. */
int pack_sync(struct pack *pack);

/* zstd only: ends the frame, so that what is written next stands at pack_size() on its own. */
int pack_cut(struct pack *pack);
/* After pack_cut(): puts a label before the next frame. */
int pack_label(struct pack *pack, const void *bytes, size_t len);
/* How much text the present frame has; 0 in other files than zstd. */
uint64_t pack_frame_text(const struct pack *pack);

/* Ends the file, syncs it if asked to, and frees everything; returns 0 or the first error. */
int pack_close(struct pack *pack, bool sync);

/* Bytes in the file, and of a plain one also those about to go there. */
uint64_t pack_size(const struct pack *pack);

#endif
