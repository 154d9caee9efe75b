/*
 * transport-curl - libcurl multi on sd-event
 *
 * HTTP/1.1 with keep-alive on at most `concurrency` connections (further requests queue inside), TLS 1.2 or
 * newer, certificates always checked, no redirects, no proxy but the given one, bodies and headers capped
 * while they arrive, no content encoding, connect and total timeouts. https only; http only to a
 * loopback address (127.0.0.0/8, [::1], localhost), which no proxy is asked for. I/O: never blocks outside
 * pump(). A process that stood still for five minutes (a suspended host, SIGSTOP) holds what is out of date:
 * its next pump() says -ESTALE (TS_ERR_TRANSIENT), once.
 */
#ifndef TS_GENESYS_TRANSPORT_CURL_H
#define TS_GENESYS_TRANSPORT_CURL_H

#include <systemd/sd-event.h>

#include "genesys/transport.h"
#include "util/clock.h"

struct ts_transport_curl_options {
        unsigned concurrency; /* exchanges at a time; the others wait */
        unsigned n_kept;      /* connections that are kept for later exchanges; 0: as many as that */
        const char *ca_file;  /* NULL: the system's */
        const char *proxy;    /* NULL or "": none */
        const char *proxy_user, *proxy_password; /* both or NULL; secrets */
        const char *user_agent;                  /* "trustsyncd/1.0" */
};

/* Once per process, before any thread, any transport and any digest: libcurl and OpenSSL get allocators that
 * end the process when memory is out (util/mem.h) and that wipe what they free (secrets pass through them).
 * 0 or -EIO. */
int ts_transport_curl_global_init(struct ts_err *err) TS_MUST_CHECK;
void ts_transport_curl_global_done(void);

/* @loop: referenced for the transport's life. @options is copied with its strings; secrets are wiped at the
 * end. */
int ts_transport_curl_new(sd_event *loop, const struct ts_clock *clock,
                          const struct ts_transport_curl_options *options, struct ts_transport **ret,
                          struct ts_err *err) TS_MUST_CHECK;

/* The process is about to end: from its next pump() on, exchanges end with -ECANCELED: those that only read,
 * and those that were not sent, at once; those that write when TS_STOP_WRITES_USEC have passed. May be called
 * from a handler of the loop. */
void ts_transport_curl_stop(struct ts_transport *transport);

#endif
