/* load_report: the result of a load run, for people and for machines. */
#ifndef PRICECAST_TOOLS_LOAD_REPORT_H
#define PRICECAST_TOOLS_LOAD_REPORT_H

#include <stdbool.h>

#include "tools/procstat.h"
#include "tools/swarm.h"

struct load_report {
    const struct swarm_counts *counts;
    size_t clients, slow_clients;
    double seconds;       /* how long was measured */
    double asked_seconds; /* how long should have been; 0: until the end */
    int64_t own_cpu_ns;
    int64_t server_cpu_ns;   /* in that time */
    struct procstat server;  /* at its end */
    struct procstat first;   /* before the first client */
    int64_t rss_start_bytes; /* when measuring began */
    bool has_server, has_check;
};

/* Was the load generator itself too slow, so that what it measured is partly its own doing? Then
 * says in one line why; returns NULL if not. Valid until the next call. */
const char *load_report_caution(const struct load_report *report);

/* To stdout. */
void load_report_print(const struct load_report *report);
void load_report_print_json(const struct load_report *report);

#endif
