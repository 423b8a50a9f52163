/* exchange: what the messages of each exchange's WebSocket API mean, and what to ask it for.
 *
 * Shared by recordings of such messages and by live connections. Parsing needs a session: the state
 * of one connection, such as the ticker that deltas are merged into and the last sequence number.
 *
 *     struct exchange_session *session = exchange_open(exchange_find("bybit"));
 *     char *path = exchange_path(exchange, symbols, count);         connect to URL + path
 *     char *asks = exchange_subscribe(exchange, symbols, count);    send each line of it
 *     result = exchange_parse(session, &message, &output);          for each message that comes
 *     exchange_reset(session);                                      after each new connection
 *
 * To add one: write feed/exchange_NAME.c with a `const struct exchange exchange_NAME`, declare it
 * below, add it to the table in exchange.c, and give it tests and a fuzzer.
 *
 * Nothing here is shared between sessions; one thread at a time for each. */
#ifndef PRICECAST_FEED_EXCHANGE_H
#define PRICECAST_FEED_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/format.h"

#define EXCHANGE_SYMBOLS_MAX STREAMS_MAX_DEFAULT /* that a session keeps state of */
enum { EXCHANGE_REFUSAL_MAX = 200 };

/* One message as it came. */
struct exchange_message {
    const char *text; /* JSON, no end mark */
    size_t len;
    int64_t recv_ns; /* or EVENT_NO_TIME */
    size_t offset;   /* what stood before it in its line, added to byte numbers in reasons */
};

/* Since exchange_open(), except what a reset forgets. */
struct exchange_news {
    uint64_t gaps;        /* times that numbers were skipped where the protocol counts … */
    uint64_t missed;      /* … and how many messages, or trades, were lost in these */
    bool wants_reconnect; /* it asked to be left for a new connection; a reset forgets it */
    char refusal[EXCHANGE_REFUSAL_MAX]; /* the last error it sent, "" if none; a reset forgets it */
};

struct exchange_session;
struct exchange_text;

struct exchange {
    const char *name;      /* for exchange= and the like: "coinbase-advanced" */
    const char *source;    /* of its events, unless the options name one: "coinbase" */
    const char *url;       /* where its public market data is, without exchange_path() */
    const char *keepalive; /* a message to send every keepalive_ms while connected, or NULL */
    unsigned keepalive_ms;

    /* For exchange.c; use the functions below. */
    enum format_result (*parse)(struct exchange_session *session,
                                const struct exchange_message *message, struct format_output *out);
    void (*subscribe)(struct exchange_text *out, const char *const *symbols, size_t count);
    void (*path)(struct exchange_text *out, const char *const *symbols, size_t count); /* or NULL */
};

extern const struct exchange exchange_coinbase, exchange_coinbase_advanced, exchange_kraken,
    exchange_kraken2, exchange_bitstamp, exchange_bybit, exchange_binance;

/* ---- the table ---- */

/* Returns the exchange of that name, or NULL. */
const struct exchange *exchange_find(const char *name);

/* The same for people: NULL means none was named. Returns 0, or -EINVAL with one line in `error`.
 */
int exchange_choose(const char *name, const struct exchange **out, char *error, size_t error_size);

/* All names, comma and space between them. */
void exchange_list_names(char *out, size_t size);

/* For --help: NULL from the end on. */
const struct exchange *exchange_at(size_t index);

/* Whose URL that is, or NULL. `len` bytes; a URL may be followed by anything. */
const struct exchange *exchange_of_url(const char *url, size_t len);

/* Whose message that must be, or NULL if it could be several exchanges', or is none's. */
const struct exchange *exchange_of_message(const char *text, size_t len);

/* ---- sessions ---- */

/* Returns NULL without memory. */
struct exchange_session *exchange_open(const struct exchange *exchange);
void exchange_close(struct exchange_session *session);

/* For a new connection: forgets merged state, and does not take the restart of numbers for a gap.
 * The counts in the news stay. */
void exchange_reset(struct exchange_session *session);

const struct exchange *exchange_of(const struct exchange_session *session);

/* Adds the events of one message to out->events; see enum format_result. Acknowledgements,
 * heartbeats, order books and tickers without a new bid or ask are FORMAT_IGNORED; never
 * FORMAT_REFUSED. On FORMAT_BAD the caller drops what was added. */
enum format_result exchange_parse(struct exchange_session *session,
                                  const struct exchange_message *message,
                                  struct format_output *out);

/* What to do with a message while it is not known whose it is: it is ignored, or bad JSON. */
enum format_result exchange_pass(const struct exchange_message *message, struct format_output *out);

/* Valid until the next call with this session. */
const struct exchange_news *exchange_news(const struct exchange_session *session);

/* ---- live connections ---- */

/* What to append to the URL to get the data of these symbols, "" mostly. The caller frees it; NULL
 * without memory. */
char *exchange_path(const struct exchange *exchange, const char *const *symbols, size_t count);

/* The messages that subscribe to trades and quotes of these symbols, each ended by LF, which is not
 * part of it; "" where the path has said it all. Symbols are the exchange's own names, as its
 * events bring them. The caller frees it; NULL without memory. */
char *exchange_subscribe(const struct exchange *exchange, const char *const *symbols, size_t count);

#endif
