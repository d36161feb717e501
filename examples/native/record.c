/* Records the demo's call as a member that everybody sees: WebRTC by webrtcbin, frames opened by Frameseal, one
 * Matroska file for each participant, and one for each shared screen.
 *
 *     record --server 127.0.0.1:8080 --room ROOM --name Recorder --into FOLDER
 *
 * A line `report` on standard input gives figures; its end, or a signal to end, finishes the files and leaves the call.
 * Who removes the recorder from the group ends the recording. */

#include "room.h"
#include "sdp.h"
#include "stream.h"

#include <glib-unix.h>
#include <gst/app/gstappsink.h>
#define GST_USE_UNSTABLE_API
#include <gst/webrtc/webrtc.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Time for what was said to group and SFU to go out. */
#define LEAVING_MS 300
/* How long packets are waited for that others overtook. */
#define LATENCY_MS 1000u
/* What an m-line carries. */
typedef struct track {
    char *of;
    char *kind;
} track;

typedef struct recorder {
    room *room;
    GMainLoop *loop;
    GstElement *pipeline, *webrtc;
    char *folder, *pem;
    gboolean stay, leaving;
    /* Set once, on the main loop; read by threads that open frames. */
    gint removed;
    int outcome;
    /* Guards what follows. */
    GMutex lock;
    GHashTable *tracks, *senders, *recordings;
    GPtrArray *streams;
} recorder;

static void say(JsonBuilder *builder)
{
    JsonNode *root = json_builder_get_root(builder);
    char *text = json_to_string(root, FALSE);
    printf("%s\n", text);
    fflush(stdout);
    g_free(text);
    json_node_unref(root);
    g_object_unref(builder);
}

static JsonBuilder *begin(const char *what)
{
    JsonBuilder *builder = json_builder_new();
    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "what");
    json_builder_add_string_value(builder, what);
    return builder;
}

static void add_text(JsonBuilder *builder, const char *name, const char *value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_string_value(builder, value);
}

static GstFlowReturn frame_came(GstAppSink *sink, gpointer data)
{
    GstSample *sample = gst_app_sink_pull_sample(sink);
    if (sample != NULL) {
        stream_take(data, gst_sample_get_buffer(sample));
        gst_sample_unref(sample);
    }
    return GST_FLOW_OK;
}

/* Tracks. */

/* With the lock held. */
static recording *recording_of(recorder *to, const char *of, gboolean screen)
{
    char *name = g_strconcat(of, screen ? "-screen" : "", NULL);
    recording *r = g_hash_table_lookup(to->recordings, name);
    if (r == NULL) {
        r = recording_new(to->folder, name);
        r->over = g_atomic_int_get(&to->removed);
        g_hash_table_insert(to->recordings, r->name, r);
    }
    g_free(name);
    return r;
}

/* With the lock held. An opener stays while its sender may come back: a new one does not know what was opened. */
static sender *sender_of(recorder *to, const char *id)
{
    sender *who = g_hash_table_lookup(to->senders, id);
    if (who == NULL && (who = sender_new(room_ring(to->room), id)) != NULL) {
        g_hash_table_insert(to->senders, who->id, who);
    }
    return who;
}

/* What an m-line carries, by its transceiver. */
static stream *stream_of(recorder *to, GstPad *pad, const char *encoding)
{
    GstWebRTCRTPTransceiver *transceiver = NULL;
    char *mid = NULL;
    const track *what;
    stream *s = NULL;
    gboolean video, screen;
    g_object_get(pad, "transceiver", &transceiver, NULL);
    g_object_get(transceiver, "mid", &mid, NULL);
    g_mutex_lock(&to->lock);
    what = mid != NULL ? g_hash_table_lookup(to->tracks, mid) : NULL;
    if (what != NULL && stream_takes(encoding) && stream_kind(what->kind, &video, &screen)) {
        sender *from = sender_of(to, what->of);
        if (from != NULL) {
            s = stream_new(from, recording_of(to, what->of, screen), what->kind, encoding, &to->removed);
            g_ptr_array_add(to->streams, s);
        }
    }
    g_mutex_unlock(&to->lock);
    gst_object_unref(transceiver);
    g_free(mid);
    return s;
}

static void pad_added(GstElement *webrtc, GstPad *pad, gpointer data)
{
    recorder *to = data;
    GstCaps *caps = gst_pad_get_current_caps(pad);
    const char *encoding = NULL;
    GstElement *bin;
    GstPad *target;
    stream *s = NULL;
    char *words;
    (void)webrtc;
    if (caps == NULL) {
        caps = gst_pad_query_caps(pad, NULL);
    }
    if (caps != NULL && !gst_caps_is_any(caps) && !gst_caps_is_empty(caps)) {
        encoding = gst_structure_get_string(gst_caps_get_structure(caps, 0), "encoding-name");
    }
    if (encoding != NULL) {
        s = stream_of(to, pad, encoding);
    }
    /* Nothing that looks into frames stands between depayloader and sink: they are sealed. */
    words = s == NULL ? g_strdup("fakesink async=false sync=false")
                      : g_strdup_printf("queue ! %s ! appsink name=frames async=false sync=false", stream_depayloader(s));
    bin = gst_parse_bin_from_description(words, TRUE, NULL);
    if (bin == NULL) {
        fprintf(stderr, "an element is missing: %s\n", words);
        g_free(words);
        return;
    }
    g_free(words);
    if (s != NULL) {
        GstAppSinkCallbacks callbacks;
        memset(&callbacks, 0, sizeof callbacks);
        callbacks.new_sample = frame_came;
        s->sink = gst_bin_get_by_name(GST_BIN(bin), "frames");
        gst_app_sink_set_callbacks(GST_APP_SINK(s->sink), &callbacks, s, NULL);
    }
    gst_bin_add(GST_BIN(to->pipeline), bin);
    target = gst_element_get_static_pad(bin, "sink");
    gst_pad_link(pad, target);
    gst_object_unref(target);
    gst_element_sync_state_with_parent(bin);
    if (s != NULL && s->video) {
        stream_ask_for_key_frame(s);
    }
    if (caps != NULL) {
        gst_caps_unref(caps);
    }
}

/* Offers of the SFU. */

typedef struct answer {
    recorder *to;
    char *sdp;
} answer;

static gboolean send_answer(gpointer data)
{
    answer *a = data;
    room_answer(a->to->room, a->sdp);
    g_free(a->sdp);
    g_free(a);
    return G_SOURCE_REMOVE;
}

/* Else webrtcbin holds a track to the one format that it named first, and refuses an offer without it. */
static void prefer_all(recorder *to)
{
    GArray *all = NULL;
    guint i;
    g_signal_emit_by_name(to->webrtc, "get-transceivers", &all);
    for (i = 0; all != NULL && i < all->len; i++) {
        GstWebRTCKind kind = GST_WEBRTC_KIND_UNKNOWN;
        GObject *one = g_array_index(all, GObject *, i);
        GstCaps *caps;
        g_object_get(one, "kind", &kind, NULL);
        caps = stream_formats(kind == GST_WEBRTC_KIND_VIDEO);
        g_object_set(one, "codec-preferences", caps, NULL);
        gst_caps_unref(caps);
    }
    g_clear_pointer(&all, g_array_unref);
}

static void answer_made(GstPromise *promise, gpointer data)
{
    recorder *to = data;
    GstWebRTCSessionDescription *made = NULL, *offer = NULL;
    gst_structure_get(gst_promise_get_reply(promise), "answer", GST_TYPE_WEBRTC_SESSION_DESCRIPTION, &made, NULL);
    gst_promise_unref(promise);
    g_object_get(to->webrtc, "pending-remote-description", &offer, NULL);
    if (made != NULL && offer != NULL) {
        GstSDPMessage *whole = sdp_answer(offer->sdp, made->sdp, to->pem, stream_takes);
        if (whole != NULL) {
            GstWebRTCSessionDescription *own;
            answer *a = g_new(answer, 1);
            a->to = to;
            a->sdp = gst_sdp_message_as_text(whole);
            own = gst_webrtc_session_description_new(GST_WEBRTC_SDP_TYPE_ANSWER, whole);
            g_signal_emit_by_name(to->webrtc, "set-local-description", own, NULL);
            gst_webrtc_session_description_free(own);
            prefer_all(to);
            g_idle_add(send_answer, a);
        }
    }
    g_clear_pointer(&made, gst_webrtc_session_description_free);
    g_clear_pointer(&offer, gst_webrtc_session_description_free);
}

static void offer_taken(GstPromise *promise, gpointer data)
{
    recorder *to = data;
    gst_promise_unref(promise);
    g_signal_emit_by_name(to->webrtc, "create-answer", NULL, gst_promise_new_with_change_func(answer_made, to, NULL));
}

static void free_track(gpointer data)
{
    track *t = data;
    g_free(t->of);
    g_free(t->kind);
    g_free(t);
}

static void offered(void *data, const char *sdp, JsonArray *tracks)
{
    recorder *to = data;
    GstWebRTCSessionDescription *offer;
    GstSDPMessage *parsed;
    guint i;
    if (gst_sdp_message_new_from_text(sdp, &parsed) != GST_SDP_OK) {
        return;
    }
    g_mutex_lock(&to->lock);
    g_hash_table_remove_all(to->tracks);
    for (i = 0; i < json_array_get_length(tracks); i++) {
        JsonObject *one = json_array_get_object_element(tracks, i);
        const char *mid = json_object_get_string_member_with_default(one, "mid", "");
        track *t = g_new0(track, 1);
        gboolean video, screen;
        t->of = g_strdup(json_object_get_string_member_with_default(one, "of", ""));
        t->kind = g_strdup(json_object_get_string_member_with_default(one, "kind", ""));
        g_hash_table_insert(to->tracks, g_strdup(mid), t);
        if (stream_kind(t->kind, &video, &screen)) {
            recording *r = recording_of(to, t->of, screen);
            g_mutex_lock(&r->lock);
            r->has_video |= video;
            r->has_audio |= !video;
            g_mutex_unlock(&r->lock);
        }
    }
    g_mutex_unlock(&to->lock);
    offer = gst_webrtc_session_description_new(GST_WEBRTC_SDP_TYPE_OFFER, parsed);
    g_signal_emit_by_name(to->webrtc, "set-remote-description", offer, gst_promise_new_with_change_func(offer_taken, to, NULL));
    gst_webrtc_session_description_free(offer);
}

/* The whole. */

static void finish_files(recorder *to)
{
    GHashTableIter all;
    gpointer one;
    g_mutex_lock(&to->lock);
    g_hash_table_iter_init(&all, to->recordings);
    while (g_hash_table_iter_next(&all, NULL, &one)) {
        recording *r = one;
        if (recording_finish(r)) {
            JsonBuilder *told = begin("file");
            add_text(told, "name", r->name);
            add_text(told, "path", r->path);
            json_builder_end_object(told);
            say(told);
        }
    }
    g_mutex_unlock(&to->lock);
}

static void report(recorder *to, const char *what)
{
    JsonBuilder *told = begin(what);
    guint i;
    room_describe(to->room, told);
    json_builder_set_member_name(told, "removed");
    json_builder_add_boolean_value(told, to->removed);
    json_builder_set_member_name(told, "streams");
    json_builder_begin_array(told);
    g_mutex_lock(&to->lock);
    for (i = 0; i < to->streams->len; i++) {
        stream_describe(g_ptr_array_index(to->streams, i), told);
    }
    g_mutex_unlock(&to->lock);
    json_builder_end_array(told);
    json_builder_end_object(told);
    say(told);
}

static gboolean quit(gpointer data)
{
    g_main_loop_quit(data);
    return G_SOURCE_REMOVE;
}

static void joined(void *data)
{
    report(data, "recording");
}

static void removed(void *data)
{
    recorder *to = data;
    g_atomic_int_set(&to->removed, TRUE);
    report(to, "removed");
    finish_files(to);
    if (!to->stay) {
        g_timeout_add(LEAVING_MS, quit, to->loop);
    }
}

static void ended(void *data, const char *why)
{
    recorder *to = data;
    fprintf(stderr, "the recording ended: %s\n", why);
    to->outcome = EXIT_FAILURE;
    g_main_loop_quit(to->loop);
}

/* Once: asked to by the end of the input or by a signal. */
static void leave(recorder *to)
{
    if (!to->leaving) {
        to->leaving = TRUE;
        finish_files(to);
        room_leave(to->room);
        g_timeout_add(LEAVING_MS, quit, to->loop);
    }
}

static gboolean interrupted(gpointer data)
{
    leave(data);
    return G_SOURCE_CONTINUE;
}

static gboolean line_came(GIOChannel *lines, GIOCondition condition, gpointer data)
{
    recorder *to = data;
    char *line = NULL;
    gsize end = 0;
    (void)condition;
    if (g_io_channel_read_line(lines, &line, NULL, &end, NULL) == G_IO_STATUS_NORMAL) {
        line[end] = '\0';
        if (strcmp(line, "report") == 0) {
            report(to, "report");
        }
        g_free(line);
        return G_SOURCE_CONTINUE;
    }
    leave(to);
    return G_SOURCE_REMOVE;
}

static void element_inside(GstBin *webrtc, GstBin *bin, GstElement *element, gpointer data)
{
    const recorder *to = data;
    (void)webrtc;
    (void)bin;
    if (strcmp(G_OBJECT_TYPE_NAME(element), "GstDtlsSrtpDec") == 0) {
        g_object_set(element, "pem", to->pem, NULL);
    } else if (strcmp(G_OBJECT_TYPE_NAME(element), "GstNiceSrc") == 0) {
        /* The SFU sees where this side is; no router need be asked. */
        GObject *agent = NULL;
        g_object_get(element, "agent", &agent, NULL);
        g_object_set(agent, "upnp", FALSE, NULL);
        g_object_unref(agent);
    }
}

static gboolean start(recorder *to)
{
    g_mutex_init(&to->lock);
    to->tracks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_track);
    to->senders = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, sender_free);
    to->recordings = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, recording_free);
    to->streams = g_ptr_array_new_with_free_func(stream_free);
    to->loop = g_main_loop_new(NULL, FALSE);
    to->pipeline = gst_pipeline_new(NULL);
    to->webrtc = gst_element_factory_make("webrtcbin", NULL);
    to->pem = sdp_certificate();
    if (to->webrtc == NULL || to->pem == NULL) {
        fprintf(stderr, "there is no %s\n", to->webrtc == NULL ? "element webrtcbin" : "program openssl");
        return FALSE;
    }
    /* A file has time: what is late is better than what is missing. */
    g_object_set(to->webrtc, "bundle-policy", GST_WEBRTC_BUNDLE_POLICY_MAX_BUNDLE, "latency", LATENCY_MS, NULL);
    gst_bin_add(GST_BIN(to->pipeline), to->webrtc);
    g_signal_connect(to->webrtc, "deep-element-added", G_CALLBACK(element_inside), to);
    g_signal_connect(to->webrtc, "pad-added", G_CALLBACK(pad_added), to);
    return gst_element_set_state(to->pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE;
}

int main(int argc, char **argv)
{
    char *server = NULL, *name_of_room = NULL, *id = NULL, *name = NULL, *folder = NULL;
    gboolean stay = FALSE;
    const GOptionEntry options[] = {
        { "server", 0, 0, G_OPTION_ARG_STRING, &server, "HOST:PORT of the demo", NULL },
        { "room", 0, 0, G_OPTION_ARG_STRING, &name_of_room, "the call", NULL },
        { "id", 0, 0, G_OPTION_ARG_STRING, &id, "new for each run; default: made up", NULL },
        { "name", 0, 0, G_OPTION_ARG_STRING, &name, "as others are shown", NULL },
        { "into", 0, 0, G_OPTION_ARG_FILENAME, &folder, "where files go", "FOLDER" },
        { "stay", 0, 0, G_OPTION_ARG_NONE, &stay, "for tests: stay in the call when removed, and count what opens", NULL },
        { NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
    };
    GOptionContext *context = g_option_context_new("- records the demo's call");
    GError *error = NULL;
    GIOChannel *lines;
    recorder to;
    room_events events = { offered, joined, removed, ended, &to };

    g_option_context_add_main_entries(context, options, NULL);
    g_option_context_add_group(context, gst_init_get_option_group());
    if (!g_option_context_parse(context, &argc, &argv, &error) || server == NULL || name_of_room == NULL || folder == NULL) {
        fprintf(stderr, "%s\n", error != NULL ? error->message : "--server, --room and --into are needed");
        return EXIT_FAILURE;
    }
    memset(&to, 0, sizeof to);
    to.folder = folder;
    to.stay = stay;
    if (id == NULL) {
        id = g_uuid_string_random();
    }
    if (!start(&to) || (to.room = room_enter(server, name_of_room, id, name != NULL ? name : "Recorder", events)) == NULL) {
        return EXIT_FAILURE;
    }
    lines = g_io_channel_unix_new(0);
    g_io_add_watch(lines, G_IO_IN | G_IO_HUP, line_came, &to);
    g_unix_signal_add(SIGINT, interrupted, &to);
    g_unix_signal_add(SIGTERM, interrupted, &to);
    g_main_loop_run(to.loop);

    report(&to, "ended");
    finish_files(&to);
    gst_element_set_state(to.pipeline, GST_STATE_NULL);
    gst_object_unref(to.pipeline);
    g_ptr_array_unref(to.streams);
    g_hash_table_unref(to.tracks);
    g_hash_table_unref(to.recordings);
    g_hash_table_unref(to.senders);
    room_free(to.room);
    g_io_channel_unref(lines);
    g_main_loop_unref(to.loop);
    g_mutex_clear(&to.lock);
    g_option_context_free(context);
    g_free(server);
    g_free(name_of_room);
    g_free(id);
    g_free(name);
    g_free(folder);
    g_free(to.pem);
    return to.outcome;
}
