#include "command.h"

#include "link/http_client.h"
#include "wire/time.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

struct command {
    const char *name, *method, *target;
    const char *argument; /* NULL: none; "ADCODE": goes to the end of target; else it must be given literally */
};

static const struct command commands[] = {
    {"status", "GET", "/v1/status", NULL},
    {"links", "GET", "/v1/links", NULL},
    {"reload", "POST", "/v1/operator/reload", NULL},
    {"accept-fork", "POST", "/v1/operator/accept-fork/", "ADCODE"},
    {"recover", "POST", "/v1/operator/recover", "--accept-loss"},
};

static const struct command *find(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        const struct command *command = &commands[i];
        if (strcmp(command->name, argv[0]) != 0 || argc != (command->argument == NULL ? 1 : 2))
            continue;
        bool adcode = command->argument != NULL && strcmp(command->argument, "ADCODE") == 0;
        if (command->argument == NULL || (adcode && wire_region_parse(argv[1], strlen(argv[1])) != 0) ||
            strcmp(command->argument, argv[1]) == 0)
            return command;
    }
    return NULL;
}

/* --- for people: the region's name stands last, so that its width does not matter ----------------------------------
 */

static long long number_of(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

static const char *since_of(const json_t *object, const char *key, char out[WIRE_TIME_TEXT])
{
    const char *iso = text_of(object, key);
    int64_t ms;
    return wire_time_parse(iso, strlen(iso), &ms) ? wire_time_text(ms, out) : "-";
}

/* Depth of all lanes, and the oldest envelope that waits in any. */
static long long depth_of(const json_t *link, char oldest[WIRE_TIME_TEXT])
{
    const json_t *lanes = json_object_get(link, "lanes"), *lane;
    const char *first = "";
    long long depth = 0;
    size_t i;
    json_array_foreach(lanes, i, lane)
    {
        const char *at = text_of(lane, "oldest");
        depth += number_of(lane, "depth");
        if (at[0] != '\0' && (first[0] == '\0' || strcmp(at, first) < 0))
            first = at;
    }
    int64_t ms;
    if (!wire_time_parse(first, strlen(first), &ms))
        strcpy(oldest, "-");
    else
        wire_time_text(ms, oldest);
    return depth;
}

static void print_links(const json_t *body, bool zh)
{
    const json_t *links = json_object_get(body, "links"), *link;
    size_t i;
    printf(zh ? "地区    状态      自                  往返ms  钟差ms    排队  最早排队          政策摘要        名称\n"
              : "Region  State     Since             RTT ms  Offset  Queued  Oldest queued     Policy          Name\n");
    json_array_foreach(links, i, link)
    {
        char since[WIRE_TIME_TEXT], oldest[WIRE_TIME_TEXT];
        long long depth = depth_of(link, oldest);
        printf("%s  %-8s  %-16s  %6lld  %6lld  %6lld  %-16s  %-1s %.12s  %s\n", text_of(link, "region"),
               text_of(link, "state"), since_of(link, "since", since), number_of(link, "rtt_ms"),
               number_of(link, "offset_ms"), depth, oldest,
               json_is_true(json_object_get(link, "policy_same")) ? "=" : "!", text_of(link, "policy_digest"),
               text_of(link, "name"));
    }
}

static void print_status(const json_t *body, bool zh)
{
    printf(zh ? "系统 %s，账本 %s 第 %lld 世代，已判定批次 %lld\n"
              : "installation %s, ledger %s generation %lld, batches judged %lld\n",
           text_of(body, "installation"), text_of(body, "ledger"), number_of(body, "generation"),
           number_of(body, "serial"));
    printf(zh ? "受理：%s（%s）；政策第 %lld 版，目录 %lld，吊销列表 %s\n"
              : "admitting: %s (%s); policy %lld, directory %lld, revocation list %s\n",
           json_is_true(json_object_get(body, "admitting")) ? (zh ? "是" : "yes") : (zh ? "否" : "no"),
           text_of(body, "reason"), number_of(body, "policy_version"), number_of(body, "directory_epoch"),
           text_of(body, "crl"));
    printf(zh ? "会话 %lld / %lld；启动以来受理 %lld，拒绝 %lld，重复 %lld，失效 %lld，送达 %lld\n"
              : "sessions %lld of %lld; since the start: admitted %lld, refused %lld, duplicate %lld, expired %lld, "
                "arrived %lld\n",
           number_of(body, "sessions"), number_of(body, "regions"), number_of(body, "admitted"),
           number_of(body, "refused"), number_of(body, "duplicates"), number_of(body, "expired"),
           number_of(body, "arrived"));
}

static void print_answer(const struct command *command, const struct link_http_answer *answer, bool zh)
{
    json_t *body = json_loadb((const char *)answer->body, answer->size, 0, NULL);
    if (body == NULL)
        fwrite(answer->body, 1, answer->size, stdout);
    else if (strcmp(command->name, "links") == 0)
        print_links(body, zh);
    else if (strcmp(command->name, "status") == 0)
        print_status(body, zh);
    else
        printf("%s\n", text_of(body, zh ? "zh" : "en"));
    json_decref(body);
}

int broker_command(const struct link_broker_config *config, int argc, char **argv)
{
    bool json = strcmp(argv[0], "--json") == 0;
    if (json && argc == 1)
        return EX_USAGE;
    const struct command *command = find(argc - json, argv + json);
    if (command == NULL)
        return EX_USAGE;
    bool zh = config->log.language == WIRE_CHINESE;
    if (config->http.unix_path == NULL) {
        fprintf(stderr, "%s\n",
                zh ? "配置中 http 不是 Unix 套接字路径，无法下达操作命令"
                   : "http in the configuration is no Unix socket: operator commands need one");
        return EX_CONFIG;
    }
    char target[128];
    snprintf(target, sizeof(target), "%s%s", command->target,
             command->argument != NULL && strcmp(command->argument, "ADCODE") == 0 ? argv[argc - 1] : "");
    struct link_http_call call = {.unix_path = config->http.unix_path, .method = command->method, .target = target};
    struct link_http_answer answer = {0};
    struct wire_problem problem = {0};
    if (link_http_call(&call, &answer, &problem) != WIRE_OK) {
        fprintf(stderr, "lianfang-broker: %s: %s\n", config->http.unix_path, zh ? problem.zh : problem.en);
        return EX_UNAVAILABLE;
    }
    if (json)
        fwrite(answer.body, 1, answer.size, stdout);
    else
        print_answer(command, &answer, zh);
    int code = answer.status < 300 ? EX_OK : answer.status == 404 ? EX_NOINPUT : EX_DATAERR;
    link_http_answer_close(&answer);
    return code;
}
