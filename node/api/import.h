/* Import of a list: CSV and a profile → envelopes. Parts of one job that the loop runs in slices, so that a long list
 * does not keep the node from its links.
 *
 *   import.c        the request, the job, its slices, what the node answered
 *   import_row.c    one row: whose it is, is it right, was it there before
 *   import_value.c  the profile's fields over rows → a payload
 *   import_object.c what those become: a message, or JSON
 *   import_group.c  rows of one key → a draft: new, an update, or unchanged
 *   import_report.c the report
 *
 * Ids: HMAC(identity's secret, key and content), cut to a UUID of version 7 whose time bits come from the HMAC as well:
 * a node that lost its store arrives at the same id at any later time, so that the broker answers `duplicate` rather
 * than delivering twice, and nobody else can guess it. Ids of imports therefore do not sort by time; nothing relies on
 * it. */
#pragma once
#include "node/api/csv.h"
#include "node/api/inside.h"
#include "node/api/profile.h"

enum {
    IMPORT_ROWS_A_SLICE = 256,
    IMPORT_GROUPS_A_SLICE = 256, /* some 10 ms; at most 512: of one publish */
    IMPORT_CONCERNS_MAX = 32,
    IMPORT_VALUE_BYTES = 8 * 1024,
    IMPORT_KEPT_BYTES = 32 * 1024 * 1024, /* payloads of rows that a job holds */
};

enum import_outcome {
    IMPORT_PENDING,
    IMPORT_QUEUED,
    IMPORT_UPDATE,
    IMPORT_UNCHANGED,
    IMPORT_DUPLICATE,
    IMPORT_REFUSED,
    IMPORT_FOREIGN,
};

struct import_row {
    const struct api_csv_row *csv;
    enum import_outcome outcome; /* of itself; IMPORT_PENDING: that of its group */
    uint32_t issuer;
    uint32_t group;               /* when pending */
    uint32_t next;                /* row of the same group, 0: the last */
    uint32_t duplicate_of;        /* number of a row */
    struct wire_problem *problem; /* why refused or foreign; a remark on a row that was taken */
    const char *column;           /* that the problem is about; NULL */
    uint32_t column_index;
    /* The envelope that it is when no other row has its key, as the check of the row found it.
     * .data NULL: read anew. */
    struct wire_bytes payload;
    uint8_t content[32];
};

struct import_group {
    uint32_t first_row, last_row; /* indexes; row 0 is the headings */
    bool again;                   /* the broker refused the same before: worth it if the rules allow it now */
    enum import_outcome outcome;
    uint8_t key[32], content[32];
    uint8_t id[WIRE_ID_BYTES];
    struct wire_number number;
    struct wire_problem *problem; /* why refused; or what the rules say about what was queued all the same */
};

/* Digests to numbers from 1: keys to groups, rows to rows. */
struct import_index {
    struct {
        uint8_t digest[32];
        uint32_t value;
    } * slot;
    size_t capacity, count;
};
/* The value under the digest; 0: none yet, and `value` is put there. */
uint32_t import_index_put(struct import_index *index, const uint8_t digest[32], uint32_t value);
void import_index_close(struct import_index *index);

/* One field of the profile over this file. */
struct import_column {
    int column, when; /* index of the heading; -1: the file has none */
    unsigned place;   /* the first field of the profile that fills the same one of the payload */
};

/* What a field says, while a row is read. */
struct import_value {
    char text[IMPORT_VALUE_BYTES];
    size_t size;
};

struct api_import {
    struct api *api;
    struct link_http_request *request;
    struct api_import *next, *previous;
    uv_timer_t timer;
    bool dry_run, store_full;
    int64_t now_ms;

    char *profile_text;
    struct api_profile *profile;
    const char *charset;
    struct api_csv csv;
    struct import_column *columns; /* one a field of the profile */
    int issuer, concerns, mechanism, key[API_PROFILE_KEYS_MAX];

    struct import_row *rows; /* as csv.rows */
    size_t kept_bytes;
    struct import_group *groups;
    size_t group_count, group_capacity;
    struct import_index keys, contents;

    size_t row_at, group_at; /* what is next */
    uint32_t chunk[IMPORT_GROUPS_A_SLICE];
    size_t chunk_count;
    struct wire_arena arena;
    void *arena_memory;
    struct import_value *values; /* two of them, import_value.c's */
};

/* --- import_value.c --- */

/* The column that `names` ("病例编号|case_no") means: a heading of one of these names, of another name that the profile
 * has for the same column, or that is the label of a field filled from it. -1: the file has none. */
int import_find_column(const struct api_csv *csv, const struct api_profile *profile, const char *names);
/* Which fields fill the same place: when all columns are found. */
void import_columns_pair(struct api_import *job);
/* The payload as JSON: of the given rows, entries in their order. *content gets all that comes from the cells. */
json_t *import_payload(struct api_import *job, const uint32_t *rows, size_t count, struct wire_text *content);
/* The same as a message in the job's arena, as the reader of JSON would make it. NULL: it would refuse it, or something
 * is not as plain as payloads are; arena and *content are in no order then. */
ProtobufCMessage *import_message(struct api_import *job, const uint32_t *rows, size_t count, struct wire_text *content);
/* Pieces of a cell that holds several: 320000;330000、340000. Returns how many there are; false from `take` ends. */
size_t import_split(const char *text, bool (*take)(void *context, const char *piece, size_t size), void *context);
const char *import_cell(const struct api_import *job, uint32_t row, int column);
/* The column that gives the field a problem is about: "conveyance[1].travel_day". -1 */
int import_column_of(const struct api_import *job, const char *where);

/* --- import_object.c --- */
/* A payload, or an entry of its list, while its fields are put in: one of the two. */
struct import_object {
    json_t *json;
    ProtobufCMessage *message;
    bool has[API_PROFILE_FIELDS_MAX]; /* by import_column.place */
    bool bent;                        /* a message that is not as plain as payloads are: JSON has to do it */
};
/* Whether field `index` of the profile was put in, by itself or another. The groups that it lies in are there then. */
bool import_object_has(struct api_import *job, struct import_object *object, unsigned index);
/* What field `index` of the profile says. false: JSON has to say what is wrong. */
bool import_object_put(struct api_import *job, struct import_object *object, unsigned index,
                       const struct import_value *value);
/* Room for the payload's entries, then each of them. */
bool import_object_list(struct api_import *job, struct import_object *payload, size_t count);
bool import_object_entry(struct api_import *job, struct import_object *payload, size_t i, struct import_object *entry);
/* An empty message in the job's arena; NULL: no memory, or its schema demands fields. */
ProtobufCMessage *import_object_message(struct api_import *job, const ProtobufCMessageDescriptor *type);

/* --- import_row.c --- */
void import_row(struct api_import *job, uint32_t row);
/* Lets go of the payload it holds. */
void import_row_forget(struct import_row *row);
void import_row_refuse(struct api_import *job, uint32_t row, const struct wire_problem *problem);
/* Regions of the row's column of concerned regions; false: *bad is what is none. */
bool import_concerns(const struct api_import *job, uint32_t row, uint32_t out[IMPORT_CONCERNS_MAX], size_t *count,
                     const char **bad);

/* --- import_group.c --- */
/* What the rows say, in the job's arena, and the digest of all that comes from their cells. NULL with *problem. */
ProtobufCMessage *import_read(struct api_import *job, const uint32_t *rows, size_t count, uint8_t content[32],
                              struct wire_problem *problem);
/* Decides what becomes of a group and makes its form in the job's arena; NULL: nothing is to be queued. */
struct api_form *import_group(struct api_import *job, struct import_group *group);
void import_group_refuse(struct api_import *job, struct import_group *group, const struct wire_problem *problem);

/* --- import_report.c --- */
void import_report(struct api_import *job, struct api_json *json);
