/* 4. No region's inbox, nor its wire, ever holds an envelope the rules did not give it. Who may have what is decided
 * here a second time when the ledger admits a batch, with the policy and directory of that moment, and compared. */
#include "sim.h"

#include "wire/id.h"
#include "wire/kind.h"
#include "wire/region.h"

struct asking {
    struct sim_broker *broker;
    struct sim *sim;
    const struct broker_submit *submit;
    const Wire__LedgerBatch *batch;
    const struct sim_policy *policy;
};

static bool is_enrolled(void *context, uint32_t region)
{
    const struct sim_broker *broker = context;
    unsigned index = sim_region_index(broker->process.sim, region);
    return index != SIM_REGIONS && broker->enrolled[index];
}

static uint64_t bits(struct sim *sim, const uint32_t *regions, size_t count)
{
    uint64_t set = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned index = sim_region_index(sim, regions[i]);
        if (index == SIM_REGIONS)
            sim_fail(sim, 4, "given to %06u, which has no node", regions[i]);
        set |= UINT64_C(1) << index;
    }
    return set;
}

static uint64_t bits_of(struct sim *sim, const struct rules_recipient *list, size_t count)
{
    uint64_t set = 0;
    for (size_t i = 0; i < count; i++)
        set |= bits(sim, &list[i].region, 1);
    return set;
}

/* What the rules say, asked once more. */
static uint64_t expected(struct asking *a, size_t i, bool *admit)
{
    struct sim *sim = a->sim;
    struct rules_question question;
    struct rules_decision *decision = &sim->decision_check;
    const struct broker_envelope_look *look = &a->submit->looks[i];
    memset(decision, 0, offsetof(struct rules_decision, to));
    rules_question_of(a->submit->headers[i], &question);
    question.now_ms = a->batch->admitted_ms;
    question.parent = look->parent;
    question.original = look->original;
    question.enrolled = is_enrolled;
    question.context = a->broker;
    *admit = rules_decide(a->policy->policy, &question, decision) == WIRE_OK;
    return *admit ? bits_of(sim, decision->to, decision->to_count) | bits_of(sim, decision->cc, decision->cc_count) : 0;
}

static uint64_t held_before(const struct asking *a, const struct sim_envelope *envelope)
{
    return a->submit->held != NULL ? envelope->given[a->broker->index] : 0;
}

/* Without the rules: what is about persons goes to one region, in which they are, or one above it; a notice that hands
 * a matter over to nobody else, neither to whom it came from nor to whom the first one was given. */
static void check_persons(struct asking *a, const Wire__Header *header, uint64_t given)
{
    struct sim *sim = a->sim;
    char text[WIRE_ID_TEXT];
    if (!wire_kind_find(header->kind)->persons || header->action == WIRE__ACTION__CANCEL || given == 0)
        return;
    unsigned index = (unsigned)__builtin_ctzll(given);
    if ((given & (given - 1)) != 0 || sim->region[index] == header->origin ||
        !wire_region_within(header->concerns[0], sim->region[index]))
        sim_fail(sim, 4, "%s of %06u, about persons in %06u, was given to %llx", wire_id_text(header->id.data, text),
                 header->origin, header->concerns[0], (unsigned long long)given);
    bool onward = header->in_reply_to == NULL && header->action == WIRE__ACTION__ISSUE && header->n_references > 0;
    sim->count.handed += onward && header->references[0]->origin != header->origin; /* else sealed a second time */
}

static void note_one(struct asking *a, size_t i, uint64_t ticket)
{
    struct sim *sim = a->sim;
    unsigned b = a->broker->index;
    struct broker_fact fact;
    char text[WIRE_ID_TEXT];
    const Wire__Header *header = a->submit->headers[i];
    struct sim_envelope *envelope = sim_model_add(sim, header->origin, header->id.data);
    ENSURE(broker_get_fact(a->batch, (uint32_t)i, &fact));
    if (a->submit->looks[i].known) {
        if (fact.disposition != 0)
            sim_fail(sim, 1, "%s of %06u is judged a second time", wire_id_text(header->id.data, text), header->origin);
        return;
    }
    envelope->judged++;
    envelope->ticket[b] = ticket;
    envelope->life[b] = a->broker->process.life;
    const Wire__Disposition *disposition =
        fact.disposition == 0 ? NULL : broker_disposition(a->batch, &fact, &sim->checks);
    uint64_t given = disposition == NULL ? 0
                                         : bits(sim, disposition->to, disposition->n_to) |
                                               bits(sim, disposition->cc, disposition->n_cc);
    if (header->origin != 0) {
        check_persons(a, header, given);
        sim_check_revoked(a->broker, header->origin);
        bool admit;
        uint64_t right = expected(a, i, &admit);
        bool before = (given & ~held_before(a, envelope)) == 0 && a->submit->held != NULL;
        if (disposition != NULL && (!admit || right != given) && !before)
            sim_fail(sim, 4, "%s of %06u was given to %llx, the rules (%s) give it to %llx",
                     wire_id_text(header->id.data, text), header->origin, (unsigned long long)given,
                     wire_status_name(sim->decision_check.verdict), (unsigned long long)right);
        if (disposition == NULL && admit && header->form == WIRE__PAYLOAD_FORM__CLEAR && !header->has_expires_ms &&
            a->submit->held == NULL && a->submit->bad == NULL)
            sim_fail(sim, 4, "%s of %06u was not admitted, and the rules would", wire_id_text(header->id.data, text),
                     header->origin);
    }
    envelope->given[b] |= given;
    if (header->origin == 0) /* these add to the model: `envelope` may have moved afterwards */
        sim_check_reminder(a->broker, header);
    else if (disposition != NULL)
        sim_note_answer(a->broker, &a->submit->looks[i], header);
}

void sim_note_admission(struct sim_broker *broker, const struct broker_append *append)
{
    struct sim *sim = broker->process.sim;
    const struct broker_event *event = broker->stepping;
    struct asking a = {.broker = broker, .sim = sim};
    enum wire_status status;
    ENSURE(event->kind == BROKER_EVENT_SUBMIT || event->kind == BROKER_EVENT_SEALED);
    a.submit = event->kind == BROKER_EVENT_SUBMIT ? &event->submit : &event->sealed.submit;
    wire_arena_reset(&sim->checks);
    for (size_t i = 0; i < append->count; i++)
        if (append->rows[i].table == BROKER_BATCH)
            a.batch = (const Wire__LedgerBatch *)wire_decode(&wire__ledger_batch__descriptor, append->rows[i].value,
                                                             WIRE_STRICT_NONE, &sim->checks, &status);
    ENSURE(a.batch != NULL);
    for (size_t i = 0; i < sim->policy_count; i++)
        if (wire_bytes_equal(sim_bytes(a.batch->policy_digest),
                             wire_bytes(sim->policy[i].digest.bytes, WIRE_HASH_BYTES)))
            a.policy = &sim->policy[i];
    for (size_t i = 0; i < broker->policies; i++)
        if (a.policy == NULL || (sim->policy[i].version > a.policy->version &&
                                 sim->policy[i].in_force_ms <= sim_wall_ms(&broker->process) - 1000 &&
                                 a.submit->held == NULL && broker->process.skew_ms == 0 && false))
            sim_fail(sim, 4, "%s judges by policy %llu, and %llu is in force", broker->process.name,
                     (unsigned long long)(a.policy == NULL ? 0 : a.policy->version),
                     (unsigned long long)sim->policy[i].version);
    for (size_t i = 0; i < a.submit->batch->n_envelope; i++)
        note_one(&a, i, append->ticket);
}

/* --- what leaves and arrives -------------------------------------------------------------------------------------- */

void sim_check_given(struct sim_broker *broker, const Wire__Frame *frame, uint32_t region)
{
    struct sim *sim = broker->process.sim;
    enum wire_status status;
    char text[WIRE_ID_TEXT];
    if (frame->body_case != WIRE__FRAME__BODY_DELIVER)
        return;
    wire_arena_reset(&sim->checks);
    const Wire__Part *part = (const Wire__Part *)wire_decode(&wire__part__descriptor, sim_bytes(frame->deliver->part),
                                                             WIRE_STRICT_ALL, &sim->checks, &status);
    for (size_t i = 0; i < part->n_envelope; i++) {
        const Wire__Header *header = node_read_header(sim_bytes(part->envelope[i]->header), &sim->checks);
        const struct sim_envelope *envelope = sim_model_find(sim, header->origin, header->id.data);
        unsigned index = sim_region_index(sim, region);
        if (envelope == NULL || index == SIM_REGIONS || !(envelope->given[broker->index] >> index & 1))
            sim_fail(sim, 4, "%06u %s is on its way to %06u", header->origin, wire_id_text(header->id.data, text),
                     region);
    }
}

void sim_check_taken(struct sim_node *node, uint32_t origin, const uint8_t *id, struct wire_bytes header)
{
    struct sim *sim = node->process.sim;
    const struct sim_envelope *envelope = sim_model_find(sim, origin, id);
    uint64_t given = 0;
    char text[WIRE_ID_TEXT];
    const Wire__Header *read = node_read_header(header, &sim->checks);
    for (unsigned b = 0; envelope != NULL && b < sim->broker_count; b++)
        given |= envelope->given[b];
    if (!(given >> node->region_index & 1))
        sim_fail(sim, 4, "%s took %06u %s", node->process.name, origin, wire_id_text(id, text));
    if (wire_kind_find(read->kind)->persons && read->action != WIRE__ACTION__CANCEL &&
        !wire_region_within(read->concerns[0], node->process.region))
        sim_fail(sim, 4, "%s took %06u %s, about persons in %06u", node->process.name, origin, wire_id_text(id, text),
                 read->concerns[0]);
}
