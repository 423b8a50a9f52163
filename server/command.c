#include "server/command.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/streams.h"

static const struct {
    const char *name;
    enum command_op op;
    bool takes_symbols;
} ops[] = {
    {"subscribe", OP_SUBSCRIBE, true},
    {"unsubscribe", OP_UNSUBSCRIBE, true},
    {"list", OP_LIST, false},
    {"ping", OP_PING, false},
};

static bool refuse(struct command_error *error, const char *code, const char *message)
{
    error->code = code;
    snprintf(error->message, sizeof error->message, "%s", message);
    return false;
}

/* jansson's own limit is 2048 and fixed; brackets in strings do not count. */
static bool is_too_deep(const char *text, size_t len)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        if (in_string) {
            if (text[i] == '\\')
                i++;
            else if (text[i] == '"')
                in_string = false;
        } else if (text[i] == '"') {
            in_string = true;
        } else if (text[i] == '[' || text[i] == '{') {
            if (++depth > COMMAND_DEPTH_MAX)
                return true;
        } else if (text[i] == ']' || text[i] == '}') {
            depth--;
        }
    }
    return false;
}

static bool id_read(const json_t *root, char *out, size_t out_size, struct command_error *error)
{
    const json_t *id = json_object_get(root, "id");
    out[0] = '\0';
    if (id == NULL || json_is_null(id))
        return true;
    if (json_is_integer(id)) {
        snprintf(out, out_size, "%" JSON_INTEGER_FORMAT, json_integer_value(id));
        return true;
    }
    if (!json_is_string(id) || json_string_length(id) > COMMAND_ID_BYTES)
        return refuse(error, "bad_request", "id: an integer or a string of up to 64 bytes");
    struct text text = {0};
    text_put_json(&text, json_string_value(id), json_string_length(id));
    const bool fits = !text.failed && text.len < out_size;
    if (fits) {
        memcpy(out, text.bytes, text.len);
        out[text.len] = '\0';
    }
    text_finish(&text);
    return fits || refuse(error, "bad_request", "id: too many characters to escape");
}

/* ---- symbols ---- */

static bool symbols_reserve(struct command *command, size_t count)
{
    command->symbols = calloc(count + 1, sizeof *command->symbols);
    command->rejected = calloc(count + 1, sizeof *command->rejected);
    return command->symbols != NULL && command->rejected != NULL;
}

static void symbol_add(struct command *command, const char *symbol, size_t len)
{
    if (name_is_valid(symbol, len))
        command->symbols[command->symbols_count++] = symbol;
    else
        command->rejected[command->rejected_count++] =
            (struct rejection){.symbol = symbol, .len = len, .code = "bad_request"};
}

static bool symbols_read(struct command *command, struct command_error *error)
{
    const json_t *symbols = json_object_get(command->root, "symbols");
    const size_t count = json_array_size(symbols);
    if (!json_is_array(symbols) || count == 0)
        return refuse(error, "bad_request", "symbols: an array of one or more strings");
    if (count > COMMAND_SYMBOLS_MAX)
        return refuse(error, "limit_exceeded", "symbols: at most 10000 in one message");
    if (!symbols_reserve(command, count))
        return refuse(error, "internal", "out of memory");
    for (size_t i = 0; i < count; i++) {
        const json_t *symbol = json_array_get(symbols, i);
        if (!json_is_string(symbol))
            return refuse(error, "bad_request", "symbols: every one must be a string");
        symbol_add(command, json_string_value(symbol), json_string_length(symbol));
    }
    return true;
}

/* ---- options of a subscription ---- */

static unsigned kind_bit(const char *name)
{
    if (name != NULL && strcmp(name, "trade") == 0)
        return 1u << EVENT_TRADE;
    return name != NULL && strcmp(name, "quote") == 0 ? 1u << EVENT_QUOTE : 0;
}

static bool kinds_read(struct command *command, struct command_error *error)
{
    const json_t *kinds = json_object_get(command->root, "kinds");
    if (kinds == NULL)
        return true;
    command->kinds = 0;
    for (size_t i = 0; i < json_array_size(kinds); i++) {
        const unsigned bit = kind_bit(json_string_value(json_array_get(kinds, i)));
        if (bit == 0)
            return refuse(error, "bad_request", "kinds: only \"trade\" and \"quote\" exist");
        command->kinds |= bit;
    }
    return command->kinds != 0 ||
           refuse(error, "bad_request", "kinds: an array of \"trade\" and \"quote\"");
}

static bool mode_set(struct command *command, const char *mode, struct command_error *error)
{
    if (mode != NULL && strcmp(mode, "latest") == 0)
        command->delivery.mode = DELIVER_LATEST;
    else if (mode != NULL && strcmp(mode, "every") == 0)
        command->delivery.mode = DELIVER_EVERY;
    else
        return refuse(error, "bad_request", "mode: \"latest\" or \"every\"");
    return true;
}

/* Waiting for the tick of one's own rate must not count as waiting too long. */
static bool age_agrees(const struct command *command, struct command_error *error)
{
    const struct delivery *delivery = &command->delivery;
    return delivery->age_max_ms == 0 || delivery->age_max_ms >= delivery->period_ms ||
           refuse(error, "bad_request",
                  "max_age_ms: not below the time between frames of max_rate");
}

/* Frames a second to whole milliseconds between frames, rounded up: never more than asked for. */
static bool rate_set(struct command *command, double rate, struct command_error *error)
{
    if (!(rate >= 0.001 && rate <= COMMAND_RATE_MAX))
        return refuse(error, "bad_request", "max_rate: frames a second, 0.001 to 1000");
    command->delivery.period_ms = (uint32_t)ceil(1000 / rate);
    return age_agrees(command, error);
}

static bool age_set(struct command *command, int64_t ms, struct command_error *error)
{
    if (ms < 1 || ms > COMMAND_AGE_MAX_MS)
        return refuse(error, "bad_request", "max_age_ms: whole milliseconds, 1 to 3600000");
    command->delivery.age_max_ms = (uint32_t)ms;
    return age_agrees(command, error);
}

static bool resume_stream_read(const json_t *entry, struct resume_stream *out)
{
    const json_t *source = json_array_get(entry, 0), *symbol = json_array_get(entry, 1);
    const json_t *seq = json_array_get(entry, 3);
    const unsigned bit = kind_bit(json_string_value(json_array_get(entry, 2)));
    if (json_array_size(entry) < 4 || !json_is_string(source) || !json_is_string(symbol) ||
        bit == 0 || !json_is_integer(seq) || json_integer_value(seq) < 0)
        return false;
    *out = (struct resume_stream){
        .source = json_string_value(source),
        .symbol = json_string_value(symbol),
        .kind = bit == 1u << EVENT_TRADE ? EVENT_TRADE : EVENT_QUOTE,
        .seq = (uint64_t)json_integer_value(seq),
    };
    return true;
}

static bool resume_read(struct command *command, struct command_error *error)
{
    const json_t *resume = json_object_get(command->root, "resume");
    const json_t *epoch = json_object_get(resume, "epoch");
    const json_t *streams = json_object_get(resume, "streams");
    const size_t count = json_array_size(streams);
    if (resume == NULL || json_is_null(resume))
        return true;
    if (!json_is_string(epoch) || !json_is_array(streams))
        return refuse(error, "bad_request",
                      "resume: an object with epoch, a string, and streams, an array");
    if (count > COMMAND_RESUME_MAX)
        return refuse(error, "limit_exceeded", "resume: at most 10000 streams in one message");
    command->resume = calloc(count + 1, sizeof *command->resume);
    if (command->resume == NULL)
        return refuse(error, "internal", "out of memory");
    for (size_t i = 0; i < count; i++)
        if (!resume_stream_read(json_array_get(streams, i), &command->resume[i]))
            return refuse(error, "bad_request",
                          "resume: every stream is [source, symbol, \"trade\" or \"quote\", seq]");
    command->resume_epoch = json_string_value(epoch);
    command->resume_count = count;
    return true;
}

static bool refuse_flag(struct command_error *error, const char *name)
{
    error->code = "bad_request";
    snprintf(error->message, sizeof error->message, "%s: true or false", name);
    return false;
}

static bool flag_read(const json_t *root, const char *name, bool *out, struct command_error *error)
{
    const json_t *flag = json_object_get(root, name);
    if (flag == NULL)
        return true;
    *out = json_is_true(flag);
    return json_is_boolean(flag) || refuse_flag(error, name);
}

static bool options_read(struct command *command, struct command_error *error)
{
    const json_t *mode = json_object_get(command->root, "mode");
    const json_t *rate = json_object_get(command->root, "max_rate");
    const json_t *age = json_object_get(command->root, "max_age_ms");
    if (!kinds_read(command, error))
        return false;
    if (mode != NULL && !mode_set(command, json_string_value(mode), error))
        return false;
    if (rate != NULL &&
        !rate_set(command, json_is_number(rate) ? json_number_value(rate) : -1, error))
        return false;
    if (age != NULL && !age_set(command, json_integer_value(age), error))
        return false;
    command->snapshot = true;
    return flag_read(command->root, "snapshot", &command->snapshot, error) &&
           flag_read(command->root, "ohlc", &command->delivery.ohlc, error) &&
           flag_read(command->root, "clocks", &command->delivery.clocks, error) &&
           resume_read(command, error);
}

/* ---- whole messages ---- */

static bool op_read(struct command *command, struct command_error *error)
{
    const char *name = json_string_value(json_object_get(command->root, "op"));
    if (name == NULL)
        return refuse(error, "bad_request", "op: a string is missing");
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        if (strcmp(ops[i].name, name) != 0)
            continue;
        command->op = ops[i].op;
        return (!ops[i].takes_symbols || symbols_read(command, error)) &&
               (ops[i].op != OP_SUBSCRIBE || options_read(command, error));
    }
    return refuse(error, "unknown_op", "op: subscribe, unsubscribe, list or ping");
}

static bool root_read(const char *text, size_t len, struct command *command,
                      struct command_error *error)
{
    if (is_too_deep(text, len))
        return refuse(error, "bad_json", "nested more than 16 deep");
    json_error_t where;
    command->root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
    if (command->root == NULL) {
        error->code = "bad_json";
        snprintf(error->message, sizeof error->message, "at byte %d: %.150s", where.position,
                 where.text);
        /* jansson quotes what it has read, and that may end within a character. */
        for (char *at = error->message; *at != '\0'; at++)
            if ((unsigned char)*at >= 0x80)
                *at = '?';
        return false;
    }
    return json_is_object(command->root) ||
           refuse(error, "bad_request", "a message is a JSON object");
}

bool command_parse(const char *text, size_t len, struct command *out, struct command_error *error)
{
    struct command command = {.kinds = KIND_BITS_ALL};
    *error = (struct command_error){0};
    if (root_read(text, len, &command, error) &&
        id_read(command.root, command.id, sizeof command.id, error) && op_read(&command, error)) {
        *out = command;
        return true;
    }
    memcpy(error->id, command.id, sizeof error->id);
    command_finish(&command);
    return false;
}

void command_finish(struct command *command)
{
    json_decref(command->root);
    free(command->symbols);
    free(command->rejected);
    free(command->resume);
    *command = (struct command){0};
}

/* ---- queries ---- */

void command_query_begin(struct command *out)
{
    *out = (struct command){.op = OP_SUBSCRIBE, .kinds = KIND_BITS_ALL, .snapshot = true};
}

/* "A,B,*" as an array that the command owns, so that symbols may point into it. */
static bool query_symbols(struct command *command, const char *value, struct command_error *error)
{
    json_t *symbols = json_array();
    bool ok = symbols != NULL;
    for (const char *at = value; ok; at++) {
        const size_t len = strcspn(at, ",");
        if (len > 0) /* refuses what is not UTF-8 */
            ok = json_array_append_new(symbols, json_stringn(at, len)) == 0;
        at += len;
        if (*at == '\0')
            break;
    }
    json_decref(command->root);
    free(command->symbols);
    free(command->rejected);
    command->symbols_count = command->rejected_count = 0;
    command->symbols = NULL;
    command->rejected = NULL;
    command->root = json_pack("{s:o}", "symbols", symbols);
    if (!ok)
        return refuse(error, "bad_request", "symbols: not UTF-8");
    return symbols_read(command, error);
}

static bool query_kinds(struct command *command, const char *value, struct command_error *error)
{
    command->kinds = 0;
    for (const char *at = value;; at++) {
        char name[8] = "";
        const size_t len = strcspn(at, ",");
        if (len < sizeof name)
            memcpy(name, at, len);
        const unsigned bit = kind_bit(name);
        if (bit == 0)
            return refuse(error, "bad_request", "kinds: trade, quote or trade,quote");
        command->kinds |= bit;
        at += len;
        if (*at == '\0')
            return true;
    }
}

bool command_query(struct command *command, const char *name, const char *value,
                   struct command_error *error)
{
    *error = (struct command_error){0};
    if (strcmp(name, "symbols") == 0)
        return query_symbols(command, value, error);
    if (strcmp(name, "kinds") == 0)
        return query_kinds(command, value, error);
    if (strcmp(name, "mode") == 0)
        return mode_set(command, value, error);
    if (strcmp(name, "max_rate") == 0) {
        char *end;
        const double rate = strtod(value, &end);
        return rate_set(command, *value != '\0' && *end == '\0' ? rate : -1, error);
    }
    if (strcmp(name, "max_age_ms") == 0) {
        char *end;
        const long long ms = strtoll(value, &end, 10);
        return age_set(command, *value != '\0' && *end == '\0' ? ms : -1, error);
    }
    bool *flag = strcmp(name, "snapshot") == 0 ? &command->snapshot
                 : strcmp(name, "ohlc") == 0   ? &command->delivery.ohlc
                 : strcmp(name, "clocks") == 0 ? &command->delivery.clocks
                                               : NULL;
    if (flag != NULL) {
        *flag = strcmp(value, "true") == 0;
        return *flag || strcmp(value, "false") == 0 || refuse_flag(error, name);
    }
    return true; /* unknown parameters are ignored, as unknown fields are */
}

void command_put_error(struct text *text, const char *id, const char *code, const char *message)
{
    text_puts(text, "{\"type\":\"error\",");
    if (id[0] != '\0')
        text_printf(text, "\"id\":%s,", id);
    text_printf(text, "\"code\":\"%s\",\"message\":", code);
    text_put_json(text, message, strlen(message));
    text_puts(text, "}");
}
