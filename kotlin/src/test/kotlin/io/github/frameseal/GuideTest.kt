package io.github.frameseal

import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Test

/** The program text of docs/native.md, as it is printed there. */
class GuideTest {
    @Test
    fun `what the guide prints runs`() {
        val ada = Sealer(Config("ada", "council-7"))
        val camera = Camera(ada)
        val recorder = Recorder("council-7")
        ada.key().use { recorder.hear("ada", it.generation(), it.step(), it.expose()) }
        val frame = direct("a frame of Ada's camera".toByteArray(), 512)
        frame.limit(frame.limit() + camera.room(frame))
        frame.limit(camera.seal(frame, 23))
        assertArrayEquals("a frame of Ada's camera".toByteArray(), frame.bytes(recorder.open("ada", frame)!!))
        frame.limit(frame.limit() - 1)
        check(recorder.open("ada", frame) == null)
    }
}
