/* What the process does to the files of its state folder, written down in its order with every byte, so that a test
   can make the folder as a disk would show it after a power cut. One record for each call that went well. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* The layout is that of `journal.rs`. sync_file_range is no barrier and has no record. */
enum { WROTE = 1, SYNCED = 2, CUT_TO = 3, MADE = 4, MOVED = 5, GONE = 6, SYNCED_ALL = 7, MADE_FOLDER = 8 };
struct record {
    uint32_t kind, first_length, second_length, unused;
    uint64_t inode, at;
};

static int has_journal;
static char journal[4096];
static char state[4096];
static size_t state_length;
/* One call at a time: the order of the records is that of the calls. */
static pthread_mutex_t in_order = PTHREAD_MUTEX_INITIALIZER;

static void open_journal(void) {
    const char *path = getenv("CRASH_JOURNAL"), *folder = getenv("CRASH_STATE");
    if (!path || !folder) return;
    snprintf(journal, sizeof journal, "%s", path);
    snprintf(state, sizeof state, "%s", folder);
    state_length = strlen(state);
    has_journal = 1;
}

static int is_state(const char *path) {
    return !strncmp(path, state, state_length) && (path[state_length] == '/' || !path[state_length]);
}

/* Where a path lies that may be relative to a folder. False outside of the state folder. */
static int whole_path(int in, const char *path, char *out, size_t size) {
    if (path[0] == '/') {
        snprintf(out, size, "%s", path);
    } else {
        char link[64], folder[2048];
        snprintf(link, sizeof link, in == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", in);
        ssize_t length = readlink(link, folder, sizeof folder - 1);
        if (length < 0) return 0;
        folder[length] = 0;
        snprintf(out, size, "%s/%s", folder, path);
    }
    return is_state(out);
}

/* The inode behind a descriptor of the state folder; zero for any other. */
static uint64_t inode_of(int fd) {
    char link[64], path[4096];
    struct stat found;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_state(path) && fstat(fd, &found) == 0 ? found.st_ino : 0;
}

static void note(uint32_t kind, uint64_t inode, uint64_t at, const struct iovec *first, int parts, size_t first_length,
                 const char *second) {
    struct record record = {kind, (uint32_t)first_length, second ? (uint32_t)strlen(second) : 0, 0, inode, at};
    struct iovec all[66] = {{&record, sizeof record}};
    int count = 1;
    size_t left = first_length;
    if (parts > 64) abort();
    for (int i = 0; i < parts && left; i++) {
        size_t length = first[i].iov_len < left ? first[i].iov_len : left;
        all[count++] = (struct iovec){first[i].iov_base, length};
        left -= length;
    }
    if (second) all[count++] = (struct iovec){(void *)(uintptr_t)second, strlen(second)};
    size_t size = sizeof record + first_length + record.second_length;
    /* Opened anew each time: the daemon closes what it was not told of, and gives the number to another file. */
    int fd = (int)syscall(SYS_openat, AT_FDCWD, journal, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0 || syscall(SYS_writev, fd, all, count) != (long)size) abort();
    syscall(SYS_close, fd);
}

static void note_path(uint32_t kind, uint64_t inode, uint64_t at, const char *path, const char *second) {
    struct iovec part = {(void *)(uintptr_t)path, strlen(path)};
    note(kind, inode, at, &part, 1, part.iov_len, second);
}

/* What was written where; at is negative for a write at the descriptor's own place, which is behind it now. */
static void note_written(int fd, const struct iovec *parts, int count, int64_t at, ssize_t written) {
    uint64_t inode = has_journal && written > 0 ? inode_of(fd) : 0;
    if (!inode) return;
    if (at < 0) at = lseek(fd, 0, SEEK_CUR) - written;
    note(WROTE, inode, (uint64_t)at, parts, count, (size_t)written, 0);
}

static void note_fd(uint32_t kind, int fd, uint64_t at, int result) {
    uint64_t inode = has_journal && result == 0 ? inode_of(fd) : 0;
    if (inode) note(kind, inode, at, 0, 0, 0, 0);
}

static void note_name(uint32_t kind, int in, const char *path, int result) {
    char whole[4096];
    struct stat found = {0};
    if (!has_journal || result != 0 || !whole_path(in, path, whole, sizeof whole)) return;
    if (kind == MADE_FOLDER && stat(whole, &found) != 0) abort();
    note_path(kind, found.st_ino, 1, whole, 0);
}

/* No model has these. */
static void note_none(const char *path, int result) {
    char whole[4096];
    if (has_journal && result == 0 && whole_path(AT_FDCWD, path, whole, sizeof whole)) abort();
}

static void note_moved(int from_in, const char *from, int in, const char *to, int result) {
    char old[4096], new[4096];
    if (!has_journal || result != 0) return;
    if (whole_path(from_in, from, old, sizeof old) & whole_path(in, to, new, sizeof new)) note_path(MOVED, 0, 0, old, new);
}

/* Before an open that may make the file: whether it is there already. */
static int is_there(int in, const char *path) {
    struct stat found;
    return has_journal && fstatat(in, path, &found, AT_SYMLINK_NOFOLLOW) == 0;
}

static void note_opened(int in, const char *path, int flags, int was_there, int fd) {
    char whole[4096];
    struct stat found;
    if (!has_journal || fd < 0 || !(flags & (O_CREAT | O_TRUNC)) || !whole_path(in, path, whole, sizeof whole)) return;
    if (fstat(fd, &found) != 0) abort();
    if (flags & O_CREAT) note_path(MADE, found.st_ino, !was_there, whole, 0);
    if (flags & O_TRUNC) note(CUT_TO, found.st_ino, 0, 0, 0, 0, 0);
}
