/* The golden vectors of tests/fixtures/binary/vectors.json, which C and JavaScript share: what a
 * frame says, in JSON, and its bytes. Every test that includes this has them as `vectors` between
 * vectors_load() and vectors_free(). */
#ifndef PRICECAST_TESTS_VECTORS_H
#define PRICECAST_TESTS_VECTORS_H

#include <jansson.h>
#include <string.h>

#include "feed/event.h"

static json_t *vectors;

static inline int vectors_load(void **state)
{
    (void)state;
    vectors = json_load_file(PRICECAST_SOURCE_DIR "/tests/fixtures/binary/vectors.json", 0, NULL);
    return json_is_array(vectors) ? 0 : -1;
}

static inline int vectors_free(void **state)
{
    (void)state;
    json_decref(vectors);
    return 0;
}

static inline const char *string_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static inline void value_set(struct price_event *event, int which, const json_t *item,
                             const char *name)
{
    const char *text = string_of(item, name);
    struct decimal value;
    if (text == NULL)
        return;
    assert_int_equal(decimal_parse(text, strlen(text), &value), 0);
    event_set_value(event, which, value);
}

static inline int64_t time_of(const json_t *item, const char *name)
{
    const json_t *us = json_object_get(item, name);
    return us == NULL ? EVENT_NO_TIME : json_integer_value(us) * EVENT_NS_PER_US;
}

/* The event that an item stands for. */
static inline struct price_event event_of(const json_t *item, uint32_t stream)
{
    const bool is_trade = strcmp(string_of(item, "kind"), "trade") == 0;
    struct price_event event = event_make(is_trade ? EVENT_TRADE : EVENT_QUOTE);
    const char *side = string_of(item, "side");
    event.stream = stream & EVENT_NO_STREAM;
    event.seq = (uint64_t)json_integer_value(json_object_get(item, "seq"));
    event.ts_ns = time_of(item, "ts");
    event.recv_ns = time_of(item, "recv");
    if (side != NULL)
        event.detail = strcmp(side, "buy") == 0 ? SIDE_BUY : SIDE_SELL;
    value_set(&event, is_trade ? VALUE_PRICE : VALUE_BID, item, is_trade ? "price" : "bid");
    value_set(&event, is_trade ? VALUE_SIZE : VALUE_BID_SIZE, item, is_trade ? "size" : "bid_size");
    if (!is_trade) {
        value_set(&event, VALUE_ASK, item, "ask");
        value_set(&event, VALUE_ASK_SIZE, item, "ask_size");
    }
    return event;
}

#endif
