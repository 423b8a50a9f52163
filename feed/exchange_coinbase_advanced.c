/* Coinbase Advanced Trade: advanced-trade-ws.coinbase.com.
 *
 *   {"channel":…,"timestamp":…,"sequence_num":7,"events":[{"type":…,"trades":[…]}]}
 *
 * `sequence_num` counts the messages of a connection, whatever they are. A subscription is answered
 * with events of type "snapshot"; one of trades lists the last hundred of a product. Those happened
 * before we came, and would come again after each reconnect: they are passed over. Trades come
 * newest first in each list and keep that order, as all that a recording holds does. A quote's time
 * is that of its message. */
#include <string.h>

#include "feed/exchange_session.h"

enum outer { CHANNEL, TIMESTAMP, SEQUENCE, EVENTS, TYPE, MESSAGE, OUTERS };

static const struct json_scan_name outers[OUTERS] = {
    [CHANNEL] = JSON_SCAN_NAME("channel"),
    [TIMESTAMP] = JSON_SCAN_NAME("timestamp"),
    [SEQUENCE] = JSON_SCAN_NAME("sequence_num"),
    [EVENTS] = JSON_SCAN_NAME("events"),
    [TYPE] = JSON_SCAN_NAME("type"),
    [MESSAGE] = JSON_SCAN_NAME("message"),
};

enum member { KIND, TRADES, TICKERS, MEMBERS }; /* of an event */

static const struct json_scan_name members[MEMBERS] = {
    [KIND] = JSON_SCAN_NAME("type"),
    [TRADES] = JSON_SCAN_NAME("trades"),
    [TICKERS] = JSON_SCAN_NAME("tickers"),
};

enum field { PRODUCT_ID, PRICE, SIZE, TIME, SIDE, BID, ASK, BID_SIZE, ASK_SIZE, FIELDS };

static const struct json_scan_name fields[FIELDS] = {
    [PRODUCT_ID] = JSON_SCAN_NAME("product_id"),
    [PRICE] = JSON_SCAN_NAME("price"),
    [SIZE] = JSON_SCAN_NAME("size"),
    [TIME] = JSON_SCAN_NAME("time"),
    [SIDE] = JSON_SCAN_NAME("side"),
    [BID] = JSON_SCAN_NAME("best_bid"),
    [ASK] = JSON_SCAN_NAME("best_ask"),
    [BID_SIZE] = JSON_SCAN_NAME("best_bid_quantity"),
    [ASK_SIZE] = JSON_SCAN_NAME("best_ask_quantity"),
};

struct context {
    struct exchange_session *session;
    const struct exchange_message *message;
    int64_t ts_ns; /* the message's */
};

static enum format_result add_trade(const struct context *context,
                                    const struct json_scan_token *found, struct format_output *out)
{
    struct price_event event = event_make(EVENT_TRADE);
    event.recv_ns = context->message->recv_ns;
    if (!format_take_value(out, "price", &found[PRICE], &event, VALUE_PRICE) ||
        !format_take_value(out, "size", &found[SIZE], &event, VALUE_SIZE) ||
        !format_take_date(out, "time", &found[TIME], &event.ts_ns))
        return FORMAT_BAD;
    if (json_scan_is(&found[SIDE], "SELL"))
        event.detail = SIDE_BUY; /* it is the maker's */
    else if (json_scan_is(&found[SIDE], "BUY"))
        event.detail = SIDE_SELL;
    else
        return format_bad(out, "side is neither \"BUY\" nor \"SELL\"");
    return exchange_add(context->session, out, &event, "product_id", &found[PRODUCT_ID]);
}

static enum format_result add_quote(const struct context *context,
                                    const struct json_scan_token *found, struct format_output *out)
{
    struct price_event event = event_make(EVENT_QUOTE);
    event.recv_ns = context->message->recv_ns;
    event.ts_ns = context->ts_ns;
    if (!exchange_is_given(&found[BID]) && !exchange_is_given(&found[ASK]))
        return FORMAT_EVENTS; /* a market without offers */
    if (!exchange_take_given(out, "best_bid", &found[BID], &event, VALUE_BID) ||
        !exchange_take_given(out, "best_bid_quantity", &found[BID_SIZE], &event, VALUE_BID_SIZE) ||
        !exchange_take_given(out, "best_ask", &found[ASK], &event, VALUE_ASK) ||
        !exchange_take_given(out, "best_ask_quantity", &found[ASK_SIZE], &event, VALUE_ASK_SIZE))
        return FORMAT_BAD;
    return exchange_add(context->session, out, &event, "product_id", &found[PRODUCT_ID]);
}

/* Each object of a list. */
static enum format_result add_list(const struct context *context,
                                   const struct json_scan_token *list, bool are_trades,
                                   struct format_output *out)
{
    struct json_scan scan, inner;
    struct json_scan_token key, value, found[FIELDS];
    if (list->type != SCAN_ARRAY)
        return format_bad(out, "%s is not an array", are_trades ? "trades" : "tickers");
    exchange_enter(context->message, list, &scan);
    while (json_scan_next(&scan, &key, &value) > 0) {
        if (value.type != SCAN_OBJECT)
            return format_bad(out, "a %s is not an object", are_trades ? "trade" : "ticker");
        exchange_enter(context->message, &value, &inner);
        json_scan_collect(&inner, fields, FIELDS, found);
        const enum format_result rc =
            are_trades ? add_trade(context, found, out) : add_quote(context, found, out);
        if (rc != FORMAT_EVENTS)
            return rc;
    }
    return FORMAT_EVENTS;
}

static enum format_result add_events(const struct context *context,
                                     const struct json_scan_token *events, bool are_trades,
                                     struct format_output *out)
{
    struct json_scan scan, inner;
    struct json_scan_token key, value, found[MEMBERS];
    const struct json_scan_token *list = &found[are_trades ? TRADES : TICKERS];
    if (events->text == NULL || events->type != SCAN_ARRAY)
        return format_bad(out, "events is missing or not an array");
    exchange_enter(context->message, events, &scan);
    while (json_scan_next(&scan, &key, &value) > 0) {
        if (value.type != SCAN_OBJECT)
            return format_bad(out, "an event is not an object");
        exchange_enter(context->message, &value, &inner);
        json_scan_collect(&inner, members, MEMBERS, found);
        if (list->text == NULL || (are_trades && json_scan_is(&found[KIND], "snapshot")))
            continue;
        const enum format_result rc = add_list(context, list, are_trades, out);
        if (rc != FORMAT_EVENTS)
            return rc;
    }
    return out->count > 0 ? FORMAT_EVENTS : FORMAT_IGNORED;
}

static enum format_result parse(struct exchange_session *session,
                                const struct exchange_message *message, struct format_output *out)
{
    struct json_scan_token found[OUTERS];
    struct context context = {session, message, EVENT_NO_TIME};
    int64_t number;
    const enum format_result rc = exchange_collect(message, outers, OUTERS, found, out);
    if (rc != FORMAT_EVENTS)
        return rc;
    if (json_scan_integer(&found[SEQUENCE], &number) == 0)
        exchange_count(session, number, &session->last_sequence);
    if (json_scan_is(&found[TYPE], "error"))
        exchange_refused(session, &found[MESSAGE], "error");
    const bool are_trades = json_scan_is(&found[CHANNEL], "market_trades");
    if (!are_trades && !json_scan_is(&found[CHANNEL], "ticker") &&
        !json_scan_is(&found[CHANNEL], "ticker_batch"))
        return FORMAT_IGNORED;
    if (!are_trades && found[TIMESTAMP].text != NULL &&
        !format_take_date(out, "timestamp", &found[TIMESTAMP], &context.ts_ns))
        return FORMAT_BAD;
    return add_events(&context, &found[EVENTS], are_trades, out);
}

/* One channel a message is all they take; without heartbeats they close what is silent. */
static void subscribe(struct exchange_text *out, const char *const *symbols, size_t count)
{
    static const char *const channels[] = {"market_trades", "ticker", "heartbeats"};
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++) {
        exchange_put(out, "{\"type\":\"subscribe\",\"product_ids\":");
        exchange_put_symbols(out, "%s", symbols, count);
        exchange_put(out, ",\"channel\":");
        exchange_put_string(out, "%s", channels[i]);
        exchange_put(out, "}\n");
    }
}

const struct exchange exchange_coinbase_advanced = {
    .name = "coinbase-advanced",
    .source = "coinbase",
    .url = "wss://advanced-trade-ws.coinbase.com",
    .parse = parse,
    .subscribe = subscribe,
};
