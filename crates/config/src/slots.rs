//! Which keys hold secrets.

/// Keys whose value is a secret; `*` stands for any one name.
const SLOTS: [&str; 20] = [
    "gateway.auth.token",
    "gateway.auth.password",
    "gateway.remote.token",
    "gateway.remote.password",
    "models.providers.*.apiKey",
    "channels.*.botToken",
    "channels.*.webhookSecret",
    "channels.*.accounts.*.botToken",
    "channels.*.accounts.*.webhookSecret",
    "hooks.token",
    "talk.apiKey",
    "tools.web.search.apiKey",
    "skills.entries.*.apiKey",
    "skills.entries.*.env.*",
    "plugins.entries.*.apiKey",
    "auth.profiles.*.key",
    "auth.profiles.*.access",
    "auth.profiles.*.refresh",
    "models.providers.*.headers.*",
    "env.vars.*",
];

/// How the name of a secret ends, whatever block it stands in.
const NAME_ENDINGS: [&str; 11] = [
    "token",
    "password",
    "passwd",
    "passphrase",
    "secret",
    "apikey",
    "privatekey",
    "accesskey",
    "secretkey",
    "credential",
    "credentials",
];

/// Parts of a request header's name that say that it authenticates.
const HEADER_PARTS: [&str; 6] = ["auth", "cookie", "key", "token", "secret", "password"];

/// Whether a secret reference (`$VAR`, `{source, id}`) may stand at `path`.
pub(crate) fn takes_reference(path: &[String]) -> bool {
    path.first().is_some_and(|block| block != "env") && SLOTS.iter().any(|slot| matches(slot, path))
}

/// Whether the value at `path` must never be shown: a secret by its place or its name.
pub fn is_secret(path: &[String]) -> bool {
    if SLOTS.iter().any(|slot| matches(slot, path)) {
        return true;
    }
    let is_block = matches("env.vars", path) || matches("env.shellEnv", path);
    let is_env_variable = matches!(path, [.., block, _] if block == "env") && !is_block;
    is_env_variable || is_auth_header(path) || path.last().is_some_and(|name| is_secret_name(name))
}

/// Whether the secret at `path` is looked for in other texts as well. Most variables hold no secret,
/// and hiding everything that repeats `production` would help nobody.
pub(crate) fn is_searched(path: &[String]) -> bool {
    let in_env = path.iter().any(|block| block == "env");
    let named_secret =
        || path.last().is_some_and(|name| is_secret_name(name) || name.ends_with("KEY"));
    is_secret(path) && (!in_env || named_secret())
}

pub(crate) fn is_secret_name(name: &str) -> bool {
    let name: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    NAME_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

fn is_auth_header(path: &[String]) -> bool {
    let [.., block, name] = path else {
        return false;
    };
    let name = name.to_ascii_lowercase();
    block.eq_ignore_ascii_case("headers") && HEADER_PARTS.iter().any(|part| name.contains(part))
}

/// Whether `path` has the shape of `pattern`, a dotted path in which `*` is any one name.
pub(crate) fn matches(pattern: &str, path: &[String]) -> bool {
    let mut names = path.iter();
    let all =
        pattern.split('.').all(|part| names.next().is_some_and(|name| part == "*" || part == name));
    all && names.next().is_none()
}
