/* journal: is everything said once, and nothing kept back that is new? */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/journal.h"
#include "report/events.h"
#include "suite.h"
#include "util/buf.h"
#include "util/limits.h"
#include "util/macros.h"

static int64_t now;

static int64_t fixed_realtime(void *userdata)
{
        (void) userdata;
        return now;
}

static const struct ts_clock fixed_clock = { .realtime = fixed_realtime };

static void take(const struct ts_log_entry *e, void *userdata)
{
        struct ts_buf *out = userdata;

        ts_buf_printf(out, "%d %s", e->priority, e->message);
        for (size_t i = 0; i < e->n_fields; i++)
                if (strcmp(e->fields[i].name, "TRUSTSYNC_REPEATED") == 0)
                        ts_buf_printf(out, " [%s]", e->fields[i].value);
        ts_buf_puts(out, "\n");
}

static void emit(const char *id, int priority, const char *trust, const char *cycle, const char *message)
{
        struct ts_log_field fields[] = { { "TRUSTSYNC_CYCLE", cycle }, { "TRUSTSYNC_TRUST", trust } };

        ts_log_entry(&(struct ts_log_entry){ priority, id, message, fields, TS_N_ELEMENTS(fields) });
}

/* Steps: r refused, R refused otherwise, t the same of another trust, f organization failed (with a number
 * that counts up), F a change failed and i a warning (with a correlation id of their own), c change, p plain,
 * then "." ends a cycle that saw everything, "!" one that did not, "d" a day goes by. */
static void run(struct ts_journal *j, const char *steps)
{
        char cycle[16], failure[64];
        unsigned n = 0;

        ts_journal_begin(j, NULL);
        for (const char *s = steps; *s; s++) {
                (void) snprintf(cycle, sizeof(cycle), "%u", n++);
                (void) snprintf(failure, sizeof(failure), "acme: timeout after %u ms", n);
                switch (*s) {
                case 'r':
                        emit(TS_EVENT_REFUSED, LOG_ERR, "contoso", cycle, "refused: 12 of 10");
                        break;
                case 'R':
                        emit(TS_EVENT_REFUSED, LOG_ERR, "contoso", cycle, "refused: 13 of 10");
                        break;
                case 't':
                        emit(TS_EVENT_REFUSED, LOG_ERR, "fabrikam", cycle, "refused: 12 of 10");
                        break;
                case 'h':
                        emit(TS_EVENT_HELD, LOG_WARNING, "contoso", cycle, "held");
                        break;
                case 'f':
                        emit(TS_EVENT_ORGANIZATION_FAILED, LOG_ERR, NULL, cycle, failure);
                        break;
                case 'F':
                        (void) snprintf(failure, sizeof(failure), "user.add: HTTP 403 (correlation id a%xf)",
                                        n);
                        emit(TS_EVENT_CHANGE_FAILED, LOG_ERR, NULL, cycle, failure);
                        break;
                case 'i':
                        (void) snprintf(failure, sizeof(failure), "400 (correlation id b%xf); see", n);
                        emit(TS_EVENT_WARNING, LOG_WARNING, NULL, cycle, failure);
                        break;
                case 'c':
                        emit(TS_EVENT_CHANGE, LOG_NOTICE, "contoso", cycle, "changed");
                        break;
                case 'p':
                        ts_log(LOG_INFO, "plain");
                        break;
                case 'd':
                        now += 24 * 60 * 60;
                        break;
                default:
                        ts_journal_end(j, NULL, *s == '.');
                        now += 300;
                        ts_journal_begin(j, NULL);
                        break;
                }
        }
}

static const struct {
        const char *name, *steps, *emitted;
} cases[] = {
        { "said once", "r.r.r", "3 refused: 12 of 10\n" },
        { "a change happens each time", "c.c", "5 changed\n5 changed\n" },
        { "so does a message without an id", "p.p", "6 plain\n6 plain\n" },
        { "another number is news", "r.R", "3 refused: 12 of 10\n3 refused: 13 of 10\n" },
        { "and the old one is over", "r.R.R",
          "3 refused: 12 of 10\n3 refused: 13 of 10\n6 over, since 1970-01-02T00:00:00Z in 1 cycle: refused: "
          "12 of 10 [1]\n" },
        { "another trust is another finding", "rt.rt", "3 refused: 12 of 10\n3 refused: 12 of 10\n" },
        { "over", "r.r.r..",
          "3 refused: 12 of 10\n6 over, since 1970-01-02T00:00:00Z in 3 cycles: refused: 12 of 10 [3]\n" },
        { "said again when it comes again", "r...r",
          "3 refused: 12 of 10\n6 over, since 1970-01-02T00:00:00Z in 1 cycle: refused: 12 of 10 [1]\n3 "
          "refused: 12 of 10\n" },
        { "what was held needs no end", "h..", "4 held\n" },
        { "a failure hides nothing", "h.f!f!h", "4 held\n3 acme: timeout after 3 ms\n" },
        { "a correlation id is no news", "F.F.F!F", "3 user.add: HTTP 403 (correlation id a1f)\n" },
        { "nor in a warning", "i.i.i", "4 400 (correlation id b1f); see\n" },
        { "once more a day", "r.r.d.r",
          "3 refused: 12 of 10\n6 over, since 1970-01-02T00:00:00Z in 2 cycles: refused: 12 of 10 [2]\n3 "
          "refused: 12 of 10\n" },
        { "once more a day, with a number", "r.r.dr.r",
          "3 refused: 12 of 10\n3 refused: 12 of 10 (found in 3 cycles since 1970-01-02T00:00:00Z) [3]\n" },
        { "counted once a cycle", "rrr.rr..",
          "3 refused: 12 of 10\n6 over, since 1970-01-02T00:00:00Z in 2 cycles: refused: 12 of 10 [2]\n" },
};

START_TEST(test_journal)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf emitted = TS_BUF_INIT(65536);
        TS_CLEANUP(ts_journal_freep) struct ts_journal *j = NULL;

        now = 86400;
        j = ts_journal_new(&fixed_clock, take, &emitted);
        run(j, cases[_i].steps);
        ck_assert_msg(strcmp(ts_buf_text(&emitted), cases[_i].emitted) == 0, "%s:\nwanted\n%sgot\n%s",
                      cases[_i].name, cases[_i].emitted, ts_buf_text(&emitted));
}
END_TEST

START_TEST(test_journal_is_bounded)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf emitted = TS_BUF_INIT(64u * 1024 * 1024);
        TS_CLEANUP(ts_journal_freep) struct ts_journal *j = ts_journal_new(&fixed_clock, take, &emitted);
        char trust[32];

        for (unsigned round = 0; round < 2; round++) {
                ts_journal_begin(j, NULL);
                ts_buf_reset(&emitted);
                for (unsigned i = 0; i < TS_REPEATED_MAX + 5; i++) {
                        (void) snprintf(trust, sizeof(trust), "t%u", i);
                        emit(TS_EVENT_HELD, LOG_WARNING, trust, "1", "held");
                }
                ts_journal_end(j, NULL, true);
        }
        ck_assert_str_eq(ts_buf_text(&emitted), "4 held\n4 held\n4 held\n4 held\n4 held\n");
}
END_TEST

int main(void)
{
        Suite *s = suite_create("journal");
        TCase *tc = tcase_create("journal");

        tcase_add_loop_test(tc, test_journal, 0, (int) TS_N_ELEMENTS(cases));
        tcase_add_test(tc, test_journal_is_bounded);
        suite_add_tcase(s, tc);
        return run_suite(s);
}
