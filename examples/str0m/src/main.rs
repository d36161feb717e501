//! `native-call publish` and `native-call record`: native members of the demo's call.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};
use str0m_call::ivf::Clip;
use str0m_call::{Error, Member, publish, record};

/// Native members of the demo's call.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Send an IVF file of VP8, sealed
    Publish {
        #[command(flatten)]
        member: Who,
        /// The file; `ffmpeg -i INPUT -an -c:v libvpx -g 60 clip.ivf` makes one
        clip: PathBuf,
    },
    /// Write what a participant's camera sends into an IVF file, VP8 alone
    Record {
        #[command(flatten)]
        member: Who,
        /// Whom to record: the participant's id
        of: String,
        /// The file
        out: PathBuf,
    },
}

#[derive(Args)]
struct Who {
    /// Address of the demo's server
    #[arg(long, value_name = "IP:PORT")]
    server: SocketAddr,
    /// The room
    #[arg(long)]
    room: String,
    /// File with the room secret, which stands in the link behind #k= (a command line is seen by everybody)
    #[arg(long, value_name = "FILE")]
    secret: PathBuf,
    /// This member's id, new for each run
    #[arg(long)]
    id: String,
    /// How long, seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

impl Who {
    fn member(&self, name: &str) -> Result<Member, Error> {
        let secret = std::fs::read_to_string(&self.secret)?;
        Member::new(self.server, &self.room, &self.id, name, secret.trim_end())
    }
}

/// True once the time is over.
fn timer(seconds: u64) -> impl Fn() -> bool {
    let start = Instant::now();
    move || start.elapsed() >= Duration::from_secs(seconds)
}

fn run(command: &Command) -> Result<(), Error> {
    match command {
        Command::Publish { member, clip } => {
            let clip = Clip::read(&std::fs::read(clip)?)?;
            let (who, over) = (member.member("Camera")?, timer(member.seconds));
            let sent = publish::publish(&who, &clip, |_| over())?;
            println!("{sent} frames sent, all sealed");
        }
        Command::Record { member, of, out } => {
            let (who, over) = (member.member("Recorder")?, timer(member.seconds));
            let report = record::record(&who, of, out, |_| over())?;
            println!("{} frames written, {} did not open", report.written, report.refused);
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    match run(&Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
