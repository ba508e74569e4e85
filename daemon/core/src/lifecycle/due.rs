//! When the next rotation is due: at half-life, or at the first time of the site's window after it, and at four fifths
//! of the life whatever the window.

use crate::schedule::half_life;
use crate::time::Timestamp;
use crate::window::Window;

use super::Effect;
use super::turn::Turn;

impl Turn<'_> {
    /// Chooses when a secret that ends then is replaced, and says so if the window never opens in time.
    pub(super) fn plan_rotation(&mut self, expires_at: Timestamp, soonest: Timestamp) {
        let half = half_life(expires_at, self.rules.life(), self.rules.jitter);
        let planned = match &self.rules.window {
            Some(window) => {
                let floor = self.floor(expires_at);
                window.first(half, floor, self.rules.jitter).unwrap_or(floor)
            }
            None => half,
        };
        self.slot.due_at = Some(planned.max(soonest));
        self.slot.due_by = self.rules.window.as_ref().map(Window::to_string);
        self.say_about_window(expires_at);
    }

    /// The configuration has another window than the one by which the time was chosen: it is chosen again. What is
    /// due already, or was asked for, stays due.
    pub(super) fn heed_new_window(&mut self) {
        let window = self.rules.window.as_ref().map(Window::to_string);
        if window == self.slot.due_by {
            return;
        }
        if window.is_none() {
            self.say(Effect::Clear(WINDOW_MISSED));
        }
        let expires_at = self.slot.serving.as_ref().map(|serving| serving.expires_at);
        match (expires_at, self.slot.due_at) {
            (Some(expires_at), Some(due_at)) if self.now < due_at => {
                self.plan_rotation(expires_at, self.now);
            }
            _ => self.slot.due_by = window,
        }
    }

    /// A daemon that starts knows of no alarm.
    pub(super) fn say_if_window_is_missed(&mut self) {
        if let Some(serving) = &self.slot.serving {
            self.say_about_window(serving.expires_at);
        }
    }

    fn say_about_window(&mut self, expires_at: Timestamp) {
        let Some(window) = &self.rules.window else { return };
        let half = half_life(expires_at, self.rules.life(), self.rules.jitter);
        if window.first(half, self.floor(expires_at), self.rules.jitter).is_some() {
            return self.say(Effect::Clear(WINDOW_MISSED));
        }
        self.alarm(
            WINDOW_MISSED,
            format!(
                "the window \"{window}\" does not open between half and four fifths of the life of the secret of {}; it is replaced at four fifths",
                self.rules.user
            ),
            "give [token] window more times, or raise days_to_expiry".to_owned(),
        );
    }

    fn floor(&self, expires_at: Timestamp) -> Timestamp {
        expires_at.plus(-self.rules.life() / 5)
    }
}

pub(super) const WINDOW_MISSED: &str = "window-missed";
