import { LiveKitRoom, RoomAudioRenderer, VideoConference } from "@livekit/components-react";
import { createE2EEManager, linkSecretOf, newLinkSecret } from "frameseal/livekit";
import { Room } from "livekit-client";
import { useEffect, useState } from "react";
import { Members } from "./members.tsx";

/** What the application's backend says of a meeting; here it stands in the address: `?url=ws://...&token=...`. */
const params = new URLSearchParams(location.search);
const serverUrl = params.get("url") ?? undefined;
const token = params.get("token") ?? undefined;

/** The secret stands behind the `#`, which browsers send to nobody. Who opens the page without one makes one. */
function secretOfThisMeeting(): string {
  const found = linkSecretOf(location.hash);
  if (found !== null) return found;
  const made = newLinkSecret();
  history.replaceState(null, "", `${location.pathname}${location.search}#${made}`);
  return made;
}

function makeCall() {
  const e2eeManager = createE2EEManager({ keys: { link: secretOfThisMeeting() } });
  const room = new Room({ encryption: { e2eeManager }, publishDefaults: { videoCodec: "vp9" } });
  return { e2eeManager, room };
}

export function App() {
  const [call, setCall] = useState<ReturnType<typeof makeCall> | null>(null);
  // React renders twice in development: a room is made where it can be left again.
  useEffect(() => {
    const made = makeCall();
    setCall(made);
    return () => {
      void made.room.disconnect();
      made.e2eeManager.dispose();
    };
  }, []);

  if (serverUrl === undefined || token === undefined) {
    return <p>Open this page with <code>?url=ws://…&amp;token=…</code>: the LiveKit server, and a token for its room.</p>;
  }
  if (call === null) return null;
  return (
    <LiveKitRoom room={call.room} serverUrl={serverUrl} token={token} audio video data-lk-theme="default" style={{ height: "100vh" }}>
      <Members manager={call.e2eeManager} />
      <VideoConference />
      <RoomAudioRenderer />
    </LiveKitRoom>
  );
}
