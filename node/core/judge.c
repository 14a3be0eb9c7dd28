/* One delivered envelope: is it for us, is it what it claims, can it be read. What cannot be taken is answered, not
 * dropped, so that it blocks no lane. */
#include "node/core/agree.h"
#include "node/core/inbox.h"

static struct node_judgement rejected(enum wire_status reason)
{
    return (struct node_judgement){.code = WIRE__VERDICT_CODE__REJECTED, .reason = reason};
}

static struct node_judgement unreadable(enum wire_status reason)
{
    return (struct node_judgement){.code = WIRE__VERDICT_CODE__ARRIVED_UNREADABLE, .reason = reason};
}

/* What a later version of this program, or a key that turns up, may still read; it is kept raw. */
static bool may_be_read_later(enum wire_status status)
{
    return status == WIRE_CANNOT_OPEN || status == WIRE_UNREADABLE || status == WIRE_UNKNOWN_FIELD ||
           status == WIRE_UNKNOWN_KIND || status == WIRE_WRONG_SUITE;
}

static struct node_judgement judge_kind(const Wire__Header *header)
{
    const struct wire_kind *kind = wire_kind_find(header->kind);
    if (kind == NULL)
        return unreadable(WIRE_UNKNOWN_KIND);
    if (kind->brokers != (header->origin == WIRE_REGION_BROKER))
        return rejected(WIRE_FOREIGN_ORIGIN);
    bool names_persons = kind->persons && header->action != WIRE__ACTION__CANCEL; /* a cancel carries none */
    if (names_persons && header->form != WIRE__PAYLOAD_FORM__SEALED)
        return rejected(WIRE_NOT_SEALED);
    return (struct node_judgement){.code = WIRE__VERDICT_CODE__ARRIVED};
}

struct node_judgement node_judge_delivered(struct node_step *s, const struct node_deliver *in, size_t index)
{
    const Wire__Header *header = in->header[index];
    enum wire_status status = in->envelope_status[index];
    bool erased = status == WIRE_ERASED || !in->part->envelope[index]->has_payload;
    if (header == NULL)
        return unreadable(status == WIRE_OK ? WIRE_UNREADABLE : status);
    if (header->origin == s->core->options.region)
        return rejected(WIRE_FOREIGN); /* the origin is never a recipient */
    if (status != WIRE_OK && !erased && !may_be_read_later(status))
        return rejected(status);
    struct node_judgement judgement = judge_kind(header);
    if (judgement.code != WIRE__VERDICT_CODE__ARRIVED)
        return judgement;
    if (!node_rules_give_us(s, in, index))
        return rejected(WIRE_FOREIGN);
    if (erased) {
        judgement.erased = true;
        judgement.reason = WIRE_ERASED;
    } else if (status != WIRE_OK) {
        judgement = unreadable(status);
    }
    return judgement;
}
