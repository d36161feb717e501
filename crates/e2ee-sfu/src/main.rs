//! `frameseal-sfu`: the SFU as a program of its own.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use e2ee_sfu::{Server, ServerOptions, StartError, interface_address};

/// Serves a page, its signalling and its media; holds no key.
#[derive(Debug, Parser)]
#[command(name = "frameseal-sfu", version)]
struct Args {
    /// Address to bind.
    #[arg(long, default_value = "127.0.0.1")]
    bind: IpAddr,
    /// TCP port for HTTP and signalling; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// UDP port for media; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    media_port: u16,
    /// Take media on this machine's network interface too, as a stock Firefox does not use loopback.
    #[arg(long)]
    interface: bool,
    /// Bitrate in kbit/s that senders of video are asked to start with; 0 leaves it to the browser.
    #[arg(long, default_value_t = 1000)]
    start_bitrate: u32,
    /// Directory to serve: PREFIX=PATH, where PREFIX is / or /name. May be given several times.
    #[arg(long = "dir", value_name = "PREFIX=PATH", value_parser = parse_dir)]
    dirs: Vec<(String, PathBuf)>,
    /// File that keeps the ordered log of the rooms; without it the log ends with the server.
    #[arg(long, value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// Open the test endpoints: hostile mode, plaintext verdict, dumps.
    #[arg(long)]
    test: bool,
    /// End when standard input ends, so that the server never outlives the program that started it.
    #[arg(long)]
    until_eof: bool,
    /// Print a line for each request and each join.
    #[arg(long)]
    log: bool,
}

fn parse_dir(text: &str) -> Result<(String, PathBuf), String> {
    let (prefix, path) = text.split_once('=').ok_or("write it as PREFIX=PATH, for example /=dist")?;
    Ok((prefix.to_owned(), path.into()))
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("frameseal-sfu: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<(), StartError> {
    let server = Server::start(ServerOptions {
        bind: args.bind,
        port: args.port,
        media_port: args.media_port,
        media_also_on: if args.interface { interface_address().into_iter().collect() } else { Vec::new() },
        static_dirs: args.dirs,
        test: args.test,
        start_bitrate_kbps: Some(args.start_bitrate).filter(|kbps| *kbps > 0),
        log_file: args.log_file,
        access_log: args.log,
        ..ServerOptions::default()
    })?;
    println!("{}", server.url());
    if args.until_eof {
        std::thread::spawn(|| {
            let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            std::process::exit(0);
        });
    }
    wait_for_signal().map_err(|source| StartError::Runtime { source })?;
    server.stop();
    Ok(())
}

/// Returns when the program is asked to end.
fn wait_for_signal() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let mut terminate = signal(SignalKind::terminate())?;
            tokio::select! {
                result = tokio::signal::ctrl_c() => result,
                _ = terminate.recv() => Ok(()),
            }
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await
    })
}
