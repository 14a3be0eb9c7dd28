#include "rules/decide.h"
#include "wire/time.h"

enum {
    R60_EXPOSURE_DAYS = 28, /* after the last exposure; after creation when there is none */
    R60_CREATION_DAYS = 14,
    R60_DAYS_MAX = 60,
    RV_DAYS = 14,
    RV_UNKNOWN_DAYS = 365, /* a validity that nobody stated */
    CLOCK_MS_MAX = 600000, /* a node's clock may be ahead by this when a day ends between the two */
};

static uint32_t later(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint32_t earlier(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* The same day of a later year; 29 February becomes 1 March where there is none. */
static uint32_t add_years(uint32_t day, uint32_t years)
{
    uint32_t moved = day + years * 10000;
    return wire_day_valid(moved) ? moved : wire_day_add(moved - 1, 1);
}

static uint32_t fixed(const struct rules_keep *keep, uint32_t created)
{
    return keep->how == RULES_KEEP_YEARS ? add_years(created, keep->amount) : wire_day_add(created, (int)keep->amount);
}

uint32_t rules_keep_until(const struct rules_rule *rule, const struct rules_dates *dates)
{
    uint32_t created = wire_day_of(dates->created_ms);
    switch (rule->keep.how) {
    case RULES_KEEP_R60:
        if (dates->last_exposure == 0)
            return wire_day_add(created, R60_EXPOSURE_DAYS);
        return earlier(
            later(wire_day_add(dates->last_exposure, R60_EXPOSURE_DAYS), wire_day_add(created, R60_CREATION_DAYS)),
            wire_day_add(created, R60_DAYS_MAX));
    case RULES_KEEP_RV:
        return dates->valid_until == 0 ? wire_day_add(created, RV_DAYS) : wire_day_add(dates->valid_until, RV_DAYS);
    case RULES_KEEP_DAYS:
    case RULES_KEEP_YEARS:
        break;
    }
    return fixed(&rule->keep, created);
}

uint32_t rules_keep_limit(const struct rules_rule *rule, int64_t created_ms, int64_t expires_ms, int64_t now_ms)
{
    uint32_t created = wire_day_of(created_ms < now_ms + CLOCK_MS_MAX ? created_ms : now_ms);
    switch (rule->keep.how) {
    case RULES_KEEP_R60:
        return wire_day_add(created, R60_DAYS_MAX);
    case RULES_KEEP_RV:
        return wire_day_add(expires_ms == 0 ? wire_day_add(created, RV_UNKNOWN_DAYS) : wire_day_of(expires_ms),
                            RV_DAYS);
    case RULES_KEEP_DAYS:
    case RULES_KEEP_YEARS:
        break;
    }
    return fixed(&rule->keep, created);
}
