/* The load meter finds every item that breaks the promise about sequence numbers, and no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/ledger.h"

static struct ledger ledger;
static struct ledger_fault fault;

static int tear_down(void **state)
{
    (void)state;
    ledger_finish(&ledger);
    return 0;
}

static int enter(enum message_type type, const struct digest_item *items, size_t count,
                 bool is_binary)
{
    const struct digest digest = {.type = type, .item_count = count, .items = items};
    return ledger_enter(&ledger, &digest, is_binary, &fault);
}

static int item(uint32_t stream, int64_t seq, int64_t skipped)
{
    const struct digest_item one = {.stream = stream, .seq = seq, .skipped = skipped};
    return enter(MESSAGE_UPDATE, &one, 1, false);
}

static void numbers_follow_one_another_in_each_stream(void **state)
{
    (void)state;
    assert_int_equal(item(0, 7, 0), 0); /* it may begin anywhere */
    assert_int_equal(item(0, 8, 0), 0);
    assert_int_equal(item(1, 1, 0), 0);
    assert_int_equal(item(0, 12, 3), 0); /* with what was passed over */
    assert_int_equal(item(1, 2, 0), 0);
    assert_int_equal(item(100000, 5, 2), 0); /* however many streams */
    assert_int_equal(item(100000, 6, 0), 0);
    assert_int_equal(item(0, 13, 0), 0);
}

static void gaps_repeats_and_false_counts_are_found(void **state)
{
    static const struct {
        int64_t seq, skipped;
    } wrong[] = {{12, 0}, {10, 0}, {9, 0}, {11, 1}, {12, 2}, {13, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(item(3, 10, 0), 0);
        assert_int_equal(item(3, wrong[i].seq, wrong[i].skipped), 1);
        assert_int_equal(fault.last_seq, 10);
        assert_int_equal(item(3, wrong[i].seq + 1, 0), 0); /* it is told once */
        ledger_forget(&ledger, false);
    }
}

static void all_of_a_message_are_counted_and_the_first_is_told(void **state)
{
    static const struct digest_item items[] = {
        {.stream = 0, .seq = 1}, {.stream = 0, .seq = 3}, {.stream = 1, .seq = 1},
        {.stream = 0, .seq = 4}, {.stream = 1, .seq = 9},
    };
    (void)state;
    assert_int_equal(enter(MESSAGE_UPDATE, items, 5, false), 2);
    assert_ptr_equal(fault.item, &items[1]);
    assert_int_equal(fault.last_seq, 1);
}

static void binary_streams_are_defined_first(void **state)
{
    static const struct digest_item streams[] = {{.stream = 1}, {.stream = 2}};
    static const struct digest_item of_1 = {.stream = 1, .seq = 5};
    static const struct digest_item of_3 = {.stream = 3, .seq = 5};
    (void)state;
    assert_int_equal(enter(MESSAGE_DEFINE, streams, 2, true), 0);
    assert_int_equal(enter(MESSAGE_SNAPSHOT, &of_1, 1, true), 0);
    assert_int_equal(enter(MESSAGE_UPDATE, &of_3, 1, true), 1);
    assert_ptr_equal(fault.item, &of_3);
    assert_int_equal(fault.last_seq, 0);
    /* A definition that comes again forgets no numbers. */
    assert_int_equal(enter(MESSAGE_DEFINE, streams, 2, true), 0);
    assert_int_equal(enter(MESSAGE_UPDATE, &of_1, 1, true), 1);
    assert_int_equal(fault.last_seq, 5);
}

static void after_a_reset_numbers_begin_anew_and_definitions_stay(void **state)
{
    static const struct digest_item streams[] = {{.stream = 1}, {.stream = 2}};
    static const struct digest_item items[] = {{.stream = 1, .seq = 9}, {.stream = 2, .seq = 9}};
    (void)state;
    enter(MESSAGE_DEFINE, streams, 2, true);
    enter(MESSAGE_UPDATE, items, 1, true); /* of one of the two */
    ledger_forget(&ledger, true);
    assert_int_equal(enter(MESSAGE_UPDATE, items, 2, true), 0);
    ledger_finish(&ledger); /* another connection */
    assert_int_equal(enter(MESSAGE_UPDATE, items, 2, true), 2);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(numbers_follow_one_another_in_each_stream),
        TEST(gaps_repeats_and_false_counts_are_found),
        TEST(all_of_a_message_are_counted_and_the_first_is_told),
        TEST(binary_streams_are_defined_first),
        TEST(after_a_reset_numbers_begin_anew_and_definitions_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
