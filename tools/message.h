/* message: what the server sends, taken apart for the tools (server/PROTOCOL.md describes it).
 *
 * Fields are tokens of the message's own text, so that prices stay what they were and an item can
 * be printed as it came. Pure functions, any thread; errors are -EBADMSG. */
#ifndef PRICECAST_TOOLS_MESSAGE_H
#define PRICECAST_TOOLS_MESSAGE_H

#include "feed/json_scan.h"

#define MESSAGE_BYTES_MAX (1u << 20) /* the protocol's promise: no message is longer */

enum message_type {
    MESSAGE_HELLO,
    MESSAGE_SUBSCRIBED,
    MESSAGE_UNSUBSCRIBED,
    MESSAGE_SNAPSHOT,
    MESSAGE_UPDATE,
    MESSAGE_HEARTBEAT,
    MESSAGE_FEED,
    MESSAGE_RESET,
    MESSAGE_SHUTDOWN,
    MESSAGE_ERROR,
    MESSAGE_DEFINE, /* of a binary frame: see tools/binary.h */
    MESSAGE_OTHER,  /* a type these tools do not know: skip it */
};

enum message_field {
    FIELD_TYPE,
    FIELD_DATA,   /* snapshot, update: the array of items */
    FIELD_SERVER, /* hello */
    FIELD_MODE,
    FIELD_EPOCH, /* hello, reset */
    FIELD_HEARTBEAT_MS,
    FIELD_ID,      /* of the command that is answered */
    FIELD_PENDING, /* subscribed: an array */
    FIELD_REJECTED,
    FIELD_TOTAL,
    FIELD_SOURCE, /* feed */
    FIELD_STATE,
    FIELD_REASON, /* reset */
    FIELD_CODE,   /* error */
    FIELD_MESSAGE,
    FIELD_RECONNECT_IN_MS, /* shutdown */
    MESSAGE_FIELDS,
};

struct message {
    enum message_type type;
    struct json_scan_token fields[MESSAGE_FIELDS]; /* a NULL text where absent */
};

enum item_field {
    ITEM_KIND,
    ITEM_SYMBOL,
    ITEM_SOURCE,
    ITEM_SEQ,
    ITEM_TS,
    ITEM_RECV,
    ITEM_PRICE,
    ITEM_SIZE,
    ITEM_SIDE,
    ITEM_BID,
    ITEM_BID_SIZE,
    ITEM_ASK,
    ITEM_ASK_SIZE,
    ITEM_SKIPPED,
    ITEM_FIELDS,
};

struct item {
    const char *text; /* all of it, byte for byte */
    size_t len;
    struct json_scan_token fields[ITEM_FIELDS];
    int64_t seq;
    int64_t skipped; /* 0 when absent */
    int64_t ts;      /* µs since the epoch; the source's own, else when it was received, else -1 */
};

/* Takes a message apart. Its text is borrowed as long as *out is used. */
int message_parse(const char *text, size_t len, struct message *out);

/* An integer field, or `otherwise`. */
int64_t message_integer(const struct message *message, enum message_field field, int64_t otherwise);

/* Walks the items of a snapshot or update. */
struct items {
    struct json_scan scan;
    const char *begin;
};

int items_begin(struct items *items, const struct message *message);

/* Returns 1 and the next item, 0 at the end, or -EBADMSG, also for an item that lacks kind, symbol,
 * source or seq. */
int items_next(struct items *items, struct item *out);

#endif
