/* The words of a case as a question; only test.c includes it. */
#pragma once
#include "rules/test.h"

/* Everything a question points to. Must not move while the question is used. */
struct rules_case_question {
    struct rules_question q;
    struct rules_parent parent;
    struct rules_original original;
    Wire__Address address[WIRE_ADDRESSES_MAX];
    Wire__Address *pointer[WIRE_ADDRESSES_MAX];
    uint32_t concerns[WIRE_ADDRESSES_MAX];
    uint32_t given_to[WIRE_ADDRESSES_MAX], copied_to[WIRE_ADDRESSES_MAX];
    const struct rules_policy *policy;
    const struct rules_case *words;
    char parent_mechanism[WIRE_MECHANISM_BYTES_MAX + 1], original_mechanism[WIRE_MECHANISM_BYTES_MAX + 1];
};

/* NULL: read. Else the word that cannot be read. */
const struct rules_word *rules_case_question_read(const struct rules_policy *policy, const struct rules_case *words,
                                                  struct rules_case_question *out);
/* "320000/cdc+command": region and mask of units (0: none written). */
bool rules_case_desk(const char *text, uint32_t *region, uint16_t *units, uint8_t *first);
