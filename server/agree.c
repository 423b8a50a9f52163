#include "server/agree.h"

#include <stdio.h>

bool agree_has_replay(const struct feed_kinds *feeds)
{
    return feeds->files + feeds->sims > 0;
}

void agree_check(const struct options *options, const struct feed_kinds *feeds,
                 void (*tell)(void *ctx, const char *line), void *ctx)
{
    enum need { NEEDS_RECORDING, NEEDS_REPLAY };
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
        {"from", options->from.kind != WHEN_UNSET && options->from.kind != WHEN_AT, NEEDS_REPLAY},
        {"to", options->to.kind != WHEN_UNSET && options->to.kind != WHEN_AT, NEEDS_REPLAY},
        /* A simulated market has no end to begin again at, no dates, and is in order. */
        {"loop", options->loop, NEEDS_RECORDING},
        {"from with a date", options->from.kind == WHEN_AT, NEEDS_RECORDING},
        {"to with a date", options->to.kind == WHEN_AT, NEEDS_RECORDING},
        {"reorder-window", options->reorder_window_ns > 0, NEEDS_RECORDING},
    };
    char line[200];
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        const bool is_met =
            rules[i].need == NEEDS_RECORDING ? feeds->files > 0 : agree_has_replay(feeds);
        if (!rules[i].is_given || is_met)
            continue;
        snprintf(line, sizeof line, "--%s does nothing: none of the feeds is a recording%s",
                 rules[i].name, rules[i].need == NEEDS_REPLAY ? " or sim:" : "");
        tell(ctx, line);
    }
    if (options->exit_at_end && feeds->endless != NULL) {
        snprintf(line, sizeof line, "--exit-at-end does nothing: %s does not end", feeds->endless);
        tell(ctx, line);
    }
}
