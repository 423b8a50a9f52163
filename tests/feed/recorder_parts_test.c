/* Parts, crashes and faults: what a recording keeps when something ends it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "feed/item.h"
#include "feed/recorder.h"
#include "feed/unpack.h"
#include "tests/support/temp_file.h"

#define S_NS   INT64_C(1000000000)
#define DAY_NS (86400 * S_NS)
#define WHEN   (INT64_C(1723161309) * S_NS) /* 2024-08-08T23:55:09Z */

enum { DEADLINE_S = 60 };

/* A bus with one stream, a directory, and the time as the recorder is told. */
struct fixture {
    struct bus *bus;
    struct recorder *recorder;
    uint32_t stream;
    uint64_t emitted, emitted_before; /* in all, and before the recorder began */
    char directory[64], path[128];
    _Atomic int64_t wall_ns, monotonic_ns;
    pthread_mutex_t gate; /* held: the recorder's clock stands still, and so does the recorder */
    _Atomic unsigned messages_count;
    char messages[2048];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const struct bus_options options = {.ring_events = 1024};
    assert_int_equal(bus_create(&options, &f->bus), 0);
    f->stream = (uint32_t)bus_stream(f->bus, "alpha", 5, "ABC-XYZ", 7, EVENT_TRADE);
    strcpy(f->directory, "/tmp/recorder_parts_XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    pthread_mutex_init(&f->gate, NULL);
    atomic_store(&f->wall_ns, WHEN);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[128];
    recorder_destroy(f->recorder);
    bus_destroy(f->bus);
    snprintf(command, sizeof command, "rm -r %s", f->directory);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static void on_message(void *ctx, const char *text)
{
    struct fixture *f = ctx;
    const size_t used = strlen(f->messages);
    snprintf(f->messages + used, sizeof f->messages - used, "%s\n", text);
    atomic_fetch_add(&f->messages_count, 1);
}

static void on_clock(void *ctx, struct record_clock *out)
{
    struct fixture *f = ctx;
    pthread_mutex_lock(&f->gate);
    pthread_mutex_unlock(&f->gate);
    *out = (struct record_clock){atomic_load(&f->wall_ns), atomic_load(&f->monotonic_ns)};
}

static int start(struct fixture *f, const char *name, struct recorder_options options)
{
    char error[512] = "";
    snprintf(f->path, sizeof f->path, "%s/%s", f->directory, name);
    options.path = f->path;
    options.message = on_message;
    options.ctx = f;
    f->emitted_before = f->emitted;
    const int rc = recorder_create(&options, f->bus, &f->recorder, error, sizeof error);
    if (rc != 0)
        snprintf(f->messages, sizeof f->messages, "%s", error);
    return rc;
}
#define START(f, name, ...)                                                                        \
    assert_int_equal(start((f), (name), (struct recorder_options){__VA_ARGS__}), 0)

static bool stop(struct fixture *f)
{
    const bool has_all = recorder_destroy(f->recorder);
    f->recorder = NULL;
    return has_all;
}

static void emit(struct fixture *f, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct price_event event = event_make(EVENT_TRADE);
        event.stream = f->stream & 0xffffff;
        event.recv_ns = WHEN + (int64_t)++f->emitted * 1000000;
        event_set_value(&event, VALUE_PRICE, (struct decimal){f->emitted * 7919 % 1000003, 2});
        bus_emit(f->bus, &event, 1);
    }
}

static struct recorder_status status(const struct fixture *f)
{
    struct recorder_status out;
    recorder_status(f->recorder, &out);
    return out;
}

static void pause_briefly(void)
{
    const struct timespec ms = {.tv_nsec = 1000000};
    nanosleep(&ms, NULL);
}

/* Waits until the condition holds. */
#define AWAIT(condition)                                                                           \
    do {                                                                                           \
        const time_t until_ = time(NULL) + DEADLINE_S;                                             \
        while (!(condition)) {                                                                     \
            assert_true(time(NULL) < until_);                                                      \
            pause_briefly();                                                                       \
        }                                                                                          \
    } while (0)

/* Emits and waits until the recorder has it. */
static void emit_recorded(struct fixture *f, unsigned count)
{
    emit(f, count);
    AWAIT(status(f).events + status(f).missed == f->emitted - f->emitted_before);
}

/* ---- reading ---- */

/* Everything that can be read of a file; *rc is how unpacking ended. */
static struct bytes read_text(const struct fixture *f, const char *name, ssize_t *rc)
{
    char path[400], piece[4096];
    struct bytes text = {0};
    struct unpack *unpack;
    snprintf(path, sizeof path, "%s/%s", f->directory, name);
    assert_int_equal(unpack_open(path, &unpack), 0);
    bytes_add(&text, "", 0);
    while ((*rc = unpack_read(unpack, piece, sizeof piece)) > 0)
        bytes_add(&text, piece, (size_t)*rc);
    unpack_close(unpack);
    return text;
}

/* Checks that the items of the text count on from *seq, and counts. */
static void check_items(const struct bytes *text, uint64_t *seq)
{
    for (const char *line = text->data; *line != '\0';) {
        const char *end = strchr(line, '\n');
        if (end == NULL)
            return; /* torn off */
        const char *at = strstr(line, "\"seq\":");
        if (strncmp(line, "{\"kind\"", 7) == 0 && at != NULL && at < end)
            assert_int_equal(strtoull(at + 6, NULL, 10), ++*seq);
        line = end + 1;
    }
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Checks that the files of the directory, in the order of their names, hold every event from 1 on
 * once and each its header. Returns how many files there are; *events is how many events. */
static int check_parts(const struct fixture *f, uint64_t *events)
{
    struct dirent **names;
    const int count = scandir(f->directory, &names, is_visible, by_name);
    *events = 0;
    for (int i = 0; i < count; i++) {
        ssize_t rc;
        struct bytes text = read_text(f, names[i]->d_name, &rc);
        assert_int_equal(rc, 0);
        assert_int_equal(strncmp(text.data, "{\"pricecast\":1,", 15), 0);
        assert_int_equal(text.data[text.len - 1], '\n');
        check_items(&text, events);
        free(text.data);
        free(names[i]);
    }
    free(names);
    return count;
}

static bool file_exists(const struct fixture *f, const char *name)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", f->directory, name);
    return access(path, F_OK) == 0;
}

/* ---- parts ---- */

static void a_part_ends_when_it_is_full(void **state)
{
    static const char *const names[] = {"a.jsonl", "a.jsonl.gz", "a.jsonl.zst"};
    for (int i = 0; i < 3; i++) {
        void *one;
        uint64_t events;
        setup(&one);
        struct fixture *f = one;
        START(f, names[i], .rotate_bytes = 20000, .holds = true);
        while (status(f).parts < 4) {
            emit_recorded(f, 500);
            assert_true(f->emitted < 10000000);
        }
        const unsigned parts = status(f).parts;
        assert_true(stop(f));
        assert_int_equal(check_parts(f, &events), parts);
        assert_int_equal(events, f->emitted);
        if (i == 0) {
            struct stat about;
            char path[400];
            snprintf(path, sizeof path, "%s/a-0001.jsonl", f->directory);
            assert_int_equal(stat(path, &about), 0);
            assert_in_range(about.st_size, 20000, 20000 + ITEM_BYTES_MAX);
        }
        teardown(&one);
    }
    (void)state;
}

static void a_part_ends_when_its_time_is_over(void **state)
{
    struct fixture *f = *state;
    uint64_t events;
    START(f, "a.zst", .rotate_ns = 60 * S_NS, .clock = on_clock);
    emit_recorded(f, 10);
    atomic_store(&f->monotonic_ns, 60 * S_NS - 1);
    emit_recorded(f, 10);
    assert_int_equal(status(f).parts, 1);
    atomic_store(&f->monotonic_ns, 60 * S_NS);
    emit_recorded(f, 10);
    assert_int_equal(status(f).parts, 2);
    atomic_store(&f->monotonic_ns, 500 * S_NS);
    emit_recorded(f, 10);
    stop(f);
    assert_int_equal(check_parts(f, &events), 3);
    assert_int_equal(events, 40);
    assert_true(file_exists(f, "a-0001.zst"));
    assert_true(file_exists(f, "a-0003.zst"));
}

static void a_part_ends_at_midnight_utc(void **state)
{
    struct fixture *f = *state;
    uint64_t events;
    START(f, "p-%Y-%m-%d.jsonl", .rotate_utc_day = true, .clock = on_clock);
    emit_recorded(f, 10);
    atomic_store(&f->wall_ns, WHEN + 600 * S_NS);
    emit_recorded(f, 10);
    atomic_store(&f->wall_ns, WHEN + DAY_NS);
    emit_recorded(f, 10);
    atomic_store(&f->wall_ns, WHEN + 3 * DAY_NS);
    emit_recorded(f, 10);
    stop(f);
    assert_int_equal(check_parts(f, &events), 3);
    assert_int_equal(events, 40);
    assert_true(file_exists(f, "p-2024-08-08-0001.jsonl"));
    assert_true(file_exists(f, "p-2024-08-09-0001.jsonl"));
    assert_true(file_exists(f, "p-2024-08-11-0001.jsonl"));
}

static ssize_t end_of(const struct fixture *f, const char *name)
{
    ssize_t rc;
    struct bytes text = read_text(f, name, &rc);
    free(text.data);
    return rc;
}

/* Whoever fetches finished parts need not wait for the next event. */
static void a_part_whose_time_is_over_is_whole_though_nothing_comes(void **state)
{
    struct fixture *f = *state;
    START(f, "a.zst", .rotate_ns = S_NS / 50);
    emit_recorded(f, 10);
    AWAIT(end_of(f, "a-0001.zst") == 0);
    assert_int_equal(status(f).events, 10);
    assert_false(status(f).failed);
}

/* ---- going on ---- */

static void another_run_goes_on_in_the_next_part(void **state)
{
    struct fixture *f = *state;
    uint64_t events;
    for (int run = 1; run <= 3; run++) {
        START(f, "a.jsonl.gz", .parts = true);
        emit_recorded(f, 10);
        stop(f);
    }
    assert_int_equal(check_parts(f, &events), 3);
    assert_int_equal(events, 30);
    assert_true(file_exists(f, "a-0003.jsonl.gz"));
    assert_string_equal(f->messages, "");
}

static void a_single_file_is_never_written_over(void **state)
{
    struct fixture *f = *state;
    uint64_t events;
    START(f, "a.jsonl", .sync = RECORDER_SYNC_FLUSH);
    emit_recorded(f, 10);
    stop(f);
    assert_int_equal(start(f, "a.jsonl", (struct recorder_options){0}), -EEXIST);
    assert_null(f->recorder);
    assert_non_null(strstr(f->messages, "a.jsonl: the file exists; recordings are never"));
    assert_int_equal(check_parts(f, &events), 1);
    assert_int_equal(events, 10);
}

static void what_cannot_be_begun_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(start(f, "none/a.jsonl", (struct recorder_options){.parts = true}), -ENOENT);
    assert_int_equal(start(f, "none/a.jsonl", (struct recorder_options){0}), -ENOENT);
    assert_int_equal(start(f, "a%x.jsonl", (struct recorder_options){0}), -EINVAL);
    assert_non_null(strstr(f->messages, RECORD_PATH_ALLOWED));
}

/* ---- crashes ---- */

/* Without more of it coming, and without an end. */
static void what_was_emitted_is_in_the_file_soon(void **state)
{
    static const char *const names[] = {"a.jsonl", "a.jsonl.gz", "a.jsonl.zst"};
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++) {
        uint64_t before = f->emitted, seq;
        START(f, names[i], .sync = i == 0 ? RECORDER_SYNC_NEVER : RECORDER_SYNC_INTERVAL);
        emit(f, 5);
        AWAIT((seq = before, ({
                   ssize_t rc;
                   struct bytes text = read_text(f, names[i], &rc);
                   check_items(&text, &seq);
                   free(text.data);
               }),
               seq == f->emitted));
        stop(f);
    }
}

/* ---- faults ---- */

static void a_full_disk_stops_the_recorder_and_nothing_else(void **state)
{
    static const char *const names[] = {"a.jsonl", "a.jsonl.gz", "a.jsonl.zst"};
    (void)state;
    for (int i = 0; i < 3; i++) {
        void *one;
        uint64_t seq = 0;
        ssize_t rc;
        struct rlimit old, limit;
        setup(&one);
        struct fixture *f = one;
        START(f, names[i], .holds = true);
        getrlimit(RLIMIT_FSIZE, &old);
        limit = (struct rlimit){100000, old.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
        while (!status(f).failed)
            emit_recorded(f, 500);
        emit_recorded(f, 5000); /* nothing is held up */
        setrlimit(RLIMIT_FSIZE, &old);
        const struct recorder_status end = status(f);
        assert_int_equal(end.events + end.missed, f->emitted);
        assert_true(end.missed >= 5000);
        assert_int_equal(f->messages_count, 1);
        assert_non_null(strstr(f->messages, " events, the broadcast goes on: File too large"));
        struct bytes text = read_text(f, names[i], &rc);
        check_items(&text, &seq);
        assert_true(seq > 500 && seq <= end.events);
        assert_true(i > 0 || text.data[text.len - 1] == '\n');
        free(text.data);
        assert_false(stop(f));
        teardown(&one);
    }
}

/* A part that cannot be begun is as bad as a disk that is full. */
static void a_directory_that_is_gone_stops_the_recorder(void **state)
{
    struct fixture *f = *state;
    char away[80];
    START(f, "a.jsonl", .rotate_ns = 60 * S_NS, .clock = on_clock);
    emit_recorded(f, 10);
    snprintf(away, sizeof away, "%s.away", f->directory);
    assert_int_equal(rename(f->directory, away), 0);
    atomic_store(&f->monotonic_ns, 60 * S_NS);
    emit_recorded(f, 10);
    assert_true(status(f).failed);
    assert_int_equal(status(f).events, 10);
    assert_int_equal(status(f).missed, 10);
    assert_int_equal(f->messages_count, 1);
    assert_int_equal(rename(away, f->directory), 0);
}

/* The bus of 1024 events goes round ten times while the recorder, as on a stalled disk, takes
 * nothing. */
static void a_stalled_recorder_costs_the_bus_nothing_and_counts(void **state)
{
    struct fixture *f = *state;
    char note[80];
    ssize_t rc;
    START(f, "a.jsonl", .clock = on_clock);
    emit_recorded(f, 10);
    pthread_mutex_lock(&f->gate);
    emit(f, 10240);
    pthread_mutex_unlock(&f->gate);
    AWAIT(status(f).events + status(f).missed == f->emitted);
    emit_recorded(f, 10);
    const struct recorder_status end = status(f);
    assert_false(end.failed);
    assert_true(end.missed >= 10240 - 2 * 4096);
    stop(f);
    assert_int_equal(f->messages_count, 2);
    assert_non_null(strstr(f->messages, "fell behind the bus and missed "));
    snprintf(note, sizeof note, "missed %" PRIu64 " events in all\n", end.missed);
    assert_non_null(strstr(f->messages, note));
    struct bytes text = read_text(f, "a.jsonl", &rc);
    assert_non_null(strstr(text.data, "{\"type\":\"missed\",\"events\":"));
    snprintf(note, sizeof note, "\"seq\":%" PRIu64 ",", f->emitted);
    assert_non_null(strstr(text.data, note));
    free(text.data);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_ends_when_it_is_full),
        TEST(a_part_ends_when_its_time_is_over),
        TEST(a_part_ends_at_midnight_utc),
        TEST(a_part_whose_time_is_over_is_whole_though_nothing_comes),
        TEST(another_run_goes_on_in_the_next_part),
        TEST(a_single_file_is_never_written_over),
        TEST(what_cannot_be_begun_is_refused),
        TEST(what_was_emitted_is_in_the_file_soon),
        cmocka_unit_test(a_full_disk_stops_the_recorder_and_nothing_else),
        TEST(a_directory_that_is_gone_stops_the_recorder),
        TEST(a_stalled_recorder_costs_the_bus_nothing_and_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
