/* options: the command line and the JSON file of --config, checked and turned into one struct.
 *
 * One table (options.c) has every option with its name, default, bounds and help; it drives
 * parsing, --help and validation, so they cannot disagree. Before any thread runs. */
#ifndef PRICECAST_SERVER_OPTIONS_H
#define PRICECAST_SERVER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/recorder.h"
#include "feed/when.h"
#include "server/log.h"

#define OPTIONS_LIST_MAX 256

struct option_list {
    char **values; /* owned */
    size_t count;
};

struct options {
    char *listen, *record, *config, *web_root; /* owned, as are all strings; NULL: not given */
    char *host;                                /* of listen */
    uint16_t port;
    struct option_list feeds, origins;
    double speed; /* 0: max */
    bool loop, start_paused, exit_at_end, lossless, rebase, log_json;
    struct when from, to;
    int64_t max_gap_ns, reorder_window_ns;
    uint64_t wait_clients, shards, clients_max, clients_per_ip, message_bytes, symbols_max,
        patterns_max, heartbeat_ms, heartbeat_clients, gather_ms, queue_bytes, stuck_s, ring_events,
        streams_max, line_bytes, drain_s, progress_s;
    uint64_t candle_bytes;
    uint64_t resume_events, resume_bytes; /* what is kept for clients that come back */
    int64_t resume_age_ns;
    uint64_t record_rotate_bytes; /* 0: not by size */
    int64_t record_rotate_ns;     /* 0: not by time */
    bool record_rotate_day, record_continue;
    bool has_record_sync; /* it was given */
    enum recorder_sync record_sync;
    enum log_level log_level;
};

enum options_result { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_VERSION, OPTIONS_BAD };

/* Reads the command line, and the file of --config before it (so that the line wins). With
 * OPTIONS_BAD, `error` holds one line that names the option, the value and what is allowed. Call
 * options_finish() in any case. */
enum options_result options_parse(int argc, char **argv, struct options *out, char *error,
                                  size_t error_size);
void options_finish(struct options *options);

/* Writes the help to standard output. */
void options_help(void);

#endif
