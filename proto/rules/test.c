#include "rules/test.h"
#include "rules/case_question.h"
#include "rules/explain.h"
#include "rules/phrase.h"
#include "rules/words.h"
#include "wire/lane.h"
#include "wire/region.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GOT_BYTES = 1024 };

struct comparing {
    struct wire_text *out;
    const struct rules_case *test;
    enum wire_language language;
    bool differs;
};

/* "file:line:column: case: expected x, got y" */
static void differ(struct comparing *c, const struct rules_word *at, const char *what, const char *expected,
                   const char *got)
{
    c->differs = true;
    wire_text_format(c->out, "%s:%u:%u: ", c->test->file, (unsigned)at->line, (unsigned)at->column);
    wire_text_format(c->out, "%s: %s: ", c->test->name.text, what);
    wire_text_format(c->out, rules_pick(c->language, "应为 %s，实为 %s\n", "expected %s, got %s\n"), expected, got);
}

static void compare_text(struct comparing *c, const struct rules_word *expected, const char *what, const char *got)
{
    if (expected->text != NULL && strcmp(expected->text, got) != 0)
        differ(c, expected, what, expected->text, got);
}

static bool verdict_fits(const char *expected, const struct rules_decision *d)
{
    const char *name = d->verdict == WIRE_OK ? "admitted" : wire_status_name((uint32_t)d->verdict);
    size_t size = strlen(name);
    if (strncmp(expected, name, size) != 0)
        return false;
    return expected[size] == '\0' || (expected[size] == ' ' && strcmp(expected + size + 1, d->detail) == 0);
}

static void compare_verdict(struct comparing *c, const struct rules_decision *d)
{
    char got[GOT_BYTES];
    if (verdict_fits(c->test->expect.text, d))
        return;
    snprintf(got, sizeof got, "%s%s%s%s%s", d->verdict == WIRE_OK ? "admitted" : wire_status_name((uint32_t)d->verdict),
             d->detail[0] == '\0' ? "" : " ", d->detail, d->allowed[0] == '\0' ? "" : " - ", d->allowed);
    differ(c, &c->test->expect, "verdict", c->test->expect.text, got);
}

static void write_recipients(struct wire_text *out, const struct rules_recipient *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        wire_text_format(out, "%s%06u/%s", i == 0 ? "" : ", ", (unsigned)list[i].region, wire_unit_id(list[i].unit));
        for (uint32_t unit = 1; unit < WIRE_UNIT_END; unit++)
            if (unit != list[i].unit && (list[i].units >> unit & 1) != 0)
                wire_text_format(out, "+%s", wire_unit_id(unit));
    }
}

static bool recipient_fits(const char *expected, const struct rules_recipient *got)
{
    uint32_t region;
    uint16_t units;
    uint8_t first;
    return rules_case_desk(expected, &region, &units, &first) && region == got->region &&
           (first == 0 || (first == got->unit && units == got->units));
}

/* "[32 regions]": only how many. */
static bool only_count(const struct rules_words *expected, size_t *count)
{
    char *rest;
    if (expected->count != 1)
        return false;
    unsigned long number = strtoul(expected->item[0].text, &rest, 10);
    *count = number;
    return strcmp(rest, " regions") == 0;
}

static void compare_recipients(struct comparing *c, const struct rules_words *expected, bool given, const char *what,
                               const struct rules_recipient *list, size_t count)
{
    char got[GOT_BYTES] = "";
    struct wire_text text = {.data = got, .capacity = sizeof got};
    const struct rules_word *at = expected->count > 0 ? &expected->item[0] : &c->test->expect;
    size_t found = 0, wanted;
    if (!given)
        return;
    write_recipients(&text, list, count);
    if (only_count(expected, &wanted)) {
        if (wanted != count)
            differ(c, at, what, expected->item[0].text, got);
        return;
    }
    for (size_t i = 0; i < expected->count; i++) {
        bool fits = false;
        for (size_t j = 0; j < count; j++)
            fits |= recipient_fits(expected->item[i].text, &list[j]);
        if (!fits)
            differ(c, &expected->item[i], what, expected->item[i].text, got);
        found += fits;
    }
    if (found == expected->count && count != expected->count)
        differ(c, at, what, rules_pick(c->language, "不多不少", "no more"), got);
}

static void compare_not_enrolled(struct comparing *c, const struct rules_decision *d)
{
    struct rules_recipient list[WIRE_RECIPIENTS_MAX];
    for (size_t i = 0; i < d->not_enrolled_count; i++)
        list[i] = (struct rules_recipient){.region = d->not_enrolled[i]};
    compare_recipients(c, &c->test->expect_not_enrolled, c->test->has_not_enrolled, "not enrolled", list,
                       d->not_enrolled_count);
}

static void compare_terms(struct comparing *c, const struct rules_decision *d)
{
    const struct rules_words *expected = &c->test->expect_terms;
    for (size_t i = 0; c->test->has_terms && i < d->term_count; i++) {
        char got[GOT_BYTES] = "";
        struct wire_text text = {.data = got, .capacity = sizeof got};
        wire_text_format(&text, "%s ", rules_duty_spelling(d->term[i].duty)->en);
        rules_term_text(&text, &d->term[i], WIRE_ENGLISH);
        if (i >= expected->count)
            differ(c, &c->test->expect, "terms", rules_pick(c->language, "不多不少", "no more"), got);
        else
            compare_text(c, &expected->item[i], "terms", got);
    }
    for (size_t i = d->term_count; c->test->has_terms && i < expected->count; i++)
        differ(c, &expected->item[i], "terms", expected->item[i].text, rules_pick(c->language, "无", "nothing"));
}

static void compare(struct comparing *c, const struct rules_policy *policy, const struct rules_decision *d)
{
    const struct rules_case *test = c->test;
    const struct rules_mechanism *m = rules_policy_at(policy, d->mechanism);
    char keep[16];
    snprintf(keep, sizeof keep, "%u", (unsigned)d->keep_until);
    compare_verdict(c, d);
    compare_text(c, &test->rule, "rule", d->rule_name);
    compare_text(c, &test->expect_mechanism, "mechanism", m == NULL ? "" : m->id);
    compare_text(c, &test->expect_lane, "lane", wire_lane_name((uint32_t)d->lane));
    compare_text(c, &test->expect_keep, "keep", keep);
    compare_recipients(c, &test->expect_to, test->has_to, "to", d->to, d->to_count);
    compare_recipients(c, &test->expect_cc, test->has_cc, "copy", d->cc, d->cc_count);
    compare_not_enrolled(c, d);
    compare_terms(c, d);
}

/* As a node would: first what would become of the draft, then the envelope that the answers make. */
static void ask(const struct rules_policy *policy, const struct rules_case *test, struct rules_question *q,
                struct rules_decision *d)
{
    q->preview = true;
    enum wire_status status = rules_decide(policy, q, d);
    const struct rules_mechanism *m = rules_policy_at(policy, d->mechanism);
    if (status != WIRE_OK && (q->mechanism == NULL || m == NULL))
        return;
    if (q->mechanism == NULL)
        q->mechanism = m->id;
    if (test->lane.text == NULL)
        q->lane = d->lane;
    if (test->form.text == NULL)
        q->form = d->sealed ? WIRE__PAYLOAD_FORM__SEALED : WIRE__PAYLOAD_FORM__CLEAR;
    if (test->keep_until.text == NULL)
        q->keep_until = d->keep_until;
    q->preview = false;
    rules_decide(policy, q, d);
}

enum rules_case_result rules_case_run(struct wire_text *out, const struct rules_policy *policy,
                                      const struct rules_case *test, struct rules_decision *scratch,
                                      enum wire_language language)
{
    struct comparing c = {.out = out, .test = test, .language = language};
    struct rules_case_question question;
    const struct rules_word *bad = rules_case_question_read(policy, test, &question);
    if (bad != NULL) {
        wire_text_format(out, "%s:%u:%u: ", test->file, (unsigned)bad->line, (unsigned)bad->column);
        wire_text_format(out, rules_pick(language, "%s：读不懂“%s”\n", "%s: cannot read \"%s\"\n"), test->name.text,
                         bad->text == NULL ? "" : bad->text);
        return RULES_CASE_UNREADABLE;
    }
    ask(policy, test, &question.q, scratch);
    compare(&c, policy, scratch);
    return c.differs ? RULES_CASE_DIFFERS : RULES_CASE_OK;
}

size_t rules_test_text(struct wire_text *out, const struct rules_policy *policy, const struct rules_case *cases,
                       size_t count, struct rules_decision *scratch, enum wire_language language)
{
    size_t failed = 0;
    for (size_t i = 0; i < count; i++)
        failed += rules_case_run(out, policy, &cases[i], scratch, language) != RULES_CASE_OK;
    wire_text_format(out, rules_pick(language, "%zu 例，%zu 例不符。\n", "%zu cases, %zu failed.\n"), count, failed);
    return failed;
}
