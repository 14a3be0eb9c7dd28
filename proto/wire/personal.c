#include "wire/personal.h"
#include "wire/time.h"
#include <stdio.h>
#include <string.h>

/* --- finding numbers in texts --- */

enum { GROUPS_MAX = 3, DIGITS_MAX = 24 };

struct digits {
    char text[DIGITS_MAX]; /* as ASCII */
    size_t count;          /* may exceed DIGITS_MAX; then the text is its beginning */
    size_t end;            /* where the group ends in the text searched */
};

/* One digit, ASCII or full-width (U+FF10 to U+FF19, EF BC 90 to EF BC 99); its size in bytes, 0: none here. */
static size_t digit_at(struct wire_bytes text, size_t at, char *digit)
{
    if (at < text.size && text.data[at] >= '0' && text.data[at] <= '9') {
        *digit = (char)text.data[at];
        return 1;
    }
    if (at + 3 <= text.size && text.data[at] == 0xEF && text.data[at + 1] == 0xBC && text.data[at + 2] >= 0x90 &&
        text.data[at + 2] <= 0x99) {
        *digit = (char)('0' + (text.data[at + 2] - 0x90));
        return 3;
    }
    return 0;
}

static struct digits digits_at(struct wire_bytes text, size_t at)
{
    struct digits group = {.end = at};
    char digit = 0;
    for (size_t step; (step = digit_at(text, group.end, &digit)) > 0; group.end += step, group.count++)
        if (group.count < DIGITS_MAX)
            group.text[group.count] = digit;
    return group;
}

/* X, x or full-width Ｘ, ｘ; its size in bytes, 0: none. */
static size_t x_at(struct wire_bytes text, size_t at)
{
    if (at < text.size && (text.data[at] == 'X' || text.data[at] == 'x'))
        return 1;
    if (at + 3 <= text.size && text.data[at] == 0xEF &&
        ((text.data[at + 1] == 0xBC && text.data[at + 2] == 0xB8) ||
         (text.data[at + 1] == 0xBD && text.data[at + 2] == 0x98)))
        return 3;
    return 0;
}

/* A space or hyphen between two groups, also full-width; its size in bytes. */
static size_t separator_at(struct wire_bytes text, size_t at)
{
    if (at < text.size && (text.data[at] == ' ' || text.data[at] == '-'))
        return 1;
    static const char *const wide[] = {"\xE3\x80\x80", "\xEF\xBC\x8D", "\xE2\x80\x91"};
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (at + 3 <= text.size && memcmp(text.data + at, wide[i], 3) == 0)
            return 3;
    return 0;
}

static uint32_t number_of(const char *digits, size_t count)
{
    uint32_t number = 0;
    for (size_t i = 0; i < count; i++)
        number = number * 10 + (uint32_t)(digits[i] - '0');
    return number;
}

static bool is_mobile(const char *digits, size_t count)
{
    if (count == 15 && memcmp(digits, "0086", 4) == 0)
        return is_mobile(digits + 4, 11);
    if (count == 13 && memcmp(digits, "86", 2) == 0)
        return is_mobile(digits + 2, 11);
    return count == 11 && digits[0] == '1' && digits[1] >= '3';
}

/* The digits of an identity number; 17 when an X follows. */
static bool is_identity(const char *digits, size_t count, bool x_follows)
{
    if (digits[0] == '0')
        return false;
    if (count == 18 || (count == 17 && x_follows)) {
        uint32_t birth = number_of(digits + 6, 8);
        return birth >= 18500101 && birth <= 21001231 && wire_day_valid(birth);
    }
    return count == 15 && wire_day_valid(19000000 + number_of(digits + 6, 6));
}

/* What `count` digits that end at `end` are; an X behind them is taken in. */
static enum wire_personal_kind classify(struct wire_bytes text, const char *digits, size_t count, size_t *end)
{
    if (count < 11 || count > 18)
        return WIRE_PERSONAL_NONE;
    if (is_mobile(digits, count))
        return WIRE_PERSONAL_MOBILE;
    size_t x = x_at(text, *end);
    if (!is_identity(digits, count, x > 0))
        return WIRE_PERSONAL_NONE;
    if (count == 17)
        *end += x;
    return WIRE_PERSONAL_IDENTITY;
}

/* Three groups with single separators between them; false: there are not that many. */
static bool three_groups(struct wire_bytes text, const struct digits *first, struct digits group[GROUPS_MAX])
{
    group[0] = *first;
    for (size_t i = 1; i < GROUPS_MAX; i++) {
        size_t gap = separator_at(text, group[i - 1].end);
        if (gap == 0)
            return false;
        group[i] = digits_at(text, group[i - 1].end + gap);
    }
    return true;
}

static bool has_shape(const struct digits group[GROUPS_MAX], const size_t shape[GROUPS_MAX])
{
    for (size_t i = 0; i < GROUPS_MAX; i++)
        if (group[i].count != shape[i])
            return false;
    return true;
}

/* Numbers written in three groups: 3-4-4 for mobiles, 6-8-4 (or 6-8-3 and X) for identity numbers. */
static enum wire_personal_kind classify_groups(struct wire_bytes text, const struct digits *first, size_t *end)
{
    static const size_t mobile[] = {3, 4, 4}, identity[] = {6, 8, 4}, identity_x[] = {6, 8, 3};
    struct digits group[GROUPS_MAX];
    if (!three_groups(text, first, group))
        return WIRE_PERSONAL_NONE;
    /* 310000-20200207-0012 is the number of a notice, and the most usual thing to write in an answer. */
    bool notice_number = has_shape(group, identity) && first->end < text.size && text.data[first->end] == '-';
    if (notice_number || !(has_shape(group, mobile) || has_shape(group, identity) || has_shape(group, identity_x)))
        return WIRE_PERSONAL_NONE;
    char joined[GROUPS_MAX * DIGITS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < GROUPS_MAX; count += group[i++].count)
        memcpy(joined + count, group[i].text, group[i].count);
    *end = group[GROUPS_MAX - 1].end;
    return classify(text, joined, count, end);
}

/* Where a digit may begin, from `at` on. */
static size_t next_digit(struct wire_bytes text, size_t at)
{
    while (at < text.size && (unsigned)(text.data[at] - '0') > 9 && text.data[at] != 0xEF)
        at++;
    return at;
}

struct wire_personal_number wire_personal_find(struct wire_bytes text, size_t from)
{
    for (size_t at = next_digit(text, from); at < text.size; at = next_digit(text, at)) {
        struct digits group = digits_at(text, at);
        if (group.count == 0) {
            at++;
            continue;
        }
        size_t end = group.end;
        enum wire_personal_kind kind = classify(text, group.text, group.count, &end);
        if (kind == WIRE_PERSONAL_NONE)
            kind = classify_groups(text, &group, &end);
        if (kind != WIRE_PERSONAL_NONE)
            return (struct wire_personal_number){.kind = kind, .at = at, .size = end - at};
        at = group.end;
    }
    return (struct wire_personal_number){.kind = WIRE_PERSONAL_NONE, .at = text.size};
}

/* --- masks --- */

static const char hidden[] = "****";

/* Bytes of the first `count` characters. */
static size_t first_characters(const char *text, size_t count)
{
    size_t at = 0;
    while (text[at] != '\0' && count > 0) {
        at++;
        while (((unsigned char)text[at] & 0xC0) == 0x80)
            at++;
        count--;
    }
    return at;
}

static size_t characters_in(const char *text, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

struct middle {
    size_t head;  /* characters kept in front */
    size_t tail;  /* and at the end */
    size_t stars; /* between them; 0: one for each that is hidden */
    size_t least; /* a shorter text is hidden whole */
};

static const char *mask_middle(const char *value, struct middle keep, struct wire_text *out)
{
    size_t count = characters_in(value, strlen(value));
    if (count < keep.least)
        return hidden;
    wire_text_add(out, value, first_characters(value, keep.head));
    size_t stars = keep.stars == 0 ? count - keep.head - keep.tail : keep.stars;
    for (size_t i = 0; i < stars; i++)
        wire_text_add(out, "*", 1);
    wire_text_string(out, value + first_characters(value, count - keep.tail));
    return out->cut ? hidden : out->data;
}

static const char *mask_name(const char *value, struct wire_text *out)
{
    wire_text_add(out, value, first_characters(value, 1));
    wire_text_string(out, "*");
    return out->cut ? hidden : out->data;
}

static const char *mask_id(const char *value, struct wire_text *out)
{
    if (characters_in(value, strlen(value)) >= 15)
        return mask_middle(value, (struct middle){.head = 4, .tail = 2, .least = 15}, out);
    return mask_middle(value, (struct middle){.head = 1, .tail = 2, .least = 6}, out); /* passports and permits */
}

/* Only what looks like a day shows its year: anything else of that size may be cut within a character. */
static const char *mask_day(const char *value, struct wire_text *out)
{
    if (strlen(value) != 10 || strspn(value, "0123456789") != 4 || value[4] != '-')
        return hidden;
    wire_text_add(out, value, 5);
    wire_text_string(out, "**-**");
    return out->cut ? hidden : out->data;
}

/* The text with the numbers in it masked; NULL when it has none. */
static const char *mask_numbers(const char *value, struct wire_text *out)
{
    struct wire_bytes text = wire_bytes(value, strlen(value));
    struct wire_personal_number found = wire_personal_find(text, 0);
    if (found.kind == WIRE_PERSONAL_NONE)
        return NULL;
    size_t from = 0;
    for (; found.kind != WIRE_PERSONAL_NONE; found = wire_personal_find(text, from)) {
        wire_text_add(out, value + from, found.at - from);
        wire_text_string(out, hidden);
        from = found.at + found.size;
    }
    wire_text_string(out, value + from);
    return out->cut ? hidden : out->data;
}

const char *wire_mask(enum wire_mask mask, const char *value, char *scratch, size_t scratch_size)
{
    struct wire_text out = {.data = scratch, .capacity = scratch_size};
    if (scratch_size > 0)
        scratch[0] = '\0';
    switch (mask) {
    case WIRE_MASK_NONE:
        return NULL;
    case WIRE_MASK_NAME:
        return mask_name(value, &out);
    case WIRE_MASK_ID:
        return mask_id(value, &out);
    case WIRE_MASK_PHONE:
        return mask_middle(value, (struct middle){.head = 3, .tail = 4, .stars = 4, .least = 11}, &out);
    case WIRE_MASK_DAY:
        return mask_day(value, &out);
    case WIRE_MASK_PLATE:
        return mask_middle(value, (struct middle){.head = 2, .tail = 1, .stars = 4, .least = 6}, &out);
    case WIRE_MASK_ALL:
        return hidden;
    case WIRE_MASK_NUMBERS:
        return mask_numbers(value, &out);
    }
    return hidden;
}

static const char *show_masked(void *context, const char *path, const ProtobufCFieldDescriptor *field,
                               const char *value, char *scratch, size_t scratch_size)
{
    (void)context;
    (void)path;
    const struct wire_field *row = wire_field_of(field);
    return row == NULL ? NULL : wire_mask(row->mask, value, scratch, scratch_size);
}

const struct wire_redaction *wire_redact_personal(void)
{
    static const struct wire_redaction redaction = {.show = show_masked};
    return &redaction;
}
