#include "server/agree.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

enum need { NEEDS_RECORDING, NEEDS_REPLAY };

/* The first option that none of the feeds can follow, or NULL. */
static const char *find_idle(const struct options *options, bool has_recordings, bool has_replay,
                             enum need *need)
{
    const struct {
        const char *name;
        bool is_given;
        enum need need;
    } rules[] = {
        {"speed", options->speed != 1, NEEDS_REPLAY},
        {"start-paused", options->start_paused, NEEDS_REPLAY},
        {"wait-clients", options->wait_clients > 0, NEEDS_REPLAY},
        {"max-gap", options->max_gap_ns > 0, NEEDS_REPLAY},
        {"lossless", options->lossless, NEEDS_REPLAY},
        {"rebase", options->rebase, NEEDS_REPLAY},
        {"from", options->from.kind != WHEN_UNSET, NEEDS_REPLAY},
        {"to", options->to.kind != WHEN_UNSET, NEEDS_REPLAY},
        /* A simulated market has no end to begin again at, no dates, and is in order. */
        {"loop", options->loop, NEEDS_RECORDING},
        {"from with a date", options->from.kind == WHEN_AT, NEEDS_RECORDING},
        {"to with a date", options->to.kind == WHEN_AT, NEEDS_RECORDING},
        {"reorder-window", options->reorder_window_ns > 0, NEEDS_RECORDING},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        *need = rules[i].need;
        if (rules[i].is_given && !(rules[i].need == NEEDS_RECORDING ? has_recordings : has_replay))
            return rules[i].name;
    }
    return NULL;
}

int agree_check(const struct options *options, const struct feed_kinds *feeds, char *error,
                size_t error_size)
{
    enum need need;
    const bool has_recordings = feeds->files > 0;
    const char *idle = find_idle(options, has_recordings, has_recordings || feeds->sims > 0, &need);
    if (idle != NULL)
        snprintf(error, error_size, "--%s: allowed with a recording%s; none of the feeds is one",
                 idle, need == NEEDS_REPLAY ? " or sim:" : "");
    else if (options->exit_at_end && feeds->endless != NULL)
        snprintf(error, error_size, "--exit-at-end: allowed with feeds that end; %s does not",
                 feeds->endless);
    else
        return 0;
    return -EINVAL;
}
