#include "server/shared_plan.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "server/audience.h"

struct shared_plan {
    struct fanout *fanout;
    struct plan plan;
    struct audience *audiences[PLAN_GROUPS_MAX];
    uint32_t refs;
    UT_hash_handle hh;
    size_t key_len;
    char *key;
};

/* Two plans are equal if this text is. */
static bool key_make(const struct plan *plan, struct text *key)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct topic *topic = &plan->topics[i];
        text_put(key, topic->symbol, strlen(topic->symbol) + 1);
        text_put(key, &topic->kinds, sizeof topic->kinds);
        text_put(key, &topic->delivery.mode, sizeof topic->delivery.mode);
        text_put(key, &topic->delivery.encoding, sizeof topic->delivery.encoding);
        text_put(key, &topic->delivery.ohlc, sizeof topic->delivery.ohlc);
        text_put(key, &topic->delivery.clocks, sizeof topic->delivery.clocks);
        text_put(key, &topic->delivery.age_max_ms, sizeof topic->delivery.age_max_ms);
        text_put(key, &topic->delivery.period_ms, sizeof topic->delivery.period_ms);
    }
    return !key->failed;
}

/* ---- streams ---- */

static void stream_offer(struct shared_plan *shared, uint32_t stream, uint64_t sent)
{
    const struct stream *names = book_entry(fanout_book(shared->fanout), stream)->stream;
    if (names->kind >= EVENT_KINDS_PRICE)
        return;
    const int group = plan_group(&shared->plan, names->symbol, names->kind);
    if (group >= 0 && !audience_add_stream(shared->audiences[group], stream, sent))
        fanout_note_no_memory(shared->fanout);
}

static void known_stream_offer(void *ctx, uint32_t stream)
{
    struct shared_plan *shared = ctx;
    stream_offer(shared, stream, book_entry(fanout_book(shared->fanout), stream)->latest.seq);
}

/* Names are looked up; only patterns need to see every stream. */
static void streams_offer(struct shared_plan *shared)
{
    const struct plan *plan = &shared->plan;
    if (plan->count > plan->names) {
        for (uint32_t i = 0; i < book_count(fanout_book(shared->fanout)); i++)
            known_stream_offer(shared, i);
        return;
    }
    for (size_t i = 0; i < plan->names; i++)
        if (i == 0 || strcmp(plan->topics[i - 1].symbol, plan->topics[i].symbol) != 0)
            book_symbol(fanout_book(shared->fanout), plan->topics[i].symbol, known_stream_offer,
                        shared);
}

void shared_plans_offer(struct shared_plan *plans, uint32_t stream)
{
    for (struct shared_plan *shared = plans; shared != NULL; shared = shared->hh.next)
        stream_offer(shared, stream, 0);
}

/* ---- life ---- */

static struct audience *audience_add(struct fanout *fanout, struct shared_plan *shared,
                                     struct delivery delivery)
{
    struct audience *audience = audience_create(fanout, shared, delivery);
    if (audience != NULL && !fanout_enter(fanout, delivery)) {
        audience_destroy(audience);
        return NULL;
    }
    return audience;
}

static void audience_remove(struct fanout *fanout, struct audience *audience)
{
    fanout_leave(fanout, audience);
    audience_destroy(audience);
}

static void shared_plan_free(struct shared_plan *shared)
{
    for (size_t i = 0; i < PLAN_GROUPS_MAX; i++)
        if (shared->audiences[i] != NULL)
            audience_remove(shared->fanout, shared->audiences[i]);
    free(shared->key);
    free(shared);
}

static struct shared_plan *shared_plan_make(struct fanout *fanout, struct plan *plan,
                                            struct text *key)
{
    struct shared_plan **plans = fanout_plans(fanout);
    struct shared_plan *shared = calloc(1, sizeof *shared);
    if (shared == NULL)
        return NULL;
    shared->fanout = fanout;
    shared->plan = *plan;
    bool ok = true;
    for (size_t i = 0; i < plan->groups_count; i++) {
        shared->audiences[i] = audience_add(fanout, shared, plan->groups[i]);
        ok = ok && shared->audiences[i] != NULL;
    }
    shared->key = key->bytes;
    shared->key_len = key->len;
    *key = (struct text){0};
    if (ok)
        HASH_ADD_KEYPTR(hh, *plans, shared->key, shared->key_len, shared);
    if (!ok || shared->hh.tbl == NULL) {
        shared_plan_free(shared);
        return NULL;
    }
    streams_offer(shared);
    return shared;
}

struct shared_plan *shared_plan_get(struct fanout *fanout, struct plan *plan)
{
    struct text key = {0};
    struct shared_plan **plans = fanout_plans(fanout);
    if (!key_make(plan, &key)) {
        text_finish(&key);
        return NULL;
    }
    struct shared_plan *shared;
    HASH_FIND(hh, *plans, key.bytes, key.len, shared);
    if (shared != NULL)
        plan_finish(plan);
    else
        shared = shared_plan_make(fanout, plan, &key);
    text_finish(&key);
    if (shared != NULL)
        shared->refs++;
    return shared;
}

void shared_plan_unref(struct shared_plan *shared)
{
    if (shared == NULL || --shared->refs > 0)
        return;
    struct shared_plan **plans = fanout_plans(shared->fanout);
    HASH_DEL(*plans, shared);
    plan_finish(&shared->plan);
    shared_plan_free(shared);
}

const struct plan *shared_plan_plan(const struct shared_plan *shared)
{
    return &shared->plan;
}

struct audience *shared_plan_audience(const struct shared_plan *shared, size_t group)
{
    return shared->audiences[group];
}

void shared_plans_visit(struct shared_plan *plans,
                        void (*visit)(struct audience *audience, void *ctx), void *ctx)
{
    for (struct shared_plan *shared = plans; shared != NULL; shared = shared->hh.next)
        for (size_t i = 0; i < shared->plan.groups_count; i++)
            visit(shared->audiences[i], ctx);
}
