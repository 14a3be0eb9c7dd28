/* Small texts: times, days, ids, numbers, regions, units, resident ids, UTF-8, identity and mobile numbers in
 * sentences, masks, labels, enum words, percent-escapes, base64-free parsing. Oracle: what is read and written again is
 * read as the same; places lie in the text. */
#include "link/http_client.h"
#include "schema/payload.pb-c.h"
#include "target.h"
#include "wire/id.h"
#include "wire/kind.h"
#include "wire/label.h"
#include "wire/personal.h"
#include "wire/region.h"
#include "wire/resident_id.h"
#include "wire/time.h"
#include "wire/unit.h"
#include "wire/utf8.h"
#include <stdio.h>

static void times(const char *text, size_t size)
{
    int64_t ms, again;
    char iso[WIRE_TIME_TEXT], people[WIRE_TIME_TEXT];
    if (!wire_time_parse(text, size, &ms))
        return;
    wire_time_iso(ms, iso);
    ENSURE(wire_time_parse(iso, strlen(iso), &again) && again == ms);
    wire_time_text(ms, people);
    ENSURE(wire_time_parse(people, strlen(people), &again) && again <= ms && ms - again < 60000);
    uint32_t day = wire_day_of(ms);
    ENSURE(wire_day_valid(day) && wire_day_of(wire_day_start(day)) == day);
    ENSURE(wire_day_start(day) <= ms && ms - wire_day_start(day) < 24 * 3600 * 1000);
}

static void days(struct fuzz_input *input)
{
    uint32_t day = fuzz_u32(input);
    int64_t ms = (int64_t)fuzz_u64(input);
    int step = (int8_t)fuzz_u8(input) * 37;
    char text[WIRE_TIME_TEXT];
    int64_t again;
    ENSURE(wire_day_valid(wire_day_of(ms)) && strlen(wire_time_iso(ms, text)) < WIRE_TIME_TEXT);
    ENSURE(wire_time_parse(text, strlen(text), &again) && wire_day_of(again) == wire_day_of(ms));
    if (!wire_day_valid(day))
        return;
    ENSURE(wire_day_of(wire_day_start(day)) == day);
    uint32_t later = wire_day_add(day, step);
    ENSURE(wire_day_valid(later));
    if (day > 1000000 && day < 99000000)
        ENSURE(wire_day_diff(later, day) == step && wire_day_add(later, -step) == day);
}

static void ids(const char *text)
{
    uint8_t id[WIRE_ID_BYTES], again[WIRE_ID_BYTES];
    char written[WIRE_ID_TEXT], number_text[WIRE_NUMBER_TEXT];
    struct wire_number number, number_again;
    if (wire_id_parse(text, id)) {
        ENSURE(wire_id_parse(wire_id_text(id, written), again) && memcmp(id, again, sizeof id) == 0);
        ENSURE(strlen(text) == WIRE_ID_TEXT - 1);
    }
    if (wire_number_parse(text, &number)) {
        ENSURE(wire_number_parse(wire_number_text(number, number_text), &number_again));
        ENSURE(number.region == number_again.region && number.date == number_again.date &&
               number.serial == number_again.serial);
    }
}

static void regions(const char *text, size_t size, uint32_t within)
{
    uint32_t adcode = wire_region_by_name(text, 0), narrow = wire_region_by_name(text, within);
    ENSURE(adcode == 0 || wire_region_find(adcode) != NULL);
    ENSURE(narrow == 0 || wire_region_within(narrow, within) || within == 0);
    uint32_t parsed = wire_region_parse(text, size);
    ENSURE(parsed == 0 || (parsed >= 100000 && parsed <= 999999) || text[0] == '0');
    uint32_t up = within;
    for (int steps = 0; up != 0; steps++) {
        ENSURE(steps < 5 && wire_region_within(within, up));
        up = wire_region_upper(up);
    }
    uint32_t unit = wire_unit_parse(text);
    ENSURE(unit == 0 || wire_unit_parse(wire_unit_id(unit)) == unit);
}

static void resident_ids(const char *text, size_t size)
{
    struct wire_resident_id read;
    enum wire_resident_id_fault fault = wire_resident_id_read(text, size, &read);
    if (fault == WIRE_RESIDENT_ID_GOOD)
        ENSURE(size == 18 && wire_day_valid(read.birth_day) &&
               (text[17] == read.expected || (read.expected == 'X' && text[17] == 'x')));
}

static void personal(const char *text, size_t size)
{
    size_t from = 0;
    for (;;) {
        struct wire_personal_number found = wire_personal_find(wire_bytes(text, size), from);
        if (found.kind == WIRE_PERSONAL_NONE)
            break;
        ENSURE(found.at >= from && found.size >= 11 && found.size <= size && found.at <= size - found.size);
        from = found.at + found.size;
    }
}

/* A masked text shows none of the numbers that it held. */
static void masks(const char *text, uint8_t which)
{
    char scratch[WIRE_MASK_SCRATCH];
    const char *shown = wire_mask((enum wire_mask)(which % (WIRE_MASK_NUMBERS + 1)), text, scratch, sizeof scratch);
    if (shown == NULL)
        return;
    ENSURE(wire_utf8_text((const uint8_t *)shown, strlen(shown)) ||
           !wire_utf8_text((const uint8_t *)text, strlen(text)));
    if (which % (WIRE_MASK_NUMBERS + 1) == WIRE_MASK_NUMBERS)
        ENSURE(wire_personal_find(wire_bytes(shown, strlen(shown)), 0).kind == WIRE_PERSONAL_NONE);
}

static void utf8(const char *text, size_t size, size_t max)
{
    size_t cut = wire_utf8_cut(text, max);
    ENSURE(cut <= max && cut <= strlen(text));
    if (wire_utf8_text((const uint8_t *)text, size)) {
        ENSURE(strlen(text) == size && wire_utf8_text((const uint8_t *)text, cut));
        ENSURE(wire_utf8_whole(text, max < size ? max : size) <= (max < size ? max : size));
    }
}

static void labels(const char *text, size_t size, uint8_t which)
{
    const struct wire_kind *kind = wire_kind_at(which % wire_kind_count());
    const ProtobufCFieldDescriptor *field = wire_field_by_label(kind->payload, text, size);
    if (field != NULL) {
        struct wire_label label = wire_label(kind->payload, field);
        ENSURE(wire_field_by_label(kind->payload, field->name, strlen(field->name)) == field);
        ENSURE(wire_field_by_label(kind->payload, label.zh, strlen(label.zh)) == field);
    }
    const struct wire_kind *named = wire_kind_by_name(text);
    ENSURE(named == NULL || wire_kind_by_name(named->name) == named);
    int value, again;
    const ProtobufCEnumDescriptor *type = which & 1 ? &wire__urgency__descriptor : &wire__lane__descriptor;
    char name[WIRE_ENUM_NAME];
    if (wire_enum_parse(type, text, size, &value))
        ENSURE(wire_enum_parse(type, wire_enum_name(type, value, name), strlen(name), &again) && again == value);
}

static bool take_event(void *context, const struct link_http_event_view *event)
{
    size_t *count = context;
    (*count)++;
    return (event->data == NULL || strlen(event->data) < 4096) && *count < 100;
}

/* The same stream in one piece and byte by byte holds the same events. */
static void events(struct wire_bytes text)
{
    struct link_http_events whole = {.data = NULL}, pieces = {.data = NULL};
    size_t once = 0, split = 0;
    bool more = link_http_events_feed(&whole, text, take_event, &once);
    for (size_t i = 0; i < text.size; i++)
        if (!link_http_events_feed(&pieces, wire_bytes(text.data + i, 1), take_event, &split))
            break;
    ENSURE(once == split || !more);
    link_http_events_close(&whole);
    link_http_events_close(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input(data, size);
    char text[2048];
    if (size > sizeof text - 1 || size == 0)
        return 0;
    uint8_t what = fuzz_u8(&input), which = fuzz_u8(&input);
    size_t length = input.size;
    if (length > 0)
        memcpy(text, input.data, length);
    text[length] = '\0';
    switch (what % 9) {
    case 0:
        times(text, length);
        break;
    case 1:
        days(&input);
        break;
    case 2:
        ids(text);
        break;
    case 3:
        regions(text, length, wire_region_at(which % wire_region_count())->adcode);
        break;
    case 4:
        resident_ids(text, length);
        personal(text, length);
        break;
    case 5:
        masks(text, which);
        break;
    case 6:
        utf8(text, length, which);
        break;
    case 7:
        labels(text, length, which);
        break;
    default:
        events(wire_bytes(data + 2, length));
        break;
    }
    return 0;
}
