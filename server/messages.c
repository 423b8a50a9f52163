#include "server/messages.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

int64_t wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static void put_id(struct text *json, const char *id)
{
    if (id[0] != '\0')
        text_printf(json, ",\"id\":%s", id);
}

void put_hello(struct text *json, const char *mode, uint64_t epoch, unsigned heartbeat_ms)
{
    text_printf(json,
                "{\"type\":\"hello\",\"protocol\":\"pricecast.v1\",\"server\":\"pricecast/%s\","
                "\"epoch\":\"%016" PRIx64 "\",\"mode\":\"%s\",\"heartbeat_ms\":%u}",
                PRICECAST_VERSION, epoch, mode, heartbeat_ms);
}

/* The symbols of a command that some stream matches by now, or those that none does. */
static void put_known(struct text *json, struct fanout *fanout, const struct command *command,
                      bool known)
{
    bool first = true;
    for (size_t i = 0; i < command->symbols_count; i++) {
        if (fanout_topic_is_known(fanout, command->symbols[i]) != known)
            continue;
        text_puts(json, first ? "" : ",");
        text_put_json(json, command->symbols[i], strlen(command->symbols[i]));
        first = false;
    }
}

static void put_rejected(struct text *json, const struct command *command)
{
    text_puts(json, ",\"rejected\":[");
    for (size_t i = 0; i < command->rejected_count; i++) {
        const struct rejection *rejection = &command->rejected[i];
        const size_t shown = rejection->len < NAME_BYTES_MAX ? rejection->len : NAME_BYTES_MAX;
        text_puts(json, i == 0 ? "{\"symbol\":" : ",{\"symbol\":");
        /* Cut to whole characters: what is left must be valid UTF-8. */
        size_t len = shown;
        while (len > 0 && len < rejection->len && (rejection->symbol[len] & 0xc0) == 0x80)
            len--;
        text_put_json(json, rejection->symbol, len);
        text_printf(json, ",\"code\":\"%s\"}", rejection->code);
    }
    text_puts(json, "]");
}

/* How many of the plan's symbols and patterns match something by now. */
static size_t count_known(struct fanout *fanout, const struct plan *plan)
{
    size_t known = 0;
    for (size_t i = 0; plan != NULL && i < plan->count; i++) {
        known += !topic_repeats(plan->topics, i) &&
                 fanout_topic_is_known(fanout, plan->topics[i].symbol);
    }
    return known;
}

void put_subscribed(struct text *json, struct fanout *fanout, const struct command *command,
                    const struct plan *plan)
{
    text_puts(json, "{\"type\":\"subscribed\"");
    put_id(json, command->id);
    text_puts(json, ",\"symbols\":[");
    put_known(json, fanout, command, true);
    text_puts(json, "],\"pending\":[");
    put_known(json, fanout, command, false);
    text_puts(json, "]");
    put_rejected(json, command);
    text_printf(json, ",\"total\":%zu}", count_known(fanout, plan));
}

void put_unsubscribed(struct text *json, struct fanout *fanout, const struct command *command,
                      const struct plan *plan)
{
    text_puts(json, "{\"type\":\"unsubscribed\"");
    put_id(json, command->id);
    text_puts(json, ",\"symbols\":[");
    for (size_t i = 0; i < command->symbols_count; i++) {
        text_puts(json, i == 0 ? "" : ",");
        text_put_json(json, command->symbols[i], strlen(command->symbols[i]));
    }
    text_puts(json, "]");
    put_rejected(json, command);
    text_printf(json, ",\"total\":%zu}", count_known(fanout, plan));
}

void put_subscriptions(struct text *json, const struct command *command, const struct plan *plan)
{
    text_puts(json, "{\"type\":\"subscriptions\"");
    put_id(json, command->id);
    text_puts(json, ",\"symbols\":[");
    for (size_t i = 0; plan != NULL && i < plan->count; i++) {
        const char *symbol = plan->topics[i].symbol;
        if (topic_repeats(plan->topics, i))
            continue;
        text_puts(json, i == 0 ? "" : ",");
        text_put_json(json, symbol, strlen(symbol));
    }
    text_puts(json, "]}");
}

void put_resumed(struct text *json, const char *id, const struct resumed *resumed)
{
    text_puts(json, "{\"type\":\"resumed\"");
    put_id(json, id);
    text_printf(json, ",\"recovered\":%" PRIu64 ",\"lost\":%" PRIu64, resumed->recovered,
                resumed->lost);
    if (resumed->ignored > 0)
        text_printf(json, ",\"ignored\":%zu", resumed->ignored);
    text_puts(json, resumed->epoch_changed ? ",\"epoch_changed\":true}" : "}");
}

void put_pong(struct text *json, const char *id)
{
    text_puts(json, "{\"type\":\"pong\"");
    put_id(json, id);
    text_printf(json, ",\"ts\":%" PRId64 "}", wall_us());
}

void put_heartbeat(struct text *json)
{
    text_printf(json, "{\"type\":\"heartbeat\",\"ts\":%" PRId64 "}", wall_us());
}

void put_feed(struct text *json, const char *source, const struct price_event *state)
{
    static const char *const names[] = {"up", "down", "paused", "ended"};
    text_puts(json, "{\"type\":\"feed\",\"source\":");
    text_put_json(json, source, strlen(source));
    text_printf(json, ",\"state\":\"%s\",\"ts\":%" PRId64 "}", names[state->detail & 3],
                event_us(state->ts_ns));
}

void put_reset(struct text *json, uint64_t epoch, enum reset_reason reason)
{
    text_printf(json, "{\"type\":\"reset\",\"epoch\":\"%016" PRIx64 "\",\"reason\":\"%s\"}", epoch,
                reason == RESET_SEEK ? "seek" : "loop");
}

void put_shutdown(struct text *json, unsigned reconnect_in_ms)
{
    text_printf(json, "{\"type\":\"shutdown\",\"reconnect_in_ms\":%u}", reconnect_in_ms);
}
