#include "tools/streamset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

enum { NAME_MAX_BYTES = 4096, NUMBERS_FIRST = 64 };

struct member {
    UT_hash_handle hh;
    uint32_t number;
    char name[];
};

struct streamset {
    struct member *by_name;
    struct member **by_number;
    uint32_t count, size;
};

struct streamset *streamset_create(void)
{
    return calloc(1, sizeof(struct streamset));
}

void streamset_destroy(struct streamset *set)
{
    if (set == NULL)
        return;
    HASH_CLEAR(hh, set->by_name);
    for (uint32_t i = 0; i < set->count; i++)
        free(set->by_number[i]);
    free(set->by_number);
    free(set);
}

static int reserve_number(struct streamset *set)
{
    if (set->count < set->size)
        return 0;
    const uint32_t size = set->size > 0 ? set->size * 2 : NUMBERS_FIRST;
    struct member **by_number = reallocarray(set->by_number, size, sizeof *by_number);
    if (by_number == NULL)
        return -ENOMEM;
    set->by_number = by_number;
    set->size = size;
    return 0;
}

static int add_member(struct streamset *set, const char *name, size_t len, uint32_t *out)
{
    if (reserve_number(set) != 0)
        return -ENOMEM;
    struct member *member = malloc(sizeof *member + len + 1);
    if (member == NULL)
        return -ENOMEM;
    memcpy(member->name, name, len + 1);
    member->number = set->count;
    set->by_number[set->count++] = member;
    HASH_ADD_KEYPTR(hh, set->by_name, member->name, len, member);
    *out = member->number;
    return 0;
}

int streamset_find(struct streamset *set, const struct item *item, uint32_t *out)
{
    const struct json_scan_token *fields = item->fields;
    struct member *found;
    char name[NAME_MAX_BYTES];
    const int len =
        snprintf(name, sizeof name, "%.*s %.*s %.*s", (int)fields[ITEM_KIND].len,
                 fields[ITEM_KIND].text, (int)fields[ITEM_SOURCE].len, fields[ITEM_SOURCE].text,
                 (int)fields[ITEM_SYMBOL].len, fields[ITEM_SYMBOL].text);
    if (len < 0 || (size_t)len >= sizeof name)
        return -EBADMSG;
    HASH_FIND(hh, set->by_name, name, (size_t)len, found);
    if (found == NULL)
        return add_member(set, name, (size_t)len, out);
    *out = found->number;
    return 0;
}

const char *streamset_name(const struct streamset *set, uint32_t number)
{
    return set->by_number[number]->name;
}
