/* Preloaded into the daemon under test, never shipped: counts every call of the process that writes, syncs, renames,
   creates, removes or sends, over all its threads with one counter, and at the call a test names kills the process or
   lets that call fail. What to do and what was seen stand in one shared page that the test reads and writes. Where a
   journal is given, what becomes of the files of the state folder is written down there. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "journal.h"

enum { CALLS = 4096, WIDTH = 120, IDLE = 0, ARMED = 1 };
enum { RECORD = 0, KILL_BEFORE = 1, KILL_AFTER = 2, FAIL = 3 };

/* The layout is that of `shim.rs`. */
struct page {
    _Atomic uint32_t armed, count, mode, wanted, error, hit;
    _Atomic uint32_t matches, unused;
    char target[WIDTH];
    char calls[CALLS][WIDTH];
};

static struct page *page;
static char root[4096];
static size_t root_length;

/* The id of a boot, for a process that is to believe that the machine was started anew. */
static const char *boot;

__attribute__((constructor)) static void open_page(void) {
    boot = getenv("CRASH_BOOT");
    open_journal();
    const char *path = getenv("CRASH_PAGE"), *folder = getenv("CRASH_ROOT");
    if (!path || !folder) return;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    if (fd < 0) abort();
    void *mapped = mmap(0, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (mapped == MAP_FAILED) abort();
    snprintf(root, sizeof root, "%s", folder);
    root_length = strlen(root);
    page = mapped;
}

static int armed(void) { return page && atomic_load(&page->armed) == ARMED; }

static int is_word(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/* A path below the folder of the world, with # for each word that has a digit, so that two runs call it the same. */
static void plain(const char *path, char *out, size_t size) {
    size_t at = 0;
    if (root_length && !strncmp(path, root, root_length)) path += root_length;
    while (*path == '/') path++;
    while (*path && at + 1 < size) {
        size_t length = 0, has_digit = 0;
        for (; is_word(path[length]); length++) has_digit |= path[length] >= '0' && path[length] <= '9';
        if (has_digit) {
            out[at++] = '#';
            path += length;
        } else {
            for (length += !length; length && at + 1 < size; length--) out[at++] = *path++;
        }
    }
    out[at] = 0;
}

/* What a descriptor is. False for what nobody but this process sees: event counters and pipes. */
static int kind_of(int fd, char *out, size_t size) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    if (!strncmp(path, "anon_inode:", 11) || !strncmp(path, "pipe:", 5)) return 0;
    if (!strncmp(path, "socket:", 7)) {
        struct sockaddr_storage address;
        socklen_t size_of_address = sizeof address;
        int is_unix = getsockname(fd, (struct sockaddr *)&address, &size_of_address) == 0 &&
                      address.ss_family == AF_UNIX;
        /* A pair without a name wakes this process itself: how signals arrive. */
        if (is_unix && size_of_address <= sizeof address.ss_family) {
            struct sockaddr_storage peer;
            socklen_t size_of_peer = sizeof peer;
            if (getpeername(fd, (struct sockaddr *)&peer, &size_of_peer) == 0 &&
                size_of_peer <= sizeof peer.ss_family)
                return 0;
        }
        snprintf(out, size, "%s", is_unix ? "a local socket" : "Snowflake");
        return 1;
    }
    plain(path, out, size);
    return 1;
}

static void die(void) {
    syscall(SYS_kill, (pid_t)syscall(SYS_getpid), SIGKILL);
    for (;;) pause();
}

/* Counts a call. Returns what is to become of it: KILL_AFTER, FAIL, or RECORD for nothing. */
static int meet(const char *call, const char *what) {
    char name[WIDTH];
    snprintf(name, sizeof name, "%s %s", call, what);
    uint32_t number = atomic_fetch_add(&page->count, 1);
    if (number < CALLS) memcpy(page->calls[number], name, sizeof name);
    uint32_t mode = atomic_load(&page->mode);
    if (mode == RECORD || strncmp(name, page->target, WIDTH)) return RECORD;
    if (atomic_fetch_add(&page->matches, 1) != atomic_load(&page->wanted)) return RECORD;
    atomic_store(&page->hit, 1);
    if (mode == KILL_BEFORE) die();
    return (int)mode;
}

static int meet_fd(const char *call, int fd) {
    char what[WIDTH];
    int saved = errno, act = RECORD;
    if (armed() && kind_of(fd, what, sizeof what)) act = meet(call, what);
    errno = saved;
    return act;
}

static int meet_path(const char *call, const char *path) {
    char what[WIDTH];
    int saved = errno, act = RECORD;
    if (armed()) {
        plain(path, what, sizeof what);
        act = meet(call, what);
    }
    errno = saved;
    return act;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* Carries a call out in the way that was decided, and writes it down. */
#define CARRY_OUT(type, act, call, note_it)                            \
    do {                                                               \
        int act_ = (act);                                              \
        if (act_ == FAIL) {                                            \
            errno = (int)atomic_load(&page->error);                    \
            return -1;                                                 \
        }                                                              \
        if (has_journal) pthread_mutex_lock(&in_order);               \
        type result = (call);                                          \
        int saved_ = errno;                                            \
        note_it;                                                       \
        if (has_journal) pthread_mutex_unlock(&in_order);             \
        if (act_ == KILL_AFTER) die();                                 \
        errno = saved_;                                                \
        return result;                                                 \
    } while (0)

#define ON_FD(type, name, note_it, params, ...) \
    type name params { CARRY_OUT(type, meet_fd(#name, fd), REAL(name)(__VA_ARGS__), note_it); }
#define ON_PATH(type, name, path, note_it, params, ...) \
    type name params { CARRY_OUT(type, meet_path(#name, path), REAL(name)(__VA_ARGS__), note_it); }

#define ONE (&(struct iovec){(void *)(uintptr_t)data, size})
#define AT_OWN_PLACE -1
ON_FD(ssize_t, write, note_written(fd, ONE, 1, AT_OWN_PLACE, result), (int fd, const void *data, size_t size), fd, data,
      size)
ON_FD(ssize_t, writev, note_written(fd, parts, count, AT_OWN_PLACE, result),
      (int fd, const struct iovec *parts, int count), fd, parts, count)
ON_FD(ssize_t, pwrite, note_written(fd, ONE, 1, at, result), (int fd, const void *data, size_t size, off_t at), fd,
      data, size, at)
ON_FD(ssize_t, pwrite64, note_written(fd, ONE, 1, at, result), (int fd, const void *data, size_t size, off64_t at), fd,
      data, size, at)
ON_FD(ssize_t, pwritev, note_written(fd, parts, count, at, result),
      (int fd, const struct iovec *parts, int count, off_t at), fd, parts, count, at)
ON_FD(ssize_t, pwritev64, note_written(fd, parts, count, at, result),
      (int fd, const struct iovec *parts, int count, off64_t at), fd, parts, count, at)
ON_FD(int, fsync, note_fd(SYNCED, fd, 0, result), (int fd), fd)
ON_FD(int, fdatasync, note_fd(SYNCED, fd, 0, result), (int fd), fd)
ON_FD(int, syncfs, note_fd(SYNCED_ALL, fd, 0, result), (int fd), fd)
ON_FD(int, sync_file_range, (void)0, (int fd, off64_t at, off64_t size, unsigned flags), fd, at, size, flags)
ON_FD(int, ftruncate, note_fd(CUT_TO, fd, (uint64_t)size, result), (int fd, off_t size), fd, size)
ON_FD(int, ftruncate64, note_fd(CUT_TO, fd, (uint64_t)size, result), (int fd, off64_t size), fd, size)
ON_FD(ssize_t, send, (void)0, (int fd, const void *data, size_t size, int flags), fd, data, size, flags)
ON_FD(ssize_t, sendto, (void)0,
      (int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t length), fd, data, size,
      flags, to, length)
ON_FD(ssize_t, sendmsg, (void)0, (int fd, const struct msghdr *message, int flags), fd, message, flags)
ON_PATH(int, rename, to, note_moved(AT_FDCWD, from, AT_FDCWD, to, result), (const char *from, const char *to), from, to)
ON_PATH(int, renameat, to, note_moved(from_in, from, in, to, result),
        (int from_in, const char *from, int in, const char *to), from_in, from, in, to)
ON_PATH(int, renameat2, to, flags & RENAME_EXCHANGE ? note_none(to, result) : note_moved(from_in, from, in, to, result),
        (int from_in, const char *from, int in, const char *to, unsigned flags), from_in, from, in, to, flags)
ON_PATH(int, link, to, note_none(to, result), (const char *from, const char *to), from, to)
ON_PATH(int, linkat, to, note_none(to, result), (int from_in, const char *from, int in, const char *to, int flags),
        from_in, from, in, to, flags)
ON_PATH(int, symlink, to, note_none(to, result), (const char *from, const char *to), from, to)
ON_PATH(int, unlink, path, note_name(GONE, AT_FDCWD, path, result), (const char *path), path)
ON_PATH(int, unlinkat, path, note_name(GONE, in, path, result), (int in, const char *path, int flags), in, path, flags)
ON_PATH(int, rmdir, path, note_name(GONE, AT_FDCWD, path, result), (const char *path), path)
ON_PATH(int, mkdir, path, note_name(MADE_FOLDER, AT_FDCWD, path, result), (const char *path, mode_t mode), path, mode)
ON_PATH(int, mkdirat, path, note_name(MADE_FOLDER, in, path, result), (int in, const char *path, mode_t mode), in, path,
        mode)

/* An open is counted when it may create a file. */
static int creates(int flags) { return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE; }
static mode_t mode_of(int flags, va_list *rest) { return creates(flags) ? (mode_t)va_arg(*rest, int) : 0; }

static const char *elsewhere(const char *path) {
    return boot && !strcmp(path, "/proc/sys/kernel/random/boot_id") ? boot : path;
}

#define OPEN_AS(name, in_, params, ...)                                                                    \
    int name params {                                                                                      \
        va_list rest;                                                                                      \
        va_start(rest, flags);                                                                             \
        mode_t mode = mode_of(flags, &rest);                                                               \
        va_end(rest);                                                                                      \
        path = elsewhere(path);                                                                            \
        int was_there = is_there(in_, path);                                                               \
        CARRY_OUT(int, creates(flags) ? meet_path(#name, path) : RECORD, REAL(name)(__VA_ARGS__),          \
                  note_opened(in_, path, flags, was_there, result));                                       \
    }
#define OPEN(name) OPEN_AS(name, AT_FDCWD, (const char *path, int flags, ...), path, flags, mode)
#define OPENAT(name) OPEN_AS(name, in, (int in, const char *path, int flags, ...), in, path, flags, mode)
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
