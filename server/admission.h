/* admission: how many connections there are, in all and from each address, and whether one more may
 * come. Any thread. */
#ifndef PRICECAST_SERVER_ADMISSION_H
#define PRICECAST_SERVER_ADMISSION_H

#include <sys/socket.h>

struct admission;
struct visitor; /* whom a connection counts for */

enum admission_verdict {
    ADMITTED,
    ADMISSION_FULL,         /* there are `max` already */
    ADMISSION_ADDRESS_FULL, /* there are `max_per_ip` from there already, or memory is short */
};

/* `max_per_ip` 0: addresses are not looked at. Returns NULL when memory is short. */
struct admission *admission_create(unsigned max, unsigned max_per_ip);
void admission_destroy(struct admission *admission); /* when all have left */

/* One more connection from there. An IPv6 address stands for all of its /64, which one site has; an
 * IPv4 address in IPv6 dress is an IPv4 address. With ADMITTED, *out is for admission_leave(). */
enum admission_verdict admission_enter(struct admission *admission, const struct sockaddr *from,
                                       struct visitor **out);
void admission_leave(struct admission *admission, struct visitor *visitor);

unsigned admission_count(const struct admission *admission);

#endif
