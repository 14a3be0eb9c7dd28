/* `lianfang-ca` as a function, so that tests run it in their own process. Returns a sysexits code.
 *
 * A passphrase that is needed and not in a file is asked for on /dev/tty. now_ms is the wall clock. */
#pragma once
#include <stdint.h>
#include <stdio.h>

int cert_ca_run(int argc, char **argv, FILE *out, FILE *err, int64_t now_ms);
