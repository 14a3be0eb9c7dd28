#pragma once
#include "mock.h"

struct mock_welcome {
    Wire__Standing standing;
    uint8_t nonce[WIRE_ID_BYTES];
};
void mock_say_welcome(struct mock *mock, const struct mock_welcome *welcome);
void mock_say_grant(struct mock *mock, Wire__Lane lane, uint64_t offset);
void mock_say_wanted(struct mock *mock, Wire__Lane lane, uint64_t bytes);
/* Fills frame and chain of a part whose number, and the chain before it, are set. */
void mock_make_part(struct mock *mock, struct mock_part *part, const struct mock_envelope *envelopes, size_t count);
