/* Canaries: bugs planted on purpose, so that a simulator that would not notice them is noticed itself.
 *
 * CANARY(NAME) is the constant false in every program of ours. Only the test program sim-canary is compiled with
 * -DLIANFANG_CANARIES; there it says whether this one is planted in the present run. What is wrong with each, what must
 * catch it and with which seed is told in tests/sim/canaries.txt. */
#pragma once

#define WIRE_CANARIES(X)                                                                                               \
    X(ACKNOWLEDGE_BEFORE_SYNC)                                                                                         \
    X(DEDUPLICATE_BY_WINDOW)                                                                                           \
    X(DELIVER_TO_OTHERS)                                                                                               \
    X(SKIP_LEAF)                                                                                                       \
    X(SKIP_ENVELOPE)                                                                                                   \
    X(LOSE_CURSOR)                                                                                                     \
    X(FORGET_UNARRIVED)                                                                                                \
    X(REUSE_DELIVERY_NUMBER)                                                                                           \
    X(REUSE_SEQ)                                                                                                       \
    X(MISS_ROLLBACK)                                                                                                   \
    X(CANCEL_TO_FEWER)                                                                                                 \
    X(FORGET_REVOCATION)                                                                                               \
    X(MIX_STATUS)                                                                                                      \
    X(MIX_STATUS_OF_REMINDER)                                                                                          \
    X(BLOCK_LANE)                                                                                                      \
    X(DROP_RECEIPTS)                                                                                                   \
    X(KEEP_CREDIT)                                                                                                     \
    X(REMIND_TWICE)                                                                                                    \
    X(FORGET_TOMBSTONE)                                                                                                \
    X(TAKE_TWICE)                                                                                                      \
    X(SEND_CLEAR)                                                                                                      \
    X(KEEP_DAYS)                                                                                                       \
    X(ANSWER_FOR_ALL)                                                                                                  \
    X(REFUSED_ANSWERS)

#ifdef LIANFANG_CANARIES
enum wire_canary {
    WIRE_CANARY_NONE,
#define WIRE_CANARY_ENUM(name) WIRE_CANARY_##name,
    WIRE_CANARIES(WIRE_CANARY_ENUM)
#undef WIRE_CANARY_ENUM
};
extern enum wire_canary wire_canary_planted; /* tests/sim/canary.c, set once before the first step */
#define CANARY(name) (wire_canary_planted == WIRE_CANARY_##name)
#else
#define CANARY(name) 0
#endif
