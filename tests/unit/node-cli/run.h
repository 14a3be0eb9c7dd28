/* `lianfang` in this process: arguments and environment in; exit code, standard output and error out. */
#pragma once
#include "node/cli/cli.h"
#include <criterion/criterion.h>

#define NOW INT64_C(1581040800000) /* 2020-02-07 10:00 +08:00 */

struct run {
    /* in; zero-initialised is a pipe, English, a clock that stands still */
    const char *input;
    const char *lang; /* LANG */
    const char *node, *token_file, *no_color;
    bool tty;
    unsigned columns;
    int64_t now_ms; /* 0: NOW */
    /* out */
    int code;
    char *out, *err;
    unsigned pauses;
};

/* The last argument is NULL. */
void run_cli(struct run *run, ...) __attribute__((sentinel));
void run_close(struct run *run);

char *data_path(const char *name);                  /* tests/data/name; free() */
char *read_whole(const char *path);                 /* NULL: not there */
char *temp_folder(void);                            /* remove_folder */
void remove_folder(char *path);                     /* frees too */
char *joined(const char *folder, const char *name); /* folder/name; free() */
void write_whole(const char *path, const char *text);

#define has(text, part)   cr_expect(strstr((text), (part)) != NULL, "“%s” is not in:\n%s", (part), (text))
#define hasnt(text, part) cr_expect(strstr((text), (part)) == NULL, "“%s” is in:\n%s", (part), (text))
