/* SIGHUP, `lianfang-broker reload`: configuration, directory, revocation list and policy again. Each file counts for
 * itself: what is wrong in one keeps nothing out that another brings. */
#include "broker.h"

#include "shell/reload.h"

static void compare(struct broker *broker, struct link_broker_config *read)
{
    struct shell *shell = &broker->shell;
    struct link_broker_config *held = &broker->config;
    shell_reload_log(shell, &held->log, &read->log);
    shell_reload_text(&held->directory, &read->directory);
    shell_reload_text(&held->crl, &read->crl);
    shell_reload_text(&held->policy, &read->policy);
    shell_reload_same_text(shell, "installation", held->installation, read->installation);
    shell_reload_same_text(shell, "data", held->data, read->data);
    shell_reload_same_text(shell, "identity", held->identity, read->identity);
    shell_reload_same_text(shell, "ca", held->ca, read->ca);
    shell_reload_same(shell, "listen",
                      shell_reload_lists_equal(held->listen, held->listen_count, read->listen, read->listen_count));
    shell_reload_same(shell, "hosts",
                      shell_reload_lists_equal(held->hosts, held->hosts_count, read->hosts, read->hosts_count));
    shell_reload_same_http(shell, &held->http, &read->http);
    shell_reload_same_number(shell, "map_mib", held->map_bytes, read->map_bytes);
    shell_reload_same_number(shell, "pulse_ms", held->pulse_ms, read->pulse_ms);
}

static enum wire_status reload_config(struct broker *broker, struct wire_problem *problem)
{
    struct link_broker_config read;
    enum wire_status status = link_broker_config_load(broker->shell.config_path, &read, problem);
    if (status != WIRE_OK)
        return status;
    compare(broker, &read);
    link_broker_config_close(&read);
    return WIRE_OK;
}

enum wire_status broker_reload(struct broker *broker, struct wire_problem *problem)
{
    struct wire_problem config = {0}, trust = {0};
    struct link_log *log = broker->shell.log;
    link_log_reopen(log, NULL);
    enum wire_status config_status = reload_config(broker, &config);
    enum wire_status trust_status = broker_trust_reload(broker->trust, &trust);
    if (config_status != WIRE_OK)
        link_log_problem(log, LINK_ERROR, "broker", &config);
    if (trust_status != WIRE_OK)
        link_log_problem(log, LINK_ERROR, "broker", &trust);
    if (config_status == WIRE_OK && trust_status == WIRE_OK)
        link_log_line(log, LINK_NOTICE, "broker", "已重新载入", "reloaded",
                      LINK_TEXT("config", broker->shell.config_path));
    *problem = config_status == WIRE_OK ? trust : config;
    return config_status == WIRE_OK ? trust_status : config_status;
}
