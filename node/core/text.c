/* Effects as text: one line an effect, rows of an append indented below it. What trace tests compare. */
#include "node/core/step.h"
#include "wire/codec.h"

const char *node_topic_name(enum node_topic topic)
{
    static const char *const names[] = {
#define NODE_TOPIC_NAME(name, text) text,
        NODE_TOPIC_LIST(NODE_TOPIC_NAME)
#undef NODE_TOPIC_NAME
    };
    return topic < NODE_TOPICS ? names[topic] : "?";
}

static void hex(struct wire_text *text, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        wire_text_format(text, "%02x", data[i]);
}

/* Runs of printable characters as they are, the rest as hex: "main|yangtze-delta|02|0000000000000001". */
static void key_text(struct wire_text *text, enum node_table table, struct wire_bytes key)
{
    struct node_lane_key lane;
    char link[NODE_LINK_NAME_MAX + 1];
    switch (table) {
    case NODE_TABLE_LINK:
        if (node_key_parse_link(key, link))
            wire_text_string(text, link);
        return;
    case NODE_TABLE_STREAM:
    case NODE_TABLE_QUEUE:
    case NODE_TABLE_CURSOR:
    case NODE_TABLE_DRAFT:
    case NODE_TABLE_BATCH:
    case NODE_TABLE_BATCH_BYTES:
    case NODE_TABLE_RECEIPT:
    case NODE_TABLE_EVIDENCE:
    case NODE_TABLE_COMPLETENESS:
        if (!node_key_parse_lane(key, &lane))
            break;
        wire_text_format(text, "%s/%s/%s", lane.link, lane.mechanism, wire_lane_name(lane.lane));
        if (lane.rest.size > 0)
            wire_text_string(text, "/");
        hex(text, lane.rest.data, lane.rest.size);
        return;
    default:
        break;
    }
    hex(text, key.data, key.size);
}

/* The value as JSON when it is a message, else its size. */
static void value_text(struct wire_text *text, enum node_table table, struct wire_bytes value,
                       const struct node_core *core)
{
    const ProtobufCMessageDescriptor *type = node_table_message(table);
    struct wire_arena arena = core->scratch[0];
    enum wire_status status;
    wire_arena_over(&arena, core->scratch[0].base, core->scratch[0].size);
    const ProtobufCMessage *message = type == NULL ? NULL : wire_decode(type, value, WIRE_STRICT_NONE, &arena, &status);
    if (table == NODE_TABLE_PLACE)
        wire_text_format(text, "%llu", (unsigned long long)node_read_place(value));
    else if (message == NULL)
        wire_text_format(text, "%zu bytes", value.size);
    else
        wire_json_write(text, message, NULL);
}

static void payload_text(struct wire_text *text, const struct node_payload *payload)
{
    static const char *const kinds[] = {"?", "payload of draft", "payload copied", "carried of sealed",
                                        "carried of part"};
    wire_text_format(text, "  + %s %u, day %u, %llu: %u ", kinds[payload->kind], payload->index, payload->day,
                     (unsigned long long)payload->number, payload->origin);
    hex(text, payload->id, WIRE_ID_BYTES);
    if (payload->kind == NODE_PAYLOAD_COPY) {
        wire_text_format(text, " from %llu: ", (unsigned long long)payload->from_number);
        hex(text, payload->from, WIRE_ID_BYTES);
    }
    wire_text_string(text, "\n");
}

static void append_text(struct wire_text *text, const struct node_core *core, const struct node_append *append)
{
    wire_text_format(text, "APPEND ticket %llu\n", (unsigned long long)append->ticket);
    for (size_t i = 0; i < append->count; i++) {
        const struct wire_row *row = &append->rows[i];
        enum node_table table = (enum node_table)row->table;
        wire_text_format(text, "  %c %s ", row->erase ? '-' : '=', node_table_name(table));
        key_text(text, table, row->key);
        if (!row->erase && row->value.size > 0) {
            wire_text_string(text, " ");
            value_text(text, table, row->value, core);
        }
        wire_text_string(text, "\n");
    }
    for (size_t i = 0; i < append->payload_count; i++)
        payload_text(text, &append->payloads[i]);
}

static void send_text(struct wire_text *text, const struct node_core *core, const struct node_send *send)
{
    static const char *const fills[] = {"?", "batch", "held receipt", "newest receipt", "newest completeness"};
    static const enum node_table tables[] = {NODE_TABLE_META, NODE_TABLE_BATCH_BYTES, NODE_TABLE_RECEIPT,
                                             NODE_TABLE_RECEIPT, NODE_TABLE_COMPLETENESS};
    wire_text_format(text, "SEND %s", core->link[send->link].options->name);
    if (send->after > 0)
        wire_text_format(text, " after %llu", (unsigned long long)send->after);
    wire_text_string(text, " ");
    wire_json_write(text, &send->frame->base, NULL);
    for (size_t i = 0; i < send->fill_count; i++) {
        wire_text_format(text, " with %s ", fills[send->fill[i].what]);
        key_text(text, tables[send->fill[i].what], node_key_bytes(&send->fill[i].key));
    }
    wire_text_string(text, "\n");
}

static void fetch_text(struct wire_text *text, const struct node_fetch *fetch)
{
    wire_text_format(text, "FETCH %llu %s", (unsigned long long)fetch->request, node_table_name(fetch->table));
    if (fetch->prefix.size > 0) {
        wire_text_string(text, " under ");
        key_text(text, fetch->table, node_key_bytes(&fetch->prefix));
    }
    if (fetch->from.size > 0) {
        wire_text_string(text, " from ");
        key_text(text, fetch->table, node_key_bytes(&fetch->from));
    }
    wire_text_format(text, ", %zu rows%s\n", fetch->rows_max, fetch->states ? " with states" : "");
}

static void seal_text(struct wire_text *text, const struct node_core *core, const struct node_seal *seal)
{
    wire_text_format(text, "SEAL %llu %s/%s/%s/", (unsigned long long)seal->request,
                     core->link[seal->link].options->name, seal->mechanism, wire_lane_name(seal->lane));
    hex(text, seal->store_id, WIRE_ID_BYTES);
    wire_text_format(text, " from seq %llu, %u bytes:", (unsigned long long)seal->first, seal->bytes_max);
    for (size_t i = 0; i < seal->count; i++) {
        wire_text_string(text, " ");
        hex(text, seal->id[i], WIRE_ID_BYTES);
    }
    wire_text_string(text, "\n");
}

static void done_text(struct wire_text *text, const struct node_done *done)
{
    wire_text_format(text, "DONE %llu", (unsigned long long)done->request);
    if (done->after > 0)
        wire_text_format(text, " after %llu", (unsigned long long)done->after);
    for (size_t i = 0; i < done->count; i++) {
        const struct node_result *result = &done->result[i];
        wire_text_format(text, ", %s", wire_status_name((uint32_t)result->status));
        if (result->number_serial > 0)
            wire_text_format(text, " %u-%04u", result->number_date, result->number_serial);
        if (result->held)
            wire_text_string(text, " held");
    }
    wire_text_string(text, "\n");
}

static void note_text(struct wire_text *text, const struct node_core *core, const struct node_note *note)
{
    static const uint8_t none[WIRE_ID_BYTES];
    wire_text_format(text, "NOTE %s", node_topic_name(note->topic));
    if (note->link != NODE_NO_LINK)
        wire_text_format(text, " %s", core->link[note->link].options->name);
    if (note->mechanism[0] != '\0')
        wire_text_format(text, "/%s/%s", note->mechanism, wire_lane_name(note->lane));
    if (note->status != WIRE_OK)
        wire_text_format(text, " %s", wire_status_name((uint32_t)note->status));
    if (note->a != 0 || note->b != 0 || note->c != 0)
        wire_text_format(text, " a=%llu b=%llu c=%llu", (unsigned long long)note->a, (unsigned long long)note->b,
                         (unsigned long long)note->c);
    if (memcmp(note->id, none, sizeof none) != 0) {
        wire_text_string(text, " id=");
        hex(text, note->id, WIRE_ID_BYTES);
    }
    wire_text_string(text, "\n");
}

static void effect_text(struct wire_text *text, const struct node_core *core, const struct node_effect *effect)
{
    switch (effect->kind) {
    case NODE_DO_APPEND:
        append_text(text, core, &effect->u.append);
        return;
    case NODE_DO_SEND:
        send_text(text, core, &effect->u.send);
        return;
    case NODE_DO_FETCH:
        fetch_text(text, &effect->u.fetch);
        return;
    case NODE_DO_SEAL:
        seal_text(text, core, &effect->u.seal);
        return;
    case NODE_DO_DONE:
        done_text(text, &effect->u.done);
        return;
    case NODE_DO_CUT:
        wire_text_format(text, "CUT %s %s\n", core->link[effect->u.cut.link].options->name,
                         wire_status_name((uint32_t)effect->u.cut.status));
        return;
    case NODE_DO_ALIVE:
        wire_text_format(text, "ALIVE %s\n", core->link[effect->u.alive].options->name);
        return;
    case NODE_DO_KEEP_PIECE:
        wire_text_format(text, "KEEP-PIECE %s policy %llu at %u of %u%s\n",
                         core->link[effect->u.piece.link].options->name, (unsigned long long)effect->u.piece.version,
                         effect->u.piece.offset, effect->u.piece.total, effect->u.piece.whole ? ", whole" : "");
        return;
    case NODE_DO_ERASE:
        wire_text_format(text, "ERASE through %u\n", effect->u.erase);
        return;
    case NODE_DO_WAKE:
        wire_text_format(text, "WAKE %lld\n", (long long)effect->u.wake);
        return;
    case NODE_DO_NOTE:
        note_text(text, core, &effect->u.note);
        return;
    case NODE_DO_STOP:
        wire_text_format(text, "STOP %s table %s\n", wire_status_name((uint32_t)effect->u.stop.status),
                         node_table_name(effect->u.stop.table));
        return;
    }
}

void node_core_text(struct wire_text *text, const struct node_core *core, const struct node_out *out)
{
    for (size_t i = 0; i < out->count; i++)
        effect_text(text, core, &out->effects[i]);
    if (out->more)
        wire_text_string(text, "MORE\n");
}
