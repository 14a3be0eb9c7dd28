/* SIGHUP: configuration, directory and tokens again. Each file counts for itself: a wrong directory keeps no withdrawn
 * token alive, nor the other way round. */
#include "node.h"

#include "node/api/api.h"
#include "shell/reload.h"

static bool same_broker(const struct link_broker_link *held, const struct link_broker_link *read)
{
    return shell_reload_texts_equal(held->name, read->name) &&
           shell_reload_texts_equal(held->endpoint, read->endpoint) && held->has_key == read->has_key &&
           memcmp(held->key, read->key, sizeof(held->key)) == 0 &&
           shell_reload_texts_equal(held->certificate, read->certificate) &&
           shell_reload_lists_equal(held->mechanisms, held->mechanism_count, read->mechanisms, read->mechanism_count);
}

static bool same_brokers(const struct link_node_config *held, const struct link_node_config *read)
{
    for (unsigned i = 0; i < held->broker_count && i < read->broker_count; i++)
        if (!same_broker(&held->brokers[i], &read->brokers[i]))
            return false;
    return held->broker_count == read->broker_count;
}

static void compare(struct node *node, struct link_node_config *read)
{
    struct shell *shell = &node->shell;
    struct link_node_config *held = &node->config;
    shell_reload_log(shell, &held->log, &read->log);
    shell_reload_text(&held->directory, &read->directory);
    shell_reload_text(&held->tokens, &read->tokens);
    shell_reload_same_number(shell, "region", held->region, read->region);
    shell_reload_same_text(shell, "installation", held->installation, read->installation);
    shell_reload_same_text(shell, "data", held->data, read->data);
    shell_reload_same_text(shell, "identity", held->identity, read->identity);
    shell_reload_same_text(shell, "ca", held->ca, read->ca);
    shell_reload_same(shell, "brokers", same_brokers(held, read));
    shell_reload_same_http(shell, &held->http, &read->http);
    shell_reload_same_number(shell, "map_mib", held->map_bytes, read->map_bytes);
    shell_reload_same_number(shell, "pulse_ms", held->pulse_ms, read->pulse_ms);
}

static enum wire_status reload_config(struct node *node, struct wire_problem *problem)
{
    struct link_node_config read;
    enum wire_status status = link_node_config_load(node->shell.config_path, &read, problem);
    if (status != WIRE_OK)
        return status;
    compare(node, &read);
    link_node_config_close(&read);
    return WIRE_OK;
}

static enum wire_status reload_tokens(struct node *node, struct wire_problem *problem)
{
    return node->api == NULL ? WIRE_OK : api_reload_tokens(node->api, node->config.tokens, problem);
}

static enum wire_status reload_trust(struct node *node, struct wire_problem *problem)
{
    return node_trust_reload(node->trust, problem);
}

void node_reload(struct node *node)
{
    static enum wire_status (*const parts[])(struct node *, struct wire_problem *) = {reload_config, reload_trust,
                                                                                      reload_tokens};
    bool good = true;
    link_log_reopen(node->shell.log, NULL);
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        struct wire_problem problem = {0};
        if (parts[i](node, &problem) == WIRE_OK)
            continue;
        link_log_problem(node->shell.log, LINK_ERROR, "node", &problem);
        good = false;
    }
    if (good)
        link_log_line(node->shell.log, LINK_NOTICE, "node", "已重新载入", "reloaded",
                      LINK_TEXT("config", node->shell.config_path));
}
