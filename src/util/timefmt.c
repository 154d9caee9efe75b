#include "util/timefmt.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/macros.h"

#define SECONDS_PER_DAY INT64_C(86400)
#define DAYS_MAX 2932896 /* 9999-12-31 */
#define SPAN_MAX_USEC (36525 * TS_USEC_PER_DAY)

/* What is left of a text that is being read. */
struct cursor {
        const char *s, *end;
};

struct moment {
        int year, month, day, hour, minute, second;
};

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool is_at_digit(const struct cursor *c)
{
        return c->s < c->end && is_digit(*c->s);
}

/* Exactly @n digits. */
static bool take_number(struct cursor *c, int n, int *ret)
{
        int i, v = 0;

        if (c->end - c->s < n)
                return false;
        for (i = 0; i < n; i++) {
                if (!is_digit(c->s[i]))
                        return false;
                v = v * 10 + (c->s[i] - '0');
        }
        c->s += n;
        *ret = v;
        return true;
}

static bool take_char(struct cursor *c, char expected)
{
        if (c->s == c->end || *c->s != expected)
                return false;
        c->s++;
        return true;
}

static bool take_either(struct cursor *c, char a, char b)
{
        return take_char(c, a) || take_char(c, b);
}

static bool take_date(struct cursor *c, struct moment *m)
{
        return take_number(c, 4, &m->year) && take_char(c, '-') && take_number(c, 2, &m->month) &&
               take_char(c, '-') && take_number(c, 2, &m->day);
}

static bool take_clock(struct cursor *c, struct moment *m)
{
        return take_number(c, 2, &m->hour) && take_char(c, ':') && take_number(c, 2, &m->minute) &&
               take_char(c, ':') && take_number(c, 2, &m->second);
}

/* Nothing, or a point and 1 to 9 digits. */
static bool take_fraction(struct cursor *c)
{
        const char *first;

        if (!take_char(c, '.'))
                return true;
        for (first = c->s; is_at_digit(c); c->s++)
                ;
        return c->s - first >= 1 && c->s - first <= 9;
}

static bool take_offset(struct cursor *c, int *ret_seconds)
{
        int hours, minutes, sign;

        if (take_either(c, 'Z', 'z')) {
                *ret_seconds = 0;
                return true;
        }
        if (take_char(c, '+'))
                sign = 1;
        else if (take_char(c, '-'))
                sign = -1;
        else
                return false;
        if (!take_number(c, 2, &hours) || !take_char(c, ':') || !take_number(c, 2, &minutes) || hours > 23 ||
            minutes > 59)
                return false;
        *ret_seconds = sign * (hours * 3600 + minutes * 60);
        return true;
}

static bool is_leap_year(int year)
{
        return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_of_month(int year, int month)
{
        static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

        return month == 2 && is_leap_year(year) ? 29 : days[month - 1];
}

static bool is_in_calendar(const struct moment *m)
{
        return m->year >= 1 && m->month >= 1 && m->month <= 12 && m->day >= 1 &&
               m->day <= days_of_month(m->year, m->month) && m->hour <= 23 && m->minute <= 59 &&
               m->second <= 59;
}

/* Days before the first of January of @year, counted from the one of year 1. */
static int64_t days_before_year(int64_t year)
{
        int64_t y = year - 1;

        return y * 365 + y / 4 - y / 100 + y / 400;
}

static int64_t seconds_of(const struct moment *m)
{
        int64_t days = days_before_year(m->year) - days_before_year(1970) + m->day - 1;
        int month;

        for (month = 1; month < m->month; month++)
                days += days_of_month(m->year, month);
        return days * SECONDS_PER_DAY + m->hour * 3600 + m->minute * 60 + m->second;
}

/* 0; -EINVAL when the moment is not between 1970 and 9999 in UTC. */
static int from_moment(const struct moment *m, int offset_seconds, int64_t *ret)
{
        int64_t t = seconds_of(m) - offset_seconds;

        if (t < 0 || t >= (DAYS_MAX + 1) * SECONDS_PER_DAY)
                return -EINVAL;
        *ret = t;
        return 0;
}

int ts_time_parse(const char *s, size_t len, int64_t *ret)
{
        struct cursor c = { s, s + len };
        struct moment m = { 0 };
        int offset_seconds;

        if (!take_date(&c, &m) || !is_in_calendar(&m))
                return -EINVAL;
        if (c.s == c.end)
                return -EDOM;
        if (!take_either(&c, 'T', 't') || !take_clock(&c, &m) || !take_fraction(&c) || !is_in_calendar(&m))
                return -EINVAL;
        if (c.s == c.end)
                return -EDOM;
        if (!take_offset(&c, &offset_seconds) || c.s != c.end)
                return -EINVAL;
        return from_moment(&m, offset_seconds, ret);
}

static struct moment to_moment(int64_t t)
{
        struct moment m = { 0 };
        int64_t days = t / SECONDS_PER_DAY;
        int seconds = (int) (t % SECONDS_PER_DAY);

        /* no year is longer than 366 days, so the first guess is never late */
        m.year = (int) (1970 + days / 366);
        days += days_before_year(1970);
        while (days >= days_before_year(m.year + 1))
                m.year++;
        days -= days_before_year(m.year);
        for (m.month = 1; days >= days_of_month(m.year, m.month); m.month++)
                days -= days_of_month(m.year, m.month);

        m.day = (int) days + 1;
        m.hour = seconds / 3600;
        m.minute = seconds / 60 % 60;
        m.second = seconds % 60;
        return m;
}

static struct ts_time_text format_time(int64_t t, const char *fraction)
{
        struct ts_time_text text;
        struct moment m;

        if (t == TS_TIME_UNSET)
                return (struct ts_time_text){ "unset" };
        if (t == TS_TIME_NEVER)
                return (struct ts_time_text){ "never" };
        if (t < 0 || t >= (DAYS_MAX + 1) * SECONDS_PER_DAY) {
                /* not a time that we read or were told; shown as what it is */
                (void) snprintf(text.s, sizeof(text.s), "@%" PRId64, t);
                return text;
        }
        m = to_moment(t);
        (void) snprintf(text.s, sizeof(text.s), "%04u-%02u-%02uT%02u:%02u:%02u%sZ", (unsigned) m.year % 10000,
                        (unsigned) m.month % 100, (unsigned) m.day % 100, (unsigned) m.hour % 100,
                        (unsigned) m.minute % 100, (unsigned) m.second % 100, fraction);
        return text;
}

struct ts_time_text ts_time_format(int64_t t)
{
        return format_time(t, "");
}

struct ts_time_text ts_time_format_api(int64_t t)
{
        return format_time(t, ".000");
}

static const struct {
        const char *name;
        uint64_t usec;
} units[] = {
        { "us", 1 },
        { "usec", 1 },
        { "ms", TS_USEC_PER_MSEC },
        { "msec", TS_USEC_PER_MSEC },
        { "s", TS_USEC_PER_SEC },
        { "sec", TS_USEC_PER_SEC },
        { "second", TS_USEC_PER_SEC },
        { "seconds", TS_USEC_PER_SEC },
        { "m", TS_USEC_PER_MINUTE },
        { "min", TS_USEC_PER_MINUTE },
        { "minute", TS_USEC_PER_MINUTE },
        { "minutes", TS_USEC_PER_MINUTE },
        { "h", TS_USEC_PER_HOUR },
        { "hr", TS_USEC_PER_HOUR },
        { "hour", TS_USEC_PER_HOUR },
        { "hours", TS_USEC_PER_HOUR },
        { "d", TS_USEC_PER_DAY },
        { "day", TS_USEC_PER_DAY },
        { "days", TS_USEC_PER_DAY },
        { "w", 7 * TS_USEC_PER_DAY },
        { "week", 7 * TS_USEC_PER_DAY },
        { "weeks", 7 * TS_USEC_PER_DAY },
};

static void skip_spaces(struct cursor *c)
{
        while (take_either(c, ' ', '\t'))
                ;
}

/* A unit's microseconds; 0 when there is none, also when the word is no unit. */
static uint64_t take_unit(struct cursor *c)
{
        const char *first = c->s;
        size_t i, len;

        while (c->s < c->end && *c->s >= 'a' && *c->s <= 'z')
                c->s++;
        len = (size_t) (c->s - first);
        for (i = 0; i < TS_N_ELEMENTS(units); i++)
                if (strlen(units[i].name) == len && memcmp(units[i].name, first, len) == 0)
                        return units[i].usec;
        c->s = first;
        return 0;
}

/* Adds up, and stays at UINT64_MAX from the first overflow on: then it is out of range in the end. */
static uint64_t add_product(uint64_t sum, uint64_t a, uint64_t b)
{
        uint64_t product;

        if (__builtin_mul_overflow(a, b, &product) || __builtin_add_overflow(sum, product, &sum))
                return UINT64_MAX;
        return sum;
}

/* One number with its unit, such as 1.5h; without a unit seconds, and *@ret_is_bare. */
static bool take_part(struct cursor *c, uint64_t *ret_usec, bool *ret_is_bare)
{
        struct cursor fraction = { NULL, NULL };
        uint64_t n = 0, unit;

        if (!is_at_digit(c))
                return false;
        for (; is_at_digit(c); c->s++)
                n = add_product((uint64_t) (*c->s - '0'), n, 10);
        if (take_char(c, '.')) {
                for (fraction.s = c->s; is_at_digit(c); c->s++)
                        ;
                fraction.end = c->s;
                if (fraction.s == fraction.end)
                        return false;
        }

        skip_spaces(c);
        unit = take_unit(c);
        *ret_is_bare = unit == 0;
        if (unit == 0)
                unit = TS_USEC_PER_SEC;

        n = add_product(0, n, unit);
        for (; fraction.s != fraction.end; fraction.s++) {
                unit /= 10;
                n = add_product(n, (uint64_t) (*fraction.s - '0'), unit);
        }
        *ret_usec = n;
        return true;
}

int ts_span_parse(const char *s, size_t len, uint64_t *ret_usec)
{
        struct cursor c = { s, s + len };
        uint64_t sum = 0;
        size_t n;

        skip_spaces(&c);
        for (n = 0; n == 0 || c.s != c.end; n++) {
                bool is_bare;
                uint64_t usec;

                if (!take_part(&c, &usec, &is_bare))
                        return -EINVAL;
                skip_spaces(&c);
                if (is_bare && (n > 0 || c.s != c.end))
                        return -EINVAL;
                sum = add_product(sum, usec, 1);
        }
        if (sum > SPAN_MAX_USEC)
                return -ERANGE;
        *ret_usec = sum;
        return 0;
}

struct ts_time_text ts_span_format(uint64_t usec)
{
        static const struct {
                const char *name;
                uint64_t usec;
        } parts[] = {
                { "d", TS_USEC_PER_DAY }, { "h", TS_USEC_PER_HOUR },  { "min", TS_USEC_PER_MINUTE },
                { "s", TS_USEC_PER_SEC }, { "ms", TS_USEC_PER_MSEC }, { "us", 1 },
        };
        struct ts_time_text text = { "0" };
        size_t i, used = 0;
        unsigned shown = 0;

        for (i = 0; i < TS_N_ELEMENTS(parts) && shown < 2; i++) {
                uint64_t n = usec / parts[i].usec;

                usec %= parts[i].usec;
                if (n == 0)
                        continue;
                used += (size_t) snprintf(text.s + used, sizeof(text.s) - used, "%s%" PRIu64 "%s",
                                          shown > 0 ? " " : "", n, parts[i].name);
                shown++;
        }
        return text;
}

/* One of the three-letter words in @words; its number from 0. */
static bool take_word(struct cursor *c, const char *words, int *ret)
{
        int i;

        if (c->end - c->s < 3)
                return false;
        for (i = 0; words[3 * i] != '\0'; i++) {
                if (memcmp(words + 3 * i, c->s, 3) == 0) {
                        c->s += 3;
                        *ret = i;
                        return true;
                }
        }
        return false;
}

bool ts_time_parse_http(const char *s, int64_t *ret)
{
        struct cursor c = { s, s + strlen(s) };
        struct moment m = { 0 };
        int weekday;

        if (!take_word(&c, "ThuFriSatSunMonTueWed", &weekday) || !take_char(&c, ',') || !take_char(&c, ' ') ||
            !take_number(&c, 2, &m.day) || !take_char(&c, ' ') ||
            !take_word(&c, "JanFebMarAprMayJunJulAugSepOctNovDec", &m.month) || !take_char(&c, ' ') ||
            !take_number(&c, 4, &m.year) || !take_char(&c, ' ') || !take_clock(&c, &m))
                return false;
        m.month++;
        if (c.end - c.s != 4 || memcmp(c.s, " GMT", 4) != 0 || !is_in_calendar(&m))
                return false;

        /* 1 January 1970 was a Thursday */
        if (seconds_of(&m) < 0 || seconds_of(&m) / SECONDS_PER_DAY % 7 != weekday)
                return false;
        return from_moment(&m, 0, ret) == 0;
}
