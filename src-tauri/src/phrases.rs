//! What the tray and notifications say, in the person's language.

/// Every sentence outside the window, for one language. `{}` stands for the value.
pub(crate) struct Phrases {
    pub(crate) open_webchat: &'static str,
    pub(crate) restart: &'static str,
    pub(crate) start_at_login: &'static str,
    pub(crate) copy_address: &'static str,
    pub(crate) open_logs: &'static str,
    pub(crate) settings: &'static str,
    pub(crate) diagnostics: &'static str,
    pub(crate) recent: &'static str,
    pub(crate) untitled: &'static str,
    pub(crate) no_chats: &'static str,
    pub(crate) pause: &'static str,
    pub(crate) paused: &'static str,
    pub(crate) asks_to_run: &'static str,
    pub(crate) allow_once: &'static str,
    pub(crate) deny: &'static str,
    pub(crate) waits_one: &'static str,
    pub(crate) waits_many: &'static str,
    pub(crate) approval_title: &'static str,
    pub(crate) pairing_title: &'static str,
    pub(crate) pairing_body: &'static str,
    pub(crate) quit: &'static str,
    pub(crate) quit_one: &'static str,
    pub(crate) quit_many: &'static str,
    pub(crate) starting: &'static str,
    pub(crate) stopping: &'static str,
    pub(crate) ready: &'static str,
    pub(crate) ready_no_port: &'static str,
    pub(crate) working_one: &'static str,
    pub(crate) working_many: &'static str,
    pub(crate) working_tool: &'static str,
    pub(crate) port_taken_by: &'static str,
    pub(crate) port_taken: &'static str,
    pub(crate) port_hint: &'static str,
    pub(crate) cannot_start: &'static str,
    pub(crate) sidecar_missing: &'static str,
    pub(crate) sidecar_differs: &'static str,
}

impl Phrases {
    /// The phrases for a locale such as `fr-CA`; English when there are none.
    pub(crate) fn for_locale(locale: Option<&str>) -> &'static Self {
        let language = locale.and_then(|locale| locale.get(..2)).unwrap_or_default();
        match language.to_ascii_lowercase().as_str() {
            "fr" => &FRENCH,
            "es" => &SPANISH,
            _ => &ENGLISH,
        }
    }
}

/// Puts values into a phrase, one for each `{}`.
pub(crate) fn fill(phrase: &str, values: &[&str]) -> String {
    let mut parts = phrase.split("{}");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for (index, part) in parts.enumerate() {
        text.push_str(values.get(index).copied().unwrap_or_default());
        text.push_str(part);
    }
    text
}

static ENGLISH: Phrases = Phrases {
    open_webchat: "Open WebChat",
    restart: "Restart gateway",
    start_at_login: "Start at login",
    copy_address: "Copy WebChat address",
    open_logs: "Open logs",
    settings: "Settings",
    diagnostics: "Diagnostics",
    recent: "Recent chats",
    untitled: "New chat",
    no_chats: "No chats yet",
    pause: "Pause new runs",
    paused: "Paused: new messages wait",
    asks_to_run: "Run? {}",
    allow_once: "Allow once",
    deny: "Deny",
    waits_one: "Waiting for you: 1 command",
    waits_many: "Waiting for you: {} commands",
    approval_title: "May Clawdbot run this command?",
    pairing_title: "A device wants to connect",
    pairing_body: "{} waits until you let it in. Open WebChat to decide.",
    quit: "Quit",
    quit_one: "Quit and stop 1 run",
    quit_many: "Quit and stop {} runs",
    starting: "Starting",
    stopping: "Stopping",
    ready: "Ready on {}",
    ready_no_port: "Ready in the window only",
    working_one: "Working: 1 run",
    working_many: "Working: {} runs",
    working_tool: "{}, {}",
    port_taken_by: "Port {} is used by {} (pid {})",
    port_taken: "Port {} is used by another program",
    port_hint: "WebChat works in its window. Stop that program and restart the gateway to use a browser too.",
    cannot_start: "Cannot start: {}",
    sidecar_missing: "The clawdbot command is missing. Install the app again to use it in a terminal.",
    sidecar_differs: "The clawdbot command is version {}, the app is {}. Install the app again.",
};

static FRENCH: Phrases = Phrases {
    open_webchat: "Ouvrir WebChat",
    restart: "Redémarrer la passerelle",
    start_at_login: "Lancer à l’ouverture de session",
    copy_address: "Copier l’adresse de WebChat",
    open_logs: "Ouvrir les journaux",
    settings: "Réglages",
    diagnostics: "Diagnostic",
    recent: "Conversations récentes",
    untitled: "Nouvelle conversation",
    no_chats: "Aucune conversation",
    pause: "Suspendre les nouvelles exécutions",
    paused: "En pause : les nouveaux messages attendent",
    asks_to_run: "Exécuter ? {}",
    allow_once: "Autoriser une fois",
    deny: "Refuser",
    waits_one: "Vous attend : 1 commande",
    waits_many: "Vous attendent : {} commandes",
    approval_title: "Clawdbot peut-il exécuter cette commande ?",
    pairing_title: "Un appareil veut se connecter",
    pairing_body: "{} attend votre accord. Ouvrez WebChat pour décider.",
    quit: "Quitter",
    quit_one: "Quitter et arrêter 1 exécution",
    quit_many: "Quitter et arrêter {} exécutions",
    starting: "Démarrage",
    stopping: "Arrêt",
    ready: "Prête sur {}",
    ready_no_port: "Prête, dans la fenêtre seulement",
    working_one: "Travail en cours : 1 exécution",
    working_many: "Travail en cours : {} exécutions",
    working_tool: "{}, {}",
    port_taken_by: "Le port {} est utilisé par {} (pid {})",
    port_taken: "Le port {} est utilisé par un autre programme",
    port_hint: "WebChat fonctionne dans sa fenêtre. Arrêtez ce programme puis redémarrez la passerelle pour utiliser aussi un navigateur.",
    cannot_start: "Démarrage impossible : {}",
    sidecar_missing: "La commande clawdbot est absente. Réinstallez l’application pour l’utiliser dans un terminal.",
    sidecar_differs: "La commande clawdbot est en version {}, l’application en {}. Réinstallez l’application.",
};

static SPANISH: Phrases = Phrases {
    open_webchat: "Abrir WebChat",
    restart: "Reiniciar el gateway",
    start_at_login: "Abrir al iniciar sesión",
    copy_address: "Copiar la dirección de WebChat",
    open_logs: "Abrir los registros",
    settings: "Ajustes",
    diagnostics: "Diagnóstico",
    recent: "Chats recientes",
    untitled: "Chat nuevo",
    no_chats: "Aún no hay chats",
    pause: "Pausar ejecuciones nuevas",
    paused: "En pausa: los mensajes nuevos esperan",
    asks_to_run: "¿Ejecutar? {}",
    allow_once: "Permitir una vez",
    deny: "Denegar",
    waits_one: "Te espera 1 comando",
    waits_many: "Te esperan {} comandos",
    approval_title: "¿Puede Clawdbot ejecutar este comando?",
    pairing_title: "Un dispositivo quiere conectarse",
    pairing_body: "{} espera tu permiso. Abre WebChat para decidir.",
    quit: "Salir",
    quit_one: "Salir y detener 1 ejecución",
    quit_many: "Salir y detener {} ejecuciones",
    starting: "Iniciando",
    stopping: "Deteniendo",
    ready: "Listo en {}",
    ready_no_port: "Listo, solo en la ventana",
    working_one: "Trabajando: 1 ejecución",
    working_many: "Trabajando: {} ejecuciones",
    working_tool: "{}, {}",
    port_taken_by: "El puerto {} lo usa {} (pid {})",
    port_taken: "El puerto {} lo usa otro programa",
    port_hint: "WebChat funciona en su ventana. Detén ese programa y reinicia el gateway para usar también un navegador.",
    cannot_start: "No se puede iniciar: {}",
    sidecar_missing: "Falta el comando clawdbot. Reinstala la aplicación para usarlo en una terminal.",
    sidecar_differs: "El comando clawdbot es la versión {} y la aplicación la {}. Reinstala la aplicación.",
};

#[cfg(test)]
mod tests {
    use super::{Phrases, fill};

    #[test]
    fn the_language_decides_and_english_is_the_fallback() {
        for (locale, quit) in [
            (Some("fr-CA"), "Quitter"),
            (Some("ES_es"), "Salir"),
            (Some("C"), "Quit"),
            (None, "Quit"),
        ] {
            assert_eq!(Phrases::for_locale(locale).quit, quit, "{locale:?}");
        }
    }

    #[test]
    fn values_stand_where_the_phrase_says() {
        assert_eq!(
            fill("Port {} is used by {} (pid {})", &["1", "a", "2"]),
            "Port 1 is used by a (pid 2)"
        );
        assert_eq!(fill("No value", &["x"]), "No value");
        // A value that looks like a placeholder is only text.
        assert_eq!(fill("By {}, {}", &["{}", "b"]), "By {}, b");
    }
}
