/* An evidence file: the bytes of schema/evidence.proto, or the JSON that the API wraps them in. */
#pragma once
#include "wire/bytes.h"

/* *out is for free(). false: neither. */
bool cli_evidence_bytes(struct wire_bytes file, uint8_t **out, size_t *size);
