// trace OUT PROGRAM [ARG...]: runs PROGRAM step by step, and writes to OUT the address of every
// instruction of it that is executed, in hexadecimal, a line each, once, in the order of the first time.
//
// Its children are followed until they execute another program. Some ten microseconds an instruction.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __x86_64__
#error "the registers are those of x86-64"
#endif

// The program is static and linked to fixed addresses below this one (--image-base in the Makefile).
#define ADDRESSES_END 0x4000000UL

static unsigned char executed[ADDRESSES_END];

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static pid_t start(char **arguments)
{
    pid_t pid = fork();
    if (pid < 0)
        fail("fork");
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        execv(arguments[0], arguments);
        fail(arguments[0]);
    }
    int status;
    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
        fail("waitpid");
    long options = PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                   PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC;
    if (ptrace(PTRACE_SETOPTIONS, pid, NULL, options) != 0)
        fail("ptrace");
    return pid;
}

static void note(pid_t pid, FILE *out)
{
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, pid, NULL, &registers) != 0) {
        if (errno != ESRCH) // killed meanwhile
            fail("ptrace");
        return;
    }
    unsigned long address = registers.rip;
    if (address < ADDRESSES_END && !executed[address]) {
        executed[address] = 1;
        fprintf(out, "%lx\n", address);
    }
}

int main(int count, char **arguments)
{
    if (count < 3) {
        fprintf(stderr, "usage: trace OUT PROGRAM [ARG...]\n");
        return 64;
    }
    FILE *out = fopen(arguments[1], "w");
    if (out == NULL)
        fail(arguments[1]);
    pid_t program = start(arguments + 2);
    ptrace(PTRACE_SINGLESTEP, program, NULL, NULL);
    int status, result = 1;
    pid_t pid;
    while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
        if (pid <= 0)
            continue;
        if (!WIFSTOPPED(status)) {
            if (pid == program)
                result = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
            continue;
        }
        if (status >> 16 == PTRACE_EVENT_EXEC && pid != program) {
            ptrace(PTRACE_DETACH, pid, NULL, NULL);
            continue;
        }
        int signal = WSTOPSIG(status);
        note(pid, out);
        long passed_on = signal == SIGTRAP || signal == SIGSTOP ? 0 : signal;
        if (ptrace(PTRACE_SINGLESTEP, pid, NULL, passed_on) != 0 && errno != ESRCH)
            fail("ptrace");
    }
    if (fclose(out) != 0)
        fail(arguments[1]);
    return result;
}
