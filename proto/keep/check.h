/* A check behind each value that lies in LMDB, which has none itself: a row whose bytes changed on the disk is
 * WIRE_DAMAGED and never shown. It finds every change within eight bytes in a row for certain, others but for one in
 * 2^64. It is no protection against somebody who means it: what must withstand that is signed. Internal to keep. */
#pragma once
#include "wire/bytes.h"

enum { KEEP_CHECK_BYTES = 8 };

/* Over table, key and value, so that a row that got to another place is found too. */
uint64_t keep_check(uint8_t table, struct wire_bytes key, struct wire_bytes value);
