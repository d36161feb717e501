#include "sdp.h"

#include <string.h>

char *sdp_certificate(void)
{
    const char *words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=webrtc "
                        "-keyout - -out -";
    char *pem = NULL, *errors = NULL;
    g_spawn_command_line_sync(words, &pem, &errors, NULL, NULL);
    g_free(errors);
    return pem;
}

/* As an attribute has it. */
static char *fingerprint(const char *pem)
{
    static const char HEAD[] = "-----BEGIN CERTIFICATE-----";
    const char *begin = strstr(pem, HEAD), *end = begin != NULL ? strstr(begin, "-----END") : NULL;
    char *base64, *hash;
    guchar *der;
    gsize len;
    size_t i;
    GString *text;
    if (end == NULL) {
        return NULL;
    }
    begin += sizeof HEAD - 1;
    base64 = g_strndup(begin, (gsize)(end - begin));
    der = g_base64_decode(base64, &len);
    hash = g_compute_checksum_for_data(G_CHECKSUM_SHA256, der, len);
    text = g_string_new("sha-256 ");
    for (i = 0; hash[i] != '\0'; i += 2) {
        g_string_append_printf(text, "%s%c%c", i > 0 ? ":" : "", g_ascii_toupper(hash[i]), g_ascii_toupper(hash[i + 1]));
    }
    g_free(hash);
    g_free(der);
    g_free(base64);
    return g_string_free(text, FALSE);
}

/* The value of the attribute `key` of a format, behind its number; NULL if there is none. */
static const char *of_format(const GstSDPMedia *media, const char *key, const char *format)
{
    const size_t len = strlen(format);
    guint at;
    for (at = 0; at < gst_sdp_media_attributes_len(media); at++) {
        const GstSDPAttribute *one = gst_sdp_media_get_attribute(media, at);
        if (strcmp(one->key, key) == 0 && strncmp(one->value, format, len) == 0 && one->value[len] == ' ') {
            return one->value + len + 1;
        }
    }
    return NULL;
}

/* Profiles that every member sends and takes. */
static gboolean plain(const char *codec, const char *parameters)
{
    if (strcmp(codec, "H264") == 0) {
        return parameters != NULL && strstr(parameters, "packetization-mode=1") != NULL && strstr(parameters, "=42") != NULL;
    }
    return strcmp(codec, "VP9") != 0 || parameters == NULL || strstr(parameters, "profile-id=0") != NULL;
}

static void clear_formats(GstSDPMedia *media)
{
    guint at = gst_sdp_media_attributes_len(media);
    while (at-- > 0) {
        const char *key = gst_sdp_media_get_attribute(media, at)->key;
        if (strcmp(key, "rtpmap") == 0 || strcmp(key, "fmtp") == 0 || strcmp(key, "rtcp-fb") == 0) {
            gst_sdp_media_remove_attribute(media, at);
        }
    }
    while (gst_sdp_media_formats_len(media) > 0) {
        gst_sdp_media_remove_format(media, 0);
    }
}

static void add_format(GstSDPMedia *to, const char *key, const char *format, const char *value)
{
    char *text = g_strdup_printf("%s %s", format, value);
    gst_sdp_media_add_attribute(to, key, text);
    g_free(text);
}

static void add_formats(const GstSDPMedia *from, GstSDPMedia *to, gboolean (*takes)(const char *codec))
{
    guint at;
    for (at = 0; at < gst_sdp_media_formats_len(from); at++) {
        const char *format = gst_sdp_media_get_format(from, at);
        const char *map = of_format(from, "rtpmap", format), *parameters = of_format(from, "fmtp", format);
        char *upper = g_ascii_strup(map != NULL ? map : "", -1);
        char *codec = g_strndup(upper, strcspn(upper, "/"));
        if (takes(codec) && plain(codec, parameters)) {
            gst_sdp_media_add_format(to, format);
            add_format(to, "rtpmap", format, map);
            if (parameters != NULL) {
                add_format(to, "fmtp", format, parameters);
            }
            if (strcmp(gst_sdp_media_get_media(from), "video") == 0) {
                add_format(to, "rtcp-fb", format, "nack pli");
            }
        }
        g_free(codec);
        g_free(upper);
    }
}

GstSDPMessage *sdp_answer(const GstSDPMessage *offer, const GstSDPMessage *answer, const char *pem,
                          gboolean (*takes)(const char *codec))
{
    char *proof = fingerprint(pem);
    GstSDPMessage *copy = NULL;
    guint i, at;
    if (proof != NULL && gst_sdp_message_copy(answer, &copy) == GST_SDP_OK) {
        for (i = 0; i < gst_sdp_message_medias_len(copy) && i < gst_sdp_message_medias_len(offer); i++) {
            GstSDPMedia *media = (GstSDPMedia *)gst_sdp_message_get_media(copy, i);
            for (at = 0; at < gst_sdp_media_attributes_len(media); at++) {
                if (strcmp(gst_sdp_media_get_attribute(media, at)->key, "fingerprint") == 0) {
                    GstSDPAttribute own;
                    gst_sdp_attribute_set(&own, "fingerprint", proof);
                    gst_sdp_media_replace_attribute(media, at, &own);
                }
            }
            if (gst_sdp_media_get_port(media) != 0) {
                clear_formats(media);
                add_formats(gst_sdp_message_get_media(offer, i), media, takes);
            }
        }
    }
    g_free(proof);
    return copy;
}
