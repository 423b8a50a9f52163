/* cryptofeed's second raw format: JSON lines, several connections a file.
 *
 *   {"t":"header","format":2,"exchange":"BYBIT",…}
 *   {"t":"connect","conn":"BYBIT.ws.2","ts":1786310818.22,"addr":"wss://…"}
 *   {"t":"recv","conn":"BYBIT.ws.2","ts":1786310819.52,"data":"{\"topic\":…}"}
 *
 * Connections may stand one after the other, so that time jumps back; each has a session of its
 * own. Whose messages they are tells exchange=, else the address, else the first message that
 * leaves no doubt. The header's exchange alone does not: Coinbase has two APIs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "feed/exchange_session.h"
#include "feed/stamp.h"

enum { VERSION = 2, CONNECTIONS_MAX = 1024 };

struct connection {
    struct exchange_session *session; /* NULL until it is known whose */
    UT_hash_handle hh;
    char name[];
};

struct parser {
    const struct exchange *given; /* by exchange=, or NULL */
    struct connection *connections;
    char *text; /* the message without its escapes */
    size_t room;
};

enum field { T, CONN, TS, DATA, ADDR, FORMAT, EXCHANGE, FIELDS };

static const struct json_scan_name fields[FIELDS] = {
    [T] = JSON_SCAN_NAME("t"),
    [CONN] = JSON_SCAN_NAME("conn"),
    [TS] = JSON_SCAN_NAME("ts"),
    [DATA] = JSON_SCAN_NAME("data"),
    [ADDR] = JSON_SCAN_NAME("addr"),
    [FORMAT] = JSON_SCAN_NAME("format"),
    [EXCHANGE] = JSON_SCAN_NAME("exchange"),
};

static int create(const struct format_options *options, void **out, char *error, size_t error_size)
{
    const struct exchange *given;
    const int rc = exchange_choose(options->exchange, &given, error, error_size);
    if (rc != 0)
        return rc;
    struct parser *parser = calloc(1, sizeof *parser);
    if (parser == NULL)
        return -ENOMEM;
    parser->given = given;
    *out = parser;
    return 0;
}

static void destroy(void *ctx)
{
    struct parser *parser = ctx;
    struct connection *connection, *next;
    HASH_ITER(hh, parser->connections, connection, next)
    {
        HASH_DEL(parser->connections, connection);
        exchange_close(connection->session);
        free(connection);
    }
    free(parser->text);
    free(parser);
}

/* Finds or adds a connection. Returns NULL without memory, or for one too many. */
static struct connection *connection_get(struct parser *parser, const struct json_scan_token *name)
{
    const char *text = name->text != NULL && name->type == SCAN_STRING ? name->text : "";
    const size_t len = *text != '\0' ? name->len : 0;
    struct connection *connection;
    HASH_FIND(hh, parser->connections, text, len, connection);
    if (connection != NULL || HASH_COUNT(parser->connections) >= CONNECTIONS_MAX)
        return connection;
    connection = calloc(1, sizeof *connection + len);
    if (connection == NULL)
        return NULL;
    memcpy(connection->name, text, len);
    HASH_ADD(hh, parser->connections, name[0], len, connection);
    if (connection->hh.tbl == NULL) {
        free(connection);
        return NULL;
    }
    return connection;
}

/* Makes the session one of that exchange, or none, as new. False without memory. */
static bool begin_session(struct connection *connection, const struct exchange *exchange)
{
    exchange_close(connection->session);
    connection->session = exchange == NULL ? NULL : exchange_open(exchange);
    return exchange == NULL || connection->session != NULL;
}

/* An exchange that we know none of the APIs of: better said at once than after a million lines. */
static enum format_result take_header(const struct parser *parser,
                                      const struct json_scan_token *found,
                                      struct format_output *out)
{
    const struct json_scan_token *name = &found[EXCHANGE];
    char names[128];
    int64_t version = 0;
    if (json_scan_integer(&found[FORMAT], &version) != 0 || version != VERSION)
        return format_refused(out, "a cryptofeed recording of another format than %d", VERSION);
    if (parser->given != NULL || name->text == NULL || name->type != SCAN_STRING)
        return FORMAT_IGNORED;
    for (size_t i = 0; exchange_at(i) != NULL; i++) {
        const size_t len = strlen(exchange_at(i)->source);
        if (name->len >= len && strncasecmp(name->text, exchange_at(i)->source, len) == 0)
            return FORMAT_IGNORED;
    }
    exchange_list_names(names, sizeof names);
    return format_refused(out, "exchange %.*s is not known (exchange= names one: %s)",
                          name->len < 20 ? (int)name->len : 20, name->text, names);
}

static enum format_result take_connect(struct parser *parser, const struct json_scan_token *found,
                                       struct format_output *out)
{
    const struct json_scan_token *addr = &found[ADDR];
    const struct exchange *exchange = parser->given;
    struct connection *connection = connection_get(parser, &found[CONN]);
    if (exchange == NULL && addr->text != NULL && addr->type == SCAN_STRING)
        exchange = exchange_of_url(addr->text, addr->len);
    if (connection == NULL || !begin_session(connection, exchange))
        return format_bad(out, "too many connections");
    return FORMAT_IGNORED;
}

/* Returns the message's length, or -1. */
static long unescape_data(struct parser *parser, const struct json_scan_token *data)
{
    if (parser->room < data->len) {
        char *text = realloc(parser->text, data->len);
        if (text == NULL)
            return -1;
        parser->text = text;
        parser->room = data->len;
    }
    return json_scan_unescape(data, parser->text, parser->room);
}

static enum format_result take_message(struct parser *parser, const struct json_scan_token *found,
                                       struct format_output *out)
{
    struct exchange_message message = {.text = found[DATA].text};
    struct connection *connection = connection_get(parser, &found[CONN]);
    if (!format_take_count(out, "ts", &found[TS], 1000000000, &message.recv_ns))
        return FORMAT_BAD;
    if (connection == NULL)
        return format_bad(out, "too many connections");
    if (found[DATA].text == NULL || found[DATA].type != SCAN_STRING)
        return format_bad(out, "data is missing or not a string");
    const long len = found[DATA].len == 0 ? 0 : unescape_data(parser, &found[DATA]);
    if (len < 0)
        return format_bad(out, "data holds half of a surrogate pair");
    message.text = parser->text != NULL ? parser->text : "";
    message.len = (size_t)len;
    if (connection->session == NULL) {
        const struct exchange *exchange = parser->given;
        if (exchange == NULL)
            exchange = exchange_of_message(message.text, message.len);
        if (exchange == NULL)
            return exchange_pass(&message, out);
        if (!begin_session(connection, exchange))
            return format_bad(out, "out of memory");
    }
    return exchange_parse(connection->session, &message, out);
}

static enum format_result parse_line(void *ctx, const char *text, size_t len,
                                     struct format_output *out)
{
    const struct exchange_message line = {.text = text, .len = len};
    struct json_scan_token found[FIELDS];
    enum format_result rc = exchange_collect(&line, fields, FIELDS, found, out);
    if (rc == FORMAT_IGNORED)
        rc = format_bad(out, "not a JSON object");
    if (rc != FORMAT_EVENTS)
        return rc;
    if (json_scan_is(&found[T], "recv"))
        return take_message(ctx, found, out);
    if (json_scan_is(&found[T], "connect"))
        return take_connect(ctx, found, out);
    if (json_scan_is(&found[T], "header"))
        return take_header(ctx, found, out);
    return found[T].text != NULL ? FORMAT_IGNORED : format_bad(out, "t is missing");
}

static int guess(const struct line *lines, size_t count, const char **why)
{
    struct json_scan_token found[FIELDS];
    struct format_output out = {0};
    size_t ours = 0;
    for (size_t i = 0; i < count; i++) {
        const struct exchange_message line = {.text = lines[i].text, .len = lines[i].len};
        if (exchange_collect(&line, fields, FIELDS, found, &out) != FORMAT_EVENTS ||
            found[T].text == NULL)
            continue;
        if (json_scan_is(&found[T], "header") && found[FORMAT].text != NULL)
            return 99;
        ours += found[CONN].text != NULL && found[TS].text != NULL;
    }
    *why = "no JSON with t, conn and ts";
    return (int)(95 * ours / count);
}

static const char *const keys[] = {"symbol", "source", "exchange", NULL};

const struct format format_cryptofeed2 = {
    .name = "cryptofeed2",
    .content = "cryptofeed's raw JSON lines: a header, then records with t, conn, ts and data",
    .takes = "trade and ticker messages of Coinbase, Kraken, Bitstamp, Bybit and Binance",
    .keys = keys,
    .guess = guess,
    .create = create,
    .destroy = destroy,
    .parse_line = parse_line,
};
