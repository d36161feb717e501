/* Tracks that come in: their frames are opened, and go into one file for each sender and each shared screen. */

#ifndef STREAM_H
#define STREAM_H

#include "file.h"

#include <frameseal.h>
#include <json-glib/json-glib.h>

/* Somebody who sends; all their tracks share one opener. */
typedef struct sender {
    char *id;
    frameseal_opener *opener;
    GMutex lock;
} sender;

/* What becomes one file. */
typedef struct recording {
    char *name;
    char *path;
    /* What the SFU says there is. */
    gboolean has_video, has_audio;
    file *out;
    gboolean over;
    guint waited;
    GMutex lock;
} recording;

/* Why frames were refused. */
enum { NO_KEY, REPEATED, REJECTED, OTHER, REASONS };

typedef struct stream {
    sender *from;
    recording *into;
    const char *kind, *codec;
    frameseal_frame_info info;
    gboolean video;
    /* Where frames come out of, and requests for key frames go in. */
    GstElement *sink;
    /* Whether this member was removed from the group. */
    const gint *removed;
    /* The pictures that follow refer to one that did not come. */
    gboolean broken;
    gint64 asked;
    /* Frames. `late`: opened behind the first one, after the removal, of a key that this member does not have. Written by
     * the track's own thread and read as they are. */
    guint64 arrived, opened, written, refused[REASONS], late;
    gboolean locked_out;
} stream;

/* Whether there is a way for frames of this codec, by its name in SDP. */
gboolean stream_takes(const char *codec);

/* All of them, as RTP. */
GstCaps *stream_formats(gboolean video);

/* What comes behind the RTP of a stream. */
const char *stream_depayloader(const stream *s);

/* What the SFU calls a track's kind: whether it is one, of a picture, of a shared screen. */
gboolean stream_kind(const char *kind, gboolean *video, gboolean *screen);

/* NULL if the session is over. */
sender *sender_new(const frameseal_ring *ring, const char *id);
void sender_free(gpointer who);

recording *recording_new(const char *folder, const char *name);
/* Writes the end of the file; whether there was one. Nothing is written behind it. */
gboolean recording_finish(recording *r);
void recording_free(gpointer r);

/* `kind` and `codec` as above, and taken. */
stream *stream_new(sender *from, recording *into, const char *kind, const char *codec, const gint *removed);
/* One frame, as it came. */
void stream_take(stream *s, GstBuffer *sealed);
void stream_ask_for_key_frame(stream *s);
void stream_describe(const stream *s, JsonBuilder *report);
void stream_free(gpointer s);

#endif
