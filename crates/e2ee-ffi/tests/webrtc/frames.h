// What the tests of this folder share: frames as libwebrtc hands them over, and who waits for them.
#ifndef FRAMESEAL_TEST_WEBRTC_FRAMES_H
#define FRAMESEAL_TEST_WEBRTC_FRAMES_H

#include "../c/samples.h"

#include <frameseal/webrtc.h>

#include "api/make_ref_counted.h"

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace webrtc {

// The name that libwebrtc lets its tests make frames by.
class MockTransformableFrame : public TransformableFrameInterface {
 public:
  MockTransformableFrame(Direction direction, std::string mime, uint32_t ssrc, std::vector<uint8_t> data)
      : TransformableFrameInterface(Passkey()),
        direction_(direction),
        mime_(std::move(mime)),
        ssrc_(ssrc),
        data_(std::move(data)) {}

  WAS_RTC::ArrayView<const uint8_t> GetData() const override { return {data_.data(), data_.size()}; }
  void SetData(WAS_RTC::ArrayView<const uint8_t> data) override { data_.assign(data.begin(), data.end()); }
  uint8_t GetPayloadType() const override { return 96; }
  uint32_t GetSsrc() const override { return ssrc_; }
  uint32_t GetTimestamp() const override { return timestamp_; }
  void SetRTPTimestamp(uint32_t timestamp) override { timestamp_ = timestamp; }
  Direction GetDirection() const override { return direction_; }
  std::string GetMimeType() const override { return mime_; }

 private:
  const Direction direction_;
  const std::string mime_;
  const uint32_t ssrc_;
  uint32_t timestamp_ = 90000;
  std::vector<uint8_t> data_;
};

}  // namespace webrtc

using Bytes = std::vector<uint8_t>;
using Direction = webrtc::TransformableFrameInterface::Direction;
template <class T>
using Ref = WAS_RTC::scoped_refptr<T>;

// Keeps what it is given.
class Sink : public webrtc::TransformedFrameCallback {
 public:
  void OnTransformedFrame(std::unique_ptr<webrtc::TransformableFrameInterface> frame) override {
    const auto data = frame->GetData();
    const std::lock_guard<std::mutex> lock(mutex_);
    got_.emplace_back(data.begin(), data.end());
  }

  std::size_t count() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return got_.size();
  }

  Bytes last() {
    const std::lock_guard<std::mutex> lock(mutex_);
    TRUE(!got_.empty());
    return got_.back();
  }

 protected:
  ~Sink() override = default;

 private:
  std::mutex mutex_;
  std::vector<Bytes> got_;
};

inline Bytes bytes_of(const sample& what) { return Bytes(what.frame, what.frame + what.len); }

inline std::unique_ptr<webrtc::TransformableFrameInterface> frame_of(Direction direction, const char* mime,
                                                                      uint32_t ssrc, Bytes data) {
  return std::make_unique<webrtc::MockTransformableFrame>(direction, mime, ssrc, std::move(data));
}

inline frameseal::Track track_of(uint32_t kind, std::vector<frameseal::Drop>* drops = nullptr) {
  frameseal::Track track;
  track.kind = kind;
  track.drop_interval = std::chrono::milliseconds(0);
  if (drops != nullptr) track.on_drop = [drops](const frameseal::Drop& drop) { drops->push_back(drop); };
  return track;
}

inline std::shared_ptr<frameseal::Sealer> sealer_of(const char* participant) {
  const frameseal_config config = config_of(FRAMESEAL_FORMAT_FRAMESEAL, participant);
  frameseal_sealer* sealer = nullptr;
  EXPECT(frameseal_sealer_new(&config, test_entropy(), FRAMESEAL_ENTROPY_LEN, &sealer), OK);
  return std::make_shared<frameseal::Sealer>(sealer, participant);
}

// A frame that no adapter sealed.
inline Bytes sealed_by(frameseal::Sealer& sealer, const sample& what) {
  Bytes sealed;
  EXPECT(sealer.seal(info_of(what.kind, what.codec), what.frame, what.len, sealed), OK);
  return sealed;
}

// Tells a ring the sealer's key, as it comes over a secure channel.
inline void tell(frameseal_ring* ring, frameseal::Sealer& sealer) {
  uint8_t key[FRAMESEAL_MAX_BASE_KEY_LEN];
  uint32_t generation = 0, step = 0;
  size_t len = 0;
  EXPECT(sealer.with([&](frameseal_sealer* handle) {
    return frameseal_sealer_key(handle, &generation, &step, key, sizeof key, &len);
  }), OK);
  EXPECT(frameseal_ring_install_key(ring, sealer.participant().c_str(), generation, step, key, len), OK);
  frameseal_wipe(key, sizeof key);
}

inline frameseal_ring* ring_of(const char* participant) {
  const frameseal_config config = config_of(FRAMESEAL_FORMAT_FRAMESEAL, participant);
  frameseal_ring* ring = nullptr;
  EXPECT(frameseal_ring_new(&config, &ring), OK);
  return ring;
}

inline std::shared_ptr<frameseal::Opener> opener_of(frameseal_ring* ring, const char* participant) {
  frameseal_opener* opener = nullptr;
  EXPECT(frameseal_ring_opener(ring, participant, &opener), OK);
  return std::make_shared<frameseal::Opener>(opener, participant);
}

#endif
