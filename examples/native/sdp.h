/* What webrtcbin's descriptions lack. */

#ifndef SDP_H
#define SDP_H

#include <gst/sdp/sdp.h>

/* Certificate and key of the transport of one run, as PEM; NULL if openssl(1) is not there. GStreamer's own are of RSA,
 * which the SFU does not speak. */
char *sdp_certificate(void);

/* webrtcbin's answer as it is to be: with the certificate's fingerprint, since webrtcbin hashes the private key that
 * stands beside it too; and with all formats that are offered and that `takes` says yes to, of which webrtcbin names the
 * first. NULL if there is no fingerprint. */
GstSDPMessage *sdp_answer(const GstSDPMessage *offer, const GstSDPMessage *answer, const char *pem,
                          gboolean (*takes)(const char *codec));

#endif
