//! Sends what waits in the queue, a batch at a time, beside everything else. A collector that is down or slow costs
//! spans, and never a request, a run or the end of the process.

use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::collector::{Collector, Refusal};
use super::queue::{Fate, Waiting, count_spans};

/// Spans that are sent at once.
const BATCH: usize = 512;
/// A batch waits so long for more.
const GATHER: Duration = Duration::from_secs(1);
/// Before each further try of a batch that a collector may take later.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];
/// At the end of the process, for what has not been sent.
const LAST_SENDING: Duration = Duration::from_secs(2);
/// Trouble is told anew when there was none for so long.
const QUIET: Duration = Duration::from_secs(600);

/// What sends, before it does.
pub struct Sender {
    collector: Collector,
    waiting: Waiting,
    troubled_at: Option<Instant>,
}

/// What sends; ends with [`Sending::finish`].
pub struct Sending {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Begins to send. The task belongs to no span.
pub fn start_sending(sender: Sender) -> Sending {
    tracing::info!("traces go to {}", sender.collector.address());
    let (stop, stopped) = oneshot::channel();
    Sending {
        stop,
        task: tokio::spawn(sender.run(stopped)),
    }
}

impl Sending {
    /// Sends what is left, within a short limit.
    pub async fn finish(self) {
        // A task that has ended needs no word.
        let _ = self.stop.send(());
        let abort = self.task.abort_handle();
        if timeout(LAST_SENDING, self.task).await.is_err() {
            abort.abort();
            tracing::info!("the collector did not take the last traces in time; they are lost");
        }
    }
}

impl Sender {
    pub fn new(collector: Collector, waiting: Waiting) -> Self {
        Self {
            collector,
            waiting,
            troubled_at: None,
        }
    }

    /// Ends when it was told to stop and everything is sent.
    async fn run(mut self, mut stopped: oneshot::Receiver<()>) {
        loop {
            let batch = self.gather(&mut stopped).await;
            if batch.is_empty() {
                return;
            }
            self.deliver(batch).await;
        }
    }

    /// The next batch; empty when no more comes.
    async fn gather(&mut self, stopped: &mut oneshot::Receiver<()>) -> Vec<Span> {
        let spans = &mut self.waiting.spans;
        let mut batch = Vec::new();
        let mut until = None;
        while batch.len() < BATCH {
            let room = BATCH - batch.len();
            tokio::select! {
                read = spans.recv_many(&mut batch, room) => {
                    if read == 0 {
                        break;
                    }
                    until.get_or_insert_with(|| Instant::now() + GATHER);
                }
                () = wait_until(until) => break,
                _ = &mut *stopped, if !spans.is_closed() => spans.close(),
            }
        }
        batch
    }

    async fn deliver(&mut self, batch: Vec<Span>) {
        let count = batch.len();
        let delivered = self.try_to_deliver(&self.collector.encode(batch)).await;
        match delivered {
            Ok(rejected) => {
                let rejected = usize::try_from(rejected).unwrap_or(count).min(count);
                count_spans(Fate::Sent, count - rejected);
                if rejected > 0 {
                    count_spans(Fate::Rejected, rejected);
                    self.tell("it rejects some of them");
                }
            }
            Err(refusal) => {
                count_spans(Fate::Failed, count);
                self.tell(&refusal.why);
            }
        }
        if self.waiting.overflow.take() {
            self.tell("it is too slow for them");
        }
    }

    async fn try_to_deliver(&self, batch: &[u8]) -> Result<u64, Refusal> {
        for pause in PAUSES {
            match self.collector.post(batch.to_vec()).await {
                Err(refusal) if refusal.is_passing => sleep(pause).await,
                settled => return settled,
            }
        }
        self.collector.post(batch.to_vec()).await
    }

    /// Once while it goes on: it must not fill the log.
    fn tell(&mut self, why: &str) {
        let told = self.troubled_at.replace(Instant::now());
        if told.is_none_or(|at| at.elapsed() > QUIET) {
            tracing::warn!(
                "traces are lost, as the collector at {} does not take them: {why}. Check the collector and the \
                 settings MAMCRAWLER_OTLP_*; mamcrawler works on without traces",
                self.collector.address()
            );
        }
    }
}

async fn wait_until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
