/* Seals one frame, opens it, and shows what becomes of a changed and of a repeated one.
 *
 *     cargo build -p e2ee-ffi --release
 *     cc -std=c99 -I crates/e2ee-ffi/include examples/c/seal.c -L target/release -lframeseal -o seal
 *     LD_LIBRARY_PATH=target/release ./seal
 *
 * C99, and C++ just as well. Reads /dev/urandom; elsewhere take the system's own generator. */

#include <frameseal.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(const char *what, frameseal_status status)
{
    if (status != FRAMESEAL_STATUS_OK) {
        fprintf(stderr, "%s: %s (%s)\n", what, frameseal_strerror(status), frameseal_last_error());
        exit(1);
    }
}

static void draw_entropy(uint8_t *out, size_t len)
{
    FILE *random = fopen("/dev/urandom", "rb");
    if (random == NULL || fread(out, 1, len, random) != len) {
        fprintf(stderr, "no entropy: /dev/urandom cannot be read\n");
        exit(1);
    }
    fclose(random);
}

int main(void)
{
    /* What the call agreed on, and whose frames: the same on both sides. */
    frameseal_config config;
    memset(&config, 0, sizeof config);
    config.size = sizeof config;
    config.call = "council-7";
    config.participant = "ada";

    /* Ada's side. */
    uint8_t entropy[FRAMESEAL_ENTROPY_LEN];
    frameseal_sealer *sealer = NULL;
    draw_entropy(entropy, sizeof entropy);
    must("sealer", frameseal_sealer_new(&config, entropy, sizeof entropy, &sealer));
    frameseal_wipe(entropy, sizeof entropy);

    /* Her key goes to a peer over a channel that only the two can read. */
    uint32_t generation = 0, step = 0;
    uint8_t key[FRAMESEAL_MAX_BASE_KEY_LEN];
    size_t key_len = 0;
    must("key", frameseal_sealer_key(sealer, &generation, &step, key, sizeof key, &key_len));

    /* The peer's side. */
    frameseal_opener *opener = NULL;
    must("opener", frameseal_opener_new(&config, &opener));
    must("install", frameseal_opener_install_key(opener, generation, step, key, key_len));
    frameseal_wipe(key, sizeof key);

    /* A frame of Ada's microphone. */
    frameseal_frame_info info;
    memset(&info, 0, sizeof info);
    info.size = sizeof info;
    info.kind = FRAMESEAL_KIND_AUDIO;
    info.codec = FRAMESEAL_CODEC_OPAQUE; /* Opus: nothing stays clear */
    const char *frame = "an Opus frame";
    const size_t frame_len = strlen(frame);

    size_t cap = frameseal_max_sealed_len(sealer, &info, frame_len);
    uint8_t *sealed = (uint8_t *)malloc(cap);
    uint8_t *opened = (uint8_t *)malloc(cap);
    if (cap == 0 || sealed == NULL || opened == NULL) {
        fprintf(stderr, "no buffers: %s\n", frameseal_last_error());
        return 1;
    }
    size_t sealed_len = 0, opened_len = 0;
    must("seal", frameseal_seal(sealer, &info, (const uint8_t *)frame, frame_len, sealed, cap, &sealed_len));
    printf("sealed %lu bytes into %lu\n", (unsigned long)frame_len, (unsigned long)sealed_len);

    /* The SFU changes one bit: the frame is refused, and nothing of it is written. */
    sealed[sealed_len - 1] ^= 1;
    frameseal_status status = frameseal_open(opener, &info, sealed, sealed_len, opened, cap, &opened_len);
    printf("changed: %d %s\n", (int)status, frameseal_strerror(status));
    printf("         %s\n", frameseal_last_error());
    if (status != FRAMESEAL_STATUS_REJECTED || opened_len != 0) {
        return 1;
    }

    /* As it was, it opens. */
    sealed[sealed_len - 1] ^= 1;
    must("open", frameseal_open(opener, &info, sealed, sealed_len, opened, cap, &opened_len));
    printf("opened: %.*s\n", (int)opened_len, (const char *)opened);
    if (opened_len != frame_len || memcmp(opened, frame, frame_len) != 0) {
        return 1;
    }

    /* Once. */
    status = frameseal_open(opener, &info, sealed, sealed_len, opened, cap, &opened_len);
    printf("repeated: %d %s\n", (int)status, frameseal_strerror(status));
    if (status != FRAMESEAL_STATUS_REPLAYED) {
        return 1;
    }

    /* And never as another kind of track. */
    info.kind = FRAMESEAL_KIND_VIDEO;
    status = frameseal_open(opener, &info, sealed, sealed_len, opened, cap, &opened_len);
    printf("as video: %d %s\n", (int)status, frameseal_strerror(status));
    if (status != FRAMESEAL_STATUS_REJECTED) {
        return 1;
    }

    free(sealed);
    free(opened);
    frameseal_sealer_free(sealer);
    frameseal_opener_free(opener);
    return 0;
}
