/*
 * YAML: the reader itself, and the three kinds of files
 */
#include <errno.h>
#include <string.h>

#include "config/declarations.h"
#include "config/exported.h"
#include "config/settings.h"
#include "config/yaml.h"
#include "report/export.h"
#include "targets.h"
#include "trust/offline.h"
#include "util/escape.h"
#include "util/limits.h"
#include "yaml-json.h"

/* --------------------------------------------------------------------------------------------------- yaml */

static void check_node(const struct ts_yaml_node *node, unsigned depth)
{
        uint32_t n = 0;

        must(node->line > 0 && node->column > 0);
        must(depth <= TS_YAML_MAX_DEPTH + 1);
        must(!node->key || node->key->kind == TS_YAML_TEXT || node->key->kind == TS_YAML_FAULTY);
        if (node->kind == TS_YAML_TEXT) {
                must(node->n == strlen(node->text) && node->n <= TS_YAML_SCALAR_MAX_BYTES);
                must(!ts_text_has_forbidden(node->text, node->n, NULL));
        }
        if (node->kind != TS_YAML_MAP && node->kind != TS_YAML_LIST)
                return;
        for (const struct ts_yaml_node *item = node->items; item; item = item->next) {
                must((item->key != NULL) == (node->kind == TS_YAML_MAP));
                check_node(item, depth + 1);
                n++;
        }
        must(n == node->n);
}

void ts_fuzz_yaml(const char *data, size_t len)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_buf_done)
        struct ts_buf text = TS_BUF_INIT(len + 1), json = TS_BUF_INIT((size_t) 64 << 20);
        struct ts_yaml y = { .file = "fuzzed.yaml", .cls = TS_FAULT_DECLARATIONS, .faults = &faults };
        int r;

        (void) ts_buf_put(&text, data, len);
        y.text = ts_buf_text(&text);
        y.len = len;
        r = ts_yaml_parse(&y);
        must(r == 0 || r == -EINVAL);
        must(r == 0 || !y.root);
        must(r == 0 || faults.n_errors > 0);
        ts_fuzz_check_faults(faults.n_errors > 0 ? -EINVAL : 0, &faults);
        if (y.root)
                check_node(y.root, 1);
        if (y.root && faults.n == 0) {
                ts_yaml_put_json(y.root, &json);
                must(!ts_buf_failed(&json) && json.len > 0);
        }
        ts_yaml_done(&y);
}

/* -------------------------------------------------------------------------------------------------- files */

void ts_fuzz_settings(const char *data, size_t len)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_settings_freep) struct ts_settings *settings = NULL;
        int r = ts_settings_load(ts_fuzz_file(data, len), &faults, &settings);

        must((r == 0) == (settings != NULL));
        ts_fuzz_check_faults(r, &faults);
        must(r == 0 || (faults.n_of[TS_FAULT_SETTINGS] > 0 && faults.n_of[TS_FAULT_DECLARATIONS] == 0));
        for (size_t i = 0; settings && i < settings->n_organizations; i++) {
                must(ts_settings_find(settings, settings->organizations[i].alias) ==
                     &settings->organizations[i]);
                must(settings->organizations[i].api_url && settings->organizations[i].client_secret);
        }
}

void ts_fuzz_declarations(const char *data, size_t len)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *d = NULL;
        int r = ts_declarations_load(ts_fuzz_file(data, len), NULL, NULL, &faults, &d);

        must((r == 0) == (d != NULL));
        ts_fuzz_check_faults(r, &faults);
        must(r == 0 || faults.n_of[TS_FAULT_SETTINGS] == 0);
        for (size_t i = 0; d && i < d->n_organizations; i++)
                must(ts_declarations_find(d, d->organizations[i].alias) == &d->organizations[i]);
}

/* An export that is read, made a live state, and exported, is read again and gives the same export. */
static bool export_again(const char *data, size_t len, struct ts_buf *out)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *d = NULL;
        TS_CLEANUP(ts_live_freep) struct ts_live *live = NULL;
        struct ts_exported exported = { 0 };
        struct ts_export again;
        int r = ts_exported_load(ts_fuzz_file(data, len), &faults, &d, &exported);

        must((r == 0) == (d != NULL));
        ts_fuzz_check_faults(r, &faults);
        if (r < 0)
                return false;
        must(d->n_organizations == 1);
        live = ts_offline_live(&d->organizations[0], &exported);
        again = (struct ts_export){
                .organization = d->organizations[0].alias,
                .live = live,
                .decl = &d->organizations[0],
                .now = exported.time,
        };
        ts_export_write(&again, out);
        must(!ts_buf_failed(out));
        return true;
}

void ts_fuzz_export(const char *data, size_t len)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf second = TS_BUF_INIT(TS_EXPORT_MAX_BYTES);
        TS_CLEANUP(ts_buf_done) struct ts_buf third = TS_BUF_INIT(TS_EXPORT_MAX_BYTES);

        if (!export_again(data, len, &second))
                return;
        must(export_again(second.data, second.len, &third));
        must(second.len == third.len && memcmp(second.data, third.data, second.len) == 0);
}
