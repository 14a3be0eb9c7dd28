#include "certs/often.h"
#include "certs/held.h"
#include "certs/verify.h"
#include "fixture.h"

#include <stdlib.h>

static struct fixture fixture;
static struct cert_identity *node;

static void setup(void)
{
    fixture_open(&fixture);
    node = zoo_identity(&fixture.zoo, "310000");
}

static void teardown(void)
{
    cert_identity_free(&node);
    fixture_close(&fixture);
}

TestSuite(often, .init = setup, .fini = teardown, .timeout = 180);

static struct cert_held *held_of_node(void)
{
    return (struct cert_held *)(uintptr_t)cert_directory_find(fixture.directory,
                                                              cert_identity_digest(node, WIRE__USAGE__USAGE_IDENTITY));
}

static enum wire_status verify(const char *text, int64_t at_ms)
{
    uint8_t signature[WIRE_SIGNATURE_BYTES_MAX];
    size_t size;
    cr_assert_eq(cert_sign(node, "a text", 6, signature, &size), WIRE_OK);
    return cert_verify_text(fixture.directory, cert_identity_digest(node, WIRE__USAGE__USAGE_IDENTITY),
                            WIRE__ROLE__ROLE_NODE, 310000, text, strlen(text), wire_bytes(signature, size), at_ms);
}

Test(often, a_key_gets_its_table_and_answers_stay)
{
    for (int i = 0; i < CERT_OFTEN_SEEN; i++) {
        cr_expect_null(held_of_node()->multiples);
        cr_expect_eq(verify("a text", NOW), WIRE_OK);
    }
    cert_often_wait(&fixture.directory->often);
    cr_expect_not_null(held_of_node()->multiples);
    cr_expect_eq(verify("a text", NOW), WIRE_OK);
    cr_expect_eq(verify("b text", NOW), WIRE_BAD_SIGNATURE);
    cr_expect_eq(verify("a text", NOW - 3650 * DAY), WIRE_SIGNER_EXPIRED);
}

Test(often, closed_while_a_table_is_made)
{
    for (int i = 0; i < CERT_OFTEN_SEEN; i++)
        verify("a text", NOW);
    cr_expect(fixture.directory->often.running);
    cr_expect(held_of_node()->making);
}

Test(often, an_expected_key)
{
    const struct cert_held *newest = (const struct cert_held *)(uintptr_t)cert_directory_current(
        fixture.directory, 310000, WIRE__USAGE__USAGE_IDENTITY, NOW);
    cert_verify_expect(fixture.directory, 999999, NOW);
    cr_expect_not(fixture.directory->often.running, "nobody is that");
    size_t count = fixture.directory->count;
    fixture.directory->count = 9000;
    cert_verify_expect(fixture.directory, 310000, NOW);
    cr_expect_not(newest->making, "one of so many: when it has signed");
    fixture.directory->count = count;
    cert_verify_expect(fixture.directory, 310000, NOW);
    cert_verify_expect(fixture.directory, 310000, NOW);
    cr_expect(newest->making);
    cert_verify_expected(fixture.directory);
    cr_expect_not_null(newest->multiples);
    cr_expect_eq(fixture.directory->often.count, 1);
    cert_verify_expect(fixture.directory, 310000, NOW);
    cr_expect_not(newest->making, "it has one");
}

/* Three thousand nodes come back within seconds of a restart, and a table takes 20 ms: no more are made than there is
 * room for, those that are on their way included. */
Test(often, a_crowd_that_is_expected_at_once)
{
    enum { CROWD = 5, FREE = 2 };
    struct cert_often *often = &fixture.directory->often;
    struct cert_held *many = calloc(CROWD, sizeof *many);
    size_t making = 0, made = 0;
    often->count = CERT_OFTEN_PLACES - FREE;
    for (int i = 0; i < CROWD; i++) {
        many[i].entry.certificate = held_of_node()->entry.certificate;
        cert_often_expect(often, &many[i]);
    }
    for (int i = 0; i < CROWD; i++)
        making += many[i].making || many[i].multiples != NULL;
    cert_often_wait(often);
    for (int i = 0; i < CROWD; i++)
        made += many[i].multiples != NULL;
    cr_expect_eq(making, FREE);
    cr_expect_eq(made, FREE);
    cr_expect_eq(often->asked, 0);
    cert_often_close(often);
    for (int i = 0; i < CROWD; i++)
        cert_multiples_free(&many[i].multiples);
    free(many);
}

/* All share the certificate of the node: what counts here is whose turn it is. */
static struct cert_held *seen_times(struct cert_held *held, uint32_t times)
{
    for (uint32_t i = 0; i < times; i++)
        cert_often_seen(&fixture.directory->often, held);
    cert_often_wait(&fixture.directory->often);
    return held;
}

Test(often, when_all_places_are_taken)
{
    struct cert_held *many = calloc(CERT_OFTEN_PLACES + 2, sizeof *many), *first = many, *second = many + 1,
                     *next = many + CERT_OFTEN_PLACES, *rare = next + 1;
    for (int i = 0; i < CERT_OFTEN_PLACES + 2; i++)
        many[i].entry.certificate = held_of_node()->entry.certificate;
    for (int i = 0; i < CERT_OFTEN_PLACES; i++)
        cr_assert_not_null(seen_times(&many[i], CERT_OFTEN_SEEN)->multiples);
    cr_expect_null(seen_times(rare, 10 * CERT_OFTEN_SEEN)->multiples);
    cr_expect_null(seen_times(next, CERT_OFTEN_SEEN_FULL)->multiples, "the others were seen meanwhile");
    for (int i = 0; i < CERT_OFTEN_PLACES; i++)
        if (&many[i] != second)
            seen_times(&many[i], 1);
    cr_expect_not_null(seen_times(next, CERT_OFTEN_SEEN_FULL)->multiples);
    cr_expect_null(second->multiples, "it verified nothing since");
    cr_expect_not_null(first->multiples);
    cert_often_close(&fixture.directory->often);
    for (int i = 0; i < CERT_OFTEN_PLACES + 2; i++)
        cert_multiples_free(&many[i].multiples);
    free(many);
}
