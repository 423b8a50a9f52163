#include "server/options.h"

#include <jansson.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/bus.h"
#include "server/candles.h"
#include "server/config_file.h"
#include "server/console.h"
#include "server/fanout.h"
#include "server/heartbeat.h"
#include "server/option_read.h"
#include "server/server.h"

/* ---- the table ---- */

#define AT(member) offsetof(struct options, member)

static const struct option_row rows[] = {
    {"listen", "HOST:PORT",
     "one port for HTTP and WebSocket; port 0 picks a free one [127.0.0.1:8080]",
     option_read_listen, AT(listen), 0, 0},
    {"feed", "SPEC",
     "where prices come from, repeatable: PATH, file:PATH?key=value&…, sim:?symbols=50&rate=2000, "
     "ws://… or wss://…?format=…&symbols=…, push:, - (stdin), unix:PATH, tcp:[HOST:]PORT "
     "[the bundled recording]",
     option_read_list, AT(feeds), 0, 0},
    {"speed", "X", "replay speed, a number above 0, or max [1]", option_read_speed, AT(speed), 0,
     0},
    {"loop", NULL, "begin again at the end", option_read_flag, AT(loop), 0, 0},
    {"start-paused", NULL, "wait for POST /api/v1/replay {\"action\":\"resume\"}", option_read_flag,
     AT(start_paused), 0, 0},
    {"from", "T", "leave out what is earlier: ISO time, epoch s/ms/µs/ns, or +30s after the start",
     option_read_when, AT(from), 0, 0},
    {"to", "T",
     "leave out what is at T or later, and what stands in its file behind what is a minute later",
     option_read_when, AT(to), 0, 0},
    {"max-gap", "S", "cut longer silences in a recording to S seconds", option_read_gap,
     AT(max_gap_ns), 0, 0},
    {"reorder-window", "S",
     "sort events of a file that are up to S seconds out of order (or ms, m) [off]",
     option_read_gap, AT(reorder_window_ns), 0, 0},
    {"rebase", "now", "stamp recorded events with the present time", option_read_rebase, AT(rebase),
     0, 0},
    {"wait-clients", "N", "hold the replay until N clients have subscribed [0]", option_read_number,
     AT(wait_clients), 0, 1000000},
    {"exit-at-end", NULL,
     "exit 0 when every feed has ended and clients have it all (1: it could not all be recorded)",
     option_read_flag, AT(exit_at_end), 0, 0},
    {"drain-timeout", "S", "with --exit-at-end: wait so long for slow clients [30]",
     option_read_number, AT(drain_s), 0, 86400},
    {"lossless", NULL, "let a replay wait rather than an \"every\" subscription overflow",
     option_read_flag, AT(lossless), 0, 0},
    {"record", "PATH", "record what passes the bus; .gz and .zst are compressed", option_read_text,
     AT(record), 0, 0},
    {"record-rotate", "WHEN",
     "go on in a new part, PATH-0001, PATH-0002, …: after a size (100M), a duration (1h), or each "
     "UTC day (day); repeatable",
     option_read_rotate, 0, 0, 0},
    {"record-continue", NULL,
     "number the file even if nothing makes it rotate; a live feed goes on with its epoch and "
     "numbers",
     option_read_flag, AT(record_continue), 0, 0},
    {"record-fsync", "POLICY",
     "when the disk must have it: never, interval (every 10 s) or flush (every second) [interval]",
     option_read_fsync, AT(record_sync), 0, 0},
    {"shards", "N", "service threads [CPUs the process may run on]", option_read_number, AT(shards),
     1, SERVER_SHARDS_MAX},
    {"allow-origin", "ORIGIN",
     "let pages of another origin connect, repeatable; * for all "
     "[same origin]",
     option_read_origin, AT(origins), 0, 0},
    {"web-root", "DIR", "serve the dashboard from this folder, to work on it [embedded]",
     option_read_folder, AT(web_root), 0, 0},
    {"max-clients", "N", "connections at a time [10000]", option_read_number, AT(clients_max), 1,
     1000000},
    {"max-clients-per-ip", "N", "connections at a time from one address, 0: any number [0]",
     option_read_number, AT(clients_per_ip), 0, 1000000},
    {"max-message-bytes", "N", "longest message of a client [65536]", option_read_number,
     AT(message_bytes), 1024, 1u << 20},
    {"max-symbols", "N", "symbols and patterns of a session [10000]", option_read_number,
     AT(symbols_max), 1, SERVER_SYMBOLS_MAX},
    {"max-patterns", "N", "of these with a * [256]", option_read_number, AT(patterns_max), 0,
     SERVER_SYMBOLS_MAX},
    {"max-queue-bytes", "N", "what may wait for one \"every\" client [262144]", option_read_number,
     AT(queue_bytes), 4096, 1u << 30},
    {"stuck-timeout", "S", "close a client that has taken nothing for S seconds, 0: never [30]",
     option_read_number, AT(stuck_s), 0, 86400},
    {"max-streams", "N", "streams (source, symbol, kind) at most [100000]", option_read_number,
     AT(streams_max), 1, STREAMS_MAX_LIMIT},
    {"max-line-bytes", "N", "longest line of a recording [16777216]", option_read_number,
     AT(line_bytes), 64, 1u << 30},
    {"bus-events", "N", "size of the bus, a power of two [65536]", option_read_number,
     AT(ring_events), BUS_RING_EVENTS_MIN, BUS_RING_EVENTS_MAX},
    {"resume-events", "N",
     "events of a stream kept for clients that come back and resume; 0: none [4096]",
     option_read_number, AT(resume_events), 0, 1u << 30},
    {"resume-bytes", "N", "memory for these events, of all streams together [64M]",
     option_read_size, AT(resume_bytes), 0, 0},
    {"resume-age", "S", "how long an event is kept for that [300]", option_read_age,
     AT(resume_age_ns), 0, 0},
    {"candle-bytes", "N", "memory for candles, of all symbols together, at least 1M [256M]",
     option_read_size, AT(candle_bytes), CANDLES_BYTES_MIN, 0},
    {"gather-ms", "N",
     "after a turn of sends that took over 2 ms, gather updates twice as long, at most so long [5]",
     option_read_number, AT(gather_ms), 0, 1000},
    {"heartbeat-ms", "N", "a heartbeat after so long without a message [5000]", option_read_number,
     AT(heartbeat_ms), 50, 3600000},
    {"heartbeat-clients", "N",
     "clients that get heartbeats so often; each further N wait longer, up to 40 s [250]",
     option_read_number, AT(heartbeat_clients), 1, 1000000},
    {"progress", "S",
     "without a terminal: log the replay's progress every S seconds, 0: never [60]",
     option_read_number, AT(progress_s), 0, 86400},
    {"log-level", "LEVEL", "debug, info, warn or error [info]", option_read_level, AT(log_level), 0,
     0},
    {"log-json", NULL, "log as JSON lines", option_read_flag, AT(log_json), 0, 0},
    {"config", "FILE", "a JSON object with these options, _ for -; the command line wins",
     option_read_text, AT(config), 0, 0},
};
enum { ROWS = sizeof rows / sizeof *rows };

void options_help(void)
{
    printf("pricecast " PRICECAST_VERSION ": replays or simulates market data and broadcasts it\n\n"
           "usage: pricecast [options]\n\n");
    for (size_t i = 0; i < ROWS; i++) {
        char left[40];
        snprintf(left, sizeof left, "--%s %s", rows[i].name, rows[i].value ? rows[i].value : "");
        printf("  %-24s %s\n", left, rows[i].help);
    }
    printf("  %-24s %s\n  %-24s %s\n\n", "--help", "this text", "--version", "the version");
    printf(
        "Files are plain, gzip or zstd, in one of these formats, both told by content:\n"
        "  native, binance, cryptofeed1, cryptofeed2, tardis, binance-csv, csv\n"
        "Keys of a file: format, symbol, source, offset; of csv also columns, date, tz, ts_unit,\n"
        "price_scale, one_sided, delimiter, header. Keys of sim: symbols, rate, seed, kinds,\n"
        "bursts, volatility, even.\n\n"
        "Formats of ws and wss: coinbase, coinbase-advanced, kraken, kraken2, bitstamp, bybit,\n"
        "binance, pricecast. Keys: symbols, source, stall, ca, insecure.\n\n"
        "Keys in a terminal: " CONSOLE_KEYS ".\n"
        "Exit status: 0 ended or stopped, 1 failed, 2 bad arguments.\n");
}

static const struct option_row *row_find(const char *name, size_t len)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strlen(rows[i].name) == len && strncmp(rows[i].name, name, len) == 0)
            return &rows[i];
    return NULL;
}

/* ---- the command line ---- */

/* Reads one argument, and the next as its value unless it has `=`. Returns how many were used. */
static int argument_read(struct option_parser *parser, char **argv)
{
    const char *equals = strchr(argv[0], '=');
    const size_t len = equals ? (size_t)(equals - argv[0]) : strlen(argv[0]);
    const struct option_row *row =
        strncmp(argv[0], "--", 2) == 0 ? row_find(argv[0] + 2, len - 2) : NULL;
    if (row == NULL) {
        snprintf(parser->error, parser->error_size, "%s: there is no such option; see --help",
                 argv[0]);
        return 0;
    }
    if (row->value == NULL) {
        if (equals != NULL)
            return option_refuse(parser, row, equals + 1, "no value");
        return row->read(parser, row, NULL) ? 1 : 0;
    }
    const char *value = equals ? equals + 1 : argv[1];
    if (value == NULL) /* what is allowed, the reader says; most take no empty value */
        return row->read(parser, row, "") ? option_refuse(parser, row, "", "%s", row->value) : 0;
    return row->read(parser, row, value) ? (equals ? 1 : 2) : 0;
}

static bool line_read(struct option_parser *parser, int argc, char **argv)
{
    for (int i = 1; i < argc;) {
        const int used = argument_read(parser, argv + i);
        if (used == 0)
            return false;
        i += used;
    }
    return true;
}

/* ---- the file ---- */

/* Those that may be given more than once: in the file, as an array. */
static bool is_repeatable(const struct option_row *row)
{
    return row->read == option_read_list || row->read == option_read_origin ||
           row->read == option_read_rotate;
}

static bool refuse_type(struct option_parser *parser, const struct option_row *row,
                        const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    char shown[44];
    snprintf(shown, sizeof shown, "%.40s", text != NULL ? text : "");
    free(text);
    if (row->value == NULL)
        return option_refuse(parser, row, shown, "true or false");
    return option_refuse(parser, row, shown, "%s as a string or a number%s", row->value,
                         is_repeatable(row) ? ", or an array of such" : "");
}

static bool value_read(struct option_parser *parser, const struct option_row *row,
                       const json_t *value)
{
    char number[64];
    if (row->value == NULL) {
        if (json_is_true(value))
            return row->read(parser, row, NULL);
        return json_is_false(value) || refuse_type(parser, row, value);
    }
    if (json_is_string(value))
        return row->read(parser, row, json_string_value(value));
    if (json_is_integer(value))
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        snprintf(number, sizeof number, "%.15g", json_real_value(value));
    else
        return refuse_type(parser, row, value);
    return row->read(parser, row, number);
}

static bool member_read(struct option_parser *parser, const char *key, const json_t *value,
                        bool *seen)
{
    char name[64];
    snprintf(name, sizeof name, "%s", key);
    for (char *at = name; *at != '\0'; at++)
        if (*at == '_')
            *at = '-';
    const struct option_row *row = row_find(name, strlen(name));
    if (row == NULL || strcmp(row->name, "config") == 0) {
        snprintf(parser->error, parser->error_size, "there is no option \"%s\"; see --help", key);
        return false;
    }
    if (seen[row - rows])
        return option_refuse(parser, row, "twice", "once, with _ or with -");
    seen[row - rows] = true;
    if (!json_is_array(value) || !is_repeatable(row))
        return value_read(parser, row, value);
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!value_read(parser, row, json_array_get(value, i)))
            return false;
    return true;
}

/* Puts the place in front of what was wrong there. */
static void tell_place(struct option_parser *parser, const struct config_file *file,
                       const char *key)
{
    char place[400], *problem = strdup(parser->error);
    config_file_place(file, key, place, sizeof place);
    if (problem != NULL)
        snprintf(parser->error, parser->error_size, "--config %s: %s", place, problem);
    free(problem);
}

static bool file_read(struct option_parser *parser)
{
    struct config_file file;
    bool seen[ROWS] = {false}, ok = true;
    if (config_file_read(parser->options->config, &file, parser->error, parser->error_size) != 0)
        return false;
    const char *key;
    json_t *value;
    json_object_foreach(file.root, key, value)
    {
        ok = member_read(parser, key, value, seen);
        if (!ok) {
            tell_place(parser, &file, key);
            break;
        }
    }
    config_file_finish(&file);
    return ok;
}

/* ---- all of it ---- */

static uint64_t cpus_allowed(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    const int count = CPU_COUNT(&set);
    return count < 1 ? 1 : count > SERVER_SHARDS_MAX ? SERVER_SHARDS_MAX : (uint64_t)count;
}

static struct options options_default(void)
{
    return (struct options){
        .listen = strdup("127.0.0.1:8080"),
        .host = strdup("127.0.0.1"),
        .port = 8080,
        .speed = 1,
        .shards = cpus_allowed(),
        .clients_max = SERVER_CLIENTS_DEFAULT,
        .message_bytes = SERVER_MESSAGE_BYTES_DEFAULT,
        .symbols_max = SERVER_SYMBOLS_MAX,
        .patterns_max = SERVER_PATTERNS_DEFAULT,
        .heartbeat_ms = SERVER_HEARTBEAT_DEFAULT,
        .heartbeat_clients = HEARTBEAT_CLIENTS_DEFAULT,
        .gather_ms = SERVER_GATHER_DEFAULT_MS,
        .queue_bytes = READER_QUEUE_BYTES_DEFAULT,
        .stuck_s = SERVER_STUCK_DEFAULT_S,
        .candle_bytes = CANDLES_BYTES_DEFAULT,
        .resume_events = HISTORY_EVENTS_DEFAULT,
        .resume_bytes = HISTORY_BYTES_DEFAULT,
        .resume_age_ns = HISTORY_AGE_S_DEFAULT * INT64_C(1000000000),
        .ring_events = BUS_RING_EVENTS_DEFAULT,
        .streams_max = STREAMS_MAX_DEFAULT,
        .drain_s = 30,
        .progress_s = 60,
        .log_level = LOG_INFO,
    };
}

static bool settings_agree(struct option_parser *parser)
{
    const struct options *options = parser->options;
    const char *conflict = NULL;
    char bus_events[80], wait_clients[120];
    snprintf(wait_clients, sizeof wait_clients,
             "--wait-clients %llu: allowed: up to what --max-clients lets in, %llu",
             (unsigned long long)options->wait_clients, (unsigned long long)options->clients_max);
    snprintf(bus_events, sizeof bus_events, "--bus-events %llu: allowed: a power of two",
             (unsigned long long)options->ring_events);
    if (options->loop && options->exit_at_end)
        conflict = "--loop and --exit-at-end: a loop has no end; choose one";
    else if ((options->ring_events & (options->ring_events - 1)) != 0)
        conflict = bus_events;
    else if (options->wait_clients > options->clients_max)
        conflict = wait_clients;
    else if (options->from.kind == WHEN_AT && options->to.kind == WHEN_AT &&
             options->from.ns >= options->to.ns)
        conflict = "--from and --to: --from must be earlier";
    else if (options->from.kind == WHEN_AFTER_START && options->to.kind == WHEN_AFTER_START &&
             options->from.ns >= options->to.ns)
        conflict = "--from and --to: --from must be earlier";
    else if (options->record == NULL &&
             (options->record_rotate_bytes > 0 || options->record_rotate_ns > 0 ||
              options->record_rotate_day || options->record_continue || options->has_record_sync))
        conflict = "--record-rotate, --record-continue and --record-fsync: allowed with --record "
                   "PATH, which is missing";
    if (conflict != NULL)
        snprintf(parser->error, parser->error_size, "%s", conflict);
    return conflict == NULL;
}

static void list_finish(struct option_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->values[i]);
    free(list->values);
    *list = (struct option_list){0};
}

static bool read_all(struct option_parser *parser, int argc, char **argv)
{
    /* The line is read twice: once to find --config and refuse mistakes, and again over the file.
     */
    if (!line_read(parser, argc, argv))
        return false;
    if (parser->options->config == NULL)
        return true;
    struct options of_line = *parser->options;
    *parser->options = options_default();
    parser->options->config = strdup(of_line.config);
    bool ok = parser->options->config != NULL && file_read(parser);
    /* What the file gives several of is replaced, not extended, by what the line gives. */
    if (ok && of_line.feeds.count > 0)
        list_finish(&parser->options->feeds);
    if (ok && of_line.origins.count > 0)
        list_finish(&parser->options->origins);
    if (ok && (of_line.record_rotate_bytes > 0 || of_line.record_rotate_ns > 0 ||
               of_line.record_rotate_day)) {
        parser->options->record_rotate_bytes = 0;
        parser->options->record_rotate_ns = 0;
        parser->options->record_rotate_day = false;
    }
    options_finish(&of_line);
    return ok && line_read(parser, argc, argv);
}

enum options_result options_parse(int argc, char **argv, struct options *out, char *error,
                                  size_t error_size)
{
    *out = options_default();
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return OPTIONS_HELP;
        if (strcmp(argv[i], "--version") == 0)
            return OPTIONS_VERSION;
    }
    struct option_parser parser = {out, error, error_size};
    snprintf(error, error_size, "out of memory");
    if (read_all(&parser, argc, argv) && settings_agree(&parser))
        return OPTIONS_RUN;
    for (char *at = error; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20)
            *at = ' '; /* one line, whatever was given */
    return OPTIONS_BAD;
}

void options_finish(struct options *options)
{
    free(options->listen);
    free(options->host);
    free(options->record);
    free(options->config);
    free(options->web_root);
    list_finish(&options->feeds);
    list_finish(&options->origins);
    *options = (struct options){0};
}
