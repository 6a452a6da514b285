//! QR codes as pictures that a page can show without asking anybody.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use qrcode::{Color, QrCode};

/// White modules around a QR code, which readers need.
const QUIET: usize = 4;

/// A QR code as an SVG data URL: one line per run of dark modules. `None` for a text that is too long
/// for one.
pub fn qr_code(text: &str) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (y, row) in code.to_colors().chunks(width).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            if run.first() == Some(&Color::Dark) {
                let (x, y) = (x + QUIET, y + QUIET);
                let _ = write!(path, "M{x} {y}.5h{}", run.len());
            }
            x += run.len();
        }
    }
    let size = width + 2 * QUIET;
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {size} {size}\" \
         shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{size}v{size}H0z\"/>\
         <path stroke=\"#000\" d=\"{path}\"/></svg>"
    );
    Some(format!("data:image/svg+xml;base64,{}", STANDARD.encode(svg)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_draw_every_dark_module_and_stay_small() {
        let text = "x".repeat(230);
        let url = qr_code(&text).unwrap();
        assert!(url.len() <= 16_384, "{}", url.len());
        let svg = STANDARD.decode(url.split_once(',').unwrap().1).unwrap();
        let svg = String::from_utf8(svg).unwrap();
        let drawn: usize = svg
            .split('h')
            .skip(1)
            .filter_map(|rest| {
                rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<usize>().ok()
            })
            .sum();
        let code = QrCode::new(&text).unwrap();
        let dark = code.to_colors().iter().filter(|color| **color == Color::Dark).count();
        // The white square is one run as wide as the picture.
        assert_eq!(drawn, dark + code.width() + 2 * QUIET);
    }
}
