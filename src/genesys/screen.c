#include "genesys/screen.h"

#include <errno.h>
#include <stdlib.h>

#include "genesys/listing.h"
#include "util/mem.h"

static const struct ts_source *find_denial(const struct ts_apply_context *a, const struct ts_change *c,
                                           const struct ts_id *id, const char *email)
{
        const struct ts_apply_screen *s = a->options->screen;

        return s && email ? s->find_denial(c, id, email, s->userdata) : NULL;
}

static bool is_screened(const struct ts_apply_context *a, const struct ts_change *c)
{
        return a->options->screen && a->options->screen->has_emails && ts_apply_item_adds_member(c) &&
               c->kind != TS_KIND_GROUP;
}

void ts_screen_answer(const struct ts_apply_context *a, struct ts_apply_item *j, const struct ts_json *json)
{
        const char *email = ts_json_get_string(json, "email");

        if (!is_screened(a, j->change))
                return;
        j->is_seen = email != NULL;
        j->denial = find_denial(a, j->change, &j->change->subject_id, email);
}

bool ts_screen_begin(const struct ts_apply_context *a, struct ts_apply_item *j)
{
        if (!is_screened(a, j->change) || (j->is_seen && !j->denial))
                return false;
        j->state = TS_APPLY_SCREEN;
        return true;
}

/* ------------------------------------------------------------------------------- removing denied accounts */

/* Evidence: a removal of its own, by the line that denies it. */
static void log_removal(struct ts_apply_context *a, const struct ts_change *c, const struct ts_id *id,
                        const char *email, const struct ts_source *denial,
                        const struct ts_call_result *result)
{
        struct ts_outcome outcome = { .result = TS_APPLIED, .sent = true, .http_status = result->status };
        struct ts_change removal = {
                .action = c->kind == TS_KIND_CLONE ? TS_CLONE_REMOVE : TS_USER_REMOVE,
                .phase = TS_PHASE_REMOVE,
                .reason = TS_REASON_DENIED,
                .direction = c->direction,
                .trust_alias = c->trust_alias,
                .trust_name = c->trust_name,
                .trust_id = c->trust_id,
                .kind = c->kind == TS_KIND_CLONE ? TS_KIND_CLONE : TS_KIND_USER,
                .subject_id = *id,
                .subject_name = ts_arena_strdup(&a->outcomes->arena, email),
                .source = *denial,
                .by_when = TS_TIME_UNSET,
                .outcome = &outcome,
        };

        a->options->on_change(a->plan, &removal, a->options->userdata);
}

/* Return: 1: out; 0: still in, @ret_why says why; negative: the client can do nothing more. */
static int take_out(struct ts_apply_context *a, const struct ts_change *c, const struct ts_id *id,
                    const char *email, const struct ts_source *denial, const char **ret_why,
                    struct ts_err *err)
{
        enum ts_collection collection = c->kind == TS_KIND_CLONE ? TS_CLONES : TS_USERS;
        struct ts_call call = { .op = ts_operation_of_members(c->direction, collection, TS_MEMBER_REMOVE),
                                .ids = { c->trust_id, *id } };
        struct ts_call_result result = { .verdict = TS_VERDICT_STOPPED };
        struct ts_batch batch = { .calls = &call, .n = 1, .results = &result };
        int r = ts_client_run(a->client, &batch, err);

        if (r < 0)
                return r;
        if (result.verdict == TS_VERDICT_OK || result.verdict == TS_VERDICT_NOT_FOUND) {
                log_removal(a, c, id, email, denial, &result);
                return 1;
        }
        *ret_why = ts_apply_item_why_failed(a, call.op, &result);
        return 0;
}

/* The answer of an addition did not show an address: the member does. */
static int observe(struct ts_apply_context *a, struct ts_apply_item *j, struct ts_err *err)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct ts_call call = ts_apply_item_call(ts_apply_item_presence_op(j->change), j->change);
        struct ts_call_result result = { .verdict = TS_VERDICT_STOPPED };
        struct ts_batch batch = { .calls = &call, .n = 1, .results = &result, .arena = &arena };
        int r = ts_client_run(a->client, &batch, err);

        if (r >= 0 && result.verdict == TS_VERDICT_OK)
                ts_screen_answer(a, j, result.json);
        return r;
}

static int screen(struct ts_apply_context *a, struct ts_apply_item *j, struct ts_err *err)
{
        const struct ts_change *c = j->change;
        const char *why = NULL;
        int r = j->is_seen ? 0 : observe(a, j, err);

        if (r < 0)
                return r;
        if (!j->denial) {
                ts_apply_item_end(a, j, TS_APPLIED, NULL); /* without an address nobody is denied by it */
                return 0;
        }
        r = take_out(a, c, &c->subject_id, c->subject_name, j->denial, &why, err);
        if (r > 0)
                ts_apply_item_end(a, j, TS_HELD,
                                  TS_APPLY_NOTE(a,
                                                "its account has an address that `deny` names (%s:%u): it "
                                                "was added and taken back at once",
                                                j->denial->file, (unsigned) j->denial->line));
        else if (r == 0)
                ts_apply_item_end(a, j, TS_FAILED,
                                  TS_APPLY_NOTE(a,
                                                "its account has an address that `deny` names, and it could "
                                                "not be taken back: %s",
                                                why));
        return r < 0 ? r : 0;
}

int ts_screen_items(struct ts_apply_context *a, struct ts_apply_item *items, size_t n, struct ts_err *err)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++)
                if (items[i].state == TS_APPLY_SCREEN)
                        r = screen(a, &items[i], err);
        return r;
}

/* -------------------------------------------------------------------------- trusts that were just created */

struct found {
        struct ts_id id;
        const char *email;
        const struct ts_source *denial;
};

struct created {
        struct ts_apply_context *apply;
        const struct ts_change *change;
        struct found *items;
        size_t n, n_allocated;
};

static int on_member(size_t i, const struct ts_json *entity, void *userdata, struct ts_err *err)
{
        struct created *k = userdata;
        const char *email = ts_json_get_string(entity, "email");
        struct found new = { .email = ts_arena_strdup(&k->apply->outcomes->arena, email) };

        (void) i;
        if (!ts_json_get_id(entity, "id", &new.id))
                return ts_err_set(err, TS_ERR_REMOTE, -EBADMSG, "a member has no usable 'id'");
        new.denial = find_denial(k->apply, k->change, &new.id, email);
        if (!new.denial)
                return 0;
        TS_GROW(k->items, k->n_allocated, k->n);
        k->items[k->n++] = new;
        return 0;
}

/* Why it is not to be opened; NULL: nothing speaks against it. */
static int screen_created(struct ts_apply_context *a, struct created *k, const char **ret_why,
                          struct ts_err *err)
{
        TS_CLEANUP(ts_listings_done) struct ts_listings l;
        int r;

        ts_listings_init(&l, a->client, &a->outcomes->arena, 1, TS_OP_LIST_TRUSTEE_USERS);
        l.items[0].id = k->change->trust_id;
        l.on_entity = on_member;
        l.userdata = k;
        r = ts_listings_read(&l, err);
        if (r >= 0 && l.items[0].coverage != TS_COVERAGE_COMPLETE)
                *ret_why = TS_APPLY_NOTE(a, "its members could not be read: %s", l.items[0].err->msg);
        for (size_t i = 0; r >= 0 && i < k->n; i++)
                r = take_out(a, k->change, &k->items[i].id, k->items[i].email, k->items[i].denial, ret_why,
                             err);
        return r < 0 ? r : 0;
}

/* The change that opens what @create has made, behind it in the plan; NULL: none is planned. */
static const struct ts_change *find_opening(const struct ts_apply_context *a, const struct ts_change *create)
{
        const struct ts_change *end = a->plan->changes + a->plan->n_changes;

        for (const struct ts_change *c = create + 1; c < end && ts_change_is_same_trust(c, create); c++)
                if (c->phase == TS_PHASE_OPEN && ts_change_is_planned(c))
                        return c;
        return NULL;
}

int ts_screen_created(struct ts_apply_context *a, struct ts_err *err)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < a->plan->n_changes; i++) {
                const struct ts_change *create = &a->plan->changes[i];
                struct created k = { .apply = a, .change = create };
                const struct ts_change *open =
                                create->action == TS_TRUST_CREATE ? find_opening(a, create) : NULL;
                const char *why = NULL;

                if (!open)
                        continue;
                if (ts_change_result(create) != TS_APPLIED)
                        why = "its trust could not be created";
                else
                        r = screen_created(a, &k, &why, err);
                if (r >= 0 && why)
                        ts_apply_item_end_change(a, open, TS_WAITING, why);
                free(k.items);
        }
        return r;
}
