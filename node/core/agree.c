#include "node/core/agree.h"
#include "node/core/receipt.h"

static bool is_enrolled(void *context, uint32_t region)
{
    return node_core_enrolled(context, region);
}

static bool same_policy(const struct node_core *core, const uint8_t *digest, size_t size)
{
    return core->rules.policy != NULL && size == WIRE_HASH_BYTES &&
           memcmp(digest, core->rules.digest, WIRE_HASH_BYTES) == 0;
}

/* Who had a node then is who has one now. Our clock and the broker's may differ by minutes. */
static bool same_directory(const struct node_core *core, int64_t then_ms)
{
    return core->directory_changed_ms + NODE_CLOCK_STEADY_MS < then_ms;
}

/* Replies and corrections follow what they answer or name, which the ledger knows better than this store. */
static bool stands_alone(const Wire__Header *header)
{
    return header->action == WIRE__ACTION__ISSUE && header->in_reply_to == NULL && header->origin != WIRE_REGION_BROKER;
}

/* As far as enrolment goes, whatever may be given to us would be. */
static bool may_be_enrolled(void *context, uint32_t region)
{
    uint32_t own = ((const struct node_core *)context)->options.region;
    return region == own || (wire_region_city(region) != own && wire_region_province(region) != own);
}

static bool as_enrolled_but_below(void *context, uint32_t region)
{
    return may_be_enrolled(context, region) &&
           (node_core_enrolled(context, region) || region == ((const struct node_core *)context)->options.region);
}

static void decide(struct node_step *s, const Wire__Header *header, int64_t then_ms,
                   bool (*enrolled)(void *context, uint32_t region))
{
    struct rules_question question;
    rules_question_of(header, &question);
    question.now_ms = then_ms;
    question.enrolled = enrolled;
    question.context = s->core;
    rules_decide(s->core->rules.policy, &question, &s->core->decision);
}

static bool gives_us(struct node_step *s, const Wire__Header *header, int64_t then_ms,
                     bool (*enrolled)(void *context, uint32_t region))
{
    bool owes;
    decide(s, header, then_ms, enrolled);
    return s->core->decision.verdict == WIRE_OK && rules_given_to(&s->core->decision, s->core->options.region, &owes);
}

/* Who had a node at the broker's time of admission we know only roughly: our clock may be wrong, and a certificate that
 * ended is seen to within a minute. What no directory could have given us is foreign; what another one than ours would
 * have is taken, and said. A notice that is turned away in error is lost. */
bool node_rules_give_us(struct node_step *s, const struct node_deliver *in, size_t index)
{
    const struct node_core *core = s->core;
    const Wire__Header *header = in->header[index];
    if (in->witness == NULL || !stands_alone(header) ||
        !same_policy(core, in->witness->policy_digest.data, in->witness->policy_digest.len))
        return true;
    if (gives_us(s, header, in->witness->admitted_ms, is_enrolled))
        return true;
    if (same_directory(core, in->witness->admitted_ms) &&
        !gives_us(s, header, in->witness->admitted_ms, may_be_enrolled) &&
        !gives_us(s, header, in->witness->admitted_ms, as_enrolled_but_below))
        return false;
    struct node_note *note = node_note(s, NODE_NOTE_DOUBT, in->link);
    note->a = header->origin;
    memcpy(note->id, header->id.data, WIRE_ID_BYTES);
    return true;
}

static bool has_region(const uint32_t *regions, size_t count, uint32_t region)
{
    for (size_t i = 0; i < count; i++)
        if (regions[i] == region)
            return true;
    return false;
}

static bool same_regions(const struct rules_recipient *ours, size_t our_count, const uint32_t *theirs,
                         size_t their_count)
{
    if (our_count != their_count)
        return false;
    for (size_t i = 0; i < our_count; i++)
        if (!has_region(theirs, their_count, ours[i].region))
            return false;
    return true;
}

bool node_disposition_differs(struct node_step *s, const Wire__Header *header, const Wire__ReceiptStatement *statement,
                              const Wire__Verdict *verdict)
{
    const struct rules_decision *ours = &s->core->decision;
    const Wire__Disposition *theirs = verdict->disposition;
    if (header == NULL || theirs == NULL || !statement->has_policy_digest || !stands_alone(header) ||
        !same_policy(s->core, statement->policy_digest.data, statement->policy_digest.len) ||
        !same_directory(s->core, statement->at_ms))
        return false;
    decide(s, header, statement->at_ms, is_enrolled);
    return ours->verdict != WIRE_OK || !same_regions(ours->to, ours->to_count, theirs->to, theirs->n_to) ||
           !same_regions(ours->cc, ours->cc_count, theirs->cc, theirs->n_cc);
}
