/* Any configuration file, and any command line (its arguments set apart by NUL), is taken or
 * refused in one line. */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARGS_MAX = 64 };

static void check(int argc, char **argv)
{
    struct options options;
    char error[600] = "";
    const enum options_result result = options_parse(argc, argv, &options, error, sizeof error);
    if (result == OPTIONS_BAD)
        assert(error[0] != '\0' && strlen(error) < sizeof error && strchr(error, '\n') == NULL);
    if (result == OPTIONS_RUN)
        assert(options.speed >= 0 && options.shards >= 1 && options.host != NULL);
    options_finish(&options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *argv[ARGS_MAX + 1] = {(char *)"pricecast"}, path[40];
    int argc = 1;
    memcpy(text, data, size);
    text[size] = '\0';
    for (size_t at = 0; at < size && argc < ARGS_MAX; at += strlen(text + at) + 1)
        if (strncmp(text + at, "--config", 8) != 0) /* no files but ours */
            argv[argc++] = text + at;
    check(argc, argv);

    const int fd = memfd_create("config", MFD_CLOEXEC);
    assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    char *with_file[] = {(char *)"pricecast", (char *)"--config", path, NULL};
    check(3, with_file);
    close(fd);
    free(text);
    return 0;
}
