#include "shell/shell.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <zmq.h>

void *shell_pages(size_t size)
{
    void *memory = calloc(1, size);
    ENSURE(memory != NULL);
    return memory;
}

int shell_arguments(struct shell *shell, int argc, char **argv, bool *only_check)
{
    int option;
    *only_check = false;
    while ((option = getopt(argc, argv, "+c:nh")) != -1) {
        if (option == 'c')
            shell->config_path = optarg;
        else if (option == 'n')
            *only_check = true;
        else
            return 0;
    }
    return optind;
}

enum wire_status shell_open_log(struct shell *shell, const struct link_log_config *config, struct wire_problem *problem)
{
    struct link_log_options options = {
        .level = config->level, .format = config->format, .language = config->language, .path = config->path};
    return link_log_open(&options, &shell->log, problem);
}

void shell_open_crypto(struct shell *shell)
{
    shell->hash = cert_hash_new();
    shell->rest = cert_rest_new();
}

enum wire_status shell_open_identity(struct shell *shell, const char *folder, const char *installation,
                                     struct wire_problem *problem)
{
    struct cert_identity_options options = {.installation = installation, .now_ms = shell_wall_ms()};
    return cert_identity_load(folder, &options, &shell->identity, problem);
}

enum wire_status shell_open_directory(struct shell *shell, const char *ca, const char *installation,
                                      struct wire_problem *problem)
{
    struct cert_file file = {0};
    enum wire_status status = cert_file_read(ca, false, &file, problem);
    if (status == WIRE_OK)
        status = cert_directory_new(wire_bytes(file.data, file.size), installation, &shell->directory, problem);
    cert_file_close(&file);
    if (status == WIRE_OK &&
        memcmp(cert_directory_domain(shell->directory), cert_identity_domain(shell->identity), WIRE_HASH_BYTES) != 0)
        status = wire_fail(problem, WIRE_OTHER_INSTALLATION, ca, "该 CA 未签发本机的证书",
                           "this CA did not issue our own certificates");
    return status;
}

enum wire_status shell_path(const char *folder, const char *name, char path[CERT_PATH_BYTES_MAX],
                            struct wire_problem *problem)
{
    if (snprintf(path, CERT_PATH_BYTES_MAX, "%s/%s", folder, name) < CERT_PATH_BYTES_MAX)
        return WIRE_OK;
    return wire_fail(problem, WIRE_INVALID, folder, "路径太长", "the path is too long");
}

enum wire_status shell_open_daykeys(struct shell *shell, const char *folder, struct wire_problem *problem)
{
    char path[CERT_PATH_BYTES_MAX];
    enum wire_status status = shell_path(folder, "daykeys", path, problem);
    return status == WIRE_OK ? daykeys_open(path, &shell->daykeys, problem) : status;
}

void shell_close(struct shell *shell)
{
    if (shell->zmq != NULL)
        zmq_ctx_term(shell->zmq);
    shell->zmq = NULL;
    daykeys_close(&shell->daykeys);
    cert_rest_free(&shell->rest);
    cert_directory_free(&shell->directory);
    cert_identity_free(&shell->identity);
    cert_hash_close(&shell->hash);
    link_log_close(&shell->log);
}

int shell_refuse(const struct shell *shell, enum wire_language language, const struct wire_problem *problem)
{
    const char *area = shell->words.area, *where = problem->where;
    if (shell->log == NULL)
        fprintf(stderr, "lianfang-%s: %s: %s / %s\n", area, where, problem->zh, problem->en);
    else
        fprintf(stderr, "lianfang-%s: %s: %s\n", area, where, language == WIRE_CHINESE ? problem->zh : problem->en);
    switch (problem->status) {
    case WIRE_IN_USE:
        return EX_UNAVAILABLE;
    case WIRE_IO:
        return EX_IOERR;
    default:
        return EX_CONFIG;
    }
}
