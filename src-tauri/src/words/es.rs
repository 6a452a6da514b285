//! Spanish.

use crate::bridge::BridgeError;
use crate::diagnostics::DiagnosticsError;
use crate::links::LinkError;
use crate::login::LoginError;
use crate::settings::SettingsError;

pub(super) fn link(error: &LinkError) -> String {
    let why = match error {
        LinkError::Malformed => "no es una dirección web o de correo completa",
        LinkError::Scheme => "de la aplicación solo salen enlaces http, https y mailto",
        LinkError::Credentials => "lleva un nombre de usuario o una contraseña",
        LinkError::MailField => "rellena otros campos del correo además del texto",
        LinkError::Open(error) => {
            return format!(
                "El escritorio no ha podido abrir este enlace: {error}. Cópialo en tu navegador."
            );
        }
    };
    format!("Este enlace no se ha abierto, porque {why}.")
}

pub(super) fn settings(error: &SettingsError) -> String {
    match error {
        SettingsError::Patch(error) => {
            format!("Estos ajustes no se han guardado: {error}. No ha cambiado nada.")
        }
        SettingsError::Shortcut(shortcut) => format!(
            "El atajo {shortcut:?} no se ha guardado, porque no es una tecla con Ctrl, Alt, Mayús o Super. Elige otro."
        ),
        SettingsError::Write { path, source } => format!(
            "Los ajustes no se han podido escribir en {}: {source}. Comprueba que hay espacio y que puedes escribir ahí.",
            path.display()
        ),
        SettingsError::Login(error) => {
            let why = match error {
                LoginError::Entry(error) => format!("la entrada no se ha cambiado: {error}"),
                LoginError::Mend(error) => {
                    format!("la entrada no se puede abrir desde este lugar: {error}")
                }
                LoginError::Home(error) => format!("no hay carpeta personal: {error}"),
            };
            format!("Abrir al iniciar sesión: {why}.")
        }
        SettingsError::Ended => {
            "Los ajustes no se han podido guardar, porque la aplicación se está cerrando."
                .to_owned()
        }
    }
}

pub(super) fn diagnostics(error: &DiagnosticsError) -> String {
    match error {
        DiagnosticsError::Log { path, source } => {
            format!("El registro {} no se puede leer: {source}.", path.display())
        }
        DiagnosticsError::Write { path, source } => format!(
            "{} no se ha podido escribir: {source}. Comprueba que hay espacio y que puedes escribir ahí.",
            path.display()
        ),
        DiagnosticsError::Pack(error) => {
            format!("Los archivos no se han podido reunir: {error}.")
        }
        DiagnosticsError::Describe(name, error) => {
            format!("{name} no se ha podido redactar: {error}.")
        }
        DiagnosticsError::TooLong => "Este texto es demasiado largo para un código QR.".to_owned(),
        DiagnosticsError::Open { path, source } => format!(
            "{} no se ha podido abrir: {source}. Ábrelo en tu gestor de archivos.",
            path.display()
        ),
        DiagnosticsError::Ended => {
            "No se ha podido hacer, porque la aplicación se está cerrando.".to_owned()
        }
    }
}

pub(super) fn bridge(error: &BridgeError) -> &'static str {
    match error {
        BridgeError::NoGateway(_) | BridgeError::NotOpen => {
            "No hay conexión con el gateway. Abre una primero."
        }
        BridgeError::Busy => {
            "El gateway está ocupado y no admite más mensajes. Vuelve a intentarlo en un momento."
        }
        BridgeError::TooLarge => "Este mensaje pasa de 25 MiB, que el gateway no admite.",
    }
}
