/* sources: is only taken what is whole and good, and does the old stay in force otherwise? */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/active_config.h"
#include "suite.h"
#include "util/macros.h"

#define SETTINGS(trusts, more) \
        "version: 1\norganizations:\n  acme:\n    region: mypurecloud.de\n    client_id: x\n    " \
        "client_secret: credential:acme\n" \
        "trusts: " trusts "\n" more
#define DECLARATION(alias) \
        "version: 1\norganization: acme\ntrustees:\n  " alias \
        ":\n    id: 0b6f4c1e-0000-4000-8000-000000000003\n"
#define FAULTY DECLARATION("contoso") "    bogus: 1\n"

static char root[PATH_MAX];
static struct ts_active_config active_config;
static unsigned n_waits;
static void (*meanwhile)(unsigned n); /* what somebody else does during the n-th wait, counted from 1 */

static void put(const char *path, const char *text)
{
        FILE *f = fopen(path, "we");

        ck_assert_msg(f != NULL, "%s", path);
        ck_assert_int_ge(fputs(text, f), 0);
        ck_assert_int_eq(fclose(f), 0);
}

static unsigned n_names[TS_PART_MAX_]; /* that were watched since the last ts_watch_begin() */
static bool unwatchable;

static void watch_begin(enum ts_active_config_part part, void *userdata)
{
        (void) userdata;
        n_names[part] = 0;
}

static void watch_add(enum ts_active_config_part part, const char *directory, const char *name,
                      void *userdata)
{
        (void) name;
        (void) userdata;
        ck_assert_int_eq(directory[0], '/');
        n_names[part]++;
}

static int watch_end(enum ts_active_config_part part, struct ts_err *err, void *userdata)
{
        (void) userdata;
        ck_assert_uint_ge(n_names[part], 1);
        return unwatchable ? ts_err_set(err, TS_ERR_LOCAL, -ENOSPC, "cannot watch it") : 0;
}

static bool wait_in_test(uint64_t usec, void *userdata)
{
        (void) userdata;
        ck_assert_uint_eq(usec, TS_SETTLE_USEC);
        n_waits++;
        if (meanwhile)
                meanwhile(n_waits);
        return n_waits < 1000;
}

static int64_t now;

static int64_t now_in_test(void *userdata)
{
        (void) userdata;
        return now;
}

static bool give_up(uint64_t usec, void *userdata)
{
        (void) usec;
        (void) userdata;
        return false;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void) st;
        (void) type;
        (void) ftw;
        return remove(path);
}

static void setup(void)
{
        (void) snprintf(root, sizeof(root), "/tmp/sources.XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(root));
        suite_hidden[0].text = root;
        suite_hidden[0].instead = "$T";
        ck_assert_int_eq(chdir(root), 0);
        ck_assert_int_eq(mkdir("d", 0755), 0);
        put("s.yaml", SETTINGS("d", ""));
        put("d/a.yaml", DECLARATION("contoso"));
        n_waits = 0;
        now = 1000000;
        meanwhile = NULL;
        unwatchable = false;
        active_config = (struct ts_active_config){ .config = "s.yaml",
                                                   .host = { watch_begin, watch_add, watch_end, wait_in_test,
                                                             now_in_test, NULL } };
}

static void teardown(void)
{
        ts_active_config_done(&active_config);
        ck_assert_int_eq(chdir("/"), 0);
        ck_assert_int_eq(nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* The first one takes a turn more: only the settings tell where the declarations are. */
static void begin(void)
{
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false),
                          TS_ACTIVE_CONFIG_SETTINGS | TS_ACTIVE_CONFIG_DECLARATIONS);
        n_waits = 0;
}

static const char *alias_in_force(void)
{
        return active_config.declarations ? active_config.declarations->organizations[0].trusts[0].alias
                                          : "none";
}

START_TEST(test_nothing_new)
{
        begin();
        ck_assert_str_eq(alias_in_force(), "contoso");
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false), 0);
        ck_assert_uint_eq(n_waits, 0);
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, true), 0);
        ck_assert_uint_eq(n_waits, 2); /* settings, declarations */
}
END_TEST

START_TEST(test_other_declarations)
{
        begin();
        put("d/a.yaml", DECLARATION("fabrikam"));
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false), TS_ACTIVE_CONFIG_DECLARATIONS);
        ck_assert_str_eq(alias_in_force(), "fabrikam");
}
END_TEST

START_TEST(test_other_settings)
{
        begin();
        put("s.yaml", SETTINGS("d", "unlisted_trusts: remove\n"));
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false), TS_ACTIVE_CONFIG_SETTINGS);
        ck_assert(active_config.settings->organizations[0].policy.remove_unlisted_trusts);
}
END_TEST

START_TEST(test_other_path)
{
        begin();
        ck_assert_int_eq(mkdir("e", 0755), 0);
        put("e/a.yaml", DECLARATION("fabrikam"));
        put("s.yaml", SETTINGS("e", ""));
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false),
                          TS_ACTIVE_CONFIG_SETTINGS | TS_ACTIVE_CONFIG_DECLARATIONS);
        ck_assert_str_eq(alias_in_force(), "fabrikam");
        put("e/a.yaml", DECLARATION("northwind"));
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false), TS_ACTIVE_CONFIG_DECLARATIONS);
        ck_assert_str_eq(alias_in_force(), "northwind");
}
END_TEST

START_TEST(test_option_before_settings)
{
        put("b.yaml", DECLARATION("northwind"));
        active_config.trusts_option = "b.yaml";
        begin();
        ck_assert_str_eq(alias_in_force(), "northwind");
}
END_TEST

START_TEST(test_faulty_declarations)
{
        begin();
        put("d/a.yaml", FAULTY);
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false),
                          TS_ACTIVE_CONFIG_DECLARATIONS_FAULTY);
        ck_assert_str_eq(alias_in_force(), "contoso");
        ck_assert_uint_eq(active_config.declarations_faults.n, 1);
        ck_assert_ptr_nonnull(strstr(active_config.declarations_faults.items[0], "d/a.yaml:6:"));
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false), 0); /* read once */

        put("d/a.yaml", DECLARATION("contoso")); /* the same as before the fault: worth telling */
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false), TS_ACTIVE_CONFIG_DECLARATIONS);
        ck_assert_uint_eq(active_config.declarations_faults.n, 0);
}
END_TEST

START_TEST(test_declarations_gone)
{
        begin();
        ck_assert_int_eq(remove("d/a.yaml"), 0);
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false),
                          TS_ACTIVE_CONFIG_DECLARATIONS_FAULTY);
        ck_assert_str_eq(alias_in_force(), "contoso");
        ck_assert_int_eq(remove("d"), 0);
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false),
                          TS_ACTIVE_CONFIG_DECLARATIONS_FAULTY);
        ck_assert_str_eq(alias_in_force(), "contoso");
}
END_TEST

START_TEST(test_faulty_settings)
{
        begin();
        put("s.yaml", "version: 2\n");
        put("d/a.yaml", DECLARATION("fabrikam"));
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false),
                          TS_ACTIVE_CONFIG_SETTINGS_FAULTY | TS_ACTIVE_CONFIG_DECLARATIONS);
        ck_assert_str_eq(alias_in_force(), "fabrikam"); /* by the settings that are still in force */
        ck_assert_uint_ge(active_config.settings_faults.n, 1);
        ck_assert_ptr_nonnull(active_config.settings);
}
END_TEST

START_TEST(test_faulty_at_the_start)
{
        put("d/a.yaml", FAULTY);
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false),
                          TS_ACTIVE_CONFIG_SETTINGS | TS_ACTIVE_CONFIG_DECLARATIONS_FAULTY);
        ck_assert_str_eq(alias_in_force(), "none");
        ts_active_config_done(&active_config);
        active_config = (struct ts_active_config){ .config = "s.yaml",
                                                   .host = { watch_begin, watch_add, watch_end, wait_in_test,
                                                             now_in_test, NULL } };
        put("s.yaml", "nonsense");
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false), TS_ACTIVE_CONFIG_SETTINGS_FAULTY);
        ck_assert_ptr_null(active_config.settings);
}
END_TEST

static void write_on(unsigned n)
{
        char text[256];

        (void) snprintf(text, sizeof(text), "%s# %u\n", DECLARATION("fabrikam"), n);
        put("d/a.yaml", text);
}

static void write_three_times(unsigned n)
{
        if (n <= 3)
                write_on(n);
}

START_TEST(test_writer)
{
        begin();
        write_on(0);
        meanwhile = write_on;
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false), TS_ACTIVE_CONFIG_UNSETTLED);
        ck_assert_uint_eq(n_waits, TS_SETTLE_TRIES);
        ck_assert_str_eq(alias_in_force(), "contoso");

        n_waits = 0;
        meanwhile = write_three_times;
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false), TS_ACTIVE_CONFIG_DECLARATIONS);
        ck_assert_uint_eq(n_waits, 4);
        ck_assert_str_eq(alias_in_force(), "fabrikam");
}
END_TEST

static void end_checkout(unsigned n)
{
        if (n == 2)
                ck_assert_int_eq(remove(".git/index.lock"), 0);
}

START_TEST(test_checkout)
{
        begin();
        ck_assert_int_eq(mkdir(".git", 0755), 0);
        put(".git/index.lock", "");
        put("d/a.yaml", DECLARATION("fabrikam"));
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false), TS_ACTIVE_CONFIG_UNSETTLED);
        ck_assert_str_eq(alias_in_force(), "contoso");
        n_waits = 0;
        meanwhile = end_checkout;
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false), TS_ACTIVE_CONFIG_DECLARATIONS);
        ck_assert_str_eq(alias_in_force(), "fabrikam");
}
END_TEST

static size_t n_denied(void)
{
        return active_config.settings->organizations[0].policy.deny_users.n;
}

static void put_lock(int64_t since)
{
        const struct timespec times[2] = { { .tv_sec = since }, { .tv_sec = since } };

        put(".git/index.lock", "");
        ck_assert_int_eq(utimensat(AT_FDCWD, ".git/index.lock", times, 0), 0);
}

/* A lock that is older than any checkout is not waited for, and what it holds back is told. */
START_TEST(test_stale_lock)
{
        begin();
        ck_assert_uint_eq(active_config.n_not_in_force, 0);
        ck_assert_int_eq(mkdir(".git", 0755), 0);
        put_lock(now - TS_LOCK_STALE_SEC - 1);
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false), 0); /* nothing has changed */
        ck_assert_uint_eq(active_config.n_not_in_force, 0);

        put("d/a.yaml", DECLARATION("fabrikam"));
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false), TS_ACTIVE_CONFIG_UNSETTLED);
        ck_assert_uint_eq(n_waits, 0);
        ck_assert_uint_eq(active_config.n_not_in_force, 1);
        ck_assert_str_eq(active_config.not_in_force[0].what, "declarations");
        ck_assert_int_eq(active_config.not_in_force[0].reason, TS_NOT_IN_FORCE_LOCKED);
        ck_assert_int_eq(active_config.not_in_force[0].since, now);
        ck_assert_ptr_nonnull(strstr(active_config.not_in_force[0].path, "/.git/index.lock"));
        message_is("a lock", active_config.not_in_force[0].text);
        now += 60;
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false), TS_ACTIVE_CONFIG_UNSETTLED);
        ck_assert_int_eq(active_config.not_in_force[0].since, now - 60);

        ck_assert_int_eq(remove(".git/index.lock"), 0);
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false), TS_ACTIVE_CONFIG_DECLARATIONS);
        ck_assert_uint_eq(active_config.n_not_in_force, 0);
        ck_assert_str_eq(alias_in_force(), "fabrikam");
}
END_TEST

/* Of settings behind a lock only more `deny` is taken; all of them once it has gone. */
START_TEST(test_deny_obeys_no_lock)
{
        put("s.yaml", SETTINGS("d", "unlisted_trusts: remove\ndeny: {users: [a@b.c]}\n"));
        begin();
        ck_assert_int_eq(mkdir(".git", 0755), 0);
        put_lock(now - 3600);
        put("s.yaml", SETTINGS("d", "deny: {users: [A@B.C, d@e.f], roles: [Admin]}\n"));
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false),
                          TS_ACTIVE_CONFIG_SETTINGS | TS_ACTIVE_CONFIG_DENY | TS_ACTIVE_CONFIG_UNSETTLED);
        ck_assert_uint_eq(n_denied(), 2);
        ck_assert_str_eq(active_config.settings->organizations[0].policy.deny_users.items[1].text, "d@e.f");
        ck_assert_uint_eq(active_config.settings->organizations[0].policy.deny_roles.n, 1);
        ck_assert(active_config.settings->organizations[0].policy.remove_unlisted_trusts);
        ck_assert_uint_eq(active_config.n_not_in_force, 1);
        ck_assert_str_eq(active_config.not_in_force[0].what, "settings");
        message_is("settings", active_config.not_in_force[0].text);
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false), TS_ACTIVE_CONFIG_UNSETTLED);

        put("s.yaml",
            SETTINGS("d", "deny: {users: [g@h.i]}\n")); /* cut at a line's end, it would be weaker */
        (void) ts_active_config_refresh(&active_config, true);
        ck_assert_uint_eq(n_denied(), 3);
        ck_assert_int_eq(remove(".git/index.lock"), 0);
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false) & TS_ACTIVE_CONFIG_SETTINGS,
                          TS_ACTIVE_CONFIG_SETTINGS);
        ck_assert_uint_eq(n_denied(), 1);
        ck_assert(!active_config.settings->organizations[0].policy.remove_unlisted_trusts);
        ck_assert_uint_eq(active_config.n_not_in_force, 0);
}
END_TEST

/* At the start there are no settings to go on with. */
START_TEST(test_start_behind_a_lock)
{
        ck_assert_int_eq(mkdir(".git", 0755), 0);
        put_lock(_i == 0 ? now - 3600 : now);
        (void) ts_active_config_refresh(&active_config, false);
        ck_assert_ptr_nonnull(active_config.settings);
        ck_assert_ptr_null(active_config.declarations);
        ck_assert(_i == 0 ? n_waits <= 2 : n_waits >= TS_SETTLE_TRIES);
}
END_TEST

/* Declarations that never stand still hold no settings. */
START_TEST(test_settings_settle_apart)
{
        begin();
        write_on(0);
        put("s.yaml", SETTINGS("d", "deny: {users: [a@b.c]}\n"));
        meanwhile = write_on;
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false),
                          TS_ACTIVE_CONFIG_SETTINGS | TS_ACTIVE_CONFIG_UNSETTLED);
        ck_assert_uint_eq(n_waits, 1 + TS_SETTLE_TRIES_SOON);
        ck_assert_uint_eq(n_denied(), 1);
        ck_assert_str_eq(alias_in_force(), "contoso");
        ck_assert_uint_eq(active_config.n_not_in_force, 1);
        ck_assert_int_eq(active_config.not_in_force[0].reason, TS_NOT_IN_FORCE_UNSETTLED);
}
END_TEST

static void change_settings(unsigned n)
{
        char text[512];

        (void) snprintf(text, sizeof(text), "%s# %u\n", SETTINGS("d", ""), n);
        put("s.yaml", text);
}

START_TEST(test_settings_that_never_settle)
{
        begin();
        change_settings(0);
        meanwhile = change_settings;
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false), TS_ACTIVE_CONFIG_UNSETTLED);
        ck_assert_uint_eq(active_config.n_not_in_force, 1);
        ck_assert_str_eq(active_config.not_in_force[0].what, "settings");
}
END_TEST

START_TEST(test_unwatched)
{
        begin();
        ck_assert_ptr_null(active_config.unwatched);
        unwatchable = true;
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false), 0);
        ck_assert_str_eq(active_config.unwatched, "cannot watch it");
}
END_TEST

START_TEST(test_warnings)
{
        ck_assert_int_eq(mkdir(".git", 0755), 0);
        ck_assert_int_eq(mkdir("d/e", 0755), 0);
        begin();
        ck_assert_uint_eq(active_config.warnings[TS_PART_DECLARATIONS].n, 1);
        ck_assert_ptr_nonnull(strstr(active_config.warnings[TS_PART_DECLARATIONS].items[0], "d/e: "));
        message_is("an empty directory", active_config.warnings[TS_PART_DECLARATIONS].items[0]);
        ck_assert_uint_eq(active_config.warnings[TS_PART_SETTINGS].n, 0);
}
END_TEST

START_TEST(test_stopped)
{
        begin();
        put("d/a.yaml", DECLARATION("fabrikam"));
        active_config.host.wait = give_up;
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false), TS_ACTIVE_CONFIG_UNSETTLED);
        ck_assert_str_eq(alias_in_force(), "contoso");
}
END_TEST

START_TEST(test_many_faults)
{
        FILE *f;

        begin();
        f = fopen("d/a.yaml", "we");
        ck_assert_ptr_nonnull(f);
        ck_assert_int_ge(fputs(DECLARATION("contoso"), f), 0);
        for (unsigned i = 0; i < TS_FAULT_LINES_MAX + 5; i++)
                ck_assert_int_ge(fprintf(f, "    bogus%u: 1\n", i), 0);
        ck_assert_int_eq(fclose(f), 0);
        ck_assert_uint_eq(ts_active_config_refresh(&active_config, false),
                          TS_ACTIVE_CONFIG_DECLARATIONS_FAULTY);
        ck_assert_uint_eq(active_config.declarations_faults.n, TS_FAULT_LINES_MAX);
        ck_assert_uint_eq(active_config.declarations_faults.total, TS_FAULT_LINES_MAX + 5);
}
END_TEST

int main(void)
{
        Suite *s = suite_create("active_config");
        TCase *tc = tcase_create("sources");

        tcase_add_checked_fixture(tc, setup, teardown);
        tcase_add_test(tc, test_nothing_new);
        tcase_add_test(tc, test_other_declarations);
        tcase_add_test(tc, test_other_settings);
        tcase_add_test(tc, test_other_path);
        tcase_add_test(tc, test_option_before_settings);
        tcase_add_test(tc, test_faulty_declarations);
        tcase_add_test(tc, test_declarations_gone);
        tcase_add_test(tc, test_faulty_settings);
        tcase_add_test(tc, test_faulty_at_the_start);
        tcase_add_test(tc, test_writer);
        tcase_add_test(tc, test_checkout);
        tcase_add_test(tc, test_stale_lock);
        tcase_add_test(tc, test_deny_obeys_no_lock);
        tcase_add_loop_test(tc, test_start_behind_a_lock, 0, 2);
        tcase_add_test(tc, test_settings_settle_apart);
        tcase_add_test(tc, test_settings_that_never_settle);
        tcase_add_test(tc, test_unwatched);
        tcase_add_test(tc, test_warnings);
        tcase_add_test(tc, test_stopped);
        tcase_add_test(tc, test_many_faults);
        suite_add_tcase(s, tc);
        return run_suite(s);
}
