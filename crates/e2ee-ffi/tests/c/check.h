/* What the tests of this folder share: a check that says where it failed. */
#ifndef FRAMESEAL_TEST_CHECK_H
#define FRAMESEAL_TEST_CHECK_H

#include <frameseal.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect_at(int line, frameseal_status got, frameseal_status want)
{
    if (got != want) {
        printf("line %d: got %d %s (%s), want %d\n", line, (int)got, frameseal_strerror(got), frameseal_last_error(),
               (int)want);
        exit(1);
    }
}

static void true_at(int line, int holds)
{
    if (!holds) {
        printf("line %d: does not hold (%s)\n", line, frameseal_last_error());
        exit(1);
    }
}

#define EXPECT(status, want) expect_at(__LINE__, status, want)
#define TRUE(condition) true_at(__LINE__, (condition) != 0)
#define OK FRAMESEAL_STATUS_OK

static frameseal_config config_of(uint32_t format, const char *participant)
{
    frameseal_config config;
    memset(&config, 0, sizeof config);
    config.size = sizeof config;
    config.call = "call";
    config.participant = participant;
    config.format = format;
    return config;
}

static frameseal_frame_info info_of(uint32_t kind, uint32_t codec)
{
    frameseal_frame_info info;
    memset(&info, 0, sizeof info);
    info.size = sizeof info;
    info.kind = kind;
    info.codec = codec;
    return info;
}

/* Another one each time. A test may; a program never. */
static const uint8_t *test_entropy(void)
{
    static uint8_t entropy[FRAMESEAL_ENTROPY_LEN];
    static uint8_t count = 0;
    size_t i;
    count++;
    for (i = 0; i < sizeof entropy; i++) {
        entropy[i] = (uint8_t)(i + count);
    }
    return entropy;
}

#endif
