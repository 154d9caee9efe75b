/* watch and config_files: is a change on disk seen, however it comes about, and nothing else? */
#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config_files.h"
#include "config/path_trace.h"
#include "daemon/watch.h"
#include "suite.h"
#include "util/macros.h"
#include "util/mem.h"

static char root[PATH_MAX];
static unsigned n_changes;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void) st;
        (void) type;
        (void) ftw;
        return remove(path);
}

static void setup(void)
{
        (void) snprintf(root, sizeof(root), "%s/watch.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
        ck_assert_ptr_nonnull(mkdtemp(root));
        ck_assert_int_eq(chdir(root), 0);
        n_changes = 0;
}

static void teardown(void)
{
        ck_assert_int_eq(chdir("/"), 0);
        ck_assert_int_eq(nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* One step of a test: a verb and its operands, relative to the root. */
static void put(const char *path, const char *text)
{
        FILE *f = fopen(path, "we");

        ck_assert_msg(f != NULL, "%s", path);
        ck_assert_int_ge(fputs(text, f), 0);
        ck_assert_int_eq(fclose(f), 0);
}

static void run(const char *step)
{
        char verb[16], a[128], b[128] = "";

        ck_assert_int_ge(sscanf(step, "%15s %127s %127s", verb, a, b), 2);
        if (strcmp(verb, "mkdir") == 0)
                ck_assert_int_eq(mkdir(a, 0755), 0);
        else if (strcmp(verb, "write") == 0)
                put(a, b);
        else if (strcmp(verb, "link") == 0)
                ck_assert_int_eq(symlink(b, a), 0);
        else if (strcmp(verb, "move") == 0)
                ck_assert_int_eq(rename(a, b), 0);
        else if (strcmp(verb, "remove") == 0)
                ck_assert_int_eq(remove(a), 0);
        else if (strcmp(verb, "chmod") == 0)
                ck_assert_int_eq(chmod(a, 0600), 0);
        else
                ck_abort_msg("no such step: %s", step);
}

static void run_all(const char *const *steps)
{
        for (; *steps; steps++)
                run(*steps);
}

static void on_change(void *userdata)
{
        (void) userdata;
        n_changes++;
}

static void on_name(const char *directory, const char *name, void *userdata)
{
        ts_watch_add(userdata, directory, name);
}

/* The daemon's two parts in one: a file and what is below a directory. */
static int watch_set(struct ts_watch *w, const char *file, const char *directory, struct ts_err *err)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_config_files_done)
        struct ts_config_files files = {
                .path = directory, .faults = &faults, .on_watch = on_name, .userdata = w
        };
        int r;

        ts_watch_begin(w);
        ts_path_trace(file, on_name, w);
        r = ts_config_files_read(&files);
        (void) r; /* it may be faulty */
        return ts_watch_end(w, err);
}

/* Everything that waits in the loop, without waiting for more. */
static void drain(sd_event *loop)
{
        while (sd_event_run(loop, 0) > 0)
                ;
}

static const struct {
        const char *name;
        const char *before[8]; /* a NULL ends */
        const char *then[8];
        bool seen;
} cases[] = {
        { "a file is written", { "mkdir d", "write d/a.yaml 1" }, { "write d/a.yaml 2" }, true },
        { "a file comes", { "mkdir d" }, { "write d/a.yaml 1" }, true },
        { "a file is put in place by rename",
          { "mkdir d", "write d/a.yaml 1" },
          { "write d/.a.swp 2", "move d/.a.swp d/a.yaml" },
          true },
        { "a file goes", { "mkdir d", "write d/a.yaml 1" }, { "remove d/a.yaml" }, true },
        { "a file becomes readable", { "mkdir d", "write d/a.yaml 1" }, { "chmod d/a.yaml" }, true },
        { "a file in a directory below", { "mkdir d", "mkdir d/e" }, { "write d/e/a.yaml 1" }, true },
        { "a directory below comes", { "mkdir d" }, { "mkdir d/e" }, true },
        { "the directory comes", { "mkdir other" }, { "mkdir d" }, true },
        { "the directory goes", { "mkdir d" }, { "remove d" }, true },
        { "the directory is replaced", { "mkdir d", "mkdir new" }, { "move d old", "move new d" }, true },
        { "a symlink is swapped", { "mkdir 1", "mkdir 2", "link d 1" }, { "link n 2", "move n d" }, true },
        { "a symlink on the way is swapped",
          { "mkdir r1", "mkdir r2", "mkdir r1/t", "mkdir r2/t", "link current r1", "link d current/t" },
          { "link n r2", "move n current" },
          true },
        { "a file behind symlinks",
          { "mkdir r1", "mkdir r1/t", "link current r1", "link d current/t" },
          { "write r1/t/a.yaml 1" },
          true },
        { "a dangling symlink gets its target", { "link d r1" }, { "mkdir r1" }, true },
        { "a link in the directory is swapped",
          { "mkdir d", "mkdir d/..v1", "write d/..v1/a.yaml 1", "link d/..data ..v1",
            "link d/a.yaml ..data/a.yaml" },
          { "mkdir d/..v2", "link d/..n ..v2", "move d/..n d/..data" },
          true },
        { "a directory behind a link out of the directory",
          { "mkdir d", "mkdir r1", "mkdir r2", "link current r1", "link d/p ../current" },
          { "link n r2", "move n current" },
          true },
        { "a file there", { "mkdir d", "mkdir r", "link d/p ../r" }, { "write r/a.yaml 1" }, true },
        { "a file behind a link",
          { "mkdir d", "mkdir r", "write r/a.yaml 1", "link d/a.yaml ../r/a.yaml" },
          { "write r/n 2", "move r/n r/a.yaml" },
          true },
        { "a neighbour of a file behind a link",
          { "mkdir d", "mkdir r", "write r/a.yaml 1", "link d/a.yaml ../r/a.yaml" },
          { "write r/b.yaml 2" },
          false },
        { "a file with the wrong suffix", { "mkdir d" }, { "write d/a.YAML 1" }, true },
        { "a git lock goes",
          { "mkdir d", "mkdir .git", "write .git/index.lock 1" },
          { "remove .git/index.lock" },
          true },
        { "REVISION beside the directory", { "mkdir d" }, { "write REVISION 1" }, true },
        { "the settings file", { "write s.yaml 1", "mkdir d" }, { "write s.yaml 2" }, true },
        { "hidden files are git's",
          { "mkdir d", "mkdir d/.git" },
          { "write d/.git/index 1", "write d/.x 1" },
          false },
        { "a neighbour is none of ours",
          { "mkdir d", "write s.yaml 1" },
          { "write other.yaml 1", "mkdir e" },
          false },
};

START_TEST(test_watch)
{
        TS_CLEANUP(sd_event_unrefp) sd_event *loop = NULL;
        TS_CLEANUP(ts_watch_freep) struct ts_watch *w = NULL;
        struct ts_err err = { 0 };

        ck_assert_int_eq(sd_event_new(&loop), 0);
        w = ts_watch_new(loop, on_change, NULL);
        run_all(cases[_i].before);
        ck_assert_msg(watch_set(w, "s.yaml", "d", &err) == 0, "%s: %s", cases[_i].name, err.msg);
        drain(loop);
        ck_assert_msg(n_changes == 0, "%s: seen before it happened", cases[_i].name);

        run_all(cases[_i].then);
        drain(loop);
        ck_assert_msg((n_changes > 0) == cases[_i].seen, "%s: %u", cases[_i].name, n_changes);
}
END_TEST

START_TEST(test_watch_again)
{
        TS_CLEANUP(sd_event_unrefp) sd_event *loop = NULL;
        TS_CLEANUP(ts_watch_freep) struct ts_watch *w = NULL;
        struct ts_err err = { 0 };

        ck_assert_int_eq(sd_event_new(&loop), 0);
        w = ts_watch_new(loop, on_change, NULL);
        for (unsigned i = 0; i < 3; i++) { /* set again, as the daemon does before each look */
                ck_assert_int_eq(watch_set(w, "s.yaml", "d", &err), 0);
                n_changes = 0;
                run(i == 0 ? "mkdir d" : i == 1 ? "mkdir d/e" : "write d/e/a.yaml 1");
                drain(loop);
                ck_assert_uint_ge(n_changes, 1);
        }
}
END_TEST

static bool is_equal(const struct ts_digest *a, const struct ts_digest *b)
{
        return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static const struct {
        const char *name;
        const char *before[8];
        const char *then[8];
        bool same;
} tree_cases[] = {
        { "nothing", { "mkdir d", "write d/a.yaml 1" }, { NULL }, true },
        { "the same again", { "mkdir d", "write d/a.yaml 1" }, { "write d/b 1", "write d/a.yaml 1" }, true },
        { "other bytes", { "mkdir d", "write d/a.yaml 1" }, { "write d/a.yaml 2" }, false },
        { "another name", { "mkdir d", "write d/a.yaml 1" }, { "move d/a.yaml d/b.yaml" }, false },
        { "bytes in another file",
          { "mkdir d", "write d/a.yaml 12", "write d/b.yaml 3" },
          { "write d/a.yaml 1", "write d/b.yaml 23" },
          false },
        { "into a directory",
          { "mkdir d", "mkdir d/e", "write d/a.yaml 1" },
          { "move d/a.yaml d/e/a.yaml" },
          false },
        { "a file with the wrong suffix is a fault", { "mkdir d" }, { "write d/a.yml 1" }, false },
        { "so is one in upper case", { "mkdir d" }, { "write d/a.YAML 1" }, false },
        { "a link is swapped",
          { "mkdir d", "mkdir r", "write r/1 1", "write r/2 2", "link d/a.yaml ../r/1" },
          { "link d/.n ../r/2", "move d/.n d/a.yaml" },
          false },
        { "a link that would never stand still",
          { "mkdir d", "link d/a.yaml /proc/self/io" },
          { NULL },
          true },
        { "a submodule goes",
          { "mkdir d", "write d/.gitmodules path=p", "mkdir d/p", "write d/p/x 1" },
          { "remove d/p/x" },
          false },
        { "REVISION", { "mkdir d", "write d/REVISION 1" }, { "write d/REVISION 2" }, false },
        { "it goes", { "mkdir d" }, { "remove d" }, false },
        { "an editor's file", { "mkdir d" }, { "write d/.a.yaml.swp 1", "write d/a.yaml~ 1" }, true },
        { "a symlink to the same files",
          { "mkdir r", "write r/a.yaml 1", "link d r" },
          { "mkdir q", "write q/a.yaml 1", "link n q", "move n d" },
          true },
        { "a file instead of a directory", { "mkdir d" }, { "remove d", "write d 1" }, false },
};

static struct ts_digest fingerprint_of(const char *path)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_config_files_done) struct ts_config_files files = { .path = path, .faults = &faults };
        int r = ts_config_files_read(&files);

        (void) r; /* it may be faulty */
        return files.fingerprint;
}

START_TEST(test_fingerprint)
{
        struct ts_digest a, b;

        run_all(tree_cases[_i].before);
        a = fingerprint_of("d");
        run_all(tree_cases[_i].then);
        b = fingerprint_of("d");
        ck_assert_msg(is_equal(&a, &b) == tree_cases[_i].same, "%s", tree_cases[_i].name);
}
END_TEST

static const struct {
        const char *name;
        const char *before[8];
        bool locked;
} lock_cases[] = {
        { "no work tree", { "mkdir d", "write d/index.lock 1" }, false },
        { "a quiet work tree", { "mkdir .git", "mkdir d" }, false },
        { "a checkout", { "mkdir .git", "mkdir d", "write .git/index.lock 1" }, true },
        { "a checkout, the declarations are its top",
          { "mkdir d", "mkdir d/.git", "write d/.git/index.lock 1" },
          true },
        { "a checkout behind a symlink",
          { "mkdir r", "mkdir r/.git", "mkdir r/t", "write r/.git/index.lock 1", "link d r/t" },
          true },
        { "a quiet work tree within a locked one",
          { "mkdir .git", "write .git/index.lock 1", "mkdir d", "mkdir d/.git" },
          false },
};

static bool is_locked(const char *path)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(ts_freep) char *real = realpath(path, NULL);
        struct ts_work_tree tree;
        int64_t since = -1;

        ts_work_tree_find(real, &arena, &tree);
        if (!ts_work_tree_is_locked(&tree, &since))
                return false;
        ck_assert_int_gt(since, 0);
        return true;
}

START_TEST(test_is_locked)
{
        run_all(lock_cases[_i].before);
        ck_assert_msg(is_locked("d") == lock_cases[_i].locked, "%s", lock_cases[_i].name);
}
END_TEST

START_TEST(test_is_locked_worktree)
{
        run("mkdir main");
        run("mkdir d");
        put("d/.git", "gitdir: ../main\n"); /* a linked work tree */
        ck_assert(!is_locked("d"));
        put("main/index.lock", "");
        ck_assert(is_locked("d"));
}
END_TEST

int main(void)
{
        Suite *s = suite_create("watch");
        TCase *tc = tcase_create("watch");

        tcase_add_checked_fixture(tc, setup, teardown);
        tcase_add_loop_test(tc, test_watch, 0, (int) TS_N_ELEMENTS(cases));
        tcase_add_test(tc, test_watch_again);
        tcase_add_loop_test(tc, test_fingerprint, 0, (int) TS_N_ELEMENTS(tree_cases));
        tcase_add_loop_test(tc, test_is_locked, 0, (int) TS_N_ELEMENTS(lock_cases));
        tcase_add_test(tc, test_is_locked_worktree);
        suite_add_tcase(s, tc);
        return run_suite(s);
}
