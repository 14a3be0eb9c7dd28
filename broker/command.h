/* Operator commands of lianfang-broker: they ask the running broker over its Unix socket. Returns a sysexits code. */
#pragma once
#include "link/config.h"

int broker_command(const struct link_broker_config *config, int argc, char **argv);
