#include "wire/unit.h"
#include <string.h>

struct unit {
    const char *id;
    const char *zh;
    const char *en;
};

static const struct unit units[] = {
#define UNIT_ROW(name, number, id, zh, en) [number] = {id, zh, en},
    WIRE_UNIT_LIST(UNIT_ROW)
#undef UNIT_ROW
};

static const struct unit none = {"?", "？", "?"};

static const struct unit *find(uint32_t unit)
{
    return unit > WIRE_UNIT_NONE && unit < WIRE_UNIT_END && units[unit].id != NULL ? &units[unit] : &none;
}

const char *wire_unit_id(uint32_t unit)
{
    return find(unit)->id;
}

const char *wire_unit_zh(uint32_t unit)
{
    return find(unit)->zh;
}

const char *wire_unit_en(uint32_t unit)
{
    return find(unit)->en;
}

uint32_t wire_unit_parse(const char *text)
{
    for (uint32_t i = 1; i < WIRE_UNIT_END; i++) {
        const struct unit *unit = &units[i];

        if (unit->id != NULL &&
            (strcmp(unit->id, text) == 0 || strcmp(unit->zh, text) == 0 || strcmp(unit->en, text) == 0))
            return i;
    }
    return WIRE_UNIT_NONE;
}
