/*
 * timefmt - points in time and spans of time, as people and the API write them
 *
 * Pure. A point in time is an int64_t of seconds since 1970 UTC (the API's fractions are cut off: times
 * are compared at second precision); a span is a uint64_t of microseconds.
 */
#ifndef TS_UTIL_TIMEFMT_H
#define TS_UTIL_TIMEFMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TS_USEC_PER_SEC 1000000ull
#define TS_USEC_PER_MSEC 1000ull
#define TS_USEC_PER_MINUTE (60 * TS_USEC_PER_SEC)
#define TS_USEC_PER_HOUR (60 * TS_USEC_PER_MINUTE)
#define TS_USEC_PER_DAY (24 * TS_USEC_PER_HOUR)

#define TS_TIME_UNSET INT64_MIN /* not declared, or the API did not say */
#define TS_TIME_NEVER INT64_MAX /* declared or live without an end */

/* RFC 3339 with a time and `Z` or an offset, 0 to 9 digits of fraction, T and Z in either case; years 1970 to
 * 9999 in UTC as well; the calendar is checked (no 30 February); a leap second :60 is refused. 0; -EINVAL: no
 * such time; -EDOM: only a date, or no offset (for a better hint). */
int ts_time_parse(const char *s, size_t len, int64_t *ret);

struct ts_time_text {
        char s[40];
};
/* "2027-06-30T00:00:00Z"; "never" and "unset" for the two special values. */
struct ts_time_text ts_time_format(int64_t t);
/* "2027-06-30T00:00:00.000Z": what the API is sent (it wants three fraction digits). */
struct ts_time_text ts_time_format_api(int64_t t);

/* systemd time spans: "5min", "2h 30min", "1d12h", "90" (seconds), "1.5h", "0"; units us usec ms msec s sec
 * second(s) m min minute(s) h hr hour(s) d day(s) w week(s). A number without a unit stands alone: "1h 30"
 * would be 30 s to systemd and 30 min to its author. 0; -EINVAL; -ERANGE past 100 years (36,525 days). */
int ts_span_parse(const char *s, size_t len, uint64_t *ret_usec);

/* For people: the two largest units that are not zero, the rest cut off: "2h 30min", "45s", "1d 5s". "0" for
 * nothing. */
struct ts_time_text ts_span_format(uint64_t usec);

/* "Tue, 24 Nov 2026 02:13:42 GMT", the Date header of an answer; false when it is something else. */
bool ts_time_parse_http(const char *s, int64_t *ret);

#endif
