"""Members agree over a log in memory: one code, the same emoji, frames; who is removed opens nothing more."""

import unittest
from collections import deque

from frameseal import Admit, Codec, Event, FrameInfo, Kind, Mode, Session, Suite, Trust, errors, outputs

VIDEO = FrameInfo(Kind.VIDEO, Codec.VP8)


class Relay:
    """The room's log, messages to all, and a clock that is set."""

    def __init__(self):
        self.now, self.log, self.queue, self.members = 1000, [], deque(), []

    def run(self, ms):
        end = self.now + ms
        while True:
            while self.queue:
                member, give = self.queue.popleft()
                if not member.over():
                    give()
                    member.poll()
            waking = [m for m in self.members if m.wake_at is not None and not m.over()]
            self.now = max(self.now, min([m.wake_at for m in waking] + [end]))
            if self.now >= end:
                return
            for member in waking:
                if member.wake_at <= self.now:
                    member.wake_at = None
                    member.session.wake()
                    member.poll()


class Member:
    def __init__(self, relay, participant, session=None, **options):
        self.relay, self.wake_at, self.seen = relay, None, {}
        self.sealing, self.questions, self.events = False, [], []
        self.session = session or Session("council-7", participant, clock=lambda: relay.now, **options)
        relay.members.append(self)
        self.session.head(len(relay.log), relay.log[-1] if relay.log else b"")
        self.poll()

    def poll(self):
        for output in self.session.poll():
            self.seen[type(output)] = output
            self.do(output)

    def do(self, output):
        relay = self.relay
        if isinstance(output, outputs.Append):
            if relay.log and output.position != len(relay.log):
                self.session.conflict(output.position)
            else:
                relay.log.append(output.data)
                for member in relay.members:
                    self.give(member, member.session.log, len(relay.log), output.data)
        elif isinstance(output, outputs.Read):
            for at in range(output.position, len(relay.log)):
                self.give(self, self.session.log, at + 1, relay.log[at])
        elif isinstance(output, (outputs.Knock, outputs.Send)):
            for member in relay.members:
                if member is not self:
                    hear = member.session.knock if isinstance(output, outputs.Knock) else member.session.message
                    self.give(member, hear, output.data)
        elif isinstance(output, outputs.WakeAt):
            self.wake_at = output.time_ms
        elif isinstance(output, outputs.Decide):
            self.questions.append(output)
            self.session.verdict(output.question, [Trust.UNVERIFIED] * len(output.people))
        elif isinstance(output, outputs.Sealing):
            self.sealing = True
        elif isinstance(output, outputs.Hushed):
            self.sealing = False
        elif isinstance(output, outputs.Happened):
            self.events.append(output)

    def give(self, member, call, *args):
        self.relay.queue.append((member, lambda: call(*args)))

    def over(self):
        return any(happened.event == Event.LEFT for happened in self.events)

    def other(self):
        members = self.seen[outputs.Members]
        return next(person for person in members.people if person.index != members.index)


class Sessions(unittest.TestCase):
    def call(self, **options):
        relay = Relay()
        ada = Member(relay, "ada", name="Ada", **options)
        relay.run(5000)
        bob = Member(relay, "bob", **options)
        relay.run(20000)
        return relay, ada, bob

    def test_two_members_from_joining_to_removal(self):
        relay, ada, bob = self.call()
        for member in (ada, bob):
            self.assertTrue(member.sealing)
            self.assertEqual({p.participant for p in member.seen[outputs.Members].people}, {"ada", "bob"})
        self.assertEqual(ada.seen[outputs.Code].text, bob.seen[outputs.Code].text)
        self.assertEqual(bob.other().name, "Ada")
        self.assertEqual((ada.other().key, ada.other().trust), (bob.session.key, Trust.UNVERIFIED))
        self.assertTrue(ada.other().heard)
        self.assertIn("bob", str(ada.session.report()))

        for member in (ada, bob):
            member.session.compare()
            member.poll()
        relay.run(5000)
        emoji = ada.seen[outputs.Emoji]
        self.assertEqual(emoji, bob.seen[outputs.Emoji])
        self.assertEqual((len(emoji.text.split()), len(emoji.numbers)), (7, 7))
        epoch = ada.seen[outputs.Members].epoch
        self.assertEqual((emoji.epoch, ada.seen[outputs.Code].epoch), (epoch, epoch))
        self.assertTrue(all(number < 64 for number in emoji.numbers))

        frame = b"\x10\x02\x00\x9d\x01\x2a a key frame of Ada's camera"
        sealer, opener = ada.session.ring().sealer(), bob.session.ring().opener("ada")
        self.assertEqual(opener.open(sealer.seal(frame, VIDEO), VIDEO), frame)

        epoch = ada.seen[outputs.Members].epoch
        ada.session.remove(ada.other())
        ada.poll()
        relay.run(20000)
        self.assertGreater(ada.seen[outputs.Members].epoch, epoch)
        self.assertEqual(len(ada.seen[outputs.Members].people), 1)
        with self.assertRaises(errors.UnknownKeyError) as caught:
            opener.open(sealer.seal(frame, VIDEO), VIDEO)
        self.assertEqual(caught.exception.participant, "ada")
        self.assertFalse(bob.sealing)

    def test_leaving_and_rotation(self):
        relay, ada, bob = self.call()
        epoch = ada.seen[outputs.Members].epoch
        ada.session.rotate()
        ada.poll()
        relay.run(5000)
        self.assertGreater(bob.seen[outputs.Members].epoch, epoch)
        bob.session.leave()
        bob.poll()
        relay.run(20000)
        self.assertEqual([p.participant for p in ada.seen[outputs.Members].people], ["ada"])
        with self.assertRaises(errors.SessionOverError):
            bob.session.log(len(relay.log), relay.log[-1])
        sealer = bob.session.ring().sealer()
        with self.assertRaises(errors.NoSenderKeyError):
            sealer.seal(b"\x10 frame", VIDEO)

    def test_nobody_enters_without_the_secret(self):
        for secret, event in ((None, Event.NO_SECRET), (b"another secret than that", Event.FORK)):
            relay = Relay()
            ada = Member(relay, "ada", secret=b"a secret of the room")
            relay.run(5000)
            self.assertTrue(ada.seen[outputs.Policy].has_secret)
            frame = ada.session.ring().sealer().seal(b"\x10 a frame", VIDEO)
            eve = Member(relay, "eve", secret=secret)
            relay.run(20000)
            self.assertIn(event, [happened.event for happened in eve.events])
            self.assertFalse(eve.sealing)
            with self.assertRaises(errors.OpenError):
                eve.session.ring().opener("ada").open(frame, VIDEO)
        both = bytearray(b"a secret of the room")
        _, ada, bob = self.call(secret=both)
        self.assertEqual(ada.seen[outputs.Code], bob.seen[outputs.Code])

    def test_policy_and_a_name_with_proof(self):
        suite = Suite.AES256_GCM_SHA512_TAG128
        relay = Relay()
        ada = Member(relay, "ada", admit=Admit.MEMBERS, mode=Mode.PREFERRED, suite=suite)
        relay.run(5000)
        self.assertEqual(ada.seen[outputs.Policy], outputs.Policy(Mode.PREFERRED, Admit.MEMBERS, suite, False))
        ada.session.policy(Mode.REQUIRED, Admit.ANYONE, suite)
        ada.poll()
        relay.run(5000)
        self.assertEqual(ada.seen[outputs.Policy], outputs.Policy(Mode.REQUIRED, Admit.ANYONE, suite, False))
        bob = Session("council-7", "bob", name="Bob", clock=lambda: relay.now)
        bob.introduce("Robert", b"a token that commits to " + bob.key)
        joined = Member(relay, "bob", session=bob)
        relay.run(20000)
        self.assertTrue(joined.sealing)
        self.assertEqual((ada.other().name, ada.other().proof), ("Robert", b"a token that commits to " + bob.key))

    def test_wrong_inputs(self):
        session = Session("council-7", "ada", clock=lambda: 1000)
        with self.assertRaises(errors.SessionOverError):
            session.log(1, b"an entry")
        for only_a_member in (session.rotate, lambda: session.policy(Mode.OFF, Admit.ANYONE, Suite.AES128_GCM_SHA256_TAG128)):
            with self.assertRaises(errors.SessionOverError) as caught:
                only_a_member()
            self.assertIn("not in the group", caught.exception.detail)
        self.assertEqual(len(session.key), 32)
        session.close()
        with self.assertRaises(errors.ClosedError):
            session.rotate()
        with self.assertRaises(errors.BadNameError):
            Session("", "ada")
        relay = Relay()
        ada = Member(relay, "ada")
        relay.run(5000)
        with self.assertRaises(errors.NoSuchQuestionError):
            ada.session.verdict(99, [Trust.VERIFIED])
        with self.assertRaises(errors.BadNameError):
            ada.session.gone("bob\0")
        ada.session.knock(b"noise")
        ada.session.message(b"noise")
        ada.poll()
        self.assertEqual([h.event for h in ada.events], [Event.JOINED, Event.DROPPED])
        self.assertEqual(ada.events[1].times, 1)
        self.assertTrue(ada.events[1].text)
        ada.session.participants(["ada", "bob"])
        ada.poll()
        relay.run(60000)
        self.assertEqual(ada.seen[outputs.Outside].participants, ("bob",))


if __name__ == "__main__":
    unittest.main()
