#include "reconcile/state_record.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reconcile/state_file.h"
#include "trust/ends.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/limits.h"
#include "util/mem.h"

#define FORMAT "trustsyncd-state "
#define VERSION 2                      /* 1 had no `key` and `end` lines, and `write` lines of four words */
#define TIME_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

/* --------------------------------------------------------------------------------------------------- text */

static const char *tristate_to_string(enum ts_tristate t)
{
        return t == TS_YES ? "yes" : t == TS_NO ? "no" : "unset";
}

/* One word: what is not printable ASCII, and the sign itself, as %XX. */
static void put_key(const char *key, struct ts_buf *out)
{
        for (const unsigned char *p = (const unsigned char *) key; *p; p++) {
                if (*p > ' ' && *p < 0x7f && *p != '%')
                        ts_buf_putc(out, (char) *p);
                else
                        ts_buf_printf(out, "%%%02X", *p);
        }
}

static void put_trust(const struct ts_last_applied_trust *t, struct ts_buf *out)
{
        ts_buf_printf(out, "%s %s %d %s %" PRId64 " %" PRId64 " %d\n", ts_direction_to_string(t->direction),
                      ts_id_format(&t->id).s, t->declared, tristate_to_string(t->enabled), t->expires,
                      t->disabled_at, t->disabled_by_us);
        if (t->modes_known)
                ts_buf_printf(out, "modes %d %d\n", t->observe, t->report_unlisted);
        if (!ts_id_is_nil(&t->pairing.id))
                ts_buf_printf(out, "pairing %s %" PRId64 " %u\n", ts_id_format(&t->pairing.id).s,
                              t->pairing.created, (unsigned) t->pairing.n_created);
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++) {
                const struct ts_last_applied_members *m = &t->collections[c];

                if (m->managed)
                        ts_buf_printf(out, "%s\n", ts_collection_to_string(c));
                for (size_t i = 0; i < m->n; i++) {
                        ts_buf_printf(out, "%s %s %d", ts_kind_to_string(ts_collection_kind(c)),
                                      ts_id_format(&m->items[i].id).s, m->items[i].grants_managed);
                        for (size_t g = 0; g < m->items[i].n_grants; g++)
                                ts_buf_printf(out, " %016" PRIx64, m->items[i].grants[g]);
                        ts_buf_putc(out, '\n');
                }
                for (size_t i = 0; i < m->n_keys; i++) {
                        ts_buf_printf(out, "key %s %s ", ts_kind_to_string(ts_collection_kind(c)),
                                      ts_id_format(&m->keys[i].id).s);
                        put_key(m->keys[i].key, out);
                        ts_buf_putc(out, '\n');
                }
        }
}

/* Accounts that `deny` and `protect` know by their entries. */
static void put_accounts(const char *word, const struct ts_last_applied_accounts *a, struct ts_buf *out)
{
        for (size_t i = 0; i < a->n; i++)
                ts_buf_printf(out, "%s %016" PRIx64 " %s %s %" PRId64 " %d\n", word, a->items[i].entry,
                              ts_id_format(&a->items[i].organization).s, ts_id_format(&a->items[i].id).s,
                              a->items[i].when, a->items[i].counts);
}

void ts_state_record_format(const struct ts_last_applied *m, struct ts_buf *out)
{
        ts_buf_printf(out, FORMAT "%d\n", VERSION);
        if (m->care_declared)
                ts_buf_puts(out, "customer_care\n");
        for (size_t i = 0; i < m->n_removals; i++)
                ts_buf_printf(out, "removals %" PRId64 " %u %u\n", m->removals[i].when, m->removals[i].n,
                              m->removals[i].n_trusts);
        for (size_t i = 0; i < m->n_drift; i++)
                ts_buf_printf(out, "drift %" PRId64 " %u %u %s %s\n", m->drift[i].when, m->drift[i].n,
                              m->drift[i].n_trusts, ts_direction_to_string(m->drift[i].direction),
                              ts_id_format(&m->drift[i].trust).s);
        for (size_t i = 0; i < m->n_ends; i++)
                ts_buf_printf(out, "end %" PRId64 " %s %s %s %s %d\n", m->ends[i].when,
                              ts_direction_to_string(m->ends[i].direction), ts_id_format(&m->ends[i].trust).s,
                              ts_kind_to_string(m->ends[i].kind), ts_id_format(&m->ends[i].subject).s,
                              m->ends[i].counts);
        for (size_t i = 0; i < m->n_writes; i++)
                ts_buf_printf(out, "write %" PRId64 " %016" PRIx64 " %016" PRIx64 " %d %u %d %d\n",
                              m->writes[i].when, m->writes[i].object, m->writes[i].change, m->writes[i].drift,
                              m->writes[i].n_unshown, m->writes[i].was_seen, m->writes[i].was_missing);
        for (size_t i = 0; i < m->n_corrections; i++)
                ts_buf_printf(out, "correction %" PRId64 " %" PRId64 " %" PRIu32 " %016" PRIx64 "\n",
                              m->corrections[i].first, m->corrections[i].last, m->corrections[i].n,
                              m->corrections[i].object);
        put_accounts("denied", &m->denied, out);
        put_accounts("pinned", &m->pinned, out);
        for (size_t i = 0; i < m->n_trusts; i++)
                put_trust(&m->trusts[i], out);
        ts_state_file_seal(out);
}

static bool next_tristate(struct ts_state_file_line *w, enum ts_tristate *ret)
{
        for (enum ts_tristate t = TS_UNSET; t <= TS_YES; t++) {
                if (!ts_state_file_is(w, tristate_to_string(t)))
                        continue;
                *ret = t;
                return true;
        }
        return false;
}

/* A point in time that we wrote down: a sum with it cannot overflow. */
static bool next_time(struct ts_state_file_line *w, int64_t *ret)
{
        return ts_state_file_int(w, ret) && *ret >= 0 && *ret <= TIME_MAX;
}

static bool next_direction(struct ts_state_file_line *w, enum ts_direction *ret)
{
        *ret = ts_state_file_is(w, "trustee") ? TS_TRUSTEE : TS_TRUSTOR;
        return *ret == TS_TRUSTEE || ts_state_file_is(w, "trustor");
}

static bool next_kind(struct ts_state_file_line *w, enum ts_kind *ret)
{
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++)
                if (ts_state_file_is(w, ts_kind_to_string(ts_collection_kind(c)))) {
                        *ret = ts_collection_kind(c);
                        return true;
                }
        *ret = TS_KIND_TRUST;
        return ts_state_file_is(w, ts_kind_to_string(TS_KIND_TRUST));
}

struct parser {
        struct ts_last_applied *m;
        int64_t version;
        size_t n_drift_allocated, n_ends_allocated;
        size_t n_trusts_allocated, n_removals_allocated, n_writes_allocated, n_corrections_allocated,
                        n_denied_allocated, n_pinned_allocated;
        struct ts_last_applied_member *members[TS_COLLECTIONS]; /* of the trust being read */
        size_t n_members_allocated[TS_COLLECTIONS];
        struct ts_last_applied_key *keys[TS_COLLECTIONS];
        size_t n_keys_allocated[TS_COLLECTIONS];
};

static bool parse_removals(struct parser *p, struct ts_state_file_line *w)
{
        struct ts_last_applied_removals r;

        if (!next_time(w, &r.when) || !ts_state_file_count(w, &r.n) || !ts_state_file_count(w, &r.n_trusts))
                return false;
        TS_GROW(p->m->removals, p->n_removals_allocated, p->m->n_removals);
        p->m->removals[p->m->n_removals++] = r;
        return true;
}

static bool parse_drift(struct parser *p, struct ts_state_file_line *w)
{
        struct ts_last_applied_drift d = { 0 };

        if (!next_time(w, &d.when) || !ts_state_file_count(w, &d.n) || !ts_state_file_count(w, &d.n_trusts) ||
            !next_direction(w, &d.direction) || !ts_state_file_id(w, &d.trust))
                return false;
        TS_GROW(p->m->drift, p->n_drift_allocated, p->m->n_drift);
        p->m->drift[p->m->n_drift++] = d;
        return true;
}

static bool parse_end(struct parser *p, struct ts_state_file_line *w)
{
        struct ts_last_applied_end e = { 0 };

        if (!next_time(w, &e.when) || !next_direction(w, &e.direction) || !ts_state_file_id(w, &e.trust) ||
            !next_kind(w, &e.kind) || !ts_state_file_id(w, &e.subject) || !ts_state_file_flag(w, &e.counts))
                return false;
        if (p->m->n_ends > 0 && ts_last_applied_end_compare(&p->m->ends[p->m->n_ends - 1], &e) >= 0)
                return false;
        TS_GROW(p->m->ends, p->n_ends_allocated, p->m->n_ends);
        p->m->ends[p->m->n_ends++] = e;
        return true;
}

static bool parse_write(struct parser *p, struct ts_state_file_line *w)
{
        struct ts_last_applied_write new = { .was_seen = true }; /* not in version 1 */

        if (!next_time(w, &new.when) || !ts_state_file_key(w, &new.object) ||
            !ts_state_file_key(w, &new.change) || !ts_state_file_flag(w, &new.drift))
                return false;
        if (p->version >= 2 &&
            (!ts_state_file_count(w, &new.n_unshown) || !ts_state_file_flag(w, &new.was_seen) ||
             !ts_state_file_flag(w, &new.was_missing)))
                return false;
        TS_GROW(p->m->writes, p->n_writes_allocated, p->m->n_writes);
        p->m->writes[p->m->n_writes++] = new;
        return true;
}

static bool parse_correction(struct parser *p, struct ts_state_file_line *w)
{
        struct ts_last_applied_correction new;

        if (!next_time(w, &new.first) || !next_time(w, &new.last) || !ts_state_file_count(w, &new.n) ||
            !ts_state_file_key(w, &new.object))
                return false;
        TS_GROW(p->m->corrections, p->n_corrections_allocated, p->m->n_corrections);
        p->m->corrections[p->m->n_corrections++] = new;
        return true;
}

static bool parse_account(struct ts_last_applied_accounts *a, size_t *n_allocated,
                          struct ts_state_file_line *w)
{
        struct ts_last_applied_account new;

        if (!ts_state_file_key(w, &new.entry) || !ts_state_file_id(w, &new.organization) ||
            !ts_state_file_id(w, &new.id) || !next_time(w, &new.when) || !ts_state_file_flag(w, &new.counts))
                return false;
        TS_GROW(a->items, *n_allocated, a->n);
        a->items[a->n++] = new;
        return true;
}

/* Moves what has grown on the heap into the arena. */
static void parser_end_trust(struct parser *p)
{
        struct ts_last_applied_trust *t = p->m->n_trusts > 0 ? &p->m->trusts[p->m->n_trusts - 1] : NULL;

        for (enum ts_collection c = 0; t && c < TS_COLLECTIONS; c++) {
                struct ts_last_applied_members *m = &t->collections[c];

                m->items = ts_arena_memdup(&p->m->arena, p->members[c], m->n * sizeof(*p->members[c]));
                m->keys = ts_arena_memdup(&p->m->arena, p->keys[c], m->n_keys * sizeof(*p->keys[c]));
        }
}

/* Look-ups are binary searches: what is not in order is not what was written. */
static int trust_compare(const struct ts_last_applied_trust *a, const struct ts_last_applied_trust *b)
{
        if (a->direction != b->direction)
                return a->direction < b->direction ? -1 : 1;
        return ts_id_compare(&a->id, &b->id);
}

static bool parse_trust(struct parser *p, struct ts_state_file_line *w, enum ts_direction direction)
{
        struct ts_last_applied_trust t = { .direction = direction };

        if (!ts_state_file_id(w, &t.id) || !ts_state_file_flag(w, &t.declared) ||
            !next_tristate(w, &t.enabled) || !ts_state_file_int(w, &t.expires) ||
            !next_time(w, &t.disabled_at) || !ts_state_file_flag(w, &t.disabled_by_us))
                return false;
        if (p->m->n_trusts > 0 && trust_compare(&p->m->trusts[p->m->n_trusts - 1], &t) >= 0)
                return false;
        parser_end_trust(p);
        TS_GROW(p->m->trusts, p->n_trusts_allocated, p->m->n_trusts);
        p->m->trusts[p->m->n_trusts++] = t;
        return true;
}

static bool parse_pairing(struct ts_last_applied_trust *t, struct ts_state_file_line *w)
{
        return ts_state_file_id(w, &t->pairing.id) && ts_state_file_int(w, &t->pairing.created) &&
               ts_state_file_count(w, &t->pairing.n_created);
}

static bool parse_modes(struct ts_last_applied_trust *t, struct ts_state_file_line *w)
{
        t->modes_known = true;
        return ts_state_file_flag(w, &t->observe) && ts_state_file_flag(w, &t->report_unlisted);
}

static bool hex_digit(char c, unsigned *ret)
{
        *ret = (unsigned) (c <= '9' ? c - '0' : c - 'A' + 10);
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

static bool parse_member(struct parser *p, struct ts_last_applied_trust *t, enum ts_collection c,
                         struct ts_state_file_line *w)
{
        struct ts_last_applied_member m = { 0 };
        uint64_t key;

        if (!ts_state_file_id(w, &m.id) || !ts_state_file_flag(w, &m.grants_managed))
                return false;
        m.grants = TS_ARENA_ARRAY(&p->m->arena, uint64_t, (size_t) (w->end - w->next) / 16 + 1);
        for (; ts_state_file_key(w, &key); m.grants[m.n_grants++] = key)
                if (m.n_grants > 0 && m.grants[m.n_grants - 1] > key)
                        return false;
        if (t->collections[c].n > 0 && ts_id_compare(&p->members[c][t->collections[c].n - 1].id, &m.id) >= 0)
                return false;

        TS_GROW(p->members[c], p->n_members_allocated[c], t->collections[c].n);
        p->members[c][t->collections[c].n++] = m;
        return true;
}

/* The text that put_key() wrote; NULL when it is another. */
static const char *unescape(struct ts_arena *arena, const char *s, size_t len)
{
        char *text = TS_ARENA_ARRAY(arena, char, len + 1);
        size_t n = 0;

        for (size_t i = 0; i < len; i++) {
                unsigned char c = (unsigned char) s[i];
                unsigned high, low;

                if (c != '%') {
                        text[n++] = (char) c;
                        continue;
                }
                if (len - i < 3 || !hex_digit(s[i + 1], &high) || !hex_digit(s[i + 2], &low) ||
                    (high == 0 && low == 0))
                        return NULL;
                text[n++] = (char) (high << 4 | low);
                i += 2;
        }
        return n > 0 ? text : NULL;
}

static bool parse_key(struct parser *p, struct ts_last_applied_trust *t, struct ts_state_file_line *w)
{
        struct ts_last_applied_key key;
        const char *s;
        size_t len;

        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++) {
                size_t *n = &t->collections[c].n_keys;

                if (!ts_state_file_is(w, ts_kind_to_string(ts_collection_kind(c))))
                        continue;
                if (!ts_state_file_id(w, &key.id) || !ts_state_file_word(w, &s, &len))
                        return false;
                key.key = unescape(&p->m->arena, s, len);
                if (!key.key || (*n > 0 && strcmp(p->keys[c][*n - 1].key, key.key) >= 0))
                        return false;
                TS_GROW(p->keys[c], p->n_keys_allocated[c], *n);
                p->keys[c][(*n)++] = key;
                return true;
        }
        return false;
}

/* A line that belongs to the trust above it. */
static bool parse_part(struct parser *p, struct ts_state_file_line *w)
{
        struct ts_last_applied_trust *t;

        if (p->m->n_trusts == 0)
                return false;
        t = &p->m->trusts[p->m->n_trusts - 1];
        if (ts_state_file_is(w, "pairing"))
                return parse_pairing(t, w);
        if (p->version >= 2 && ts_state_file_is(w, "modes"))
                return parse_modes(t, w);
        if (p->version >= 2 && ts_state_file_is(w, "key"))
                return parse_key(p, t, w);
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++) {
                if (ts_state_file_is(w, ts_kind_to_string(ts_collection_kind(c))))
                        return parse_member(p, t, c, w);
                if (ts_state_file_is(w, ts_collection_to_string(c))) {
                        t->collections[c].managed = true;
                        return true;
                }
        }
        return false;
}

static bool parse_line(struct parser *p, struct ts_state_file_line *w)
{
        if (ts_state_file_is(w, "customer_care")) {
                p->m->care_declared = true;
                return true;
        }
        if (ts_state_file_is(w, "trustee"))
                return parse_trust(p, w, TS_TRUSTEE);
        if (ts_state_file_is(w, "trustor"))
                return parse_trust(p, w, TS_TRUSTOR);
        if (ts_state_file_is(w, "removals"))
                return parse_removals(p, w);
        if (p->version >= 2 && ts_state_file_is(w, "drift"))
                return parse_drift(p, w);
        if (p->version >= 2 && ts_state_file_is(w, "end"))
                return parse_end(p, w);
        if (ts_state_file_is(w, "write"))
                return parse_write(p, w);
        if (ts_state_file_is(w, "correction"))
                return parse_correction(p, w);
        if (p->version >= 2 && ts_state_file_is(w, "denied"))
                return parse_account(&p->m->denied, &p->n_denied_allocated, w);
        if (p->version >= 2 && ts_state_file_is(w, "pinned"))
                return parse_account(&p->m->pinned, &p->n_pinned_allocated, w);
        return parse_part(p, w);
}

/* What has grown on the heap goes to the arena. */
static void *settle(struct ts_last_applied *m, void *grown, size_t size)
{
        void *p = ts_arena_memdup(&m->arena, grown, size);

        free(grown);
        return p;
}

/* The version in the first line; 0: it is no such line. A newer one may be sealed in another way. */
static int64_t version_of(const char *text, size_t len)
{
        const char *newline = memchr(text, '\n', len);
        size_t n = strlen(FORMAT);
        struct ts_state_file_line line;
        int64_t version;

        if (!newline || (size_t) (newline - text) <= n || memcmp(text, FORMAT, n) != 0)
                return 0;
        line = (struct ts_state_file_line){ text + n, newline };
        return text[n] >= '1' && text[n] <= '9' && ts_state_file_int(&line, &version) && line.next == line.end
                               ? version
                               : 0;
}

static bool open_record(const char *text, size_t len, int64_t version, struct ts_state_file_line *ret)
{
        char first[sizeof(FORMAT) + 20];

        (void) snprintf(first, sizeof(first), FORMAT "%" PRId64, version);
        return version > 0 && ts_state_file_open(text, len, first, ret);
}

int ts_state_record_parse(const char *text, size_t len, struct ts_last_applied *m)
{
        struct parser p = { .m = m, .version = version_of(text, len) };
        struct ts_state_file_line lines, line;
        bool ok;

        if (p.version > VERSION)
                return -ENOTSUP;
        ok = open_record(text, len, p.version, &lines);
        while (ok && ts_state_file_next_line(&lines, &line))
                ok = parse_line(&p, &line) && line.next == line.end;
        parser_end_trust(&p);

        m->trusts = settle(m, m->trusts, m->n_trusts * sizeof(*m->trusts));
        m->removals = settle(m, m->removals, m->n_removals * sizeof(*m->removals));
        m->drift = settle(m, m->drift, m->n_drift * sizeof(*m->drift));
        m->ends = settle(m, m->ends, m->n_ends * sizeof(*m->ends));
        m->writes = settle(m, m->writes, m->n_writes * sizeof(*m->writes));
        m->corrections = settle(m, m->corrections, m->n_corrections * sizeof(*m->corrections));
        m->denied.items = settle(m, m->denied.items, m->denied.n * sizeof(*m->denied.items));
        m->pinned.items = settle(m, m->pinned.items, m->pinned.n * sizeof(*m->pinned.items));
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++) {
                free(p.members[c]);
                free(p.keys[c]);
        }
        m->lacks_ends = p.version < 2;
        if (ok)
                return 0;
        m->n_trusts = m->n_removals = m->n_drift = m->n_ends = m->n_writes = m->n_corrections = 0;
        m->denied.n = m->pinned.n = 0;
        m->care_declared = false;
        return -EBADMSG;
}
