/* The generated table behind region.h, by rising adcode (generator/region_table.c writes it from region.csv). */
#pragma once
#include "wire/region.h"

extern const struct wire_region wire_region_table[];
extern const size_t wire_region_table_size;
