#define _GNU_SOURCE
#include "support.h"
#include "certs/hash.h"
#include "link/json.h"
#include "link/policy_yaml.h"
#include "wire/ensure.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* clang-format off */
const char NOTICE[] =
    "{\"kind\":\"contact-notice\",\"concerns\":[330300],\"payload\":{\"common\":{\"title\":\"G7348 次同乘\",\"issuer\":\"疾控中心\","
    "\"drafter\":\"甲\",\"approver\":\"乙\",\"precedence\":\"特急\",\"openness\":\"不予公开\",\"disease\":\"新型冠状病毒肺炎\","
    "\"contact\":\"值班室\"},\"type\":\"具名密接\",\"case_no\":\"3100001\",\"case_class\":\"确诊\",\"confirmed_day\":\"2020-02-10\","
    "\"ask\":[\"查找\",\"反馈\"],\"observe_until_day\":\"2020-02-24\",\"to_check\":1,\"person\":[{\"ref\":1,\"name\":\"测试甲\","
    "\"phone\":\"13800001111\",\"region\":330300,\"last_contact_day\":\"2020-02-08\"}]}}";
const char SUPPLY[] =
    "{\"kind\":\"supply-request\",\"payload\":{\"common\":{\"title\":\"口罩\",\"issuer\":\"物资组\",\"drafter\":\"甲\",\"approver\":\"乙\","
    "\"precedence\":\"加急\",\"openness\":\"依申请公开\",\"disease\":\"新型冠状病毒肺炎\",\"contact\":\"值班室\"},\"facility\":\"县医院\","
    "\"line\":[{\"line_no\":1,\"resource\":\"物资\",\"item\":\"口罩\",\"quantity_kind\":\"确数\",\"quantity\":100,\"unit\":\"只\","
    "\"needed_day\":\"2020-02-20\"}],\"partial\":true,\"expires_ms\":\"2020-03-01\"}}";
/* clang-format on */

/* --- publishing --- */

struct pending {
    uv_timer_t timer;
    struct fake *fake;
    struct api_result *results;
    size_t count;
    void (*done)(void *, const struct api_result *, size_t);
    void *context;
};

static struct fake_sent *find_sent(struct fake *fake, const uint8_t *id)
{
    for (size_t i = 0; i < fake->sent_count; i++)
        if (memcmp(fake->sent[i].id, id, WIRE_ID_BYTES) == 0)
            return &fake->sent[i];
    return NULL;
}

static void check_draft(const Wire__Header *header)
{
    cr_assert_eq(header->id.len, WIRE_ID_BYTES);
    cr_assert_eq(header->version, WIRE_PROTOCOL_VERSION);
    cr_assert_not_null(header->mechanism);
    cr_assert_neq(header->mechanism[0], '\0');
    cr_assert(wire_day_valid(header->keep_until), "keep_until %u", header->keep_until);
    cr_assert_gt(header->keep_until, 20200212u);
    cr_assert_neq(header->issuer_unit, 0);
}

static void take(struct fake *fake, const struct api_draft *draft, struct api_result *result)
{
    const Wire__Header *header = draft->header;
    memcpy(result->id, header->id.data, WIRE_ID_BYTES);
    struct fake_sent *sent = find_sent(fake, header->id.data);
    result->status = sent != NULL ? WIRE_EXISTS : fake->publish_status;
    if (sent == NULL && result->status == WIRE_OK) {
        check_draft(header);
        cr_assert_lt(fake->sent_count, FAKE_ROWS_MAX);
        sent = &fake->sent[fake->sent_count++];
        *sent = (struct fake_sent){.serial = (uint32_t)fake->sent_count, .state = WIRE__NODE_OUTBOX_STATE__NODE_DRAFT};
        memcpy(sent->id, header->id.data, WIRE_ID_BYTES);
        sent->header_size = protobuf_c_message_get_packed_size(&header->base);
        sent->header = malloc(sent->header_size + 1);
        protobuf_c_message_pack(&header->base, sent->header);
        sent->payload = malloc(draft->payload.size + 1);
        memcpy(sent->payload, draft->payload.data, draft->payload.size);
        sent->payload_size = draft->payload.size;
        sent->lane = header->lane;
        snprintf(sent->mechanism, sizeof sent->mechanism, "%s", header->mechanism);
    }
    if (sent != NULL)
        result->number = (struct wire_number){fake->region, 20200212, sent->serial};
}

static void pending_closed(uv_handle_t *handle)
{
    struct pending *pending = handle->data;
    free(pending->results);
    free(pending);
}

static void on_pending(uv_timer_t *timer)
{
    struct pending *pending = timer->data;
    pending->fake->done_pending--;
    pending->done(pending->context, pending->results, pending->count);
    uv_close((uv_handle_t *)timer, pending_closed);
}

static void later(struct fake *fake, struct api_result *results, size_t count,
                  void (*done)(void *, const struct api_result *, size_t), void *context)
{
    if (fake->never_done) {
        free(results);
        return;
    }
    struct pending *pending = calloc(1, sizeof *pending);
    *pending = (struct pending){.fake = fake, .results = results, .count = count, .done = done, .context = context};
    uv_timer_init(&fake->loop, &pending->timer);
    pending->timer.data = pending;
    fake->done_pending++;
    uv_timer_start(&pending->timer, on_pending, 0, 0);
}

static void fake_publish(void *context, struct api_draft *drafts, size_t count,
                         void (*done)(void *, const struct api_result *, size_t), void *done_context)
{
    struct fake *fake = context;
    struct api_result *results = calloc(count, sizeof *results);
    fake->publish_calls++;
    fake->publish_most = count > fake->publish_most ? count : fake->publish_most;
    for (size_t i = 0; i < count; i++)
        take(fake, &drafts[i], &results[i]);
    later(fake, results, count, done, done_context);
}

static void fake_withdraw(void *context, const uint8_t id[WIRE_ID_BYTES],
                          void (*done)(void *, const struct api_result *, size_t), void *done_context)
{
    struct fake *fake = context;
    struct api_result *result = calloc(1, sizeof *result);
    struct fake_sent *sent = find_sent(fake, id);
    memcpy(result->id, id, WIRE_ID_BYTES);
    result->status = sent == NULL                                         ? WIRE_NOT_FOUND
                     : sent->state == WIRE__NODE_OUTBOX_STATE__NODE_DRAFT ? WIRE_OK
                                                                          : WIRE_EXISTS;
    if (result->status == WIRE_OK)
        sent->state = WIRE__NODE_OUTBOX_STATE__NODE_WITHDRAWN;
    fake->withdrawn++;
    later(fake, result, 1, done, done_context);
}

/* --- rules --- */

static bool is_enrolled(void *context, uint32_t region)
{
    struct fake *fake = context;
    for (size_t i = 0; i < fake->enrolled_count; i++)
        if (fake->enrolled[i] == region)
            return true;
    return false;
}

static void look_up(struct fake *fake, const Wire__Header *header, struct wire_arena *arena,
                    struct rules_question *question)
{
    if (header->in_reply_to != NULL) {
        struct rules_parent *parent = wire_arena_take(arena, sizeof *parent);
        for (size_t i = 0; i < fake->received_count; i++) {
            Wire__Header *asked =
                wire__header__unpack(&arena->allocator, fake->received[i].header_size, fake->received[i].header);
            if (asked != NULL && memcmp(asked->id.data, header->in_reply_to->id.data, WIRE_ID_BYTES) == 0)
                *parent = (struct rules_parent){.found = true,
                                                .given = true,
                                                .origin = asked->origin,
                                                .mechanism = asked->mechanism,
                                                .lane = asked->lane,
                                                .status = asked->status,
                                                .keep_until = asked->keep_until};
        }
        question->parent = parent;
    }
    if (header->action == WIRE__ACTION__ISSUE || header->n_references == 0)
        return;
    struct fake_sent *sent = find_sent(fake, header->references[0]->id.data);
    struct rules_original *original = wire_arena_take(arena, sizeof *original);
    uint32_t *to = wire_arena_take(arena, sizeof *to);
    if (sent == NULL)
        return;
    *to = fake->region == 330000 ? 310000 : 330000;
    *original = (struct rules_original){.found = true,
                                        .origin = fake->region,
                                        .kind = header->kind,
                                        .mechanism = sent->mechanism,
                                        .lane = sent->lane,
                                        .keep_until = 20200401,
                                        .to = to,
                                        .to_count = 1};
    question->original = original;
}

static enum wire_status fake_preview(void *context, struct api_draft *draft, struct wire_arena *arena,
                                     struct api_preview *out, struct wire_problem *problem)
{
    struct fake *fake = context;
    Wire__Header *header = draft->header;
    if (fake->no_policy)
        return wire_fail(problem, WIRE_NO_POLICY, "", "没有规则", "no rules");
    out->question = wire_arena_take(arena, sizeof *out->question);
    out->decision = wire_arena_take(arena, sizeof *out->decision);
    if (out->question == NULL || out->decision == NULL)
        return wire_fail(problem, WIRE_NO_MEMORY, "", "", "");
    rules_question_of(header, out->question);
    out->question->mechanism = draft->choose_mechanism ? NULL : header->mechanism;
    out->question->preview = true;
    out->question->now_ms = fake->now_ms;
    out->question->enrolled = is_enrolled;
    out->question->context = fake;
    look_up(fake, header, arena, out->question);
    enum wire_status status = rules_decide(fake->policy, out->question, out->decision);
    if (status != WIRE_OK)
        return wire_failf(problem, status, "rules", "规则不允许：%s", "the rules refuse it: %s", out->decision->detail);
    const struct rules_mechanism *mechanism = rules_policy_at(fake->policy, out->decision->mechanism);
    const struct rules_rule *rule = rules_rule_at(mechanism, out->decision->rule);
    header->mechanism = wire_arena_text(arena, mechanism->id, strlen(mechanism->id));
    header->lane = out->decision->lane;
    header->form = out->decision->sealed ? WIRE__PAYLOAD_FORM__SEALED : WIRE__PAYLOAD_FORM__CLEAR;
    struct rules_dates dates = {header->created_ms, draft->last_exposure, draft->valid_until};
    header->keep_until = rule == NULL ? out->decision->keep_until : rules_keep_until(rule, &dates);
    return WIRE_OK;
}

static const struct rules_policy *fake_policy(void *context)
{
    struct fake *fake = context;
    return fake->no_policy ? NULL : fake->policy;
}

static const Wire__PolicyText *fake_policy_text(void *context, struct wire_arena *arena)
{
    struct fake *fake = context;
    if (fake->no_policy)
        return NULL;
    Wire__PolicyText *text = wire_arena_take(arena, sizeof *text);
    Wire__PolicyFile *file = wire_arena_take(arena, sizeof *file);
    wire__policy_text__init(text);
    wire__policy_file__init(file);
    file->name = wire_arena_text(arena, "a.yaml", 6);
    file->text.data = (uint8_t *)wire_arena_text(arena, "id: a\n", 6);
    file->text.len = 6;
    text->version = 7;
    text->installation = wire_arena_text(arena, "测试", 6);
    text->file = wire_arena_take(arena, sizeof *text->file);
    text->file[0] = file;
    text->n_file = 1;
    return text;
}

/* --- reading --- */

static bool inbox_row(struct fake *fake, size_t index, struct wire_arena *arena, struct api_inbox_row *row)
{
    struct fake_received *received = &fake->received[index];
    Wire__NodeInbox *inbox = wire_arena_take(arena, sizeof *inbox);
    *row = (struct api_inbox_row){.order = index + 1, .inbox = inbox};
    wire__node_inbox__init(inbox);
    if (!received->unreadable)
        row->header = wire__header__unpack(&arena->allocator, received->header_size, received->header);
    inbox->origin = 310000;
    inbox->owes = received->owes;
    inbox->arrived_ms = received->arrived_ms;
    inbox->mechanism = "yangtze-delta";
    inbox->link = "delta";
    inbox->lane = WIRE__LANE__URGENT;
    Wire__Disposition *disposition = wire_arena_take(arena, sizeof *disposition);
    Wire__Term *term = wire_arena_take(arena, sizeof *term);
    wire__disposition__init(disposition);
    wire__term__init(term);
    term->duty = WIRE__DUTY__SIGN_FOR;
    term->minutes = 30;
    disposition->rule = 1;
    disposition->rule_name = "contacts";
    disposition->keep_until = 20200401;
    disposition->term = wire_arena_take(arena, sizeof *disposition->term);
    disposition->term[0] = term;
    disposition->n_term = 1;
    inbox->disposition = disposition;
    if (received->has_known)
        row->known = &received->known;
    row->payload = wire_bytes(received->payload, received->payload_size);
    row->payload_status = received->payload_status;
    if (received->payload_status != WIRE_OK)
        row->payload = wire_bytes(NULL, 0);
    return true;
}

static void fake_inbox(void *context, uint64_t from_order, bool newest_first, bool with_payload,
                       struct wire_arena *arena, bool (*visit)(void *, const struct api_inbox_row *),
                       void *visit_context)
{
    struct fake *fake = context;
    for (size_t n = 0; n < fake->received_count; n++) {
        size_t index = newest_first ? fake->received_count - 1 - n : n;
        struct api_inbox_row row;
        size_t mark = wire_arena_mark(arena);
        inbox_row(fake, index, arena, &row);
        if (!with_payload)
            row.payload = wire_bytes(NULL, 0);
        bool more = row.order < from_order || visit(visit_context, &row);
        wire_arena_back(arena, mark);
        if (!more)
            return;
    }
}

static enum wire_status fake_inbox_one(void *context, const uint8_t *id, const struct wire_number *number,
                                       struct wire_arena *arena, struct api_inbox_row *out)
{
    struct fake *fake = context;
    for (size_t i = 0; i < fake->received_count; i++) {
        inbox_row(fake, i, arena, out);
        bool same = out->header != NULL &&
                    (id != NULL ? memcmp(out->header->id.data, id, WIRE_ID_BYTES) == 0
                                : out->header->origin == number->region && out->header->number_date == number->date &&
                                      out->header->number_serial == number->serial);
        if (same)
            return WIRE_OK;
    }
    return WIRE_NOT_FOUND;
}

static void outbox_row(struct fake *fake, size_t index, struct wire_arena *arena, struct api_outbox_row *row)
{
    struct fake_sent *sent = &fake->sent[index];
    Wire__NodeState *state = wire_arena_take(arena, sizeof *state);
    Wire__NodeRecipient *recipient = wire_arena_take(arena, sizeof *recipient);
    wire__node_state__init(state);
    wire__node_recipient__init(recipient);
    state->state = sent->state;
    state->since_ms = FAKE_NOW;
    state->number_date = 20200212;
    state->number_serial = sent->serial;
    state->link = "delta";
    state->mechanism = sent->mechanism;
    state->lane = sent->lane;
    state->keep_until = 20200401;
    state->has_reason = sent->reason != WIRE_OK;
    state->reason = sent->reason;
    recipient->region = 330000;
    recipient->owes = true;
    recipient->has_arrived = true;
    recipient->arrived = WIRE__VERDICT_CODE__ARRIVED;
    state->recipient = wire_arena_take(arena, sizeof *state->recipient);
    state->recipient[0] = recipient;
    state->n_recipient = sent->state == WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED;
    *row = (struct api_outbox_row){
        .header = wire__header__unpack(&arena->allocator, sent->header_size, sent->header),
        .state = state,
        .payload = wire_bytes(sent->payload, sent->payload_size),
    };
    ENSURE(row->header != NULL);
}

static void fake_outbox(void *context, uint32_t from_day, bool newest_first, bool with_payload,
                        struct wire_arena *arena, bool (*visit)(void *, const struct api_outbox_row *),
                        void *visit_context)
{
    struct fake *fake = context;
    (void)from_day;
    (void)with_payload;
    for (size_t n = 0; n < fake->sent_count; n++) {
        struct api_outbox_row row;
        size_t mark = wire_arena_mark(arena);
        outbox_row(fake, newest_first ? fake->sent_count - 1 - n : n, arena, &row);
        bool more = visit(visit_context, &row);
        wire_arena_back(arena, mark);
        if (!more)
            return;
    }
}

static enum wire_status fake_outbox_one(void *context, const uint8_t *id, const struct wire_number *number,
                                        struct wire_arena *arena, struct api_outbox_row *out)
{
    struct fake *fake = context;
    for (size_t i = 0; i < fake->sent_count; i++) {
        bool same = id != NULL ? memcmp(fake->sent[i].id, id, WIRE_ID_BYTES) == 0
                               : number->region == fake->region && fake->sent[i].serial == number->serial;
        if (!same)
            continue;
        outbox_row(fake, i, arena, out);
        return WIRE_OK;
    }
    return WIRE_NOT_FOUND;
}

static enum wire_status fake_evidence(void *context, const uint8_t id[WIRE_ID_BYTES], bool inbox,
                                      struct wire_arena *arena, struct wire_bytes *out)
{
    (void)context;
    (void)id;
    *out = wire_bytes(wire_arena_text(arena, inbox ? "inbox evidence" : "out", inbox ? 14 : 3), inbox ? 14 : 3);
    return WIRE_OK;
}

static void fake_status(void *context, struct api_status *out)
{
    *out = ((struct fake *)context)->status;
}

static size_t fake_links(void *context, struct api_link *out, size_t max)
{
    struct fake *fake = context;
    cr_assert_geq(max, 1);
    out[0] = (struct api_link){.name = "delta",
                               .endpoint = "tcp://127.0.0.1:1",
                               .state = fake->link_state,
                               .since_ms = FAKE_NOW - 20 * 60000,
                               .rtt_ms = 12,
                               .policy_version = 7};
    out[0].lane[1].drafts = 3;
    out[0].lane[1].oldest_ms = FAKE_NOW - 1000;
    return 1;
}

static size_t fake_regions(void *context, uint32_t *region, int64_t *until_ms, size_t max)
{
    struct fake *fake = context;
    for (size_t i = 0; i < fake->enrolled_count && i < max; i++) {
        region[i] = fake->enrolled[i];
        until_ms[i] = FAKE_NOW + INT64_C(86400000) * 100;
    }
    return fake->enrolled_count;
}

static uint64_t fake_events(void *context, uint64_t after, bool (*visit)(void *, const struct api_event *),
                            void *visit_context)
{
    struct fake *fake = context;
    for (size_t i = fake->event_first; i < fake->event_count; i++) {
        struct fake_event *from = &fake->event[i];
        struct api_event event = {.id = i + 1,
                                  .kind = from->kind,
                                  .topic = from->topic,
                                  .json = from->json,
                                  .zh = "告警",
                                  .en = "an alarm",
                                  .at_ms = FAKE_NOW,
                                  .alarm = from->alarm};
        if (event.id > after && !visit(visit_context, &event))
            break;
    }
    return fake->event_count;
}

static void fake_on_event(void *context, void (*wake)(void *), void *wake_context)
{
    struct fake *fake = context;
    fake->wake = wake;
    fake->wake_context = wake_context;
}

void fake_event(struct fake *fake, const char *kind, const char *topic, const char *json, bool alarm)
{
    struct fake_event *event = &fake->event[fake->event_count++];
    snprintf(event->kind, sizeof event->kind, "%s", kind);
    snprintf(event->topic, sizeof event->topic, "%s", topic);
    snprintf(event->json, sizeof event->json, "%s", json);
    event->alarm = alarm;
    if (fake->wake != NULL)
        fake->wake(fake->wake_context);
}

/* --- import, and the rest --- */

static void fake_import_key(void *context, struct wire_bytes key, uint8_t out[32])
{
    struct fake *fake = context;
    cert_hmac(&fake->region, sizeof fake->region, key.data, key.size, out);
}

static bool fake_import_known(void *context, const uint8_t key[32], uint8_t id[WIRE_ID_BYTES], uint8_t content[32])
{
    struct fake *fake = context;
    for (size_t i = 0; i < fake->import_count; i++)
        if (memcmp(fake->imports[i].key, key, 32) == 0) {
            memcpy(id, fake->imports[i].id, WIRE_ID_BYTES);
            memcpy(content, fake->imports[i].content, 32);
            return true;
        }
    return false;
}

static void fake_import_note(void *context, const uint8_t key[32], const uint8_t id[WIRE_ID_BYTES],
                             const uint8_t content[32])
{
    struct fake *fake = context;
    size_t i = 0;
    while (i < fake->import_count && memcmp(fake->imports[i].key, key, 32) != 0)
        i++;
    fake->import_count += i == fake->import_count;
    cr_assert_lt(i, FAKE_ROWS_MAX);
    memcpy(fake->imports[i].key, key, 32);
    memcpy(fake->imports[i].id, id, WIRE_ID_BYTES);
    memcpy(fake->imports[i].content, content, 32);
}

static void fake_sha256(void *context, struct wire_bytes data, uint8_t out[32])
{
    (void)context;
    cert_sha256(data.data, data.size, out);
}

static int64_t fake_now(void *context)
{
    return ((struct fake *)context)->now_ms;
}

static void fake_reconnect(void *context, const char *link)
{
    (void)link;
    ((struct fake *)context)->reconnects++;
}

static void fake_audit(void *context, const char *label, const char *what, const char *detail)
{
    struct fake *fake = context;
    size_t size = strlen(fake->audit);
    snprintf(fake->audit + size, sizeof fake->audit - size, "%s %s %s\n", label, what, detail);
}

static const struct api_backend BACKEND = {
    .publish = fake_publish,
    .preview = fake_preview,
    .withdraw = fake_withdraw,
    .reconnect = fake_reconnect,
    .inbox = fake_inbox,
    .inbox_one = fake_inbox_one,
    .outbox = fake_outbox,
    .outbox_one = fake_outbox_one,
    .evidence = fake_evidence,
    .status = fake_status,
    .links = fake_links,
    .regions = fake_regions,
    .policy = fake_policy,
    .policy_text = fake_policy_text,
    .enrolled = is_enrolled,
    .events = fake_events,
    .on_event = fake_on_event,
    .import_key = fake_import_key,
    .import_known = fake_import_known,
    .import_note = fake_import_note,
    .sha256 = fake_sha256,
    .random = cert_random,
    .now_ms = fake_now,
    .audit = fake_audit,
};

/* --- what came in --- */

static const struct {
    const char *json;
    const ProtobufCMessageDescriptor *type;
} PAYLOADS[] = {{NOTICE, &wire__contact_notice__descriptor}, {SUPPLY, &wire__supply_request__descriptor}};

struct fake_received *fake_receive(struct fake *fake, uint32_t kind, uint32_t serial)
{
    static uint8_t memory[256 * 1024] __attribute__((aligned(16)));
    struct wire_arena arena;
    struct wire_problem problem;
    struct fake_received *received = &fake->received[fake->received_count++];
    size_t which = kind == WIRE_KIND_CONTACT_NOTICE ? 0 : 1;
    wire_arena_over(&arena, memory, sizeof memory);
    json_t *json = link_json_parse(PAYLOADS[which].json, strlen(PAYLOADS[which].json), &problem);
    ProtobufCMessage *payload =
        link_json_value_to_message(PAYLOADS[which].type, json_object_get(json, "payload"), &arena, true, &problem);
    cr_assert_not_null(payload, "%s %s", problem.where, problem.en);
    json_decref(json);
    *received = (struct fake_received){.owes = true, .arrived_ms = FAKE_NOW - 60000};
    received->payload_size = protobuf_c_message_get_packed_size(payload);
    received->payload = malloc(received->payload_size);
    protobuf_c_message_pack(payload, received->payload);
    wire__node_known__init(&received->known);

    Wire__Header header = WIRE__HEADER__INIT;
    uint8_t id[WIRE_ID_BYTES], random[10] = {(uint8_t)serial};
    uint8_t digest[WIRE_HASH_BYTES] = {1};
    uint32_t concerns = fake->region;
    wire_id_make(FAKE_NOW, random, id);
    header.version = 1;
    header.id = (ProtobufCBinaryData){WIRE_ID_BYTES, id};
    header.store_id = header.id;
    header.digest = (ProtobufCBinaryData){sizeof digest, digest};
    header.number_date = 20200212;
    header.number_serial = serial;
    header.origin = header.issuer_region = 310000;
    header.issuer_unit = WIRE_UNIT_CDC;
    header.seq = serial;
    header.mechanism = "yangtze-delta";
    header.lane = WIRE__LANE__URGENT;
    header.kind = kind;
    header.status = WIRE__STATUS__EXERCISE;
    header.urgency = WIRE__URGENCY__IMMEDIATE;
    header.created_ms = FAKE_NOW - 120000;
    header.keep_until = 20200401;
    header.concerns = &concerns;
    header.n_concerns = 1;
    received->header_size = wire__header__get_packed_size(&header);
    received->header = malloc(received->header_size);
    wire__header__pack(&header, received->header);
    return received;
}

/* --- opening --- */

static const struct {
    const char *token, *roles, *unit;
} TOKENS[] = {
    {"duty-token", "[duty]", "cdc"},        {"logistics-token", "[logistics]", "logistics"},
    {"operator-token", "[operator]", NULL}, {"auditor-token", "[auditor]", NULL},
    {"admin-token", "[admin]", NULL},       {"all-token", "[duty, logistics, operator, auditor, admin]", NULL},
};

static void write_tokens(const struct fake *fake)
{
    FILE *file = fopen(fake->tokens, "w");
    cr_assert_not_null(file);
    fputs("tokens:\n", file);
    for (size_t i = 0; i < sizeof TOKENS / sizeof *TOKENS; i++) {
        uint8_t digest[32];
        char hex[65];
        cert_sha256(TOKENS[i].token, strlen(TOKENS[i].token), digest);
        wire_hex(digest, sizeof digest, hex);
        fprintf(file, "  - digest: %s\n    label: desk-%zu\n    roles: %s\n", hex, i, TOKENS[i].roles);
        if (TOKENS[i].unit != NULL)
            fprintf(file, "    unit: %s\n", TOKENS[i].unit);
    }
    fclose(file);
    chmod(fake->tokens, 0600);
}

static void load_policy(struct fake *fake)
{
    static const char *const names[] = {"national", "northeast-three", "yangtze-delta"};
    struct link_policy_file files[3];
    char *texts[3], paths[3][512];
    struct wire_problem problem;
    for (size_t i = 0; i < 3; i++) {
        size_t size;
        snprintf(paths[i], sizeof paths[i], SOURCE_DIR "/broker/mechanisms/%s.yaml", names[i]);
        texts[i] = read_file(paths[i], &size);
        files[i] = (struct link_policy_file){names[i], texts[i], size};
    }
    cr_assert_eq(link_policy_load(files, 3, 7, NULL, &fake->policy, &problem), WIRE_OK, "%s %s", problem.where,
                 problem.en);
    for (size_t i = 0; i < 3; i++)
        free(texts[i]);
}

static void on_called(uv_async_t *async)
{
    uv_stop(async->loop);
}

void fake_enrol(struct fake *fake, const uint32_t *regions, size_t count)
{
    cr_assert_leq(count, FAKE_REGIONS_MAX);
    memcpy(fake->enrolled, regions, count * sizeof *regions);
    fake->enrolled_count = count;
}

void fake_open(struct fake *fake, uint32_t region)
{
    static const uint32_t regions[] = {100000, 310000, 320000, 330000, 340000, 420000};
    struct wire_problem problem = {0};
    *fake = (struct fake){
        .folder = "/tmp/node-api-XXXXXX", .region = region, .link_state = API_LINK_UP, .now_ms = FAKE_NOW};
    fake->sent = calloc(FAKE_ROWS_MAX, sizeof *fake->sent);
    fake->imports = calloc(FAKE_ROWS_MAX, sizeof *fake->imports);
    cr_assert_not_null(mkdtemp(fake->folder));
    snprintf(fake->socket, sizeof fake->socket, "%s/api.sock", fake->folder);
    snprintf(fake->tokens, sizeof fake->tokens, "%s/tokens.yaml", fake->folder);
    write_tokens(fake);
    load_policy(fake);
    fake_enrol(fake, regions, sizeof regions / sizeof *regions);
    fake->status = (struct api_status){.region = region,
                                       .installation = "联防测试",
                                       .policy_version = 7,
                                       .certificate_until_ms = FAKE_NOW + INT64_C(86400000) * 90,
                                       .admitted = 5};
    uv_loop_init(&fake->loop);
    uv_async_init(&fake->loop, &fake->called, on_called);
    fake->backend = BACKEND;
    fake->backend.context = fake;
    struct link_node_config config = {.region = region,
                                      .installation = "联防测试",
                                      .data = fake->folder,
                                      .tokens = fake->tokens,
                                      .http = {.host = "127.0.0.1", .unix_path = fake->socket}};
    cr_assert_eq(api_open(&fake->loop, &config, &fake->backend, NULL, &fake->api, &problem), WIRE_OK, "%s %s",
                 problem.where, problem.en);
    fake->port = api_port(fake->api);
}

void fake_close(struct fake *fake)
{
    api_close(&fake->api);
    cr_expect_null(fake->wake, "the API must take its wake back");
    uv_close((uv_handle_t *)&fake->called, NULL);
    uv_run(&fake->loop, UV_RUN_DEFAULT);
    cr_expect_eq(uv_loop_close(&fake->loop), 0);
    for (size_t i = 0; i < fake->sent_count; i++) {
        free(fake->sent[i].header);
        free(fake->sent[i].payload);
    }
    for (size_t i = 0; i < fake->received_count; i++) {
        free(fake->received[i].header);
        free(fake->received[i].payload);
    }
    free(fake->sent);
    free(fake->imports);
    link_policy_free(&fake->policy);
    unlink(fake->tokens);
    unlink(fake->socket);
    rmdir(fake->folder);
}

/* --- calling --- */

struct calling {
    struct fake *fake;
    struct link_http_call call;
    struct link_http_answer answer;
    enum wire_status status;
    struct wire_problem problem;
};

static void *call_on_thread(void *context)
{
    struct calling *calling = context;
    calling->status = link_http_call(&calling->call, &calling->answer, &calling->problem);
    uv_async_send(&calling->fake->called);
    return NULL;
}

static struct answer run(struct fake *fake, struct link_http_call call)
{
    struct calling calling = {.fake = fake, .call = call};
    struct answer answer = {0};
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, call_on_thread, &calling), 0);
    uv_run(&fake->loop, UV_RUN_DEFAULT); /* until on_called */
    pthread_join(thread, NULL);
    cr_assert_eq(calling.status, WIRE_OK, "%s: %s", call.target, calling.problem.en);
    answer.status = calling.answer.status;
    snprintf(answer.type, sizeof answer.type, "%s", calling.answer.content_type);
    answer.text = strdup((const char *)calling.answer.body);
    answer.json = json_loads(answer.text, JSON_REJECT_DUPLICATES, NULL);
    link_http_answer_close(&calling.answer);
    return answer;
}

struct answer fake_call(struct fake *fake, const char *token, const char *method, const char *target, const char *body)
{
    return run(fake, (struct link_http_call){.unix_path = fake->socket,
                                             .method = method,
                                             .target = target,
                                             .token = token,
                                             .body = wire_bytes(body, body == NULL ? 0 : strlen(body))});
}

struct answer fake_post_bytes(struct fake *fake, const char *token, const char *target, const char *type,
                              struct wire_bytes body, bool over_tcp)
{
    struct link_http_call call = {.method = "POST", .target = target, .token = token, .content_type = type};
    call.body = body;
    call.unix_path = over_tcp ? NULL : fake->socket;
    call.host = "127.0.0.1";
    call.port = fake->port;
    if (body.data == NULL)
        call.method = "GET";
    return run(fake, call);
}

void answer_close(struct answer *answer)
{
    json_decref(answer->json);
    free(answer->text);
    *answer = (struct answer){0};
}

const json_t *at(const struct answer *answer, const char *path)
{
    const json_t *here = answer->json;
    while (here != NULL && *path != '\0') {
        char name[64];
        size_t size = strcspn(path, ".[");
        if (*path == '[') {
            here = json_array_get(here, strtoul(path + 1, NULL, 10));
            path += strcspn(path, "]") + 1;
        } else {
            snprintf(name, sizeof name, "%.*s", (int)size, path);
            here = json_object_get(here, name);
            path += size;
        }
        path += *path == '.';
    }
    return here;
}

const char *text_at(const struct answer *answer, const char *path)
{
    const char *text = json_string_value(at(answer, path));
    return text == NULL ? "" : text;
}

json_int_t number_at(const struct answer *answer, const char *path)
{
    const json_t *value = at(answer, path);
    return json_is_integer(value) ? json_integer_value(value) : -1;
}

static uint8_t scratch[4 * 1024 * 1024] __attribute__((aligned(16)));

const Wire__Header *fake_header(struct fake *fake, size_t index)
{
    static struct wire_arena arena;
    wire_arena_over(&arena, scratch, sizeof scratch / 2);
    cr_assert_lt(index, fake->sent_count);
    return wire__header__unpack(&arena.allocator, fake->sent[index].header_size, fake->sent[index].header);
}

ProtobufCMessage *fake_payload(struct fake *fake, size_t index)
{
    static struct wire_arena arena;
    const struct wire_kind *kind = wire_kind_find(fake_header(fake, index)->kind);
    wire_arena_over(&arena, scratch + sizeof scratch / 2, sizeof scratch / 2);
    return protobuf_c_message_unpack(kind->payload, &arena.allocator, fake->sent[index].payload_size,
                                     fake->sent[index].payload);
}

char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    char *text = malloc(4 * 1024 * 1024);
    *size = fread(text, 1, 4 * 1024 * 1024 - 1, file);
    text[*size] = '\0';
    fclose(file);
    return text;
}

static char *base64(struct wire_bytes bytes)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *out = calloc(1, bytes.size / 3 * 4 + 8), *to = out;
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t have = bytes.size - i < 3 ? bytes.size - i : 3;
        unsigned bits = (unsigned)bytes.data[i] << 16 | (have > 1 ? (unsigned)bytes.data[i + 1] << 8 : 0) |
                        (have > 2 ? bytes.data[i + 2] : 0);
        for (size_t n = 0; n < 4; n++)
            *to++ = n > have ? '=' : letters[bits >> (18 - 6 * n) & 63];
    }
    return out;
}

struct answer fake_import(struct fake *fake, const char *token, const char *profile, struct wire_bytes csv,
                          const char *query)
{
    char target[128], *encoded = base64(csv);
    json_t *body = json_pack("{s:s, s:s}", "profile", profile, "csv_base64", encoded);
    char *text = json_dumps(body, 0);
    snprintf(target, sizeof target, "/v1/import%s", query);
    struct answer answer =
        fake_post_bytes(fake, token, target, "application/json", wire_bytes(text, strlen(text)), false);
    free(text);
    free(encoded);
    json_decref(body);
    return answer;
}

struct answer fake_import_text(struct fake *fake, const char *profile, const char *csv, const char *query)
{
    return fake_import(fake, "all-token", profile, wire_bytes(csv, strlen(csv)), query);
}

/* Criterion's own process now and then forgets one of its workers at the end; the tests run in workers, which are
 * looked at. */
int __lsan_is_turned_off(void)
{
    return strcmp(program_invocation_short_name, "boxfort-worker") != 0;
}
