#include "genesys/read.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "genesys/listing.h"
#include "util/mem.h"

/* Members whose first reads may turn out to be in vain: as many as are in flight at once anyway. */
#define PROBE 8u
/* Roles probed before the costs of both ways are compared again. */
#define PROBE_MAX 16u
/* Calls handed to the client at once. */
#define BATCH 256u
/* Members that are read one by one when a sweep proved nothing: at least so many, else as many as it had
 * pages. */
#define ONE_BY_ONE_MIN 256u

/* --------------------------------------------------------------------------------------- member by member */

enum member_state {
        MEMBER_UNREAD,
        MEMBER_HAS_GRANTS, /* as authorization/subjects/{id} says */
        MEMBER_NO_GRANTS,  /* likewise */
        MEMBER_NO_SUBJECT, /* 404: it may be that it holds nothing */
        MEMBER_EMPTY,      /* .../users/{id}/roles lists no role */
        MEMBER_FAILED,     /* its subject was not answered: another way is tried */
        MEMBER_MERGED,     /* read without duplicates, and still to be compared with its roles */
        MEMBER_UNREADABLE,
};

#define NO_TARGET UINT32_MAX

/* With the first bytes of its member's id: a search of all targets looks hardly anywhere else. */
struct indexed {
        uint32_t prefix, target;
};

struct swept {
        uint32_t target, role, division;
};

struct grants {
        struct ts_client *client;
        struct ts_live *live;
        const struct ts_read_target *targets;
        size_t n;
        ts_read_warn warn;
        void *warn_userdata;

        enum ts_subject_reads subjects;
        uint8_t *states;       /* enum member_state, by target */
        const char *why;       /* subjects are not used */
        struct ts_err failure; /* of a subject that was not answered */
        bool is_swept_whole;   /* the sweep is for all members, and not only for those that failed */
        uint64_t n_requests;

        struct indexed *index; /* of all targets, in the order of their members' ids */
        struct ts_listings sweep;
        struct swept *found;
        size_t n_found, n_found_allocated;
};

/* One batch of reads of members, by target. */
struct member_reads {
        struct grants *g;
        size_t n;
        uint32_t targets[BATCH];
        struct ts_call calls[BATCH];
};

static void warn_member(const struct grants *g, size_t i, const struct ts_err *err)
{
        g->warn(g->targets[i].trust, err, g->warn_userdata);
}

static void subjects_are_unusable(struct grants *g, const char *why)
{
        g->subjects = TS_SUBJECT_READS_UNUSABLE;
        g->why = why;
}

static void member_is_unreadable(struct grants *g, size_t i, const struct ts_err *err)
{
        g->states[i] = MEMBER_UNREADABLE;
        warn_member(g, i, err);
}

/* What cannot be used: proof that the endpoint itself cannot be, as long as it has not proved itself. */
static void subject_failed(struct grants *g, size_t i, const struct ts_call_result *result,
                           const struct ts_err *err)
{
        if (result->verdict == TS_VERDICT_FAILED) { /* of this one: no proof of anything */
                g->states[i] = MEMBER_FAILED;
                g->failure = *err;
        } else if (g->subjects == TS_SUBJECT_READS_PROVEN)
                member_is_unreadable(g, i, err);
        else if (result->verdict == TS_VERDICT_FORBIDDEN)
                subjects_are_unusable(g, "single members may not be read (403 of authorization/subjects)");
        else
                subjects_are_unusable(g,
                                      "authorization/subjects gives no usable answer for members of trusts");
}

static void on_subject(size_t k, const struct ts_call_result *result, void *userdata)
{
        struct member_reads *b = userdata;
        struct grants *g = b->g;
        size_t i = b->targets[k], n;
        struct ts_member *m = g->targets[i].member;
        struct ts_err err = { 0 };

        switch (result->verdict) {
        case TS_VERDICT_STOPPED:
                return;
        case TS_VERDICT_NOT_FOUND:
                g->states[i] = MEMBER_NO_SUBJECT;
                return;
        case TS_VERDICT_OK:
                if (ts_read_subject(result->json, &m->id, g->live, &g->live->arena, &m->grants, &n, &err) <
                    0) {
                        subject_failed(g, i, result, &err);
                        return;
                }
                m->n_grants = (uint32_t) n;
                g->states[i] = n > 0 ? MEMBER_HAS_GRANTS : MEMBER_NO_GRANTS;
                return;
        default:
                subject_failed(g, i, result, &result->err);
        }
}

static int member_reads_run(struct member_reads *b,
                            void (*on_result)(size_t, const struct ts_call_result *, void *),
                            struct ts_err *err)
{
        struct ts_batch batch = { .calls = b->calls, .n = b->n, .on_result = on_result, .userdata = b };

        b->g->n_requests += b->n;
        return b->n > 0 ? ts_client_run(b->g->client, &batch, err) : 0;
}

/* Targets from @first up to @end. */
static int read_subjects(struct grants *g, size_t first, size_t end, struct ts_err *err)
{
        TS_CLEANUP(ts_freep) struct member_reads *b = ts_calloc(1, sizeof(*b));
        int r;

        b->g = g;
        for (size_t i = first; i < end; i += b->n) {
                b->n = 0;
                while (b->n < BATCH && i + b->n < end) {
                        b->targets[b->n] = (uint32_t) (i + b->n);
                        b->calls[b->n] = (struct ts_call){ .op = TS_OP_GET_SUBJECT,
                                                           .ids = { g->targets[i + b->n].member->id } };
                        b->n++;
                }
                r = member_reads_run(b, on_subject, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---------------------------------------------------------------------------------- the proof of subjects */

static bool has_roles_of(const struct ts_member *m, const uint32_t *roles, size_t n)
{
        size_t k = 0;

        for (uint32_t i = 0; i < m->n_grants; i++) {
                if (i > 0 && m->grants[i].role == m->grants[i - 1].role)
                        continue;
                if (k == n || roles[k++] != m->grants[i].role)
                        return false;
        }
        return k == n;
}

/* The roles that the trust knows of a member, against what was read of it before. */
static void on_roles(size_t k, const struct ts_call_result *result, void *userdata)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct member_reads *b = userdata;
        struct grants *g = b->g;
        size_t i = b->targets[k], n;
        struct ts_err err = result->err;
        uint32_t *roles;

        if (result->verdict == TS_VERDICT_STOPPED)
                return;
        if (result->verdict != TS_VERDICT_OK ||
            ts_read_roles(result->json, g->live, &arena, &roles, &n, &err) < 0) {
                if (g->states[i] == MEMBER_MERGED)
                        g->states[i] = MEMBER_FAILED;
                else if (g->subjects == TS_SUBJECT_READS_PROVEN)
                        member_is_unreadable(g, i, &err);
                else
                        subjects_are_unusable(g, "authorization/subjects could not be compared with the "
                                                 "roles of a member");
                return;
        }
        if (g->states[i] == MEMBER_MERGED) {
                g->states[i] = has_roles_of(g->targets[i].member, roles, n) ? MEMBER_HAS_GRANTS
                                                                            : MEMBER_FAILED;
        } else if (g->states[i] != MEMBER_HAS_GRANTS && n == 0) {
                g->states[i] = MEMBER_EMPTY;
        } else if (g->states[i] == MEMBER_HAS_GRANTS && has_roles_of(g->targets[i].member, roles, n)) {
                if (g->subjects == TS_SUBJECT_READS_UNKNOWN)
                        g->subjects = TS_SUBJECT_READS_PROVEN;
        } else if (g->subjects == TS_SUBJECT_READS_PROVEN) {
                (void) ts_err_set(&err, TS_ERR_REMOTE, -EBADMSG, "a member without a subject has %zu role%s",
                                  n, TS_S(n));
                member_is_unreadable(g, i, &err);
        } else {
                subjects_are_unusable(
                                g,
                                "authorization/subjects does not know the roles that members of trusts hold");
        }
}

static enum ts_operation roles_op(const struct ts_member *m)
{
        return ts_operation_of_members(TS_TRUSTEE, m->kind == TS_KIND_GROUP ? TS_GROUPS : TS_USERS,
                                       TS_MEMBER_GET_ROLES);
}

/* Asks for the roles of the targets from @first up to @end (at most BATCH) that are in @state; @max of
 * them. */
static int read_roles_of(struct grants *g, size_t first, size_t end, enum member_state state, size_t max,
                         struct ts_err *err)
{
        TS_CLEANUP(ts_freep) struct member_reads *b = ts_calloc(1, sizeof(*b));

        b->g = g;
        for (size_t i = first; i < end && b->n < max; i++) {
                if (g->states[i] != state)
                        continue;
                b->targets[b->n] = (uint32_t) i;
                b->calls[b->n++] = (struct ts_call){ .op = roles_op(g->targets[i].member),
                                                     .ids = { g->targets[i].trust->id,
                                                              g->targets[i].member->id } };
        }
        return member_reads_run(b, on_roles, err);
}

/* What the subjects of @first to @end say is compared with their roles: one that has grants proves the
 * endpoint; until there is one, those who seem to have none have to show that they have no roles either. */
static int prove(struct grants *g, size_t first, size_t end, struct ts_err *err)
{
        int r;

        for (size_t i = first; i < end; i++)
                if (g->states[i] == MEMBER_HAS_GRANTS)
                        return read_roles_of(g, i, i + 1, MEMBER_HAS_GRANTS, 1, err);
        r = read_roles_of(g, first, end, MEMBER_NO_GRANTS, PROBE, err);
        if (r < 0 || g->subjects == TS_SUBJECT_READS_UNUSABLE)
                return r;
        return read_roles_of(g, first, end, MEMBER_NO_SUBJECT, PROBE, err);
}

/* 404 of a member: it holds nothing if the trust knows no role of it. */
static int check_missing_subjects(struct grants *g, struct ts_err *err)
{
        int r;

        for (size_t i = 0; i < g->n; i += BATCH) {
                r = read_roles_of(g, i, i + BATCH < g->n ? i + BATCH : g->n, MEMBER_NO_SUBJECT, BATCH, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static size_t count_in_state(const struct grants *g, size_t first, size_t end, enum member_state state)
{
        size_t n = 0;

        for (size_t i = first; i < end; i++)
                n += g->states[i] == state;
        return n;
}

/* Leaves subjects UNUSABLE when it cannot be done that way. */
static int read_member_by_member(struct grants *g, size_t n_members, struct ts_err *err)
{
        size_t n_read = 0;
        int r;

        while (n_read < n_members && g->subjects == TS_SUBJECT_READS_UNKNOWN) {
                size_t end = n_members - n_read < PROBE ? n_members : n_read + PROBE;

                r = read_subjects(g, n_read, end, err);
                if (r >= 0 && count_in_state(g, n_read, end, MEMBER_FAILED) == PROBE)
                        subjects_are_unusable(g, "authorization/subjects answers for nobody");
                if (r >= 0 && g->subjects == TS_SUBJECT_READS_UNKNOWN)
                        r = prove(g, n_read, end, err);
                if (r < 0)
                        return r;
                n_read = end;
        }
        if (g->subjects != TS_SUBJECT_READS_PROVEN)
                return 0;
        r = read_subjects(g, n_read, n_members, err);
        if (r < 0)
                return r;
        return check_missing_subjects(g, err);
}

static bool is_known(const struct grants *g, size_t i)
{
        return g->states[i] == MEMBER_HAS_GRANTS || g->states[i] == MEMBER_NO_GRANTS ||
               g->states[i] == MEMBER_EMPTY;
}

static void settle_members(struct grants *g)
{
        for (size_t i = 0; i < g->n; i++)
                if (is_known(g, i))
                        g->targets[i].member->grants_coverage = TS_COVERAGE_COMPLETE;
}

/* ---------------------------------------------------------------------------------- subjects that fail */

/* Does the answer hold what a group of the member has? A grant of its own that equals such a one may be
 * merged into it. */
static bool has_inherited(const struct ts_json *json, const struct ts_id *member)
{
        struct ts_id id;

        TS_JSON_FOREACH (v, ts_json_get_array(json, "grants"))
                if (!ts_json_get_id(v, "subjectId", &id) || !ts_id_equal(&id, member))
                        return true;
        return false;
}

static void on_merged(size_t k, const struct ts_call_result *result, void *userdata)
{
        struct member_reads *b = userdata;
        struct grants *g = b->g;
        size_t i = b->targets[k], n;
        struct ts_member *m = g->targets[i].member;
        struct ts_grant *grants;
        struct ts_err err = { 0 };

        if (result->verdict != TS_VERDICT_OK ||
            ts_read_subject(result->json, &m->id, g->live, &g->live->arena, &grants, &n, &err) < 0 ||
            has_inherited(result->json, &m->id))
                return; /* stays failed */
        m->grants = grants;
        m->n_grants = (uint32_t) n;
        g->states[i] = MEMBER_MERGED;
}

/* The request for a subject with very many grants fails; without duplicates it succeeds, and the roles show
 * whether that response is complete. */
static int read_merged(struct grants *g, struct ts_err *err)
{
        TS_CLEANUP(ts_freep) struct member_reads *b = ts_calloc(1, sizeof(*b));
        int r = 0;

        b->g = g;
        for (size_t first = 0; r >= 0 && first < g->n; first += BATCH) {
                size_t end = g->n - first < BATCH ? g->n : first + BATCH;

                b->n = 0;
                for (size_t i = first; i < end; i++) {
                        if (g->states[i] != MEMBER_FAILED)
                                continue;
                        b->targets[b->n] = (uint32_t) i;
                        b->calls[b->n++] = (struct ts_call){ .op = TS_OP_GET_SUBJECT_MERGED,
                                                             .ids = { g->targets[i].member->id } };
                }
                r = member_reads_run(b, on_merged, err);
                if (r >= 0)
                        r = read_roles_of(g, first, end, MEMBER_MERGED, BATCH, err);
        }
        return r;
}

/* ---------------------------------------------------------------------------------------------- the sweep */

static uint32_t prefix_of(const struct ts_id *id)
{
        uint32_t prefix;

        memcpy(&prefix, id->bytes, sizeof(prefix));
        return be32toh(prefix);
}

static int compare_to_id(const struct grants *g, const struct indexed *x, const struct ts_id *id)
{
        uint32_t prefix = prefix_of(id);

        if (x->prefix != prefix)
                return x->prefix < prefix ? -1 : 1;
        return ts_id_compare(&g->targets[x->target].member->id, id);
}

/* Targets of one id stay in their order. */
static int compare_indexed(const void *pa, const void *pb, void *userdata)
{
        const struct grants *g = userdata;
        const struct indexed *a = pa, *b = pb;
        int c = compare_to_id(g, a, &g->targets[b->target].member->id);

        return c != 0 ? c : a->target < b->target ? -1 : a->target > b->target;
}

/* A map of as many members takes eight times the memory. */
static void index_targets(struct grants *g)
{
        g->index = ts_calloc(g->n, sizeof(*g->index));
        for (size_t i = 0; i < g->n; i++)
                g->index[i] = (struct indexed){ prefix_of(&g->targets[i].member->id), (uint32_t) i };
        qsort_r(g->index, g->n, sizeof(*g->index), compare_indexed, g);
}

/* The first target whose member has that id; NO_TARGET: none has. */
static uint32_t find_target(const struct grants *g, const struct ts_id *id)
{
        size_t low = 0, high = g->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (compare_to_id(g, &g->index[middle], id) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < g->n && compare_to_id(g, &g->index[low], id) == 0 ? g->index[low].target : NO_TARGET;
}

static int sweep_on_entity(size_t i, const struct ts_json *entity, void *userdata, struct ts_err *err)
{
        struct grants *g = userdata;
        const struct ts_json *divisions;
        struct ts_id id = { 0 };
        uint32_t target;

        (void) ts_json_get_id(entity, "id", &id); /* the listing has checked it */
        target = find_target(g, &id);
        if (target == NO_TARGET)
                return 0; /* one of the organization's own, or a member that no declaration lists */

        divisions = ts_json_get_array(entity, "divisions");
        if (!divisions || divisions->n == 0)
                return ts_err_set(err, TS_ERR_REMOTE, -EBADMSG, "a member's grant has no usable 'divisions'");
        TS_JSON_FOREACH (v, divisions) {
                struct swept *s;
                int r;

                TS_GROW(g->found, g->n_found_allocated, g->n_found);
                s = &g->found[g->n_found];
                *s = (struct swept){ .target = target, .role = (uint32_t) i };
                r = ts_read_division(v, g->live, &s->division, err);
                if (r < 0)
                        return r;
                g->n_found++;
        }
        return 0;
}

static void sweep_on_restart(size_t i, void *userdata)
{
        struct grants *g = userdata;
        size_t n = 0;

        for (size_t k = 0; k < g->n_found; k++)
                if (g->found[k].role != i)
                        g->found[n++] = g->found[k];
        g->n_found = n;
}

/* One listing a role, by the catalogue's indices. */
static void sweep_init(struct grants *g)
{
        if (g->sweep.items)
                return;
        ts_listings_init(&g->sweep, g->client, &g->live->arena, g->live->catalog.n_roles,
                         TS_OP_LIST_ROLE_SUBJECTS);
        for (size_t i = 0; i < g->sweep.n; i++)
                g->sweep.items[i].id = g->live->catalog.roles[i].id;
        g->sweep.on_entity = sweep_on_entity;
        g->sweep.on_restart = sweep_on_restart;
        g->sweep.userdata = g;
        index_targets(g);
}

/* Page 1 of role after role, until it is known whether the sweep or reading each member costs less from here
 * on. */
static int probe_sweep(struct grants *g, bool *ret_sweep, struct ts_err *err)
{
        uint64_t per_member = (uint64_t) g->n + 1;
        int r;

        sweep_init(g);
        while (g->sweep.n_probed < g->sweep.n &&
               g->sweep.n_requests + ts_listings_count_left(&g->sweep) <= per_member) {
                r = ts_listings_probe(&g->sweep, PROBE_MAX, err);
                if (r < 0)
                        return r;
        }
        *ret_sweep = ts_listings_count_left(&g->sweep) <= per_member;
        return 0;
}

static bool is_uncertain(const struct ts_read_target *t)
{
        return t->member->grants_coverage != TS_COVERAGE_COMPLETE;
}

/* A page that is missing may hold a grant of any member: then nobody's grants are certain. False: it is
 * complete; else @ret_err says why not. */
static bool sweep_is_incomplete(const struct grants *g, struct ts_err *ret_err)
{
        const struct ts_err *first = NULL;
        struct ts_err err = { 0 };
        size_t n = 0;

        for (size_t i = 0; i < g->sweep.n; i++) {
                if (g->sweep.items[i].coverage == TS_COVERAGE_COMPLETE)
                        continue;
                if (n++ == 0)
                        first = g->sweep.items[i].err;
        }
        if (n == 0 && g->live->catalog.n_roles == g->sweep.n)
                return false;
        if (first)
                err = *first;
        else
                (void) ts_err_set(&err, TS_ERR_REMOTE, -EBADMSG,
                                  "members hold roles that the list of roles has not");
        (void) ts_err_wrap(&err, err.code, "%zu of %zu role%s could not be read completely", n, g->sweep.n,
                           TS_S(g->sweep.n));
        *ret_err = err;
        return true;
}

/* In one sentence, whoever is concerned. */
static void note_uncertain(const struct grants *g, const struct ts_err *why)
{
        struct ts_err err = *why;
        size_t n = 0;

        for (size_t i = 0; i < g->n; i++)
                n += is_uncertain(&g->targets[i]) && g->states[i] != MEMBER_UNREADABLE;
        if (n == 0)
                return;
        (void) ts_err_wrap(&err, err.code, "the grants of %zu member%s are not certain, because", n, TS_S(n));
        g->warn(NULL, &err, g->warn_userdata);
}

static bool is_swept(const struct grants *g, size_t i)
{
        return g->is_swept_whole || g->states[i] == MEMBER_FAILED;
}

/* Sorts what was found by member, in one piece of memory. */
static void distribute(struct grants *g)
{
        TS_CLEANUP(ts_freep) size_t *ends = ts_calloc(g->n + 1, sizeof(*ends)); /* [i + 1]: of target i */
        struct ts_grant *all = TS_ARENA_ARRAY(&g->live->arena, struct ts_grant, g->n_found);

        for (size_t k = 0; k < g->n_found; k++)
                ends[g->found[k].target + 1]++;
        for (size_t i = 0; i < g->n; i++) {
                if (is_swept(g, i)) {
                        g->targets[i].member->grants = all + ends[i];
                        g->targets[i].member->n_grants = (uint32_t) ends[i + 1];
                }
                ends[i + 1] += ends[i];
        }
        for (size_t k = 0; k < g->n_found; k++) {
                const struct swept *s = &g->found[k];

                all[ends[s->target]++] = (struct ts_grant){ .role = s->role, .division = s->division };
        }
}

static void settle_sweep(struct grants *g, bool complete)
{
        distribute(g);
        for (size_t i = 0; i < g->n; i++) {
                struct ts_member *m = g->targets[i].member;
                uint32_t first = find_target(g, &m->id);

                if (!is_swept(g, i))
                        continue;
                m->n_grants = (uint32_t) ts_grants_normalise(m->grants, m->n_grants);
                if (first != i) { /* the same user in two trusts: its grants are those of the subject */
                        m->grants = g->targets[first].member->grants;
                        m->n_grants = g->targets[first].member->n_grants;
                }
                m->grants_coverage = complete ? TS_COVERAGE_COMPLETE : TS_COVERAGE_PARTIAL;
        }
}

/* What the sweep showed of a member, while it is read by itself. */
struct shown {
        struct ts_grant *grants;
        uint32_t n_grants;
};

/* Somebody who joins and leaves all the time keeps a sweep from ever being whole. That must not hold the
 * changes of others: members are read one by one. What was seen before is there in any case. */
static int read_one_by_one(struct grants *g, struct ts_err *err)
{
        TS_CLEANUP(ts_freep) struct shown *shown = ts_calloc(g->n, sizeof(*shown));
        size_t n = g->sweep.n_requests > ONE_BY_ONE_MIN ? (size_t) g->sweep.n_requests : ONE_BY_ONE_MIN;
        int r;

        for (size_t i = 0; i < g->n; i++)
                shown[i] = (struct shown){ g->targets[i].member->grants, g->targets[i].member->n_grants };
        memset(g->states, MEMBER_UNREAD, g->n * sizeof(*g->states));
        r = read_member_by_member(g, n < g->n ? n : g->n, err);
        for (size_t i = 0; i < g->n; i++) {
                struct ts_member *m = g->targets[i].member;

                if (r >= 0 && g->subjects != TS_SUBJECT_READS_UNUSABLE && is_known(g, i)) {
                        m->grants_coverage = TS_COVERAGE_COMPLETE;
                        continue;
                }
                m->grants = shown[i].grants;
                m->n_grants = shown[i].n_grants;
        }
        return r;
}

static int read_sweep(struct grants *g, struct ts_err *err)
{
        struct ts_err why = { 0 };
        bool incomplete;
        int r;

        sweep_init(g);
        r = ts_listings_read(&g->sweep, err);
        if (r < 0)
                return r;
        incomplete = sweep_is_incomplete(g, &why);
        settle_sweep(g, !incomplete);
        if (incomplete && g->is_swept_whole && g->subjects != TS_SUBJECT_READS_UNUSABLE) {
                g->live->grants_note = ts_arena_printf(&g->live->arena,
                                                       "the holders of roles could not be read completely "
                                                       "(%s), so members were read one by one",
                                                       why.msg);
                r = read_one_by_one(g, err);
        }
        if (r >= 0 && incomplete)
                note_uncertain(g, &why);
        return r;
}

/* Whose subject failed: the ways that are left, the cheaper one first. */
static int read_failed(struct grants *g, struct ts_err *err)
{
        int r;

        if (count_in_state(g, 0, g->n, MEMBER_FAILED) == 0)
                return 0;
        r = read_merged(g, err);
        settle_members(g);
        if (r < 0 || count_in_state(g, 0, g->n, MEMBER_FAILED) == 0)
                return r;
        if (g->live->catalog.complete)
                return read_sweep(g, err);
        for (size_t i = 0; i < g->n; i++)
                if (g->states[i] == MEMBER_FAILED)
                        member_is_unreadable(g, i, &g->failure);
        return 0;
}

/* ---------------------------------------------------------------------------------------------- which way */

static const char *how_by_member(const struct grants *g, const char *why)
{
        const char *proof;

        if (g->subjects == TS_SUBJECT_READS_PROVEN)
                proof = g->n == 1 ? "which its roles confirmed" : "which the roles of one of them confirmed";
        else
                proof = g->n == 1 ? "which has no role" : "none of whom has a role";
        return ts_arena_printf(&g->live->arena, "the grants of %zu member%s were read by member, %s: %s",
                               g->n, TS_S(g->n), proof, why);
}

static const char *how_by_sweep(const struct grants *g, const char *why)
{
        return ts_arena_printf(
                        &g->live->arena,
                        "the grants of %zu member%s were read by role, in %llu page%s of %zu role%s: %s",
                        g->n, TS_S(g->n), (unsigned long long) g->sweep.n_requests, TS_S(g->sweep.n_requests),
                        g->sweep.n, TS_S(g->sweep.n), why);
}

/* The list of roles is not whole: a sweep would prove nothing. */
static void give_up(struct grants *g, const char **ret_how)
{
        struct ts_err err = { 0 };

        (void) ts_err_set(&err, TS_ERR_REMOTE, -EBADMSG,
                          "the grants of %zu member%s cannot be known, because the list of roles or "
                          "divisions could not be read completely",
                          g->n, TS_S(g->n));
        g->warn(NULL, &err, g->warn_userdata);
        for (size_t i = 0; i < g->n; i++)
                g->targets[i].member->grants_coverage = TS_COVERAGE_PARTIAL;
        *ret_how = "no grants were read: the list of roles is not complete";
}

static int read_cheapest(struct grants *g, const char **ret_how, struct ts_err *err)
{
        size_t n_roles = g->live->catalog.n_roles;
        bool few = g->n + 1 <= n_roles, sweep = false;
        const char *why = few ? "there are more roles than members"
                              : "the roles have more pages than there are members";
        int r;

        if (!few && g->live->catalog.complete) {
                r = probe_sweep(g, &sweep, err);
                if (r < 0)
                        return r;
                g->why = "that costs no more than one request a member";
        }
        if (!sweep && (few || g->live->catalog.complete)) {
                r = read_member_by_member(g, g->n, err);
                if (r < 0)
                        return r;
                if (g->subjects != TS_SUBJECT_READS_UNUSABLE) {
                        settle_members(g);
                        *ret_how = how_by_member(g, why);
                        return read_failed(g, err);
                }
        }
        if (!g->live->catalog.complete) {
                give_up(g, ret_how);
                return 0;
        }
        g->is_swept_whole = true;
        r = read_sweep(g, err);
        if (r < 0)
                return r;
        *ret_how = how_by_sweep(g, g->why);
        return 0;
}

static void grants_done(struct grants *g)
{
        ts_listings_done(&g->sweep);
        free(g->index);
        free(g->states);
        free(g->found);
}

int ts_read_grants(struct ts_client *client, struct ts_live *live, const struct ts_read_target *targets,
                   size_t n, enum ts_subject_reads *ret_subjects, const char **ret_how, ts_read_warn warn,
                   void *warn_userdata, struct ts_err *err)
{
        TS_CLEANUP(grants_done)
        struct grants g = {
                .client = client,
                .live = live,
                .targets = targets,
                .n = n,
                .warn = warn,
                .warn_userdata = warn_userdata,
        };
        const char *how = "no grants had to be read";
        int r;

        g.states = ts_calloc(n, sizeof(*g.states));
        if (n > 0) {
                r = read_cheapest(&g, &how, err);
                if (r < 0)
                        return r;
        }
        *ret_subjects = g.subjects;
        *ret_how = how;
        return 0;
}
