/* The day key file as a bad disk might give it back: heads and slots from the input, their checks put right or not.
 * Oracles: an erased day never has a key again; a key that was made is found, also after opening the file anew; days up
 * to "erased through" are gone. */
#define _GNU_SOURCE
#include "keep/daykeys.h"
#include "target.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SLOT_BYTES = 64, SLOTS = 2 + DAYKEYS_MAX, SLOTS_WRITTEN_MAX = 16, USES_MAX = 8, FIRST_SLOTS = 32 };

static char path[64];

static void forget(void)
{
    unlink(path);
}

static int file_of_zeros(void)
{
    static int fd = -1;
    if (fd >= 0)
        return fd;
    snprintf(path, sizeof path, "%s/fuzz-daykeys-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    fd = mkstemp(path);
    ENSURE(fd >= 0 && ftruncate(fd, SLOTS * SLOT_BYTES) == 0 && atexit(forget) == 0);
    return fd;
}

static void check_right(uint8_t slot[SLOT_BYTES])
{
    uint32_t crc = 0xFFFFFFFF;
    for (int i = 0; i < SLOT_BYTES - 4; i++) {
        crc ^= slot[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0xEDB88320 & (0U - (crc & 1)));
    }
    wire_put_u32(slot + SLOT_BYTES - 4, ~crc);
}

static void head_build(struct fuzz_input *input, uint8_t slot[SLOT_BYTES])
{
    memcpy(slot, "LFDAYKEY", 8);
    wire_put_u32(slot + 8, fuzz_one_in(input, 16) ? fuzz_u32(input) : 1);
    wire_put_u64(slot + 16, fuzz_one_in(input, 4) ? fuzz_u64(input) : fuzz_u8(input));
    wire_put_u32(slot + 24, fuzz_one_in(input, 4) ? fuzz_u32(input) : 20200200u + fuzz_u8(input));
}

static void slot_build(struct fuzz_input *input, uint8_t slot[SLOT_BYTES])
{
    static const uint32_t marks[] = {0x4C495645, 0x474F4E45};
    wire_put_u32(slot, marks[fuzz_below(input, 2)]);
    wire_put_u32(slot + 4, 20200200u + fuzz_u8(input));
    slot[8] = fuzz_u8(input);
}

static bool write_slot(struct fuzz_input *input, int fd, size_t at)
{
    uint8_t slot[SLOT_BYTES] = {0};
    uint8_t how = fuzz_u8(input);
    if (how & 1) {
        struct wire_bytes raw = fuzz_take(input, SLOT_BYTES);
        if (raw.size > 0)
            memcpy(slot, raw.data, raw.size);
    } else if (at < 2) {
        head_build(input, slot);
    } else {
        slot_build(input, slot);
    }
    if ((how & 6) != 6)
        check_right(slot);
    return pwrite(fd, slot, sizeof slot, (off_t)(at * SLOT_BYTES)) == sizeof slot;
}

/* Zeros again where this run can have written: the slots of the input, and the first free ones, for keys made. */
static void clean(int fd, const size_t *written, size_t count)
{
    static const uint8_t zeros[FIRST_SLOTS * SLOT_BYTES];
    ENSURE(pwrite(fd, zeros, sizeof zeros, 0) == sizeof zeros);
    for (size_t i = 0; i < count; i++)
        ENSURE(pwrite(fd, zeros, SLOT_BYTES, (off_t)(written[i] * SLOT_BYTES)) == SLOT_BYTES);
}

static void use(struct daykeys *keys, struct fuzz_input *input)
{
    uint8_t random[DAYKEY_BYTES] = {fuzz_u8(input)}, key[DAYKEY_BYTES], again[DAYKEY_BYTES];
    uint32_t day = 20200200u + fuzz_u8(input);
    if (fuzz_one_in(input, 3)) {
        size_t live = daykeys_live(keys), erased;
        ENSURE(daykeys_erase_through(keys, day, &erased, NULL) == WIRE_OK && erased <= SLOTS);
        ENSURE(daykeys_live(keys) <= live && daykeys_damaged(keys) == 0);
        ENSURE(daykeys_erased_through(keys) >= day && daykeys_find(keys, day, key) == WIRE_ERASED);
    }
    enum wire_status found = daykeys_find(keys, day, again);
    enum wire_status made = daykeys_get_or_make(keys, day, random, key, NULL);
    ENSURE((made == WIRE_ERASED) == (day <= daykeys_erased_through(keys)));
    if (made == WIRE_OK)
        ENSURE(memcmp(key, found == WIRE_OK ? again : random, sizeof key) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input(data, size);
    struct daykeys *keys;
    size_t written[SLOTS_WRITTEN_MAX] = {0, 1}, count = 2 + fuzz_below(&input, SLOTS_WRITTEN_MAX - 2);
    int fd = file_of_zeros();
    for (size_t i = 0; i < count; i++) {
        if (i >= 2)
            written[i] = 2u + fuzz_u16(&input) % (fuzz_one_in(&input, 4) ? (unsigned)DAYKEYS_MAX : 8u);
        ENSURE(write_slot(&input, fd, written[i]));
    }
    if (daykeys_open(path, &keys, NULL) == WIRE_OK) {
        uint8_t key[DAYKEY_BYTES], again[DAYKEY_BYTES];
        for (int i = 0; i < USES_MAX && input.size > 0; i++)
            use(keys, &input);
        uint32_t through = daykeys_erased_through(keys), day = 20200200u + fuzz_u8(&input);
        size_t live = daykeys_live(keys);
        enum wire_status status = daykeys_find(keys, day, key);
        daykeys_close(&keys);
        ENSURE(daykeys_open(path, &keys, NULL) == WIRE_OK);
        ENSURE(daykeys_erased_through(keys) == through && daykeys_live(keys) == live);
        ENSURE(daykeys_find(keys, day, again) == status && (status != WIRE_OK || memcmp(key, again, sizeof key) == 0));
        daykeys_close(&keys);
    }
    clean(fd, written, count);
    return 0;
}
