#include "trust/deny.h"

#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

/* --------------------------------------------------------------------------------------------------- keys */

/* An entry, a directory, an account in it: what a map is asked for; parts that are left out are zero. */
struct key {
        uint8_t bytes[sizeof(uint32_t) + 2 * sizeof(struct ts_id)];
};

static struct key key_of(uint32_t entry, const struct ts_id *organization, const struct ts_id *id)
{
        struct key k = { { 0 } };

        memcpy(k.bytes, &entry, sizeof(entry));
        memcpy(k.bytes + sizeof(entry), organization->bytes, sizeof(organization->bytes));
        if (id)
                memcpy(k.bytes + sizeof(entry) + sizeof(*organization), id->bytes, sizeof(id->bytes));
        return k;
}

static uint32_t map_get(const struct ts_map *m, uint32_t entry, const struct ts_id *organization,
                        const struct ts_id *id)
{
        struct key k = key_of(entry, organization, id);

        return ts_map_get(m, k.bytes, sizeof(k.bytes));
}

static void map_add(struct ts_deny *d, struct ts_map *m, uint32_t entry, const struct ts_id *organization,
                    const struct ts_id *id, uint32_t value)
{
        struct key k = key_of(entry, organization, id);
        const uint8_t *kept = ts_arena_memdup(&d->arena, k.bytes, sizeof(k.bytes));

        (void) ts_map_add(m, kept, sizeof(k.bytes), value);
}

/* -------------------------------------------------------------------------------------- entries, accounts */

static void list_begin(struct ts_deny *d, struct ts_deny_list *l, const struct ts_texts *entries)
{
        l->entries = entries;
        l->emails.fold_ascii = true;
        l->is_matched = TS_ARENA_ARRAY(&d->arena, bool, entries->n);
        for (size_t i = 0; i < entries->n; i++) {
                const char *text = entries->items[i].text;
                struct ts_id *id = TS_ARENA_NEW(&d->arena, struct ts_id);

                if (!ts_id_parse_string(text, id))
                        (void) ts_map_add(&l->emails, text, strlen(text), (uint32_t) i);
                else if (!ts_id_is_nil(id))
                        (void) ts_map_add_id(&l->ids, id, (uint32_t) i);
        }
}

static void list_done(struct ts_deny_list *l)
{
        ts_map_done(&l->emails);
        ts_map_done(&l->ids);
        ts_map_done(&l->by_account);
        ts_map_done(&l->by_entry);
        ts_map_done(&l->records);
        ts_map_done(&l->by_holder);
        free(l->accounts);
        free(l->holders);
}

static void list_add(struct ts_deny *d, struct ts_deny_list *l, uint32_t entry,
                     const struct ts_last_applied_account *record)
{
        uint32_t i = (uint32_t) l->n_accounts;

        TS_GROW(l->accounts, l->n_accounts_allocated, l->n_accounts);
        l->accounts[l->n_accounts++] = (struct ts_deny_account){ *record, entry };
        l->is_matched[entry] = true;
        map_add(d, &l->by_account, 0, &record->organization, &record->id, i);
        map_add(d, &l->by_entry, entry, &record->organization, NULL, i);
        map_add(d, &l->records, entry, &record->organization, &record->id, i);
}

/* Accounts are recorded for as long as their entry stands. */
static void list_recall(struct ts_deny *d, struct ts_deny_list *l,
                        const struct ts_last_applied_accounts *last_applied)
{
        for (size_t i = 0; i < last_applied->n; i++) {
                uint32_t entry = 0;

                while (entry < l->entries->n && ts_last_applied_text_key(l->entries->items[entry].text) !=
                                                                last_applied->items[i].entry)
                        entry++;
                if (entry < l->entries->n)
                        list_add(d, l, entry, &last_applied->items[i]);
                else
                        d->is_changed = true;
        }
}

void ts_deny_begin(struct ts_deny *d, const struct ts_policy *policy,
                   const struct ts_last_applied *last_applied, const struct ts_id *own, int64_t now)
{
        *d = (struct ts_deny){ .policy = policy, .own = *own, .now = now };
        list_begin(d, &d->denied, &policy->deny_users);
        list_begin(d, &d->protected, &policy->protect_users);
        d->organization_is_denied = TS_ARENA_ARRAY(&d->arena, bool, policy->deny_organizations.n);
        d->organization_is_protected = TS_ARENA_ARRAY(&d->arena, bool, policy->protect_organizations.n);
        d->role_is_matched = TS_ARENA_ARRAY(&d->arena, bool, policy->deny_roles.n);
        if (!last_applied)
                return;
        list_recall(d, &d->denied, &last_applied->denied);
        list_recall(d, &d->protected, &last_applied->pinned);
}

void ts_deny_done(struct ts_deny *d)
{
        list_done(&d->denied);
        list_done(&d->protected);
        ts_arena_done(&d->arena);
        *d = (struct ts_deny){ 0 };
}

/* ----------------------------------------------------------------------------------------- what is seen */

static uint32_t find_email(const struct ts_deny_list *l, const char *email)
{
        return email ? ts_map_get(&l->emails, email, strlen(email)) : TS_MAP_NONE;
}

static void see_holder(struct ts_deny *d, struct ts_deny_list *l, uint32_t entry,
                       const struct ts_id *organization, const struct ts_id *id)
{
        uint32_t i = map_get(&l->by_holder, entry, organization, NULL);

        l->is_matched[entry] = true;
        if (i != TS_MAP_NONE) {
                l->holders[i].is_ambiguous =
                                l->holders[i].is_ambiguous || !ts_id_equal(&l->holders[i].id, id);
                return;
        }
        map_add(d, &l->by_holder, entry, organization, NULL, (uint32_t) l->n_holders);
        TS_GROW(l->holders, l->n_holders_allocated, l->n_holders);
        l->holders[l->n_holders++] =
                        (struct ts_deny_holder){ .entry = entry, .organization = *organization, .id = *id };
}

static struct ts_last_applied_account record_of(const struct ts_deny *d, const struct ts_deny_list *l,
                                                uint32_t entry, const struct ts_id *organization,
                                                const struct ts_id *id)
{
        return (struct ts_last_applied_account){
                .entry = ts_last_applied_text_key(l->entries->items[entry].text),
                .organization = *organization,
                .id = *id,
                .when = d->now,
        };
}

static void see_in(struct ts_deny *d, struct ts_deny_list *l, const struct ts_id *organization,
                   const struct ts_id *id, const char *email)
{
        uint32_t by_id = ts_map_get_id(&l->ids, id), by_email = find_email(l, email);

        if (by_id != TS_MAP_NONE) {
                l->is_matched[by_id] = true;
                if (l == &d->denied && map_get(&l->records, by_id, organization, id) == TS_MAP_NONE) {
                        struct ts_last_applied_account record = record_of(d, l, by_id, organization, id);

                        list_add(d, l, by_id, &record); /* it matched once: removed, it is still no mistake */
                        d->is_changed = true;
                }
        }
        if (by_email != TS_MAP_NONE)
                see_holder(d, l, by_email, organization, id);
}

void ts_deny_see(struct ts_deny *d, const struct ts_id *organization, const struct ts_id *id,
                 const char *email)
{
        see_in(d, &d->denied, organization, id, email);
        see_in(d, &d->protected, organization, id, email);
}

const struct ts_id *ts_deny_directory(const struct ts_deny *d, enum ts_direction direction,
                                      const struct ts_id *trust)
{
        return direction == TS_TRUSTEE ? trust : &d->own;
}

static void see_members(struct ts_deny *d, const struct ts_id *organization, const struct ts_members *m)
{
        for (size_t i = 0; i < m->n; i++)
                ts_deny_see(d, organization, &m->items[i].id, m->items[i].email);
}

void ts_deny_see_live(struct ts_deny *d, const struct ts_live *live)
{
        for (size_t i = 0; i < live->n_trusts; i++) {
                const struct ts_trust *t = &live->trusts[i];
                const struct ts_id *organization = ts_deny_directory(d, t->direction, &t->id);

                see_members(d, organization, &t->users);
                see_members(d, organization, &t->clones);
        }
        for (size_t i = 0; i < live->n_pairings; i++)
                if (live->pairings[i].state == TS_PAIRING_OPEN)
                        see_members(d, &live->pairings[i].trustee, &live->pairings[i].users);
}

/* -------------------------------------------------------------------------------------- recorded accounts */

/* Was the account recorded for a different entry of `deny`? */
static bool was_denied_before(const struct ts_deny *d, const struct ts_deny_holder *h)
{
        const char *text = d->protected.entries->items[h->entry].text;

        for (size_t i = 0; i < d->denied.n_accounts; i++) {
                const struct ts_deny_account *a = &d->denied.accounts[i];

                if (ts_id_equal(&a->record.organization, &h->organization) &&
                    ts_id_equal(&a->record.id, &h->id) && a->record.entry != ts_last_applied_text_key(text))
                        return true;
        }
        return false;
}

static void pin(struct ts_deny *d, const struct ts_deny_holder *h)
{
        struct ts_last_applied_account record =
                        record_of(d, &d->protected, h->entry, &h->organization, &h->id);

        if (h->is_ambiguous || was_denied_before(d, h) ||
            map_get(&d->protected.by_entry, h->entry, &h->organization, NULL) != TS_MAP_NONE)
                return;
        list_add(d, &d->protected, h->entry, &record);
        d->is_changed = true;
}

static uint32_t count_learned(const struct ts_deny *d, uint32_t entry)
{
        uint32_t n = 0;

        for (size_t i = 0; i < d->denied.n_accounts; i++)
                n += d->denied.accounts[i].entry == entry &&
                     d->now - d->denied.accounts[i].record.when < TS_LAST_APPLIED_DAY_SEC;
        return n;
}

static bool has_account(const struct ts_deny_list *l, const struct ts_id *organization,
                        const struct ts_id *id)
{
        return ts_map_get_id(&l->ids, id) != TS_MAP_NONE ||
               map_get(&l->by_account, 0, organization, id) != TS_MAP_NONE;
}

static void deny_account(struct ts_deny *d, const struct ts_deny_holder *h)
{
        struct ts_last_applied_account record = record_of(d, &d->denied, h->entry, &h->organization, &h->id);

        if (h->is_ambiguous || has_account(&d->protected, &h->organization, &h->id) ||
            map_get(&d->denied.records, h->entry, &h->organization, &h->id) != TS_MAP_NONE)
                return;
        record.counts = count_learned(d, h->entry) >= TS_DENY_LEARNED_PER_DAY;
        list_add(d, &d->denied, h->entry, &record);
        d->is_changed = true;
}

void ts_deny_learn(struct ts_deny *d)
{
        for (size_t i = 0; i < d->protected.n_holders; i++)
                pin(d, &d->protected.holders[i]);
        for (size_t i = 0; i < d->denied.n_holders; i++)
                deny_account(d, &d->denied.holders[i]);
}

static void list_record(const struct ts_deny_list *l, struct ts_last_applied *m,
                        struct ts_last_applied_accounts *to)
{
        to->items = TS_ARENA_ARRAY(&m->arena, struct ts_last_applied_account, l->n_accounts);
        for (size_t i = 0; i < l->n_accounts; i++)
                to->items[i] = l->accounts[i].record;
        to->n = l->n_accounts;
}

void ts_deny_record(const struct ts_deny *d, struct ts_last_applied *m)
{
        list_record(&d->denied, m, &m->denied);
        list_record(&d->protected, m, &m->pinned);
}

/* ------------------------------------------------------------------------------------------------ rulings */

#define TWO_ACCOUNTS \
        "`protect` names an address that two accounts have: both are kept as they are until the entry is " \
        "an id"

/* Protected by the address that it has now, without a pin. */
static const char *why_kept(const struct ts_deny *d, const struct ts_id *organization, const struct ts_id *id,
                            const char *email)
{
        const struct ts_deny_list *l = &d->protected;
        uint32_t entry = find_email(l, email), holder;

        if (entry == TS_MAP_NONE || map_get(&l->by_entry, entry, organization, NULL) != TS_MAP_NONE)
                return NULL; /* it is pinned to another account */
        holder = map_get(&l->by_holder, entry, organization, NULL);
        if (holder != TS_MAP_NONE && l->holders[holder].is_ambiguous)
                return TWO_ACCOUNTS;
        return has_account(&d->denied, organization, id) ? NULL : TS_DENY_PROTECTED;
}

struct ts_deny_ruling ts_deny_rule(const struct ts_deny *d, const struct ts_id *organization,
                                   const struct ts_id *id, const char *email)
{
        const struct ts_deny_list *l = &d->denied;
        uint32_t by_id = ts_map_get_id(&l->ids, id), by_email = find_email(l, email),
                 account = map_get(&l->by_account, 0, organization, id);
        struct ts_deny_ruling r = { .is_denied = true };

        if (by_id != TS_MAP_NONE) {
                r.source = &l->entries->items[by_id].source;
        } else if (account != TS_MAP_NONE) {
                r.source = &l->entries->items[l->accounts[account].entry].source;
                r.counts = l->accounts[account].record.counts;
        } else if (by_email != TS_MAP_NONE) {
                r.source = &l->entries->items[by_email].source;
                r.counts = true; /* not recorded: another account has the address as well */
        } else {
                r.is_denied = false;
        }
        if (has_account(&d->protected, organization, id))
                r.why = TS_DENY_PROTECTED;
        else if (by_id == TS_MAP_NONE)
                r.why = why_kept(d, organization, id, email);
        r.is_protected = r.why != NULL;
        return r;
}

/* Is there an address that stands for no account yet? Whose clone it is could then be anybody. */
static bool has_unpinned(const struct ts_deny_list *l)
{
        struct ts_id id;

        for (uint32_t entry = 0; entry < l->entries->n; entry++) {
                bool is_pinned = ts_id_parse_string(l->entries->items[entry].text, &id);

                for (size_t i = 0; i < l->n_accounts; i++)
                        is_pinned = is_pinned || l->accounts[i].entry == entry;
                if (!is_pinned)
                        return true;
        }
        return false;
}

struct ts_deny_ruling ts_deny_rule_member(const struct ts_deny *d, const struct ts_trust *t,
                                          const struct ts_member *m)
{
        const struct ts_id *organization = ts_deny_directory(d, t->direction, &t->id);
        const struct ts_member *user = m;
        struct ts_deny_ruling r = { 0 };

        if (m->kind == TS_KIND_GROUP)
                return r;
        if (m->kind == TS_KIND_CLONE)
                user = ts_members_find(&t->users, &m->id);
        r = ts_deny_rule(d, organization, &m->id, user && user->email ? user->email : m->email);
        if (!r.is_denied && !r.is_protected && !user && !m->email && has_unpinned(&d->protected)) {
                r.is_protected = true;
                r.why = "nothing tells whose clone it is, and it may be somebody's whom `protect` names";
        }
        return r;
}

/* ------------------------------------------------------------------------------------------------- needs */

bool ts_deny_has_emails(const struct ts_policy *policy)
{
        struct ts_id id;

        for (size_t i = 0; i < policy->deny_users.n; i++)
                if (!ts_id_parse_string(policy->deny_users.items[i].text, &id))
                        return true;
        return false;
}

bool ts_deny_is_needed(const struct ts_policy *policy)
{
        return policy->deny_users.n + policy->deny_organizations.n > 0;
}

bool ts_deny_wants_trustors(const struct ts_policy *policy)
{
        return ts_deny_is_needed(policy);
}

bool ts_deny_wants(const struct ts_policy *policy, const struct ts_trust *t, enum ts_collection c)
{
        bool is_denied = ts_ids_have(&policy->deny_organizations, &t->id);

        if (policy->deny_users.n > 0 && c != TS_GROUPS)
                return true;
        if (t->direction == TS_TRUSTOR)
                return is_denied;
        return is_denied && c == TS_USERS && policy->protect_users.n > 0;
}

static void mark(const struct ts_deny *d, const struct ts_id *organization,
                 struct ts_desired_members *members)
{
        for (size_t i = 0; i < members->n; i++) {
                struct ts_desired_member *m = &members->items[i];
                const char *email = m->live && m->live->email ? m->live->email : m->decl->key;

                if (m->decl->kind != TS_KIND_GROUP && ts_deny_rule(d, organization, &m->id, email).is_denied)
                        m->denied = true;
        }
}

void ts_deny_mark(const struct ts_deny *d, struct ts_desired *desired)
{
        for (size_t i = 0; i < desired->n_trusts; i++) {
                struct ts_desired_trust *t = &desired->trusts[i];
                const struct ts_id *organization = ts_deny_directory(d, t->decl->direction, &t->decl->id);

                for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++)
                        mark(d, organization, &t->collections[c]);
                mark(d, organization, &t->request_users);
        }
}
