/*
 * Settings, declarations, secrets and the revision, out of files.
 *
 * Every test runs in a new directory. Files are rows of text: "== PATH" begins a file, "=> PATH TARGET" is a
 * symbolic link, "=d PATH" a directory. Faults come back as "FILE:LINE:COLUMN message [hint]", a line each.
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

static char directory[256];
static int directory_before = -EBADF;

static void setup(void)
{
        const char *tmp = getenv("TMPDIR");

        (void) snprintf(directory, sizeof(directory), "%s/test_config.XXXXXX", tmp && tmp[0] ? tmp : "/tmp");
        directory_before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert(mkdtemp(directory) != NULL);
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

static char *faults_text(struct ts_faults *f)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf sorted = TS_BUF_INIT(4u << 20);
        struct ts_buf out = TS_BUF_INIT(4u << 20);

        ts_faults_print(f, false, &sorted); /* sorts them */
        for (size_t i = 0; i < f->n; i++) {
                const struct ts_fault *x = &f->items[i];

                (void) ts_buf_puts(&out, x->source.file);
                if (x->source.line > 0)
                        (void) ts_buf_printf(&out, ":%u:%u", x->source.line, x->source.column);
                (void) ts_buf_printf(&out, "%s %s", x->cls == TS_FAULT_WARNING ? " warning:" : "",
                                     x->message);
                if (x->hint)
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

#define NO_BLOCK "block text ('|' and '>') is not allowed [write it on one line, in quotes where needed]\n"
#define NO_LINES \
        "text over several lines is not allowed [write it on one line; or check the indentation of the " \
        "next " \
        "line]\n"
#define NO_DIRECTIVE "directives are not allowed [remove the line that begins with '%']\n"
#define CONFLICT \
        "an unresolved merge conflict [git left two versions here: keep what is right, and remove the " \
        "lines " \
        "<<<<<<<, ======= and >>>>>>>]\n"
#define NO_SPACE "a comment needs a space before it [put a space before '#', or quote the text]\n"
#define NO_INDENT \
        "this line is not indented enough [inside [ ] and { } indent the lines more than the key before " \
        "them]\n"
#define ALONE "this character alone is not text [put it in quotes]\n"
#define HIDDEN "a control character, or one that cannot be seen [remove it]\n"
#define HIDDEN_IN_TEXT "this text holds a control character, or one that cannot be seen\n"

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

        { "nothing", "", "x the file is empty [begin it with `version: 1`]\n" },
        { "only a comment", "# nothing\n", "x the file is empty [begin it with `version: 1`]\n" },
        { "a duplicate key", "a: 1\nb: 2\na: 3\n", "x:3:1 the key 'a' is there twice: also in line 1\n" },
        { "a duplicate key in other quotes", "a: 1\n\"a\": 3\n",
          "x:2:1 the key 'a' is there twice: also in line 1\n" },
        { "a duplicate key of many",
          "a: 1\nb: 1\nc: 1\nd: 1\ne: 1\nf: 1\ng: 1\nh: 1\ni: 1\nj: 1\nk: 1\nb: 2\nk: 3\n",
          "x:12:1 the key 'b' is there twice: also in line 2\nx:13:1 the key 'k' is there twice: also in "
          "line 11\n" },
        { "a duplicate key in { }", "a: {b: 1, b: 2}\n",
          "x:1:11 the key 'b' is there twice: also in line 1\n" },
        { "an alias", "a: &x b\nc: *x\n",
          "x:1:4 anchors are not allowed [quote text that begins with '&']\n"
          "x:2:4 aliases are not allowed [write it out; quote text that begins with '*']\n" },
        { "an anchor without a name", "a: & b\n",
          "x:1:4 anchors and aliases are not allowed [quote text that begins with '&' or '*']\n" },
        { "tags", "a: !!str b\nc: !x [d]\ne: ! {}\n",
          "x:1:4 tags are not allowed [quote text that begins with '!']\n"
          "x:2:4 tags are not allowed [quote text that begins with '!']\n"
          "x:3:4 tags are not allowed [quote text that begins with '!']\n" },
        { "a tag of an unknown kind", "a: !b!c d\n",
          "x:1:4 tags are not allowed [quote text that begins with '!']\n" },
        { "a merge key", "a:\n  <<: {b: c}\n", "x:2:3 merge keys are not allowed [write the keys out]\n" },
        { "a second document", "a: b\n---\nc: d\n", "x:2:1 a second document [use one file for each]\n" },
        { "a second document after the end of the first", "a: b\n...\nc: d\n",
          "x:3:1 something follows the end of the document [check the indentation]\n" },
        { "a key with '?'", "? a\n: b\n", "x:1:1 '?' is not allowed here [write `key: value`]\n" },
        { "a list as a key", "[a]: b\n",
          "x:1:1 " NO_INDENT "x:1:1 a list cannot be a key [a key is text]\n" },
        { "a map as a key", "{a: b}: c\n",
          "x:1:1 " NO_INDENT "x:1:1 a map cannot be a key [a key is text]\n" },
        { "an empty key", "'': a\n", "x:1:1 an empty key\n" },
        { "a key that is left out", ": a\n",
          "x:1:1 this does not fit the lines above [check the indentation and the quotes]\n" },
        { "no value in a list", "[a, , b]\n",
          "x:1:5 a value is missing before this [quote text that begins with this character]\n" },
        { "no colon", "a: b\nc\n", "x:2:1 a key without a ':' [write `key: value`]\n" },
        { "a colon in text", "a: b: c\n",
          "x:1:5 a ':' that cannot stand here [quote text that holds ': '; or check the indentation]\n" },
        { "an open quote", "a: b\nc: \"d\n",
          "x:2:4 a quote that is not closed [close it in the same line]\n" },
        { "an open list", "a: [b, c\n", "x:2:1 a ',' or ']' is missing before this\n" },
        { "an open map", "a: {b: c\n", "x:2:1 a ',' or '}' is missing before this\n" },
        { "an unknown escape", "a: \"\\q\"\n",
          "x:1:5 an unknown escape [inside double quotes write a backslash twice, or use single quotes]\n" },
        { "a reserved character", "a: @b\n", "x:1:4 text cannot begin with this character [quote it]\n" },
        { "indentation that fits nothing", "a:\n    b: 1\n  c: 2\n",
          "x:3:3 this does not fit the lines above [check the indentation and the quotes]\n" },
        { "a merge conflict", "a: b\n<<<<<<< HEAD\nc: d\n=======\nc: e\n>>>>>>> branch\nf: g\n",
          "x:2:1 " CONFLICT },
        { "two merge conflicts, one with its base",
          "<<<<<<<\n||||||| 1a2b3c4\n=======\n>>>>>>>\n<<<<<<< HEAD\na: b\n=======\n>>>>>>> branch\n",
          "x:1:1 " CONFLICT "x:5:1 " CONFLICT },
        { "half a merge conflict", "a: b\n=======\nc: e\n>>>>>>> branch\n",
          "x:2:1 " CONFLICT "x:4:1 " CONFLICT },
        { "the end of a merge conflict, without a line end", ">>>>>>> branch", "x:1:1 " CONFLICT },
        { "no merge conflict", "a: '<<<<<<< HEAD'\n# =======\n=======: '>>>>>>> a'\n", "" },
        { "a tab as indentation", "a:\n\tb: c\n", "x:2:1 a tab [use spaces]\n" },
        { "a tab between key and value", "a:\tb\n", "x:1:3 a tab [use spaces]\n" },
        { "a tab in text", "a: b\tc\n", "x:1:4 " HIDDEN_IN_TEXT },
        { "block text", "a: |\n  b\nc: >-\n  d\n", "x:1:4 " NO_BLOCK "x:3:4 " NO_BLOCK },
        { "text over two lines", "a: b\n  c\n", "x:1:4 " NO_LINES },
        { "a bidirectional control",
          "a: b\xe2\x80\xae"
          "c\n",
          "x:1:5 " HIDDEN },
        { "a zero width space in a comment", "a: b # c\xe2\x80\x8b\n", "x:1:9 " HIDDEN },
        { "a line separator",
          "a: b\xe2\x80\xa8"
          "c: d\n",
          "x:1:5 " HIDDEN },
        { "next line",
          "a: b\xc2\x85"
          "c: d\n",
          "x:1:5 " HIDDEN },
        { "an escape character", "a: b\x1b[0m\n", "x:1:5 " HIDDEN },
        { "an escaped NUL", "a: \"b\\0c\"\n", "x:1:4 " HIDDEN_IN_TEXT },
        { "an escaped newline", "a: \"b\\nc\"\n", "x:1:4 " HIDDEN_IN_TEXT },
        { "an escaped tab", "a: \"b\\tc\"\n", "x:1:4 " HIDDEN_IN_TEXT },
        { "an escaped bidirectional control", "a: \"b\\u202ec\"\n", "x:1:4 " HIDDEN_IN_TEXT },
        { "Windows line ends", "a: b\r\nc: d\r\n",
          "x:1:5 a carriage return [the file has Windows line ends; save it with Unix ones]\n" },
        { "a byte order mark",
          "\xef\xbb\xbf"
          "a: b\n",
          "x:1:1 the file begins with a byte order mark [save it as UTF-8 without a byte order mark "
          "(BOM)]\n" },
        { "UTF-16",
          "\xff\xfe"
          "a",
          "x:1:1 the file is UTF-16, not UTF-8 [save it as UTF-8]\n" },
        { "Latin-1", "a: b\nc: d\xe9\n", "x:2:5 this is not valid UTF-8 [save the file as UTF-8]\n" },
        { "an overlong form", "a: \xc0\xaf\n", "x:1:4 this is not valid UTF-8 [save the file as UTF-8]\n" },

        /* what libyaml takes for YAML, and is none */
        { "lines of a list as far left as its key", "---\nflow: [a,\nb,\nc]\n",
          "x:3:1 " NO_INDENT "x:4:1 " NO_INDENT },
        { "a tag directive after the document",
          "!foo \"bar\"\n%TAG ! tag:example.com,2000:app/\n---\n!foo \"bar\"\n", "x:2:1 " NO_DIRECTIVE },
        { "a comment right behind a bracket", "---\n[ a, b, c, ]#invalid\n", "x:2:13 " NO_SPACE },
        { "a comment right behind a comma", "---\n[ a, b, c,#invalid\n]\n", "x:2:11 " NO_SPACE },
        { "quoted text that goes on behind a tab", "foo: \"bar\n\tbaz\"\n", "x:1:6 " NO_LINES },
        { "a directive behind text", "---\nscalar1 # comment\n%YAML 1.2\n---\nscalar2\n",
          "x:3:1 " NO_DIRECTIVE },
        { "lone dashes in a list", "---\n- [-, -]\n", "x:2:4 " ALONE "x:2:7 " ALONE },
        { "a directive with a comment", "%YAML 1.1#...\n---\n", "x:1:1 " NO_DIRECTIVE },
        { "a directive twice", "%YAML 1.2\n---\n%YAML 1.2\n---\n", "x:1:1 " NO_DIRECTIVE },
        { "quoted text that goes on at the left", "---\nquoted: \"a\nb\nc\"\n", "x:2:9 " NO_LINES },
        { "a directive behind a map", "---\nkey: value\n%YAML 1.2\n---\n", "x:3:1 " NO_DIRECTIVE },
        { "block text with blanks in front", "empty block scalar: >\n \n  \n   \n # comment\n",
          "x:1:21 " NO_BLOCK },
        { "a comment right behind a quote", "key: \"value\"# invalid comment\n", "x:1:13 " NO_SPACE },
        { "a comment right behind '>'", "block: ># comment\n  scalar\n", "x:1:8 " NO_BLOCK },
        { "a tab inside a list", "- [\n\tfoo,\n foo\n ]\n", "x:2:1 " NO_INDENT "x:2:1 a tab [use spaces]\n" },
        { "a lone dash", "[-]\n", "x:1:2 " ALONE },
};

static char *parse_faults(const char *text, size_t len)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_yaml_done)
        struct ts_yaml y = {
                .file = "x", .cls = TS_FAULT_DECLARATIONS, .faults = &faults, .text = text, .len = len
        };
        int r = ts_yaml_parse(&y);

        ck_assert_int_eq(r < 0, y.root == NULL);
        ck_assert(r == 0 || faults.n_errors > 0);
        return faults_text(&faults);
}

START_TEST(test_yaml)
{
        TS_CLEANUP(ts_freep)
        char *got = parse_faults(yaml_cases[_i].text, strlen(yaml_cases[_i].text));

        assert_text(yaml_cases[_i].name, got, yaml_cases[_i].faults);
}
END_TEST

START_TEST(test_yaml_nul)
{
        TS_CLEANUP(ts_freep) char *got = parse_faults("a: b\0\n", 6);

        assert_text("a NUL", got, "x:1:5 the file holds a NUL byte [save it as UTF-8 text]\n");
}
END_TEST

/* Text made of a piece again and again. */
static const struct {
        const char *name, *before, *piece;
        size_t n;
        const char *after, *faults;
} size_cases[] = {
        { "as deep as allowed", "", "[", 16, "]]]]]]]]]]]]]]]]", "" },
        { "too deep", "", "[", 17, "]]]]]]]]]]]]]]]]]", "x:1:17 more than 16 levels of nesting\n" },
        { "a megabyte of brackets", "", "[", 1024 * 1024, "", "x:1:17 more than 16 levels of nesting\n" },
        { "a megabyte of dashes", "", "- ", 512 * 1024, "", "x:1:33 more than 16 levels of nesting\n" },
        { "a file as large as allowed", "a: b\n", "#\n", 512 * 1024 - 3, "#", "" },
        { "a file too large", "a: b\n", "#\n", 512 * 1024 - 2, "",
          "x:1:1 the file is larger than 1 MiB [use several files]\n" },
        { "text as long as allowed", "a: ", "b", 4096, "\n", "" },
        { "text too long", "a: ", "b", 4097, "\n", "x:1:4 this text is longer than 4096 bytes\n" },
        { "quoted text too long", "a: '", "b", 4097, "'\n", "x:1:4 this text is longer than 4096 bytes\n" },
        { "as many values as allowed", "[", "a,", 249998, "a]", "" },
        { "too many values", "[", "a,", 249999, "a]",
          "x:1:500000 more than 250000 values in one file [use several files]\n" },
        { "directives without end", "", "%TAG ! tag:a,1:\n", 60000, "a: b\n", "x:1:1 " NO_DIRECTIVE },
};

START_TEST(test_yaml_size)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(4u << 20);
        TS_CLEANUP(ts_freep) char *got = NULL;

        (void) ts_buf_puts(&text, size_cases[_i].before);
        for (size_t i = 0; i < size_cases[_i].n; i++)
                (void) ts_buf_puts(&text, size_cases[_i].piece);
        (void) ts_buf_puts(&text, size_cases[_i].after);
        got = parse_faults(ts_buf_text(&text), text.len);
        assert_text(size_cases[_i].name, got, size_cases[_i].faults);
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
        unsigned n;
        const char *line;
} left_out_cases[] = {
        { 1, "\n1 more fault is not shown\n" },
        { 3, "\n3 more faults are not shown\n" },
};

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
        ck_assert(strstr(ts_buf_text(&out), left_out_cases[_i].line) != NULL);
}
END_TEST

static const struct {
        const char *word, *candidates[4], *hint;
} nearest_cases[] = {
        { "rolse", { "roles", "role_sets" }, "did you mean 'roles'?" },
        { "ROLES", { "roles" }, "did you mean 'roles'?" },
        { "user", { "users", "unlisted" }, "did you mean 'users'?" },
        { "ab", { "ax", "a" }, "did you mean 'ax'?" },
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
        assert_text(nearest_cases[_i].word, hint ? hint : "-",
                    nearest_cases[_i].hint ? nearest_cases[_i].hint : "-");
}
END_TEST

/* ----------------------------------------------------------------------------------------------- settings */

#define ACME \
        "version: 1\norganizations:\n  acme:\n    region: mypurecloud.de\n    client_id: client\n" \
        "    client_secret: credential:acme\n" /* the next line is 7 */
#define ACME_ID "1f2e3d4c-0000-4000-8000-000000000001"
#define ID_HINT "[an id looks like 1f2e3d4c-0000-4000-8000-000000000001]"

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
        wrong = faults_text(&faults);
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
#define NO_PLACE \
        "'client_secret' says where the secret is, not the secret: credential:NAME or file:/absolute/path " \
        "[a " \
        "secret that was written here has to be replaced]\n"
#define NO_URL(url) \
        "'api_url' has to be https://HOST, not '" url "' [write it as in https://api.mypurecloud.de]\n"
#define NO_PROXY(proxy) \
        "'" proxy \
        "' is not the address of a proxy [write it as in http://proxy.example:3128, or \"\" for none]\n"
#define SPAN_HINT " [write it as in 30s, 5min, 2h 30min or 7d]\n"

static const struct {
        const char *name, *text, *faults; /* the file is called s */
} settings_fault_cases[] = {
        /* the file */
        { "a list", "- a\n", "s:1:1 this has to be a map (`key: value`), not a list\n" },
        { "text", "a\n", "s:1:1 this has to be a map (`key: value`), not text\n" },
        { "no version", "organizations: {}\n",
          "s:1:1 the file has no 'version' [begin the file with `version: 1`]\n" },
        { "another version", "version: 2\n", "s:1:10 this program reads version 1 [write `version: 1`]\n" },
        { "a quoted version", "version: \"1\"\n",
          "s:1:10 this program reads version 1 [write `version: 1`]\n" },
        { "an empty version", "version:\n", "s:1:9 this program reads version 1 [write `version: 1`]\n" },
        { "nothing but a version", "version: 1\n", "s:1:1 the file has no 'organizations'\n" },
        { "an unknown key", ACME "organisations: {}\n",
          "s:7:1 unknown key 'organisations' [did you mean 'organizations'?]\n" },
        { "an unknown key like no other", ACME "favourite_colour: blue\n",
          "s:7:1 unknown key 'favourite_colour'\n" },

        /* organizations */
        { "no organization", "version: 1\norganizations: {}\n",
          "s:2:16 at least one organization is needed\n" },
        { "organizations without a value", "version: 1\norganizations:\n",
          "s:2:1 'organizations' has no value: a map (`key: value`) is expected [name each on a line below "
          "it, "
          "indented more]\n" },
        { "a list of organizations", "version: 1\norganizations: [acme]\n",
          "s:2:16 'organizations' has to be a map (`key: value`), not a list [name each on a line below it, "
          "indented more]\n" },
        { "an organization without a value", "version: 1\norganizations:\n  acme:\n",
          "s:3:3 'acme' has no value: a map (`key: value`) is expected [write its keys on the lines below "
          "it, "
          "indented more]\n" },
        { "an empty organization", "version: 1\norganizations:\n  acme: {}\n",
          "s:3:3 'acme' has no 'client_id' [the id of the OAuth client (grant type client "
          "credentials)]\ns:3:3 'acme' has no 'client_secret' [where the secret is: credential:NAME or "
          "file:/absolute/path]\n"
          "s:3:3 'acme' has no 'region' [for example `region: mypurecloud.de`; or api_url and login_url]\n" },
        { "a number for an alias", "version: 1\norganizations:\n  7: {}\n",
          "s:3:3 7 without quotes is a number in YAML, where text is due [write it in quotes: \"7\"]\n" },
        { "an unknown key of an organization", ACME "    regoin: x\n",
          "s:7:5 unknown key 'regoin' [did you mean 'region'?]\n" },
        { "two organizations with one id",
          ACME "    id: " ACME_ID "\n  beta:\n    region: mypurecloud.de\n    client_id: x\n"
               "    client_secret: credential:b\n    id: 1F2E3D4C-0000-4000-8000-000000000001\n",
          "s:8:3 'beta' and 'acme' (line 3) are one organization: the same id\n" },
        { "an id that is none", ACME "    id: acme\n", "s:7:9 'acme' is not an id " ID_HINT "\n" },
        { "an id of zeros", ACME "    id: 00000000-0000-0000-0000-000000000000\n",
          "s:7:9 the id of all zeros names nothing\n" },
        { "a client id that YAML takes for a number",
          ORGANIZATION("    region: mypurecloud.de\n") "    client_id: 7\n",
          "s:7:5 the key 'client_id' is there twice: also in line 4\n" },
        { "an empty client id",
          "version: 1\norganizations:\n  acme:\n    region: mypurecloud.de\n    client_id: \"\"\n"
          "    client_secret: credential:a\n",
          "s:5:16 'client_id' is empty\n" },
        { "a mode that is none", ACME "    mode: enforced\n",
          "s:7:11 'mode' has to be 'observe' or 'enforce', not 'enforced' [did you mean 'enforce'?]\n" },
        { "a limit of an organization", ACME "    limits: {removals_per_cycle: -1}\n",
          "s:7:34 'removals_per_cycle' has to be a whole number from 0 to 1000000, not '-1'\n" },
        { "protection in an organization", ACME "    protect: {}\n", "s:7:5 unknown key 'protect'\n" },

        /* addresses */
        { "a misspelt region", ORGANIZATION("    region: mypurecloud.dee\n"),
          "s:6:13 'mypurecloud.dee' is not a region that this program knows [did you mean "
          "'mypurecloud.de'?]\n" },
        { "the hosting company's name of a region", ORGANIZATION("    region: eu-west-2\n"),
          "s:6:13 'eu-west-2' is not a region that this program knows [did you mean 'euw2.pure.cloud'?]\n" },
        { "an unknown region", ORGANIZATION("    region: example.org\n"),
          "s:6:13 'example.org' is not a region that this program knows [a region is a domain like "
          "mypurecloud.de; "
          "for a new one give api_url and login_url]\n" },
        { "a region and a URL", ORGANIZATION("    region: mypurecloud.de\n    api_url: https://a\n"),
          "s:7:5 'region' already says what 'api_url' is [leave one of them out]\n" },
        { "only one URL", ORGANIZATION("    login_url: https://a\n"),
          "s:6:5 'login_url' needs 'api_url' beside it\n" },
        { "no address", ORGANIZATION(""),
          "s:3:3 'acme' has no 'region' [for example `region: mypurecloud.de`; or api_url and login_url]\n" },
#define URL_FAULT(url) ORGANIZATION("    login_url: https://a\n    api_url: " url "\n")
        { "http", URL_FAULT("http://api.example"),
          "s:7:14 http:// is allowed to a loopback address only [write https://]\n" },
        { "http to what begins like a loopback address", URL_FAULT("http://127.0.0.1.example"),
          "s:7:14 http:// is allowed to a loopback address only [write https://]\n" },
        { "http to what begins like localhost", URL_FAULT("http://localhost.example"),
          "s:7:14 http:// is allowed to a loopback address only [write https://]\n" },
        { "http to another IPv6 address", URL_FAULT("http://[::2]"),
          "s:7:14 http:// is allowed to a loopback address only [write https://]\n" },
        { "no scheme", URL_FAULT("api.example"), "s:7:14 " NO_URL("api.example") },
        { "another scheme", URL_FAULT("ftp://a"), "s:7:14 " NO_URL("ftp://a") },
        { "no host", URL_FAULT("https:///a"), "s:7:14 " NO_URL("https:///a") },
        { "a port that is none", URL_FAULT("https://a:70000"), "s:7:14 " NO_URL("https://a:70000") },
        { "an empty port", URL_FAULT("'https://a:'"), "s:7:14 " NO_URL("https://a:") },
        { "port 0", URL_FAULT("https://a:0"), "s:7:14 " NO_URL("https://a:0") },
        { "a query", URL_FAULT("https://a/?b"), "s:7:14 " NO_URL("https://a/?b") },
        { "a fragment", URL_FAULT("https://a/#b"), "s:7:14 " NO_URL("https://a/#b") },
        { "a blank", URL_FAULT("https://a/b c"), "s:7:14 " NO_URL("https://a/b c") },
        { "an open bracket", URL_FAULT("'https://[::1'"), "s:7:14 " NO_URL("https://[::1") },
        { "brackets around a name", URL_FAULT("'https://[a]'"), "s:7:14 " NO_URL("https://[a]") },
        { "beyond ASCII", URL_FAULT("https://ä"), "s:7:14 " NO_URL("https://ä") },
        { "a password in a URL", URL_FAULT("https://user:hunter2@a"),
          "s:7:14 'api_url' holds a user name or a password [leave out what is before the '@']\n" },

        /* the client secret */
        { "a secret in plain", SECRET("    client_secret: hunter2\n"), "s:6:20 " NO_PLACE },
        { "a secret of digits", SECRET("    client_secret: 1234567\n"), "s:6:20 " NO_PLACE },
        { "a secret that is a list", SECRET("    client_secret: [hunter2]\n"), "s:6:20 " NO_PLACE },
        { "no value for the secret", SECRET("    client_secret:\n"), "s:6:5 " NO_PLACE },
        { "a relative file", SECRET("    client_secret: file:secret\n"), "s:6:20 " NO_PLACE },
        { "a credential with a path", SECRET("    client_secret: credential:../a\n"), "s:6:20 " NO_PLACE },
        { "a credential without a name", SECRET("    client_secret: 'credential:'\n"), "s:6:20 " NO_PLACE },
        { "a credential that is a directory", SECRET("    client_secret: credential:..\n"),
          "s:6:20 " NO_PLACE },
        { "another scheme of secrets", SECRET("    client_secret: env:SECRET\n"), "s:6:20 " NO_PLACE },
        { "a misspelt secret", SECRET("    client_sekret: hunter2\n"),
          "s:3:3 'acme' has no 'client_secret' [where the secret is: credential:NAME or "
          "file:/absolute/path]\ns:6:5 unknown key 'client_sekret' [did you mean "
          "'client_secret'?]\n" },

        /* the rest */
        { "an empty path", ACME "trusts: ''\n", "s:7:9 'trusts' is empty\n" },
        { "a list of paths", ACME "trusts: [a, b]\n", "s:7:9 'trusts' has to be text, not a list\n" },
        { "an unknown key of reconcile", ACME "reconcile: {intervals: 5min}\n",
          "s:7:13 unknown key 'intervals' [did you mean 'interval'?]\n" },
        { "a mode that YAML takes for a boolean", ACME "reconcile: {mode: on}\n",
          "s:7:19 'mode' has to be 'observe' or 'enforce', not 'on'\n" },
        { "an interval that is none", ACME "reconcile: {interval: often}\n",
          "s:7:23 'interval' has to be a time span, not 'often'" SPAN_HINT },
        { "an interval too short", ACME "reconcile: {interval: 10ms}\n",
          "s:7:23 'interval' has to be from 1s to 7d, not '10ms'\n" },
        { "an interval too long", ACME "reconcile: {interval: 8d}\n",
          "s:7:23 'interval' has to be from 1s to 7d, not '8d'\n" },
        { "jitter too long", ACME "reconcile: {jitter: 2d}\n",
          "s:7:21 'jitter' has to be from 0 to 1d, not '2d'\n" },
        { "reconcile without a value", ACME "reconcile:\n",
          "s:7:1 'reconcile' has no value: a map (`key: value`) is expected [write its keys on the lines "
          "below "
          "it, indented more; or {} for none of them]\n" },
        { "a word for unlisted trusts", ACME "unlisted_trusts: delete\n",
          "s:7:18 'unlisted_trusts' has to be 'report' or 'remove', not 'delete'\n" },
        { "a boolean for unlisted trusts", ACME "unlisted_trusts: false\n",
          "s:7:18 'unlisted_trusts' has to be 'report' or 'remove', not 'false'\n" },
        { "a wait too long", ACME "delete_after: 400d\n",
          "s:7:15 'delete_after' has to be from 0 to 365d, not '400d'\n" },
        { "a negative wait", ACME "delete_after: -1\n",
          "s:7:15 'delete_after' has to be a time span, not '-1'" SPAN_HINT },
        { "an empty wait", ACME "delete_after: ''\n",
          "s:7:15 'delete_after' has to be a time span, not ''" SPAN_HINT },
#define NO_COUNT(key, highest, value) \
        "'" key "' has to be a whole number from 0 to " highest ", not '" value "'\n"
        { "limits that are none",
          ACME
          "limits:\n  removals_per_cycle: ten\n  removals_per_day: \"20\"\n  trust_removals_per_day: 1e3\n"
          "  removals_percent: 101\n",
          "s:8:23 " NO_COUNT("removals_per_cycle", "1000000", "ten") "s:9:21 " NO_COUNT(
                          "removals_per_day", "1000000",
                          "20") "s:10:27 " NO_COUNT("trust_removals_per_day", "1000000",
                                                    "1e3") "s:11:21 " NO_COUNT("removals_percent", "100",
                                                                               "101") },
        { "more limits that are none",
          ACME "limits:\n  removals_per_cycle: 010\n  removals_per_day: 1_000\n  trust_removals_per_day: +3\n"
               "  removals_percent: 25%\n  users_per_trust: 0\n",
          "s:8:23 " NO_COUNT("removals_per_cycle", "1000000", "010") "s:9:21 " NO_COUNT(
                          "removals_per_day", "1000000",
                          "1_000") "s:10:27 " NO_COUNT("trust_removals_per_day", "1000000",
                                                       "+3") "s:11:21 " NO_COUNT("removals_percent", "100",
                                                                                 "25%") "s:12:20 "
                                                                                        "'users_per_trust' "
                                                                                        "has to be a whole "
                                                                                        "number from 1 to "
                                                                                        "1000, not '0'\n" },
        { "a limit out of all bounds", ACME "limits: {removals_per_cycle: 99999999999999999999}\n",
          "s:7:30 " NO_COUNT("removals_per_cycle", "1000000", "99999999999999999999") },
        { "a limit without a value", ACME "limits:\n  removals_per_cycle:\n",
          "s:8:3 'removals_per_cycle' has no value: a number is expected\n" },
        { "an unknown limit", ACME "limits: {removals_per_week: 1}\n",
          "s:7:10 unknown key 'removals_per_week'\n" },
        { "protected organizations by name", ACME "protect: {organizations: [contoso]}\n",
          "s:7:27 'contoso' is not an id " ID_HINT "\n" },
        { "protected users by name", ACME "protect: {users: [Jane, jane@, '@x', a@b@c, a b@c]}\n",
          "s:7:19 'Jane' is neither an e-mail address nor an id\n"
          "s:7:25 'jane@' is neither an e-mail address nor an id\n"
          "s:7:32 '@x' is neither an e-mail address nor an id\n"
          "s:7:38 'a@b@c' is neither an e-mail address nor an id\n"
          "s:7:45 'a b@c' is neither an e-mail address nor an id\n" },
        { "one protected user without a list", ACME "protect: {users: a@b.c}\n",
          "s:7:18 'users' has to be a list of e-mail addresses or ids, not text [write each on a line below "
          "it, behind '- '; [] for none]\n" },
        { "protected roles", ACME "protect: {roles: []}\n", "s:7:11 unknown key 'roles'\n" },
        { "protection without a value", ACME "protect:\n  users:\n",
          "s:8:3 'users' has no value: a list of e-mail addresses or ids is expected [write each on a line "
          "below it, behind '- '; [] for none]\n" },
        { "a denied role that YAML takes for a boolean", ACME "deny: {roles: [yes]}\n",
          "s:7:16 yes without quotes is a boolean in YAML, where text is due [write it in quotes: "
          "\"yes\"]\n" },
        { "a denied role that is a map", ACME "deny: {roles: [{a: b}]}\n",
          "s:7:16 this has to be text, not a map\n" },
        { "denied organizations that are none", ACME "deny: {organizations: [1]}\n",
          "s:7:24 1 without quotes is a number in YAML, where text is due [write it in quotes: \"1\"]\n" },
        { "denied and protected",
          ACME "protect: {organizations: [" ACME_ID "], users: [a@b.c, d@b.c]}\n"
               "deny: {organizations: [" ACME_ID "], users: [A@b.c]}\n",
          "s:8:1 warning: " ACME_ID
          " is protected as well: it keeps what it has [take it out of 'protect' for 'deny' "
          "to work]\n"
          "s:8:71 warning: A@b.c is protected as well: it keeps what it has [take it out of 'protect' for "
          "'deny' to "
          "work]\n" },
        { "http that is out of range",
          ACME "http: {concurrency: 0, requests_per_minute: 1000001, timeout: 11min, ca_file: ''}\n",
          "s:7:21 'concurrency' has to be a whole number from 1 to 64, not '0'\n"
          "s:7:45 'requests_per_minute' has to be a whole number from 1 to 1000000, not '1000001'\n"
          "s:7:63 'timeout' has to be from 100ms to 10min, not '11min'\n"
          "s:7:79 'ca_file' is empty\n" },
        { "an unknown key of http", ACME "http: {insecure: true}\n", "s:7:8 unknown key 'insecure'\n" },
        { "a proxy without a scheme", ACME "http: {proxy: 'proxy:3128'}\n",
          "s:7:15 " NO_PROXY("proxy:3128") },
        { "a proxy with a path", ACME "http: {proxy: http://p/a}\n", "s:7:15 " NO_PROXY("http://p/a") },
        { "a proxy with a password", ACME "http: {proxy: 'http://u:hunter2@p'}\n",
          "s:7:15 'proxy' holds a user name or a password [leave out what is before the '@'; "
          "`proxy_credential:` says where USER:PASSWORD is]\n" },
        { "a proxy without a value", ACME "http:\n  proxy:\n",
          "s:8:3 'proxy' has no value: the address of a proxy is expected [write it as in "
          "http://proxy.example:3128, or \"\" for none]\n" },
        { "a fault in what YAML is, and one in what it means", ACME "trusts: *a\nreconcile: {mode: x}\n",
          "s:7:9 aliases are not allowed [write it out; quote text that begins with '*']\n"
          "s:8:19 'mode' has to be 'observe' or 'enforce', not 'x'\n" },
};

START_TEST(test_settings_faults)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_settings_freep) struct ts_settings *s = NULL;
        TS_CLEANUP(ts_buf_done) struct ts_buf printed = TS_BUF_INIT(1u << 20);
        TS_CLEANUP(ts_freep) char *got = NULL;
        int r;

        write_file("s", settings_fault_cases[_i].text);
        r = ts_settings_load("s", &faults, &s);
        got = faults_text(&faults);
        assert_text(settings_fault_cases[_i].name, got, settings_fault_cases[_i].faults);
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
        wrong = faults_text(&faults);
        assert_text(address_cases[_i].address, wrong, "");
        assert_text(address_cases[_i].address, s->organizations[0].api_url, address_cases[_i].api_url);
        assert_text(address_cases[_i].address, s->organizations[0].login_url, address_cases[_i].login_url);
}
END_TEST

static const struct {
        const char *name, *files, *faults;
} settings_file_cases[] = {
        { "not there", "",
          "s cannot read it: No such file or directory [the settings are one file: say which with --config "
          "FILE]\n" },
        { "a directory", "=d s\n",
          "s this is not a regular file [the settings are one file: say which with --config FILE]\n" },
        { "a link to nowhere", "=> s nowhere\n",
          "s cannot read it: No such file or directory [the settings are one file: say which with --config "
          "FILE]\n" },
        { "a device", "=> s /dev/zero\n",
          "s this is not a regular file [the settings are one file: say which with --config FILE]\n" },
        { "empty", "== s\n", "s the file is empty [begin it with `version: 1`]\n" },
};

START_TEST(test_settings_file)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_settings_freep) struct ts_settings *s = NULL;
        TS_CLEANUP(ts_freep) char *got = NULL;

        make_files(settings_file_cases[_i].files);
        ck_assert_int_eq(ts_settings_load("s", &faults, &s), -EINVAL);
        ck_assert_ptr_null(s);
        got = faults_text(&faults);
        assert_text(settings_file_cases[_i].name, got, settings_file_cases[_i].faults);
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
        wrong = faults_text(&faults);
        ck_assert_msg(r == 0 && d && faults.n == 0, "%s: %s", declarations_cases[_i].name, wrong);
        got = declarations_text(d);
        assert_text(declarations_cases[_i].name, got, declarations_cases[_i].declarations);
}
END_TEST

#define REFUSED(what) \
        what ": a failed checkout is not a wish, nothing is changed [put the declarations there; `version: " \
             "1` and " \
             "`trustees: {}` declare that there are none]\n"
#define NO_VALUE(what, hint) " has no value: " what " is expected [" hint "]\n"
#define NO_MAP(hint) NO_VALUE("a map (`key: value`)", hint)
#define NO_KEYS "write its keys on the lines below it, indented more"
#define NO_ID "the id of the other organization, as in id: 1f2e3d4c-0000-4000-8000-000000000001"
#define OF_A_TRUST \
        " is a key of a trust, and stands where trusts are named [indent it more than the name of its " \
        "trust]\n"
#define HOW_TO_EXPORT "`trustsyncd --export` makes one"
#define NO_TRUSTS "name each trust on a line below it, indented more; {} for none"
#define NO_ROLES \
        "write `ROLE: all` or `ROLE: [DIVISION]` on the lines below it, indented more; {} for no role"
#define NO_MEMBER \
        "write its roles below it, indented more: `roles: {ROLE: all}`; or {} for a member whose grants " \
        "are " \
        "not managed"
#define UNMANAGED " for nobody; where the key is left out they are not managed"
#define NO_MEMBERS "name each on a line below it, indented more; {}" UNMANAGED
#define NO_LIST "write each on a line below it, behind '- '; []" UNMANAGED
#define NO_USER(key) \
        "'" key "' is neither an e-mail address nor an id [a user is named by e-mail address or id]\n"
#define ROLES_THEIRS "write a list: which roles they get there is up to the trustor"
#define THEIRS "cannot be declared here [only the trustor can say that: remove the key]\n"
#define NO_STATE(value) "'state' has to be 'present' or 'absent', not '" value "'"

static const struct {
        const char *name;
        enum known known;
        const char *text, *faults; /* the file is called t */
} declarations_fault_cases[] = {
        /* the file */
        { "no version", ONE, "trustees: {}\n",
          "t:1:1 the file has no 'version' [begin the file with `version: 1`]\n" },
        { "an unknown key", ONE, "version: 1\ntrustee: {}\n",
          "t:2:1 unknown key 'trustee' [did you mean 'trustees'?]\n" },
        { "settings among the declarations", ONE, "version: 1\nlimits: {}\n",
          "t:2:1 unknown key 'limits'\n" },
        { "no organization where there are two", TWO, "version: 1\n",
          "t:1:1 the file has no 'organization', and the settings define several [for example `organization: "
          "acme`]\n" },
        { "no organization and no settings", NO_SETTINGS, "version: 1\n",
          "t:1:1 the file has no 'organization' [for example `organization: acme`]\n" },
        { "a misspelt organization", TWO, "version: 1\norganization: Acme\n",
          "t:2:15 trustsyncd.yaml defines no organization 'Acme' [did you mean 'acme'?]\n" },
        { "an unknown organization", ONE, "version: 1\norganization: contoso\n",
          "t:2:15 trustsyncd.yaml defines no organization 'contoso'\n" },
        { "an organization without a value", ONE, "version: 1\norganization:\n",
          "t:2:1 'organization' has no value: text is expected\n" },
        { "a boolean for an organization", NO_SETTINGS, "version: 1\norganization: on\n",
          "t:2:15 on without quotes is a boolean in YAML, where text is due [write it in quotes: \"on\"]\n" },

        /* trusts */
        { "trustees without a value", ONE, "version: 1\ntrustees:\n", "t:2:1 'trustees'" NO_MAP(NO_TRUSTS) },
        { "trustees as a list", ONE, "version: 1\ntrustees: [contoso]\n",
          "t:2:11 'trustees' has to be a map (`key: value`), not a list [" NO_TRUSTS "]\n" },
        { "keys of a trust beside it", ONE,
          "version: 1\ntrustees:\n  contoso:\n  id: " CONTOSO_ID "\n  users: [a@b.c]\n",
          "t:3:3 'contoso'" NO_MAP(NO_KEYS) "t:4:3 'id'" OF_A_TRUST "t:5:3 'users'" OF_A_TRUST },
        { "keys of a user beside it", ONE, JANE "      roles:\n        Admin: all\n",
          "t:6:7 'jane@contoso.example'" NO_MAP(
                          NO_MEMBER) "t:7:7 'roles' is neither an e-mail address nor an id [indent it more, "
                                     "when it belongs to the user above]\n"
                                     "t:8:9 unknown key 'Admin'\n" },
        { "a trust that is called as a key", ONE, "version: 1\ntrustees:\n  users: {id: " CONTOSO_ID "}\n",
          "" },
        { "a trust without a value", ONE, "version: 1\ntrustees:\n  contoso:\n",
          "t:3:3 'contoso'" NO_MAP(NO_KEYS) },
        { "a trust without an id", ONE, "version: 1\ntrustees:\n  contoso: {}\n",
          "t:3:3 'contoso' has no 'id' [" NO_ID "]\n" },
        { "an id without a value", ONE, "version: 1\ntrustees:\n  contoso:\n    id:\n",
          "t:4:5 'id'" NO_VALUE("an id", "an id looks like 1f2e3d4c-0000-4000-8000-000000000001") },
        { "an id that is none", ONE, "version: 1\ntrustees:\n  contoso:\n    id: 1234\n",
          "t:4:9 1234 without quotes is a number in YAML, where text is due [write it in quotes: "
          "\"1234\"]\n" },
        { "an id in braces", ONE, "version: 1\ntrustees:\n  contoso:\n    id: '{" CONTOSO_ID "}'\n",
          "t:4:9 '{" CONTOSO_ID "}' is not an id " ID_HINT "\n" },
        { "the organization's own id", ONE, "version: 1\ntrustees:\n  contoso:\n    id: " ACME_ID "\n",
          "t:4:9 this is the id of 'acme' itself: no organization trusts itself\n" },
        { "an alias that is another id", ONE,
          "version: 1\ntrustees:\n  " FABRIKAM_ID ":\n    id: " CONTOSO_ID "\n",
          "t:3:3 '" FABRIKAM_ID "' is another id than the trust's [give it a name of your own]\n" },
        { "an alias that is a boolean", ONE, "version: 1\ntrustees:\n  no:\n    id: " CONTOSO_ID "\n",
          "t:3:3 no without quotes is a boolean in YAML, where text is due [write it in quotes: \"no\"]\n" },
        { "an unknown key of a trust", ONE, CONTOSO "    user: {}\n",
          "t:5:5 unknown key 'user' [did you mean 'users'?]\n" },
        { "a state that is none", ONE, CONTOSO "    state: gone\n", "t:5:12 " NO_STATE("gone") "\n" },
        { "a misspelt state", ONE, CONTOSO "    state: Absent\n",
          "t:5:12 " NO_STATE("Absent") " [did you mean 'absent'?]\n" },
        { "enforce in a declaration", ONE, CONTOSO "    mode: enforce\n",
          "t:5:11 a declaration can only say 'observe' [leave 'mode' out: whether changes are applied is a "
          "matter of "
          "the settings]\n" },
        { "a mode that is none", ONE, CONTOSO "    mode: plan\n",
          "t:5:11 'mode' has to be 'observe', not 'plan'\n" },
        { "yes for enabled", ONE, CONTOSO "    enabled: yes\n",
          "t:5:14 'enabled' has to be true or false, not 'yes' [write true or false, without quotes]\n" },
        { "a quoted boolean", ONE, CONTOSO "    enabled: 'true'\n",
          "t:5:14 'enabled' has to be true or false, not 'true' [write true or false, without quotes]\n" },
        { "a date", ONE, CONTOSO "    expires: 2027-06-30\n",
          "t:5:14 'expires' has to be a whole time, not '2027-06-30' [write the time of day and the zone "
          "too, as in "
          "2027-06-30T00:00:00Z]\n" },
        { "a time without a zone", ONE, CONTOSO "    expires: 2027-06-30T00:00:00\n",
          "t:5:14 'expires' has to be a whole time, not '2027-06-30T00:00:00' [write the time of day and the "
          "zone too, "
          "as in 2027-06-30T00:00:00Z]\n" },
        { "a day that is none", ONE, CONTOSO "    expires: 2027-02-30T00:00:00Z\n",
          "t:5:14 '2027-02-30T00:00:00Z' is not a time [write it as in 2027-06-30T00:00:00Z, or `never`]\n" },
        { "no value for expires", ONE, CONTOSO "    expires:\n",
          "t:5:5 'expires'" NO_VALUE("a time", "write it as in 2027-06-30T00:00:00Z, or `never`") },
        { "null for expires", ONE, CONTOSO "    expires: ~\n",
          "t:5:14 '~' is not a time [write it as in 2027-06-30T00:00:00Z, or `never`]\n" },
        { "a word for unlisted", ONE, CONTOSO "    unlisted: keep\n",
          "t:5:15 'unlisted' has to be 'remove' or 'report', not 'keep'\n" },
        { "an alias twice", ONE,
          CONTOSO "  fabrikam: {id: " FABRIKAM_ID "}\n  contoso: {id: " FABRIKAM_ID "}\n",
          "t:6:3 the key 'contoso' is there twice: also in line 3\n" },
        { "an id twice", ONE, CONTOSO "  fabrikam: {id: 0B6F4C1E-0000-4000-8000-000000000003}\n",
          "t:5:18 the organization '" CONTOSO_ID "' is declared twice: also at t:3 [keep one of them]\n" },

        /* users */
        { "users without a value", ONE, CONTOSO "    users:\n", "t:5:5 'users'" NO_MAP(NO_MEMBERS) },
        { "users as a list", ONE, CONTOSO "    users: [jane@contoso.example]\n",
          "t:5:12 'users' has to be a map (`key: value`), not a list [" NO_MEMBERS "]\n" },
        { "a user without a value", ONE, JANE, "t:6:7 'jane@contoso.example'" NO_MAP(NO_MEMBER) },
        { "a user who is null", ONE, CONTOSO "    users: {a@b.c: ~}\n",
          "t:5:20 'a@b.c' has to be a map (`key: value`), not text [" NO_MEMBER "]\n" },
        { "users that are none", ONE, CONTOSO "    users: {Jane Doe: {}, j@ä.example: {}, jane: {}}\n",
          "t:5:13 " NO_USER("Jane Doe") "t:5:27 " NO_USER("j@ä.example") "t:5:44 " NO_USER("jane") },
        { "a user of zeros", ONE, CONTOSO "    users: {00000000-0000-0000-0000-000000000000: {}}\n",
          "t:5:13 the id of all zeros names nothing\n" },
        { "an unknown key of a user", ONE, JANE "        rolse: {}\n",
          "t:7:9 unknown key 'rolse' [did you mean 'roles'?]\n" },
        { "two ids of one user", ONE, CONTOSO "    users:\n      " JANE_ID ":\n        id: " FABRIKAM_ID "\n",
          "t:6:7 the user has another id in its key than in 'id' [leave 'id' out]\n" },
        { "a user in other letters", ONE, CONTOSO "    users:\n      jane@b.c: {}\n      Jane@B.c: {}\n",
          "t:7:7 the user 'Jane@B.c' is declared twice: also at t:6 [keep one of them]\n" },
        { "a user by e-mail and by id", ONE,
          CONTOSO "    users:\n      jane@b.c: {id: " JANE_ID
                  "}\n      9D1C0000-0000-4000-8000-000000000007: {}\n",
          "t:7:7 the user '9D1C0000-0000-4000-8000-000000000007' is declared twice: also at t:6 [keep one of "
          "them]\n" },
        { "a user by two e-mails", ONE,
          CONTOSO "    users:\n      jane@b.c: {id: " JANE_ID "}\n      j@b.c: {id: " JANE_ID "}\n",
          "t:7:7 the user 'j@b.c' is declared twice: also at t:6 [keep one of them]\n" },
        { "too many users", ONE, CONTOSO "    users: {a@b.c: {}, b@b.c: {}, c@b.c: {}, d@b.c: {}}\n",
          "t:5:5 4 users in the trust 'contoso', and 3 are allowed (users_per_trust) [it is the platform's "
          "own limit; "
          "raise it in the settings only when yours is higher]\n" },
        { "as many users as allowed", ONE, CONTOSO "    users: {a@b.c: {}, b@b.c: {}, c@b.c: {}}\n", "" },
        { "too many users of a trust that ends", ONE,
          CONTOSO "    state: absent\n    users: {a@b.c: {}, b@b.c: {}, c@b.c: {}, d@b.c: {}}\n", "" },

        /* windows */
        { "a window that ends as it begins", ONE,
          JANE "        from: 2026-12-01T08:00:00Z\n        until: 2026-12-01T09:00:00+01:00\n",
          "t:8:16 the window of jane@contoso.example ends before it begins: from 2026-12-01T08:00:00Z until "
          "2026-12-01T08:00:00Z ['from' is inside the window, 'until' is not]\n" },
        { "a window that ends before it begins", ONE,
          JANE "        from: 2026-12-01T08:00:01Z\n        until: 2026-12-01T08:00:00Z\n",
          "t:8:16 the window of jane@contoso.example ends before it begins: from 2026-12-01T08:00:01Z until "
          "2026-12-01T08:00:00Z ['from' is inside the window, 'until' is not]\n" },
        { "a window of a second", ONE,
          JANE "        from: 2026-12-01T08:00:00Z\n        until: 2026-12-01T08:00:01Z\n", "" },
        { "a window that is over", ONE, JANE "        until: 1999-12-31T23:59:59Z\n", "" },
        { "a window without an end in words", ONE, JANE "        until: never\n",
          "t:7:16 'never' is not a time [write it as in 2027-06-30T00:00:00Z, or leave the key out]\n" },
        { "a window from a date", ONE, JANE "        from: 2027-06-30\n",
          "t:7:15 'from' has to be a whole time, not '2027-06-30' [write the time of day and the zone too, "
          "as "
          "in 2027-06-30T00:00:00Z]\n" },
        { "a group's window", ONE,
          CONTOSO "    groups: {Tier 2: {from: 2026-12-01T08:00:00Z, until: 2026-12-01T08:00:00Z}}\n",
          "t:5:58 the window of Tier 2 ends before it begins: from 2026-12-01T08:00:00Z until "
          "2026-12-01T08:00:00Z ['from' is inside the window, 'until' is not]\n" },

        /* how many users at any one time */
        { "too many users for a while", ONE,
          CONTOSO "    users:\n      a@b.c: {}\n      b@b.c: {until: 2026-12-10T00:00:00Z}\n"
                  "      c@b.c: {from: 2026-12-01T00:00:00Z}\n"
                  "      d@b.c: {from: 2026-12-09T00:00:00Z, until: 2026-12-11T00:00:00Z}\n",
          "t:5:5 4 users in the trust 'contoso' at 2026-12-09T00:00:00Z, and 3 are allowed (users_per_trust) "
          "[it is the platform's own limit; raise it in the settings only when yours is higher]\n" },
        { "too many users until one leaves", ONE,
          CONTOSO "    users:\n      a@b.c: {}\n      b@b.c: {}\n      c@b.c: {}\n"
                  "      d@b.c: {until: 2026-12-11T00:00:00Z}\n",
          "t:5:5 4 users in the trust 'contoso' until 2026-12-11T00:00:00Z, and 3 are allowed "
          "(users_per_trust) [remove the users whose window is over; it is the platform's own limit]\n" },
        { "one comes as the other leaves", ONE,
          CONTOSO "    users:\n      a@b.c: {}\n      b@b.c: {}\n"
                  "      c@b.c: {from: 2026-12-09T00:00:00Z, until: 2026-12-11T00:00:00Z}\n"
                  "      d@b.c: {from: 2026-12-11T00:00:00Z, until: 2026-12-12T00:00:00Z}\n"
                  "      e@b.c: {from: 2026-12-12T00:00:00Z}\n"
                  "      f@b.c: {until: 2026-12-09T00:00:00Z}\n",
          "" },

        /* groups */
        { "groups without a value", ONE, CONTOSO "    groups:\n", "t:5:5 'groups'" NO_MAP(NO_MEMBERS) },
        { "groups as a list", ONE, CONTOSO "    groups: [Tier 2]\n",
          "t:5:13 'groups' has to be a map (`key: value`), not a list [" NO_MEMBERS "]\n" },
        { "a group without a value", ONE, CONTOSO "    groups:\n      Tier 2:\n",
          "t:6:7 'Tier 2'" NO_MAP(NO_MEMBER) },
        { "a group that is a number", ONE, CONTOSO "    groups: {7: {}}\n",
          "t:5:14 7 without quotes is a number in YAML, where text is due [write it in quotes: \"7\"]\n" },
        { "a group of zeros", ONE, CONTOSO "    groups: {00000000-0000-0000-0000-000000000000: {}}\n",
          "t:5:14 the id of all zeros names nothing\n" },
        { "two ids of one group", ONE,
          CONTOSO "    groups:\n      " JANE_ID ":\n        id: " FABRIKAM_ID "\n",
          "t:6:7 the group has another id in its key than in 'id' [leave 'id' out]\n" },
        { "a group by two names", ONE,
          CONTOSO "    groups:\n      Tier 2: {id: " JANE_ID "}\n      Tier 3: {id: " JANE_ID "}\n",
          "t:7:7 the group 'Tier 3' is declared twice: also at t:6 [keep one of them]\n" },
        { "an unknown key of a group", ONE, CONTOSO "    groups: {Tier 2: {role: {}}}\n",
          "t:5:23 unknown key 'role' [did you mean 'roles'?]\n" },

        /* clones */
        { "clones without a value", ONE, CONTOSO "    clones:\n",
          "t:5:5 'clones'" NO_VALUE("a list of users", NO_LIST) },
        { "clones as a map", ONE, CONTOSO "    clones: {a@b.c: {}}\n",
          "t:5:13 'clones' has to be a list of users, not a map [write a list: a clone has the roles that "
          "its "
          "user has]\n" },
        { "a clone that is none", ONE, CONTOSO "    clones: [jane, {a@b.c: {}}, '']\n",
          "t:5:14 " NO_USER("jane") "t:5:20 this has to be text, not a map\nt:5:33 this is empty\n" },
        { "a clone twice", ONE, CONTOSO "    clones:\n      - a@b.c\n      - A@B.c\n",
          "t:7:9 the clone 'A@B.c' is declared twice: also at t:6 [keep one of them]\n" },
        { "a clone twice by its id", ONE,
          CONTOSO "    clones: [" JANE_ID ", 9D1C0000-0000-4000-8000-000000000007]\n",
          "t:5:52 the clone '9D1C0000-0000-4000-8000-000000000007' is declared twice: also at t:5 [keep one "
          "of "
          "them]\n" },
        { "too many clones", ONE, CONTOSO "    clones: [a@b.c, b@b.c, c@b.c, d@b.c, e@b.c, f@b.c]\n",
          "t:5:5 6 clones in the trust 'contoso', and the platform allows 5\n" },
        { "as many clones as allowed", ONE, CONTOSO "    clones: [a@b.c, b@b.c, c@b.c, d@b.c, e@b.c]\n", "" },
        { "too many clones of a trust that ends", ONE,
          CONTOSO "    state: absent\n    clones: [a@b.c, b@b.c, c@b.c, d@b.c, e@b.c, f@b.c]\n", "" },

        /* pairing */
        { "a state and a mode without a value", ONE, CONTOSO "    state:\n    mode:\n",
          "t:5:5 'state' has no value: 'present' or 'absent' is expected\n"
          "t:6:5 'mode' has no value: 'observe' is expected\n" },
        { "a request without a value", ONE, FABRIKAM "    request:\n",
          "t:5:5 'request'" NO_MAP("list at least one under 'users' or 'groups'") },
        { "a pairing request without a value", ONE, CONTOSO "    pairing:\n",
          "t:5:5 'pairing'" NO_VALUE(
                          "the id of a request or `auto`",
                          "the id that the partner was told, or `auto` to make the request ourselves") },
        { "a pairing request that is none", ONE, CONTOSO "    pairing: automatic\n",
          "t:5:14 'pairing' has to be the id of a request or `auto`, not 'automatic' [the id that the "
          "partner was "
          "told, or `auto` to make the request ourselves]\n" },
        { "a pairing request of zeros", ONE, CONTOSO "    pairing: 00000000-0000-0000-0000-000000000000\n",
          "t:5:14 the id of all zeros names nothing\n" },
        { "a pairing request for two trusts", ONE,
          CONTOSO "    pairing: " JANE_ID "\n  fabrikam:\n    id: " FABRIKAM_ID "\n    pairing: " JANE_ID
                  "\n",
          "t:8:14 the pairing request '" JANE_ID "' is declared twice: also at t:5 [keep one of them]\n" },
        { "a request in a trustee", ONE, CONTOSO "    request: {users: [a@b.c]}\n",
          "t:5:5 'request' cannot be declared here [the trustee makes the request: it is for `trustors`; "
          "here "
          "write its id under 'pairing']\n" },

        /* trustors */
        { "trustors without a value", ONE, "version: 1\ntrustors:\n", "t:2:1 'trustors'" NO_MAP(NO_TRUSTS) },
        { "a trustor without an id", ONE, "version: 1\ntrustors: {fabrikam: {}}\n",
          "t:2:12 'fabrikam' has no 'id' [" NO_ID "]\n" },
        { "what is up to the trustor", ONE,
          FABRIKAM "    roles: {}\n    enabled: true\n    expires: never\n    role_sets: []\n",
          "t:5:5 'roles' " THEIRS "t:6:5 'enabled' " THEIRS "t:7:5 'expires' " THEIRS
          "t:8:5 'role_sets' " THEIRS },
        { "a pairing request in a trustor", ONE, FABRIKAM "    pairing: auto\n",
          "t:5:5 'pairing' cannot be declared here [that is for `trustees`; here we are the ones who ask: "
          "write "
          "'request']\n" },
        { "a misspelt key of a trustor is not one that it cannot have", ONE, FABRIKAM "    expire: never\n",
          "t:5:5 unknown key 'expire'\n" },
        { "roles of our users at a trustor", ONE,
          FABRIKAM "    users: {a@b.c: {roles: {}}}\n    groups: {}\n",
          "t:5:12 'users' has to be a list of users, not a map [" ROLES_THEIRS "]\n"
          "t:6:13 'groups' has to be a list of groups, not a map [" ROLES_THEIRS "]\n" },
        { "users of a trustor without a list", ONE, FABRIKAM "    users: a@b.c\n    groups:\n",
          "t:5:12 'users' has to be a list of users, not text [" NO_LIST "]\n"
          "t:6:5 'groups'" NO_VALUE("a list of groups", NO_LIST) },
        { "users of a trustor that are none", ONE, FABRIKAM "    users: [jane, a@b.c, A@b.c]\n",
          "t:5:13 " NO_USER("jane") "t:5:26 the user 'A@b.c' is declared twice: also at t:5 [keep one of "
                                    "them]\n" },
        { "a group of a trustor twice", ONE, FABRIKAM "    groups: [Tier 2, tier 2, 'Tier 2']\n",
          "t:5:30 the group 'Tier 2' is declared twice: also at t:5 [keep one of them]\n" },
        { "too many users of a trustor", ONE, FABRIKAM "    users: [a@b.c, b@b.c, c@b.c, d@b.c]\n",
          "t:5:5 4 users in the trust 'fabrikam', and 3 are allowed (users_per_trust) [it is the platform's "
          "own "
          "limit; raise it in the settings only when yours is higher]\n" },
        { "a request for nobody", ONE, FABRIKAM "    request: {users: [], groups: []}\n",
          "t:5:5 a pairing request needs somebody who wants to come in [list at least one under 'users' or "
          "'groups']\n" },
        { "a request with what it has not", ONE, FABRIKAM "    request: {users: {a@b.c: {}}, clones: []}\n",
          "t:5:22 'users' has to be a list of users, not a map [" ROLES_THEIRS "]\n"
          "t:5:35 unknown key 'clones'\n" },
        { "a request that is a word", ONE, FABRIKAM "    request: open\n",
          "t:5:14 'request' has to be a map (`key: value`), not text [list at least one under 'users' or "
          "'groups']\n" },
        { "a trustor twice", ONE, FABRIKAM "  other: {id: " FABRIKAM_ID "}\n",
          "t:5:15 the organization '" FABRIKAM_ID "' is declared twice: also at t:3 [keep one of them]\n" },
        { "the organization itself as a trustor", ONE, "version: 1\ntrustors: {me: {id: " ACME_ID "}}\n",
          "t:2:21 this is the id of 'acme' itself: no organization trusts itself\n" },

        /* customer care */
        { "customer care without a value", ONE, "version: 1\ncustomer_care:\n",
          "t:2:1 'customer_care'" NO_MAP(NO_KEYS) },
        { "customer care without a state", ONE, "version: 1\ncustomer_care: {auto_expire: true}\n",
          "t:2:1 'customer_care' has no 'state'\n" },
        { "customer care that is a word", ONE, "version: 1\ncustomer_care: present\n",
          "t:2:16 'customer_care' has to be a map (`key: value`), not text [" NO_KEYS "]\n" },
        { "options of customer care that are none", ONE,
          "version: 1\ncustomer_care: {state: here, assign_default_role: 'true', auto_expire: 30d, users: "
          "{}}\n",
          "t:2:24 " NO_STATE("here") "\n"
                                     "t:2:51 'assign_default_role' has to be true or false, not 'true' "
                                     "[write true or false, without "
                                     "quotes]\n"
                                     "t:2:72 'auto_expire' has to be true or false, not '30d' [write true or "
                                     "false, without quotes]\n"
                                     "t:2:77 unknown key 'users'\n" },

        /* roles */
        { "roles without a value", ONE, JANE "        roles:\n", "t:7:9 'roles'" NO_MAP(NO_ROLES) },
        { "roles as a list", ONE, JANE "        roles: [Admin]\n",
          "t:7:16 'roles' has to be a map (`key: value`), not a list [" NO_ROLES "]\n" },
        { "a role without divisions", ONE, JANE "        roles:\n          Admin:\n",
          "t:8:11 'Admin'" NO_VALUE("`all` or a list of divisions",
                                    "write `all`, or a list of divisions: [Home]") },
        { "a division without a list", ONE, JANE "        roles: {Admin: Sales}\n",
          "t:7:24 'Admin' has to be `all` or a list of divisions, not 'Sales' [write `all`, or a list: "
          "[Sales]]\n" },
        { "divisions as a map", ONE, JANE "        roles: {Admin: {Sales: all}}\n",
          "t:7:24 'Admin' has to be `all` or a list of divisions, not a map [write `all`, or a list of "
          "divisions: [Home]]\n" },
        { "all in capitals", ONE, JANE "        roles: {Admin: ALL}\n",
          "t:7:24 'Admin' has to be `all` or a list of divisions, not 'ALL' [write `all`, or a list: "
          "[ALL]]\n" },
        { "a division called all", ONE, JANE "        roles: {Admin: [Sales, all]}\n",
          "t:7:32 a division called 'all' cannot be named [for all divisions write `all` instead of the "
          "list; name the "
          "division by its id]\n" },
        { "a division that is a number", ONE,
          JANE "        roles: {Admin: [1.10, 0x1f, 12:30, 2027-01-01, null]}\n",
          "t:7:25 1.10 without quotes is a number in YAML, where text is due [write it in quotes: \"1.10\"]\n"
          "t:7:31 0x1f without quotes is a number in YAML, where text is due [write it in quotes: \"0x1f\"]\n"
          "t:7:37 12:30 without quotes is a number in YAML, where text is due [write it in quotes: "
          "\"12:30\"]\n"
          "t:7:44 2027-01-01 without quotes is a date in YAML, where text is due [write it in quotes: "
          "\"2027-01-01\"]\n"
          "t:7:56 null without quotes is null in YAML, where text is due [write it in quotes: \"null\"]\n" },
        { "text that begins like a number", ONE,
          JANE "        roles: {Admin: [1st, 24/7, 1.2.3, 0xyz, -, a-b, 2027, .5, +1, .nan, e3]}\n",
          "t:7:49 this character alone is not text [put it in quotes]\n"
          "t:7:57 2027 without quotes is a number in YAML, where text is due [write it in quotes: \"2027\"]\n"
          "t:7:63 .5 without quotes is a number in YAML, where text is due [write it in quotes: \".5\"]\n"
          "t:7:67 +1 without quotes is a number in YAML, where text is due [write it in quotes: \"+1\"]\n"
          "t:7:71 .nan without quotes is a number in YAML, where text is due [write it in quotes: "
          "\".nan\"]\n" },
        { "a role that is a boolean", ONE, JANE "        roles: {Off: all}\n",
          "t:7:17 Off without quotes is a boolean in YAML, where text is due [write it in quotes: "
          "\"Off\"]\n" },
        { "a division twice", ONE, JANE "        roles: {Admin: [Sales, 'Sales']}\n",
          "t:7:32 the division 'Sales' is listed twice\n" },
        { "an empty division", ONE, JANE "        roles: {Admin: ['']}\n", "t:7:25 this is empty\n" },

        /* role sets */
        { "role sets without a value", ONE, "version: 1\nrole_sets:\n",
          "t:2:1 'role_sets'" NO_MAP("name each set on a line below it, indented more; {} for none") },
        { "a role set without a value", ONE, "version: 1\nrole_sets:\n  a:\n", "t:3:3 'a'" NO_MAP(NO_ROLES) },
        { "a role set of role sets", ONE, "version: 1\nrole_sets: {a: [b]}\n",
          "t:2:16 'a' has to be a map (`key: value`), not a list [" NO_ROLES "]\n" },
        { "a user's role sets without a value", ONE, JANE "        role_sets:\n",
          "t:7:9 'role_sets'" NO_VALUE("a list of role sets",
                                       "write their names in brackets, as in [tier1]; [] for none") },
        { "a user's role sets without a list", ONE, JANE "        role_sets: tier1\n",
          "t:7:20 'role_sets' has to be a list of role sets, not text [write their names in brackets, as in "
          "[tier1]; [] for none]\n" },
        { "an unknown role set", ONE, JANE "        role_sets: [tier2]\nrole_sets: {tier1: {}, other: {}}\n",
          "t:7:21 no file of 'acme' has a role set 'tier2' [did you mean 'tier1'?]\n" },
        { "a role set in other letters", ONE, JANE "        role_sets: [Tier1]\nrole_sets: {tier1: {}}\n",
          "t:7:21 no file of 'acme' has a role set 'Tier1' [did you mean 'tier1'?]\n" },
        { "a role set where there are none", ONE, JANE "        role_sets: [tier1]\n",
          "t:7:21 no file of 'acme' has a role set 'tier1'\n" },
        { "a role set twice", ONE, JANE "        role_sets: [a, b, a]\nrole_sets: {a: {}, b: {}}\n",
          "t:7:27 the role set 'a' is listed twice\n" },
        { "faults of several kinds", ONE,
          CONTOSO "    users: &x\n      a@b.c: {}\n    enabled: maybe\n    stat: present\n",
          "t:5:12 anchors are not allowed [quote text that begins with '&']\n"
          "t:7:14 'enabled' has to be true or false, not 'maybe' [write true or false, without quotes]\n"
          "t:8:5 unknown key 'stat' [did you mean 'state'?]\n" },
};

START_TEST(test_wildcards_and_blanks)
{
        static const struct {
                const char *text, *faults;
        } rows[] = {
                { CONTOSO "    users:\n      jane@contoso.example: {}\n      '*@contoso.example': {}\n",
                  "t/a.yaml:7:7 '*@contoso.example' has a wildcard, and wildcards are not expanded [name "
                  "each one]\n" },
                { CONTOSO "    users: {'?nn@contoso.example': {}}\n",
                  "t/a.yaml:5:13 '?nn@contoso.example' has a wildcard, and wildcards are not expanded [name "
                  "each one]\n" },
                { FABRIKAM "    users: ['*']\n",
                  "t/a.yaml:5:13 '*' has a wildcard, and wildcards are not expanded [name each one]\n" },
                { FABRIKAM "    groups: ['Tier *']\n",
                  "t/a.yaml:5:14 'Tier *' has a wildcard, and wildcards are not expanded [name each one]\n" },
                { CONTOSO "    groups: {'Tier *': {id: " JANE_ID "}}\n", "" },
                { "version: 1\nrole_sets: {a: {'*': all}}\n",
                  "t/a.yaml:2:17 '*' has a wildcard, and wildcards are not expanded [name each one]\n" },
                { "version: 1\nrole_sets: {a: {Admin: ['*']}}\n",
                  "t/a.yaml:2:25 wildcards are not expanded [for all divisions write `all` instead of the "
                  "list]\n" },
                { "version: 1 # \xef\xb8\x8f\n",
                  "t/a.yaml:1:14 a control character, or one that cannot be seen [remove it]\n" },
                { "version: 1 # \xe2\xa0\x80\n",
                  "t/a.yaml:1:14 a control character, or one that cannot be seen [remove it]\n" },
                { "version: 1 # \xc2\xa0\n",
                  "t/a.yaml:1:14 a control character, or one that cannot be seen [remove it]\n" },
        };

        for (size_t i = 0; i < TS_N_ELEMENTS(rows); i++) {
                TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
                TS_CLEANUP(ts_declarations_freep) struct ts_declarations *d = NULL;
                TS_CLEANUP(ts_freep) char *got = NULL;

                write_file("t/a.yaml", rows[i].text);
                (void) load("t", ONE, &faults, &d);
                got = faults_text(&faults);
                assert_text(rows[i].text, got, rows[i].faults);
        }
}
END_TEST

START_TEST(test_declarations_faults)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *d = NULL;
        TS_CLEANUP(ts_freep) char *got = NULL;
        int r;

        write_file("t", declarations_fault_cases[_i].text);
        r = load("t", declarations_fault_cases[_i].known, &faults, &d);
        got = faults_text(&faults);
        assert_text(declarations_fault_cases[_i].name, got, declarations_fault_cases[_i].faults);
        ck_assert_int_eq(r, faults.n_errors > 0 ? -EINVAL : 0);
        ck_assert((d == NULL) == (r < 0));
        ck_assert_uint_eq(faults.n_of[TS_FAULT_DECLARATIONS], faults.n);
}
END_TEST

#define FOREIGN \
        "this is no file of declarations; nothing of it is shown, as a link out of the directory leads to " \
        "it [remove " \
        "the symbolic link, or correct the file it leads to]\n"
#define NOT_CHECKED_OUT \
        "a git submodule that is not checked out: this looks like a failed checkout, nothing is changed " \
        "[run `git " \
        "submodule update --init`, or remove the submodule from .gitmodules]\n"
#define EMPTY \
        "an empty directory, and git keeps none [was something to be checked out or mounted there? else " \
        "remove it]\n"

static const struct {
        const char *name, *files, *faults;
        int r;
} files_cases[] = {
        { "no such path", "", "t " REFUSED("there is no such file or directory"), -ENOENT },
        { "a link to nowhere", "=> t nowhere\n", "t " REFUSED("there is no such file or directory"),
          -ENOENT },
        { "an empty directory", "=d t\n", "t " REFUSED("the directory holds no *.yaml"), -ENOENT },
        { "only hidden files", "== t/.a.yaml\nversion: 1\n", "t " REFUSED("the directory holds no *.yaml"),
          -ENOENT },
        { "names of another kind", "== t/a.yaml\nversion: 1\n== t/b.yml\n== t/sub/c.YAML\n== t/d.Yml\n",
          "t/b.yml the name of a declaration ends in .yaml [rename it; or hide it with a dot in front of its "
          "name]\n"
          "t/d.Yml the name of a declaration ends in .yaml [rename it; or hide it with a dot in front of its "
          "name]\n"
          "t/sub/c.YAML the name of a declaration ends in .yaml [rename it; or hide it with a dot in front "
          "of its "
          "name]\n",
          -EINVAL },
        { "only names of another kind", "== t/b.yml\nversion: 1\n",
          "t/b.yml the name of a declaration ends in .yaml [rename it; or hide it with a dot in front of its "
          "name]\n",
          -EINVAL },
        { "a link to nowhere in the directory",
          "== t/a.yaml\nversion: 1\n=> t/b.yaml nowhere\n=> t/c nowhere\n",
          "t/b.yaml cannot find out what this is: No such file or directory\n"
          "t/c cannot find out what this is: No such file or directory\n",
          -EINVAL },
        { "a device", "== t/a.yaml\nversion: 1\n=> t/b.yaml /dev/null\n",
          "t/b.yaml this is not a regular file\n", -EINVAL },
        { "a link round in a circle", "== t/a.yaml\nversion: 1\n=> t/sub/up ..\n",
          "t/sub/up this directory holds itself [remove the symbolic link]\n", -EINVAL },
        { "too deep", "== t/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/a.yaml\nversion: 1\n",
          "t/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7 too many directories inside each other\n", -EINVAL },
        { "faults in every file",
          "== t/b.yaml\nversion: 1\nx: 1\n== t/a.yaml\n== t/c/d.yaml\nversion: 1\ntrustees: [\n== t/e.yml\n",
          "t/a.yaml the file is empty [begin it with `version: 1`]\n"
          "t/b.yaml:2:1 unknown key 'x'\n"
          "t/c/d.yaml:3:1 a value is missing before this [quote text that begins with this character]\n"
          "t/e.yml the name of a declaration ends in .yaml [rename it; or hide it with a dot in front of its "
          "name]\n",
          -EINVAL },
        { "a trust in two files",
          "== t/a.yaml\nversion: 1\ntrustees:\n  contoso:\n    id: " CONTOSO_ID "\n"
          "== t/b/c.yaml\nversion: 1\ntrustees:\n  contoso:\n    id: " FABRIKAM_ID "\n",
          "t/b/c.yaml:3:3 the trust 'contoso' is declared twice: also at t/a.yaml:3 [keep one of them]\n",
          -EINVAL },
        { "a trustor in two files",
          "== t/a.yaml\nversion: 1\ntrustors:\n  contoso:\n    id: " CONTOSO_ID "\n"
          "== t/b.yaml\nversion: 1\ntrustors:\n  other:\n    id: " CONTOSO_ID "\n",
          "t/b.yaml:4:9 the organization '" CONTOSO_ID "' is declared twice: also at t/a.yaml:3 [keep one of "
          "them]\n",
          -EINVAL },
        { "customer care in two files",
          "== t/a.yaml\nversion: 1\ncustomer_care: {state: present}\n"
          "== t/b.yaml\nversion: 1\ncustomer_care: {state: present}\n",
          "t/b.yaml:2:1 the section 'customer_care' is declared twice: also at t/a.yaml:2 [keep one of "
          "them]\n",
          -EINVAL },
        { "a pairing request in two files",
          "== t/a.yaml\nversion: 1\ntrustees: {contoso: {id: " CONTOSO_ID ", pairing: " JANE_ID "}}\n"
          "== t/b.yaml\nversion: 1\ntrustees: {fabrikam: {id: " FABRIKAM_ID ", pairing: " JANE_ID "}}\n",
          "t/b.yaml:2:74 the pairing request '" JANE_ID
          "' is declared twice: also at t/a.yaml:2 [keep one of "
          "them]\n",
          -EINVAL },
        { "a role set in two files",
          "== t/a.yaml\nversion: 1\nrole_sets: {tier1: {}}\n== t/b.yaml\nversion: 1\nrole_sets: {tier1: "
          "{}}\n",
          "t/b.yaml:2:13 the role set 'tier1' is declared twice: also at t/a.yaml:2 [keep one of them]\n",
          -EINVAL },
        { "one file by two names", "== t/a.yaml\nversion: 1\nrole_sets: {tier1: {}}\n=> t/b.yaml a.yaml\n",
          "t/b.yaml:2:13 the role set 'tier1' is declared twice: also at t/a.yaml:2 [keep one of them]\n",
          -EINVAL },
        { "a link to a directory that is read already", "== t/a/b.yaml\nversion: 1\n=> t/z a\n",
          "t/z this directory is read already, as t/a [remove the symbolic link, or the mount]\n", -EINVAL },
        { "two links to what holds them", "== t/a.yaml\nversion: 1\n=> t/d/a .\n=> t/d/b .\n=> t/up ..\n",
          "t/d/a this directory holds itself [remove the symbolic link]\n"
          "t/d/b this directory holds itself [remove the symbolic link]\n"
          "t/up this directory holds itself [remove the symbolic link]\n",
          -EINVAL },
        { "a link out of a directory behind a link",
          "== t/a.yaml\nversion: 1\n=> t/x ../x\n=> x/y ../y\n== y/b.yaml\nversion: 1\n",
          "t/x/y a link that is not followed: it leads out of a directory that is reached through a link "
          "itself [remove "
          "the symbolic link]\n",
          -EINVAL },
        { "a link into the kernel's file systems",
          "== t/a.yaml\nversion: 1\n=> t/b.yaml /proc/self/io\n=> t/c /proc/self\n=> t/d /dev\n",
          "t/b.yaml a link that is not followed: it is in a file system of the kernel [remove the symbolic "
          "link]\n"
          "t/c a link that is not followed: it is in a file system of the kernel [remove the symbolic link]\n"
          "t/d a link that is not followed: it is in a file system of the kernel [remove the symbolic "
          "link]\n",
          -EINVAL },
        { "a link to git's own", "== t/a.yaml\nversion: 1\n== t/.git/config\nx\n=> t/b.yaml .git/config\n",
          "t/b.yaml a link that is not followed: it is git's own [remove the symbolic link]\n", -EINVAL },
        { "links into the places of secrets",
          "== t/a.yaml\nversion: 1\n== cred/x\nhunter2\n=> t/b.yaml ../cred/x\n=> t/c ../cred\n== "
          "state/s\nx\n"
          "=> t/d.yaml ../state/s\n",
          "t/b.yaml a link that is not followed: credentials or the daemon's state are there [remove the "
          "symbolic "
          "link]\n"
          "t/c a link that is not followed: credentials or the daemon's state are there [remove the symbolic "
          "link]\n"
          "t/d.yaml a link that is not followed: credentials or the daemon's state are there [remove the "
          "symbolic "
          "link]\n",
          -EINVAL },
        { "a link to what is no declaration",
          "== t/a.yaml\nversion: 1\n== x\nuser: hunter2\n=> t/b.yaml ../x\n", "t/b.yaml:1:1 " FOREIGN,
          -EINVAL },
        { "a link to what is no YAML",
          "== t/a.yaml\nversion: 1\n== x\n[hunter2: *hunter2\n=> t/b.yaml ../x\n",
          "t/b.yaml:1:11 " FOREIGN "t/b.yaml:2:1 " FOREIGN, -EINVAL },
        { "a link to a declaration out of the directory",
          "== t/a.yaml\nversion: 1\n== x\nversion: 1\nrolse: {}\n=> t/b.yaml ../x\n",
          "t/b.yaml:2:1 unknown key 'rolse'\n", -EINVAL },
        { "a name of another kind behind a link", "== t/a.yaml\nversion: 1\n=> t/b.YAML a.yaml\n",
          "t/b.YAML the name of a declaration ends in .yaml [rename it; or hide it with a dot in front of "
          "its name]\n",
          -EINVAL },
        { "a submodule that is not checked out",
          "== r/.git/HEAD\nx\n== r/.gitmodules\n[submodule \"p\"]\n\tpath = t/p\n\turl = x\n== "
          "r/t/a.yaml\nversion: 1\n"
          "=d r/t/p\n=> t r/t\n",
          "t/p " NOT_CHECKED_OUT "t/p warning: " EMPTY, -ENOENT },
        { "a submodule that is missing",
          "== t/.gitmodules\n[submodule \"p\"]\n path=\"p\" # x\n[submodule \"q\"]\npath = ../q\n== "
          "t/a.yaml\nversion: 1\n",
          "t/p " NOT_CHECKED_OUT, -ENOENT },
        { "a submodule that holds its .git alone",
          "== t/.git/HEAD\nx\n== t/.gitmodules\n[submodule \"p\"]\npath = p\n== t/a.yaml\nversion: 1\n== "
          "t/p/.git\nx\n",
          "t/p " NOT_CHECKED_OUT, -ENOENT },
        { "a submodule of a submodule",
          "== t/.git/HEAD\nx\n== t/.gitmodules\n[submodule \"p\"]\npath = p\n== t/p/a.yaml\nversion: 1\n== "
          "t/p/.gitmodules\n"
          "path = q\n",
          "t/p/q " NOT_CHECKED_OUT, -ENOENT },
        { "a name that is not for the eye", "== t/a\x1b.yaml\nversion: 2\n",
          "t/a\x1b.yaml:1:10 this program reads version 1 [write `version: 1`]\n", -EINVAL },
};

START_TEST(test_declarations_files)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *d = NULL;
        TS_CLEANUP(ts_freep) char *got = NULL;

        make_files(files_cases[_i].files);
        ck_assert_int_eq(load("t/", ONE, &faults, &d), files_cases[_i].r);
        ck_assert_ptr_null(d);
        got = faults_text(&faults);
        assert_text(files_cases[_i].name, got, files_cases[_i].faults);
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
        void (*make)(void);
        const char *fault; /* the only one; its beginning */
} limit_cases[] = {
        { make_many_files, "t/10000.yaml too many files" },
        { make_many_folders, "t/04095 too many directories" },
        { make_many_objects, "t/a.yaml:2:" },
        { make_many_grants, "t/d.yaml:2:" },
        { make_many_bytes, "t/00032.yaml all files together are larger than 32 MiB" },
};

START_TEST(test_declarations_limits)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *d = NULL;
        TS_CLEANUP(ts_freep) char *got = NULL;

        ck_assert_int_eq(mkdir("t", 0755), 0);
        limit_cases[_i].make();
        ck_assert_int_eq(load("t", ONE, &faults, &d), -EINVAL);
        got = faults_text(&faults);
        ck_assert_msg(faults.n == 1 &&
                                      strncmp(got, limit_cases[_i].fault, strlen(limit_cases[_i].fault)) == 0,
                      "%d: %.1000s", _i, got);
}
END_TEST

START_TEST(test_declarations_misnamed_file)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *d = NULL;
        TS_CLEANUP(ts_freep) char *got = NULL;

        write_file("trusts.yml", "version: 1\n");
        ck_assert_int_eq(load("trusts.yml", ONE, &faults, &d), -EINVAL);
        got = faults_text(&faults);
        assert_text("the path itself", got,
                    "trusts.yml the name of a declaration ends in .yaml [rename it]\n");
}
END_TEST

START_TEST(test_declarations_unreadable)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *d = NULL;
        TS_CLEANUP(ts_freep) char *got = NULL;

        if (geteuid() == 0)
                return; /* nothing is closed to root */
        make_files("== t/a.yaml\nversion: 1\n== t/b.yaml\nversion: 1\n== t/sub/c.yaml\nversion: 1\n");
        ck_assert_int_eq(chmod("t/b.yaml", 0), 0);
        ck_assert_int_eq(chmod("t/sub", 0), 0);
        ck_assert_int_eq(load("t", ONE, &faults, &d), -EINVAL);
        ck_assert_int_eq(chmod("t/sub", 0755), 0);
        got = faults_text(&faults);
        assert_text("closed", got,
                    "t/b.yaml cannot read it: Permission denied\n"
                    "t/sub cannot read the directory: Permission denied\n");
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
        assert_text("two faults", ts_buf_text(&out),
                    "t/contoso.yaml:7:21: error: no file of 'acme' has a role set 'tier2'\n"
                    "     7 |         role_sets: [tier2]\n"
                    "       |                     ^\n"
                    "       hint: did you mean 'tier1'?\n"
                    "t/contoso.yaml:8:9: error: unknown key 'rolse'\n"
                    "     8 |         rolse: {}\n"
                    "       |         ^\n"
                    "       hint: did you mean 'roles'?\n");
}
END_TEST

/* ------------------------------------------------------------------------------------------------ exports */

#define EXPORT \
        "version: 1\norganization: acme\nexported:\n  time: 2026-12-01T08:00:00Z\n  organization: " ACME_ID \
        "\n" \
        "  names_complete: true\n  care_known: true\n" /* the next line is 8 */
#define NOTHING "  roles: []\n  divisions: []\n  trusts: []\n  members: []\n"
#define NO_EXPORT "this is not an export: it has no 'exported' [`trustsyncd --export` makes one]\n"

static const struct {
        const char *name, *text, *faults; /* the file is called t */
} export_fault_cases[] = {
        { "nothing but what it has to say", EXPORT NOTHING, "" },
        { "declarations", "version: 1\norganization: acme\ntrustees: {}\n", "t " NO_EXPORT },
        { "an empty file", "", "t the file is empty [begin it with `version: 1`]\n" },
        { "no organization", "version: 1\nexported: {}\n",
          "t:1:1 the file has no 'organization' [for example `organization: acme`]\n" },
        { "an empty section", "version: 1\norganization: acme\nexported: {}\n",
          "t:3:1 'exported' has no 'time'\nt:3:1 'exported' has no 'organization'\n"
          "t:3:1 'exported' has no 'names_complete'\nt:3:1 'exported' has no 'care_known'\n"
          "t:3:1 'exported' has no 'roles'\nt:3:1 'exported' has no 'divisions'\n"
          "t:3:1 'exported' has no 'trusts'\nt:3:1 'exported' has no 'members'\n" },
        { "a section without a value", "version: 1\norganization: acme\nexported:\n",
          "t:3:1 'exported'" NO_MAP(NO_KEYS) },
        { "a time without an end",
          "version: 1\norganization: acme\nexported:\n  time: never\n  organization: " ACME_ID "\n"
          "  names_complete: true\n  care_known: yes\n" NOTHING,
          "t:4:9 'never' is not a time [write it as in 2027-06-30T00:00:00Z, or leave the key out]\n"
          "t:7:15 'care_known' has to be true or false, not 'yes' [write true or false, without quotes]\n" },
        { "names that are none",
          EXPORT "  trusts: []\n  members: []\n  divisions: {}\n  roles:\n    - Admin\n"
                 "    - {name: Admin}\n    - {id: " JANE_ID ", name: 007}\n",
          "t:10:14 'divisions' has to be a list of ids and names, not a map [" HOW_TO_EXPORT "]\n"
          "t:12:7 this has to be a map (`key: value`), not text [" NO_KEYS "]\n"
          "t:13:7 this has no 'id'\n"
          "t:14:56 007 without quotes is a number in YAML, where text is due [write it in quotes: "
          "\"007\"]\n" },
        { "an id twice",
          EXPORT "  trusts: []\n  members: [{id: " JANE_ID "}, {id: " JANE_ID
                 "}]\n  roles: []\n  divisions:\n"
                 "    - {id: " JANE_ID "}\n    - {id: " JANE_ID "}\n",
          "t:9:57 the id " JANE_ID " is listed twice\nt:13:7 the id " JANE_ID " is listed twice\n" },
        { "trusts that are none",
          EXPORT "  members: []\n  roles: []\n  divisions: []\n  trusts:\n"
                 "    - {id: " CONTOSO_ID "}\n"
                 "    - {id: " CONTOSO_ID ", direction: both, customer_care: 1, expires: 2027-01-01}\n"
                 "    - {id: " FABRIKAM_ID
                 ", direction: trustee, users: {}, groups: [Tier 2], clones: [" JANE_ID ", " JANE_ID "]}\n"
                 "    - {id: " FABRIKAM_ID ", direction: trustor}\n"
                 "    - {id: " FABRIKAM_ID ", direction: trustor}\n",
          "t:12:7 this has no 'direction'\n"
          "t:13:7 the id " CONTOSO_ID " is listed twice\n"
          "t:13:61 'direction' has to be 'trustee' or 'trustor', not 'both'\n"
          "t:13:82 'customer_care' has to be true or false, not '1' [write true or false, without quotes]\n"
          "t:13:94 'expires' has to be a whole time, not '2027-01-01' [write the time of day and the zone "
          "too, as "
          "in 2027-06-30T00:00:00Z]\n"
          "t:14:77 'users' has to be a list of ids, not a map [" HOW_TO_EXPORT "]\n"
          "t:14:90 'Tier 2' is not an id " ID_HINT "\n"
          "t:14:146 the id " JANE_ID " is listed twice\n"
          "t:16:7 the id " FABRIKAM_ID " is listed twice\n" },
        { "an unknown key", EXPORT NOTHING "  user: []\n",
          "t:12:3 unknown key 'user' [did you mean 'users'?]\n" },
        { "faults of a declaration", EXPORT NOTHING "trustees: {contoso: {}}\n",
          "t:12:12 'contoso' has no 'id' [" NO_ID "]\n" },
        { "more than may be declared",
          EXPORT NOTHING "trustees:\n  contoso:\n    id: " CONTOSO_ID "\n"
                         "    clones: [a@b.c, b@b.c, c@b.c, d@b.c, e@b.c, f@b.c]\n",
          "" },
};

START_TEST(test_export_faults)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *d = NULL;
        TS_CLEANUP(ts_freep) char *got = NULL;
        struct ts_exported exported;
        int r;

        write_file("t", export_fault_cases[_i].text);
        r = ts_exported_load("t", &faults, &d, &exported);
        got = faults_text(&faults);
        assert_text(export_fault_cases[_i].name, got, export_fault_cases[_i].faults);
        ck_assert_int_eq(r, faults.n > 0 ? -EINVAL : 0);
        ck_assert((d == NULL) == (r < 0));
}
END_TEST

START_TEST(test_export_unreadable)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *d = NULL;
        TS_CLEANUP(ts_freep) char *got = NULL;
        struct ts_exported exported;

        ck_assert_int_eq(ts_exported_load("nowhere", &faults, &d, &exported), -EINVAL);
        ck_assert_ptr_null(d);
        got = faults_text(&faults);
        assert_text("nowhere", got, "nowhere cannot read it: No such file or directory\n");
}
END_TEST

/* A whole organization in one file is larger than what people write, and has its end too. */
START_TEST(test_export_size)
{
        static const size_t sizes[] = { TS_YAML_MAX_BYTES + 1, TS_EXPORT_MAX_BYTES, TS_EXPORT_MAX_BYTES + 1 };
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *d = NULL;
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(2 * TS_EXPORT_MAX_BYTES);
        TS_CLEANUP(ts_freep) char *got = NULL;
        bool fits = sizes[_i] <= TS_EXPORT_MAX_BYTES;
        struct ts_exported exported;

        ts_buf_puts(&text, EXPORT NOTHING "#");
        while (text.len < sizes[_i])
                ts_buf_putc(&text, 'x');
        write_bytes("t", ts_buf_text(&text), text.len);
        ck_assert_int_eq(ts_exported_load("t", &faults, &d, &exported), fits ? 0 : -EINVAL);
        got = faults_text(&faults);
        assert_text("its size", got,
                    fits ? "" : "t the file is larger than 16 MiB [plan with the API instead]\n");
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
        wrong = faults_text(&faults);
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
        const char *message; /* a part */
} secret_cases[] = {
        { "a credential", "credential:acme", false, "== cred/acme\nhunter2\n", 0, "hunter2", 0, NULL },
        { "a credential without a newline", "credential:acme", false, "== cred/acme\nhunter2", 0, "hunter2",
          0, NULL },
        { "a credential with a prefix", "credential:acme", false, "== cred/client_acme\nhunter2\n", 0,
          "hunter2", 0, NULL },
        { "the plain name first", "credential:acme", false, "== cred/client_acme\nx\n== cred/acme\nhunter2\n",
          0, "hunter2", 0, NULL },
        { "blanks and letters beyond ASCII", "credential:acme", false, "== cred/acme\n hünter 2 \n", 0,
          " hünter 2 ", 0, NULL },
        { "no directory", "credential:acme", true, "", 0, NULL, -ENXIO, "$CREDENTIALS_DIRECTORY is not set" },
        { "no such credential", "credential:acme", false, "=d cred\n", 0, NULL, -ENOENT,
          "cred holds neither 'acme' nor 'client_acme'; put the secret into the file 'acme' of" },
        { "an empty credential", "credential:acme", false, "== cred/acme\n\n", 0, NULL, -ENODATA,
          "it is empty" },
        { "two lines", "credential:acme", false, "== cred/acme\nhunter2\n\n", 0, NULL, -EINVAL,
          "second line" },
        { "a Windows line end", "credential:acme", false, "== cred/acme\nhunter2\r\n", 0, NULL, -EINVAL,
          "control character" },
        { "a credential that is a directory", "credential:acme", false, "=d cred/acme\n", 0, NULL, -EINVAL,
          "not a regular file" },
        { "a file", "file:secret", false, "== secret\nhunter2\n", 0600, "hunter2", 0, NULL },
        { "a file only to read", "file:secret", false, "== secret\nhunter2\n", 0400, "hunter2", 0, NULL },
        { "a file that the group can read", "file:secret", false, "== secret\nhunter2\n", 0640, NULL, -EPERM,
          "group or others can access it (mode 640); chmod 600 it" },
        { "a file that others can write", "file:secret", false, "== secret\nhunter2\n", 0602, NULL, -EPERM,
          "(mode 602)" },
        { "no file", "file:secret", false, "", 0, NULL, -ENOENT, "No such file or directory" },
        { "a directory", "file:secret", false, "=d secret\n", 0, NULL, -EINVAL, "not a regular file" },
        { "a device", "file:secret", false, "=> secret /dev/zero\n", 0, NULL, -EINVAL, "not a regular file" },
        { "a secret in plain", "hunter2", false, "", 0, NULL, -EINVAL,
          "neither credential:NAME nor file:/path" },
        { "a credential with a path", "credential:../secret", false, "== secret\nx\n", 0, NULL, -EINVAL,
          "neither" },
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
        ck_assert_msg(strstr(err.msg, secret_cases[_i].message) && !strstr(err.msg, "hunter2"), "%s: %s",
                      secret_cases[_i].name, err.msg);
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
        ck_assert_msg(strstr(err.msg, "longer than 4096 bytes"), "%s", err.msg);
}
END_TEST

/* ----------------------------------------------------------------------------------------------- fixtures */

/* A faulty file of each owner, whole, as the user gets to see what is wrong with it. */
START_TEST(test_fixtures)
{
        static const char *const names[] = { "settings", "declarations" };
        const char *source = TS_TEST_SOURCE_DIR "/tests/fixtures/config";
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_settings_freep) struct ts_settings *s = NULL;
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *d = NULL;
        TS_CLEANUP(ts_buf_done)
        struct ts_buf out = TS_BUF_INIT(1u << 20), expected_text = TS_BUF_INIT(1u << 20);
        char path[512];
        int r;

        ck_assert_int_eq(chdir(source), 0);
        r = _i == 0 ? ts_settings_load("settings.yaml", &faults, &s)
                    : load("declarations.yaml", ONE, &faults, &d);
        ck_assert_int_eq(r, -EINVAL);
        ts_faults_print(&faults, false, &out);
        (void) snprintf(path, sizeof(path), "%s.faults", names[_i]);
        if (getenv("TS_REWRITE_GOLDEN"))
                write_bytes(path, ts_buf_text(&out), out.len);
        ck_assert_int_eq(ts_file_read(AT_FDCWD, path, &expected_text, NULL), 0);
        assert_text(names[_i], ts_buf_text(&out), ts_buf_text(&expected_text));
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
