#include "node/cli/words.h"
#include "node/cli/call.h"
#include "rules/words.h"
#include "wire/label.h"
#include "wire/lane.h"
#include "wire/region.h"
#include "wire/time.h"
#include "wire/unit.h"
#include <string.h>

struct word {
    const char *id, *zh, *en;
};

/* clang-format off */
static const struct word states[] = {
    {"queued", "待发", "queued"},             {"held", "暂缓", "held"},           {"sent", "已发出", "sent"},
    {"admitted", "已接收", "admitted"},       {"refused", "被拒", "refused"},     {"duplicate", "重复", "duplicate"},
    {"expired", "已失效", "expired"},         {"withdrawn", "已撤回", "withdrawn"}, {"replaced", "已换发", "replaced"},
    {"new", "未签收", "new"},                 {"signed-for", "已签收", "signed for"}, {"answered", "已反馈", "answered"},
    {"closed", "已办结", "closed"},           {"arrived", "已送达", "arrived"},
    {"arrived-unreadable", "送达但无法读取", "arrived, unreadable"}, {"rejected", "对方拒收", "rejected"},
};
static const struct word link_states[] = {
    {"up", "正常", "up"}, {"degraded", "受限", "degraded"}, {"down", "中断", "down"},
};
static const struct word realities[] = {
    {"actual", "", ""}, {"exercise", "【演练】", "[EXERCISE] "}, {"test", "【测试】", "[TEST] "},
};
static const struct word actions[] = {{"issue", "发布", "issue"}, {"update", "更新", "update"}, {"cancel", "撤销", "cancel"}};
/* clang-format on */

#define COUNT(list) (sizeof(list) / sizeof *(list))

static const char *find(const struct word *words, size_t count, enum wire_language language, const char *id)
{
    for (size_t i = 0; id != NULL && i < count; i++)
        if (strcmp(words[i].id, id) == 0)
            return language == WIRE_CHINESE ? words[i].zh : words[i].en;
    return id == NULL ? "" : id;
}

const char *cli_state_word(enum wire_language language, const char *state)
{
    return find(states, COUNT(states), language, state);
}

bool cli_is_owed(const json_t *envelope)
{
    const json_t *terms = cli_at(envelope, "disposition.terms");
    return cli_flag_at(envelope, "owes") && (terms == NULL || json_array_size(terms) > 0);
}

const char *cli_envelope_state(enum wire_language language, const json_t *envelope)
{
    const char *state = cli_text_at(envelope, "state");
    bool received = cli_at(envelope, "owes") != NULL;
    if (received && !cli_is_owed(envelope) && state != NULL && strcmp(state, "new") == 0)
        return language == WIRE_CHINESE ? "无须签收" : "nothing owed";
    return cli_state_word(language, state);
}

const char *cli_link_word(enum wire_language language, const char *state)
{
    return find(link_states, COUNT(link_states), language, state);
}

const char *cli_action_word(enum wire_language language, const char *action)
{
    return find(actions, COUNT(actions), language, action);
}

const char *cli_reality_mark(enum wire_language language, const json_t *envelope)
{
    const char *status = cli_text_at(envelope, "status");
    if (status == NULL)
        return language == WIRE_CHINESE ? "【性质不明】" : "[UNKNOWN] ";
    return find(realities, COUNT(realities), language, status);
}

void cli_region_text(struct wire_text *out, enum wire_language language, uint32_t region)
{
    const struct wire_region *found = wire_region_find(region);
    if (region == WIRE_REGION_BROKER)
        wire_text_string(out, language == WIRE_CHINESE ? "交换中心" : "the broker");
    else
        wire_text_format(out, "%06u%s%s", region, found == NULL ? "" : " ", found == NULL ? "" : found->name);
}

void cli_place_text(struct wire_text *out, enum wire_language language, const json_t *place)
{
    const char *unit = cli_text_at(place, "unit");
    uint32_t number = unit == NULL ? 0 : wire_unit_parse(unit);
    cli_region_text(out, language, (uint32_t)cli_number_at(place, "region"));
    if (number != 0)
        wire_text_format(out, " %s", language == WIRE_CHINESE ? wire_unit_zh(number) : wire_unit_en(number));
}

void cli_places_text(struct wire_text *out, enum wire_language language, const json_t *places)
{
    size_t i;
    json_t *place;
    json_array_foreach((json_t *)(uintptr_t)places, i, place)
    {
        if (i > 0)
            wire_text_string(out, language == WIRE_CHINESE ? "、" : ", ");
        cli_place_text(out, language, place);
    }
}

const char *cli_time(const char *iso, char out[CLI_TIME_TEXT])
{
    int64_t ms;
    if (iso == NULL)
        return "";
    if (wire_time_parse(iso, strlen(iso), &ms))
        return wire_time_text(ms, out);
    snprintf(out, CLI_TIME_TEXT, "%s", iso);
    return out;
}

const char *cli_enum_word(enum wire_language language, const ProtobufCEnumDescriptor *type, const char *word)
{
    int value;
    if (word == NULL || !wire_enum_parse(type, word, strlen(word), &value))
        return word == NULL ? "" : word;
    struct wire_label label = wire_enum_label(type, value);
    return language == WIRE_CHINESE ? label.zh : label.en;
}

const char *cli_lane_word(enum wire_language language, const char *lane)
{
    Wire__Lane value;
    if (lane == NULL || !wire_lane_parse(lane, &value))
        return lane == NULL ? "" : lane;
    return rules_say(rules_lane_spelling(value), language);
}

const char *cli_duty_word(enum wire_language language, const char *duty)
{
    return cli_enum_word(language, &wire__duty__descriptor, duty);
}
