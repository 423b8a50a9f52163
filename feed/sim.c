#include "feed/sim.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S 1e9
#define SOURCE   "sim"

enum {
    SIM_SYMBOLS_MAX = 100000,
    MOVE_FRACTION = 8000, /* a quote moves by up to this part of its price: 1.25 basis points */
};

/* Price scales as real markets have them: whole, cents, pips, and coins worth almost nothing. */
static const struct scale {
    uint64_t start; /* mantissa of the first price */
    uint8_t digits;
    uint8_t size_digits;
    uint64_t size_unit; /* mantissa of a typical size */
    uint8_t spread;     /* ticks */
} scales[] = {
    {6183763, 2, 8, 2400000, 1}, {243117, 2, 4, 12500, 1}, {108423, 5, 0, 500000, 2},
    {18742, 2, 0, 100, 1},       {27850, 9, 0, 900000, 3}, {13004250, 4, 3, 2500, 10},
    {62740, 5, 2, 75000, 1},     {4125, 1, 0, 5, 1},       {78812500, 6, 4, 300000, 25},
    {990, 3, 1, 22000, 1},
};

/* The first instruments have names one can say; the rest are numbered. */
static const char *const words[] = {
    "ALFA",    "BRAVO", "CHARLIE", "DELTA",  "ECHO",     "FOXTROT", "GOLF",   "HOTEL",  "INDIA",
    "JULIETT", "KILO",  "LIMA",    "MIKE",   "NOVEMBER", "OSCAR",   "PAPA",   "QUEBEC", "ROMEO",
    "SIERRA",  "TANGO", "UNIFORM", "VICTOR", "WHISKEY",  "XRAY",    "YANKEE", "ZULU"};
enum { WORDS = sizeof words / sizeof *words, SCALES = sizeof scales / sizeof *scales };

struct instrument {
    uint64_t bid, ask; /* mantissas */
    uint64_t floor;    /* prices turn back up here */
    uint32_t trade_stream, quote_stream;
    uint8_t scale;
    /* Walker's alias method: one draw finds an instrument by its weight in constant time. */
    uint32_t alias;
    double keep;
};

struct sim {
    struct producer producer; /* first: producer_ops get this */
    uint64_t seed, symbols;
    double rate, bursts, volatility;
    bool trades, quotes, even;
    uint64_t random[4];
    double now_ns, burst_until_ns, next_burst_ns;
    uint64_t turn; /* of an even market: whose it is */
    struct instrument *instruments;
};

/* xoshiro256**, public domain (Blackman, Vigna): fast, and the same everywhere. */
static uint64_t rotate(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

static uint64_t random_next(struct sim *sim)
{
    uint64_t *s = sim->random;
    const uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

/* In (0, 1]. */
static double random_unit(struct sim *sim)
{
    return (double)((random_next(sim) >> 11) + 1) * 0x1p-53;
}

static void random_seed(struct sim *sim)
{
    uint64_t x = sim->seed;
    for (int i = 0; i < 4; i++) { /* splitmix64 */
        uint64_t z = x += 0x9e3779b97f4a7c15u;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        sim->random[i] = z ^ z >> 31;
    }
}

/* A burst lasts a second on average and comes every twenty; the calm between is so much quieter
 * that the average stays `rate`. */
static const double burst_mean_ns = 1 * NS_PER_S, calm_mean_ns = 19 * NS_PER_S;

static double rate_now(struct sim *sim)
{
    if (sim->bursts == 1 || sim->even)
        return sim->rate;
    if (sim->now_ns >= sim->next_burst_ns) {
        sim->burst_until_ns = sim->now_ns - log(random_unit(sim)) * burst_mean_ns;
        sim->next_burst_ns = sim->burst_until_ns - log(random_unit(sim)) * calm_mean_ns;
    }
    const double share = burst_mean_ns / (burst_mean_ns + calm_mean_ns);
    const double calm = (1 - sim->bursts * share) / (1 - share);
    return sim->rate * (sim->now_ns < sim->burst_until_ns ? sim->bursts : calm);
}

static struct instrument *instrument_draw(struct sim *sim)
{
    if (sim->even)
        return &sim->instruments[sim->turn++ % sim->symbols];
    const uint64_t bits = random_next(sim);
    const uint32_t i = (uint32_t)((bits >> 32) * sim->symbols >> 32);
    const double fraction = (double)(uint32_t)bits * 0x1p-32;
    return &sim->instruments[fraction < sim->instruments[i].keep ? i : sim->instruments[i].alias];
}

static struct decimal random_size(struct sim *sim, const struct scale *scale)
{
    /* From a tenth of the typical size to five times it. */
    const uint64_t unit = scale->size_unit, low = unit / 10 + 1;
    return (struct decimal){.mantissa = low + random_next(sim) % (5 * unit),
                            .form = scale->size_digits};
}

static void quote_move(struct sim *sim, struct instrument *instrument)
{
    const struct scale *scale = &scales[instrument->scale];
    if (random_unit(sim) > 0.25 * sim->volatility)
        return; /* most quotes change only a size, as on real venues */
    const uint64_t reach = instrument->bid / MOVE_FRACTION;
    const uint64_t step = 1 + random_next(sim) % (reach > scale->spread ? reach : scale->spread);
    const bool up = (random_next(sim) & 1) != 0 || instrument->bid <= instrument->floor;
    instrument->bid = up ? instrument->bid + step : instrument->bid - step;
    instrument->ask = instrument->bid + scale->spread + random_next(sim) % scale->spread;
}

static void make_quote(struct sim *sim, struct instrument *instrument, struct price_event *out)
{
    const struct scale *scale = &scales[instrument->scale];
    quote_move(sim, instrument);
    *out = event_make(EVENT_QUOTE);
    out->stream = instrument->quote_stream;
    const uint8_t form = scale->digits;
    event_set_value(out, VALUE_BID, (struct decimal){.mantissa = instrument->bid, .form = form});
    event_set_value(out, VALUE_ASK, (struct decimal){.mantissa = instrument->ask, .form = form});
    event_set_value(out, VALUE_BID_SIZE, random_size(sim, scale));
    event_set_value(out, VALUE_ASK_SIZE, random_size(sim, scale));
}

static void make_trade(struct sim *sim, struct instrument *instrument, struct price_event *out)
{
    const struct scale *scale = &scales[instrument->scale];
    if (!sim->quotes)
        quote_move(sim, instrument);
    const bool buys = (random_next(sim) & 1) != 0;
    *out = event_make(EVENT_TRADE);
    out->stream = instrument->trade_stream;
    out->detail = buys ? SIDE_BUY : SIDE_SELL;
    event_set_value(out, VALUE_PRICE,
                    (struct decimal){.mantissa = buys ? instrument->ask : instrument->bid,
                                     .form = scale->digits});
    event_set_value(out, VALUE_SIZE, random_size(sim, scale));
}

static void sim_fill(struct producer *producer, struct event_batch *out)
{
    struct sim *sim = (struct sim *)producer;
    /* A batch covers at most a second, so that a slow market is not generated far ahead. */
    const double until_ns = sim->now_ns + NS_PER_S;
    out->count = 0;
    out->end = PRODUCER_MORE;
    out->message[0] = '\0';
    out->lines = out->ignored = out->bad = out->bytes_read = out->bytes_total = 0;
    while (out->count < BATCH_EVENTS_MAX && sim->now_ns < until_ns) {
        struct price_event *event = &out->events[out->count++];
        struct instrument *instrument = instrument_draw(sim);
        const bool is_trade = sim->trades && (!sim->quotes || random_next(sim) % 4 == 0);
        if (is_trade)
            make_trade(sim, instrument, event);
        else
            make_quote(sim, instrument, event);
        event->ts_ns = event->recv_ns = (int64_t)sim->now_ns;
        sim->now_ns -= (sim->even ? -1 : log(random_unit(sim))) * NS_PER_S / rate_now(sim);
    }
}

static void sim_start(struct sim *sim)
{
    random_seed(sim);
    sim->now_ns = 0;
    sim->turn = 0;
    sim->burst_until_ns = 0;
    sim->next_burst_ns = 5 * NS_PER_S;
    for (uint64_t i = 0; i < sim->symbols; i++) {
        struct instrument *instrument = &sim->instruments[i];
        const struct scale *scale = &scales[instrument->scale];
        /* Two instruments of one scale do not start alike. */
        instrument->bid = scale->start + scale->start / 7 * (i / SCALES % 6);
        instrument->ask = instrument->bid + scale->spread;
        instrument->floor = instrument->bid / 4 + scale->spread;
    }
}

static int sim_rewind(struct producer *producer)
{
    sim_start((struct sim *)producer);
    return 0;
}

static void sim_destroy(struct producer *producer)
{
    struct sim *sim = (struct sim *)producer;
    streams_destroy(producer->streams);
    free(sim->instruments);
    free(sim);
}

/* Weights fall as 1 / (rank + 1)^0.8; Vose's construction of the alias table. */
static int weights_make(struct sim *sim)
{
    const uint32_t n = (uint32_t)sim->symbols;
    double *weight = malloc(n * sizeof *weight), sum = 0;
    uint32_t *small = malloc(n * sizeof *small), *large = malloc(n * sizeof *large);
    uint32_t smalls = 0, larges = 0;
    const bool ok = weight && small && large;
    for (uint32_t i = 0; ok && i < n; i++)
        sum += weight[i] = pow(i + 1, -0.8);
    for (uint32_t i = 0; ok && i < n; i++) {
        weight[i] *= n / sum;
        if (weight[i] < 1)
            small[smalls++] = i;
        else
            large[larges++] = i;
        sim->instruments[i].keep = 1;
    }
    while (ok && smalls > 0 && larges > 0) {
        const uint32_t few = small[--smalls], many = large[larges - 1];
        sim->instruments[few].keep = weight[few];
        sim->instruments[few].alias = many;
        weight[many] -= 1 - weight[few];
        if (weight[many] < 1) {
            larges--;
            small[smalls++] = many;
        }
    }
    free(weight);
    free(small);
    free(large);
    return ok ? 0 : -ENOMEM;
}

static int instruments_make(struct sim *sim)
{
    sim->instruments = calloc(sim->symbols, sizeof *sim->instruments);
    sim->producer.streams = streams_create((uint32_t)(2 * sim->symbols));
    if (sim->instruments == NULL || sim->producer.streams == NULL)
        return -ENOMEM;
    for (uint64_t i = 0; i < sim->symbols; i++) {
        struct instrument *instrument = &sim->instruments[i];
        char symbol[32];
        const int length = i < WORDS ? snprintf(symbol, sizeof symbol, "%s-USD", words[i])
                                     : snprintf(symbol, sizeof symbol, "SIM%05u", (unsigned)i);
        instrument->scale = (uint8_t)(i % SCALES);
        const long trade = streams_intern(sim->producer.streams, SOURCE, strlen(SOURCE), symbol,
                                          (size_t)length, EVENT_TRADE);
        const long quote = streams_intern(sim->producer.streams, SOURCE, strlen(SOURCE), symbol,
                                          (size_t)length, EVENT_QUOTE);
        if (trade < 0 || quote < 0)
            return -ENOMEM;
        instrument->trade_stream = (uint32_t)trade;
        instrument->quote_stream = (uint32_t)quote;
    }
    return weights_make(sim);
}

static int options_read(struct sim *sim, const struct spec *spec, char *error, size_t error_size)
{
    static const char *const keys[] = {"symbols", "rate",       "seed", "kinds",
                                       "bursts",  "volatility", "even", NULL};
    uint64_t even = 0;
    const char *kinds = spec_value(spec, "kinds");
    if (spec_check_keys(spec, keys, error, error_size) != 0 ||
        spec_integer(spec, "symbols", 1, SIM_SYMBOLS_MAX, &sim->symbols, error, error_size) != 0 ||
        spec_integer(spec, "seed", 0, UINT64_MAX, &sim->seed, error, error_size) != 0 ||
        spec_real(spec, "rate", 0.001, 1e8, &sim->rate, error, error_size) != 0 ||
        spec_real(spec, "bursts", 1, 15, &sim->bursts, error, error_size) != 0 ||
        spec_real(spec, "volatility", 0, 10, &sim->volatility, error, error_size) != 0 ||
        spec_integer(spec, "even", 0, 1, &even, error, error_size) != 0)
        return -EINVAL;
    sim->even = even == 1;
    sim->trades = kinds == NULL || strstr(kinds, "trade") != NULL;
    sim->quotes = kinds == NULL || strstr(kinds, "quote") != NULL;
    if (kinds != NULL && strcmp(kinds, "trade") != 0 && strcmp(kinds, "quote") != 0 &&
        strcmp(kinds, "trade,quote") != 0 && strcmp(kinds, "quote,trade") != 0) {
        snprintf(error, error_size, "kinds=%s: allowed are trade, quote and trade,quote", kinds);
        return -EINVAL;
    }
    return 0;
}

int sim_create(const struct spec *spec, struct producer **out, char *error, size_t error_size)
{
    static const struct producer_ops ops = {sim_fill, sim_rewind, sim_destroy};
    struct sim *sim = calloc(1, sizeof *sim);
    if (sim == NULL)
        return -ENOMEM;
    sim->producer.ops = &ops;
    sim->producer.name = "sim:";
    sim->symbols = 50;
    sim->rate = 2000;
    sim->seed = 1;
    sim->bursts = 5;
    sim->volatility = 1;
    int rc = options_read(sim, spec, error, error_size);
    if (rc == 0)
        rc = instruments_make(sim);
    if (rc == -ENOMEM)
        snprintf(error, error_size, "not enough memory");
    if (rc != 0) {
        sim_destroy(&sim->producer);
        return rc;
    }
    sim_start(sim);
    *out = &sim->producer;
    return 0;
}
