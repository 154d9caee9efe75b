/*
 * revision - which version of the declarations this is, for people
 *
 * Pure.
 */
#ifndef TS_UTIL_REVISION_H
#define TS_UTIL_REVISION_H

struct ts_revision_text {
        char s[160];
};

/*
 * ts_revision_format - "1511abc+sha256:3f9a0c1d2e4b" where @revision is a commit (40 or 64 hexadecimal
 * digits), as git is not run and nobody can know that the work tree was not edited; else @revision itself
 * @revision:     NULL: "unknown"
 * @content_hash: "sha256:" and digits; NULL: not known
 */
struct ts_revision_text ts_revision_format(const char *revision, const char *content_hash);

#endif
