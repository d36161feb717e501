#ifndef API_CRYPTO_FRAME_ENCRYPTOR_INTERFACE_H_
#define API_CRYPTO_FRAME_ENCRYPTOR_INTERFACE_H_

#include "api/array_view.h"
#include "api/media_types.h"
#include "api/ref_count.h"

#include <cstddef>
#include <cstdint>

namespace webrtc {

class FrameEncryptorInterface : public RefCountInterface {
 public:
  ~FrameEncryptorInterface() override = default;

  virtual int Encrypt(WAS_CRICKET::MediaType media_type, uint32_t ssrc,
                      WAS_RTC::ArrayView<const uint8_t> additional_data, WAS_RTC::ArrayView<const uint8_t> frame,
                      WAS_RTC::ArrayView<uint8_t> encrypted_frame, size_t* bytes_written) = 0;
  virtual size_t GetMaxCiphertextByteSize(WAS_CRICKET::MediaType media_type, size_t frame_size) = 0;
};

}  // namespace webrtc

#endif
