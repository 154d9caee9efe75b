#include "util/coroutine.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

#include "util/mem.h"

#define STACK_BYTES ((size_t) 1024 * 1024) /* address space; what is not used costs nothing */

struct ts_coroutine {
        pthread_t thread;
        sem_t go, back; /* whose turn it is */
        void (*body)(void *userdata);
        void *userdata;
        bool has_ended;
};

static void wait_for(sem_t *turn)
{
        while (sem_wait(turn) < 0)
                assert(errno == EINTR);
}

static void *run(void *userdata)
{
        struct ts_coroutine *s = userdata;

        wait_for(&s->go);
        s->body(s->userdata);
        s->has_ended = true;
        (void) sem_post(&s->back);
        return NULL;
}

static int start(struct ts_coroutine *s)
{
        pthread_attr_t attributes;
        int r;

        r = pthread_attr_init(&attributes);
        if (r != 0)
                return r;
        r = pthread_attr_setstacksize(&attributes, STACK_BYTES);
        if (r == 0)
                r = pthread_create(&s->thread, &attributes, run, s);
        (void) pthread_attr_destroy(&attributes);
        return r;
}

static void destroy(struct ts_coroutine *s)
{
        (void) sem_destroy(&s->go);
        (void) sem_destroy(&s->back);
        free(s);
}

struct ts_coroutine *ts_coroutine_new(void (*body)(void *userdata), void *userdata)
{
        struct ts_coroutine *s = ts_calloc(1, sizeof(*s));

        s->body = body;
        s->userdata = userdata;
        (void) sem_init(&s->go, 0, 0);
        (void) sem_init(&s->back, 0, 0);
        if (start(s) == 0)
                return s;
        destroy(s);
        return NULL;
}

bool ts_coroutine_resume(struct ts_coroutine *s)
{
        assert(!s->has_ended);
        (void) sem_post(&s->go);
        wait_for(&s->back);
        return !s->has_ended;
}

void ts_coroutine_suspend(struct ts_coroutine *s)
{
        (void) sem_post(&s->back);
        wait_for(&s->go);
}

void ts_coroutine_free(struct ts_coroutine *s)
{
        if (!s)
                return;
        assert(s->has_ended);
        (void) pthread_join(s->thread, NULL);
        destroy(s);
}
