// Frames through the encryptor and the decryptor, as libwebrtc brings them: sizes, memory, and what is refused.

#include "frames.h"

namespace {

#if FRAMESEAL_WEBRTC_MILESTONE < 138
constexpr auto AUDIO = cricket::MEDIA_TYPE_AUDIO;
constexpr auto VIDEO = cricket::MEDIA_TYPE_VIDEO;
constexpr auto DATA = cricket::MEDIA_TYPE_DATA;
#else
constexpr auto AUDIO = webrtc::MediaType::AUDIO;
constexpr auto VIDEO = webrtc::MediaType::VIDEO;
constexpr auto DATA = webrtc::MediaType::DATA;
#endif

using Status = webrtc::FrameDecryptorInterface::Status;

constexpr std::size_t CODECS = sizeof SAMPLES / sizeof SAMPLES[0];
constexpr uint32_t SSRC = 0x5eed;

void encryptor_and_decryptor() {
  for (std::size_t i = 0; i < CODECS; i++) {
    const sample& what = SAMPLES[i];
    const auto type = i == 0 ? AUDIO : VIDEO;
    frameseal_ring* const ring = ring_of("bob");
    const auto sealer = sealer_of("ada");
    tell(ring, *sealer);
    std::vector<frameseal::Drop> unsent, unopened;
    frameseal::Track out = track_of(what.kind, &unsent), in = track_of(what.kind, &unopened);
    out.additional_data = in.additional_data = i % 2 == 1;
    const auto encryptor = WAS_RTC::make_ref_counted<frameseal::Encryptor>(sealer, out);
    const auto decryptor = WAS_RTC::make_ref_counted<frameseal::Decryptor>(opener_of(ring, "ada"), in);
    const Bytes plain = bytes_of(what), about = {1, 2, 3}, other = {1, 2, 4};
    if (i > 0) {
      // Video goes nowhere until somebody says of which codec it is.
      Bytes room(256);
      std::size_t len = 99;
      TRUE(encryptor->GetMaxCiphertextByteSize(type, plain.size()) == 0);
      TRUE(encryptor->Encrypt(type, SSRC, about, plain, room, &len) == FRAMESEAL_STATUS_SEAL_UNKNOWN_CODEC);
      TRUE(len == 0 && unsent.size() == 1 && unsent[0].ssrc == SSRC && unsent[0].participant == "ada");
      TRUE(room == Bytes(256));
      TRUE(decryptor->Decrypt(type, {}, about, plain, room).status == Status::kRecoverable);
      TRUE(unopened.size() == 1 && room == Bytes(256));
      encryptor->set_codec(what.codec);
      decryptor->set_codec(what.codec);
    }
    const auto seal = [&] {
      Bytes sealed(encryptor->GetMaxCiphertextByteSize(type, plain.size()));
      TRUE(sealed.size() > plain.size());
      std::size_t len = 0;
      TRUE(encryptor->Encrypt(type, SSRC, about, plain, sealed, &len) == 0);
      TRUE(len > plain.size() && len <= sealed.size());
      sealed.resize(len);
      return sealed;
    };
    // As libwebrtc does for audio: to memory of its own.
    const Bytes sealed = seal();
    Bytes opened(decryptor->GetMaxPlaintextByteSize(type, sealed.size()));
    TRUE(opened.size() <= sealed.size());
    auto result = decryptor->Decrypt(type, {SSRC}, about, sealed, opened);
    TRUE(result.IsOk() && Bytes(opened.data(), opened.data() + result.bytes_written) == plain);
    // And for video: in place.
    Bytes place = seal();
    const auto second = decryptor->Decrypt(type, {}, about, place, place);
    TRUE(second.IsOk() && Bytes(place.data(), place.data() + second.bytes_written) == plain);

    // A repeat, a change, a frame that was never sealed, one for another track: nothing of it is left.
    const Bytes untouched(sealed.size(), 0xee);
    const auto nothing_in = [](const Bytes& where) {
      for (const uint8_t byte : where) {
        if (byte != 0xee && byte != 0) return false;
      }
      return true;
    };
    const auto refused = [&](decltype(type) as, const Bytes& with, const Bytes& frame, frameseal_status want) {
      Bytes room = untouched;
      const auto answer = decryptor->Decrypt(as, {}, with, frame, room);
      TRUE(answer.status == Status::kRecoverable && answer.bytes_written == 0 && nothing_in(room));
      EXPECT(unopened.back().status, want);
    };
    refused(type, about, sealed, FRAMESEAL_STATUS_REPLAYED);
    Bytes changed = seal();
    changed.back() = static_cast<uint8_t>(changed.back() ^ 1);
    Bytes room = untouched;
    TRUE(!decryptor->Decrypt(type, {}, about, changed, room).IsOk() && nothing_in(room));
    TRUE(!decryptor->Decrypt(type, {}, about, plain, room).IsOk() && nothing_in(room));
    TRUE(!decryptor->Decrypt(type, {}, about, Bytes(), room).IsOk() && nothing_in(room));
    refused(i == 0 ? VIDEO : AUDIO, about, seal(), FRAMESEAL_STATUS_UNKNOWN_CODEC);
    refused(DATA, about, seal(), FRAMESEAL_STATUS_UNKNOWN_CODEC);
    // Additional data counts where it was asked for.
    if (out.additional_data) {
      refused(type, other, seal(), FRAMESEAL_STATUS_REJECTED);
    } else {
      Bytes free = seal();
      TRUE(decryptor->Decrypt(type, {}, other, free, free).IsOk());
    }

    // Too little room, and the wrong type of media, are no frame sent.
    std::size_t len = 99;
    Bytes small(plain.size());
    TRUE(encryptor->Encrypt(type, SSRC, about, plain, small, &len) == FRAMESEAL_STATUS_BUFFER_TOO_SMALL && len == 0);
    TRUE(small == Bytes(plain.size()));
    TRUE(encryptor->Encrypt(DATA, SSRC, about, plain, small, &len) != 0 && len == 0);
    TRUE(encryptor->GetMaxCiphertextByteSize(DATA, plain.size()) == 0);
    TRUE(encryptor->dropped() == unsent.size() && decryptor->dropped() == unopened.size());

    // Without the key libwebrtc keeps the first frames of a video for later.
    EXPECT(frameseal_ring_forget(ring, "ada"), OK);
    TRUE(decryptor->Decrypt(type, {}, about, seal(), room).status == Status::kFailedToDecrypt);
    frameseal_ring_free(ring);
  }
}

// One side by the encryptor, the other by the transformer: the frames are the same.
void one_of_each() {
  frameseal_ring* const ring = ring_of("bob");
  const auto sealer = sealer_of("ada");
  tell(ring, *sealer);
  frameseal::Track track = track_of(FRAMESEAL_KIND_VIDEO);
  const auto receiver = WAS_RTC::make_ref_counted<frameseal::ReceiverTransformer>(opener_of(ring, "ada"), track);
  track.codec = FRAMESEAL_CODEC_H264;
  const auto encryptor = WAS_RTC::make_ref_counted<frameseal::Encryptor>(sealer, track);
  const auto sink = WAS_RTC::make_ref_counted<Sink>();
  receiver->RegisterTransformedFrameSinkCallback(sink, SSRC);
  const Bytes plain = bytes_of(SAMPLES[3]), descriptor = {7, 7};
  Bytes sealed(encryptor->GetMaxCiphertextByteSize(VIDEO, plain.size()));
  std::size_t len = 0;
  TRUE(encryptor->Encrypt(VIDEO, SSRC, descriptor, plain, sealed, &len) == 0);
  sealed.resize(len);
  receiver->Transform(frame_of(Direction::kReceiver, "video/H264", SSRC, sealed));
  TRUE(sink->last() == plain);
  frameseal_ring_free(ring);
}

}  // namespace

int main() {
  encryptor_and_decryptor();
  one_of_each();
  std::printf("all as it should be\n");
  return 0;
}
