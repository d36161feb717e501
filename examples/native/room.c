/* The messages are those of crates/e2ee-sfu/PROTOCOL.md and docs/log.md. */

#include "room.h"

#include <libsoup/soup.h>

#include <stdio.h>
#include <string.h>

/* Entries of the log have up to 4 MiB. */
#define LARGEST (8u << 20)

/* What is said to the log, and told by it (docs/log.md). */
enum { APPEND = 1, READ = 2, PUT = 3, TAKE = 4, SAY = 5 };
enum { HEAD = 0x81, ENTRY = 0x82, ANSWER = 0x83, PACKAGE = 0x84, TOO_OLD = 0x85, SAID = 0x86, FAULT = 0x8f };
enum { TAKEN = 0, CONFLICT = 1 };

typedef struct person {
    char *participant;
    char *name;
    gboolean heard;
} person;

struct room {
    char *server, *room, *id, *name;
    room_events events;
    frameseal_session *session;
    frameseal_ring *ring;
    SoupSession *http;
    SoupWebsocketConnection *log, *sfu;
    gboolean calling, over;
    guint timer;
    uint32_t admit;
    uint64_t epoch;
    char code[64];
    GPtrArray *members;
    /* Ids of the others in the call. */
    GHashTable *present;
};

static void poll_session(room *r);

static uint64_t now_ms(void)
{
    return (uint64_t)(g_get_monotonic_time() / 1000);
}

static void end(room *r, const char *why)
{
    if (!r->over) {
        r->over = TRUE;
        r->events.ended(r->events.data, why);
    }
}

/* An input of the session. Those that it cannot use are dropped by itself and told as events; what comes here is a
 * fault of this program, or the end of the session. */
static void put(room *r, frameseal_status status)
{
    if (status == FRAMESEAL_STATUS_OK) {
        poll_session(r);
    } else if (status != FRAMESEAL_STATUS_SESSION_OVER) {
        char *why = g_strdup_printf("%s (%s)", frameseal_strerror(status), frameseal_last_error());
        end(r, why);
        g_free(why);
    }
}

/* The log. */

static void tell_log(room *r, uint8_t kind, const uint64_t *position, const uint8_t *data, size_t len)
{
    GByteArray *bytes = g_byte_array_sized_new((guint)len + 9);
    GBytes *message;
    g_byte_array_append(bytes, &kind, 1);
    if (position != NULL) {
        const uint64_t big = GUINT64_TO_BE(*position);
        g_byte_array_append(bytes, (const guint8 *)&big, sizeof big);
    }
    if (len > 0) {
        g_byte_array_append(bytes, data, (guint)len);
    }
    message = g_byte_array_free_to_bytes(bytes);
    if (r->log != NULL && soup_websocket_connection_get_state(r->log) == SOUP_WEBSOCKET_STATE_OPEN) {
        soup_websocket_connection_send_message(r->log, SOUP_WEBSOCKET_DATA_BINARY, message);
    }
    g_bytes_unref(message);
}

static void log_said(SoupWebsocketConnection *socket, int type, GBytes *message, room *r)
{
    gsize len;
    const uint8_t *data = g_bytes_get_data(message, &len);
    const uint8_t kind = len > 0 ? data[0] : 0;
    uint64_t number = 0;
    (void)socket;
    (void)type;
    if (kind == HEAD || kind == ENTRY || kind == ANSWER || kind == TOO_OLD) {
        if (len < 9 || (kind == ANSWER && len < 10)) {
            end(r, "the log sent a message that is too short");
            return;
        }
        memcpy(&number, data + 1, sizeof number);
        number = GUINT64_FROM_BE(number);
    }
    switch (kind) {
    case HEAD: put(r, frameseal_session_head(r->session, number, data + 9, len - 9, now_ms())); break;
    case ENTRY: put(r, frameseal_session_log(r->session, number, data + 9, len - 9, now_ms())); break;
    case ANSWER:
        if (data[9] == CONFLICT) {
            put(r, frameseal_session_conflict(r->session, number, now_ms()));
        } else if (data[9] != TAKEN) {
            end(r, "the log did not append");
        }
        break;
    case PACKAGE: put(r, frameseal_session_knock(r->session, data + 1, len - 1, now_ms())); break;
    case TOO_OLD: put(r, frameseal_session_too_old(r->session, number, now_ms())); break;
    case SAID: put(r, frameseal_session_message(r->session, data + 1, len - 1, now_ms())); break;
    case FAULT: end(r, "the log refused"); break;
    default: break;
    }
}

/* The SFU. */

static void tell_sfu(room *r, JsonBuilder *builder)
{
    JsonNode *root = json_builder_get_root(builder);
    char *text = json_to_string(root, FALSE);
    if (r->sfu != NULL && soup_websocket_connection_get_state(r->sfu) == SOUP_WEBSOCKET_STATE_OPEN) {
        soup_websocket_connection_send_text(r->sfu, text);
    }
    g_free(text);
    json_node_unref(root);
    g_object_unref(builder);
}

/* Begins a message; `more` are names and values, to the end NULL. */
static JsonBuilder *message(const char *kind, ...)
{
    JsonBuilder *builder = json_builder_new();
    const char *name;
    va_list more;
    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "t");
    json_builder_add_string_value(builder, kind);
    va_start(more, kind);
    while ((name = va_arg(more, const char *)) != NULL) {
        json_builder_set_member_name(builder, name);
        json_builder_add_string_value(builder, va_arg(more, const char *));
    }
    va_end(more);
    json_builder_end_object(builder);
    return builder;
}

static void tell_present(room *r)
{
    guint count;
    const char **others = (const char **)g_hash_table_get_keys_as_array(r->present, &count);
    const char **all = g_new(const char *, count + 1);
    all[0] = r->id;
    memcpy(all + 1, others, count * sizeof *all);
    put(r, frameseal_session_participants(r->session, all, count + 1, now_ms()));
    g_free(others);
    g_free(all);
}

static void sfu_said(SoupWebsocketConnection *socket, int type, GBytes *bytes, room *r)
{
    gsize len;
    const char *text = g_bytes_get_data(bytes, &len);
    JsonParser *parser = json_parser_new();
    JsonNode *root = NULL;
    (void)socket;
    if (type == SOUP_WEBSOCKET_DATA_TEXT && json_parser_load_from_data(parser, text, (gssize)len, NULL)) {
        root = json_parser_get_root(parser);
    }
    if (root != NULL && JSON_NODE_HOLDS_OBJECT(root)) {
        JsonObject *o = json_node_get_object(root);
        const char *kind = json_object_get_string_member_with_default(o, "t", "");
        const char *id = json_object_get_string_member_with_default(o, "id", "");
        if (strcmp(kind, "welcome") == 0) {
            JsonArray *members = json_object_get_array_member(o, "members");
            guint i;
            for (i = 0; i < json_array_get_length(members); i++) {
                JsonObject *one = json_array_get_object_element(members, i);
                g_hash_table_add(r->present, g_strdup(json_object_get_string_member_with_default(one, "id", "")));
            }
            tell_present(r);
            r->events.joined(r->events.data);
        } else if (strcmp(kind, "member") == 0) {
            g_hash_table_add(r->present, g_strdup(id));
            tell_present(r);
        } else if (strcmp(kind, "left") == 0) {
            if (g_hash_table_remove(r->present, id)) {
                put(r, frameseal_session_gone(r->session, id, now_ms()));
                tell_present(r);
            }
        } else if (strcmp(kind, "offer") == 0) {
            r->events.offered(r->events.data, json_object_get_string_member_with_default(o, "sdp", ""),
                              json_object_get_array_member(o, "tracks"));
        } else if (strcmp(kind, "error") == 0) {
            end(r, json_object_get_string_member_with_default(o, "message", "the SFU refused"));
        }
    }
    g_object_unref(parser);
}

void room_answer(room *r, const char *sdp)
{
    tell_sfu(r, message("answer", "pc", "sub", "sdp", sdp, NULL));
}

/* Connections. */

static void closed(SoupWebsocketConnection *socket, room *r)
{
    end(r, socket == r->log ? "the connection to the log ended" : "the connection to the SFU ended");
}

static SoupWebsocketConnection *opened(room *r, GAsyncResult *result, GCallback heard)
{
    GError *error = NULL;
    SoupWebsocketConnection *socket = soup_session_websocket_connect_finish(r->http, result, &error);
    if (socket == NULL) {
        end(r, error->message);
        g_error_free(error);
        return NULL;
    }
    soup_websocket_connection_set_max_incoming_payload_size(socket, LARGEST);
    g_signal_connect(socket, "message", heard, r);
    g_signal_connect(socket, "closed", G_CALLBACK(closed), r);
    return socket;
}

static void log_opened(GObject *http, GAsyncResult *result, gpointer data)
{
    room *r = data;
    (void)http;
    r->log = opened(r, result, G_CALLBACK(log_said));
}

static void sfu_opened(GObject *http, GAsyncResult *result, gpointer data)
{
    room *r = data;
    (void)http;
    r->sfu = opened(r, result, G_CALLBACK(sfu_said));
    /* "group" is what the demo's members say whose keys come from the group. */
    tell_sfu(r, message("join", "room", r->room, "id", r->id, "name", r->name, "announcement", "group", NULL));
}

static void reach(room *r, char *url, char **protocols, GAsyncReadyCallback done)
{
    SoupMessage *get = soup_message_new("GET", url);
    if (get == NULL) {
        end(r, "no such server");
    } else {
        soup_session_websocket_connect_async(r->http, get, NULL, protocols, G_PRIORITY_DEFAULT, NULL, done, r);
        g_object_unref(get);
    }
    g_free(url);
}

/* The session. */

static gboolean wake(gpointer data)
{
    room *r = data;
    r->timer = 0;
    put(r, frameseal_session_wake(r->session, now_ms()));
    return G_SOURCE_REMOVE;
}

static void wake_at(room *r, uint64_t time_ms)
{
    const uint64_t now = now_ms();
    if (r->timer != 0) {
        g_source_remove(r->timer);
    }
    r->timer = g_timeout_add(time_ms > now ? (guint)(time_ms - now) : 0, wake, r);
}

/* Nobody vouches for names here. Whom people let in from a lobby is for people to say. */
static void decide(room *r, const frameseal_output *out)
{
    uint8_t *trust;
    if (out->why == FRAMESEAL_WHY_KNOCKS && r->admit == FRAMESEAL_ADMIT_MEMBERS) {
        return;
    }
    trust = g_malloc(out->people + 1);
    memset(trust, FRAMESEAL_TRUST_UNVERIFIED, out->people + 1);
    frameseal_session_verdict(r->session, out->question, trust, out->people, now_ms());
    g_free(trust);
}

static void free_person(gpointer data)
{
    person *one = data;
    g_free(one->participant);
    g_free(one->name);
    g_free(one);
}

static void roster(room *r, const frameseal_output *out)
{
    const size_t people = out->people;
    size_t i;
    r->epoch = out->epoch;
    g_ptr_array_set_size(r->members, 0);
    for (i = 0; i < people; i++) {
        frameseal_person who;
        memset(&who, 0, sizeof who);
        who.size = sizeof who;
        if (frameseal_session_person(r->session, i, &who) == FRAMESEAL_STATUS_OK) {
            person *one = g_new(person, 1);
            one->participant = g_strdup(who.participant);
            one->name = g_strdup(who.name);
            one->heard = who.heard == 1;
            g_ptr_array_add(r->members, one);
        }
    }
}

static void happened(room *r, uint32_t event)
{
    switch (event) {
    /* Who knocked while nobody was connected is still there. */
    case FRAMESEAL_EVENT_JOINED: tell_log(r, TAKE, NULL, NULL, 0); break;
    case FRAMESEAL_EVENT_REMOVED: r->events.removed(r->events.data); break;
    case FRAMESEAL_EVENT_FORK: end(r, "others see another group"); break;
    case FRAMESEAL_EVENT_LOG_LOST: end(r, "the log lost its entries"); break;
    case FRAMESEAL_EVENT_LEFT_BEHIND: end(r, "missed more than the log keeps"); break;
    case FRAMESEAL_EVENT_NO_SECRET: end(r, "the room wants a secret"); break;
    case FRAMESEAL_EVENT_OTHER_SUITE: end(r, "the room is of another agreement"); break;
    default: break;
    }
}

/* Does what the session wants until it wants nothing more. */
static void poll_session(room *r)
{
    for (;;) {
        frameseal_output out;
        memset(&out, 0, sizeof out);
        out.size = sizeof out;
        if (frameseal_session_poll(r->session, &out) != FRAMESEAL_STATUS_OK) {
            end(r, frameseal_last_error());
            return;
        }
        switch (out.kind) {
        case FRAMESEAL_OUTPUT_KIND_NONE: return;
        case FRAMESEAL_OUTPUT_KIND_APPEND: tell_log(r, APPEND, &out.position, out.data, out.data_len); break;
        case FRAMESEAL_OUTPUT_KIND_READ: tell_log(r, READ, &out.position, NULL, 0); break;
        case FRAMESEAL_OUTPUT_KIND_KNOCK: tell_log(r, PUT, NULL, out.data, out.data_len); break;
        case FRAMESEAL_OUTPUT_KIND_SEND: tell_log(r, SAY, NULL, out.data, out.data_len); break;
        case FRAMESEAL_OUTPUT_KIND_WAKE_AT: wake_at(r, out.time_ms); break;
        case FRAMESEAL_OUTPUT_KIND_DECIDE: decide(r, &out); break;
        case FRAMESEAL_OUTPUT_KIND_POLICY: r->admit = out.admit; break;
        case FRAMESEAL_OUTPUT_KIND_MEMBERS: roster(r, &out); break;
        case FRAMESEAL_OUTPUT_KIND_CODE: g_strlcpy(r->code, out.text, sizeof r->code); break;
        case FRAMESEAL_OUTPUT_KIND_EVENT: happened(r, out.event); break;
        case FRAMESEAL_OUTPUT_KIND_SEALING:
            if (!r->calling) {
                r->calling = TRUE;
                reach(r, g_strdup_printf("ws://%s/ws", r->server), NULL, sfu_opened);
            }
            break;
        default: break;
        }
    }
}

room *room_enter(const char *server, const char *name_of_room, const char *id, const char *name, room_events events)
{
    room *r = g_new0(room, 1);
    frameseal_session_config config;
    uint8_t entropy[FRAMESEAL_ENTROPY_LEN];
    FILE *random = fopen("/dev/urandom", "rb");
    char *protocols[] = { (char *)"frameseal-log.1", NULL };
    char *escaped = g_uri_escape_string(name_of_room, NULL, FALSE);
    frameseal_status status = FRAMESEAL_STATUS_BAD_ENTROPY;

    r->server = g_strdup(server);
    r->room = g_strdup(name_of_room);
    r->id = g_strdup(id);
    r->name = g_strdup(name);
    r->events = events;
    r->admit = FRAMESEAL_ADMIT_ANYONE;
    r->members = g_ptr_array_new_with_free_func(free_person);
    r->present = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    r->http = soup_session_new();
    memset(&config, 0, sizeof config);
    config.size = sizeof config;
    config.room = r->room;
    config.participant = r->id;
    config.name = r->name;
    if (random != NULL && fread(entropy, 1, sizeof entropy, random) == sizeof entropy) {
        status = frameseal_session_new(&config, entropy, sizeof entropy, &r->session);
    }
    if (random != NULL) {
        fclose(random);
    }
    frameseal_wipe(entropy, sizeof entropy);
    if (status == FRAMESEAL_STATUS_OK) {
        status = frameseal_session_ring(r->session, &r->ring);
    }
    if (status != FRAMESEAL_STATUS_OK) {
        fprintf(stderr, "no session: %s\n", frameseal_strerror(status));
        g_free(escaped);
        room_free(r);
        return NULL;
    }
    reach(r, g_strdup_printf("ws://%s/log?room=%s", server, escaped), protocols, log_opened);
    g_free(escaped);
    return r;
}

const frameseal_ring *room_ring(const room *r)
{
    return r->ring;
}

void room_describe(const room *r, JsonBuilder *report)
{
    guint i;
    json_builder_set_member_name(report, "id");
    json_builder_add_string_value(report, r->id);
    json_builder_set_member_name(report, "epoch");
    json_builder_add_int_value(report, (gint64)r->epoch);
    json_builder_set_member_name(report, "code");
    json_builder_add_string_value(report, r->code);
    json_builder_set_member_name(report, "members");
    json_builder_begin_array(report);
    for (i = 0; i < r->members->len; i++) {
        const person *one = g_ptr_array_index(r->members, i);
        json_builder_begin_object(report);
        json_builder_set_member_name(report, "id");
        json_builder_add_string_value(report, one->participant);
        json_builder_set_member_name(report, "name");
        json_builder_add_string_value(report, one->name);
        json_builder_set_member_name(report, "heard");
        json_builder_add_boolean_value(report, one->heard);
        json_builder_end_object(report);
    }
    json_builder_end_array(report);
}

void room_leave(room *r)
{
    r->over = TRUE;
    put(r, frameseal_session_leave(r->session, now_ms()));
    tell_sfu(r, message("leave", NULL));
}

void room_free(room *r)
{
    if (r == NULL) {
        return;
    }
    r->over = TRUE;
    if (r->timer != 0) {
        g_source_remove(r->timer);
    }
    if (r->http != NULL) {
        soup_session_abort(r->http);
    }
    g_clear_object(&r->log);
    g_clear_object(&r->sfu);
    g_clear_object(&r->http);
    frameseal_ring_free(r->ring);
    frameseal_session_free(r->session);
    g_ptr_array_unref(r->members);
    g_hash_table_unref(r->present);
    g_free(r->server);
    g_free(r->room);
    g_free(r->id);
    g_free(r->name);
    g_free(r);
}
