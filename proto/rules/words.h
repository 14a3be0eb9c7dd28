/* The words of the rule language: what a secretary writes and what a person reads. One table each way. */
#pragma once
#include "rules/policy.h"

struct rules_spelling {
    uint32_t number;
    const char *id;
    const char *zh;
    const char *en;
};

/* By id or Chinese word; 0 if it is none. */
uint32_t rules_who_parse(const char *text);
const struct rules_spelling *rules_who_spelling(enum rules_who who);
const struct rules_spelling *rules_lane_spelling(Wire__Lane lane);
const struct rules_spelling *rules_duty_spelling(Wire__Duty duty);
const struct rules_spelling *rules_urgency_spelling(Wire__Urgency urgency);
const struct rules_spelling *rules_status_spelling(Wire__Status status);
const struct rules_spelling *rules_action_spelling(Wire__Action action);
/* S L P D; NULL for another letter. */
const struct rules_spelling *rules_source_spelling(char source);
/* The number whose id or Chinese word is `text` (not NUL-terminated) in a list ended by id NULL; `none` if there is
 * none. */
uint32_t rules_spelling_parse(const struct rules_spelling *list, const char *text, size_t size, uint32_t none);
extern const struct rules_spelling rules_lane_words[], rules_duty_words[], rules_urgency_words[], rules_status_words[],
    rules_action_words[];

static inline const char *rules_say(const struct rules_spelling *word, enum wire_language language)
{
    return language == WIRE_CHINESE ? word->zh : word->en;
}
