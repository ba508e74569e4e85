/* Many requests, or slow ones: a flood, connections that send a byte now and then, and honest requests with their
   times. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static int reach(const char *path) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) == 0) return fd;
    close(fd);
    return -1;
}

/* Asks once. Returns the status of the answer, 0 where there was none. */
static int asked(const char *path, const char *body) {
    char text[4096] = "";
    int fd = reach(path), length = snprintf(text, sizeof text,
                                            "POST /v1/hand-out HTTP/1.1\r\nhost: patd\r\nconnection: close\r\n"
                                            "content-type: application/json\r\ncontent-length: %zu\r\n\r\n%s",
                                            strlen(body), body);
    if (fd < 0) return 0;
    send(fd, text, (size_t)length, MSG_NOSIGNAL);
    struct timeval patience = {.tv_sec = 5};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    text[got > 0 ? got : 0] = 0;
    return got > 12 ? atoi(text + 9) : 0;
}

enum { SERVED, BUSY, REFUSED, CLOSED, KINDS };

static int kind(int status) {
    return status == 200 ? SERVED : status == 429 ? BUSY : status == 0 ? CLOSED : REFUSED;
}

/* So many requests a second in all, by so many processes, for so long. */
static int flood(const char *path, const char *body, double seconds, double rate, int workers) {
    long *counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    double start = now(), each = workers / rate;
    for (int worker = 0; worker < workers; worker++) {
        if (fork() != 0) continue;
        double due = now();
        while (now() - start < seconds) {
            __atomic_add_fetch(&counts[kind(asked(path, body))], 1, __ATOMIC_RELAXED);
            due += each;
            double early = due - now();
            if (early > 0) usleep((useconds_t)(early * 1e6));
        }
        _exit(0);
    }
    while (wait(NULL) > 0) {}
    double took = now() - start;
    long all = counts[SERVED] + counts[BUSY] + counts[REFUSED] + counts[CLOSED];
    printf("rate %.0f served %ld busy %ld refused %ld closed %ld\n", (double)all / took, counts[SERVED], counts[BUSY],
           counts[REFUSED], counts[CLOSED]);
    return 0;
}

/* So many honest requests, with a pause after each: milliseconds and status. */
static int timed(const char *path, const char *body, int count, int pause) {
    for (int at = 0; at < count; at++) {
        double start = now();
        int status = asked(path, body);
        printf("%.3f %d\n", (now() - start) * 1e3, status);
        fflush(stdout);
        usleep((useconds_t)pause * 1000);
    }
    return 0;
}

/* Opens so many connections, sends each a byte every tenth of a second, and never a whole head. Says how long the
   longest lived, and how many there still are at the end. */
static int hold(const char *path, int count, double seconds) {
    static struct pollfd open[4096];
    static double since[4096];
    double longest = 0;
    int opened = 0, left = 0;
    for (int at = 0; at < count && at < 4096; at++) {
        open[opened] = (struct pollfd){.fd = reach(path), .events = POLLIN | POLLRDHUP};
        since[opened] = now();
        opened += open[opened].fd >= 0;
        left = opened;
    }
    puts("holding");
    fflush(stdout);
    for (double start = now(); left > 0 && now() - start < seconds; usleep(100000)) {
        poll(open, (nfds_t)opened, 0);
        for (int at = 0; at < opened; at++) {
            if (open[at].fd < 0) continue;
            int is_over = open[at].revents != 0 || send(open[at].fd, "P", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0;
            if (!is_over) continue;
            double lived = now() - since[at];
            if (lived > longest) longest = lived;
            close(open[at].fd);
            open[at].fd = -1;
            left--;
        }
    }
    printf("opened %d longest %.1f left %d\n", opened, longest, left);
    return 0;
}

int main(int argc, char **argv) {
    if (argc > 6 && strcmp(argv[1], "flood") == 0)
        return flood(argv[2], argv[3], atof(argv[4]), atof(argv[5]), atoi(argv[6]));
    if (argc > 5 && strcmp(argv[1], "timed") == 0) return timed(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]));
    if (argc > 4 && strcmp(argv[1], "hold") == 0) return hold(argv[2], atoi(argv[3]), atof(argv[4]));
    return 64;
}
