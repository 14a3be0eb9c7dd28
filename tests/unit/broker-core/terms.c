/* Terms of many envelopes at once: one row stands for all of a part that owe the same, and loses them one by one. */
#include "fake.h"
#include "wire/kind.h"
#include <criterion/criterion.h>

TestSuite(terms);

enum { MANY = 150 }; /* more than two SEALs take */

static struct fake fake;
static struct fake_node *from, *to;
static struct fake_batch *batch;

static void sealed(void)
{
    struct fake_spec specs[MANY];
    fake_start(&fake, 21);
    from = fake_node(&fake, 310000), to = fake_node(&fake, 330000);
    fake_connect(&fake, from);
    fake_connect(&fake, to);
    for (int i = 0; i < MANY; i++)
        specs[i] = (struct fake_spec){.kind = WIRE_KIND_CONTACT_NOTICE, .concerns = 330000};
    batch = fake_seal(&fake, from, "yangtze-delta", WIRE__LANE__URGENT, specs, MANY);
}

static void arrives(void)
{
    fake_submit(&fake, from, batch, WIRE_OK, NULL);
    fake_settle(&fake);
    cr_assert_eq(from->admitted, MANY);
    cr_assert(fake_arrive(&fake, to, WIRE__VERDICT_CODE__ARRIVED));
    fake_settle(&fake);
}

/* One batch of MANY notices to 330000, which arrive together. */
static void given(void)
{
    sealed();
    arrives();
}

/* Both nodes are heard all the while: time without a link would be added to the terms. */
static void pass_minutes(int minutes)
{
    for (int s = 0; s < 60 * minutes; s += 4) {
        fake_pass(&fake, 4000);
        fake_pulse(&fake, from);
        fake_pulse(&fake, to);
        fake_commit(&fake);
    }
}

static const uint8_t *id_of(uint32_t index)
{
    return batch->headers[index]->id.data;
}

/* 330000 signs for these envelopes, in one batch. */
static void sign_for(const uint32_t *index, uint32_t count)
{
    struct fake_spec specs[MANY];
    for (uint32_t i = 0; i < count; i++)
        specs[i] =
            (struct fake_spec){.kind = WIRE_KIND_ACKNOWLEDGEMENT, .names_origin = 310000, .names = id_of(index[i])};
    struct fake_batch *answers = fake_seal(&fake, to, "yangtze-delta", WIRE__LANE__URGENT, specs, count);
    fake_submit(&fake, to, answers, WIRE_OK, NULL);
    fake_commit(&fake);
}

/* Whom a reminder or overdue names is counted, by index. */
static uint32_t told[2][MANY];

static void count_drafts(void)
{
    for (size_t i = 0; i < fake.seal.count; i++) {
        const struct broker_draft *draft = &fake.drafts[i];
        if (draft->duty != WIRE__DUTY__SIGN_FOR)
            continue;
        cr_assert_eq(draft->origin, 310000);
        cr_assert_lt(draft->index, MANY);
        told[draft->kind == WIRE_KIND_OVERDUE][draft->index]++;
    }
}

/* Until the next SEAL waits; false: nothing more falls due. */
static bool wait_for_seal(void)
{
    for (int i = 0; i < 10 && !fake.seal_pending; i++) {
        if (!fake_answer_fetch(&fake))
            fake_pass(&fake, 1000);
        fake_commit(&fake);
    }
    return fake.seal_pending;
}

static void seal_all(void)
{
    while (wait_for_seal()) {
        count_drafts();
        fake_answer_seal(&fake, WIRE_OK);
        fake_commit(&fake);
    }
}

Test(terms, many_share_a_row_and_each_is_told_once)
{
    given();
    cr_assert_eq(fake_count(&fake.durable, BROKER_OBLIGATION), 3, "three duties, one row each");
    pass_minutes(23); /* three quarters of 30 minutes have passed */
    seal_all();
    pass_minutes(8); /* and the rest */
    seal_all();
    for (uint32_t i = 0; i < MANY; i++) {
        cr_assert_eq(told[0][i], 1, "%u is reminded of once", i);
        cr_assert_eq(told[1][i], 1, "%u is overdue once", i);
    }
    cr_assert_eq(fake_count(&fake.durable, BROKER_OBLIGATION), 2, "feedback and close are owed still");
    fake_close(&fake);
}

/* Invariant 11: a reminder of an exercise says so, though the notice lies between two that are none. */
Test(terms, invariant_11_what_is_of_another_status_has_a_row_of_its_own)
{
    sealed();
    for (uint32_t i = 0; i < MANY; i += 2)
        batch->headers[i]->status = WIRE__STATUS__EXERCISE;
    arrives();
    cr_assert_eq(fake_count(&fake.durable, BROKER_OBLIGATION), 6, "three duties of two statuses");
    pass_minutes(23);
    uint32_t drafts = 0;
    for (; wait_for_seal(); fake_answer_seal(&fake, WIRE_OK), fake_commit(&fake)) {
        for (size_t i = 0; i < fake.seal.count; i++, drafts++)
            cr_assert_eq(fake.drafts[i].status,
                         fake.drafts[i].index % 2 == 0 ? WIRE__STATUS__EXERCISE : WIRE__STATUS__ACTUAL);
    }
    cr_assert_eq(drafts, MANY);
    fake_close(&fake);
}

/* The first SEAL takes 64. While it is under way one of those is signed for, one of the others, and then both again. */
Test(terms, what_is_answered_while_others_are_told_of_is_told_of_no_more)
{
    static const uint32_t answered[] = {5, 100, 5};
    given();
    pass_minutes(23);
    cr_assert(wait_for_seal());
    cr_assert_eq(fake.seal.count, BROKER_SEAL_DRAFTS_MAX);
    count_drafts();
    sign_for(answered, 3);
    fake_answer_seal(&fake, WIRE_OK);
    seal_all();
    pass_minutes(8);
    seal_all();
    for (uint32_t i = 0; i < MANY; i++) {
        cr_assert_eq(told[0][i], i != 100, "%u", i);
        cr_assert_eq(told[1][i], i != 5 && i != 100, "%u", i);
    }
    fake_close(&fake);
}

/* What one SEAL can take of a row was told of, the rest waits. */
static void given_and_told_once(void)
{
    given();
    pass_minutes(23);
    cr_assert(wait_for_seal());
    count_drafts();
    fake_answer_seal(&fake, WIRE_OK);
    fake_commit(&fake);
}

/* One that was told of is signed for before the others are: its row stays one that can be read. */
Test(terms, what_was_told_of_is_answered_while_others_wait)
{
    static const uint32_t answered[] = {3};
    given_and_told_once();
    sign_for(answered, 1);
    seal_all();
    pass_minutes(8);
    seal_all();
    for (uint32_t i = 0; i < MANY; i++) {
        cr_assert_eq(told[0][i], 1, "%u", i);
        cr_assert_eq(told[1][i], i != 3, "%u", i);
    }
    cr_assert_eq(fake.notes[BROKER_NOTE_DAMAGED], 0);
    fake_close(&fake);
}

/* After a restart between two SEALs of one row those that were told of are not told of again. */
Test(terms, a_restart_between_two_seals_repeats_nothing)
{
    given_and_told_once();
    fake_restart(&fake); /* answers what waits, to the end */
    cr_assert_not(wait_for_seal());
    cr_assert_eq(fake.notes[BROKER_NOTE_REMINDER], MANY);
    fake_close(&fake);
}

/* All of them at once, the last ones too while a SEAL of them is under way: the rows are gone. */
Test(terms, all_are_answered_in_one_batch)
{
    uint32_t all[MANY];
    for (uint32_t i = 0; i < MANY; i++)
        all[i] = i;
    given();
    pass_minutes(23);
    cr_assert(wait_for_seal());
    sign_for(all, MANY);
    cr_assert_eq(fake_count(&fake.visible, BROKER_OBLIGATION), 2, "feedback and close");
    cr_assert_eq(fake_count(&fake.visible, BROKER_OBLIGATION_OF), 2);
    fake_answer_seal(&fake, WIRE_OK);
    fake_commit(&fake);
    pass_minutes(8);
    cr_assert_not(wait_for_seal());
    cr_assert_eq(fake_count(&fake.durable, BROKER_OBLIGATION), 2);
    fake_close(&fake);
}

/* A cancel of some: nobody owes anything about those, about the others as before. */
Test(terms, a_cancel_takes_its_envelope_out_of_all_duties)
{
    struct fake_spec specs[MANY - 1];
    given();
    for (uint32_t i = 0; i + 1 < MANY; i++) {
        specs[i] = (struct fake_spec){.kind = WIRE_KIND_CONTACT_NOTICE,
                                      .action = WIRE__ACTION__CANCEL,
                                      .concerns = 330000,
                                      .names_origin = 310000,
                                      .names = id_of(i)};
    }
    struct fake_batch *cancels = fake_seal(&fake, from, "yangtze-delta", WIRE__LANE__URGENT, specs, MANY - 1);
    fake_submit(&fake, from, cancels, WIRE_OK, NULL);
    fake_settle(&fake);
    cr_assert_eq(from->admitted, 2 * MANY - 1);
    pass_minutes(23);
    seal_all();
    for (uint32_t i = 0; i < MANY; i++)
        cr_assert_eq(told[0][i], i == MANY - 1, "%u", i);
    fake_close(&fake);
}
