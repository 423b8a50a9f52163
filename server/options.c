#include "server/options.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/bus.h"
#include "server/candles.h"
#include "server/config_file.h"
#include "server/console.h"
#include "server/fanout.h"
#include "server/heartbeat.h"
#include "server/server.h"
#include "server/webroot.h"

struct parser {
    struct options *options;
    char *error;
    size_t error_size;
};

/* One row an option: `read` gets the value's text, or NULL for a flag. */
struct row {
    const char *name;
    const char *value; /* its shape in the help; NULL: a flag */
    const char *help;
    bool (*read)(struct parser *parser, const struct row *row, const char *value);
    size_t offset;     /* of the field in struct options */
    uint64_t min, max; /* of numbers */
};

static bool refuse(struct parser *parser, const struct row *row, const char *value,
                   const char *allowed, ...) __attribute__((format(printf, 4, 5)));

static bool refuse(struct parser *parser, const struct row *row, const char *value,
                   const char *allowed, ...)
{
    char text[300];
    va_list args;
    va_start(args, allowed);
    vsnprintf(text, sizeof text, allowed, args);
    va_end(args);
    snprintf(parser->error, parser->error_size, "--%s %s: allowed: %s", row->name,
             *value != '\0' ? value : "(nothing)", text);
    return false;
}

static void *field(struct parser *parser, const struct row *row)
{
    return (char *)parser->options + row->offset;
}

/* ---- readers ---- */

static bool read_flag(struct parser *parser, const struct row *row, const char *value)
{
    (void)value;
    *(bool *)field(parser, row) = true;
    return true;
}

static bool read_text(struct parser *parser, const struct row *row, const char *value)
{
    if (*value == '\0')
        return refuse(parser, row, "\"\"", "%s", row->value);
    char **to = field(parser, row);
    free(*to);
    *to = strdup(value);
    return *to != NULL;
}

static bool read_folder(struct parser *parser, const struct row *row, const char *value)
{
    if (!webroot_is_usable(value))
        return refuse(parser, row, value, "a folder with an index.html that can be read");
    return read_text(parser, row, value);
}

static bool read_list(struct parser *parser, const struct row *row, const char *value)
{
    struct option_list *list = field(parser, row);
    if (list->count == OPTIONS_LIST_MAX)
        return refuse(parser, row, value, "at most %d of them", OPTIONS_LIST_MAX);
    char **grown = realloc(list->values, (list->count + 1) * sizeof *grown);
    if (grown == NULL)
        return false;
    list->values = grown;
    grown[list->count] = strdup(value);
    return grown[list->count++] != NULL;
}

/* As browsers write it: a page's scheme, host, and port if it is not the scheme's own. */
static bool read_origin(struct parser *parser, const struct row *row, const char *value)
{
    const char *host = strstr(value, "://");
    if (strcmp(value, "*") != 0 &&
        (host == NULL || host == value || host[3] == '\0' || strpbrk(host + 3, "/?#@* ") != NULL))
        return refuse(parser, row, value,
                      "https://HOST or https://HOST:PORT as browsers send it, or *");
    return read_list(parser, row, value);
}

static bool read_number(struct parser *parser, const struct row *row, const char *value)
{
    char *end;
    errno = 0;
    const unsigned long long number = strtoull(value, &end, 10);
    if (*value < '0' || *value > '9' || *end != '\0' || errno != 0 || number < row->min ||
        number > row->max)
        return refuse(parser, row, value, "a whole number from %llu to %llu",
                      (unsigned long long)row->min, (unsigned long long)row->max);
    *(uint64_t *)field(parser, row) = number;
    return true;
}

static bool read_speed(struct parser *parser, const struct row *row, const char *value)
{
    char *end;
    const double speed = strtod(value, &end);
    const bool is_max = strcmp(value, "max") == 0;
    if (!is_max && (*value < '0' || *value > '9' || strpbrk(value, "xX") != NULL || *end != '\0' ||
                    !(speed > 0) || !isfinite(speed)))
        return refuse(parser, row, value, "a number above 0, or max");
    *(double *)field(parser, row) = is_max ? 0 : speed;
    return true;
}

static bool read_when(struct parser *parser, const struct row *row, const char *value)
{
    return when_parse(value, field(parser, row)) == 0 ||
           refuse(parser, row, value, "%s", WHEN_ALLOWED);
}

static bool read_gap(struct parser *parser, const struct row *row, const char *value)
{
    int64_t ns;
    if (duration_parse(value, &ns) != 0 || ns == 0)
        return refuse(parser, row, value, "seconds above 0, or a number with ms, s, m or h");
    *(int64_t *)field(parser, row) = ns;
    return true;
}

static bool read_age(struct parser *parser, const struct row *row, const char *value)
{
    return duration_parse(value, field(parser, row)) == 0 ||
           refuse(parser, row, value, "seconds, or a number with ms, s, m or h");
}

static bool read_rebase(struct parser *parser, const struct row *row, const char *value)
{
    *(bool *)field(parser, row) = true;
    return strcmp(value, "now") == 0 || refuse(parser, row, value, "now");
}

static bool read_level(struct parser *parser, const struct row *row, const char *value)
{
    return log_level_parse(value, field(parser, row)) == 0 ||
           refuse(parser, row, value, "debug, info, warn or error");
}

/* 64K, 100M or 2G; false for anything else. */
static bool size_parse(const char *text, uint64_t *out)
{
    static const char units[] = "KMG";
    char *end;
    errno = 0;
    const unsigned long long number = strtoull(text, &end, 10);
    const char *unit = *end == '\0' ? NULL : strchr(units, *end);
    if (*text < '0' || *text > '9' || errno != 0 || unit == NULL || end[1] != '\0' || number == 0)
        return false;
    return !__builtin_mul_overflow(number, UINT64_C(1) << 10 * (unit - units + 1), out);
}

static bool read_size(struct parser *parser, const struct row *row, const char *value)
{
    uint64_t *to = field(parser, row);
    char *end;
    errno = 0;
    const unsigned long long number = strtoull(value, &end, 10);
    const bool is_plain = *value >= '0' && *value <= '9' && *end == '\0' && errno == 0;
    if (is_plain)
        *to = number;
    if (!is_plain && !size_parse(value, to))
        return refuse(parser, row, value, "bytes, or a number with K, M or G");
    return *to >= row->min ||
           refuse(parser, row, value, "at least %llu bytes", (unsigned long long)row->min);
}

/* Given twice, whichever comes first ends a part. */
static bool read_rotate(struct parser *parser, const struct row *row, const char *value)
{
    struct options *options = parser->options;
    uint64_t bytes;
    int64_t ns;
    if (strcmp(value, "day") == 0)
        options->record_rotate_day = true;
    else if (size_parse(value, &bytes))
        options->record_rotate_bytes = bytes;
    else if (strspn(value, "0123456789.") < strlen(value) && duration_parse(value, &ns) == 0 &&
             ns >= INT64_C(1000000000))
        options->record_rotate_ns = ns;
    else
        return refuse(parser, row, value,
                      "a size (64K, 100M, 2G), a duration from 1s on (90s, 10m, 1h), or day");
    return true;
}

static bool read_fsync(struct parser *parser, const struct row *row, const char *value)
{
    static const char *const names[] = {[RECORDER_SYNC_INTERVAL] = "interval",
                                        [RECORDER_SYNC_FLUSH] = "flush",
                                        [RECORDER_SYNC_NEVER] = "never"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(value, names[i]) == 0) {
            *(enum recorder_sync *)field(parser, row) = (enum recorder_sync)i;
            parser->options->has_record_sync = true;
            return true;
        }
    }
    return refuse(parser, row, value, "never, interval or flush");
}

/* HOST:PORT; an IPv6 address stands in brackets. */
static bool read_listen(struct parser *parser, const struct row *row, const char *value)
{
    const char *colon = strrchr(value, ':');
    char *end;
    const unsigned long port = colon == NULL ? 65536 : strtoul(colon + 1, &end, 10);
    if (colon == NULL || colon == value || colon[1] < '0' || colon[1] > '9' || *end != '\0' ||
        port > 65535)
        return refuse(parser, row, value, "HOST:PORT, with a port from 0 (any free one) to 65535");
    const char *host = value;
    size_t len = (size_t)(colon - value);
    if (*host == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    } else if (memchr(host, ':', len) != NULL) {
        return refuse(parser, row, value, "IPv6 addresses in brackets: [::1]:8080");
    }
    free(parser->options->host);
    parser->options->host = strndup(host, len);
    parser->options->port = (uint16_t)port;
    return read_text(parser, row, value);
}

/* ---- the table ---- */

#define AT(member) offsetof(struct options, member)

static const struct row rows[] = {
    {"listen", "HOST:PORT",
     "one port for HTTP and WebSocket; port 0 picks a free one [127.0.0.1:8080]", read_listen,
     AT(listen), 0, 0},
    {"feed", "SPEC",
     "where prices come from, repeatable: PATH, file:PATH?key=value&…, sim:?symbols=50&rate=2000, "
     "ws://… or wss://…?format=…&symbols=…, push:, - (stdin), unix:PATH, tcp:[HOST:]PORT "
     "[the bundled recording]",
     read_list, AT(feeds), 0, 0},
    {"speed", "X", "replay speed, a number above 0, or max [1]", read_speed, AT(speed), 0, 0},
    {"loop", NULL, "begin again at the end", read_flag, AT(loop), 0, 0},
    {"start-paused", NULL, "wait for POST /api/v1/replay {\"action\":\"resume\"}", read_flag,
     AT(start_paused), 0, 0},
    {"from", "T", "leave out what is earlier: ISO time, epoch s/ms/µs/ns, or +30s after the start",
     read_when, AT(from), 0, 0},
    {"to", "T", "leave out what is at T or later", read_when, AT(to), 0, 0},
    {"max-gap", "S", "cut longer silences in a recording to S seconds", read_gap, AT(max_gap_ns), 0,
     0},
    {"reorder-window", "S",
     "sort events of a file that are up to S seconds out of order (or ms, m) [off]", read_gap,
     AT(reorder_window_ns), 0, 0},
    {"rebase", "now", "stamp recorded events with the present time", read_rebase, AT(rebase), 0, 0},
    {"wait-clients", "N", "hold the replay until N clients have subscribed [0]", read_number,
     AT(wait_clients), 0, 1000000},
    {"exit-at-end", NULL,
     "exit 0 when every feed has ended and clients have it all (1: it could not all be recorded)",
     read_flag, AT(exit_at_end), 0, 0},
    {"drain-timeout", "S", "with --exit-at-end: wait so long for slow clients [30]", read_number,
     AT(drain_s), 0, 86400},
    {"lossless", NULL, "let a replay wait rather than an \"every\" subscription overflow",
     read_flag, AT(lossless), 0, 0},
    {"record", "PATH", "record what passes the bus; .gz and .zst are compressed", read_text,
     AT(record), 0, 0},
    {"record-rotate", "WHEN",
     "go on in a new part, PATH-0001, PATH-0002, …: after a size (100M), a duration (1h), or each "
     "UTC day (day); repeatable",
     read_rotate, 0, 0, 0},
    {"record-continue", NULL,
     "number the file even if nothing makes it rotate; a live feed goes on with its epoch and "
     "numbers",
     read_flag, AT(record_continue), 0, 0},
    {"record-fsync", "POLICY",
     "when the disk must have it: never, interval (every 10 s) or flush (every second) [interval]",
     read_fsync, AT(record_sync), 0, 0},
    {"shards", "N", "service threads [CPUs the process may run on]", read_number, AT(shards), 1,
     SERVER_SHARDS_MAX},
    {"allow-origin", "ORIGIN",
     "let pages of another origin connect, repeatable; * for all "
     "[same origin]",
     read_origin, AT(origins), 0, 0},
    {"web-root", "DIR", "serve the dashboard from this folder, to work on it [embedded]",
     read_folder, AT(web_root), 0, 0},
    {"max-clients", "N", "connections at a time [10000]", read_number, AT(clients_max), 1, 1000000},
    {"max-clients-per-ip", "N", "connections at a time from one address, 0: any number [0]",
     read_number, AT(clients_per_ip), 0, 1000000},
    {"max-message-bytes", "N", "longest message of a client [65536]", read_number,
     AT(message_bytes), 1024, 1u << 20},
    {"max-symbols", "N", "symbols and patterns of a session [10000]", read_number, AT(symbols_max),
     1, SERVER_SYMBOLS_MAX},
    {"max-patterns", "N", "of these with a * [256]", read_number, AT(patterns_max), 0,
     SERVER_SYMBOLS_MAX},
    {"max-queue-bytes", "N", "what may wait for one \"every\" client [262144]", read_number,
     AT(queue_bytes), 4096, 1u << 30},
    {"stuck-timeout", "S", "close a client that has taken nothing for S seconds, 0: never [30]",
     read_number, AT(stuck_s), 0, 86400},
    {"max-streams", "N", "streams (source, symbol, kind) at most [100000]", read_number,
     AT(streams_max), 1, STREAMS_MAX_LIMIT},
    {"max-line-bytes", "N", "longest line of a recording [16777216]", read_number, AT(line_bytes),
     64, 1u << 30},
    {"bus-events", "N", "size of the bus, a power of two [65536]", read_number, AT(ring_events),
     BUS_RING_EVENTS_MIN, BUS_RING_EVENTS_MAX},
    {"resume-events", "N",
     "events of a stream kept for clients that come back and resume; 0: none [4096]", read_number,
     AT(resume_events), 0, 1u << 30},
    {"resume-bytes", "N", "memory for these events, of all streams together [64M]", read_size,
     AT(resume_bytes), 0, 0},
    {"resume-age", "S", "how long an event is kept for that [300]", read_age, AT(resume_age_ns), 0,
     0},
    {"candle-bytes", "N", "memory for candles, of all symbols together, at least 1M [256M]",
     read_size, AT(candle_bytes), CANDLES_BYTES_MIN, 0},
    {"gather-ms", "N",
     "after a turn of sends that took over 2 ms, gather updates twice as long, at most so long [5]",
     read_number, AT(gather_ms), 0, 1000},
    {"heartbeat-ms", "N", "a heartbeat after so long without a message [5000]", read_number,
     AT(heartbeat_ms), 50, 3600000},
    {"heartbeat-clients", "N",
     "clients that get heartbeats so often; each further N wait longer, up to 40 s [250]",
     read_number, AT(heartbeat_clients), 1, 1000000},
    {"progress", "S",
     "without a terminal: log the replay's progress every S seconds, 0: never [60]", read_number,
     AT(progress_s), 0, 86400},
    {"log-level", "LEVEL", "debug, info, warn or error [info]", read_level, AT(log_level), 0, 0},
    {"log-json", NULL, "log as JSON lines", read_flag, AT(log_json), 0, 0},
    {"config", "FILE", "a JSON object with these options, _ for -; the command line wins",
     read_text, AT(config), 0, 0},
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

static const struct row *row_find(const char *name, size_t len)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strlen(rows[i].name) == len && strncmp(rows[i].name, name, len) == 0)
            return &rows[i];
    return NULL;
}

/* ---- the command line ---- */

/* Reads one argument, and the next as its value unless it has `=`. Returns how many were used. */
static int argument_read(struct parser *parser, char **argv)
{
    const char *equals = strchr(argv[0], '=');
    const size_t len = equals ? (size_t)(equals - argv[0]) : strlen(argv[0]);
    const struct row *row = strncmp(argv[0], "--", 2) == 0 ? row_find(argv[0] + 2, len - 2) : NULL;
    if (row == NULL) {
        snprintf(parser->error, parser->error_size, "%s: there is no such option; see --help",
                 argv[0]);
        return 0;
    }
    if (row->value == NULL) {
        if (equals != NULL)
            return refuse(parser, row, equals + 1, "no value");
        return row->read(parser, row, NULL) ? 1 : 0;
    }
    const char *value = equals ? equals + 1 : argv[1];
    if (value == NULL) /* what is allowed, the reader says; most take no empty value */
        return row->read(parser, row, "") ? refuse(parser, row, "", "%s", row->value) : 0;
    return row->read(parser, row, value) ? (equals ? 1 : 2) : 0;
}

static bool line_read(struct parser *parser, int argc, char **argv)
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
static bool is_repeatable(const struct row *row)
{
    return row->read == read_list || row->read == read_origin || row->read == read_rotate;
}

static bool refuse_type(struct parser *parser, const struct row *row, const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    char shown[44];
    snprintf(shown, sizeof shown, "%.40s", text != NULL ? text : "");
    free(text);
    if (row->value == NULL)
        return refuse(parser, row, shown, "true or false");
    return refuse(parser, row, shown, "%s as a string or a number%s", row->value,
                  is_repeatable(row) ? ", or an array of such" : "");
}

static bool value_read(struct parser *parser, const struct row *row, const json_t *value)
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

static bool member_read(struct parser *parser, const char *key, const json_t *value, bool *seen)
{
    char name[64];
    snprintf(name, sizeof name, "%s", key);
    for (char *at = name; *at != '\0'; at++)
        if (*at == '_')
            *at = '-';
    const struct row *row = row_find(name, strlen(name));
    if (row == NULL || strcmp(row->name, "config") == 0) {
        snprintf(parser->error, parser->error_size, "there is no option \"%s\"; see --help", key);
        return false;
    }
    if (seen[row - rows])
        return refuse(parser, row, "twice", "once, with _ or with -");
    seen[row - rows] = true;
    if (!json_is_array(value) || !is_repeatable(row))
        return value_read(parser, row, value);
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!value_read(parser, row, json_array_get(value, i)))
            return false;
    return true;
}

/* Puts the place in front of what was wrong there. */
static void tell_place(struct parser *parser, const struct config_file *file, const char *key)
{
    char place[400], *problem = strdup(parser->error);
    config_file_place(file, key, place, sizeof place);
    if (problem != NULL)
        snprintf(parser->error, parser->error_size, "--config %s: %s", place, problem);
    free(problem);
}

static bool file_read(struct parser *parser)
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

static bool settings_agree(struct parser *parser)
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

/* What the file gives several of is replaced, not extended, by what the line gives. */
static void list_finish(struct option_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->values[i]);
    free(list->values);
    *list = (struct option_list){0};
}

static bool read_all(struct parser *parser, int argc, char **argv)
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
    struct parser parser = {out, error, error_size};
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
