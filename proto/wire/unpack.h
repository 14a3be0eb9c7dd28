/* From bytes that wire_check_raw passed to the structs that protobuf-c generated: what protobuf_c_message_unpack does,
 * without its scan, its copies and an allocation a field. Internal to wire/codec.c. */
#pragma once
#include "wire/codec.h"

/* NULL: a required field is missing, or the arena ends (arena->exhausted). `borrow`: bytes fields point into `raw`,
 * else the arena has copies. Texts are copied in any case: they end with NUL. */
ProtobufCMessage *wire_unpack(const ProtobufCMessageDescriptor *type, struct wire_bytes raw, bool borrow,
                              struct wire_arena *arena);
