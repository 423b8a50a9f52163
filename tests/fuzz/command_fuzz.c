/* Whatever a client sends is a command or an error that can be answered: valid JSON, a known code.
 */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "feed/streams.h"
#include "server/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_id(const char *id)
{
    json_t *value = id[0] == '\0' ? NULL : json_loads(id, JSON_DECODE_ANY, NULL);
    assert(id[0] == '\0' || json_is_integer(value) || json_is_string(value));
    json_decref(value);
}

static void check_command(const struct command *command)
{
    check_id(command->id);
    assert(command->op <= OP_PING);
    assert(command->symbols_count + command->rejected_count <= COMMAND_SYMBOLS_MAX);
    assert((command->kinds & ~(unsigned)KIND_BITS_ALL) == 0 && command->kinds != 0);
    assert(command->delivery.mode == DELIVER_LATEST || command->delivery.mode == DELIVER_EVERY);
    assert(command->delivery.period_ms <= 1000000);
    for (size_t i = 0; i < command->symbols_count; i++)
        assert(name_is_valid(command->symbols[i], strlen(command->symbols[i])));
    for (size_t i = 0; i < command->rejected_count; i++)
        assert(!name_is_valid(command->rejected[i].symbol, command->rejected[i].len));
    if (command->op == OP_SUBSCRIBE || command->op == OP_UNSUBSCRIBE)
        assert(command->symbols_count + command->rejected_count > 0);
}

/* An error goes back to whoever sent such bytes: it must be JSON, and so UTF-8, all the same. */
static void check_error(const struct command_error *error)
{
    static const char *const codes[] = {"bad_json", "bad_request", "unknown_op", "limit_exceeded"};
    struct text text = {0};
    bool known = false;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        known = known || strcmp(error->code, codes[i]) == 0;
    assert(known);
    assert(error->message[0] != '\0' && strlen(error->message) < sizeof error->message);
    check_id(error->id);
    command_put_error(&text, error->id, error->code, error->message);
    json_t *root = json_loadb(text.bytes, text.len, JSON_REJECT_DUPLICATES, NULL);
    assert(json_is_object(root));
    json_decref(root);
    text_finish(&text);
}

/* "name=value&name=value" */
static void check_query(const char *bytes, size_t size)
{
    char *query = strndup(bytes, size), *rest = query;
    struct command command;
    struct command_error error;
    bool ok = true;
    command_query_begin(&command);
    for (char *pair; ok && (pair = strsep(&rest, "&")) != NULL;) {
        char *value = strchr(pair, '=');
        if (value == NULL)
            continue;
        *value++ = '\0';
        ok = command_query(&command, pair, value, &error);
    }
    if (!ok)
        check_error(&error);
    else if (command.symbols != NULL)
        check_command(&command);
    command_finish(&command);
    free(query);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct command command;
    struct command_error error;
    if (command_parse((const char *)data, size, &command, &error)) {
        check_command(&command);
        command_finish(&command);
    } else {
        check_error(&error);
    }
    check_query((const char *)data, size);
    return 0;
}
