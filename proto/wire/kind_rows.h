/* The rows of the kinds table and the words of the field tables, one file a kind. Only wire/kind.c, wire/field.c and
 * the kinds themselves include this; everybody else asks wire/kind.h and wire/label.h. */
#pragma once
#include "wire/field.h"
#include "wire/kind.h"

extern const struct wire_kind wire_kind_contact_notice;
extern const struct wire_kind wire_kind_outcome;
extern const struct wire_kind wire_kind_measure_bulletin;
extern const struct wire_kind wire_kind_supply_request;
extern const struct wire_kind wire_kind_acknowledgement;
extern const struct wire_kind wire_kind_reminder;
extern const struct wire_kind wire_kind_overdue;
extern const struct wire_kind wire_kind_round_bulletin;
extern const struct wire_kind wire_kind_policy_notice;

extern const struct wire_words wire_words_common;
extern const struct wire_words wire_words_person;
extern const struct wire_words wire_words_contact_notice;
extern const struct wire_words wire_words_outcome;
extern const struct wire_words wire_words_measure_bulletin;
extern const struct wire_words wire_words_supply_request;
extern const struct wire_words wire_words_acknowledgement;
extern const struct wire_words wire_words_reminder; /* reminder and overdue */
extern const struct wire_words wire_words_round_bulletin;
extern const struct wire_words wire_words_policy_notice;

/* Shorthands of the tables. */
#define WIRE_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define WIRE_FIELDS_OF(descriptor, rows)                                                                               \
    {                                                                                                                  \
        &(descriptor), (rows), WIRE_COUNT_OF(rows)                                                                     \
    }

/* Urgency of kinds whose content does not change it. */
Wire__Urgency wire_urgency_expected(const ProtobufCMessage *payload);
/* What a kind without a count, or without exposure, answers. */
uint32_t wire_kind_no_number(const ProtobufCMessage *payload);
