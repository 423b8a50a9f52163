/* cryptofeed's first raw format: text, one connection a file.
 *
 *   wss://ws.kraken.com <-> 1618678132.377        connected
 *   wss://ws.kraken.com <- 1618678132.845: JSON   sent
 *   1618678132.845558: JSON                       received
 *
 * Times are seconds that Python printed, with as many digits as it liked. Whose messages they are
 * tells exchange=, else the URL, else the first message that leaves no doubt. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "feed/exchange.h"
#include "feed/stamp.h"

struct parser {
    const struct exchange *given; /* by exchange=, or NULL */
    struct exchange_session *session;
    bool is_foreign; /* the last URL was no exchange's that we know */
};

enum kind { RECEIVED, CONNECTED, SENT, OTHER };

/* Of a received line: its time, and how many bytes stand before the JSON. */
static enum kind line_kind(const char *text, size_t len, int64_t *ns, size_t *prefix)
{
    const char *colon = memchr(text, ':', len < 40 ? len : 40);
    if (colon != NULL && (size_t)(colon - text) + 2 <= len && colon[1] == ' ' &&
        stamp_read_count(text, (size_t)(colon - text), 1000000000, ns) == 0) {
        *prefix = (size_t)(colon - text) + 2;
        return RECEIVED;
    }
    if (memmem(text, len, "://", 3) == NULL)
        return OTHER;
    if (memmem(text, len, " <-> ", 5) != NULL)
        return CONNECTED;
    return memmem(text, len, " <- ", 4) != NULL || memmem(text, len, " -> ", 4) != NULL ? SENT
                                                                                        : OTHER;
}

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
    exchange_close(parser->session);
    free(parser);
}

/* Makes the session one of that exchange, as new. False without memory. */
static bool begin_session(struct parser *parser, const struct exchange *exchange)
{
    if (parser->session != NULL && exchange_of(parser->session) == exchange) {
        exchange_reset(parser->session);
        return true;
    }
    exchange_close(parser->session);
    parser->session = exchange_open(exchange);
    return parser->session != NULL;
}

static enum format_result take_connect(struct parser *parser, const char *text, size_t len,
                                       struct format_output *out)
{
    char names[128];
    const struct exchange *exchange =
        parser->given != NULL ? parser->given : exchange_of_url(text, len);
    parser->is_foreign = exchange == NULL;
    if (exchange == NULL) {
        exchange_list_names(names, sizeof names);
        return format_bad(out, "not the URL of a known exchange (exchange= names one: %s)", names);
    }
    return begin_session(parser, exchange) ? FORMAT_IGNORED : format_bad(out, "out of memory");
}

static enum format_result take_message(struct parser *parser,
                                       const struct exchange_message *message,
                                       struct format_output *out)
{
    if (parser->is_foreign)
        return format_bad(out, "a message of an exchange that is not known");
    if (parser->session == NULL) {
        const struct exchange *exchange = parser->given;
        if (exchange == NULL)
            exchange = exchange_of_message(message->text, message->len);
        if (exchange == NULL)
            return exchange_pass(message, out);
        if (!begin_session(parser, exchange))
            return format_bad(out, "out of memory");
    }
    return exchange_parse(parser->session, message, out);
}

static enum format_result parse_line(void *ctx, const char *text, size_t len,
                                     struct format_output *out)
{
    struct exchange_message message;
    switch (line_kind(text, len, &message.recv_ns, &message.offset)) {
    case RECEIVED:
        message.text = text + message.offset;
        message.len = len - message.offset;
        return take_message(ctx, &message, out);
    case CONNECTED:
        return take_connect(ctx, text, len, out);
    case SENT:
        return FORMAT_IGNORED;
    default:
        return format_bad(out, "neither \"SECONDS: JSON\" nor \"URL <-> SECONDS\"");
    }
}

static int guess(const struct line *lines, size_t count, const char **why)
{
    size_t ours = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t ns;
        size_t prefix;
        const enum kind kind = line_kind(lines[i].text, lines[i].len, &ns, &prefix);
        ours += kind == CONNECTED || kind == SENT ||
                (kind == RECEIVED && prefix < lines[i].len &&
                 (lines[i].text[prefix] == '{' || lines[i].text[prefix] == '['));
    }
    *why = "no \"SECONDS: JSON\"";
    return (int)(95 * ours / count);
}

static const char *const keys[] = {"symbol", "source", "exchange", NULL};

const struct format format_cryptofeed1 = {
    .name = "cryptofeed1",
    .content = "cryptofeed's raw text: exchange messages, each after its receive time and a colon",
    .takes = "trade and ticker messages of Coinbase, Kraken, Bitstamp, Bybit and Binance",
    .keys = keys,
    .guess = guess,
    .create = create,
    .destroy = destroy,
    .parse_line = parse_line,
};
