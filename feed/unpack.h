/* unpack: the bytes of a file as they were before gzip or zstd.
 *
 * The encoding is told by the first bytes, never by the name. Several gzip members or zstd frames
 * in a row are one text, as gzip(1) and zstd(1) have it. Zeros behind the last one are padding; if
 * anything else follows, the text ends there all the same, and is not all there is. Memory is flat:
 * 256 KiB, plus what zstd's window needs (at most 128 MiB, refused beyond). Blocking calls; one
 * thread at a time. */
#ifndef PRICECAST_FEED_UNPACK_H
#define PRICECAST_FEED_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct unpack;

/* Opens `path` and reads its first bytes. Returns 0 or a negative errno of open(2) or read(2), such
 * as -ENOENT, -EISDIR or -EIO, or -ENOMEM; *out changes on success only. */
int unpack_open(const char *path, struct unpack **out);
void unpack_close(struct unpack *unpack);

/* Reads up to `room` (above 0) bytes of text. Returns how many, 0 at the end, or
 *   -ENODATA  the compressed data ends early,
 *   -EBADMSG  it is corrupt,
 *   -errno    the file could not be read, or -ENOMEM.
 * All text before the trouble is delivered first. End and trouble stay until a rewind. */
ssize_t unpack_read(struct unpack *unpack, char *out, size_t room);

/* Back to the first byte. Returns 0, or -ESPIPE for what is no regular file. */
int unpack_rewind(struct unpack *unpack);

/* Goes on at an offset of the stored file, where a member or frame begins, or anywhere in plain
 * text. Returns as unpack_rewind(). */
int unpack_seek(struct unpack *unpack, uint64_t offset);

/* After a negative result, or with garbage: what happened, such as "gzip data ends early". */
const char *unpack_problem(const struct unpack *unpack);

/* How much of the file, as it is stored, has been used up; and its size, or 0 when that cannot be
 * known (a pipe). */
uint64_t unpack_stored_bytes(const struct unpack *unpack);
uint64_t unpack_stored_total(const struct unpack *unpack);

/* At the end: whether something other than zeros follows the data. unpack_stored_bytes() is where.
 */
bool unpack_has_garbage(const struct unpack *unpack);

#endif
