#include "node/cli/walk.h"
#include "node/cli/call.h"
#include "node/cli/table.h"
#include "node/cli/text.h"
#include "node/cli/words.h"
#include "schema/payload.pb-c.h"
#include "wire/label.h"
#include "wire/unit.h"
#include <stdlib.h>
#include <string.h>

enum { GAP = 2, LABEL_MAX = 24 };

const char *cli_paper_pick(const struct cli_paper *paper, const char *zh, const char *en)
{
    return paper->language == WIRE_CHINESE ? zh : en;
}

const char *cli_walk_label(const struct cli_paper *paper, const ProtobufCMessageDescriptor *type,
                           const ProtobufCFieldDescriptor *field)
{
    struct wire_label label = wire_label(type, field);
    return cli_paper_pick(paper, label.zh, label.en);
}

void cli_paper_heading(const struct cli_paper *paper, const char *text)
{
    cli_text_pad(paper->out, paper->indent);
    wire_text_string(paper->out, text);
    wire_text_string(paper->out, "\n");
}

void cli_paper_line(const struct cli_paper *paper, const char *label, size_t label_columns, const char *value)
{
    size_t width = cli_width(label), column = paper->indent + label_columns + GAP;
    if (value == NULL || value[0] == '\0')
        return;
    cli_text_pad(paper->out, paper->indent);
    wire_text_string(paper->out, label);
    cli_text_pad(paper->out, width < label_columns ? label_columns - width + GAP : GAP);
    cli_text_wrap(paper->out, value, paper->columns > column ? paper->columns - column : 0, column);
    wire_text_string(paper->out, "\n");
}

/* --- values --- */

static bool is_address(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_MESSAGE && field->descriptor == &wire__address__descriptor;
}

static void write_address(struct wire_text *out, enum wire_language language, const json_t *value)
{
    uint32_t unit = (uint32_t)cli_number_at(value, "unit");
    cli_region_text(out, language, (uint32_t)cli_number_at(value, "region"));
    if (unit > WIRE_UNIT_NONE && unit < WIRE_UNIT_END)
        wire_text_format(out, " %s", language == WIRE_CHINESE ? wire_unit_zh(unit) : wire_unit_en(unit));
}

static void write_string(struct wire_text *out, enum wire_language language, const ProtobufCFieldDescriptor *field,
                         const char *text)
{
    char time[CLI_TIME_TEXT];
    if (field->type == PROTOBUF_C_TYPE_ENUM)
        text = cli_enum_word(language, field->descriptor, text);
    else if (wire_field_is_time(field))
        text = cli_time(text, time);
    cli_text_clean(out, text, true);
}

void cli_walk_value(struct wire_text *out, enum wire_language language, const ProtobufCFieldDescriptor *field,
                    const json_t *value)
{
    bool zh = language == WIRE_CHINESE;
    if (json_is_string(value))
        write_string(out, language, field, json_string_value(value));
    else if (json_is_boolean(value))
        wire_text_string(out, json_is_true(value) ? (zh ? "是" : "yes") : (zh ? "否" : "no"));
    else if (json_is_integer(value) && wire_field_is_region(field))
        cli_region_text(out, language, (uint32_t)json_integer_value(value));
    else if (json_is_integer(value))
        wire_text_format(out, "%lld", (long long)json_integer_value(value));
    else if (json_is_object(value) && is_address(field))
        write_address(out, language, value);
}

static bool is_group(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_MESSAGE && !is_address(field);
}

/* Lists are joined. */
static void write_member(struct wire_text *out, enum wire_language language, const ProtobufCFieldDescriptor *field,
                         const json_t *value)
{
    size_t i;
    json_t *one;
    if (!json_is_array(value)) {
        cli_walk_value(out, language, field, value);
        return;
    }
    json_array_foreach((json_t *)(uintptr_t)value, i, one)
    {
        if (i > 0)
            wire_text_string(out, language == WIRE_CHINESE ? "、" : ", ");
        cli_walk_value(out, language, field, one);
    }
}

/* Is this field the X_unstated of another? */
static bool stands_in(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field)
{
    for (unsigned i = 0; i < type->n_fields; i++)
        if (wire_field_unstated(type, &type->fields[i]) == field)
            return true;
    return false;
}

static bool write_field(struct wire_text *out, enum wire_language language, const ProtobufCMessageDescriptor *type,
                        const ProtobufCFieldDescriptor *field, const json_t *object)
{
    const json_t *value = json_object_get(object, field->name);
    const ProtobufCFieldDescriptor *unstated = wire_field_unstated(type, field);
    size_t before = out->size;
    if (value != NULL)
        write_member(out, language, field, value);
    else if (unstated != NULL && json_is_true(json_object_get(object, unstated->name)))
        wire_text_string(out, language == WIRE_CHINESE ? "未注明" : "not stated");
    return out->size > before;
}

bool cli_walk_member(struct wire_text *out, enum wire_language language, const ProtobufCMessageDescriptor *type,
                     const json_t *object, const char *name)
{
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(type, name);
    return field != NULL && write_field(out, language, type, field, object);
}

/* --- groups --- */

static bool is_skipped(const char *name, const char *const *skip)
{
    for (; skip != NULL && *skip != NULL; skip++)
        if (strcmp(*skip, name) == 0)
            return true;
    return false;
}

static size_t label_columns(const struct cli_paper *paper, const ProtobufCMessageDescriptor *type, const json_t *object,
                            const char *const *skip)
{
    size_t most = 0;
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if (json_object_get(object, field->name) == NULL || is_group(field) || is_skipped(field->name, skip))
            continue;
        size_t width = cli_width(cli_walk_label(paper, type, field));
        most = width > most ? width : most;
    }
    return most < LABEL_MAX ? most : LABEL_MAX;
}

static size_t longest_line(const char *text)
{
    size_t most = 0;
    for (char line[4096]; text != NULL && *text != '\0';) {
        size_t size = strcspn(text, "\n");
        snprintf(line, sizeof line, "%.*s", (int)(size < sizeof line - 1 ? size : sizeof line - 1), text);
        size_t width = cli_width(line);
        most = width > most ? width : most;
        text += size + (text[size] == '\n');
    }
    return most;
}

static bool write_if_fits(const struct cli_paper *paper, const struct cli_table *table)
{
    struct wire_text text = {.grow = realloc};
    cli_table_write(&text, table, paper->language, 0, paper->indent);
    bool fits = paper->columns == 0 || longest_line(text.data) <= paper->columns;
    if (fits && text.data != NULL)
        wire_text_add(paper->out, text.data, text.size);
    free(text.data);
    return fits;
}

void cli_paper_table(const struct cli_paper *paper, const struct cli_table *table)
{
    if (write_if_fits(paper, table))
        return;
    for (size_t row = 0; row < table->rows; row++) {
        struct wire_text text = {.grow = realloc};
        size_t indent = paper->indent + 4;
        for (size_t i = 0; i < table->columns; i++) {
            const char *cell = table->cell[row * table->columns + i];
            const struct cli_column *column = &table->column[i];
            if (cell != NULL && cell[0] != '\0')
                wire_text_format(&text, "%s%s %s", text.size == 0 ? "" : cli_paper_pick(paper, "；", "; "),
                                 cli_paper_pick(paper, column->zh, column->en), cell);
        }
        cli_text_pad(paper->out, paper->indent);
        wire_text_format(paper->out, "[%zu] ", row + 1);
        cli_text_wrap(paper->out, text.data == NULL ? "" : text.data,
                      paper->columns > indent ? paper->columns - indent : 0, indent);
        wire_text_string(paper->out, "\n");
        free(text.data);
    }
}

/* A list of groups that hold no groups, as a table; false: too wide, or not such a list. */
static bool write_table(const struct cli_paper *paper, const ProtobufCMessageDescriptor *type, const json_t *list)
{
    struct cli_column column[CLI_COLUMNS_MAX] = {{.zh = NULL}};
    const ProtobufCFieldDescriptor *field[CLI_COLUMNS_MAX];
    struct cli_table table;
    size_t count = 0, i;
    json_t *entry;
    for (unsigned f = 0; f < type->n_fields; f++) {
        if (is_group(&type->fields[f]) || (!stands_in(type, &type->fields[f]) && count == CLI_COLUMNS_MAX))
            return false;
        if (stands_in(type, &type->fields[f]))
            continue;
        struct wire_label label = wire_label(type, &type->fields[f]);
        field[count] = &type->fields[f];
        column[count++] = (struct cli_column){.zh = label.zh, .en = label.en};
    }
    cli_table_open(&table, column, count);
    json_array_foreach((json_t *)(uintptr_t)list, i, entry)
    {
        struct wire_text cell[CLI_COLUMNS_MAX];
        const char *texts[CLI_COLUMNS_MAX];
        for (size_t c = 0; c < count; c++) {
            cell[c] = (struct wire_text){.grow = realloc};
            write_field(&cell[c], paper->language, type, field[c], entry);
            texts[c] = cell[c].data;
        }
        cli_table_add(&table, texts);
        for (size_t c = 0; c < count; c++)
            free(cell[c].data);
    }
    bool fits = write_if_fits(paper, &table);
    cli_table_close(&table);
    return fits;
}

static void write_groups(const struct cli_paper *paper, const ProtobufCFieldDescriptor *field, const json_t *list)
{
    struct cli_paper below = *paper;
    size_t i;
    json_t *entry;
    below.indent += 2;
    if (write_table(&below, field->descriptor, list))
        return;
    below.indent += 2;
    json_array_foreach((json_t *)(uintptr_t)list, i, entry)
    {
        cli_text_pad(paper->out, paper->indent + 2);
        wire_text_format(paper->out, "[%zu]\n", i + 1);
        cli_walk_fields(&below, field->descriptor, entry, NULL);
    }
}

static void write_group(const struct cli_paper *paper, const ProtobufCMessageDescriptor *type,
                        const ProtobufCFieldDescriptor *field, const json_t *value)
{
    struct wire_text heading = {.grow = realloc};
    wire_text_string(&heading, cli_walk_label(paper, type, field));
    if (json_is_array(value))
        wire_text_format(&heading, cli_paper_pick(paper, "（%zu）", " (%zu)"), json_array_size(value));
    cli_paper_heading(paper, heading.data);
    free(heading.data);
    if (json_is_array(value)) {
        write_groups(paper, field, value);
        return;
    }
    struct cli_paper below = *paper;
    below.indent += 2;
    cli_walk_fields(&below, field->descriptor, value, NULL);
}

void cli_walk_fields(const struct cli_paper *paper, const ProtobufCMessageDescriptor *type, const json_t *object,
                     const char *const *skip)
{
    size_t columns = label_columns(paper, type, object, skip);
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        const json_t *value = json_object_get(object, field->name);
        struct wire_text text = {.grow = realloc};
        if (is_skipped(field->name, skip) || stands_in(type, field))
            continue;
        if (is_group(field) && value != NULL)
            write_group(paper, type, field, value);
        else if (!is_group(field) && write_field(&text, paper->language, type, field, object))
            cli_paper_line(paper, cli_walk_label(paper, type, field), columns, text.data);
        free(text.data);
    }
}
