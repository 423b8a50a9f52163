/* The simulated market: repeatable, at the rate asked for, with prices that could be real. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "feed/sim.h"

static char error[600];
static struct event_batch batch, other_batch;

static int try_make(const char *text, struct producer **out)
{
    struct spec spec;
    assert_int_equal(spec_parse(text, &spec, error, sizeof error), 0);
    const int rc = sim_create(&spec, out, error, sizeof error);
    spec_finish(&spec);
    return rc;
}

static struct producer *make(const char *text)
{
    struct producer *sim;
    if (try_make(text, &sim) != 0)
        fail_msg("%s: %s", text, error);
    return sim;
}

static void fill(struct producer *sim)
{
    sim->ops->fill(sim, &batch);
    assert_int_equal(batch.end, PRODUCER_MORE);
    assert_in_range(batch.count, 1, BATCH_EVENTS_MAX);
    assert_string_equal(batch.message, "");
}

static bool is_same(struct producer *a, struct producer *b)
{
    bool same = true;
    for (int i = 0; i < 5; i++) {
        a->ops->fill(a, &batch);
        b->ops->fill(b, &other_batch);
        same = same && batch.count == other_batch.count &&
               memcmp(batch.events, other_batch.events, batch.count * sizeof *batch.events) == 0;
    }
    return same;
}

static void one_seed_is_one_market(void **state)
{
    (void)state;
    struct producer *a = make("sim:?seed=7"), *b = make("sim:?seed=7"), *c = make("sim:?seed=8");
    assert_true(is_same(a, b));
    assert_false(is_same(a, c));
    a->ops->destroy(a);
    b->ops->destroy(b);
    c->ops->destroy(c);
}

static void rewinding_begins_the_same_again(void **state)
{
    (void)state;
    struct producer *a = make("sim:?seed=7"), *b = make("sim:?seed=7");
    for (int i = 0; i < 10; i++)
        fill(a);
    assert_int_equal(a->ops->rewind(a), 0);
    assert_true(is_same(a, b));
    a->ops->destroy(a);
    b->ops->destroy(b);
}

/* Events a second over as much time as `events` take. */
static double rate_of(const char *text, uint64_t events)
{
    struct producer *sim = make(text);
    uint64_t count = 0;
    int64_t last = 0;
    while (count < events) {
        fill(sim);
        count += batch.count;
        last = batch.events[batch.count - 1].recv_ns;
    }
    sim->ops->destroy(sim);
    return (double)count / ((double)last / 1e9);
}

static void expect_rate(const char *text, uint64_t events, double rate, double off)
{
    const double is = rate_of(text, events);
    if (is < rate * (1 - off) || is > rate * (1 + off))
        fail_msg("%s: %g events a second", text, is);
}

static void on_average_it_has_the_rate_asked_for(void **state)
{
    (void)state;
    expect_rate("sim:?rate=100&bursts=1", 30000, 100, 0.03);
    expect_rate("sim:?rate=1000000&bursts=1", 200000, 1e6, 0.03);
    expect_rate("sim:?rate=0.5&bursts=1", 3000, 0.5, 0.1);
    expect_rate("sim:?rate=20&bursts=5", 400000, 20, 0.1); /* bursts need many to average out */
}

/* To measure with: nothing is left to chance. */
static void an_even_market_takes_turns(void **state)
{
    (void)state;
    struct producer *sim = make("sim:?symbols=3&rate=1000&kinds=quote&even=1");
    sim->ops->fill(sim, &batch);
    assert_in_range(batch.count, 9, BATCH_EVENTS_MAX);
    for (size_t i = 3; i < 9; i++) {
        assert_int_equal(batch.events[i].stream, batch.events[i - 3].stream);
        assert_int_not_equal(batch.events[i].stream, batch.events[i - 1].stream);
        assert_int_equal(batch.events[i].ts_ns, i * 1000000);
    }
    sim->ops->destroy(sim);
}

static void time_goes_forward_and_a_batch_is_about_a_second(void **state)
{
    (void)state;
    struct producer *sim = make("sim:?rate=100");
    int64_t last = 0;
    for (int i = 0; i < 100; i++) {
        fill(sim);
        assert_true(batch.events[batch.count - 1].recv_ns - batch.events[0].recv_ns <= 1000000000);
        for (size_t k = 0; k < batch.count; k++) {
            assert_true(batch.events[k].recv_ns >= last);
            assert_true(batch.events[k].ts_ns == batch.events[k].recv_ns);
            last = batch.events[k].recv_ns;
        }
    }
    sim->ops->destroy(sim);
}

static void expect_positive(const struct price_event *event, int which)
{
    const struct decimal value = event_value(event, which);
    assert_false(decimal_is_absent(value));
    assert_true(value.mantissa > 0);
    assert_int_equal(value.form & DECIMAL_NEGATIVE, 0);
}

static void check_event(const struct producer *sim, const struct price_event *event)
{
    const struct stream *stream = streams_get(sim->streams, event->stream);
    assert_string_equal(stream->source, "sim"); /* nobody shall take it for real */
    assert_int_equal(stream->kind, event->kind);
    if (event->kind == EVENT_TRADE) {
        expect_positive(event, VALUE_PRICE);
        expect_positive(event, VALUE_SIZE);
        assert_in_range(event->detail, SIDE_BUY, SIDE_SELL);
        return;
    }
    for (int i = 0; i < EVENT_VALUES; i++)
        expect_positive(event, i);
    assert_true(decimal_compare(event_value(event, VALUE_BID), event_value(event, VALUE_ASK)) < 0);
}

/* However wild it gets: no price is zero, and no bid is above its ask. */
static void prices_stay_possible(void **state)
{
    static const char *const markets[] = {"sim:?volatility=10&symbols=10&rate=1e5",
                                          "sim:?kinds=trade&volatility=10&symbols=10&rate=1e5",
                                          "sim:?volatility=0", "sim:?symbols=1"};
    (void)state;
    for (size_t i = 0; i < sizeof markets / sizeof *markets; i++) {
        struct producer *sim = make(markets[i]);
        for (int turn = 0; turn < 60; turn++) {
            fill(sim);
            for (size_t k = 0; k < batch.count; k++)
                check_event(sim, &batch.events[k]);
        }
        sim->ops->destroy(sim);
    }
}

static void trades_happen_at_the_bid_or_the_ask(void **state)
{
    (void)state;
    struct producer *sim = make("sim:?symbols=3&rate=10000");
    struct price_event quotes[10] = {0};
    unsigned compared = 0;
    for (int turn = 0; turn < 20; turn++) {
        fill(sim);
        for (size_t i = 0; i < batch.count; i++) {
            const struct price_event *event = &batch.events[i];
            const uint32_t instrument = event->stream / 2;
            if (event->kind == EVENT_QUOTE) {
                quotes[instrument] = *event;
            } else if (quotes[instrument].kind == EVENT_QUOTE) {
                const int side = event->detail == SIDE_BUY ? VALUE_ASK : VALUE_BID;
                assert_int_equal(decimal_compare(event_value(event, VALUE_PRICE),
                                                 event_value(&quotes[instrument], side)),
                                 0);
                compared++;
            }
        }
    }
    assert_true(compared > 1000);
    sim->ops->destroy(sim);
}

static void kinds_choose(void **state)
{
    static const struct {
        const char *text;
        bool trades, quotes;
    } markets[] = {{"sim:", true, true},
                   {"sim:?kinds=trade", true, false},
                   {"sim:?kinds=quote", false, true},
                   {"sim:?kinds=trade,quote", true, true},
                   {"sim:?kinds=quote,trade", true, true}};
    (void)state;
    for (size_t i = 0; i < sizeof markets / sizeof *markets; i++) {
        struct producer *sim = make(markets[i].text);
        unsigned kinds[2] = {0};
        for (int turn = 0; turn < 3; turn++) {
            fill(sim);
            for (size_t k = 0; k < batch.count; k++)
                kinds[batch.events[k].kind]++;
        }
        assert_int_equal(kinds[EVENT_TRADE] > 0, markets[i].trades);
        assert_int_equal(kinds[EVENT_QUOTE] > 0, markets[i].quotes);
        sim->ops->destroy(sim);
    }
}

static void symbols_have_names_of_their_own_and_all_take_part(void **state)
{
    (void)state;
    struct producer *sim = make("sim:?symbols=60&rate=1e6&kinds=quote");
    bool seen[120] = {false};
    unsigned different = 0;
    for (int turn = 0; turn < 20; turn++) {
        fill(sim);
        for (size_t i = 0; i < batch.count; i++) {
            different += !seen[batch.events[i].stream];
            seen[batch.events[i].stream] = true;
        }
    }
    assert_int_equal(different, 60);
    assert_int_equal(streams_count(sim->streams), 120);
    for (uint32_t i = 0; i < 120; i += 2)
        for (uint32_t k = 0; k < i; k += 2)
            assert_string_not_equal(streams_get(sim->streams, i)->symbol,
                                    streams_get(sim->streams, k)->symbol);
    sim->ops->destroy(sim);
}

static void limits_are_reached(void **state)
{
    (void)state;
    struct producer *sim = make("sim:?symbols=100000&rate=100000000&bursts=15&volatility=10"
                                "&seed=18446744073709551615");
    fill(sim);
    assert_int_equal(batch.count, BATCH_EVENTS_MAX);
    sim->ops->destroy(sim);
    sim = make("sim:?symbols=1&rate=0.001&bursts=1&volatility=0&seed=0");
    fill(sim);
    fill(sim);
    sim->ops->destroy(sim);
}

static void beyond_them_it_is_refused(void **state)
{
    static const struct {
        const char *text, *says;
    } wrong[] = {
        {"sim:?symbols=0", "symbols=0: allowed are whole numbers from 1 to 100000"},
        {"sim:?symbols=100001", "symbols"},
        {"sim:?rate=0", "rate=0: allowed are numbers from 0.001 to 1e+08"},
        {"sim:?rate=100000001", "rate"},
        {"sim:?seed=-1", "seed"},
        {"sim:?bursts=0.9", "bursts"},
        {"sim:?bursts=15.1", "bursts"},
        {"sim:?volatility=-1", "volatility"},
        {"sim:?volatility=10.1", "volatility"},
        {"sim:?even=2", "even=2: allowed are whole numbers from 0 to 1"},
        {"sim:?kinds=", "kinds"},
        {"sim:?kinds=trades", "kinds=trades: allowed are trade, quote and trade,quote"},
        {"sim:?colour=red", "\"colour\""},
        {"sim:?seed=1&seed=2", "key \"seed\" is there twice (\"1\", \"2\")"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct producer *sim = NULL;
        assert_int_equal(try_make(wrong[i].text, &sim), -EINVAL);
        assert_null(sim);
        if (strstr(error, wrong[i].says) == NULL || strchr(error, '\n') != NULL)
            fail_msg("%s: %s", wrong[i].text, error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_seed_is_one_market),
        cmocka_unit_test(rewinding_begins_the_same_again),
        cmocka_unit_test(on_average_it_has_the_rate_asked_for),
        cmocka_unit_test(an_even_market_takes_turns),
        cmocka_unit_test(time_goes_forward_and_a_batch_is_about_a_second),
        cmocka_unit_test(prices_stay_possible),
        cmocka_unit_test(trades_happen_at_the_bid_or_the_ask),
        cmocka_unit_test(kinds_choose),
        cmocka_unit_test(symbols_have_names_of_their_own_and_all_take_part),
        cmocka_unit_test(limits_are_reached),
        cmocka_unit_test(beyond_them_it_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
