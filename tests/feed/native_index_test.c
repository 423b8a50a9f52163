/* A time is found in a recording: nothing that belongs behind it is missed, and not much before it
 * is read. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "feed/native_index.h"
#include "feed/record_file.h"
#include "feed/unpack.h"
#include "tests/support/random.h"
#include "tests/support/temp_file.h"

#define S_NS INT64_C(1000000000)
#define T0   (INT64_C(1700000000) * S_NS)

enum { EVENTS = 60000 }; /* about nine frames */

/* A recording of EVENTS trades and what is known of it. */
struct recording {
    struct temp_file file;
    struct streams *streams;
    int64_t times[EVENTS]; /* as they are read back */
    size_t count;
};

static struct price_event trade(int64_t recv_ns, uint64_t seq)
{
    struct price_event event = event_make(EVENT_TRADE);
    event.stream = 0;
    event.seq = seq;
    event.recv_ns = recv_ns;
    event_set_value(&event, VALUE_PRICE, (struct decimal){seq * 7919 % 1000003, 2});
    return event;
}

static void record(struct recording *recording, enum pack_kind kind, const int64_t *times,
                   size_t count)
{
    struct pack *pack;
    struct record_file *file;
    const struct record_header header = {.created_ns = T0, .source = "a \"test\""};
    recording->file = temp_file_make("", 0);
    recording->streams = streams_create(10);
    recording->count = count;
    assert_int_equal(streams_intern(recording->streams, "alpha", 5, "ABC-XYZ", 7, EVENT_TRADE), 0);
    assert_int_equal(pack_open(dup(recording->file.fd), kind, &pack), 0);
    assert_int_equal(record_file_create(pack, recording->streams, &header, &file), 0);
    for (size_t i = 0; i < count; i++) {
        const struct price_event event = trade(times[i], i + 1);
        assert_int_equal(record_file_event(file, &event), 0);
        recording->times[i] = times[i] / 1000 * 1000;
        if (i % 1000 == 0)
            assert_int_equal(record_file_note(file, "{\"type\":\"feed\"}\n", 16), 0);
    }
    assert_int_equal(record_file_close(file, false), 0);
}

static void recording_drop(struct recording *recording)
{
    streams_destroy(recording->streams);
    temp_file_drop(&recording->file);
}

/* The text of the file from `offset` on, as any reader would unpack it. */
static struct bytes text_from(const struct temp_file *file, uint64_t offset)
{
    struct bytes stored = {0}, text = {0};
    char piece[1 << 16];
    ssize_t got;
    while ((got = pread(file->fd, piece, sizeof piece, (off_t)(offset + stored.len))) > 0)
        bytes_add(&stored, piece, (size_t)got);
    struct temp_file tail = temp_file_make(stored.data, stored.len);
    struct unpack *unpack;
    assert_int_equal(unpack_open(tail.path, &unpack), 0);
    while ((got = unpack_read(unpack, piece, sizeof piece)) > 0)
        bytes_add(&text, piece, (size_t)got);
    assert_int_equal(got, 0);
    unpack_close(unpack);
    temp_file_drop(&tail);
    free(stored.data);
    return text;
}

/* How many events stand before the offset. */
static size_t events_before(const struct recording *recording, uint64_t offset)
{
    struct bytes text = text_from(&recording->file, offset);
    assert_int_equal(text.data[0], '{'); /* the beginning of a line */
    const char *seq = strstr(text.data, "\"seq\":");
    const size_t before = seq == NULL ? recording->count : strtoul(seq + 6, NULL, 10) - 1;
    free(text.data);
    return before;
}

/* Returns how many events one reads in vain. */
static size_t check_seek(const struct recording *recording, int64_t time_ns)
{
    uint64_t offset = 1;
    assert_int_equal(native_seek_offset(recording->file.path, time_ns, &offset), 0);
    const size_t before = events_before(recording, offset);
    for (size_t i = 0; i < before; i++)
        assert_true(recording->times[i] < time_ns);
    size_t first = before;
    while (first < recording->count && recording->times[first] < time_ns)
        first++;
    return first - before;
}

/* A minute, or ten, received in order. */
enum { MINUTE = 1, TEN_MINUTES = 10 };

static void make_times(int64_t *times, int minutes)
{
    for (size_t i = 0; i < EVENTS; i++)
        times[i] = T0 + (int64_t)i * 1000000 * minutes + 789;
}

static void check_ordered(enum pack_kind kind, int minutes, size_t vain_max)
{
    static int64_t times[EVENTS];
    static struct recording recording;
    make_times(times, minutes);
    record(&recording, kind, times, EVENTS);
    assert_int_equal(check_seek(&recording, INT64_MIN), 0);
    assert_int_equal(check_seek(&recording, T0), 0);
    for (int64_t s = 1; s <= 60 * minutes; s += 7 * minutes) {
        assert_in_range(check_seek(&recording, T0 + s * S_NS), 0, vain_max);
        assert_in_range(check_seek(&recording, T0 + s * S_NS + 1), 0, vain_max);
    }
    assert_in_range(check_seek(&recording, INT64_MAX), 0, vain_max);
    recording_drop(&recording);
}

/* In a frame of 1 MiB of text there are fewer than 10,000 such events. */
static void a_time_is_found_in_a_packed_recording(void **state)
{
    (void)state;
    check_ordered(PACK_ZSTD, MINUTE, 10000);
}

static void a_time_is_found_in_a_plain_recording(void **state)
{
    (void)state;
    check_ordered(PACK_PLAIN, TEN_MINUTES, (size_t)(NATIVE_DISORDER_NS / 10000000) + 10);
}

/* Late events, a clock that was set back, a replay in a loop: what is behind the label counts. */
static void no_event_is_missed_whatever_the_order(void **state)
{
    static int64_t times[EVENTS];
    static struct recording recording;
    struct random random = {random_seed_of(42)};
    (void)state;
    make_times(times, MINUTE);
    for (size_t i = 0; i < EVENTS; i++) {
        if (random_u64(&random) % 100 == 0)
            times[i] -= (int64_t)(random_u64(&random) % (uint64_t)(30 * S_NS));
        if (i >= EVENTS / 2)
            times[i] -= 25 * S_NS;
    }
    record(&recording, PACK_ZSTD, times, EVENTS);
    for (int i = 0; i < 40; i++)
        check_seek(&recording, T0 + (int64_t)(random_u64(&random) % (70 * S_NS)));
    recording_drop(&recording);
}

static void a_plain_recording_may_be_a_little_out_of_order(void **state)
{
    static int64_t times[EVENTS];
    static struct recording recording;
    struct random random = {random_seed_of(7)};
    (void)state;
    make_times(times, TEN_MINUTES);
    for (size_t i = 0; i < EVENTS; i++)
        if (random_u64(&random) % 50 == 0)
            times[i] -= (int64_t)(random_u64(&random) % (NATIVE_DISORDER_NS - S_NS));
    record(&recording, PACK_PLAIN, times, EVENTS);
    for (int i = 0; i < 40; i++)
        check_seek(&recording, T0 + (int64_t)(random_u64(&random) % (700 * S_NS)));
    recording_drop(&recording);
}

/* As after a crash: the end is missing, inside a label too. */
static void a_recording_cut_short_is_searched_as_far_as_it_goes(void **state)
{
    static int64_t times[EVENTS];
    static struct recording recording;
    struct stat about;
    uint64_t offset;
    (void)state;
    make_times(times, MINUTE);
    record(&recording, PACK_ZSTD, times, EVENTS);
    assert_int_equal(native_seek_offset(recording.file.path, INT64_MAX, &offset), 0);
    for (uint64_t size = offset + 60; size >= offset - 60; size--) {
        assert_int_equal(ftruncate(recording.file.fd, (off_t)size), 0);
        uint64_t found;
        assert_int_equal(native_seek_offset(recording.file.path, INT64_MAX, &found), 0);
        assert_int_equal(found == offset, size >= offset + 8 + NATIVE_MARK_BYTES);
        assert_int_equal(fstat(recording.file.fd, &about), 0);
        assert_true(found < (uint64_t)about.st_size);
    }
    recording_drop(&recording);
}

static int seek_in(const void *data, size_t len)
{
    uint64_t offset = 77;
    struct temp_file file = temp_file_make(data, len);
    const int rc = native_seek_offset(file.path, T0, &offset);
    temp_file_drop(&file);
    assert_true(rc == 0 || offset == 77);
    return rc;
}
#define SEEK_IN(text) seek_in(text, sizeof(text) - 1)

static void what_has_no_index_is_told_apart(void **state)
{
    static const char text[] = "{\"pricecast\":1}\n{\"kind\":\"trade\",\"ts\":1}\n";
    struct bytes packed = {0};
    uint64_t offset;
    (void)state;
    assert_int_equal(SEEK_IN(text), 0);
    assert_int_equal(SEEK_IN("{\"kind\":\"trade\",\"ts\":1}\n"), 0);
    assert_int_equal(SEEK_IN(""), -ENOTSUP);
    assert_int_equal(SEEK_IN("1700000000000000000 {\"e\":\"trade\"}\n"), -ENOTSUP);
    assert_int_equal(SEEK_IN("{\"e\":\"trade\"}\n"), -ENOTSUP);
    bytes_add_gzip(&packed, text, sizeof text - 1);
    assert_int_equal(seek_in(packed.data, packed.len), -ENOTSUP);
    packed.len = 0;
    bytes_add_zstd(&packed, text, sizeof text - 1, 1000);
    assert_int_equal(seek_in(packed.data, packed.len), -ENOTSUP);
    free(packed.data);
    assert_int_equal(native_seek_offset("/proc/self/fd", T0, &offset), -ENOTSUP);
    assert_int_equal(native_seek_offset("/nonexistent/file", T0, &offset), -ENOENT);
}

/* A label that stands elsewhere than it says is part of something else. */
static void a_label_must_stand_where_it_says(void **state)
{
    unsigned char label[PACK_LABEL_HEAD_BYTES + NATIVE_MARK_BYTES] = {0x5c, 0x2a, 0x4d, 0x18,
                                                                      NATIVE_MARK_BYTES};
    struct native_mark mark = {.offset = 0, .latest_ns = INT64_MIN};
    struct bytes packed = {0};
    (void)state;
    for (uint64_t offset = 0; offset < 3; offset++) {
        mark.offset = offset;
        native_mark_write(&mark, label + PACK_LABEL_HEAD_BYTES);
        packed.len = 0;
        bytes_add(&packed, label, sizeof label);
        bytes_add_zstd(&packed, "{}\n", 3, 10);
        assert_int_equal(seek_in(packed.data, packed.len), offset == 0 ? 0 : -ENOTSUP);
    }
    free(packed.data);
}

/* So far back that quiet streams are met, and not much further. */
static void a_plain_recording_is_read_from_some_way_back(void **state)
{
    static struct recording recording;
    static int64_t times[EVENTS];
    uint64_t offset, back, stand;
    (void)state;
    for (size_t i = 0; i < EVENTS; i++)
        times[i] = T0 + (int64_t)i * S_NS;
    record(&recording, PACK_PLAIN, times, EVENTS);
    assert_int_equal(native_seek_offset(recording.file.path, times[EVENTS - 1], &offset), 0);
    assert_int_equal(native_seek_stand(recording.file.path, times[EVENTS - 1], 0, &back, &stand),
                     0);
    assert_int_equal(stand, 0);
    assert_in_range(offset - back, NATIVE_LOOKBACK_BYTES * 9 / 10, NATIVE_LOOKBACK_BYTES);
    assert_true(events_before(&recording, back) > 0);
    assert_int_equal(native_seek_stand(recording.file.path, times[10000], 0, &back, &stand), 0);
    assert_int_equal(back, 0);
    assert_int_equal(native_seek_stand(recording.file.path, INT64_MIN, INT64_MAX, &back, &stand),
                     0);
    assert_int_equal(back, 0);
    recording_drop(&recording);
}

static void a_packed_recording_is_read_from_a_state(void **state)
{
    static struct recording recording;
    static int64_t times[EVENTS];
    uint64_t offset, back, stand;
    (void)state;
    make_times(times, MINUTE);
    record(&recording, PACK_ZSTD, times, EVENTS);
    assert_int_equal(native_seek_offset(recording.file.path, times[EVENTS - 1], &offset), 0);
    assert_int_equal(native_seek_stand(recording.file.path, times[EVENTS - 1], 0, &back, &stand),
                     0);
    assert_int_equal(back, stand); /* with one stream every frame has one … */
    assert_true(stand > 0 && stand < offset);
    assert_int_equal(native_seek_stand(recording.file.path, times[10], 0, &back, &stand), 0);
    assert_int_equal(back, 0); /* … but the first */
    assert_int_equal(stand, 0);
    recording_drop(&recording);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_recording_is_read_from_some_way_back),
        cmocka_unit_test(a_packed_recording_is_read_from_a_state),
        cmocka_unit_test(a_time_is_found_in_a_packed_recording),
        cmocka_unit_test(a_time_is_found_in_a_plain_recording),
        cmocka_unit_test(no_event_is_missed_whatever_the_order),
        cmocka_unit_test(a_plain_recording_may_be_a_little_out_of_order),
        cmocka_unit_test(a_recording_cut_short_is_searched_as_far_as_it_goes),
        cmocka_unit_test(what_has_no_index_is_told_apart),
        cmocka_unit_test(a_label_must_stand_where_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
