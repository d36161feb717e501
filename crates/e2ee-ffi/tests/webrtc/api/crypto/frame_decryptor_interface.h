#ifndef API_CRYPTO_FRAME_DECRYPTOR_INTERFACE_H_
#define API_CRYPTO_FRAME_DECRYPTOR_INTERFACE_H_

#include "api/array_view.h"
#include "api/media_types.h"
#include "api/ref_count.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace webrtc {

class FrameDecryptorInterface : public RefCountInterface {
 public:
  enum class Status { kOk, kRecoverable, kFailedToDecrypt, kUnknown };

  struct Result {
    Result(Status status_, size_t bytes_written_) : status(status_), bytes_written(bytes_written_) {}
    bool IsOk() const { return status == Status::kOk; }

    const Status status;
    const size_t bytes_written;
  };

  ~FrameDecryptorInterface() override = default;

  virtual Result Decrypt(WAS_CRICKET::MediaType media_type, const std::vector<uint32_t>& csrcs,
                         WAS_RTC::ArrayView<const uint8_t> additional_data,
                         WAS_RTC::ArrayView<const uint8_t> encrypted_frame, WAS_RTC::ArrayView<uint8_t> frame) = 0;
  virtual size_t GetMaxPlaintextByteSize(WAS_CRICKET::MediaType media_type, size_t encrypted_frame_size) = 0;
};

}  // namespace webrtc

#endif
