#include "node/api/json.h"
#include "wire/check.h"
#include "wire/label.h"
#include "wire/region.h"
#include "wire/time.h"
#include "wire/unit.h"
#include <inttypes.h>
#include <stdlib.h>

void api_json_start(struct api_json *json)
{
    *json = (struct api_json){.text.grow = realloc};
}

void api_json_close(struct api_json *json)
{
    free(json->text.data);
    *json = (struct api_json){0};
}

static void before(struct api_json *json, const char *key)
{
    if (json->comma)
        wire_text_add(&json->text, ",", 1);
    json->comma = true;
    if (key == NULL)
        return;
    wire_text_json_string(&json->text, key, strlen(key));
    wire_text_add(&json->text, ":", 1);
}

static void enter(struct api_json *json, const char *key, const char *bracket)
{
    before(json, key);
    wire_text_string(&json->text, bracket);
    json->comma = false;
}

static void leave(struct api_json *json, const char *bracket)
{
    wire_text_string(&json->text, bracket);
    json->comma = true;
}

void api_json_open(struct api_json *json, const char *key)
{
    enter(json, key, "{");
}

void api_json_list(struct api_json *json, const char *key)
{
    enter(json, key, "[");
}

void api_json_end(struct api_json *json)
{
    leave(json, "}");
}

void api_json_list_end(struct api_json *json)
{
    leave(json, "]");
}

void api_json_bytes(struct api_json *json, const char *key, const char *value, size_t size)
{
    before(json, key);
    wire_text_json_string(&json->text, value, size);
}

void api_json_text(struct api_json *json, const char *key, const char *value)
{
    if (value != NULL)
        api_json_bytes(json, key, value, strlen(value));
}

void api_json_number(struct api_json *json, const char *key, int64_t value)
{
    before(json, key);
    wire_text_format(&json->text, "%" PRId64, value);
}

void api_json_unsigned(struct api_json *json, const char *key, uint64_t value)
{
    before(json, key);
    wire_text_format(&json->text, "%" PRIu64, value);
}

void api_json_bool(struct api_json *json, const char *key, bool value)
{
    before(json, key);
    wire_text_string(&json->text, value ? "true" : "false");
}

void api_json_time(struct api_json *json, const char *key, int64_t ms)
{
    char text[WIRE_TIME_TEXT];
    api_json_text(json, key, wire_time_iso(ms, text));
}

void api_json_day(struct api_json *json, const char *key, uint32_t day)
{
    char text[WIRE_DAY_TEXT];
    if (day != 0)
        api_json_text(json, key, wire_day_text(day, text));
}

void api_json_id(struct api_json *json, const char *key, const uint8_t *id)
{
    char text[WIRE_ID_TEXT];
    api_json_text(json, key, wire_id_text(id, text));
}

void api_json_number_text(struct api_json *json, const char *key, struct wire_number number)
{
    char text[WIRE_NUMBER_TEXT];
    if (number.serial != 0)
        api_json_text(json, key, wire_number_text(number, text));
}

void api_json_hex(struct api_json *json, const char *key, const uint8_t *data, size_t size)
{
    char text[2 * WIRE_HASH_BYTES + 1];
    if (size > WIRE_HASH_BYTES)
        size = WIRE_HASH_BYTES;
    wire_hex(data, size, text);
    api_json_text(json, key, text);
}

void api_json_region(struct api_json *json, uint32_t region)
{
    const struct wire_region *found = wire_region_find(region);
    api_json_unsigned(json, "region", region);
    api_json_text(json, "name", found == NULL ? NULL : found->name);
}

void api_json_unit(struct api_json *json, uint32_t unit)
{
    if (unit == WIRE_UNIT_NONE || unit >= WIRE_UNIT_END)
        return;
    api_json_text(json, "unit", wire_unit_id(unit));
    api_json_text(json, "unit_zh", wire_unit_zh(unit));
    api_json_text(json, "unit_en", wire_unit_en(unit));
}

void api_json_raw(struct api_json *json, const char *key, const char *value, size_t size)
{
    before(json, key);
    wire_text_add(&json->text, value, size);
}

void api_json_message(struct api_json *json, const char *key, const ProtobufCMessage *message,
                      const struct wire_redaction *redaction)
{
    before(json, key);
    wire_json_write(&json->text, message, redaction);
}

void api_json_enum(struct api_json *json, const char *key, const ProtobufCEnumDescriptor *type, int value)
{
    char name[WIRE_ENUM_NAME];
    api_json_text(json, key, wire_enum_name(type, value, name));
}
