/* Preloaded as a control of churn.py: every connection that is accepted loses LIANFANG_LEAK bytes. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int accept4(int listener, struct sockaddr *address, socklen_t *size, int flags)
{
    static void *volatile lost; /* so that nothing is optimized away */
    const char *bytes = getenv("LIANFANG_LEAK");
    size_t count = bytes == NULL ? 0 : strtoul(bytes, NULL, 10);
    int (*next)(int, struct sockaddr *, socklen_t *, int) =
        (int (*)(int, struct sockaddr *, socklen_t *, int))dlsym(RTLD_NEXT, "accept4");
    lost = malloc(count);
    if (lost != NULL)
        memset(lost, 1, count);
    return next(listener, address, size, flags);
}
