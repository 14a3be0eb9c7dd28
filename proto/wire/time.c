#include "wire/time.h"
#include <stdio.h>
#include <string.h>

#define DAY_MS      86400000LL
#define SHANGHAI_MS 28800000LL
/* 0001-01-01T00:00 and 9999-12-31T23:59:59.999 as milliseconds since 1970, both read at +08:00. */
#define FIRST_MS (-62135596800000LL - SHANGHAI_MS)
#define LAST_MS  (253402300799999LL - SHANGHAI_MS)

struct civil {
    int64_t year;
    uint32_t month;
    uint32_t day;
};

/* Days since 1970-01-01 in the proleptic Gregorian calendar; the year starts in March so that leap days come last. */
static int64_t days_of(struct civil date)
{
    int64_t year = date.year - (date.month <= 2);
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * ((int64_t)date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + (int64_t)date.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

static struct civil civil_of(int64_t days)
{
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;
    uint32_t month = (uint32_t)(march_month < 10 ? march_month + 3 : march_month - 9);

    return (struct civil){
        .year = year_of_era + era * 400 + (month <= 2),
        .month = month,
        .day = (uint32_t)(day_of_year - (153 * march_month + 2) / 5 + 1),
    };
}

static bool civil_valid(struct civil date)
{
    static const uint8_t month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = date.year % 4 == 0 && (date.year % 100 != 0 || date.year % 400 == 0);

    if (date.year < 1 || date.year > 9999 || date.month < 1 || date.month > 12 || date.day < 1)
        return false;
    return date.day <= month_days[date.month - 1] + (date.month == 2 && leap ? 1u : 0u);
}

static struct civil civil_of_number(uint32_t day)
{
    return (struct civil){.year = day / 10000, .month = day / 100 % 100, .day = day % 100};
}

static uint32_t number_of(struct civil date)
{
    return (uint32_t)date.year * 10000 + date.month * 100 + date.day;
}

/* Milliseconds of Asia/Shanghai's clock face, held within years 1 to 9999. */
static int64_t face(int64_t ms)
{
    if (ms < FIRST_MS)
        return FIRST_MS + SHANGHAI_MS;
    if (ms > LAST_MS)
        return LAST_MS + SHANGHAI_MS;
    return ms + SHANGHAI_MS;
}

static int64_t floor_days(int64_t ms)
{
    return (ms >= 0 ? ms : ms - (DAY_MS - 1)) / DAY_MS;
}

uint32_t wire_day_of(int64_t ms)
{
    return number_of(civil_of(floor_days(face(ms))));
}

int64_t wire_day_start(uint32_t day)
{
    return days_of(civil_of_number(day)) * DAY_MS - SHANGHAI_MS;
}

uint32_t wire_day_add(uint32_t day, int days)
{
    int64_t first = floor_days(FIRST_MS + SHANGHAI_MS);
    int64_t last = floor_days(LAST_MS + SHANGHAI_MS);
    int64_t sum = days_of(civil_of_number(day)) + days;

    return number_of(civil_of(sum < first ? first : sum > last ? last : sum));
}

int wire_day_diff(uint32_t later, uint32_t earlier)
{
    return (int)(days_of(civil_of_number(later)) - days_of(civil_of_number(earlier)));
}

bool wire_day_valid(uint32_t day)
{
    return civil_valid(civil_of_number(day));
}

char *wire_time_iso(int64_t ms, char out[WIRE_TIME_TEXT])
{
    int64_t at = face(ms);
    struct civil date = civil_of(floor_days(at));
    unsigned second = (unsigned)((at - floor_days(at) * DAY_MS) / 1000);
    unsigned milli = (unsigned)((at - floor_days(at) * DAY_MS) % 1000);
    char fraction[16] = "";

    if (milli != 0)
        snprintf(fraction, sizeof fraction, ".%03u", milli);
    snprintf(out, WIRE_TIME_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u%s+08:00", (unsigned)date.year, (unsigned)date.month,
             (unsigned)date.day, second / 3600, second / 60 % 60, second % 60, fraction);
    return out;
}

char *wire_time_text(int64_t ms, char out[WIRE_TIME_TEXT])
{
    int64_t at = face(ms);
    struct civil date = civil_of(floor_days(at));
    unsigned minute = (unsigned)((at - floor_days(at) * DAY_MS) / 60000);

    snprintf(out, WIRE_TIME_TEXT, "%04u-%02u-%02u %02u:%02u", (unsigned)date.year, (unsigned)date.month,
             (unsigned)date.day, minute / 60, minute % 60);
    return out;
}

/* --- reading --- */

struct text {
    const char *at;
    const char *end;
};

/* One to `most` digits, at least `least`. */
static bool take_number(struct text *text, int least, int most, uint32_t *out)
{
    int count = 0;
    uint32_t value = 0;

    for (; count < most && text->at < text->end && *text->at >= '0' && *text->at <= '9'; count++)
        value = value * 10 + (uint32_t)(*text->at++ - '0');
    *out = value;
    return count >= least;
}

static bool take(struct text *text, const char *mark)
{
    size_t size = strlen(mark);

    if ((size_t)(text->end - text->at) < size || memcmp(text->at, mark, size) != 0)
        return false;
    text->at += size;
    return true;
}

/* 2020-2-7, 2020/2/7, 2020年2月7日 */
static bool take_date(struct text *text, struct civil *date)
{
    static const char *const marks[][3] = {{"-", "-", ""}, {"/", "/", ""}, {"年", "月", "日"}};
    uint32_t year;
    size_t form = 0;

    if (!take_number(text, 4, 4, &year))
        return false;
    while (form < 3 && !take(text, marks[form][0]))
        form++;
    if (form == 3 || !take_number(text, 1, 2, &date->month) || !take(text, marks[form][1]))
        return false;
    if (!take_number(text, 1, 2, &date->day) || !take(text, marks[form][2]))
        return false;
    date->year = year;
    return civil_valid(*date);
}

/* ".250": what is finer than a millisecond is dropped. */
static bool take_fraction(struct text *text, uint32_t *ms)
{
    uint32_t weight = 100;

    *ms = 0;
    if (!take(text, "."))
        return true;
    if (text->at == text->end || *text->at < '0' || *text->at > '9')
        return false;
    for (; text->at < text->end && *text->at >= '0' && *text->at <= '9'; weight /= 10)
        *ms += weight * (uint32_t)(*text->at++ - '0');
    return true;
}

/* 10:00, 10:00:30, 10:00:30.250, 24:00 */
static bool take_clock(struct text *text, int64_t *ms)
{
    uint32_t hour, minute, second = 0, milli = 0;

    if (!take_number(text, 1, 2, &hour) || !take(text, ":") || !take_number(text, 2, 2, &minute))
        return false;
    if (take(text, ":") && (!take_number(text, 2, 2, &second) || !take_fraction(text, &milli)))
        return false;
    *ms = ((int64_t)hour * 3600 + minute * 60 + second) * 1000 + milli;
    return minute < 60 && second < 60 && (hour < 24 || *ms == DAY_MS);
}

/* 10时, 10点30分, 24时 */
static bool take_chinese_clock(struct text *text, int64_t *ms)
{
    uint32_t hour, minute = 0;

    if (!take_number(text, 1, 2, &hour) || !(take(text, "时") || take(text, "点")))
        return false;
    if (text->at < text->end && (!take_number(text, 1, 2, &minute) || !take(text, "分")))
        return false;
    *ms = ((int64_t)hour * 60 + minute) * 60000;
    return minute < 60 && (hour < 24 || *ms == DAY_MS);
}

/* Nothing, Z, +08:00, -0330 */
static bool take_offset(struct text *text, int64_t *ms)
{
    uint32_t hour, minute;
    int sign = take(text, "+") ? 1 : take(text, "-") ? -1 : 0;

    if (sign == 0) {
        *ms = take(text, "Z") ? 0 : SHANGHAI_MS;
        return true;
    }
    if (!take_number(text, 2, 2, &hour))
        return false;
    take(text, ":");
    if (!take_number(text, 2, 2, &minute) || hour > 14 || minute > 59)
        return false;
    *ms = sign * ((int64_t)hour * 60 + minute) * 60000;
    return true;
}

static bool take_time(struct text *text, int64_t *clock, int64_t *offset)
{
    struct text start;

    *clock = 0;
    *offset = SHANGHAI_MS;
    if (text->at == text->end)
        return true;
    if (!take(text, "T"))
        take(text, " ");
    start = *text;
    if (take_chinese_clock(text, clock))
        return true;
    *text = start;
    return take_clock(text, clock) && take_offset(text, offset);
}

bool wire_time_parse(const char *text, size_t size, int64_t *out)
{
    struct text rest = {.at = text, .end = text + size};
    struct civil date;
    int64_t clock, offset;

    if (!take_date(&rest, &date) || !take_time(&rest, &clock, &offset) || rest.at != rest.end)
        return false;
    *out = days_of(date) * DAY_MS + clock - offset;
    return true;
}
