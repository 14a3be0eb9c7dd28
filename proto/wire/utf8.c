#include "wire/utf8.h"
#include <string.h>

/* Bytes of the character that starts at data[0]; 0 if it is none or is cut. NUL counts as none. */
static size_t character(const uint8_t *data, size_t size)
{
    uint8_t lead = data[0];
    size_t length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;

    if (lead == 0 || length == 0 || length > size)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((data[i] & 0xc0) != 0x80)
            return 0;
    if ((lead == 0xe0 && data[1] < 0xa0) || (lead == 0xed && data[1] > 0x9f)) /* overlong; surrogate */
        return 0;
    if ((lead == 0xf0 && data[1] < 0x90) || (lead == 0xf4 && data[1] > 0x8f)) /* overlong; beyond U+10FFFF */
        return 0;
    return length;
}

bool wire_utf8_text(const uint8_t *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        if (data[at] - 1u < 0x7fu) { /* ASCII but NUL, most of what identifiers hold */
            at++;
            continue;
        }
        size_t length = character(data + at, size - at);
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

size_t wire_utf8_whole(const char *text, size_t size)
{
    size_t start = size;

    for (size_t back = 1; back <= 4 && back <= size; back++) {
        start = size - back;
        if (((uint8_t)text[start] & 0xc0) != 0x80)
            break;
    }
    if (start == size || character((const uint8_t *)text + start, size - start) != 0)
        return size;
    return start;
}

size_t wire_utf8_cut(const char *text, size_t max)
{
    size_t length = strnlen(text, max + 1);

    return length <= max ? length : wire_utf8_whole(text, max);
}

void wire_utf8_repair(char *text)
{
    char *end = text + strlen(text), *kept = text;

    for (char *at = text; at != end;) {
        size_t length = character((const uint8_t *)at, (size_t)(end - at));
        memmove(kept, at, length);
        kept += length;
        at += length == 0 ? 1 : length;
    }
    *kept = '\0';
}
