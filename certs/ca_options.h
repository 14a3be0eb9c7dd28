/* The command line of lianfang-ca, taken apart; and how it speaks. Only certs/ca_*.c includes this. */
#pragma once
#include "certs/file.h"
#include "certs/subject.h"
#include <stdio.h>

enum { CA_WORDS_MAX = 256 };

struct ca_options {
    const char *command;
    const char *word[CA_WORDS_MAX]; /* what is neither command nor option */
    size_t words;
    const char *ca, *name, *out, *id, *reason, *serial, *identity, *previous;
    const char *passphrase_file, *key_passphrase_file;
    const char *lang;
    int64_t days, version;        /* 0: not given */
    int64_t from_ms, in_force_ms; /* 0: not given */
    bool ask_passphrase, older, json, help;
};

struct ca_run {
    struct ca_options options;
    FILE *out, *err;
    enum wire_language language;
    int64_t now_ms;
    char passphrase[CERT_PASSPHRASE_BYTES_MAX + 1], key_passphrase[CERT_PASSPHRASE_BYTES_MAX + 1];
};

/* INVALID with a problem: unknown option, missing or impossible value. */
enum wire_status ca_options_parse(struct ca_options *options, int argc, char **argv, struct wire_problem *problem);
/* --lang, else LC_ALL, LC_MESSAGES, LANG: English where they begin with "en", Chinese everywhere else. */
enum wire_language ca_language(const struct ca_options *options);
/* One of two formats with the same arguments, by language, with a line end. */
void ca_say(const struct ca_run *run, FILE *to, const char *zh, const char *en, ...)
    __attribute__((format(printf, 3, 5), format(printf, 4, 5)));
/* "330000", "broker", "secretary": the holder that the words from `first` on name. INVALID with a problem. */
enum wire_status ca_holder(const struct ca_run *run, size_t first, Wire__Role *role, uint32_t *region,
                           struct wire_problem *problem);

/* The CA's passphrase, when the key asks for one: from --passphrase-file, else asked on the terminal without echo. */
enum wire_status ca_passphrase(struct ca_run *run, const char *folder, struct wire_problem *problem);
/* The passphrase of a new CA: --passphrase-file, or asked twice with --ask-passphrase; else none. */
enum wire_status ca_new_passphrase(struct ca_run *run, struct wire_problem *problem);

/* lianfang-ca list and verify (ca_show.c). */
enum wire_status ca_list(struct ca_run *run, struct wire_problem *problem);
enum wire_status ca_verify(struct ca_run *run, struct wire_problem *problem);
/* lianfang-ca policy (ca_policy.c). */
enum wire_status ca_policy(struct ca_run *run, struct wire_problem *problem);
