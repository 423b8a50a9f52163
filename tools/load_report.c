#include "tools/load_report.h"

#include <inttypes.h>
#include <stdio.h>

#define MIB (1024.0 * 1024)

static double rate(const struct load_report *report, uint64_t count)
{
    return report->seconds > 0 ? (double)count / report->seconds : 0;
}

static double mean_frame_bytes(const struct load_report *report)
{
    const struct swarm_counts *counts = report->counts;
    return counts->update_frames > 0
               ? (double)counts->update_frame_bytes / (double)counts->update_frames
               : 0;
}

/* Microseconds of CPU for one delivered update. */
static double cost_us(const struct load_report *report, int64_t cpu_ns)
{
    const uint64_t updates = report->counts->updates;
    return updates > 0 ? (double)cpu_ns / 1000 / (double)updates : 0;
}

static double cpu_percent(const struct load_report *report, int64_t cpu_ns)
{
    return report->seconds > 0 ? (double)cpu_ns / 1e7 / report->seconds : 0;
}

static uint64_t latency(const struct load_report *report, double fraction)
{
    return histogram_percentile(&report->counts->latency_us, fraction);
}

static uint64_t latency_count(const struct load_report *report)
{
    return report->counts->latency_us.count;
}

static void print_cpu(const struct load_report *report, const char *whose, int64_t cpu_ns)
{
    printf("%-11s %.2f s, %.1f %% of a core, %.3f µs per update\n", whose, (double)cpu_ns / 1e9,
           cpu_percent(report, cpu_ns), cost_us(report, cpu_ns));
}

/* What the server's heap and stacks have grown by, for each connection. */
static double connection_bytes(const struct load_report *report)
{
    const int64_t grown = report->server.anon_bytes - report->first.anon_bytes;
    return report->clients > 0 ? (double)grown / (double)report->clients : 0;
}

static double cost_connection_us(const struct load_report *report)
{
    return report->seconds > 0
               ? (double)report->server_cpu_ns / 1000 / report->seconds / (double)report->clients
               : 0;
}

const char *load_report_caution(const struct load_report *report)
{
    static const double busy_percent = 90, late_factor = 1.1, late_s = 0.5;
    static char text[128];
    const double percent = cpu_percent(report, report->own_cpu_ns);
    if (percent >= busy_percent)
        snprintf(text, sizeof text,
                 "this program was busy %.0f %% of the time: rates and latencies may be its own",
                 percent);
    else if (report->asked_seconds > 0 &&
             report->seconds > report->asked_seconds * late_factor + late_s)
        snprintf(text, sizeof text,
                 "%.1f s became %.1f s: the machine was too busy for this program",
                 report->asked_seconds, report->seconds);
    else
        return NULL;
    return text;
}

void load_report_print(const struct load_report *report)
{
    const struct swarm_counts *counts = report->counts;
    printf("%-11s %zu: %zu subscribed, %zu failed, %zu ended by the server\n", "clients",
           report->clients, counts->subscribed, counts->failed, counts->ended);
    if (report->slow_clients > 0)
        printf("%-11s %zu of them, %zu cut off by the server\n", "slow", report->slow_clients,
               counts->slow_ended);
    printf("%-11s %.2f s\n", "measured", report->seconds);
    printf("%-11s %" PRIu64 ", %.0f a second, mean size of an update frame %.1f bytes\n", "frames",
           counts->frames, rate(report, counts->frames), mean_frame_bytes(report));
    printf("%-11s %" PRIu64 ", %.0f a second, %" PRIu64 " skipped\n", "updates", counts->updates,
           rate(report, counts->updates), counts->skipped);
    printf("%-11s %.1f MiB, %.2f MiB a second\n", "received", (double)counts->bytes / MIB,
           rate(report, counts->bytes) / MIB);
    if (latency_count(report) > 0)
        printf("%-11s p50 %" PRIu64 " µs, p99 %" PRIu64 " µs, p99.9 %" PRIu64 " µs, max %" PRIu64
               " µs\n",
               "latency", latency(report, 0.5), latency(report, 0.99), latency(report, 0.999),
               latency(report, 1));
    else
        printf("%-11s not measured: no update carried this machine's time\n", "latency");
    print_cpu(report, "own CPU", report->own_cpu_ns);
    if (report->has_server) {
        print_cpu(report, "server CPU", report->server_cpu_ns);
        printf("%-11s %.1f MiB resident, %.1f MiB at most, %.0f bytes grown a connection\n",
               "server RAM", (double)report->server.rss_bytes / MIB,
               (double)report->server.rss_peak_bytes / MIB, connection_bytes(report));
    }
    if (counts->churned > 0)
        printf("%-11s %" PRIu64 " changes of subscription\n", "churn", counts->churned);
    if (counts->errors + counts->bad > 0)
        printf("%-11s %" PRIu64 " error messages, %" PRIu64 " messages not understood\n", "trouble",
               counts->errors, counts->bad);
    if (report->has_check)
        printf("%-11s %" PRIu64 " items, %" PRIu64 " out of sequence\n", "checked", counts->checked,
               counts->violations);
    const char *caution = load_report_caution(report);
    if (caution != NULL)
        printf("%-11s %s\n", "caution", caution);
}

void load_report_print_json(const struct load_report *report)
{
    const struct swarm_counts *counts = report->counts;
    printf("{\"clients\":%zu,\"subscribed\":%zu,\"failed\":%zu,\"ended\":%zu,"
           "\"slow\":%zu,\"slow_ended\":%zu,\"seconds\":%.6f,",
           report->clients, counts->subscribed, counts->failed, counts->ended, report->slow_clients,
           counts->slow_ended, report->seconds);
    printf("\"frames\":%" PRIu64 ",\"frames_per_s\":%.1f,\"updates\":%" PRIu64
           ",\"updates_per_s\":%.1f,\"update_frames\":%" PRIu64
           ",\"update_frame_bytes_mean\":%.2f,\"churned\":%" PRIu64 ",\"snapshot_items\":%" PRIu64
           ",\"skipped\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"bad\":%" PRIu64
           ",",
           counts->frames, rate(report, counts->frames), counts->updates,
           rate(report, counts->updates), counts->update_frames, mean_frame_bytes(report),
           counts->churned, counts->snapshot_items, counts->skipped, counts->bytes, counts->errors,
           counts->bad);
    printf("\"latency_us\":{\"count\":%" PRIu64 ",\"p50\":%" PRIu64 ",\"p99\":%" PRIu64
           ",\"p999\":%" PRIu64 ",\"max\":%" PRIu64 "},",
           latency_count(report), latency(report, 0.5), latency(report, 0.99),
           latency(report, 0.999), latency(report, 1));
    if (report->has_check)
        printf("\"checked\":%" PRIu64 ",\"violations\":%" PRIu64 ",", counts->checked,
               counts->violations);
    if (report->has_server)
        printf("\"server\":{\"cpu_s\":%.6f,\"cpu_percent\":%.2f,\"cpu_us_per_update\":%.4f,"
               "\"cpu_us_per_frame\":%.4f,\"cpu_us_per_connection_s\":%.4f,"
               "\"rss_start_bytes\":%" PRId64 ",\"rss_bytes\":%" PRId64
               ",\"rss_peak_bytes\":%" PRId64 ",\"bytes_per_connection\":%.0f},",
               (double)report->server_cpu_ns / 1e9, cpu_percent(report, report->server_cpu_ns),
               cost_us(report, report->server_cpu_ns),
               counts->frames > 0 ? (double)report->server_cpu_ns / 1000 / (double)counts->frames
                                  : 0,
               cost_connection_us(report), report->rss_start_bytes, report->server.rss_bytes,
               report->server.rss_peak_bytes, connection_bytes(report));
    const char *caution = load_report_caution(report);
    if (caution != NULL)
        printf("\"caution\":\"%s\",", caution);
    printf("\"own_cpu_s\":%.6f,\"own_cpu_percent\":%.2f,\"own_cpu_us_per_update\":%.4f}\n",
           (double)report->own_cpu_ns / 1e9, cpu_percent(report, report->own_cpu_ns),
           cost_us(report, report->own_cpu_ns));
}
