/*
 * test_state - the record of an organization and its lock
 *
 * A record that is not exactly what was written is damage; absence is not. Neither ever makes a memory that
 * could cost a removal.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reconcile/state_file.h"
#include "reconcile/state_directory.h"
#include "reconcile/state_record.h"
#include "suite.h"
#include "util/file.h"
#include "util/mem.h"

#define NOW 1800000000
#define NOBODY 65534

/* As ck_assert_msg(), which is too slow for many thousand calls. */
#define REQUIRE(condition, ...) \
        do { \
                if (!(condition)) \
                        ck_abort_msg(__VA_ARGS__); \
        } while (0)

static struct ts_id id_of(unsigned n)
{
        struct ts_id id = { { 0 } };

        id.bytes[0] = 0x0b;
        id.bytes[14] = (uint8_t) (n >> 8);
        id.bytes[15] = (uint8_t) n;
        return id;
}

static const struct ts_id acme = { { 0x1f, 0x2e, 0x3d, 0x4c } };
#define ACME "1f2e3d4c-0000-0000-0000-000000000000"

/* ----------------------------------------------------------------------------------------------- memories */

static void add_member(struct ts_last_applied *m, struct ts_last_applied_members *to, unsigned id,
                       size_t n_grants)
{
        struct ts_last_applied_member *member = &to->items[to->n++];

        *member = (struct ts_last_applied_member){ .id = id_of(id),
                                                   .grants_managed = n_grants > 0,
                                                   .n_grants = n_grants };
        member->grants = TS_ARENA_ARRAY(&m->arena, uint64_t, n_grants);
        for (size_t i = 0; i < n_grants; i++)
                member->grants[i] = i == 0 ? 0 : UINT64_MAX / n_grants * i;
}

static void add_key(struct ts_last_applied *m, struct ts_last_applied_members *to, enum ts_collection c,
                    const char *key, unsigned id)
{
        struct ts_id the_id = id_of(id);

        to->keys = TS_ARENA_ARRAY(&m->arena, struct ts_last_applied_key, 1);
        ts_last_applied_put_key(m, to, c, key, &the_id);
}

static struct ts_last_applied_trust *add_trust(struct ts_last_applied *m, enum ts_direction direction,
                                               unsigned id)
{
        struct ts_last_applied_trust *t = &m->trusts[m->n_trusts++];

        *t = (struct ts_last_applied_trust){ .direction = direction,
                                             .id = id_of(id),
                                             .expires = TS_TIME_UNSET };
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++)
                t->collections[c].items = TS_ARENA_ARRAY(&m->arena, struct ts_last_applied_member, 8);
        return t;
}

/* Something of everything. */
static struct ts_last_applied *sample(void)
{
        struct ts_last_applied *m = ts_last_applied_new();
        struct ts_last_applied_trust *t;

        m->status = TS_LAST_APPLIED_KNOWN;
        m->care_declared = true;
        m->trusts = TS_ARENA_ARRAY(&m->arena, struct ts_last_applied_trust, 8);
        t = add_trust(m, TS_TRUSTEE, 1);
        t->declared = true;
        t->enabled = TS_YES;
        t->expires = TS_TIME_NEVER;
        t->modes_known = t->report_unlisted = true;
        t->users.managed = true;
        add_member(m, &t->users, 10, 0);
        add_member(m, &t->users, 11, 3);
        t->groups.managed = true;
        add_member(m, &t->groups, 12, 1);
        add_member(m, &t->clones, 13, 0);
        add_key(m, &t->users, TS_USERS, "Bob@X.example", 11);
        add_key(m, &t->groups, TS_GROUPS, "Tier 2", 12);
        t = add_trust(m, TS_TRUSTEE, 2);
        t->enabled = TS_NO;
        t->expires = NOW;
        t->disabled_at = NOW - 60;
        t->disabled_by_us = true;
        t = add_trust(m, TS_TRUSTOR, 1);
        t->pairing = (struct ts_last_applied_pairing){ id_of(99), NOW - 5, 2 };
        t->users.managed = true;
        ts_last_applied_add_removals(m, NOW - 100, 0, 5, 1);
        ts_last_applied_add_removals(m, NOW, 0, 3, 0);
        m->denied.items = TS_ARENA_NEW(&m->arena, struct ts_last_applied_account);
        m->denied.items[m->denied.n++] =
                        (struct ts_last_applied_account){ ts_last_applied_text_key("Joe@X.example"), id_of(1),
                                                          id_of(20), NOW - 50, true };
        m->pinned.items = TS_ARENA_NEW(&m->arena, struct ts_last_applied_account);
        m->pinned.items[m->pinned.n++] =
                        (struct ts_last_applied_account){ ts_last_applied_text_key("vip@x.example"), id_of(1),
                                                          id_of(21), NOW - 40, false };
        m->writes = TS_ARENA_NEW(&m->arena, struct ts_last_applied_write);
        m->writes[m->n_writes++] =
                        (struct ts_last_applied_write){ NOW - 9, 1, UINT64_MAX, true, 3, true, true };
        m->corrections = TS_ARENA_NEW(&m->arena, struct ts_last_applied_correction);
        m->corrections[m->n_corrections++] = (struct ts_last_applied_correction){ NOW - 8, NOW - 7, 4, 2 };
        return m;
}

static void format(const struct ts_last_applied *m, struct ts_buf *out)
{
        ts_buf_reset(out);
        ts_state_record_format(m, out);
        ck_assert(!ts_buf_failed(out));
}

/* --------------------------------------------------------------------------------------------------- text */

START_TEST(test_text)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = sample();
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(100000);
        static const char expected[] =
                        "trustsyncd-state 2\n"
                        "customer_care\n"
                        "removals 1799999900 5 1\n"
                        "removals 1800000000 3 0\n"
                        "write 1799999991 0000000000000001 ffffffffffffffff 1 3 1 1\n"
                        "correction 1799999992 1799999993 4 0000000000000002\n"
                        "denied f14bdb2bd70d92f9 0b000000-0000-0000-0000-000000000001 "
                        "0b000000-0000-0000-0000-000000000014 1799999950 1\n"
                        "pinned 069213a382245a44 0b000000-0000-0000-0000-000000000001 "
                        "0b000000-0000-0000-0000-000000000015 1799999960 0\n"
                        "trustee 0b000000-0000-0000-0000-000000000001 1 yes 9223372036854775807 0 0\n"
                        "modes 0 1\n"
                        "users\n"
                        "user 0b000000-0000-0000-0000-00000000000a 0\n"
                        "user 0b000000-0000-0000-0000-00000000000b 1 0000000000000000 5555555555555555 "
                        "aaaaaaaaaaaaaaaa\n"
                        "key user 0b000000-0000-0000-0000-00000000000b bob@x.example\n"
                        "groups\n"
                        "group 0b000000-0000-0000-0000-00000000000c 1 0000000000000000\n"
                        "key group 0b000000-0000-0000-0000-00000000000c Tier%202\n"
                        "clone 0b000000-0000-0000-0000-00000000000d 0\n"
                        "trustee 0b000000-0000-0000-0000-000000000002 0 no 1800000000 1799999940 1\n"
                        "trustor 0b000000-0000-0000-0000-000000000001 0 unset -9223372036854775808 0 0\n"
                        "pairing 0b000000-0000-0000-0000-000000000063 1799999995 2\n"
                        "users\n"
                        "sha256:";

        format(m, &text);
        ck_assert_msg(strncmp(ts_buf_text(&text), expected, strlen(expected)) == 0, "%s", ts_buf_text(&text));
        ck_assert_uint_eq(text.len, strlen(expected) + 64 + 1);
}
END_TEST

START_TEST(test_there_and_back)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = sample();
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *back = ts_last_applied_new();
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(100000), again = TS_BUF_INIT(100000);
        const struct ts_last_applied_trust *t;
        struct ts_id one = id_of(1), user = id_of(11);
        uint32_t n_trusts;

        format(m, &text);
        ck_assert_int_eq(ts_state_record_parse(text.data, text.len, back), 0);
        format(back, &again);
        ck_assert_str_eq(ts_buf_text(&again), ts_buf_text(&text));

        back->status = TS_LAST_APPLIED_KNOWN;
        t = ts_last_applied_find_trust(back, TS_TRUSTEE, &one);
        ck_assert_ptr_nonnull(t);
        ck_assert(t->declared);
        ck_assert_int_eq(t->enabled, TS_YES);
        ck_assert_int_eq(t->expires, TS_TIME_NEVER);
        ck_assert(ts_last_applied_has_grant(ts_last_applied_find_member(t, TS_USERS, &user), UINT64_MAX / 3));
        ck_assert(!ts_last_applied_has_grant(ts_last_applied_find_member(t, TS_USERS, &user), 1));
        ck_assert_ptr_null(ts_last_applied_find_member(t, TS_GROUPS, &user));
        ck_assert(ts_id_equal(&ts_last_applied_find_key(t, TS_USERS, "BOB@x.example")->id, &user));
        ck_assert_ptr_nonnull(ts_last_applied_find_key(t, TS_GROUPS, "Tier 2"));
        ck_assert_ptr_null(ts_last_applied_find_key(t, TS_GROUPS, "tier 2"));
        t = ts_last_applied_find_trust(back, TS_TRUSTOR, &one);
        ck_assert_ptr_nonnull(t);
        ck_assert_uint_eq(t->pairing.n_created, 2);
        ck_assert_uint_eq(ts_last_applied_removals_of_day(back, NOW, 0, &n_trusts), 8);
        ck_assert_uint_eq(n_trusts, 1);
        ck_assert(back->care_declared);
        ck_assert_uint_eq(back->denied.n, 1);
        ck_assert_uint_eq(back->denied.items[0].entry, ts_last_applied_text_key("joe@x.EXAMPLE"));
        ck_assert(back->denied.items[0].counts);
        ck_assert_uint_eq(back->pinned.n, 1);
}
END_TEST

START_TEST(test_empty_there_and_back)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = ts_last_applied_new();
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *back = ts_last_applied_new();
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(100000);

        format(m, &text);
        ck_assert_int_eq(ts_state_record_parse(text.data, text.len, back), 0);
        ck_assert_uint_eq(back->n_trusts + back->n_removals, 0);
}
END_TEST

/* An error (the version alone may have become a newer one), and nothing in it that anybody could act on. */
static void require_damaged(const char *text, size_t len, const char *what, size_t at)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = ts_last_applied_new();

        int r = ts_state_record_parse(text, len, m);

        REQUIRE(r == -EBADMSG || (r == -ENOTSUP && len > 17 && text[17] != '2'), "%s %zu: taken", what, at);
        REQUIRE(m->n_trusts + m->n_removals + m->n_writes + m->n_corrections == 0 && !m->care_declared,
                "%s %zu: something is left", what, at);
}

START_TEST(test_cut_at_every_byte)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = sample();
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(100000);

        format(m, &text);
        for (size_t len = 0; len < text.len; len++) {
                TS_CLEANUP(ts_freep) char *copy = ts_malloc(len); /* so that a step behind the end is seen */

                memcpy(copy, text.data, len);
                require_damaged(copy, len, "cut at", len);
        }
        for (size_t first = 1; first < text.len; first++)
                require_damaged(text.data + first, text.len - first, "begun at", first);
}
END_TEST

START_TEST(test_every_bit_flipped)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = sample();
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(100000);

        format(m, &text);
        for (size_t bit = 0; bit < 8 * text.len; bit++) {
                text.data[bit / 8] = (char) (text.data[bit / 8] ^ 1 << bit % 8);
                require_damaged(text.data, text.len, "bit", bit);
                text.data[bit / 8] = (char) (text.data[bit / 8] ^ 1 << bit % 8);
        }
}
END_TEST

/* Added, doubled and lost lines, under a digest that is of the old text. */
START_TEST(test_lines_moved)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = sample();
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(100000), other = TS_BUF_INIT(200000);

        format(m, &text);
        for (size_t at = 0; at < text.len; at++) {
                size_t line = strcspn(text.data + at, "\n") + 1;

                if (at > 0 && text.data[at - 1] != '\n')
                        continue;
                ts_buf_reset(&other); /* doubled */
                ts_buf_put(&other, text.data, at + line);
                ts_buf_put(&other, text.data + at, text.len - at);
                require_damaged(other.data, other.len, "doubled at", at);
                ts_buf_reset(&other); /* lost */
                ts_buf_put(&other, text.data, at);
                ts_buf_put(&other, text.data + at + line, text.len - at - line);
                require_damaged(other.data ? other.data : "", other.len, "lost at", at);
        }
        ts_buf_reset(&other);
        ts_buf_put(&other, text.data, text.len);
        ts_buf_put(&other, text.data, text.len);
        require_damaged(other.data, other.len, "twice", 0);
}
END_TEST

#define TRUST(n) "trustee 0b000000-0000-0000-0000-00000000000" #n " 1 yes 0 0 0\n"
#define ACCOUNT(word, rest) \
        word " 0000000000000001 0b000000-0000-0000-0000-000000000001 " \
             "0b000000-0000-0000-0000-000000000002" rest "\n"
#define END(kind, n) \
        "end 5 trustee 0b000000-0000-0000-0000-000000000001 " kind " 0b000000-0000-0000-0000-00000000000" #n \
        " 1\n"
#define KEY(text) "key user 0b000000-0000-0000-0000-000000000001 " text "\n"
#define USER(n) "user 0b000000-0000-0000-0000-00000000000" #n " 1"

/* With a digest that is right: a version to come, or a mistake of ours. */
static const struct {
        const char *name, *lines;
        bool ok;
} sealed[] = {
        { "nothing", "trustsyncd-state 2\n", true },
        { "version 0", "trustsyncd-state 0\n", false },
        { "version 02", "trustsyncd-state 02\n", false },
        { "a version and more", "trustsyncd-state 2 1\n", false },
        { "a key", "trustsyncd-state 2\n" TRUST(1) KEY("ann%20%25%0A%FF@x"), true },
        { "keys", "trustsyncd-state 2\n" TRUST(1) KEY("a") KEY("b"), true },
        { "keys out of order", "trustsyncd-state 2\n" TRUST(1) KEY("b") KEY("a"), false },
        { "a key twice", "trustsyncd-state 2\n" TRUST(1) KEY("a") KEY("a"), false },
        { "half a key", "trustsyncd-state 2\n" TRUST(1) "key user 0b000000-0000-0000-0000-000000000001\n",
          false },
        { "a key without text", "trustsyncd-state 2\n" TRUST(1) KEY(""), false },
        { "a key of no id", "trustsyncd-state 2\n" TRUST(1) "key user 0b x\n", false },
        { "a key of no kind", "trustsyncd-state 2\n" TRUST(1) "key 0b000000-0000-0000-0000-000000000001 x\n",
          false },
        { "a key with a NUL", "trustsyncd-state 2\n" TRUST(1) KEY("a%00"), false },
        { "a key that is cut", "trustsyncd-state 2\n" TRUST(1) KEY("a%2"), false },
        { "a key in other digits", "trustsyncd-state 2\n" TRUST(1) KEY("a%2f"), false },
        { "a key in no digits", "trustsyncd-state 2\n" TRUST(1) KEY("a%G0"), false },
        { "a key of no trust", "trustsyncd-state 2\n" KEY("a"), false },
        { "a key in version 1", "trustsyncd-state 1\n" TRUST(1) KEY("a"), false },
        { "an account", "trustsyncd-state 2\n" ACCOUNT("denied", " 5 0"), true },
        { "a pinned account", "trustsyncd-state 2\n" ACCOUNT("pinned", " 5 0"), true },
        { "an account in version 1", "trustsyncd-state 1\n" ACCOUNT("denied", " 5 0"), false },
        { "a pinned account in version 1", "trustsyncd-state 1\n" ACCOUNT("pinned", " 5 0"), false },
        { "an account without a flag", "trustsyncd-state 2\n" ACCOUNT("denied", " 5"), false },
        { "an account without a time", "trustsyncd-state 2\n" ACCOUNT("denied", ""), false },
        { "an account without an id",
          "trustsyncd-state 2\ndenied 0000000000000001 0b000000-0000-0000-0000-000000000001\n", false },
        { "an account of no organization", "trustsyncd-state 2\ndenied 0000000000000001 x\n", false },
        { "an account of no entry", "trustsyncd-state 2\ndenied x\n", false },
        { "no version", "", false },
        { "half a version", "trustsyncd-state", false },
        { "an empty line", "trustsyncd-state 2\n\n", false },
        { "an unknown line", "trustsyncd-state 2\nfuture 1\n", false },
        { "a trust", "trustsyncd-state 2\n" TRUST(1), true },
        { "two trusts", "trustsyncd-state 2\n" TRUST(1) TRUST(2), true },
        { "two trusts out of order", "trustsyncd-state 2\n" TRUST(2) TRUST(1), false },
        { "a trust twice", "trustsyncd-state 2\n" TRUST(1) TRUST(1), false },
        { "trustees behind trustors",
          "trustsyncd-state 2\ntrustor 0b000000-0000-0000-0000-000000000001 1 yes 0 0 0\n" TRUST(2), false },
        { "a word too many",
          "trustsyncd-state 2\ntrustee 0b000000-0000-0000-0000-000000000001 1 yes 0 0 0 0\n", false },
        { "a word too few", "trustsyncd-state 2\ntrustee 0b000000-0000-0000-0000-000000000001 1 yes 0 0\n",
          false },
        { "two spaces", "trustsyncd-state 2\ntrustee  0b000000-0000-0000-0000-000000000001 1 yes 0 0 0\n",
          false },
        { "no id", "trustsyncd-state 2\ntrustee 0b000000 1 yes 0 0 0\n", false },
        { "a flag of 2", "trustsyncd-state 2\ntrustee 0b000000-0000-0000-0000-000000000001 2 yes 0 0 0\n",
          false },
        { "an unknown word",
          "trustsyncd-state 2\ntrustee 0b000000-0000-0000-0000-000000000001 1 maybe 0 0 0\n", false },
        { "a number too large",
          "trustsyncd-state 2\ntrustee 0b000000-0000-0000-0000-000000000001 1 yes 9223372036854775808 0 0\n",
          false },
        { "no number", "trustsyncd-state 2\ntrustee 0b000000-0000-0000-0000-000000000001 1 yes 5x 0 0\n",
          false },
        { "a number of 40 digits",
          "trustsyncd-state 2\ntrustee 0b000000-0000-0000-0000-000000000001 1 yes "
          "0000000000000000000000000000000000000001 0 0\n",
          false },
        { "disabled before time began",
          "trustsyncd-state 2\ntrustee 0b000000-0000-0000-0000-000000000001 1 yes 0 -1 0\n", false },
        { "disabled when time has ended",
          "trustsyncd-state 2\ntrustee 0b000000-0000-0000-0000-000000000001 1 yes 0 9223372036854775807 0\n",
          false },
        { "a user", "trustsyncd-state 2\n" TRUST(1) USER(1) "\n", true },
        { "a user of no trust", "trustsyncd-state 2\n" USER(1) "\n", false },
        { "users out of order", "trustsyncd-state 2\n" TRUST(1) USER(2) "\n" USER(1) "\n", false },
        { "a user twice", "trustsyncd-state 2\n" TRUST(1) USER(1) "\n" USER(1) "\n", false },
        { "a user in two trusts", "trustsyncd-state 2\n" TRUST(1) USER(1) "\n" TRUST(2) USER(1) "\n", true },
        { "a user and a group",
          "trustsyncd-state 2\n" TRUST(1) USER(1) "\ngroups\ngroup 0b000000-0000-0000-0000-"
                                                  "000000000001 0\n",
          true },
        { "no flag of a user", "trustsyncd-state 2\n" TRUST(1) "user 0b000000-0000-0000-0000-000000000001\n",
          false },
        { "grants", "trustsyncd-state 2\n" TRUST(1) USER(1) " 0000000000000001 0000000000000002\n", true },
        { "grants out of order",
          "trustsyncd-state 2\n" TRUST(1) USER(1) " 0000000000000002 0000000000000001\n", false },
        { "a short grant", "trustsyncd-state 2\n" TRUST(1) USER(1) " 000000000000001\n", false },
        { "a capital grant", "trustsyncd-state 2\n" TRUST(1) USER(1) " 000000000000000A\n", false },
        { "many short grants",
          "trustsyncd-state 2\n" TRUST(1) USER(1) " 1 2 3 4 5 6 7 8 9 a b c d e f g h i j k l\n", false },
        { "a pairing of no trust", "trustsyncd-state 2\npairing 0b000000-0000-0000-0000-000000000001 5 1\n",
          false },
        { "half a pairing",
          "trustsyncd-state 2\n" TRUST(1) "pairing 0b000000-0000-0000-0000-000000000001 5\n", false },
        { "removals", "trustsyncd-state 2\nremovals 5 1 0\n", true },
        { "removals below 0", "trustsyncd-state 2\nremovals 5 -1 0\n", false },
        { "too many removals", "trustsyncd-state 2\nremovals 5 4294967296 0\n", false },
        { "removals before time began", "trustsyncd-state 2\nremovals -9223372036854775808 1 0\n", false },
        { "half of removals", "trustsyncd-state 2\nremovals 5 1\n", false },
        { "a write", "trustsyncd-state 2\nwrite 5 0000000000000001 0000000000000002 0 0 1 0\n", true },
        { "a write without its last word",
          "trustsyncd-state 2\nwrite 5 0000000000000001 0000000000000002 0 0 1\n", false },
        { "a removal by drift",
          "trustsyncd-state 2\ndrift 5 1 0 trustee 0b000000-0000-0000-0000-000000000001\n", true },
        { "of a trustor", "trustsyncd-state 2\ndrift 5 1 0 trustor 0b000000-0000-0000-0000-000000000001\n",
          true },
        { "of neither", "trustsyncd-state 2\ndrift 5 1 0 0b000000-0000-0000-0000-000000000001\n", false },
        { "of no trust", "trustsyncd-state 2\ndrift 5 1 0 trustee\n", false },
        { "ends", "trustsyncd-state 2\n" END("trust", 1) END("user", 1) END("group", 2) END("clone", 2),
          true },
        { "ends out of order", "trustsyncd-state 2\n" END("user", 2) END("user", 1), false },
        { "an end twice", "trustsyncd-state 2\n" END("user", 1) END("user", 1), false },
        { "the end of something else", "trustsyncd-state 2\n" END("pairing", 1), false },
        { "half an end", "trustsyncd-state 2\nend 5 trustee 0b000000-0000-0000-0000-000000000001\n", false },
        { "drift in version 1",
          "trustsyncd-state 1\ndrift 5 1 0 trustee 0b000000-0000-0000-0000-000000000001\n", false },
        { "an end in version 1", "trustsyncd-state 1\n" END("user", 1), false },
        { "a write of version 1", "trustsyncd-state 2\nwrite 5 0000000000000001 0000000000000002 0\n",
          false },
        { "a write before time began", "trustsyncd-state 2\nwrite -5 0000000000000001 0000000000000002 0\n",
          false },
        { "half a write", "trustsyncd-state 2\nwrite 5 0000000000000001\n", false },
        { "a correction", "trustsyncd-state 2\ncorrection 5 6 1 0000000000000001\n", true },
        { "a correction when time has ended",
          "trustsyncd-state 2\ncorrection 5 9223372036854775807 1 0000000000000001\n", false },
        { "half a correction", "trustsyncd-state 2\ncorrection 5 6 1\n", false },
        { "care with a word", "trustsyncd-state 2\ncustomer_care 1\n", false },
};

START_TEST(test_sealed)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = ts_last_applied_new();
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(100000), again = TS_BUF_INIT(100000);

        ts_buf_puts(&text, sealed[_i].lines);
        ts_state_file_seal(&text);
        if (!sealed[_i].ok) {
                require_damaged(text.data, text.len, sealed[_i].name, 0);
                return;
        }
        ck_assert_msg(ts_state_record_parse(text.data, text.len, m) == 0, "%s", sealed[_i].name);
        format(m, &again);
        ck_assert_str_eq(ts_buf_text(&again), ts_buf_text(&text));
}
END_TEST

/* What version 1 recorded is in version 2. */
START_TEST(test_version_1)
{
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *m = ts_last_applied_new(), *upgraded = ts_last_applied_new();
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(100000), again = TS_BUF_INIT(100000);

        ts_buf_puts(&text,
                    "trustsyncd-state 1\nremovals 5 1 0\nwrite 5 0000000000000001 0000000000000002 0\n" TRUST(
                                    1) USER(1) " 0000000000000001\n");
        ts_state_file_seal(&text);
        ck_assert_int_eq(ts_state_record_parse(text.data, text.len, m), 0);
        ck_assert(m->lacks_ends);
        format(m, &again);
        ts_buf_reset(&text);
        ts_buf_puts(&text, "trustsyncd-state 2\nremovals 5 1 0\nwrite 5 0000000000000001 0000000000000002 0 "
                           "0 1 0\n" TRUST(1) USER(1) " 0000000000000001\n");
        ts_state_file_seal(&text);
        ck_assert_str_eq(ts_buf_text(&again), ts_buf_text(&text));
        ck_assert_int_eq(ts_state_record_parse(text.data, text.len, upgraded), 0);
        ck_assert(!upgraded->lacks_ends);
}
END_TEST

/* However it is sealed. */
START_TEST(test_newer_version)
{
        static const char *const newer[] = { "trustsyncd-state 3\n", "trustsyncd-state 10\nx\n" };

        for (size_t i = 0; i < TS_N_ELEMENTS(newer); i++) {
                TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = ts_last_applied_new();

                ck_assert_int_eq(ts_state_record_parse(newer[i], strlen(newer[i]), m), -ENOTSUP);
                ck_assert_uint_eq(m->n_trusts, 0);
        }
}
END_TEST

/* -------------------------------------------------------------------------------------------------- files */

struct place {
        char parent[64], path[96];
        struct ts_state_directory dir;
};

static void place_init(struct place *p)
{
        (void) snprintf(p->parent, sizeof(p->parent), "/tmp/test-state-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(p->parent));
        (void) snprintf(p->path, sizeof(p->path), "%s/lib/trustsyncd", p->parent);
        ts_state_directory_open(&p->dir, p->path, true);
        ck_assert_int_ge(p->dir.fd, 0);
}

static void remove_tree(const char *path)
{
        DIR *dir = opendir(path);
        struct dirent *e;

        ck_assert_ptr_nonnull(dir);
        while ((e = readdir(dir))) {
                char child[512];

                if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
                        continue;
                (void) snprintf(child, sizeof(child), "%s/%s", path, e->d_name);
                if (unlink(child) < 0)
                        remove_tree(child);
        }
        (void) closedir(dir);
        ck_assert_int_eq(rmdir(path), 0);
}

static void place_done(struct place *p)
{
        ts_state_directory_close(&p->dir);
        ck_assert_int_eq(p->dir.fd, -EBADF);
        ck_assert_int_eq(chmod(p->path, 0700), 0);
        remove_tree(p->parent);
}

static void save(const struct place *p, const struct ts_last_applied *m)
{
        struct ts_err err = { 0 };

        ck_assert_msg(ts_state_directory_save(&p->dir, &acme, m, &err) == 0, "%s", err.msg);
}

static void ck_status(const struct place *p, enum ts_last_applied_status expected)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = ts_state_directory_load(&p->dir, &acme);

        ck_assert_int_eq(m->status, expected);
        ck_assert_ptr_nonnull(strstr(m->path, "organization-" ACME ".state"));
}

START_TEST(test_directory)
{
        TS_CLEANUP(place_done) struct place p;
        struct ts_state_directory other;
        struct stat st;
        char path[128];

        place_init(&p);
        ck_assert_int_eq(stat(p.path, &st), 0);
        ck_assert_int_eq(st.st_mode & 07777, 0700);
        ts_state_directory_open(&other, p.path, true); /* there already */
        ck_assert_int_ge(other.fd, 0);
        ts_state_directory_close(&other);

        (void) snprintf(path, sizeof(path), "%s/none", p.path);
        ts_state_directory_open(&other, path, false);
        ck_assert_int_eq(other.fd, -EBADF);
        ck_assert_int_eq(other.error, -ENOENT);
        ts_state_directory_close(&other);

        ck_assert_int_eq(ts_file_replace(p.dir.fd, "file", "", 0, 0600), 0);
        (void) snprintf(path, sizeof(path), "%s/file/below", p.path);
        ts_state_directory_open(&other, path, true);
        ck_assert_int_eq(other.fd, -EBADF);
        ck_assert_int_eq(other.error, -ENOTDIR);
}
END_TEST

START_TEST(test_save_and_load)
{
        TS_CLEANUP(place_done) struct place p;
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = sample();
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *back = NULL;
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(100000), again = TS_BUF_INIT(100000);
        struct stat st;

        place_init(&p);
        ck_status(&p, TS_LAST_APPLIED_FRESH);
        save(&p, m);
        back = ts_state_directory_load(&p.dir, &acme);
        ck_assert_int_eq(back->status, TS_LAST_APPLIED_KNOWN);
        ck_assert(back->writable);
        format(m, &text);
        format(back, &again);
        ck_assert_str_eq(ts_buf_text(&again), ts_buf_text(&text));
        ck_assert_int_eq(fstatat(p.dir.fd, "organization-" ACME ".state", &st, 0), 0);
        ck_assert_int_eq(st.st_mode & 07777, 0600);
        ck_assert_int_eq(back->saved, st.st_mtim.tv_sec);
}
END_TEST

/* A first cycle that died between the entry of its removals and its end knows nothing of trusts. */
START_TEST(test_what_makes_it_known)
{
        TS_CLEANUP(place_done) struct place p;
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = ts_last_applied_new();
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *back = NULL;
        uint32_t n_trusts;

        place_init(&p);
        ts_last_applied_add_removals(m, NOW, 0, 4, 1);
        save(&p, m);
        back = ts_state_directory_load(&p.dir, &acme);
        ck_assert_int_eq(back->status, TS_LAST_APPLIED_FRESH);
        ck_assert_uint_eq(ts_last_applied_removals_of_day(back, NOW, 0, &n_trusts), 4);
        m->care_declared = true;
        save(&p, m);
        ck_status(&p, TS_LAST_APPLIED_KNOWN);
}
END_TEST

static void write_record(const struct place *p, const void *data, size_t len)
{
        ck_assert_int_eq(ts_file_replace(p->dir.fd, "organization-" ACME ".state", data, len, 0600), 0);
}

START_TEST(test_damaged_file)
{
        TS_CLEANUP(place_done) struct place p;

        place_init(&p);
        write_record(&p, "", 0);
        ck_status(&p, TS_LAST_APPLIED_DAMAGED);
        write_record(&p, "garbage\n", 8);
        ck_status(&p, TS_LAST_APPLIED_DAMAGED);
        ck_assert_int_eq(unlinkat(p.dir.fd, "organization-" ACME ".state", 0), 0);
        ck_assert_int_eq(mkdirat(p.dir.fd, "organization-" ACME ".state", 0700), 0);
        ck_status(&p, TS_LAST_APPLIED_DAMAGED);
        ck_assert_int_eq(unlinkat(p.dir.fd, "organization-" ACME ".state", AT_REMOVEDIR), 0);
        write_record(&p, "trustsyncd-state 3\n", 19);
        ck_status(&p, TS_LAST_APPLIED_NEWER);
}
END_TEST

/* Whatever a caller does: a person has to look at such a record. */
START_TEST(test_lost_record_is_not_overwritten)
{
        static const struct {
                const char *text, *says;
                int error;
        } lost[] = {
                { "damaged\n", "is damaged", -EBADMSG },
                { "trustsyncd-state 3\n", "newer version", -ENOTSUP },
        };
        TS_CLEANUP(place_done) struct place p;

        place_init(&p);
        for (size_t i = 0; i < TS_N_ELEMENTS(lost); i++) {
                TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = NULL;
                TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(1000);
                struct ts_err err = { 0 };

                write_record(&p, lost[i].text, strlen(lost[i].text));
                m = ts_state_directory_load(&p.dir, &acme);
                ck_assert_int_eq(ts_state_directory_save(&p.dir, &acme, m, &err), lost[i].error);
                ck_assert_msg(strstr(err.msg, lost[i].says), "%s", err.msg);
                ck_assert_int_ge(ts_file_read(p.dir.fd, "organization-" ACME ".state", &text, NULL), 0);
                ck_assert_str_eq(ts_buf_text(&text), lost[i].text);
        }
}
END_TEST

START_TEST(test_missing_directory)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = sample();
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *back = NULL;
        struct ts_state_directory dir;
        struct ts_err err = { 0 };

        ts_state_directory_open(&dir, "/tmp/test-state-none/x", false);
        back = ts_state_directory_load(&dir, &acme);
        ck_assert_int_eq(back->status, TS_LAST_APPLIED_FRESH);
        ck_assert(!back->writable);
        ck_assert_int_eq(ts_state_directory_save(&dir, &acme, m, &err), -ENOENT);
        ck_assert_int_eq(err.cls, TS_ERR_LOCAL);
        ck_assert_ptr_nonnull(strstr(err.msg, "/tmp/test-state-none/x"));
        err = (struct ts_err){ 0 };
        ck_assert_int_eq(ts_state_directory_lock(&dir, &acme, "acme", &err), -ENOENT);
        ck_assert_ptr_nonnull(strstr(err.msg, "/tmp/test-state-none/x"));
}
END_TEST

/* A record over the limit is not written by half. */
START_TEST(test_too_large)
{
        TS_CLEANUP(place_done) struct place p;
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = sample();
        struct ts_last_applied_member *member = &m->trusts[0].users.items[1];
        struct ts_err err = { 0 };

        place_init(&p);
        save(&p, m);
        member->n_grants = 4 * 1024 * 1024; /* 17 bytes each */
        member->grants = TS_ARENA_ARRAY(&m->arena, uint64_t, member->n_grants);
        ck_assert_int_eq(ts_state_directory_save(&p.dir, &acme, m, &err), -EFBIG);
        ck_status(&p, TS_LAST_APPLIED_KNOWN);
}
END_TEST

/* -------------------------------------------------------------------------------------------------- store */

static ino_t inode_of_record(const struct place *p)
{
        struct stat st;

        return fstatat(p->dir.fd, "organization-" ACME ".state", &st, 0) == 0 ? st.st_ino : 0;
}

/* A process that lives long: what is on record is not written again, until other hands have changed it. */
START_TEST(test_store)
{
        TS_CLEANUP(place_done) struct place p;
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = sample(), *back = NULL, *other = NULL;
        TS_CLEANUP(ts_state_store_freep) struct ts_state_store *store = NULL;
        struct ts_err err = { 0 };
        ino_t first;

        place_init(&p);
        store = ts_state_store_open_directory(p.path, true);
        ck_assert_int_eq(store->save(store, &acme, m, &err), 0);
        first = inode_of_record(&p);
        ck_assert(first != 0);
        ck_assert_int_eq(store->save(store, &acme, m, &err), 0);
        ck_assert(inode_of_record(&p) == first);

        ck_assert_int_eq(unlinkat(p.dir.fd, "organization-" ACME ".state", 0), 0);
        back = store->load(store, &acme);
        ck_assert_int_eq(back->status, TS_LAST_APPLIED_FRESH);
        ck_assert_int_eq(store->save(store, &acme, m, &err), 0);
        ck_assert(inode_of_record(&p) != 0);

        ts_last_applied_add_removals(m, NOW, 0, 1, 1);
        save(&p, m); /* by another process */
        other = store->load(store, &acme);
        first = inode_of_record(&p);
        ck_assert_int_eq(store->save(store, &acme, m, &err), 0);
        ck_assert(inode_of_record(&p) == first);
}
END_TEST

/* --------------------------------------------------------------------------------------------------- lock */

START_TEST(test_lock)
{
        TS_CLEANUP(place_done) struct place p;
        struct ts_id other = id_of(7);
        struct ts_err err = { 0 };
        char pid[32];
        int first, second;

        place_init(&p);
        first = ts_state_directory_lock(&p.dir, &acme, "acme", &err);
        ck_assert_msg(first >= 0, "%s", err.msg);
        ck_assert_int_eq(fcntl(first, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        ck_assert_int_eq(ts_state_directory_lock(&p.dir, &acme, "acme", &err), -EBUSY);
        ck_assert_int_eq(err.cls, TS_ERR_LOCAL);
        ck_assert_ptr_nonnull(strstr(err.msg, "acme: another instance"));
        (void) snprintf(pid, sizeof(pid), "(pid %ld)", (long) getpid());
        ck_assert_msg(strstr(err.msg, pid), "%s", err.msg);

        second = ts_state_directory_lock(&p.dir, &other, "other", &err); /* of another organization */
        ck_assert_int_ge(second, 0);
        ck_assert_int_eq(close(second), 0);
        ck_assert_int_eq(close(first), 0);
        first = ts_state_directory_lock(&p.dir, &acme, "acme", &err);
        ck_assert_int_ge(first, 0);
        ck_assert_int_eq(close(first), 0);
}
END_TEST

/* Whoever is killed leaves no lock behind. */
START_TEST(test_lock_of_a_dead_process)
{
        TS_CLEANUP(place_done) struct place p;
        struct ts_err err = { 0 };
        int lock, status;
        pid_t pid;

        place_init(&p);
        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0)
                _exit(ts_state_directory_lock(&p.dir, &acme, "acme", &err) >= 0 ? 0 : 1);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_int_eq(status, 0);
        lock = ts_state_directory_lock(&p.dir, &acme, "acme", &err);
        ck_assert_int_ge(lock, 0);
        ck_assert_int_eq(close(lock), 0);
}
END_TEST

START_TEST(test_lock_is_no_symlink)
{
        TS_CLEANUP(place_done) struct place p;
        struct ts_err err = { 0 };

        place_init(&p);
        ck_assert_int_eq(ts_file_replace(p.dir.fd, "victim", "precious", 8, 0600), 0);
        ck_assert_int_eq(symlinkat("victim", p.dir.fd, "organization-" ACME ".lock"), 0);
        ck_assert_int_eq(ts_state_directory_lock(&p.dir, &acme, "acme", &err), -ELOOP);
        ck_assert_ptr_nonnull(strstr(err.msg, ".lock"));
}
END_TEST

/* ------------------------------------------------------------------------------------------------- owners */

/* Runs @check as somebody else, who is not root, with the directory opened anew. Not run by somebody who is
 * not root already: then the mode of the directory keeps us out ourselves. */
static void as_nobody(const struct place *p, int (*check)(const struct ts_state_directory *dir))
{
        int status;
        pid_t pid = fork();

        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                struct ts_state_directory dir;

                if (geteuid() == 0 && (setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
                        _exit(100);
                ts_state_directory_open(&dir, p->path, false);
                _exit(check(&dir));
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFEXITED(status));
        ck_assert_msg(WEXITSTATUS(status) == 0, "step %d", WEXITSTATUS(status));
}

/* Nothing can be read: not whether there is a record. */
static int check_closed_directory(const struct ts_state_directory *dir)
{
        struct ts_last_applied *m = ts_state_directory_load(dir, &acme);
        struct ts_err err = { 0 };
        int r = m->status != TS_LAST_APPLIED_UNREADABLE                        ? 1
                : m->writable                                                  ? 2
                : m->n_trusts != 0                                             ? 3
                : ts_state_directory_save(dir, &acme, m, &err) != -EACCES      ? 4
                : ts_state_directory_lock(dir, &acme, "acme", &err) != -EACCES ? 5
                                                                               : 0;

        ts_last_applied_free(m);
        return r;
}

/* The directory can be listed, the record is somebody else's. */
static int check_foreign_record(const struct ts_state_directory *dir)
{
        struct ts_last_applied *m = ts_state_directory_load(dir, &acme);
        struct ts_err err = { 0 };
        int r = m->status != TS_LAST_APPLIED_UNREADABLE                        ? 1
                : m->writable                                                  ? 2
                : ts_state_directory_save(dir, &acme, m, &err) != -EACCES      ? 3
                : ts_state_directory_lock(dir, &acme, "acme", &err) != -EACCES ? 4
                                                                               : 0;

        ts_last_applied_free(m);
        return r;
}

/* All of it can be read, and nothing written: a dry run by somebody else. */
static int check_read_only(const struct ts_state_directory *dir)
{
        struct ts_last_applied *m = ts_state_directory_load(dir, &acme);
        struct ts_err err = { 0 };
        int r = m->status != TS_LAST_APPLIED_KNOWN                             ? 1
                : m->writable                                                  ? 2
                : m->n_trusts != 3                                             ? 3
                : ts_state_directory_save(dir, &acme, m, &err) != -EACCES      ? 4
                : ts_state_directory_lock(dir, &acme, "acme", &err) != -EACCES ? 5
                                                                               : 0;

        ts_last_applied_free(m);
        return r;
}

static const struct {
        const char *name;
        mode_t directory, record;
        int (*check)(const struct ts_state_directory *dir);
} modes[] = {
        { "a directory that is closed to us", 0000, 0600, check_closed_directory },
        { "a record of somebody else", 0555, 0000, check_foreign_record },
        { "a directory that is read-only", 0555, 0444, check_read_only },
};

START_TEST(test_of_somebody_else)
{
        TS_CLEANUP(place_done) struct place p;
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = sample();
        char lib[96];

        place_init(&p);
        save(&p, m);
        (void) snprintf(lib, sizeof(lib), "%s/lib", p.parent);
        ck_assert_int_eq(chmod(p.parent, 0755), 0);
        ck_assert_int_eq(chmod(lib, 0755), 0);
        ck_assert_int_eq(fchmodat(p.dir.fd, "organization-" ACME ".state", modes[_i].record, 0), 0);
        ck_assert_int_eq(chmod(p.path, modes[_i].directory), 0);
        as_nobody(&p, modes[_i].check);
}
END_TEST

static int check_usable(const struct ts_state_directory *dir)
{
        struct ts_last_applied *m = ts_state_directory_load(dir, &acme);
        struct ts_err err = { 0 };
        int r = m->status != TS_LAST_APPLIED_KNOWN                      ? 1
                : !m->writable                                          ? 2
                : ts_state_directory_save(dir, &acme, m, &err) < 0      ? 3
                : ts_state_directory_lock(dir, &acme, "acme", &err) < 0 ? 4
                                                                        : 0;

        ts_last_applied_free(m);
        return r;
}

/* A one-shot by root in the daemon's directory must leave nothing that the daemon cannot use. */
START_TEST(test_what_root_leaves_is_the_daemons)
{
        TS_CLEANUP(place_done) struct place p;
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = sample();
        struct ts_err err = { 0 };
        char lib[96];
        int lock;

        place_init(&p);
        (void) snprintf(lib, sizeof(lib), "%s/lib", p.parent);
        ck_assert_int_eq(chmod(p.parent, 0755), 0);
        ck_assert_int_eq(chmod(lib, 0755), 0);
        if (geteuid() == 0)
                ck_assert_int_eq(chown(p.path, NOBODY, NOBODY), 0);
        save(&p, m);
        lock = ts_state_directory_lock(&p.dir, &acme, "acme", &err);
        ck_assert_int_ge(lock, 0);
        ck_assert_int_eq(close(lock), 0);
        as_nobody(&p, check_usable);
}
END_TEST

static void add_tests(TCase *t)
{
        tcase_add_test(t, test_text);
        tcase_add_test(t, test_there_and_back);
        tcase_add_test(t, test_empty_there_and_back);
        tcase_add_test(t, test_cut_at_every_byte);
        tcase_add_test(t, test_every_bit_flipped);
        tcase_add_test(t, test_lines_moved);
        tcase_add_loop_test(t, test_sealed, 0, TS_N_ELEMENTS(sealed));
        tcase_add_test(t, test_directory);
        tcase_add_test(t, test_save_and_load);
        tcase_add_test(t, test_what_makes_it_known);
        tcase_add_test(t, test_damaged_file);
        tcase_add_test(t, test_lost_record_is_not_overwritten);
        tcase_add_test(t, test_version_1);
        tcase_add_test(t, test_newer_version);
        tcase_add_test(t, test_missing_directory);
        tcase_add_test(t, test_too_large);
        tcase_add_test(t, test_store);
        tcase_add_test(t, test_lock);
        tcase_add_test(t, test_lock_of_a_dead_process);
        tcase_add_test(t, test_lock_is_no_symlink);
        tcase_add_loop_test(t, test_of_somebody_else, 0, TS_N_ELEMENTS(modes));
        tcase_add_test(t, test_what_root_leaves_is_the_daemons);
}

int main(void)
{
        Suite *suite = suite_create("state");
        TCase *t = tcase_create("state");

        tcase_set_timeout(t, 120); /* under a sanitizer or valgrind on a slow machine */
        add_tests(t);
        suite_add_tcase(suite, t);
        return run_suite(suite);
}
