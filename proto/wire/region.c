#include "wire/region.h"
#include "wire/ensure.h"
#include "wire/region_table.h"
#include <string.h>

const struct wire_region *wire_region_find(uint32_t adcode)
{
    size_t low = 0;
    size_t high = wire_region_table_size;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (wire_region_table[middle].adcode == adcode)
            return &wire_region_table[middle];
        if (wire_region_table[middle].adcode < adcode)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

enum wire_region_level wire_region_level(uint32_t adcode)
{
    if (adcode == WIRE_REGION_NATION || adcode == WIRE_REGION_BROKER)
        return WIRE_NATION;
    if (adcode % 10000 == 0)
        return WIRE_PROVINCE;
    return adcode % 100 == 0 ? WIRE_CITY : WIRE_COUNTY;
}

uint32_t wire_region_province(uint32_t adcode)
{
    return wire_region_level(adcode) == WIRE_NATION ? adcode : adcode - adcode % 10000;
}

/* Counties with no city between them and their province: those of the four municipalities, and xx90xx anywhere. */
static bool direct(uint32_t adcode)
{
    uint32_t province = adcode / 10000;

    return province == 11 || province == 12 || province == 31 || province == 50 || adcode / 100 % 100 == 90;
}

uint32_t wire_region_city(uint32_t adcode)
{
    if (wire_region_level(adcode) != WIRE_COUNTY)
        return adcode;
    return direct(adcode) ? wire_region_province(adcode) : adcode - adcode % 100;
}

uint32_t wire_region_upper(uint32_t adcode)
{
    switch (wire_region_level(adcode)) {
    case WIRE_COUNTY:
        return wire_region_city(adcode);
    case WIRE_CITY:
        return wire_region_province(adcode);
    case WIRE_PROVINCE:
        return WIRE_REGION_NATION;
    case WIRE_NATION:
        break;
    }
    return 0;
}

bool wire_region_within(uint32_t adcode, uint32_t wider)
{
    if (adcode == wider)
        return true;
    for (uint32_t at = wire_region_upper(adcode); at != 0; at = wire_region_upper(at))
        if (at == wider)
            return true;
    return false;
}

size_t wire_region_count(void)
{
    return wire_region_table_size;
}

const struct wire_region *wire_region_at(size_t index)
{
    ENSURE(index < wire_region_table_size);
    return &wire_region_table[index];
}

uint32_t wire_region_parse(const char *text, size_t size)
{
    uint32_t adcode = 0;

    if (size != 6)
        return 0;
    for (size_t i = 0; i < 6; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        adcode = adcode * 10 + (uint32_t)(text[i] - '0');
    }
    return adcode;
}
