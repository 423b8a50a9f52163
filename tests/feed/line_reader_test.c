/* What the reader promises for each encoding, whole, cut short and damaged. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "feed/line_reader.h"
#include "tests/support/temp_file.h"

/* Reads everything; each line is followed by '|' in `seen`, one too long is "<long>". */
struct reading {
    struct bytes seen;
    uint64_t lines;
    int rc;
    struct line_position at;
    char problem[200];
    bool has_garbage;
};

static void read_on(struct line_reader *reader, struct reading *reading)
{
    struct line line;
    for (;;) {
        reading->rc = line_reader_next(reader, &line);
        if (reading->rc == -EMSGSIZE) {
            bytes_add(&reading->seen, "<long>|", 7);
            continue;
        }
        if (reading->rc != 1)
            break;
        reading->lines++;
        assert_int_equal(line.number, line_reader_position(reader).line);
        bytes_add(&reading->seen, line.text, line.len);
        bytes_add(&reading->seen, "|", 1);
    }
    reading->at = line_reader_position(reader);
    snprintf(reading->problem, sizeof reading->problem, "%s", line_reader_problem(reader));
    reading->has_garbage = line_reader_has_garbage(reader);
}

static struct reading read_all(const void *data, size_t len, size_t line_max)
{
    struct reading reading = {0};
    struct line_reader *reader;
    struct temp_file file = temp_file_make(data, len);
    bytes_add(&reading.seen, "", 0);
    assert_int_equal(line_reader_open(file.path, line_max, &reader), 0);
    read_on(reader, &reading);
    assert_int_equal(reading.at.stored_total, len);
    line_reader_close(reader);
    temp_file_drop(&file);
    return reading;
}

static void expect(const void *data, size_t len, const char *seen)
{
    struct reading reading = read_all(data, len, 0);
    assert_string_equal(reading.seen.data, seen);
    assert_int_equal(reading.rc, 0);
    free(reading.seen.data);
}
#define EXPECT(text, seen) expect(text, sizeof text - 1, seen)

static void line_ends_are_not_part_of_lines(void **state)
{
    (void)state;
    EXPECT("a\nb\n", "a|b|");
    EXPECT("a\r\nb\r\n", "a|b|");
    EXPECT("a\r\r\nb\rc\n", "a\r|b\rc|"); /* only one CR, and only before LF, is an end */
}

static void the_last_line_needs_no_end(void **state)
{
    (void)state;
    EXPECT("a\nb", "a|b|");
    EXPECT("a\r", "a|");
    EXPECT("", "");
}

static void empty_lines_are_delivered(void **state)
{
    (void)state;
    EXPECT("\n\na\n\r\n", "||a||");
}

static void a_byte_order_mark_is_dropped_at_the_very_start_only(void **state)
{
    (void)state;
    EXPECT("\xef\xbb\xbf"
           "a\n\xef\xbb\xbf"
           "b\n",
           "a|\xef\xbb\xbf"
           "b|");
    EXPECT("\xef\xbb\xbf\n", "|");
}

static void nul_bytes_are_like_others(void **state)
{
    struct reading reading = read_all("a\0b\n\0\n", 6, 0);
    (void)state;
    assert_memory_equal(reading.seen.data, "a\0b|\0|", 6);
    free(reading.seen.data);
}

/* ---- long lines ---- */

static void a_line_of_just_the_limit_passes_and_one_above_is_skipped(void **state)
{
    (void)state;
    struct reading reading = read_all("12345\n123456\n12345\r\n123456\r\nx\n123456", 36, 5);
    assert_string_equal(reading.seen.data, "12345|<long>|12345|<long>|x|<long>|");
    assert_int_equal(reading.rc, 0);
    assert_int_equal(reading.at.line, 6);
    free(reading.seen.data);
}

/* Lines around the sizes at which the buffer is full, grows, or gives up. */
static void lines_of_any_length_come_whole(void **state)
{
    const size_t limit = 3 << 20;
    const size_t lengths[] = {(1 << 20) - 1, 1 << 20,   (1 << 20) + 1, 2 << 20,   (2 << 20) + 1,
                              limit - 1,     limit + 1, limit,         limit * 3, 0};
    (void)state;
    struct bytes text = {0};
    struct line line;
    struct line_reader *reader;
    for (size_t i = 0; i < 10; i++) {
        char *one = malloc(lengths[i] + 1);
        memset(one, 'a' + (int)i, lengths[i] + 1);
        one[lengths[i]] = '\n';
        bytes_add(&text, "-\n", 2);
        bytes_add(&text, one, lengths[i] + 1);
        free(one);
    }
    struct bytes packed = {0};
    bytes_add_zstd(&packed, text.data, text.len, text.len);
    struct temp_file files[] = {temp_file_make(text.data, text.len),
                                temp_file_make(packed.data, packed.len)};
    for (size_t f = 0; f < 2; f++) {
        assert_int_equal(line_reader_open(files[f].path, limit, &reader), 0);
        for (size_t i = 0; i < 10; i++) {
            assert_int_equal(line_reader_next(reader, &line), 1);
            assert_int_equal(line.len, 1);
            const int rc = line_reader_next(reader, &line);
            assert_int_equal(rc, lengths[i] > limit ? -EMSGSIZE : 1);
            if (rc != 1)
                continue;
            assert_int_equal(line.len, lengths[i]);
            assert_int_equal(line.number, 2 * i + 2);
            for (size_t k = 0; k < line.len; k++)
                if (line.text[k] != 'a' + (int)i)
                    fail();
        }
        assert_int_equal(line_reader_next(reader, &line), 0);
        line_reader_close(reader);
        temp_file_drop(&files[f]);
    }
    free(text.data);
    free(packed.data);
}

static void an_endless_line_costs_no_memory(void **state)
{
    (void)state;
    struct reading reading = {0};
    char *text = calloc(1, 8 << 20);
    reading = read_all(text, 8 << 20, 100);
    assert_string_equal(reading.seen.data, "<long>|");
    assert_int_equal(reading.at.text_bytes, 8 << 20);
    free(reading.seen.data);
    free(text);
}

/* ---- encodings ---- */

static struct bytes sample_text(size_t lines)
{
    struct bytes text = {0};
    unsigned random = 1;
    for (size_t i = 0; i < lines; i++) {
        char line[64];
        random = random * 1103515245 + 12345;
        const int len = snprintf(line, sizeof line, "line %zu %x\n", i, random);
        bytes_add(&text, line, (size_t)len);
    }
    return text;
}

static void expect_text(const struct bytes *packed, const struct bytes *text)
{
    struct reading reading = read_all(packed->data, packed->len, 0);
    assert_int_equal(reading.rc, 0);
    assert_int_equal(reading.seen.len, text->len);
    for (size_t i = 0; i < text->len; i++)
        if (text->data[i] != (reading.seen.data[i] == '|' ? '\n' : reading.seen.data[i]))
            fail();
    assert_int_equal(reading.at.stored_bytes, packed->len);
    assert_int_equal(reading.at.text_bytes, text->len);
    free(reading.seen.data);
}

/* The file is read a megabyte at a time; progress, and a seek to a percentage, want better. */
static void the_position_follows_the_lines_and_not_the_buffer(void **state)
{
    enum { LINES = 1000, HALF = LINES / 2 };
    (void)state;
    struct bytes text = sample_text(LINES), files[2] = {0};
    bytes_add(&files[0], text.data, text.len);
    bytes_add_zstd(&files[1], text.data, text.len, text.len);
    for (int i = 0; i < 2; i++) {
        struct line_reader *reader;
        struct line line;
        struct temp_file file = temp_file_make(files[i].data, files[i].len);
        assert_int_equal(line_reader_open(file.path, 0, &reader), 0);
        for (int turn = 0; turn < 2; turn++) {
            for (int n = 0; n < HALF; n++)
                assert_int_equal(line_reader_next(reader, &line), 1);
            assert_in_range(line_reader_position(reader).stored_bytes, files[i].len * 4 / 10,
                            files[i].len * 6 / 10);
            for (int n = 0; n < HALF; n++)
                assert_int_equal(line_reader_next(reader, &line), 1);
            assert_int_equal(line_reader_next(reader, &line), 0);
            assert_int_equal(line_reader_position(reader).stored_bytes, files[i].len);
            assert_int_equal(line_reader_rewind(reader), 0);
        }
        line_reader_close(reader);
        temp_file_drop(&file);
        free(files[i].data);
    }
    free(text.data);
}

static void members_and_frames_in_a_row_are_one_text(void **state)
{
    (void)state;
    struct bytes text = sample_text(100000), gzip = {0}, zstd = {0};
    for (size_t at = 0; at < text.len; at += 300000) { /* the seams cut lines */
        const size_t len = text.len - at < 300000 ? text.len - at : 300000;
        bytes_add_gzip(&gzip, text.data + at, len);
        bytes_add_gzip(&gzip, "", 0);
        bytes_add_zstd(&zstd, text.data + at, len, len);
        bytes_add(&zstd, "\x5e\x2a\x4d\x18\x05\0\0\0hello", 13); /* a frame to skip */
        bytes_add_zstd(&zstd, "", 0, 1);
    }
    expect_text(&gzip, &text);
    expect_text(&zstd, &text);
    expect_text(&text, &text);
    free(text.data);
    free(gzip.data);
    free(zstd.data);
}

static void a_file_may_begin_with_a_frame_to_skip(void **state)
{
    (void)state;
    struct bytes zstd = {0};
    bytes_add(&zstd, "\x50\x2a\x4d\x18\0\0\0\0", 8);
    bytes_add_zstd(&zstd, "a\nb", 3, 1);
    expect(zstd.data, zstd.len, "a|b|");
    free(zstd.data);
}

/* Zeros are padding. Of anything else the place is told; all that was packed is read all the same,
 * also a last line without an end, and of both packings alike. */
static void what_follows_packed_data_is_told(void **state)
{
    static const char *const tails[] = {"\0\0\0\0\0\0\0", "garbage", "\0\0\0x\0\0", "\x50\x2a??"};
    static const size_t lens[] = {7, 7, 6, 4}, begins[] = {7, 0, 3, 0};
    (void)state;
    for (size_t i = 0; i < 8; i++) {
        const size_t t = i / 2;
        struct bytes packed = {0};
        if (i % 2 == 0)
            bytes_add_gzip(&packed, "a\nb", 3);
        else
            bytes_add_zstd(&packed, "a\nb", 3, 3);
        const size_t packed_len = packed.len;
        bytes_add(&packed, tails[t], lens[t]);
        struct reading reading = read_all(packed.data, packed.len, 0);
        assert_string_equal(reading.seen.data, "a|b|");
        assert_int_equal(reading.rc, 0);
        assert_int_equal(reading.has_garbage, t > 0);
        assert_int_equal(reading.at.stored_bytes, packed_len + begins[t]);
        if (t > 0)
            assert_string_equal(reading.problem, i % 2 == 0
                                                     ? "something else follows the gzip data"
                                                     : "something else follows the zstd data");
        free(reading.seen.data);
        free(packed.data);
    }
}

/* One byte or two may be a beginning of which the rest has been lost, or not been written yet. */
static void another_beginning_that_is_cut_short_ends_early(void **state)
{
    (void)state;
    struct bytes packed[2] = {{0}};
    bytes_add_gzip(&packed[0], "a\nb\n", 4);
    bytes_add(&packed[0], "\x1f", 1);
    bytes_add_zstd(&packed[1], "a\nb\n", 4, 4);
    bytes_add(&packed[1], "\x28\xb5", 2);
    for (size_t i = 0; i < 2; i++) {
        struct reading reading = read_all(packed[i].data, packed[i].len, 0);
        assert_string_equal(reading.seen.data, "a|b|");
        assert_int_equal(reading.rc, -ENODATA);
        assert_false(reading.has_garbage);
        free(reading.seen.data);
        free(packed[i].data);
    }
}

/* ---- cut short: independent decoders, fed byte by byte, say what can be had ---- */

static size_t gzip_reach(const struct bytes *packed, size_t cut, char *out, size_t room)
{
    z_stream gzip = {0};
    assert_int_equal(inflateInit2(&gzip, 15 + 16), Z_OK);
    gzip.next_out = (unsigned char *)out;
    gzip.avail_out = (unsigned)room;
    for (size_t i = 0; i < cut; i++) {
        gzip.next_in = (unsigned char *)packed->data + i;
        gzip.avail_in = 1;
        if (inflate(&gzip, Z_SYNC_FLUSH) != Z_OK)
            break;
    }
    inflateEnd(&gzip);
    return room - gzip.avail_out;
}

static size_t zstd_reach(const struct bytes *packed, size_t cut, char *out, size_t room)
{
    ZSTD_DStream *zstd = ZSTD_createDStream();
    ZSTD_outBuffer to = {out, room, 0};
    for (size_t i = 0; i < cut; i++) {
        ZSTD_inBuffer from = {packed->data + i, 1, 0};
        if (ZSTD_isError(ZSTD_decompressStream(zstd, &to, &from)))
            break;
    }
    ZSTD_freeDStream(zstd);
    return to.pos;
}

/* Every whole line of what a decoder can reach, and not one byte more. */
static void expect_whole_lines(const struct reading *reading, const char *text, size_t reach)
{
    while (reach > 0 && text[reach - 1] != '\n')
        reach--;
    assert_int_equal(reading->seen.len, reach);
    for (size_t i = 0; i < reach; i++)
        if (text[i] != reading->seen.data[i] && (text[i] != '\n' || reading->seen.data[i] != '|'))
            fail();
}

static void truncated_gzip_delivers_every_whole_line_and_says_where_it_stopped(void **state)
{
    (void)state;
    struct bytes text = sample_text(120), gzip = {0};
    char *reached = malloc(text.len);
    bytes_add_gzip(&gzip, text.data, text.len);
    for (size_t cut = 2; cut < gzip.len; cut++) {
        struct reading reading = read_all(gzip.data, cut, 0);
        const size_t reach = gzip_reach(&gzip, cut, reached, text.len);
        expect_whole_lines(&reading, text.data, reach);
        assert_int_equal(reading.rc, -ENODATA);
        assert_string_equal(reading.problem, "gzip data ends early");
        assert_int_equal(reading.at.stored_bytes, cut);
        assert_int_equal(reading.at.text_bytes, reach);
        free(reading.seen.data);
    }
    free(reached);
    free(text.data);
    free(gzip.data);
}

static void truncated_zstd_delivers_every_whole_line_and_says_where_it_stopped(void **state)
{
    (void)state;
    struct bytes text = sample_text(120), zstd = {0};
    char *reached = malloc(text.len);
    bytes_add_zstd(&zstd, text.data, text.len, 100);
    for (size_t cut = 4; cut < zstd.len; cut++) {
        struct reading reading = read_all(zstd.data, cut, 0);
        const size_t reach = zstd_reach(&zstd, cut, reached, text.len);
        expect_whole_lines(&reading, text.data, reach);
        assert_int_equal(reading.rc, -ENODATA);
        assert_string_equal(reading.problem, "zstd data ends early");
        assert_int_equal(reading.at.stored_bytes, cut);
        assert_int_equal(reading.at.text_bytes, reach);
        free(reading.seen.data);
    }
    free(reached);
    free(text.data);
    free(zstd.data);
}

/* A bit turned round anywhere: an error, unless it is one of the few that mean nothing. Text before
 * the damage is delivered in whole lines; of zstd, exactly what an independent decoder reaches. */
static void expect_damage_is_noticed(const struct bytes *packed, const struct bytes *text)
{
    enum { ROOM = 1 << 20 };
    char *reached = malloc(ROOM);
    struct reading reading = read_all(packed->data, packed->len, 0);
    if (reading.rc == 0) {
        expect_text(packed, text);
    } else {
        assert_true(reading.rc == -EBADMSG || reading.rc == -ENODATA);
        assert_in_range(reading.at.stored_bytes, 0, packed->len);
        if (memcmp(packed->data, "\x28\xb5\x2f\xfd", 4) == 0)
            expect_whole_lines(&reading, reached, zstd_reach(packed, packed->len, reached, ROOM));
    }
    free(reading.seen.data);
    free(reached);
}

static void damaged_data_ends_in_an_error(void **state)
{
    (void)state;
    struct bytes text = sample_text(120), packed[2] = {{0}};
    bytes_add_gzip(&packed[0], text.data, text.len);
    bytes_add_zstd(&packed[1], text.data, text.len, 100);
    for (size_t p = 0; p < 2; p++) {
        for (size_t at = 10; at < packed[p].len; at++) {
            packed[p].data[at] ^= 0x10;
            expect_damage_is_noticed(&packed[p], &text);
            packed[p].data[at] ^= 0x10;
        }
        free(packed[p].data);
    }
    free(text.data);
}

static void the_end_is_repeated(void **state)
{
    struct bytes gzip = {0};
    struct line line;
    struct line_reader *reader;
    (void)state;
    bytes_add_gzip(&gzip, "a\nb\n", 4);
    struct temp_file file = temp_file_make(gzip.data, gzip.len - 1);
    assert_int_equal(line_reader_open(file.path, 0, &reader), 0);
    assert_int_equal(line_reader_next(reader, &line), 1);
    assert_int_equal(line_reader_next(reader, &line), 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(line_reader_next(reader, &line), -ENODATA);
    line_reader_close(reader);
    temp_file_drop(&file);
    free(gzip.data);
}

/* ---- rewind ---- */

/* Small files are read again from the buffer, large ones from the file. */
static void a_rewind_gives_the_same_lines_again(void **state)
{
    static const size_t sizes[] = {10, 200000};
    (void)state;
    for (size_t s = 0; s < 6; s++) {
        struct bytes text = sample_text(sizes[s / 3]), packed = {0};
        if (s % 3 == 0)
            bytes_add(&packed, text.data, text.len);
        else if (s % 3 == 1)
            bytes_add_gzip(&packed, text.data, text.len);
        else
            bytes_add_zstd(&packed, text.data, text.len, text.len);
        struct temp_file file = temp_file_make(packed.data, packed.len);
        struct reading first = {0}, second = {0};
        struct line_reader *reader;
        assert_int_equal(line_reader_open(file.path, 0, &reader), 0);
        read_on(reader, &first);
        assert_int_equal(line_reader_rewind(reader), 0);
        read_on(reader, &second);
        assert_int_equal(first.rc, 0);
        assert_int_equal(second.rc, 0);
        assert_int_equal(first.lines, sizes[s / 3]);
        assert_int_equal(first.seen.len, second.seen.len);
        assert_memory_equal(first.seen.data, second.seen.data, first.seen.len);
        line_reader_close(reader);
        temp_file_drop(&file);
        free(first.seen.data);
        free(second.seen.data);
        free(text.data);
        free(packed.data);
    }
}

static void a_pipe_is_read_and_can_be_rewound_while_its_start_is_in_the_buffer(void **state)
{
    int ends[2];
    char path[64];
    struct line line;
    struct line_reader *reader;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "a\nb\n", 4), 4);
    snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
    assert_int_equal(line_reader_open(path, 0, &reader), 0);
    assert_int_equal(line_reader_next(reader, &line), 1);
    assert_int_equal(line_reader_rewind(reader), 0);
    close(ends[1]);
    struct reading reading = {0};
    read_on(reader, &reading);
    assert_string_equal(reading.seen.data, "a|b|");
    assert_int_equal(reading.at.stored_total, 0);
    line_reader_close(reader);
    close(ends[0]);
    free(reading.seen.data);
}

/* ---- refusals ---- */

static void what_cannot_be_read_is_refused_with_its_errno(void **state)
{
    struct line_reader *reader = NULL;
    (void)state;
    assert_int_equal(line_reader_open("/nonexistent/file", 0, &reader), -ENOENT);
    assert_int_equal(line_reader_open("/tmp", 0, &reader), -EISDIR);
    assert_int_equal(line_reader_open("/proc/self/mem", 0, &reader), -EIO);
    assert_null(reader);
    if (geteuid() == 0)
        return; /* root may read everything */
    char path[] = "/tmp/line_reader_test.XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0 && fchmod(fd, 0) == 0);
    assert_int_equal(line_reader_open(path, 0, &reader), -EACCES);
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_ends_are_not_part_of_lines),
        cmocka_unit_test(the_last_line_needs_no_end),
        cmocka_unit_test(empty_lines_are_delivered),
        cmocka_unit_test(a_byte_order_mark_is_dropped_at_the_very_start_only),
        cmocka_unit_test(nul_bytes_are_like_others),
        cmocka_unit_test(a_line_of_just_the_limit_passes_and_one_above_is_skipped),
        cmocka_unit_test(lines_of_any_length_come_whole),
        cmocka_unit_test(an_endless_line_costs_no_memory),
        cmocka_unit_test(the_position_follows_the_lines_and_not_the_buffer),
        cmocka_unit_test(members_and_frames_in_a_row_are_one_text),
        cmocka_unit_test(a_file_may_begin_with_a_frame_to_skip),
        cmocka_unit_test(what_follows_packed_data_is_told),
        cmocka_unit_test(another_beginning_that_is_cut_short_ends_early),
        cmocka_unit_test(truncated_gzip_delivers_every_whole_line_and_says_where_it_stopped),
        cmocka_unit_test(truncated_zstd_delivers_every_whole_line_and_says_where_it_stopped),
        cmocka_unit_test(damaged_data_ends_in_an_error),
        cmocka_unit_test(the_end_is_repeated),
        cmocka_unit_test(a_rewind_gives_the_same_lines_again),
        cmocka_unit_test(a_pipe_is_read_and_can_be_rewound_while_its_start_is_in_the_buffer),
        cmocka_unit_test(what_cannot_be_read_is_refused_with_its_errno),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
