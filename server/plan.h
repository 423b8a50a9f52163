/* plan: what one session wants, and how each stream reaches it.
 *
 * A plan is an immutable list of topics. A topic is a symbol or a pattern (`*` stands for any run
 * of characters) with the kinds it covers and how they are delivered. For a stream the winning
 * topic is the one that names its symbol, else the pattern subscribed to last; so each stream is
 * delivered once, in one way.
 *
 * Topics with the same delivery form a group; a group is what an audience serves (audience.h).
 * Sessions with equal plans share one struct plan: see plans.h. Pure functions, any thread. */
#ifndef PRICECAST_SERVER_PLAN_H
#define PRICECAST_SERVER_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/event.h"

enum delivery_mode { DELIVER_LATEST, DELIVER_EVERY };

enum { KIND_BITS_ALL = 1 << EVENT_TRADE | 1 << EVENT_QUOTE };

struct delivery {
    uint8_t mode;        /* enum delivery_mode */
    uint8_t encoding;    /* enum encoding (wire.h); a reader's topics get the reader's */
    bool ohlc;           /* items tell of the trades they passed over: see passed.h */
    bool clocks;         /* items tell when they passed each stage: see wire.h */
    uint32_t period_ms;  /* at least between two update frames; 0: at once */
    uint32_t age_max_ms; /* mode every: what waits longer is not waited for; 0: no limit */
};

bool delivery_equals(const struct delivery *a, const struct delivery *b);

struct topic {
    char *symbol;  /* owned by the list */
    uint8_t kinds; /* bits 1 << enum event_kind, none empty */
    struct delivery delivery;
};

/* A list being edited: a session's topics before they become a plan. */
struct topics {
    struct topic *list;
    size_t count, size;
};

void topics_finish(struct topics *topics);

/* Returns 0 or -ENOMEM; on failure *to is empty. */
int topics_copy(struct topics *to, const struct topic *list, size_t count);

/* Sets how each of `symbols` is delivered for `kinds`, in place of what was set before; later ones
 * come later in the list, repeated ones count once. Returns 0 or -ENOMEM. */
int topics_set(struct topics *topics, const char *const *symbols, size_t count, unsigned kinds,
               struct delivery delivery);

/* Forgets symbols and patterns for all kinds. Returns 0 or -ENOMEM. */
int topics_remove(struct topics *topics, const char *const *symbols, size_t count);

/* In a plan's list: is the topic the same text, for other kinds, as one before it? */
bool topic_repeats(const struct topic *list, size_t at);

bool topic_is_pattern(const char *symbol);

/* Does `symbol` match `pattern`, in which only `*` is special? */
bool pattern_matches(const char *pattern, const char *symbol);

enum { PLAN_GROUPS_MAX = 16 }; /* different deliveries in one session */

struct plan {
    struct topic *topics; /* owned; names sorted, then patterns in the order of subscription */
    size_t names, count;  /* the first `names` are names */
    uint8_t *group_of;    /* by topic */
    struct delivery groups[PLAN_GROUPS_MAX];
    size_t groups_count;
};

/* Takes the topics (the list is empty afterwards) on success. Returns 0, -ENOMEM, or -E2BIG when
 * there are more than PLAN_GROUPS_MAX different deliveries. */
int plan_init(struct plan *plan, struct topics *topics);
void plan_finish(struct plan *plan);

/* The group of topics with this delivery, or PLAN_GROUPS_MAX. */
size_t plan_delivery_group(const struct plan *plan, struct delivery delivery);

/* The group that serves a stream, or -1. */
int plan_group(const struct plan *plan, const char *symbol, enum event_kind kind);

#endif
