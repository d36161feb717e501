//! How fast one connection may ask: a bucket of messages and one of bytes.

use std::time::Duration;

use tokio::time::Instant;

/// Messages in a second, and at once after a pause.
const MESSAGES: f64 = 50.0;
const MESSAGES_AT_ONCE: f64 = 200.0;
/// Bytes in a second, and at once after a pause: two of the largest entries, or a long log of small ones.
const BYTES: f64 = 2.0 * 1024.0 * 1024.0;
const BYTES_AT_ONCE: f64 = 8.0 * 1024.0 * 1024.0;

/// What a connection has left.
#[derive(Debug)]
pub(super) struct Rate {
    messages: f64,
    bytes: f64,
    at: Instant,
}

impl Rate {
    pub(super) fn new(now: Instant) -> Self {
        Self { messages: MESSAGES_AT_ONCE, bytes: BYTES_AT_ONCE, at: now }
    }

    /// Counts a message that came, or was sent because the client asked for it.
    pub(super) fn spend(&mut self, messages: usize, bytes: usize, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        // Both are far below where floats lose whole numbers.
        self.messages = (self.messages + passed * MESSAGES).min(MESSAGES_AT_ONCE) - messages as f64;
        self.bytes = (self.bytes + passed * BYTES).min(BYTES_AT_ONCE) - bytes as f64;
    }

    /// How long to wait before the next, as of the last spending.
    pub(super) fn wait(&self) -> Option<Duration> {
        let seconds = (-self.messages / MESSAGES).max(-self.bytes / BYTES);
        (seconds > 0.0).then(|| Duration::from_secs_f64(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_pass_and_floods_wait() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        for _ in 0..200 {
            rate.spend(1, 100, start);
            assert_eq!(rate.wait(), None);
        }
        rate.spend(1, 100, start);
        assert_eq!(rate.wait(), Some(Duration::from_millis(20)));
        rate.spend(0, 0, start + Duration::from_secs(1));
        assert_eq!(rate.wait(), None);
        let later = start + Duration::from_secs(60);
        rate.spend(1, 10 * 1024 * 1024, later);
        assert_eq!(rate.wait(), Some(Duration::from_secs(1)));
    }
}
