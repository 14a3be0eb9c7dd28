/* What every payload is asked, by its field tables: demanded fields, known regions, possible days and numbers, texts
 * without secrets, without numbers that Excel ruined and, in kinds without persons, without persons. The kinds' own
 * checks come after it and use the same failing. A recipient runs the same checks as the sender, perhaps weeks later:
 * so nothing is asked that time alone could make false. */
#pragma once
#include "wire/path.h"
#include "wire/status.h"

enum {
    WIRE_CHECK_CHARACTERS_MAX = 200,          /* of a text whose row gives no limit */
    WIRE_CHECK_FREE_CHARACTERS_MAX = 4000,    /* of free text */
    WIRE_CHECK_COUNT_MAX = 100 * 1000 * 1000, /* of a count: no region has more people */
    WIRE_CHECK_DAY_MIN = 19000101,
    WIRE_CHECK_DAY_MAX = 21001231,
    WIRE_CHECK_AGE_MAX = 130,
    WIRE_CHECK_ENTRIES_MAX = 5000,       /* of a list: a ship's passengers; more is several notices */
    WIRE_CHECK_SKEW_MS = 10 * 60 * 1000, /* a clock may be this far off before "now" is "in the future" */
};

struct wire_check {
    bool persons; /* the kind carries persons */
    int64_t now_ms;
    struct wire_problem *problem; /* may be NULL */
    struct wire_path path;
};

/* Starts a check and asks the message and all in it what the tables say. The first thing wrong fails with INVALID or
 * UNKNOWN_REGION. An abolished region passes; when nothing is wrong, `problem` (status OK) names its successor. */
enum wire_status wire_check_start(struct wire_check *check, const ProtobufCMessage *message, bool persons,
                                  int64_t now_ms, struct wire_problem *problem);

/* Fails at a field of the message the path stands at (NULL: at the message itself); `zh` is preceded by the Chinese
 * path. Both formats take the same arguments. Returns WIRE_INVALID. */
enum wire_status wire_check_fail(struct wire_check *check, const ProtobufCMessageDescriptor *type, const char *field,
                                 const char *zh, const char *en, ...)
    __attribute__((format(printf, 4, 6), format(printf, 5, 6)));

/* Steps into a field of `type` by name, entry from 1 (0: no list). */
struct wire_path_mark wire_check_enter(struct wire_check *check, const ProtobufCMessageDescriptor *type,
                                       const char *field, size_t entry);

/* A text field that must be a number of an envelope, 310000-20200207-0012. NULL and "" pass (they are the tables'
 * business). */
enum wire_status wire_check_number(struct wire_check *check, const ProtobufCMessageDescriptor *type, const char *field,
                                   const char *value);

/* "2020-02-07" for messages. */
enum { WIRE_DAY_TEXT = 16 };
char *wire_day_text(uint32_t day, char out[WIRE_DAY_TEXT]);
