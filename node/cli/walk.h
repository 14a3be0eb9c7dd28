/* Any payload as labelled lines and tables, by its schema and the words of wire/label.h. The payload is the JSON of
 * wire/json.h, so that what the API masked stays masked. Nothing is ever cut here: a table that does not fit becomes
 * lines. */
#pragma once
#include "wire/json.h"
#include "wire/status.h"
#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

struct cli_paper {
    struct wire_text *out;
    enum wire_language language;
    size_t columns; /* 0: lines may be of any length */
    size_t indent;
};

/* "label  value"; nothing for an empty value. `label_columns`: how wide labels are on this page. */
void cli_paper_line(const struct cli_paper *paper, const char *label, size_t label_columns, const char *value);
void cli_paper_heading(const struct cli_paper *paper, const char *text);
const char *cli_paper_pick(const struct cli_paper *paper, const char *zh, const char *en);

struct cli_table;
/* The table where it fits the page; else one paragraph a row, each value behind its heading. */
void cli_paper_table(const struct cli_paper *paper, const struct cli_table *table);

/* The label in the paper's language. */
const char *cli_walk_label(const struct cli_paper *paper, const ProtobufCMessageDescriptor *type,
                           const ProtobufCFieldDescriptor *field);
/* One value, not a list; an address in words; 未注明 where the office said so. Nothing when the member is absent. */
void cli_walk_value(struct wire_text *out, enum wire_language language, const ProtobufCFieldDescriptor *field,
                    const json_t *value);
/* The same by name, for layouts of their own: appends to `out` and returns whether there was something. */
bool cli_walk_member(struct wire_text *out, enum wire_language language, const ProtobufCMessageDescriptor *type,
                     const json_t *object, const char *name);
/* Every field that is there, in the order of the schema, but those in `skip` (ended by NULL; may be NULL). */
void cli_walk_fields(const struct cli_paper *paper, const ProtobufCMessageDescriptor *type, const json_t *object,
                     const char *const *skip);
