/* Resident identity numbers, GB 11643-1999: six digits of area, eight of birth, three in order (odd: male), one check
 * character (ISO 7064 MOD 11-2). The area is not looked up: it is that of registration, decades ago, and codes of test
 * data do not exist on purpose. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_resident_id_fault {
    WIRE_RESIDENT_ID_GOOD,
    WIRE_RESIDENT_ID_LENGTH,      /* not 18 characters (15-digit numbers ended in 2013) */
    WIRE_RESIDENT_ID_CHARACTER,   /* other than digits, or X (x) at the end */
    WIRE_RESIDENT_ID_BIRTH,       /* no such day */
    WIRE_RESIDENT_ID_CHECK_DIGIT, /* the only fault that may be overridden with a reason */
};

struct wire_resident_id {
    uint32_t area;
    uint32_t birth_day; /* yyyymmdd */
    bool female;
    char expected; /* the check character that the other 17 demand */
};

/* Reads all it can; `out` is filled when the fault is GOOD or CHECK_DIGIT. */
enum wire_resident_id_fault wire_resident_id_read(const char *text, size_t size, struct wire_resident_id *out);
