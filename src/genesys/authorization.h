/*
 * authorization - the token of a client, and the check of its organization
 *
 * Client credentials with Basic authentication. A token is fetched when the first request needs one, renewed
 * at two thirds of its life, and replaced once after a 401 (not after `ip.not.authorized`). A renewal that
 * fails because of an outage is put off while the old token lives. After every new token GET organizations/me
 * has to answer the organization of the settings before anything else is sent with it. The secret is read
 * again for each token request and wiped at once. Both requests go through the client's queue, before all
 * others.
 */
#ifndef TS_GENESYS_AUTHORIZATION_H
#define TS_GENESYS_AUTHORIZATION_H

#include "genesys/request_queue.h"
#include "util/clock.h"
#include "util/err.h"
#include "util/id.h"

/* Reads the client secret into @secret (a secret buffer). The daemon's knows `credential:` and `file:`. */
typedef int (*ts_secret_reader)(struct ts_buf *secret, void *userdata, struct ts_err *err);

struct ts_authorization_options { /* strings are borrowed */
        const char *alias;        /* for messages */
        const char *client_id;
        struct ts_id organization_id; /* nil: any */
        ts_secret_reader read_secret;
        void *secret_userdata;
};

struct ts_authorization {
        struct ts_authorization_options options;
        struct ts_request_queue *queue;
        const struct ts_clock *clock;
        struct ts_token token;
        uint64_t renew_usec, expires_usec; /* of the token */
        struct ts_id organization;         /* that it is of */
        char *organization_name;           /* escaped */
};

/* @queue is borrowed. */
void ts_authorization_init(struct ts_authorization *a, const struct ts_authorization_options *options,
                           struct ts_request_queue *queue, const struct ts_clock *clock);
void ts_authorization_done(struct ts_authorization *a); /* wipes the token */

/* Sees to it that there is a token that may be used now. Return: 0; -EACCES (TS_ERR_AUTH): the credentials
 * are refused, or those of another organization; else why none could be had. But for a stop that was asked
 * for, a failure ends the queue (ts_request_queue_end()). */
int ts_authorization_ensure(struct ts_authorization *a, struct ts_err *err) TS_MUST_CHECK;

#endif
