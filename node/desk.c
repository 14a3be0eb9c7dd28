/* What people and systems of this region ask for: publish, withdraw, preview. The rules fill in what the officer need
 * not know; the core decides and stores; the answer goes out when it is durable. */
#include "node.h"

#include "wire/json.h"

#include <stdlib.h>

typedef void on_results(void *context, const struct api_result *results, size_t count);

struct pending {
    struct pending *next;
    uint64_t request, after;
    bool answered; /* by the core, or there was nothing to ask it */
    on_results *done;
    void *context;
    size_t count, asked;
    struct api_result *result;
    uint16_t *asked_at; /* which result each draft of the core's answers */
};

struct node_desk {
    struct node *node;
    struct pending *first, **last;
    uint64_t requests;
};

struct node_desk *node_desk_new(struct node *node)
{
    struct node_desk *desk = calloc(1, sizeof(*desk));
    ENSURE(desk != NULL);
    desk->node = node;
    desk->last = &desk->first;
    return desk;
}

static void pending_free(struct pending *pending)
{
    free(pending->result);
    free(pending->asked_at);
    free(pending);
}

void node_desk_free(struct node_desk **desk)
{
    if (*desk == NULL)
        return;
    while ((*desk)->first != NULL) {
        struct pending *pending = (*desk)->first;
        (*desk)->first = pending->next;
        pending_free(pending);
    }
    free(*desk);
    *desk = NULL;
}

static struct pending *pending_new(struct node_desk *desk, size_t count, on_results *done, void *context)
{
    struct pending *pending = calloc(1, sizeof(*pending));
    ENSURE(pending != NULL && count >= 1 && count <= NODE_PUBLISH_MAX);
    pending->request = ++desk->requests;
    pending->done = done;
    pending->context = context;
    pending->count = count;
    pending->result = calloc(count, sizeof(*pending->result));
    pending->asked_at = calloc(count, sizeof(*pending->asked_at));
    ENSURE(pending->result != NULL && pending->asked_at != NULL);
    *desk->last = pending;
    desk->last = &pending->next;
    return pending;
}

/* --- the answer --------------------------------------------------------------------------------------------------- */

static void take_result(struct node_desk *desk, const struct node_result *from, struct api_result *to)
{
    to->status = from->status;
    memcpy(to->id, from->id, WIRE_ID_BYTES);
    to->number = (struct wire_number){desk->node->config.region, from->number_date, from->number_serial};
    to->held = from->held;
    if (from->status != WIRE_OK && from->status != WIRE_EXISTS)
        wire_fail(&to->problem, from->status, "", wire_status_text(from->status, WIRE_CHINESE),
                  wire_status_text(from->status, WIRE_ENGLISH));
}

void node_desk_done(struct node_desk *desk, const struct node_done *done)
{
    struct pending *pending = desk->first;
    while (pending != NULL && pending->request != done->request)
        pending = pending->next;
    ENSURE(pending != NULL && !pending->answered && done->count == pending->asked);
    for (size_t i = 0; i < done->count; i++)
        take_result(desk, &done->result[i], &pending->result[pending->asked_at[i]]);
    pending->answered = true;
    pending->after = done->after;
    uv_async_send(&desk->node->shell.stored);
}

/* The callback may ask for more: so one at a time, from the beginning. */
static struct pending *take_ready(struct node_desk *desk, uint64_t committed)
{
    for (struct pending **at = &desk->first; *at != NULL; at = &(*at)->next) {
        struct pending *pending = *at;
        if (!pending->answered || pending->after > committed)
            continue;
        *at = pending->next;
        if (desk->last == &pending->next)
            desk->last = at;
        return pending;
    }
    return NULL;
}

void node_desk_flush(struct node_desk *desk, uint64_t committed)
{
    for (struct pending *pending = take_ready(desk, committed); pending != NULL;
         pending = take_ready(desk, committed)) {
        pending->done(pending->context, pending->result, pending->count);
        pending_free(pending);
    }
}

/* --- what the rules fill in --------------------------------------------------------------------------------------- */

static enum wire_status refuse(const struct rules_decision *decision, enum wire_status status,
                               struct wire_problem *problem)
{
    char zh[512], en[512];
    struct wire_text zh_text = {.data = zh, .capacity = sizeof(zh)}, en_text = {.data = en, .capacity = sizeof(en)};
    wire_text_string(&zh_text, wire_status_text(status, WIRE_CHINESE));
    wire_text_string(&en_text, wire_status_text(status, WIRE_ENGLISH));
    if (decision->detail[0] != '\0') {
        wire_text_format(&zh_text, "（%s）", decision->detail);
        wire_text_format(&en_text, " (%s)", decision->detail);
    }
    if (decision->allowed[0] != '\0') {
        wire_text_format(&zh_text, "；规则允许：%s", decision->allowed);
        wire_text_format(&en_text, "; allowed: %s", decision->allowed);
    }
    return wire_fail(problem, status, decision->detail, zh, en);
}

static uint32_t keep_until(const struct rules_policy *policy, const struct api_draft *draft,
                           const struct rules_decision *decision)
{
    const struct rules_mechanism *mechanism = rules_policy_at(policy, decision->mechanism);
    const struct rules_rule *rule = mechanism == NULL ? NULL : rules_rule_at(mechanism, decision->rule);
    if (rule == NULL)
        return decision->keep_until;
    struct rules_dates dates = {.created_ms = draft->header->created_ms,
                                .last_exposure = draft->last_exposure,
                                .valid_until = draft->valid_until};
    uint32_t day = rules_keep_until(rule, &dates);
    return day < decision->keep_until ? day : decision->keep_until;
}

static enum wire_status fill(struct node *node, struct api_draft *draft, struct wire_arena *arena,
                             struct rules_question *question, struct rules_decision *decision,
                             struct wire_problem *problem)
{
    Wire__Header *header = draft->header;
    enum wire_status status = node_decide(node, header, draft->choose_mechanism, arena, question, decision);
    if (status != WIRE_OK)
        return refuse(decision, status, problem);
    const struct rules_policy *policy = node_core_policy(node->core);
    if (header->keep_until > decision->keep_until)
        return wire_failf(problem, WIRE_KEEP_TOO_LONG, "keep_until", "规则允许保存至 %u", "the rule keeps it until %u",
                          decision->keep_until);
    header->mechanism = (char *)(uintptr_t)rules_policy_at(policy, decision->mechanism)->id;
    header->lane = decision->lane;
    header->form = decision->sealed ? WIRE__PAYLOAD_FORM__SEALED : WIRE__PAYLOAD_FORM__CLEAR;
    if (header->keep_until == 0)
        header->keep_until = keep_until(policy, draft, decision);
    return WIRE_OK;
}

enum wire_status node_desk_preview(void *context, struct api_draft *draft, struct wire_arena *arena,
                                   struct api_preview *out, struct wire_problem *problem)
{
    struct node *node = context;
    out->question = wire_arena_take(arena, sizeof(*out->question));
    out->decision = wire_arena_take(arena, sizeof(*out->decision));
    if (out->question == NULL || out->decision == NULL)
        return wire_fail(problem, WIRE_NO_MEMORY, "", "内存不足", "out of memory");
    return fill(node, draft, arena, out->question, out->decision, problem);
}

/* --- publishing --------------------------------------------------------------------------------------------------- */

struct publishing {
    struct node *node;
    struct pending *pending;
    struct node_draft *draft;
    struct wire_bytes *plain;
    struct rules_question question;
    struct rules_decision decision;
};

/* Its payload lies under the key of its last day; the file of keys has an end. */
static bool has_day_key(struct node *node, uint32_t day)
{
    enum { RESERVED = NODE_PUBLISH_MAX };
    uint8_t key[DAYKEY_BYTES];
    bool there = daykeys_find(node->shell.daykeys, day, key) != WIRE_NOT_FOUND;
    cert_wipe(key, sizeof(key));
    return there || daykeys_live(node->shell.daykeys) < DAYKEYS_MAX - RESERVED;
}

static void add_draft(struct publishing *p, struct api_draft *from, size_t i)
{
    struct api_result *result = &p->pending->result[i];
    struct wire_arena *arena = &p->node->arena;
    ENSURE(from->header->id.len == WIRE_ID_BYTES);
    memcpy(result->id, from->header->id.data, WIRE_ID_BYTES);
    result->status = fill(p->node, from, arena, &p->question, &p->decision, &result->problem);
    if (result->status != WIRE_OK && !from->anyway)
        return;
    if (!has_day_key(p->node, from->header->keep_until)) {
        result->status = wire_fail(&result->problem, WIRE_STORE_FULL, "keep_until", "不同的保存期限过多",
                                   "too many different days to keep until");
        return;
    }
    struct node_draft *draft = &p->draft[p->pending->asked];
    *draft = (struct node_draft){.header = from->header, .payload_bytes = (uint32_t)from->payload.size};
    shell_check(&p->node->shell, store_look_draft(&p->node->store, draft, arena));
    p->plain[p->pending->asked] = from->payload;
    p->pending->asked_at[p->pending->asked++] = (uint16_t)i;
}

static void ask(struct publishing *p)
{
    struct node *node = p->node;
    struct node_event event = {.kind = NODE_ON_PUBLISH};
    event.u.publish =
        (struct node_publish){.request = p->pending->request, .draft = p->draft, .count = p->pending->asked};
    node->stepping.plain = p->plain;
    node_step(node, &event);
}

void node_desk_publish(void *context, struct api_draft *drafts, size_t count, on_results *done, void *done_context)
{
    struct node *node = context;
    struct wire_arena *arena = &node->arena;
    wire_arena_reset(arena);
    struct publishing *p = wire_arena_take(arena, sizeof(*p));
    ENSURE(p != NULL);
    p->node = node;
    p->pending = pending_new(node->desk, count, done, done_context);
    p->draft = wire_arena_take(arena, count * sizeof(*p->draft));
    p->plain = wire_arena_take(arena, count * sizeof(*p->plain));
    ENSURE(p->draft != NULL && p->plain != NULL);
    for (size_t i = 0; i < count; i++)
        add_draft(p, &drafts[i], i);
    if (p->pending->asked > 0) {
        ask(p);
        return;
    }
    p->pending->answered = true; /* the rules refused them all: the answer comes from the loop all the same */
    uv_async_send(&node->shell.stored);
}

void node_desk_withdraw(void *context, const uint8_t id[WIRE_ID_BYTES], on_results *done, void *done_context)
{
    struct node *node = context;
    struct node_event event = {.kind = NODE_ON_WITHDRAW};
    wire_arena_reset(&node->arena);
    struct pending *pending = pending_new(node->desk, 1, done, done_context);
    pending->asked = 1;
    event.u.withdraw.request = pending->request;
    event.u.withdraw.id = id;
    shell_check(&node->shell, store_look_withdraw(&node->store, &event.u.withdraw, &node->arena));
    node_step(node, &event);
}
