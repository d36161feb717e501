// The program text of docs/native.md, as it is printed there: a frame of Ada's microphone reaches Bob.

#include "frames.h"

#include "guide.inc"

namespace {

// An RtpSender or an RtpReceiver: who has the transformer, and brings it frames.
class Host : public webrtc::FrameTransformerHost {
 public:
  explicit Host(Direction direction) : direction_(direction) {}

  void SetFrameTransformer(Ref<webrtc::FrameTransformerInterface> transformer) override {
    transformer_ = transformer;
    transformer_->RegisterTransformedFrameCallback(sink);
  }

  Bytes run(Bytes data) {
    transformer_->Transform(frame_of(direction_, "audio/opus", 1, std::move(data)));
    return sink->last();
  }

  const Ref<Sink> sink = WAS_RTC::make_ref_counted<Sink>();

 private:
  const Direction direction_;
  Ref<webrtc::FrameTransformerInterface> transformer_;
};

}  // namespace

int main() {
  frameseal_ring* const ring = ring_of("bob");
  const auto sealer = sealer_of("ada");
  tell(ring, *sealer);
  Host sender(Direction::kSender), receiver(Direction::kReceiver);
  seal_track(sender, sealer, FRAMESEAL_KIND_AUDIO);
  open_track(receiver, opener_for(ring, "ada"), FRAMESEAL_KIND_AUDIO);
  const Bytes plain = bytes_of(SAMPLES[0]);
  const Bytes sealed = sender.run(plain);
  TRUE(sealed != plain && receiver.run(sealed) == plain);
  // The same once more is told, and does not come out.
  receiver.run(sealed);
  TRUE(receiver.sink->count() == 1);
  TRUE(sealed_by(*sealer, SAMPLES[0]).size() == sealed.size());
  frameseal_ring_free(ring);
  std::printf("all as it should be\n");
  return 0;
}
