#include "broker/core/text.h"
#include "broker/core/inside.h"
#include "wire/codec.h"
#include "wire/lane.h"

enum { TEXT_DECODE_BYTES = 256 * 1024 };

static const char *const verdict_names[] = {"?",       "admitted",           "refused", "duplicate", "expired",
                                            "arrived", "arrived-unreadable", "rejected"};
static const char *const outcome_names[] = {"?", "judged", "bad-batch", "conflict", "expected-first"};
static const char *const standing_names[] = {"normal", "fork", "rolled-back", "stopped"};
static const char *const topic_names[] = {
    [BROKER_NOTE_SESSION_UP] = "session-up",
    [BROKER_NOTE_SESSION_DOWN] = "session-down",
    [BROKER_NOTE_REFUSED_PEER] = "refused-peer",
    [BROKER_NOTE_MISBEHAVED] = "misbehaved",
    [BROKER_NOTE_JUDGED] = "judged",
    [BROKER_NOTE_REPEATED] = "repeated",
    [BROKER_NOTE_BAD_BATCH] = "bad-batch",
    [BROKER_NOTE_CONFLICT] = "conflict",
    [BROKER_NOTE_EXPECTED_FIRST] = "expected-first",
    [BROKER_NOTE_FORK] = "fork",
    [BROKER_NOTE_FORK_STOPPED] = "fork-stopped",
    [BROKER_NOTE_ROLLED_BACK] = "rolled-back",
    [BROKER_NOTE_CURSOR_MISMATCH] = "cursor-mismatch",
    [BROKER_NOTE_ARRIVED] = "arrived",
    [BROKER_NOTE_REMINDER] = "reminder",
    [BROKER_NOTE_OVERDUE] = "overdue",
    [BROKER_NOTE_OWN_REFUSED] = "own-refused",
    [BROKER_NOTE_CREDIT_REASON] = "credit-reason",
    [BROKER_NOTE_LINK] = "link",
    [BROKER_NOTE_POLICY] = "policy",
    [BROKER_NOTE_DIRECTORY] = "directory",
    [BROKER_NOTE_LIMIT] = "limit",
    [BROKER_NOTE_DAMAGED] = "damaged",
    [BROKER_NOTE_RECOVERED] = "recovered",
};

const char *broker_topic_name(enum broker_topic topic)
{
    size_t count = sizeof topic_names / sizeof topic_names[0];
    return (size_t)topic < count && topic_names[topic] != NULL ? topic_names[topic] : "?";
}

static void text_grants(struct wire_text *text, Wire__Grant *const *grants, size_t count)
{
    for (size_t i = 0; i < count; i++)
        wire_text_format(text, " %s=%llu", wire_lane_name((uint32_t)grants[i]->lane),
                         (unsigned long long)grants[i]->offset);
}

static void text_verdict(struct wire_text *text, const Wire__Verdict *verdict)
{
    wire_text_format(text, "    %llu %s", (unsigned long long)verdict->seq, verdict_names[verdict->code & 7]);
    if (verdict->has_reason)
        wire_text_format(text, " %s", wire_status_name(verdict->reason));
    if (verdict->detail != NULL)
        wire_text_format(text, " (%s)", verdict->detail);
    if (verdict->allowed != NULL)
        wire_text_format(text, " allowed: %s", verdict->allowed);
    if (verdict->has_first_code)
        wire_text_format(text, " first %s at %lld", verdict_names[verdict->first_code & 7],
                         (long long)verdict->first_at_ms);
    const Wire__Disposition *given = verdict->disposition;
    if (given != NULL) {
        wire_text_format(text, " rule %s to", given->rule_name);
        for (size_t i = 0; i < given->n_to; i++)
            wire_text_format(text, " %u", given->to[i]);
        for (size_t i = 0; i < given->n_cc; i++)
            wire_text_format(text, "%s %u", i == 0 ? " cc" : "", given->cc[i]);
        for (size_t i = 0; i < given->n_not_enrolled; i++)
            wire_text_format(text, "%s %u", i == 0 ? " not enrolled" : "", given->not_enrolled[i]);
    }
    wire_text_string(text, "\n");
}

static void text_receipt(struct wire_text *text, const Wire__ReceiptStatement *statement)
{
    wire_text_format(text, " %s %s/%s first %llu count %u", outcome_names[statement->outcome % 5], statement->mechanism,
                     wire_lane_name((uint32_t)statement->lane), (unsigned long long)statement->first, statement->count);
    if (statement->has_reason)
        wire_text_format(text, " %s", wire_status_name(statement->reason));
    wire_text_format(text, " serial %llu\n", (unsigned long long)statement->ledger_serial);
    for (size_t i = 0; i < statement->n_verdict; i++)
        text_verdict(text, statement->verdict[i]);
}

/* Decoded in memory of its own; one too large for that is told by its size. */
static void text_signed(struct wire_text *text, const Wire__Signed *signed_)
{
    uint8_t memory[TEXT_DECODE_BYTES];
    struct wire_arena arena;
    enum wire_status status;
    wire_arena_over(&arena, memory, sizeof memory);
    if (signed_->signature.len > 0) {
        wire_text_format(text, " forwarded type %d\n", (int)signed_->type);
        return;
    }
    const ProtobufCMessage *statement =
        wire_decode(&wire__receipt_statement__descriptor, wire_bytes(signed_->statement.data, signed_->statement.len),
                    WIRE_STRICT_NONE, &arena, &status);
    if (statement == NULL)
        wire_text_format(text, " statement of %zu bytes\n", signed_->statement.len);
    else
        text_receipt(text, (const Wire__ReceiptStatement *)statement);
}

static void text_completeness(struct wire_text *text, Wire__Signed *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t memory[TEXT_DECODE_BYTES];
        struct wire_arena arena;
        enum wire_status status;
        wire_arena_over(&arena, memory, sizeof memory);
        const Wire__CompletenessStatement *statement = (const Wire__CompletenessStatement *)wire_decode(
            &wire__completeness_statement__descriptor, wire_bytes(list[i]->statement.data, list[i]->statement.len),
            WIRE_STRICT_NONE, &arena, &status);
        if (statement == NULL)
            continue;
        wire_text_format(text, "\n    complete %s/%s to %llu chain ", statement->mechanism,
                         wire_lane_name((uint32_t)statement->lane), (unsigned long long)statement->number);
        broker_text_hex(text, statement->chain.data, statement->chain.len);
    }
}

static void text_welcome(struct wire_text *text, const Wire__Welcome *welcome)
{
    wire_text_format(text, " %s token %llu/%llu", standing_names[welcome->standing & 3],
                     (unsigned long long)welcome->token->generation, (unsigned long long)welcome->token->serial);
    text_grants(text, welcome->grant, welcome->n_grant);
    wire_text_format(text, " policy %llu directory %llu receipts from %llu",
                     (unsigned long long)welcome->policy_version, (unsigned long long)welcome->directory_epoch,
                     (unsigned long long)welcome->receipts_from);
    for (size_t i = 0; i < welcome->n_head; i++)
        wire_text_format(text, "\n    head %s/%s %llu%s", welcome->head[i]->mechanism,
                         wire_lane_name((uint32_t)welcome->head[i]->lane), (unsigned long long)welcome->head[i]->head,
                         welcome->head[i]->has_frozen && welcome->head[i]->frozen ? " frozen" : "");
    for (size_t i = 0; i < welcome->n_number; i++)
        wire_text_format(text, "\n    number %u-%u", welcome->number[i]->date, welcome->number[i]->serial);
    for (size_t i = 0; i < welcome->n_known; i++) {
        wire_text_string(text, "\n    known ");
        broker_text_hex(text, welcome->known[i]->id.data + welcome->known[i]->id.len - 4, 4);
    }
    text_completeness(text, welcome->completeness, welcome->n_completeness);
    wire_text_string(text, "\n");
}

static void text_credit(struct wire_text *text, const Wire__Credit *credit)
{
    text_grants(text, credit->grant, credit->n_grant);
    if (credit->has_reason)
        wire_text_format(text, " reason %s", wire_status_name(credit->reason));
    if (credit->has_wanted)
        wire_text_format(text, " wanted %llu %s", (unsigned long long)credit->wanted,
                         wire_lane_name((uint32_t)credit->wanted_lane));
    wire_text_string(text, "\n");
}

static void text_deliver(struct wire_text *text, const struct broker_send *send)
{
    const Wire__Deliver *deliver = send->frame->deliver;
    wire_text_format(text, " %s/%s number %llu%s serial %llu cost %u", deliver->mechanism,
                     wire_lane_name((uint32_t)deliver->lane), (unsigned long long)deliver->number,
                     deliver->again ? " again" : "", (unsigned long long)send->part.serial, send->part.cost);
    broker_text_part(text, send->part.given, send->part.owes, send->part.count);
    wire_text_string(text, " chain ");
    broker_text_hex(text, deliver->chain.data, deliver->chain.len);
    wire_text_string(text, "\n");
}

static void text_pulse(struct wire_text *text, const Wire__Pulse *pulse)
{
    wire_text_format(text, " %llu", (unsigned long long)pulse->serial);
    for (size_t i = 0; i < pulse->n_queue; i++)
        wire_text_format(text, " %s depth %llu", wire_lane_name((uint32_t)pulse->queue[i]->lane),
                         (unsigned long long)pulse->queue[i]->depth);
    text_completeness(text, pulse->completeness, pulse->n_completeness);
    wire_text_string(text, "\n");
}

static void text_send(struct wire_text *text, const struct broker_send *send)
{
    const Wire__Frame *frame = send->frame;
    wire_text_format(text, "send peer %llu", (unsigned long long)send->peer);
    if (send->after != 0)
        wire_text_format(text, " after #%llu", (unsigned long long)send->after);
    switch (frame->body_case) {
    case WIRE__FRAME__BODY_WELCOME:
        wire_text_string(text, " WELCOME");
        text_welcome(text, frame->welcome);
        break;
    case WIRE__FRAME__BODY_RECEIPT:
        wire_text_format(text, " RECEIPT %llu", (unsigned long long)frame->receipt->number);
        text_signed(text, frame->receipt->signed_);
        break;
    case WIRE__FRAME__BODY_DELIVER:
        wire_text_string(text, " DELIVER");
        text_deliver(text, send);
        break;
    case WIRE__FRAME__BODY_CREDIT:
        wire_text_string(text, " CREDIT");
        text_credit(text, frame->credit);
        break;
    case WIRE__FRAME__BODY_PULSE:
        wire_text_string(text, " PULSE");
        text_pulse(text, frame->pulse);
        break;
    case WIRE__FRAME__BODY_BYE:
        wire_text_format(text, " BYE %s\n", wire_status_name(frame->bye->reason));
        break;
    default:
        wire_text_string(text, " ?\n");
    }
}

static void text_append(struct wire_text *text, const struct broker_append *append)
{
    wire_text_format(text, "append #%llu", (unsigned long long)append->ticket);
    if (append->batch != NULL)
        wire_text_format(text, " with the payloads of serial %llu", (unsigned long long)append->serial);
    wire_text_string(text, "\n");
    for (size_t i = 0; i < append->count; i++)
        broker_text_row(text, &append->rows[i]);
}

static void text_seal(struct wire_text *text, const struct broker_seal *seal)
{
    static const char *const duties[] = {"arrive", "sign-for", "first-feedback", "close"};
    wire_text_format(text, "seal %llu %s/%s\n", (unsigned long long)seal->request, seal->mechanism,
                     wire_lane_name((uint32_t)seal->lane));
    for (size_t i = 0; i < seal->count; i++) {
        const struct broker_draft *draft = &seal->drafts[i];
        wire_text_format(text, "  kind %u to", draft->kind);
        for (uint32_t to = 0; to < draft->to_count; to++)
            wire_text_format(text, " %06u", draft->to[to]);
        wire_text_format(text, " about %06u serial %llu/%u: %06u owes %s by %lld\n", draft->origin,
                         (unsigned long long)draft->serial, draft->index, draft->who, duties[draft->duty & 3],
                         (long long)draft->due_ms);
    }
}

static void text_note(struct wire_text *text, const struct broker_note *note)
{
    wire_text_format(text, "note %s", broker_topic_name(note->topic));
    if (note->status != WIRE_OK)
        wire_text_format(text, " %s", wire_status_name(note->status));
    if (note->region != 0)
        wire_text_format(text, " %06u", note->region);
    wire_text_format(text, " %llu %llu %llu\n", (unsigned long long)note->a, (unsigned long long)note->b,
                     (unsigned long long)note->c);
}

static void text_effect(struct wire_text *text, const struct broker_effect *effect)
{
    const struct broker_fetch *fetch = &effect->fetch;
    switch (effect->kind) {
    case BROKER_APPEND:
        text_append(text, &effect->append);
        break;
    case BROKER_SEND:
        text_send(text, &effect->send);
        break;
    case BROKER_SEND_POLICY:
        wire_text_format(text, "send peer %llu after #%llu POLICY %llu\n", (unsigned long long)effect->send_policy.peer,
                         (unsigned long long)effect->send_policy.after,
                         (unsigned long long)effect->send_policy.version);
        break;
    case BROKER_SEND_DIRECTORY:
        wire_text_format(
            text, "send peer %llu after #%llu DIRECTORY above %llu to %llu\n",
            (unsigned long long)effect->send_directory.peer, (unsigned long long)effect->send_directory.after,
            (unsigned long long)effect->send_directory.from_epoch, (unsigned long long)effect->send_directory.epoch);
        break;
    case BROKER_FETCH:
        wire_text_format(text, "fetch %s", broker_table_name(fetch->table));
        broker_text_key(text, fetch->table, fetch->from);
        wire_text_format(text, " rows %u%s\n", fetch->rows_max, fetch->exact ? " exact" : "");
        break;
    case BROKER_CUT:
        wire_text_format(text, "cut peer %llu %s\n", (unsigned long long)effect->cut.peer,
                         wire_status_name(effect->cut.status));
        break;
    case BROKER_WAKE:
        wire_text_format(text, "wake %lld\n", (long long)effect->wake_ms);
        break;
    case BROKER_SEAL:
        text_seal(text, &effect->seal);
        break;
    case BROKER_NOTE:
        text_note(text, &effect->note);
        break;
    }
}

void broker_core_text(const struct broker_out *out, struct wire_text *text)
{
    for (size_t i = 0; i < out->count; i++)
        text_effect(text, &out->effects[i]);
    if (out->more)
        wire_text_string(text, "more\n");
}
