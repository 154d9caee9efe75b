/*
 * names - names for the objects of a live state in an export
 *
 * Pure. Trusts keep the aliases of the declarations; others are called after their organizations, none twice
 * in one direction. Grants that several members hold are a set, called after the role that tells it from the
 * others. A role or division is called by its name where the name alone says which one it is. Cost: linear,
 * and sorts.
 */
#ifndef TS_REPORT_NAMES_H
#define TS_REPORT_NAMES_H

#include "trust/model.h"
#include "util/arena.h"
#include "util/map.h"

/* A trust as it is written; the vendor's own is none of them. */
struct ts_names_trust {
        const struct ts_trust *trust;
        const char *alias;
};

/* Grants that several members hold. */
struct ts_names_set {
        const struct ts_member *first;
        size_t n_members;
        uint32_t role;    /* after which it is named */
        const char *name; /* NULL: it is not worth one */
};

/* What it points to is in its arena, or borrowed from the live state and the declarations. */
struct ts_names {
        const struct ts_live *live;
        const struct ts_decl_organization *decl; /* NULL: none */
        struct ts_arena arena;
        struct ts_names_trust *trusts; /* sorted by direction, then alias */
        size_t n_trusts;
        struct ts_names_set *sets; /* in the order of the live state */
        size_t n_sets, n_sets_allocated;

        struct ts_map role_names, division_names; /* ts_names_count() */
        struct ts_map aliases, set_names;         /* what is taken */
        struct ts_map set_indices;                /* bytes of grants -> index */
};

/* @decl: NULL when there are no declarations. */
void ts_names_find(struct ts_names *names, const struct ts_live *live,
                   const struct ts_decl_organization *decl);
void ts_names_done(struct ts_names *names);

/* Does the name alone say which one it is? Not, while there may be others that are not known. */
bool ts_names_distinguish_role(const struct ts_names *names, uint32_t role);
bool ts_names_distinguish_division(const struct ts_names *names, uint32_t division);

/* The set whose grants this member has; NULL: they are written out. */
const struct ts_names_set *ts_names_find_set(struct ts_names *names, const struct ts_member *m);

/* The vendor's own support organization, which is declared by another section. */
static inline bool ts_names_is_care(const struct ts_trust *t)
{
        return t->customer_care && t->direction == TS_TRUSTEE;
}

/* How often names are there: once is what matters. @name is borrowed. */
void ts_names_count(struct ts_map *counts, const char *name);
bool ts_names_is_unique(const struct ts_map *counts, const char *name); /* NULL: no */

#endif
