/* Payloads at rest: under the key of their keep-until day, one run a day and batch. */
#include "broker.h"

#include "wire/codec.h"

#include <stdlib.h>

static void day_key(struct broker *broker, uint32_t day, uint8_t key[DAYKEY_BYTES])
{
    uint8_t random[DAYKEY_BYTES];
    struct wire_problem problem = {0};
    cert_random(random, sizeof(random));
    enum wire_status status = daykeys_get_or_make(broker->daykeys, day, random, key, &problem);
    cert_wipe(random, sizeof(random));
    if (status != WIRE_OK) {
        link_log_problem(broker->log, LINK_ERROR, "keys", &problem);
        broker_fail(broker, "日密钥无法写入", "the day key cannot be written", status);
    }
}

/* Encoded LedgerPayloads of one day, encrypted. */
static struct wire_bytes sealed_run(struct broker *broker, const struct broker_append *append, uint32_t day,
                                    struct wire_bytes row_key, struct wire_arena *arena)
{
    const Wire__Batch *batch = append->batch;
    Wire__LedgerPayload *items = wire_arena_take(arena, batch->n_envelope * sizeof(*items));
    Wire__LedgerPayload **list = wire_arena_take(arena, batch->n_envelope * sizeof(*list));
    ENSURE(items != NULL && list != NULL);
    Wire__LedgerPayloads run = WIRE__LEDGER_PAYLOADS__INIT;
    run.envelope = list;
    for (uint32_t i = 0; i < batch->n_envelope; i++) {
        if (append->keep_until[i] != day)
            continue;
        wire__ledger_payload__init(&items[i]);
        items[i].index = i;
        items[i].salt = batch->envelope[i]->salt;
        items[i].payload = batch->envelope[i]->payload;
        list[run.n_envelope++] = &items[i];
    }
    size_t size = protobuf_c_message_get_packed_size(&run.base);
    uint8_t *out = wire_arena_take(arena, size + CERT_REST_OVERHEAD);
    ENSURE(out != NULL);
    protobuf_c_message_pack(&run.base, out + CERT_REST_NONCE_BYTES);
    uint8_t key[DAYKEY_BYTES];
    day_key(broker, day, key);
    enum wire_status status =
        cert_rest_seal(broker->rest, key, row_key, wire_bytes(out + CERT_REST_NONCE_BYTES, size), out);
    cert_wipe(key, sizeof(key));
    if (status != WIRE_OK)
        broker_fail(broker, "无法加密", "cannot encrypt", status);
    return wire_bytes(out, size + CERT_REST_OVERHEAD);
}

static struct wire_bytes copied(struct wire_arena *arena, const struct broker_key *key)
{
    void *copy = wire_arena_copy(arena, key->data, key->size);
    ENSURE(copy != NULL);
    return wire_bytes(copy, key->size);
}

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
        ENSURE(count + 2 <= rows_max);
        struct broker_key key = broker_key_payload(append->serial, day);
        struct broker_key by_day = broker_key_payload_day(day, append->serial);
        struct wire_bytes row_key = copied(arena, &key);
        rows[count++] = (struct wire_row){
            .table = BROKER_PAYLOAD, .key = row_key, .value = sealed_run(broker, append, day, row_key, arena)};
        rows[count++] = (struct wire_row){.table = BROKER_PAYLOAD_DAY, .key = copied(arena, &by_day)};
    }
    return count;
}

Wire__LedgerPayloads *broker_rest_open(struct broker *broker, uint64_t serial, uint32_t day, struct wire_arena *arena,
                                       enum wire_status *status)
{
    uint8_t key[DAYKEY_BYTES];
    *status = daykeys_find(broker->daykeys, day, key);
    if (*status != WIRE_OK)
        return NULL;
    struct broker_key row_key = broker_key_payload(serial, day);
    struct wire_bytes key_bytes = wire_bytes(row_key.data, row_key.size);
    struct wire_bytes sealed = ledger_row(&broker->ledger, BROKER_PAYLOAD, key_bytes, arena, status);
    Wire__LedgerPayloads *run = NULL;
    if (*status == WIRE_OK && sealed.size >= CERT_REST_OVERHEAD) {
        uint8_t *plain = (uint8_t *)sealed.data + CERT_REST_NONCE_BYTES;
        *status = cert_rest_open(broker->rest, key, key_bytes, sealed, plain);
        if (*status == WIRE_OK)
            run = (Wire__LedgerPayloads *)wire_decode(&wire__ledger_payloads__descriptor,
                                                      wire_bytes(plain, sealed.size - CERT_REST_OVERHEAD),
                                                      WIRE_STRICT_NONE, arena, status);
    } else if (*status == WIRE_OK) {
        *status = WIRE_DAMAGED;
    }
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

bool broker_rest_erase(struct broker *broker, uint32_t day)
{
    struct wire_problem problem = {0};
    size_t keys = 0;
    if (day > daykeys_erased_through(broker->daykeys) &&
        daykeys_erase_through(broker->daykeys, day, &keys, &problem) != WIRE_OK) {
        link_log_problem(broker->log, LINK_ERROR, "keys", &problem);
        return false;
    }
    if (keys > 0)
        link_log_line(broker->log, LINK_NOTICE, "keys", "到期内容的密钥已销毁", "keys of past days destroyed",
                      LINK_UNSIGNED("keys", keys), LINK_UNSIGNED("through", day));
    struct erasing *erasing = calloc(1, sizeof(*erasing));
    ENSURE(erasing != NULL);
    erasing->day = day;
    keep_scan(broker->ledger.keep, &(struct keep_range){.table = BROKER_PAYLOAD_DAY}, erase_visit, erasing, NULL);
    if (erasing->count > 0)
        broker_append_own(broker, erasing->rows, erasing->count);
    bool more = erasing->count == 2 * ERASE_ROWS;
    free(erasing);
    return more;
}
