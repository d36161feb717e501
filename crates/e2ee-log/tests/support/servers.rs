//! Servers of the Debian packages `redis-server` and `nats-server`, killed when dropped.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A process that does not outlive the test.
pub struct Process(Child);

impl Process {
    /// Kills it as the system would: it gets no chance to tidy up.
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    /// Ends its standard input, and gives how it ended itself.
    pub fn end_input(&mut self) -> ExitStatus {
        drop(self.0.stdin.take());
        let deadline = Instant::now() + super::PATIENCE;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it goes on without its input");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

pub fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Starts a server and waits until it takes connections; nothing where it is not installed.
fn start(program: &str, dir: &TempDir, port: u16, args: &[String]) -> Option<Process> {
    let output = || Stdio::from(File::create(dir.path().join("output")).unwrap());
    let spawned = Command::new(program)
        .args(args)
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .stdout(output())
        .stderr(output())
        .spawn();
    let mut process = match spawned {
        Ok(child) => Process(child),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("SKIPPED: {program} is not installed (apt-get install {program})");
            return None;
        }
        Err(error) => panic!("{program}: {error}"),
    };
    let deadline = Instant::now() + super::PATIENCE;
    while TcpStream::connect(local(port)).is_err() {
        let said = std::fs::read_to_string(dir.path().join("output")).unwrap_or_default();
        let ended = process.0.try_wait().unwrap();
        assert!(ended.is_none() && Instant::now() < deadline, "{program} did not start: {ended:?} {said}");
        std::thread::sleep(Duration::from_millis(20));
    }
    Some(process)
}

/// The program `frameseal-log`.
pub struct Relay {
    pub addr: SocketAddr,
    pub process: Process,
}

impl Relay {
    pub fn start(backend: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_frameseal-log"))
            .args(["--port", "0", "--until-eof", "--backend", backend])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let addr = line.trim().strip_prefix("ws://").and_then(|rest| rest.strip_suffix("/log"));
        Self { addr: addr.expect(&line).parse().unwrap(), process: Process(child) }
    }
}

pub struct Redis {
    pub port: u16,
    pub process: Process,
    dir: TempDir,
}

impl Redis {
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    pub fn start_with(more: &[&str]) -> Option<Self> {
        Self::start_on(free_port(), more)
    }

    pub fn start_on(port: u16, more: &[&str]) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let text = port.to_string();
        let args = [
            &["--port", &text, "--bind", "127.0.0.1", "--save", "", "--repl-diskless-sync-delay", "0"],
            more,
        ]
        .concat();
        let args: Vec<String> = args.into_iter().map(String::from).collect();
        let process = start("redis-server", &dir, port, &args)?;
        Some(Self { port, process, dir })
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Sends one command on a connection of its own and gives the raw answer.
    pub fn command(&self, words: &[&str]) -> String {
        let mut stream = TcpStream::connect(local(self.port)).unwrap();
        stream.set_read_timeout(Some(super::PATIENCE)).unwrap();
        let mut text = format!("*{}\r\n", words.len());
        words.iter().for_each(|word| text += &format!("${}\r\n{word}\r\n", word.len()));
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = vec![0; 64 * 1024];
        let length = stream.read(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[..length]).into_owned()
    }
}

pub struct Nats {
    pub port: u16,
    pub process: Process,
    dir: TempDir,
}

impl Nats {
    pub fn start() -> Option<Self> {
        Self::start_with("max_payload: 8MB\njetstream { store_dir: \"store\" }\n")
    }

    pub fn start_with(config: &str) -> Option<Self> {
        let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
        let process = Self::run(&dir, port, config)?;
        Some(Self { port, process, dir })
    }

    fn run(dir: &TempDir, port: u16, config: &str) -> Option<Process> {
        std::fs::write(dir.path().join("nats.conf"), config).unwrap();
        let port_text = port.to_string();
        let args = ["-a", "127.0.0.1", "-p", &port_text, "-c", "nats.conf"].map(String::from);
        start("nats-server", dir, port, &args)
    }

    /// Kills the server and starts it again with what it had stored.
    pub fn restart(&mut self, down: Duration) {
        self.process.kill();
        std::thread::sleep(down);
        let config = std::fs::read_to_string(self.dir.path().join("nats.conf")).unwrap();
        self.process = Self::run(&self.dir, self.port, &config).unwrap();
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
}
