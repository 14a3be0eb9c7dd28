#include "wire/kind.h"
#include "wire/kind_rows.h"
#include <string.h>
#include <strings.h>

static const struct wire_kind *const kinds[] = {
    &wire_kind_contact_notice, &wire_kind_outcome,         &wire_kind_measure_bulletin,
    &wire_kind_supply_request, &wire_kind_acknowledgement, &wire_kind_reminder,
    &wire_kind_overdue,        &wire_kind_round_bulletin,  &wire_kind_policy_notice,
};

const struct wire_kind *wire_kind_find(uint32_t number)
{
    for (size_t i = 0; i < WIRE_COUNT_OF(kinds); i++)
        if (kinds[i]->number == number)
            return kinds[i];
    return NULL;
}

const struct wire_kind *wire_kind_by_name(const char *name)
{
    for (size_t i = 0; i < WIRE_COUNT_OF(kinds); i++)
        if (strcasecmp(kinds[i]->name, name) == 0 || strcmp(kinds[i]->zh, name) == 0 ||
            strcasecmp(kinds[i]->en, name) == 0)
            return kinds[i];
    return NULL;
}

size_t wire_kind_count(void)
{
    return WIRE_COUNT_OF(kinds);
}

const struct wire_kind *wire_kind_at(size_t index)
{
    return index < WIRE_COUNT_OF(kinds) ? kinds[index] : NULL;
}
