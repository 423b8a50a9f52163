#include "tools/message.h"

#include <errno.h>
#include <string.h>

static const struct json_scan_name type_names[] = {
    [MESSAGE_HELLO] = JSON_SCAN_NAME("hello"),
    [MESSAGE_SUBSCRIBED] = JSON_SCAN_NAME("subscribed"),
    [MESSAGE_UNSUBSCRIBED] = JSON_SCAN_NAME("unsubscribed"),
    [MESSAGE_SNAPSHOT] = JSON_SCAN_NAME("snapshot"),
    [MESSAGE_UPDATE] = JSON_SCAN_NAME("update"),
    [MESSAGE_HEARTBEAT] = JSON_SCAN_NAME("heartbeat"),
    [MESSAGE_FEED] = JSON_SCAN_NAME("feed"),
    [MESSAGE_RESET] = JSON_SCAN_NAME("reset"),
    [MESSAGE_SHUTDOWN] = JSON_SCAN_NAME("shutdown"),
    [MESSAGE_ERROR] = JSON_SCAN_NAME("error"),
    [MESSAGE_DEFINE] = JSON_SCAN_NAME("define"),
};
_Static_assert(sizeof type_names / sizeof *type_names == MESSAGE_OTHER, "a name for each type");

static const struct json_scan_name message_names[MESSAGE_FIELDS] = {
    [FIELD_TYPE] = JSON_SCAN_NAME("type"),
    [FIELD_DATA] = JSON_SCAN_NAME("data"),
    [FIELD_SERVER] = JSON_SCAN_NAME("server"),
    [FIELD_MODE] = JSON_SCAN_NAME("mode"),
    [FIELD_EPOCH] = JSON_SCAN_NAME("epoch"),
    [FIELD_HEARTBEAT_MS] = JSON_SCAN_NAME("heartbeat_ms"),
    [FIELD_ID] = JSON_SCAN_NAME("id"),
    [FIELD_PENDING] = JSON_SCAN_NAME("pending"),
    [FIELD_REJECTED] = JSON_SCAN_NAME("rejected"),
    [FIELD_TOTAL] = JSON_SCAN_NAME("total"),
    [FIELD_SOURCE] = JSON_SCAN_NAME("source"),
    [FIELD_STATE] = JSON_SCAN_NAME("state"),
    [FIELD_REASON] = JSON_SCAN_NAME("reason"),
    [FIELD_CODE] = JSON_SCAN_NAME("code"),
    [FIELD_MESSAGE] = JSON_SCAN_NAME("message"),
    [FIELD_RECONNECT_IN_MS] = JSON_SCAN_NAME("reconnect_in_ms"),
};

static const struct json_scan_name item_names[ITEM_FIELDS] = {
    [ITEM_KIND] = JSON_SCAN_NAME("kind"),
    [ITEM_SYMBOL] = JSON_SCAN_NAME("symbol"),
    [ITEM_SOURCE] = JSON_SCAN_NAME("source"),
    [ITEM_SEQ] = JSON_SCAN_NAME("seq"),
    [ITEM_TS] = JSON_SCAN_NAME("ts"),
    [ITEM_RECV] = JSON_SCAN_NAME("recv"),
    [ITEM_PRICE] = JSON_SCAN_NAME("price"),
    [ITEM_SIZE] = JSON_SCAN_NAME("size"),
    [ITEM_SIDE] = JSON_SCAN_NAME("side"),
    [ITEM_BID] = JSON_SCAN_NAME("bid"),
    [ITEM_BID_SIZE] = JSON_SCAN_NAME("bid_size"),
    [ITEM_ASK] = JSON_SCAN_NAME("ask"),
    [ITEM_ASK_SIZE] = JSON_SCAN_NAME("ask_size"),
    [ITEM_SKIPPED] = JSON_SCAN_NAME("skipped"),
};

static enum message_type type_of(const struct json_scan_token *name)
{
    size_t hint = 0;
    const int place = json_scan_find(type_names, MESSAGE_OTHER, &hint, name);
    return place < 0 ? MESSAGE_OTHER : (enum message_type)place;
}

static bool is_container(const struct json_scan_token *token)
{
    return token->type == SCAN_ARRAY || token->type == SCAN_OBJECT;
}

static bool is_string(const struct json_scan_token *token)
{
    return token->text != NULL && token->type == SCAN_STRING;
}

int message_parse(const char *text, size_t len, struct message *out)
{
    struct message message = {.type = MESSAGE_OTHER};
    struct json_scan scan;
    struct json_scan_token key, value;
    size_t hint = 0;
    json_scan_init(&scan, text, len);
    if (json_scan_top(&scan, &value) != 0 || value.type != SCAN_OBJECT ||
        json_scan_enter(&scan) != 0)
        return -EBADMSG;
    while (json_scan_next(&scan, &key, &value) > 0) {
        const int place = json_scan_find(message_names, MESSAGE_FIELDS, &hint, &key);
        if (place < 0)
            continue;
        if (is_container(&value) && json_scan_pass(&scan, &value) != 0)
            return -EBADMSG;
        message.fields[place] = value;
    }
    if (json_scan_finish(&scan) != 0 || !is_string(&message.fields[FIELD_TYPE]))
        return -EBADMSG;
    message.type = type_of(&message.fields[FIELD_TYPE]);
    *out = message;
    return 0;
}

static int64_t integer_of(const struct json_scan_token *token, int64_t otherwise)
{
    int64_t value;
    return json_scan_integer(token, &value) == 0 ? value : otherwise;
}

int64_t message_integer(const struct message *message, enum message_field field, int64_t otherwise)
{
    return integer_of(&message->fields[field], otherwise);
}

int items_begin(struct items *items, const struct message *message)
{
    const struct json_scan_token *data = &message->fields[FIELD_DATA];
    struct json_scan_token top;
    if (data->text == NULL || data->type != SCAN_ARRAY)
        return -EBADMSG;
    items->begin = data->text;
    json_scan_init(&items->scan, data->text, data->len);
    return json_scan_top(&items->scan, &top) != 0 || json_scan_enter(&items->scan) != 0 ? -EBADMSG
                                                                                        : 0;
}

int items_next(struct items *items, struct item *out)
{
    struct json_scan_token key, value;
    struct item item;
    const int rc = json_scan_next(&items->scan, &key, &value);
    if (rc <= 0)
        return rc < 0 ? -EBADMSG : 0;
    if (value.type != SCAN_OBJECT || json_scan_enter(&items->scan) != 0 ||
        json_scan_collect(&items->scan, item_names, ITEM_FIELDS, item.fields) != 0)
        return -EBADMSG;
    const struct json_scan_token *fields = item.fields;
    item.text = value.text;
    item.len = (size_t)(items->begin + json_scan_offset(&items->scan) - value.text);
    item.seq = integer_of(&fields[ITEM_SEQ], -1);
    item.skipped = integer_of(&fields[ITEM_SKIPPED], 0);
    item.ts = integer_of(&fields[ITEM_TS], integer_of(&fields[ITEM_RECV], -1));
    if (!is_string(&fields[ITEM_KIND]) || !is_string(&fields[ITEM_SYMBOL]) ||
        !is_string(&fields[ITEM_SOURCE]) || item.seq < 0)
        return -EBADMSG;
    *out = item;
    return 1;
}
