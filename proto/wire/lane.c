#include "wire/lane.h"
#include "wire/ensure.h"
#include <string.h>

static const struct {
    const char *name;
    uint32_t weight;
    uint32_t bytes_max;
} lanes[WIRE_LANES] = {
    [WIRE__LANE__FLASH] = {"flash", 64, WIRE_FLASH_BYTES_MAX},
    [WIRE__LANE__URGENT] = {"urgent", 16, WIRE_URGENT_BYTES_MAX},
    [WIRE__LANE__ROUTINE] = {"routine", 4, WIRE_ENVELOPE_BYTES_MAX},
    [WIRE__LANE__BULK] = {"bulk", 1, WIRE_ENVELOPE_BYTES_MAX},
};

const char *wire_lane_name(uint32_t lane)
{
    return lane < WIRE_LANES ? lanes[lane].name : "?";
}

bool wire_lane_parse(const char *name, Wire__Lane *out)
{
    for (uint32_t i = 0; i < WIRE_LANES; i++) {
        if (strcmp(lanes[i].name, name) == 0) {
            *out = (Wire__Lane)i;
            return true;
        }
    }
    return false;
}

uint32_t wire_lane_weight(Wire__Lane lane)
{
    ENSURE((uint32_t)lane < WIRE_LANES);
    return lanes[lane].weight;
}

size_t wire_lane_bytes_max(Wire__Lane lane)
{
    ENSURE((uint32_t)lane < WIRE_LANES);
    return lanes[lane].bytes_max;
}
