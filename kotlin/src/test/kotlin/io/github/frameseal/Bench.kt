package io.github.frameseal

import com.sun.jna.Memory
import com.sun.jna.Pointer
import java.nio.ByteBuffer

/** What a frame costs from the JVM: `cargo xtask kotlin --bench`. */
object Bench {
    private const val FRAMES = 50_000
    private const val RUNS = 6

    @JvmStatic
    fun main(args: Array<String>) {
        println("ns a frame: bytes, seal at addresses, open at addresses, seal in buffers, open in buffers")
        for (size in listOf(120, 1200)) {
            val (sealer, opener) = pair(Config("ada", "council-7"))
            val (seals, opens) = FrameSealer(sealer) to FrameOpener(opener)
            val info = FrameInfo(Kind.VIDEO, Codec.OPAQUE)
            val room = seals.maxSealedLen(info, size)
            val frame = Pointer.nativeValue(Memory(size.toLong()).also(kept::add))
            val out = Pointer.nativeValue(Memory(room.toLong()).also(kept::add))
            val sealed = Pointer.nativeValue(Memory(room.toLong() * FRAMES).also(kept::add))
            val (plain, whole) = ByteBuffer.allocateDirect(size) to ByteBuffer.allocateDirect(room)
            val batch = ByteBuffer.allocateDirect(room * FRAMES)
            val lengths = IntArray(FRAMES)
            val figures = LongArray(4) { Long.MAX_VALUE }
            fun time(at: Int, body: (Int) -> Unit) {
                val start = System.nanoTime()
                for (n in 0 until FRAMES) body(n)
                figures[at] = minOf(figures[at], (System.nanoTime() - start) / FRAMES)
            }
            repeat(RUNS) {
                time(0) { n -> lengths[n] = seals.seal(info, frame, size, sealed + n.toLong() * room, room) }
                time(1) { n -> opens.open(info, sealed + n.toLong() * room, lengths[n], out, room) }
                time(2) { n -> lengths[n] = seals.seal(info, plain, batch.limit((n + 1) * room).position(n * room)) }
                time(3) { n ->
                    batch.limit(n * room + lengths[n]).position(n * room)
                    opens.open(info, batch, whole)
                }
                batch.clear()
            }
            println("$size ${figures.joinToString(" ")}")
        }
    }

    private val kept = mutableListOf<Memory>()
}
