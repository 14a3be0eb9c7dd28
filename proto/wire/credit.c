#include "wire/credit.h"
#include "schema/envelope.pb-c.h"
#include "wire/ensure.h"
#include "wire/lane.h"

uint32_t wire_credit_window(uint32_t lane)
{
    enum { FLASH = 64 * 1024, OTHERS = WIRE_OUTSTANDING_BYTES_MAX - 64 * 1024 };
    ENSURE(lane < WIRE_LANES);
    return lane == WIRE__LANE__FLASH ? FLASH : OTHERS;
}

static struct wire_lane_credit *of(struct wire_credit *credit, uint32_t lane)
{
    ENSURE(lane < WIRE_LANES);
    return &credit->lane[lane];
}

void wire_credit_open(struct wire_credit *credit, uint32_t lane, uint64_t offset)
{
    *of(credit, lane) = (struct wire_lane_credit){.granted = offset, .window = offset};
}

bool wire_credit_raise(struct wire_credit *credit, uint32_t lane, uint64_t offset, uint64_t taken)
{
    struct wire_lane_credit *at = of(credit, lane);
    bool new_ = offset > at->granted || taken > at->taken;
    at->granted = offset > at->granted ? offset : at->granted;
    at->taken = taken > at->taken ? taken : at->taken;
    return new_;
}

void wire_credit_use(struct wire_credit *credit, uint32_t lane, uint32_t bytes)
{
    struct wire_lane_credit *at = of(credit, lane);
    at->used += bytes;
    if (lane == WIRE__LANE__FLASH)
        return;
    credit->clock = wire_credit_turn(credit, lane);
    at->turn =
        credit->clock + (uint64_t)bytes * wire_lane_weight(WIRE__LANE__FLASH) / wire_lane_weight((Wire__Lane)lane);
}

void wire_credit_settle(struct wire_credit *credit, uint32_t lane)
{
    of(credit, lane)->taken = of(credit, lane)->used;
}

void wire_credit_correct(struct wire_credit *credit, uint32_t lane, uint32_t bytes)
{
    ENSURE(of(credit, lane)->used >= bytes);
    of(credit, lane)->used -= bytes;
}

uint64_t wire_credit_outstanding(const struct wire_credit *credit)
{
    uint64_t sum = 0;
    for (uint32_t lane = WIRE__LANE__URGENT; lane < WIRE_LANES; lane++) {
        const struct wire_lane_credit *at = &credit->lane[lane];
        sum += at->used > at->taken ? at->used - at->taken : 0;
    }
    return sum;
}

bool wire_credit_holds(const struct wire_credit *credit, uint32_t lane, uint32_t bytes)
{
    ENSURE(lane < WIRE_LANES);
    return credit->lane[lane].used + bytes <= credit->lane[lane].granted;
}

bool wire_credit_may_follow(uint64_t before, uint32_t lane, uint32_t bytes)
{
    return lane == WIRE__LANE__FLASH || before == 0 || before + bytes <= WIRE_OUTSTANDING_BYTES_MAX;
}

bool wire_credit_clear(const struct wire_credit *credit, uint32_t lane, uint32_t bytes)
{
    return wire_credit_may_follow(wire_credit_outstanding(credit), lane, bytes);
}

uint64_t wire_credit_turn(const struct wire_credit *credit, uint32_t lane)
{
    ENSURE(lane < WIRE_LANES);
    if (lane == WIRE__LANE__FLASH)
        return 0;
    return credit->lane[lane].turn > credit->clock ? credit->lane[lane].turn : credit->clock;
}
