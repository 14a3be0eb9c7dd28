/* The parts of rules_decide; only this room includes it. */
#pragma once
#include "rules/decide.h"
#include "rules/tables.h"

/* Fills verdict and detail; returns the verdict. */
enum wire_status rules_deny(struct rules_decision *d, enum wire_status verdict, const char *detail);
enum wire_status rules_deny_number(struct rules_decision *d, enum wire_status verdict, uint32_t number);
/* Appends to `allowed`, cut at its end. */
void rules_allow(struct rules_decision *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The rule of this mechanism for the question's sender and kind at its time. NULL: *why says what is missing. */
const struct rules_rule *rules_applicable(const struct rules_policy *policy, uint32_t mechanism,
                                          const struct rules_question *question, enum wire_status *why);
/* Every concerned and named region steps up to a member (or, without persons, is a liaison). *missing: the first that
 * is not. */
bool rules_covers(const struct rules_mechanism *m, const struct rules_question *question, bool persons,
                  uint32_t *missing);

/* recipients.c: who gets it under this rule. */
enum wire_status rules_recipients(const struct rules_mechanism *m, const struct rules_rule *rule,
                                  const struct rules_question *question, struct rules_decision *d);
/* The region itself, else its city, else its province: the first that is a member and enrolled, or the last with
 * `highest`. 0: none. Members passed by without a node go to not_enrolled when d is given. */
uint32_t rules_step_up(const struct rules_mechanism *m, const struct rules_question *question, uint32_t region,
                       bool highest, struct rules_decision *d);
void rules_add_to(struct rules_decision *d, uint32_t region, uint32_t unit);
void rules_add_cc(struct rules_decision *d, uint32_t region, uint32_t unit);
void rules_add_not_enrolled(struct rules_decision *d, uint32_t region);
/* The unit a selector of `to` or `cc` means for this question. */
uint32_t rules_to_unit(const struct rules_mechanism *m, const struct rules_selector *selector,
                       const struct rules_question *question);

enum wire_status rules_decide_reply(const struct rules_policy *policy, const struct rules_question *question,
                                    bool persons, struct rules_decision *d);
enum wire_status rules_decide_correction(const struct rules_policy *policy, const struct rules_question *question,
                                         bool persons, struct rules_decision *d);

/* What every path asks of lane, form and retention; in a preview they are set instead of compared. */
enum wire_status rules_check_manner(const struct rules_question *question, Wire__Lane lane, bool sealed,
                                    uint32_t keep_limit, struct rules_decision *d);
void rules_set_terms(const struct rules_rule *rule, const struct rules_question *question, struct rules_decision *d);
