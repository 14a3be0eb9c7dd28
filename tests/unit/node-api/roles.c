/* Who may what: every call against every role. */
#include "node/api/inside.h"
#include "support.h"

static struct fake fake;

static void open_it(void)
{
    fake_open(&fake, 330000);
    fake_receive(&fake, WIRE_KIND_CONTACT_NOTICE, 1);
}

static void done(void)
{
    fake_close(&fake);
}

TestSuite(api_roles, .init = open_it, .fini = done, .timeout = 120);

static const struct {
    const char *token;
    unsigned role;
} ROLES[] = {
    {"duty-token", API_DUTY},       {"logistics-token", API_LOGISTICS}, {"operator-token", API_OPERATOR},
    {"auditor-token", API_AUDITOR}, {"admin-token", API_ADMIN},
};

#define ROW(method, path, roles, name) {method, path, (unsigned)(roles)},
static const struct {
    const char *method, *path;
    unsigned roles;
} CALLS[] = {API_CALL_LIST(ROW)};
#undef ROW

/* "/v1/inbox/{id}" with something in its place. */
static void fill(char out[128], const char *path)
{
    const char *brace = strchr(path, '{');
    if (brace == NULL)
        snprintf(out, 128, "%s", path);
    else
        snprintf(out, 128, "%.*s310000-20200212-0009%s", (int)(brace - path), path, strchr(path, '}') + 1);
}

Test(api_roles, every_call_asks_for_its_role)
{
    for (size_t c = 0; c < sizeof CALLS / sizeof *CALLS; c++) {
        char target[128];
        if (strcmp(CALLS[c].path, "/v1/events") == 0)
            continue; /* a stream, see events.c */
        fill(target, CALLS[c].path);
        for (size_t r = 0; r < sizeof ROLES / sizeof *ROLES; r++) {
            struct answer answer = fake_call(&fake, ROLES[r].token, CALLS[c].method, target,
                                             strcmp(CALLS[c].method, "POST") == 0 ? "{}" : NULL);
            bool open = (CALLS[c].roles & (ROLES[r].role | API_OPEN_ON_UNIX)) != 0;
            cr_expect_eq(answer.status == 403, !open, "%s %s as %s: %u", CALLS[c].method, target, ROLES[r].token,
                         answer.status);
            cr_expect_neq(answer.status, 500, "%s", target);
            answer_close(&answer);
        }
    }
}

Test(api_roles, no_token_or_a_wrong_one_is_401)
{
    static const char *const tokens[] = {NULL, "duty-toke", "duty-tokens", "x"};
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        struct answer answer = fake_call(&fake, tokens[i], "GET", "/v1/status", NULL);
        cr_expect_eq(answer.status, 401);
        cr_expect_str_eq(text_at(&answer, "status"), "not-authenticated");
        cr_expect_str_neq(text_at(&answer, "zh"), "");
        answer_close(&answer);
    }
}

Test(api_roles, tokens_are_read_again)
{
    struct wire_problem problem;
    FILE *file = fopen(fake.tokens, "w");
    uint8_t digest[32];
    char hex[65];
    fake.backend.sha256(fake.backend.context, wire_bytes("new", 3), digest);
    wire_hex(digest, 32, hex);
    fprintf(file, "tokens:\n  - {digest: %s, label: a, roles: [duty]}\n", hex);
    fclose(file);
    cr_assert_eq(api_reload_tokens(fake.api, fake.tokens, &problem), WIRE_OK, "%s", problem.en);
    struct answer answer = fake_call(&fake, "duty-token", "GET", "/v1/status", NULL);
    cr_expect_eq(answer.status, 401);
    answer_close(&answer);
    answer = fake_call(&fake, "new", "GET", "/v1/status", NULL);
    cr_expect_eq(answer.status, 200);
    answer_close(&answer);
    file = fopen(fake.tokens, "w");
    fputs("tokens: nonsense\n", file);
    fclose(file);
    cr_expect_neq(api_reload_tokens(fake.api, fake.tokens, &problem), WIRE_OK);
    answer = fake_call(&fake, "new", "GET", "/v1/status", NULL);
    cr_expect_eq(answer.status, 200, "the old tokens stay");
    answer_close(&answer);
}

Test(api_roles, unknown_paths_and_methods)
{
    struct answer answer = fake_call(&fake, "all-token", "GET", "/v1/nothing", NULL);
    cr_expect_eq(answer.status, 404);
    cr_expect_str_eq(text_at(&answer, "status"), "not-found");
    answer_close(&answer);
    answer = fake_call(&fake, "all-token", "POST", "/v1/status", "{}");
    cr_expect_eq(answer.status, 405);
    answer_close(&answer);
}

Test(api_roles, the_description_has_every_call)
{
    size_t size;
    char *text = read_file(SOURCE_DIR "/node/api/openapi.yaml", &size);
    for (size_t c = 0; c < sizeof CALLS / sizeof *CALLS; c++) {
        char line[96], method[16];
        snprintf(line, sizeof line, "\n  %s:\n", CALLS[c].path);
        snprintf(method, sizeof method, "\n    %s:", strcmp(CALLS[c].method, "GET") == 0 ? "get" : "post");
        const char *found = strstr(text, line);
        cr_assert_not_null(found, "%s", CALLS[c].path);
        cr_expect_not_null(strstr(found, method), "%s %s", CALLS[c].method, CALLS[c].path);
    }
    free(text);
}
