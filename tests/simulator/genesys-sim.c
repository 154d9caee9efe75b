/*
 * genesys-sim - the simulated platform as a server of its own
 *
 * Its first line of output is its address. Serves until SIGTERM or SIGINT; then, with --strict, violations
 * make it fail.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "front.h"
#include "generate.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/mem.h"
#include "util/timefmt.h"

#define SIM_FILE_MAX_BYTES (64u * 1024u * 1024u)
#define SIM_DECLARATIONS_MAX_BYTES (512u * 1024u) /* of one file: half of what is accepted */
#define SIM_EXIT_USAGE 64

enum {
        OPTION_FIXTURE = 256,
        OPTION_LISTEN,
        OPTION_TLS,
        OPTION_FAULTS,
        OPTION_INVARIANTS,
        OPTION_LOG,
        OPTION_LATENCY,
        OPTION_READ_ONLY,
        OPTION_STRICT,
        OPTION_WITH_PARENT,
        OPTION_GENERATE,
        OPTION_DRIFT,
        OPTION_DECLARATIONS,
        OPTION_FIXTURE_OUT,
};

static const char usage[] =
                "usage: genesys-sim --fixture FILE [--listen ADDRESS:PORT] [--tls CERT KEY] [--faults FILE]\n"
                "                   [--invariants FILE] [--log FILE] [--latency MS] [--read-only] "
                "[--strict]\n"
                "                   [--with-parent]\n"
                "       genesys-sim --generate TRUSTS,USERS[,ROLES_PER_USER[,SEED]] [--drift PERCENT]\n"
                "                   [--declarations PATH] [--fixture-out FILE]\n"
                "\n"
                "  --fixture FILE      what the platform knows (JSON)\n"
                "  --listen ADDRESS    where to serve; 127.0.0.1:0 (any free port) when left out\n"
                "  --tls CERT KEY      serve https with this certificate and key (PEM)\n"
                "  --faults FILE       what goes wrong, and when (JSON)\n"
                "  --invariants FILE   what is declared (JSON): every write is checked against it\n"
                "  --log FILE          append a line of JSON for every request\n"
                "  --latency MS        wait so long before every answer\n"
                "  --read-only         refuse every write, and count it as a violation\n"
                "  --strict            end with status 1 when there were violations\n"
                "  --with-parent       end when the parent process ends\n"
                "  --generate NUMBERS  a large organization instead of a fixture: serve it, or write what "
                "follows\n"
                "  --drift PERCENT     so many of its users are not as declared\n"
                "  --declarations PATH write its declarations: a file, or as many as needed in a directory\n"
                "  --fixture-out FILE  write its fixture\n"
                "\n"
                "The first line of output is the address. GET /__sim/log, violations, state or requests to "
                "look\n"
                "inside.\n";

struct sim_options {
        const char *fixture, *faults, *invariants, *log, *cert, *key;
        const char *declarations, *fixture_out;
        bool generates;
        struct ts_generate generate;
        const char *listen;
        uint64_t latency_usec;
        bool read_only, strict, with_parent;
};

struct sim_output {
        FILE *log; /* NULL: none */
};

static int sim_usage_error(const char *what, const char *text)
{
        fprintf(stderr, "genesys-sim: %s%s\n%s", what, text, usage);
        return -EINVAL;
}

static int sim_parse_number(const char *text, int64_t *ret)
{
        size_t n = strspn(text, "0123456789");

        if (n == 0 || n > 15 || text[n])
                return sim_usage_error("not a number: ", text);
        *ret = strtoll(text, NULL, 10);
        return 0;
}

static int sim_parse_latency(const char *text, uint64_t *ret)
{
        int64_t msec;
        int r = sim_parse_number(text, &msec);

        if (r < 0)
                return r;
        *ret = (uint64_t) msec * TS_USEC_PER_MSEC;
        return 0;
}

/* "1000,25,3,1": trusts, users, roles of each user, seed. */
static int sim_parse_numbers(struct sim_options *o, char *text)
{
        int64_t *const places[] = { &o->generate.trusts, &o->generate.users, &o->generate.roles_per_user,
                                    &o->generate.seed };

        for (size_t i = 0; text; i++) {
                char *part = strsep(&text, ",");
                int r;

                if (i == TS_N_ELEMENTS(places))
                        return sim_usage_error("--generate has at most four numbers; what is this? ", part);
                r = sim_parse_number(part, places[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* getopt_long() knows of one argument; the key stands behind it. */
static int sim_parse_tls(struct sim_options *o, int argc, char **argv)
{
        if (optind >= argc)
                return sim_usage_error("--tls needs a certificate and a key", "");
        o->cert = optarg;
        o->key = argv[optind++];
        return 0;
}

static int sim_parse_generation(struct sim_options *o, int option)
{
        switch (option) {
        case OPTION_GENERATE:
                o->generates = true;
                return sim_parse_numbers(o, optarg);
        case OPTION_DRIFT:
                return sim_parse_number(optarg, &o->generate.drift_percent);
        case OPTION_DECLARATIONS:
                o->declarations = optarg;
                return 0;
        case OPTION_FIXTURE_OUT:
                o->fixture_out = optarg;
                return 0;
        default:
                fputs(usage, stderr); /* getopt_long() has said what is wrong */
                return -EINVAL;
        }
}

static int sim_parse_option(struct sim_options *o, int option, int argc, char **argv)
{
        switch (option) {
        case OPTION_FIXTURE:
                o->fixture = optarg;
                return 0;
        case OPTION_LISTEN:
                o->listen = optarg;
                return 0;
        case OPTION_TLS:
                return sim_parse_tls(o, argc, argv);
        case OPTION_FAULTS:
                o->faults = optarg;
                return 0;
        case OPTION_INVARIANTS:
                o->invariants = optarg;
                return 0;
        case OPTION_LOG:
                o->log = optarg;
                return 0;
        case OPTION_LATENCY:
                return sim_parse_latency(optarg, &o->latency_usec);
        case OPTION_READ_ONLY:
                o->read_only = true;
                return 0;
        case OPTION_STRICT:
                o->strict = true;
                return 0;
        case OPTION_WITH_PARENT:
                o->with_parent = true;
                return 0;
        default:
                return sim_parse_generation(o, option);
        }
}

static int sim_parse(struct sim_options *o, int argc, char **argv)
{
        static const struct option options[] = {
                { "fixture", required_argument, NULL, OPTION_FIXTURE },
                { "listen", required_argument, NULL, OPTION_LISTEN },
                { "tls", required_argument, NULL, OPTION_TLS },
                { "faults", required_argument, NULL, OPTION_FAULTS },
                { "invariants", required_argument, NULL, OPTION_INVARIANTS },
                { "log", required_argument, NULL, OPTION_LOG },
                { "latency", required_argument, NULL, OPTION_LATENCY },
                { "read-only", no_argument, NULL, OPTION_READ_ONLY },
                { "strict", no_argument, NULL, OPTION_STRICT },
                { "with-parent", no_argument, NULL, OPTION_WITH_PARENT },
                { "generate", required_argument, NULL, OPTION_GENERATE },
                { "drift", required_argument, NULL, OPTION_DRIFT },
                { "declarations", required_argument, NULL, OPTION_DECLARATIONS },
                { "fixture-out", required_argument, NULL, OPTION_FIXTURE_OUT },
                { 0 },
        };
        int option, r;

        *o = (struct sim_options){
                .listen = "127.0.0.1:0",
                .generate = { .roles_per_user = 3, .seed = 1 },
        };
        while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
                r = sim_parse_option(o, option, argc, argv);
                if (r < 0)
                        return r;
        }
        if (optind < argc)
                return sim_usage_error("what is this? ", argv[optind]);
        if (!o->fixture == !o->generates)
                return sim_usage_error("one of --fixture and --generate is needed", "");
        if (o->fixture && (o->declarations || o->fixture_out))
                return sim_usage_error("only what is generated can be written", "");
        return 0;
}

/* ------------------------------------------------------------------------------------------------ running */

static int sim_read(const char *path, struct ts_buf *buf, struct ts_err *err)
{
        int r = ts_file_read(AT_FDCWD, path, buf, NULL);

        return r < 0 ? ts_err_set(err, TS_ERR_LOCAL, r, "cannot read '%s': %s", path, strerror(-r)) : 0;
}

typedef int (*sim_setter)(struct ts_simulator *sim, const char *text, size_t len, struct ts_err *err);

/* Hands the text of a file to the simulator; NULL: there is none. */
static int sim_load(struct ts_simulator *sim, const char *path, sim_setter set, struct ts_err *err)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(SIM_FILE_MAX_BYTES);
        int r;

        if (!path)
                return 0;
        r = sim_read(path, &text, err);
        if (r < 0)
                return r;
        r = set(sim, ts_buf_text(&text), text.len, err);
        return r < 0 ? ts_err_wrap(err, r, "%s", path) : 0;
}

static int sim_read_fixture(const struct sim_options *o, struct ts_buf *fixture, struct ts_err *err)
{
        int r;

        if (!o->generates)
                return sim_read(o->fixture, fixture, err);
        r = ts_generate_check(&o->generate, err);
        if (r < 0)
                return r;
        ts_generate_fixture(&o->generate, fixture);
        return 0;
}

static int sim_make(const struct sim_options *o, struct ts_simulator **ret, struct ts_err *err)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf fixture = TS_BUF_INIT(SIM_FILE_MAX_BYTES);
        TS_CLEANUP(ts_simulator_freep) struct ts_simulator *sim = NULL;
        int r;

        r = sim_read_fixture(o, &fixture, err);
        if (r < 0)
                return r;
        r = ts_simulator_new(ts_buf_text(&fixture), fixture.len, &ts_clock_system, &sim, err);
        if (r < 0)
                return ts_err_wrap(err, r, "%s", o->fixture ? o->fixture : "--generate");
        r = sim_load(sim, o->faults, ts_simulator_set_faults, err);
        if (r >= 0)
                r = sim_load(sim, o->invariants, ts_simulator_set_invariants, err);
        if (r < 0)
                return r;
        ts_simulator_set_read_only(sim, o->read_only);
        *ret = TS_TAKE(sim);
        return 0;
}

static void sim_on_log(const char *line, size_t len, void *userdata)
{
        const struct sim_output *out = userdata;

        if (!out->log)
                return;
        (void) fwrite(line, 1, len, out->log);
        (void) fflush(out->log); /* whoever got the answer may read about it */
}

static void sim_on_violation(const char *text, void *userdata)
{
        (void) userdata;
        fprintf(stderr, "genesys-sim: violation: %s\n", text);
}

static int sim_open_log(const struct sim_options *o, struct sim_output *out, struct ts_err *err)
{
        if (!o->log)
                return 0;
        out->log = fopen(o->log, "ae");
        return out->log ? 0 : ts_err_set(err, TS_ERR_LOCAL, -errno, "cannot open '%s': %m", o->log);
}

static int sim_read_texts(const struct sim_options *o, struct ts_buf *cert, struct ts_buf *key,
                          struct ts_err *err)
{
        int r;

        if (!o->cert)
                return 0;
        r = sim_read(o->cert, cert, err);
        return r < 0 ? r : sim_read(o->key, key, err);
}

static int sim_open_front(const struct sim_options *o, struct ts_simulator *sim, struct ts_sim_front **ret,
                          struct ts_err *err)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf cert = TS_BUF_INIT(SIM_FILE_MAX_BYTES);
        TS_CLEANUP(ts_buf_done) struct ts_buf key = TS_BUF_INIT(SIM_FILE_MAX_BYTES);
        int r;

        r = sim_read_texts(o, &cert, &key, err);
        if (r < 0)
                return r;
        return ts_sim_front_new(sim,
                                &(const struct ts_sim_front_options){
                                                .listen = o->listen,
                                                .cert = cert.data,
                                                .key = key.data,
                                                .latency_usec = o->latency_usec,
                                },
                                ret, err);
}

static int sim_open_signals(struct ts_err *err)
{
        sigset_t set;
        int fd;

        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigprocmask(SIG_BLOCK, &set, NULL);
        signal(SIGPIPE, SIG_IGN);
        fd = signalfd(-1, &set, SFD_CLOEXEC);
        return fd >= 0 ? fd : ts_err_set(err, TS_ERR_LOCAL, -errno, "cannot wait for signals: %m");
}

static int sim_serve(const struct sim_options *o, struct ts_simulator *sim, struct ts_err *err)
{
        TS_CLEANUP(ts_sim_front_freep) struct ts_sim_front *front = NULL;
        TS_CLEANUP(ts_closep) int signals = -EBADF;
        int r;

        signals = sim_open_signals(err);
        if (signals < 0)
                return signals;
        r = sim_open_front(o, sim, &front, err);
        if (r < 0)
                return r;
        printf("%s\n", ts_sim_front_url(front));
        if (fflush(stdout) != 0)
                return ts_err_set(err, TS_ERR_LOCAL, -errno, "cannot tell the address: %m");
        return ts_sim_front_run(front, signals, err);
}

static int sim_run(const struct sim_options *o, struct ts_err *err)
{
        TS_CLEANUP(ts_simulator_freep) struct ts_simulator *sim = NULL;
        struct sim_output out = { 0 };
        int r;

        r = sim_make(o, &sim, err);
        if (r >= 0)
                r = sim_open_log(o, &out, err);
        if (r < 0)
                return r;
        ts_simulator_set_listener(sim, &(const struct ts_sim_listener){
                                                       .on_log = sim_on_log,
                                                       .on_violation = sim_on_violation,
                                                       .userdata = &out,
                                       });
        r = sim_serve(o, sim, err);
        if (out.log && fclose(out.log) != 0 && r >= 0)
                r = ts_err_set(err, TS_ERR_LOCAL, -errno, "cannot write '%s': %m", o->log);
        if (r < 0)
                return r;
        return o->strict && ts_simulator_n_violations(sim) > 0;
}

/* ------------------------------------------------------------------------------------------------ writing */

static int sim_write(const char *path, const struct ts_buf *text, struct ts_err *err)
{
        int r = ts_file_replace(AT_FDCWD, path, ts_buf_text(text), text->len, 0644);

        return r < 0 ? ts_err_set(err, TS_ERR_LOCAL, r, "cannot write '%s': %s", path, strerror(-r)) : 0;
}

static int sim_write_fixture(const struct sim_options *o, struct ts_err *err)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(SIM_FILE_MAX_BYTES);

        ts_generate_fixture(&o->generate, &text);
        return sim_write(o->fixture_out, &text, err);
}

/* The declarations from trust *@first on, into one file; then *@first is where the next one begins. */
static int sim_write_declarations_file(const struct sim_options *o, const char *path, int64_t *first,
                                       struct ts_err *err)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(SIM_FILE_MAX_BYTES);

        *first = ts_generate_declarations(&o->generate, *first, SIM_DECLARATIONS_MAX_BYTES, &text);
        return sim_write(path, &text, err);
}

static int sim_write_declarations(const struct sim_options *o, struct ts_err *err)
{
        int64_t first = 0;
        struct stat st;
        int r = 0;

        if (stat(o->declarations, &st) < 0 || !S_ISDIR(st.st_mode)) {
                r = sim_write_declarations_file(o, o->declarations, &first, err);
                if (r >= 0 && first < o->generate.trusts)
                        r = ts_err_set(err, TS_ERR_INPUT, -EFBIG,
                                       "'%s' is too small for all trusts: name a directory", o->declarations);
                return r;
        }
        while (r >= 0 && first < o->generate.trusts) {
                char path[PATH_MAX];

                (void) snprintf(path, sizeof(path), "%s/%06lld.yaml", o->declarations, (long long) first + 1);
                r = sim_write_declarations_file(o, path, &first, err);
        }
        return r;
}

static int sim_generate(const struct sim_options *o, struct ts_err *err)
{
        int r = ts_generate_check(&o->generate, err);

        if (r >= 0 && o->fixture_out)
                r = sim_write_fixture(o, err);
        if (r >= 0 && o->declarations)
                r = sim_write_declarations(o, err);
        return r;
}

int main(int argc, char **argv)
{
        pid_t parent = getppid();
        struct sim_options o;
        struct ts_err err = { 0 };
        int r;

        if (sim_parse(&o, argc, argv) < 0)
                return SIM_EXIT_USAGE;
        if (o.with_parent && (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent))
                return EXIT_SUCCESS; /* it died meanwhile */
        r = o.declarations || o.fixture_out ? sim_generate(&o, &err) : sim_run(&o, &err);
        if (r < 0)
                fprintf(stderr, "genesys-sim: %s\n", err.msg);
        return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
