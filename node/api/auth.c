/* Who calls: a bearer token is known by its SHA-256 alone; the file of tokens never holds one. */
#include "node/api/inside.h"
#include "wire/check.h"
#include "wire/unit.h"
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

/* In time that does not depend on where two digests differ. */
static bool same_digest(const uint8_t a[32], const uint8_t b[32])
{
    unsigned different = 0;
    for (size_t i = 0; i < 32; i++)
        different |= (unsigned)(a[i] ^ b[i]);
    return different == 0;
}

static const struct link_token *find_token(const struct api *api, const char *authorization)
{
    static const char scheme[] = "Bearer ";
    const struct link_token *found = NULL;
    uint8_t digest[32];
    if (authorization == NULL || strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
        return NULL;
    const char *token = authorization + sizeof scheme - 1;
    token += strspn(token, " ");
    if (*token == '\0')
        return NULL;
    api->backend.sha256(api->backend.context, wire_bytes(token, strlen(token)), digest);
    for (unsigned i = 0; i < api->tokens.count; i++)
        if (same_digest(api->tokens.list[i].digest, digest))
            found = &api->tokens.list[i];
    return found;
}

static void refuse_unknown(struct api_call *call)
{
    struct api *api = call->api;
    static const struct link_http_header challenge[] = {{"WWW-Authenticate", "Bearer"}};
    struct api_json json;
    struct wire_problem problem;
    link_log_line(api->log, LINK_WARNING, "api", "请求没有有效令牌", "a request without a valid token",
                  LINK_TEXT("peer", link_http_peer(call->request)), LINK_TEXT("path", link_http_path(call->request)));
    wire_fail(
        &problem, WIRE_NOT_AUTHENTICATED, "Authorization",
        "没有令牌，或令牌无效：请在 Authorization 中写 Bearer 和令牌；令牌由系统管理员发给",
        "no token, or one that is not known: send \"Authorization: Bearer TOKEN\"; the administrator gives it out");
    api_json_start(&json);
    api_json_open(&json, NULL);
    api_json_problem(&json, &problem);
    api_json_end(&json);
    link_http_reply(call->request, &(struct link_http_reply){.status = 401,
                                                             .headers = challenge,
                                                             .header_count = 1,
                                                             .body = wire_bytes(json.text.data, json.text.size)});
    call->request = NULL;
    call->api->refused_calls++;
    api_json_close(&json);
}

bool api_auth(struct api_call *call, unsigned roles, bool open_on_unix)
{
    const struct link_token *token = find_token(call->api, link_http_header(call->request, "Authorization"));
    if (token == NULL && open_on_unix && strcmp(link_http_peer(call->request), "unix") == 0)
        return true;
    if (token == NULL) {
        refuse_unknown(call);
        return false;
    }
    call->label = token->label;
    call->unit = token->unit == NULL ? WIRE_UNIT_NONE : wire_unit_parse(token->unit);
    call->roles = token->roles;
    if (open_on_unix || (token->roles & roles) != 0)
        return true;
    api_refuse(call, WIRE_NOT_PERMITTED, link_http_path(call->request), "该令牌的角色无此权限",
               "the role of this token does not allow it");
    return false;
}

bool api_may(const struct api_call *call, unsigned roles)
{
    return (call->roles & roles) != 0;
}

void api_audit(struct api_call *call, const char *what, const char *format, ...)
{
    char detail[256 + 4 * API_REASON_CHARACTERS_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    call->api->backend.audit(call->api->backend.context, call->label, what, detail);
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

bool api_reveal(struct api_call *call, struct wire_number number, bool *answered)
{
    const char *reason = link_http_query(call->request, "reveal");
    char text[WIRE_NUMBER_TEXT];
    *answered = false;
    if (reason == NULL)
        return false;
    if (!api_may(call, API_DUTY)) {
        *answered = true;
        api_refuse(call, WIRE_NOT_PERMITTED, "reveal", "只有值班员可以查看个人信息",
                   "only a duty officer may see persons");
        return false;
    }
    if (is_blank(reason) || strlen(reason) > 4 * API_REASON_CHARACTERS_MAX) {
        *answered = true;
        api_refuse(call, WIRE_INVALID, "reveal", "请写明查看个人信息的理由（至多 200 字），理由将记入审计",
                   "give the reason for seeing persons (at most 200 characters); it is audited");
        return false;
    }
    api_audit(call, "reveal", "%s %s", wire_number_text(number, text), reason);
    return true;
}
