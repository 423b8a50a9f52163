/* Any bytes as a file of any encoding: lines come in order, fit the limit, and come again the same
 * after a rewind. Plain text is checked against the simplest way to cut it. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "feed/line_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A few bytes of zstd can be megabytes of empty lines, each like the other. */
enum { LINES_ENOUGH = 2000 };

struct result {
    uint64_t lines, too_long, hash;
    int end;
};

static struct result read_all(struct line_reader *reader, size_t line_max)
{
    struct result result = {0};
    struct line line;
    while (result.lines + result.too_long < LINES_ENOUGH) {
        const int rc = line_reader_next(reader, &line);
        const struct line_position at = line_reader_position(reader);
        assert(at.stored_bytes <= at.stored_total);
        if (rc == -EMSGSIZE) {
            result.too_long++;
        } else if (rc == 1) {
            result.lines++;
            assert(line.number == result.lines + result.too_long && line.len <= line_max);
            assert(memchr(line.text, '\n', line.len) == NULL);
            for (size_t i = 0; i < line.len; i++)
                result.hash = result.hash * 31 + (unsigned char)line.text[i];
        } else {
            assert(rc == 0 || rc == -ENODATA || rc == -EBADMSG);
            const bool is_whole = rc == 0 && !line_reader_has_garbage(reader);
            assert(is_whole == (line_reader_problem(reader)[0] == '\0'));
            assert(line_reader_next(reader, &line) == rc);
            result.end = rc;
            break;
        }
    }
    return result;
}

static bool is_plain(const uint8_t *data, size_t size)
{
    return size > 0 && data[0] != 0x1f && data[0] != 0x28 && (data[0] & 0xf0) != 0x50;
}

/* The first byte chooses the line limit, the rest is the file. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    char path[64];
    struct line_reader *reader;
    if (size < 1)
        return 0;
    const size_t line_max = data[0] + 1u;
    if (fd < 0)
        fd = memfd_create("fuzz", MFD_CLOEXEC);
    assert(ftruncate(fd, 0) == 0 && pwrite(fd, data + 1, size - 1, 0) == (ssize_t)size - 1);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    assert(line_reader_open(path, line_max, &reader) == 0);
    const struct result first = read_all(reader, line_max);
    assert(line_reader_rewind(reader) == 0);
    const struct result second = read_all(reader, line_max);
    assert(first.lines == second.lines && first.too_long == second.too_long &&
           first.hash == second.hash && first.end == second.end);
    if (is_plain(data + 1, size - 1) && first.lines + first.too_long < LINES_ENOUGH) {
        uint64_t lines = data[size - 1] != '\n';
        for (size_t i = 1; i < size; i++)
            lines += data[i] == '\n';
        assert(first.end == 0 && first.lines + first.too_long == lines);
    }
    line_reader_close(reader);
    return 0;
}
