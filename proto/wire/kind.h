/* The kinds table. Adding a kind = one message in schema/payload.proto, one row here, one rendering in the command
 * line, one test. Numbers are append-only and travel in headers; names are what rules, files and people use. */
#pragma once
#include "schema/envelope.pb-c.h"
#include "wire/status.h"
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

enum wire_kind_number {
    WIRE_KIND_NONE = 0,
    WIRE_KIND_CONTACT_NOTICE = 1,
    WIRE_KIND_OUTCOME = 2,
    WIRE_KIND_MEASURE_BULLETIN = 3,
    WIRE_KIND_SUPPLY_REQUEST = 4,
    WIRE_KIND_ACKNOWLEDGEMENT = 5,
    WIRE_KIND_REMINDER = 100, /* 100-199: the broker's own; nodes accept these from it and nothing else */
    WIRE_KIND_OVERDUE = 101,
    WIRE_KIND_ROUND_BULLETIN = 102,
    WIRE_KIND_POLICY_NOTICE = 103,
};

struct wire_kind {
    uint32_t number;
    const char *name; /* "contact-notice" */
    const char *zh;   /* "密接协查" */
    const char *en;   /* "Contact notice" */
    const ProtobufCMessageDescriptor *payload;
    bool persons; /* exactly one concerned region, sealed, masked, erased */
    bool brokers; /* only the broker originates it */
    bool reply;   /* goes to the origin of what it answers, implied in every mechanism */
    bool open;    /* its outcome closes obligations: reserved for replies with progress */
    /* What the header's urgency must be for this payload; the node sets it, the recipient's node checks it. */
    Wire__Urgency (*urgency)(const ProtobufCMessage *payload);
    /* Beyond types: required fields, impossible dates, unknown regions, identity numbers, markings of secrecy, lists.
     * `where` of the problem is a field path, "person[3].id_no", entries from 1; `zh` begins with the Chinese one. OK
     * with a problem whose texts are not empty is a remark: an abolished region was accepted, its successor is named.
     * `problem` may be NULL. */
    enum wire_status (*check)(const ProtobufCMessage *payload, int64_t now_ms, struct wire_problem *problem);
    uint32_t (*subjects)(const ProtobufCMessage *payload); /* persons or lines: the header's subject_count; 0: none */
    uint32_t (*exposure_day)(const ProtobufCMessage *payload); /* last exposure, yyyymmdd, for retention R60; 0: none */
};

const struct wire_kind *wire_kind_find(uint32_t number);     /* NULL: not known here */
const struct wire_kind *wire_kind_by_name(const char *name); /* by name, Chinese or English label */
size_t wire_kind_count(void);
const struct wire_kind *wire_kind_at(size_t index);
