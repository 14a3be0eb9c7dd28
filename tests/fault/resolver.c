/* Preloaded into a daemon under test: looking up names below .invalid hangs until the file LIANFANG_RESOLVER_GO is
 * there, then says 127.0.0.1. Other names and all addresses are looked up as ever. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int getaddrinfo(const char *restrict host, const char *restrict port, const struct addrinfo *restrict hints,
                struct addrinfo **restrict out)
{
    static __typeof__(getaddrinfo) *real;
    if (real == NULL)
        real = (__typeof__(getaddrinfo) *)dlsym(RTLD_NEXT, "getaddrinfo");
    const char *end = host != NULL ? strrchr(host, '.') : NULL, *go = getenv("LIANFANG_RESOLVER_GO");
    if (end == NULL || strcmp(end, ".invalid") != 0)
        return real(host, port, hints, out);
    if (hints != NULL && (hints->ai_flags & AI_NUMERICHOST))
        return EAI_NONAME;
    while (go != NULL && access(go, F_OK) != 0)
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    return real("127.0.0.1", port, hints, out);
}
