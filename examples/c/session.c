/* Two members in one process agree on keys over a log in memory, compare emoji, seal and open a frame; then one is
 * removed, and opens nothing any more.
 *
 * Build it like seal.c. Time is counted, not waited for: a real program calls frameseal_session_wake by a timer, and
 * has a relay where this one has `struct world`. */

#include <frameseal.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMBERS = 2, MAX_MAIL = 256, MAX_LOG = 64 };

/* Something on its way to a member: an output of another one, or an entry of the log. */
typedef struct mail {
    size_t to;
    uint32_t kind; /* a frameseal_output_kind; APPEND stands for an entry of the log */
    uint64_t position;
    uint8_t *data;
    size_t len;
} mail;

typedef struct member {
    const char *name;
    frameseal_session *session;
    frameseal_ring *ring;
    uint64_t wake_at; /* 0: not asked for */
    uint64_t epoch;
    size_t people;
    int sealing;
    uint32_t other_index;
    uint8_t other_key[32];
    char code[64];
    char emoji[128];
} member;

typedef struct world {
    member members[MEMBERS];
    mail log[MAX_LOG];
    size_t log_len;
    mail queue[MAX_MAIL];
    size_t head, tail;
    uint64_t now;
} world;

static void must(const char *what, frameseal_status status)
{
    if (status != FRAMESEAL_STATUS_OK) {
        fprintf(stderr, "%s: %s (%s)\n", what, frameseal_strerror(status), frameseal_last_error());
        exit(1);
    }
}

static void check(const char *what, int holds)
{
    if (!holds) {
        fprintf(stderr, "%s: does not hold\n", what);
        exit(1);
    }
}

static uint8_t *copy_of(const uint8_t *data, size_t len)
{
    uint8_t *copy = (uint8_t *)malloc(len + 1);
    check("memory", copy != NULL);
    if (len > 0) {
        memcpy(copy, data, len);
    }
    return copy;
}

static void post(world *w, size_t to, uint32_t kind, uint64_t position, const uint8_t *data, size_t len)
{
    mail *slot = &w->queue[w->tail % MAX_MAIL];
    check("room in the queue", w->tail - w->head < MAX_MAIL);
    slot->to = to;
    slot->kind = kind;
    slot->position = position;
    slot->data = copy_of(data, len);
    slot->len = len;
    w->tail++;
}

/* The log takes an entry if it still ends where the member thinks, and gives it to all in one order. */
static void append(world *w, size_t from, uint64_t expect, const uint8_t *data, size_t len)
{
    size_t i;
    if (expect != w->log_len && w->log_len > 0) {
        must("conflict", frameseal_session_conflict(w->members[from].session, expect, w->now));
        return;
    }
    check("room in the log", w->log_len < MAX_LOG);
    w->log[w->log_len].data = copy_of(data, len);
    w->log[w->log_len].len = len;
    w->log_len++;
    for (i = 0; i < MEMBERS; i++) {
        post(w, i, FRAMESEAL_OUTPUT_KIND_APPEND, w->log_len, data, len);
    }
}

/* A verdict on everybody who is asked about: this program lets all in, and shows them as unverified. */
static void decide(world *w, size_t at, const frameseal_output *out)
{
    uint8_t trust[16];
    check("few people", out->people <= sizeof trust);
    memset(trust, FRAMESEAL_TRUST_UNVERIFIED, sizeof trust);
    must("verdict", frameseal_session_verdict(w->members[at].session, out->question, trust, out->people, w->now));
}

static void roster(member *me, const frameseal_output *out)
{
    size_t i;
    me->epoch = out->epoch;
    me->people = out->people;
    for (i = 0; i < out->people; i++) {
        frameseal_person person;
        memset(&person, 0, sizeof person);
        person.size = sizeof person;
        must("person", frameseal_session_person(me->session, i, &person));
        if (person.index != out->index && person.key_len == sizeof me->other_key) {
            me->other_index = person.index;
            memcpy(me->other_key, person.key, person.key_len);
        }
    }
}

static void others(world *w, size_t from, const frameseal_output *out)
{
    size_t i;
    for (i = 0; i < MEMBERS; i++) {
        if (i != from) {
            post(w, i, out->kind, 0, out->data, out->data_len);
        }
    }
}

/* Does what a session wants until it wants nothing more. */
static void poll(world *w, size_t at)
{
    member *me = &w->members[at];
    for (;;) {
        frameseal_output out;
        memset(&out, 0, sizeof out);
        out.size = sizeof out;
        must("poll", frameseal_session_poll(me->session, &out));
        switch (out.kind) {
        case FRAMESEAL_OUTPUT_KIND_NONE: return;
        case FRAMESEAL_OUTPUT_KIND_APPEND: append(w, at, out.position, out.data, out.data_len); break;
        case FRAMESEAL_OUTPUT_KIND_READ: {
            uint64_t entry;
            for (entry = out.position; entry < w->log_len; entry++) {
                post(w, at, FRAMESEAL_OUTPUT_KIND_APPEND, entry + 1, w->log[entry].data, w->log[entry].len);
            }
            break;
        }
        case FRAMESEAL_OUTPUT_KIND_KNOCK:
        case FRAMESEAL_OUTPUT_KIND_SEND: others(w, at, &out); break;
        case FRAMESEAL_OUTPUT_KIND_WAKE_AT: me->wake_at = out.time_ms; break;
        case FRAMESEAL_OUTPUT_KIND_DECIDE: decide(w, at, &out); break;
        case FRAMESEAL_OUTPUT_KIND_MEMBERS: roster(me, &out); break;
        case FRAMESEAL_OUTPUT_KIND_SEALING: me->sealing = 1; break;
        case FRAMESEAL_OUTPUT_KIND_HUSHED: me->sealing = 0; break;
        case FRAMESEAL_OUTPUT_KIND_CODE: snprintf(me->code, sizeof me->code, "%s", out.text); break;
        case FRAMESEAL_OUTPUT_KIND_EMOJI: snprintf(me->emoji, sizeof me->emoji, "%s", out.text); break;
        default: break; /* events, the policy: for a user interface */
        }
    }
}

static void deliver(world *w, const mail *what)
{
    frameseal_session *to = w->members[what->to].session;
    switch (what->kind) {
    case FRAMESEAL_OUTPUT_KIND_APPEND:
        must("log", frameseal_session_log(to, what->position, what->data, what->len, w->now));
        break;
    case FRAMESEAL_OUTPUT_KIND_KNOCK:
        must("knock", frameseal_session_knock(to, what->data, what->len, w->now));
        break;
    default: must("message", frameseal_session_message(to, what->data, what->len, w->now)); break;
    }
    poll(w, what->to);
}

/* Until `ms` have passed. */
static void run(world *w, uint64_t ms)
{
    const uint64_t end = w->now + ms;
    for (;;) {
        uint64_t next = end;
        size_t i;
        while (w->head != w->tail) {
            mail what = w->queue[w->head % MAX_MAIL];
            w->head++;
            if (w->members[what.to].session != NULL) {
                deliver(w, &what);
            }
            free(what.data);
        }
        for (i = 0; i < MEMBERS; i++) {
            if (w->members[i].wake_at != 0 && w->members[i].wake_at < next) {
                next = w->members[i].wake_at;
            }
        }
        if (next >= end) {
            w->now = end;
            return;
        }
        w->now = next > w->now ? next : w->now;
        for (i = 0; i < MEMBERS; i++) {
            if (w->members[i].wake_at != 0 && w->members[i].wake_at <= w->now) {
                w->members[i].wake_at = 0;
                must("wake", frameseal_session_wake(w->members[i].session, w->now));
                poll(w, i);
            }
        }
    }
}

static void join(world *w, size_t at, const char *name)
{
    member *me = &w->members[at];
    frameseal_session_config config;
    uint8_t entropy[FRAMESEAL_ENTROPY_LEN];
    FILE *random = fopen("/dev/urandom", "rb");
    const mail *last = w->log_len > 0 ? &w->log[w->log_len - 1] : NULL;

    check("entropy", random != NULL && fread(entropy, 1, sizeof entropy, random) == sizeof entropy);
    fclose(random);
    memset(&config, 0, sizeof config);
    config.size = sizeof config;
    config.room = "council-7";
    config.participant = name;
    me->name = name;
    must("session", frameseal_session_new(&config, entropy, sizeof entropy, &me->session));
    frameseal_wipe(entropy, sizeof entropy);
    must("ring", frameseal_session_ring(me->session, &me->ring));
    must("head", frameseal_session_head(me->session, w->log_len, last != NULL ? last->data : NULL,
                                        last != NULL ? last->len : 0, w->now));
    poll(w, at);
}

int main(void)
{
    static world w;
    frameseal_sealer *sealer = NULL;
    frameseal_opener *opener = NULL;
    frameseal_frame_info info;
    uint8_t frame[256] = "a frame of Ada's camera", opened[256];
    size_t len = strlen((const char *)frame), sealed_len = 0, opened_len = 0, i;
    frameseal_status status;
    uint64_t epoch;

    w.now = 1000;
    join(&w, 0, "ada");
    run(&w, 5000);
    join(&w, 1, "bob");
    run(&w, 20000);
    check("both are in", w.members[0].people == 2 && w.members[1].people == 2 && w.members[0].epoch == w.members[1].epoch);
    check("both seal", w.members[0].sealing && w.members[1].sealing);
    check("they have one code", w.members[0].code[0] != '\0' && strcmp(w.members[0].code, w.members[1].code) == 0);
    printf("ada and bob are in one group, and have one code of %lu characters\n", (unsigned long)strlen(w.members[0].code));

    must("compare", frameseal_session_compare(w.members[0].session, w.now));
    poll(&w, 0);
    must("compare", frameseal_session_compare(w.members[1].session, w.now));
    poll(&w, 1);
    run(&w, 5000);
    check("they have one row of emoji", w.members[0].emoji[0] != '\0' && strcmp(w.members[0].emoji, w.members[1].emoji) == 0);
    printf("both see the same seven emoji\n");

    /* Each on whatever thread: they follow the ring. The frame is sealed in place; there is room behind it. */
    must("sealer", frameseal_ring_sealer(w.members[0].ring, &sealer));
    must("opener", frameseal_ring_opener(w.members[1].ring, "ada", &opener));
    memset(&info, 0, sizeof info);
    info.size = sizeof info;
    info.kind = FRAMESEAL_KIND_VIDEO;
    info.codec = FRAMESEAL_CODEC_VP8;
    must("seal", frameseal_seal(sealer, &info, frame, len, frame, sizeof frame, &sealed_len));
    must("open", frameseal_open(opener, &info, frame, sealed_len, opened, sizeof opened, &opened_len));
    printf("bob opens: %.*s\n", (int)opened_len, (const char *)opened);

    /* Ada puts Bob out: fresh keys, which he does not have. */
    epoch = w.members[0].epoch;
    must("remove", frameseal_session_remove(w.members[0].session, w.members[0].other_index, w.members[0].other_key,
                                            sizeof w.members[0].other_key, w.now));
    poll(&w, 0);
    run(&w, 20000);
    check("a new epoch of one", w.members[0].epoch > epoch && w.members[0].people == 1);
    memcpy(frame, opened, opened_len);
    must("seal", frameseal_seal(sealer, &info, frame, opened_len, frame, sizeof frame, &sealed_len));
    status = frameseal_open(opener, &info, frame, sealed_len, opened, sizeof opened, &opened_len);
    check("bob cannot open", status == FRAMESEAL_STATUS_UNKNOWN_KEY);
    printf("bob was removed: %s\n", frameseal_strerror(status));

    frameseal_sealer_free(sealer);
    frameseal_opener_free(opener);
    for (i = 0; i < MEMBERS; i++) {
        frameseal_ring_free(w.members[i].ring);
        frameseal_session_free(w.members[i].session);
    }
    for (i = 0; i < w.log_len; i++) {
        free(w.log[i].data);
    }
    return 0;
}
