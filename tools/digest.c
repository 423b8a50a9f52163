/* A direct-mapped cache. Its key is a hash over the end of the message, where the newest item's
 * `seq`, time and price stand; the comparison afterwards is over all bytes, so that a bad hash
 * costs time and never a wrong answer. Several entries, not one, because clients that fell behind
 * by some frames read them in bursts, each the same burst. */
#include "tools/digest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/binary.h"
#include "tools/streamset.h"

enum {
    ENTRIES = 256, /* a power of two; one more for what is too large to keep */
    KEPT_BYTES_MAX = 64 << 10,
    HASHED_BYTES = 128,
    ITEMS_FIRST = 16,
};

struct entry {
    char *text;
    size_t text_len, text_size;
    struct digest_item *items;
    size_t items_size;
    struct digest digest;
};

struct digests {
    struct streamset *streams;
    struct binary *binary; /* one server: a number means the same to all its clients */
    struct entry entries[ENTRIES + 1];
};

struct digests *digests_create(void)
{
    struct digests *digests = calloc(1, sizeof *digests);
    if (digests == NULL)
        return NULL;
    digests->streams = streamset_create();
    digests->binary = binary_create();
    if (digests->streams == NULL || digests->binary == NULL) {
        digests_destroy(digests);
        return NULL;
    }
    return digests;
}

void digests_destroy(struct digests *digests)
{
    if (digests == NULL)
        return;
    streamset_destroy(digests->streams);
    binary_destroy(digests->binary);
    for (size_t i = 0; i <= ENTRIES; i++) {
        free(digests->entries[i].text);
        free(digests->entries[i].items);
    }
    free(digests);
}

const char *digests_stream_name(const struct digests *digests, uint32_t stream)
{
    return streamset_name(digests->streams, stream);
}

static int reserve_item(struct entry *entry)
{
    if (entry->digest.item_count < entry->items_size)
        return 0;
    const size_t size = entry->items_size > 0 ? entry->items_size * 2 : ITEMS_FIRST;
    struct digest_item *items = reallocarray(entry->items, size, sizeof *items);
    if (items == NULL)
        return -ENOMEM;
    entry->items = items;
    entry->items_size = size;
    return 0;
}

static int add_item(struct digests *digests, struct entry *entry, const struct item *item)
{
    struct digest *digest = &entry->digest;
    uint32_t stream;
    int rc = streamset_find(digests->streams, item, &stream);
    if (rc == 0)
        rc = reserve_item(entry);
    if (rc != 0)
        return rc;
    entry->items[digest->item_count++] = (struct digest_item){
        .stream = stream,
        .seq = item->seq,
        .skipped = item->skipped,
        .ts = item->ts,
    };
    digest->skipped += item->skipped;
    return 0;
}

static int parse(struct digests *digests, struct entry *entry)
{
    struct message message;
    struct items items;
    struct item item;
    const char *text = entry->text;
    size_t len = entry->text_len;
    int rc = 0;
    if (binary_is(text, len))
        rc = binary_text(digests->binary, text, len, &text, &len);
    if (rc == 0)
        rc = message_parse(text, len, &message);
    if (rc != 0)
        return rc;
    entry->digest = (struct digest){.type = message.type};
    if (message.type == MESSAGE_SNAPSHOT || message.type == MESSAGE_UPDATE ||
        message.type == MESSAGE_DEFINE) {
        rc = items_begin(&items, &message);
        while (rc == 0 && (rc = items_next(&items, &item)) > 0)
            rc = add_item(digests, entry, &item);
    }
    entry->digest.items = entry->items;
    return rc;
}

static struct entry *choose_entry(struct digests *digests, const char *text, size_t len)
{
    if (len > KEPT_BYTES_MAX)
        return &digests->entries[ENTRIES];
    const size_t hashed = len < HASHED_BYTES ? len : HASHED_BYTES;
    const char *at = text + len - hashed;
    uint64_t hash = len;
    uint64_t word;
    for (; text + len - at >= (ptrdiff_t)sizeof word; at += sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
    }
    return &digests->entries[hash & (ENTRIES - 1)];
}

/* Copies the message into its entry; it is not valid before it was parsed. */
static int keep_text(struct entry *entry, const char *text, size_t len)
{
    entry->text_len = 0;
    if (len > entry->text_size) {
        free(entry->text);
        entry->text_size = 0;
        entry->text = malloc(len);
        if (entry->text == NULL)
            return -ENOMEM;
        entry->text_size = len;
    }
    memcpy(entry->text, text, len);
    entry->text_len = len;
    return 0;
}

const struct digest *digests_find(struct digests *digests, const char *text, size_t len)
{
    if (len == 0) {
        errno = EBADMSG;
        return NULL;
    }
    struct entry *entry = choose_entry(digests, text, len);
    if (entry->text_len == len && memcmp(entry->text, text, len) == 0)
        return &entry->digest;
    int rc = keep_text(entry, text, len);
    if (rc == 0)
        rc = parse(digests, entry);
    if (rc == 0)
        return &entry->digest;
    entry->text_len = 0;
    errno = -rc;
    return NULL;
}
