/* Sessions: one a region.
 *
 *            HELLO                      PULSE.confirmed = token
 *   (none) ─────────▶ opened: WELCOME ─────────────────────────▶ confirmed: SUBMIT, DELIVER
 *      ▲                 │                                          │
 *      └─────────────────┴── PEER_DOWN, silence, misbehaviour, ─────┘
 *                            revocation, a newer HELLO
 *
 * What a session must be told is a set of flags (enum tell), worked off in the order of a ring, so that a thousand
 * sessions share one bounded `out`. */
#include "broker/core/inside.h"
#include "wire/canary.h"

/* --- why nothing is admitted ---------------------------------------------------------------------------------------
 */
enum wire_status broker_reason(const struct broker_core *core)
{
    if (core->rolled_back)
        return WIRE_ROLLED_BACK;
    if (core->clock_unsure)
        return WIRE_CLOCK_UNSURE;
    if (core->full)
        return WIRE_STORE_FULL;
    if (core->crowded)
        return WIRE_OVERLOADED;
    return broker_policy_now(core) == NULL ? WIRE_NO_POLICY : WIRE_OK;
}

enum wire_status broker_region_reason(const struct broker_core *core, const struct region *region)
{
    if (region->standing == WIRE__STANDING__STOPPED || region->stopped)
        return WIRE_FORK_STOPPED;
    if (region->standing == WIRE__STANDING__ROLLED_BACK)
        return WIRE_ROLLED_BACK;
    return broker_reason(core);
}

void broker_reason_changed(struct broker_core *core)
{
    enum wire_status reason = broker_reason(core);
    if (reason == core->reason)
        return;
    core->reason = reason;
    broker_note(core, BROKER_NOTE_CREDIT_REASON, reason, 0, 0, 0, 0);
    broker_tell_all(core, TELL_CREDIT);
}

/* --- what is to be told --------------------------------------------------------------------------------------------
 */
void broker_tell(struct broker_core *core, struct region *region, uint32_t what)
{
    if (region->peer == 0)
        return;
    region->untold |= what;
    if (!region->in_ready) {
        region->in_ready = true;
        broker_ring_add(&core->ready, broker_region_index(core, region));
    }
}

void broker_tell_all(struct broker_core *core, uint32_t what)
{
    for (uint32_t i = 0; i < core->active_count; i++)
        broker_tell(core, &core->regions[core->active[i]], what);
}

void broker_ring_commit(struct broker_core *core, struct region *region)
{
    if (region->in_commit)
        return;
    region->in_commit = true;
    broker_ring_add(&core->on_commit, broker_region_index(core, region));
}

static bool taken(struct region *region, uint32_t what)
{
    bool set = (region->untold & what) != 0;
    region->untold &= ~what;
    return set;
}

static void work(struct broker_core *core, struct region *region)
{
    if (taken(region, TELL_CUT)) {
        enum wire_status status = region->cut_status;
        broker_bye_and_cut(core, region->peer, status);
        broker_session_close(core, region, status);
        return;
    }
    if (taken(region, TELL_POLICY))
        broker_send_policies(core, region);
    if (taken(region, TELL_DIRECTORY))
        broker_send_directory(core, region);
    if (taken(region, TELL_CREDIT))
        broker_credit_send(core, region);
    if (taken(region, TELL_PULSE))
        broker_pulse_send(core, region);
    if (taken(region, TELL_RECEIPTS) && region->confirmed)
        broker_receipts_want(core, region);
    if (taken(region, TELL_DELIVER) && region->confirmed)
        broker_deliver(core, region);
    if (taken(region, TELL_ASK) && region->confirmed)
        broker_credit_ask(core, region);
}

bool broker_run_ready(struct broker_core *core)
{
    while (core->ready.count > 0 && broker_out_has_room(core)) {
        struct region *region = &core->regions[broker_ring_take(&core->ready)];
        region->in_ready = false;
        if (region->peer != 0)
            work(core, region);
    }
    return core->ready.count > 0;
}

/* --- opening -------------------------------------------------------------------------------------------------------
 */
/* The queue that a cursor speaks of. One that this ledger does not have (any more) is made if there is such a
 * mechanism, to remember how far the node came: what is below is sent `again`. */
static struct queue *cursor_queue(struct broker_core *core, const struct region *region, const Wire__Cursor *cursor)
{
    const struct policy_slot *policy = broker_policy_now(core);
    struct wire_bytes name = wire_bytes(cursor->mechanism, strlen(cursor->mechanism));
    uint32_t mechanism = broker_mechanism_find(core, name);
    bool known = policy != NULL && rules_policy_find(policy->policy, cursor->mechanism) != RULES_NONE;
    if ((uint32_t)cursor->lane >= WIRE_LANES || (mechanism == NONE && !known))
        return NULL;
    if (mechanism == NONE)
        mechanism = broker_mechanism_make(core, name);
    if (mechanism == NONE)
        return NULL;
    uint32_t at = broker_region_index(core, region);
    return known ? broker_queue_make(core, at, mechanism, (uint32_t)cursor->lane)
                 : broker_queue_find(core, at, mechanism, (uint32_t)cursor->lane);
}

static bool cursor_holds(const struct queue *queue, const Wire__Cursor *cursor, const struct wire_digest *chain)
{
    if (queue != NULL && cursor->number == queue->last) /* the row itself may be retained no longer */
        chain = &queue->chain;
    return queue != NULL && chain != NULL && cursor->number <= queue->last && cursor->chain.len == WIRE_HASH_BYTES &&
           memcmp(chain->bytes, cursor->chain.data, WIRE_HASH_BYTES) == 0;
}

/* Each queue goes on after the cursor, if the ledger has the same chain there, and not beyond what has arrived: a part
 * whose ARRIVED got lost is sent again. Any other queue starts at its oldest row. */
static void resume(struct broker_core *core, struct region *region, const struct broker_hello *hello)
{
    uint64_t mismatches = 0, number = 0;
    for (uint32_t at = region->first_queue; at != NONE; at = core->queues[at].next_of_region) {
        core->queues[at].send_next = 1;
        core->queues[at].told = 0;
    }
    for (size_t i = 0; i < hello->hello->n_cursor; i++) {
        const Wire__Cursor *cursor = hello->hello->cursor[i];
        if (cursor->number == 0)
            continue;
        struct queue *queue = cursor_queue(core, region, cursor);
        if (queue != NULL && queue->sent_high < cursor->number)
            queue->sent_high = cursor->number;
        if (cursor_holds(queue, cursor, hello->chains == NULL ? NULL : hello->chains[i])) {
            queue->send_next =
                (cursor->number < queue->arrived || CANARY(FORGET_UNARRIVED) ? cursor->number : queue->arrived) + 1;
            continue;
        }
        mismatches++;
        number = cursor->number;
    }
    if (mismatches > 0)
        broker_note(core, BROKER_NOTE_CURSOR_MISMATCH, WIRE_GAP, region->region, number, mismatches, 0);
}

static Wire__Welcome *welcome(struct broker_core *core, struct region *region, const struct broker_hello *hello)
{
    Wire__Welcome *out = broker_take(core, sizeof *out);
    wire__welcome__init(out);
    out->version = WIRE_PROTOCOL_VERSION;
    out->session = broker_data(region->session, WIRE_ID_BYTES);
    out->nonce = hello->hello->nonce;
    out->ledger_id = broker_data(core->ledger_id, WIRE_ID_BYTES);
    out->generation = core->generation;
    out->standing = region->standing;
    out->head = (Wire__StreamHead **)(uintptr_t)hello->heads;
    out->n_head = hello->head_count;
    out->number = (Wire__NumberHead **)(uintptr_t)hello->numbers;
    out->n_number = hello->number_count;
    out->grant = broker_credit_first(core, region, &out->n_grant);
    out->wall_ms = core->wall_ms;
    out->pulse_ms = core->options.pulse_ms;
    out->policy_version = broker_policy_newest(core);
    out->directory_epoch = core->directory_epoch;
    out->has_receipts_from = true;
    out->receipts_from = region->receipts_sent + 1;
    if (region->standing == WIRE__STANDING__FORK) {
        out->known = (Wire__Reference **)(uintptr_t)hello->known;
        out->n_known = hello->known_count < BROKER_KNOWN_MAX ? hello->known_count : BROKER_KNOWN_MAX;
    }
    out->completeness = broker_completeness(core, region, true, &out->n_completeness);
    return out;
}

/* The fresh token; a stopped or rolled-back session gets none and keeps its own, if it is one. */
static Wire__LineageToken *welcome_token(struct broker_core *core, struct region *region, const Wire__Hello *hello)
{
    static const struct token none = {.set = true}; /* the message points into it */
    if (region->standing == WIRE__STANDING__NORMAL || region->standing == WIRE__STANDING__FORK)
        return broker_token_message(core, &region->offered_token);
    return broker_token_whole(hello->token) ? hello->token : broker_token_message(core, &none);
}

static void session_open(struct broker_core *core, struct region *region, const struct broker_event *event)
{
    const struct broker_hello *hello = &event->hello;
    region->peer = hello->peer;
    broker_index_add(&core->peer_of, hello->peer, broker_region_index(core, region));
    region->active_at = core->active_count;
    core->active[core->active_count++] = broker_region_index(core, region);
    memcpy(region->session, event->random, WIRE_ID_BYTES);
    region->session_count++;
    region->untold = 0;
    region->confirmed = false;
    region->heard_ms = core->mono_ms;
    region->pulse_at_ms = core->mono_ms + core->options.pulse_ms;
    region->pulse_serial = 0;
    region->echo_known = false;
    region->policy_version = hello->hello->policy_version;
    region->directory_epoch = hello->hello->directory_epoch;
    region->told_reason = WIRE_OK;
    if (core->sweep_ms > region->pulse_at_ms)
        core->sweep_ms = region->pulse_at_ms;
    broker_credit_open(core, region, hello->hello);
    broker_receipts_open(core, region, hello->hello->receipts_taken);
    resume(core, region, hello);
}

static void greet(struct broker_core *core, struct region *region, const struct broker_event *event)
{
    const Wire__Hello *hello = event->hello.hello;
    Wire__Welcome *out = welcome(core, region, &event->hello);
    out->token = welcome_token(core, region, hello);
    /* After all appends so far: the heads it names are durable. */
    broker_send(core, region->peer, core->ticket, WIRE__FRAME__BODY_WELCOME, &out->base);
    broker_tell(core, region, TELL_POLICY | TELL_DIRECTORY);
    if (broker_region_reason(core, region) != WIRE_OK || broker_credit_held(core, region))
        broker_tell(core, region, TELL_CREDIT);
}

static enum wire_status acceptable(const struct broker_core *core, const struct broker_hello *hello)
{
    if (core->shutting_down)
        return WIRE_SHUTTING_DOWN;
    if (hello->hello->region != hello->region)
        return WIRE_FOREIGN_ORIGIN;
    if (!broker_enrolled((void *)(uintptr_t)core, hello->region) || hello->region == WIRE_REGION_BROKER)
        return WIRE_NOT_ENROLLED;
    if (hello->hello->version_min > WIRE_PROTOCOL_VERSION || hello->hello->version_max < WIRE_PROTOCOL_VERSION)
        return WIRE_VERSION;
    return hello->hello->nonce.len == WIRE_ID_BYTES && hello->hello->n_cursor <= CURSORS_MAX ? WIRE_OK : WIRE_BAD_FRAME;
}

static void replace_older(struct broker_core *core, struct region *region, uint64_t peer)
{
    if (region->peer != 0 && region->peer != peer)
        broker_bye_and_cut(core, region->peer, WIRE_REPLACED);
    if (region->peer != 0)
        broker_session_close(core, region, WIRE_REPLACED);
}

void broker_on_hello(struct broker_core *core, const struct broker_event *event)
{
    const struct broker_hello *hello = &event->hello;
    enum wire_status status = acceptable(core, hello);
    ENSURE(hello->peer != 0);
    if (status != WIRE_OK) {
        broker_note(core, BROKER_NOTE_REFUSED_PEER, status, hello->region, 0, 0, 0);
        broker_bye_and_cut(core, hello->peer, status);
        struct region *holder = broker_region_of_peer(core, hello->peer);
        if (holder != NULL)
            broker_session_close(core, holder, status);
        return;
    }
    struct region *region = broker_region_find(core, hello->region);
    struct region *holder = broker_region_of_peer(core, hello->peer);
    ENSURE(holder == NULL || holder == region);
    replace_older(core, region, hello->peer);

    broker_rows_open(core);
    bool behind = broker_is_behind(core, hello);
    region->standing = broker_lineage_judge(core, region, hello->hello->token);
    if (behind || core->rolled_back)
        region->standing = WIRE__STANDING__ROLLED_BACK;
    if (region->standing == WIRE__STANDING__FORK)
        broker_lineage_fork(core, region);
    session_open(core, region, event);
    if (region->standing == WIRE__STANDING__NORMAL || region->standing == WIRE__STANDING__FORK)
        broker_lineage_offer(core, region, event->random + 16);
    broker_lineage_row(core, region);
    broker_region_row(core, region);
    broker_meta_row(core);
    broker_rows_close(core);
    greet(core, region, event);
}

/* --- closing -------------------------------------------------------------------------------------------------------
 */
void broker_session_close(struct broker_core *core, struct region *region, enum wire_status status)
{
    ENSURE(region->peer != 0);
    broker_index_remove(&core->peer_of, region->peer);
    uint32_t last = core->active[--core->active_count];
    core->active[region->active_at] = last;
    core->regions[last].active_at = region->active_at;
    region->active_at = NONE;
    for (uint32_t at = region->first_queue; at != NONE; at = core->queues[at].next_of_region)
        broker_window_drop(core, &core->queues[at]);
    bool was_up = region->confirmed;
    region->peer = 0;
    region->untold = 0;
    region->confirmed = false;
    region->receipts_fetching = false;
    region->receipts_nonce++;
    region->receipts_wait = 0;
    region->standing = WIRE__STANDING__NORMAL;
    broker_note(core, BROKER_NOTE_SESSION_DOWN, status, region->region, was_up, 0, 0);
    if (was_up) { /* from now on its link-down time counts */
        region->down_since_ms = core->wall_ms;
        broker_rows_open(core);
        broker_region_row(core, region);
        broker_rows_close(core);
    }
    broker_link_see(core, region);
}

void broker_misbehaved(struct broker_core *core, struct region *region, enum wire_status status)
{
    core->totals.misbehaved++;
    broker_note(core, BROKER_NOTE_MISBEHAVED, status, region->region, 0, 0, 0);
    broker_bye_and_cut(core, region->peer, status);
    broker_session_close(core, region, status);
}

void broker_on_peer_down(struct broker_core *core, const struct broker_event *event)
{
    struct region *region = broker_region_of_peer(core, event->peer_down.peer);
    if (region != NULL)
        broker_session_close(core, region, event->peer_down.status);
}
