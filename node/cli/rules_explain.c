/* lianfang rules explain: the mechanisms read aloud; or why one notice would go where it goes. */
#include "node/cli/command.h"
#include "node/cli/compose.h"
#include "node/cli/policy_paths.h"
#include "node/cli/say.h"
#include "rules/explain.h"
#include "rules/words.h"
#include "wire/ensure.h"
#include "wire/label.h"
#include "wire/region.h"
#include "wire/time.h"
#include "wire/unit.h"
#include <stdlib.h>
#include <string.h>

enum { ENROLLED_MAX = 4096 };

struct asking {
    const struct cli *cli;
    struct rules_question question;
    struct rules_decision decision;
    Wire__Address address[2 * WIRE_ADDRESSES_MAX];
    Wire__Address *to[WIRE_ADDRESSES_MAX], *cc[WIRE_ADDRESSES_MAX];
    uint32_t concerns[WIRE_ADDRESSES_MAX];
    size_t addresses;
    uint32_t enrolled[ENROLLED_MAX];
    size_t enrolled_count;
    bool all_enrolled;
};

static int read_address(const struct cli *cli, const char *where, const char *text, uint32_t *region, uint32_t *unit)
{
    char name[128];
    const char *slash = strchr(text, '/');
    size_t size = slash == NULL ? strlen(text) : (size_t)(slash - text);
    snprintf(name, sizeof name, "%.*s", (int)(size < 127 ? size : 127), text);
    if (size > 0)
        *region = cli_region(cli, where, name);
    if (*region == 0)
        return CLI_USAGE;
    *unit = slash == NULL ? *unit : wire_unit_parse(slash + 1);
    if (slash != NULL && *unit == WIRE_UNIT_NONE)
        return cli_fail_usage(cli, where, "没有单位“%s”", "there is no unit \"%s\"", slash + 1);
    return CLI_OK;
}

static int take_address(struct asking *asking, const char *where, const char *text, Wire__Address **list, size_t *count)
{
    if (*count == WIRE_ADDRESSES_MAX)
        return cli_fail_usage(asking->cli, where, "过多", "too many");
    Wire__Address *address = &asking->address[asking->addresses++];
    wire__address__init(address);
    int code = read_address(asking->cli, where, text, &address->region, &address->unit);
    address->has_unit = address->unit != 0;
    list[(*count)++] = address;
    return code;
}

static int take_to(void *context, const char *text)
{
    struct asking *asking = context;
    return take_address(asking, "--to", text, asking->to, &asking->question.to_count);
}

static int take_cc(void *context, const char *text)
{
    struct asking *asking = context;
    return take_address(asking, "--cc", text, asking->cc, &asking->question.cc_count);
}

static int take_concerned(void *context, const char *text)
{
    struct asking *asking = context;
    size_t *count = &asking->question.concerns_count;
    if (*count == WIRE_ADDRESSES_MAX)
        return cli_fail_usage(asking->cli, "--concerns", "过多", "too many");
    asking->concerns[*count] = cli_region(asking->cli, "--concerns", text);
    return asking->concerns[(*count)++] == 0 ? CLI_USAGE : CLI_OK;
}

static int take_enrolled(void *context, const char *text)
{
    struct asking *asking = context;
    if (strcmp(text, "all") == 0) {
        asking->all_enrolled = true;
        return CLI_OK;
    }
    if (asking->enrolled_count == ENROLLED_MAX)
        return cli_fail_usage(asking->cli, "--enrolled", "过多", "too many");
    asking->enrolled[asking->enrolled_count] = cli_region(asking->cli, "--enrolled", text);
    return asking->enrolled[asking->enrolled_count++] == 0 ? CLI_USAGE : CLI_OK;
}

static bool is_enrolled(void *context, uint32_t region)
{
    const struct asking *asking = context;
    for (size_t i = 0; i < asking->enrolled_count; i++)
        if (asking->enrolled[i] == region)
            return true;
    return asking->all_enrolled;
}

static int read_time(const struct cli *cli, const char *where, const char *text, int64_t *out)
{
    if (text == NULL || wire_time_parse(text, strlen(text), out))
        return CLI_OK;
    return cli_fail_usage(cli, where, "“%s”不是时间，例如 2020-02-08T10:00",
                          "\"%s\" is no time; write it like "
                          "2020-02-08T10:00",
                          text);
}

static int read_word(const struct cli *cli, const char *where, const ProtobufCEnumDescriptor *type, const char *text,
                     int *out)
{
    if (text == NULL || wire_enum_parse(type, text, strlen(text), out))
        return CLI_OK;
    return cli_fail_usage(cli, where, "没有“%s”这个取值", "there is no \"%s\"", text);
}

static int read_lists(struct asking *asking)
{
    const struct cli_options *options = &asking->cli->options;
    struct rules_question *q = &asking->question;
    int code = cli_list_each(&options->to, take_to, asking);
    code = code == CLI_OK ? cli_list_each(&options->cc, take_cc, asking) : code;
    code = code == CLI_OK ? cli_list_each(&options->concerns, take_concerned, asking) : code;
    code = code == CLI_OK ? cli_list_each(&options->enrolled, take_enrolled, asking) : code;
    q->to = asking->to;
    q->cc = asking->cc;
    q->concerns = asking->concerns;
    asking->all_enrolled = asking->all_enrolled || options->enrolled.count == 0;
    return code;
}

static int read_question(struct asking *asking)
{
    const struct cli *cli = asking->cli;
    const struct cli_options *options = &cli->options;
    struct rules_question *q = &asking->question;
    int status = WIRE__STATUS__ACTUAL, urgency = WIRE__URGENCY__EXPECTED;
    const struct wire_kind *kind = cli_kind(cli, options->kind);
    if (kind == NULL)
        return CLI_USAGE;
    if (options->origin == NULL)
        return cli_fail_usage(cli, "--origin", "请指定发送地区", "name the region that sends");
    q->kind = kind->number;
    q->origin = q->issuer_region = cli_region(cli, "--origin", options->origin);
    q->issuer_unit = WIRE_UNIT_COMMAND;
    q->form = kind->persons ? WIRE__PAYLOAD_FORM__SEALED : WIRE__PAYLOAD_FORM__CLEAR;
    int code = q->origin == 0 ? CLI_USAGE : CLI_OK;
    if (code == CLI_OK && options->issuer != NULL)
        code = read_address(cli, "--issuer", options->issuer, &q->issuer_region, &q->issuer_unit);
    q->now_ms = cli->world->now_ms(cli->world->context);
    code = code == CLI_OK ? read_time(cli, "--at", options->at, &q->now_ms) : code;
    code = code == CLI_OK ? read_time(cli, "--due", options->due, &q->due_ms) : code;
    code = code == CLI_OK ? read_time(cli, "--expires", options->expires, &q->expires_ms) : code;
    code = code == CLI_OK ? read_word(cli, "--status", &wire__status__descriptor, options->status, &status) : code;
    code = code == CLI_OK ? read_word(cli, "--urgency", &wire__urgency__descriptor, options->urgency, &urgency) : code;
    q->created_ms = q->now_ms;
    q->status = (Wire__Status)status;
    q->urgency = (Wire__Urgency)urgency;
    q->mechanism = options->mechanism;
    q->mechanism_reason = options->reason != NULL;
    q->preview = true;
    q->enrolled = is_enrolled;
    q->context = asking;
    return code == CLI_OK ? read_lists(asking) : code;
}

static int explain_one(struct cli *cli, const struct rules_policy *policy)
{
    struct asking *asking = calloc(1, sizeof *asking);
    struct wire_text text = {.grow = realloc};
    ENSURE(asking != NULL);
    asking->cli = cli;
    int code = read_question(asking);
    if (code == CLI_OK) {
        enum wire_status verdict = rules_decide(policy, &asking->question, &asking->decision);
        rules_explain_text(&text, policy, &asking->question, &asking->decision, cli->language);
        cli_flush(cli, &text);
        code = verdict == WIRE_OK ? CLI_OK : CLI_DATA;
    }
    free(asking);
    return code;
}

int cli_rules_explain(struct cli *cli)
{
    struct rules_policy *policy;
    struct wire_text text = {.grow = realloc};
    int code = cli_policy_load(cli, cli->options.word, cli->options.words, &policy);
    if (code == CLI_OK && cli->options.kind != NULL)
        code = explain_one(cli, policy);
    else if (code == CLI_OK)
        for (uint32_t i = 0; i < rules_policy_count(policy); i++)
            rules_mechanism_text(&text, rules_policy_at(policy, i), cli->language);
    cli_flush(cli, &text);
    link_policy_free(&policy);
    return code;
}
