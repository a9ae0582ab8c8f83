//! The progress of a rehearsal on standard error: a bar on a terminal, lines elsewhere.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

use super::shop::Shop;

const REDRAW_EVERY: Duration = Duration::from_millis(200);

/// Pause between two lines where nobody sees a bar.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// Where progress is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Where {
    Nowhere,
    /// On a terminal, as a bar.
    Bar,
    /// In a file or a pipe, line by line.
    Lines,
}

/// Draws until it is dropped.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    told: Where,
    drawing: Option<JoinHandle<()>>,
}

impl Progress {
    /// A bar over all buyers; nothing is told when `quiet`.
    pub(super) fn start(buyers: u32, quiet: bool) -> Self {
        let told = match std::io::stderr().is_terminal() {
            _ if quiet => Where::Nowhere,
            true => Where::Bar,
            false => Where::Lines,
        };
        let target = match told {
            Where::Bar => ProgressDrawTarget::stderr(),
            Where::Nowhere | Where::Lines => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(buyers.into()), target);
        if let Ok(style) = ProgressStyle::with_template("{elapsed:>4} {bar:24} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        Self { bar, told, drawing: None }
    }

    /// Shows what the buyers do.
    pub(super) fn watch(&mut self, shop: &Arc<Shop>) {
        if self.told != Where::Nowhere {
            self.drawing = Some(tokio::spawn(draw(self.bar.clone(), self.told, Arc::clone(shop))));
        }
    }

    /// Shows this and nothing else from now on.
    pub(super) fn say(&mut self, message: &'static str) {
        if let Some(drawing) = self.drawing.take() {
            drawing.abort();
        }
        self.bar.set_message(message);
        self.bar.tick();
        if self.told == Where::Lines {
            line(&self.bar);
        }
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

async fn draw(bar: ProgressBar, told: Where, shop: Arc<Shop>) {
    let every = if told == Where::Lines { LINE_EVERY } else { REDRAW_EVERY };
    let mut before = (Instant::now(), shop.tally.intents.get());
    loop {
        tokio::time::sleep(every).await;
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
        if told == Where::Lines {
            line(&bar);
        }
    }
}

fn line(bar: &ProgressBar) {
    let (seconds, left, all) = (bar.elapsed().as_secs(), bar.position(), bar.length().unwrap_or(0));
    let written =
        writeln!(std::io::stderr(), "{seconds:>5} s  {left}/{all} have left, {}", bar.message());
    // Whoever closed standard error does not want to know.
    drop(written);
}
