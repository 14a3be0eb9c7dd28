/* round-bulletin 轮次通报: the broker's own, at the close of a round: who reported, who reported nil, who was silent.
 */
#include "schema/payload.pb-c.h"
#include "wire/check.h"
#include "wire/kind_rows.h"

/* clang-format off */
static const struct wire_field bulletin_fields[] = {
    {"mechanism", "机制",     "Mechanism", NULL, WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 40},
    {"round",     "轮次",     "Round",     NULL, WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 40},
    {"closed_ms", "截止时间", "Closed",    NULL, WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"entry",     "各成员",   "Members",   NULL, WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
};

static const struct wire_field entry_fields[] = {
    {"region",    "地区",     "Region",    NULL, WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"standing",  "报送情况", "Standing",  NULL, WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"number",    "报告编号", "Report",    NULL, 0,                   WIRE_MASK_NONE, 40},
    {"at_ms",     "报送时间", "Time",      NULL, 0,                   WIRE_MASK_NONE, 0},
};

static const struct wire_message_fields messages[] = {
    WIRE_FIELDS_OF(wire__round_bulletin__descriptor, bulletin_fields),
    WIRE_FIELDS_OF(wire__round_entry__descriptor, entry_fields),
};

static const struct wire_enum_word standings[] = {
    {WIRE__ROUND_ENTRY__STANDING__REPORTED, "已报",   "Reported", NULL},
    {WIRE__ROUND_ENTRY__STANDING__NIL,      "零报告", "Nil",      NULL},
    {WIRE__ROUND_ENTRY__STANDING__LATE,     "迟报",   "Late",     NULL},
    {WIRE__ROUND_ENTRY__STANDING__SILENT,   "未报",   "Silent",   NULL},
};

static const struct wire_enum_words enums[] = {
    WIRE_FIELDS_OF(wire__round_entry__standing__descriptor, standings),
};
/* clang-format on */

const struct wire_words wire_words_round_bulletin = {
    .messages = messages, .message_count = WIRE_COUNT_OF(messages), .enums = enums, .enum_count = WIRE_COUNT_OF(enums)};

static enum wire_status check_entry(struct wire_check *check, const Wire__RoundBulletin *bulletin, size_t at)
{
    const Wire__RoundEntry *entry = bulletin->entry[at];
    const ProtobufCMessageDescriptor *type = &wire__round_entry__descriptor;
    for (size_t before = 0; before < at; before++)
        if (bulletin->entry[before]->region == entry->region)
            return wire_check_fail(check, type, "region", "地区 %06u 与第 %zu 项重复，请改正",
                                   "the region %06u is that of entry %zu too; change one", entry->region, before + 1);
    return wire_check_number(check, type, "number", entry->number);
}

static enum wire_status check_bulletin(const ProtobufCMessage *payload, int64_t now_ms, struct wire_problem *problem)
{
    const Wire__RoundBulletin *bulletin = (const Wire__RoundBulletin *)payload;
    struct wire_check walk;
    enum wire_status status = wire_check_start(&walk, payload, false, now_ms, problem);
    for (size_t i = 0; status == WIRE_OK && i < bulletin->n_entry; i++) {
        struct wire_path_mark mark = wire_check_enter(&walk, payload->descriptor, "entry", i + 1);
        status = check_entry(&walk, bulletin, i);
        wire_path_leave(&walk.path, mark);
    }
    return status;
}

static uint32_t bulletin_subjects(const ProtobufCMessage *payload)
{
    return (uint32_t)((const Wire__RoundBulletin *)payload)->n_entry;
}

const struct wire_kind wire_kind_round_bulletin = {
    .number = WIRE_KIND_ROUND_BULLETIN,
    .name = "round-bulletin",
    .zh = "轮次通报",
    .en = "Round bulletin",
    .payload = &wire__round_bulletin__descriptor,
    .brokers = true,
    .urgency = wire_urgency_expected,
    .check = check_bulletin,
    .subjects = bulletin_subjects,
    .exposure_day = wire_kind_no_number,
};
