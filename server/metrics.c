#include "server/metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/keeper.h"
#include "server/latency.h"
#include "server/shard.h"

static void head(struct text *text, const char *name, const char *type, const char *help)
{
    text_printf(text, "# HELP pricecast_%s %s\n# TYPE pricecast_%s %s\n", name, help, name, type);
}

static void one(struct text *text, const char *name, const char *type, const char *help,
                double value)
{
    head(text, name, type, help);
    text_printf(text, "pricecast_%s %.17g\n", name, value);
}

/* A label's value: backslash, quote and line feed are escaped. */
static void put_label(struct text *text, const char *value)
{
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '\\' || *at == '"')
            text_put(text, "\\", 1);
        if (*at == '\n')
            text_puts(text, "\\n");
        else
            text_put(text, at, 1);
    }
}

/* ---- counters of all shards together ---- */

static uint64_t sum(struct server *server, size_t offset)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < server_shards(server); i++) {
        const char *counts = (const char *)fanout_counts(server_shard(server, i)->fanout);
        total += atomic_load((const _Atomic uint64_t *)(const void *)(counts + offset));
    }
    return total;
}

static uint64_t sum_own(struct server *server, size_t offset)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < server_shards(server); i++) {
        const char *counts = (const char *)&server_shard(server, i)->counts;
        total += atomic_load((const _Atomic uint64_t *)(const void *)(counts + offset));
    }
    return total;
}

static void put_delivery(struct text *text, struct server *server)
{
    static const struct {
        const char *name, *help;
        size_t offset;
    } counters[] = {
        {"delivered_items_total", "Items handed to clients.",
         offsetof(struct fanout_counts, items)},
        {"update_frames_total", "Update frames handed to clients.",
         offsetof(struct fanout_counts, frames)},
        {"update_bytes_total", "Bytes of update frames.", offsetof(struct fanout_counts, bytes)},
        {"blocked_writes_total", "Writes that filled a client's socket.",
         offsetof(struct fanout_counts, blocked)},
        {"slow_consumers_total", "Sessions moved from every to latest.",
         offsetof(struct fanout_counts, overflows)},
        {"max_age_exceeded_total", "Sessions of which topics were moved so for max_age_ms.",
         offsetof(struct fanout_counts, aged)},
        {"caught_up_skipped_total", "Events passed over for clients that had fallen behind.",
         offsetof(struct fanout_counts, skipped)},
        {"recovered_total", "Events sent again to clients that came back.",
         offsetof(struct fanout_counts, recovered)},
        {"lost_total", "Events such clients missed for good.",
         offsetof(struct fanout_counts, lost)},
        {"lapped_total", "Times a shard fell off the bus.", offsetof(struct fanout_counts, lapped)},
        {"lapped_events_total", "Events shards missed by that.",
         offsetof(struct fanout_counts, lapped_events)},
    };
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        one(text, counters[i].name, "counter", counters[i].help,
            (double)sum(server, counters[i].offset));
}

static void put_history(struct text *text, struct server *server)
{
    const struct keeper *keeper = server_keeper(server);
    const struct history_counts *counts = keeper_history_counts(keeper);
    static const char *const reasons[] = {"events", "bytes", "age"};
    const uint64_t left[] = {atomic_load(&counts->by_count), atomic_load(&counts->by_bytes),
                             atomic_load(&counts->by_age)};
    one(text, "resume_events", "gauge", "Events kept for clients that resume.",
        (double)atomic_load(&counts->held));
    one(text, "resume_bytes", "gauge", "Memory taken for them.",
        (double)atomic_load(&counts->bytes));
    head(text, "resume_left_total", "counter", "Events that left for a bound (--resume-…).");
    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        text_printf(text, "pricecast_resume_left_total{bound=\"%s\"} %" PRIu64 "\n", reasons[i],
                    left[i]);
    one(text, "resume_missed_total", "counter", "Events that were never kept: the keeper lagged.",
        (double)atomic_load(&counts->missed));
}

static void put_candles(struct text *text, struct server *server)
{
    const struct candles_counts *counts = keeper_candles_counts(server_keeper(server));
    one(text, "candle_symbols", "gauge", "Symbols with candles.",
        (double)atomic_load(&counts->symbols));
    one(text, "candle_bytes", "gauge", "Memory taken for candles (--candle-bytes).",
        (double)atomic_load(&counts->bytes));
    one(text, "candle_shortened_total", "counter", "Times that candles were kept for less long.",
        (double)atomic_load(&counts->shortened));
    head(text, "candle_left_out_total", "counter", "Events that are in no candle.");
    text_printf(text,
                "pricecast_candle_left_out_total{reason=\"late\"} %" PRIu64 "\n"
                "pricecast_candle_left_out_total{reason=\"passed\"} %" PRIu64 "\n"
                "pricecast_candle_left_out_total{reason=\"refused\"} %" PRIu64 "\n"
                "pricecast_candle_left_out_total{reason=\"missed\"} %" PRIu64 "\n",
                atomic_load(&counts->late), atomic_load(&counts->passed),
                atomic_load(&counts->refused), keeper_missed(server_keeper(server)));
}

static void put_clients(struct text *text, struct server *server)
{
    one(text, "connections", "gauge", "Open connections, HTTP included.",
        admission_count(server_admission(server)));
    one(text, "sessions", "gauge", "Open WebSocket sessions.",
        (double)sum_own(server, offsetof(struct shard_counts, sessions)));
    one(text, "connections_accepted_total", "counter", "Connections accepted.",
        (double)sum_own(server, offsetof(struct shard_counts, accepted)));
    one(text, "connections_refused_total", "counter", "Connections refused for a limit.",
        (double)sum_own(server, offsetof(struct shard_counts, refused)));
    one(text, "connections_refused_per_ip_total", "counter", "Of these, for --max-clients-per-ip.",
        (double)sum_own(server, offsetof(struct shard_counts, refused_per_ip)));
    one(text, "resumes_total", "counter", "Resumes asked for.",
        (double)sum_own(server, offsetof(struct shard_counts, resumes)));
    one(text, "messages_received_total", "counter", "Messages from clients.",
        (double)sum_own(server, offsetof(struct shard_counts, messages_in)));
    one(text, "bad_messages_total", "counter", "Messages that were answered with an error.",
        (double)sum_own(server, offsetof(struct shard_counts, bad_messages)));
    one(text, "limit_exceeded_total", "counter", "Commands refused for a limit of the session.",
        (double)sum_own(server, offsetof(struct shard_counts, limits_exceeded)));
    one(text, "heartbeats_total", "counter", "Heartbeats sent to clients that heard nothing else.",
        (double)sum_own(server, offsetof(struct shard_counts, heartbeats)));
    head(text, "sessions_closed_total", "counter", "Sessions that are over, by reason.");
    for (enum session_end end = 0; end < SESSION_ENDS; end++)
        text_printf(
            text, "pricecast_sessions_closed_total{reason=\"%s\"} %" PRIu64 "\n",
            session_end_name(end),
            sum_own(server, offsetof(struct shard_counts, ended) + end * sizeof(_Atomic uint64_t)));
}

/* ---- the feed ---- */

static void put_links(struct text *text, const struct feed_status *feed)
{
    head(text, "feed_up", "gauge", "1 while a live feed is connected, or waits for others to.");
    for (size_t i = 0; i < feed->inputs_count; i++) {
        if (!feed->inputs[i].is_live)
            continue;
        text_puts(text, "pricecast_feed_up{feed=\"");
        put_label(text, feed->inputs[i].name);
        text_printf(text, "\"} %d\n", feed->inputs[i].link == FEED_UP);
    }
}

static void put_inputs(struct text *text, const struct feed_status *feed)
{
    static const struct {
        const char *name, *help;
        size_t offset;
    } counters[] = {
        {"feed_events_total", "Events sent by a feed.", offsetof(struct feed_input_status, events)},
        {"feed_lines_total", "Lines or messages read by a feed.",
         offsetof(struct feed_input_status, lines)},
        {"feed_ignored_total", "Messages that carry no trade or quote.",
         offsetof(struct feed_input_status, ignored)},
        {"feed_bad_total", "Lines or messages refused.", offsetof(struct feed_input_status, bad)},
        {"feed_late_total", "Events earlier than one sent before.",
         offsetof(struct feed_input_status, late)},
        {"feed_refused_total", "Events of streams beyond --max-streams.",
         offsetof(struct feed_input_status, refused)},
        {"feed_reconnects_total", "Times a live feed was connected again.",
         offsetof(struct feed_input_status, reconnects)},
        {"feed_gaps_total", "Events or messages missed on the way, by the upstream's count.",
         offsetof(struct feed_input_status, gaps)},
        {"feed_read_bytes", "Bytes of the file read in this turn.",
         offsetof(struct feed_input_status, bytes_read)},
        {"feed_size_bytes", "Bytes of the file.", offsetof(struct feed_input_status, bytes_total)},
    };
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
        const bool is_total = strstr(counters[i].name, "_total") != NULL;
        head(text, counters[i].name, is_total ? "counter" : "gauge", counters[i].help);
        for (size_t k = 0; k < feed->inputs_count; k++) {
            const char *input = (const char *)&feed->inputs[k];
            text_printf(text, "pricecast_%s{feed=\"", counters[i].name);
            put_label(text, feed->inputs[k].name);
            text_printf(text, "\"} %" PRIu64 "\n",
                        *(const uint64_t *)(const void *)(input + counters[i].offset));
        }
    }
}

static void put_replay(struct text *text, const struct feed_status *feed)
{
    one(text, "replay_playing", "gauge", "1 while events are being sent.",
        feed->play == FEED_PLAYING);
    one(text, "replay_speed", "gauge", "Recorded seconds a second; 0 is max.", feed->speed);
    one(text, "replay_loops_total", "counter", "Times the replay began again.",
        (double)feed->loops);
    if (feed->position_ns != EVENT_NO_TIME)
        one(text, "replay_position_seconds", "gauge", "Recorded time of the last event.",
            (double)feed->position_ns / 1e9);
    if (feed->eta_ns >= 0)
        one(text, "replay_eta_seconds", "gauge", "Until the end of the files, as it goes now.",
            (double)feed->eta_ns / 1e9);
    head(text, "replay_lateness_seconds", "summary", "How much later than due events were sent.");
    text_printf(text,
                "pricecast_replay_lateness_seconds{quantile=\"0.5\"} %.9f\n"
                "pricecast_replay_lateness_seconds{quantile=\"0.99\"} %.9f\n"
                "pricecast_replay_lateness_seconds{quantile=\"1\"} %.9f\n",
                (double)feed->lateness_p50_ns / 1e9, (double)feed->lateness_p99_ns / 1e9,
                (double)feed->lateness_max_ns / 1e9);
}

static void put_recorder(struct text *text, const struct recorder *recorder)
{
    struct recorder_status status;
    if (recorder == NULL)
        return;
    recorder_status(recorder, &status);
    one(text, "recorder_events_total", "counter", "Events recorded.", (double)status.events);
    one(text, "recorder_missed_total", "counter", "Events that could not be recorded.",
        (double)status.missed);
    one(text, "recorder_bytes_total", "counter", "Bytes of recordings.", (double)status.bytes);
    one(text, "recorder_parts_total", "counter", "Files of recordings begun.", status.parts);
    one(text, "recorder_failed", "gauge", "1 when recording has stopped with an error.",
        status.failed);
}

void metrics_put(struct shard *shard, struct text *text)
{
    struct server *server = shard->server;
    const struct server_options *options = server_options(server);
    struct feed_status feed;
    if (feed_status(options->feed, &feed) != 0) {
        text->failed = true;
        return;
    }
    head(text, "build_info", "gauge", "1, with the version.");
    text_puts(text, "pricecast_build_info{version=\"" PRICECAST_VERSION "\"} 1\n");
    one(text, "uptime_seconds", "gauge", "Since the start.",
        (double)server_uptime_ms(server) / 1e3);
    one(text, "bus_events_total", "counter", "Events published on the bus.",
        (double)bus_emitted(options->bus));
    one(text, "streams", "gauge", "Streams known.", streams_count(bus_streams(options->bus)));
    put_clients(text, server);
    put_delivery(text, server);
    latency_put_metrics(server, text);
    put_history(text, server);
    put_candles(text, server);
    put_inputs(text, &feed);
    put_links(text, &feed);
    put_replay(text, &feed);
    put_recorder(text, options->recorder);
    free(feed.inputs);
}
