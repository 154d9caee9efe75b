/*
 * settings - trustsyncd.yaml, the configuration of this host
 *
 * Reads files only. Strict YAML (config/yaml.h). Every fault is reported, not the first one. They hold the
 * locations of secrets, not the secrets.
 */
#ifndef TS_CONFIG_SETTINGS_H
#define TS_CONFIG_SETTINGS_H

#include "config/faults.h"
#include "trust/model.h"
#include "util/buf.h"
#include "util/err.h"

enum ts_mode {
        TS_MODE_OBSERVE, /* plan and report */
        TS_MODE_ENFORCE, /* apply */
};
const char *ts_mode_to_string(enum ts_mode m);

struct ts_settings_organization {
        const char *alias;
        struct ts_source source;
        const char *api_url, *login_url; /* without a trailing slash; from `region` or given */
        struct ts_id id;                 /* nil: left out, then nothing may be written */
        const char *client_id;
        const char *client_secret; /* "credential:NAME" or "file:/absolute/path" */
        struct ts_source client_secret_source;
        enum ts_mode mode;       /* its own, else reconcile.mode */
        struct ts_policy policy; /* limits: its own where given, else the common ones */
};

struct ts_settings {
        struct ts_arena arena;                          /* owns everything below */
        const char *path;                               /* of the file */
        struct ts_settings_organization *organizations; /* sorted by alias */
        size_t n_organizations;
        const char *trusts; /* absolute or relative to the working directory: already joined with the
                               settings' folder */
        uint64_t interval_usec, jitter_usec;
        unsigned concurrency, requests_per_minute;
        uint64_t timeout_usec;
        const char *ca_file;          /* NULL: the system's */
        const char *proxy;            /* NULL: none */
        const char *proxy_credential; /* where "USER:PASSWORD" is, as client_secret; NULL: none */
        unsigned n_others;            /* holders besides the first one */
};

/* One more holder: each calls ts_settings_free(). Return: @settings. */
struct ts_settings *ts_settings_ref(struct ts_settings *settings);

/* Return: 0 and *@ret; -EINVAL when @faults got at least one (class settings); *@ret is then NULL. */
int ts_settings_load(const char *path, struct ts_faults *faults, struct ts_settings **ret) TS_MUST_CHECK;
/* ts_settings_load() in two steps, for callers that need the bytes: reads the file into @text (0, or negative
 * errno with a fault), and parses what it holds. */
int ts_settings_read(const char *path, struct ts_faults *faults, struct ts_buf *text) TS_MUST_CHECK;
int ts_settings_parse(const char *path, const struct ts_buf *text, struct ts_faults *faults,
                      struct ts_settings **ret) TS_MUST_CHECK;

/* Adds the entries of @from's `deny` that @s lacks; true if there are any. */
bool ts_settings_add_deny(struct ts_settings *s, const struct ts_settings *from);

/* Settings with one organization and the default limits, for planning offline; they cannot be used for API
 * requests. */
struct ts_settings *ts_settings_default(const char *alias, const struct ts_id *id) TS_MUST_CHECK
                __attribute__((returns_nonnull));
void ts_settings_free(struct ts_settings *settings); /* NULL is fine */
TS_DEFINE_CLEANUP(struct ts_settings, ts_settings_free)

/* NULL: there is none of that alias. */
const struct ts_settings_organization *ts_settings_find(const struct ts_settings *s, const char *alias);

/* --organization: is @alias among the @n @chosen ones, or none is chosen, which means all? Do all of them
 * exist? Return: 0; -ENOENT: @err names one that does not. */
bool ts_settings_is_chosen(const char *const *chosen, size_t n, const char *alias);
int ts_settings_check_chosen(const struct ts_settings *s, const char *const *chosen, size_t n,
                             struct ts_err *err) TS_MUST_CHECK;

/*
 * ts_secret_load - reads a client secret or another secret; not cached
 * @spec:   "credential:NAME": the file NAME, else client_NAME, in $CREDENTIALS_DIRECTORY (handed in as
 * @credentials_directory, NULL when unset); "file:/path": a regular file that group and others cannot access,
 * and that is owned by us or root
 * @what:   "client secret", for messages
 * @secret: a secret buffer; one trailing newline is dropped; empty is an error
 * @err:    TS_ERR_SETTINGS; says what to do (also that a run by hand has no $CREDENTIALS_DIRECTORY). Never
 * holds the secret.
 */
int ts_secret_load(const char *spec, const char *what, const char *credentials_directory,
                   struct ts_buf *secret, struct ts_err *err) TS_MUST_CHECK;

#endif
