#include "server/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool topic_is_pattern(const char *symbol)
{
    return strchr(symbol, '*') != NULL;
}

/* Backtracks only to the last `*`, so the cost is at most pattern × symbol. */
bool pattern_matches(const char *pattern, const char *symbol)
{
    const char *star = NULL, *resume = NULL;
    while (*symbol != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            resume = symbol;
        } else if (*pattern == *symbol) {
            pattern++;
            symbol++;
        } else if (star != NULL) {
            pattern = star + 1;
            symbol = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

/* ---- lists ---- */

void topics_finish(struct topics *topics)
{
    for (size_t i = 0; i < topics->count; i++)
        free(topics->list[i].symbol);
    free(topics->list);
    *topics = (struct topics){0};
}

static int topics_append(struct topics *topics, const struct topic *topic)
{
    if (topics->count == topics->size) {
        const size_t size = topics->size ? topics->size * 2 : 8;
        struct topic *grown = realloc(topics->list, size * sizeof *grown);
        if (grown == NULL)
            return -ENOMEM;
        topics->list = grown;
        topics->size = size;
    }
    struct topic copy = *topic;
    copy.symbol = strdup(topic->symbol);
    if (copy.symbol == NULL)
        return -ENOMEM;
    topics->list[topics->count++] = copy;
    return 0;
}

int topics_copy(struct topics *to, const struct topic *list, size_t count)
{
    *to = (struct topics){0};
    for (size_t i = 0; i < count; i++) {
        if (topics_append(to, &list[i]) != 0) {
            topics_finish(to);
            return -ENOMEM;
        }
    }
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A sorted copy of the pointers, so that thousands of symbols are looked up in no time. */
static const char **symbols_sort(const char *const *symbols, size_t count)
{
    const char **sorted = malloc((count + 1) * sizeof *sorted);
    if (sorted == NULL)
        return NULL;
    memcpy(sorted, symbols, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_text);
    return sorted;
}

/* Takes `kinds` away from the topics in `sorted`; those without any left go. */
static void kinds_clear(struct topics *topics, const char *const *sorted, size_t count,
                        unsigned kinds)
{
    size_t kept = 0;
    for (size_t i = 0; i < topics->count; i++) {
        struct topic topic = topics->list[i];
        if (bsearch(&topic.symbol, sorted, count, sizeof *sorted, by_text) != NULL)
            topic.kinds &= (uint8_t)~kinds;
        if (topic.kinds != 0)
            topics->list[kept++] = topic;
        else
            free(topic.symbol);
    }
    topics->count = kept;
}

/* Is this the first time this text is asked for? Equal texts share the mark of the first of them.
 */
static bool symbol_take(const char **sorted, bool *used, size_t count, const char *symbol)
{
    const char **found = bsearch(&symbol, sorted, count, sizeof *sorted, by_text);
    size_t at = (size_t)(found - sorted);
    while (at > 0 && strcmp(sorted[at - 1], symbol) == 0)
        at--;
    const bool is_first = !used[at];
    used[at] = true;
    return is_first;
}

int topics_set(struct topics *topics, const char *const *symbols, size_t count, unsigned kinds,
               struct delivery delivery)
{
    if (delivery.mode == DELIVER_LATEST)
        delivery.age_max_ms = 0; /* nothing is queued that could grow old */
    const char **sorted = symbols_sort(symbols, count);
    bool *used = calloc(count + 1, sizeof *used);
    int rc = sorted == NULL || used == NULL ? -ENOMEM : 0;
    if (rc == 0)
        kinds_clear(topics, sorted, count, kinds);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        const struct topic topic = {
            .symbol = (char *)symbols[i],
            .kinds = (uint8_t)kinds,
            .delivery = delivery,
        };
        if (symbol_take(sorted, used, count, symbols[i]))
            rc = topics_append(topics, &topic);
    }
    free(used);
    free(sorted);
    return rc;
}

int topics_remove(struct topics *topics, const char *const *symbols, size_t count)
{
    const char **sorted = symbols_sort(symbols, count);
    if (sorted == NULL)
        return -ENOMEM;
    kinds_clear(topics, sorted, count, KIND_BITS_ALL);
    free(sorted);
    return 0;
}

bool topic_repeats(const struct topic *list, size_t at)
{
    if (list[at].kinds == KIND_BITS_ALL)
        return false; /* no kinds are left for another */
    for (size_t i = at; i-- > 0;) {
        if (strcmp(list[i].symbol, list[at].symbol) == 0)
            return true;
        if (!topic_is_pattern(list[at].symbol))
            return false; /* names are sorted */
    }
    return false;
}

/* ---- plans ---- */

static int by_name(const void *a, const void *b)
{
    const struct topic *left = a, *right = b;
    const int order = strcmp(left->symbol, right->symbol);
    return order != 0 ? order : (int)left->kinds - (int)right->kinds;
}

/* Names to the front, sorted; patterns keep their order behind them. */
static size_t names_sort(struct topic *list, size_t count)
{
    struct topic *patterns = malloc((count + 1) * sizeof *patterns);
    if (patterns == NULL)
        return SIZE_MAX;
    size_t names = 0, others = 0;
    for (size_t i = 0; i < count; i++) {
        if (topic_is_pattern(list[i].symbol))
            patterns[others++] = list[i];
        else
            list[names++] = list[i];
    }
    if (others > 0)
        memcpy(list + names, patterns, others * sizeof *patterns);
    free(patterns);
    if (names > 0)
        qsort(list, names, sizeof *list, by_name);
    return names;
}

bool delivery_equals(const struct delivery *a, const struct delivery *b)
{
    return a->mode == b->mode && a->encoding == b->encoding && a->period_ms == b->period_ms &&
           a->age_max_ms == b->age_max_ms && a->ohlc == b->ohlc && a->clocks == b->clocks;
}

static int group_find(struct plan *plan, struct delivery delivery)
{
    for (size_t i = 0; i < plan->groups_count; i++)
        if (delivery_equals(&plan->groups[i], &delivery))
            return (int)i;
    if (plan->groups_count == PLAN_GROUPS_MAX)
        return -1;
    plan->groups[plan->groups_count] = delivery;
    return (int)plan->groups_count++;
}

size_t plan_delivery_group(const struct plan *plan, struct delivery delivery)
{
    for (size_t i = 0; i < plan->groups_count; i++)
        if (delivery_equals(&plan->groups[i], &delivery))
            return i;
    return PLAN_GROUPS_MAX;
}

int plan_init(struct plan *plan, struct topics *topics)
{
    struct plan made = {.topics = topics->list, .count = topics->count};
    made.group_of = malloc(topics->count + 1);
    made.names = names_sort(made.topics, made.count);
    int rc = made.group_of == NULL || made.names == SIZE_MAX ? -ENOMEM : 0;
    for (size_t i = 0; rc == 0 && i < made.count; i++) {
        const int group = group_find(&made, made.topics[i].delivery);
        if (group < 0)
            rc = -E2BIG;
        made.group_of[i] = (uint8_t)group;
    }
    if (rc != 0) {
        free(made.group_of);
        return rc;
    }
    *topics = (struct topics){0};
    *plan = made;
    return 0;
}

void plan_finish(struct plan *plan)
{
    struct topics topics = {.list = plan->topics, .count = plan->count};
    topics_finish(&topics);
    free(plan->group_of);
    *plan = (struct plan){0};
}

/* The first name not below `symbol`. */
static size_t names_search(const struct plan *plan, const char *symbol)
{
    size_t low = 0, high = plan->names;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(plan->topics[middle].symbol, symbol) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int plan_group(const struct plan *plan, const char *symbol, enum event_kind kind)
{
    for (size_t i = names_search(plan, symbol); i < plan->names; i++) {
        if (strcmp(plan->topics[i].symbol, symbol) != 0)
            break;
        if (plan->topics[i].kinds >> kind & 1)
            return plan->group_of[i];
    }
    for (size_t i = plan->count; i-- > plan->names;)
        if ((plan->topics[i].kinds >> kind & 1) && pattern_matches(plan->topics[i].symbol, symbol))
            return plan->group_of[i];
    return -1;
}
