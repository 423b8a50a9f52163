#include "feed/relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/item.h"

enum { EPOCH_BYTES_MAX = 64, WAIT_MAX_MS = 60000, SHOWN_BYTES_MAX = 120 };

struct relay {
    char epoch[EPOCH_BYTES_MAX]; /* "" before the first hello */
    uint64_t *last_seq;          /* by the live source's stream number; 0: none in this epoch */
    uint32_t size;
    uint64_t wait_ms;
    bool has_told_error;
    bool is_settling; /* the bus was reset for a seek: a snapshot tells how things stand there */
};

enum field { TYPE, DATA, SOURCE, STATE, EPOCH, MODE, REASON, CODE, MESSAGE, RECONNECT, FIELDS };

static const struct json_scan_name fields[FIELDS] = {
    [TYPE] = JSON_SCAN_NAME("type"),       [DATA] = JSON_SCAN_NAME("data"),
    [SOURCE] = JSON_SCAN_NAME("source"),   [STATE] = JSON_SCAN_NAME("state"),
    [EPOCH] = JSON_SCAN_NAME("epoch"),     [MODE] = JSON_SCAN_NAME("mode"),
    [REASON] = JSON_SCAN_NAME("reason"),   [CODE] = JSON_SCAN_NAME("code"),
    [MESSAGE] = JSON_SCAN_NAME("message"), [RECONNECT] = JSON_SCAN_NAME("reconnect_in_ms"),
};

struct relay *relay_create(void)
{
    return calloc(1, sizeof(struct relay));
}

void relay_destroy(struct relay *relay)
{
    if (relay == NULL)
        return;
    free(relay->last_seq);
    free(relay);
}

void relay_reset(struct relay *relay)
{
    relay->wait_ms = 0;
    relay->has_told_error = false;
}

uint64_t relay_wait_ms(const struct relay *relay)
{
    return relay->wait_ms;
}

char *relay_subscribe(const char *const *symbols, size_t count)
{
    static const char head[] = "{\"op\":\"subscribe\",\"id\":1,\"mode\":\"every\",\"symbols\":[";
    size_t size = sizeof head + 8;
    for (size_t i = 0; i < count; i++)
        size += 6 * strlen(symbols[i]) + 3;
    char *text = malloc(size);
    if (text == NULL)
        return NULL;
    size_t at = sizeof head - 1;
    memcpy(text, head, at);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            text[at++] = ',';
        at += json_quote(symbols[i], strlen(symbols[i]), text + at);
    }
    strcpy(text + at, "]}\n");
    return text;
}

/* ---- epochs and numbers ---- */

/* Returns whether it is another than before; the first one is not. */
static bool epoch_take(struct relay *relay, const struct json_scan_token *epoch)
{
    const size_t len = epoch->len < EPOCH_BYTES_MAX - 1 ? epoch->len : EPOCH_BYTES_MAX - 1;
    const bool is_first = relay->epoch[0] == '\0';
    if (epoch->text == NULL || epoch->type != SCAN_STRING)
        return false;
    if (strlen(relay->epoch) == len && memcmp(relay->epoch, epoch->text, len) == 0)
        return false;
    memcpy(relay->epoch, epoch->text, len);
    relay->epoch[len] = '\0';
    if (relay->last_seq != NULL)
        memset(relay->last_seq, 0, relay->size * sizeof *relay->last_seq);
    return !is_first;
}

/* What waits belongs to the epoch that ends. */
static void restart(struct relay *relay, struct live *live, enum reset_reason reason)
{
    live_flush(live);
    bus_reset(live->bus, reason);
    relay->is_settling = reason == RESET_SEEK;
}

static void settle(struct relay *relay, struct live *live)
{
    if (!relay->is_settling)
        return;
    relay->is_settling = false;
    live_flush(live);
    bus_settle(live->bus);
}

void relay_leave(struct relay *relay, struct live *live)
{
    settle(relay, live);
}

static uint64_t *last_seq(struct relay *relay, uint32_t stream)
{
    if (stream >= relay->size) {
        const uint32_t size = stream * 2 + 64;
        uint64_t *grown = realloc(relay->last_seq, size * sizeof *grown);
        if (grown == NULL)
            return NULL;
        memset(grown + relay->size, 0, (size - relay->size) * sizeof *grown);
        relay->last_seq = grown;
        relay->size = size;
    }
    return &relay->last_seq[stream];
}

/* Is this event news? Counts what was missed before it; `seq` 0 is not given. What the other has
 * skipped for us counts as missed, too. */
static bool is_news(struct relay *relay, struct live *live, uint32_t stream, uint64_t seq)
{
    uint64_t *last = seq == 0 ? NULL : last_seq(relay, stream);
    if (last == NULL)
        return true;
    if (seq <= *last)
        return false;
    if (*last != 0)
        live->counts.gaps += seq - *last - 1;
    *last = seq;
    return true;
}

/* ---- messages ---- */

static uint64_t item_seq(const char *text, size_t len)
{
    static const struct json_scan_name name = JSON_SCAN_NAME("seq");
    struct json_scan scan;
    struct json_scan_token top, found;
    int64_t seq = 0;
    json_scan_init(&scan, text, len);
    if (json_scan_top(&scan, &top) != 0 || json_scan_enter(&scan) != 0 ||
        json_scan_collect(&scan, &name, 1, &found) != 0 || json_scan_integer(&found, &seq) != 0)
        return 0;
    return seq < 0 ? 0 : (uint64_t)seq;
}

static void item_take(struct relay *relay, struct live *live, struct live_link *link,
                      const char *text, size_t len)
{
    struct format_output *out = live_output(live);
    const enum format_result result = format_native.parse_line(NULL, text, len, out);
    if (result == FORMAT_EVENTS && out->count == 1 &&
        !is_news(relay, live, out->events[0].stream, item_seq(text, len)))
        return; /* a snapshot repeats it */
    live_take(live, link, result, 0, EVENT_NO_TIME);
}

static void items_take(struct relay *relay, struct live *live, struct live_link *link,
                       const struct json_scan_token *data, const char *end)
{
    struct json_scan scan;
    struct json_scan_token key, value;
    if (data->text == NULL || data->type != SCAN_ARRAY)
        return;
    json_scan_init(&scan, data->text, (size_t)(end - data->text));
    if (json_scan_top(&scan, &value) != 0 || json_scan_enter(&scan) != 0)
        return;
    while (json_scan_next(&scan, &key, &value) > 0)
        if (value.type == SCAN_OBJECT && json_scan_pass(&scan, &value) == 0)
            item_take(relay, live, link, value.text, value.len);
}

static void state_take(struct live *live, struct live_link *link,
                       const struct json_scan_token *found, int64_t now_ns)
{
    static const char *const states[] = {"up", "down", "paused", "ended"};
    char room[NAME_BYTES_MAX];
    struct format_name source;
    if (!format_take_name(live_output(live), "source", &found[SOURCE], room, &source))
        return;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (json_scan_is(&found[STATE], states[i]))
            live_say(live, link, source.text, source.len, (enum feed_state)i, now_ns);
}

static void hello_take(struct relay *relay, struct live *live, const struct json_scan_token *found)
{
    if (epoch_take(relay, &found[EPOCH]) && json_scan_is(&found[MODE], "replay"))
        restart(relay, live, RESET_SEEK);
}

static void reset_take(struct relay *relay, struct live *live, const struct json_scan_token *found)
{
    if (epoch_take(relay, &found[EPOCH]))
        restart(relay, live, json_scan_is(&found[REASON], "loop") ? RESET_LOOP : RESET_SEEK);
}

static void error_take(struct relay *relay, struct live *live, const struct json_scan_token *found)
{
    const struct json_scan_token *code = &found[CODE], *words = &found[MESSAGE];
    if (relay->has_told_error || code->text == NULL || words->text == NULL)
        return;
    relay->has_told_error = true;
    live_tell(live, "it answers: %.*s: %.*s",
              (int)(code->len < SHOWN_BYTES_MAX ? code->len : SHOWN_BYTES_MAX), code->text,
              (int)(words->len < SHOWN_BYTES_MAX ? words->len : SHOWN_BYTES_MAX), words->text);
}

static void stop_take(struct relay *relay, const struct json_scan_token *wait)
{
    int64_t ms = 0;
    if (json_scan_integer(wait, &ms) == 0 && ms > 0)
        relay->wait_ms = ms < WAIT_MAX_MS ? (uint64_t)ms : WAIT_MAX_MS;
}

static bool message_read(const char *text, size_t len, struct json_scan_token *found,
                         struct format_output *out)
{
    struct json_scan scan;
    struct json_scan_token top;
    json_scan_init(&scan, text, len);
    if (json_scan_top(&scan, &top) == 0 && top.type == SCAN_OBJECT && json_scan_enter(&scan) == 0 &&
        json_scan_collect(&scan, fields, FIELDS, found) == 0 && json_scan_finish(&scan) == 0)
        return true;
    if (json_scan_problem(&scan) != NULL)
        format_bad_json(out, &scan, text);
    else
        format_bad(out, "not a JSON object");
    return false;
}

void relay_take(struct relay *relay, struct live *live, struct live_link *link, const char *text,
                size_t len, int64_t now_ns)
{
    struct json_scan_token found[FIELDS];
    struct format_output *out = live_output(live);
    if (!message_read(text, len, found, out)) {
        live_take(live, link, FORMAT_BAD, len, now_ns);
        return;
    }
    const struct json_scan_token *type = &found[TYPE];
    const bool is_snapshot = json_scan_is(type, "snapshot");
    if (json_scan_is(type, "update") || json_scan_is(type, "heartbeat"))
        settle(relay, live);
    if (json_scan_is(type, "update") || is_snapshot) {
        live->counts.bytes += len;
        items_take(relay, live, link, &found[DATA], text + len);
        if (is_snapshot) /* further ones, of very many streams, go on as updates */
            settle(relay, live);
        return;
    }
    if (json_scan_is(type, "hello"))
        hello_take(relay, live, found);
    else if (json_scan_is(type, "reset"))
        reset_take(relay, live, found);
    else if (json_scan_is(type, "feed"))
        state_take(live, link, found, now_ns);
    else if (json_scan_is(type, "error"))
        error_take(relay, live, found);
    else if (json_scan_is(type, "shutdown"))
        stop_take(relay, &found[RECONNECT]);
    live_take(live, link, FORMAT_IGNORED, len, now_ns);
}
