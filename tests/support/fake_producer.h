/* A producer that plays a script: "A10 B12 A?" is a trade of A received at second 10, one of B at
 * second 12 and one of A without any time. The price is the number. It fills batches of a few
 * events only, so that a short script takes several. Include after cmocka.h. */
#ifndef PRICECAST_TESTS_SUPPORT_FAKE_PRODUCER_H
#define PRICECAST_TESTS_SUPPORT_FAKE_PRODUCER_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "feed/producer.h"

#define FAKE_NS_PER_S INT64_C(1000000000)

struct fake_producer {
    struct producer producer; /* first: producer_ops get this */
    char *source, *script;
    const char *at;   /* the next event of the script */
    size_t batch_max; /* events a batch */
    int64_t base_s;   /* added to the times */
    bool breaks;      /* ends broken */
    int rewind_rc;    /* what a rewind returns */
    unsigned fills, rewinds;
    unsigned *destroyed; /* counted up, unless NULL */
};

/* Reads one event; returns false at the end of the script. */
static inline bool fake_producer_next(struct fake_producer *fake, struct price_event *out)
{
    fake->at += strspn(fake->at, " ");
    const size_t name_len = strcspn(fake->at, "0123456789? ");
    if (name_len == 0)
        return false;
    const char *number = fake->at + name_len;
    char *end = (char *)number + 1;
    const int64_t second = *number == '?' ? 0 : strtoll(number, &end, 10);
    *out = event_make(EVENT_TRADE);
    if (*number != '?')
        out->recv_ns = (fake->base_s + second) * FAKE_NS_PER_S;
    out->stream = (uint32_t)streams_intern(fake->producer.streams, fake->source,
                                           strlen(fake->source), fake->at, name_len, EVENT_TRADE) &
                  EVENT_NO_STREAM;
    event_set_value(out, VALUE_PRICE, (struct decimal){.mantissa = (uint64_t)second});
    fake->at = end;
    return true;
}

static inline void fake_producer_fill(struct producer *producer, struct event_batch *out)
{
    struct fake_producer *fake = (struct fake_producer *)producer;
    fake->fills++;
    memset(out, 0, sizeof *out);
    while (out->count < fake->batch_max && fake_producer_next(fake, &out->events[out->count]))
        out->count++;
    if (fake->at[strspn(fake->at, " ")] != '\0')
        return;
    out->end = fake->breaks ? PRODUCER_BROKEN : PRODUCER_ENDED;
    if (fake->breaks)
        snprintf(out->message, sizeof out->message, "%s is broken", fake->source);
}

static inline int fake_producer_rewind(struct producer *producer)
{
    struct fake_producer *fake = (struct fake_producer *)producer;
    fake->rewinds++;
    if (fake->rewind_rc == 0)
        fake->at = fake->script;
    return fake->rewind_rc;
}

static inline void fake_producer_destroy(struct producer *producer)
{
    struct fake_producer *fake = (struct fake_producer *)producer;
    if (fake->destroyed != NULL)
        ++*fake->destroyed;
    streams_destroy(producer->streams);
    free(fake->source);
    free(fake->script);
    free(fake);
}

static inline struct fake_producer *fake_producer_create(const char *source, const char *script)
{
    static const struct producer_ops ops = {
        .fill = fake_producer_fill,
        .rewind = fake_producer_rewind,
        .destroy = fake_producer_destroy,
    };
    struct fake_producer *fake = calloc(1, sizeof *fake);
    assert_non_null(fake);
    fake->source = strdup(source);
    fake->script = strdup(script);
    assert_true(fake->source != NULL && fake->script != NULL);
    fake->at = fake->script;
    fake->batch_max = 2;
    fake->producer = (struct producer){&ops, fake->source, streams_create(1000)};
    assert_non_null(fake->producer.streams);
    return fake;
}

#endif
