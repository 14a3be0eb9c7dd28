/* Rows of ledger and store as a damaged disk might give them back. Keys and fixed layouts that are read are written as
 * the same bytes again; messages are read or refused; a core that boots from such rows says so and stays sound. */
#include "broker/core/core.h"
#include "node/core/core.h"
#include "node/core/state.h"
#include "target.h"
#include "wire/codec.h"
#include "wire/json.h"
#include "wire/seal_check.h"

static void same(struct wire_bytes read, const uint8_t *data, size_t size)
{
    ENSURE(wire_bytes_equal(read, wire_bytes(data, size)));
}

static void same_key(struct wire_bytes read, struct broker_key key)
{
    same(read, key.data, key.size);
}

/* --- the broker's ------------------------------------------------------------------------------------------------- */

static void broker_keys(struct wire_bytes key)
{
    struct broker_stream stream;
    struct broker_queue_name queue;
    struct broker_duty duty;
    uint64_t number;
    int64_t next_ms;
    uint16_t index;
    uint8_t code;
    if (broker_stream_of_key(key, &stream) && key.size == broker_key_stream(&stream).size)
        same_key(key, broker_key_stream(&stream));
    if (broker_queue_of_key(key, &queue))
        same_key(key, broker_key_queue(&queue));
    if (broker_queue_row_of_key(key, &queue, &number))
        same_key(key, broker_key_queue_row(&queue, number));
    if (broker_obligation_of_key(key, &next_ms, &duty))
        same_key(key, broker_key_obligation(next_ms, &duty));
    if (broker_duty_of_key(key, &duty))
        same_key(key, broker_key_duty(&duty));
    broker_answered_of_key(key, &index, &code);
}

static void broker_values(struct wire_bytes value)
{
    struct wire_arena arena;
    struct broker_stream_row stream;
    struct broker_stream_batch_row batch;
    struct broker_envelope_row envelope;
    struct broker_queue_row queue;
    struct broker_head_row head;
    struct broker_cursor_row cursor;
    struct broker_obligation_row obligation;
    fuzz_arena(0, 64 * 1024, &arena);
    if (broker_get_stream(value, &stream))
        ENSURE(wire_bytes_equal(value, broker_put_stream(&arena, &stream)));
    if (broker_get_stream_batch(value, &batch))
        ENSURE(wire_bytes_equal(value, broker_put_stream_batch(&arena, &batch)));
    if (broker_get_envelope(value, &envelope))
        ENSURE(wire_bytes_equal(value, broker_put_envelope(&arena, &envelope)));
    if (broker_get_queue(value, &queue)) {
        for (uint32_t i = 0; i < WIRE_BATCH_ENVELOPES_MAX; i++)
            ENSURE(!broker_bit(queue.given, i) || i < queue.count);
        ENSURE(wire_bytes_equal(value, broker_put_queue(&arena, &queue)));
    }
    if (broker_get_head(value, &head))
        ENSURE(wire_bytes_equal(value, broker_put_head(&arena, &head)));
    if (broker_get_cursor(value, &cursor))
        ENSURE(wire_bytes_equal(value, broker_put_cursor(&arena, &cursor)));
    if (broker_get_obligation(value, &obligation)) {
        ENSURE(strlen(obligation.mechanism) <= WIRE_MECHANISM_BYTES_MAX);
        ENSURE(wire_bytes_equal(value, broker_put_obligation(&arena, &obligation)));
    }
}

static void ledger_batch(struct wire_bytes value)
{
    struct wire_arena arena;
    enum wire_status status;
    struct rules_parent parent;
    struct rules_original original;
    struct broker_fact fact;
    fuzz_arena(0, 2 * wire_arena_budget(value.size), &arena);
    const Wire__LedgerBatch *batch = (const Wire__LedgerBatch *)wire_decode(&wire__ledger_batch__descriptor, value,
                                                                            WIRE_STRICT_ALL, &arena, &status);
    if (batch == NULL)
        return;
    for (uint32_t i = 0; i < 6; i++) {
        uint32_t index = i == 5 ? UINT32_MAX : i;
        size_t mark = wire_arena_mark(&arena);
        if (broker_get_fact(batch, index, &fact)) {
            uint8_t bytes[BROKER_FACT_BYTES];
            broker_put_fact(bytes, &fact);
            same(wire_bytes(batch->facts.data + index * BROKER_FACT_BYTES, BROKER_FACT_BYTES), bytes, sizeof bytes);
            broker_disposition(batch, &fact, &arena);
        }
        broker_parent_of(batch, index, 320000, &arena, &parent);
        broker_original_of(batch, index, &arena, &original);
        wire_arena_back(&arena, mark);
    }
}

/* --- the node's --------------------------------------------------------------------------------------------------- */

static void node_keys(struct wire_bytes key)
{
    struct node_lane_key lane;
    char link[NODE_LINK_NAME_MAX + 1];
    if (node_key_parse_lane(key, &lane)) {
        struct node_key again = node_key_lane(lane.link, lane.mechanism, lane.lane);
        ENSURE(again.size + lane.rest.size == key.size);
        same(wire_bytes(key.data, again.size), again.data, again.size);
    }
    if (node_key_parse_link(key, link)) {
        struct node_key again = node_key_link(link);
        same(key, again.data, again.size);
    }
    ENSURE((node_key_last_id(key) == NULL) == (key.size < WIRE_ID_BYTES));
}

static void node_values(uint8_t which, struct wire_bytes value)
{
    struct wire_arena arena, again;
    enum wire_status status;
    const ProtobufCMessageDescriptor *type = node_table_message((enum node_table)(which % NODE_TABLES));
    fuzz_arena(0, wire_arena_budget(value.size), &arena);
    const ProtobufCMessage *message = type == NULL ? NULL : wire_decode(type, value, WIRE_STRICT_NONE, &arena, &status);
    if (message != NULL) {
        fuzz_arena(1, 64 * value.size + 64 * 1024, &again);
        fuzz_same_again(message, &again);
    }
    wire_arena_reset(&arena);
    node_read_state(value, &arena);
    wire_arena_reset(&arena);
    node_read_header(value, &arena);
}

/* --- booting from them -------------------------------------------------------------------------------------------- */

enum { BOOT_ROWS_MAX = 40 };

/* A row for a boot image; false: there are no more. A store has no key twice: such a row is one of no table. */
static bool boot_row(struct fuzz_input *input, struct wire_row *rows, size_t count)
{
    struct wire_row *row = &rows[count];
    if (input->size == 0 || count == BOOT_ROWS_MAX)
        return false;
    *row = (struct wire_row){.table = fuzz_u8(input)};
    row->key = fuzz_take(input, 1u + fuzz_below(input, WIRE_KEY_BYTES_MAX));
    row->value = fuzz_take(input, fuzz_u8(input));
    for (size_t i = 0; i < count; i++)
        if (rows[i].table == row->table && wire_bytes_equal(rows[i].key, row->key))
            return false;
    return row->key.size > 0;
}

static void broker_boot(struct fuzz_input *input)
{
    static struct broker_out *out;
    static void *room;
    struct broker_options options;
    broker_options_default(&options, fuzz_hash());
    options.regions_max = 8;
    options.queues_max = 8;
    options.mechanisms_max = 4;
    options.window_rows = 32;
    size_t size = broker_core_size(&options);
    if (out == NULL) {
        room = malloc(BROKER_OUT_ARENA_BYTES);
        out = calloc(1, sizeof *out);
        ENSURE(room != NULL && out != NULL);
        wire_arena_over(&out->arena, room, BROKER_OUT_ARENA_BYTES);
    }
    struct broker_core *core = broker_core_init(fuzz_zeroed(0, size, 0), size, &options);
    struct broker_event event = {.mono_ms = 1000, .wall_ms = INT64_C(1581300000000)};
    struct wire_row rows[BOOT_ROWS_MAX + 1];
    for (size_t count = 0; boot_row(input, rows, count); count++) {
        if (!broker_table_boots(rows[count].table))
            continue;
        event.kind = BROKER_EVENT_BOOT_ROW;
        event.boot_row.row = rows[count];
        broker_core_step(core, &event, out);
    }
    event.kind = BROKER_EVENT_BOOT_DONE;
    broker_core_step(core, &event, out);
    broker_core_audit(core);
}

static void node_boot(struct fuzz_input *input)
{
    static struct node_out *out;
    static void *room;
    struct node_options options = {.region = 310000,
                                   .software = "fuzz",
                                   .link = {{.name = "main"}, {.name = "south"}},
                                   .link_count = 2,
                                   .hash = fuzz_hash(),
                                   .lanes_max = 8,
                                   .streams_max = 8};
    size_t size = node_core_size(&options);
    if (out == NULL) {
        room = malloc(NODE_OUT_BYTES);
        out = calloc(1, sizeof *out);
        ENSURE(room != NULL && out != NULL);
        node_out_init(out, room, NODE_OUT_BYTES);
    }
    size_t scratch = NODE_SCRATCHES * (size_t)NODE_SCRATCH_BYTES; /* behind everything else */
    struct node_core *core = node_core_init(fuzz_zeroed(1, size, size - scratch), size, &options);
    struct node_event event = {.mono_ms = 1000, .wall_ms = INT64_C(1581300000000)};
    struct wire_row rows[BOOT_ROWS_MAX + 1];
    for (size_t count = 0; boot_row(input, rows, count); count++) {
        if (rows[count].table >= NODE_TABLES || !node_table_boots((enum node_table)rows[count].table))
            continue;
        event.kind = NODE_ON_BOOT_ROW;
        event.u.row = rows[count];
        node_core_step(core, &event, out);
        for (size_t i = 0; i < out->count; i++)
            if (out->effects[i].kind == NODE_DO_STOP)
                return; /* the shell ends the process */
    }
    event = (struct node_event){.kind = NODE_ON_BOOT_DONE, .mono_ms = 1000, .wall_ms = INT64_C(1581300000000)};
    node_core_step(core, &event, out);
    node_core_audit(core);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input(data, size);
    if (size > 16 * 1024)
        return 0;
    uint8_t what = fuzz_u8(&input), which = fuzz_u8(&input);
    switch (what % 7) {
    case 0:
        broker_keys(fuzz_rest(&input));
        break;
    case 1:
        broker_values(fuzz_rest(&input));
        break;
    case 2:
        ledger_batch(fuzz_rest(&input));
        break;
    case 3:
        node_keys(fuzz_rest(&input));
        break;
    case 4:
        node_values(which, fuzz_rest(&input));
        break;
    case 5:
        broker_boot(&input);
        break;
    default:
        node_boot(&input);
        break;
    }
    return 0;
}
