/* Host program of the build: region.csv → a const C table by rising adcode. Refuses what the look-ups could not stand:
 * codes out of order, names that are empty or need escaping, successors that are missing or abolished themselves.
 * Usage: generate-regions <region.csv> <table.c> */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REGIONS_MAX = 8192, NAME_MAX_BYTES = 96, LINE_MAX_BYTES = 512, FIELDS = 4 };

struct region {
    uint32_t adcode;
    uint32_t successor;
    uint32_t edition;
    char name[NAME_MAX_BYTES];
};

struct table {
    struct region *row;
    size_t count;
};

/* The number that the whole of `text` is; 0 for an empty text; false: not a number of exactly `digits`. */
static bool read_number(const char *text, size_t digits, uint32_t *out)
{
    *out = 0;
    if (*text == '\0')
        return true;
    if (strlen(text) != digits || strspn(text, "0123456789") != digits)
        return false;
    *out = (uint32_t)strtoul(text, NULL, 10);
    return true;
}

/* Cuts the line at its commas in place; false: not FIELDS fields. */
static bool split(char *line, char *field[FIELDS])
{
    size_t count = 0;

    line[strcspn(line, "\r\n")] = '\0';
    for (char *at = line; at != NULL && count < FIELDS; count++) {
        char *comma = strchr(at, ',');

        field[count] = at;
        at = comma == NULL ? NULL : comma + 1;
        if (comma != NULL)
            *comma = '\0';
        if (count == FIELDS - 1 && comma != NULL)
            return false;
    }
    return count == FIELDS;
}

/* NULL: added; else what is wrong with the line. */
static const char *add_line(struct table *table, char *line)
{
    char *field[FIELDS];
    struct region *row = &table->row[table->count];

    if (table->count == REGIONS_MAX)
        return "too many regions";
    if (!split(line, field))
        return "not four fields";
    if (!read_number(field[0], 6, &row->adcode) || row->adcode == 0)
        return "the code is not six digits";
    if (table->count > 0 && row[-1].adcode >= row->adcode)
        return "codes do not rise";
    if (field[1][0] == '\0' || strlen(field[1]) >= NAME_MAX_BYTES || strpbrk(field[1], "\"\\? ") != NULL)
        return "the name is empty, too long or needs escaping";
    if (!read_number(field[2], 6, &row->successor) || !read_number(field[3], 4, &row->edition))
        return "successor or edition is not a number";
    if ((row->successor == 0) != (row->edition == 0))
        return "an abolished code needs both successor and edition";
    strcpy(row->name, field[1]);
    table->count++;
    return NULL;
}

static bool read_table(FILE *in, const char *path, struct table *table)
{
    char line[LINE_MAX_BYTES];

    for (unsigned number = 1; fgets(line, sizeof line, in) != NULL; number++) {
        const char *wrong = NULL;

        if (strchr(line, '\n') == NULL)
            wrong = "the line is too long or not ended";
        else if (line[0] != '#' && strncmp(line, "adcode,", 7) != 0)
            wrong = add_line(table, line);
        if (wrong != NULL) {
            fprintf(stderr, "%s:%u: %s\n", path, number, wrong);
            return false;
        }
    }
    return ferror(in) == 0 && table->count > 0;
}

static bool valid_code(const struct table *table, uint32_t adcode)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->row[i].adcode == adcode)
            return table->row[i].edition == 0;
    return false;
}

static bool successors_valid(const struct table *table, const char *path)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct region *row = &table->row[i];

        if (row->successor != 0 && !valid_code(table, row->successor)) {
            fprintf(stderr, "%s: the successor of %u is not a valid code\n", path, (unsigned)row->adcode);
            return false;
        }
    }
    return true;
}

static bool write_table(const struct table *table, const char *path)
{
    FILE *out = fopen(path, "w");

    if (out == NULL)
        return false;
    fputs("/* Generated from wire/region.csv; do not edit. */\n#include \"wire/region_table.h\"\n\n", out);
    fputs("const struct wire_region wire_region_table[] = {\n", out);
    for (size_t i = 0; i < table->count; i++) {
        const struct region *row = &table->row[i];

        fprintf(out, "    {%u, \"%s\", %u, %u},\n", (unsigned)row->adcode, row->name, (unsigned)row->successor,
                (unsigned)row->edition);
    }
    fprintf(out, "};\nconst size_t wire_region_table_size = %zu;\n", table->count);
    return fclose(out) == 0;
}

int main(int count, char **arguments)
{
    FILE *in = count == 3 ? fopen(arguments[1], "r") : NULL;
    struct table table = {.row = calloc(REGIONS_MAX, sizeof *table.row)};
    bool done = false;

    if (in == NULL || table.row == NULL)
        fputs("usage: generate-regions <region.csv> <table.c>\n", stderr);
    else
        done = read_table(in, arguments[1], &table) && successors_valid(&table, arguments[1]) &&
               write_table(&table, arguments[2]);
    if (in != NULL)
        fclose(in);
    free(table.row);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
