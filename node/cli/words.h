/* Words of answers that are not field values: states, regions with their names, addressees, times. */
#pragma once
#include "node/cli/cli.h"
#include "wire/json.h"
#include <jansson.h>

/* "admitted" → "已接收"; the word itself when it is not known. */
const char *cli_state_word(enum wire_language language, const char *state);
/* Must somebody sign for it? Copies, answers and notices of the broker owe their arrival only. */
bool cli_is_owed(const json_t *envelope);
/* The state of an envelope, of either box. */
const char *cli_envelope_state(enum wire_language language, const json_t *envelope);
/* "up" → "正常". */
const char *cli_link_word(enum wire_language language, const char *state);
/* {"region", "name", "unit"…} → "330300 温州市 疾控中心". */
void cli_place_text(struct wire_text *out, enum wire_language language, const json_t *place);
/* Several, separated. */
void cli_places_text(struct wire_text *out, enum wire_language language, const json_t *places);
/* "310000 上海市"; "交换中心" / "the broker" for 0. */
void cli_region_text(struct wire_text *out, enum wire_language language, uint32_t region);
/* "2020-02-07T10:00:30+08:00" → "2020-02-07 10:00" (zone of Shanghai); as it is when it is no time; "" for NULL. */
enum { CLI_TIME_TEXT = 64 };
const char *cli_time(const char *iso, char out[CLI_TIME_TEXT]);
/* The member's value as its enum's label: "urgent" → "加急"; the word itself when it is none. */
const char *cli_enum_word(enum wire_language language, const ProtobufCEnumDescriptor *type, const char *word);
/* Words of the header: lane, urgency, reality (actual exercise test), action, duty. */
const char *cli_lane_word(enum wire_language language, const char *lane);
const char *cli_action_word(enum wire_language language, const char *action);
const char *cli_duty_word(enum wire_language language, const char *duty);
/* "【测试】", "[TEST]" before everything that is not actual; "" for an envelope that says it is actual; one that says
 * nothing is marked too. */
const char *cli_reality_mark(enum wire_language language, const json_t *envelope);
