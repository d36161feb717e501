/* A panic inside the library is a status for the caller, and the handle it went through answers no more. */

#include "check.h"

/* Only in a library built for tests. */
#ifdef __cplusplus
extern "C"
#endif
frameseal_status frameseal_testing_panic(frameseal_sealer *sealer);

int main(void)
{
    frameseal_config config = config_of(FRAMESEAL_FORMAT_FRAMESEAL, "ada");
    frameseal_frame_info info = info_of(FRAMESEAL_KIND_AUDIO, FRAMESEAL_CODEC_OPAQUE);
    frameseal_sealer *sealer = NULL, *another = NULL;
    uint8_t out[64];
    size_t len = 77;
    EXPECT(frameseal_sealer_new(&config, test_entropy(), FRAMESEAL_ENTROPY_LEN, &sealer), OK);
    EXPECT(frameseal_sealer_new(&config, test_entropy(), FRAMESEAL_ENTROPY_LEN, &another), OK);
    EXPECT(frameseal_testing_panic(sealer), FRAMESEAL_STATUS_PANIC);
    TRUE(strcmp(frameseal_last_error(), "panic: asked for by a test") == 0);
    EXPECT(frameseal_seal(sealer, &info, out, 1, out, sizeof out, &len), FRAMESEAL_STATUS_BROKEN);
    TRUE(len == 77);
    EXPECT(frameseal_seal(another, &info, out, 1, out, sizeof out, &len), OK);
    frameseal_sealer_free(sealer);
    frameseal_sealer_free(another);
    printf("all as it should be\n");
    return 0;
}
