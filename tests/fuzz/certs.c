/* Certificates, revocation lists, directory records, policies, key boxes, evidence. Two ways in: bytes of a stranger,
 * read as each of these (an input may bring its own CA); and what a real installation made, with bytes changed as the
 * input says, which must not be taken for what it is not. */
#include "certs/policy.h"
#include "certs/seal.h"
#include "certs/x509.h"
#include "node/cli/evidence_check.h"
#include "support/leaves.h"
#include "target.h"
#include "wire/codec.h"
#include <openssl/err.h>
#include <stdio.h>

enum { CHANGED_MAX = 64 * 1024 };

/* Made once a process: a CA, a directory, an identity, and what they signed or sealed. */
struct house {
    struct zoo zoo;
    struct leaves leaves;
    struct cert_directory *directory;
    struct cert_identity *node, *secretary;
    uint8_t memory[256 * 1024];
    struct wire_arena arena;
    struct wire_bytes ca, crl, policy, box;
    uint8_t key[CERT_KEY_BYTES], seal_certificate[WIRE_HASH_BYTES];
};

static struct house house;

static void zoo_leave(void)
{
    zoo_close(&house.zoo);
}

static void house_policy(void)
{
    Wire__PolicyText text;
    Wire__PolicyFile file, *files[] = {&file};
    wire__policy_text__init(&text);
    wire__policy_file__init(&file);
    file.name = (char *)(uintptr_t) "a.yaml";
    file.text = (ProtobufCBinaryData){.len = 12, .data = (uint8_t *)(uintptr_t) "mechanism: a"};
    text.version = 7;
    text.installation = (char *)(uintptr_t)ZOO_INSTALLATION;
    text.signed_ms = text.in_force_ms = house.zoo.now_ms;
    text.file = files;
    text.n_file = 1;
    ENSURE(cert_policy_sign(house.secretary, &text, &house.arena, &house.policy, NULL) == WIRE_OK);
}

static void house_open(void)
{
    if (house.directory != NULL)
        return;
    zoo_open(&house.zoo, INT64_C(1581300000000));
    ENSURE(atexit(zoo_leave) == 0);
    leaves_open(&house.leaves, &house.zoo);
    house.directory = zoo_directory(&house.zoo);
    house.node = zoo_identity(&house.zoo, "330000");
    house.secretary = zoo_identity(&house.zoo, "secretary");
    wire_arena_over(&house.arena, house.memory, sizeof house.memory);
    house.ca = cert_identity_ca(house.node);
    house.crl = cert_directory_crl_bytes(house.directory);
    house_policy();
    const struct cert_entry *seal =
        cert_directory_current(house.directory, 330000, WIRE__USAGE__USAGE_SEAL, house.zoo.now_ms);
    ENSURE(seal != NULL);
    memcpy(house.seal_certificate, seal->subject.digest, WIRE_HASH_BYTES);
    memset(house.key, 0x4b, sizeof house.key);
    ENSURE(cert_box_seal(seal, house.key, &house.arena, &house.box) == WIRE_OK);
}

/* --- changed ------------------------------------------------------------------------------------------------------ */

struct changed {
    uint8_t data[CHANGED_MAX];
    size_t size;
    bool same;
};

/* Bytes set, cut out or put in, as the input says. */
static const struct changed *change(struct fuzz_input *input, struct wire_bytes from)
{
    static struct changed changed;
    ENSURE(from.size > 0 && from.size <= CHANGED_MAX / 2);
    memcpy(changed.data, from.data, from.size);
    changed.size = from.size;
    for (int i = 0; i < 8 && input->size > 0 && changed.size > 1; i++) {
        size_t at = fuzz_u16(input) % changed.size;
        uint8_t how = fuzz_u8(input);
        if (how < 200) {
            changed.data[at] = fuzz_u8(input);
        } else if (how < 225) {
            size_t gone = 1 + fuzz_u8(input) % (changed.size - at);
            gone = gone == changed.size ? gone - 1 : gone;
            memmove(changed.data + at, changed.data + at + gone, changed.size - at - gone);
            changed.size -= gone;
        } else {
            memmove(changed.data + at + 1, changed.data + at, changed.size - at);
            changed.data[at] = fuzz_u8(input);
            changed.size++;
        }
    }
    changed.same = wire_bytes_equal(wire_bytes(changed.data, changed.size), from);
    return &changed;
}

static struct wire_bytes bytes_of(const struct changed *changed)
{
    return wire_bytes(changed->data, changed->size);
}

/* What the CA would have signed, had somebody made it do so: our reader takes nothing that OpenSSL would not. */
static void signed_anew(const struct changed *changed, struct wire_bytes from)
{
    static uint8_t made[LEAVES_BYTES_MAX];
    size_t rest = from.size - leaves_signed_part(from).size;
    if (changed->size > rest + 256)
        leaves_compare(
            &house.leaves,
            wire_bytes(
                made, leaves_sign(&house.leaves, wire_bytes(changed->data + LEAVES_HEAD, changed->size - rest), made)));
}

/* A certificate of the directory in a record of the next epoch. That of somebody enrolled is taken again as it is; a
 * changed one never: the CA's signature is over all of it. */
static void changed_certificate(struct fuzz_input *input)
{
    struct cert_directory *fresh;
    const struct cert_entry *entry =
        cert_directory_at(house.directory, fuzz_u8(input) % cert_directory_count(house.directory));
    const struct changed *changed = change(input, entry->certificate);
    struct wire_problem problem;
    Wire__DirectoryRecord record;
    ENSURE(cert_directory_new(house.ca, NULL, &fresh, NULL) == WIRE_OK);
    wire__directory_record__init(&record);
    record.epoch = 1;
    record.certificate = (ProtobufCBinaryData){.len = changed->size, .data = (uint8_t *)(uintptr_t)changed->data};
    enum wire_status status = cert_directory_add(fresh, &record, &problem);
    if (changed->same) {
        ENSURE(status == WIRE_OK);
    } else if (status == WIRE_OK) {
        /* the signature's own encoding is outside what is signed: another encoding may verify, the content cannot
         * differ */
        const struct cert_subject *taken = &cert_directory_at(fresh, 0)->subject;
        ENSURE(taken->region == entry->subject.region && taken->usage == entry->subject.usage);
        ENSURE(taken->role == entry->subject.role && taken->until_ms == entry->subject.until_ms);
        ENSURE(memcmp(taken->serial, entry->subject.serial, sizeof taken->serial) == 0);
        ENSURE(memcmp(taken->curve, entry->subject.curve, sizeof taken->curve) == 0);
    }
    cert_directory_free(&fresh);
    signed_anew(changed, entry->certificate);
}

static void changed_crl(struct fuzz_input *input)
{
    struct cert_directory *fresh;
    const struct changed *changed = change(input, house.crl);
    ENSURE(cert_directory_new(house.ca, NULL, &fresh, NULL) == WIRE_OK);
    enum wire_status status = cert_directory_crl(fresh, bytes_of(changed), NULL);
    ENSURE(!changed->same || status == WIRE_OK);
    if (status == WIRE_OK)
        ENSURE(cert_directory_crl_number(fresh) == cert_directory_crl_number(house.directory) &&
               cert_directory_crl_next_ms(fresh) == cert_directory_crl_next_ms(house.directory));
    cert_directory_free(&fresh);
}

static void changed_policy(struct fuzz_input *input)
{
    struct wire_arena arena;
    struct cert_policy policy;
    const struct changed *changed = change(input, house.policy);
    fuzz_arena(0, 1024 * 1024, &arena);
    enum wire_status status =
        cert_policy_verify(house.directory, bytes_of(changed), house.zoo.now_ms, &arena, &policy, NULL);
    ENSURE(!changed->same || status == WIRE_OK);
    if (status == WIRE_OK)
        ENSURE(policy.text->version == 7 && policy.text->n_file == 1 && policy.text->file[0]->text.len == 12);
}

/* A box opens to its key or not at all. */
static void changed_box(struct fuzz_input *input)
{
    uint8_t key[CERT_KEY_BYTES];
    const struct changed *changed = change(input, house.box);
    enum wire_status status = cert_box_open(house.node, house.seal_certificate, bytes_of(changed), key);
    ENSURE(!changed->same || status == WIRE_OK);
    ENSURE(status != WIRE_OK || memcmp(key, house.key, sizeof key) == 0);
}

/* --- a stranger's ------------------------------------------------------------------------------------------------- */

static void strange_certificate(struct wire_bytes raw)
{
    struct cert_ca ca = {.x509 = NULL};
    X509 *x509 = cert_x509_parse(raw);
    if (cert_ca_open(&ca, raw, NULL, "fuzz", NULL) == WIRE_OK)
        ENSURE(ca.from_ms <= ca.until_ms && ca.installation[0] != '\0');
    if (x509 != NULL) {
        struct cert_subject subject;
        struct cert_ca trusted = {.x509 = NULL};
        ENSURE(cert_ca_open(&trusted, house.ca, NULL, "ca", NULL) == WIRE_OK);
        if (cert_ca_check(&trusted, x509, "fuzz", &subject, NULL) == WIRE_OK)
            ENSURE(subject.name[0] != '\0' && cert_role_has(subject.role, subject.usage));
        cert_ca_close(&trusted);
        X509_free(x509);
    }
    cert_ca_close(&ca);
}

static void strange_key_and_crl(struct wire_bytes raw)
{
    EVP_PKEY *key = cert_key_parse(raw, NULL);
    EVP_PKEY_free(key);
    X509_CRL *crl = cert_crl_parse(raw);
    X509_CRL_free(crl);
    struct cert_directory *fresh;
    ENSURE(cert_directory_new(house.ca, NULL, &fresh, NULL) == WIRE_OK);
    ENSURE(cert_directory_crl(fresh, raw, NULL) != WIRE_OK || raw.size >= house.crl.size);
    cert_directory_free(&fresh);
}

/* An installation of the stranger's own: CA, then records, a CRL and a policy under it. */
static void strange_installation(struct fuzz_input *input)
{
    struct cert_directory *fresh;
    if (cert_directory_new(fuzz_piece(input), NULL, &fresh, NULL) != WIRE_OK)
        return;
    for (uint64_t epoch = 1; input->size > 0 && epoch < 8; epoch++) {
        struct wire_bytes piece = fuzz_piece(input);
        struct wire_arena arena;
        struct cert_policy policy;
        enum wire_status status;
        fuzz_arena(0, 1024 * 1024, &arena);
        Wire__DirectoryRecord *record = (Wire__DirectoryRecord *)wire_decode(&wire__directory_record__descriptor, piece,
                                                                             WIRE_STRICT_ALL, &arena, &status);
        if (record != NULL) {
            uint64_t before = cert_directory_epoch(fresh);
            status = cert_directory_add(fresh, record, NULL);
            ENSURE(cert_directory_epoch(fresh) == before + (status == WIRE_OK));
        }
        cert_directory_crl(fresh, piece, NULL);
        cert_policy_verify(fresh, piece, INT64_C(1581300000000), &arena, &policy, NULL);
    }
    uint32_t regions[4];
    cert_directory_regions(fresh, INT64_C(1581300000000), regions, 4);
    cert_directory_free(&fresh);
}

static void strange_evidence(struct fuzz_input *input)
{
    struct cli_evidence_input in = {.now_ms = INT64_C(1581300000000)};
    struct cli_evidence out;
    in.ca = fuzz_one_in(input, 2) ? fuzz_piece(input) : house.ca;
    in.evidence = fuzz_rest(input);
    cli_evidence_check(&in, &out);
    ENSURE(out.count > 0 && out.worst == CLI_GRADE_BAD); /* nobody here signs evidence */
    cli_evidence_close(&out);
}

static void strange_box(struct wire_bytes raw)
{
    uint8_t key[CERT_KEY_BYTES];
    ENSURE(cert_box_open(house.node, house.seal_certificate, raw, key) != WIRE_OK || wire_bytes_equal(raw, house.box));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input(data, size);
    house_open();
    if (size > 32 * 1024)
        return 0;
    switch (fuzz_below(&input, 9)) {
    case 0:
        changed_certificate(&input);
        break;
    case 1:
        changed_crl(&input);
        break;
    case 2:
        changed_policy(&input);
        break;
    case 3:
        changed_box(&input);
        break;
    case 4:
        strange_certificate(fuzz_rest(&input));
        break;
    case 5:
        strange_key_and_crl(fuzz_rest(&input));
        break;
    case 6:
        strange_installation(&input);
        break;
    case 7:
        strange_evidence(&input);
        break;
    default:
        strange_box(fuzz_rest(&input));
        break;
    }
    ERR_clear_error();
    return 0;
}
