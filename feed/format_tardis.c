/* Tardis' downloadable CSV files: trades, quotes, book_ticker.
 *
 *   exchange,symbol,timestamp,local_timestamp,id,side,price,amount
 *   exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount
 *
 * Columns are found by their names, which is what tells the kinds apart; other columns may stand
 * between them. Times are microseconds. An empty cell is a value that was not given. A header may
 * come again, so that files of several days can be joined. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "feed/format.h"
#include "feed/stamp.h"

enum column {
    EXCHANGE,
    SYMBOL,
    TIMESTAMP,
    LOCAL_TIMESTAMP,
    ID,
    SIDE,
    PRICE,
    AMOUNT,
    ASK_AMOUNT,
    ASK_PRICE,
    BID_PRICE,
    BID_AMOUNT,
    IS_SNAPSHOT, /* what would be trades otherwise are changes of a book */
    COLUMNS,
};

static const char *const names[COLUMNS] = {
    "exchange", "symbol",     "timestamp", "local_timestamp", "id",         "side",        "price",
    "amount",   "ask_amount", "ask_price", "bid_price",       "bid_amount", "is_snapshot",
};

#define NEEDED "exchange, symbol, timestamp, local_timestamp"

enum kind { UNKNOWN, TRADES, QUOTES };

struct parser {
    struct csv csv;
    enum kind kind;
    size_t cells;        /* in each row, as in the header */
    int places[COLUMNS]; /* of the columns, or -1 */
};

static int create(const struct format_options *options, void **out, char *error, size_t error_size)
{
    (void)options, (void)error, (void)error_size;
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

static bool has_needed(const int *places)
{
    for (int i = EXCHANGE; i <= LOCAL_TIMESTAMP; i++)
        if (places[i] < 0)
            return false;
    return true;
}

/* Finds the columns in the row that was just cut. */
static enum kind read_header(const struct csv *csv, int *places)
{
    for (int i = 0; i < COLUMNS; i++)
        places[i] = -1;
    for (size_t k = 0; k < csv->count; k++)
        for (int i = 0; i < COLUMNS; i++)
            if (csv_is(&csv->cells[k], names[i]))
                places[i] = (int)k;
    if (!has_needed(places))
        return UNKNOWN;
    if (places[ASK_PRICE] >= 0 && places[BID_PRICE] >= 0)
        return QUOTES;
    return places[PRICE] >= 0 && places[AMOUNT] >= 0 && places[SIDE] >= 0 && places[ID] >= 0 &&
                   places[IS_SNAPSHOT] < 0
               ? TRADES
               : UNKNOWN;
}

static enum format_result take_header(struct parser *parser, struct format_output *out)
{
    parser->kind = read_header(&parser->csv, parser->places);
    parser->cells = parser->csv.count;
    return parser->kind != UNKNOWN
               ? FORMAT_EVENTS
               : format_refused(out, "a Tardis file of a kind without trades or best quotes");
}

/* Does the row that was just cut name columns? Where a time should be, a letter tells. */
static bool is_header(const struct parser *parser)
{
    int places[COLUMNS];
    const size_t at = (size_t)parser->places[LOCAL_TIMESTAMP];
    if (parser->kind != UNKNOWN && at < parser->csv.count &&
        (parser->csv.cells[at].len == 0 || *parser->csv.cells[at].text <= '9'))
        return false;
    read_header(&parser->csv, places);
    return has_needed(places);
}

static struct json_scan_token cell(const struct parser *parser, enum column column)
{
    const int place = parser->places[column];
    return place < 0 ? (struct json_scan_token){.text = NULL}
                     : format_cell(&parser->csv.cells[place]);
}

static bool take_value(const struct parser *parser, enum column column, bool is_needed,
                       struct price_event *event, int which, struct format_output *out)
{
    const struct json_scan_token token = cell(parser, column);
    return (token.text == NULL && !is_needed) ||
           format_take_value(out, names[column], &token, event, which);
}

static bool take_time(const struct parser *parser, enum column column, int64_t *ns,
                      struct format_output *out)
{
    const struct json_scan_token token = cell(parser, column);
    return token.text == NULL || format_take_count(out, names[column], &token, EVENT_NS_PER_US, ns);
}

static bool take_trade(const struct parser *parser, struct price_event *event,
                       struct format_output *out)
{
    const struct csv_cell *side = &parser->csv.cells[parser->places[SIDE]];
    if (!take_value(parser, PRICE, true, event, VALUE_PRICE, out) ||
        !take_value(parser, AMOUNT, false, event, VALUE_SIZE, out))
        return false;
    if (csv_is(side, "buy"))
        event->detail = SIDE_BUY;
    else if (csv_is(side, "sell"))
        event->detail = SIDE_SELL;
    else if (!csv_is(side, "unknown") && side->len > 0) {
        format_bad(out, "side is neither buy, sell nor unknown");
        return false;
    }
    return true;
}

static bool take_quote(const struct parser *parser, struct price_event *event,
                       struct format_output *out)
{
    if (!take_value(parser, BID_PRICE, false, event, VALUE_BID, out) ||
        !take_value(parser, BID_AMOUNT, false, event, VALUE_BID_SIZE, out) ||
        !take_value(parser, ASK_PRICE, false, event, VALUE_ASK, out) ||
        !take_value(parser, ASK_AMOUNT, false, event, VALUE_ASK_SIZE, out))
        return false;
    if (decimal_is_absent(event_value(event, VALUE_BID)) &&
        decimal_is_absent(event_value(event, VALUE_ASK))) {
        format_bad(out, "bid_price and ask_price are both empty");
        return false;
    }
    return true;
}

static enum format_result take_row(struct parser *parser, struct format_output *out)
{
    const struct csv_cell *cells = parser->csv.cells;
    const int *places = parser->places;
    struct price_event event = event_make(parser->kind == TRADES ? EVENT_TRADE : EVENT_QUOTE);
    if (parser->csv.count != parser->cells)
        return format_bad(out, "the row has %zu fields, the header names %zu", parser->csv.count,
                          parser->cells);
    if (!take_time(parser, TIMESTAMP, &event.ts_ns, out) ||
        !take_time(parser, LOCAL_TIMESTAMP, &event.recv_ns, out))
        return FORMAT_BAD;
    if (event_time_ns(&event) == EVENT_NO_TIME)
        return format_bad(out, "timestamp and local_timestamp are both empty");
    if (!(parser->kind == TRADES ? take_trade(parser, &event, out)
                                 : take_quote(parser, &event, out)))
        return FORMAT_BAD;
    return format_add(
        out, &event,
        (struct format_name){cells[places[EXCHANGE]].text, cells[places[EXCHANGE]].len},
        (struct format_name){cells[places[SYMBOL]].text, cells[places[SYMBOL]].len});
}

static enum format_result parse_line(void *ctx, const char *text, size_t len,
                                     struct format_output *out)
{
    struct parser *parser = ctx;
    if (csv_split(&parser->csv, text, len) != 0)
        return format_bad_csv(out, &parser->csv);
    if (is_header(parser))
        return take_header(parser, out);
    if (parser->kind == UNKNOWN)
        return format_bad(out, "no header with " NEEDED);
    return take_row(parser, out);
}

/* Kinds without prices are recognised too: parse_line() then tells what is wrong. */
static int guess(const struct line *lines, size_t count, const char **why)
{
    struct csv csv = {.delimiter = ','};
    int places[COLUMNS];
    bool is_ours = false;
    (void)count;
    *why = "no header with " NEEDED;
    if (csv_split(&csv, lines[0].text, lines[0].len) == 0) {
        read_header(&csv, places);
        is_ours = has_needed(places);
    }
    csv_finish(&csv);
    return is_ours ? 98 : 0;
}

static const char *const keys[] = {"symbol", "source", NULL};

const struct format format_tardis = {
    .name = "tardis",
    .content = "Tardis' CSV files of trades, quotes or book_ticker, with their header",
    .takes = "rows of trades, quotes and book_ticker files",
    .keys = keys,
    .guess = guess,
    .create = create,
    .destroy = destroy,
    .parse_line = parse_line,
};
