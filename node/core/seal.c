/* Draft, seal, send: the oldest drafts of one mechanism and lane become a batch, in a live session, within credit. */
#include "node/core/stream.h"
#include "wire/canary.h"

bool node_link_sends(const struct node_core *core, uint8_t index)
{
    const struct node_link *link = &core->link[index];
    return link->state == NODE_LIVE &&
           (link->standing == WIRE__STANDING__NORMAL || link->standing == WIRE__STANDING__FORK);
}

uint64_t node_submit_left(const struct node_core *core, const struct node_lane *lane)
{
    const struct wire_lane_credit *credit = &core->link[lane->link].credit.lane[lane->lane];
    return credit->granted > credit->used ? credit->granted - credit->used : 0;
}

const uint8_t *node_lane_store_id(const struct node_core *core, const struct node_lane *lane)
{
    return lane->own_store ? lane->store_id : core->link[lane->link].store_id;
}

static struct node_seal_slot *free_slot(struct node_core *core)
{
    for (uint32_t i = 0; i < core->seals_max; i++)
        if (!core->seal[i].used)
            return &core->seal[i];
    return NULL;
}

static struct node_seal_slot *slot_of_lane(struct node_core *core, uint32_t lane)
{
    for (uint32_t i = 0; i < core->seals_max; i++)
        if (core->seal[i].used && core->seal[i].lane == lane)
            return &core->seal[i];
    return NULL;
}

static void free_lane(struct node_step *s, uint32_t index, struct node_seal_slot *slot)
{
    struct node_lane *lane = node_lane_at(s->core, index);
    if (slot != NULL)
        slot->used = false;
    lane->busy = false;
    node_work(s->core, lane->link);
}

/* The stream that drafts of this lane go to; made when there is none. NODE_NONE: not now. */
static uint32_t open_stream(struct node_step *s, uint32_t index)
{
    struct node_lane *lane = node_lane_at(s->core, index);
    if (lane->current != NODE_NONE)
        return lane->current;
    uint32_t stream = node_stream_new(s->core, index, node_lane_store_id(s->core, lane));
    if (stream == NODE_NONE) {
        node_note(s, NODE_NOTE_FULL, lane->link)->a = s->core->streams_max;
        return NODE_NONE;
    }
    s->core->stream[stream].current = true;
    lane->current = stream;
    return stream;
}

/* Small batches wait for company while others are on the way; flash never waits. */
static bool worth_it(const struct node_lane *lane, const struct node_stream *stream)
{
    return lane->lane == WIRE__LANE__FLASH || stream->inflight_count < NODE_INFLIGHT_SMALL || lane->caution > 0 ||
           lane->drafts >= NODE_SMALL_DRAFTS || lane->bytes >= NODE_SMALL_BYTES;
}

/* With less credit left, and more on its way back, it is better to wait than to cut the backlog into crumbs. */
static uint64_t seal_least(const struct node_lane *lane)
{
    uint64_t quarter = wire_credit_window(lane->lane) / 4;
    return lane->bytes < quarter ? lane->bytes : quarter;
}

static bool may_seal(const struct node_step *s, const struct node_lane *lane, const struct node_stream *stream)
{
    uint64_t left = node_submit_left(s->core, lane);
    uint32_t inflight = s->core->link[lane->link].submit[lane->lane].inflight;
    if (stream->next_send <= stream->last || stream->going_back || stream->inflight_count == NODE_INFLIGHT_MAX)
        return false;
    if (left < seal_least(lane) && (inflight > 0 || s->core->link[lane->link].reason != WIRE_OK))
        return false;
    return worth_it(lane, stream);
}

static uint32_t seal_bytes(const struct node_core *core, const struct node_lane *lane)
{
    uint64_t left = node_submit_left(core, lane);
    uint32_t window = wire_credit_window(lane->lane);
    if (left < seal_least(lane))
        left = window; /* nothing comes back by itself: it is asked for with CREDIT.wanted */
    return left < WIRE_BATCH_BYTES_MAX ? (uint32_t)left : (uint32_t)WIRE_BATCH_BYTES_MAX;
}

void node_seal_pump(struct node_step *s, uint32_t index)
{
    struct node_core *core = s->core;
    struct node_lane *lane = node_lane_at(core, index);
    if (lane->drafts == 0 || lane->busy || lane->renewing > 0 || core->rules.policy == NULL ||
        s->event->mono_ms < lane->not_before_mono_ms)
        return;
    struct node_seal_slot *slot = free_slot(core);
    if (slot == NULL)
        return;
    uint32_t stream = open_stream(s, index);
    if (stream == NODE_NONE || !may_seal(s, lane, &core->stream[stream]))
        return;
    struct node_fetch *fetch = node_fetch(s, NODE_FETCH_DRAFTS, index, NULL);
    if (fetch == NULL)
        return;
    fetch->table = NODE_TABLE_DRAFT;
    fetch->prefix = node_lane_key_of(core, lane);
    fetch->rows_max = lane->caution > 0 ? 1 : core->options.drafts_max;
    fetch->bytes_max = WIRE_BATCH_BYTES_MAX;
    fetch->states = true;
    slot->used = true;
    slot->request = 0;
    slot->lane = index;
    slot->bytes_max = seal_bytes(core, lane);
    lane->busy = true;
}

/* --- choosing -------------------------------------------------------------------------------------------------------
 */

static void expire(struct node_step *s, const uint8_t *id, Wire__NodeState *state)
{
    node_draft_leave(s, id, state);
    node_state_move(s, id, state, WIRE__NODE_OUTBOX_STATE__NODE_EXPIRED, WIRE_EXPIRED_TERM);
    node_state_put(s, state);
    if (state->waited_for)
        node_release_held(s, id);
}

/* Adds the draft of a row to the slot; false: the batch is full. */
static bool choose(struct node_step *s, struct node_seal_slot *slot, const struct wire_row *row,
                   node_row_value looked_up, uint32_t *bytes)
{
    const Wire__NodeDraft *draft = node_read_draft(row->value, node_scratch(s, 1));
    if (draft == NULL || draft->id.len != WIRE_ID_BYTES) {
        node_erase_damaged(s, row);
        return true;
    }
    Wire__NodeState *state = node_state_read(s, draft->id.data, looked_up, 0);
    if (state == NULL || state->state != WIRE__NODE_OUTBOX_STATE__NODE_DRAFT || state->order != draft->order) {
        struct node_key key = node_key_draft(draft->link, draft->mechanism, draft->lane, draft->order);
        node_erase(s, NODE_TABLE_DRAFT, &key); /* it left while the row was fetched, or the row is left over */
        return true;
    }
    if (node_draft_is_over(s, state)) {
        expire(s, draft->id.data, state);
        return true;
    }
    if (slot->count > 0 && *bytes + draft->bytes > slot->bytes_max)
        return false;
    *bytes += draft->bytes;
    slot->place[slot->count] = state->place;
    memcpy(slot->id[slot->count++], draft->id.data, WIRE_ID_BYTES);
    return slot->count < s->core->options.drafts_max;
}

static void ask_to_seal(struct node_step *s, struct node_seal_slot *slot)
{
    const struct node_lane *lane = node_lane_at(s->core, slot->lane);
    const struct node_stream *stream = node_stream_at(s->core, lane->current);
    uint8_t(*ids)[WIRE_ID_BYTES] = node_take(s, slot->count * sizeof *ids);
    uint64_t *places = node_take(s, slot->count * sizeof *places);
    memcpy(ids, slot->id, slot->count * sizeof *ids);
    memcpy(places, slot->place, slot->count * sizeof *places);
    slot->request = ++s->core->next_request;
    slot->first = stream->last + 1;
    memcpy(slot->store_id, stream->store_id, WIRE_ID_BYTES);
    struct node_seal *seal = &node_effect(s, NODE_DO_SEAL)->u.seal;
    seal->request = slot->request;
    seal->link = lane->link;
    seal->mechanism = lane->mechanism;
    seal->lane = lane->lane;
    memcpy(seal->store_id, stream->store_id, WIRE_ID_BYTES);
    seal->first = slot->first;
    seal->id = ids;
    seal->place = places;
    seal->count = slot->count;
    seal->bytes_max = slot->bytes_max;
}

void node_seal_fetched(struct node_step *s, const struct node_fetching *fetching)
{
    const struct node_fetched *fetched = &s->event->u.fetched;
    struct node_lane *lane = node_lane_at(s->core, fetching->index);
    struct node_seal_slot *slot = slot_of_lane(s->core, fetching->index);
    uint32_t bytes = 0;
    ENSURE(slot != NULL && lane->busy);
    slot->count = 0;
    for (size_t i = 0; i < fetched->count; i++)
        if (!choose(s, slot, &fetched->rows[i], fetched->state[i], &bytes))
            break;
    if (fetched->count == 0 && fetched->end) { /* the count was wrong: what is there is what counts */
        lane->drafts = lane->bytes = 0;
        node_queue_changed(s->core, lane);
    }
    if (slot->count > 0 && lane->current != NODE_NONE && lane->renewing == 0)
        ask_to_seal(s, slot);
    else
        free_lane(s, fetching->index, slot);
}

/* --- sealed ---------------------------------------------------------------------------------------------------------
 */

static struct node_seal_slot *slot_of_request(struct node_core *core, uint64_t request)
{
    for (uint32_t i = 0; i < core->seals_max; i++)
        if (core->seal[i].used && core->seal[i].request == request)
            return &core->seal[i];
    return NULL;
}

/* The bytes may be used: same stream, same head, and every draft in them is still a draft (nobody withdrew it). */
static bool still_good(struct node_step *s, const struct node_seal_slot *slot)
{
    const struct node_sealed *sealed = &s->event->u.sealed;
    const struct node_lane *lane = node_lane_at(s->core, slot->lane);
    if (sealed->count != slot->count || lane->current == NODE_NONE || lane->renewing > 0)
        return false;
    const struct node_stream *stream = node_stream_at(s->core, lane->current);
    if (stream->last + 1 != slot->first || memcmp(stream->store_id, slot->store_id, WIRE_ID_BYTES) != 0)
        return false;
    for (size_t i = 0; i < slot->count; i++) {
        const Wire__NodeState *state = node_state_read(s, slot->id[i], sealed->state[i], 0);
        if (state == NULL || state->state != WIRE__NODE_OUTBOX_STATE__NODE_DRAFT)
            return false;
    }
    return true;
}

/* What policy, directory or time may mend. */
static bool may_pass_later(enum wire_status status)
{
    switch (status) {
    case WIRE_NOBODY_FOR:
    case WIRE_NOBODY:
    case WIRE_NOT_ENROLLED:
    case WIRE_STALE_SEAL:
    case WIRE_NO_POLICY:
    case WIRE_NO_MECHANISM:
    case WIRE_NOT_IN_FORCE:
    case WIRE_CRL_STALE:
        return true;
    default:
        return false;
    }
}

static void take_into_batch(struct node_step *s, const struct node_seal_slot *slot, size_t i, uint64_t seq,
                            Wire__NodeState *state)
{
    struct node_payload payload = {.kind = NODE_CARRIED_OF_SEALED,
                                   .index = (uint32_t)i,
                                   .day = state->keep_until,
                                   .origin = s->core->options.region,
                                   .number = state->place};
    memcpy(payload.id, slot->id[i], WIRE_ID_BYTES);
    node_draft_leave(s, slot->id[i], state);
    node_state_move(s, slot->id[i], state, WIRE__NODE_OUTBOX_STATE__NODE_SEALED, 0);
    state->has_store_id = state->has_seq = state->has_first = true;
    state->store_id = node_bin(slot->store_id, WIRE_ID_BYTES);
    state->seq = seq;
    state->first = slot->first;
    node_state_put(s, state);
    node_add_payload(s, &payload);
}

static void leave_out(struct node_step *s, const uint8_t *id, Wire__NodeState *state, enum wire_status status)
{
    if (status == WIRE_ERASED) {
        expire(s, id, state);
        return;
    }
    node_draft_leave(s, id, state);
    if (may_pass_later(status)) {
        node_draft_hold(s, id, state, NULL, (uint32_t)status);
    } else {
        node_state_move(s, id, state, WIRE__NODE_OUTBOX_STATE__NODE_REFUSED, (uint32_t)status);
        if (state->waited_for)
            node_release_held(s, id);
    }
    node_state_put(s, state);
}

static void put_batch(struct node_step *s, struct node_stream *stream, Wire__NodeBatch *batch)
{
    const struct node_sealed *sealed = &s->event->u.sealed;
    uint64_t first = stream->last + 1;
    struct node_key key = node_batch_key_of(s->core, stream, first);
    batch->root = node_bin(sealed->root, WIRE_HASH_BYTES);
    batch->frame_bytes = sealed->frame_bytes;
    batch->sealed_ms = s->event->wall_ms;
    batch->count = (uint32_t)batch->n_id;
    node_put_message(s, NODE_TABLE_BATCH, &key, &batch->base);
    node_put(s, NODE_TABLE_BATCH_BYTES, &key, sealed->batch);
    stream->last += batch->n_id;
    node_put_stream(s, stream);
    struct node_ready ready = {
        .first = first, .count = batch->count, .bytes = batch->frame_bytes, .keep_until = batch->keep_until};
    memcpy(ready.root, sealed->root, sizeof ready.root);
    node_stream_ready(stream, &ready);
}

static void take_sealed(struct node_step *s, struct node_seal_slot *slot)
{
    const struct node_sealed *sealed = &s->event->u.sealed;
    struct node_lane *lane = node_lane_at(s->core, slot->lane);
    Wire__NodeBatch batch;
    wire__node_batch__init(&batch);
    batch.id = node_take(s, slot->count * sizeof *batch.id);
    batch.place = node_take(s, slot->count * sizeof *batch.place);
    for (size_t i = 0; i < slot->count; i++) {
        Wire__NodeState *state = node_state_read(s, slot->id[i], sealed->state[i], 0);
        ENSURE(state != NULL);
        if (sealed->draft[i] == WIRE_OK) {
            take_into_batch(s, slot, i, slot->first + batch.n_id, state);
            batch.place[batch.n_place++] = state->place;
            batch.id[batch.n_id++] = node_bin(slot->id[i], WIRE_ID_BYTES);
            lane->oldest_ms = state->created_ms; /* drafts are taken in order: the next is hardly older */
            if (batch.keep_until == 0 || state->keep_until < batch.keep_until)
                batch.keep_until = state->keep_until;
        } else if (sealed->draft[i] != WIRE_AGAIN && CANARY(BLOCK_LANE)) {
            lane->not_before_mono_ms = s->event->mono_ms + NODE_GO_SLOW_MS;
        } else if (sealed->draft[i] != WIRE_AGAIN) {
            leave_out(s, slot->id[i], state, sealed->draft[i]);
        }
    }
    ENSURE((batch.n_id > 0) == (sealed->batch.data != NULL));
    if (batch.n_id > 0)
        put_batch(s, node_stream_at(s->core, lane->current), &batch);
    lane->caution -= lane->caution > 0;
}

void node_on_sealed(struct node_step *s)
{
    struct node_seal_slot *slot = slot_of_request(s->core, s->event->u.sealed.request);
    if (slot == NULL)
        return;
    if (still_good(s, slot))
        take_sealed(s, slot);
    free_lane(s, slot->lane, slot);
}
