// Which libwebrtc these declarations are of: see README.md.
#ifndef API_MILESTONE_H_
#define API_MILESTONE_H_

#ifndef FRAMESEAL_WEBRTC_MILESTONE
#define FRAMESEAL_WEBRTC_MILESTONE 128
#endif

#if FRAMESEAL_WEBRTC_MILESTONE < 138
#define WAS_RTC rtc
#define WAS_CRICKET cricket
#else
#define WAS_RTC webrtc
#define WAS_CRICKET webrtc
#endif

#endif
