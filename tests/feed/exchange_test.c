/* What messages of each exchange become, what is asked of it, and how losses are counted. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "feed/exchange.h"
#include "feed/item.h"

#define RECV_NS INT64_C(1700000000123456789)

/* One session and what its last message gave. */
struct talk {
    struct exchange_session *session;
    struct streams *streams;
    struct format_output output;
    char items[4 * ITEM_BYTES_MAX];
};

static void talk_begin(struct talk *talk, const struct exchange *exchange)
{
    const struct format_options options = {0};
    talk->session = exchange_open(exchange);
    talk->streams = streams_create(100);
    assert_non_null(talk->session);
    format_output_init(&talk->output, talk->streams, &options);
}

static void talk_end(struct talk *talk)
{
    exchange_close(talk->session);
    format_output_finish(&talk->output);
    streams_destroy(talk->streams);
}

/* The items of a message that stands in memory of its very size, without the names in front of
 * `"ts"` or the like; or what else it was. */
static const char *hear(struct talk *talk, const char *text)
{
    static const char *const answers[] = {NULL, "ignored", "bad", "refused"};
    const size_t len = strlen(text);
    char *copy = malloc(len > 0 ? len : 1), *at = talk->items;
    memcpy(copy, text, len);
    const struct exchange_message message = {.text = copy, .len = len, .recv_ns = RECV_NS};
    talk->output.count = 0;
    const enum format_result result = exchange_parse(talk->session, &message, &talk->output);
    free(copy);
    if (result != FORMAT_EVENTS)
        return answers[result];
    for (size_t i = 0; i < talk->output.count && i < 4; i++) {
        const struct price_event *event = &talk->output.events[i];
        at += item_prefix(streams_get(talk->streams, event->stream), at);
        at += item_rest(event, at);
        *at++ = '\n';
    }
    *at = '\0';
    return talk->items;
}

static void expect(const struct exchange *exchange, const char *text, const char *want)
{
    struct talk talk;
    talk_begin(&talk, exchange);
    assert_string_equal(hear(&talk, text), want);
    talk_end(&talk);
}

static void expect_bad(const struct exchange *exchange, const char *text, const char *reason)
{
    struct talk talk;
    talk_begin(&talk, exchange);
    assert_string_equal(hear(&talk, text), "bad");
    if (strstr(talk.output.reason, reason) == NULL)
        assert_string_equal(talk.output.reason, reason);
    talk_end(&talk);
}

#define ITEM(kind, symbol, source, rest)                                                           \
    "{\"kind\":\"" kind "\",\"symbol\":\"" symbol "\",\"source\":\"" source "\",\"seq\":0," rest   \
    "}\n"
#define RECV "\"recv\":1700000000123456,"

/* ---- Coinbase Exchange ---- */

#define MATCH(type, id, side)                                                                      \
    "{\"type\":\"" type "\",\"trade_id\":" id ",\"side\":\"" side "\",\"size\":\"985\","           \
    "\"price\":\"0.00001305\",\"product_id\":\"ABC-XYZ\",\"sequence\":177,"                        \
    "\"time\":\"2023-11-14T22:13:20.089723Z\"}"

static void coinbase_names_the_makers_side(void **state)
{
    (void)state;
    expect(&exchange_coinbase, MATCH("match", "1", "sell"),
           ITEM("trade", "ABC-XYZ", "coinbase",
                "\"ts\":1700000000089723," RECV
                "\"price\":\"0.00001305\",\"size\":\"985\",\"side\":\"buy\""));
    expect(&exchange_coinbase, MATCH("match", "1", "buy"),
           ITEM("trade", "ABC-XYZ", "coinbase",
                "\"ts\":1700000000089723," RECV
                "\"price\":\"0.00001305\",\"size\":\"985\",\"side\":\"sell\""));
    expect(&exchange_coinbase, MATCH("last_match", "1", "buy"), "ignored");
    expect_bad(&exchange_coinbase, MATCH("match", "1", "both"), "side is neither");
}

static void coinbase_tickers_are_quotes_of_what_they_have(void **state)
{
    (void)state;
    expect(&exchange_coinbase,
           "{\"type\":\"ticker\",\"product_id\":\"ABC-XYZ\",\"price\":\"5\",\"best_bid\":\"4.50\","
           "\"best_bid_size\":\"1.0\",\"best_ask\":\"5.50\",\"best_ask_size\":\"2.00\","
           "\"time\":\"2023-11-14T22:13:20Z\"}",
           ITEM("quote", "ABC-XYZ", "coinbase",
                "\"ts\":1700000000000000," RECV "\"bid\":\"4.50\",\"bid_size\":\"1.0\","
                "\"ask\":\"5.50\",\"ask_size\":\"2.00\""));
    expect(&exchange_coinbase,
           "{\"type\":\"ticker\",\"product_id\":\"ABC-XYZ\",\"best_bid\":\"4.50\","
           "\"best_ask\":\"\"}",
           ITEM("quote", "ABC-XYZ", "coinbase", RECV "\"bid\":\"4.50\""));
    expect(&exchange_coinbase, "{\"type\":\"ticker\",\"product_id\":\"A\",\"price\":\"5\"}",
           "ignored");
    expect_bad(&exchange_coinbase, "{\"type\":\"ticker\",\"product_id\":\"A\",\"best_bid\":\"x\"}",
               "best_bid is not a decimal");
    expect_bad(&exchange_coinbase, "{\"type\":\"ticker\",\"best_bid\":\"1\"}",
               "product_id is missing");
}

static void coinbase_trades_that_are_missing_are_counted(void **state)
{
    struct talk talk;
    (void)state;
    talk_begin(&talk, &exchange_coinbase);
    hear(&talk, MATCH("last_match", "10", "buy"));
    hear(&talk, MATCH("match", "11", "buy"));
    assert_int_equal(exchange_news(talk.session)->gaps, 0);
    hear(&talk, MATCH("match", "15", "buy"));
    hear(&talk, MATCH("match", "14", "buy")); /* late, not lost twice */
    hear(&talk, MATCH("match", "16", "buy"));
    assert_int_equal(exchange_news(talk.session)->gaps, 1);
    assert_int_equal(exchange_news(talk.session)->missed, 3);
    exchange_reset(talk.session);
    hear(&talk, MATCH("match", "99", "buy"));
    assert_int_equal(exchange_news(talk.session)->gaps, 1);
    talk_end(&talk);
}

/* ---- Coinbase Advanced ---- */

#define ADVANCED(channel, number, events)                                                          \
    "{\"channel\":\"" channel                                                                      \
    "\",\"timestamp\":\"2023-11-14T22:13:20.5Z\",\"sequence_num\":" number ",\"events\":[" events  \
    "]}"

static void coinbase_advanced_lists_trades_with_the_makers_side(void **state)
{
    (void)state;
    expect(
        &exchange_coinbase_advanced,
        ADVANCED("market_trades", "7",
                 "{\"type\":\"update\",\"trades\":["
                 "{\"product_id\":\"A-X\",\"trade_id\":\"2\",\"price\":\"5.00\",\"size\":\"1\","
                 "\"time\":\"2023-11-14T22:13:20.257824Z\",\"side\":\"SELL\"},"
                 "{\"product_id\":\"A-X\",\"trade_id\":\"1\",\"price\":\"5.01\",\"size\":\"0.5\","
                 "\"time\":\"2023-11-14T22:13:20.25Z\",\"side\":\"BUY\"}]}"),
        ITEM("trade", "A-X", "coinbase",
             "\"ts\":1700000000257824," RECV "\"price\":\"5.00\",\"size\":\"1\",\"side\":\"buy\"")
            ITEM("trade", "A-X", "coinbase",
                 "\"ts\":1700000000250000," RECV
                 "\"price\":\"5.01\",\"size\":\"0.5\",\"side\":\"sell\""));
}

/* It comes again with each connection. */
static void coinbase_advanced_passes_over_the_history_of_trades(void **state)
{
    static const char history[] =
        ADVANCED("market_trades", "7",
                 "{\"type\":\"snapshot\",\"trades\":["
                 "{\"product_id\":\"A-X\",\"trade_id\":\"2\",\"price\":\"5.00\",\"size\":\"1\","
                 "\"time\":\"2023-11-14T22:12:20.257824Z\",\"side\":\"SELL\"}]}");
    (void)state;
    expect(&exchange_coinbase_advanced, history, "ignored");
    expect(&exchange_coinbase_advanced,
           ADVANCED("market_trades", "7",
                    "{\"type\":\"snapshot\",\"trades\":[{\"product_id\":\"A-X\"}]},"
                    "{\"trades\":[{\"product_id\":\"A-X\",\"price\":\"5.00\",\"size\":\"1\","
                    "\"time\":\"2023-11-14T22:13:20.25Z\",\"side\":\"SELL\"}],"
                    "\"type\":\"update\"}"),
           ITEM("trade", "A-X", "coinbase",
                "\"ts\":1700000000250000," RECV
                "\"price\":\"5.00\",\"size\":\"1\",\"side\":\"buy\""));
}

static void coinbase_advanced_tickers_have_the_messages_time(void **state)
{
    (void)state;
    expect(&exchange_coinbase_advanced,
           ADVANCED("ticker", "7",
                    "{\"type\":\"snapshot\",\"tickers\":[{\"product_id\":\"A-X\",\"price\":\"5\","
                    "\"best_bid\":\"4.9\",\"best_ask\":\"5.1\",\"best_bid_quantity\":\"1\","
                    "\"best_ask_quantity\":\"2.0\"}]}"),
           ITEM("quote", "A-X", "coinbase",
                "\"ts\":1700000000500000," RECV
                "\"bid\":\"4.9\",\"bid_size\":\"1\",\"ask\":\"5.1\",\"ask_size\":\"2.0\""));
    expect(&exchange_coinbase_advanced, ADVANCED("heartbeats", "7", "{}"), "ignored");
    expect(&exchange_coinbase_advanced, ADVANCED("l2_data", "7", "{\"updates\":[]}"), "ignored");
    expect_bad(&exchange_coinbase_advanced, ADVANCED("ticker", "7", "5"), "an event is not");
    expect_bad(&exchange_coinbase_advanced, ADVANCED("ticker", "7", "{\"tickers\":5}"),
               "tickers is not an array");
    expect_bad(&exchange_coinbase_advanced, "{\"channel\":\"ticker\"}", "events is missing");
}

static void coinbase_advanced_counts_all_messages_of_a_connection(void **state)
{
    struct talk talk;
    (void)state;
    talk_begin(&talk, &exchange_coinbase_advanced);
    hear(&talk, ADVANCED("heartbeats", "7", "{}"));
    hear(&talk, ADVANCED("subscriptions", "8", "{}"));
    hear(&talk, ADVANCED("heartbeats", "10", "{}"));
    assert_int_equal(exchange_news(talk.session)->gaps, 1);
    assert_int_equal(exchange_news(talk.session)->missed, 1);
    exchange_reset(talk.session);
    hear(&talk, ADVANCED("heartbeats", "0", "{}"));
    hear(&talk, ADVANCED("heartbeats", "1", "{}"));
    assert_int_equal(exchange_news(talk.session)->gaps, 1);
    talk_end(&talk);
}

/* ---- Kraken ---- */

static void kraken_trades_come_in_lists(void **state)
{
    (void)state;
    expect(&exchange_kraken,
           "[7,[[\"12.340000000\",\"0.00100000\",\"1700000000.012345\",\"s\",\"l\",\"\"],"
           "[\"12.35\",\"2.5\",\"1700000000.5\",\"b\",\"m\",\"\"]],\"trade\",\"XBT/USD\"]",
           ITEM("trade", "XBT/USD", "kraken",
                "\"ts\":1700000000012345," RECV
                "\"price\":\"12.340000000\",\"size\":\"0.00100000\",\"side\":\"sell\"")
               ITEM("trade", "XBT/USD", "kraken",
                    "\"ts\":1700000000500000," RECV
                    "\"price\":\"12.35\",\"size\":\"2.5\",\"side\":\"buy\""));
    expect_bad(&exchange_kraken, "[7,[[\"1\",\"1\",\"1\",\"x\"]],\"trade\",\"A\"]", "side");
    expect_bad(&exchange_kraken, "[7,[[\"1\",\"1\",\"1\"]],\"trade\",\"A\"]", "a trade is no list");
    expect_bad(&exchange_kraken, "[7,5,\"trade\",\"A\"]", "the trades are not an array");
    expect_bad(&exchange_kraken, "[7,[[\"1\",\"1\",\"1\",\"b\"]],\"trade\",5]", "the pair is not");
}

static void kraken_quotes_have_the_exact_volume(void **state)
{
    (void)state;
    expect(&exchange_kraken,
           "[8,{\"a\":[\"5525.40000\",1,\"1.50000000\"],\"b\":[\"5525.10000\",30,\"30.25\"],"
           "\"c\":[\"5525.1\",\"0.3\"]},\"ticker\",\"XBT/USD\"]",
           ITEM("quote", "XBT/USD", "kraken",
                RECV "\"bid\":\"5525.10000\",\"bid_size\":\"30.25\",\"ask\":\"5525.40000\","
                     "\"ask_size\":\"1.50000000\""));
    expect_bad(&exchange_kraken, "[8,{\"a\":[\"1\",1,\"1\"]},\"ticker\",\"A\"]", "b is no list");
    expect_bad(&exchange_kraken, "[8,[],\"ticker\",\"A\"]", "the ticker is not an object");
}

static void kraken_messages_of_other_kinds_are_ignored(void **state)
{
    static const char *const others[] = {
        "{\"connectionID\":18239578009413566319,\"event\":\"systemStatus\"}",
        "{\"event\":\"heartbeat\"}",
        "[7,{\"a\":[]},{\"b\":[]},\"book-10\",\"XBT/USD\"]",
        "[7,[\"1\",\"2\"],\"spread\",\"XBT/USD\"]",
        "[]",
        "[1,2,3,4,5,6,7,8,9,10]",
    };
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        expect(&exchange_kraken, others[i], "ignored");
}

static void kraken2_numbers_keep_their_text(void **state)
{
    (void)state;
    expect(&exchange_kraken2,
           "{\"channel\":\"trade\",\"type\":\"update\",\"data\":[{\"symbol\":\"BTC/USD\","
           "\"side\":\"sell\",\"price\":64000.10,\"qty\":0.00500000,\"ord_type\":\"market\","
           "\"trade_id\":7,\"timestamp\":\"2023-11-14T22:13:20.123456Z\"}]}",
           ITEM("trade", "BTC/USD", "kraken",
                "\"ts\":1700000000123456," RECV
                "\"price\":\"64000.10\",\"size\":\"0.00500000\",\"side\":\"sell\""));
    expect(&exchange_kraken2,
           "{\"channel\":\"ticker\",\"type\":\"snapshot\",\"data\":[{\"symbol\":\"BTC/USD\","
           "\"bid\":0.10,\"bid_qty\":7.0,\"ask\":0.20,\"ask_qty\":1}]}",
           ITEM("quote", "BTC/USD", "kraken",
                RECV "\"bid\":\"0.10\",\"bid_size\":\"7.0\",\"ask\":\"0.20\",\"ask_size\":\"1\""));
    expect(&exchange_kraken2,
           "{\"channel\":\"trade\",\"type\":\"snapshot\",\"data\":[{\"symbol\":\"BTC/USD\","
           "\"side\":\"sell\",\"price\":1.0,\"qty\":2,"
           "\"timestamp\":\"2023-11-14T22:13:20.123456Z\"}]}",
           "ignored"); /* history */
    expect(&exchange_kraken2, "{\"channel\":\"heartbeat\"}", "ignored");
    expect_bad(&exchange_kraken2, "{\"channel\":\"trade\",\"data\":{}}", "data is missing or not");
}

/* ---- Bitstamp ---- */

#define BITSTAMP(type)                                                                             \
    "{\"data\":{\"id\":7,\"amount\":0.0792,\"amount_str\":\"0.07920000\",\"price\":3805.44,"       \
    "\"price_str\":\"3805.44\",\"type\":" type ",\"microtimestamp\":\"1700000000596000\"},"        \
    "\"channel\":\"live_trades_ethusd\",\"event\":\"trade\"}"

static void bitstamp_names_the_symbol_in_the_channel(void **state)
{
    (void)state;
    expect(&exchange_bitstamp, BITSTAMP("0"),
           ITEM("trade", "ethusd", "bitstamp",
                "\"ts\":1700000000596000," RECV
                "\"price\":\"3805.44\",\"size\":\"0.07920000\",\"side\":\"buy\""));
    expect(&exchange_bitstamp, BITSTAMP("1"),
           ITEM("trade", "ethusd", "bitstamp",
                "\"ts\":1700000000596000," RECV
                "\"price\":\"3805.44\",\"size\":\"0.07920000\",\"side\":\"sell\""));
    expect(&exchange_bitstamp,
           "{\"event\":\"data\",\"channel\":\"order_book_x\",\"data\":{\"bids\":[]}}", "ignored");
    expect_bad(&exchange_bitstamp, BITSTAMP("2"), "type is neither 0 nor 1");
    expect_bad(&exchange_bitstamp, "{\"event\":\"trade\",\"channel\":\"x\",\"data\":{}}",
               "channel is missing or not live_trades_SYMBOL");
    expect_bad(&exchange_bitstamp, "{\"event\":\"trade\",\"channel\":\"x\"}", "data is missing");
}

static void bitstamp_may_ask_to_be_left(void **state)
{
    struct talk talk;
    (void)state;
    talk_begin(&talk, &exchange_bitstamp);
    assert_string_equal(
        hear(&talk, "{\"event\":\"bts:request_reconnect\",\"channel\":\"\",\"data\":\"\"}"),
        "ignored");
    assert_true(exchange_news(talk.session)->wants_reconnect);
    exchange_reset(talk.session);
    assert_false(exchange_news(talk.session)->wants_reconnect);
    talk_end(&talk);
}

/* ---- Bybit ---- */

#define TICKER(type, more)                                                                         \
    "{\"topic\":\"tickers.ABCXYZ\",\"type\":\"" type "\",\"data\":{\"symbol\":\"ABCXYZ\"" more     \
    "},\"cs\":1,\"ts\":1700000000500}"
#define FULL                                                                                       \
    ",\"bid1Price\":\"1.10\",\"bid1Size\":\"5\",\"ask1Price\":\"1.20\",\"ask1Size\":\"6.0\""
#define BYBIT_QUOTE(rest) ITEM("quote", "ABCXYZ", "bybit", "\"ts\":1700000000500000," RECV rest)

static void bybit_deltas_are_merged(void **state)
{
    struct talk talk;
    (void)state;
    talk_begin(&talk, &exchange_bybit);
    assert_string_equal(
        hear(&talk, TICKER("delta", ",\"bid1Price\":\"1.00\"")), /* came in the middle */
        BYBIT_QUOTE("\"bid\":\"1.00\""));
    assert_string_equal(hear(&talk, TICKER("snapshot", FULL)),
                        BYBIT_QUOTE("\"bid\":\"1.10\",\"bid_size\":\"5\",\"ask\":\"1.20\","
                                    "\"ask_size\":\"6.0\""));
    assert_string_equal(hear(&talk, TICKER("delta", ",\"lastPrice\":\"1.15\"")), "ignored");
    assert_string_equal(hear(&talk, TICKER("delta", ",\"bid1Price\":\"1.10\"")), "ignored");
    assert_string_equal(hear(&talk, TICKER("delta", ",\"ask1Size\":\"7\"")),
                        BYBIT_QUOTE("\"bid\":\"1.10\",\"bid_size\":\"5\",\"ask\":\"1.20\","
                                    "\"ask_size\":\"7\""));
    assert_string_equal(hear(&talk, TICKER("delta", ",\"ask1Price\":\"\",\"ask1Size\":\"\"")),
                        BYBIT_QUOTE("\"bid\":\"1.10\",\"bid_size\":\"5\""));
    exchange_reset(talk.session);
    assert_string_equal(hear(&talk, TICKER("delta", ",\"ask1Size\":\"7\"")),
                        BYBIT_QUOTE("\"ask_size\":\"7\""));
    talk_end(&talk);
}

static void a_bad_bybit_delta_changes_nothing(void **state)
{
    struct talk talk;
    (void)state;
    talk_begin(&talk, &exchange_bybit);
    hear(&talk, TICKER("snapshot", FULL));
    assert_string_equal(hear(&talk, TICKER("delta", ",\"bid1Price\":\"9\",\"ask1Price\":\"1e5\"")),
                        "bad");
    assert_string_equal(talk.output.reason, "ask1Price is not a decimal");
    assert_string_equal(hear(&talk, TICKER("snapshot", FULL)), "ignored");
    talk_end(&talk);
}

static void bybit_trades_have_their_own_time(void **state)
{
    (void)state;
    expect(&exchange_bybit,
           "{\"topic\":\"publicTrade.ABCXYZ\",\"type\":\"snapshot\",\"ts\":1,\"data\":["
           "{\"T\":1700000000680,\"s\":\"ABCXYZ\",\"S\":\"Sell\",\"v\":\"0.004\",\"p\":\"1.10\"}]}",
           ITEM("trade", "ABCXYZ", "bybit",
                "\"ts\":1700000000680000," RECV
                "\"price\":\"1.10\",\"size\":\"0.004\",\"side\":\"sell\""));
    expect_bad(&exchange_bybit, "{\"topic\":\"publicTrade.A\",\"data\":[5]}", "a trade is not");
    expect(&exchange_bybit, TICKER("snapshot", ",\"lastPrice\":\"1\""), "ignored"); /* spot */
}

/* ---- all ---- */

static void refusals_are_kept_for_the_log(void **state)
{
    static const struct {
        const struct exchange *exchange;
        const char *text, *refusal;
    } cases[] = {
        {&exchange_coinbase,
         "{\"type\":\"error\",\"message\":\"Failed to subscribe\",\"reason\":\"X is not valid\"}",
         "X is not valid"},
        {&exchange_coinbase_advanced, "{\"type\":\"error\",\"message\":\"no such channel\"}",
         "no such channel"},
        {&exchange_kraken,
         "{\"event\":\"subscriptionStatus\",\"status\":\"error\",\"errorMessage\":\"Currency pair "
         "not supported\"}",
         "Currency pair not supported"},
        {&exchange_kraken2,
         "{\"method\":\"subscribe\",\"success\":false,\"error\":\"Currency pair not supported\"}",
         "Currency pair not supported"},
        {&exchange_bitstamp,
         "{\"event\":\"bts:error\",\"channel\":\"\",\"data\":{\"code\":null,\"message\":\"Bad\"}}",
         "Bad"},
        {&exchange_bybit, "{\"success\":false,\"ret_msg\":\"Invalid symbol\",\"conn_id\":\"d\"}",
         "Invalid symbol"},
        {&exchange_binance, "{\"code\":2,\"msg\":\"Invalid request\",\"id\":1}", "Invalid request"},
        {&exchange_bybit, "{\"success\":false,\"conn_id\":\"d\"}", "error"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct talk talk;
        talk_begin(&talk, cases[i].exchange);
        assert_string_equal(hear(&talk, cases[i].text), "ignored");
        assert_string_equal(exchange_news(talk.session)->refusal, cases[i].refusal);
        exchange_reset(talk.session);
        assert_string_equal(exchange_news(talk.session)->refusal, "");
        talk_end(&talk);
    }
}

static void what_is_no_json_is_bad_everywhere(void **state)
{
    static const char *const bad[] = {"",      "{",   "[1,", "{}x",     "5",
                                      "\"x\"", "nan", "[[]", "{\"a\":}"};
    (void)state;
    for (size_t i = 0; exchange_at(i) != NULL; i++)
        for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
            expect_bad(exchange_at(i), bad[k], "");
}

static void whose_a_url_is_shows(void **state)
{
    static const struct {
        const char *url;
        const struct exchange *exchange;
    } cases[] = {
        {"wss://ws-feed.pro.coinbase.com <-> 1", &exchange_coinbase},
        {"wss://ws-feed.exchange.coinbase.com", &exchange_coinbase},
        {"wss://advanced-trade-ws.coinbase.com", &exchange_coinbase_advanced},
        {"wss://ws.kraken.com", &exchange_kraken},
        {"wss://ws.kraken.com/v2", &exchange_kraken2},
        {"wss://ws.bitstamp.net/ <- 1: binance.com", &exchange_bitstamp},
        {"wss://stream.bybit.com/v5/public/linear", &exchange_bybit},
        {"wss://fstream.binance.com/stream?streams=a@trade", &exchange_binance},
        {"wss://example.com/ binance.com", NULL},
        {"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_ptr_equal(exchange_of_url(cases[i].url, strlen(cases[i].url)), cases[i].exchange);
    for (size_t i = 0; exchange_at(i) != NULL; i++) {
        const struct exchange *exchange = exchange_at(i);
        assert_ptr_equal(exchange_of_url(exchange->url, strlen(exchange->url)), exchange);
        assert_ptr_equal(exchange_find(exchange->name), exchange);
    }
    assert_null(exchange_find("Coinbase"));
}

static void whose_a_message_is_shows(void **state)
{
    static const struct {
        const char *text;
        const struct exchange *exchange;
    } cases[] = {
        {MATCH("match", "1", "buy"), &exchange_coinbase},
        {"{\"type\":\"subscriptions\",\"channels\":[]}", &exchange_coinbase},
        {ADVANCED("heartbeats", "1", "{}"), &exchange_coinbase_advanced},
        {"{\"event\":\"heartbeat\"}", &exchange_kraken},
        {"[7,[],\"trade\",\"XBT/USD\"]", &exchange_kraken},
        {"{\"channel\":\"heartbeat\"}", &exchange_kraken2},
        {"{\"method\":\"subscribe\",\"success\":true}", &exchange_kraken2},
        {BITSTAMP("0"), &exchange_bitstamp},
        {TICKER("delta", ""), &exchange_bybit},
        {"{\"success\":true,\"conn_id\":\"d\"}", &exchange_bybit},
        {"{\"stream\":\"a@trade\",\"data\":{}}", &exchange_binance},
        {"{\"e\":\"trade\",\"s\":\"A\"}", &exchange_binance},
        {"{\"u\":1,\"s\":\"A\",\"b\":\"1\"}", &exchange_binance},
        {"{}", NULL},
        {"[]", NULL},
        {"x", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_ptr_equal(exchange_of_message(cases[i].text, strlen(cases[i].text)),
                         cases[i].exchange);
}

static void expect_asks(const struct exchange *exchange, const char *path, const char *messages)
{
    static const char *const symbols[] = {"AbC-x", "D\"E"};
    char *got_path = exchange_path(exchange, symbols, 2);
    char *got = exchange_subscribe(exchange, symbols, 2);
    assert_string_equal(got_path, path);
    assert_string_equal(got, messages);
    free(got_path);
    free(got);
}

static void each_exchange_is_asked_in_its_own_way(void **state)
{
#define BOTH "[\"AbC-x\",\"D\\\"E\"]"
    (void)state;
    expect_asks(&exchange_coinbase, "",
                "{\"type\":\"subscribe\",\"product_ids\":" BOTH
                ",\"channels\":[\"matches\",\"ticker\",\"heartbeat\"]}\n");
    expect_asks(&exchange_coinbase_advanced, "",
                "{\"type\":\"subscribe\",\"product_ids\":" BOTH ",\"channel\":\"market_trades\"}\n"
                "{\"type\":\"subscribe\",\"product_ids\":" BOTH ",\"channel\":\"ticker\"}\n"
                "{\"type\":\"subscribe\",\"product_ids\":" BOTH ",\"channel\":\"heartbeats\"}\n");
    expect_asks(
        &exchange_kraken, "",
        "{\"event\":\"subscribe\",\"pair\":" BOTH ",\"subscription\":{\"name\":\"trade\"}}\n"
        "{\"event\":\"subscribe\",\"pair\":" BOTH ",\"subscription\":{\"name\":\"ticker\"}}\n");
    expect_asks(&exchange_kraken2, "",
                "{\"method\":\"subscribe\",\"params\":{\"symbol\":" BOTH
                ",\"channel\":\"trade\",\"snapshot\":false}}\n"
                "{\"method\":\"subscribe\",\"params\":{\"symbol\":" BOTH
                ",\"channel\":\"ticker\",\"event_trigger\":\"bbo\"}}\n");
    expect_asks(&exchange_bitstamp, "",
                "{\"event\":\"bts:subscribe\",\"data\":{\"channel\":\"live_trades_AbC-x\"}}\n"
                "{\"event\":\"bts:subscribe\",\"data\":{\"channel\":\"live_trades_D\\\"E\"}}\n");
    expect_asks(&exchange_bybit, "",
                "{\"op\":\"subscribe\",\"args\":[\"publicTrade.AbC-x\",\"publicTrade.D\\\"E\"]}\n"
                "{\"op\":\"subscribe\",\"args\":[\"tickers.AbC-x\",\"tickers.D\\\"E\"]}\n");
    expect_asks(&exchange_binance, "/stream",
                "{\"method\":\"SUBSCRIBE\",\"params\":[\"abc-x@trade\",\"abc-x@bookTicker\","
                "\"d\\\"e@trade\",\"d\\\"e@bookTicker\"],\"id\":1}\n");
    assert_string_equal(exchange_bybit.keepalive, "{\"op\":\"ping\"}");
    assert_int_equal(exchange_bybit.keepalive_ms, 20000);
}

static void binance_is_asked_by_its_url_where_that_can_be(void **state)
{
    static const char *const symbols[] = {"BTCUSDT", "ETHUSDT"};
    const char *many[101];
    (void)state;
    char *path = exchange_path(&exchange_binance, symbols, 2);
    char *asks = exchange_subscribe(&exchange_binance, symbols, 2);
    assert_string_equal(path, "/stream?streams=btcusdt@trade/btcusdt@bookTicker/ethusdt@trade/"
                              "ethusdt@bookTicker");
    assert_string_equal(asks, "");
    free(path);
    free(asks);
    for (size_t i = 0; i < 101; i++)
        many[i] = "A";
    path = exchange_path(&exchange_binance, many, 101);
    asks = exchange_subscribe(&exchange_binance, many, 101);
    assert_string_equal(path, "/stream");
    assert_non_null(strstr(asks, "],\"id\":1}\n{\"method\":\"SUBSCRIBE\",\"params\":[\"a@trade\""));
    free(path);
    free(asks);
}

static void long_lists_are_cut_for_bybit(void **state)
{
    const char *many[11];
    size_t messages = 0;
    (void)state;
    for (size_t i = 0; i < 11; i++)
        many[i] = "A";
    char *asks = exchange_subscribe(&exchange_bybit, many, 11);
    for (const char *at = asks; (at = strchr(at, '\n')) != NULL; at++)
        messages++;
    assert_int_equal(messages, 4);
    free(asks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coinbase_names_the_makers_side),
        cmocka_unit_test(coinbase_tickers_are_quotes_of_what_they_have),
        cmocka_unit_test(coinbase_trades_that_are_missing_are_counted),
        cmocka_unit_test(coinbase_advanced_lists_trades_with_the_makers_side),
        cmocka_unit_test(coinbase_advanced_passes_over_the_history_of_trades),
        cmocka_unit_test(coinbase_advanced_tickers_have_the_messages_time),
        cmocka_unit_test(coinbase_advanced_counts_all_messages_of_a_connection),
        cmocka_unit_test(kraken_trades_come_in_lists),
        cmocka_unit_test(kraken_quotes_have_the_exact_volume),
        cmocka_unit_test(kraken_messages_of_other_kinds_are_ignored),
        cmocka_unit_test(kraken2_numbers_keep_their_text),
        cmocka_unit_test(bitstamp_names_the_symbol_in_the_channel),
        cmocka_unit_test(bitstamp_may_ask_to_be_left),
        cmocka_unit_test(bybit_deltas_are_merged),
        cmocka_unit_test(a_bad_bybit_delta_changes_nothing),
        cmocka_unit_test(bybit_trades_have_their_own_time),
        cmocka_unit_test(refusals_are_kept_for_the_log),
        cmocka_unit_test(what_is_no_json_is_bad_everywhere),
        cmocka_unit_test(whose_a_url_is_shows),
        cmocka_unit_test(whose_a_message_is_shows),
        cmocka_unit_test(each_exchange_is_asked_in_its_own_way),
        cmocka_unit_test(binance_is_asked_by_its_url_where_that_can_be),
        cmocka_unit_test(long_lists_are_cut_for_bybit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
