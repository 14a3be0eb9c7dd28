/* Bytes as offices have them → UTF-8: UTF-8 with or without a byte order mark, GB18030 (and so GBK, GB 2312), UTF-16
 * with a mark ("Unicode text" of Excel). */
#pragma once
#include "wire/bytes.h"
#include "wire/status.h"

struct api_charset_text {
    char *text; /* NUL-terminated, free() */
    size_t size;
    const char *charset; /* "UTF-8", "GB18030", "UTF-16LE", "UTF-16BE" */
};

/* SYNTAX when it is none of them, or holds NUL. */
enum wire_status api_charset_decode(struct wire_bytes bytes, struct api_charset_text *out,
                                    struct wire_problem *problem);
