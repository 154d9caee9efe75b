#include "trust/attribution.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "trust/diff.h"
#include "trust/resolve.h"
#include "util/escape.h"
#include "util/map.h"
#include "util/mem.h"

#define TRUST_TYPE "OrganizationAuthorizationTrust"

/* What is only reported has its place in every report: it is not worth asking. */
static bool is_sought(const struct ts_change *c)
{
        return ts_change_is_drift(c) && !c->by && ts_change_result(c) != TS_SKIPPED;
}

/* ------------------------------------------------------------------------------------------------- memory */

void ts_attribution_cache_done(struct ts_attribution_cache *m)
{
        for (size_t i = 0; i < m->n; i++)
                free(m->items[i].by);
        free(m->items);
        *m = (struct ts_attribution_cache){ 0 };
}

static uint64_t key_of(const struct ts_plan *plan, const struct ts_change *c)
{
        struct ts_digest d = ts_plan_digest_change(plan, c);
        uint64_t key;

        memcpy(&key, d.bytes, sizeof(key));
        return key;
}

/* NULL also when it was so long ago that it is asked again. */
static const struct ts_attribution_known *find_known(const struct ts_attribution_cache *m, uint64_t key,
                                                     int64_t now)
{
        for (size_t i = 0; m && i < m->n; i++) {
                const struct ts_attribution_known *k = &m->items[i];

                if (k->change == key &&
                    now - k->asked < (k->by ? TS_ATTRIBUTION_KNOWN_SEC : TS_ATTRIBUTION_AGAIN_SEC))
                        return k;
        }
        return NULL;
}

static void forget(struct ts_attribution_cache *m, size_t i)
{
        free(m->items[i].by);
        m->n--;
        memmove(m->items + i, m->items + i + 1, (m->n - i) * sizeof(*m->items));
}

static void cache_result(struct ts_attribution_cache *m, uint64_t key, const struct ts_change *c, int64_t now)
{
        for (size_t i = 0; i < m->n; i++)
                if (m->items[i].change == key)
                        forget(m, i--);
        if (m->n == TS_ATTRIBUTION_KNOWN_MAX)
                forget(m, 0);
        TS_GROW(m->items, m->n_allocated, m->n);
        m->items[m->n++] = (struct ts_attribution_known){
                .change = key,
                .by = c->by ? ts_strdup(c->by) : NULL,
                .by_id = c->by_id,
                .by_organization = c->by_organization,
                .by_when = c->by_when,
                .asked = now,
        };
}

bool ts_attribution_recall(struct ts_plan *plan, const struct ts_attribution_cache *m, int64_t now)
{
        bool is_any_left = false;

        for (size_t i = 0; i < plan->n_changes; i++) {
                struct ts_change *c = &plan->changes[i];
                const struct ts_attribution_known *known;

                if (!is_sought(c))
                        continue;
                known = find_known(m, key_of(plan, c), now);
                if (!known) {
                        is_any_left = true;
                } else if (known->by) {
                        ts_change_blame(c,
                                        &(struct ts_person){ ts_arena_strdup(&plan->arena, known->by),
                                                             known->by_id, known->by_organization },
                                        known->by_when);
                }
        }
        return is_any_left;
}

/* ----------------------------------------------------------------------------------------- what fits what */

static bool has_word(const char *text, const char *word)
{
        size_t n = strlen(word);

        for (; text && *text != '\0'; text++)
                if (strncasecmp(text, word, n) == 0)
                        return true;
        return false;
}

static bool is_removal(const struct ts_audit_entry *e)
{
        return has_word(e->action, "remove") || has_word(e->action, "delete");
}

static bool is_addition(const struct ts_audit_entry *e)
{
        return !is_removal(e) && (has_word(e->action, "add") || has_word(e->action, "create"));
}

/* Can it have made the difference? What is to be added was removed, what is to be removed was added. */
static bool can_have_made(const struct ts_audit_entry *e, const struct ts_change *c)
{
        switch (ts_action_count(c->action)) {
        case TS_COUNT_ADD:
                return !is_addition(e);
        case TS_COUNT_REMOVE:
                return !is_removal(e);
        case TS_COUNT_CHANGE:
        default:
                return true;
        }
}

static bool is_about_member(const struct ts_audit_entry *e, const struct ts_change *c)
{
        if (ts_id_is_nil(&c->subject_id) || !ts_ids_have(&e->mentioned, &c->subject_id))
                return false;
        /* A partner's people are in one trust; ours may be in many. */
        return c->direction == TS_TRUSTEE || ts_ids_have(&e->mentioned, &c->trust_id);
}

/* Entries about members of a trust name the trust too: their type distinguishes them. */
static bool is_about_trust(const struct ts_audit_entry *e, const struct ts_change *c)
{
        if (ts_equal_fold(e->entity_type, TRUST_TYPE))
                return ts_ids_have(&e->mentioned, &c->trust_id);
        return ts_id_equal(&e->entity, &c->trust_id) && !has_word(e->entity_type, "user") &&
               !has_word(e->entity_type, "group");
}

static bool is_about(const struct ts_audit_entry *e, const struct ts_change *c)
{
        bool is_member = c->kind != TS_KIND_TRUST && c->kind != TS_KIND_PAIRING;

        return is_member ? is_about_member(e, c) : is_about_trust(e, c);
}

static const struct ts_audit_entry *find_newest(const struct ts_audit_entries *entries,
                                                const struct ts_change *c)
{
        const struct ts_audit_entry *newest = NULL;

        for (size_t i = 0; i < entries->n; i++) {
                const struct ts_audit_entry *e = &entries->items[i];

                if (e->failed || !is_about(e, c) || !can_have_made(e, c))
                        continue;
                if (!newest || e->when > newest->when)
                        newest = e;
        }
        return newest;
}

/* --------------------------------------------------------------------------------------------------- tell */

static const char *subject_of(struct ts_plan *plan, const struct ts_change *c)
{
        if (c->kind == TS_KIND_TRUST || c->kind == TS_KIND_PAIRING)
                return "the trust";
        return ts_arena_printf(&plan->arena, "%s %s", ts_kind_to_string(c->kind),
                               ts_escape_name_arena(&plan->arena, c->subject_name));
}

/* Our record knows all that we have written up to when it was saved; since then, we have written nothing. */
static bool is_of_another_writer(const struct ts_audit_entry *e, int64_t saved)
{
        return saved != 0 && e->when != TS_TIME_UNSET && e->when > saved + TS_CLOCK_SKEW_MAX_SEC;
}

static void note_second_writer(struct ts_plan *plan, const struct ts_change *c,
                               const struct ts_audit_entry *e, size_t n)
{
        const char *more = n > 1 ? ts_arena_printf(&plan->arena, " (and %zu more)", n - 1) : "";

        ts_plan_add_message(
                        plan, c->trust_alias, &c->source,
                        "%s%s was changed at %s with our own OAuth client, and not by us: a second writer? "
                        "Only one host may write to an organization, and nothing else should use this client",
                        subject_of(plan, c), more, ts_time_format(e->when).s);
}

static void name(struct ts_plan *plan, struct ts_change *c, const struct ts_audit_entry *e)
{
        struct ts_person by = e->by;

        by.name = ts_arena_strdup(&plan->arena, by.name);
        ts_change_blame(c, &by, by.name ? e->when : TS_TIME_UNSET);
}

void ts_attribution_assign(struct ts_plan *plan, const struct ts_audit_entries *entries, const char *client,
                           int64_t saved, struct ts_attribution_cache *m, int64_t now)
{
        const struct ts_audit_entry *second = NULL;
        const struct ts_change *second_change = NULL;
        size_t n_second = 0;

        for (size_t i = 0; i < plan->n_changes; i++) {
                struct ts_change *c = &plan->changes[i];
                const struct ts_audit_entry *e;

                if (!is_sought(c))
                        continue;
                e = find_newest(entries, c);
                if (e && !ts_equal_fold(e->client, client)) {
                        name(plan, c, e);
                } else if (e && is_of_another_writer(e, saved) && n_second++ == 0) {
                        second = e;
                        second_change = c;
                }
                if (m)
                        cache_result(m, key_of(plan, c), c, now);
        }
        if (second)
                note_second_writer(plan, second_change, second, n_second);
}
