#include "node/cli/call.h"
#include "certs/file.h"
#include "certs/hash.h"
#include "link/http_client.h"
#include "node/cli/say.h"
#include "wire/ensure.h"
#include <stdlib.h>
#include <string.h>

enum { HOST_MAX = 64, TIMEOUT_MS = 60 * 1000 };
static const char DEFAULT_NODE[] = "unix:/run/lianfang/node.sock";

/* Where the node is and who asks. */
struct place {
    const char *unix_path;
    char host[HOST_MAX];
    uint16_t port;
    char token[CERT_PASSPHRASE_BYTES_MAX + 1];
};

static const char *setting(const struct cli *cli, const char *option, const char *variable)
{
    const char *value = option != NULL ? option : cli->world->variable(cli->world->context, variable);
    return value != NULL && *value != '\0' ? value : NULL;
}

static bool parse_url(const char *url, struct place *place)
{
    if (strncmp(url, "http://", 7) == 0)
        url += 7;
    const char *colon = strrchr(url, ':');
    if (colon == NULL)
        return false;
    const char *host = url;
    size_t size = (size_t)(colon - url);
    if (size >= 2 && host[0] == '[' && host[size - 1] == ']') {
        host++;
        size -= 2;
    }
    char *end;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (size == 0 || size >= HOST_MAX || port == 0 || port > 65535 || (*end != '\0' && strcmp(end, "/") != 0))
        return false;
    memcpy(place->host, host, size);
    place->host[size] = '\0';
    if (strcmp(place->host, "localhost") == 0)
        strcpy(place->host, "127.0.0.1");
    place->port = (uint16_t)port;
    return true;
}

static int find_place(const struct cli *cli, struct place *place)
{
    *place = (struct place){.unix_path = NULL};
    const char *node = setting(cli, cli->options.node, "LIANFANG_NODE");
    const char *token_file = setting(cli, cli->options.token_file, "LIANFANG_TOKEN_FILE");
    struct wire_problem problem = {.status = WIRE_OK};
    if (node == NULL)
        node = DEFAULT_NODE;
    if (strncmp(node, "unix:", 5) == 0)
        place->unix_path = node + 5;
    else if (node[0] == '/')
        place->unix_path = node;
    else if (!parse_url(node, place)) {
        cli_complain(cli, &(struct cli_complaint){.where = node,
                                                  .zh = "不是节点地址，例如 unix:/run/lianfang/node.sock 或 "
                                                        "http://127.0.0.1:7442",
                                                  .en = "no address of a node; write unix:/run/lianfang/node.sock or "
                                                        "http://127.0.0.1:7442"});
        return CLI_CONFIG;
    }
    if (token_file != NULL && cert_passphrase_read(token_file, place->token, &problem) != WIRE_OK) {
        cli_fail(cli, &problem);
        return CLI_CONFIG;
    }
    return CLI_OK;
}

static void fill_call(const struct cli *cli, const struct place *place, struct link_http_call *call)
{
    call->unix_path = place->unix_path;
    call->host = place->host;
    call->port = place->port;
    call->token = place->token[0] == '\0' ? NULL : place->token;
    call->language = cli_pick(cli, "zh", "en");
    call->timeout_ms = TIMEOUT_MS;
}

static int unreachable(const struct cli *cli, const struct wire_problem *problem)
{
    cli_complain(cli, &(struct cli_complaint){.status = wire_status_name(problem->status),
                                              .where = problem->where,
                                              .zh = problem->zh,
                                              .en = problem->en,
                                              .remedy_zh = "节点（lianfang-node）是否在运行？地址用 --node 或 "
                                                           "LIANFANG_NODE 指定",
                                              .remedy_en = "is the node (lianfang-node) running? Its address is given "
                                                           "by --node or LIANFANG_NODE"});
    return problem->status == WIRE_AGAIN ? CLI_AGAIN : CLI_UNREACHABLE;
}

/* What the node said is wrong. */
static int refused(const struct cli *cli, const struct cli_answer *answer)
{
    char status[32];
    struct cli_complaint complaint = {.status = cli_text_at(answer->json, "status"),
                                      .where = cli_text_at(answer->json, "where"),
                                      .zh = cli_text_at(answer->json, "zh"),
                                      .en = cli_text_at(answer->json, "en"),
                                      .remedy_zh = cli_text_at(answer->json, "remedy_zh"),
                                      .remedy_en = cli_text_at(answer->json, "remedy_en")};
    if (complaint.status == NULL) {
        snprintf(status, sizeof status, "HTTP %u", answer->http);
        complaint.status = status;
    }
    if (complaint.zh == NULL && complaint.en == NULL)
        complaint.zh = complaint.en = answer->size < 400 ? answer->raw : NULL;
    if (answer->http == 401 && complaint.remedy_zh == NULL) {
        complaint.remedy_zh = "用 --token-file 或 LIANFANG_TOKEN_FILE 指定您的令牌文件";
        complaint.remedy_en = "name your token's file with --token-file or LIANFANG_TOKEN_FILE";
    }
    cli_complain(cli, &complaint);
    return cli_exit_of_http(answer->http);
}

static int take_answer(const struct cli *cli, const struct cli_request *request, struct link_http_answer *from,
                       struct cli_answer *answer)
{
    *answer = (struct cli_answer){.http = from->status, .raw = (char *)from->body, .size = from->size};
    from->body = NULL;
    if (answer->size > 0)
        answer->json = json_loadb(answer->raw, answer->size, JSON_DECODE_ANY, NULL);
    if (answer->http >= 200 && answer->http < 300)
        return CLI_OK;
    if (answer->http == 404 && request->quiet_404)
        return CLI_NO_INPUT;
    return refused(cli, answer);
}

int cli_call(struct cli *cli, const struct cli_request *request, struct cli_answer *answer)
{
    struct place place;
    struct wire_problem problem = {.status = WIRE_OK};
    struct link_http_answer got = {.status = 0};
    *answer = (struct cli_answer){.http = 0};
    char *text = request->body == NULL ? NULL : json_dumps(request->body, JSON_COMPACT);
    json_decref(request->body);
    ENSURE(request->body == NULL || text != NULL);
    struct link_http_call call = {.method = request->method,
                                  .target = request->target,
                                  .content_type = request->content_type,
                                  .body = text == NULL ? request->bytes : wire_bytes(text, strlen(text))};
    int code = find_place(cli, &place);
    if (code == CLI_OK) {
        fill_call(cli, &place, &call);
        call.timeout_ms = request->timeout_ms != 0 ? request->timeout_ms : TIMEOUT_MS;
        code = link_http_call(&call, &got, &problem) == WIRE_OK ? take_answer(cli, request, &got, answer)
                                                                : unreachable(cli, &problem);
    }
    link_http_answer_close(&got);
    cert_wipe(place.token, sizeof place.token);
    free(text);
    return code;
}

int cli_get(struct cli *cli, const char *target, struct cli_answer *answer)
{
    return cli_call(cli, &(struct cli_request){.target = target}, answer);
}

void cli_answer_print(const struct cli *cli, const struct cli_answer *answer)
{
    fwrite(answer->raw, 1, answer->size, cli->out);
    if (answer->size == 0 || answer->raw[answer->size - 1] != '\n')
        fputc('\n', cli->out);
}

void cli_answer_close(struct cli_answer *answer)
{
    json_decref(answer->json);
    free(answer->raw);
    *answer = (struct cli_answer){.http = 0};
}

/* --- events --- */

enum { EVENTS_TIMEOUT_MS = 60 * 1000, AGAIN_AFTER_MS = 2000, EVENT_ID_MAX = 64 };

struct following {
    struct link_http_events events;
    char last[EVENT_ID_MAX];
    bool ended;
    bool (*take)(void *context, const struct cli_event *event);
    void *context;
};

static bool take_event(void *context, const struct link_http_event_view *view)
{
    struct following *following = context;
    if (view->id != NULL)
        snprintf(following->last, sizeof following->last, "%s", view->id);
    if (view->data == NULL)
        return true;
    json_t *data = json_loads(view->data, JSON_DECODE_ANY, NULL);
    bool more = following->take(following->context, &(struct cli_event){view->id, view->event, data, view->data});
    json_decref(data);
    following->ended = !more;
    return more;
}

static bool take_piece(void *context, struct wire_bytes piece)
{
    struct following *following = context;
    return link_http_events_feed(&following->events, piece, take_event, following);
}

static int follow_once(struct cli *cli, const struct place *place, struct following *following)
{
    struct wire_problem problem = {.status = WIRE_OK};
    struct link_http_answer got = {.status = 0};
    struct link_http_call call = {.target = "/v1/events", .on_body = take_piece, .context = following};
    fill_call(cli, place, &call);
    call.timeout_ms = EVENTS_TIMEOUT_MS;
    call.last_event_id = following->last[0] == '\0' ? NULL : following->last;
    int code = CLI_OK;
    if (link_http_call(&call, &got, &problem) != WIRE_OK)
        code = unreachable(cli, &problem);
    else if (got.status >= 300) {
        struct cli_answer answer;
        code = take_answer(cli, &(struct cli_request){.target = call.target}, &got, &answer);
        cli_answer_close(&answer);
    }
    link_http_answer_close(&got);
    link_http_events_close(&following->events);
    following->events = (struct link_http_events){NULL, 0, 0};
    return code;
}

int cli_follow(struct cli *cli, bool (*take)(void *context, const struct cli_event *event), void *context)
{
    struct place place;
    struct following following = {.take = take, .context = context};
    int code = find_place(cli, &place);
    bool once = false;
    while (code == CLI_OK && !following.ended) {
        code = follow_once(cli, &place, &following);
        /* a node that restarts is waited for; one that was never there is an error */
        if ((code == CLI_UNREACHABLE || code == CLI_AGAIN) && once)
            code = CLI_OK;
        once = true;
        if (code == CLI_OK && !following.ended)
            cli->world->pause(cli->world->context, AGAIN_AFTER_MS);
    }
    cert_wipe(place.token, sizeof place.token);
    return code;
}
