#include "link/policy_words.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct block {
    struct block *next;
    max_align_t data[];
};

void *policy_pool_take(struct policy_pool *pool, size_t count, size_t size)
{
    if (count == 0)
        return NULL;
    struct block *block = calloc(1, sizeof *block + count * size);
    if (block == NULL) {
        pool->failed = true;
        return NULL;
    }
    block->next = pool->first;
    pool->first = block;
    return block->data;
}

void policy_pool_close(struct policy_pool *pool)
{
    for (struct block *block = pool->first; block != NULL;) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
    *pool = (struct policy_pool){0};
}

enum { PATH_BYTES = 128 };

/* Where the words of one mapping stand: below this path. */
struct below {
    const struct link_places *places;
    struct policy_pool *pool;
    char path[PATH_BYTES];
};

static struct below below(const struct below *outer, const char *format, ...) __attribute__((format(printf, 2, 3)));
static struct below below(const struct below *outer, const char *format, ...)
{
    struct below inner = *outer;
    va_list arguments;
    va_start(arguments, format);
    int size = snprintf(inner.path, sizeof inner.path, "%s", outer->path);
    vsnprintf(inner.path + size, sizeof inner.path - (size_t)size, format, arguments);
    va_end(arguments);
    return inner;
}

/* A text that may be absent: then its place is where the mapping around it stands. */
static struct rules_word word(const struct below *at, const char *key, const char *text)
{
    struct below inner = below(at, "%s%s", at->path[0] == '\0' || key[0] == '[' ? "" : ".", key);
    const struct link_place *place = link_place_find(at->places, inner.path);
    if (place == NULL)
        place = link_place_find(at->places, at->path);
    return (struct rules_word){
        .text = text,
        .line = place == NULL ? 1 : place->line,
        .column = place == NULL ? 1 : place->column,
    };
}

static struct rules_words words(const struct below *at, const char *key, char *const *list, unsigned count)
{
    struct rules_word *made = policy_pool_take(at->pool, count, sizeof *made);
    struct below inner = below(at, "%s%s", at->path[0] == '\0' ? "" : ".", key);
    for (unsigned i = 0; made != NULL && i < count; i++) {
        char entry[24];
        snprintf(entry, sizeof entry, "[%u]", i);
        made[i] = word(&inner, entry, list[i]);
    }
    return (struct rules_words){.item = made, .count = made == NULL ? 0 : count};
}

static void rule_words(const struct below *at, const struct policy_raw_rule *raw, struct rules_source_rule *out)
{
    struct below title = below(at, ".title"), terms = below(at, ".terms"), period = below(at, ".in force");
    struct rules_word start = word(at, "", NULL);
    *out = (struct rules_source_rule){
        .line = start.line,
        .column = start.column,
        .name = word(at, "name", raw->name),
        .zh = word(&title, "zh", raw->title.zh),
        .en = word(&title, "en", raw->title.en),
        .kinds = words(at, "kinds", raw->kinds, raw->kinds_count),
        .from = words(at, "from", raw->from, raw->from_count),
        .to = words(at, "to", raw->to, raw->to_count),
        .cc = words(at, "copy", raw->copy, raw->copy_count),
        .lane = word(at, "lane", raw->lane),
        .sign_for = word(&terms, "sign for", raw->terms.sign_for),
        .first_feedback = word(&terms, "first feedback", raw->terms.first_feedback),
        .close = word(&terms, "close", raw->terms.close),
        .keep = word(at, "keep", raw->keep),
        .form = word(at, "form", raw->form),
        .highest_first = word(at, "highest first", raw->highest_first),
        .from_time = word(&period, "from", raw->in_force.from),
        .until_time = word(&period, "until", raw->in_force.until),
        .route_source = word(at, "source", raw->source),
    };
}

static const struct rules_source_liaison *liaison_list(const struct below *top, const struct policy_raw *raw)
{
    struct rules_source_liaison *list = policy_pool_take(top->pool, raw->liaisons_count, sizeof *list);
    for (unsigned i = 0; list != NULL && i < raw->liaisons_count; i++) {
        struct below at = below(top, "liaisons[%u]", i);
        list[i].region = word(&at, "region", raw->liaisons[i].region);
        list[i].may_send = words(&at, "may send", raw->liaisons[i].may_send, raw->liaisons[i].may_send_count);
    }
    return list;
}

static const struct rules_source_seat *seat_list(const struct below *top, const struct policy_raw *raw)
{
    struct rules_source_seat *list = policy_pool_take(top->pool, raw->seats_count, sizeof *list);
    for (unsigned i = 0; list != NULL && i < raw->seats_count; i++) {
        struct below at = below(top, "seats[%u]", i);
        list[i].kind = word(&at, "kind", raw->seats[i].kind);
        list[i].at = word(&at, "at", raw->seats[i].at);
    }
    return list;
}

static const struct rules_source_pair *pair_list(const struct below *top, const struct policy_raw *raw)
{
    struct rules_source_pair *list = policy_pool_take(top->pool, raw->paired_count, sizeof *list);
    for (unsigned i = 0; list != NULL && i < raw->paired_count; i++) {
        struct below at = below(top, "paired[%u]", i);
        list[i].city = word(&at, "city", raw->paired[i].city);
        list[i].with = words(&at, "with", raw->paired[i].with, raw->paired[i].with_count);
        list[i].from = word(&at, "from", raw->paired[i].from);
        list[i].until = word(&at, "until", raw->paired[i].until);
    }
    return list;
}

static const struct rules_source_rule *rule_list(const struct below *top, const struct policy_raw *raw)
{
    struct rules_source_rule *list = policy_pool_take(top->pool, raw->rules_count, sizeof *list);
    for (unsigned i = 0; list != NULL && i < raw->rules_count; i++) {
        struct below at = below(top, "rules[%u]", i);
        rule_words(&at, &raw->rules[i], &list[i]);
    }
    return list;
}

bool policy_words_of(const char *file, const struct policy_raw *raw, const struct link_places *places,
                     struct policy_pool *pool, struct rules_source *out)
{
    struct below top = {.places = places, .pool = pool};
    struct below name = below(&top, "name"), period = below(&top, "in force");
    *out = (struct rules_source){
        .file = file,
        .mechanism = word(&top, "mechanism", raw->mechanism),
        .zh = word(&name, "zh", raw->name.zh),
        .en = word(&name, "en", raw->name.en),
        .from_time = word(&period, "from", raw->in_force.from),
        .until_time = word(&period, "until", raw->in_force.until),
        .assessment = word(&top, "assessment", raw->assessment),
        .members = words(&top, "members", raw->members, raw->members_count),
        .liaisons = liaison_list(&top, raw),
        .liaison_count = raw->liaisons_count,
        .coordinator = word(&top, "coordinator", raw->coordinator),
        .seats = seat_list(&top, raw),
        .seat_count = raw->seats_count,
        .pairs = pair_list(&top, raw),
        .pair_count = raw->paired_count,
        .rules = rule_list(&top, raw),
        .rule_count = raw->rules_count,
    };
    return !pool->failed;
}

static void case_expectations(const struct below *at, const struct policy_raw_case *raw, struct rules_case *out)
{
    out->expect = word(at, "expect", raw->expect);
    out->rule = word(at, "expect rule", raw->rule);
    out->expect_mechanism = word(at, "expect mechanism", raw->expect_mechanism);
    out->expect_lane = word(at, "expect lane", raw->expect_lane);
    out->expect_keep = word(at, "expect keep", raw->expect_keep);
    out->expect_to = words(at, "expect to", raw->expect_to, raw->expect_to_count);
    out->expect_cc = words(at, "expect copy", raw->expect_cc, raw->expect_cc_count);
    out->expect_not_enrolled =
        words(at, "expect not enrolled", raw->expect_not_enrolled, raw->expect_not_enrolled_count);
    out->expect_terms = words(at, "expect terms", raw->expect_terms, raw->expect_terms_count);
    out->has_to = link_place_find(at->places, below(at, ".expect to").path) != NULL;
    out->has_cc = link_place_find(at->places, below(at, ".expect copy").path) != NULL;
    out->has_not_enrolled = link_place_find(at->places, below(at, ".expect not enrolled").path) != NULL;
    out->has_terms = link_place_find(at->places, below(at, ".expect terms").path) != NULL;
}

static void case_words(const struct below *at, const struct policy_raw_case *raw, struct rules_case *out)
{
    struct rules_word start = word(at, "", NULL);
    out->line = start.line;
    out->column = start.column;
    out->name = word(at, "name", raw->name);
    out->at = word(at, "at", raw->at);
    out->origin = word(at, "origin", raw->origin);
    out->issuer = word(at, "issuer", raw->issuer);
    out->kind = word(at, "kind", raw->kind);
    out->mechanism = word(at, "mechanism", raw->mechanism);
    out->reason = word(at, "reason", raw->reason);
    out->urgency = word(at, "urgency", raw->urgency);
    out->lane = word(at, "lane", raw->lane);
    out->form = word(at, "form", raw->form);
    out->status = word(at, "status", raw->status);
    out->action = word(at, "action", raw->action);
    out->to = words(at, "to", raw->to, raw->to_count);
    out->cc = words(at, "copy", raw->cc, raw->cc_count);
    out->concerns = words(at, "concerns", raw->concerns, raw->concerns_count);
    out->keep_until = word(at, "keep until", raw->keep_until);
    out->expires = word(at, "expires", raw->expires);
    out->due = word(at, "due", raw->due);
    out->enrolled = words(at, "enrolled", raw->enrolled, raw->enrolled_count);
    out->parent = word(at, "answers", raw->parent);
    out->original = word(at, "corrects", raw->original);
    out->original_to = words(at, "given to", raw->original_to, raw->original_to_count);
    out->original_cc = words(at, "copied to", raw->original_cc, raw->original_cc_count);
    case_expectations(at, raw, out);
}

const struct rules_case *policy_cases_of(const char *file, const struct policy_raw_cases *raw,
                                         const struct link_places *places, struct policy_pool *pool)
{
    struct below top = {.places = places, .pool = pool};
    struct rules_case *list = policy_pool_take(pool, raw->cases_count, sizeof *list);
    for (unsigned i = 0; list != NULL && i < raw->cases_count; i++) {
        struct below at = below(&top, "cases[%u]", i);
        list[i].file = file;
        case_words(&at, &raw->cases[i], &list[i]);
    }
    return pool->failed ? NULL : list;
}
