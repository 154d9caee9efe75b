/*
 * Settings, declarations, secrets and the revision, out of files.
 *
 * Every test runs in a new directory. Files are rows of text: "== PATH" begins a file, "=> PATH TARGET" is a
 * symbolic link, "=d PATH" a directory. Faults come back as "FILE:LINE:COLUMN", a line each, "warning" behind
 * it when it is one.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/declarations.h"
#include "config/exported.h"
#include "config/schema.h"
#include "config/yaml.h"
#include "suite.h"
#include "util/file.h"
#include "util/limits.h"
#include "util/mem.h"

/* -------------------------------------------------------------------------------------------------- files */

static char directory[256], user[32];
static int directory_before = -EBADF;

static void setup(void)
{
        const char *tmp = getenv("TMPDIR");

        (void) snprintf(directory, sizeof(directory), "%s/test_config.XXXXXX", tmp && tmp[0] ? tmp : "/tmp");
        directory_before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert(mkdtemp(directory) != NULL);
        (void) snprintf(user, sizeof(user), "user %u", (unsigned) geteuid());
        suite_hidden[0].text = directory;
        suite_hidden[0].instead = "$T";
        suite_hidden[1].text = user;
        suite_hidden[1].instead = "user $UID";
        ck_assert_int_eq(chdir(directory), 0);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void) st;
        (void) type;
        (void) ftw;
        return remove(path);
}

static void teardown(void)
{
        ck_assert_int_eq(fchdir(directory_before), 0);
        ts_closep(&directory_before);
        ck_assert_int_eq(nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void make_parents(const char *path)
{
        TS_CLEANUP(ts_freep) char *copy = ts_strdup(path);

        for (char *p = strchr(copy, '/'); p; p = strchr(p + 1, '/')) {
                *p = '\0';
                ck_assert(mkdir(copy, 0755) == 0 || errno == EEXIST);
                *p = '/';
        }
}

static void write_bytes(const char *path, const char *data, size_t len)
{
        FILE *f;

        make_parents(path);
        f = fopen(path, "we");
        ck_assert_msg(f != NULL, "%s: %s", path, strerror(errno));
        ck_assert_uint_eq(fwrite(data, 1, len, f), len);
        ck_assert_int_eq(fclose(f), 0);
}

static void write_file(const char *path, const char *text)
{
        write_bytes(path, text, strlen(text));
}

static const char *next_header(const char *s)
{
        for (; s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL)
                if (strncmp(s, "== ", 3) == 0 || strncmp(s, "=> ", 3) == 0 || strncmp(s, "=d ", 3) == 0)
                        return s;
        return NULL;
}

static void make_link(const char *spec)
{
        TS_CLEANUP(ts_freep) char *path = ts_strdup(spec);
        char *target = strchr(path, ' ');

        ck_assert(target != NULL);
        *target++ = '\0';
        make_parents(path);
        ck_assert_int_eq(symlink(target, path), 0);
}

static void make_files(const char *spec)
{
        for (const char *at = next_header(spec), *next; at; at = next) {
                size_t len = strcspn(at, "\n");
                TS_CLEANUP(ts_freep) char *name = ts_strndup(at + 3, len - 3);
                const char *text = at[len] ? at + len + 1 : at + len;

                next = next_header(text);
                if (at[1] == '>') {
                        make_link(name);
                } else if (at[1] == 'd') {
                        make_parents(name);
                        ck_assert_int_eq(mkdir(name, 0755), 0);
                } else {
                        write_bytes(name, text, next ? (size_t) (next - text) : strlen(text));
                }
        }
}

/* ------------------------------------------------------------------------------------------------ as text */

/* The faults, a line each: the place alone, with " warning" for what is none; or with the message and the
 * hint. */
static char *faults_text(struct ts_faults *f, bool with_messages)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf sorted = TS_BUF_INIT(4u << 20);
        struct ts_buf out = TS_BUF_INIT(4u << 20);

        ts_faults_print(f, false, &sorted); /* sorts them */
        for (size_t i = 0; i < f->n; i++) {
                const struct ts_fault *x = &f->items[i];

                (void) ts_buf_puts(&out, x->source.file);
                if (x->source.line > 0)
                        (void) ts_buf_printf(&out, ":%u:%u", x->source.line, x->source.column);
                (void) ts_buf_puts(&out, x->cls == TS_FAULT_WARNING ? " warning" : "");
                if (with_messages)
                        (void) ts_buf_printf(&out, ": %s", x->message);
                if (with_messages && x->hint)
                        (void) ts_buf_printf(&out, " [%s]", x->hint);
                (void) ts_buf_putc(&out, '\n');
        }
        ck_assert(!ts_buf_failed(&out));
        (void) ts_buf_puts(&out, "");
        return out.data ? out.data : ts_strdup("");
}

static void assert_text(const char *name, const char *got, const char *expected_text)
{
        ck_assert_msg(strcmp(got, expected_text) == 0, "%s:\nwanted\n%s\ngot\n%s", name, expected_text, got);
}

/* The faults stand at these places and are of these kinds; their messages are what the fixture has. */
#define faults_are(name, faults, places) check_faults(__func__, name, faults, places)

static void check_faults(const char *test, const char *name, struct ts_faults *faults, const char *places)
{
        TS_CLEANUP(ts_freep) char *got = faults_text(faults, false), *messages = faults_text(faults, true);

        assert_text(name, got, places);
        if (faults->n > 0)
                suite_message(test, name, messages);
}

static void print_ids(struct ts_buf *out, const char *what, const struct ts_ids *ids)
{
        (void) ts_buf_printf(out, " %s", what);
        for (size_t i = 0; i < ids->n; i++)
                (void) ts_buf_printf(out, " %s", ts_id_format(&ids->items[i]).s);
}

static void print_texts(struct ts_buf *out, const char *what, const struct ts_texts *texts)
{
        (void) ts_buf_printf(out, " %s", what);
        for (size_t i = 0; i < texts->n; i++)
                (void) ts_buf_printf(out, " '%s'@%u", texts->items[i].text, texts->items[i].source.line);
}

static void print_policy(struct ts_buf *out, const struct ts_policy *p)
{
        (void) ts_buf_printf(out, "  limits %u %u %u %u%% %u\n", p->limits.removals_per_cycle,
                             p->limits.removals_per_day, p->limits.trust_removals_per_day,
                             p->limits.removals_percent, p->limits.users_per_trust);
        (void) ts_buf_printf(out, "  unlisted trusts %s@%u, delete after %s\n",
                             p->remove_unlisted_trusts ? "remove" : "report", p->unlisted_source.line,
                             ts_span_format(p->delete_after_usec).s);
        (void) ts_buf_puts(out, "  protect");
        print_ids(out, "organizations", &p->protect_organizations);
        print_texts(out, "users", &p->protect_users);
        (void) ts_buf_printf(out, "\n  deny@%u", p->deny_source.line);
        print_ids(out, "organizations", &p->deny_organizations);
        print_texts(out, "users", &p->deny_users);
        print_texts(out, "roles", &p->deny_roles);
        if (p->privileged_roles.n != 2 || p->privileged_roles.items[0].source.line > 0) {
                (void) ts_buf_puts(out, "\n ");
                print_texts(out, "privileged", &p->privileged_roles);
        }
        (void) ts_buf_putc(out, '\n');
}

static char *settings_text(const struct ts_settings *s)
{
        struct ts_buf out = TS_BUF_INIT(1u << 20);

        (void) ts_buf_printf(&out, "trusts %s, every %s + %s\n", s->trusts,
                             ts_span_format(s->interval_usec).s, ts_span_format(s->jitter_usec).s);
        (void) ts_buf_printf(&out, "http %u at a time, %u a minute, %s, ca %s, proxy %s\n", s->concurrency,
                             s->requests_per_minute, ts_span_format(s->timeout_usec).s,
                             s->ca_file ? s->ca_file : "-", s->proxy ? s->proxy : "-");
        for (size_t i = 0; i < s->n_organizations; i++) {
                const struct ts_settings_organization *o = &s->organizations[i];

                (void) ts_buf_printf(&out, "%s@%u %s %s\n", o->alias, o->source.line, ts_id_format(&o->id).s,
                                     ts_mode_to_string(o->mode));
                (void) ts_buf_printf(&out, "  %s %s client %s secret %s@%u\n", o->api_url, o->login_url,
                                     o->client_id, o->client_secret, o->client_secret_source.line);
                print_policy(&out, &o->policy);
        }
        ck_assert(!ts_buf_failed(&out));
        return out.data;
}

static void print_roles(struct ts_buf *out, const char *indent, const struct ts_decl_roles *roles)
{
        for (size_t i = 0; i < roles->n; i++) {
                const struct ts_decl_role *role = &roles->items[i];

                (void) ts_buf_printf(out, "%s%s@%u:%u%s", indent, role->role, role->source.line,
                                     role->source.column, role->all ? " all" : "");
                for (size_t k = 0; k < role->n_divisions; k++)
                        (void) ts_buf_printf(out, " '%s'@%u:%u", role->divisions[k].text,
                                             role->divisions[k].source.line,
                                             role->divisions[k].source.column);
                (void) ts_buf_putc(out, '\n');
        }
}

static void print_labels(struct ts_buf *out, const struct ts_decl_labels *labels)
{
        if (labels)
                (void) ts_buf_printf(out, " owner=%s ticket=%s note=%s", labels->owner ? labels->owner : "-",
                                     labels->ticket ? labels->ticket : "-",
                                     labels->note ? labels->note : "-");
        (void) ts_buf_putc(out, '\n');
}

static void print_member(struct ts_buf *out, const struct ts_decl_member *m)
{
        (void) ts_buf_printf(out, "    %s %s@%u%s%s%s", ts_kind_to_string(m->kind), m->key, m->source.line,
                             ts_id_is_nil(&m->id) ? "" : " ",
                             ts_id_is_nil(&m->id) ? "" : ts_id_format(&m->id).s,
                             m->grants_managed ? " grants" : "");
        if (m->from != TS_TIME_UNSET)
                (void) ts_buf_printf(out, " from %s", ts_time_format(m->from).s);
        if (m->until != TS_TIME_UNSET)
                (void) ts_buf_printf(out, " until %s", ts_time_format(m->until).s);
        print_labels(out, m->labels);
        for (size_t i = 0; i < m->n_role_sets; i++)
                (void) ts_buf_printf(out, "      set %s@%s:%u\n", m->role_sets[i]->name,
                                     m->role_sets[i]->source.file, m->role_sets[i]->source.line);
        print_roles(out, "      ", &m->roles);
}

static void print_members(struct ts_buf *out, const char *name, const struct ts_decl_members *members)
{
        if (!members->managed)
                return;
        (void) ts_buf_printf(out, "    %s managed@%u\n", name, members->source.line);
        for (size_t i = 0; i < members->n; i++)
                print_member(out, &members->items[i]);
}

static void print_request(struct ts_buf *out, const struct ts_decl_trust *t)
{
        if (t->pairing.source.file)
                (void) ts_buf_printf(out, "    pairing %s@%u\n",
                                     t->pairing.automatic ? "auto" : ts_id_format(&t->pairing.id).s,
                                     t->pairing.source.line);
        if (!t->request.source.file)
                return;
        (void) ts_buf_printf(out, "    request@%u\n", t->request.source.line);
        print_members(out, "request users", &t->request.users);
        print_members(out, "request groups", &t->request.groups);
}

static void print_trust(struct ts_buf *out, const struct ts_decl_trust *t)
{
        static const char *const tristates[] = { [TS_UNSET] = "unset", [TS_NO] = "false", [TS_YES] = "true" };

        (void) ts_buf_printf(out, "  %s %s@%s:%u %s\n", ts_direction_to_string(t->direction), t->alias,
                             t->source.file, t->source.line, ts_id_format(&t->id).s);
        (void) ts_buf_printf(out, "    %s@%u%s enabled %s@%u expires %s@%u unlisted %s",
                             t->absent ? "absent" : "present", t->state_source.line,
                             t->observe ? " observe" : "", tristates[t->enabled], t->enabled_source.line,
                             ts_time_format(t->expires).s, t->expires_source.line,
                             t->report_unlisted ? "report" : "remove");
        print_labels(out, t->labels);
        print_request(out, t);
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++)
                print_members(out, ts_collection_to_string(c), &t->collections[c]);
}

static char *declarations_text(const struct ts_declarations *d)
{
        struct ts_buf out = TS_BUF_INIT(1u << 20);

        (void) ts_buf_printf(&out, "%zu files\n", d->n_files);
        for (size_t i = 0; i < d->n_organizations; i++) {
                const struct ts_decl_organization *o = &d->organizations[i];

                (void) ts_buf_printf(&out, "%s@%s:%u trustees %s@%u", o->alias, o->source.file,
                                     o->source.line, o->trustees_managed ? "managed" : "unmanaged",
                                     o->trustees_source.line);
                if (o->trustors_managed)
                        (void) ts_buf_printf(&out, " trustors managed@%u", o->trustors_source.line);
                (void) ts_buf_putc(&out, '\n');
                if (o->care.source.file)
                        (void) ts_buf_printf(&out, "  care@%s:%u %s%s%s\n", o->care.source.file,
                                             o->care.source.line, o->care.absent ? "absent" : "present",
                                             o->care.assign_default_role ? " role" : "",
                                             o->care.auto_expire ? " expires" : "");
                for (size_t k = 0; k < o->n_role_sets; k++) {
                        (void) ts_buf_printf(&out, "  set %s@%s:%u\n", o->role_sets[k].name,
                                             o->role_sets[k].source.file, o->role_sets[k].source.line);
                        print_roles(&out, "    ", &o->role_sets[k].roles);
                }
                for (size_t k = 0; k < o->n_trusts; k++)
                        print_trust(&out, &o->trusts[k]);
        }
        ck_assert(!ts_buf_failed(&out));
        return out.data;
}

/* -------------------------------------------------------------------------------------------- strict YAML */

static const struct {
        const char *name, *text, *faults;
} yaml_cases[] = {
        { "maps, lists, text", "a: b\nc: [d, 'e f', \"g\"]\nh:\n  - i\n  - { j: k }\n", "" },
        { "a document's start and end", "---\na: b\n...\n", "" },
        { "a document's start with a comment", "# x\n--- # y\na: b # z\n", "" },
        { "a closing bracket below its key", "a: [\n  b,\n]\n", "" },
        { "a list in the column of its key", "a:\n- b\n- c\n", "" },
        { "text that looks like other things", "a: 'no'\nb: \"~\"\n", "" },
        { "beyond ASCII", "ä: 東京\n", "" },
        { "the last line without an end", "a: b", "" },

        { "nothing", "", "x\n" },
        { "only a comment", "# nothing\n", "x\n" },
        { "a duplicate key", "a: 1\nb: 2\na: 3\n", "x:3:1\n" },
        { "a duplicate key in other quotes", "a: 1\n\"a\": 3\n", "x:2:1\n" },
        { "a duplicate key of many",
          "a: 1\nb: 1\nc: 1\nd: 1\ne: 1\nf: 1\ng: 1\nh: 1\ni: 1\nj: 1\nk: 1\nb: 2\nk: 3\n",
          "x:12:1\nx:13:1\n" },
        { "a duplicate key in { }", "a: {b: 1, b: 2}\n", "x:1:11\n" },
        { "an alias", "a: &x b\nc: *x\n", "x:1:4\nx:2:4\n" },
        { "an anchor without a name", "a: & b\n", "x:1:4\n" },
        { "tags", "a: !!str b\nc: !x [d]\ne: ! {}\n", "x:1:4\nx:2:4\nx:3:4\n" },
        { "a tag of an unknown kind", "a: !b!c d\n", "x:1:4\n" },
        { "a merge key", "a:\n  <<: {b: c}\n", "x:2:3\n" },
        { "a second document", "a: b\n---\nc: d\n", "x:2:1\n" },
        { "a second document after the end of the first", "a: b\n...\nc: d\n", "x:3:1\n" },
        { "a key with '?'", "? a\n: b\n", "x:1:1\n" },
        { "a list as a key", "[a]: b\n", "x:1:1\nx:1:1\n" },
        { "a map as a key", "{a: b}: c\n", "x:1:1\nx:1:1\n" },
        { "an empty key", "'': a\n", "x:1:1\n" },
        { "a key that is left out", ": a\n", "x:1:1\n" },
        { "no value in a list", "[a, , b]\n", "x:1:5\n" },
        { "no colon", "a: b\nc\n", "x:2:1\n" },
        { "a colon in text", "a: b: c\n", "x:1:5\n" },
        { "an open quote", "a: b\nc: \"d\n", "x:2:4\n" },
        { "an open list", "a: [b, c\n", "x:2:1\n" },
        { "an open map", "a: {b: c\n", "x:2:1\n" },
        { "an unknown escape", "a: \"\\q\"\n", "x:1:5\n" },
        { "a reserved character", "a: @b\n", "x:1:4\n" },
        { "indentation that fits nothing", "a:\n    b: 1\n  c: 2\n", "x:3:3\n" },
        { "a merge conflict", "a: b\n<<<<<<< HEAD\nc: d\n=======\nc: e\n>>>>>>> branch\nf: g\n", "x:2:1\n" },
        { "two merge conflicts, one with its base",
          "<<<<<<<\n||||||| 1a2b3c4\n=======\n>>>>>>>\n<<<<<<< HEAD\na: b\n=======\n>>>>>>> branch\n",
          "x:1:1\nx:5:1\n" },
        { "half a merge conflict", "a: b\n=======\nc: e\n>>>>>>> branch\n", "x:2:1\nx:4:1\n" },
        { "the end of a merge conflict, without a line end", ">>>>>>> branch", "x:1:1\n" },
        { "no merge conflict", "a: '<<<<<<< HEAD'\n# =======\n=======: '>>>>>>> a'\n", "" },
        { "a tab as indentation", "a:\n\tb: c\n", "x:2:1\n" },
        { "a tab between key and value", "a:\tb\n", "x:1:3\n" },
        { "a tab in text", "a: b\tc\n", "x:1:4\n" },
        { "block text", "a: |\n  b\nc: >-\n  d\n", "x:1:4\nx:3:4\n" },
        { "text over two lines", "a: b\n  c\n", "x:1:4\n" },
        { "a bidirectional control",
          "a: b\xe2\x80\xae"
          "c\n",
          "x:1:5\n" },
        { "a zero width space in a comment", "a: b # c\xe2\x80\x8b\n", "x:1:9\n" },
        { "a line separator",
          "a: b\xe2\x80\xa8"
          "c: d\n",
          "x:1:5\n" },
        { "next line",
          "a: b\xc2\x85"
          "c: d\n",
          "x:1:5\n" },
        { "an escape character", "a: b\x1b[0m\n", "x:1:5\n" },
        { "an escaped NUL", "a: \"b\\0c\"\n", "x:1:4\n" },
        { "an escaped newline", "a: \"b\\nc\"\n", "x:1:4\n" },
        { "an escaped tab", "a: \"b\\tc\"\n", "x:1:4\n" },
        { "an escaped bidirectional control", "a: \"b\\u202ec\"\n", "x:1:4\n" },
        { "Windows line ends", "a: b\r\nc: d\r\n", "x:1:5\n" },
        { "a byte order mark",
          "\xef\xbb\xbf"
          "a: b\n",
          "x:1:1\n" },
        { "UTF-16",
          "\xff\xfe"
          "a",
          "x:1:1\n" },
        { "Latin-1", "a: b\nc: d\xe9\n", "x:2:5\n" },
        { "an overlong form", "a: \xc0\xaf\n", "x:1:4\n" },

        /* what libyaml takes for YAML, and is none */
        { "lines of a list as far left as its key", "---\nflow: [a,\nb,\nc]\n", "x:3:1\nx:4:1\n" },
        { "a tag directive after the document",
          "!foo \"bar\"\n%TAG ! tag:example.com,2000:app/\n---\n!foo \"bar\"\n", "x:2:1\n" },
        { "a comment right behind a bracket", "---\n[ a, b, c, ]#invalid\n", "x:2:13\n" },
        { "a comment right behind a comma", "---\n[ a, b, c,#invalid\n]\n", "x:2:11\n" },
        { "quoted text that goes on behind a tab", "foo: \"bar\n\tbaz\"\n", "x:1:6\n" },
        { "a directive behind text", "---\nscalar1 # comment\n%YAML 1.2\n---\nscalar2\n", "x:3:1\n" },
        { "lone dashes in a list", "---\n- [-, -]\n", "x:2:4\nx:2:7\n" },
        { "a directive with a comment", "%YAML 1.1#...\n---\n", "x:1:1\n" },
        { "a directive twice", "%YAML 1.2\n---\n%YAML 1.2\n---\n", "x:1:1\n" },
        { "quoted text that goes on at the left", "---\nquoted: \"a\nb\nc\"\n", "x:2:9\n" },
        { "a directive behind a map", "---\nkey: value\n%YAML 1.2\n---\n", "x:3:1\n" },
        { "block text with blanks in front", "empty block scalar: >\n \n  \n   \n # comment\n", "x:1:21\n" },
        { "a comment right behind a quote", "key: \"value\"# invalid comment\n", "x:1:13\n" },
        { "a comment right behind '>'", "block: ># comment\n  scalar\n", "x:1:8\n" },
        { "a tab inside a list", "- [\n\tfoo,\n foo\n ]\n", "x:2:1\nx:2:1\n" },
        { "a lone dash", "[-]\n", "x:1:2\n" },
};

/* @text has faults at @places. */
#define parsing_finds(name, text, len, places) check_parsing(__func__, name, text, len, places)

static void check_parsing(const char *test, const char *name, const char *text, size_t len,
                          const char *places)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_yaml_done)
        struct ts_yaml y = {
                .file = "x", .cls = TS_FAULT_DECLARATIONS, .faults = &faults, .text = text, .len = len
        };
        int r = ts_yaml_parse(&y);

        ck_assert_int_eq(r < 0, y.root == NULL);
        ck_assert(r == 0 || faults.n_errors > 0);
        check_faults(test, name, &faults, places);
}

START_TEST(test_yaml)
{
        parsing_finds(yaml_cases[_i].name, yaml_cases[_i].text, strlen(yaml_cases[_i].text),
                      yaml_cases[_i].faults);
}
END_TEST

START_TEST(test_yaml_nul)
{
        parsing_finds("a NUL", "a: b\0\n", 6, "x:1:5\n");
}
END_TEST

/* Text made of a piece again and again. */
static const struct {
        const char *name, *before, *piece;
        size_t n;
        const char *after, *faults;
} size_cases[] = {
        { "as deep as allowed", "", "[", 16, "]]]]]]]]]]]]]]]]", "" },
        { "too deep", "", "[", 17, "]]]]]]]]]]]]]]]]]", "x:1:17\n" },
        { "a megabyte of brackets", "", "[", 1024 * 1024, "", "x:1:17\n" },
        { "a megabyte of dashes", "", "- ", 512 * 1024, "", "x:1:33\n" },
        { "a file as large as allowed", "a: b\n", "#\n", 512 * 1024 - 3, "#", "" },
        { "a file too large", "a: b\n", "#\n", 512 * 1024 - 2, "", "x:1:1\n" },
        { "text as long as allowed", "a: ", "b", 4096, "\n", "" },
        { "text too long", "a: ", "b", 4097, "\n", "x:1:4\n" },
        { "quoted text too long", "a: '", "b", 4097, "'\n", "x:1:4\n" },
        { "as many values as allowed", "[", "a,", 249998, "a]", "" },
        { "too many values", "[", "a,", 249999, "a]", "x:1:500000\n" },
        { "directives without end", "", "%TAG ! tag:a,1:\n", 60000, "a: b\n", "x:1:1\n" },
};

START_TEST(test_yaml_size)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(4u << 20);
        TS_CLEANUP(ts_freep) char *got = NULL;

        (void) ts_buf_puts(&text, size_cases[_i].before);
        for (size_t i = 0; i < size_cases[_i].n; i++)
                (void) ts_buf_puts(&text, size_cases[_i].piece);
        (void) ts_buf_puts(&text, size_cases[_i].after);
        parsing_finds(size_cases[_i].name, ts_buf_text(&text), text.len, size_cases[_i].faults);
}
END_TEST

/* ------------------------------------------------------------------------------------------------- faults */

START_TEST(test_faults_are_printed)
{
        static const char text[] = "version: 1\n"
                                   "ä: \x1b\n"
                                   "\tx\n";
        TS_CLEANUP(ts_faults_done) struct ts_faults f = TS_FAULTS_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(1u << 20);
        struct ts_source a = { "b.yaml", 2, 4 }, b = { "a\n.yaml", 0, 0 }, c = { "b.yaml", 1, 10 };

        ts_faults_add(&f, TS_FAULT_DECLARATIONS, &a, ts_yaml_find_line(text, 2), "no '\x1b'", "a '%s'",
                      "\x1b");
        ts_faults_add(&f, TS_FAULT_REFUSAL, &b, NULL, NULL, "whole file");
        ts_faults_add(&f, TS_FAULT_WARNING, &c, ts_yaml_find_line(text, 1), NULL, "careful");
        ts_faults_print(&f, false, &out);
        assert_text("plain", ts_buf_text(&out),
                    "a\\x0a.yaml: error: whole file\n"
                    "b.yaml:1:10: warning: careful\n"
                    "     1 | version: 1\n"
                    "       |          ^\n"
                    "b.yaml:2:4: error: a '\\x1b'\n"
                    "     2 | ä: \\x1b\n"
                    "       |    ^\n"
                    "       hint: no '\\x1b'\n");
        ck_assert_uint_eq(f.n_errors, 2);
        ck_assert(ts_faults_has(&f, TS_FAULT_WARNING) && ts_faults_has(&f, TS_FAULT_REFUSAL));
        ck_assert(!ts_faults_has(&f, TS_FAULT_SETTINGS));

        ts_buf_reset(&out);
        ts_faults_print(&f, true, &out);
        ck_assert(strstr(ts_buf_text(&out), "\033[1;33mwarning:\033[0m careful") != NULL);
        ck_assert(strstr(ts_buf_text(&out), "\033[1;31merror:\033[0m whole file") != NULL);
}
END_TEST

START_TEST(test_faults_far_to_the_right)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults f = TS_FAULTS_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf line = TS_BUF_INIT(1u << 16);
        struct ts_source at = { "a.yaml", 1, 301 };

        for (int i = 0; i < 300; i++)
                (void) ts_buf_puts(&line, "ö");
        (void) ts_buf_puts(&line, "X");
        for (int i = 0; i < 300; i++)
                (void) ts_buf_puts(&line, "y");
        ts_faults_add(&f, TS_FAULT_DECLARATIONS, &at, ts_buf_text(&line), NULL, "there");
        ck_assert_uint_eq(f.items[0].caret, 81); /* "…" and 80 of them */
        ck_assert(strncmp(f.items[0].line, "…ö", strlen("…ö")) == 0);
        ck_assert(strstr(f.items[0].line, "öXy") != NULL);
        ck_assert(strcmp(f.items[0].line + strlen(f.items[0].line) - strlen("y…"), "y…") == 0);
}
END_TEST

static const struct {
        const char *name;
        unsigned n;
} left_out_cases[] = { { "one too many", 1 }, { "three too many", 3 } };

START_TEST(test_faults_are_counted_past_the_maximum)
{
        unsigned n = TS_FAULTS_MAX + left_out_cases[_i].n;
        TS_CLEANUP(ts_faults_done) struct ts_faults f = TS_FAULTS_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(1u << 20);
        struct ts_source at = { "a.yaml", 1, 1 };

        for (unsigned i = 0; i < n; i++)
                ts_faults_add(&f, TS_FAULT_SETTINGS, &at, NULL, NULL, "fault %u", i);
        ts_faults_print(&f, false, &out);
        ck_assert_uint_eq(f.n, TS_FAULTS_MAX);
        ck_assert_uint_eq(f.n_errors, n);
        ck_assert_uint_gt(out.len, 0);
        out.data[--out.len] = '\0';
        message_is(left_out_cases[_i].name, strrchr(ts_buf_text(&out), '\n') + 1);
}
END_TEST

static const struct {
        const char *word, *candidates[4], *nearest;
} nearest_cases[] = {
        { "rolse", { "roles", "role_sets" }, "roles" },
        { "ROLES", { "roles" }, "roles" },
        { "user", { "users", "unlisted" }, "users" },
        { "ab", { "ax", "a" }, "ax" },
        { "ab", { "xy" }, NULL },
        { "something", { "else" }, NULL },
        { "a-word-that-is-longer-than-anything-in-any-table",
          { "a-word-that-is-longer-than-anything-in-any-tabl" },
          NULL },
};

START_TEST(test_nearest)
{
        struct ts_nearest n = { .word = nearest_cases[_i].word };
        char buf[160];
        const char *hint;

        for (size_t i = 0; i < 4 && nearest_cases[_i].candidates[i]; i++)
                ts_nearest_try(&n, nearest_cases[_i].candidates[i]);
        hint = ts_nearest_hint(&n, buf);
        ck_assert_ptr_eq(hint, nearest_cases[_i].nearest ? buf : NULL);
        ck_assert(!hint || strstr(hint, nearest_cases[_i].nearest));
        if (hint)
                message_is(nearest_cases[_i].word, hint);
}
END_TEST

/* ----------------------------------------------------------------------------------------------- settings */

#define ACME \
        "version: 1\norganizations:\n  acme:\n    region: mypurecloud.de\n    client_id: client\n" \
        "    client_secret: credential:acme\n" /* the next line is 7 */
#define ACME_ID "1f2e3d4c-0000-4000-8000-000000000001"

static const char settings_of_everything[] =
                "version: 1\n"
                "reconcile:\n"
                "  mode: enforce\n"
                "  interval: 1h 30min\n"
                "  jitter: 0\n"
                "organizations:\n"
                "  zeta:\n"
                "    api_url: https://api.gateway.example:8443/genesys/\n"
                "    login_url: http://127.0.0.1:8080\n"
                "    client_id: \"007\"\n"
                "    client_secret: file:/etc/trustsyncd/zeta.secret\n"
                "  acme:\n"
                "    region: mypurecloud.de\n"
                "    id: 1F2E3D4C-0000-4000-8000-000000000001\n"
                "    client_id: 5b6c7d8e-0000-4000-8000-000000000002\n"
                "    client_secret: credential:acme\n"
                "    mode: observe\n"
                "    limits:\n"
                "      removals_per_cycle: 0\n"
                "      users_per_trust: 50\n"
                "trusts: ../trusts\n"
                "unlisted_trusts: remove\n"
                "delete_after: 7d\n"
                "limits:\n"
                "  removals_per_cycle: 1\n"
                "  removals_per_day: 2\n"
                "  trust_removals_per_day: 4\n"
                "  removals_percent: 100\n"
                "  users_per_trust: 30\n"
                "protect:\n"
                "  organizations: [0b6f4c1e-0000-4000-8000-000000000003]\n"
                "  users: [boss@acme.example, 9d1c0000-0000-4000-8000-000000000007]\n"
                "deny:\n"
                "  organizations:\n"
                "    - 0b6f4c1e-0000-4000-8000-000000000004\n"
                "  users:\n"
                "    - mallory@contoso.example\n"
                "  roles: [Master Admin]\n"
                "privileged_roles: [Master Admin, 9d1c0000-0000-4000-8000-000000000009]\n"
                "http:\n"
                "  concurrency: 64\n"
                "  requests_per_minute: 1000000\n"
                "  timeout: 100ms\n"
                "  ca_file: ca.pem\n"
                "  proxy: http://proxy.example:3128\n";

#define COMMON_POLICY \
        "  unlisted trusts remove@22, delete after 7d\n" \
        "  protect organizations 0b6f4c1e-0000-4000-8000-000000000003 users 'boss@acme.example'@32 " \
        "'9d1c0000-0000-4000-8000-000000000007'@32\n" \
        "  deny@33 organizations 0b6f4c1e-0000-4000-8000-000000000004 users 'mallory@contoso.example'@37 " \
        "roles 'Master Admin'@38\n" \
        "  privileged 'Master Admin'@39 '9d1c0000-0000-4000-8000-000000000009'@39\n"

static const struct {
        const char *name, *path, *text, *settings;
} settings_cases[] = {
        { "the defaults", "trustsyncd.yaml", ACME,
          "trusts trusts.d, every 5min + 30s\n"
          "http 8 at a time, 240 a minute, 30s, ca -, proxy -\n"
          "acme@3 00000000-0000-0000-0000-000000000000 observe\n"
          "  https://api.mypurecloud.de https://login.mypurecloud.de client client secret credential:acme@6\n"
          "  limits 10 20 3 25% 25\n"
          "  unlisted trusts report@0, delete after 1d\n"
          "  protect organizations users\n"
          "  deny@0 organizations users roles\n" },
        { "every key", "etc/trustsyncd.yaml", settings_of_everything,
          "trusts etc/../trusts, every 1h 30min + 0\n"
          "http 64 at a time, 1000000 a minute, 100ms, ca etc/ca.pem, proxy http://proxy.example:3128\n"
          "acme@12 1f2e3d4c-0000-4000-8000-000000000001 observe\n"
          "  https://api.mypurecloud.de https://login.mypurecloud.de client "
          "5b6c7d8e-0000-4000-8000-000000000002 secret credential:acme@16\n"
          "  limits 0 2 4 100% 50\n" COMMON_POLICY "zeta@7 00000000-0000-0000-0000-000000000000 enforce\n"
          "  https://api.gateway.example:8443/genesys http://127.0.0.1:8080 client 007 secret "
          "file:/etc/trustsyncd/zeta.secret@11\n"
          "  limits 1 2 4 100% 30\n" COMMON_POLICY },
        { "no proxy, absolute paths", "etc/trustsyncd.yaml",
          ACME "trusts: /srv/trusts\nhttp: {proxy: \"\", ca_file: /ca.pem}\ndelete_after: 0\n",
          "trusts /srv/trusts, every 5min + 30s\n"
          "http 8 at a time, 240 a minute, 30s, ca /ca.pem, proxy -\n"
          "acme@3 00000000-0000-0000-0000-000000000000 observe\n"
          "  https://api.mypurecloud.de https://login.mypurecloud.de client client secret credential:acme@6\n"
          "  limits 10 20 3 25% 25\n"
          "  unlisted trusts report@0, delete after 0\n"
          "  protect organizations users\n"
          "  deny@0 organizations users roles\n" },
        { "no role is privileged", "trustsyncd.yaml", ACME "privileged_roles: []\n",
          "trusts trusts.d, every 5min + 30s\n"
          "http 8 at a time, 240 a minute, 30s, ca -, proxy -\n"
          "acme@3 00000000-0000-0000-0000-000000000000 observe\n"
          "  https://api.mypurecloud.de https://login.mypurecloud.de client client secret credential:acme@6\n"
          "  limits 10 20 3 25% 25\n"
          "  unlisted trusts report@0, delete after 1d\n"
          "  protect organizations users\n"
          "  deny@0 organizations users roles\n"
          "  privileged\n" },
};

START_TEST(test_default_of_privileged_roles)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_settings_freep) struct ts_settings *s = NULL;
        const struct ts_texts *roles;

        write_file("trustsyncd.yaml", ACME);
        ck_assert_int_eq(ts_settings_load("trustsyncd.yaml", &faults, &s), 0);
        roles = &s->organizations[0].policy.privileged_roles;
        ck_assert_uint_eq(roles->n, 2);
        ck_assert_str_eq(roles->items[0].text, "Admin");
        ck_assert_str_eq(roles->items[1].text, "Master Admin");
        ck_assert_ptr_null(roles->items[0].source.file);
}
END_TEST

START_TEST(test_settings)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_settings_freep) struct ts_settings *s = NULL;
        TS_CLEANUP(ts_freep) char *got = NULL, *wrong = NULL;
        int r;

        write_file(settings_cases[_i].path, settings_cases[_i].text);
        r = ts_settings_load(settings_cases[_i].path, &faults, &s);
        wrong = faults_text(&faults, true);
        ck_assert_msg(r == 0 && s && faults.n == 0, "%s: %s", settings_cases[_i].name, wrong);
        got = settings_text(s);
        assert_text(settings_cases[_i].name, got, settings_cases[_i].settings);
        assert_text("the path", s->path, settings_cases[_i].path);
        ck_assert_ptr_eq(ts_settings_find(s, "acme"), &s->organizations[0]);
        ck_assert_ptr_null(ts_settings_find(s, "acm"));
}
END_TEST

#define ORGANIZATION(address) \
        "version: 1\norganizations:\n  acme:\n    client_id: x\n    client_secret: credential:a\n" address
#define SECRET(value) \
        "version: 1\norganizations:\n  acme:\n    region: mypurecloud.de\n    client_id: x\n" value

static const struct {
        const char *name, *text, *faults; /* the file is called s */
} settings_fault_cases[] = {
        /* the file */
        { "a list", "- a\n", "s:1:1\n" },
        { "text", "a\n", "s:1:1\n" },
        { "no version", "organizations: {}\n", "s:1:1\n" },
        { "another version", "version: 2\n", "s:1:10\n" },
        { "a quoted version", "version: \"1\"\n", "s:1:10\n" },
        { "an empty version", "version:\n", "s:1:9\n" },
        { "nothing but a version", "version: 1\n", "s:1:1\n" },
        { "an unknown key", ACME "organisations: {}\n", "s:7:1\n" },
        { "an unknown key like no other", ACME "favourite_colour: blue\n", "s:7:1\n" },

        /* organizations */
        { "no organization", "version: 1\norganizations: {}\n", "s:2:16\n" },
        { "organizations without a value", "version: 1\norganizations:\n", "s:2:1\n" },
        { "a list of organizations", "version: 1\norganizations: [acme]\n", "s:2:16\n" },
        { "an organization without a value", "version: 1\norganizations:\n  acme:\n", "s:3:3\n" },
        { "an empty organization", "version: 1\norganizations:\n  acme: {}\n", "s:3:3\ns:3:3\ns:3:3\n" },
        { "a number for an alias", "version: 1\norganizations:\n  7: {}\n", "s:3:3\n" },
        { "an unknown key of an organization", ACME "    regoin: x\n", "s:7:5\n" },
        { "two organizations with one id",
          ACME "    id: " ACME_ID "\n  beta:\n    region: mypurecloud.de\n    client_id: x\n"
               "    client_secret: credential:b\n    id: 1F2E3D4C-0000-4000-8000-000000000001\n",
          "s:8:3\n" },
        { "an id that is none", ACME "    id: acme\n", "s:7:9\n" },
        { "an id of zeros", ACME "    id: 00000000-0000-0000-0000-000000000000\n", "s:7:9\n" },
        { "a client id that YAML takes for a number",
          ORGANIZATION("    region: mypurecloud.de\n") "    client_id: 7\n", "s:7:5\n" },
        { "an empty client id",
          "version: 1\norganizations:\n  acme:\n    region: mypurecloud.de\n    client_id: \"\"\n"
          "    client_secret: credential:a\n",
          "s:5:16\n" },
        { "a mode that is none", ACME "    mode: enforced\n", "s:7:11\n" },
        { "a limit of an organization", ACME "    limits: {removals_per_cycle: -1}\n", "s:7:34\n" },
        { "protection in an organization", ACME "    protect: {}\n", "s:7:5\n" },

        /* addresses */
        { "a misspelt region", ORGANIZATION("    region: mypurecloud.dee\n"), "s:6:13\n" },
        { "the hosting company's name of a region", ORGANIZATION("    region: eu-west-2\n"), "s:6:13\n" },
        { "an unknown region", ORGANIZATION("    region: example.org\n"), "s:6:13\n" },
        { "a region and a URL", ORGANIZATION("    region: mypurecloud.de\n    api_url: https://a\n"),
          "s:7:5\n" },
        { "only one URL", ORGANIZATION("    login_url: https://a\n"), "s:6:5\n" },
        { "no address", ORGANIZATION(""), "s:3:3\n" },
#define URL_FAULT(url) ORGANIZATION("    login_url: https://a\n    api_url: " url "\n")
        { "http", URL_FAULT("http://api.example"), "s:7:14\n" },
        { "http to what begins like a loopback address", URL_FAULT("http://127.0.0.1.example"), "s:7:14\n" },
        { "http to what begins like localhost", URL_FAULT("http://localhost.example"), "s:7:14\n" },
        { "http to another IPv6 address", URL_FAULT("http://[::2]"), "s:7:14\n" },
        { "no scheme", URL_FAULT("api.example"), "s:7:14\n" },
        { "another scheme", URL_FAULT("ftp://a"), "s:7:14\n" },
        { "no host", URL_FAULT("https:///a"), "s:7:14\n" },
        { "a port that is none", URL_FAULT("https://a:70000"), "s:7:14\n" },
        { "an empty port", URL_FAULT("'https://a:'"), "s:7:14\n" },
        { "port 0", URL_FAULT("https://a:0"), "s:7:14\n" },
        { "a query", URL_FAULT("https://a/?b"), "s:7:14\n" },
        { "a fragment", URL_FAULT("https://a/#b"), "s:7:14\n" },
        { "a blank", URL_FAULT("https://a/b c"), "s:7:14\n" },
        { "an open bracket", URL_FAULT("'https://[::1'"), "s:7:14\n" },
        { "brackets around a name", URL_FAULT("'https://[a]'"), "s:7:14\n" },
        { "beyond ASCII", URL_FAULT("https://ä"), "s:7:14\n" },
        { "a password in a URL", URL_FAULT("https://user:hunter2@a"), "s:7:14\n" },

        /* the client secret */
        { "a secret in plain", SECRET("    client_secret: hunter2\n"), "s:6:20\n" },
        { "a secret of digits", SECRET("    client_secret: 1234567\n"), "s:6:20\n" },
        { "a secret that is a list", SECRET("    client_secret: [hunter2]\n"), "s:6:20\n" },
        { "no value for the secret", SECRET("    client_secret:\n"), "s:6:5\n" },
        { "a relative file", SECRET("    client_secret: file:secret\n"), "s:6:20\n" },
        { "a credential with a path", SECRET("    client_secret: credential:../a\n"), "s:6:20\n" },
        { "a credential without a name", SECRET("    client_secret: 'credential:'\n"), "s:6:20\n" },
        { "a credential that is a directory", SECRET("    client_secret: credential:..\n"), "s:6:20\n" },
        { "another scheme of secrets", SECRET("    client_secret: env:SECRET\n"), "s:6:20\n" },
        { "a misspelt secret", SECRET("    client_sekret: hunter2\n"), "s:3:3\ns:6:5\n" },

        /* the rest */
        { "an empty path", ACME "trusts: ''\n", "s:7:9\n" },
        { "a list of paths", ACME "trusts: [a, b]\n", "s:7:9\n" },
        { "an unknown key of reconcile", ACME "reconcile: {intervals: 5min}\n", "s:7:13\n" },
        { "a mode that YAML takes for a boolean", ACME "reconcile: {mode: on}\n", "s:7:19\n" },
        { "an interval that is none", ACME "reconcile: {interval: often}\n", "s:7:23\n" },
        { "an interval too short", ACME "reconcile: {interval: 10ms}\n", "s:7:23\n" },
        { "an interval too long", ACME "reconcile: {interval: 8d}\n", "s:7:23\n" },
        { "jitter too long", ACME "reconcile: {jitter: 2d}\n", "s:7:21\n" },
        { "reconcile without a value", ACME "reconcile:\n", "s:7:1\n" },
        { "a word for unlisted trusts", ACME "unlisted_trusts: delete\n", "s:7:18\n" },
        { "a boolean for unlisted trusts", ACME "unlisted_trusts: false\n", "s:7:18\n" },
        { "a wait too long", ACME "delete_after: 400d\n", "s:7:15\n" },
        { "a negative wait", ACME "delete_after: -1\n", "s:7:15\n" },
        { "an empty wait", ACME "delete_after: ''\n", "s:7:15\n" },
        { "limits that are none",
          ACME
          "limits:\n  removals_per_cycle: ten\n  removals_per_day: \"20\"\n  trust_removals_per_day: 1e3\n"
          "  removals_percent: 101\n",
          "s:8:23\ns:9:21\ns:10:27\ns:11:21\n" },
        { "more limits that are none",
          ACME "limits:\n  removals_per_cycle: 010\n  removals_per_day: 1_000\n  trust_removals_per_day: +3\n"
               "  removals_percent: 25%\n  users_per_trust: 0\n",
          "s:8:23\ns:9:21\ns:10:27\ns:11:21\ns:12:20\n" },
        { "a limit out of all bounds", ACME "limits: {removals_per_cycle: 99999999999999999999}\n",
          "s:7:30\n" },
        { "a limit without a value", ACME "limits:\n  removals_per_cycle:\n", "s:8:3\n" },
        { "an unknown limit", ACME "limits: {removals_per_week: 1}\n", "s:7:10\n" },
        { "protected organizations by name", ACME "protect: {organizations: [contoso]}\n", "s:7:27\n" },
        { "protected users by name", ACME "protect: {users: [Jane, jane@, '@x', a@b@c, a b@c]}\n",
          "s:7:19\ns:7:25\ns:7:32\ns:7:38\ns:7:45\n" },
        { "one protected user without a list", ACME "protect: {users: a@b.c}\n", "s:7:18\n" },
        { "protected roles", ACME "protect: {roles: []}\n", "s:7:11\n" },
        { "protection without a value", ACME "protect:\n  users:\n", "s:8:3\n" },
        { "a denied role that YAML takes for a boolean", ACME "deny: {roles: [yes]}\n", "s:7:16\n" },
        { "a denied role that is a map", ACME "deny: {roles: [{a: b}]}\n", "s:7:16\n" },
        { "denied organizations that are none", ACME "deny: {organizations: [1]}\n", "s:7:24\n" },
        { "denied and protected",
          ACME "protect: {organizations: [" ACME_ID "], users: [a@b.c, d@b.c]}\n"
               "deny: {organizations: [" ACME_ID "], users: [A@b.c]}\n",
          "s:8:1 warning\ns:8:71 warning\n" },
        { "http that is out of range",
          ACME "http: {concurrency: 0, requests_per_minute: 1000001, timeout: 11min, ca_file: ''}\n",
          "s:7:21\ns:7:45\ns:7:63\ns:7:79\n" },
        { "an unknown key of http", ACME "http: {insecure: true}\n", "s:7:8\n" },
        { "a proxy without a scheme", ACME "http: {proxy: 'proxy:3128'}\n", "s:7:15\n" },
        { "a proxy with a path", ACME "http: {proxy: http://p/a}\n", "s:7:15\n" },
        { "a proxy with a password", ACME "http: {proxy: 'http://u:hunter2@p'}\n", "s:7:15\n" },
        { "a proxy without a value", ACME "http:\n  proxy:\n", "s:8:3\n" },
        { "a fault in what YAML is, and one in what it means", ACME "trusts: *a\nreconcile: {mode: x}\n",
          "s:7:9\ns:8:19\n" },
};

START_TEST(test_settings_faults)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_settings_freep) struct ts_settings *s = NULL;
        TS_CLEANUP(ts_buf_done) struct ts_buf printed = TS_BUF_INIT(1u << 20);
        int r;

        write_file("s", settings_fault_cases[_i].text);
        r = ts_settings_load("s", &faults, &s);
        faults_are(settings_fault_cases[_i].name, &faults, settings_fault_cases[_i].faults);
        ck_assert_int_eq(r, faults.n_errors > 0 ? -EINVAL : 0);
        ck_assert((s == NULL) == (r < 0));
        ck_assert_uint_eq(faults.n_of[TS_FAULT_SETTINGS], faults.n_errors);
        ts_faults_print(&faults, false, &printed);
        ck_assert_msg(!strstr(ts_buf_text(&printed), "hunter2") && !strstr(ts_buf_text(&printed), "1234567"),
                      "%s: the secret is shown:\n%s", settings_fault_cases[_i].name, ts_buf_text(&printed));
}
END_TEST

/* Whatever else is wrong: no message shows a secret that was written in plain. */
static const char *const secrets_in_plain[] = {
        SECRET("    client_secret: hunter2\n    mode: x\n"),
        SECRET("    client_secret: \"hunter2\n"),
        SECRET("    client_secret: |\n      hunter2\n"),
        SECRET("    client_secret:\n\n      # it is\n      hunter2: x\n"),
        SECRET("    client_secret:\n      hunter2\n      hunter2\n"),
        SECRET("    client_secret: !x hunter2\n"),
        SECRET("    client_secret: &hunter2 x\n"),
        SECRET("    client_secret: *hunter2\n"),
        SECRET("    client_secret: x\thunter2\n"),
        SECRET("    client_secret: @hunter2\n"),
        SECRET("    client_secret: a: hunter2\n"),
        SECRET("    client_secret: \"\\qhunter2\"\n"),
        SECRET("    client_secret: hunter2\x01\n"),
        SECRET("    client_secret: hunter2#\n      hunter2\n"),
        SECRET("    client_secret: file:/a\n    client_secret: hunter2\n"),
        SECRET("    clientsecret: hunter2\n"),
        SECRET("    Client_Secret: hunter2\n"),
        SECRET("    cleint_sercet: hunter2\n"),
        SECRET("    password: hunter2\n"),
        "version: 1\norganizations:\n  acme: {regoin: x, client_id: x, client_secret: hunter2}\n",
        "version: 1\nclient_secret: hunter2\n",
        SECRET("http: {proxy_url: \"http://svc:hunter2@proxy.example:3128\"}\n"),
        SECRET("proxy: http://svc:hunter2@proxy.example:3128\n"),
        SECRET("http: {proxy: \"http://svc:hunter2@proxy.example:3128\"}\n"),
        SECRET("http:\n  proxy: svc:hunter2@proxy.example:3128\n"),
        SECRET("https_proxy: svc:hunter2@proxy.example:3128\n"),
        SECRET("http:\n  proxy: \"http://svc:hunter2\n    @proxy.example:3128\"\n"),
        SECRET("http: {proxy: [\"http://svc:hunter2@proxy.example\"]}\n"),
        SECRET("http: {concurrency: \"socks5://svc:hunter2@proxy.example\"}\n"),
        SECRET("reconcile: {mode: \"http://svc:hunter2@proxy.example\"}\n"),
        SECRET("trusts: \"http://svc:hunter2@proxy.example\n"),
        SECRET("\"http://svc:hunter2@proxy.example\": x\n"),
        SECRET("http: {ca_file: x\t, proxy: http://svc:hunter2@proxy.example}\n"),
        SECRET("http: {proxy_credential: \"svc:hunter2\"}\n"),
        SECRET("http: {proxy_credentials: \"svc:hunter2\"}\n"),
        SECRET("http:\n  proxy_credential:\n    svc:hunter2: x\n"),
};

START_TEST(test_settings_show_no_secret)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_settings_freep) struct ts_settings *s = NULL;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(1u << 20);

        write_file("s", secrets_in_plain[_i]);
        ck_assert_int_eq(ts_settings_load("s", &faults, &s), -EINVAL);
        ts_faults_print(&faults, false, &out);
        ck_assert_msg(!strstr(ts_buf_text(&out), "hunter2"), "%s", ts_buf_text(&out));
}
END_TEST

/* Every region, and what else may be an address. */
static const struct {
        const char *address, *api_url, *login_url;
} address_cases[] = {
#define REGION(domain) \
        { \
                "    region: " domain "\n", "https://api." domain, "https://login." domain \
        }
        REGION("mypurecloud.com"),
        REGION("use2.us-gov-pure.cloud"),
        REGION("usw2.pure.cloud"),
        REGION("cac1.pure.cloud"),
        REGION("sae1.pure.cloud"),
        REGION("mxc1.pure.cloud"),
        REGION("mypurecloud.ie"),
        REGION("euw2.pure.cloud"),
        REGION("mypurecloud.de"),
        REGION("euc2.pure.cloud"),
        REGION("aps1.pure.cloud"),
        REGION("mypurecloud.jp"),
        REGION("apne2.pure.cloud"),
        REGION("apne3.pure.cloud"),
        REGION("apse1.pure.cloud"),
        REGION("mypurecloud.com.au"),
        REGION("mec1.pure.cloud"),
        REGION("edee1.eusc-pure.cloud"),
        { "    api_url: https://api.example/\n    login_url: https://login.example:443/a/b//\n",
          "https://api.example", "https://login.example:443/a/b" },
        { "    api_url: http://127.1.2.3:8080\n    login_url: http://[::1]:8080/\n", "http://127.1.2.3:8080",
          "http://[::1]:8080" },
        { "    api_url: http://localhost:1\n    login_url: https://[2001:db8::1]\n", "http://localhost:1",
          "https://[2001:db8::1]" },
};

START_TEST(test_settings_address)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_settings_freep) struct ts_settings *s = NULL;
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(4096);
        TS_CLEANUP(ts_freep) char *wrong = NULL;

        (void) ts_buf_printf(&text, "%s%s", ORGANIZATION(""), address_cases[_i].address);
        write_file("s", ts_buf_text(&text));
        ck_assert_int_eq(ts_settings_load("s", &faults, &s) < 0, faults.n > 0);
        wrong = faults_text(&faults, true);
        assert_text(address_cases[_i].address, wrong, "");
        assert_text(address_cases[_i].address, s->organizations[0].api_url, address_cases[_i].api_url);
        assert_text(address_cases[_i].address, s->organizations[0].login_url, address_cases[_i].login_url);
}
END_TEST

static const struct {
        const char *name, *files, *faults;
} settings_file_cases[] = {
        { "not there", "", "s\n" },
        { "a directory", "=d s\n", "s\n" },
        { "a link to nowhere", "=> s nowhere\n", "s\n" },
        { "a device", "=> s /dev/zero\n", "s\n" },
        { "empty", "== s\n", "s\n" },
};

START_TEST(test_settings_file)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_settings_freep) struct ts_settings *s = NULL;

        make_files(settings_file_cases[_i].files);
        ck_assert_int_eq(ts_settings_load("s", &faults, &s), -EINVAL);
        ck_assert_ptr_null(s);
        faults_are(settings_file_cases[_i].name, &faults, settings_file_cases[_i].faults);
}
END_TEST

/* ------------------------------------------------------------------------------------------- declarations */

#define CONTOSO_ID "0b6f4c1e-0000-4000-8000-000000000003"
#define FABRIKAM_ID "77aa0000-0000-4000-8000-000000000006"
#define JANE_ID "9d1c0000-0000-4000-8000-000000000007"
#define CONTOSO "version: 1\ntrustees:\n  contoso:\n    id: " CONTOSO_ID "\n"    /* the next line is 5 */
#define FABRIKAM "version: 1\ntrustors:\n  fabrikam:\n    id: " FABRIKAM_ID "\n" /* likewise */
#define JANE CONTOSO "    users:\n      jane@contoso.example:\n"                 /* the next line is 7 */

/* What the settings say: none, acme alone, or acme and beta. */
enum known {
        NO_SETTINGS,
        ONE,
        TWO,
};

static struct ts_settings_organization known_organizations[] = {
        { .alias = "acme", .policy = { .limits = { .users_per_trust = 3 } } },
        { .alias = "beta", .policy = { .limits = { .users_per_trust = 2 } } },
};

static int load(const char *path, enum known known, struct ts_faults *faults, struct ts_declarations **ret)
{
        struct ts_settings settings = {
                .path = "trustsyncd.yaml",
                .organizations = known_organizations,
                .n_organizations = known == TWO ? 2 : 1,
        };

        ck_assert(ts_id_parse_string(ACME_ID, &known_organizations[0].id));
        return ts_declarations_load(path, known == NO_SETTINGS ? NULL : &settings,
                                    &(struct ts_config_places){ "cred", "state" }, faults, ret);
}

static const struct {
        const char *name;
        enum known known;
        const char *files, *declarations;
} declarations_cases[] = {
        { "nothing but an organization", TWO, "== t/a.yaml\nversion: 1\norganization: beta\n",
          "1 files\nbeta@t/a.yaml:2 trustees unmanaged@0\n" },
        { "nobody is let in", ONE, "== t/a.yaml\nversion: 1\ntrustees: {}\n",
          "1 files\nacme@t/a.yaml:1 trustees managed@2\n" },
        { "every key", ONE,
          "== t/a.yaml\n"
          "version: 1\n"
          "organization: acme\n"
          "role_sets:\n"
          "  tier1:\n"
          "    Communicate - User: all\n"
          "    Supervisor: [Sales, \"all hands\"]\n"
          "  empty: {}\n"
          "trustees:\n"
          "  fabrikam:\n"
          "    id: " FABRIKAM_ID "\n"
          "    state: absent\n"
          "    mode: observe\n"
          "    enabled: false\n"
          "    expires: never\n"
          "    unlisted: report\n"
          "    users: {}\n"
          "  contoso:\n"
          "    id: 0B6F4C1E-0000-4000-8000-000000000003\n"
          "    state: present\n"
          "    enabled: true\n"
          "    expires: 2027-06-30T02:00:00+02:00\n"
          "    unlisted: remove\n"
          "    users:\n"
          "      jane@contoso.example:\n"
          "        id: " JANE_ID "\n"
          "        role_sets: [tier1, empty]\n"
          "        roles:\n"
          "          Admin: [Home]\n"
          "          '7': []\n"
          "      9D1C0000-0000-4000-8000-000000000008: {roles: {Admin: [Home]}}\n"
          "      9d1c0000-0000-4000-8000-000000000009:\n"
          "        id: 9D1C0000-0000-4000-8000-000000000009\n"
          "        roles: {}\n"
          "  " FABRIKAM_ID "x:\n"
          "    id: 77aa0000-0000-4000-8000-000000000007\n",
          "1 files\n"
          "acme@t/a.yaml:2 trustees managed@8\n"
          "  set tier1@t/a.yaml:4\n"
          "    Communicate - User@5:5 all\n"
          "    Supervisor@6:5 'Sales'@6:18 'all hands'@6:25\n"
          "  set empty@t/a.yaml:7\n"
          "  trustee " FABRIKAM_ID "x@t/a.yaml:34 77aa0000-0000-4000-8000-000000000007\n"
          "    present@0 enabled unset@0 expires unset@0 unlisted remove\n"
          "  trustee contoso@t/a.yaml:17 " CONTOSO_ID "\n"
          "    present@19 enabled true@20 expires 2027-06-30T00:00:00Z@21 unlisted remove\n"
          "    users managed@23\n"
          "    user jane@contoso.example@24 " JANE_ID " grants\n"
          "      set tier1@t/a.yaml:4\n"
          "      set empty@t/a.yaml:7\n"
          "      Admin@28:11 'Home'@28:19\n"
          "      7@29:11\n"
          "    user 9D1C0000-0000-4000-8000-000000000008@30 9d1c0000-0000-4000-8000-000000000008 grants\n"
          "      Admin@30:54 'Home'@30:62\n"
          "    user 9d1c0000-0000-4000-8000-000000000009@31 9d1c0000-0000-4000-8000-000000000009 grants\n"
          "  trustee fabrikam@t/a.yaml:9 " FABRIKAM_ID "\n"
          "    absent@11 observe enabled false@13 expires never@14 unlisted report\n"
          "    users managed@16\n" },
        { "free texts", ONE,
          "== t/a.yaml\n"
          "version: 1\n"
          "trustees:\n"
          "  contoso:\n"
          "    id: " CONTOSO_ID "\n"
          "    note: 'no end: yet'\n"
          "    owner: sales\n"
          "    ticket: SEC-1\n"
          "    users:\n"
          "      a@b.c: {note: the second shift}\n"
          "trustors:\n"
          "  fabrikam: {id: " FABRIKAM_ID ", owner: ann}\n",
          "1 files\n"
          "acme@t/a.yaml:1 trustees managed@2 trustors managed@10\n"
          "  trustee contoso@t/a.yaml:3 " CONTOSO_ID "\n"
          "    present@0 enabled unset@0 expires unset@0 unlisted remove owner=sales ticket=SEC-1 note=no "
          "end: "
          "yet\n"
          "    users managed@8\n"
          "    user a@b.c@9 owner=- ticket=- note=the second shift\n"
          "  trustor fabrikam@t/a.yaml:11 " FABRIKAM_ID "\n"
          "    present@0 enabled unset@0 expires unset@0 unlisted remove owner=ann ticket=- note=-\n" },
        { "an organization in several files, a role set in a later one", TWO,
          "== t/b/x.yaml\nversion: 1\norganization: acme\ntrustees:\n  fabrikam:\n    id: " FABRIKAM_ID "\n"
          "== t/a.yaml\nversion: 1\norganization: acme\ntrustees:\n  contoso:\n    id: " CONTOSO_ID "\n"
          "    users: {a@b.c: {role_sets: [late]}}\n"
          "== t/c.yaml\nversion: 1\norganization: acme\nrole_sets: {late: {Admin: all}}\n"
          "== t/d.yaml\nversion: 1\norganization: beta\nrole_sets: {late: {}}\n"
          "trustees: {contoso: {id: " CONTOSO_ID "}}\n",
          "4 files\n"
          "acme@t/a.yaml:2 trustees managed@3\n"
          "  set late@t/c.yaml:3\n"
          "    Admin@3:20 all\n"
          "  trustee contoso@t/a.yaml:4 " CONTOSO_ID "\n"
          "    present@0 enabled unset@0 expires unset@0 unlisted remove\n"
          "    users managed@6\n"
          "    user a@b.c@6 grants\n"
          "      set late@t/c.yaml:3\n"
          "  trustee fabrikam@t/b/x.yaml:4 " FABRIKAM_ID "\n"
          "    present@0 enabled unset@0 expires unset@0 unlisted remove\n"
          "beta@t/d.yaml:2 trustees managed@4\n"
          "  set late@t/d.yaml:3\n"
          "  trustee contoso@t/d.yaml:4 " CONTOSO_ID "\n"
          "    present@0 enabled unset@0 expires unset@0 unlisted remove\n" },
        { "groups, windows, clones, pairing requests", ONE,
          "== t/a.yaml\n"
          "version: 1\n"
          "role_sets: {tier1: {Admin: all}}\n"
          "trustees:\n"
          "  contoso:\n"
          "    id: " CONTOSO_ID "\n"
          "    pairing: 8A7D0000-0000-4000-8000-000000000004\n"
          "    users:\n"
          "      jane@contoso.example: {from: 2026-12-01T08:00:00Z, until: 2026-12-24T18:00:00+01:00}\n"
          "      joe@contoso.example:\n"
          "        from: '2026-12-01T08:00:00Z'\n"
          "    groups:\n"
          "      Tier 2 Support: {id: 3c4d0000-0000-4000-8000-000000000005, role_sets: [tier1]}\n"
          "      tier 2 support: {until: 2026-12-24T18:00:00Z, roles: {Admin: [Home]}}\n"
          "      \"007\": {}\n"
          "      3c4d0000-0000-4000-8000-000000000006: {roles: {}}\n"
          "    clones:\n"
          "      - jane@contoso.example\n"
          "      - 9D1C0000-0000-4000-8000-000000000008\n"
          "  northwind: {id: " FABRIKAM_ID ", pairing: auto, groups: {}, clones: []}\n",
          "1 files\n"
          "acme@t/a.yaml:1 trustees managed@3\n"
          "  set tier1@t/a.yaml:2\n"
          "    Admin@2:21 all\n"
          "  trustee contoso@t/a.yaml:4 " CONTOSO_ID "\n"
          "    present@0 enabled unset@0 expires unset@0 unlisted remove\n"
          "    pairing 8a7d0000-0000-4000-8000-000000000004@6\n"
          "    users managed@7\n"
          "    user jane@contoso.example@8 from 2026-12-01T08:00:00Z until 2026-12-24T17:00:00Z\n"
          "    user joe@contoso.example@9 from 2026-12-01T08:00:00Z\n"
          "    groups managed@11\n"
          "    group Tier 2 Support@12 3c4d0000-0000-4000-8000-000000000005 grants\n"
          "      set tier1@t/a.yaml:2\n"
          "    group tier 2 support@13 grants until 2026-12-24T18:00:00Z\n"
          "      Admin@13:61 'Home'@13:69\n"
          "    group 007@14\n"
          "    group 3c4d0000-0000-4000-8000-000000000006@15 3c4d0000-0000-4000-8000-000000000006 grants\n"
          "    clones managed@16\n"
          "    clone jane@contoso.example@17\n"
          "    clone 9D1C0000-0000-4000-8000-000000000008@18 9d1c0000-0000-4000-8000-000000000008\n"
          "  trustee northwind@t/a.yaml:19 " FABRIKAM_ID "\n"
          "    present@0 enabled unset@0 expires unset@0 unlisted remove\n"
          "    pairing auto@19\n"
          "    groups managed@19\n"
          "    clones managed@19\n" },
        { "trustors, one of them a trustee too", ONE,
          "== t/a.yaml\n"
          "version: 1\n"
          "trustors:\n"
          "  contoso:\n"
          "    id: " CONTOSO_ID "\n"
          "    mode: observe\n"
          "    unlisted: report\n"
          "    request:\n"
          "      users: [alice@acme.example, " JANE_ID "]\n"
          "      groups: [\"Tier 2\"]\n"
          "    users: [alice@acme.example]\n"
          "    groups: [Tier 2, 3c4d0000-0000-4000-8000-000000000006]\n"
          "    clones: []\n"
          "  fabrikam: {id: " FABRIKAM_ID ", state: absent}\n"
          "== t/b.yaml\n"
          "version: 1\n"
          "trustees: {contoso: {id: " CONTOSO_ID "}}\n"
          "== t/c.yaml\n"
          "version: 1\n"
          "trustors: {}\n",
          "3 files\n"
          "acme@t/a.yaml:1 trustees managed@2 trustors managed@2\n"
          "  trustee contoso@t/b.yaml:2 " CONTOSO_ID "\n"
          "    present@0 enabled unset@0 expires unset@0 unlisted remove\n"
          "  trustor contoso@t/a.yaml:3 " CONTOSO_ID "\n"
          "    present@0 observe enabled unset@0 expires unset@0 unlisted report\n"
          "    request@7\n"
          "    request users managed@8\n"
          "    user alice@acme.example@8\n"
          "    user " JANE_ID "@8 " JANE_ID "\n"
          "    request groups managed@9\n"
          "    group Tier 2@9\n"
          "    users managed@10\n"
          "    user alice@acme.example@10\n"
          "    groups managed@11\n"
          "    group Tier 2@11\n"
          "    group 3c4d0000-0000-4000-8000-000000000006@11 3c4d0000-0000-4000-8000-000000000006\n"
          "    clones managed@12\n"
          "  trustor fabrikam@t/a.yaml:13 " FABRIKAM_ID "\n"
          "    absent@13 enabled unset@0 expires unset@0 unlisted remove\n" },
        { "customer care with its options", ONE,
          "== t/a.yaml\nversion: 1\ncustomer_care: {state: present, assign_default_role: true, auto_expire: "
          "false}\n",
          "1 files\nacme@t/a.yaml:1 trustees unmanaged@0\n  care@t/a.yaml:2 present role\n" },
        { "customer care as it is when nothing more is said", TWO,
          "== t/a.yaml\nversion: 1\norganization: acme\ncustomer_care: {state: absent}\n"
          "== t/b.yaml\nversion: 1\norganization: beta\ncustomer_care: {state: present}\n",
          "2 files\nacme@t/a.yaml:2 trustees unmanaged@0\n  care@t/a.yaml:3 absent expires\n"
          "beta@t/b.yaml:2 trustees unmanaged@0\n  care@t/b.yaml:3 present expires\n" },
        { "what an export says besides", ONE,
          "== t/a.yaml\nversion: 1\nexported:\n  time: 2026-12-01T08:00:00Z\n  whatever: [1]\n",
          "1 files\nacme@t/a.yaml:1 trustees unmanaged@0\n" },
        { "an organization that no settings know", NO_SETTINGS, "== t\nversion: 1\norganization: gamma\n",
          "1 files\ngamma@t:2 trustees unmanaged@0\n" },
        { "what is no declaration", ONE,
          "== t/a.yaml\nversion: 1\n== t/README\nx\n== t/.hidden.yaml\nx\n== t/.git/x.yaml\nx\n"
          "== t/b.yaml~\nx\n== t/REVISION\nx\n=> t/.#a.yaml nowhere\n",
          "1 files\nacme@t/a.yaml:1 trustees unmanaged@0\n" },
        { "what is left alone", ONE,
          "== t/.git/HEAD\nx\n== t/.gitmodules\n[submodule \"p\"]\npath = .hidden/p\n[submodule \"q\"]\npath "
          "= q\n"
          "== t/a.yaml\nversion: 1\n== t/q/README\nx\n== t/k/.gitkeep\n\n=> t/notes ../note\n== note\nx\n",
          "1 files\nacme@t/a.yaml:1 trustees unmanaged@0\n" },
        { "links as Kubernetes makes them", ONE,
          "== t/..v1/a.yaml\nversion: 1\nrole_sets: {a: {}}\n=> t/..data ..v1\n=> t/a.yaml ..data/a.yaml\n",
          "1 files\nacme@t/a.yaml:1 trustees unmanaged@0\n  set a@t/a.yaml:2\n" },
        { "links to files and directories", ONE,
          "== ..data/v1/a.yaml\nversion: 1\nrole_sets: {a: {}}\n=> t/a.yaml ../..data/v1/a.yaml\n"
          "== other/b.yaml\nversion: 1\nrole_sets: {b: {}}\n=> t/more ../other\n=d t/dir.yaml\n"
          "== t/dir.yaml/c.yaml\nversion: 1\nrole_sets: {c: {}}\n",
          "3 files\nacme@t/a.yaml:1 trustees unmanaged@0\n  set a@t/a.yaml:2\n  set c@t/dir.yaml/c.yaml:2\n"
          "  set b@t/more/b.yaml:2\n" },
};

START_TEST(test_declarations)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *d = NULL;
        TS_CLEANUP(ts_freep) char *got = NULL, *wrong = NULL;
        int r;

        make_files(declarations_cases[_i].files);
        r = load("t", declarations_cases[_i].known, &faults, &d);
        wrong = faults_text(&faults, true);
        ck_assert_msg(r == 0 && d && faults.n == 0, "%s: %s", declarations_cases[_i].name, wrong);
        got = declarations_text(d);
        assert_text(declarations_cases[_i].name, got, declarations_cases[_i].declarations);
}
END_TEST

static const struct {
        const char *name;
        enum known known;
        const char *text, *faults; /* the file is called t */
} declarations_fault_cases[] = {
        /* the file */
        { "no version", ONE, "trustees: {}\n", "t:1:1\n" },
        { "an unknown key", ONE, "version: 1\ntrustee: {}\n", "t:2:1\n" },
        { "settings among the declarations", ONE, "version: 1\nlimits: {}\n", "t:2:1\n" },
        { "no organization where there are two", TWO, "version: 1\n", "t:1:1\n" },
        { "no organization and no settings", NO_SETTINGS, "version: 1\n", "t:1:1\n" },
        { "a misspelt organization", TWO, "version: 1\norganization: Acme\n", "t:2:15\n" },
        { "an unknown organization", ONE, "version: 1\norganization: contoso\n", "t:2:15\n" },
        { "an organization without a value", ONE, "version: 1\norganization:\n", "t:2:1\n" },
        { "a boolean for an organization", NO_SETTINGS, "version: 1\norganization: on\n", "t:2:15\n" },

        /* trusts */
        { "trustees without a value", ONE, "version: 1\ntrustees:\n", "t:2:1\n" },
        { "trustees as a list", ONE, "version: 1\ntrustees: [contoso]\n", "t:2:11\n" },
        { "keys of a trust beside it", ONE,
          "version: 1\ntrustees:\n  contoso:\n  id: " CONTOSO_ID "\n  users: [a@b.c]\n",
          "t:3:3\nt:4:3\nt:5:3\n" },
        { "keys of a user beside it", ONE, JANE "      roles:\n        Admin: all\n",
          "t:6:7\nt:7:7\nt:8:9\n" },
        { "a trust that is called as a key", ONE, "version: 1\ntrustees:\n  users: {id: " CONTOSO_ID "}\n",
          "" },
        { "a trust without a value", ONE, "version: 1\ntrustees:\n  contoso:\n", "t:3:3\n" },
        { "a trust without an id", ONE, "version: 1\ntrustees:\n  contoso: {}\n", "t:3:3\n" },
        { "an id without a value", ONE, "version: 1\ntrustees:\n  contoso:\n    id:\n", "t:4:5\n" },
        { "an id that is none", ONE, "version: 1\ntrustees:\n  contoso:\n    id: 1234\n", "t:4:9\n" },
        { "an id in braces", ONE, "version: 1\ntrustees:\n  contoso:\n    id: '{" CONTOSO_ID "}'\n",
          "t:4:9\n" },
        { "the organization's own id", ONE, "version: 1\ntrustees:\n  contoso:\n    id: " ACME_ID "\n",
          "t:4:9\n" },
        { "an alias that is another id", ONE,
          "version: 1\ntrustees:\n  " FABRIKAM_ID ":\n    id: " CONTOSO_ID "\n", "t:3:3\n" },
        { "an alias that is a boolean", ONE, "version: 1\ntrustees:\n  no:\n    id: " CONTOSO_ID "\n",
          "t:3:3\n" },
        { "an unknown key of a trust", ONE, CONTOSO "    user: {}\n", "t:5:5\n" },
        { "a state that is none", ONE, CONTOSO "    state: gone\n", "t:5:12\n" },
        { "a misspelt state", ONE, CONTOSO "    state: Absent\n", "t:5:12\n" },
        { "enforce in a declaration", ONE, CONTOSO "    mode: enforce\n", "t:5:11\n" },
        { "a mode that is none", ONE, CONTOSO "    mode: plan\n", "t:5:11\n" },
        { "yes for enabled", ONE, CONTOSO "    enabled: yes\n", "t:5:14\n" },
        { "a quoted boolean", ONE, CONTOSO "    enabled: 'true'\n", "t:5:14\n" },
        { "a date", ONE, CONTOSO "    expires: 2027-06-30\n", "t:5:14\n" },
        { "a time without a zone", ONE, CONTOSO "    expires: 2027-06-30T00:00:00\n", "t:5:14\n" },
        { "a day that is none", ONE, CONTOSO "    expires: 2027-02-30T00:00:00Z\n", "t:5:14\n" },
        { "no value for expires", ONE, CONTOSO "    expires:\n", "t:5:5\n" },
        { "null for expires", ONE, CONTOSO "    expires: ~\n", "t:5:14\n" },
        { "a word for unlisted", ONE, CONTOSO "    unlisted: keep\n", "t:5:15\n" },
        { "an alias twice", ONE,
          CONTOSO "  fabrikam: {id: " FABRIKAM_ID "}\n  contoso: {id: " FABRIKAM_ID "}\n", "t:6:3\n" },
        { "an id twice", ONE, CONTOSO "  fabrikam: {id: 0B6F4C1E-0000-4000-8000-000000000003}\n",
          "t:5:18\n" },

        /* users */
        { "users without a value", ONE, CONTOSO "    users:\n", "t:5:5\n" },
        { "users as a list", ONE, CONTOSO "    users: [jane@contoso.example]\n", "t:5:12\n" },
        { "a user without a value", ONE, JANE, "t:6:7\n" },
        { "a user who is null", ONE, CONTOSO "    users: {a@b.c: ~}\n", "t:5:20\n" },
        { "users that are none", ONE, CONTOSO "    users: {Jane Doe: {}, j@ä.example: {}, jane: {}}\n",
          "t:5:13\nt:5:27\nt:5:44\n" },
        { "a user of zeros", ONE, CONTOSO "    users: {00000000-0000-0000-0000-000000000000: {}}\n",
          "t:5:13\n" },
        { "an unknown key of a user", ONE, JANE "        rolse: {}\n", "t:7:9\n" },
        { "two ids of one user", ONE, CONTOSO "    users:\n      " JANE_ID ":\n        id: " FABRIKAM_ID "\n",
          "t:6:7\n" },
        { "a user in other letters", ONE, CONTOSO "    users:\n      jane@b.c: {}\n      Jane@B.c: {}\n",
          "t:7:7\n" },
        { "a user by e-mail and by id", ONE,
          CONTOSO "    users:\n      jane@b.c: {id: " JANE_ID
                  "}\n      9D1C0000-0000-4000-8000-000000000007: {}\n",
          "t:7:7\n" },
        { "a user by two e-mails", ONE,
          CONTOSO "    users:\n      jane@b.c: {id: " JANE_ID "}\n      j@b.c: {id: " JANE_ID "}\n",
          "t:7:7\n" },
        { "too many users", ONE, CONTOSO "    users: {a@b.c: {}, b@b.c: {}, c@b.c: {}, d@b.c: {}}\n",
          "t:5:5\n" },
        { "as many users as allowed", ONE, CONTOSO "    users: {a@b.c: {}, b@b.c: {}, c@b.c: {}}\n", "" },
        { "too many users of a trust that ends", ONE,
          CONTOSO "    state: absent\n    users: {a@b.c: {}, b@b.c: {}, c@b.c: {}, d@b.c: {}}\n", "" },

        /* windows */
        { "a window that ends as it begins", ONE,
          JANE "        from: 2026-12-01T08:00:00Z\n        until: 2026-12-01T09:00:00+01:00\n", "t:8:16\n" },
        { "a window that ends before it begins", ONE,
          JANE "        from: 2026-12-01T08:00:01Z\n        until: 2026-12-01T08:00:00Z\n", "t:8:16\n" },
        { "a window of a second", ONE,
          JANE "        from: 2026-12-01T08:00:00Z\n        until: 2026-12-01T08:00:01Z\n", "" },
        { "a window that is over", ONE, JANE "        until: 1999-12-31T23:59:59Z\n", "" },
        { "a window without an end in words", ONE, JANE "        until: never\n", "t:7:16\n" },
        { "a window from a date", ONE, JANE "        from: 2027-06-30\n", "t:7:15\n" },
        { "a group's window", ONE,
          CONTOSO "    groups: {Tier 2: {from: 2026-12-01T08:00:00Z, until: 2026-12-01T08:00:00Z}}\n",
          "t:5:58\n" },

        /* how many users at any one time */
        { "too many users for a while", ONE,
          CONTOSO "    users:\n      a@b.c: {}\n      b@b.c: {until: 2026-12-10T00:00:00Z}\n"
                  "      c@b.c: {from: 2026-12-01T00:00:00Z}\n"
                  "      d@b.c: {from: 2026-12-09T00:00:00Z, until: 2026-12-11T00:00:00Z}\n",
          "t:5:5\n" },
        { "too many users until one leaves", ONE,
          CONTOSO "    users:\n      a@b.c: {}\n      b@b.c: {}\n      c@b.c: {}\n"
                  "      d@b.c: {until: 2026-12-11T00:00:00Z}\n",
          "t:5:5\n" },
        { "one comes as the other leaves", ONE,
          CONTOSO "    users:\n      a@b.c: {}\n      b@b.c: {}\n"
                  "      c@b.c: {from: 2026-12-09T00:00:00Z, until: 2026-12-11T00:00:00Z}\n"
                  "      d@b.c: {from: 2026-12-11T00:00:00Z, until: 2026-12-12T00:00:00Z}\n"
                  "      e@b.c: {from: 2026-12-12T00:00:00Z}\n"
                  "      f@b.c: {until: 2026-12-09T00:00:00Z}\n",
          "" },

        /* groups */
        { "groups without a value", ONE, CONTOSO "    groups:\n", "t:5:5\n" },
        { "groups as a list", ONE, CONTOSO "    groups: [Tier 2]\n", "t:5:13\n" },
        { "a group without a value", ONE, CONTOSO "    groups:\n      Tier 2:\n", "t:6:7\n" },
        { "a group that is a number", ONE, CONTOSO "    groups: {7: {}}\n", "t:5:14\n" },
        { "a group of zeros", ONE, CONTOSO "    groups: {00000000-0000-0000-0000-000000000000: {}}\n",
          "t:5:14\n" },
        { "two ids of one group", ONE,
          CONTOSO "    groups:\n      " JANE_ID ":\n        id: " FABRIKAM_ID "\n", "t:6:7\n" },
        { "a group by two names", ONE,
          CONTOSO "    groups:\n      Tier 2: {id: " JANE_ID "}\n      Tier 3: {id: " JANE_ID "}\n",
          "t:7:7\n" },
        { "an unknown key of a group", ONE, CONTOSO "    groups: {Tier 2: {role: {}}}\n", "t:5:23\n" },

        /* clones */
        { "clones without a value", ONE, CONTOSO "    clones:\n", "t:5:5\n" },
        { "clones as a map", ONE, CONTOSO "    clones: {a@b.c: {}}\n", "t:5:13\n" },
        { "a clone that is none", ONE, CONTOSO "    clones: [jane, {a@b.c: {}}, '']\n",
          "t:5:14\nt:5:20\nt:5:33\n" },
        { "a clone twice", ONE, CONTOSO "    clones:\n      - a@b.c\n      - A@B.c\n", "t:7:9\n" },
        { "a clone twice by its id", ONE,
          CONTOSO "    clones: [" JANE_ID ", 9D1C0000-0000-4000-8000-000000000007]\n", "t:5:52\n" },
        { "too many clones", ONE, CONTOSO "    clones: [a@b.c, b@b.c, c@b.c, d@b.c, e@b.c, f@b.c]\n",
          "t:5:5\n" },
        { "as many clones as allowed", ONE, CONTOSO "    clones: [a@b.c, b@b.c, c@b.c, d@b.c, e@b.c]\n", "" },
        { "too many clones of a trust that ends", ONE,
          CONTOSO "    state: absent\n    clones: [a@b.c, b@b.c, c@b.c, d@b.c, e@b.c, f@b.c]\n", "" },

        /* pairing */
        { "a state and a mode without a value", ONE, CONTOSO "    state:\n    mode:\n", "t:5:5\nt:6:5\n" },
        { "a request without a value", ONE, FABRIKAM "    request:\n", "t:5:5\n" },
        { "a pairing request without a value", ONE, CONTOSO "    pairing:\n", "t:5:5\n" },
        { "a pairing request that is none", ONE, CONTOSO "    pairing: automatic\n", "t:5:14\n" },
        { "a pairing request of zeros", ONE, CONTOSO "    pairing: 00000000-0000-0000-0000-000000000000\n",
          "t:5:14\n" },
        { "a pairing request for two trusts", ONE,
          CONTOSO "    pairing: " JANE_ID "\n  fabrikam:\n    id: " FABRIKAM_ID "\n    pairing: " JANE_ID
                  "\n",
          "t:8:14\n" },
        { "a request in a trustee", ONE, CONTOSO "    request: {users: [a@b.c]}\n", "t:5:5\n" },

        /* trustors */
        { "trustors without a value", ONE, "version: 1\ntrustors:\n", "t:2:1\n" },
        { "a trustor without an id", ONE, "version: 1\ntrustors: {fabrikam: {}}\n", "t:2:12\n" },
        { "what is up to the trustor", ONE,
          FABRIKAM "    roles: {}\n    enabled: true\n    expires: never\n    role_sets: []\n",
          "t:5:5\nt:6:5\nt:7:5\nt:8:5\n" },
        { "a pairing request in a trustor", ONE, FABRIKAM "    pairing: auto\n", "t:5:5\n" },
        { "a misspelt key of a trustor is not one that it cannot have", ONE, FABRIKAM "    expire: never\n",
          "t:5:5\n" },
        { "roles of our users at a trustor", ONE,
          FABRIKAM "    users: {a@b.c: {roles: {}}}\n    groups: {}\n", "t:5:12\nt:6:13\n" },
        { "users of a trustor without a list", ONE, FABRIKAM "    users: a@b.c\n    groups:\n",
          "t:5:12\nt:6:5\n" },
        { "users of a trustor that are none", ONE, FABRIKAM "    users: [jane, a@b.c, A@b.c]\n",
          "t:5:13\nt:5:26\n" },
        { "a group of a trustor twice", ONE, FABRIKAM "    groups: [Tier 2, tier 2, 'Tier 2']\n",
          "t:5:30\n" },
        { "too many users of a trustor", ONE, FABRIKAM "    users: [a@b.c, b@b.c, c@b.c, d@b.c]\n",
          "t:5:5\n" },
        { "a request for nobody", ONE, FABRIKAM "    request: {users: [], groups: []}\n", "t:5:5\n" },
        { "a request with what it has not", ONE, FABRIKAM "    request: {users: {a@b.c: {}}, clones: []}\n",
          "t:5:22\nt:5:35\n" },
        { "a request that is a word", ONE, FABRIKAM "    request: open\n", "t:5:14\n" },
        { "a trustor twice", ONE, FABRIKAM "  other: {id: " FABRIKAM_ID "}\n", "t:5:15\n" },
        { "the organization itself as a trustor", ONE, "version: 1\ntrustors: {me: {id: " ACME_ID "}}\n",
          "t:2:21\n" },

        /* customer care */
        { "customer care without a value", ONE, "version: 1\ncustomer_care:\n", "t:2:1\n" },
        { "customer care without a state", ONE, "version: 1\ncustomer_care: {auto_expire: true}\n",
          "t:2:1\n" },
        { "customer care that is a word", ONE, "version: 1\ncustomer_care: present\n", "t:2:16\n" },
        { "options of customer care that are none", ONE,
          "version: 1\ncustomer_care: {state: here, assign_default_role: 'true', auto_expire: 30d, users: "
          "{}}\n",
          "t:2:24\nt:2:51\nt:2:72\nt:2:77\n" },

        /* roles */
        { "roles without a value", ONE, JANE "        roles:\n", "t:7:9\n" },
        { "roles as a list", ONE, JANE "        roles: [Admin]\n", "t:7:16\n" },
        { "a role without divisions", ONE, JANE "        roles:\n          Admin:\n", "t:8:11\n" },
        { "a division without a list", ONE, JANE "        roles: {Admin: Sales}\n", "t:7:24\n" },
        { "divisions as a map", ONE, JANE "        roles: {Admin: {Sales: all}}\n", "t:7:24\n" },
        { "all in capitals", ONE, JANE "        roles: {Admin: ALL}\n", "t:7:24\n" },
        { "a division called all", ONE, JANE "        roles: {Admin: [Sales, all]}\n", "t:7:32\n" },
        { "a division that is a number", ONE,
          JANE "        roles: {Admin: [1.10, 0x1f, 12:30, 2027-01-01, null]}\n",
          "t:7:25\nt:7:31\nt:7:37\nt:7:44\nt:7:56\n" },
        { "text that begins like a number", ONE,
          JANE "        roles: {Admin: [1st, 24/7, 1.2.3, 0xyz, -, a-b, 2027, .5, +1, .nan, e3]}\n",
          "t:7:49\nt:7:57\nt:7:63\nt:7:67\nt:7:71\n" },
        { "a role that is a boolean", ONE, JANE "        roles: {Off: all}\n", "t:7:17\n" },
        { "a division twice", ONE, JANE "        roles: {Admin: [Sales, 'Sales']}\n", "t:7:32\n" },
        { "an empty division", ONE, JANE "        roles: {Admin: ['']}\n", "t:7:25\n" },

        /* role sets */
        { "role sets without a value", ONE, "version: 1\nrole_sets:\n", "t:2:1\n" },
        { "a role set without a value", ONE, "version: 1\nrole_sets:\n  a:\n", "t:3:3\n" },
        { "a role set of role sets", ONE, "version: 1\nrole_sets: {a: [b]}\n", "t:2:16\n" },
        { "a user's role sets without a value", ONE, JANE "        role_sets:\n", "t:7:9\n" },
        { "a user's role sets without a list", ONE, JANE "        role_sets: tier1\n", "t:7:20\n" },
        { "an unknown role set", ONE, JANE "        role_sets: [tier2]\nrole_sets: {tier1: {}, other: {}}\n",
          "t:7:21\n" },
        { "a role set in other letters", ONE, JANE "        role_sets: [Tier1]\nrole_sets: {tier1: {}}\n",
          "t:7:21\n" },
        { "a role set where there are none", ONE, JANE "        role_sets: [tier1]\n", "t:7:21\n" },
        { "a role set twice", ONE, JANE "        role_sets: [a, b, a]\nrole_sets: {a: {}, b: {}}\n",
          "t:7:27\n" },
        { "faults of several kinds", ONE,
          CONTOSO "    users: &x\n      a@b.c: {}\n    enabled: maybe\n    stat: present\n",
          "t:5:12\nt:7:14\nt:8:5\n" },
};

START_TEST(test_wildcards_and_blanks)
{
        static const struct {
                const char *name, *text, *faults;
        } rows[] = {
                { "an e-mail in quotes",
                  CONTOSO "    users:\n      jane@contoso.example: {}\n      '*@contoso.example': {}\n",
                  "t/a.yaml:7:7\n" },
                { "an e-mail with a question mark", CONTOSO "    users: {'?nn@contoso.example': {}}\n",
                  "t/a.yaml:5:13\n" },
                { "a trustor's user", FABRIKAM "    users: ['*']\n", "t/a.yaml:5:13\n" },
                { "a trustor's group", FABRIKAM "    groups: ['Tier *']\n", "t/a.yaml:5:14\n" },
                { "the name of a group with an id", CONTOSO "    groups: {'Tier *': {id: " JANE_ID "}}\n",
                  "" },
                { "a role", "version: 1\nrole_sets: {a: {'*': all}}\n", "t/a.yaml:2:17\n" },
                { "a division", "version: 1\nrole_sets: {a: {Admin: ['*']}}\n", "t/a.yaml:2:25\n" },
                { "a variation selector", "version: 1 # \xef\xb8\x8f\n", "t/a.yaml:1:14\n" },
                { "a braille blank", "version: 1 # \xe2\xa0\x80\n", "t/a.yaml:1:14\n" },
                { "a no-break space", "version: 1 # \xc2\xa0\n", "t/a.yaml:1:14\n" },
        };

        for (size_t i = 0; i < TS_N_ELEMENTS(rows); i++) {
                TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
                TS_CLEANUP(ts_declarations_freep) struct ts_declarations *d = NULL;

                write_file("t/a.yaml", rows[i].text);
                (void) load("t", ONE, &faults, &d);
                faults_are(rows[i].name, &faults, rows[i].faults);
        }
}
END_TEST

START_TEST(test_declarations_faults)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *d = NULL;
        int r;

        write_file("t", declarations_fault_cases[_i].text);
        r = load("t", declarations_fault_cases[_i].known, &faults, &d);
        faults_are(declarations_fault_cases[_i].name, &faults, declarations_fault_cases[_i].faults);
        ck_assert_int_eq(r, faults.n_errors > 0 ? -EINVAL : 0);
        ck_assert((d == NULL) == (r < 0));
        ck_assert_uint_eq(faults.n_of[TS_FAULT_DECLARATIONS], faults.n);
}
END_TEST

static const struct {
        const char *name, *files, *faults;
        int r;
} files_cases[] = {
        { "no such path", "", "t\n", -ENOENT },
        { "a link to nowhere", "=> t nowhere\n", "t\n", -ENOENT },
        { "an empty directory", "=d t\n", "t\n", -ENOENT },
        { "only hidden files", "== t/.a.yaml\nversion: 1\n", "t\n", -ENOENT },
        { "names of another kind", "== t/a.yaml\nversion: 1\n== t/b.yml\n== t/sub/c.YAML\n== t/d.Yml\n",
          "t/b.yml\nt/d.Yml\nt/sub/c.YAML\n", -EINVAL },
        { "only names of another kind", "== t/b.yml\nversion: 1\n", "t/b.yml\n", -EINVAL },
        { "a link to nowhere in the directory",
          "== t/a.yaml\nversion: 1\n=> t/b.yaml nowhere\n=> t/c nowhere\n", "t/b.yaml\nt/c\n", -EINVAL },
        { "a device", "== t/a.yaml\nversion: 1\n=> t/b.yaml /dev/null\n", "t/b.yaml\n", -EINVAL },
        { "a link round in a circle", "== t/a.yaml\nversion: 1\n=> t/sub/up ..\n", "t/sub/up\n", -EINVAL },
        { "too deep", "== t/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/a.yaml\nversion: 1\n",
          "t/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7\n", -EINVAL },
        { "faults in every file",
          "== t/b.yaml\nversion: 1\nx: 1\n== t/a.yaml\n== t/c/d.yaml\nversion: 1\ntrustees: [\n== t/e.yml\n",
          "t/a.yaml\nt/b.yaml:2:1\nt/c/d.yaml:3:1\nt/e.yml\n", -EINVAL },
        { "a trust in two files",
          "== t/a.yaml\nversion: 1\ntrustees:\n  contoso:\n    id: " CONTOSO_ID "\n"
          "== t/b/c.yaml\nversion: 1\ntrustees:\n  contoso:\n    id: " FABRIKAM_ID "\n",
          "t/b/c.yaml:3:3\n", -EINVAL },
        { "a trustor in two files",
          "== t/a.yaml\nversion: 1\ntrustors:\n  contoso:\n    id: " CONTOSO_ID "\n"
          "== t/b.yaml\nversion: 1\ntrustors:\n  other:\n    id: " CONTOSO_ID "\n",
          "t/b.yaml:4:9\n", -EINVAL },
        { "customer care in two files",
          "== t/a.yaml\nversion: 1\ncustomer_care: {state: present}\n"
          "== t/b.yaml\nversion: 1\ncustomer_care: {state: present}\n",
          "t/b.yaml:2:1\n", -EINVAL },
        { "a pairing request in two files",
          "== t/a.yaml\nversion: 1\ntrustees: {contoso: {id: " CONTOSO_ID ", pairing: " JANE_ID "}}\n"
          "== t/b.yaml\nversion: 1\ntrustees: {fabrikam: {id: " FABRIKAM_ID ", pairing: " JANE_ID "}}\n",
          "t/b.yaml:2:74\n", -EINVAL },
        { "a role set in two files",
          "== t/a.yaml\nversion: 1\nrole_sets: {tier1: {}}\n== t/b.yaml\nversion: 1\nrole_sets: {tier1: "
          "{}}\n",
          "t/b.yaml:2:13\n", -EINVAL },
        { "one file by two names", "== t/a.yaml\nversion: 1\nrole_sets: {tier1: {}}\n=> t/b.yaml a.yaml\n",
          "t/b.yaml:2:13\n", -EINVAL },
        { "a link to a directory that is read already", "== t/a/b.yaml\nversion: 1\n=> t/z a\n", "t/z\n",
          -EINVAL },
        { "two links to what holds them", "== t/a.yaml\nversion: 1\n=> t/d/a .\n=> t/d/b .\n=> t/up ..\n",
          "t/d/a\nt/d/b\nt/up\n", -EINVAL },
        { "a link out of a directory behind a link",
          "== t/a.yaml\nversion: 1\n=> t/x ../x\n=> x/y ../y\n== y/b.yaml\nversion: 1\n", "t/x/y\n",
          -EINVAL },
        { "a link into the kernel's file systems",
          "== t/a.yaml\nversion: 1\n=> t/b.yaml /proc/self/io\n=> t/c /proc/self\n=> t/d /dev\n",
          "t/b.yaml\nt/c\nt/d\n", -EINVAL },
        { "a link to git's own", "== t/a.yaml\nversion: 1\n== t/.git/config\nx\n=> t/b.yaml .git/config\n",
          "t/b.yaml\n", -EINVAL },
        { "links into the places of secrets",
          "== t/a.yaml\nversion: 1\n== cred/x\nhunter2\n=> t/b.yaml ../cred/x\n=> t/c ../cred\n== "
          "state/s\nx\n"
          "=> t/d.yaml ../state/s\n",
          "t/b.yaml\nt/c\nt/d.yaml\n", -EINVAL },
        { "a link to what is no declaration",
          "== t/a.yaml\nversion: 1\n== x\nuser: hunter2\n=> t/b.yaml ../x\n", "t/b.yaml:1:1\n", -EINVAL },
        { "a link to what is no YAML",
          "== t/a.yaml\nversion: 1\n== x\n[hunter2: *hunter2\n=> t/b.yaml ../x\n",
          "t/b.yaml:1:11\nt/b.yaml:2:1\n", -EINVAL },
        { "a link to a declaration out of the directory",
          "== t/a.yaml\nversion: 1\n== x\nversion: 1\nrolse: {}\n=> t/b.yaml ../x\n", "t/b.yaml:2:1\n",
          -EINVAL },
        { "a name of another kind behind a link", "== t/a.yaml\nversion: 1\n=> t/b.YAML a.yaml\n",
          "t/b.YAML\n", -EINVAL },
        { "a submodule that is not checked out",
          "== r/.git/HEAD\nx\n== r/.gitmodules\n[submodule \"p\"]\n\tpath = t/p\n\turl = x\n== "
          "r/t/a.yaml\nversion: 1\n"
          "=d r/t/p\n=> t r/t\n",
          "t/p\nt/p warning\n", -ENOENT },
        { "a submodule that is missing",
          "== t/.gitmodules\n[submodule \"p\"]\n path=\"p\" # x\n[submodule \"q\"]\npath = ../q\n== "
          "t/a.yaml\nversion: 1\n",
          "t/p\n", -ENOENT },
        { "a submodule that holds its .git alone",
          "== t/.git/HEAD\nx\n== t/.gitmodules\n[submodule \"p\"]\npath = p\n== t/a.yaml\nversion: 1\n== "
          "t/p/.git\nx\n",
          "t/p\n", -ENOENT },
        { "a submodule of a submodule",
          "== t/.git/HEAD\nx\n== t/.gitmodules\n[submodule \"p\"]\npath = p\n== t/p/a.yaml\nversion: 1\n== "
          "t/p/.gitmodules\n"
          "path = q\n",
          "t/p/q\n", -ENOENT },
        { "a name that is not for the eye", "== t/a\x1b.yaml\nversion: 2\n", "t/a\x1b.yaml:1:10\n", -EINVAL },
};

START_TEST(test_declarations_files)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *d = NULL;

        make_files(files_cases[_i].files);
        ck_assert_int_eq(load("t/", ONE, &faults, &d), files_cases[_i].r);
        ck_assert_ptr_null(d);
        faults_are(files_cases[_i].name, &faults, files_cases[_i].faults);
        ck_assert_int_eq(ts_faults_has(&faults, TS_FAULT_REFUSAL), files_cases[_i].r == -ENOENT);
}
END_TEST

/* ------------------------------------------------------------------------------------------ limits in all */

static void make_many_files(void)
{
        char path[32];

        for (unsigned i = 0; i <= TS_YAML_MAX_FILES; i++) {
                (void) snprintf(path, sizeof(path), "t/%05u.yaml", i);
                write_file(path, "version: 1\n");
        }
}

static void make_many_folders(void)
{
        char path[32];

        write_file("t/a.yaml", "version: 1\n");
        for (unsigned i = 0; i < TS_CONFIG_MAX_FOLDERS; i++) {
                (void) snprintf(path, sizeof(path), "t/%05u", i);
                ck_assert_int_eq(mkdir(path, 0755), 0);
        }
}

/* A file of @n short names in a list, within its own limits. */
static void write_list(const char *path, const char *before, size_t n, const char *after)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_YAML_MAX_BYTES);

        (void) ts_buf_puts(&text, before);
        for (size_t i = 0; i < n; i++)
                (void) ts_buf_printf(&text, "%sz%zx", i > 0 ? "," : "", i);
        (void) ts_buf_puts(&text, after);
        ck_assert(!ts_buf_failed(&text));
        write_file(path, ts_buf_text(&text));
}

static void make_many_objects(void)
{
        write_list("t/a.yaml", "version: 1\ntrustors: {a: {id: " CONTOSO_ID ", groups: [",
                   TS_DECLARED_OBJECTS_MAX, "]}}\n");
        write_file("t/b.yaml", "version: 1\nrolse: {}\n"); /* is not read any more */
}

static void make_many_grants(void)
{
        write_list("t/a.yaml", "version: 1\nrole_sets: {a: {Admin: [", TS_DECLARED_GRANTS_MAX / 4, "]}}\n");
        write_list("t/b.yaml", "version: 1\nrole_sets: {b: {Admin: [", TS_DECLARED_GRANTS_MAX / 4, "]}}\n");
        write_list("t/c.yaml", "version: 1\nrole_sets: {c: {Admin: [", TS_DECLARED_GRANTS_MAX / 4, "]}}\n");
        write_list("t/d.yaml", "version: 1\nrole_sets: {d: {Admin: [", TS_DECLARED_GRANTS_MAX / 4, "]}}\n");
}

static void make_many_bytes(void)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_YAML_MAX_BYTES);
        char path[32];

        (void) ts_buf_puts(&text, "version: 1\n");
        while (text.len + 2 <= TS_YAML_MAX_BYTES)
                (void) ts_buf_puts(&text, "#\n");
        for (unsigned i = 0; i <= TS_YAML_MAX_TOTAL_BYTES / TS_YAML_MAX_BYTES; i++) {
                (void) snprintf(path, sizeof(path), "t/%05u.yaml", i);
                write_file(path, ts_buf_text(&text));
        }
}

static const struct {
        const char *name;
        void (*make)(void);
        const char *fault; /* the only one */
} limit_cases[] = {
        { "files", make_many_files, "t/10000.yaml\n" },
        { "directories", make_many_folders, "t/04095\n" },
        { "objects", make_many_objects, "t/a.yaml:2:58\n" },
        { "grants", make_many_grants, "t/d.yaml:2:17\n" },
        { "bytes", make_many_bytes, "t/00032.yaml\n" },
};

START_TEST(test_declarations_limits)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *d = NULL;

        ck_assert_int_eq(mkdir("t", 0755), 0);
        limit_cases[_i].make();
        ck_assert_int_eq(load("t", ONE, &faults, &d), -EINVAL);
        faults_are(limit_cases[_i].name, &faults, limit_cases[_i].fault);
}
END_TEST

START_TEST(test_declarations_misnamed_file)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *d = NULL;

        write_file("trusts.yml", "version: 1\n");
        ck_assert_int_eq(load("trusts.yml", ONE, &faults, &d), -EINVAL);
        faults_are("the path itself", &faults, "trusts.yml\n");
}
END_TEST

START_TEST(test_declarations_unreadable)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *d = NULL;
        uid_t own = geteuid();
        int r;

        make_files("== t/a.yaml\nversion: 1\n== t/b.yaml\nversion: 1\n== t/sub/c.yaml\nversion: 1\n");
        ck_assert_int_eq(chmod("t/b.yaml", 0), 0);
        ck_assert_int_eq(chmod("t/sub", 0), 0);
        ck_assert_int_eq(chmod(".", 0755), 0);
        ck_assert_int_eq(seteuid(own == 0 ? 65534 : own), 0); /* nothing is closed to root */
        r = load("t", ONE, &faults, &d);
        ck_assert_int_eq(seteuid(own), 0);
        ck_assert_int_eq(chmod("t/sub", 0755), 0);
        ck_assert_int_eq(r, -EINVAL);
        faults_are("closed", &faults, "t/b.yaml\nt/sub\n");
}
END_TEST

/* The place of a fault with its line, as the user sees it: also where it is found only after the last
 * file. */
START_TEST(test_declarations_fault_as_printed)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *d = NULL;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(1u << 16);

        make_files("== t/contoso.yaml\n" JANE "        role_sets: [tier2]\n        rolse: {}\n"
                   "== t/sets.yaml\nversion: 1\nrole_sets: {tier1: {}}\n");
        ck_assert_int_eq(load("t", ONE, &faults, &d), -EINVAL);
        ts_faults_print(&faults, false, &out);
        faults_are("messages", &faults, "t/contoso.yaml:7:21\nt/contoso.yaml:8:9\n");
        message_is("as printed", ts_buf_text(&out));
}
END_TEST

/* ------------------------------------------------------------------------------------------------ exports */

#define EXPORT \
        "version: 1\norganization: acme\nexported:\n  time: 2026-12-01T08:00:00Z\n  organization: " ACME_ID \
        "\n" \
        "  names_complete: true\n  care_known: true\n" /* the next line is 8 */
#define NOTHING "  roles: []\n  divisions: []\n  trusts: []\n  members: []\n"

static const struct {
        const char *name, *text, *faults; /* the file is called t */
} export_fault_cases[] = {
        { "nothing but what it has to say", EXPORT NOTHING, "" },
        { "declarations", "version: 1\norganization: acme\ntrustees: {}\n", "t\n" },
        { "an empty file", "", "t\n" },
        { "no organization", "version: 1\nexported: {}\n", "t:1:1\n" },
        { "an empty section", "version: 1\norganization: acme\nexported: {}\n",
          "t:3:1\nt:3:1\nt:3:1\nt:3:1\nt:3:1\nt:3:1\nt:3:1\nt:3:1\n" },
        { "a section without a value", "version: 1\norganization: acme\nexported:\n", "t:3:1\n" },
        { "a time without an end",
          "version: 1\norganization: acme\nexported:\n  time: never\n  organization: " ACME_ID "\n"
          "  names_complete: true\n  care_known: yes\n" NOTHING,
          "t:4:9\nt:7:15\n" },
        { "names that are none",
          EXPORT "  trusts: []\n  members: []\n  divisions: {}\n  roles:\n    - Admin\n"
                 "    - {name: Admin}\n    - {id: " JANE_ID ", name: 007}\n",
          "t:10:14\nt:12:7\nt:13:7\nt:14:56\n" },
        { "an id twice",
          EXPORT "  trusts: []\n  members: [{id: " JANE_ID "}, {id: " JANE_ID
                 "}]\n  roles: []\n  divisions:\n"
                 "    - {id: " JANE_ID "}\n    - {id: " JANE_ID "}\n",
          "t:9:57\nt:13:7\n" },
        { "trusts that are none",
          EXPORT "  members: []\n  roles: []\n  divisions: []\n  trusts:\n"
                 "    - {id: " CONTOSO_ID "}\n"
                 "    - {id: " CONTOSO_ID ", direction: both, customer_care: 1, expires: 2027-01-01}\n"
                 "    - {id: " FABRIKAM_ID
                 ", direction: trustee, users: {}, groups: [Tier 2], clones: [" JANE_ID ", " JANE_ID "]}\n"
                 "    - {id: " FABRIKAM_ID ", direction: trustor}\n"
                 "    - {id: " FABRIKAM_ID ", direction: trustor}\n",
          "t:12:7\nt:13:7\nt:13:61\nt:13:82\nt:13:94\nt:14:77\nt:14:90\nt:14:146\nt:16:7\n" },
        { "an unknown key", EXPORT NOTHING "  user: []\n", "t:12:3\n" },
        { "faults of a declaration", EXPORT NOTHING "trustees: {contoso: {}}\n", "t:12:12\n" },
        { "more than may be declared",
          EXPORT NOTHING "trustees:\n  contoso:\n    id: " CONTOSO_ID "\n"
                         "    clones: [a@b.c, b@b.c, c@b.c, d@b.c, e@b.c, f@b.c]\n",
          "" },
};

START_TEST(test_export_faults)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *d = NULL;
        struct ts_exported exported;
        int r;

        write_file("t", export_fault_cases[_i].text);
        r = ts_exported_load("t", &faults, &d, &exported);
        faults_are(export_fault_cases[_i].name, &faults, export_fault_cases[_i].faults);
        ck_assert_int_eq(r, faults.n > 0 ? -EINVAL : 0);
        ck_assert((d == NULL) == (r < 0));
}
END_TEST

START_TEST(test_export_unreadable)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *d = NULL;
        struct ts_exported exported;

        ck_assert_int_eq(ts_exported_load("nowhere", &faults, &d, &exported), -EINVAL);
        ck_assert_ptr_null(d);
        faults_are("nowhere", &faults, "nowhere\n");
}
END_TEST

/* A whole organization in one file is larger than what people write, and has its end too. */
START_TEST(test_export_size)
{
        static const size_t sizes[] = { TS_YAML_MAX_BYTES + 1, TS_EXPORT_MAX_BYTES, TS_EXPORT_MAX_BYTES + 1 };
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *d = NULL;
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(2 * TS_EXPORT_MAX_BYTES);
        bool fits = sizes[_i] <= TS_EXPORT_MAX_BYTES;
        struct ts_exported exported;

        ts_buf_puts(&text, EXPORT NOTHING "#");
        while (text.len < sizes[_i])
                ts_buf_putc(&text, 'x');
        write_bytes("t", ts_buf_text(&text), text.len);
        ck_assert_int_eq(ts_exported_load("t", &faults, &d, &exported), fits ? 0 : -EINVAL);
        faults_are("its size", &faults, fits ? "" : "t\n");
}
END_TEST

static void print_named(struct ts_buf *out, const char *what, const struct ts_named *items, size_t n)
{
        (void) ts_buf_printf(out, "%s:", what);
        for (size_t i = 0; i < n; i++)
                (void) ts_buf_printf(out, " %.4s=%s", ts_id_format(&items[i].id).s,
                                     items[i].name ? items[i].name : "(none)");
        (void) ts_buf_putc(out, '\n');
}

START_TEST(test_export)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *d = NULL;
        TS_CLEANUP(ts_freep) char *wrong = NULL, *got = NULL;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(1u << 16);
        struct ts_exported x;
        int r;

        write_file("live.yml",
                   EXPORT "  roles:\n    - id: " JANE_ID "\n      name: Admin\n    - {id: " CONTOSO_ID "}\n"
                          "  divisions: [{id: " FABRIKAM_ID ", name: \"007\"}]\n  users: []\n"
                          "  trusts:\n    - {id: " CONTOSO_ID ", direction: trustor, enabled: false}\n"
                          "    - {id: " FABRIKAM_ID
                          ", direction: trustee, customer_care: true, users: [" JANE_ID "]}\n"
                          "  members: [{id: " JANE_ID ", email: jane@b.c, name: Jane}]\n"
                          "trustees: {contoso: {id: " CONTOSO_ID ", users: {}}}\n");
        r = ts_exported_load("live.yml", &faults, &d, &x);
        wrong = faults_text(&faults, true);
        ck_assert_msg(r == 0, "%s", wrong);
        got = declarations_text(d);
        assert_text("declared", got,
                    "1 files\nacme@live.yml:2 trustees managed@18\n  trustee contoso@live.yml:18 " CONTOSO_ID
                    "\n    present@0 enabled unset@0 expires unset@0 unlisted remove\n    users "
                    "managed@18\n");
        print_named(&out, "roles", x.roles, x.n_roles);
        print_named(&out, "divisions", x.divisions, x.n_divisions);
        assert_text("exported", ts_buf_text(&out), "roles: 9d1c=Admin 0b6f=(none)\ndivisions: 77aa=007\n");
        ck_assert_str_eq(ts_time_format(x.time).s, "2026-12-01T08:00:00Z");
        ck_assert_str_eq(ts_id_format(&x.organization).s, ACME_ID);
        ck_assert(x.has_users && x.n_users == 0 && !x.has_groups && x.names_complete && x.care_known);
        ck_assert_uint_eq(x.n_trusts, 2);
        ck_assert(x.trusts[0].direction == TS_TRUSTOR && !x.trusts[0].enabled && !x.trusts[0].users.known);
        ck_assert(x.trusts[1].customer_care && x.trusts[1].enabled && x.trusts[1].expires == TS_TIME_NEVER);
        ck_assert(x.trusts[1].users.known && x.trusts[1].users.n == 1 && !x.trusts[1].groups.known);
        ck_assert_uint_eq(x.n_members, 1);
        ck_assert_str_eq(x.members[0].email, "jane@b.c");
        ck_assert_str_eq(x.members[0].name, "Jane");
}
END_TEST

/* -------------------------------------------------------------------------------------- hash and revision */

static struct ts_digest hash_of(const char *path)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *d = NULL;

        ck_assert_int_eq(load(path, ONE, &faults, &d), 0);
        return d->content_hash;
}

static bool same_hash(const char *a, const char *b)
{
        struct ts_digest x = hash_of(a), y = hash_of(b);

        return memcmp(&x, &y, sizeof(x)) == 0;
}

START_TEST(test_content_hash)
{
        static const char expected[] = "a.yaml\0"
                                       "12\0"
                                       "version: 1\n\n"
                                       "b/c.yaml\0"
                                       "11\0"
                                       "version: 1\n";
        struct ts_digest whole = ts_sha256_of(expected, sizeof(expected) - 1), got;

        make_files("== t/b/c.yaml\nversion: 1\n== t/a.yaml\nversion: 1\n\n"
                   "== same/a.yaml\nversion: 1\n\n== same/b/c.yaml\nversion: 1\n== same/README\nhello\n"
                   "== moved/a.yaml\nversion: 1\n\n== moved/b/d.yaml\nversion: 1\n"
                   "== edited/a.yaml\nversion: 1\n#\n== edited/b/c.yaml\nversion: 1\n"
                   "== shifted/a.yaml\nversion: 1\n== shifted/b/c.yaml\nversion: 1\n\n");
        got = hash_of("t");
        ck_assert_mem_eq(&got, &whole, sizeof(got));
        ck_assert(same_hash("t", "same"));
        ck_assert(same_hash("t", "t/"));
        ck_assert(!same_hash("t", "moved"));
        ck_assert(!same_hash("t", "edited"));
        ck_assert(!same_hash("t", "shifted"));
        ck_assert(same_hash("t/a.yaml", "same/a.yaml"));
        ck_assert(!same_hash("t/a.yaml", "t/b/c.yaml"));
}
END_TEST

#define COMMIT "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
#define OTHER "ffffffffffffffffffffffffffffffffffffffff"
#define LONG_COMMIT COMMIT "1a2b3c4d5e6f708192a3b4c5"
#define HASH "(hash)"

static const struct {
        const char *name, *files, *path, *revision;
} revision_cases[] = {
        { "no git, no REVISION", "", "r/t", HASH },
        { "REVISION among the files", "== r/t/REVISION\nv1.2 \nsecond line\n", "r/t", "v1.2" },
        { "REVISION beside the directory", "== r/REVISION\nv1.2", "r/t", "v1.2" },
        { "REVISION beside a single file", "== r/t/REVISION\nv1.2\n", "r/t/a.yaml", "v1.2" },
        { "REVISION before git", "== r/t/REVISION\nv1.2\n== r/.git/HEAD\n" COMMIT "\n", "r/t", "v1.2" },
        { "an empty REVISION", "== r/t/REVISION\n\nx\n== r/.git/HEAD\n" COMMIT "\n", "r/t", COMMIT },
        { "a REVISION with a control character", "== r/t/REVISION\n\x1b[0m\n", "r/t", HASH },
        { "a REVISION that is too long",
          "== r/t/REVISION\n" LONG_COMMIT LONG_COMMIT "1\n== r/.git/HEAD\n" COMMIT "\n", "r/t", COMMIT },
        { "a branch", "== r/.git/HEAD\nref: refs/heads/main\n== r/.git/refs/heads/main\n" COMMIT "\n", "r/t",
          COMMIT },
        { "a branch with a slash",
          "== r/.git/HEAD\nref: refs/heads/a/b\n== r/.git/refs/heads/a/b\n" COMMIT "\n", "r/t", COMMIT },
        { "git in the directory itself", "== r/t/.git/HEAD\n" COMMIT "\n", "r/t", COMMIT },
        { "a single file", "== r/.git/HEAD\n" COMMIT "\n", "r/t/a.yaml", COMMIT },
        { "a detached head", "== r/.git/HEAD\n" COMMIT "\n== r/.git/refs/heads/main\n" OTHER "\n", "r/t",
          COMMIT },
        { "SHA-256", "== r/.git/HEAD\n" LONG_COMMIT "\n", "r/t", LONG_COMMIT },
        { "a packed branch",
          "== r/.git/HEAD\nref: refs/heads/main\n== r/.git/packed-refs\n# pack-refs with: peeled "
          "fully-peeled sorted \n" OTHER " refs/heads/main2\n" OTHER " refs/heads/mai\n" COMMIT
          " refs/heads/main\n^" OTHER "\n",
          "r/t", COMMIT },
        { "a loose branch is newer than a packed one",
          "== r/.git/HEAD\nref: refs/heads/main\n== r/.git/refs/heads/main\n" COMMIT
          "\n== r/.git/packed-refs\n" OTHER " refs/heads/main\n",
          "r/t", COMMIT },
        { "a branch without a commit", "== r/.git/HEAD\nref: refs/heads/main\n", "r/t", HASH },
        { "a packed branch with a broken commit",
          "== r/.git/HEAD\nref: refs/heads/main\n== r/.git/packed-refs\nabc refs/heads/main\n", "r/t", HASH },
        { "a reference to a reference",
          "== r/.git/HEAD\nref: refs/heads/a\n== r/.git/refs/heads/a\nref: refs/heads/b\n== "
          "r/.git/refs/heads/b\n" COMMIT "\n",
          "r/t", COMMIT },
        { "a reference to itself",
          "== r/.git/HEAD\nref: refs/heads/a\n== r/.git/refs/heads/a\nref: refs/heads/a\n", "r/t", HASH },
        { "a reference out of the repository",
          "== r/.git/HEAD\nref: refs/../../secret\n== r/secret\n" COMMIT "\n", "r/t", HASH },
        { "a reference that is a path", "== r/.git/HEAD\nref: secret\n== r/.git/secret\n" COMMIT "\n", "r/t",
          HASH },
        { "a linked work tree",
          "== r/.git\ngitdir: ../main/.git/worktrees/r\n== main/.git/worktrees/r/HEAD\nref: refs/heads/main\n"
          "== main/.git/worktrees/r/commondir\n../..\n== main/.git/HEAD\n" OTHER
          "\n== main/.git/refs/heads/main\n" COMMIT "\n",
          "r/t", COMMIT },
        { "a linked work tree of a packed branch",
          "== r/.git\ngitdir: ../main/.git/worktrees/r\n== main/.git/worktrees/r/HEAD\nref: refs/heads/main\n"
          "== main/.git/worktrees/r/commondir\n../..\n== main/.git/packed-refs\n" COMMIT " refs/heads/main\n",
          "r/t", COMMIT },
        { "a detached linked work tree",
          "== r/.git\ngitdir: ../main/.git/worktrees/r\n== main/.git/worktrees/r/HEAD\n" COMMIT "\n"
          "== main/.git/worktrees/r/commondir\n../..\n== main/.git/HEAD\n" OTHER "\n",
          "r/t", COMMIT },
        { "a submodule", "== r/.git\ngitdir: ../.modules/r\n== .modules/r/HEAD\n" COMMIT "\n", "r/t",
          COMMIT },
        { "a .git file that says nothing", "== r/.git\nhello\n", "r/t", HASH },
        { "a HEAD that says nothing", "== r/.git/HEAD\nhello\n", "r/t", HASH },
        { "a .git without a HEAD", "=d r/.git\n", "r/t", HASH },
        { "the nearest repository counts", "== .git/HEAD\n" OTHER "\n== r/.git/HEAD\n" COMMIT "\n", "r/t",
          COMMIT },
        { "a link to the directory", "== r/.git/HEAD\n" COMMIT "\n=> link r/t\n", "link", COMMIT },
        { "REVISION is a link", "== secret\nhunter2\n=> r/t/REVISION ../../secret\n", "r/t", HASH },
        { "REVISION beside the directory is a link", "== secret\nhunter2\n=> r/REVISION ../secret\n", "r/t",
          HASH },
        { "REVISION is a link to a neighbour", "== r/t/v\nv1.2\n=> r/t/REVISION v\n", "r/t", HASH },
        { "REVISION is a directory", "=d r/t/REVISION\n", "r/t", HASH },
        { "a REVISION with a blank", "== r/t/REVISION\nthe secret\n", "r/t", HASH },
        { "a REVISION beyond ASCII", "== r/t/REVISION\nh\xc3\xbcnter2\n", "r/t", HASH },
        { "HEAD is a link", "== secret\n" OTHER "\n=> r/.git/HEAD ../../secret\n", "r/t", HASH },
        { "a branch is a link",
          "== secret\n" OTHER
          "\n== r/.git/HEAD\nref: refs/heads/main\n=> r/.git/refs/heads/main ../../../../secret\n",
          "r/t", HASH },
        { "a directory of branches is a link",
          "== x/secret\n" OTHER "\n== r/.git/HEAD\nref: refs/heads/secret\n=> r/.git/refs/heads ../../../x\n",
          "r/t", HASH },
        { "packed branches are a link",
          "== x\n" OTHER
          " refs/heads/main\n== r/.git/HEAD\nref: refs/heads/main\n=> r/.git/packed-refs ../../x\n",
          "r/t", HASH },
        { ".git is a link", "== x/HEAD\n" OTHER "\n=> r/.git ../x\n", "r/t", HASH },
        { "commondir is a link",
          "== r/.git/HEAD\nref: refs/heads/main\n== x/refs/heads/main\n" OTHER
          "\n== c\n../../x\n=> r/.git/commondir "
          "../../c\n",
          "r/t", HASH },
};

START_TEST(test_revision)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *d = NULL;
        const char *expected_text = revision_cases[_i].revision;
        struct ts_digest_text digest;

        make_files("== r/t/a.yaml\nversion: 1\n");
        make_files(revision_cases[_i].files);
        ck_assert_int_eq(load(revision_cases[_i].path, ONE, &faults, &d), 0);
        digest = ts_digest_format(&d->content_hash);
        digest.s[strlen("sha256:") + 12] = '\0';
        assert_text(revision_cases[_i].name, d->revision,
                    strcmp(expected_text, HASH) == 0 ? digest.s + strlen("sha256:") : expected_text);
        if (strstr(expected_text, COMMIT))
                ck_assert_msg(strncmp(d->revision_text, COMMIT, 7) == 0 && d->revision_text[7] == '+' &&
                                              strcmp(d->revision_text + 8, digest.s) == 0,
                              "%s", d->revision_text);
        else
                assert_text(revision_cases[_i].name, d->revision_text, d->revision);
}
END_TEST

/* ------------------------------------------------------------------------------------------------ secrets */

#define TOO_LONG_AT 4097u

static const struct {
        const char *name, *spec;
        bool no_directory;
        const char *files;
        mode_t mode;        /* of the file "secret" */
        const char *secret; /* NULL: fails */
        int r;
} secret_cases[] = {
        { "a credential", "credential:acme", false, "== cred/acme\nhunter2\n", 0, "hunter2", 0 },
        { "a credential without a newline", "credential:acme", false, "== cred/acme\nhunter2", 0, "hunter2",
          0 },
        { "a credential with a prefix", "credential:acme", false, "== cred/client_acme\nhunter2\n", 0,
          "hunter2", 0 },
        { "the plain name first", "credential:acme", false, "== cred/client_acme\nx\n== cred/acme\nhunter2\n",
          0, "hunter2", 0 },
        { "blanks and letters beyond ASCII", "credential:acme", false, "== cred/acme\n hünter 2 \n", 0,
          " hünter 2 ", 0 },
        { "no directory", "credential:acme", true, "", 0, NULL, -ENXIO },
        { "no such credential", "credential:acme", false, "=d cred\n", 0, NULL, -ENOENT },
        { "an empty credential", "credential:acme", false, "== cred/acme\n\n", 0, NULL, -ENODATA },
        { "two lines", "credential:acme", false, "== cred/acme\nhunter2\n\n", 0, NULL, -EINVAL },
        { "a Windows line end", "credential:acme", false, "== cred/acme\nhunter2\r\n", 0, NULL, -EINVAL },
        { "a credential that is a directory", "credential:acme", false, "=d cred/acme\n", 0, NULL, -EINVAL },
        { "a file", "file:secret", false, "== secret\nhunter2\n", 0600, "hunter2", 0 },
        { "a file only to read", "file:secret", false, "== secret\nhunter2\n", 0400, "hunter2", 0 },
        { "a file that the group can read", "file:secret", false, "== secret\nhunter2\n", 0640, NULL,
          -EPERM },
        { "a file that others can write", "file:secret", false, "== secret\nhunter2\n", 0602, NULL, -EPERM },
        { "no file", "file:secret", false, "", 0, NULL, -ENOENT },
        { "a directory", "file:secret", false, "=d secret\n", 0, NULL, -EINVAL },
        { "a device", "file:secret", false, "=> secret /dev/zero\n", 0, NULL, -EINVAL },
        { "a secret in plain", "hunter2", false, "", 0, NULL, -EINVAL },
        { "a credential with a path", "credential:../secret", false, "== secret\nx\n", 0, NULL, -EINVAL },
};

START_TEST(test_secret)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf secret = TS_BUF_SECRET_INIT(TS_SECRET_MAX_BYTES);
        TS_CLEANUP(ts_freep) char *spec = ts_strdup(secret_cases[_i].spec);
        struct ts_err err = { 0 };
        char absolute[512];
        int r;

        make_files(secret_cases[_i].files);
        if (secret_cases[_i].mode)
                ck_assert_int_eq(chmod("secret", secret_cases[_i].mode), 0);
        (void) ts_buf_puts(&secret, "the one before");
        (void) snprintf(absolute, sizeof(absolute), "file:%s/secret", directory);
        r = ts_secret_load(strcmp(spec, "file:secret") == 0 ? absolute : spec, "client secret",
                           secret_cases[_i].no_directory ? NULL : "cred", &secret, &err);
        ck_assert_msg(r == secret_cases[_i].r, "%s: %d %s", secret_cases[_i].name, r, err.msg);
        assert_text(secret_cases[_i].name, ts_buf_text(&secret),
                    secret_cases[_i].secret ? secret_cases[_i].secret : "");
        if (r == 0)
                return;
        ck_assert_int_eq(err.cls, TS_ERR_SETTINGS);
        ck_assert_msg(!strstr(err.msg, "hunter2"), "%s: %s", secret_cases[_i].name, err.msg);
        message_is(secret_cases[_i].name, err.msg);
}
END_TEST

START_TEST(test_secret_size)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf secret = TS_BUF_SECRET_INIT(TS_SECRET_MAX_BYTES);
        char text[TOO_LONG_AT];
        struct ts_err err = { 0 };

        memset(text, 'x', sizeof(text));
        write_bytes("cred/a", text, sizeof(text) - 1);
        write_bytes("cred/b", text, sizeof(text));
        ck_assert_int_eq(ts_secret_load("credential:a", "client secret", "cred", &secret, &err), 0);
        ck_assert_uint_eq(secret.len, TS_SECRET_MAX_BYTES);
        ck_assert_int_eq(ts_secret_load("credential:b", "client secret", "cred", &secret, &err), -EFBIG);
        ck_assert_uint_eq(secret.len, 0);
        message_is("too long", err.msg);
}
END_TEST

/* ----------------------------------------------------------------------------------------------- fixtures */

/* A faulty file of each owner, whole, as the user gets to see what is wrong with it. */
START_TEST(test_fixtures)
{
        static const char *const names[] = { "settings", "declarations" };
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_settings_freep) struct ts_settings *s = NULL;
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *d = NULL;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(1u << 20);
        char file[64], path[PATH_MAX + sizeof("/tests/fixtures/config")];
        int r;

        (void) snprintf(path, sizeof(path), "%s/tests/fixtures/config", suite_source);
        ck_assert_int_eq(chdir(path), 0);
        r = _i == 0 ? ts_settings_load("settings.yaml", &faults, &s)
                    : load("declarations.yaml", ONE, &faults, &d);
        ck_assert_int_eq(r, -EINVAL);
        ts_faults_print(&faults, false, &out);
        (void) snprintf(file, sizeof(file), "config/%s.faults", names[_i]);
        fixture_is(file, ts_buf_text(&out));
}
END_TEST

/* -------------------------------------------------------------------------------------------------- suite */

static TCase *new_case(Suite *s, const char *name)
{
        TCase *tc = tcase_create(name);

        tcase_add_checked_fixture(tc, setup, teardown);
        suite_add_tcase(s, tc);
        return tc;
}

static Suite *config_suite(void)
{
        Suite *s = suite_create("config");
        TCase *tc;

        tc = new_case(s, "yaml");
        tcase_add_loop_test(tc, test_yaml, 0, TS_N_ELEMENTS(yaml_cases));
        tcase_add_test(tc, test_yaml_nul);
        tcase_add_loop_test(tc, test_yaml_size, 0, TS_N_ELEMENTS(size_cases));

        tc = new_case(s, "faults");
        tcase_add_test(tc, test_faults_are_printed);
        tcase_add_test(tc, test_faults_far_to_the_right);
        tcase_add_loop_test(tc, test_faults_are_counted_past_the_maximum, 0, TS_N_ELEMENTS(left_out_cases));
        tcase_add_loop_test(tc, test_nearest, 0, TS_N_ELEMENTS(nearest_cases));

        tc = new_case(s, "settings");
        tcase_add_loop_test(tc, test_settings, 0, TS_N_ELEMENTS(settings_cases));
        tcase_add_test(tc, test_default_of_privileged_roles);
        tcase_add_loop_test(tc, test_settings_faults, 0, TS_N_ELEMENTS(settings_fault_cases));
        tcase_add_loop_test(tc, test_settings_show_no_secret, 0, TS_N_ELEMENTS(secrets_in_plain));
        tcase_add_loop_test(tc, test_settings_address, 0, TS_N_ELEMENTS(address_cases));
        tcase_add_loop_test(tc, test_settings_file, 0, TS_N_ELEMENTS(settings_file_cases));

        tc = new_case(s, "declarations");
        tcase_add_loop_test(tc, test_declarations, 0, TS_N_ELEMENTS(declarations_cases));
        tcase_add_test(tc, test_wildcards_and_blanks);
        tcase_add_loop_test(tc, test_declarations_faults, 0, TS_N_ELEMENTS(declarations_fault_cases));
        tcase_add_loop_test(tc, test_declarations_files, 0, TS_N_ELEMENTS(files_cases));
        tcase_add_test(tc, test_declarations_misnamed_file);
        tcase_add_test(tc, test_declarations_unreadable);
        tcase_add_test(tc, test_declarations_fault_as_printed);
        tcase_add_loop_test(tc, test_fixtures, 0, 2);

        tc = new_case(s, "limits");
        tcase_set_timeout(tc, 600); /* thousands of files, perhaps under valgrind */
        tcase_add_loop_test(tc, test_declarations_limits, 0, TS_N_ELEMENTS(limit_cases));

        tc = new_case(s, "export");
        tcase_add_loop_test(tc, test_export_faults, 0, TS_N_ELEMENTS(export_fault_cases));
        tcase_add_test(tc, test_export_unreadable);
        tcase_add_loop_test(tc, test_export_size, 0, 3);
        tcase_add_test(tc, test_export);

        tc = new_case(s, "revision");
        tcase_add_test(tc, test_content_hash);
        tcase_add_loop_test(tc, test_revision, 0, TS_N_ELEMENTS(revision_cases));

        tc = new_case(s, "secret");
        tcase_add_loop_test(tc, test_secret, 0, TS_N_ELEMENTS(secret_cases));
        tcase_add_test(tc, test_secret_size);
        return s;
}

int main(void)
{
        return run_suite(config_suite());
}
