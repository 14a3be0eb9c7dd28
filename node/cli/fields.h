/* "field=value" words into the JSON of a payload: `title=…`, `common.title=…`, `conveyance[1].travel_day=2020-02-03`,
 * `病例编号=…`. Names are those of the schema or their Chinese or English labels; entries of lists count from 1; a
 * field of `common` may be named without it. Values stay text: the API reads every form that a person writes
 * (link/json.h) and says what is wrong with it. */
#pragma once
#include "wire/status.h"
#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

/* One word into `payload`, an object that is changed in place. A list of plain values without an index takes all of
 * "find,feedback" and replaces nothing: it appends. INVALID, UNKNOWN_FIELD with the nearest name. */
enum wire_status cli_field_set(json_t *payload, const ProtobufCMessageDescriptor *type, const char *word,
                               struct wire_problem *problem);
