//! French.

use clawdbot_config::{MIN_SECRET_CHARS, PathsError, WeakSecret};
use clawdbot_gateway::StartError;

use super::{Config, place};

pub(super) static CONFIG: Config = Config {
    place: |issue| place(issue, "ligne", "colonne"),
    colon: " : ",
    refused: |path| format!("{path} est inutilisable et n’a pas été modifié."),
    mend: "Corrigez ces endroits, puis redémarrez la passerelle.",
    go_back: |copy, path| {
        format!(
            "Corrigez ces endroits et redémarrez la passerelle, ou revenez à la dernière version qui fonctionnait : cp '{copy}' '{path}'"
        )
    },
};

pub(super) fn start(error: &StartError) -> (String, String) {
    let (message, remedy) = match error {
        StartError::Paths(error) => return paths(error),
        StartError::ModeNotLocal(mode) => (
            format!("clawdbot.json ne dit pas qu’une passerelle doit tourner ici (gateway.mode vaut {mode})."),
            "Choisissez Sur cet ordinateur dans les réglages de connexion.",
        ),
        StartError::AlreadyRunning { pid, .. } => (
            format!("Une autre passerelle utilise les mêmes données (pid {pid})."),
            "Arrêtez-la (clawdbot gateway stop), puis redémarrez la passerelle ici.",
        ),
        StartError::PortTaken { address, .. } => (
            format!("Un autre programme écoute sur {address}."),
            "Arrêtez ce programme, ou choisissez un autre gateway.port dans clawdbot.json.",
        ),
        StartError::Bind { address, source } => (
            format!("La passerelle ne peut pas écouter sur {address} : {source}."),
            "Vérifiez gateway.bind et gateway.port dans clawdbot.json.",
        ),
        StartError::ExposedWithoutAuth(bind) => (
            format!("La passerelle serait ouverte à d’autres ordinateurs (gateway.bind vaut {bind}) sans jeton ni mot de passe."),
            "Définissez gateway.auth.token dans clawdbot.json, ou mettez gateway.bind à loopback.",
        ),
        StartError::WeakSecret { bind, kind, source } => {
            let remedy = format!(
                "Mettez au moins {MIN_SECRET_CHARS} caractères aléatoires dans gateway.auth.{kind}, ou gateway.bind à loopback."
            );
            let message = format!(
                "D’autres ordinateurs atteignent la passerelle (gateway.bind vaut {bind}), et gateway.auth.{kind} {}.",
                weak(*source)
            );
            return (message, remedy);
        }
        StartError::TwoWaysIn => (
            "gateway.auth.mode vaut trusted-proxy, mais un jeton ou un mot de passe est défini aussi.".to_owned(),
            "Retirez gateway.auth.token et gateway.auth.password (ainsi que CLAWDBOT_GATEWAY_TOKEN et CLAWDBOT_GATEWAY_PASSWORD), ou choisissez un autre gateway.auth.mode.",
        ),
        StartError::HookToken => (
            "hooks.token est le même que le jeton ou le mot de passe de la passerelle.".to_owned(),
            "Donnez aux hooks leur propre jeton dans clawdbot.json.",
        ),
        StartError::PasswordMissing => (
            "gateway.auth.mode vaut password, mais aucun mot de passe n’est défini.".to_owned(),
            "Définissez gateway.auth.password dans clawdbot.json, ou CLAWDBOT_GATEWAY_PASSWORD.",
        ),
        StartError::PublishedBind(mode) => (
            format!("Tailscale {mode} demande une passerelle que seul cet ordinateur atteint."),
            "Mettez gateway.bind à loopback, ou désactivez Tailscale dans les réglages.",
        ),
        StartError::FunnelWithoutPassword => (
            "Tailscale funnel ouvre la passerelle à tout Internet et demande un mot de passe.".to_owned(),
            "Mettez gateway.auth.mode à password et définissez gateway.auth.password dans clawdbot.json, ou désactivez Tailscale dans les réglages.",
        ),
        StartError::SaveToken { path, source } => (
            format!("Le nouveau jeton de la passerelle n’a pas été enregistré dans {} : {source}.", path.display()),
            "Vérifiez qu’il reste de la place et que vous pouvez y écrire, puis redémarrez la passerelle.",
        ),
        StartError::EditToken(error) => (
            format!("Le nouveau jeton de la passerelle n’a pas été ajouté à clawdbot.json : {error}."),
            "Définissez-y vous-même gateway.auth.token, puis redémarrez la passerelle.",
        ),
        StartError::Lock { path, source } => (
            format!("{} ne peut pas être verrouillé : {source}.", path.display()),
            "Vérifiez que vous pouvez écrire dans ce dossier, puis redémarrez la passerelle.",
        ),
        StartError::DeviceKey { path, source } => (
            format!("{} est inutilisable : {source}.", path.display()),
            "Restaurez ce fichier, ou supprimez-le pour appairer de nouveau chaque appareil.",
        ),
        StartError::Store(error) => return store(error.code(), &error.to_string()),
        other => (
            format!("La passerelle ne démarre pas : {other}"),
            "Consultez le journal, puis redémarrez la passerelle.",
        ),
    };
    (message, remedy.to_owned())
}

fn paths(error: &PathsError) -> (String, String) {
    match error {
        PathsError::NotAbsolute(path) => (
            format!("Le dossier de données {} n’est pas un chemin complet.", path.display()),
            "Définissez HOME, ou CLAWDBOT_STATE_DIR avec un chemin complet.".to_owned(),
        ),
        PathsError::Symlink(path) => (
            format!(
                "Le dossier de données {} est un lien symbolique, que d’autres pourraient détourner.",
                path.display()
            ),
            "Indiquez le vrai dossier dans CLAWDBOT_STATE_DIR.".to_owned(),
        ),
        PathsError::NotADirectory(path) => (
            format!("{} n’est pas un dossier.", path.display()),
            "Déplacez-le, puis redémarrez la passerelle.".to_owned(),
        ),
        PathsError::WorldWritable { path, mode } => (
            format!(
                "Tous les utilisateurs peuvent écrire dans {} (mode {mode:o}).",
                path.display()
            ),
            format!(
                "Exécutez ceci, puis redémarrez la passerelle : chmod 700 '{}'",
                path.display()
            ),
        ),
        PathsError::ForeignOwner { path, owner, me } => (
            format!(
                "{} appartient à l’utilisateur {owner}, pas à vous (utilisateur {me}).",
                path.display()
            ),
            format!(
                "Exécutez ceci, puis redémarrez la passerelle : sudo chown -R {me} '{}'",
                path.display()
            ),
        ),
        PathsError::Io { path, source } => (
            format!(
                "Le dossier de données {} ne peut pas être préparé : {source}.",
                path.display()
            ),
            "Vérifiez que vous pouvez y écrire, puis redémarrez la passerelle.".to_owned(),
        ),
    }
}

fn weak(weakness: WeakSecret) -> String {
    match weakness {
        WeakSecret::Blank => "est vide".to_owned(),
        WeakSecret::Placeholder => "est un exemple que n’importe qui peut deviner".to_owned(),
        WeakSecret::TooShort { found } => format!("n’a que {found} caractères"),
    }
}

fn store(code: &str, told: &str) -> (String, String) {
    let (message, remedy) = match code {
        "STORE_FULL" => {
            ("Le disque est plein.", "Libérez de la place, puis redémarrez la passerelle.")
        }
        "STORE_IO" => (
            "La base de données ne peut être ni lue ni écrite.",
            "Vérifiez le disque et les droits du dossier de données, puis redémarrez la passerelle.",
        ),
        "STORE_BUSY" => (
            "Un autre programme utilise la base de données.",
            "Arrêtez l’autre passerelle, puis redémarrez la passerelle ici.",
        ),
        "STORE_CORRUPT" => (
            "La base de données est endommagée.",
            "Redémarrez la passerelle : elle met le fichier endommagé de côté et reprend ce qui est lisible.",
        ),
        "STORE_TOO_NEW" => (
            "La base de données a été écrite par une version plus récente et n’a pas été modifiée.",
            "Mettez Clawdbot à jour.",
        ),
        _ => {
            let message = format!("La base de données ne s’ouvre pas : {told}");
            return (message, "Consultez le journal, puis redémarrez la passerelle.".to_owned());
        }
    };
    (message.to_owned(), remedy.to_owned())
}
