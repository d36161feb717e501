#ifndef API_MEDIA_TYPES_H_
#define API_MEDIA_TYPES_H_

#include "api/milestone.h"

namespace WAS_CRICKET {

#if FRAMESEAL_WEBRTC_MILESTONE < 138
enum MediaType { MEDIA_TYPE_AUDIO, MEDIA_TYPE_VIDEO, MEDIA_TYPE_DATA, MEDIA_TYPE_UNSUPPORTED };
#else
enum class MediaType { AUDIO, VIDEO, DATA, UNSUPPORTED, ANY };
#endif

}  // namespace WAS_CRICKET

#endif
