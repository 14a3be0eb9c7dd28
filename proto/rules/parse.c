#include "rules/parse.h"
#include "rules/words.h"
#include "wire/lane.h"
#include "wire/region.h"
#include "wire/time.h"
#include "wire/unit.h"
#include <string.h>

enum { DAY_MS = 24 * 60 * 60 * 1000, PHRASE_MAX = 96 };

/* A piece of text without the blanks around it. */
struct piece {
    const char *at;
    size_t size;
};

static struct piece trimmed(const char *at, size_t size)
{
    while (size > 0 && *at == ' ') {
        at++;
        size--;
    }
    while (size > 0 && at[size - 1] == ' ')
        size--;
    return (struct piece){at, size};
}

/* The next piece up to `mark`; *rest moves behind it and becomes NULL at the end. */
static struct piece next_piece(const char **rest, const char *mark)
{
    const char *from = *rest;
    const char *end = strstr(from, mark);
    *rest = end == NULL ? NULL : end + strlen(mark);
    return trimmed(from, end == NULL ? strlen(from) : (size_t)(end - from));
}

static bool piece_is(struct piece piece, const char *word)
{
    return piece.size == strlen(word) && memcmp(piece.at, word, piece.size) == 0;
}

bool rules_parse_region(const char *text, uint32_t *region)
{
    uint32_t adcode = wire_region_parse(text, strlen(text));
    const struct wire_region *found = adcode == 0 ? NULL : wire_region_find(adcode);
    if (found == NULL || found->successor != 0 || found->edition != 0)
        return false;
    *region = adcode;
    return true;
}

static bool parse_unit(const char *text, uint32_t *unit)
{
    if (strcmp(text, "like-unit") == 0 || strcmp(text, "对口单位") == 0)
        *unit = RULES_UNIT_LIKE;
    else if (strcmp(text, "any") == 0 || strcmp(text, "任何单位") == 0)
        *unit = RULES_UNIT_ANY;
    else
        *unit = wire_unit_parse(text);
    return *unit != WIRE_UNIT_NONE;
}

bool rules_parse_selector(const char *text, struct rules_selector *out, const char **bad)
{
    char who[PHRASE_MAX];
    const char *slash = strchr(text, '/');
    size_t size = slash == NULL ? strlen(text) : (size_t)(slash - text);
    struct rules_selector found = {0};
    *bad = "who";
    if (size >= sizeof who)
        return false;
    memcpy(who, text, size);
    who[size] = '\0';
    found.who = (enum rules_who)rules_who_parse(who);
    if (found.who == 0) {
        if (!rules_parse_region(who, &found.region))
            return false;
        found.who = RULES_REGION;
    }
    *bad = "unit";
    if (slash != NULL && !parse_unit(slash + 1, &found.unit))
        return false;
    *out = found;
    return true;
}

bool rules_parse_desk(const char *text, uint32_t *region, uint32_t *unit)
{
    struct rules_selector found;
    const char *bad;
    if (!rules_parse_selector(text, &found, &bad) || found.who != RULES_REGION || found.unit == WIRE_UNIT_NONE ||
        found.unit >= WIRE_UNIT_END)
        return false;
    *region = found.region;
    *unit = found.unit;
    return true;
}

static bool piece_lane(struct piece piece, Wire__Lane *lane)
{
    uint32_t found = rules_spelling_parse(rules_lane_words, piece.at, piece.size, WIRE_LANES);
    if (found == WIRE_LANES)
        return false;
    *lane = (Wire__Lane)found;
    return true;
}

bool rules_parse_lanes(const char *text, Wire__Lane *lane, Wire__Lane by_urgency[5])
{
    const char *rest = text;
    if (!piece_lane(next_piece(&rest, ","), lane))
        return false;
    for (size_t i = 0; i < 5; i++)
        by_urgency[i] = *lane;
    while (rest != NULL) {
        char phrase[PHRASE_MAX];
        struct piece piece = next_piece(&rest, ",");
        Wire__Lane other;
        if (piece.size >= sizeof phrase)
            return false;
        memcpy(phrase, piece.at, piece.size);
        phrase[piece.size] = '\0';
        const char *inner = phrase;
        if (!piece_lane(next_piece(&inner, " when "), &other) || inner == NULL)
            return false;
        struct piece when = next_piece(&inner, ",");
        uint32_t urgency = rules_spelling_parse(rules_urgency_words, when.at, when.size, 5);
        if (urgency == 5)
            return false;
        by_urgency[urgency] = other;
    }
    return true;
}

/* "30 min": digits, blank, unit. */
static bool parse_amount(struct piece piece, uint32_t *amount, struct piece *unit)
{
    size_t i = 0;
    uint32_t value = 0;
    while (i < piece.size && piece.at[i] >= '0' && piece.at[i] <= '9' && value < 100000)
        value = value * 10 + (uint32_t)(piece.at[i++] - '0');
    if (i == 0 || value == 0 || value >= 100000)
        return false;
    *amount = value;
    *unit = trimmed(piece.at + i, piece.size - i);
    return true;
}

static bool parse_minutes(struct piece piece, uint32_t *minutes)
{
    struct piece unit;
    uint32_t amount;
    if (!parse_amount(piece, &amount, &unit))
        return false;
    if (piece_is(unit, "min") || piece_is(unit, "分钟"))
        *minutes = amount;
    else if (piece_is(unit, "h") || piece_is(unit, "小时"))
        *minutes = amount * 60;
    else if (piece_is(unit, "d") || piece_is(unit, "天"))
        *minutes = amount * 24 * 60;
    else
        return false;
    return *minutes <= 366 * 24 * 60;
}

static bool piece_source(struct piece piece, char *source)
{
    if (piece.size != 1 || rules_source_spelling(piece.at[0]) == NULL)
        return false;
    *source = piece.at[0];
    return true;
}

bool rules_parse_source(const char *text, char *source)
{
    return piece_source((struct piece){text, strlen(text)}, source);
}

bool rules_parse_term(const char *text, struct rules_term *out)
{
    const char *rest = text;
    struct rules_term found = {.duty = out->duty};
    struct piece when = next_piece(&rest, ",");
    found.by_due = piece_is(when, "due") || piece_is(when, "按时限");
    if (!found.by_due && !parse_minutes(when, &found.minutes))
        return false;
    if (rest == NULL || !piece_source(next_piece(&rest, ","), &found.source))
        return false;
    if (rest != NULL) {
        struct piece hours = next_piece(&rest, ",");
        found.office_hours = piece_is(hours, "office hours") || piece_is(hours, "工作时间");
        if (!found.office_hours || rest != NULL)
            return false;
    }
    *out = found;
    return true;
}

bool rules_parse_keep(const char *text, struct rules_keep *out)
{
    const char *rest = text;
    struct rules_keep found = {0};
    struct piece unit, how = next_piece(&rest, ",");
    if (piece_is(how, "R60"))
        found.how = RULES_KEEP_R60;
    else if (piece_is(how, "RV"))
        found.how = RULES_KEEP_RV;
    else if (!parse_amount(how, &found.amount, &unit))
        return false;
    else if (piece_is(unit, "d") || piece_is(unit, "天"))
        found.how = RULES_KEEP_DAYS;
    else if (piece_is(unit, "y") || piece_is(unit, "年"))
        found.how = RULES_KEEP_YEARS;
    else
        return false;
    if (found.amount > (found.how == RULES_KEEP_YEARS ? 30u : 3660u))
        return false;
    if (rest == NULL || !piece_source(next_piece(&rest, ","), &found.source) || rest != NULL)
        return false;
    *out = found;
    return true;
}

bool rules_parse_time(const char *text, bool whole_day, int64_t *ms)
{
    if (!wire_time_parse(text, strlen(text), ms))
        return false;
    if (whole_day && strchr(text, ':') == NULL && strstr(text, "时") == NULL)
        *ms += DAY_MS;
    return true;
}

bool rules_parse_day(const char *text, uint32_t *day)
{
    int64_t ms;
    if (strlen(text) == 8 && strspn(text, "0123456789") == 8) {
        uint32_t value = 0;
        for (size_t i = 0; i < 8; i++)
            value = value * 10 + (uint32_t)(text[i] - '0');
        *day = value;
        return wire_day_valid(value);
    }
    if (!wire_time_parse(text, strlen(text), &ms))
        return false;
    *day = wire_day_of(ms);
    return true;
}

bool rules_parse_name(const char *text, size_t max)
{
    size_t size = strlen(text);
    return size > 0 && size <= max && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == size && text[0] != '-' &&
           text[size - 1] != '-';
}
