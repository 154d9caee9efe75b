/*
 * auth-proxy - an HTTP proxy that tunnels to this host only, for clients with the right credential
 *
 * auth-proxy CREDENTIAL LOG: listens on a free port of 127.0.0.1, and prints it. LOG gets a line for each
 * CONNECT: "200" or "407", and its target. CREDENTIAL is USER:PASSWORD in base64, as it stands in
 * Proxy-Authorization. A CONNECT to any host is tunnelled to the same port of 127.0.0.1. Runs until it is
 * killed.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static const char refusal[] = "HTTP/1.1 407 Proxy Authentication Required\r\n"
                              "Proxy-Authenticate: Basic realm=\"test\"\r\n"
                              "Content-Length: 0\r\nConnection: close\r\n\r\n";
static const char acceptance[] = "HTTP/1.1 200 Connection established\r\n\r\n";

static int fail(const char *what)
{
        perror(what);
        return EXIT_FAILURE;
}

static bool write_all(int fd, const char *data, size_t len)
{
        while (len > 0) {
                ssize_t n = write(fd, data, len);

                if (n <= 0)
                        return false;
                data += n;
                len -= (size_t) n;
        }
        return true;
}

/* A socket of 127.0.0.1: a listener of port 0, or a connection to @port. */
static int open_socket(unsigned port, bool listens)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t) port) };
        const struct sockaddr *a = (const struct sockaddr *) (const void *) &address;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (listens ? bind(fd, a, sizeof(address)) < 0 || listen(fd, 64) < 0
                    : connect(fd, a, sizeof(address)) < 0)
                return -1;
        return fd;
}

/* Up to the empty line: a client sends nothing behind it before it has the answer. */
static bool read_head(int fd, char *head, size_t size)
{
        size_t len = 0;
        ssize_t n;

        while ((n = read(fd, head + len, size - 1 - len)) > 0) {
                len += (size_t) n;
                head[len] = '\0';
                if (strstr(head, "\r\n\r\n"))
                        return true;
        }
        return false;
}

static void relay(int a, int b)
{
        struct pollfd ends[2] = { { .fd = a, .events = POLLIN }, { .fd = b, .events = POLLIN } };
        char data[16384];

        while (poll(ends, 2, -1) > 0)
                for (size_t i = 0; i < 2; i++) {
                        ssize_t n;

                        if (ends[i].revents == 0)
                                continue;
                        n = read(ends[i].fd, data, sizeof(data));
                        if (n <= 0 || !write_all(ends[1 - i].fd, data, (size_t) n))
                                return;
                }
}

static void serve(int fd, const char *credential, FILE *log)
{
        char head[8192], expected[1024], target[256];
        unsigned port = 0;
        bool is_right;
        int server;

        if (!read_head(fd, head, sizeof(head)) ||
            sscanf(head, "CONNECT %255[^: ]:%u HTTP/1.1", target, &port) != 2)
                return;
        (void) snprintf(expected, sizeof(expected), "\r\nProxy-Authorization: Basic %s\r\n", credential);
        is_right = strstr(head, expected) != NULL;
        (void) fprintf(log, "%s %s:%u\n", is_right ? "200" : "407", target, port);
        (void) fflush(log);
        if (!is_right) {
                (void) write_all(fd, refusal, strlen(refusal));
                return;
        }
        server = open_socket(port, false);
        if (server >= 0 && write_all(fd, acceptance, strlen(acceptance)))
                relay(fd, server);
}

int main(int argc, char **argv)
{
        struct sockaddr_in address = { 0 };
        socklen_t len = sizeof(address);
        FILE *log = argc == 3 ? fopen(argv[2], "ae") : NULL;
        int listener = open_socket(0, true);

        if (!log || listener < 0 || getsockname(listener, (struct sockaddr *) (void *) &address, &len) < 0)
                return fail("cannot listen");
        (void) printf("127.0.0.1:%u\n", ntohs(address.sin_port));
        (void) fflush(stdout);
        (void) signal(SIGCHLD, SIG_IGN);
        (void) signal(SIGPIPE, SIG_IGN);
        for (;;) {
                int fd = accept(listener, NULL, NULL);
                pid_t pid = fd >= 0 ? fork() : -1;

                if (pid < 0)
                        return fail("cannot serve");
                if (pid == 0) {
                        (void) prctl(PR_SET_PDEATHSIG, SIGKILL); /* with the proxy its tunnels end */
                        serve(fd, argv[1], log);
                        _exit(EXIT_SUCCESS);
                }
                (void) close(fd);
        }
}
