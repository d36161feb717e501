/* Frameseal for libwebrtc: adapters for its frame transformer, frame encryptor and frame decryptor. C++17,
 * header-only, on top of frameseal.h; compiles with -fno-exceptions -fno-rtti, as libwebrtc is built.
 *
 * Written against the interfaces of M128 (namespaces rtc and cricket) and M138 (all in webrtc). Types are taken from
 * the interfaces' own signatures, so that one text serves both.
 *
 * WHICH HOOK
 *
 *     transformer   Each frame says its codec, stream and direction. Receivers may be browsers with encoded transforms,
 *                   which stand at the same place. Take this one.
 *     encryptor     Is told audio or video and nothing else of the codec: you say it (Track::codec, set_codec) and keep
 *     decryptor     it fixed.
 *
 * Attach one or the other, never both: a sender runs the encryptor on what the transformer made, and a receiver of
 * video that has a decryptor leaves its transformer out. CryptoOptions::sframe.require_frame_encryption goes with
 * encryptor and decryptor and not with transformers, which it keeps from being called. Attach before anything can be
 * sent: a sender without a hook sends in the clear, video even where frame encryption is required.
 *
 * Both stand before the packetizer and behind the depacketizer, and libwebrtc packetizes what was sealed as if it were
 * the codec's own: what its packetizers read of each codec is what Frameseal leaves clear (docs/formats.md).
 *
 * KEYS come from frameseal.h: a Sealer of your own, an Opener for each other participant, often made from one ring
 * (frameseal_ring_opener) that all of them follow.
 *
 * THREADS. libwebrtc calls a sender's hook on its encoder queue and a receiver's on its worker or network thread. Every
 * function here may be called from any thread at any time. A frame is sealed or opened on the thread that brings it and
 * handed on from there, with no lock held. Frames of one Sealer (or Opener) wait for each other, microseconds each.
 */

#ifndef FRAMESEAL_WEBRTC_H
#define FRAMESEAL_WEBRTC_H

#include <frameseal/handles.h>

#include "api/crypto/frame_decryptor_interface.h"
#include "api/crypto/frame_encryptor_interface.h"
#include "api/frame_transformer_interface.h"

#include <cstring>
#include <memory>
#include <tuple>
#include <unordered_map>

namespace frameseal {

/// What an adapter is told of its track. One adapter is for one RtpSender or RtpReceiver.
struct Track {
  /// A `frameseal_kind`: from what you know of the track, never from the SFU. There is no default; audio for audio and
  /// video for video, or every frame is refused.
  std::uint32_t kind = UINT32_MAX;
  /// A `frameseal_codec`, or 0. Transformers: 0 takes it from the MIME type of each frame. Encryptor and decryptor of
  /// video: what the track is negotiated to; with 0 every frame is refused.
  std::uint32_t codec = 0;
  /// Encryptor and decryptor: authenticates what libwebrtc gives as additional data, the generic descriptor of a video
  /// frame. On both sides or on none; not with a browser on the other side, nor with an SFU that gives frames new
  /// numbers.
  bool additional_data = false;
  /// Told of frames that did not pass; see `Drop`. Besides what sealing and opening give:
  /// `FRAMESEAL_STATUS_SEAL_UNKNOWN_CODEC`, `FRAMESEAL_STATUS_UNKNOWN_CODEC`: no known MIME type, or one that does not
  /// go with `kind`; `FRAMESEAL_STATUS_BAD_OPTION`: a received frame at a sender, or the other way round.
  OnDrop on_drop;
  /// How often at most each reason is told.
  std::chrono::milliseconds drop_interval{1000};
};

namespace detail {

/// The types in the signature of a member function.
template <class Function>
struct Signature;
template <class Of, class Result, class... Types>
struct Signature<Result (Of::*)(Types...)> {
  template <std::size_t I>
  using Type = std::tuple_element_t<I, std::tuple<Types...>>;
};
template <class Function, std::size_t I>
using ArgumentOf = typename Signature<Function>::template Type<I>;

using Encrypt = decltype(&::webrtc::FrameEncryptorInterface::Encrypt);
using Decrypt = decltype(&::webrtc::FrameDecryptorInterface::Decrypt);
using MediaType = ArgumentOf<Encrypt, 0>;
using Bytes = ArgumentOf<Encrypt, 2>;
using Room = ArgumentOf<Encrypt, 4>;
using Csrcs = ArgumentOf<Decrypt, 1>;
/// A counted reference to a `webrtc::TransformedFrameCallback`.
using Sink =
    ArgumentOf<decltype(&::webrtc::FrameTransformerInterface::RegisterTransformedFrameCallback), 0>;
using Frame = ::webrtc::TransformableFrameInterface;

constexpr std::uint32_t kOpaque = FRAMESEAL_CODEC_OPAQUE;

inline bool is_audio(std::uint32_t kind) {
  return kind == static_cast<std::uint32_t>(FRAMESEAL_KIND_AUDIO) ||
         kind == static_cast<std::uint32_t>(FRAMESEAL_KIND_SCREEN_AUDIO);
}

inline bool is_video(std::uint32_t kind) {
  return kind == static_cast<std::uint32_t>(FRAMESEAL_KIND_VIDEO) ||
         kind == static_cast<std::uint32_t>(FRAMESEAL_KIND_SCREEN_VIDEO);
}

/// Audio is 0 and video is 1 in every milestone, by whatever name.
inline bool is_of(MediaType type, std::uint32_t kind) {
  const int number = static_cast<int>(type);
  return number == 0 ? is_audio(kind) : number == 1 && is_video(kind);
}

inline bool same_word(const char* left, const char* right) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  for (; lower(*left) == lower(*right); left++, right++) {
    if (*left == '\0') return true;
  }
  return false;
}

/// The `frameseal_codec` of a MIME type; 0 for one that is not known or does not go with the kind.
inline std::uint32_t codec_of(const std::string& mime, std::uint32_t kind) {
  const std::size_t slash = mime.find('/');
  if (slash == std::string::npos) return 0;
  const std::string major = mime.substr(0, slash);
  // Every audio codec is one run of bytes for packetizers.
  if (same_word(major.c_str(), "audio")) return is_audio(kind) ? kOpaque : 0;
  if (!same_word(major.c_str(), "video") || !is_video(kind)) return 0;
  const char* minor = mime.c_str() + slash + 1;
  if (same_word(minor, "VP8")) return FRAMESEAL_CODEC_VP8;
  if (same_word(minor, "VP9")) return FRAMESEAL_CODEC_VP9;
  if (same_word(minor, "AV1")) return FRAMESEAL_CODEC_AV1;
  if (same_word(minor, "H264")) return FRAMESEAL_CODEC_H264;
  if (same_word(minor, "H265")) return FRAMESEAL_CODEC_H265;
  return 0;
}

inline frameseal_frame_info info_of(std::uint32_t kind, std::uint32_t codec) {
  frameseal_frame_info info;
  std::memset(&info, 0, sizeof info);
  info.size = sizeof info;
  info.kind = kind;
  info.codec = codec;
  return info;
}

}  // namespace detail

/// What the two transformers share: where frames go, and what does not pass.
class Transformer : public ::webrtc::FrameTransformerInterface {
 public:
  void Transform(std::unique_ptr<detail::Frame> frame) override {
    if (!frame) return;
    const std::uint32_t ssrc = frame->GetSsrc();
    const detail::Bytes data = frame->GetData();
    const bool is_empty = data.size() == 0;
    if (frame->GetDirection() != direction_ && frame->GetDirection() != detail::Frame::Direction::kUnknown) {
      return drops_.add(FRAMESEAL_STATUS_BAD_OPTION, ssrc);
    }
    if (is_empty) {
      // An encoder in silence. Nothing of it goes on the wire, but libwebrtc drives telephone events by it. A received
      // one is not authenticated, and decoders conceal the gap themselves.
      empty_.fetch_add(1, std::memory_order_relaxed);
      if (direction_ == detail::Frame::Direction::kSender) hand_on(std::move(frame), ssrc);
      return;
    }
    const std::uint32_t codec =
        track_.codec != 0 ? track_.codec : detail::codec_of(frame->GetMimeType(), track_.kind);
    if (codec == 0) return drops_.add(no_codec_, ssrc);
    frameseal_frame_info info = detail::info_of(track_.kind, codec);
    info.ssrc = ssrc;
    info.timestamp = frame->GetTimestamp();
    std::vector<std::uint8_t> out = scratch();
    const frameseal_status status = work(info, data.data(), data.size(), out);
    if (status == FRAMESEAL_STATUS_OK || status == FRAMESEAL_STATUS_SERVER_MADE) {
      frame->SetData(detail::Bytes(out.data(), out.size()));
      give_back(std::move(out));
      drops_.tell();
      hand_on(std::move(frame), ssrc);
    } else {
      give_back(std::move(out));
      drops_.add(status, ssrc);
    }
  }

  void RegisterTransformedFrameCallback(detail::Sink callback) override {
    // What was there goes away after the lock: its last reference may be this one.
    const std::lock_guard<std::mutex> lock(mutex_);
    std::swap(callback, callback_);
  }

  void RegisterTransformedFrameSinkCallback(detail::Sink callback, std::uint32_t ssrc) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::swap(callback, sinks_[ssrc]);
  }

  /// A frame that is on its way already may still reach the callback; libwebrtc's allow that.
  void UnregisterTransformedFrameCallback() override {
    detail::Sink gone;
    const std::lock_guard<std::mutex> lock(mutex_);
    std::swap(gone, callback_);
  }

  /// As above.
  void UnregisterTransformedFrameSinkCallback(std::uint32_t ssrc) override {
    detail::Sink gone;
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto at = sinks_.find(ssrc);
    if (at == sinks_.end()) return;
    std::swap(gone, at->second);
    sinks_.erase(at);
  }

  /// Frames handed on, sealed or opened.
  std::uint64_t passed() const { return passed_.load(std::memory_order_relaxed); }
  /// Frames that did not pass.
  std::uint64_t dropped() const { return drops_.total(); }
  /// Frames without a byte: handed on unchanged by a sender, dropped by a receiver.
  std::uint64_t empty() const { return empty_.load(std::memory_order_relaxed); }
  /// Frames that nobody waited for: no callback was registered, or not for their stream.
  std::uint64_t undelivered() const { return undelivered_.load(std::memory_order_relaxed); }

 protected:
  Transformer(Track track, detail::Frame::Direction direction, std::string participant, frameseal_status no_codec)
      : track_(std::move(track)),
        direction_(direction),
        no_codec_(no_codec),
        drops_(std::move(participant), track_.on_drop, track_.drop_interval) {}
  ~Transformer() override = default;

  virtual frameseal_status work(const frameseal_frame_info& info, const std::uint8_t* in, std::size_t len,
                                std::vector<std::uint8_t>& out) = 0;

 private:
  void hand_on(std::unique_ptr<detail::Frame> frame, std::uint32_t ssrc) {
    detail::Sink sink;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      const auto at = sinks_.find(ssrc);
      sink = at != sinks_.end() ? at->second : callback_;
    }
    if (!sink) {
      undelivered_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    passed_.fetch_add(1, std::memory_order_relaxed);
    sink->OnTransformedFrame(std::move(frame));
  }

  /// A vector to work in, from the last frame where there is one.
  std::vector<std::uint8_t> scratch() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::move(scratch_);
  }

  void give_back(std::vector<std::uint8_t> used) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::swap(used, scratch_);
  }

  const Track track_;
  const detail::Frame::Direction direction_;
  const frameseal_status no_codec_;
  Drops drops_;
  std::atomic<std::uint64_t> passed_{0}, empty_{0}, undelivered_{0};
  std::mutex mutex_;
  detail::Sink callback_;
  std::unordered_map<std::uint32_t, detail::Sink> sinks_;
  std::vector<std::uint8_t> scratch_;
};

/// For an RtpSender: seals each frame between encoder and packetizer. What cannot be sealed is not sent.
/// `webrtc::make_ref_counted<frameseal::SenderTransformer>(sealer, track)`.
class SenderTransformer : public Transformer {
 public:
  SenderTransformer(std::shared_ptr<Sealer> sealer, Track track)
      : Transformer(std::move(track), detail::Frame::Direction::kSender, sealer->participant(),
                    FRAMESEAL_STATUS_SEAL_UNKNOWN_CODEC),
        sealer_(std::move(sealer)) {}

 protected:
  ~SenderTransformer() override = default;

 private:
  frameseal_status work(const frameseal_frame_info& info, const std::uint8_t* in, std::size_t len,
                        std::vector<std::uint8_t>& out) override {
    return sealer_->seal(info, in, len, out);
  }

  const std::shared_ptr<Sealer> sealer_;
};

/// For an RtpReceiver: opens each frame between depacketizer and decoder. What does not open, a frame that was never
/// sealed among it, does not reach the decoder.
/// `webrtc::make_ref_counted<frameseal::ReceiverTransformer>(opener, track)`.
class ReceiverTransformer : public Transformer {
 public:
  ReceiverTransformer(std::shared_ptr<Opener> opener, Track track)
      : Transformer(std::move(track), detail::Frame::Direction::kReceiver, opener->participant(),
                    FRAMESEAL_STATUS_UNKNOWN_CODEC),
        opener_(std::move(opener)) {}

 protected:
  ~ReceiverTransformer() override = default;

 private:
  frameseal_status work(const frameseal_frame_info& info, const std::uint8_t* in, std::size_t len,
                        std::vector<std::uint8_t>& out) override {
    return opener_->open(info, in, len, out);
  }

  const std::shared_ptr<Opener> opener_;
};

/// What encryptor and decryptor share.
class FrameHook {
 public:
  /// The track was negotiated to this `frameseal_codec` from the next frame on; on the other side as well.
  void set_codec(std::uint32_t codec) { codec_.store(codec, std::memory_order_relaxed); }
  /// Frames that did not pass.
  std::uint64_t dropped() const { return drops_.total(); }

 protected:
  FrameHook(Track track, std::string participant)
      : track_(std::move(track)),
        codec_(track_.codec == 0 && detail::is_audio(track_.kind) ? detail::kOpaque : track_.codec),
        drops_(std::move(participant), track_.on_drop, track_.drop_interval) {}
  ~FrameHook() = default;

  /// With a codec of 0 for a track that is not the adapter's, or whose codec nobody said.
  frameseal_frame_info about(detail::MediaType type, detail::Bytes additional_data) const {
    const bool fits = detail::is_of(type, track_.kind);
    frameseal_frame_info info = detail::info_of(track_.kind, fits ? codec_.load(std::memory_order_relaxed) : 0);
    if (track_.additional_data) {
      info.metadata = additional_data.data();
      info.metadata_len = additional_data.size();
    }
    return info;
  }

  const Track track_;
  std::atomic<std::uint32_t> codec_;
  Drops drops_;
};

/// For RtpSender::SetFrameEncryptor. Telephone events and frames without a byte do not come here: libwebrtc sends the
/// first as they are and the second not at all.
class Encryptor : public ::webrtc::FrameEncryptorInterface, public FrameHook {
 public:
  Encryptor(std::shared_ptr<Sealer> sealer, Track track)
      : FrameHook(std::move(track), sealer->participant()), sealer_(std::move(sealer)) {}

  /// 0, or a `frameseal_status`: then nothing was written, and libwebrtc does not send the frame.
  int Encrypt(detail::MediaType media_type, std::uint32_t ssrc, detail::Bytes additional_data, detail::Bytes frame,
              detail::Room encrypted_frame, std::size_t* bytes_written) override {
    frameseal_frame_info info = about(media_type, additional_data);
    info.ssrc = ssrc;
    std::size_t len = 0;
    const frameseal_status status =
        info.codec == 0 ? FRAMESEAL_STATUS_SEAL_UNKNOWN_CODEC
                         : sealer_->seal(info, frame.data(), frame.size(), encrypted_frame.data(),
                                         encrypted_frame.size(), &len);
    if (bytes_written != nullptr) *bytes_written = status == FRAMESEAL_STATUS_OK ? len : 0;
    status == FRAMESEAL_STATUS_OK ? drops_.tell() : drops_.add(status, ssrc);
    return static_cast<int>(status);
  }

  /// 0 where `Encrypt` would refuse the frame.
  std::size_t GetMaxCiphertextByteSize(detail::MediaType media_type, std::size_t frame_size) override {
    const frameseal_frame_info info = about(media_type, detail::Bytes(nullptr, 0));
    return info.codec == 0 ? 0 : sealer_->max_len(info, frame_size);
  }

 protected:
  ~Encryptor() override = default;

 private:
  const std::shared_ptr<Sealer> sealer_;
};

/// For RtpReceiver::SetFrameDecryptor.
class Decryptor : public ::webrtc::FrameDecryptorInterface, public FrameHook {
 public:
  Decryptor(std::shared_ptr<Opener> opener, Track track)
      : FrameHook(std::move(track), opener->participant()), opener_(std::move(opener)) {}

  /// `kFailedToDecrypt` while the key is missing, `kRecoverable` for a frame that is wrong by itself; `frame` then has
  /// nothing of it. `frame` may be the memory of `encrypted_frame`, as it is for video.
  Result Decrypt(detail::MediaType media_type, detail::Csrcs csrcs, detail::Bytes additional_data,
                 detail::Bytes encrypted_frame, detail::Room frame) override {
    static_cast<void>(csrcs);
    const frameseal_frame_info info = about(media_type, additional_data);
    std::size_t len = 0;
    const frameseal_status status =
        info.codec == 0 ? FRAMESEAL_STATUS_UNKNOWN_CODEC
                         : opener_->open(info, encrypted_frame.data(), encrypted_frame.size(), frame.data(),
                                         frame.size(), &len);
    if (status == FRAMESEAL_STATUS_OK || status == FRAMESEAL_STATUS_SERVER_MADE) {
      drops_.tell();
      return Result(Status::kOk, len);
    }
    drops_.add(status, 0);
    const bool missing = status == FRAMESEAL_STATUS_UNKNOWN_KEY || status == FRAMESEAL_STATUS_TOO_FAR;
    return Result(missing ? Status::kFailedToDecrypt : Status::kRecoverable, 0);
  }

  /// Never more than the sealed frame has, which libwebrtc insists on.
  std::size_t GetMaxPlaintextByteSize(detail::MediaType media_type, std::size_t encrypted_frame_size) override {
    static_cast<void>(media_type);
    return encrypted_frame_size;
  }

 protected:
  ~Decryptor() override = default;

 private:
  const std::shared_ptr<Opener> opener_;
};

}  // namespace frameseal

#endif  // FRAMESEAL_WEBRTC_H
