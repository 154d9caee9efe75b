#include "util/map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "util/mem.h"

#define FIRST_ENTRIES 16u

struct ts_map_entry {
        const unsigned char *key; /* NULL: free */
        size_t len;
        uint32_t value;
        uint32_t hash; /* compared first, and spares hashing again when the map grows */
};

static unsigned char fold(unsigned char c)
{
        return c >= 'A' && c <= 'Z' ? (unsigned char) (c + ('a' - 'A')) : c;
}

static uint64_t rotate(uint64_t v, unsigned n)
{
        return v << n | v >> (64 - n);
}

/* One round of SipHash. Inline, so that its words stay in registers. */
static inline __attribute__((always_inline)) void sip_round(uint64_t v[static 4])
{
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] = rotate(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] = rotate(v[2], 32);
}

static inline __attribute__((always_inline)) void sip_word(uint64_t v[static 4], uint64_t word)
{
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
}

/* fold() of eight bytes at once: for each a bit that says whether it is an upper case letter. */
static uint64_t fold_word(uint64_t word)
{
        const uint64_t each = UINT64_C(0x0101010101010101);
        uint64_t low = word & each * 0x7f;
        uint64_t from_a = low + each * (0x80 - 'A'), after_z = low + each * (0x7f - 'Z');

        return word | (((from_a ^ after_z) & ~word & each * 0x80) >> 2);
}

static uint64_t word_at(const struct ts_map *m, const unsigned char *key, size_t len)
{
        uint64_t word = 0;

        memcpy(&word, key, len);
        return m->fold_ascii ? fold_word(word) : word;
}

/* SipHash-1-3 with the seed as both halves of its key: collisions cannot be made without knowing the seed. */
static uint32_t hash_key(const struct ts_map *m, const unsigned char *key, size_t len)
{
        uint64_t v[4] = {
                m->seed ^ UINT64_C(0x736f6d6570736575),
                ~m->seed ^ UINT64_C(0x646f72616e646f6d),
                m->seed ^ UINT64_C(0x6c7967656e657261),
                ~m->seed ^ UINT64_C(0x7465646279746573),
        };
        uint64_t word;
        size_t i;

        for (i = 0; i + sizeof(word) <= len; i += sizeof(word))
                sip_word(v, word_at(m, key + i, sizeof(word)));
        sip_word(v, word_at(m, key + i, len - i) ^ (uint64_t) len << 56);

        v[2] ^= 0xff;
        sip_round(v);
        sip_round(v);
        sip_round(v);
        word = v[0] ^ v[1] ^ v[2] ^ v[3];
        return (uint32_t) (word ^ word >> 32);
}

static bool equal(const struct ts_map *m, const unsigned char *a, const unsigned char *b, size_t len)
{
        size_t i;

        if (!m->fold_ascii)
                return memcmp(a, b, len) == 0;
        for (i = 0; i < len; i++)
                if (fold(a[i]) != fold(b[i]))
                        return false;
        return true;
}

/* The entry that has the key, or the free one where it belongs. The size is a power of two, and some are
 * always free. */
static struct ts_map_entry *find(const struct ts_map *m, const unsigned char *key, size_t len, uint32_t hash)
{
        size_t i = hash & (m->allocated - 1);

        for (;; i = (i + 1) & (m->allocated - 1)) {
                struct ts_map_entry *e = &m->entries[i];

                if (!e->key || (e->hash == hash && e->len == len && equal(m, e->key, key, len)))
                        return e;
        }
}

/* From the random bytes that the kernel gives to every process: maps are too many for a system call each.
 * There are 16; of the first eight the C library makes the stack's canary, which is for nobody to see. */
static uint64_t make_seed(void)
{
        const unsigned char *bytes = (const unsigned char *) getauxval(AT_RANDOM);
        uint64_t seed = 0;

        if (bytes) /* else a seed that can be guessed, which still finds everything */
                memcpy(&seed, bytes + 8, sizeof(seed));
        return seed;
}

static void grow(struct ts_map *m)
{
        struct ts_map_entry *old = m->entries;
        size_t i, n_old = m->allocated;

        if (n_old == 0)
                m->seed = make_seed();
        m->allocated = n_old > 0 ? n_old * 2 : FIRST_ENTRIES;
        m->entries = ts_calloc(m->allocated, sizeof(*m->entries));
        for (i = 0; i < n_old; i++)
                if (old[i].key)
                        *find(m, old[i].key, old[i].len, old[i].hash) = old[i];
        free(old);
}

/* The key's entry, made with the value TS_MAP_NONE when there is none. */
static struct ts_map_entry *find_or_add(struct ts_map *m, const void *key, size_t len)
{
        struct ts_map_entry *e;
        uint32_t hash;

        assert(key);
        if (m->n >= m->allocated / 4 * 3)
                grow(m);
        hash = hash_key(m, key, len);
        e = find(m, key, len, hash);
        if (!e->key) {
                *e = (struct ts_map_entry){ .key = key, .len = len, .value = TS_MAP_NONE, .hash = hash };
                m->n++;
        }
        return e;
}

uint32_t ts_map_add(struct ts_map *m, const void *key, size_t len, uint32_t value)
{
        struct ts_map_entry *e = find_or_add(m, key, len);

        assert(value != TS_MAP_NONE);
        if (e->value == TS_MAP_NONE)
                e->value = value;
        return e->value;
}

void ts_map_set(struct ts_map *m, const void *key, size_t len, uint32_t value)
{
        assert(value != TS_MAP_NONE);
        find_or_add(m, key, len)->value = value;
}

uint32_t ts_map_get(const struct ts_map *m, const void *key, size_t len)
{
        const struct ts_map_entry *e;

        if (m->n == 0)
                return TS_MAP_NONE;
        e = find(m, key, len, hash_key(m, key, len));
        return e->key ? e->value : TS_MAP_NONE;
}

void ts_map_done(struct ts_map *m)
{
        if (!m)
                return;
        free(m->entries);
        m->entries = NULL;
        m->n = m->allocated = 0;
}

bool ts_equal_fold(const char *a, const char *b)
{
        if (!a || !b)
                return false;
        for (; *a != '\0' && fold((unsigned char) *a) == fold((unsigned char) *b); a++)
                b++;
        return *a == '\0' && *b == '\0';
}
