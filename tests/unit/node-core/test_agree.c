/* Our own copy of the rules against what a broker delivers and disposes. */
#include "mock.h"
#include "wire/kind.h"
#include <criterion/criterion.h>

enum { HOUR = 3600 * 1000 };

#define WORD(text_)                                                                                                    \
    {                                                                                                                  \
        .text = (text_), .line = 1, .column = 1                                                                        \
    }
#define WORDS(...)                                                                                                     \
    {                                                                                                                  \
        .item = (const struct rules_word[]){__VA_ARGS__},                                                              \
        .count = sizeof((const struct rules_word[]){__VA_ARGS__}) / sizeof(struct rules_word)                          \
    }

/* Members 310000 320000 330000; bulletins of a region go to Zhejiang alone. */
static struct rules_policy *compile(void **memory)
{
    const struct rules_source_rule rules[] = {{.line = 1,
                                               .column = 1,
                                               .name = WORD("bulletins"),
                                               .zh = WORD("措施"),
                                               .en = WORD("measures"),
                                               .kinds = WORDS(WORD("measure-bulletin")),
                                               .from = WORDS(WORD("members/cdc")),
                                               .to = WORDS(WORD("330000/command")),
                                               .lane = WORD("urgent"),
                                               .keep = WORD("10 y, D"),
                                               .route_source = WORD("S")}};
    const struct rules_source source = {.file = "t.yaml",
                                        .mechanism = WORD("yangtze-delta"),
                                        .zh = WORD("试"),
                                        .en = WORD("trial"),
                                        .from_time = WORD("2020-01-01"),
                                        .members = WORDS(WORD("310000"), WORD("320000"), WORD("330000")),
                                        .rules = rules,
                                        .rule_count = 1};
    static const uint8_t digest[WIRE_HASH_BYTES] = {0xd1};
    struct rules_policy *policy = NULL;
    struct wire_problem problem = {0};
    size_t size = rules_policy_size(&source, 1);
    *memory = malloc(size);
    enum wire_status status = rules_compile(&source, 1, 3, digest, *memory, size, &policy, &problem);
    cr_assert_eq(status, WIRE_OK, "%s %s", problem.where, problem.en);
    return policy;
}

struct scene {
    struct world world;
    struct mock mock;
    void *memory;
};

static struct scene *start(void)
{
    struct scene *scene = calloc(1, sizeof *scene);
    struct node_enrolment enrolled[] = {{310000, true}, {320000, true}, {330000, true}};
    world_open(&scene->world);
    mock_init(&scene->mock, &scene->world, 0);
    world_boot(&scene->world);
    struct node_event event = world_event(&scene->world, NODE_ON_DIRECTORY);
    event.u.directory = (struct node_directory){.epoch = 3, .changes = enrolled, .count = 3};
    world_step(&scene->world, &event);
    event = world_event(&scene->world, NODE_ON_POLICY);
    event.u.policy.policy = compile(&scene->memory);
    event.u.policy.version = 3;
    event.u.policy.digest[0] = 0xd1;
    event.u.policy.in_force_ms = scene->world.wall_ms;
    world_step(&scene->world, &event);
    scene->mock.policy_digest[0] = 0xd1;
    world_up(&scene->world, 0);
    mock_settle(&scene->mock);
    return scene;
}

static void stop(struct scene *scene)
{
    mock_close(&scene->mock);
    world_close(&scene->world);
    free(scene->memory);
    free(scene);
}

Test(agree, what_the_rules_surely_do_not_give_is_rejected)
{
    struct scene *scene = start();
    scene->world.wall_ms += HOUR; /* the directory has not changed for an hour */
    scene->world.mono_ms += HOUR;
    mock_deliver(&scene->mock, "yangtze-delta", WIRE__LANE__URGENT, &(struct mock_envelope){.n = 1}, 1);
    mock_settle(&scene->mock);
    cr_assert_eq(rows_count(&scene->world.store, NODE_TABLE_INBOX), 0);
    cr_assert_eq(rows_count(&scene->world.store, NODE_TABLE_REJECTED), 1);
    cr_assert_eq(rows_count(&scene->world.store, NODE_TABLE_CARRIED), 0, "its payload must not be kept");
    stop(scene);
}

Test(agree, when_the_directory_has_moved_on_it_is_a_doubt)
{
    struct scene *scene = start();
    mock_deliver(&scene->mock, "yangtze-delta", WIRE__LANE__URGENT, &(struct mock_envelope){.n = 1}, 1);
    mock_settle(&scene->mock);
    cr_assert_eq(rows_count(&scene->world.store, NODE_TABLE_INBOX), 1);
    cr_assert_eq(scene->world.notes[NODE_NOTE_DOUBT], 1);
    stop(scene);
}

Test(agree, another_policy_then_is_no_ground_to_judge)
{
    struct scene *scene = start();
    scene->world.wall_ms += HOUR;
    scene->world.mono_ms += HOUR;
    scene->mock.policy_digest[0] = 0xd2;
    mock_deliver(&scene->mock, "yangtze-delta", WIRE__LANE__URGENT, &(struct mock_envelope){.n = 1}, 1);
    mock_settle(&scene->mock);
    cr_assert_eq(rows_count(&scene->world.store, NODE_TABLE_INBOX), 1);
    cr_assert_eq(scene->world.notes[NODE_NOTE_DOUBT], 0);
    stop(scene);
}

Test(agree, replies_and_corrections_follow_what_the_ledger_knows)
{
    struct scene *scene = start();
    scene->world.wall_ms += HOUR;
    scene->world.mono_ms += HOUR;
    struct mock_envelope envelopes[] = {{.n = 1, .kind = WIRE_KIND_ACKNOWLEDGEMENT, .answers = 77},
                                        {.n = 2, .action = WIRE__ACTION__CANCEL, .names = 78}};
    mock_deliver(&scene->mock, "yangtze-delta", WIRE__LANE__URGENT, envelopes, 2);
    mock_settle(&scene->mock);
    cr_assert_eq(rows_count(&scene->world.store, NODE_TABLE_INBOX), 2);
    stop(scene);
}

static bool differs(struct scene *scene, uint64_t n)
{
    uint8_t id[WIRE_ID_BYTES], memory[64 * 1024];
    struct wire_arena arena;
    wire_arena_over(&arena, memory, sizeof memory);
    world_id(n, id);
    const Wire__NodeState *state = world_state_row(&scene->world, id, &arena);
    cr_assert_not_null(state);
    cr_assert_eq(state->state, WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED);
    return state->differs;
}

Test(agree, a_disposition_that_our_rules_do_not_give_is_shown)
{
    struct scene *scene = start();
    scene->world.wall_ms += HOUR;
    scene->world.mono_ms += HOUR;
    /* The mock gives it to 320000 and a copy to 330000; the rule gives it to 330000 alone. */
    world_publish(&scene->world, &(struct world_draft){.n = 1, .lane = WIRE__LANE__URGENT}, 1);
    mock_settle(&scene->mock);
    cr_assert(differs(scene, 1));
    cr_assert_eq(scene->world.notes[NODE_NOTE_DIFFERS], 1);
    scene->mock.to[0] = 330000;
    scene->mock.nobody_copied = true;
    world_publish(&scene->world, &(struct world_draft){.n = 2, .lane = WIRE__LANE__URGENT}, 1);
    mock_settle(&scene->mock);
    cr_assert_not(differs(scene, 2));
    stop(scene);
}
