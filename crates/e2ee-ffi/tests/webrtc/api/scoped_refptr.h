#ifndef API_SCOPED_REFPTR_H_
#define API_SCOPED_REFPTR_H_

#include "api/milestone.h"

#include <cstddef>
#include <utility>

namespace WAS_RTC {

template <class T>
class scoped_refptr {
 public:
  scoped_refptr() = default;
  scoped_refptr(std::nullptr_t) {}
  explicit scoped_refptr(T* to) : to_(to) { hold(); }
  scoped_refptr(const scoped_refptr& other) : to_(other.to_) { hold(); }
  scoped_refptr(scoped_refptr&& other) noexcept : to_(std::exchange(other.to_, nullptr)) {}
  template <class U>
  scoped_refptr(const scoped_refptr<U>& other) : to_(other.get()) {
    hold();
  }
  ~scoped_refptr() {
    if (to_ != nullptr) to_->Release();
  }
  scoped_refptr& operator=(scoped_refptr other) noexcept {
    std::swap(to_, other.to_);
    return *this;
  }

  T* get() const { return to_; }
  explicit operator bool() const { return to_ != nullptr; }
  T& operator*() const { return *to_; }
  T* operator->() const { return to_; }

 private:
  void hold() const {
    if (to_ != nullptr) to_->AddRef();
  }

  T* to_ = nullptr;
};

}  // namespace WAS_RTC

#endif
