/* Starts a holder, and ends it: see process.h. */
#include "process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child: only the two pipes are left open, so that no other holder's end stays alive here.
 */
static void become(const struct live_start *start, int in, int out)
{
    const char *const argv[] = { start->program, start->mode, start->variant, NULL };
    const char *const envp[] = { "PATH=/usr/bin:/bin", "HOME=/", start->environment, NULL };

    if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0)
        execve(start->program, (char *const *)(const void *)argv,
               (char *const *)(const void *)envp);
    _exit(127);
}

static bool spawn(struct live_process *process, const struct live_start *start)
{
    int in[2], out[2];

    if (pipe2(in, O_CLOEXEC) != 0)
        return false;
    if (pipe2(out, O_CLOEXEC) != 0) {
        close(in[0]);
        close(in[1]);
        return false;
    }
    process->pid = fork();
    if (process->pid == 0)
        become(start, in[0], out[1]);
    close(in[0]);
    close(out[1]);
    process->to = in[1];
    process->from = out[0];
    return process->pid > 0;
}

/* Reads a line, without its end. */
static bool read_line(int from, char *line, size_t room)
{
    for (size_t i = 0; i < room; i++) {
        if (read(from, line + i, 1) != 1)
            return false;
        if (line[i] == '\n') {
            line[i] = '\0';
            return true;
        }
    }
    return false;
}

/* Closes what is open and takes the status. */
static bool reap(struct live_process *process)
{
    int status = 0;

    close(process->to);
    close(process->from);
    return process->pid > 0 && waitpid(process->pid, &status, 0) == process->pid && status == 0;
}

bool live_begin(struct live_process *process, const struct live_start *start)
{
    char line[16];

    signal(SIGPIPE, SIG_IGN); /* a holder that is gone is seen by what it does not say */
    if (!spawn(process, start))
        return false;
    if ((start->key == NULL || write(process->to, start->key, 32) == 32) &&
        read_line(process->from, line, sizeof(line)) && strcmp(line, "ready") == 0)
        return true;
    kill(process->pid, SIGKILL);
    reap(process);
    return false;
}

static bool parse_block(const char *line, unsigned char *block)
{
    unsigned int byte;

    for (int i = 0; i < 16; i++) {
        if (sscanf(line + 2 * i, "%2x", &byte) != 1)
            return false;
        block[i] = (unsigned char)byte;
    }
    return line[32] == '\0';
}

bool live_end(struct live_process *process, unsigned char *block)
{
    char line[40];
    bool good = write(process->to, "\n", 1) == 1;

    if (good && block != NULL)
        good = read_line(process->from, line, sizeof(line)) && parse_block(line, block);
    if (!good)
        kill(process->pid, SIGKILL);
    return reap(process) && good;
}
