import type { LivekitE2EEManager, MemberState } from "frameseal/livekit";
import { useEffect, useState } from "react";

const WORDS: Readonly<Record<MemberState, string>> = {
  waiting: "…",
  encrypted: "🔒",
  failing: "⚠ does not open",
  foreign: "⚠ does not encrypt as we do",
};

/** Who is there, and whether what they send was seen to be encrypted. */
export function Members({ manager }: { readonly manager: LivekitE2EEManager }) {
  const [members, setMembers] = useState(manager.members);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const moved = () => setMembers(manager.members);
    const failed = (error: Error) => setProblem(error.message);
    manager.on("memberState", moved).on("encryptionError", failed);
    return () => void manager.off("memberState", moved).off("encryptionError", failed);
  }, [manager]);
  return (
    <ul aria-label="encryption">
      {[...members].map(([identity, state]) => (
        <li key={identity} data-identity={identity} data-state={state}>
          {identity} {WORDS[state]}
        </li>
      ))}
      {problem !== "" && <li role="status">{problem}</li>}
    </ul>
  );
}
