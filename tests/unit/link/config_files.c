#include "link/config.h"
#include "link/yaml.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], path[96];

static void make_folder(void)
{
    strcpy(folder, "/tmp/config-test-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/x.yaml", folder);
}

static void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
}

TestSuite(link_config, .init = make_folder, .fini = remove_folder);

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
    chmod(path, 0600);
}

#define BROKER                                                                                                         \
    "installation: 长三角联防\n"                                                                                  \
    "data: data\n"                                                                                                     \
    "identity: /etc/identity\n"                                                                                        \
    "ca: ca.pem\n"                                                                                                     \
    "directory: directory.bin\n"                                                                                       \
    "crl: crl.pem\n"                                                                                                   \
    "policy: policy.bin\n"
#define LISTEN "listen: [\"tcp://0.0.0.0:7440\", \"tcp://[::]:7440\"]\n"

static struct link_broker_config broker_of(const char *text)
{
    struct link_broker_config config;
    struct wire_problem problem = {0};
    write_file(text);
    cr_assert_eq(link_broker_config_load(path, &config, &problem), WIRE_OK, "%s: %s", problem.where, problem.en);
    return config;
}

/* `where` follows the file's name: ":7:12", or "" for the file as a whole. */
static void broker_refused(const char *text, const char *where, const char *says)
{
    struct link_broker_config config;
    struct wire_problem problem = {0};
    char expected[160];
    write_file(text);
    snprintf(expected, sizeof expected, "%s%s", path, where);
    enum wire_status status = link_broker_config_load(path, &config, &problem);
    cr_assert(status == WIRE_INVALID || status == WIRE_SYNTAX, "%s", text);
    cr_expect_str_eq(problem.where, expected, "%s, expected %s (%s)", problem.where, expected, problem.en);
    cr_expect(strstr(problem.en, says), "%s", problem.en);
    cr_expect(problem.zh[0], "%s", problem.en);
}

Test(link_config, a_broker_with_defaults)
{
    struct link_broker_config config = broker_of(BROKER LISTEN);
    char data[96];
    snprintf(data, sizeof data, "%s/data", folder);
    cr_assert_str_eq(config.installation, "长三角联防");
    cr_assert_str_eq(config.data, data, "relative to the file");
    cr_assert_str_eq(config.identity, "/etc/identity");
    cr_assert(config.listen_count == 2 && strcmp(config.listen[1], "tcp://[::]:7440") == 0);
    cr_assert(!config.http.host && !config.http.unix_path && config.hosts_count == 0);
    cr_assert_eq(config.map_bytes, 4096ULL * 1024 * 1024);
    cr_assert(config.pulse_ms == 5000 && config.log.level == LINK_INFO && config.log.format == LINK_LOG_TEXT);
    link_broker_config_close(&config);
    link_broker_config_close(&config);
}

Test(link_config, a_broker_with_everything)
{
    struct link_broker_config config =
        broker_of(BROKER LISTEN "http: [\"[::1]:0\", run/broker.sock]\nhosts: [yangtze-delta, jing-jin-ji]\n"
                                "map_mib: 64\nlog: {format: json, level: debug, language: en, file: broker.log}\n"
                                "pulse_ms: 1000\n");
    cr_assert_str_eq(config.http.host, "::1");
    cr_assert(config.http.port == 0 && strstr(config.http.unix_path, "/run/broker.sock"));
    cr_assert(config.hosts_count == 2 && strcmp(config.hosts[1], "jing-jin-ji") == 0);
    cr_assert(config.map_bytes == 64 * 1024 * 1024 && config.pulse_ms == 1000);
    cr_assert(config.log.format == LINK_LOG_JSON && config.log.level == LINK_DEBUG &&
              config.log.language == WIRE_ENGLISH && strstr(config.log.path, "/broker.log"));
    link_broker_config_close(&config);
}

Test(link_config, refusals_say_where_and_what)
{
    broker_refused(BROKER LISTEN "polcy: x\n", ":9:8", "did you mean \"policy\"");
    broker_refused(BROKER LISTEN "zzzzzzz: x\n", ":9:10", "unknown key \"zzzzzzz\"");
    broker_refused(BROKER LISTEN "log: {levl: info}\n", ":9:13", "did you mean \"level\"");
    broker_refused(BROKER LISTEN "log: {level: loud}\n", ":9:14", "log.level: \"loud\" is none of: error, warning");
    broker_refused(BROKER LISTEN "map_mib: 3\n", ":9:10", "from 16");
    broker_refused(BROKER LISTEN "map_mib: many\n", ":9:10", "many");
    broker_refused(BROKER LISTEN "pulse_ms: 10\n", ":9:11", "from 100 to 60000");
    broker_refused(BROKER LISTEN "http: [0.0.0.0:80]\n", ":9:8", "loopback");
    broker_refused(BROKER LISTEN "http: [\"127.0.0.1:99999\"]\n", ":9:8", "not a port");
    broker_refused(BROKER LISTEN "hosts: [Yangtze]\n", ":9:9", "not a mechanism id");
    broker_refused(BROKER LISTEN "hosts: [a, b, a]\n", ":9:15", "twice");
    broker_refused(BROKER "listen: [tcp://nowhere]\n", ":8:10", "tcp://host:port");
    broker_refused(BROKER "listen: [\"ipc:///x:1\"]\n", ":8:10", "tcp://host:port");
    broker_refused(BROKER, "", "listen: name at least one");
    broker_refused("data: x\n", "", "installation: this key is required");
    broker_refused("installation: \"\"\n", ":1:15", "1 to 63 bytes");
}

Test(link_config, yaml_that_could_be_misread_is_refused)
{
    broker_refused("", ":1:1", "empty");
    broker_refused("- a\n", "", "MAPPING");
    broker_refused(BROKER LISTEN "crl: again\n", ":9:1", "twice");
    broker_refused(BROKER LISTEN "---\na: b\n", ":9:1", "one document");
    broker_refused("ca: &x y\ncrl: *x\n", ":1:5", "aliases");
    broker_refused("ca: [\n", ":2:1", "cannot be read");
    broker_refused("data: [a]\n", ":1:7", "STRING");
    broker_refused("a[b: 1\n", ":1:6", "unknown key");
    struct link_broker_config config;
    struct wire_problem problem;
    unlink(path);
    cr_assert_eq(link_broker_config_load(path, &config, &problem), WIRE_NOT_FOUND);
    cr_assert_str_eq(problem.where, path);
}

#define NODE                                                                                                           \
    "region: 330300\n"                                                                                                 \
    "installation: 长三角联防\n"                                                                                  \
    "data: data\n"                                                                                                     \
    "identity: identity\n"                                                                                             \
    "ca: ca.pem\n"                                                                                                     \
    "brokers:\n"
#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define ONE "  - {name: delta, endpoint: \"tcp://broker.example:7440\", key: " KEY ", mechanisms: [yangtze-delta]}\n"

static void node_refused(const char *text, const char *where, const char *says)
{
    struct link_node_config config;
    struct wire_problem problem = {0};
    char expected[160];
    write_file(text);
    snprintf(expected, sizeof expected, "%s%s", path, where);
    cr_assert_eq(link_node_config_load(path, &config, &problem), WIRE_INVALID, "%s", text);
    cr_expect_str_eq(problem.where, expected, "%s, expected %s (%s)", problem.where, expected, problem.en);
    cr_expect(strstr(problem.en, says), "%s", problem.en);
    cr_expect(problem.zh[0]);
}

Test(link_config, a_node_with_two_brokers)
{
    struct link_node_config config;
    struct wire_problem problem = {0};
    write_file(NODE ONE "  - {name: rest, endpoint: \"tcp://10.0.0.1:7440\", key: broker.pem, mechanisms: [all]}\n"
                        "http: [\"127.0.0.1:7442\", node.sock]\ntokens: tokens.yaml\ndirectory: first.bin\n");
    cr_assert_eq(link_node_config_load(path, &config, &problem), WIRE_OK, "%s: %s", problem.where, problem.en);
    cr_assert(config.region == 330300 && config.broker_count == 2);
    cr_assert(config.brokers[0].has_key && config.brokers[0].key[31] == 0x1f);
    cr_assert_str_eq(config.brokers[0].mechanisms[0], "yangtze-delta");
    cr_assert(!config.brokers[1].has_key && strstr(config.brokers[1].certificate, "/broker.pem"));
    cr_assert_eq(config.brokers[1].mechanism_count, 0);
    cr_assert(config.http.port == 7442 && config.http.unix_path && config.tokens && config.directory);
    link_node_config_close(&config);
}

Test(link_config, node_refusals)
{
    node_refused("region: 999999\n", ":1:9", "GB/T 2260");
    node_refused("region: jiaxing\n", ":1:9", "GB/T 2260");
    node_refused(NODE, ":6:9", "SEQUENCE");
    node_refused(NODE ONE ONE, ":8:12", "another link has the name");
    node_refused(NODE "  - {name: delta, endpoint: \"tcp://a:1\", key: abcdef0123456789abcdef0123456789abcdef}\n",
                 ":7:47", "64 hex digits");
    node_refused(NODE "  - {name: delta, endpoint: \"tcp://a:1\"}\n", "", "key: this key is required");
    node_refused(NODE "  - {name: delta, endpont: x}\n", ":7:28", "did you mean \"endpoint\"");
    node_refused(NODE ONE "  - {name: other, endpoint: \"tcp://a:1\", key: b.pem, mechanisms: [yangtze-delta]}\n",
                 ":8:67", "over link \"delta\"");
    node_refused(NODE "  - {name: a, endpoint: \"tcp://a:1\", key: b.pem}\n"
                      "  - {name: b, endpoint: \"tcp://a:1\", key: b.pem, mechanisms: [all]}\n",
                 ":8:62", "one link at most");
    node_refused(NODE ONE "http: [\"127.0.0.1:1\"]\n", "", "tokens");
}

Test(link_config, files_that_are_named_must_be_there)
{
    struct link_broker_config config = broker_of(BROKER LISTEN);
    struct wire_problem problem = {0};
    cr_assert_eq(link_broker_config_check_files(&config, &problem), WIRE_NOT_FOUND);
    cr_assert_str_eq(problem.where, "/etc/identity");
    free(config.identity);
    config.identity = strdup(folder);
    cr_assert_eq(link_broker_config_check_files(&config, &problem), WIRE_NOT_FOUND);
    cr_assert(strstr(problem.where, "/ca.pem"), "%s", problem.where);
    link_broker_config_close(&config);
}

#define DIGEST "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

Test(link_config, tokens)
{
    struct link_tokens tokens;
    struct wire_problem problem = {0};
    write_file("tokens:\n  - digest: " DIGEST "\n    label: 值班一席\n    unit: cdc\n    roles: [duty, admin]\n");
    cr_assert_eq(link_tokens_load(path, &tokens, &problem), WIRE_OK, "%s: %s", problem.where, problem.en);
    cr_assert(tokens.count == 1 && tokens.list[0].digest[0] == 0x9f);
    cr_assert_str_eq(tokens.list[0].label, "值班一席");
    cr_assert_eq(tokens.list[0].roles, LINK_ROLE_DUTY | LINK_ROLE_ADMIN);
    link_tokens_close(&tokens);

    chmod(path, 0644);
    cr_assert_eq(link_tokens_load(path, &tokens, &problem), WIRE_INVALID);
    cr_assert(strstr(problem.en, "chmod 600"));
    write_file("tokens:\n  - {digest: " DIGEST ", label: x, roles: [chief]}\n");
    cr_assert_eq(link_tokens_load(path, &tokens, &problem), WIRE_INVALID);
    cr_assert(strstr(problem.en, "there is no role \"chief\""));
    write_file("tokens:\n  - {digest: " DIGEST ", label: x, roles: []}\n");
    cr_assert_eq(link_tokens_load(path, &tokens, &problem), WIRE_INVALID);
    write_file("tokens:\n  - {digest: secret, label: x, roles: [duty]}\n");
    cr_assert_eq(link_tokens_load(path, &tokens, &problem), WIRE_INVALID);
    cr_assert_not(strstr(problem.en, "secret"), "what may be a token is not repeated");
}

Test(link_config, nearest)
{
    const char *names[] = {"installation", "identity", "data"};
    cr_assert_str_eq(link_nearest("instalation", names, 3), "installation");
    cr_assert_str_eq(link_nearest("date", names, 3), "data");
    cr_assert_null(link_nearest("whatever", names, 3));
    cr_assert_null(link_nearest("", names, 3));
}
