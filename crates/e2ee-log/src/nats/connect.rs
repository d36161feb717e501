//! The connection and the streams.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::context::{Context, ContextBuilder};
use async_nats::jetstream::stream::{Config, Republish, Stream};
use async_nats::{ConnectErrorKind, ConnectOptions, Event, ServerAddr};

use super::listener::Listener;
use super::{NAME, NatsLog, PATIENCE};
use crate::error::LogError;
use crate::types::Retention;

/// What the server must take in one message: an entry, its position and headers, with room to spare.
const MAX_PAYLOAD: usize = 8_000_000;

impl NatsLog {
    /// Connects to servers: `nats://[user:password@]host[:port]`, several with commas between.
    ///
    /// # Errors
    /// [`LogError::Setup`] for a URL that is none and a server that is set up otherwise, [`LogError::NotThere`].
    pub async fn connect(urls: &str) -> Result<Self, LogError> {
        Self::connect_with_retention(urls, Retention::default()).await
    }

    /// Connects to servers and keeps another amount, if the streams are not there yet. All relays must keep the
    /// same.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_with_retention(urls: &str, keep: Retention) -> Result<Self, LogError> {
        let addresses: Vec<ServerAddr> = urls
            .split(',')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(|error| setup(format!("{error}; give a URL like nats://127.0.0.1:4222")))?;
        let (listener, fan) = Listener::start();
        let told = Arc::downgrade(&fan);
        let options = ConnectOptions::new()
            .name("frameseal-log")
            .connection_timeout(Duration::from_secs(2))
            .request_timeout(Some(PATIENCE))
            .subscription_capacity(1024)
            .event_callback(move |event| {
                let told = told.clone();
                async move {
                    // What was published while the connection was down, or too fast for it, was not heard.
                    if matches!(event, Event::Connected | Event::SlowConsumer(_))
                        && let Some(fan) = told.upgrade()
                    {
                        fan.gap();
                    }
                }
            });
        let client = options.connect(addresses).await.map_err(|error| match error.kind() {
            ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                setup(format!("{error}; give user and password in the URL"))
            }
            _ => LogError::not_there(NAME)(error),
        })?;
        let max_payload = client.server_info().max_payload;
        if max_payload < MAX_PAYLOAD {
            return Err(setup(format!(
                "the server takes messages of {max_payload} bytes; set max_payload: 8MB in its configuration"
            )));
        }
        listener.connected(client.clone());
        let context = ContextBuilder::new().timeout(PATIENCE).ack_timeout(PATIENCE).build(client);
        let (log, packages) = streams(&context, keep).await?;
        Ok(Self { context, log, packages, fan, listener, keep })
    }
}

fn setup(problem: String) -> LogError {
    LogError::Setup { backend: NAME, problem }
}

/// The two streams, which come to be. One that is there is taken as it is, if it can serve.
async fn streams(context: &Context, keep: Retention) -> Result<(Stream, Stream), LogError> {
    let most = |entries: usize| i64::try_from(entries).unwrap_or(i64::MAX);
    let republish = Republish {
        source: "frameseal.log.*".to_owned(),
        destination: "frameseal.live.{{wildcard(1)}}.entry".to_owned(),
        headers_only: false,
    };
    let log = Config {
        name: "frameseal_log".to_owned(),
        description: Some("Frameseal: what the members of each room agreed on, in order".to_owned()),
        subjects: vec![republish.source.clone()],
        max_messages_per_subject: most(keep.entries),
        max_age: keep.idle,
        republish: Some(republish.clone()),
        ..Config::default()
    };
    let packages = Config {
        name: "frameseal_packages".to_owned(),
        description: Some("Frameseal: key packages that wait in each room".to_owned()),
        subjects: vec!["frameseal.live.*.package".to_owned()],
        max_messages_per_subject: most(keep.packages),
        max_age: keep.package_age,
        ..Config::default()
    };
    let (log, packages) = (stream(context, log).await?, stream(context, packages).await?);
    let there = log.cached_info().config.republish.as_ref();
    if there.is_none_or(|there| {
        (&there.source, &there.destination) != (&republish.source, &republish.destination)
    }) {
        return Err(setup(format!(
            "stream frameseal_log does not republish {} to {}; remove it, so that it is made anew",
            republish.source, republish.destination
        )));
    }
    Ok((log, packages))
}

async fn stream(context: &Context, config: Config) -> Result<Stream, LogError> {
    let name = config.name.clone();
    context.get_or_create_stream(config).await.map_err(|error| {
        setup(format!(
            "stream {name}: {error}; run the server with JetStream (`jetstream {{}}` in its configuration) and \
             let this user make streams"
        ))
    })
}
