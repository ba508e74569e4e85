/* Ways to come to a socket of the daemon that an honest client does not take. Each verb is one attacker; what came back
   is printed as it is. "PATH" is the socket, "BODY" the JSON of a request for a secret. */

#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void failed(const char *what) {
    printf("%s: %s\n", what, strerrorname_np(errno));
    exit(1);
}

static struct sockaddr_un address(const char *path) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    return to;
}

static int reach(const char *path) {
    struct sockaddr_un to = address(path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0) failed("connect");
    return fd;
}

/* Everybody may come to what is bound here. */
static int visitor_at(const char *path) {
    struct sockaddr_un at = address(path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 8) < 0) failed("bind");
    chmod(path, 0777);
    puts("listening");
    fflush(stdout);
    int visitor = accept(fd, NULL, NULL);
    if (visitor < 0) failed("accept");
    return visitor;
}

static size_t head_of(char *into, size_t size, const char *body) {
    return (size_t)snprintf(into, size,
                            "POST /v1/hand-out HTTP/1.1\r\nhost: patd\r\nconnection: close\r\n"
                            "content-type: application/json\r\ncontent-length: %zu\r\n\r\n%s",
                            strlen(body), body);
}

static void ask(int fd, const char *body) {
    char text[4096], reply[4096];
    ssize_t got;
    if (send(fd, text, head_of(text, sizeof text, body), MSG_NOSIGNAL) < 0) failed("send");
    while ((got = read(fd, reply, sizeof reply)) > 0) fwrite(reply, 1, (size_t)got, stdout);
    fflush(stdout);
}

/* Connects, leaves the connection to a child, and either ends or stays. "wait": the child asks when it is told to. */
static void fork_after_connect(const char *path, const char *body, const char *how) {
    int fd = reach(path);
    pid_t before = getpid();
    if (fork() != 0) {
        if (strcmp(how, "stay") == 0) wait(NULL);
        _exit(0);
    }
    if (strcmp(how, "stay") != 0)
        while (getppid() == before) usleep(500);
    char told;
    if (strcmp(how, "wait") == 0 && read(0, &told, 1) != 1) failed("read");
    ask(fd, body);
}

static void exec_after_connect(const char *path, const char *body, const char *program) {
    char fd[16];
    snprintf(fd, sizeof fd, "%d", reach(path));
    execl(program, program, "on", fd, body, NULL);
    failed("exec");
}

static union {
    struct cmsghdr head;
    char bytes[CMSG_SPACE(sizeof(struct ucred))];
} control;

static ssize_t send_with(int to, int type, const void *what, size_t length, const char *text, size_t size) {
    struct iovec data = {.iov_base = (void *)text, .iov_len = size};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(length);
    control.head = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = type, .cmsg_len = CMSG_LEN(length)};
    memcpy(CMSG_DATA(&control.head), what, length);
    return sendmsg(to, &message, MSG_NOSIGNAL);
}

static void receive_with(int from, void *what, size_t length) {
    char text[4096];
    struct iovec data = {.iov_base = text, .iov_len = sizeof text};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    if (recvmsg(from, &message, 0) < 0) failed("recvmsg");
    if (CMSG_FIRSTHDR(&message) == NULL) failed("nothing came along");
    memcpy(what, CMSG_DATA(&control.head), length);
}

/* Connects, and passes the connection to whoever listens at VIA. Stays until that one is done. */
static void pass(const char *path, const char *via) {
    int connection = reach(path), to = reach(via);
    char done;
    if (send_with(to, SCM_RIGHTS, &connection, sizeof connection, "x", 1) < 0) failed("sendmsg");
    while (read(to, &done, 1) > 0) {}
}

static void take(const char *via, const char *body) {
    int connection, from = visitor_at(via);
    receive_with(from, &connection, sizeof connection);
    ask(connection, body);
}

/* Sends the end of a pipe along with half a request, and looks whether it is kept while the rest is waited for. */
static void gift(const char *path) {
    int ends[2], to = reach(path);
    if (pipe(ends) < 0) failed("pipe");
    const char *half = "POST /v1/hand-out HTTP/1.1\r\nhost: pa";
    if (send_with(to, SCM_RIGHTS, &ends[1], sizeof ends[1], half, strlen(half)) < 0) failed("sendmsg");
    close(ends[1]);
    struct pollfd end = {.fd = ends[0], .events = POLLIN};
    puts(poll(&end, 1, 1000) > 0 ? "released" : "kept");
}

static void keep(const char *via) {
    int end, from = visitor_at(via);
    receive_with(from, &end, sizeof end);
    char done;
    while (read(from, &done, 1) > 0) {}
}

/* Says to be somebody else, as the kernel lets one say it who may. */
static void forge(const char *path, const char *uid, const char *gid, const char *body) {
    struct ucred other = {.pid = getpid(), .uid = (uid_t)atoi(uid), .gid = (gid_t)atoi(gid)};
    int to = reach(path);
    char text[4096], reply[4096];
    ssize_t got;
    size_t length = head_of(text, sizeof text, body);
    if (send_with(to, SCM_CREDENTIALS, &other, sizeof other, text, length) < 0) failed("sendmsg");
    while ((got = read(to, reply, sizeof reply)) > 0) fwrite(reply, 1, (size_t)got, stdout);
}

/* A server that believes what is said. */
static void believe(const char *via) {
    struct ucred said;
    int on = 1, from = visitor_at(via);
    setsockopt(from, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
    receive_with(from, &said, sizeof said);
    printf("uid %u\n", said.uid);
}

/* Listens where the daemon should be, and says how much its first visitor told. */
static void squat(const char *path) {
    char heard[4096];
    size_t all = 0;
    ssize_t got;
    int from = visitor_at(path);
    while ((got = read(from, heard, sizeof heard)) > 0) all += (size_t)got;
    printf("heard %zu bytes\n", all);
}

/* Sends what comes by standard input, as it is, and prints the answer. */
static void raw(const char *path) {
    static char text[1 << 20];
    size_t length = fread(text, 1, sizeof text, stdin), sent = 0;
    int to = reach(path);
    while (sent < length) {
        ssize_t some = send(to, text + sent, length - sent, MSG_NOSIGNAL);
        if (some < 0) break;
        sent += (size_t)some;
    }
    ssize_t got;
    while ((got = read(to, text, sizeof text)) > 0) fwrite(text, 1, (size_t)got, stdout);
}

int main(int argc, char **argv) {
    const char *verb = argc > 1 ? argv[1] : "", *a = argc > 2 ? argv[2] : "", *b = argc > 3 ? argv[3] : "",
               *c = argc > 4 ? argv[4] : "", *d = argc > 5 ? argv[5] : "";
    if (strcmp(verb, "ask") == 0) ask(reach(a), b);
    else if (strcmp(verb, "on") == 0) ask(atoi(a), b);
    else if (strcmp(verb, "fork") == 0) fork_after_connect(a, b, c);
    else if (strcmp(verb, "exec") == 0) exec_after_connect(a, b, c);
    else if (strcmp(verb, "pass") == 0) pass(a, b);
    else if (strcmp(verb, "take") == 0) take(a, b);
    else if (strcmp(verb, "gift") == 0) gift(a);
    else if (strcmp(verb, "keep") == 0) keep(a);
    else if (strcmp(verb, "forge") == 0) forge(a, b, c, d);
    else if (strcmp(verb, "believe") == 0) believe(a);
    else if (strcmp(verb, "squat") == 0) squat(a);
    else if (strcmp(verb, "raw") == 0) raw(a);
    else return 64;
    return 0;
}
