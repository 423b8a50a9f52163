#include "server/latency.h"

#include <inttypes.h>
#include <stdlib.h>

#include "server/shard.h"

static const struct histogram *ages_of(struct shard *shard)
{
    return fanout_ages(shard->fanout);
}

static const struct histogram *ingest_of(struct shard *shard)
{
    return &shard->stages.ingest;
}

static const struct histogram *bus_of(struct shard *shard)
{
    return &shard->stages.bus;
}

static const struct histogram *lag_of(struct shard *shard)
{
    return &shard->lag;
}

static const struct {
    const char *name, *help;
    const struct histogram *(*of)(struct shard *shard);
} stages[] = {
    {"source_to_ingest", "From the source's stamp to receiving it; not of recordings.", ingest_of},
    {"ingest_to_bus", "From receiving an event to the bus; not of recordings.", bus_of},
    {"bus_to_write", "From the bus to a write of updates, of the oldest event in it.", ages_of},
    {"loop_lag", "How late a service thread gets to what is due.", lag_of},
};
enum { STAGES = sizeof stages / sizeof *stages, BUS_TO_WRITE = 2 };

/* Over all shards. NULL without memory; the caller frees it. */
static struct histogram *gather(struct server *server, size_t stage)
{
    struct histogram *all = calloc(1, sizeof *all);
    for (unsigned i = 0; all != NULL && i < server_shards(server); i++)
        histogram_merge(all, stages[stage].of(server_shard(server, i)));
    return all;
}

static double us(uint64_t ns)
{
    return (double)ns / 1e3;
}

static void put_percentiles(struct text *json, const struct histogram *all)
{
    text_printf(json,
                "{\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f,"
                "\"count\":%" PRIu64 "}",
                us(histogram_percentile(all, 0.5)), us(histogram_percentile(all, 0.9)),
                us(histogram_percentile(all, 0.99)), us(histogram_percentile(all, 0.999)),
                us(atomic_load(&all->max)), atomic_load(&all->count));
}

void latency_put_json(struct server *server, struct text *json)
{
    struct histogram *all = gather(server, BUS_TO_WRITE);
    json->failed |= all == NULL;
    if (all == NULL)
        return;
    text_puts(json, ",\"latency_us\":");
    put_percentiles(json, all);
    free(all);
    text_puts(json, ",\"freshness_us\":{");
    for (size_t i = 0; i < STAGES; i++) {
        all = gather(server, i);
        json->failed |= all == NULL;
        text_printf(json, "%s\"%s\":", i == 0 ? "" : ",", stages[i].name);
        if (all != NULL)
            put_percentiles(json, all);
        free(all);
    }
    text_puts(json, "}");
}

static void put_histogram(struct text *text, size_t stage, const struct histogram *all)
{
    static const uint64_t steps_us[] = {10,     25,      50,      100,     250,     500,    1000,
                                        2500,   5000,    10000,   25000,   50000,   100000, 250000,
                                        500000, 1000000, 2500000, 5000000, 10000000};
    const char *name = stages[stage].name;
    text_printf(text, "# HELP pricecast_%s_seconds %s\n# TYPE pricecast_%s_seconds histogram\n",
                name, stages[stage].help, name);
    for (size_t i = 0; i < sizeof steps_us / sizeof *steps_us; i++)
        text_printf(text, "pricecast_%s_seconds_bucket{le=\"%g\"} %" PRIu64 "\n", name,
                    (double)steps_us[i] / 1e6, histogram_count_to(all, steps_us[i] * 1000));
    /* The parts are read one after the other while others count on: +Inf and count must agree. */
    const uint64_t count = histogram_count_to(all, UINT64_MAX);
    text_printf(text,
                "pricecast_%s_seconds_bucket{le=\"+Inf\"} %" PRIu64
                "\npricecast_%s_seconds_sum %.9f\npricecast_%s_seconds_count %" PRIu64 "\n",
                name, count, name, (double)atomic_load(&all->sum) / 1e9, name, count);
}

void latency_put_metrics(struct server *server, struct text *text)
{
    for (size_t i = 0; i < STAGES; i++) {
        struct histogram *all = gather(server, i);
        text->failed |= all == NULL;
        if (all != NULL)
            put_histogram(text, i, all);
        free(all);
    }
}
