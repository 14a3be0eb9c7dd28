#include "rules/decide_parts.h"
#include "rules/words.h"
#include "wire/ensure.h"
#include "wire/kind.h"
#include "wire/lane.h"
#include "wire/region.h"
#include "wire/time.h"
#include "wire/utf8.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum wire_status rules_deny(struct rules_decision *d, enum wire_status verdict, const char *detail)
{
    size_t size = wire_utf8_cut(detail, RULES_DETAIL_BYTES - 1);
    d->verdict = verdict;
    memcpy(d->detail, detail, size);
    d->detail[size] = '\0';
    return verdict;
}

enum wire_status rules_deny_number(struct rules_decision *d, enum wire_status verdict, uint32_t number)
{
    char text[16];
    snprintf(text, sizeof text, "%u", (unsigned)number);
    return rules_deny(d, verdict, text);
}

void rules_allow(struct rules_decision *d, const char *format, ...)
{
    size_t size = strlen(d->allowed);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(d->allowed + size, sizeof d->allowed - size, format, arguments);
    va_end(arguments);
    d->allowed[wire_utf8_whole(d->allowed, strlen(d->allowed))] = '\0';
}

void rules_question_of(const Wire__Header *header, struct rules_question *question)
{
    *question = (struct rules_question){
        .origin = header->origin,
        .issuer_region = header->issuer_region,
        .issuer_unit = header->issuer_unit,
        .kind = header->kind,
        .mechanism = header->mechanism,
        .mechanism_reason = header->mechanism_reason != NULL && header->mechanism_reason[0] != '\0',
        .urgency = header->urgency,
        .lane = header->lane,
        .form = header->form,
        .status = header->status,
        .action = header->action,
        .in_reply_to = header->in_reply_to != NULL,
        .to = header->to,
        .to_count = header->n_to,
        .cc = header->cc,
        .cc_count = header->n_cc,
        .concerns = header->concerns,
        .concerns_count = header->n_concerns,
        .keep_until = header->keep_until,
        .created_ms = header->created_ms,
        .expires_ms = header->has_expires_ms ? header->expires_ms : 0,
        .due_ms = header->has_due_ms ? header->due_ms : 0,
    };
}

/* Only counts and texts; the arrays are as long as their counts. */
static void begin(struct rules_decision *d)
{
    d->verdict = WIRE_OK;
    d->mechanism = RULES_NONE;
    d->rule = 0;
    d->rule_name = "";
    d->lane = WIRE__LANE__ROUTINE;
    d->sealed = false;
    d->keep_until = 0;
    d->elsewhere = 0;
    d->term_count = d->to_count = d->cc_count = d->not_enrolled_count = 0;
    d->detail[0] = d->allowed[0] = '\0';
}

static enum wire_status check_addresses(Wire__Address *const *list, size_t count, struct rules_decision *d)
{
    for (size_t i = 0; i < count; i++) {
        if (wire_region_find(list[i]->region) == NULL)
            return rules_deny_number(d, WIRE_UNKNOWN_REGION, list[i]->region);
        if (list[i]->has_unit && (list[i]->unit == WIRE_UNIT_NONE || list[i]->unit >= WIRE_UNIT_END))
            return rules_deny_number(d, WIRE_UNKNOWN_UNIT, list[i]->unit);
    }
    return WIRE_OK;
}

static enum wire_status check_header(const struct rules_question *q, struct rules_decision *d)
{
    if (wire_region_find(q->origin) == NULL)
        return rules_deny_number(d, WIRE_UNKNOWN_REGION, q->origin);
    if (wire_region_find(q->issuer_region) == NULL)
        return rules_deny_number(d, WIRE_UNKNOWN_REGION, q->issuer_region);
    if (q->issuer_unit == WIRE_UNIT_NONE || q->issuer_unit >= WIRE_UNIT_END)
        return rules_deny_number(d, WIRE_UNKNOWN_UNIT, q->issuer_unit);
    if (q->to_count + q->cc_count > WIRE_ADDRESSES_MAX || q->concerns_count > WIRE_ADDRESSES_MAX)
        return rules_deny(d, WIRE_BAD_HEADER, "to, cc, concerns");
    if ((unsigned)q->urgency > WIRE__URGENCY__PAST || (unsigned)q->status > WIRE__STATUS__TEST ||
        (unsigned)q->action > WIRE__ACTION__CANCEL)
        return rules_deny(d, WIRE_BAD_HEADER, "urgency, status, action");
    enum wire_status status = check_addresses(q->to, q->to_count, d);
    if (status == WIRE_OK)
        status = check_addresses(q->cc, q->cc_count, d);
    for (size_t i = 0; status == WIRE_OK && i < q->concerns_count; i++)
        if (wire_region_find(q->concerns[i]) == NULL)
            status = rules_deny_number(d, WIRE_UNKNOWN_REGION, q->concerns[i]);
    if (status == WIRE_OK && q->expires_ms != 0 && q->expires_ms <= q->now_ms)
        status = rules_deny(d, WIRE_EXPIRED_TERM, "expires");
    return status;
}

/* The origin speaks for its region and for those below it that have no node of their own. */
static enum wire_status check_issuer(const struct rules_question *q, struct rules_decision *d)
{
    for (uint32_t at = q->issuer_region; at != q->origin; at = wire_region_upper(at)) {
        if (at == 0)
            return rules_deny_number(d, WIRE_NOT_ISSUER, q->issuer_region);
        if (q->enrolled(q->context, at)) {
            rules_allow(d, "node %06u", (unsigned)at);
            return rules_deny_number(d, WIRE_NOT_ISSUER, q->issuer_region);
        }
    }
    return WIRE_OK;
}

enum wire_status rules_check_manner(const struct rules_question *q, Wire__Lane lane, bool sealed, uint32_t keep_limit,
                                    struct rules_decision *d)
{
    d->lane = lane;
    d->sealed = sealed;
    d->keep_until = keep_limit;
    if (q->preview)
        return WIRE_OK;
    if (q->lane != lane) {
        rules_allow(d, "lane %s", wire_lane_name((uint32_t)lane));
        return rules_deny(d, WIRE_WRONG_LANE, wire_lane_name((uint32_t)q->lane));
    }
    if ((q->form == WIRE__PAYLOAD_FORM__SEALED) != sealed)
        return rules_deny(d, sealed ? WIRE_NOT_SEALED : WIRE_NOT_CLEAR, "");
    if (!wire_day_valid(q->keep_until))
        return rules_deny(d, WIRE_BAD_HEADER, "keep_until");
    d->keep_until = q->keep_until;
    if (q->keep_until > keep_limit) {
        rules_allow(d, "keep_until %u", (unsigned)keep_limit);
        return rules_deny_number(d, WIRE_KEEP_TOO_LONG, q->keep_until);
    }
    if (q->keep_until < wire_day_of(q->now_ms))
        return rules_deny_number(d, WIRE_EXPIRED_TERM, q->keep_until);
    return WIRE_OK;
}

void rules_set_terms(const struct rules_rule *rule, const struct rules_question *q, struct rules_decision *d)
{
    for (size_t i = 0; i < rule->term_count; i++) {
        struct rules_term term = rule->term[i];
        if (term.by_due && q->due_ms <= q->now_ms)
            continue;
        if (term.by_due)
            term.minutes = (uint32_t)((q->due_ms - q->now_ms + 59999) / 60000 > UINT32_MAX
                                          ? UINT32_MAX
                                          : (q->due_ms - q->now_ms + 59999) / 60000);
        d->term[d->term_count++] = term;
    }
}

/* Which units may send this kind here, or which kinds this mechanism has at all: in the words of the file. */
static void allow_alternatives(const struct rules_mechanism *m, const struct rules_question *q,
                               struct rules_decision *d)
{
    const char *mark = "from ";
    for (size_t r = 0; r < m->rule_count; r++) {
        const struct rules_rule *rule = &m->rule[r];
        for (size_t k = 0; k < rule->kind_count; k++)
            for (size_t f = 0; rule->kind[k] == q->kind && f < rule->from_count; f++) {
                const struct rules_selector *from = &rule->from[f];
                uint32_t unit = rules_from_unit(m, from, q->kind);
                if (from->who == RULES_REGION)
                    rules_allow(d, "%s%06u", mark, (unsigned)from->region);
                else
                    rules_allow(d, "%s%s", mark, rules_who_spelling(from->who)->id);
                if (unit < RULES_UNITS)
                    rules_allow(d, "/%s", wire_unit_id(unit));
                if (rule->off)
                    rules_allow(d, " (off: no assessment)");
                mark = ", ";
            }
    }
}

static enum wire_status deny_rule(const struct rules_mechanism *m, const struct rules_question *q, enum wire_status why,
                                  struct rules_decision *d)
{
    char text[RULES_DETAIL_BYTES];
    if (why == WIRE_NOT_IN_FORCE)
        return rules_deny(d, why, m->id);
    if (why == WIRE_NOT_A_MEMBER)
        return rules_deny_number(d, why, q->origin);
    allow_alternatives(m, q, d);
    snprintf(text, sizeof text, "%s from %s", wire_kind_find(q->kind)->name, wire_unit_id(q->issuer_unit));
    return rules_deny(d, why, text);
}

static bool uses_regions(const struct rules_rule *rule)
{
    for (size_t i = 0; i < rule->to_count; i++)
        if (rule->to[i].who == RULES_CONCERNED || rule->to[i].who == RULES_NAMED)
            return true;
    return false;
}

/* A narrower mechanism must carry it; one that does not know a region concerned cannot. Both unless a reason is given.
 */
static enum wire_status check_narrowness(const struct rules_policy *policy, const struct rules_question *q,
                                         const struct rules_rule *rule, struct rules_decision *d)
{
    uint32_t missing;
    const struct rules_mechanism *m = &policy->mechanism[d->mechanism];
    bool covers = rules_covers(m, q, rule->persons, &missing);
    if (covers && q->mechanism_reason)
        return WIRE_OK;
    uint32_t narrowest = rules_narrowest(policy, q);
    if (covers && narrowest != d->mechanism) {
        rules_allow(d, "mechanism %s, or a reason", policy->mechanism[narrowest].id);
        return rules_deny(d, WIRE_NARROWER_EXISTS, policy->mechanism[narrowest].id);
    }
    if (covers || (q->mechanism_reason && !uses_regions(rule)))
        return WIRE_OK;
    if (narrowest != RULES_NONE)
        rules_allow(d, "mechanism %s", policy->mechanism[narrowest].id);
    return rules_deny_number(d, uses_regions(rule) ? WIRE_NOBODY_FOR : WIRE_ADDRESSEE_NOT_ALLOWED, missing);
}

static enum wire_status decide_by_rule(const struct rules_policy *policy, const struct rules_question *q,
                                       struct rules_decision *d)
{
    const struct rules_mechanism *m = &policy->mechanism[d->mechanism];
    enum wire_status status;
    const struct rules_rule *rule = rules_applicable(policy, d->mechanism, q, &status);
    if (rule == NULL)
        return deny_rule(m, q, status, d);
    d->rule = rule->number;
    d->rule_name = rule->name;
    status = check_narrowness(policy, q, rule, d);
    if (status == WIRE_OK)
        status = rules_check_manner(q, rule->lane_by_urgency[q->urgency], rule->sealed,
                                    rules_keep_limit(rule, q->created_ms, q->expires_ms, q->now_ms), d);
    if (status == WIRE_OK)
        status = rules_recipients(m, rule, q, d);
    if (status == WIRE_OK)
        rules_set_terms(rule, q, d);
    return status;
}

/* What a draft that names no mechanism would be told: why none is fit. */
static enum wire_status deny_all(const struct rules_policy *policy, const struct rules_question *q,
                                 struct rules_decision *d)
{
    enum wire_status worst = WIRE_NOT_A_MEMBER;
    const struct rules_belonging *belonging = rules_belonging_of(policy, q->origin);
    bool persons = wire_kind_find(q->kind)->persons;
    for (uint32_t i = 0; belonging != NULL && i < belonging->count; i++) {
        uint32_t missing = 0, index = policy->order[belonging->first + i];
        enum wire_status why;
        if (rules_applicable(policy, index, q, &why) != NULL) {
            (void)rules_covers(&policy->mechanism[index], q, persons, &missing);
            return rules_deny_number(d, WIRE_NOBODY_FOR, missing);
        }
        if (why == WIRE_NO_RULE && worst != WIRE_NO_RULE) {
            worst = why;
            d->mechanism = index;
        }
    }
    if (worst == WIRE_NO_RULE)
        return deny_rule(&policy->mechanism[d->mechanism], q, worst, d);
    return rules_deny_number(d, worst, q->origin);
}

static enum wire_status decide(const struct rules_policy *policy, const struct rules_question *q,
                               struct rules_decision *d)
{
    const struct wire_kind *kind = wire_kind_find(q->kind);
    if (kind == NULL)
        return rules_deny_number(d, WIRE_UNKNOWN_KIND, q->kind);
    if (kind->brokers)
        return rules_deny(d, WIRE_NO_RULE, kind->name);
    enum wire_status status = check_header(q, d);
    if (status == WIRE_OK)
        status = check_issuer(q, d);
    if (status != WIRE_OK)
        return status;
    if (kind->persons && q->action != WIRE__ACTION__CANCEL && q->concerns_count != 1)
        return rules_deny(d, WIRE_ONE_REGION, kind->name);
    if (q->action != WIRE__ACTION__ISSUE)
        return rules_decide_correction(policy, q, kind->persons, d);
    if (kind->reply)
        return rules_decide_reply(policy, q, kind->persons, d);
    d->mechanism =
        q->mechanism == NULL && q->preview ? rules_narrowest(policy, q) : rules_policy_find(policy, q->mechanism);
    if (d->mechanism != RULES_NONE)
        return decide_by_rule(policy, q, d);
    if (q->mechanism == NULL && q->preview)
        return deny_all(policy, q, d);
    return rules_deny(d, WIRE_NO_MECHANISM, q->mechanism == NULL ? "" : q->mechanism);
}

enum wire_status rules_decide(const struct rules_policy *policy, const struct rules_question *question,
                              struct rules_decision *decision)
{
    ENSURE(question->enrolled != NULL);
    begin(decision);
    enum wire_status status = decide(policy, question, decision);
    decision->verdict = status;
    if (status != WIRE_OK)
        decision->to_count = decision->cc_count = decision->not_enrolled_count = decision->term_count = 0;
    return status;
}

bool rules_given_to(const struct rules_decision *decision, uint32_t region, bool *owes)
{
    *owes = false;
    for (size_t i = 0; i < decision->to_count; i++)
        if (decision->to[i].region == region)
            return *owes = true;
    for (size_t i = 0; i < decision->cc_count; i++)
        if (decision->cc[i].region == region)
            return true;
    return false;
}
