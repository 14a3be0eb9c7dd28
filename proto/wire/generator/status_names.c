/* Host program of the build: the names of WIRE_STATUS_LIST in lower case with hyphens, as a const C table.
 * Usage: generate-status-names <table.c> */
#include "wire/status.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME(name, code, en, zh) #name,
static const char *const names[] = {WIRE_STATUS_LIST(NAME)};

static void write_name(FILE *out, const char *name)
{
    fputs("    \"", out);
    for (const char *at = name; *at != '\0'; at++)
        fputc(*at == '_' ? '-' : tolower((unsigned char)*at), out);
    fputs("\",\n", out);
}

int main(int count, char **arguments)
{
    FILE *out = count == 2 ? fopen(arguments[1], "w") : NULL;

    if (out == NULL) {
        fputs("usage: generate-status-names <table.c>\n", stderr);
        return EXIT_FAILURE;
    }
    fputs("/* Generated from wire/status.h; do not edit. */\n#include \"wire/status_names.h\"\n\n", out);
    fputs("const char *const wire_status_names[] = {\n", out);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        write_name(out, names[i]);
    fputs("};\n", out);
    return fclose(out) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
