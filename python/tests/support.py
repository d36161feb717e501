"""What the tests share."""

import json
from pathlib import Path
from typing import Any, Dict, List

from frameseal import Codec, Config, FrameInfo, Kind, Opener, Sealer

ROOT = Path(__file__).resolve().parents[2]

KINDS = {
    "audio": Kind.AUDIO,
    "video": Kind.VIDEO,
    "screen-audio": Kind.SCREEN_AUDIO,
    "screen-video": Kind.SCREEN_VIDEO,
    "data": Kind.DATA,
}
CODECS = {
    "opaque": Codec.OPAQUE,
    "opus": Codec.OPAQUE,
    "vp8": Codec.VP8,
    "vp9": Codec.VP9,
    "av1": Codec.AV1,
    "h264": Codec.H264,
    "h265": Codec.H265,
    None: Codec.UNKNOWN,
    "unknown": Codec.UNKNOWN,
}

OPUS = FrameInfo(Kind.AUDIO, Codec.OPAQUE)


def cases(path: str, kind: str) -> List[Dict[str, Any]]:
    """The cases of one kind in a file of vectors."""
    groups = json.loads((ROOT / "vectors" / path).read_text(encoding="utf-8"))["groups"]
    found = [case for group in groups if group["kind"] == kind for case in group["cases"]]
    if not found:
        raise AssertionError(f"{path} has no cases of {kind}")
    return found


def pair(config: Config) -> "tuple[Sealer, Opener]":
    """A sealer, and an opener that has its key."""
    sealer, opener = Sealer(config), Opener(config)
    with sealer.key() as key:
        opener.install_key(key)
    return sealer, opener
