/* spec: what --feed says, taken apart.
 *
 *   PATH                      a file, whatever its name holds
 *   file:PATH?key=value&…     a file with options; % escapes are undone in path and values
 *   sim:?key=value&…          the simulator
 *   ws://HOST:PORT/PATH?…     a WebSocket server of somebody else; wss:// with TLS
 *   push:                     what is posted to us over HTTP
 *   -                         standard input, lines
 *   unix:PATH                 lines that others write to a socket of ours
 *   tcp:[HOST:]PORT           the same on TCP
 *
 * The last three take options as file: does.
 *
 * One thread. */
#ifndef PRICECAST_FEED_SPEC_H
#define PRICECAST_FEED_SPEC_H

#include <stddef.h>
#include <stdint.h>

#define SPEC_ALLOWED                                                                                           \
    "PATH, file:PATH?key=value&…, sim:?key=value&…, ws://… or wss://…?format=…&symbols=…, push:, " \
    "-, unix:PATH, or tcp:HOST:PORT"
enum { SPEC_PAIRS_MAX = 32 };

struct spec {
    enum spec_kind {
        SPEC_FILE,
        SPEC_SIM,
        SPEC_WS,
        SPEC_PUSH,
        SPEC_STDIN,
        SPEC_UNIX,
        SPEC_TCP,
    } kind;
    char *buffer;     /* owned; path, keys and values point into it */
    const char *path; /* of SPEC_WS: the URL before its `?`; of SPEC_TCP: HOST:PORT */
    size_t pairs_count;
    struct spec_pair {
        const char *key, *value;
    } pairs[SPEC_PAIRS_MAX];
};

/* Returns 0 or -EINVAL with one line in `error`; -ENOMEM. On success call spec_finish(). */
int spec_parse(const char *text, struct spec *out, char *error, size_t error_size);
void spec_finish(struct spec *spec);

/* The value of the last pair with this key, or NULL. */
const char *spec_value(const struct spec *spec, const char *key);

/* Refuses keys that are not in the NULL-ended list, and such as are there twice. Returns 0 or
 * -EINVAL with one line in `error`. */
int spec_check_keys(const struct spec *spec, const char *const *allowed, char *error,
                    size_t error_size);

/* The same where other keys go elsewhere, and as often as they like: each of the list at most once.
 */
int spec_check_once(const struct spec *spec, const char *const *keys, char *error,
                    size_t error_size);

/* Reads a whole number or a real one from the pair, if there is one, and checks its range. *out
 * keeps its value when the key is absent. Returns 0 or -EINVAL with one line in `error`. */
int spec_integer(const struct spec *spec, const char *key, uint64_t min, uint64_t max,
                 uint64_t *out, char *error, size_t error_size);
int spec_real(const struct spec *spec, const char *key, double min, double max, double *out,
              char *error, size_t error_size);

#endif
