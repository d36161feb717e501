//! The state machine: messages and requests. Who is in the room is in `room.rs`.
use std::collections::{BTreeMap, VecDeque};

use chacha20::ChaCha20Rng;
use e2ee_core::id::MAX_NAME_LEN;
use e2ee_core::{Millis, SecretBytes};
use hpke::rand_core::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use vodozemac::olm::{Account, OlmMessage, SessionConfig};
use vodozemac::{Curve25519PublicKey, Ed25519PublicKey};
use zeroize::Zeroizing;

use super::error::JitsiError;
use super::message::{self, Message, SignedForm, Told};
use super::own::Own;
use super::peer::{Channel, Offer, Peer, Request, is_lower};
use super::types::{Event, Input, Output, Settings};
use super::{CHANGE_MS, MAX_WAITING, REQUEST_MS, SEED_LEN};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Off,
    /// Sessions are awaited, until then.
    Starting(Millis),
    On,
}

/// One participant in one conference. See the module's comment.
pub struct Jitsi {
    pub(super) settings: Settings,
    pub(super) rng: ChaCha20Rng,
    pub(super) account: Account,
    pub(super) mode: Mode,
    pub(super) own: Option<Own>,
    pub(super) next_index: u32,
    /// The newest own key has to be sent to everybody.
    pub(super) due: bool,
    pub(super) rotate_at: Option<Millis>,
    pub(super) ratchet_at: Option<Millis>,
    pub(super) peers: BTreeMap<String, Peer>,
    /// Who left and had signed.
    pub(super) signers: VecDeque<(String, SignedForm)>,
    pub(super) woken: Option<Millis>,
    pub(super) now: Millis,
    pub(super) out: VecDeque<Output>,
}

impl Jitsi {
    /// A participant that has joined, with encryption off. Keys come from `seed`, which is used once. Its first outputs
    /// publish its identity keys.
    ///
    /// # Errors
    /// [`JitsiError::BadSettings`].
    pub fn new(settings: Settings, seed: &[u8; SEED_LEN], now: Millis) -> Result<Self, JitsiError> {
        let fits = (1..=MAX_NAME_LEN).contains(&settings.me.len())
            && settings.ratchet_ms <= CHANGE_MS
            && settings.rotate_ms <= CHANGE_MS;
        if !fits {
            return Err(JitsiError::BadSettings);
        }
        let account = Account::new();
        let publish = |name, value| Output::Publish { name, value };
        let out = VecDeque::from([
            publish("e2ee.idKey.curve25519", account.curve25519_key().to_base64()),
            publish("e2ee.idKey.ed25519", account.ed25519_key().to_base64()),
        ]);
        Ok(Self {
            settings,
            rng: ChaCha20Rng::from_seed(*seed),
            account,
            mode: Mode::Off,
            own: None,
            next_index: 0,
            due: false,
            rotate_at: None,
            ratchet_at: None,
            peers: BTreeMap::new(),
            signers: VecDeque::new(),
            woken: None,
            now,
            out,
        })
    }

    /// The next thing to be done; `None`: all is done.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Takes what happened. A time before that of an earlier input counts as that.
    ///
    /// # Errors
    /// [`JitsiError`] for a mistake of the caller; nothing changed. What others did wrong is an event.
    pub fn handle(&mut self, input: Input<'_>, now: Millis) -> Result<(), JitsiError> {
        if self.out.len() > MAX_WAITING {
            return Err(JitsiError::NotPolled);
        }
        self.now = self.now.max(now);
        match input {
            Input::Joined { who, e2ee, earlier } => self.joined(who, e2ee, earlier)?,
            Input::Left(who) => self.left(who),
            Input::Property { who, name, value } => self.property(who, name, value),
            Input::Message { from, json } => {
                if let Err(why) = self.message(from, json) {
                    self.refuse(from, why);
                }
            }
            Input::Enable(on) => self.enable(on),
            Input::Compare(who) => self.compare(who)?,
            Input::Same(who, same) => self.same(who, same)?,
            Input::Wake => self.woken = None,
        }
        self.settle();
        Ok(())
    }

    fn message(&mut self, from: &str, json: &str) -> Result<(), JitsiError> {
        let message = message::read(json)?;
        if matches!(message, Message::Other) {
            return Ok(());
        }
        let peer = self.peers.get_mut(from).ok_or(JitsiError::NotAParticipant)?;
        match message {
            Message::SessionInit { identity, one_time, uuid, signature } => {
                self.on_init(from, identity, one_time, &uuid, signature.as_deref())
            }
            Message::SessionAck { uuid, message, identity, signature } => {
                self.on_ack(from, &uuid, &message, identity, signature.as_deref())
            }
            Message::KeyInfo { uuid, message } => {
                let channel = peer.channel.as_mut().ok_or(JitsiError::NoSession)?;
                let told = message::read_key(&channel.open(&message)?)?;
                if !matches!(told, Told::Nothing) {
                    self.told(from, told);
                    self.answer(from, "key-info-ack", &uuid);
                }
                Ok(())
            }
            Message::KeyInfoAck { uuid, message } => {
                // An answer that was under way when sessions were dropped is of no matter to anybody.
                let Some(channel) = peer.channel.as_mut() else { return Ok(()) };
                let told = message::read_key(&channel.open(&message)?)?;
                peer.asked.take_if(|asked| asked.uuid == uuid);
                self.told(from, told);
                Ok(())
            }
            Message::Error(text) => {
                self.out.push_back(Output::Event(Event::Complaint(from.to_owned(), text)));
                Ok(())
            }
            of_comparison => self.on_sas(from, of_comparison),
        }
    }

    /// Whether keys are signed as they must be, and by whom.
    fn check(
        &self,
        from: &str,
        identity: &Curve25519PublicKey,
        one_time: &[Option<&Curve25519PublicKey>],
        signature: Option<&str>,
    ) -> Result<Option<(Ed25519PublicKey, SignedForm)>, JitsiError> {
        let peer = self.peers.get(from).ok_or(JitsiError::NotAParticipant)?;
        if peer.curve25519.is_some_and(|published| published != *identity) {
            return Err(JitsiError::KeyChanged);
        }
        let Some(signature) = signature else {
            let must = self.settings.signed_only || peer.signs.is_some();
            return if must { Err(JitsiError::NotSigned) } else { Ok(None) };
        };
        let by = peer.ed25519.ok_or(JitsiError::NoKey)?;
        let form = message::verify(&by, signature, identity, one_time).ok_or(JitsiError::BadSignature)?;
        Ok(Some((by, form)))
    }

    fn on_init(
        &mut self,
        from: &str,
        identity: Curve25519PublicKey,
        one_time: Curve25519PublicKey,
        uuid: &str,
        signature: Option<&str>,
    ) -> Result<(), JitsiError> {
        // One in which nothing came is given up for another offer: the answer may not have arrived.
        let stays = |channel: &Channel| {
            channel.session.has_received_message() || channel.session.session_keys().one_time_key == one_time
        };
        if self.peers.get(from).and_then(|peer| peer.channel.as_ref()).is_some_and(stays) {
            return Err(JitsiError::SessionExists);
        }
        if !is_lower(from, &self.settings.me) {
            return Err(JitsiError::WrongOrder);
        }
        let signed = self.check(from, &identity, &[Some(&one_time)], signature)?;
        let config = SessionConfig::version_1();
        let session = self.account.create_outbound_session(config, identity, one_time);
        let session = session.map_err(|_| JitsiError::BadKeys)?;
        self.begin(
            from,
            Channel { session, identity, signed_by: signed.map(|(by, _)| by) },
            signed.map(|(_, form)| form),
        );
        let own = self.account.curve25519_key();
        let form = signed.map_or(self.settings.form, |(_, form)| form);
        let signature = self.account.sign(form.text(&own, None)).to_base64();
        if let Some(ciphertext) = self.sealed(from) {
            let data = json!({ "uuid": uuid, "ciphertext": ciphertext, "idKey": own.to_base64(), "signature": signature });
            self.send(from, "session-ack", &data);
        }
        Ok(())
    }

    fn on_ack(
        &mut self,
        from: &str,
        uuid: &str,
        message: &OlmMessage,
        identity: Option<Curve25519PublicKey>,
        signature: Option<&str>,
    ) -> Result<(), JitsiError> {
        let peer = self.peers.get(from).ok_or(JitsiError::NotAParticipant)?;
        if peer.channel.is_some() {
            return Err(JitsiError::SessionExists);
        }
        let offer =
            peer.offer.as_ref().filter(|offer| offer.request.uuid == uuid).ok_or(JitsiError::WrongUuid)?;
        let OlmMessage::PreKey(first) = message else { return Err(JitsiError::Unauthenticated) };
        let by = first.identity_key();
        if first.one_time_key() != offer.one_time || identity.is_some_and(|identity| identity != by) {
            return Err(JitsiError::Unauthenticated);
        }
        // Which keys go into the signature of an answer is not told; each of these binds the one that counts.
        let signed = self.check(from, &by, &[None, Some(&offer.one_time)], signature)?;
        let made = self.account.create_inbound_session(SessionConfig::version_1(), by, first);
        let made = made.map_err(|_| JitsiError::Unauthenticated)?;
        let told = message::read_key(&Zeroizing::new(made.plaintext))?;
        let channel = Channel { session: made.session, identity: by, signed_by: signed.map(|(by, _)| by) };
        self.begin(from, channel, signed.map(|(_, form)| form));
        self.told(from, told);
        self.ask(from, 0);
        Ok(())
    }

    fn begin(&mut self, with: &str, channel: Channel, form: Option<SignedForm>) {
        let Some(peer) = self.peers.get_mut(with) else { return };
        peer.clear();
        peer.signs = form.or(peer.signs);
        peer.channel = Some(channel);
        self.out.push_back(Output::Event(Event::Session { who: with.to_owned(), signed: form.is_some() }));
    }

    fn told(&mut self, by: &str, told: Told) {
        let Some(peer) = self.peers.get_mut(by) else { return };
        let who = by.to_owned();
        match told {
            Told::Nothing => {}
            Told::Off => {
                if peer.take_none() {
                    self.out.push_back(Output::Forget(who.clone()));
                    self.out.push_back(Output::Event(Event::SwitchedOff(who)));
                }
            }
            Told::Key(index, key) => {
                if peer.take(index, &key) {
                    self.out.push_back(Output::Open { who, index, key });
                }
            }
        }
    }

    /// The own key, encrypted for this participant. One who came after the key was used gets a later one.
    pub(super) fn sealed(&mut self, to: &str) -> Option<Value> {
        if self.peers.get(to)?.newcomer {
            self.ratchet();
        }
        let own = self.own.as_ref().map(|own| (own.index, Some(own.key.expose())));
        seal(self.peers.get_mut(to)?, own)
    }

    pub(super) fn sealed_as(&mut self, to: &str, own: Option<(u32, Option<&[u8]>)>) -> Option<Value> {
        seal(self.peers.get_mut(to)?, own)
    }

    fn answer(&mut self, to: &str, kind: &str, uuid: &str) {
        if let Some(ciphertext) = self.sealed(to) {
            self.send(to, kind, &json!({ "uuid": uuid, "ciphertext": ciphertext }));
        }
    }

    /// Sends the own key, if there is one and a session.
    pub(super) fn ask(&mut self, who: &str, sent: u8) {
        if self.own.is_none() {
            return;
        }
        let Some(ciphertext) = self.sealed(who) else { return };
        let uuid = self.uuid();
        self.send(who, "key-info", &json!({ "uuid": uuid, "ciphertext": ciphertext }));
        let until = self.now.plus(REQUEST_MS);
        if let Some(peer) = self.peers.get_mut(who) {
            peer.asked = Some(Request { uuid, until, sent: sent + 1 });
        }
    }

    /// Offers a session.
    pub(super) fn offer(&mut self, to: &str, sent: u8) {
        self.account.generate_one_time_keys(1);
        let one_time = self.account.one_time_keys().into_values().next();
        self.account.mark_keys_as_published();
        let Some(one_time) = one_time else { return };
        let identity = self.account.curve25519_key();
        let known = self.peers.get(to).and_then(|peer| peer.signs);
        let form = known.unwrap_or(self.settings.form);
        let signature = self.account.sign(form.text(&identity, Some(&one_time))).to_base64();
        let uuid = self.uuid();
        let data = json!({
            "idKey": identity.to_base64(), "otKey": one_time.to_base64(), "signature": signature, "uuid": uuid,
        });
        self.send(to, "session-init", &data);
        let request = Request { uuid, until: self.now.plus(REQUEST_MS), sent: sent + 1 };
        if let Some(peer) = self.peers.get_mut(to) {
            peer.offer = Some(Offer { request, one_time });
        }
    }

    pub(super) fn send(&mut self, to: &str, kind: &str, data: &Value) {
        self.out.push_back(Output::Send { to: to.to_owned(), json: message::envelope(kind, data) });
    }

    pub(super) fn refuse(&mut self, who: &str, why: JitsiError) {
        // Nobody is told of what cannot be read: two sides could tell each other that for ever.
        let silent = matches!(why, JitsiError::Malformed | JitsiError::TooLong | JitsiError::NotAParticipant);
        if !silent && self.peers.contains_key(who) {
            self.send(who, "error", &json!({ "error": why.told() }));
        }
        self.out.push_back(Output::Event(Event::Refused(who.chars().take(MAX_NAME_LEN).collect(), why)));
    }

    /// Version 4 of RFC 9562.
    pub(super) fn uuid(&mut self) -> String {
        let mut bytes = [0_u8; 16];
        self.rng.fill_bytes(&mut bytes);
        let bits = u128::from_be_bytes(bytes) & !(0xf << 76) & !(0b11 << 62) | 4 << 76 | 0b10 << 62;
        let hex = format!("{bits:032x}");
        let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default();
        [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
    }

    pub(super) fn copy(own: &Own) -> SecretBytes {
        SecretBytes::copy_of(own.key.expose())
    }
}

fn seal(peer: &mut Peer, own: Option<(u32, Option<&[u8]>)>) -> Option<Value> {
    let channel = peer.channel.as_mut()?;
    let sealed = channel.session.encrypt(message::key_info(own).as_bytes()).ok()?;
    Some(message::ciphertext(&sealed))
}
