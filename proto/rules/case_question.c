#include "rules/case_question.h"
#include "rules/parse.h"
#include "rules/tables.h"
#include "rules/words.h"
#include "wire/kind.h"
#include "wire/region.h"
#include "wire/unit.h"
#include <stdlib.h>
#include <string.h>

static bool enrolled(void *context, uint32_t adcode)
{
    const struct rules_case_question *c = context;
    bool found = false;
    for (size_t i = 0; i < c->words->enrolled.count; i++) {
        const char *word = c->words->enrolled.item[i].text;
        bool belongs = rules_belonging_of(c->policy, adcode) != NULL;
        if (word[0] == '-' && wire_region_parse(word + 1, strlen(word + 1)) == adcode)
            return false;
        found |= wire_region_parse(word, strlen(word)) == adcode || (belongs && strcmp(word, "all") == 0) ||
                 (belongs && strcmp(word, "provinces") == 0 && wire_region_level(adcode) <= WIRE_PROVINCE);
    }
    return found;
}

static bool read_enrolled(const struct rules_word *word)
{
    const char *text = word->text[0] == '-' ? word->text + 1 : word->text;
    return strcmp(text, "all") == 0 || strcmp(text, "provinces") == 0 || wire_region_parse(text, strlen(text)) != 0;
}

bool rules_case_desk(const char *text, uint32_t *region, uint16_t *units, uint8_t *first)
{
    char unit[64];
    const char *slash = strchr(text, '/');
    *region = wire_region_parse(text, slash == NULL ? strlen(text) : (size_t)(slash - text));
    *units = 0;
    *first = 0;
    for (const char *at = slash; at != NULL; at = strchr(at + 1, '+')) {
        size_t size = strcspn(at + 1, "+");
        if (size >= sizeof unit)
            return false;
        memcpy(unit, at + 1, size);
        unit[size] = '\0';
        uint32_t number = wire_unit_parse(unit);
        if (number == 0)
            return false;
        *units = (uint16_t)(*units | 1u << number);
        *first = *first == 0 ? (uint8_t)number : *first;
    }
    return *region != 0;
}

/* Numbers of regions that need not exist: a case may ask for one that does not. */
static const struct rules_word *read_regions(const struct rules_words *words, uint32_t *out)
{
    for (size_t i = 0; i < words->count; i++) {
        const char *text = words->item[i].text;
        if (i == WIRE_ADDRESSES_MAX || (out[i] = wire_region_parse(text, strlen(text))) == 0)
            return &words->item[i];
    }
    return NULL;
}

static const struct rules_word *read_addresses(struct rules_case_question *c, const struct rules_words *words,
                                               size_t *used)
{
    for (size_t i = 0; i < words->count; i++) {
        uint16_t units;
        uint8_t unit;
        uint32_t region;
        if (*used == WIRE_ADDRESSES_MAX || !rules_case_desk(words->item[i].text, &region, &units, &unit))
            return &words->item[i];
        Wire__Address *address = &c->address[*used];
        wire__address__init(address);
        address->region = region;
        address->has_unit = unit != 0;
        address->unit = unit;
        c->pointer[(*used)++] = address;
    }
    return NULL;
}

static bool read_issuer(const char *text, uint32_t origin, struct rules_question *q)
{
    uint32_t region;
    q->issuer_region = origin;
    if (text[0] == '/')
        return (q->issuer_unit = wire_unit_parse(text + 1)) != 0;
    if (!rules_parse_desk(text, &region, &q->issuer_unit))
        return false;
    q->issuer_region = region;
    return true;
}

/* The next ", "-separated piece into `out`; false at the end or when it does not fit. */
static bool piece(const char **rest, char *out, size_t size)
{
    while (**rest == ' ' || **rest == ',')
        (*rest)++;
    size_t length = strcspn(*rest, ",");
    if (length == 0 || length >= size)
        return false;
    memcpy(out, *rest, length);
    out[length] = '\0';
    *rest += length;
    return true;
}

/* What "310000, urgent, 20200407, yangtze-delta, exercise, not given" says of a parent or an original. */
struct known {
    uint32_t origin, keep_until;
    Wire__Lane lane;
    Wire__Status status;
    bool not_given, not_found;
};

static bool read_known(const char *text, struct known *known, char mechanism[WIRE_MECHANISM_BYTES_MAX + 1])
{
    char word[64];
    const char *rest = text;
    *known = (struct known){.status = WIRE__STATUS__ACTUAL};
    if (!piece(&rest, word, sizeof word))
        return false;
    if (strcmp(word, "unknown") == 0)
        return known->not_found = true;
    known->origin = wire_region_parse(word, strlen(word));
    if (known->origin == 0 || !piece(&rest, word, sizeof word))
        return false;
    uint32_t lane = rules_spelling_parse(rules_lane_words, word, strlen(word), WIRE_LANES);
    if (lane == WIRE_LANES || !piece(&rest, word, sizeof word) || !rules_parse_day(word, &known->keep_until))
        return false;
    known->lane = (Wire__Lane)lane;
    if (!piece(&rest, mechanism, WIRE_MECHANISM_BYTES_MAX + 1))
        return false;
    while (piece(&rest, word, sizeof word)) {
        uint32_t status = rules_spelling_parse(rules_status_words, word, strlen(word), 9);
        known->not_given |= strcmp(word, "not given") == 0;
        if (status == 9 && strcmp(word, "not given") != 0)
            return false;
        known->status = status == 9 ? known->status : (Wire__Status)status;
    }
    return true;
}

static bool read_parent(struct rules_case_question *c, const char *text)
{
    struct known known;
    if (!read_known(text, &known, c->parent_mechanism))
        return false;
    c->parent = (struct rules_parent){.found = !known.not_found,
                                      .given = !known.not_given,
                                      .origin = known.origin,
                                      .mechanism = c->parent_mechanism,
                                      .lane = known.lane,
                                      .status = known.status,
                                      .keep_until = known.keep_until};
    c->q.parent = &c->parent;
    c->q.in_reply_to = true;
    return true;
}

static bool read_original(struct rules_case_question *c, const char *text)
{
    struct known known;
    if (!read_known(text, &known, c->original_mechanism))
        return false;
    c->original = (struct rules_original){.found = !known.not_found,
                                          .origin = known.origin,
                                          .kind = c->q.kind,
                                          .mechanism = c->original_mechanism,
                                          .lane = known.lane,
                                          .status = known.status,
                                          .keep_until = known.keep_until,
                                          .to = c->given_to,
                                          .to_count = c->words->original_to.count,
                                          .cc = c->copied_to,
                                          .cc_count = c->words->original_cc.count};
    c->q.original = &c->original;
    return true;
}

static bool read_choice(const struct rules_spelling *list, const struct rules_word *word, uint32_t otherwise,
                        uint32_t *out)
{
    *out = otherwise;
    if (word->text == NULL)
        return true;
    *out = rules_spelling_parse(list, word->text, strlen(word->text), UINT32_MAX);
    return *out != UINT32_MAX;
}

static bool read_kind(const char *text, uint32_t *kind)
{
    const struct wire_kind *found = wire_kind_by_name(text);
    char *rest;
    *kind = found != NULL ? found->number : (uint32_t)strtoul(text, &rest, 10);
    return found != NULL || (rest != text && *rest == '\0');
}

static const struct rules_word *read_who(const struct rules_case *words, struct rules_case_question *c)
{
    struct rules_question *q = &c->q;
    q->origin = wire_region_parse(words->origin.text, strlen(words->origin.text));
    if (q->origin == 0)
        return &words->origin;
    if (!read_issuer(words->issuer.text, q->origin, q))
        return &words->issuer;
    if (!read_kind(words->kind.text, &q->kind))
        return &words->kind;
    for (size_t i = 0; i < words->enrolled.count; i++)
        if (!read_enrolled(&words->enrolled.item[i]))
            return &words->enrolled.item[i];
    q->mechanism = words->mechanism.text;
    q->mechanism_reason = words->reason.text != NULL;
    q->enrolled = enrolled;
    q->context = c;
    return NULL;
}

static const struct rules_word *read_when(const struct rules_case *words, struct rules_question *q)
{
    if (!rules_parse_time(words->at.text, false, &q->now_ms))
        return &words->at;
    q->created_ms = q->now_ms;
    if (words->expires.text != NULL && !rules_parse_time(words->expires.text, false, &q->expires_ms))
        return &words->expires;
    if (words->due.text != NULL && !rules_parse_time(words->due.text, false, &q->due_ms))
        return &words->due;
    if (words->keep_until.text != NULL && !rules_parse_day(words->keep_until.text, &q->keep_until))
        return &words->keep_until;
    return NULL;
}

static const struct rules_word *read_how(const struct rules_case *words, struct rules_question *q)
{
    uint32_t urgency, lane, status, action;
    if (!read_choice(rules_urgency_words, &words->urgency, WIRE__URGENCY__URGENCY_UNKNOWN, &urgency))
        return &words->urgency;
    if (!read_choice(rules_lane_words, &words->lane, WIRE__LANE__ROUTINE, &lane))
        return &words->lane;
    if (!read_choice(rules_status_words, &words->status, WIRE__STATUS__ACTUAL, &status))
        return &words->status;
    if (!read_choice(rules_action_words, &words->action, WIRE__ACTION__ISSUE, &action))
        return &words->action;
    if (words->form.text != NULL && strcmp(words->form.text, "sealed") != 0 && strcmp(words->form.text, "clear") != 0)
        return &words->form;
    q->urgency = (Wire__Urgency)urgency;
    q->lane = (Wire__Lane)lane;
    q->status = (Wire__Status)status;
    q->action = (Wire__Action)action;
    q->form = words->form.text != NULL && strcmp(words->form.text, "sealed") == 0 ? WIRE__PAYLOAD_FORM__SEALED
                                                                                  : WIRE__PAYLOAD_FORM__CLEAR;
    return NULL;
}

static const struct rules_word *read_lists(struct rules_case_question *c, const struct rules_case *words)
{
    size_t used = 0;
    const struct rules_word *bad = read_addresses(c, &words->to, &used);
    c->q.to = c->pointer;
    c->q.to_count = used;
    if (bad == NULL)
        bad = read_addresses(c, &words->cc, &used);
    c->q.cc = &c->pointer[c->q.to_count];
    c->q.cc_count = used - c->q.to_count;
    if (bad == NULL)
        bad = read_regions(&words->concerns, c->concerns);
    c->q.concerns = c->concerns;
    c->q.concerns_count = words->concerns.count;
    if (bad == NULL)
        bad = read_regions(&words->original_to, c->given_to);
    return bad != NULL ? bad : read_regions(&words->original_cc, c->copied_to);
}

const struct rules_word *rules_case_question_read(const struct rules_policy *policy, const struct rules_case *words,
                                                  struct rules_case_question *out)
{
    *out = (struct rules_case_question){.policy = policy, .words = words};
    const struct rules_word *bad = read_who(words, out);
    if (bad == NULL)
        bad = read_when(words, &out->q);
    if (bad == NULL)
        bad = read_how(words, &out->q);
    if (bad == NULL)
        bad = read_lists(out, words);
    if (bad == NULL && words->parent.text != NULL && !read_parent(out, words->parent.text))
        bad = &words->parent;
    if (bad == NULL && words->original.text != NULL && !read_original(out, words->original.text))
        bad = &words->original;
    return bad;
}
