# TS_PC_DIR(NAME, MODULE, VARIABLE, DEFAULT, WHAT): the directory that another package wants files of ours in
#
# --with-NAME=DIR decides, else pkg-config's VARIABLE of MODULE with that package's prefix replaced by
# ours (so that an installation below any prefix stays there), else DEFAULT. --without-NAME leaves the
# files out. Substitutes NAME and sets the conditional INSTALL_<NAME in capitals>.
AC_DEFUN([TS_PC_DIR], [
AC_REQUIRE([PKG_PROG_PKG_CONFIG])dnl
AC_ARG_WITH([$1], [AS_HELP_STRING([--with-$1=DIR], [directory for $5])], [],
        [with_$1=yes])
AC_MSG_CHECKING([for $1])
AS_CASE([$with_$1],
[no], [$1=],
[yes], [
        $1=
        AS_IF([test -n "$PKG_CONFIG"], [$1=`$PKG_CONFIG --define-variable=prefix='${prefix}' \
                --define-variable=root_prefix='${prefix}' --define-variable=rootprefix='${prefix}' \
                --define-variable=datadir='${datadir}' --define-variable=datarootdir='${datarootdir}' \
                --variable=$3 $2 2>/dev/null`])
        test -n "$$1" || $1='$4'],
[$1=$with_$1])
AC_MSG_RESULT([${$1:-not installed}])
AC_SUBST([$1])
AM_CONDITIONAL([INSTALL_]m4_toupper([$1]), [test -n "$$1"])
])
