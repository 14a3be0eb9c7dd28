#include "node/api/inside.h"

void api_base64(struct wire_text *out, const uint8_t *data, size_t size)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        size_t have = size - i < 3 ? size - i : 3;
        unsigned bits = (unsigned)data[i] << 16;
        bits |= have > 1 ? (unsigned)data[i + 1] << 8 : 0;
        bits |= have > 2 ? (unsigned)data[i + 2] : 0;
        char four[4] = {letters[bits >> 18], letters[bits >> 12 & 63], letters[bits >> 6 & 63], letters[bits & 63]};
        for (size_t pad = have + 1; pad < 4; pad++)
            four[pad] = '=';
        wire_text_add(out, four, 4);
    }
}

static int letter_value(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

bool api_unbase64(const char *text, size_t size, uint8_t *out, size_t *out_size)
{
    uint32_t bits = 0;
    size_t letters = 0, pads = 0;
    *out_size = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n' || text[i] == '\r')
            continue;
        int value = letter_value(text[i]);
        if (text[i] == '=')
            pads++;
        if ((value < 0 && text[i] != '=') || (value >= 0 && pads > 0) || pads > 2)
            return false;
        bits = bits << 6 | (uint32_t)(value < 0 ? 0 : value);
        if (++letters % 4 != 0)
            continue;
        for (size_t b = 0; b < 3; b++)
            out[(*out_size)++] = (uint8_t)(bits >> (16 - 8 * b));
    }
    *out_size -= pads;
    return letters % 4 == 0;
}
