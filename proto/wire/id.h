/* Identities: UUIDv7 ids and the numbers one can say on the telephone. Pure: randomness comes in. */
#pragma once
#include "wire/bytes.h"
#include "wire/limits.h"
#include <stdbool.h>

/* RFC 9562 version 7: 48 bits of ms, version, variant, the rest from random[10]. */
void wire_id_make(int64_t ms, const uint8_t random[10], uint8_t out[WIRE_ID_BYTES]);
enum { WIRE_ID_TEXT = 37, WIRE_NUMBER_TEXT = 32 };
char *wire_id_text(const uint8_t id[WIRE_ID_BYTES], char out[WIRE_ID_TEXT]); /* 8-4-4-4-12 */
bool wire_id_parse(const char *text, uint8_t out[WIRE_ID_BYTES]);

struct wire_number {
    uint32_t region;
    uint32_t date; /* yyyymmdd */
    uint32_t serial;
};
/* "310000-20200207-0012": at least four digits of serial. */
char *wire_number_text(struct wire_number number, char out[WIRE_NUMBER_TEXT]);
bool wire_number_parse(const char *text, struct wire_number *out);
void wire_hex(const uint8_t *data, size_t size, char *out /* 2 × size + 1 */);
bool wire_unhex(const char *text, size_t bytes, uint8_t *out);
