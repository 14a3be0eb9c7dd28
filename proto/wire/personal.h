/* Personal data: which fields hold it (the `mask` of wire/field.h), how it is masked, and how to find identity and
 * mobile numbers in texts that should hold none. Persons are masked by default wherever a payload is shown; to see them
 * needs a reason. */
#pragma once
#include "wire/bytes.h"
#include "wire/field.h"
#include "wire/json.h"

/* Redacts every personal field of every payload by its mask. Stateless; may be shared. */
const struct wire_redaction *wire_redact_personal(void);

enum { WIRE_MASK_SCRATCH = 256 };
/* The masked form of `value`, in scratch; "****" when scratch is too small. NULL: nothing to hide (WIRE_MASK_NONE, or
 * WIRE_MASK_NUMBERS with no number in the text). */
const char *wire_mask(enum wire_mask mask, const char *value, char *scratch, size_t scratch_size);

enum wire_personal_kind { WIRE_PERSONAL_NONE, WIRE_PERSONAL_IDENTITY, WIRE_PERSONAL_MOBILE };

struct wire_personal_number {
    enum wire_personal_kind kind;
    size_t at; /* bytes from the start of the text */
    size_t size;
};

/* The next identity number (18 digits or 17 and X with a possible birth date inside, or the 15 digits of before 1999)
 * or mobile number (11 digits, also after 86) at or after `from`. Full-width digits are digits; the usual groups (138
 * 1234 5678, 310101 19900307 1234) are recognised, but 310000-20200207-0012 is the number of a notice. Check digits are
 * not asked for, since mistyped numbers are numbers too. */
struct wire_personal_number wire_personal_find(struct wire_bytes text, size_t from);
