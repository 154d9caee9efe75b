/*
 * bench_diff - what diff, plan and limits cost, apart from any request
 *
 * bench_diff GRANTS: a live state of so many grants, and declarations in which every tenth member differs.
 * Prints one line: grants, changes, CPU time, peak memory.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "trust/diff.h"
#include "trust/limits.h"
#include "trust/resolve.h"
#include "util/mem.h"

#define ROLES 40u
#define DIVISIONS 25u
#define GRANTS_PER_MEMBER 10u
#define MEMBERS_PER_TRUST 25u

struct world {
        struct ts_live *live;
        struct ts_declarations *declarations;
        struct ts_decl_text divisions[DIVISIONS];
        const char *roles[ROLES];
        size_t n_trusts;
};

static struct ts_id make_id(uint32_t kind, uint32_t i, uint32_t k)
{
        char text[40];
        struct ts_id id;

        (void) snprintf(text, sizeof(text), "%08" PRIx32 "-0000-4000-8000-%04" PRIx32 "%08" PRIx32, kind,
                        k & 0xffff, i);
        if (!ts_id_parse_string(text, &id))
                abort();
        return id;
}

static void make_catalog(struct world *w)
{
        struct ts_live *live = w->live;

        for (uint32_t i = 0; i < ROLES; i++) {
                struct ts_id id = make_id(1, i, 0);

                w->roles[i] = ts_arena_printf(&live->arena, "Role %" PRIu32, i);
                (void) ts_catalog_add_role(&live->catalog, &id, w->roles[i]);
        }
        for (uint32_t i = 0; i < DIVISIONS; i++) {
                struct ts_id id = make_id(2, i, 0);

                w->divisions[i].text = ts_arena_printf(&live->arena, "Division %" PRIu32, i);
                (void) ts_catalog_add_division(&live->catalog, &id, w->divisions[i].text);
        }
        live->catalog.complete = true;
}

/* Grant k of member m: the roles go round, a division each. */
static uint32_t role_of(uint32_t m, uint32_t k)
{
        return (m + k) % ROLES;
}

static uint32_t division_of(uint32_t m, uint32_t k)
{
        return (m * 7 + k) % DIVISIONS;
}

static void make_live_member(struct world *w, struct ts_member *member, uint32_t t, uint32_t m)
{
        struct ts_grant *grants = TS_ARENA_ARRAY(&w->live->arena, struct ts_grant, GRANTS_PER_MEMBER);

        for (uint32_t k = 0; k < GRANTS_PER_MEMBER; k++) /* division 0 is "all" */
                grants[k] = (struct ts_grant){ .role = role_of(m, k), .division = 1 + division_of(m, k) };
        *member = (struct ts_member){
                .kind = TS_KIND_USER,
                .id = make_id(4, m, t),
                .email = ts_arena_printf(&w->live->arena, "user%" PRIu32 "@partner%" PRIu32 ".example", m, t),
                .created = TS_TIME_UNSET,
                .grants_coverage = TS_COVERAGE_COMPLETE,
                .grants = grants,
                .n_grants = (uint32_t) ts_grants_normalise(grants, GRANTS_PER_MEMBER),
        };
}

static void make_decl_member(struct world *w, struct ts_decl_member *member, const struct ts_member *live,
                             uint32_t m)
{
        struct ts_arena *arena = &w->declarations->arena;
        uint32_t differs = m % 10 == 0;

        *member = (struct ts_decl_member){
                .kind = TS_KIND_USER,
                .key = live->email,
                .source = { "trusts.d/bench.yaml", m + 1, 1 },
                .grants_managed = true,
                .roles = { TS_ARENA_ARRAY(arena, struct ts_decl_role, GRANTS_PER_MEMBER), GRANTS_PER_MEMBER },
                .from = TS_TIME_UNSET,
                .until = TS_TIME_UNSET,
        };
        for (uint32_t k = 0; k < GRANTS_PER_MEMBER; k++)
                member->roles.items[k] = (struct ts_decl_role){
                        .role = w->roles[role_of(m, k)],
                        .source = member->source,
                        .divisions = &w->divisions[division_of(m, k + differs)],
                        .n_divisions = 1,
                };
}

static void make_trust(struct world *w, struct ts_trust *live, struct ts_decl_trust *decl, uint32_t t)
{
        *live = (struct ts_trust){
                .direction = TS_TRUSTEE,
                .id = make_id(3, t, 0),
                .name = ts_arena_printf(&w->live->arena, "Partner %" PRIu32, t),
                .enabled = true,
                .expires = TS_TIME_NEVER,
                .created = 1700000000,
                .users = { .coverage = TS_COVERAGE_COMPLETE,
                           .items = TS_ARENA_ARRAY(&w->live->arena, struct ts_member, MEMBERS_PER_TRUST),
                           .n = MEMBERS_PER_TRUST },
        };
        *decl = (struct ts_decl_trust){
                .direction = TS_TRUSTEE,
                .alias = ts_arena_printf(&w->declarations->arena, "partner%06" PRIu32, t),
                .source = { "trusts.d/bench.yaml", t + 1, 1 },
                .id = live->id,
                .expires = TS_TIME_UNSET,
                .users = { .managed = true,
                           .items = TS_ARENA_ARRAY(&w->declarations->arena, struct ts_decl_member,
                                                   MEMBERS_PER_TRUST),
                           .n = MEMBERS_PER_TRUST },
        };
        for (uint32_t i = 0; i < MEMBERS_PER_TRUST; i++) {
                make_live_member(w, &live->users.items[i], t, t * MEMBERS_PER_TRUST + i);
                make_decl_member(w, &decl->users.items[i], &live->users.items[i], t * MEMBERS_PER_TRUST + i);
        }
}

static void make_world(struct world *w, size_t n_grants)
{
        struct ts_decl_organization *o;

        w->n_trusts = n_grants / (MEMBERS_PER_TRUST * GRANTS_PER_MEMBER);
        w->live = ts_live_new();
        w->declarations = ts_calloc(1, sizeof(*w->declarations));
        w->declarations->arena = (struct ts_arena) TS_ARENA_INIT;
        make_catalog(w);
        o = TS_ARENA_ARRAY(&w->declarations->arena, struct ts_decl_organization, 1);
        *o = (struct ts_decl_organization){
                .alias = "bench",
                .trusts = TS_ARENA_ARRAY(&w->declarations->arena, struct ts_decl_trust, w->n_trusts),
                .n_trusts = w->n_trusts,
        };
        w->declarations->organizations = o;
        w->declarations->n_organizations = 1;
        w->live->organization_id = make_id(5, 0, 0);
        w->live->trusts_coverage = TS_COVERAGE_COMPLETE;
        w->live->trusts = TS_ARENA_ARRAY(&w->live->arena, struct ts_trust, w->n_trusts);
        w->live->n_trusts = w->n_trusts;
        for (uint32_t t = 0; t < w->n_trusts; t++)
                make_trust(w, &w->live->trusts[t], &o->trusts[t], t);
}

static double cpu_seconds(void)
{
        struct timespec t;

        (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* cannot fail */
        return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static long peak_kib(void)
{
        FILE *f = fopen("/proc/self/status", "re");
        char line[256];
        long kib = -1;

        while (f && fgets(line, sizeof(line), f))
                if (strncmp(line, "VmHWM:", 6) == 0)
                        kib = strtol(line + 6, NULL, 10);
        if (f)
                (void) fclose(f); /* only read */
        return kib;
}

int main(int argc, char *argv[])
{
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = NULL;
        TS_CLEANUP(ts_desired_freep) struct ts_desired *desired = NULL;
        unsigned long n = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
        struct ts_policy policy = { .limits = { UINT32_MAX, UINT32_MAX, UINT32_MAX, 100, 25 } };
        struct ts_diff_input in;
        struct world w = { 0 };
        double start, resolved, end;
        long before;

        if (n < MEMBERS_PER_TRUST * GRANTS_PER_MEMBER || n > 100000000) {
                (void) fprintf(stderr, "usage: bench_diff GRANTS (250 to 100000000)\n");
                return 64;
        }
        make_world(&w, n);
        before = peak_kib();

        start = cpu_seconds();
        desired = ts_resolve_members(&w.declarations->organizations[0], w.live, NULL);
        ts_resolve_grants(desired, w.live, &policy);
        resolved = cpu_seconds();
        in = (struct ts_diff_input){ .organization = "bench",
                                     .live = w.live,
                                     .desired = desired,
                                     .policy = &policy,
                                     .now = 1800000000 };
        plan = ts_diff(&in);
        ts_limits_check(plan, w.live, &policy.limits, NULL, in.now);
        end = cpu_seconds();

        printf("%8lu grants: resolve %6.3f s, diff, plan and limits %6.3f s, %6zu changes, %7.1f ns a grant, "
               "%6.1f MiB beyond the states' %.1f MiB\n",
               n, resolved - start, end - resolved, plan->n_changes, (end - start) * 1e9 / (double) n,
               (double) (peak_kib() - before) / 1024, (double) before / 1024);
        ts_declarations_free(w.declarations);
        ts_live_free(w.live);
        return plan->n_changes == w.n_trusts * MEMBERS_PER_TRUST / 10 ? 0 : 1;
}
