/* feed-bench: how many events a second a feed brings to a counting subscriber of the bus, as fast
 * as it can, and how much memory that takes.
 *
 *   feed-bench [SPEC…]
 *
 * Without SPECs it makes its own files in a temporary folder: simulated events as a native
 * recording with zstd, and the same as a Binance capture with gzip and as CSV, in Tardis' layout
 * and with columns= of one's own; it compares merging eight files with reading them one after
 * another, and has the simulator run as fast as it can. With SPECs it plays those, for 30 s at
 * most. Run it under `taskset -c 0` for the figures of one core. */
#include <dirent.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "feed/bus.h"
#include "feed/feed.h"
#include "feed/item.h"
#include "feed/pack.h"
#include "feed/sim.h"
#include "feed/spec.h"

enum { EVENTS = 2000000, PARTS = 8, PATH_BYTES = 256, SECONDS_MAX = 30, SIM_SECONDS = 3 };

struct counter {
    struct bus_sub *sub;
    pthread_t thread;
    sem_t news;
    _Atomic bool stop;
    uint64_t events;
};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void on_news(void *ctx)
{
    sem_post(&((struct counter *)ctx)->news);
}

static void on_event(const struct price_event *event, void *ctx)
{
    ((struct counter *)ctx)->events += event->kind < EVENT_KINDS_PRICE;
}

static void *counter_run(void *ctx)
{
    struct counter *counter = ctx;
    bus_on(counter->sub, 0, on_event, counter);
    while (!atomic_load(&counter->stop)) {
        while (bus_dispatch(counter->sub, 4096) == 4096)
            ;
        sem_wait(&counter->news);
    }
    while (bus_dispatch(counter->sub, 4096) > 0)
        ;
    return NULL;
}

static void on_message(void *ctx, const char *text)
{
    (void)ctx;
    fprintf(stderr, "%s\n", text);
}

static void on_ended(void *ctx)
{
    sem_post(ctx);
}

/* A simulated market has no end. */
static void wait_for_end(sem_t *ended, int seconds_max)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += seconds_max;
    sem_timedwait(ended, &until);
}

/* Plays the SPECs to their end, or for so many seconds; returns how long it took. */
static double play(const char *const *specs, size_t count, int seconds_max, uint64_t *events)
{
    struct bus *bus;
    struct feed *feed;
    struct counter counter = {0};
    sem_t ended;
    char error[1024] = "out of memory";
    sem_init(&ended, 0, 0);
    sem_init(&counter.news, 0, 0);
    const struct feed_options options = {
        .specs = specs,
        .specs_count = count,
        .lossless = true,
        .hooks = {on_message, on_ended, &ended},
    };
    const struct bus_sub_options sub = {on_news, &counter, true};
    if (bus_create(&(struct bus_options){0}, &bus) != 0 ||
        bus_subscribe(bus, &sub, &counter.sub) != 0 ||
        feed_create(&options, bus, &feed, error, sizeof error) != 0) {
        fprintf(stderr, "feed-bench: %s\n", error);
        exit(1);
    }
    pthread_create(&counter.thread, NULL, counter_run, &counter);
    const double begin = seconds();
    feed_start(feed);
    wait_for_end(&ended, seconds_max);
    const double took = seconds() - begin;
    feed_stop(feed);
    atomic_store(&counter.stop, true);
    sem_post(&counter.news);
    pthread_join(counter.thread, NULL);
    bus_unsubscribe(counter.sub); /* as feed.h asks */
    feed_destroy(feed);
    bus_destroy(bus);
    *events = counter.events;
    return took;
}

static void show(const char *name, double took, uint64_t events)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%-28s %9llu events  %7.3f s  %6.2f M events/s  memory so far %ld MB\n", name,
           (unsigned long long)events, took, (double)events / took / 1e6, usage.ru_maxrss / 1024);
    fflush(stdout);
}

/* ---- files of its own ---- */

struct file {
    struct pack *pack;
    char path[PATH_BYTES];
};

static void file_open(struct file *file, const char *folder, const char *name)
{
    snprintf(file->path, sizeof file->path, "%s/%s", folder, name);
    if (pack_create(file->path, pack_kind_of(name), &file->pack) != 0) {
        fprintf(stderr, "feed-bench: cannot create %s\n", file->path);
        exit(1);
    }
}

static void put(struct file *file, const char *text, size_t len)
{
    if (pack_write(file->pack, text, len) != 0)
        exit(1);
}

static void value(const struct price_event *event, int which, char *out)
{
    out[decimal_format(event_value(event, which), out)] = '\0';
}

static void put_native(struct file *file, const struct stream *stream,
                       const struct price_event *event)
{
    char line[ITEM_BYTES_MAX + 1];
    size_t len = item_prefix(stream, line);
    len += item_rest(event, line + len);
    line[len++] = '\n';
    put(file, line, len);
}

static void put_binance(struct file *file, const struct stream *stream,
                        const struct price_event *event)
{
    char line[512], values[4][DECIMAL_TEXT_MAX + 1];
    const long long ns = event->recv_ns + 1700000000000000000;
    for (int i = 0; i < (event->kind == EVENT_TRADE ? 2 : 4); i++)
        value(event, i, values[i]);
    int len;
    if (event->kind == EVENT_TRADE)
        len = snprintf(
            line, sizeof line,
            "%lld {\"stream\":\"x@trade\",\"data\":{\"e\":\"trade\",\"E\":%lld,\"s\":\"%s\","
            "\"t\":1,\"p\":\"%s\",\"q\":\"%s\",\"T\":%lld,\"m\":true,\"M\":true}}\n",
            ns, ns / 1000000, stream->symbol, values[0], values[1], ns / 1000000);
    else
        len = snprintf(
            line, sizeof line,
            "%lld {\"stream\":\"x@bookTicker\",\"data\":{\"u\":1,\"s\":\"%s\",\"b\":\"%s\","
            "\"B\":\"%s\",\"a\":\"%s\",\"A\":\"%s\"}}\n",
            ns, stream->symbol, values[0], values[1], values[2], values[3]);
    put(file, line, (size_t)len);
}

static void put_tardis(struct file *file, const struct stream *stream,
                       const struct price_event *event)
{
    char line[512], values[4][DECIMAL_TEXT_MAX + 1];
    const long long us = event->recv_ns / 1000 + 1700000000000000;
    for (int i = 0; i < 4; i++)
        value(event, i, values[i]);
    const int len = snprintf(line, sizeof line, "x,%s,%lld,%lld,%s,%s,%s,%s\n", stream->symbol, us,
                             us, values[3], values[2], values[0], values[1]);
    put(file, line, (size_t)len);
}

static void put_csv(struct file *file, const struct stream *stream, const struct price_event *event)
{
    char line[512], values[4][DECIMAL_TEXT_MAX + 1];
    for (int i = 0; i < 4; i++)
        value(event, i, values[i]);
    const int len = snprintf(line, sizeof line, "%lld,%s,%s,%s,%s,%s\n",
                             (long long)event->recv_ns / 1000000 + 1700000000000, stream->symbol,
                             values[0], values[1], values[2], values[3]);
    put(file, line, (size_t)len);
}

static void put_binance_csv(struct file *file, const struct price_event *event)
{
    char line[512], price[DECIMAL_TEXT_MAX + 1], size[DECIMAL_TEXT_MAX + 1];
    value(event, VALUE_PRICE, price);
    value(event, VALUE_SIZE, size);
    const int len =
        snprintf(line, sizeof line, "%llu,%s,%s,%s,%lld,%s,True\n", (unsigned long long)event->seq,
                 price, size, price, (long long)event->recv_ns / 1000000 + 1700000000000,
                 event->detail == SIDE_BUY ? "False" : "True");
    put(file, line, (size_t)len);
}

struct files {
    struct file native, binance, tardis, csv, binance_csv, parts[PARTS];
};

enum { FILES = sizeof(struct files) / sizeof(struct file) };

/* All of them, one after the other. */
static struct file *files_all(struct files *files)
{
    return &files->native;
}

static void files_fill(struct files *files)
{
    static const char tardis_head[] = "exchange,symbol,timestamp,local_timestamp,ask_amount,"
                                      "ask_price,bid_price,bid_amount\n";
    struct spec spec;
    struct producer *sim;
    static struct event_batch batch;
    char error[256];
    uint64_t seqs[128] = {0}, made = 0;
    spec_parse("sim:?symbols=50&rate=5000&seed=3", &spec, error, sizeof error);
    if (sim_create(&spec, &sim, error, sizeof error) != 0)
        exit(1);
    put(&files->native, "{\"pricecast\":1}\n", 16);
    for (int i = 0; i < PARTS; i++)
        put(&files->parts[i], "{\"pricecast\":1}\n", 16);
    put(&files->tardis, tardis_head, sizeof tardis_head - 1);
    while (made < EVENTS) {
        sim->ops->fill(sim, &batch);
        for (size_t i = 0; i < batch.count; i++, made++) {
            struct price_event *event = &batch.events[i];
            const struct stream *stream = streams_get(sim->streams, event->stream);
            event->seq = ++seqs[event->stream % 128];
            put_native(&files->native, stream, event);
            put_native(&files->parts[made % PARTS], stream, event);
            put_binance(&files->binance, stream, event);
            if (event->kind == EVENT_TRADE) {
                put_binance_csv(&files->binance_csv, event);
                continue;
            }
            put_tardis(&files->tardis, stream, event);
            put_csv(&files->csv, stream, event);
        }
    }
    sim->ops->destroy(sim);
    spec_finish(&spec);
}

static void files_make(struct files *files, const char *folder)
{
    file_open(&files->native, folder, "native.zst");
    file_open(&files->binance, folder, "binance.gz");
    file_open(&files->tardis, folder, "tardis.csv");
    file_open(&files->csv, folder, "own.csv");
    file_open(&files->binance_csv, folder, "trades.csv");
    for (int i = 0; i < PARTS; i++) {
        char name[32];
        snprintf(name, sizeof name, "part%d.zst", i);
        file_open(&files->parts[i], folder, name);
    }
    files_fill(files);
    for (int i = 0; i < FILES; i++)
        pack_close(files_all(files)[i].pack, false);
}

static void files_remove(struct files *files, const char *folder)
{
    for (int i = 0; i < FILES; i++)
        unlink(files_all(files)[i].path);
    rmdir(folder);
}

static double play_one(const char *name, const char *path, const char *keys)
{
    char spec[PATH_BYTES + 128];
    const char *const specs[] = {spec};
    uint64_t events;
    snprintf(spec, sizeof spec, "file:%s%s", path, keys);
    const double took = play(specs, 1, SECONDS_MAX, &events);
    if (name != NULL)
        show(name, took, events);
    return took;
}

/* In turns, and the best of each, as other work on the machine falls on either. */
static void bench_merge(const struct files *files)
{
    enum { TURNS = 5 };
    const char *paths[PARTS];
    double merged = 0, one_by_one = 0;
    uint64_t events = 0;
    for (int turn = 0; turn < TURNS; turn++) {
        double sum = 0;
        for (int i = 0; i < PARTS; i++) {
            paths[i] = files->parts[i].path;
            sum += play_one(NULL, paths[i], "");
        }
        const double took = play(paths, PARTS, SECONDS_MAX, &events);
        one_by_one = turn == 0 || sum < one_by_one ? sum : one_by_one;
        merged = turn == 0 || took < merged ? took : merged;
    }
    show("eight files merged", merged, events);
    printf("%-28s %.2f times as long as one after another\n", "", merged / one_by_one);
}

static void bench_own_files(void)
{
    char folder[] = "/tmp/feed-bench-XXXXXX";
    struct files files;
    if (mkdtemp(folder) == NULL)
        exit(1);
    files_make(&files, folder);
    play_one("native zstd", files.native.path, "");
    play_one("binance capture gzip", files.binance.path, "");
    play_one("tardis csv", files.tardis.path, "");
    play_one("csv of own columns", files.csv.path,
             "?format=csv&columns=ts,symbol,bid,bid_size,ask,ask_size");
    play_one("binance csv of trades", files.binance_csv.path, "?format=binance-csv&symbol=S");
    bench_merge(&files);
    files_remove(&files, folder);
    const char *const sim[] = {"sim:?rate=10000000"};
    uint64_t events;
    const double took = play(sim, 1, SIM_SECONDS, &events);
    show("simulator", took, events);
}

int main(int argc, char **argv)
{
    if (argc == 1) {
        bench_own_files();
        return 0;
    }
    uint64_t events;
    const double took = play((const char *const *)argv + 1, (size_t)argc - 1, SECONDS_MAX, &events);
    show(argc == 2 ? argv[1] : "all feeds", took, events);
    return 0;
}
