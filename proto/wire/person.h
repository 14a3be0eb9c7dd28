/* One person of a notice: who is identified, and by what. */
#pragma once
#include "schema/payload.pb-c.h"
#include "wire/check.h"

/* By id, or name and phone, or conveyance and seat; else the person is a count, not an entry. */
bool wire_person_identified(const Wire__Person *person);
/* Identity, dates against one another, the resident id (GB 11643); the path of `check` stands at the person. */
enum wire_status wire_person_check(struct wire_check *check, const Wire__Person *person);
