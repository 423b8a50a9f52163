/* The fan-out against a model that is too simple to be wrong.
 *
 * Random publishing, subscribing, stalling, resetting and disconnecting; every reader decodes what
 * is written to it, as a client would, and checks each item against what it is owed. Changes of a
 * reader's plan travel through its own stream of messages as marks, so that the model switches
 * where a client would. Run again with PRICECAST_TEST_SEED=<seed of the failure>. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/fanout.h"
#include "tests/support/frames.h"
#include "tests/support/random.h"

enum {
    STREAMS = 20,
    CLIENTS = 8,
    TOPICS_MAX = 64,
    ROUNDS = 40,
    STEPS = 700,
    EPOCHS_MAX = 16,
    SEQ_MAX = 4096, /* of one stream in one epoch */
    NS_PER_MS = 1000000,
};

/* Streams come up in this order: symbol by symbol, source by source, trades and quotes. */
static const char *const symbols[] = {"AA", "AB", "BA", "BB-USD", "C*D"};
static const char *const sources[] = {"x", "y"};
static const char *const wishes[] = {"AA",  "AB", "BA", "BB-USD", "A*",  "*A", "*B*",
                                     "*-*", "*",  "ZZ", "Z*",     "**A", "C*D"};
static const uint32_t periods[] = {0, 0, 0, 10, 50};
static const uint32_t ages[] = {0, 0, 10, 60};

struct model_topic {
    const char *symbol;
    unsigned kinds;
    struct delivery delivery;
};

/* What a mark in a client's messages stands for. */
struct change {
    enum { CHANGE_PLAN, CHANGE_RESET, CHANGE_SETTLED, CHANGE_SLOW } what;
    bool snapshot;
    int mode[STREAMS]; /* enum delivery_mode, or -1: not wanted */
    bool ohlc[STREAMS];
    uint64_t seq_at[STREAMS];
    uint64_t epoch;
    struct change *next; /* of all, to be freed */
};

/* One stream as a client sees it. */
struct view {
    bool wanted, snapshot_due;
    enum delivery_mode mode;
    bool ohlc;
    uint64_t ohlc_from;                /* from there on it was to be told of trades passed over */
    uint64_t position;                 /* the last seq it knows of */
    uint64_t every_from;               /* above it, "every" may not skip */
    uint64_t items, skipped, began_at; /* since it was subscribed, or the last reset */
};

struct client {
    struct reader reader; /* first: reader_ops get this */
    struct world *world;
    bool live, blocked, lost;
    unsigned block_percent, lose_permille;
    struct model_topic topics[TOPICS_MAX];
    size_t topics_count;
    struct view views[STREAMS];
    uint64_t epoch;
};

struct world {
    uint64_t seed;
    unsigned round, step;
    struct random random;
    struct streams *streams;
    struct fanout *fanout;
    uint64_t epoch;
    int64_t now_ms;
    uint32_t known; /* streams that exist by now */
    uint64_t seq[STREAMS];
    /* Was this seq handed to the fan-out, or had the bus lapped it? */
    bool (*given)[STREAMS][SEQ_MAX]; /* by epoch */
    struct client clients[CLIENTS];
    struct change *changes;
    bool lossless;
    bool holds; /* a seek has not settled */
    uint64_t items, overflows, aged, snapshots, spans,
        unseen; /* so that a run which tested nothing is noticed */
};

#define CHECK(world, condition, ...)                                                               \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            print_error("seed %" PRIu64 " round %u step %u: %s: ", (world)->seed, (world)->round,  \
                        (world)->step, #condition);                                                \
            print_error(__VA_ARGS__);                                                              \
            print_error("\n");                                                                     \
            fail();                                                                                \
        }                                                                                          \
    } while (0)

/* ---- what is published ---- */

static const char *symbol_of(uint32_t stream)
{
    return symbols[stream / 4];
}

static enum event_kind kind_of(uint32_t stream)
{
    return stream % 2 == 0 ? EVENT_TRADE : EVENT_QUOTE;
}

/* Every event's values say which one it is. */
static uint64_t value_of(uint64_t epoch, uint32_t stream, uint64_t seq)
{
    return random_mix(epoch * 1000003 + stream * 7919 + seq) % 1000000000;
}

/* Sizes have different digits after the point, and some trades have none. */
static bool size_of(uint64_t epoch, uint32_t stream, uint64_t seq, struct decimal *out)
{
    *out = (struct decimal){value_of(epoch, stream, seq) % 99991, (uint8_t)(seq % 4)};
    return seq % 7 != 0;
}

static void publish(struct world *world, uint32_t stream)
{
    if (world->seq[stream] + 8 >= SEQ_MAX)
        return;
    while (world->known <= stream) {
        const uint32_t i = world->known++;
        const char *source = sources[i / 2 % 2];
        const long number = streams_intern(world->streams, source, 1, symbol_of(i),
                                           strlen(symbol_of(i)), kind_of(i));
        CHECK(world, number == i, "stream %u", i);
    }
    const uint64_t seq = ++world->seq[stream];
    struct price_event event = event_make(kind_of(stream));
    event.seq = seq;
    event.stream = stream & EVENT_NO_STREAM;
    event.ts_ns = (int64_t)seq * 1000;
    const int which = event.kind == EVENT_TRADE ? VALUE_PRICE : VALUE_BID;
    event_set_value(&event, which,
                    (struct decimal){.mantissa = value_of(world->epoch, stream, seq), .form = 0});
    struct decimal size;
    if (event.kind == EVENT_TRADE && size_of(world->epoch, stream, seq, &size))
        event_set_value(&event, VALUE_SIZE, size);
    world->given[world->epoch][stream][seq] = true;
    fanout_event(world->fanout, &event, world->now_ms * NS_PER_MS);
    if (random_chance(&world->random, 1)) /* told again, as after the bus was caught up with */
        fanout_event(world->fanout, &event, world->now_ms * NS_PER_MS);
}

static void publish_some(struct world *world)
{
    for (unsigned count = 1 + random_below(&world->random, 8); count > 0; count--) {
        if (fanout_is_full(world->fanout))
            return;
        /* The first streams are busier, and the last ones come up late. */
        const unsigned below = 1 + random_below(&world->random, STREAMS);
        const uint32_t stream = random_below(&world->random, below);
        if (stream > world->known + 1)
            continue;
        if (random_below(&world->random, 1000) < 3)
            world->seq[stream] += 1 + random_below(&world->random, 5); /* lapped */
        publish(world, stream);
    }
}

/* ---- what a client wants, naively ---- */

static bool naive_match(const char *pattern, const char *symbol)
{
    if (*pattern == '*')
        return naive_match(pattern + 1, symbol) ||
               (*symbol != '\0' && naive_match(pattern, symbol + 1));
    return *pattern == *symbol && (*pattern == '\0' || naive_match(pattern + 1, symbol + 1));
}

static const struct delivery *delivery_wanted(const struct client *client, uint32_t stream)
{
    const unsigned bit = 1u << kind_of(stream);
    const char *symbol = symbol_of(stream);
    const struct delivery *delivery = NULL;
    for (size_t i = 0; i < client->topics_count; i++) {
        const struct model_topic *topic = &client->topics[i];
        if ((topic->kinds & bit) != 0 && strchr(topic->symbol, '*') != NULL &&
            naive_match(topic->symbol, symbol))
            delivery = &topic->delivery;
    }
    for (size_t i = 0; i < client->topics_count; i++) {
        const struct model_topic *topic = &client->topics[i];
        if ((topic->kinds & bit) != 0 && strchr(topic->symbol, '*') == NULL &&
            strcmp(topic->symbol, symbol) == 0)
            delivery = &topic->delivery;
    }
    return delivery;
}

static int mode_wanted(const struct client *client, uint32_t stream)
{
    const struct delivery *delivery = delivery_wanted(client, stream);
    return delivery == NULL ? -1 : (int)delivery->mode;
}

static bool ohlc_wanted(const struct client *client, uint32_t stream)
{
    const struct delivery *delivery = delivery_wanted(client, stream);
    return delivery != NULL && delivery->ohlc;
}

static void topic_forget(struct client *client, const char *symbol, unsigned kinds)
{
    size_t kept = 0;
    for (size_t i = 0; i < client->topics_count; i++) {
        struct model_topic topic = client->topics[i];
        if (strcmp(topic.symbol, symbol) == 0)
            topic.kinds &= ~kinds;
        if (topic.kinds != 0)
            client->topics[kept++] = topic;
    }
    client->topics_count = kept;
}

/* ---- marks ---- */

/* The newest event of each stream that the fan-out was given; a gap after it nobody was told of. */
static void newest_take(const struct world *world, uint64_t *seq_at)
{
    for (uint32_t i = 0; i < STREAMS; i++) {
        seq_at[i] = world->seq[i];
        while (seq_at[i] > 0 && !world->given[world->epoch][i][seq_at[i]])
            seq_at[i]--;
    }
}

static struct change *change_make(struct world *world, int what)
{
    struct change *change = calloc(1, sizeof *change);
    assert_non_null(change);
    change->what = what;
    change->epoch = world->epoch;
    change->next = world->changes;
    world->changes = change;
    return change;
}

static void mark_send(struct client *client, const struct change *change)
{
    struct text text = {0};
    const size_t mark = frame_begin(&text);
    text_printf(&text, "{\"type\":\"mark\",\"change\":%" PRIdPTR "}", (intptr_t)change);
    frame_end(&text, mark);
    const bool sent = reader_send(&client->reader, text.bytes, text.len);
    CHECK(client->world, sent || client->lost, "a mark was refused");
    text_finish(&text);
}

static void mark_apply(struct client *client, const struct change *change)
{
    for (uint32_t i = 0; i < STREAMS; i++) {
        struct view *view = &client->views[i];
        if (change->what == CHANGE_RESET) {
            *view = (struct view){.wanted = view->wanted, .mode = view->mode, .ohlc = view->ohlc};
        } else if (change->what == CHANGE_SETTLED) {
            /* How things stand at the new place is told as a snapshot. */
            if (view->wanted)
                *view = (struct view){
                    .wanted = true,
                    .mode = view->mode,
                    .ohlc = view->ohlc,
                    .snapshot_due = change->seq_at[i] > 0,
                    .position = change->seq_at[i],
                    .began_at = change->seq_at[i],
                };
        } else if (change->what == CHANGE_SLOW) {
            if (change->mode[i] >= 0)
                view->mode = (enum delivery_mode)change->mode[i];
        } else if (change->mode[i] < 0) {
            *view = (struct view){0};
        } else {
            const enum delivery_mode mode = (enum delivery_mode)change->mode[i];
            if (!view->wanted)
                *view = (struct view){
                    .wanted = true,
                    .snapshot_due = change->snapshot && change->seq_at[i] > 0,
                    .position = change->seq_at[i],
                    .began_at = change->seq_at[i],
                };
            else if (mode == DELIVER_EVERY && view->mode == DELIVER_LATEST)
                view->every_from = change->seq_at[i]; /* it catches up once */
            view->mode = mode;
            if (change->ohlc[i] && !view->ohlc)
                view->ohlc_from = change->seq_at[i];
            view->ohlc = change->ohlc[i];
        }
    }
    client->epoch = change->epoch;
}

/* ---- what a client receives ---- */

static uint32_t stream_find(struct world *world, const json_t *item)
{
    const char *symbol = json_string_value(json_object_get(item, "symbol"));
    const char *source = json_string_value(json_object_get(item, "source"));
    const char *kind = json_string_value(json_object_get(item, "kind"));
    for (uint32_t i = 0; i < STREAMS; i++)
        if (strcmp(symbol_of(i), symbol) == 0 && strcmp(sources[i / 2 % 2], source) == 0 &&
            strcmp(event_kind_name(kind_of(i)), kind) == 0)
            return i;
    CHECK(world, false, "%s %s %s", source, symbol, kind);
    return 0;
}

static bool was_given_between(const struct client *client, uint32_t stream, uint64_t after,
                              uint64_t before)
{
    for (uint64_t seq = after + 1; seq < before; seq++)
        if (client->world->given[client->epoch][stream][seq])
            return true;
    return false;
}

static const char *string_of(const json_t *item, const char *name)
{
    const char *text = json_string_value(json_object_get(item, name));
    return text != NULL ? text : "-";
}

/* What the trades between two seqs come to, as far as they were given to the fan-out. */
struct naive_span {
    uint64_t trades, open, high, low, volume; /* in thousandths */
    unsigned digits;
};

static struct naive_span naive_span_of(const struct client *client, uint32_t stream, uint64_t after,
                                       uint64_t before)
{
    struct naive_span span = {0};
    for (uint64_t seq = after + 1; seq < before; seq++) {
        const uint64_t price = value_of(client->epoch, stream, seq);
        struct decimal size;
        if (!client->world->given[client->epoch][stream][seq])
            continue;
        if (span.trades++ == 0)
            span.open = span.high = span.low = price;
        span.high = price > span.high ? price : span.high;
        span.low = price < span.low ? price : span.low;
        if (!size_of(client->epoch, stream, seq, &size))
            continue;
        span.digits = size.form > span.digits ? size.form : span.digits;
        for (unsigned digits = size.form; digits < 3; digits++)
            size.mantissa *= 10;
        span.volume += size.mantissa;
    }
    return span;
}

static void ohlc_check(struct client *client, const json_t *item, uint32_t stream, uint64_t seq,
                       uint64_t skipped)
{
    struct world *world = client->world;
    const struct view *view = &client->views[stream];
    const int who = (int)(client - world->clients);
    const uint64_t unseen = (uint64_t)json_integer_value(json_object_get(item, "unseen"));
    char told[120], expected[120] = "- - - -";
    snprintf(told, sizeof told, "%s %s %s %s", string_of(item, "open"), string_of(item, "high"),
             string_of(item, "low"), string_of(item, "volume"));
    struct naive_span span = {0};
    uint64_t unseen_least = 0;
    if (view->ohlc && kind_of(stream) == EVENT_TRADE && skipped > 0) {
        span = naive_span_of(client, stream, view->position, seq);
        unseen_least = skipped - span.trades;
    }
    if (unseen > unseen_least) { /* it was not asked for yet, when they passed */
        CHECK(world, view->ohlc && view->position < view->ohlc_from && unseen <= skipped,
              "client %d stream %u at %" PRIu64 ": %" PRIu64 " unseen of %" PRIu64, who, stream,
              seq, unseen, skipped);
        world->unseen++;
        return;
    }
    uint64_t units = span.volume;
    unsigned unit = 1;
    for (unsigned digits = span.digits; digits < 3; digits++)
        units /= 10;
    for (unsigned digits = 0; digits < span.digits; digits++)
        unit *= 10;
    if (span.trades > 0 && span.digits == 0)
        snprintf(expected, sizeof expected, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64,
                 span.open, span.high, span.low, units);
    else if (span.trades > 0)
        snprintf(expected, sizeof expected,
                 "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 ".%0*" PRIu64, span.open, span.high,
                 span.low, units / unit, (int)span.digits, units % unit);
    CHECK(world, unseen == unseen_least && strcmp(told, expected) == 0,
          "client %d stream %u at %" PRIu64 " skipped %" PRIu64 ": %s and not %s", who, stream, seq,
          skipped, told, expected);
    world->spans += span.trades > 0;
}

static void item_check(struct client *client, const json_t *item, bool in_snapshot)
{
    struct world *world = client->world;
    const uint32_t stream = stream_find(world, item);
    struct view *view = &client->views[stream];
    const uint64_t seq = (uint64_t)json_integer_value(json_object_get(item, "seq"));
    const json_t *passed = json_object_get(item, "skipped");
    const uint64_t skipped = (uint64_t)json_integer_value(passed);
    const int who = (int)(client - world->clients);
    CHECK(world, view->wanted, "client %d stream %u seq %" PRIu64, who, stream, seq);
    CHECK(world, passed == NULL || skipped > 0, "skipped is left out when it is 0");

    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, value_of(client->epoch, stream, seq));
    const char *name = kind_of(stream) == EVENT_TRADE ? "price" : "bid";
    const char *value = json_string_value(json_object_get(item, name));
    CHECK(world, value != NULL && strcmp(value, text) == 0,
          "client %d stream %u seq %" PRIu64 ": %s and not %s", who, stream, seq, value, text);

    CHECK(world, in_snapshot == view->snapshot_due, "client %d stream %u seq %" PRIu64, who, stream,
          seq);
    ohlc_check(client, item, stream, seq, skipped);
    if (in_snapshot) {
        CHECK(world, skipped == 0 && seq >= view->position, "client %d stream %u", who, stream);
        view->snapshot_due = false;
        view->position = view->began_at = seq;
        world->snapshots++;
        return;
    }
    CHECK(world, seq == view->position + 1 + skipped,
          "client %d stream %u: %" PRIu64 " after %" PRIu64 " skipped %" PRIu64, who, stream, seq,
          view->position, skipped);
    if (view->mode == DELIVER_EVERY && skipped > 0 && seq > view->every_from)
        CHECK(world, !was_given_between(client, stream, view->position, seq),
              "client %d stream %u skipped %" PRIu64 " before %" PRIu64 " in mode every", who,
              stream, skipped, seq);
    view->position = seq;
    view->items++;
    view->skipped += skipped;
    world->items++;
}

static void message_check(struct client *client, const char *text, size_t len)
{
    json_error_t error;
    json_t *root = json_loadb(text, len, 0, &error);
    CHECK(client->world, root != NULL, "%s: %.200s", error.text, text);
    const char *type = json_string_value(json_object_get(root, "type"));
    if (strcmp(type, "mark") == 0) {
        mark_apply(client, (const struct change *)(intptr_t)json_integer_value(
                               json_object_get(root, "change")));
    } else {
        const bool is_snapshot = strcmp(type, "snapshot") == 0;
        CHECK(client->world, is_snapshot || strcmp(type, "update") == 0, "%s", type);
        const json_t *data = json_object_get(root, "data");
        CHECK(client->world, is_snapshot || json_array_size(data) > 0, "an empty update");
        for (size_t i = 0; i < json_array_size(data); i++)
            item_check(client, json_array_get(data, i), is_snapshot);
    }
    json_decref(root);
}

static enum write_result client_write(struct reader *reader, const void *bytes, size_t len)
{
    struct client *client = (struct client *)reader;
    struct world *world = client->world;
    CHECK(world, client->live && !client->lost, "written to after the connection was lost");
    CHECK(world, !client->blocked, "written to while the socket was full");
    if (random_below(&world->random, 10000) < client->lose_permille) {
        client->lost = true;
        return WRITE_FAILED;
    }
    for (size_t at = 0; at < len;) {
        struct seen_frame frame = {0};
        const size_t size = frame_take((const char *)bytes + at, len - at, &frame);
        CHECK(world, size > 0 && frame.len <= MESSAGE_BYTES_MAX, "no whole frame at %zu", at);
        message_check(client, frame.payload, frame.len);
        at += size;
    }
    client->blocked = random_chance(&world->random, client->block_percent);
    return client->blocked ? WRITE_BLOCKED : WRITE_DONE;
}

static void slow_mark_send(struct client *client)
{
    struct change *change = change_make(client->world, CHANGE_SLOW);
    for (uint32_t i = 0; i < STREAMS; i++)
        change->mode[i] = mode_wanted(client, i);
    mark_send(client, change);
}

static void client_overflowed(struct reader *reader)
{
    struct client *client = (struct client *)reader;
    for (size_t i = 0; i < client->topics_count; i++)
        client->topics[i].delivery.mode = DELIVER_LATEST;
    client->world->overflows++;
    slow_mark_send(client);
}

/* Which topics were moved, the plan tells; that they may be, the model knows. */
static void client_aged(struct reader *reader)
{
    struct client *client = (struct client *)reader;
    const struct plan *plan = reader_plan(reader);
    bool moved = false;
    for (size_t i = 0; i < client->topics_count; i++) {
        struct model_topic *topic = &client->topics[i];
        size_t k = 0;
        while (k < plan->count && (strcmp(plan->topics[k].symbol, topic->symbol) != 0 ||
                                   plan->topics[k].kinds != topic->kinds))
            k++;
        CHECK(client->world, k < plan->count, "%s is gone", topic->symbol);
        if (plan->topics[k].delivery.mode == topic->delivery.mode)
            continue;
        CHECK(client->world, topic->delivery.age_max_ms > 0, "%s may get old", topic->symbol);
        topic->delivery.mode = DELIVER_LATEST;
        moved = true;
    }
    CHECK(client->world, moved, "nothing has changed");
    client->world->aged++;
    slow_mark_send(client);
}

/* ---- what happens ---- */

static void client_connect(struct client *client)
{
    static const struct reader_ops ops = {client_write};
    struct world *world = client->world;
    static const unsigned stalls[] = {0, 0, 5, 50, 100};
    *client = (struct client){
        .world = world,
        .live = true,
        .epoch = world->epoch,
        .block_percent = stalls[random_below(&world->random, 5)],
        .lose_permille = random_below(&world->random, 4),
    };
    reader_init(&client->reader, world->fanout, &ops);
}

static void client_leave(struct client *client)
{
    reader_finish(&client->reader);
    client->live = false;
}

static void plan_apply(struct client *client, struct topics *topics, bool snapshot)
{
    struct world *world = client->world;
    const int rc = reader_set_topics(&client->reader, topics, snapshot);
    CHECK(world, rc == 0 || client->lost, "set_topics: %d", rc);
    if (rc != 0)
        topics_finish(topics);
    struct change *change = change_make(world, CHANGE_PLAN);
    change->snapshot = snapshot;
    for (uint32_t i = 0; i < STREAMS; i++) {
        change->mode[i] = mode_wanted(client, i);
        change->ohlc[i] = ohlc_wanted(client, i);
    }
    newest_take(world, change->seq_at);
    if (client->lost)
        return;
    mark_send(client, change);
    reader_start(&client->reader, snapshot);
}

static void topics_now(struct client *client, struct topics *out)
{
    const struct plan *plan = reader_plan(&client->reader);
    assert_int_equal(topics_copy(out, plan ? plan->topics : NULL, plan ? plan->count : 0), 0);
}

static void client_subscribe(struct client *client)
{
    struct world *world = client->world;
    const char *wanted[4];
    const size_t count = 1 + random_below(&world->random, 4);
    const unsigned kinds = (1 + random_below(&world->random, 3)) << EVENT_TRADE;
    struct delivery delivery = {
        .mode = random_chance(&world->random, 50) ? DELIVER_EVERY : DELIVER_LATEST,
        .period_ms = periods[random_below(&world->random, 5)],
        .age_max_ms = ages[random_below(&world->random, 4)],
        .ohlc = random_chance(&world->random, 50),
        .clocks = random_chance(&world->random, 10),
    };
    if (delivery.age_max_ms > 0 && delivery.age_max_ms < delivery.period_ms)
        delivery.age_max_ms = delivery.period_ms;
    for (size_t i = 0; i < count; i++) {
        wanted[i] = wishes[random_below(&world->random, sizeof wishes / sizeof *wishes)];
        bool repeats = false;
        for (size_t k = 0; k < i; k++)
            repeats |= strcmp(wanted[k], wanted[i]) == 0;
        if (repeats)
            continue; /* counts once, at its first place */
        topic_forget(client, wanted[i], kinds);
        client->topics[client->topics_count++] =
            (struct model_topic){.symbol = wanted[i], .kinds = kinds, .delivery = delivery};
    }
    struct topics topics;
    topics_now(client, &topics);
    assert_int_equal(topics_set(&topics, wanted, count, kinds, delivery), 0);
    plan_apply(client, &topics, random_chance(&world->random, 70));
}

static void client_unsubscribe(struct client *client)
{
    struct world *world = client->world;
    const char *symbol = wishes[random_below(&world->random, sizeof wishes / sizeof *wishes)];
    if (client->topics_count > 0 && random_chance(&world->random, 80))
        symbol =
            client->topics[random_below(&world->random, (unsigned)client->topics_count)].symbol;
    topic_forget(client, symbol, ~0u);
    struct topics topics;
    topics_now(client, &topics);
    assert_int_equal(topics_remove(&topics, &symbol, 1), 0);
    plan_apply(client, &topics, false);
}

static void client_unblock(struct client *client)
{
    client->blocked = false;
    reader_writeable(&client->reader);
}

static void client_step(struct client *client)
{
    struct world *world = client->world;
    if (client->live && client->lost)
        client_leave(client);
    if (!client->live) {
        client_connect(client);
        client_subscribe(client);
        return;
    }
    const unsigned dice = random_below(&world->random, 100);
    if (dice < 30)
        client_subscribe(client);
    else if (dice < 45)
        client_unsubscribe(client);
    else if (dice < 50)
        client_leave(client);
    else if (dice < 60)
        client->block_percent = random_below(&world->random, 101);
    else if (client->blocked)
        client_unblock(client);
}

static void marks_send(struct world *world, const struct change *change)
{
    for (int i = 0; i < CLIENTS; i++)
        if (world->clients[i].live && !world->clients[i].lost)
            mark_send(&world->clients[i], change);
}

static void reset(struct world *world)
{
    if (world->epoch + 1 == EPOCHS_MAX)
        return;
    world->epoch++;
    fanout_reset(world->fanout, world->epoch, world->now_ms);
    memset(world->seq, 0, sizeof world->seq);
    marks_send(world, change_make(world, CHANGE_RESET));
    world->holds = random_chance(&world->random, 60);
    if (world->holds)
        fanout_hold(world->fanout);
}

static void settle(struct world *world)
{
    if (world->holds) {
        struct change *change = change_make(world, CHANGE_SETTLED);
        newest_take(world, change->seq_at);
        marks_send(world, change);
    }
    world->holds = false;
    fanout_settle(world->fanout);
}

static void step(struct world *world)
{
    const unsigned dice = random_below(&world->random, 1000);
    if (dice < 600) {
        publish_some(world);
    } else if (dice < 800) {
        fanout_flush(world->fanout, world->now_ms);
    } else if (dice < 900) {
        world->now_ms += random_below(&world->random, 60);
        fanout_tick(world->fanout, world->now_ms);
    } else if (dice < 994) {
        client_step(&world->clients[random_below(&world->random, CLIENTS)]);
    } else if (dice < 996) {
        reset(world);
    } else if (world->holds) {
        settle(world);
    }
    for (int i = 0; i < CLIENTS; i++) {
        const struct client *client = &world->clients[i];
        CHECK(world, !client->live || client->reader.failed == client->lost, "client %d", i);
    }
}

/* Sockets take everything from now on: nothing may be missing in the end. */
static void drain(struct world *world)
{
    settle(world);
    for (int i = 0; i < CLIENTS; i++) {
        struct client *client = &world->clients[i];
        client->block_percent = client->lose_permille = 0;
        if (client->live && !client->lost && client->blocked)
            client_unblock(client);
    }
    fanout_flush(world->fanout, world->now_ms);
    world->now_ms += 1000;
    fanout_tick(world->fanout, world->now_ms);
    CHECK(world, fanout_is_drained(world->fanout), "something waits still");
    world->now_ms += 1000;
    fanout_tick(world->fanout, world->now_ms); /* one that polls finds nothing, and stops it */
    CHECK(world, fanout_next_tick_ms(world->fanout) == FANOUT_NO_TICK, "a tick waits still");
    for (int i = 0; i < CLIENTS; i++) {
        const struct client *client = &world->clients[i];
        for (uint32_t k = 0; client->live && !client->lost && k < STREAMS; k++) {
            const struct view *view = &client->views[k];
            CHECK(world, view->wanted == (mode_wanted(client, k) >= 0), "client %d stream %u", i,
                  k);
            if (!view->wanted)
                continue;
            uint64_t newest = world->seq[k];
            while (newest > 0 && !world->given[world->epoch][k][newest])
                newest--;
            CHECK(world, !view->snapshot_due && view->position == newest,
                  "client %d stream %u is at %" PRIu64 " of %" PRIu64, i, k, view->position,
                  newest);
            CHECK(world, view->items + view->skipped == newest - view->began_at,
                  "client %d stream %u", i, k);
        }
    }
}

static void world_begin(struct world *world, size_t queue_bytes_max)
{
    world->random.state = world->seed * 1000 + world->round;
    world->streams = streams_create(STREAMS);
    world->epoch = 1;
    world->known = 0;
    world->holds = false;
    memset(world->seq, 0, sizeof world->seq);
    world->given = calloc(EPOCHS_MAX, sizeof *world->given);
    assert_non_null(world->given);
    const struct fanout_options options = {
        .streams = world->streams,
        .epoch = world->epoch,
        .queue_bytes_max = queue_bytes_max,
        .lossless = world->lossless,
        .overflowed = client_overflowed,
        .aged = client_aged,
    };
    world->fanout = fanout_create(&options);
    assert_non_null(world->fanout);
    for (int i = 0; i < CLIENTS; i++)
        world->clients[i] = (struct client){.world = world};
}

static void world_end(struct world *world)
{
    for (int i = 0; i < CLIENTS; i++)
        if (world->clients[i].live)
            client_leave(&world->clients[i]);
    fanout_destroy(world->fanout);
    streams_destroy(world->streams);
    free(world->given);
    while (world->changes != NULL) {
        struct change *next = world->changes->next;
        free(world->changes);
        world->changes = next;
    }
}

static void run(struct world *world, uint64_t seed, size_t queue_bytes_max)
{
    world->seed = random_seed_of(seed);
    for (world->round = 0; world->round < ROUNDS; world->round++) {
        world_begin(world, queue_bytes_max);
        for (world->step = 0; world->step < STEPS; world->step++) {
            step(world);
            if (world->step % 233 == 232)
                drain(world);
        }
        drain(world);
        world_end(world);
    }
    assert_true(world->items > 5000 && world->snapshots > 500);
    assert_true(world->lossless || (world->spans > 500 && world->unseen > 5));
}

static void every_reader_gets_what_it_is_owed(void **state)
{
    struct world world = {0};
    (void)state;
    run(&world, 20240808, 0);
    assert_int_equal(world.overflows, 0);
    assert_true(world.aged > 50);
}

static void so_it_does_when_queues_overflow(void **state)
{
    struct world world = {0};
    (void)state;
    run(&world, 5, 600);
    assert_true(world.overflows > 100);
}

/* Lossless: who publishes waits while somebody is far behind, and so nobody overflows. */
static void nothing_is_skipped_by_every_when_the_writer_waits(void **state)
{
    struct world world = {.lossless = true};
    (void)state;
    run(&world, 77, 600);
    assert_int_equal(world.overflows, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reader_gets_what_it_is_owed),
        cmocka_unit_test(so_it_does_when_queues_overflow),
        cmocka_unit_test(nothing_is_skipped_by_every_when_the_writer_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
