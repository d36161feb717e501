#include "stream.h"

#include <gst/video/video-event.h>

#include <string.h>

/* A key frame is asked for so often until it comes. */
#define ASK_US 1000000
/* Sound of who shows no picture waits for one so many frames: a second. */
#define PATIENCE_FRAMES 50

static const char *const WORDS[REASONS] = { "no-key", "repeated", "rejected", "other" };

/* Depayloaders give frames as they were sealed: H.264 as Annex B. */
static const struct {
    const char *name, *depayloader;
    uint32_t codec;
} CODECS[] = {
    { "OPUS", "rtpopusdepay", FRAMESEAL_CODEC_OPAQUE },
    { "VP8", "rtpvp8depay", FRAMESEAL_CODEC_VP8 },
    { "VP9", "rtpvp9depay", FRAMESEAL_CODEC_VP9 },
    { "AV1", "framesealav1depay", FRAMESEAL_CODEC_AV1 },
    { "H264", "rtph264depay ! video/x-h264,stream-format=byte-stream,alignment=au", FRAMESEAL_CODEC_H264 },
};

static const struct {
    const char *name;
    uint32_t kind;
    gboolean video, screen;
} KINDS[] = {
    { "audio", FRAMESEAL_KIND_AUDIO, FALSE, FALSE },
    { "video", FRAMESEAL_KIND_VIDEO, TRUE, FALSE },
    { "screen-audio", FRAMESEAL_KIND_SCREEN_AUDIO, FALSE, TRUE },
    { "screen", FRAMESEAL_KIND_SCREEN_VIDEO, TRUE, TRUE },
};

static size_t codec_of(const char *name)
{
    size_t i = 0;
    while (i < G_N_ELEMENTS(CODECS) && strcmp(CODECS[i].name, name) != 0) {
        i++;
    }
    return i;
}

static size_t kind_of(const char *name)
{
    size_t i = 0;
    while (i < G_N_ELEMENTS(KINDS) && strcmp(KINDS[i].name, name) != 0) {
        i++;
    }
    return i;
}

gboolean stream_takes(const char *codec)
{
    return codec_of(codec) < G_N_ELEMENTS(CODECS);
}

GstCaps *stream_formats(gboolean video)
{
    GstCaps *caps = gst_caps_new_empty();
    size_t i;
    for (i = 0; i < G_N_ELEMENTS(CODECS); i++) {
        if ((CODECS[i].codec != FRAMESEAL_CODEC_OPAQUE) == video) {
            gst_caps_append_structure(caps, gst_structure_new("application/x-rtp", "encoding-name", G_TYPE_STRING, CODECS[i].name, NULL));
        }
    }
    return caps;
}

const char *stream_depayloader(const stream *s)
{
    return CODECS[codec_of(s->codec)].depayloader;
}

gboolean stream_kind(const char *kind, gboolean *video, gboolean *screen)
{
    const size_t at = kind_of(kind);
    if (at == G_N_ELEMENTS(KINDS)) {
        return FALSE;
    }
    *video = KINDS[at].video;
    *screen = KINDS[at].screen;
    return TRUE;
}

sender *sender_new(const frameseal_ring *ring, const char *id)
{
    sender *who = g_new0(sender, 1);
    if (frameseal_ring_opener(ring, id, &who->opener) != FRAMESEAL_STATUS_OK) {
        g_free(who);
        return NULL;
    }
    who->id = g_strdup(id);
    g_mutex_init(&who->lock);
    return who;
}

void sender_free(gpointer data)
{
    sender *who = data;
    frameseal_opener_free(who->opener);
    g_mutex_clear(&who->lock);
    g_free(who->id);
    g_free(who);
}

recording *recording_new(const char *folder, const char *name)
{
    recording *r = g_new0(recording, 1);
    r->name = g_strdup(name);
    r->path = g_strdup_printf("%s/%s.mkv", folder, name);
    g_mutex_init(&r->lock);
    return r;
}

gboolean recording_finish(recording *r)
{
    file *out;
    g_mutex_lock(&r->lock);
    out = r->out;
    r->out = NULL;
    r->over = TRUE;
    g_mutex_unlock(&r->lock);
    if (out == NULL) {
        return FALSE;
    }
    file_finish(out);
    return TRUE;
}

void recording_free(gpointer data)
{
    recording *r = data;
    g_mutex_clear(&r->lock);
    g_free(r->name);
    g_free(r->path);
    g_free(r);
}

stream *stream_new(sender *from, recording *into, const char *kind, const char *codec, const gint *removed)
{
    stream *s = g_new0(stream, 1);
    const size_t k = kind_of(kind), c = codec_of(codec);
    s->from = from;
    s->into = into;
    s->kind = KINDS[k].name;
    s->codec = CODECS[c].name;
    s->video = KINDS[k].video;
    s->broken = s->video;
    s->removed = removed;
    s->info.size = sizeof s->info;
    s->info.kind = KINDS[k].kind;
    s->info.codec = CODECS[c].codec;
    return s;
}

void stream_free(gpointer data)
{
    stream *s = data;
    gst_clear_object(&s->sink);
    g_free(s);
}

void stream_ask_for_key_frame(stream *s)
{
    const gint64 now = g_get_monotonic_time();
    if (s->asked == 0 || now - s->asked > ASK_US) {
        s->asked = now;
        gst_element_send_event(s->sink, gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 0));
    }
}

static int reason_of(frameseal_status status)
{
    switch (status) {
    case FRAMESEAL_STATUS_UNKNOWN_KEY: return NO_KEY;
    case FRAMESEAL_STATUS_REPLAYED:
    case FRAMESEAL_STATUS_TOO_OLD: return REPEATED;
    case FRAMESEAL_STATUS_REJECTED: return REJECTED;
    default: return OTHER;
    }
}

/* With the lock held. */
static void begin_file(stream *s, GstBuffer *frame)
{
    recording *r = s->into;
    guint8 head[10] = { 0 };
    int width = 0, height = 0;
    if (s->info.codec == FRAMESEAL_CODEC_VP8 && gst_buffer_extract(frame, 0, head, sizeof head) == sizeof head) {
        width = (head[6] | head[7] << 8) & 0x3fff;
        height = (head[8] | head[9] << 8) & 0x3fff;
    }
    r->out = file_new(r->path, s->video ? s->codec : NULL, width, height, r->has_audio);
    r->over = r->out == NULL;
}

/* The file begins with the first picture, or with sound where there is none. */
static void write_frame(stream *s, GstClockTime time, gboolean key, GstBuffer *frame)
{
    recording *r = s->into;
    g_mutex_lock(&r->lock);
    if (r->out == NULL && !r->over && (s->video ? key : !r->has_video && ++r->waited > PATIENCE_FRAMES)) {
        begin_file(s, frame);
    }
    if (r->out != NULL) {
        s->written++;
        file_push(r->out, s->video, time, key, frame);
    } else {
        gst_buffer_unref(frame);
    }
    g_mutex_unlock(&r->lock);
}

void stream_take(stream *s, GstBuffer *sealed)
{
    const gboolean key = !s->video || !GST_BUFFER_FLAG_IS_SET(sealed, GST_BUFFER_FLAG_DELTA_UNIT);
    GstMapInfo in;
    guint8 *room;
    size_t len = 0;
    frameseal_status status;
    if (!gst_buffer_map(sealed, &in, GST_MAP_READ)) {
        return;
    }
    room = g_malloc(in.size + 1);
    g_mutex_lock(&s->from->lock);
    status = frameseal_open(s->from->opener, &s->info, in.data, in.size, room, in.size, &len);
    g_mutex_unlock(&s->from->lock);
    gst_buffer_unmap(sealed, &in);
    s->arrived++;
    /* Packets are missing before it. */
    s->broken |= s->video && GST_BUFFER_FLAG_IS_SET(sealed, GST_BUFFER_FLAG_DISCONT);
    if (status != FRAMESEAL_STATUS_OK) {
        const int reason = reason_of(status);
        s->refused[reason]++;
        s->locked_out |= reason == NO_KEY && g_atomic_int_get(s->removed);
        s->broken |= s->video && reason != REPEATED;
        g_free(room);
        return;
    }
    s->opened++;
    s->late += s->locked_out ? 1 : 0;
    s->broken &= !key;
    if (s->broken) {
        stream_ask_for_key_frame(s);
        g_free(room);
        return;
    }
    write_frame(s, GST_BUFFER_PTS(sealed), key, gst_buffer_new_wrapped(room, len));
}

static void add_number(JsonBuilder *report, const char *name, guint64 value)
{
    json_builder_set_member_name(report, name);
    json_builder_add_int_value(report, (gint64)value);
}

static void add_text(JsonBuilder *report, const char *name, const char *value)
{
    json_builder_set_member_name(report, name);
    json_builder_add_string_value(report, value);
}

void stream_describe(const stream *s, JsonBuilder *report)
{
    size_t i;
    json_builder_begin_object(report);
    add_text(report, "of", s->from->id);
    add_text(report, "kind", s->kind);
    add_text(report, "codec", s->codec);
    add_number(report, "arrived", s->arrived);
    add_number(report, "opened", s->opened);
    add_number(report, "written", s->written);
    json_builder_set_member_name(report, "refused");
    json_builder_begin_object(report);
    for (i = 0; i < REASONS; i++) {
        add_number(report, WORDS[i], s->refused[i]);
    }
    json_builder_end_object(report);
    json_builder_set_member_name(report, "lockedOut");
    json_builder_add_boolean_value(report, s->locked_out);
    add_number(report, "openedAfter", s->late);
    json_builder_end_object(report);
}
