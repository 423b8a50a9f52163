/* pricecast-load: a load generator and latency meter.
 *
 * A run has two parts: all clients connect and subscribe, and only when the last one has its answer
 * are the counters started. With --duration 0 everything counts from the first byte on, until the
 * server has closed every connection: a whole replay, checked to its end. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tools/load_report.h"
#include "tools/options.h"
#include "tools/swarm.h"
#include "tools/symbols.h"

#define NS_PER_S INT64_C(1000000000)

enum { FILES_BESIDE_CLIENTS = 16, PATIENCE_S = 30, MIXED_RATE = 10 };

struct settings {
    struct url url;
    const char *symbols, *mode, *kinds, *dialect;
    long clients, random_symbols, slow, seed, server_pid;
    double duration_s, warm_up_s, max_rate, connects_per_s, skew, churn_per_s;
    bool has_no_snapshot, has_ohlc, has_clocks, has_check, has_json, is_binary;
};

struct run {
    const struct settings *settings;
    struct swarm *swarm;
    int64_t start_ns;
    int64_t own_cpu_ns;
    struct procstat first, server; /* before the first client; when measuring began */
};

static volatile sig_atomic_t stop_flag;

#define SETTING(field) offsetof(struct settings, field)

static const struct option_spec specs[] = {
    {"clients", "N", "connections (1)", OPTION_WHOLE, SETTING(clients), 1, 1000000},
    {"duration", "S", "seconds to measure (10); 0: until all connections have ended", OPTION_REAL,
     SETTING(duration_s), 0, 1e6},
    {"warm-up", "S", "seconds between the last subscription and the measuring (0)", OPTION_REAL,
     SETTING(warm_up_s), 0, 3600},
    {"symbols", "LIST", "names and patterns, with commas between (*)", OPTION_TEXT,
     SETTING(symbols)},
    {"random-symbols", "K", "each client takes K of LIST, or of the server's without LIST",
     OPTION_WHOLE, SETTING(random_symbols), 1, 100000},
    {"skew", "S", "the symbol of rank n is taken with weight 1/n^S (0: all alike)", OPTION_REAL,
     SETTING(skew), 0, 10},
    {"churn", "N", "so many times a second a client changes to other symbols (0)", OPTION_REAL,
     SETTING(churn_per_s), 0, 1e5},
    {"seed", "N", "of that choice (1)", OPTION_WHOLE, SETTING(seed), 0, 1e15},
    {"mode", "MODE", "every, latest, or mixed: clients by turns (the server's default)",
     OPTION_CHOICE, SETTING(mode), .allowed = "every|latest|mixed"},
    {"max-rate", "N", "update frames a second for each client (no limit)", OPTION_REAL,
     SETTING(max_rate), 0.001, 1000},
    {"kinds", "LIST", "trade, quote or both (both)", OPTION_CHOICES, SETTING(kinds),
     .allowed = "trade|quote"},
    {"no-snapshot", NULL, "ask for no snapshot", OPTION_FLAG, SETTING(has_no_snapshot)},
    {"ohlc", NULL, "ask to be told of trades that are passed over", OPTION_FLAG, SETTING(has_ohlc)},
    {"clocks", NULL, "ask for items with the times of each stage", OPTION_FLAG,
     SETTING(has_clocks)},
    {"binary", NULL, "ask for the binary subprotocol, pricecast.v1.bin", OPTION_FLAG,
     SETTING(is_binary)},
    {"slow", "K", "so many of the clients stop reading once subscribed (0)", OPTION_WHOLE,
     SETTING(slow), 0, 1000000},
    {"verify", NULL, "check every item: seq == previous seq + 1 + skipped", OPTION_FLAG,
     SETTING(has_check)},
    {"rate-connect", "N", "new connections a second (1000)", OPTION_REAL, SETTING(connects_per_s),
     0.001, 1e6},
    {"server-pid", "PID", "also measure that process' CPU and memory", OPTION_WHOLE,
     SETTING(server_pid), 1, 1 << 22},
    {"dialect", "NAME", "what the server speaks, for comparisons: bare, nats (pricecast)",
     OPTION_CHOICE, SETTING(dialect), .allowed = DIALECT_NAMES},
    {"json", NULL, "the result as one line of JSON", OPTION_FLAG, SETTING(has_json)},
};

static const struct options_program program = {
    .name = "pricecast-load",
    .usage = "[URL] [OPTION…]",
    .about = "Opens WebSocket connections to a pricecast server, measures what they receive, and\n"
             "how late. URL is " URL_DEFAULT " unless given.\n"
             "Exits 0; 1 when a connection failed or a check did; 2 for bad arguments.",
    .specs = specs,
    .spec_count = sizeof specs / sizeof *specs,
};

static enum options_result read_arguments(int argc, char **argv, struct settings *settings)
{
    const char *url = URL_DEFAULT;
    int count;
    const enum options_result result = options_parse(&program, argc, argv, settings, argv, &count);
    if (result != OPTIONS_RUN)
        return result;
    if (count > 1)
        return options_refuse(&program, "%s: allowed is one URL", argv[1]);
    if (count == 1)
        url = argv[0];
    if (url_parse(url, &settings->url) != 0 || settings->url.is_tls)
        return options_refuse(&program, "URL %s: allowed is ws://HOST:PORT/PATH or http://…", url);
    if (settings->churn_per_s > 0 && dialect_find(settings->dialect) != DIALECT_PRICECAST)
        return options_refuse(&program, "--churn: allowed is --dialect pricecast only");
    if (settings->slow > settings->clients)
        return options_refuse(&program, "--slow %ld: allowed is at most --clients, %ld",
                              settings->slow, settings->clients);
    return OPTIONS_RUN;
}

static int64_t now_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s: %s\n", program.name, what, why);
    return EXIT_FAILED;
}

static void on_signal(int signal)
{
    (void)signal;
    stop_flag = 1;
}

/* Lets SIGINT and SIGTERM through only while the swarm waits, so that none is missed. */
static void catch_signals(sigset_t *wait_mask)
{
    const struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, wait_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* Each client is a file; says so when the system allows fewer. */
static bool raise_file_limit(long clients)
{
    struct rlimit limit;
    const rlim_t wanted = (rlim_t)clients + FILES_BESIDE_CLIENTS;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= wanted)
        return true;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur == wanted)
        return true;
    fprintf(stderr, "%s: --clients %ld: allowed here is at most %ld, see `ulimit -Hn`\n",
            program.name, clients, (long)limit.rlim_max - FILES_BESIDE_CLIENTS);
    return false;
}

/* ---- measuring ---- */

static int read_server(const struct settings *settings, struct procstat *out)
{
    return settings->server_pid == 0 ? 0 : procstat_read((pid_t)settings->server_pid, out);
}

static int start_measuring(struct run *run)
{
    swarm_restart_counts(run->swarm);
    run->start_ns = now_ns(CLOCK_MONOTONIC);
    run->own_cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    return read_server(run->settings, &run->server);
}

/* A wait that finds events at once lets no signal through: so a busy swarm has to ask. */
static bool must_stop(void)
{
    sigset_t pending;
    return stop_flag || (sigpending(&pending) == 0 && (sigismember(&pending, SIGINT) == 1 ||
                                                       sigismember(&pending, SIGTERM) == 1));
}

/* Only the signals we caught end the run; a stop and continue by the shell does not. */
static int step(struct run *run, int64_t until_ns)
{
    const int rc = swarm_step(run->swarm, until_ns);
    if (rc == 0 || rc == -EINTR)
        return must_stop() ? -EINTR : 0;
    return rc;
}

/* Steps until every client is subscribed. Returns 0, -ETIMEDOUT when nobody got further for long,
 * or what a step returned. */
static int wait_until_ready(struct run *run)
{
    size_t settled = 0;
    int64_t patience_ns = 0;
    while (!swarm_is_ready(run->swarm)) {
        const struct swarm_counts *counts = swarm_counts(run->swarm);
        const size_t now_settled = counts->started + counts->subscribed + counts->failed;
        if (now_settled != settled || patience_ns == 0)
            patience_ns = now_ns(CLOCK_MONOTONIC) + PATIENCE_S * NS_PER_S;
        else if (now_ns(CLOCK_MONOTONIC) >= patience_ns)
            return -ETIMEDOUT;
        settled = now_settled;
        const int rc = step(run, patience_ns);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* Steps for so long, or until every client is gone. */
static int step_for(struct run *run, double duration_s)
{
    const int64_t end_ns = duration_s > 0
                               ? now_ns(CLOCK_MONOTONIC) + (int64_t)(duration_s * (double)NS_PER_S)
                               : INT64_MAX;
    int rc = 0;
    while (rc == 0 && !swarm_is_over(run->swarm) && now_ns(CLOCK_MONOTONIC) < end_ns)
        rc = step(run, end_ns);
    return rc;
}

static int report(const struct run *run)
{
    const struct settings *settings = run->settings;
    const struct swarm_counts *counts = swarm_counts(run->swarm);
    struct load_report report = {
        .counts = counts,
        .clients = (size_t)settings->clients,
        .slow_clients = (size_t)settings->slow,
        .seconds = (double)(now_ns(CLOCK_MONOTONIC) - run->start_ns) / (double)NS_PER_S,
        .asked_seconds = settings->duration_s,
        .own_cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID) - run->own_cpu_ns,
        .has_check = settings->has_check,
        .has_server = settings->server_pid != 0 && read_server(settings, &report.server) == 0,
    };
    report.first = run->first;
    report.rss_start_bytes = run->server.rss_bytes;
    report.server_cpu_ns = report.server.cpu_ns - run->server.cpu_ns;
    if (settings->has_json)
        load_report_print_json(&report);
    else
        load_report_print(&report);
    if (swarm_first_trouble(run->swarm)[0] != '\0')
        fprintf(stderr, "%s: %s\n", program.name, swarm_first_trouble(run->swarm));
    return counts->failed + counts->bad + counts->violations > 0 ? EXIT_FAILED : EXIT_OK;
}

static int run_swarm(const struct settings *settings, const struct swarm_settings *swarm_settings)
{
    struct run run = {.settings = settings};
    int rc = swarm_create(swarm_settings, &run.swarm);
    if (rc == 0)
        rc = start_measuring(&run);
    run.first = run.server;
    if (rc == 0 && settings->duration_s > 0) {
        rc = wait_until_ready(&run);
        if (rc == 0 && settings->warm_up_s > 0)
            rc = step_for(&run, settings->warm_up_s);
        if (rc == 0)
            rc = start_measuring(&run);
    }
    if (rc == 0)
        rc = step_for(&run, settings->duration_s);
    if (rc == -ESRCH)
        rc = fail("--server-pid", "there is no such process");
    else if (rc == -ETIMEDOUT)
        rc = fail("subscribe", "no client got an answer for 30 seconds");
    else if (rc < 0 && rc != -EINTR)
        rc = fail("cannot go on", strerror(-rc));
    else
        rc = report(&run);
    swarm_destroy(run.swarm);
    return rc;
}

/* ---- setting up ---- */

static int has_enough(const struct settings *settings, size_t count, const char *who)
{
    if (count >= (size_t)settings->random_symbols)
        return EXIT_OK;
    fprintf(stderr, "%s: --random-symbols %ld: allowed is at most %zu, %s has no more\n",
            program.name, settings->random_symbols, count, who);
    return EXIT_FAILED;
}

static int choose_symbols(const struct settings *settings, const struct addrinfo *address,
                          struct symbols *out)
{
    if (settings->symbols != NULL || settings->random_symbols == 0) {
        const char *symbols = settings->symbols != NULL ? settings->symbols : "*";
        if (symbols_split(symbols, out) == 0)
            return has_enough(settings, out->count, "the list");
        options_refuse(&program, "--symbols %s: allowed are names with commas between", symbols);
        return EXIT_USAGE;
    }
    const int rc = symbols_fetch(&settings->url, address->ai_addr, address->ai_addrlen, out);
    if (rc != 0)
        return fail("GET /api/v1/symbols",
                    rc == -EBADMSG ? "not the answer expected" : strerror(-rc));
    return has_enough(settings, out->count, "the server");
}

static int run_load(const struct settings *settings, const struct addrinfo *address,
                    const struct symbols *symbols)
{
    sigset_t wait_mask;
    const bool is_mixed = settings->mode != NULL && strcmp(settings->mode, "mixed") == 0;
    catch_signals(&wait_mask);
    const struct swarm_settings swarm_settings = {
        .url = &settings->url,
        .address = address->ai_addr,
        .address_len = address->ai_addrlen,
        .clients = (size_t)settings->clients,
        .slow_clients = (size_t)settings->slow,
        .connects_per_s = settings->connects_per_s,
        .dialect = dialect_find(settings->dialect),
        .is_mixed = is_mixed,
        .skew = settings->skew,
        .churn_per_s = settings->churn_per_s,
        .subscribe =
            {
                .symbols = (const char *const *)symbols->names,
                .symbol_count = symbols->count,
                .mode = settings->mode,
                .kinds = settings->kinds,
                .max_rate = is_mixed && settings->max_rate == 0 ? MIXED_RATE : settings->max_rate,
                .has_no_snapshot = settings->has_no_snapshot,
                .has_ohlc = settings->has_ohlc,
                .has_clocks = settings->has_clocks,
            },
        .pick = (size_t)settings->random_symbols,
        .seed = (uint64_t)settings->seed,
        .is_binary = settings->is_binary,
        .has_check = settings->has_check,
        .wait_mask = &wait_mask,
    };
    return run_swarm(settings, &swarm_settings);
}

/* The first of the host's addresses that lets us connect: "localhost" may have one where nobody
 * listens. Sets *all, to be freed, and returns one of it; or complains and returns NULL. */
static const struct addrinfo *find_address(const struct url *url, struct addrinfo **all)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    char port[8];
    snprintf(port, sizeof port, "%d", url->port);
    const int error = getaddrinfo(url->host, port, &hints, all);
    if (error != 0) {
        *all = NULL;
        fail(url->host, gai_strerror(error));
        return NULL;
    }
    for (const struct addrinfo *address = *all; address != NULL; address = address->ai_next) {
        const int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int rc = fd < 0 ? -1 : connect(fd, address->ai_addr, address->ai_addrlen);
        const int reason = errno;
        if (fd >= 0)
            close(fd);
        if (rc == 0)
            return address;
        errno = reason;
    }
    fprintf(stderr, "%s: cannot connect to %s port %d: %s\n", program.name, url->host, url->port,
            strerror(errno));
    return NULL;
}

int main(int argc, char **argv)
{
    struct settings settings = {
        .clients = 1,
        .seed = 1,
        .duration_s = 10,
        .connects_per_s = 1000,
    };
    const enum options_result result = read_arguments(argc, argv, &settings);
    if (result != OPTIONS_RUN)
        return result == OPTIONS_DONE ? EXIT_OK : EXIT_USAGE;
    if (!raise_file_limit(settings.clients))
        return EXIT_USAGE;

    struct addrinfo *all;
    struct symbols symbols = {0};
    int status = EXIT_FAILED;
    const struct addrinfo *address = find_address(&settings.url, &all);
    if (address != NULL)
        status = choose_symbols(&settings, address, &symbols);
    if (address != NULL && status == EXIT_OK)
        status = run_load(&settings, address, &symbols);
    symbols_finish(&symbols);
    if (all != NULL)
        freeaddrinfo(all);
    return status;
}
