/* The table, sessions, and the steps that adapters have in common.
 *
 * A message is read in two passes: the first checks all of it and picks the outer members, the
 * second goes into the one container that holds prices. Order books, which are most of a recording,
 * end after the first. */
#include "feed/exchange.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/exchange_session.h"
#include "feed/item.h"

static const struct exchange *const exchanges[] = {
    &exchange_coinbase, &exchange_coinbase_advanced, &exchange_kraken,
    &exchange_kraken2,  &exchange_bitstamp,          &exchange_bybit,
    &exchange_binance,
};
enum { EXCHANGES = sizeof exchanges / sizeof exchanges[0] };

const struct exchange *exchange_at(size_t index)
{
    return index < EXCHANGES ? exchanges[index] : NULL;
}

const struct exchange *exchange_find(const char *name)
{
    for (size_t i = 0; i < EXCHANGES; i++)
        if (strcmp(exchanges[i]->name, name) == 0)
            return exchanges[i];
    return NULL;
}

void exchange_list_names(char *out, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < EXCHANGES && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i > 0 ? ", " : "",
                                 exchanges[i]->name);
}

int exchange_choose(const char *name, const struct exchange **out, char *error, size_t error_size)
{
    char names[128];
    const struct exchange *found = name == NULL ? NULL : exchange_find(name);
    if (name != NULL && found == NULL) {
        exchange_list_names(names, sizeof names);
        snprintf(error, error_size, "exchange=%.40s is unknown; allowed: %s", name, names);
        return -EINVAL;
    }
    *out = found;
    return 0;
}

const struct exchange *exchange_of_url(const char *url, size_t len)
{
    /* The first that occurs counts. */
    static const struct {
        const char *part;
        const struct exchange *exchange;
    } urls[] = {
        {"advanced-trade-ws", &exchange_coinbase_advanced},
        {"coinbase.com", &exchange_coinbase},
        {"kraken.com/v2", &exchange_kraken2},
        {"kraken.com", &exchange_kraken},
        {"bitstamp.net", &exchange_bitstamp},
        {"bybit.", &exchange_bybit},
        {"binance.", &exchange_binance},
    };
    const char *stop = memchr(url, ' ', len);
    if (stop != NULL)
        len = (size_t)(stop - url);
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        if (memmem(url, len, urls[i].part, strlen(urls[i].part)) != NULL)
            return urls[i].exchange;
    return NULL;
}

/* ---- whose message ---- */

enum outer {
    TYPE,
    PRODUCT_ID,
    CHANNELS,
    CHANNEL,
    EVENTS,
    TOPIC,
    CONN_ID,
    STREAM,
    E,
    S,
    UPDATE,
    BID,
    EVENT,
    DATA,
    METHOD,
    OUTERS,
};

static const struct json_scan_name outers[OUTERS] = {
    [TYPE] = JSON_SCAN_NAME("type"),
    [PRODUCT_ID] = JSON_SCAN_NAME("product_id"),
    [CHANNELS] = JSON_SCAN_NAME("channels"),
    [CHANNEL] = JSON_SCAN_NAME("channel"),
    [EVENTS] = JSON_SCAN_NAME("events"),
    [TOPIC] = JSON_SCAN_NAME("topic"),
    [CONN_ID] = JSON_SCAN_NAME("conn_id"),
    [STREAM] = JSON_SCAN_NAME("stream"),
    [E] = JSON_SCAN_NAME("e"),
    [S] = JSON_SCAN_NAME("s"),
    [UPDATE] = JSON_SCAN_NAME("u"),
    [BID] = JSON_SCAN_NAME("b"),
    [EVENT] = JSON_SCAN_NAME("event"),
    [DATA] = JSON_SCAN_NAME("data"),
    [METHOD] = JSON_SCAN_NAME("method"),
};

static const struct exchange *of_object(const struct json_scan_token *found)
{
    if (found[STREAM].text != NULL ||
        (found[S].text != NULL && (found[E].text != NULL || found[UPDATE].text != NULL) &&
         found[TOPIC].text == NULL))
        return &exchange_binance;
    if (found[TOPIC].text != NULL || found[CONN_ID].text != NULL)
        return &exchange_bybit;
    if (found[CHANNEL].text != NULL && found[EVENTS].text != NULL)
        return &exchange_coinbase_advanced;
    if (found[TYPE].text != NULL &&
        (found[PRODUCT_ID].text != NULL || found[CHANNELS].text != NULL))
        return &exchange_coinbase;
    if (found[EVENT].text != NULL && found[DATA].text != NULL)
        return &exchange_bitstamp;
    if (found[EVENT].text != NULL)
        return &exchange_kraken;
    if (found[METHOD].text != NULL || found[CHANNEL].text != NULL)
        return &exchange_kraken2;
    return NULL;
}

const struct exchange *exchange_of_message(const char *text, size_t len)
{
    const struct exchange_message message = {.text = text, .len = len};
    struct format_output out = {0};
    struct json_scan_token found[OUTERS], ends[2];
    size_t count = 0;
    switch (exchange_collect(&message, outers, OUTERS, found, &out)) {
    case FORMAT_EVENTS:
        return of_object(found);
    case FORMAT_IGNORED:
        if (exchange_elements(&message, ends, 2, &count, &out) != FORMAT_EVENTS || count < 4)
            return NULL;
        return ends[0].type == SCAN_NUMBER ? &exchange_kraken : NULL;
    default:
        return NULL;
    }
}

/* ---- sessions ---- */

struct exchange_session *exchange_open(const struct exchange *exchange)
{
    struct exchange_session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return NULL;
    session->exchange = exchange;
    session->last_sequence = -1;
    return session;
}

void exchange_close(struct exchange_session *session)
{
    if (session == NULL)
        return;
    exchange_reset(session);
    free(session);
}

void exchange_reset(struct exchange_session *session)
{
    struct exchange_symbol *symbol, *next;
    HASH_ITER(hh, session->symbols, symbol, next)
    {
        HASH_DEL(session->symbols, symbol);
        free(symbol);
    }
    session->last_sequence = -1;
    session->news.wants_reconnect = false;
    session->news.refusal[0] = '\0';
}

const struct exchange *exchange_of(const struct exchange_session *session)
{
    return session->exchange;
}

enum format_result exchange_parse(struct exchange_session *session,
                                  const struct exchange_message *message, struct format_output *out)
{
    return session->exchange->parse(session, message, out);
}

const struct exchange_news *exchange_news(const struct exchange_session *session)
{
    return &session->news;
}

struct exchange_symbol *exchange_symbol_get(struct exchange_session *session,
                                            struct format_name name)
{
    struct exchange_symbol *symbol;
    HASH_FIND(hh, session->symbols, name.text, name.len, symbol);
    if (symbol != NULL || name.len > NAME_BYTES_MAX ||
        HASH_COUNT(session->symbols) >= EXCHANGE_SYMBOLS_MAX)
        return symbol;
    symbol = calloc(1, sizeof *symbol + name.len);
    if (symbol == NULL)
        return NULL;
    memcpy(symbol->name, name.text, name.len);
    symbol->last_trade = -1;
    for (int i = 0; i < EVENT_VALUES; i++)
        symbol->quote[i].form = DECIMAL_ABSENT;
    HASH_ADD(hh, session->symbols, name[0], name.len, symbol);
    if (symbol->hh.tbl == NULL) {
        free(symbol);
        return NULL;
    }
    return symbol;
}

void exchange_count(struct exchange_session *session, int64_t number, int64_t *last)
{
    if (*last >= 0 && number > *last + 1) {
        session->news.gaps++;
        session->news.missed += (uint64_t)(number - *last - 1);
    }
    if (number > *last)
        *last = number;
}

void exchange_refused(struct exchange_session *session, const struct json_scan_token *text,
                      const char *otherwise)
{
    char *const to = session->news.refusal;
    size_t len = 0;
    if (text->text != NULL && text->type == SCAN_STRING && text->len < EXCHANGE_REFUSAL_MAX)
        for (; len < text->len; len++)
            to[len] = text->text[len]; /* with its escapes: it is for a log */
    to[len] = '\0';
    if (len == 0)
        snprintf(to, EXCHANGE_REFUSAL_MAX, "%s", otherwise);
}

/* ---- reading ---- */

enum format_result exchange_bad_json(struct format_output *out,
                                     const struct exchange_message *message,
                                     const struct json_scan *scan)
{
    return format_bad_json(out, scan, message->text - message->offset);
}

/* Stands on the outermost value afterwards, ready to be entered if it is of that type. */
static enum format_result begin(const struct exchange_message *message, struct json_scan *scan,
                                enum json_scan_type type, struct format_output *out)
{
    struct json_scan_token top;
    json_scan_init(scan, message->text, message->len);
    if (json_scan_top(scan, &top) != 0)
        return exchange_bad_json(out, message, scan);
    if (top.type != SCAN_OBJECT && top.type != SCAN_ARRAY)
        return format_bad(out, "neither a JSON object nor an array");
    if (top.type != type)
        return json_scan_finish(scan) == 0 ? FORMAT_IGNORED : exchange_bad_json(out, message, scan);
    return FORMAT_EVENTS;
}

enum format_result exchange_collect(const struct exchange_message *message,
                                    const struct json_scan_name *names, size_t count,
                                    struct json_scan_token *found, struct format_output *out)
{
    struct json_scan scan;
    const enum format_result rc = begin(message, &scan, SCAN_OBJECT, out);
    if (rc != FORMAT_EVENTS)
        return rc;
    if (json_scan_enter(&scan) != 0 || json_scan_collect(&scan, names, count, found) != 0 ||
        json_scan_finish(&scan) != 0)
        return exchange_bad_json(out, message, &scan);
    return FORMAT_EVENTS;
}

enum format_result exchange_pass(const struct exchange_message *message, struct format_output *out)
{
    struct json_scan_token none;
    const enum format_result rc = exchange_collect(message, outers, 0, &none, out);
    return rc == FORMAT_BAD ? rc : FORMAT_IGNORED;
}

static int read_elements(struct json_scan *scan, struct json_scan_token *found, size_t max,
                         size_t *count)
{
    struct json_scan_token key, value;
    int rc;
    *count = 0;
    while ((rc = json_scan_next(scan, &key, &value)) > 0)
        if ((*count)++ < max)
            found[*count - 1] = value;
    return rc;
}

enum format_result exchange_elements(const struct exchange_message *message,
                                     struct json_scan_token *found, size_t max, size_t *count,
                                     struct format_output *out)
{
    struct json_scan scan;
    const enum format_result rc = begin(message, &scan, SCAN_ARRAY, out);
    if (rc != FORMAT_EVENTS)
        return rc;
    if (json_scan_enter(&scan) != 0 || read_elements(&scan, found, max, count) != 0 ||
        json_scan_finish(&scan) != 0)
        return exchange_bad_json(out, message, &scan);
    return FORMAT_EVENTS;
}

void exchange_enter(const struct exchange_message *message, const struct json_scan_token *token,
                    struct json_scan *scan)
{
    struct json_scan_token top;
    json_scan_init(scan, token->text, (size_t)(message->text + message->len - token->text));
    if (json_scan_top(scan, &top) != 0 || json_scan_enter(scan) != 0)
        assert(!"a container that was read before");
}

size_t exchange_list(const struct exchange_message *message, const struct json_scan_token *token,
                     struct json_scan_token *found, size_t max)
{
    struct json_scan scan;
    size_t count;
    if (token->text == NULL || token->type != SCAN_ARRAY)
        return 0;
    exchange_enter(message, token, &scan);
    read_elements(&scan, found, max, &count);
    return count < max ? count : max;
}

bool exchange_is_given(const struct json_scan_token *token)
{
    return token->text != NULL && token->type != SCAN_NULL &&
           (token->type != SCAN_STRING || token->len > 0);
}

bool exchange_take_given(struct format_output *out, const char *field,
                         const struct json_scan_token *token, struct price_event *event, int which)
{
    return !exchange_is_given(token) || format_take_value(out, field, token, event, which);
}

enum format_result exchange_add(struct exchange_session *session, struct format_output *out,
                                const struct price_event *event, const char *field,
                                const struct json_scan_token *symbol)
{
    const struct format_name source = {session->exchange->source,
                                       strlen(session->exchange->source)};
    char room[NAME_BYTES_MAX];
    struct format_name name;
    if (!format_take_name(out, field, symbol, room, &name))
        return FORMAT_BAD;
    return format_add(out, event, source, name);
}

/* ---- writing ---- */

static void put(struct exchange_text *out, const char *text, size_t len)
{
    if (out->has_failed)
        return;
    if (out->room - out->len <= len) {
        const size_t room = (out->len + len + 1) * 2;
        char *grown = realloc(out->text, room);
        if (grown == NULL) {
            free(out->text);
            *out = (struct exchange_text){.has_failed = true};
            return;
        }
        out->text = grown;
        out->room = room;
    }
    memcpy(out->text + out->len, text, len);
    out->len += len;
    out->text[out->len] = '\0';
}

void exchange_put(struct exchange_text *out, const char *text)
{
    put(out, text, strlen(text));
}

static void put_string(struct exchange_text *out, const char *format, va_list values)
{
    char plain[512], escaped[6 * sizeof plain + 2];
    vsnprintf(plain, sizeof plain, format, values);
    put(out, escaped, json_quote(plain, strlen(plain), escaped));
}

void exchange_put_string(struct exchange_text *out, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    put_string(out, format, values);
    va_end(values);
}

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
void exchange_put_symbols(struct exchange_text *out, const char *format, const char *const *symbols,
                          size_t count)
{
    exchange_put(out, "[");
    for (size_t i = 0; i < count; i++) {
        exchange_put(out, i > 0 ? "," : "");
        exchange_put_string(out, format, symbols[i]);
    }
    exchange_put(out, "]");
}

char *exchange_subscribe(const struct exchange *exchange, const char *const *symbols, size_t count)
{
    struct exchange_text out = {0};
    exchange_put(&out, "");
    exchange->subscribe(&out, symbols, count);
    return out.text;
}

char *exchange_path(const struct exchange *exchange, const char *const *symbols, size_t count)
{
    struct exchange_text out = {0};
    exchange_put(&out, "");
    if (exchange->path != NULL)
        exchange->path(&out, symbols, count);
    return out.text;
}
