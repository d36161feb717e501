package io.github.frameseal

import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** The figures of vectors/, as far as what programs use can reach them: those that open. */
class VectorsTest {
    private fun suite(number: Int) = Suite.entries.first { it.value == number.toUInt() }

    @Test
    fun `frames of Frameseal's format open once`() {
        for (case in cases("frameseal/frameseal.json", "frameseal.frame")) {
            val config = Config(
                case["participant"].asString,
                case["call"].asString,
                suite = suite(case["cipher_suite"].asInt),
                ratchetBits = case["ratchet_bits"].asInt.toUInt(),
            )
            val opener = Opener(config)
            val (generation, step) = case["generation"].asInt.toUInt() to case["step"].asInt.toUInt()
            SenderKey(generation, step, case.bytes("base_key")).use { opener.installKey(it) }
            val codec = CODECS.getValue(case["codec"].asString)
            val info = FrameInfo(KINDS.getValue(case["kind"].asString), codec, case.bytes("metadata"))
            val expected = hex(case.text("opened") ?: case["plaintext"].asString)
            val frames = FrameOpener(opener)
            assertArrayEquals(expected, frames.open(case.bytes("sealed"), info))
            assertEquals(120, status { frames.open(case.bytes("sealed"), info) })
        }
    }

    @Test
    fun `stretched secrets are the same`() {
        for (case in cases("frameseal/frameseal.json", "frameseal.stretch")) {
            assertArrayEquals(case.bytes("stretched"), stretch(case["secret"].asString, case["call"].asString))
        }
    }

    @Test
    fun `frames of the standard open`() {
        var opened = 0
        for (case in cases("sframe/rfc9605.json", "sframe.frame")) {
            val kid = case["kid"].asString.toULong()
            if (kid > UInt.MAX_VALUE) continue
            val suite = suite(case["cipher_suite"].asInt)
            val opener = Opener(Config("ada", format = Format.SFRAME, suite = suite, ratchetBits = 0u))
            SenderKey(kid.toUInt(), 0u, case.bytes("base_key")).use { opener.installKey(it) }
            val info = FrameInfo(Kind.VIDEO, Codec.OPAQUE, case.bytes("metadata"))
            assertArrayEquals(case.bytes("plaintext"), FrameOpener(opener).open(case.bytes("sealed"), info))
            opened++
        }
        assertTrue(opened >= 5)
    }

    @Test
    fun `frames of Jitsi's clients open`() {
        val all = cases("jitsi/jitsi.json", "jitsi.frame") + cases("jitsi/peers.json", "jitsi.frame")
        val long = all.filter { (it.text("aes_key") ?: it.text("material"))!!.length >= 32 }
        assertTrue(long.size >= 80)
        for (case in long) {
            val aes = case.text("aes_key")
            val opener = Opener(Config("ada", format = Format.JITSI))
            val kind = if (aes == null) SecretKind.RAW else SecretKind.AES
            opener.setSlot(Slot(case["key_index"].asInt.toUInt(), kind, hex(aes ?: case.text("material")!!)))
            val type = case.text("frame_type")
            val info = FrameInfo(if (type == null) Kind.AUDIO else Kind.VIDEO, Codec.VP8)
            type?.let { info.frameType = if (it == "key") FrameType.KEY else FrameType.DELTA }
            assertArrayEquals(case.bytes("plaintext"), FrameOpener(opener).open(case.bytes("sealed"), info))
        }
    }

    @Test
    fun `frames of LiveKit's clients open`() {
        for (case in cases("livekit/livekit.json", "livekit.frame")) {
            val bits = case["key_bits"].asInt
            val suite = if (bits == 128) Suite.AES128_GCM_SHA256_TAG128 else Suite.AES256_GCM_SHA512_TAG128
            val config = Config("ada", format = Format.LIVEKIT, suite = suite, slots = 256u, ratchetWindow = 32u)
            val opener = Opener(config)
            val kind = if (case["kdf"].asString == "pbkdf2") SecretKind.PASSPHRASE else SecretKind.RAW
            val index = case["key_index"].asInt.toUInt()
            opener.setSlot(Slot(index, kind, case.bytes("material"), case["salt"].asString.toByteArray()))
            val track = if (case["codec"].asString == "opus") Kind.AUDIO else Kind.VIDEO
            val info = FrameInfo(track, CODECS.getValue(case["codec"].asString))
            case.text("frame_type")?.let { info.frameType = if (it == "key") FrameType.KEY else FrameType.DELTA }
            assertArrayEquals(case.bytes("plaintext"), FrameOpener(opener).open(case.bytes("sealed"), info))
        }
    }
}
