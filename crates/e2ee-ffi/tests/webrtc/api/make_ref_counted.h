#ifndef API_MAKE_REF_COUNTED_H_
#define API_MAKE_REF_COUNTED_H_

#include "api/ref_count.h"
#include "api/scoped_refptr.h"

#include <atomic>

namespace webrtc {

// An object and the count of its references.
template <class T>
class RefCountedObject : public T {
 public:
  template <class... Arguments>
  explicit RefCountedObject(Arguments&&... arguments) : T(std::forward<Arguments>(arguments)...) {}

  void AddRef() const override { count_.fetch_add(1, std::memory_order_relaxed); }
  RefCountReleaseStatus Release() const override {
    if (count_.fetch_sub(1, std::memory_order_acq_rel) > 1) return RefCountReleaseStatus::kOtherRefsRemained;
    delete this;
    return RefCountReleaseStatus::kDroppedLastRef;
  }

 protected:
  ~RefCountedObject() override = default;

 private:
  mutable std::atomic<int> count_{0};
};

}  // namespace webrtc

namespace WAS_RTC {

template <class T, class... Arguments>
scoped_refptr<T> make_ref_counted(Arguments&&... arguments) {
  return scoped_refptr<T>(new webrtc::RefCountedObject<T>(std::forward<Arguments>(arguments)...));
}

}  // namespace WAS_RTC

#endif
