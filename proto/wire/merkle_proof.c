/* Several leaves at once. Maker and checker walk the same tree in the same order, left to right: a subtree that holds
 * none of the leaves is one hash of the proof, a single leaf is one that is held, everything else is split. */
#include "wire/canary.h"
#include "wire/ensure.h"
#include "wire/merkle.h"

static bool bit(const uint8_t *have, size_t index)
{
    return (have[index / 8] >> (index % 8) & 1) != 0;
}

static bool any(const uint8_t *have, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        if (i % 8 == 0 && first + count - i >= 8 && have[i / 8] == 0)
            i += 7;
        else if (bit(have, i))
            return true;
    }
    return false;
}

struct maker {
    const struct wire_hash *hash;
    const struct wire_digest *leaves;
    const uint8_t *have;
    struct wire_digest *proof;
    size_t count;
};

static void make(struct maker *maker, size_t first, size_t count)
{
    if (!any(maker->have, first, count)) {
        ENSURE(maker->count < WIRE_PROOF_HASHES_MAX);
        maker->proof[maker->count++] =
            wire_merkle_root(maker->hash, maker->leaves + first, CANARY(SKIP_LEAF) && count > 1 ? count - 1 : count);
    } else if (count > 1) {
        size_t left = wire_merkle_split(count);

        make(maker, first, left);
        make(maker, first + left, count - left);
    }
}

size_t wire_merkle_proof(const struct wire_hash *hash, const struct wire_digest *leaves, size_t count,
                         const uint8_t *have, struct wire_digest *proof)
{
    struct maker maker = {.hash = hash, .leaves = leaves, .have = have, .proof = proof};

    ENSURE(count >= 1);
    make(&maker, 0, count);
    return maker.count;
}

struct checker {
    const struct wire_hash *hash;
    const uint8_t *have;
    const struct wire_digest *held;
    size_t held_left;
    const struct wire_digest *proof;
    size_t proof_left;
};

static bool check(struct checker *checker, size_t first, size_t count, struct wire_digest *root)
{
    struct wire_digest side[2];

    if (!any(checker->have, first, count)) {
        if (checker->proof_left == 0)
            return false;
        checker->proof_left--;
        *root = *checker->proof++;
        return true;
    }
    if (count == 1) {
        if (checker->held_left == 0)
            return false;
        checker->held_left--;
        *root = *checker->held++;
        return true;
    }
    size_t left = wire_merkle_split(count);
    if (!check(checker, first, left, &side[0]) || !check(checker, first + left, count - left, &side[1]))
        return false;
    *root = wire_merkle_node(checker->hash, &side[0], &side[1]);
    return true;
}

bool wire_merkle_proof_root(const struct wire_hash *hash, const uint8_t *have, size_t count,
                            const struct wire_digest *held, size_t held_count, const struct wire_digest *proof,
                            size_t proof_count, struct wire_digest *root)
{
    struct checker checker = {
        .hash = hash,
        .have = have,
        .held = held,
        .held_left = held_count,
        .proof = proof,
        .proof_left = proof_count,
    };

    if (count == 0)
        return false;
    return check(&checker, 0, count, root) && checker.held_left == 0 && checker.proof_left == 0;
}
