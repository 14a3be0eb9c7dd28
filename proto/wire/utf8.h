/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Valid UTF-8 without NUL: what a text on the wire must be. */
bool wire_utf8_text(const uint8_t *data, size_t size);
/* The bytes of the NUL-terminated text that fit into `max` without cutting a character. */
size_t wire_utf8_cut(const char *text, size_t max);
/* The same for the first `size` bytes of a text that was cut there already. */
size_t wire_utf8_whole(const char *text, size_t size);
/* Drops, in place, each byte of a NUL-terminated text that belongs to no whole character: what formats with a precision
 * ("%.60s") leave of texts that they cut. */
void wire_utf8_repair(char *text);
