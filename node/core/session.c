/* Greeting a broker, its answer, the end of a session. */
#include "node/core/session.h"
#include "node/core/inbox.h"
#include "node/core/stream.h"

static void set_state(struct node_step *s, struct node_link *link, enum node_link_state state)
{
    link->state = state;
    link->since_wall_ms = s->event->wall_ms;
    link->since_mono_ms = s->event->mono_ms;
}

/* --- the end --------------------------------------------------------------------------------------------------------
 */

static void forget_session(struct node_step *s, uint8_t index)
{
    struct node_core *core = s->core;
    struct node_link *link = &core->link[index];
    for (uint32_t i = 0; i < core->lane_count; i++) {
        struct node_lane *lane = &core->lane[i];
        if (lane->link != index)
            continue;
        lane->started = lane->has_signed = false;
        for (uint32_t at = lane->streams; at != NODE_NONE; at = core->stream[at].next)
            node_stream_restart(s, &core->stream[at], core->stream[at].last);
    }
    memset(&link->credit, 0, sizeof link->credit);
    memset(link->submit, 0, sizeof link->submit);
    memset(link->deliver, 0, sizeof link->deliver);
    link->confirm_ticket = 0;
    link->has_echo = false;
    link->ahead = 0;
    link->gap_since_mono_ms = 0;
    link->taken_bytes = 0;
    link->piece_version = 0;
}

void node_session_over(struct node_step *s, uint8_t index, enum wire_status why)
{
    struct node_link *link = &s->core->link[index];
    if (link->state == NODE_IDLE)
        return;
    forget_session(s, index);
    set_state(s, link, NODE_IDLE);
    link->reason = why;
    node_note(s, NODE_NOTE_LINK_DOWN, index)->status = why;
}

void node_session_cut(struct node_step *s, uint8_t index, enum wire_status why)
{
    if (s->core->link[index].state == NODE_IDLE)
        return;
    node_cut(s, index, why);
    node_session_over(s, index, why);
}

void node_on_bye(struct node_step *s)
{
    const struct node_bye *in = &s->event->u.bye;
    node_session_cut(s, in->link, (enum wire_status)in->bye->reason);
}

void node_on_bad_frame(struct node_step *s)
{
    const struct node_bad_frame *in = &s->event->u.bad;
    if (s->core->link[in->link].state == NODE_IDLE)
        return;
    node_note(s, NODE_NOTE_BAD_FRAME, in->link)->status = in->status;
    node_session_cut(s, in->link, in->status);
}

/* --- HELLO ----------------------------------------------------------------------------------------------------------
 */

static Wire__LineageToken *token_of(struct node_step *s, const struct node_link *link)
{
    Wire__LineageToken *token = node_take(s, sizeof *token);
    wire__lineage_token__init(token);
    token->ledger_id = node_bin(link->token.ledger_id, WIRE_ID_BYTES);
    token->generation = link->token.generation;
    token->serial = link->token.serial;
    token->random = node_bin(link->token.random, WIRE_ID_BYTES);
    return token;
}

static Wire__StreamHead *stream_head(struct node_step *s, const struct node_stream *stream)
{
    const struct node_lane *lane = &s->core->lane[stream->lane];
    Wire__StreamHead *head = node_take(s, sizeof *head);
    wire__stream_head__init(head);
    head->mechanism = (char *)(uintptr_t)lane->mechanism;
    head->lane = lane->lane;
    head->store_id = node_bin(stream->store_id, WIRE_ID_BYTES);
    head->head = stream->last;
    head->has_receipted = true;
    head->receipted = stream->receipted;
    return head;
}

static void add_streams(struct node_step *s, uint8_t index, Wire__Hello *hello)
{
    const struct node_core *core = s->core;
    hello->stream = node_take(s, core->stream_top * sizeof *hello->stream);
    for (uint32_t i = 0; i < core->stream_top; i++)
        if (core->stream[i].used && core->lane[core->stream[i].lane].link == index && core->stream[i].last > 0)
            hello->stream[hello->n_stream++] = stream_head(s, &core->stream[i]);
}

static Wire__Cursor *cursor_of(struct node_step *s, const struct node_lane *lane)
{
    Wire__Cursor *cursor = node_take(s, sizeof *cursor);
    wire__cursor__init(cursor);
    cursor->mechanism = (char *)(uintptr_t)lane->mechanism;
    cursor->lane = lane->lane;
    cursor->generation = lane->generation;
    cursor->number = lane->number;
    cursor->chain = node_bin(lane->chain.bytes, WIRE_HASH_BYTES);
    return cursor;
}

static void add_cursors(struct node_step *s, uint8_t index, Wire__Hello *hello)
{
    const struct node_core *core = s->core;
    hello->cursor = node_take(s, core->lane_count * sizeof *hello->cursor);
    for (uint32_t i = 0; i < core->lane_count; i++)
        if (core->lane[i].link == index && core->lane[i].has_cursor)
            hello->cursor[hello->n_cursor++] = cursor_of(s, &core->lane[i]);
}

static void add_grants(struct node_step *s, struct node_link *link, Wire__Hello *hello)
{
    if (s->core->no_room)
        return;
    hello->grant = node_take(s, WIRE_LANES * sizeof *hello->grant);
    for (size_t lane = 0; lane < WIRE_LANES; lane++) {
        link->deliver[lane].granted = wire_credit_window((uint32_t)lane);
        hello->grant[lane] = node_take(s, sizeof *hello->grant[lane]);
        wire__grant__init(hello->grant[lane]);
        hello->grant[lane]->lane = (Wire__Lane)lane;
        hello->grant[lane]->offset = link->deliver[lane].granted;
    }
    hello->n_grant = WIRE_LANES;
}

static void add_fill(struct node_send *send, enum node_fill what, const struct node_key *key)
{
    if (key->size == 0)
        return;
    send->fill[send->fill_count].what = what;
    send->fill[send->fill_count++].key = *key;
}

/* What HELLO shows must be durable: a cursor or a receipt that a crash takes back would be lost. */
static void send_hello(struct node_step *s, uint8_t index)
{
    struct node_link *link = &s->core->link[index];
    Wire__Frame *frame = node_frame(s, WIRE__FRAME__BODY_HELLO);
    Wire__Hello *hello = frame->hello = node_take(s, sizeof *hello);
    wire__hello__init(hello);
    hello->version_min = hello->version_max = WIRE_PROTOCOL_VERSION;
    hello->software = (char *)(uintptr_t)s->core->options.software;
    hello->region = s->core->options.region;
    hello->store_id = node_bin(link->store_id, WIRE_ID_BYTES);
    if (link->has_token)
        hello->token = token_of(s, link);
    add_streams(s, index, hello);
    add_cursors(s, index, hello);
    add_grants(s, link, hello);
    hello->policy_version =
        s->core->rules_next.version > s->core->rules.version ? s->core->rules_next.version : s->core->rules.version;
    hello->directory_epoch = s->core->directory_epoch;
    hello->receipts_taken = link->receipts_taken;
    hello->nonce = node_bin(link->nonce, WIRE_ID_BYTES);
    struct node_send *send = node_send(s, index, s->core->last_ticket, frame);
    add_fill(send, NODE_FILL_NEWEST_RECEIPT, &link->newest_receipt);
    add_fill(send, NODE_FILL_COMPLETENESS, &link->newest_completeness);
}

void node_on_up(struct node_step *s, uint8_t index)
{
    struct node_link *link = &s->core->link[index];
    node_session_over(s, index, WIRE_REPLACED); /* LOST did not come */
    set_state(s, link, NODE_GREETING);
    link->reason = WIRE_OK;
    link->heard_mono_ms = s->event->mono_ms;
    link->pulse_ms = WIRE_PULSE_MS;
    link->rtt_ms = -1;
    link->taken_told = link->taken_durable = link->receipts_taken; /* HELLO goes after the ticket of all of them */
    link->taken_ticket = 0;
    node_draw(s, link->nonce, WIRE_ID_BYTES);
    send_hello(s, index);
}

/* --- WELCOME --------------------------------------------------------------------------------------------------------
 */

static bool welcome_is_sane(const Wire__Welcome *welcome)
{
    const Wire__LineageToken *token = welcome->token;
    return welcome->version == WIRE_PROTOCOL_VERSION && welcome->ledger_id.len == WIRE_ID_BYTES && token != NULL &&
           token->ledger_id.len == WIRE_ID_BYTES && token->random.len == WIRE_ID_BYTES && welcome->pulse_ms > 0 &&
           welcome->wall_ms >= 0 && welcome->wall_ms <= INT64_MAX / 2;
}

static void take_grants(struct node_link *link, const Wire__Welcome *welcome)
{
    for (size_t i = 0; i < welcome->n_grant; i++)
        if ((unsigned)welcome->grant[i]->lane < WIRE_LANES)
            wire_credit_open(&link->credit, (uint32_t)welcome->grant[i]->lane, welcome->grant[i]->offset);
}

/* Another ledger, or one that an operator has declared to have lost something: it counts receipts anew. */
static void take_ledger(struct node_step *s, uint8_t index, const Wire__Welcome *welcome)
{
    struct node_link *link = &s->core->link[index];
    bool other = link->has_token && memcmp(link->token.ledger_id, welcome->ledger_id.data, WIRE_ID_BYTES) != 0;
    if (other || (link->generation != 0 && welcome->generation != link->generation)) {
        struct node_note *note = node_note(s, NODE_NOTE_OTHER_LEDGER, index);
        note->a = link->generation;
        note->b = welcome->generation;
        link->newest_serial = 0;
    }
    if (other) {
        link->newest_receipt.size = link->newest_completeness.size = 0;
        node_forget_completeness(s->core, index);
    }
    link->generation = welcome->generation;
    if (!welcome->has_receipts_from || welcome->receipts_from == link->receipts_taken + 1)
        return;
    if (welcome->receipts_from > link->receipts_taken + 1) {
        struct node_note *note = node_note(s, NODE_NOTE_RECEIPT_GAP, index);
        note->a = link->receipts_taken + 1;
        note->b = welcome->receipts_from;
    }
    link->receipts_taken = welcome->receipts_from - 1;
    link->taken_durable = link->taken_told = link->receipts_taken;
}

static void take_token(struct node_link *link, const Wire__LineageToken *token)
{
    link->has_token = true;
    memcpy(link->token.ledger_id, token->ledger_id.data, WIRE_ID_BYTES);
    link->token.generation = token->generation;
    link->token.serial = token->serial;
    memcpy(link->token.random, token->random.data, WIRE_ID_BYTES);
}

static void take_welcome(struct node_step *s, uint8_t index, const Wire__Welcome *welcome)
{
    struct node_link *link = &s->core->link[index];
    take_grants(link, welcome);
    take_ledger(s, index, welcome);
    take_token(link, welcome->token);
    for (size_t i = 0; i < welcome->n_number; i++)
        node_number_seen(s, welcome->number[i]->date, welcome->number[i]->serial);
    node_lineage(s, index, welcome);
    node_put_link(s, index);
    link->confirm_ticket = node_ticket(s);
    set_state(s, link, NODE_UNCONFIRMED);
}

void node_on_welcome(struct node_step *s)
{
    const struct node_welcome *in = &s->event->u.welcome;
    const Wire__Welcome *welcome = in->welcome;
    struct node_link *link = &s->core->link[in->link];
    if (link->state != NODE_GREETING ||
        !wire_bytes_equal(node_bytes_of(welcome->nonce), wire_bytes(link->nonce, WIRE_ID_BYTES)))
        return; /* the answer to an older HELLO */
    if (!welcome_is_sane(welcome)) {
        node_session_cut(s, in->link, welcome->version == WIRE_PROTOCOL_VERSION ? WIRE_BAD_FRAME : WIRE_VERSION);
        return;
    }
    link->heard_mono_ms = s->event->mono_ms;
    link->pulse_ms = welcome->pulse_ms;
    link->next_pulse_mono_ms = s->event->mono_ms + link->pulse_ms;
    link->standing = welcome->standing;
    link->offset_ms = welcome->wall_ms - s->event->wall_ms;
    link->broker_policy = welcome->policy_version;
    link->broker_epoch = welcome->directory_epoch;
    node_note(s, NODE_NOTE_LINK_UP, in->link)->a = (uint64_t)welcome->standing;
    if (welcome->standing == WIRE__STANDING__NORMAL || welcome->standing == WIRE__STANDING__FORK) {
        take_welcome(s, in->link, welcome);
        for (size_t i = 0; i < welcome->n_completeness; i++)
            if (in->completeness_good[i] && in->completeness[i] != NULL)
                node_take_completeness(s, in->link, welcome->completeness[i], in->completeness[i]);
        return;
    }
    /* It takes and gives nothing: the token we hold stays the one it has confirmed. */
    bool back = welcome->standing == WIRE__STANDING__ROLLED_BACK;
    link->reason = back ? WIRE_ROLLED_BACK : WIRE_FORK_STOPPED;
    node_note(s, back ? NODE_NOTE_ROLLED_BACK : NODE_NOTE_STOPPED, in->link)->status = link->reason;
    set_state(s, link, NODE_UNCONFIRMED);
}

void node_session_committed(struct node_step *s, uint8_t index)
{
    struct node_link *link = &s->core->link[index];
    if (link->state != NODE_UNCONFIRMED || link->confirm_ticket == 0 || link->confirm_ticket > s->core->committed)
        return;
    link->confirm_ticket = 0;
    set_state(s, link, NODE_LIVE);
    node_note(s, NODE_NOTE_LINK_LIVE, index);
    node_pulse_send(s, index); /* confirms the token */
    node_work(s->core, index);
}
