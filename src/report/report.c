#include "report/report.h"

#include <assert.h>
#include <string.h>

static const struct {
        const char *suffix;
        enum ts_format format;
} suffixes[] = {
        { ".txt", TS_FORMAT_TEXT },    { ".text", TS_FORMAT_TEXT },         { ".json", TS_FORMAT_JSON },
        { ".md", TS_FORMAT_MARKDOWN }, { ".markdown", TS_FORMAT_MARKDOWN }, { ".csv", TS_FORMAT_CSV },
        { ".html", TS_FORMAT_HTML },
};

enum ts_format ts_format_from_string(const char *s)
{
        static const char *const names[TS_FORMAT_MAX_] = {
                [TS_FORMAT_TEXT] = "text", [TS_FORMAT_JSON] = "json", [TS_FORMAT_MARKDOWN] = "markdown",
                [TS_FORMAT_CSV] = "csv",   [TS_FORMAT_HTML] = "html",
        };

        for (size_t i = 0; i < TS_N_ELEMENTS(names); i++)
                if (strcmp(s, names[i]) == 0)
                        return (enum ts_format) i;
        return TS_FORMAT_INVALID_;
}

enum ts_format ts_format_from_suffix(const char *path)
{
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
        size_t len = strlen(name);

        for (size_t i = 0; i < TS_N_ELEMENTS(suffixes); i++) {
                size_t n = strlen(suffixes[i].suffix);

                if (len > n && strcmp(name + len - n, suffixes[i].suffix) == 0)
                        return suffixes[i].format;
        }
        return TS_FORMAT_INVALID_;
}

/* Takes a planned change out of the counts again. */
static void summary_drop(struct ts_plan_summary *s, const struct ts_change *c)
{
        switch (ts_action_count(c->action)) {
        case TS_COUNT_ADD:
                s->add--;
                break;
        case TS_COUNT_CHANGE:
                s->change--;
                s->grants_add -= c->add.n;
                s->grants_remove -= c->remove.n;
                break;
        case TS_COUNT_REMOVE:
                s->remove--;
                break;
        }
}

struct ts_plan_summary ts_report_summarise_organization(const struct ts_report *r,
                                                        const struct ts_report_organization *o)
{
        struct ts_plan_summary s = { 0 };

        if (o->plan)
                s = ts_plan_summarise(o->plan);
        for (size_t i = 0; r->applied && o->plan && i < o->plan->n_changes; i++)
                if (ts_change_result(&o->plan->changes[i]) == TS_PLANNED)
                        summary_drop(&s, &o->plan->changes[i]);
        s.organizations_failed = o->err != NULL;
        s.failed += s.organizations_failed;
        return s;
}

static void summary_add(struct ts_plan_summary *to, const struct ts_plan_summary *s)
{
        to->add += s->add;
        to->change += s->change;
        to->remove += s->remove;
        to->held += s->held;
        to->waiting += s->waiting;
        to->failed += s->failed;
        to->skipped += s->skipped;
        to->grants_add += s->grants_add;
        to->grants_remove += s->grants_remove;
        to->organizations_failed += s->organizations_failed;
}

struct ts_plan_summary ts_report_summarise(const struct ts_report *r)
{
        struct ts_plan_summary sum = { 0 };

        for (size_t i = 0; i < r->n_organizations; i++) {
                struct ts_plan_summary s = ts_report_summarise_organization(r, &r->organizations[i]);

                summary_add(&sum, &s);
        }
        for (size_t i = 0; i < r->n_kept; i++)
                summary_add(&sum, &r->kept[i].summary);
        return sum;
}

size_t ts_report_count_left(const struct ts_report *r)
{
        size_t n = 0;

        for (size_t i = 0; r->applied && i < r->n_organizations; i++) {
                const struct ts_plan *plan = r->organizations[i].plan;

                for (size_t k = 0; plan && k < plan->n_changes; k++)
                        n += ts_change_result(&plan->changes[k]) == TS_PLANNED;
        }
        return n;
}

size_t ts_report_count_refusals(const struct ts_report *r)
{
        size_t n = r->n_refusals;

        for (size_t i = 0; i < r->n_organizations; i++)
                n += r->organizations[i].plan ? r->organizations[i].plan->n_refusals : 0;
        return n;
}

/* One that no file names was not planned either; that is a refusal. */
static bool is_unplanned(const struct ts_report_organization *o)
{
        return !o->plan && o->err;
}

size_t ts_report_count_unplanned(const struct ts_report *r)
{
        size_t n = 0;

        for (size_t i = 0; i < r->n_organizations; i++)
                n += is_unplanned(&r->organizations[i]);
        return n;
}

bool ts_report_has_failed(const struct ts_report *r)
{
        struct ts_plan_summary s = ts_report_summarise(r);

        for (size_t i = 0; i < r->n_organizations; i++) {
                const struct ts_report_organization *o = &r->organizations[i];

                if (o->err || (o->plan && !o->plan->complete))
                        return true;
        }
        return s.failed > 0;
}

bool ts_report_has_digest(const struct ts_report *r)
{
        bool any = false;

        for (size_t i = 0; i < r->n_organizations; i++)
                any = any || r->organizations[i].plan;
        return any && !r->partial && ts_report_count_unplanned(r) == 0;
}

void ts_report_write(const struct ts_report *r, enum ts_format format, bool color, struct ts_buf *out)
{
        switch (format) {
        case TS_FORMAT_TEXT:
                ts_report_text(r, color, out);
                break;
        case TS_FORMAT_JSON:
                ts_report_json(r, out);
                break;
        case TS_FORMAT_MARKDOWN:
                ts_report_markdown(r, out);
                break;
        case TS_FORMAT_HTML:
                ts_report_html(r, out);
                break;
        case TS_FORMAT_CSV:
        case TS_FORMAT_MAX_:
        case TS_FORMAT_INVALID_:
                assert(false);
        }
}
