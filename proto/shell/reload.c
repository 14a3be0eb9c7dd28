#include "shell/reload.h"

#include <string.h>

bool shell_reload_texts_equal(const char *held, const char *read)
{
    return held == NULL || read == NULL ? held == read : strcmp(held, read) == 0;
}

bool shell_reload_lists_equal(char *const *held, unsigned held_count, char *const *read, unsigned read_count)
{
    for (unsigned i = 0; i < held_count && i < read_count; i++)
        if (!shell_reload_texts_equal(held[i], read[i]))
            return false;
    return held_count == read_count;
}

void shell_reload_same(struct shell *shell, const char *key, bool same)
{
    if (!same)
        link_log_line(shell->log, LINK_WARNING, shell->words.area, "配置项已改动，须重启后生效",
                      "changed in the configuration, restart for it to count", LINK_TEXT("key", key),
                      LINK_TEXT("config", shell->config_path));
}

void shell_reload_same_text(struct shell *shell, const char *key, const char *held, const char *read)
{
    shell_reload_same(shell, key, shell_reload_texts_equal(held, read));
}

void shell_reload_same_number(struct shell *shell, const char *key, uint64_t held, uint64_t read)
{
    shell_reload_same(shell, key, held == read);
}

void shell_reload_same_http(struct shell *shell, const struct link_http_address *held,
                            const struct link_http_address *read)
{
    shell_reload_same(shell, "http",
                      held->port == read->port && shell_reload_texts_equal(held->host, read->host) &&
                          shell_reload_texts_equal(held->unix_path, read->unix_path));
}

void shell_reload_log(struct shell *shell, const struct link_log_config *held, const struct link_log_config *read)
{
    link_log_set_level(shell->log, read->level);
    shell_reload_same_number(shell, "log.format", held->format, read->format);
    shell_reload_same_number(shell, "log.language", held->language, read->language);
    shell_reload_same_text(shell, "log.file", held->path, read->path);
}

void shell_reload_text(char **held, char **read)
{
    char *taken = *read;
    *read = *held;
    *held = taken;
}
