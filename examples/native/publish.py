"""Publishes a picture and a sound into the demo's call: encoded by GStreamer, sealed by Frameseal, sent by webrtcbin.

    publish.py --server 127.0.0.1:8080 --room ROOM --name Camera [--codec vp9] [--file clip.mkv]

Keys come from the room's session: this is a member that everybody sees, and can remove. A line `rotate` on standard
input asks for fresh keys, `hush` ends sending, `report` gives figures; its end leaves the call.
"""

import argparse
import json
import pathlib
import re
import secrets
import sys
import threading
from typing import Any, Dict, List, NamedTuple, Optional

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstVideo", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstVideo, GstWebRTC  # noqa: E402

from frameseal import Codec, FrameInfo, Kind, SealError, Sealer  # noqa: E402
from picture import Picture  # noqa: E402
from room import Certificate, Room  # noqa: E402


class Format(NamedTuple):
    """A codec: how it is encoded and sent."""

    codec: Codec
    encoder: str
    rtp: str


VIDEO = {
    "vp8": Format(Codec.VP8, "vp8enc deadline=1 cpu-used=8 end-usage=cbr target-bitrate=800000 keyframe-max-dist=300", "VP8,payload=96"),
    "vp9": Format(
        Codec.VP9,
        "vp9enc deadline=1 cpu-used=8 lag-in-frames=0 end-usage=cbr target-bitrate=800000 keyframe-max-dist=300",
        "VP9,payload=98",
    ),
    # av1enc of GStreamer 1.22 makes no key frame when it is asked for one: there is one every second.
    "av1": Format(
        Codec.AV1,
        "av1enc usage-profile=realtime cpu-used=8 lag-in-frames=0 end-usage=cbr target-bitrate=800 min-quantizer=8"
        " max-quantizer=56 keyframe-max-dist=20"
        " ! video/x-av1,stream-format=obu-stream,alignment=tu",
        "AV1,payload=45",
    ),
    "h264": Format(
        Codec.H264,
        "openh264enc bitrate=800000 rate-control=bitrate gop-size=300"
        " ! video/x-h264,stream-format=byte-stream,alignment=au,profile=constrained-baseline",
        "H264,payload=108,packetization-mode=(string)1,profile-level-id=(string)42e01f",
    ),
}
# A frame's runs of plaintext, for a server in test mode.
RUNS, RUN, SKIP = 6, 16, 40
LEAVING_MS = 300


class Track:
    """One track: frames of the encoder are sealed on its thread and go on to the payloader."""

    def __init__(self, pipeline: Any, kind: str, info: FrameInfo, sealer: Sealer, witness: Optional["Witness"]) -> None:
        self.kind, self.sealed, self.dropped, self.hushed = kind, 0, 0, False
        self.connected = False
        self._info, self._sealer, self._witness = info, sealer, witness
        self._encoded, self._out = pipeline.get_by_name(f"{kind}-encoded"), pipeline.get_by_name(f"{kind}-sealed")
        # Frames that refer to one that was left out would be decoded into nonsense.
        self._key_frame_wanted = False
        self._encoded.connect("new-sample", self._sample)
        self._out.get_static_pad("src").add_probe(Gst.PadProbeType.EVENT_UPSTREAM, self._asked)
        packets = pipeline.get_by_name(f"{kind}-pay").get_static_pad("src")
        packets.add_probe(Gst.PadProbeType.BUFFER | Gst.PadProbeType.BUFFER_LIST, self._packets)

    def _sample(self, sink: Any) -> Any:
        sample = sink.emit("pull-sample")
        buffer = sample.get_buffer()
        delta = buffer.has_flags(Gst.BufferFlags.DELTA_UNIT)
        # The first frame brings caps, without which webrtcbin makes no offer, and goes no further than the payloader. What
        # waited for the connection would come in one burst, and sealed for those who were there before.
        if self.hushed or (self.sealed > 0 and not self.connected):
            return Gst.FlowReturn.OK
        if self._key_frame_wanted and delta:
            self.dropped += 1
            return Gst.FlowReturn.OK
        frame = buffer.extract_dup(0, buffer.get_size())
        try:
            sealed = self._sealer.seal(frame, self._info)
        except SealError as error:
            # No key now, as while the group changes. Nothing goes out unsealed.
            self.dropped += 1
            if self.kind == "video" and not self._key_frame_wanted:
                print(f"{self.kind}: {error}", file=sys.stderr)
                self._key_frame_wanted = True
                self._ask()
            return Gst.FlowReturn.OK
        self._key_frame_wanted = False
        if self._witness is not None:
            self._witness.frame(buffer.pts, frame)
        out = Gst.Buffer.new_wrapped(bytes(sealed))
        out.pts, out.dts, out.duration = buffer.pts, buffer.dts, buffer.duration
        if delta:
            out.set_flags(Gst.BufferFlags.DELTA_UNIT)
        self._out.set_property("caps", sample.get_caps())
        self.sealed += 1
        return self._out.emit("push-buffer", out)

    def _packets(self, _: Any, info: Any) -> Any:
        if not self.connected:
            return Gst.PadProbeReturn.DROP
        if self._witness is not None:
            self._witness.packets(info)
        return Gst.PadProbeReturn.OK

    def connect(self) -> None:
        """From now on frames can be sent."""
        self._key_frame_wanted = self.kind == "video"
        self.connected = True
        if self._key_frame_wanted:
            self._ask()

    def _asked(self, _: Any, info: Any) -> Any:
        """A receiver wants a key frame; the way up ends at the appsrc, so it goes on at the encoder."""
        if GstVideo.video_event_is_force_key_unit(info.get_event()):
            self._ask()
        return Gst.PadProbeReturn.OK

    def _ask(self) -> None:
        self._encoded.send_event(GstVideo.video_event_new_upstream_force_key_unit(Gst.CLOCK_TIME_NONE, True, 0))


class Witness:
    """Test only: tells a server in test mode what frames held before they were sealed. Never where people talk."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._frames: Dict[int, List[str]] = {}
        self._told: List[Dict[str, Any]] = []
        GLib.timeout_add(300, self.send)

    def frame(self, pts: int, frame: bytes) -> None:
        start = SKIP if len(frame) >= SKIP + RUN else min(len(frame) // 2, 8)
        length = min(RUN, len(frame) - start)
        if length >= 8:
            places = {start + (len(frame) - start - length) * n // (RUNS - 1) for n in range(RUNS)}
            runs = [frame[at : at + length] for at in sorted(places)]
            self._frames[pts] = [run.hex() for run in runs if len(set(run)) > 1]

    def packets(self, info: Any) -> None:
        packets = info.get_buffer_list() if info.type & Gst.PadProbeType.BUFFER_LIST else None
        first = info.get_buffer() if packets is None else packets.get(0)
        windows = self._frames.pop(first.pts, None)
        if windows:
            header = first.extract_dup(0, 12)
            ssrc, ts = int.from_bytes(header[8:12], "big"), int.from_bytes(header[4:8], "big")
            self._told.append({"ssrc": ssrc, "ts": ts, "windows": windows})

    def send(self) -> bool:
        told, self._told = self._told, []
        if told:
            self._room.post("/api/plaintext", {"frames": told})
        return GLib.SOURCE_CONTINUE


class Publisher:
    def __init__(self, args: argparse.Namespace) -> None:
        self._args, self._why, self._hushed = args, "", False
        self._loop = GLib.MainLoop()
        self._room = Room(args.server, args.room, args.id, args.name, self._end)
        self._room.joined = self._start
        self._room.answered = self._answered
        self._certificate = Certificate()
        self._pipeline: Any = None
        self._tracks: List[Track] = []

    def run(self) -> int:
        threading.Thread(target=self._listen, daemon=True).start()
        self._loop.run()
        if self._pipeline is not None:
            self._pipeline.set_state(Gst.State.NULL)
        self._say("ended", why=self._why)
        return 0 if self._why == "" else 1

    def _start(self) -> None:
        args, form = self._args, VIDEO[self._args.codec]
        # What was encoded never reaches the network but by the way from one of these to the other.
        sealed = "appsrc name={0}-sealed is-live=true format=time"
        live = "appsink name={0}-encoded emit-signals=true sync=" + ("false" if args.file is None else "true")
        rtp = "application/x-rtp,encoding-name="
        video, audio = self._sources()
        self._pipeline = Gst.parse_launch(
            f"webrtcbin name=webrtc bundle-policy=max-bundle"
            f" {video} ! queue ! {form.encoder} ! {live.format('video')}"
            f" {sealed.format('video')} ! framesealpay name=video-pay ssrc={secrets.randbits(31)} ! {rtp}{form.rtp} ! webrtc."
            f" {audio} ! opusenc bitrate=32000 ! {live.format('audio')}"
            f" {sealed.format('audio')} ! rtpopuspay name=audio-pay ssrc={secrets.randbits(31)} ! {rtp}OPUS,payload=111 ! webrtc."
        )
        ring = self._room.session.ring()
        witness = Witness(self._room) if args.witness else None
        for kind, info in (("video", FrameInfo(Kind.VIDEO, form.codec)), ("audio", FrameInfo(Kind.AUDIO, Codec.OPAQUE))):
            # One for each thread that seals.
            self._tracks.append(Track(self._pipeline, kind, info, ring.sealer(), witness))
        webrtc = self._pipeline.get_by_name("webrtc")

        def inside(_: Any, __: Any, element: Any) -> None:
            if element.__gtype__.name == "GstDtlsSrtpDec":
                element.set_property("pem", self._certificate.pem)
            elif element.__gtype__.name == "GstNiceSrc":
                # The SFU sees where this side is; no router need be asked.
                element.get_property("agent").set_property("upnp", False)

        webrtc.connect("deep-element-added", inside)
        for at in range(len(self._tracks)):
            webrtc.emit("get-transceiver", at).set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
        webrtc.connect("on-negotiation-needed", self._offer)
        webrtc.connect("notify::connection-state", self._state)
        bus = self._pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", lambda _, message: self._end(str(message.parse_error()[0])))
        self._pipeline.set_state(Gst.State.PLAYING)
        if args.file is None:
            self._draw()

    def _sources(self) -> "tuple[str, str]":
        args = self._args
        raw = f"video/x-raw,format=I420,width={args.width},height={args.height},framerate={args.fps}/1"
        if args.file is None:
            sound = f"audiotestsrc is-live=true wave=ticks volume=0.3 freq={300 + 5 * len(args.name)} ! audio/x-raw,rate=48000,channels=2"
            return f"appsrc name=picture is-live=true format=time caps={raw}", sound
        uri = pathlib.Path(args.file).resolve().as_uri()
        return (
            f"uridecodebin name=file uri={uri} ! videoconvert ! videoscale ! videorate ! {raw}",
            "file. ! audioconvert ! audioresample ! audio/x-raw,rate=48000,channels=2",
        )

    def _draw(self) -> None:
        args, source = self._args, self._pipeline.get_by_name("picture")
        picture, last = Picture(args.name, args.width, args.height), -1

        def draw() -> bool:
            nonlocal last
            clock = self._pipeline.get_clock()
            if clock is not None and not self._hushed:
                # A tick of the frame rate for each: encoders count in ticks, and two frames in one are one too many.
                now = (clock.get_time() - self._pipeline.get_base_time()) * args.fps // Gst.SECOND
                if now > last:
                    last = now
                    frame = Gst.Buffer.new_wrapped(picture.next())
                    frame.pts, frame.duration = now * Gst.SECOND // args.fps, Gst.SECOND // args.fps
                    source.emit("push-buffer", frame)
            return not self._hushed

        GLib.timeout_add(1000 // args.fps, draw)

    def _offer(self, webrtc: Any) -> None:
        def created(promise: Any) -> None:
            # What is in the reply lives as long as it.
            reply = promise.get_reply()
            offer = reply.get_value("offer")
            sdp = self._certificate.vouched(offer.sdp.as_text())
            # The SFU learns this side's address from the connectivity checks; its answer must not be faster than this.
            told = Gst.Promise.new_with_change_func(lambda _: GLib.idle_add(self._send_offer, sdp))
            webrtc.emit("set-local-description", offer, told)

        webrtc.emit("create-offer", None, Gst.Promise.new_with_change_func(created))

    def _state(self, webrtc: Any, _: Any) -> None:
        if webrtc.get_property("connection-state") == GstWebRTC.WebRTCPeerConnectionState.CONNECTED:
            for track in self._tracks:
                if not track.connected:
                    track.connect()

    def _send_offer(self, sdp: str) -> bool:
        media = re.findall(r"^m=(audio|video).*?^a=mid:(\S+)", sdp, re.MULTILINE | re.DOTALL)
        tracks = [{"mid": mid, "kind": kind, "codec": self._args.codec if kind == "video" else "opus"} for kind, mid in media]
        self._room.send({"t": "offer", "pc": "pub", "sdp": sdp, "tracks": tracks})
        return GLib.SOURCE_REMOVE

    def _answered(self, sdp: str) -> None:
        _, message = GstSdp.SDPMessage.new_from_text(sdp)
        answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
        self._pipeline.get_by_name("webrtc").emit("set-remote-description", answer, Gst.Promise.new())
        self._say("publishing", id=self._args.id)

    def _listen(self) -> None:
        for line in sys.stdin:
            GLib.idle_add(self._command, line.strip())
        GLib.idle_add(self._command, "leave")

    def _command(self, word: str) -> bool:
        if word == "leave":
            self._room.leave()
            # What was said to group and SFU goes out first.
            GLib.timeout_add(LEAVING_MS, self._loop.quit)
        elif word == "rotate":
            self._room.rotate()
        elif word == "hush":
            self._hushed = True
            for track in self._tracks:
                track.hushed = True
        elif word == "report":
            self._report()
        return GLib.SOURCE_REMOVE

    def _report(self) -> None:
        room = self._room
        members = [{"id": one.participant, "name": one.name, "heard": one.heard} for one in room.members]
        tracks = [{"kind": track.kind, "sealed": track.sealed, "dropped": track.dropped} for track in self._tracks]
        self._say("report", id=self._args.id, epoch=room.epoch, code=room.code, members=members, tracks=tracks)

    def _say(self, what: str, **words: Any) -> None:
        print(json.dumps({"what": what, **words}), flush=True)

    def _end(self, why: str) -> None:
        self._why = why
        self._loop.quit()


def main() -> int:
    options = argparse.ArgumentParser(description="Publishes a picture and a sound into the demo's call.")
    options.add_argument("--server", required=True, help="HOST:PORT of the demo")
    options.add_argument("--room", required=True)
    options.add_argument("--name", default="Camera", help="as others are shown")
    options.add_argument("--id", default=f"native-{secrets.token_hex(6)}", help="new for each run")
    options.add_argument("--codec", choices=sorted(VIDEO), default="vp8")
    options.add_argument("--file", help="picture and sound of this file, else a test picture")
    options.add_argument("--width", type=int, default=640)
    options.add_argument("--height", type=int, default=360)
    options.add_argument("--fps", type=int, default=20)
    options.add_argument("--witness", action="store_true", help="for tests: tells a server in test mode what was sealed")
    args = options.parse_args()
    Gst.init(None)
    return Publisher(args).run()


if __name__ == "__main__":
    sys.exit(main())
