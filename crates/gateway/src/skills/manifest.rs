//! The front matter of a `SKILL.md`.

use clawdbot_protocol::SkillNeeds;
use serde::Deserialize;
use serde_json::Value;

use super::{Installer, yaml};

/// The blocks of `metadata` that the product reads, its own name first.
const FAMILIES: [&str; 3] = ["clawdbot", "moltbot", "openclaw"];

/// What a `SKILL.md` says about itself.
#[derive(Debug, Clone)]
pub(crate) struct Manifest {
    pub(crate) name: String,
    pub(crate) description: String,
    /// Its name in `skills.entries`.
    pub(crate) key: String,
    pub(crate) homepage: Option<String>,
    pub(crate) emoji: Option<String>,
    pub(crate) primary_env: Option<String>,
    pub(crate) always: bool,
    pub(crate) user_invocable: bool,
    pub(crate) model_visible: bool,
    pub(crate) needs: SkillNeeds,
    pub(crate) installers: Vec<Installer>,
}

/// Why a `SKILL.md` is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManifestError {
    /// The file does not begin with `---` … `---`.
    #[error("it has no front matter between two lines of ---")]
    NoFrontMatter,
    /// The front matter is no YAML, or of the wrong shape.
    #[error("its front matter cannot be read: {0}")]
    Unreadable(String),
}

#[derive(Deserialize)]
struct FrontMatter {
    name: Option<String>,
    description: Option<String>,
    homepage: Option<String>,
    #[serde(rename = "user-invocable")]
    user_invocable: Option<bool>,
    #[serde(rename = "disable-model-invocation")]
    hidden_from_models: Option<bool>,
    #[serde(default)]
    metadata: Value,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    skill_key: Option<String>,
    homepage: Option<String>,
    emoji: Option<String>,
    primary_env: Option<String>,
    always: bool,
    os: Vec<String>,
    requires: SkillNeeds,
    install: Vec<Installer>,
}

impl Manifest {
    /// Reads the front matter of `text`; the directory gives the name where it has none.
    pub(crate) fn parse(text: &str, directory: &str) -> Result<Self, ManifestError> {
        let yaml = front_matter(text).ok_or(ManifestError::NoFrontMatter)?;
        let front: FrontMatter = from_yaml(yaml)?;
        let metadata = metadata(front.metadata)?;
        let name = front.name.filter(|name| !name.trim().is_empty());
        let name = name.unwrap_or_else(|| directory.to_owned());
        let mut installers = metadata.install;
        for (index, installer) in installers.iter_mut().enumerate() {
            installer.id.get_or_insert_with(|| format!("{}-{index}", installer.kind));
        }
        Ok(Self {
            key: metadata.skill_key.unwrap_or_else(|| name.clone()),
            name,
            description: front.description.unwrap_or_default().trim().to_owned(),
            homepage: metadata.homepage.or(front.homepage),
            emoji: metadata.emoji,
            primary_env: metadata.primary_env,
            always: metadata.always,
            user_invocable: front.user_invocable.unwrap_or(true),
            model_visible: !front.hidden_from_models.unwrap_or(false),
            needs: SkillNeeds { os: metadata.os, ..metadata.requires },
            installers,
        })
    }
}

fn front_matter(text: &str) -> Option<&str> {
    let text = text.trim_start_matches('\u{feff}');
    let rest = text.strip_prefix("---")?;
    let rest = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n'))?;
    let end = rest.match_indices("---").find(|(at, _)| {
        let before = rest.get(..*at).unwrap_or_default();
        let after = rest.get(at + 3..).unwrap_or_default();
        (before.is_empty() || before.ends_with('\n'))
            && (after.is_empty() || after.starts_with(['\n', '\r']))
    })?;
    rest.get(..end.0)
}

/// `metadata` is a mapping, or JSON in a string; what it says to the product is in one of its
/// members.
fn metadata(value: Value) -> Result<Metadata, ManifestError> {
    let value = match value {
        Value::String(text) => from_yaml(&text)?,
        value => value,
    };
    let own = FAMILIES.iter().find_map(|family| value.get(family));
    match own {
        Some(own) => serde_json::from_value(own.clone())
            .map_err(|error| ManifestError::Unreadable(error.to_string())),
        None => Ok(Metadata::default()),
    }
}

fn from_yaml<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, ManifestError> {
    let value = yaml::parse(text).map_err(|error| ManifestError::Unreadable(error.to_string()))?;
    serde_json::from_value(value).map_err(|error| ManifestError::Unreadable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_as_the_original_writes_it() {
        let text = "---\nname: tea\ndescription: \"Makes: tea\"\nmetadata: {\"clawdbot\":{\"emoji\":\
                    \"🍵\",\"requires\":{\"bins\":[\"kettle\"]},\"os\":[\"linux\"],\"install\":[{\"kind\":\
                    \"brew\",\"formula\":\"kettle\"}]}}\n---\nBoil water.\n";
        let tea = Manifest::parse(text, "dir").unwrap();
        assert_eq!((tea.name.as_str(), tea.key.as_str()), ("tea", "tea"));
        assert_eq!(tea.description, "Makes: tea");
        assert_eq!(tea.needs.bins, ["kettle"]);
        assert_eq!(tea.needs.os, ["linux"]);
        assert_eq!(tea.installers[0].row().label, "Install kettle (brew)");
        assert_eq!(tea.installers[0].row().id, "brew-0");
    }

    #[test]
    fn the_directory_names_a_skill_that_has_no_name() {
        let plain = Manifest::parse("---\ndescription: x\n---\n", "dir").unwrap();
        assert_eq!((plain.name.as_str(), plain.always), ("dir", false));
    }

    #[test]
    fn text_without_readable_front_matter_is_refused() {
        assert!(Manifest::parse("# Title\n", "dir").is_err());
        assert!(Manifest::parse("---\nname: [\n---\n", "dir").is_err());
    }
}
