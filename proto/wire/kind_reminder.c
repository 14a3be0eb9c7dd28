/* reminder 催办 and overdue 逾期: the broker's own, to the desk that owes and to the origin that waits. */
#include "schema/payload.pb-c.h"
#include "wire/check.h"
#include "wire/kind_rows.h"

/* clang-format off */
static const struct wire_field reminder_fields[] = {
    {"number",        "对应编号", "Notice",     NULL, WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 40},
    {"obligation",    "应办事项", "Obligation", NULL, WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"due_ms",        "时限",     "Due",        NULL, WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"who",           "责任单位", "Who",        NULL, WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
};

static const struct wire_field overdue_fields[] = {
    {"number",        "对应编号", "Notice",     NULL, WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 40},
    {"obligation",    "应办事项", "Obligation", NULL, WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"due_ms",        "时限",     "Due",        NULL, WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"who",           "责任单位", "Who",        NULL, WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"not_delivered", "未送达",   "Not delivered", NULL, 0,                WIRE_MASK_NONE, 0},
};

static const struct wire_message_fields messages[] = {
    WIRE_FIELDS_OF(wire__reminder__descriptor, reminder_fields),
    WIRE_FIELDS_OF(wire__overdue__descriptor, overdue_fields),
};
/* clang-format on */

const struct wire_words wire_words_reminder = {.messages = messages, .message_count = WIRE_COUNT_OF(messages)};

static enum wire_status check_reminder(const ProtobufCMessage *payload, int64_t now_ms, struct wire_problem *problem)
{
    struct wire_check walk;
    enum wire_status status = wire_check_start(&walk, payload, false, now_ms, problem);
    if (status == WIRE_OK)
        status = wire_check_number(&walk, payload->descriptor, "number", ((const Wire__Reminder *)payload)->number);
    return status;
}

static enum wire_status check_overdue(const ProtobufCMessage *payload, int64_t now_ms, struct wire_problem *problem)
{
    struct wire_check walk;
    enum wire_status status = wire_check_start(&walk, payload, false, now_ms, problem);
    if (status == WIRE_OK)
        status = wire_check_number(&walk, payload->descriptor, "number", ((const Wire__Overdue *)payload)->number);
    return status;
}

const struct wire_kind wire_kind_reminder = {
    .number = WIRE_KIND_REMINDER,
    .name = "reminder",
    .zh = "催办",
    .en = "Reminder",
    .payload = &wire__reminder__descriptor,
    .brokers = true,
    .urgency = wire_urgency_expected,
    .check = check_reminder,
    .subjects = wire_kind_no_number,
    .exposure_day = wire_kind_no_number,
};

const struct wire_kind wire_kind_overdue = {
    .number = WIRE_KIND_OVERDUE,
    .name = "overdue",
    .zh = "逾期",
    .en = "Overdue",
    .payload = &wire__overdue__descriptor,
    .brokers = true,
    .urgency = wire_urgency_expected,
    .check = check_overdue,
    .subjects = wire_kind_no_number,
    .exposure_day = wire_kind_no_number,
};
