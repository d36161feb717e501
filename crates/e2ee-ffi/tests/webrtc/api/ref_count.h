#ifndef API_REF_COUNT_H_
#define API_REF_COUNT_H_

namespace webrtc {

enum class RefCountReleaseStatus { kDroppedLastRef, kOtherRefsRemained };

class RefCountInterface {
 public:
  virtual void AddRef() const = 0;
  virtual RefCountReleaseStatus Release() const = 0;

 protected:
  virtual ~RefCountInterface() = default;
};

}  // namespace webrtc

#endif
