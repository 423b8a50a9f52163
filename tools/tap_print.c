#include "tools/tap_print.h"

#include <string.h>
#include <time.h>

enum { SYMBOL_COLUMN = 12, TEXT_MAX = 256 };

/* DEL and the control characters of C0 cannot follow each other into a terminal; those of C1 are
 * two bytes in UTF-8, of which the second gives them away. */
static bool is_unsafe(const char *at)
{
    const unsigned char c = (unsigned char)*at;
    return c < 0x20 || c == 0x7f || (c >= 0x80 && c < 0xa0 && (unsigned char)at[-1] == 0xc2);
}

const char *tap_print_text(const struct json_scan_token *token, char *out, size_t size)
{
    if (token->text == NULL)
        return "-";
    const size_t len = token->len < size ? token->len : size - 1;
    for (size_t i = 0; i < len; i++)
        out[i] = is_unsafe(token->text + i) ? '?' : token->text[i]; /* [-1] is a quote, at least */
    out[len] = '\0';
    return out;
}

static void print_field(FILE *to, const char *before, const struct item *item,
                        enum item_field field)
{
    char text[TEXT_MAX];
    fprintf(to, "%s%s", before, tap_print_text(&item->fields[field], text, sizeof text));
}

static void print_time(FILE *to, int64_t us)
{
    char text[32];
    struct tm local;
    const time_t seconds = (time_t)(us / 1000000);
    if (us < 0 || localtime_r(&seconds, &local) == NULL) {
        fprintf(to, "%-26s", "-");
        return;
    }
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local);
    fprintf(to, "%s.%06d", text, (int)(us % 1000000));
}

void tap_print_item(FILE *to, const struct item *item, bool is_snapshot)
{
    char text[TEXT_MAX];
    const struct json_scan_token *fields = item->fields;
    print_time(to, item->ts);
    fprintf(to, "  %-*s", SYMBOL_COLUMN, tap_print_text(&fields[ITEM_SYMBOL], text, sizeof text));
    print_field(to, "  ", item, ITEM_KIND);
    if (json_scan_is(&fields[ITEM_KIND], "quote")) {
        print_field(to, "  ", item, ITEM_BID);
        print_field(to, " × ", item, ITEM_ASK);
        print_field(to, "  (", item, ITEM_BID_SIZE);
        print_field(to, " × ", item, ITEM_ASK_SIZE);
        fputc(')', to);
    } else {
        print_field(to, "  ", item, ITEM_PRICE);
        print_field(to, "  size ", item, ITEM_SIZE);
        if (fields[ITEM_SIDE].text != NULL)
            print_field(to, "  ", item, ITEM_SIDE);
    }
    print_field(to, "  ", item, ITEM_SOURCE);
    if (is_snapshot)
        fputs("  snapshot", to);
    if (item->skipped > 0)
        fprintf(to, "  +%lld skipped", (long long)item->skipped);
    fputc('\n', to);
}

void tap_print_json(FILE *to, const struct item *item)
{
    fwrite(item->text, 1, item->len, to);
    fputc('\n', to);
}
