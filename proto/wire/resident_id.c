#include "wire/resident_id.h"
#include "wire/time.h"

enum { ID_CHARACTERS = 18, BIRTH_AT = 6, BIRTH_DIGITS = 8, ORDER_LAST_AT = 16 };

static uint32_t number_of(const char *digits, size_t count)
{
    uint32_t number = 0;
    for (size_t i = 0; i < count; i++)
        number = number * 10 + (uint32_t)(digits[i] - '0');
    return number;
}

/* ISO 7064 MOD 11-2 over the first 17 digits. */
static char check_character(const char *digits)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < ID_CHARACTERS - 1; i++)
        sum = (sum + (uint32_t)(digits[i] - '0')) * 2;
    return "10X98765432"[sum % 11];
}

enum wire_resident_id_fault wire_resident_id_read(const char *text, size_t size, struct wire_resident_id *out)
{
    if (size != ID_CHARACTERS)
        return WIRE_RESIDENT_ID_LENGTH;
    char last = text[size - 1] == 'x' ? 'X' : text[size - 1];
    for (size_t i = 0; i < size - 1; i++)
        if (text[i] < '0' || text[i] > '9')
            return WIRE_RESIDENT_ID_CHARACTER;
    if (last != 'X' && (last < '0' || last > '9'))
        return WIRE_RESIDENT_ID_CHARACTER;
    out->area = number_of(text, BIRTH_AT);
    out->birth_day = number_of(text + BIRTH_AT, BIRTH_DIGITS);
    out->female = (text[ORDER_LAST_AT] - '0') % 2 == 0;
    out->expected = check_character(text);
    if (!wire_day_valid(out->birth_day) || out->birth_day < 18000101)
        return WIRE_RESIDENT_ID_BIRTH;
    return last == out->expected ? WIRE_RESIDENT_ID_GOOD : WIRE_RESIDENT_ID_CHECK_DIGIT;
}
