#include "shell/rest.h"

static bool day_key(struct shell *shell, uint32_t day, uint8_t key[DAYKEY_BYTES])
{
    uint8_t random[DAYKEY_BYTES];
    struct wire_problem problem = {0};
    enum wire_status status = daykeys_find(shell->daykeys, day, key);
    if (status != WIRE_NOT_FOUND)
        return status == WIRE_OK;
    cert_random(random, sizeof(random));
    status = daykeys_get_or_make(shell->daykeys, day, random, key, &problem);
    cert_wipe(random, sizeof(random));
    if (status == WIRE_OK || status == WIRE_ERASED)
        return status == WIRE_OK;
    link_log_problem(shell->log, LINK_ERROR, "keys", &problem);
    shell_fail(shell, "日密钥无法写入", "the day key cannot be written", status);
}

bool shell_rest_seal(struct shell *shell, uint32_t day, struct wire_bytes row_key, uint8_t *room, size_t size)
{
    uint8_t key[DAYKEY_BYTES];
    if (!day_key(shell, day, key))
        return false;
    struct wire_bytes plain = wire_bytes(room + CERT_REST_NONCE_BYTES, size);
    enum wire_status status = cert_rest_seal(shell->rest, key, row_key, plain, room);
    cert_wipe(key, sizeof(key));
    if (status != WIRE_OK)
        shell_fail(shell, "无法加密", "cannot encrypt", status);
    return true;
}

enum wire_status shell_rest_open(struct shell *shell, const uint8_t key[DAYKEY_BYTES], struct wire_bytes row_key,
                                 struct wire_bytes sealed, struct wire_bytes *plain)
{
    *plain = (struct wire_bytes){0};
    if (sealed.size < CERT_REST_OVERHEAD)
        return WIRE_DAMAGED;
    uint8_t *out = (uint8_t *)(uintptr_t)sealed.data + CERT_REST_NONCE_BYTES;
    enum wire_status status = cert_rest_open(shell->rest, key, row_key, sealed, out);
    if (status == WIRE_OK)
        *plain = wire_bytes(out, sealed.size - CERT_REST_OVERHEAD);
    return status;
}

bool shell_rest_erase_keys(struct shell *shell, uint32_t day)
{
    struct wire_problem problem = {0};
    size_t keys = 0;
    if (day <= daykeys_erased_through(shell->daykeys))
        return false;
    enum wire_status status = daykeys_erase_through(shell->daykeys, day, &keys, &problem);
    if (status != WIRE_OK) {
        link_log_problem(shell->log, LINK_ERROR, "keys", &problem);
        shell_fail(shell, "日密钥无法销毁", "day keys cannot be destroyed", status);
    }
    if (keys > 0)
        link_log_line(shell->log, LINK_NOTICE, "keys", "到期内容的密钥已销毁", "keys of past days destroyed",
                      LINK_UNSIGNED("keys", keys), LINK_UNSIGNED("through", day));
    return true;
}
