#include "server/freshness.h"

#include <time.h>

#include "server/audience.h"

enum { WRITES_A_CLOCK = 8, STAGED_EVENTS_A_TURN = 64, MEAN_WEIGHT = 8 };

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

void freshness_turn(struct freshness *freshness)
{
    freshness->uses = 0;
}

void clocks_read(struct wire_clocks *clocks)
{
    const int64_t now =
        clock_ns(CLOCK_MONOTONIC); /* first: who is interrupted here is late, not early */
    const int64_t wall_ns = clock_ns(CLOCK_REALTIME);
    clocks->wall_offset_ns = wall_ns - now;
    clocks->write_us = event_us(wall_ns);
}

static int64_t now_ns(struct freshness *freshness)
{
    if (freshness->uses++ % WRITES_A_CLOCK == 0)
        freshness->now_ns = clock_ns(CLOCK_MONOTONIC);
    return freshness->now_ns;
}

static void age_note(struct reader *reader, uint64_t age_ns)
{
    struct reader_totals *totals = &reader->totals;
    const uint64_t us = age_ns / 1000;
    const uint32_t age = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
    totals->age_us = age;
    totals->age_mean_us += (uint32_t)(((int64_t)age - totals->age_mean_us) / MEAN_WEIGHT);
    if (age > totals->age_max_us)
        totals->age_max_us = age;
}

void reader_delivered(struct reader *reader, size_t bytes, const struct cargo *cargo)
{
    struct fanout_counts *counts = fanout_counts(reader->fanout);
    struct freshness *freshness = fanout_freshness(reader->fanout);
    count_add(&counts->items, cargo->items);
    count_add(&counts->frames, 1);
    count_add(&counts->bytes, bytes);
    reader->totals.items += cargo->items;
    reader->totals.skipped += cargo->skipped;
    if (cargo->oldest_ns <= 0)
        return;
    const int64_t age_ns = now_ns(freshness) - cargo->oldest_ns;
    histogram_record(&freshness->ages, age_ns > 0 ? (uint64_t)age_ns : 0);
    age_note(reader, age_ns > 0 ? (uint64_t)age_ns : 0);
}

/* ---- before the bus ---- */

void stages_turn(struct stages *stages)
{
    stages->left = STAGED_EVENTS_A_TURN;
    const int64_t now = clock_ns(CLOCK_MONOTONIC);
    stages->wall_offset_ns = clock_ns(CLOCK_REALTIME) - now;
}

/* Clocks of others may be ahead of ours: that counts as no time at all. */
static void stage_record(struct histogram *stage, int64_t took_ns)
{
    histogram_record(stage, took_ns > 0 ? (uint64_t)took_ns : 0);
}

void stages_note(struct stages *stages, const struct price_event *event, int64_t emitted_ns)
{
    if (stages->left == 0 || event->recv_ns == EVENT_NO_TIME)
        return;
    stages->left--;
    if (event->ts_ns != EVENT_NO_TIME)
        stage_record(&stages->ingest, event->recv_ns - event->ts_ns);
    stage_record(&stages->bus, emitted_ns + stages->wall_offset_ns - event->recv_ns);
}
