/* Coinbase Exchange: ws-feed.exchange.coinbase.com.
 *
 * `sequence` counts all that happens in a product's book; who subscribes to tickers and matches
 * sees it jump at every message, so it tells no loss. Matches have a number without holes of their
 * own, `trade_id`: that is what gaps are counted by. A ticker repeats the trade that caused it. */
#include <string.h>

#include "feed/exchange_session.h"

enum field {
    TYPE,
    TRADE_ID,
    SIDE,
    SIZE,
    PRICE,
    PRODUCT_ID,
    TIME,
    BEST_BID,
    BEST_BID_SIZE,
    BEST_ASK,
    BEST_ASK_SIZE,
    MESSAGE,
    REASON,
    FIELDS,
};

static const struct json_scan_name fields[FIELDS] = {
    [TYPE] = JSON_SCAN_NAME("type"),
    [TRADE_ID] = JSON_SCAN_NAME("trade_id"),
    [SIDE] = JSON_SCAN_NAME("side"),
    [SIZE] = JSON_SCAN_NAME("size"),
    [PRICE] = JSON_SCAN_NAME("price"),
    [PRODUCT_ID] = JSON_SCAN_NAME("product_id"),
    [TIME] = JSON_SCAN_NAME("time"),
    [BEST_BID] = JSON_SCAN_NAME("best_bid"),
    [BEST_BID_SIZE] = JSON_SCAN_NAME("best_bid_size"),
    [BEST_ASK] = JSON_SCAN_NAME("best_ask"),
    [BEST_ASK_SIZE] = JSON_SCAN_NAME("best_ask_size"),
    [MESSAGE] = JSON_SCAN_NAME("message"),
    [REASON] = JSON_SCAN_NAME("reason"),
};

static void count_trade(struct exchange_session *session, const struct json_scan_token *found)
{
    const struct json_scan_token *product = &found[PRODUCT_ID];
    int64_t number;
    if (json_scan_integer(&found[TRADE_ID], &number) != 0 || product->text == NULL ||
        product->type != SCAN_STRING)
        return;
    struct exchange_symbol *symbol =
        exchange_symbol_get(session, (struct format_name){product->text, product->len});
    if (symbol != NULL)
        exchange_count(session, number, &symbol->last_trade);
}

static enum format_result add_trade(struct exchange_session *session,
                                    const struct exchange_message *message,
                                    const struct json_scan_token *found, struct format_output *out)
{
    struct price_event event = event_make(EVENT_TRADE);
    event.recv_ns = message->recv_ns;
    if (!format_take_value(out, "price", &found[PRICE], &event, VALUE_PRICE) ||
        !format_take_value(out, "size", &found[SIZE], &event, VALUE_SIZE) ||
        !format_take_date(out, "time", &found[TIME], &event.ts_ns))
        return FORMAT_BAD;
    if (json_scan_is(&found[SIDE], "sell"))
        event.detail = SIDE_BUY; /* it is the maker's */
    else if (json_scan_is(&found[SIDE], "buy"))
        event.detail = SIDE_SELL;
    else
        return format_bad(out, "side is neither \"buy\" nor \"sell\"");
    const enum format_result rc =
        exchange_add(session, out, &event, "product_id", &found[PRODUCT_ID]);
    if (rc == FORMAT_EVENTS)
        count_trade(session, found);
    return rc;
}

/* Of older recordings: without sizes, and the first of a product without bid and ask. */
static enum format_result add_quote(struct exchange_session *session,
                                    const struct exchange_message *message,
                                    const struct json_scan_token *found, struct format_output *out)
{
    struct price_event event = event_make(EVENT_QUOTE);
    event.recv_ns = message->recv_ns;
    if (!exchange_is_given(&found[BEST_BID]) && !exchange_is_given(&found[BEST_ASK]))
        return FORMAT_IGNORED;
    if (!exchange_take_given(out, "best_bid", &found[BEST_BID], &event, VALUE_BID) ||
        !exchange_take_given(out, "best_bid_size", &found[BEST_BID_SIZE], &event, VALUE_BID_SIZE) ||
        !exchange_take_given(out, "best_ask", &found[BEST_ASK], &event, VALUE_ASK) ||
        !exchange_take_given(out, "best_ask_size", &found[BEST_ASK_SIZE], &event, VALUE_ASK_SIZE))
        return FORMAT_BAD;
    if (found[TIME].text != NULL && !format_take_date(out, "time", &found[TIME], &event.ts_ns))
        return FORMAT_BAD;
    return exchange_add(session, out, &event, "product_id", &found[PRODUCT_ID]);
}

static enum format_result parse(struct exchange_session *session,
                                const struct exchange_message *message, struct format_output *out)
{
    struct json_scan_token found[FIELDS];
    const enum format_result rc = exchange_collect(message, fields, FIELDS, found, out);
    if (rc != FORMAT_EVENTS)
        return rc;
    if (json_scan_is(&found[TYPE], "match"))
        return add_trade(session, message, found, out);
    if (json_scan_is(&found[TYPE], "ticker"))
        return add_quote(session, message, found, out);
    if (json_scan_is(&found[TYPE], "last_match"))
        count_trade(session, found); /* it happened before we came */
    if (json_scan_is(&found[TYPE], "error"))
        exchange_refused(session, &found[found[REASON].text != NULL ? REASON : MESSAGE], "error");
    return FORMAT_IGNORED;
}

static void subscribe(struct exchange_text *out, const char *const *symbols, size_t count)
{
    exchange_put(out, "{\"type\":\"subscribe\",\"product_ids\":");
    exchange_put_symbols(out, "%s", symbols, count);
    /* heartbeat: one a second, so that a dead connection shows */
    exchange_put(out, ",\"channels\":[\"matches\",\"ticker\",\"heartbeat\"]}\n");
}

const struct exchange exchange_coinbase = {
    .name = "coinbase",
    .source = "coinbase",
    .url = "wss://ws-feed.exchange.coinbase.com",
    .parse = parse,
    .subscribe = subscribe,
};
