/* Binance, spot and futures: stream.binance.com, fstream.binance.com.
 *
 * A message comes from a combined stream, {"stream":…,"data":{…}}, or bare. What it is stands in
 * `e`; only the spot bookTicker has none (and no time either), so it is known by the end of its
 * stream's name or by its six fields. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "feed/exchange_session.h"

/* Times up to here are milliseconds (until the year 5138), above they are microseconds (since
 * 1973): Binance sends these when asked for timeUnit=MICROSECOND. */
#define MILLISECONDS_MAX INT64_C(99999999999999)

enum field { E, S, P, Q, T, M, BID, BID_SIZE, ASK, ASK_SIZE, UPDATE, EVENT_TIME, FIELDS };

static const struct json_scan_name fields[FIELDS] = {
    [E] = JSON_SCAN_NAME("e"),      [S] = JSON_SCAN_NAME("s"),
    [P] = JSON_SCAN_NAME("p"),      [Q] = JSON_SCAN_NAME("q"),
    [T] = JSON_SCAN_NAME("T"),      [M] = JSON_SCAN_NAME("m"),
    [BID] = JSON_SCAN_NAME("b"),    [BID_SIZE] = JSON_SCAN_NAME("B"),
    [ASK] = JSON_SCAN_NAME("a"),    [ASK_SIZE] = JSON_SCAN_NAME("A"),
    [UPDATE] = JSON_SCAN_NAME("u"), [EVENT_TIME] = JSON_SCAN_NAME("E"),
};

struct message {
    int64_t recv_ns;
    struct json_scan_token stream; /* NULL text: the message was bare */
    struct json_scan_token error;  /* what stands in `msg`, which only refusals have */
    struct json_scan_token found[FIELDS];
};

/* Reads the outermost object and, in place of its own members, those of its `data`. */
static int read_members(struct json_scan *scan, struct message *message)
{
    static const struct json_scan_name data = JSON_SCAN_NAME("data"),
                                       stream = JSON_SCAN_NAME("stream"),
                                       error = JSON_SCAN_NAME("msg");
    struct json_scan_token key, value;
    size_t hint = 0, none = 0;
    int rc;
    while ((rc = json_scan_next(scan, &key, &value)) > 0) {
        const int place = json_scan_find(fields, FIELDS, &hint, &key);
        if (place >= 0) {
            message->found[place] = value;
        } else if (json_scan_find(&stream, 1, &none, &key) == 0) {
            message->stream = value;
        } else if (json_scan_find(&error, 1, &none, &key) == 0) {
            message->error = value;
        } else if (value.type == SCAN_OBJECT && json_scan_find(&data, 1, &none, &key) == 0) {
            rc = json_scan_enter(scan);
            if (rc == 0)
                rc = json_scan_collect(scan, fields, FIELDS, message->found);
            if (rc != 0)
                break;
        }
    }
    return rc == 0 ? json_scan_finish(scan) : rc;
}

/* Returns FORMAT_EVENTS when all of it was read. */
static enum format_result read_message(const struct exchange_message *from, struct message *message,
                                       struct format_output *out)
{
    struct json_scan scan;
    struct json_scan_token top;
    memset(message, 0, sizeof *message);
    message->recv_ns = from->recv_ns;
    json_scan_init(&scan, from->text, from->len);
    if (json_scan_top(&scan, &top) != 0)
        return exchange_bad_json(out, from, &scan);
    if (top.type != SCAN_OBJECT && top.type != SCAN_ARRAY)
        return format_bad(out, "neither a JSON object nor an array");
    if (top.type == SCAN_ARRAY) /* a bare list, of tickers of many symbols */
        return json_scan_finish(&scan) == 0 ? FORMAT_IGNORED : exchange_bad_json(out, from, &scan);
    if (json_scan_enter(&scan) != 0 || read_members(&scan, message) != 0)
        return exchange_bad_json(out, from, &scan);
    return FORMAT_EVENTS;
}

static bool has_suffix(const struct json_scan_token *token, const char *suffix)
{
    const size_t len = strlen(suffix);
    return token->text != NULL && token->type == SCAN_STRING && token->len >= len &&
           memcmp(token->text + token->len - len, suffix, len) == 0;
}

static bool is_trade(const struct message *message)
{
    const struct json_scan_token *e = &message->found[E];
    return json_scan_is(e, "trade") || json_scan_is(e, "aggTrade");
}

static bool is_quote(const struct message *message)
{
    const struct json_scan_token *found = message->found;
    if (found[E].text != NULL)
        return json_scan_is(&found[E], "bookTicker");
    if (has_suffix(&message->stream, "@bookTicker") || has_suffix(&message->stream, "!bookTicker"))
        return true;
    return found[UPDATE].text != NULL && found[S].text != NULL && found[BID].text != NULL &&
           found[BID_SIZE].text != NULL && found[ASK].text != NULL && found[ASK_SIZE].text != NULL;
}

static bool take_time(struct format_output *out, const char *field,
                      const struct json_scan_token *token, int64_t *ns)
{
    int64_t value = 0;
    const bool is_millis = json_scan_integer(token, &value) == 0 && value <= MILLISECONDS_MAX;
    if (value < 0) {
        format_bad(out, "%s is out of range", field);
        return false;
    }
    return format_take_time(out, field, token, is_millis ? 1000000 : 1000, ns);
}

static bool take_value(struct format_output *out, const struct message *message, enum field field,
                       struct price_event *event, int which)
{
    return format_take_value(out, fields[field].text, &message->found[field], event, which);
}

static enum format_result add_trade(struct exchange_session *session, const struct message *message,
                                    struct format_output *out)
{
    struct price_event event = event_make(EVENT_TRADE);
    const struct json_scan_token *maker_buys = &message->found[M];
    event.recv_ns = message->recv_ns;
    if (!take_value(out, message, P, &event, VALUE_PRICE) ||
        !take_value(out, message, Q, &event, VALUE_SIZE) ||
        !take_time(out, "T", &message->found[T], &event.ts_ns))
        return FORMAT_BAD;
    if (maker_buys->text == NULL ||
        (maker_buys->type != SCAN_TRUE && maker_buys->type != SCAN_FALSE))
        return format_bad(out, "m is missing or neither true nor false");
    event.detail = maker_buys->type == SCAN_TRUE ? SIDE_SELL : SIDE_BUY;
    return exchange_add(session, out, &event, "s", &message->found[S]);
}

static enum format_result add_quote(struct exchange_session *session, const struct message *message,
                                    struct format_output *out)
{
    struct price_event event = event_make(EVENT_QUOTE);
    const enum field time = message->found[T].text != NULL ? T : EVENT_TIME;
    event.recv_ns = message->recv_ns;
    if (!take_value(out, message, BID, &event, VALUE_BID) ||
        !take_value(out, message, BID_SIZE, &event, VALUE_BID_SIZE) ||
        !take_value(out, message, ASK, &event, VALUE_ASK) ||
        !take_value(out, message, ASK_SIZE, &event, VALUE_ASK_SIZE))
        return FORMAT_BAD;
    if (message->found[time].text != NULL &&
        !take_time(out, fields[time].text, &message->found[time], &event.ts_ns))
        return FORMAT_BAD;
    return exchange_add(session, out, &event, "s", &message->found[S]);
}

static enum format_result parse(struct exchange_session *session,
                                const struct exchange_message *from, struct format_output *out)
{
    struct message message;
    const enum format_result rc = read_message(from, &message, out);
    if (rc != FORMAT_EVENTS)
        return rc;
    if (is_trade(&message))
        return add_trade(session, &message, out);
    if (is_quote(&message))
        return add_quote(session, &message, out);
    if (json_scan_is(&message.found[E], "serverShutdown"))
        session->news.wants_reconnect = true;
    if (message.error.text != NULL)
        exchange_refused(session, &message.error, "error");
    return FORMAT_IGNORED;
}

/* ---- asking ---- */

enum { PATH_SYMBOLS_MAX = 100, PARAMS_SYMBOLS_MAX = 100 };

static const char *const streams[] = {"@trade", "@bookTicker"};

/* Stream names are in lower case. */
static void put_stream(struct exchange_text *out, const char *symbol, const char *stream)
{
    char text[NAME_BYTES_MAX + 1];
    size_t len = 0;
    for (; symbol[len] != '\0' && len < NAME_BYTES_MAX; len++)
        text[len] = (char)tolower((unsigned char)symbol[len]);
    text[len] = '\0';
    exchange_put(out, text);
    exchange_put(out, stream);
}

static bool is_in_path(const char *const *symbols, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (const char *at = symbols[i]; *at != '\0'; at++)
            if (!isalnum((unsigned char)*at) && *at != '_')
                return false;
    return count <= PATH_SYMBOLS_MAX;
}

/* All streams stand in the URL, so that there is nothing to be acknowledged; too long a list is
 * asked for by messages instead. */
static void path(struct exchange_text *out, const char *const *symbols, size_t count)
{
    exchange_put(out, "/stream");
    if (!is_in_path(symbols, count))
        return;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < sizeof streams / sizeof *streams; k++) {
            exchange_put(out, i + k == 0 ? "?streams=" : "/");
            put_stream(out, symbols[i], streams[k]);
        }
}

static void subscribe(struct exchange_text *out, const char *const *symbols, size_t count)
{
    if (is_in_path(symbols, count))
        return;
    for (size_t i = 0; i < count; i++) {
        const bool is_first = i % PARAMS_SYMBOLS_MAX == 0;
        const bool is_last = i % PARAMS_SYMBOLS_MAX == PARAMS_SYMBOLS_MAX - 1 || i == count - 1;
        exchange_put(out, is_first ? "{\"method\":\"SUBSCRIBE\",\"params\":[" : ",");
        for (size_t k = 0; k < sizeof streams / sizeof *streams; k++) {
            struct exchange_text stream = {0};
            put_stream(&stream, symbols[i], streams[k]);
            exchange_put(out, k > 0 ? "," : "");
            exchange_put_string(out, "%s", stream.text != NULL ? stream.text : "");
            free(stream.text);
        }
        exchange_put(out, is_last ? "],\"id\":1}\n" : "");
    }
}

const struct exchange exchange_binance = {
    .name = "binance",
    .source = "binance",
    .url = "wss://stream.binance.com:9443",
    .parse = parse,
    .subscribe = subscribe,
    .path = path,
};
