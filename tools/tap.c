/* pricecast-tap: prices on a terminal, or as JSON lines into a pipe.
 *
 * Events go to stdout and are flushed after every message of the server; all else goes to stderr.
 * Writing blocks when the reader is slow: then the socket fills, the server notices and passes over
 * events, and each item says how many. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/binary.h"
#include "tools/message.h"
#include "tools/options.h"
#include "tools/streamset.h"
#include "tools/subscribe.h"
#include "tools/tap_print.h"
#include "tools/uplink.h"

enum { HEARTBEATS_MISSED_MAX = 3, NOTICE_TEXT_MAX = 512, DELAY_MS_MAX = 3600 * 1000 };

struct settings {
    struct url url;
    const char *const *symbols;
    size_t symbol_count;
    const char *mode, *kinds, *ca_file;
    double max_rate;
    long count; /* 0: no end */
    bool has_json, has_no_snapshot, is_once, is_binary;
};

struct tap {
    struct settings settings;
    struct uplink *uplink;
    struct streamset *streams;
    struct binary *binary;
    int64_t *last_seq; /* by stream number; 0: none on this connection */
    size_t last_seq_count;
    long printed;
    bool is_subscribed;
};

#define SETTING(field) offsetof(struct settings, field)

static const struct option_spec specs[] = {
    {"json", NULL, "print each item as it came, one JSON object a line", OPTION_FLAG,
     SETTING(has_json)},
    {"kinds", "LIST", "trade, quote or both (both)", OPTION_CHOICES, SETTING(kinds),
     .allowed = "trade|quote"},
    {"mode", "MODE", "every event, or the latest when it comes too fast (latest)", OPTION_CHOICE,
     SETTING(mode), .allowed = "every|latest"},
    {"max-rate", "N", "at most so many messages a second (no limit)", OPTION_REAL,
     SETTING(max_rate), 0.001, 1000},
    {"count", "N", "stop after so many events", OPTION_WHOLE, SETTING(count), 1, 1e15},
    {"no-snapshot", NULL, "do not begin with the last known prices", OPTION_FLAG,
     SETTING(has_no_snapshot)},
    {"binary", NULL, "ask for the binary subprotocol, which takes fewer bytes", OPTION_FLAG,
     SETTING(is_binary)},
    {"once", NULL, "do not connect again when the connection ends", OPTION_FLAG, SETTING(is_once)},
    {"ca", "FILE", "certificates to trust, in PEM (the system's)", OPTION_TEXT, SETTING(ca_file)},
};

static const struct options_program program = {
    .name = "pricecast-tap",
    .usage = "[URL] [SYMBOL…] [OPTION…]",
    .about = "Prints the prices that a pricecast server sends, one event a line. SYMBOL is a name\n"
             "or a pattern like ETH-*; * is all, and taken when none is given. URL is\n" URL_DEFAULT
             " unless given; http://HOST:PORT/ is understood as well.\n"
             "Exits 0; 1 when the server refuses, or with --once cannot be reached; 2 for bad\n"
             "arguments.",
    .specs = specs,
    .spec_count = sizeof specs / sizeof *specs,
};

static enum options_result read_arguments(int argc, char **argv, struct settings *settings)
{
    static const char *const all[] = {"*"};
    const char *url = URL_DEFAULT;
    int count;
    const enum options_result result = options_parse(&program, argc, argv, settings, argv, &count);
    if (result != OPTIONS_RUN)
        return result;
    if (count > 0 && url_is_likely(argv[0])) {
        url = argv[0];
        argv++;
        count--;
    }
    if (url_parse(url, &settings->url) != 0)
        return options_refuse(&program, "URL %s: allowed is " URL_ALLOWED, url);
    for (int i = 0; i < count; i++) {
        if (argv[i][0] == '\0' || url_is_likely(argv[i]))
            return options_refuse(&program,
                                  "SYMBOL \"%s\": allowed are names and patterns, and one "
                                  "URL before them",
                                  argv[i]);
    }
    settings->symbols = count > 0 ? (const char *const *)argv : all;
    settings->symbol_count = count > 0 ? (size_t)count : 1;
    return OPTIONS_RUN;
}

static void notice(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void notice(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s: ", program.name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

/* ---- items ---- */

static int reserve_stream(struct tap *tap, uint32_t stream)
{
    if (stream < tap->last_seq_count)
        return 0;
    const size_t count = ((size_t)stream + 32) * 2;
    int64_t *last_seq = reallocarray(tap->last_seq, count, sizeof *last_seq);
    if (last_seq == NULL)
        return -ENOMEM;
    memset(last_seq + tap->last_seq_count, 0, (count - tap->last_seq_count) * sizeof *last_seq);
    tap->last_seq = last_seq;
    tap->last_seq_count = count;
    return 0;
}

static void forget_streams(struct tap *tap)
{
    if (tap->last_seq_count > 0)
        memset(tap->last_seq, 0, tap->last_seq_count * sizeof *tap->last_seq);
}

/* Says so when an item breaks the promise that whatever is missing was counted in "skipped". */
static void check_sequence(struct tap *tap, const struct item *item)
{
    uint32_t stream;
    if (streamset_find(tap->streams, item, &stream) != 0 || reserve_stream(tap, stream) != 0)
        return;
    int64_t *last = &tap->last_seq[stream];
    if (*last != 0 && item->seq != *last + 1 + item->skipped)
        notice("gap: %s: seq %lld with skipped %lld came after seq %lld",
               streamset_name(tap->streams, stream), (long long)item->seq, (long long)item->skipped,
               (long long)*last);
    *last = item->seq;
}

/* Returns false when stdout takes no more. Its reader may have seen enough: no reason to complain.
 */
static bool flush(struct tap *tap)
{
    if (fflush(stdout) == 0)
        return true;
    const bool is_fault = errno != EPIPE && !uplink_is_interrupted(tap->uplink);
    if (is_fault)
        notice("cannot write: %s", strerror(errno));
    uplink_stop(tap->uplink, is_fault ? EXIT_FAILED : EXIT_OK);
    return false;
}

static void on_items(struct tap *tap, const struct message *message)
{
    const struct settings *settings = &tap->settings;
    struct items items;
    struct item item;
    int rc = items_begin(&items, message);
    while (rc == 0 && (rc = items_next(&items, &item)) > 0) {
        check_sequence(tap, &item);
        if (settings->has_json)
            tap_print_json(stdout, &item);
        else
            tap_print_item(stdout, &item, message->type == MESSAGE_SNAPSHOT);
        if (ferror(stdout) || ++tap->printed == settings->count)
            break;
        rc = 0;
    }
    if (rc < 0)
        notice("a message held an item that is none");
    if (flush(tap) && settings->count > 0 && tap->printed == settings->count)
        uplink_stop(tap->uplink, EXIT_OK);
}

/* ---- other messages ---- */

static const char *text_of(const struct message *message, enum message_field field, char *out)
{
    return tap_print_text(&message->fields[field], out, NOTICE_TEXT_MAX);
}

static void on_hello(struct tap *tap, const struct message *message)
{
    char server[NOTICE_TEXT_MAX], mode[NOTICE_TEXT_MAX], epoch[NOTICE_TEXT_MAX];
    const int64_t heartbeat_ms = message_integer(message, FIELD_HEARTBEAT_MS, 0);
    notice("connected to %s: %s, epoch %s", text_of(message, FIELD_SERVER, server),
           text_of(message, FIELD_MODE, mode), text_of(message, FIELD_EPOCH, epoch));
    if (heartbeat_ms > 0 && heartbeat_ms < DELAY_MS_MAX)
        uplink_expect_traffic(tap->uplink, heartbeat_ms * HEARTBEATS_MISSED_MAX);
}

static bool is_empty_list(const struct json_scan_token *token)
{
    return token->text == NULL || token->len <= strlen("[]");
}

static void on_subscribed(struct tap *tap, const struct message *message)
{
    char text[NOTICE_TEXT_MAX];
    tap->is_subscribed = true;
    if (!is_empty_list(&message->fields[FIELD_PENDING]))
        notice("nothing known yet of %s", text_of(message, FIELD_PENDING, text));
    if (is_empty_list(&message->fields[FIELD_REJECTED]))
        return;
    notice("not accepted: %s", text_of(message, FIELD_REJECTED, text));
    if (message_integer(message, FIELD_TOTAL, 0) == 0 &&
        is_empty_list(&message->fields[FIELD_PENDING]))
        uplink_stop(tap->uplink, EXIT_FAILED);
}

static void on_error(struct tap *tap, const struct message *message)
{
    char code[NOTICE_TEXT_MAX], text[NOTICE_TEXT_MAX];
    notice("the server reports %s: %s", text_of(message, FIELD_CODE, code),
           text_of(message, FIELD_MESSAGE, text));
    if (!tap->is_subscribed && message_integer(message, FIELD_ID, -1) == SUBSCRIBE_ID)
        uplink_stop(tap->uplink, EXIT_FAILED); /* it would be refused again */
}

static void on_shutdown(struct tap *tap, const struct message *message)
{
    const int64_t delay_ms = message_integer(message, FIELD_RECONNECT_IN_MS, -1);
    notice("the server shuts down");
    uplink_expect_end(tap->uplink, delay_ms < DELAY_MS_MAX ? delay_ms : -1);
}

static void on_feed(const struct message *message)
{
    char source[NOTICE_TEXT_MAX], state[NOTICE_TEXT_MAX];
    notice("feed %s: %s", text_of(message, FIELD_SOURCE, source),
           text_of(message, FIELD_STATE, state));
}

static void on_reset(struct tap *tap, const struct message *message)
{
    char reason[NOTICE_TEXT_MAX], epoch[NOTICE_TEXT_MAX];
    notice("reset (%s): epoch %s", text_of(message, FIELD_REASON, reason),
           text_of(message, FIELD_EPOCH, epoch));
    forget_streams(tap);
}

static void on_message(void *ctx, const char *text, size_t len)
{
    struct tap *tap = ctx;
    struct message message;
    const size_t came = len;
    if ((binary_is(text, len) && binary_text(tap->binary, text, len, &text, &len) != 0) ||
        message_parse(text, len, &message) != 0) {
        notice("a message of %zu bytes was not understood", came);
        return;
    }
    switch (message.type) {
    case MESSAGE_SNAPSHOT:
    case MESSAGE_UPDATE:
        on_items(tap, &message);
        break;
    case MESSAGE_HELLO:
        on_hello(tap, &message);
        break;
    case MESSAGE_SUBSCRIBED:
        on_subscribed(tap, &message);
        break;
    case MESSAGE_ERROR:
        on_error(tap, &message);
        break;
    case MESSAGE_SHUTDOWN:
        on_shutdown(tap, &message);
        break;
    case MESSAGE_FEED:
        on_feed(&message);
        break;
    case MESSAGE_RESET:
        on_reset(tap, &message);
        break;
    case MESSAGE_UNSUBSCRIBED:
    case MESSAGE_HEARTBEAT:
    case MESSAGE_DEFINE:
    case MESSAGE_OTHER:
        break;
    }
}

static void on_open(void *ctx)
{
    struct tap *tap = ctx;
    tap->is_subscribed = false;
    binary_forget(tap->binary);
    forget_streams(tap);
}

static void on_trouble(void *ctx, const char *what)
{
    (void)ctx;
    notice("%s", what);
}

/* ---- the program ---- */

static struct uplink *interruptible; /* for the signal handler, which has no other way to it */

static void on_signal(int signal)
{
    (void)signal;
    uplink_interrupt(interruptible);
}

/* Without SA_RESTART: a write() that waits for a slow reader must end, too. */
static void catch_signals(struct uplink *uplink)
{
    const struct sigaction action = {.sa_handler = on_signal};
    interruptible = uplink;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static void ignore_signals(void)
{
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
}

static int run_tap(struct tap *tap)
{
    const struct settings *settings = &tap->settings;
    const struct subscribe subscribe = {
        .symbols = settings->symbols,
        .symbol_count = settings->symbol_count,
        .mode = settings->mode,
        .kinds = settings->kinds,
        .max_rate = settings->max_rate,
        .has_no_snapshot = settings->has_no_snapshot,
    };
    struct uplink_settings uplink_settings = {
        .url = &settings->url,
        .ca_file = settings->ca_file,
        .message_bytes_max = MESSAGE_BYTES_MAX,
        .subprotocol = settings->is_binary ? "pricecast.v1.bin" : "pricecast.v1.json",
        .is_once = settings->is_once,
        .ctx = tap,
        .on_open = on_open,
        .on_message = on_message,
        .on_trouble = on_trouble,
    };
    int status = EXIT_FAILED;
    char *greeting = subscribe_text(&subscribe, &uplink_settings.greeting_len);
    uplink_settings.greeting = greeting;
    tap->streams = streamset_create();
    tap->binary = binary_create();
    if (greeting != NULL && tap->streams != NULL && tap->binary != NULL)
        tap->uplink = uplink_create(&uplink_settings);
    if (tap->uplink == NULL) {
        notice("cannot start: out of memory, or %s cannot be read",
               settings->ca_file != NULL ? settings->ca_file : "the system's certificates");
    } else {
        catch_signals(tap->uplink);
        status = uplink_run(tap->uplink);
        ignore_signals();
    }
    uplink_destroy(tap->uplink);
    streamset_destroy(tap->streams);
    binary_destroy(tap->binary);
    free(tap->last_seq);
    free(greeting);
    return status;
}

int main(int argc, char **argv)
{
    struct tap tap = {0};
    const enum options_result result = read_arguments(argc, argv, &tap.settings);
    if (result != OPTIONS_RUN)
        return result == OPTIONS_DONE ? EXIT_OK : EXIT_USAGE;
    return run_tap(&tap);
}
