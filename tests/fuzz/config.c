/* Configuration files of both daemons, the file of tokens, and import profiles. A refusal says what is wrong in both
 * languages; what is taken is within its limits and is closed whole. */
#define _GNU_SOURCE
#include "link/config.h"
#include "node/api/profile.h"
#include "target.h"
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *file_of(struct wire_bytes text)
{
    static char path[64];
    static int fd = -1;
    if (fd < 0) {
        fd = memfd_create("fuzz", 0);
        ENSURE(fd >= 0 && fchmod(fd, 0600) == 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    ENSURE(ftruncate(fd, 0) == 0 && pwrite(fd, text.data, text.size, 0) == (ssize_t)text.size);
    return path;
}

static void ensure_told(enum wire_status status, const struct wire_problem *problem)
{
    ENSURE(status == WIRE_OK || (problem->zh[0] != '\0' && problem->en[0] != '\0'));
}

static void broker(struct wire_bytes text)
{
    struct link_broker_config config = {.installation = NULL};
    struct wire_problem problem = {.status = WIRE_OK};
    enum wire_status status = link_broker_config_load(file_of(text), &config, &problem);
    ensure_told(status, &problem);
    if (status == WIRE_OK) {
        ENSURE(config.listen_count >= 1 && config.listen_count <= LINK_LISTEN_MAX && config.data != NULL);
        ENSURE(config.pulse_ms >= LINK_PULSE_MS_MIN && config.pulse_ms <= LINK_PULSE_MS_MAX);
        ENSURE(config.map_bytes >= LINK_MAP_MIB_MIN * UINT64_C(1048576) && config.hosts_count <= LINK_HOSTED_MAX);
    }
    link_broker_config_close(&config);
}

static void node(struct wire_bytes text)
{
    struct link_node_config config = {.installation = NULL};
    struct wire_problem problem = {.status = WIRE_OK};
    enum wire_status status = link_node_config_load(file_of(text), &config, &problem);
    ensure_told(status, &problem);
    if (status == WIRE_OK) {
        ENSURE(config.broker_count >= 1 && config.broker_count <= LINK_BROKERS_MAX);
        ENSURE(wire_region_find(config.region) != NULL);
        for (unsigned i = 0; i < config.broker_count; i++)
            ENSURE(config.brokers[i].name != NULL && config.brokers[i].endpoint != NULL &&
                   config.brokers[i].has_key == (config.brokers[i].certificate == NULL));
    }
    link_node_config_close(&config);
}

static void tokens(struct wire_bytes text)
{
    struct link_tokens list = {.list = NULL};
    struct wire_problem problem = {.status = WIRE_OK};
    enum wire_status status = link_tokens_load(file_of(text), &list, &problem);
    ensure_told(status, &problem);
    if (status == WIRE_OK) {
        ENSURE(list.count <= LINK_TOKENS_MAX);
        for (unsigned i = 0; i < list.count; i++)
            ENSURE(list.list[i].label != NULL && list.list[i].roles != 0);
    }
    link_tokens_close(&list);
}

static void profile(struct wire_bytes text)
{
    struct api_profile *read = NULL;
    struct wire_problem problem = {.status = WIRE_OK};
    enum wire_status status = api_profile_read("profile", (const char *)text.data, text.size, &read, &problem);
    ensure_told(status, &problem);
    ENSURE((status == WIRE_OK) == (read != NULL));
    if (read != NULL) {
        ENSURE(read->kind != NULL && read->key_count <= API_PROFILE_KEYS_MAX);
        ENSURE(read->fields_count <= API_PROFILE_FIELDS_MAX && api_profile_name_right(read->name));
        for (unsigned i = 0; i < read->fields_count; i++)
            ENSURE(read->fields[i].depth >= 1 && read->fields[i].depth <= API_PROFILE_DEPTH_MAX);
    }
    api_profile_close(&read);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input(data, size);
    if (size > 16 * 1024)
        return 0;
    switch (fuzz_below(&input, 4)) {
    case 0:
        broker(fuzz_rest(&input));
        break;
    case 1:
        node(fuzz_rest(&input));
        break;
    case 2:
        tokens(fuzz_rest(&input));
        break;
    default:
        profile(fuzz_rest(&input));
        break;
    }
    return 0;
}
