/* Any bytes as a recording with an index: a search ends, and what it finds lies within the file. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "feed/native_index.h"
#include "feed/native_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_state(const char *path, uint64_t offset)
{
    char *text;
    size_t len;
    const int rc = native_state_read(path, offset, &text, &len);
    assert(rc == 0 || rc == -EBADMSG || rc == -ENOMEM);
    if (rc != 0)
        return;
    assert(len <= NATIVE_STATE_TEXT_MAX);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t times[] = {INT64_MIN, 0, 1700000000000000000, INT64_MAX};
    char path[40];
    int64_t time_ns;
    const int fd = memfd_create("recording", MFD_CLOEXEC);
    assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        uint64_t offset = 0, state = 0;
        int rc = native_seek_offset(path, times[i], &offset);
        assert(rc == 0 || rc == -ENOTSUP);
        assert(offset <= size);
        rc = native_seek_stand(path, times[i], 1000, &offset, &state);
        assert(rc == 0 || rc == -ENOTSUP);
        assert(offset <= size && (state == 0 || state == offset));
        check_state(path, state);
    }
    const int rc = native_seek_time(path, 0.5, &time_ns);
    assert(rc == 0 || rc == -ENOTSUP);
    close(fd);
    return 0;
}
