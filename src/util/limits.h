/*
 * limits - upper bounds of everything whose size depends on input, each with its reason
 */
#ifndef TS_UTIL_LIMITS_H
#define TS_UTIL_LIMITS_H

/* YAML: libyaml needs time quadratic in the nesting of flow collections, so size and depth are capped. */
#define TS_YAML_MAX_BYTES (1024u * 1024u)
#define TS_YAML_MAX_DEPTH 16u
#define TS_YAML_SCALAR_MAX_BYTES 4096u
#define TS_YAML_MAX_NODES 250000u /* of one file: bounds the tree's memory to 20 MB */
/*
 * Declarations in all. A file is loaded while the one in force is kept, below the unit's MemoryMax=512M: a
 * grant takes some 60 bytes, another object 250.
 */
#define TS_YAML_MAX_FILES 10000u
#define TS_YAML_MAX_TOTAL_BYTES (32u * 1024u * 1024u)
#define TS_YAML_MAX_FOLDER_DEPTH 16u
#define TS_CONFIG_MAX_FOLDERS 4096u   /* each is a watch of inotify */
#define TS_CONFIG_MAX_ENTRIES 200000u /* directory entries examined, of any kind */
#define TS_CONFIG_MAX_LINKS 20000u    /* symbolic links: each is resolved by itself */
#define TS_CONFIG_SUBMODULES_MAX 1000u
#define TS_DECLARED_OBJECTS_MAX 100000u /* trusts, members, role sets */
#define TS_DECLARED_GRANTS_MAX 500000u  /* roles and divisions of members and sets, references to sets */
/* An export holds a whole organization in one file: some 10,000 members and 50,000 people of our own. */
#define TS_EXPORT_MAX_BYTES (16u * 1024u * 1024u)
#define TS_EXPORT_MAX_NODES 1500000u

/* JSON: an answer is kept whole before it is parsed (yajl is quadratic in the chunks of a token). */
#define TS_JSON_MAX_BYTES (8u * 1024u * 1024u)
#define TS_JSON_MAX_DEPTH 32u
#define TS_JSON_MAX_VALUES 500000u
#define TS_JSON_MAX_KEYS 1024u /* of one object: each key is compared with all others */
#define TS_JSON_STRING_MAX_BYTES (64u * 1024u)
#define TS_JSON_NUMBER_MAX_BYTES 128u

/* HTTP */
#define TS_HTTP_BODY_MAX_BYTES TS_JSON_MAX_BYTES
#define TS_HTTP_HEADERS_MAX_BYTES (64u * 1024u)
#define TS_STOP_WRITES_USEC \
        (5 * 1000000ull)                  /* the answer to a write, when the process is to end: a write that
                                              * is lost is found by the next cycle */
#define TS_HTTP_REQUEST_MAX_BYTES 512000u /* the platform's own limit on a request's body */
#define TS_URL_MAX_BYTES 2048u
#define TS_PAGES_MAX 1000u /* of one listing; 100,000 entries at 100 a page */

/* Organizations processed concurrently, each with a thread for its stack. A turn that hangs occupies a task
 * until its requests time out; organizations that failed in the last cycle may use only some of the tasks. */
#define TS_TASKS_MAX 96u
#define TS_TASKS_SUSPECTS_MAX 32u
/* Connections in total. Each task has an equal share and uses no more, so that organizations do not wait for
 * each other's connections. Descriptors: two a connection at most (one more while a name is resolved), and
 * the rest.
 */
#define TS_CONNECTIONS_MAX 384u
#define TS_DESCRIPTORS_MAX 2048u
/* Concurrent name resolutions: each occupies a thread of libcurl, even after its request has timed out.
 */
#define TS_RESOLVERS_MAX 8u
/* What is kept of an organization's answers: a name (the platform's own are shorter), and all of it together:
 * 100,000 members with names of that length are below it. */
#define TS_NAME_MAX_BYTES 256u
#define TS_LIVE_MAX_BYTES (96u * 1024u * 1024u)

/* Audits: what --audit prints, kept whole until it is printed, and how far back one trust is read. */
#define TS_AUDIT_MAX_BYTES (32u * 1024u * 1024u) /* one answer more may come on top */
#define TS_AUDIT_PAGES_MAX 200u   /* of one trust; 20,000 entries at 100 a page, newest first */
#define TS_AUDIT_ENTRIES_MAX 500u /* searched for the authors of drift: one page */

/* Groups of partners whose members are searched for denied users in one cycle of an organization. */
#define TS_DENY_GROUPS_MAX 100u

/* Groups whose people an access report asks for, of one organization: one request each, or more. */
#define TS_ACCESS_GROUPS_MAX 500u

/* Secrets: a client secret is a line of text. */
#define TS_SECRET_MAX_BYTES 4096u

/* State directory: the last-applied record of 100,000 members with ten grants each stays below this. */
#define TS_STATE_MAX_BYTES (64u * 1024u * 1024u)

/* inotify: one watch a directory; the kernel's own limit is shared by all programs of a user. */
#define TS_WATCHES_MAX 8192u
#define TS_WATCHED_NAMES_MAX 100000u /* links may have many parts that are links */

/* The daemon's history, the log messages it suppresses as repeated, and the longest pause. */
#define TS_HISTORY_MAX 200u
#define TS_HISTORY_MAX_BYTES (256u * 1024u)
#define TS_REPEATED_MAX 100000u
#define TS_PAUSE_MAX_DAYS 30u
#define TS_PAUSE_REASON_MAX_BYTES 256u

/* One line of a report or a log: names from the API are cut to this before they are shown. */
#define TS_TEXT_MAX_BYTES 1024u

/* What --plan-digest takes in all: the digests of 16 reviews. */
#define TS_PLAN_DIGESTS_MAX_BYTES (16u * 72u)

#endif
