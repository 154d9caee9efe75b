/*
 * macros - language helpers used in every file
 *
 * TS_CLEANUP runs a destructor when a local goes out of scope, TS_TAKE moves ownership out of it.
 */
#ifndef TS_UTIL_MACROS_H
#define TS_UTIL_MACROS_H

#include <stddef.h>

#define TS_CLEANUP(fn) __attribute__((cleanup(fn)))
#define TS_TAKE(p) \
        __extension__({ \
                __typeof__(p) *ts_pp_ = &(p); \
                __typeof__(p) ts_v_ = *ts_pp_; \
                *ts_pp_ = NULL; \
                ts_v_; \
        })

/* Defines fnp(type **), which TS_CLEANUP needs, beside the destructor fn(type *). */
#define TS_DEFINE_CLEANUP(type, fn) \
        static inline void fn##p(type **p) \
        { \
                fn(*p); \
        }

#define TS_MUST_CHECK __attribute__((warn_unused_result))
#define TS_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define TS_N_ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

/* -1, 0 or 1, for qsort(). */
#define TS_ORDER(a, b) (((a) > (b)) - ((a) < (b)))

/* The ending of a counted word: "%zu file%s", n, TS_S(n). */
#define TS_S(n) ((n) == 1 ? "" : "s")

#endif
