/* Toy keys: a certificate is a name with its number and a check, a signature is a keyed hash. Cheap, and a forgery
 * shows.
 */
#include "sim.h"

#include "wire/batch.h"
#include "wire/statement.h"

static const uint8_t domain[WIRE_HASH_BYTES] = "the simulator's installation";

static void hash(const struct sim *sim, const char *what, const void *a, size_t a_size, struct wire_bytes b,
                 uint8_t out[WIRE_HASH_BYTES])
{
    struct wire_bytes pieces[4] = {wire_bytes(what, strlen(what)),
                                   wire_bytes(sim->trust.secret, sizeof sim->trust.secret), wire_bytes(a, a_size), b};
    sim->hash.digest(sim->hash.context, pieces, 4, out);
}

/* --- directory ---------------------------------------------------------------------------------------------------- */

static void add(struct sim *sim, struct sim_record record)
{
    struct sim_trust *trust = &sim->trust;
    ENSURE(trust->epoch < SIM_RECORDS_MAX);
    record.at_us = sim->now_us;
    trust->record[trust->epoch++] = record;
    sim->enrolment_us = sim->now_us;
    sim_trace(sim, "directory %llu: %06u key %u %s", (unsigned long long)trust->epoch, record.region, record.generation,
              record.revoked ? "revoked" : "issued");
}

void sim_trust_issue(struct sim *sim, uint32_t region, uint32_t generation, int64_t until_ms)
{
    add(sim, (struct sim_record){.region = region, .generation = generation, .until_ms = until_ms});
}

void sim_trust_revoke(struct sim *sim, uint32_t region, uint32_t generation)
{
    add(sim, (struct sim_record){.region = region, .generation = generation, .revoked = true});
}

int64_t sim_trust_next_ms(const struct sim *sim, uint64_t epoch, int64_t now_ms)
{
    int64_t next_ms = INT64_MAX;
    for (uint64_t i = 0; i < epoch; i++) {
        const struct sim_record *record = &sim->trust.record[i];
        if (!record->revoked && record->until_ms != INT64_MAX && record->until_ms + 1 > now_ms &&
            record->until_ms + 1 < next_ms)
            next_ms = record->until_ms + 1;
    }
    return next_ms;
}

void sim_trust_encode(const struct sim *sim, uint64_t epoch, uint8_t out[SIM_RECORD_BYTES])
{
    const struct sim_record *record = &sim->trust.record[epoch - 1];
    memset(out, 0, SIM_RECORD_BYTES);
    uint8_t *at = wire_put_u64(out, epoch);
    at = wire_put_u32(at, record->region);
    at = wire_put_u32(at, record->generation);
    *at++ = record->revoked;
    wire_put_u64(wire_put_u64(at, (uint64_t)record->at_us), (uint64_t)record->until_ms);
}

uint32_t sim_generation(const struct sim *sim, uint64_t epoch, uint32_t region, int64_t at_ms)
{
    uint32_t newest = 0;
    for (uint64_t i = 0; i < epoch; i++) {
        const struct sim_record *record = &sim->trust.record[i];
        if (record->region != region || record->generation < newest)
            continue;
        if (!record->revoked && at_ms <= record->until_ms)
            newest = record->generation;
        if (record->revoked && record->generation == newest)
            newest = 0;
    }
    return newest;
}

bool sim_enrolled(const struct sim *sim, uint64_t epoch, uint32_t region, int64_t at_ms)
{
    return sim_generation(sim, epoch, region, at_ms) != 0;
}

/* --- certificates ------------------------------------------------------------------------------------------------- */

void sim_certificate(const struct sim *sim, enum sim_usage usage, struct sim_key key, uint8_t out[WIRE_HASH_BYTES])
{
    uint8_t name[12];
    wire_put_u32(wire_put_u32(wire_put_u32(name, (uint32_t)usage), key.region), key.generation);
    hash(sim, "certificate", name, sizeof name, wire_bytes(NULL, 0), out);
    memcpy(out, name, sizeof name);
}

enum wire_status sim_certificate_check(const struct sim *sim, uint64_t epoch, enum sim_usage usage,
                                       struct wire_bytes certificate, int64_t at_ms, struct sim_key *out)
{
    uint8_t right[WIRE_HASH_BYTES];
    bool issued = false, expired = false;
    if (certificate.size != WIRE_HASH_BYTES || wire_get_u32(certificate.data) != (uint32_t)usage)
        return WIRE_UNKNOWN_SIGNER;
    *out = (struct sim_key){wire_get_u32(certificate.data + 4), wire_get_u32(certificate.data + 8)};
    sim_certificate(sim, usage, *out, right);
    if (memcmp(right, certificate.data, sizeof right) != 0)
        return WIRE_UNKNOWN_SIGNER;
    for (uint64_t i = 0; i < epoch; i++) {
        const struct sim_record *record = &sim->trust.record[i];
        if (record->region != out->region || record->generation != out->generation)
            continue;
        if (!record->revoked) {
            issued = true;
            expired = at_ms != INT64_MIN && at_ms > record->until_ms;
        }
        if (record->revoked && at_ms != INT64_MIN && at_ms >= sim_true_ms(sim) - (sim->now_us - record->at_us) / 1000)
            return WIRE_SIGNER_REVOKED;
    }
    return !issued ? WIRE_UNKNOWN_SIGNER : expired ? WIRE_SIGNER_EXPIRED : WIRE_OK;
}

static void mac(const struct sim *sim, struct sim_key key, struct wire_bytes text, uint8_t out[SIM_SIGNATURE_BYTES])
{
    uint8_t name[8];
    wire_put_u32(wire_put_u32(name, key.region), key.generation);
    hash(sim, "signature", name, sizeof name, text, out);
}

/* --- batches ------------------------------------------------------------------------------------------------------ */

void sim_sign_batch(const struct sim *sim, struct sim_key key, Wire__BatchSeal *seal, struct wire_arena *arena)
{
    uint8_t text[WIRE_SIGNED_TEXT_MAX];
    uint8_t *signer = wire_arena_take(arena, WIRE_HASH_BYTES), *signature = wire_arena_take(arena, SIM_SIGNATURE_BYTES);
    ENSURE(signer != NULL && signature != NULL);
    sim_certificate(sim, SIM_IDENTITY, key, signer);
    seal->suite = WIRE_SUITE_P256;
    seal->signer = sim_bin(signer, WIRE_HASH_BYTES);
    mac(sim, key, wire_bytes(text, wire_batch_signed_text(seal, domain, text)), signature);
    seal->signature = sim_bin(signature, SIM_SIGNATURE_BYTES);
}

enum wire_status sim_verify_batch(const struct sim *sim, uint64_t epoch, const Wire__BatchSeal *seal, int64_t at_ms,
                                  uint32_t *region)
{
    uint8_t text[WIRE_SIGNED_TEXT_MAX], right[SIM_SIGNATURE_BYTES];
    struct sim_key key;
    enum wire_status status = sim_certificate_check(sim, epoch, SIM_IDENTITY, sim_bytes(seal->signer), at_ms, &key);
    if (status != WIRE_OK)
        return status;
    *region = key.region;
    if (seal->store_id.len != WIRE_ID_BYTES || seal->root.len != WIRE_HASH_BYTES ||
        strlen(seal->mechanism) > WIRE_MECHANISM_BYTES_MAX)
        return WIRE_BAD_FRAME;
    mac(sim, key, wire_bytes(text, wire_batch_signed_text(seal, domain, text)), right);
    return wire_bytes_equal(sim_bytes(seal->signature), wire_bytes(right, sizeof right)) ? WIRE_OK : WIRE_BAD_SIGNATURE;
}

/* --- statements --------------------------------------------------------------------------------------------------- */

static void sign_one(const struct sim *sim, struct sim_key key, Wire__Signed *blank, const struct wire_digest *leaves,
                     size_t index, size_t count, const struct wire_digest *root, struct wire_arena *arena)
{
    uint8_t text[WIRE_SIGNED_TEXT_MAX];
    struct wire_digest *path = wire_arena_take(arena, 32 * sizeof(*path));
    uint8_t *signer = wire_arena_take(arena, WIRE_HASH_BYTES), *signature = wire_arena_take(arena, SIM_SIGNATURE_BYTES);
    ENSURE(path != NULL && signer != NULL && signature != NULL);
    size_t paths = wire_merkle_path(&sim->hash, leaves, count, index, path);
    sim_certificate(sim, SIM_IDENTITY, key, signer);
    size_t size = wire_statements_signed_text(WIRE_SUITE_P256, domain, signer, (uint32_t)count, root->bytes, text);
    mac(sim, key, wire_bytes(text, size), signature);
    blank->suite = WIRE_SUITE_P256;
    blank->signer = sim_bin(signer, WIRE_HASH_BYTES);
    blank->index = (uint32_t)index;
    blank->count = (uint32_t)count;
    blank->n_path = paths;
    blank->path = wire_arena_take(arena, (paths + 1) * sizeof(*blank->path));
    for (size_t i = 0; i < paths; i++)
        blank->path[i] = sim_bin(path[i].bytes, WIRE_HASH_BYTES);
    blank->signature = sim_bin(signature, SIM_SIGNATURE_BYTES);
}

void sim_sign_statements(const struct sim *sim, struct sim_key key, Wire__Signed **blank, size_t count,
                         struct wire_arena *arena)
{
    if (count == 0)
        return;
    struct wire_digest *leaves = wire_arena_take(arena, count * sizeof(*leaves));
    struct wire_digest *scratch = wire_arena_take(arena, count * sizeof(*scratch));
    ENSURE(leaves != NULL && scratch != NULL);
    for (size_t i = 0; i < count; i++)
        leaves[i] = wire_statement_leaf(&sim->hash, (uint32_t)blank[i]->type, sim_bytes(blank[i]->statement));
    memcpy(scratch, leaves, count * sizeof(*leaves));
    struct wire_digest root = wire_merkle_root(&sim->hash, scratch, count);
    for (size_t i = 0; i < count; i++)
        sign_one(sim, key, blank[i], leaves, i, count, &root, arena);
}

enum wire_status sim_verify_signed(const struct sim *sim, uint64_t epoch, const Wire__Signed *signed_, uint32_t region,
                                   int64_t at_ms)
{
    uint8_t text[WIRE_SIGNED_TEXT_MAX], right[SIM_SIGNATURE_BYTES];
    struct wire_digest root;
    struct sim_key key;
    enum wire_status status = sim_certificate_check(sim, epoch, SIM_IDENTITY, sim_bytes(signed_->signer), at_ms, &key);
    if (status == WIRE_OK)
        status = key.region == region ? wire_signed_root(&sim->hash, signed_, &root) : WIRE_FOREIGN_ORIGIN;
    if (status != WIRE_OK)
        return status;
    size_t size =
        wire_statements_signed_text(signed_->suite, domain, signed_->signer.data, signed_->count, root.bytes, text);
    mac(sim, key, wire_bytes(text, size), right);
    return wire_bytes_equal(sim_bytes(signed_->signature), wire_bytes(right, sizeof right)) ? WIRE_OK
                                                                                            : WIRE_BAD_SIGNATURE;
}

/* --- sealing ------------------------------------------------------------------------------------------------------ */

static void box_mask(const struct sim *sim, struct sim_key key, uint8_t mask[32])
{
    uint8_t name[8];
    wire_put_u32(wire_put_u32(name, key.region), key.generation);
    hash(sim, "box", name, sizeof name, wire_bytes(NULL, 0), mask);
}

void sim_box(const struct sim *sim, struct sim_key key, const uint8_t box_key[32], uint8_t cms[40])
{
    uint8_t mask[32];
    box_mask(sim, key, mask);
    wire_put_u32(wire_put_u32(cms, key.region), key.generation);
    for (int i = 0; i < 32; i++)
        cms[8 + i] = box_key[i] ^ mask[i];
}

bool sim_unbox(const struct sim *sim, uint32_t region, struct wire_bytes cms, uint8_t box_key[32])
{
    uint8_t mask[32];
    if (cms.size != 40 || wire_get_u32(cms.data) != region)
        return false;
    box_mask(sim, (struct sim_key){region, wire_get_u32(cms.data + 4)}, mask);
    for (int i = 0; i < 32; i++)
        box_key[i] = cms.data[8 + i] ^ mask[i];
    return true;
}

void sim_crypt(const struct sim *sim, const uint8_t key[32], const uint8_t *id, uint8_t *data, size_t size)
{
    struct sim_random stream;
    uint8_t seed[WIRE_HASH_BYTES];
    hash(sim, "payload", key, 32, wire_bytes(id, WIRE_ID_BYTES), seed);
    memcpy(stream.s, seed, sizeof stream.s);
    for (size_t i = 0; i < size;) {
        uint64_t word = sim_random_next(&stream);
        for (int b = 0; b < 8 && i < size; b++, i++)
            data[i] ^= (uint8_t)(word >> (8 * b));
    }
}

void sim_tag(const struct sim *sim, const uint8_t key[32], const uint8_t *id, struct wire_bytes data,
             uint8_t tag[SIM_TAG_BYTES])
{
    uint8_t both[32 + WIRE_ID_BYTES], out[WIRE_HASH_BYTES];
    memcpy(both, key, 32);
    memcpy(both + 32, id, WIRE_ID_BYTES);
    hash(sim, "tag", both, sizeof both, data, out);
    memcpy(tag, out, SIM_TAG_BYTES);
}

bool sim_has_left(const struct sim *sim, uint32_t region)
{
    for (uint64_t i = 0; i < sim->trust.epoch; i++)
        if (sim->trust.record[i].region == region && sim->trust.record[i].revoked)
            return true;
    return sim->plan.life_s != 0;
}
