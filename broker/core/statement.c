/* The receipt of a judged batch, encoded by hand: 512 verdicts cost their bytes and no message objects. The numbers are
 * the fields of ReceiptStatement and Verdict in proto/schema/statement.proto; a test decodes and re-encodes it. */
#include "broker/core/inside.h"

void broker_statement_open(struct broker_core *core, const Wire__BatchSeal *seal, uint32_t origin)
{
    uint8_t *at = broker_put_bytes(core->statement, 1, core->ledger_id, WIRE_ID_BYTES);
    at = broker_put_number(at, 2, core->generation);
    at = broker_put_number(at, 3, origin);
    at = broker_put_bytes(at, 4, seal->mechanism, strlen(seal->mechanism));
    at = broker_put_number(at, 5, seal->lane);
    at = broker_put_bytes(at, 6, seal->store_id.data, seal->store_id.len);
    at = broker_put_number(at, 7, WIRE__RECEIPT_OUTCOME__JUDGED);
    at = broker_put_number(at, 8, seal->first);
    at = broker_put_number(at, 9, seal->count);
    at = broker_put_bytes(at, 10, seal->root.data, seal->root.len);
    core->statement_size = (uint32_t)(at - core->statement);
}

static uint8_t *put_text(uint8_t *at, uint32_t field, const char *text)
{
    return text == NULL || text[0] == '\0' ? at : broker_put_bytes(at, field, text, strlen(text));
}

/* Everything of a verdict but its disposition. */
static size_t encode(const struct verdict *verdict, uint8_t out[VERDICT_BYTES_MAX])
{
    uint8_t *at = broker_put_number(out, 1, verdict->seq);
    at = broker_put_bytes(at, 2, verdict->id, WIRE_ID_BYTES);
    at = broker_put_number(at, 3, verdict->code);
    if (verdict->reason != 0)
        at = broker_put_number(at, 4, verdict->reason);
    at = put_text(at, 5, verdict->detail);
    at = put_text(at, 6, verdict->allowed);
    return (size_t)(put_text(at, 7, verdict->rule_name) - out);
}

void broker_statement_verdict(struct broker_core *core, const struct verdict *verdict)
{
    uint8_t body[VERDICT_BYTES_MAX], tail[32];
    size_t size = encode(verdict, body), tail_size = 0;
    uint8_t head[16];
    size_t head_size = 0;
    const struct disposition *disposition = NULL;
    if (verdict->disposition != NONE) {
        disposition = &core->disposition[verdict->disposition];
        head_size = (size_t)(broker_put_varint(broker_put_varint(head, 8 << 3 | 2), disposition->size) - head);
    }
    if (verdict->first_code != 0) {
        uint8_t *at = broker_put_number(tail, 9, verdict->first_code);
        tail_size = (size_t)(broker_put_number(at, 10, (uint64_t)verdict->first_at_ms) - tail);
    }
    uint8_t *at = core->statement + core->statement_size;
    ENSURE(core->statement_size + size + DISPOSITION_BYTES_MAX < STATEMENT_BUFFER);
    at = broker_put_varint(broker_put_varint(at, 11 << 3 | 2),
                           size + head_size + (disposition == NULL ? 0 : disposition->size) + tail_size);
    at = (uint8_t *)memcpy(at, body, size) + size;
    at = (uint8_t *)memcpy(at, head, head_size) + head_size;
    if (disposition != NULL)
        at = (uint8_t *)memcpy(at, core->dispositions + disposition->at, disposition->size) + disposition->size;
    at = (uint8_t *)memcpy(at, tail, tail_size) + tail_size;
    core->statement_size = (uint32_t)(at - core->statement);
}

void broker_statement_close(struct broker_core *core, int64_t at_ms, struct wire_bytes policy_digest, uint64_t serial)
{
    uint8_t *at = broker_put_number(core->statement + core->statement_size, 12, (uint64_t)at_ms);
    at = broker_put_bytes(at, 13, policy_digest.data, policy_digest.size);
    at = broker_put_number(at, 15, serial);
    core->statement_size = (uint32_t)(at - core->statement);
}
