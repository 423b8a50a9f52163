/* Binance' public data (data.binance.vision): files of trades and aggTrades.
 *
 *   spot trades       id,price,qty,quoteQty,TIME,isBuyerMaker,isBestMatch
 *   spot aggTrades    id,price,qty,firstId,lastId,TIME,isBuyerMaker,isBestMatch
 *   futures trades    id,price,qty,quote_qty,TIME,is_buyer_maker
 *   futures aggTrades id,price,qty,first_id,last_id,TIME,is_buyer_maker
 *
 * Spot files have no header, those of futures have one or not. All of them have price and size in
 * the same place and the time just before the first boolean, which is how a row is read: its
 * number of fields says too little. Times are milliseconds, or microseconds as in spot files since
 * 2025. The files name their symbol nowhere, so symbol= must. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/format.h"
#include "feed/stamp.h"

/* Up to here milliseconds (until the year 5138), above microseconds (since 1973). */
#define MILLISECONDS_MAX INT64_C(99999999999999)

enum { ID, PRICE, SIZE, MAKER_FIRST = 5, MAKER_LAST = 6, CELLS_MIN = 6, CELLS_MAX = 8 };

struct parser {
    struct csv csv;
};

static int create(const struct format_options *options, void **out, char *error, size_t error_size)
{
    if (options->symbol == NULL) {
        snprintf(error, error_size, "symbol= is needed: such a file does not name its symbol");
        return -EINVAL;
    }
    struct parser *parser = calloc(1, sizeof *parser);
    if (parser == NULL)
        return -ENOMEM;
    parser->csv.delimiter = ',';
    *out = parser;
    return 0;
}

static void destroy(void *ctx)
{
    struct parser *parser = ctx;
    csv_finish(&parser->csv);
    free(parser);
}

static bool is_true(const struct csv_cell *cell)
{
    return csv_is(cell, "true") || csv_is(cell, "True");
}

static bool is_boolean(const struct csv_cell *cell)
{
    return is_true(cell) || csv_is(cell, "false") || csv_is(cell, "False");
}

static bool is_integer(const struct csv_cell *cell)
{
    size_t at = 0;
    while (at < cell->len && cell->text[at] >= '0' && cell->text[at] <= '9')
        at++;
    return at == cell->len && at > 0;
}

/* The place of isBuyerMaker, or 0 for a row of another kind. */
static size_t maker_place(const struct csv *csv)
{
    for (size_t at = MAKER_FIRST; at <= MAKER_LAST && at < csv->count; at++)
        if (is_boolean(&csv->cells[at]))
            return csv->count <= CELLS_MAX && is_integer(&csv->cells[ID]) &&
                           is_integer(&csv->cells[at - 1])
                       ? at
                       : 0;
    return 0;
}

static bool has_part(const struct csv_cell *cell, const char *part)
{
    return memmem(cell->text, cell->len, part, strlen(part)) != NULL;
}

/* "id,price,qty,…" or "agg_trade_id,price,quantity,…". */
static bool is_header(const struct csv *csv)
{
    return csv->count >= CELLS_MIN && csv->count <= CELLS_MAX && has_part(&csv->cells[ID], "id") &&
           csv_is(&csv->cells[PRICE], "price") && has_part(&csv->cells[SIZE], "q");
}

static enum format_result take_row(const struct csv *csv, size_t maker, struct format_output *out)
{
    static const struct format_name source = {"binance", sizeof "binance" - 1};
    struct price_event event = event_make(EVENT_TRADE);
    const struct json_scan_token price = format_cell(&csv->cells[PRICE]),
                                 size = format_cell(&csv->cells[SIZE]);
    const struct csv_cell *time = &csv->cells[maker - 1];
    int64_t count;
    if (!format_take_value(out, "price", &price, &event, VALUE_PRICE) ||
        !format_take_value(out, "quantity", &size, &event, VALUE_SIZE))
        return FORMAT_BAD;
    if (stamp_read_count(time->text, time->len, 1, &count) != 0 ||
        __builtin_mul_overflow(count, count <= MILLISECONDS_MAX ? 1000000 : 1000, &event.ts_ns))
        return format_bad(out, "the time is out of range");
    event.detail = is_true(&csv->cells[maker]) ? SIDE_SELL : SIDE_BUY;
    return format_add(out, &event, source, (struct format_name){"", 0}); /* symbol= has it */
}

static enum format_result parse_line(void *ctx, const char *text, size_t len,
                                     struct format_output *out)
{
    struct csv *csv = &((struct parser *)ctx)->csv;
    if (csv_split(csv, text, len) != 0)
        return format_bad_csv(out, csv);
    const size_t maker = maker_place(csv);
    if (maker > 0)
        return take_row(csv, maker, out);
    if (is_header(csv))
        return FORMAT_EVENTS;
    return format_bad(out,
                      "%zu fields that are no row of trades (6 or 7 fields) or aggTrades (7 or 8)",
                      csv->count);
}

static int guess(const struct line *lines, size_t count, const char **why)
{
    struct csv csv = {.delimiter = ','};
    size_t rows = 0, headers = 0;
    for (size_t i = 0; i < count; i++) {
        if (csv_split(&csv, lines[i].text, lines[i].len) != 0)
            continue;
        rows += maker_place(&csv) > 0;
        headers += i == 0 && is_header(&csv);
    }
    csv_finish(&csv);
    *why = "no rows id,price,quantity,…";
    return (int)(90 * (rows + headers) / count);
}

static const char *const keys[] = {"symbol", "source", NULL};

const struct format format_binance_csv = {
    .name = "binance-csv",
    .content = "Binance' public data files of trades or aggTrades, with a header or without",
    .takes = "rows of trades and aggTrades files",
    .keys = keys,
    .guess = guess,
    .create = create,
    .destroy = destroy,
    .parse_line = parse_line,
};
