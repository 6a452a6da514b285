//! Spanish.

use std::io;

use clawdbot_client::{AddressError, ConnectError, Distrust};
use clawdbot_config::EditError;
use clawdbot_remote::ssh::{DestinationError, SshError, Trouble};
use clawdbot_remote::tailscale::TailscaleError;

use super::{Cause, States, host};
use crate::connection::target::TargetError;
use crate::connection::vault::VaultError;
use crate::host::HolderError;

pub(super) static STATES: States = States {
    starting: "Iniciando",
    ready: "Listo",
    connecting: "Conectando",
    paused: "Desconectado hasta que vuelvas a conectar",
    connect_again: "Vuelve a conectar en los ajustes de conexión.",
    tunnel_down: "El túnel está caído",
    no_answer: "El gateway remoto no responde",
    waiting: "Esperando otro gateway en este equipo",
    waiting_because: "El gateway está detenido aquí para que otro programa pueda ejecutarlo.",
    waiting_remedy: "Inícialo con clawdbot gateway, o reinicia el gateway aquí.",
    attached: "Otro programa de este equipo ejecuta el gateway; esta aplicación lo usa.",
    port_taken: "El puerto {} lo usa otro programa: solo esta ventana llega al gateway.",
    port_taken_remedy: "Detén ese programa y reinicia el gateway.",
};

const ACCEPT: &str =
    "Vuelve a conectar, compara la huella con la que te da el dueño de la máquina y acéptala.";
const CHANGED: &str = "La máquina remota muestra otra clave de host que antes. Puede que alguien esté escuchando, o que la hayan instalado de nuevo.";

pub(super) fn tunnel(trouble: &Trouble) -> (String, String) {
    let (message, remedy) = match trouble {
        Trouble::HostKeyUnknown { fingerprint: Some(fingerprint) } => {
            let message = format!(
                "La máquina remota muestra una clave de host que aquí no se conoce ({fingerprint})."
            );
            return (message, ACCEPT.to_owned());
        }
        Trouble::HostKeyUnknown { fingerprint: None } => {
            ("La máquina remota muestra una clave de host que aquí no se conoce.", ACCEPT)
        }
        Trouble::HostKeyChanged { removal: Some(removal) } => {
            let remedy = format!(
                "Si sabes por qué ha cambiado, ejecuta esto y vuelve a conectar: {removal}"
            );
            return (CHANGED.to_owned(), remedy);
        }
        Trouble::HostKeyChanged { removal: None } => (
            CHANGED,
            "Si sabes por qué ha cambiado, quita la clave antigua de ~/.ssh/known_hosts con ssh-keygen -R y vuelve a conectar.",
        ),
        Trouble::Configuration(line) => {
            let message = format!("ssh no acepta su configuración: {line}.");
            return (message, "Corrige esa línea de tu configuración SSH.".to_owned());
        }
        Trouble::Program(reason) => {
            let message = format!("No se puede iniciar ssh: {reason}.");
            return (message, "Comprueba que OpenSSH está bien instalado.".to_owned());
        }
        Trouble::Other(reason) => {
            let message = format!("El túnel ha fallado: {reason}.");
            return (message, "Prueba lo mismo con ssh en una terminal.".to_owned());
        }
        Trouble::Name => (
            "No se encuentra el nombre de la máquina remota.",
            "Revisa cómo está escrito el host, o usa su dirección.",
        ),
        Trouble::Refused => (
            "La máquina remota rechaza las conexiones SSH.",
            "Comprueba que allí hay un servidor SSH y que el puerto es correcto.",
        ),
        Trouble::Timeout => (
            "La máquina remota no responde.",
            "Comprueba que la máquina está encendida y que no hay un cortafuegos por medio.",
        ),
        Trouble::Unreachable => (
            "No hay ruta de red hasta la máquina remota.",
            "Revisa la conexión de red de este equipo.",
        ),
        Trouble::Denied => (
            "La máquina remota no te deja entrar.",
            "Revisa el nombre de usuario, la contraseña o la frase de contraseña si se te ha pedido, y que tu clave pública está en ~/.ssh/authorized_keys de esa máquina.",
        ),
        Trouble::Declined => (
            "Se ha cancelado el inicio de sesión.",
            "Vuelve a conectar cuando tengas la respuesta.",
        ),
        Trouble::IdentityPermissions => (
            "Otros pueden leer el archivo de la clave SSH, así que ssh no lo usa.",
            "Ejecuta chmod 600 sobre el archivo de la clave y vuelve a conectar.",
        ),
        Trouble::ForwardRefused => (
            "La máquina remota no permite túneles hasta el puerto del gateway.",
            "Pon AllowTcpForwarding yes (o PermitOpen para el puerto) en su sshd_config.",
        ),
        Trouble::GatewayPort => (
            "El túnel está abierto, pero nada escucha en el puerto del gateway de la máquina remota.",
            "Inicia allí el gateway (clawdbot gateway), o corrige el puerto remoto.",
        ),
        Trouble::Lost => (
            "Se ha perdido la conexión con la máquina remota.",
            "No hay que hacer nada: se reintenta solo.",
        ),
    };
    (message.to_owned(), remedy.to_owned())
}

pub(super) fn ssh(error: &SshError) -> (String, &'static str) {
    match error {
        SshError::NoProgram => (
            "No hay ningún programa ssh en este equipo.".to_owned(),
            "Instala OpenSSH (el paquete openssh-client) y vuelve a intentarlo.",
        ),
        SshError::Scratch { path, source } => (
            format!(
                "No se puede crear una carpeta privada para el túnel en {}: {source}.",
                path.display()
            ),
            "Comprueba que puedes escribir ahí y vuelve a intentarlo.",
        ),
    }
}

pub(super) fn target(error: &TargetError) -> (String, &'static str) {
    let message = match error {
        TargetError::NoDestination => {
            "No se indica ninguna máquina remota. Escribe por ejemplo yo@servidor.".to_owned()
        }
        TargetError::NoAddress => {
            "No se indica ninguna dirección. Escribe por ejemplo wss://gateway.example.".to_owned()
        }
        TargetError::Port => {
            "El puerto del gateway remoto es un número del 1 al 65535.".to_owned()
        }
        TargetError::Destination(error) => match error {
            DestinationError::Incomplete => {
                "El destino SSH está incompleto. Escribe yo@servidor, yo@servidor:2222 o un alias de tu configuración SSH."
            }
            DestinationError::Host => {
                "El host del destino SSH solo tiene letras, cifras, puntos, guiones y guiones bajos, y empieza por una letra o una cifra."
            }
            DestinationError::User => {
                "El usuario del destino SSH solo tiene letras, cifras, puntos, guiones y guiones bajos, y no empieza por un guion."
            }
            DestinationError::Port => "El puerto del destino SSH es un número del 1 al 65535.",
        }
        .to_owned(),
        TargetError::Identity(_) => {
            "El archivo de la clave SSH es una ruta absoluta o empieza por ~/, sin signos %, comillas ni saltos de línea.".to_owned()
        }
        TargetError::Address(error) => address(error),
        TargetError::Pin(_) => {
            "Una huella de certificado tiene 64 cifras hexadecimales (SHA-256).".to_owned()
        }
    };
    (message, "Corrígelo en los ajustes de conexión.")
}

fn address(error: &AddressError) -> String {
    match error {
        AddressError::Malformed => {
            "La dirección del gateway no es una URL válida. Escribe por ejemplo wss://gateway.example.".to_owned()
        }
        AddressError::Scheme(scheme) => format!(
            "La dirección del gateway empieza por {scheme}://. Usa wss://, o ws:// para este equipo y redes privadas."
        ),
        AddressError::HoldsSecret => {
            "La dirección del gateway contiene un nombre de usuario, una contraseña o un token. Da el secreto aparte.".to_owned()
        }
        AddressError::PlainPublic { host } => format!(
            "{host} es una dirección pública, donde ws:// enviaría el token sin cifrar. Usa wss:// o un túnel SSH."
        ),
        AddressError::PinNeedsTls => {
            "Hay una huella de certificado, pero ws:// no muestra ninguno: no se comprobaría nada. Usa wss://, o quita la huella.".to_owned()
        }
    }
}

pub(super) fn vault(error: &VaultError) -> (String, &'static str) {
    match error {
        VaultError::Locked => ("El llavero de este equipo está bloqueado.".to_owned(), "Desbloquéalo y vuelve a intentarlo."),
        VaultError::Silent => ("El llavero de este equipo no responde.".to_owned(), "Desbloquéalo y vuelve a intentarlo."),
        VaultError::Gone => ("El llavero de este equipo, que tiene los secretos de esta aplicación, ha desaparecido.".to_owned(), "Vuelve a iniciar el llavero e inténtalo otra vez."),
        VaultError::Broken(reason) => (format!("El llavero de este equipo no se puede usar: {reason}."), "Vuelve a iniciar el llavero e inténtalo otra vez."),
        VaultError::Damaged(name) => (format!("La entrada {name} de esta aplicación, en el llavero o en remote-secrets.json, está dañada."), "Bórrala si no la necesitas y vuelve a intentarlo."),
        VaultError::File(reason) => (format!("El archivo remote-secrets.json no se puede usar: {reason}."), "Comprueba que puedes leerlo y escribirlo y vuelve a intentarlo."),
        VaultError::Random(reason) => (format!("Este equipo no tiene números aleatorios para una clave de dispositivo: {reason}."), "Reinicia el equipo y vuelve a intentarlo."),
    }
}

pub(super) fn holder(error: &HolderError) -> String {
    match error {
        HolderError::Nobody => "Ningún otro programa ejecuta el gateway.".to_owned(),
        HolderError::Service(holder) => format!(
            "El gestor de servicios del sistema mantiene en marcha {holder}. Detén el servicio con clawdbot gateway stop y reinicia el gateway aquí."
        ),
        HolderError::Alive(holder) => {
            format!("No se ha podido detener {holder}. Detenlo tú y reinicia el gateway aquí.")
        }
        HolderError::Other(holder) => format!(
            "Ahora el puerto lo tiene otro programa: {holder}. Mira qué es y vuelve a intentarlo."
        ),
    }
}

pub(super) fn edit(error: &EditError) -> (String, &'static str) {
    (
        format!("clawdbot.json no se ha cambiado: {error}."),
        "Corrígelo, o cambia tú ese ajuste allí.",
    )
}

pub(super) fn write(error: &io::Error) -> (String, &'static str) {
    (
        format!("clawdbot.json no se puede escribir: {error}."),
        "Comprueba que hay espacio y que puedes escribir ahí.",
    )
}

pub(super) fn tailscale(error: &TailscaleError) -> String {
    match error {
        TailscaleError::NotInstalled => {
            "Tailscale no está instalado en este equipo. Instálalo desde tailscale.com/download."
                .to_owned()
        }
        TailscaleError::NotSignedIn { url } => {
            let link = url.as_ref().map(|url| format!(", o abre {url}")).unwrap_or_default();
            format!("Tailscale no tiene la sesión iniciada. Ejecuta tailscale up{link}.")
        }
        TailscaleError::NotRunning(state) => {
            format!("Tailscale está parado ({state}). Ponlo en marcha con tailscale up.")
        }
        TailscaleError::Consent { url } => format!(
            "Tu tailnet aún no lo permite. Abre {url} y permítelo; el gateway lo vuelve a intentar solo."
        ),
        TailscaleError::Operator => {
            "Este usuario no puede cambiar los ajustes de Tailscale. Ejecuta una vez: sudo tailscale set --operator=$USER".to_owned()
        }
        TailscaleError::Foreign(what) => format!(
            "Tailscale ya publica {what} en esa dirección y no se toca. Quítalo con tailscale serve --https=443 off."
        ),
        TailscaleError::Hangs(limit) => {
            format!("El comando tailscale no ha terminado en {} s.", limit.as_secs())
        }
        TailscaleError::TooMuch => "El comando tailscale escribe sin fin.".to_owned(),
        TailscaleError::Unreadable => {
            "No se entiende la respuesta del comando tailscale. Puede que su versión sea demasiado antigua; hace falta la 1.60 o una más nueva.".to_owned()
        }
        TailscaleError::Refused(why) => format!("Tailscale lo rechaza: {why}"),
        TailscaleError::Start(why) => format!("El comando tailscale no arranca: {why}"),
    }
}

/// Of a device that was not let in: headline, message, remedy.
pub(super) const DECLINED: (&str, &str, &str) = (
    "El gateway remoto no admitió este dispositivo",
    "La solicitud de este dispositivo se rechazó allí, o nadie respondió a tiempo.",
    "Vuelve a intentarlo y aprueba allí la nueva solicitud: clawdbot devices approve {}.",
);

pub(super) fn connect(error: &ConnectError, cause: Cause) -> (&'static str, String, &'static str) {
    let host = host(error);
    match cause {
        Cause::Address => {
            let message = match error {
                ConnectError::Address(error) => address(error),
                other => other.to_string(),
            };
            (
                "La dirección del gateway no se puede usar",
                message,
                "Corrígela en los ajustes de conexión.",
            )
        }
        Cause::Name => (
            "No se encuentra el nombre del gateway",
            format!("No se encuentra el nombre de {host}."),
            "Revisa cómo está escrita la dirección.",
        ),
        Cause::Refused => (
            "Nada escucha en la dirección del gateway",
            format!("Nada escucha en {host}."),
            "Comprueba que el gateway está en marcha y que el puerto es correcto.",
        ),
        Cause::Unreachable => (
            "No se llega al gateway remoto",
            format!("No se llega a {host}."),
            "Revisa la conexión de red y que la máquina está encendida.",
        ),
        Cause::Distrust(distrust) => {
            let (because, remedy) = identity(distrust);
            let message = format!("{host} no ha podido demostrar su identidad: {because}.");
            ("El gateway remoto no ha podido demostrar su identidad", message, remedy)
        }
        Cause::Timeout => (
            "El gateway remoto no responde",
            format!("{host} no ha respondido a tiempo."),
            "Comprueba que allí escucha un gateway y que no está sobrecargado.",
        ),
        Cause::NotAGateway => (
            "No hay ningún gateway en esa dirección",
            format!("Lo que responde en {host} no es un gateway, o es de otra generación."),
            "Revisa la dirección y el puerto.",
        ),
        Cause::NoneBehind => (
            "No hay ningún gateway detrás de esa dirección",
            format!("Algo responde en {host}, pero no llega a ningún gateway."),
            "Comprueba que el gateway está en marcha allí.",
        ),
        Cause::Circle => (
            "El camino al gateway vuelve a esta aplicación",
            format!("El camino a {host} vuelve a la dirección que esta aplicación le reserva."),
            "Indica la máquina o el puerto donde está de verdad el gateway.",
        ),
        Cause::Secret => (
            "El gateway remoto no acepta el token o la contraseña",
            "El gateway remoto no acepta el token o la contraseña.".to_owned(),
            "Escribe los de ese gateway en los ajustes de conexión.",
        ),
        Cause::Pairing => (
            "El gateway remoto aún no conoce este dispositivo",
            "El gateway remoto aún no conoce este dispositivo.".to_owned(),
            "Apruébalo allí: clawdbot devices approve {}.",
        ),
        Cause::Denied => (
            "El gateway remoto rechaza esta aplicación",
            format!("El gateway remoto rechaza esta aplicación: {error}."),
            "Mira el registro de ese gateway y vuelve a intentarlo.",
        ),
    }
}

fn identity(distrust: Distrust) -> (String, &'static str) {
    match distrust {
        Distrust::NotPinned(found) => (
            format!("su certificado no es el fijado (su SHA-256 es {found})"),
            "Si sabes por qué ha cambiado, escribe la huella nueva en los ajustes de conexión.",
        ),
        Distrust::Expired => (
            "su certificado no es válido en este momento".to_owned(),
            "Renueva allí el certificado y revisa el reloj de este equipo.",
        ),
        Distrust::Name => (
            "su certificado es para otro nombre".to_owned(),
            "Usa el nombre para el que es el certificado.",
        ),
        Distrust::Issuer => (
            "este equipo no confía en su certificado".to_owned(),
            "Escribe la huella del certificado, si la conoces, o conecta por SSH.",
        ),
        Distrust::NoTls => {
            ("no habla TLS correctamente".to_owned(), "Revisa el puerto, o conecta por SSH.")
        }
    }
}
