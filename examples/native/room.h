/* A member of the demo's call on GLib's main loop: the SFU's signalling, the room's log, and the session between them. */

#ifndef ROOM_H
#define ROOM_H

#include <frameseal.h>
#include <json-glib/json-glib.h>

typedef struct room room;

typedef struct room_events {
    /* The SFU offers tracks: answer with room_answer. */
    void (*offered)(void *data, const char *sdp, JsonArray *tracks);
    /* This member is in group and call. */
    void (*joined)(void *data);
    /* A member took this one out of the group: it has no key any more. The call's connection stays. */
    void (*removed)(void *data);
    /* It ended otherwise, and why. Nothing follows. */
    void (*ended)(void *data, const char *why);
    void *data;
} room_events;

/* Enters the group, then the call. `server`: HOST:PORT. A connection that is lost ends it: this example does not come
 * again. */
room *room_enter(const char *server, const char *name_of_room, const char *id, const char *name, room_events events);

/* The keys of the session: for openers, on any thread. */
const frameseal_ring *room_ring(const room *r);

void room_answer(room *r, const char *sdp);

/* Adds epoch, code and members to a report. */
void room_describe(const room *r, JsonBuilder *report);

/* Says so to group and SFU; run the loop a moment longer. */
void room_leave(room *r);

void room_free(room *r);

#endif
