/* Where to look is told by a hash of kind and names. Streams that agree in it take each other's
 * slot; that costs time and nothing else, since the whole prefix is compared. */
#include "feed/native_fast.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "feed/item.h"

enum {
    SLOT_BITS = 11,
    PREFIX_BYTES_MAX = 122, /* a slot is two cache lines; longer ones are read the general way */
    KIND_AT = sizeof "{\"kind\":\"" - 1,
    SYMBOL_AT = sizeof "{\"kind\":\"trade\",\"symbol\":\"" - 1,
    BETWEEN_NAMES = sizeof "\",\"source\":\"" - 1,
    DIGITS_MAX = 19, /* of an integer: these cannot overflow */
    PREFIX_BYTES_MIN = sizeof "{\"kind\":\"trade\",\"symbol\":\"S\",\"source\":\"s\",\"seq\":" - 1,
};

struct slot {
    uint32_t stream;
    uint8_t kind; /* enum event_kind */
    uint8_t len;  /* 0: free */
    char prefix[PREFIX_BYTES_MAX];
};
_Static_assert(sizeof(struct slot) == 128, "see PREFIX_BYTES_MAX");

struct native_fast {
    struct slot slots[1 << SLOT_BITS];
};

struct native_fast *native_fast_create(void)
{
    return calloc(1, sizeof(struct native_fast));
}

void native_fast_destroy(struct native_fast *fast)
{
    free(fast);
}

static uint64_t hash_add(uint64_t hash, const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

/* `text` has at least PREFIX_BYTES_MIN bytes; where it has another form, any slot will do. */
static size_t slot_of(const char *text, size_t len)
{
    const char *const end = text + (len < PREFIX_BYTES_MAX ? len : PREFIX_BYTES_MAX);
    const char *at = text + SYMBOL_AT;
    const char *stop = memchr(at, '"', (size_t)(end - at));
    if (stop == NULL || end - stop <= BETWEEN_NAMES)
        return 0;
    stop = memchr(stop + BETWEEN_NAMES, '"', (size_t)(end - stop - BETWEEN_NAMES));
    if (stop == NULL)
        return 0;
    uint64_t hash = hash_add((uint64_t)text[KIND_AT], stop - 8);
    for (; stop - at > 8; at += 8)
        hash = hash_add(hash, at);
    return (size_t)(hash >> (64 - SLOT_BITS));
}

void native_fast_learn(struct native_fast *fast, const struct stream *stream, const char *text,
                       size_t len)
{
    char prefix[ITEM_PREFIX_MAX];
    const size_t prefix_len = item_prefix(stream, prefix);
    if (prefix_len > PREFIX_BYTES_MAX || prefix_len > len || memcmp(text, prefix, prefix_len) != 0)
        return;
    struct slot *slot = &fast->slots[slot_of(prefix, prefix_len)];
    slot->stream = stream->number;
    slot->kind = (uint8_t)stream->kind;
    slot->len = (uint8_t)prefix_len;
    memcpy(slot->prefix, prefix, prefix_len);
}

/* ---- reading ---- */

/* What is left of the line. What takes of it returns false when it does not go on as it should. */
struct rest {
    const char *at, *end;
};

static inline bool take_text(struct rest *rest, const char *text, size_t len)
{
    if ((size_t)(rest->end - rest->at) < len || memcmp(rest->at, text, len) != 0)
        return false;
    rest->at += len;
    return true;
}
#define TAKE(rest, literal) take_text((rest), literal, sizeof literal - 1)

static inline bool take_integer(struct rest *rest, uint64_t *out)
{
    const char *const begin = rest->at, *at = begin;
    uint64_t value = 0;
    for (; at < rest->end && *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (uint64_t)(*at - '0');
    const long digits = at - begin;
    rest->at = at;
    *out = value;
    return digits > 0 && digits <= DIGITS_MAX && (*begin != '0' || digits == 1);
}

static inline bool take_time(struct rest *rest, int64_t *ns)
{
    uint64_t us;
    if (!take_integer(rest, &us) || us > INT64_MAX / EVENT_NS_PER_US)
        return false;
    *ns = (int64_t)us * EVENT_NS_PER_US;
    return true;
}

/* Up to the closing quote. */
static inline bool take_value(struct rest *rest, struct price_event *event, int which)
{
    struct decimal value;
    if (decimal_take(&rest->at, rest->end, &value) != 0 || !TAKE(rest, "\""))
        return false;
    event_set_value(event, which, value);
    return true;
}

static inline bool take_trade(struct rest *rest, struct price_event *event)
{
    if (!TAKE(rest, ",\"price\":\"") || !take_value(rest, event, VALUE_PRICE))
        return false;
    if (TAKE(rest, ",\"size\":\"") && !take_value(rest, event, VALUE_SIZE))
        return false;
    if (TAKE(rest, ",\"side\":\"buy\""))
        event->detail = SIDE_BUY;
    else if (TAKE(rest, ",\"side\":\"sell\""))
        event->detail = SIDE_SELL;
    return true;
}

static inline bool take_quote(struct rest *rest, struct price_event *event)
{
    if (TAKE(rest, ",\"bid\":\"") && !take_value(rest, event, VALUE_BID))
        return false;
    if (TAKE(rest, ",\"bid_size\":\"") && !take_value(rest, event, VALUE_BID_SIZE))
        return false;
    if (TAKE(rest, ",\"ask\":\"") && !take_value(rest, event, VALUE_ASK))
        return false;
    if (TAKE(rest, ",\"ask_size\":\"") && !take_value(rest, event, VALUE_ASK_SIZE))
        return false;
    return !decimal_is_absent(event_value(event, VALUE_BID)) ||
           !decimal_is_absent(event_value(event, VALUE_ASK));
}

bool native_fast_read(const struct native_fast *fast, const char *text, size_t len,
                      struct price_event *out)
{
    uint64_t seq; /* the bus numbers anew */
    if (len < PREFIX_BYTES_MIN)
        return false;
    const struct slot *slot = &fast->slots[slot_of(text, len)];
    struct rest rest = {text, text + len};
    if (slot->len == 0 || !take_text(&rest, slot->prefix, slot->len) || !take_integer(&rest, &seq))
        return false;
    struct price_event event = event_make((enum event_kind)slot->kind);
    event.stream = slot->stream & EVENT_NO_STREAM;
    if (TAKE(&rest, ",\"ts\":") && !take_time(&rest, &event.ts_ns))
        return false;
    if (TAKE(&rest, ",\"recv\":") && !take_time(&rest, &event.recv_ns))
        return false;
    if (!(event.kind == EVENT_TRADE ? take_trade(&rest, &event) : take_quote(&rest, &event)))
        return false;
    if (!TAKE(&rest, "}") || rest.at != rest.end)
        return false;
    *out = event;
    return true;
}
