#include "node/core/step.h"
#include "wire/codec.h"

void node_out_init(struct node_out *out, void *memory, size_t size)
{
    *out = (struct node_out){0};
    wire_arena_over(&out->arena, memory, size);
}

void node_step_begin(struct node_step *s, struct node_core *core, const struct node_event *event, struct node_out *out)
{
    wire_arena_reset(&out->arena);
    out->count = 0;
    out->more = false;
    out->notes_left_out = 0;
    *s = (struct node_step){.core = core, .event = event, .out = out, .append = NODE_EFFECTS_MAX};
}

static void forget_view(struct node_step *s)
{
    for (size_t i = 0; i < s->row_count; i++)
        s->core->view[s->core->view_used[i]] = 0;
}

void node_step_end(struct node_step *s)
{
    forget_view(s);
    if (s->append == NODE_EFFECTS_MAX)
        return;
    struct node_append *append = &s->out->effects[s->append].u.append;
    append->rows = s->rows;
    append->count = s->row_count;
    append->payloads = s->payloads;
    append->payload_count = s->payload_count;
}

void *node_take(struct node_step *s, size_t size)
{
    void *memory = wire_arena_take(&s->out->arena, size == 0 ? 1 : size);
    ENSURE(memory != NULL); /* NODE_OUT_BYTES covers the largest event */
    return memory;
}

struct wire_arena *node_scratch(struct node_step *s, size_t which)
{
    ENSURE(which < NODE_SCRATCHES);
    wire_arena_reset(&s->core->scratch[which]);
    return &s->core->scratch[which];
}

/* --- rows -----------------------------------------------------------------------------------------------------------
 */

static uint32_t view_hash(enum node_table table, struct wire_bytes key)
{
    uint32_t h = 2166136261U ^ (uint32_t)table;
    for (size_t i = 0; i < key.size; i++)
        h = (h ^ key.data[i]) * 16777619U;
    return h ^ (h >> 15);
}

/* The slot of a key, or the free one where it would go. */
static uint32_t view_slot(const struct node_step *s, enum node_table table, struct wire_bytes key)
{
    uint32_t slot = view_hash(table, key) % NODE_VIEW_SLOTS;
    for (;; slot = (slot + 1) % NODE_VIEW_SLOTS) {
        uint16_t at = s->core->view[slot];
        if (at == 0)
            return slot;
        const struct wire_row *row = &s->rows[at - 1];
        if (row->table == table && wire_bytes_equal(row->key, key))
            return slot;
    }
}

static void open_append(struct node_step *s)
{
    if (s->append != NODE_EFFECTS_MAX)
        return;
    s->append = s->out->count;
    node_effect(s, NODE_DO_APPEND)->u.append.ticket = ++s->core->last_ticket;
}

static void grow_rows(struct node_step *s)
{
    if (s->row_count < s->row_capacity)
        return;
    ENSURE(s->row_count < NODE_ROWS_MAX);
    size_t capacity = s->row_capacity == 0 ? 64 : 2 * s->row_capacity;
    struct wire_row *rows = node_take(s, capacity * sizeof *rows);
    if (s->row_count > 0)
        memcpy(rows, s->rows, s->row_count * sizeof *rows);
    s->rows = rows;
    s->row_capacity = capacity;
}

static struct wire_row *row_for(struct node_step *s, enum node_table table, const struct node_key *key)
{
    ENSURE(key->size >= 1 && key->size <= WIRE_KEY_BYTES_MAX);
    open_append(s);
    uint32_t slot = view_slot(s, table, node_key_bytes(key));
    if (s->core->view[slot] != 0)
        return &s->rows[s->core->view[slot] - 1];
    grow_rows(s);
    struct wire_row *row = &s->rows[s->row_count];
    uint8_t *copy = node_take(s, key->size);
    memcpy(copy, key->data, key->size);
    *row = (struct wire_row){.table = (uint8_t)table, .key = wire_bytes(copy, key->size)};
    s->core->view_used[s->row_count] = (uint16_t)slot;
    s->core->view[slot] = (uint16_t)(s->row_count + 1);
    s->row_count++;
    return row;
}

static void put_kept(struct node_step *s, enum node_table table, const struct node_key *key, struct wire_bytes value)
{
    struct wire_row *row = row_for(s, table, key);
    row->erase = false;
    row->value = value;
}

void node_put(struct node_step *s, enum node_table table, const struct node_key *key, struct wire_bytes value)
{
    uint8_t *copy = node_take(s, value.size);
    if (value.size > 0)
        memcpy(copy, value.data, value.size);
    put_kept(s, table, key, wire_bytes(copy, value.size));
}

void node_put_message(struct node_step *s, enum node_table table, const struct node_key *key,
                      const ProtobufCMessage *message)
{
    struct wire_bytes value = wire_encode(message, &s->out->arena);
    ENSURE(value.data != NULL || value.size == 0);
    put_kept(s, table, key, value);
}

void node_erase(struct node_step *s, enum node_table table, const struct node_key *key)
{
    struct wire_row *row = row_for(s, table, key);
    row->erase = true;
    row->value = wire_bytes(NULL, 0);
}

void node_add_payload(struct node_step *s, const struct node_payload *payload)
{
    open_append(s);
    if (s->payload_count == s->payload_capacity) {
        size_t capacity = s->payload_capacity == 0 ? 16 : 2 * s->payload_capacity;
        struct node_payload *payloads = node_take(s, capacity * sizeof *payloads);
        if (s->payload_count > 0)
            memcpy(payloads, s->payloads, s->payload_count * sizeof *payloads);
        s->payloads = payloads;
        s->payload_capacity = capacity;
    }
    s->payloads[s->payload_count++] = *payload;
}

struct wire_bytes node_look(struct node_step *s, enum node_table table, const struct node_key *key,
                            struct wire_bytes looked_up)
{
    uint16_t at = s->core->view[view_slot(s, table, node_key_bytes(key))];
    if (at == 0)
        return looked_up;
    const struct wire_row *row = &s->rows[at - 1];
    return row->erase ? wire_bytes(NULL, 0) : row->value;
}

uint64_t node_ticket(const struct node_step *s)
{
    return s->core->last_ticket;
}

/* --- effects --------------------------------------------------------------------------------------------------------
 */

struct node_effect *node_effect(struct node_step *s, enum node_effect_kind kind)
{
    ENSURE(s->out->count < NODE_EFFECTS_MAX);
    struct node_effect *effect = &s->out->effects[s->out->count++];
    memset(effect, 0, sizeof *effect);
    effect->kind = kind;
    return effect;
}

bool node_has_room(const struct node_step *s)
{
    return s->out->count - s->notes + NODE_NOTES_MAX + NODE_EFFECTS_KEPT < NODE_EFFECTS_MAX &&
           s->row_count < NODE_ROWS_MAX / 2;
}

struct node_note *node_note(struct node_step *s, enum node_topic topic, uint8_t link)
{
    struct node_note *note;
    if (s->notes < NODE_NOTES_MAX) {
        s->notes++;
        note = &node_effect(s, NODE_DO_NOTE)->u.note;
    } else {
        s->out->notes_left_out++;
        note = node_take(s, sizeof *note);
    }
    note->topic = topic;
    note->link = link;
    return note;
}

struct node_note *node_note_lane(struct node_step *s, enum node_topic topic, const struct node_lane *lane)
{
    struct node_note *note = node_note(s, topic, lane->link);
    memcpy(note->mechanism, lane->mechanism, sizeof note->mechanism);
    note->lane = lane->lane;
    return note;
}

Wire__Frame *node_frame(struct node_step *s, Wire__Frame__BodyCase body)
{
    Wire__Frame *frame = node_take(s, sizeof *frame);
    wire__frame__init(frame);
    frame->body_case = body;
    return frame;
}

struct node_send *node_send(struct node_step *s, uint8_t link, uint64_t after, Wire__Frame *frame)
{
    struct node_send *send = &node_effect(s, NODE_DO_SEND)->u.send;
    send->link = link;
    send->after = after <= s->core->committed ? 0 : after;
    send->frame = frame;
    return send;
}

void node_cut(struct node_step *s, uint8_t link, enum wire_status status)
{
    struct node_effect *effect = node_effect(s, NODE_DO_CUT);
    effect->u.cut.link = link;
    effect->u.cut.status = status;
}

struct node_fetch *node_fetch(struct node_step *s, enum node_fetch_kind kind, uint32_t index,
                              struct node_fetching **out)
{
    for (size_t i = 0; i < NODE_FETCHES_MAX; i++) {
        struct node_fetching *slot = &s->core->fetching[i];
        if (slot->request != 0)
            continue;
        *slot = (struct node_fetching){.request = ++s->core->next_request, .kind = kind, .index = index};
        struct node_fetch *fetch = &node_effect(s, NODE_DO_FETCH)->u.fetch;
        fetch->request = slot->request;
        if (out != NULL)
            *out = slot;
        return fetch;
    }
    return NULL;
}

/* --- the rest -------------------------------------------------------------------------------------------------------
 */

void node_draw(struct node_step *s, uint8_t *out, size_t size)
{
    static const char label[] = "node draw";
    uint8_t count[4], digest[WIRE_HASH_BYTES];
    ENSURE(size <= sizeof digest);
    wire_put_u32(count, ++s->draws);
    struct wire_bytes pieces[] = {wire_bytes(label, sizeof label - 1),
                                  wire_bytes(s->event->random, sizeof s->event->random), wire_bytes(count, 4)};
    const struct wire_hash *hash = s->core->options.hash;
    hash->digest(hash->context, pieces, 3, digest);
    memcpy(out, digest, size);
}

void node_damaged(struct node_step *s, enum node_table table)
{
    struct node_note *note = node_note(s, NODE_NOTE_DAMAGED, NODE_NO_LINK);
    note->status = WIRE_DAMAGED;
    note->a = table;
}

void node_erase_damaged(struct node_step *s, const struct wire_row *row)
{
    struct node_key key = {.size = row->key.size};
    ENSURE(key.size <= sizeof key.data);
    memcpy(key.data, row->key.data, key.size);
    node_damaged(s, (enum node_table)row->table);
    node_erase(s, (enum node_table)row->table, &key);
}
