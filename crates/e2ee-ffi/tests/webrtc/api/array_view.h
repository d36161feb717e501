#ifndef API_ARRAY_VIEW_H_
#define API_ARRAY_VIEW_H_

#include "api/milestone.h"

#include <cstddef>

namespace WAS_RTC {

template <typename T>
class ArrayView {
 public:
  constexpr ArrayView() = default;
  constexpr ArrayView(std::nullptr_t) {}
  constexpr ArrayView(T* data, std::size_t size) : data_(size == 0 ? nullptr : data), size_(size) {}
  template <typename Container, typename = decltype(static_cast<Container*>(nullptr)->data())>
  constexpr ArrayView(Container& container) : ArrayView(container.data(), container.size()) {}
  template <typename Container, typename = decltype(static_cast<const Container*>(nullptr)->data())>
  constexpr ArrayView(const Container& container) : ArrayView(container.data(), container.size()) {}

  constexpr T* data() const { return data_; }
  constexpr std::size_t size() const { return size_; }
  constexpr T* begin() const { return data_; }
  constexpr T* end() const { return data_ + size_; }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace WAS_RTC

#endif
