/* Written out instead of getopt_long(): that one knows neither bounds nor help, and its refusals
 * do not say what is allowed. */
#include "tools/options.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HELP_COLUMN = 24 };

enum options_result options_refuse(const struct options_program *program, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "%s: ", program->name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return OPTIONS_BAD;
}

static void print_help(const struct options_program *program)
{
    printf("usage: %s %s\n\n%s\n\noptions:\n", program->name, program->usage, program->about);
    for (size_t i = 0; i < program->spec_count; i++) {
        const struct option_spec *spec = &program->specs[i];
        const int width = printf("  --%s%s%s", spec->name, spec->argument ? " " : "",
                                 spec->argument ? spec->argument : "");
        printf("%*s%s\n", width < HELP_COLUMN ? HELP_COLUMN - width : 1, "", spec->help);
    }
    printf("%-*s%s\n%-*s%s\n", HELP_COLUMN, "  --help", "this text", HELP_COLUMN, "  --version",
           "the version");
}

/* What a value must be, in words. */
static const char *describe_allowed(const struct option_spec *spec, char *out, size_t size)
{
    switch (spec->kind) {
    case OPTION_WHOLE:
        snprintf(out, size, "a whole number from %.0f to %.0f", spec->min, spec->max);
        return out;
    case OPTION_REAL:
        snprintf(out, size, "a number from %g to %g", spec->min, spec->max);
        return out;
    case OPTION_CHOICE:
    case OPTION_CHOICES:
        snprintf(out, size, "%s%s", spec->allowed,
                 spec->kind == OPTION_CHOICES ? ", several with commas between" : "");
        return out;
    default:
        return "any text of at least one character";
    }
}

static bool is_choice(const char *allowed, const char *word, size_t len)
{
    for (const char *at = allowed; len > 0; at++) {
        const size_t end = strcspn(at, "|");
        if (end == len && memcmp(at, word, len) == 0)
            return true;
        at += end;
        if (*at == '\0')
            break;
    }
    return false;
}

static bool are_choices(const char *allowed, const char *list)
{
    for (;; list++) {
        const size_t len = strcspn(list, ",");
        if (!is_choice(allowed, list, len))
            return false;
        list += len;
        if (*list == '\0')
            return true;
    }
}

static bool store_number(const struct option_spec *spec, const char *value, void *field)
{
    char *end;
    errno = 0;
    const bool is_whole = spec->kind == OPTION_WHOLE;
    const long whole = is_whole ? strtol(value, &end, 10) : 0;
    const double number = is_whole ? (double)whole : strtod(value, &end);
    if (errno != 0 || end == value || *end != '\0' || !isfinite(number))
        return false;
    if (number < spec->min || number > spec->max)
        return false;
    if (is_whole)
        *(long *)field = whole;
    else
        *(double *)field = number;
    return true;
}

/* Returns false when the value is not allowed. */
static bool store_value(const struct option_spec *spec, const char *value, void *field)
{
    switch (spec->kind) {
    case OPTION_FLAG:
        *(bool *)field = true;
        return true;
    case OPTION_WHOLE:
    case OPTION_REAL:
        return store_number(spec, value, field);
    case OPTION_CHOICE:
        if (!is_choice(spec->allowed, value, strlen(value)))
            return false;
        break;
    case OPTION_CHOICES:
        if (!are_choices(spec->allowed, value))
            return false;
        break;
    case OPTION_TEXT:
        if (*value == '\0')
            return false;
        break;
    }
    *(const char **)field = value;
    return true;
}

static const struct option_spec *find_spec(const struct options_program *program, const char *name,
                                           size_t len)
{
    for (size_t i = 0; i < program->spec_count; i++) {
        if (strlen(program->specs[i].name) == len && memcmp(program->specs[i].name, name, len) == 0)
            return &program->specs[i];
    }
    return NULL;
}

/* Takes the option at argv[*at]; leaves *at on the last word used. */
static enum options_result take_option(const struct options_program *program, int argc, char **argv,
                                       int *at, void *settings)
{
    char allowed[128];
    const char *name = argv[*at] + 2;
    const size_t len = strcspn(name, "=");
    const char *value = name[len] == '=' ? name + len + 1 : NULL;
    const struct option_spec *spec = find_spec(program, name, len);
    if (spec == NULL)
        return options_refuse(program, "unknown option %s: --help lists those allowed", argv[*at]);
    if (spec->kind == OPTION_FLAG && value != NULL)
        return options_refuse(program, "--%s %s: no value is allowed", spec->name, value);
    if (spec->kind != OPTION_FLAG && value == NULL) {
        if (*at + 1 >= argc)
            return options_refuse(program, "--%s has no value: allowed is %s", spec->name,
                                  describe_allowed(spec, allowed, sizeof allowed));
        value = argv[++*at];
    }
    if (!store_value(spec, value, (char *)settings + spec->offset))
        return options_refuse(program, "--%s %s: allowed is %s", spec->name, value,
                              describe_allowed(spec, allowed, sizeof allowed));
    return OPTIONS_RUN;
}

enum options_result options_parse(const struct options_program *program, int argc, char **argv,
                                  void *settings, char **words, int *word_count)
{
    int count = 0;
    bool is_ended = false;
    for (int i = 1; i < argc; i++) {
        const bool is_spec = program->takes_stdin_spec && strncmp(argv[i], "-?", 2) == 0;
        if (is_ended || is_spec || argv[i][0] != '-' || argv[i][1] == '\0') {
            words[count++] = argv[i];
        } else if (strcmp(argv[i], "--") == 0) {
            is_ended = true;
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(program);
            return OPTIONS_DONE;
        } else if (strcmp(argv[i], "--version") == 0) {
            printf("%s %s\n", program->name, PRICECAST_VERSION);
            return OPTIONS_DONE;
        } else if (argv[i][1] != '-') {
            return options_refuse(program, "unknown option %s: --help lists those allowed",
                                  argv[i]);
        } else {
            const enum options_result result = take_option(program, argc, argv, &i, settings);
            if (result != OPTIONS_RUN)
                return result;
        }
    }
    *word_count = count;
    return OPTIONS_RUN;
}
