/* One frame of each codec, as its encoder makes them. */
#ifndef FRAMESEAL_TEST_SAMPLES_H
#define FRAMESEAL_TEST_SAMPLES_H

#include "check.h"

static const uint8_t OPUS[] = {0xfc, 1, 2, 3, 4, 5, 6, 7};
static const uint8_t VP8[] = {0x10, 2, 0, 0x9d, 1, 0x2a, 8, 0, 8, 0, 1, 2, 3, 4, 5, 6};
static const uint8_t VP9[] = {0x82, 0x49, 0x83, 0x42, 0, 1, 2, 3};
static const uint8_t H264[] = {0, 0, 0, 1, 0x67, 0x42, 0, 0x0a, 0, 0, 0, 1, 0x68, 0xce, 6, 0xe2,
                               0, 0, 0, 1, 0x65, 0x88, 0x84, 0, 0x10, 0, 1, 2, 3, 4, 5, 6};
static const uint8_t H265[] = {0, 0, 0, 1, 0x40, 1, 0x0c, 1, 0, 0, 0, 1, 0x42, 1, 1, 1,
                               0, 0, 0, 1, 0x26, 1, 0xaf, 0x11, 2, 3, 4, 5, 6, 7, 8, 9};
static const uint8_t AV1[] = {0x12, 0, 0x0a, 4, 1, 2, 3, 4, 0x32, 8, 1, 2, 3, 4, 5, 6, 7, 8};

typedef struct {
    uint32_t kind, codec;
    const uint8_t *frame;
    size_t len;
} sample;

static const sample SAMPLES[] = {
    {FRAMESEAL_KIND_AUDIO, FRAMESEAL_CODEC_OPAQUE, OPUS, sizeof OPUS},
    {FRAMESEAL_KIND_VIDEO, FRAMESEAL_CODEC_VP8, VP8, sizeof VP8},
    {FRAMESEAL_KIND_VIDEO, FRAMESEAL_CODEC_VP9, VP9, sizeof VP9},
    {FRAMESEAL_KIND_VIDEO, FRAMESEAL_CODEC_H264, H264, sizeof H264},
    {FRAMESEAL_KIND_VIDEO, FRAMESEAL_CODEC_H265, H265, sizeof H265},
    {FRAMESEAL_KIND_VIDEO, FRAMESEAL_CODEC_AV1, AV1, sizeof AV1},
};

#endif
