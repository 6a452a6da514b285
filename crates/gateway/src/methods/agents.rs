//! `agents.create`, `agents.update`, `agents.delete` (protocol §15): entries of the configuration.

use clawdbot_config::{Loaded, MAIN_AGENT, replace};
use clawdbot_protocol::{
    AgentCreated, AgentDeleted, AgentUpdated, AgentsCreateParams, AgentsDeleteParams,
    AgentsUpdateParams, RpcError,
};
use serde_json::{Map, Value, json};

use crate::rewrite::{Base, blocking, rewrite, unusable};
use crate::router::{Ctx, Reply};

/// Longest id.
const MAX_ID: usize = 64;

pub(super) async fn create(
    ctx: Ctx,
    params: AgentsCreateParams,
) -> Result<Reply<AgentCreated>, RpcError> {
    let gateway = &ctx.gateway;
    let name = params.name.trim().to_owned();
    let id = id_from(&name);
    if id.is_empty() {
        return Err(RpcError::invalid("an agent's name needs a letter or a digit"));
    }
    if id == MAIN_AGENT {
        return Err(RpcError::invalid(format!("\"{MAIN_AGENT}\" is reserved")));
    }
    let workspace = params
        .workspace
        .unwrap_or_else(|| format!("{}-{id}", gateway.paths.workspace_default.display()));
    let entry = fields(&AgentsUpdateParams {
        agent_id: id.clone(),
        name: Some(name.clone()),
        workspace: Some(workspace.clone()),
        model: params.model.clone(),
        emoji: params.emoji,
        avatar: params.avatar,
    });
    let add = {
        let id = id.clone();
        move |roster: &mut Roster<'_>| {
            if roster.find(&id).is_some() {
                return Err(RpcError::invalid(format!("agent \"{id}\" already exists")));
            }
            roster.add(&id, entry);
            Ok(())
        }
    };
    edit(&ctx, add).await?;
    let directory = gateway.paths.expand(&workspace);
    let workspace = directory.display().to_string();
    if let Err(error) = blocking(move || crate::agents::make_workspace(&directory)).await? {
        tracing::warn!(%error, workspace, "the workspace cannot be created");
    }
    Reply::of(&AgentCreated { ok: true, agent_id: id, name, workspace, model: params.model })
}

pub(super) async fn update(
    ctx: Ctx,
    params: AgentsUpdateParams,
) -> Result<Reply<AgentUpdated>, RpcError> {
    let id = params.agent_id.trim().to_lowercase();
    super::known_agent(&ctx, &id)?;
    let entry = fields(&params);
    let change = {
        let id = id.clone();
        move |roster: &mut Roster<'_>| {
            match roster.find(&id) {
                Some(found) => merge(found, entry),
                // The agent that is there while none is configured.
                None => roster.add(&id, entry),
            }
            Ok(())
        }
    };
    edit(&ctx, change).await?;
    Reply::of(&AgentUpdated { ok: true, agent_id: id })
}

pub(super) async fn delete(
    ctx: Ctx,
    params: AgentsDeleteParams,
) -> Result<Reply<AgentDeleted>, RpcError> {
    let id = params.agent_id.trim().to_lowercase();
    if id == MAIN_AGENT {
        return Err(RpcError::invalid(format!("\"{MAIN_AGENT}\" cannot be deleted")));
    }
    let agent = super::known_agent(&ctx, &id)?;
    if params.delete_files == Some(true) {
        return Err(RpcError::invalid(format!(
            "this gateway deletes no files of agents; call again without deleteFiles and remove {} \
             yourself",
            agent.workspace.display()
        )));
    }
    if *ctx.gateway.settings().agents.default_id() == id {
        return Err(RpcError::invalid(format!(
            "\"{id}\" answers when no agent is named; make another agent the default first"
        )));
    }
    let bindings = count_bindings(&ctx.gateway.settings().loaded.value, &id);
    let remove = {
        let id = id.clone();
        move |roster: &mut Roster<'_>| {
            roster.remove(&id);
            Ok(())
        }
    };
    edit(&ctx, remove).await?;
    Reply::of(&AgentDeleted { ok: true, agent_id: id, removed_bindings: bindings })
}

/// The document's agents, in whichever of the two forms it has them.
struct Roster<'a> {
    document: &'a mut Map<String, Value>,
}

impl Roster<'_> {
    fn len(&self) -> usize {
        let agents = self.document.get("agents");
        let part = |name| agents.and_then(|agents| agents.get(name));
        let list = part("list").and_then(Value::as_array).map_or(0, Vec::len);
        list + part("entries").and_then(Value::as_object).map_or(0, Map::len)
    }

    fn find(&mut self, id: &str) -> Option<&mut Map<String, Value>> {
        let agents = self.document.get_mut("agents")?.as_object_mut()?;
        let (mut list, mut entries) = (None, None);
        for (name, value) in agents.iter_mut() {
            match name.as_str() {
                "list" => list = value.as_array_mut(),
                "entries" => entries = value.as_object_mut(),
                _ => {}
            }
        }
        let listed = list.into_iter().flatten().find(|agent| names(agent, id));
        let mapped = || {
            let mut entries = entries.into_iter().flatten();
            entries.find(|(name, _)| name.to_lowercase() == id).map(|(_, agent)| agent)
        };
        listed.or_else(mapped)?.as_object_mut()
    }

    /// Adds an agent to the form in use. The implicit one is written down first, or it would be gone.
    fn add(&mut self, id: &str, mut entry: Map<String, Value>) {
        let agents = object(self.document.entry("agents"));
        let mapped = agents.get_mut("entries").and_then(Value::as_object_mut);
        if let Some(entries) = mapped.filter(|entries| !entries.is_empty()) {
            entries.insert(id.to_owned(), Value::Object(entry));
            return;
        }
        let list = agents.entry("list").or_insert_with(|| json!([]));
        let Some(list) = list.as_array_mut() else { return };
        if list.is_empty() && id != MAIN_AGENT {
            list.push(json!({"id": MAIN_AGENT, "default": true}));
        }
        entry.insert("id".to_owned(), json!(id));
        list.push(Value::Object(entry));
    }

    fn remove(&mut self, id: &str) {
        if let Some(agents) = self.document.get_mut("agents").and_then(Value::as_object_mut) {
            if let Some(list) = agents.get_mut("list").and_then(Value::as_array_mut) {
                list.retain(|agent| !names(agent, id));
            }
            if let Some(entries) = agents.get_mut("entries").and_then(Value::as_object_mut) {
                entries.retain(|name, _| name.to_lowercase() != id);
            }
        }
        if let Some(bindings) = self.document.get_mut("bindings").and_then(Value::as_array_mut) {
            bindings.retain(|binding| !binds(binding, id));
        }
    }
}

/// Changes the agents of the document and puts it in force.
async fn edit(
    ctx: &Ctx,
    change: impl FnOnce(&mut Roster<'_>) -> Result<(), RpcError> + Send + 'static,
) -> Result<(), RpcError> {
    let make = |now: &Loaded| {
        let mut value = now.document.source().clone();
        let document = value.as_object_mut();
        let document = document.ok_or_else(|| RpcError::invalid("the configuration is empty"))?;
        let mut roster = Roster { document };
        if roster.len() != now.config.agents.list.len() + now.config.agents.entries.len() {
            return Err(RpcError::invalid(
                "agents are configured in an included file; change them there",
            ));
        }
        change(&mut roster)?;
        replace(now.raw.as_deref().unwrap_or_default(), &value).map_err(|error| unusable(&error))
    };
    rewrite(&ctx.gateway, Base::Any, make).await?.adopt(&ctx.gateway);
    Ok(())
}

/// The members of an entry that `params` sets.
fn fields(params: &AgentsUpdateParams) -> Map<String, Value> {
    let mut entry = Map::new();
    let members =
        [("name", &params.name), ("workspace", &params.workspace), ("model", &params.model)];
    for (member, value) in members {
        if let Some(value) = value {
            entry.insert(member.to_owned(), json!(value.trim()));
        }
    }
    for (member, value) in [("emoji", &params.emoji), ("avatar", &params.avatar)] {
        if let Some(value) = value {
            object(entry.entry("identity")).insert(member.to_owned(), json!(value));
        }
    }
    entry
}

fn merge(found: &mut Map<String, Value>, entry: Map<String, Value>) {
    for (member, value) in entry {
        match (found.get_mut(&member), value) {
            (Some(Value::Object(inner)), Value::Object(more)) => inner.extend(more),
            (_, value) => {
                found.insert(member, value);
            }
        }
    }
}

/// The object in a slot; what is there and no object makes way.
fn object(slot: serde_json::map::Entry<'_>) -> &mut Map<String, Value> {
    let value = slot.or_insert_with(|| json!({}));
    if !value.is_object() {
        *value = json!({});
    }
    match value {
        Value::Object(members) => members,
        _ => unreachable!(),
    }
}

fn names(agent: &Value, id: &str) -> bool {
    agent["id"].as_str().is_some_and(|own| own.to_lowercase() == id)
}

fn binds(binding: &Value, id: &str) -> bool {
    binding["agentId"].as_str().is_some_and(|own| own.to_lowercase() == id)
}

fn count_bindings(config: &Value, id: &str) -> usize {
    let bindings = config["bindings"].as_array();
    bindings.into_iter().flatten().filter(|binding| binds(binding, id)).count()
}

/// `My Agent!` as an id: `my-agent`.
fn id_from(name: &str) -> String {
    let mut id = String::new();
    for c in name.to_lowercase().chars() {
        if c.is_ascii_alphanumeric() || (c == '_' && !id.is_empty()) {
            id.push(c);
        } else if !id.is_empty() && !id.ends_with('-') {
            id.push('-');
        }
    }
    id.truncate(MAX_ID);
    id.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_made_from_names() {
        assert_eq!(id_from("My Agent!"), "my-agent");
        assert_eq!(id_from("  Ünïcode 2 "), "n-code-2");
        assert_eq!(id_from("../../x"), "x");
        assert_eq!(id_from("!!!"), "");
    }
}
