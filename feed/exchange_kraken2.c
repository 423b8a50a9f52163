/* Kraken, version 2 of its API: ws.kraken.com/v2.
 *
 *   {"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":1.50,…}]}
 *   {"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":1.49,"bid_qty":2.0,…}]}
 *
 * Prices are JSON numbers; their text is what we keep. Sides are the taker's. */
#include <string.h>

#include "feed/exchange_session.h"

enum outer { CHANNEL, TYPE, DATA, SUCCESS, ERROR, OUTERS };

static const struct json_scan_name outers[OUTERS] = {
    [CHANNEL] = JSON_SCAN_NAME("channel"), [TYPE] = JSON_SCAN_NAME("type"),
    [DATA] = JSON_SCAN_NAME("data"),       [SUCCESS] = JSON_SCAN_NAME("success"),
    [ERROR] = JSON_SCAN_NAME("error"),
};

enum field { SYMBOL, SIDE, PRICE, QTY, TIMESTAMP, BID, BID_QTY, ASK, ASK_QTY, FIELDS };

static const struct json_scan_name fields[FIELDS] = {
    [SYMBOL] = JSON_SCAN_NAME("symbol"),       [SIDE] = JSON_SCAN_NAME("side"),
    [PRICE] = JSON_SCAN_NAME("price"),         [QTY] = JSON_SCAN_NAME("qty"),
    [TIMESTAMP] = JSON_SCAN_NAME("timestamp"), [BID] = JSON_SCAN_NAME("bid"),
    [BID_QTY] = JSON_SCAN_NAME("bid_qty"),     [ASK] = JSON_SCAN_NAME("ask"),
    [ASK_QTY] = JSON_SCAN_NAME("ask_qty"),
};

static bool take_trade(struct format_output *out, const struct json_scan_token *found,
                       struct price_event *event)
{
    if (!format_take_value(out, "price", &found[PRICE], event, VALUE_PRICE) ||
        !format_take_value(out, "qty", &found[QTY], event, VALUE_SIZE) ||
        !format_take_date(out, "timestamp", &found[TIMESTAMP], &event->ts_ns))
        return false;
    const bool buys = json_scan_is(&found[SIDE], "buy");
    if (!buys && !json_scan_is(&found[SIDE], "sell")) {
        format_bad(out, "side is neither \"buy\" nor \"sell\"");
        return false;
    }
    event->detail = buys ? SIDE_BUY : SIDE_SELL;
    return true;
}

static bool take_quote(struct format_output *out, const struct json_scan_token *found,
                       struct price_event *event)
{
    if (!exchange_is_given(&found[BID]) && !exchange_is_given(&found[ASK])) {
        format_bad(out, "bid and ask are missing");
        return false;
    }
    if (found[TIMESTAMP].text != NULL &&
        !format_take_date(out, "timestamp", &found[TIMESTAMP], &event->ts_ns))
        return false;
    return exchange_take_given(out, "bid", &found[BID], event, VALUE_BID) &&
           exchange_take_given(out, "bid_qty", &found[BID_QTY], event, VALUE_BID_SIZE) &&
           exchange_take_given(out, "ask", &found[ASK], event, VALUE_ASK) &&
           exchange_take_given(out, "ask_qty", &found[ASK_QTY], event, VALUE_ASK_SIZE);
}

static enum format_result add_list(struct exchange_session *session,
                                   const struct exchange_message *message,
                                   const struct json_scan_token *data, bool are_trades,
                                   struct format_output *out)
{
    struct json_scan scan, inner;
    struct json_scan_token key, value, found[FIELDS];
    if (data->text == NULL || data->type != SCAN_ARRAY)
        return format_bad(out, "data is missing or not an array");
    exchange_enter(message, data, &scan);
    while (json_scan_next(&scan, &key, &value) > 0) {
        struct price_event event = event_make(are_trades ? EVENT_TRADE : EVENT_QUOTE);
        event.recv_ns = message->recv_ns;
        if (value.type != SCAN_OBJECT)
            return format_bad(out, "an element of data is not an object");
        exchange_enter(message, &value, &inner);
        json_scan_collect(&inner, fields, FIELDS, found);
        if (!(are_trades ? take_trade(out, found, &event) : take_quote(out, found, &event)) ||
            exchange_add(session, out, &event, "symbol", &found[SYMBOL]) != FORMAT_EVENTS)
            return FORMAT_BAD;
    }
    return out->count > 0 ? FORMAT_EVENTS : FORMAT_IGNORED;
}

static enum format_result parse(struct exchange_session *session,
                                const struct exchange_message *message, struct format_output *out)
{
    struct json_scan_token found[OUTERS];
    const enum format_result rc = exchange_collect(message, outers, OUTERS, found, out);
    if (rc != FORMAT_EVENTS)
        return rc;
    if (found[SUCCESS].text != NULL && found[SUCCESS].type == SCAN_FALSE)
        exchange_refused(session, &found[ERROR], "error");
    const bool are_trades = json_scan_is(&found[CHANNEL], "trade");
    if (are_trades && json_scan_is(&found[TYPE], "snapshot"))
        return FORMAT_IGNORED; /* they happened before we came */
    if (are_trades)
        return add_list(session, message, &found[DATA], true, out);
    if (json_scan_is(&found[CHANNEL], "ticker"))
        return add_list(session, message, &found[DATA], false, out);
    return FORMAT_IGNORED;
}

/* bbo: a ticker for every change of the best bid or ask, not only after trades. The snapshot of
 * trades would be old ones. */
static void subscribe(struct exchange_text *out, const char *const *symbols, size_t count)
{
    static const char *const ends[] = {
        ",\"channel\":\"trade\",\"snapshot\":false}}\n",
        ",\"channel\":\"ticker\",\"event_trigger\":\"bbo\"}}\n",
    };
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        exchange_put(out, "{\"method\":\"subscribe\",\"params\":{\"symbol\":");
        exchange_put_symbols(out, "%s", symbols, count);
        exchange_put(out, ends[i]);
    }
}

const struct exchange exchange_kraken2 = {
    .name = "kraken2",
    .source = "kraken",
    .url = "wss://ws.kraken.com/v2",
    .parse = parse,
    .subscribe = subscribe,
};
