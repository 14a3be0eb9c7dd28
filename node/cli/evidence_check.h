/* What an evidence file proves, with nothing but the CA certificate (and, where there is one, the CA's revocation
 * list): the origin's signature over the batch, the place of this envelope in it, its content, the broker's word for
 * when it was admitted and to whom it was given, the recipients' word for its arrival. */
#pragma once
#include "certs/evidence.h"
#include "schema/evidence.pb-c.h"

enum cli_grade {
    CLI_GRADE_GOOD,
    CLI_GRADE_NOTE,   /* worth knowing, changes nothing */
    CLI_GRADE_REMARK, /* valid, but somebody might ask */
    CLI_GRADE_BAD,
};

struct cli_finding {
    enum cli_grade grade;
    const char *what; /* "signature", "content", … */
    char zh[480], en[480];
};

struct cli_evidence {
    struct cli_finding *finding;
    size_t count, capacity;
    enum cli_grade worst;
    const Wire__Header *header; /* in the arena; NULL: not readable */
    enum cert_validity validity;
    int64_t admitted_ms; /* 0: nobody says */
    struct wire_arena arena;
    void *memory;
};

struct cli_evidence_input {
    struct wire_bytes evidence;
    struct wire_bytes ca, crl; /* PEM or DER; crl.data NULL: none */
    int64_t now_ms;
};

/* Never fails: what is wrong is a finding. */
void cli_evidence_check(const struct cli_evidence_input *input, struct cli_evidence *out);
void cli_evidence_close(struct cli_evidence *evidence);
