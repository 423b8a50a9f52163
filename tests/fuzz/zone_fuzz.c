/* Any name, and any bytes as a file of the zone database: a zone, or an error in one line. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "feed/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *name)
{
    static const int64_t times[] = {-1000000000000000000, -1, 0, 1396148399999999999,
                                    4100000000000000000};
    struct zone *zone;
    char error[200] = "";
    const int rc = zone_open(name, &zone, error, sizeof error);
    assert(rc == 0 || rc == -EINVAL);
    assert((rc == 0) == (error[0] == '\0') && strchr(error, '\n') == NULL);
    for (size_t i = 0; rc == 0 && i < sizeof times / sizeof *times; i++)
        assert(zone_to_utc(zone, times[i]) == zone_to_utc(zone, times[i]));
    if (rc == 0)
        zone_close(zone);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char name[20], *text = strndup((const char *)data, size);
    unsetenv("TZDIR");              /* a number is no name, and least of all standard input */
    if (strchr(text, '\n') == NULL) /* it stands in the error as it is */
        check(text);
    free(text);
    const int fd = memfd_create("zone", MFD_CLOEXEC);
    assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    setenv("TZDIR", "/proc/self/fd", 1);
    snprintf(name, sizeof name, "%d", fd);
    check(name);
    close(fd);
    return 0;
}
