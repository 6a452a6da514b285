use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::Issue;

/// What is wrong at one place. Its text is the English one; who speaks other languages has words of
/// their own for each. None holds a configured string.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the text says what each is")]
pub enum Finding {
    #[error("cannot be read: {0}")]
    Unreadable(Reason),
    #[error("and {0} more problems")]
    More(usize),
    #[error("expected an object: {{ … }}")]
    NoObject,
    #[error("a setting does not have the expected type")]
    WrongType,
    #[error("expected at most {most} MiB, found {found} bytes")]
    TooLarge { most: usize, found: usize },
    #[error("expected at most {0} levels of nesting")]
    TooDeep(usize),
    #[error("expected \"{0}\" before the end of the file")]
    NotClosed(&'static str),
    #[error("expected nothing after the document's value")]
    SecondValue,
    #[error("expected a comma")]
    NoComma,
    #[error("expected a colon after the key")]
    NoColon,
    #[error("expected a value after the colon")]
    NoValue,
    #[error("expected a value; a text needs quotes around it")]
    NoQuotes,
    #[error("expected a complete text with valid escapes and a closing quote")]
    BrokenText,
    /// The words are the parser's.
    #[error("not valid JSON5: {0}")]
    NotJson5(String),
    #[error("this name is reserved; rename or remove the key")]
    ReservedName,
    #[error("this key stands twice; keep one of them")]
    KeyTwice,
    #[error("this number is too large")]
    NumberTooLarge,

    #[error("expected the key \"{name}\" with {expected}")]
    NoKey { name: String, expected: Expected },
    #[error("expected {expected}, found {found}")]
    Mismatch { expected: Expected, found: Found },
    /// A warning; perhaps with the name that was meant.
    #[error("unknown key \"{name}\" is ignored{}", did_you_mean(meant.as_deref()))]
    UnknownKey { name: String, meant: Option<String> },
    #[error("this secret is blank and counts as not set")]
    BlankSecret,
    #[error("Missing env var \"{name}\" referenced at config path: {path}")]
    NoVariable { name: String, path: String },
    #[error(
        "this source of secrets is not available here; use a text, \"${{VAR}}\" or {{source: \"env\", id: \"VAR\"}}"
    )]
    SecretSource,

    #[error("$include: expected a file name or a list of file names")]
    IncludeType,
    #[error("the included file has to hold an object, because other keys stand beside $include")]
    IncludedNoObject,
    #[error("these files include one another: {0}")]
    IncludeLoop(String),
    #[error("files may include one another at most {0} deep")]
    IncludesTooDeep(usize),
    #[error("a document may include at most {0} files")]
    TooManyIncludes(usize),
    #[error("cannot include {}: {reason}", path.display())]
    NotIncluded { path: PathBuf, reason: Reason },
    #[error(
        "cannot include {}: it lies outside the configuration directory; move it there, or name its directory in CLAWDBOT_INCLUDE_ROOTS",
        .0.display()
    )]
    IncludeOutside(PathBuf),
    #[error("cannot include {}: it belongs to user id {owner}, not to you", path.display())]
    IncludeForeign { path: PathBuf, owner: u32 },
    #[error("in {}: {issue}", path.display())]
    Included { path: PathBuf, issue: Box<Issue> },

    #[error("\"custom\" needs the address in gateway.customBindHost")]
    CustomBind,
    #[error("Tailscale publishes the loopback address; set gateway.bind to \"loopback\"")]
    TailscaleBind,
    #[error("\"funnel\" reaches the Internet and needs gateway.auth.mode \"password\"")]
    FunnelAuth,
    #[error(
        "both a token and a password are set, and the token is used; set gateway.auth.mode to choose"
    )]
    TwoSecrets,
    #[error("expected an IP address or a range such as 10.0.0.0/8")]
    ProxyAddress,
    #[error(
        "\"trusted-proxy\" needs gateway.auth.trustedProxy.userHeader, the header in which the proxy names the user"
    )]
    ProxyHeader,
    #[error("\"trusted-proxy\" needs the proxy's address in gateway.trustedProxies")]
    NoProxy,
    #[error(
        "\"trusted-proxy\" and gateway.auth.token or gateway.auth.password exclude each other; remove one of them"
    )]
    ProxyAndSecret,
    #[error("expected an absolute path, or one that begins with ~/")]
    LogFile,
    #[error("expected a path of its own such as \"/hooks\"")]
    HookPath,
    #[error("hooks stay off until hooks.token is set")]
    NoHookToken,
    #[error("must differ from the gateway's own token and password")]
    HookToken,
    #[error(
        "a key with placeholders starts with \"hook:\", so that a request cannot choose any conversation"
    )]
    HookKey,
    #[error("expected an address that starts with ws:// or wss://")]
    GatewayAddress,
    #[error("expected the 64 hexadecimal digits of a SHA-256")]
    Fingerprint,
    #[error("\"remote\" needs gateway.remote.url or gateway.remote.sshTarget to connect")]
    RemoteNowhere,
    #[error("expected the key \"id\" with a text")]
    NoAgentId,
    #[error("an agent's id is a letter or digit, then up to 63 letters, digits, \"_\" or \"-\"")]
    AgentId,
    #[error("this agent's id is used twice")]
    AgentTwice,
    #[error("expected a duration such as \"30m\" or \"1h\", or \"0m\" for never")]
    Duration,
    #[error("expected a time of day such as \"08:00\", up to \"24:00\"")]
    TimeOfDay,
    #[error("a provider's name is not empty and has no slash")]
    ProviderName,
    #[error("expected an address that starts with http:// or https://")]
    ProviderAddress,
}

/// Why a file is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Reason {
    Missing,
    Denied,
    /// In the words of the system.
    Other(String),
}

/// What a setting may be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Expected {
    Anything,
    /// One of these values, as JSON.
    OneOf(Vec<String>),
    Either(Vec<Self>),
    Address,
    FilledText,
    Text,
    Flag,
    List,
    Object,
    Whole(Range),
    Number(Range),
}

/// The bounds of a number, both included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Range {
    pub least: Option<String>,
    pub most: Option<String>,
}

/// What a setting is instead. Texts are not quoted, because any of them may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Found {
    Null,
    Flag(bool),
    Number(String),
    EmptyText,
    OtherText,
    List,
    Object,
}

impl From<&io::Error> for Reason {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::Denied,
            _ => Self::Other(error.to_string()),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "there is no such file",
            Self::Denied => "permission denied",
            Self::Other(words) => words,
        })
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anything => f.write_str("a value"),
            Self::OneOf(values) if values.len() == 1 => f.write_str(&values.concat()),
            Self::OneOf(values) => write!(f, "one of {}", values.join(", ")),
            Self::Either(all) => {
                let all: Vec<_> = all.iter().map(ToString::to_string).collect();
                f.write_str(&all.join(" or "))
            }
            Self::Address => f.write_str("an IPv4 address"),
            Self::FilledText => f.write_str("a text that is not empty"),
            Self::Text => f.write_str("a text"),
            Self::Flag => f.write_str("true or false"),
            Self::List => f.write_str("a list"),
            Self::Object => f.write_str("an object"),
            Self::Whole(range) => write!(f, "a whole number{range}"),
            Self::Number(range) => write!(f, "a number{range}"),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.least, &self.most) {
            (Some(least), Some(most)) => write!(f, " from {least} to {most}"),
            (Some(least), None) => write!(f, " of at least {least}"),
            (None, Some(most)) => write!(f, " of at most {most}"),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null; remove the key to use the default"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Number(number) => f.write_str(number),
            Self::EmptyText => f.write_str("an empty text"),
            Self::OtherText => f.write_str("another text"),
            Self::List => f.write_str("a list"),
            Self::Object => f.write_str("an object"),
        }
    }
}

fn did_you_mean(meant: Option<&str>) -> String {
    meant.map(|meant| format!("; did you mean \"{meant}\"?")).unwrap_or_default()
}
