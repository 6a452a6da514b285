//! Spanish.

use clawdbot_config::Finding;

use super::{Kinds, line};
use crate::settings::Language;

static KINDS: Kinds = Kinds {
    anything: "un valor",
    one_of: "uno de los valores",
    or: " o ",
    address: "una dirección IPv4",
    filled_text: "un texto que no esté vacío",
    text: "un texto",
    flag: "true o false",
    list: "una lista",
    object: "un objeto",
    whole: "un número entero",
    number: "un número",
    range: [" de {} a {}", " de al menos {}", " de como mucho {}"],
    null: "null (quita la clave para usar el valor predeterminado)",
    empty_text: "un texto vacío",
    other_text: "otro texto",
    missing: "ese archivo no existe",
    denied: "permiso denegado",
};

pub(super) fn say(finding: &Finding) -> String {
    let said = match finding {
        Finding::Unreadable(reason) => {
            return format!("no se puede leer: {}", KINDS.reason(reason));
        }
        Finding::More(more) => return format!("y {more} problemas más"),
        Finding::NoObject => "se esperaba un objeto: { … }",
        Finding::WrongType => "un ajuste no es del tipo esperado",
        Finding::TooLarge { most, found } => {
            return format!("se esperaban como mucho {most} MiB y hay {found} bytes");
        }
        Finding::TooDeep(most) => {
            return format!("se esperaban como mucho {most} niveles de anidamiento");
        }
        Finding::NotClosed(end) => return format!("falta \"{end}\" antes del final del archivo"),
        Finding::SecondValue => "no debe haber nada después del valor del documento",
        Finding::NoComma => "falta una coma",
        Finding::NoColon => "faltan los dos puntos después de la clave",
        Finding::NoValue => "falta un valor después de los dos puntos",
        Finding::NoQuotes => "falta un valor; un texto va entre comillas rectas",
        Finding::BrokenText => {
            "un texto está incompleto: le falta la comilla final o tiene una secuencia de escape no válida"
        }
        Finding::NotJson5(told) => return format!("no es JSON5 válido: {told}"),
        Finding::ReservedName => {
            "este nombre está reservado; cambia el nombre de la clave o quítala"
        }
        Finding::KeyTwice => "esta clave está dos veces; deja solo una",
        Finding::NumberTooLarge => "este número es demasiado grande",
        Finding::NoKey { name, expected } => {
            return format!("falta la clave \"{name}\" con {}", KINDS.expected(expected));
        }
        Finding::Mismatch { expected, found } => {
            let (expected, found) = (KINDS.expected(expected), KINDS.found(found));
            return format!("se esperaba {expected} y hay {found}");
        }
        Finding::NoVariable { name, path } => {
            return format!("no existe la variable de entorno \"{name}\", nombrada en {path}");
        }
        Finding::SecretSource => {
            "esta fuente de secretos no está disponible aquí; usa un texto, \"${VAR}\" o {source: \"env\", id: \"VAR\"}"
        }
        Finding::IncludeType => "$include: se esperaba un nombre de archivo o una lista de nombres",
        Finding::IncludedNoObject => {
            "el archivo incluido debe contener un objeto, porque hay otras claves junto a $include"
        }
        Finding::IncludeLoop(chain) => {
            return format!("estos archivos se incluyen unos a otros: {chain}");
        }
        Finding::IncludesTooDeep(most) => {
            return format!("los archivos pueden incluirse como mucho en {most} niveles");
        }
        Finding::TooManyIncludes(most) => {
            return format!("un documento puede incluir como mucho {most} archivos");
        }
        Finding::NotIncluded { path, reason } => {
            let reason = KINDS.reason(reason);
            return format!("no se puede incluir {}: {reason}", path.display());
        }
        Finding::IncludeOutside(path) => {
            return format!(
                "no se puede incluir {}: está fuera de la carpeta de configuración; muévelo allí o nombra su carpeta en CLAWDBOT_INCLUDE_ROOTS",
                path.display()
            );
        }
        Finding::IncludeForeign { path, owner } => {
            return format!(
                "no se puede incluir {}: pertenece al usuario {owner}, no a ti",
                path.display()
            );
        }
        Finding::Included { path, issue } => {
            return format!("en {}: {}", path.display(), line(issue, Language::Es));
        }
        Finding::CustomBind => "\"custom\" necesita la dirección en gateway.customBindHost",
        Finding::TailscaleBind => {
            "Tailscale publica la dirección loopback; pon gateway.bind en \"loopback\""
        }
        Finding::FunnelAuth => {
            "\"funnel\" llega a Internet y necesita gateway.auth.mode \"password\""
        }
        Finding::ProxyAddress => "se esperaba una dirección IP o un rango como 10.0.0.0/8",
        Finding::ProxyHeader => {
            "\"trusted-proxy\" necesita gateway.auth.trustedProxy.userHeader, la cabecera en la que el proxy nombra al usuario"
        }
        Finding::NoProxy => {
            "\"trusted-proxy\" necesita la dirección del proxy en gateway.trustedProxies"
        }
        Finding::ProxyAndSecret => {
            "\"trusted-proxy\" y gateway.auth.token o gateway.auth.password se excluyen; quita uno de los dos"
        }
        Finding::LogFile => "se esperaba una ruta absoluta o una que empiece por ~/",
        Finding::HookPath => "se esperaba una ruta propia como \"/hooks\"",
        Finding::HookToken => "debe ser distinto del token y de la contraseña del propio gateway",
        Finding::HookKey => {
            "una clave con variables empieza por \"hook:\", para que una petición no elija cualquier conversación"
        }
        Finding::GatewayAddress => "se esperaba una dirección que empiece por ws:// o wss://",
        Finding::Fingerprint => "se esperaban los 64 dígitos hexadecimales de un SHA-256",
        Finding::NoAgentId => "falta la clave \"id\" con un texto",
        Finding::AgentId => {
            "el identificador de un agente es una letra o cifra y luego hasta 63 letras, cifras, \"_\" o \"-\""
        }
        Finding::AgentTwice => "este identificador de agente se usa dos veces",
        Finding::Duration => "se esperaba una duración como \"30m\" o \"1h\", o \"0m\" para nunca",
        Finding::TimeOfDay => "se esperaba una hora como \"08:00\", hasta \"24:00\"",
        Finding::ProviderName => "el nombre de un proveedor no está vacío ni tiene barras",
        Finding::ProviderAddress => "se esperaba una dirección que empiece por http:// o https://",
        // Warnings, which keep nothing from starting.
        Finding::UnknownKey { .. }
        | Finding::BlankSecret
        | Finding::TwoSecrets
        | Finding::NoHookToken
        | Finding::RemoteNowhere => return finding.to_string(),
    };
    said.to_owned()
}
