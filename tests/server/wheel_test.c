/* When what stands in a wheel is looked at. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "server/wheel.h"

enum { TURN_MS = 10, THINGS = 4 };

static struct thing {
    struct wheel_entry entry; /* first */
    int looks;
    int64_t again_ms;           /* at a look: puts itself again; 0: does not */
    struct wheel_entry *victim; /* at a look: takes this one out */
} things[THINGS];
static struct wheel wheel;

static int setup(void **state)
{
    (void)state;
    memset(things, 0, sizeof things);
    wheel = (struct wheel){.turn_ms = TURN_MS};
    return 0;
}

static void look(struct wheel_entry *entry)
{
    struct thing *thing = (struct thing *)entry;
    thing->looks++;
    if (thing->again_ms > 0)
        wheel_put(&wheel, entry, thing->again_ms);
    if (thing->victim != NULL)
        wheel_remove(thing->victim);
}

/* How many turns it takes until something has been looked at. */
static int turns_until(const struct thing *thing)
{
    int turns = 0;
    for (const int before = thing->looks; thing->looks == before; turns++) {
        assert_true(turns < 2 * WHEEL_SLOTS);
        wheel_turn(&wheel, look);
    }
    return turns;
}

static void it_is_looked_at_when_it_is_due_and_once(void **state)
{
    static const struct {
        int64_t delay_ms;
        int turns;
    } all[] = {{1, 1}, {10, 1}, {11, 2}, {20, 2}, {105, 11}, {310, 31}};
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) { /* from another slot each time */
        wheel_put(&wheel, &things[0].entry, all[i].delay_ms);
        assert_int_equal(turns_until(&things[0]), all[i].turns);
    }
    for (int i = 0; i < 2 * WHEEL_SLOTS; i++)
        wheel_turn(&wheel, look);
    assert_int_equal(things[0].looks, sizeof all / sizeof *all);
}

/* Or it would be looked at for ever in the turn that puts it. */
static void what_is_due_already_waits_for_the_next_turn(void **state)
{
    (void)state;
    wheel_put(&wheel, &things[0].entry, 0);
    assert_int_equal(turns_until(&things[0]), 1);
    wheel_put(&wheel, &things[0].entry, -5000);
    assert_int_equal(turns_until(&things[0]), 1);
    things[0].again_ms = 1;
    wheel_put(&wheel, &things[0].entry, 1);
    wheel_turn(&wheel, look);
    assert_int_equal(things[0].looks, 3);
    wheel_turn(&wheel, look);
    assert_int_equal(things[0].looks, 4);
}

static void later_than_the_ring_is_looked_at_before(void **state)
{
    (void)state;
    wheel_put(&wheel, &things[0].entry, INT64_C(10000000));
    assert_int_equal(turns_until(&things[0]), WHEEL_SLOTS - 1);
}

static void put_again_it_stands_in_one_slot_only(void **state)
{
    (void)state;
    wheel_put(&wheel, &things[0].entry, 20);
    wheel_put(&wheel, &things[1].entry, 20);
    wheel_put(&wheel, &things[2].entry, 20);
    wheel_put(&wheel, &things[1].entry, 50); /* from between two others */
    assert_int_equal(turns_until(&things[0]), 2);
    assert_int_equal(things[2].looks, 1);
    assert_int_equal(things[1].looks, 0);
    assert_int_equal(turns_until(&things[1]), 3);
}

static void what_is_removed_is_not_looked_at(void **state)
{
    (void)state;
    for (int i = 0; i < THINGS; i++)
        wheel_put(&wheel, &things[i].entry, 10);
    for (int i = 0; i < THINGS - 1; i++)
        wheel_remove(&things[i].entry);
    wheel_remove(&things[0].entry); /* it is out */
    wheel_turn(&wheel, look);
    for (int i = 0; i < THINGS; i++)
        assert_int_equal(things[i].looks, i == THINGS - 1);
}

/* A session that is looked at may close another. */
static void a_look_may_remove_what_is_next(void **state)
{
    (void)state;
    for (int i = 0; i < THINGS; i++) {
        wheel_put(&wheel, &things[i].entry, 10);
        things[i].victim = &things[(i + 1) % THINGS].entry;
    }
    wheel_turn(&wheel, look);
    int looks = 0;
    for (int i = 0; i < THINGS; i++) {
        assert_in_range(things[i].looks, 0, 1);
        looks += things[i].looks;
    }
    assert_true(looks > 0 && looks < THINGS);
    for (int i = 0; i < THINGS; i++)
        assert_true(things[i].looks || things[(i + THINGS - 1) % THINGS].looks);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_looked_at_when_it_is_due_and_once),
        TEST(what_is_due_already_waits_for_the_next_turn),
        TEST(later_than_the_ring_is_looked_at_before),
        TEST(put_again_it_stands_in_one_slot_only),
        TEST(what_is_removed_is_not_looked_at),
        TEST(a_look_may_remove_what_is_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
