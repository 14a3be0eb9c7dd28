#include "certs/rest.h"
#include "certs/hash.h"
#include <criterion/criterion.h>

TestSuite(rest);

static const uint8_t day_key[CERT_DAY_KEY_BYTES] = {1, 2, 3};

Test(rest, in_place_with_headroom)
{
    struct cert_rest *rest = cert_rest_new();
    uint8_t buffer[CERT_REST_OVERHEAD + 100], plain[100];
    for (size_t size = 0; size <= 100; size += 10) {
        memset(plain, 'r', sizeof plain);
        uint8_t *body = buffer + CERT_REST_NONCE_BYTES;
        memcpy(body, plain, size);
        cr_assert_eq(cert_rest_seal(rest, day_key, wire_bytes("row", 3), wire_bytes(body, size), buffer), WIRE_OK);
        cr_assert_eq(
            cert_rest_open(rest, day_key, wire_bytes("row", 3), wire_bytes(buffer, size + CERT_REST_OVERHEAD), body),
            WIRE_OK);
        cr_expect_arr_eq(body, plain, size);
    }
    cert_rest_free(&rest);
    cert_rest_free(&rest);
}

Test(rest, two_runs_never_look_alike)
{
    struct cert_rest *rest = cert_rest_new();
    uint8_t a[CERT_REST_OVERHEAD + 5], b[CERT_REST_OVERHEAD + 5];
    cr_assert_eq(cert_rest_seal(rest, day_key, wire_bytes("row", 3), wire_bytes("hello", 5), a), WIRE_OK);
    cr_assert_eq(cert_rest_seal(rest, day_key, wire_bytes("row", 3), wire_bytes("hello", 5), b), WIRE_OK);
    cr_expect_arr_neq(a, b, sizeof a);
    cert_rest_free(&rest);
}

/* Invariant 14: without the day's key nothing opens; and a run moved to another row does not either. */
Test(rest, nothing_opens_but_the_same)
{
    struct cert_rest *rest = cert_rest_new();
    uint8_t sealed[CERT_REST_OVERHEAD + 5], out[5], erased[CERT_DAY_KEY_BYTES] = {0}, zero[5] = {0};
    struct wire_bytes row = wire_bytes("row", 3), all = wire_bytes(sealed, sizeof sealed);
    cr_assert_eq(cert_rest_seal(rest, day_key, row, wire_bytes("hello", 5), sealed), WIRE_OK);
    cr_expect_eq(cert_rest_open(rest, erased, row, all, out), WIRE_DAMAGED);
    cr_expect_arr_eq(out, zero, 5);
    cr_expect_eq(cert_rest_open(rest, day_key, wire_bytes("rox", 3), all, out), WIRE_DAMAGED);
    for (size_t i = 0; i < sizeof sealed; i++) {
        sealed[i] ^= 1;
        cr_expect_eq(cert_rest_open(rest, day_key, row, all, out), WIRE_DAMAGED, "byte %zu", i);
        sealed[i] ^= 1;
    }
    for (size_t size = 0; size < sizeof sealed; size++)
        cr_expect_eq(cert_rest_open(rest, day_key, row, wire_bytes(sealed, size), out), WIRE_DAMAGED);
    cr_expect_eq(cert_rest_open(rest, day_key, row, all, out), WIRE_OK);
    cr_expect_arr_eq(out, "hello", 5);
    cert_rest_free(&rest);
}
