//! Who is in the room, when keys change, and comparing.
use e2ee_core::Millis;
use e2ee_core::id::MAX_NAME_LEN;
use vodozemac::Ed25519PublicKey;

use super::engine::{Jitsi, Mode};
use super::error::JitsiError;
use super::message::{self, Message};
use super::own::Own;
use super::peer::{Peer, is_lower};
use super::sas::{Keys, Run};
use super::types::{Event, Output};
use super::{MAX_PEERS, MAX_SIGNERS, REQUEST_MS, SENDS, START_MS};

impl Jitsi {
    pub(super) fn joined(&mut self, who: &str, e2ee: bool, earlier: bool) -> Result<(), JitsiError> {
        if !(1..=MAX_NAME_LEN).contains(&who.len()) || who == self.settings.me {
            return Err(JitsiError::BadSettings);
        }
        if let Some(peer) = self.peers.get_mut(who) {
            peer.e2ee |= e2ee;
        } else if self.peers.len() >= MAX_PEERS {
            self.refuse(who, JitsiError::Full);
            return Ok(());
        } else {
            let signs = self.signers.iter().find(|(signer, _)| signer == who).map(|(_, form)| *form);
            let newcomer = !earlier && self.mode != Mode::Off;
            self.peers.insert(who.to_owned(), Peer { e2ee, signs, newcomer, ..Peer::default() });
            if newcomer {
                self.ratchet_at = Some(self.now.plus(self.settings.ratchet_ms));
            }
        }
        if let Mode::Starting(_) = self.mode {
            self.offer_if_lower(who);
        }
        Ok(())
    }

    pub(super) fn left(&mut self, who: &str) {
        let Some(peer) = self.peers.remove(who) else { return };
        if let Some(form) = peer.signs
            && !self.signers.iter().any(|(signer, _)| signer == who)
        {
            if self.signers.len() >= MAX_SIGNERS {
                self.signers.pop_front();
            }
            self.signers.push_back((who.to_owned(), form));
        }
        self.out.push_back(Output::Forget(who.to_owned()));
        if self.mode == Mode::On {
            let at = self.now.plus(self.settings.rotate_ms);
            // Whoever leaves later does not put it off.
            self.rotate_at = Some(self.rotate_at.map_or(at, |set| set.min(at)));
        }
    }

    pub(super) fn property(&mut self, who: &str, name: &str, value: &str) {
        let Some(peer) = self.peers.get_mut(who) else { return };
        match name {
            "e2ee.idKey.ed25519" => {
                let Ok(key) = Ed25519PublicKey::from_base64(value) else { return };
                let other = |known: &Ed25519PublicKey| *known != key;
                // A session stays with the key that signed for it.
                if peer.channel.as_ref().and_then(|channel| channel.signed_by.as_ref()).is_some_and(other) {
                    self.refuse(who, JitsiError::KeyChanged);
                } else {
                    peer.ed25519 = Some(key);
                }
            }
            "e2ee.idKey.curve25519" => {
                let Ok(key) = message::key(value) else { return };
                if peer.channel.as_ref().is_some_and(|channel| channel.identity != key) {
                    self.refuse(who, JitsiError::KeyChanged);
                } else {
                    peer.curve25519 = Some(key);
                }
            }
            "e2ee.enabled" => {
                let on = value == "true";
                let was = std::mem::replace(&mut peer.enabled, on);
                if !on {
                    // It has dropped its sessions, whatever is on here.
                    if was || peer.channel.is_some() {
                        let had = peer.take_none();
                        peer.clear();
                        self.out.push_back(Output::Forget(who.to_owned()));
                        if had {
                            self.out.push_back(Output::Event(Event::SwitchedOff(who.to_owned())));
                        }
                    }
                } else if self.mode != Mode::Off {
                    if peer.channel.is_none() {
                        self.offer_if_lower(who);
                    } else if is_lower(&self.settings.me, who) {
                        self.ask(who, 0);
                    }
                }
            }
            _ => {}
        }
    }

    fn offer_if_lower(&mut self, who: &str) {
        let wanted = self
            .peers
            .get(who)
            .is_some_and(|peer| peer.e2ee && peer.channel.is_none() && peer.offer.is_none());
        if wanted && is_lower(&self.settings.me, who) {
            self.offer(who, 0);
        }
    }

    pub(super) fn enable(&mut self, on: bool) {
        if on == (self.mode != Mode::Off) {
            return;
        }
        let all: Vec<String> = self.peers.keys().cloned().collect();
        if on {
            self.mode = Mode::Starting(self.now.plus(START_MS));
            self.out.push_back(Output::Publish { name: "e2ee.enabled", value: "true".to_owned() });
            for who in &all {
                self.offer_if_lower(who);
            }
            return;
        }
        self.mode = Mode::Off;
        let told = self.own.take().is_some();
        (self.due, self.rotate_at, self.ratchet_at) = (false, None, None);
        self.out.push_back(Output::Stop);
        for who in &all {
            if told && let Some(ciphertext) = self.sealed_as(who, Some((self.next_index, None))) {
                let uuid = self.uuid();
                let data = serde_json::json!({ "uuid": uuid, "ciphertext": ciphertext });
                self.send(who, "key-info", &data);
            }
            if let Some(peer) = self.peers.get_mut(who) {
                peer.clear();
                peer.newcomer = false;
            }
            self.out.push_back(Output::Forget(who.clone()));
        }
        self.next_index = self.next_index.wrapping_add(u32::from(told));
        self.out.push_back(Output::Publish { name: "e2ee.enabled", value: "false".to_owned() });
    }

    /// Before a newcomer is given the key: what was sealed so far stays closed to it.
    pub(super) fn ratchet(&mut self) {
        self.ratchet_at = None;
        self.peers.values_mut().for_each(|peer| peer.newcomer = false);
        // A key that waits has sealed nothing, so anybody may have it.
        let Some(own) = self.own.as_mut().filter(|own| own.use_at.is_none()) else { return };
        if own.ratchet() {
            self.out.push_back(Output::Seal { index: own.index, key: Self::copy(own) });
        } else {
            self.rotate();
        }
    }

    /// A fresh key for all.
    pub(super) fn rotate(&mut self) {
        self.rotate_at = None;
        self.own = Some(Own::draw(self.next_index, &mut self.rng, self.now.plus(REQUEST_MS)));
        self.next_index = self.next_index.wrapping_add(1);
        self.due = true;
        self.peers.values_mut().for_each(|peer| {
            peer.newcomer = false;
            peer.asked = None;
        });
    }

    /// What the time, or the last input, makes due.
    pub(super) fn settle(&mut self) {
        let now = self.now;
        if let Mode::Starting(until) = self.mode {
            let me = &self.settings.me;
            let awaited = |(who, peer): (&String, &Peer)| {
                let comes = peer.enabled && is_lower(who, me);
                peer.e2ee && peer.channel.is_none() && (peer.offer.is_some() || comes)
            };
            if now >= until || !self.peers.iter().any(awaited) {
                self.mode = Mode::On;
                self.rotate();
            }
        }
        if self.rotate_at.is_some_and(|at| at <= now) {
            self.rotate();
        }
        if self.ratchet_at.is_some_and(|at| at <= now) {
            self.ratchet();
        }
        self.requests(now);
        // Asking may draw another key once more, for a newcomer.
        while std::mem::take(&mut self.due) {
            for who in self.peers.keys().cloned().collect::<Vec<_>>() {
                self.ask(&who, 0);
            }
        }
        self.use_key(now);
        self.wake();
    }

    fn requests(&mut self, now: Millis) {
        let mut late = Vec::new();
        for (who, peer) in &mut self.peers {
            if let Some(offer) = peer.offer.take_if(|offer| offer.request.until <= now) {
                late.push((who.clone(), true, offer.request.sent));
            }
            if let Some(asked) = peer.asked.take_if(|asked| asked.until <= now) {
                late.push((who.clone(), false, asked.sent));
            }
        }
        for (who, offered, sent) in late {
            match (offered, sent < SENDS) {
                (true, true) => self.offer(&who, sent),
                (true, false) => self.out.push_back(Output::Event(Event::NoSession(who))),
                (false, true) => self.ask(&who, sent),
                (false, false) => self.out.push_back(Output::Event(Event::CannotHear(who))),
            }
        }
    }

    fn use_key(&mut self, now: Millis) {
        let all_have_it = self.peers.values().all(|peer| peer.asked.is_none());
        if let Some(own) = &mut self.own
            && own.use_at.is_some_and(|at| at <= now || all_have_it)
        {
            own.use_at = None;
            self.out.push_back(Output::Seal { index: own.index, key: Self::copy(own) });
        }
    }

    fn wake(&mut self) {
        let of_peers = self.peers.values().flat_map(|peer| {
            let offer = peer.offer.as_ref().map(|offer| offer.request.until);
            [offer, peer.asked.as_ref().map(|asked| asked.until)].into_iter().flatten()
        });
        let start = match self.mode {
            Mode::Starting(until) => Some(until),
            _ => None,
        };
        let use_at = self.own.as_ref().and_then(|own| own.use_at);
        let own = [start, use_at, self.rotate_at, self.ratchet_at].into_iter().flatten();
        if let Some(next) = of_peers.chain(own).min()
            && self.woken != Some(next)
        {
            self.woken = Some(next);
            self.out.push_back(Output::WakeAt(next));
        }
    }

    /// The own keys and a participant's, and whether its session is signed. `None`: there is no session, or no key.
    fn keys(&self, who: &str) -> Option<(Keys, Keys, bool)> {
        let peer = self.peers.get(who)?;
        let channel = peer.channel.as_ref()?;
        let own = Keys {
            id: self.settings.me.clone(),
            ed25519: self.account.ed25519_key().to_base64(),
            curve25519: self.account.curve25519_key().to_base64(),
        };
        let ed25519 = channel.signed_by.or(peer.ed25519)?.to_base64();
        let their = Keys { id: who.to_owned(), ed25519, curve25519: channel.identity.to_base64() };
        Some((own, their, channel.signed_by.is_some()))
    }

    pub(super) fn compare(&mut self, who: &str) -> Result<(), JitsiError> {
        self.keys(who).ok_or(JitsiError::NothingToCompare)?;
        let uuid = self.uuid();
        let peer = self.peers.get_mut(who).ok_or(JitsiError::NothingToCompare)?;
        if peer.run.is_some() {
            return Err(JitsiError::NothingToCompare);
        }
        let (run, (kind, data)) = Run::start(uuid);
        peer.run = Some(run);
        self.send(who, kind, &data);
        Ok(())
    }

    pub(super) fn same(&mut self, who: &str, same: bool) -> Result<(), JitsiError> {
        let (own, their, signed) = self.keys(who).ok_or(JitsiError::NothingToCompare)?;
        let peer = self.peers.get_mut(who).ok_or(JitsiError::NothingToCompare)?;
        let run = peer.run.as_mut().ok_or(JitsiError::NothingToCompare)?;
        if !same {
            peer.run = None;
            self.out.push_back(Output::Event(Event::NotVerified(who.to_owned(), None)));
            return Ok(());
        }
        // Who does not sign takes every MAC for one of its Ed25519 key.
        let (kind, data) = run.confirm(&own, &their, signed)?;
        self.send(who, kind, &data);
        self.verified(who);
        Ok(())
    }

    pub(super) fn on_sas(&mut self, from: &str, message: Message<'_>) -> Result<(), JitsiError> {
        let (own, their, signed) = self.keys(from).ok_or(JitsiError::NoSession)?;
        let theirs_stays = is_lower(from, &self.settings.me);
        let peer = self.peers.get_mut(from).ok_or(JitsiError::NotAParticipant)?;
        if let Message::SasStart { transaction, text } = message {
            // Both started at once: the run of the lower id stays.
            if peer.run.as_ref().is_some_and(|run| !(run.is_waiting() && theirs_stays)) {
                return Err(JitsiError::OtherRun);
            }
            let (run, (kind, data)) = Run::accept(transaction, text);
            peer.run = Some(run);
            self.send(from, kind, &data);
            return Ok(());
        }
        let run = peer.run.as_mut().ok_or(JitsiError::OtherRun)?;
        let done = match message {
            Message::SasAccept { transaction, commitment } => {
                run.on_accept(&transaction, commitment).map(|reply| (Some(reply), None))
            }
            Message::SasKey { transaction, key } => {
                run.on_key(&transaction, &key, &own, &their).map(|(code, reply)| (reply, Some(code)))
            }
            Message::SasMac { transaction, mac, keys } => {
                run.on_mac(&transaction, &mac, &keys, &own, &their, signed).map(|()| (None, None))
            }
            _ => Ok((None, None)),
        };
        match done {
            Ok((reply, code)) => {
                if let Some((kind, data)) = reply {
                    self.send(from, kind, &data);
                }
                if let Some(code) = code {
                    let (who, emoji, decimals) = (from.to_owned(), code.emoji, code.decimals);
                    self.out.push_back(Output::Event(Event::Compare { who, emoji, decimals }));
                }
                self.verified(from);
                Ok(())
            }
            Err(JitsiError::OtherRun) => Err(JitsiError::OtherRun),
            Err(why) => {
                peer.run = None;
                self.out.push_back(Output::Event(Event::NotVerified(from.to_owned(), Some(why))));
                Err(why)
            }
        }
    }

    fn verified(&mut self, who: &str) {
        let Some(peer) = self.peers.get_mut(who) else { return };
        if let Some(session) = peer.run.as_ref().and_then(Run::verified) {
            peer.run = None;
            self.out.push_back(Output::Event(Event::Verified { who: who.to_owned(), session }));
        }
    }
}
