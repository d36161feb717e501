package io.github.frameseal

import com.sun.jna.Memory
import com.sun.jna.Native
import com.sun.jna.Pointer
import java.lang.ref.Reference
import java.nio.ByteBuffer
import java.nio.ReadOnlyBufferException
import java.util.concurrent.atomic.AtomicInteger

/**
 * What is known of the frames of a track besides their bytes, in native memory. Make one for each track and keep it;
 * [frameType], [ssrc] and [timestamp] may be set before each frame. One thread at a time.
 */
class FrameInfo(val kind: Kind, val codec: Codec, metadata: ByteArray = ByteArray(0)) {
    private val memory = Memory(SIZE + metadata.size)

    /** Of the `frameseal_frame_info`, as long as this is in use. */
    internal val address: Long = Pointer.nativeValue(memory)

    init {
        memory.clear()
        memory.setLong(0, SIZE)
        memory.setInt(8, kind.value.toInt())
        memory.setInt(12, codec.value.toInt())
        if (metadata.isNotEmpty()) {
            memory.write(SIZE, metadata, 0, metadata.size)
            memory.setLong(16, address + SIZE)
            memory.setLong(24, metadata.size.toLong())
        }
    }

    /** For VP8 in LiveKit's format, and every codec in Jitsi's. */
    var frameType: FrameType = FrameType.FROM_BYTES
        set(value) {
            memory.setInt(32, value.value.toInt())
            field = value
        }

    /** For sealing in LiveKit's and Jitsi's format; 0 when it is not known. */
    var ssrc: UInt = 0u
        set(value) {
            memory.setInt(36, value.toInt())
            field = value
        }

    /** For sealing in LiveKit's and Jitsi's format. */
    var timestamp: UInt = 0u
        set(value) {
            memory.setInt(40, value.toInt())
            field = value
        }

    private companion object {
        /** Of the struct where pointers have 8 bytes. */
        const val SIZE = 48L
    }
}

/**
 * Seals frames where they lie: in direct buffers, or at addresses. It keeps its sealer; keys change through [Sealer]
 * meanwhile. One thread at a time: a second one gets [FramesealException.Usage].
 */
class FrameSealer(sealer: Sealer) : AutoCloseable {
    private val sealer = sealer.share()
    private val gate = Gate { this.sealer.destroy() }
    private val handle = this.sealer.address().toLong()
    private val length = Memory(8)
    private val lengthAt = Pointer.nativeValue(length)

    /** The most bytes that a frame of so many can become. */
    fun maxSealedLen(info: FrameInfo, length: Int): Int = gate.pass {
        // Without an output only its length is asked.
        val status = C.frameseal_seal(handle, info.address, 0, length.toLong(), 0, 0, lengthAt)
        Reference.reachabilityFence(info)
        if (status != 0) throw failure(status)
        Math.toIntExact(this.length.getLong(0))
    }

    /**
     * Seals the bytes between position and limit of [frame] to [out], from its position on, which may be the same
     * memory. Gives their number; neither position moves. Both must be direct.
     */
    fun seal(info: FrameInfo, frame: ByteBuffer, out: ByteBuffer): Int {
        val sealed = seal(info, at(frame), frame.remaining(), writable(out), out.remaining())
        Reference.reachabilityFence(frame)
        Reference.reachabilityFence(out)
        return sealed
    }

    /** The same with addresses of native memory, which is the caller's to keep and to bound. */
    fun seal(info: FrameInfo, frame: Long, length: Int, out: Long, capacity: Int): Int = gate.pass {
        val status = C.frameseal_seal(handle, info.address, frame, length.toLong(), out, capacity.toLong(), lengthAt)
        Reference.reachabilityFence(info)
        if (status != 0) throw failure(status)
        this.length.getLong(0).toInt()
    }

    /** Frees it, after the call that is under way. */
    override fun close() = gate.close()
}

/** Opens frames where they lie; the other side of [FrameSealer]. Keep it while its participant is in the call. */
class FrameOpener(opener: Opener) : AutoCloseable {
    private val opener = opener.share()
    private val gate = Gate { this.opener.destroy() }
    private val handle = this.opener.address().toLong()
    private val length = Memory(8)
    private val lengthAt = Pointer.nativeValue(length)

    /** Whether the last frame was one that the server made ([Opener.allowServerFrames]). */
    @Volatile
    var serverMade = false
        private set

    /**
     * Opens the bytes between position and limit of [frame] to [out], from its position on, which may be the same
     * memory and must have as much room. Gives their number; neither position moves. Both must be direct. Behind the
     * opened bytes those of the room that [frame] would take are unspecified. If this throws, [out] has nothing of the
     * frame: it is as it was, or zeros stand there (never where it overlaps [frame]).
     */
    fun open(info: FrameInfo, frame: ByteBuffer, out: ByteBuffer): Int {
        val opened = open(info, at(frame), frame.remaining(), writable(out), out.remaining())
        Reference.reachabilityFence(frame)
        Reference.reachabilityFence(out)
        return opened
    }

    /** The same with addresses of native memory, which is the caller's to keep and to bound. */
    fun open(info: FrameInfo, frame: Long, length: Int, out: Long, capacity: Int): Int = gate.pass {
        val status = C.frameseal_open(handle, info.address, frame, length.toLong(), out, capacity.toLong(), lengthAt)
        Reference.reachabilityFence(info)
        if (status != 0 && status != SERVER_MADE) throw failure(status)
        serverMade = status == SERVER_MADE
        this.length.getLong(0).toInt()
    }

    /** Frees it, after the call that is under way. */
    override fun close() = gate.close()

    private companion object {
        const val SERVER_MADE = 1
    }
}

/** Lets one caller in at a time, and frees when nobody is inside. */
internal class Gate(private val free: () -> Unit) {
    private val state = AtomicInteger(0)

    inline fun <R> pass(body: () -> R): R {
        enter()
        try {
            return body()
        } finally {
            leave()
        }
    }

    fun enter() {
        if (state.compareAndSet(0, INSIDE)) return
        check(state.get() and CLOSED == 0) { "it was closed" }
        throw errorOf(BUSY, "another thread is using it")
    }

    fun leave() {
        if (!state.compareAndSet(INSIDE, 0)) free()
    }

    fun close() {
        if (state.getAndUpdate { it or CLOSED } == 0) free()
    }

    private companion object {
        const val INSIDE = 1
        const val CLOSED = 2
        const val BUSY = 432
    }
}

/** The C functions that frames go by. */
internal object C {
    init {
        // Addresses and lengths are given as Long.
        check(Native.POINTER_SIZE == 8) { "frames need a machine with addresses of 64 bits" }
        val component = "frameseal_uniffi"
        // As the generated bindings find it.
        val library = System.getProperty("uniffi.component.$component.libraryOverride") ?: component
        Native.register(C::class.java, library)
    }

    @JvmStatic
    external fun frameseal_seal(
        sealer: Long, info: Long, frame: Long, length: Long, out: Long, capacity: Long, outLength: Long,
    ): Int

    @JvmStatic
    external fun frameseal_open(
        opener: Long, info: Long, frame: Long, length: Long, out: Long, capacity: Long, outLength: Long,
    ): Int

    @JvmStatic
    external fun frameseal_last_error(): Pointer
}

/** On the thread of the call that failed. */
private fun failure(status: Int) = errorOf(status, C.frameseal_last_error().getString(0, "UTF-8"))

private fun at(buffer: ByteBuffer): Long {
    require(buffer.isDirect) { "the buffer is not direct" }
    return Pointer.nativeValue(Native.getDirectBufferPointer(buffer)) + buffer.position()
}

private fun writable(buffer: ByteBuffer): Long {
    if (buffer.isReadOnly) throw ReadOnlyBufferException()
    return at(buffer)
}
