/* Our own recordings: a header line {"pricecast":1,…}, then one item (see item.h) a line.
 *
 * Several recordings may stand one after the other in a file, so a header is welcome anywhere; none
 * is needed, so that a piece cut out of a recording can be replayed. Members we do not know are
 * passed over: a later program may add some without raising the version. */
#include <errno.h>
#include <string.h>

#include "feed/format.h"
#include "feed/native_fast.h"

enum { VERSION_MAX = 1 };

/* In the order of item.c, which makes each search below hit at once. */
enum field {
    KIND,
    SYMBOL,
    SOURCE,
    SEQ, /* the bus numbers anew */
    TS,
    RECV,
    PRICE,
    SIZE,
    SIDE,
    BID,
    BID_SIZE,
    ASK,
    ASK_SIZE,
    TYPE,
    PRICECAST,
    FIELDS,
};

static const struct json_scan_name fields[FIELDS] = {
    [KIND] = JSON_SCAN_NAME("kind"),
    [SYMBOL] = JSON_SCAN_NAME("symbol"),
    [SOURCE] = JSON_SCAN_NAME("source"),
    [SEQ] = JSON_SCAN_NAME("seq"),
    [TS] = JSON_SCAN_NAME("ts"),
    [RECV] = JSON_SCAN_NAME("recv"),
    [PRICE] = JSON_SCAN_NAME("price"),
    [SIZE] = JSON_SCAN_NAME("size"),
    [SIDE] = JSON_SCAN_NAME("side"),
    [BID] = JSON_SCAN_NAME("bid"),
    [BID_SIZE] = JSON_SCAN_NAME("bid_size"),
    [ASK] = JSON_SCAN_NAME("ask"),
    [ASK_SIZE] = JSON_SCAN_NAME("ask_size"),
    [TYPE] = JSON_SCAN_NAME("type"),
    [PRICECAST] = JSON_SCAN_NAME("pricecast"),
};

/* Returns FORMAT_EVENTS when all of the line was read. */
static enum format_result read_object(const char *text, size_t len, struct json_scan_token *found,
                                      struct format_output *out)
{
    struct json_scan scan;
    struct json_scan_token top;
    json_scan_init(&scan, text, len);
    if (json_scan_top(&scan, &top) != 0)
        return format_bad_json(out, &scan, text);
    if (top.type != SCAN_OBJECT)
        return format_bad(out, "not a JSON object");
    if (json_scan_enter(&scan) != 0 || json_scan_collect(&scan, fields, FIELDS, found) != 0 ||
        json_scan_finish(&scan) != 0)
        return format_bad_json(out, &scan, text);
    return FORMAT_EVENTS;
}

static enum format_result read_header(const struct json_scan_token *version,
                                      struct format_output *out)
{
    int64_t number = 0;
    const int rc = json_scan_integer(version, &number);
    if (version->type != SCAN_NUMBER || (rc == 0 && number < 1))
        return format_bad(out, "\"pricecast\" is not the version of a recording");
    if (rc != 0 || number > VERSION_MAX)
        return format_refused(out, "a recording of version %.*s; this program reads version %d",
                              version->len < 20 ? (int)version->len : 20, version->text,
                              VERSION_MAX);
    return FORMAT_EVENTS;
}

static bool is_given(const struct json_scan_token *token)
{
    return token->text != NULL && token->type != SCAN_NULL;
}

static bool take_value(struct format_output *out, const struct json_scan_token *found,
                       enum field field, struct price_event *event, int which)
{
    struct decimal value;
    if (!is_given(&found[field]))
        return true;
    if (!format_take_decimal(out, fields[field].text, &found[field], &value))
        return false;
    event_set_value(event, which, value);
    return true;
}

static bool take_time(struct format_output *out, const struct json_scan_token *found,
                      enum field field, int64_t *ns)
{
    return !is_given(&found[field]) ||
           format_take_time(out, fields[field].text, &found[field], EVENT_NS_PER_US, ns);
}

static enum format_result add(struct format_output *out, const struct json_scan_token *found,
                              struct price_event *event)
{
    char source_room[NAME_BYTES_MAX], symbol_room[NAME_BYTES_MAX];
    struct format_name source, symbol;
    if (!take_time(out, found, TS, &event->ts_ns) || !take_time(out, found, RECV, &event->recv_ns))
        return FORMAT_BAD;
    if (!format_take_name(out, "source", &found[SOURCE], source_room, &source) ||
        !format_take_name(out, "symbol", &found[SYMBOL], symbol_room, &symbol))
        return FORMAT_BAD;
    return format_add(out, event, source, symbol);
}

static enum format_result add_trade(struct format_output *out, const struct json_scan_token *found)
{
    struct price_event event = event_make(EVENT_TRADE);
    if (!take_value(out, found, PRICE, &event, VALUE_PRICE) ||
        !take_value(out, found, SIZE, &event, VALUE_SIZE))
        return FORMAT_BAD;
    if (decimal_is_absent(event_value(&event, VALUE_PRICE)))
        return format_bad(out, "price is missing");
    if (json_scan_is(&found[SIDE], "buy"))
        event.detail = SIDE_BUY;
    else if (json_scan_is(&found[SIDE], "sell"))
        event.detail = SIDE_SELL;
    else if (is_given(&found[SIDE]))
        return format_bad(out, "side is neither \"buy\" nor \"sell\"");
    return add(out, found, &event);
}

static enum format_result add_quote(struct format_output *out, const struct json_scan_token *found)
{
    struct price_event event = event_make(EVENT_QUOTE);
    if (!take_value(out, found, BID, &event, VALUE_BID) ||
        !take_value(out, found, BID_SIZE, &event, VALUE_BID_SIZE) ||
        !take_value(out, found, ASK, &event, VALUE_ASK) ||
        !take_value(out, found, ASK_SIZE, &event, VALUE_ASK_SIZE))
        return FORMAT_BAD;
    if (decimal_is_absent(event_value(&event, VALUE_BID)) &&
        decimal_is_absent(event_value(&event, VALUE_ASK)))
        return format_bad(out, "bid and ask are missing");
    return add(out, found, &event);
}

static enum format_result parse_any(const char *text, size_t len, struct format_output *out)
{
    struct json_scan_token found[FIELDS];
    const enum format_result rc = read_object(text, len, found, out);
    if (rc != FORMAT_EVENTS)
        return rc;
    if (json_scan_is(&found[KIND], "trade"))
        return add_trade(out, found);
    if (json_scan_is(&found[KIND], "quote"))
        return add_quote(out, found);
    if (found[PRICECAST].text != NULL)
        return read_header(&found[PRICECAST], out);
    if (found[TYPE].text != NULL)
        return FORMAT_IGNORED; /* how a recorder notes the state of a feed, or a reset */
    return format_bad(out, found[KIND].text == NULL ? "kind is missing" : "kind is unknown");
}

/* `parser`, a native_fast, may be NULL: who has few lines saves its memory. */
static enum format_result parse_line(void *parser, const char *text, size_t len,
                                     struct format_output *out)
{
    struct price_event event;
    if (parser != NULL && native_fast_read(parser, text, len, &event))
        return format_put(out, &event);
    const size_t before = out->count;
    const enum format_result rc = parse_any(text, len, out);
    if (parser != NULL && out->count > before)
        native_fast_learn(parser, streams_get(out->streams, out->events[before].stream), text, len);
    return rc;
}

static int create(const struct format_options *options, void **out, char *error, size_t error_size)
{
    (void)options, (void)error, (void)error_size;
    *out = native_fast_create();
    return *out != NULL ? 0 : -ENOMEM;
}

static void destroy(void *parser)
{
    native_fast_destroy(parser);
}

/* Any version is recognised here: parse_line() then tells the user which ones can be read. */
static int guess(const struct line *lines, size_t count, const char **why)
{
    struct json_scan_token found[FIELDS];
    struct format_output out = {0};
    size_t items = 0;
    for (size_t i = 0; i < count; i++) {
        if (read_object(lines[i].text, lines[i].len, found, &out) != FORMAT_EVENTS)
            continue;
        if (found[PRICECAST].text != NULL)
            return 100;
        items +=
            found[KIND].text != NULL && found[SYMBOL].text != NULL && found[SOURCE].text != NULL;
    }
    *why = "no header {\"pricecast\":1} and no items";
    return (int)(80 * items / count);
}

static const char *const keys[] = {"symbol", "source", NULL};

const struct format format_native = {
    .name = "native",
    .content = "pricecast's own recordings: a header {\"pricecast\":1}, then one JSON item a line",
    .takes = "items of kind trade or quote",
    .keys = keys,
    .guess = guess,
    .create = create,
    .destroy = destroy,
    .parse_line = parse_line,
};
