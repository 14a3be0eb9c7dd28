/* A node's API that answers what a test tells it to, on a Unix socket, in a thread of its own. */
#pragma once
#include "link/http.h"
#include "run.h"

enum { FAKE_ANSWERS_MAX = 24, FAKE_REQUESTS_MAX = 64 };

struct fake;
struct fake *fake_open(void);
void fake_close(struct fake *fake);
const char *fake_node(const struct fake *fake); /* "unix:/…" for LIANFANG_NODE */
/* Answers of one call come in the order given; the last is repeated. `call`: "GET /v1/links". Texts are borrowed. */
void fake_answer(struct fake *fake, const char *call, unsigned status, const char *body);
/* The same as an event stream that ends after `body`. */
void fake_stream(struct fake *fake, const char *call, const char *body);
/* How many requests there were, and the i-th (negative: from the end) as "POST /v1/envelopes?preview=1 {body}".
 * Until close. */
size_t fake_count(struct fake *fake);
const char *fake_request(struct fake *fake, int index);
/* The header of the last request of that name was this. */
const char *fake_token(struct fake *fake);
const char *fake_last_event_id(struct fake *fake);
