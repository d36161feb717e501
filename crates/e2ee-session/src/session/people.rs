//! Who comes, who is there, who goes.
use std::collections::BTreeSet;

use e2ee_core::Millis;

use crate::mls::Identity;

use super::message::{self, Message};
use super::types::{Event, Output, Why};
use super::{ABSENT_MS, Asked, BATCH_MS, KNOCK_AGAIN_MS, Session, Stage};

/// How many questions about letting somebody in may be open.
const MAX_KNOCKS: usize = 64;

/// How many that wait too are remembered.
const MAX_WAITING: usize = 1024;

impl Session {
    /// Nobody of these can let anybody in: the transport says that they are gone, or they wait themselves.
    pub(super) fn nobody_there(&mut self, who: &[Identity], me: &Identity) -> bool {
        let now = self.now;
        self.waiting.retain(|_, (_, since)| since.0 + 2 * KNOCK_AGAIN_MS >= now.0);
        let there = |who: &&Identity| {
            who.participant != me.participant
                && self.waiting.get(&who.participant).is_none_or(|(key, _)| *key == who.key)
                && self.present.as_ref().is_none_or(|present| present.contains(&who.participant))
        };
        !who.iter().any(|who| there(&who))
    }

    pub(super) fn knock(&mut self, package: &[u8]) {
        if let Stage::Knocking { joiner, .. } = &self.stage {
            // Who waits too lets nobody in.
            if let (Ok(who), true) = (joiner.read_key_package(package), self.waiting.len() < MAX_WAITING) {
                self.waiting.insert(who.participant, (who.key, self.now));
            }
            return;
        }
        let Stage::Member(group) = &self.stage else { return };
        let who = match group.read_key_package(package) {
            Ok(who) => who,
            Err(error) => return self.drop_bytes(error),
        };
        // As it knocked itself, before it was let in.
        if who == *group.identity() {
            return;
        }
        if group.members().is_ok_and(|members| members.iter().any(|member| member.identity == who)) {
            return self.refresh();
        }
        let wanted = self.wants.add.iter().any(|(wanted, _)| *wanted == who);
        let many = self.asked.len().max(self.wants.add.len()) >= MAX_KNOCKS;
        if wanted || self.wants.remove.contains(&who) || many {
            return;
        }
        let again =
            |(asked, of): &(Asked, Vec<Identity>)| matches!(asked, Asked::Add { .. }) && of.contains(&who);
        if self.asked.values().any(again) {
            return;
        }
        // Who was let in once and asks again, because the answer was lost, is not asked for again.
        if let Err(error) = self.ask(Why::Knocks, Asked::Add { package: package.to_vec() }, vec![who]) {
            let super::SessionError::Mls(error) = error else { return };
            self.drop_bytes(error);
        }
    }

    /// A member lost its state, or somebody repeats how it once knocked: a commit, now and then, harms nobody, and lets
    /// the member come in again by one of its own.
    fn refresh(&mut self) {
        if self.refreshed.is_none_or(|last| last.0 + KNOCK_AGAIN_MS <= self.now.0) {
            self.refreshed = Some(self.now);
            self.wants.refresh = true;
            self.schedule(BATCH_MS);
        }
    }

    pub(super) fn message(&mut self, bytes: &[u8]) {
        let Stage::Member(group) = &self.stage else { return };
        match message::read(group, bytes) {
            Ok(Message::Bye(who)) => self.unwanted(&who, false),
            Ok(Message::Compare(who, epoch, words)) => self.compared(&who, epoch, words),
            Ok(Message::Seen(who, sight)) => {
                if self.heard.get(&who.key).is_none_or(|(_, heard)| heard.position < sight.position) {
                    self.heard.insert(who.key.clone(), (who, sight));
                    self.compare_sights(sight.position);
                    self.seal_when_all_have_read();
                }
            }
            Err(error) => self.drop_bytes(error),
        }
    }

    pub(super) fn gone(&mut self, participant: &str) {
        let Stage::Member(group) = &self.stage else { return };
        let own = group.identity();
        let named = |who: &Identity| who.participant == participant && who != own;
        let mut gone: Vec<Identity> =
            group.members().unwrap_or_default().into_iter().map(|m| m.identity).collect();
        gone.extend(self.wants.add.iter().map(|(who, _)| who.clone()));
        gone.extend(
            self.asked
                .values()
                .filter(|(asked, _)| matches!(asked, Asked::Add { .. }))
                .flat_map(|(_, who)| who.clone()),
        );
        gone.retain(named);
        for who in gone {
            self.unwanted(&who, false);
        }
        if let Some(present) = &mut self.present {
            present.remove(participant);
        }
        self.tell_outside();
    }

    pub(super) fn participants(&mut self, present: &[&str]) {
        self.present = Some(present.iter().map(|who| (*who).to_owned()).collect());
        self.tell_outside();
    }

    /// Who is on the transport and not in the group.
    pub(super) fn tell_outside(&mut self) {
        let (Stage::Member(group), Some(present)) = (&self.stage, &self.present) else { return };
        let Ok(members) = group.members() else { return };
        let inside: BTreeSet<&str> =
            members.iter().map(|member| member.identity.participant.as_str()).collect();
        let outside: Vec<String> =
            present.iter().filter(|who| !inside.contains(who.as_str())).cloned().collect();
        let gone = members.iter().filter(|member| {
            member.index != group.index() && !present.contains(&member.identity.participant)
        });
        let gone: BTreeSet<Vec<u8>> = gone.map(|member| member.identity.key.clone()).collect();
        self.absent.retain(|key, _| gone.contains(key));
        for key in gone {
            if self.absent.get(&key).is_none() {
                self.absent.insert(key, Millis(self.now.0 + ABSENT_MS));
            }
        }
        if outside != self.outside {
            self.outside.clone_from(&outside);
            self.out.push_back(Output::Outside(outside));
        }
    }

    /// Who is in the group and has been away from the transport for too long.
    pub(super) fn remove_absent(&mut self) {
        let now = self.now;
        let due = self.absent.iter().filter(|(_, at)| *at <= now);
        let due: Vec<_> = due.map(|(key, _)| key.clone()).collect();
        self.absent.retain(|_, at| *at > now);
        let Stage::Member(group) = &self.stage else { return };
        let members = group.members().unwrap_or_default();
        for member in members.into_iter().filter(|member| due.contains(&member.identity.key)) {
            self.unwanted(&member.identity, false);
        }
    }

    pub(super) fn leave(&mut self) {
        if let Stage::Member(group) = &self.stage {
            self.out.extend(message::bye(group).map(Output::Send));
        }
        if !matches!(self.stage, Stage::Over(_)) {
            self.end(Event::Left, None);
        }
    }
}
