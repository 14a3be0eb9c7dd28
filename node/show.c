/* What people may see of the node: the rest of struct api_backend. */
#include "node.h"

#include "wire/codec.h"

#include <stdlib.h>

/* --- inbox -------------------------------------------------------------------------------------------------------- */

static enum wire_status open_carried(struct node *node, const Wire__NodeInbox *inbox, const Wire__Header *header,
                                     struct wire_bytes carried, struct wire_arena *arena, struct wire_bytes *out)
{
    enum wire_status status;
    uint8_t box_key[CERT_KEY_BYTES];
    struct node_key key = {.size = inbox->evidence.len};
    struct wire_bytes row;
    if (inbox->evidence.len > sizeof(key.data) || carried.size < CERT_TAG_BYTES)
        return WIRE_CANNOT_OPEN;
    memcpy(key.data, inbox->evidence.data, inbox->evidence.len);
    status = store_row(&node->store, NODE_TABLE_EVIDENCE, &key, arena, &row);
    const Wire__NodeEvidence *evidence = status == WIRE_OK && row.data != NULL ? node_read_evidence(row, arena) : NULL;
    const Wire__KeyBox *box = evidence == NULL ? NULL : evidence->part->box;
    uint8_t *plain = wire_arena_take(arena, carried.size);
    if (box == NULL || box->certificate.len != WIRE_HASH_BYTES || plain == NULL)
        return WIRE_CANNOT_OPEN;
    status =
        cert_box_open(node->shell.identity, box->certificate.data, wire_bytes(box->cms.data, box->cms.len), box_key);
    if (status == WIRE_OK)
        status = node_open_sealed(node, box_key, header, carried, plain);
    cert_wipe(box_key, sizeof(box_key));
    *out = wire_bytes(plain, carried.size - CERT_TAG_BYTES);
    return status;
}

static void open_payload(struct node *node, struct api_inbox_row *row, struct wire_arena *arena)
{
    const Wire__NodeInbox *inbox = row->inbox;
    struct wire_bytes salt, carried;
    row->payload_status = WIRE_CANNOT_OPEN;
    if (row->header == NULL || inbox->id.len != WIRE_ID_BYTES)
        return;
    row->payload_status = node_rest_carried(node, inbox->keep_until, NODE_OTHERS, row->order, arena, &salt, &carried);
    if (row->payload_status != WIRE_OK)
        return;
    if (row->header->form == WIRE__PAYLOAD_FORM__CLEAR)
        row->payload = carried;
    else
        row->payload_status = open_carried(node, inbox, row->header, carried, arena, &row->payload);
    if (row->payload_status != WIRE_OK)
        row->payload = (struct wire_bytes){0};
}

static enum wire_status fill_inbox(struct node *node, uint64_t order, const Wire__NodeInbox *inbox, bool with_payload,
                                   struct wire_arena *arena, struct api_inbox_row *row)
{
    enum wire_status status;
    Wire__NodeKnown *known = NULL;
    *row = (struct api_inbox_row){.order = order, .inbox = inbox};
    row->header =
        (const Wire__Header *)wire_decode(&wire__header__descriptor, wire_bytes(inbox->header.data, inbox->header.len),
                                          WIRE_STRICT_HEADER, arena, &status);
    status = inbox->id.len != WIRE_ID_BYTES ? WIRE_OK
                                            : store_known(&node->store, inbox->origin, inbox->id.data, arena, &known);
    if (status != WIRE_DAMAGED) /* looking at a damaged row ends nothing; it is shown without */
        shell_check(&node->shell, status);
    row->known = known;
    row->payload_status = WIRE_OK;
    if (with_payload)
        open_payload(node, row, arena);
    return WIRE_OK;
}

struct inbox_visit {
    struct node *node;
    bool with_payload;
    struct wire_arena *arena;
    bool (*visit)(void *context, const struct api_inbox_row *row);
    void *context;
};

static bool visit_inbox(void *context, uint64_t order, struct wire_bytes value)
{
    struct inbox_visit *v = context;
    struct api_inbox_row row;
    size_t mark = wire_arena_mark(v->arena);
    const Wire__NodeInbox *inbox = node_read_inbox(value, v->arena);
    bool go_on = true;
    if (inbox != NULL && fill_inbox(v->node, order, inbox, v->with_payload, v->arena, &row) == WIRE_OK)
        go_on = v->visit(v->context, &row);
    wire_arena_back(v->arena, mark);
    return go_on;
}

static void show_inbox(void *context, uint64_t from_order, bool newest_first, bool with_payload,
                       struct wire_arena *arena, bool (*visit)(void *context, const struct api_inbox_row *row),
                       void *visit_context)
{
    struct node *node = context;
    struct inbox_visit v = {node, with_payload, arena, visit, visit_context};
    shell_check(&node->shell, store_inbox(&node->store, from_order, newest_first, visit_inbox, &v));
}

static enum wire_status find_inbox(struct node *node, const uint8_t *id, const struct wire_number *number,
                                   struct wire_arena *arena, uint64_t *order)
{
    if (id != NULL)
        return store_inbox_by_id(&node->store, id, arena, order);
    return store_inbox_by_number(&node->store, number, arena, order);
}

static enum wire_status show_inbox_one(void *context, const uint8_t *id, const struct wire_number *number,
                                       struct wire_arena *arena, struct api_inbox_row *out)
{
    struct node *node = context;
    uint64_t order;
    Wire__NodeInbox *inbox;
    enum wire_status status = find_inbox(node, id, number, arena, &order);
    if (status == WIRE_OK)
        status = store_inbox_row(&node->store, order, arena, &inbox);
    if (status != WIRE_OK)
        return status;
    return inbox == NULL ? WIRE_NOT_FOUND : fill_inbox(node, order, inbox, true, arena, out);
}

/* --- outbox ------------------------------------------------------------------------------------------------------- */

static enum wire_status fill_outbox(struct node *node, const uint8_t *id, bool with_payload, struct wire_arena *arena,
                                    struct api_outbox_row *out)
{
    Wire__Header *header = NULL;
    Wire__NodeState *state;
    *out = (struct api_outbox_row){.payload_status = WIRE_OK};
    enum wire_status status = store_state(&node->store, id, arena, &state);
    if (status == WIRE_OK && state != NULL)
        status = store_header_at(&node->store, state->place, arena, &header);
    if (status != WIRE_OK)
        return status;
    if (header == NULL || state == NULL)
        return WIRE_NOT_FOUND;
    out->header = header;
    out->state = state;
    if (with_payload)
        out->payload_status = node_rest_plain(node, header->keep_until, state->place, arena, &out->payload);
    return WIRE_OK;
}

struct outbox_visit {
    struct node *node;
    bool with_payload;
    struct wire_arena *arena;
    bool (*visit)(void *context, const struct api_outbox_row *row);
    void *context;
};

static bool visit_outbox(void *context, const uint8_t id[WIRE_ID_BYTES])
{
    struct outbox_visit *v = context;
    struct api_outbox_row row;
    uint8_t own[WIRE_ID_BYTES];
    size_t mark = wire_arena_mark(v->arena);
    memcpy(own, id, sizeof(own));
    enum wire_status status = fill_outbox(v->node, own, v->with_payload, v->arena, &row);
    bool go_on = status != WIRE_OK || v->visit(v->context, &row);
    wire_arena_back(v->arena, mark);
    return go_on;
}

static void show_outbox(void *context, uint32_t from_day, bool newest_first, bool with_payload,
                        struct wire_arena *arena, bool (*visit)(void *context, const struct api_outbox_row *row),
                        void *visit_context)
{
    struct node *node = context;
    struct outbox_visit v = {node, with_payload, arena, visit, visit_context};
    shell_check(&node->shell, store_outbox(&node->store, from_day, newest_first, visit_outbox, &v));
}

static enum wire_status show_outbox_one(void *context, const uint8_t *id, const struct wire_number *number,
                                        struct wire_arena *arena, struct api_outbox_row *out)
{
    struct node *node = context;
    uint8_t found[WIRE_ID_BYTES];
    if (id != NULL)
        return fill_outbox(node, id, true, arena, out);
    if (number->region != node->config.region)
        return WIRE_NOT_FOUND;
    enum wire_status status = store_outbox_by_number(&node->store, number->date, number->serial, found);
    return status == WIRE_OK ? fill_outbox(node, found, true, arena, out) : status;
}

/* --- status, links, regions --------------------------------------------------------------------------------------- */

static void show_status(void *context, struct api_status *out)
{
    struct node *node = context;
    struct node_totals totals;
    struct keep_room room = keep_room(node->shell.keep);
    node_core_totals(node->core, &totals);
    *out = (struct api_status){
        .region = node->config.region,
        .installation = node->config.installation,
        .policy_version = totals.policy_version,
        .directory_epoch = totals.directory_epoch,
        .certificate_until_ms = cert_identity_until_ms(node->shell.identity),
        .store_full_permille = keep_room_permille(&room),
        .clock_unsure = totals.clock_unsure,
        .store_full = totals.store_full,
        .admitted = totals.admitted,
        .refused = totals.refused,
        .duplicate = totals.duplicate,
        .expired = totals.expired,
        .received = totals.received,
        .repeated = totals.repeated,
        .rejected = totals.rejected,
        .unreadable = totals.unreadable,
        .redrafted = totals.redrafted,
    };
}

static enum api_link_state link_state(const struct node_health *health)
{
    if (health->state == NODE_IDLE || health->state == NODE_GREETING)
        return API_LINK_DOWN;
    bool good = health->state == NODE_LIVE && health->reason == WIRE_OK &&
                (health->standing == WIRE__STANDING__NORMAL || health->standing == WIRE__STANDING__FORK);
    return good ? API_LINK_UP : API_LINK_DEGRADED;
}

static void fill_link(struct node *node, unsigned i, struct api_link *out)
{
    struct node_health health;
    node_core_health(node->core, (uint8_t)i, &health);
    *out = (struct api_link){
        .name = node->config.brokers[i].name,
        .endpoint = node->config.brokers[i].endpoint,
        .state = link_state(&health),
        .reason = health.reason,
        .fork = health.standing == WIRE__STANDING__FORK,
        .rolled_back = health.standing == WIRE__STANDING__ROLLED_BACK,
        .stopped = health.standing == WIRE__STANDING__STOPPED,
        .since_ms = health.since_wall_ms,
        .rtt_ms = health.rtt_ms,
        .offset_ms = health.clock_offset_ms,
        .policy_version = health.policy_version,
        .directory_epoch = health.directory_epoch,
    };
    for (size_t lane = 0; lane < WIRE_LANES; lane++) {
        out->lane[lane].drafts = health.lane[lane].drafts;
        out->lane[lane].unreceipted = health.lane[lane].unreceipted;
        out->lane[lane].oldest_ms = health.lane[lane].oldest_ms;
    }
}

static size_t show_links(void *context, struct api_link *out, size_t max)
{
    struct node *node = context;
    for (unsigned i = 0; i < node->config.broker_count && i < max; i++)
        fill_link(node, i, &out[i]);
    return node->config.broker_count;
}

/* Enrolled until the first of identity and transport ends. */
static int64_t enrolled_until(const struct node *node, uint32_t region, int64_t now_ms)
{
    static const Wire__Usage usages[] = {WIRE__USAGE__USAGE_IDENTITY, WIRE__USAGE__USAGE_TRANSPORT};
    int64_t until_ms = INT64_MAX;
    for (size_t i = 0; i < 2; i++) {
        const struct cert_entry *entry = cert_directory_current(node->shell.directory, region, usages[i], now_ms);
        if (entry != NULL && entry->subject.until_ms < until_ms)
            until_ms = entry->subject.until_ms;
    }
    return until_ms;
}

static size_t show_regions(void *context, uint32_t *region, int64_t *until_ms, size_t max)
{
    struct node *node = context;
    int64_t now_ms = shell_wall_ms();
    size_t count = cert_directory_regions(node->shell.directory, now_ms, region, max);
    for (size_t i = 0; i < count && i < max; i++)
        until_ms[i] = enrolled_until(node, region[i], now_ms);
    return count;
}

static void reconnect(void *context, const char *link)
{
    struct node *node = context;
    for (unsigned i = 0; i < node->config.broker_count; i++) {
        if (link != NULL && strcmp(link, node->config.brokers[i].name) != 0)
            continue;
        struct node_event event = {.kind = NODE_ON_RECONNECT};
        event.u.link = (uint8_t)i;
        wire_arena_reset(&node->arena);
        node_step(node, &event);
    }
}

/* --- policy, events ----------------------------------------------------------------------------------------------- */

static const struct rules_policy *show_policy(void *context)
{
    return node_core_policy(((const struct node *)context)->core);
}

static const Wire__PolicyText *show_policy_text(void *context, struct wire_arena *arena)
{
    return node_trust_policy_text(((struct node *)context)->trust, arena);
}

static uint64_t show_events(void *context, uint64_t after, bool (*visit)(void *context, const struct api_event *event),
                            void *visit_context)
{
    return node_notes_visit(((struct node *)context)->notes, after, visit, visit_context);
}

static void on_event(void *context, void (*wake)(void *wake_context), void *wake_context)
{
    node_notes_wake(((struct node *)context)->notes, wake, wake_context);
}

/* --- import ------------------------------------------------------------------------------------------------------- */

static void import_key(void *context, struct wire_bytes key, uint8_t out[WIRE_HASH_BYTES])
{
    const struct node *node = context;
    cert_hmac_by(&node->shell.hash, wire_bytes(node->import_secret, sizeof(node->import_secret)), key, out);
}

static bool import_known(void *context, const uint8_t key[WIRE_HASH_BYTES], uint8_t id[WIRE_ID_BYTES],
                         uint8_t content[WIRE_HASH_BYTES])
{
    struct node *node = context;
    struct keep_value *value = &node->store.value;
    enum wire_status status = keep_get(node->shell.keep, NODE_TABLE_IMPORT, wire_bytes(key, WIRE_HASH_BYTES), value);
    if (status == WIRE_NOT_FOUND)
        return false;
    shell_check(&node->shell, status);
    if (value->size != WIRE_ID_BYTES + WIRE_HASH_BYTES)
        return false;
    memcpy(id, value->data, WIRE_ID_BYTES);
    memcpy(content, value->data + WIRE_ID_BYTES, WIRE_HASH_BYTES);
    return true;
}

static void import_note(void *context, const uint8_t key[WIRE_HASH_BYTES], const uint8_t id[WIRE_ID_BYTES],
                        const uint8_t content[WIRE_HASH_BYTES])
{
    struct node *node = context;
    uint8_t value[WIRE_ID_BYTES + WIRE_HASH_BYTES];
    memcpy(value, id, WIRE_ID_BYTES);
    memcpy(value + WIRE_ID_BYTES, content, WIRE_HASH_BYTES);
    struct wire_row row = {
        .table = NODE_TABLE_IMPORT, .key = wire_bytes(key, WIRE_HASH_BYTES), .value = wire_bytes(value, sizeof(value))};
    shell_append_own(&node->shell, &row, 1);
}

/* --- tools -------------------------------------------------------------------------------------------------------- */

static void sha256(void *context, struct wire_bytes data, uint8_t out[WIRE_HASH_BYTES])
{
    const struct node *node = context;
    node->shell.hash.digest(node->shell.hash.context, &data, 1, out);
}

static int64_t now_ms(void *context)
{
    (void)context;
    return shell_wall_ms();
}

static void audit(void *context, const char *label, const char *what, const char *detail)
{
    const struct node *node = context;
    link_log_line(node->shell.log, LINK_NOTICE, "audit", "操作记录", "audit", LINK_TEXT("who", label),
                  LINK_TEXT("what", what), LINK_TEXT("detail", detail));
}

struct api_backend node_backend(struct node *node)
{
    return (struct api_backend){
        .context = node,
        .publish = node_desk_publish,
        .preview = node_desk_preview,
        .withdraw = node_desk_withdraw,
        .reconnect = reconnect,
        .inbox = show_inbox,
        .inbox_one = show_inbox_one,
        .outbox = show_outbox,
        .outbox_one = show_outbox_one,
        .evidence = node_evidence,
        .status = show_status,
        .links = show_links,
        .regions = show_regions,
        .policy = show_policy,
        .policy_text = show_policy_text,
        .enrolled = node_enrolled,
        .events = show_events,
        .on_event = on_event,
        .import_key = import_key,
        .import_known = import_known,
        .import_note = import_note,
        .sha256 = sha256,
        .random = cert_random,
        .now_ms = now_ms,
        .audit = audit,
    };
}
