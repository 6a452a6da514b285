//! The gateway's pictures and sounds, for the windows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tauri::http::StatusCode;
use tauri::{AppHandle, Manager};

use crate::host::Host;
use crate::wire::MediaAnswer;

/// A file by its plain name.
pub(crate) async fn fetch(app: &AppHandle, name: &str) -> MediaAnswer {
    let host = app.state::<Host>().inner().clone();
    let Ok(gateway) = host.gateway().await else {
        return refused(StatusCode::SERVICE_UNAVAILABLE);
    };
    match gateway.media(name).await {
        Ok(Some(media)) => {
            MediaAnswer::File { mime: media.mime, bytes: STANDARD.encode(media.bytes) }
        }
        Ok(None) => refused(StatusCode::NOT_FOUND),
        Err(error) => {
            tracing::warn!(%error, name, "media not served");
            refused(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

fn refused(status: StatusCode) -> MediaAnswer {
    MediaAnswer::Refused { status: status.as_u16() }
}
