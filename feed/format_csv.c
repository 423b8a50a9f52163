/* Any CSV file whose columns are named by columns=, as in
 *
 *   ?format=csv&columns=ts,bid,ask&symbol=EURUSD&source=oanda&date=2014-05-01
 *       milliseconds since midnight: 104,1.38676,1.38689
 *   …&columns=ts,bid,ask&date=2014-05-01&tz=-05:00
 *       the same by a clock five hours behind UTC
 *   ?format=csv&columns=ts,price,size,-,-,-&symbol=IBM&date=2013-10-07&tz=America/New_York&price_scale=4
 *       14430270,1828000,100,P,0,0 is 182.8000 at 04:00:30.270 in New York
 *   …&columns=ts,bid,bid_size,ask,ask_size,-,-,-&price_scale=4&one_sided=1
 *       rows that give one side and zeros for the other
 *   ?format=csv&columns=ts,bid,ask,-&symbol=EURUSD&tz=-05:00
 *       20200101 170000065,1.121200,1.121720,0
 *   ?format=csv&columns=ts,price,size&symbol=BCH/EUR
 *       1672531436,90.540000,1.10448420: the unit is told by the number of digits
 *
 *   columns     ts recv symbol source price size side bid bid_size ask ask_size, - for one to pass
 *               over, each at most once; without it the header must have such names (others are
 * passed over). A row with a price is a trade, one with a bid or ask a quote. symbol      where
 * there is no such column; source: "csv" unless given or in a column date, tz    the day on which
 * numbers count from midnight; the zone of that day and of times that name none (UTC unless given)
 *   ts_unit     s, ms, us or ns; ms with date=, else told by 10, 13, 16 or 19 digits
 *   price_scale price, bid and ask are integers, the last so many digits being behind the point
 *   one_sided   1: a side that is empty or all zero keeps its last known value
 *   delimiter   one character, or comma, semicolon, tab, space, pipe; else the first of , ; tab |
 *               that cuts the first row
 *   header      yes, no, or auto: the first row is one if nothing in it looks like a number
 *   skip        so many lines first. Lines that begin with # are always ignored. */
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "feed/csv_clock.h"
#include "feed/format.h"

enum { SKIP_MAX = 1000000 };

enum column { TS, RECV, SYMBOL, SOURCE, PRICE, SIZE, SIDE, BID, BID_SIZE, ASK, ASK_SIZE, COLUMNS };

static const char *const names[COLUMNS] = {
    "ts", "recv", "symbol", "source", "price", "size", "side", "bid", "bid_size", "ask", "ask_size",
};

/* Of one-sided quotes: the last of a symbol. */
struct known {
    UT_hash_handle hh;
    struct decimal values[EVENT_VALUES];
    char symbol[];
};

struct parser {
    struct csv csv;
    struct format_options options; /* the texts are borrowed */
    struct csv_clock *clock;
    struct known *known;
    size_t cells;        /* that a row must have */
    int places[COLUMNS]; /* of the columns, or -1 */
    bool has_places;
    enum { HEADER_AUTO, HEADER_YES, HEADER_NO } header;
    bool is_one_sided, is_scaled, has_rows;
    unsigned price_scale;
    unsigned long skip;
};

/* ---- options ---- */

static int refuse(char *error, size_t error_size, const char *key, const char *value,
                  const char *allowed)
{
    snprintf(error, error_size, "%s=%.40s; allowed: %s", key, value, allowed);
    return -EINVAL;
}

static bool read_number(const char *text, unsigned long max, unsigned long *out)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    *out = strtoul(text, &end, 10);
    return *end == '\0' && *out <= max;
}

static int find_column(const char *text, size_t len)
{
    for (int i = 0; i < COLUMNS; i++)
        if (strlen(names[i]) == len && memcmp(names[i], text, len) == 0)
            return i;
    return -1;
}

static void clear_places(struct parser *parser)
{
    for (int i = 0; i < COLUMNS; i++)
        parser->places[i] = -1;
}

/* Returns why the columns are not enough for events, or NULL. */
static const char *missing_column(const struct parser *parser)
{
    const int *places = parser->places;
    if (places[TS] < 0 && places[RECV] < 0)
        return "neither ts nor recv";
    if (places[PRICE] < 0 && places[BID] < 0 && places[ASK] < 0)
        return "neither price, bid nor ask";
    if (places[SYMBOL] < 0 && parser->options.symbol == NULL)
        return "no symbol, and there is no symbol=";
    return NULL;
}

static int refuse_column(const char *name, size_t len, size_t place, char *error, size_t error_size)
{
    snprintf(
        error, error_size,
        "columns= has \"%.*s\" in place %zu; allowed: ts recv symbol source price size side bid "
        "bid_size ask ask_size, each once, and - (to pass over)",
        len < 20 ? (int)len : 20, name, place);
    return -EINVAL;
}

static int read_columns(struct parser *parser, char *error, size_t error_size)
{
    const char *at = parser->options.columns;
    clear_places(parser);
    if (at == NULL)
        return 0;
    for (;; at++) {
        const size_t len = strcspn(at, ",");
        const int column = find_column(at, len);
        const bool is_passed = len == 1 && *at == '-';
        if ((column < 0 && !is_passed) || parser->cells == CSV_CELLS_MAX ||
            (column >= 0 && parser->places[column] >= 0))
            return refuse_column(at, len, parser->cells + 1, error, error_size);
        if (column >= 0)
            parser->places[column] = (int)parser->cells;
        parser->cells++;
        at += len;
        if (*at == '\0')
            break;
    }
    const char *missing = missing_column(parser);
    if (missing != NULL) {
        snprintf(error, error_size, "columns=%.60s has %s", parser->options.columns, missing);
        return -EINVAL;
    }
    parser->has_places = true;
    return 0;
}

static int read_delimiter(struct parser *parser, char *error, size_t error_size)
{
    static const struct {
        const char *word;
        char delimiter;
    } words[] = {
        {"comma", ','}, {"semicolon", ';'}, {"tab", '\t'}, {"space", ' '}, {"pipe", '|'},
    };
    const char *text = parser->options.delimiter;
    if (text == NULL)
        return 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].word, text) == 0) {
            parser->csv.delimiter = words[i].delimiter;
            return 0;
        }
    if (strlen(text) != 1 || strchr("\"\r\n-.0123456789", *text) != NULL)
        return refuse(error, error_size, "delimiter", text,
                      "one character, or comma, semicolon, tab, space, pipe");
    parser->csv.delimiter = *text;
    return 0;
}

static int read_header_option(struct parser *parser, char *error, size_t error_size)
{
    static const char *const words[] = {"auto", "yes", "no"};
    const char *text = parser->options.header != NULL ? parser->options.header : words[0];
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], text) == 0) {
            parser->header = i;
            if (i != HEADER_NO || parser->has_places)
                return 0;
            snprintf(error, error_size, "columns= is needed where header=no");
            return -EINVAL;
        }
    return refuse(error, error_size, "header", text, "yes, no, auto");
}

static int read_numbers(struct parser *parser, char *error, size_t error_size)
{
    const struct format_options *options = &parser->options;
    unsigned long number = 0;
    if (options->price_scale != NULL) {
        if (!read_number(options->price_scale, DECIMAL_DIGITS_MAX, &number))
            return refuse(error, error_size, "price_scale", options->price_scale,
                          "whole numbers from 0 to 30");
        parser->is_scaled = true;
        parser->price_scale = (unsigned)number;
    }
    if (options->one_sided != NULL) {
        if (!read_number(options->one_sided, 1, &number))
            return refuse(error, error_size, "one_sided", options->one_sided, "0, 1");
        parser->is_one_sided = number == 1;
    }
    if (options->skip != NULL && !read_number(options->skip, SKIP_MAX, &parser->skip))
        return refuse(error, error_size, "skip", options->skip, "whole numbers up to 1000000");
    return 0;
}

static void destroy(void *ctx)
{
    struct parser *parser = ctx;
    struct known *known, *next;
    HASH_ITER(hh, parser->known, known, next)
    {
        HASH_DEL(parser->known, known);
        free(known);
    }
    csv_clock_close(parser->clock);
    csv_finish(&parser->csv);
    free(parser);
}

static int create(const struct format_options *options, void **out, char *error, size_t error_size)
{
    struct parser *parser = calloc(1, sizeof *parser);
    if (parser == NULL)
        return -ENOMEM;
    parser->options = *options;
    int rc = read_columns(parser, error, error_size);
    if (rc == 0)
        rc = read_delimiter(parser, error, error_size);
    if (rc == 0)
        rc = read_header_option(parser, error, error_size);
    if (rc == 0)
        rc = read_numbers(parser, error, error_size);
    if (rc == 0)
        rc = csv_clock_open(options, &parser->clock, error, error_size);
    if (rc != 0) {
        destroy(parser);
        return rc;
    }
    *out = parser;
    return 0;
}

/* ---- the first row ---- */

static const char delimiters[] = {',', ';', '\t', '|'};

/* The first delimiter that cuts the line, or a comma. */
static char find_delimiter(const char *text, size_t len)
{
    for (size_t i = 0; i < sizeof delimiters; i++)
        if (memchr(text, delimiters[i], len) != NULL)
            return delimiters[i];
    return ',';
}

static bool looks_like_number(const struct csv_cell *cell)
{
    size_t at = 0;
    while (at < cell->len && strchr("+-. ", cell->text[at]) != NULL && cell->text[at] != '\0')
        at++;
    return at < cell->len && cell->text[at] >= '0' && cell->text[at] <= '9';
}

static bool is_header(const struct csv *csv)
{
    for (size_t i = 0; i < csv->count; i++)
        if (looks_like_number(&csv->cells[i]))
            return false;
    return true;
}

/* Takes the columns from the header when columns= did not give them. */
static enum format_result take_header(struct parser *parser, struct format_output *out)
{
    const struct csv *csv = &parser->csv;
    if (parser->has_places)
        return FORMAT_EVENTS;
    clear_places(parser);
    for (size_t i = 0; i < csv->count; i++) {
        const int column = find_column(csv->cells[i].text, csv->cells[i].len);
        if (column >= 0 && parser->places[column] < 0)
            parser->places[column] = (int)i;
    }
    const char *missing = missing_column(parser);
    if (missing != NULL)
        return format_refused(out, "the header has %s; columns= must name the %zu fields", missing,
                              csv->count);
    parser->cells = csv->count;
    parser->has_places = true;
    return FORMAT_EVENTS;
}

/* ---- rows ---- */

static struct csv_cell trimmed(const struct parser *parser, enum column column)
{
    const int place = parser->places[column];
    struct csv_cell cell = place < 0 ? (struct csv_cell){"", 0} : parser->csv.cells[place];
    while (cell.len > 0 && *cell.text == ' ') {
        cell.text++;
        cell.len--;
    }
    while (cell.len > 0 && cell.text[cell.len - 1] == ' ')
        cell.len--;
    return cell;
}

/* An empty cell leaves the value absent. */
static bool take_value(const struct parser *parser, enum column column, struct price_event *event,
                       int which, struct format_output *out)
{
    const struct csv_cell cell = trimmed(parser, column);
    const bool is_price = column == PRICE || column == BID || column == ASK;
    struct decimal value;
    if (cell.len == 0)
        return true;
    const int rc = is_price && parser->is_scaled
                       ? decimal_parse_scaled(cell.text, cell.len, parser->price_scale, &value)
                       : decimal_parse(cell.text, cell.len, &value);
    if (rc == 0)
        event_set_value(event, which, value);
    else if (is_price && parser->is_scaled)
        format_bad(out, "%s is not an integer of at most 19 digits, as price_scale= has it",
                   names[column]);
    else
        format_bad(out, rc == -ERANGE ? "%s has too many digits" : "%s is not a decimal",
                   names[column]);
    return rc == 0;
}

static bool take_time(struct parser *parser, enum column column, int64_t *ns,
                      struct format_output *out)
{
    const struct csv_cell cell = trimmed(parser, column);
    if (cell.len == 0)
        return true;
    const char *problem = csv_clock_read(parser->clock, cell.text, cell.len, ns);
    if (problem != NULL)
        format_bad(out, "%s %s", names[column], problem);
    return problem == NULL;
}

static bool take_side(const struct parser *parser, struct price_event *event,
                      struct format_output *out)
{
    static const char *const buys[] = {"buy", "b", "Buy", "B", "BUY"}, *const sells[] = {
                                                                           "sell", "s", "Sell", "S",
                                                                           "SELL"};
    const struct csv_cell cell = trimmed(parser, SIDE);
    for (size_t i = 0; i < sizeof buys / sizeof *buys; i++) {
        if (csv_is(&cell, buys[i]))
            event->detail = SIDE_BUY;
        if (csv_is(&cell, sells[i]))
            event->detail = SIDE_SELL;
    }
    if (event->detail == SIDE_NONE && cell.len > 0 && !csv_is(&cell, "unknown")) {
        format_bad(out, "side is none of buy, sell, b, s, unknown");
        return false;
    }
    return true;
}

static struct known *known_get(struct parser *parser, struct format_name symbol)
{
    struct known *known;
    HASH_FIND(hh, parser->known, symbol.text, symbol.len, known);
    if (known != NULL || symbol.len > NAME_BYTES_MAX ||
        HASH_COUNT(parser->known) >= STREAMS_MAX_DEFAULT)
        return known;
    known = calloc(1, sizeof *known + symbol.len);
    if (known == NULL)
        return NULL;
    memcpy(known->symbol, symbol.text, symbol.len);
    for (int i = 0; i < EVENT_VALUES; i++)
        known->values[i].form = DECIMAL_ABSENT;
    HASH_ADD(hh, parser->known, symbol[0], symbol.len, known);
    if (known->hh.tbl == NULL) {
        free(known);
        return NULL;
    }
    return known;
}

static bool is_nothing(const struct price_event *event, int which)
{
    return event->form[which] == DECIMAL_ABSENT || event->mantissa[which] == 0;
}

/* Puts in what is known of a side that the row does not give, and keeps one that it does. False if
 * it gives neither. */
static bool complete_sides(struct parser *parser, struct format_name symbol,
                           struct price_event *event, struct format_output *out)
{
    static const struct {
        int price, size;
    } sides[] = {{VALUE_BID, VALUE_BID_SIZE}, {VALUE_ASK, VALUE_ASK_SIZE}};
    struct known *known = known_get(parser, symbol);
    if (known == NULL) {
        format_bad(out, "symbol is too long, or one too many");
        return false;
    }
    int given = 0;
    for (int i = 0; i < 2; i++) {
        const int price = sides[i].price, size = sides[i].size;
        if (is_nothing(event, price) && is_nothing(event, size)) {
            event_set_value(event, price, known->values[price]);
            event_set_value(event, size, known->values[size]);
            continue;
        }
        known->values[price] = event_value(event, price);
        known->values[size] = event_value(event, size);
        given++;
    }
    if (given == 0)
        format_bad(out, "bid and ask are both zero or empty");
    return given > 0;
}

static bool has_cell(const struct parser *parser, enum column column)
{
    return parser->places[column] >= 0 && trimmed(parser, column).len > 0;
}

static enum format_result add_trade(struct parser *parser, struct price_event *event,
                                    struct format_name source, struct format_name symbol,
                                    struct format_output *out)
{
    if (!take_value(parser, PRICE, event, VALUE_PRICE, out) ||
        !take_value(parser, SIZE, event, VALUE_SIZE, out) || !take_side(parser, event, out))
        return FORMAT_BAD;
    return format_add(out, event, source, symbol);
}

static enum format_result add_quote(struct parser *parser, struct price_event *event,
                                    struct format_name source, struct format_name symbol,
                                    struct format_output *out)
{
    if (!take_value(parser, BID, event, VALUE_BID, out) ||
        !take_value(parser, BID_SIZE, event, VALUE_BID_SIZE, out) ||
        !take_value(parser, ASK, event, VALUE_ASK, out) ||
        !take_value(parser, ASK_SIZE, event, VALUE_ASK_SIZE, out))
        return FORMAT_BAD;
    if (parser->is_one_sided && !complete_sides(parser, symbol, event, out))
        return FORMAT_BAD;
    return format_add(out, event, source, symbol);
}

static enum format_result take_row(struct parser *parser, struct format_output *out)
{
    struct format_name source = {"csv", sizeof "csv" - 1};
    struct price_event trade = event_make(EVENT_TRADE), quote = event_make(EVENT_QUOTE);
    struct format_name symbol = {"", 0};
    if (parser->csv.count != parser->cells)
        return format_bad(out, "the row has %zu fields, %s %zu%s", parser->csv.count,
                          parser->options.columns != NULL ? "columns= names" : "the header names",
                          parser->cells,
                          parser->options.columns != NULL && parser->csv.count > parser->cells
                              ? "; - passes one over"
                              : "");
    const bool has_quote = has_cell(parser, BID) || has_cell(parser, ASK);
    const bool has_trade = has_cell(parser, PRICE);
    if (!take_time(parser, TS, &trade.ts_ns, out) || !take_time(parser, RECV, &trade.recv_ns, out))
        return FORMAT_BAD;
    if (event_time_ns(&trade) == EVENT_NO_TIME)
        return format_bad(out, "the row has no time");
    if (!has_trade && !has_quote)
        return format_bad(out, "the row has no price");
    quote.ts_ns = trade.ts_ns;
    quote.recv_ns = trade.recv_ns;
    if (parser->places[SYMBOL] >= 0) {
        const struct csv_cell cell = trimmed(parser, SYMBOL);
        symbol = (struct format_name){cell.text, cell.len};
    }
    if (has_cell(parser, SOURCE)) {
        const struct csv_cell cell = trimmed(parser, SOURCE);
        source = (struct format_name){cell.text, cell.len};
    }
    enum format_result rc = FORMAT_EVENTS;
    if (has_trade)
        rc = add_trade(parser, &trade, source, symbol, out);
    if (has_quote && rc == FORMAT_EVENTS)
        rc = add_quote(parser, &quote, source, symbol, out);
    return rc;
}

static enum format_result parse_line(void *ctx, const char *text, size_t len,
                                     struct format_output *out)
{
    struct parser *parser = ctx;
    if (parser->skip > 0) {
        parser->skip--;
        return FORMAT_IGNORED;
    }
    if (*text == '#')
        return FORMAT_IGNORED;
    if (parser->csv.delimiter == '\0')
        parser->csv.delimiter = find_delimiter(text, len);
    if (csv_split(&parser->csv, text, len) != 0)
        return format_bad_csv(out, &parser->csv);
    const bool is_first = !parser->has_rows;
    parser->has_rows = true;
    if (is_first && (parser->header == HEADER_YES ||
                     (parser->header == HEADER_AUTO && is_header(&parser->csv))))
        return take_header(parser, out);
    if (!parser->has_places)
        return format_refused(out, "columns= must name the %zu fields: there is no header",
                              parser->csv.count);
    return take_row(parser, out);
}

/* ---- guess ---- */

static bool is_row(struct csv *csv, const struct line *line, size_t *count)
{
    if (memchr(line->text, '{', line->len) != NULL || csv_split(csv, line->text, line->len) != 0 ||
        csv->count < 2)
        return false;
    if (*count == 0)
        *count = csv->count;
    bool has_number = false;
    for (size_t i = 0; i < csv->count; i++)
        has_number = has_number || looks_like_number(&csv->cells[i]);
    return csv->count == *count && has_number;
}

/* Never sure, because all it sees is rows of as many fields, with numbers. */
static int guess(const struct line *lines, size_t count, const char **why)
{
    struct csv csv = {.delimiter = find_delimiter(lines[count - 1].text, lines[count - 1].len)};
    size_t cells = 0, rows = 0, first = 0;
    while (first + 1 < count && *lines[first].text == '#')
        first++;
    first += first + 1 < count && csv_split(&csv, lines[first].text, lines[first].len) == 0 &&
             is_header(&csv);
    for (size_t i = first; i < count; i++)
        rows += is_row(&csv, &lines[i], &cells);
    csv_finish(&csv);
    *why = "no rows of as many fields, with numbers";
    return (int)(40 * rows / (count - first));
}

static const char *const keys[] = {"columns",   "symbol",  "source",      "date",
                                   "tz",        "ts_unit", "price_scale", "one_sided",
                                   "delimiter", "header",  "skip",        NULL};

const struct format format_csv = {
    .name = "csv",
    .content = "CSV rows whose fields columns= names (or a header with those names)",
    .takes = "rows with a price, a bid or an ask",
    .keys = keys,
    .guess = guess,
    .create = create,
    .destroy = destroy,
    .parse_line = parse_line,
};
