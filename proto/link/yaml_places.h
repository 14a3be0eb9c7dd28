/* Where every word of a YAML text stands. libcyaml checks shapes but keeps no places; this walks the same text with
 * libyaml.
 *
 * Refuses what a reader could misread: a key that stands twice, anchors and aliases, more than one document, nesting
 * beyond what our files need. Paths read "rules[3].to[1]", entries from 0, keys as written. */
#pragma once
#include "wire/status.h"
#include <stddef.h>
#include <stdint.h>

struct link_place {
    char *path;
    uint32_t line, column; /* of the value, from 1 */
};

struct link_places {
    struct link_place *item; /* in the order of the text */
    size_t count;
    size_t capacity;
};

/* `name` is the file as shown in the problem. On failure nothing is held. */
enum wire_status link_places_read(const char *name, const char *text, size_t size, struct link_places *places,
                                  struct wire_problem *problem);
void link_places_close(struct link_places *places);
/* NULL: nothing stands there. */
const struct link_place *link_place_find(const struct link_places *places, const char *path);
