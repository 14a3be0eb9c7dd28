#include "run.h"
#include "support/zoo.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 64 };

static const char *variable(void *context, const char *name)
{
    const struct run *run = context;
    if (strcmp(name, "LANG") == 0)
        return run->lang;
    if (strcmp(name, "LIANFANG_NODE") == 0)
        return run->node;
    if (strcmp(name, "LIANFANG_TOKEN_FILE") == 0)
        return run->token_file;
    return strcmp(name, "NO_COLOR") == 0 ? run->no_color : NULL;
}

static int64_t now_ms(void *context)
{
    const struct run *run = context;
    return run->now_ms == 0 ? NOW : run->now_ms;
}

static void pause_ms(void *context, unsigned ms)
{
    struct run *run = context;
    run->pauses++;
    usleep(ms > 20 ? 20000 : ms * 1000);
}

void run_cli(struct run *run, ...)
{
    char *arguments[ARGUMENTS_MAX] = {(char *)(uintptr_t) "lianfang"};
    size_t out_size, err_size;
    int count = 1;
    va_list list;
    va_start(list, run);
    for (const char *word; (word = va_arg(list, const char *)) != NULL;) {
        cr_assert_lt(count, ARGUMENTS_MAX - 1);
        arguments[count++] = (char *)(uintptr_t)word;
    }
    va_end(list);
    run_close(run);
    const char *input = run->input == NULL ? "" : run->input;
    struct cli_world world = {.in = tmpfile(),
                              .out = open_memstream(&run->out, &out_size),
                              .err = open_memstream(&run->err, &err_size),
                              .tty = run->tty,
                              .columns = run->columns,
                              .context = run,
                              .variable = variable,
                              .now_ms = now_ms,
                              .pause = pause_ms};
    fwrite(input, 1, strlen(input), world.in);
    rewind(world.in);
    run->code = cli_main(count, arguments, &world);
    fclose(world.in);
    fclose(world.out);
    fclose(world.err);
}

void run_close(struct run *run)
{
    free(run->out);
    free(run->err);
    run->out = run->err = NULL;
}

char *joined(const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = malloc(size);
    snprintf(path, size, "%s/%s", folder, name);
    return path;
}

char *data_path(const char *name)
{
    return joined(TEST_DATA, name);
}

char *read_whole(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t size = 0;
    if (file == NULL)
        return NULL;
    cr_assert_geq(getdelim(&text, &size, EOF, file), -1);
    fclose(file);
    return text;
}

void write_whole(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
    chmod(path, 0600);
}

char *temp_folder(void)
{
    char pattern[] = "/tmp/lianfang-cli-XXXXXX";
    cr_assert_not_null(mkdtemp(pattern));
    return strdup(pattern);
}

void remove_folder(char *path)
{
    zoo_remove_tree(path);
    free(path);
}
