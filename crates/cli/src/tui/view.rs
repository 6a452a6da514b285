//! The screen.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, Clear, List, ListItem, ListState, Paragraph, Wrap};

use super::state::{Picker, Question, State};
use super::transcript::Who;
use crate::text;

/// Lines of the editor at least and at most.
const INPUT: (u16, u16) = (1, 8);

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, state: &mut State) {
    let typed = u16::try_from(state.input.lines().len()).unwrap_or(u16::MAX);
    let asked = state.questions.first().map_or(0, |_| 5);
    let files = u16::from(!state.attachments.is_empty());
    let [head, body, question, attached, input, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(asked),
        Constraint::Length(files),
        Constraint::Length(typed.clamp(INPUT.0, INPUT.1) + 2),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(heading(state), head);
    conversation(frame, state, body);
    if let Some(open) = state.questions.first() {
        ask(frame, open, state.questions.len(), question);
    }
    let names: Vec<&str> = state.attachments.iter().map(|file| file.name.as_str()).collect();
    frame.render_widget(
        Line::from(format!(" with {}", text::short(&names.join(", "), 200))).style(DIM),
        attached,
    );
    let edge = if state.away.is_some() { DIM } else { Style::new() };
    state.input.set_block(Block::bordered().border_style(edge));
    frame.render_widget(&state.input, input);
    frame.render_widget(footing(state), foot);
    if let Some(picker) = &state.picker {
        pick(frame, picker, &state.key);
    }
}

/// Takes the colours out and leaves the rest, for `NO_COLOR`.
pub(super) fn without_colours(frame: &mut Frame<'_>) {
    for cell in &mut frame.buffer_mut().content {
        cell.fg = Color::Reset;
        cell.bg = Color::Reset;
    }
}

const DIM: Style = Style::new().add_modifier(Modifier::DIM);
const STRONG: Style = Style::new().add_modifier(Modifier::BOLD);

fn heading(state: &State) -> Line<'static> {
    let title = if state.title.is_empty() { state.key.clone() } else { state.title.clone() };
    Line::from(vec![
        Span::styled(" Clawdbot ", STRONG.add_modifier(Modifier::REVERSED)),
        Span::raw(format!(" {}", text::short(&title, 60))),
    ])
}

fn footing(state: &State) -> Line<'static> {
    if let Some(why) = &state.away {
        let why = text::short(why, 200);
        return Line::styled(format!(" Away, trying again: {why}"), Style::new().fg(Color::Yellow));
    }
    let doing = if state.busy() {
        format!("answering, {} s · Esc stops", state.busy_secs)
    } else if state.transcript.pages_up() > 0 {
        "earlier messages · PageDown goes on".to_owned()
    } else {
        "Enter sends · Ctrl+P conversations · /help".to_owned()
    };
    let about = format!(" {} · {}", state.model, text::short(&state.key, 24));
    Line::styled(format!("{about} · {doing}"), DIM)
}

fn conversation(frame: &mut Frame<'_>, state: &mut State, area: Rect) {
    let paragraph = Paragraph::new(lines(state)).wrap(Wrap { trim: false });
    let count = u16::try_from(paragraph.line_count(area.width)).unwrap_or(u16::MAX);
    let hidden = count.saturating_sub(area.height);
    let step = (area.height / 2).max(1);
    state.transcript.bound(hidden.div_ceil(step));
    let up = state.transcript.pages_up().saturating_mul(step).min(hidden);
    frame.render_widget(paragraph.scroll((hidden - up, 0)), area);
}

fn lines(state: &State) -> Text<'static> {
    let transcript = &state.transcript;
    let mut text = Text::default();
    for row in transcript.rows() {
        if let Some(name) = speaker(row.who) {
            text.lines.push(name);
        }
        let style = if matches!(row.who, Who::Tool | Who::Note) { DIM } else { Style::new() };
        text.lines.extend(row.text.lines.iter().cloned().map(|line| line.patch_style(style)));
        text.lines.push(Line::default());
    }
    if let Some(live) = transcript.live() {
        text.lines.extend(speaker(Who::Assistant));
        text.lines.extend(live.text.lines.iter().cloned());
        let doing = live.tool.as_ref().map(|tool| format!("runs {tool} …"));
        text.lines.push(Line::styled(doing.unwrap_or_else(|| "…".to_owned()), DIM));
    } else if transcript.rows().is_empty() && state.away.is_none() {
        text.lines.push(Line::styled("Nothing was said here yet.", DIM));
    }
    text
}

fn speaker(who: Who) -> Option<Line<'static>> {
    match who {
        Who::You => Some(Line::styled("You", STRONG.fg(Color::Cyan))),
        Who::Assistant => Some(Line::styled("Assistant", STRONG.fg(Color::Green))),
        Who::Tool | Who::Note => None,
    }
}

fn ask(frame: &mut Frame<'_>, question: &Question, waiting: usize, area: Rect) {
    let more = if waiting > 1 { format!(" (1 of {waiting})") } else { String::new() };
    let block = Block::bordered()
        .title(format!(" Run this command?{more} "))
        .border_style(Style::new().fg(Color::Yellow));
    let offers = [("allow-once", "a once"), ("allow-always", "A always"), ("deny", "d deny")];
    let offered = |(decision, _): &&(&str, &str)| question.allowed.iter().any(|a| a == decision);
    let offers: Vec<&str> = offers.iter().filter(offered).map(|(_, label)| *label).collect();
    let place =
        if question.cwd.is_empty() { String::new() } else { format!("in {}", question.cwd) };
    let text = Text::from(vec![
        Line::styled(question.command.replace('\n', " ⏎ "), STRONG),
        Line::styled(place, DIM),
        Line::from(offers.join("   ")),
    ]);
    frame.render_widget(Paragraph::new(text).block(block), area);
}

fn pick(frame: &mut Frame<'_>, picker: &Picker, current: &str) {
    let area = frame.area();
    let (width, height) = (area.width.saturating_sub(8), area.height.saturating_sub(4));
    let area = area.centered(Constraint::Length(width), Constraint::Length(height));
    let block = Block::bordered()
        .title(format!(" Conversations: {} ", picker.filter))
        .title_bottom(" type to find · Enter opens · Esc closes ");
    let items = picker.matching().into_iter().map(|row| {
        let mark = if row.key == current { "● " } else { "  " };
        let title = if row.title.is_empty() { &row.key } else { &row.title };
        ListItem::new(Line::from(vec![
            Span::raw(format!("{mark}{title}  ")),
            Span::styled(format!("{}  {}", row.used, row.key), DIM),
        ]))
    });
    let highlight = Style::new().add_modifier(Modifier::REVERSED);
    let list = List::new(items).block(block).highlight_style(highlight);
    let mut at = ListState::default().with_selected(Some(picker.at));
    frame.render_widget(Clear, area);
    frame.render_stateful_widget(list, area, &mut at);
}
