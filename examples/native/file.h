/* One Matroska file: at most one picture and one sound, encoded frames as they were opened. */

#ifndef FILE_H
#define FILE_H

#include <gst/gst.h>

typedef struct file file;

/* `video`: VP8, VP9, AV1, H264 or NULL; `audio`: whether there is Opus. `width` and `height`: for VP8, whose frames no
 * parser reads. Gives NULL, and says why, if it cannot be written. */
file *file_new(const char *path, const char *video, int width, int height, gboolean audio);

/* A frame, on any thread; its bytes are the file's from now on. What came before the first picture is left out. */
void file_push(file *f, gboolean video, GstClockTime time, gboolean key, GstBuffer *frame);

/* Writes the end and closes it. */
void file_finish(file *f);

#endif
