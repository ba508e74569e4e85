/* Looks into another process in every way that the kernel has for it, and says of each what came of it. As a victim it
   is a process that has not shut itself off. */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *way, int reached) {
    printf("%s %s\n", way, reached ? "reached" : strerrorname_np(errno));
}

static int opened(const char *pid, const char *file) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/%s", pid, file);
    return open(path, O_RDONLY);
}

static int has_bytes(int fd) {
    char byte;
    return fd >= 0 && read(fd, &byte, 1) == 1;
}

/* Where the first mapping that can be read begins; a guess where that is hidden. */
static unsigned long somewhere(const char *pid) {
    char line[64] = "";
    int maps = opened(pid, "maps");
    if (maps < 0 || read(maps, line, sizeof line - 1) <= 0) return 1UL << 22;
    return strtoul(line, NULL, 16);
}

static int memory_is_read(const char *pid) {
    char byte;
    int fd = opened(pid, "mem");
    return fd >= 0 && pread(fd, &byte, 1, (off_t)somewhere(pid)) == 1;
}

static int descriptors_are_listed(const char *pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    DIR *folder = opendir(path);
    return folder != NULL && readdir(folder) != NULL;
}

/* The permission is asked before the address is looked at: a wrong address is reached all the same. */
static int is_read_by_call(const char *pid) {
    char byte;
    struct iovec here = {&byte, 1}, there = {(void *)somewhere(pid), 1};
    return process_vm_readv(atoi(pid), &here, 1, &there, 1, 0) == 1 || errno == EFAULT;
}

static int descriptor_is_taken(const char *pid) {
    int process = (int)syscall(SYS_pidfd_open, atoi(pid), 0);
    return process >= 0 && (syscall(SYS_pidfd_getfd, process, 0, 0) >= 0 || errno == EBADF);
}

static int look(const char *pid) {
    say("mem", memory_is_read(pid));
    say("environ", has_bytes(opened(pid, "environ")));
    say("maps", has_bytes(opened(pid, "maps")));
    say("fd", descriptors_are_listed(pid));
    say("process_vm_readv", is_read_by_call(pid));
    say("pidfd_getfd", descriptor_is_taken(pid));
    /* It is let go when this process ends. */
    say("ptrace", ptrace(PTRACE_SEIZE, atoi(pid), 0, 0) == 0);
    return 0;
}

static int victim(void) {
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    puts("ready");
    fflush(stdout);
    return getchar() == EOF ? 0 : 1;
}

/* Runs a program under a tracer from its first instruction. */
static int traced(char **program) {
    pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        execv(program[0], program);
        _exit(127);
    }
    int status = 0;
    while (waitpid(child, &status, 0) > 0 && WIFSTOPPED(status)) {
        int signal = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
        ptrace(PTRACE_CONT, child, 0, signal);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "victim") == 0) return victim();
    if (argc > 2 && strcmp(argv[1], "look") == 0) return look(argv[2]);
    if (argc > 2 && strcmp(argv[1], "traced") == 0) return traced(argv + 2);
    return 64;
}
