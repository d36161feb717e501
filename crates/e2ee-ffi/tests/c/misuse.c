/* Everything a C program can get wrong and the library can notice: a status, and no output touched. */

#include <frameseal.h>

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect(int line, frameseal_status got, frameseal_status want)
{
    if (got != want) {
        printf("line %d: got %d %s (%s), want %d\n", line, (int)got, frameseal_strerror(got), frameseal_last_error(),
               (int)want);
        exit(1);
    }
}

static void expect_true(int line, int holds)
{
    if (!holds) {
        printf("line %d: does not hold (%s)\n", line, frameseal_last_error());
        exit(1);
    }
}

#define EXPECT(status, want) expect(__LINE__, status, want)
#define TRUE(condition) expect_true(__LINE__, (condition) != 0)
#define OK FRAMESEAL_STATUS_OK

static frameseal_config a_config(void)
{
    frameseal_config config;
    memset(&config, 0, sizeof config);
    config.size = sizeof config;
    config.call = "call";
    config.participant = "ada";
    return config;
}

static frameseal_frame_info an_info(uint32_t kind, uint32_t codec)
{
    frameseal_frame_info info;
    memset(&info, 0, sizeof info);
    info.size = sizeof info;
    info.kind = kind;
    info.codec = codec;
    return info;
}

static uint8_t entropy[FRAMESEAL_ENTROPY_LEN];

static void configs(void)
{
    frameseal_sealer *sealer = NULL;
    frameseal_opener *opener = NULL;
    frameseal_config config = a_config();

    EXPECT(frameseal_sealer_new(NULL, entropy, sizeof entropy, &sealer), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_sealer_new(&config, NULL, sizeof entropy, &sealer), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_sealer_new(&config, entropy, sizeof entropy, NULL), FRAMESEAL_STATUS_NULL_POINTER);
    TRUE(strcmp(frameseal_last_error(), "out: a pointer is NULL") == 0);
    EXPECT(frameseal_sealer_new(&config, entropy, 31, &sealer), FRAMESEAL_STATUS_BAD_ENTROPY);
    EXPECT(frameseal_sealer_new(&config, entropy, (size_t)-1, &sealer), FRAMESEAL_STATUS_BAD_LENGTH);
    {
        uint8_t zeros[FRAMESEAL_ENTROPY_LEN] = {0};
        EXPECT(frameseal_sealer_new(&config, zeros, sizeof zeros, &sealer), FRAMESEAL_STATUS_BAD_ENTROPY);
    }
    EXPECT(frameseal_opener_new(NULL, &opener), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_opener_new(&config, NULL), FRAMESEAL_STATUS_NULL_POINTER);

    config.size = 0;
    EXPECT(frameseal_opener_new(&config, &opener), FRAMESEAL_STATUS_BAD_SIZE);
    config.size = sizeof config - sizeof(void *);
    EXPECT(frameseal_opener_new(&config, &opener), FRAMESEAL_STATUS_BAD_SIZE);
    config = a_config();
    config.call = NULL;
    EXPECT(frameseal_opener_new(&config, &opener), FRAMESEAL_STATUS_NULL_POINTER);
    TRUE(strcmp(frameseal_last_error(), "config.call: a pointer is NULL") == 0);
    config.call = "";
    EXPECT(frameseal_opener_new(&config, &opener), FRAMESEAL_STATUS_BAD_NAME);
    config = a_config();
    config.participant = "caf\xe9";
    EXPECT(frameseal_opener_new(&config, &opener), FRAMESEAL_STATUS_BAD_NAME);
    {
        char longest[514];
        memset(longest, 'x', sizeof longest);
        config.participant = longest; /* no NUL within 513 bytes */
        EXPECT(frameseal_opener_new(&config, &opener), FRAMESEAL_STATUS_BAD_NAME);
        longest[512] = 0;
        EXPECT(frameseal_opener_new(&config, &opener), OK);
        frameseal_opener_free(opener);
        opener = NULL;
    }
    config = a_config();
    config.suite = 9;
    EXPECT(frameseal_opener_new(&config, &opener), FRAMESEAL_STATUS_UNKNOWN_SUITE);
    config.suite = 0x10004;
    EXPECT(frameseal_opener_new(&config, &opener), FRAMESEAL_STATUS_UNKNOWN_SUITE);
    config = a_config();
    config.format = 4;
    EXPECT(frameseal_opener_new(&config, &opener), FRAMESEAL_STATUS_UNKNOWN_FORMAT);
    config = a_config();
    config.format = FRAMESEAL_FORMAT_LIVEKIT;
    config.slots = 257;
    EXPECT(frameseal_opener_new(&config, &opener), FRAMESEAL_STATUS_BAD_OPTION);
    config.slots = 0;
    config.ratchet_window = 33;
    EXPECT(frameseal_opener_new(&config, &opener), FRAMESEAL_STATUS_BAD_OPTION);
    config.ratchet_window = 0;
    config.suite = FRAMESEAL_SUITE_AES128_CTR_HMAC_SHA256_TAG80;
    EXPECT(frameseal_opener_new(&config, &opener), FRAMESEAL_STATUS_UNKNOWN_SUITE);
    config = a_config();
    config.ratchet_bits = 17;
    EXPECT(frameseal_opener_new(&config, &opener), FRAMESEAL_STATUS_BAD_RATCHET_BITS);
    TRUE(sealer == NULL && opener == NULL);

    /* A newer program: a larger struct, with fields that this library does not know. */
    {
        struct {
            frameseal_config config;
            uint64_t newer;
        } larger;
        memset(&larger, 0, sizeof larger);
        larger.config = a_config();
        larger.config.size = sizeof larger;
        EXPECT(frameseal_opener_new(&larger.config, &opener), OK);
        frameseal_opener_free(opener);
        opener = NULL;
        larger.newer = 1;
        EXPECT(frameseal_opener_new(&larger.config, &opener), FRAMESEAL_STATUS_BAD_SIZE);
        TRUE(opener == NULL);
    }

    /* NULL is nothing to free. */
    frameseal_sealer_free(NULL);
    frameseal_opener_free(NULL);
    frameseal_wipe(NULL, 7);
}

static void keys(frameseal_sealer *sealer, frameseal_opener *opener)
{
    uint32_t generation = 77, step = 77;
    uint8_t key[FRAMESEAL_MAX_BASE_KEY_LEN];
    size_t len = 77;
    memset(key, 0xee, sizeof key);

    EXPECT(frameseal_sealer_key(NULL, &generation, &step, key, sizeof key, &len), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_sealer_key(sealer, NULL, &step, key, sizeof key, &len), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_sealer_key(sealer, &generation, NULL, key, sizeof key, &len), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_sealer_key(sealer, &generation, &step, NULL, sizeof key, &len), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_sealer_key(sealer, &generation, &step, key, sizeof key, NULL), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_sealer_key(sealer, &generation, &step, key, 31, &len), FRAMESEAL_STATUS_BUFFER_TOO_SMALL);
    TRUE(generation == 77 && step == 77 && len == 77 && key[0] == 0xee);
    EXPECT(frameseal_sealer_key(sealer, &generation, &step, key, 32, &len), OK);
    TRUE(generation == 0 && step == 0 && len == 32 && key[32] == 0xee);

    EXPECT(frameseal_opener_install_key(NULL, 0, 0, key, len), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_opener_install_key(opener, 0, 0, NULL, len), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_opener_install_key(opener, 0, 0, key, 0), FRAMESEAL_STATUS_BAD_KEY);
    EXPECT(frameseal_opener_install_key(opener, 0, 0, key, 15), FRAMESEAL_STATUS_BAD_KEY);
    EXPECT(frameseal_opener_install_key(opener, 0, 16, key, len), FRAMESEAL_STATUS_BAD_STEP);
    EXPECT(frameseal_opener_install_key(opener, 0, 0, key, len), OK);
    EXPECT(frameseal_opener_install_key(opener, 0, 0, key, len), OK);
    frameseal_wipe(key, sizeof key);
    TRUE(key[0] == 0 && key[255] == 0);
}

static void frames(frameseal_sealer *sealer, frameseal_opener *opener)
{
    frameseal_frame_info info = an_info(FRAMESEAL_KIND_AUDIO, FRAMESEAL_CODEC_OPAQUE);
    uint8_t out[256], in[256], sealed[256];
    size_t len = 77, sealed_len = 0;
    memset(out, 0xee, sizeof out);
    memset(in, 3, sizeof in);

    EXPECT(frameseal_seal(NULL, &info, in, 9, out, sizeof out, &len), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_seal(sealer, NULL, in, 9, out, sizeof out, &len), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_seal(sealer, &info, NULL, 9, out, sizeof out, &len), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_seal(sealer, &info, in, 9, out, sizeof out, NULL), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_seal(sealer, &info, in, (size_t)-1, out, sizeof out, &len), FRAMESEAL_STATUS_BAD_LENGTH);
    EXPECT(frameseal_seal(sealer, &info, in, 9, out, 20, &len), FRAMESEAL_STATUS_BUFFER_TOO_SMALL);
    EXPECT(frameseal_open(opener, &info, in, 9, out, 8, &len), FRAMESEAL_STATUS_BUFFER_TOO_SMALL);
    EXPECT(frameseal_open(NULL, &info, in, 9, out, sizeof out, &len), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_open(opener, NULL, in, 9, out, sizeof out, &len), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_open(opener, &info, NULL, 9, out, sizeof out, &len), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_open(opener, &info, in, 9, out, sizeof out, NULL), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_open(opener, &info, NULL, 0, out, sizeof out, &len), FRAMESEAL_STATUS_TOO_SHORT);
    EXPECT(frameseal_open(opener, &info, in, 9, out, sizeof out, &len), FRAMESEAL_STATUS_UNKNOWN_VERSION);
    in[0] = 0x42;
    EXPECT(frameseal_open(opener, &info, in, 40, out, sizeof out, &len), FRAMESEAL_STATUS_WRONG_CODEC);
    in[0] = 3;

    /* Sizes are asked for with NULL, and nothing is spent. */
    EXPECT(frameseal_seal(sealer, &info, in, 9, NULL, 0, NULL), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_seal(sealer, &info, in, 9, NULL, 0, &len), OK);
    TRUE(len == frameseal_max_sealed_len(sealer, &info, 9));
    EXPECT(frameseal_open(opener, &info, in, 9, NULL, 0, &len), OK);
    TRUE(len == 9);
    len = 77;

    TRUE(frameseal_max_sealed_len(NULL, &info, 9) == 0);
    TRUE(frameseal_max_sealed_len(sealer, NULL, 9) == 0);
    info = an_info(5, FRAMESEAL_CODEC_OPAQUE);
    EXPECT(frameseal_seal(sealer, &info, in, 9, out, sizeof out, &len), FRAMESEAL_STATUS_UNKNOWN_KIND);
    info = an_info(FRAMESEAL_KIND_VIDEO, 0);
    EXPECT(frameseal_seal(sealer, &info, in, 9, out, sizeof out, &len), FRAMESEAL_STATUS_BAD_CODEC);
    TRUE(frameseal_max_sealed_len(sealer, &info, 9) == 0);
    info = an_info(FRAMESEAL_KIND_VIDEO, 256 + FRAMESEAL_CODEC_VP8);
    EXPECT(frameseal_seal(sealer, &info, in, 9, out, sizeof out, &len), FRAMESEAL_STATUS_BAD_CODEC);
    info = an_info(FRAMESEAL_KIND_VIDEO, FRAMESEAL_CODEC_H264);
    EXPECT(frameseal_seal(sealer, &info, in, 9, out, sizeof out, &len), FRAMESEAL_STATUS_SEAL_LAYOUT);
    info = an_info(FRAMESEAL_KIND_VIDEO, FRAMESEAL_CODEC_OPAQUE);
    info.metadata_len = 3;
    EXPECT(frameseal_seal(sealer, &info, in, 9, out, sizeof out, &len), FRAMESEAL_STATUS_NULL_POINTER);
    info.size = offsetof(frameseal_frame_info, timestamp);
    EXPECT(frameseal_seal(sealer, &info, in, 9, out, sizeof out, &len), FRAMESEAL_STATUS_BAD_SIZE);
    info = an_info(FRAMESEAL_KIND_VIDEO, FRAMESEAL_CODEC_UNKNOWN);
    EXPECT(frameseal_seal(sealer, &info, in, 9, out, sizeof out, &len), FRAMESEAL_STATUS_BAD_CODEC);
    info = an_info(FRAMESEAL_KIND_VIDEO, FRAMESEAL_CODEC_VP8);
    info.frame_type = 3;
    EXPECT(frameseal_seal(sealer, &info, in, 9, out, sizeof out, &len), FRAMESEAL_STATUS_BAD_OPTION);
    TRUE(len == 77 && out[0] == 0xee && out[255] == 0xee);

    /* Exactly enough room; empty frames; the same buffer for input and output; metadata. */
    info = an_info(FRAMESEAL_KIND_AUDIO, FRAMESEAL_CODEC_OPAQUE);
    EXPECT(frameseal_seal(sealer, &info, NULL, 0, sealed, sizeof sealed, &sealed_len), OK);
    TRUE(sealed_len <= frameseal_max_sealed_len(sealer, &info, 0));
    EXPECT(frameseal_open(opener, &info, sealed, sealed_len, out, sealed_len, &len), OK);
    TRUE(len == 0 && out[sealed_len] == 0xee);
    info.metadata = (const uint8_t *)"side";
    info.metadata_len = 4;
    memcpy(sealed, "here and there", 14);
    EXPECT(frameseal_seal(sealer, &info, sealed, 14, sealed, sizeof sealed, &sealed_len), OK);
    TRUE(sealed_len == 14 + 1 + 1 + 16 && memcmp(sealed, "here", 4) != 0);
    info.metadata_len = 3;
    EXPECT(frameseal_open(opener, &info, sealed, sealed_len, out, sizeof out, &len), FRAMESEAL_STATUS_REJECTED);
    info.metadata_len = 4;
    EXPECT(frameseal_open(opener, &info, sealed, sealed_len, sealed, sealed_len, &len), OK);
    TRUE(len == 14 && memcmp(sealed, "here and there", 14) == 0);

    /* Metadata that stand where the sealed frame goes, and on its last byte. */
    memcpy(sealed, "side", 4);
    info.metadata = sealed;
    EXPECT(frameseal_seal(sealer, &info, in, 9, sealed, sizeof sealed, &sealed_len), OK);
    info.metadata = (const uint8_t *)"side";
    EXPECT(frameseal_open(opener, &info, sealed, sealed_len, out, sizeof out, &len), OK);
    TRUE(len == 9 && memcmp(out, in, 9) == 0);
    memcpy(sealed + sealed_len - 1, "side", 4);
    info.metadata = sealed + sealed_len - 1;
    EXPECT(frameseal_seal(sealer, &info, in, 9, sealed, sealed_len, &sealed_len), OK);
    info.metadata = (const uint8_t *)"side";
    EXPECT(frameseal_open(opener, &info, sealed, sealed_len, out, sizeof out, &len), OK);
    TRUE(len == 9 && memcmp(out, in, 9) == 0);
    /* The same for the opened one. */
    EXPECT(frameseal_seal(sealer, &info, in, 9, sealed, sizeof sealed, &sealed_len), OK);
    memcpy(out, "side", 4);
    info.metadata = out;
    EXPECT(frameseal_open(opener, &info, sealed, sealed_len, out, sizeof out, &len), OK);
    TRUE(len == 9 && memcmp(out, in, 9) == 0);
    info.metadata = (const uint8_t *)"side";
    EXPECT(frameseal_seal(sealer, &info, in, 9, sealed, sizeof sealed, &sealed_len), OK);
    memcpy(out + sealed_len - 1, "side", 4);
    info.metadata = out + sealed_len - 1;
    EXPECT(frameseal_open(opener, &info, sealed, sealed_len, out, sizeof out, &len), OK);
    TRUE(len == 9 && memcmp(out, in, 9) == 0);
    info.metadata = (const uint8_t *)"side";

    /* One byte short: nothing is written, and behind what is sealed nothing either. */
    memset(sealed, 0xee, sizeof sealed);
    EXPECT(frameseal_seal(sealer, &info, in, 9, sealed, sealed_len - 1, &len), FRAMESEAL_STATUS_BUFFER_TOO_SMALL);
    TRUE(len == 9 && sealed[0] == 0xee && sealed[sealed_len - 1] == 0xee);
    EXPECT(frameseal_seal(sealer, &info, in, 9, sealed, sizeof sealed, &len), OK);
    TRUE(len == sealed_len && sealed[len] == 0xee && sealed[len + 1] == 0xee);

    /* Every status has a word, and any number may be asked for. */
    TRUE(strcmp(frameseal_strerror(0), "no error") == 0);
    TRUE(strcmp(frameseal_strerror(-2147483647), "unknown status") == 0);
}

static void others(frameseal_sealer *sealer, frameseal_opener *opener)
{
    frameseal_config config = a_config();
    frameseal_sealer *another = NULL;
    frameseal_ring *ring = NULL;
    uint8_t secret[32] = {1}, out[32];
    char text[64];
    size_t len = 77;
    uint32_t slot = 77;

    EXPECT(frameseal_sealer_new_shared(&config, secret, 15, entropy, sizeof entropy, &another), FRAMESEAL_STATUS_BAD_KEY);
    EXPECT(frameseal_sealer_new_shared(&config, secret, 257, entropy, sizeof entropy, &another), FRAMESEAL_STATUS_BAD_KEY);
    EXPECT(frameseal_sealer_announcement(sealer, text, sizeof text, &len), FRAMESEAL_STATUS_WRONG_SCHEME);
    EXPECT(frameseal_sealer_rotate(sealer, entropy, 0), FRAMESEAL_STATUS_BAD_ENTROPY);
    EXPECT(frameseal_sealer_step(NULL), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_sealer_set_padding(sealer, 9, 8), FRAMESEAL_STATUS_UNKNOWN_KIND);
    EXPECT(frameseal_sealer_set_padding(sealer, FRAMESEAL_KIND_AUDIO, 65536), FRAMESEAL_STATUS_BAD_OPTION);
    EXPECT(frameseal_opener_follow(opener, secret, sizeof secret, "fs1-0004-12"), FRAMESEAL_STATUS_BAD_ANNOUNCEMENT);
    EXPECT(frameseal_opener_follow(opener, secret, sizeof secret, NULL), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_opener_forget_before(opener, 0, 16), FRAMESEAL_STATUS_BAD_STEP);
    EXPECT(frameseal_stretch("", "call", out, sizeof out), FRAMESEAL_STATUS_BAD_NAME);
    EXPECT(frameseal_stretch("word", "call", out, 31), FRAMESEAL_STATUS_BUFFER_TOO_SMALL);

    /* What belongs to another format. */
    EXPECT(frameseal_sealer_set_slot(sealer, 0, FRAMESEAL_SECRET_KIND_RAW, secret, 32, NULL, 0), FRAMESEAL_STATUS_WRONG_FORMAT);
    EXPECT(frameseal_sealer_select_slot(sealer, 0), FRAMESEAL_STATUS_WRONG_FORMAT);
    EXPECT(frameseal_opener_set_slot(opener, 0, FRAMESEAL_SECRET_KIND_RAW, secret, 32, NULL, 0), FRAMESEAL_STATUS_WRONG_FORMAT);
    EXPECT(frameseal_opener_allow_server_frames(opener, secret, 4), FRAMESEAL_STATUS_WRONG_FORMAT);
    EXPECT(frameseal_seal_data(sealer, 0, secret, 4, out, sizeof out, &len, secret, &slot), FRAMESEAL_STATUS_WRONG_FORMAT);

    /* Rings. */
    EXPECT(frameseal_ring_new(NULL, &ring), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_ring_new(&config, NULL), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_ring_new(&config, &ring), OK);
    EXPECT(frameseal_ring_sealer(ring, &another), FRAMESEAL_STATUS_WRONG_FORMAT);
    EXPECT(frameseal_ring_opener(ring, "", &opener), FRAMESEAL_STATUS_BAD_NAME);
    EXPECT(frameseal_ring_install_key(ring, NULL, 0, 0, secret, 32), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_ring_set_slot(ring, NULL, 0, FRAMESEAL_SECRET_KIND_RAW, secret, 32, NULL, 0), FRAMESEAL_STATUS_WRONG_FORMAT);
    EXPECT(frameseal_ring_forget(NULL, "ada"), FRAMESEAL_STATUS_NULL_POINTER);
    frameseal_ring_free(ring);
    frameseal_ring_free(NULL);
    TRUE(another == NULL && len == 77 && slot == 77);
}

static void sessions(void)
{
    frameseal_session_config config;
    frameseal_session *session = NULL;
    frameseal_output out;
    frameseal_person person;
    const char *names[2] = {"ada", NULL};
    uint8_t trust[2] = {0}, key[64];
    size_t len = 77;
    memset(&config, 0, sizeof config);
    memset(&out, 0, sizeof out);
    memset(&person, 0, sizeof person);

    EXPECT(frameseal_session_new(&config, entropy, sizeof entropy, &session), FRAMESEAL_STATUS_BAD_SIZE);
    config.size = sizeof config;
    EXPECT(frameseal_session_new(&config, entropy, sizeof entropy, &session), FRAMESEAL_STATUS_NULL_POINTER);
    config.room = "room";
    config.participant = "a\nb"; /* hides what stands around it */
    EXPECT(frameseal_session_new(&config, entropy, sizeof entropy, &session), FRAMESEAL_STATUS_BAD_NAME);
    config.participant = "ada";
    config.mode = 4;
    EXPECT(frameseal_session_new(&config, entropy, sizeof entropy, &session), FRAMESEAL_STATUS_BAD_OPTION);
    config.mode = 0;
    EXPECT(frameseal_session_new(&config, entropy, 31, &session), FRAMESEAL_STATUS_BAD_ENTROPY);
    TRUE(session == NULL);
    EXPECT(frameseal_session_new(&config, entropy, sizeof entropy, &session), OK);

    EXPECT(frameseal_session_wake(session, 1), OK); /* nothing to wake for */
    EXPECT(frameseal_session_rejoin(session, 0, NULL, 0, 1), FRAMESEAL_STATUS_SESSION_OVER);
    /* Of one who is not in the group it would be forgotten. */
    EXPECT(frameseal_session_rotate(session, 1), FRAMESEAL_STATUS_SESSION_OVER);
    TRUE(strstr(frameseal_last_error(), "not in the group") != NULL);
    EXPECT(frameseal_session_policy(session, FRAMESEAL_MODE_OFF, 0, 0, 1), FRAMESEAL_STATUS_SESSION_OVER);
    EXPECT(frameseal_session_head(NULL, 0, NULL, 0, 1), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_session_head(session, 1, NULL, 9, 1), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_session_participants(session, names, 2, 1), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_session_participants(session, NULL, 1, 1), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_session_participants(session, names, (size_t)-1, 1), FRAMESEAL_STATUS_BAD_LENGTH);
    EXPECT(frameseal_session_remove(session, 0, key, 32, 1), FRAMESEAL_STATUS_NO_SUCH_MEMBER);
    EXPECT(frameseal_session_verdict(session, 7, trust, 2, 1), FRAMESEAL_STATUS_NO_SUCH_QUESTION);
    EXPECT(frameseal_session_key(session, key, 31, &len), FRAMESEAL_STATUS_BUFFER_TOO_SMALL);
    TRUE(len == 77);
    EXPECT(frameseal_session_key(session, NULL, 0, &len), OK);
    EXPECT(frameseal_session_key(session, key, sizeof key, &len), OK);
    TRUE(len == 32);

    EXPECT(frameseal_session_poll(session, NULL), FRAMESEAL_STATUS_NULL_POINTER);
    EXPECT(frameseal_session_poll(session, &out), FRAMESEAL_STATUS_BAD_SIZE);
    out.size = sizeof out;
    EXPECT(frameseal_session_person(session, 0, &person), FRAMESEAL_STATUS_BAD_SIZE);
    person.size = sizeof person;
    EXPECT(frameseal_session_person(session, 0, &person), FRAMESEAL_STATUS_BAD_OPTION);
    EXPECT(frameseal_session_poll(session, &out), OK);
    TRUE(out.kind == FRAMESEAL_OUTPUT_KIND_NONE && out.size == sizeof out);
    frameseal_session_free(session);
    frameseal_session_free(NULL);
}

int main(void)
{
    frameseal_config config = a_config();
    frameseal_sealer *sealer = NULL;
    frameseal_opener *opener = NULL;
    size_t i;
    for (i = 0; i < sizeof entropy; i++) {
        entropy[i] = (uint8_t)(i + 1); /* a test may; a program never */
    }
    TRUE(frameseal_abi_version() == FRAMESEAL_ABI_VERSION);
    TRUE(strcmp(frameseal_last_error(), "no error") == 0);
    configs();
    EXPECT(frameseal_sealer_new(&config, entropy, sizeof entropy, &sealer), OK);
    EXPECT(frameseal_opener_new(&config, &opener), OK);
    keys(sealer, opener);
    frames(sealer, opener);
    others(sealer, opener);
    sessions();
    frameseal_sealer_free(sealer);
    frameseal_opener_free(opener);
    printf("all as it should be\n");
    return 0;
}
