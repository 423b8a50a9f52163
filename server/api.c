#include "server/api.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/latency.h"
#include "server/messages.h"
#include "server/shard.h"

/* ---- status ---- */

static const char *play_name(enum feed_play play)
{
    static const char *const names[] = {"waiting", "playing", "paused", "seeking", "ended"};
    return names[play];
}

static void put_speed(struct text *json, double speed)
{
    if (speed == 0)
        text_puts(json, "\"max\"");
    else
        text_printf(json, "%.10g", speed);
}

static void put_inputs(struct text *json, const struct feed_status *status)
{
    for (size_t i = 0; i < status->inputs_count; i++) {
        const struct feed_input_status *input = &status->inputs[i];
        text_puts(json, i == 0 ? "{\"feed\":" : ",{\"feed\":");
        text_put_json(json, input->name, strlen(input->name));
        if (input->format != NULL)
            text_printf(json, ",\"format\":\"%s\",\"sure\":%d", input->format, input->sure);
        text_printf(json,
                    ",\"events\":%" PRIu64 ",\"lines\":%" PRIu64 ",\"ignored\":%" PRIu64
                    ",\"bad\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"late\":%" PRIu64
                    ",\"bytes_read\":%" PRIu64 ",\"bytes_total\":%" PRIu64 ",\"broken\":%s",
                    input->events, input->lines, input->ignored, input->bad, input->refused,
                    input->late, input->bytes_read, input->bytes_total,
                    input->broken ? "true" : "false");
        if (input->is_live)
            text_printf(
                json, ",\"live\":true,\"link\":\"%s\",\"reconnects\":%" PRIu64 ",\"gaps\":%" PRIu64,
                input->link == FEED_UP ? "up" : "down", input->reconnects, input->gaps);
        text_puts(json, "}");
    }
}

static void put_recorder(struct text *json, const struct recorder *recorder)
{
    struct recorder_status status;
    if (recorder == NULL)
        return;
    recorder_status(recorder, &status);
    text_printf(json,
                ",\"recorder\":{\"events\":%" PRIu64 ",\"missed\":%" PRIu64 ",\"bytes\":%" PRIu64
                ",\"parts\":%u,\"failed\":%s}",
                status.events, status.missed, status.bytes, status.parts,
                status.failed ? "true" : "false");
}

static void put_replay(struct text *json, const struct feed_status *status)
{
    text_printf(json, "{\"state\":\"%s\",\"speed\":", play_name(status->play));
    put_speed(json, status->speed);
    text_printf(json, ",\"loop\":%s,\"loops\":%" PRIu64 ",\"events\":%" PRIu64,
                status->loop ? "true" : "false", status->loops, status->events);
    if (status->position_ns != EVENT_NO_TIME)
        text_printf(json, ",\"position\":%" PRId64, event_us(status->position_ns));
    if (status->clock_ns != EVENT_NO_TIME)
        text_printf(json, ",\"clock\":%" PRId64, event_us(status->clock_ns));
    if (status->rebased)
        text_puts(json, ",\"rebased\":true");
    text_printf(json,
                ",\"bytes_read\":%" PRIu64 ",\"bytes_total\":%" PRIu64 ",\"asked_ms\":%" PRId64
                ",\"took_ms\":%" PRId64,
                status->bytes_read, status->bytes_total, status->asked_ns / 1000000,
                status->took_ns / 1000000);
    if (status->bytes_total > 0)
        text_printf(json, ",\"percent\":%.2f",
                    100.0 * (double)status->bytes_read / (double)status->bytes_total);
    if (status->took_ns > 0)
        text_printf(json, ",\"events_s\":%.1f",
                    (double)status->events / ((double)status->took_ns / 1e9));
    if (status->eta_ns >= 0)
        text_printf(json, ",\"eta_ms\":%" PRId64, status->eta_ns / 1000000);
    text_printf(json, ",\"lateness_us\":{\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f}",
                (double)status->lateness_p50_ns / 1e3, (double)status->lateness_p99_ns / 1e3,
                (double)status->lateness_max_ns / 1e3);
}

struct totals {
    uint64_t sessions, events, items, frames, bytes, blocked, overflows, lapped, lapped_events,
        skipped, aged, http_requests, messages_in, bad_messages, accepted, refused, refused_per_ip;
};

static void totals_add(struct totals *totals, struct shard *shard)
{
    struct fanout_counts *counts = fanout_counts(shard->fanout);
    totals->sessions += atomic_load(&shard->counts.sessions);
    totals->http_requests += atomic_load(&shard->counts.http_requests);
    totals->messages_in += atomic_load(&shard->counts.messages_in);
    totals->bad_messages += atomic_load(&shard->counts.bad_messages);
    totals->accepted += atomic_load(&shard->counts.accepted);
    totals->refused += atomic_load(&shard->counts.refused);
    totals->refused_per_ip += atomic_load(&shard->counts.refused_per_ip);
    totals->items += atomic_load(&counts->items);
    totals->frames += atomic_load(&counts->frames);
    totals->bytes += atomic_load(&counts->bytes);
    totals->blocked += atomic_load(&counts->blocked);
    totals->overflows += atomic_load(&counts->overflows);
    totals->aged += atomic_load(&counts->aged);
    totals->lapped += atomic_load(&counts->lapped);
    totals->lapped_events += atomic_load(&counts->lapped_events);
    totals->skipped += atomic_load(&counts->skipped);
}

static void put_clients(struct text *json, struct server *server, const struct totals *totals)
{
    text_printf(
        json,
        ",\"clients\":{\"connections\":%u,\"max\":%u,\"max_per_ip\":%u,\"sessions\":%" PRIu64
        ",\"accepted\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"refused_per_ip\":%" PRIu64
        ",\"messages_in\":%" PRIu64 ",\"bad_messages\":%" PRIu64 ",\"http_requests\":%" PRIu64 "}",
        admission_count(server_admission(server)), server_options(server)->clients_max,
        server_options(server)->clients_per_ip, totals->sessions, totals->accepted, totals->refused,
        totals->refused_per_ip, totals->messages_in, totals->bad_messages, totals->http_requests);
}

static void put_delivery(struct text *json, const struct totals *totals, uint64_t published)
{
    text_printf(json,
                ",\"delivery\":{\"published\":%" PRIu64 ",\"items\":%" PRIu64 ",\"frames\":%" PRIu64
                ",\"bytes\":%" PRIu64 ",\"blocked_writes\":%" PRIu64 ",\"slow_consumers\":%" PRIu64
                ",\"max_age_exceeded\":%" PRIu64 ",\"skipped\":%" PRIu64 ",\"lapped\":%" PRIu64
                ",\"lapped_events\":%" PRIu64 "}",
                published, totals->items, totals->frames, totals->bytes, totals->blocked,
                totals->overflows, totals->aged, totals->skipped, totals->lapped,
                totals->lapped_events);
}

void api_status(struct shard *shard, struct text *json)
{
    struct server *server = shard->server;
    const struct server_options *options = server_options(server);
    struct feed_status feed;
    if (feed_status(options->feed, &feed) != 0) {
        json->failed = true;
        return;
    }
    struct totals totals = {0};
    for (unsigned i = 0; i < server_shards(server); i++)
        totals_add(&totals, server_shard(server, i));
    const struct server_rates rates = server_rates(server);
    text_printf(json,
                "{\"version\":\"%s\",\"uptime_ms\":%" PRId64 ",\"mode\":\"%s\","
                "\"epoch\":\"%016" PRIx64 "\",\"shards\":%u,\"streams\":%u,\"feeds\":[",
                PRICECAST_VERSION, server_uptime_ms(server), server_mode_name(server),
                bus_epoch(options->bus), server_shards(server),
                streams_count(bus_streams(options->bus)));
    put_inputs(json, &feed);
    text_puts(json, "],\"replay\":");
    put_replay(json, &feed);
    text_puts(json, "}");
    put_recorder(json, options->recorder);
    put_clients(json, server, &totals);
    put_delivery(json, &totals, bus_emitted(options->bus));
    text_printf(json, ",\"rates\":{\"events\":%.1f,\"items\":%.1f,\"frames\":%.1f,\"bytes\":%.1f}",
                rates.events, rates.items, rates.frames, rates.bytes);
    latency_put_json(server, json);
    text_puts(json, "}");
    free(feed.inputs);
}

/* ---- symbols and latest ---- */

/* Streams of one symbol, which need not stand together: sorted by symbol, then number. */
static int by_symbol(const void *a, const void *b)
{
    const struct book_entry *left = *(struct book_entry *const *)a;
    const struct book_entry *right = *(struct book_entry *const *)b;
    const int order = strcmp(left->stream->symbol, right->stream->symbol);
    return order != 0 ? order : left->stream->number < right->stream->number ? -1 : 1;
}

/* The price streams that have an event and match, sorted; the caller frees the array. */
static struct book_entry **entries_find(struct shard *shard, const struct plan *plan, size_t *out)
{
    struct book *book = fanout_book(shard->fanout);
    struct book_entry **entries = malloc((book_count(book) + 1) * sizeof *entries);
    size_t count = 0;
    for (uint32_t i = 0; entries != NULL && i < book_count(book); i++) {
        struct book_entry *entry = book_entry(book, i);
        if (entry->stream->kind < EVENT_KINDS_PRICE && entry->latest.seq > 0 &&
            (plan == NULL || plan_group(plan, entry->stream->symbol, entry->stream->kind) >= 0))
            entries[count++] = entry;
    }
    if (entries != NULL)
        qsort(entries, count, sizeof *entries, by_symbol);
    *out = count;
    return entries;
}

static void put_stream(struct text *json, const struct book_entry *entry)
{
    text_puts(json, "{\"source\":");
    text_put_json(json, entry->stream->source, strlen(entry->stream->source));
    text_printf(json, ",\"kind\":\"%s\",\"seq\":%" PRIu64, event_kind_name(entry->stream->kind),
                entry->latest.seq);
    if (entry->latest.ts_ns != EVENT_NO_TIME)
        text_printf(json, ",\"ts\":%" PRId64, event_us(entry->latest.ts_ns));
    if (entry->latest.recv_ns != EVENT_NO_TIME)
        text_printf(json, ",\"recv\":%" PRId64, event_us(entry->latest.recv_ns));
    text_puts(json, "}");
}

void api_symbols(struct shard *shard, struct text *json)
{
    size_t count;
    struct book_entry **entries = entries_find(shard, NULL, &count);
    json->failed |= entries == NULL;
    text_puts(json, "{\"symbols\":[");
    for (size_t i = 0; i < count; i++) {
        const char *symbol = entries[i]->stream->symbol;
        if (i > 0 && strcmp(entries[i - 1]->stream->symbol, symbol) == 0) {
            text_puts(json, ",");
        } else {
            text_puts(json, i == 0 ? "{\"symbol\":" : "]},{\"symbol\":");
            text_put_json(json, symbol, strlen(symbol));
            text_puts(json, ",\"streams\":[");
        }
        put_stream(json, entries[i]);
    }
    text_puts(json, count > 0 ? "]}]}" : "]}");
    free(entries);
}

static void put_latest(struct shard *shard, const struct plan *plan, struct text *json)
{
    size_t count;
    struct book_entry **entries = entries_find(shard, plan, &count);
    json->failed |= entries == NULL;
    text_puts(json, "{\"data\":[");
    for (size_t i = 0; i < count; i++) {
        size_t len;
        const char *item = book_text(fanout_book(shard->fanout), entries[i]->stream->number, &len);
        json->failed |= item == NULL;
        text_puts(json, i == 0 ? "" : ",");
        if (item != NULL)
            text_put(json, item, len);
    }
    text_puts(json, "]}");
    free(entries);
}

void api_latest(struct shard *shard, const char *symbols, struct text *json)
{
    struct command command;
    struct command_error error;
    struct topics topics = {0};
    struct plan plan = {0};
    if (symbols == NULL || *symbols == '\0') {
        put_latest(shard, NULL, json);
        return;
    }
    command_query_begin(&command);
    const bool ok = command_query(&command, "symbols", symbols, &error) &&
                    topics_set(&topics, command.symbols, command.symbols_count, KIND_BITS_ALL,
                               command.delivery) == 0 &&
                    plan_init(&plan, &topics) == 0;
    if (ok)
        put_latest(shard, &plan, json);
    else
        text_puts(json, "{\"data\":[]}");
    topics_finish(&topics);
    plan_finish(&plan);
    command_finish(&command);
}

/* ---- replay ---- */

static void put_span(struct text *json, const struct outline *outline)
{
    text_printf(json, "\"from\":%" PRId64 ",\"to\":%" PRId64 ",\"exact\":%s",
                event_us(outline->from_ns), event_us(outline->to_ns),
                outline->is_exact ? "true" : "false");
}

void api_replay(struct shard *shard, bool may_control, struct text *json)
{
    struct feed *source = server_options(shard->server)->feed;
    struct feed_status feed;
    struct outline outline;
    if (feed_status(source, &feed) != 0) {
        json->failed = true;
        return;
    }
    put_replay(json, &feed);
    if (feed_outline(source, &outline)) {
        text_puts(json, ",");
        put_span(json, &outline);
    }
    text_printf(json, ",\"control\":%s}", may_control ? "true" : "false");
    free(feed.inputs);
}

void api_replay_outline(struct shard *shard, struct text *json)
{
    struct outline outline;
    if (!feed_outline(server_options(shard->server)->feed, &outline)) {
        text_puts(json, "{\"known\":false}");
        return;
    }
    double most = 0;
    for (int i = 0; i < OUTLINE_PARTS; i++)
        most = fmax(most, outline.events[i]);
    text_puts(json, "{\"known\":true,");
    put_span(json, &outline);
    text_puts(json, ",\"activity\":[");
    for (int i = 0; i < OUTLINE_PARTS; i++)
        text_printf(json, "%s%.3g", i == 0 ? "" : ",", most > 0 ? outline.events[i] / most : 0);
    text_puts(json, "]}");
}

static const char *speed_read(const json_t *value, struct feed_command *command)
{
    if (json_is_string(value) && strcmp(json_string_value(value), "max") == 0) {
        command->speed = 0;
        return NULL;
    }
    command->speed = json_number_value(value);
    return command->speed > 0 && isfinite(command->speed) ? NULL
                                                          : "value: a number above 0 or \"max\"";
}

static const char *step_read(const json_t *value, struct feed_command *command)
{
    const json_int_t count = value == NULL ? 1 : json_integer_value(value);
    command->count = (uint64_t)count;
    return count > 0 ? NULL : "count: a whole number above 0";
}

/* A number is a time in µs, as everywhere in the protocol. */
static const char *target_read(const json_t *to, struct feed_target *out)
{
    static const char allowed[] = "to: " FEED_TARGET_ALLOWED;
    if (json_is_string(to))
        return feed_target_parse(json_string_value(to), out) == 0 ? NULL : allowed;
    int64_t ns;
    if (!json_is_integer(to) || __builtin_mul_overflow(json_integer_value(to), INT64_C(1000), &ns))
        return allowed;
    *out = (struct feed_target){.kind = SEEK_TO_TIME, .ns = ns};
    return NULL;
}

/* Returns NULL or what is wrong. */
static const char *command_read(const json_t *root, struct feed_command *command)
{
    const char *action = json_string_value(json_object_get(root, "action"));
    const json_t *value = json_object_get(root, "value");
    *command = (struct feed_command){0};
    if (action == NULL)
        return "action: a string is missing";
    if (strcmp(action, "pause") == 0) {
        command->action = FEED_PAUSE;
    } else if (strcmp(action, "resume") == 0) {
        command->action = FEED_RESUME;
    } else if (strcmp(action, "speed") == 0) {
        command->action = FEED_SPEED;
        return speed_read(value, command);
    } else if (strcmp(action, "step") == 0) {
        command->action = FEED_STEP;
        return step_read(json_object_get(root, "count"), command);
    } else if (strcmp(action, "seek") == 0) {
        command->action = FEED_SEEK;
        return target_read(json_object_get(root, "to"), &command->target);
    } else if (strcmp(action, "stop") == 0) {
        command->action = FEED_STOP;
    } else if (strcmp(action, "loop") == 0) {
        command->action = FEED_LOOP;
        command->on = json_is_true(value);
        return json_is_boolean(value) ? NULL : "value: true or false";
    } else {
        return "action: pause, resume, seek, speed, step, loop or stop";
    }
    return NULL;
}

const char *api_replay_command(const char *body, size_t len, struct feed_command *out)
{
    json_error_t where;
    json_t *root = json_loadb(body, len, JSON_REJECT_DUPLICATES, &where);
    const char *problem = root == NULL ? "the body is not JSON" : command_read(root, out);
    json_decref(root);
    return problem;
}

/* ---- publishing ---- */

void api_pushed(const struct feed_push_result *pushed, struct text *json)
{
    text_printf(json,
                "{\"accepted\":%" PRIu64 ",\"rejected\":%" PRIu64 ",\"ignored\":%" PRIu64
                ",\"errors\":[",
                (uint64_t)pushed->accepted, (uint64_t)pushed->rejected, (uint64_t)pushed->ignored);
    for (size_t i = 0; i < pushed->errors_count; i++) {
        const char *reason = pushed->errors[i].reason;
        text_printf(json, "%s{\"item\":%" PRIu64 ",\"reason\":", i == 0 ? "" : ",",
                    (uint64_t)pushed->errors[i].item);
        text_put_json(json, reason, strlen(reason));
        text_puts(json, "}");
    }
    text_puts(json, "]}");
}
