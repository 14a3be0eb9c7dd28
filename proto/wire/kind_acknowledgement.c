/* acknowledgement 签收: a named desk has it, or sends it back with a reason. */
#include "schema/payload.pb-c.h"
#include "wire/check.h"
#include "wire/kind_rows.h"

/* clang-format off */
static const struct wire_field fields[] = {
    {"reply_to_number", "对应编号", "Answers",       "答复编号", WIRE_FIELD_REQUIRED,                   WIRE_MASK_NONE, 40},
    {"desk",            "签收席位", "Desk",          "席位",     WIRE_FIELD_REQUIRED,                   WIRE_MASK_NONE, 60},
    {"officer",         "签收人",   "Officer",       "值班员",   WIRE_FIELD_REQUIRED,                   WIRE_MASK_NONE, 60},
    {"at_ms",           "签收时间", "Time",          "时间",     WIRE_FIELD_REQUIRED | WIRE_FIELD_PAST, WIRE_MASK_NONE, 0},
    {"return_reason",   "退回原因", "Return reason", "退回",     WIRE_FIELD_FREE,                       WIRE_MASK_NONE, 500},
};

static const struct wire_message_fields messages[] = {
    WIRE_FIELDS_OF(wire__acknowledgement__descriptor, fields),
};
/* clang-format on */

const struct wire_words wire_words_acknowledgement = {.messages = messages, .message_count = WIRE_COUNT_OF(messages)};

static enum wire_status check_acknowledgement(const ProtobufCMessage *payload, int64_t now_ms,
                                              struct wire_problem *problem)
{
    const Wire__Acknowledgement *acknowledgement = (const Wire__Acknowledgement *)payload;
    struct wire_check walk;
    enum wire_status status = wire_check_start(&walk, payload, false, now_ms, problem);
    if (status == WIRE_OK)
        status = wire_check_number(&walk, payload->descriptor, "reply_to_number", acknowledgement->reply_to_number);
    return status;
}

const struct wire_kind wire_kind_acknowledgement = {
    .number = WIRE_KIND_ACKNOWLEDGEMENT,
    .name = "acknowledgement",
    .zh = "签收",
    .en = "Acknowledgement",
    .payload = &wire__acknowledgement__descriptor,
    .reply = true,
    .urgency = wire_urgency_expected,
    .check = check_acknowledgement,
    .subjects = wire_kind_no_number,
    .exposure_day = wire_kind_no_number,
};
