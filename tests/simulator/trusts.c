#include "trusts.h"

#include <string.h>

#include "answers.h"
#include "handlers.h"
#include "paging.h"
#include "routes.h"
#include "schema.h"
#include "util/mem.h"
#include "util/timefmt.h"

#define TRUSTS_CARE_SEC (30 * 86400) /* a trust that expires by itself does so after 30 days */

/* ----------------------------------------------------------------------------------------- finding things */

bool ts_sim_trust_is_gone(const struct ts_sim_call *c, const struct ts_world_trust *t)
{
        return !t || (c->sim->limits.expired_gone && t->expires <= ts_sim_realtime(c->sim));
}

bool ts_sim_find_trust(struct ts_sim_call *c, struct ts_sim_trust *ret)
{
        bool as_trustee = c->route->flags & TS_SIM_AS_TRUSTEE;
        struct ts_world_org *trustor = as_trustee ? ts_world_find_org(c->sim->world, &c->ids[0]) : c->org;
        size_t slot = trustor ? ts_world_find_slot(trustor, as_trustee ? &c->org->id : &c->ids[0]) : SIZE_MAX;

        if (slot == SIZE_MAX || ts_sim_trust_is_gone(c, trustor->slots[slot].now)) {
                ts_sim_fail(c, 404, "not.found", "The %s organization was not found.",
                            as_trustee ? "trustor" : "trustee");
                return false;
        }
        *ret = (struct ts_sim_trust){ .trustor = trustor, .slot = slot, .now = trustor->slots[slot].now };
        return true;
}

void ts_sim_commit(struct ts_sim_call *c, const struct ts_sim_trust *trust, struct ts_world_trust *next)
{
        uint64_t visible_at = 0;

        if (c->fault && c->fault->ignored) {
                TS_GROW(c->ignored, c->a_ignored, c->n_ignored);
                c->ignored[c->n_ignored++] = next; /* the answer still shows it */
                return;
        }
        if (c->fault && c->fault->slow_propagation_ms > 0)
                visible_at = ts_sim_boottime(c->sim) +
                             (uint64_t) c->fault->slow_propagation_ms * TS_USEC_PER_MSEC;
        ts_world_commit(c->sim->world, trust->trustor, trust->slot, next, visible_at);
        c->had_effect = true;
}

/* --------------------------------------------------------------------------------------- who may enter us */

static void trusts_emit_trust(struct ts_sim_call *c, size_t i, const struct ts_id *fake_id,
                              const void *userdata)
{
        const struct ts_world_trust *const *trusts = userdata;

        ts_sim_put_trust(c, trusts[i], fake_id);
}

void ts_sim_list_trustees(struct ts_sim_call *c)
{
        const struct ts_world_trust **trusts =
                        TS_ARENA_ARRAY(&c->arena, const struct ts_world_trust *, c->org->n_slots);
        size_t n = 0;

        for (size_t i = 0; i < c->org->n_slots; i++)
                if (!ts_sim_trust_is_gone(c, c->org->slots[i].now))
                        trusts[n++] = c->org->slots[i].now;
        ts_sim_list(c, n, trusts_emit_trust, trusts);
}

void ts_sim_get_trustee(struct ts_sim_call *c)
{
        struct ts_sim_trust trust;

        if (!ts_sim_find_trust(c, &trust))
                return;
        (void) ts_sim_ok(c);
        ts_sim_put_trust(c, trust.now, NULL);
}

/* A date that is left out is cleared: PUT replaces. */
bool ts_sim_read_expiry(struct ts_sim_call *c, int64_t *ret)
{
        const char *text = ts_json_get_string(c->body, "dateExpired");

        *ret = TS_TIME_NEVER;
        if (!text)
                return true;
        if (ts_time_parse(text, strlen(text), ret) >= 0) {
                if (c->fault && c->fault->expires_step > 0)
                        *ret -= *ret % c->fault->expires_step;
                return true;
        }
        ts_sim_invalid(c, 400, "invalid.date", "'%s' is not a date.", text);
        return false;
}

static void trusts_set_enabled(const struct ts_sim_call *c, struct ts_world_trust *trust, bool enabled)
{
        if (trust->enabled && !enabled)
                trust->disabled_since = ts_sim_realtime(c->sim);
        if (enabled)
                trust->disabled_since = TS_TIME_UNSET;
        trust->enabled = enabled;
}

void ts_sim_update_trustee(struct ts_sim_call *c)
{
        static const struct ts_sim_field fields[] = {
                { "enabled", TS_JSON_BOOL, true },
                { "dateExpired", TS_JSON_STRING, false },
        };
        struct ts_world_trust *next;
        struct ts_sim_trust trust;
        bool enabled = false;
        int64_t expires;

        if (!ts_sim_check_object(c, c->body, "TrustUpdate", fields, TS_N_ELEMENTS(fields)) ||
            !ts_sim_read_expiry(c, &expires) || !ts_sim_find_trust(c, &trust))
                return;
        (void) ts_json_get_bool(c->body, "enabled", &enabled);
        next = ts_world_trust_copy(trust.now);
        trusts_set_enabled(c, next, enabled);
        next->expires = expires;
        ts_sim_commit(c, &trust, next);
        (void) ts_sim_ok(c);
        ts_sim_put_trust(c, next, NULL);
}

/* From both sides. */
void ts_sim_delete_trust(struct ts_sim_call *c)
{
        struct ts_sim_trust trust;

        if (!ts_sim_find_trust(c, &trust))
                return;
        ts_sim_commit(c, &trust, NULL);
        ts_sim_no_content(c);
}

/* From both sides. */
void ts_sim_delete_trusts(struct ts_sim_call *c)
{
        ts_sim_violation(c->sim, "the bulk deletion of trusts was called: %s", c->req->target);
        for (size_t i = 0; i < c->n_params; i++) {
                struct ts_sim_trust trust;

                if (ts_id_parse_string(c->params[i].value, &c->ids[0]) && ts_sim_find_trust(c, &trust))
                        ts_sim_commit(c, &trust, NULL);
        }
        ts_sim_no_content(c);
}

/* ----------------------------------------------------------------------------------------------- creation */

/* Both lists of a TrustCreate, into @next. False: answered already. */
static bool trusts_read_members(struct ts_sim_call *c, struct ts_world_trust *next)
{
        static const char *const keys[] = { [TS_WORLD_USER] = "users", [TS_WORLD_GROUP] = "groups" };

        for (enum ts_world_kind kind = 0; kind < TS_WORLD_KINDS; kind++) {
                const struct ts_json *list = ts_json_get_array(c->body, keys[kind]);

                for (const struct ts_json *v = list ? list->first : NULL; v; v = v->next) {
                        struct ts_world_grants grants = { 0 };
                        struct ts_world_party *party = ts_sim_read_member(c, v, kind, next->trustee, &grants);

                        if (!party)
                                return false;
                        if (!ts_world_find_member(next, kind, &party->id)) {
                                (void) ts_world_trust_add(next, party, &grants);
                                continue;
                        }
                        ts_sim_invalid(c, 400, "constraint.validation", "%s: %s is there twice.", keys[kind],
                                       ts_id_format(&party->id).s);
                        return false;
                }
        }
        return ts_sim_has_room(c, next->members[TS_WORLD_USER].n);
}

static bool trusts_check_create(struct ts_sim_call *c)
{
        static const struct ts_sim_field fields[] = {
                { "pairingId", TS_JSON_STRING, false },   { "enabled", TS_JSON_BOOL, true },
                { "users", TS_JSON_ARRAY, false },        { "groups", TS_JSON_ARRAY, false },
                { "dateExpired", TS_JSON_STRING, false },
        };
        const struct ts_json *users, *groups;

        if (!ts_sim_check_object(c, c->body, "TrustCreate", fields, TS_N_ELEMENTS(fields)))
                return false;
        users = ts_json_get_array(c->body, "users");
        groups = ts_json_get_array(c->body, "groups");
        if (!ts_json_get(c->body, "pairingId"))
                ts_sim_invalid(c, 400, "pairing.id.required", "A pairing id is required.");
        else if ((!users || users->n == 0) && (!groups || groups->n == 0))
                ts_sim_invalid(c, 400, "trustee.user.or.group.required",
                               "At least one trustee user or group is required.");
        else
                return true;
        return false;
}

/* The open pairing request of the body, of an organization that is not a trustee yet. NULL: answered
 * already. */
static struct ts_world_pairing *trusts_find_pairing(struct ts_sim_call *c)
{
        struct ts_world_pairing *p;
        struct ts_id id;

        if (!ts_sim_check_id(c, ts_json_get(c->body, "pairingId"), "pairingId", &id))
                return NULL;
        p = ts_sim_find_pairing(c, &id);
        if (!p)
                return NULL;
        if (p->trustee == c->org)
                ts_sim_fail(c, 400, "self.trust.not.allowed", "An organization does not trust itself.");
        else if (ts_world_find_trust(c->org, &p->trustee->id))
                ts_sim_fail(c, 409, "request.conflict", "The organization is a trustee already.");
        else
                return p;
        return NULL;
}

static struct ts_world_trust *trusts_new(const struct ts_sim_call *c, struct ts_world_org *trustee)
{
        struct ts_world_trust *t = ts_world_trust_new(trustee);

        t->created = ts_sim_realtime(c->sim);
        return t;
}

static void trusts_create(struct ts_sim_call *c, struct ts_world_trust *next)
{
        struct ts_sim_trust trust = { .trustor = c->org };

        trust.slot = ts_world_slot(c->sim->world, c->org, next->trustee);
        ts_sim_commit(c, &trust, next);
}

void ts_sim_create_trustee(struct ts_sim_call *c)
{
        struct ts_world_pairing *pairing;
        struct ts_world_trust *next;
        bool enabled = false;
        int64_t expires;

        if (!trusts_check_create(c) || !ts_sim_read_expiry(c, &expires))
                return;
        pairing = trusts_find_pairing(c);
        if (!pairing)
                return;
        (void) ts_json_get_bool(c->body, "enabled", &enabled);
        next = trusts_new(c, pairing->trustee);
        trusts_set_enabled(c, next, enabled);
        next->expires = expires;
        if (!trusts_read_members(c, next)) {
                ts_world_trust_unref(next);
                return;
        }
        pairing->used = !(c->fault && c->fault->ignored);
        trusts_create(c, next);
        (void) ts_sim_ok(c);
        ts_sim_put_trust(c, next, NULL);
}

/* ------------------------------------------------------------------------------------------ customer care */

void ts_sim_list_care(struct ts_sim_call *c)
{
        const struct ts_world *world = c->sim->world;
        struct ts_json_writer *w = ts_sim_ok(c);

        ts_json_open_object(w);
        ts_json_key(w, "entities");
        ts_json_open_array(w);
        for (size_t i = 0; i < world->n_care; i++) {
                ts_json_open_object(w);
                ts_json_add_id(w, "id", &world->care[i]);
                ts_json_close_object(w);
        }
        ts_json_close_array(w);
        ts_json_close_object(w);
}

void ts_sim_get_default_care(struct ts_sim_call *c)
{
        const struct ts_world_trust *trust = ts_world_find_trust(c->org, &c->org->default_care);

        if (ts_sim_trust_is_gone(c, trust)) {
                ts_sim_fail(c, 404, "not.found", "There is no default trustee.");
                return;
        }
        (void) ts_sim_ok(c);
        ts_sim_put_trust(c, trust, NULL);
}

static bool trusts_is_set(const struct ts_sim_call *c, const char *flag)
{
        const char *value = ts_sim_param(c, flag);

        return value && strcmp(value, "true") == 0;
}

/* No pairing request and no members: the vendor's people come with it. */
static const struct ts_world_trust *trusts_create_care(struct ts_sim_call *c, struct ts_world_org *care)
{
        struct ts_world_trust *next = trusts_new(c, care);

        next->uses_default_role = trusts_is_set(c, "assignDefaultRole");
        next->has_full_access = trusts_is_set(c, "assignFullAccess");
        next->is_trusted_user = trusts_is_set(c, "allowTrustedUserAccess");
        if (trusts_is_set(c, "autoExpire"))
                next->expires = next->created + TRUSTS_CARE_SEC;
        trusts_create(c, next);
        return next;
}

void ts_sim_create_default_care(struct ts_sim_call *c)
{
        const struct ts_world *world = c->sim->world;
        struct ts_world_org *care;
        const struct ts_id *id = &c->org->default_care;

        if (ts_id_is_nil(id) && world->n_care > 0)
                id = &world->care[0];
        care = ts_world_find_org(world, id);
        if (!care) {
                ts_sim_fail(c, 404, "not.found", "There is no customer care organization.");
        } else if (care == c->org) {
                ts_sim_fail(c, 400, "self.trust.not.allowed", "An organization does not trust itself.");
        } else if (ts_world_find_trust(c->org, &care->id)) {
                ts_sim_fail(c, 409, "request.conflict", "The organization is a trustee already.");
        } else {
                const struct ts_world_trust *trust = trusts_create_care(c, care);

                c->org->default_care = care->id;
                (void) ts_sim_ok(c);
                ts_sim_put_trust(c, trust, NULL);
        }
}

/* With all of the region that are not trusted yet; answers with all of them. */
void ts_sim_create_care(struct ts_sim_call *c)
{
        const struct ts_world *world = c->sim->world;
        const struct ts_world_trust **trusts =
                        TS_ARENA_ARRAY(&c->arena, const struct ts_world_trust *, world->n_care);
        size_t n = 0;

        for (size_t i = 0; i < world->n_care; i++) {
                struct ts_world_org *care = ts_world_find_org(world, &world->care[i]);

                if (!care || care == c->org)
                        continue;
                trusts[n] = ts_world_find_trust(c->org, &care->id);
                if (!trusts[n])
                        trusts[n] = trusts_create_care(c, care);
                n++;
        }
        ts_sim_list(c, n, trusts_emit_trust, trusts);
}

/* -------------------------------------------------------------------------------------- whom we may enter */

struct trusts_entry {
        const struct ts_world_org *trustor;
        const struct ts_world_trust *trust;
};

static void trusts_emit_trustor(struct ts_sim_call *c, size_t i, const struct ts_id *fake_id,
                                const void *userdata)
{
        const struct trusts_entry *entries = userdata;

        ts_sim_put_trustor(c, entries[i].trustor, entries[i].trust, fake_id);
}

void ts_sim_list_trustors(struct ts_sim_call *c)
{
        const struct ts_world *world = c->sim->world;
        struct trusts_entry *entries = TS_ARENA_ARRAY(&c->arena, struct trusts_entry, world->n_orgs);
        size_t n = 0;

        for (size_t i = 0; i < world->n_orgs; i++) {
                const struct ts_world_trust *trust = ts_world_find_trust(world->orgs[i], &c->org->id);

                if (!ts_sim_trust_is_gone(c, trust))
                        entries[n++] = (struct trusts_entry){ world->orgs[i], trust };
        }
        ts_sim_list(c, n, trusts_emit_trustor, entries);
}

void ts_sim_get_trustor(struct ts_sim_call *c)
{
        struct ts_sim_trust trust;

        if (!ts_sim_find_trust(c, &trust))
                return;
        (void) ts_sim_ok(c);
        ts_sim_put_trustor(c, trust.trustor, trust.now, NULL);
}
