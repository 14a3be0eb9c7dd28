#define _GNU_SOURCE
#include "api_node.h"
#include "link/json.h"
#include "link/policy_yaml.h"
#include "target.h"
#include "wire/region.h"
#include "wire/time.h"
#include "wire/unit.h"
#include <stdio.h>

enum { SENT_MAX = 32, RECEIVED = 2, IMPORTS_MAX = 64, PENDING_MAX = 64 };

static const int64_t now = INT64_C(1581472800000); /* 2020-02-12 10:00 in Asia/Shanghai */

/* clang-format off */
static const char notice[] =
    "{\"common\":{\"title\":\"G7348 次同乘\",\"issuer\":\"疾控中心\",\"drafter\":\"甲\",\"approver\":\"乙\","
    "\"precedence\":\"特急\",\"openness\":\"不予公开\",\"disease\":\"新型冠状病毒肺炎\",\"contact\":\"值班室\"},"
    "\"type\":\"具名密接\",\"case_no\":\"3100001\",\"case_class\":\"确诊\",\"confirmed_day\":\"2020-02-10\","
    "\"ask\":[\"查找\",\"反馈\"],\"observe_until_day\":\"2020-02-24\",\"to_check\":1,\"person\":[{\"ref\":1,"
    "\"name\":\"欧阳测试\",\"phone\":\"13800001111\",\"region\":330300,\"last_contact_day\":\"2020-02-08\"}]}";
static const char supply[] =
    "{\"common\":{\"title\":\"口罩\",\"issuer\":\"物资组\",\"drafter\":\"甲\",\"approver\":\"乙\",\"precedence\":\"加急\","
    "\"openness\":\"依申请公开\",\"disease\":\"新型冠状病毒肺炎\",\"contact\":\"值班室\"},\"facility\":\"县医院\",\"line\":[{"
    "\"line_no\":1,\"resource\":\"物资\",\"item\":\"口罩\",\"quantity_kind\":\"确数\",\"quantity\":100,\"unit\":\"只\","
    "\"needed_day\":\"2020-02-20\"}],\"partial\":true,\"expires_ms\":\"2020-03-01\"}";
/* clang-format on */

struct kept {
    uint8_t *header, *payload;
    size_t header_size, payload_size;
    uint8_t id[WIRE_ID_BYTES];
    Wire__NodeOutboxState state;
};

struct pending {
    struct api_result *results;
    size_t count;
    void (*done)(void *, const struct api_result *, size_t);
    void *context;
};

static struct {
    struct api *api;
    uv_loop_t loop;
    struct link_log *log;
    struct rules_policy *policy;
    struct kept sent[SENT_MAX], received[RECEIVED];
    size_t sent_count;
    struct {
        uint8_t key[32], id[WIRE_ID_BYTES], content[32];
    } import[IMPORTS_MAX];
    size_t import_count;
    struct pending pending[PENDING_MAX];
    size_t pending_count;
    uint64_t drawn;
} node;

/* --- publishing --------------------------------------------------------------------------------------------------- */

static struct kept *find(struct kept *list, size_t count, const uint8_t *id)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(list[i].id, id, WIRE_ID_BYTES) == 0)
            return &list[i];
    return NULL;
}

static void ensure_complete(const Wire__Header *header)
{
    ENSURE(header->id.len == WIRE_ID_BYTES && header->version == WIRE_PROTOCOL_VERSION);
    ENSURE(header->mechanism != NULL && header->mechanism[0] != '\0' && wire_day_valid(header->keep_until));
    ENSURE(header->n_to + header->n_cc <= WIRE_ADDRESSES_MAX && header->issuer_unit != 0);
}

static void take(const struct api_draft *draft, struct api_result *result)
{
    const Wire__Header *header = draft->header;
    memcpy(result->id, header->id.data, WIRE_ID_BYTES);
    struct kept *kept = find(node.sent, node.sent_count, header->id.data);
    result->status = kept != NULL ? WIRE_EXISTS : node.sent_count == SENT_MAX ? WIRE_STORE_FULL : WIRE_OK;
    if (result->status == WIRE_OK) {
        ensure_complete(header);
        kept = &node.sent[node.sent_count++];
        *kept = (struct kept){.state = WIRE__NODE_OUTBOX_STATE__NODE_DRAFT, .payload_size = draft->payload.size};
        memcpy(kept->id, header->id.data, WIRE_ID_BYTES);
        kept->header_size = wire__header__get_packed_size(header);
        kept->header = malloc(kept->header_size);
        kept->payload = malloc(kept->payload_size + 1);
        ENSURE(kept->header != NULL && kept->payload != NULL);
        wire__header__pack(header, kept->header);
        if (kept->payload_size > 0)
            memcpy(kept->payload, draft->payload.data, kept->payload_size);
        kept->state = node.sent_count % 3 == 0 ? WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED : kept->state;
    }
    if (kept != NULL)
        result->number = (struct wire_number){310000, 20200212, (uint32_t)(kept - node.sent) + 1};
}

static void later(struct api_result *results, size_t count, void (*done)(void *, const struct api_result *, size_t),
                  void *context)
{
    ENSURE(node.pending_count < PENDING_MAX);
    node.pending[node.pending_count++] = (struct pending){results, count, done, context};
}

static void publish(void *context, struct api_draft *drafts, size_t count,
                    void (*done)(void *, const struct api_result *, size_t), void *done_context)
{
    struct api_result *results = calloc(count, sizeof *results);
    (void)context;
    ENSURE(results != NULL && count >= 1 && count <= 512);
    for (size_t i = 0; i < count; i++)
        take(&drafts[i], &results[i]);
    later(results, count, done, done_context);
}

static void withdraw(void *context, const uint8_t id[WIRE_ID_BYTES],
                     void (*done)(void *, const struct api_result *, size_t), void *done_context)
{
    struct api_result *result = calloc(1, sizeof *result);
    struct kept *kept = find(node.sent, node.sent_count, id);
    (void)context;
    ENSURE(result != NULL);
    memcpy(result->id, id, WIRE_ID_BYTES);
    result->status = kept == NULL                                         ? WIRE_NOT_FOUND
                     : kept->state == WIRE__NODE_OUTBOX_STATE__NODE_DRAFT ? WIRE_OK
                                                                          : WIRE_EXISTS;
    if (result->status == WIRE_OK)
        kept->state = WIRE__NODE_OUTBOX_STATE__NODE_WITHDRAWN;
    later(result, 1, done, done_context);
}

/* --- rules -------------------------------------------------------------------------------------------------------- */

static bool enrolled(void *context, uint32_t region)
{
    (void)context;
    return region == 310000 || region == 320000 || region == 330000 || region == 340000 || region == 330300;
}

static void look_up(const Wire__Header *header, struct wire_arena *arena, struct rules_question *question)
{
    if (header->in_reply_to != NULL && find(node.received, RECEIVED, header->in_reply_to->id.data) != NULL) {
        struct rules_parent *parent = wire_arena_take(arena, sizeof *parent);
        ENSURE(parent != NULL);
        *parent = (struct rules_parent){true, true, 320000, "yangtze-delta", WIRE__LANE__URGENT, 0, 20200401, 2};
        question->parent = parent;
    }
    if (header->action != WIRE__ACTION__ISSUE && header->n_references > 0 &&
        find(node.sent, node.sent_count, header->references[0]->id.data) != NULL) {
        static const uint32_t to = 330000;
        struct rules_original *original = wire_arena_take(arena, sizeof *original);
        ENSURE(original != NULL);
        *original = (struct rules_original){.found = true,
                                            .origin = 310000,
                                            .kind = header->kind,
                                            .mechanism = "yangtze-delta",
                                            .lane = WIRE__LANE__URGENT,
                                            .keep_until = 20200401,
                                            .to = &to,
                                            .to_count = 1};
        question->original = original;
    }
}

static enum wire_status preview(void *context, struct api_draft *draft, struct wire_arena *arena,
                                struct api_preview *out, struct wire_problem *problem)
{
    Wire__Header *header = draft->header;
    (void)context;
    out->question = wire_arena_take(arena, sizeof *out->question);
    out->decision = wire_arena_take(arena, sizeof *out->decision);
    if (out->question == NULL || out->decision == NULL)
        return wire_fail(problem, WIRE_NO_MEMORY, "", "内存不足", "no memory");
    rules_question_of(header, out->question);
    out->question->mechanism = draft->choose_mechanism ? NULL : header->mechanism;
    out->question->preview = true;
    out->question->now_ms = now;
    out->question->enrolled = enrolled;
    look_up(header, arena, out->question);
    enum wire_status status = rules_decide(node.policy, out->question, out->decision);
    if (status != WIRE_OK)
        return wire_failf(problem, status, "rules", "规则不允许：%s", "the rules refuse it: %s", out->decision->detail);
    const struct rules_mechanism *mechanism = rules_policy_at(node.policy, out->decision->mechanism);
    header->mechanism = wire_arena_text(arena, mechanism->id, strlen(mechanism->id));
    header->lane = out->decision->lane;
    header->form = out->decision->sealed ? WIRE__PAYLOAD_FORM__SEALED : WIRE__PAYLOAD_FORM__CLEAR;
    header->keep_until = out->decision->keep_until;
    return WIRE_OK;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static Wire__Header *header_of(const struct kept *kept, struct wire_arena *arena)
{
    Wire__Header *header = wire__header__unpack(&arena->allocator, kept->header_size, kept->header);
    ENSURE(header != NULL);
    return header;
}

static void inbox_row(size_t index, struct wire_arena *arena, struct api_inbox_row *row)
{
    Wire__NodeInbox *inbox = wire_arena_take(arena, sizeof *inbox);
    ENSURE(inbox != NULL);
    wire__node_inbox__init(inbox);
    inbox->origin = 320000;
    inbox->owes = true;
    inbox->arrived_ms = now - 60000;
    inbox->mechanism = (char *)(uintptr_t) "yangtze-delta";
    inbox->link = (char *)(uintptr_t) "delta";
    inbox->lane = WIRE__LANE__URGENT;
    *row =
        (struct api_inbox_row){.order = index + 1, .inbox = inbox, .header = header_of(&node.received[index], arena)};
    row->payload = wire_bytes(node.received[index].payload, node.received[index].payload_size);
}

static void inbox(void *context, uint64_t from_order, bool newest_first, bool with_payload, struct wire_arena *arena,
                  bool (*visit)(void *, const struct api_inbox_row *), void *visit_context)
{
    (void)context;
    for (size_t n = 0; n < RECEIVED; n++) {
        struct api_inbox_row row;
        inbox_row(newest_first ? RECEIVED - 1 - n : n, arena, &row);
        if (!with_payload)
            row.payload = wire_bytes(NULL, 0);
        if (row.order >= from_order && !visit(visit_context, &row))
            return;
    }
}

static bool is_named(const Wire__Header *header, const uint8_t *id, const struct wire_number *number, uint32_t serial)
{
    if (id != NULL)
        return memcmp(header->id.data, id, WIRE_ID_BYTES) == 0;
    return number->region == header->origin && number->date == 20200212 && number->serial == serial;
}

static enum wire_status inbox_one(void *context, const uint8_t *id, const struct wire_number *number,
                                  struct wire_arena *arena, struct api_inbox_row *out)
{
    (void)context;
    for (size_t i = 0; i < RECEIVED; i++) {
        inbox_row(i, arena, out);
        if (is_named(out->header, id, number, (uint32_t)i + 1))
            return WIRE_OK;
    }
    return WIRE_NOT_FOUND;
}

static void outbox_row(size_t index, struct wire_arena *arena, struct api_outbox_row *row)
{
    const struct kept *kept = &node.sent[index];
    Wire__NodeState *state = wire_arena_take(arena, sizeof *state);
    ENSURE(state != NULL);
    wire__node_state__init(state);
    state->state = kept->state;
    state->since_ms = now;
    state->number_date = 20200212;
    state->number_serial = (uint32_t)index + 1;
    state->link = (char *)(uintptr_t) "delta";
    Wire__Header *header = header_of(kept, arena);
    state->mechanism = header->mechanism;
    state->lane = header->lane;
    state->keep_until = header->keep_until;
    *row = (struct api_outbox_row){
        .header = header, .state = state, .payload = wire_bytes(kept->payload, kept->payload_size)};
}

static void outbox(void *context, uint32_t from_day, bool newest_first, bool with_payload, struct wire_arena *arena,
                   bool (*visit)(void *, const struct api_outbox_row *), void *visit_context)
{
    (void)context;
    (void)from_day;
    for (size_t n = 0; n < node.sent_count; n++) {
        struct api_outbox_row row;
        outbox_row(newest_first ? node.sent_count - 1 - n : n, arena, &row);
        if (!with_payload)
            row.payload = wire_bytes(NULL, 0);
        if (!visit(visit_context, &row))
            return;
    }
}

static enum wire_status outbox_one(void *context, const uint8_t *id, const struct wire_number *number,
                                   struct wire_arena *arena, struct api_outbox_row *out)
{
    (void)context;
    for (size_t i = 0; i < node.sent_count; i++) {
        outbox_row(i, arena, out);
        if (is_named(out->header, id, number, (uint32_t)i + 1))
            return WIRE_OK;
    }
    return WIRE_NOT_FOUND;
}

static enum wire_status evidence(void *context, const uint8_t id[WIRE_ID_BYTES], bool of_inbox,
                                 struct wire_arena *arena, struct wire_bytes *out)
{
    (void)context;
    (void)of_inbox;
    *out = wire_bytes(wire_arena_copy(arena, id, WIRE_ID_BYTES), WIRE_ID_BYTES);
    return WIRE_OK;
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

static void status_of(void *context, struct api_status *out)
{
    (void)context;
    *out = (struct api_status){.region = 310000, .installation = "fuzz", .policy_version = 1};
}

static size_t links(void *context, struct api_link *out, size_t max)
{
    (void)context;
    ENSURE(max >= 1);
    out[0] = (struct api_link){.name = "delta", .endpoint = "tcp://127.0.0.1:1", .since_ms = now, .rtt_ms = -1};
    return 1;
}

static size_t list_regions(void *context, uint32_t *region, int64_t *until_ms, size_t max)
{
    (void)context;
    ENSURE(max >= 2);
    region[0] = 310000;
    region[1] = 330000;
    until_ms[0] = until_ms[1] = now + INT64_C(8640000000);
    return 2;
}

static const struct rules_policy *policy(void *context)
{
    (void)context;
    return node.policy;
}

static const Wire__PolicyText *policy_text(void *context, struct wire_arena *arena)
{
    (void)context;
    Wire__PolicyText *text = wire_arena_take(arena, sizeof *text);
    ENSURE(text != NULL);
    wire__policy_text__init(text);
    text->version = 1;
    text->installation = (char *)(uintptr_t) "fuzz";
    return text;
}

static uint64_t events(void *context, uint64_t after, bool (*visit)(void *, const struct api_event *),
                       void *visit_context)
{
    static const struct api_event event = {
        .id = 1, .kind = "alarm", .topic = "fork", .json = "{\"a\":1}", .at_ms = INT64_C(1581472800000), .alarm = true};
    (void)context;
    if (after < 1)
        visit(visit_context, &event);
    return 1;
}

static void on_event(void *context, void (*wake)(void *), void *wake_context)
{
    (void)context;
    (void)wake;
    (void)wake_context;
}

static void reconnect(void *context, const char *link)
{
    (void)context;
    (void)link;
}

static void digest(void *context, struct wire_bytes data, uint8_t out[32])
{
    (void)context;
    fuzz_hash()->digest(NULL, &data, 1, out);
}

static void import_key(void *context, struct wire_bytes key, uint8_t out[32])
{
    (void)context;
    digest(NULL, key, out);
}

static bool import_known(void *context, const uint8_t key[32], uint8_t id[WIRE_ID_BYTES], uint8_t content[32])
{
    (void)context;
    for (size_t i = 0; i < node.import_count; i++)
        if (memcmp(node.import[i].key, key, 32) == 0) {
            memcpy(id, node.import[i].id, WIRE_ID_BYTES);
            memcpy(content, node.import[i].content, 32);
            return true;
        }
    return false;
}

static void import_note(void *context, const uint8_t key[32], const uint8_t id[WIRE_ID_BYTES],
                        const uint8_t content[32])
{
    (void)context;
    size_t i = 0;
    while (i < node.import_count && memcmp(node.import[i].key, key, 32) != 0)
        i++;
    if (i == IMPORTS_MAX)
        return;
    node.import_count += i == node.import_count;
    memcpy(node.import[i].key, key, 32);
    memcpy(node.import[i].id, id, WIRE_ID_BYTES);
    memcpy(node.import[i].content, content, 32);
}

static void draw(void *out, size_t size)
{
    uint8_t *at = out;
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)(++node.drawn * 0x9d);
}

static int64_t now_ms(void *context)
{
    (void)context;
    return now;
}

static void audit(void *context, const char *label, const char *what, const char *detail)
{
    (void)context;
    ENSURE(label != NULL && what != NULL && detail != NULL);
}

static const struct api_backend backend = {.publish = publish,
                                           .preview = preview,
                                           .withdraw = withdraw,
                                           .reconnect = reconnect,
                                           .inbox = inbox,
                                           .inbox_one = inbox_one,
                                           .outbox = outbox,
                                           .outbox_one = outbox_one,
                                           .evidence = evidence,
                                           .status = status_of,
                                           .links = links,
                                           .regions = list_regions,
                                           .policy = policy,
                                           .policy_text = policy_text,
                                           .enrolled = enrolled,
                                           .events = events,
                                           .on_event = on_event,
                                           .import_key = import_key,
                                           .import_known = import_known,
                                           .import_note = import_note,
                                           .sha256 = digest,
                                           .random = draw,
                                           .now_ms = now_ms,
                                           .audit = audit};

/* --- opening ------------------------------------------------------------------------------------------------------ */

static void receive(struct kept *out, uint32_t kind, const char *json, uint32_t serial)
{
    struct wire_arena arena;
    struct wire_problem problem;
    uint32_t concerns = 310000;
    uint8_t random[10] = {(uint8_t)serial}, hash[WIRE_HASH_BYTES] = {1};
    fuzz_arena(0, 256 * 1024, &arena);
    const ProtobufCMessage *payload =
        link_json_to_message(wire_kind_find(kind)->payload, json, strlen(json), &arena, true, &problem);
    ENSURE(payload != NULL);
    out->payload_size = protobuf_c_message_get_packed_size(payload);
    out->payload = malloc(out->payload_size);
    ENSURE(out->payload != NULL);
    protobuf_c_message_pack(payload, out->payload);
    wire_id_make(now, random, out->id);
    Wire__Header header = WIRE__HEADER__INIT;
    header.version = 1;
    header.id = header.store_id = (ProtobufCBinaryData){WIRE_ID_BYTES, out->id};
    header.digest = (ProtobufCBinaryData){sizeof hash, hash};
    header.number_date = 20200212;
    header.number_serial = serial;
    header.origin = header.issuer_region = 320000;
    header.issuer_unit = WIRE_UNIT_CDC;
    header.seq = serial;
    header.mechanism = (char *)(uintptr_t) "yangtze-delta";
    header.lane = WIRE__LANE__URGENT;
    header.kind = kind;
    header.urgency = WIRE__URGENCY__IMMEDIATE;
    header.created_ms = now - 120000;
    header.keep_until = 20200401;
    header.concerns = &concerns;
    header.n_concerns = 1;
    out->header_size = wire__header__get_packed_size(&header);
    out->header = malloc(out->header_size);
    ENSURE(out->header != NULL);
    wire__header__pack(&header, out->header);
}

static void open_token(struct api *api)
{
    static struct link_token token = {.roles = API_ALL};
    token.label = strdup("fuzz");
    digest(NULL, wire_bytes("fuzz", 4), token.digest);
    api->tokens = (struct link_tokens){.list = &token, .count = 1};
}

struct api *api_node(void)
{
    struct wire_problem problem = {.status = WIRE_OK};
    if (node.api != NULL)
        return node.api;
    struct link_node_config config = {
        .region = 310000, .installation = (char *)(uintptr_t) "fuzz", .data = (char *)(uintptr_t) "/nonexistent"};
    ENSURE(link_policy_load_path(SOURCE_DIR "/broker/mechanisms", 1, &node.policy, &problem) == WIRE_OK);
    ENSURE(uv_loop_init(&node.loop) == 0);
    ENSURE(link_log_open(&(struct link_log_options){.level = LINK_ERROR, .path = "/dev/null"}, &node.log, &problem) ==
           WIRE_OK);
    receive(&node.received[0], WIRE_KIND_CONTACT_NOTICE, notice, 1);
    receive(&node.received[1], WIRE_KIND_SUPPLY_REQUEST, supply, 2);
    ENSURE(api_open(&node.loop, &config, &backend, node.log, &node.api, &problem) == WIRE_OK);
    open_token(node.api);
    return node.api;
}

void api_node_reset(void)
{
    for (size_t i = 0; i < node.sent_count; i++) {
        free(node.sent[i].header);
        free(node.sent[i].payload);
    }
    node.sent_count = node.import_count = 0;
    node.drawn = 0;
}

void api_node_settle(void)
{
    for (int turns = 0; turns < 10000; turns++) {
        if (node.pending_count > 0) {
            struct pending pending = node.pending[--node.pending_count];
            pending.done(pending.context, pending.results, pending.count);
            free(pending.results);
        }
        uv_run(&node.loop, UV_RUN_NOWAIT);
        if (node.pending_count == 0 && node.api->imports == NULL)
            return;
    }
    ENSURE(false && "an import never ends");
}

struct wire_bytes api_node_path(const char *pattern, uint8_t which)
{
    static char path[256];
    char name[64] = "delta";
    size_t all = node.sent_count + RECEIVED;
    const struct kept *kept =
        which / 2 % all < RECEIVED ? &node.received[which / 2 % all] : &node.sent[which / 2 % all - RECEIVED];
    if (which % 2 == 0)
        wire_id_text(kept->id, name);
    else
        wire_number_text((struct wire_number){which < 128 ? 310000 : 320000, 20200212, 1 + which / 2 % 8u}, name);
    const char *part = strchr(pattern, '{');
    if (part == NULL || strncmp(part, "{name}", 6) == 0)
        snprintf(name, sizeof name, "delta");
    size_t before = part == NULL ? strlen(pattern) : (size_t)(part - pattern);
    const char *behind = part == NULL ? "" : strchr(part, '}') + 1;
    int size = snprintf(path, sizeof path, "%.*s%s%s", (int)before, pattern, part == NULL ? "" : name, behind);
    return wire_bytes(path, (size_t)size);
}

bool api_node_person(struct wire_bytes bytes)
{
    static const char *const secrets[] = {"欧阳测试", "13800001111"};
    for (size_t i = 0; i < 2; i++)
        if (bytes.size > 0 && memmem(bytes.data, bytes.size, secrets[i], strlen(secrets[i])) != NULL)
            return true;
    return false;
}
