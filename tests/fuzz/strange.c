#include "strange.h"
#include "wire/ensure.h"
#include "wire/limits.h"

uint64_t strange_u64(struct fuzz_input *input, uint64_t right)
{
    switch (fuzz_u8(input)) {
    case 1:
        return right + 1;
    case 2:
        return right - 1;
    case 3:
        return 0;
    case 4:
        return UINT64_MAX;
    case 5:
        return UINT64_C(1) << 63;
    case 6:
        return UINT32_MAX;
    case 7:
        return fuzz_u64(input);
    case 8:
        return fuzz_u16(input);
    default:
        return right;
    }
}

int64_t strange_ms(struct fuzz_input *input, int64_t right)
{
    switch (fuzz_u8(input)) {
    case 1:
        return (int64_t)((uint64_t)right + fuzz_u16(input) * UINT64_C(60000));
    case 2:
        return (int64_t)((uint64_t)right - fuzz_u16(input) * UINT64_C(60000));
    default:
        return (int64_t)strange_u64(input, (uint64_t)right);
    }
}

int64_t strange_positive_ms(struct fuzz_input *input, int64_t right)
{
    int64_t ms = strange_ms(input, right) & INT64_MAX;
    return ms == 0 ? 1 : ms;
}

uint32_t strange_region(struct fuzz_input *input, uint32_t right)
{
    static const uint32_t regions[] = {310000, 320000, 330000, 340000, 350000, 330300, 100000, 0, 999999};
    uint8_t which = fuzz_u8(input);
    return which < sizeof regions / sizeof *regions ? regions[which] : right;
}

ProtobufCBinaryData strange_binary(struct fuzz_input *input, ProtobufCBinaryData right, struct wire_arena *arena)
{
    size_t size = right.len;
    uint8_t how = fuzz_u8(input);
    if (how > 4 || how == 0)
        return right;
    if (how == 1)
        return (ProtobufCBinaryData){.len = 0, .data = NULL};
    if (how == 2)
        size = fuzz_u8(input);
    uint8_t *data = wire_arena_take(arena, size);
    ENSURE(data != NULL);
    if (right.len > 0)
        memcpy(data, right.data, size < right.len ? size : right.len);
    if (how > 2 && size > 0)
        data[fuzz_u8(input) % size] ^= (uint8_t)(1u << (how % 8));
    return (ProtobufCBinaryData){.len = size, .data = size == 0 ? NULL : data};
}

char *strange_text(struct fuzz_input *input, const char *right, struct wire_arena *arena)
{
    static const char *const texts[] = {"",
                                        "a",
                                        "yangtze-delta",
                                        "zhuhai-macao",
                                        "delta-demo-zone",
                                        "national",
                                        "a234567890123456789012345678901234567890",
                                        "a2345678901234567890123456789012345678901",
                                        "长三角",
                                        "Not A Mechanism"};
    uint8_t which = fuzz_u8(input);
    const char *text = right;
    char own[3] = {'m', 'a', '\0'};
    if (which >= 1 && which <= sizeof texts / sizeof *texts)
        text = texts[which - 1];
    if (which == 32) { /* many names */
        own[1] = (char)('a' + fuzz_below(input, 26));
        text = own;
    }
    char *copy = wire_arena_text(arena, text, strlen(text));
    ENSURE(copy != NULL);
    return copy;
}
