/* JSON out, piece by piece: the writer puts the commas. The inverse is link/json.h. */
#pragma once
#include "wire/id.h"
#include "wire/json.h"

/* Zero-initialise with text.grow set (api_json_start). Keys are literals; NULL inside a list. */
struct api_json {
    struct wire_text text;
    bool comma; /* something stands before the next value on this level */
};

void api_json_start(struct api_json *json);
/* Frees the text. */
void api_json_close(struct api_json *json);

void api_json_open(struct api_json *json, const char *key);                    /* { */
void api_json_list(struct api_json *json, const char *key);                    /* [ */
void api_json_end(struct api_json *json);                                      /* } */
void api_json_list_end(struct api_json *json);                                 /* ] */
void api_json_text(struct api_json *json, const char *key, const char *value); /* NULL: nothing is written */
void api_json_bytes(struct api_json *json, const char *key, const char *value, size_t size);
void api_json_number(struct api_json *json, const char *key, int64_t value);
void api_json_unsigned(struct api_json *json, const char *key, uint64_t value);
void api_json_bool(struct api_json *json, const char *key, bool value);
void api_json_time(struct api_json *json, const char *key, int64_t ms);  /* "2020-02-07T10:00:30+08:00" */
void api_json_day(struct api_json *json, const char *key, uint32_t day); /* "2020-02-07"; 0: nothing */
void api_json_id(struct api_json *json, const char *key, const uint8_t *id);
void api_json_number_text(struct api_json *json, const char *key, struct wire_number number);
void api_json_hex(struct api_json *json, const char *key, const uint8_t *data, size_t size);
/* "region": 330300, "name": "温州市" */
void api_json_region(struct api_json *json, uint32_t region);
/* "unit": "cdc", "unit_zh": "疾控中心", "unit_en": "CDC"; nothing for 0. */
void api_json_unit(struct api_json *json, uint32_t unit);
/* A JSON text as it is. */
void api_json_raw(struct api_json *json, const char *key, const char *value, size_t size);
void api_json_message(struct api_json *json, const char *key, const ProtobufCMessage *message,
                      const struct wire_redaction *redaction);
/* The value's name: "extra-urgent". */
void api_json_enum(struct api_json *json, const char *key, const ProtobufCEnumDescriptor *type, int value);
