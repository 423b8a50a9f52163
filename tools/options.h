/* options: the command line of a tool, read by one table that also makes --help.
 *
 * `--name value`, `--name=value` and flags, in any order among the other words; `--` ends them.
 * What begins with -? is a word: standard input with keys, see feed/spec.h.
 * --help and --version are answered here. A refusal is one line on stderr that names the option,
 * the value and what is allowed. */
#ifndef PRICECAST_TOOLS_OPTIONS_H
#define PRICECAST_TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum option_kind {
    OPTION_FLAG,    /* bool */
    OPTION_WHOLE,   /* long, from min to max */
    OPTION_REAL,    /* double, from min to max */
    OPTION_TEXT,    /* const char *, borrowed from argv */
    OPTION_CHOICE,  /* const char *, one of `allowed` */
    OPTION_CHOICES, /* const char *, one or more of `allowed` with commas between */
};

struct option_spec {
    const char *name;     /* without the dashes */
    const char *argument; /* for --help; NULL for a flag */
    const char *help;
    enum option_kind kind;
    size_t offset; /* of its field in the settings, whose value beforehand is the default */
    double min, max;
    const char *allowed; /* "every|latest" */
};

struct options_program {
    const char *name;
    const char *usage; /* what follows the name */
    const char *about;
    const struct option_spec *specs;
    size_t spec_count;
    bool takes_stdin_spec; /* a word may be -?key=value */
};

enum options_result {
    OPTIONS_RUN,  /* go on */
    OPTIONS_DONE, /* --help or --version was answered: exit 0 */
    OPTIONS_BAD,  /* refused, and said why: exit 2 */
};

/* The exit codes of every program here. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* Fills *settings and moves the words that are no options to the front of `words` (of argc
 * entries, which may be argv itself); sets *word_count. */
enum options_result options_parse(const struct options_program *program, int argc, char **argv,
                                  void *settings, char **words, int *word_count);

/* Prints `name: text` and a newline to stderr; returns OPTIONS_BAD. For what a table cannot say. */
enum options_result options_refuse(const struct options_program *program, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
