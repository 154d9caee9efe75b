#include "daemon/notify.h"

#include <inttypes.h>
#include <time.h>

#include <systemd/sd-daemon.h>

#include "util/timefmt.h"

/* Whether systemd hears it is systemd's business: the return values are of no use to us. */

void ts_notify_ready(const char *status)
{
        (void) sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void ts_notify_reloading(const char *status)
{
        struct timespec now = { 0 };

        (void) clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
        (void) sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=%s",
                          (uint64_t) now.tv_sec * (uint64_t) TS_USEC_PER_SEC + (uint64_t) now.tv_nsec / 1000,
                          status);
}

void ts_notify_stopping(const char *status)
{
        (void) sd_notifyf(0, "STOPPING=1\nSTATUS=%s", status);
}

void ts_notify_status(const char *status)
{
        (void) sd_notifyf(0, "STATUS=%s", status);
}
