#include "node/cli/evidence_file.h"
#include "wire/ensure.h"
#include <jansson.h>
#include <stdlib.h>

static int letter_value(char c)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c == '\0' ? NULL : strchr(letters, c);
    return found == NULL ? -1 : (int)(found - letters);
}

static bool unbase64(const char *text, uint8_t *out, size_t *size)
{
    uint32_t bits = 0;
    unsigned held = 0;
    *size = 0;
    for (; *text != '\0' && *text != '='; text++) {
        int value = letter_value(*text);
        if (*text == '\n' || *text == '\r')
            continue;
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[(*size)++] = (uint8_t)(bits >> held);
        }
    }
    return strspn(text, "=\r\n") == strlen(text);
}

bool cli_evidence_bytes(struct wire_bytes file, uint8_t **out, size_t *size)
{
    json_t *json = json_loadb((const char *)file.data, file.size, 0, NULL);
    const char *text = json_string_value(json_object_get(json, "evidence"));
    bool good = true;
    *out = malloc(file.size + 1);
    ENSURE(*out != NULL);
    *size = file.size;
    if (text != NULL)
        good = unbase64(text, *out, size);
    else if (json != NULL)
        good = false;
    else
        memcpy(*out, file.data, file.size);
    json_decref(json);
    if (!good) {
        free(*out);
        *out = NULL;
    }
    return good;
}
