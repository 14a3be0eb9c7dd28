#include "wire/path.h"
#include "wire/label.h"
#include "wire/utf8.h"
#include <stdio.h>
#include <string.h>

/* Appends and cuts between two characters. */
static void append(char *text, size_t capacity, size_t *size, const char *more)
{
    size_t room = capacity - 1 - *size;
    size_t wanted = strlen(more);
    if (wanted > room)
        wanted = wire_utf8_cut(more, room);
    memcpy(text + *size, more, wanted);
    *size += wanted;
    text[*size] = '\0';
}

static void append_both(struct wire_path *path, const char *zh, const char *en)
{
    append(path->zh, sizeof path->zh, &path->zh_size, zh);
    append(path->en, sizeof path->en, &path->en_size, en);
}

static struct wire_path_mark begin(struct wire_path *path)
{
    struct wire_path_mark mark = {.en_size = path->en_size, .zh_size = path->zh_size};
    if (path->en_size > 0)
        append_both(path, ".", ".");
    return mark;
}

struct wire_path_mark wire_path_enter(struct wire_path *path, const ProtobufCMessageDescriptor *type,
                                      const ProtobufCFieldDescriptor *field, size_t entry)
{
    struct wire_path_mark mark = begin(path);
    append_both(path, wire_label(type, field).zh, field->name);
    if (entry > 0) {
        char number[24];
        snprintf(number, sizeof number, "[%zu]", entry);
        append_both(path, number, number);
    }
    return mark;
}

struct wire_path_mark wire_path_enter_text(struct wire_path *path, const char *name)
{
    struct wire_path_mark mark = begin(path);
    append_both(path, name, name);
    return mark;
}

void wire_path_leave(struct wire_path *path, struct wire_path_mark mark)
{
    path->en_size = mark.en_size;
    path->zh_size = mark.zh_size;
    path->en[mark.en_size] = '\0';
    path->zh[mark.zh_size] = '\0';
}
