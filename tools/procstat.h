/* procstat: what another process of this machine has used so far. */
#ifndef PRICECAST_TOOLS_PROCSTAT_H
#define PRICECAST_TOOLS_PROCSTAT_H

#include <stdint.h>
#include <sys/types.h>

struct procstat {
    int64_t cpu_ns; /* user and system, all threads */
    int64_t rss_bytes;
    int64_t rss_peak_bytes;
    int64_t anon_bytes; /* of rss_bytes, what is not a file's: heaps and stacks */
};

/* Returns 0 or a negative errno (-ESRCH: no such process). */
int procstat_read(pid_t pid, struct procstat *out);

#endif
