# TS_CHECK_YAJL: refuse a yajl without the fixes that distributions carry
#
# yajl 2.1.0 is the last release, and its known faults are only mended in distributions' packages, so
# the version tells nothing. Two of them can be seen from outside: the unmended yajl_tree_parse() leaks
# on bad input (CVE-2023-33460). The daemon does not call that function, but a build that leaks there
# lacks the other fixes too (CVE-2017-16516, CVE-2022-24795). On Debian the package tells more: the
# first fix of 2023 was incomplete. ts_cv_yajl_patched=yes overrides.
AC_DEFUN([TS_CHECK_YAJL], [
AC_CACHE_CHECK([whether yajl carries its security fixes], [ts_cv_yajl_patched], [
        ts_save_CFLAGS=$CFLAGS ts_save_LIBS=$LIBS
        CFLAGS="$CFLAGS $YAJL_CFLAGS" LIBS="$YAJL_LIBS $LIBS"
        AC_RUN_IFELSE([AC_LANG_PROGRAM([[
#include <malloc.h>
#include <stddef.h>
#include <yajl/yajl_tree.h>

static size_t used_after(int n)
{
        char error[256];

        for (int i = 0; i < n; i++)
                if (yajl_tree_parse("{\"a\":[1,2,3],\"b\":{\"c\":", error, sizeof error))
                        return 0;
        return mallinfo2().uordblks;
}
]], [[
        size_t before = used_after(10);

        return used_after(1000) > before + 1000 ? 1 : 0;
]])], [ts_cv_yajl_patched=yes], [ts_cv_yajl_patched=no], [ts_cv_yajl_patched="not known, cross-compiling"])
        CFLAGS=$ts_save_CFLAGS LIBS=$ts_save_LIBS
        ts_yajl_package=`dpkg-query -W -f='${Version}' libyajl2 2>/dev/null`
        AS_CASE([$ts_cv_yajl_patched,$ts_yajl_package], [yes,2.1.0-3*],
                [AS_IF([dpkg --compare-versions "$ts_yajl_package" lt 2.1.0-3+deb12u2],
                        [ts_cv_yajl_patched=no])])])
AS_CASE([$ts_cv_yajl_patched],
[no], [AC_MSG_ERROR([this yajl lacks the fixes for CVE-2017-16516, CVE-2022-24795 or CVE-2023-33460.
  Install your distribution's security updates (Debian 12: libyajl2 2.1.0-3+deb12u2 or later).
  If you know that it is mended: ./configure ts_cv_yajl_patched=yes])],
[yes], [],
[AC_MSG_WARN([make sure that yajl carries the fix for CVE-2022-24795])])
])
