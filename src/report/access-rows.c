#include "report/access-rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/words.h"
#include "trust/privileged.h"
#include "util/mem.h"
#include "util/sorted.h"

/* --------------------------------------------------------------------------------------------- collecting */

/* The declared grant that gives this one: the same, or the role in all divisions. */
static const struct ts_source *find_declared_grant(const struct ts_desired_member *w,
                                                   const struct ts_grant *g)
{
        for (size_t i = 0; w && i < w->n_grants; i++)
                if (w->grants[i].role == g->role &&
                    (w->grants[i].division == g->division || w->grants[i].division == TS_DIVISION_ALL))
                        return w->grants[i].source;
        return NULL;
}

static bool is_undeclared(const struct ts_access_row *row)
{
        return !row->declared || row->is_outside;
}

static const struct ts_named *role_of(const struct ts_access_row *row)
{
        return row->grant ? &row->organization->live->catalog.roles[row->grant->role] : NULL;
}

/* Is it one of the roles that were asked for? */
static bool has_role(const struct ts_access_row *row)
{
        const struct ts_access *a = row->in;

        if (a->roles.n > 0 && (!row->grant || !ts_privileged_names(&a->roles, role_of(row))))
                return false;
        return !a->only_privileged || row->is_privileged;
}

static bool is_asked_for(const struct ts_access_row *row)
{
        const struct ts_access *a = row->in;

        if (a->only_undeclared && !is_undeclared(row))
                return false;
        return a->expires_before == TS_TIME_UNSET ||
               (row->until != TS_TIME_NEVER && row->until <= a->expires_before);
}

static void add(struct ts_access_rows *r, const struct ts_access_row *row)
{
        if (!is_asked_for(row))
                return;
        if (!has_role(row)) {
                r->n_unknown += row->is_role_unknown;
                return;
        }
        TS_GROW(r->items, r->n_allocated, r->n);
        r->items[r->n++] = *row;
        r->n_undeclared += is_undeclared(row);
        r->n_privileged += row->is_privileged;
}

static const struct ts_members *people_of(const struct ts_access_row *row)
{
        static const struct ts_members nobody = { 0 };
        const struct ts_access_organization *o = row->organization;

        for (size_t i = 0; i < o->n_groups; i++)
                if (o->groups[i].group == row->member)
                        return &o->groups[i].people;
        return &nobody;
}

/* What a group has, its people have. */
static void add_with_people(struct ts_access_rows *r, const struct ts_access_row *row)
{
        const struct ts_members *people = people_of(row);

        if (ts_member_is_chosen(r->in->users, r->in->n_users, row->member))
                add(r, row);
        for (size_t i = 0; i < people->n; i++) {
                struct ts_access_row person = *row;

                person.via = row->member;
                person.member = &people->items[i];
                if (ts_member_is_chosen(r->in->users, r->in->n_users, person.member))
                        add(r, &person);
        }
}

static void add_member(struct ts_access_rows *r, const struct ts_access_row *like, const struct ts_member *m,
                       const struct ts_desired_member *w)
{
        bool is_known = like->trust->direction == TS_TRUSTEE && m->kind != TS_KIND_CLONE &&
                        m->grants_coverage == TS_COVERAGE_COMPLETE;
        struct ts_access_row row = *like;

        row.member = m;
        row.desired = w;
        if (w && w->decl->until != TS_TIME_UNSET && w->decl->until < row.until)
                row.until = w->decl->until;
        row.declared = w ? &w->decl->source : NULL;
        row.is_outside = w && ts_decl_member_is_outside(w->decl, r->in->generated_at);
        row.is_role_unknown = !is_known;
        if (m->n_grants == 0 || !is_known)
                add_with_people(r, &row);
        row.is_role_unknown = false;
        for (uint32_t i = 0; i < m->n_grants; i++) {
                struct ts_access_row grant = row;

                grant.grant = &m->grants[i];
                grant.is_privileged = ts_privileged_names(&r->in->privileged, role_of(&grant));
                if (w && w->decl->grants_managed)
                        grant.declared = find_declared_grant(w, &m->grants[i]);
                add_with_people(r, &grant);
        }
}

/* The trust itself gives access, as that with the vendor's support may. */
static bool opens_to_all(const struct ts_trust *t)
{
        return t->direction == TS_TRUSTEE &&
               (t->has_full_access || t->uses_default_role || t->is_trusted_user);
}

static void add_everybody(struct ts_access_rows *r, const struct ts_access_row *like,
                          const struct ts_desired_trust *w)
{
        struct ts_access_row row = *like;

        if (!opens_to_all(like->trust) || r->in->n_users > 0)
                return;
        row.declared = w ? &w->decl->source : NULL;
        row.is_privileged = like->trust->has_full_access;
        row.is_role_unknown = !like->trust->has_full_access;
        add(r, &row);
}

static void add_trust(struct ts_access_rows *r, const struct ts_access_organization *o,
                      const struct ts_trust *t, const struct ts_desired_trust *w)
{
        struct ts_access_row like = {
                .in = r->in, .organization = o, .trust = t, .decl = w ? w->decl : NULL, .until = t->expires
        };

        if (like.until == TS_TIME_UNSET)
                like.until = TS_TIME_NEVER;
        add_everybody(r, &like, w);
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++) {
                TS_CLEANUP(ts_map_done) struct ts_map desired = TS_MAP_INIT;
                const struct ts_desired_members *m = w ? &w->collections[c] : NULL;

                for (size_t i = 0; m && i < m->n; i++)
                        if (!ts_id_is_nil(&m->items[i].id))
                                ts_map_add_id(&desired, &m->items[i].id, (uint32_t) i);
                for (size_t i = 0; i < t->collections[c].n; i++) {
                        uint32_t k = ts_map_get_id(&desired, &t->collections[c].items[i].id);

                        add_member(r, &like, &t->collections[c].items[i],
                                   m && k != TS_MAP_NONE ? &m->items[k] : NULL);
                }
        }
}

static const struct ts_desired_trust *find_desired(const struct ts_desired *w, const struct ts_trust *t)
{
        for (size_t i = 0; w && i < w->n_trusts; i++)
                if (w->trusts[i].live == t)
                        return &w->trusts[i];
        return NULL;
}

static void add_organization(struct ts_access_rows *r, const struct ts_access_organization *o)
{
        for (size_t i = 0; o->live && i < o->live->n_trusts; i++) {
                const struct ts_trust *t = &o->live->trusts[i];
                const struct ts_desired_trust *w = find_desired(o->desired, t);

                if (ts_trust_filter_has(r->in->filter, w ? w->decl->alias : NULL, &t->id))
                        add_trust(r, o, t, w);
        }
}

/* ------------------------------------------------------------------------------------------------ columns */

static const struct ts_named *division_of(const struct ts_access_row *r)
{
        return r->grant ? &r->organization->live->catalog.divisions[r->grant->division] : NULL;
}

/* Why there is no role to show. */
static const char *role_text(const struct ts_access_row *r)
{
        if (!r->member)
                return r->trust->has_full_access     ? "(full access)"
                       : r->trust->uses_default_role ? "(the default role)"
                                                     : "(trusted user access)";
        if (r->grant)
                return role_of(r)->name;
        if (r->member->kind == TS_KIND_CLONE)
                return "(a clone)";
        if (r->trust->direction == TS_TRUSTOR)
                return "(seen only there)";
        if (!r->is_role_unknown)
                return "(none)";
        return (r->via ? r->via : r->member)->n_grants > 0 ? "(perhaps more)" : "(not known)";
}

enum ts_kind ts_access_kind(const struct ts_access_row *r)
{
        return r->member ? r->member->kind : TS_KIND_TRUST;
}

int64_t ts_access_since(const struct ts_access_row *r)
{
        return r->via ? r->via->created : r->member ? r->member->created : r->trust->created;
}

const struct ts_person *ts_access_by(const struct ts_access_row *r)
{
        return r->via ? r->via->created_by : r->member ? r->member->created_by : r->trust->created_by;
}

struct ts_decl_labels ts_access_labels(const struct ts_access_row *r)
{
        return ts_words_labels(r->desired ? r->desired->decl->labels : NULL,
                               r->decl ? r->decl->labels : NULL);
}

const char *ts_access_state(const struct ts_access_row *r)
{
        if (!r->trust->enabled)
                return "disabled";
        if (r->trust->expires != TS_TIME_UNSET && r->trust->expires <= r->in->generated_at)
                return "expired";
        return "enabled";
}

const char *ts_access_title(enum ts_access_column c)
{
        static const char *const titles[TS_ACCESS_COLUMNS] = {
                [TS_ACCESS_ORGANIZATION] = "organization",
                [TS_ACCESS_DIRECTION] = "direction",
                [TS_ACCESS_TRUST] = "trust",
                [TS_ACCESS_STATE] = "state",
                [TS_ACCESS_KIND] = "kind",
                [TS_ACCESS_NAME] = "name",
                [TS_ACCESS_ROLE] = "role",
                [TS_ACCESS_DIVISION] = "division",
                [TS_ACCESS_SINCE] = "since",
                [TS_ACCESS_BY] = "by",
                [TS_ACCESS_UNTIL] = "until",
                [TS_ACCESS_DECLARED] = "declared",
                [TS_ACCESS_TRUST_ID] = "trust_id",
                [TS_ACCESS_ID] = "id",
                [TS_ACCESS_BY_ID] = "by_id",
                [TS_ACCESS_BY_ORGANIZATION] = "by_organization",
                [TS_ACCESS_ORGANIZATION_ID] = "organization_id",
                [TS_ACCESS_TRUST_NAME] = "trust_name",
                [TS_ACCESS_ROLE_ID] = "role_id",
                [TS_ACCESS_DIVISION_ID] = "division_id",
                [TS_ACCESS_PRIVILEGED] = "privileged",
                [TS_ACCESS_VIA] = "via",
                [TS_ACCESS_VIA_ID] = "via_id",
                [TS_ACCESS_LAST_LOGIN] = "last_login",
                [TS_ACCESS_FILE] = "file",
                [TS_ACCESS_LINE] = "line",
                [TS_ACCESS_OWNER] = "owner",
                [TS_ACCESS_TICKET] = "ticket",
                [TS_ACCESS_NOTE] = "note",
                [TS_ACCESS_REVISION] = "revision",
                [TS_ACCESS_GENERATED_AT] = "generated_at",
        };

        return titles[c];
}

static void cell_copy(struct ts_access_cell *c, const char *text)
{
        (void) snprintf(c->buf, sizeof(c->buf), "%s", text); /* what is copied is short */
        c->text = c->buf;
}

static void cell_time(struct ts_access_cell *c, int64_t t)
{
        if (t != TS_TIME_UNSET)
                cell_copy(c, ts_time_format(t).s);
}

static void cell_trust(struct ts_access_cell *c, const struct ts_access_row *r)
{
        if (r->decl)
                c->text = r->decl->alias;
        else /* its own name may be one of our aliases */
                (void) snprintf(c->buf, sizeof(c->buf), "undeclared:%s", ts_id_format(&r->trust->id).s);
        if (!r->decl)
                c->text = c->buf;
}

static void cell_id(struct ts_access_cell *c, const struct ts_id *id)
{
        if (id && !ts_id_is_nil(id))
                cell_copy(c, ts_id_format(id).s);
}

static void cell_name(struct ts_access_cell *c, const struct ts_access_row *r)
{
        struct ts_id_text id;

        c->text = r->member ? ts_member_label(r->member, &id) : "(everybody there)";
        c->is_name = r->member && c->text != id.s;
        if (c->text == id.s)
                cell_copy(c, id.s);
}

static void cell_via(struct ts_access_cell *c, const struct ts_access_row *r)
{
        struct ts_id_text id;

        if (!r->via)
                return;
        c->text = ts_member_label(r->via, &id);
        c->is_name = c->text != id.s;
        if (c->text == id.s)
                cell_copy(c, id.s);
}

/* A group does not log in. */
static void cell_last_login(struct ts_access_cell *c, const struct ts_access_row *r)
{
        if (!r->member || r->member->kind == TS_KIND_GROUP)
                return;
        c->text = "not known";
        if (r->member->last_login != 0)
                cell_time(c, r->member->last_login);
}

static void cell_declared(struct ts_access_cell *c, const struct ts_access_row *r)
{
        c->text = "not declared";
        if (!r->declared)
                return;
        (void) snprintf(c->buf, sizeof(c->buf), "%s:%" PRIu32 "%s", r->declared->file, r->declared->line,
                        r->is_outside ? ", not for now" : ""); /* paths are shorter */
        c->text = c->buf;
}

static void cell_line(struct ts_access_cell *c, const struct ts_access_row *r)
{
        if (!r->declared)
                return;
        (void) snprintf(c->buf, sizeof(c->buf), "%" PRIu32, r->declared->line);
        c->text = c->buf;
}

/* Who somebody is, and which things are meant. */
static void cell_of_ids(const struct ts_access_row *r, enum ts_access_column column, struct ts_access_cell *c)
{
        static const struct ts_id all = { { 0 } };
        const struct ts_person *by = ts_access_by(r);

        switch (column) {
        case TS_ACCESS_TRUST_ID:
                cell_id(c, &r->trust->id);
                break;
        case TS_ACCESS_ID:
                cell_id(c, r->member ? &r->member->id : NULL);
                break;
        case TS_ACCESS_BY_ID:
                cell_id(c, by ? &by->id : NULL);
                break;
        case TS_ACCESS_BY_ORGANIZATION:
                cell_id(c, by ? &by->organization : NULL);
                break;
        case TS_ACCESS_ORGANIZATION_ID:
                cell_id(c, &r->organization->live->organization_id);
                break;
        case TS_ACCESS_VIA_ID:
                cell_id(c, r->via ? &r->via->id : NULL);
                break;
        case TS_ACCESS_ROLE_ID:
                cell_id(c, r->grant ? &role_of(r)->id : NULL);
                break;
        default:
                cell_id(c, r->grant ? &division_of(r)->id : &all);
                if (r->grant && r->grant->division == TS_DIVISION_ALL)
                        c->text = "*";
        }
}

/* Where it is written, and what the report as a whole is of. */
static void cell_of_evidence(const struct ts_access_row *r, enum ts_access_column column,
                             struct ts_access_cell *c)
{
        struct ts_decl_labels labels = ts_access_labels(r);

        switch (column) {
        case TS_ACCESS_TRUST_NAME:
                c->text = r->trust->name ? r->trust->name : "";
                c->is_name = true;
                break;
        case TS_ACCESS_PRIVILEGED:
                c->text = r->is_privileged ? "yes" : r->is_role_unknown ? "not known" : "no";
                break;
        case TS_ACCESS_VIA:
                cell_via(c, r);
                break;
        case TS_ACCESS_LAST_LOGIN:
                cell_last_login(c, r);
                break;
        case TS_ACCESS_FILE:
                c->text = r->declared ? r->declared->file : "";
                break;
        case TS_ACCESS_LINE:
                cell_line(c, r);
                break;
        case TS_ACCESS_OWNER:
                c->text = labels.owner ? labels.owner : "";
                break;
        case TS_ACCESS_TICKET:
                c->text = labels.ticket ? labels.ticket : "";
                break;
        case TS_ACCESS_NOTE:
                c->text = labels.note ? labels.note : "";
                break;
        case TS_ACCESS_REVISION:
                c->text = r->in->revision ? r->in->revision : "";
                break;
        case TS_ACCESS_GENERATED_AT:
                cell_time(c, r->in->generated_at);
                break;
        default:
                cell_of_ids(r, column, c);
        }
}

void ts_access_cell(const struct ts_access_row *r, enum ts_access_column column, struct ts_access_cell *c)
{
        const struct ts_person *by = ts_access_by(r);

        c->text = "";
        c->is_name = false;
        switch (column) {
        case TS_ACCESS_ORGANIZATION:
                c->text = r->organization->alias;
                break;
        case TS_ACCESS_DIRECTION:
                c->text = ts_direction_to_string(r->trust->direction);
                break;
        case TS_ACCESS_TRUST:
                cell_trust(c, r);
                break;
        case TS_ACCESS_STATE:
                c->text = ts_access_state(r);
                break;
        case TS_ACCESS_KIND:
                c->text = ts_kind_to_string(ts_access_kind(r));
                break;
        case TS_ACCESS_NAME:
                cell_name(c, r);
                break;
        case TS_ACCESS_ROLE:
                c->text = role_text(r);
                break;
        case TS_ACCESS_DIVISION:
                c->text = r->grant ? division_of(r)->name : "";
                break;
        case TS_ACCESS_SINCE:
                cell_time(c, ts_access_since(r));
                break;
        case TS_ACCESS_BY:
                c->text = by ? by->name : "";
                c->is_name = by != NULL;
                break;
        case TS_ACCESS_UNTIL:
                cell_time(c, r->until);
                break;
        case TS_ACCESS_DECLARED:
                cell_declared(c, r);
                break;
        default:
                cell_of_evidence(r, column, c);
        }
}

/* -------------------------------------------------------------------------------------------------- order */

static int compare_cells(const struct ts_access_row *x, const struct ts_access_row *y,
                         enum ts_access_column column)
{
        struct ts_access_cell a, b;

        ts_access_cell(x, column, &a);
        ts_access_cell(y, column, &b);
        return strcmp(a.text, b.text);
}

static const struct ts_id *member_id(const struct ts_access_row *r)
{
        return r->member ? &r->member->id : &r->trust->id;
}

static int compare_trusts(const struct ts_access_row *x, const struct ts_access_row *y)
{
        int r;

        if (x->organization != y->organization)
                return x->organization < y->organization ? -1 : 1;
        if (x->trust == y->trust)
                return 0;
        r = compare_cells(x, y, TS_ACCESS_TRUST);
        if (r == 0)
                r = (int) x->trust->direction - (int) y->trust->direction;
        return r != 0 ? r : x->trust < y->trust ? -1 : 1; /* sorted by id */
}

/* Who is no member, but everybody there, comes first. */
static int compare_members(const struct ts_access_row *x, const struct ts_access_row *y)
{
        int r = (x->member != NULL) - (y->member != NULL);

        if (r == 0)
                r = compare_cells(x, y, TS_ACCESS_NAME);
        if (r == 0)
                r = (int) ts_access_kind(x) - (int) ts_access_kind(y);
        return r != 0 ? r : ts_id_compare(member_id(x), member_id(y));
}

static int compare_grants(const struct ts_access_row *x, const struct ts_access_row *y)
{
        int r = compare_cells(x, y, TS_ACCESS_VIA);

        if (r == 0)
                r = compare_cells(x, y, TS_ACCESS_VIA_ID);
        if (r == 0)
                r = compare_cells(x, y, TS_ACCESS_ROLE);
        return r != 0 ? r : compare_cells(x, y, TS_ACCESS_DIVISION);
}

static int compare_by_trust(const void *a, const void *b)
{
        const struct ts_access_row *x = a, *y = b;
        int r = compare_trusts(x, y);

        if (r == 0)
                r = compare_members(x, y);
        return r != 0 ? r : compare_grants(x, y);
}

/* A person is an id: who has another name elsewhere is the same. */
static int compare_by_id(const void *a, const void *b)
{
        const struct ts_access_row *x = a, *y = b;
        int r = (x->member != NULL) - (y->member != NULL);

        if (r == 0)
                r = ts_id_compare(member_id(x), member_id(y));
        return r != 0 ? r : compare_cells(x, y, TS_ACCESS_NAME);
}

static int compare_by_person(const void *a, const void *b)
{
        const struct ts_access_row *x = a, *y = b;
        int r = (x->member != NULL) - (y->member != NULL);

        if (r == 0)
                r = strcmp(x->person ? x->person : "", y->person ? y->person : "");
        if (r == 0)
                r = ts_id_compare(member_id(x), member_id(y));
        if (r == 0)
                r = compare_trusts(x, y);
        return r != 0 ? r : compare_grants(x, y);
}

static void sort_by_person(struct ts_access_rows *r)
{
        const char *person = NULL;

        TS_SORT(r->items, r->n, compare_by_id);
        for (size_t i = 0; i < r->n; i++) {
                struct ts_access_row *row = &r->items[i];

                if (i == 0 || !ts_id_equal(member_id(row), member_id(row - 1)))
                        person = row->member ? (row->member->email ? row->member->email : row->member->name)
                                             : NULL;
                row->person = person;
        }
        TS_SORT(r->items, r->n, compare_by_person);
}

void ts_access_rows_collect(struct ts_access_rows *r, const struct ts_access *a)
{
        *r = (struct ts_access_rows){ .in = a };
        for (size_t i = 0; i < a->n_organizations; i++)
                add_organization(r, &a->organizations[i]);
        if (a->by_user)
                sort_by_person(r);
        else
                TS_SORT(r->items, r->n, compare_by_trust);
}

void ts_access_rows_done(struct ts_access_rows *r)
{
        free(r->items);
}

bool ts_access_row_begins(const struct ts_access_rows *r, size_t i)
{
        const struct ts_access_row *row = &r->items[i];

        if (i == 0)
                return true;
        if (r->in->by_user)
                return (row->member != NULL) != (row[-1].member != NULL) ||
                       !ts_id_equal(member_id(row), member_id(row - 1));
        return row->trust != row[-1].trust;
}
