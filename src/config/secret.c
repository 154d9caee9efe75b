#include "config/secret.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "config/places.h"
#include "config/settings.h"
#include "util/file.h"

#define CREDENTIAL_PREFIX "credential:"
#define FILE_PREFIX "file:"
#define CREDENTIAL_NAME_MAX_BYTES 200u /* a file name, with room for the prefix below */
#define CLIENT_PREFIX "client_"

static const char *skip_prefix(const char *s, const char *prefix)
{
        size_t n = strlen(prefix);

        return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

/* What systemd takes for the name of a credential: one path segment. */
static bool is_credential_name(const char *s)
{
        size_t len = strlen(s);

        if (len == 0 || len > CREDENTIAL_NAME_MAX_BYTES || strcmp(s, ".") == 0 || strcmp(s, "..") == 0)
                return false;
        for (; *s; s++)
                if (*s <= ' ' || *s > '~' || *s == '/' || *s == ':')
                        return false;
        return true;
}

bool ts_secret_is_place(const char *spec)
{
        const char *rest = skip_prefix(spec, CREDENTIAL_PREFIX);

        if (rest)
                return is_credential_name(rest);
        rest = skip_prefix(spec, FILE_PREFIX);
        return rest && rest[0] == '/' && rest[1] != '\0';
}

/* Group and others must not get at it, and only root or we may have written it. */
static int check_access(const char *what, const char *path, const struct stat *st, struct ts_err *err)
{
        if ((st->st_mode & (S_IRWXG | S_IRWXO)) != 0)
                return ts_err_set(err, TS_ERR_SETTINGS, -EPERM,
                                  "cannot use the %s in %s: group or others can access it (mode "
                                  "%03o); chmod 600 it, and replace the secret if others could read it",
                                  what, path, (unsigned) st->st_mode & 0777u);
        if (st->st_uid != geteuid() && st->st_uid != 0)
                return ts_err_set(err, TS_ERR_SETTINGS, -EPERM,
                                  "cannot use the %s in %s: it belongs to user %u, neither to "
                                  "root nor to user %u that this runs as; chown it",
                                  what, path, (unsigned) st->st_uid, (unsigned) geteuid());
        return 0;
}

static int check_content(const char *what, const char *path, struct ts_buf *secret, struct ts_err *err)
{
        size_t i;

        if (secret->len > 0 && secret->data[secret->len - 1] == '\n')
                secret->data[--secret->len] = '\0';
        if (secret->len == 0)
                return ts_err_set(err, TS_ERR_SETTINGS, -ENODATA,
                                  "cannot use the %s in %s: it is empty; put the secret there, in "
                                  "one line",
                                  what, path);
        for (i = 0; i < secret->len; i++)
                if ((unsigned char) secret->data[i] < 0x20 || secret->data[i] == 0x7f)
                        return ts_err_set(err, TS_ERR_SETTINGS, -EINVAL,
                                          "cannot use the %s in %s: it holds a control character "
                                          "or a second line; put the secret there alone, in one line, "
                                          "without Windows line ends",
                                          what, path);
        return 0;
}

static int fail_to_read(const char *what, const char *path, size_t max_bytes, int r, struct ts_err *err)
{
        const char *home;

        if (r == -EFBIG)
                return ts_err_set(err, TS_ERR_SETTINGS, r,
                                  "cannot use the %s in %s: it is longer than %zu bytes; put the "
                                  "secret there alone",
                                  what, path, max_bytes);
        if (r == -EINVAL)
                return ts_err_set(err, TS_ERR_SETTINGS, r, "cannot read the %s from %s: not a regular file",
                                  what, path);
        home = ts_places_home_hint(path);
        if (home)
                return ts_err_set(err, TS_ERR_SETTINGS, r, "cannot read the %s from %s: %s; %s", what, path,
                                  strerror(-r), home);
        return ts_err_set(err, TS_ERR_SETTINGS, r,
                          "cannot read the %s from %s: %s; it has to be there and readable by user %u", what,
                          path, strerror(-r), (unsigned) geteuid());
}

static int load_file(const char *what, const char *path, bool private, struct ts_buf *secret,
                     struct ts_err *err)
{
        struct stat st;
        int r;

        r = ts_file_read(AT_FDCWD, path, secret, &st);
        if (r < 0)
                return fail_to_read(what, path, secret->max, r, err);
        r = private ? check_access(what, path, &st, err) : 0;
        return r < 0 ? r : check_content(what, path, secret, err);
}

static bool is_missing(const char *path)
{
        return access(path, F_OK) < 0 && errno == ENOENT;
}

static int load_credential(const char *what, const char *name, const char *directory, struct ts_buf *secret,
                           struct ts_err *err)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf path = TS_BUF_INIT(8192);

        if (!directory)
                return ts_err_set(err, TS_ERR_SETTINGS, -ENXIO,
                                  "cannot read the credential '%s': $CREDENTIALS_DIRECTORY is not set; "
                                  "systemd sets it for a unit with LoadCredential=, for a run by hand set it "
                                  "to a directory that holds the file '%s'",
                                  name, name);

        (void) ts_buf_printf(&path, "%s/%s", directory, name);
        if (is_missing(ts_buf_text(&path))) {
                ts_buf_reset(&path);
                (void) ts_buf_printf(&path, "%s/" CLIENT_PREFIX "%s", directory, name);
        }
        if (ts_buf_failed(&path) || is_missing(ts_buf_text(&path)))
                return ts_err_set(err, TS_ERR_SETTINGS, -ENOENT,
                                  "cannot read the credential '%s': %s holds neither '%s' nor '" CLIENT_PREFIX
                                  "%s'; put the secret into the file '%s' of the directory that the unit's "
                                  "LoadCredential=client: names, and restart the service: LoadCredential= is "
                                  "read when "
                                  "it starts, not on a reload. A secret at file:/PATH needs no restart",
                                  name, directory, name, name, name);
        return load_file(what, ts_buf_text(&path), false, secret, err);
}

int ts_secret_load(const char *spec, const char *what, const char *credentials_directory,
                   struct ts_buf *secret, struct ts_err *err)
{
        const char *name;
        int r;

        assert(spec);
        assert(secret->secret);

        ts_buf_reset(secret);
        name = skip_prefix(spec, CREDENTIAL_PREFIX);
        if (!ts_secret_is_place(spec))
                r = ts_err_set(err, TS_ERR_SETTINGS, -EINVAL,
                               "the %s is neither credential:NAME nor file:/path", what);
        else if (name)
                r = load_credential(what, name, credentials_directory, secret, err);
        else
                r = load_file(what, spec + strlen(FILE_PREFIX), true, secret, err);
        if (r < 0)
                ts_buf_reset(secret);
        return r;
}
