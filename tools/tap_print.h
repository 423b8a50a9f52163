/* tap_print: one event as one line of text. */
#ifndef PRICECAST_TOOLS_TAP_PRINT_H
#define PRICECAST_TOOLS_TAP_PRINT_H

#include <stdbool.h>
#include <stdio.h>

#include "tools/message.h"

/* For people: local time of the event, symbol, kind, prices and sizes as the source wrote them. */
void tap_print_item(FILE *to, const struct item *item, bool is_snapshot);

/* For machines: the item as it came. */
void tap_print_json(FILE *to, const struct item *item);

/* Writes a text of the server's to `out` in a way that no terminal takes for a command. Escapes
 * stay as JSON has them; bytes that JSON should not hold become "?". Returns `out`. */
const char *tap_print_text(const struct json_scan_token *token, char *out, size_t size);

#endif
