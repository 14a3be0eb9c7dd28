/* What the gate's files share. */
#pragma once
#include "broker/gate/gate.h"
#include "wire/codec.h"

/* A message of a stranger, strictly; no matter how large the arena is, it spends at most the budget of its own size. */
ProtobufCMessage *gate_message(const ProtobufCMessageDescriptor *type, struct wire_bytes raw, struct wire_arena *arena,
                               enum wire_status *status);
bool gate_same(ProtobufCBinaryData a, ProtobufCBinaryData b);
