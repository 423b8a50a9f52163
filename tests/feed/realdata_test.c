/* Real captures, where they are at hand: nothing is miscounted and no digit changes on the way.
 *
 * The files are not part of this repository. PRICECAST_REALDATA names their folder. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "feed/file_producer.h"
#include "feed/line_reader.h"

static const char *folder(void)
{
    const char *given = getenv("PRICECAST_REALDATA");
    return given != NULL ? given : PRICECAST_SOURCE_DIR "/../shared/data";
}

/* Finds `"name":"value"` without any JSON reader, so that both cannot be wrong in the same way. */
static bool extract(const char *line, const char *name, char *out)
{
    char needle[16];
    snprintf(needle, sizeof needle, "\"%s\":\"", name);
    const char *at = strstr(line, needle);
    if (at == NULL)
        return false;
    at += strlen(needle);
    const size_t len = strcspn(at, "\"");
    memcpy(out, at, len);
    out[len] = '\0';
    return true;
}

static void expect_text_of(const struct price_event *event, int which, const char *line,
                           const char *name)
{
    char want[64], text[DECIMAL_TEXT_MAX + 1];
    assert_true(extract(line, name, want));
    text[decimal_format(event_value(event, which), text)] = '\0';
    assert_string_equal(text, want);
}

static void expect_time(int64_t ns, const char *line, const char *needle)
{
    const char *at = strstr(line, needle);
    if (at == NULL)
        assert_true(ns == EVENT_NO_TIME);
    else
        assert_true(ns == strtoll(at + strlen(needle), NULL, 10) * 1000000);
}

static void expect_event(const struct price_event *event, const struct streams *streams,
                         const char *line, bool is_trade)
{
    char symbol[64];
    assert_int_equal(event->kind, is_trade ? EVENT_TRADE : EVENT_QUOTE);
    assert_true(extract(line, "s", symbol));
    assert_string_equal(streams_get(streams, event->stream)->symbol, symbol);
    assert_string_equal(streams_get(streams, event->stream)->source, "binance");
    assert_true(event->recv_ns == strtoll(line, NULL, 10));
    expect_time(event->ts_ns, line, "\"T\":");
    if (is_trade) {
        expect_text_of(event, VALUE_PRICE, line, "p");
        expect_text_of(event, VALUE_SIZE, line, "q");
        assert_int_equal(event->detail, strstr(line, "\"m\":true") ? SIDE_SELL : SIDE_BUY);
        return;
    }
    expect_text_of(event, VALUE_BID, line, "b");
    expect_text_of(event, VALUE_BID_SIZE, line, "B");
    expect_text_of(event, VALUE_ASK, line, "a");
    expect_text_of(event, VALUE_ASK_SIZE, line, "A");
}

/* The lines that must become events, found by plain text search. */
static bool next_line(struct line_reader *reader, char **copy, bool *is_trade)
{
    struct line line;
    while (line_reader_next(reader, &line) == 1) {
        *copy = realloc(*copy, line.len + 1);
        memcpy(*copy, line.text, line.len);
        (*copy)[line.len] = '\0';
        *is_trade = strstr(*copy, "@trade\"") != NULL;
        if (*is_trade || strstr(*copy, "@bookTicker\"") != NULL)
            return true;
    }
    return false;
}

struct counts {
    uint64_t lines, trades, quotes;
};

static void expect_capture(const char *name, struct counts want)
{
    char path[4096], error[512];
    struct producer *producer;
    struct line_reader *reader;
    struct event_batch *batch = malloc(sizeof *batch);
    struct counts got = {0};
    char *copy = NULL;
    bool is_trade;
    snprintf(path, sizeof path, "%s/%s", folder(), name);
    const struct file_options options = {.path = path};
    assert_int_equal(file_producer_create(&options, &producer, error, sizeof error), 0);
    assert_int_equal(line_reader_open(path, 0, &reader), 0);
    do {
        producer->ops->fill(producer, batch);
        assert_string_equal(batch->message, "");
        for (size_t i = 0; i < batch->count; i++) {
            assert_true(next_line(reader, &copy, &is_trade));
            expect_event(&batch->events[i], producer->streams, copy, is_trade);
            got.trades += is_trade;
            got.quotes += !is_trade;
        }
    } while (batch->end == PRODUCER_MORE);
    assert_false(next_line(reader, &copy, &is_trade));
    assert_int_equal(batch->end, PRODUCER_ENDED);
    assert_int_equal(batch->lines, want.lines);
    assert_int_equal(got.trades, want.trades);
    assert_int_equal(got.quotes, want.quotes);
    assert_int_equal(batch->ignored, want.lines - want.trades - want.quotes);
    assert_int_equal(batch->bad, 0);
    line_reader_close(reader);
    producer->ops->destroy(producer);
    free(batch);
    free(copy);
}

static void binance_spot_is_read_to_the_last_digit(void **state)
{
    (void)state;
    expect_capture("binance-spot-btcusdt-20240808.capture.gz",
                   (struct counts){.lines = 41249, .trades = 9757, .quotes = 28040});
}

static void binance_usd_futures_are_read_to_the_last_digit(void **state)
{
    (void)state;
    expect_capture("binance-usdm-btcusdt-20240808.head25k.capture.gz",
                   (struct counts){.lines = 25000, .trades = 3888, .quotes = 19069});
}

static void binance_coin_futures_are_read_to_the_last_digit(void **state)
{
    (void)state;
    expect_capture("binance-coinm-btcusd-perp-20240808.head15k.capture.gz",
                   (struct counts){.lines = 15000, .trades = 371, .quotes = 5999});
}

/* ---- the other formats ---- */

struct recording {
    const char *name, *format;
    struct format_options keys;
    uint64_t lines; /* that are not empty */
    uint64_t trades, quotes;
    int64_t first_us, last_us; /* event_time_ns() of the first and the last event */
    bool is_merged;            /* values may come from lines before */
};

/* Whether `text` stands in the line as a number of its own. */
static bool line_has_number(const struct line *line, const char *text, size_t len)
{
    const char *at = line->text, *const end = line->text + line->len;
    for (; (at = memmem(at, (size_t)(end - at), text, len)) != NULL; at++) {
        const bool starts = at == line->text || strchr("0123456789.", at[-1]) == NULL;
        const bool stops = at + len == end || strchr("0123456789.", at[len]) == NULL;
        if (starts && stops)
            return true;
    }
    return false;
}

/* The text of a value as the file has it: where prices are scaled, without the point. */
static size_t written(const struct recording *recording, struct decimal value, char *out)
{
    const size_t len = decimal_format(value, out);
    char *point = memchr(out, '.', len);
    if (recording->keys.price_scale == NULL || point == NULL)
        return len;
    memmove(point, point + 1, (size_t)(out + len - point - 1));
    return len - 1;
}

static void expect_digits(const struct recording *recording, const struct price_event *event,
                          const struct price_event *before, const struct line *line)
{
    for (int i = 0; i < EVENT_VALUES; i++) {
        char text[DECIMAL_TEXT_MAX];
        const struct decimal value = event_value(event, i);
        if (decimal_is_absent(value))
            continue;
        const size_t len = written(recording, value, text);
        const bool is_carried = recording->is_merged && before->form[i] == value.form &&
                                before->mantissa[i] == value.mantissa;
        if (!is_carried && !line_has_number(line, text, len))
            fail_msg("%s:%lu: %.*s is not in the line", recording->name,
                     (unsigned long)line->number, (int)len, text);
    }
}

/* Reads the file line by line, so that each event can be held against its line. */
static void expect_lines(const struct recording *recording, const char *path)
{
    enum { STREAMS = 64 };
    static struct price_event before[STREAMS];
    const struct format *format = format_find(recording->format);
    struct streams *streams = streams_create(STREAMS);
    struct format_output out;
    struct line_reader *reader;
    struct line line;
    void *parser = NULL;
    char error[FORMAT_REASON_MAX];
    uint64_t lines = 0, counts[EVENT_KINDS_PRICE] = {0};
    int64_t first_ns = EVENT_NO_TIME, last_ns = EVENT_NO_TIME;
    memset(before, 0, sizeof before);
    format_output_init(&out, streams, &recording->keys);
    assert_int_equal(format->create(&recording->keys, &parser, error, sizeof error), 0);
    assert_int_equal(line_reader_open(path, 0, &reader), 0);
    while (line_reader_next(reader, &line) == 1) {
        if (line.len == 0)
            continue;
        lines++;
        out.count = 0;
        const enum format_result result = format->parse_line(parser, line.text, line.len, &out);
        if (result != FORMAT_EVENTS && result != FORMAT_IGNORED)
            fail_msg("%s:%lu: %s", recording->name, (unsigned long)line.number, out.reason);
        for (size_t i = 0; result == FORMAT_EVENTS && i < out.count; i++) {
            const struct price_event *event = &out.events[i];
            counts[event->kind]++;
            last_ns = event_time_ns(event);
            first_ns = first_ns == EVENT_NO_TIME ? last_ns : first_ns;
            expect_digits(recording, event, &before[event->stream], &line);
            before[event->stream] = *event;
        }
    }
    assert_int_equal(lines, recording->lines);
    assert_int_equal(counts[EVENT_TRADE], recording->trades);
    assert_int_equal(counts[EVENT_QUOTE], recording->quotes);
    assert_int_equal(event_us(first_ns), recording->first_us);
    assert_int_equal(event_us(last_ns), recording->last_us);
    line_reader_close(reader);
    format->destroy(parser);
    format_output_finish(&out);
    streams_destroy(streams);
}

/* What a user gets who names nothing but the keys. */
static void expect_guess(const struct recording *recording, const char *path)
{
    char error[2048];
    struct producer *producer;
    struct event_batch *batch = malloc(sizeof *batch);
    uint64_t events = 0;
    const struct file_options options = {.path = path, .keys = recording->keys};
    if (file_producer_create(&options, &producer, error, sizeof error) != 0)
        fail_msg("%s", error);
    assert_string_equal(file_producer_format(producer)->name, recording->format);
    do {
        producer->ops->fill(producer, batch);
        assert_string_equal(batch->message, "");
        events += batch->count;
    } while (batch->end == PRODUCER_MORE);
    assert_int_equal(batch->end, PRODUCER_ENDED);
    assert_int_equal(batch->bad, 0);
    assert_int_equal(events, recording->trades + recording->quotes);
    producer->ops->destroy(producer);
    free(batch);
}

#define EQUITY(ticker)                                                                             \
    {                                                                                              \
        .columns = "ts,price,size,-,-,-", .symbol = ticker, .date = "2013-10-07",                  \
        .tz = "America/New_York", .price_scale = "4"                                               \
    }
#define FOREX(day, zone)                                                                           \
    {                                                                                              \
        .columns = "ts,bid,ask", .symbol = "S", .date = day, .tz = zone                            \
    }

static const struct recording recordings[] = {
    {
        .name = "coinbase-exchange-10sym-20210417.part1.cryptofeed-v1.txt.gz",
        .format = "cryptofeed1",
        .lines = 5000,
        .trades = 31,
        .quotes = 41,
        .first_us = INT64_C(1618677817079694),
        .last_us = INT64_C(1618677830686612),
    },
    {
        .name = "kraken-v1-trades-10sym-20210417.cryptofeed-v1.txt",
        .format = "cryptofeed1",
        .lines = 51,
        .trades = 10,
        .quotes = 0,
        .first_us = INT64_C(1618678142592855),
        .last_us = INT64_C(1618678158165955),
    },
    {
        .name = "kraken-v1-ticker-10sym-20210417.cryptofeed-v1.txt",
        .format = "cryptofeed1",
        .lines = 62,
        .trades = 0,
        .quotes = 18,
        .first_us = INT64_C(1618678132949649),
        .last_us = INT64_C(1618678158167805),
    },
    {
        .name = "bitstamp-10sym-20220105.cryptofeed-v1.txt",
        .format = "cryptofeed1",
        .lines = 768,
        .trades = 10,
        .quotes = 0,
        .first_us = INT64_C(1641343699529292),
        .last_us = INT64_C(1641343721224481),
    },
    {
        .name = "binance-spot-4sym-20211012.cryptofeed-v1.txt",
        .format = "cryptofeed1",
        .lines = 266,
        .trades = 2,
        .quotes = 84,
        .first_us = INT64_C(1633998513377805),
        .last_us = INT64_C(1633998540250894),
    },
    {
        .name = "coinbase-advanced-btc-eth-20260809.part1.cryptofeed-v2.jsonl.zst",
        .format = "cryptofeed2",
        .lines = 520,
        .trades = 53, /* besides 200 of history */
        .quotes = 84,
        .first_us = INT64_C(1786309548642821),
        .last_us = INT64_C(1786309560083615),
    },
    {
        .name = "bybit-20260809.cryptofeed-v2.jsonl.zst",
        .format = "cryptofeed2",
        .lines = 3256,
        .trades = 347,
        .quotes = 638,
        .first_us = INT64_C(1786310819526357),
        .last_us = INT64_C(1786310861809881),
        .is_merged = true,
    },
    {
        .name = "us-equity-ibm-20131007-trade.csv.gz",
        .format = "csv",
        .keys = EQUITY("IBM"),
        .lines = 24293,
        .trades = 24293,
        .quotes = 0,
        .first_us = INT64_C(1381132830270000),
        .last_us = INT64_C(1381188367550000),
    },
    {
        .name = "us-equity-aig-20131007-trade.csv.gz",
        .format = "csv",
        .keys = EQUITY("AIG"),
        .lines = 25351,
        .trades = 25351,
        .quotes = 0,
        .first_us = INT64_C(1381132800688000),
        .last_us = INT64_C(1381190397520000),
    },
    {
        .name = "us-equity-bac-20131007-trade.csv.gz",
        .format = "csv",
        .keys = EQUITY("BAC"),
        .lines = 88172,
        .trades = 88172,
        .quotes = 0,
        .first_us = INT64_C(1381132800614000),
        .last_us = INT64_C(1381190393464000),
    },
    {
        .name = "us-equity-ibm-20131007-quote.csv.gz",
        .format = "csv",
        .keys = {.columns = "ts,bid,bid_size,ask,ask_size,-,-,-",
                 .symbol = "IBM",
                 .date = "2013-10-07",
                 .tz = "America/New_York",
                 .price_scale = "4",
                 .one_sided = "1"},
        .lines = 109067,
        .trades = 0,
        .quotes = 109067,
        .first_us = INT64_C(1381132800054000),
        .last_us = INT64_C(1381190400122000),
        .is_merged = true,
    },
    {
        .name = "fx-oanda-eurusd-20140501-quote.csv.gz",
        .format = "csv",
        .keys = FOREX("2014-05-01", "UTC"),
        .lines = 24179,
        .trades = 0,
        .quotes = 24179,
        .first_us = INT64_C(1398902400292000),
        .last_us = INT64_C(1398988771310000),
    },
    {
        .name = "fx-oanda-nzdusd-20140501-quote.csv.gz",
        .format = "csv",
        .keys = FOREX("2014-05-01", "UTC"),
        .lines = 29799,
        .trades = 0,
        .quotes = 29799,
        .first_us = INT64_C(1398902402230000),
        .last_us = INT64_C(1398988799788000),
    },
    {
        .name = "fx-fxcm-eurusd-20140501-quote.csv.gz",
        .format = "csv",
        .keys = FOREX("2014-05-01", "-05:00"),
        .lines = 51053,
        .trades = 0,
        .quotes = 51053,
        .first_us = INT64_C(1398920401787000),
        .last_us = INT64_C(1399006787638000),
    },
    {
        .name = "cfd-oanda-xauusd-20140511-quote.csv.gz",
        .format = "csv",
        .keys = FOREX("2014-05-11", "UTC"),
        .lines = 14987,
        .trades = 0,
        .quotes = 14987,
        .first_us = INT64_C(1399845600976260),
        .last_us = INT64_C(1399852778616429),
    },
    {
        .name = "comex-gc-dec2013-20131007-trade.csv.gz",
        .format = "csv",
        .keys = {.columns = "ts,price,size,-,-,-", .symbol = "GC", .date = "2013-10-07"},
        .lines = 39702,
        .trades = 39702,
        .quotes = 0,
        .first_us = INT64_C(1381104000276000),
        .last_us = INT64_C(1381190392934000),
    },
    {
        .name = "tardis-trades-bitmex-xbtusd.csv",
        .format = "tardis",
        .lines = 11,
        .trades = 10,
        .quotes = 0,
        .first_us = INT64_C(1583020803307160),
        .last_us = INT64_C(1583020803336743),
    },
    {
        .name = "tardis-quotes-huobi-dm-swap-btcusd.csv",
        .format = "tardis",
        .lines = 11,
        .trades = 0,
        .quotes = 10,
        .first_us = INT64_C(1588291201234268),
        .last_us = INT64_C(1588291201927888),
    },
    {
        .name = "histdata-eurusd-20200101-quote.csv.gz",
        .format = "csv",
        .keys = {.columns = "ts,bid,ask,-", .symbol = "EURUSD", .tz = "-05:00"},
        .lines = 9500,
        .trades = 0,
        .quotes = 9500,
        .first_us = INT64_C(1577916000065000),
        .last_us = INT64_C(1577937652125000),
    },
    {
        .name = "kraken-bcheur-trades-q1.csv",
        .format = "csv",
        .keys = {.columns = "ts,price,size", .symbol = "BCH/EUR"},
        .lines = 148,
        .trades = 148,
        .quotes = 0,
        .first_us = INT64_C(1672531436000000),
        .last_us = INT64_C(1672615187000000),
    },
};

static void every_recording_is_read_to_the_last_digit(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof recordings / sizeof *recordings; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder(), recordings[i].name);
        expect_lines(&recordings[i], path);
        expect_guess(&recordings[i], path);
    }
}

static void what_is_no_price_file_is_refused(void **state)
{
    static const char *const others[] = {
        "binance-vision-klines-adabtc-1m-20211127.csv",
        "binance-xrpeth-trades.json.gz",
        "databento-es-trades-20240701.dbn.zst",
        "dukascopy-eurusd-20190204-00h_ticks.bi5",
        "kraken-bcheur-trades-q1.csv", /* its columns are not named */
    };
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char path[4096], error[2048] = "";
        struct producer *producer;
        snprintf(path, sizeof path, "%s/%s", folder(), others[i]);
        const struct file_options options = {.path = path};
        assert_int_equal(file_producer_create(&options, &producer, error, sizeof error), -EILSEQ);
        assert_non_null(strstr(error, "tried: native 0%"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binance_spot_is_read_to_the_last_digit),
        cmocka_unit_test(binance_usd_futures_are_read_to_the_last_digit),
        cmocka_unit_test(binance_coin_futures_are_read_to_the_last_digit),
        cmocka_unit_test(every_recording_is_read_to_the_last_digit),
        cmocka_unit_test(what_is_no_price_file_is_refused),
    };
    if (access(folder(), R_OK) != 0) {
        printf("skipped: no real captures in %s (set PRICECAST_REALDATA)\n", folder());
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
