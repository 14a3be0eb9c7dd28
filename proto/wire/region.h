/* GB/T 2260 regions, generated from region.csv (edition of early 2020, with 100000 and 660000 added and abolished codes
 * with their successors). Lookups are binary searches over a const table. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_region_level { WIRE_NATION, WIRE_PROVINCE, WIRE_CITY, WIRE_COUNTY };

struct wire_region {
    uint32_t adcode;
    const char *name;   /* Chinese, as GB/T 2260 */
    uint32_t successor; /* 0, or the code that replaced this abolished one */
    uint16_t edition;   /* last year it was valid at the end of; 0 = still valid */
};

enum { WIRE_REGION_NATION = 100000, WIRE_REGION_BROKER = 0 };

const struct wire_region *wire_region_find(uint32_t adcode); /* NULL: not in the table */
enum wire_region_level wire_region_level(uint32_t adcode);
/* By the digits alone, for codes in and outside the table. The broker (0) is no region: it lies within itself only. */
/* Its city (330421 → 330400); itself for a city or wider; the province for a county that it governs directly. */
uint32_t wire_region_city(uint32_t adcode);
uint32_t wire_region_province(uint32_t adcode); /* its province; the nation for the nation */
/* The next region up: county → city → province → nation; the counties a province governs directly (429004, 469xxx,
 * 659xxx) and those of 110000, 120000, 310000, 500000 go up to their province. 0 above the nation. */
uint32_t wire_region_upper(uint32_t adcode);
bool wire_region_within(uint32_t adcode,
                        uint32_t wider); /* a region lies within itself; everything within the nation */
size_t wire_region_count(void);
const struct wire_region *wire_region_at(size_t index); /* by rising adcode */
/* By Chinese name, exact ("浙江省", "浙江"); 0 if none or more than one. `within` narrows (0 = anywhere). Looked for in
 * this order: full names, short names (吉林: 0, the province or its city), then the same of abolished regions (闸北 →
 * 310108). */
uint32_t wire_region_by_name(const char *name, uint32_t within);
/* "330400" → 330400; 0 if it is not six digits. */
uint32_t wire_region_parse(const char *text, size_t size);
