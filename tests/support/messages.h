/* The messages of ours that come from elsewhere: frames and what lies in them, statements, rows, and the payloads of
 * all kinds behind them. */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

size_t messages_count(void);
const ProtobufCMessageDescriptor *messages_at(size_t index); /* below messages_count() */
