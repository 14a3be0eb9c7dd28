#define _GNU_SOURCE
#include "link/http_client.h"
#include "wire/ensure.h"
#include "wire/json.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { TIMEOUT_MS = 30000, PIECE_BYTES = 32 * 1024 };

struct exchange {
    const struct link_http_call *call;
    struct link_http_answer *answer;
    struct wire_problem *problem;
    int fd;
    char where[160];
    char head[LINK_HTTP_ANSWER_HEAD_MAX];
    size_t head_size; /* bytes in head, body bytes behind the head included */
    size_t taken;     /* of those, used */
    bool chunked, has_length, ended;
    uint64_t length;
    size_t capacity; /* of answer->body */
};

static enum wire_status fail(struct exchange *x, enum wire_status status, const char *zh, const char *en)
{
    return wire_fail(x->problem, status, x->where, zh, en);
}

static enum wire_status fail_errno(struct exchange *x, const char *zh, const char *en)
{
    return wire_failf(x->problem, WIRE_IO, x->where, "%.0s%s：%s。请确认节点正在运行",
                      "%s%.0s: %s. Check that the node is running", en, zh, strerror(errno));
}

/* --- the connection --- */

static int connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return -1;
}

static int connect_tcp(const char *host, uint16_t port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    bool is_v4 = inet_pton(AF_INET, host, &v4.sin_addr) == 1;
    if (!is_v4 && inet_pton(AF_INET6, host, &v6.sin6_addr) != 1) {
        errno = EINVAL;
        return -1;
    }
    int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr *address = is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    if (fd >= 0 && connect(fd, address, is_v4 ? sizeof v4 : sizeof v6) == 0)
        return fd;
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return -1;
}

static enum wire_status open_connection(struct exchange *x)
{
    const struct link_http_call *call = x->call;
    x->fd = call->unix_path ? connect_unix(call->unix_path) : connect_tcp(call->host, call->port);
    return x->fd >= 0 ? WIRE_OK : fail_errno(x, "无法连接", "cannot connect");
}

static enum wire_status wait_for(struct exchange *x, short events)
{
    struct pollfd poll_fd = {.fd = x->fd, .events = events};
    int timeout = x->call->timeout_ms ? (int)x->call->timeout_ms : TIMEOUT_MS;
    int ready;
    do
        ready = poll(&poll_fd, 1, timeout);
    while (ready < 0 && errno == EINTR);
    if (ready == 0)
        return fail(x, WIRE_AGAIN, "对方长时间没有应答。请稍后重试", "no answer for long. Try again later");
    return ready > 0 ? WIRE_OK : fail_errno(x, "连接中断", "the connection broke");
}

static enum wire_status send_all(struct exchange *x, const char *data, size_t size)
{
    while (size > 0) {
        enum wire_status status = wait_for(x, POLLOUT);
        if (status != WIRE_OK)
            return status;
        ssize_t sent = send(x->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
            return WIRE_OK; /* refused early: its answer may be there all the same */
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return fail_errno(x, "发送失败", "sending failed");
        data += sent > 0 ? sent : 0;
        size -= sent > 0 ? (size_t)sent : 0;
    }
    return WIRE_OK;
}

/* 0 bytes: the other side has ended. */
static enum wire_status receive(struct exchange *x, void *data, size_t max, size_t *size)
{
    for (;;) {
        enum wire_status status = wait_for(x, POLLIN);
        if (status != WIRE_OK)
            return status;
        ssize_t got = recv(x->fd, data, max, MSG_DONTWAIT);
        if (got >= 0) {
            *size = (size_t)got;
            return WIRE_OK;
        }
        if (errno != EAGAIN && errno != EINTR)
            return fail_errno(x, "接收失败", "receiving failed");
    }
}

/* --- the request --- */

static bool is_clean(const char *text)
{
    for (; text && *text; text++)
        if ((unsigned char)*text <= ' ' || *text == 0x7F)
            return false;
    return true;
}

static enum wire_status send_request(struct exchange *x)
{
    const struct link_http_call *call = x->call;
    const char *method = call->method ? call->method : "GET";
    ENSURE(call->target && call->target[0] == '/' && is_clean(call->target) && is_clean(method));
    if (!is_clean(call->token))
        return fail(x, WIRE_INVALID, "令牌中有空白或控制字符", "the token holds blanks or control characters");
    if (!is_clean(call->last_event_id))
        return fail(x, WIRE_INVALID, "事件编号中有空白或控制字符", "the event id holds blanks or control characters");
    struct wire_text head = {.grow = realloc};
    wire_text_format(&head, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", method, call->target);
    if (call->token)
        wire_text_format(&head, "Authorization: Bearer %s\r\n", call->token);
    if (call->language)
        wire_text_format(&head, "Accept-Language: %s\r\n", call->language);
    if (call->last_event_id)
        wire_text_format(&head, "Last-Event-ID: %s\r\n", call->last_event_id);
    if (call->body.size || strcmp(method, "GET") != 0)
        wire_text_format(&head, "Content-Type: %s\r\nContent-Length: %zu\r\n",
                         call->content_type ? call->content_type : "application/json", call->body.size);
    wire_text_string(&head, "\r\n");
    ENSURE(!head.cut);
    enum wire_status status = send_all(x, head.data, head.size);
    free(head.data);
    return status == WIRE_OK ? send_all(x, (const char *)call->body.data, call->body.size) : status;
}

/* --- the head of the answer --- */

static enum wire_status not_http(struct exchange *x)
{
    return fail(x, WIRE_SYNTAX, "应答不是 HTTP。请检查地址", "the answer is not HTTP. Check the address");
}

static void header_line(struct exchange *x, char *line)
{
    char *value = strchr(line, ':');
    if (!value)
        return;
    *value++ = '\0';
    value += strspn(value, " \t");
    if (strcasecmp(line, "Content-Length") == 0) {
        x->has_length = true;
        x->length = strtoull(value, NULL, 10);
    } else if (strcasecmp(line, "Transfer-Encoding") == 0) {
        x->chunked = strcasestr(value, "chunked") != NULL;
    } else if (strcasecmp(line, "Content-Type") == 0) {
        snprintf(x->answer->content_type, sizeof x->answer->content_type, "%s", value);
    }
}

/* `head` is NUL-terminated at its end. */
static enum wire_status parse_head(struct exchange *x, char *head)
{
    unsigned status;
    char *line, *rest = head;
    line = strsep(&rest, "\n");
    if (sscanf(line, "HTTP/1.%*1u %3u", &status) != 1 || status < 100)
        return not_http(x);
    x->answer->status = status;
    while ((line = strsep(&rest, "\n")) != NULL) {
        line[strcspn(line, "\r")] = '\0';
        header_line(x, line);
    }
    if (status == 204 || status == 304 || (x->call->method && strcmp(x->call->method, "HEAD") == 0)) {
        x->chunked = false;
        x->has_length = true;
        x->length = 0;
    }
    return WIRE_OK;
}

static enum wire_status read_one_head(struct exchange *x)
{
    char *end;
    while (!(end = memmem(x->head + x->taken, x->head_size - x->taken, "\r\n\r\n", 4))) {
        if (x->head_size == sizeof x->head)
            return not_http(x);
        size_t got = 0;
        enum wire_status status = receive(x, x->head + x->head_size, sizeof x->head - x->head_size, &got);
        if (status != WIRE_OK)
            return status;
        if (got == 0)
            return fail(x, WIRE_IO, "连接在应答之前断开", "the connection ended before the answer");
        x->head_size += got;
    }
    char *from = x->head + x->taken;
    *end = '\0';
    x->taken = (size_t)(end + 4 - x->head);
    return parse_head(x, from);
}

static enum wire_status read_head(struct exchange *x)
{
    enum wire_status status;
    do
        status = read_one_head(x);
    while (status == WIRE_OK && x->answer->status < 200); /* "100 Continue" */
    return status;
}

/* --- the body --- */

/* Body bytes as they come, first those behind the head. 0: the end. */
static enum wire_status pull(struct exchange *x, uint8_t *data, size_t max, size_t *size)
{
    size_t left = x->head_size - x->taken;
    if (left == 0)
        return receive(x, data, max, size);
    *size = left < max ? left : max;
    memcpy(data, x->head + x->taken, *size);
    x->taken += *size;
    return WIRE_OK;
}

static enum wire_status collect(struct exchange *x, const uint8_t *data, size_t size)
{
    struct link_http_answer *answer = x->answer;
    if (x->call->on_body && answer->status / 100 == 2) {
        x->ended = !x->call->on_body(x->call->context, wire_bytes(data, size));
        return WIRE_OK;
    }
    if (answer->size + size > LINK_HTTP_ANSWER_BYTES_MAX)
        return fail(x, WIRE_OVER_BUDGET, "应答过大", "the answer is too large");
    if (answer->size + size + 1 > x->capacity) {
        size_t capacity = 2 * x->capacity + size + 1;
        uint8_t *larger = realloc(answer->body, capacity);
        if (!larger)
            return fail(x, WIRE_NO_MEMORY, "内存不足", "out of memory");
        answer->body = larger;
        x->capacity = capacity;
    }
    memcpy(answer->body + answer->size, data, size);
    answer->size += size;
    answer->body[answer->size] = '\0';
    return WIRE_OK;
}

static enum wire_status cut_short(struct exchange *x)
{
    return fail(x, WIRE_IO, "应答不完整，连接中断", "the answer is not whole, the connection broke");
}

/* `length` bytes, or up to the end when `to_end`. */
static enum wire_status read_plain(struct exchange *x, uint64_t length, bool to_end)
{
    uint8_t piece[PIECE_BYTES];
    while (!x->ended && (to_end || length > 0)) {
        size_t want = to_end || length > sizeof piece ? sizeof piece : (size_t)length, got = 0;
        enum wire_status status = pull(x, piece, want, &got);
        if (status == WIRE_OK && got == 0)
            return to_end ? WIRE_OK : cut_short(x);
        if (status == WIRE_OK)
            status = collect(x, piece, got);
        if (status != WIRE_OK)
            return status;
        length -= to_end ? 0 : got;
    }
    return WIRE_OK;
}

static enum wire_status read_line(struct exchange *x, char *line, size_t max)
{
    for (size_t size = 0;; size++) {
        size_t got = 0;
        uint8_t byte;
        enum wire_status status = pull(x, &byte, 1, &got);
        if (status != WIRE_OK || got == 0)
            return status != WIRE_OK ? status : cut_short(x);
        if (size + 1 >= max)
            return not_http(x);
        line[size] = (char)byte;
        if (byte == '\n') {
            line[size > 0 && line[size - 1] == '\r' ? size - 1 : size] = '\0';
            return WIRE_OK;
        }
    }
}

static enum wire_status read_chunks(struct exchange *x)
{
    char line[256];
    while (!x->ended) {
        enum wire_status status = read_line(x, line, sizeof line);
        if (status != WIRE_OK)
            return status;
        char *end;
        uint64_t size = strtoull(line, &end, 16);
        if (end == line || size > LINK_HTTP_ANSWER_BYTES_MAX)
            return not_http(x);
        if (size == 0)
            return WIRE_OK; /* trailers do not concern us: the connection closes */
        status = read_plain(x, size, false);
        if (status == WIRE_OK && !x->ended)
            status = read_line(x, line, sizeof line);
        if (status != WIRE_OK)
            return status;
    }
    return WIRE_OK;
}

static enum wire_status exchange(struct exchange *x)
{
    enum wire_status status = open_connection(x);
    if (status == WIRE_OK)
        status = send_request(x);
    if (status == WIRE_OK)
        status = read_head(x);
    if (status != WIRE_OK)
        return status;
    return x->chunked ? read_chunks(x) : read_plain(x, x->length, !x->has_length);
}

enum wire_status link_http_call(const struct link_http_call *call, struct link_http_answer *answer,
                                struct wire_problem *problem)
{
    struct exchange *x = calloc(1, sizeof *x);
    ENSURE(x);
    *answer = (struct link_http_answer){0};
    *x = (struct exchange){.call = call, .answer = answer, .problem = problem, .fd = -1};
    if (call->unix_path)
        snprintf(x->where, sizeof x->where, "%s", call->unix_path);
    else
        snprintf(x->where, sizeof x->where, "%s:%u", call->host, call->port);
    enum wire_status status = exchange(x);
    if (x->fd >= 0)
        close(x->fd);
    free(x);
    if (status != WIRE_OK)
        link_http_answer_close(answer);
    return status;
}

void link_http_answer_close(struct link_http_answer *answer)
{
    free(answer->body);
    *answer = (struct link_http_answer){0};
}

size_t link_http_encode(const char *text, char *out, size_t out_size)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    size_t size = 0, shown = 0;
    for (; *text; text++) {
        char piece[4];
        bool is_plain = strchr(plain, *text) != NULL;
        size_t length = (size_t)snprintf(piece, sizeof piece, is_plain ? "%c" : "%%%02X", (unsigned char)*text);
        size += length;
        if (size + 1 <= out_size) {
            memcpy(out + shown, piece, length);
            shown += length;
        }
    }
    if (out_size > 0)
        out[shown < out_size ? shown : out_size - 1] = '\0';
    return size;
}
