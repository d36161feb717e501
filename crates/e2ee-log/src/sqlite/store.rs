//! The tables, and what is done with them.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, params};

use super::NAME;
use crate::error::LogError;
use crate::types::{Appended, Entry, MAX_MEMORY, Position, READ_BYTES, Retention, Room};

/// Marks a file as ours: "fsLG".
const APPLICATION: i32 = 0x6673_4c47;

/// Times are milliseconds of the Unix clock: they are compared across restarts.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS room (
        id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, used INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS entry (
        room INTEGER NOT NULL REFERENCES room ON DELETE CASCADE, position INTEGER NOT NULL, bytes BLOB NOT NULL,
        UNIQUE (room, position)
    );
    CREATE TABLE IF NOT EXISTS package (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        room INTEGER NOT NULL REFERENCES room ON DELETE CASCADE, put INTEGER NOT NULL, bytes BLOB NOT NULL
    );
    CREATE INDEX IF NOT EXISTS package_room ON package (room);
";

#[derive(Debug)]
pub(crate) struct Store {
    db: Connection,
    keep: Retention,
    swept: i64,
}

type Result<T, E = LogError> = std::result::Result<T, E>;

fn failed(error: rusqlite::Error) -> LogError {
    if error.sqlite_error_code() == Some(ErrorCode::DiskFull) {
        return LogError::Full { backend: NAME };
    }
    LogError::not_there(NAME)(error)
}

fn now() -> i64 {
    // A clock before 1970 makes everything fresh.
    millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

fn position(stored: i64) -> Result<Position> {
    u64::try_from(stored)
        .map(Position)
        .map_err(|_| LogError::Damaged { backend: NAME, found: "a negative position" })
}

impl Store {
    pub(crate) fn open(path: Option<&Path>, keep: Retention) -> Result<Self> {
        let setup = |error: rusqlite::Error| LogError::Setup {
            backend: NAME,
            problem: match (error.sqlite_error_code(), path) {
                (Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked), Some(path)) => format!(
                    "{} is in use by another process; give each relay a file of its own, or let them share Redis \
                     or NATS",
                    path.display()
                ),
                (_, Some(path)) => {
                    format!(
                        "{}: {error}; give a file in a directory that this user may write",
                        path.display()
                    )
                }
                (_, None) => error.to_string(),
            },
        };
        let db = match path {
            Some(path) => Connection::open(path),
            None => Connection::open_in_memory(),
        }
        .map_err(setup)?;
        db.busy_timeout(Duration::from_millis(500)).map_err(setup)?;
        let application: i32 = db.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(setup)?;
        let tables: i64 =
            db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(setup)?;
        if application != APPLICATION && tables > 0 {
            let problem = "the file holds another program's data; give another file".to_owned();
            return Err(LogError::Setup { backend: NAME, problem });
        }
        let prepare = || {
            db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
            db.pragma_update(None, "journal_mode", "WAL")?;
            db.pragma_update(None, "synchronous", "NORMAL")?;
            db.pragma_update(None, "foreign_keys", true)?;
            db.pragma_update(None, "application_id", APPLICATION)?;
            db.execute_batch(TABLES)?;
            if path.is_none() {
                let page: i64 = db.query_row("PRAGMA page_size", [], |row| row.get(0))?;
                let most = i64::try_from(MAX_MEMORY).unwrap_or(i64::MAX) / page.max(1);
                db.pragma_update(None, "max_page_count", most)?;
            }
            Ok(())
        };
        prepare().map_err(setup)?;
        db.set_prepared_statement_cache_capacity(32);
        let mut store = Self { db, keep, swept: 0 };
        store.sweep(now()).map_err(setup)?;
        Ok(store)
    }

    pub(crate) fn append(&mut self, room: &Room, expect: Position, entry: &[u8]) -> Result<Appended> {
        let keep = i64::try_from(self.keep.entries).unwrap_or(i64::MAX);
        self.write(|db, now, idle| {
            let id = find(db, room, now, idle)?;
            let head = match id {
                Some(id) => head_of(db, id)?,
                None => None,
            };
            if !expect.fits(head) {
                return Ok(Appended::Conflict(head.unwrap_or_default()));
            }
            let id = match id {
                Some(id) => id,
                None => create(db, room, now)?,
            };
            let new = i64::try_from(expect.next().0).unwrap_or(i64::MAX);
            cached(
                db,
                "INSERT INTO entry (room, position, bytes) VALUES (?, ?, ?)",
                params![id, new, entry],
            )?;
            cached(
                db,
                "DELETE FROM entry WHERE room = ? AND position <= ?",
                params![id, new.saturating_sub(keep)],
            )?;
            Ok(Appended::Taken(position(new)?))
        })
    }

    pub(crate) fn head(&mut self, room: &Room) -> Result<Option<Entry>> {
        self.write(|db, now, idle| {
            let Some(id) = find(db, room, now, idle)? else { return Ok(None) };
            let sql = "SELECT position, bytes FROM entry WHERE room = ? ORDER BY position DESC LIMIT 1";
            let mut statement = db.prepare_cached(sql).map_err(failed)?;
            let row = statement
                .query_row([id], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))
                .optional()
                .map_err(failed)?;
            row.map(|(at, bytes)| Ok(Entry { position: position(at)?, bytes: bytes.into() })).transpose()
        })
    }

    pub(crate) fn read(&mut self, room: &Room, after: Position, limit: usize) -> Result<Vec<Entry>> {
        self.write(|db, now, idle| {
            let (Some(id), Ok(from)) = (find(db, room, now, idle)?, i64::try_from(after.0)) else {
                return Ok(Vec::new());
            };
            let sql = "SELECT coalesce(min(position), 1) FROM entry WHERE room = ?";
            let oldest: i64 =
                db.prepare_cached(sql).and_then(|mut s| s.query_row([id], |r| r.get(0))).map_err(failed)?;
            if from.saturating_add(1) < oldest {
                return Err(LogError::TooOld { oldest: position(oldest)? });
            }
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let sql =
                "SELECT position, bytes FROM entry WHERE room = ? AND position > ? ORDER BY position LIMIT ?";
            let mut statement = db.prepare_cached(sql).map_err(failed)?;
            let mut rows = statement.query(params![id, from, limit]).map_err(failed)?;
            let (mut entries, mut total) = (Vec::new(), 0);
            while total < READ_BYTES {
                let Some(row) = rows.next().map_err(failed)? else { break };
                let (at, bytes): (i64, Vec<u8>) =
                    row.get(0).and_then(|at| Ok((at, row.get(1)?))).map_err(failed)?;
                total += bytes.len();
                entries.push(Entry { position: position(at)?, bytes: bytes.into() });
            }
            Ok(entries)
        })
    }

    pub(crate) fn put_package(&mut self, room: &Room, package: &[u8]) -> Result<()> {
        let age = millis(self.keep.package_age);
        let keep = i64::try_from(self.keep.packages).unwrap_or(i64::MAX);
        self.write(|db, now, idle| {
            let id = match find(db, room, now, idle)? {
                Some(id) => id,
                None => create(db, room, now)?,
            };
            let old = now.saturating_sub(age);
            cached(db, "DELETE FROM package WHERE room = ? AND put <= ?", params![id, old])?;
            cached(db, "INSERT INTO package (room, put, bytes) VALUES (?, ?, ?)", params![id, now, package])?;
            let surplus = "DELETE FROM package WHERE id IN \
                           (SELECT id FROM package WHERE room = ? ORDER BY id DESC LIMIT -1 OFFSET ?)";
            cached(db, surplus, params![id, keep])
        })
    }

    pub(crate) fn take_packages(&mut self, room: &Room) -> Result<Vec<Bytes>> {
        let age = millis(self.keep.package_age);
        self.write(|db, now, idle| {
            let Some(id) = find(db, room, now, idle)? else { return Ok(Vec::new()) };
            let sql = "SELECT bytes FROM package WHERE room = ? AND put > ? ORDER BY id";
            let mut statement = db.prepare_cached(sql).map_err(failed)?;
            let rows = statement
                .query_map(params![id, now.saturating_sub(age)], |row| row.get::<_, Vec<u8>>(0))
                .map_err(failed)?;
            let packages = rows.map(|row| row.map(Bytes::from)).collect::<Result<_, _>>().map_err(failed)?;
            cached(db, "DELETE FROM package WHERE room = ?", [id])?;
            Ok(packages)
        })
    }

    /// Runs one transaction, with the time and the idle time of rooms.
    fn write<T>(&mut self, work: impl FnOnce(&Transaction<'_>, i64, i64) -> Result<T>) -> Result<T> {
        let (now, idle) = (now(), millis(self.keep.idle));
        // A clock that was set back must not stop the sweeping.
        if now.abs_diff(self.swept) > idle.unsigned_abs() / 16 {
            self.sweep(now).map_err(failed)?;
        }
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let done = work(&tx, now, idle)?;
        tx.commit().map_err(failed)?;
        Ok(done)
    }

    fn sweep(&mut self, now: i64) -> rusqlite::Result<()> {
        self.swept = now;
        let before = now.saturating_sub(millis(self.keep.idle));
        self.db.execute("DELETE FROM room WHERE used <= ?", [before]).map(drop)
    }
}

fn cached(db: &Transaction<'_>, sql: &str, values: impl rusqlite::Params) -> Result<()> {
    db.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map(drop).map_err(failed)
}

/// The room's number, if it is there, and counts it as used; one that was idle for too long goes.
fn find(db: &Transaction<'_>, room: &Room, now: i64, idle: i64) -> Result<Option<i64>> {
    let sql = "SELECT id, used FROM room WHERE name = ?";
    let row: Option<(i64, i64)> = db
        .prepare_cached(sql)
        .and_then(|mut s| s.query_row([room.as_str()], |r| Ok((r.get(0)?, r.get(1)?))).optional())
        .map_err(failed)?;
    let Some((id, used)) = row else { return Ok(None) };
    let age = now.saturating_sub(used);
    if age >= idle {
        cached(db, "DELETE FROM room WHERE id = ?", [id])?;
        return Ok(None);
    }
    // Reading must not write each time.
    if age.saturating_mul(16) >= idle || age < 0 {
        cached(db, "UPDATE room SET used = ? WHERE id = ?", params![now, id])?;
    }
    Ok(Some(id))
}

fn create(db: &Transaction<'_>, room: &Room, now: i64) -> Result<i64> {
    cached(db, "INSERT INTO room (name, used) VALUES (?, ?)", params![room.as_str(), now])?;
    Ok(db.last_insert_rowid())
}

fn head_of(db: &Transaction<'_>, id: i64) -> Result<Option<Position>> {
    let sql = "SELECT max(position) FROM entry WHERE room = ?";
    let head: Option<i64> =
        db.prepare_cached(sql).and_then(|mut s| s.query_row([id], |row| row.get(0))).map_err(failed)?;
    head.map(position).transpose()
}
