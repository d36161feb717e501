// Threads: tracks that share a sealer and a ring, keys that change and callbacks that come and go while frames are
// under way. Run under ThreadSanitizer it shows that nothing is raced for.

#include "frames.h"

#include <atomic>
#include <thread>

namespace {

constexpr uint32_t CAMERA = 1, MICROPHONE = 2;
constexpr int FRAMES = 3000, ROTATIONS = 12;

// Where a sender's frames go: into the receiver, as over a network that loses nothing.
class Wire : public webrtc::TransformedFrameCallback {
 public:
  Wire(const char* mime, Ref<frameseal::ReceiverTransformer> to) : mime_(mime), to_(to) {}

  void OnTransformedFrame(std::unique_ptr<webrtc::TransformableFrameInterface> frame) override {
    const auto data = frame->GetData();
    to_->Transform(frame_of(Direction::kReceiver, mime_, frame->GetSsrc(), Bytes(data.begin(), data.end())));
  }

 protected:
  ~Wire() override = default;

 private:
  const char* const mime_;
  const Ref<frameseal::ReceiverTransformer> to_;
};

// Counts what comes out, and whether it is what was sent.
class Decoder : public webrtc::TransformedFrameCallback {
 public:
  Decoder(const sample& want, std::atomic<uint64_t>& good, std::atomic<uint64_t>& bad)
      : want_(bytes_of(want)), good_(good), bad_(bad) {}

  void OnTransformedFrame(std::unique_ptr<webrtc::TransformableFrameInterface> frame) override {
    const auto data = frame->GetData();
    (Bytes(data.begin(), data.end()) == want_ ? good_ : bad_)++;
  }

 protected:
  ~Decoder() override { gone++; }

 public:
  static std::atomic<uint64_t> gone;

 private:
  const Bytes want_;
  std::atomic<uint64_t>& good_;
  std::atomic<uint64_t>& bad_;
};

std::atomic<uint64_t> Decoder::gone{0};

// One track of Ada's, from the encoder to Bob's decoder.
struct Line {
  Line(const sample& what_, const char* mime_, uint32_t ssrc_, std::shared_ptr<frameseal::Sealer> sealer,
       std::shared_ptr<frameseal::Opener> opener)
      : what(what_), mime(mime_), ssrc(ssrc_) {
    frameseal::Track track = track_of(what.kind);
    track.drop_interval = std::chrono::milliseconds(1);
    track.on_drop = [this](const frameseal::Drop& drop) {
      told += drop.frames;
      if (drop.status != FRAMESEAL_STATUS_UNKNOWN_KEY) wrong++;
    };
    sender = WAS_RTC::make_ref_counted<frameseal::SenderTransformer>(std::move(sealer), track);
    receiver = WAS_RTC::make_ref_counted<frameseal::ReceiverTransformer>(std::move(opener), track);
    sender->RegisterTransformedFrameSinkCallback(WAS_RTC::make_ref_counted<Wire>(mime, receiver), ssrc);
  }

  void encode_one() {
    sender->Transform(frame_of(Direction::kSender, mime, ssrc, bytes_of(what)));
  }

  // The encoder's queue.
  void encode() {
    for (int i = 0; i < FRAMES; i++) encode_one();
    done = true;
  }

  // Bob's stream comes and goes, and its decoder with it.
  void come_and_go() {
    do {
      receiver->RegisterTransformedFrameSinkCallback(WAS_RTC::make_ref_counted<Decoder>(what, good, bad), ssrc);
      made++;
      std::this_thread::yield();
      receiver->UnregisterTransformedFrameSinkCallback(ssrc);
    } while (!done);
  }

  const sample& what;
  const char* const mime;
  const uint32_t ssrc;
  std::atomic<bool> done{false};
  std::atomic<uint64_t> good{0}, bad{0}, told{0}, wrong{0};
  uint64_t made = 0;
  Ref<frameseal::SenderTransformer> sender;
  Ref<frameseal::ReceiverTransformer> receiver;
};

}  // namespace

int main() {
  frameseal_ring* const ring = ring_of("bob");
  const auto sealer = sealer_of("ada");
  const auto opener = opener_of(ring, "ada");
  tell(ring, *sealer);
  uint64_t made = 0;
  {
    Line camera(SAMPLES[1], "video/VP8", CAMERA, sealer, opener);
    Line microphone(SAMPLES[0], "audio/opus", MICROPHONE, sealer, opener);
    std::vector<std::thread> threads;
    for (Line* line : {&camera, &microphone}) {
      threads.emplace_back([line] { line->encode(); });
      threads.emplace_back([line] { line->come_and_go(); });
    }
    // Keys change meanwhile, and the other side is told a little late.
    for (int i = 0; i < ROTATIONS; i++) {
      EXPECT(sealer->with([](frameseal_sealer* handle) {
        return frameseal_sealer_rotate(handle, test_entropy(), FRAMESEAL_ENTROPY_LEN);
      }), OK);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      tell(ring, *sealer);
      TRUE(camera.receiver->passed() <= static_cast<uint64_t>(FRAMES));
    }
    for (std::thread& thread : threads) thread.join();
    for (Line* line : {&camera, &microphone}) {
      const auto& to = *line->receiver;
      TRUE(line->sender->passed() == FRAMES && line->sender->dropped() == 0);
      // Every frame was opened and had somebody waiting, or nobody, or came before its key.
      TRUE(to.passed() + to.undelivered() + to.dropped() == FRAMES);
      TRUE(line->good == to.passed() && line->bad == 0 && line->wrong == 0 && line->told <= to.dropped());
      // Once more in peace, and what was not told yet is.
      const uint64_t before = line->good;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      line->receiver->RegisterTransformedFrameSinkCallback(
          WAS_RTC::make_ref_counted<Decoder>(line->what, line->good, line->bad), line->ssrc);
      line->made++;
      line->encode_one();
      TRUE(line->good == before + 1 && line->told == to.dropped());
      made += line->made;
    }
  }
  // Nobody keeps a callback that was taken away.
  TRUE(Decoder::gone == made);
  frameseal_ring_free(ring);
  std::printf("all as it should be\n");
  return 0;
}
