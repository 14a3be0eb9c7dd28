#include "wire/ensure.h"
#include "wire/json.h"
#include "wire/utf8.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_GROW_MIN = 256 };

/* Room for `more` bytes and the NUL; what there is instead when the text cannot grow. */
static size_t text_room(struct wire_text *text, size_t more)
{
    size_t needed = text->size + more + 1;
    if (needed > text->capacity && text->grow != NULL && more < SIZE_MAX / 4) {
        size_t capacity = text->capacity * 2 > TEXT_GROW_MIN ? text->capacity * 2 : TEXT_GROW_MIN;
        if (capacity < needed)
            capacity = needed;
        char *grown = text->grow(text->data, capacity);
        if (grown != NULL) {
            text->data = grown;
            text->capacity = capacity;
        }
    }
    if (needed <= text->capacity)
        return more;
    text->cut = true;
    return text->capacity > text->size ? text->capacity - text->size - 1 : 0;
}

void wire_text_add(struct wire_text *text, const char *data, size_t size)
{
    if (text->cut) /* a cut text ends where it was cut: no later piece slips in behind the gap */
        return;
    size_t room = text_room(text, size);
    if (room < size)
        room = wire_utf8_whole(data, room);
    if (room > 0)
        memcpy(text->data + text->size, data, room);
    text->size += room;
    if (text->capacity > text->size)
        text->data[text->size] = '\0';
}

void wire_text_string(struct wire_text *text, const char *zero_terminated)
{
    wire_text_add(text, zero_terminated, strlen(zero_terminated));
}

void wire_text_format(struct wire_text *text, const char *format, ...)
{
    char small[512];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(small, sizeof small, format, arguments);
    va_end(arguments);
    ENSURE(size >= 0);
    if ((size_t)size < sizeof small) {
        wire_text_add(text, small, (size_t)size);
        return;
    }
    if (text->cut)
        return;
    /* Longer than the stack buffer: format again, in place; snprintf cuts for us where the text cannot grow. */
    size_t room = text_room(text, (size_t)size);
    if (text->capacity <= text->size)
        return;
    char *at = text->data + text->size;
    va_start(arguments, format);
    vsnprintf(at, room + 1, format, arguments);
    va_end(arguments);
    if (room < (size_t)size)
        room = wire_utf8_whole(at, room);
    at[room] = '\0';
    text->size += room;
}

void wire_text_json_string(struct wire_text *text, const char *data, size_t size)
{
    wire_text_add(text, "\"", 1);
    size_t from = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)data[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7F)
            continue;
        wire_text_add(text, data + from, i - from);
        from = i + 1;
        switch (c) {
        case '"':
            wire_text_add(text, "\\\"", 2);
            break;
        case '\\':
            wire_text_add(text, "\\\\", 2);
            break;
        case '\n':
            wire_text_add(text, "\\n", 2);
            break;
        case '\r':
            wire_text_add(text, "\\r", 2);
            break;
        case '\t':
            wire_text_add(text, "\\t", 2);
            break;
        default:
            wire_text_format(text, "\\u%04x", c);
        }
    }
    wire_text_add(text, data + from, size - from);
    wire_text_add(text, "\"", 1);
}
