/*
 * fake-api - a transport whose answers a test writes down, and a client on it
 *
 * No I/O and no real time: pump() gives the answer that has waited longest (or shortest), or lets virtual
 * time pass. Answers are looked up by "METHOD /path?query", without "/api/v2"; several for the same
 * request are given in turn, the last one for ever. What has none is asked of the handler, and is 404
 * without one. Token and organizations/me are answered by the fake itself and are not in the log.
 */
#ifndef TS_TESTS_FAKE_API_H
#define TS_TESTS_FAKE_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "genesys/client.h"
#include "util/buf.h"

#define FAKE_ORGANIZATION 0xaaaaaau

struct fake_api;

/* "00000000-0000-4000-8000-00000000002a" for 42. */
struct ts_id fake_id(unsigned n);
struct ts_id_text fake_id_text(unsigned n);
unsigned fake_id_number(const char *text); /* 0: not one of these */

/* Answers @request ("GET /..."): appends to @body and returns the status; 0: the answer is lost, its
 * effect is possible. */
typedef long (*fake_handler)(struct fake_api *api, const char *request, const char *sent,
                             struct ts_buf *body);

struct fake_api *fake_api_new(fake_handler handler, void *userdata);
void fake_api_free(struct fake_api *api);
TS_DEFINE_CLEANUP(struct fake_api, fake_api_free)

void *fake_api_userdata(const struct fake_api *api);
struct ts_client *fake_api_client(const struct fake_api *api); /* may write */

/* @status 0: the answer is lost. @json NULL: no body. Both strings are copied; ' in @json stands for ". */
void fake_api_answer(struct fake_api *api, const char *request, long status, const char *json);

/* "GET /a\nPUT /b {...}\n": all that was asked, with what was sent. */
const char *fake_api_log(const struct fake_api *api);
void fake_api_forget_log(struct fake_api *api);
size_t fake_api_count(const struct fake_api *api); /* requests, without the fake's own */

void fake_api_set_newest_first(struct fake_api *api, bool on); /* the order of answers */
void fake_api_stop_after(struct fake_api *api,
                         size_t n); /* sets the client's stop flag once n requests were started */
const struct ts_clock *fake_api_clock(const struct fake_api *api);
uint64_t fake_api_waited_usec(const struct fake_api *api); /* virtual time */

#endif
