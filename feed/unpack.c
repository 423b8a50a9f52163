/* Each encoding is one function that brings in stored bytes with input_need() and delivers text.
 * Whatever a library had unpacked before it met an error must still come out, so an error is only
 * noted (stop_at) and returned by the next call if this one has text to give. */
#include "feed/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum { INPUT_BYTES = 256 * 1024, MAGIC_BYTES = 4, TEXT_BYTES_AT_ONCE = 1 << 30 };
enum { RUNNING = 1 }; /* of `state`; otherwise what unpack_read() returns from now on */

struct unpack {
    int fd;
    ssize_t (*read_text)(struct unpack *unpack, char *out, size_t room);
    int state;
    bool is_between; /* gzip members or zstd frames: the file may end here */
    bool has_garbage;
    bool is_full; /* zstd may hold text that did not fit */
    bool is_at_eof;
    size_t in_at, in_end; /* what of `in` was read and not yet used */
    uint64_t stored_read, stored_total;
    z_stream gzip;
    ZSTD_DStream *zstd;
    size_t zstd_wants;
    char problem[128];
    unsigned char in[INPUT_BYTES];
};

static ssize_t stop_at(struct unpack *unpack, int rc, const char *what, const char *detail)
{
    unpack->state = rc;
    snprintf(unpack->problem, sizeof unpack->problem, detail[0] ? "%s (%s)" : "%s", what, detail);
    return rc;
}

static ssize_t read_file(struct unpack *unpack, void *out, size_t room)
{
    ssize_t got;
    do
        got = read(unpack->fd, out, room);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return stop_at(unpack, -errno, "reading failed", strerror(errno));
    unpack->is_at_eof = got == 0;
    unpack->stored_read += (uint64_t)got;
    return got;
}

/* Makes at least `wanted` (at most MAGIC_BYTES) bytes stand at in_at, if the file has them. Returns
 * how many stand there, or a negative errno. */
static ssize_t input_need(struct unpack *unpack, size_t wanted)
{
    while (unpack->in_end - unpack->in_at < wanted && !unpack->is_at_eof) {
        const size_t kept = unpack->in_end - unpack->in_at;
        memmove(unpack->in, unpack->in + unpack->in_at, kept);
        unpack->in_at = 0;
        unpack->in_end = kept;
        const ssize_t got = read_file(unpack, unpack->in + kept, INPUT_BYTES - kept);
        if (got < 0)
            return got;
        unpack->in_end += (size_t)got;
    }
    return (ssize_t)(unpack->in_end - unpack->in_at);
}

/* Past the bytes that told the encoding, straight from the file into the caller's buffer. */
static ssize_t read_plain(struct unpack *unpack, char *out, size_t room)
{
    size_t count = unpack->in_end - unpack->in_at;
    if (count == 0)
        return read_file(unpack, out, room);
    count = count < room ? count : room;
    memcpy(out, unpack->in + unpack->in_at, count);
    unpack->in_at += count;
    return (ssize_t)count;
}

/* Whether `count` (above 0) bytes are, as far as they go, how a gzip member begins. */
static bool begins_gzip(const unsigned char *at, size_t count)
{
    return memcmp(at, "\x1f\x8b", count < 2 ? count : 2) == 0;
}

/* A zstd frame, or one to skip: 5x 2a 4d 18. */
static bool begins_zstd(const unsigned char *at, size_t count)
{
    count = count < MAGIC_BYTES ? count : MAGIC_BYTES;
    return memcmp(at, "\x28\xb5\x2f\xfd", count) == 0 ||
           ((at[0] & 0xf0) == 0x50 && memcmp(at + 1, "\x2a\x4d\x18", count - 1) == 0);
}

/* Behind a member or frame. Returns 1 when another one begins, 0 at the end, or a negative errno.
 * A beginning that is cut short begins as well, and then ends early. */
static int begin_next(struct unpack *unpack, bool (*begins)(const unsigned char *, size_t),
                      const char *name)
{
    ssize_t got = input_need(unpack, MAGIC_BYTES);
    if (got > 0 && begins(unpack->in + unpack->in_at, (size_t)got)) {
        unpack->is_between = false;
        return 1;
    }
    while (got > 0 && unpack->in[unpack->in_at] == 0) {
        unpack->in_at++;
        got = input_need(unpack, 1);
    }
    unpack->has_garbage = got > 0;
    if (got > 0)
        snprintf(unpack->problem, sizeof unpack->problem, "something else follows the %s data",
                 name);
    return got < 0 ? (int)got : 0;
}

static ssize_t read_gzip(struct unpack *unpack, char *out, size_t room)
{
    z_stream *gzip = &unpack->gzip;
    gzip->next_out = (unsigned char *)out;
    gzip->avail_out = (unsigned)room;
    while (gzip->avail_out == room) {
        if (unpack->is_between) {
            const int rc = begin_next(unpack, begins_gzip, "gzip");
            if (rc <= 0)
                return rc;
            inflateReset(gzip);
        }
        const ssize_t got = input_need(unpack, 1);
        if (got < 0)
            return got;
        gzip->next_in = unpack->in + unpack->in_at;
        gzip->avail_in = (unsigned)got;
        const int rc = inflate(gzip, Z_NO_FLUSH); /* without input too: it may hold text */
        unpack->in_at = unpack->in_end - gzip->avail_in;
        if (rc == Z_STREAM_END)
            unpack->is_between = true;
        else if (rc == Z_MEM_ERROR)
            stop_at(unpack, -ENOMEM, "unpacking gzip data failed", "out of memory");
        else if (rc != Z_OK && rc != Z_BUF_ERROR)
            stop_at(unpack, -EBADMSG, "gzip data is corrupt", gzip->msg != NULL ? gzip->msg : "");
        else if (got == 0 && gzip->avail_out == room)
            stop_at(unpack, -ENODATA, "gzip data ends early", "");
        if (unpack->state != RUNNING)
            break;
    }
    const size_t count = room - gzip->avail_out;
    return count > 0 ? (ssize_t)count : unpack->state;
}

/* How many of `got` bytes zstd may have at once. When a call fails it forgets the text it made in
 * that call, so each gets no more than one block (its hint counts the three bytes of the next
 * block's header too), and none at all while it may hold text of the block before. */
static size_t zstd_share(const struct unpack *unpack, size_t got)
{
    const size_t wants = unpack->zstd_wants > 3 ? unpack->zstd_wants - 3 : unpack->zstd_wants;
    if (unpack->is_full)
        return 0;
    return got < wants ? got : wants;
}

/* Of a file on disk, the whole of `room`: when files are merged, each reader's window has left the
 * cache by the time it is its turn again, and the more it unpacks then, the more it gets for
 * fetching it (eight files with windows of 2 MiB: 1.5 -> 1.3 times as long as one by one). */
static ssize_t read_zstd(struct unpack *unpack, char *out, size_t room)
{
    ZSTD_outBuffer text = {out, room, 0};
    const size_t wanted = unpack->stored_total > 0 ? room : 1;
    while (text.pos < wanted) {
        const int next = unpack->is_between ? begin_next(unpack, begins_zstd, "zstd") : 1;
        const ssize_t got = next <= 0 ? next : input_need(unpack, 1);
        if (got < 0 || next == 0)
            return text.pos > 0 ? (ssize_t)text.pos : got;
        const size_t before = text.pos;
        ZSTD_inBuffer in = {unpack->in + unpack->in_at, zstd_share(unpack, (size_t)got), 0};
        const size_t rc = ZSTD_decompressStream(unpack->zstd, &text, &in);
        if (ZSTD_isError(rc)) {
            stop_at(
                unpack, -EBADMSG,
                ZSTD_getErrorCode(rc) == ZSTD_error_frameParameter_windowTooLarge
                    ? "zstd data needs a window of more than 128 MiB: compress it without --long"
                    : "zstd data is corrupt",
                ZSTD_getErrorName(rc));
            break;
        }
        unpack->in_at += in.pos;
        unpack->is_between = rc == 0;
        unpack->is_full = rc > 0 && text.pos == room;
        unpack->zstd_wants = rc > 0 ? rc : 1;
        if (got == 0 && text.pos == before) {
            stop_at(unpack, -ENODATA, "zstd data ends early", "");
            break;
        }
    }
    return text.pos > 0 ? (ssize_t)text.pos : unpack->state;
}

static int choose_encoding(struct unpack *unpack)
{
    const ssize_t got = input_need(unpack, MAGIC_BYTES);
    const unsigned char *at = unpack->in + unpack->in_at;
    if (got < 0)
        return (int)got;
    unpack->read_text = read_plain;
    if (got >= 2 && begins_gzip(at, (size_t)got))
        unpack->read_text = read_gzip;
    else if (got >= MAGIC_BYTES && begins_zstd(at, (size_t)got))
        unpack->read_text = read_zstd;
    return 0;
}

/* Readies the decoder for the first byte of the file; reuses one that exists. */
static int begin_decoder(struct unpack *unpack)
{
    if (unpack->read_text == read_gzip) {
        const int rc = unpack->gzip.state != NULL ? inflateReset(&unpack->gzip)
                                                  : inflateInit2(&unpack->gzip, 15 + 16);
        if (rc != Z_OK)
            return -ENOMEM;
    } else if (unpack->read_text == read_zstd) {
        if (unpack->zstd == NULL)
            unpack->zstd = ZSTD_createDStream();
        if (unpack->zstd == NULL)
            return -ENOMEM;
        unpack->zstd_wants = ZSTD_initDStream(unpack->zstd);
    }
    unpack->state = RUNNING;
    unpack->is_between = unpack->has_garbage = unpack->is_full = false;
    unpack->problem[0] = '\0';
    return 0;
}

int unpack_open(const char *path, struct unpack **out)
{
    struct stat about;
    struct unpack *unpack = calloc(1, sizeof *unpack);
    if (unpack == NULL)
        return -ENOMEM;
    unpack->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (unpack->fd < 0 && errno == ENXIO && strcmp(path, "/dev/stdin") == 0)
        unpack->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0); /* a socket cannot be opened */
    int rc = unpack->fd < 0 || fstat(unpack->fd, &about) != 0 ? -errno : 0;
    if (rc == 0)
        rc = choose_encoding(unpack);
    if (rc == 0)
        rc = begin_decoder(unpack);
    if (rc != 0) {
        unpack_close(unpack);
        return rc;
    }
    unpack->stored_total = S_ISREG(about.st_mode) ? (uint64_t)about.st_size : 0;
    *out = unpack;
    return 0;
}

void unpack_close(struct unpack *unpack)
{
    if (unpack == NULL)
        return;
    inflateEnd(&unpack->gzip);
    ZSTD_freeDStream(unpack->zstd);
    if (unpack->fd >= 0)
        close(unpack->fd);
    free(unpack);
}

ssize_t unpack_read(struct unpack *unpack, char *out, size_t room)
{
    if (unpack->state != RUNNING)
        return unpack->state;
    if (room > TEXT_BYTES_AT_ONCE)
        room = TEXT_BYTES_AT_ONCE; /* zlib counts in unsigned int */
    const ssize_t got = unpack->read_text(unpack, out, room);
    if (got <= 0)
        unpack->state = (int)got;
    return got;
}

int unpack_rewind(struct unpack *unpack)
{
    return unpack_seek(unpack, 0);
}

int unpack_seek(struct unpack *unpack, uint64_t offset)
{
    if (lseek(unpack->fd, (off_t)offset, SEEK_SET) < 0)
        return -errno;
    unpack->in_at = unpack->in_end = 0;
    unpack->stored_read = offset;
    unpack->is_at_eof = false;
    return begin_decoder(unpack);
}

const char *unpack_problem(const struct unpack *unpack)
{
    return unpack->problem;
}

uint64_t unpack_stored_bytes(const struct unpack *unpack)
{
    return unpack->stored_read - (unpack->in_end - unpack->in_at);
}

uint64_t unpack_stored_total(const struct unpack *unpack)
{
    return unpack->stored_total;
}

bool unpack_has_garbage(const struct unpack *unpack)
{
    return unpack->has_garbage;
}
