#include "file.h"

#include <gst/app/gstappsrc.h>

#include <stdio.h>
#include <string.h>

struct file {
    GstElement *pipeline, *video, *audio;
    /* Time of the first frame; what is written begins at 0. */
    GstClockTime base;
    GMutex lock;
};

/* How long the end of a file may take to be written. */
#define FINISH_MS 10000

static const struct {
    const char *codec, *caps, *parser;
} FORMATS[] = {
    { "VP8", "video/x-vp8,width=%d,height=%d", "" },
    { "VP9", "video/x-vp9", "vp9parse ! " },
    { "AV1", "video/x-av1,stream-format=obu-stream,alignment=tu", "av1parse ! " },
    { "H264", "video/x-h264,stream-format=byte-stream,alignment=au", "h264parse ! video/x-h264,stream-format=avc3 ! " },
};

#define SOURCE " appsrc name=%s format=time caps=%s ! %s queue ! mux."
#define OPUS "audio/x-opus,rate=48000,channels=2,channel-mapping-family=0"

file *file_new(const char *path, const char *video, int width, int height, gboolean audio)
{
    GString *words = g_string_new("matroskamux name=mux writing-app=frameseal-record ! filesink name=sink");
    GError *error = NULL;
    GstElement *sink;
    file *f;
    size_t i;
    for (i = 0; video != NULL && i < G_N_ELEMENTS(FORMATS); i++) {
        if (strcmp(FORMATS[i].codec, video) == 0) {
            char *caps = strcmp(video, "VP8") == 0 ? g_strdup_printf(FORMATS[i].caps, width, height) : g_strdup(FORMATS[i].caps);
            g_string_append_printf(words, SOURCE, "video", caps, FORMATS[i].parser);
            g_free(caps);
        }
    }
    if (audio) {
        g_string_append_printf(words, SOURCE, "audio", OPUS, "opusparse ! ");
    }
    f = g_new0(file, 1);
    g_mutex_init(&f->lock);
    f->base = GST_CLOCK_TIME_NONE;
    f->pipeline = gst_parse_launch(words->str, &error);
    g_string_free(words, TRUE);
    if (f->pipeline == NULL || error != NULL) {
        fprintf(stderr, "%s: %s\n", path, error != NULL ? error->message : "no pipeline");
        g_clear_error(&error);
        file_finish(f);
        return NULL;
    }
    sink = gst_bin_get_by_name(GST_BIN(f->pipeline), "sink");
    g_object_set(sink, "location", path, NULL);
    gst_object_unref(sink);
    f->video = gst_bin_get_by_name(GST_BIN(f->pipeline), "video");
    f->audio = gst_bin_get_by_name(GST_BIN(f->pipeline), "audio");
    if (gst_element_set_state(f->pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
        fprintf(stderr, "%s: it cannot be written\n", path);
        file_finish(f);
        return NULL;
    }
    return f;
}

void file_push(file *f, gboolean video, GstClockTime time, gboolean key, GstBuffer *frame)
{
    GstElement *source = video ? f->video : f->audio;
    g_mutex_lock(&f->lock);
    if (f->base == GST_CLOCK_TIME_NONE && (video ? key : f->video == NULL)) {
        f->base = time;
    }
    if (source == NULL || f->base == GST_CLOCK_TIME_NONE || time < f->base) {
        gst_buffer_unref(frame);
    } else {
        GST_BUFFER_PTS(frame) = time - f->base;
        if (!key) {
            GST_BUFFER_FLAG_SET(frame, GST_BUFFER_FLAG_DELTA_UNIT);
        }
        gst_app_src_push_buffer(GST_APP_SRC(source), frame);
    }
    g_mutex_unlock(&f->lock);
}

void file_finish(file *f)
{
    GstElement *sources[2] = { f->video, f->audio };
    size_t i;
    for (i = 0; i < 2; i++) {
        if (sources[i] != NULL) {
            gst_app_src_end_of_stream(GST_APP_SRC(sources[i]));
        }
    }
    if (f->pipeline != NULL && (f->video != NULL || f->audio != NULL)) {
        GstBus *bus = gst_element_get_bus(f->pipeline);
        GstMessage *last = gst_bus_timed_pop_filtered(bus, FINISH_MS * GST_MSECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
        if (last == NULL) {
            fprintf(stderr, "a file has no end: it took too long\n");
        } else if (GST_MESSAGE_TYPE(last) == GST_MESSAGE_ERROR) {
            GError *error = NULL;
            gst_message_parse_error(last, &error, NULL);
            fprintf(stderr, "a file was not written to the end: %s\n", error->message);
            g_error_free(error);
        }
        if (last != NULL) {
            gst_message_unref(last);
        }
        gst_object_unref(bus);
        gst_element_set_state(f->pipeline, GST_STATE_NULL);
    }
    gst_clear_object(&f->video);
    gst_clear_object(&f->audio);
    gst_clear_object(&f->pipeline);
    g_mutex_clear(&f->lock);
    g_free(f);
}
