/* 物资需求: the lines as a table; a quantity with its unit, and in words when it is none. */
#include "node/cli/call.h"
#include "node/cli/paper.h"
#include "node/cli/table.h"
#include "schema/payload.pb-c.h"
#include <stdlib.h>
#include <string.h>

#define LINE (&wire__supply_line__descriptor)

enum { COLUMNS = 9 };
static const struct cli_column columns[COLUMNS] = {
    {"行号", "Line", true, false},        {"资源类", "Resource", false, false},
    {"物品", "Item", false, false},       {"规格", "Specification", false, false},
    {"数量", "Quantity", true, false},    {"库存", "Stock", true, false},
    {"日耗", "Daily use", true, false},   {"可维持天数", "Days left", true, false},
    {"需到日期", "Needed", false, false},
};
static const char *const members[COLUMNS] = {"line_no", "resource",  "item",      "specification", NULL,
                                             "stock",   "daily_use", "days_left", "needed_day"};

/* "5000 只"; "若干" and "不详" stand for themselves, whatever number is beside them. */
static void write_quantity(struct wire_text *out, enum wire_language language, const json_t *line)
{
    const char *kind = cli_text_at(line, "quantity_kind");
    bool exact = kind == NULL || strcmp(kind, "exact") == 0;
    if (!exact)
        cli_walk_member(out, language, LINE, line, "quantity_kind");
    else if (cli_walk_member(out, language, LINE, line, "quantity")) {
        wire_text_string(out, " ");
        cli_walk_member(out, language, LINE, line, "unit");
    }
}

static void add_line(struct cli_table *table, enum wire_language language, const json_t *line)
{
    struct wire_text cell[COLUMNS];
    const char *texts[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++) {
        cell[i] = (struct wire_text){.grow = realloc};
        if (members[i] != NULL)
            cli_walk_member(&cell[i], language, LINE, line, members[i]);
        else
            write_quantity(&cell[i], language, line);
        texts[i] = cell[i].data;
    }
    cli_table_add(table, texts);
    for (size_t i = 0; i < COLUMNS; i++)
        free(cell[i].data);
}

void cli_paper_supply_request(const struct cli_paper *paper, const struct wire_kind *kind, const json_t *payload)
{
    static const char *const skip[] = {"common", "line", NULL};
    const json_t *lines = json_object_get(payload, "line");
    struct cli_table table;
    size_t i;
    json_t *line;
    cli_walk_fields(paper, kind->payload, payload, skip);
    if (json_array_size(lines) == 0)
        return;
    cli_paper_heading(paper, cli_paper_pick(paper, "需求", "Needed"));
    cli_table_open(&table, columns, COLUMNS);
    json_array_foreach((json_t *)(uintptr_t)lines, i, line)
    {
        add_line(&table, paper->language, line);
    }
    struct cli_paper below = *paper;
    below.indent += 2;
    cli_paper_table(&below, &table);
    cli_table_close(&table);
}
