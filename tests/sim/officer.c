/* People: they publish what the rules allow, now and then what they do not, answer, correct, cancel and withdraw. */
#include "sim.h"

#include "wire/id.h"
#include "wire/kind.h"
#include "wire/time.h"

enum { BURST_MAX = 120, OUTBOX_BACK = 30 };

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

/* An answer to something in the inbox; NULL: there is nothing. */
static Wire__Header *write_reply(struct writing *w)
{
    struct keep_value key = {0};
    Wire__NodeInbox *inbox = NULL;
    if (keep_last(w->node->store.keep, NODE_TABLE_INBOX, wire_bytes(NULL, 0), &key, NULL) == WIRE_OK)
        ENSURE(store_inbox_row(&w->node->store, 1 + sim_below(w->sim, wire_get_u64(key.data)), w->arena, &inbox) ==
               WIRE_OK);
    keep_value_close(&key);
    const Wire__Header *parent = inbox == NULL ? NULL : node_read_header(sim_bytes(inbox->header), w->arena);
    if (parent == NULL || parent->origin == 0)
        return NULL;
    bool outcome = sim_chance(w->sim, 500);
    Wire__Header *header = new_header(w, outcome ? WIRE_KIND_OUTCOME : WIRE_KIND_ACKNOWLEDGEMENT, WIRE_UNIT_COMMAND);
    header->in_reply_to = refer(w, parent->origin, parent->id.data);
    header->mechanism = parent->mechanism;
    header->lane = parent->lane;
    header->keep_until = parent->keep_until;
    if (!sim_chance(w->sim, 50))
        header->status = parent->status;
    header->has_progress = outcome;
    header->progress = sim_chance(w->sim, 500) ? WIRE__PROGRESS__FINAL : WIRE__PROGRESS__OPEN;
    return header;
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
    Wire__Header *header = dice < 60 ? write_new(w) : dice < 85 ? write_reply(w) : write_correction(w);
    if (header != NULL)
        ask_rules(w, header);
    return header;
}

static void publish(struct writing *w, size_t count)
{
    size_t at = 0;
    struct node_draft *drafts = wire_arena_take(w->arena, count * sizeof(*drafts));
    struct wire_bytes *plain = wire_arena_take(w->arena, count * sizeof(*plain));
    for (size_t i = 0; i < count; i++) {
        Wire__Header *header = write_one(w);
        if (header == NULL)
            continue;
        plain[at] = write_payload(w, header);
        drafts[at] = (struct node_draft){.header = header, .payload_bytes = (uint32_t)plain[at].size};
        ENSURE(store_look_draft(&w->node->store, &drafts[at++], w->arena) == WIRE_OK);
    }
    if (at == 0)
        return;
    struct node_event event = {.kind = NODE_ON_PUBLISH};
    event.u.publish = (struct node_publish){.request = ++w->node->publish, .draft = drafts, .count = at};
    w->node->plain = plain;
    w->sim->count.published += at;
    sim_node_step(w->node, &event);
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
    if (deed == SIM_ACT_WITHDRAW)
        withdraw(&w);
    else
        publish(&w, deed == SIM_ACT_BURST ? sim_below(sim, BURST_MAX) + 1 : 1 + sim_below(sim, 3));
}
