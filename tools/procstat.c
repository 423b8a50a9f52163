/* The CPU time comes from the process' clock and not from /proc/PID/stat, which counts in ticks of
 * 10 ms: too coarse for the price of one update. */
#include "tools/procstat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t read_kib(const char *line, const char *name)
{
    const size_t len = strlen(name);
    return strncmp(line, name, len) == 0 ? atoll(line + len) * 1024 : -1;
}

static int read_memory(pid_t pid, struct procstat *out)
{
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return errno == ENOENT ? -ESRCH : -errno;
    while (fgets(line, sizeof line, file) != NULL) {
        const int64_t rss = read_kib(line, "VmRSS:");
        const int64_t peak = read_kib(line, "VmHWM:");
        const int64_t anon = read_kib(line, "RssAnon:");
        if (rss >= 0)
            out->rss_bytes = rss;
        if (peak >= 0)
            out->rss_peak_bytes = peak;
        if (anon >= 0)
            out->anon_bytes = anon;
    }
    fclose(file);
    return 0;
}

int procstat_read(pid_t pid, struct procstat *out)
{
    struct procstat found = {0};
    struct timespec cpu;
    clockid_t clock;
    int rc = -clock_getcpuclockid(pid, &clock);
    if (rc == 0 && clock_gettime(clock, &cpu) != 0)
        rc = errno == EINVAL ? -ESRCH : -errno;
    if (rc == 0)
        rc = read_memory(pid, &found);
    if (rc != 0)
        return rc;
    found.cpu_ns = cpu.tv_sec * INT64_C(1000000000) + cpu.tv_nsec;
    *out = found;
    return 0;
}
