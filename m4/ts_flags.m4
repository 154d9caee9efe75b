# Our own compiler and linker flags. Each is probed by itself, so that an old or another compiler loses
# one flag and not all of them, and they are kept in TS_CFLAGS and TS_LDFLAGS, apart from the user's.

# TS_TRY_CFLAGS(FLAGS...): append each flag that the compiler takes without a warning to TS_CFLAGS
AC_DEFUN([TS_TRY_CFLAGS], [
m4_foreach_w([ts_flag], [$1], [TS_TRY_FLAG_(m4_defn([ts_flag]), [CFLAGS], [TS_CFLAGS],
        [AC_COMPILE_IFELSE])])])

# TS_TRY_LDFLAGS(FLAGS...): append each flag that a program links with to TS_LDFLAGS
AC_DEFUN([TS_TRY_LDFLAGS], [
m4_foreach_w([ts_flag], [$1], [TS_TRY_FLAG_(m4_defn([ts_flag]), [LDFLAGS], [TS_LDFLAGS],
        [AC_LINK_IFELSE])])])

# TS_TRY_FLAG_(FLAG, VARIABLE OF THE TEST, VARIABLE TO APPEND TO, MACRO)
# The flags found so far are part of the test, since some only work together (-pie wants -fPIE).
AC_DEFUN([TS_TRY_FLAG_], [
AS_VAR_PUSHDEF([ts_cache], [ts_cv_flag_$2_$1])dnl
AC_CACHE_CHECK([whether $CC accepts $1], [ts_cache], [
        ts_save_CFLAGS=$CFLAGS ts_save_LDFLAGS=$LDFLAGS
        CFLAGS="$CFLAGS $TS_CFLAGS -Werror" LDFLAGS="$LDFLAGS $TS_LDFLAGS"
        $2="$$2 m4_bpatsubst([$1], [^-Wno-], [-W])" # -Wno-unknown passes, -Wunknown does not
        $4([AC_LANG_PROGRAM([], [])], [AS_VAR_SET([ts_cache], [yes])], [AS_VAR_SET([ts_cache], [no])])
        CFLAGS=$ts_save_CFLAGS LDFLAGS=$ts_save_LDFLAGS])
AS_VAR_IF([ts_cache], [yes], [$3="$$3 $1"])
AS_VAR_POPDEF([ts_cache])dnl
])

# TS_WARNINGS: everything the code is kept clean of
AC_DEFUN([TS_WARNINGS], [
TS_TRY_CFLAGS([-Wall -Wextra
        -Wshadow -Wconversion -Wsign-conversion -Wformat=2 -Wformat-signedness -Wundef -Wvla
        -Wstrict-prototypes -Wmissing-prototypes -Wmissing-declarations -Wold-style-definition
        -Wredundant-decls -Wnested-externs -Wpointer-arith -Wwrite-strings -Wcast-align=strict
        -Wdate-time -Wbidi-chars=any -Wtrampolines -Walloca -Walloc-zero -Wstringop-overflow=4
        -Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wjump-misses-init -Warith-conversion
        -Wimplicit-fallthrough -Wunused-result -Winit-self
        -Wcomma -Wassign-enum -Wthread-safety
        -Wno-missing-field-initializers
        -Werror=format-security -Werror=implicit-function-declaration -Werror=incompatible-pointer-types
        -Werror=int-conversion -Werror=return-type])
])

# TS_HARDENING: what makes a bug harder to exploit, and undefined behaviour defined where a flag can
AC_DEFUN([TS_HARDENING], [
TS_TRY_CFLAGS([-fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection=full
        -mbranch-protection=standard -ftrivial-auto-var-init=zero -fzero-call-used-regs=used-gpr
        -fno-delete-null-pointer-checks -fno-strict-overflow -fno-strict-aliasing -fstrict-flex-arrays=3])
TS_TRY_LDFLAGS([-pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,separate-code -Wl,-z,defs
        -Wl,--as-needed])
])

# TS_FORTIFY: the highest level of _FORTIFY_SOURCE, unless the user or the compiler has set one, or
# nothing is optimized (then libc warns and does nothing)
AC_DEFUN([TS_FORTIFY], [
AC_CACHE_CHECK([for the level of _FORTIFY_SOURCE], [ts_cv_fortify], [
        AC_PREPROC_IFELSE([AC_LANG_SOURCE([[
#ifdef _FORTIFY_SOURCE
#error already set
#endif
]])], [], [ts_cv_fortify="already set"])
        AS_IF([test -z "$ts_cv_fortify"], [AC_COMPILE_IFELSE([AC_LANG_SOURCE([[
#ifndef __OPTIMIZE__
#error not optimized
#endif
int i;
]])], [], [ts_cv_fortify="none, not optimized"])])
        AS_IF([test -z "$ts_cv_fortify"], [
                ts_save_CFLAGS=$CFLAGS
                for ts_level in 3 2; do
                        CFLAGS="$ts_save_CFLAGS -Werror -D_FORTIFY_SOURCE=$ts_level"
                        AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <stdio.h>]], [])],
                                [ts_cv_fortify=$ts_level; break])
                done
                CFLAGS=$ts_save_CFLAGS])
        test -n "$ts_cv_fortify" || ts_cv_fortify=none])
AS_CASE([$ts_cv_fortify], [[[0-9]]], [TS_CFLAGS="$TS_CFLAGS -D_FORTIFY_SOURCE=$ts_cv_fortify"])
])
