/* The CA's index: what was issued and revoked, one line an event, in order (certs/authority.h has the format). */
#pragma once
#include "certs/authority.h"
#include "certs/file.h"

struct cert_event {
    bool revoke;
    uint32_t issued;    /* index into issued[] */
    int64_t revoked_ms; /* revoke */
    char reason[32];
};

struct cert_index {
    struct cert_issued *issued; /* as issued */
    size_t issued_count, issued_capacity;
    struct cert_event *event; /* event[i] has epoch i + 1 */
    size_t event_count, event_capacity;
};

/* NO_MEMORY. A revocation that is none (revoked already) is a bug of the caller's. */
enum wire_status cert_index_issue(struct cert_index *index, const struct cert_subject *subject);
enum wire_status cert_index_revoke(struct cert_index *index, uint32_t issued, int64_t at_ms, const char *reason);
enum wire_status cert_index_parse(struct cert_index *index, const char *text, const char *where,
                                  struct wire_problem *problem);
/* The whole text, allocated; free with cert_file_close. */
enum wire_status cert_index_format(const struct cert_index *index, struct cert_file *out);
void cert_index_close(struct cert_index *index);
