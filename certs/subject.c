#include "certs/subject.h"

static const char *const role_names[] = {
    [WIRE__ROLE__ROLE_NODE] = "node",
    [WIRE__ROLE__ROLE_BROKER] = "broker",
    [WIRE__ROLE__ROLE_SECRETARY] = "secretary",
};

static const char *const usage_names[] = {
    [WIRE__USAGE__USAGE_IDENTITY] = "identity",
    [WIRE__USAGE__USAGE_SEAL] = "seal",
    [WIRE__USAGE__USAGE_TRANSPORT] = "transport",
};

const char *cert_role_name(Wire__Role role)
{
    return role >= WIRE__ROLE__ROLE_NODE && role <= WIRE__ROLE__ROLE_SECRETARY ? role_names[role] : "?";
}

bool cert_role_parse(const char *name, Wire__Role *role)
{
    for (Wire__Role i = WIRE__ROLE__ROLE_NODE; i <= WIRE__ROLE__ROLE_SECRETARY; i++)
        if (strcmp(name, role_names[i]) == 0) {
            *role = i;
            return true;
        }
    return false;
}

const char *cert_usage_name(Wire__Usage usage)
{
    return usage >= WIRE__USAGE__USAGE_IDENTITY && usage <= WIRE__USAGE__USAGE_TRANSPORT ? usage_names[usage] : "?";
}

bool cert_usage_parse(const char *name, Wire__Usage *usage)
{
    for (Wire__Usage i = WIRE__USAGE__USAGE_IDENTITY; i <= WIRE__USAGE__USAGE_TRANSPORT; i++)
        if (strcmp(name, usage_names[i]) == 0) {
            *usage = i;
            return true;
        }
    return false;
}

bool cert_role_has(Wire__Role role, Wire__Usage usage)
{
    switch (usage) {
    case WIRE__USAGE__USAGE_IDENTITY:
        return true;
    case WIRE__USAGE__USAGE_SEAL:
        return role == WIRE__ROLE__ROLE_NODE;
    default:
        return usage == WIRE__USAGE__USAGE_TRANSPORT && role != WIRE__ROLE__ROLE_SECRETARY;
    }
}

bool cert_id_valid(const char *id)
{
    size_t length = strlen(id);
    return length >= 1 && length <= CERT_NAME_BYTES_MAX &&
           strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}
