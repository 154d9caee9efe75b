#include "cli/check.h"

#include "cli/output.h"
#include "json/writer.h"
#include "reconcile/cycle.h"
#include "util/log.h"

#define FORMAT_VERSION 1

#define UNNAMED \
        "no file of the declarations names the organization %s of the settings: refused; declare it " \
        "(`trustees: {}` for none), or leave it out with -o"

struct check {
        struct ts_cli_inputs *in;
        int status;
        size_t n_trusts, n_members;
};

/* An organization of the settings that no file names. */
static int check_named(struct ts_cli_inputs *in)
{
        int status = 0;

        for (size_t i = 0; i < in->settings->n_organizations; i++) {
                const char *alias = in->settings->organizations[i].alias;

                if (!ts_cli_inputs_is_selected(in, alias) || ts_declarations_find(in->declarations, alias))
                        continue;
                ts_faults_add(&in->faults, TS_FAULT_REFUSAL, &(struct ts_source){ 0 }, NULL, NULL, UNNAMED,
                              alias);
                ts_log(LOG_ERR, UNNAMED, alias);
                status = TS_EXIT_REFUSED;
        }
        return status;
}

static void count(struct check *c)
{
        const struct ts_declarations *d = c->in->declarations;

        for (size_t i = 0; d && i < d->n_organizations; i++)
                for (size_t t = 0; t < d->organizations[i].n_trusts; t++) {
                        c->n_trusts++;
                        for (enum ts_collection k = 0; k < TS_COLLECTIONS; k++)
                                c->n_members += d->organizations[i].trusts[t].collections[k].n;
                }
}

static void write_text(const struct check *c, struct ts_buf *out)
{
        const struct ts_declarations *d = c->in->declarations;
        struct ts_faults *f = &c->in->faults;

        ts_faults_print(f, false, out);
        if (c->status != 0) {
                ts_buf_printf(out, "Not valid: %zu error%s, %zu warning%s.\n", f->n_errors, TS_S(f->n_errors),
                              f->n_of[TS_FAULT_WARNING], TS_S(f->n_of[TS_FAULT_WARNING]));
                return;
        }
        ts_buf_printf(out, "Valid: %zu organization%s, %zu file%s, %zu trust%s, %zu member%s, revision %s.\n",
                      c->in->settings->n_organizations, TS_S(c->in->settings->n_organizations), d->n_files,
                      TS_S(d->n_files), c->n_trusts, TS_S(c->n_trusts), c->n_members, TS_S(c->n_members),
                      d->revision_text);
}

static void put_fault(struct ts_json_writer *w, const struct ts_fault *f)
{
        static const char *const classes[TS_FAULT_MAX_] = {
                [TS_FAULT_SETTINGS] = "settings",
                [TS_FAULT_DECLARATIONS] = "declarations",
                [TS_FAULT_REFUSAL] = "refusal",
                [TS_FAULT_WARNING] = "warning",
        };

        ts_json_open_object(w);
        ts_json_add_string(w, "severity", f->cls == TS_FAULT_WARNING ? "warning" : "error");
        ts_json_add_string(w, "class", classes[f->cls]);
        ts_json_add_string(w, "file", f->source.file);
        ts_json_add_int(w, "line", f->source.line);
        ts_json_add_int(w, "column", f->source.column);
        ts_json_add_string(w, "message", f->message);
        ts_json_add_string(w, "hint", f->hint);
        ts_json_close_object(w);
}

static void write_json(const struct check *c, struct ts_buf *out)
{
        struct ts_json_writer w = TS_JSON_WRITER_INIT(out, true);
        const struct ts_declarations *d = c->in->declarations;
        const struct ts_faults *f = &c->in->faults;

        ts_json_open_object(&w);
        ts_json_add_int(&w, "format_version", FORMAT_VERSION);
        ts_json_add_bool(&w, "valid", c->status == 0);
        ts_json_add_int(&w, "exit_status", c->status);
        ts_json_add_string(&w, "revision", d ? d->revision : NULL);
        ts_json_add_string(&w, "content_hash", d ? ts_digest_format(&d->content_hash).s : NULL);
        ts_json_add_int(&w, "organizations",
                        c->in->settings ? (int64_t) c->in->settings->n_organizations : 0);
        ts_json_add_int(&w, "files", d ? (int64_t) d->n_files : 0);
        ts_json_add_int(&w, "trusts", (int64_t) c->n_trusts);
        ts_json_add_int(&w, "members", (int64_t) c->n_members);
        ts_json_add_int(&w, "errors", (int64_t) f->n_errors);
        ts_json_add_int(&w, "warnings", (int64_t) f->n_of[TS_FAULT_WARNING]);
        ts_json_key(&w, "faults"); /* at most TS_FAULTS_MAX of them */
        ts_json_open_array(&w);
        for (size_t i = 0; i < f->n; i++)
                put_fault(&w, &f->items[i]);
        ts_json_close_array(&w);
        ts_json_close_object(&w);
        ts_buf_putc(out, '\n');
}

static void render(enum ts_format format, bool color, struct ts_buf *out, const void *userdata)
{
        (void) color;
        if (format == TS_FORMAT_JSON)
                write_json(userdata, out);
        else
                write_text(userdata, out);
}

int ts_check_run(struct ts_cli_inputs *in, int status)
{
        struct check c = { .in = in, .status = status == 0 ? check_named(in) : status };
        const struct ts_options *o = in->options;
        int r;

        count(&c);
        if (o->format == TS_FORMAT_TEXT && (c.status != 0 || o->quiet))
                r = ts_output_write_files(o, render, &c);
        else
                r = ts_output_write(o, render, &c);
        return r < 0 && c.status == 0 ? TS_EXIT_FAILURE : c.status;
}
