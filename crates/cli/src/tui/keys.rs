//! What the keyboard means.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::state::{Effect, Picker, State};

/// What `/help` says.
pub(super) const HELP: &str = "\
**Keys**
- `Enter` sends, `Alt+Enter` or `Ctrl+J` begins a new line
- `Esc` stops the answer
- `Ctrl+P` conversations, `Ctrl+N` a new one
- `PageUp` and `PageDown` scroll
- `Ctrl+C` empties the line, and leaves when it is empty

**Commands**
- `/sessions` conversations, `/session KEY` opens one
- `/attach PATH` adds a file to the next message, `/detach` takes them back
- `/stop` stops the answer, `/quit` leaves
- `/new`, `/reset`, `/clear` start this conversation over
- `/status`, `/models` ask the gateway";

impl State {
    pub(super) fn key(&mut self, key: KeyEvent) -> Vec<Effect> {
        if self.picker.is_some() {
            return self.pick(key);
        }
        if let Some(effects) = self.decide(key) {
            return effects;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let another_line = key.modifiers.intersects(KeyModifiers::ALT | KeyModifiers::SHIFT);
        match key.code {
            KeyCode::Char('c') if control && !self.input.is_empty() => self.clear_input(),
            KeyCode::Char('c' | 'd') if control && self.input.is_empty() => {
                return vec![Effect::Quit];
            }
            KeyCode::Char('p') if control => return self.conversations(),
            KeyCode::Char('n') if control => return vec![Effect::Create],
            KeyCode::Char('j') if control => self.input.insert_newline(),
            KeyCode::Enter if another_line => self.input.insert_newline(),
            KeyCode::Enter => return self.enter(),
            KeyCode::Esc => return self.stop(),
            KeyCode::PageUp => self.transcript.scroll(1),
            KeyCode::PageDown => self.transcript.scroll(-1),
            KeyCode::End if control => self.transcript.follow(),
            _ => {
                self.input.input(key);
            }
        }
        Vec::new()
    }

    /// Answers to a question count only while nothing is being written.
    fn decide(&mut self, key: KeyEvent) -> Option<Vec<Effect>> {
        let question = self.questions.first().filter(|_| self.input.is_empty())?;
        let decision = match key.code {
            KeyCode::Char('a') => "allow-once",
            KeyCode::Char('A') => "allow-always",
            KeyCode::Char('d') if key.modifiers.is_empty() => "deny",
            _ => return None,
        };
        if !question.allowed.iter().any(|allowed| allowed == decision) {
            return None;
        }
        let id = question.id.clone();
        self.questions.remove(0);
        Some(vec![Effect::Resolve { id, decision }])
    }

    fn stop(&self) -> Vec<Effect> {
        if self.busy() { vec![Effect::Abort(self.key.clone())] } else { Vec::new() }
    }

    fn conversations(&mut self) -> Vec<Effect> {
        self.picker = Some(Picker::default());
        vec![Effect::Sessions]
    }

    fn enter(&mut self) -> Vec<Effect> {
        let said = self.input.lines().join("\n").trim().to_owned();
        if said.is_empty() && self.attachments.is_empty() {
            return Vec::new();
        }
        let (command, rest) = said.split_once(char::is_whitespace).unwrap_or((&said, ""));
        let rest = rest.trim();
        let effects = match (command, rest) {
            ("/quit" | "/exit", "") => vec![Effect::Quit],
            ("/help", "") => {
                self.transcript.note(HELP.to_owned());
                Vec::new()
            }
            ("/sessions", "") => self.conversations(),
            ("/session", key) if !key.is_empty() => {
                let key = key.to_owned();
                self.clear_input();
                return self.open(key);
            }
            ("/attach", path) if !path.is_empty() => vec![Effect::Attach(path.to_owned())],
            ("/detach", "") => {
                self.attachments.clear();
                Vec::new()
            }
            ("/stop" | "/abort", "") => self.stop(),
            _ => return self.send(said),
        };
        self.clear_input();
        effects
    }

    /// Keys while the list of conversations is open.
    fn pick(&mut self, key: KeyEvent) -> Vec<Effect> {
        let Some(picker) = &mut self.picker else { return Vec::new() };
        let last = picker.matching().len().saturating_sub(1);
        match key.code {
            KeyCode::Esc => self.picker = None,
            KeyCode::Char('c' | 'p') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                self.picker = None;
            }
            KeyCode::Up => picker.at = picker.at.saturating_sub(1),
            KeyCode::Down => picker.at = (picker.at + 1).min(last),
            KeyCode::Backspace => {
                picker.filter.pop();
                picker.at = 0;
            }
            KeyCode::Char(c) => {
                picker.filter.push(c);
                picker.at = 0;
            }
            KeyCode::Enter => {
                let chosen = picker.matching().get(picker.at).map(|row| row.key.clone());
                if let Some(key) = chosen {
                    return self.open(key);
                }
            }
            _ => {}
        }
        Vec::new()
    }
}
