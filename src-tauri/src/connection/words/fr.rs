//! French.

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
    starting: "Démarrage",
    ready: "Prête",
    connecting: "Connexion",
    paused: "Déconnecté jusqu’à votre prochaine connexion",
    connect_again: "Reconnectez-vous dans les réglages de connexion.",
    tunnel_down: "Le tunnel est coupé",
    no_answer: "La passerelle distante ne répond pas",
    waiting: "Attente d’une autre passerelle sur cet ordinateur",
    waiting_because: "La passerelle est arrêtée ici pour qu’un autre programme puisse s’en charger.",
    waiting_remedy: "Lancez-la avec clawdbot gateway, ou redémarrez la passerelle ici.",
    attached: "Un autre programme de cet ordinateur fait tourner la passerelle ; cette application l’utilise.",
    port_taken: "Le port {} est utilisé par un autre programme : seule cette fenêtre atteint la passerelle.",
    port_taken_remedy: "Arrêtez ce programme puis redémarrez la passerelle.",
};

const ACCEPT: &str = "Reconnectez-vous, comparez l’empreinte avec celle que vous donne le propriétaire de la machine, et acceptez-la.";
const CHANGED: &str = "La machine distante présente une autre clé d’hôte qu’avant. Quelqu’un écoute peut-être, ou elle a été réinstallée.";

pub(super) fn tunnel(trouble: &Trouble) -> (String, String) {
    let (message, remedy) = match trouble {
        Trouble::HostKeyUnknown { fingerprint: Some(fingerprint) } => {
            let message = format!(
                "La machine distante présente une clé d’hôte inconnue ici ({fingerprint})."
            );
            return (message, ACCEPT.to_owned());
        }
        Trouble::HostKeyUnknown { fingerprint: None } => {
            ("La machine distante présente une clé d’hôte inconnue ici.", ACCEPT)
        }
        Trouble::HostKeyChanged { removal: Some(removal) } => {
            let remedy = format!(
                "Si vous savez pourquoi elle a changé, lancez ceci puis reconnectez-vous : {removal}"
            );
            return (CHANGED.to_owned(), remedy);
        }
        Trouble::HostKeyChanged { removal: None } => (
            CHANGED,
            "Si vous savez pourquoi elle a changé, retirez l’ancienne clé de ~/.ssh/known_hosts avec ssh-keygen -R puis reconnectez-vous.",
        ),
        Trouble::Configuration(line) => {
            let message = format!("ssh n’accepte pas sa configuration : {line}.");
            return (message, "Corrigez cette ligne de votre configuration SSH.".to_owned());
        }
        Trouble::Program(reason) => {
            let message = format!("ssh ne peut pas démarrer : {reason}.");
            return (message, "Vérifiez qu’OpenSSH est bien installé.".to_owned());
        }
        Trouble::Other(reason) => {
            let message = format!("Le tunnel a échoué : {reason}.");
            return (message, "Essayez la même chose avec ssh dans un terminal.".to_owned());
        }
        Trouble::Name => (
            "Le nom de la machine distante est introuvable.",
            "Vérifiez l’orthographe de l’hôte, ou utilisez son adresse.",
        ),
        Trouble::Refused => (
            "La machine distante refuse les connexions SSH.",
            "Vérifiez qu’un serveur SSH y tourne et que le port est le bon.",
        ),
        Trouble::Timeout => (
            "La machine distante ne répond pas.",
            "Vérifiez que la machine est allumée et qu’aucun pare-feu ne fait obstacle.",
        ),
        Trouble::Unreachable => (
            "Aucun chemin réseau ne mène à la machine distante.",
            "Vérifiez la connexion réseau de cet ordinateur.",
        ),
        Trouble::Denied => (
            "La machine distante ne vous laisse pas entrer.",
            "Vérifiez le nom d’utilisateur, le mot de passe ou la phrase secrète si on vous en a demandé, et que votre clé publique est dans ~/.ssh/authorized_keys sur cette machine.",
        ),
        Trouble::Declined => (
            "L’ouverture de session a été annulée.",
            "Reconnectez-vous quand vous aurez la réponse.",
        ),
        Trouble::IdentityPermissions => (
            "D’autres peuvent lire le fichier de clé SSH : ssh ne l’utilise donc pas.",
            "Lancez chmod 600 sur le fichier de clé puis reconnectez-vous.",
        ),
        Trouble::ForwardRefused => (
            "La machine distante n’autorise pas de tunnel vers le port de la passerelle.",
            "Mettez AllowTcpForwarding yes (ou PermitOpen pour ce port) dans son sshd_config.",
        ),
        Trouble::GatewayPort => (
            "Le tunnel est ouvert, mais rien n’écoute sur le port de la passerelle de la machine distante.",
            "Lancez-y la passerelle (clawdbot gateway), ou corrigez le port distant.",
        ),
        Trouble::Lost => (
            "La connexion à la machine distante a été perdue.",
            "Rien à faire : un nouvel essai suit tout seul.",
        ),
    };
    (message.to_owned(), remedy.to_owned())
}

pub(super) fn ssh(error: &SshError) -> (String, &'static str) {
    match error {
        SshError::NoProgram => (
            "Il n’y a pas de programme ssh sur cet ordinateur.".to_owned(),
            "Installez OpenSSH (le paquet openssh-client) puis réessayez.",
        ),
        SshError::Scratch { path, source } => (
            format!(
                "Impossible de créer un dossier privé pour le tunnel dans {} : {source}.",
                path.display()
            ),
            "Vérifiez que vous pouvez y écrire, puis réessayez.",
        ),
    }
}

pub(super) fn target(error: &TargetError) -> (String, &'static str) {
    let message = match error {
        TargetError::NoDestination => {
            "Aucune machine distante n’est indiquée. Écrivez par exemple moi@serveur.".to_owned()
        }
        TargetError::NoAddress => {
            "Aucune adresse n’est indiquée. Écrivez par exemple wss://passerelle.example.".to_owned()
        }
        TargetError::Port => {
            "Le port de la passerelle distante est un nombre de 1 à 65535.".to_owned()
        }
        TargetError::Destination(error) => match error {
            DestinationError::Incomplete => {
                "La destination SSH est incomplète. Écrivez moi@serveur, moi@serveur:2222 ou un alias de votre configuration SSH."
            }
            DestinationError::Host => {
                "L’hôte de la destination SSH ne contient que des lettres, chiffres, points, tirets et tirets bas, et commence par une lettre ou un chiffre."
            }
            DestinationError::User => {
                "L’utilisateur de la destination SSH ne contient que des lettres, chiffres, points, tirets et tirets bas, et ne commence pas par un tiret."
            }
            DestinationError::Port => {
                "Le port de la destination SSH est un nombre de 1 à 65535."
            }
        }
        .to_owned(),
        TargetError::Identity(_) => {
            "Le fichier de clé SSH est un chemin absolu ou commence par ~/, sans signe %, guillemet ni saut de ligne.".to_owned()
        }
        TargetError::Address(error) => address(error),
        TargetError::Pin(_) => {
            "Une empreinte de certificat a 64 chiffres hexadécimaux (SHA-256).".to_owned()
        }
    };
    (message, "Corrigez-la dans les réglages de connexion.")
}

fn address(error: &AddressError) -> String {
    match error {
        AddressError::Malformed => {
            "L’adresse de la passerelle n’est pas une URL valable. Écrivez par exemple wss://passerelle.example.".to_owned()
        }
        AddressError::Scheme(scheme) => format!(
            "L’adresse de la passerelle commence par {scheme}://. Utilisez wss://, ou ws:// pour cet ordinateur et les réseaux privés."
        ),
        AddressError::HoldsSecret => {
            "L’adresse de la passerelle contient un nom d’utilisateur, un mot de passe ou un jeton. Donnez le secret à part.".to_owned()
        }
        AddressError::PlainPublic { host } => format!(
            "{host} est une adresse publique, où ws:// enverrait le jeton en clair. Utilisez wss:// ou un tunnel SSH."
        ),
        AddressError::PinNeedsTls => {
            "Une empreinte de certificat est donnée, mais ws:// n’en présente aucun : rien ne serait vérifié. Utilisez wss://, ou retirez l’empreinte.".to_owned()
        }
    }
}

pub(super) fn vault(error: &VaultError) -> (String, &'static str) {
    match error {
        VaultError::Locked => (
            "Le trousseau de cet ordinateur est verrouillé.".to_owned(),
            "Déverrouillez-le, puis réessayez.",
        ),
        VaultError::Silent => (
            "Le trousseau de cet ordinateur ne répond pas.".to_owned(),
            "Déverrouillez-le, puis réessayez.",
        ),
        VaultError::Gone => (
            "Le trousseau de cet ordinateur, où sont les secrets de cette application, a disparu."
                .to_owned(),
            "Relancez le trousseau, puis réessayez.",
        ),
        VaultError::Broken(reason) => (
            format!("Le trousseau de cet ordinateur est inutilisable : {reason}."),
            "Relancez le trousseau, puis réessayez.",
        ),
        VaultError::Damaged(name) => (
            format!(
                "L’entrée {name} de cette application, dans le trousseau ou dans remote-secrets.json, est endommagée."
            ),
            "Supprimez-la si vous n’en avez pas besoin, puis réessayez.",
        ),
        VaultError::File(reason) => (
            format!("Le fichier remote-secrets.json est inutilisable : {reason}."),
            "Vérifiez que vous pouvez le lire et y écrire, puis réessayez.",
        ),
        VaultError::Random(reason) => (
            format!(
                "Cet ordinateur n’a pas de nombres aléatoires pour une clé d’appareil : {reason}."
            ),
            "Redémarrez l’ordinateur, puis réessayez.",
        ),
    }
}

pub(super) fn holder(error: &HolderError) -> String {
    match error {
        HolderError::Nobody => "Aucun autre programme ne fait tourner la passerelle.".to_owned(),
        HolderError::Service(holder) => format!(
            "{holder} est maintenu par le gestionnaire de services du système. Arrêtez le service avec clawdbot gateway stop, puis redémarrez la passerelle ici."
        ),
        HolderError::Alive(holder) => format!(
            "{holder} n’a pas pu être arrêté. Arrêtez-le vous-même, puis redémarrez la passerelle ici."
        ),
        HolderError::Other(holder) => format!(
            "Un autre programme a maintenant le port : {holder}. Regardez ce que c’est, puis réessayez."
        ),
    }
}

pub(super) fn edit(error: &EditError) -> (String, &'static str) {
    (
        format!("clawdbot.json n’a pas été modifié : {error}."),
        "Corrigez-le, ou changez-y vous-même ce réglage.",
    )
}

pub(super) fn write(error: &io::Error) -> (String, &'static str) {
    (
        format!("clawdbot.json ne peut pas être écrit : {error}."),
        "Vérifiez qu’il reste de la place et que vous pouvez y écrire.",
    )
}

pub(super) fn tailscale(error: &TailscaleError) -> String {
    match error {
        TailscaleError::NotInstalled => {
            "Tailscale n’est pas installé sur cet ordinateur. Installez-le depuis tailscale.com/download.".to_owned()
        }
        TailscaleError::NotSignedIn { url } => {
            let link = url.as_ref().map(|url| format!(", ou ouvrez {url}")).unwrap_or_default();
            format!("Tailscale n’est pas connecté à un compte. Exécutez tailscale up{link}.")
        }
        TailscaleError::NotRunning(state) => {
            format!("Tailscale est arrêté ({state}). Lancez-le avec tailscale up.")
        }
        TailscaleError::Consent { url } => format!(
            "Votre tailnet ne l’autorise pas encore. Ouvrez {url} et autorisez-le ; la passerelle réessaie d’elle-même."
        ),
        TailscaleError::Operator => {
            "Cet utilisateur ne peut pas changer les réglages de Tailscale. Exécutez une fois : sudo tailscale set --operator=$USER".to_owned()
        }
        TailscaleError::Foreign(what) => format!(
            "Tailscale publie déjà {what} à cette adresse, et rien n’y est touché. Retirez-le avec tailscale serve --https=443 off."
        ),
        TailscaleError::Hangs(limit) => {
            format!("La commande tailscale n’a pas fini en {} s.", limit.as_secs())
        }
        TailscaleError::TooMuch => "La commande tailscale écrit sans fin.".to_owned(),
        TailscaleError::Unreadable => {
            "La réponse de la commande tailscale n’est pas comprise. Sa version est peut-être trop ancienne ; il faut la 1.60 ou une plus récente.".to_owned()
        }
        TailscaleError::Refused(why) => format!("Tailscale refuse : {why}"),
        TailscaleError::Start(why) => format!("La commande tailscale ne démarre pas : {why}"),
    }
}

/// Of a device that was not let in: headline, message, remedy.
pub(super) const DECLINED: (&str, &str, &str) = (
    "La passerelle distante n’a pas admis cet appareil",
    "La demande de cet appareil y a été refusée, ou personne n’y a répondu à temps.",
    "Réessayez, et approuvez là-bas la nouvelle demande : clawdbot devices approve {}.",
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
                "L’adresse de la passerelle est inutilisable",
                message,
                "Corrigez-la dans les réglages de connexion.",
            )
        }
        Cause::Name => (
            "Le nom de la passerelle est introuvable",
            format!("Le nom dans {host} est introuvable."),
            "Vérifiez l’orthographe de l’adresse.",
        ),
        Cause::Refused => (
            "Rien n’écoute à l’adresse de la passerelle",
            format!("Rien n’écoute à {host}."),
            "Vérifiez que la passerelle tourne et que le port est le bon.",
        ),
        Cause::Unreachable => (
            "La passerelle distante est hors d’atteinte",
            format!("{host} est hors d’atteinte."),
            "Vérifiez la connexion réseau, et que la machine est allumée.",
        ),
        Cause::Distrust(distrust) => {
            let (because, remedy) = identity(distrust);
            let message = format!("{host} n’a pas pu prouver son identité : {because}.");
            ("La passerelle distante n’a pas pu prouver son identité", message, remedy)
        }
        Cause::Timeout => (
            "La passerelle distante ne répond pas",
            format!("{host} n’a pas répondu à temps."),
            "Vérifiez qu’une passerelle y écoute et n’est pas surchargée.",
        ),
        Cause::NotAGateway => (
            "Il n’y a pas de passerelle à cette adresse",
            format!("Ce qui répond à {host} n’est pas une passerelle, ou d’une autre génération."),
            "Vérifiez l’adresse et le port.",
        ),
        Cause::NoneBehind => (
            "Il n’y a pas de passerelle derrière cette adresse",
            format!("Quelque chose répond à {host}, mais sans atteindre de passerelle."),
            "Vérifiez que la passerelle y tourne.",
        ),
        Cause::Circle => (
            "Le chemin vers la passerelle revient à cette application",
            format!(
                "Le chemin vers {host} revient à l’adresse que cette application garde pour elle."
            ),
            "Indiquez la machine ou le port où se trouve vraiment la passerelle.",
        ),
        Cause::Secret => (
            "La passerelle distante n’accepte pas le jeton ou le mot de passe",
            "La passerelle distante n’accepte pas le jeton ou le mot de passe.".to_owned(),
            "Entrez celui de cette passerelle dans les réglages de connexion.",
        ),
        Cause::Pairing => (
            "La passerelle distante ne connaît pas encore cet appareil",
            "La passerelle distante ne connaît pas encore cet appareil.".to_owned(),
            "Approuvez-le là-bas : clawdbot devices approve {}.",
        ),
        Cause::Denied => (
            "La passerelle distante refuse cette application",
            format!("La passerelle distante refuse cette application : {error}."),
            "Regardez le journal de cette passerelle, puis réessayez.",
        ),
    }
}

fn identity(distrust: Distrust) -> (String, &'static str) {
    match distrust {
        Distrust::NotPinned(found) => (
            format!("son certificat n’est pas celui qui est épinglé (son SHA-256 est {found})"),
            "Si vous savez pourquoi il a changé, entrez la nouvelle empreinte dans les réglages de connexion.",
        ),
        Distrust::Expired => (
            "son certificat n’est pas valable en ce moment".to_owned(),
            "Renouvelez le certificat là-bas, et vérifiez l’horloge de cet ordinateur.",
        ),
        Distrust::Name => (
            "son certificat est pour un autre nom".to_owned(),
            "Utilisez le nom pour lequel le certificat est fait.",
        ),
        Distrust::Issuer => (
            "cet ordinateur ne fait pas confiance à son certificat".to_owned(),
            "Entrez l’empreinte du certificat, si vous la connaissez, ou passez par SSH.",
        ),
        Distrust::NoTls => (
            "elle ne parle pas TLS correctement".to_owned(),
            "Vérifiez le port, ou passez par SSH.",
        ),
    }
}
