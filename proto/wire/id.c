#include "wire/id.h"
#include "wire/time.h"
#include <stdio.h>

static const char digits[] = "0123456789abcdef";

void wire_id_make(int64_t ms, const uint8_t random[10], uint8_t out[WIRE_ID_BYTES])
{
    uint64_t stamp = (uint64_t)ms;

    for (int i = 0; i < 6; i++)
        out[i] = (uint8_t)(stamp >> (40 - 8 * i));
    memcpy(out + 6, random, 10);
    out[6] = (uint8_t)((out[6] & 0x0f) | 0x70); /* version 7 */
    out[8] = (uint8_t)((out[8] & 0x3f) | 0x80); /* variant 10 */
}

void wire_hex(const uint8_t *data, size_t size, char *out)
{
    for (size_t i = 0; i < size; i++) {
        *out++ = digits[data[i] >> 4];
        *out++ = digits[data[i] & 15];
    }
    *out = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool hex_bytes(const char *text, size_t bytes, uint8_t *out)
{
    for (size_t i = 0; i < bytes; i++) {
        int high = hex_digit(text[2 * i]);
        int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);

        if (low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool wire_unhex(const char *text, size_t bytes, uint8_t *out)
{
    return hex_bytes(text, bytes, out) && text[2 * bytes] == '\0';
}

/* Bytes in each group of 8-4-4-4-12. */
static const uint8_t groups[] = {4, 2, 2, 2, 6};

char *wire_id_text(const uint8_t id[WIRE_ID_BYTES], char out[WIRE_ID_TEXT])
{
    char *at = out;

    for (size_t i = 0; i < sizeof groups; i++) {
        wire_hex(id, groups[i], at);
        id += groups[i];
        at += 2 * groups[i];
        *at++ = '-';
    }
    at[-1] = '\0';
    return out;
}

bool wire_id_parse(const char *text, uint8_t out[WIRE_ID_BYTES])
{
    uint8_t id[WIRE_ID_BYTES];
    uint8_t *at = id;

    for (size_t i = 0; i < sizeof groups; i++) {
        if (!hex_bytes(text, groups[i], at))
            return false;
        at += groups[i];
        text += 2 * groups[i];
        if (*text++ != (i + 1 < sizeof groups ? '-' : '\0'))
            return false;
    }
    memcpy(out, id, WIRE_ID_BYTES);
    return true;
}

char *wire_number_text(struct wire_number number, char out[WIRE_NUMBER_TEXT])
{
    snprintf(out, WIRE_NUMBER_TEXT, "%06u-%08u-%04u", (unsigned)number.region, (unsigned)number.date,
             (unsigned)number.serial);
    return out;
}

/* Reads min to max digits at *text and moves it behind them; false: fewer, more, or beyond 32 bits. */
static bool read_digits(const char **text, size_t min, size_t max, uint32_t *out)
{
    uint64_t value = 0;
    size_t count = 0;

    for (; **text >= '0' && **text <= '9' && count <= max; count++)
        value = value * 10 + (uint64_t)(*(*text)++ - '0');
    *out = (uint32_t)value;
    return count >= min && count <= max && value <= UINT32_MAX;
}

bool wire_number_parse(const char *text, struct wire_number *out)
{
    struct wire_number number;

    if (!read_digits(&text, 6, 6, &number.region) || *text++ != '-')
        return false;
    if (!read_digits(&text, 8, 8, &number.date) || *text++ != '-' || !wire_day_valid(number.date))
        return false;
    const char *serial = text;
    if (!read_digits(&text, 4, 10, &number.serial) || *text != '\0' || number.serial == 0)
        return false;
    if (*serial == '0' && text - serial > 4) /* one number, one spelling */
        return false;
    *out = number;
    return true;
}
