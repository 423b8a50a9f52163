/* Bybit, version 5 of its API: stream.bybit.com/v5/public/….
 *
 *   {"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":…,"data":[{"T":…,"s":…,"S":"Buy",…}]}
 *   {"topic":"tickers.BTCUSDT","type":"delta","ts":…,"data":{"symbol":…,"bid1Price":…}}
 *
 * A delta holds only what has changed, so tickers are merged into what the session knows of the
 * symbol; it becomes a quote when that changed one of its four values. Spot tickers have no bid and
 * ask at all. */
#include <string.h>

#include "feed/exchange_session.h"

enum { ARGS_MAX = 10 }; /* topics that one request may name */

enum outer { TOPIC, TYPE, TS, DATA, SUCCESS, RET_MSG, OUTERS };

static const struct json_scan_name outers[OUTERS] = {
    [TOPIC] = JSON_SCAN_NAME("topic"),     [TYPE] = JSON_SCAN_NAME("type"),
    [TS] = JSON_SCAN_NAME("ts"),           [DATA] = JSON_SCAN_NAME("data"),
    [SUCCESS] = JSON_SCAN_NAME("success"), [RET_MSG] = JSON_SCAN_NAME("ret_msg"),
};

static bool has_topic(const struct json_scan_token *topic, const char *prefix)
{
    const size_t len = strlen(prefix);
    return topic->text != NULL && topic->type == SCAN_STRING && topic->len > len &&
           memcmp(topic->text, prefix, len) == 0;
}

/* ---- trades ---- */

enum trade_field { T, S, SIDE, V, P, TRADE_FIELDS };

static const struct json_scan_name trade_fields[TRADE_FIELDS] = {
    [T] = JSON_SCAN_NAME("T"), [S] = JSON_SCAN_NAME("s"), [SIDE] = JSON_SCAN_NAME("S"),
    [V] = JSON_SCAN_NAME("v"), [P] = JSON_SCAN_NAME("p"),
};

static enum format_result add_trade(struct exchange_session *session, int64_t recv_ns,
                                    const struct json_scan_token *found, struct format_output *out)
{
    struct price_event event = event_make(EVENT_TRADE);
    event.recv_ns = recv_ns;
    if (!format_take_value(out, "p", &found[P], &event, VALUE_PRICE) ||
        !format_take_value(out, "v", &found[V], &event, VALUE_SIZE) ||
        !format_take_time(out, "T", &found[T], 1000000, &event.ts_ns))
        return FORMAT_BAD;
    if (json_scan_is(&found[SIDE], "Buy"))
        event.detail = SIDE_BUY;
    else if (json_scan_is(&found[SIDE], "Sell"))
        event.detail = SIDE_SELL;
    else
        return format_bad(out, "S is neither \"Buy\" nor \"Sell\"");
    return exchange_add(session, out, &event, "s", &found[S]);
}

static enum format_result add_trades(struct exchange_session *session,
                                     const struct exchange_message *message,
                                     const struct json_scan_token *data, struct format_output *out)
{
    struct json_scan scan, inner;
    struct json_scan_token key, value, found[TRADE_FIELDS];
    if (data->text == NULL || data->type != SCAN_ARRAY)
        return format_bad(out, "data is missing or not an array");
    exchange_enter(message, data, &scan);
    while (json_scan_next(&scan, &key, &value) > 0) {
        if (value.type != SCAN_OBJECT)
            return format_bad(out, "a trade is not an object");
        exchange_enter(message, &value, &inner);
        json_scan_collect(&inner, trade_fields, TRADE_FIELDS, found);
        const enum format_result rc = add_trade(session, message->recv_ns, found, out);
        if (rc != FORMAT_EVENTS)
            return rc;
    }
    return out->count > 0 ? FORMAT_EVENTS : FORMAT_IGNORED;
}

/* ---- tickers ---- */

/* The first four in the order of an event's values. */
enum ticker_field { SYMBOL = EVENT_VALUES, TICKER_FIELDS };

static const struct json_scan_name ticker_fields[TICKER_FIELDS] = {
    [VALUE_BID] = JSON_SCAN_NAME("bid1Price"), [VALUE_BID_SIZE] = JSON_SCAN_NAME("bid1Size"),
    [VALUE_ASK] = JSON_SCAN_NAME("ask1Price"), [VALUE_ASK_SIZE] = JSON_SCAN_NAME("ask1Size"),
    [SYMBOL] = JSON_SCAN_NAME("symbol"),
};

/* What a ticker makes of the values known before it. False if one is no decimal. An empty one is a
 * side without offers. */
static bool merge(struct format_output *out, const struct json_scan_token *found, bool is_delta,
                  struct decimal *values)
{
    for (int i = 0; i < EVENT_VALUES; i++) {
        if (found[i].text == NULL && is_delta)
            continue;
        values[i] = (struct decimal){.form = DECIMAL_ABSENT};
        if (exchange_is_given(&found[i]) &&
            !format_take_decimal(out, ticker_fields[i].text, &found[i], &values[i]))
            return false;
    }
    return true;
}

static bool are_equal(const struct decimal *a, const struct decimal *b)
{
    for (int i = 0; i < EVENT_VALUES; i++)
        if (a[i].mantissa != b[i].mantissa || a[i].form != b[i].form)
            return false;
    return true;
}

static enum format_result add_ticker(struct exchange_session *session,
                                     const struct exchange_message *message,
                                     const struct json_scan_token *outer,
                                     const struct json_scan_token *found, struct format_output *out)
{
    struct price_event event = event_make(EVENT_QUOTE);
    struct decimal values[EVENT_VALUES];
    char room[NAME_BYTES_MAX];
    struct format_name name;
    event.recv_ns = message->recv_ns;
    if (!format_take_name(out, "symbol", &found[SYMBOL], room, &name) ||
        !format_take_time(out, "ts", &outer[TS], 1000000, &event.ts_ns))
        return FORMAT_BAD;
    struct exchange_symbol *symbol = exchange_symbol_get(session, name);
    if (symbol == NULL)
        return format_bad(out, "symbol is too long, or one too many");
    memcpy(values, symbol->quote, sizeof values);
    if (!merge(out, found, json_scan_is(&outer[TYPE], "delta"), values))
        return FORMAT_BAD;
    if (are_equal(values, symbol->quote))
        return FORMAT_IGNORED;
    memcpy(symbol->quote, values, sizeof values);
    for (int i = 0; i < EVENT_VALUES; i++)
        event_set_value(&event, i, values[i]);
    return exchange_add(session, out, &event, "symbol", &found[SYMBOL]);
}

static enum format_result parse(struct exchange_session *session,
                                const struct exchange_message *message, struct format_output *out)
{
    struct json_scan scan;
    struct json_scan_token outer[OUTERS], found[TICKER_FIELDS];
    const enum format_result rc = exchange_collect(message, outers, OUTERS, outer, out);
    if (rc != FORMAT_EVENTS)
        return rc;
    if (has_topic(&outer[TOPIC], "publicTrade."))
        return add_trades(session, message, &outer[DATA], out);
    if (has_topic(&outer[TOPIC], "tickers.")) {
        if (outer[DATA].text == NULL || outer[DATA].type != SCAN_OBJECT)
            return format_bad(out, "data is missing or not an object");
        exchange_enter(message, &outer[DATA], &scan);
        json_scan_collect(&scan, ticker_fields, TICKER_FIELDS, found);
        return add_ticker(session, message, outer, found, out);
    }
    if (outer[SUCCESS].text != NULL && outer[SUCCESS].type == SCAN_FALSE)
        exchange_refused(session, &outer[RET_MSG], "error");
    return FORMAT_IGNORED;
}

static void subscribe(struct exchange_text *out, const char *const *symbols, size_t count)
{
    static const char *const topics[] = {"publicTrade.%s", "tickers.%s"};
    for (size_t topic = 0; topic < sizeof topics / sizeof *topics; topic++)
        for (size_t i = 0; i < count; i += ARGS_MAX) {
            exchange_put(out, "{\"op\":\"subscribe\",\"args\":");
            exchange_put_symbols(out, topics[topic], symbols + i,
                                 count - i < ARGS_MAX ? count - i : ARGS_MAX);
            exchange_put(out, "}\n");
        }
}

const struct exchange exchange_bybit = {
    .name = "bybit",
    .source = "bybit",
    .url = "wss://stream.bybit.com/v5/public/linear",
    .keepalive = "{\"op\":\"ping\"}",
    .keepalive_ms = 20000,
    .parse = parse,
    .subscribe = subscribe,
};
