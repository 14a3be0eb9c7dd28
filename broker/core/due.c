/* When a term ends. Office hours are Monday to Friday, 09:00 to 17:00, Asia/Shanghai (no summer time since 1991). */
#include "broker/core/inside.h"

enum { OFFSET_MS = 8 * HOUR_MS, OPEN_MS = 9 * HOUR_MS, CLOSE_MS = 17 * HOUR_MS };

static int64_t floor_day(int64_t local_ms)
{
    int64_t day = local_ms / DAY_MS;
    return local_ms < 0 && local_ms % DAY_MS != 0 ? day - 1 : day;
}

static bool office_day(int64_t day)
{
    int64_t weekday = ((day + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday; 0 = Sunday */
    return weekday >= 1 && weekday <= 5;
}

int64_t broker_due_ms(int64_t from_ms, int64_t term_ms, bool office_hours)
{
    if (!office_hours)
        return from_ms + term_ms;
    int64_t local = from_ms + OFFSET_MS;
    for (int64_t day = floor_day(local);; day++) {
        int64_t open = day * DAY_MS + OPEN_MS, close = day * DAY_MS + CLOSE_MS;
        if (!office_day(day) || local >= close)
            continue;
        int64_t start = local > open ? local : open;
        if (term_ms <= close - start)
            return start + term_ms - OFFSET_MS;
        term_ms -= close - start;
    }
}
