//! The progress bar of a rehearsal, on standard error.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

use super::shop::Shop;

const REDRAW_EVERY: Duration = Duration::from_millis(200);

/// Draws until it is dropped.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    drawing: Option<JoinHandle<()>>,
}

impl Progress {
    /// A bar over all buyers; nothing is drawn when `quiet`, or when nobody looks.
    pub(super) fn start(shop: Arc<Shop>, buyers: u32, quiet: bool) -> Self {
        let hidden = quiet || !std::io::stderr().is_terminal();
        let target =
            if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(buyers.into()), target);
        if let Ok(style) = ProgressStyle::with_template("{elapsed:>4} {bar:24} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        let drawing = (!hidden).then(|| tokio::spawn(draw(bar.clone(), shop)));
        Self { bar, drawing }
    }

    /// Replaces the message for good: the sale is over.
    pub(super) fn say(&mut self, message: &'static str) {
        if let Some(drawing) = self.drawing.take() {
            drawing.abort();
        }
        self.bar.set_message(message);
        self.bar.tick();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(drawing) = self.drawing.take() {
            drawing.abort();
        }
        self.bar.finish_and_clear();
    }
}

async fn draw(bar: ProgressBar, shop: Arc<Shop>) {
    let mut before = (Instant::now(), shop.tally.intents.get());
    loop {
        tokio::time::sleep(REDRAW_EVERY).await;
        let tally = &shop.tally;
        let now = (Instant::now(), tally.intents.get());
        let seconds = now.0.duration_since(before.0).as_secs_f64().max(0.001);
        let rate = (now.1 - before.1) as f64 / seconds;
        before = now;
        bar.set_position(tally.left.get());
        bar.set_message(format!(
            "{} held, {} sold, {} refused, {rate:.0}/s",
            tally.held.get(),
            tally.sold.get(),
            tally.refused.get()
        ));
    }
}
