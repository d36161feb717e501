package io.github.frameseal

import com.google.gson.JsonObject
import com.google.gson.JsonParser
import java.io.File
import java.nio.ByteBuffer

val KINDS = mapOf(
    "audio" to Kind.AUDIO,
    "video" to Kind.VIDEO,
    "screen-audio" to Kind.SCREEN_AUDIO,
    "screen-video" to Kind.SCREEN_VIDEO,
    "data" to Kind.DATA,
)
val CODECS = mapOf(
    "opaque" to Codec.OPAQUE,
    "opus" to Codec.OPAQUE,
    "vp8" to Codec.VP8,
    "vp9" to Codec.VP9,
    "av1" to Codec.AV1,
    "h264" to Codec.H264,
    "h265" to Codec.H265,
)
val OPUS get() = FrameInfo(Kind.AUDIO, Codec.OPAQUE)

/** The cases of one kind in a file of vectors; there must be some. */
fun cases(path: String, kind: String): List<JsonObject> {
    val text = File(System.getProperty("frameseal.vectors"), path).readText()
    val groups = JsonParser.parseString(text).asJsonObject.getAsJsonArray("groups").map { it.asJsonObject }
    val found = groups.filter { it["kind"].asString == kind }.flatMap { it.getAsJsonArray("cases") }
    check(found.isNotEmpty()) { "$path has no cases of $kind" }
    return found.map { it.asJsonObject }
}

fun JsonObject.text(name: String): String? = get(name)?.takeUnless { it.isJsonNull }?.asString

fun JsonObject.bytes(name: String): ByteArray = hex(get(name).asString)

fun hex(text: String) = ByteArray(text.length / 2) { text.substring(2 * it, 2 * it + 2).toInt(16).toByte() }

fun direct(bytes: ByteArray, room: Int = bytes.size): ByteBuffer =
    ByteBuffer.allocateDirect(maxOf(room, 1)).put(bytes).apply { flip() }

fun ByteBuffer.bytes(length: Int) = ByteArray(length).also { duplicate().get(it) }

fun FrameSealer.seal(frame: ByteArray, info: FrameInfo): ByteArray {
    val out = ByteBuffer.allocateDirect(maxSealedLen(info, frame.size))
    return out.bytes(seal(info, direct(frame), out))
}

fun FrameOpener.open(frame: ByteArray, info: FrameInfo): ByteArray {
    val out = ByteBuffer.allocateDirect(maxOf(frame.size, 1))
    return out.bytes(open(info, direct(frame), out))
}

/** A sealer, and an opener that has its key. */
fun pair(config: Config): Pair<Sealer, Opener> {
    val sealer = Sealer(config)
    val opener = Opener(config)
    sealer.key().use { opener.installKey(it) }
    return sealer to opener
}

/** A frame of each codec, and how it is spelled when it was opened. */
fun frames(): Map<Codec, Pair<ByteArray, ByteArray>> {
    val all = cases("frameseal/frameseal.json", "frameseal.frame").filter { it.bytes("plaintext").isNotEmpty() }
    val every = all.associate { case ->
        val opened = case.text("opened") ?: case.text("plaintext")!!
        CODECS.getValue(case.text("codec")!!) to (case.bytes("plaintext") to hex(opened))
    }
    return every + (Codec.VP9 to ("a VP9 frame".toByteArray() to "a VP9 frame".toByteArray()))
}
