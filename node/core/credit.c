/* Credit both ways. */
#include "node/core/inbox.h"
#include "node/core/session.h"

/* --- what we may send -----------------------------------------------------------------------------------------------
 */

static void take_grants(struct node_link *link, const Wire__Credit *credit)
{
    for (size_t i = 0; i < credit->n_grant; i++) {
        const Wire__Grant *grant = credit->grant[i];
        if ((unsigned)grant->lane < WIRE_LANES)
            wire_credit_raise(&link->credit, (uint32_t)grant->lane, grant->offset, grant->taken);
    }
}

static void take_reason(struct node_step *s, uint8_t index, enum wire_status reason)
{
    struct node_link *link = &s->core->link[index];
    if (link->reason == reason)
        return;
    link->reason = reason;
    node_note(s, NODE_NOTE_CREDIT, index)->status = reason;
}

void node_on_credit(struct node_step *s)
{
    const struct node_credit *in = &s->event->u.credit;
    struct node_link *link = &s->core->link[in->link];
    const Wire__Credit *credit = in->credit;
    if (link->state < NODE_UNCONFIRMED)
        return;
    take_grants(link, credit);
    if (credit->has_reason && credit->reason != WIRE_OK)
        take_reason(s, in->link, (enum wire_status)credit->reason);
    else if (credit->n_grant > 0)
        take_reason(s, in->link, WIRE_OK);
    if (credit->has_wanted && credit->has_wanted_lane && (unsigned)credit->wanted_lane < WIRE_LANES &&
        credit->wanted <= WIRE_FRAME_BYTES_MAX) {
        link->deliver[credit->wanted_lane].wanted = credit->wanted;
        node_deliver_grant(s, in->link, s->core->committed);
    }
    node_work(s->core, in->link);
}

/* --- what we may be sent --------------------------------------------------------------------------------------------
 */

static bool is_stored(const struct node_core *core, const struct node_deliver_credit *credit)
{
    return credit->ticket <= core->committed;
}

/* A grant above the window was given and not used yet. */
static bool large_is_to_come(const struct node_deliver_credit *credit, size_t lane)
{
    return credit->granted > credit->received + wire_credit_window((uint32_t)lane);
}

/* A frame larger than the window may come now. */
static bool may_come(const struct node_core *core, const struct node_link *link, size_t lane)
{
    if (!is_stored(core, &link->deliver[lane]))
        return false;
    if (link->deliver[lane].wanted <= WIRE_BATCH_BYTES_MAX)
        return true;
    for (size_t i = WIRE__LANE__URGENT; i < WIRE_LANES; i++)
        if (!is_stored(core, &link->deliver[i]) || (i != lane && large_is_to_come(&link->deliver[i], i)))
            return false;
    return true;
}

/* A frame over 256 KiB goes when the broker knows of every lane that nothing is under way: it is told of all. What is
 * less than a quarter of a window is not worth a CREDIT otherwise. */
static bool tell_all(const struct node_core *core, const struct node_link *link)
{
    for (size_t lane = 0; lane < WIRE_LANES; lane++)
        if (link->deliver[lane].wanted > WIRE_BATCH_BYTES_MAX && may_come(core, link, lane))
            return true;
    return false;
}

/* The offset to grant now; the present one when there is nothing worth a frame. */
static uint64_t offset_of(const struct node_core *core, struct node_link *link, size_t lane)
{
    struct node_deliver_credit *credit = &link->deliver[lane];
    uint64_t window = wire_credit_window((uint32_t)lane), offset = credit->received + window;
    bool large = credit->wanted > window, may = !large || may_come(core, link, lane);
    if (large && may)
        offset = credit->received + credit->wanted;
    offset = offset > credit->granted ? offset : credit->granted;
    bool asked = credit->wanted > 0 && may && offset >= credit->received + credit->wanted;
    if (asked)
        credit->wanted = 0;
    return asked || offset >= credit->granted + window / 4 ? offset : credit->granted;
}

static void send_grants(struct node_step *s, uint8_t index, uint64_t ticket, Wire__Grant **grants, size_t count)
{
    Wire__Frame *frame = node_frame(s, WIRE__FRAME__BODY_CREDIT);
    frame->credit = node_take(s, sizeof *frame->credit);
    wire__credit__init(frame->credit);
    frame->credit->grant = grants;
    frame->credit->n_grant = count;
    frame->credit->has_reason = s->core->no_room;
    frame->credit->reason = s->core->no_room ? WIRE_STORE_FULL : WIRE_OK;
    node_send(s, index, ticket, frame);
}

void node_deliver_grant(struct node_step *s, uint8_t index, uint64_t ticket)
{
    struct node_link *link = &s->core->link[index];
    if (s->core->no_room || link->state < NODE_UNCONFIRMED)
        return;
    Wire__Grant **grants = node_take(s, WIRE_LANES * sizeof *grants);
    size_t count = 0;
    bool all = tell_all(s->core, link);
    for (size_t lane = 0; lane < WIRE_LANES; lane++) {
        struct node_deliver_credit *credit = &link->deliver[lane];
        uint64_t offset = offset_of(s->core, link, lane);
        if (offset == credit->granted && !(all && credit->received > credit->told))
            continue;
        credit->granted = offset;
        credit->told = credit->received;
        ticket = credit->ticket > ticket ? credit->ticket : ticket;
        grants[count] = node_take(s, sizeof *grants[count]);
        wire__grant__init(grants[count]);
        grants[count]->lane = (Wire__Lane)lane;
        grants[count]->has_taken = credit->told > 0;
        grants[count]->taken = credit->told;
        grants[count++]->offset = offset;
    }
    if (count > 0)
        send_grants(s, index, ticket, grants, count);
}

/* The store is nearly full, or has room again. */
void node_on_room(struct node_step *s)
{
    struct node_core *core = s->core;
    if (core->no_room == !s->event->u.room)
        return;
    core->no_room = !s->event->u.room;
    node_note(s, NODE_NOTE_ROOM, NODE_NO_LINK)->a = s->event->u.room;
    for (size_t i = 0; i < core->options.link_count; i++) {
        if (core->link[i].state < NODE_UNCONFIRMED)
            continue;
        if (core->no_room)
            send_grants(s, (uint8_t)i, 0, NULL, 0);
        else
            node_deliver_grant(s, (uint8_t)i, core->committed);
    }
}
