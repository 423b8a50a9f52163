/* What was written comes back, whatever the packing; what was flushed is safe. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "feed/pack.h"
#include "feed/unpack.h"
#include "tests/support/random.h"
#include "tests/support/temp_file.h"

static const enum pack_kind kinds[] = {PACK_PLAIN, PACK_GZIP, PACK_ZSTD};
enum { KINDS = sizeof kinds / sizeof *kinds };

static struct pack *pack_to(const struct temp_file *file, enum pack_kind kind)
{
    struct pack *pack;
    assert_int_equal(pack_open(dup(file->fd), kind, &pack), 0);
    return pack;
}

/* Everything that can be read of the file's first `size` bytes. */
static struct bytes read_prefix(const struct temp_file *file, size_t size)
{
    struct bytes text = {0};
    char *stored = malloc(size + 1), piece[4096];
    assert_int_equal(pread(file->fd, stored, size, 0), size);
    struct temp_file prefix = temp_file_make(stored, size);
    struct unpack *unpack;
    ssize_t got;
    assert_int_equal(unpack_open(prefix.path, &unpack), 0);
    bytes_add(&text, "", 0);
    while ((got = unpack_read(unpack, piece, sizeof piece)) > 0)
        bytes_add(&text, piece, (size_t)got);
    unpack_close(unpack);
    temp_file_drop(&prefix);
    free(stored);
    return text;
}

static size_t file_size(const struct temp_file *file)
{
    struct stat about;
    assert_int_equal(fstat(file->fd, &about), 0);
    return (size_t)about.st_size;
}

/* Lines that do not pack to nothing. */
static size_t make_line(struct random *random, char *out)
{
    return (size_t)sprintf(out, "%u,%u\n", random_below(random, 100000), random_below(random, 10));
}

static void the_ending_names_the_kind(void **state)
{
    (void)state;
    assert_int_equal(pack_kind_of("a.jsonl"), PACK_PLAIN);
    assert_int_equal(pack_kind_of("zst"), PACK_PLAIN);
    assert_int_equal(pack_kind_of("a.gz/b"), PACK_PLAIN);
    assert_int_equal(pack_kind_of("a.gz"), PACK_GZIP);
    assert_int_equal(pack_kind_of("a.jsonl.zst"), PACK_ZSTD);
    assert_int_equal(pack_kind_of(".zst"), PACK_ZSTD);
}

/* Pieces of all sizes, above what is gathered too, with flushes and cuts between them. */
static void what_is_written_comes_back(void **state)
{
    static char piece[3 * PACK_GATHER_BYTES];
    (void)state;
    for (int k = 0; k < KINDS; k++) {
        struct random random = {random_seed_of(3)};
        struct temp_file file = temp_file_make("", 0);
        struct pack *pack = pack_to(&file, kinds[k]);
        struct bytes want = {0};
        for (int i = 0; i < 300; i++) {
            const size_t len = random_below(&random, i % 20 == 0 ? sizeof piece : 300);
            for (size_t b = 0; b < len; b++)
                piece[b] = (char)('a' + random_below(&random, 8));
            bytes_add(&want, piece, len);
            assert_int_equal(pack_write(pack, piece, len), 0);
            if (random_chance(&random, 5))
                assert_int_equal(pack_flush(pack), 0);
            if (random_chance(&random, 5))
                assert_int_equal(pack_cut(pack), 0);
            if (random_chance(&random, 5) && pack_cut(pack) == 0)
                assert_int_equal(pack_label(pack, "label", 5), 0);
        }
        assert_int_equal(pack_close(pack, true), 0);
        struct bytes text = read_prefix(&file, file_size(&file));
        assert_int_equal(text.len, want.len);
        assert_memory_equal(text.data, want.data, want.len);
        free(text.data);
        free(want.data);
        temp_file_drop(&file);
    }
}

static void an_empty_file_is_a_good_one(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++) {
        struct temp_file file = temp_file_make("", 0);
        struct pack *pack = pack_to(&file, kinds[k]);
        assert_int_equal(pack_flush(pack), 0);
        assert_int_equal(pack_cut(pack), 0);
        assert_int_equal(pack_close(pack, false), 0);
        assert_int_equal(file_size(&file) > 0, kinds[k] != PACK_PLAIN);
        struct bytes text = read_prefix(&file, file_size(&file));
        assert_int_equal(text.len, 0);
        free(text.data);
        temp_file_drop(&file);
    }
}

/* A crash may leave any prefix of the file: all that was flushed before that size comes back, and
 * never anything else than what was written. */
static void every_prefix_gives_what_was_flushed(void **state)
{
    enum { LINES = 120 };
    (void)state;
    for (int k = 0; k < KINDS; k++) {
        struct random random = {random_seed_of(5)};
        struct temp_file file = temp_file_make("", 0);
        struct pack *pack = pack_to(&file, kinds[k]);
        struct bytes want = {0};
        struct {
            size_t stored, text;
        } flushed[LINES] = {{0}};
        size_t flushes = 1;
        for (int i = 0; i < LINES; i++) {
            char line[64];
            const size_t len = make_line(&random, line);
            assert_int_equal(pack_write(pack, line, len), 0);
            bytes_add(&want, line, len);
            if (i % 13 == 12)
                assert_int_equal(pack_cut(pack), 0);
            if (i % 26 == 25)
                assert_int_equal(pack_label(pack, line, len), 0);
            if (i % 7 != 6)
                continue;
            assert_int_equal(pack_flush(pack), 0);
            assert_int_equal(pack_size(pack), file_size(&file));
            flushed[flushes].stored = file_size(&file);
            flushed[flushes++].text = want.len;
        }
        assert_int_equal(pack_close(pack, false), 0);
        const size_t size = file_size(&file);
        /* Below four bytes nobody can tell what it is. */
        for (size_t cut = kinds[k] == PACK_PLAIN ? 0 : 4, f = 0; cut <= size; cut++) {
            while (f + 1 < flushes && flushed[f + 1].stored <= cut)
                f++;
            struct bytes text = read_prefix(&file, cut);
            assert_true(text.len >= flushed[f].text);
            assert_memory_equal(text.data, want.data, text.len);
            assert_true(cut < size || text.len == want.len);
            free(text.data);
        }
        free(want.data);
        temp_file_drop(&file);
    }
}

/* One may begin to read at any frame. */
static void a_frame_can_be_read_alone(void **state)
{
    struct temp_file file = temp_file_make("", 0);
    struct pack *pack = pack_to(&file, PACK_ZSTD);
    (void)state;
    assert_int_equal(pack_write(pack, "one\n", 4), 0);
    assert_int_equal(pack_frame_text(pack), 4);
    assert_int_equal(pack_cut(pack), 0);
    assert_int_equal(pack_frame_text(pack), 0);
    const uint64_t at = pack_size(pack);
    assert_int_equal(at, file_size(&file));
    assert_int_equal(pack_label(pack, "here", 4), 0);
    assert_int_equal(pack_size(pack), at + PACK_LABEL_HEAD_BYTES + 4);
    assert_int_equal(pack_write(pack, "two\n", 4), 0);
    assert_int_equal(pack_close(pack, false), 0);
    char stored[4096];
    const ssize_t got = pread(file.fd, stored, sizeof stored, (off_t)at);
    assert_memory_equal(stored, "\x5c\x2a\x4d\x18\x04\0\0\0here", 12);
    struct temp_file tail = temp_file_make(stored, (size_t)got);
    struct bytes text = read_prefix(&tail, (size_t)got);
    assert_string_equal(text.data, "two\n");
    free(text.data);
    temp_file_drop(&tail);
    temp_file_drop(&file);
}

static void a_file_that_exists_is_refused(void **state)
{
    struct temp_file file = temp_file_make("precious", 8);
    struct pack *pack = NULL;
    (void)state;
    assert_int_equal(pack_create(file.path, PACK_PLAIN, &pack), -EEXIST);
    assert_int_equal(pack_create("/nonexistent/a", PACK_PLAIN, &pack), -ENOENT);
    assert_null(pack);
    assert_int_equal(file_size(&file), 8);
    temp_file_drop(&file);
}

/* What a full disk leaves of a plain file ends with a whole line. */
static void a_full_disk_leaves_whole_lines(void **state)
{
    char path[] = "/tmp/pack_test_XXXXXX", line[64];
    struct random random = {random_seed_of(9)};
    struct rlimit old, limit;
    struct pack *pack;
    struct bytes want = {0};
    int rc = 0;
    (void)state;
    close(mkstemp(path));
    unlink(path);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    limit = (struct rlimit){200001, old.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    assert_int_equal(pack_create(path, PACK_PLAIN, &pack), 0);
    for (int i = 0; i < 100000 && rc == 0; i++) {
        const size_t len = make_line(&random, line);
        bytes_add(&want, line, len);
        rc = pack_write(pack, line, len);
    }
    assert_int_equal(rc, -EFBIG);
    assert_int_equal(pack_write(pack, "x\n", 2), -EFBIG);
    assert_int_equal(pack_flush(pack), -EFBIG);
    assert_int_equal(pack_close(pack, true), -EFBIG);
    setrlimit(RLIMIT_FSIZE, &old);
    struct temp_file file = {.fd = open(path, O_RDONLY)};
    const size_t size = file_size(&file);
    struct bytes text = read_prefix(&file, size);
    assert_true(size > 200000 - PACK_GATHER_BYTES && size <= 200001);
    assert_int_equal(text.data[size - 1], '\n');
    assert_memory_equal(text.data, want.data, size);
    free(text.data);
    free(want.data);
    close(file.fd);
    unlink(path);
}

/* Another program's output must not be cut, however little of ours went there. */
static void a_descriptor_that_was_given_is_not_cut_back(void **state)
{
    int ends[2];
    struct pack *pack;
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pack_open(ends[1], PACK_PLAIN, &pack), 0);
    assert_int_equal(pack_write(pack, "x\n", 2), 0);
    close(ends[0]);
    assert_int_equal(pack_flush(pack), -EPIPE);
    assert_int_equal(pack_close(pack, true), -EPIPE);
    assert_int_equal(pack_open(open("/dev/full", O_WRONLY), PACK_ZSTD, &pack), 0);
    assert_int_equal(pack_write(pack, "x\n", 2), 0);
    assert_int_equal(pack_close(pack, true), -ENOSPC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ending_names_the_kind),
        cmocka_unit_test(what_is_written_comes_back),
        cmocka_unit_test(an_empty_file_is_a_good_one),
        cmocka_unit_test(every_prefix_gives_what_was_flushed),
        cmocka_unit_test(a_frame_can_be_read_alone),
        cmocka_unit_test(a_file_that_exists_is_refused),
        cmocka_unit_test(a_full_disk_leaves_whole_lines),
        cmocka_unit_test(a_descriptor_that_was_given_is_not_cut_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
