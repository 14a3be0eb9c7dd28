#include "command.h"

#include "link/http_client.h"

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

int broker_command(const struct link_broker_config *config, int argc, char **argv)
{
    const struct command *command = find(argc, argv);
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
             command->argument != NULL && strcmp(command->argument, "ADCODE") == 0 ? argv[1] : "");
    struct link_http_call call = {.unix_path = config->http.unix_path, .method = command->method, .target = target};
    struct link_http_answer answer = {0};
    struct wire_problem problem = {0};
    if (link_http_call(&call, &answer, &problem) != WIRE_OK) {
        fprintf(stderr, "lianfang-broker: %s: %s\n", config->http.unix_path, zh ? problem.zh : problem.en);
        return EX_UNAVAILABLE;
    }
    fwrite(answer.body, 1, answer.size, stdout);
    int code = answer.status < 300 ? EX_OK : answer.status == 404 ? EX_NOINPUT : EX_DATAERR;
    link_http_answer_close(&answer);
    return code;
}
