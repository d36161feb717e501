/* Frameseal: handles that threads share, and what became of frames. C++17, header-only, on top of frameseal.h; for the
 * adapters beside this file. No exceptions are thrown and no RTTI is used. */

#ifndef FRAMESEAL_HANDLES_H
#define FRAMESEAL_HANDLES_H

#include <frameseal.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace frameseal {

/// The sealer of one participant, for any number of threads: the tracks of a participant share one, since all of its
/// frames are sealed with keys that peers know as one. One frame at a time.
class Sealer {
 public:
  /// Takes the handle, and frees it in the end. `participant`: whose it is, for reports.
  Sealer(frameseal_sealer* handle, std::string participant)
      : handle_(handle), participant_(std::move(participant)) {}
  ~Sealer() { frameseal_sealer_free(handle_); }
  Sealer(const Sealer&) = delete;
  Sealer& operator=(const Sealer&) = delete;

  const std::string& participant() const { return participant_; }

  /// Does something with the handle while no frame is sealed: `frameseal_sealer_rotate`, `_step`, `_key`. It must not
  /// free the handle, nor call this object.
  template <class Work>
  auto with(Work&& work) -> decltype(work(static_cast<frameseal_sealer*>(nullptr))) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return work(handle_);
  }

  /// The most bytes that a frame of `len` bytes can become; 0 when `info` is wrong.
  std::size_t max_len(const frameseal_frame_info& info, std::size_t len) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return frameseal_max_sealed_len(handle_, &info, len);
  }

  /// As `frameseal_seal`.
  frameseal_status seal(const frameseal_frame_info& info, const std::uint8_t* in, std::size_t len, std::uint8_t* out,
                        std::size_t cap, std::size_t* out_len) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return frameseal_seal(handle_, &info, in, len, out, cap, out_len);
  }

  /// As `frameseal_seal`, to a vector that gets the length that it takes.
  frameseal_status seal(const frameseal_frame_info& info, const std::uint8_t* in, std::size_t len,
                        std::vector<std::uint8_t>& out) {
    out.resize(max_len(info, len) + 1);
    std::size_t out_len = 0;
    const frameseal_status status = seal(info, in, len, out.data(), out.size(), &out_len);
    out.resize(out_len);
    return status;
  }

 private:
  std::mutex mutex_;
  frameseal_sealer* const handle_;
  const std::string participant_;
};

/// The opener of one participant's frames, for any number of threads. All tracks of a participant share one, and it
/// lives as long as the participant is in the call: what one opener opened, another one does not know to be a repeat.
class Opener {
 public:
  /// Takes the handle, and frees it in the end. `participant`: whose frames it opens, for reports.
  Opener(frameseal_opener* handle, std::string participant)
      : handle_(handle), participant_(std::move(participant)) {}
  ~Opener() { frameseal_opener_free(handle_); }
  Opener(const Opener&) = delete;
  Opener& operator=(const Opener&) = delete;

  const std::string& participant() const { return participant_; }

  /// Does something with the handle while no frame is opened: `frameseal_opener_install_key`, `_forget_before`. It must
  /// not free the handle, nor call this object.
  template <class Work>
  auto with(Work&& work) -> decltype(work(static_cast<frameseal_opener*>(nullptr))) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return work(handle_);
  }

  /// As `frameseal_open`; tells the opener the time about once a second, so that keys which a newer one replaced go.
  frameseal_status open(const frameseal_frame_info& info, const std::uint8_t* in, std::size_t len, std::uint8_t* out,
                        std::size_t cap, std::size_t* out_len) {
    using std::chrono::milliseconds;
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    const std::lock_guard<std::mutex> lock(mutex_);
    if (now - ticked_ >= std::chrono::seconds(1)) {
      ticked_ = now;
      const auto now_ms = std::chrono::duration_cast<milliseconds>(now).count();
      frameseal_opener_tick(handle_, static_cast<std::uint64_t>(now_ms));
    }
    return frameseal_open(handle_, &info, in, len, out, cap, out_len);
  }

  /// As `frameseal_open`, to a vector that gets the length that it takes.
  frameseal_status open(const frameseal_frame_info& info, const std::uint8_t* in, std::size_t len,
                        std::vector<std::uint8_t>& out) {
    out.resize(len + 1);
    std::size_t out_len = 0;
    const frameseal_status status = open(info, in, len, out.data(), out.size(), &out_len);
    out.resize(out_len);
    return status;
  }

 private:
  std::mutex mutex_;
  frameseal_opener* const handle_;
  const std::string participant_;
  std::chrono::steady_clock::duration ticked_{0};
};

/// Frames that did not pass, for one reason.
struct Drop {
  /// Why.
  frameseal_status status;
  /// Whose frames they are.
  std::string participant;
  /// The stream of the last of them; 0 where it is not known.
  std::uint32_t ssrc;
  /// How many since this reason was last told.
  std::uint64_t frames;
};

/// Called on the thread that brought the frame, with no lock held. It must not throw.
using OnDrop = std::function<void(const Drop&)>;

/// Counts what did not pass, and tells it: the first of a reason at once, later ones at most once in an interval. What
/// is not told yet comes with a later frame, of whatever fate. Any thread.
class Drops {
 public:
  Drops(std::string participant, OnDrop on_drop, std::chrono::milliseconds interval)
      : participant_(std::move(participant)), on_drop_(std::move(on_drop)), interval_(interval) {}

  /// One more.
  void add(frameseal_status status, std::uint32_t ssrc) {
    total_.fetch_add(1, std::memory_order_relaxed);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      Reason& reason = reasons_[static_cast<std::int32_t>(status)];
      reason.untold++;
      reason.ssrc = ssrc;
      untold_.store(true, std::memory_order_relaxed);
    }
    tell();
  }

  /// Tells what is due.
  void tell() {
    if (!untold_.load(std::memory_order_relaxed)) return;
    std::vector<Drop> due;
    {
      const auto now = Clock::now();
      const std::lock_guard<std::mutex> lock(mutex_);
      bool left = false;
      for (auto& [status, reason] : reasons_) {
        if (reason.untold == 0) continue;
        if (reason.told && now - reason.at < interval_) {
          left = true;
          continue;
        }
        due.push_back(Drop{static_cast<frameseal_status>(status), participant_, reason.ssrc, reason.untold});
        reason.untold = 0;
        reason.told = true;
        reason.at = now;
      }
      untold_.store(left, std::memory_order_relaxed);
    }
    if (!on_drop_) return;
    for (const Drop& drop : due) on_drop_(drop);
  }

  /// How many since the beginning.
  std::uint64_t total() const { return total_.load(std::memory_order_relaxed); }

 private:
  using Clock = std::chrono::steady_clock;

  struct Reason {
    std::uint64_t untold = 0;
    std::uint32_t ssrc = 0;
    bool told = false;
    Clock::time_point at{};
  };

  const std::string participant_;
  const OnDrop on_drop_;
  const std::chrono::milliseconds interval_;
  std::atomic<std::uint64_t> total_{0};
  std::atomic<bool> untold_{false};
  std::mutex mutex_;
  std::map<std::int32_t, Reason> reasons_;
};

}  // namespace frameseal

#endif  // FRAMESEAL_HANDLES_H
