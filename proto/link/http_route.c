#include "link/http_inside.h"
#include "wire/ensure.h"
#include <stdlib.h>
#include <strings.h>

/* --- pairs --- */

bool http_pairs_add(struct http_pairs *pairs, const char *name, size_t name_size, const char *value)
{
    if (pairs->count == HTTP_PAIRS_MAX)
        return false;
    struct http_pair *pair = &pairs->item[pairs->count++];
    pair->name = strndup(name, name_size);
    pair->value = strdup(value ? value : "");
    ENSURE(pair->name && pair->value);
    return true;
}

const char *http_pairs_find(const struct http_pairs *pairs, const char *name, bool ignore_case)
{
    for (size_t i = 0; i < pairs->count; i++)
        if ((ignore_case ? strcasecmp : strcmp)(pairs->item[i].name, name) == 0)
            return pairs->item[i].value;
    return NULL;
}

void http_pairs_close(struct http_pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        free(pairs->item[i].name);
        free(pairs->item[i].value);
    }
    pairs->count = 0;
}

/* --- escapes --- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool http_decode(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        if (*from != '%') {
            *to++ = *from;
            continue;
        }
        int high = hex_digit(from[1]);
        int low = high < 0 ? -1 : hex_digit(from[2]);
        if (low < 0 || (high == 0 && low == 0))
            return false;
        *to++ = (char)(high << 4 | low);
        from += 2;
    }
    *to = '\0';
    return true;
}

/* --- routes --- */

/* Both paths side by side, segment by segment. */
static bool match(const char *pattern, const char *path, struct http_pairs *parts, bool *bad)
{
    while (*pattern && *path) {
        if (*pattern != '{') {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        size_t name = strcspn(pattern, "}") - 1, size = strcspn(path, "/");
        char value[256];
        if (size == 0 || size >= sizeof value)
            return false;
        memcpy(value, path, size);
        value[size] = '\0';
        *bad = *bad || !http_decode(value);
        ENSURE(parts->count < LINK_HTTP_PARTS_MAX && http_pairs_add(parts, pattern + 1, name, value));
        pattern += name + 2;
        path += size;
    }
    return !*pattern && !*path;
}

static bool method_fits(const char *route, const char *asked)
{
    return strcmp(route, asked) == 0 || (strcmp(asked, "HEAD") == 0 && strcmp(route, "GET") == 0);
}

const struct link_http_route *http_route(const struct link_http_options *options, const char *method, const char *path,
                                         struct http_pairs *parts, unsigned *status)
{
    *status = MHD_HTTP_NOT_FOUND;
    for (size_t i = 0; i < options->route_count; i++) {
        const struct link_http_route *route = &options->routes[i];
        bool bad = false;
        http_pairs_close(parts);
        if (!match(route->path, path, parts, &bad))
            continue;
        if (bad) {
            *status = MHD_HTTP_BAD_REQUEST;
            return NULL;
        }
        if (method_fits(route->method, method))
            return route;
        *status = MHD_HTTP_METHOD_NOT_ALLOWED;
    }
    http_pairs_close(parts);
    return NULL;
}

/* --- whose page is asking --- */

bool http_is_loopback(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 || strcmp(host, "[::1]") == 0 ||
           (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host));
}

/* "host", "host:port", "[::1]:port", without the port. */
static bool host_allowed(const struct link_http_options *options, const char *with_port)
{
    char host[HTTP_HOST_MAX + 1];
    size_t size = with_port[0] == '[' ? strcspn(with_port, "]") + 1 : strcspn(with_port, ":");
    if (size > HTTP_HOST_MAX || size > strlen(with_port))
        return false;
    memcpy(host, with_port, size);
    host[size] = '\0';
    if (http_is_loopback(host))
        return true;
    for (size_t i = 0; i < options->host_count; i++)
        if (strcasecmp(host, options->hosts[i]) == 0)
            return true;
    return false;
}

unsigned http_check_hosts(const struct link_http_options *options, const struct http_pairs *headers)
{
    const char *host = http_pairs_find(headers, "Host", true);
    const char *origin = http_pairs_find(headers, "Origin", true);
    if (!host || !host_allowed(options, host))
        return MHD_HTTP_MISDIRECTED_REQUEST;
    if (!origin)
        return 0;
    const char *name = strstr(origin, "://");
    return name && host_allowed(options, name + 3) ? 0 : MHD_HTTP_FORBIDDEN;
}
