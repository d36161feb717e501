/* One ring, many threads: one tells it keys while others open frames with openers of their own, and handles that are
 * for one thread at a time say so. Run under ThreadSanitizer it shows that nothing is raced for. */

#include "check.h"

#include <pthread.h>

enum { SENDERS = 3, GENERATIONS = 7, FRAMES = 100, TELLINGS = 200, BUF = 128 };

static frameseal_ring *ring;
static const char *const NAMES[SENDERS] = {"ada", "bob", "cem"};

/* Frames of one sender, made before: sealed[generation][n]. */
typedef struct sender {
    const char *name;
    uint8_t keys[GENERATIONS][32];
    uint8_t sealed[GENERATIONS][FRAMES][BUF];
    size_t len[GENERATIONS][FRAMES];
    unsigned opened;
} sender;

static sender senders[SENDERS];

static void make(sender *who)
{
    frameseal_config config = config_of(FRAMESEAL_FORMAT_FRAMESEAL, who->name);
    frameseal_frame_info info = info_of(FRAMESEAL_KIND_AUDIO, FRAMESEAL_CODEC_OPAQUE);
    frameseal_sealer *sealer = NULL;
    unsigned generation, n;
    EXPECT(frameseal_sealer_new(&config, test_entropy(), FRAMESEAL_ENTROPY_LEN, &sealer), OK);
    for (generation = 0; generation < GENERATIONS; generation++) {
        uint32_t at = 0, step = 0;
        size_t len = 0;
        EXPECT(frameseal_sealer_key(sealer, &at, &step, who->keys[generation], 32, &len), OK);
        TRUE(at == generation && step == 0 && len == 32);
        for (n = 0; n < FRAMES; n++) {
            EXPECT(frameseal_seal(sealer, &info, (const uint8_t *)who->name, 3, who->sealed[generation][n], BUF,
                                  &who->len[generation][n]), OK);
        }
        EXPECT(frameseal_sealer_rotate(sealer, test_entropy(), FRAMESEAL_ENTROPY_LEN), OK);
    }
    frameseal_sealer_free(sealer);
}

/* Opens what a sender sealed, as soon as the ring has the key. */
static void *open_all(void *argument)
{
    sender *who = (sender *)argument;
    frameseal_frame_info info = info_of(FRAMESEAL_KIND_AUDIO, FRAMESEAL_CODEC_OPAQUE);
    frameseal_opener *opener = NULL;
    unsigned generation, n;
    EXPECT(frameseal_ring_opener(ring, who->name, &opener), OK);
    for (generation = 0; generation < GENERATIONS; generation++) {
        for (n = 0; n < FRAMES; n++) {
            uint8_t out[BUF];
            size_t len = 0;
            frameseal_status status;
            do {
                status = frameseal_open(opener, &info, who->sealed[generation][n], who->len[generation][n], out, BUF,
                                        &len);
            } while (status == FRAMESEAL_STATUS_UNKNOWN_KEY);
            EXPECT(status, OK);
            TRUE(len == 3 && memcmp(out, who->name, 3) == 0);
            who->opened++;
        }
    }
    frameseal_opener_free(opener);
    return NULL;
}

/* Tells the ring keys of one sender, the older ones again and again: that changes nothing but keeps the ring moving. */
static void *tell(void *argument)
{
    const sender *who = (const sender *)argument;
    uint32_t n, generation;
    for (n = 0; n < TELLINGS; n++) {
        for (generation = 0; generation <= n * GENERATIONS / TELLINGS; generation++) {
            EXPECT(frameseal_ring_install_key(ring, who->name, generation, 0, who->keys[generation], 32), OK);
        }
    }
    return NULL;
}

static frameseal_sealer *contested;
static unsigned sealed_by[2];

/* Two threads with one sealer: every call does its work or says busy, and no counter is used twice. */
static void *contend(void *argument)
{
    unsigned *sealed = (unsigned *)argument;
    frameseal_frame_info info = info_of(FRAMESEAL_KIND_AUDIO, FRAMESEAL_CODEC_OPAQUE);
    unsigned n;
    for (n = 0; n < 4000; n++) {
        uint8_t out[BUF];
        size_t len = 0;
        frameseal_status status = frameseal_seal(contested, &info, (const uint8_t *)"x", 1, out, BUF, &len);
        if (status == OK) {
            (*sealed)++;
        } else {
            EXPECT(status, FRAMESEAL_STATUS_BUSY);
        }
    }
    return NULL;
}

int main(void)
{
    frameseal_config config = config_of(FRAMESEAL_FORMAT_FRAMESEAL, "me");
    pthread_t openers[SENDERS], tellers[SENDERS], both[2];
    char report[1024], want[64];
    size_t len = 0;
    int i;
    EXPECT(frameseal_ring_new(&config, &ring), OK);
    for (i = 0; i < SENDERS; i++) {
        senders[i].name = NAMES[i];
        make(&senders[i]);
    }
    for (i = 0; i < SENDERS; i++) {
        TRUE(pthread_create(&openers[i], NULL, open_all, &senders[i]) == 0);
        TRUE(pthread_create(&tellers[i], NULL, tell, &senders[i]) == 0);
    }
    for (i = 0; i < SENDERS; i++) {
        TRUE(pthread_join(tellers[i], NULL) == 0);
        TRUE(pthread_join(openers[i], NULL) == 0);
        TRUE(senders[i].opened == GENERATIONS * FRAMES);
    }
    frameseal_ring_free(ring);

    EXPECT(frameseal_sealer_new(&config, test_entropy(), FRAMESEAL_ENTROPY_LEN, &contested), OK);
    for (i = 0; i < 2; i++) {
        TRUE(pthread_create(&both[i], NULL, contend, &sealed_by[i]) == 0);
    }
    for (i = 0; i < 2; i++) {
        TRUE(pthread_join(both[i], NULL) == 0);
    }
    EXPECT(frameseal_sealer_report(contested, report, sizeof report, &len), OK);
    sprintf(want, "\"audio\":%u,", sealed_by[0] + sealed_by[1]);
    TRUE(strstr(report, want) != NULL);
    frameseal_sealer_free(contested);
    printf("all as it should be\n");
    return 0;
}
