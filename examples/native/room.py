"""A member of the demo's call on GLib's main loop: the SFU's signalling, the room's log, and the session between them.

The messages are those of crates/e2ee-sfu/PROTOCOL.md and docs/log.md.
"""

import base64
import hashlib
import json
import re
import struct
import subprocess
import urllib.parse
from typing import Any, Callable, Dict, List, Optional

import gi

gi.require_version("Soup", "3.0")
from gi.repository import GLib, Soup  # noqa: E402

from frameseal import Admit, Event, Session, Trust, Why, outputs  # noqa: E402
from frameseal.errors import SessionOverError  # noqa: E402

# Entries of the log have up to 4 MiB.
LARGEST = 8 << 20

# What is said to the log, and told by it (docs/log.md).
APPEND, READ, PUT, TAKE, SAY = 1, 2, 3, 4, 5
HEAD, ENTRY, ANSWER, PACKAGE, TOO_OLD, SAID, ERROR = 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x8F
TAKEN, CONFLICT = 0, 1

# After these nothing is sealed any more.
OVER = {
    Event.REMOVED: "removed from the group by a member",
    Event.FORK: "others see another group",
    Event.LOG_LOST: "the log lost its entries",
    Event.LEFT_BEHIND: "missed more than the log keeps",
    Event.NO_SECRET: "the room wants a secret",
    Event.OTHER_SUITE: "the room is of another agreement",
}


class Certificate:
    """Of the transport of one run. GStreamer's own are of RSA, which the SFU does not speak."""

    def __init__(self) -> None:
        words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=webrtc -keyout - -out -"
        self.pem = subprocess.run(words.split(), check=True, capture_output=True, text=True).stdout
        _, _, rest = self.pem.partition("-----BEGIN CERTIFICATE-----")
        digest = hashlib.sha256(base64.b64decode(rest.partition("-----END")[0])).hexdigest().upper()
        self._fingerprint = ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))

    def vouched(self, sdp: str) -> str:
        """A description with its fingerprint: webrtcbin hashes the private key that stands beside it, too."""
        return re.sub(r"(?m)^a=fingerprint:.*$", f"a=fingerprint:sha-256 {self._fingerprint}\r", sdp)


class Room:
    """Enters the group, then the call. A connection that is lost ends it: this example does not come again."""

    def __init__(self, server: str, room: str, ident: str, name: str, ended: Callable[[str], None]) -> None:
        """`server`: HOST:PORT. `ended` is told why, once: by whom or by what the membership ended."""
        self.server, self.room, self.ident, self.name = server, room, ident, name
        self.epoch, self.code = 0, ""
        self.members: outputs.People = ()
        self.joined: Callable[[], None] = lambda: None
        self.answered: Callable[[str], None] = lambda sdp: None
        self._ended: Optional[Callable[[str], None]] = ended
        self._admit = Admit.ANYONE
        self._present: Dict[str, str] = {}
        self._sockets: Dict[str, Any] = {}
        self._timer = 0
        self._http = Soup.Session()
        self.session = Session(room, ident, name=name)
        log = f"ws://{server}/log?room={urllib.parse.quote(room, safe='')}"
        self._connect(log, ["frameseal-log.1"], "log", self._log)

    def send(self, message: Dict[str, Any]) -> None:
        """To the SFU."""
        if "sfu" in self._sockets:
            self._sockets["sfu"].send_text(json.dumps(message))

    def post(self, path: str, body: Dict[str, Any]) -> None:
        """To the SFU's JSON API."""
        message = Soup.Message.new("POST", f"http://{self.server}{path}")
        message.set_request_body_from_bytes("application/json", GLib.Bytes.new(json.dumps(body).encode()))
        self._http.send_async(message, GLib.PRIORITY_DEFAULT, None, None)

    def rotate(self) -> None:
        """Fresh keys for all."""
        self.session.rotate()
        self._poll()

    def leave(self) -> None:
        """Says so to group and SFU."""
        self._ended = None
        self.session.leave()
        self._poll()
        self.send({"t": "leave"})

    # Connections.

    def _connect(self, url: str, protocols: List[str], name: str, heard: Callable[[bytes], None]) -> None:
        def connected(http: Any, result: Any) -> None:
            try:
                socket = http.websocket_connect_finish(result)
            except GLib.Error as error:
                return self._end(f"{url}: {error.message}")
            socket.set_max_incoming_payload_size(LARGEST)
            socket.connect("message", lambda _, kind, data: heard(data.get_data()))
            socket.connect("closed", lambda _: self._end(f"{url}: the connection ended"))
            self._sockets[name] = socket
            if name == "sfu":
                self._join()

        message = Soup.Message.new("GET", url)
        self._http.websocket_connect_async(message, None, protocols, GLib.PRIORITY_DEFAULT, None, connected)

    def _end(self, why: str) -> None:
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(why)

    # The SFU.

    def _join(self) -> None:
        # "group" is what the demo's members say whose keys come from the group.
        caps = {"e2ee": True, "native": True}
        self.send({"t": "join", "room": self.room, "id": self.ident, "name": self.name, "announcement": "group", "caps": caps})

    def _sfu(self, data: bytes) -> None:
        message = json.loads(data)
        kind = message.get("t")
        if kind == "welcome":
            self._present = {member["id"]: member["name"] for member in message["members"]}
            self._tell_present()
            self.joined()
        elif kind == "member":
            self._present[message["id"]] = message["name"]
            self._tell_present()
        elif kind == "left":
            if self._present.pop(message["id"], None) is not None:
                self.session.gone(message["id"])
                self._tell_present()
        elif kind == "answer":
            self.answered(message["sdp"])
        elif kind == "offer":
            # This member takes nothing: every m-line is refused.
            pass
        elif kind == "error":
            self._end(f"the SFU: {message['code']}: {message['message']}")

    def _tell_present(self) -> None:
        self.session.participants([self.ident, *self._present])
        self._poll()

    # The log.

    def _log(self, data: bytes) -> None:
        try:
            self._hear(data)
        except SessionOverError:
            # This member left, or was told why it is out.
            pass

    def _hear(self, data: bytes) -> None:
        kind, rest = data[0], data[1:]
        number = struct.unpack_from(">Q", rest)[0] if kind in (HEAD, ENTRY, ANSWER, TOO_OLD) else 0
        if kind == HEAD:
            self.session.head(number, rest[8:])
        elif kind == ENTRY:
            self.session.log(number, rest[8:])
        elif kind == ANSWER and rest[8] == CONFLICT:
            self.session.conflict(number)
        elif kind == ANSWER and rest[8] != TAKEN:
            return self._end(f"the log did not append ({rest[8]})")
        elif kind == PACKAGE:
            self.session.knock(rest)
        elif kind == TOO_OLD:
            self.session.too_old(number)
        elif kind == SAID:
            self.session.message(rest)
        elif kind == ERROR:
            return self._end(f"the log: {rest[2:].decode(errors='replace')}")
        self._poll()

    def _tell(self, kind: int, data: bytes = b"", position: Optional[int] = None) -> None:
        head = struct.pack(">B", kind) if position is None else struct.pack(">BQ", kind, position)
        if "log" in self._sockets:
            self._sockets["log"].send_message(Soup.WebsocketDataType.BINARY, GLib.Bytes.new(head + data))

    # The session.

    def _poll(self) -> None:
        for output in self.session.poll():
            if isinstance(output, outputs.Append):
                self._tell(APPEND, output.data, output.position)
            elif isinstance(output, outputs.Read):
                self._tell(READ, position=output.position)
            elif isinstance(output, outputs.Knock):
                self._tell(PUT, output.data)
            elif isinstance(output, outputs.Send):
                self._tell(SAY, output.data)
            elif isinstance(output, outputs.WakeAt):
                self._wake_at(output.time_ms)
            elif isinstance(output, outputs.Decide):
                self._decide(output)
            elif isinstance(output, outputs.Policy):
                self._admit = output.admit
            elif isinstance(output, outputs.Members):
                self.epoch, self.members = output.epoch, output.people
            elif isinstance(output, outputs.Code):
                self.code = output.text
            elif isinstance(output, outputs.Sealing) and "sfu" not in self._sockets:
                self._connect(f"ws://{self.server}/ws", [], "sfu", self._sfu)
            elif isinstance(output, outputs.Happened) and output.event == Event.JOINED:
                # Who knocked while nobody was connected is still there.
                self._tell(TAKE)
            elif isinstance(output, outputs.Happened) and output.event in OVER:
                self._end(OVER[output.event])

    def _decide(self, question: outputs.Decide) -> None:
        # Nobody vouches for names here. Whom people let in from a lobby is for people to say.
        if question.why == Why.KNOCKS and self._admit == Admit.MEMBERS:
            return
        self.session.verdict(question.question, [Trust.UNVERIFIED] * len(question.people))

    def _wake_at(self, time_ms: int) -> None:
        def wake() -> bool:
            self._timer = 0
            self.session.wake()
            self._poll()
            return GLib.SOURCE_REMOVE

        if self._timer:
            GLib.source_remove(self._timer)
        self._timer = GLib.timeout_add(max(0, time_ms - GLib.get_monotonic_time() // 1000), wake)
