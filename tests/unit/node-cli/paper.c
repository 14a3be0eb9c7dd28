/* Every kind as an officer reads it: golden texts in tests/data/cli. A payload is made a message and written by
 * wire/json.h with its masks first, as the API does. LIANFANG_GOLDEN=write writes the golden texts anew. */
#include "node/cli/paper.h"
#include "link/json.h"
#include "node/cli/text.h"
#include "run.h"
#include "wire/personal.h"
#include <stdlib.h>

static uint8_t memory[512 * 1024];

static json_t *through_message(const struct wire_kind *kind, const json_t *payload, bool masked)
{
    struct wire_arena arena;
    struct wire_problem problem = {.status = WIRE_OK};
    struct wire_text text = {.grow = realloc};
    wire_arena_over(&arena, memory, sizeof memory);
    ProtobufCMessage *message = link_json_value_to_message(kind->payload, payload, &arena, true, &problem);
    cr_assert_not_null(message, "%s: %s", problem.where, problem.en);
    wire_json_write(&text, message, masked ? wire_redact_personal() : NULL);
    json_t *again = json_loadb(text.data, text.size, 0, NULL);
    cr_assert_not_null(again);
    free(text.data);
    return again;
}

static json_t *envelope(const char *name)
{
    char file[64];
    snprintf(file, sizeof file, "cli/%s.json", name);
    char *path = data_path(file);
    json_t *read = json_load_file(path, 0, NULL);
    cr_assert_not_null(read, "%s", path);
    const json_t *payload = json_object_get(read, "payload");
    const struct wire_kind *kind = wire_kind_by_name(json_string_value(json_object_get(read, "kind")));
    cr_assert_not_null(kind, "%s", path);
    if (payload != NULL)
        json_object_set_new(read, "payload",
                            through_message(kind, payload, json_is_true(json_object_get(read, "masked"))));
    free(path);
    return read;
}

static char *rendered(const char *name, enum wire_language language, size_t columns)
{
    struct wire_text text = {.grow = realloc};
    json_t *read = envelope(name);
    cli_paper_envelope(&(struct cli_paper){.out = &text, .language = language, .columns = columns}, read);
    json_decref(read);
    return text.data;
}

static void compare(const char *name, enum wire_language language)
{
    char file[64];
    snprintf(file, sizeof file, "cli/%s.%s.txt", name, language == WIRE_CHINESE ? "zh" : "en");
    char *path = data_path(file), *shown = rendered(name, language, 80);
    if (getenv("LIANFANG_GOLDEN") != NULL)
        write_whole(path, shown);
    char *expected = read_whole(path);
    cr_expect(expected != NULL && strcmp(expected, shown) == 0, "%s is now:\n%s", file, shown);
    free(expected);
    free(shown);
    free(path);
}

#define GOLDEN(test, name)                                                                                             \
    Test(paper, test)                                                                                                  \
    {                                                                                                                  \
        compare(name, WIRE_CHINESE);                                                                                   \
        compare(name, WIRE_ENGLISH);                                                                                   \
    }

GOLDEN(contact_notice, "contact-notice")
GOLDEN(outcome, "outcome")
GOLDEN(acknowledgement, "acknowledgement")
GOLDEN(measure_bulletin, "measure-bulletin")
GOLDEN(supply_request, "supply-request")
GOLDEN(reminder, "reminder")
GOLDEN(overdue, "overdue")
GOLDEN(round_bulletin, "round-bulletin")
GOLDEN(policy_notice, "policy-notice")
GOLDEN(sent, "outbox")
GOLDEN(refused, "refused")

/* A kind without a golden text has not been looked at by anybody. */
Test(paper, every_kind_has_one)
{
    for (size_t i = 0; i < wire_kind_count(); i++) {
        char file[64];
        snprintf(file, sizeof file, "cli/%s.zh.txt", wire_kind_at(i)->name);
        char *path = data_path(file), *text = read_whole(path);
        cr_expect_not_null(text, "%s", path);
        free(text);
        free(path);
    }
}

/* Invariant 11: exercise and test can never be read as actual. */
Test(paper, exercise_and_test_are_marked_first)
{
    char *shown = rendered("measure-bulletin", WIRE_CHINESE, 80);
    cr_expect(strncmp(shown, "【演练】", strlen("【演练】")) == 0, "%s", shown);
    free(shown);
    shown = rendered("outbox", WIRE_ENGLISH, 0);
    cr_expect(strncmp(shown, "[TEST]", 6) == 0, "%s", shown);
    free(shown);
}

Test(paper, persons_are_masked)
{
    char *shown = rendered("contact-notice", WIRE_CHINESE, 0);
    hasnt(shown, "999900198501011236");
    hasnt(shown, "测试甲");
    hasnt(shown, "13800135678");
    has(shown, "138****5678");
    free(shown);
}

/* On a narrow terminal nothing of a notice is cut, it becomes lines. */
Test(paper, a_narrow_terminal_loses_nothing)
{
    char *shown = rendered("contact-notice", WIRE_CHINESE, 40);
    has(shown, "138****5678");
    hasnt(shown, "…");
    for (char *line = strtok(shown, "\n"); line != NULL; line = strtok(NULL, "\n"))
        cr_expect_leq(cli_width(line), 58, "%s", line); /* labels and their values are not torn apart at any price */
    free(shown);
}

Test(paper, a_kind_of_a_later_version)
{
    struct wire_text text = {.grow = realloc};
    json_t *strange =
        json_pack("{s:s, s:i, s:{s:s}}", "number", "310000-20200207-0001", "kind", 77, "payload", "x", "y");
    cli_paper_envelope(&(struct cli_paper){.out = &text, .language = WIRE_ENGLISH}, strange);
    has(text.data, "310000-20200207-0001");
    cr_expect(strncmp(text.data, "[UNKNOWN]", 9) == 0, "what does not say that it is actual is not shown as such");
    json_decref(strange);
    free(text.data);
}

/* What a payload says cannot pass for something the program says. */
Test(paper, escapes_in_a_title_are_harmless)
{
    struct wire_text text = {.grow = realloc};
    json_t *read = envelope("measure-bulletin");
    json_object_set_new(json_object_get(json_object_get(read, "payload"), "common"), "title", json_string("a\x1b[2Jb"));
    cli_paper_envelope(&(struct cli_paper){.out = &text, .language = WIRE_ENGLISH}, read);
    cr_expect_null(strchr(text.data, '\x1b'));
    json_decref(read);
    free(text.data);
}
