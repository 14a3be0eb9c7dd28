/* Effects and rows as text; used by broker_core_text and by the drivers of traces. */
#pragma once
#include "wire/json.h"
#include "wire/row.h"

/* The first four bytes, and ".." when there are more. */
void broker_text_hex(struct wire_text *text, const void *data, size_t size);
void broker_text_part(struct wire_text *text, const uint8_t *given, const uint8_t *owes, uint32_t count);
/* " 330000/yangtze-delta/urgent/1"; nothing for an empty key. */
void broker_text_key(struct wire_text *text, uint32_t table, struct wire_bytes key);
/* "  put queue 330000/yangtze-delta/urgent/1: serial 1 …\n" */
void broker_text_row(struct wire_text *text, const struct wire_row *row);
