/* A tool for one developer, not a file server: files are read whole, and nothing is remembered. */
#include "server/webroot.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *mime_of(const char *path)
{
    static const struct {
        const char *suffix, *mime;
    } kinds[] = {
        {".html", "text/html; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".ts", "text/plain; charset=utf-8"},
        {".map", "application/json"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".ico", "image/x-icon"},
        {".woff2", "font/woff2"},
        {".txt", "text/plain; charset=utf-8"},
        {".webmanifest", "application/manifest+json"},
    };
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot != NULL && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(dot, kinds[i].suffix) == 0)
            return kinds[i].mime;
    return NULL;
}

static bool read_whole(int fd, struct text *out)
{
    char bytes[16384];
    ssize_t got;
    while ((got = read(fd, bytes, sizeof bytes)) > 0 && out->len <= WEBROOT_FILE_MAX)
        text_put(out, bytes, (size_t)got);
    return got == 0 && !out->failed;
}

static bool read_open(int fd, const char *mime, struct webroot_file *out)
{
    struct stat stat;
    if (fstat(fd, &stat) != 0 || !S_ISREG(stat.st_mode) || !read_whole(fd, &out->body))
        return false;
    snprintf(out->etag, sizeof out->etag, "\"%" PRIx64 ".%lx-%" PRIx64 "\"",
             (uint64_t)stat.st_mtim.tv_sec, stat.st_mtim.tv_nsec, (uint64_t)stat.st_size);
    out->asset = (struct asset){
        .mime = mime,
        .etag = out->etag,
        .body = (const unsigned char *)out->body.bytes,
        .body_len = out->body.len,
    };
    return true;
}

bool webroot_read(const char *root, const char *path, struct webroot_file *out)
{
    char full[PATH_MAX];
    if (strcmp(path, "/") == 0)
        path = "/index.html";
    const char *mime = mime_of(path);
    const int len = snprintf(full, sizeof full, "%s%s", root, path);
    if (path[0] != '/' || strstr(path, "/.") != NULL || mime == NULL || len >= (int)sizeof full)
        return false;
    const int fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    *out = (struct webroot_file){0};
    const bool ok = read_open(fd, mime, out);
    out->asset.path = path;
    close(fd);
    if (!ok)
        text_finish(&out->body);
    return ok;
}

void webroot_finish(struct webroot_file *file)
{
    text_finish(&file->body);
}

bool webroot_is_usable(const char *root)
{
    struct webroot_file index;
    const bool ok = webroot_read(root, "/", &index);
    if (ok)
        webroot_finish(&index);
    return ok;
}
