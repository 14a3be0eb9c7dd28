/* Text on a terminal: how wide it is, fitting it, and making what others wrote harmless. */
#pragma once
#include "wire/json.h"
#include <stddef.h>

/* Columns that the UTF-8 text takes: 2 for Chinese, 0 for combining marks (UAX #11 by utf8proc). */
size_t cli_width(const char *text);
/* Bytes of the longest beginning that takes at most `columns`; *width (may be NULL) tells how many it takes. */
size_t cli_fit(const char *text, size_t columns, size_t *width);

/* Appends the text with control characters, bidirectional overrides and bad UTF-8 replaced by U+FFFD: a payload cannot
 * move the cursor, recolour the screen or show its words in another order. Line breaks become spaces unless `lines`. */
void cli_text_clean(struct wire_text *out, const char *text, bool lines);
void cli_text_pad(struct wire_text *out, size_t columns);
/* Appends the text over lines of at most `columns` (0: no limit), each but the first indented by `indent`. Breaks at
 * spaces, and anywhere between Chinese characters; never before 、，。；：）” and the like. */
void cli_text_wrap(struct wire_text *out, const char *text, size_t columns, size_t indent);
