/* temp_file: files for tests, gone when the test is over, and packers to fill them.
 *
 * A temp_file is a memfd: open it by its path. For the including test's thread only. */
#ifndef PRICECAST_TESTS_SUPPORT_TEMP_FILE_H
#define PRICECAST_TESTS_SUPPORT_TEMP_FILE_H

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

struct temp_file {
    int fd;
    char path[64];
};

static inline struct temp_file temp_file_make(const void *bytes, size_t len)
{
    struct temp_file file = {.fd = memfd_create("test", MFD_CLOEXEC)};
    assert(file.fd >= 0);
    for (size_t at = 0; at < len;) {
        const ssize_t wrote = write(file.fd, (const char *)bytes + at, len - at);
        assert(wrote > 0);
        at += (size_t)wrote;
    }
    snprintf(file.path, sizeof file.path, "/proc/self/fd/%d", file.fd);
    return file;
}

static inline void temp_file_drop(struct temp_file *file)
{
    close(file->fd);
}

/* Bytes that grow; free `data`. */
struct bytes {
    char *data;
    size_t len, room;
};

static inline void bytes_add(struct bytes *bytes, const void *data, size_t len)
{
    if (bytes->data == NULL || bytes->len + len + 1 > bytes->room) {
        bytes->room = 2 * (bytes->len + len + 1);
        bytes->data = realloc(bytes->data, bytes->room);
        assert(bytes->data != NULL);
    }
    memcpy(bytes->data + bytes->len, data, len);
    bytes->len += len;
    bytes->data[bytes->len] = '\0';
}

/* Appends one gzip member. */
static inline void bytes_add_gzip(struct bytes *bytes, const void *text, size_t len)
{
    z_stream gzip = {0};
    int rc = deflateInit2(&gzip, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    assert(rc == Z_OK);
    const size_t room = deflateBound(&gzip, len);
    char *out = malloc(room);
    assert(out != NULL);
    gzip.next_in = (unsigned char *)text;
    gzip.avail_in = (unsigned)len;
    gzip.next_out = (unsigned char *)out;
    gzip.avail_out = (unsigned)room;
    rc = deflate(&gzip, Z_FINISH);
    assert(rc == Z_STREAM_END);
    bytes_add(bytes, out, room - gzip.avail_out);
    deflateEnd(&gzip);
    free(out);
}

/* Appends one zstd frame with a checksum, in blocks of at most `block` bytes of text. */
static inline void bytes_add_zstd(struct bytes *bytes, const char *text, size_t len, size_t block)
{
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    char *out = malloc(ZSTD_compressBound(len) + 1024 + 16 * len);
    assert(zstd != NULL && out != NULL);
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
    ZSTD_outBuffer to = {out, ZSTD_compressBound(len) + 1024 + 16 * len, 0};
    for (size_t at = 0; at < len; at += block) {
        ZSTD_inBuffer from = {text + at, len - at < block ? len - at : block, 0};
        const size_t rc = ZSTD_compressStream2(zstd, &to, &from, ZSTD_e_flush);
        assert(rc == 0);
    }
    ZSTD_inBuffer none = {NULL, 0, 0};
    const size_t rc = ZSTD_compressStream2(zstd, &to, &none, ZSTD_e_end);
    assert(rc == 0);
    bytes_add(bytes, out, to.pos);
    ZSTD_freeCCtx(zstd);
    free(out);
}

#endif
