/* Payloads at rest: each in a row of its own under the key of its keep-until day.
 *
 *   PAYLOAD  an envelope of ours, the encoded payload message as it was written
 *   CARRIED  salt ‖ payload as it travelled: ours once sealed, others' once received */
#include "node.h"

#include "shell/rest.h"
#include "wire/time.h"

#include <stdlib.h>

enum { OTHERS_DAYS_MAX = DAYKEYS_MAX / 2 };

/* A payload of others', whose day a broker names. It gets a key of its own only for a day that there is, and never one
 * of the last: days nobody meant may not use up the file that our own envelopes need. */
static bool may_open_day(struct node *node, uint32_t day)
{
    uint8_t key[DAYKEY_BYTES];
    enum wire_status status = daykeys_find(node->shell.daykeys, day, key);
    cert_wipe(key, sizeof(key));
    if (status != WIRE_NOT_FOUND)
        return status == WIRE_OK;
    bool may = wire_day_valid(day) && daykeys_live(node->shell.daykeys) < OTHERS_DAYS_MAX;
    node_alarm(node->notes, "day-keys", !may, "收到的内容未保存：保存期限无效，或不同期限过多",
               "a received payload was not kept: its day is none, or there are too many days");
    if (!may)
        link_log_line(node->shell.log, LINK_ERROR, "keys", "收到的内容未保存：保存期限无效，或不同期限过多",
                      "a received payload was not kept: its day is none, or there are too many days",
                      LINK_UNSIGNED("day", day));
    return may;
}

static struct wire_bytes row_key_of(const struct node_payload *payload, struct wire_arena *arena)
{
    struct node_key key = node_payload_key(payload);
    void *copy = wire_arena_copy(arena, key.data, key.size);
    ENSURE(copy != NULL);
    return wire_bytes(copy, key.size);
}

/* Two pieces, joined and encrypted; false: erased. */
static bool put(struct node *node, enum node_table table, const struct node_payload *payload, struct wire_bytes salt,
                struct wire_bytes bytes, struct wire_arena *arena, struct wire_row *row)
{
    size_t size = salt.size + bytes.size;
    uint8_t *out = wire_arena_take(arena, size + CERT_REST_OVERHEAD), *plain = out + CERT_REST_NONCE_BYTES;
    ENSURE(out != NULL);
    if (salt.size > 0)
        memcpy(plain, salt.data, salt.size);
    if (bytes.size > 0)
        memcpy(plain + salt.size, bytes.data, bytes.size);
    struct wire_bytes row_key = row_key_of(payload, arena);
    if (!shell_rest_seal(&node->shell, payload->day, row_key, out, size))
        return false;
    *row =
        (struct wire_row){.table = (uint8_t)table, .key = row_key, .value = wire_bytes(out, size + CERT_REST_OVERHEAD)};
    return true;
}

static bool put_copy(struct node *node, const struct node_payload *payload, struct wire_arena *arena,
                     struct wire_row *row)
{
    struct wire_bytes plain;
    enum wire_status status = node_rest_plain(node, payload->day, payload->from_number, arena, &plain);
    if (status == WIRE_ERASED || status == WIRE_DAMAGED)
        return false;
    shell_check(&node->shell, status);
    bool kept = put(node, NODE_TABLE_PAYLOAD, payload, (struct wire_bytes){0}, plain, arena, row);
    cert_wipe((uint8_t *)(uintptr_t)plain.data, plain.size);
    return kept;
}

static bool put_part(struct node *node, const struct node_payload *payload, struct wire_arena *arena,
                     struct wire_row *row)
{
    const struct node_event *event = node->stepping.event;
    ENSURE(event->kind == NODE_ON_DELIVER && payload->index < event->u.deliver.part->n_envelope);
    const Wire__PartEnvelope *envelope = event->u.deliver.part->envelope[payload->index];
    if (!envelope->has_payload || !envelope->has_salt || envelope->salt.len != WIRE_SALT_BYTES ||
        !may_open_day(node, payload->day))
        return false;
    return put(node, NODE_TABLE_CARRIED, payload, wire_bytes(envelope->salt.data, envelope->salt.len),
               wire_bytes(envelope->payload.data, envelope->payload.len), arena, row);
}

static bool put_one(struct node *node, const struct node_payload *payload, struct wire_arena *arena,
                    struct wire_row *row)
{
    switch (payload->kind) {
    case NODE_PAYLOAD_OF_DRAFT:
        ENSURE(node->stepping.plain != NULL);
        return put(node, NODE_TABLE_PAYLOAD, payload, (struct wire_bytes){0}, node->stepping.plain[payload->index],
                   arena, row);
    case NODE_PAYLOAD_COPY:
        return put_copy(node, payload, arena, row);
    case NODE_CARRIED_OF_SEALED:
        ENSURE(node->stepping.carried != NULL);
        return put(node, NODE_TABLE_CARRIED, payload, node->stepping.salt[payload->index],
                   node->stepping.carried[payload->index], arena, row);
    case NODE_CARRIED_OF_PART:
        return put_part(node, payload, arena, row);
    }
    return false;
}

size_t node_rest_rows(struct node *node, const struct node_append *append, struct wire_arena *arena,
                      struct wire_row *rows)
{
    size_t count = 0;
    for (size_t i = 0; i < append->payload_count; i++)
        count += put_one(node, &append->payloads[i], arena, &rows[count]);
    return count;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static enum wire_status open_row(struct node *node, enum node_table table, uint32_t day, enum node_side side,
                                 uint64_t number, struct wire_arena *arena, struct wire_bytes *out)
{
    uint8_t key[DAYKEY_BYTES];
    *out = (struct wire_bytes){0};
    enum wire_status status = daykeys_find(node->shell.daykeys, day, key);
    if (status != WIRE_OK)
        return status == WIRE_NOT_FOUND ? WIRE_ERASED : status;
    struct node_key row_key = node_key_payload(day, side, number);
    struct wire_bytes sealed;
    status = store_row(&node->store, table, &row_key, arena, &sealed);
    if (status == WIRE_OK && sealed.data == NULL)
        status = WIRE_ERASED;
    if (status == WIRE_OK)
        status = shell_rest_open(&node->shell, key, node_key_bytes(&row_key), sealed, out);
    cert_wipe(key, sizeof(key));
    return status;
}

enum wire_status node_rest_plain(struct node *node, uint32_t day, uint64_t place, struct wire_arena *arena,
                                 struct wire_bytes *out)
{
    return open_row(node, NODE_TABLE_PAYLOAD, day, NODE_OURS, place, arena, out);
}

enum wire_status node_rest_carried(struct node *node, uint32_t day, enum node_side side, uint64_t number,
                                   struct wire_arena *arena, struct wire_bytes *salt, struct wire_bytes *payload)
{
    struct wire_bytes both;
    *salt = *payload = (struct wire_bytes){0};
    enum wire_status status = open_row(node, NODE_TABLE_CARRIED, day, side, number, arena, &both);
    if (status != WIRE_OK)
        return status;
    if (both.size < WIRE_SALT_BYTES)
        return WIRE_DAMAGED;
    *salt = wire_bytes(both.data, WIRE_SALT_BYTES);
    *payload = wire_bytes(both.data + WIRE_SALT_BYTES, both.size - WIRE_SALT_BYTES);
    return WIRE_OK;
}

/* --- erasing ------------------------------------------------------------------------------------------------------ */

enum { ERASE_ROWS = 512 };

struct erasing {
    uint8_t keys[ERASE_ROWS][NODE_PAYLOAD_KEY_BYTES];
    struct wire_row rows[ERASE_ROWS];
    size_t count;
    uint32_t day;
    uint8_t table;
};

static bool erase_visit(void *context, struct wire_bytes key, struct wire_bytes value)
{
    (void)value;
    struct erasing *erasing = context;
    if (key.size != NODE_PAYLOAD_KEY_BYTES || wire_get_u32(key.data) > erasing->day)
        return false;
    uint8_t *copy = erasing->keys[erasing->count];
    memcpy(copy, key.data, key.size);
    erasing->rows[erasing->count++] =
        (struct wire_row){.table = erasing->table, .erase = true, .key = wire_bytes(copy, key.size)};
    return erasing->count < ERASE_ROWS;
}

bool node_rest_erase(struct node *node, uint32_t day)
{
    static const uint8_t tables[] = {NODE_TABLE_PAYLOAD, NODE_TABLE_CARRIED};
    shell_rest_erase_keys(&node->shell, day);
    struct erasing *erasing = calloc(1, sizeof(*erasing));
    ENSURE(erasing != NULL);
    erasing->day = day;
    for (size_t i = 0; i < 2 && erasing->count < ERASE_ROWS; i++) {
        erasing->table = tables[i];
        shell_check(&node->shell,
                    keep_scan(node->shell.keep, &(struct keep_range){.table = tables[i]}, erase_visit, erasing, NULL));
    }
    if (erasing->count > 0)
        shell_append_own(&node->shell, erasing->rows, erasing->count);
    bool more = erasing->count == ERASE_ROWS;
    free(erasing);
    return more;
}
