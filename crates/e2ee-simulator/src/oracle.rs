//! What is checked after each step, and at the end.
use std::collections::{BTreeMap, BTreeSet};

use e2ee_session::session::SEAL_AFTER_MS;

use crate::media::{Frame, text};
use crate::world::World;
use crate::{Sabotage, Violation};

type Keys = BTreeSet<Vec<u8>>;

/// What is known so far.
#[derive(Default)]
pub(crate) struct Oracle {
    /// Secrets, KIDs and counters that sealed.
    nonces: BTreeSet<(Vec<u8>, u64, u64)>,
    /// Who opened which frame.
    opened: BTreeSet<(usize, usize)>,
    /// Keys of those who had a secret, and whom each was shown.
    rosters: BTreeMap<Vec<u8>, (Keys, Keys)>,
}

impl World {
    /// Two who know one secret are shown the same people, and each other.
    pub(crate) fn check_secret(&mut self, by: usize) -> Result<(), Violation> {
        let Some(person) = self.people.get(by) else { return Ok(()) };
        let Some(seen) = person.media.seen.last() else { return Ok(()) };
        let entry = self.oracle.rosters.entry(seen.secret.clone());
        let (holders, roster) = entry.or_insert_with(|| (Keys::new(), seen.roster.clone()));
        holders.insert(person.key.clone());
        if *roster != seen.roster {
            return Err(self.broken(format!("{by} is shown other people than who has the same secret")));
        }
        if let Some(hidden) = holders.iter().find(|holder| !roster.contains(*holder)) {
            let hidden = hidden.clone();
            return Err(self.broken(format!("{hidden:02x?} has a secret and is shown to nobody")));
        }
        Ok(())
    }

    pub(crate) fn check_sealed(&mut self, frame: &Frame) -> Result<(), Violation> {
        let by = frame.by;
        let Some(person) = self.people.get(by) else { return Ok(()) };
        let Some(newest) = person.media.seen.last() else { return Ok(()) };
        let moment = self.now.saturating_sub(person.opened_at) <= SEAL_AFTER_MS;
        let (old, refused) = (newest.epoch != frame.epoch && !moment, newest.refused);
        if !self.oracle.nonces.insert(frame.nonce.clone()) {
            return Err(self.broken(format!("{by} seals with the same key and counter twice")));
        }
        if refused {
            return Err(self.broken(format!("{by} seals while somebody is in whom it refused")));
        }
        if old {
            return Err(self.broken(format!("{by} seals with epoch {} long after a newer one", frame.epoch)));
        }
        Ok(())
    }

    /// A frame arrives under a name.
    pub(crate) fn receive(
        &mut self,
        to: usize,
        number: Option<usize>,
        label: &str,
        wire: &[u8],
    ) -> Result<(), Violation> {
        let frame = number.and_then(|number| self.frames.get(number)).cloned();
        let sealed_by = frame.as_ref().map_or(label, |frame| frame.participant.as_str());
        let tried = if self.sabotage == Some(Sabotage::TrustLabels) { sealed_by } else { label };
        let Some(person) = self.people.get_mut(to) else { return Ok(()) };
        let key = person.key.clone();
        let Some(shown) = person.media.open(tried, wire) else {
            self.summary.refused += 1;
            return Ok(());
        };
        self.summary.opened += 1;
        let Some(frame) = frame else {
            return Err(self.broken(format!("{to} opens what nobody sealed")));
        };
        if shown != text(frame.number) || frame.participant != label {
            return Err(self.broken(format!("{to} sees frame {} as something else of {label}", frame.number)));
        }
        if !frame.roster.contains(&key) {
            return Err(
                self.broken(format!("{to} opens frame {} and was not shown to {}", frame.number, frame.by))
            );
        }
        if !self.oracle.opened.insert((to, frame.number)) {
            return Err(self.broken(format!("{to} opens frame {} twice", frame.number)));
        }
        Ok(())
    }

    /// Everybody who was ever there tries everything with all it ever knew.
    pub(crate) fn spy(&mut self) -> Result<(), Violation> {
        for (who, person) in self.people.iter().enumerate() {
            for frame in self.frames.iter().filter(|frame| frame.by != who) {
                let shown = person.media.seen.iter().any(|seen| seen.secret == frame.secret);
                if person.media.spy(frame) != shown {
                    let what = format!("{who} and frame {}: secret known {shown}", frame.number);
                    return Err(self.broken(what));
                }
                self.summary.spied += u64::from(!shown);
            }
        }
        Ok(())
    }

    /// All who are there are in one group, seal with its keys, and nobody else is in it.
    pub(crate) fn check_peace(&self) -> Result<(), Violation> {
        let here: Vec<_> = self.honest().collect();
        let mut epochs = BTreeSet::new();
        for who in here.iter().copied() {
            let Some(person) = self.people.get(who) else { continue };
            let Some(group) = person.session.group() else {
                return Err(self.broken(format!("{who} is no member in the end: {:?}", person.over)));
            };
            let members = self.members(who);
            if members.len() != here.len() {
                let names: Vec<_> = members.iter().map(|who| &who.participant).collect();
                return Err(self.broken(format!("{who} sees {names:?}, and {} are there", here.len())));
            }
            epochs.insert((group.epoch().0, group.authenticator().to_vec()));
            if person.media.sealing != Some(group.epoch().0) {
                return Err(self.broken(format!("{who} seals with {:?} in the end", person.media.sealing)));
            }
        }
        if epochs.len() > 1 {
            return Err(self.broken("there are several groups in the end"));
        }
        Ok(())
    }
}
