/* The JSON writer: exact text, equal for equal messages. */
#include "payload_make.h"
#include "schema/frame.pb-c.h"
#include "wire/json.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char *written(const ProtobufCMessage *message)
{
    struct wire_text text = {.grow = realloc};
    wire_json_write(&text, message, NULL);
    cr_assert_not(text.cut);
    cr_assert_eq(strlen(text.data), text.size);
    return text.data;
}

static void writes(const ProtobufCMessage *message, const char *expected)
{
    char *text = written(message);
    cr_assert_str_eq(text, expected);
    free(text);
}

Test(json_write, leaves_out_what_is_absent)
{
    Wire__ContactNotice notice = WIRE__CONTACT_NOTICE__INIT;
    writes(&notice.base, "{}");
    notice.has_age = 1;
    writes(&notice.base, "{\"age\":0}");
    notice.case_no = "";
    writes(&notice.base, "{\"case_no\":\"\",\"age\":0}");
}

Test(json_write, enums_times_days_lists_and_messages)
{
    struct payload_notice made;
    Wire__ContactNotice *notice = payload_make_notice(&made);
    notice->common = NULL;
    notice->n_person = notice->n_place = 0;
    made.conveyance.has_departed_ms = 1;
    made.conveyance.departed_ms = INT64_C(1580781600000);
    writes(
        &notice->base,
        "{\"type\":\"named\",\"case_no\":\"0591000001\",\"case_class\":\"confirmed\",\"confirmed_day\":\"2020-02-06\","
        "\"conveyance\":[{\"mode\":\"high-speed-train\",\"number\":\"G7305\",\"travel_day\":\"2020-02-04\","
        "\"from_region\":420100,\"to_region\":330400,\"departed_ms\":\"2020-02-04T10:00:00+08:00\",\"contacts\":5}],"
        "\"to_check\":3,\"ask\":[\"find\",\"isolate\"],\"observe_until_day\":\"2020-02-19\"}");
}

Test(json_write, impossible_days_times_and_values_as_numbers)
{
    Wire__ContactNotice notice = WIRE__CONTACT_NOTICE__INIT;
    notice.has_onset_day = notice.has_type = 1;
    notice.onset_day = 20200230;
    notice.type = (Wire__ContactNotice__Type)99;
    writes(&notice.base, "{\"type\":99,\"onset_day\":20200230}");
    Wire__Acknowledgement acknowledgement = WIRE__ACKNOWLEDGEMENT__INIT;
    acknowledgement.has_at_ms = 1;
    acknowledgement.at_ms = INT64_MIN;
    writes(&acknowledgement.base, "{\"at_ms\":\"-9223372036854775808\"}");
}

Test(json_write, numbers_that_javascript_would_round_are_texts)
{
    Wire__PolicyNotice policy = WIRE__POLICY_NOTICE__INIT;
    policy.has_version = 1;
    policy.version = UINT64_C(1) << 53;
    writes(&policy.base, "{\"version\":9007199254740992}");
    policy.version++;
    writes(&policy.base, "{\"version\":\"9007199254740993\"}");
}

Test(json_write, short_bytes_as_hex_long_ones_as_base64)
{
    uint8_t bytes[34];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(250 + i);
    Wire__PolicyNotice policy = WIRE__POLICY_NOTICE__INIT;
    policy.has_digest = 1;
    policy.digest = (ProtobufCBinaryData){.len = 3, .data = bytes};
    writes(&policy.base, "{\"digest\":\"fafbfc\"}");
    policy.digest.len = 33;
    writes(&policy.base, "{\"digest\":\"+vv8/f7/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBka\"}");
    policy.digest.len = 34;
    writes(&policy.base, "{\"digest\":\"+vv8/f7/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw==\"}");
    policy.digest.len = 0;
    writes(&policy.base, "{\"digest\":\"\"}");
}

Test(json_write, texts_are_escaped)
{
    Wire__Acknowledgement made = WIRE__ACKNOWLEDGEMENT__INIT;
    made.desk = "“值班”\"室\"\\\n\t\r\x01\x7f/";
    writes(&made.base, "{\"desk\":\"“值班”\\\"室\\\"\\\\\\n\\t\\r\\u0001\\u007f/\"}");
}

Test(json_write, frames_too_with_one_of_and_stop_watches)
{
    Wire__Pulse pulse = WIRE__PULSE__INIT;
    Wire__Frame frame = WIRE__FRAME__INIT;
    pulse.serial = 7;
    pulse.mono_ms = 12;
    pulse.wall_ms = payload_now_ms;
    frame.body_case = WIRE__FRAME__BODY_PULSE;
    frame.pulse = &pulse;
    writes(&frame.base, "{\"pulse\":{\"serial\":7,\"mono_ms\":12,\"wall_ms\":\"2020-02-08T12:00:00+08:00\"}}");
}

static const char *show_path(void *context, const char *path, const ProtobufCFieldDescriptor *field, const char *value,
                             char *scratch, size_t scratch_size)
{
    struct wire_text *seen = context;
    (void)field;
    (void)scratch;
    (void)scratch_size;
    wire_text_format(seen, "%s=%s;", path, value);
    return strcmp(value, "测试某") == 0 ? "某人" : NULL;
}

Test(json_write, asks_the_redaction_about_personal_fields_only_with_their_path)
{
    struct payload_notice made;
    Wire__ContactNotice *notice = payload_make_notice(&made);
    char log[512] = "";
    struct wire_text seen = {.data = log, .capacity = sizeof log}, text = {.grow = realloc};
    struct wire_redaction redaction = {.context = &seen, .show = show_path};
    notice->n_person = 2;
    wire_json_write(&text, &notice->base, &redaction);
    cr_assert_str_eq(log, "person[1].name=测试某;person[1].phone=13800005678;"
                          "person[2].name=测试某;person[2].phone=13800005678;");
    cr_assert_not_null(strstr(text.data, "\"name\":\"某人\""));
    cr_assert_not_null(strstr(text.data, "\"phone\":\"13800005678\""), "NULL shows the value");
    cr_assert_null(strstr(text.data, "测试某"));
    free(text.data);
}

Test(json_text, a_fixed_text_is_cut_between_characters_and_stays_cut)
{
    char fixed[8];
    struct wire_text text = {.data = fixed, .capacity = sizeof fixed};
    wire_text_string(&text, "你好");
    cr_assert_not(text.cut);
    wire_text_string(&text, "啊");
    cr_assert(text.cut);
    cr_assert_str_eq(fixed, "你好");
    wire_text_string(&text, "x"); /* would fit, but there is a gap before it */
    cr_assert_str_eq(fixed, "你好");
}

Test(json_text, formats_longer_than_any_buffer)
{
    enum { LONG = 3000 };
    char word[LONG + 1];
    memset(word, 'w', LONG);
    word[LONG] = '\0';
    struct wire_text text = {.grow = realloc};
    wire_text_format(&text, "<%s>", word);
    cr_assert_eq(text.size, LONG + 2);
    cr_assert_eq(text.data[LONG + 1], '>');
    cr_assert_eq(text.data[text.size], '\0');
    free(text.data);
    char fixed[100];
    struct wire_text cut = {.data = fixed, .capacity = sizeof fixed};
    wire_text_format(&cut, "你%s", word);
    cr_assert(cut.cut);
    cr_assert_eq(cut.size, sizeof fixed - 1);
    cr_assert_eq(strlen(fixed), cut.size);
}

Test(json_text, without_memory_counts_nothing)
{
    struct wire_text text = {0};
    wire_text_string(&text, "x");
    wire_text_format(&text, "%d", 1);
    cr_assert(text.cut);
    cr_assert_eq(text.size, 0);
}

static void *refuse_to_grow(void *old, size_t size)
{
    (void)old;
    (void)size;
    return NULL;
}

Test(json_text, is_cut_when_memory_runs_out)
{
    struct wire_text text = {.grow = refuse_to_grow};
    wire_text_string(&text, "x");
    cr_assert(text.cut);
    cr_assert_null(text.data);
}
