#include "rules/phrase.h"
#include "rules/explain.h"
#include "rules/words.h"
#include "wire/kind.h"
#include "wire/region.h"

const char *rules_pick(enum wire_language language, const char *zh, const char *en)
{
    return language == WIRE_CHINESE ? zh : en;
}

const char *rules_unit_name(uint32_t unit, enum wire_language language)
{
    if (unit == WIRE_UNIT_NONE)
        return "";
    if (unit == RULES_UNIT_LIKE)
        return rules_pick(language, "对口单位", "the like unit");
    if (unit == RULES_UNIT_ANY)
        return rules_pick(language, "任何单位", "any unit");
    return language == WIRE_CHINESE ? wire_unit_zh(unit) : wire_unit_en(unit);
}

const char *rules_kind_name(uint32_t kind, enum wire_language language)
{
    const struct wire_kind *found = wire_kind_find(kind);
    if (found == NULL)
        return rules_pick(language, "未知种类", "unknown kind");
    return language == WIRE_CHINESE ? found->zh : found->en;
}

void rules_comma(struct wire_text *out, size_t index, enum wire_language language)
{
    if (index > 0)
        wire_text_string(out, rules_pick(language, "、", ", "));
}

void rules_region_text(struct wire_text *out, uint32_t region)
{
    const struct wire_region *found = wire_region_find(region);
    wire_text_format(out, "%06u%s%s", (unsigned)region, found == NULL ? "" : " ", found == NULL ? "" : found->name);
}

void rules_lane_text(struct wire_text *out, Wire__Lane lane, enum wire_language language)
{
    wire_text_format(out, rules_pick(language, "%s通道", "%s lane"), rules_say(rules_lane_spelling(lane), language));
}

void rules_selector_text(struct wire_text *out, const struct rules_selector *selector, enum wire_language language)
{
    if (selector->who == RULES_REGION)
        rules_region_text(out, selector->region);
    else
        wire_text_string(out, rules_say(rules_who_spelling(selector->who), language));
    if (selector->unit != WIRE_UNIT_NONE)
        wire_text_format(out, rules_pick(language, "（%s）", " (%s)"), rules_unit_name(selector->unit, language));
}

void rules_selectors_text(struct wire_text *out, const struct rules_selector *list, size_t count,
                          enum wire_language language)
{
    for (size_t i = 0; i < count; i++) {
        rules_comma(out, i, language);
        rules_selector_text(out, &list[i], language);
    }
}

static const char *source_text(char source, enum wire_language language)
{
    const struct rules_spelling *word = rules_source_spelling(source);
    return word == NULL ? rules_pick(language, "来源未注明", "no source stated") : rules_say(word, language);
}

void rules_keep_text(struct wire_text *out, const struct rules_keep *keep, enum wire_language language)
{
    switch (keep->how) {
    case RULES_KEEP_R60:
        wire_text_string(out, rules_pick(language, "末次接触后 28 天，至少 14 天，最长 60 天",
                                         "28 days from the last exposure, 14 at least, 60 at most"));
        break;
    case RULES_KEEP_RV:
        wire_text_string(out, rules_pick(language, "有效期满后 14 天", "14 days after it ceases to be valid"));
        break;
    case RULES_KEEP_DAYS:
        wire_text_format(out, rules_pick(language, "%u 天", "%u days"), (unsigned)keep->amount);
        break;
    case RULES_KEEP_YEARS:
        wire_text_format(out, rules_pick(language, "%u 年", "%u years"), (unsigned)keep->amount);
        break;
    }
    wire_text_format(out, rules_pick(language, "（%s）", " (%s)"), source_text(keep->source, language));
}

void rules_term_text(struct wire_text *out, const struct rules_term *term, enum wire_language language)
{
    uint32_t minutes = term->minutes;
    if (term->by_due && minutes == 0)
        wire_text_string(out, rules_pick(language, "所填时限", "the due time stated"));
    else if (minutes % (24 * 60) == 0 && minutes > 24 * 60)
        wire_text_format(out, rules_pick(language, "%u 天", "%u days"), (unsigned)(minutes / (24 * 60)));
    else if (minutes % 60 == 0)
        wire_text_format(out, rules_pick(language, "%u 小时", "%u h"), (unsigned)(minutes / 60));
    else
        wire_text_format(out, rules_pick(language, "%u 分钟", "%u min"), (unsigned)minutes);
    if (term->office_hours)
        wire_text_string(out, rules_pick(language, "（工作时间）", " office hours"));
}

void rules_duty_text(struct wire_text *out, const struct rules_term *term, enum wire_language language)
{
    const char *duty = rules_say(rules_duty_spelling(term->duty), language);
    if (language == WIRE_ENGLISH)
        wire_text_format(out, "%s within ", duty);
    rules_term_text(out, term, language);
    if (language == WIRE_CHINESE)
        wire_text_format(out, "内%s", duty);
    wire_text_format(out, rules_pick(language, "（%s）", " (%s)"), source_text(term->source, language));
}

void rules_day_text(struct wire_text *out, uint32_t day)
{
    wire_text_format(out, "%04u-%02u-%02u", (unsigned)(day / 10000), (unsigned)(day / 100 % 100),
                     (unsigned)(day % 100));
}
