/* The profile's fields over rows → a payload as JSON, which the ordinary reader then reads as if a person had sent it.
 */
#include "node/api/import.h"
#include "wire/check.h"
#include "wire/label.h"
#include "wire/region.h"
#include "wire/time.h"
#include <stdio.h>
#include <strings.h>

/* --- columns --- */

static bool is_one_of(const char *names, const char *heading, size_t size)
{
    while (names != NULL) {
        const char *bar = strchr(names, '|');
        size_t name_size = bar == NULL ? strlen(names) : (size_t)(bar - names);
        if (name_size == size && strncasecmp(names, heading, size) == 0)
            return true;
        names = bar == NULL ? NULL : bar + 1;
    }
    return false;
}

static int find_heading(const struct api_csv *csv, const char *names)
{
    const struct api_csv_row *headings = &csv->rows[0];
    for (uint32_t i = 0; names != NULL && i < headings->count; i++) {
        const char *heading = api_csv_cell(csv, headings, i);
        if (is_one_of(names, heading, strlen(heading)))
            return (int)i;
    }
    return -1;
}

/* Two lists of names that have one in common mean the same column. */
static bool is_same_column(const char *names, const char *others)
{
    while (names != NULL && others != NULL) {
        const char *bar = strchr(names, '|');
        if (is_one_of(others, names, bar == NULL ? strlen(names) : (size_t)(bar - names)))
            return true;
        names = bar == NULL ? NULL : bar + 1;
    }
    return false;
}

/* The other names the profile has for a column. */
static int find_other_names(const struct api_csv *csv, const struct api_profile *profile, const char *names)
{
    const char *const heads[] = {profile->issuer, profile->concerns, profile->mechanism};
    int found = -1;
    for (size_t i = 0; found < 0 && i < sizeof heads / sizeof *heads; i++)
        found = is_same_column(names, heads[i]) ? find_heading(csv, heads[i]) : -1;
    for (unsigned i = 0; found < 0 && i < profile->key_count; i++)
        found = is_same_column(names, profile->key[i]) ? find_heading(csv, profile->key[i]) : -1;
    for (unsigned i = 0; found < 0 && i < profile->fields_count; i++)
        if (is_same_column(names, profile->fields[i].column))
            found = find_heading(csv, profile->fields[i].column);
    return found;
}

/* A heading that is the label of a field which the profile fills from this column as it is. */
static int find_label(const struct api_csv *csv, const struct api_profile_field *field)
{
    const ProtobufCFieldDescriptor *leaf = field->path[field->depth - 1];
    const struct wire_field *row = wire_field_of(leaf);
    int found = find_heading(csv, leaf->name);
    if (found < 0 && row != NULL)
        found = find_heading(csv, row->zh);
    if (found < 0 && row != NULL)
        found = find_heading(csv, row->en);
    return found < 0 && row != NULL ? find_heading(csv, row->also) : found;
}

int import_find_column(const struct api_csv *csv, const struct api_profile *profile, const char *names)
{
    int found = names == NULL ? -1 : find_heading(csv, names);
    if (found < 0 && names != NULL)
        found = find_other_names(csv, profile, names);
    for (unsigned i = 0; found < 0 && names != NULL && i < profile->fields_count; i++) {
        const struct api_profile_field *field = &profile->fields[i];
        bool plain = field->days == 0 && field->equals == NULL;
        if (plain && is_same_column(names, field->column))
            found = find_label(csv, field);
    }
    return found;
}

const char *import_cell(const struct api_import *job, uint32_t row, int column)
{
    return column < 0 ? "" : api_csv_cell(&job->csv, job->rows[row].csv, (size_t)column);
}

/* "conveyance[1].travel_day" without what stands in brackets, against the field's path. */
static bool is_path_of(const struct api_profile_field *field, const char *where)
{
    for (unsigned i = 0; i < field->depth; i++) {
        size_t size = strlen(field->path[i]->name);
        if (strncmp(where, field->path[i]->name, size) != 0)
            return false;
        where += size;
        if (*where == '[')
            where += strcspn(where, "]") + (strchr(where, ']') != NULL);
        where += *where == '.';
    }
    return *where == '\0';
}

int import_column_of(const struct api_import *job, const char *where)
{
    for (unsigned i = 0; i < job->profile->fields_count; i++)
        if (job->columns[i].column >= 0 && is_path_of(&job->profile->fields[i], where))
            return job->columns[i].column;
    return -1;
}

size_t import_split(const char *text, bool (*take)(void *context, const char *piece, size_t size), void *context)
{
    static const char *const marks[] = {";", ",", "、", "；", "，", "|"};
    size_t count = 0;
    while (*text != '\0') {
        size_t size = 0, mark = 0;
        while (text[size] != '\0' && mark == 0) {
            for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
                if (strncmp(text + size, marks[i], strlen(marks[i])) == 0)
                    mark = strlen(marks[i]);
            size += mark == 0;
        }
        size_t from = strspn(text, " "), to = size;
        while (to > from && text[to - 1] == ' ')
            to--;
        if (to > from) {
            count++;
            if (!take(context, text + from, to - from))
                return count;
        }
        text += size + mark;
    }
    return count;
}

/* --- a value --- */

static void add(struct import_value *value, const char *text, size_t size)
{
    size_t left = sizeof value->text - 1 - value->size;
    size = size < left ? size : left; /* a longer one is beyond every field's limit: the check refuses it */
    memcpy(value->text + value->size, text, size);
    value->size += size;
    value->text[value->size] = '\0';
}

static void set(struct import_value *value, const char *text)
{
    value->size = 0;
    add(value, text, strlen(text));
}

/* {#}, {列名}, {列名:region} */
static void add_placeholder(struct api_import *job, uint32_t row, size_t entry, const char *inside, size_t size,
                            struct import_value *value)
{
    char name[200], number[24];
    snprintf(name, sizeof name, "%.*s", (int)size, inside);
    if (strcmp(name, "#") == 0) {
        snprintf(number, sizeof number, "%zu", entry);
        add(value, number, strlen(number));
        return;
    }
    char *colon = strchr(name, ':');
    bool region_name = colon != NULL && strcmp(colon, ":region") == 0;
    if (region_name)
        *colon = '\0';
    const char *cell = import_cell(job, row, import_find_column(&job->csv, job->profile, name));
    const struct wire_region *region = region_name ? wire_region_find(wire_region_parse(cell, strlen(cell))) : NULL;
    cell = region == NULL ? cell : region->name;
    add(value, cell, strlen(cell));
}

static void expand(struct api_import *job, uint32_t row, size_t entry, const char *pattern, struct import_value *value)
{
    value->size = 0;
    value->text[0] = '\0';
    while (*pattern != '\0') {
        size_t plain = strcspn(pattern, "{");
        add(value, pattern, plain);
        pattern += plain;
        const char *end = strchr(pattern, '}');
        if (end == NULL) {
            add(value, pattern, strlen(pattern));
            return;
        }
        if (*pattern == '{') {
            add_placeholder(job, row, entry, pattern + 1, (size_t)(end - pattern - 1), value);
            pattern = end + 1;
        }
    }
}

/* A text that is no day stays as it is: the reader refuses it and names the field. */
static void add_days(struct import_value *value, int days)
{
    char text[WIRE_DAY_TEXT];
    int64_t ms;
    if (wire_time_parse(value->text, value->size, &ms))
        set(value, wire_day_text(wire_day_add(wire_day_of(ms), days), text));
}

/* What field `index` of the profile says about one row; false: nothing. */
static bool value_of(struct api_import *job, unsigned index, uint32_t row, size_t entry, struct import_value *value)
{
    const struct api_profile_field *field = &job->profile->fields[index];
    const struct import_column *at = &job->columns[index];
    char day[WIRE_DAY_TEXT];
    if (field->when != NULL && import_cell(job, row, at->when)[0] == '\0')
        return false;
    if (field->equals != NULL && strcmp(import_cell(job, row, at->column), field->equals) != 0)
        return false;
    if (field->now)
        set(value, wire_day_text(wire_day_of(job->now_ms), day));
    else if (field->value != NULL)
        expand(job, row, entry, field->value, value);
    else
        set(value, import_cell(job, row, at->column));
    if (field->days != 0 && value->size > 0)
        add_days(value, field->days);
    return value->size > 0;
}

/* --- what they make --- */

/* What makes two files say the same: fields and cells, not today's date, not the order of entries. */
static void note(struct wire_text *content, const struct api_profile_field *field, const struct import_value *value)
{
    if (content == NULL || field->now || field->counts)
        return;
    wire_text_string(content, field->field);
    wire_text_add(content, "\x1F", 1);
    wire_text_add(content, value->text, value->size);
    wire_text_add(content, "\x1E", 1);
}

/* --- what belongs to the envelope --- */

static bool is_later(const struct import_value *a, const struct import_value *b)
{
    int64_t a_ms, b_ms;
    return wire_time_parse(a->text, a->size, &a_ms) && wire_time_parse(b->text, b->size, &b_ms) && a_ms > b_ms;
}

static void remark(struct api_import *job, uint32_t row, unsigned index, uint32_t first_row)
{
    struct import_row *at = &job->rows[row];
    const struct api_profile_field *field = &job->profile->fields[index];
    if (at->problem != NULL)
        return;
    at->problem = calloc(1, sizeof *at->problem);
    ENSURE(at->problem != NULL);
    wire_failf(at->problem, WIRE_OK, field->field, "与第 %1$u 行同属一份信息而“%2$s”不同，以第 %1$u 行为准；请核对",
               "belongs to the same notice as row %1$u but differs in \"%2$s\"; row %1$u counts; check both",
               job->rows[first_row].csv->number, field->column);
    at->column = field->column;
    at->column_index = (uint32_t)job->columns[index].column;
}

/* Over all rows: the first value, or the latest; rows that say otherwise get a remark. */
static bool combined(struct api_import *job, unsigned index, const uint32_t *rows, size_t count,
                     struct import_value *best)
{
    const struct api_profile_field *field = &job->profile->fields[index];
    struct import_value *value = &job->values[1];
    bool found = false;
    uint32_t from = 0;
    for (size_t i = 0; i < count; i++) {
        value->size = 0;
        if (!value_of(job, index, rows[i], i + 1, value))
            continue;
        bool better = !found || (field->latest && is_later(value, best));
        if (found && !field->latest && field->value == NULL && strcmp(value->text, best->text) != 0)
            remark(job, rows[i], index, from);
        if (better) {
            best->size = 0;
            add(best, value->text, value->size); /* a value's buffer is large and mostly empty */
            from = rows[i];
        }
        found = true;
    }
    return found;
}

static bool fill_entry(struct api_import *job, uint32_t row, size_t number, struct import_object *entry,
                       struct import_value *value, struct wire_text *content)
{
    const struct api_profile *profile = job->profile;
    for (unsigned i = 0; i < profile->fields_count; i++) {
        value->size = 0;
        if (!profile->fields[i].entry || import_object_has(job, entry, i) || !value_of(job, i, row, number, value))
            continue;
        if (!import_object_put(job, entry, i, value))
            return false;
        note(content, &profile->fields[i], value);
    }
    return !entry->bent;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void note_entries(struct wire_text *content, char **texts, size_t count)
{
    qsort(texts, count, sizeof *texts, compare_texts);
    for (size_t i = 0; i < count; i++) {
        wire_text_string(content, texts[i]);
        wire_text_add(content, "\x1D", 1);
        free(texts[i]);
    }
    free(texts); /* they are the caller's no more */
}

static void forget_texts(char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
    free(texts);
}

static bool put_entries(struct api_import *job, struct import_object *payload, const uint32_t *rows, size_t count,
                        struct import_value *value, struct wire_text *content)
{
    char **texts = calloc(count, sizeof *texts);
    ENSURE(texts != NULL);
    bool good = import_object_list(job, payload, count);
    for (size_t i = 0; good && i < count; i++) {
        struct import_object entry;
        struct wire_text text = {.grow = realloc};
        wire_text_string(&text, "");
        good = import_object_entry(job, payload, i, &entry) && fill_entry(job, rows[i], i + 1, &entry, value, &text);
        ENSURE(!text.cut && text.data != NULL);
        texts[i] = text.data;
    }
    if (good && content != NULL)
        note_entries(content, texts, count);
    else
        forget_texts(texts, count);
    return good;
}

static bool fill(struct api_import *job, struct import_object *payload, const uint32_t *rows, size_t count,
                 struct wire_text *content)
{
    const struct api_profile *profile = job->profile;
    struct import_value *value = &job->values[0];
    for (unsigned i = 0; i < profile->fields_count; i++) {
        if (profile->fields[i].entry || import_object_has(job, payload, i) || !combined(job, i, rows, count, value))
            continue;
        if (!import_object_put(job, payload, i, value))
            return false;
        note(content, &profile->fields[i], value);
    }
    return !payload->bent && (profile->entry_list == NULL || put_entries(job, payload, rows, count, value, content));
}

json_t *import_payload(struct api_import *job, const uint32_t *rows, size_t count, struct wire_text *content)
{
    struct import_object payload = {.json = json_object()};
    ENSURE(payload.json != NULL && fill(job, &payload, rows, count, content));
    return payload.json;
}

ProtobufCMessage *import_message(struct api_import *job, const uint32_t *rows, size_t count, struct wire_text *content)
{
    struct import_object payload = {.message = import_object_message(job, job->profile->kind->payload)};
    return payload.message != NULL && fill(job, &payload, rows, count, content) ? payload.message : NULL;
}

void import_columns_pair(struct api_import *job)
{
    const struct api_profile_field *fields = job->profile->fields;
    for (unsigned i = 0; i < job->profile->fields_count; i++) {
        unsigned j = 0;
        while (fields[j].entry != fields[i].entry || fields[j].depth != fields[i].depth ||
               memcmp(fields[j].path, fields[i].path, fields[i].depth * sizeof *fields[i].path) != 0)
            j++;
        job->columns[i].place = j;
    }
}
