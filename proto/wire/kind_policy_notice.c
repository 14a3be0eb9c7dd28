/* policy-notice 政策通知: the broker's own: new rules come into force at a stated time. */
#include "schema/payload.pb-c.h"
#include "wire/check.h"
#include "wire/kind_rows.h"

/* clang-format off */
static const struct wire_field fields[] = {
    {"version",     "版本",     "Version",    NULL, WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, UINT64_MAX},
    {"digest",      "摘要",     "Digest",     NULL, WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 32},
    {"in_force_ms", "生效时间", "In force",   NULL, WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"mechanism",   "涉及机制", "Mechanisms", NULL, 0,                   WIRE_MASK_NONE, 40},
    {"summary",     "变更说明", "Summary",    NULL, WIRE_FIELD_FREE,     WIRE_MASK_NONE, 2000},
};

static const struct wire_message_fields messages[] = {
    WIRE_FIELDS_OF(wire__policy_notice__descriptor, fields),
};
/* clang-format on */

const struct wire_words wire_words_policy_notice = {.messages = messages, .message_count = WIRE_COUNT_OF(messages)};

static enum wire_status check_notice(const ProtobufCMessage *payload, int64_t now_ms, struct wire_problem *problem)
{
    struct wire_check walk;
    enum wire_status status = wire_check_start(&walk, payload, false, now_ms, problem);
    if (status == WIRE_OK && ((const Wire__PolicyNotice *)payload)->version == 0)
        status = wire_check_fail(&walk, payload->descriptor, "version", "版本从 1 起，请核对",
                                 "versions begin at 1; check it");
    return status;
}

const struct wire_kind wire_kind_policy_notice = {
    .number = WIRE_KIND_POLICY_NOTICE,
    .name = "policy-notice",
    .zh = "政策通知",
    .en = "Policy notice",
    .payload = &wire__policy_notice__descriptor,
    .brokers = true,
    .urgency = wire_urgency_expected,
    .check = check_notice,
    .subjects = wire_kind_no_number,
    .exposure_day = wire_kind_no_number,
};
