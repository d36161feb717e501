/* Every format, every codec: seal and open, in place and out of place; keys that rotate, step, are followed. */

#include "samples.h"

static void there_and_back(frameseal_sealer *sealer, frameseal_opener *opener, const sample *what)
{
    frameseal_frame_info info = info_of(what->kind, what->codec);
    uint8_t sealed[256], opened[256], copy[256];
    size_t sealed_len = 0, opened_len = 0, need = 0, at;
    info.ssrc = 7;
    info.timestamp = 90000;
    /* For formats that cannot read it from the bytes. */
    info.frame_type = what->codec == FRAMESEAL_CODEC_VP8 ? FRAMESEAL_FRAME_TYPE_FROM_BYTES : FRAMESEAL_FRAME_TYPE_DELTA;

    EXPECT(frameseal_seal(sealer, &info, what->frame, what->len, NULL, 0, &need), OK);
    TRUE(need > what->len && need < sizeof sealed);
    EXPECT(frameseal_seal(sealer, &info, what->frame, what->len, sealed, need, &sealed_len), OK);
    TRUE(sealed_len > what->len && sealed_len <= need);
    memcpy(copy, sealed, sealed_len);
    EXPECT(frameseal_open(opener, &info, sealed, sealed_len, opened, sizeof opened, &opened_len), OK);
    TRUE(opened_len == what->len && memcmp(opened, what->frame, what->len) == 0);
    EXPECT(frameseal_open(opener, &info, copy, sealed_len, opened, sizeof opened, &opened_len),
           FRAMESEAL_STATUS_REPLAYED);

    /* In place, both ways, and shifted against each other. */
    memcpy(sealed, what->frame, what->len);
    EXPECT(frameseal_seal(sealer, &info, sealed, what->len, sealed, sizeof sealed, &sealed_len), OK);
    EXPECT(frameseal_open(opener, &info, sealed, sealed_len, sealed, sealed_len, &opened_len), OK);
    TRUE(opened_len == what->len && memcmp(sealed, what->frame, what->len) == 0);
    memcpy(sealed + 3, what->frame, what->len);
    EXPECT(frameseal_seal(sealer, &info, sealed + 3, what->len, sealed, sizeof sealed, &sealed_len), OK);
    EXPECT(frameseal_open(opener, &info, sealed, sealed_len, sealed + 5, sizeof sealed - 5, &opened_len), OK);
    TRUE(opened_len == what->len && memcmp(sealed + 5, what->frame, what->len) == 0);

    /* Any byte changed: it does not open, whatever the byte was for. */
    EXPECT(frameseal_seal(sealer, &info, what->frame, what->len, copy, sizeof copy, &sealed_len), OK);
    for (need = 0; need < sealed_len; need++) {
        memcpy(sealed, copy, sealed_len);
        sealed[need] ^= 0x80;
        memset(opened, 0xee, sizeof opened);
        TRUE(frameseal_open(opener, &info, sealed, sealed_len, opened, sizeof opened, &opened_len) != OK);
        for (at = 0; at < sizeof opened; at++) {
            TRUE(opened[at] == 0xee || (opened[at] == 0 && at < sealed_len));
        }
    }
    /* A repeat is the plaintext once more: nothing of it is left. */
    memset(opened, 0xee, sizeof opened);
    EXPECT(frameseal_open(opener, &info, copy, sealed_len, opened, sizeof opened, &opened_len), OK);
    memset(opened, 0xee, sizeof opened);
    EXPECT(frameseal_open(opener, &info, copy, sealed_len, opened, sizeof opened, &opened_len),
           FRAMESEAL_STATUS_REPLAYED);
    for (at = 0; at < sizeof opened; at++) {
        TRUE(opened[at] == 0xee || (opened[at] == 0 && at < sealed_len));
    }
    /* In place: a frame that does not open stays as it was, so its bit can be turned back. */
    EXPECT(frameseal_seal(sealer, &info, what->frame, what->len, copy, sizeof copy, &sealed_len), OK);
    memcpy(sealed, copy, sealed_len);
    sealed[sealed_len - 1] ^= 0x80;
    TRUE(frameseal_open(opener, &info, sealed, sealed_len, sealed, sealed_len, &opened_len) != OK);
    sealed[sealed_len - 1] ^= 0x80;
    EXPECT(frameseal_open(opener, &info, sealed, sealed_len, sealed, sealed_len, &opened_len), OK);
}

static void hand_over(frameseal_sealer *sealer, frameseal_opener *opener)
{
    uint8_t key[FRAMESEAL_MAX_BASE_KEY_LEN];
    uint32_t generation, step;
    size_t len;
    EXPECT(frameseal_sealer_key(sealer, &generation, &step, key, sizeof key, &len), OK);
    EXPECT(frameseal_opener_install_key(opener, generation, step, key, len), OK);
    frameseal_wipe(key, sizeof key);
}

static void sender_keys(uint32_t format, uint32_t suite)
{
    frameseal_config config = config_of(format, "ada");
    frameseal_sealer *sealer = NULL;
    frameseal_opener *opener = NULL;
    size_t i, len;
    char report[2048];
    config.suite = suite;
    EXPECT(frameseal_sealer_new(&config, test_entropy(), FRAMESEAL_ENTROPY_LEN, &sealer), OK);
    EXPECT(frameseal_opener_new(&config, &opener), OK);
    hand_over(sealer, opener);
    for (i = 0; i < sizeof SAMPLES / sizeof SAMPLES[0]; i++) {
        there_and_back(sealer, opener, &SAMPLES[i]);
    }
    /* A step is followed, a rotation is told. */
    EXPECT(frameseal_sealer_step(sealer), OK);
    there_and_back(sealer, opener, &SAMPLES[0]);
    EXPECT(frameseal_sealer_rotate(sealer, test_entropy(), FRAMESEAL_ENTROPY_LEN), OK);
    {
        frameseal_frame_info info = info_of(FRAMESEAL_KIND_AUDIO, FRAMESEAL_CODEC_OPAQUE);
        uint8_t out[64];
        EXPECT(frameseal_seal(sealer, &info, OPUS, sizeof OPUS, out, sizeof out, &len), OK);
        EXPECT(frameseal_open(opener, &info, out, len, out, sizeof out, &len), FRAMESEAL_STATUS_UNKNOWN_KEY);
    }
    hand_over(sealer, opener);
    there_and_back(sealer, opener, &SAMPLES[0]);
    EXPECT(frameseal_opener_forget_before(opener, 1, 0), OK);
    EXPECT(frameseal_opener_tick(opener, 1000), OK);
    there_and_back(sealer, opener, &SAMPLES[0]);
    for (i = 2; i < 16; i++) {
        EXPECT(frameseal_sealer_step(sealer), OK);
    }
    EXPECT(frameseal_sealer_step(sealer), OK);
    EXPECT(frameseal_sealer_step(sealer), FRAMESEAL_STATUS_STEPS_USED_UP);

    EXPECT(frameseal_sealer_report(sealer, report, sizeof report, &len), OK);
    TRUE(strstr(report, "\"generation\":1,\"step\":15") != NULL && strlen(report) == len);
    EXPECT(frameseal_opener_report(opener, NULL, 0, &len), OK);
    TRUE(len < sizeof report);
    EXPECT(frameseal_opener_report(opener, report, len - 1, &len), FRAMESEAL_STATUS_BUFFER_TOO_SMALL);
    EXPECT(frameseal_opener_report(opener, report, len, &len), OK);
    TRUE(strstr(report, "\"tally\":{\"opened\":") != NULL && strstr(report, "\"participant\":\"ada\"") != NULL);
    frameseal_sealer_free(sealer);
    frameseal_opener_free(opener);
}

static void shared_secret(uint32_t format, const uint8_t *secret)
{
    const size_t secret_len = FRAMESEAL_STRETCHED_LEN;
    frameseal_config config = config_of(format, "ada");
    frameseal_sealer *sealer = NULL, *restarted = NULL;
    frameseal_opener *opener = NULL;
    uint8_t frame[64], first[64];
    frameseal_frame_info info = info_of(FRAMESEAL_KIND_AUDIO, FRAMESEAL_CODEC_OPAQUE);
    char said[64], later[64];
    size_t len, first_len;
    EXPECT(frameseal_sealer_new_shared(&config, secret, secret_len, test_entropy(), 32, &sealer), OK);
    EXPECT(frameseal_opener_new(&config, &opener), OK);
    EXPECT(frameseal_sealer_announcement(sealer, NULL, 0, &len), OK);
    TRUE(len == 42);
    EXPECT(frameseal_sealer_announcement(sealer, said, sizeof said, &len), OK);
    TRUE(len == 41 && strlen(said) == 41);
    EXPECT(frameseal_opener_follow(opener, secret, secret_len, said), OK);
    there_and_back(sealer, opener, &SAMPLES[0]);
    EXPECT(frameseal_sealer_rotate(sealer, test_entropy(), FRAMESEAL_ENTROPY_LEN), OK);
    there_and_back(sealer, opener, &SAMPLES[0]);
    EXPECT(frameseal_seal(sealer, &info, OPUS, sizeof OPUS, first, sizeof first, &first_len), OK);
    EXPECT(frameseal_open(opener, &info, first, first_len, frame, sizeof frame, &len), OK);

    /* The sender was restarted; whoever then brings the first announcement back finds what was seen remembered. */
    EXPECT(frameseal_sealer_new_shared(&config, secret, secret_len, test_entropy(), 32, &restarted), OK);
    EXPECT(frameseal_sealer_announcement(restarted, later, sizeof later, &len), OK);
    TRUE(strcmp(said, later) != 0);
    EXPECT(frameseal_opener_follow(opener, secret, secret_len, later), OK);
    there_and_back(restarted, opener, &SAMPLES[0]);
    EXPECT(frameseal_opener_follow(opener, secret, secret_len, said), OK);
    EXPECT(frameseal_open(opener, &info, first, first_len, frame, sizeof frame, &len), FRAMESEAL_STATUS_REPLAYED);
    EXPECT(frameseal_opener_follow(opener, secret, secret_len, said), OK);
    EXPECT(frameseal_open(opener, &info, first, first_len, frame, sizeof frame, &len), FRAMESEAL_STATUS_REPLAYED);
    frameseal_sealer_free(sealer);
    frameseal_sealer_free(restarted);
    frameseal_opener_free(opener);
}

static void padding(void)
{
    frameseal_config config = config_of(FRAMESEAL_FORMAT_FRAMESEAL, "ada");
    frameseal_sealer *sealer = NULL;
    frameseal_frame_info info = info_of(FRAMESEAL_KIND_AUDIO, FRAMESEAL_CODEC_OPAQUE);
    uint8_t out[512];
    size_t short_len, long_len;
    EXPECT(frameseal_sealer_new(&config, test_entropy(), FRAMESEAL_ENTROPY_LEN, &sealer), OK);
    EXPECT(frameseal_sealer_set_padding(sealer, FRAMESEAL_KIND_AUDIO, 128), OK);
    EXPECT(frameseal_seal(sealer, &info, OPUS, 3, out, sizeof out, &short_len), OK);
    EXPECT(frameseal_seal(sealer, &info, OPUS, sizeof OPUS, out, sizeof out, &long_len), OK);
    TRUE(short_len == long_len && short_len > 128);
    frameseal_sealer_free(sealer);
}

static void livekit(uint32_t suite, uint32_t secret_kind)
{
    frameseal_config config = config_of(FRAMESEAL_FORMAT_LIVEKIT, "ada");
    frameseal_sealer *sealer = NULL;
    frameseal_opener *opener = NULL;
    const uint8_t *word = (const uint8_t *)"correct horse battery";
    const uint8_t raw[16] = {1, 2, 3};
    uint8_t packet[64], iv[FRAMESEAL_DATA_IV_LEN], next[32];
    frameseal_frame_info info = info_of(FRAMESEAL_KIND_AUDIO, FRAMESEAL_CODEC_OPAQUE);
    size_t i, len = 0;
    uint32_t slot = 0;
    config.call = NULL;
    config.suite = suite;
    EXPECT(frameseal_sealer_new(&config, test_entropy(), FRAMESEAL_ENTROPY_LEN, &sealer), OK);
    EXPECT(frameseal_opener_new(&config, &opener), OK);
    EXPECT(frameseal_seal(sealer, &info, OPUS, sizeof OPUS, packet, sizeof packet, &len), FRAMESEAL_STATUS_NO_SENDER_KEY);
    EXPECT(frameseal_sealer_set_slot(sealer, 0, secret_kind, word, 21, NULL, 0), OK);
    EXPECT(frameseal_opener_set_slot(opener, 0, secret_kind, word, 21, NULL, 0), OK);
    for (i = 0; i + 1 < sizeof SAMPLES / sizeof SAMPLES[0]; i++) {
        there_and_back(sealer, opener, &SAMPLES[i]);
    }
    info = info_of(FRAMESEAL_KIND_VIDEO, FRAMESEAL_CODEC_AV1);
    EXPECT(frameseal_seal(sealer, &info, AV1, sizeof AV1, packet, sizeof packet, &len), FRAMESEAL_STATUS_SEAL_UNKNOWN_CODEC);

    /* Slot 17 of 16 is slot 1; a ratchet step is found. */
    EXPECT(frameseal_sealer_set_slot(sealer, 17, FRAMESEAL_SECRET_KIND_RAW, raw, 16, NULL, 0), OK);
    EXPECT(frameseal_opener_set_slot(opener, 1, FRAMESEAL_SECRET_KIND_RAW, raw, 16, NULL, 0), OK);
    EXPECT(frameseal_sealer_select_slot(sealer, 1), OK);
    there_and_back(sealer, opener, &SAMPLES[1]);
    EXPECT(frameseal_sealer_ratchet_slot(sealer, 1, next, sizeof next, &len), OK);
    TRUE(len == 32);
    there_and_back(sealer, opener, &SAMPLES[1]);

    EXPECT(frameseal_seal_data(sealer, 12345, OPUS, sizeof OPUS, NULL, 0, &len, NULL, NULL), OK);
    TRUE(len == sizeof OPUS + 16);
    EXPECT(frameseal_seal_data(sealer, 12345, OPUS, sizeof OPUS, packet, sizeof packet, &len, iv, &slot), OK);
    TRUE(len == sizeof OPUS + 16 && slot == 1);
    EXPECT(frameseal_open_data(opener, iv, slot, packet, len, packet, sizeof packet, &len), OK);
    TRUE(len == sizeof OPUS && memcmp(packet, OPUS, len) == 0);

    /* Frames of the server pass only when allowed, and are told apart. */
    {
        const uint8_t made[] = {0x9e, 1, 2, 0x11, 0x22, 0x33};
        info = info_of(FRAMESEAL_KIND_AUDIO, FRAMESEAL_CODEC_OPAQUE);
        EXPECT(frameseal_opener_allow_server_frames(opener, made + 3, 3), OK);
        EXPECT(frameseal_open(opener, &info, made, sizeof made, packet, sizeof packet, &len), FRAMESEAL_STATUS_INJECTED);
    }
    EXPECT(frameseal_opener_forget_slot(opener, 1), OK);
    EXPECT(frameseal_seal(sealer, &info, OPUS, sizeof OPUS, packet, sizeof packet, &len), OK);
    EXPECT(frameseal_open(opener, &info, packet, len, packet, sizeof packet, &len), FRAMESEAL_STATUS_UNKNOWN_KEY);
    frameseal_sealer_free(sealer);
    frameseal_opener_free(opener);
}

static void jitsi(uint32_t secret_kind)
{
    frameseal_config config = config_of(FRAMESEAL_FORMAT_JITSI, "ada");
    frameseal_sealer *sealer = NULL;
    frameseal_opener *opener = NULL;
    const uint8_t raw[16] = {1, 2, 3};
    uint8_t packet[64], next[32], iv[FRAMESEAL_DATA_IV_LEN];
    frameseal_frame_info info = info_of(FRAMESEAL_KIND_VIDEO, FRAMESEAL_CODEC_VP9);
    size_t i, len = 0;
    uint32_t slot = 0;
    config.call = NULL;
    EXPECT(frameseal_sealer_new(&config, test_entropy(), FRAMESEAL_ENTROPY_LEN, &sealer), OK);
    EXPECT(frameseal_opener_new(&config, &opener), OK);
    /* Slot 17 of 16 is slot 1, and what is set seals. */
    EXPECT(frameseal_sealer_set_slot(sealer, 17, secret_kind, raw, 16, NULL, 0), OK);
    EXPECT(frameseal_opener_set_slot(opener, 1, secret_kind, raw, 16, NULL, 0), OK);
    for (i = 0; i < sizeof SAMPLES / sizeof SAMPLES[0]; i++) {
        there_and_back(sealer, opener, &SAMPLES[i]);
    }
    EXPECT(frameseal_seal(sealer, &info, VP9, sizeof VP9, packet, sizeof packet, &len), FRAMESEAL_STATUS_BAD_OPTION);
    info = info_of(FRAMESEAL_KIND_DATA, FRAMESEAL_CODEC_OPAQUE);
    EXPECT(frameseal_seal(sealer, &info, OPUS, sizeof OPUS, packet, sizeof packet, &len), FRAMESEAL_STATUS_SEAL_UNKNOWN_CODEC);
    EXPECT(frameseal_seal_data(sealer, 1, OPUS, sizeof OPUS, packet, sizeof packet, &len, iv, &slot),
           FRAMESEAL_STATUS_WRONG_FORMAT);
    EXPECT(frameseal_sealer_select_slot(sealer, 1), FRAMESEAL_STATUS_WRONG_FORMAT);
    EXPECT(frameseal_sealer_set_slot(sealer, 1, FRAMESEAL_SECRET_KIND_PASSPHRASE, raw, 16, NULL, 0), FRAMESEAL_STATUS_BAD_OPTION);
    if (secret_kind == FRAMESEAL_SECRET_KIND_RAW) {
        EXPECT(frameseal_sealer_ratchet_slot(sealer, 1, next, sizeof next, &len), OK);
        TRUE(len == 32);
        there_and_back(sealer, opener, &SAMPLES[1]);
        EXPECT(frameseal_sealer_ratchet_slot(sealer, 2, next, sizeof next, &len), FRAMESEAL_STATUS_BAD_OPTION);
    } else {
        EXPECT(frameseal_sealer_ratchet_slot(sealer, 1, next, sizeof next, &len), FRAMESEAL_STATUS_NO_SENDER_KEY);
    }
    frameseal_sealer_free(sealer);
    frameseal_opener_free(opener);
}

int main(void)
{
    uint32_t suite;
    uint8_t secret[FRAMESEAL_STRETCHED_LEN] = {0};
    EXPECT(frameseal_stretch("correct horse", "call", secret, sizeof secret), OK);
    TRUE(secret[0] != 0 || secret[1] != 0 || secret[31] != 0);
    for (suite = 1; suite <= 8; suite++) {
        sender_keys(FRAMESEAL_FORMAT_FRAMESEAL, suite);
    }
    sender_keys(FRAMESEAL_FORMAT_SFRAME, 0);
    shared_secret(FRAMESEAL_FORMAT_FRAMESEAL, secret);
    shared_secret(FRAMESEAL_FORMAT_SFRAME, secret);
    padding();
    livekit(FRAMESEAL_SUITE_AES128_GCM_SHA256_TAG128, FRAMESEAL_SECRET_KIND_PASSPHRASE);
    livekit(FRAMESEAL_SUITE_AES256_GCM_SHA512_TAG128, FRAMESEAL_SECRET_KIND_RAW);
    jitsi(FRAMESEAL_SECRET_KIND_RAW);
    jitsi(FRAMESEAL_SECRET_KIND_AES);
    printf("all as it should be\n");
    return 0;
}
