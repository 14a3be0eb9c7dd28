#include "rules/compile_parts.h"
#include "rules/parse.h"
#include "wire/ensure.h"
#include "wire/kind.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ALIGN = 16 };

void *rules_take(struct rules_compiling *c, size_t size)
{
    size_t rounded = (size + ALIGN - 1) / ALIGN * ALIGN;
    if (rounded < size || rounded > c->size - c->used)
        return NULL;
    void *taken = c->memory + c->used;
    c->used += rounded;
    memset(taken, 0, rounded);
    return taken;
}

const char *rules_copy_text(struct rules_compiling *c, const char *text)
{
    if (text == NULL)
        return NULL;
    size_t size = strlen(text) + 1;
    char *copy = rules_take(c, size);
    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

enum wire_status rules_no_memory(struct rules_compiling *c)
{
    return wire_fail(c->problem, WIRE_NO_MEMORY, c->source->file, "给政策的内存不足",
                     "not enough memory for the policy");
}

enum wire_status rules_refuse(struct rules_compiling *c, const struct rules_word *word, const char *zh, const char *en,
                              ...)
{
    char where[256], zh_text[384], en_text[384];
    const char *rule = c->rule == NULL || c->rule->name.text == NULL ? "" : c->rule->name.text;
    const char *mechanism = c->source->mechanism.text == NULL ? "?" : c->source->mechanism.text;
    va_list arguments;
    va_start(arguments, en);
    vsnprintf(zh_text, sizeof zh_text, zh, arguments);
    va_end(arguments);
    va_start(arguments, en);
    vsnprintf(en_text, sizeof en_text, en, arguments);
    va_end(arguments);
    snprintf(where, sizeof where, "%s:%u:%u", c->source->file, (unsigned)word->line, (unsigned)word->column);
    return wire_failf(c->problem, WIRE_INVALID, where, "机制 %s%s%s：%s%.0s", "mechanism %s%s%s: %.0s%s", mechanism,
                      rule[0] == '\0' ? "" : " / ", rule, zh_text, en_text);
}

enum wire_status rules_compile_kind(struct rules_compiling *c, const struct rules_word *word, uint32_t *kind)
{
    const struct wire_kind *found = wire_kind_by_name(word->text);
    if (found == NULL)
        return rules_refuse(c, word, "没有“%s”这种信息", "there is no kind \"%s\"", word->text);
    if (found->reply && !found->brokers)
        return rules_refuse(c, word, "“%s”是答复，规则自带，不必写", "\"%s\" is a reply: every mechanism implies it",
                            word->text);
    if (found->brokers)
        return rules_refuse(c, word, "“%s”只由交换中心发出，规则不得列入", "only the broker sends \"%s\"", word->text);
    *kind = found->number;
    return WIRE_OK;
}

enum wire_status rules_compile_period(struct rules_compiling *c, const struct rules_word *from,
                                      const struct rules_word *until, int64_t *from_ms, int64_t *until_ms)
{
    *from_ms = INT64_MIN;
    *until_ms = INT64_MAX;
    if (from->text != NULL && !rules_parse_time(from->text, false, from_ms))
        return rules_refuse(c, from, "“%s”不是时间，例：2020-02-07", "\"%s\" is no time; write 2020-02-07", from->text);
    if (until->text != NULL && !rules_parse_time(until->text, true, until_ms))
        return rules_refuse(c, until, "“%s”不是时间，例：2020-03-31", "\"%s\" is no time; write 2020-03-31",
                            until->text);
    if (*from_ms >= *until_ms)
        return rules_refuse(c, until, "失效时间“%s”不晚于生效时间", "until \"%s\" is not after from", until->text);
    return WIRE_OK;
}

void rules_sort(uint32_t *list, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint32_t value = list[i];
        size_t at = i;
        for (; at > 0 && list[at - 1] > value; at--)
            list[at] = list[at - 1];
        list[at] = value;
    }
}

static size_t rounded(size_t size)
{
    return (size + ALIGN - 1) / ALIGN * ALIGN + ALIGN;
}

static size_t word_size(const struct rules_word *word)
{
    return word->text == NULL ? 0 : rounded(strlen(word->text) + 1);
}

static size_t rule_size(const struct rules_source_rule *rule)
{
    size_t selectors = rule->from.count + rule->to.count + rule->cc.count;
    size_t candidates = rule->kinds.count * rule->from.count * RULES_UNITS;
    return sizeof(struct rules_rule) + rounded(rule->kinds.count * 4) + selectors * sizeof(struct rules_selector) +
           3 * ALIGN + word_size(&rule->name) + word_size(&rule->zh) + word_size(&rule->en) +
           rounded(candidates * sizeof(struct rules_candidate)) + rule->kinds.count * 4;
}

static size_t mechanism_size(const struct rules_source *source)
{
    size_t size = sizeof(struct rules_mechanism) + sizeof(struct rules_index) + 16 * ALIGN +
                  word_size(&source->mechanism) + word_size(&source->zh) + word_size(&source->en) +
                  word_size(&source->assessment) + rounded(strlen(source->file) + 1);
    size += rounded(source->members.count * 4) + rounded(source->seat_count * sizeof(struct rules_seat)) +
            rounded(source->liaison_count * sizeof(struct rules_liaison)) +
            rounded(source->pair_count * sizeof(struct rules_pair));
    size += (source->members.count + source->liaison_count) * (sizeof(struct rules_belonging) + 8);
    size += rounded(wire_kind_count() * RULES_UNITS * sizeof(struct rules_slot));
    for (size_t i = 0; i < source->liaison_count; i++)
        size += rounded(source->liaisons[i].may_send.count * 4);
    for (size_t i = 0; i < source->pair_count; i++)
        size += rounded(source->pairs[i].with.count * 4);
    for (size_t i = 0; i < source->rule_count; i++)
        size += rule_size(&source->rules[i]);
    return size;
}

size_t rules_policy_size(const struct rules_source *mechanisms, size_t count)
{
    size_t size = sizeof(struct rules_policy) + 16 * ALIGN + wire_kind_count() * 4;
    for (size_t i = 0; i < count; i++)
        size += mechanism_size(&mechanisms[i]);
    return size;
}

static enum wire_status compile_rules(struct rules_compiling *c, struct rules_mechanism *m)
{
    const struct rules_source *source = c->source;
    if (source->rule_count == 0 || source->rule_count > RULES_PER_MECHANISM)
        return rules_refuse(c, &source->mechanism, "应有 1 到 %d 条规则", "wants 1 to %d rules", RULES_PER_MECHANISM);
    struct rules_rule *rules = rules_take(c, source->rule_count * sizeof *rules);
    if (rules == NULL)
        return rules_no_memory(c);
    m->rule = rules;
    for (size_t i = 0; i < source->rule_count; i++) {
        c->rule = &source->rules[i];
        rules[i].number = (uint32_t)i + 1;
        enum wire_status status = rules_compile_rule(c, m, &rules[i]);
        if (status != WIRE_OK)
            return status;
        m->rule_count++;
    }
    enum wire_status status = rules_compile_contradictions(c, m);
    c->rule = NULL;
    return status;
}

static enum wire_status compile_mechanism(struct rules_compiling *c, const struct rules_source *source,
                                          struct rules_mechanism *m)
{
    c->source = source;
    c->rule = NULL;
    ENSURE(source->file != NULL);
    if (source->mechanism.text == NULL || !rules_parse_name(source->mechanism.text, WIRE_MECHANISM_BYTES_MAX))
        return rules_refuse(c, &source->mechanism, "机制代号只能用小写字母、数字和连字符，不超过 %d 个",
                            "a mechanism's id is up to %d lower-case letters, digits, hyphens",
                            WIRE_MECHANISM_BYTES_MAX);
    if (source->zh.text == NULL || source->en.text == NULL)
        return rules_refuse(c, &source->mechanism, "要有中文名和英文名", "wants a Chinese and an English name");
    m->id = rules_copy_text(c, source->mechanism.text);
    m->zh = rules_copy_text(c, source->zh.text);
    m->en = rules_copy_text(c, source->en.text);
    m->file = rules_copy_text(c, source->file);
    m->assessment = rules_copy_text(c, source->assessment.text);
    if (m->id == NULL || m->zh == NULL || m->en == NULL || m->file == NULL)
        return rules_no_memory(c);
    enum wire_status status = rules_compile_members(c, m);
    return status != WIRE_OK ? status : compile_rules(c, m);
}

static bool stands_before(const struct rules_source *a, const struct rules_source *b)
{
    const char *x = a->mechanism.text == NULL ? "" : a->mechanism.text;
    const char *y = b->mechanism.text == NULL ? "" : b->mechanism.text;
    return strcmp(x, y) < 0;
}

/* The source that stands at `place` in byte order of ids; equal ids in the order given. */
static const struct rules_source *source_at(const struct rules_source *sources, size_t count, size_t place)
{
    const struct rules_source *found = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t before = 0;
        for (size_t j = 0; j < count; j++)
            before += stands_before(&sources[j], &sources[i]) || (j < i && !stands_before(&sources[i], &sources[j]));
        if (before == place)
            found = &sources[i];
    }
    ENSURE(found != NULL); /* a total order has every place */
    return found;
}

static enum wire_status compile_all(struct rules_compiling *c, const struct rules_source *sources, size_t count,
                                    struct rules_policy *policy)
{
    policy->mechanism = rules_take(c, count * sizeof *policy->mechanism);
    if (policy->mechanism == NULL)
        return rules_no_memory(c);
    for (size_t i = 0; i < count; i++) {
        enum wire_status status = compile_mechanism(c, source_at(sources, count, i), &policy->mechanism[i]);
        if (status != WIRE_OK)
            return status;
        if (i > 0 && strcmp(policy->mechanism[i - 1].id, policy->mechanism[i].id) == 0)
            return rules_refuse(c, &c->source->mechanism, "与 %s 是同一机制", "the same mechanism as in %s",
                                policy->mechanism[i - 1].file);
        policy->count++;
    }
    return rules_compile_index(c, policy);
}

enum wire_status rules_compile(const struct rules_source *mechanisms, size_t count, uint64_t version,
                               const uint8_t *digest, void *memory, size_t size, struct rules_policy **policy,
                               struct wire_problem *problem)
{
    struct rules_compiling c = {.source = mechanisms, .memory = memory, .size = size, .problem = problem};
    if (count == 0 || count > RULES_MECHANISMS_MAX)
        return wire_failf(problem, WIRE_INVALID, "", "政策应有 1 到 %d 个机制", "a policy has 1 to %d mechanisms",
                          RULES_MECHANISMS_MAX);
    struct rules_policy *made = rules_take(&c, sizeof *made);
    if (made == NULL)
        return rules_no_memory(&c);
    made->version = version;
    if (digest != NULL)
        memcpy(made->digest, digest, sizeof made->digest);
    enum wire_status status = compile_all(&c, mechanisms, count, made);
    if (status == WIRE_OK)
        *policy = made;
    return status;
}
