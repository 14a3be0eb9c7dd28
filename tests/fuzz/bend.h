/* Lies about any message: fields of it, found by its descriptor, get strange values, lists grow and shrink, what is
 * optional comes and goes. What the decoder promises still holds: enums are known, texts are UTF-8. */
#pragma once
#include "strange.h"
#include <protobuf-c/protobuf-c.h>

void bend_message(struct fuzz_input *input, ProtobufCMessage *message, struct wire_arena *arena);
