//! Spanish.

use clawdbot_config::{MIN_SECRET_CHARS, PathsError, WeakSecret};
use clawdbot_gateway::StartError;

use super::{Config, place};

pub(super) static CONFIG: Config = Config {
    place: |issue| place(issue, "línea", "columna"),
    colon: ": ",
    refused: |path| format!("{path} no se puede usar y no se ha modificado."),
    mend: "Corrige estos puntos y reinicia el gateway.",
    go_back: |copy, path| {
        format!(
            "Corrige estos puntos y reinicia el gateway, o vuelve a la última versión que funcionaba: cp '{copy}' '{path}'"
        )
    },
};

pub(super) fn start(error: &StartError) -> (String, String) {
    let (message, remedy) = match error {
        StartError::Paths(error) => return paths(error),
        StartError::ModeNotLocal(mode) => (
            format!(
                "clawdbot.json no dice que aquí deba funcionar un gateway (gateway.mode es {mode})."
            ),
            "Elige En este equipo en los ajustes de conexión.",
        ),
        StartError::AlreadyRunning { pid, .. } => (
            format!("Otro gateway usa los mismos datos (pid {pid})."),
            "Detenlo (clawdbot gateway stop) y reinicia el gateway aquí.",
        ),
        StartError::PortTaken { address, .. } => (
            format!("Otro programa escucha en {address}."),
            "Detén ese programa, o elige otro gateway.port en clawdbot.json.",
        ),
        StartError::Bind { address, source } => (
            format!("El gateway no puede escuchar en {address}: {source}."),
            "Revisa gateway.bind y gateway.port en clawdbot.json.",
        ),
        StartError::ExposedWithoutAuth(bind) => (
            format!(
                "El gateway quedaría abierto a otros equipos (gateway.bind es {bind}) sin token ni contraseña."
            ),
            "Pon gateway.auth.token en clawdbot.json, o gateway.bind en loopback.",
        ),
        StartError::WeakSecret { bind, kind, source } => {
            let remedy = format!(
                "Pon al menos {MIN_SECRET_CHARS} caracteres aleatorios en gateway.auth.{kind}, o gateway.bind en loopback."
            );
            let message = format!(
                "Otros equipos llegan al gateway (gateway.bind es {bind}), y gateway.auth.{kind} {}.",
                weak(*source)
            );
            return (message, remedy);
        }
        StartError::TwoWaysIn => (
            "gateway.auth.mode es trusted-proxy, pero también hay un token o una contraseña."
                .to_owned(),
            "Quita gateway.auth.token y gateway.auth.password (y CLAWDBOT_GATEWAY_TOKEN y CLAWDBOT_GATEWAY_PASSWORD), o elige otro gateway.auth.mode.",
        ),
        StartError::HookToken => (
            "hooks.token es igual que el token o la contraseña del propio gateway.".to_owned(),
            "Da a los hooks un token propio en clawdbot.json.",
        ),
        StartError::PasswordMissing => (
            "gateway.auth.mode es password, pero no hay ninguna contraseña.".to_owned(),
            "Pon gateway.auth.password en clawdbot.json, o CLAWDBOT_GATEWAY_PASSWORD.",
        ),
        StartError::PublishedBind(mode) => (
            format!("Tailscale {mode} necesita un gateway al que solo llegue este equipo."),
            "Pon gateway.bind en loopback, o apaga Tailscale en los ajustes.",
        ),
        StartError::FunnelWithoutPassword => (
            "Tailscale funnel abre el gateway a todo Internet y necesita una contraseña."
                .to_owned(),
            "Pon gateway.auth.mode en password y gateway.auth.password en clawdbot.json, o apaga Tailscale en los ajustes.",
        ),
        StartError::SaveToken { path, source } => (
            format!(
                "El token nuevo del gateway no se ha guardado en {}: {source}.",
                path.display()
            ),
            "Comprueba que hay espacio y que puedes escribir ahí, y reinicia el gateway.",
        ),
        StartError::EditToken(error) => (
            format!("El token nuevo del gateway no se ha añadido a clawdbot.json: {error}."),
            "Pon ahí tú mismo gateway.auth.token y reinicia el gateway.",
        ),
        StartError::Lock { path, source } => (
            format!("{} no se puede bloquear: {source}.", path.display()),
            "Comprueba que puedes escribir en esa carpeta y reinicia el gateway.",
        ),
        StartError::DeviceKey { path, source } => (
            format!("{} no se puede usar: {source}.", path.display()),
            "Recupera ese archivo, o bórralo para emparejar de nuevo todos los dispositivos.",
        ),
        StartError::Store(error) => return store(error.code(), &error.to_string()),
        other => {
            (format!("El gateway no arranca: {other}"), "Mira el registro y reinicia el gateway.")
        }
    };
    (message, remedy.to_owned())
}

fn paths(error: &PathsError) -> (String, String) {
    match error {
        PathsError::NotAbsolute(path) => (
            format!("La carpeta de datos {} no es una ruta completa.", path.display()),
            "Define HOME, o CLAWDBOT_STATE_DIR con una ruta completa.".to_owned(),
        ),
        PathsError::Symlink(path) => (
            format!(
                "La carpeta de datos {} es un enlace simbólico, que otros podrían desviar.",
                path.display()
            ),
            "Indica la carpeta real en CLAWDBOT_STATE_DIR.".to_owned(),
        ),
        PathsError::NotADirectory(path) => (
            format!("{} no es una carpeta.", path.display()),
            "Muévelo de sitio y reinicia el gateway.".to_owned(),
        ),
        PathsError::WorldWritable { path, mode } => (
            format!("Cualquier usuario puede escribir en {} (modo {mode:o}).", path.display()),
            format!("Ejecuta esto y reinicia el gateway: chmod 700 '{}'", path.display()),
        ),
        PathsError::ForeignOwner { path, owner, me } => (
            format!("{} es del usuario {owner}, no tuya (usuario {me}).", path.display()),
            format!("Ejecuta esto y reinicia el gateway: sudo chown -R {me} '{}'", path.display()),
        ),
        PathsError::Io { path, source } => (
            format!("La carpeta de datos {} no se puede preparar: {source}.", path.display()),
            "Comprueba que puedes escribir ahí y reinicia el gateway.".to_owned(),
        ),
    }
}

fn weak(weakness: WeakSecret) -> String {
    match weakness {
        WeakSecret::Blank => "está vacío".to_owned(),
        WeakSecret::Placeholder => "es un ejemplo que cualquiera puede adivinar".to_owned(),
        WeakSecret::TooShort { found } => format!("solo tiene {found} caracteres"),
    }
}

fn store(code: &str, told: &str) -> (String, String) {
    let (message, remedy) = match code {
        "STORE_FULL" => ("El disco está lleno.", "Libera espacio y reinicia el gateway."),
        "STORE_IO" => (
            "La base de datos no se puede leer ni escribir.",
            "Revisa el disco y los permisos de la carpeta de datos, y reinicia el gateway.",
        ),
        "STORE_BUSY" => (
            "Otro programa usa la base de datos.",
            "Detén el otro gateway y reinicia el gateway aquí.",
        ),
        "STORE_CORRUPT" => (
            "La base de datos está dañada.",
            "Reinicia el gateway: aparta el archivo dañado y recupera lo que se puede leer.",
        ),
        "STORE_TOO_NEW" => (
            "La base de datos la escribió una versión más nueva y no se ha modificado.",
            "Actualiza Clawdbot.",
        ),
        _ => {
            let message = format!("La base de datos no se abre: {told}");
            return (message, "Mira el registro y reinicia el gateway.".to_owned());
        }
    };
    (message.to_owned(), remedy.to_owned())
}
