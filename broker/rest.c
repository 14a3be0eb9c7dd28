/* Payloads at rest: under the key of their keep-until day, one run a day and batch. */
#include "broker.h"

#include "shell/rest.h"
#include "wire/codec.h"

#include <stdlib.h>

/* Encoded LedgerPayloads of one day, encrypted; .data NULL: the day is over. */
static struct wire_bytes sealed_run(struct broker *broker, const struct broker_append *append, uint32_t day,
                                    struct wire_bytes row_key, struct wire_arena *arena)
{
    const Wire__Batch *batch = append->batch;
    size_t kept = 0;
    for (size_t i = 0; i < batch->n_envelope; i++)
        kept += append->keep_until[i] == day;
    Wire__LedgerPayload *items = wire_arena_take(arena, kept * sizeof(*items));
    Wire__LedgerPayload **list = wire_arena_take(arena, kept * sizeof(*list));
    ENSURE(items != NULL && list != NULL);
    Wire__LedgerPayloads run = WIRE__LEDGER_PAYLOADS__INIT;
    run.envelope = list;
    for (uint32_t i = 0; i < batch->n_envelope; i++) {
        if (append->keep_until[i] != day)
            continue;
        Wire__LedgerPayload *item = &items[run.n_envelope];
        wire__ledger_payload__init(item);
        item->index = i;
        item->salt = batch->envelope[i]->salt;
        item->payload = batch->envelope[i]->payload;
        list[run.n_envelope++] = item;
    }
    size_t size = protobuf_c_message_get_packed_size(&run.base);
    uint8_t *out = wire_arena_take(arena, size + CERT_REST_OVERHEAD);
    ENSURE(out != NULL);
    protobuf_c_message_pack(&run.base, out + CERT_REST_NONCE_BYTES);
    if (!shell_rest_seal(&broker->shell, day, row_key, out, size))
        return (struct wire_bytes){0};
    return wire_bytes(out, size + CERT_REST_OVERHEAD);
}

static struct wire_bytes copied(struct wire_arena *arena, const struct broker_key *key)
{
    void *copy = wire_arena_copy(arena, key->data, key->size);
    ENSURE(copy != NULL);
    return wire_bytes(copy, key->size);
}

/* A batch that is offered again with its receipt after a loss may hold what was to be erased by now: its verdict
 * stands, its payload is gone. */
size_t broker_rest_rows(struct broker *broker, const struct broker_append *append, struct wire_arena *arena,
                        struct wire_row *rows, size_t rows_max)
{
    size_t count = 0;
    for (size_t i = 0; i < append->batch->n_envelope; i++) {
        uint32_t day = append->keep_until[i];
        bool done = day == 0;
        for (size_t j = 0; j < i && !done; j++)
            done = append->keep_until[j] == day;
        if (done)
            continue;
        struct broker_key key = broker_key_payload(append->serial, day);
        struct broker_key by_day = broker_key_payload_day(day, append->serial);
        struct wire_bytes row_key = copied(arena, &key);
        struct wire_bytes run = sealed_run(broker, append, day, row_key, arena);
        if (run.data == NULL)
            continue;
        ENSURE(count + 2 <= rows_max);
        rows[count++] = (struct wire_row){.table = BROKER_PAYLOAD, .key = row_key, .value = run};
        rows[count++] = (struct wire_row){.table = BROKER_PAYLOAD_DAY, .key = copied(arena, &by_day)};
    }
    return count;
}

Wire__LedgerPayloads *broker_rest_open(struct broker *broker, uint64_t serial, uint32_t day, struct wire_arena *arena,
                                       enum wire_status *status)
{
    uint8_t key[DAYKEY_BYTES];
    *status = daykeys_find(broker->shell.daykeys, day, key);
    if (*status == WIRE_NOT_FOUND) /* a ledger restored from a backup: day keys are in none */
        link_log_line(broker->shell.log, LINK_ERROR, "keys", "日密钥缺失，内容无法读取",
                      "a day key is missing, payloads cannot be read", LINK_UNSIGNED("day", day),
                      LINK_UNSIGNED("batch", serial));
    if (*status != WIRE_OK)
        return NULL;
    struct broker_key row_key = broker_key_payload(serial, day);
    struct wire_bytes key_bytes = wire_bytes(row_key.data, row_key.size);
    struct wire_bytes sealed = ledger_row(&broker->ledger, BROKER_PAYLOAD, key_bytes, arena, status);
    Wire__LedgerPayloads *run = NULL;
    struct wire_bytes plain;
    if (*status == WIRE_OK)
        *status = shell_rest_open(&broker->shell, key, key_bytes, sealed, &plain);
    if (*status == WIRE_OK)
        run = (Wire__LedgerPayloads *)wire_decode_in_place(&wire__ledger_payloads__descriptor, plain, WIRE_STRICT_NONE,
                                                           arena, status);
    cert_wipe(key, sizeof(key));
    return run;
}

enum { ERASE_ROWS = 512 };

struct erasing {
    uint8_t keys[ERASE_ROWS][2][16];
    struct wire_row rows[2 * ERASE_ROWS];
    size_t count;
    uint32_t day;
};

static bool erase_visit(void *context, struct wire_bytes key, struct wire_bytes value)
{
    (void)value;
    struct erasing *erasing = context;
    if (key.size != 12 || wire_get_u32(key.data) > erasing->day)
        return false;
    struct broker_key payload = broker_key_payload(wire_get_u64(key.data + 4), wire_get_u32(key.data));
    uint8_t(*keys)[16] = erasing->keys[erasing->count / 2];
    memcpy(keys[0], key.data, key.size);
    memcpy(keys[1], payload.data, payload.size);
    erasing->rows[erasing->count++] =
        (struct wire_row){.table = BROKER_PAYLOAD_DAY, .erase = true, .key = wire_bytes(keys[0], key.size)};
    erasing->rows[erasing->count++] =
        (struct wire_row){.table = BROKER_PAYLOAD, .erase = true, .key = wire_bytes(keys[1], payload.size)};
    return erasing->count < 2 * ERASE_ROWS;
}

/* Rows first go without their key, then for good; what a crash leaves is found again the next time. */
static size_t erase_rows(struct broker *broker, uint32_t day)
{
    struct erasing *erasing = calloc(1, sizeof(*erasing));
    ENSURE(erasing != NULL);
    erasing->day = day;
    enum wire_status status =
        keep_scan(broker->shell.keep, &(struct keep_range){.table = BROKER_PAYLOAD_DAY}, erase_visit, erasing, NULL);
    shell_check(&broker->shell, status);
    if (erasing->count > 0)
        shell_append_own(&broker->shell, erasing->rows, erasing->count);
    size_t count = erasing->count / 2;
    free(erasing);
    return count;
}

bool broker_rest_erase(struct broker *broker, uint32_t day)
{
    if (shell_rest_erase_keys(&broker->shell, day))
        broker_parts_forget(broker->parts);
    return erase_rows(broker, day) == ERASE_ROWS;
}
