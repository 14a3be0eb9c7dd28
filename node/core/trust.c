/* Policy and directory: what brokers send of them, what is in force, who has a node. */
#include "node/core/local.h"
#include "node/core/session.h"

/* --- policy ---------------------------------------------------------------------------------------------------------
 */

static uint64_t newest_version(const struct node_core *core)
{
    return core->rules_next.version > core->rules.version ? core->rules_next.version : core->rules.version;
}

void node_on_policy_piece(struct node_step *s)
{
    const struct node_policy_piece *in = &s->event->u.policy_piece;
    const Wire__PolicyPiece *piece = in->piece;
    struct node_link *link = &s->core->link[in->link];
    if (link->state < NODE_UNCONFIRMED || piece->version <= newest_version(s->core))
        return;
    if (piece->offset == 0) {
        link->piece_version = piece->version;
        link->piece_offset = 0;
        link->piece_total = piece->total;
    }
    if (piece->version != link->piece_version || piece->offset != link->piece_offset ||
        piece->total != link->piece_total || piece->bytes.len == 0 || piece->bytes.len > WIRE_PIECE_BYTES_MAX ||
        piece->bytes.len > piece->total - piece->offset) {
        node_note(s, NODE_NOTE_BAD_FRAME, in->link)->status = WIRE_GAP;
        node_session_cut(s, in->link, WIRE_GAP);
        return;
    }
    link->piece_offset += (uint32_t)piece->bytes.len;
    struct node_piece *keep = &node_effect(s, NODE_DO_KEEP_PIECE)->u.piece;
    keep->link = in->link;
    keep->version = piece->version;
    keep->total = piece->total;
    keep->offset = piece->offset;
    keep->whole = link->piece_offset == piece->total;
}

static void enter_into_force(struct node_step *s, const struct node_rules *rules)
{
    s->core->rules = *rules;
    node_note(s, NODE_NOTE_POLICY, NODE_NO_LINK)->a = rules->version;
    node_held_retry(s);
    node_work_all(s->core);
}

void node_policy_timer(struct node_step *s)
{
    struct node_core *core = s->core;
    if (core->rules_next.policy == NULL || core->rules_next.in_force_ms > s->event->wall_ms || core->clock_unsure)
        return;
    enter_into_force(s, &core->rules_next);
    core->rules_next = (struct node_rules){.policy = NULL};
}

void node_on_policy(struct node_step *s)
{
    const struct node_policy *in = &s->event->u.policy;
    struct node_rules rules = {.policy = in->policy, .version = in->version, .in_force_ms = in->in_force_ms};
    memcpy(rules.digest, in->digest, WIRE_HASH_BYTES);
    if (in->version <= newest_version(s->core))
        return;
    if (in->bytes.data != NULL) {
        struct node_key key = node_key_serial(in->version);
        node_put(s, NODE_TABLE_POLICY, &key, in->bytes);
    }
    s->core->rules_next = rules;
    if (in->in_force_ms <= s->event->wall_ms) {
        enter_into_force(s, &rules);
        s->core->rules_next = (struct node_rules){.policy = NULL};
    }
}

/* --- directory ------------------------------------------------------------------------------------------------------
 */

static uint32_t region_index(uint32_t region)
{
    const struct wire_region *found = wire_region_find(region);
    size_t index = found == NULL ? NODE_REGIONS_MAX : (size_t)(found - wire_region_at(0));
    return index < NODE_REGIONS_MAX ? (uint32_t)index : NODE_NONE;
}

bool node_core_enrolled(const struct node_core *core, uint32_t region)
{
    uint32_t index = region_index(region);
    return index != NODE_NONE && (core->enrolled[index / 8] >> (index % 8) & 1) != 0;
}

void node_take_enrolment(struct node_step *s, const struct node_directory *directory)
{
    struct node_core *core = s->core;
    bool changed = false;
    for (size_t i = 0; i < directory->count; i++) {
        uint32_t index = region_index(directory->changes[i].region);
        if (index == NODE_NONE ||
            node_core_enrolled(core, directory->changes[i].region) == directory->changes[i].enrolled)
            continue;
        core->enrolled[index / 8] ^= (uint8_t)(1U << (index % 8));
        changed = true;
    }
    if (!changed)
        return;
    core->directory_changed_ms = s->event->wall_ms;
    node_held_retry(s);
}

static void take_epoch(struct node_step *s, uint64_t epoch)
{
    if (epoch <= s->core->directory_epoch)
        return;
    s->core->directory_epoch = epoch;
    s->core->dirty_meta = true;
    node_note(s, NODE_NOTE_DIRECTORY, NODE_NO_LINK)->a = epoch;
}

/* At the start the directory may end before what META says: rows of it could not be read, and are asked for again. */
void node_on_directory(struct node_step *s)
{
    node_take_enrolment(s, &s->event->u.directory);
    if (s->event->u.directory.epoch < s->core->directory_epoch)
        s->core->directory_epoch = s->event->u.directory.epoch;
    take_epoch(s, s->event->u.directory.epoch);
}

void node_on_directory_piece(struct node_step *s)
{
    const struct node_directory_piece *in = &s->event->u.directory_piece;
    const Wire__DirectoryPiece *piece = in->piece;
    if (s->core->link[in->link].state < NODE_UNCONFIRMED)
        return;
    ENSURE(in->first_new + in->count_new <= piece->n_record);
    for (size_t i = 0; i < in->count_new; i++) {
        struct node_key key = node_key_serial(in->directory.epoch - in->count_new + 1 + i);
        node_put(s, NODE_TABLE_DIRECTORY, &key, node_bytes_of(piece->record[in->first_new + i]));
    }
    node_take_enrolment(s, &in->directory);
    take_epoch(s, in->directory.epoch);
    if (in->status == WIRE_OK)
        return;
    struct node_note *note = node_note(s, NODE_NOTE_DIRECTORY, in->link);
    note->status = in->status;
    note->a = in->directory.epoch;
}
