// Verbs that say what this process is: its arguments, environment, ids, descriptors, session,
// limits, view of the host.
#include "probe.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

extern char **environ;

static int print_args(int count, char **args)
{
    for (int i = 0; i < count; i++) {
        printf("arg%d=", i);
        for (const char *byte = args[i]; *byte; byte++)
            printf("%02x", (unsigned char)*byte);
        putchar('\n');
    }
    return EXIT_SUCCESS;
}

static int print_environment(int count, char **args)
{
    // An entry may lack "=": whatever execve(2) was given is shown as it is.
    for (char **variable = environ; *variable; variable++) {
        fputs("env ", stdout);
        print_text(*variable, strlen(*variable));
        putchar('\n');
    }
    return EXIT_SUCCESS;
}

static int print_cwd(int count, char **args)
{
    char path[PATH_MAX];
    // The raw call, because glibc hides "(unreachable)", which is just what a leaked directory
    // looks like.
    long length = syscall(SYS_getcwd, path, sizeof path);
    if (length == -1)
        fact_error(errno);
    else
        fact_text("cwd", path, strlen(path));
    return EXIT_SUCCESS;
}

static void print_groups(void)
{
    gid_t groups[1024];
    int count = getgroups(sizeof groups / sizeof groups[0], groups);
    printf("groups=");
    for (int i = 0; i < count; i++)
        printf("%s%u", i > 0 ? "," : "", groups[i]);
    putchar('\n');
}

static void print_status_fields(void)
{
    static const char *const fields[] = {"CapInh", "CapPrm",     "CapEff",  "CapBnd",
                                         "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters",
                                         "SigBlk", "SigIgn",     "SigCgt",  "Umask"};
    FILE *status = fopen("/proc/self/status", "re");
    if (!status) {
        fact_error(errno);
        return;
    }
    char line[4096];
    while (fgets(line, sizeof line, status)) {
        size_t name_length = strcspn(line, ":");
        for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
            if (strlen(fields[i]) != name_length || strncmp(fields[i], line, name_length) != 0)
                continue;
            const char *value = line + name_length + 1;
            value += strspn(value, "\t ");
            fact(fields[i], "%.*s", (int)strcspn(value, "\n"), value);
        }
    }
    fclose(status);
}

static int print_ids(int count, char **args)
{
    uid_t uid, euid, suid;
    gid_t gid, egid, sgid;
    if (getresuid(&uid, &euid, &suid) == -1 || getresgid(&gid, &egid, &sgid) == -1)
        return report(-1);
    fact("uid", "%u", uid);
    fact("euid", "%u", euid);
    fact("suid", "%u", suid);
    fact("gid", "%u", gid);
    fact("egid", "%u", egid);
    fact("sgid", "%u", sgid);
    print_groups();
    print_status_fields();
    return EXIT_SUCCESS;
}

static int print_descriptors(int count, char **args)
{
    DIR *directory = opendir("/proc/self/fd");
    if (!directory) {
        fact_error(errno);
        return EXIT_SUCCESS;
    }
    struct dirent *entry;
    while ((entry = readdir(directory))) {
        if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(directory))
            continue;
        char target[PATH_MAX];
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, target, sizeof target);
        char key[16];
        snprintf(key, sizeof key, "fd%.10s", entry->d_name);
        fact_text(key, target, length == -1 ? 0 : (size_t)length);
    }
    closedir(directory);
    return EXIT_SUCCESS;
}

// The controlling terminal's device number, from /proc: opening /dev/tty would tell neither which
// one it is, nor whether the node is merely missing. 0 when there is none.
static unsigned int controlling_terminal(void)
{
    char line[1024] = "";
    FILE *stat_file = fopen("/proc/self/stat", "re");
    if (!stat_file || !fgets(line, sizeof line, stat_file))
        line[0] = '\0';
    if (stat_file)
        fclose(stat_file);
    unsigned int terminal = 0;
    const char *after_name = strrchr(line, ')');
    if (!after_name || sscanf(after_name, ") %*c %*d %*d %*d %u", &terminal) != 1)
        return 0;
    return terminal;
}

static int print_session(int count, char **args)
{
    fact("pid", "%d", getpid());
    fact("ppid", "%d", getppid());
    fact("pgid", "%d", getpgid(0));
    fact("sid", "%d", getsid(0));
    unsigned int terminal = controlling_terminal();
    if (terminal == 0)
        fact("tty", "none");
    else
        fact("tty", "%u:%u", major(terminal), minor(terminal));
    return EXIT_SUCCESS;
}

static int print_hostname(int count, char **args)
{
    struct utsname name;
    if (uname(&name) == -1)
        return report(-1);
    fact_text("hostname", name.nodename, strlen(name.nodename));
    fact_text("domainname", name.domainname, strlen(name.domainname));
    return EXIT_SUCCESS;
}

static void print_interfaces(void)
{
    int socket_descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct if_nameindex *interfaces = if_nameindex();
    if (socket_descriptor == -1 || !interfaces) {
        fact("interfaces", "%s", strerrorname_np(errno));
        return;
    }
    for (struct if_nameindex *interface = interfaces; interface->if_index; interface++) {
        struct ifreq request = {0};
        snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface->if_name);
        if (ioctl(socket_descriptor, SIOCGIFFLAGS, &request) == -1)
            continue;
        fact("interface", "%s%s%s", interface->if_name, request.ifr_flags & IFF_UP ? ",up" : "",
             request.ifr_flags & IFF_LOOPBACK ? ",loopback" : "");
    }
    if_freenameindex(interfaces);
    close(socket_descriptor);
}

static int connect_to_own_listener(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener == -1 || client == -1 ||
        bind(listener, (struct sockaddr *)&address, length) == -1 || listen(listener, 1) == -1 ||
        getsockname(listener, (struct sockaddr *)&address, &length) == -1)
        return -1;
    return connect(client, (struct sockaddr *)&address, length);
}

static int print_network(int count, char **args)
{
    print_interfaces();
    fact("loopback_tcp", "%s", connect_to_own_listener() == 0 ? "ok" : strerrorname_np(errno));
    return EXIT_SUCCESS;
}

static void print_limit(const char *name, const char *kind, rlim_t value)
{
    char key[64];
    snprintf(key, sizeof key, "%s_%s", name, kind);
    if (value == RLIM_INFINITY)
        fact(key, "unlimited");
    else
        fact(key, "%llu", (unsigned long long)value);
}

static int print_resource_limits(int count, char **args)
{
    static const struct {
        const char *name;
        __rlimit_resource_t resource;
    } resources[] = {
        {"as", RLIMIT_AS},
        {"core", RLIMIT_CORE},
        {"cpu", RLIMIT_CPU},
        {"data", RLIMIT_DATA},
        {"fsize", RLIMIT_FSIZE},
        {"locks", RLIMIT_LOCKS},
        {"memlock", RLIMIT_MEMLOCK},
        {"msgqueue", RLIMIT_MSGQUEUE},
        {"nice", RLIMIT_NICE},
        {"nofile", RLIMIT_NOFILE},
        {"nproc", RLIMIT_NPROC},
        {"rss", RLIMIT_RSS},
        {"rtprio", RLIMIT_RTPRIO},
        {"rttime", RLIMIT_RTTIME},
        {"sigpending", RLIMIT_SIGPENDING},
        {"stack", RLIMIT_STACK},
    };
    for (size_t i = 0; i < sizeof resources / sizeof resources[0]; i++) {
        struct rlimit limit;
        if (getrlimit(resources[i].resource, &limit) == -1)
            continue;
        print_limit(resources[i].name, "soft", limit.rlim_cur);
        print_limit(resources[i].name, "hard", limit.rlim_max);
    }
    return EXIT_SUCCESS;
}

static int print_process_attributes(int count, char **args)
{
    int death_signal = 0;
    prctl(PR_GET_PDEATHSIG, &death_signal);
    fact("dumpable", "%d", prctl(PR_GET_DUMPABLE));
    fact("no_new_privs", "%d", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    fact("securebits", "%d", prctl(PR_GET_SECUREBITS));
    fact("keepcaps", "%d", prctl(PR_GET_KEEPCAPS));
    fact("parent_death_signal", "%d", death_signal);
    return EXIT_SUCCESS;
}

static int print_keyring(int count, char **args)
{
    long serial = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
    if (serial == -1)
        return report(-1);
    fact("serial", "%ld", serial);
    return report(0);
}

// Waits a moment only: a terminal or a pipe that somebody holds open would block for ever.
static bool stdin_is_at_end(void)
{
    enum { PATIENCE_MS = 300 };
    struct pollfd waiting = {.fd = STDIN_FILENO, .events = POLLIN};
    char byte;
    return poll(&waiting, 1, PATIENCE_MS) == 1 && read(STDIN_FILENO, &byte, 1) == 0;
}

static int print_stdin(int count, char **args)
{
    struct stat status;
    if (fstat(STDIN_FILENO, &status) == -1)
        return report(-1);
    char target[PATH_MAX];
    ssize_t length = readlink("/proc/self/fd/0", target, sizeof target);
    fact_text("link", target, length == -1 ? 0 : (size_t)length);
    print_file_kind(status.st_mode, status.st_rdev);
    fact("eof", "%d", stdin_is_at_end());
    return report(0);
}

static int print_isatty(int count, char **args)
{
    fact("stdin", "%d", isatty(STDIN_FILENO));
    fact("stdout", "%d", isatty(STDOUT_FILENO));
    fact("stderr", "%d", isatty(STDERR_FILENO));
    return EXIT_SUCCESS;
}

const struct verb self_verbs[] = {
    {"args", "[ARGUMENT...]", 0, -1, print_args},
    {"env", "", 0, 0, print_environment},
    {"cwd", "", 0, 0, print_cwd},
    {"ids", "", 0, 0, print_ids},
    {"fds", "", 0, 0, print_descriptors},
    {"session", "", 0, 0, print_session},
    {"hostname", "", 0, 0, print_hostname},
    {"network", "", 0, 0, print_network},
    {"rlimits", "", 0, 0, print_resource_limits},
    {"prctl", "", 0, 0, print_process_attributes},
    {"keyring", "", 0, 0, print_keyring},
    {"stdin", "", 0, 0, print_stdin},
    {"isatty", "", 0, 0, print_isatty},
    {0},
};
