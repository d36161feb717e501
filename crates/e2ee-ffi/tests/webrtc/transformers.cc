// Frames through the transformers, as libwebrtc brings them: what comes out, and what never does.

#include "frames.h"

#include <algorithm>
#include <thread>

namespace {

constexpr std::size_t CODECS = sizeof SAMPLES / sizeof SAMPLES[0];
const char* const MIMES[CODECS] = {"audio/opus", "video/VP8", "video/VP9", "video/H264", "video/H265", "video/AV1"};
constexpr uint32_t SSRC = 0x5eed;

// Ada sends, Bob receives; both transformers of one track, and what came of it.
struct Pair {
  explicit Pair(uint32_t kind) : ring(ring_of("bob")), sealer(sealer_of("ada")) {
    tell(ring, *sealer);
    sender = WAS_RTC::make_ref_counted<frameseal::SenderTransformer>(sealer, track_of(kind, &unsent));
    receiver = WAS_RTC::make_ref_counted<frameseal::ReceiverTransformer>(opener_of(ring, "ada"),
                                                                       track_of(kind, &unopened));
    sender->RegisterTransformedFrameSinkCallback(sent, SSRC);
    receiver->RegisterTransformedFrameSinkCallback(opened, SSRC);
  }
  ~Pair() { frameseal_ring_free(ring); }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  Bytes seal(const char* mime, Bytes data) {
    const std::size_t before = sent->count();
    sender->Transform(frame_of(Direction::kSender, mime, SSRC, std::move(data)));
    TRUE(sent->count() == before + 1);
    return sent->last();
  }

  // Whether the frame came out.
  bool open(const char* mime, Bytes data) {
    const std::size_t before = opened->count();
    receiver->Transform(frame_of(Direction::kReceiver, mime, SSRC, std::move(data)));
    return opened->count() == before + 1;
  }

  // It did not, for this reason.
  void refused(const char* mime, Bytes data, frameseal_status want) {
    const std::size_t before = unopened.size();
    TRUE(!open(mime, std::move(data)));
    TRUE(unopened.size() == before + 1);
    const frameseal::Drop& drop = unopened.back();
    EXPECT(drop.status, want);
    TRUE(drop.participant == "ada" && drop.ssrc == SSRC && drop.frames == 1);
  }

  frameseal_ring* const ring;
  const std::shared_ptr<frameseal::Sealer> sealer;
  std::vector<frameseal::Drop> unsent, unopened;
  Ref<frameseal::SenderTransformer> sender;
  Ref<frameseal::ReceiverTransformer> receiver;
  const Ref<Sink> sent = WAS_RTC::make_ref_counted<Sink>(), opened = WAS_RTC::make_ref_counted<Sink>();
};

void every_codec() {
  for (std::size_t i = 0; i < CODECS; i++) {
    const sample& what = SAMPLES[i];
    Pair pair(what.kind);
    const Bytes plain = bytes_of(what);
    const Bytes sealed = pair.seal(MIMES[i], plain);
    TRUE(sealed.size() > plain.size());
    // The end of a frame is clear in no codec.
    const auto end = plain.end() - 6;
    TRUE(std::search(sealed.begin(), sealed.end(), end, plain.end()) == sealed.end());

    // Nothing but what was sealed comes out: neither the frame itself nor a changed one, wherever it is changed.
    TRUE(!pair.open(MIMES[i], plain));
    for (std::size_t at = 0; at < sealed.size(); at++) {
      Bytes changed = sealed;
      changed[at] = static_cast<uint8_t>(changed[at] ^ 0x80);
      TRUE(!pair.open(MIMES[i], std::move(changed)));
    }
    for (std::size_t len = 1; len < sealed.size(); len++) {
      TRUE(!pair.open(MIMES[i], Bytes(sealed.begin(), sealed.begin() + static_cast<std::ptrdiff_t>(len))));
    }
    TRUE(pair.opened->count() == 0 && pair.receiver->passed() == 0);
    TRUE(pair.receiver->dropped() == 2 * sealed.size() && pair.unopened.size() == 2 * sealed.size());

    TRUE(pair.open(MIMES[i], sealed));
    TRUE(pair.opened->last() == plain);
    pair.refused(MIMES[i], sealed, FRAMESEAL_STATUS_REPLAYED);
    TRUE(pair.sender->passed() == 1 && pair.sender->dropped() == 0 && pair.unsent.empty());
  }
}

void mime_types() {
  // Case does not matter; the codec is that of each frame, also when it changes on the way.
  Pair video(FRAMESEAL_KIND_SCREEN_VIDEO);
  TRUE(video.open("VIDEO/vp8", video.seal("video/VP8", bytes_of(SAMPLES[1]))));
  TRUE(video.open("video/h264", video.seal("video/H264", bytes_of(SAMPLES[3]))));
  video.refused("video/VP9", video.seal("video/VP8", bytes_of(SAMPLES[1])), FRAMESEAL_STATUS_UNKNOWN_VERSION);
  const Bytes sealed = video.seal("video/VP8", bytes_of(SAMPLES[1]));
  for (const char* mime : {"video/x-unknown", "video/Generic", "video/VP", "video/VP80", "video/", "video", "", "/",
                           "audio/opus", "application/VP8"}) {
    video.refused(mime, sealed, FRAMESEAL_STATUS_UNKNOWN_CODEC);
    const std::size_t before = video.unsent.size();
    video.sender->Transform(frame_of(Direction::kSender, mime, SSRC, bytes_of(SAMPLES[1])));
    TRUE(video.unsent.size() == before + 1);
    EXPECT(video.unsent.back().status, FRAMESEAL_STATUS_SEAL_UNKNOWN_CODEC);
  }
  TRUE(video.sent->count() == 4);
  TRUE(video.open("video/VP8", sealed));

  Pair audio(FRAMESEAL_KIND_AUDIO);
  for (const char* mime : {"audio/opus", "audio/red", "audio/PCMU", "audio/x-unknown"}) {
    TRUE(audio.open(mime, audio.seal(mime, bytes_of(SAMPLES[0]))));
  }
  audio.refused("video/VP8", audio.seal("audio/opus", bytes_of(SAMPLES[0])), FRAMESEAL_STATUS_UNKNOWN_CODEC);

  // A codec that the program says is taken whatever the frame says.
  frameseal::Track track = track_of(FRAMESEAL_KIND_VIDEO);
  track.codec = FRAMESEAL_CODEC_VP8;
  const auto sender = WAS_RTC::make_ref_counted<frameseal::SenderTransformer>(sealer_of("ada"), track);
  const auto sink = WAS_RTC::make_ref_counted<Sink>();
  sender->RegisterTransformedFrameSinkCallback(sink, SSRC);
  sender->Transform(frame_of(Direction::kSender, "video/x-unknown", SSRC, bytes_of(SAMPLES[1])));
  TRUE(sink->last()[0] == VP8[0] && sink->last()[5] == VP8[5]);
}

void other_keys() {
  const Bytes opus = bytes_of(SAMPLES[0]);
  Pair pair(FRAMESEAL_KIND_AUDIO), stranger(FRAMESEAL_KIND_AUDIO), video(FRAMESEAL_KIND_VIDEO);
  // Another key of the same number, another participant, another kind of track.
  pair.refused("audio/opus", stranger.seal("audio/opus", opus), FRAMESEAL_STATUS_REJECTED);
  const auto eve = sealer_of("eve");
  tell(pair.ring, *eve);
  std::vector<frameseal::Drop> drops;
  const auto as_eve = WAS_RTC::make_ref_counted<frameseal::ReceiverTransformer>(
      opener_of(pair.ring, "eve"), track_of(FRAMESEAL_KIND_AUDIO, &drops));
  as_eve->RegisterTransformedFrameCallback(pair.opened);
  as_eve->Transform(frame_of(Direction::kReceiver, "audio/opus", SSRC, pair.seal("audio/opus", opus)));
  TRUE(drops.size() == 1 && drops[0].participant == "eve");
  EXPECT(drops[0].status, FRAMESEAL_STATUS_REJECTED);
  const auto as_screen = WAS_RTC::make_ref_counted<frameseal::ReceiverTransformer>(
      opener_of(pair.ring, "ada"), track_of(FRAMESEAL_KIND_SCREEN_AUDIO, &drops));
  as_screen->RegisterTransformedFrameCallback(pair.opened);
  as_screen->Transform(frame_of(Direction::kReceiver, "audio/opus", SSRC, pair.seal("audio/opus", opus)));
  TRUE(drops.size() == 2 && pair.opened->count() == 0);
  EXPECT(drops[1].status, FRAMESEAL_STATUS_REJECTED);

  // A new key: nothing opens until the ring is told, and then everything does.
  EXPECT(pair.sealer->with([](frameseal_sealer* handle) {
    return frameseal_sealer_rotate(handle, test_entropy(), FRAMESEAL_ENTROPY_LEN);
  }), OK);
  const Bytes rotated = pair.seal("audio/opus", opus);
  pair.refused("audio/opus", rotated, FRAMESEAL_STATUS_UNKNOWN_KEY);
  tell(pair.ring, *pair.sealer);
  TRUE(pair.open("audio/opus", rotated));
  EXPECT(frameseal_ring_forget(pair.ring, "ada"), OK);
  pair.refused("audio/opus", pair.seal("audio/opus", opus), FRAMESEAL_STATUS_UNKNOWN_KEY);

  // An opener that two tracks share knows a repeat on the other track.
  const auto shared = opener_of(video.ring, "ada");
  const auto sink = WAS_RTC::make_ref_counted<Sink>();
  Ref<frameseal::ReceiverTransformer> both[2];
  for (auto& one : both) {
    one = WAS_RTC::make_ref_counted<frameseal::ReceiverTransformer>(shared, track_of(FRAMESEAL_KIND_VIDEO, &drops));
    one->RegisterTransformedFrameSinkCallback(sink, SSRC);
  }
  const Bytes once = video.seal("video/VP8", bytes_of(SAMPLES[1]));
  for (auto& one : both) one->Transform(frame_of(Direction::kReceiver, "video/VP8", SSRC, once));
  TRUE(sink->count() == 1 && drops.size() == 3);
  EXPECT(drops[2].status, FRAMESEAL_STATUS_REPLAYED);
}

void empty_frames() {
  Pair pair(FRAMESEAL_KIND_AUDIO);
  // Of a sender they go on as they are, of a receiver nowhere.
  TRUE(pair.seal("audio/opus", {}).empty());
  TRUE(!pair.open("audio/opus", {}));
  TRUE(pair.sender->empty() == 1 && pair.receiver->empty() == 1 && pair.receiver->dropped() == 0);
  // One that was sealed somewhere comes out as it was.
  const sample nothing = {FRAMESEAL_KIND_AUDIO, FRAMESEAL_CODEC_OPAQUE, nullptr, 0};
  TRUE(pair.open("audio/opus", sealed_by(*pair.sealer, nothing)) && pair.opened->last().empty());
  pair.sender->Transform(nullptr);
}

void where_frames_go() {
  Pair pair(FRAMESEAL_KIND_VIDEO);
  const Bytes vp8 = bytes_of(SAMPLES[1]);
  const auto second = WAS_RTC::make_ref_counted<Sink>(), rest = WAS_RTC::make_ref_counted<Sink>();
  const auto send = [&](uint32_t ssrc) {
    pair.sender->Transform(frame_of(Direction::kSender, "video/VP8", ssrc, vp8));
  };
  pair.sender->RegisterTransformedFrameSinkCallback(second, SSRC + 1);
  send(SSRC);
  send(SSRC + 1);
  send(SSRC + 2);
  TRUE(pair.sent->count() == 1 && second->count() == 1 && pair.sender->undelivered() == 1);
  pair.sender->RegisterTransformedFrameCallback(rest);
  send(SSRC + 2);
  TRUE(rest->count() == 1);
  pair.sender->UnregisterTransformedFrameSinkCallback(SSRC);
  pair.sender->UnregisterTransformedFrameSinkCallback(SSRC);
  send(SSRC);
  TRUE(pair.sent->count() == 1 && rest->count() == 2);
  pair.sender->UnregisterTransformedFrameCallback();
  send(SSRC);
  send(SSRC + 1);
  send(SSRC + 2);
  TRUE(pair.sent->count() == 1 && second->count() == 2 && rest->count() == 2 && pair.sender->undelivered() == 3);
  TRUE(pair.sender->passed() == 5 && pair.sender->dropped() == 0);

  // A frame that goes the other way is not this adapter's.
  pair.sender->Transform(frame_of(Direction::kReceiver, "video/VP8", SSRC + 1, vp8));
  pair.receiver->Transform(frame_of(Direction::kSender, "video/VP8", SSRC, second->last()));
  TRUE(second->count() == 2 && pair.opened->count() == 0);
  EXPECT(pair.unsent.back().status, FRAMESEAL_STATUS_BAD_OPTION);
  EXPECT(pair.unopened.back().status, FRAMESEAL_STATUS_BAD_OPTION);
  pair.receiver->Transform(frame_of(Direction::kUnknown, "video/VP8", SSRC, second->last()));
  TRUE(pair.opened->count() == 1);

  // A track whose kind nobody said.
  std::vector<frameseal::Drop> drops;
  const auto unsaid =
      WAS_RTC::make_ref_counted<frameseal::SenderTransformer>(pair.sealer, track_of(UINT32_MAX, &drops));
  unsaid->RegisterTransformedFrameCallback(rest);
  unsaid->Transform(frame_of(Direction::kSender, "video/VP8", SSRC, vp8));
  TRUE(rest->count() == 2 && drops.size() == 1);
}

void what_is_told() {
  Pair pair(FRAMESEAL_KIND_AUDIO);
  std::vector<frameseal::Drop> drops;
  frameseal::Track track = track_of(FRAMESEAL_KIND_AUDIO, &drops);
  track.drop_interval = std::chrono::hours(1);
  const auto hourly = WAS_RTC::make_ref_counted<frameseal::ReceiverTransformer>(opener_of(pair.ring, "ada"), track);
  track.drop_interval = std::chrono::milliseconds(150);
  const auto often = WAS_RTC::make_ref_counted<frameseal::ReceiverTransformer>(opener_of(pair.ring, "ada"), track);
  hourly->RegisterTransformedFrameCallback(pair.opened);
  often->RegisterTransformedFrameCallback(pair.opened);
  const auto give = [&](const Ref<frameseal::ReceiverTransformer>& to, Bytes data) {
    to->Transform(frame_of(Direction::kReceiver, "audio/opus", 3, std::move(data)));
  };
  const Bytes plain = bytes_of(SAMPLES[0]), sealed = pair.seal("audio/opus", plain);
  for (int i = 0; i < 50; i++) give(hourly, plain);
  TRUE(drops.size() == 1 && drops[0].frames == 1 && hourly->dropped() == 50);
  // Another reason is told at once.
  give(hourly, sealed);
  give(hourly, sealed);
  TRUE(drops.size() == 2 && pair.opened->count() == 1);
  EXPECT(drops[1].status, FRAMESEAL_STATUS_REPLAYED);

  // What was not told comes with a later frame, here one that opens.
  drops.clear();
  give(often, plain);
  const std::size_t told = drops.size();
  for (int i = 0; i < 9; i++) give(often, plain);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  give(often, pair.seal("audio/opus", plain));
  uint64_t frames = 0;
  for (const frameseal::Drop& drop : drops) frames += drop.frames;
  TRUE(told == 1 && drops.size() >= 2 && frames == 10 && often->dropped() == 10);
  TRUE(drops.back().participant == "ada" && drops.back().ssrc == 3);

  // Whoever is told may do as it likes: no lock is held.
  frameseal::Transformer* to = nullptr;
  uint64_t calls = 0;
  track.drop_interval = std::chrono::milliseconds(0);
  track.on_drop = [&](const frameseal::Drop& drop) {
    calls++;
    to->UnregisterTransformedFrameSinkCallback(SSRC);
    to->RegisterTransformedFrameSinkCallback(pair.opened, SSRC);
    EXPECT(drop.status, FRAMESEAL_STATUS_UNKNOWN_CODEC);
    if (calls < 3) to->Transform(frame_of(Direction::kReceiver, "audio", SSRC, plain));
  };
  const auto again = WAS_RTC::make_ref_counted<frameseal::ReceiverTransformer>(opener_of(pair.ring, "ada"), track);
  to = again.get();
  again->Transform(frame_of(Direction::kReceiver, "audio", SSRC, plain));
  TRUE(calls == 3 && again->dropped() == 3);
}

// While there is no key nothing is sent: not sealed, and not as it is.
void before_the_first_key() {
  frameseal_session_config config;
  std::memset(&config, 0, sizeof config);
  config.size = sizeof config;
  config.room = "room";
  config.participant = "ada";
  frameseal_session* session = nullptr;
  frameseal_ring* ring = nullptr;
  frameseal_sealer* handle = nullptr;
  EXPECT(frameseal_session_new(&config, test_entropy(), FRAMESEAL_ENTROPY_LEN, &session), OK);
  EXPECT(frameseal_session_ring(session, &ring), OK);
  EXPECT(frameseal_ring_sealer(ring, &handle), OK);
  std::vector<frameseal::Drop> drops;
  const auto sender = WAS_RTC::make_ref_counted<frameseal::SenderTransformer>(
      std::make_shared<frameseal::Sealer>(handle, "ada"), track_of(FRAMESEAL_KIND_VIDEO, &drops));
  const auto sink = WAS_RTC::make_ref_counted<Sink>();
  sender->RegisterTransformedFrameSinkCallback(sink, SSRC);
  for (std::size_t i = 1; i < CODECS; i++) {
    sender->Transform(frame_of(Direction::kSender, MIMES[i], SSRC, bytes_of(SAMPLES[i])));
    TRUE(drops.size() == i && sink->count() == 0);
    EXPECT(drops.back().status, FRAMESEAL_STATUS_NO_SENDER_KEY);
  }
  frameseal_ring_free(ring);
  frameseal_session_free(session);
}

// A room with LiveKit's clients in it.
void livekit() {
  const frameseal_config config = config_of(FRAMESEAL_FORMAT_LIVEKIT, "ada");
  const uint8_t secret[16] = {1, 2, 3};
  frameseal_sealer* sealer = nullptr;
  frameseal_opener* opener = nullptr;
  EXPECT(frameseal_sealer_new(&config, test_entropy(), FRAMESEAL_ENTROPY_LEN, &sealer), OK);
  EXPECT(frameseal_opener_new(&config, &opener), OK);
  EXPECT(frameseal_sealer_set_slot(sealer, 0, FRAMESEAL_SECRET_KIND_RAW, secret, sizeof secret, nullptr, 0), OK);
  EXPECT(frameseal_opener_set_slot(opener, 0, FRAMESEAL_SECRET_KIND_RAW, secret, sizeof secret, nullptr, 0), OK);
  const auto from = std::make_shared<frameseal::Sealer>(sealer, "ada");
  const auto to = std::make_shared<frameseal::Opener>(opener, "ada");
  for (std::size_t i = 0; i < CODECS; i++) {
    std::vector<frameseal::Drop> unsent, unopened;
    const auto sender =
        WAS_RTC::make_ref_counted<frameseal::SenderTransformer>(from, track_of(SAMPLES[i].kind, &unsent));
    const auto receiver =
        WAS_RTC::make_ref_counted<frameseal::ReceiverTransformer>(to, track_of(SAMPLES[i].kind, &unopened));
    const auto sent = WAS_RTC::make_ref_counted<Sink>(), opened = WAS_RTC::make_ref_counted<Sink>();
    sender->RegisterTransformedFrameCallback(sent);
    receiver->RegisterTransformedFrameCallback(opened);
    sender->Transform(frame_of(Direction::kSender, MIMES[i], SSRC, bytes_of(SAMPLES[i])));
    if (SAMPLES[i].codec == FRAMESEAL_CODEC_AV1) {
      // The format cannot carry it.
      TRUE(sent->count() == 0 && unsent.size() == 1);
      EXPECT(unsent[0].status, FRAMESEAL_STATUS_SEAL_UNKNOWN_CODEC);
      continue;
    }
    receiver->Transform(frame_of(Direction::kReceiver, MIMES[i], SSRC, bytes_of(SAMPLES[i])));
    TRUE(opened->count() == 0 && unopened.size() == 1);
    receiver->Transform(frame_of(Direction::kReceiver, MIMES[i], SSRC, sent->last()));
    TRUE(opened->count() == 1 && opened->last() == bytes_of(SAMPLES[i]) && sent->last() != opened->last());
  }
}

}  // namespace

int main() {
  every_codec();
  mime_types();
  other_keys();
  empty_frames();
  where_frames_go();
  what_is_told();
  before_the_first_key();
  livekit();
  std::printf("all as it should be\n");
  return 0;
}
