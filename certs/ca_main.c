/* lianfang-ca: the certification authority of an installation. All it does is in certs/ca_command.c. */
#include "certs/ca_command.h"
#include <locale.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "");
    umask(077);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* private keys do not belong into a core file */
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return cert_ca_run(argc, argv, stdout, stderr, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
}
