/* Bitstamp, version 2 of its API: ws.bitstamp.net.
 *
 *   {"event":"trade","channel":"live_trades_ethusd","data":{"price_str":…,"amount_str":…,…}}
 *
 * The symbol is only in the channel's name. `price` and `amount` are the same as numbers that went
 * through a double, so they are left alone. There are no quotes, and the exchange's clock may run
 * backwards: times are passed on as they are. */
#include <string.h>

#include "feed/exchange_session.h"

#define TRADES "live_trades_"

enum outer { EVENT, CHANNEL, DATA, OUTERS };

static const struct json_scan_name outers[OUTERS] = {
    [EVENT] = JSON_SCAN_NAME("event"),
    [CHANNEL] = JSON_SCAN_NAME("channel"),
    [DATA] = JSON_SCAN_NAME("data"),
};

enum field { PRICE, AMOUNT, TYPE, TIME, MESSAGE, FIELDS };

static const struct json_scan_name fields[FIELDS] = {
    [PRICE] = JSON_SCAN_NAME("price_str"), [AMOUNT] = JSON_SCAN_NAME("amount_str"),
    [TYPE] = JSON_SCAN_NAME("type"),       [TIME] = JSON_SCAN_NAME("microtimestamp"),
    [MESSAGE] = JSON_SCAN_NAME("message"),
};

/* False if there is no such object. */
static bool read_data(const struct exchange_message *message, const struct json_scan_token *data,
                      struct json_scan_token *found)
{
    struct json_scan scan;
    memset(found, 0, FIELDS * sizeof *found);
    if (data->text == NULL || data->type != SCAN_OBJECT)
        return false;
    exchange_enter(message, data, &scan);
    json_scan_collect(&scan, fields, FIELDS, found);
    return true;
}

static enum format_result add_trade(struct exchange_session *session,
                                    const struct exchange_message *message,
                                    const struct json_scan_token *channel,
                                    const struct json_scan_token *found, struct format_output *out)
{
    const size_t prefix = sizeof TRADES - 1;
    struct price_event event = event_make(EVENT_TRADE);
    struct json_scan_token symbol = *channel;
    int64_t type = -1;
    event.recv_ns = message->recv_ns;
    if (channel->text == NULL || channel->type != SCAN_STRING || channel->len < prefix ||
        memcmp(channel->text, TRADES, prefix) != 0)
        return format_bad(out, "channel is missing or not " TRADES "SYMBOL");
    symbol.text += prefix;
    symbol.len -= prefix;
    if (!format_take_value(out, "price_str", &found[PRICE], &event, VALUE_PRICE) ||
        !format_take_value(out, "amount_str", &found[AMOUNT], &event, VALUE_SIZE) ||
        !format_take_count(out, "microtimestamp", &found[TIME], 1000, &event.ts_ns))
        return FORMAT_BAD;
    if (json_scan_integer(&found[TYPE], &type) != 0 || type < 0 || type > 1)
        return format_bad(out, "type is neither 0 nor 1");
    event.detail = type == 0 ? SIDE_BUY : SIDE_SELL;
    return exchange_add(session, out, &event, "channel", &symbol);
}

static enum format_result parse(struct exchange_session *session,
                                const struct exchange_message *message, struct format_output *out)
{
    struct json_scan_token found[OUTERS], data[FIELDS];
    const enum format_result rc = exchange_collect(message, outers, OUTERS, found, out);
    if (rc != FORMAT_EVENTS)
        return rc;
    if (json_scan_is(&found[EVENT], "trade"))
        return read_data(message, &found[DATA], data)
                   ? add_trade(session, message, &found[CHANNEL], data, out)
                   : format_bad(out, "data is missing or not an object");
    if (json_scan_is(&found[EVENT], "bts:request_reconnect"))
        session->news.wants_reconnect = true;
    if (json_scan_is(&found[EVENT], "bts:error")) {
        read_data(message, &found[DATA], data);
        exchange_refused(session, &data[MESSAGE], "error");
    }
    return FORMAT_IGNORED;
}

static void subscribe(struct exchange_text *out, const char *const *symbols, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        exchange_put(out, "{\"event\":\"bts:subscribe\",\"data\":{\"channel\":");
        exchange_put_string(out, TRADES "%s", symbols[i]);
        exchange_put(out, "}}\n");
    }
}

const struct exchange exchange_bitstamp = {
    .name = "bitstamp",
    .source = "bitstamp",
    .url = "wss://ws.bitstamp.net",
    .parse = parse,
    .subscribe = subscribe,
};
