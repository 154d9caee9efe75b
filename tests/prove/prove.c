/*
 * prove - the promises as figures: kills, faults, lies and other hands, in virtual time, from a seed
 *
 *   prove [--seed N] [--runs N] [--suite random|kill|faults|lies|adversaries] [--stride N] [--verbose]
 *
 * Whatever happens, the simulator's invariants hold after every request; once it stops happening, two cycles
 * reach the declaration, and the next one writes nothing. The first failure ends the program, with the seed
 * that shows it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "prove.h"
#include "util/log.h"

_Noreturn void prove_fail(const struct prove *p, uint64_t seed, const char *what)
{
        fprintf(stderr,
                "prove: FAILED in %s, seed %" PRIu64 ": %s\n"
                "prove: again with: prove --suite %s --seed %" PRIu64 " --runs 1 --stride 1 --verbose\n",
                p->running, seed, what, p->running, seed);
        harness_remove_directory();
        exit(1);
}

struct outcome prove_cycle(struct prove *p, struct harness *h, size_t daemon, uint64_t seed)
{
        struct outcome o = harness_cycle(h, daemon);

        p->n_cycles++;
        p->n_busy += o.status == TS_EXIT_BUSY;
        p->n_requests += o.requests;
        p->n_writes += o.writes;
        p->n_kills += o.was_killed;
        for (size_t i = 0; i < TS_ACTION_MAX_; i++)
                p->n_applied[i] += o.applied_of[i];
        for (size_t i = 0; i < GUARD_MAX_; i++)
                p->n_guards[i] += o.guards[i];
        p->n_refused += o.refused;
        p->n_held += o.held > 0;
        p->n_incomplete += !o.complete;
        if (p->is_verbose)
                fprintf(stderr,
                        "prove: cycle of %zu: status %d, %u planned, %u applied, %u failed, %u held, %u "
                        "waiting, %u "
                        "skipped, %u refusals, "
                        "%" PRIu64 " requests, %" PRIu64 " writes%s%s\n",
                        daemon, o.status, o.planned, o.applied, o.failed, o.held, o.waiting, o.skipped,
                        o.refusals, o.requests, o.writes, o.complete ? "" : ", incomplete",
                        o.was_killed ? ", killed" : "");
        p->n_races += h->n_races;
        h->n_races = 0;
        if (!harness_is_sound(h))
                prove_fail(p, seed, "an invariant was broken");
        return o;
}

static struct outcome cycle(struct prove *p, struct harness *h, uint64_t seed)
{
        return prove_cycle(p, h, 0, seed);
}

static void check_rest(struct prove *p, const struct outcome *o, uint64_t seed)
{
        if (o->refused)
                return; /* a limit: nothing of it is written, which the invariants see */
        if (!outcome_is_converged(o))
                prove_fail(p, seed, "the third cycle after the faults still wrote or planned something");
        if (!o->complete && o->failed == 0 && o->held == 0 && o->waiting == 0)
                prove_fail(p, seed, "nothing is wrong any more, and the view is still incomplete");
        p->n_converged++;
}

/* For so long the program waits at most before it removes again what it removed without effect. */
#define REST_USEC (20 * TS_USEC_PER_MINUTE)

/* Nothing goes wrong any more: the time that writes need to show passes, then two cycles have to be
 * enough. */
static void converge(struct prove *p, struct harness *h, uint64_t seed)
{
        struct ts_err err = { 0 };

        h->faults = false;
        if (ts_simulator_set_faults(h->sim, "[]", 2, &err) < 0)
                prove_fail(p, seed, err.msg);
        ts_virtual_clock_advance_to(&h->clock, h->clock.boottime_usec + REST_USEC);
        for (size_t i = 0; i < h->n_daemons; i++)
                harness_set_clock(h, i, 0);
        for (unsigned n = 0; n < 2; n++)
                for (size_t i = 0; i < h->n_daemons; i++)
                        (void) prove_cycle(p, h, i, seed);
        for (size_t i = 0; i < h->n_daemons; i++) {
                struct outcome o = prove_cycle(p, h, i, seed);

                check_rest(p, &o, seed);
        }
}

/* ------------------------------------------------------------------------------------------------- random */

struct chaos {
        struct prove *prove;
        struct harness *harness;
        uint64_t seed, random;
        unsigned lose_percent, kill_permille, edit_percent, clock_permille;
};

/* Somebody sets it, the battery is empty, a virtual machine was asleep: from within what is tolerated to
 * years. */
static void jump(struct chaos *c, struct harness *h)
{
        static const int64_t skews[] = {
                0, 1, -1, 240, -240, 400, -400, 90000, -90000, 315360000, -315360000
        };

        harness_set_clock(h, scenario_random(&c->random) % h->n_daemons,
                          skews[scenario_random(&c->random) % TS_N_ELEMENTS(skews)]);
        c->prove->n_jumps++;
}

static void on_chaos(struct harness *h, struct ts_sim_exchange *e, void *userdata)
{
        static const enum ts_sim_action losses[] = { TS_SIM_REFUSE, TS_SIM_LOSE_BEFORE, TS_SIM_LOSE_AFTER };
        struct chaos *c = userdata;

        if (scenario_chance(&c->random, c->edit_percent)) {
                TS_CLEANUP(ts_buf_done) struct ts_buf edit = TS_BUF_INIT(4096);

                scenario_edit(&c->random, &h->scenario, &edit);
                c->prove->n_edits += harness_edit(h, edit.data, edit.len); /* some do not apply */
        }
        if (scenario_random(&c->random) % 1000 < c->clock_permille)
                jump(c, h);
        if (scenario_random(&c->random) % 1000 < c->kill_permille)
                e->action = scenario_chance(&c->random, 50) ? TS_SIM_KILL_BEFORE : TS_SIM_KILL_AFTER;
        else if (scenario_chance(&c->random, c->lose_percent))
                e->action = losses[scenario_random(&c->random) % TS_N_ELEMENTS(losses)];
}

static const char *const chaos_scripts[] = {
        "[]",
        "[{\"every\":7,\"status\":503}]",
        "[{\"every\":5,\"status\":429,\"retry_after\":\"2\"}]",
        "[{\"every\":9,\"truncate\":20},{\"every\":11,\"garbage\":true}]",
        "[{\"match\":{\"method\":\"P*\"},\"every\":2,\"status\":500,\"effect\":true}]",
        "[{\"every\":13,\"expire_token\":true}]",
        "[{\"match\":{\"path\":\"/api/v2/orgauthorization/*\"},\"every\":6,\"wrong_total\":1}]",
        "[{\"match\":{\"method\":\"GET\"},\"every\":5,\"stale\":3}]",
        "[{\"match\":{\"method\":\"P*\"},\"slow_propagation_ms\":40000}]",
        "[{\"after\":9,\"times\":1,\"empty_list\":true},{\"every\":17,\"hang\":true}]",
        "[{\"match\":{\"method\":\"DELETE\"},\"every\":2,\"ignored\":true}]",
        "[{\"match\":{\"method\":\"P*\"},\"every\":2,\"ignored\":true}]",
        "[{\"match\":{\"path\":\"/api/v2/orgauthorization/trustees/*/*/*\"},\"status\":404,\"for_ms\":3000}]",
        "[{\"match\":{\"path\":\"/api/v2/orgauthorization/*\"},\"spoil\":\"name\",\"text\":\"\\\\ud83d\"}]",
        "[{\"match\":{\"path\":\"/api/v2/authorization/roles/*/subjectgrants\"},\"every\":3,\"status\":500}]",
};

static void live_in_chaos(size_t i, void *userdata)
{
        struct chaos *c = userdata;

        for (unsigned n = 0; n < 4; n++)
                (void) prove_cycle(c->prove, c->harness, i, c->seed);
}

static void run_random(struct prove *p, uint64_t seed)
{
        struct scenario_options o = {
                .seed = seed, .max_trusts = 8, .max_users = 8, .drift_percent = (unsigned) (seed % 40)
        };
        struct chaos chaos = { .prove = p, .seed = seed, .random = seed ^ 0x5eed };
        const char *script = chaos_scripts[seed % TS_N_ELEMENTS(chaos_scripts)];
        enum harness_kind kind =
                        seed % 2 == 0 ? HARNESS_ALONE : (enum harness_kind)(seed / 2 % HARNESS_KIND_MAX_);
        TS_CLEANUP(harness_done) struct harness h;
        struct ts_err err = { 0 };
        struct ts_digest trace;

        chaos.lose_percent = (unsigned) (scenario_random(&chaos.random) % 8);
        chaos.kill_permille = (unsigned) (scenario_random(&chaos.random) % 30);
        chaos.edit_percent = (unsigned) (scenario_random(&chaos.random) % 6);
        if (scenario_chance(&chaos.random, 30))
                chaos.clock_permille = (unsigned) (scenario_random(&chaos.random) % 50);
        if (strstr(script, "stale"))
                chaos.edit_percent = 0; /* nobody can know of what is neither shown nor our own doing */
        o.other_hands = chaos.edit_percent > 0;
        o.wide_limits = kind == HARNESS_TWO_HOSTS; /* each keeps its own count */
        harness_init(&h, kind, &o);
        chaos.harness = &h;
        h.before = on_chaos;
        h.userdata = &chaos;
        if (ts_simulator_set_faults(h.sim, script, strlen(script), &err) < 0)
                prove_fail(p, seed, err.msg);
        p->n_harnesses[kind]++;
        harness_run(&h, live_in_chaos, &chaos);
        converge(p, &h, seed);
        trace = harness_trace(&h);
        ts_sha256_put(p->trace, trace.bytes, sizeof(trace.bytes));
}

/* A generator that never gets there proves nothing. */
static void check_reach(const struct prove *p)
{
        static const enum ts_action actions[] = {
                TS_TRUST_CREATE, TS_TRUST_UPDATE, TS_TRUST_ENABLE, TS_TRUST_DISABLE,
                TS_TRUST_DELETE, TS_USER_ADD,     TS_USER_UPDATE,  TS_USER_REMOVE,
                TS_GROUP_ADD,    TS_GROUP_UPDATE, TS_GROUP_REMOVE,
        };

        for (size_t i = 0; i < TS_N_ELEMENTS(actions); i++)
                if (p->n_applied[actions[i]] == 0)
                        prove_fail(p, p->seed, ts_action_to_string(actions[i]));
        for (size_t i = 0; i < GUARD_MAX_; i++)
                if (p->n_guards[i] == 0)
                        prove_fail(p, p->seed, guard_words[i]);
        if (p->n_kills == 0 || p->n_edits == 0 || p->n_refused == 0 || p->n_incomplete == 0)
                prove_fail(p, p->seed, "no kill, no edit, no refusal, or nothing incomplete in all the runs");
        if (p->n_busy == 0 || p->n_jumps == 0)
                prove_fail(p, p->seed, "no writer kept another one out, or no clock jumped in all the runs");
        printf("random: %" PRIu64 " worlds, %" PRIu64 " of them with daemons on two hosts, %" PRIu64
               " with two on one (one kept the other out %" PRIu64 " times); %" PRIu64
               " jumps of a clock; what kept changes back:",
               p->n_runs, p->n_harnesses[HARNESS_TWO_HOSTS], p->n_harnesses[HARNESS_ONE_HOST], p->n_busy,
               p->n_jumps);
        for (size_t i = 0; i < GUARD_MAX_; i++)
                printf("%s %" PRIu64 " \"%s\"", i > 0 ? "," : "", p->n_guards[i], guard_words[i]);
        printf("\n");
}

static void suite_random(struct prove *p)
{
        struct ts_digest trace;

        p->trace = ts_sha256_new();
        for (uint64_t i = 0; i < p->n_runs; i++)
                run_random(p, p->seed + i);
        trace = ts_sha256_finish(TS_TAKE(p->trace));
        printf("random: trace of all requests %s\n", ts_digest_format(&trace).s);
        if (p->n_runs >= 1000)
                check_reach(p);
}

/* --------------------------------------------------------------------------------------------------- kill */

struct kill {
        uint64_t at, second; /* the request, counted from the first one of the harness; 0: none */
        uint64_t n;
        enum ts_sim_action action;
};

static void on_kill(struct harness *h, struct ts_sim_exchange *e, void *userdata)
{
        struct kill *k = userdata;

        (void) h;
        k->n++;
        if (k->n == k->at || (k->second > 0 && k->n == k->second))
                e->action = k->action;
}

static const struct scenario_options kill_scenario = {
        .max_trusts = 110, .is_exact = true, .max_users = 20, .drift_percent = 45, .wide_limits = true
};

/* Killed at one request, perhaps once more in the recovery, then left in peace. */
static void run_kill(struct prove *p, uint64_t seed, uint64_t at, uint64_t second, enum ts_sim_action action)
{
        struct scenario_options o = kill_scenario;
        struct kill kill = { .at = at, .second = second, .action = action };
        TS_CLEANUP(harness_done) struct harness h;

        o.seed = seed;
        harness_init(&h, HARNESS_ALONE, &o);
        h.before = on_kill;
        h.userdata = &kill;
        (void) cycle(p, &h, seed);
        if (second > 0)
                (void) cycle(p, &h, seed);
        converge(p, &h, seed);
}

/* How many requests, and how many of them write, an undisturbed cycle makes. */
static struct outcome measure(struct prove *p, uint64_t seed)
{
        struct scenario_options o = kill_scenario;
        TS_CLEANUP(harness_done) struct harness h;

        o.seed = seed;
        harness_init(&h, HARNESS_ALONE, &o);
        h.faults = false;
        return cycle(p, &h, seed);
}

static void suite_kill(struct prove *p)
{
        uint64_t seed = p->seed, random = p->seed;
        struct outcome o = measure(p, seed);
        uint64_t n = 0;

        while (o.applied < 500) /* a plan of five hundred changes, at least */
                o = measure(p, ++seed);
        for (uint64_t at = 1 + p->seed % p->stride; at <= o.requests; at += p->stride, n += 4) {
                uint64_t second = at + 1 + scenario_random(&random) % 60;

                run_kill(p, seed, at, 0, TS_SIM_KILL_BEFORE);
                run_kill(p, seed, at, 0, TS_SIM_KILL_AFTER);
                run_kill(p, seed, at, second, TS_SIM_KILL_BEFORE);
                run_kill(p, seed, at, second, TS_SIM_KILL_AFTER);
        }
        printf("kill: a plan of %u changes in %" PRIu64 " requests, killed %" PRIu64
               " times over, every %u%s request\n",
               o.applied, o.requests, n, p->stride, p->stride == 1 ? "st" : "th");
}

/* ------------------------------------------------------------------------------------------------- faults */

/* How one request goes wrong: in the network, or by the simulator's script. */
static const struct {
        const char *name;
        enum ts_sim_action action; /* TS_SIM_PASS: the script */
        const char *what;
} kinds[] = {
        { "no connection", TS_SIM_REFUSE, NULL },
        { "TLS refused", TS_SIM_REFUSE_TLS, NULL },
        { "lost before its effect", TS_SIM_LOSE_BEFORE, NULL },
        { "lost after its effect", TS_SIM_LOSE_AFTER, NULL },
        { "429", TS_SIM_PASS, "\"status\":429,\"retry_after\":\"3\"" },
        { "429 with garbage", TS_SIM_PASS, "\"status\":429,\"retry_after\":\"soon\"" },
        { "401", TS_SIM_PASS, "\"status\":401,\"code\":\"bad.credentials\"" },
        { "403", TS_SIM_PASS, "\"status\":403,\"code\":\"missing.permissions\"" },
        { "404", TS_SIM_PASS, "\"status\":404,\"code\":\"not.found\"" },
        { "409", TS_SIM_PASS, "\"status\":409,\"code\":\"request.conflict\"" },
        { "500", TS_SIM_PASS, "\"status\":500" },
        { "503 after its effect", TS_SIM_PASS, "\"status\":503,\"effect\":true" },
        { "truncated", TS_SIM_PASS, "\"truncate\":15" },
        { "garbage", TS_SIM_PASS, "\"garbage\":true" },
        { "empty", TS_SIM_PASS, "\"empty_body\":true" },
        { "duplicate keys", TS_SIM_PASS, "\"duplicate_keys\":true" },
        { "ignored", TS_SIM_PASS, "\"ignored\":true" },
        { "half a character in names", TS_SIM_PASS, "\"spoil\":\"name\",\"text\":\"\\\\ud83d\"" },
};

struct fault {
        uint64_t at, times, n, n_hit;
        size_t kind;
};

static void on_fault(struct harness *h, struct ts_sim_exchange *e, void *userdata)
{
        struct fault *f = userdata;

        (void) h;
        f->n++;
        if (f->n < f->at || f->n >= f->at + f->times)
                return;
        f->n_hit++;
        if (kinds[f->kind].action != TS_SIM_PASS)
                e->action = kinds[f->kind].action;
}

static void run_fault(struct prove *p, uint64_t seed, uint64_t at, uint64_t times, size_t kind)
{
        struct scenario_options o = { .seed = seed,
                                      .max_trusts = 4,
                                      .is_exact = true,
                                      .max_users = 3,
                                      .drift_percent = 40,
                                      .wide_limits = seed % 2 == 0 };
        struct fault fault = { .at = at, .times = times, .kind = kind };
        TS_CLEANUP(harness_done) struct harness h;
        struct ts_err err = { 0 };
        char script[256];

        harness_init(&h, HARNESS_ALONE, &o);
        h.before = on_fault;
        h.userdata = &fault;
        if (kinds[kind].what) {
                (void) snprintf(script, sizeof(script), "[{\"after\":%" PRIu64 ",\"times\":%" PRIu64 ",%s}]",
                                at - 1, times, kinds[kind].what);
                if (ts_simulator_set_faults(h.sim, script, strlen(script), &err) < 0)
                        prove_fail(p, seed, err.msg);
        }
        (void) cycle(p, &h, seed);
        p->n_faults[kind] += fault.n_hit;
        converge(p, &h, seed);
}

static uint64_t count_requests(struct prove *p, uint64_t seed)
{
        struct scenario_options o = { .seed = seed,
                                      .max_trusts = 4,
                                      .is_exact = true,
                                      .max_users = 3,
                                      .drift_percent = 40,
                                      .wide_limits = seed % 2 == 0 };
        TS_CLEANUP(harness_done) struct harness h;

        harness_init(&h, HARNESS_ALONE, &o);
        h.faults = false;
        return cycle(p, &h, seed).requests;
}

static void suite_faults(struct prove *p)
{
        static const uint64_t times[] = { 1, 2, 1000000 };
        uint64_t n = 0, n_calls = 0;

        for (uint64_t s = 0; s < p->n_runs; s++) {
                uint64_t seed = p->seed + s, n_requests = count_requests(p, seed);

                n_calls += n_requests;
                for (uint64_t at = 1; at <= n_requests; at++)
                        for (size_t k = 0; k < TS_N_ELEMENTS(kinds); k++)
                                for (size_t i = 0; i < TS_N_ELEMENTS(times); i++)
                                        if ((n++ + p->seed) % p->stride == 0)
                                                run_fault(p, seed, at, times[i], k);
        }
        for (size_t k = 0; p->stride < 10 && k < TS_N_ELEMENTS(kinds); k++)
                if (p->n_faults[k] == 0)
                        prove_fail(p, p->seed, kinds[k].name);
        printf("faults: %" PRIu64 " calls, each failing in %zu ways, once, twice and for ever: %" PRIu64
               " cases, every %u%s tried\n",
               n_calls, TS_N_ELEMENTS(kinds), n, p->stride, p->stride == 1 ? "st" : "th");
}

/* --------------------------------------------------------------------------------------------------- lies */

static const char *const lies[] = {
        "\"wrong_total\":1",   "\"wrong_total\":-1",
        "\"page_count\":0",    "\"shift_page\":1",
        "\"drop_page\":true",  "\"repeat_page\":true",
        "\"duplicate\":true",  "\"swap_id\":true",
        "\"empty_list\":true", "\"spoil\":\"name\",\"text\":\"\\\\u0000\"",
};

static const char *const lists[] = {
        "/api/v2/orgauthorization/trustees",
        "/api/v2/orgauthorization/trustees/*/users",
        "/api/v2/orgauthorization/trustees/*/groups",
        "/api/v2/authorization/roles",
        "/api/v2/authorization/divisions",
        "/api/v2/authorization/roles/*/subjectgrants",
};

/* A list that lies for ever. What was in force stays exactly as it is, whatever the list says. */
static void run_lie(struct prove *p, uint64_t seed, size_t list, size_t lie)
{
        struct scenario_options o = {
                .seed = seed, .max_trusts = 5, .max_users = 12, .drift_percent = 10, .wide_limits = true
        };
        TS_CLEANUP(ts_buf_done) struct ts_buf before = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        TS_CLEANUP(ts_buf_done) struct ts_buf after = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        TS_CLEANUP(harness_done) struct harness h;
        struct ts_err err = { 0 };
        char script[512];

        harness_init(&h, HARNESS_ALONE, &o);
        h.faults = false;
        (void) cycle(p, &h, seed);
        (void) cycle(p, &h, seed);
        ts_simulator_state(h.sim, &before);
        (void) snprintf(script, sizeof(script), "[{\"match\":{\"method\":\"GET\",\"path\":\"%s\"},%s}]",
                        lists[list], lies[lie]);
        if (ts_simulator_set_faults(h.sim, script, strlen(script), &err) < 0)
                prove_fail(p, seed, err.msg);
        (void) cycle(p, &h, seed);
        (void) cycle(p, &h, seed);
        ts_simulator_state(h.sim, &after);
        if (strcmp(ts_buf_text(&before), ts_buf_text(&after)) != 0)
                prove_fail(p, seed,
                           ts_arena_printf(&p->arena, "%s in %s changed what was in force", lies[lie],
                                           lists[list]));
        converge(p, &h, seed);
}

static void suite_lies(struct prove *p)
{
        uint64_t n = 0;

        for (uint64_t s = 0; s < p->n_runs; s++)
                for (size_t list = 0; list < TS_N_ELEMENTS(lists); list++)
                        for (size_t lie = 0; lie < TS_N_ELEMENTS(lies); lie++, n++)
                                run_lie(p, p->seed + s, list, lie);
        printf("lies: %zu lists damaged in %zu ways, %" PRIu64 " cases\n", TS_N_ELEMENTS(lists),
               TS_N_ELEMENTS(lies), n);
}

/* --------------------------------------------------------------------------------------------------- main */

static const struct {
        const char *name;
        void (*run)(struct prove *p);
        uint64_t n_runs; /* in a short run */
        unsigned stride;
} suites[] = {
        { "random", suite_random, 1500, 1 },
        { "kill", suite_kill, 1, 211 },
        { "faults", suite_faults, 2, 5 },
        { "lies", suite_lies, 4, 1 },
        { "adversaries", suite_adversaries, 60, 1 },
};

static void usage(void)
{
        fprintf(stderr, "usage: prove [--seed N] [--runs N] [--suite random|kill|faults|lies|adversaries] "
                        "[--stride N] "
                        "[--verbose]\n");
        exit(64);
}

static void parse(struct prove *p, int argc, char *argv[])
{
        for (int i = 1; i < argc; i++) {
                if (strcmp(argv[i], "--verbose") == 0)
                        p->is_verbose = true;
                else if (i + 1 == argc)
                        usage();
                else if (strcmp(argv[i], "--seed") == 0)
                        p->seed = strtoull(argv[++i], NULL, 10);
                else if (strcmp(argv[i], "--runs") == 0)
                        p->n_runs = strtoull(argv[++i], NULL, 10);
                else if (strcmp(argv[i], "--stride") == 0)
                        p->stride = (unsigned) strtoul(argv[++i], NULL, 10);
                else if (strcmp(argv[i], "--suite") == 0)
                        p->suite = argv[++i];
                else
                        usage();
        }
}

static void be_silent(const struct ts_log_entry *entry, void *userdata)
{
        (void) entry;
        (void) userdata;
}

int main(int argc, char *argv[])
{
        struct prove p = { .seed = 1 };
        uint64_t n_runs;
        unsigned stride;

        parse(&p, argc, argv);
        n_runs = p.n_runs;
        stride = p.stride;
        if (!p.is_verbose)
                ts_log_set_sink(be_silent, NULL);
        for (size_t i = 0; i < TS_N_ELEMENTS(suites); i++) {
                if (p.suite && strcmp(p.suite, suites[i].name) != 0)
                        continue;
                p.running = suites[i].name;
                p.n_runs = n_runs > 0 ? n_runs : suites[i].n_runs;
                p.stride = stride > 0 ? stride : suites[i].stride;
                suites[i].run(&p);
                fflush(stdout);
        }
        harness_remove_directory();
        ts_arena_done(&p.arena);
        if (!p.running)
                usage();
        printf("prove: %" PRIu64 " cycles, %" PRIu64 " requests (%" PRIu64 " writes), %" PRIu64
               " kills, %" PRIu64 " edits by other hands (%" PRIu64
               " in the round trip that nobody can see); %" PRIu64 " refused, %" PRIu64
               " with something held, %" PRIu64 " incomplete; %" PRIu64 " converged; no invariant broken\n",
               p.n_cycles, p.n_requests, p.n_writes, p.n_kills, p.n_edits, p.n_races, p.n_refused, p.n_held,
               p.n_incomplete, p.n_converged);
        return 0;
}
