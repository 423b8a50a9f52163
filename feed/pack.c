/* Lines are gathered because a call of zstd or of write(2) for each would cost more than the line.
 *
 * Invariant: of a plain file, `gathered` and what was stored both end with a whole pack_write(). */
#include "feed/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "feed/le.h"

enum {
    OUT_BYTES = 128 << 10,
    ZSTD_LEVEL = 6, /* measured: 19 % smaller than 3, and twice as fast as 9, 9 % larger */
    /* 128 KiB to look back, measured: recordings of simulated and of real markets get 4 and 8 %
     * smaller than with the level's own 2 MiB, for a near match takes fewer bits than a far one.
     * And a reader's memory stays in the cache: merging eight files takes as long as reading
     * them one after another, not 1.5 times as long. */
    ZSTD_WINDOW_LOG = 17,
    GZIP_LEVEL = 6,
    GZIP_WINDOW = 15 + 16, /* zlib's way of asking for a gzip header */
};

struct pack {
    enum pack_kind kind;
    int fd;
    bool is_ours; /* we created the file, so that all of it is what we wrote */
    int error;
    uint64_t size, frame_text;
    ZSTD_CCtx *zstd;
    z_stream gzip;
    bool has_gzip;
    size_t gathered;
    unsigned char gather[PACK_GATHER_BYTES];
    unsigned char out[OUT_BYTES];
};

static bool ends_in(const char *text, const char *ending)
{
    const size_t text_len = strlen(text), len = strlen(ending);
    return text_len >= len && strcmp(text + text_len - len, ending) == 0;
}

enum pack_kind pack_kind_of(const char *path)
{
    return ends_in(path, ".gz") ? PACK_GZIP : ends_in(path, ".zst") ? PACK_ZSTD : PACK_PLAIN;
}

/* ---- life ---- */

static void pack_free(struct pack *pack)
{
    ZSTD_freeCCtx(pack->zstd);
    if (pack->has_gzip)
        deflateEnd(&pack->gzip);
    free(pack);
}

static bool codec_make(struct pack *pack)
{
    if (pack->kind == PACK_ZSTD) {
        pack->zstd = ZSTD_createCCtx();
        if (pack->zstd == NULL)
            return false;
        ZSTD_CCtx_setParameter(pack->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
        ZSTD_CCtx_setParameter(pack->zstd, ZSTD_c_windowLog, ZSTD_WINDOW_LOG);
        ZSTD_CCtx_setParameter(pack->zstd, ZSTD_c_checksumFlag, 1);
    } else if (pack->kind == PACK_GZIP) {
        pack->has_gzip = deflateInit2(&pack->gzip, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, 8,
                                      Z_DEFAULT_STRATEGY) == Z_OK;
        return pack->has_gzip;
    }
    return true;
}

static struct pack *pack_make(enum pack_kind kind)
{
    struct pack *pack = calloc(1, sizeof *pack);
    if (pack == NULL)
        return NULL;
    pack->kind = kind;
    if (codec_make(pack))
        return pack;
    pack_free(pack);
    return NULL;
}

int pack_create(const char *path, enum pack_kind kind, struct pack **out)
{
    struct pack *pack = pack_make(kind);
    if (pack == NULL)
        return -ENOMEM;
    pack->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (pack->fd < 0) {
        const int error = errno;
        pack_free(pack);
        return -error;
    }
    pack->is_ours = true;
    *out = pack;
    return 0;
}

int pack_open(int fd, enum pack_kind kind, struct pack **out)
{
    struct pack *pack = pack_make(kind);
    if (pack == NULL)
        return -ENOMEM;
    pack->fd = fd;
    *out = pack;
    return 0;
}

/* ---- storing ---- */

static int store(struct pack *pack, const unsigned char *bytes, size_t len)
{
    const uint64_t before = pack->size;
    while (len > 0 && pack->error == 0) {
        const ssize_t written = write(pack->fd, bytes, len);
        if (written < 0 && errno != EINTR)
            pack->error = -errno;
        if (written <= 0)
            continue;
        pack->size += (uint64_t)written;
        bytes += written;
        len -= (size_t)written;
    }
    /* Better a little less than half a line. Packed text is torn either way, and its readers stop
     * at the last whole block. */
    if (pack->error != 0 && pack->kind == PACK_PLAIN && pack->is_ours && pack->size > before &&
        ftruncate(pack->fd, (off_t)before) == 0)
        pack->size = before;
    return pack->error;
}

static int zstd_run(struct pack *pack, const void *bytes, size_t len, ZSTD_EndDirective end)
{
    ZSTD_inBuffer in = {bytes, len, 0};
    size_t left;
    pack->frame_text += len;
    do {
        ZSTD_outBuffer out = {pack->out, sizeof pack->out, 0};
        left = ZSTD_compressStream2(pack->zstd, &out, &in, end);
        if (ZSTD_isError(left))
            return pack->error = -EIO;
        store(pack, pack->out, out.pos);
    } while (pack->error == 0 && (end == ZSTD_e_continue ? in.pos < in.size : left > 0));
    return pack->error;
}

static int gzip_run(struct pack *pack, const void *bytes, size_t len, int flush)
{
    pack->gzip.next_in = (unsigned char *)bytes;
    pack->gzip.avail_in = (unsigned)len;
    do {
        pack->gzip.next_out = pack->out;
        pack->gzip.avail_out = sizeof pack->out;
        if (deflate(&pack->gzip, flush) == Z_STREAM_ERROR)
            return pack->error = -EIO;
        store(pack, pack->out, sizeof pack->out - pack->gzip.avail_out);
    } while (pack->error == 0 && pack->gzip.avail_out == 0);
    return pack->error;
}

/* How far the packed text has to be complete once it is stored. */
enum pack_end { PACK_GOES_ON, PACK_FLUSHES, PACK_ENDS };

static int run(struct pack *pack, const void *bytes, size_t len, enum pack_end end)
{
    static const ZSTD_EndDirective zstd_ends[] = {ZSTD_e_continue, ZSTD_e_flush, ZSTD_e_end};
    static const int gzip_ends[] = {Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FINISH};
    if (pack->error != 0)
        return pack->error;
    if (pack->kind == PACK_ZSTD)
        return zstd_run(pack, bytes, len, zstd_ends[end]);
    if (pack->kind == PACK_GZIP)
        return gzip_run(pack, bytes, len, gzip_ends[end]);
    return store(pack, bytes, len);
}

static int run_gathered(struct pack *pack, enum pack_end end)
{
    const size_t len = pack->gathered;
    pack->gathered = 0;
    return run(pack, pack->gather, len, end);
}

int pack_write(struct pack *pack, const void *bytes, size_t len)
{
    if (pack->gathered + len > sizeof pack->gather)
        run_gathered(pack, PACK_GOES_ON);
    if (len > sizeof pack->gather)
        return run(pack, bytes, len, PACK_GOES_ON);
    memcpy(pack->gather + pack->gathered, bytes, len);
    pack->gathered += len;
    return pack->error;
}

int pack_flush(struct pack *pack)
{
    return run_gathered(pack, PACK_FLUSHES);
}

/* A pipe or a device cannot be synced, and need not. */
int pack_sync(struct pack *pack)
{
    if (pack->error == 0 && fdatasync(pack->fd) != 0 && errno != EINVAL && errno != EROFS)
        pack->error = -errno;
    return pack->error;
}

/* ---- frames ---- */

int pack_cut(struct pack *pack)
{
    if (pack->kind != PACK_ZSTD || pack_frame_text(pack) == 0)
        return pack->error;
    run_gathered(pack, PACK_ENDS);
    pack->frame_text = 0;
    return pack->error;
}

int pack_label(struct pack *pack, const void *bytes, size_t len)
{
    unsigned char head[PACK_LABEL_HEAD_BYTES];
    if (pack->kind != PACK_ZSTD || pack->error != 0)
        return pack->error;
    le_put_u32(head, PACK_LABEL_MAGIC);
    le_put_u32(head + 4, (uint32_t)len);
    store(pack, head, sizeof head);
    return store(pack, bytes, len);
}

uint64_t pack_frame_text(const struct pack *pack)
{
    return pack->kind == PACK_ZSTD ? pack->frame_text + pack->gathered : 0;
}

/* ---- the end ---- */

int pack_close(struct pack *pack, bool sync)
{
    if (pack->kind != PACK_ZSTD || pack_frame_text(pack) > 0 || pack->size == 0)
        run_gathered(pack, PACK_ENDS);
    if (sync)
        pack_sync(pack);
    if (close(pack->fd) != 0 && pack->error == 0)
        pack->error = -errno;
    const int error = pack->error;
    pack_free(pack);
    return error;
}

uint64_t pack_size(const struct pack *pack)
{
    return pack->size + (pack->kind == PACK_PLAIN ? pack->gathered : 0);
}
