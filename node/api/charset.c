#include "node/api/charset.h"
#include "wire/ensure.h"
#include "wire/utf8.h"
#include <iconv.h>
#include <stdlib.h>

static enum wire_status fail(struct wire_problem *problem)
{
    return wire_fail(
        problem, WIRE_SYNTAX, "csv",
        "文字编码无法识别：请在 Excel 中另存为“CSV UTF-8（逗号分隔）”，或存为 GB18030 后再导入",
        "the text's encoding is not recognised: save it as \"CSV UTF-8 (comma delimited)\" in Excel, or as "
        "GB18030, and import it again");
}

/* iconv of the whole; at most three bytes of UTF-8 come from each byte. */
static bool convert(const char *from, struct wire_bytes bytes, struct api_charset_text *out)
{
    size_t capacity = 3 * bytes.size + 1, left = capacity - 1, in_left = bytes.size;
    char *in = (char *)(uintptr_t)bytes.data;
    iconv_t way = iconv_open("UTF-8", from);
    if (way == (iconv_t)-1)
        return false;
    out->text = malloc(capacity);
    ENSURE(out->text != NULL);
    char *at = out->text;
    size_t result = iconv(way, &in, &in_left, &at, &left);
    iconv_close(way);
    out->size = (size_t)(at - out->text);
    *at = '\0';
    out->charset = from;
    return result != (size_t)-1 && in_left == 0 && wire_utf8_text((const uint8_t *)out->text, out->size);
}

static bool begins(struct wire_bytes bytes, const char *mark, size_t size)
{
    return bytes.size >= size && memcmp(bytes.data, mark, size) == 0;
}

static struct wire_bytes after(struct wire_bytes bytes, size_t size)
{
    return wire_bytes(bytes.data + size, bytes.size - size);
}

static bool copy(struct wire_bytes bytes, struct api_charset_text *out)
{
    if (!wire_utf8_text(bytes.data, bytes.size))
        return false;
    out->text = malloc(bytes.size + 1);
    ENSURE(out->text != NULL);
    if (bytes.size > 0)
        memcpy(out->text, bytes.data, bytes.size);
    out->text[bytes.size] = '\0';
    out->size = bytes.size;
    out->charset = "UTF-8";
    return true;
}

enum wire_status api_charset_decode(struct wire_bytes bytes, struct api_charset_text *out, struct wire_problem *problem)
{
    bool good;
    *out = (struct api_charset_text){0};
    if (begins(bytes, "\xEF\xBB\xBF", 3))
        good = copy(after(bytes, 3), out);
    else if (begins(bytes, "\xFF\xFE", 2))
        good = convert("UTF-16LE", after(bytes, 2), out);
    else if (begins(bytes, "\xFE\xFF", 2))
        good = convert("UTF-16BE", after(bytes, 2), out);
    else
        good = copy(bytes, out) || convert("GB18030", bytes, out);
    if (good)
        return WIRE_OK;
    free(out->text);
    *out = (struct api_charset_text){0};
    return fail(problem);
}
