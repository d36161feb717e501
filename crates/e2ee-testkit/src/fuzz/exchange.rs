//! Jitsi's key exchange: messages of JSON, from a room whose server may change each and make up others.
//!
//! Olm draws its keys from the system, so a run is not repeated to the bit; what the seeds hold is what is done to messages.

use std::collections::{BTreeSet, VecDeque};

use e2ee_core::Millis;
use e2ee_session::jitsi::{Event, Input as Happens, Jitsi, KEY_LEN, MAX_MESSAGE_LEN, Output, Settings};
use serde_json::Value;

use super::input::Input;

const NAMES: [&str; 2] = ["ada", "bob"];
const PROPERTIES: [&str; 4] =
    ["e2ee.enabled", "e2ee.idKey.ed25519", "e2ee.idKey.curve25519", "e2ee.idKey.other"];
/// Steps of one run; what comes behind them in the input is not read.
const STEPS: usize = 40;

/// What a run came to.
#[derive(Default)]
pub(super) struct Came {
    /// Keys of the other one that the participant under test opens with.
    pub(super) keys: usize,
    /// Messages that it refused.
    pub(super) refused: usize,
    /// Codes to compare that it showed.
    pub(super) codes: usize,
}

struct Pair {
    engines: [Jitsi; 2],
    /// Messages on their way to each.
    on_the_way: [VecDeque<String>; 2],
    /// Ciphertexts that the other one made for the participant under test.
    genuine: BTreeSet<String>,
    /// The participant under test.
    target: usize,
    now: Millis,
    /// Properties that each has set, and the other has not heard of.
    published: Vec<(usize, &'static str, String)>,
    came: Came,
}

/// Ada gets a key of Bob's only out of a ciphertext that Bob made for her, whatever else comes in his name; what she says is
/// a message, and nothing is taken for compared by itself.
pub(super) fn jitsi_exchange(data: &[u8]) {
    run(data);
}

pub(super) fn run(data: &[u8]) -> Came {
    let mut input = Input::new(data);
    let choice = input.byte();
    let Some(mut pair) = Pair::new(usize::from(choice & 1), choice & 2 != 0) else { return Came::default() };
    let (target, other) = (pair.target, 1 - pair.target);
    for _ in 0..STEPS {
        let operation = input.byte();
        match operation % 12 {
            0..4 => {
                pair.deliver(target, |_| {});
                pair.deliver(other, |_| {});
            }
            4 | 5 => pair.deliver(target, |message| {
                let mut bytes = core::mem::take(message).into_bytes();
                input.mutate(&mut bytes);
                *message = String::from_utf8_lossy(&bytes).into_owned();
            }),
            6 => {
                let again = pair.on_the_way.get(target).and_then(|queue| queue.front().cloned());
                pair.deliver(target, |_| {});
                again.into_iter().for_each(|json| pair.hand(target, &json));
            }
            7 => {
                let len = usize::from(input.byte()) << 8 | usize::from(input.byte());
                let json = String::from_utf8_lossy(input.take(len)).into_owned();
                pair.hand(target, &json);
            }
            8 => {
                pair.now = Millis(pair.now.0.saturating_add(u64::from(input.byte()) * 100));
                pair.take(target, Happens::Wake);
                pair.take(other, Happens::Wake);
            }
            9 => {
                let name = input.pick(&PROPERTIES, "");
                let len = usize::from(input.byte());
                let value = String::from_utf8_lossy(input.take(len)).into_owned();
                pair.take(target, Happens::Property { who: name_of(other), name, value: &value });
            }
            10 => {
                let who = name_of(other);
                let back = Happens::Joined { who, e2ee: true, earlier: operation & 16 != 0 };
                pair.take(target, if operation & 32 == 0 { Happens::Left(who) } else { back });
            }
            _ => {
                let by = if operation & 16 == 0 { target } else { other };
                pair.take(by, Happens::Compare(name_of(1 - by)));
            }
        }
    }
    pair.came
}

impl Pair {
    fn new(target: usize, signed_only: bool) -> Option<Self> {
        let engine = |at: usize, seed: u8| {
            let settings = Settings { signed_only, ..Settings::new(name_of(at)) };
            Jitsi::new(settings, &[seed; 32], Millis(0)).ok()
        };
        let mut pair = Self {
            engines: [engine(0, 1)?, engine(1, 2)?],
            on_the_way: [VecDeque::new(), VecDeque::new()],
            genuine: BTreeSet::new(),
            target,
            now: Millis(0),
            published: Vec::new(),
            came: Came::default(),
        };
        // Both are there before either hears of the other's keys.
        for at in 0..2 {
            pair.pass(at, Happens::Joined { who: name_of(1 - at), e2ee: true, earlier: at == 1 });
        }
        for at in 0..2 {
            pair.take(at, Happens::Enable(true));
        }
        Some(pair)
    }

    /// The next message to this one, after something was done to it.
    fn deliver(&mut self, to: usize, change: impl FnOnce(&mut String)) {
        let Some(mut json) = self.on_the_way.get_mut(to).and_then(VecDeque::pop_front) else { return };
        change(&mut json);
        self.hand(to, &json);
    }

    fn hand(&mut self, to: usize, json: &str) {
        let keys = self.came.keys;
        self.take(to, Happens::Message { from: name_of(1 - to), json });
        if self.came.keys > keys {
            let made = ciphertext(json).is_some_and(|body| self.genuine.contains(&body));
            assert!(made, "a key out of what nobody made: {json}");
            assert_eq!(self.came.keys, keys + 1, "two keys out of one message");
        }
    }

    /// Hands something in, and tells the other what was published.
    fn take(&mut self, at: usize, input: Happens<'_>) {
        self.pass(at, input);
        while let Some((by, name, value)) = self.published.pop() {
            self.pass(1 - by, Happens::Property { who: name_of(by), name, value: &value });
        }
    }

    /// Hands something in, and does what comes out.
    fn pass(&mut self, at: usize, input: Happens<'_>) {
        let message = matches!(input, Happens::Message { .. });
        let target = at == self.target;
        let Some(engine) = self.engines.get_mut(at) else { return };
        let taken = engine.handle(input, self.now);
        assert!(taken.is_ok() || !message, "what others say is no mistake of ours: {taken:?}");
        while let Some(output) = engine.poll() {
            assert!(!matches!(output, Output::Event(Event::Verified { .. })), "compared by nobody");
            match output {
                Output::Send { to, json } => {
                    assert_eq!(to, name_of(1 - at));
                    assert!(json.len() <= MAX_MESSAGE_LEN && serde_json::from_str::<Value>(&json).is_ok());
                    if !target {
                        self.genuine.extend(ciphertext(&json));
                    }
                    if let Some(queue) = self.on_the_way.get_mut(1 - at) {
                        queue.push_back(json);
                    }
                }
                Output::Publish { name, value } => self.published.push((at, name, value)),
                Output::Seal { key, .. } => assert_eq!(key.expose().len(), KEY_LEN),
                Output::Open { who, key, .. } => {
                    assert_eq!(who, name_of(1 - at), "a key of somebody else");
                    assert_eq!(key.expose().len(), KEY_LEN);
                    assert!(message, "a key out of nothing");
                    self.came.keys += usize::from(target);
                }
                Output::Event(Event::Refused(..)) => self.came.refused += usize::from(target),
                Output::Event(Event::Compare { .. }) => self.came.codes += usize::from(target),
                _ => {}
            }
        }
    }
}

fn name_of(at: usize) -> &'static str {
    NAMES.get(at).copied().unwrap_or("ada")
}

/// The ciphertext in a message, as it counts: without the filling of its base64.
fn ciphertext(json: &str) -> Option<String> {
    let message: Value = serde_json::from_str(json).ok()?;
    let body = message.get("olm")?.get("data")?.get("ciphertext")?.get("body")?.as_str()?;
    Some(body.trim_end_matches('=').to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn seed(name: &str) -> Vec<u8> {
        super::super::seeds("jitsi_exchange").into_iter().find(|(known, _)| known == name).unwrap().1
    }

    /// So that the engine starts from an exchange that works, and not from what is refused at once.
    #[test]
    fn the_seeds_come_to_keys_codes_and_refusals() {
        for name in ["as_lower", "as_higher", "signed"] {
            let Came { keys, refused, .. } = run(&seed(name));
            assert!(keys >= 1 && refused == 0, "{name}: {keys} keys, {refused} refused");
        }
        assert_eq!(run(&seed("compared")).codes, 1);
        assert!(run(&seed("repeated")).keys >= 1);
        for name in ["ciphertext_changed", "made_up", "unsigned", "no_json"] {
            assert!(run(&seed(name)).refused >= 1, "{name}");
        }
    }
}
