#ifndef API_FRAME_TRANSFORMER_INTERFACE_H_
#define API_FRAME_TRANSFORMER_INTERFACE_H_

#include "api/array_view.h"
#include "api/ref_count.h"
#include "api/scoped_refptr.h"

#include <cstdint>
#include <memory>
#include <string>

namespace webrtc {

class TransformableFrameInterface {
 public:
  // Frames are made by libwebrtc, and by its tests.
  class Passkey;
  enum class Direction { kUnknown, kReceiver, kSender };

  explicit TransformableFrameInterface(Passkey);
  TransformableFrameInterface(TransformableFrameInterface&&) = default;
  TransformableFrameInterface& operator=(TransformableFrameInterface&&) = default;
  virtual ~TransformableFrameInterface() = default;

  virtual WAS_RTC::ArrayView<const uint8_t> GetData() const = 0;
  virtual void SetData(WAS_RTC::ArrayView<const uint8_t> data) = 0;
  virtual uint8_t GetPayloadType() const = 0;
  virtual uint32_t GetSsrc() const = 0;
  virtual uint32_t GetTimestamp() const = 0;
  virtual void SetRTPTimestamp(uint32_t timestamp) = 0;
  virtual Direction GetDirection() const { return Direction::kUnknown; }
  virtual std::string GetMimeType() const = 0;
};

class TransformableFrameInterface::Passkey {
 private:
  friend class MockTransformableFrame;
  Passkey() = default;
};

inline TransformableFrameInterface::TransformableFrameInterface(Passkey) {}

class TransformedFrameCallback : public RefCountInterface {
 public:
  virtual void OnTransformedFrame(std::unique_ptr<TransformableFrameInterface> frame) = 0;
  virtual void StartShortCircuiting() {}

 protected:
  ~TransformedFrameCallback() override = default;
};

class FrameTransformerInterface : public RefCountInterface {
 public:
  virtual void Transform(std::unique_ptr<TransformableFrameInterface> transformable_frame) = 0;
  virtual void RegisterTransformedFrameCallback(WAS_RTC::scoped_refptr<TransformedFrameCallback>) {}
  virtual void RegisterTransformedFrameSinkCallback(WAS_RTC::scoped_refptr<TransformedFrameCallback>, uint32_t) {}
  virtual void UnregisterTransformedFrameCallback() {}
  virtual void UnregisterTransformedFrameSinkCallback(uint32_t) {}

 protected:
  ~FrameTransformerInterface() override = default;
};

// RtpSender and RtpReceiver.
class FrameTransformerHost {
 public:
  virtual ~FrameTransformerHost() = default;
  virtual void SetFrameTransformer(WAS_RTC::scoped_refptr<FrameTransformerInterface> frame_transformer) = 0;
};

}  // namespace webrtc

#endif
