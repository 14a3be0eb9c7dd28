/* Pieces of sentences shared by explain, describe, check and diff; only this room includes it. */
#pragma once
#include "rules/policy.h"
#include "wire/json.h"

/* Chinese or English, whichever is asked for. */
const char *rules_pick(enum wire_language language, const char *zh, const char *en);
/* "指挥部" / "Command"; "" for none, "对口单位", "任何单位". */
const char *rules_unit_name(uint32_t unit, enum wire_language language);
const char *rules_kind_name(uint32_t kind, enum wire_language language);
/* "加急通道" / "urgent lane". */
void rules_lane_text(struct wire_text *out, Wire__Lane lane, enum wire_language language);
/* "关联地区（疾控中心）" / "the region concerned (CDC)". */
void rules_selector_text(struct wire_text *out, const struct rules_selector *selector, enum wire_language language);
void rules_selectors_text(struct wire_text *out, const struct rules_selector *list, size_t count,
                          enum wire_language language);
/* "R60：末次接触后 28 天…" in short: "按末次接触 28 天，最长 60 天" / "28 days from last exposure, 60 at most". */
void rules_keep_text(struct wire_text *out, const struct rules_keep *keep, enum wire_language language);
/* "30 分钟内签收（本系统默认值）" / "sign for within 30 min (a default of this installation)". */
void rules_duty_text(struct wire_text *out, const struct rules_term *term, enum wire_language language);
/* "2020-02-07" */
void rules_day_text(struct wire_text *out, uint32_t day);
/* "、" / ", " between entries; nothing before the first. */
void rules_comma(struct wire_text *out, size_t index, enum wire_language language);
