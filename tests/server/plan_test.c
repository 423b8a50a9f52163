/* Patterns, lists of topics, and which of them wins a stream. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/plan.h"
#include "tests/support/random.h"

enum { TRADES = 1 << EVENT_TRADE, QUOTES = 1 << EVENT_QUOTE };

static struct delivery latest(uint32_t period_ms)
{
    return (struct delivery){.mode = DELIVER_LATEST, .period_ms = period_ms};
}

static void set(struct topics *topics, const char *symbol, unsigned kinds, uint32_t period_ms)
{
    assert_int_equal(topics_set(topics, &symbol, 1, kinds, latest(period_ms)), 0);
}

/* ---- patterns ---- */

static bool naive_matches(const char *pattern, const char *symbol)
{
    if (*pattern == '*')
        return naive_matches(pattern + 1, symbol) ||
               (*symbol != '\0' && naive_matches(pattern, symbol + 1));
    return *pattern == *symbol && (*pattern == '\0' || naive_matches(pattern + 1, symbol + 1));
}

static void a_star_stands_for_any_run_of_characters(void **state)
{
    (void)state;
    assert_true(pattern_matches("*", ""));
    assert_true(pattern_matches("BTC-*", "BTC-USD"));
    assert_true(pattern_matches("BTC-*", "BTC-"));
    assert_false(pattern_matches("BTC-*", "BTC"));
    assert_true(pattern_matches("*-USD", "BTC-USD"));
    assert_false(pattern_matches("*-USD", "BTC-USDT"));
    assert_true(pattern_matches("*T*", "BTC"));
    assert_true(pattern_matches("a*b*c", "aXbYbZc"));
    assert_true(pattern_matches("**", "x"));
    assert_false(pattern_matches("", "x"));
}

static void nothing_but_the_star_is_special(void **state)
{
    (void)state;
    assert_false(pattern_matches("B?C", "BTC"));
    assert_false(pattern_matches("[B]*", "BTC"));
    assert_true(pattern_matches("[B]*", "[B]TC"));
    assert_false(pattern_matches("btc", "BTC"));
    assert_true(topic_is_pattern("A*") && topic_is_pattern("*"));
    assert_false(topic_is_pattern("A?[b]") || topic_is_pattern(""));
}

static void matching_agrees_with_a_naive_matcher(void **state)
{
    struct random random = {random_seed_of(1)};
    (void)state;
    for (int i = 0; i < 200000; i++) {
        char pattern[10] = "", symbol[12] = "";
        for (unsigned k = random_below(&random, 9); k > 0; k--)
            pattern[k - 1] = "ab**"[random_below(&random, 4)];
        for (unsigned k = random_below(&random, 11); k > 0; k--)
            symbol[k - 1] = "ab"[random_below(&random, 2)];
        if (pattern_matches(pattern, symbol) != naive_matches(pattern, symbol))
            fail_msg("%s against %s", pattern, symbol);
    }
}

/* A naive matcher would take the age of the universe. */
static void a_malicious_pattern_is_no_slower_than_its_product(void **state)
{
    char pattern[128], symbol[128];
    (void)state;
    for (size_t i = 0; i < 127; i++) {
        pattern[i] = i % 2 == 0 ? '*' : 'a';
        symbol[i] = 'a';
    }
    pattern[126] = 'b';
    pattern[127] = symbol[127] = '\0';
    for (int i = 0; i < 1000; i++)
        assert_false(pattern_matches(pattern, symbol));
}

/* ---- lists ---- */

static void setting_again_replaces_and_moves_to_the_end(void **state)
{
    struct topics topics = {0};
    (void)state;
    set(&topics, "A*", TRADES | QUOTES, 1);
    set(&topics, "B*", TRADES | QUOTES, 2);
    set(&topics, "A*", TRADES | QUOTES, 3);
    assert_int_equal(topics.count, 2);
    assert_string_equal(topics.list[0].symbol, "B*");
    assert_string_equal(topics.list[1].symbol, "A*");
    assert_int_equal(topics.list[1].delivery.period_ms, 3);
    topics_finish(&topics);
}

static void kinds_set_apart_are_kept_apart(void **state)
{
    struct topics topics = {0};
    (void)state;
    set(&topics, "A", TRADES | QUOTES, 1);
    set(&topics, "A", QUOTES, 2);
    assert_int_equal(topics.count, 2);
    assert_int_equal(topics.list[0].kinds, TRADES);
    assert_int_equal(topics.list[1].kinds, QUOTES);
    assert_false(topic_repeats(topics.list, 0));
    assert_true(topic_repeats(topics.list, 1));
    set(&topics, "A", TRADES | QUOTES, 3);
    assert_int_equal(topics.count, 1);
    topics_finish(&topics);
}

static void repeated_symbols_count_once(void **state)
{
    static const char *const symbols[] = {"B", "A", "B", "A*", "A*", "B"};
    struct topics topics = {0};
    (void)state;
    assert_int_equal(topics_set(&topics, symbols, 6, KIND_BITS_ALL, latest(0)), 0);
    assert_int_equal(topics.count, 3);
    assert_string_equal(topics.list[0].symbol, "B");
    assert_string_equal(topics.list[1].symbol, "A");
    assert_string_equal(topics.list[2].symbol, "A*");
    topics_finish(&topics);
}

static void removing_forgets_all_kinds_and_only_the_text_itself(void **state)
{
    static const char *const gone[] = {"A", "X*", "nobody"};
    struct topics topics = {0};
    (void)state;
    set(&topics, "A", TRADES, 1);
    set(&topics, "A", QUOTES, 2);
    set(&topics, "AB", TRADES, 1);
    set(&topics, "A*", TRADES, 1);
    set(&topics, "X*", TRADES, 1);
    assert_int_equal(topics_remove(&topics, gone, 3), 0);
    assert_int_equal(topics.count, 2);
    assert_string_equal(topics.list[0].symbol, "AB");
    assert_string_equal(topics.list[1].symbol, "A*"); /* a pattern is a text like any other here */
    topics_finish(&topics);
}

static void a_copy_is_its_own(void **state)
{
    struct topics topics = {0}, copy;
    (void)state;
    set(&topics, "A", TRADES, 1);
    assert_int_equal(topics_copy(&copy, topics.list, topics.count), 0);
    topics_finish(&topics);
    assert_int_equal(copy.count, 1);
    assert_string_equal(copy.list[0].symbol, "A");
    topics_finish(&copy);
    assert_int_equal(topics_copy(&copy, NULL, 0), 0);
    assert_int_equal(copy.count, 0);
}

/* One message may hold ten thousand symbols, and so may the list it meets. */
static void ten_thousand_symbols_take_no_time(void **state)
{
    enum { MANY = 10000 };
    static char names[MANY][8];
    static const char *symbols[MANY];
    struct topics topics = {0};
    (void)state;
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "S%d", i * 7 % MANY);
        symbols[i] = names[i];
    }
    const clock_t began = clock();
    for (int i = 0; i < 10; i++)
        assert_int_equal(topics_set(&topics, symbols, MANY, KIND_BITS_ALL, latest(0)), 0);
    assert_int_equal(topics.count, MANY);
    assert_int_equal(topics_remove(&topics, symbols, MANY / 2), 0);
    assert_int_equal(topics.count, MANY / 2);
    assert_string_equal(topics.list[0].symbol, symbols[MANY / 2]);
    struct plan plan;
    assert_int_equal(plan_init(&plan, &topics), 0);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(plan_group(&plan, symbols[i], EVENT_TRADE), i < MANY / 2 ? -1 : 0);
    assert_in_range((clock() - began) / (CLOCKS_PER_SEC / 1000), 0, 3000); /* ms, with sanitizers */
    plan_finish(&plan);
}

/* ---- plans ---- */

static uint32_t period_of(const struct plan *plan, const char *symbol, enum event_kind kind)
{
    const int group = plan_group(plan, symbol, kind);
    return group < 0 ? 0 : plan->groups[group].period_ms;
}

static void a_name_goes_over_a_pattern(void **state)
{
    struct topics topics = {0};
    struct plan plan;
    (void)state;
    set(&topics, "BTC", KIND_BITS_ALL, 1);
    set(&topics, "B*", KIND_BITS_ALL, 2);
    assert_int_equal(plan_init(&plan, &topics), 0);
    assert_int_equal(topics.count, 0); /* taken */
    assert_int_equal(plan.names, 1);
    assert_int_equal(period_of(&plan, "BTC", EVENT_TRADE), 1);
    assert_int_equal(period_of(&plan, "BNB", EVENT_TRADE), 2);
    assert_int_equal(plan_group(&plan, "ETH", EVENT_TRADE), -1);
    plan_finish(&plan);
}

static void a_later_pattern_goes_over_an_earlier_one(void **state)
{
    struct topics topics = {0};
    struct plan plan;
    (void)state;
    set(&topics, "*", KIND_BITS_ALL, 1);
    set(&topics, "B*", KIND_BITS_ALL, 2);
    set(&topics, "*C", KIND_BITS_ALL, 3);
    assert_int_equal(plan_init(&plan, &topics), 0);
    assert_int_equal(period_of(&plan, "BTC", EVENT_TRADE), 3);
    assert_int_equal(period_of(&plan, "BNB", EVENT_TRADE), 2);
    assert_int_equal(period_of(&plan, "ETH", EVENT_QUOTE), 1);
    plan_finish(&plan);
}

static void a_topic_wins_only_the_kinds_it_covers(void **state)
{
    struct topics topics = {0};
    struct plan plan;
    (void)state;
    set(&topics, "*", TRADES, 1);
    set(&topics, "A", TRADES, 2);
    set(&topics, "A", QUOTES, 3);
    set(&topics, "B", QUOTES, 4);
    assert_int_equal(plan_init(&plan, &topics), 0);
    assert_int_equal(period_of(&plan, "A", EVENT_TRADE), 2);
    assert_int_equal(period_of(&plan, "A", EVENT_QUOTE), 3);
    assert_int_equal(period_of(&plan, "B", EVENT_TRADE), 1); /* the name has no trades */
    assert_int_equal(period_of(&plan, "B", EVENT_QUOTE), 4);
    assert_int_equal(plan_group(&plan, "C", EVENT_QUOTE), -1);
    plan_finish(&plan);
}

static void topics_of_one_delivery_are_one_group(void **state)
{
    struct topics topics = {0};
    struct plan plan;
    const char *symbol = "E";
    const struct delivery every = {.mode = DELIVER_EVERY, .period_ms = 5};
    (void)state;
    set(&topics, "A", TRADES, 5);
    set(&topics, "B", QUOTES, 5);
    set(&topics, "C*", TRADES, 5);
    set(&topics, "D", TRADES, 6);
    assert_int_equal(topics_set(&topics, &symbol, 1, TRADES, every), 0);
    assert_int_equal(plan_init(&plan, &topics), 0);
    assert_int_equal(plan.groups_count, 3);
    assert_int_equal(plan_group(&plan, "A", EVENT_TRADE), plan_group(&plan, "Cx", EVENT_TRADE));
    assert_int_not_equal(plan_group(&plan, "A", EVENT_TRADE), plan_group(&plan, "E", EVENT_TRADE));
    plan_finish(&plan);
}

static void too_many_deliveries_are_refused_and_leave_the_topics(void **state)
{
    struct topics topics = {0};
    struct plan plan;
    char name[2] = "A";
    (void)state;
    for (uint32_t i = 0; i < PLAN_GROUPS_MAX; i++, name[0]++)
        set(&topics, name, TRADES, i);
    assert_int_equal(plan_init(&plan, &topics), 0);
    assert_int_equal(topics_copy(&topics, plan.topics, plan.count), 0);
    plan_finish(&plan);
    set(&topics, "one more", TRADES, PLAN_GROUPS_MAX);
    assert_int_equal(plan_init(&plan, &topics), -E2BIG);
    assert_int_equal(topics.count, PLAN_GROUPS_MAX + 1);
    topics_finish(&topics);
}

static void an_empty_plan_wants_nothing(void **state)
{
    struct topics topics = {0};
    struct plan plan;
    (void)state;
    assert_int_equal(plan_init(&plan, &topics), 0);
    assert_int_equal(plan_group(&plan, "A", EVENT_TRADE), -1);
    plan_finish(&plan);
}

static void the_winner_is_the_one_a_naive_search_finds(void **state)
{
    static const char *const texts[] = {"A", "B", "AB", "BA", "A*", "*A", "*", "**", "B*A"};
    static const char *const symbols[] = {"A", "B", "AB", "BA", "BAA", "C"};
    struct random random = {random_seed_of(2)};
    (void)state;
    for (int round = 0; round < 3000; round++) {
        struct topics topics = {0};
        for (unsigned i = random_below(&random, 12); i > 0; i--)
            set(&topics, texts[random_below(&random, 9)],
                (1 + random_below(&random, 3)) << EVENT_TRADE, random_below(&random, 8));
        for (size_t i = 0; i < 12; i++) {
            const char *symbol = symbols[i / 2];
            const enum event_kind kind = i % 2 == 0 ? EVENT_TRADE : EVENT_QUOTE;
            const struct topic *winner = NULL;
            bool by_name = false;
            for (size_t k = 0; k < topics.count; k++) {
                const struct topic *topic = &topics.list[k];
                const bool is_name = strcmp(topic->symbol, symbol) == 0;
                if ((topic->kinds >> kind & 1) && naive_matches(topic->symbol, symbol) &&
                    (is_name || !by_name)) {
                    winner = topic;
                    by_name = is_name;
                }
            }
            struct topics copy;
            struct plan plan;
            assert_int_equal(topics_copy(&copy, topics.list, topics.count), 0);
            assert_int_equal(plan_init(&plan, &copy), 0);
            const int group = plan_group(&plan, symbol, kind);
            assert_int_equal(group >= 0, winner != NULL);
            if (winner != NULL)
                assert_int_equal(plan.groups[group].period_ms, winner->delivery.period_ms);
            plan_finish(&plan);
        }
        topics_finish(&topics);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_star_stands_for_any_run_of_characters),
        cmocka_unit_test(nothing_but_the_star_is_special),
        cmocka_unit_test(matching_agrees_with_a_naive_matcher),
        cmocka_unit_test(a_malicious_pattern_is_no_slower_than_its_product),
        cmocka_unit_test(setting_again_replaces_and_moves_to_the_end),
        cmocka_unit_test(kinds_set_apart_are_kept_apart),
        cmocka_unit_test(repeated_symbols_count_once),
        cmocka_unit_test(removing_forgets_all_kinds_and_only_the_text_itself),
        cmocka_unit_test(a_copy_is_its_own),
        cmocka_unit_test(ten_thousand_symbols_take_no_time),
        cmocka_unit_test(a_name_goes_over_a_pattern),
        cmocka_unit_test(a_later_pattern_goes_over_an_earlier_one),
        cmocka_unit_test(a_topic_wins_only_the_kinds_it_covers),
        cmocka_unit_test(topics_of_one_delivery_are_one_group),
        cmocka_unit_test(too_many_deliveries_are_refused_and_leave_the_topics),
        cmocka_unit_test(an_empty_plan_wants_nothing),
        cmocka_unit_test(the_winner_is_the_one_a_naive_search_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
