/* Starts a program as a service manager does: activate UID HAND-OUT ADMIN PROGRAM ARGUMENTS… binds both paths as root,
   passes the sockets as descriptors 3 and 4, and runs the program as the user. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int failed(const char *what) {
    perror(what);
    return 1;
}

static int listening(const char *path, mode_t mode, int as) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    umask(0777 & ~mode);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 4096) < 0) return -1;
    int moved = fcntl(fd, F_DUPFD, 10);
    close(fd);
    return moved < 0 ? -1 : dup2(moved, as);
}

int main(int argc, char **argv) {
    if (argc < 5) return 64;
    uid_t uid = (uid_t)atoi(argv[1]);
    if (listening(argv[2], 0666, 3) < 0 || listening(argv[3], 0600, 4) < 0) return failed("a socket");
    closefrom(5);
    umask(022);
    char pid[16];
    snprintf(pid, sizeof pid, "%d", getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "2", 1);
    setenv("LISTEN_FDNAMES", "hand-out:admin", 1);
    if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0) return failed("the user");
    execv(argv[4], argv + 4);
    return failed(argv[4]);
}
