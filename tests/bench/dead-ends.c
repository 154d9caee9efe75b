/*
 * dead-ends - addresses at which nobody answers, each in a way of its own
 *
 *   dead-ends
 *
 * Prints a line each, a word and a port of 127.0.0.1, and stays until its standard input ends:
 *
 *   refused    bound, and nobody listens: a connection is refused
 *   blackhole  its queue is full: nothing comes back, not even a refusal
 *   silent     accepts connections, and never answers
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FILLERS 4 /* more than a queue of length zero holds */

static _Noreturn void fail(const char *what)
{
        fprintf(stderr, "dead-ends: %s: %s\n", what, strerror(errno));
        exit(99);
}

/* A bound socket; the address that it has got. */
static int open_socket(struct sockaddr_in *ret)
{
        socklen_t len = sizeof(*ret);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        *ret = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        if (fd < 0 || bind(fd, (const struct sockaddr *) ret, len) < 0 ||
            getsockname(fd, (struct sockaddr *) ret, &len) < 0)
                fail("cannot open a socket");
        return fd;
}

static void fill(const struct sockaddr_in *address)
{
        for (int i = 0; i < FILLERS; i++) {
                int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

                if (fd < 0 || (connect(fd, (const struct sockaddr *) address, sizeof(*address)) < 0 &&
                               errno != EINPROGRESS))
                        fail("cannot fill a queue");
        }
}

int main(void)
{
        struct sockaddr_in refused, blackhole, silent;
        char c;

        (void) open_socket(&refused);
        if (listen(open_socket(&blackhole), 0) < 0 || listen(open_socket(&silent), SOMAXCONN) < 0)
                fail("cannot listen");
        fill(&blackhole);
        printf("refused %u\nblackhole %u\nsilent %u\n", ntohs(refused.sin_port), ntohs(blackhole.sin_port),
               ntohs(silent.sin_port));
        fflush(stdout);
        while (read(STDIN_FILENO, &c, 1) > 0)
                ;
        return 0;
}
