/* Payloads at rest: encrypted under the key of their keep-until day (keep/daykeys.h, certs/rest.h), erased by
 * destroying the key. Which rows there are is each daemon's. */
#pragma once
#include "shell/shell.h"

/* Encrypts in place: `room` has `size` bytes from CERT_REST_NONCE_BYTES on and CERT_REST_OVERHEAD more in all. false:
 * the day is over, its key gone for good: content that may not be kept is not written. A key that cannot be made ends
 * the process. */
bool shell_rest_seal(struct shell *shell, uint32_t day, struct wire_bytes row_key, uint8_t *room, size_t size);
/* Opens in place. DAMAGED; *plain is empty then. */
enum wire_status shell_rest_open(struct shell *shell, const uint8_t key[DAYKEY_BYTES], struct wire_bytes row_key,
                                 struct wire_bytes sealed, struct wire_bytes *plain);
/* Destroys the keys of all days up to `day` (yyyymmdd of Asia/Shanghai); true: it had not been done before. Keys that
 * cannot be destroyed end the process. */
bool shell_rest_erase_keys(struct shell *shell, uint32_t day);
