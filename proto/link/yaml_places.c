#include "link/yaml_places.h"
#include "wire/ensure.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { DEPTH_MAX = 8, PATH_MAX_BYTES = 256, PLACES_MAX = 20000 };

struct walk {
    const char *name, *text;
    size_t size;
    yaml_parser_t parser;
    struct link_places *places;
    struct wire_problem *problem;
};

static enum wire_status refuse(const struct walk *walk, yaml_mark_t mark, const char *zh, const char *en)
{
    char where[256];
    snprintf(where, sizeof where, "%s:%zu:%zu", walk->name, mark.line + 1, mark.column + 1);
    return wire_fail(walk->problem, WIRE_SYNTAX, where, zh, en);
}

/* libyaml names a byte that is no text by its offset only. */
static yaml_mark_t mark_of_byte(const struct walk *walk, size_t offset)
{
    yaml_mark_t mark = {0};
    for (size_t i = 0; i < offset && i < walk->size; i++) {
        bool ends = walk->text[i] == '\n';
        mark.line += ends;
        mark.column = ends ? 0 : mark.column + ((walk->text[i] & 0xC0) != 0x80);
    }
    return mark;
}

static enum wire_status next(struct walk *walk, yaml_event_t *event)
{
    char zh[256], en[256];
    if (yaml_parser_parse(&walk->parser, event))
        return WIRE_OK;
    const char *what = walk->parser.problem == NULL ? "?" : walk->parser.problem;
    yaml_mark_t mark = walk->parser.problem_mark;
    if (walk->parser.error == YAML_READER_ERROR)
        mark = mark_of_byte(walk, walk->parser.problem_offset);
    snprintf(zh, sizeof zh, "YAML 格式有误：%s", what);
    snprintf(en, sizeof en, "the YAML cannot be read: %s", what);
    return refuse(walk, mark, zh, en);
}

static bool add_place(struct walk *walk, const char *path, yaml_mark_t mark)
{
    struct link_places *places = walk->places;
    if (places->count == places->capacity) {
        size_t capacity = places->capacity == 0 ? 256 : places->capacity * 2;
        struct link_place *grown = realloc(places->item, capacity * sizeof *grown);
        if (grown == NULL || capacity > PLACES_MAX) {
            places->item = grown == NULL ? places->item : grown;
            return false;
        }
        places->item = grown;
        places->capacity = capacity;
    }
    struct link_place *place = &places->item[places->count];
    *place =
        (struct link_place){.path = strdup(path), .line = (uint32_t)mark.line + 1, .column = (uint32_t)mark.column + 1};
    if (place->path == NULL)
        return false;
    places->count++;
    return true;
}

static enum wire_status walk_node(struct walk *walk, yaml_event_t *event, const char *path, int depth);

static enum wire_status walk_sequence(struct walk *walk, const char *path, int depth)
{
    for (size_t i = 0;; i++) {
        char inner[PATH_MAX_BYTES];
        yaml_event_t event;
        enum wire_status status = next(walk, &event);
        if (status != WIRE_OK)
            return status;
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return WIRE_OK;
        }
        snprintf(inner, sizeof inner, "%s[%zu]", path, i);
        status = walk_node(walk, &event, inner, depth + 1);
        if (status != WIRE_OK)
            return status;
    }
}

/* The key's own place; refuses what is no plain key or stands twice. */
static enum wire_status walk_key(struct walk *walk, const yaml_event_t *event, const char *path, char *inner,
                                 size_t size)
{
    if (event->type != YAML_SCALAR_EVENT || event->data.scalar.anchor != NULL)
        return refuse(walk, event->start_mark, "此处应为项名", "a key should stand here");
    const char *key = (const char *)event->data.scalar.value;
    int needed = snprintf(inner, size, "%s%s%s", path, path[0] == '\0' ? "" : ".", key);
    if (needed < 0 || (size_t)needed >= size)
        return refuse(walk, event->start_mark, "项名太长", "the key is too long");
    if (link_place_find(walk->places, inner) != NULL)
        return refuse(walk, event->start_mark, "此项写了两次", "this key stands twice");
    return WIRE_OK;
}

static enum wire_status walk_mapping(struct walk *walk, const char *path, int depth)
{
    for (;;) {
        char inner[PATH_MAX_BYTES];
        yaml_event_t event;
        enum wire_status status = next(walk, &event);
        if (status != WIRE_OK)
            return status;
        bool end = event.type == YAML_MAPPING_END_EVENT;
        status = end ? WIRE_OK : walk_key(walk, &event, path, inner, sizeof inner);
        yaml_event_delete(&event);
        if (end || status != WIRE_OK)
            return status;
        status = next(walk, &event);
        if (status == WIRE_OK)
            status = walk_node(walk, &event, inner, depth + 1);
        if (status != WIRE_OK)
            return status;
    }
}

/* Consumes the event. */
static enum wire_status walk_node(struct walk *walk, yaml_event_t *event, const char *path, int depth)
{
    yaml_event_type_t type = event->type;
    yaml_mark_t mark = event->start_mark;
    bool anchor = type == YAML_ALIAS_EVENT || (type == YAML_SCALAR_EVENT && event->data.scalar.anchor != NULL) ||
                  (type == YAML_SEQUENCE_START_EVENT && event->data.sequence_start.anchor != NULL) ||
                  (type == YAML_MAPPING_START_EVENT && event->data.mapping_start.anchor != NULL);
    yaml_event_delete(event);
    if (anchor)
        return refuse(walk, mark, "不得使用锚点和别名（& *），请照写全文", "no anchors or aliases (& *): write it out");
    if (depth > DEPTH_MAX)
        return refuse(walk, mark, "嵌套太深", "nested too deeply");
    if (!add_place(walk, path, mark))
        return wire_fail(walk->problem, WIRE_NO_MEMORY, walk->name, "内存不足或文件过大",
                         "no memory, or the file is too large");
    if (type == YAML_SEQUENCE_START_EVENT)
        return walk_sequence(walk, path, depth);
    return type == YAML_MAPPING_START_EVENT ? walk_mapping(walk, path, depth) : WIRE_OK;
}

/* Stream start, one document, stream end. */
static enum wire_status walk_stream(struct walk *walk)
{
    yaml_event_t event;
    yaml_mark_t mark;
    for (;;) {
        enum wire_status status = next(walk, &event);
        if (status != WIRE_OK)
            return status;
        yaml_event_type_t type = event.type;
        mark = event.start_mark;
        if (type == YAML_DOCUMENT_START_EVENT && walk->places->count > 0) {
            yaml_event_delete(&event);
            return refuse(walk, mark, "一个文件只能有一份文档（---）", "one document a file (---)");
        }
        if (type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_START_EVENT || type == YAML_DOCUMENT_END_EVENT) {
            yaml_event_delete(&event);
        } else if (type == YAML_STREAM_END_EVENT) {
            yaml_event_delete(&event);
            break;
        } else {
            status = walk_node(walk, &event, "", 0);
            if (status != WIRE_OK)
                return status;
        }
    }
    return walk->places->count > 0 ? WIRE_OK : refuse(walk, mark, "文件是空的", "the file is empty");
}

enum wire_status link_places_read(const char *name, const char *text, size_t size, struct link_places *places,
                                  struct wire_problem *problem)
{
    struct walk walk = {.name = name, .text = text, .size = size, .places = places, .problem = problem};
    *places = (struct link_places){0};
    if (!yaml_parser_initialize(&walk.parser))
        return wire_fail(problem, WIRE_NO_MEMORY, name, "内存不足", "no memory");
    yaml_parser_set_encoding(&walk.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&walk.parser, (const unsigned char *)text, size);
    enum wire_status status = walk_stream(&walk);
    yaml_parser_delete(&walk.parser);
    if (status != WIRE_OK)
        link_places_close(places);
    return status;
}

void link_places_close(struct link_places *places)
{
    for (size_t i = 0; i < places->count; i++)
        free(places->item[i].path);
    free(places->item);
    *places = (struct link_places){0};
}

const struct link_place *link_place_find(const struct link_places *places, const char *path)
{
    for (size_t i = 0; i < places->count; i++)
        if (strcmp(places->item[i].path, path) == 0)
            return &places->item[i];
    return NULL;
}
