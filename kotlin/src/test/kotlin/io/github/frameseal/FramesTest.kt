package io.github.frameseal

import java.nio.ByteBuffer
import java.nio.ReadOnlyBufferException
import java.util.concurrent.CountDownLatch
import java.util.concurrent.atomic.AtomicInteger
import kotlin.concurrent.thread
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows

private val ADA = Config("ada", "council-7")
private val SECRET = ByteArray(32) { it.toByte() }

class FramesTest {
    @Test
    fun `every codec, kind and suite of Frameseal's format`() {
        val every = frames()
        assertTrue(every.keys.containsAll(listOf(Codec.OPAQUE, Codec.VP8, Codec.VP9, Codec.AV1, Codec.H264, Codec.H265)))
        for (suite in Suite.entries) {
            val (sealer, opener) = pair(ADA.copy(suite = suite))
            val (seals, opens) = FrameSealer(sealer) to FrameOpener(opener)
            for ((codec, both) in every) {
                val info = FrameInfo(Kind.VIDEO, codec, "layer 2".toByteArray())
                val sealed = seals.seal(both.first, info)
                assertArrayEquals(both.second, opens.open(sealed, info), "$suite $codec")
                assertEquals(120, status { opens.open(sealed, info) })
            }
            for (kind in Kind.entries) {
                val info = FrameInfo(kind, Codec.OPAQUE)
                assertArrayEquals("bytes".toByteArray(), opens.open(seals.seal("bytes".toByteArray(), info), info))
            }
        }
    }

    @Test
    fun `bare SFrame`() {
        val (sealer, opener) = pair(Config("ada", format = Format.SFRAME))
        val sealed = FrameSealer(sealer).seal("a frame".toByteArray(), OPUS)
        assertFalse(String(sealed, Charsets.ISO_8859_1).contains("a frame"))
        assertArrayEquals("a frame".toByteArray(), FrameOpener(opener).open(sealed, OPUS))
    }

    @Test
    fun `every codec of LiveKit's format, both key sizes, data`() {
        for (suite in listOf(Suite.AES128_GCM_SHA256_TAG128, Suite.AES256_GCM_SHA512_TAG128)) {
            val config = Config("ada", format = Format.LIVEKIT, suite = suite)
            val (sealer, opener) = Sealer(config) to Opener(config)
            sealer.setSlot(Slot(3u, SecretKind.RAW, SECRET))
            opener.setSlot(Slot(3u, SecretKind.RAW, SECRET))
            sealer.selectSlot(3u)
            val (seals, opens) = FrameSealer(sealer) to FrameOpener(opener)
            for ((codec, both) in frames()) {
                val info = FrameInfo(if (codec == Codec.OPAQUE) Kind.AUDIO else Kind.VIDEO, codec)
                info.frameType = FrameType.KEY
                info.ssrc = 7u
                info.timestamp = 90000u
                if (codec == Codec.AV1) {
                    assertEquals(251, status { seals.seal(both.first, info) })
                    continue
                }
                assertArrayEquals(both.first, opens.open(seals.seal(both.first, info), info), "$codec")
                assertFalse(opens.serverMade)
            }
            val packet = sealer.sealData("hello".toByteArray(), 1000u)
            assertArrayEquals("hello".toByteArray(), opener.openData(packet))
            assertThrows<FramesealException.Open> { opener.openData(packet.copy(bytes = ByteArray(packet.bytes.size))) }
            opener.forgetSlot(3u)
            assertEquals(110, status { opens.open(seals.seal("x".toByteArray(), OPUS), OPUS) })
        }
    }

    @Test
    fun `every codec of Jitsi's format, by material and by an AES key`() {
        for (kind in listOf(SecretKind.RAW, SecretKind.AES)) {
            val config = Config("ada", format = Format.JITSI)
            val (sealer, opener) = Sealer(config) to Opener(config)
            sealer.setSlot(Slot(3u, kind, SECRET))
            opener.setSlot(Slot(3u, kind, SECRET))
            val (seals, opens) = FrameSealer(sealer) to FrameOpener(opener)
            for ((codec, both) in frames()) {
                val info = FrameInfo(if (codec == Codec.OPAQUE) Kind.AUDIO else Kind.VIDEO, codec)
                if (codec != Codec.OPAQUE && codec != Codec.VP8) {
                    assertEquals(400, status { seals.seal(both.first, info) })
                }
                info.frameType = FrameType.DELTA
                info.ssrc = 7u
                info.timestamp = 90000u
                val sealed = seals.seal(both.first, info)
                assertArrayEquals(both.first, opens.open(sealed, info), "$codec")
                assertEquals(120, status { opens.open(sealed, info) })
            }
            assertEquals(400, status { sealer.setSlot(Slot(0u, SecretKind.PASSPHRASE, SECRET)) })
            assertEquals(433, status { sealer.selectSlot(3u) })
        }
    }

    @Test
    fun `in place, at addresses, with room behind`() {
        val (sealer, opener) = pair(ADA)
        val (seals, opens) = FrameSealer(sealer) to FrameOpener(opener)
        val info = FrameInfo(Kind.VIDEO, Codec.OPAQUE)
        val frame = "a frame in place".toByteArray()
        val room = ByteBuffer.allocateDirect(128)
        room.position(5)
        room.duplicate().put(frame)
        val part = room.duplicate().apply { limit(5 + frame.size) }
        val sealed = seals.seal(info, part, room)
        assertNotEquals(String(frame), String(room.bytes(frame.size)))
        val opened = opens.open(info, room.duplicate().apply { limit(5 + sealed) } as ByteBuffer, room)
        assertArrayEquals(frame, room.bytes(opened))
        assertEquals(5, room.position())

        com.sun.jna.Memory(128).use { memory ->
            val at = com.sun.jna.Pointer.nativeValue(memory)
            memory.write(0, frame, 0, frame.size)
            val length = seals.seal(info, at, frame.size, at, 128)
            assertEquals(frame.size, opens.open(info, at, length, at, 128))
            assertArrayEquals(frame, memory.getByteArray(0, frame.size))
        }
    }

    @Test
    fun `one bit changed anywhere, and every shorter length`() {
        val (sealer, opener) = pair(ADA)
        val (seals, opens) = FrameSealer(sealer) to FrameOpener(opener)
        val info = FrameInfo(Kind.VIDEO, Codec.VP8)
        val frame = hex("1002009d012a") + ByteArray(30)
        val sealed = seals.seal(frame, info)
        for (at in sealed.indices) {
            val touched = sealed.clone().also { it[at] = (it[at].toInt() xor 1).toByte() }
            assertThrows<FramesealException.Open>("byte $at") { opens.open(touched, info) }
            assertThrows<FramesealException.Open>("$at bytes") { opens.open(sealed.copyOf(at), info) }
        }
        assertEquals(130, status { opens.open(sealed, FrameInfo(Kind.SCREEN_VIDEO, Codec.VP8)) })
        val error = assertThrows<FramesealException.Open> { opens.open(seals.seal(frame, OPUS), info) }
        assertTrue(error.detail.contains("ada"), error.detail)
        val other = Opener(Config("bob", "council-7")).also { it.installKey(sealer.key()) }
        assertThrows<FramesealException.Open> { FrameOpener(other).open(sealed, info) }
        assertArrayEquals(frame, opens.open(sealed, info))
    }

    @Test
    fun `wrong buffers and wrong arguments`() {
        val (sealer, opener) = pair(ADA)
        val (seals, opens) = FrameSealer(sealer) to FrameOpener(opener)
        val frame = direct(ByteArray(40))
        assertThrows<IllegalArgumentException> { seals.seal(OPUS, ByteBuffer.allocate(40), direct(ByteArray(99))) }
        assertThrows<IllegalArgumentException> { seals.seal(OPUS, frame, ByteBuffer.allocate(99)) }
        assertThrows<ReadOnlyBufferException> { seals.seal(OPUS, frame, direct(ByteArray(99)).asReadOnlyBuffer()) }
        assertEquals(422, status { seals.seal(OPUS, frame, direct(ByteArray(40))) })
        assertEquals(420, status { seals.seal(OPUS, 0, 40, com.sun.jna.Pointer.nativeValue(com.sun.jna.Memory(99)), 99) })
        assertEquals(426, status { seals.seal(ByteArray(9), FrameInfo(Kind.VIDEO, Codec.UNKNOWN)) })
        val sealed = direct(seals.seal(ByteArray(40), OPUS))
        assertEquals(422, status { opens.open(OPUS, sealed, direct(ByteArray(40))) })
        // What did not fit was not opened.
        assertEquals(40, opens.open(OPUS, sealed, direct(ByteArray(99))))

        assertEquals(423, status { Sealer(Config("", "council-7")) })
        assertEquals(423, status { Sealer(Config("a\u0000b", "council-7")) })
        assertEquals(428, status { Sealer(ADA.copy(ratchetBits = 17u)) })
        assertEquals(433, status { sealer.setSlot(Slot(0u, SecretKind.RAW, SECRET)) })
        assertEquals(400, status { Opener(Config("ada", format = Format.LIVEKIT, slots = 0u)) })
        assertEquals(405, status { opener.installKey(SenderKey(1u, 0u, ByteArray(15))) })
        assertEquals(401, status { opener.follow(SECRET, "fs1-nothing") })
    }

    @Test
    fun `rotation, ratchet, shared secrets, rings, padding, reports`() {
        val ring = Ring(Config("bob", "council-7"))
        val opens = FrameOpener(ring.opener("ada"))
        val sealer = Sealer(ADA)
        val seals = FrameSealer(sealer)
        assertEquals(110, status { opens.open(seals.seal(ByteArray(9), OPUS), OPUS) })
        ring.installKey("ada", sealer.key())
        sealer.step()
        assertEquals(9, opens.open(seals.seal(ByteArray(9), OPUS), OPUS).size)
        sealer.rotate()
        val rotated = seals.seal(ByteArray(9), OPUS)
        assertEquals(110, status { opens.open(rotated, OPUS) })
        val key = sealer.key()
        ring.installKey("ada", SenderKey(key.generation(), key.step(), key.expose()))
        assertEquals(9, opens.open(rotated, OPUS).size)
        ring.forget("ada")
        assertEquals(110, status { opens.open(seals.seal(ByteArray(9), OPUS), OPUS) })
        assertFalse(sealer.report().contains(key.expose().joinToString("") { "%02x".format(it) }))
        assertTrue(sealer.report().contains("\"generation\":1"))
        assertThrows<FramesealException> { ring.sealer() }

        sealer.setPadding(Kind.AUDIO, 64u)
        assertEquals(1, listOf(1, 20, 40).map { seals.seal(ByteArray(it), OPUS).size }.toSet().size)

        val secret = stretch("correct horse", "council-7")
        val shared = Sealer.shared(ADA, secret)
        val follower = Opener(ADA).also { it.follow(secret, shared.announcement()) }
        shared.rotate()
        assertEquals(9, FrameOpener(follower).open(FrameSealer(shared).seal(ByteArray(9), OPUS), OPUS).size)
    }

    @Test
    fun `what was closed says so, and frees once`() {
        val (sealer, opener) = pair(ADA)
        val (seals, opens) = FrameSealer(sealer) to FrameOpener(opener)
        sealer.close()
        val sealed = seals.seal(ByteArray(9), OPUS)
        assertThrows<IllegalStateException> { sealer.rotate() }
        seals.close()
        seals.close()
        assertThrows<IllegalStateException> { seals.seal(ByteArray(9), OPUS) }
        opens.close()
        assertThrows<IllegalStateException> { opens.open(sealed, OPUS) }
        assertEquals(9, FrameOpener(opener).use { it.open(sealed, OPUS) }.size)
    }

    @Test
    fun `a second thread is refused, and close waits for the call inside`() {
        val freed = AtomicInteger()
        val gate = Gate { freed.incrementAndGet() }
        val (inside, leave) = CountDownLatch(1) to CountDownLatch(1)
        val first = thread { gate.pass { inside.countDown(); leave.await() } }
        inside.await()
        assertEquals(432, status { gate.pass { } })
        gate.close()
        assertEquals(0, freed.get())
        leave.countDown()
        first.join()
        gate.close()
        assertEquals(1, freed.get())
    }

    @Test
    fun `keys change on one thread while frames are sealed and opened on others`() {
        val ring = Ring(Config("bob", "council-7"))
        val sealer = Sealer(ADA)
        ring.installKey("ada", sealer.key())
        val (seals, opens) = FrameSealer(sealer) to FrameOpener(ring.opener("ada"))
        val opened = AtomicInteger()
        val media = thread {
            val info = FrameInfo(Kind.VIDEO, Codec.OPAQUE)
            repeat(2000) {
                try {
                    opened.addAndGet(opens.open(seals.seal(ByteArray(99), info), info).size / 99)
                } catch (refused: FramesealException) {
                    // Busy while the key changes, or sealed before the ring was told.
                    check(statusOf(refused) in setOf(432, 110)) { refused }
                }
            }
        }
        repeat(50) {
            while (true) {
                try {
                    sealer.rotate()
                    ring.installKey("ada", sealer.key())
                    break
                } catch (busy: FramesealException.Usage) {
                    check(busy.status == 432) { busy }
                }
            }
        }
        media.join()
        assertTrue(opened.get() > 0)
        assertEquals(99, opens.open(seals.seal(ByteArray(99), OPUS), OPUS).size)
    }
}

fun statusOf(error: FramesealException) = when (error) {
    is FramesealException.Open -> error.status
    is FramesealException.Seal -> error.status
    is FramesealException.Usage -> error.status
    is FramesealException.Session -> error.status
    is FramesealException.Internal -> error.status
}

/** What a call fails with. */
fun status(call: () -> Any?) = statusOf(assertThrows<FramesealException> { call() })
