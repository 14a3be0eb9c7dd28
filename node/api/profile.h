/* How a file of one office becomes envelopes: YAML, one profile a kind of file (tests/data/profiles, docs/OPERATIONS).
 *
 *   name: supply-needs                 # [a-z0-9-]
 *   kind: supply-request
 *   unit: logistics                    # issuing unit; absent: the kind's usual one
 *   issuer: adcode                     # column of the region that speaks; absent: this node's region
 *   concerns: 关联地区                 # column of regions concerned, several separated by ; or 、
 *   mechanism: mechanism               # column that may name a mechanism; empty cells: the narrowest
 *   status: actual                     # actual, exercise, test
 *   key: [adcode, facility, item]      # rows with the same key are one envelope
 *   entries: line                      # the list of the payload that gets one entry a row; absent: one row, one
 * envelope fields:                            # of the payload; of several for one field the first that gives a value
 * counts
 *     - {field: line.item, column: item}
 *     - {field: common.drafter, value: 物资组}
 *     - {field: line.quantity_kind, value: 若干, column: quantity, equals: '1'}
 *     - {field: line.quantity_kind, value: 确数, when: quantity}
 *     - {field: observe_until_day, column: 行程日期, days: 14, take: latest}
 *     - {field: expires_ms, value: now, days: 30}
 *     - {field: common.title, value: '{facility}：{item}'}   # {列名}, {列名:region}, {#}: number of the entry
 *
 * A column may have several names, separated by |; one place of the profile may give them all, others any of them.
 * Beyond those a heading counts that is the Chinese or English label of a field filled from the column as it is. Where
 * rows of one envelope disagree about a field, `take: first` (the default, the report says so) or `take: latest` (of
 * days) decides. */
#pragma once
#include "wire/field.h"
#include "wire/kind.h"
#include "wire/status.h"

enum {
    API_PROFILE_FIELDS_MAX = 200,
    API_PROFILE_KEYS_MAX = 8,
    API_PROFILE_DEPTH_MAX = 4,
    API_PROFILE_BYTES_MAX = 256 * 1024,
    API_PROFILE_NAME_MAX = 60,
};

struct api_profile_field {
    char *field, *column, *value, *when, *equals, *take; /* as written; NULL: absent */
    int days;
    /* worked out */
    const ProtobufCFieldDescriptor *path[API_PROFILE_DEPTH_MAX];
    unsigned depth;
    bool entry;  /* belongs to the entry of a row */
    bool latest; /* take: latest */
    bool now;    /* value: now */
    bool counts; /* value holds {#} */
};

struct api_profile {
    char *name, *kind_name, *unit_name, *issuer, *concerns, *mechanism, *status_name, *entries;
    char **key;
    unsigned key_count;
    struct api_profile_field *fields;
    unsigned fields_count;
    /* worked out */
    const struct wire_kind *kind;
    const ProtobufCFieldDescriptor *entry_list; /* NULL: no list */
    uint32_t unit;
    Wire__Status status;
};

/* `name` stands for the file in problems. *out goes back to api_profile_close; NULL on failure. */
enum wire_status api_profile_read(const char *name, const char *text, size_t size, struct api_profile **out,
                                  struct wire_problem *problem);
void api_profile_close(struct api_profile **profile);
/* [a-z0-9-]{1,60}: a name that is safe as a file's. */
bool api_profile_name_right(const char *name);
