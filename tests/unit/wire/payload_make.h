/* Valid payloads for tests, that a test then damages. All people, papers and numbers are made up; the area code 990101
 * of their identity numbers does not exist. */
#pragma once
#include "schema/payload.pb-c.h"
#include "wire/kind.h"

enum { PAYLOAD_PERSONS = 3, PAYLOAD_LINES = 3 };

/* 2020-02-08 12:00 +08:00: when the payloads are checked. */
extern const int64_t payload_now_ms;
/* A resident id that passes GB 11643: female, born 1990-03-07. */
extern const char payload_id_no[];

/* Owned by the caller; the makers point the parts at one another. Repeated fields hold the counts that `make` says. */
struct payload_notice {
    Wire__Common common;
    Wire__Conveyance conveyance;
    Wire__Conveyance *conveyances[1];
    Wire__Place place;
    Wire__Place *places[1];
    Wire__Person person[PAYLOAD_PERSONS];
    Wire__Person *persons[PAYLOAD_PERSONS];
    Wire__ContactNotice__Ask ask[2];
    Wire__ContactNotice notice;
};

struct payload_outcome {
    Wire__PersonOutcome person[PAYLOAD_PERSONS];
    Wire__PersonOutcome *persons[PAYLOAD_PERSONS];
    Wire__OutcomeCounts counts;
    Wire__Outcome outcome; /* by person; set n_person = 0 and counts to have it by count */
};

struct payload_measure {
    Wire__Common common;
    Wire__MeasureBulletin__Category category[2];
    uint32_t region[2];
    char *route[1];
    Wire__MeasureBulletin bulletin;
};

struct payload_supply {
    Wire__Common common;
    Wire__SupplyLine line[PAYLOAD_LINES];
    Wire__SupplyLine *lines[PAYLOAD_LINES];
    Wire__SupplyRequest request;
};

struct payload_round {
    Wire__RoundEntry entry[2];
    Wire__RoundEntry *entries[2];
    Wire__RoundBulletin bulletin;
};

Wire__ContactNotice *payload_make_notice(struct payload_notice *out);
Wire__Outcome *payload_make_outcome(struct payload_outcome *out);
Wire__MeasureBulletin *payload_make_measure(struct payload_measure *out);
Wire__SupplyRequest *payload_make_supply(struct payload_supply *out);
Wire__RoundBulletin *payload_make_round(struct payload_round *out);
void payload_make_acknowledgement(Wire__Acknowledgement *out);

/* Runs the kind's check and asserts that it fails with `status` at `where`, in both languages, the Chinese text
 * starting with `zh_path` and a colon, both holding a remedy. Returns the problem's Chinese text, in static memory. */
const struct wire_problem *payload_fails(const ProtobufCMessage *payload, enum wire_status status, const char *where,
                                         const char *zh_path);
/* Asserts that it passes and says nothing. */
void payload_passes(const ProtobufCMessage *payload);
const struct wire_kind *payload_kind(const ProtobufCMessage *payload);
