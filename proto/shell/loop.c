#include "shell/shell.h"

#include <signal.h>
#include <sysexits.h>
#include <time.h>

int64_t shell_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t shell_mono_ms(void)
{
    return (int64_t)(uv_hrtime() / 1000000);
}

static void on_stored(uv_async_t *async)
{
    struct shell *shell = async->data;
    if (!shell->stopping)
        shell->calls.stored(shell->daemon);
}

static void wake_loop(void *context)
{
    uv_async_send(context);
}

static void on_wake(uv_timer_t *timer)
{
    struct shell *shell = timer->data;
    shell->calls.wake(shell->daemon);
}

static void on_second(uv_timer_t *timer)
{
    struct shell *shell = timer->data;
    shell->calls.second(shell->daemon);
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct shell *shell = signal->data;
    if (number == SIGHUP)
        shell->calls.reload(shell->daemon);
    else
        shell->calls.stop(shell->daemon, EX_OK);
}

void shell_start_handles(struct shell *shell, const struct shell_calls *calls, void *daemon)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    shell->calls = *calls;
    shell->daemon = daemon;
    uv_async_init(&shell->loop, &shell->stored, on_stored);
    uv_timer_init(&shell->loop, &shell->wake);
    uv_timer_init(&shell->loop, &shell->seconds);
    shell->stored.data = shell->wake.data = shell->seconds.data = shell;
    for (size_t i = 0; i < 3; i++) {
        uv_signal_init(&shell->loop, &shell->signals[i]);
        shell->signals[i].data = shell;
        uv_signal_start(&shell->signals[i], on_signal, numbers[i]);
    }
    signal(SIGPIPE, SIG_IGN);
    keep_on_committed(shell->keep, wake_loop, &shell->stored);
}

void shell_start_seconds(struct shell *shell)
{
    uv_timer_start(&shell->seconds, on_second, 1000, 1000);
}

void shell_close_handles(struct shell *shell)
{
    uv_close((uv_handle_t *)&shell->stored, NULL);
    uv_close((uv_handle_t *)&shell->wake, NULL);
    uv_close((uv_handle_t *)&shell->seconds, NULL);
    for (size_t i = 0; i < 3; i++)
        uv_close((uv_handle_t *)&shell->signals[i], NULL);
}

void shell_timer_at(uv_timer_t *timer, int64_t mono_ms, uv_timer_cb callback)
{
    int64_t in_ms = mono_ms - shell_mono_ms();
    uv_update_time(timer->loop);
    uv_timer_start(timer, callback, in_ms > 0 ? (uint64_t)in_ms : 0, 0);
}

void shell_wake_at(struct shell *shell, int64_t mono_ms)
{
    shell_timer_at(&shell->wake, mono_ms, on_wake);
}
