/* People: they publish what the rules allow, now and then what they do not, answer, correct, cancel and withdraw; they
 * hand matters over to where a person went, and their desks to the next shift. */
#include "sim.h"

#include "wire/id.h"
#include "wire/kind.h"
#include "wire/time.h"

enum { BURST_MAX = 120, OUTBOX_BACK = 30, DESK_BACK = 200, SHIFT_MOST = 6 };

struct writing {
    struct sim *sim;
    struct sim_node *node;
    struct wire_arena *arena;
    int64_t now_ms;
};

static uint8_t *new_id(struct writing *w)
{
    uint8_t random[10], *id = wire_arena_take(w->arena, WIRE_ID_BYTES);
    sim_random_bytes(w->sim, random, sizeof random);
    wire_id_make(w->now_ms, random, id);
    return id;
}

static Wire__Header *new_header(struct writing *w, uint32_t kind, uint32_t unit)
{
    Wire__Header *header = wire_arena_take(w->arena, sizeof(*header));
    wire__header__init(header);
    header->version = WIRE_PROTOCOL_VERSION;
    header->id = sim_bin(new_id(w), WIRE_ID_BYTES);
    header->origin = header->issuer_region = w->node->process.region;
    header->issuer_unit = unit;
    header->kind = kind;
    header->status = (Wire__Status)sim_below(w->sim, 3);
    header->urgency = sim_chance(w->sim, 200) ? WIRE__URGENCY__IMMEDIATE : WIRE__URGENCY__EXPECTED;
    header->created_ms = w->now_ms;
    header->mechanism = (char *)(uintptr_t)(sim_chance(w->sim, 500) ? "nation" : "delta");
    header->lane = (Wire__Lane)sim_below(w->sim, WIRE_LANES);
    header->keep_until = wire_day_add(wire_day_of(w->now_ms), (int)sim_between(w->sim, 1, 900));
    return header;
}

static Wire__Reference *refer(struct writing *w, uint32_t origin, const uint8_t *id)
{
    Wire__Reference *reference = wire_arena_take(w->arena, sizeof(*reference));
    wire__reference__init(reference);
    reference->origin = origin;
    reference->id = sim_bin(wire_arena_copy(w->arena, id, WIRE_ID_BYTES), WIRE_ID_BYTES);
    return reference;
}

static uint32_t some_region(struct sim *sim)
{
    static const uint32_t elsewhere[] = {330421, 370000, 420100, 810000};
    return sim_chance(sim, 60) ? elsewhere[sim_below(sim, 4)] : sim->region[sim_below(sim, sim->region_count)];
}

static Wire__Header *write_new(struct writing *w)
{
    static const struct {
        uint32_t kind, unit;
    } kinds[] = {{WIRE_KIND_MEASURE_BULLETIN, WIRE_UNIT_COMMAND},
                 {WIRE_KIND_MEASURE_BULLETIN, WIRE_UNIT_COMMAND},
                 {WIRE_KIND_SUPPLY_REQUEST, WIRE_UNIT_LOGISTICS},
                 {WIRE_KIND_CONTACT_NOTICE, WIRE_UNIT_CDC}};
    size_t which = sim_below(w->sim, 4);
    Wire__Header *header = new_header(w, kinds[which].kind, kinds[which].unit);
    if (sim_chance(w->sim, 30))
        header->issuer_unit = WIRE_UNIT_POLICE;
    if (header->kind == WIRE_KIND_CONTACT_NOTICE) {
        header->form = WIRE__PAYLOAD_FORM__SEALED;
        header->concerns = wire_arena_take(w->arena, sizeof(*header->concerns));
        header->concerns[header->n_concerns++] = some_region(w->sim);
    }
    if (header->kind == WIRE_KIND_SUPPLY_REQUEST) {
        Wire__Address *address = wire_arena_take(w->arena, sizeof(*address));
        wire__address__init(address);
        address->region = some_region(w->sim);
        header->to = wire_arena_take(w->arena, sizeof(*header->to));
        header->to[header->n_to++] = address;
        header->has_due_ms = true;
        header->due_ms = w->now_ms + 600 * 1000;
    }
    if (sim_chance(w->sim, 50)) {
        header->has_expires_ms = true;
        header->expires_ms = w->now_ms + sim_between(w->sim, 1, 60000);
    }
    return header;
}

/* Signs for something in the inbox, or says what became of it: whoever is at the desk. What is about persons is for the
 * origin alone. */
static Wire__Header *answer(struct writing *w, const Wire__Header *parent, uint32_t kind, unsigned final_permille)
{
    static const uint32_t desks[] = {WIRE_UNIT_COMMAND, WIRE_UNIT_CDC, WIRE_UNIT_HEALTH};
    Wire__Header *header = new_header(w, kind, WIRE_UNIT_COMMAND);
    header->in_reply_to = refer(w, parent->origin, parent->id.data);
    header->mechanism = parent->mechanism;
    header->lane = parent->lane;
    header->keep_until = parent->keep_until;
    if (!sim_chance(w->sim, 50))
        header->status = parent->status;
    header->has_progress = kind == WIRE_KIND_OUTCOME;
    header->progress = sim_chance(w->sim, final_permille) ? WIRE__PROGRESS__FINAL : WIRE__PROGRESS__OPEN;
    header->issuer_unit = desks[sim_below(w->sim, 3)];
    if (kind != WIRE_KIND_OUTCOME)
        return header;
    header->form = WIRE__PAYLOAD_FORM__SEALED;
    header->concerns = wire_arena_take(w->arena, sizeof(*header->concerns));
    header->concerns[header->n_concerns++] = parent->origin;
    return header;
}

static uint64_t inbox_last(struct writing *w)
{
    struct keep_value key = {0};
    uint64_t last = keep_last(w->node->store.keep, NODE_TABLE_INBOX, wire_bytes(NULL, 0), &key, NULL) == WIRE_OK
                        ? wire_get_u64(key.data)
                        : 0;
    keep_value_close(&key);
    return last;
}

/* NULL: there is no such row, or it is the broker's own. */
static Wire__Header *inbox_header(struct writing *w, uint64_t order)
{
    Wire__NodeInbox *inbox = NULL;
    if (order > 0)
        ENSURE(store_inbox_row(&w->node->store, order, w->arena, &inbox) == WIRE_OK);
    Wire__Header *header = inbox == NULL ? NULL : node_read_header(sim_bytes(inbox->header), w->arena);
    return header == NULL || header->origin == 0 ? NULL : header;
}

static Wire__Header *write_reply(struct writing *w)
{
    uint64_t last = inbox_last(w);
    const Wire__Header *parent = inbox_header(w, last == 0 ? 0 : 1 + sim_below(w->sim, last));
    if (parent == NULL)
        return NULL;
    return answer(w, parent, sim_chance(w->sim, 500) ? WIRE_KIND_OUTCOME : WIRE_KIND_ACKNOWLEDGEMENT, 500);
}

struct back {
    size_t left;
    uint8_t id[WIRE_ID_BYTES];
    bool found;
};

static bool back_visit(void *context, const uint8_t id[WIRE_ID_BYTES])
{
    struct back *back = context;
    memcpy(back->id, id, WIRE_ID_BYTES);
    back->found = true;
    return back->left-- > 0;
}

/* One of the newest of the outbox. */
static bool some_own(struct writing *w, uint8_t id[WIRE_ID_BYTES])
{
    struct back back = {.left = sim_below(w->sim, OUTBOX_BACK)};
    ENSURE(store_outbox(&w->node->store, 0, true, back_visit, &back) == WIRE_OK);
    memcpy(id, back.id, WIRE_ID_BYTES);
    return back.found;
}

static Wire__Header *write_correction(struct writing *w)
{
    uint8_t id[WIRE_ID_BYTES];
    Wire__Header *header;
    if (!some_own(w, id))
        return NULL;
    ENSURE(store_header(&w->node->store, id, w->arena, &header) == WIRE_OK);
    if (header == NULL || header->action != WIRE__ACTION__ISSUE || header->in_reply_to != NULL)
        return NULL;
    header->id = sim_bin(new_id(w), WIRE_ID_BYTES);
    header->action = sim_chance(w->sim, 500) ? WIRE__ACTION__UPDATE : WIRE__ACTION__CANCEL;
    header->n_references = 1;
    header->references = wire_arena_take(w->arena, sizeof(*header->references));
    header->references[0] = refer(w, header->origin, id);
    header->created_ms = w->now_ms;
    header->has_expires_ms = false;
    if (sim_chance(w->sim, 300))
        header->urgency = WIRE__URGENCY__IMMEDIATE; /* it may overtake what it names */
    if (header->action == WIRE__ACTION__CANCEL)
        header->form = WIRE__PAYLOAD_FORM__CLEAR; /* it carries no persons */
    return header;
}

/* Lane, mechanism, form and keep-until as the rules say; as they are when the rules say no. */
static void ask_rules(struct writing *w, Wire__Header *header)
{
    struct rules_decision *decision = &w->sim->decision;
    bool choose = header->action == WIRE__ACTION__ISSUE && header->in_reply_to == NULL && !sim_chance(w->sim, 100);
    if (sim_node_decide(w->node, header, choose, decision) != WIRE_OK || sim_chance(w->sim, 15))
        return;
    const struct rules_mechanism *mechanism = rules_policy_at(node_core_policy(w->node->core), decision->mechanism);
    if (mechanism != NULL)
        header->mechanism = (char *)(uintptr_t)mechanism->id;
    header->lane = decision->lane;
    header->keep_until = decision->keep_until;
    header->form = decision->sealed ? WIRE__PAYLOAD_FORM__SEALED : WIRE__PAYLOAD_FORM__CLEAR;
}

static struct wire_bytes write_payload(struct writing *w, const Wire__Header *header)
{
    size_t max = header->lane == WIRE__LANE__FLASH ? 10000 : header->lane == WIRE__LANE__URGENT ? 40000 : 700000;
    size_t size = (size_t)sim_between(w->sim, SIM_MARK_BYTES, sim_chance(w->sim, 900) ? 600 : 6000);
    if (sim_chance(w->sim, 4))
        size = (size_t)sim_between(w->sim, SIM_MARK_BYTES, (int64_t)max);
    uint8_t *payload = wire_arena_take(w->arena, size);
    const struct wire_kind *kind = wire_kind_find(header->kind);
    uint64_t seed = sim_random_next(&w->sim->random);
    ENSURE(payload != NULL && kind != NULL);
    for (size_t i = 0; i < size; i++)
        payload[i] = (uint8_t)(seed >> (i % 8 * 8)) ^ (uint8_t)(i >> 3);
    if (header->form == WIRE__PAYLOAD_FORM__SEALED)
        memcpy(payload, w->sim->mark, SIM_MARK_BYTES);
    else
        memcpy(payload, w->sim->other_mark, SIM_MARK_BYTES);
    struct sim_envelope *envelope = sim_model_add(w->sim, header->origin, header->id.data);
    envelope->known = true;
    envelope->status = header->status;
    envelope->plain = sim_hash64(payload, size);
    return wire_bytes(payload, size);
}

static Wire__Header *write_one(struct writing *w)
{
    uint64_t dice = sim_below(w->sim, 100);
    return dice < 60 ? write_new(w) : dice < 85 ? write_reply(w) : write_correction(w);
}

/* What goes into the outbox at once. */
struct letters {
    struct node_draft *drafts;
    struct wire_bytes *plain;
    size_t count;
};

static struct letters letters_for(struct writing *w, size_t most)
{
    return (struct letters){.drafts = wire_arena_take(w->arena, most * sizeof(struct node_draft)),
                            .plain = wire_arena_take(w->arena, most * sizeof(struct wire_bytes))};
}

/* NULL: nothing came of it. */
static void add(struct writing *w, struct letters *letters, Wire__Header *header)
{
    if (header == NULL)
        return;
    ask_rules(w, header);
    struct wire_bytes plain = write_payload(w, header);
    struct node_draft *draft = &letters->drafts[letters->count];
    *draft = (struct node_draft){.header = header, .payload_bytes = (uint32_t)plain.size};
    ENSURE(store_look_draft(&w->node->store, draft, w->arena) == WIRE_OK);
    letters->plain[letters->count++] = plain;
}

static void post(struct writing *w, const struct letters *letters)
{
    struct node_event event = {.kind = NODE_ON_PUBLISH};
    if (letters->count == 0)
        return;
    event.u.publish =
        (struct node_publish){.request = ++w->node->publish, .draft = letters->drafts, .count = letters->count};
    w->node->plain = letters->plain;
    w->sim->count.published += letters->count;
    sim_node_step(w->node, &event);
}

static void publish(struct writing *w, size_t count)
{
    struct letters letters = letters_for(w, count);
    for (size_t i = 0; i < count; i++)
        add(w, &letters, write_one(w));
    post(w, &letters);
}

/* --- handing over ------------------------------------------------------------------------------------------------- */

/* A contact notice that lies in the inbox: often the newest, so that some matters are handed over twice. */
static const Wire__Header *some_matter(struct writing *w)
{
    uint64_t order = inbox_last(w);
    if (order > 0 && sim_chance(w->sim, 500))
        order = 1 + sim_below(w->sim, order);
    for (unsigned back = 0; order > 0 && back < DESK_BACK; order--, back++) {
        const Wire__Header *header = inbox_header(w, order);
        if (header != NULL && header->kind == WIRE_KIND_CONTACT_NOTICE && header->action == WIRE__ACTION__ISSUE)
            return header;
    }
    return NULL;
}

/* Where the person went: mostly somewhere in this world, now and then back to who asked, nowhere, to a region that has
 * left, or to where no rule reaches. */
static uint32_t moved_to(struct writing *w, const Wire__Header *matter)
{
    struct sim *sim = w->sim;
    uint64_t dice = sim_below(sim, 100);
    if (dice < 12)
        return matter->origin;
    if (dice < 16)
        return w->node->process.region;
    for (unsigned i = 0; dice < 40 && i < sim->region_count; i++)
        if (sim->absent[i] || sim->revoked[i])
            return sim->region[i];
    return some_region(sim);
}

/* A notice of our own, to that region, which refers to the one we were given. */
static Wire__Header *write_onward(struct writing *w, const Wire__Header *matter)
{
    Wire__Header *header = new_header(w, WIRE_KIND_CONTACT_NOTICE, WIRE_UNIT_CDC);
    header->form = WIRE__PAYLOAD_FORM__SEALED;
    header->concerns = wire_arena_take(w->arena, sizeof(*header->concerns));
    header->concerns[header->n_concerns++] = moved_to(w, matter);
    header->references = wire_arena_take(w->arena, sizeof(*header->references));
    header->references[header->n_references++] = refer(w, matter->origin, matter->id.data);
    if (!sim_chance(w->sim, 50))
        header->status = matter->status;
    return header;
}

/* And the answer to its origin: 已转送. The one or the other may be left to the next shift, or forgotten. */
static void hand_over(struct writing *w)
{
    struct letters letters = letters_for(w, 2);
    const Wire__Header *matter = some_matter(w);
    bool onward = !sim_chance(w->sim, 50), answered = !sim_chance(w->sim, 300), first = sim_chance(w->sim, 500);
    if (matter == NULL)
        return;
    if (answered && first)
        add(w, &letters, answer(w, matter, WIRE_KIND_OUTCOME, 800));
    if (onward)
        add(w, &letters, write_onward(w, matter));
    if (answered && !first)
        add(w, &letters, answer(w, matter, WIRE_KIND_OUTCOME, 800));
    post(w, &letters);
}

/* What the next shift does about something at the desk: signs for what the last one only read, answers what that one
 * signed for. NULL: it needs nothing. */
static Wire__Header *take_up(struct writing *w, uint64_t order)
{
    const Wire__Header *header = inbox_header(w, order);
    Wire__NodeKnown *known = NULL;
    if (header == NULL || header->in_reply_to != NULL || header->action == WIRE__ACTION__CANCEL)
        return NULL;
    ENSURE(store_known(&w->node->store, header->origin, header->id.data, w->arena, &known) == WIRE_OK);
    if (known == NULL || known->has_closed_ms || known->has_cancelled_by)
        return NULL;
    return answer(w, header, known->has_signed_for_ms ? WIRE_KIND_OUTCOME : WIRE_KIND_ACKNOWLEDGEMENT, 800);
}

static void change_shift(struct writing *w)
{
    struct letters letters = letters_for(w, SHIFT_MOST);
    size_t most = 1 + sim_below(w->sim, SHIFT_MOST);
    uint64_t order = inbox_last(w);
    for (unsigned back = 0; order > 0 && back < DESK_BACK && letters.count < most; order--, back++)
        add(w, &letters, take_up(w, order));
    post(w, &letters);
}

static void withdraw(struct writing *w)
{
    uint8_t id[WIRE_ID_BYTES];
    struct node_event event = {.kind = NODE_ON_WITHDRAW};
    if (!some_own(w, id))
        return;
    event.u.withdraw = (struct node_withdraw){.request = ++w->node->publish, .id = id};
    ENSURE(store_look_withdraw(&w->node->store, &event.u.withdraw, w->arena) == WIRE_OK);
    sim_node_step(w->node, &event);
}

void sim_officer(struct sim *sim, unsigned deed)
{
    struct sim_node *node = &sim->node[sim_below(sim, sim->node_count)];
    if (!node->exists || !node->process.up || sim->now_us < node->process.paused_until_us)
        return;
    wire_arena_reset(&sim->arena);
    struct writing w = {.sim = sim, .node = node, .arena = &sim->arena, .now_ms = sim_wall_ms(&node->process)};
    switch (deed) {
    case SIM_ACT_WITHDRAW:
        withdraw(&w);
        break;
    case SIM_ACT_HAND_OVER:
        hand_over(&w);
        break;
    case SIM_ACT_SHIFT:
        change_shift(&w);
        break;
    default:
        publish(&w, deed == SIM_ACT_BURST ? sim_below(sim, BURST_MAX) + 1 : 1 + sim_below(sim, 3));
    }
}
