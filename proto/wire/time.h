/* Time without a clock: conversions only. All times are milliseconds since 1970 UTC; people read Asia/Shanghai (+08:00,
 * no summer time since 1991). Days are yyyymmdd numbers of Asia/Shanghai. GB/T 7408 = ISO 8601. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WIRE_TIME_TEXT = 32 };

uint32_t wire_day_of(int64_t ms);     /* 20200207 */
int64_t wire_day_start(uint32_t day); /* its 00:00 +08:00 */
uint32_t wire_day_add(uint32_t day, int days);
int wire_day_diff(uint32_t later, uint32_t earlier);
bool wire_day_valid(uint32_t day);
/* "2020-02-07", "2020-02-07T10:00", "2020-02-07 10:00:30", "…+08:00", "…Z", "2020/2/7", "2020年2月7日", "2月7日24时" is
 * not accepted without a year; "24:00" is 00:00 of the next day. Without an offset: +08:00. false: not a time. */
bool wire_time_parse(const char *text, size_t size, int64_t *out);
/* "2020-02-07T10:00:30+08:00", for machines; "…30.250+08:00" where there are milliseconds. Times outside years 1 to
 * 9999 are written, and counted as days, as the nearest end of them. */
char *wire_time_iso(int64_t ms, char out[WIRE_TIME_TEXT]);
/* "2020-02-07 10:00", for people. */
char *wire_time_text(int64_t ms, char out[WIRE_TIME_TEXT]);
