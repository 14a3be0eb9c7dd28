#include "node/cli/say.h"
#include "node/cli/text.h"
#include <stdarg.h>
#include <stdlib.h>

void cli_say(const struct cli *cli, FILE *to, const char *zh, const char *en, ...)
{
    va_list arguments;
    va_start(arguments, en);
    vfprintf(to, cli_pick(cli, zh, en), arguments);
    va_end(arguments);
    fputc('\n', to);
}

static void clean_string(struct wire_text *out, const char *text)
{
    cli_text_clean(out, text, true);
}

void cli_complain(const struct cli *cli, const struct cli_complaint *complaint)
{
    struct wire_text text = {.grow = realloc};
    const char *what = cli_pick(cli, complaint->zh, complaint->en);
    const char *remedy = cli_pick(cli, complaint->remedy_zh, complaint->remedy_en);
    wire_text_string(&text, cli_pick(cli, "错误", "error"));
    if (complaint->status != NULL && complaint->status[0] != '\0') {
        wire_text_string(&text, cli_pick(cli, "（", " ("));
        clean_string(&text, complaint->status);
        wire_text_string(&text, cli_pick(cli, "）", ")"));
    }
    wire_text_string(&text, cli_pick(cli, "：", ": "));
    if (complaint->where != NULL && complaint->where[0] != '\0') {
        clean_string(&text, complaint->where);
        wire_text_string(&text, cli_pick(cli, "：", ": "));
    }
    clean_string(&text, what == NULL ? "" : what);
    if (remedy != NULL && remedy[0] != '\0') {
        wire_text_string(&text, cli_pick(cli, "\n  处置：", "\n  remedy: "));
        clean_string(&text, remedy);
    }
    fprintf(cli->err, "%s\n", text.data == NULL ? "" : text.data);
    free(text.data);
}

int cli_fail(const struct cli *cli, const struct wire_problem *problem)
{
    struct cli_complaint complaint = {
        .status = wire_status_name(problem->status), .where = problem->where, .zh = problem->zh, .en = problem->en};
    if (problem->zh[0] == '\0') {
        complaint.zh = wire_status_text(problem->status, WIRE_CHINESE);
        complaint.en = wire_status_text(problem->status, WIRE_ENGLISH);
    }
    cli_complain(cli, &complaint);
    return cli_exit_of_status(problem->status);
}

int cli_fail_usage(const struct cli *cli, const char *where, const char *zh, const char *en, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, en);
    vsnprintf(text, sizeof text, cli_pick(cli, zh, en), arguments);
    va_end(arguments);
    cli_complain(cli, &(struct cli_complaint){.where = where, .zh = text, .en = text});
    return CLI_USAGE;
}

int cli_exit_of_status(enum wire_status status)
{
    switch (status) {
    case WIRE_OK:
        return CLI_OK;
    case WIRE_NOT_FOUND:
        return CLI_NO_INPUT;
    case WIRE_IO:
    case WIRE_DISK_FULL:
        return CLI_IO;
    case WIRE_EXISTS:
        return CLI_NO_OUTPUT;
    case WIRE_AGAIN:
    case WIRE_STORE_FULL:
    case WIRE_OVERLOADED:
        return CLI_AGAIN;
    case WIRE_NO_MEMORY:
        return CLI_SOFTWARE;
    default:
        return CLI_DATA;
    }
}

int cli_exit_of_http(unsigned http)
{
    switch (http) {
    case 401:
    case 403:
        return CLI_NOT_ALLOWED;
    case 404:
        return CLI_NO_INPUT;
    case 503:
    case 507:
        return CLI_AGAIN;
    default:
        if (http >= 200 && http < 300)
            return CLI_OK;
        return http >= 400 && http < 500 ? CLI_DATA : CLI_SOFTWARE;
    }
}

const char *cli_paint(const struct cli *cli, enum cli_paint paint)
{
    static const char *const escapes[] = {"\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[33m", "\x1b[32m", "\x1b[2m"};
    return cli->colour ? escapes[paint] : "";
}

void cli_flush(const struct cli *cli, struct wire_text *text)
{
    if (text->data != NULL)
        fwrite(text->data, 1, text->size, cli->out);
    free(text->data);
    *text = (struct wire_text){.grow = realloc};
}
