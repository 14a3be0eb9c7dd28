/* The small phrases inside a mechanism file, one function each. false: it is none of these; nothing is filled. Pure. */
#pragma once
#include "rules/policy.h"

/* Six digits of a region in the table (abolished codes are none: a rule speaks of today). */
bool rules_parse_region(const char *text, uint32_t *region);
/* "concerned/cdc", "members", "310000/commerce", "关联地区/疾控中心". The unit is WIRE_UNIT_NONE when not written.
 * *bad is what was not understood: "who" or "unit". */
bool rules_parse_selector(const char *text, struct rules_selector *out, const char **bad);
/* "310000/command": a region and one unit, both written. */
bool rules_parse_desk(const char *text, uint32_t *region, uint32_t *unit);
/* "routine", "routine, urgent when immediate": the lane for each urgency. */
bool rules_parse_lanes(const char *text, Wire__Lane *lane, Wire__Lane by_urgency[5]);
/* "30 min, D", "4 h, D, office hours", "2 d, L", "due, S". `duty` is left alone. */
bool rules_parse_term(const char *text, struct rules_term *out);
/* "R60, S", "RV, D", "14 d, D", "10 y, D". */
bool rules_parse_keep(const char *text, struct rules_keep *out);
/* A moment: "2020-02-07", "2020-02-07 10:00". With `whole_day` a day without a time means its end. */
bool rules_parse_time(const char *text, bool whole_day, int64_t *ms);
/* "S", "L", "P", "D". */
bool rules_parse_source(const char *text, char *source);
/* [a-z0-9-], 1 to max bytes, no hyphen at either end. */
bool rules_parse_name(const char *text, size_t max);
bool rules_parse_day(const char *text, uint32_t *day); /* "20200407", "2020-04-07" */
