/*
 * Launches plans for real, for scripts/check-c.sh: what the sanitizers watch is the child.
 *
 * Each plan says which failure it expects, or success. The driver ends with 1 when one of them ends
 * otherwise: a sanitizer that ends the child is seen as a missing record.
 */
#include "CLaunch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OL_LONG_PATH = 5000 };

static int failures;

static const struct ol_operation execute_true = {
    .kind = OL_EXECUTE,
    .text = "/no/such\0/bin/true\0",
    .data = (const char *const[]){"true", NULL},
    .more = (const char *const[]){NULL},
};

/* Every set-up begins with it: PID 1 learns of the command's end by a blocked SIGCHLD. */
static const struct ol_operation reset_signals = {.kind = OL_RESET_SIGNALS};
static const struct ol_operation private_mounts = {.kind = OL_PRIVATE_MOUNTS};
static const struct ol_operation usual_setup[] = {
    {.kind = OL_RESET_SIGNALS},
    {.kind = OL_PRIVATE_MOUNTS},
};

struct ol_expectation {
    const char *name;
    enum ol_step step; /* OL_STEP_NONE: the command is executed and ends with 0 */
    int error;
};

/* Reads until nobody is left who could write, and checks the first record. */
static void ol_expect(const struct ol_expectation *expected, int status) {
    struct ol_record first = {.kind = 0};
    struct ol_record record;
    int exit_status = -1;
    while (read(status, &record, sizeof record) == sizeof record) {
        if (first.kind == 0) {
            first = record;
        }
        if (record.kind == OL_RECORD_EXITED) {
            exit_status = record.wait_status;
        }
    }
    int is_right = expected->step == OL_STEP_NONE
                       ? first.kind == OL_RECORD_STARTED && exit_status == 0
                       : first.kind == OL_RECORD_FAILED && first.step == expected->step &&
                             first.error == expected->error;
    if (!is_right) {
        fprintf(stderr, "%s: kind %u, step %u, error %d, exit %d\n", expected->name, first.kind,
                first.step, first.error, exit_status);
        failures++;
    }
}

static void ol_try(struct ol_expectation expected, const struct ol_operation *setup,
                   uint64_t setup_count, const struct ol_operation *command,
                   uint64_t command_count) {
    int status[2];
    int lifeline[2];
    int pidfd = -1;
    if (pipe2(status, O_CLOEXEC) < 0 || pipe2(lifeline, O_CLOEXEC) < 0) {
        abort();
    }
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct ol_operation guard[] = {
        {.kind = OL_OUTLAST_USER_CHANGE},
        {.kind = OL_KEEP_CAPABILITIES, .number = {1u << 5}},
        {.kind = OL_NO_NEW_PRIVILEGES},
        {.kind = OL_NOT_DUMPABLE},
    };
    struct ol_plan plan = {
        .section = {{setup, setup_count}, {guard, 4}, {command, command_count}},
        .namespaces = OL_NEW_MOUNT | OL_NEW_UTS | OL_NEW_IPC | OL_NEW_PID,
        .cgroup = OL_NO_DESCRIPTOR,
        .status_writer = status[1],
        .lifeline_reader = lifeline[0],
        .lifeline_writer = lifeline[1],
        .slot = OL_NO_DESCRIPTOR,
        .null = null,
    };
    pid_t pid = ol_launch(&plan, &pidfd);
    close(status[1]);
    close(lifeline[0]);
    if (pid < 0) {
        fprintf(stderr, "%s: clone3(2): %s\n", expected.name, strerror(-pid));
        exit(1);
    }
    ol_expect(&expected, status[0]);
    waitpid(pid, NULL, 0);
    close(status[0]);
    close(lifeline[1]);
    close(pidfd);
    close(null);
}

/* One failing operation of the set-up. */
static void ol_try_setup(const char *name, enum ol_step step, int error,
                         struct ol_operation operation) {
    struct ol_operation setup[] = {reset_signals, private_mounts, operation};
    ol_try((struct ol_expectation){name, step, error}, setup, 3, &execute_true, 1);
}

/* One failing operation of the command's process. */
static void ol_try_command(const char *name, enum ol_step step, int error,
                           struct ol_operation operation) {
    struct ol_operation command[] = {operation, execute_true};
    ol_try((struct ol_expectation){name, step, error}, usual_setup, 2, command, 2);
}

static int ol_new_tmpfs(void) {
    int context = (int)ol_fsopen("tmpfs");
    if (context < 0 || ol_fsconfig_create(context) < 0) {
        abort();
    }
    int mount = (int)ol_fsmount(context, 0);
    close(context);
    return mount;
}

/* Attaches a mount below a new scratch; a mount can be attached once only. */
static void ol_try_place(struct ol_expectation expected, const char *path) {
    int scratch = ol_new_tmpfs();
    int other = ol_new_tmpfs();
    struct ol_operation setup[] = {
        reset_signals,
        private_mounts,
        {.kind = OL_ENTER_SCRATCH, .descriptor = scratch},
        {
            .kind = OL_ATTACH,
            .descriptor = other,
            .target = scratch,
            .path = path,
            .flags = OL_CREATE_DIRECTORY,
        },
    };
    ol_try(expected, setup, sizeof setup / sizeof *setup, &execute_true, 1);
    close(scratch);
    close(other);
}

static void ol_try_places(const char *long_path) {
    ol_try_place((struct ol_expectation){"long path", OL_STEP_OPENAT2, ENAMETOOLONG}, long_path);
    /* Below PATH_MAX: every component is made. */
    ol_try_place((struct ol_expectation){"deep path", OL_STEP_NONE, 0},
                 long_path + OL_LONG_PATH - 4000);
    ol_try_place((struct ol_expectation){"odd slashes", OL_STEP_NONE, 0}, "/a//b/");
    ol_try_place((struct ol_expectation){"empty path", OL_STEP_MKDIRAT, ENOENT}, "");
}

static void ol_try_mounts(void) {
    struct ol_operation mount = {.kind = OL_MOUNT, .target = OL_REGISTER_ROOT, .path = "/"};
    mount.text = "no-such-type";
    mount.data = "";
    ol_try_setup("unknown type", OL_STEP_FSOPEN, ENODEV, mount);
    mount.text = "tmpfs";
    mount.data = "wrong\0value\0";
    ol_try_setup("wrong option", OL_STEP_FSCONFIG, EINVAL, mount);
    mount.data = "flag\0\0";
    ol_try_setup("wrong flag", OL_STEP_FSCONFIG, EINVAL, mount);
    mount.data = "";
    ol_try_setup("no root yet", OL_STEP_OPENAT2, EBADF, mount);
    ol_try_setup("no root to pivot to", OL_STEP_FCHDIR, EBADF,
                 (struct ol_operation){.kind = OL_PIVOT});
    ol_try_setup("nothing to mask", OL_STEP_OPENAT2, EBADF,
                 (struct ol_operation){
                     .kind = OL_MASK, .target = OL_REGISTER_PROC, .path = "x", .descriptor = -1});
    ol_try_setup("nothing to make read-only", OL_STEP_MOUNT_SETATTR, EBADF,
                 (struct ol_operation){
                     .kind = OL_MAKE_READ_ONLY, .target = OL_REGISTER_PROC, .path = ""});
    ol_try_setup("no network", OL_STEP_SETNS, EBADF,
                 (struct ol_operation){.kind = OL_JOIN_NETWORK, .descriptor = -1});
    ol_try_setup("unknown operation", OL_STEP_BAD_OPERATION, EINVAL,
                 (struct ol_operation){.kind = 31});
}

static void ol_try_executions(const char *long_path) {
    struct ol_operation execute = execute_true;
    execute.text = "";
    ol_try_command("no candidate", OL_STEP_EXECVE, ENOENT, execute);
    execute.text = "/etc/passwd\0";
    ol_try_command("not executable", OL_STEP_EXECVE, EACCES, execute);
    execute.text = "/no/such\0";
    execute.flags = OL_OPTIONAL;
    ol_try_command("optional", OL_STEP_NONE, 0, execute);
    ol_try_command("long directory", OL_STEP_CHDIR, ENAMETOOLONG,
                   (struct ol_operation){.kind = OL_WORKING_DIRECTORY, .path = long_path});
    ol_try_command("bad stream", OL_STEP_DUP3, EBADF,
                   (struct ol_operation){
                       .kind = OL_STANDARD_STREAMS, .data = (const int32_t[]){-1, -1, -1}});
    ol_try_command("no groups", OL_STEP_NONE, 0, (struct ol_operation){.kind = OL_SET_GROUPS});
    ol_try_command("bounding set", OL_STEP_NONE, 0,
                   (struct ol_operation){.kind = OL_BOUND_CAPABILITIES});
    ol_try_command("all capabilities", OL_STEP_CAPSET, EPERM,
                   (struct ol_operation){.kind = OL_SET_CAPABILITIES, .number = {~0ull}});
    ol_try_command("unknown operation", OL_STEP_BAD_OPERATION, EINVAL,
                   (struct ol_operation){.kind = 1000});
    ol_try_command("seccomp", OL_STEP_NONE, 0,
                   (struct ol_operation){.kind = OL_SECCOMP,
                                         .descriptor = OL_NO_DESCRIPTOR,
                                         .data = ol_seccomp_default()});
}

/* Scripts and programs whose interpreter is missing, cut off anywhere. */
static void ol_try_interpreters(void) {
    static const char *const scripts[] = {"#!", "#! ", "#!/no/such", "#!/no/such -w\n"};
    char path[] = "/tmp/ol-sanitize-XXXXXX";
    char candidates[sizeof path + 1] = {0};
    int file = mkstemp(path);
    memcpy(candidates, path, sizeof path);
    if (file < 0 || fchmod(file, 0755) < 0) {
        abort();
    }
    struct ol_operation execute = execute_true;
    execute.text = candidates;
    close(file);
    for (size_t index = 2; index < 4; index++) {
        file = open(path, O_WRONLY | O_TRUNC);
        if (write(file, scripts[index], strlen(scripts[index])) < 0) {
            abort();
        }
        close(file);
        ol_try_command(scripts[index], OL_STEP_INTERPRETER, ENOENT, execute);
    }
    for (size_t index = 0; index < 2; index++) {
        file = open(path, O_WRONLY | O_TRUNC);
        if (write(file, scripts[index], strlen(scripts[index])) < 0) {
            abort();
        }
        close(file);
        /* The interpreter without a name is the working directory. */
        ol_try_command(scripts[index], OL_STEP_EXECVE, EACCES, execute);
    }
    unlink(path);
}

int main(void) {
    alarm(60); /* a container that never ends is a failure too */
    static char long_path[OL_LONG_PATH + 1];
    for (size_t index = 0; index < OL_LONG_PATH; index++) {
        long_path[index] = index % 2 == 0 ? '/' : 'd';
    }
    ol_try((struct ol_expectation){"success", OL_STEP_NONE, 0}, usual_setup, 2, &execute_true,
           1);
    ol_try((struct ol_expectation){"no command", OL_STEP_EXECVE, ENOENT}, NULL, 0,
           &(struct ol_operation){.kind = OL_EXECUTE, .text = ""}, 1);
    ol_try_places(long_path);
    ol_try_mounts();
    ol_try_executions(long_path);
    ol_try_interpreters();
    return failures == 0 ? 0 : 1;
}
