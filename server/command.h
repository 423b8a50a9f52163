/* command: what a client may say over WebSocket: JSON text to a struct, or an error to answer.
 * The rules are in PROTOCOL.md. Pure functions, any thread. */
#ifndef PRICECAST_SERVER_COMMAND_H
#define PRICECAST_SERVER_COMMAND_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "server/plan.h"
#include "server/text.h"

#define COMMAND_DEPTH_MAX   16      /* brackets within brackets */
#define COMMAND_SYMBOLS_MAX 10000   /* in one message */
#define COMMAND_ID_BYTES    64      /* of an id that is a string */
#define COMMAND_AGE_MAX_MS  3600000 /* max_age_ms */
#define COMMAND_RESUME_MAX  10000   /* streams to resume in one message */
#define COMMAND_RATE_MAX    1000.0  /* max_rate; libuv's timers count milliseconds */

enum command_op { OP_SUBSCRIBE, OP_UNSUBSCRIBE, OP_LIST, OP_PING };

/* A symbol that was refused; the rest of the message counts. */
struct rejection {
    const char *symbol; /* as sent; its length may be anything */
    size_t len;
    const char *code;
};

/* A stream of which a client has everything up to `seq`; the names point into the message. */
struct resume_stream {
    const char *source, *symbol;
    enum event_kind kind;
    uint64_t seq;
};

struct command {
    enum command_op op;
    json_t *root;         /* owned; the symbols point into it */
    const char **symbols; /* owned array of valid ones, in their order */
    size_t symbols_count;
    struct rejection *rejected; /* owned array */
    size_t rejected_count;
    unsigned kinds; /* bits 1 << enum event_kind */
    struct delivery delivery;
    bool snapshot;
    const char *resume_epoch;     /* of the message; NULL: nothing is to be resumed */
    struct resume_stream *resume; /* owned array */
    size_t resume_count;
    char id[2 * COMMAND_ID_BYTES + 8]; /* JSON text to echo, or "" */
};

struct command_error {
    const char *code; /* one of the protocol's */
    char message[200];
    char id[2 * COMMAND_ID_BYTES + 8];
};

/* Reads one message. Returns true and fills *out (then call command_finish()), or false and fills
 * *error. */
bool command_parse(const char *text, size_t len, struct command *out, struct command_error *error);

/* The same from a query: `name` and `value` of one parameter after another are given to
 * command_query(); command_query_begin() starts with the defaults of a subscription. */
void command_query_begin(struct command *out);
bool command_query(struct command *command, const char *name, const char *value,
                   struct command_error *error);

void command_finish(struct command *command);

/* Appends `{"type":"error",…}`. `id` is JSON text or "". */
void command_put_error(struct text *text, const char *id, const char *code, const char *message);

#endif
