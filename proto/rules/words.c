#include "rules/words.h"
#include "wire/ensure.h"
#include <string.h>

static const struct rules_spelling who_words[] = {
    {RULES_MEMBERS, "members", "成员", "the members"},
    {RULES_LIAISONS, "liaisons", "联络方", "the liaisons"},
    {RULES_COORDINATOR, "coordinator", "牵头方", "the coordinator"},
    {RULES_SEAT, "seat", "办事机构", "the seat"},
    {RULES_CONCERNED, "concerned", "关联地区", "the region concerned"},
    {RULES_NAMED, "named", "指定地区", "the region named"},
    {RULES_PAIRED, "paired", "对口支援省份", "the paired provinces"},
    {RULES_UPPER, "upper", "上级", "the upper level"},
    {RULES_LOWER, "lower", "下级", "the lower levels"},
    {RULES_REGION, NULL, NULL, NULL},
};

const struct rules_spelling rules_lane_words[] = {
    {WIRE__LANE__FLASH, "flash", "特急", "flash"},
    {WIRE__LANE__URGENT, "urgent", "加急", "urgent"},
    {WIRE__LANE__ROUTINE, "routine", "平件", "routine"},
    {WIRE__LANE__BULK, "bulk", "批量", "bulk"},
    {0, NULL, NULL, NULL},
};

const struct rules_spelling rules_duty_words[] = {
    {WIRE__DUTY__SIGN_FOR, "sign for", "签收", "sign for"},
    {WIRE__DUTY__FIRST_FEEDBACK, "first feedback", "首次反馈", "first feedback"},
    {WIRE__DUTY__CLOSE, "close", "办结", "close"},
    {0, NULL, NULL, NULL},
};

const struct rules_spelling rules_urgency_words[] = {
    {WIRE__URGENCY__URGENCY_UNKNOWN, "unknown", "未定", "unknown"},
    {WIRE__URGENCY__IMMEDIATE, "immediate", "立即", "immediate"},
    {WIRE__URGENCY__EXPECTED, "expected", "预期", "expected"},
    {WIRE__URGENCY__FUTURE, "future", "将来", "future"},
    {WIRE__URGENCY__PAST, "past", "已过", "past"},
    {0, NULL, NULL, NULL},
};

const struct rules_spelling rules_status_words[] = {
    {WIRE__STATUS__ACTUAL, "actual", "实际", "actual"},
    {WIRE__STATUS__EXERCISE, "exercise", "演练", "exercise"},
    {WIRE__STATUS__TEST, "test", "测试", "test"},
    {0, NULL, NULL, NULL},
};

const struct rules_spelling rules_action_words[] = {
    {WIRE__ACTION__ISSUE, "issue", "发布", "issue"},
    {WIRE__ACTION__UPDATE, "update", "更新", "update"},
    {WIRE__ACTION__CANCEL, "cancel", "撤销", "cancel"},
    {0, NULL, NULL, NULL},
};

static const struct rules_spelling source_words[] = {
    {'S', "S", "机制文件", "the mechanism's documents"},
    {'L', "L", "法律法规", "law or regulation"},
    {'P', "P", "公开做法", "published practice"},
    {'D', "D", "本系统默认值", "a default of this installation"},
    {0, NULL, NULL, NULL},
};

uint32_t rules_spelling_parse(const struct rules_spelling *list, const char *text, size_t size, uint32_t none)
{
    for (; list->id != NULL; list++) {
        if (strlen(list->id) == size && memcmp(list->id, text, size) == 0)
            return list->number;
        if (strlen(list->zh) == size && memcmp(list->zh, text, size) == 0)
            return list->number;
    }
    return none;
}

static const struct rules_spelling *find(const struct rules_spelling *list, uint32_t number)
{
    for (; list->id != NULL; list++)
        if (list->number == number)
            return list;
    return NULL;
}

static const struct rules_spelling *must_find(const struct rules_spelling *list, uint32_t number)
{
    const struct rules_spelling *word = find(list, number);
    ENSURE(word != NULL);
    return word;
}

uint32_t rules_who_parse(const char *text)
{
    return rules_spelling_parse(who_words, text, strlen(text), 0);
}

const struct rules_spelling *rules_who_spelling(enum rules_who who)
{
    return must_find(who_words, (uint32_t)who);
}

const struct rules_spelling *rules_lane_spelling(Wire__Lane lane)
{
    return must_find(rules_lane_words, (uint32_t)lane);
}

const struct rules_spelling *rules_duty_spelling(Wire__Duty duty)
{
    return must_find(rules_duty_words, (uint32_t)duty);
}

const struct rules_spelling *rules_urgency_spelling(Wire__Urgency urgency)
{
    return must_find(rules_urgency_words, (uint32_t)urgency);
}

const struct rules_spelling *rules_status_spelling(Wire__Status status)
{
    return must_find(rules_status_words, (uint32_t)status);
}

const struct rules_spelling *rules_action_spelling(Wire__Action action)
{
    return must_find(rules_action_words, (uint32_t)action);
}

const struct rules_spelling *rules_source_spelling(char source)
{
    return find(source_words, (uint32_t)(unsigned char)source);
}
