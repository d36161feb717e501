package io.github.frameseal

import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows

/** The room's log, messages to all, and a clock that is set. */
private class Relay {
    var now = 1000uL
    val log = mutableListOf<ByteArray>()
    val queue = ArrayDeque<Pair<Member, () -> Unit>>()
    val members = mutableListOf<Member>()

    fun run(ms: ULong) {
        val end = now + ms
        while (true) {
            while (true) {
                val (member, give) = queue.removeFirstOrNull() ?: break
                if (!member.left) {
                    give()
                    member.poll()
                }
            }
            val waking = members.filter { it.wakeAt != null && !it.left }
            now = maxOf(now, minOf(end, waking.minOfOrNull { it.wakeAt!! } ?: end))
            if (now >= end) return
            for (member in waking.filter { it.wakeAt!! <= now }) {
                member.wakeAt = null
                member.session.wake(now)
                member.poll()
            }
        }
    }
}

private class Member(val relay: Relay, config: SessionConfig) {
    val session = Session(config)
    var wakeAt: ULong? = null
    var sealing = false
    var members: Output.Members? = null
    var code: Output.Code? = null
    var emoji: Output.Emoji? = null
    var policy: Output.Policy? = null
    var outside = listOf<String>()
    val events = mutableListOf<Output.Happened>()
    val left get() = events.any { it.event == Event.LEFT }
    val other get() = members!!.people.first { it.index != members!!.index }

    init {
        relay.members += this
        session.head(relay.log.size.toULong(), relay.log.lastOrNull() ?: ByteArray(0), relay.now)
        poll()
    }

    fun poll() {
        do {
            val outputs = session.poll()
            outputs.forEach(::take)
        } while (outputs.isNotEmpty())
    }

    private fun take(output: Output) {
        when (output) {
            is Output.Append -> append(output)
            is Output.Read -> for (at in output.position.toInt() until relay.log.size) give(this) {
                it.log(at.toULong() + 1u, relay.log[at], relay.now)
            }
            is Output.Knock -> relay.members.filter { it !== this }.forEach { other ->
                give(other) { it.knock(output.data, relay.now) }
            }
            is Output.Send -> relay.members.filter { it !== this }.forEach { other ->
                give(other) { it.message(output.data, relay.now) }
            }
            is Output.WakeAt -> wakeAt = output.timeMs
            is Output.Decide ->
                session.verdict(output.question, output.people.map { Trust.UNVERIFIED }, relay.now)
            is Output.Members -> members = output
            is Output.Sealing -> sealing = true
            is Output.Hushed -> sealing = false
            is Output.Code -> code = output
            is Output.Emoji -> emoji = output
            is Output.Policy -> policy = output
            is Output.Outside -> outside = output.participants
            is Output.Happened -> events += output
            is Output.Withdraw -> Unit
            is Output.Other -> error("an output of kind ${output.kind}")
        }
    }

    private fun append(output: Output.Append) {
        val log = relay.log
        if (log.isNotEmpty() && output.position != log.size.toULong()) {
            return session.conflict(output.position, relay.now)
        }
        log += output.entry
        val position = log.size.toULong()
        relay.members.forEach { member -> give(member) { it.log(position, output.entry, relay.now) } }
    }

    private fun give(member: Member, call: (Session) -> Unit) {
        relay.queue.addLast(member to { call(member.session) })
    }
}

class SessionTest {
    private val video = FrameInfo(Kind.VIDEO, Codec.VP8)
    private val frame = hex("1002009d012a") + "a key frame of Ada's camera".toByteArray()

    private fun config(who: String, secret: ByteArray? = null) =
        SessionConfig("council-7", who, name = who.replaceFirstChar(Char::uppercase), secret = secret)

    private fun call(secret: ByteArray? = null): Triple<Relay, Member, Member> {
        val relay = Relay()
        val ada = Member(relay, config("ada", secret))
        relay.run(5000u)
        val bob = Member(relay, config("bob", secret))
        relay.run(20000u)
        return Triple(relay, ada, bob)
    }

    @Test
    fun `two members have one code and the same emoji, and who is removed opens nothing more`() {
        val (relay, ada, bob) = call()
        for (member in listOf(ada, bob)) {
            assertTrue(member.sealing)
            assertEquals(setOf("ada", "bob"), member.members!!.people.map { it.participant }.toSet())
        }
        assertEquals(ada.code, bob.code)
        assertEquals(ada.members!!.epoch, ada.code!!.epoch)
        assertEquals("Ada", bob.other.name)
        assertArrayEquals(bob.session.key(), ada.other.key)
        assertEquals(Trust.UNVERIFIED, ada.other.trust)
        assertTrue(ada.other.heard)
        assertTrue(ada.session.report().contains("bob"))

        for (member in listOf(ada, bob)) {
            member.session.compare(relay.now)
            member.poll()
        }
        relay.run(5000u)
        assertEquals(ada.emoji!!.symbols, bob.emoji!!.symbols)
        assertArrayEquals(ada.emoji!!.numbers, bob.emoji!!.numbers)
        assertEquals(ada.members!!.epoch, ada.emoji!!.epoch)
        assertEquals(7, ada.emoji!!.symbols.split(" ").size)
        assertEquals(7, ada.emoji!!.numbers.size)

        val seals = FrameSealer(ada.session.ring().sealer())
        val opens = FrameOpener(bob.session.ring().opener("ada"))
        assertArrayEquals(frame, opens.open(seals.seal(frame, video), video))

        val epoch = ada.members!!.epoch
        ada.session.remove(ada.other.index, ada.other.key, relay.now)
        ada.poll()
        relay.run(20000u)
        assertTrue(ada.members!!.epoch > epoch)
        assertEquals(1, ada.members!!.people.size)
        assertEquals(110, status { opens.open(seals.seal(frame, video), video) })
        assertFalse(bob.sealing)
        assertTrue(bob.events.any { it.event == Event.REMOVED })
    }

    @Test
    fun `rotation begins an epoch, and leaving ends a session`() {
        val (relay, ada, bob) = call()
        val epoch = ada.members!!.epoch
        ada.session.rotate(relay.now)
        ada.poll()
        relay.run(5000u)
        assertTrue(bob.members!!.epoch > epoch)
        bob.session.leave(relay.now)
        bob.poll()
        relay.run(20000u)
        assertEquals(listOf("ada"), ada.members!!.people.map { it.participant })
        assertEquals(600, status { bob.session.log(1u, ByteArray(9), relay.now) })
        assertEquals(250, status { FrameSealer(bob.session.ring().sealer()).seal(frame, video) })
    }

    @Test
    fun `who comes after people compared is told of`() {
        val (relay, ada, bob) = call()
        for (member in listOf(ada, bob)) {
            member.session.same(member.code!!.epoch, relay.now)
            member.poll()
        }
        Member(relay, config("cleo"))
        relay.run(20000u)
        for (member in listOf(ada, bob)) {
            val told = member.events.single { it.event == Event.UNCOMPARED }
            assertEquals(listOf("cleo"), told.people.map { it.participant })
        }
    }

    @Test
    fun `rotation before the session is in the group is refused`() {
        val error = assertThrows<FramesealException.Session> { Session(config("ada")).rotate(1000u) }
        assertEquals(600, error.status)
        assertTrue(error.detail.contains("not in the group"))
    }

    @Test
    fun `nobody enters without the secret`() {
        val secret = "a secret of the room".toByteArray()
        for ((other, event) in listOf(null to Event.NO_SECRET, "another secret than that".toByteArray() to Event.FORK)) {
            val relay = Relay()
            val ada = Member(relay, config("ada", secret))
            relay.run(5000u)
            assertTrue(ada.policy!!.hasSecret)
            val sealed = FrameSealer(ada.session.ring().sealer()).seal(frame, video)
            val eve = Member(relay, config("eve", other))
            relay.run(20000u)
            assertTrue(event in eve.events.map { it.event })
            assertFalse(eve.sealing)
            assertEquals(110, status { FrameOpener(eve.session.ring().opener("ada")).open(sealed, video) })
        }
        val (_, ada, bob) = call(secret)
        assertEquals(ada.code, bob.code)
    }

    @Test
    fun `wrong inputs and noise change nothing`() {
        assertEquals(423, status { Session(config("")) })
        assertEquals(405, status { Session(config("ada", ByteArray(0))) })
        val session = Session(config("ada"))
        assertEquals(600, status { session.log(1u, "an entry".toByteArray(), 1000u) })
        session.close()
        assertThrows<IllegalStateException> { session.poll() }
        val (relay, ada, _) = call()
        assertEquals(603, status { ada.session.verdict(99u, listOf(Trust.VERIFIED), relay.now) })
        assertEquals(602, status { ada.session.remove(7u, ByteArray(32), relay.now) })
        assertEquals(423, status { ada.session.gone("bob\u0000", relay.now) })
        val epoch = ada.members!!.epoch
        ada.session.knock("noise".toByteArray(), relay.now)
        ada.session.message(ByteArray(70000), relay.now)
        ada.poll()
        assertTrue(ada.events.single { it.event == Event.DROPPED }.text.isNotEmpty())
        ada.session.participants(listOf("ada", "bob", "cleo"), relay.now)
        ada.poll()
        relay.run(60000u)
        assertEquals(listOf("cleo"), ada.outside)
        assertEquals(epoch, ada.members!!.epoch)
    }
}
