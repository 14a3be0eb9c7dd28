/* 密接协查: the journeys of the case first, one a line, as one would read them out on the telephone. */
#include "node/cli/paper.h"
#include "node/cli/table.h"
#include "schema/payload.pb-c.h"
#include <stdlib.h>

#define JOURNEY (&wire__conveyance__descriptor)

enum { JOURNEY_COLUMNS = 5 };
static const struct cli_column columns[JOURNEY_COLUMNS] = {
    {"日期", "Date", false, false}, {"交通", "By", false, false},          {"车厢座位", "Seat", false, false},
    {"行程", "Way", false, false},  {"密接人数", "Contacts", true, false},
};

static void member(struct wire_text *out, const struct cli_paper *paper, const json_t *journey, const char *before,
                   const char *name)
{
    struct wire_text text = {.grow = realloc};
    if (cli_walk_member(&text, paper->language, JOURNEY, journey, name)) {
        wire_text_string(out, out->size > 0 ? before : "");
        wire_text_string(out, text.data);
    }
    free(text.data);
}

/* "高铁 G7302 沪A****8" */
static void write_means(struct wire_text *out, const struct cli_paper *paper, const json_t *journey)
{
    member(out, paper, journey, " ", "mode");
    member(out, paper, journey, " ", "number");
    member(out, paper, journey, " ", "plate");
}

/* "420100 武汉市 汉口站 08:30 → 330300 温州市 温州南站" */
static void write_way(struct wire_text *out, const struct cli_paper *paper, const json_t *journey)
{
    struct wire_text to = {.grow = realloc};
    member(out, paper, journey, " ", "from_region");
    member(out, paper, journey, " ", "from_place");
    member(out, paper, journey, " ", "departed_ms");
    member(&to, paper, journey, " ", "to_region");
    member(&to, paper, journey, " ", "to_place");
    member(&to, paper, journey, " ", "arrived_ms");
    if (to.size > 0) {
        wire_text_string(out, out->size > 0 ? " → " : "→ ");
        wire_text_string(out, to.data);
    }
    free(to.data);
}

static void add_journey(struct cli_table *table, const struct cli_paper *paper, const json_t *journey)
{
    struct wire_text cell[JOURNEY_COLUMNS];
    const char *texts[JOURNEY_COLUMNS];
    for (size_t i = 0; i < JOURNEY_COLUMNS; i++)
        cell[i] = (struct wire_text){.grow = realloc};
    member(&cell[0], paper, journey, "", "travel_day");
    write_means(&cell[1], paper, journey);
    member(&cell[2], paper, journey, "", "carriage");
    member(&cell[2], paper, journey, " ", "seat");
    write_way(&cell[3], paper, journey);
    member(&cell[4], paper, journey, "", "contacts");
    for (size_t i = 0; i < JOURNEY_COLUMNS; i++)
        texts[i] = cell[i].data;
    cli_table_add(table, texts);
    for (size_t i = 0; i < JOURNEY_COLUMNS; i++)
        free(cell[i].data);
}

static void write_journeys(const struct cli_paper *paper, const json_t *journeys)
{
    struct cli_table table;
    size_t i;
    json_t *journey;
    if (json_array_size(journeys) == 0)
        return;
    cli_paper_heading(paper, cli_paper_pick(paper, "行程", "Journeys"));
    cli_table_open(&table, columns, JOURNEY_COLUMNS);
    json_array_foreach((json_t *)(uintptr_t)journeys, i, journey)
    {
        add_journey(&table, paper, journey);
    }
    struct cli_paper below = *paper;
    below.indent += 2;
    cli_paper_table(&below, &table);
    cli_table_close(&table);
}

void cli_paper_contact_notice(const struct cli_paper *paper, const struct wire_kind *kind, const json_t *payload)
{
    static const char *const case_skip[] = {"common", "conveyance",        "place", "person", "to_check",
                                            "ask",    "observe_until_day", NULL};
    static const char *const rest_skip[] = {"common", "type",      "case_no",     "case_class",    "generation", "sex",
                                            "age",    "onset_day", "sampled_day", "confirmed_day", "conveyance", NULL};
    cli_walk_fields(paper, kind->payload, payload, case_skip);
    write_journeys(paper, json_object_get(payload, "conveyance"));
    cli_walk_fields(paper, kind->payload, payload, rest_skip);
}
