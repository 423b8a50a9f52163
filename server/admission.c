#include "server/admission.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096 };

struct visitor {
    struct visitor *next;
    uint64_t site; /* the address, or what of it tells sites apart */
    unsigned count;
};

struct admission {
    _Atomic unsigned count;
    unsigned max, max_per_ip;
    pthread_mutex_t lock; /* of the visitors; taken when connections come and go only */
    struct visitor anyone;
    struct visitor *buckets[BUCKETS];
};

struct admission *admission_create(unsigned max, unsigned max_per_ip)
{
    struct admission *admission = calloc(1, sizeof *admission);
    if (admission == NULL)
        return NULL;
    admission->max = max;
    admission->max_per_ip = max_per_ip;
    pthread_mutex_init(&admission->lock, NULL);
    return admission;
}

void admission_destroy(struct admission *admission)
{
    if (admission == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct visitor *visitor = admission->buckets[i], *next; visitor; visitor = next) {
            next = visitor->next;
            free(visitor);
        }
    }
    pthread_mutex_destroy(&admission->lock);
    free(admission);
}

/* IPv4 addresses are in ::/64, where no site is. */
static uint64_t site_of(const struct sockaddr *from)
{
    uint64_t site = 0;
    if (from->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)from;
        return ntohl(in->sin_addr.s_addr);
    }
    if (from->sa_family != AF_INET6)
        return site;
    const struct in6_addr *address = &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr;
    const bool is_v4 = IN6_IS_ADDR_V4MAPPED(address);
    for (int i = is_v4 ? 12 : 0; i < (is_v4 ? 16 : 8); i++)
        site = site << 8 | address->s6_addr[i];
    return site;
}

static struct visitor **bucket_of(struct admission *admission, uint64_t site)
{
    return &admission->buckets[(site * UINT64_C(0x9e3779b97f4a7c15)) >> 52];
}

static struct visitor *visitor_enter(struct admission *admission, uint64_t site)
{
    struct visitor **bucket = bucket_of(admission, site);
    struct visitor *visitor = *bucket;
    while (visitor != NULL && visitor->site != site)
        visitor = visitor->next;
    if (visitor == NULL) {
        visitor = calloc(1, sizeof *visitor);
        if (visitor == NULL)
            return NULL;
        *visitor = (struct visitor){.next = *bucket, .site = site};
        *bucket = visitor;
    }
    if (visitor->count == admission->max_per_ip)
        return NULL;
    visitor->count++;
    return visitor;
}

enum admission_verdict admission_enter(struct admission *admission, const struct sockaddr *from,
                                       struct visitor **out)
{
    *out = &admission->anyone;
    if (atomic_fetch_add(&admission->count, 1) >= admission->max) {
        atomic_fetch_sub(&admission->count, 1);
        return ADMISSION_FULL;
    }
    if (admission->max_per_ip == 0)
        return ADMITTED;
    pthread_mutex_lock(&admission->lock);
    *out = visitor_enter(admission, site_of(from));
    pthread_mutex_unlock(&admission->lock);
    if (*out != NULL)
        return ADMITTED;
    atomic_fetch_sub(&admission->count, 1);
    return ADMISSION_ADDRESS_FULL;
}

static void visitor_leave(struct admission *admission, struct visitor *visitor)
{
    struct visitor **at = bucket_of(admission, visitor->site);
    if (--visitor->count > 0)
        return;
    while (*at != visitor)
        at = &(*at)->next;
    *at = visitor->next;
    free(visitor);
}

void admission_leave(struct admission *admission, struct visitor *visitor)
{
    atomic_fetch_sub(&admission->count, 1);
    if (visitor == &admission->anyone)
        return;
    pthread_mutex_lock(&admission->lock);
    visitor_leave(admission, visitor);
    pthread_mutex_unlock(&admission->lock);
}

unsigned admission_count(const struct admission *admission)
{
    return atomic_load(&admission->count);
}
