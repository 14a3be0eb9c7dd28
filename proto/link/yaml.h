/* YAML by a libcyaml schema, with errors a person can act on: file:line:column, what was found, the nearest known name.
 * Aliases and anchors, keys that stand twice, a second document, and files above LINK_YAML_BYTES_MAX are refused
 * (link/yaml_places.h). For checks after loading read the places of the same text. */
#pragma once
#include "wire/status.h"
#include <cyaml/cyaml.h>
#include <stddef.h>

enum { LINK_YAML_BYTES_MAX = 4 * 1024 * 1024 };

/* `top` is a CYAML_VALUE_MAPPING with CYAML_FLAG_POINTER; *out (NULL on failure) goes back to link_yaml_free. An empty
 * file is an error (SYNTAX). Unknown keys and values out of range: INVALID. */
enum wire_status link_yaml_load_file(const char *path, const cyaml_schema_value_t *top, void **out,
                                     struct wire_problem *problem);
/* The same over a text; `name` stands for the file in messages. */
enum wire_status link_yaml_load_text(const char *name, const char *text, size_t size, const cyaml_schema_value_t *top,
                                     void **out, struct wire_problem *problem);
/* The file's text, for free(); NOT_FOUND, IO. At most LINK_YAML_BYTES_MAX + 1 bytes, so that a larger one is refused.
 */
enum wire_status link_yaml_read(const char *path, char **text, size_t *size, struct wire_problem *problem);
void link_yaml_free(const cyaml_schema_value_t *top, void *loaded);

/* The entry of names[] nearest to `word` by edit distance, or NULL when none is near. */
const char *link_nearest(const char *word, const char *const *names, size_t count);
