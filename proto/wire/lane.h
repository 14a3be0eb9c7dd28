/* Lanes: flash urgent routine bulk. Lower number = ahead. */
#pragma once
#include "schema/envelope.pb-c.h"
#include "wire/limits.h"
#include <stdbool.h>

const char *wire_lane_name(uint32_t lane); /* "flash" …; "?" for a number that is none */
bool wire_lane_parse(const char *name, Wire__Lane *out);
uint32_t wire_lane_weight(Wire__Lane lane);  /* 64 16 4 1 */
size_t wire_lane_bytes_max(Wire__Lane lane); /* of one envelope */
