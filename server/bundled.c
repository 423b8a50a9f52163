#include "server/bundled.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* The assembler brings the bytes in: see CMakeLists.txt for the path. */
__asm__(".section .rodata\n"
        ".global pricecast_recording\n"
        ".global pricecast_recording_end\n"
        "pricecast_recording:\n"
        ".incbin \"" PRICECAST_RECORDING "\"\n"
        "pricecast_recording_end:\n"
        ".byte 0\n"
        ".previous\n");

extern const unsigned char pricecast_recording[], pricecast_recording_end[];

bool bundled_open(char *path, size_t path_size)
{
    const int fd = memfd_create("bundled recording", MFD_CLOEXEC);
    if (fd < 0)
        return false;
    const size_t size = (size_t)(pricecast_recording_end - pricecast_recording);
    for (size_t at = 0; at < size;) {
        const ssize_t written = write(fd, pricecast_recording + at, size - at);
        if (written <= 0) {
            close(fd);
            return false;
        }
        at += (size_t)written;
    }
    /* Stays open as long as the process: the path leads to it. */
    snprintf(path, path_size, "/proc/self/fd/%d", fd);
    return true;
}
