/* Who may come in: counted in all and by address. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "server/admission.h"

static struct sockaddr_storage address(const char *text)
{
    struct sockaddr_storage out = {0};
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        memcpy(&out, &in, sizeof in);
    else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
        memcpy(&out, &in6, sizeof in6);
    else
        fail_msg("%s", text);
    return out;
}

static enum admission_verdict enter(struct admission *admission, const char *from,
                                    struct visitor **out)
{
    const struct sockaddr_storage storage = address(from);
    return admission_enter(admission, (const struct sockaddr *)&storage, out);
}

static void no_more_than_allowed_come_in(void **state)
{
    struct admission *admission = admission_create(2, 0);
    struct visitor *a, *b, *c;
    (void)state;
    assert_int_equal(enter(admission, "127.0.0.1", &a), ADMITTED);
    assert_int_equal(enter(admission, "127.0.0.1", &b), ADMITTED);
    assert_int_equal(enter(admission, "127.0.0.2", &c), ADMISSION_FULL);
    assert_int_equal(admission_count(admission), 2);
    admission_leave(admission, a);
    assert_int_equal(enter(admission, "127.0.0.2", &c), ADMITTED);
    admission_leave(admission, b);
    admission_leave(admission, c);
    assert_int_equal(admission_count(admission), 0);
    admission_destroy(admission);
}

static void an_address_has_its_own_limit(void **state)
{
    struct admission *admission = admission_create(100, 2);
    struct visitor *a, *b, *c, *other;
    (void)state;
    assert_int_equal(enter(admission, "10.0.0.1", &a), ADMITTED);
    assert_int_equal(enter(admission, "::ffff:10.0.0.1", &b), ADMITTED);
    assert_int_equal(enter(admission, "10.0.0.1", &c), ADMISSION_ADDRESS_FULL);
    assert_int_equal(enter(admission, "10.0.0.2", &other), ADMITTED);
    assert_int_equal(admission_count(admission), 3); /* one refused counts for nobody */
    admission_leave(admission, b);
    assert_int_equal(enter(admission, "10.0.0.1", &c), ADMITTED);
    admission_leave(admission, a);
    admission_leave(admission, c);
    admission_leave(admission, other);
    assert_int_equal(admission_count(admission), 0);
    admission_destroy(admission);
}

static void a_site_is_one_address_in_ipv6(void **state)
{
    struct admission *admission = admission_create(100, 1);
    struct visitor *a, *b;
    (void)state;
    assert_int_equal(enter(admission, "2001:db8:0:1::1", &a), ADMITTED);
    assert_int_equal(enter(admission, "2001:db8:0:1:ffff::2", &b), ADMISSION_ADDRESS_FULL);
    assert_int_equal(enter(admission, "2001:db8:0:2::1", &b), ADMITTED);
    admission_leave(admission, a);
    admission_leave(admission, b);
    admission_destroy(admission);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_than_allowed_come_in),
        cmocka_unit_test(an_address_has_its_own_limit),
        cmocka_unit_test(a_site_is_one_address_in_ipv6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
