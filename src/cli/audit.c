#include "cli/audit.h"

#include <stdlib.h>

#include "genesys/audit.h"
#include "util/log.h"
#include "util/mem.h"

#define FORMAT_VERSION 1

/* The users of one trust to query. */
struct people {
        struct ts_id *ids;
        const struct ts_member **members; /* NULL: no member (any more), but named by --user */
        size_t n;
};

static void people_done(struct people *p)
{
        free(p->ids);
        free(p->members);
}

static void people_add(struct people *p, const struct ts_id *id, const struct ts_member *m)
{
        for (size_t i = 0; !m && i < p->n; i++)
                if (ts_id_equal(&p->ids[i], id))
                        return;
        p->ids[p->n] = *id;
        p->members[p->n++] = m;
}

/* Members, and users given by id: former members can still be queried. */
static void find_people(const struct ts_audit_document *d, const struct ts_members *users, struct people *p)
{
        p->ids = ts_calloc(users->n + d->n_users, sizeof(*p->ids));
        p->members = ts_calloc(users->n + d->n_users, sizeof(*p->members));
        for (size_t i = 0; i < users->n; i++)
                if (ts_member_is_chosen(d->users, d->n_users, &users->items[i]))
                        people_add(p, &users->items[i].id, &users->items[i]);
        for (size_t i = 0; i < d->n_users; i++) {
                struct ts_id id;

                if (ts_id_parse_string(d->users[i], &id))
                        people_add(p, &id, NULL);
        }
}

static const char *alias_of(const struct ts_snapshot *g, const struct ts_trust *t)
{
        for (size_t i = 0; i < g->desired->n_trusts; i++)
                if (g->desired->trusts[i].live == t)
                        return g->desired->trusts[i].decl->alias;
        return NULL;
}

static void put_trust(struct ts_json_writer *w, const struct ts_trust *t, const char *alias)
{
        ts_json_add_string(w, "direction", ts_direction_to_string(t->direction));
        ts_json_key(w, "trust");
        ts_json_open_object(w);
        ts_json_add_string(w, "alias", alias);
        ts_json_add_id(w, "id", &t->id);
        ts_json_add_string(w, "name", t->name);
        ts_json_close_object(w);
}

static void put_people(struct ts_json_writer *w, const struct people *p)
{
        ts_json_key(w, "users");
        ts_json_open_array(w);
        for (size_t i = 0; i < p->n; i++) {
                ts_json_open_object(w);
                ts_json_add_id(w, "id", &p->ids[i]);
                ts_json_add_string(w, "email", p->members[i] ? p->members[i]->email : NULL);
                ts_json_close_object(w);
        }
        ts_json_close_array(w);
}

/* A query needs users: a trust without users is reported and not queried. */
static const char *nobody(const struct ts_members *users)
{
        return users->coverage == TS_COVERAGE_COMPLETE
                               ? "it has no users of its own: who comes in through a group is asked about "
                                 "with "
                                 "--user and the id"
                               : "its users could not be listed: name them with --user and the id";
}

static void audit_trust(struct ts_audit_document *d, struct ts_snapshot *g, const struct ts_trust *t,
                        const char *alias)
{
        TS_CLEANUP(people_done) struct people p = { 0 };
        struct ts_json_writer *w = &d->writer;
        struct ts_audit_question q = {
                .direction = t->direction, .trust = t->id, .since = d->since, .until = d->until
        };
        const char *note = NULL;
        struct ts_err err = { 0 };

        find_people(d, &t->users, &p);
        if (p.n == 0 && d->n_users > 0)
                return; /* none of the users queried */
        q.users = p.ids;
        q.n_users = p.n;
        ts_json_open_object(w);
        put_trust(w, t, alias);
        put_people(w, &p);
        ts_json_key(w, "answers");
        ts_json_open_array(w);
        if (p.n == 0)
                note = nobody(&t->users);
        else if (ts_audit_read(g->client, &q, w, &err) < 0)
                d->complete = false;
        ts_json_close_array(w);
        ts_json_add_string(w, "note", note);
        ts_json_add_string(w, "error", err.cls != TS_ERR_NONE ? err.msg : NULL);
        ts_json_close_object(w);
        if (err.cls != TS_ERR_NONE)
                ts_log(LOG_ERR, "%s of %s: %s", ts_direction_to_string(t->direction), g->settings->alias,
                       err.msg);
}

static void audit_trusts(struct ts_audit_document *d, struct ts_snapshot *g)
{
        for (size_t i = 0; g->desired && i < g->live->n_trusts; i++) {
                const struct ts_trust *t = &g->live->trusts[i];
                const char *alias = alias_of(g, t);

                if (ts_trust_filter_has(g->options->filter, alias, &t->id))
                        audit_trust(d, g, t, alias);
        }
}

void ts_audit_begin(struct ts_audit_document *d)
{
        struct ts_json_writer *w = &d->writer;

        *w = (struct ts_json_writer) TS_JSON_WRITER_INIT(d->out, true);
        d->complete = true;
        ts_json_open_object(w);
        ts_json_add_int(w, "format_version", FORMAT_VERSION);
        ts_json_add_string(w, "since", ts_time_format(d->since).s);
        ts_json_add_string(w, "until", ts_time_format(d->until).s);
        ts_json_key(w, "organizations");
        ts_json_open_array(w);
}

void ts_audit_organization(struct ts_audit_document *d, struct ts_snapshot *g, const char *error)
{
        struct ts_json_writer *w = &d->writer;

        ts_json_open_object(w);
        ts_json_add_string(w, "alias", g->settings->alias);
        ts_json_add_id(w, "id", &g->live->organization_id);
        ts_json_add_string(w, "error", error);
        if (error) {
                ts_log(LOG_ERR, "%s", error);
                d->complete = false;
        }
        ts_json_key(w, "audits");
        ts_json_open_array(w);
        audit_trusts(d, g);
        ts_json_close_array(w);
        ts_json_close_object(w);
}

void ts_audit_end(struct ts_audit_document *d)
{
        ts_json_close_array(&d->writer);
        ts_json_add_bool(&d->writer, "complete", d->complete);
        ts_json_close_object(&d->writer);
        (void) ts_buf_putc(d->out, '\n'); /* the caller checks ts_buf_failed() */
}
