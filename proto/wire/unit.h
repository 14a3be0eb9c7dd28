/* Units: the closed list of offices inside a region. Numbers are append-only, from 1; 0 = none given. */
#pragma once
#include <stdint.h>

/* clang-format off */
#define WIRE_UNIT_LIST(UNIT) \
    UNIT(COMMAND,            1, "command",            "指挥部",       "Command") \
    UNIT(CDC,                2, "cdc",                "疾控中心",     "CDC") \
    UNIT(HEALTH,             3, "health",             "卫生健康委",   "Health commission") \
    UNIT(HOSPITAL,           4, "hospital",           "医院",         "Hospital") \
    UNIT(LOGISTICS,          5, "logistics",          "物资保障组",   "Logistics") \
    UNIT(COMMERCE,           6, "commerce",           "商务经信",     "Commerce and industry") \
    UNIT(TRANSPORT,          7, "transport",          "交通运输",     "Transport") \
    UNIT(CUSTOMS,            8, "customs",            "海关",         "Customs") \
    UNIT(IMMIGRATION,        9, "immigration",        "移民边检",     "Immigration") \
    UNIT(POLICE,            10, "police",             "公安",         "Police") \
    UNIT(MARKET,            11, "market",             "市场监管",     "Market regulation") \
    UNIT(EMERGENCY,         12, "emergency",          "应急管理",     "Emergency management") \
    UNIT(COMMUNITY_OFFICE,  13, "community-office",   "社区防控组",   "Community office") \
    UNIT(COOPERATION_OFFICE,14, "cooperation-office", "区域合作办",   "Cooperation office") \
    UNIT(MILITARY_LIAISON,  15, "military-liaison",   "军地联络",     "Military liaison")
/* clang-format on */

enum wire_unit {
    WIRE_UNIT_NONE = 0,
#define WIRE_UNIT_ENUM(name, number, id, zh, en) WIRE_UNIT_##name = number,
    WIRE_UNIT_LIST(WIRE_UNIT_ENUM)
#undef WIRE_UNIT_ENUM
        WIRE_UNIT_END
};

const char *wire_unit_id(uint32_t unit); /* "cdc"; "?" for a number that is none */
const char *wire_unit_zh(uint32_t unit);
const char *wire_unit_en(uint32_t unit);
uint32_t wire_unit_parse(const char *text); /* by id, Chinese or English name; 0 if none */
