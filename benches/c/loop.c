/* A C caller: frame after frame through the C interface, as an encoder's callback would. The functions come as
 * pointers, so that nothing is inlined into the loop. */
#include "frameseal.h"

typedef frameseal_status (*seal_fn)(frameseal_sealer *, const frameseal_frame_info *, const uint8_t *, size_t, uint8_t *,
                                    size_t, size_t *);
typedef frameseal_status (*open_fn)(frameseal_opener *, const frameseal_frame_info *, const uint8_t *, size_t, uint8_t *,
                                    size_t, size_t *);

static frameseal_frame_info video(void)
{
    frameseal_frame_info info = {0};
    info.size = sizeof info;
    info.kind = FRAMESEAL_KIND_VIDEO;
    info.codec = FRAMESEAL_CODEC_OPAQUE;
    return info;
}

size_t bench_seal(seal_fn seal, frameseal_sealer *sealer, const uint8_t *frame, size_t len, uint8_t *out, size_t cap,
                  size_t times)
{
    const frameseal_frame_info info = video();
    size_t done = 0, out_len = 0, i;
    for (i = 0; i < times; i++) {
        done += seal(sealer, &info, frame, len, out, cap, &out_len) == FRAMESEAL_STATUS_OK;
    }
    return done;
}

size_t bench_open(open_fn open, frameseal_opener *opener, const uint8_t *const *frames, size_t len, uint8_t *out,
                  size_t cap, size_t times)
{
    const frameseal_frame_info info = video();
    size_t done = 0, out_len = 0, i;
    for (i = 0; i < times; i++) {
        done += open(opener, &info, frames[i], len, out, cap, &out_len) == FRAMESEAL_STATUS_OK;
    }
    return done;
}
