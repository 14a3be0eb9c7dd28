#include "wire/json.h"
#include "wire/ensure.h"
#include "wire/label.h"
#include "wire/path.h"
#include "wire/time.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { BYTES_AS_HEX_MAX = 32, VALUE_TEXT = 128, REDACTED_TEXT = 1024 };
#define EXACT_IN_JAVASCRIPT ((int64_t)1 << 53)

struct writer {
    struct wire_text *out;
    const struct wire_redaction *redaction;
    struct wire_path path;
};

static void write_message(struct writer *w, const ProtobufCMessage *message);

/* --- numbers as text: out is filled, the result says whether it needs quotes --- */

static bool signed_text(int64_t value, char out[VALUE_TEXT])
{
    snprintf(out, VALUE_TEXT, "%" PRId64, value);
    return value > EXACT_IN_JAVASCRIPT || value < -EXACT_IN_JAVASCRIPT;
}

static bool unsigned_text(uint64_t value, char out[VALUE_TEXT])
{
    snprintf(out, VALUE_TEXT, "%" PRIu64, value);
    return value > (uint64_t)EXACT_IN_JAVASCRIPT;
}

/* 1900 to 9999: outside of it a number is clearer than a date that no calendar shows. */
static bool has_calendar(int64_t ms)
{
    return ms >= INT64_C(-2208988800000) && ms < INT64_C(253402272000000);
}

static bool time_text(int64_t ms, char out[VALUE_TEXT])
{
    if (!has_calendar(ms))
        return signed_text(ms, out);
    char iso[WIRE_TIME_TEXT];
    snprintf(out, VALUE_TEXT, "%s", wire_time_iso(ms, iso));
    return true;
}

static bool day_text(uint32_t day, char out[VALUE_TEXT])
{
    if (!wire_day_valid(day))
        return unsigned_text(day, out);
    snprintf(out, VALUE_TEXT, "%04u-%02u-%02u", day / 10000, day / 100 % 100, day % 100);
    return true;
}

/* Digits enough to read back the same number. */
static bool real_text(double value, char out[VALUE_TEXT])
{
    if (value != value || value > 1.7976931348623157e308 || value < -1.7976931348623157e308) {
        snprintf(out, VALUE_TEXT, "null");
        return false;
    }
    snprintf(out, VALUE_TEXT, "%.17g", value);
    char *comma = strchr(out, ','); /* a locale may have put one */
    if (comma != NULL)
        *comma = '.';
    return false;
}

static bool scalar_text(const ProtobufCFieldDescriptor *field, const void *at, char out[VALUE_TEXT])
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return signed_text(*(const int32_t *)at, out);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return wire_field_is_day(field) ? day_text(*(const uint32_t *)at, out)
                                        : unsigned_text(*(const uint32_t *)at, out);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return wire_field_is_time(field) ? time_text(*(const int64_t *)at, out)
                                         : signed_text(*(const int64_t *)at, out);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return unsigned_text(*(const uint64_t *)at, out);
    case PROTOBUF_C_TYPE_BOOL:
        snprintf(out, VALUE_TEXT, "%s", *(const protobuf_c_boolean *)at ? "true" : "false");
        return false;
    case PROTOBUF_C_TYPE_FLOAT:
        return real_text((double)*(const float *)at, out);
    case PROTOBUF_C_TYPE_DOUBLE:
        return real_text(*(const double *)at, out);
    case PROTOBUF_C_TYPE_ENUM: {
        char name[WIRE_ENUM_NAME];
        snprintf(out, VALUE_TEXT, "%s", wire_enum_name(field->descriptor, *(const int *)at, name));
        return protobuf_c_enum_descriptor_get_value(field->descriptor, *(const int *)at) != NULL;
    }
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        break;
    }
    ENSURE(false && "not a scalar");
    return false;
}

/* --- bytes --- */

static void write_hex(struct wire_text *out, const uint8_t *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++)
        wire_text_add(out, (char[]){digits[data[i] >> 4], digits[data[i] & 15]}, 2);
}

static void write_base64(struct wire_text *out, const uint8_t *data, size_t size)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        size_t have = size - i < 3 ? size - i : 3;
        unsigned bits = (unsigned)data[i] << 16;
        bits |= have > 1 ? (unsigned)data[i + 1] << 8 : 0;
        bits |= have > 2 ? (unsigned)data[i + 2] : 0;
        char four[4] = {letters[bits >> 18], letters[bits >> 12 & 63], letters[bits >> 6 & 63], letters[bits & 63]};
        for (size_t pad = have + 1; pad < 4; pad++)
            four[pad] = '=';
        wire_text_add(out, four, 4);
    }
}

static void write_bytes(struct wire_text *out, const ProtobufCBinaryData *bytes)
{
    wire_text_add(out, "\"", 1);
    if (bytes->len <= BYTES_AS_HEX_MAX)
        write_hex(out, bytes->data, bytes->len);
    else
        write_base64(out, bytes->data, bytes->len);
    wire_text_add(out, "\"", 1);
}

/* --- values, fields, messages --- */

static const char *redacted(struct writer *w, const ProtobufCFieldDescriptor *field, const char *value, char *scratch)
{
    const struct wire_field *row = w->redaction == NULL ? NULL : wire_field_of(field);
    if (row == NULL || row->mask == WIRE_MASK_NONE)
        return NULL;
    return w->redaction->show(w->redaction->context, w->path.en, field, value, scratch, REDACTED_TEXT);
}

static void write_text(struct writer *w, const char *text, bool quoted)
{
    if (quoted)
        wire_text_json_string(w->out, text, strlen(text));
    else
        wire_text_string(w->out, text);
}

static void write_value(struct writer *w, const ProtobufCFieldDescriptor *field, const void *at)
{
    char text[VALUE_TEXT], scratch[REDACTED_TEXT];
    const char *value = text;
    bool quoted = true;
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        write_message(w, *(ProtobufCMessage *const *)at);
        return;
    }
    if (field->type == PROTOBUF_C_TYPE_STRING)
        value = *(char *const *)at == NULL ? "" : *(char *const *)at;
    else if (field->type == PROTOBUF_C_TYPE_BYTES)
        value = ""; /* a mask has nothing to keep of bytes */
    else
        quoted = scalar_text(field, at, text);
    const char *instead = redacted(w, field, value, scratch);
    if (instead != NULL)
        write_text(w, instead, true);
    else if (field->type == PROTOBUF_C_TYPE_BYTES)
        write_bytes(w->out, at);
    else
        write_text(w, value, quoted);
}

static void write_field(struct writer *w, const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                        size_t count)
{
    bool list = field->label == PROTOBUF_C_LABEL_REPEATED;
    wire_text_json_string(w->out, field->name, strlen(field->name));
    wire_text_string(w->out, list ? ":[" : ":");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            wire_text_string(w->out, ",");
        struct wire_path_mark mark = wire_path_enter(&w->path, message->descriptor, field, list ? i + 1 : 0);
        write_value(w, field, wire_field_at(message, field, i));
        wire_path_leave(&w->path, mark);
    }
    if (list)
        wire_text_string(w->out, "]");
}

static void write_message(struct writer *w, const ProtobufCMessage *message)
{
    bool first = true;
    wire_text_string(w->out, "{");
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        size_t count = wire_field_count(message, field);
        if (count == 0)
            continue;
        if (!first)
            wire_text_string(w->out, ",");
        first = false;
        write_field(w, message, field, count);
    }
    wire_text_string(w->out, "}");
}

void wire_json_write(struct wire_text *out, const ProtobufCMessage *message, const struct wire_redaction *redaction)
{
    struct writer w = {.out = out, .redaction = redaction};
    write_message(&w, message);
}
