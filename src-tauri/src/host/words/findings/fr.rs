//! French.

use clawdbot_config::Finding;

use super::{Kinds, line};
use crate::settings::Language;

static KINDS: Kinds = Kinds {
    anything: "une valeur",
    one_of: "une des valeurs",
    or: " ou ",
    address: "une adresse IPv4",
    filled_text: "un texte qui n’est pas vide",
    text: "un texte",
    flag: "true ou false",
    list: "une liste",
    object: "un objet",
    whole: "un nombre entier",
    number: "un nombre",
    range: [" de {} à {}", " d’au moins {}", " d’au plus {}"],
    null: "null (retirez la clé pour la valeur par défaut)",
    empty_text: "un texte vide",
    other_text: "un autre texte",
    missing: "ce fichier n’existe pas",
    denied: "accès refusé",
};

pub(super) fn say(finding: &Finding) -> String {
    let said = match finding {
        Finding::Unreadable(reason) => {
            return format!("lecture impossible : {}", KINDS.reason(reason));
        }
        Finding::More(more) => return format!("et {more} autres problèmes"),
        Finding::NoObject => "attendu : un objet, { … }",
        Finding::WrongType => "un réglage n’est pas du type attendu",
        Finding::TooLarge { most, found } => {
            return format!("attendu : {most} Mio au plus ; trouvé : {found} octets");
        }
        Finding::TooDeep(most) => return format!("attendu : {most} niveaux d’imbrication au plus"),
        Finding::NotClosed(end) => return format!("il manque \"{end}\" avant la fin du fichier"),
        Finding::SecondValue => "rien ne doit suivre la valeur du document",
        Finding::NoComma => "il manque une virgule",
        Finding::NoColon => "il manque un deux-points après la clé",
        Finding::NoValue => "il manque une valeur après le deux-points",
        Finding::NoQuotes => "il manque une valeur ; un texte s’écrit entre guillemets droits",
        Finding::BrokenText => {
            "un texte est incomplet : il manque son guillemet final, ou une séquence d’échappement n’est pas valable"
        }
        Finding::NotJson5(told) => return format!("ce n’est pas du JSON5 valable : {told}"),
        Finding::ReservedName => "ce nom est réservé ; renommez ou retirez la clé",
        Finding::KeyTwice => "cette clé est là deux fois ; n’en gardez qu’une",
        Finding::NumberTooLarge => "ce nombre est trop grand",
        Finding::NoKey { name, expected } => {
            return format!("il manque la clé \"{name}\" avec {}", KINDS.expected(expected));
        }
        Finding::Mismatch { expected, found } => {
            let (expected, found) = (KINDS.expected(expected), KINDS.found(found));
            return format!("attendu : {expected} ; trouvé : {found}");
        }
        Finding::NoVariable { name, path } => {
            return format!(
                "la variable d’environnement \"{name}\", nommée à {path}, n’existe pas"
            );
        }
        Finding::SecretSource => {
            "cette source de secrets n’est pas disponible ici ; utilisez un texte, \"${VAR}\" ou {source: \"env\", id: \"VAR\"}"
        }
        Finding::IncludeType => "$include : attendu : un nom de fichier ou une liste de noms",
        Finding::IncludedNoObject => {
            "le fichier inclus doit contenir un objet, car d’autres clés accompagnent $include"
        }
        Finding::IncludeLoop(chain) => {
            return format!("ces fichiers s’incluent les uns les autres : {chain}");
        }
        Finding::IncludesTooDeep(most) => {
            return format!("les fichiers peuvent s’inclure sur {most} niveaux au plus");
        }
        Finding::TooManyIncludes(most) => {
            return format!("un document peut inclure {most} fichiers au plus");
        }
        Finding::NotIncluded { path, reason } => {
            let reason = KINDS.reason(reason);
            return format!("impossible d’inclure {} : {reason}", path.display());
        }
        Finding::IncludeOutside(path) => {
            return format!(
                "impossible d’inclure {} : il est hors du dossier de configuration ; déplacez-le là, ou nommez son dossier dans CLAWDBOT_INCLUDE_ROOTS",
                path.display()
            );
        }
        Finding::IncludeForeign { path, owner } => {
            return format!(
                "impossible d’inclure {} : il appartient à l’utilisateur {owner}, pas à vous",
                path.display()
            );
        }
        Finding::Included { path, issue } => {
            return format!("dans {} : {}", path.display(), line(issue, Language::Fr));
        }
        Finding::CustomBind => "\"custom\" demande l’adresse dans gateway.customBindHost",
        Finding::TailscaleBind => {
            "Tailscale publie l’adresse loopback ; mettez gateway.bind à \"loopback\""
        }
        Finding::FunnelAuth => {
            "\"funnel\" atteint Internet et demande gateway.auth.mode \"password\""
        }
        Finding::ProxyAddress => "attendu : une adresse IP ou une plage comme 10.0.0.0/8",
        Finding::ProxyHeader => {
            "\"trusted-proxy\" demande gateway.auth.trustedProxy.userHeader, l’en-tête où le proxy nomme l’utilisateur"
        }
        Finding::NoProxy => {
            "\"trusted-proxy\" demande l’adresse du proxy dans gateway.trustedProxies"
        }
        Finding::ProxyAndSecret => {
            "\"trusted-proxy\" et gateway.auth.token ou gateway.auth.password s’excluent ; retirez l’un des deux"
        }
        Finding::LogFile => "attendu : un chemin absolu, ou un chemin qui commence par ~/",
        Finding::HookPath => "attendu : un chemin à part comme \"/hooks\"",
        Finding::HookToken => {
            "doit être différent du jeton et du mot de passe de la passerelle elle-même"
        }
        Finding::HookKey => {
            "une clé avec des variables commence par \"hook:\", pour qu’une requête ne choisisse pas n’importe quelle conversation"
        }
        Finding::GatewayAddress => "attendu : une adresse qui commence par ws:// ou wss://",
        Finding::Fingerprint => "attendu : les 64 chiffres hexadécimaux d’un SHA-256",
        Finding::NoAgentId => "il manque la clé \"id\" avec un texte",
        Finding::AgentId => {
            "l’identifiant d’un agent est une lettre ou un chiffre, puis jusqu’à 63 lettres, chiffres, \"_\" ou \"-\""
        }
        Finding::AgentTwice => "cet identifiant d’agent sert deux fois",
        Finding::Duration => "attendu : une durée comme \"30m\" ou \"1h\", ou \"0m\" pour jamais",
        Finding::TimeOfDay => "attendu : une heure comme \"08:00\", jusqu’à \"24:00\"",
        Finding::ProviderName => {
            "le nom d’un fournisseur n’est pas vide et n’a pas de barre oblique"
        }
        Finding::ProviderAddress => "attendu : une adresse qui commence par http:// ou https://",
        // Warnings, which keep nothing from starting.
        Finding::UnknownKey { .. }
        | Finding::BlankSecret
        | Finding::TwoSecrets
        | Finding::NoHookToken
        | Finding::RemoteNowhere => return finding.to_string(),
    };
    said.to_owned()
}
