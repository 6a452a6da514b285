//! French.

use crate::bridge::BridgeError;
use crate::diagnostics::DiagnosticsError;
use crate::links::LinkError;
use crate::login::LoginError;
use crate::settings::SettingsError;

pub(super) fn link(error: &LinkError) -> String {
    let why = match error {
        LinkError::Malformed => "ce n’est pas une adresse web ou de courriel complète",
        LinkError::Scheme => "seuls les liens http, https et mailto sortent de l’application",
        LinkError::Credentials => "il contient un nom d’utilisateur ou un mot de passe",
        LinkError::MailField => "il remplit d’autres champs du courriel que le texte",
        LinkError::Open(error) => {
            return format!(
                "Le bureau n’a pas pu ouvrir ce lien : {error}. Copiez-le plutôt dans votre navigateur."
            );
        }
    };
    format!("Ce lien n’a pas été ouvert, car {why}.")
}

pub(super) fn settings(error: &SettingsError) -> String {
    match error {
        SettingsError::Patch(error) => {
            format!("Ces réglages n’ont pas été enregistrés : {error}. Rien n’a changé.")
        }
        SettingsError::Shortcut(shortcut) => format!(
            "Le raccourci {shortcut:?} n’a pas été enregistré, car ce n’est pas une touche avec Ctrl, Alt, Maj ou Super. Choisissez-en un autre."
        ),
        SettingsError::Write { path, source } => format!(
            "Les réglages n’ont pas pu être écrits dans {} : {source}. Vérifiez qu’il reste de la place et que vous pouvez y écrire.",
            path.display()
        ),
        SettingsError::Login(error) => {
            let why = match error {
                LoginError::Entry(error) => format!("l’entrée n’a pas été modifiée : {error}"),
                LoginError::Mend(error) => {
                    format!("l’entrée ne peut pas être lancée depuis cet emplacement : {error}")
                }
                LoginError::Home(error) => format!("il n’y a pas de dossier personnel : {error}"),
            };
            format!("Lancement à l’ouverture de session : {why}.")
        }
        SettingsError::Ended => {
            "Les réglages n’ont pas pu être enregistrés, car l’application se ferme.".to_owned()
        }
    }
}

pub(super) fn diagnostics(error: &DiagnosticsError) -> String {
    match error {
        DiagnosticsError::Log { path, source } => {
            format!("Le journal {} ne peut pas être lu : {source}.", path.display())
        }
        DiagnosticsError::Write { path, source } => format!(
            "{} n’a pas pu être écrit : {source}. Vérifiez qu’il reste de la place et que vous pouvez y écrire.",
            path.display()
        ),
        DiagnosticsError::Pack(error) => {
            format!("Les fichiers n’ont pas pu être rassemblés : {error}.")
        }
        DiagnosticsError::Describe(name, error) => {
            format!("{name} n’a pas pu être rédigé : {error}.")
        }
        DiagnosticsError::TooLong => "Ce texte est trop long pour un code QR.".to_owned(),
        DiagnosticsError::Open { path, source } => format!(
            "{} n’a pas pu être ouvert : {source}. Ouvrez-le dans votre gestionnaire de fichiers.",
            path.display()
        ),
        DiagnosticsError::Ended => {
            "Cela n’a pas pu être fait, car l’application se ferme.".to_owned()
        }
    }
}

pub(super) fn bridge(error: &BridgeError) -> &'static str {
    match error {
        BridgeError::NoGateway(_) | BridgeError::NotOpen => {
            "Il n’y a pas de connexion à la passerelle. Ouvrez-en une d’abord."
        }
        BridgeError::Busy => {
            "La passerelle est occupée et ne prend plus de messages. Réessayez dans un instant."
        }
        BridgeError::TooLarge => "Ce message dépasse 25 Mio, ce que la passerelle n’accepte pas.",
    }
}
