/* Kraken, version 1 of its API: ws.kraken.com.
 *
 *   [337,[["5541.20","0.15850568","1534614057.321597","s","l",""],…],"trade","XBT/USD"]
 *   [340,{"a":["5525.4",1,"1.000"],"b":["5525.1",1,"1.000"],…},"ticker","XBT/USD"]
 *
 * The number in front means nothing beyond the connection: the pair is named in each message. Of a
 * bid or ask the second value is the volume in whole lots, the third the exact one. */
#include <string.h>

#include "feed/exchange_session.h"

enum { ID, DATA, ELEMENTS_MAX = 8 }; /* a book's update has five */

struct context {
    struct exchange_session *session;
    const struct exchange_message *message;
    const struct json_scan_token *pair;
};

static enum format_result add_trade(const struct context *context,
                                    const struct json_scan_token *entry, struct format_output *out)
{
    enum { PRICE, VOLUME, TIME, SIDE, PARTS };
    struct json_scan_token parts[PARTS];
    struct price_event event = event_make(EVENT_TRADE);
    event.recv_ns = context->message->recv_ns;
    if (exchange_list(context->message, entry, parts, PARTS) < PARTS)
        return format_bad(out, "a trade is no list of %d values or more", PARTS);
    if (!format_take_value(out, "the trade's price", &parts[PRICE], &event, VALUE_PRICE) ||
        !format_take_value(out, "the trade's volume", &parts[VOLUME], &event, VALUE_SIZE) ||
        !format_take_count(out, "the trade's time", &parts[TIME], 1000000000, &event.ts_ns))
        return FORMAT_BAD;
    if (json_scan_is(&parts[SIDE], "b"))
        event.detail = SIDE_BUY;
    else if (json_scan_is(&parts[SIDE], "s"))
        event.detail = SIDE_SELL;
    else
        return format_bad(out, "the trade's side is neither \"b\" nor \"s\"");
    return exchange_add(context->session, out, &event, "the pair", context->pair);
}

static enum format_result add_trades(const struct context *context,
                                     const struct json_scan_token *data, struct format_output *out)
{
    struct json_scan scan;
    struct json_scan_token key, value;
    if (data->type != SCAN_ARRAY)
        return format_bad(out, "the trades are not an array");
    exchange_enter(context->message, data, &scan);
    while (json_scan_next(&scan, &key, &value) > 0) {
        const enum format_result rc = add_trade(context, &value, out);
        if (rc != FORMAT_EVENTS)
            return rc;
    }
    return out->count > 0 ? FORMAT_EVENTS : FORMAT_IGNORED;
}

static bool take_side(const struct context *context, const char *field,
                      const struct json_scan_token *side, struct price_event *event, int price,
                      int size, struct format_output *out)
{
    enum { PRICE, WHOLE_LOTS, LOTS, PARTS };
    struct json_scan_token parts[PARTS];
    if (exchange_list(context->message, side, parts, PARTS) < PARTS) {
        format_bad(out, "%s is no list of price, whole lots and lots", field);
        return false;
    }
    return format_take_value(out, field, &parts[PRICE], event, price) &&
           format_take_value(out, field, &parts[LOTS], event, size);
}

static enum format_result add_quote(const struct context *context,
                                    const struct json_scan_token *data, struct format_output *out)
{
    enum { ASK, BID, SIDES };
    static const struct json_scan_name sides[SIDES] = {JSON_SCAN_NAME("a"), JSON_SCAN_NAME("b")};
    struct price_event event = event_make(EVENT_QUOTE);
    struct json_scan scan;
    struct json_scan_token found[SIDES];
    event.recv_ns = context->message->recv_ns;
    if (data->type != SCAN_OBJECT)
        return format_bad(out, "the ticker is not an object");
    exchange_enter(context->message, data, &scan);
    json_scan_collect(&scan, sides, SIDES, found);
    if (!take_side(context, "b", &found[BID], &event, VALUE_BID, VALUE_BID_SIZE, out) ||
        !take_side(context, "a", &found[ASK], &event, VALUE_ASK, VALUE_ASK_SIZE, out))
        return FORMAT_BAD;
    return exchange_add(context->session, out, &event, "the pair", context->pair);
}

/* Acknowledgements, heartbeats and errors. */
static enum format_result take_event(struct exchange_session *session,
                                     const struct exchange_message *message,
                                     struct format_output *out)
{
    enum { STATUS, ERROR_MESSAGE, FIELDS };
    static const struct json_scan_name fields[FIELDS] = {JSON_SCAN_NAME("status"),
                                                         JSON_SCAN_NAME("errorMessage")};
    struct json_scan_token found[FIELDS];
    const enum format_result rc = exchange_collect(message, fields, FIELDS, found, out);
    if (rc == FORMAT_EVENTS && json_scan_is(&found[STATUS], "error"))
        exchange_refused(session, &found[ERROR_MESSAGE], "error");
    return rc == FORMAT_BAD ? FORMAT_BAD : FORMAT_IGNORED;
}

static enum format_result parse(struct exchange_session *session,
                                const struct exchange_message *message, struct format_output *out)
{
    struct json_scan_token found[ELEMENTS_MAX];
    size_t count = 0;
    const enum format_result rc = exchange_elements(message, found, ELEMENTS_MAX, &count, out);
    if (rc == FORMAT_IGNORED)
        return take_event(session, message, out);
    if (rc != FORMAT_EVENTS || count < 4 || count > ELEMENTS_MAX)
        return rc == FORMAT_EVENTS ? FORMAT_IGNORED : rc;
    const struct context context = {session, message, &found[count - 1]};
    if (json_scan_is(&found[count - 2], "trade"))
        return add_trades(&context, &found[DATA], out);
    if (json_scan_is(&found[count - 2], "ticker"))
        return add_quote(&context, &found[DATA], out);
    return FORMAT_IGNORED;
}

static void subscribe(struct exchange_text *out, const char *const *symbols, size_t count)
{
    static const char *const names[] = {"trade", "ticker"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        exchange_put(out, "{\"event\":\"subscribe\",\"pair\":");
        exchange_put_symbols(out, "%s", symbols, count);
        exchange_put(out, ",\"subscription\":{\"name\":");
        exchange_put_string(out, "%s", names[i]);
        exchange_put(out, "}}\n");
    }
}

const struct exchange exchange_kraken = {
    .name = "kraken",
    .source = "kraken",
    .url = "wss://ws.kraken.com",
    .parse = parse,
    .subscribe = subscribe,
};
