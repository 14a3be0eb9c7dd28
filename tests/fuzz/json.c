/* Payloads as JSON, as programs send them, and as bytes, as peers send them. Oracles: what is read is written and read
 * as the same message, the canonical text of a message that passes its kind's check reads as that message; masked texts
 * show no number. */
#include "link/json.h"
#include "schema/payload.pb-c.h"
#include "target.h"
#include "wire/codec.h"
#include "wire/json.h"
#include "wire/kind.h"
#include "wire/personal.h"

enum { SLOT_READ, SLOT_WRITTEN, SLOT_BYTES, MEMORY = 8 * 1024 * 1024 };

static const int64_t now_ms = INT64_C(1581300000000);

static const ProtobufCMessageDescriptor *type_of(uint8_t which)
{
    if (which % 8 == 7)
        return &wire__header__descriptor;
    return wire_kind_at(which % wire_kind_count())->payload;
}

static struct wire_text write_canonical(const ProtobufCMessage *message)
{
    static char *memory;
    enum { CAPACITY = 4 * 1024 * 1024 };
    if (memory == NULL)
        memory = malloc(CAPACITY);
    ENSURE(memory != NULL);
    struct wire_text text = {.data = memory, .capacity = CAPACITY};
    wire_json_write(&text, message, NULL);
    ENSURE(!text.cut);
    return text;
}

/* The message, written and read: the same bytes. */
static void round_trip(const ProtobufCMessage *message, bool must_read)
{
    struct wire_arena written, bytes;
    struct wire_problem problem;
    struct wire_text text = write_canonical(message);
    fuzz_arena(SLOT_WRITTEN, MEMORY, &written);
    fuzz_arena(SLOT_BYTES, MEMORY, &bytes);
    const ProtobufCMessage *again =
        link_json_to_message(message->descriptor, text.data, text.size, &written, true, &problem);
    if (again == NULL) {
        ENSURE(!must_read);
        return;
    }
    struct wire_bytes first = wire_encode(message, &bytes), second = wire_encode(again, &bytes);
    ENSURE(first.data != NULL && wire_bytes_equal(first, second));
}

static const struct wire_kind *kind_of(const ProtobufCMessageDescriptor *type)
{
    for (size_t i = 0; i < wire_kind_count(); i++)
        if (wire_kind_at(i)->payload == type)
            return wire_kind_at(i);
    return NULL;
}

static void check_and_mask(const ProtobufCMessage *message)
{
    const struct wire_kind *kind = kind_of(message->descriptor);
    struct wire_problem problem;
    if (kind == NULL)
        return;
    bool good = kind->check(message, now_ms, &problem) == WIRE_OK;
    ENSURE(good == (kind->check(message, now_ms, NULL) == WIRE_OK));
    if (kind->urgency != NULL)
        kind->urgency(message);
    if (kind->subjects != NULL)
        kind->subjects(message);
    if (kind->exposure_day != NULL)
        kind->exposure_day(message);
    static char shown[1024 * 1024];
    struct wire_text text = {.data = shown, .capacity = sizeof shown};
    wire_json_write(&text, message, wire_redact_personal());
    if (good)
        round_trip(message, true);
}

static void from_text(const ProtobufCMessageDescriptor *type, struct wire_bytes text, bool strict)
{
    struct wire_arena arena;
    struct wire_problem problem;
    fuzz_arena(SLOT_READ, MEMORY, &arena);
    const ProtobufCMessage *message =
        link_json_to_message(type, (const char *)text.data, text.size, &arena, strict, &problem);
    if (message == NULL) {
        ENSURE(problem.status != WIRE_OK && problem.zh[0] != '\0' && problem.en[0] != '\0');
        return;
    }
    round_trip(message, true);
    check_and_mask(message);
}

/* A message of bytes may hold what JSON does not accept back (a time of the year 12000): then it is only written. */
static void from_bytes(const ProtobufCMessageDescriptor *type, struct wire_bytes raw)
{
    struct wire_arena arena;
    enum wire_status status;
    fuzz_arena(SLOT_READ, wire_arena_budget(raw.size), &arena);
    const ProtobufCMessage *message = wire_decode(type, raw, WIRE_STRICT_ALL, &arena, &status);
    if (message == NULL)
        return;
    round_trip(message, false);
    check_and_mask(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input(data, size);
    if (size > 32 * 1024)
        return 0;
    uint8_t what = fuzz_u8(&input);
    const ProtobufCMessageDescriptor *type = type_of(what >> 2);
    if (what & 1)
        from_bytes(type, fuzz_rest(&input));
    else
        from_text(type, fuzz_rest(&input), (what & 2) == 0);
    return 0;
}
