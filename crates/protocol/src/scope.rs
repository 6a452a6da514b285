use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who a connection speaks as (protocol §6.2).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A controlling client: command line, web page, app.
    Operator,
    /// A capability host: phone, camera, screen.
    Node,
}

impl Role {
    /// Parses the wire name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "operator" => Some(Self::Operator),
            "node" => Some(Self::Node),
            _ => None,
        }
    }

    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Node => "node",
        }
    }
}

/// A right that a method may demand (protocol §6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Anything.
    Admin,
    /// Look.
    Read,
    /// Talk and run.
    Write,
    /// Decide on approvals.
    Approvals,
    /// Admit devices and nodes.
    Pairing,
    /// Answer questions that runs ask (generation 4).
    Questions,
    /// Voice (generation 4; 3 asks for write, which covers it).
    Talk,
    /// See the secrets of voice providers (generation 4).
    TalkSecrets,
}

impl Scope {
    /// The scopes of generation 3, which a trusted client has that names none. Admin covers the
    /// others.
    pub const ALL: [Self; 5] =
        [Self::Admin, Self::Read, Self::Write, Self::Approvals, Self::Pairing];

    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "operator.admin",
            Self::Read => "operator.read",
            Self::Write => "operator.write",
            Self::Approvals => "operator.approvals",
            Self::Pairing => "operator.pairing",
            Self::Questions => "operator.questions",
            Self::Talk => "operator.talk",
            Self::TalkSecrets => "operator.talk.secrets",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The scopes a connection holds. Unknown names are kept and echoed, and grant nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Scopes(Vec<String>);

impl Scopes {
    /// Everything, by [`Scope::ALL`].
    pub fn all() -> Self {
        Scope::ALL.iter().map(|scope| scope.as_str().to_owned()).collect()
    }

    /// Whether these scopes cover `scope`: admin covers all, write covers read and talk.
    pub fn allow(&self, scope: Scope) -> bool {
        self.has(scope)
            || self.has(Scope::Admin)
            || (matches!(scope, Scope::Read | Scope::Talk) && self.has(Scope::Write))
    }

    /// Whether everything in `other` is covered by these scopes.
    pub fn cover(&self, other: &Self) -> bool {
        self.lacking(other).is_none()
    }

    /// The first of `other` that these scopes do not cover.
    pub fn lacking<'a>(&self, other: &'a Self) -> Option<&'a str> {
        let covered = |name: &String| {
            self.0.contains(name)
                || self.has(Scope::Admin)
                || (name == Scope::Read.as_str() && self.has(Scope::Write))
        };
        other.0.iter().find(|name| !covered(name)).map(String::as_str)
    }

    /// These scopes and those of `other`, in alphabetical order.
    pub fn union(&self, other: &Self) -> Self {
        let names: BTreeSet<&String> = self.0.iter().chain(&other.0).collect();
        Self(names.into_iter().cloned().collect())
    }

    /// What both these scopes and `other` cover.
    pub fn shared_with(&self, other: &Self) -> Self {
        let covered = |scopes: &Self, name: &String| scopes.cover(&Self(vec![name.clone()]));
        let all = self.0.iter().chain(&other.0);
        all.filter(|name| covered(self, name) && covered(other, name)).cloned().collect()
    }

    /// The names, in the order they were given.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// Whether nothing is granted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn has(&self, scope: Scope) -> bool {
        self.0.iter().any(|name| name == scope.as_str())
    }
}

impl FromIterator<String> for Scopes {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Self {
        let mut seen = BTreeSet::new();
        Self(names.into_iter().filter(|name| seen.insert(name.clone())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(names: &[&str]) -> Scopes {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn write_covers_read_and_admin_covers_all() {
        assert!(scopes(&["operator.write"]).allow(Scope::Read));
        assert!(!scopes(&["operator.read"]).allow(Scope::Write));
        assert!(scopes(&["operator.write"]).allow(Scope::Talk));
        assert!(!scopes(&["operator.talk"]).allow(Scope::TalkSecrets));
        assert!(scopes(&["operator.admin"]).allow(Scope::Pairing));
        assert!(!scopes(&[]).allow(Scope::Read));
    }

    #[test]
    fn what_two_sets_share_is_never_more_than_either_prx_03() {
        let reader = scopes(&["operator.read"]);
        assert_eq!(scopes(&["operator.admin"]).shared_with(&reader), reader);
        assert_eq!(reader.shared_with(&scopes(&["operator.admin"])), reader);
        assert_eq!(reader.shared_with(&scopes(&["operator.pairing"])), scopes(&[]));
    }

    #[test]
    fn unknown_names_are_kept_and_grant_nothing() {
        let odd = scopes(&["operator.future", "operator.future"]);
        assert_eq!(odd.names(), ["operator.future"]);
        assert!(Scope::ALL.iter().all(|scope| !odd.allow(*scope)));
    }
}
