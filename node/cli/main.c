/* `lianfang`: the node's command line. What it does stands in node/cli/command.h; here it meets the real world. */
#include "node/cli/cli.h"
#include <locale.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static const char *variable(void *context, const char *name)
{
    (void)context;
    return getenv(name);
}

static int64_t now_ms(void *context)
{
    (void)context;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void pause_ms(void *context, unsigned ms)
{
    (void)context;
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}

static unsigned terminal_columns(void)
{
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "");
    struct cli_world world = {
        .in = stdin,
        .out = stdout,
        .err = stderr,
        .tty = isatty(STDOUT_FILENO) == 1,
        .columns = terminal_columns(),
        .variable = variable,
        .now_ms = now_ms,
        .pause = pause_ms,
    };
    return cli_main(argc, argv, &world);
}
