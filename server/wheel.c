#include "server/wheel.h"

#include <stddef.h>

void wheel_remove(struct wheel_entry *entry)
{
    if (entry->link == NULL)
        return;
    *entry->link = entry->next;
    if (entry->next != NULL)
        entry->next->link = entry->link;
    entry->link = NULL;
}

void wheel_put(struct wheel *wheel, struct wheel_entry *entry, int64_t delay_ms)
{
    wheel_remove(entry);
    int64_t turns = (delay_ms + wheel->turn_ms - 1) / wheel->turn_ms;
    turns = turns < 1 ? 1 : turns > WHEEL_SLOTS - 1 ? WHEEL_SLOTS - 1 : turns;
    struct wheel_entry **slot = &wheel->slots[(wheel->at + (unsigned)turns) % WHEEL_SLOTS];
    entry->next = *slot;
    entry->link = slot;
    if (*slot != NULL)
        (*slot)->link = &entry->next;
    *slot = entry;
}

void wheel_turn(struct wheel *wheel, void (*look)(struct wheel_entry *entry))
{
    wheel->at = (wheel->at + 1) % WHEEL_SLOTS;
    struct wheel_entry **slot = &wheel->slots[wheel->at];
    while (*slot != NULL) {
        struct wheel_entry *entry = *slot;
        wheel_remove(entry);
        look(entry);
    }
}
